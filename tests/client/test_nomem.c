/* Every allocation on the way to a session refused once: the client says ENOMEM or does
 * without, and leaves nothing behind. The server here allocates nothing through base/mem. */
#include "client/fixture.h"

#include "support/failmem.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
    int fd;
    gnutls_session_t tls; /* NULL: plain */
    bool greeted;
};

static const char greeting[] = "* OK [CAPABILITY IMAP4rev1] hi\r\n";

static int peer_start(struct peer *p, bool tls)
{
    int pair[2];

    *p = (struct peer){.fd = -1};
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    p->fd = pair[0];
    if (tls) {
        CU_ASSERT_EQUAL_FATAL(
            gnutls_init(&p->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL), 0);
        CU_ASSERT_EQUAL(gnutls_priority_set_direct(p->tls, "NORMAL", NULL), 0);
        CU_ASSERT_EQUAL(
            gnutls_credentials_set(p->tls, GNUTLS_CRD_CERTIFICATE, certs_server(CERT_GOOD)), 0);
        gnutls_transport_set_int(p->tls, pair[0]);
    }
    return pair[1];
}

static void peer_turn(struct peer *p)
{
    if (p->greeted || (p->tls && gnutls_handshake(p->tls) != 0))
        return;
    p->greeted = true;
    if (p->tls)
        (void)gnutls_record_send(p->tls, greeting, strlen(greeting));
    else
        (void)send(p->fd, greeting, strlen(greeting), MSG_NOSIGNAL);
}

static void peer_stop(struct peer *p)
{
    if (p->tls)
        gnutls_deinit(p->tls);
    (void)close(p->fd);
}

/* Connects, starts a command, frees. */
static int connect_and_go(struct fixture *f, const struct perch_client_options *o)
{
    const struct perch_client_hooks hooks = {.size = sizeof hooks, .on_closed = fixture_closed};
    struct perch_error e = {0};
    struct peer peer;
    struct perch_client_options options = *o;
    int rc;

    options.fd = peer_start(&peer, o->tls != PERCH_TLS_NONE);
    f->c = perch_client_new(f->base, &options, &hooks, f, &e);
    if (!f->c) {
        (void)close(options.fd); /* ours as long as there is no client */
        peer_stop(&peer);
        return e.code;
    }
    rc = perch_client_connect_start(f->c, fixture_connected, f);
    while (rc == 0 && !f->over) {
        (void)event_base_loop(f->base, EVLOOP_NONBLOCK);
        peer_turn(&peer);
    }
    if (rc == 0)
        rc = f->connect_error.code;
    if (rc == 0)
        rc = perch_noop_start(perch_client_session(f->c), fixture_done, f, NULL);
    if (rc == 0) {
        loop_settle(f->base);
        rc = f->done ? f->done_code : 0; /* it may fail alone */
        ASSERT_INT(perch_client_error(f->c)->code != 0, f->closes);
        CU_ASSERT(f->dones >= f->closes);
    }
    perch_client_free(f->c);
    ASSERT_INT(f->connects, f->over);
    peer_stop(&peer);
    return rc;
}

static int run_mode(enum perch_tls_mode tls)
{
    struct perch_client_options o = PERCH_CLIENT_OPTIONS_INIT;
    struct fixture f = {.base = event_base_new()};
    struct perch_error e = {0};
    int rc;

    f.trust = perch_trust_new(NULL, certs_authority(), &e);
    o.host = CERT_HOST;
    o.tls = tls;
    o.trust = f.trust;
    rc = f.trust ? connect_and_go(&f, &o) : e.code;
    perch_trust_unref(f.trust);
    event_base_free(f.base);
    return rc;
}

static int run_clear(void *user)
{
    (void)user;
    return run_mode(PERCH_TLS_NONE);
}

static int run_tls(void *user)
{
    (void)user;
    return run_mode(PERCH_TLS_IMPLICIT);
}

static void test_a_clear_connection_without_memory_is_an_error_not_a_crash(void)
{
    CU_ASSERT(perch_failmem(run_clear, NULL) > 3);
}

static void test_a_tls_connection_without_memory_is_an_error_not_a_crash(void)
{
    (void)certs_server(CERT_GOOD);
    CU_ASSERT(perch_failmem(run_tls, NULL) > 5);
    certs_done();
}

PERCH_SUITE("client/nomem") = {
    PERCH_TEST(test_a_clear_connection_without_memory_is_an_error_not_a_crash),
    PERCH_TEST(test_a_tls_connection_without_memory_is_an_error_not_a_crash),
    PERCH_END,
};
