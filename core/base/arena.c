/* Chunks are a stack: `head` is being filled, what is behind it is full. A run too large
 * for an ordinary chunk gets one of its own behind the head, so that the room left in the
 * head is not lost. Ordinary chunks double in size up to CHUNK_MAX. */
#include "base/arena.h"

#include "base/mem.h"
#include "perch/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CHUNK_DEFAULT 4096
#define CHUNK_MAX     (64 * 1024) /* a full ENVELOPE fits many times; stays inside L2 */

struct perch_arena_chunk {
    struct perch_arena_chunk *next;
    size_t size, used; /* of bytes[] */
    _Alignas(max_align_t) unsigned char bytes[];
};

void perch_arena_init(struct perch_arena *a, size_t chunk_size)
{
    *a = (struct perch_arena){.chunk_size = chunk_size ? chunk_size : CHUNK_DEFAULT};
}

static void chunk_free(const struct perch_arena *a, struct perch_arena_chunk *c)
{
    if (a->secret)
        perch_wipe(c->bytes, c->used);
    perch_free(c);
}

static void chunks_free(const struct perch_arena *a, struct perch_arena_chunk *c)
{
    while (c) {
        struct perch_arena_chunk *next = c->next;

        chunk_free(a, c);
        c = next;
    }
}

void perch_arena_done(struct perch_arena *a)
{
    chunks_free(a, a->head);
    a->head = NULL;
    a->used = 0;
}

void perch_arena_reset(struct perch_arena *a)
{
    struct perch_arena_chunk *keep = a->head;

    a->used = 0;
    if (!keep)
        return;
    chunks_free(a, keep->next);
    keep->next = NULL;
    if (a->secret)
        perch_wipe(keep->bytes, keep->used);
    keep->used = 0;
}

static struct perch_arena_chunk *chunk_new(size_t size)
{
    struct perch_arena_chunk *c;

    if (size > PTRDIFF_MAX - sizeof *c)
        return NULL;
    c = perch_malloc(sizeof *c + size);
    if (!c)
        return NULL;
    c->next = NULL;
    c->size = size;
    c->used = 0;
    return c;
}

/* A chunk with at least `n` free bytes at an aligned place, linked in. */
static struct perch_arena_chunk *chunk_for(struct perch_arena *a, size_t n)
{
    bool own = n > a->chunk_size && a->head;
    struct perch_arena_chunk *c = chunk_new(n > a->chunk_size ? n : a->chunk_size);

    if (!c)
        return NULL;
    if (own) {
        c->next = a->head->next;
        a->head->next = c;
        return c;
    }
    c->next = a->head;
    a->head = c;
    if (a->chunk_size < CHUNK_MAX / 2)
        a->chunk_size *= 2;
    return c;
}

/* `align` is 1 for text, else that of any type. */
static void *arena_take(struct perch_arena *a, size_t n, size_t align)
{
    struct perch_arena_chunk *c = a->head;
    size_t at = c ? (c->used + align - 1) & ~(align - 1) : 0;

    if (a->limit && (a->used > a->limit || n > a->limit - a->used))
        return NULL;
    if (!c || at > c->size || n > c->size - at) {
        c = chunk_for(a, n);
        if (!c)
            return NULL;
        at = c->used;
    }
    c->used = at + n;
    a->used += n;
    return c->bytes + at;
}

void *perch_arena_alloc(struct perch_arena *a, size_t n)
{
    return arena_take(a, n, _Alignof(max_align_t));
}

void *perch_arena_zalloc(struct perch_arena *a, size_t n)
{
    void *p = perch_arena_alloc(a, n);

    return p ? memset(p, 0, n) : NULL;
}

void *perch_arena_array(struct perch_arena *a, size_t n, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(n, size, &bytes) ? NULL : perch_arena_alloc(a, bytes);
}

char *perch_arena_strndup(struct perch_arena *a, const char *p, size_t n)
{
    char *copy = n < PTRDIFF_MAX ? arena_take(a, n + 1, 1) : NULL;

    if (!copy)
        return NULL;
    if (n > 0)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}

int perch_arena_dup(struct perch_arena *a, struct perch_span s, struct perch_span *ret_copy)
{
    char *copy = NULL;

    if (s.p) {
        copy = perch_arena_strndup(a, s.p, s.n);
        if (!copy)
            return PERCH_ENOMEM;
    }
    *ret_copy = (struct perch_span){copy, copy ? s.n : 0};
    return PERCH_OK;
}

char *perch_arena_printf(struct perch_arena *a, const char *fmt, ...)
{
    va_list ap;
    char *text;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return NULL;
    text = arena_take(a, (size_t)n + 1, 1);
    if (!text)
        return NULL;
    va_start(ap, fmt);
    (void)vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return text;
}
