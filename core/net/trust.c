/* The chain is judged by GnuTLS, the name by us: subjectAltName alone counts, because
 * GnuTLS falls back to the common name, and was fooled by that more than once
 * (CVE-2026-42012, CVE-2026-42013).
 *
 * One credentials object and one parsed priority string serve all sessions: a priority
 * string of its own would cost each idle connection 8 kB more. */
#include "net/trust.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/host.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Behind the distribution's own default, which we can only make stricter. */
#define PRIORITY "-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

#define CHAIN_MAX 16 /* certificates we look at to say which one is wrong */
#define NAMES_MAX 8  /* names of a certificate that an error lists */

struct perch_trust {
    atomic_uint refs;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
};

/* ---- loading ---- */

static int judge(gnutls_session_t session);

static int store_error(struct perch_error *e, const char *reason, const char *what,
                       const char *where, const char *why)
{
    return perch_error_set(e, PERCH_ECERTIFICATE, PERCH_HITS_ACCOUNT, PERCH_ASK_USER, reason,
                           "%s%s: %s", what, where, why);
}

/* Each loader says how many certificates it found, or a GnuTLS code. */
static int load_store(gnutls_certificate_credentials_t c, const char *ca_file,
                      struct perch_span ca_pem)
{
    const gnutls_datum_t pem = {(unsigned char *)(uintptr_t)ca_pem.p, (unsigned)ca_pem.n};

    if (ca_pem.p)
        return gnutls_certificate_set_x509_trust_mem(c, &pem, GNUTLS_X509_FMT_PEM);
    if (ca_file)
        return gnutls_certificate_set_x509_trust_file(c, ca_file, GNUTLS_X509_FMT_PEM);
    return gnutls_certificate_set_x509_system_trust(c);
}

static int load_authorities(perch_trust *t, const char *ca_file, struct perch_span ca_pem,
                            struct perch_error *e)
{
    const char *what = ca_pem.p  ? "the given CA certificates"
                       : ca_file ? "CA file "
                                 : "the system's certificate authorities";
    const char *where = ca_file && !ca_pem.p ? ca_file : "";
    int n;

    if (ca_pem.n > UINT_MAX)
        return store_error(e, "ca-store", what, where, "too large");
    if (ca_file && !ca_pem.p && access(ca_file, R_OK) < 0)
        return store_error(e, "ca-store", what, where, strerror(errno));
    n = load_store(t->credentials, ca_file, ca_pem);
    if (n < 0)
        return store_error(e, "ca-store", what, where, gnutls_strerror(n));
    if (n == 0)
        return store_error(e, "ca-store", what, where,
                           *where || ca_pem.p ? "holds no PEM certificate"
                                              : "none found; install ca-certificates");
    return PERCH_OK;
}

perch_trust *perch_trust_new_empty(struct perch_error *ret_error)
{
    perch_trust *t = perch_calloc(1, sizeof *t);
    int rc;

    if (!t) {
        perch_error_set(ret_error, PERCH_ENOMEM, PERCH_HITS_OP, PERCH_TRY_LATER, NULL,
                        "out of memory for certificates");
        return NULL;
    }
    atomic_init(&t->refs, 1);
    rc = gnutls_certificate_allocate_credentials(&t->credentials);
    if (rc == 0)
        rc = gnutls_priority_init2(&t->priority, PRIORITY, NULL, GNUTLS_PRIORITY_INIT_DEF_APPEND);
    if (rc < 0) {
        perch_error_set(ret_error, PERCH_ETLS, PERCH_HITS_ACCOUNT, PERCH_ASK_USER, "tls-setup",
                        "cannot set TLS up: %s", gnutls_strerror(rc));
        perch_trust_unref(t);
        return NULL;
    }
    gnutls_certificate_set_verify_function(t->credentials, judge);
    return t;
}

perch_trust *perch_trust_new(const char *ca_file, struct perch_span ca_pem,
                             struct perch_error *ret_error)
{
    perch_trust *t = perch_trust_new_empty(ret_error);

    if (t && load_authorities(t, ca_file, ca_pem, ret_error) < 0) {
        perch_trust_unref(t);
        return NULL;
    }
    return t;
}

perch_trust *perch_trust_ref(perch_trust *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void perch_trust_unref(perch_trust *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) > 1)
        return;
    if (t->priority)
        gnutls_priority_deinit(t->priority);
    if (t->credentials)
        gnutls_certificate_free_credentials(t->credentials);
    perch_free(t);
}

int perch_trust_equip(perch_trust *t, struct gnutls_session_int *session)
{
    int rc = gnutls_priority_set(session, t->priority);

    if (rc == 0)
        rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, t->credentials);
    return rc;
}

/* ---- the name ---- */

