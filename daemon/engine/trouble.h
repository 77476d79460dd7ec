/* What is wrong with an account, for people: where, what, and what to do about it. */
#ifndef PERCHD_ENGINE_TROUBLE_H
#define PERCHD_ENGINE_TROUBLE_H

#include "config/config.h"
#include "perch/error.h"

#include <jansson.h>

struct trouble {
    const char *class, *reason; /* static */
    char text[];
};

/* Allocated with perch_free, NULL when out of memory. The text is one line: the server, what it
 * or we said, and the fix where there is one. */
struct trouble *trouble_new(const struct config_account *account, const struct perch_error *why);

bool trouble_same(const struct trouble *a, const struct trouble *b); /* either may be NULL */

/* {class, reason, text}; NULL when out of memory. */
json_t *trouble_json(const struct trouble *t);

#endif
