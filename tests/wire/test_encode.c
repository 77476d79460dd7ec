#include "support/failmem.h"
#include "support/perch_test.h"

#include "wire/encode.h"

/* The command as it leaves, with "^" where the sender waits for a "+" and "<n>" where n
 * bytes come from the source; or "!why" when it was refused. */
static const char *rendered(struct perch_enc *e)
{
    static char text[8192];
    struct perch_buf b = PERCH_BUF_INIT;
    size_t at = 0;

    if (perch_enc_end(e, NULL)) {
        (void)snprintf(text, sizeof text, "!%s", e->why);
        return text;
    }
    for (size_t i = 0; i < e->nstops; i++) {
        perch_buf_add(&b, perch_buf_data(&e->out) + at, e->stops[i].at - at);
        at = e->stops[i].at;
        if (e->stops[i].wait)
            perch_buf_addc(&b, '^');
        if (e->stops[i].source > 0)
            perch_buf_addf(&b, "<%llu>", (unsigned long long)e->stops[i].source);
    }
    perch_buf_add(&b, perch_buf_data(&e->out) + at, e->out.len - at);
    (void)snprintf(text, sizeof text, "%s", perch_buf_cstr(&b));
    perch_buf_done(&b);
    return text;
}

enum piece {
    ASTRING,
    NSTRING,
    ATOM,
    FLAG,
    FIELD,
    RAW,
    MAILBOX,
    RAW_MAILBOX,
    PATTERN,
    LITERAL,
    LITERAL8
};

static void put_piece(struct perch_enc *e, enum piece piece, struct perch_span s)
{
    switch (piece) {
    case ASTRING:
        perch_enc_astring(e, s);
        break;
    case NSTRING:
        perch_enc_nstring(e, s);
        break;
    case ATOM:
        perch_enc_atom(e, s);
        break;
    case FLAG:
        perch_enc_flag(e, s);
        break;
    case FIELD:
        perch_enc_field(e, s);
        break;
    case RAW:
        perch_enc_raw(e, s);
        break;
    case MAILBOX:
        perch_enc_mailbox(e, s);
        break;
    case RAW_MAILBOX:
        perch_enc_mailbox_raw(e, s);
        break;
    case PATTERN:
        perch_enc_pattern(e, s);
        break;
    case LITERAL:
        perch_enc_literal(e, s);
        break;
    case LITERAL8:
        perch_enc_literal8(e, s);
        break;
    }
}

#define PLUS    PERCH_ENC_LITERAL_PLUS
#define MINUS   PERCH_ENC_LITERAL_MINUS
#define UTF8    PERCH_ENC_UTF8
#define BINARY  PERCH_ENC_BINARY
#define CONTROL "!a CR, LF or NUL outside of a literal"

