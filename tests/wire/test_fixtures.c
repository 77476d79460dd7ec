/* What real servers were seen to send otherwise than their RFC says: the transcripts in
 * tests/fixtures (their format is explained in exchange.txt). Each response is understood
 * as written there however the bytes come, its quirks are named, and a reader that is
 * strict about just those quirks refuses it. */
#include "support/feed.h"
#include "support/perch_test.h"
#include "support/read.h"
#include "support/show.h"

#include "base/ascii.h"
#include "base/buf.h"

#include <stdlib.h>

static const char *const fixtures[] = {
    "bluemind",      "courier",         "domino", "dovecot",     "exchange", "generic-codes",
    "generic-lists", "generic-strings", "gmail",  "gmx",         "icloud",   "generic-literals",
    "mailru",        "netease",         "proton", "publicinbox", "qq",       "smallservers",
    "smartermail",   "xeams",           "yahoo",  "yandex",      "zoho",
};

/* ---- reading a fixture ---- */

struct exchange {
    struct perch_buf in, want;
};

static struct perch_buf slurp(const char *name)
{
    struct perch_buf text = PERCH_BUF_INIT, path = PERCH_BUF_INIT;
    FILE *f;

    perch_buf_addf(&path, PERCH_FIXTURES "/%s.txt", name);
    f = fopen(perch_buf_cstr(&path), "rb");
    if (!f)
        FAIL_ROW("no %s", perch_buf_cstr(&path));
    for (int ch; f && (ch = getc(f)) != EOF;)
        perch_buf_addc(&text, (char)ch);
    if (f)
        (void)fclose(f);
    perch_buf_done(&path);
    return text;
}

/* "<0x09>" and "<LF>"; *crlf is cleared by the latter. */
static void add_line(struct perch_buf *to, struct perch_span line)
{
    bool crlf = true;

    for (size_t i = 0; i < line.n; i++) {
        struct perch_span rest = {line.p + i, line.n - i};

        if (rest.n >= 6 && memcmp(rest.p, "<0x", 3) == 0 && rest.p[5] == '>') {
            perch_buf_addc(to,
                           (char)(perch_hex_value(rest.p[3]) * 16 + perch_hex_value(rest.p[4])));
            i += 5;
        } else if (perch_span_eq(rest, PERCH_SPAN("<LF>"))) {
            crlf = false;
            break;
        } else {
            perch_buf_addc(to, line.p[i]);
        }
    }
    perch_buf_adds(to, crlf ? "\r\n" : "\n");
}

/* Runs `fn` for each response and what is written below it. */
static void each_exchange(const char *name, void (*fn)(const char *, struct exchange *, void *),
                          void *user)
{
    struct perch_buf text = slurp(name);
    struct exchange e = {PERCH_BUF_INIT, PERCH_BUF_INIT};
    const char *body = strstr(perch_buf_cstr(&text), "\n---\n");
    struct perch_span rest = perch_span_of(body ? body + 5 : "");
    size_t n = 0;

    while (rest.p && rest.n > 0) {
        struct perch_span line = perch_span_cut(&rest, '\n');
        bool want = line.n > 3 && memcmp(line.p, "=> ", 3) == 0;

        if (!want && e.want.len > 0) {
            fn(name, &e, user);
            n++;
            perch_buf_clear(&e.in);
            perch_buf_clear(&e.want);
        }
        if (want) {
            perch_buf_add(&e.want, line.p + 3, line.n - 3);
            perch_buf_addc(&e.want, '\n');
        } else {
            add_line(&e.in, line);
        }
    }
    if (e.want.len > 0)
        fn(name, &e, user);
    CU_ASSERT(n > 0 || e.want.len > 0);
    perch_buf_done(&e.in);
    perch_buf_done(&e.want);
    perch_buf_done(&text);
}

/* ---- the tests ---- */

static void append(const char *name, struct exchange *e, void *user)
{
    struct exchange *all = user;

    (void)name;
    perch_buf_addspan(&all->in, perch_buf_span(&e->in));
    perch_buf_addspan(&all->want, perch_buf_span(&e->want));
}

/* Where two logs part: the line that begins before it. */
static const char *parting(const char *a, const char *b)
{
    const char *line = a;

    for (; *a && *a == *b; a++, b++)
        if (*a == '\n')
            line = a + 1;
    return line;
}

