/* Dates for the encoder; perch/text.h is the rest. */
#ifndef PERCH_WIRE_DATE_H
#define PERCH_WIRE_DATE_H

#include <stdint.h>

/* "1-Feb-2026" and a NUL: the day in UTC, as SEARCH takes it. Years outside 0 to 9999 are
 * clamped. */
#define PERCH_DAY_SIZE 12
void perch_day_format(int64_t unix_s, char out[PERCH_DAY_SIZE]);

#endif
