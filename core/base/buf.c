/* One block of memory: [0, off) is consumed, [off, off + len) counts, the rest is free.
 * Consumed room is used again by moving the bytes down, but only when at least as much was
 * consumed as has to be moved: appending and consuming stay linear in the bytes that pass. */
#include "base/buf.h"

#include "base/mem.h"
#include "base/num.h"

#include <stdio.h>
#include <string.h>

#define CAP_MIN 64

static void buf_free_block(struct perch_buf *b)
{
    if (b->secret && b->p)
        perch_wipe(b->p, b->cap);
    perch_free(b->p);
}

static void buf_free(struct perch_buf *b)
{
    buf_free_block(b);
    b->p = NULL;
    b->cap = b->off = b->len = 0;
}

void perch_buf_done(struct perch_buf *b)
{
    buf_free(b);
    b->failed = false;
}

void perch_buf_clear(struct perch_buf *b)
{
    b->off = b->len = 0;
    b->failed = false;
}

void perch_buf_shrink(struct perch_buf *b)
{
    if (b->len == 0)
        buf_free(b);
}

static void buf_move_down(struct perch_buf *b)
{
    size_t end = b->off + b->len;

    memmove(b->p, b->p + b->off, b->len);
    if (b->secret)
        perch_wipe(b->p + b->len, end - b->len);
    b->off = 0;
}

static bool buf_grow(struct perch_buf *b, size_t n)
{
    size_t need, cap = b->cap > 0 ? b->cap * 2 : CAP_MIN;
    uint8_t *p;

    if (__builtin_add_overflow(b->len, n, &need) || need > PTRDIFF_MAX)
        return false;
    while (cap < need)
        cap *= 2;
    if (b->off == 0 && !b->secret) {
        p = perch_realloc(b->p, cap);
        if (!p)
            return false;
    } else {
        p = perch_malloc(cap);
        if (!p)
            return false;
        if (b->p)
            memcpy(p, b->p + b->off, b->len);
        buf_free_block(b);
    }
    b->p = p;
    b->cap = cap;
    b->off = 0;
    return true;
}

/* Makes `n` bytes free behind the last one, whatever `max` says. */
static bool buf_ensure(struct perch_buf *b, size_t n)
{
    if (b->failed)
        return false;
    if (b->p && n <= b->cap - b->off - b->len)
        return true;
    if (b->p && b->off >= b->len && n <= b->cap - b->len) {
        buf_move_down(b);
        return true;
    }
    if (!buf_grow(b, n))
        b->failed = true;
    return !b->failed;
}

static bool buf_fits_max(struct perch_buf *b, size_t n)
{
    if (b->max && (b->len > b->max || n > b->max - b->len))
        b->failed = true;
    return !b->failed;
}

uint8_t *perch_buf_room(struct perch_buf *b, size_t n)
{
    if (!buf_fits_max(b, n) || !buf_ensure(b, n))
        return NULL;
    return b->p + b->off + b->len;
}

void perch_buf_commit(struct perch_buf *b, size_t n)
{
    b->len += n;
}

void perch_buf_add(struct perch_buf *b, const void *p, size_t n)
{
    uint8_t *room = n > 0 ? perch_buf_room(b, n) : NULL;

    if (!room)
        return;
    memcpy(room, p, n);
    b->len += n;
}

void perch_buf_addc(struct perch_buf *b, char c)
{
    perch_buf_add(b, &c, 1);
}

void perch_buf_adds(struct perch_buf *b, const char *s)
{
    perch_buf_add(b, s, strlen(s));
}

void perch_buf_addspan(struct perch_buf *b, struct perch_span s)
{
    perch_buf_add(b, s.p, s.n);
}

void perch_buf_addu(struct perch_buf *b, uint64_t n)
{
    char digits[20];
    unsigned len = perch_num_format(n, digits);

    perch_buf_add(b, digits, len);
}

void perch_buf_addf(struct perch_buf *b, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->failed = true;
        return;
    }
    if (!buf_fits_max(b, (size_t)n) || !buf_ensure(b, (size_t)n + 1))
        return;
    va_start(ap, fmt);
    (void)vsnprintf((char *)b->p + b->off + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void perch_buf_consume(struct perch_buf *b, size_t n)
{
    if (n >= b->len) {
        b->off = b->len = 0;
        return;
    }
    b->off += n;
    b->len -= n;
}

void perch_buf_truncate(struct perch_buf *b, size_t len)
{
    if (len < b->len)
        b->len = len;
}

const char *perch_buf_cstr(struct perch_buf *b)
{
    if (!buf_ensure(b, 1))
        return NULL;
    b->p[b->off + b->len] = '\0';
    return (const char *)b->p + b->off;
}

char *perch_buf_take(struct perch_buf *b, size_t *ret_len)
{
    char *p = NULL;

    if (perch_buf_cstr(b)) {
        if (b->off > 0)
            memmove(b->p, b->p + b->off, b->len + 1);
        *ret_len = b->len;
        p = (char *)b->p;
        b->p = NULL;
        b->cap = b->off = b->len = 0;
    }
    perch_buf_done(b);
    return p;
}
