/* Accounts against servers that follow a script: what is asked, in which order, and which
 * events come of the answers. */
#include "engine/status.h"
#include "engine/supervisor.h"

#include "support/perch_test.h"
#include "support/server.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/span.h"

#include <event2/event.h>

#include <stdlib.h>

#define PATIENCE_MS 20000 /* a test that hangs fails */

#define SAY(text)                                                                                  \
    {                                                                                              \
        SERVER_SAY, text                                                                           \
    }
#define EXPECT(text)                                                                               \
    {                                                                                              \
        SERVER_EXPECT, text                                                                        \
    }
#define LINE(text)                                                                                 \
    {                                                                                              \
        SERVER_LINE, text                                                                          \
    }
#define CUT                                                                                        \
    {                                                                                              \
        SERVER_CUT, NULL                                                                           \
    }
#define END                                                                                        \
    {                                                                                              \
        SERVER_END, NULL                                                                           \
    }

/* ---- the scene: a supervisor with one account, and the servers that it talks to ---- */

static char key[] = "work", user_name[] = "anna", host[] = "127.0.0.1", hook_name[] = "any";

static struct {
    struct event_base *base;
    struct store *store;
    struct supervisor *supervisor;
    struct server *server;
    struct event *tick; /* so that a wait can see that it has been too long */
    struct config config;
    struct config_account account;
    struct config_binding binding;
    struct config_hook hook;
    char events[16384]; /* "new INBOX 3 live; deleted INBOX 2 late; " */
    size_t nevents;
    int secrets, fresh_secrets;
    bool stopped;
} scene;

static void want_secret(struct account *a, bool fresh, void *user)
{
    (void)user;
    scene.secrets++;
    scene.fresh_secrets += fresh;
    account_secret(a, "secret", NULL);
}

static void note_event(const json_t *json)
{
    const json_t *mailbox = json_object_get(json, "mailbox");
    const char *name = json_string_value(json_object_get(mailbox, "name"));
    size_t len = strlen(scene.events);

    scene.nevents++;
    (void)snprintf(scene.events + len, sizeof scene.events - len, "%s %s %lld %s; ",
                   json_string_value(json_object_get(json, "kind")), name ? name : "-",
                   json_integer_value(json_object_get(json, "uid")),
                   json_is_true(json_object_get(json, "live")) ? "live" : "late");
}

static void publish(const struct emission *e, void *user)
{
    (void)user;
    for (const struct emitted *event = e->first; event; event = event->next) {
        json_t *json = json_loads(event->json, 0, NULL);

        note_event(json);
        json_decref(json);
    }
}

static void store_broke(void *user)
{
    (void)user;
    FAIL_ROW("the store broke");
}

static void on_stopped(void *user)
{
    (void)user;
    scene.stopped = true;
}

static void on_tick(int fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user;
}

static void begin_scene(void)
{
    static const struct supervisor_hooks hooks = {want_secret, publish, store_broke, on_stopped};
    static const struct timeval often = {.tv_usec = 100000};
    struct store_error error = {""};

    memset(&scene, 0, sizeof scene);
    scene.base = event_base_new();
    if (store_open(NULL, scene.base, &scene.store, &error) < 0)
        FAIL_ROW("store_open: %s", error.text);
    scene.hook = (struct config_hook){.name = hook_name};
    scene.binding = (struct config_binding){.kinds = EVENT_ALL};
    scene.account = (struct config_account){
        .key = key,
        .user = user_name,
        .host = host,
        .tls = TLS_MODE_NONE,
        .renew_ms = 1000000,
        .poll_ms = 1000000,
        .rescan_ms = 1000000,
        .password = {.kind = SECRET_FILE},
        .bindings = &scene.binding,
        .nbindings = 1,
    };
    scene.config = (struct config){
        .generation = 1,
        .max_connections = 10,
        .connects_per_second = 50,
        .hooks = &scene.hook,
        .nhooks = 1,
        .accounts = &scene.account,
        .naccounts = 1,
    };
    scene.supervisor = supervisor_new(scene.base, scene.store, &hooks, NULL);
    scene.tick = event_new(scene.base, -1, EV_PERSIST, on_tick, NULL);
    (void)event_add(scene.tick, &often);
}

static void end_scene(void)
{
    supervisor_close(scene.supervisor);
    server_free(scene.server);
    store_close(scene.store);
    supervisor_free(scene.supervisor);
    event_free(scene.tick);
    event_base_free(scene.base);
}

