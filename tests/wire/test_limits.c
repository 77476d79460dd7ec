/* Every limit on what a server may send, at limit - 1, at the limit and one above it. */
#include "support/perch_test.h"
#include "support/read.h"

#include "wire/resp.h"

#include "base/buf.h"

#include <stdlib.h>

/* What the reader makes of the bytes, in one piece and, unless they are many, one by one. */
static void expect(struct perch_buf *in, const struct perch_reader_options *o, const char *want,
                   const char *what, size_t size)
{
    for (unsigned way = 0; way < (in->len < 10000 ? 2 : 1); way++) {
        char *have = perch_read_log(perch_buf_data(in), in->len, o, way, false);

        if (strncmp(have, want, strlen(want)) != 0)
            FAIL_ROW("%s of %zu: have %.100s, want %s", what, size, have, want);
        free(have);
    }
    perch_buf_clear(in);
}

static void repeat(struct perch_buf *b, const char *s, size_t times)
{
    while (times-- > 0)
        perch_buf_adds(b, s);
}

static void test_line(void)
{
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;
    struct perch_buf in = PERCH_BUF_INIT;

    o.limits.line = 100;
    for (size_t n = 99; n <= 101; n++) { /* with its line end */
        perch_buf_adds(&in, "* X ");
        repeat(&in, "a", n - 6);
        perch_buf_adds(&in, "\r\n");
        expect(&in, &o, n <= 100 ? "OTHER word='X'" : "error PERCH_ELIMIT", "line", n);
    }
    for (size_t n = 99; n <= 101; n++) { /* one that never ends */
        perch_buf_adds(&in, "* LIST () \"");
        repeat(&in, "a", n - 11);
        expect(&in, &o, n <= 100 ? "" : "error PERCH_ELIMIT", "endless line", n);
    }
    for (size_t n = 99; n <= 101; n++) { /* literals do not count, what is around them does */
        perch_buf_adds(&in, "* X {60}\r\n");
        repeat(&in, "b", 60);
        repeat(&in, " ", n - 12);
        perch_buf_adds(&in, "\r\n");
        expect(&in, &o, n <= 100 ? "OTHER word='X'" : "error PERCH_ELIMIT", "text", n);
    }
    for (size_t n = 99; n <= 101; n++) { /* empty lines are part of the next response */
        repeat(&in, "\n", n - 12);
        perch_buf_adds(&in, "* 9 EXISTS\r\n");
        expect(&in, &o, n <= 100 ? "~BLANKS EXISTS 9" : "error PERCH_ELIMIT", "blank", n);
    }
    perch_buf_done(&in);
}

static void test_line_of_numbers_is_exempt(void)
{
    static const char *const starts[] = {"* SEARCH", "* SORT", "*  search"};
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;
    struct perch_buf in = PERCH_BUF_INIT;

    o.limits.line = 30;
    o.limits.tokens = 5;
    o.limits.response = 1000;
    for (size_t i = 0; i < PERCH_COUNT(starts); i++) {
        perch_buf_adds(&in, starts[i]);
        repeat(&in, " 5", 300);
        perch_buf_adds(&in, "\r\n");
        expect(&in, &o,
               i == 0   ? "SEARCH 5"
               : i == 1 ? "SORT 5"
                        : "~BLANKS SEARCH 5",
               starts[i], 300);
    }
    perch_buf_adds(&in, "* THREAD ");
    repeat(&in, "(1 2)", 100);
    perch_buf_adds(&in, "\r\n");
    expect(&in, &o, "THREAD 1@0 2@1 1@0", "thread", 100);
    for (size_t n = 999; n <= 1001; n++) {
        perch_buf_adds(&in, "* VANISHED ");
        repeat(&in, "5,", (n - 14) / 2);
        perch_buf_adds(&in, n % 2 ? "55" : "5");
        perch_buf_adds(&in, "\r\n");
        ASSERT_INT(in.len, n);
        expect(&in, &o, n <= 1000 ? "VANISHED" : "error PERCH_ELIMIT", "response", n);
    }
    perch_buf_done(&in);
}

static void test_literal(void)
{
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;
    struct perch_buf in = PERCH_BUF_INIT;

    o.limits.literal = 50;
    for (size_t n = 49; n <= 51; n++) {
        perch_buf_addf(&in, "* LIST () \"/\" {%zu}\r\n", n);
        repeat(&in, "a", n);
        perch_buf_adds(&in, "\r\n");
        expect(&in, &o, n <= 50 ? "LIST () '/' 'aaa" : "error PERCH_ELIMIT", "literal", n);
    }
    perch_buf_done(&in);
}

