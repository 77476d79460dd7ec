/* Bodies through a socket: a pause reaches the server, and reading goes on behind it. */
#include "client/fixture.h"

#define BODY_SIZE ((size_t)4 << 20)

/* What may be on its way while nothing is read: the socket's two buffers, one turn's rx and, with
 * TLS, its ciphertext. Far below the body. */
#define IN_FLIGHT ((size_t)1 << 20)

#define GREETING "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n"

struct reader {
    struct fixture f;
    perch_op *op;
    struct event *alarm;
    size_t got, pause_every, since;
    unsigned pauses, begins, ends, rows;
    bool paused, in_order;
    void (*in_pause)(struct reader *r);
};

/* ---- the script ---- */

static char answer[BODY_SIZE + 128];

/* A body in which each place has a byte of its own kind. */
static char body_byte(size_t at)
{
    return (char)('a' + (at ^ at >> 8 ^ at >> 16) % 26);
}

static const struct server_step steps[] = {
    {SERVER_SAY, GREETING},
    {SERVER_EXPECT, "SELECT \"INBOX\""},
    {SERVER_SAY, "* 1 EXISTS\r\n%t OK\r\n"},
    {SERVER_EXPECT, "UID FETCH 1 (BODY.PEEK[])"},
    {SERVER_SAY, answer},
    {SERVER_SAY, "%t OK done\r\n"},
    {SERVER_END, NULL},
};

static const struct server_step tls_steps[] = {
    {SERVER_TLS, NULL},
    {SERVER_SAY, GREETING},
    {SERVER_EXPECT, "SELECT \"INBOX\""},
    {SERVER_SAY, "* 1 EXISTS\r\n%t OK\r\n"},
    {SERVER_EXPECT, "UID FETCH 1 (BODY.PEEK[])"},
    {SERVER_SAY, answer},
    {SERVER_SAY, "%t OK done\r\n"},
    {SERVER_CLOSE, NULL}, /* the end waits behind the data */
    {SERVER_END, NULL},
};

static void write_answer(void)
{
    int n = snprintf(answer, sizeof answer, "* 1 FETCH (UID 1 BODY[] {%zu}\r\n", BODY_SIZE);

    for (size_t i = 0; i < BODY_SIZE; i++)
        answer[(size_t)n + i] = body_byte(i);
    (void)snprintf(answer + (size_t)n + BODY_SIZE, sizeof answer - (size_t)n - BODY_SIZE, ")\r\n");
}

/* ---- the sink ---- */

static void on_begin(perch_op *op, const struct perch_body_head *head, void *user)
{
    struct reader *r = user;

    (void)op;
    r->begins++;
    ASSERT_INT(head->uid, 1);
    ASSERT_INT(head->section->size, BODY_SIZE);
}

static int on_data(perch_op *op, const uint8_t *p, size_t n, void *user)
{
    struct reader *r = user;

    (void)op;
    CU_ASSERT(!r->paused);
    for (size_t i = 0; i < n; i++)
        r->in_order = r->in_order && (char)p[i] == body_byte(r->got + i);
    r->got += n;
    r->since += n;
    if (!r->pause_every || r->since < r->pause_every)
        return 0;
    r->since = 0;
    r->pauses++;
    r->paused = true;
    if (r->in_pause)
        r->in_pause(r);
    return PERCH_PAUSE;
}

static void on_end(perch_op *op, void *user)
{
    struct reader *r = user;

    (void)op;
    CU_ASSERT(!r->paused);
    ASSERT_INT(r->got, BODY_SIZE);
    r->ends++;
}

static void on_fetch(perch_op *op, const struct perch_fetch *row, void *user)
{
    struct reader *r = user;

    (void)op;
    CU_ASSERT(row->sections[0].streamed);
    r->rows++;
}

static void on_done(perch_op *op, void *user)
{
    fixture_done(op, &((struct reader *)user)->f);
}

