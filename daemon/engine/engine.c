/* The engine's edges: what the runner says, what it is told, and the order of start and stop.
 *
 * Start: CONFIG opens the store, the outbox reads what a former life left, accounts start.
 * Stop: accounts log out; the outbox pauses; once the store has done all that was submitted the
 * runner is told, and the channel closes. End of file from the runner ends the engine at once:
 * what is not durable will be found again. */
#include "engine/engine.h"

#include "config/transfer.h"
#include "control/control.h"
#include "engine/supervisor.h"
#include "hooks/outbox.h"
#include "ipc/channel.h"
#include "log.h"
#include "store/store.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#include <event2/event.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GIVE_UP_STATUS 100 /* a hook's exit status */
#define RETAIN_ROWS    500 /* dropped in one transaction */

static const struct timeval status_every = {.tv_sec = 5};
static const struct timeval retain_every = {.tv_sec = 3600};
static const struct timeval soon = {.tv_usec = 5000};

struct engine {
    struct event_base *base;
    struct ipc_channel *channel;
    struct config *config;
    struct store *store;
    struct outbox *outbox;
    struct supervisor *supervisor;
    struct control *control;
    struct event *status, *retain, *leave;
    size_t said_all, said_well; /* in the last STATUS */
    bool stopping;              /* the runner said so */
    bool closing;               /* the outbox is gone */
    int exit_status;
};

static void leave(struct engine *e, int exit_status)
{
    e->exit_status = exit_status;
    (void)event_base_loopbreak(e->base);
}

static void tell(struct engine *e, enum ipc_type type, json_t *body)
{
    if (!e->channel || e->closing) {
        json_decref(body);
    } else if (!body || ipc_send(e->channel, type, body, -1, false) < 0) {
        log_error(NULL, "cannot write to the main process: out of memory");
        leave(e, 1);
    }
}

/* ---- to the runner ---- */

static void want_secret(struct account *a, bool fresh, void *user)
{
    tell(user, IPC_SECRET_WANT, json_pack("{s:s, s:b}", "account", a->cfg->key, "fresh", fresh));
}

static void run_hook(uint64_t run, unsigned hook, unsigned attempt, const char *event_json,
                     void *user)
{
    struct engine *e = user;
    json_t *event = json_loads(event_json, 0, NULL);

    tell(e, IPC_HOOK_RUN,
         json_pack("{s:I, s:I, s:i, s:i, s:o}", "run", (json_int_t)run, "generation",
                   (json_int_t)e->config->generation, "hook", (int)hook, "attempt", (int)attempt,
                   "event", event));
}

static void ack_hook(uint64_t run, void *user)
{
    tell(user, IPC_HOOK_ACK, json_pack("{s:I}", "run", (json_int_t)run));
}

static void tell_status(struct engine *e)
{
    char text[128];

    supervisor_count(e->supervisor, &e->said_all, &e->said_well);
    (void)snprintf(text, sizeof text, "%zu of %zu accounts are watched", e->said_well, e->said_all);
    tell(e, IPC_STATUS, json_pack("{s:b, s:s}", "ready", 1, "text", text));
}

static void on_status_due(int fd, short what, void *user)
{
    struct engine *e = user;
    size_t all, well;

    (void)fd;
    (void)what;
    supervisor_count(e->supervisor, &all, &well);
    if (all != e->said_all || well != e->said_well)
        tell_status(e);
}

/* ---- events that are durable ---- */

/* The hook's index in the configuration in force, which may not be the one that the event was
 * made under; a hook that is gone is the outbox's to bury. */
static bool find_hook(const struct engine *e, uint64_t generation, const struct route *route,
                      unsigned *ret_hook)
{
    *ret_hook = route->hook;
    if (generation == e->config->generation)
        return true;
    for (size_t i = 0; i < e->config->nhooks; i++) {
        if (strcmp(e->config->hooks[i].name, route->name) == 0) {
            *ret_hook = (unsigned)i;
            return true;
        }
    }
    return false;
}

static void offer(struct engine *e, const struct emission *from, const struct emitted *event)
{
    for (size_t i = 0; i < event->nroutes; i++) {
        const struct route *route = &event->routes[i];
        unsigned hook;

        if ((route->kinds & EVENT_BIT(event->kind)) && find_hook(e, from->generation, route, &hook))
            outbox_offer(e->outbox, event->seq, hook, from->account_id, event->mailbox,
                         event->json);
    }
}

