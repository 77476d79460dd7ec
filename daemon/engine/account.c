/* The life of an account's connection. What is wrong is logged once: the same trouble again is
 * only for those who debug, until something else is wrong or all is well. */
#include "engine/account.h"

#include "engine/gather.h"
#include "engine/listing.h"
#include "engine/sync.h"
#include "engine/watch.h"
#include "log.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"
#include "perch/commands.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REMARKS_MAX 10   /* of the server, in the log, for each connection */
#define STOP_MS     2000 /* for the answer to LOGOUT */
#define AWAY_MS     2000 /* from the first mailbox at a stretch, unless one visit takes longer */

const char *account_state_name(enum account_state state)
{
    static const char *const names[] = {
#define ACCOUNT_STATE_NAME(name, text) text,
        ACCOUNT_STATES(ACCOUNT_STATE_NAME)
#undef ACCOUNT_STATE_NAME
    };

    return names[state];
}

void account_goto(struct account *a, enum account_state state)
{
    if (a->state != state)
        log_debug(a->cfg->key, "%s -> %s", account_state_name(a->state), account_state_name(state));
    a->state = state;
}

bool account_connected(const struct account *a)
{
    return a->state == ACCOUNT_LISTING || a->state == ACCOUNT_SYNCING ||
           a->state == ACCOUNT_WATCHING;
}

void account_wake(struct account *a)
{
    a->host->wake(a, a->host->user);
}

/* ---- mailboxes ---- */

struct mailbox *account_first_mailbox(const struct account *a)
{
    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m)
        if (mailbox_usable(m))
            return m;
    return NULL;
}

struct mailbox *account_mailbox_by_id(const struct account *a, int64_t id)
{
    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m)
        if (m->id == id)
            return m;
    return NULL;
}

struct mailbox *account_mailbox_by_raw(const struct account *a, struct perch_span raw)
{
    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m)
        if (perch_span_eq(m->raw, raw))
            return m;
    return NULL;
}

static void forget_mailboxes(struct account *a)
{
    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m) {
        perch_unlink(&m->link);
        mailbox_free(m);
    }
}

/* ---- the timer ---- */

static void stopped(struct account *a);

void account_queue(struct account *a)
{
    account_goto(a, ACCOUNT_QUEUED);
    a->host->want_leave(a, a->host->user);
}

/* Its row may be what failed. */
static void try_again(struct account *a)
{
    if (a->id)
        account_queue(a);
    else
        account_open(a);
}

static void on_timer(int fd, short what, void *user)
{
    struct account *a = user;

    (void)fd;
    (void)what;
    a->timer_at = 0;
    switch (a->state) {
    case ACCOUNT_WAITING:
    case ACCOUNT_HELD:
        try_again(a);
        break;
    case ACCOUNT_WATCHING:
        watch_look(a);
        break;
    case ACCOUNT_LISTING:
    case ACCOUNT_SYNCING: /* a look can wait until it is over */
        account_set_timer(a, BACKOFF_MIN_MS);
        break;
    case ACCOUNT_STOPPING:
        log_debug(a->cfg->key, "no answer to LOGOUT");
        stopped(a);
        break;
    case ACCOUNT_OPENING:
    case ACCOUNT_QUEUED:
    case ACCOUNT_SECRET:
    case ACCOUNT_CONNECTING:
    case ACCOUNT_LOGIN:
    case ACCOUNT_STOPPED:
        break;
    }
}

void account_set_timer(struct account *a, int64_t delay_ms)
{
    struct timeval tv = {.tv_sec = (time_t)(delay_ms / 1000),
                         .tv_usec = (suseconds_t)(delay_ms % 1000 * 1000)};

    a->timer_at = perch_clock_ms() + delay_ms;
    (void)event_add(a->timer, &tv);
}

static void clear_timer(struct account *a)
{
    a->timer_at = 0;
    (void)event_del(a->timer);
}

/* ---- failing ---- */

static void forget_secret(struct account *a)
{
    if (!a->secret)
        return;
    perch_wipe(a->secret, strlen(a->secret));
    perch_free(perch_take(a->secret));
}

