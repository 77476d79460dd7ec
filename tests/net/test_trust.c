/* The judgement of certificates (SECURITY B1 to B3), through a real handshake in memory. */
#include "net/tls.h"
#include "net/trust.h"

#include "support/certs.h"
#include "support/perch_test.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static struct perch_buf to_server, to_client;
static bool server_done;      /* it heard the client's Finished */
static char server_heard[64]; /* the name the client asked for */

static ssize_t take(gnutls_session_t session, struct perch_buf *b, void *data, size_t n)
{
    if (b->len == 0) {
        gnutls_transport_set_errno(session, EAGAIN);
        return -1;
    }
    n = n < b->len ? n : b->len;
    memcpy(data, perch_buf_data(b), n);
    perch_buf_consume(b, n);
    return (ssize_t)n;
}

static ssize_t server_pull(gnutls_transport_ptr_t session, void *data, size_t n)
{
    return take(session, &to_server, data, n);
}

static ssize_t server_push(gnutls_transport_ptr_t session, const void *data, size_t n)
{
    (void)session;
    perch_buf_add(&to_client, data, n);
    return (ssize_t)n;
}

/* A whole handshake against a server with this certificate: its outcome in *error. */
static enum perch_tls_rc judge(perch_trust *trust, enum cert kind, const char *name,
                               bool unverified, struct perch_error *error)
{
    struct perch_tls_config config = {
        .trust = trust, .host = name, .name = NULL, .unverified = unverified};
    struct perch_tls *t;
    gnutls_session_t server;
    enum perch_tls_rc rc = PERCH_TLS_DRY;
    size_t len = sizeof server_heard;
    unsigned type = 0;

    memset(error, 0, sizeof *error);
    CU_ASSERT_EQUAL_FATAL(gnutls_init(&server, GNUTLS_SERVER | GNUTLS_NONBLOCK), 0);
    CU_ASSERT_EQUAL(gnutls_priority_set_direct(server, "NORMAL", NULL), 0);
    CU_ASSERT_EQUAL(gnutls_credentials_set(server, GNUTLS_CRD_CERTIFICATE, certs_server(kind)), 0);
    gnutls_transport_set_ptr(server, server);
    gnutls_transport_set_pull_function(server, server_pull);
    gnutls_transport_set_push_function(server, server_push);
    t = perch_tls_new(&config, &to_client, &to_server, error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    server_done = false;
    for (int turns = 0; turns < 20 && (rc == PERCH_TLS_DRY || to_server.len > 0); turns++) {
        if (rc == PERCH_TLS_DRY)
            rc = perch_tls_handshake(t);
        server_done |= gnutls_handshake(server) == 0;
    }
    server_heard[0] = '\0';
    (void)gnutls_server_name_get(server, server_heard, &len, &type, 0);
    perch_tls_free(t);
    gnutls_deinit(server);
    perch_buf_done(&to_server);
    perch_buf_done(&to_client);
    return rc;
}

static perch_trust *trust_root(void)
{
    struct perch_error error = {0};
    perch_trust *t = perch_trust_new(NULL, certs_authority(), &error);

    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    return t;
}

static void test_good_certificates_are_accepted(void)
{
    static const struct {
        enum cert kind;
        const char *name;
    } rows[] = {
        {CERT_GOOD, CERT_HOST},    {CERT_GOOD, "MAIL.Example.Org."},
        {CERT_GOOD, "127.0.0.1"},  {CERT_GOOD, "::1"},
        {CERT_GOOD, "0:0::1"},     {CERT_GOOD, "imap.wild.example.org"},
        {CERT_CHAINED, CERT_HOST},
    };
    perch_trust *trust = trust_root();
    struct perch_error e;

    for (size_t i = 0; i < PERCH_COUNT(rows); i++)
        if (judge(trust, rows[i].kind, rows[i].name, false, &e) != PERCH_TLS_DONE)
            FAIL_ROW("%s: %s", rows[i].name, e.text);
    perch_trust_unref(trust);
    certs_done();
}

static void test_each_fault_has_its_reason_and_its_words(void)
{
    static const struct {
        enum cert kind;
        const char *name, *reason, *words;
    } rows[] = {
        {CERT_EXPIRED, CERT_HOST, "cert-expired", "CN=old leaf expired on 20"},
        {CERT_LINK_EXPIRED, CERT_HOST, "cert-expired", "CN=perch old intermediate expired on"},
        {CERT_NOT_YET, CERT_HOST, "cert-not-yet-valid", "CN=young leaf becomes valid only on"},
        {CERT_STRANGER, CERT_HOST, "cert-unknown-ca", "issued by CN=nobody's authority"},
        {CERT_SELF_SIGNED, CERT_HOST, "cert-self-signed", "CN=my own is signed by itself"},
        {CERT_NO_LINK, CERT_HOST, "cert-unknown-ca", "left out a certificate"},
        {CERT_CLIENT_ONLY, CERT_HOST, "cert-purpose", "not meant for servers"},
        {CERT_WRONG_HOST, CERT_HOST, "cert-host", "imap.other.example"},
        {CERT_GOOD, "other.example.org", "cert-host",
         "mail.example.org, *.wild.example.org, 127.0.0.1, ::1"},
        {CERT_GOOD, "127.0.0.2", "cert-host", "not for 127.0.0.2"},
        {CERT_GOOD, "::2", "cert-host", "not for ::2"},
        {CERT_GOOD, "a.b.wild.example.org", "cert-host", "a.b.wild.example.org"},
        {CERT_GOOD, "wild.example.org", "cert-host", "wild.example.org"},
        /* the common name never counts */
        {CERT_CN_ONLY, CERT_HOST, "cert-host", "names no host"},
        {CERT_CN_OTHER_SAN, CERT_HOST, "cert-host", "imap.other.example"},
        {CERT_URI_SAN, CERT_HOST, "cert-host", "names no host"},
        {CERT_LONG_SAN, CERT_HOST, "cert-host", "names no host"},
        {CERT_NUL, CERT_HOST, "cert-host", CERT_HOST},
        {CERT_STARS, CERT_HOST, "cert-host", "*.*.org"},
    };
    perch_trust *trust = trust_root();
    struct perch_error e;

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        if (judge(trust, rows[i].kind, rows[i].name, false, &e) != PERCH_TLS_FAILED)
            FAIL_ROW("row %zu was accepted", i);
        else if (e.code != PERCH_ECERTIFICATE || strcmp(e.reason, rows[i].reason) != 0 ||
                 !strstr(e.text, rows[i].words))
            FAIL_ROW("row %zu: %d %s: %s", i, e.code, e.reason, e.text);
        ASSERT_INT(e.radius, PERCH_HITS_ACCOUNT);
        ASSERT_INT(e.remedy, PERCH_ASK_USER);
    }
    ASSERT_STR(perch_err_class(PERCH_ECERTIFICATE), "certificate");
    perch_trust_unref(trust);
    certs_done();
}

