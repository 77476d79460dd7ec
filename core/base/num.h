/* Numbers out of bytes: no sign, no blanks, no locale, no silent overflow. */
#ifndef PERCH_BASE_NUM_H
#define PERCH_BASE_NUM_H

#include "perch/types.h"

#include <stdbool.h>
#include <stdint.h>

/* The whole span must be decimal digits and the value at most `max`. Leading
 * zeros are accepted. On failure *ret is untouched. */
bool perch_num_u64(struct perch_span s, uint64_t max, uint64_t *ret);
bool perch_num_u32(struct perch_span s, uint32_t *ret);

/* Reads digits from *p up to end, moves *p behind them. False without a digit or
 * past `max`; *p then points at the digit that did not fit. */
bool perch_num_scan(const char **p, const char *end, uint64_t max, uint64_t *ret);

/* Decimal digits of `n` into `out` (room for 20), returns how many; no NUL. */
unsigned perch_num_format(uint64_t n, char out[20]);

#endif
