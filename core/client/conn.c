/* A connection from dialling to its end, and the life of a line in between:
 *
 *   io_on_readable -> conn_consume -> perch_session_feed -> the user
 *
 * What a frame leaves to do (output, a session that died, the timer) is done once, when the
 * outermost frame leaves: perch_conn_settle. */
#include "client/client.h"

#include "session/session.h"
#include "base/clock.h"
#include "base/err.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static bool is_live(const perch_client *c)
{
    return c->phase > PERCH_PHASE_NEW && c->phase < PERCH_PHASE_CLOSED;
}

/* ---- the end ---- */

/* The user learns of it in one way: connect's done, or on_closed if it was connected. */
static void tell_end(perch_client *c)
{
    perch_connected_fn *connected = c->connected;
    struct perch_error why = c->error; /* the callback may free the client */

    c->connected = NULL;
    if (connected)
        connected(c, &why, c->connected_user);
    else if (c->hooks.on_closed && !c->quiet)
        c->hooks.on_closed(c, &why, c->user);
}

void perch_conn_end(perch_client *c)
{
    bool was_live = is_live(c);

    if (c->phase == PERCH_PHASE_CLOSED)
        return;
    c->phase = PERCH_PHASE_CLOSED;
    perch_timer_stop(&c->timer);
    perch_dial_free(c->dial);
    c->dial = NULL;
    perch_io_close(&c->io);
    if (c->options.fd >= 0)
        (void)close(c->options.fd);
    c->options.fd = -1;
    if (c->session)
        perch_session_lost(c->session, &c->error);
    if (c->starttls) /* in a frame of the session it would complete when we are gone */
        perch_op_cancel(c->starttls);
    if (was_live)
        tell_end(c);
}

/* ---- in and out ---- */

static bool session_died(const perch_client *c)
{
    return c->session && perch_session_state(c->session) == PERCH_STATE_CLOSED;
}

/* The session's reason is better than one from below: it has the server's last words. */
static void notice_death(perch_client *c)
{
    if (!is_live(c) || !session_died(c))
        return;
    c->error = *perch_session_error(c->session);
    perch_conn_end(c);
}

static void conn_flush(perch_client *c)
{
    while (is_live(c) && c->session) {
        struct perch_span out = perch_session_output(c->session);
        size_t took;

        if (out.n == 0 || !is_live(c)) /* ops that fail to encode complete in there */
            return;
        took = perch_io_send(&c->io, out.p, out.n);
        if (took == 0)
            return;
        perch_session_sent(c->session, took);
    }
}

static void conn_arm(perch_client *c)
{
    perch_ms next = c->tls_deadline;

    if (!is_live(c) || c->phase == PERCH_PHASE_DIALLING)
        return;
    if (c->session && perch_session_deadline(c->session) < next)
        next = perch_session_deadline(c->session);
    if (next == c->armed_for)
        return;
    c->armed_for = next;
    if (next == PERCH_NEVER)
        perch_timer_stop(&c->timer);
    else
        perch_timer_set(&c->timer, next - perch_clock_ms());
}

/* While the session is paused nothing is read, and so the server has to wait. */
static void conn_pace(perch_client *c)
{
    bool paused = is_live(c) && c->session && perch_session_paused(c->session);

    if (paused == c->io.paused || !is_live(c))
        return;
    if (paused)
        perch_io_pause(&c->io);
    else
        perch_io_resume(&c->io);
}

static void tell_connected(perch_client *c)
{
    perch_connected_fn *connected = c->connected;
    bool greeted = c->session && perch_session_state(c->session) != PERCH_STATE_GREETING;

    if (c->phase != PERCH_PHASE_GREETING || !greeted || session_died(c))
        return;
    if (c->options.tls == PERCH_TLS_STARTTLS && !c->starttls_done)
        return;
    c->phase = PERCH_PHASE_OPEN;
    c->connected = NULL;
    connected(c, NULL, c->connected_user);
}

void perch_conn_settle(perch_client *c)
{
    tell_connected(c);
    if (is_live(c) && c->session)
        perch_session_tick(c->session, perch_clock_ms());
    conn_flush(c);
    notice_death(c);
    conn_pace(c);
    conn_arm(c);
    if (c->phase == PERCH_PHASE_CLOSED)
        perch_buf_done(&c->io.rx); /* nobody reads it any more */
}

/* ---- the session's hooks ---- */

