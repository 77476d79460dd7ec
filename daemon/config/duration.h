/* Spans of time as people write them: 30s, 5m, 2h, 7d. */
#ifndef PERCHD_CONFIG_DURATION_H
#define PERCHD_CONFIG_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DURATION_SIZE 24 /* a sign, 19 digits, a unit and a NUL */

/* The whole of `text`, at most what milliseconds in 64 bits can say. */
bool duration_parse(const char *text, size_t len, int64_t *ret_ms);

/* Exactly, with the largest unit that leaves no rest: "90s", "28m". */
void duration_format(int64_t ms, char out[DURATION_SIZE]);

/* About, in the largest unit that fits: "59s", "2h"; "-" if it is negative. */
void duration_about(int64_t ms, char out[DURATION_SIZE]);

#endif
