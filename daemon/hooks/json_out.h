/* Writing JSON: an object whose first failed key fails it all, so that a page of keys is
 * checked once; text that is valid whatever bytes came in. */
#ifndef PERCHD_HOOKS_JSON_OUT_H
#define PERCHD_HOOKS_JSON_OUT_H

#include "base/arena.h"

#include <jansson.h>

struct json_out {
    json_t *json;
    bool failed;
};

static inline struct json_out json_out_object(void)
{
    return (struct json_out){json_object(), false};
}

/* Takes the reference; a NULL value (out of memory) fails the object. */
void json_out_put(struct json_out *o, const char *key, json_t *value);
void json_out_append(struct json_out *array, json_t *value);

/* The finished object, or NULL when anything failed. Ownership leaves. */
json_t *json_out_take(struct json_out *o);

/* A string of any bytes: what is not UTF-8, and NUL, become U+FFFD. NIL is null. */
json_t *json_out_text(struct perch_span s);

/* One line in arena `a`; takes the reference. NULL for NULL and when out of memory. */
char *json_out_line(json_t *value, struct perch_arena *a);

#endif
