/* Header values for the other files that format text; perch/text.h is the rest. */
#ifndef PERCH_WIRE_RFC2047_H
#define PERCH_WIRE_RFC2047_H

#include "base/buf.h"

/* Appends the decoded value, at most 64 KiB of it: one line of valid UTF-8. Returns whether
 * all of it fitted. Check out->failed. */
bool perch_rfc2047_append(struct perch_buf *out, struct perch_span value);

/* Appends text that is no header value but stands in one: raw bytes as UTF-8, in one line. */
void perch_text_append_line(struct perch_buf *out, struct perch_span raw);

/* Blanks for every NUL and line end from offset `from` on. */
void perch_text_make_one_line(struct perch_buf *out, size_t from);

#endif
