/* What the commands that name a mailbox share. */
#ifndef PERCH_SESSION_OPS_MAILBOX_H
#define PERCH_SESSION_OPS_MAILBOX_H

#include "session/session.h"

/* The attributes that say what a mailbox is for (RFC 6154, and what was registered since). */
#define PERCH_SPECIAL_USES                                                                         \
    (PERCH_ATTR_ALL | PERCH_ATTR_ARCHIVE | PERCH_ATTR_DRAFTS | PERCH_ATTR_FLAGGED |                \
     PERCH_ATTR_JUNK | PERCH_ATTR_SENT | PERCH_ATTR_TRASH | PERCH_ATTR_IMPORTANT |                 \
     PERCH_ATTR_MEMOS | PERCH_ATTR_SCHEDULED | PERCH_ATTR_SNOOZED)

/* A name as the caller gave it. */
struct perch_mailbox_arg {
    struct perch_span name;
    bool raw; /* the bytes a server gave; else UTF-8 */
};

/* A copy in the op's arena; no name at all is refused. */
struct perch_mailbox_arg perch_mailbox_copy(perch_op *op, struct perch_span name, bool raw);

void perch_mailbox_put(struct perch_enc *e, struct perch_mailbox_arg arg);

/* Is it the mailbox of a response? INBOX in any case is one. */
bool perch_mailbox_is(struct perch_mailbox_arg arg, const struct perch_name *name);

/* Both forms, in the arena; the failure is noted in the op. */
int perch_mailbox_resolve(perch_op *op, struct perch_mailbox_arg arg, struct perch_name *ret_name);

/* Those of STATUS's items that the server can tell; "(MESSAGES UIDNEXT)". */
uint32_t perch_status_items(const perch_session *s, uint32_t items);
void perch_status_put_items(struct perch_enc *e, uint32_t items);

/* "STATUS mailbox (items)". */
void perch_status_put(struct perch_enc *e, struct perch_mailbox_arg arg, uint32_t items);

/* The row of a STATUS op, NULL if it is none or has none. */
const struct perch_mailbox_status *const *perch_status_row(const perch_op *op);

#endif
