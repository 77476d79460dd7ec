/* The first mistake ends the reading: what follows one is often its echo. */
#include "config/schema.h"

#include "config/duration.h"

#include "base/ascii.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/span.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 40 /* longer ones are not compared with known keys */

/* The reason may quote the file: it stays one line whatever stands there. */
static void set_reason(char *out, size_t size, const char *reason)
{
    struct perch_buf shown = PERCH_BUF_INIT;

    log_escape(&shown, reason, strlen(reason));
    (void)snprintf(out, size, "%s", shown.failed ? "out of memory" : perch_buf_cstr(&shown));
    perch_buf_done(&shown);
}

int schema_error(struct schema *s, const struct yaml_node *at, const char *fmt, ...)
{
    char *text = s->error->text, reason[sizeof s->error->text];
    size_t size = sizeof s->error->text;
    int n = snprintf(text, size, "%s:%u:%u: ", s->file, at ? at->line : 1, at ? at->column : 1);
    va_list ap;

    if (n < 0 || (size_t)n >= size)
        return -1;
    va_start(ap, fmt);
    (void)vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    set_reason(text + n, size - (size_t)n, reason);
    return -1;
}

int schema_no_memory(struct schema *s)
{
    return schema_error(s, NULL, "out of memory");
}

/* ---- the nearest known name ---- */

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned low = a < b ? a : b;

    return low < c ? low : c;
}

/* How many letters to change, drop, add or swap with their neighbour. */
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][WORD_MAX + 1], *before = rows[0], *above = rows[1], *row = rows[2];
    size_t na = strlen(a), nb = strlen(b);

    if (na > WORD_MAX || nb > WORD_MAX)
        return UINT32_MAX;
    for (unsigned j = 0; j <= nb; j++)
        above[j] = before[j] = j;
    for (unsigned i = 1; i <= na; i++) {
        unsigned *spare = before;

        row[0] = i;
        for (unsigned j = 1; j <= nb; j++) {
            unsigned differ = perch_lower(a[i - 1]) != perch_lower(b[j - 1]);

            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + differ);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        before = above;
        above = row;
        row = spare;
    }
    return above[nb];
}

const char *schema_nearest(struct schema *s, const char *word, schema_name_fn *name_at,
                           const void *names)
{
    unsigned near = strlen(word) < 5 ? 1 : 2; /* further away is another word, not a slip */
    const char *best = NULL, *name, *text = NULL;

    for (size_t i = 0; (name = name_at(i, names)) != NULL; i++) {
        unsigned d = distance(word, name);

        if (d <= near && (!best || d < near)) {
            best = name;
            near = d;
        }
    }
    if (best)
        text = perch_arena_printf(s->arena, ", did you mean `%s`?", best);
    return text ? text : "";
}

static const char *key_at(size_t n, const void *names)
{
    return ((const struct schema_key *)names)[n].name;
}

static const char *word_at(size_t n, const void *names)
{
    return ((const struct schema_word *)names)[n].text;
}

/* ---- values ---- */

static const char *name_of(const struct yaml_node *v)
{
    return v->key ? v->key->text : "this";
}

int schema_map(struct schema *s, const struct yaml_node *v, const char *what)
{
    if (v->kind == NODE_MAP)
        return 0;
    return schema_error(s, v, "`%.60s` needs %s", name_of(v), what);
}

static int scalar(struct schema *s, const struct yaml_node *v)
{
    if (v->kind == NODE_LIST)
        return schema_error(s, v, "`%.60s` takes one value, not a list", name_of(v));
    if (v->kind == NODE_MAP)
        return schema_error(s, v, "`%.60s` takes one value, not a map", name_of(v));
    if (v->text[0] == '\0')
        return schema_error(s, v, "`%.60s` has no value", name_of(v));
    return 0;
}

