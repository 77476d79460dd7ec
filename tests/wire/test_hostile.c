/* What a hostile server may try on the parser: group D of the attack catalogue and the
 * rows of group E that a parser can see, by their ids. It runs a second time on a stack of
 * 256 KiB. Costs are asserted as work, never as time. */
#include "support/perch_test.h"
#include "support/read.h"

#include "wire/framer.h"
#include "wire/resp.h"

#include "base/buf.h"

#include <stdlib.h>

static void test_rows_of_the_catalogue(void)
{
    static const struct perch_row rows[] = {
        /* D1: sizes that no message has; refused before anything is allocated */
        {"* 1 FETCH (BODY[] {4294967295}", "error PERCH_ELIMIT"},
        {"* 1 FETCH (BODY[] {4294967296}", "error PERCH_ELIMIT"},
        {"* 1 FETCH (BODY[] {9223372036854775807}", "error PERCH_ELIMIT"},
        {"* 1 FETCH (BODY[] {18446744073709551615}", "error PERCH_ELIMIT"},
        {"* 1 FETCH (BODY[] {18446744073709551616}", "error PERCH_ELIMIT"},
        /* D2: sizes that are none */
        {"* 1 FETCH (BODY[] {-1}", "!18"},
        {"* 1 FETCH (BODY[] {+5}", "error PERCH_EPROTO"},
        {"* 1 FETCH (BODY[] { 5}", "error PERCH_EPROTO"},
        {"* 1 FETCH (BODY[] {0x10}", "error PERCH_EPROTO"},
        {"* 1 FETCH (BODY[] {5", "error PERCH_EPROTO"},
        {"* 1 FETCH (BODY[] {}", "error PERCH_EPROTO"},
        {"* 1 FETCH (BODY[] {00005}\r\nhello)", "FETCH 1 BODY[]='hello'"},
        /* D3: empty literals */
        {"* 1 FETCH (BODY[] {0}\r\n)", "FETCH 1 BODY[]=''"},
        {"* 1 FETCH (BODY[HEADER] {0}\r\n)", "FETCH 1 BODY[HEADER]=''"},
        /* D4: a literal wherever something else may be meant */
        {"* LIST () \"/\" {3}\r\nabc", "LIST () '/' 'abc'"},
        {"* LIST () {1}\r\n/ abc", "LIST () '/' 'abc'"},
        {"* LIST () {3}\r\nabc x", "!18"},
        {"* STATUS {3}\r\nabc (MESSAGES 1)", "STATUS 'abc' messages=1"},
        {"* FLAGS ({3}\r\nabc)", "~FLAG_FORM FLAGS (abc)"},
        {"* OK {3}\r\nabc", "OK '{3}'\n!0"},
        {"* 1 FETCH (ENVELOPE ({3}\r\nabc NIL NIL NIL NIL NIL NIL NIL NIL NIL))",
         "FETCH 1 envelope={ date='abc' }"},
        {"* 1 FETCH (ENVELOPE (NIL {3}\r\nabc NIL NIL NIL NIL NIL NIL NIL NIL))",
         "FETCH 1 envelope={ subject='abc' }"},
        {"* 1 FETCH (ENVELOPE (NIL NIL (({3}\r\nabc NIL {3}\r\ndef {3}\r\nghi)) NIL NIL NIL NIL "
         "NIL NIL NIL))",
         "FETCH 1 envelope={ from=('abc' NIL 'def' 'ghi') }"},
        {"* 1 FETCH (BODYSTRUCTURE ({3}\r\nabc \"B\" ({1}\r\nk {1}\r\nv) NIL NIL \"7BIT\" 1 "
         "{3}\r\nmd5))",
         "FETCH 1 bodystructure=b:abc/B(k='v') enc='7BIT' size=1 md5='md5' +ext"},
        {"* ID (\"a\" {3}\r\nabc)", "ID a='abc'"},
        {"* NAMESPACE (({3}\r\nabc \"/\")) NIL NIL", "NAMESPACE [('abc' '/')] [] []"},
        {"* 1 FETCH (UID {1}\r\n5)", "!15"},
        {"* SEARCH {1}\r\n5", "!9"},
        {"* VANISHED {1}\r\n5", "!11"},
        /* D11: what is no UTF-8 stays as it is */
        {"* LIST () \"/\" \"\xc0\xaf\"",
         "LIST () '/' '\\xef\\xbf\\xbd\\xef\\xbf\\xbd'='\\xc0\\xaf'!"},
        {"* 1 FETCH (ENVELOPE (NIL \"\xed\xa0\x80\" NIL NIL NIL NIL NIL NIL NIL NIL))",
         "FETCH 1 envelope={ subject='\\xed\\xa0\\x80' }"},
        /* D12: modified UTF-7 that is none */
        {"* LIST () \"/\" &", "LIST () '/' '&'!"},
        {"* LIST () \"/\" &AAA", "LIST () '/' '&AAA'!"},
        {"* LIST () \"/\" &2AA-", "LIST () '/' '&2AA-'!"},
        /* D13 */
        {"* ID (\"a\" NIL \"b\")", "!18"},
        /* D15: no text at all */
        {"t NO", "~EMPTY_TEXT t NO ''"},
        {"* OK", "~EMPTY_TEXT OK ''"},
        /* D16: half sets */
        {"* VANISHED 1,2,", "!15"},
        {"* VANISHED ,", "!11"},
        /* D17: a message without a header */
        {"* 1 FETCH (BODY[] {6}\r\n\r\nbody)", "FETCH 1 BODY[]='\\x0d\\x0abody'"},
        /* D19 */
        {"* OK %n%s%99999d", "OK '%n%s%99999d'"},
        /* D20 */
        {"* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 5 -1) UID 3)",
         "~NUMBER_FORM FETCH 1 uid=3 bodystructure=t:TEXT/PLAIN enc='7BIT' size=5"},
        /* E1, E4, E7, E8, E9: numbers are what they are, or the response is refused */
        {"* 0 EXPUNGE", "~NUMBER_FORM EXPUNGE 0"},
        {"* 4294967295 EXPUNGE", "EXPUNGE 4294967295"},
        {"* 1 FETCH (UID 0)", "!16"},
        {"* 1 FETCH (UID 4294967295)", "FETCH 1 uid=4294967295"},
        {"* 1 FETCH (UID 4294967296)", "!24"},
        {"* 1 FETCH (UID -1)", "!15"},
        {"* 1 FETCH (UID 007)", "FETCH 1 uid=7"},
        {"* 1 FETCH (MODSEQ (9223372036854775808))", "!37"},
        {"* VANISHED (EARLIER) 1:4294967295", "VANISHED earlier 1:4294967295"},
        {"t OK [COPYUID 1 1:4294967295 1:4294967295] x",
         "t OK [COPYUID 1 1:4294967295 1:4294967295 paired] 'x'"},
        {"t OK [COPYUID 1 1:99999999999999999999 1] x",
         "~CODE_FORM t OK [OTHER name='COPYUID' args='1 1:99999999999999999999 1'] 'x'"},
        /* E16 */
        {"* 1 FETCH (FLAGS (\\ x))", "~FLAG_FORM FETCH 1 flags=(\\ x)"},
    };

    CHECK_ROWS(rows, NULL);
}

