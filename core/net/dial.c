/* One dial is one small machine: START -> RESOLVING -> RESOLVED -> CONNECTING. `deadline`
 * bounds the phase, `step` moves it on. c-ares must not be destroyed inside its own
 * callbacks, so what they bring is only noted there and acted upon in the next step. */
#include "net/dial.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/host.h"

#include <ares.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESS_MAX   16  /* more than any honest name has; each may cost a connection */
#define ATTEMPT_DELAY 250 /* RFC 8305 section 5 */

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

struct attempt {
    struct perch_dial *dial;
    const union address *to;
    struct perch_watch watch;
    int fd; /* -1: over */
};

/* A socket of c-ares. */
struct query {
    struct perch_link link;
    struct perch_dial *dial;
    struct perch_watch watch;
    int fd;
    bool writing;
};

struct perch_dial {
    struct perch_loop *loop;
    struct perch_dial_args args;
    perch_dialled_fn *done;
    void *user;

    enum { START, RESOLVING, RESOLVED, CONNECTING } phase;
    struct perch_timer deadline, step;
    struct perch_error error;

    ares_channel channel; /* NULL but while resolving */
    struct perch_list queries;

    union address addresses[ADDRESS_MAX];
    unsigned naddresses;
    struct attempt attempts[ADDRESS_MAX]; /* of the addresses at the same place */
    unsigned nattempts, running;
    struct perch_buf failures; /* "192.0.2.1: Connection refused, ..." */
    int failure;               /* the last errno */
};

/* ---- the end ---- */

static void attempt_close(struct attempt *a)
{
    if (a->fd < 0)
        return;
    perch_watch_stop(&a->watch);
    (void)close(a->fd);
    a->fd = -1;
    a->dial->running--;
}

static void queries_close(struct perch_dial *d)
{
    if (d->channel)
        ares_destroy(d->channel); /* closes its sockets through on_query_socket */
    d->channel = NULL;
}

void perch_dial_free(struct perch_dial *d)
{
    if (!d)
        return;
    queries_close(d);
    for (unsigned i = 0; i < d->nattempts; i++)
        attempt_close(&d->attempts[i]);
    perch_timer_stop(&d->deadline);
    perch_timer_stop(&d->step);
    perch_buf_done(&d->failures);
    perch_free(d);
}

static void dial_finish(struct perch_dial *d, int fd)
{
    perch_dialled_fn *done = d->done;
    void *user = d->user;
    struct perch_error why = d->error;

    perch_dial_free(d);
    done(fd, fd < 0 ? &why : NULL, user);
}

static void dial_expired(void *user)
{
    struct perch_dial *d = user;
    bool found = d->phase == CONNECTING;

    perch_error_set(&d->error, PERCH_ETIMEOUT, PERCH_HITS_CONNECTION, PERCH_TRY_LATER,
                    found ? "connect-timeout" : "resolve-timeout",
                    found ? "%s port %u did not answer within %lld ms"
                          : "no address found for %s (port %u) within %lld ms",
                    d->args.host, d->args.port,
                    (long long)(found ? d->args.connect_timeout : d->args.resolve_timeout));
    dial_finish(d, -1);
}

/* ---- connecting ---- */

static void note_failure(struct perch_dial *d, const union address *to, int err)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    const void *raw = to->any.sa_family == AF_INET ? (const void *)&to->in.sin_addr
                                                   : (const void *)&to->in6.sin6_addr;

    (void)inet_ntop(to->any.sa_family, raw, ip, sizeof ip);
    perch_buf_addf(&d->failures, "%s%s: %s", d->failures.len > 0 ? ", " : "", ip, strerror(err));
    d->failure = err;
}

static void fail_connect(struct perch_dial *d)
{
    const char *failures = perch_buf_cstr(&d->failures);

    perch_error_set(&d->error, PERCH_ECONNECT, PERCH_HITS_CONNECTION, PERCH_TRY_LATER,
                    d->failure == ECONNREFUSED ? "refused" : "unreachable",
                    "cannot connect to %s port %u (%s)", d->args.host, d->args.port,
                    failures ? failures : strerror(d->failure));
    dial_finish(d, -1);
}

static void dial_win(struct perch_dial *d, struct attempt *a)
{
    int fd = a->fd;

    perch_watch_stop(&a->watch);
    a->fd = -1;
    dial_finish(d, fd);
}

static void on_attempt_over(void *user);

