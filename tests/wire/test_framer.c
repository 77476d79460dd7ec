#include "support/perch_test.h"
#include "support/read.h"

#include "wire/framer.h"

#include "base/buf.h"
#include "base/err.h"

#include <stdlib.h>

/* ---- units ---- */

struct unit_row {
    const char *in;
    const char *units[4]; /* NULL behind the last */
};

static void check_units(const struct unit_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct perch_framer f = {.limits = PERCH_LIMITS_INIT};
        struct perch_error e = {0};
        const uint8_t *p = (const uint8_t *)rows[i].in;
        size_t left = strlen(rows[i].in);
        struct perch_span unit;
        uint64_t body;

        perch_limits_fill(&f.limits);
        for (size_t k = 0; rows[i].units[k]; k++) {
            if (perch_framer_next(&f, p, left, &unit, &body, &e) != PERCH_FRAME_UNIT)
                FAIL_ROW("row %zu: no unit %zu in %s", i, k, rows[i].in);
            else
                ASSERT_SPAN(unit, rows[i].units[k]);
            p += unit.n;
            left -= unit.n;
        }
        ASSERT_INT(perch_framer_next(&f, p, left, &unit, &body, &e), PERCH_FRAME_MORE);
        ASSERT_INT(left, 0);
    }
}

static void test_a_unit_is_a_line_with_its_literals(void)
{
    static const struct unit_row rows[] = {
        {"* OK hi\r\n* 3 EXISTS\r\n", {"* OK hi\r\n", "* 3 EXISTS\r\n"}},
        {"* LIST () \"/\" {3}\r\na\r\n\r\n+ \r\n", {"* LIST () \"/\" {3}\r\na\r\n\r\n", "+ \r\n"}},
        {"* LIST () \"/\" {0}\r\n\r\n", {"* LIST () \"/\" {0}\r\n\r\n"}},
        {"* ID ({1}\r\na {1}\r\nb)\r\n", {"* ID ({1}\r\na {1}\r\nb)\r\n"}},
        {"* 1 FETCH (BINARY[1] ~{2}\r\n\r\n)\r\n", {"* 1 FETCH (BINARY[1] ~{2}\r\n\r\n)\r\n"}},
        {"* LIST () \"/\" {1+}\r\nx\r\n", {"* LIST () \"/\" {1+}\r\nx\r\n"}},
        {"* LIST () \"/\" {00001}\r\nx\r\n", {"* LIST () \"/\" {00001}\r\nx\r\n"}},
        {"* LIST () \"/\" {1} \r\nx\r\n", {"* LIST () \"/\" {1} \r\nx\r\n"}},
        {"* LIST () \"/\" {1}\nx\n", {"* LIST () \"/\" {1}\nx\n"}},
    };

    check_units(rows, PERCH_COUNT(rows));
}

static void test_prose_has_no_literal(void)
{
    static const struct unit_row rows[] = {
        {"* OK hi {5}\r\n* 3 EXISTS\r\n", {"* OK hi {5}\r\n", "* 3 EXISTS\r\n"}},
        {"a1 NO {5}\r\nb OK\r\n", {"a1 NO {5}\r\n", "b OK\r\n"}},
        {"+ {5}\r\n", {"+ {5}\r\n"}},
        {"* BYE {}\r\n", {"* BYE {}\r\n"}},
        {"* preauth {1}\r\n", {"* preauth {1}\r\n"}},
        {"* [ALERT] {1}\r\n", {"* [ALERT] {1}\r\n"}},
        {"what is {2}\r\n", {"what is {2}\r\n"}},
    };

    check_units(rows, PERCH_COUNT(rows));
}

static void test_braces_in_quotes_are_no_literal(void)
{
    static const struct unit_row rows[] = {
        {"* LIST () \"/\" \"a {5}\"\r\n", {"* LIST () \"/\" \"a {5}\"\r\n"}},
        {"* XFOO \"a \\\" {5}\r\n", {"* XFOO \"a \\\" {5}\r\n"}},
        {"* LIST () \"/\" a{5\r\n", {"* LIST () \"/\" a{5\r\n"}},
        {"* XFOO {abc} d\r\n", {"* XFOO {abc} d\r\n"}},
    };

    check_units(rows, PERCH_COUNT(rows));
}