/* D9, D10: NULs and odd line ends, with their lengths. */
static void test_nuls_and_line_ends(void)
{
#define BYTES(s) s, sizeof(s) - 1
    static const struct {
        const char *in;
        size_t n;
        const char *want;
    } rows[] = {
        {BYTES("* LIST () \"/\" \"a\0b\"\r\n* 9 EXISTS\r\n"), "!16\nEXISTS 9"},
        {BYTES("* LIST () \"/\" a\0b\r\n* 9 EXISTS\r\n"), "!15\nEXISTS 9"},
        {BYTES("* LIST () \"/\" {3}\r\na\0b\r\n* 9 EXISTS\r\n"), "!22\nEXISTS 9"},
        {BYTES("* FLAGS (a\0b)\r\n* 9 EXISTS\r\n"), "!10\nEXISTS 9"},
        {BYTES("* OK a\0b\r\n* 9 EXISTS\r\n"), "!6\nEXISTS 9"},
        {BYTES("* 1 FETCH (BODY[] {3}\r\na\0b)\r\n* 9 EXISTS\r\n"),
         "FETCH 1 BODY[]='a\\x00b'\nEXISTS 9"},
        {BYTES("* 1 FETCH (BINARY[1] ~{3}\r\n\0\r\n)\r\n* 9 EXISTS\r\n"),
         "FETCH 1 BINARY[1]='\\x00\\x0d\\x0a'\nEXISTS 9"},
        {BYTES("\0\0* 3 EXISTS\r\n* 9 EXISTS\r\n"), "~BLANKS EXISTS 3\nEXISTS 9"},
        {BYTES("* 3 EXISTS\n* 9 EXISTS\r\n"), "~BARE_LF EXISTS 3\nEXISTS 9"},
        {BYTES("* 3 EXISTS\r* 4 EXISTS\r\n* 9 EXISTS\r\n"), "!10\nEXISTS 9"},
        {BYTES("* 3 EXISTS\r\r\n* 9 EXISTS\r\n"), "!10\nEXISTS 9"},
        {BYTES("* LIST () \"/\" \"a\rb\"\r\n* 9 EXISTS\r\n"), "!16\nEXISTS 9"},
        {BYTES("t OK a\rb OK\r\n* 9 EXISTS\r\n"), "!6\nEXISTS 9"},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++)
        for (unsigned way = 0; way < 6; way++) {
            char *have = perch_read_log(rows[i].in, rows[i].n, NULL, way, false);

            if (strcmp(have, rows[i].want) != 0)
                FAIL_ROW("row %zu: have %s, want %s", i, have, rows[i].want);
            free(have);
        }
}