static struct account *the_account(void)
{
    return supervisor_find(scene.supervisor, key);
}

/* A server for the account's next connection, which is made at once; it cuts the wire after so
 * many bytes (0: not). */
static void serve_cut(const struct server_step *steps, size_t cut_at)
{
    const struct server_options options = {.listen = true, .cut_at = cut_at};

    server_free(scene.server);
    scene.server = server_new(scene.base, &options, steps);
    scene.account.port = server_port(scene.server);
    ASSERT_INT(supervisor_use(scene.supervisor, &scene.config), 0);
}

static void serve(const struct server_step *steps)
{
    scene.events[0] = '\0';
    scene.nevents = 0;
    serve_cut(steps, 0);
}

/* Until the condition holds; false (and a failure) when that takes too long. */
static bool wait_for(bool (*condition)(size_t n), size_t n)
{
    int64_t deadline = perch_clock_ms() + PATIENCE_MS;

    while (!condition(n)) {
        if (perch_clock_ms() > deadline) {
            FAIL_ROW("stuck: %s, script %s, %zu events: %s",
                     account_state_name(the_account()->state),
                     server_finished(scene.server) ? "played" : "not played", scene.nevents,
                     scene.events);
            return false;
        }
        (void)event_base_loop(scene.base, EVLOOP_ONCE);
    }
    return true;
}

static bool settled(size_t nevents)
{
    const struct account *a = the_account();

    return server_finished(scene.server) && scene.nevents >= nevents && flow_idle(a) &&
           !a->sync.busy && !a->sync.set;
}

static bool flow_done(size_t n)
{
    (void)n;
    return flow_idle(the_account());
}

static bool watching(size_t n)
{
    (void)n;
    return the_account()->state == ACCOUNT_WATCHING;
}

static bool waiting(size_t n)
{
    (void)n;
    return the_account()->state == ACCOUNT_WAITING && flow_idle(the_account());
}

static bool enough(size_t nevents)
{
    return scene.nevents >= nevents;
}

static bool stopped(size_t n)
{
    (void)n;
    return scene.stopped;
}

/* Until the script was played, everything heard is durable, and so many events were told. */
static void run_until(size_t nevents)
{
    (void)wait_for(settled, nevents);
}

/* Drops the connection; the next serve() makes another one. */
static void disconnect(void)
{
    struct perch_error error = {.code = PERCH_ECLOSED, .radius = PERCH_HITS_CONNECTION};

    account_fail(the_account(), &error);
    (void)wait_for(flow_done, 0);
}

/* What is known of INBOX. */
static const struct mailbox *inbox(void)
{
    return account_mailbox_by_raw(the_account(), PERCH_SPAN("INBOX"));
}

/* ---- pieces of scripts ---- */

#define CAPS_QRESYNC   "IMAP4rev1 SASL-IR AUTH=PLAIN ENABLE IDLE CONDSTORE QRESYNC ESEARCH"
#define CAPS_CONDSTORE "IMAP4rev1 SASL-IR AUTH=PLAIN IDLE CONDSTORE ESEARCH"
#define CAPS_PLAIN     "IMAP4rev1 SASL-IR AUTH=PLAIN IDLE"

#define LOGIN(caps)                                                                                \
    SAY("* OK [CAPABILITY " caps "] hi\r\n"), EXPECT("AUTHENTICATE PLAIN "),                       \
        SAY("%t OK [CAPABILITY " caps "] in\r\n")
#define LIST(rows) EXPECT("LIST \"\" \"*\""), SAY(rows "%t OK listed\r\n")
#define LIST_INBOX LIST("* LIST () \"/\" INBOX\r\n")
#define ENABLE     EXPECT("ENABLE QRESYNC"), SAY("* ENABLED QRESYNC\r\n%t OK enabled\r\n")
#define OPENED(exists, uidvalidity, uidnext, modseq)                                               \
    "* " exists " EXISTS\r\n* OK [UIDVALIDITY " uidvalidity "] ok\r\n* OK [UIDNEXT " uidnext       \
    "] ok\r\n* OK [" modseq "] ok\r\n"
#define IDLE EXPECT("IDLE"), SAY("+ idling\r\n")
/* The server has something to say in IDLE, and perch asks something because of it. */
#define LEAVE_IDLE(push) SAY(push), LINE("DONE"), SAY("%t OK idled\r\n")