static void test_body(void)
{
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;
    struct perch_buf in = PERCH_BUF_INIT;

    o.limits.body = 50;
    o.limits.inline_literal = 40;
    for (size_t n = 49; n <= 51; n++) {
        perch_buf_addf(&in, "* 1 FETCH (BODY[] {%zu}\r\n", n);
        repeat(&in, "a", n);
        perch_buf_adds(&in, ")\r\n");
        expect(&in, &o,
               n == 49   ? "body 49\nFETCH 1 BODY[]=streamed 49"
               : n == 50 ? "body 50\nFETCH 1 BODY[]=streamed 50"
                         : "error PERCH_ELIMIT",
               "body", n);
    }
    for (size_t n = 39; n <= 41; n++) {
        perch_buf_addf(&in, "* 1 FETCH (BODY[] {%zu}\r\n", n);
        repeat(&in, "a", n);
        perch_buf_adds(&in, ")\r\n");
        expect(&in, &o, n <= 40 ? "FETCH 1 BODY[]='aaa" : "body 41\nFETCH 1 BODY[]=streamed 41",
               "inline body", n);
    }
    perch_buf_done(&in);
}

static void test_response(void)
{
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;
    struct perch_buf in = PERCH_BUF_INIT;

    o.limits.response = 200;
    o.limits.literal = 500;
    for (size_t n = 199; n <= 201; n++) { /* a literal reaches up to it, its line end too */
        perch_buf_addf(&in, "* LIST () \"/\" {%zu}\r\n", n - 23);
        repeat(&in, "a", n - 23);
        perch_buf_adds(&in, "\r\n");
        expect(&in, &o, n <= 200 ? "LIST () '/' 'aaa" : "error PERCH_ELIMIT", "response", n);
    }
    perch_buf_adds(&in, "* LIST () \"/\" {300}\r\n"); /* known before it comes */
    expect(&in, &o, "error PERCH_ELIMIT", "response", 300);
    perch_buf_done(&in);
}

static void nested(struct perch_buf *b, size_t depth)
{
    repeat(b, "(", depth);
    perch_buf_adds(b, "a");
    repeat(b, ")", depth);
}

static void test_depth(void)
{
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;
    struct perch_buf in = PERCH_BUF_INIT;

    o.limits.depth = 10;
    for (size_t n = 9; n <= 11; n++) { /* the row's own parentheses are one */
        perch_buf_adds(&in, "* 1 FETCH (X-A ");
        nested(&in, n - 1);
        perch_buf_adds(&in, ")\r\n");
        expect(&in, &o, n <= 10 ? "FETCH 1 ?X-A='(((" : "!24\nerror PERCH_ELIMIT", "depth", n);
    }
    for (size_t n = 9; n <= 11; n++) {
        perch_buf_adds(&in, "* 1 FETCH (BODYSTRUCTURE ");
        repeat(&in, "(", n - 2);
        perch_buf_adds(&in, "(\"A\" \"B\" NIL NIL NIL \"7BIT\" 1)");
        repeat(&in, " \"MIXED\")", n - 2);
        perch_buf_adds(&in, ")\r\n");
        expect(&in, &o,
               n <= 10 ? "FETCH 1 bodystructure=x:MULTIPART/MIXED <x:MULT"
                       : "!34\nerror PERCH_ELIMIT",
               "structure", n);
    }
    for (size_t n = 9; n <= 11; n++) {
        perch_buf_adds(&in, "* THREAD ");
        repeat(&in, "(1 ", n);
        perch_buf_adds(&in, "2");
        repeat(&in, ")", n);
        perch_buf_adds(&in, "\r\n");
        expect(&in, &o, n <= 10 ? "THREAD 1@0 1@1" : "!39\nerror PERCH_ELIMIT", "thread", n);
    }
    perch_buf_done(&in);
}

static void test_tokens(void)
{
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;
    struct perch_buf in = PERCH_BUF_INIT;

    o.limits.tokens = 20;
    for (size_t n = 19; n <= 21; n++) { /* the word, the parenthesis, the flags */
        perch_buf_adds(&in, "* FLAGS (");
        repeat(&in, "a ", n - 3);
        perch_buf_adds(&in, "a)\r\n");
        expect(&in, &o, n <= 20 ? "FLAGS (a a" : "!46\nerror PERCH_ELIMIT", "tokens", n);
    }
    for (size_t n = 19; n <= 21; n++) { /* the word and the capabilities */
        perch_buf_adds(&in, "* CAPABILITY");
        repeat(&in, " a", n - 1);
        perch_buf_adds(&in, "\r\n");
        expect(&in, &o, n <= 20 ? "CAPABILITY (a a" : "!52\nerror PERCH_ELIMIT", "words", n);
    }
    perch_buf_done(&in);
}

