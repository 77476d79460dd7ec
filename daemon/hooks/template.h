/* Placeholders in the arguments of a hook: `{` name `}`, where the name is a path in the
 * event's JSON. `{{` and `}}` are literal braces, any other brace is text. */
#ifndef PERCHD_HOOKS_TEMPLATE_H
#define PERCHD_HOOKS_TEMPLATE_H

#include "perch/types.h"

/* Whose text it becomes: decides where it may stand. */
enum placeholder_class {
    PLACEHOLDER_UNKNOWN,
    PLACEHOLDER_REFUSED,  /* has no text form: attachments, moved */
    PLACEHOLDER_BATCH,    /* only where a run takes several events */
    PLACEHOLDER_OURS,     /* perch's own word or number, never empty */
    PLACEHOLDER_NULLABLE, /* the same, but may be empty */
    PLACEHOLDER_JSON,     /* the whole event: begins with a brace, holds server text */
    PLACEHOLDER_SERVER    /* whatever a sender or a server wrote */
};

struct template_piece {
    struct perch_span text; /* literal text, or the placeholder's name */
    enum placeholder_class class;
    bool placeholder;
};

/* The next piece at *p, which moves behind it; false at the end. */
bool template_next(const char **p, struct template_piece *ret_piece);

/* The n-th known name, NULL behind the last; `unused` fits schema_nearest. */
const char *template_name(size_t n, const void *unused);

/* Whether the argument can begin with text that a sender or a server wrote. */
bool template_begins_with_server_text(const char *arg);
/* Whether it holds any. */
bool template_has_server_text(const char *arg);

#endif
