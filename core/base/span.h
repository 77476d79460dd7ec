/* Spans: a run of bytes that somebody else owns (struct perch_span is public,
 * include/perch/types.h). p == NULL is NIL, which differs from the empty run. */
#ifndef PERCH_BASE_SPAN_H
#define PERCH_BASE_SPAN_H

#include "perch/types.h"

#include <stdbool.h>
#include <string.h>

static inline bool perch_span_eq(struct perch_span a, struct perch_span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Two strings, either of which may be NULL: that is the same as NULL alone. */
static inline bool perch_same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* ASCII case-insensitive, never by locale. */
bool perch_span_ieq(struct perch_span a, struct perch_span b);
bool perch_span_ieqs(struct perch_span a, const char *s);
bool perch_span_istarts(struct perch_span a, const char *prefix);

/* Order by bytes, as memcmp; a prefix comes first. */
int perch_span_cmp(struct perch_span a, struct perch_span b);

/* Without the blanks and tabs around it. */
struct perch_span perch_span_trim(struct perch_span s);

/* Cuts the part before the first `sep` off the front of *s and returns it; the
 * separator goes too. Without one the whole rest is returned and *s is empty
 * with p == NULL. */
struct perch_span perch_span_cut(struct perch_span *s, char sep);

#endif