static void test_pieces(void)
{
    static const struct {
        enum piece piece;
        unsigned mode;
        const char *text;
        const char *want; /* without the CRLF at the end */
    } t[] = {
        {ASTRING, 0, "", "\"\""},
        {ASTRING, 0, "ann", "\"ann\""},
        {ASTRING, 0, "NIL", "\"NIL\""},
        {ASTRING, 0, "a b(){%*]", "\"a b(){%*]\""},
        {ASTRING, 0, "a\"b\\c", "\"a\\\"b\\\\c\""},
        {ASTRING, 0, "\"", "\"\\\"\""},
        {ASTRING, 0, "a\tb\x1b\x7f", "\"a\tb\x1b\x7f\""},
        {ASTRING, 0, "a\r\nb NOOP", "{9}\r\n^a\r\nb NOOP"},
        {ASTRING, 0, "a\rb", "{3}\r\n^a\rb"},
        {ASTRING, PLUS, "a\nb", "{3+}\r\na\nb"},
        {ASTRING, MINUS, "a\nb", "{3+}\r\na\nb"},
        {ASTRING, 0, "gr\xc3\xbc\xc3\x9f", "{6}\r\n^gr\xc3\xbc\xc3\x9f"},
        {ASTRING, PLUS, "gr\xc3\xbc\xc3\x9f", "{6+}\r\ngr\xc3\xbc\xc3\x9f"},
        {ASTRING, UTF8, "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
        {ASTRING, UTF8, "\xfc", "{1}\r\n^\xfc"}, /* not UTF-8: quoting would be wrong */
        {ASTRING, UTF8, "\xc3\xbc\r", "{3}\r\n^\xc3\xbc\r"},
        {ASTRING, 0, "{5}", "\"{5}\""},
        {ASTRING, 0, "\n{5}", "{4}\r\n^\n{5}"}, /* looks like a literal, is inside of one */
        {NSTRING, 0, NULL, "NIL"},
        {NSTRING, 0, "", "\"\""},
        {NSTRING, 0, "NIL", "\"NIL\""},
        {ATOM, 0, "IMAP4rev2", "IMAP4rev2"},
        {ATOM, 0, "$Junk/x.y+z=[", "$Junk/x.y+z=["},
        {ATOM, 0, "", "!not an atom"},
        {ATOM, 0, "a b", "!not an atom"},
        {ATOM, 0, "a)", "!not an atom"},
        {ATOM, 0, "a(", "!not an atom"},
        {ATOM, 0, "a{", "!not an atom"},
        {ATOM, 0, "a%", "!not an atom"},
        {ATOM, 0, "*", "!not an atom"},
        {ATOM, 0, "\"", "!not an atom"},
        {ATOM, 0, "\\Seen", "!not an atom"},
        {ATOM, 0, "a]", "!not an atom"},
        {ATOM, 0, "a\r\nb", "!not an atom"},
        {ATOM, 0, "\x7f", "!not an atom"},
        {ATOM, UTF8, "\xc3\xbc", "!not an atom"},
        {FLAG, 0, "\\Seen", "\\Seen"},
        {FLAG, 0, "$Forwarded", "$Forwarded"},
        {FLAG, 0, "\\", "!not a flag"},
        {FLAG, 0, "\\*", "!not a flag"},
        {FLAG, 0, "\\\\Seen", "!not a flag"},
        {FLAG, 0, "", "!not a flag"},
        {FLAG, 0, "a b", "!not a flag"},
        {FIELD, 0, "Message-ID", "Message-ID"},
        {FIELD, 0, "a b", "\"a b\""},
        {FIELD, 0, "", "\"\""},
        {RAW, 0, "BODY.PEEK[HEADER.FIELDS (a b)]", "BODY.PEEK[HEADER.FIELDS (a b)]"},
        {RAW, 0, "a\r\nb", CONTROL},
        {RAW, 0, "a\rb", CONTROL},
        {RAW, 0, "\n", CONTROL},
        {RAW, 0, "x {5}", "!a command that ends like the start of a literal"},
        {RAW, 0, "x {5+}", "!a command that ends like the start of a literal"},
        {RAW, 0, "x ~{5}", "!a command that ends like the start of a literal"},
        {RAW, 0, "{}", "!a command that ends like the start of a literal"},
        {RAW, 0, "x {5} y", "x {5} y"},
        {RAW, 0, "x {5a}", "x {5a}"},
        {RAW, 0, "5}", "5}"},
        {MAILBOX, 0, "inbox", "\"INBOX\""},
        {MAILBOX, UTF8, "InBox", "\"INBOX\""},
        {MAILBOX, 0, "inbox/a", "\"inbox/a\""},
        {MAILBOX, 0, "Entw\xc3\xbcrfe & mehr", "\"Entw&APw-rfe &- mehr\""},
        {MAILBOX, UTF8, "Entw\xc3\xbcrfe & mehr", "\"Entw\xc3\xbcrfe & mehr\""},
        {MAILBOX, 0, "a\"b\\c", "\"a\\\"b\\\\c\""},
        {MAILBOX, 0, "a\r\nb", "\"a&AA0ACg-b\""},
        {MAILBOX, UTF8, "a\nb", "{3}\r\n^a\nb"},
        {MAILBOX, 0, "\xfc", "!a mailbox name that is not UTF-8"},
        {MAILBOX, UTF8, "\xfc", "!a mailbox name that is not UTF-8"},
        {RAW_MAILBOX, 0, "inbox", "\"inbox\""},
        {RAW_MAILBOX, 0, "a&b", "\"a&b\""},
        {RAW_MAILBOX, 0, "\xfc", "{1}\r\n^\xfc"},
        {PATTERN, 0, "*", "\"*\""},
        {PATTERN, 0, "inbox", "\"inbox\""},
        {PATTERN, 0, "\xc3\xa9%", "\"&AOk-%\""},
        {LITERAL, 0, "", "{0}\r\n^"},
        {LITERAL, PLUS, "", "{0+}\r\n"},
        {LITERAL, PLUS, "x {5}", "{5+}\r\nx {5}"},
        {LITERAL8, BINARY, "ab", "~{2}\r\n^ab"},
        {LITERAL8, BINARY | PLUS, "ab", "~{2+}\r\nab"},
        {LITERAL8, PLUS, "ab", "!the server takes no binary literal"},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        struct perch_enc e;
        char want[256];

        perch_enc_init(&e, t[i].mode);
        put_piece(&e, t[i].piece, perch_span_of(t[i].text));
        (void)snprintf(want, sizeof want, "%s%s", t[i].want, *t[i].want == '!' ? "" : "\r\n");
        if (strcmp(rendered(&e), want) != 0)
            FAIL_ROW("row %zu: \"%s\", want \"%s\"", i, rendered(&e), want);
        perch_enc_done(&e);
    }
}

static void test_a_whole_command(void)
{
    struct perch_set set = PERCH_SET_INIT;
    struct perch_enc e;

    CU_ASSERT_EQUAL_FATAL(perch_set_parse(&set, PERCH_SPAN("1:3,7"), 0), PERCH_OK);
    perch_enc_init(&e, 0);
    perch_enc_word(&e, "a1 UID FETCH");
    perch_enc_sp(&e);
    perch_enc_set(&e, &set);
    perch_enc_word(&e, " (FLAGS)");
    perch_enc_word(&e, " (CHANGEDSINCE ");
    perch_enc_num(&e, UINT64_MAX);
    perch_enc_char(&e, ')');
    ASSERT_STR(rendered(&e), "a1 UID FETCH 1:3,7 (FLAGS) (CHANGEDSINCE 18446744073709551615)\r\n");
    perch_enc_done(&e);
    perch_set_done(&set);
}

static void test_dates(void)
{
    struct perch_enc e;

    perch_enc_init(&e, 0);
    perch_enc_date(&e, 1769904000); /* 2026-02-01 */
    perch_enc_sp(&e);
    perch_enc_datetime(&e, (struct perch_time){837596665, -420, true, true});
    ASSERT_STR(rendered(&e), "1-Feb-2026 \"17-Jul-1996 02:44:25 -0700\"\r\n");
    perch_enc_done(&e);
    perch_enc_init(&e, 0);
    perch_enc_datetime(&e, (struct perch_time){0});
    ASSERT_STR(rendered(&e), "!a date that is none");
    perch_enc_done(&e);
}

static void test_an_empty_set_is_refused(void)
{
    struct perch_set none = PERCH_SET_INIT;
    struct perch_enc e;

    perch_enc_init(&e, 0);
    perch_enc_set(&e, &none);
    ASSERT_STR(rendered(&e), "!an empty set of messages");
    perch_enc_done(&e);
}

static void test_nul_leaves_only_in_a_message(void)
{
    static const enum piece refused[] = {ASTRING, NSTRING, ATOM, FLAG, FIELD, RAW, RAW_MAILBOX};
    static const struct perch_span nul = {"a\0b", 3};
    struct perch_enc e;

    for (size_t i = 0; i < PERCH_COUNT(refused); i++) {
        perch_enc_init(&e, PLUS | UTF8);
        put_piece(&e, refused[i], nul);
        ASSERT_INT(perch_enc_end(&e, NULL), PERCH_EINVAL);
        perch_enc_done(&e);
    }
    perch_enc_init(&e, PLUS | BINARY);
    perch_enc_literal8(&e, nul);
    ASSERT_INT(perch_enc_end(&e, NULL), PERCH_OK);
    ASSERT_INT(e.out.len, strlen("~{3+}\r\n") + 3 + 2);
    CU_ASSERT_EQUAL(memcmp(perch_buf_data(&e.out), "~{3+}\r\na\0b\r\n", e.out.len), 0);
    perch_enc_done(&e);
    perch_enc_init(&e, 0);
    perch_enc_char(&e, '\0');
    ASSERT_INT(perch_enc_end(&e, NULL), PERCH_EINVAL);
    perch_enc_done(&e);
    perch_enc_init(&e, 0); /* modified UTF-7 makes it harmless */
    perch_enc_mailbox(&e, nul);
    ASSERT_STR(rendered(&e), "\"a&AAA-b\"\r\n");
    perch_enc_done(&e);
}

static void test_literal_minus_ends_at_4096(void)
{
    static char text[4097];
    static const struct {
        unsigned mode;
        size_t n;
        const char *head;
        size_t nstops;
    } t[] = {
        {MINUS, 4096, "{4096+}\r\n", 0}, {MINUS, 4097, "{4097}\r\n", 1},
        {PLUS, 4097, "{4097+}\r\n", 0},  {PLUS | MINUS, 4097, "{4097+}\r\n", 0},
        {0, 4096, "{4096}\r\n", 1},
    };

    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        struct perch_enc e;

        perch_enc_init(&e, t[i].mode);
        perch_enc_string(&e, (struct perch_span){text, t[i].n});
        ASSERT_INT(perch_enc_end(&e, NULL), PERCH_OK);
        if (strncmp((char *)perch_buf_data(&e.out), t[i].head, strlen(t[i].head)) != 0 ||
            e.nstops != t[i].nstops)
            FAIL_ROW("row %zu: %.10s, %zu stops", i, perch_buf_data(&e.out), e.nstops);
        perch_enc_done(&e);
    }
}

