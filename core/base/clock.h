/* Time. Everything below net/ and the daemon's edges takes the time as an argument. */
#ifndef PERCH_BASE_CLOCK_H
#define PERCH_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds that only go forward; microseconds for benchmarks. */
int64_t perch_clock_ms(void);
int64_t perch_clock_us(void);

/* The same, but counting while the machine is suspended. */
int64_t perch_clock_boot_ms(void);

/* Milliseconds since 1970, UTC; may jump. */
int64_t perch_clock_wall_ms(void);

#define PERCH_NEVER INT64_MAX

/* `ms` after `now`; a time too far off to be told is PERCH_NEVER. */
static inline int64_t perch_clock_add(int64_t now, int64_t ms)
{
    int64_t at;

    return __builtin_add_overflow(now, ms, &at) ? PERCH_NEVER : at;
}

#endif
