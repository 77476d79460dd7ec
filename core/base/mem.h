/* Memory: the one door to the allocator, so that a test can fail the n-th
 * allocation and a user of the library can bring an allocator of their own. */
#ifndef PERCH_BASE_MEM_H
#define PERCH_BASE_MEM_H

#include <stddef.h>

/* As malloc, calloc, realloc and free, but a size of 0 gives a valid pointer
 * and sizes over PTRDIFF_MAX fail. perch_calloc checks n * size for overflow. */
void *perch_malloc(size_t n);
void *perch_calloc(size_t n, size_t size);
void *perch_realloc(void *p, size_t n);
void perch_free(void *p);

/* Room for `n` elements of `size` bytes in place of `p`; NULL (and `p`
 * untouched) when out of memory or when n * size overflows. */
void *perch_reallocarray(void *p, size_t n, size_t size);

/* A NUL-terminated copy, NULL when out of memory. perch_memdup0 copies `n`
 * bytes, NULs included, and puts one NUL behind them. */
char *perch_strdup(const char *s);
char *perch_memdup0(const void *p, size_t n);

/* Overwrites memory that held a secret; the compiler may not leave it out. */
void perch_wipe(void *p, size_t n);

/* For tests (tests/support/failmem): called before every allocation; a return
 * of false makes that allocation fail. NULL turns it off. */
void perch_mem_set_gate(int (*gate)(void *user), void *user);

/* auto_free char *name = ...;  freed when the scope is left.
 * return perch_take(name);     ownership leaves, the cleanup sees NULL. */
void perch_free_at(void *pp);
#define auto_free __attribute__((cleanup(perch_free_at)))
#define perch_take(p)                                                                              \
    __extension__({                                                                                \
        __typeof__(p) perch_taken_ = (p);                                                          \
        (p) = NULL;                                                                                \
        perch_taken_;                                                                              \
    })

#define PERCH_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
