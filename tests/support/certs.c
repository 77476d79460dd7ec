#include "support/certs.h"

#include "base/mem.h"

#include <gnutls/x509.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY 86400

/* Fixture code has no caller that could do anything about a failure. */
static void must(int rc, const char *what)
{
    if (rc >= 0)
        return;
    (void)fprintf(stderr, "certs: %s: %s\n", what, gnutls_strerror(rc));
    abort();
}
#define MUST(call) must((call), #call)

struct issuer {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
};

static struct {
    gnutls_x509_privkey_t leaf_key;
    struct issuer root, stranger, link, old_link;
    gnutls_datum_t pem;
    gnutls_certificate_credentials_t server[CERT_COUNT];
    unsigned char serial;
} made;

static gnutls_x509_privkey_t new_key(void)
{
    gnutls_x509_privkey_t key;

    MUST(gnutls_x509_privkey_init(&key));
    MUST(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    return key;
}

/* What all certificates share; `from` and `to` are days from today. */
static gnutls_x509_crt_t new_crt(const char *cn, gnutls_x509_privkey_t key, int from, int to)
{
    gnutls_x509_crt_t crt;

    made.serial++;
    MUST(gnutls_x509_crt_init(&crt));
    MUST(gnutls_x509_crt_set_version(crt, 3));
    MUST(gnutls_x509_crt_set_serial(crt, &made.serial, 1));
    MUST(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn,
                                       (unsigned)strlen(cn)));
    MUST(gnutls_x509_crt_set_activation_time(crt, time(NULL) + (time_t)from * DAY));
    MUST(gnutls_x509_crt_set_expiration_time(crt, time(NULL) + (time_t)to * DAY));
    MUST(gnutls_x509_crt_set_key(crt, key));
    return crt;
}

/* Signs and reads back what was made: before that GnuTLS does not know its names, and a
 * server would not find that one certificate issued the other. */
static gnutls_x509_crt_t sign(gnutls_x509_crt_t crt, gnutls_x509_crt_t by,
                              gnutls_x509_privkey_t key)
{
    gnutls_datum_t der;
    gnutls_x509_crt_t whole;

    MUST(gnutls_x509_crt_sign2(crt, by, key, GNUTLS_DIG_SHA256, 0));
    MUST(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der));
    MUST(gnutls_x509_crt_init(&whole));
    MUST(gnutls_x509_crt_import(whole, &der, GNUTLS_X509_FMT_DER));
    gnutls_x509_crt_deinit(crt);
    gnutls_free(der.data);
    return whole;
}

/* Signed by `by`, or by itself. */
static struct issuer new_issuer(const char *cn, const struct issuer *by, int from, int to)
{
    struct issuer ca = {.key = new_key()};

    ca.crt = new_crt(cn, ca.key, from, to);
    MUST(gnutls_x509_crt_set_ca_status(ca.crt, 1));
    MUST(gnutls_x509_crt_set_key_usage(ca.crt, GNUTLS_KEY_KEY_CERT_SIGN));
    ca.crt = sign(ca.crt, by ? by->crt : ca.crt, by ? by->key : ca.key);
    return ca;
}

static void make_authorities(void)
{
    if (made.root.crt)
        return;
    made.leaf_key = new_key();
    made.root = new_issuer("perch test authority", NULL, -30, 30);
    made.stranger = new_issuer("nobody's authority", NULL, -30, 30);
    made.link = new_issuer("perch test intermediate", &made.root, -30, 30);
    made.old_link = new_issuer("perch old intermediate", &made.root, -30, -1);
    MUST(gnutls_x509_crt_export2(made.root.crt, GNUTLS_X509_FMT_PEM, &made.pem));
}

struct perch_span certs_authority(void)
{
    make_authorities();
    return (struct perch_span){(const char *)made.pem.data, made.pem.size};
}

/* ---- leaves: a table of what is odd about each ---- */

enum by { BY_ROOT, BY_LINK, BY_OLD_LINK, BY_STRANGER, BY_ITSELF };

struct leaf {
    const char *cn;
    int from, to;
    enum by by;
    bool leave_out; /* the intermediate is not sent */
    bool client;
    const char *sans[5]; /* "dns:", "ip:" or "uri:" in front */
};