static void test_unverified_takes_any_certificate(void)
{
    struct perch_error e;
    perch_trust *none = perch_trust_new_empty(&e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(none);
    for (int kind = 0; kind < CERT_COUNT; kind++)
        if (judge(none, (enum cert)kind, CERT_HOST, true, &e) != PERCH_TLS_DONE)
            FAIL_ROW("kind %d: %s", kind, e.text);
    /* and without authorities nothing is trusted by itself */
    ASSERT_INT(judge(none, CERT_GOOD, CERT_HOST, false, &e), PERCH_TLS_FAILED);
    ASSERT_STR(e.reason, "cert-unknown-ca");
    perch_trust_unref(none);
    certs_done();
}

static void test_the_server_hears_no_more_than_an_alert(void)
{
    perch_trust *trust = trust_root();
    struct perch_error e;

    /* The judge runs inside the handshake: it fails before it is finished. */
    ASSERT_INT(judge(trust, CERT_GOOD, CERT_HOST, false, &e), PERCH_TLS_DONE);
    CU_ASSERT(server_done);
    ASSERT_INT(judge(trust, CERT_WRONG_HOST, CERT_HOST, false, &e), PERCH_TLS_FAILED);
    ASSERT_STR(e.reason, "cert-host");
    CU_ASSERT_FALSE(server_done);
    perch_trust_unref(trust);
    certs_done();
}

static void test_the_server_is_asked_for_by_name(void)
{
    perch_trust *trust = trust_root();
    struct perch_error e;

    (void)judge(trust, CERT_GOOD, CERT_HOST ".", false, &e);
    ASSERT_STR(server_heard, CERT_HOST);
    (void)judge(trust, CERT_GOOD, "127.0.0.1", false, &e);
    ASSERT_STR(server_heard, "");
    perch_trust_unref(trust);
    certs_done();
}

static void test_authorities_come_from_a_file_or_from_bytes(void)
{
    char path[] = "/tmp/perch-ca-XXXXXX";
    struct perch_span pem = certs_authority(), none = {NULL, 0};
    struct perch_error e = {0};
    int fd = mkstemp(path);
    perch_trust *t;

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, pem.p, pem.n), (ssize_t)pem.n);
    t = perch_trust_new(path, none, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    ASSERT_INT(judge(t, CERT_GOOD, CERT_HOST, false, &e), PERCH_TLS_DONE);
    perch_trust_unref(t);

    CU_ASSERT_EQUAL(ftruncate(fd, 0), 0);
    CU_ASSERT_PTR_NULL(perch_trust_new(path, none, &e));
    ASSERT_INT(e.code, PERCH_ECERTIFICATE);
    ASSERT_STR(e.reason, "ca-store");
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, path));
    (void)close(fd);
    (void)unlink(path);

    CU_ASSERT_PTR_NULL(perch_trust_new(path, none, &e));
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "No such file"));
    CU_ASSERT_PTR_NULL(perch_trust_new(NULL, PERCH_SPAN("no certificate"), &e));
    ASSERT_STR(e.reason, "ca-store");
    CU_ASSERT_PTR_NULL(perch_trust_new(NULL, PERCH_SPAN(""), NULL));
    certs_done();
}

static void test_a_trust_is_counted(void)
{
    perch_trust *t = trust_root();
    struct perch_error e;

    CU_ASSERT_PTR_EQUAL(perch_trust_ref(t), t);
    perch_trust_unref(t);
    ASSERT_INT(judge(t, CERT_GOOD, CERT_HOST, false, &e), PERCH_TLS_DONE);
    perch_trust_unref(t);
    perch_trust_unref(NULL);
    certs_done();
}

PERCH_SUITE("net/trust") = {
    PERCH_TEST(test_good_certificates_are_accepted),
    PERCH_TEST(test_each_fault_has_its_reason_and_its_words),
    PERCH_TEST(test_unverified_takes_any_certificate),
    PERCH_TEST(test_the_server_hears_no_more_than_an_alert),
    PERCH_TEST(test_the_server_is_asked_for_by_name),
    PERCH_TEST(test_authorities_come_from_a_file_or_from_bytes),
    PERCH_TEST(test_a_trust_is_counted),
    PERCH_END,
};