/* 0: under way, or connected already and found so when it is writable; or the errno. */
static int attempt_start(struct perch_dial *d, struct attempt *a)
{
    const union address *to = a->to;
    socklen_t len = to->any.sa_family == AF_INET ? sizeof to->in : sizeof to->in6;

    a->fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->fd < 0)
        return errno;
    d->running++;
    perch_watch_init(&a->watch, d->loop, a->fd, NULL, on_attempt_over, a);
    if (connect(a->fd, &to->any, len) < 0 && errno != EINPROGRESS) {
        int err = errno;

        attempt_close(a);
        return err;
    }
    perch_watch_write(&a->watch);
    return 0;
}

/* Starts the next address that can be started. Ends the dial when none is left to hope for. */
static void dial_next(struct perch_dial *d)
{
    while (d->nattempts < d->naddresses) {
        unsigned i = d->nattempts++;
        struct attempt *a = &d->attempts[i];
        int err;

        *a = (struct attempt){.dial = d, .to = &d->addresses[i], .fd = -1};
        err = attempt_start(d, a);
        if (err) {
            note_failure(d, a->to, err);
            continue;
        }
        if (d->nattempts < d->naddresses)
            perch_timer_set(&d->step, ATTEMPT_DELAY);
        return;
    }
    if (d->running == 0)
        fail_connect(d);
}

static void on_attempt_over(void *user)
{
    struct attempt *a = user;
    struct perch_dial *d = a->dial;
    int err = 0;
    socklen_t len = sizeof err;

    if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
        err = errno;
    if (err == 0) {
        dial_win(d, a);
        return;
    }
    attempt_close(a);
    note_failure(d, a->to, err);
    dial_next(d);
}

static void dial_connect(struct perch_dial *d)
{
    queries_close(d);
    d->phase = CONNECTING;
    perch_timer_set(&d->deadline, d->args.connect_timeout);
    dial_next(d);
}

/* ---- resolving ---- */

static void query_free(struct query *q)
{
    perch_watch_stop(&q->watch);
    perch_unlink(&q->link);
    perch_free(q);
}

static struct query *query_find(struct perch_dial *d, int fd)
{
    PERCH_LIST_EACH(&d->queries, struct query, link, q)
        if (q->fd == fd)
            return q;
    return NULL;
}

/* Lets c-ares work on a socket, or on what is overdue (ARES_SOCKET_BAD). It may close the
 * socket and thereby free its query. */
