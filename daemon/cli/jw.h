/* A JSON writer: text straight into a buffer, no tree, unsigned 64-bit numbers (which
 * jansson has not, and X-GM-MSGID needs). Commas and escapes are its business; that keys
 * stand in objects and brackets close is the caller's. Failure is sticky: look at
 * out.failed once, at the end. */
#ifndef PERCHD_CLI_JW_H
#define PERCHD_CLI_JW_H

#include "base/buf.h"

#include <stdbool.h>

struct jw {
    struct perch_buf out;
    bool comma; /* a value stands in front of the next one */
};

void jw_open(struct jw *w, char bracket); /* '{' or '[' */
void jw_close(struct jw *w, char bracket);
void jw_key(struct jw *w, const char *key);
void jw_key_span(struct jw *w, struct perch_span key); /* bytes that are no UTF-8: U+FFFD */

void jw_null(struct jw *w);
void jw_bool(struct jw *w, bool value);
void jw_uint(struct jw *w, uint64_t value);
void jw_int(struct jw *w, int64_t value);
void jw_string(struct jw *w, const char *text);

/* Bytes that are no UTF-8 become U+FFFD; NIL becomes null. */
void jw_span(struct jw *w, struct perch_span text);

#endif
