/* A response as one line of text, for tables of expected values written by hand.
 *
 * Strings stand in single quotes (\xNN for bytes that are not printable ASCII), NIL is
 * NIL. A list of flags or attributes is "(as written)" and, when some are known,
 * "[THEIR NAMES]". A mailbox is its UTF-8 form, then "=" and the raw form if that differs,
 * and "!" if the one does not encode to the other. What is absent is left out. */
#ifndef PERCH_SHOW_H
#define PERCH_SHOW_H

#include "perch/response.h"

#include "base/buf.h"

void perch_show_resp(struct perch_buf *out, const struct perch_resp *r);

/* "BLANKS". */
const char *perch_show_quirk(enum perch_quirk quirk);

#endif
