/* What the parser and the encoder share about ranges; perch/set.h is the rest. */
#ifndef PERCH_WIRE_SEQSET_H
#define PERCH_WIRE_SEQSET_H

#include "perch/set.h"

/* Makes `n` ranges (each with first <= last, in any order, overlapping or not) ascending
 * and apart, in place; returns how many are left. Linear if they ascend already. */
size_t perch_ranges_normalise(struct perch_range *r, size_t n);

/* "7" or "7:9" without a NUL; returns the length. */
#define PERCH_RANGE_TEXT 21 /* two numbers of ten digits and a colon */
unsigned perch_range_format(struct perch_range r, char out[PERCH_RANGE_TEXT]);

#endif
