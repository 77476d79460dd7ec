/* Blocking calls: every twin against a script, what is refused inside callbacks, and a loop
 * of the client's own with the server in another thread. */
#include "client/fixture.h"

#include "perch/search.h"
#include "perch/set.h"

#include <pthread.h>

#define HELLO                                                                                      \
    "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN IDLE ENABLE ID UNSELECT ESEARCH] hi\r\n"
#define LOGGED_IN                                                                                  \
    {SERVER_SAY, HELLO}, {SERVER_EXPECT, "AUTHENTICATE PLAIN"},                                    \
    {                                                                                              \
        SERVER_SAY, "%t OK [CAPABILITY IMAP4rev1 IDLE ENABLE ID UNSELECT ESEARCH] in\r\n"          \
    }

static int log_in(perch_client *c)
{
    static const char *const plain[] = {"PLAIN"};
    struct perch_auth_args args = PERCH_AUTH_ARGS_INIT;

    args.mechanisms = plain;
    args.nmechanisms = 1;
    args.user = perch_span_of("tim");
    args.password = perch_span_of("tanstaaftanstaaf");
    return perch_authenticate_sync(c, &args, NULL);
}

/* Connected and logged in, ready for the script's next step. */
static void begin(struct fixture *f, const struct server_step *steps)
{
    fixture_start(f, NULL, steps, PERCH_TLS_NONE, NULL);
    ASSERT_INT(perch_client_connect_sync(f->c), 0);
    ASSERT_INT(log_in(f->c), 0);
    f->events = 0;
}

static void test_connecting_blocks_until_it_is_decided(void)
{
    static const struct server_step steps[] = {
        {SERVER_TLS, NULL}, {SERVER_SAY, HELLO}, {SERVER_END, NULL}};
    struct server_options expired = {.cert = CERT_EXPIRED};
    struct fixture f;

    fixture_start(&f, NULL, steps, PERCH_TLS_IMPLICIT, NULL);
    ASSERT_INT(perch_client_connect_sync(f.c), 0);
    ASSERT_INT(perch_client_connect_sync(f.c), PERCH_ESTATE);
    fixture_stop(&f);

    fixture_start(&f, &expired, steps, PERCH_TLS_IMPLICIT, NULL);
    ASSERT_INT(perch_noop_sync(f.c, NULL), PERCH_ESTATE);
    ASSERT_INT(perch_client_connect_sync(f.c), PERCH_ECERTIFICATE);
    ASSERT_STR(perch_client_error(f.c)->reason, "cert-expired");
    ASSERT_INT(perch_noop_sync(f.c, NULL), PERCH_ESTATE);
    fixture_stop(&f);
}