static void publish(const struct emission *from, void *user)
{
    struct engine *e = user;

    for (const struct emitted *event = from->first; event && !e->closing; event = event->next) {
        offer(e, from, event);
        if (e->control)
            control_event(e->control, event->seq, event->json);
    }
}

static void store_broke(void *user)
{
    struct engine *e = user;
    struct store_error error;

    store_last_error(e->store, &error);
    log_error(NULL, "the database is of no more use: %s", error.text);
    leave(e, 1);
}

/* ---- when all that was submitted before is done ---- */

/* Goes through one lane and then the other: within a lane jobs keep their order. */
struct barrier {
    struct engine *engine;
    bool halfway;
    void (*then)(struct engine *e, void *arg);
    void *arg;
};

static int run_nothing(struct store_tx *tx, void *arg)
{
    (void)tx;
    (void)arg;
    return 0;
}

static void barrier_passed(int rc, void *arg)
{
    struct barrier *b = arg;

    (void)rc;
    if (!b->halfway) {
        b->halfway = true;
        if (store_submit(b->engine->store, STORE_BULK, run_nothing, barrier_passed, b) == 0)
            return;
    }
    b->then(b->engine, b->arg);
    perch_free(b);
}

static void when_settled(struct engine *e, void (*then)(struct engine *e, void *arg), void *arg)
{
    struct barrier *b = perch_malloc(sizeof *b);

    if (b) {
        *b = (struct barrier){.engine = e, .then = then, .arg = arg};
        if (store_submit(e->store, STORE_LIVE, run_nothing, barrier_passed, b) == 0)
            return;
    }
    perch_free(b);
    log_error(NULL, "out of memory");
    leave(e, 1);
}

/* ---- what is too old ---- */

/* All is copied: the job shares nothing with the loop. */
struct retention {
    struct engine *engine;
    char *configured; /* the accounts' keys, a JSON array; jansson's memory */
    int64_t now_ms, events_before_ms, dead_before_ms, gone_before_ms;
    int dropped;
};

static void free_retention(struct retention *r)
{
    free(r->configured);
    perch_free(r);
}

static int run_retention(struct store_tx *tx, void *arg)
{
    struct retention *r = arg;

    if (store_accounts_mark(tx, r->configured, r->now_ms) < 0)
        return -1;
    r->dropped = store_retain(tx, r->events_before_ms, r->dead_before_ms, RETAIN_ROWS);
    if (r->dropped == 0)
        r->dropped = store_accounts_retain(tx, r->gone_before_ms, RETAIN_ROWS);
    return r->dropped < 0 ? -1 : 0;
}

/* In steps, so that a month of events that ends today keeps nobody waiting. */
static void retention_done(int rc, void *arg)
{
    struct retention *r = arg;

    if (rc == 0 && r->dropped > 0 && !r->engine->stopping &&
        store_submit(r->engine->store, STORE_BULK, run_retention, retention_done, r) == 0)
        return;
    free_retention(r);
}

static char *configured_accounts(const struct config *config)
{
    json_t *keys = json_array();
    char *text = NULL;
    bool all = keys != NULL;

    for (size_t i = 0; i < config->naccounts && all; i++)
        all = json_array_append_new(keys, json_string(config->accounts[i].key)) == 0;
    if (all)
        text = json_dumps(keys, JSON_COMPACT);
    json_decref(keys);
    return text;
}

static void on_retain_due(int fd, short what, void *user)
{
    struct engine *e = user;
    struct retention *r = perch_malloc(sizeof *r);
    int64_t now = perch_clock_wall_ms();

    (void)fd;
    (void)what;
    if (!r)
        return;
    *r = (struct retention){
        .engine = e,
        .configured = configured_accounts(e->config),
        .now_ms = now,
        .events_before_ms = now - e->config->retain_events_ms,
        .dead_before_ms = now - e->config->retain_dead_ms,
        .gone_before_ms = now - e->config->retain_gone_ms,
    };
    if (!r->configured || store_submit(e->store, STORE_BULK, run_retention, retention_done, r) < 0)
        free_retention(r);
}

/* ---- configuration ---- */

static struct outbox *make_outbox(struct engine *e, const struct config *config)
{
    static const struct outbox_hooks hooks = {.run = run_hook, .ack = ack_hook};

    return outbox_new(e->base, e->store, config, &hooks, e);
}