/* ---- cost ---- */

static void repeat(struct perch_buf *b, const char *s, size_t times)
{
    while (times-- > 0)
        perch_buf_adds(b, s);
}

/* The one unit in the buffer, framed from pieces of 1,000 bytes and parsed. Returns how
 * many bytes framer and parser looked at. */
static uint64_t work_of(const struct perch_buf *in, int *ret_rc)
{
    struct perch_framer f = {.limits = PERCH_LIMITS_INIT};
    struct perch_parse_options options = {.limits = &f.limits};
    struct perch_parse_report report;
    struct perch_error e = {0};
    struct perch_unit unit = {0};
    struct perch_arena arena;
    struct perch_resp resp;
    uint64_t body;
    int rc = PERCH_FRAME_MORE;

    perch_limits_fill(&f.limits);
    for (size_t n = 1000; rc == PERCH_FRAME_MORE && n < in->len + 1000; n += 1000)
        rc = perch_framer_next(&f, perch_buf_data(in), n < in->len ? n : in->len, &unit.bytes,
                               &body, &e);
    if (rc != PERCH_FRAME_UNIT) {
        *ret_rc = rc;
        return f.work;
    }
    perch_arena_init(&arena, 0);
    *ret_rc = perch_resp_parse(unit, &options, &arena, &resp, &report);
    CU_ASSERT(arena.used <= 64 * in->len + 4096);
    perch_arena_done(&arena);
    return f.work + report.work;
}

