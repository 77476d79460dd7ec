#include "config/duration.h"

#include "base/mem.h"
#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
    char letter;
    int64_t ms;
} units[] = {{'d', 86400000}, {'h', 3600000}, {'m', 60000}, {'s', 1000}};

bool duration_parse(const char *text, size_t len, int64_t *ret_ms)
{
    const char *p = text, *end = text + len;
    int64_t ms;
    uint64_t n;

    if (!perch_num_scan(&p, end, INT64_MAX, &n) || end - p != 1)
        return false;
    for (size_t i = 0; i < PERCH_COUNT(units); i++) {
        if (*p == units[i].letter && !__builtin_mul_overflow((int64_t)n, units[i].ms, &ms)) {
            *ret_ms = ms;
            return true;
        }
    }
    return false;
}

void duration_format(int64_t ms, char out[DURATION_SIZE])
{
    for (size_t i = 0; i < PERCH_COUNT(units); i++) {
        if (ms % units[i].ms == 0 && (ms != 0 || i + 1 == PERCH_COUNT(units))) {
            (void)snprintf(out, DURATION_SIZE, "%" PRId64 "%c", ms / units[i].ms, units[i].letter);
            return;
        }
    }
    (void)snprintf(out, DURATION_SIZE, "%" PRId64 "ms", ms);
}

void duration_about(int64_t ms, char out[DURATION_SIZE])
{
    (void)snprintf(out, DURATION_SIZE, ms < 0 ? "-" : "0s");
    for (size_t i = 0; i < PERCH_COUNT(units); i++) {
        if (ms >= units[i].ms) {
            (void)snprintf(out, DURATION_SIZE, "%" PRId64 "%c", ms / units[i].ms, units[i].letter);
            return;
        }
    }
}
