/* perch_resp_parse as the session calls it: what it says when a response is odd. */
#include "support/perch_test.h"

#include "wire/resp.h"

#include "base/mem.h"

struct parsed {
    struct perch_limits limits;
    struct perch_arena arena;
    struct perch_resp resp;
    struct perch_parse_report report;
    int rc;
};

static void parse(struct parsed *p, const char *in, size_t n)
{
    struct perch_parse_options options = {.limits = &p->limits};
    struct perch_unit unit = {{in, n}, NULL, 0};

    p->limits = (struct perch_limits)PERCH_LIMITS_INIT;
    perch_limits_fill(&p->limits);
    perch_arena_init(&p->arena, 0);
    p->rc = perch_resp_parse(unit, &options, &p->arena, &p->resp, &p->report);
}

/* A command whose last line makes no sense must still end. */
static void test_an_odd_tagged_line_keeps_its_tag_and_condition(void)
{
    static const struct {
        const char *in;
        size_t n;
        enum perch_resp_type type;
    } rows[] = {
#define LINE(s) s, sizeof(s) - 1
        {LINE("a7 OK a\0b\r\n"), PERCH_RESP_OK},
        {LINE("a7 NO a\rb\r\n"), PERCH_RESP_NO},
        {LINE("a7 BAD [ALERT] \0\r\n"), PERCH_RESP_BAD},
        {LINE("a7 OK\0\r\n"), PERCH_RESP_OK},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct parsed p;

        parse(&p, rows[i].in, rows[i].n);
        ASSERT_INT(p.rc, PERCH_EPROTO);
        ASSERT_INT(p.resp.kind, PERCH_TAGGED);
        ASSERT_INT(p.resp.type, rows[i].type);
        ASSERT_SPAN(p.resp.tag, "a7");
        CU_ASSERT(p.report.error && p.report.error_at > 4);
        perch_arena_done(&p.arena);
    }
}

static void test_a_failure_says_what_was_understood(void)
{
    static const char in[] = "* 12 FETCH (UID 0)\r\n";
    struct parsed p;

    parse(&p, in, strlen(in));
    ASSERT_INT(p.rc, PERCH_EPROTO);
    ASSERT_INT(p.resp.kind, PERCH_UNTAGGED);
    ASSERT_INT(p.resp.type, PERCH_RESP_FETCH);
    ASSERT_INT(p.resp.number, 12);
    ASSERT_SPAN(p.resp.word, "FETCH");
    ASSERT_SPAN(p.resp.raw, "* 12 FETCH (UID 0)");
    ASSERT_STR(p.report.error, "a number that is too small");
    ASSERT_INT(p.report.error_at, 17);
    perch_arena_done(&p.arena);
}

static void test_a_limit_is_told_from_a_mistake(void)
{
    static const char in[] = "* 1 FETCH (X ((((a))))\r\n";
    struct perch_limits limits = PERCH_LIMITS_INIT;
    struct perch_parse_options options = {.limits = &limits};
    struct perch_parse_report report;
    struct perch_arena arena;
    struct perch_resp resp;

    limits.depth = 3;
    perch_limits_fill(&limits);
    perch_arena_init(&arena, 0);
    ASSERT_INT(perch_resp_parse((struct perch_unit){{in, strlen(in)}, NULL, 0}, &options, &arena,
                                &resp, &report),
               PERCH_ELIMIT);
    ASSERT_STR(report.error, "nested deeper than the limit");
    perch_arena_done(&arena);
}

static void test_memory_that_ends_is_told_from_a_mistake(void)
{
    static const char in[] = "* 1 FETCH (FLAGS (a b))\r\n";
    struct perch_limits limits = PERCH_LIMITS_INIT;
    struct perch_parse_options options = {.limits = &limits};
    struct perch_parse_report report;
    struct perch_arena arena;
    struct perch_resp resp;

    perch_limits_fill(&limits);
    perch_arena_init(&arena, 0);
    arena.limit = 8;
    ASSERT_INT(perch_resp_parse((struct perch_unit){{in, strlen(in)}, NULL, 0}, &options, &arena,
                                &resp, &report),
               PERCH_ENOMEM);
    perch_arena_done(&arena);
}

/* A body that streamed past is a hole where its bytes would be. */
static void test_holes_stand_for_streamed_bodies(void)
{
    static const char in[] =
        "* 1 FETCH (BODY[1] {9}\r\n BODY[2] {2}\r\nab BODY[3] {70000}\r\n)\r\n";
    static const struct perch_hole holes[] = {{24, 9}, {58, 70000}};
    struct perch_limits limits = PERCH_LIMITS_INIT;
    struct perch_parse_options options = {.limits = &limits};
    struct perch_parse_report report;
    struct perch_arena arena;
    struct perch_resp resp;

    perch_limits_fill(&limits);
    perch_arena_init(&arena, 0);
    ASSERT_INT(perch_resp_parse((struct perch_unit){{in, strlen(in)}, holes, 2}, &options, &arena,
                                &resp, &report),
               0);
    CU_ASSERT_EQUAL_FATAL(resp.u.fetch.nsections, 3);
    CU_ASSERT(resp.u.fetch.sections[0].streamed && resp.u.fetch.sections[2].streamed);
    ASSERT_INT(resp.u.fetch.sections[0].size, 9);
    ASSERT_INT(resp.u.fetch.sections[2].size, 70000);
    ASSERT_SPAN(resp.u.fetch.sections[1].data, "ab");
    ASSERT_INT(report.quirks, 0);
    perch_arena_done(&arena);
}

/* What is not a line at all must not be read behind its end. */
static void test_units_cut_anywhere_are_safe(void)
{
    static const char in[] =
        "* 1 FETCH (FLAGS (\\Seen \"a\") BODY[1]<0> {2}\r\nab ENVELOPE (NIL \"s\\\""
        "\" ((NIL NIL \"a\" \"b\"))) BODYSTRUCTURE ((\"A\" \"B\")))\r\n";

    for (size_t n = 0; n < sizeof in; n++) {
        char *exact = perch_malloc(n);
        struct parsed p;

        CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
        memcpy(exact, in, n);
        parse(&p, exact, n);
        CU_ASSERT(p.rc == 0 || p.rc == PERCH_EPROTO);
        perch_arena_done(&p.arena);
        perch_free(exact);
    }
}

PERCH_SUITE("wire/resp") = {
    PERCH_TEST(test_an_odd_tagged_line_keeps_its_tag_and_condition),
    PERCH_TEST(test_a_failure_says_what_was_understood),
    PERCH_TEST(test_a_limit_is_told_from_a_mistake),
    PERCH_TEST(test_memory_that_ends_is_told_from_a_mistake),
    PERCH_TEST(test_holes_stand_for_streamed_bodies),
    PERCH_TEST(test_units_cut_anywhere_are_safe),
    PERCH_END,
};