/* Each row is a response that makes a careless parser start over again and again. */
static void test_no_response_costs_more_than_a_few_looks_a_byte(void)
{
    static const struct {
        const char *head, *again, *tail;
        int rc;
    } rows[] = {
        /* D5: very many literals */
        {"* 1 FETCH (ENVELOPE (", "{1}\r\na ", "NIL) UID 3)\r\n", 0},
        {"* FLAGS (", "{1}\r\na ", "b)\r\n", 0},
        {"* 1 FETCH (X ([a ", "{1}\r\na ", "b))\r\n", 0},
        {"*                                                         5 FETCH (X (", "{1}\r\na ",
         "b))\r\n", 0},
        /* quotes that never close */
        {"* 1 FETCH (X ", "\"a\"b", ")\r\n", PERCH_EPROTO},
        {"* 1 FETCH (X (", "\"a\" \"b\"c ", "))\r\n", 0},
        {"* LIST () \"/\" \"", "\"x", "\r\n", PERCH_EPROTO},
        {"* 1 FETCH (ENVELOPE (", "\"a\" b ", "))\r\n", 0},
        {"* 1 FETCH (ENVELOPE (NIL \"", "\" x", "\" NIL))\r\n", 0},
        {"* 1 FETCH (ENVELOPE (NIL \"", "a\r\n", "\" NIL))\r\n", 0},
        {"* 1 FETCH (ENVELOPE (NIL \"", "\"{\r\n", "\" NIL))\r\n", PERCH_EPROTO},
        /* brackets and blanks */
        {"* OK [X ", "[", "] x\r\n", 0},
        {"* OK [X ", "[\"", "] x\r\n", 0},
        {"* 1 FETCH (BODY[", "(", ")] NIL)\r\n", PERCH_EPROTO},
        {"* STATUS a b ", "(", " (MESSAGES 1)\r\n", 0},
        {"* STATUS a b ", ") ", "(MESSAGES 1)\r\n", 0},
        {"* CAPABILITY", "     ", "A\r\n", 0},
        {"", "\r\n", "* 1 EXISTS\r\n", 0},
        /* sets */
        {"* ESEARCH (TAG \"a\") ", "ALL 3,2,1 ", "COUNT 1\r\n", 0},
        {"* SEARCH", " 5 4 9 1", "\r\n", 0},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct perch_buf in = PERCH_BUF_INIT;
        uint64_t work;
        int rc;

        perch_buf_adds(&in, rows[i].head);
        repeat(&in, rows[i].again, 30000);
        perch_buf_adds(&in, rows[i].tail);
        work = work_of(&in, &rc);
        if (rc != rows[i].rc)
            FAIL_ROW("row %zu: %d, want %d", i, rc, rows[i].rc);
        if (work > 6 * in.len)
            FAIL_ROW("row %zu: %llu bytes looked at in %zu", i, (unsigned long long)work, in.len);
        perch_buf_done(&in);
    }
}

/* D6 */
static void test_nesting_ends_at_the_limit(void)
{
    static const struct {
        const char *head, *again;
        size_t times;
        const char *want;
    } rows[] = {
        {"* 1 FETCH (X ", "(", 2000000, "error PERCH_ELIMIT"}, /* the line's limit comes first */
        {"* 1 FETCH (X ", "(", 100000, "!76\nerror PERCH_ELIMIT"},
        {"* 1 FETCH (BODYSTRUCTURE ", "(", 100000, "!88\nerror PERCH_ELIMIT"},
        {"* 1 FETCH (BODY ", "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 1 () ", 10000,
         "!2785\nerror PERCH_ELIMIT"},
        {"* THREAD ", "(", 100000, "!73\nerror PERCH_ELIMIT"},
        {"* FLAGS ", "(", 100000, "!9"},
        {"* NAMESPACE ", "(", 100000, "!14"},
        {"* ESEARCH X ", "(", 100000, "!76\nerror PERCH_ELIMIT"},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct perch_buf in = PERCH_BUF_INIT;
        char *have;

        perch_buf_adds(&in, rows[i].head);
        repeat(&in, rows[i].again, rows[i].times);
        perch_buf_adds(&in, "\r\n");
        have = perch_read_log(perch_buf_data(&in), in.len, NULL, 0, false);
        ASSERT_STR(have, rows[i].want);
        free(have);
        perch_buf_done(&in);
    }
}