static void test_long_text_is_no_quoted_string(void)
{
    static char text[1025];
    struct perch_enc e;

    memset(text, 'x', sizeof text);
    perch_enc_init(&e, PLUS);
    perch_enc_string(&e, (struct perch_span){text, 1024});
    CU_ASSERT_EQUAL(perch_buf_data(&e.out)[0], '"');
    perch_enc_done(&e);
    perch_enc_string(&e, (struct perch_span){text, 1025});
    CU_ASSERT_EQUAL(perch_buf_data(&e.out)[0], '{');
    perch_enc_done(&e);
}

static void test_literals_of_a_source(void)
{
    struct perch_enc e;

    perch_enc_init(&e, 0);
    perch_enc_word(&e, "a APPEND x ");
    perch_enc_source(&e, UINT64_C(3000000000), false);
    perch_enc_sp(&e);
    perch_enc_source(&e, 0, false);
    perch_enc_literal(&e, PERCH_SPAN("y"));
    ASSERT_STR(rendered(&e), "a APPEND x {3000000000}\r\n^<3000000000> {0}\r\n^{1}\r\n^y\r\n");
    perch_enc_done(&e);
    perch_enc_init(&e, PLUS | BINARY);
    perch_enc_source(&e, 5, true);
    perch_enc_source(&e, 0, false);
    ASSERT_STR(rendered(&e), "~{5+}\r\n<5>{0+}\r\n\r\n");
    perch_enc_done(&e);
    perch_enc_init(&e, MINUS);
    perch_enc_source(&e, 4096, false);
    perch_enc_source(&e, 4097, false);
    ASSERT_STR(rendered(&e), "{4096+}\r\n<4096>{4097}\r\n^<4097>\r\n");
    perch_enc_done(&e);
}