static void dial_process(struct perch_dial *d, ares_socket_t readable, ares_socket_t writable)
{
    struct timeval tv;

    ares_process_fd(d->channel, readable, writable);
    if (d->phase != RESOLVING) /* the step is taken: on_addresses ran */
        return;
    PERCH_LIST_EACH(&d->queries, struct query, link, q)
        if (q->writing)
            perch_watch_write(&q->watch);
    if (ares_timeout(d->channel, NULL, &tv))
        perch_timer_set(&d->step, (perch_ms)tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
}

static void on_query_readable(void *user)
{
    struct query *q = user;

    dial_process(q->dial, q->fd, ARES_SOCKET_BAD);
}

static void on_query_writable(void *user)
{
    struct query *q = user;

    dial_process(q->dial, ARES_SOCKET_BAD, q->fd);
}

/* c-ares opened a socket, wants something else of it, or (neither) closes it. */
static void on_query_socket(void *user, ares_socket_t fd, int readable, int writable)
{
    struct perch_dial *d = user;
    struct query *q = query_find(d, fd);

    if (!readable && !writable) {
        if (q)
            query_free(q);
        return;
    }
    if (!q) {
        q = perch_calloc(1, sizeof *q);
        if (!q)
            return; /* never answered: the deadline ends it */
        q->dial = d;
        q->fd = fd;
        perch_watch_init(&q->watch, d->loop, fd, on_query_readable, on_query_writable, q);
        perch_list_add(&d->queries, &q->link);
        perch_watch_read(&q->watch);
    }
    q->writing = writable;
    if (writable)
        perch_watch_write(&q->watch);
}

static bool address_take(struct perch_dial *d, const struct ares_addrinfo_node *node,
                         union address *ret)
{
    if (node->ai_family == AF_INET && node->ai_addrlen == sizeof ret->in) {
        memcpy(&ret->in, node->ai_addr, sizeof ret->in);
        ret->in.sin_port = htons(d->args.port);
        return true;
    }
    if (node->ai_family == AF_INET6 && node->ai_addrlen == sizeof ret->in6) {
        memcpy(&ret->in6, node->ai_addr, sizeof ret->in6);
        ret->in6.sin6_port = htons(d->args.port);
        return true;
    }
    return false;
}

/* In the order given, but the families take turns as long as both last. */
static void interleave(struct perch_dial *d, const union address *sorted, unsigned n)
{
    bool used[ADDRESS_MAX] = {false};
    int last = AF_UNSPEC;

    while (d->naddresses < n) {
        unsigned first = n, pick = n;

        for (unsigned i = 0; i < n && pick == n; i++) {
            if (used[i])
                continue;
            if (first == n)
                first = i;
            if (sorted[i].any.sa_family != last)
                pick = i;
        }
        if (pick == n)
            pick = first;
        used[pick] = true;
        last = sorted[pick].any.sa_family;
        d->addresses[d->naddresses++] = sorted[pick];
    }
}

static void fail_resolve(struct perch_dial *d, int status)
{
    bool absent = status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA ||
                  status == ARES_ENONAME;

    perch_error_set(&d->error, PERCH_ERESOLVE, absent ? PERCH_HITS_ACCOUNT : PERCH_HITS_CONNECTION,
                    PERCH_TRY_LATER, absent ? "no-such-host" : "resolver",
                    absent ? "there is no host named %s%s" : "cannot look %s up: %s", d->args.host,
                    absent ? "" : ares_strerror(status));
}

static void on_addresses(void *user, int status, int timeouts, struct ares_addrinfo *result)
{
    struct perch_dial *d = user;
    union address sorted[ADDRESS_MAX];
    unsigned n = 0;

    (void)timeouts;
    if (status == ARES_EDESTRUCTION)
        return;
    for (const struct ares_addrinfo_node *node = result ? result->nodes : NULL;
         node && n < ADDRESS_MAX; node = node->ai_next)
        n += address_take(d, node, &sorted[n]);
    if (result)
        ares_freeaddrinfo(result);
    interleave(d, sorted, n);
    if (n == 0)
        fail_resolve(d, status);
    d->phase = RESOLVED;
    perch_timer_set(&d->step, 0);
}

static void dial_resolve(struct perch_dial *d)
{
    struct ares_options options = {.sock_state_cb = on_query_socket, .sock_state_cb_data = d};
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    int status = ares_init_options(&d->channel, &options, ARES_OPT_SOCK_STATE_CB);

    if (status != ARES_SUCCESS)
        d->channel = NULL;
    else if (d->args.resolvers)
        status = ares_set_servers_ports_csv(d->channel, d->args.resolvers);
    if (status != ARES_SUCCESS) {
        fail_resolve(d, status);
        dial_finish(d, -1);
        return;
    }
    d->phase = RESOLVING;
    ares_getaddrinfo(d->channel, d->args.host, NULL, &hints, on_addresses, d);
    dial_process(d, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static bool address_parse(struct perch_dial *d)
{
    union address *a = &d->addresses[0];

    if (inet_pton(AF_INET, d->args.host, &a->in.sin_addr) == 1) {
        a->in.sin_family = AF_INET;
        a->in.sin_port = htons(d->args.port);
    } else if (inet_pton(AF_INET6, d->args.host, &a->in6.sin6_addr) == 1) {
        a->in6.sin6_family = AF_INET6;
        a->in6.sin6_port = htons(d->args.port);
    } else {
        return false;
    }
    d->naddresses = 1;
    return true;
}

static void dial_step(void *user)
{
    struct perch_dial *d = user;

    switch (d->phase) {
    case START:
        if (address_parse(d))
            dial_connect(d);
        else
            dial_resolve(d);
        break;
    case RESOLVING:
        dial_process(d, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        break;
    case RESOLVED:
        if (d->error.code)
            dial_finish(d, -1);
        else
            dial_connect(d);
        break;
    case CONNECTING:
        dial_next(d);
        break;
    }
}

struct perch_dial *perch_dial_start(struct perch_loop *loop, const struct perch_dial_args *args,
                                    perch_dialled_fn *done, void *user)
{
    struct perch_dial *d = perch_calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->loop = loop;
    d->args = *args;
    d->done = done;
    d->user = user;
    perch_list_init(&d->queries);
    perch_timer_init(&d->deadline, loop, dial_expired, d);
    perch_timer_init(&d->step, loop, dial_step, d);
    perch_timer_set(&d->deadline, d->args.resolve_timeout);
    perch_timer_set(&d->step, 0);
    return d;
}