static void test_a_fetch_that_cannot_be_over_waits_for_the_next_line(void)
{
    static const struct unit_row rows[] = {
        /* a count two bytes short leaves a line end in front of the parenthesis */
        {"* 1 FETCH (BODY[] {2}\r\nab\r\n)\r\na OK x\r\n",
         {"* 1 FETCH (BODY[] {2}\r\nab\r\n)\r\n", "a OK x\r\n"}},
        /* a count that swallowed the parenthesis */
        {"* 1 FETCH (BODY[] {3}\r\nab)\r\n* 2 EXISTS\r\n",
         {"* 1 FETCH (BODY[] {3}\r\nab)\r\n", "* 2 EXISTS\r\n"}},
        /* and the line end too */
        {"* 1 FETCH (BODY[] {5}\r\nab)\r\n* 2 EXISTS\r\n",
         {"* 1 FETCH (BODY[] {5}\r\nab)\r\n", "* 2 EXISTS\r\n"}},
        /* a line end inside a quoted string */
        {"* 1 FETCH (ENVELOPE (NIL \"a\r\nb\" NIL))\r\na OK x\r\n",
         {"* 1 FETCH (ENVELOPE (NIL \"a\r\nb\" NIL))\r\n", "a OK x\r\n"}},
        /* nothing follows a negative size; the next response does */
        {"* 1 FETCH (BODY[] {-1}\r\njunk\r\n* 2 EXISTS\r\n",
         {"* 1 FETCH (BODY[] {-1}\r\njunk\r\n", "* 2 EXISTS\r\n"}},
    };

    check_units(rows, PERCH_COUNT(rows));
}

static void test_nuls_and_empty_lines_belong_to_what_follows(void)
{
    static const struct unit_row rows[] = {
        {"\r\n\r\n* 3 EXISTS\r\n", {"\r\n\r\n* 3 EXISTS\r\n"}},
        {"\n* 3 EXISTS\r\n\r\n* 4 EXISTS\r\n", {"\n* 3 EXISTS\r\n", "\r\n* 4 EXISTS\r\n"}},
    };

    check_units(rows, PERCH_COUNT(rows));
}

/* ---- literals whose size cannot be known ---- */

static void test_a_literal_of_no_known_size_loses_framing(void)
{
    static const struct perch_row rows[] = {
        {"* LIST () \"/\" {+5}", "error PERCH_EPROTO"},
        {"* LIST () \"/\" { 5}", "error PERCH_EPROTO"},
        {"* LIST () \"/\" {0x10}", "error PERCH_EPROTO"},
        {"* LIST () \"/\" {}", "error PERCH_EPROTO"},
        {"* LIST () \"/\" {5", "error PERCH_EPROTO"},
        {"* 1 FETCH (BODY[] {}", "error PERCH_EPROTO"},
        {"* 1 FETCH (BODY[] {5", "error PERCH_EPROTO"},
        {"* LIST () \"/\" {4294967295}", "error PERCH_ELIMIT"},
        {"* LIST () \"/\" {4294967296}", "error PERCH_ELIMIT"},
        {"* LIST () \"/\" {9223372036854775807}", "error PERCH_ELIMIT"},
        {"* 1 FETCH (BODY[] {9223372036854775807}", "error PERCH_ELIMIT"},
        {"* 1 FETCH (BODY[] {18446744073709551615}", "error PERCH_ELIMIT"},
        {"* 1 FETCH (BODY[] {18446744073709551616}", "error PERCH_ELIMIT"},
        {"* 1 FETCH (BODY[] {1000000000000000000000000000000000000000000000000000000000000000}",
         "error PERCH_ELIMIT"},
    };

    CHECK_ROWS(rows, NULL);
}

/* ---- streamed bodies ---- */