int schema_text(struct schema *s, const struct yaml_node *v, char **ret)
{
    char *copy;

    if (scalar(s, v) != 0)
        return -1;
    copy = perch_arena_strndup(s->arena, v->text, strlen(v->text));
    if (!copy)
        return schema_no_memory(s);
    *ret = copy;
    return 0;
}

int schema_path(struct schema *s, const struct yaml_node *v, char **ret)
{
    char *path;

    if (scalar(s, v) != 0)
        return -1;
    path = v->text[0] == '/' ? perch_arena_strndup(s->arena, v->text, strlen(v->text))
                             : perch_arena_printf(s->arena, "%s/%s", s->directory, v->text);
    if (!path)
        return schema_no_memory(s);
    *ret = path;
    return 0;
}

/* The texts of a list; an element may be empty (an argument may). */
static int list(struct schema *s, const struct yaml_node *v, char ***ret)
{
    char **texts = perch_arena_array(s->arena, v->count + 1, sizeof *texts);
    size_t n = 0;

    if (!texts)
        return schema_no_memory(s);
    for (const struct yaml_node *e = v->first; e; e = e->next) {
        if (e->kind != NODE_SCALAR)
            return schema_error(s, e, "`%.60s` is a list of texts", name_of(v));
        texts[n] = perch_arena_strndup(s->arena, e->text, strlen(e->text));
        if (!texts[n++])
            return schema_no_memory(s);
    }
    texts[n] = NULL;
    *ret = texts;
    return 0;
}

int schema_texts(struct schema *s, const struct yaml_node *v, char ***ret)
{
    char **one;

    if (v->kind == NODE_LIST)
        return list(s, v, ret);
    one = perch_arena_array(s->arena, 2, sizeof *one);
    if (!one)
        return schema_no_memory(s);
    if (schema_text(s, v, &one[0]) != 0)
        return -1;
    one[1] = NULL;
    *ret = one;
    return 0;
}

int schema_argv(struct schema *s, const struct yaml_node *v, char ***ret)
{
    if (v->kind != NODE_LIST)
        return schema_error(s, v,
                            "`%.60s` is a list: the program and its arguments, as in "
                            "[notify-send, --, \"{subject}\"]",
                            name_of(v));
    if (v->count == 0 || (v->first->kind == NODE_SCALAR && v->first->text[0] == '\0'))
        return schema_error(s, v, "`%.60s` names no program", name_of(v));
    return list(s, v, ret);
}

static int boolean(struct schema *s, const struct yaml_node *v, bool *ret)
{
    static const char *const yes[] = {"true", "yes", "on"};
    static const char *const no[] = {"false", "no", "off"};

    if (scalar(s, v) != 0)
        return -1;
    for (size_t i = 0; i < PERCH_COUNT(yes); i++) {
        if (perch_span_ieqs(perch_span_of(v->text), yes[i])) {
            *ret = true;
            return 0;
        }
        if (perch_span_ieqs(perch_span_of(v->text), no[i])) {
            *ret = false;
            return 0;
        }
    }
    return schema_error(s, v, "`%.60s` is true or false, not `%.60s`", name_of(v), v->text);
}

static int number(struct schema *s, const struct yaml_node *v, int64_t min, int64_t max,
                  uint64_t *ret)
{
    uint64_t n;

    if (scalar(s, v) != 0)
        return -1;
    if (!perch_num_u64(perch_span_of(v->text), (uint64_t)max, &n) || n < (uint64_t)min)
        return schema_error(s, v, "`%.60s` is a number from %" PRId64 " to %" PRId64, name_of(v),
                            min, max);
    *ret = n;
    return 0;
}

int schema_duration(struct schema *s, const struct yaml_node *at, const char *text, size_t len,
                    int64_t min, int64_t max, int64_t *ret)
{
    char low[DURATION_SIZE], high[DURATION_SIZE];
    int64_t ms;

    if (!duration_parse(text, len, &ms))
        return schema_error(s, at, "`%.60s` is a time such as 30s, 5m, 2h or 7d, not `%.*s`",
                            name_of(at), len > 60 ? 60 : (int)len, text);
    if (ms < min || ms > max) {
        duration_format(min, low);
        duration_format(max, high);
        return schema_error(s, at, "`%.60s` is a time from %s to %s", name_of(at), low, high);
    }
    *ret = ms;
    return 0;
}

