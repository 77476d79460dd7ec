/* Host names and addresses as text: what is an address, and which names a certificate's
 * pattern covers (RFC 9525). Pure functions. */
#ifndef PERCH_NET_HOST_H
#define PERCH_NET_HOST_H

#include "perch/types.h"

/* The bytes of an IPv4 or IPv6 address into `out`: 4, 16, or 0 when `host` is a name. */
size_t perch_host_address(const char *host, uint8_t out[16]);

/* Is an address of 4 or 16 bytes this machine's own: 127/8, ::1, ::ffff:127/104? */
bool perch_host_loopback(const uint8_t *address, size_t n);

/* A name of ASCII letters, digits, '-', '_' and dots that DNS could hold, or an address. */
bool perch_host_valid(const char *host);

/* Without the dot behind it that stands for DNS' root. */
struct perch_span perch_host_name(const char *host);

/* Does a dNSName of a certificate cover `host`? Case does not matter, nor a dot behind
 * `host`. The one wildcard is "*" as the whole first label, with two labels or more behind
 * it; it stands for exactly one label. A pattern with any byte that no host name has (NUL
 * above all) covers nothing, and no pattern covers an address. */
bool perch_host_matches(const char *host, struct perch_span pattern);

#endif