/* D7: what never ends is refused when its limit is reached, not later. */
static void test_endless_input_is_cut_off(void)
{
    static const char *const starts[] = {"* OK ", "* LIST () \"", "* 1",       "x",
                                         "+ ",    "\r\n",         "* SEARCH 1"};
    char chunk[65536];

    for (size_t i = 0; i < PERCH_COUNT(starts); i++) {
        perch_reader *r = perch_reader_new(NULL, NULL, NULL);
        bool is_search = strstr(starts[i], "SEARCH") != NULL;
        size_t fed = 0;

        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        memset(chunk, starts[i][0] == '\r' ? '\n' : '1', sizeof chunk);
        ASSERT_INT(perch_reader_feed(r, starts[i], strlen(starts[i])), 0);
        while (perch_reader_feed(r, chunk, sizeof chunk) == 0)
            fed++;
        ASSERT_INT(fed, is_search ? 255 : 15);
        ASSERT_INT(perch_reader_feed(r, "* 1 EXISTS\r\n", 12), PERCH_ELIMIT);
        perch_reader_free(r);
    }
}

/* D8: a flood leaves nothing behind. Once warm, no response allocates at all. */
static size_t allocations;

static int count_allocation(void *user)
{
    (void)user;
    allocations++;
    return 1;
}

static void test_floods_allocate_nothing(void)
{
    static const char *const floods[] = {
        "* 5 EXISTS\r\n",
        "* OK [X] y\r\n",
        "* LIST (\\HasNoChildren) \"/\" \"a \\\"b\\\"\"\r\n",
        "* 1 FETCH (UID 7 FLAGS (\\Seen a b) MODSEQ (5))\r\n",
        (
            "* 1 FETCH (UID 7 ENVELOPE (\"d\" \"s\" ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL "
            "NIL "
            "\"<m>\") BODYSTRUCTURE ((\"A\" \"B\" (\"k\" \"v\") NIL NIL \"7BIT\" 1) "
            "\"MIXED\"))\r\n"), /* one string */
    };

    for (size_t i = 0; i < PERCH_COUNT(floods); i++) {
        perch_reader *r = perch_reader_new(NULL, NULL, NULL);

        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        ASSERT_INT(perch_reader_feed(r, floods[i], strlen(floods[i])), 0);
        allocations = 0;
        perch_mem_set_gate(count_allocation, NULL);
        for (int k = 0; k < 10000; k++)
            ASSERT_INT(perch_reader_feed(r, floods[i], strlen(floods[i])), 0);
        perch_mem_set_gate(NULL, NULL);
        ASSERT_INT(allocations, 0);
        perch_reader_free(r);
    }
}

/* D14 */
static void test_long_values_are_values(void)
{
    struct perch_buf in = PERCH_BUF_INIT;
    char *have;

    perch_buf_adds(&in, "* 1 FETCH (INTERNALDATE \"");
    repeat(&in, "1", 5000);
    perch_buf_adds(&in, "\")\r\n* 1 FETCH (RFC822.SIZE ");
    repeat(&in, "9", 500);
    perch_buf_adds(&in, ")\r\n* STATUS {70000}\r\n");
    repeat(&in, "n", 70000);
    perch_buf_adds(&in, " (MESSAGES 1)\r\n* 9 EXISTS\r\n");
    have = perch_read_log(perch_buf_data(&in), in.len, NULL, 0, false);
    CU_ASSERT(strncmp(have, "~DATE_FORM FETCH 1 date='1111", 29) == 0);
    CU_ASSERT(strstr(have, "\n!42\nSTATUS 'nnn") != NULL);
    CU_ASSERT(strstr(have, "nnn' messages=1\nEXISTS 9") != NULL);
    free(have);
    perch_buf_done(&in);
}

PERCH_SUITE("wire/hostile") = {
    PERCH_TEST(test_rows_of_the_catalogue),
    PERCH_TEST(test_nuls_and_line_ends),
    PERCH_TEST(test_no_response_costs_more_than_a_few_looks_a_byte),
    PERCH_TEST(test_nesting_ends_at_the_limit),
    PERCH_TEST(test_endless_input_is_cut_off),
    PERCH_TEST(test_floods_allocate_nothing),
    PERCH_TEST(test_long_values_are_values),
    PERCH_END,
};
