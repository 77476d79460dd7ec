#include "support/failmem.h"
#include "support/feed.h"
#include "support/perch_test.h"

#include "perch/response.h"

#include "base/buf.h"

/* ---- streamed bodies ---- */

struct sink {
    struct perch_buf bodies; /* all streamed bodies, one behind the other */
    uint64_t announced;
    unsigned responses, begun;
};

static void on_begin(struct perch_span so_far, uint64_t size, void *user)
{
    struct sink *s = user;

    CU_ASSERT(so_far.n > 3 && memcmp(so_far.p + so_far.n - 3, "}\r\n", 3) == 0);
    s->begun++;
    s->announced += size;
}

static void on_data(const uint8_t *data, size_t len, void *user)
{
    struct sink *s = user;

    perch_buf_add(&s->bodies, data, len);
}

static void on_response(const struct perch_resp *resp, void *user)
{
    struct sink *s = user;

    s->responses++;
    if (resp->type == PERCH_RESP_FETCH)
        for (size_t i = 0; i < resp->u.fetch.nsections; i++)
            CU_ASSERT(resp->u.fetch.sections[i].streamed);
}

static int feed_reader(const void *data, size_t len, void *user)
{
    return perch_reader_feed(user, data, len);
}

/* Bodies with line ends, braces and half responses in them come out byte for byte. */
static void test_streamed_bodies_come_out_whole(void)
{
    static const char piece[] = "a\r\n* 5 EXISTS\r\n)\r\n{3}\r\n\0z";
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;
    struct perch_buf in = PERCH_BUF_INIT, want = PERCH_BUF_INIT;

    o.limits.inline_literal = 10;
    for (unsigned i = 0; i < 200; i++) {
        perch_buf_addf(&in, "* %u FETCH (BODY[1] {%zu}\r\n", i + 1, sizeof piece);
        perch_buf_add(&in, piece, sizeof piece);
        perch_buf_addf(&in, " BODY[2] {%zu}\r\n", sizeof piece);
        perch_buf_add(&in, piece, sizeof piece);
        perch_buf_adds(&in, ")\r\n");
        perch_buf_add(&want, piece, sizeof piece);
        perch_buf_add(&want, piece, sizeof piece);
    }
    for (unsigned way = 0; way < PERCH_FEED_WAYS; way++) {
        struct perch_reader_hooks hooks = {.size = sizeof hooks,
                                           .on_response = on_response,
                                           .on_body_begin = on_begin,
                                           .on_body_data = on_data};
        struct sink s = {.bodies = PERCH_BUF_INIT};
        perch_reader *r = perch_reader_new(&o, &hooks, &s);

        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        ASSERT_INT(perch_feed(way, perch_buf_data(&in), in.len, feed_reader, r), 0);
        ASSERT_INT(perch_reader_finish(r), 0);
        ASSERT_INT(s.responses, 200);
        ASSERT_INT(s.begun, 400);
        ASSERT_INT(s.announced, want.len);
        ASSERT_INT(s.bodies.len, want.len);
        CU_ASSERT(s.bodies.len == want.len &&
                  memcmp(perch_buf_data(&s.bodies), perch_buf_data(&want), want.len) == 0);
        perch_buf_done(&s.bodies);
        perch_reader_free(r);
    }
    perch_buf_done(&in);
    perch_buf_done(&want);
}

static void test_a_body_cut_off_is_malformed_at_the_end(void)
{
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;
    struct sink s = {.bodies = PERCH_BUF_INIT};
    struct perch_reader_hooks hooks = {
        .size = sizeof hooks, .on_response = on_response, .on_body_data = on_data};
    static const char in[] = "* 1 FETCH (BODY[] {100}\r\nonly this";
    perch_reader *r;

    o.limits.inline_literal = 10;
    r = perch_reader_new(&o, &hooks, &s);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    ASSERT_INT(perch_reader_feed(r, in, strlen(in)), 0);
    ASSERT_SPAN(perch_buf_span(&s.bodies), "only this");
    ASSERT_INT(perch_reader_finish(r), 0);
    ASSERT_INT(s.responses, 0);
    ASSERT_INT(perch_reader_feed(r, "* 1 EXISTS\r\n", 12), 0); /* a new stream */
    ASSERT_INT(s.responses, 1);
    perch_buf_done(&s.bodies);
    perch_reader_free(r);
}

/* ---- errors ---- */

static void test_lost_framing_stays_lost_and_says_why(void)
{
    perch_reader *r = perch_reader_new(NULL, NULL, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    ASSERT_INT(perch_reader_error(r)->code, 0);
    ASSERT_INT(perch_reader_feed(r, "* LIST () \"/\" {x}\r\n", 19), PERCH_EPROTO);
    ASSERT_INT(perch_reader_feed(r, "* 1 EXISTS\r\n", 12), PERCH_EPROTO);
    ASSERT_INT(perch_reader_error(r)->code, PERCH_EPROTO);
    ASSERT_INT(perch_reader_error(r)->radius, PERCH_HITS_CONNECTION);
    CU_ASSERT(strstr(perch_reader_error(r)->text, "{x}") != NULL);
    ASSERT_INT(perch_reader_finish(r), PERCH_EPROTO);
    perch_reader_free(r);
}

static void test_hooks_and_options_may_be_missing(void)
{
    struct perch_reader_options small = {.size = sizeof(size_t)}; /* of an older library */
    perch_reader *r = perch_reader_new(&small, NULL, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    ASSERT_INT(perch_reader_feed(r, "* 1 EXISTS\r\nnonsense\r\n* LIST () \"\" x\r\n", 39), 0);
    ASSERT_INT(perch_reader_finish(r), 0);
    perch_reader_free(r);
    perch_reader_free(NULL);
}

/* ---- memory ---- */

static int read_all_kinds(void *user)
{
    static const char in[] =
        "* 1 FETCH (FLAGS (a b c d e f g h i j k l m n o p q r s) BODY[] {12}\r\n"
        "012345678901 ENVELOPE (NIL \"a \\\"b\\\"\" ((NIL NIL \"x\" \"y\")) NIL NIL NIL NIL NIL "
        "NIL "
        "NIL) BODYSTRUCTURE ((\"A\" \"B\" (\"k\" \"v\") NIL NIL \"7BIT\" 1) \"MIXED\"))\r\n"
        "* LIST () \"/\" Entw&APw-rfe\r\n* SEARCH 5 4 9 1\r\n* THREAD (1 2)\r\n";
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;
    perch_reader *r;
    int rc;

    (void)user;
    o.limits.inline_literal = 4;
    r = perch_reader_new(&o, NULL, NULL);
    if (!r)
        return PERCH_ENOMEM;
    rc = perch_reader_feed(r, in, 100); /* in two, so that something is kept */
    if (rc == 0)
        rc = perch_reader_feed(r, in + 100, strlen(in) - 100);
    if (rc == 0)
        rc = perch_reader_finish(r);
    perch_reader_free(r);
    return rc;
}

static void test_every_allocation_may_fail(void)
{
    CU_ASSERT(perch_failmem(read_all_kinds, NULL) > 5);
}

PERCH_SUITE("wire/reader") = {
    PERCH_TEST(test_streamed_bodies_come_out_whole),
    PERCH_TEST(test_a_body_cut_off_is_malformed_at_the_end),
    PERCH_TEST(test_lost_framing_stays_lost_and_says_why),
    PERCH_TEST(test_hooks_and_options_may_be_missing),
    PERCH_TEST(test_every_allocation_may_fail),
    PERCH_END,
};
