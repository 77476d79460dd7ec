#include "support/server.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/span.h"

#include <event2/event.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct server {
    struct event_base *base;
    struct server_options o;
    const struct server_step *step;
    int listener, fd, peer;
    uint16_t port;
    struct event *accepting, *reading, *writing;
    gnutls_session_t tls;
    gnutls_datum_t ticket_key;
    struct perch_buf cin, lines, out, got;
    size_t sent;
    unsigned warnings;
    char tag[64];
    bool saw_end, stalled;
    bool closing, resetting; /* once all output has left */
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
    abort();
}
#define MUST(condition) must((condition), #condition)

static void server_run(struct server *s);

/* ---- the wire ---- */

static void server_hang_up(struct server *s)
{
    if (s->reading)
        event_free(s->reading);
    if (s->writing)
        event_free(s->writing);
    s->reading = s->writing = NULL;
    if (s->tls)
        gnutls_deinit(s->tls);
    s->tls = NULL;
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
}

static size_t may_send(const struct server *s)
{
    size_t n = s->out.len;

    if (s->o.chunk && n > s->o.chunk)
        n = s->o.chunk;
    if (s->o.stall_at && n > s->o.stall_at - s->sent)
        n = s->o.stall_at - s->sent;
    if (s->o.cut_at && n > s->o.cut_at - s->sent)
        n = s->o.cut_at - s->sent;
    return n;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct server *s = arg;
    size_t want = may_send(s);
    ssize_t n;

    (void)what;
    n = want ? send(fd, perch_buf_data(&s->out), want, MSG_NOSIGNAL) : 0;
    if (n < 0 && errno != EAGAIN) {
        s->saw_end = true;
        server_hang_up(s);
        return;
    }
    if (n > 0) {
        s->sent += (size_t)n;
        perch_buf_consume(&s->out, (size_t)n);
    }
    if (s->o.cut_at && s->sent >= s->o.cut_at) {
        server_hang_up(s);
        return;
    }
    if (may_send(s) > 0)
        (void)event_add(s->writing, NULL);
    server_run(s);
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *data, size_t n)
{
    struct server *s = ptr;

    if (s->cin.len == 0) {
        gnutls_transport_set_errno(s->tls, EAGAIN);
        return -1;
    }
    if (n > s->cin.len)
        n = s->cin.len;
    memcpy(data, perch_buf_data(&s->cin), n);
    perch_buf_consume(&s->cin, n);
    return (ssize_t)n;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t n)
{
    struct server *s = ptr;

    perch_buf_add(&s->out, data, n);
    return (ssize_t)n;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct server *s = arg;
    struct perch_buf *in = s->tls ? &s->cin : &s->lines;
    uint8_t *room = perch_buf_room(in, 16384);
    ssize_t n = recv(fd, room, 16384, 0);

    (void)what;
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        s->saw_end = true;
        server_hang_up(s);
        return;
    }
    if (!s->tls)
        perch_buf_add(&s->got, room, (size_t)n);
    perch_buf_commit(in, (size_t)n);
    server_run(s);
}

/* ---- the script ---- */

static void say(struct server *s, const char *text)
{
    struct perch_buf b = PERCH_BUF_INIT;

    for (const char *at; (at = strstr(text, "%t")); text = at + 2) {
        perch_buf_add(&b, text, (size_t)(at - text));
        perch_buf_adds(&b, s->tag);
    }
    perch_buf_adds(&b, text);
    if (!s->tls)
        perch_buf_addspan(&s->out, perch_buf_span(&b));
    for (size_t done = 0; s->tls && done < b.len;) {
        ssize_t n = gnutls_record_send(s->tls, perch_buf_data(&b) + done, b.len - done);

        MUST(n > 0);
        done += (size_t)n;
    }
    perch_buf_done(&b);
}

/* The next whole line without its end, or p == NULL. Valid until the buffer changes. */
static struct perch_span next_line(struct server *s, size_t *ret_used)
{
    struct perch_span all = perch_buf_span(&s->lines);
    const char *end = all.n ? memmem(all.p, all.n, "\r\n", 2) : NULL;

    if (!end)
        return (struct perch_span){NULL, 0};
    all.n = (size_t)(end - all.p);
    *ret_used = all.n + 2;
    return all;
}

