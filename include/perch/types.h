/* Types that every other header of libperch stands on.
 *
 * Copyright (c) 2026, the perch authors; see LICENSE (BSD 3-Clause). */
#ifndef PERCH_TYPES_H
#define PERCH_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#if defined(__GNUC__)
#define PERCH_API __attribute__((visibility("default")))
#else
#define PERCH_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A run of bytes that somebody else owns. `p` is not NUL-terminated unless a
 * function says so. p == NULL is IMAP's NIL, which is not the empty string. */
struct perch_span {
    const char *p;
    size_t n;
};

/* PERCH_SPAN("INBOX") */
#define PERCH_SPAN(literal) ((struct perch_span){"" literal, sizeof(literal) - 1})

/* The bytes of a NUL-terminated string; NULL is NIL. */
static inline struct perch_span perch_span_of(const char *s)
{
    struct perch_span span = {s, s ? strlen(s) : 0};

    return span;
}

/* Milliseconds of a clock that only goes forward (CLOCK_MONOTONIC in the client;
 * whatever the caller likes when it drives a session itself). */
typedef int64_t perch_ms;

/* A moment as IMAP writes it: seconds since 1970 in UTC, and the offset from UTC
 * that the writer used, in minutes. `valid` is false when the text was absent or
 * no date at all. */
struct perch_time {
    int64_t unix_s;
    int16_t offset_min;
    bool valid;
    bool offset_known; /* false for "-0000" and for dates without a zone */
};

#ifdef __cplusplus
}
#endif

#endif
