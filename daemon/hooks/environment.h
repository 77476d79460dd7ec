/* The environment of a hook and of a password command: made from nothing, so that what
 * perchd got from its service manager stays with perchd. */
#ifndef PERCHD_HOOKS_ENVIRONMENT_H
#define PERCHD_HOOKS_ENVIRONMENT_H

#include "base/arena.h"

#include <stdbool.h>

struct environment {
    struct perch_arena *arena;
    char **vars; /* NULL-terminated NAME=VALUE */
    size_t n, room;
    bool failed; /* out of memory: asked once, at the end */
};

/* PATH HOME LANG TZ, and for a person's own perchd what their session needs. */
void environment_init(struct environment *e, struct perch_arena *arena);

/* Sets or replaces. `value` NULL: nothing happens. */
void environment_set(struct environment *e, const char *name, const char *value);

/* The same for "NAME=VALUE". */
void environment_put(struct environment *e, const char *pair);

/* The variable of perchd itself, if it has it. */
void environment_pass(struct environment *e, const char *name);

/* The home directory of this user: $HOME, else the one of the user database, else "/". */
const char *environment_home(void);

/* The environment's HOME if it can be entered, else "/": where programs start. */
const char *environment_directory(const struct environment *e);

#endif
