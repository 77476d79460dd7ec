/* What a hook is given: arguments with their placeholders filled in, PERCH_* variables, the
 * event's JSON on stdin (CONTRACTS section 4). */
#ifndef PERCHD_HOOKS_PAYLOAD_H
#define PERCHD_HOOKS_PAYLOAD_H

#include "config/config.h"

#include "base/arena.h"

#include <jansson.h>

#define PAYLOAD_VALUE_MAX    8192         /* of a variable; then PERCH_TRUNCATED=1 */
#define PAYLOAD_ARGUMENT_MAX (131072 - 1) /* the kernel's limit, with the NUL */

struct payload_source {
    const struct config_hook *hook;
    const struct config *config; /* PERCH_STATE, PERCH_SOCKET */
    json_t *event;               /* borrowed; its `attempt` is set */
    unsigned attempt;
};

struct payload {
    char **argv;
    char **env;
    const char *cwd;
    const char *input; /* the event as one line */
    size_t input_len;
};

/* Everything is in `a`. 0, or -1 when out of memory. */
int payload_make(const struct payload_source *from, struct perch_arena *a, struct payload *ret);

#endif
