/* GnuTLS on buffers of ours. Measured against GnuTLS on the descriptor this saves five
 * system calls of six, and it lets the buffers go while a connection is idle.
 *
 * Whatever a server does inside TLS that we never asked for is counted and bounded: warning
 * alerts and requests to renegotiate. (GnuTLS bounds key updates and handshake sizes.) */
#include "net/tls.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/host.h"

#include <gnutls/gnutls.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NUISANCE_MAX 3 /* warnings and requests to renegotiate; the third ends it */

/* First bytes of what a TLS server can say before keys are known: RFC 8446 5.1. */
#define TLS_ALERT     0x15
#define TLS_HANDSHAKE 0x16

struct perch_tls {
    gnutls_session_t session;
    perch_trust *trust;
    struct perch_buf *cin, *out;
    const char *host;
    struct perch_peer peer;
    struct perch_error *error;
    enum { HEARD_NOTHING, HEARD_TLS, HEARD_SOMETHING_ELSE } heard;
    enum perch_tls_rc end; /* FAILED or CLOSED once the stream has ended, DRY before */
    bool ready;            /* the handshake is over */
    bool eof;              /* nothing will follow what is in `cin` */
    bool cut;              /* GnuTLS ran into that end */
    unsigned nuisances;
};

/* ---- the wire below ---- */

static ssize_t pull(gnutls_transport_ptr_t ptr, void *data, size_t n)
{
    struct perch_tls *t = ptr;

    if (t->cin->len == 0) {
        t->cut = t->eof;
        if (t->eof)
            return 0;
        gnutls_transport_set_errno(t->session, EAGAIN);
        return -1;
    }
    if (t->heard == HEARD_NOTHING) {
        uint8_t first = *perch_buf_data(t->cin);

        t->heard = first == TLS_ALERT || first == TLS_HANDSHAKE ? HEARD_TLS : HEARD_SOMETHING_ELSE;
    }
    if (n > t->cin->len)
        n = t->cin->len;
    memcpy(data, perch_buf_data(t->cin), n);
    perch_buf_consume(t->cin, n);
    return (ssize_t)n;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t n)
{
    struct perch_tls *t = ptr;

    perch_buf_add(t->out, data, n);
    if (t->out->failed) {
        gnutls_transport_set_errno(t->session, ENOMEM);
        return -1;
    }
    return (ssize_t)n;
}

/* ---- life ---- */

static int tls_setup(struct perch_tls *t)
{
    static const unsigned char imap[] = "imap";
    const gnutls_datum_t alpn = {(unsigned char *)(uintptr_t)imap, sizeof imap - 1};
    struct perch_span name = perch_host_name(t->peer.name);
    uint8_t address[16];
    int rc = gnutls_init(&t->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);

    if (rc < 0)
        return rc;
    gnutls_transport_set_ptr(t->session, t);
    gnutls_transport_set_pull_function(t->session, pull);
    gnutls_transport_set_push_function(t->session, push);
    gnutls_session_set_ptr(t->session, &t->peer);
    rc = perch_trust_equip(t->trust, t->session);
    if (rc == 0)
        rc = gnutls_alpn_set_protocols(t->session, &alpn, 1, 0);
    if (rc == 0 && perch_host_address(t->peer.name, address) == 0) /* RFC 6066: names alone */
        rc = gnutls_server_name_set(t->session, GNUTLS_NAME_DNS, name.p, name.n);
    return rc;
}

struct perch_tls *perch_tls_new(const struct perch_tls_config *config, struct perch_buf *cin,
                                struct perch_buf *out, struct perch_error *error)
{
    struct perch_tls *t = perch_calloc(1, sizeof *t);
    int rc = GNUTLS_E_MEMORY_ERROR;

