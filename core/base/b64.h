/* Base64 (RFC 4648 section 4) and base32 in lower case for identifiers. */
#ifndef PERCH_BASE_B64_H
#define PERCH_BASE_B64_H

#include "base/buf.h"

#include <stdbool.h>

/* Appends; check buf->failed. */
void perch_b64_encode(struct perch_buf *out, const void *p, size_t n);

/* Strict: alphabet, padding and length must be right, or false and `out` is as it
 * was. The lax form skips blanks and line ends and forgives missing padding, for
 * message bodies. */
bool perch_b64_decode(struct perch_buf *out, const void *p, size_t n);
void perch_b64_decode_lax(struct perch_buf *out, const void *p, size_t n);

/* The first `chars` base32 characters (a-z2-7) of p; needs chars * 5 <= n * 8. */
void perch_b32_encode(char *out, size_t chars, const uint8_t *p, size_t n);

#endif
