/* The gate is read before every allocation and is NULL outside tests, so the cost is one
 * load and a branch that is never taken. It is set before any thread starts. */
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int (*mem_gate)(void *user);
static void *mem_gate_user;

static bool mem_allows(size_t n)
{
    if (n > PTRDIFF_MAX)
        return false;
    return __builtin_expect(mem_gate == NULL, 1) || mem_gate(mem_gate_user);
}

void perch_mem_set_gate(int (*gate)(void *user), void *user)
{
    mem_gate = gate;
    mem_gate_user = user;
}

void *perch_malloc(size_t n)
{
    return mem_allows(n) ? malloc(n ? n : 1) : NULL;
}

void *perch_calloc(size_t n, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes) || !mem_allows(bytes))
        return NULL;
    return calloc(1, bytes ? bytes : 1);
}

void *perch_realloc(void *p, size_t n)
{
    return mem_allows(n) ? realloc(p, n ? n : 1) : NULL;
}

void *perch_reallocarray(void *p, size_t n, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(n, size, &bytes) ? NULL : perch_realloc(p, bytes);
}

void perch_free(void *p)
{
    free(p);
}

void perch_free_at(void *pp)
{
    void *p;

    memcpy(&p, pp, sizeof p); /* pp points at a pointer of any type */
    free(p);
}

char *perch_strdup(const char *s)
{
    return perch_memdup0(s, strlen(s));
}

char *perch_memdup0(const void *p, size_t n)
{
    char *copy = n < PTRDIFF_MAX ? perch_malloc(n + 1) : NULL;

    if (!copy)
        return NULL;
    if (n > 0)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}

void perch_wipe(void *p, size_t n)
{
    if (n > 0)
        explicit_bzero(p, n);
}
