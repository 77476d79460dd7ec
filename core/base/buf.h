/* Byte buffer: append at the end, consume at the front. The first failed append
 * sets `failed`, later ones do nothing, so that a run of appends is checked
 * once at its end. */
#ifndef PERCH_BASE_BUF_H
#define PERCH_BASE_BUF_H

#include "perch/types.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct perch_buf {
    uint8_t *p;  /* the bytes start at p + off */
    size_t off;  /* consumed at the front */
    size_t len;  /* bytes that count, behind off */
    size_t cap;  /* allocated */
    size_t max;  /* refuse to hold more than this, 0: no limit */
    bool failed; /* an append was refused or memory ran out */
    bool secret; /* wipe before giving memory back or moving it */
};

#define PERCH_BUF_INIT                                                                             \
    {                                                                                              \
        0                                                                                          \
    }

void perch_buf_done(struct perch_buf *b);  /* frees; usable again as empty */
void perch_buf_clear(struct perch_buf *b); /* empties, keeps the memory, clears failed */

static inline uint8_t *perch_buf_data(const struct perch_buf *b)
{
    return b->p ? b->p + b->off : NULL;
}

static inline struct perch_span perch_buf_span(const struct perch_buf *b)
{
    return (struct perch_span){(const char *)perch_buf_data(b), b->len};
}

/* Room for `n` more bytes behind the last one; NULL and failed if not to be
 * had. perch_buf_commit says how many of them were written. */
uint8_t *perch_buf_room(struct perch_buf *b, size_t n);
void perch_buf_commit(struct perch_buf *b, size_t n);

void perch_buf_add(struct perch_buf *b, const void *p, size_t n);
void perch_buf_addc(struct perch_buf *b, char c);
void perch_buf_adds(struct perch_buf *b, const char *s);
void perch_buf_addspan(struct perch_buf *b, struct perch_span s);
void perch_buf_addu(struct perch_buf *b, uint64_t n); /* decimal */
void perch_buf_addf(struct perch_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Drops `n` bytes (at most all) from the front or the back. */
void perch_buf_consume(struct perch_buf *b, size_t n);
void perch_buf_truncate(struct perch_buf *b, size_t len);

/* Gives the memory back if the buffer is empty: an idle connection keeps none. */
void perch_buf_shrink(struct perch_buf *b);

/* A NUL behind the last byte that len does not count; "" when empty, NULL when
 * failed. Valid until the next change. */
const char *perch_buf_cstr(struct perch_buf *b);

/* The bytes with a NUL behind them, now the caller's (perch_free); NULL when failed. The
 * buffer is empty afterwards either way. */
char *perch_buf_take(struct perch_buf *b, size_t *ret_len);

#endif