/* For what happens outside a frame of ours: the loop's next turn settles it. */
static void settle_soon(perch_client *c)
{
    if (c->depth > 0 || !is_live(c))
        return;
    c->armed_for = 0;
    perch_timer_set(&c->timer, 0);
}

static void on_event(perch_session *s, const struct perch_event *event, void *user)
{
    perch_client *c = user;

    (void)s;
    c->events++;
    if (c->hooks.on_event)
        c->hooks.on_event(c, event, c->user);
}

static void on_state(perch_session *s, enum perch_state from, enum perch_state to, void *user)
{
    (void)s;
    (void)from;
    if (to == PERCH_STATE_CLOSED)
        settle_soon(user);
}

static void on_output(perch_session *s, void *user)
{
    (void)s;
    settle_soon(user);
}

static void on_starttls(perch_session *s, void *user)
{
    perch_client *c = user;

    (void)s;
    c->switching = true;
}

static void on_trace(perch_session *s, bool outgoing, struct perch_span text, void *user)
{
    perch_client *c = user;

    (void)s;
    c->hooks.on_trace(c, outgoing, text, c->user);
}

/* ---- setting up: dial, TLS, session ---- */

static int conn_start_tls(perch_client *c)
{
    const struct perch_tls_config config = {
        .trust = c->options.trust,
        .host = c->options.host,
        .name = c->options.tls_name,
        .unverified = c->options.tls_unverified,
    };

    c->tls_deadline = perch_clock_add(perch_clock_ms(), c->options.tls_timeout);
    return perch_io_start_tls(&c->io, &config);
}

static void on_starttls_op(perch_op *op, void *user)
{
    perch_client *c = user;

    c->starttls = NULL;
    if (perch_op_code(op) == PERCH_OK) {
        c->starttls_done = true;
        return;
    }
    if (!c->error.code)
        c->error = *perch_op_error(op);
    perch_conn_end(c);
}

static int no_session(perch_client *c, int code, const char *why)
{
    return perch_error_set(&c->error, code, PERCH_HITS_CONNECTION, PERCH_TRY_LATER, NULL,
                           "cannot start a session with %s: %s", c->options.host, why);
}

static int conn_start_session(perch_client *c)
{
    bool clear = c->options.tls == PERCH_TLS_NONE;
    struct perch_session_options options = {
        .size = sizeof options,
        .limits = c->options.limits,
        .strict = c->options.strict,
        .secure = c->options.tls == PERCH_TLS_IMPLICIT,
        .allow_cleartext = clear && (c->options.allow_cleartext || perch_io_is_local(&c->io)),
        .allow_preauth = c->options.allow_preauth,
        .window = c->options.window,
        .command_timeout = c->options.command_timeout,
        .greeting_timeout = c->options.greeting_timeout,
    };
    const struct perch_session_hooks hooks = {
        .size = sizeof hooks,
        .on_event = on_event,
        .on_state = on_state,
        .on_output = on_output,
        .on_starttls = on_starttls,
        .on_trace = c->hooks.on_trace ? on_trace : NULL,
    };

    if (getrandom(&options.tag_seed, sizeof options.tag_seed, 0) != sizeof options.tag_seed)
        return no_session(c, PERCH_ENOMEM, "the system gives no random numbers");
    c->session = perch_session_new(&options, &hooks, c, perch_clock_ms());
    if (!c->session)
        return no_session(c, PERCH_ENOMEM, "out of memory");
    c->phase = PERCH_PHASE_GREETING;
    if (c->options.tls != PERCH_TLS_STARTTLS)
        return PERCH_OK;
    if (perch_starttls_start(c->session, on_starttls_op, c, &c->starttls) < 0)
        return no_session(c, PERCH_ESTARTTLS, perch_session_error(c->session)->text);
    return PERCH_OK;
}

/* The OK to STARTTLS was read. What came in clear behind it must never be taken for what
 * comes through TLS: the session refuses what was fed with it, here is what was not. */
static int conn_switch(perch_client *c)
{
    if (c->io.rx.len > 0)
        return perch_error_set(&c->error, PERCH_ESTARTTLS, PERCH_HITS_CONNECTION, PERCH_TRY_LATER,
                               "starttls-injection",
                               "%s sent bytes in clear behind the OK to STARTTLS: someone may be "
                               "tampering with the connection",
                               c->options.host);
    return conn_start_tls(c);
}

/* ---- the io's hooks ---- */

