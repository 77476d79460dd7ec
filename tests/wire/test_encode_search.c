#include "support/perch_test.h"

#include "wire/encode.h"

#define S(key)         perch_search_key(PERCH_SEARCH_##key)
#define T(key, text)   perch_search_text(PERCH_SEARCH_##key, text)
#define N(key, number) perch_search_number(PERCH_SEARCH_##key, number)
#define L(key, ...)                                                                                \
    perch_search_list(PERCH_SEARCH_##key, (struct perch_search[]){__VA_ARGS__},                    \
                      PERCH_COUNT(((struct perch_search[]){__VA_ARGS__})))
#define NONE_OF(key) perch_search_list(PERCH_SEARCH_##key, NULL, 0)

#define UE "\xc3\xbc"

static struct perch_search fuzzy(struct perch_search s)
{
    s.fuzzy = true;
    return s;
}

static void check(int line, unsigned mode, struct perch_search criteria, const char *want)
{
    struct perch_enc e;
    struct perch_error err;
    char text[512];
    int ret;

    perch_enc_init(&e, mode);
    perch_enc_search(&e, &criteria);
    ret = perch_enc_end(&e, &err);
    (void)snprintf(text, sizeof text, "%.*s", (int)e.out.len, (char *)perch_buf_data(&e.out));
    if (*want == '!' ? ret != PERCH_ECRITERIA || strcmp(e.why, want + 1) != 0
                     : ret || strncmp(text, want, strlen(want)) != 0 ||
                           strcmp(text + strlen(want), "\r\n") != 0)
        FAIL_ROW("line %d: %d \"%s\" (%s), want \"%s\"", line, ret, text, e.why ? e.why : "", want);
    perch_enc_done(&e);
}

#define CHECK(mode, criteria, want) check(__LINE__, (mode), (criteria), (want))

static void test_keys_without_arguments(void)
{
    static const struct {
        enum perch_search_id key;
        const char *want;
    } t[] = {
        {PERCH_SEARCH_ALL, "ALL"},
        {PERCH_SEARCH_ANSWERED, "ANSWERED"},
        {PERCH_SEARCH_DELETED, "DELETED"},
        {PERCH_SEARCH_DRAFT, "DRAFT"},
        {PERCH_SEARCH_FLAGGED, "FLAGGED"},
        {PERCH_SEARCH_NEW, "NEW"},
        {PERCH_SEARCH_OLD, "OLD"},
        {PERCH_SEARCH_RECENT, "RECENT"},
        {PERCH_SEARCH_SEEN, "SEEN"},
        {PERCH_SEARCH_UNANSWERED, "UNANSWERED"},
        {PERCH_SEARCH_UNDELETED, "UNDELETED"},
        {PERCH_SEARCH_UNDRAFT, "UNDRAFT"},
        {PERCH_SEARCH_UNFLAGGED, "UNFLAGGED"},
        {PERCH_SEARCH_UNSEEN, "UNSEEN"},
        {PERCH_SEARCH_RESULT, "$"},
        {PERCH_SEARCH_SAVEDATESUPPORTED, "SAVEDATESUPPORTED"},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++)
        CHECK(0, perch_search_key(t[i].key), t[i].want);
}

