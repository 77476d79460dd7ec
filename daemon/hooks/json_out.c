#include "hooks/json_out.h"

#include "base/ascii.h"
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

void json_out_put(struct json_out *o, const char *key, json_t *value)
{
    if (json_object_set_new_nocheck(o->json, key, value) < 0)
        o->failed = true;
}

void json_out_append(struct json_out *array, json_t *value)
{
    if (json_array_append_new(array->json, value) < 0)
        array->failed = true;
}

json_t *json_out_take(struct json_out *o)
{
    json_t *json = o->json;

    o->json = NULL;
    if (!o->failed)
        return json;
    json_decref(json);
    return NULL;
}

static json_t *cleaned(struct perch_span s)
{
    struct perch_buf clean = PERCH_BUF_INIT;
    const uint8_t *p = (const uint8_t *)s.p;
    json_t *text = NULL;

    for (size_t i = 0, n; i < s.n; i += n) {
        uint32_t code;

        n = perch_utf8_seq(p + i, s.n - i, &code);
        if (n > 0 && code != 0) {
            perch_buf_add(&clean, p + i, n);
        } else {
            perch_buf_adds(&clean, REPLACEMENT);
            n = 1;
        }
    }
    if (!clean.failed)
        text = json_stringn_nocheck((const char *)perch_buf_data(&clean), clean.len);
    perch_buf_done(&clean);
    return text;
}

json_t *json_out_text(struct perch_span s)
{
    if (!s.p)
        return json_null();
    if (perch_utf8_valid(s.p, s.n) && (s.n == 0 || !memchr(s.p, '\0', s.n)))
        return json_stringn_nocheck(s.p, s.n);
    return cleaned(s);
}

char *json_out_line(json_t *value, struct perch_arena *a)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    char *copy = text ? perch_arena_strndup(a, text, strlen(text)) : NULL;

    free(text);
    json_decref(value);
    return copy;
}
