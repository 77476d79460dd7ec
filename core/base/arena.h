/* Arena: many small allocations that end together. It grows in chunks taken
 * from base/mem.h; nothing in it is freed by itself. */
#ifndef PERCH_BASE_ARENA_H
#define PERCH_BASE_ARENA_H

#include "perch/types.h"

#include <stddef.h>
#include <stdint.h>

struct perch_arena_chunk;

struct perch_arena {
    struct perch_arena_chunk *head; /* the chunk being filled; older ones behind it */
    size_t chunk_size;              /* of the next ordinary chunk */
    size_t limit;                   /* total bytes it may hold, 0: no limit */
    size_t used;                    /* bytes handed out since the last reset */
    bool secret;                    /* wipe chunks before they are given back */
};

/* `chunk_size` 0 takes a default of 4 KiB. Nothing is allocated yet. */
void perch_arena_init(struct perch_arena *a, size_t chunk_size);
void perch_arena_done(struct perch_arena *a);

/* Forgets everything but keeps one chunk for the next round. */
void perch_arena_reset(struct perch_arena *a);

/* Aligned for any type; NULL when out of memory or past `limit`. The zeroed
 * form clears the bytes; the array form checks n * size for overflow. */
void *perch_arena_alloc(struct perch_arena *a, size_t n);
void *perch_arena_zalloc(struct perch_arena *a, size_t n);
void *perch_arena_array(struct perch_arena *a, size_t n, size_t size);

/* Copies with a NUL behind, which the span does not count. A span whose p is
 * NULL (NIL) stays NULL and is a success: look at the return of perch_arena_dup
 * (0 or PERCH_ENOMEM), not at the span. */
int perch_arena_dup(struct perch_arena *a, struct perch_span s, struct perch_span *ret_copy);
char *perch_arena_strndup(struct perch_arena *a, const char *p, size_t n);
char *perch_arena_printf(struct perch_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