static void on_account_stopped(void *user);

static struct supervisor *make_supervisor(struct engine *e)
{
    static const struct supervisor_hooks hooks = {
        .want_secret = want_secret,
        .publish = publish,
        .store_broke = store_broke,
        .stopped = on_account_stopped,
    };

    return supervisor_new(e->base, e->store, &hooks, e);
}

static void free_config(struct engine *e, void *config)
{
    (void)e;
    config_free(config);
}

/* The outbox of the new configuration asks for what the old one had not finished; the runner
 * knows these runs by hook, event and attempt. */
static int use_config(struct engine *e, struct config *config)
{
    struct outbox *outbox = make_outbox(e, config);

    if (!outbox || supervisor_use(e->supervisor, config) < 0) {
        outbox_free(outbox);
        return -1;
    }
    if (e->config) { /* the old outbox may still have jobs with the store */
        outbox_free(e->outbox);
        when_settled(e, free_config, e->config);
    }
    e->outbox = outbox;
    e->config = config;
    log_set_level(config->log_level);
    outbox_recover(e->outbox);
    return 0;
}

/* The first configuration says where the store is. */
static int open_store(struct engine *e, const struct config *config)
{
    struct store_error error;

    if (store_open(config->state, e->base, &e->store, &error) < 0) {
        log_error(NULL, "%s", error.text);
        return -1;
    }
    e->supervisor = make_supervisor(e);
    if (!e->supervisor) {
        log_error(NULL, "out of memory");
        return -1;
    }
    (void)event_add(e->status, &status_every);
    (void)event_add(e->retain, &retain_every);
    event_active(e->retain, EV_TIMEOUT, 0); /* and now: not every daemon lives for an hour */
    return 0;
}

static void on_config(struct engine *e, const json_t *body)
{
    char *text = json_dumps(json_object_get(body, "config"), JSON_COMPACT);
    struct config *config = NULL;

    if (text)
        (void)config_from_json(text, strlen(text), &config);
    free(text);
    if (!config) {
        log_error(NULL, "the main process sent a configuration that makes no sense");
        leave(e, 1);
        return;
    }
    if (!e->store && open_store(e, config) < 0) {
        config_free(config);
        leave(e, 1);
    } else if (use_config(e, config) < 0) {
        log_error(NULL, "out of memory: the configuration stays as it was");
        config_free(config);
        if (!e->config)
            leave(e, 1);
    } else {
        tell_status(e);
    }
}

static json_t *answer_status(void *user)
{
    const struct engine *e = user;

    return json_pack("{s:s, s:o}", "version", PERCH_VERSION, "accounts",
                     supervisor_status(e->supervisor));
}

static void on_listener(struct engine *e, int fd)
{
    static const struct control_hooks hooks = {.status = answer_status};

    if (e->control || !e->config || fd < 0) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    e->control = control_new(e->base, fd, e->config->state, &hooks, e);
    if (!e->control)
        log_error(NULL, "out of memory: no control socket");
}

/* ---- the runner's answers ---- */

static void on_secret(struct engine *e, const json_t *body)
{
    const char *key = json_string_value(json_object_get(body, "account"));
    const char *secret = json_string_value(json_object_get(body, "secret"));
    const char *error = json_string_value(json_object_get(body, "error"));
    struct account *a = key && e->supervisor ? supervisor_find(e->supervisor, key) : NULL;

    if (a)
        account_secret(a, secret, error ? error : "the main process has none");
}

/* "exit 1" and what was printed. */
static void describe_result(const json_t *body, struct perch_buf *what)
{
    const char *error = json_string_value(json_object_get(body, "error"));
    const char *output = json_string_value(json_object_get(body, "output"));
    const json_t *status = json_object_get(body, "exit");

    if (error)
        perch_buf_addf(what, "cannot run: %s", error);
    else if (json_is_true(json_object_get(body, "timed_out")))
        perch_buf_adds(what, "timeout");
    else if (status)
        perch_buf_addf(what, "exit %" JSON_INTEGER_FORMAT, json_integer_value(status));
    else
        perch_buf_addf(what, "signal %" JSON_INTEGER_FORMAT,
                       json_integer_value(json_object_get(body, "signal")));
    if (output && *output)
        perch_buf_addf(what, "\n%s", output);
}