static bool conn_consume(void *user)
{
    perch_client *c = user;
    ssize_t used;

    perch_client_enter(c);
    perch_sess_clock(c->session, perch_clock_ms()); /* what is here is in time, if we are late */
    used = perch_session_feed(c->session, perch_buf_data(&c->io.rx), c->io.rx.len);
    if (used > 0)
        perch_buf_consume(&c->io.rx, (size_t)used);
    if (is_live(c) && c->switching && !c->io.tls && !session_died(c) && conn_switch(c) < 0)
        perch_conn_end(c);
    return perch_client_leave(c) && is_live(c);
}

static bool conn_secured(void *user)
{
    perch_client *c = user;

    perch_client_enter(c);
    c->tls_deadline = PERCH_NEVER;
    perch_io_describe(&c->io, c->description, sizeof c->description);
    if (c->switching)
        perch_session_tls_ready(c->session);
    else if (conn_start_session(c) < 0)
        perch_conn_end(c);
    return perch_client_leave(c) && is_live(c);
}

static void conn_drained(void *user)
{
    perch_client *c = user;

    perch_client_enter(c);
    (void)perch_client_leave(c);
}

static void conn_lost(void *user)
{
    perch_client *c = user;

    perch_client_enter(c);
    if (c->switching && c->tls_deadline != PERCH_NEVER &&
        strcmp(c->error.reason, "tls-not-tls") == 0)
        perch_error_set(&c->error, PERCH_ESTARTTLS, PERCH_HITS_CONNECTION, PERCH_TRY_LATER,
                        "starttls-injection",
                        "%s went on in clear behind the OK to STARTTLS: someone may be tampering "
                        "with the connection",
                        c->options.host);
    perch_conn_end(c);
    (void)perch_client_leave(c);
}

static const struct perch_io_hooks io_hooks = {
    .on_data = conn_consume,
    .on_tls = conn_secured,
    .on_drained = conn_drained,
    .on_end = conn_lost,
};

/* ---- the beginning ---- */

static void conn_wire_up(perch_client *c, int fd)
{
    int rc;

    perch_io_init(&c->io, &c->loop, fd, c->options.host, &io_hooks, c, &c->error);
    if (c->options.tls == PERCH_TLS_IMPLICIT) {
        c->phase = PERCH_PHASE_TLS;
        rc = conn_start_tls(c);
    } else {
        perch_io_describe(&c->io, c->description, sizeof c->description);
        rc = conn_start_session(c);
    }
    if (rc < 0)
        perch_conn_end(c);
}

static void conn_dialled(int fd, const struct perch_error *why, void *user)
{
    perch_client *c = user;

    perch_client_enter(c);
    c->dial = NULL;
    if (fd >= 0) {
        conn_wire_up(c, fd);
    } else {
        c->error = *why;
        perch_conn_end(c);
    }
    (void)perch_client_leave(c);
}

static void conn_timer(void *user)
{
    perch_client *c = user;
    perch_ms now = perch_clock_ms();

    perch_client_enter(c);
    c->armed_for = PERCH_NEVER;
    if (c->phase == PERCH_PHASE_DIALLING) { /* with a descriptor that was given to us */
        int fd = c->options.fd;

        c->options.fd = -1;
        conn_wire_up(c, fd);
    } else if (now >= c->tls_deadline) {
        perch_error_set(&c->error, PERCH_ETIMEOUT, PERCH_HITS_CONNECTION, PERCH_TRY_LATER,
                        "tls-timeout", "%s did not finish the TLS handshake within %lld ms",
                        c->options.host, (long long)c->options.tls_timeout);
        perch_conn_end(c);
    }
    (void)perch_client_leave(c);
}

int perch_conn_start(perch_client *c)
{
    const struct perch_dial_args args = {
        .host = c->options.host,
        .port = c->options.port,
        .resolve_timeout = c->options.resolve_timeout,
        .connect_timeout = c->options.connect_timeout,
    };

    perch_timer_init(&c->timer, &c->loop, conn_timer, c);
    if (c->options.fd >= 0)
        perch_timer_set(&c->timer, 0);
    else
        c->dial = perch_dial_start(&c->loop, &args, conn_dialled, c);
    if (c->options.fd < 0 && !c->dial)
        return perch_error_set(&c->error, PERCH_ENOMEM, PERCH_HITS_OP, PERCH_TRY_LATER, NULL,
                               "out of memory for dialling %s", c->options.host);
    c->phase = PERCH_PHASE_DIALLING;
    return PERCH_OK;
}