static void test_session_commands_block_until_answered(void)
{
    static const struct server_step steps[] = {
        {SERVER_SAY, "* OK hi\r\n"},
        {SERVER_EXPECT, "CAPABILITY"},
        {SERVER_SAY, "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n%t OK\r\n"},
        {SERVER_EXPECT, "AUTHENTICATE PLAIN"},
        {SERVER_SAY, "%t OK [CAPABILITY IMAP4rev1 ENABLE ID CONDSTORE] in\r\n"},
        {SERVER_EXPECT, "ID (\"name\" \"perch\")"},
        {SERVER_SAY, "* ID (\"name\" \"test\")\r\n%t OK\r\n"},
        {SERVER_EXPECT, "ENABLE CONDSTORE"},
        {SERVER_SAY, "* ENABLED CONDSTORE\r\n%t OK\r\n"},
        {SERVER_EXPECT, "NOOP"},
        {SERVER_SAY, "%t NO not now\r\n"},
        {SERVER_EXPECT, "LOGOUT"},
        {SERVER_SAY, "* BYE\r\n%t OK\r\n"},
        {SERVER_CLOSE, NULL},
        {SERVER_END, NULL},
    };
    const struct perch_param me[] = {{PERCH_SPAN("name"), PERCH_SPAN("perch")}};
    const char *const condstore[] = {"CONDSTORE"};
    struct fixture f;
    perch_op *op;

    fixture_start(&f, NULL, steps, PERCH_TLS_NONE, NULL);
    ASSERT_INT(perch_client_connect_sync(f.c), 0);
    ASSERT_INT(perch_capability_sync(f.c, NULL), 0);
    CU_ASSERT(perch_session_can(perch_client_session(f.c), PERCH_CAP_SASL_IR));
    ASSERT_INT(log_in(f.c), 0);
    ASSERT_INT(perch_id_sync(f.c, me, 1, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    CU_ASSERT_PTR_NOT_NULL(perch_op_id(op));
    perch_op_unref(op);
    ASSERT_INT(perch_enable_sync(f.c, condstore, 1, NULL), 0);
    CU_ASSERT(perch_session_enabled(perch_client_session(f.c), PERCH_CAP_CONDSTORE));
    ASSERT_INT(perch_noop_sync(f.c, &op), PERCH_ENO); /* refused: the op is there all the same */
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    ASSERT_STR(perch_op_text(op), "not now");
    perch_op_unref(op);
    ASSERT_INT(perch_logout_sync(f.c, NULL), 0);
    CU_ASSERT(loop_until(f.base, &f.closed));
    ASSERT_INT(f.closes, 1);
    CU_ASSERT(perch_noop_sync(f.c, &op) < 0);
    CU_ASSERT_PTR_NULL(op);
    fixture_stop(&f);
}

static void test_mailbox_commands_block_until_answered(void)
{
    static const struct server_step steps[] = {
        LOGGED_IN,
        {SERVER_EXPECT, "LIST"},
        {SERVER_SAY, "* LIST () \"/\" INBOX\r\n* LIST () \"/\" Sent\r\n%t OK\r\n"},
        {SERVER_EXPECT, "STATUS"},
        {SERVER_SAY, "* STATUS INBOX (MESSAGES 7)\r\n%t OK\r\n"},
        {SERVER_EXPECT, "SELECT"},
        {SERVER_SAY, "* 7 EXISTS\r\n* OK [UIDVALIDITY 5]\r\n%t OK [READ-WRITE]\r\n"},
        {SERVER_EXPECT, "UNSELECT"},
        {SERVER_SAY, "%t OK\r\n"},
        {SERVER_END, NULL},
    };
    struct perch_list_args list = PERCH_LIST_ARGS_INIT;
    struct perch_select_args select = PERCH_SELECT_ARGS_INIT;
    const struct perch_list_resp *const *rows;
    struct fixture f;
    perch_op *op;

    begin(&f, steps);
    ASSERT_INT(perch_list_sync(f.c, &list, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    ASSERT_INT(perch_op_lists(op, &rows), 2);
    perch_op_unref(op);
    ASSERT_INT(perch_status_sync(f.c, PERCH_SPAN("INBOX"), false, PERCH_STATUS_MESSAGES, NULL), 0);
    select.mailbox = PERCH_SPAN("INBOX");
    ASSERT_INT(perch_select_sync(f.c, &select, NULL), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(perch_session_mailbox(perch_client_session(f.c)));
    ASSERT_INT(perch_session_mailbox(perch_client_session(f.c))->exists, 7);
    ASSERT_INT(perch_unselect_sync(f.c, NULL), 0);
    CU_ASSERT_PTR_NULL(perch_session_mailbox(perch_client_session(f.c)));
    CU_ASSERT(server_finished(f.server));
    fixture_stop(&f);
}

static void test_message_commands_block_until_answered(void)
{
    static const struct server_step steps[] = {
        LOGGED_IN,
        {SERVER_EXPECT, "SELECT"},
        {SERVER_SAY, "* 2 EXISTS\r\n%t OK\r\n"},
        {SERVER_EXPECT, "UID FETCH 1:9 "},
        {SERVER_SAY, "* 1 FETCH (UID 4 FLAGS ())\r\n* 2 FETCH (UID 9 FLAGS ())\r\n%t OK\r\n"},
        {SERVER_EXPECT, "UID SEARCH"},
        {SERVER_SAY, "* ESEARCH (TAG \"%t\") UID ALL 4,9\r\n%t OK\r\n"},
        {SERVER_END, NULL},
    };
    struct perch_select_args select = PERCH_SELECT_ARGS_INIT;
    struct perch_fetch_args fetch = PERCH_FETCH_ARGS_INIT;
    struct perch_search_args search = PERCH_SEARCH_ARGS_INIT;
    struct perch_search all = perch_search_key(PERCH_SEARCH_ALL);
    struct perch_set set = PERCH_SET_INIT;
    const struct perch_fetch *const *rows;
    struct fixture f;
    perch_op *op;

    begin(&f, steps);
    select.mailbox = PERCH_SPAN("INBOX");
    ASSERT_INT(perch_select_sync(f.c, &select, NULL), 0);
    ASSERT_INT(perch_set_add(&set, 1, 9), 0);
    fetch.set = &set;
    fetch.items = PERCH_ITEM_FLAGS;
    ASSERT_INT(perch_fetch_sync(f.c, &fetch, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    ASSERT_INT(perch_op_fetches(op, &rows), 2);
    ASSERT_INT(rows[1]->uid, 9);
    perch_op_unref(op);
    search.criteria = &all;
    ASSERT_INT(perch_search_sync(f.c, &search, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    CU_ASSERT_PTR_NOT_NULL_FATAL(perch_op_search(op));
    ASSERT_INT(perch_op_search(op)->max, 9);
    perch_op_unref(op);
    perch_set_done(&set);
    fixture_stop(&f);
}

static void test_idle_blocks_until_agreed_and_until_left(void)
{
    static const struct server_step steps[] = {
        LOGGED_IN,
        {SERVER_EXPECT, "SELECT"},
        {SERVER_SAY, "* 7 EXISTS\r\n%t OK\r\n"},
        {SERVER_EXPECT, "IDLE"},
        {SERVER_SAY, "+ idling\r\n"},
        {SERVER_SAY, "* 8 EXISTS\r\n"},
        {SERVER_LINE, "DONE"},
        {SERVER_SAY, "%t OK\r\n"},
        {SERVER_EXPECT, "IDLE"},
        {SERVER_SAY, "%t BAD no\r\n"},
        {SERVER_END, NULL},
    };
    struct perch_select_args select = PERCH_SELECT_ARGS_INIT;
    struct fixture f;
    perch_op *op;

    begin(&f, steps);
    select.mailbox = PERCH_SPAN("INBOX");
    ASSERT_INT(perch_select_sync(f.c, &select, NULL), 0);
    ASSERT_INT(perch_idle_sync(f.c, 0, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    CU_ASSERT_FALSE(perch_op_finished(op));
    while (perch_session_mailbox(perch_client_session(f.c))->exists != 8)
        ASSERT_INT(perch_client_wait(f.c, 20000), 1);
    ASSERT_INT(perch_client_wait(f.c, 5), 0); /* nothing more is said */
    ASSERT_INT(perch_idle_stop_sync(f.c, op), 0);
    CU_ASSERT(perch_op_finished(op));
    perch_op_unref(op);
    ASSERT_INT(perch_idle_sync(f.c, 0, &op), PERCH_EBAD);
    CU_ASSERT_PTR_NOT_NULL(op);
    perch_op_unref(op);
    fixture_stop(&f);
}

static void test_waiting_ends_with_the_connection(void)
{
    static const struct server_step steps[] = {
        LOGGED_IN, {SERVER_EXPECT, "NOOP"}, {SERVER_CUT, NULL}, {SERVER_END, NULL}};
    struct fixture f;

    begin(&f, steps);
    ASSERT_INT(perch_noop_sync(f.c, NULL), PERCH_ECLOSED);
    ASSERT_INT(perch_client_wait(f.c, 20000), PERCH_ECLOSED);
    fixture_stop(&f);
}

/* ---- what is refused ---- */

static int refused[4];

static void block_in_event(struct fixture *f)
{
    perch_op *op = NULL;

    refused[0] = perch_noop_sync(f->c, &op);
    refused[1] = perch_client_wait(f->c, 10);
    refused[2] = perch_idle_sync(f->c, 0, NULL);
    refused[3] = perch_client_connect_sync(f->c);
    CU_ASSERT_PTR_NULL(op);
}

static void test_blocking_inside_a_callback_is_refused(void)
{
    static const struct server_step steps[] = {
        LOGGED_IN,
        {SERVER_EXPECT, "NOOP"},
        {SERVER_SAY, "* 1 EXISTS\r\n%t OK\r\n"},
        {SERVER_END, NULL},
    };
    struct fixture f;

    begin(&f, steps);
    memset(refused, 0, sizeof refused);
    f.in_event = block_in_event;
    ASSERT_INT(perch_noop_sync(f.c, NULL), 0);
    for (size_t i = 0; i < PERCH_COUNT(refused); i++)
        ASSERT_INT(refused[i], PERCH_EREENTRANT);
    fixture_stop(&f);
}

static void block_in_done(struct fixture *f)
{
    refused[0] = perch_client_wait(f->c, 10);
}

static void test_a_completion_that_the_caller_caused_is_a_callback_too(void)
{
    static const struct server_step steps[] = {LOGGED_IN, {SERVER_END, NULL}};
    struct fixture f;
    perch_op *op = NULL;

    begin(&f, steps);
    memset(refused, 0, sizeof refused);
    f.in_done = block_in_done;
    ASSERT_INT(perch_noop_start(perch_client_session(f.c), fixture_done, &f, &op), 0);
    perch_op_cancel(op); /* `done` runs in there, with no frame of the client around it */
    ASSERT_INT(f.dones, 1);
    ASSERT_INT(refused[0], PERCH_EREENTRANT);
    fixture_stop(&f);
}

static void wait_elsewhere(evutil_socket_t fd, short what, void *arg)
{
    struct fixture *f = arg;

    (void)fd;
    (void)what;
    refused[0] = perch_noop_sync(f->c, NULL);
}

static void test_two_clients_cannot_run_one_loop_at_once(void)
{
    static const struct server_step steps[] = {LOGGED_IN, {SERVER_END, NULL}};
    static const struct timeval now = {0, 0};
    struct fixture f, g;
    struct event *ev;

    event_set_log_callback(NULL);
    begin(&f, steps);
    begin(&g, steps);
    /* The event of g's loop blocks on g; then f's server says nothing, so f only waits. */
    ev = event_new(f.base, -1, 0, wait_elsewhere, &f);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ev);
    (void)event_add(ev, &now);
    refused[0] = 0;
    ASSERT_INT(perch_client_wait(f.c, 20), 0);
    ASSERT_INT(refused[0], PERCH_EREENTRANT);
    event_free(ev);
    fixture_stop(&f);
    fixture_stop(&g);
}

/* ---- freeing while somebody waits ---- */

static void free_client(struct fixture *f)
{
    perch_client_free(f->c);
    f->c = NULL;
}

static void test_freeing_in_a_callback_ends_the_wait(void)
{
    static const struct server_step steps[] = {
        LOGGED_IN,
        {SERVER_EXPECT, "NOOP"},
        {SERVER_SAY, "* 1 EXISTS\r\n%t OK\r\n"},
        {SERVER_END, NULL},
    };
    struct fixture f;
    perch_op *op;

    begin(&f, steps);
    f.in_event = free_client;
    ASSERT_INT(perch_noop_sync(f.c, &op), PERCH_ECANCELLED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    CU_ASSERT(perch_op_finished(op));
    perch_op_unref(op);
    fixture_stop(&f);

    begin(&f, steps);
    f.in_event = free_client;
    ASSERT_INT(perch_noop_start(perch_client_session(f.c), NULL, NULL, NULL), 0);
    ASSERT_INT(perch_client_wait(f.c, 20000), PERCH_ECANCELLED);
    fixture_stop(&f);
}

/* ---- an op's own deadline ---- */

static void test_a_deadline_set_later_still_counts(void)
{
    static const struct server_step steps[] = {
        LOGGED_IN, {SERVER_EXPECT, "NOOP"}, {SERVER_END, NULL}};
    struct fixture f;
    perch_op *op;

    begin(&f, steps);
    ASSERT_INT(perch_noop_start(perch_client_session(f.c), fixture_done, &f, &op), 0);
    loop_settle(f.base); /* sent, and the timer set for five minutes */
    perch_op_set_timeout(op, 20);
    CU_ASSERT(loop_until(f.base, &f.done));
    ASSERT_INT(f.done_code, PERCH_ETIMEOUT);
    fixture_stop(&f);
}

/* ---- a loop of the client's own ---- */

static void *serve(void *user)
{
    struct fixture *f = user;

    while (!server_saw_end(f->server))
        (void)event_base_loop(f->base, EVLOOP_ONCE);
    return NULL;
}

static void test_a_client_has_a_loop_of_its_own(void)
{
    static const struct server_step steps[] = {
        {SERVER_TLS, NULL},        LOGGED_IN,
        {SERVER_EXPECT, "NOOP"},   {SERVER_SAY, "* 1 EXISTS\r\n"},
        {SERVER_SAY, "%t OK\r\n"}, {SERVER_END, NULL},
    };
    struct perch_client_options o = PERCH_CLIENT_OPTIONS_INIT;
    struct fixture f = {.base = event_base_new()};
    pthread_t thread;
    perch_client *c;

    f.server = server_new(f.base, NULL, steps);
    f.trust = perch_trust_new(NULL, certs_authority(), NULL);
    o.host = CERT_HOST;
    o.fd = server_peer(f.server);
    o.trust = f.trust;
    c = perch_client_new(NULL, &o, NULL, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    (void)certs_server(CERT_GOOD);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, serve, &f), 0);
    ASSERT_INT(perch_client_connect_sync(c), 0);
    ASSERT_INT(log_in(c), 0);
    ASSERT_INT(perch_noop_sync(c, NULL), 0);
    perch_client_free(c);
    CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
    fixture_stop(&f);
}

PERCH_SUITE("client/sync") = {
    PERCH_TEST(test_connecting_blocks_until_it_is_decided),
    PERCH_TEST(test_session_commands_block_until_answered),
    PERCH_TEST(test_mailbox_commands_block_until_answered),
    PERCH_TEST(test_message_commands_block_until_answered),
    PERCH_TEST(test_idle_blocks_until_agreed_and_until_left),
    PERCH_TEST(test_waiting_ends_with_the_connection),
    PERCH_TEST(test_blocking_inside_a_callback_is_refused),
    PERCH_TEST(test_a_completion_that_the_caller_caused_is_a_callback_too),
    PERCH_TEST(test_two_clients_cannot_run_one_loop_at_once),
    PERCH_TEST(test_freeing_in_a_callback_ends_the_wait),
    PERCH_TEST(test_a_deadline_set_later_still_counts),
    PERCH_TEST(test_a_client_has_a_loop_of_its_own),
    PERCH_END,
};
