/* EXPUNGE (RFC 9051 6.4.3) and UID EXPUNGE (RFC 4315 2.1). */
#include "session/ops/remove.h"

#include "perch/change.h"

struct expunge_op {
    perch_op op;
    bool all; /* that are marked, not given ones */
    struct perch_removal removal;
    struct perch_expunge_result result;
};

static int build_expunge(perch_op *op, struct perch_cmd *cmd)
{
    const struct expunge_op *x = (struct expunge_op *)op;

    if (!x->all)
        return perch_removal_build(op, &x->removal, cmd);
    cmd->step = PERCH_REMOVAL_EXPUNGE;
    perch_enc_word(&cmd->enc, "EXPUNGE");
    return 0;
}

static void expunge_begun(perch_op *op, struct perch_cmd *cmd)
{
    struct expunge_op *x = (struct expunge_op *)op;

    perch_removal_begun(op, &x->removal, cmd);
    if (cmd->step == PERCH_REMOVAL_LOOK)
        x->result.emulated = true;
}

static bool claims_expunge(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    return perch_removal_claims(&((struct expunge_op *)op)->removal, cmd, resp);
}

static void take_expunge(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct expunge_op *x = (struct expunge_op *)op;

    (void)cmd;
    perch_removal_take(op, &x->removal, resp);
    x->result.count = x->removal.count;
}

static void expunge_answered(perch_op *op, const struct perch_cmd *cmd,
                             const struct perch_resp *resp)
{
    struct expunge_op *x = (struct expunge_op *)op;

    (void)cmd;
    perch_op_note_status(op, resp);
    if (!x->all && perch_op_step_over(op)) {
        perch_removal_next(op, &x->removal);
        x->result.left = x->removal.left;
        if (x->removal.step != PERCH_REMOVAL_DONE)
            perch_op_queue_first(op);
    }
    perch_op_finish_if_done(op);
}

static void expunge_drop(perch_op *op)
{
    perch_removal_drop(&((struct expunge_op *)op)->removal);
}

static const struct perch_op_type expunge_type = {
    .name = "EXPUNGE",
    .size = sizeof(struct expunge_op),
    .states = PERCH_IN(SELECTED),
    .build = build_expunge,
    .begun = expunge_begun,
    .claims = claims_expunge,
    .take = take_expunge,
    .answered = expunge_answered,
    .drop = expunge_drop,
};

int perch_expunge_start(perch_session *s, const struct perch_set *uids, perch_done_fn *done,
                        void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &expunge_type, done, user);
    struct expunge_op *x = (struct expunge_op *)op;

    if (op) {
        x->all = !uids;
        x->removal.step = PERCH_REMOVAL_EXPUNGE;
        x->removal.messages.set = perch_op_copy_set(op, uids);
        if (uids) {
            op->name = "UID EXPUNGE";
            op->flags |= PERCH_OP_ALONE; /* it may have to look first: see remove.c */
        }
    }
    return perch_op_start(s, op, ret_op);
}

const struct perch_expunge_result *perch_op_expunged(const perch_op *op)
{
    return op->type == &expunge_type ? &((const struct expunge_op *)op)->result : NULL;
}
