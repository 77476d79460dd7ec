/* A client's life and what it tells of itself. The connection is conn.c. */
#include "client/client.h"

#include "session/session.h"
#include "net/host.h"
#include "net/trust.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#define TIMEOUT_DEFAULT (30 * 1000)
#define PORT_TLS        993
#define PORT_CLEAR      143

/* ---- frames ---- */

static void client_destroy(perch_client *c)
{
    perch_session_free(c->session);
    perch_io_done(&c->io);
    perch_timer_stop(&c->timer);
    perch_loop_done(&c->loop);
    perch_trust_unref(c->options.trust);
    perch_free((char *)(uintptr_t)c->options.host);
    perch_free((char *)(uintptr_t)c->options.tls_name);
    perch_free(c);
}

void perch_client_enter(perch_client *c)
{
    c->depth++;
}

bool perch_client_leave(perch_client *c)
{
    if (c->depth == 1)
        perch_conn_settle(c);
    if (--c->depth > 0 || !c->doomed || c->waiting)
        return !c->doomed;
    client_destroy(c);
    return false;
}

bool perch_client_inside(const perch_client *c)
{
    return c->depth > 0 || c->waiting || (c->session && c->session->depth > 0);
}

/* ---- making ---- */

static int invalid(struct perch_error *e, const char *what, const char *value)
{
    return perch_error_set(e, PERCH_EINVAL, PERCH_HITS_NOTHING, PERCH_FIX_CODE, NULL,
                           "perch_client_new: %s%s%s", what, value ? ": " : "", value ? value : "");
}

static int check_options(const struct perch_client_options *o, struct perch_error *e)
{
    if (o->tls != PERCH_TLS_IMPLICIT && o->tls != PERCH_TLS_STARTTLS && o->tls != PERCH_TLS_NONE)
        return invalid(e, "tls is none of enum perch_tls_mode", NULL);
    if (!o->host && o->fd < 0)
        return invalid(e, "no host", NULL);
    if (o->host && !perch_host_valid(o->host))
        return invalid(e, "host is neither a name in ASCII nor an address", o->host);
    if (o->tls_name && !perch_host_valid(o->tls_name))
        return invalid(e, "tls_name is neither a name in ASCII nor an address", o->tls_name);
    if (o->tls != PERCH_TLS_NONE && !o->tls_unverified && !o->host && !o->tls_name)
        return invalid(e, "without a host or tls_name no certificate can be checked", NULL);
    return PERCH_OK;
}

static int out_of_memory(struct perch_error *e)
{
    return perch_error_set(e, PERCH_ENOMEM, PERCH_HITS_OP, PERCH_TRY_LATER, NULL,
                           "out of memory for a client");
}

static void default_ms(perch_ms *ms)
{
    if (*ms <= 0)
        *ms = TIMEOUT_DEFAULT;
}

static void fill_options(struct perch_client_options *o)
{
    default_ms(&o->resolve_timeout);
    default_ms(&o->connect_timeout);
    default_ms(&o->tls_timeout);
    if (!o->port)
        o->port = o->tls == PERCH_TLS_IMPLICIT ? PORT_TLS : PORT_CLEAR;
}

/* A reference or a trust of its own, where TLS needs one. */
static int take_trust(perch_client *c, perch_trust *given, struct perch_error *e)
{
    struct perch_client_options *o = &c->options;

    if (o->tls == PERCH_TLS_NONE)
        return PERCH_OK;
    if (given)
        o->trust = perch_trust_ref(given);
    else if (o->tls_unverified)
        o->trust = perch_trust_new_empty(e);
    else
        o->trust = perch_trust_new(NULL, (struct perch_span){NULL, 0}, e);
    return o->trust ? PERCH_OK : e->code;
}

