/* A client and a scripted server on one loop, with everything the client told counted. */
#ifndef PERCH_TEST_CLIENT_FIXTURE_H
#define PERCH_TEST_CLIENT_FIXTURE_H

#include "perch/client.h"

#include "support/perch_test.h"
#include "support/server.h"

#include <event2/event.h>

struct fixture {
    struct event_base *base;
    struct server *server;
    perch_client *c; /* NULL once a callback freed it */
    perch_trust *trust;

    unsigned connects, closes, events, dones;
    bool over; /* connecting has ended, one way or the other */
    bool closed, done;
    struct perch_error connect_error, close_error;
    int done_code;

    /* Run inside the callbacks, after counting. */
    void (*in_connected)(struct fixture *f);
    void (*in_event)(struct fixture *f);
    void (*in_closed)(struct fixture *f);
    void (*in_done)(struct fixture *f);
};

static inline void fixture_connected(perch_client *c, const struct perch_error *why, void *user)
{
    struct fixture *f = user;

    (void)c;
    f->connects++;
    f->over = true;
    if (why)
        f->connect_error = *why;
    if (f->in_connected)
        f->in_connected(f);
}

static inline void fixture_event(perch_client *c, const struct perch_event *event, void *user)
{
    struct fixture *f = user;

    (void)c;
    (void)event;
    f->events++;
    if (f->in_event)
        f->in_event(f);
}

static inline void fixture_closed(perch_client *c, const struct perch_error *why, void *user)
{
    struct fixture *f = user;

    (void)c;
    f->closes++;
    f->closed = true;
    f->close_error = *why;
    if (f->in_closed)
        f->in_closed(f);
}

static inline void fixture_done(perch_op *op, void *user)
{
    struct fixture *f = user;

    f->dones++;
    f->done = true;
    f->done_code = perch_op_code(op);
    if (f->in_done)
        f->in_done(f);
}

/* A client for the other end of the server. `o` may be changed before: host, fd and trust
 * are filled in here. */
static inline void fixture_start(struct fixture *f, const struct server_options *so,
                                 const struct server_step *steps, enum perch_tls_mode tls,
                                 const struct perch_client_options *o)
{
    struct perch_client_options options = PERCH_CLIENT_OPTIONS_INIT;
    const struct perch_client_hooks hooks = {
        .size = sizeof hooks, .on_event = fixture_event, .on_closed = fixture_closed};
    struct perch_error e = {0};

    memset(f, 0, sizeof *f);
    f->base = event_base_new();
    f->server = server_new(f->base, so, steps);
    f->trust = perch_trust_new(NULL, certs_authority(), &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f->trust);
    if (o)
        options = *o;
    options.tls = tls;
    options.trust = f->trust;
    if (so && so->listen) {
        options.host = "127.0.0.1";
        options.port = server_port(f->server);
    } else {
        options.host = CERT_HOST;
        options.fd = server_peer(f->server);
    }
    f->c = perch_client_new(f->base, &options, &hooks, f, &e);
    if (!f->c)
        FAIL_ROW("%s", e.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f->c);
}

/* Connects and says how that ended. */
static inline int fixture_connect(struct fixture *f)
{
    CU_ASSERT_EQUAL_FATAL(perch_client_connect_start(f->c, fixture_connected, f), 0);
    CU_ASSERT_EQUAL(f->connects, 0);
    CU_ASSERT_FATAL(loop_until(f->base, &f->over));
    return f->connect_error.code;
}

static inline void fixture_stop(struct fixture *f)
{
    perch_client_free(f->c);
    perch_trust_unref(f->trust);
    server_free(f->server);
    event_base_free(f->base);
}

#endif
