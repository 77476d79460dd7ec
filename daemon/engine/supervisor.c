#include "engine/supervisor.h"

#include "engine/status.h"
#include "log.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"

#include <event2/event.h>

#include <stdlib.h>
#include <string.h>

/* Authorities that accounts name, loaded once for all that name the same. */
struct authority {
    struct perch_link link;
    perch_trust *trust;
    char pem[]; /* "": the system's */
};

struct supervisor {
    struct account_host host;
    struct supervisor_hooks hooks;
    void *user;
    struct perch_list accounts;
    struct perch_list queue; /* want leave to connect */
    struct perch_list turns; /* want a turn */
    struct perch_list authorities;
    struct event *pace, *turn;
    int64_t paced_at; /* monotonic ms: `leaves` were left then */
    double leaves;
    size_t stopping;
    bool stop;
};

/* ---- turns: once the callbacks of a library have returned ---- */

static void on_turn(int fd, short what, void *user)
{
    struct supervisor *s = user;

    (void)fd;
    (void)what;
    for (;;) {
        struct account *a = PERCH_LIST_FIRST(&s->turns, struct account, turn_link);

        if (!a)
            return;
        perch_unlink(&a->turn_link);
        account_turn(a);
    }
}

static void wake(struct account *a, void *user)
{
    struct supervisor *s = user;

    if (perch_linked(&a->turn_link))
        return;
    perch_list_add(&s->turns, &a->turn_link);
    event_active(s->turn, 0, 0);
}

/* ---- pacing ---- */

static void refill(struct supervisor *s)
{
    double most = s->host.config->connects_per_second;
    int64_t now = perch_clock_ms();

    s->leaves += (double)(now - s->paced_at) * most / 1000;
    s->paced_at = now;
    if (s->leaves > most)
        s->leaves = most;
}

static void give_leave(struct supervisor *s)
{
    struct timeval tv = {0};

    refill(s);
    while (s->leaves >= 1) {
        struct account *a = PERCH_LIST_FIRST(&s->queue, struct account, queue_link);

        if (!a)
            return;
        perch_unlink(&a->queue_link);
        s->leaves -= 1;
        account_connect(a);
    }
    tv.tv_usec = (suseconds_t)(1000000 / (s->host.config->connects_per_second + 1)) + 1000;
    if (!perch_list_empty(&s->queue))
        (void)event_add(s->pace, &tv);
}

static void on_pace(int fd, short what, void *user)
{
    (void)fd;
    (void)what;
    give_leave(user);
}

static void want_leave(struct account *a, void *user)
{
    struct supervisor *s = user;

    if (perch_linked(&a->queue_link))
        return;
    perch_list_add(&s->queue, &a->queue_link);
    event_active(s->pace, 0, 0);
}

static void drop_leave(struct account *a, void *user)
{
    (void)user;
    perch_unlink(&a->queue_link);
}

/* ---- authorities ---- */

static perch_trust *trust_of(const struct config_account *cfg, struct perch_error *error,
                             void *user)
{
    struct supervisor *s = user;
    const char *pem = cfg->ca_pem ? cfg->ca_pem : "";
    struct authority *t;

    PERCH_LIST_EACH(&s->authorities, struct authority, link, known)
        if (strcmp(known->pem, pem) == 0)
            return perch_trust_ref(known->trust);
    t = perch_calloc(1, sizeof *t + strlen(pem) + 1);
    if (!t) {
        (void)perch_error_set(error, PERCH_ENOMEM, PERCH_HITS_ACCOUNT, PERCH_TRY_LATER, "memory",
                              "out of memory");
        return NULL;
    }
    memcpy(t->pem, pem, strlen(pem) + 1);
    t->trust = perch_trust_new(NULL, *pem ? perch_span_of(t->pem) : (struct perch_span){0}, error);
    if (!t->trust) {
        perch_free(t);
        return NULL;
    }
    perch_list_add(&s->authorities, &t->link);
    return perch_trust_ref(t->trust);
}

/* On reload: files may have changed, the system's store too. Connections keep theirs. */
static void forget_authorities(struct supervisor *s)
{
    PERCH_LIST_EACH(&s->authorities, struct authority, link, t) {
        perch_unlink(&t->link);
        perch_trust_unref(t->trust);
        perch_free(t);
    }
}

/* ---- accounts ---- */

static uint32_t next_random(void *user)
{
    (void)user;
    return arc4random();
}

static void want_secret(struct account *a, bool fresh, void *user)
{
    struct supervisor *s = user;

    s->hooks.want_secret(a, fresh, s->user);
}

static void publish(const struct emission *e, void *user)
{
    struct supervisor *s = user;

    s->hooks.publish(e, s->user);
}

static void store_broke(void *user)
{
    struct supervisor *s = user;

    s->hooks.store_broke(s->user);
}

static void drop(struct account *a)
{
    perch_unlink(&a->link);
    perch_unlink(&a->queue_link);
    perch_unlink(&a->turn_link);
    account_free(a);
}

/* An account was told to stop and has. It may be inside a callback of its own. */
static void stopped(struct account *a, void *user)
{
    struct supervisor *s = user;

    (void)a;
    if (--s->stopping == 0)
        s->hooks.stopped(s->user);
}