/* False while no line is there. One that is not what the script wants ends the connection,
 * so that the test fails and says why. */
static bool expect(struct server *s, bool tagged, const char *want)
{
    size_t used = 0;
    struct perch_span line = next_line(s, &used), rest = line;

    if (!line.p)
        return false;
    if (tagged) {
        struct perch_span tag = perch_span_cut(&rest, ' ');

        (void)snprintf(s->tag, sizeof s->tag, "%.*s", (int)tag.n, tag.p);
    }
    if (tagged ? !rest.p || !perch_span_istarts(rest, want) : !perch_span_ieqs(rest, want)) {
        (void)fprintf(stderr, "server: wanted \"%s\", got \"%.*s\"\n", want, (int)line.n, line.p);
        s->closing = true;
        return false;
    }
    perch_buf_consume(&s->lines, used);
    return true;
}

static int choose_alpn(gnutls_session_t session, const char *name)
{
    const gnutls_datum_t d = {(unsigned char *)(uintptr_t)name, (unsigned)strlen(name)};

    return gnutls_alpn_set_protocols(session, &d, 1, GNUTLS_ALPN_MANDATORY);
}

static void start_tls(struct server *s)
{
    MUST(gnutls_init(&s->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK) == 0);
    MUST(gnutls_priority_set_direct(s->tls, s->o.priority ? s->o.priority : "NORMAL", NULL) == 0);
    MUST(gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE, certs_server(s->o.cert)) == 0);
    MUST(gnutls_session_ticket_key_generate(&s->ticket_key) == 0);
    MUST(gnutls_session_ticket_enable_server(s->tls, &s->ticket_key) == 0);
    if (s->o.alpn)
        MUST(choose_alpn(s->tls, s->o.alpn) == 0);
    gnutls_transport_set_ptr(s->tls, s);
    gnutls_transport_set_pull_function(s->tls, pull);
    gnutls_transport_set_push_function(s->tls, push);
    gnutls_handshake_set_timeout(s->tls, GNUTLS_INDEFINITE_TIMEOUT);
    perch_buf_addspan(&s->cin, perch_buf_span(&s->lines));
    perch_buf_clear(&s->lines);
}

/* True once TLS is up. A handshake that failed sends its alert and is over. */
static bool shake_hands(struct server *s)
{
    int rc;

    if (!s->tls)
        start_tls(s);
    do
        rc = gnutls_handshake(s->tls);
    while (rc < 0 && rc != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(rc));
    if (rc < 0 && rc != GNUTLS_E_AGAIN) {
        (void)gnutls_alert_send_appropriate(s->tls, rc);
        s->stalled = true;
    }
    return rc == 0;
}

static void decrypt(struct server *s)
{
    for (;;) {
        uint8_t data[4096];
        ssize_t n = gnutls_record_recv(s->tls, data, sizeof data);

        if (n == GNUTLS_E_WARNING_ALERT_RECEIVED)
            s->warnings++;
        else if (n <= 0)
            return;
        if (n <= 0)
            continue;
        perch_buf_add(&s->got, data, (size_t)n);
        perch_buf_add(&s->lines, data, (size_t)n);
    }
}

static void reset(struct server *s)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    server_hang_up(s);
}

/* One step: false when it has to wait. */
static bool take_step(struct server *s)
{
    switch (s->step->what) {
    case SERVER_END:
        return false;
    case SERVER_SAY:
        say(s, s->step->text);
        return true;
    case SERVER_EXPECT:
        return expect(s, true, s->step->text);
    case SERVER_LINE:
        return expect(s, false, s->step->text);
    case SERVER_HEAR:
        if (s->lines.len == 0)
            return false;
        perch_buf_clear(&s->lines);
        return true;
    case SERVER_TLS:
        return shake_hands(s);
    case SERVER_TICKETS:
        for (int i = 0; i < 3; i++)
            MUST(gnutls_session_ticket_send(s->tls, 1, 0) == 0);
        return true;
    case SERVER_AGAIN:
        MUST(gnutls_rehandshake(s->tls) == 0);
        return true;
    case SERVER_CLOSE:
        if (s->tls)
            (void)gnutls_bye(s->tls, GNUTLS_SHUT_WR);
        s->closing = true;
        return true;
    case SERVER_CUT:
        s->closing = true;
        return true;
    case SERVER_RESET:
        s->closing = s->resetting = true;
        return true;
    case SERVER_STALL:
        s->stalled = true;
        (void)event_del(s->reading);
        return true;
    }
    return false;
}