#define WHOLE(seq, uid, flags, modseq)                                                             \
    "* " seq " FETCH (UID " uid " FLAGS (" flags ") MODSEQ (" modseq                               \
    ") RFC822.SIZE 100 ENVELOPE (NIL \"about " uid "\" NIL NIL NIL NIL NIL NIL NIL NIL))\r\n"
#define WHOLE_PLAIN(seq, uid, flags)                                                               \
    "* " seq " FETCH (UID " uid " FLAGS (" flags ") RFC822.SIZE 100 ENVELOPE (NIL \"about " uid    \
    "\" NIL NIL NIL NIL NIL NIL NIL NIL))\r\n"

/* INBOX with the UIDs 1 to 3, all unseen, known and watched. */
static void settle_qresync(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (CONDSTORE)"),
        SAY(OPENED("3", "7", "4", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        EXPECT("UID SEARCH RETURN (ALL) ALL"),
        SAY("* ESEARCH (TAG \"%t\") UID ALL 1:3\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1:3 (UID FLAGS MODSEQ"),
        SAY(WHOLE("1", "1", "", "11") WHOLE("2", "2", "", "12")
                WHOLE("3", "3", "", "13") "%t OK\r\n"),
        IDLE,
        END,
    };

    serve(steps);
    run_until(1);
    ASSERT_STR(scene.events, "connected - 0 live; ");
    disconnect();
}

static void settle_plain(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("3", "7", "4", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("UID SEARCH ALL"),
        SAY("* SEARCH 1 2 3\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1:3 (UID FLAGS INTERNALDATE"),
        SAY(WHOLE_PLAIN("1", "1", "") WHOLE_PLAIN("2", "2", "")
                WHOLE_PLAIN("3", "3", "") "%t OK\r\n"),
        IDLE,
        END,
    };

    serve(steps);
    run_until(1);
    disconnect();
}

/* ---- QRESYNC ---- */

static void test_qresync_finds_what_was_missed_in_one_answer(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY(OPENED("3", "7", "5", "HIGHESTMODSEQ 30")),
        SAY("* VANISHED (EARLIER) 2\r\n* 2 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (25))\r\n"),
        SAY("* 3 FETCH (UID 4 FLAGS () MODSEQ (24))\r\n%t OK\r\n"),
        EXPECT("UID FETCH 4:4294967295 (UID FLAGS MODSEQ"),
        SAY(WHOLE("3", "4", "", "24") "%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_qresync();
    serve(steps);
    run_until(4);
    ASSERT_STR(scene.events, "connected - 0 live; deleted INBOX 2 late; flags INBOX 3 late; "
                             "new INBOX 4 late; ");
    ASSERT_INT(inbox()->known.highestmodseq, 30);
    ASSERT_INT(inbox()->known.uidnext, 5);
    ASSERT_INT(inbox()->known.messages, 3);
    CU_ASSERT_TRUE(status_healthy(the_account()));
    end_scene();
}

static void test_pushes_are_live_events(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY(OPENED("3", "7", "4", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        IDLE,
        SAY("* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (21))\r\n* VANISHED 2\r\n"),
        LEAVE_IDLE("* 3 EXISTS\r\n"),
        EXPECT("UID FETCH 4:4294967295 ("),
        SAY(WHOLE("3", "4", "", "23") "%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_qresync();
    serve(steps);
    run_until(4);
    CU_ASSERT_PTR_NOT_NULL(strstr(scene.events, "flags INBOX 1 live; "));
    CU_ASSERT_PTR_NOT_NULL(strstr(scene.events, "deleted INBOX 2 live; "));
    CU_ASSERT_PTR_NOT_NULL(strstr(scene.events, "new INBOX 4 live; "));
    ASSERT_INT(scene.nevents, 4);
    end_scene();
}

static void test_the_cursor_moves_at_tagged_answers_only(void)
{
    static const struct server_step pushes[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY(OPENED("3", "7", "4", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        IDLE,
        SAY("* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (90))\r\n"),
        END,
    };
    static const struct server_step answers[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"), /* 90 was pushed, but never answered */
        SAY(OPENED("3", "7", "4", "HIGHESTMODSEQ 90")),
        SAY("* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (90))\r\n%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 4 EXISTS\r\n* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (99))\r\n"),
        EXPECT("UID FETCH 4:4294967295 ("),
        /* A smaller expunge is still held back: RFC 7162 section 6. */
        SAY(WHOLE("4", "4", "", "95") "%t OK [HIGHESTMODSEQ 94] fetched\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_qresync();
    serve(pushes);
    run_until(2);
    ASSERT_INT(inbox()->known.highestmodseq, 20);
    disconnect();
    serve(answers);
    run_until(3);
    CU_ASSERT_PTR_NULL(strstr(scene.events, "flags INBOX 1"));
    ASSERT_INT(inbox()->known.highestmodseq, 94);
    end_scene();
}

static void test_a_push_without_modseq_is_asked_for(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY(OPENED("3", "7", "4", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 1 FETCH (FLAGS (\\Flagged))\r\n"),
        EXPECT("UID FETCH 1:3 (UID FLAGS MODSEQ) (CHANGEDSINCE 20)"),
        SAY("* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (21))\r\n%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_qresync();
    serve(steps);
    run_until(2);
    ASSERT_STR(scene.events, "connected - 0 live; flags INBOX 1 live; ");
    end_scene();
}

/* The rows of first..last and the tagged answer, from the heap. */
static char *many_rows(unsigned first, unsigned last)
{
    struct perch_buf b = PERCH_BUF_INIT;

    for (unsigned uid = first; uid <= last; uid++)
        perch_buf_addf(&b, "* %u FETCH (UID %u FLAGS () MODSEQ (9) RFC822.SIZE 1)\r\n", uid, uid);
    perch_buf_adds(&b, "%t OK fetched\r\n");
    (void)perch_buf_cstr(&b); /* the NUL */
    return (char *)b.p;
}

static void test_a_first_contact_that_was_cut_goes_on_downwards(void)
{
    char *upper = many_rows(101, 600), *lower = many_rows(1, 100);
    const struct server_step first[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (CONDSTORE)"),
        SAY(OPENED("600", "7", "601", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        EXPECT("UID SEARCH RETURN (ALL) ALL"),
        SAY("* ESEARCH (TAG \"%t\") UID ALL 1:600\r\n%t OK\r\n"),
        EXPECT("UID FETCH 101:600 ("),
        SAY(upper),
        EXPECT("UID FETCH 1:100 ("),
        CUT,
        END,
    };
    const struct server_step second[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20 101:4294967295))"),
        SAY(OPENED("600", "7", "601", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        EXPECT("UID SEARCH RETURN (ALL) ALL"),
        SAY("* ESEARCH (TAG \"%t\") UID ALL 1:600\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1:100 ("),
        SAY(lower),
        IDLE,
        END,
    };

    begin_scene();
    scene.account.first_run = FIRST_RUN_ALL;
    serve(first);
    (void)wait_for(waiting, 0);
    ASSERT_INT(scene.nevents, 502); /* connected, 500 old messages, disconnected */
    ASSERT_INT(inbox()->initial_below, 101);
    serve(second);
    run_until(101);
    ASSERT_INT(scene.nevents, 101); /* connected, the other 100 */
    ASSERT_INT(inbox()->known.sync, STORE_SYNC_DONE);
    ASSERT_INT(inbox()->known.messages, 600);
    end_scene();
    perch_free(upper);
    perch_free(lower);
}

static bool cut_or_settled(size_t n)
{
    return waiting(n) || settled(n);
}

static size_t count_of(const char *needle)
{
    size_t n = 0;

    for (const char *at = scene.events; (at = strstr(at, needle)); at++)
        n++;
    return n;
}

/* Whatever was heard before the cut, afterwards each change was told exactly once. */
static void test_a_cut_at_any_byte_loses_nothing_and_invents_nothing(void)
{
    /* UIDNEXT is not told, so that either connection asks for what is new. */
    static const struct server_step steps[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 "),
        SAY("* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [HIGHESTMODSEQ 30] ok\r\n"),
        SAY("* VANISHED (EARLIER) 2\r\n* 2 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (25))\r\n"),
        SAY("* 3 FETCH (UID 4 FLAGS () MODSEQ (24))\r\n%t OK\r\n"),
        EXPECT("UID FETCH "),
        SAY(WHOLE("3", "4", "", "24") "%t OK\r\n"),
        IDLE,
        END,
    };
    bool cut = true;

    for (size_t at = 1; cut; at += 7) {
        begin_scene();
        settle_qresync();
        scene.events[0] = '\0';
        scene.nevents = 0;
        serve_cut(steps, at);
        (void)wait_for(cut_or_settled, 0);
        cut = the_account()->state == ACCOUNT_WAITING;
        if (cut) {
            serve_cut(steps, 0);
            run_until(3);
        }
        if (count_of("new INBOX 4 late; ") != 1 || count_of("flags INBOX 3 late; ") != 1 ||
            count_of("deleted INBOX 2 late; ") != 1 || count_of("INBOX") != 3)
            FAIL_ROW("cut after %zu bytes: %s", at, scene.events);
        end_scene();
    }
}

/* ---- CONDSTORE without QRESYNC ---- */

static void test_condstore_needs_two_questions(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_CONDSTORE),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (CONDSTORE)"),
        SAY(OPENED("3", "7", "5", "HIGHESTMODSEQ 30") "%t OK\r\n"),
        EXPECT("UID SEARCH RETURN (ALL) ALL"),
        SAY("* ESEARCH (TAG \"%t\") UID ALL 1,3:4\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1:3 (UID FLAGS MODSEQ) (CHANGEDSINCE 20)"),
        SAY("* 2 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (25))\r\n%t OK\r\n"),
        EXPECT("UID FETCH 4:4294967295 (UID FLAGS MODSEQ"),
        SAY(WHOLE("3", "4", "", "24") "%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 1 EXPUNGE\r\n"),
        EXPECT("UID SEARCH RETURN (ALL) ALL"),
        SAY("* ESEARCH (TAG \"%t\") UID ALL 3:4\r\n%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_qresync();
    serve(steps);
    run_until(5);
    ASSERT_STR(scene.events, "connected - 0 live; deleted INBOX 2 late; flags INBOX 3 late; "
                             "new INBOX 4 late; deleted INBOX 1 live; ");
    end_scene();
}

/* ---- neither ---- */

static void test_a_plain_server_is_compared_with(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("3", "7", "5", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("UID SEARCH ALL"),
        SAY("* SEARCH 1 3 4\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1,3 (UID FLAGS)"),
        SAY("* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 3 FLAGS (\\Seen))\r\n%t OK\r\n"),
        EXPECT("UID FETCH 4:4294967295 (UID FLAGS INTERNALDATE"),
        SAY(WHOLE_PLAIN("3", "4", "") "%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 3 FETCH (FLAGS (\\Flagged))\r\n"),
        EXPECT("FETCH 3 (UID FLAGS)"),
        SAY("* 3 FETCH (UID 4 FLAGS (\\Flagged))\r\n%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 1 EXPUNGE\r\n"),
        EXPECT("UID SEARCH ALL"),
        SAY("* SEARCH 3 4\r\n%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_plain();
    serve(steps);
    run_until(6);
    CU_ASSERT_PTR_NOT_NULL(strstr(scene.events, "connected - 0 live; deleted INBOX 2 late; "
                                                "flags INBOX 3 late; new INBOX 4 late; "));
    CU_ASSERT_PTR_NOT_NULL(strstr(scene.events, "flags INBOX 4 live; "));
    CU_ASSERT_PTR_NOT_NULL(strstr(scene.events, "deleted INBOX 1 live; "));
    ASSERT_INT(scene.nevents, 6);
    end_scene();
}

static void test_a_sequence_number_that_is_refused_leads_to_a_comparison(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("3", "7", "4", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("UID SEARCH ALL"),
        SAY("* SEARCH 1 2 3\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1:3 (UID FLAGS)"),
        SAY("%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 3 FETCH (FLAGS (\\Flagged))\r\n"),
        EXPECT("FETCH 3 (UID FLAGS)"),
        SAY("* 1 EXPUNGE\r\n%t BAD invalid messageset\r\n"),
        IDLE, /* was sent with the command before */
        LEAVE_IDLE(""),
        EXPECT("UID SEARCH ALL"),
        SAY("* SEARCH 2 3\r\n%t OK\r\n"),
        IDLE,
        LEAVE_IDLE(""),
        EXPECT("UID FETCH 2:3 (UID FLAGS)"),
        SAY("* 2 FETCH (UID 3 FLAGS (\\Flagged))\r\n%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_plain();
    serve(steps);
    run_until(3);
    ASSERT_STR(scene.events, "connected - 0 live; deleted INBOX 1 live; flags INBOX 3 live; ");
    end_scene();
}

static void test_nothing_is_gone_because_a_search_was_short(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("3", "7", "4", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("UID SEARCH ALL"),
        SAY("%t OK\r\n"),
        EXPECT("UID SEARCH ALL"),
        SAY("* SEARCH 1\r\n%t OK\r\n"),
        EXPECT("UID SEARCH ALL"),
        SAY("* SEARCH 1\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1 (UID FLAGS)"),
        SAY("* 1 FETCH (UID 1 FLAGS ())\r\n%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_plain();
    serve(steps);
    run_until(1);
    ASSERT_STR(scene.events, "connected - 0 live; ");
    ASSERT_INT(inbox()->known.messages, 3);
    end_scene();
}

/* ---- UIDVALIDITY ---- */

static void test_another_uidvalidity_is_one_reset(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY(OPENED("2", "8", "3", "HIGHESTMODSEQ 5") "%t OK\r\n"),
        EXPECT("UID SEARCH RETURN (ALL) ALL"),
        SAY("* ESEARCH (TAG \"%t\") UID ALL 1:2\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1:2 ("),
        SAY(WHOLE("1", "1", "", "4") WHOLE("2", "2", "", "5") "%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_qresync();
    scene.account.first_run = FIRST_RUN_ALL;
    serve(steps);
    run_until(2);
    ASSERT_STR(scene.events, "connected - 0 live; reset INBOX 0 late; ");
    ASSERT_INT(inbox()->known.uidvalidity, 8);
    ASSERT_INT(inbox()->known.messages, 2);
    end_scene();
}

static void test_mailboxes_that_cannot_be_watched_disturb_no_other(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_PLAIN),
        LIST("* LIST () \"/\" Broken\r\n* LIST () \"/\" Locked\r\n* LIST () \"/\" Fine\r\n"),
        EXPECT("EXAMINE \"Broken\""),
        SAY(OPENED("1", "0", "2", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("EXAMINE \"Locked\""),
        SAY("%t NO [NOPERM] not yours\r\n"),
        EXPECT("EXAMINE \"Fine\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 1 EXISTS\r\n"),
        EXPECT("UID FETCH 1:4294967295"),
        SAY(WHOLE_PLAIN("1", "1", "") "%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    serve(steps);
    run_until(2);
    ASSERT_STR(scene.events, "connected - 0 live; new Fine 1 live; ");
    CU_ASSERT_TRUE(status_healthy(the_account()));
    end_scene();
}

/* ---- several mailboxes ---- */

#define CAPS_STATUS CAPS_QRESYNC " LIST-STATUS LIST-EXTENDED"

static void test_status_says_which_mailboxes_to_visit(void)
{
    static const struct server_step first[] = {
        LOGIN(CAPS_STATUS),
        ENABLE,
        LIST("* LIST () \"/\" Lists\r\n* STATUS Lists (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 9 "
             "HIGHESTMODSEQ 1)\r\n* LIST () \"/\" INBOX\r\n"),
        EXPECT("EXAMINE \"INBOX\" (CONDSTORE)"),
        SAY(OPENED("0", "7", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        EXPECT("EXAMINE \"Lists\" (CONDSTORE)"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("0", "9", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 1))"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("0", "7", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        IDLE,
        END,
    };
    static const struct server_step second[] = {
        LOGIN(CAPS_STATUS),
        ENABLE,
        LIST("* STATUS Lists (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 9 HIGHESTMODSEQ 1)\r\n"
             "* LIST () \"/\" Lists\r\n* LIST () \"/\" INBOX\r\n"),
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 1))"),
        SAY(OPENED("0", "7", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        IDLE, /* Lists has nothing new: it is not even opened */
        END,
    };

    begin_scene();
    serve(first);
    run_until(1);
    CU_ASSERT_TRUE(status_healthy(the_account()));
    disconnect();
    serve(second);
    run_until(1);
    CU_ASSERT_TRUE(status_healthy(the_account()));
    end_scene();
}

static void test_mailboxes_that_come_are_events_but_the_first_ones(void)
{
    static const struct server_step first[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        IDLE,
        END,
    };
    static const struct server_step second[] = {
        LOGIN(CAPS_PLAIN),
        LIST("* LIST () \"/\" inbox\r\n* LIST () \"/\" &AOk-t&AOk-\r\n"
             "* LIST (\\Noselect) \"/\" nothing\r\n"),
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("EXAMINE \"&AOk-t&AOk-\""),
        SAY(OPENED("0", "8", "1", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    serve(first);
    run_until(1);
    ASSERT_STR(scene.events, "connected - 0 live; ");
    disconnect();
    serve(second);
    run_until(2);
    ASSERT_STR(scene.events, "connected - 0 live; mailbox-created été 0 late; ");
    end_scene();
}

#define CAPS_POLL "IMAP4rev1 SASL-IR AUTH=PLAIN ENABLE CONDSTORE QRESYNC LIST-STATUS LIST-EXTENDED"
#define ROW_INBOX                                                                                  \
    "* LIST () \"/\" INBOX\r\n* STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7 HIGHESTMODSEQ "   \
    "1)\r\n"
#define ROW_LISTS(messages, uidnext, modseq)                                                       \
    "* LIST () \"/\" Lists\r\n* STATUS Lists (MESSAGES " messages " UIDNEXT " uidnext              \
    " UIDVALIDITY 9 HIGHESTMODSEQ " modseq ")\r\n"
#define LOOK(rows) EXPECT("NOOP"), SAY("%t OK\r\n"), LIST(rows)

static void test_looking_around_finds_what_moved_elsewhere(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_POLL),
        ENABLE,
        LIST(ROW_INBOX ROW_LISTS("0", "1", "1")),
        EXPECT("EXAMINE \"INBOX\" (CONDSTORE)"),
        SAY(OPENED("0", "7", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        EXPECT("EXAMINE \"Lists\" (CONDSTORE)"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("0", "9", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 1))"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("0", "7", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        LOOK(ROW_INBOX ROW_LISTS("0", "1", "1")),
        LOOK(ROW_INBOX ROW_LISTS("1", "2", "5")),
        EXPECT("EXAMINE \"Lists\" (QRESYNC (9 1))"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("1", "9", "2", "HIGHESTMODSEQ 5") "%t OK\r\n"),
        EXPECT("UID FETCH 1:4294967295 ("),
        SAY(WHOLE("1", "1", "", "5") "%t OK\r\n"),
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 1))"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("0", "7", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        LOOK(ROW_INBOX ROW_LISTS("1", "2", "5")),
        LOOK(ROW_INBOX), /* once is not enough */
        LOOK(ROW_INBOX ROW_LISTS("1", "2", "5")),
        LOOK(ROW_INBOX),
        LOOK(ROW_INBOX),
        END,
    };

    begin_scene();
    scene.account.poll_ms = 10;
    serve(steps);
    (void)wait_for(enough, 3);
    ASSERT_STR(scene.events,
               "connected - 0 live; new Lists 1 live; mailbox-deleted Lists 0 live; ");
    end_scene();
}

/* ---- reload ---- */

static void test_a_reload_touches_what_changed_and_nothing_else(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        IDLE,
        END,
    };
    static char other_user[] = "berta";
    struct config_account changed;
    struct config config;
    const struct account *before;
    const perch_client *client;

    begin_scene();
    serve(steps);
    (void)wait_for(watching, 0);
    run_until(1);
    before = the_account();
    client = before->client;

    changed = scene.account;
    changed.first_run = FIRST_RUN_ALL;
    changed.nbindings = 0;
    config = scene.config;
    config.accounts = &changed;
    ASSERT_INT(supervisor_use(scene.supervisor, &config), 0);
    CU_ASSERT_PTR_EQUAL(the_account(), before);
    CU_ASSERT_PTR_EQUAL(before->client, client);
    CU_ASSERT_PTR_EQUAL(before->cfg, &changed);

    /* As another user it is another account, which starts anew. */
    scene.account.user = other_user;
    serve(steps);
    (void)wait_for(watching, 0);
    run_until(2);
    ASSERT_STR(scene.events, "reset - 0 late; connected - 0 live; ");

    config = scene.config;
    config.naccounts = 0;
    ASSERT_INT(supervisor_use(scene.supervisor, &config), 0);
    CU_ASSERT_PTR_NULL(the_account());
    end_scene();
}

/* ---- trouble ---- */

static void test_after_a_refused_login_the_secret_is_asked_for_afresh(void)
{
    static const struct server_step busy[] = {
        SAY("* OK [CAPABILITY " CAPS_PLAIN "] hi\r\n"),
        EXPECT("AUTHENTICATE PLAIN "),
        SAY("%t NO [UNAVAILABLE] later\r\n"),
        END,
    };
    static const struct server_step refuse[] = {
        SAY("* OK [CAPABILITY " CAPS_PLAIN "] hi\r\n"),
        EXPECT("AUTHENTICATE PLAIN "),
        SAY("%t NO [AUTHENTICATIONFAILED] no\r\n"),
        END,
    };
    static const struct server_step accept[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    serve(busy); /* a server that is busy says nothing of the password */
    (void)wait_for(waiting, 0);
    ASSERT_STR(scene.events, "disconnected - 0 live; ");
    serve(refuse);
    (void)wait_for(waiting, 0);
    ASSERT_INT(scene.secrets, 2);
    ASSERT_INT(scene.fresh_secrets, 0);
    ASSERT_STR(the_account()->trouble->class, "auth");
    CU_ASSERT_FALSE(status_healthy(the_account()));
    serve(accept);
    (void)wait_for(watching, 0);
    run_until(1);
    ASSERT_INT(scene.fresh_secrets, 1);
    ASSERT_STR(scene.events, "connected - 0 live; ");
    CU_ASSERT_TRUE(status_healthy(the_account()));
    end_scene();
}

static void test_an_edge_is_told_once(void)
{
    static const struct server_step slam[] = {CUT, END};

    begin_scene();
    serve(slam);
    (void)wait_for(waiting, 0);
    ASSERT_STR(scene.events, "disconnected - 0 live; ");
    serve(slam);
    (void)wait_for(waiting, 0);
    ASSERT_STR(scene.events, "");
    end_scene();
}

/* The sanitizers see who is late to read an account that nobody holds any more. */
static void test_an_account_that_goes_outlives_its_job_only(void)
{
    static const struct server_step slam[] = {CUT, END};

    begin_scene();
    serve(slam); /* its row is being looked up */
    CU_ASSERT_FALSE(flow_idle(the_account()));
    scene.config.naccounts = 0;
    ASSERT_INT(supervisor_use(scene.supervisor, &scene.config), 0);
    CU_ASSERT_PTR_NULL(the_account());
    end_scene(); /* the job comes back in here */
}

static void test_stopping_says_goodbye(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("LOGOUT"),
        SAY("* BYE bye\r\n%t OK out\r\n"),
        {SERVER_CLOSE, NULL},
        END,
    };

    begin_scene();
    scene.account.watch = WATCH_POLL;
    serve(steps);
    (void)wait_for(watching, 0);
    supervisor_stop(scene.supervisor);
    (void)wait_for(stopped, 0);
    ASSERT_INT(the_account()->state, ACCOUNT_STOPPED);
    end_scene();
}

PERCH_SUITE("daemon/account") = {
    PERCH_TEST(test_qresync_finds_what_was_missed_in_one_answer),
    PERCH_TEST(test_pushes_are_live_events),
    PERCH_TEST(test_the_cursor_moves_at_tagged_answers_only),
    PERCH_TEST(test_a_push_without_modseq_is_asked_for),
    PERCH_TEST(test_a_first_contact_that_was_cut_goes_on_downwards),
    PERCH_TEST(test_a_cut_at_any_byte_loses_nothing_and_invents_nothing),
    PERCH_TEST(test_condstore_needs_two_questions),
    PERCH_TEST(test_a_plain_server_is_compared_with),
    PERCH_TEST(test_a_sequence_number_that_is_refused_leads_to_a_comparison),
    PERCH_TEST(test_nothing_is_gone_because_a_search_was_short),
    PERCH_TEST(test_another_uidvalidity_is_one_reset),
    PERCH_TEST(test_mailboxes_that_cannot_be_watched_disturb_no_other),
    PERCH_TEST(test_status_says_which_mailboxes_to_visit),
    PERCH_TEST(test_mailboxes_that_come_are_events_but_the_first_ones),
    PERCH_TEST(test_looking_around_finds_what_moved_elsewhere),
    PERCH_TEST(test_a_reload_touches_what_changed_and_nothing_else),
    PERCH_TEST(test_after_a_refused_login_the_secret_is_asked_for_afresh),
    PERCH_TEST(test_an_edge_is_told_once),
    PERCH_TEST(test_an_account_that_goes_outlives_its_job_only),
    PERCH_TEST(test_stopping_says_goodbye),
    PERCH_END,
};
