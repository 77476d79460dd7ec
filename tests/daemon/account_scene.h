/* A supervisor with one account, and servers that follow a script. */
#ifndef PERCH_TEST_ACCOUNT_SCENE_H
#define PERCH_TEST_ACCOUNT_SCENE_H

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

static inline void want_secret(struct account *a, bool fresh, void *user)
{
    (void)user;
    scene.secrets++;
    scene.fresh_secrets += fresh;
    account_secret(a, "secret", NULL);
}

static inline void note_event(const json_t *json)
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

static inline void publish(const struct emission *e, void *user)
{
    (void)user;
    for (const struct emitted *event = e->first; event; event = event->next) {
        json_t *json = json_loads(event->json, 0, NULL);

        note_event(json);
        json_decref(json);
    }
}

static inline void store_broke(void *user)
{
    (void)user;
    FAIL_ROW("the store broke");
}

static inline void on_stopped(void *user)
{
    (void)user;
    scene.stopped = true;
}

static inline void on_tick(int fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user;
}

static inline void begin_scene(void)
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

static inline void end_scene(void)
{
    supervisor_close(scene.supervisor);
    server_free(scene.server);
    store_close(scene.store);
    supervisor_free(scene.supervisor);
    event_free(scene.tick);
    event_base_free(scene.base);
}

static inline struct account *the_account(void)
{
    return supervisor_find(scene.supervisor, key);
}

/* A server for the account's next connection, which is made at once; it cuts the wire after so
 * many bytes (0: not). */
static inline void serve_cut(const struct server_step *steps, size_t cut_at)
{
    const struct server_options options = {.listen = true, .cut_at = cut_at};

    server_free(scene.server);
    scene.server = server_new(scene.base, &options, steps);
    scene.account.port = server_port(scene.server);
    ASSERT_INT(supervisor_use(scene.supervisor, &scene.config), 0);
}

static inline void serve(const struct server_step *steps)
{
    scene.events[0] = '\0';
    scene.nevents = 0;
    serve_cut(steps, 0);
}

/* Until the condition holds; false (and a failure) when that takes too long. */
static inline bool wait_for(bool (*condition)(size_t n), size_t n)
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

static inline bool settled(size_t nevents)
{
    const struct account *a = the_account();

    return server_finished(scene.server) && scene.nevents >= nevents && flow_idle(a) &&
           !a->sync.busy && !a->sync.set;
}

static inline bool flow_done(size_t n)
{
    (void)n;
    return flow_idle(the_account());
}

static inline bool watching(size_t n)
{
    (void)n;
    return the_account()->state == ACCOUNT_WATCHING;
}

static inline bool waiting(size_t n)
{
    (void)n;
    return the_account()->state == ACCOUNT_WAITING && flow_idle(the_account());
}

static inline bool enough(size_t nevents)
{
    return scene.nevents >= nevents;
}

static inline bool stopped(size_t n)
{
    (void)n;
    return scene.stopped;
}

/* Until the script was played, everything heard is durable, and so many events were told. */
static inline void run_until(size_t nevents)
{
    (void)wait_for(settled, nevents);
}

/* Drops the connection; the next serve() makes another one. */
static inline void disconnect(void)
{
    struct perch_error error = {.code = PERCH_ECLOSED, .radius = PERCH_HITS_CONNECTION};

    account_fail(the_account(), &error);
    (void)wait_for(flow_done, 0);
}

/* What is known of INBOX. */
static inline const struct mailbox *inbox(void)
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
static inline void settle_qresync(void)
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

static inline void settle_plain(void)
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

#endif
