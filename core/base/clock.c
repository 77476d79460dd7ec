#include "base/clock.h"

#include <time.h>

static int64_t clock_us(clockid_t id)
{
    struct timespec ts;

    (void)clock_gettime(id, &ts); /* fails only for clocks that do not exist */
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t perch_clock_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

int64_t perch_clock_ms(void)
{
    return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t perch_clock_boot_ms(void)
{
    return clock_us(CLOCK_BOOTTIME) / 1000;
}

int64_t perch_clock_wall_ms(void)
{
    return clock_us(CLOCK_REALTIME) / 1000;
}