static void test_keys_with_arguments(void)
{
    struct perch_range ranges[] = {{1, 3}, {7, UINT32_MAX}};
    struct perch_set set = {.r = ranges, .n = 2};
    struct perch_search modseq = N(MODSEQ, 620162338);
    const int64_t day = 760060800; /* 1994-02-01 */

    CHECK(0, T(BCC, "x"), "BCC \"x\"");
    CHECK(0, T(BODY, "two words"), "BODY \"two words\"");
    CHECK(0, T(CC, ""), "CC \"\"");
    CHECK(0, T(FROM, "a\"b"), "FROM \"a\\\"b\"");
    CHECK(0, T(SUBJECT, "\\"), "SUBJECT \"\\\\\"");
    CHECK(0, T(TEXT, "NIL"), "TEXT \"NIL\"");
    CHECK(0, T(TO, "x"), "TO \"x\"");
    CHECK(0, perch_search_header("Message-ID", "<a@b>"), "HEADER Message-ID \"<a@b>\"");
    CHECK(0, perch_search_header("X Y", ""), "HEADER \"X Y\" \"\"");
    CHECK(0, T(KEYWORD, "$Junk"), "KEYWORD $Junk");
    CHECK(0, T(UNKEYWORD, "work"), "UNKEYWORD work");
    CHECK(0, perch_search_date(PERCH_SEARCH_BEFORE, day), "BEFORE 1-Feb-1994");
    CHECK(0, perch_search_date(PERCH_SEARCH_ON, day + 86399), "ON 1-Feb-1994");
    CHECK(0, perch_search_date(PERCH_SEARCH_SINCE, day - 1), "SINCE 31-Jan-1994");
    CHECK(0, perch_search_date(PERCH_SEARCH_SENTBEFORE, day), "SENTBEFORE 1-Feb-1994");
    CHECK(0, perch_search_date(PERCH_SEARCH_SENTON, day), "SENTON 1-Feb-1994");
    CHECK(0, perch_search_date(PERCH_SEARCH_SENTSINCE, day), "SENTSINCE 1-Feb-1994");
    CHECK(0, perch_search_date(PERCH_SEARCH_SAVEDBEFORE, day), "SAVEDBEFORE 1-Feb-1994");
    CHECK(0, perch_search_date(PERCH_SEARCH_SAVEDON, day), "SAVEDON 1-Feb-1994");
    CHECK(0, perch_search_date(PERCH_SEARCH_SAVEDSINCE, day), "SAVEDSINCE 1-Feb-1994");
    CHECK(0, N(LARGER, 0), "LARGER 0");
    CHECK(0, N(SMALLER, INT64_MAX), "SMALLER 9223372036854775807");
    CHECK(0, N(OLDER, 1), "OLDER 1");
    CHECK(0, N(YOUNGER, UINT32_MAX), "YOUNGER 4294967295");
    CHECK(0, modseq, "MODSEQ 620162338");
    modseq.field = PERCH_SPAN("/flags/\\draft");
    modseq.text = PERCH_SPAN("all");
    CHECK(0, modseq, "MODSEQ \"/flags/\\\\draft\" all 620162338"); /* RFC 7162 3.1.5 */
    CHECK(0, perch_search_set(PERCH_SEARCH_SEQ, &set), "1:3,7:4294967295");
    CHECK(0, perch_search_set(PERCH_SEARCH_UID, &set), "UID 1:3,7:4294967295");
    CHECK(0, T(FILTER, "on-the-road"), "FILTER on-the-road");
    CHECK(0, T(EMAILID, "M6d99ac3275bb4e"), "EMAILID M6d99ac3275bb4e");
    CHECK(0, T(THREADID, "T64b478a75b7ea9"), "THREADID T64b478a75b7ea9");
    CHECK(0, T(GM_RAW, "has:attachment in:unread"), "X-GM-RAW \"has:attachment in:unread\"");
    CHECK(0, N(GM_MSGID, UINT64_MAX), "X-GM-MSGID 18446744073709551615");
    CHECK(0, N(GM_THRID, 1), "X-GM-THRID 1");
    CHECK(0, T(GM_LABELS, "b" UE), "X-GM-LABELS \"b&APw-\"");
    CHECK(0, T(RAW, "OR SEEN FLAGGED"), "OR SEEN FLAGGED");
}

static void test_lists_and_their_parentheses(void)
{
    CHECK(0, L(AND, S(SEEN)), "SEEN");
    CHECK(0, L(AND, S(SEEN), T(FROM, "a")), "SEEN FROM \"a\"");
    CHECK(0, L(AND, L(AND, S(SEEN), S(DRAFT))), "SEEN DRAFT");
    CHECK(0, L(AND, L(AND, S(SEEN), S(DRAFT)), S(NEW)), "(SEEN DRAFT) NEW");
    CHECK(0, L(AND, S(NEW), L(AND, S(SEEN), L(AND, S(DRAFT), S(OLD)))), "NEW (SEEN (DRAFT OLD))");
    CHECK(0, L(NOT, S(SEEN)), "NOT SEEN");
    CHECK(0, L(NOT, S(SEEN), S(DRAFT)), "NOT (SEEN DRAFT)");
    CHECK(0, L(NOT, L(NOT, S(SEEN))), "NOT NOT SEEN");
    CHECK(0, L(NOT, L(AND, L(AND, S(SEEN), S(OLD)))), "NOT (SEEN OLD)");
    CHECK(0, L(OR, S(SEEN)), "SEEN");
    CHECK(0, L(OR, S(SEEN), S(DRAFT)), "OR SEEN DRAFT");
    CHECK(0, L(OR, L(AND, S(SEEN), S(OLD)), S(DRAFT)), "OR (SEEN OLD) DRAFT");
    CHECK(0, L(OR, L(AND, S(SEEN))), "SEEN");
    CHECK(0, L(OR, L(AND, S(SEEN), S(OLD))), "(SEEN OLD)");
    CHECK(0, L(OR, S(SEEN), S(DRAFT), S(OLD)), "OR OR SEEN DRAFT OLD");
    CHECK(0, L(OR, S(SEEN), S(DRAFT), S(OLD), S(NEW)), "OR OR SEEN DRAFT OR OLD NEW");
    CHECK(0, L(OR, L(OR, S(SEEN), S(DRAFT)), L(NOT, S(OLD))), "OR OR SEEN DRAFT NOT OLD");
    CHECK(0, L(AND, T(RAW, "SEEN DRAFT"), S(OLD)), "(SEEN DRAFT) OLD");
    CHECK(0, L(NOT, T(RAW, "SEEN DRAFT")), "NOT (SEEN DRAFT)");
    CHECK(0, L(AND, T(RAW, "SEEN DRAFT")), "SEEN DRAFT");
    CHECK(0, fuzzy(T(SUBJECT, "x")), "FUZZY SUBJECT \"x\"");
    CHECK(0, fuzzy(L(AND, S(SEEN), S(OLD))), "FUZZY (SEEN OLD)");
    CHECK(0, L(AND, fuzzy(L(AND, S(SEEN), S(OLD)))), "FUZZY (SEEN OLD)");
    CHECK(0, L(NOT, fuzzy(L(NOT, S(SEEN)))), "NOT FUZZY NOT SEEN");
    CHECK(0, fuzzy(T(RAW, "SEEN OLD")), "FUZZY (SEEN OLD)");
}

