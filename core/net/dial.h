/* Dialling: from a name and a port to a connected descriptor, without ever waiting.
 *
 * Addresses come from c-ares (hosts file, then DNS; RFC 6724 order) and are raced as in RFC
 * 8305: families alternate, the next address starts 250 ms after the one before or at once
 * when that failed, the first to connect wins. */
#ifndef PERCH_NET_DIAL_H
#define PERCH_NET_DIAL_H

#include "net/loop.h"

#include "perch/error.h"

struct perch_dial;

struct perch_dial_args {
    const char *host; /* a name or an address; must outlive the dial */
    uint16_t port;
    perch_ms resolve_timeout, connect_timeout;
    const char *resolvers; /* "192.0.2.53,[2001:db8::53]:5353"; NULL: the system's */
};

/* `fd` is connected and the callee's, or -1 and `why` (valid until the callback returns)
 * says what happened. It runs once, from the loop; the dial is gone by then. */
typedef void perch_dialled_fn(int fd, const struct perch_error *why, void *user);

/* NULL when out of memory. */
struct perch_dial *perch_dial_start(struct perch_loop *loop, const struct perch_dial_args *args,
                                    perch_dialled_fn *done, void *user);

/* Gives up; `done` does not run. NULL is fine. */
void perch_dial_free(struct perch_dial *d);

#endif
