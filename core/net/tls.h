/* One TLS session as a client, over buffers that somebody else fills and empties: it knows
 * no file descriptor and never waits.
 *
 * It pulls from `cin` and pushes to `out`. Pushing never refuses but for memory, so that a
 * record, once taken, is never asked for again. */
#ifndef PERCH_NET_TLS_H
#define PERCH_NET_TLS_H

#include "base/buf.h"
#include "net/trust.h"

struct perch_tls;

struct perch_tls_config {
    perch_trust *trust; /* the session takes a reference */
    const char *host;   /* for words and SNI */
    const char *name;   /* what the certificate must be for; NULL: host */
    bool unverified;
};

/* Reads `cin`, appends to `out` and fills *error when something fails: all three must
 * outlive it, as must the strings of `config`. NULL with *error filled. */
struct perch_tls *perch_tls_new(const struct perch_tls_config *config, struct perch_buf *cin,
                                struct perch_buf *out, struct perch_error *error);
void perch_tls_free(struct perch_tls *t);

/* No more will come into `cin`. */
void perch_tls_set_eof(struct perch_tls *t);

enum perch_tls_rc {
    PERCH_TLS_FAILED = -1, /* the error is filled; an alert for the server may stand in `out` */
    PERCH_TLS_DRY = 0,     /* needs more in `cin` */
    PERCH_TLS_DONE = 1,    /* the handshake is over; bytes were read or written */
    PERCH_TLS_CLOSED = 2   /* the server ended the stream as it should, by close_notify */
};

/* One step of the handshake; call it first with an empty `cin`. */
enum perch_tls_rc perch_tls_handshake(struct perch_tls *t);

/* Decrypts into `p` until `n` bytes are there or `cin` is dry. DONE if there was anything,
 * *ret_n says how much; what is in front of an end or a failure comes first, the end with
 * the next call. */
enum perch_tls_rc perch_tls_read(struct perch_tls *t, uint8_t *p, size_t n, size_t *ret_n);

/* Encrypts all of it into `out`: DONE or FAILED. */
enum perch_tls_rc perch_tls_write(struct perch_tls *t, const uint8_t *p, size_t n);

/* Says close_notify. */
void perch_tls_bye(struct perch_tls *t);

/* "TLS1.3 AES-256-GCM" */
void perch_tls_describe(const struct perch_tls *t, char *out, size_t room);

#endif