/* The places where IMAPClient loses a parenthesis, the charset, or lets a line end out. */
static void test_literals_in_nested_lists(void)
{
    CHECK(0, T(SUBJECT, UE), "CHARSET UTF-8 SUBJECT {2}\r\n" UE);
    CHECK(PERCH_ENC_LITERAL_PLUS, T(SUBJECT, UE), "CHARSET UTF-8 SUBJECT {2+}\r\n" UE);
    CHECK(PERCH_ENC_UTF8, T(SUBJECT, UE), "SUBJECT \"" UE "\""); /* no CHARSET: RFC 9755 */
    CHECK(0, L(OR, L(AND, T(FROM, UE), S(SEEN)), L(AND, S(OLD), T(TO, UE))),
          "CHARSET UTF-8 OR (FROM {2}\r\n" UE " SEEN) (OLD TO {2}\r\n" UE ")");
    CHECK(0, L(NOT, L(AND, T(BODY, UE), T(CC, UE))),
          "CHARSET UTF-8 NOT (BODY {2}\r\n" UE " CC {2}\r\n" UE ")");
    CHECK(0, L(AND, S(SEEN), L(NOT, fuzzy(T(TEXT, UE)))),
          "CHARSET UTF-8 SEEN NOT FUZZY TEXT {2}\r\n" UE);
    CHECK(0, perch_search_header("Subject", UE), "CHARSET UTF-8 HEADER Subject {2}\r\n" UE);
    CHECK(0, T(SUBJECT, "x\r\nA LOGOUT"), "SUBJECT {11}\r\nx\r\nA LOGOUT"); /* ASCII: no charset */
    CHECK(0, L(AND, T(SUBJECT, "x\n"), S(OLD)), "SUBJECT {2}\r\nx\n OLD");
    CHECK(0, T(GM_RAW, UE), "CHARSET UTF-8 X-GM-RAW {2}\r\n" UE);
    CHECK(PERCH_ENC_UTF8, T(RAW, "SUBJECT \"" UE "\""), "SUBJECT \"" UE "\"");
}

static void test_what_is_refused(void)
{
    static const struct perch_set none = PERCH_SET_INIT;
    struct perch_search deep[66], modseq = N(MODSEQ, 1);
    struct perch_enc e;

    CHECK(0, NONE_OF(AND), "!no criteria");
    CHECK(0, NONE_OF(OR), "!no criteria");
    CHECK(0, NONE_OF(NOT), "!no criteria");
    CHECK(0, L(AND, NONE_OF(AND)), "!no criteria");
    CHECK(0, L(AND, S(SEEN), NONE_OF(OR)), "!no criteria");
    CHECK(0, T(RAW, ""), "!no criteria");
    CHECK(0, T(RAW, " \t"), "!no criteria");
    CHECK(0, T(RAW, "SEEN\r\nA LOGOUT"), "!a CR, LF or NUL outside of a literal");
    CHECK(0, T(RAW, "SUBJECT " UE), "!8-bit text in a raw criterion");
    CHECK(0, S(NONE), "!an unknown search key");
    CHECK(0, perch_search_key((enum perch_search_id)9999), "!an unknown search key");
    CHECK(0, perch_search_set(PERCH_SEARCH_UID, NULL), "!an empty set of messages");
    CHECK(0, perch_search_set(PERCH_SEARCH_SEQ, &none), "!an empty set of messages");
    CHECK(0, T(KEYWORD, "\\Seen"), "!not an atom");
    CHECK(0, T(KEYWORD, "a b"), "!not an atom");
    CHECK(0, T(FILTER, ""), "!not an atom");
    CHECK(0, T(EMAILID, "x) LOGOUT"), "!not an atom");
    CHECK(0, T(SUBJECT, "\xfc"), "!text that is not UTF-8");
    CHECK(0, perch_search_header("", "x"), "!a header field without a name");
    CHECK(0, perch_search_header(UE, "x"), "!a header field without a name");
    CHECK(0, N(OLDER, 0), "!an interval that is 0 or over 32 bits");
    CHECK(0, N(YOUNGER, UINT64_C(4294967296)), "!an interval that is 0 or over 32 bits");
    CHECK(0, N(LARGER, UINT64_C(9223372036854775808)), "!a number over 63 bits");
    modseq.field = PERCH_SPAN("/flags/x");
    CHECK(0, modseq, "!not an atom"); /* an entry without its type */
    deep[0] = S(SEEN);
    for (size_t i = 1; i < PERCH_COUNT(deep); i++)
        deep[i] = perch_search_list(PERCH_SEARCH_NOT, &deep[i - 1], 1);
    CHECK(0, deep[65], "!criteria nested too deep");
    CHECK(0, deep[2], "NOT NOT SEEN");
    perch_enc_init(&e, 0);
    perch_enc_search(&e, &deep[64]); /* as deep as it may be */
    ASSERT_INT(e.error, 0);
    perch_enc_done(&e);
}