static void server_run(struct server *s)
{
    while (s->fd >= 0 && !s->stalled && !s->closing) {
        if (s->tls && s->step->what != SERVER_TLS)
            decrypt(s);
        if (!take_step(s))
            break;
        s->step++;
    }
    if (s->closing && s->out.len == 0 && s->resetting)
        reset(s);
    else if (s->closing && s->out.len == 0)
        server_hang_up(s);
    else if (s->fd >= 0 && may_send(s) > 0)
        (void)event_add(s->writing, NULL);
}

/* ---- life ---- */

static void server_serve(struct server *s, int fd)
{
    s->fd = fd;
    MUST(evutil_make_socket_nonblocking(fd) == 0);
    MUST((s->reading = event_new(s->base, fd, EV_READ | EV_PERSIST, on_readable, s)) != NULL);
    MUST((s->writing = event_new(s->base, fd, EV_WRITE, on_writable, s)) != NULL);
    (void)event_add(s->reading, NULL);
    server_run(s);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct server *s = arg;
    int accepted = accept(fd, NULL, NULL);

    (void)what;
    MUST(accepted >= 0);
    (void)event_del(s->accepting);
    server_serve(s, accepted);
}

static void server_bind(struct server *s)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof in;

    MUST((s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
    MUST(bind(s->listener, (struct sockaddr *)&in, sizeof in) == 0);
    MUST(listen(s->listener, 1) == 0);
    MUST(getsockname(s->listener, (struct sockaddr *)&in, &len) == 0);
    s->port = ntohs(in.sin_port);
    MUST((s->accepting = event_new(s->base, s->listener, EV_READ | EV_PERSIST, on_accept, s)) !=
         NULL);
    (void)event_add(s->accepting, NULL);
}

struct server *server_new(struct event_base *base, const struct server_options *o,
                          const struct server_step *steps)
{
    struct server *s = calloc(1, sizeof *s);
    int pair[2];

    MUST(s != NULL);
    s->base = base;
    if (o)
        s->o = *o;
    s->step = steps;
    s->listener = s->fd = s->peer = -1;
    if (s->o.listen) {
        server_bind(s);
        return s;
    }
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    s->peer = pair[1];
    server_serve(s, pair[0]);
    return s;
}

void server_free(struct server *s)
{
    if (!s)
        return;
    server_hang_up(s);
    if (s->accepting)
        event_free(s->accepting);
    if (s->listener >= 0)
        (void)close(s->listener);
    if (s->peer >= 0)
        (void)close(s->peer);
    gnutls_free(s->ticket_key.data);
    perch_buf_done(&s->cin);
    perch_buf_done(&s->lines);
    perch_buf_done(&s->out);
    perch_buf_done(&s->got);
    free(s);
}

int server_peer(struct server *s)
{
    int fd = s->peer;

    s->peer = -1;
    return fd;
}

uint16_t server_port(const struct server *s)
{
    return s->port;
}

const char *server_got(struct server *s)
{
    return perch_buf_cstr(&s->got);
}

size_t server_sent(const struct server *s)
{
    return s->sent;
}

unsigned server_warnings(const struct server *s)
{
    return s->warnings;
}

bool server_saw_end(const struct server *s)
{
    return s->saw_end;
}

bool server_finished(const struct server *s)
{
    return s->step->what == SERVER_END;
}

/* ---- the loop ---- */

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
    bool *rang = arg;

    (void)fd;
    (void)what;
    *rang = true;
}

bool loop_until(struct event_base *base, const bool *flag)
{
    static const struct timeval patience = {20, 0};
    bool rang = false;
    struct event *alarm = event_new(base, -1, 0, on_alarm, &rang);

    MUST(alarm != NULL);
    (void)event_add(alarm, &patience);
    while (!*flag && !rang)
        (void)event_base_loop(base, EVLOOP_ONCE);
    event_free(alarm);
    return *flag;
}

void loop_settle(struct event_base *base)
{
    for (int quiet = 0; quiet < 3; quiet++)
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
}