static bool san_covers(const char *host, unsigned type, const uint8_t *data, size_t len)
{
    uint8_t address[16];
    size_t n = perch_host_address(host, address);

    if (type == GNUTLS_SAN_DNSNAME)
        return perch_host_matches(host, (struct perch_span){(const char *)data, len});
    return type == GNUTLS_SAN_IPADDRESS && n > 0 && n == len && memcmp(data, address, n) == 0;
}

/* "mail.example.org" or "192.0.2.1"; a dNSName that is none is shown as its bytes. */
static void list_san(struct perch_buf *names, unsigned type, const uint8_t *data, size_t len)
{
    char text[INET6_ADDRSTRLEN];

    if (names->len > 0)
        perch_buf_adds(names, ", ");
    if (type == GNUTLS_SAN_DNSNAME)
        perch_buf_add(names, data, len);
    else if (inet_ntop(len == 4 ? AF_INET : AF_INET6, data, text, sizeof text))
        perch_buf_adds(names, text);
}

/* Walks the subjectAltNames: does one cover the host? Which are they? A name that does not
 * fit the buffer is longer than any host name and is passed over. */
static bool names_cover(gnutls_x509_crt_t leaf, const char *host, struct perch_buf *ret_names)
{
    unsigned listed = 0;

    for (unsigned i = 0;; i++) {
        uint8_t data[512];
        size_t len = sizeof data;
        unsigned type;
        int rc = gnutls_x509_crt_get_subject_alt_name2(leaf, i, data, &len, &type, NULL);

        if (rc == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue;
        if (rc < 0)
            return false;
        if (type == GNUTLS_SAN_IPADDRESS && len != 4 && len != 16)
            continue;
        if (san_covers(host, type, data, len))
            return true;
        if ((type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_IPADDRESS) && listed++ < NAMES_MAX)
            list_san(ret_names, type, data, len);
    }
}

static int check_name(gnutls_x509_crt_t leaf, const struct perch_peer *peer)
{
    struct perch_buf names = PERCH_BUF_INIT;
    int rc = PERCH_OK;

    if (!names_cover(leaf, peer->name, &names)) {
        const char *text = perch_buf_cstr(&names);

        rc = perch_error_set(
            peer->error, PERCH_ECERTIFICATE, PERCH_HITS_ACCOUNT, PERCH_ASK_USER, "cert-host",
            text && *text ? "the certificate is not for %s (is the host name right?) but for %s"
                          : "the certificate is not for %s: it names no host%s",
            peer->name, text ? text : "");
    }
    perch_buf_done(&names);
    return rc;
}

/* ---- the chain, when GnuTLS has refused it: which certificate, and why ---- */

struct chain {
    gnutls_x509_crt_t crt[CHAIN_MAX];
    unsigned n;
};

static int chain_load(struct chain *c, gnutls_session_t session)
{
    unsigned n = 0;
    const gnutls_datum_t *raw = gnutls_certificate_get_peers(session, &n);

    for (c->n = 0; raw && c->n < n && c->n < CHAIN_MAX; c->n++) {
        int rc = gnutls_x509_crt_init(&c->crt[c->n]);

        if (rc < 0)
            return rc;
        rc = gnutls_x509_crt_import(c->crt[c->n], &raw[c->n], GNUTLS_X509_FMT_DER);
        if (rc < 0) {
            gnutls_x509_crt_deinit(c->crt[c->n]);
            return rc;
        }
    }
    return 0;
}

static void chain_done(struct chain *c)
{
    while (c->n > 0)
        gnutls_x509_crt_deinit(c->crt[--c->n]);
}

typedef int name_fn(gnutls_x509_crt_t crt, gnutls_datum_t *name, unsigned flags);

/* The distinguished name of a certificate or of its issuer into `out`. */
static void describe(gnutls_x509_crt_t crt, name_fn *get, char *out, size_t room)
{
    gnutls_datum_t dn = {NULL, 0};

    out[0] = '\0';
    if (get(crt, &dn, 0) == 0 && dn.data)
        (void)snprintf(out, room, "%s", (const char *)dn.data);
    if (!out[0])
        (void)snprintf(out, room, "(no name)");
    gnutls_free(dn.data);
}

static void describe_day(time_t t, char out[16])
{
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(out, 16, "%Y-%m-%d", &tm) == 0)
        (void)snprintf(out, 16, "?");
}

static int refuse(const struct perch_peer *peer, const char *reason, const char *why)
{
    return perch_error_set(peer->error, PERCH_ECERTIFICATE, PERCH_HITS_ACCOUNT, PERCH_ASK_USER,
                           reason, "the certificate of %s is refused: %s", peer->name, why);
}

