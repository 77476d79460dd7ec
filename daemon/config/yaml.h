/* libyaml's only door: text to a tree of nodes that know their line and column.
 *
 * What a configuration has no use for is refused while the parser's events come in, before
 * anything is built from it: aliases, anchors, tags, a second document, duplicate keys,
 * keys that are not plain words, nesting past YAML_DEPTH_MAX. */
#ifndef PERCHD_CONFIG_YAML_H
#define PERCHD_CONFIG_YAML_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

#define YAML_SIZE_MAX  (1u << 20) /* 10,000 accounts of 100 bytes */
#define YAML_DEPTH_MAX 32         /* libyaml has no limit and nests in quadratic time */

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct yaml_node {
    enum node_kind kind;
    unsigned line, column;       /* from 1 */
    const char *text;            /* SCALAR: NUL-terminated, holds no NUL */
    bool quoted;                 /* SCALAR: '' or "" or a block */
    size_t count;                /* LIST, MAP: children */
    struct yaml_node *first;     /* first child; in a map, the first value */
    struct yaml_node *next;      /* next sibling */
    const struct yaml_node *key; /* a scalar, for a value in a map */
};

struct yaml_problem {
    unsigned line, column;
    char text[256];
};

/* The document's node in `arena`, NULL for a document without one. 0, or -1 with *problem. */
int yaml_read(const char *text, size_t len, struct perch_arena *arena, struct yaml_node **ret_root,
              struct yaml_problem *problem);

/* The value of `key` in a map; NULL if `map` is no map or has no such key. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

#endif
