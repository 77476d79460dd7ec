/* Moments as people write and read them. */
#ifndef PERCHD_CLI_WHEN_H
#define PERCHD_CLI_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* "2026-11-22", "2026-11-22T23:58", "2026-11-22 23:58:32", a Z behind for UTC (else local
 * time), a span back from now ("90s", "30m", "2h", "7d") or "now". Milliseconds since 1970;
 * false if it is none of these. */
bool when_parse(const char *text, int64_t now_ms, int64_t *ret_ms);

/* "2026-11-22 23:58:32" in local time, "-" for what no calendar has. */
#define WHEN_SIZE 20
void when_format(int64_t unix_s, char out[WHEN_SIZE]);

#endif