static int refuse_date(const struct perch_peer *peer, const struct chain *c, bool expired)
{
    time_t now = time(NULL);
    char who[160], day[16], today[16];

    describe_day(now, today);
    for (unsigned i = 0; i < c->n; i++) {
        time_t at = expired ? gnutls_x509_crt_get_expiration_time(c->crt[i])
                            : gnutls_x509_crt_get_activation_time(c->crt[i]);

        if (at == (time_t)-1 || (expired ? at >= now : at <= now))
            continue;
        describe(c->crt[i], gnutls_x509_crt_get_dn3, who, sizeof who);
        describe_day(at, day);
        return perch_error_set(peer->error, PERCH_ECERTIFICATE, PERCH_HITS_ACCOUNT, PERCH_ASK_USER,
                               expired ? "cert-expired" : "cert-not-yet-valid",
                               "the certificate of %s is refused: %s %s on %s, and today is %s by "
                               "this machine's clock",
                               peer->name, who, expired ? "expired" : "becomes valid only", day,
                               today);
    }
    return refuse(peer, expired ? "cert-expired" : "cert-not-yet-valid",
                  expired ? "an authority above it has expired"
                          : "an authority above it is not valid yet");
}

static int refuse_issuer(const struct perch_peer *peer, const struct chain *c)
{
    char who[160], issuer[160];
    gnutls_x509_crt_t last;

    if (c->n == 0)
        return refuse(peer, "cert-unknown-ca", "its authority is unknown");
    last = c->crt[c->n - 1];
    describe(last, gnutls_x509_crt_get_dn3, who, sizeof who);
    describe(last, gnutls_x509_crt_get_issuer_dn3, issuer, sizeof issuer);
    if (gnutls_x509_crt_check_issuer(last, last))
        return perch_error_set(peer->error, PERCH_ECERTIFICATE, PERCH_HITS_ACCOUNT, PERCH_ASK_USER,
                               c->n == 1 ? "cert-self-signed" : "cert-unknown-ca",
                               "the certificate of %s is refused: %s is signed by itself and not "
                               "among the trusted authorities",
                               peer->name, who);
    return perch_error_set(peer->error, PERCH_ECERTIFICATE, PERCH_HITS_ACCOUNT, PERCH_ASK_USER,
                           "cert-unknown-ca",
                           "the certificate of %s is refused: %s was issued by %s, which is not "
                           "among the trusted authorities%s",
                           peer->name, who, issuer,
                           c->n == 1 ? " (or the server left out a certificate between them)" : "");
}

/* Reasons in the order in which they tell a user most. */
static int refuse_chain(const struct perch_peer *peer, const struct chain *c, unsigned status)
{
    if (status & GNUTLS_CERT_REVOKED)
        return refuse(peer, "cert-revoked", "it was revoked");
    if (status & GNUTLS_CERT_EXPIRED)
        return refuse_date(peer, c, true);
    if (status & GNUTLS_CERT_NOT_ACTIVATED)
        return refuse_date(peer, c, false);
    if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA))
        return refuse_issuer(peer, c);
    if (status & GNUTLS_CERT_INSECURE_ALGORITHM)
        return refuse(peer, "cert-weak", "it or one above it uses an algorithm or key too weak");
    if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
        return refuse(peer, "cert-purpose", "it is not meant for servers");
    if (status & GNUTLS_CERT_SIGNATURE_FAILURE)
        return refuse(peer, "cert-signature", "a signature in its chain is wrong");
    return refuse(peer, "cert-invalid", "its chain breaks a rule of its authorities");
}

/* ---- the judgement ---- */

static int judge_chain(gnutls_session_t session, const struct perch_peer *peer)
{
    /* (the type has no const) */
    gnutls_typed_vdata_st purpose = {GNUTLS_DT_KEY_PURPOSE_OID,
                                     (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_SERVER, 0};
    struct chain chain;
    unsigned status = 0;
    int rc = gnutls_certificate_verify_peers(session, &purpose, 1, &status);

    if (rc < 0)
        return refuse(peer, "cert-invalid", gnutls_strerror(rc));
    rc = chain_load(&chain, session);
    if (rc < 0 || chain.n == 0)
        rc = refuse(peer, "cert-invalid", rc < 0 ? gnutls_strerror(rc) : "there is none");
    else if (status != 0)
        rc = refuse_chain(peer, &chain, status);
    else
        rc = check_name(chain.crt[0], peer);
    chain_done(&chain);
    return rc;
}

/* GnuTLS calls it when the server's certificates have come. */
static int judge(gnutls_session_t session)
{
    struct perch_peer *peer = gnutls_session_get_ptr(session);

    peer->accepted = peer->unverified || judge_chain(session, peer) == PERCH_OK;
    return peer->accepted ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}
