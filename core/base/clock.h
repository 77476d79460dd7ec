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

#endif
