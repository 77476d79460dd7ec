/* Modified UTF-7 for the encoder; perch/text.h is the rest. */
#ifndef PERCH_WIRE_MUTF7_H
#define PERCH_WIRE_MUTF7_H

#include "base/buf.h"

/* Appends; false when `utf8` is not UTF-8. Check out->failed. */
bool perch_mutf7_append(struct perch_buf *out, struct perch_span utf8);

#endif