static void test_a_wide_or_is_no_deep_one(void)
{
    struct perch_search many[1000];
    struct perch_enc e;
    struct perch_search any;
    unsigned run = 0, longest = 0;

    for (size_t i = 0; i < PERCH_COUNT(many); i++)
        many[i] = S(SEEN);
    any = perch_search_list(PERCH_SEARCH_OR, many, PERCH_COUNT(many));
    perch_enc_init(&e, 0);
    perch_enc_search(&e, &any);
    ASSERT_INT(perch_enc_end(&e, NULL), PERCH_OK);
    for (const char *p = (char *)perch_buf_data(&e.out); *p != '\r'; p += *p == 'O' ? 3 : 1) {
        run = *p == 'O' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    ASSERT_INT(longest, 10); /* 2^10 is past 1000 */
    perch_enc_done(&e);
}

static void test_keys_alone_leave_the_charset_to_the_caller(void)
{
    struct perch_search s = T(SUBJECT, UE);
    struct perch_enc e;

    perch_enc_init(&e, PERCH_ENC_LITERAL_PLUS);
    perch_enc_word(&e, "SORT (DATE) UTF-8 ");
    perch_enc_search_keys(&e, &s);
    ASSERT_INT(perch_enc_end(&e, NULL), PERCH_OK);
    ASSERT_SPAN(perch_buf_span(&e.out), "SORT (DATE) UTF-8 SUBJECT {2+}\r\n" UE "\r\n");
    perch_enc_done(&e);
}

static void test_what_a_server_must_have(void)
{
    struct perch_search s =
        L(AND, S(SEEN), L(NOT, N(OLDER, 5)), fuzzy(T(TEXT, "x")), T(GM_RAW, "y"));

    ASSERT_INT(perch_search_needs(&s),
               PERCH_SEARCH_NEEDS_WITHIN | PERCH_SEARCH_NEEDS_FUZZY | PERCH_SEARCH_NEEDS_GMAIL);
    s = L(OR, S(SEEN), T(FROM, "x"));
    ASSERT_INT(perch_search_needs(&s), 0);
    s = N(MODSEQ, 1);
    ASSERT_STR(perch_search_need_name((enum perch_search_need)perch_search_needs(&s)), "CONDSTORE");
    s = S(RESULT);
    ASSERT_STR(perch_search_need_name((enum perch_search_need)perch_search_needs(&s)), "SEARCHRES");
    s = T(FILTER, "x");
    ASSERT_STR(perch_search_need_name((enum perch_search_need)perch_search_needs(&s)), "FILTERS");
    s = S(SAVEDATESUPPORTED);
    ASSERT_STR(perch_search_need_name((enum perch_search_need)perch_search_needs(&s)), "SAVEDATE");
    s = T(EMAILID, "x");
    ASSERT_STR(perch_search_need_name((enum perch_search_need)perch_search_needs(&s)), "OBJECTID");
    ASSERT_STR(perch_search_need_name(PERCH_SEARCH_NEEDS_FUZZY), "SEARCH=FUZZY");
    ASSERT_STR(perch_search_need_name(PERCH_SEARCH_NEEDS_BASE), "");
}

PERCH_SUITE("wire/encode_search") = {
    PERCH_TEST(test_keys_without_arguments),
    PERCH_TEST(test_keys_with_arguments),
    PERCH_TEST(test_lists_and_their_parentheses),
    PERCH_TEST(test_literals_in_nested_lists),
    PERCH_TEST(test_what_is_refused),
    PERCH_TEST(test_a_wide_or_is_no_deep_one),
    PERCH_TEST(test_keys_alone_leave_the_charset_to_the_caller),
    PERCH_TEST(test_what_a_server_must_have),
    PERCH_END,
};