/* Everything that hangs on the connection goes. */
static void cut(struct account *a)
{
    perch_client *client = perch_take(a->client);

    if (client && perch_client_last_heard(client))
        a->last_heard = perch_client_last_heard(client);
    a->session = NULL;
    a->idle = NULL;
    a->asked = 0;
    sync_drop(a);
    listing_drop(a);
    forget_secret(a);
    perch_client_free(client);
}

static void remember(struct account *a, struct trouble *t)
{
    if (t)
        log_at(trouble_same(a->trouble, t) ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, a->cfg->key, "%s",
               t->text);
    perch_free(a->trouble);
    a->trouble = t;
}

static void say_down(struct account *a, bool auth_error)
{
    if (!a->trouble || !a->id)
        return;
    if (auth_error && !a->said_auth_error) {
        a->said_auth_error = true;
        log_warn(a->cfg->key,
                 "login refused %d times: trying once an hour, or when the "
                 "configuration or the secret changes",
                 AUTH_TRIES);
        account_emit(a, EVENT_AUTH_ERROR, a->trouble);
    }
    if (!a->said_down) {
        a->said_down = true;
        account_emit(a, EVENT_DISCONNECTED, a->trouble);
    }
}

void account_fail(struct account *a, const struct perch_error *why)
{
    struct trouble *t = trouble_new(a->cfg, why); /* `why` may go with the client */
    struct liveness_next next;

    if (a->state == ACCOUNT_STOPPING || a->state == ACCOUNT_STOPPED) {
        perch_free(t);
        if (a->state == ACCOUNT_STOPPING)
            stopped(a);
        return;
    }
    next = liveness_failed(&a->live, why, perch_clock_ms(), a->host->random(a->host->user));
    a->fresh_secret = liveness_refused(why);
    account_goto(a, a->live.refusals >= AUTH_TRIES ? ACCOUNT_HELD : ACCOUNT_WAITING);
    cut(a);
    remember(a, t);
    say_down(a, next.auth_error);
    account_set_timer(a, next.delay_ms);
}

void account_fail_text(struct account *a, int code, const char *reason, const char *fmt, ...)
{
    struct perch_error why = {0};
    char text[sizeof why.text];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)perch_error_set(&why, code, PERCH_HITS_CONNECTION, PERCH_TRY_LATER, reason, "%s", text);
    account_fail(a, &why);
}

void account_no_memory(struct account *a)
{
    account_fail_text(a, PERCH_ENOMEM, "memory", "out of memory");
}

void account_store_failed(struct account *a, int rc)
{
    flow_drop(a);
    if (rc == STORE_EBROKEN)
        a->host->store_broke(a->host->user);
    else if (a->state == ACCOUNT_OPENING || account_connected(a))
        account_fail_text(a, PERCH_ELIMIT, "store", "%s",
                          rc == STORE_EFULL ? "the database cannot be written: is the disk full?"
                                            : "the database refused a change");
}

bool account_op_ok(struct account *a, perch_op *op, bool *ret_refused)
{
    const struct perch_error *why = perch_op_error(op);

    *ret_refused = false;
    if (perch_op_session(op) != a->session) /* of a connection that was given up */
        return false;
    if (perch_op_code(op) == PERCH_OK)
        return true;
    if (why->code == PERCH_ECANCELLED || perch_session_state(a->session) == PERCH_STATE_CLOSED)
        return false; /* on_closed tells */
    if (why->code == PERCH_ETIMEOUT)
        account_fail(a, why);
    else
        *ret_refused = true;
    return false;
}

/* ---- connecting ---- */

static void log_in(struct account *a);
static void logged_in(struct account *a);

static void on_connected(perch_client *c, const struct perch_error *why, void *user)
{
    struct account *a = user;

    if (a->client != c)
        return;
    if (why) {
        account_fail(a, why);
        return;
    }
    a->session = perch_client_session(c);
    account_goto(a, ACCOUNT_LOGIN);
    log_in(a);
}