static void test_every_server_is_understood(void)
{
    for (size_t i = 0; i < PERCH_COUNT(fixtures); i++) {
        struct exchange all = {PERCH_BUF_INIT, PERCH_BUF_INIT};

        each_exchange(fixtures[i], append, &all);
        perch_buf_truncate(&all.want, all.want.len - 1);
        for (unsigned way = 0; way < PERCH_FEED_WAYS; way++) {
            char *have = perch_read_log(perch_buf_data(&all.in), all.in.len, NULL, way, true);
            const char *want = perch_buf_cstr(&all.want);

            if (strcmp(have, want) != 0)
                FAIL_ROW("%s (%s): have %.400s\n... want %.400s", fixtures[i], perch_feed_name(way),
                         parting(have, want), parting(want, have));
            free(have);
        }
        perch_buf_done(&all.in);
        perch_buf_done(&all.want);
    }
}

/* The quirks that a line of expected text begins with. */
static uint32_t quirks_of(struct perch_span line)
{
    uint32_t bits = 0;

    while (line.n > 0 && *line.p == '~') {
        struct perch_span word = perch_span_cut(&line, ' ');

        for (uint32_t bit = 1; bit; bit <<= 1)
            if (perch_span_ieqs((struct perch_span){word.p + 1, word.n - 1},
                                perch_show_quirk((enum perch_quirk)bit)))
                bits |= bit;
    }
    return bits;
}

/* Strict about one of its quirks the reader refuses the response; strict about all others
 * it says what it said. */
static void check_strict(const char *name, struct exchange *e, void *user)
{
    uint32_t *seen = user, bits = quirks_of(perch_buf_span(&e->want));
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;
    char *have;

    *seen |= bits;
    for (uint32_t left = bits; left; left &= left - 1) {
        o.strict = left & -left;
        have = perch_read_log(perch_buf_data(&e->in), e->in.len, &o, 0, true);
        if (*have != '!')
            FAIL_ROW("%s: strict %x allows %s as %s", name, o.strict, perch_buf_cstr(&e->in), have);
        free(have);
    }
    o.strict = ~bits;
    have = perch_read_log(perch_buf_data(&e->in), e->in.len, &o, 0, true);
    perch_buf_truncate(&e->want, e->want.len - 1);
    if (e->want.p[0] != '!' && strcmp(have, perch_buf_cstr(&e->want)) != 0)
        FAIL_ROW("%s: strict %x changes %s to %s", name, o.strict, perch_buf_cstr(&e->in), have);
    perch_buf_addc(&e->want, '\n');
    free(have);
}

static void test_strict_refuses_just_the_quirk(void)
{
    uint32_t seen = 0, all = 0;

    for (size_t i = 0; i < PERCH_COUNT(fixtures); i++)
        each_exchange(fixtures[i], check_strict, &seen);
#define QUIRK_BIT(id, bit, what) all |= PERCH_QUIRK_##id;
    PERCH_QUIRKS(QUIRK_BIT)
#undef QUIRK_BIT
    ASSERT_INT(seen, all); /* none without a transcript */
}

/* ---- where the quirk is ---- */

static size_t quirk_at;

static void note_quirk(enum perch_quirk quirk, size_t offset, void *user)
{
    (void)quirk;
    (void)user;
    quirk_at = offset;
}

static void test_a_quirk_is_reported_where_it_is(void)
{
    static const struct {
        const char *in;
        size_t at;
    } rows[] = {
        {"* 5 EXISTS\n", 10},
        {"* CAPABILITY A  B\r\n", 14},
        {"* LIST () \"/\" a\\b\r\n", 14},
        {"* FLAGS (a \"b\")\r\n", 11},
        {"* 1 FETCH (RFC822.SIZE -1)\r\n", 23},
        {"* 1 FETCH (FLAGS NIL)\r\n", 17},
        {"* 1 FETCH (MODSEQ 5)\r\n", 18},
        {"* OK [UIDNEXT x] y\r\n", 6},
        {"* OK\r\n", 4},
        {"421 busy\r\n", 0},
        {"\r\n* 5 EXISTS\r\n", 0},
    };
    struct perch_reader_hooks hooks = {.size = sizeof hooks, .on_quirk = note_quirk};

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        perch_reader *r = perch_reader_new(NULL, &hooks, NULL);

        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        quirk_at = SIZE_MAX;
        ASSERT_INT(perch_reader_feed(r, rows[i].in, strlen(rows[i].in)), 0);
        if (quirk_at != rows[i].at)
            FAIL_ROW("row %zu: at %zu, want %zu", i, quirk_at, rows[i].at);
        perch_reader_free(r);
    }
}

PERCH_SUITE("wire/fixtures") = {
    PERCH_TEST(test_every_server_is_understood),
    PERCH_TEST(test_strict_refuses_just_the_quirk),
    PERCH_TEST(test_a_quirk_is_reported_where_it_is),
    PERCH_END,
};