    if (t) {
        t->trust = perch_trust_ref(config->trust);
        t->cin = cin;
        t->out = out;
        t->host = config->host;
        t->error = error;
        t->peer = (struct perch_peer){.name = config->name ? config->name : config->host,
                                      .unverified = config->unverified,
                                      .error = error};
        rc = tls_setup(t);
    }
    if (rc < 0) {
        perch_error_set(error, rc == GNUTLS_E_MEMORY_ERROR ? PERCH_ENOMEM : PERCH_ETLS,
                        PERCH_HITS_CONNECTION, PERCH_TRY_LATER, "tls-setup",
                        "cannot set TLS up for %s: %s", config->host, gnutls_strerror(rc));
        perch_tls_free(t);
        return NULL;
    }
    return t;
}

void perch_tls_free(struct perch_tls *t)
{
    if (!t)
        return;
    if (t->session)
        gnutls_deinit(t->session);
    perch_trust_unref(t->trust);
    perch_free(t);
}

void perch_tls_set_eof(struct perch_tls *t)
{
    t->eof = true;
}

/* ---- what went wrong, in words ---- */

static const char *alert_name(const struct perch_tls *t)
{
    const char *name = gnutls_alert_get_name(gnutls_alert_get(t->session));

    return name ? name : "unknown alert";
}

static void explain_handshake(struct perch_tls *t, int rc)
{
    bool alert = rc == GNUTLS_E_FATAL_ALERT_RECEIVED;

    if (t->error->code) /* the certificate's judge knew better */
        return;
    if (t->heard == HEARD_SOMETHING_ELSE)
        perch_error_set(t->error, PERCH_ETLS, PERCH_HITS_ACCOUNT, PERCH_ASK_USER, "tls-not-tls",
                        "%s does not speak TLS here: wrong port, or STARTTLS where TLS from the "
                        "first byte was expected",
                        t->host);
    else if (t->cut)
        perch_error_set(t->error, PERCH_ETLS, PERCH_HITS_CONNECTION, PERCH_TRY_LATER, "tls-closed",
                        "%s closed the connection during the TLS handshake", t->host);
    else if (rc == GNUTLS_E_UNSUPPORTED_VERSION_PACKET ||
             (alert && gnutls_alert_get(t->session) == GNUTLS_A_PROTOCOL_VERSION))
        perch_error_set(t->error, PERCH_ETLS, PERCH_HITS_ACCOUNT, PERCH_ASK_USER, "tls-version",
                        "%s speaks neither TLS 1.2 nor TLS 1.3", t->host);
    else
        perch_error_set(t->error, PERCH_ETLS, PERCH_HITS_CONNECTION, PERCH_TRY_LATER,
                        alert                                    ? "tls-alert"
                        : rc == GNUTLS_E_NO_APPLICATION_PROTOCOL ? "tls-alpn"
                                                                 : "tls-handshake",
                        "TLS handshake with %s failed: %s%s", t->host,
                        alert ? "the server said: " : "",
                        alert ? alert_name(t) : gnutls_strerror(rc));
}

static void explain_record(struct perch_tls *t, int rc)
{
    bool alert = rc == GNUTLS_E_FATAL_ALERT_RECEIVED;

    if (t->cut)
        perch_error_set(t->error, PERCH_ECLOSED, PERCH_HITS_CONNECTION, PERCH_TRY_NOW,
                        "tls-truncated", "the connection to %s was cut without an end of TLS",
                        t->host);
    else
        perch_error_set(t->error, PERCH_ETLS, PERCH_HITS_CONNECTION, PERCH_TRY_LATER,
                        alert ? "tls-alert" : "tls-record", "TLS with %s failed: %s%s", t->host,
                        alert ? "the server said: " : "",
                        alert ? alert_name(t) : gnutls_strerror(rc));
}

static enum perch_tls_rc tls_fail(struct perch_tls *t, int rc)
{
    if (t->out->failed)
        perch_error_set(t->error, PERCH_ENOMEM, PERCH_HITS_CONNECTION, PERCH_TRY_LATER, NULL,
                        "out of memory for the connection to %s", t->host);
    else if (t->ready)
        explain_record(t, rc);
    else
        explain_handshake(t, rc);
    (void)gnutls_alert_send_appropriate(t->session, rc);
    t->end = PERCH_TLS_FAILED;
    return t->end;
}