static void on_closed(perch_client *c, const struct perch_error *why, void *user)
{
    struct account *a = user;

    if (a->client == c)
        account_fail(a, why);
}

/* For the log, but not without end. */
static void repeat(struct account *a, const struct perch_event *event)
{
    if (a->remarks++ >= REMARKS_MAX)
        return;
    if (event->kind == PERCH_EVENT_ALERT)
        log_warn(a->cfg->key, "the server says: %s", event->text);
    else
        log_warn(a->cfg->key, "a response made no sense and is ignored: %s", event->text);
}

static void on_event(perch_client *c, const struct perch_event *event, void *user)
{
    struct account *a = user;

    if (a->client != c)
        return;
    if (event->kind == PERCH_EVENT_ALERT || event->kind == PERCH_EVENT_MALFORMED)
        repeat(a, event);
    else if (account_connected(a))
        sync_event(a, event);
}

static void on_trace(perch_client *c, bool outgoing, struct perch_span text, void *user)
{
    const struct account *a = user;

    (void)c;
    log_info(a->cfg->key, "%c: %.*s", outgoing ? 'C' : 'S', (int)(text.n < 1000 ? text.n : 1000),
             text.p);
}

static bool is_traced(const struct account *a)
{
    for (char **key = a->host->config->trace; key && *key; key++)
        if (strcmp(*key, a->cfg->key) == 0)
            return true;
    return false;
}

static enum perch_tls_mode tls_mode(enum config_tls mode)
{
    switch (mode) {
    case TLS_MODE_IMPLICIT:
        return PERCH_TLS_IMPLICIT;
    case TLS_MODE_STARTTLS:
        return PERCH_TLS_STARTTLS;
    case TLS_MODE_NONE:
        return PERCH_TLS_NONE;
    }
    return PERCH_TLS_IMPLICIT;
}

static perch_client *make_client(struct account *a, perch_trust *trust, struct perch_error *error)
{
    struct perch_client_options options = PERCH_CLIENT_OPTIONS_INIT;
    struct perch_client_hooks hooks = {
        .size = sizeof hooks,
        .on_event = on_event,
        .on_closed = on_closed,
        .on_trace = is_traced(a) ? on_trace : NULL,
    };

    options.host = a->cfg->host;
    options.port = a->cfg->port;
    options.tls = tls_mode(a->cfg->tls);
    options.trust = trust;
    options.tls_unverified = !a->cfg->tls_verify;
    options.allow_cleartext = a->cfg->allow_cleartext;
    return perch_client_new(a->host->base, &options, &hooks, a, error);
}

static void dial(struct account *a)
{
    struct perch_error error = {0};
    perch_trust *trust = NULL;

    a->connection++;
    a->remarks = a->resyncs = 0;
    account_goto(a, ACCOUNT_CONNECTING);
    if (a->cfg->tls != TLS_MODE_NONE && a->cfg->tls_verify) {
        trust = a->host->trust(a->cfg, &error, a->host->user);
        if (!trust) {
            account_fail(a, &error);
            return;
        }
    }
    a->client = make_client(a, trust, &error);
    perch_trust_unref(trust);
    if (!a->client)
        account_fail(a, &error);
    else if (perch_client_connect_start(a->client, on_connected, a) < 0)
        account_fail(a, perch_client_error(a->client));
}

/* A first try, now. */
static void retry_now(struct account *a)
{
    if (a->state != ACCOUNT_HELD && a->state != ACCOUNT_WAITING)
        return;
    clear_timer(a);
    liveness_forgive(&a->live);
    try_again(a);
}

void account_connect(struct account *a)
{
    if (a->state != ACCOUNT_QUEUED)
        return;
    if (a->cfg->password.kind == SECRET_NONE) {
        dial(a);
        return;
    }
    account_goto(a, ACCOUNT_SECRET);
    a->host->want_secret(a, a->fresh_secret, a->host->user);
}

