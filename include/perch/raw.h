/* Any command, for what this library has no function for. */
#ifndef PERCH_RAW_H
#define PERCH_RAW_H

#include "perch/session.h"
#include "perch/set.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What an argument is, and what of struct perch_raw_arg it reads. X(name, what) */
#define PERCH_RAW_KINDS(X)                                                                         \
    X(ATOM, "text that must be an atom")                                                           \
    X(FLAG, "text that must be an atom, a backslash before it or not")                             \
    X(STRING, "text: quoted, or a literal where it must be one; p == NULL: NIL")                   \
    X(SECRET, "the same, shown as <secret> in a trace")                                            \
    X(LITERAL, "text as a literal, whatever is in it")                                             \
    X(LITERAL8, "text as a binary literal, whatever is in it; needs BINARY")                       \
    X(MAILBOX, "text: a mailbox's name in UTF-8")                                                  \
    X(MAILBOX_RAW, "text: a mailbox's name as a server gave it")                                   \
    X(NUMBER, "number")                                                                            \
    X(SET, "set: numbers of messages")                                                             \
    X(OPEN, "nothing: an opening parenthesis")                                                     \
    X(CLOSE, "nothing: a closing one")                                                             \
    X(TEXT, "text as it stands; no CR, LF or NUL")

enum perch_raw_kind {
    PERCH_RAW_NONE = 0,
#define PERCH_RAW_ENUM(name, what) PERCH_RAW_##name,
    PERCH_RAW_KINDS(PERCH_RAW_ENUM)
#undef PERCH_RAW_ENUM
};

/* Arguments are written with a blank between them, but none inside parentheses. The layout
 * is fixed: they stand in an array of the caller. */
struct perch_raw_arg {
    enum perch_raw_kind kind;
    struct perch_span text;
    uint64_t number;
    const struct perch_set *set;
};

/* Sends `command`, an atom, with its arguments, and nothing beside it: what comes until it is
 * answered is collected, whatever it is, and told as events too. Nothing but PERCH_ENO and
 * PERCH_EBAD is made of the answer.
 *
 * PERCH_EINVAL: an argument that is not what it says, CR, LF or NUL outside of literals,
 * parentheses that do not match; and commands after which the session would be another than
 * perch thinks: LOGIN, SELECT, IDLE, ENABLE, COMPRESS and the like, which have functions of
 * their own. */
PERCH_API int perch_raw_start(perch_session *s, const char *command,
                              const struct perch_raw_arg *args, size_t n, perch_done_fn *done,
                              void *user, perch_op **ret_op);

/* The untagged responses in the order they came, as far as perch understands them; `raw` has
 * all their bytes. */
PERCH_API size_t perch_op_raw(const perch_op *op, const struct perch_resp *const **ret_rows);

#ifdef __cplusplus
}
#endif

#endif
