/* Events go straight into nodes: a stack of open lists and maps, a key that waits for its
 * value. libyaml's own document loader is not used, because it builds first and asks later. */
#include "config/yaml.h"

#include <yaml.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct open {
    struct yaml_node *node;
    struct yaml_node **tail;     /* where the next child is linked */
    const struct yaml_node *key; /* in a map: waits for its value */
};

struct reading {
    yaml_parser_t parser;
    struct perch_arena *arena;
    struct yaml_problem *problem;
    struct yaml_node *root;
    unsigned documents;
    unsigned depth;
    struct open open[YAML_DEPTH_MAX];
};

__attribute__((format(printf, 4, 5))) static int refuse(struct reading *r, size_t line,
                                                        size_t column, const char *fmt, ...)
{
    va_list ap;

    r->problem->line = (unsigned)line;
    r->problem->column = (unsigned)column;
    va_start(ap, fmt);
    (void)vsnprintf(r->problem->text, sizeof r->problem->text, fmt, ap);
    va_end(ap);
    return -1;
}

static int refuse_at(struct reading *r, const yaml_mark_t *mark, const char *text)
{
    return refuse(r, mark->line + 1, mark->column + 1, "%s", text);
}

static int out_of_memory(struct reading *r)
{
    return refuse(r, 1, 1, "out of memory");
}

static struct yaml_node *node_new(struct reading *r, enum node_kind kind, const yaml_mark_t *mark)
{
    struct yaml_node *n = perch_arena_zalloc(r->arena, sizeof *n);

    if (!n) {
        (void)out_of_memory(r);
        return NULL;
    }
    n->kind = kind;
    n->line = (unsigned)mark->line + 1;
    n->column = (unsigned)mark->column + 1;
    return n;
}

/* Hangs a complete scalar or a list or map that just began into its parent. */
static int node_place(struct reading *r, struct yaml_node *n)
{
    struct open *top = r->depth > 0 ? &r->open[r->depth - 1] : NULL;

    if (!top) {
        r->root = n;
        return 0;
    }
    if (top->node->kind == NODE_MAP && !top->key) {
        if (n->kind != NODE_SCALAR)
            return refuse(r, n->line, n->column, "a key must be a word");
        top->key = n;
        return 0;
    }
    n->key = top->key;
    top->key = NULL;
    *top->tail = n;
    top->tail = &n->next;
    top->node->count++;
    return 0;
}

static int on_scalar(struct reading *r, const yaml_event_t *e)
{
    struct yaml_node *n;

    if (e->data.scalar.anchor)
        return refuse_at(r, &e->start_mark, "anchors are not supported");
    if (e->data.scalar.tag)
        return refuse_at(r, &e->start_mark, "tags are not supported");
    if (memchr(e->data.scalar.value, '\0', e->data.scalar.length))
        return refuse_at(r, &e->start_mark, "NUL in a text");
    n = node_new(r, NODE_SCALAR, &e->start_mark);
    if (!n)
        return -1;
    n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    n->text =
        perch_arena_strndup(r->arena, (const char *)e->data.scalar.value, e->data.scalar.length);
    return n->text ? node_place(r, n) : out_of_memory(r);
}

static int on_open(struct reading *r, enum node_kind kind, const yaml_mark_t *mark,
                   const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct yaml_node *n;

    if (anchor)
        return refuse_at(r, mark, "anchors are not supported");
    if (tag)
        return refuse_at(r, mark, "tags are not supported");
    if (r->depth == YAML_DEPTH_MAX)
        return refuse(r, mark->line + 1, mark->column + 1, "nested deeper than %d levels",
                      YAML_DEPTH_MAX);
    n = node_new(r, kind, mark);
    if (!n || node_place(r, n) != 0)
        return -1;
    r->open[r->depth++] = (struct open){.node = n, .tail = &n->first};
    return 0;
}

