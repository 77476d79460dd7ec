/* Errors: the place that knows fills the record and returns its code. */
#ifndef PERCH_BASE_ERR_H
#define PERCH_BASE_ERR_H

#include "perch/error.h"

/* Fills *e (which may be NULL) and returns `code`. `reason` is a static word
 * such as "starttls-injection", or NULL. Text beyond the record is cut at a
 * UTF-8 border; control characters from a server become '?'. */
int perch_error_set(struct perch_error *e, int code, enum perch_radius radius,
                    enum perch_remedy remedy, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

void perch_error_clear(struct perch_error *e);

#endif