static void test_ranges(void)
{
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;
    struct perch_buf in = PERCH_BUF_INIT;

    o.limits.ranges = 10;
    for (size_t n = 9; n <= 11; n++) {
        perch_buf_adds(&in, "* VANISHED 1");
        for (size_t i = 1; i < n; i++)
            perch_buf_addf(&in, ",%zu", 1 + 2 * i);
        perch_buf_adds(&in, "\r\n");
        expect(&in, &o, n <= 10 ? "VANISHED 1,3,5" : "!38\nerror PERCH_ELIMIT", "ranges", n);
    }
    perch_buf_adds(&in, "a OK [COPYUID 1 1,3,5,7,9,11,13,15,17,19,21 1:11] x\r\n");
    expect(&in, &o, "!43\nerror PERCH_ELIMIT", "ranges in a code", 11);
    perch_buf_done(&in);
}

/* ---- the defaults, and what holds before a login ---- */

static void test_defaults(void)
{
    struct perch_limits l = {.size = sizeof l},
                        small = {.size = offsetof(struct perch_limits, body)};

    perch_limits_fill(&l);
    ASSERT_INT(l.line, 1 << 20);
    ASSERT_INT(l.literal, 256 << 10);
    ASSERT_INT(l.body, 64 << 20);
    ASSERT_INT(l.inline_literal, 64 << 10);
    ASSERT_INT(l.response, 16 << 20);
    ASSERT_INT(l.depth, 64);
    ASSERT_INT(l.tokens, 262144);
    ASSERT_INT(l.ranges, 65536);
    small.line = 5;
    small.body = 7; /* behind the size that the caller knew */
    perch_limits_fill(&small);
    ASSERT_INT(small.line, 5);
    ASSERT_INT(small.body, 64 << 20);
    ASSERT_INT(small.size, sizeof small);
}

static void test_before_a_login_less_is_allowed(void)
{
    struct perch_limits after = {.size = sizeof after}, l;

    perch_limits_fill(&after);
    after.tokens = 100;
    perch_limits_preauth(&after, &l);
    ASSERT_INT(l.line, 8 << 10);
    ASSERT_INT(l.literal, 4 << 10);
    ASSERT_INT(l.body, 4 << 10);
    ASSERT_INT(l.inline_literal, 4 << 10);
    ASSERT_INT(l.depth, 8);
    ASSERT_INT(l.tokens, 100); /* never more than after it */
}

/* The real ones, reached. */
static void test_the_default_of_each_limit_holds(void)
{
    struct perch_buf in = PERCH_BUF_INIT;

    for (size_t n = (1 << 20) - 1; n <= (1 << 20) + 1; n++) {
        perch_buf_adds(&in, "* OK ");
        memset(perch_buf_room(&in, n), 'A', n - 7);
        perch_buf_commit(&in, n - 7);
        perch_buf_adds(&in, "\r\n");
        expect(&in, NULL, n <= 1 << 20 ? "OK 'AAAA" : "error PERCH_ELIMIT", "line", n);
    }
    for (size_t n = 63; n <= 65; n++) {
        perch_buf_adds(&in, "* 1 FETCH (X ");
        nested(&in, n - 1);
        perch_buf_adds(&in, ")\r\n");
        expect(&in, NULL, n <= 64 ? "FETCH 1 ?X='(((" : "!76\nerror PERCH_ELIMIT", "depth", n);
    }
    for (size_t n = 262143; n <= 262145; n++) {
        perch_buf_adds(&in, "* FLAGS (");
        repeat(&in, "a ", n - 3);
        perch_buf_adds(&in, "a)\r\n");
        expect(&in, NULL, n <= 262144 ? "FLAGS (a a" : "!524294\nerror PERCH_ELIMIT", "tokens", n);
    }
    for (size_t n = 65535; n <= 65537; n++) { /* each of five digits and a comma */
        perch_buf_adds(&in, "* VANISHED 10001");
        for (size_t i = 1; i < n; i++)
            perch_buf_addf(&in, ",%05zu", i % 40000 * 2 + 10001 + i / 40000);
        perch_buf_adds(&in, "\r\n");
        expect(&in, NULL, n <= 65536 ? "VANISHED " : "!393232\nerror PERCH_ELIMIT", "ranges", n);
    }
    perch_buf_done(&in);
}

PERCH_SUITE("wire/limits") = {
    PERCH_TEST(test_line),
    PERCH_TEST(test_line_of_numbers_is_exempt),
    PERCH_TEST(test_literal),
    PERCH_TEST(test_body),
    PERCH_TEST(test_response),
    PERCH_TEST(test_depth),
    PERCH_TEST(test_tokens),
    PERCH_TEST(test_ranges),
    PERCH_TEST(test_defaults),
    PERCH_TEST(test_before_a_login_less_is_allowed),
    PERCH_TEST(test_the_default_of_each_limit_holds),
    PERCH_END,
};