const struct schema_word *schema_word(struct schema *s, const struct yaml_node *v,
                                      const struct schema_word *words)
{
    struct perch_buf known = PERCH_BUF_INIT;

    if (scalar(s, v) != 0)
        return NULL;
    for (const struct schema_word *w = words; w->text; w++) {
        if (!perch_span_ieqs(perch_span_of(v->text), w->text)) {
            if (!w->later)
                perch_buf_addf(&known, "%s`%s`", known.len > 0 ? ", " : "", w->text);
            continue;
        }
        perch_buf_done(&known);
        if (!w->later)
            return w;
        (void)schema_error(s, v, "`%s%s%s` is not built yet", v->key ? v->key->text : "",
                           v->key ? ": " : "", w->text);
        return NULL;
    }
    (void)schema_error(s, v, "`%.60s` is none of %s%s", v->text,
                       known.failed ? "the words known here" : perch_buf_cstr(&known),
                       schema_nearest(s, v->text, word_at, words));
    perch_buf_done(&known);
    return NULL;
}

/* ---- maps ---- */

static int read_word(struct schema *s, const struct yaml_node *v, const struct schema_key *k,
                     void *field)
{
    const struct schema_word *w = schema_word(s, v, k->words);

    if (!w)
        return -1;
    *(int *)field = w->value;
    return 0;
}

static int read_number(struct schema *s, const struct yaml_node *v, const struct schema_key *k,
                       void *field)
{
    bool port = k->type == SCHEMA_PORT;
    uint64_t n = 0;

    if (number(s, v, port ? 1 : k->min, port ? UINT16_MAX : k->max, &n) != 0)
        return -1;
    if (port)
        *(uint16_t *)field = (uint16_t)n;
    else
        *(unsigned *)field = (unsigned)n;
    return 0;
}

static int read_value(struct schema *s, const struct yaml_node *v, const struct schema_key *k,
                      void *field)
{
    switch (k->type) {
    case SCHEMA_LATER:
        return schema_error(s, v->key, "`%s` is not built yet", k->name);
    case SCHEMA_TEXT:
        return schema_text(s, v, field);
    case SCHEMA_PATH:
        return schema_path(s, v, field);
    case SCHEMA_TEXTS:
        return schema_texts(s, v, field);
    case SCHEMA_ARGV:
        return schema_argv(s, v, field);
    case SCHEMA_BOOL:
        return boolean(s, v, field);
    case SCHEMA_COUNT:
    case SCHEMA_PORT:
        return read_number(s, v, k, field);
    case SCHEMA_DURATION:
        if (scalar(s, v) != 0)
            return -1;
        return schema_duration(s, v, v->text, strlen(v->text), k->min, k->max, field);
    case SCHEMA_WORD:
        return read_word(s, v, k, field);
    case SCHEMA_OWN:
        return k->read(s, v, field);
    }
    return -1;
}

static const struct schema_key *find_key(const struct schema_key *keys, const char *name)
{
    for (; keys->name; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

int schema_read(struct schema *s, const struct yaml_node *map, const struct schema_key *keys,
                void *target)
{
    if (schema_map(s, map, "a map of keys") != 0)
        return -1;
    for (const struct yaml_node *v = map->first; v; v = v->next) {
        const struct schema_key *k = find_key(keys, v->key->text);

        if (!k)
            return schema_error(s, v->key, "unknown key `%.60s`%s", v->key->text,
                                schema_nearest(s, v->key->text, key_at, keys));
        if (read_value(s, v, k, (char *)target + k->at) != 0)
            return -1;
    }
    return 0;
}