static void resume(struct reader *r)
{
    r->paused = false;
    perch_op_resume(r->op);
}

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    resume(arg);
}

/* From the loop's next turn. */
static void resume_later(struct reader *r)
{
    event_active(r->alarm, EV_TIMEOUT, 1);
}

/* ---- a FETCH that has left ---- */

static void begin_at(struct reader *r, const struct server_options *so,
                     const struct server_step *script, bool tls)
{
    static const char *const sections[] = {"BODY.PEEK[]"};
    struct perch_client_options o = PERCH_CLIENT_OPTIONS_INIT;
    struct perch_select_args select = PERCH_SELECT_ARGS_INIT;
    struct perch_fetch_args fetch = PERCH_FETCH_ARGS_INIT;
    struct perch_range range = {1, 1};
    struct perch_set set = {.r = &range, .n = 1};

    r->in_order = true;
    o.allow_preauth = true;
    fixture_start(&r->f, so, script, tls ? PERCH_TLS_IMPLICIT : PERCH_TLS_NONE, &o);
    r->alarm = event_new(r->f.base, -1, 0, on_alarm, r);
    write_answer();
    ASSERT_INT(fixture_connect(&r->f), 0);
    select.mailbox = perch_span_of("INBOX");
    ASSERT_INT(perch_select_sync(r->f.c, &select, NULL), 0);
    fetch.set = &set;
    fetch.sections = sections;
    fetch.nsections = 1;
    fetch.on_fetch = on_fetch;
    fetch.on_body_begin = on_begin;
    fetch.on_body_data = on_data;
    fetch.on_body_end = on_end;
    CU_ASSERT_EQUAL_FATAL(
        perch_fetch_start(perch_client_session(r->f.c), &fetch, on_done, r, &r->op), 0);
    (void)perch_op_ref(r->op);
}

static void begin(struct reader *r, const struct server_step *script, bool tls)
{
    begin_at(r, NULL, script, tls);
}

static void stop(struct reader *r)
{
    perch_op_unref(r->op);
    event_free(r->alarm);
    fixture_stop(&r->f);
}

static void expect_all(struct reader *r)
{
    CU_ASSERT(loop_until(r->f.base, &r->f.done));
    ASSERT_INT(r->f.done_code, 0);
    ASSERT_INT(r->begins, 1);
    ASSERT_INT(r->ends, 1);
    ASSERT_INT(r->rows, 1);
    ASSERT_INT(r->got, BODY_SIZE);
    CU_ASSERT(r->in_order);
}

/* Runs the loop until nothing moves any more. */
static void come_to_rest(struct reader *r)
{
    size_t before;

    do {
        before = server_sent(r->f.server);
        loop_settle(r->f.base);
    } while (server_sent(r->f.server) != before);
}

/* ---- the tests ---- */

static void whole(const struct server_step *script, bool tls)
{
    struct reader r = {.pause_every = 0};

    begin(&r, script, tls);
    expect_all(&r);
    stop(&r);
}

static void test_a_body_comes_whole_and_in_order(void)
{
    whole(steps, false);
    whole(tls_steps, true);
}

/* Stops at its first bytes, stays so, goes on from outside. */
static void pause_once(const struct server_step *script, bool tls)
{
    struct reader r = {.pause_every = 1};
    size_t sent, got;

    begin(&r, script, tls);
    CU_ASSERT(loop_until(r.f.base, &r.paused));
    come_to_rest(&r);
    sent = server_sent(r.f.server);
    got = r.got;
    CU_ASSERT(sent < got + IN_FLIGHT); /* the server's send found no room */
    come_to_rest(&r);
    ASSERT_INT(server_sent(r.f.server), sent);
    ASSERT_INT(r.got, got);
    CU_ASSERT(!r.f.done);
    r.pause_every = 0;
    resume(&r);
    ASSERT_INT(r.got, got); /* nothing is called back in there */
    expect_all(&r);
    stop(&r);
}

