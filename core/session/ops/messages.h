/* What the commands that name messages share: a set that leaves in pieces, flags. */
#ifndef PERCH_SESSION_OPS_MESSAGES_H
#define PERCH_SESSION_OPS_MESSAGES_H

#include "session/session.h"

/* A set's bytes in one command: what servers take at the least. */
#define PERCH_SET_BYTES 8000

/* The messages that a command is about. A large set leaves as several commands. */
struct perch_messages {
    struct perch_set set;
    bool seq;
    bool whole;  /* never in pieces */
    size_t next; /* range of the set that leaves next */
};

/* True if all of it has left. */
static inline bool perch_messages_left(const struct perch_messages *m)
{
    return m->next == m->set.n;
}

/* Writes "UID COPY" or "COPY", a blank and the next piece of the set, and notes the piece
 * in the command. `word` is the name without UID. */
void perch_messages_put(const struct perch_messages *m, struct perch_cmd *cmd, const char *word);

/* That command begins to leave; true if there is more. */
bool perch_messages_begun(struct perch_messages *m, const struct perch_cmd *cmd);

/* Is the row of one of them? By whatever `seq` says. */
bool perch_messages_has(const struct perch_messages *m, const struct perch_fetch *row);

/* Is each number of `part` in `whole`? */
bool perch_set_within(const struct perch_set *part, const struct perch_set *whole);

/* Flags as callers give them: bits, and names for more. */
struct perch_flags_arg {
    uint32_t bits;
    const struct perch_span *names;
    size_t n;
};

/* A copy in the op's arena; what servers alone may set is refused. */
struct perch_flags_arg perch_flags_copy(perch_op *op, struct perch_flags_arg flags);

/* "(\Seen $Todo)" */
void perch_flags_put(struct perch_enc *e, struct perch_flags_arg flags);

/* The server is known to lack it. */
static inline bool perch_sess_lacks(const perch_session *s, enum perch_cap cap)
{
    return s->caps.known && !perch_session_can(s, cap);
}

#endif