static void test_secrets_are_marked_by_position(void)
{
    struct perch_enc e;

    perch_enc_init(&e, 0);
    perch_enc_word(&e, "a LOGIN ");
    perch_enc_astring(&e, PERCH_SPAN("ann"));
    perch_enc_sp(&e);
    perch_enc_secret_begin(&e);
    perch_enc_astring(&e, PERCH_SPAN("pass\r\nword"));
    perch_enc_secret_end(&e);
    perch_enc_word(&e, " ");
    perch_enc_secret_begin(&e); /* left open */
    perch_enc_word(&e, "more");
    ASSERT_INT(perch_enc_end(&e, NULL), PERCH_OK);
    ASSERT_INT(e.nsecrets, 2);
    CU_ASSERT(e.out.secret); /* wiped when it is freed or moved */
    ASSERT_SPAN(((struct perch_span){(char *)perch_buf_data(&e.out) + e.secrets[0].from,
                                     e.secrets[0].to - e.secrets[0].from}),
                "{10}\r\npass\r\nword");
    ASSERT_SPAN(((struct perch_span){(char *)perch_buf_data(&e.out) + e.secrets[1].from,
                                     e.secrets[1].to - e.secrets[1].from}),
                "more");
    perch_enc_done(&e);
}

static void test_the_first_refusal_counts(void)
{
    struct perch_error err;
    struct perch_enc e;

    perch_enc_init(&e, 0);
    perch_enc_atom(&e, PERCH_SPAN("a b"));
    perch_enc_mailbox(&e, PERCH_SPAN("\xff"));
    ASSERT_INT(perch_enc_end(&e, &err), PERCH_EINVAL);
    ASSERT_INT(err.code, PERCH_EINVAL);
    ASSERT_INT(err.radius, PERCH_HITS_OP);
    ASSERT_INT(err.remedy, PERCH_FIX_CODE);
    ASSERT_STR(err.text, "command not sent: not an atom");
    perch_enc_done(&e);
    perch_enc_word(&e, "NOOP"); /* usable again */
    ASSERT_STR(rendered(&e), "NOOP\r\n");
    perch_enc_done(&e);
}