static int by_key_then_place(const void *a, const void *b)
{
    const struct yaml_node *x = (*(const struct yaml_node *const *)a)->key;
    const struct yaml_node *y = (*(const struct yaml_node *const *)b)->key;
    int order = strcmp(x->text, y->text);

    if (order != 0)
        return order;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

/* Sorted, because a hostile map of 200,000 keys must not take a quadratic time. */
static int refuse_duplicates(struct reading *r, const struct yaml_node *map)
{
    const struct yaml_node **sorted, *n = map->first;

    if (map->count < 2)
        return 0;
    sorted = perch_arena_array(r->arena, map->count, sizeof *sorted);
    if (!sorted)
        return out_of_memory(r);
    for (size_t i = 0; i < map->count; i++, n = n->next)
        sorted[i] = n;
    qsort(sorted, map->count, sizeof *sorted, by_key_then_place);
    for (size_t i = 1; i < map->count; i++) {
        const struct yaml_node *twin = sorted[i]->key, *earlier = sorted[i - 1]->key;

        if (strcmp(twin->text, earlier->text) == 0)
            return refuse(r, twin->line, twin->column, "`%.100s` is already set in line %u",
                          twin->text, earlier->line);
    }
    return 0;
}

static int on_close(struct reading *r)
{
    struct yaml_node *n = r->open[--r->depth].node;

    return n->kind == NODE_MAP ? refuse_duplicates(r, n) : 0;
}

static int on_event(struct reading *r, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->documents++ > 0)
            return refuse_at(r, &e->start_mark, "a second document");
        return 0;
    case YAML_ALIAS_EVENT:
        return refuse_at(r, &e->start_mark, "aliases are not supported");
    case YAML_SCALAR_EVENT:
        return on_scalar(r, e);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(r, NODE_LIST, &e->start_mark, e->data.sequence_start.anchor,
                       e->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return on_open(r, NODE_MAP, &e->start_mark, e->data.mapping_start.anchor,
                       e->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_close(r);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return 0;
    }
    return 0;
}

/* A bad byte has only an offset. */
static int refuse_offset(struct reading *r, const char *text, size_t len)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < r->parser.problem_offset && i < len; i++) {
        if (text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    return refuse(r, line, column, "not valid UTF-8 text");
}

static int refuse_syntax(struct reading *r, const char *text, size_t len)
{
    const yaml_mark_t *mark = &r->parser.problem_mark;

    if (r->parser.error == YAML_MEMORY_ERROR)
        return out_of_memory(r);
    if (r->parser.error == YAML_READER_ERROR)
        return refuse_offset(r, text, len);
    if (r->parser.context)
        return refuse(r, mark->line + 1, mark->column + 1, "%s %s", r->parser.context,
                      r->parser.problem);
    return refuse_at(r, mark, r->parser.problem);
}

static int read_events(struct reading *r, const char *text, size_t len)
{
    bool end = false;

    while (!end) {
        yaml_event_t event;
        int ret;

        if (!yaml_parser_parse(&r->parser, &event))
            return refuse_syntax(r, text, len);
        end = event.type == YAML_STREAM_END_EVENT;
        ret = on_event(r, &event);
        yaml_event_delete(&event);
        if (ret != 0)
            return ret;
    }
    return 0;
}

int yaml_read(const char *text, size_t len, struct perch_arena *arena, struct yaml_node **ret_root,
              struct yaml_problem *problem)
{
    struct reading r = {.arena = arena, .problem = problem};
    int ret;

    if (len > YAML_SIZE_MAX)
        return refuse(&r, 1, 1, "larger than 1 MiB");
    if (!yaml_parser_initialize(&r.parser))
        return out_of_memory(&r);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    ret = read_events(&r, text, len);
    yaml_parser_delete(&r.parser);
    if (ret == 0)
        *ret_root = r.root;
    return ret;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (const struct yaml_node *n = map->first; n; n = n->next)
        if (strcmp(n->key->text, key) == 0)
            return n;
    return NULL;
}