static void test_bodies_above_the_limit_stream_past(void)
{
    static const struct perch_row rows[] = {
        {"* 1 FETCH (BODY[] {4}\r\nabcd UID 7)", "FETCH 1 uid=7 BODY[]='abcd'"},
        {"* 1 FETCH (BODY[] {5}\r\nabcde UID 7)", "body 5\nFETCH 1 uid=7 BODY[]=streamed 5"},
        {"* 1 FETCH (UID 7 BODY[1]<0> {5}\r\na\r\n)\r RFC822.SIZE 9)",
         "body 5\nFETCH 1 uid=7 size=9 BODY[1]<0> from=0=streamed 5"},
        {"* 1 FETCH (BODY[1] {5}\r\nabcde BODY[2] {6}\r\nfghijk)",
         "body 5\nbody 6\nFETCH 1 BODY[1]=streamed 5 BODY[2]=streamed 6"},
        {"* 1 FETCH (BINARY[2] ~{5}\r\nabcde)", "body 5\nFETCH 1 BINARY[2]=streamed 5"},
        {"* 1 FETCH (RFC822 {5}\r\nabcde)", "body 5\nFETCH 1 RFC822=streamed 5"},
        {"* 1 FETCH (RFC822.HEADER {5}\r\nabcde RFC822.TEXT {2}\r\nxy)",
         "body 5\nFETCH 1 RFC822.HEADER=streamed 5 RFC822.TEXT='xy'"},
        {"* 1 FETCH (BODY[HEADER.FIELDS ({2}\r\nTo {4}\r\nFrom)] {6}\r\nTo: x\n)",
         "body 6\nFETCH 1 BODY[HEADER.FIELDS ({2}\r\nTo {4}\r\nFrom)]=streamed 6"},
        /* only bodies stream */
        {"* 1 FETCH (X-FOO {5}\r\nabcde)", "FETCH 1 ?X-FOO='{5}\\x0d\\x0aabcde'"},
        {"* LIST () \"/\" {5}\r\nabcde", "LIST () '/' 'abcde'"},
        {"* 1 FETCH (X-GM-LABELS ([a] {5}\r\nabcde))", "~FLAG_FORM FETCH 1 labels=([a] abcde)"},
    };
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;

    o.limits.inline_literal = 4;
    CHECK_ROWS(rows, &o);
}

/* ---- the end of the stream ---- */

static void test_an_unfinished_response_is_malformed_at_the_end(void)
{
    static const struct perch_row rows[] = {
        {"* 1 EXISTS\r\n", "EXISTS 1"},
        {"* 1 EXISTS\r\n* 2 EX", "EXISTS 1\n!6"},
        {"* 1 EXISTS\r\n\r\n", "EXISTS 1"},
        {"* 1 FETCH (BODY[] {10}\r\nabc", "!27"},
        {"* 1 FETCH (UID 3 BODY[] {2}\r\nab\r\n", "~PARENS FETCH 1 uid=3 BODY[]='ab'"},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        char *have = perch_read_log(rows[i].in, strlen(rows[i].in), NULL, 0, true);

        ASSERT_STR(have, rows[i].want);
        free(have);
    }
}

/* ---- cost ---- */

/* Bytes that come one at a time are looked at once, not again with each of them. */
static void test_the_work_is_linear_however_the_bytes_come(void)
{
    struct perch_framer f = {.limits = PERCH_LIMITS_INIT};
    struct perch_error e = {0};
    struct perch_buf in = PERCH_BUF_INIT;
    struct perch_span unit;
    uint64_t body;

    perch_limits_fill(&f.limits);
    perch_buf_adds(&in, "* 1 FETCH (ENVELOPE (NIL \"");
    for (int i = 0; i < 2000; i++)
        perch_buf_adds(&in, "xyz {\r\n");
    perch_buf_adds(&in, "\" NIL) BODY[] {3}\r\nabc)\r\n");
    for (size_t n = 1; n < in.len; n++)
        ASSERT_INT(perch_framer_next(&f, in.p, n, &unit, &body, &e), PERCH_FRAME_MORE);
    ASSERT_INT(perch_framer_next(&f, in.p, in.len, &unit, &body, &e), PERCH_FRAME_UNIT);
    CU_ASSERT(f.work <= 4 * in.len);
    perch_buf_done(&in);
}

PERCH_SUITE("wire/framer") = {
    PERCH_TEST(test_a_unit_is_a_line_with_its_literals),
    PERCH_TEST(test_prose_has_no_literal),
    PERCH_TEST(test_braces_in_quotes_are_no_literal),
    PERCH_TEST(test_a_fetch_that_cannot_be_over_waits_for_the_next_line),
    PERCH_TEST(test_nuls_and_empty_lines_belong_to_what_follows),
    PERCH_TEST(test_a_literal_of_no_known_size_loses_framing),
    PERCH_TEST(test_bodies_above_the_limit_stream_past),
    PERCH_TEST(test_an_unfinished_response_is_malformed_at_the_end),
    PERCH_TEST(test_the_work_is_linear_however_the_bytes_come),
    PERCH_END,
};
