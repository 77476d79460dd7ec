/* Certificates made while the test runs: a small authority and leaves with one fault each.
 * No file, no tool; one key for all leaves, because making keys is what takes time. */
#ifndef PERCH_TEST_CERTS_H
#define PERCH_TEST_CERTS_H

#include "perch/types.h"

#include <gnutls/gnutls.h>

#define CERT_HOST "mail.example.org"

enum cert {
    CERT_GOOD,    /* for mail.example.org, *.wild.example.org, 127.0.0.1 and ::1 */
    CERT_CHAINED, /* good, by an intermediate that is sent along */
    CERT_NO_LINK, /* the same, and the intermediate is left out */
    CERT_EXPIRED,
    CERT_NOT_YET,
    CERT_LINK_EXPIRED, /* a good leaf by an intermediate that expired */
    CERT_WRONG_HOST,   /* for imap.other.example */
    CERT_CN_ONLY,      /* the host stands in the common name alone */
    CERT_CN_OTHER_SAN, /* common name right, subjectAltName another host */
    CERT_URI_SAN,      /* common name right, subjectAltName only a URI */
    CERT_LONG_SAN,     /* common name right, subjectAltName longer than any host name */
    CERT_NUL,          /* mail.example.org\0.evil.example */
    CERT_STARS,        /* *.*.org */
    CERT_SELF_SIGNED,
    CERT_STRANGER,    /* by an authority that nobody trusts */
    CERT_CLIENT_ONLY, /* not meant for servers */
    CERT_COUNT
};

/* The authority as PEM, for perch_trust_new. Valid until certs_done. */
struct perch_span certs_authority(void);

/* A server's credentials with this certificate; made at first use, shared. */
gnutls_certificate_credentials_t certs_server(enum cert kind);

void certs_done(void);

#endif