struct supervisor *supervisor_new(struct event_base *base, struct store *store,
                                  const struct supervisor_hooks *hooks, void *user)
{
    struct supervisor *s = perch_calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->hooks = *hooks;
    s->user = user;
    s->host = (struct account_host){
        .base = base,
        .store = store,
        .want_leave = want_leave,
        .drop_leave = drop_leave,
        .want_secret = want_secret,
        .wake = wake,
        .publish = publish,
        .trust = trust_of,
        .store_broke = store_broke,
        .stopped = stopped,
        .random = next_random,
        .user = s,
    };
    perch_list_init(&s->accounts);
    perch_list_init(&s->queue);
    perch_list_init(&s->turns);
    perch_list_init(&s->authorities);
    s->paced_at = perch_clock_ms() - 1000;
    s->pace = evtimer_new(base, on_pace, s);
    s->turn = event_new(base, -1, 0, on_turn, s);
    if (s->pace && s->turn)
        return s;
    supervisor_free(s);
    return NULL;
}

void supervisor_close(struct supervisor *s)
{
    PERCH_LIST_EACH(&s->accounts, struct account, link, a)
        drop(a);
}

void supervisor_free(struct supervisor *s)
{
    if (!s)
        return;
    supervisor_close(s);
    forget_authorities(s);
    if (s->pace)
        event_free(s->pace);
    if (s->turn)
        event_free(s->turn);
    perch_free(s);
}

struct account *supervisor_find(const struct supervisor *s, const char *key)
{
    PERCH_LIST_EACH(&s->accounts, struct account, link, a)
        if (strcmp(a->cfg->key, key) == 0)
            return a;
    return NULL;
}

void supervisor_count(const struct supervisor *s, size_t *ret_all, size_t *ret_well)
{
    *ret_all = *ret_well = 0;
    PERCH_LIST_EACH(&s->accounts, struct account, link, a) {
        ++*ret_all;
        *ret_well += status_healthy(a);
    }
}

json_t *supervisor_status(const struct supervisor *s)
{
    json_t *list = json_array();

    PERCH_LIST_EACH(&s->accounts, struct account, link, a)
        (void)json_array_append_new(list, status_account(a));
    return list;
}

/* ---- reload ---- */

static bool same_words(char **a, char **b)
{
    size_t i = 0;

    if (!a || !b)
        return a == b;
    while (a[i] && perch_same_text(a[i], b[i]))
        i++;
    return !a[i] && !b[i];
}

/* Would `b` lead to the same connection, watched in the same way? Hooks, first_run and the
 * times are looked at when they are needed. */
static bool same_connection(const struct config_account *a, const struct config_account *b)
{
    return perch_same_text(a->user, b->user) && perch_same_text(a->host, b->host) &&
           a->port == b->port && a->tls == b->tls && a->tls_verify == b->tls_verify &&
           perch_same_text(a->ca_pem, b->ca_pem) && a->allow_cleartext == b->allow_cleartext &&
           same_words(a->auth, b->auth) && same_words(a->mailboxes, b->mailboxes) &&
           a->watch == b->watch && a->password.kind == b->password.kind;
}

/* An account of the configuration. */
struct wanted {
    const struct config_account *cfg;
    bool running;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct wanted *)a)->cfg->key, ((const struct wanted *)b)->cfg->key);
}

/* The accounts that may be watched, by key: limits.connections bounds them. */
static struct wanted *list_wanted(const struct config *config, size_t *ret_n)
{
    struct wanted *v;
    size_t n = config->naccounts;

    if (n > config->max_connections) {
        log_error(NULL,
                  "%zu accounts, but limits.connections is %u: the last %zu are not watched until"
                  " it is raised",
                  n, config->max_connections, n - config->max_connections);
        n = config->max_connections;
    }
    v = perch_calloc(n, sizeof *v);
    if (!v)
        return NULL;
    for (size_t i = 0; i < n; i++)
        v[i].cfg = &config->accounts[i];
    qsort(v, n, sizeof *v, by_key);
    *ret_n = n;
    return v;
}

/* Each account that runs goes on under the new configuration, or ends. */
static void adopt(struct supervisor *s, struct wanted *v, size_t n)
{
    PERCH_LIST_EACH(&s->accounts, struct account, link, a) {
        struct wanted key = {.cfg = a->cfg};
        struct wanted *found = bsearch(&key, v, n, sizeof *v, by_key);

        if (found && same_connection(a->cfg, found->cfg)) {
            found->running = true;
            account_reconfigure(a, found->cfg);
            continue;
        }
        log_info(a->cfg->key, found ? "changed: it connects again" : "no longer configured");
        drop(a);
    }
}

static void start(struct supervisor *s, const struct config_account *cfg)
{
    struct account *a = account_new(&s->host, cfg);

    if (a)
        perch_list_add(&s->accounts, &a->link);
    else
        log_error(cfg->key, "out of memory: it is not watched");
}

int supervisor_use(struct supervisor *s, const struct config *config)
{
    size_t n = 0;
    auto_free struct wanted *v = list_wanted(config, &n);

    if (!v)
        return -1;
    s->host.config = config;
    forget_authorities(s);
    adopt(s, v, n);
    for (size_t i = 0; i < n; i++)
        if (!v[i].running)
            start(s, v[i].cfg);
    return 0;
}

void supervisor_stop(struct supervisor *s)
{
    if (s->stop)
        return;
    s->stop = true;
    s->stopping = 1; /* held until all were told */
    PERCH_LIST_EACH(&s->accounts, struct account, link, a)
        s->stopping++;
    PERCH_LIST_EACH(&s->accounts, struct account, link, a)
        account_stop(a);
    stopped(NULL, s);
}
