/* A table binds the keys of a map to the fields of a struct: type, range, meaning. What a
 * table does not name is an error with its place and the nearest known key. Scalars mean
 * what the field says: `no` is a name where a name is asked for, 0123 is 123. */
#ifndef PERCHD_CONFIG_SCHEMA_H
#define PERCHD_CONFIG_SCHEMA_H

#include "config/config.h"
#include "config/yaml.h"

#include "base/arena.h"

/* One reading of one file. */
struct schema {
    const char *file;           /* as errors name it */
    const char *directory;      /* absolute; relative paths start here */
    struct perch_arena *arena;  /* where what was read lives */
    struct config_error *error; /* the first one */
};

enum schema_type {
    SCHEMA_LATER,    /* a key of the contract that this version does not have */
    SCHEMA_TEXT,     /* char *, not empty */
    SCHEMA_PATH,     /* char *, made absolute */
    SCHEMA_TEXTS,    /* char **, NULL-terminated: a list, or one text alone */
    SCHEMA_ARGV,     /* char **: a list with at least one element, nothing else */
    SCHEMA_BOOL,     /* bool */
    SCHEMA_COUNT,    /* unsigned, min to max */
    SCHEMA_PORT,     /* uint16_t, 1 to 65535 */
    SCHEMA_DURATION, /* int64_t milliseconds, min to max */
    SCHEMA_WORD,     /* an enum: one of `words` */
    SCHEMA_OWN       /* `read` knows */
};

struct schema_word {
    const char *text; /* NULL ends the table */
    int value;
    bool later;
};

/* `value` is the node, `field` the target plus `at`. 0, or -1 with the error set. */
typedef int schema_read_fn(struct schema *s, const struct yaml_node *value, void *field);

struct schema_key {
    const char *name; /* NULL ends the table */
    enum schema_type type;
    size_t at; /* offset of the field */
    int64_t min, max;
    const struct schema_word *words;
    schema_read_fn *read;
};

#define SCHEMA_KEY_LATER(key)                                                                      \
    {                                                                                              \
        .name = (key), .type = SCHEMA_LATER                                                        \
    }
#define SCHEMA_KEYS_END                                                                            \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* Milliseconds, for ranges and defaults. */
#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* Fills the fields whose keys are there; others keep what they hold. */
int schema_read(struct schema *s, const struct yaml_node *map, const struct schema_key *keys,
                void *target);

/* Sets "FILE:LINE:COLUMN: reason" and returns -1. `at` NULL: the beginning of the file. */
int schema_error(struct schema *s, const struct yaml_node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int schema_no_memory(struct schema *s);

/* ", did you mean `NAME`?", or "" when no name is near enough. `name_at` gives the n-th name,
 * NULL behind the last. */
typedef const char *schema_name_fn(size_t n, const void *names);
const char *schema_nearest(struct schema *s, const char *word, schema_name_fn *name_at,
                           const void *names);

/* The pieces that SCHEMA_OWN readers are made of. */
int schema_map(struct schema *s, const struct yaml_node *v, const char *what);
int schema_text(struct schema *s, const struct yaml_node *v, char **ret);
int schema_path(struct schema *s, const struct yaml_node *v, char **ret);
int schema_texts(struct schema *s, const struct yaml_node *v, char ***ret);
int schema_argv(struct schema *s, const struct yaml_node *v, char ***ret);
int schema_duration(struct schema *s, const struct yaml_node *at, const char *text, size_t len,
                    int64_t min, int64_t max, int64_t *ret);
const struct schema_word *schema_word(struct schema *s, const struct yaml_node *v,
                                      const struct schema_word *words);

#endif