static void test_a_pause_makes_the_server_wait(void)
{
    pause_once(steps, false);
    pause_once(tls_steps, true);
}

/* The buffers hold what one turn brings, and not more with each pause. */
static void expect_bounded(struct reader *r)
{
    CU_ASSERT(perch_client_bytes_in(r->f.c) < r->got + IN_FLIGHT / 2);
    resume_later(r);
}

static void pause_often(const struct server_step *script, bool tls)
{
    struct reader r = {.pause_every = 1, .in_pause = expect_bounded};

    begin(&r, script, tls);
    expect_all(&r);
    CU_ASSERT(r.pauses >= BODY_SIZE / (128 * 1024));
    stop(&r);
}

static void test_a_pause_at_each_piece_loses_nothing_and_hoards_nothing(void)
{
    pause_often(steps, false);
    pause_often(tls_steps, true);
}

static void pause_and_cancel(const struct server_step *script, bool tls)
{
    struct reader r = {.pause_every = 1};

    begin(&r, script, tls);
    CU_ASSERT(loop_until(r.f.base, &r.paused));
    perch_op_cancel(r.op);
    CU_ASSERT(r.f.done);
    ASSERT_INT(r.f.done_code, PERCH_ECANCELLED);
    r.f.done = false;
    if (tls) { /* the connection goes on to its end */
        CU_ASSERT(loop_until(r.f.base, &r.f.closed));
    } else {
        CU_ASSERT_EQUAL_FATAL(perch_noop_start(perch_client_session(r.f.c), on_done, &r, NULL), 0);
        come_to_rest(&r);
        CU_ASSERT(server_finished(r.f.server));
        CU_ASSERT(strstr(server_got(r.f.server), " NOOP\r\n") != NULL);
        ASSERT_INT(r.f.closes, 0);
    }
    ASSERT_INT(r.ends, 0);
    ASSERT_INT(r.rows, 0);
    stop(&r);
}

static void test_a_cancelled_op_leaves_the_connection_reading(void)
{
    pause_and_cancel(steps, false);
    pause_and_cancel(tls_steps, true);
}

static void pause_and_free(bool tls)
{
    struct reader r = {.pause_every = 1};

    begin(&r, tls ? tls_steps : steps, tls);
    CU_ASSERT(loop_until(r.f.base, &r.paused));
    perch_client_free(r.f.c);
    r.f.c = NULL;
    ASSERT_INT(r.f.dones, 1);
    ASSERT_INT(r.f.done_code, PERCH_ECANCELLED);
    ASSERT_INT(r.ends, 0);
    stop(&r);
}

static void test_freeing_a_paused_client_completes_the_op(void)
{
    pause_and_free(false);
    pause_and_free(true);
}

/* The wire is cut in the middle of the body. */
static void test_a_connection_cut_in_a_body_fails_the_op(void)
{
    struct server_options cut = {.cut_at = BODY_SIZE / 2};
    struct reader r = {.pause_every = 0};

    begin_at(&r, &cut, steps, false);
    CU_ASSERT(loop_until(r.f.base, &r.f.done));
    ASSERT_INT(r.f.done_code, PERCH_ECLOSED);
    ASSERT_INT(r.begins, 1);
    CU_ASSERT(r.got > 0 && r.got < BODY_SIZE);
    ASSERT_INT(r.ends, 0);
    ASSERT_INT(r.rows, 0);
    stop(&r);
}

PERCH_SUITE("client/body") = {
    PERCH_TEST(test_a_body_comes_whole_and_in_order),
    PERCH_TEST(test_a_pause_makes_the_server_wait),
    PERCH_TEST(test_a_pause_at_each_piece_loses_nothing_and_hoards_nothing),
    PERCH_TEST(test_a_cancelled_op_leaves_the_connection_reading),
    PERCH_TEST(test_freeing_a_paused_client_completes_the_op),
    PERCH_TEST(test_a_connection_cut_in_a_body_fails_the_op),
    PERCH_END,
};