static void test_splitting_a_set(void)
{
    struct perch_set s = PERCH_SET_INIT;

    CU_ASSERT_EQUAL_FATAL(perch_set_parse(&s, PERCH_SPAN("1:3,70,900:1000,5000"), 0), PERCH_OK);
    ASSERT_INT(perch_enc_set_fit(&s, 0, 100), 4);
    ASSERT_INT(perch_enc_set_fit(&s, 0, 20), 4); /* 1:3,70,900:1000,5000 */
    ASSERT_INT(perch_enc_set_fit(&s, 0, 19), 3);
    ASSERT_INT(perch_enc_set_fit(&s, 0, 15), 3);
    ASSERT_INT(perch_enc_set_fit(&s, 0, 14), 2);
    ASSERT_INT(perch_enc_set_fit(&s, 2, 8), 1);
    ASSERT_INT(perch_enc_set_fit(&s, 2, 1), 1); /* at least one */
    ASSERT_INT(perch_enc_set_fit(&s, 4, 100), 0);
    perch_set_done(&s);
}

static int encode_much(void *user)
{
    struct perch_enc e;
    int ret;

    (void)user;
    perch_enc_init(&e, 0);
    for (int i = 0; i < 5; i++) {
        perch_enc_literal(&e, PERCH_SPAN("some text or other, of no great length at all"));
        perch_enc_secret_begin(&e);
        perch_enc_mailbox(&e, PERCH_SPAN("Entw\xc3\xbcrfe"));
        perch_enc_secret_end(&e);
    }
    ret = perch_enc_end(&e, NULL);
    perch_enc_done(&e);
    return ret;
}

static void test_refused_memory(void)
{
    CU_ASSERT(perch_failmem(encode_much, NULL) >= 10);
}

PERCH_SUITE("wire/encode") = {
    PERCH_TEST(test_pieces),
    PERCH_TEST(test_a_whole_command),
    PERCH_TEST(test_dates),
    PERCH_TEST(test_an_empty_set_is_refused),
    PERCH_TEST(test_nul_leaves_only_in_a_message),
    PERCH_TEST(test_literal_minus_ends_at_4096),
    PERCH_TEST(test_long_text_is_no_quoted_string),
    PERCH_TEST(test_literals_of_a_source),
    PERCH_TEST(test_secrets_are_marked_by_position),
    PERCH_TEST(test_the_first_refusal_counts),
    PERCH_TEST(test_splitting_a_set),
    PERCH_TEST(test_refused_memory),
    PERCH_END,
};