static void on_hook_result(struct engine *e, const json_t *body)
{
    const json_t *run = json_object_get(body, "run");
    const json_t *status = json_object_get(body, "exit");
    struct perch_buf what = PERCH_BUF_INIT;
    struct outbox_result result = {
        .ok = json_is_true(json_object_get(body, "ok")),
        .give_up = status && json_integer_value(status) == GIVE_UP_STATUS,
    };

    if (!e->outbox || !json_is_integer(run))
        return;
    describe_result(body, &what);
    result.what = perch_buf_cstr(&what);
    if (!result.what)
        result.what = "out of memory";
    outbox_result(e->outbox, (uint64_t)json_integer_value(run), &result);
    perch_buf_done(&what);
}

/* ---- the stop ---- */

/* The runner has to have read it before the end of file. */
static void on_leave_due(int fd, short what, void *user)
{
    struct engine *e = user;

    (void)fd;
    (void)what;
    if (e->channel && ipc_pending(e->channel))
        (void)event_add(e->leave, &soon);
    else
        leave(e, 0);
}

static void on_all_done(struct engine *e, void *arg)
{
    (void)arg;
    tell(e, IPC_STOPPED, json_object());
    event_active(e->leave, 0, 0);
}

static void on_account_stopped(void *user)
{
    struct engine *e = user;

    outbox_pause(e->outbox);
    when_settled(e, on_all_done, NULL);
}

static void on_stop(struct engine *e)
{
    if (e->stopping)
        return;
    e->stopping = true;
    if (e->supervisor)
        supervisor_stop(e->supervisor);
    else
        leave(e, 0);
}

/* ---- the channel ---- */

static void on_message(struct ipc_channel *ch, enum ipc_type type, json_t *body, int fd, void *user)
{
    struct engine *e = user;

    (void)ch;
    switch (type) {
    case IPC_CONFIG:
        on_config(e, body);
        break;
    case IPC_LISTENER:
        on_listener(e, fd);
        return; /* it took fd */
    case IPC_SECRET:
        on_secret(e, body);
        break;
    case IPC_HOOK_RESULT:
        on_hook_result(e, body);
        break;
    case IPC_STOP:
        on_stop(e);
        break;
    case IPC_NONE:
    case IPC_SECRET_WANT:
    case IPC_HOOK_RUN:
    case IPC_HOOK_ACK:
    case IPC_STATUS:
    case IPC_STOPPED:
    case IPC_TYPE_COUNT:
        log_error(NULL, "the main process sent a message that only the engine sends");
        break;
    }
    if (fd >= 0)
        (void)close(fd);
}

static void on_channel_closed(struct ipc_channel *ch, const char *why, void *user)
{
    struct engine *e = user;

    if (!e->stopping)
        log_debug(NULL, "the main process is gone: %s", why);
    ipc_free(ch);
    e->channel = NULL;
    leave(e, e->stopping ? 0 : 1);
}

/* ---- life ---- */

static int set_up(struct engine *e, int fd)
{
    static const struct ipc_hooks hooks = {on_message, on_channel_closed};

    e->base = event_base_new();
    if (!e->base) {
        (void)close(fd);
        return -1;
    }
    e->channel = ipc_new(e->base, fd, &hooks, e);
    e->status = event_new(e->base, -1, EV_PERSIST, on_status_due, e);
    e->retain = event_new(e->base, -1, EV_PERSIST, on_retain_due, e);
    e->leave = evtimer_new(e->base, on_leave_due, e);
    return e->channel && e->status && e->retain && e->leave ? 0 : -1;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

/* What waits in the store is still written, and told to nobody. */
static void tear_down(struct engine *e)
{
    e->closing = true;
    control_free(e->control);
    if (e->supervisor)
        supervisor_close(e->supervisor);
    outbox_free(e->outbox);
    store_close(e->store);
    supervisor_free(e->supervisor);
    config_free(e->config);
    ipc_free(e->channel);
    free_event(e->status);
    free_event(e->retain);
    free_event(e->leave);
    if (e->base)
        event_base_free(e->base);
}

int engine_main(int fd)
{
    struct engine e = {.exit_status = 1};

    log_set_process("engine");
    /* Signals of a terminal or a service manager reach every process: the runner decides what
     * they mean, and says so over the channel. */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    if (set_up(&e, fd) == 0)
        (void)event_base_dispatch(e.base);
    else
        log_error(NULL, "out of memory");
    tear_down(&e);
    return e.exit_status;
}
