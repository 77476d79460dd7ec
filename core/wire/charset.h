/* Charsets to UTF-8; the only door to iconv. */
#ifndef PERCH_WIRE_CHARSET_H
#define PERCH_WIRE_CHARSET_H

#include "base/buf.h"

/* One open charset. Zero-initialise it; opening the same again costs nothing, so that the
 * words of a header share a descriptor. */
struct perch_charset {
    const struct perch_charset_row *row; /* NULL: none is open */
    void *cd;                            /* iconv's, while the row has one */
};

#define PERCH_CHARSET_INIT                                                                         \
    {                                                                                              \
        0                                                                                          \
    }

/* By its IANA name or one of those seen in mail, case and punctuation aside, with or
 * without a language behind "*" (RFC 2231). False if it is unknown; what was open is
 * closed then. */
bool perch_charset_open(struct perch_charset *c, struct perch_span name);
void perch_charset_close(struct perch_charset *c);

/* Whether `name` is the one that is open. */
bool perch_charset_is(const struct perch_charset *c, struct perch_span name);

/* Appends valid UTF-8, U+FFFD for what cannot be decoded. Check out->failed. */
void perch_charset_append(struct perch_buf *out, struct perch_charset *c, struct perch_span bytes);

/* Bytes of no known charset: UTF-8 if they are, else windows-1252. */
void perch_charset_append_raw(struct perch_buf *out, struct perch_span bytes);

#endif