/* Something that GnuTLS hands to us and that need not end the session: 0 to go on, or the
 * code it ends with. */
static int nuisance(struct perch_tls *t, int rc)
{
    if (gnutls_error_is_fatal(rc) || ++t->nuisances >= NUISANCE_MAX)
        return rc;
    if (rc == GNUTLS_E_REHANDSHAKE)
        return gnutls_alert_send(t->session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
    return 0;
}

/* ---- handshake ---- */

/* A server that chose a protocol we did not offer is not talking to us (ALPACA). */
static bool alpn_agreed(struct perch_tls *t)
{
    gnutls_datum_t chosen;

    if (gnutls_alpn_get_selected_protocol(t->session, &chosen) < 0)
        return true; /* most servers choose none */
    return chosen.size == strlen("imap") && memcmp(chosen.data, "imap", chosen.size) == 0;
}

static enum perch_tls_rc tls_ready(struct perch_tls *t)
{
    int rc = 0;

    if (!t->peer.accepted)
        rc = GNUTLS_E_NO_CERTIFICATE_FOUND;
    else if (!alpn_agreed(t))
        rc = GNUTLS_E_NO_APPLICATION_PROTOCOL;
    if (rc < 0)
        return tls_fail(t, rc);
    t->ready = true;
    return PERCH_TLS_DONE;
}

enum perch_tls_rc perch_tls_handshake(struct perch_tls *t)
{
    for (;;) {
        size_t before = t->cin->len;
        int rc = gnutls_handshake(t->session);

        if (rc == 0)
            return tls_ready(t);
        if (rc == GNUTLS_E_AGAIN && t->cin->len == before)
            return PERCH_TLS_DRY;
        if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED)
            continue;
        rc = nuisance(t, rc);
        if (rc < 0)
            return tls_fail(t, rc);
    }
}

/* ---- data ---- */

/* One record or part of it: its size, 0 for nothing, a GnuTLS code for a failure. */
static ssize_t read_record(struct perch_tls *t, uint8_t *p, size_t n)
{
    for (;;) {
        size_t before = t->cin->len;
        ssize_t got = gnutls_record_recv(t->session, p, n);

        if (got > 0 || (got < 0 && t->cut))
            return got;
        if (got == 0)
            t->end = PERCH_TLS_CLOSED;
        if (got == 0 || (got == GNUTLS_E_AGAIN && t->cin->len == before))
            return 0;
        if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED)
            continue; /* what was eaten, a session ticket say, was no data */
        got = nuisance(t, (int)got);
        if (got < 0)
            return got;
    }
}

enum perch_tls_rc perch_tls_read(struct perch_tls *t, uint8_t *p, size_t n, size_t *ret_n)
{
    size_t have = 0;

    while (t->end == PERCH_TLS_DRY && have < n) {
        ssize_t got = read_record(t, p + have, n - have);

        if (got < 0)
            (void)tls_fail(t, (int)got);
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    if (have == 0)
        return t->end;
    *ret_n = have;
    return PERCH_TLS_DONE;
}

enum perch_tls_rc perch_tls_write(struct perch_tls *t, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = gnutls_record_send(t->session, p, n);

        if (sent < 0)
            return tls_fail(t, (int)sent);
        p += sent;
        n -= (size_t)sent;
    }
    return PERCH_TLS_DONE;
}

void perch_tls_bye(struct perch_tls *t)
{
    if (t->ready && t->end != PERCH_TLS_FAILED)
        (void)gnutls_bye(t->session, GNUTLS_SHUT_WR);
}

void perch_tls_describe(const struct perch_tls *t, char *out, size_t room)
{
    const char *version = gnutls_protocol_get_name(gnutls_protocol_get_version(t->session));
    const char *cipher = gnutls_cipher_get_name(gnutls_cipher_get(t->session));

    (void)snprintf(out, room, "%s %s", version ? version : "TLS", cipher ? cipher : "?");
}