void account_secret(struct account *a, const char *secret, const char *error)
{
    if (a->state == ACCOUNT_HELD && secret) { /* unasked: it changed */
        retry_now(a);
        return;
    }
    if (a->state != ACCOUNT_SECRET)
        return;
    if (!secret) {
        account_fail_text(a, PERCH_EAUTH, NO_SECRET, "no password: %s", error);
        return;
    }
    a->secret = perch_strdup(secret);
    if (!a->secret) {
        account_no_memory(a);
        return;
    }
    dial(a);
}

/* ---- getting in ---- */

static size_t count_words(char **words)
{
    size_t n = 0;

    while (words && words[n])
        n++;
    return n;
}

static void on_authenticated(perch_op *op, void *user)
{
    struct account *a = user;
    bool no;

    if (account_op_ok(a, op, &no))
        logged_in(a);
    else if (no)
        account_fail(a, perch_op_error(op));
}

static void log_in(struct account *a)
{
    struct perch_auth_args args = PERCH_AUTH_ARGS_INIT;
    int rc;

    if (perch_session_state(a->session) >= PERCH_STATE_AUTHENTICATED) { /* PREAUTH */
        logged_in(a);
        return;
    }
    args.mechanisms = (const char *const *)a->cfg->auth;
    args.nmechanisms = count_words(a->cfg->auth);
    args.user = perch_span_of(a->cfg->user);
    args.password = perch_span_of(a->secret);
    rc = perch_authenticate_start(a->session, &args, on_authenticated, a, NULL);
    forget_secret(a);
    if (rc < 0)
        account_fail(a, perch_session_error(a->session));
}

static void say_up(struct account *a)
{
    if (a->said_auth_error)
        account_emit(a, EVENT_RECOVERED, NULL);
    if (a->said_down || a->first_ever)
        account_emit(a, EVENT_CONNECTED, NULL);
    a->said_down = a->said_auth_error = false;
}

/* For commands whose failure changes nothing. */
static void on_whatever(perch_op *op, void *user)
{
    (void)op;
    (void)user;
}

static void introduce(struct account *a)
{
    static const struct perch_param who[] = {
        {{"name", 4}, {"perch", 5}},
        {{"version", 7}, {PERCH_VERSION, sizeof PERCH_VERSION - 1}},
    };

    if (perch_session_can(a->session, PERCH_CAP_ID))
        (void)perch_id_start(a->session, who, PERCH_COUNT(who), on_whatever, a, NULL);
}

/* QRESYNC implies CONDSTORE (RFC 7162 3.2.3), which EXAMINE asks for as well. A server that is
 * UTF8=ONLY takes nothing before UTF8=ACCEPT (RFC 9755 5). */
static void enable(struct account *a)
{
    const char *what[2];
    size_t n = 0;

    if (!perch_session_can(a->session, PERCH_CAP_ENABLE))
        return;
    if (perch_session_can(a->session, PERCH_CAP_QRESYNC))
        what[n++] = "QRESYNC";
    else if (perch_session_can(a->session, PERCH_CAP_CONDSTORE))
        what[n++] = "CONDSTORE";
    if (perch_session_can(a->session, PERCH_CAP_UTF8_ONLY))
        what[n++] = "UTF8=ACCEPT";
    if (n)
        (void)perch_enable_start(a->session, what, n, on_whatever, a, NULL);
}

static void logged_in(struct account *a)
{
    log_info(a->cfg->key, "logged in: %s", perch_client_describe(a->client));
    liveness_up(&a->live, perch_clock_ms());
    a->fresh_secret = false;
    forget_secret(a);
    say_up(a);
    forget_mailboxes(a); /* what is stored counts; it may be behind what was known */
    a->watch = watch_choose(a);
    a->rescan_at = perch_clock_ms() + a->cfg->rescan_ms;
    account_goto(a, ACCOUNT_LISTING);
    introduce(a);
    enable(a);
    a->asked = 1;
    listing_start(a);
}

/* ---- what comes next ---- */

static struct mailbox *next_dirty(const struct account *a)
{
    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m)
        if (m->dirty && mailbox_usable(m) && m != a->sync.box)
            return m;
    return NULL;
}

bool account_others_wait(const struct account *a)
{
    return next_dirty(a) != NULL;
}

