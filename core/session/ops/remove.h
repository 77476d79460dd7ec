/* Removing given messages and no others, step by step: what MOVE, REPLACE and UID EXPUNGE
 * fall back to where the server lacks them.
 *
 *   FIND     FETCH set (UID)             which of them are there; from then on it is UIDs.
 *                                        Refused at once where the mailbox is read-only
 *   MARK     UID STORE set +FLAGS.SILENT (\Deleted)
 *   EXPUNGE  UID EXPUNGE set, or without UIDPLUS:
 *     LOOK   UID SEARCH DELETED          and EXPUNGE only if it would take no others
 *
 * A step may be several commands; the next one begins when all of them were answered OK. The
 * commands' `step` is never 0: that is the owner's own. */
#ifndef PERCH_SESSION_OPS_REMOVE_H
#define PERCH_SESSION_OPS_REMOVE_H

#include "session/ops/messages.h"

enum perch_removal_step {
    PERCH_REMOVAL_FIND = 1,
    PERCH_REMOVAL_MARK,
    PERCH_REMOVAL_LOOK, /* only as a command's step */
    PERCH_REMOVAL_EXPUNGE,
    PERCH_REMOVAL_DONE
};

struct perch_removal {
    enum perch_removal_step step;
    struct perch_messages messages; /* those asked for, and behind FIND those that are there */
    struct perch_set found;         /* FIND */
    struct perch_set marked;        /* LOOK: all of the mailbox that are marked \Deleted */
    bool looked, told;              /* LOOK was answered; and its answer had a SEARCH in it */
    bool left;                      /* nothing was expunged, because others are marked too */
    uint64_t count;                 /* messages that went meanwhile */
};

/* The like-named parts of the owner's struct perch_op_type. */
int perch_removal_build(perch_op *op, const struct perch_removal *r, struct perch_cmd *cmd);
void perch_removal_begun(perch_op *op, struct perch_removal *r, struct perch_cmd *cmd);
bool perch_removal_claims(const struct perch_removal *r, const struct perch_cmd *cmd,
                          const struct perch_resp *resp);
void perch_removal_take(perch_op *op, struct perch_removal *r, const struct perch_resp *resp);
void perch_removal_drop(struct perch_removal *r);

/* All commands of the step were answered OK: which comes next. */
void perch_removal_next(perch_op *op, struct perch_removal *r);

/* Does `resp` say that messages have gone? */
static inline bool perch_tells_removal(const struct perch_resp *resp)
{
    return resp->type == PERCH_RESP_EXPUNGE ||
           (resp->type == PERCH_RESP_VANISHED && !resp->u.vanished.earlier);
}

/* Nothing failed, nothing is to be answered or sent: the step that was under way is over. */
static inline bool perch_op_step_over(const perch_op *op)
{
    return !op->error.code && op->unanswered == 0 && !perch_linked(&op->queued);
}

#endif