/* Makes the strings ours. The host is also what errors name the server by. */
static int take_strings(struct perch_client_options *o, struct perch_error *e)
{
    const char *host = o->host ? o->host : o->tls_name ? o->tls_name : "the server";
    const char *tls_name = o->tls_name;

    o->host = perch_strdup(host);
    o->tls_name = tls_name ? perch_strdup(tls_name) : NULL;
    return o->host && (o->tls_name || !tls_name) ? PERCH_OK : out_of_memory(e);
}

static int client_setup(perch_client *c, struct event_base *base,
                        const struct perch_client_options *options,
                        const struct perch_client_hooks *hooks, struct perch_error *e)
{
    struct perch_client_options o = PERCH_CLIENT_OPTIONS_INIT;
    int rc;

    if (!options || options->size == 0) /* a zeroed struct would mean descriptor 0 */
        return invalid(e, "options must start from PERCH_CLIENT_OPTIONS_INIT", NULL);
    perch_args_copy(&o, sizeof o, options);
    if (hooks && hooks->size == 0) /* they would be taken for none */
        return invalid(e, "hooks must start from PERCH_CLIENT_HOOKS_INIT", NULL);
    rc = check_options(&o, e);
    if (rc < 0)
        return rc;
    fill_options(&o);
    c->options = o;
    c->options.fd = -1; /* the caller's until all went well */
    c->options.trust = NULL;
    rc = take_strings(&c->options, e);
    if (rc == PERCH_OK)
        rc = take_trust(c, o.trust, e);
    if (rc == PERCH_OK && perch_loop_init(&c->loop, base) < 0)
        rc = out_of_memory(e);
    if (rc == PERCH_OK)
        c->options.fd = o.fd;
    return rc;
}

perch_client *perch_client_new(struct event_base *base, const struct perch_client_options *options,
                               const struct perch_client_hooks *hooks, void *user,
                               struct perch_error *ret_error)
{
    struct perch_error e = {0};
    perch_client *c = perch_calloc(1, sizeof *c);
    int rc = c ? client_setup(c, base, options, hooks, &e) : out_of_memory(&e);

    if (rc < 0) {
        if (ret_error)
            *ret_error = e;
        if (c)
            client_destroy(c);
        return NULL;
    }
    perch_args_copy(&c->hooks, sizeof c->hooks, hooks);
    c->user = user;
    c->io.fd = -1;
    c->armed_for = c->tls_deadline = PERCH_NEVER;
    return c;
}

void perch_client_close(perch_client *c)
{
    c->quiet = true;
    if (c->phase == PERCH_PHASE_CLOSED)
        return;
    perch_client_enter(c);
    perch_error_set(&c->error, PERCH_ECANCELLED, PERCH_HITS_CONNECTION, PERCH_TRY_NOTHING, NULL,
                    "the connection to %s was closed by its user", c->options.host);
    perch_conn_end(c);
    (void)perch_client_leave(c);
}

void perch_client_free(perch_client *c)
{
    if (!c || c->doomed)
        return;
    perch_client_enter(c);
    c->doomed = true;
    perch_client_close(c);
    (void)perch_client_leave(c);
}

int perch_client_connect_start(perch_client *c, perch_connected_fn *done, void *user)
{
    int rc;

    if (!done)
        return PERCH_EINVAL;
    if (c->phase != PERCH_PHASE_NEW)
        return PERCH_ESTATE;
    rc = perch_conn_start(c);
    if (rc < 0)
        return rc;
    c->connected = done;
    c->connected_user = user;
    return PERCH_OK;
}

/* ---- what is told ---- */

perch_session *perch_client_session(perch_client *c)
{
    return c->session;
}

const struct perch_error *perch_client_error(const perch_client *c)
{
    return &c->error;
}

void *perch_client_user(const perch_client *c)
{
    return c->user;
}

const char *perch_client_describe(const perch_client *c)
{
    return c->description;
}

perch_ms perch_client_last_heard(const perch_client *c)
{
    return c->io.last_heard;
}

uint64_t perch_client_bytes_in(const perch_client *c)
{
    return c->io.bytes_in;
}

uint64_t perch_client_bytes_out(const perch_client *c)
{
    return c->io.bytes_out;
}
