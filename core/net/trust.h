/* Trust: certificate authorities, credentials and cipher priorities that all TLS sessions
 * share, and the judgement of a server's certificate.
 *
 * The public part (loading, counting) is perch/trust.h. */
#ifndef PERCH_NET_TRUST_H
#define PERCH_NET_TRUST_H

#include "perch/trust.h"

struct gnutls_session_int;

/* What a TLS session demands of its peer: the session's user pointer
 * (gnutls_session_set_ptr), so that the judgement can find it during the handshake. */
struct perch_peer {
    const char *name;          /* host name or address that the certificate must have */
    bool unverified;           /* any certificate will do */
    struct perch_error *error; /* filled when the certificate is refused; never NULL */
    bool accepted;             /* set when the certificate was judged, and found good */
};

/* A trust without authorities, for sessions that verify nothing. */
perch_trust *perch_trust_new_empty(struct perch_error *ret_error);

/* Gives the session its credentials and priorities. Certificates are judged inside the
 * handshake, before anything of ours is sent under the keys. The trust must outlive the
 * session. 0 or a GnuTLS code. */
int perch_trust_equip(perch_trust *t, struct gnutls_session_int *session);

#endif