#define LONG_LABEL "a-label-of-fifty-bytes-that-makes-the-name-longer."
static const struct leaf leaves[CERT_COUNT] = {
    [CERT_GOOD] = {"ignored",
                   -1,
                   30,
                   BY_ROOT,
                   false,
                   false,
                   {"dns:" CERT_HOST, "dns:*.wild.example.org", "ip:127.0.0.1", "ip:::1"}},
    [CERT_CHAINED] = {"ignored", -1, 30, BY_LINK, false, false, {"dns:" CERT_HOST}},
    [CERT_NO_LINK] = {"ignored", -1, 30, BY_LINK, true, false, {"dns:" CERT_HOST}},
    [CERT_EXPIRED] = {"old leaf", -9, -2, BY_ROOT, false, false, {"dns:" CERT_HOST}},
    [CERT_NOT_YET] = {"young leaf", 2, 9, BY_ROOT, false, false, {"dns:" CERT_HOST}},
    [CERT_LINK_EXPIRED] = {"good leaf", -1, 30, BY_OLD_LINK, false, false, {"dns:" CERT_HOST}},
    [CERT_WRONG_HOST] = {"ignored", -1, 30, BY_ROOT, false, false, {"dns:imap.other.example"}},
    [CERT_CN_ONLY] = {CERT_HOST, -1, 30, BY_ROOT, false, false, {NULL}},
    [CERT_CN_OTHER_SAN] = {CERT_HOST, -1, 30, BY_ROOT, false, false, {"dns:imap.other.example"}},
    [CERT_URI_SAN] = {CERT_HOST, -1, 30, BY_ROOT, false, false, {"uri:https://" CERT_HOST "/"}},
    [CERT_LONG_SAN] = {CERT_HOST,
                       -1,
                       30,
                       BY_ROOT,
                       false,
                       false,
                       {"dns:" LONG_LABEL LONG_LABEL LONG_LABEL LONG_LABEL LONG_LABEL LONG_LABEL
                            LONG_LABEL LONG_LABEL LONG_LABEL LONG_LABEL LONG_LABEL CERT_HOST}},
    [CERT_NUL] = {"ignored", -1, 30, BY_ROOT, false, false, {"nul:"}},
    [CERT_STARS] = {"ignored", -1, 30, BY_ROOT, false, false, {"dns:*.*.org"}},
    [CERT_SELF_SIGNED] = {"my own", -1, 30, BY_ITSELF, false, false, {"dns:" CERT_HOST}},
    [CERT_STRANGER] = {"ignored", -1, 30, BY_STRANGER, false, false, {"dns:" CERT_HOST}},
    [CERT_CLIENT_ONLY] = {"ignored", -1, 30, BY_ROOT, false, true, {"dns:" CERT_HOST}},
};

/* GnuTLS cuts names at a NUL when it writes them, so this one is written by hand. */
static void add_nul_san(gnutls_x509_crt_t crt)
{
    static const char name[] = CERT_HOST "\0.evil.example";
    const uint8_t n = sizeof name - 1;
    uint8_t der[64] = {0x30, (uint8_t)(n + 2), 0x82, n}; /* SEQUENCE, [2] dNSName */

    memcpy(der + 4, name, n);
    MUST(gnutls_x509_crt_set_extension_by_oid(crt, GNUTLS_X509EXT_OID_SAN, der, n + 4u, 0));
}

static void add_san(gnutls_x509_crt_t crt, const char *san)
{
    uint8_t address[16];
    gnutls_x509_subject_alt_name_t type = GNUTLS_SAN_DNSNAME;
    const void *data = strchr(san, ':') + 1;
    size_t n = strlen(data);

    if (strncmp(san, "nul:", 4) == 0) {
        add_nul_san(crt);
        return;
    }
    if (strncmp(san, "uri:", 4) == 0) {
        type = GNUTLS_SAN_URI;
    } else if (strncmp(san, "ip:", 3) == 0) {
        type = GNUTLS_SAN_IPADDRESS;
        n = inet_pton(AF_INET, data, address) == 1 ? 4 : 16;
        if (n == 16)
            must(inet_pton(AF_INET6, data, address) - 1, san);
        data = address;
    }
    MUST(gnutls_x509_crt_set_subject_alt_name(crt, type, data, (unsigned)n, GNUTLS_FSAN_APPEND));
}

static gnutls_x509_crt_t make_leaf(const struct leaf *l, struct issuer *ret_by)
{
    gnutls_x509_crt_t crt = new_crt(l->cn, made.leaf_key, l->from, l->to);
    struct issuer by[] = {made.root, made.link, made.old_link, made.stranger, {crt, made.leaf_key}};

    for (size_t i = 0; i < PERCH_COUNT(l->sans) && l->sans[i]; i++)
        add_san(crt, l->sans[i]);
    MUST(gnutls_x509_crt_set_key_purpose_oid(
        crt, l->client ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER, 0));
    MUST(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE));
    *ret_by = by[l->by];
    return sign(crt, ret_by->crt, ret_by->key);
}

gnutls_certificate_credentials_t certs_server(enum cert kind)
{
    const struct leaf *l = &leaves[kind];
    gnutls_x509_crt_t chain[2];
    struct issuer by;
    int n = 1;

    if (made.server[kind])
        return made.server[kind];
    make_authorities();
    chain[0] = make_leaf(l, &by);
    if ((l->by == BY_LINK || l->by == BY_OLD_LINK) && !l->leave_out)
        chain[n++] = by.crt;
    MUST(gnutls_certificate_allocate_credentials(&made.server[kind]));
    MUST(gnutls_certificate_set_x509_key(made.server[kind], chain, n, made.leaf_key));
    gnutls_x509_crt_deinit(chain[0]);
    return made.server[kind];
}

static void issuer_done(struct issuer *ca)
{
    if (!ca->crt)
        return;
    gnutls_x509_crt_deinit(ca->crt);
    gnutls_x509_privkey_deinit(ca->key);
    *ca = (struct issuer){NULL, NULL};
}

void certs_done(void)
{
    for (int i = 0; i < CERT_COUNT; i++) {
        if (made.server[i])
            gnutls_certificate_free_credentials(made.server[i]);
        made.server[i] = NULL;
    }
    if (made.leaf_key)
        gnutls_x509_privkey_deinit(made.leaf_key);
    made.leaf_key = NULL;
    issuer_done(&made.root);
    issuer_done(&made.stranger);
    issuer_done(&made.link);
    issuer_done(&made.old_link);
    gnutls_free(made.pem.data);
    made.pem = (gnutls_datum_t){NULL, 0};
}