/* The first mailbox is where pushes come: others are visited from there, a while at a time. */
static struct mailbox *choose_next(struct account *a)
{
    struct mailbox *first = account_first_mailbox(a), *other = next_dirty(a);
    int64_t now = perch_clock_ms();

    if (!a->sync.box || !first)
        return first;
    if (a->sync.box == first) {
        a->away_since = now;
        return other ? other : first;
    }
    return other && other != first && now - a->away_since < AWAY_MS ? other : first;
}

static void watch_now(struct account *a)
{
    if (a->state == ACCOUNT_WATCHING)
        return;
    account_goto(a, ACCOUNT_WATCHING);
    perch_free(perch_take(a->trouble));
    if (a->sync.selected)
        a->watch->start(a);
}

/* In turn: whoever was visited waits for all others. */
static void visit(struct account *a, struct mailbox *m)
{
    if (m != account_first_mailbox(a)) {
        perch_unlink(&m->link);
        perch_list_add(&a->mailboxes, &m->link);
    }
    account_goto(a, ACCOUNT_SYNCING);
    a->watch->stop(a);
    if (account_connected(a))
        sync_visit(a, m);
}

void account_next(struct account *a)
{
    struct mailbox *m;

    if (!account_connected(a) || (a->state == ACCOUNT_LISTING && a->asked))
        return;
    if (a->sync.box && !sync_settled(a))
        return;
    m = choose_next(a);
    if (m && m != a->sync.box)
        visit(a, m);
    else if (!(a->sync.steps & STEP_INITIAL))
        watch_now(a);
}

/* ---- beginning and end ---- */

struct account *account_ref(struct account *a)
{
    a->refs++;
    return a;
}

void account_unref(struct account *a)
{
    if (--a->refs)
        return;
    if (a->timer)
        event_free(a->timer);
    perch_free(a->trouble);
    perch_free(a);
}

struct account *account_new(const struct account_host *host, const struct config_account *cfg)
{
    struct account *a = perch_calloc(1, sizeof *a);

    if (!a)
        return NULL;
    a->refs = 1;
    a->host = host;
    a->cfg = cfg;
    a->prefix = "";
    a->watch = &watch_poll;
    perch_list_init(&a->mailboxes);
    flow_init(&a->flow);
    sync_init(&a->sync);
    a->timer = evtimer_new(host->base, on_timer, a);
    if (!a->timer) {
        account_unref(a);
        return NULL;
    }
    account_open(a);
    return a;
}

void account_free(struct account *a)
{
    if (!a)
        return;
    account_goto(a, ACCOUNT_STOPPED);
    cut(a);
    clear_timer(a);
    a->gone = true;
    flow_drop(a);
    forget_mailboxes(a);
    account_unref(a);
}

/* Its end is told when nothing of it is on the way to the store any more. */
static void tell_stopped(struct account *a)
{
    if (a->state != ACCOUNT_STOPPED || a->said_stopped || !flow_idle(a))
        return;
    a->said_stopped = true;
    a->host->stopped(a, a->host->user);
}

static void stopped(struct account *a)
{
    account_goto(a, ACCOUNT_STOPPED);
    clear_timer(a);
    cut(a);
    tell_stopped(a);
}

void account_turn(struct account *a)
{
    if (account_connected(a))
        sync_pump(a);
    else
        tell_stopped(a);
}

static void on_logged_out(perch_op *op, void *user)
{
    struct account *a = user;

    if (perch_op_session(op) == a->session)
        stopped(a);
}

void account_stop(struct account *a)
{
    bool polite = account_connected(a);

    gather_flush(a);
    a->host->drop_leave(a, a->host->user);
    account_goto(a, ACCOUNT_STOPPING);
    if (!polite) {
        stopped(a);
        return;
    }
    account_set_timer(a, STOP_MS);
    a->watch->stop(a);
    if (perch_logout_start(a->session, on_logged_out, a, NULL) < 0)
        stopped(a);
}

void account_reconfigure(struct account *a, const struct config_account *cfg)
{
    a->cfg = cfg;
    retry_now(a);
}
