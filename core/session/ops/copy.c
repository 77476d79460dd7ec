/* COPY (RFC 9051 6.4.7) and MOVE (RFC 6851), with the UIDs of the copies (RFC 4315). Without
 * MOVE: find which messages there are, COPY those, remove those. What came or went
 * meanwhile is neither copied nor removed. */
#include "session/ops/mailbox.h"
#include "session/ops/remove.h"

#include "perch/change.h"

enum phase {
    PHASE_START = 0,
    PHASE_PLAIN, /* COPY or MOVE and no more */
    PHASE_FIND,
    PHASE_COPY,
    PHASE_REMOVE
};

struct copy_op {
    perch_op op;
    struct perch_mailbox_arg mailbox;
    enum phase phase;
    struct perch_removal removal; /* its messages are those of COPY and MOVE too */
    struct perch_copy_result result;
};

static const struct perch_op_type copy_type, move_type;

/* ---- what leaves ---- */

static enum phase first_phase(const perch_op *op)
{
    bool emulate = op->type == &move_type && perch_sess_lacks(op->s, PERCH_CAP_MOVE);

    return emulate ? PHASE_FIND : PHASE_PLAIN;
}

static int build_copy(perch_op *op, struct perch_cmd *cmd)
{
    const struct copy_op *c = (struct copy_op *)op;
    enum phase phase = c->phase ? c->phase : first_phase(op);
    bool move = op->type == &move_type && phase == PHASE_PLAIN;

    if (phase == PHASE_FIND || phase == PHASE_REMOVE)
        return perch_removal_build(op, &c->removal, cmd);
    if (perch_messages_left(&c->removal.messages))
        return PERCH_OP_NOTHING;
    perch_messages_put(&c->removal.messages, cmd, move ? "MOVE" : "COPY");
    perch_enc_sp(&cmd->enc);
    perch_mailbox_put(&cmd->enc, c->mailbox);
    return 0;
}

static void copy_begun(perch_op *op, struct perch_cmd *cmd)
{
    struct copy_op *c = (struct copy_op *)op;

    if (!c->phase)
        c->phase = first_phase(op);
    c->result.emulated = c->phase != PHASE_PLAIN;
    perch_removal_begun(op, &c->removal, cmd);
}

/* ---- what comes ---- */

/* Sets of unequal size, and messages that were not asked for, say nothing. */
static bool is_our_copyuid(const struct copy_op *c, const struct perch_cmd *cmd,
                           const struct perch_resp *resp)
{
    const struct perch_status_resp *status = &resp->u.status;
    const struct perch_messages *m = &c->removal.messages;

    if (resp->type != PERCH_RESP_OK || status->code != PERCH_CODE_COPYUID || cmd->step)
        return false;
    return status->u.uids.paired && (m->seq || perch_set_within(&status->u.uids.source, &m->set));
}

static bool claims_copy(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct copy_op *c = (struct copy_op *)op;

    if (cmd->step)
        return perch_removal_claims(&c->removal, cmd, resp);
    return is_our_copyuid(c, cmd, resp) ||
           (op->type == &move_type && c->phase == PHASE_PLAIN && perch_tells_removal(resp));
}

static bool follows(const struct perch_set *before, const struct perch_set *next)
{
    return before->n == 0 || before->r[before->n - 1].last < next->r[0].first;
}

/* Each piece of the set brings its own. Some say it twice: untagged and tagged. */
static void note_copyuid(struct copy_op *c, const struct perch_uid_pair_code *uids)
{
    struct perch_copy_result *r = &c->result;
    bool first = r->source.n == 0;

    if (uids->source.n == 0 || perch_set_within(&uids->source, &r->source) ||
        (!first && uids->uidvalidity != r->uidvalidity))
        return;
    r->uidvalidity = uids->uidvalidity;
    r->paired = (first || r->paired) && follows(&r->source, &uids->source) &&
                follows(&r->dest, &uids->dest);
    if (perch_set_add_set(&r->source, &uids->source) || perch_set_add_set(&r->dest, &uids->dest))
        (void)perch_op_fail(&c->op, PERCH_ENOMEM, "out of memory");
}

static void take_copy(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct copy_op *c = (struct copy_op *)op;

    if (cmd->step)
        perch_removal_take(op, &c->removal, resp);
    else if (resp->type == PERCH_RESP_OK)
        note_copyuid(c, &resp->u.status.u.uids);
}

static void next_phase(struct copy_op *c)
{
    switch (c->phase) {
    case PHASE_START:
    case PHASE_PLAIN:
        return;
    case PHASE_FIND:
        perch_removal_next(&c->op, &c->removal);
        c->phase = PHASE_COPY;
        break;
    case PHASE_COPY:
        c->removal.messages.next = 0;
        c->phase = PHASE_REMOVE;
        c->result.left = true; /* until they are gone */
        break;
    case PHASE_REMOVE:
        perch_removal_next(&c->op, &c->removal);
        c->result.left = c->removal.step != PERCH_REMOVAL_DONE || c->removal.left;
        break;
    }
    if (c->removal.messages.set.n && c->removal.step != PERCH_REMOVAL_DONE)
        perch_op_queue_first(&c->op);
}

static void copy_answered(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct copy_op *c = (struct copy_op *)op;

    if (is_our_copyuid(c, cmd, resp))
        note_copyuid(c, &resp->u.status.u.uids);
    perch_op_note_status(op, resp);
    if (perch_op_step_over(op))
        next_phase(c);
    perch_op_finish_if_done(op);
}

static void copy_drop(perch_op *op)
{
    struct copy_op *c = (struct copy_op *)op;

    perch_removal_drop(&c->removal);
    perch_set_done(&c->result.source);
    perch_set_done(&c->result.dest);
}

static const struct perch_op_type copy_type = {
    .name = "COPY",
    .size = sizeof(struct copy_op),
    .states = PERCH_IN(SELECTED),
    .build = build_copy,
    .begun = copy_begun,
    .claims = claims_copy,
    .take = take_copy,
    .answered = copy_answered,
    .drop = copy_drop,
};

static const struct perch_op_type move_type = {
    .name = "MOVE",
    .size = sizeof(struct copy_op),
    .states = PERCH_IN(SELECTED),
    .answers = PERCH_ANSWERS_FETCH, /* when it has to find the messages */
    .build = build_copy,
    .begun = copy_begun,
    .claims = claims_copy,
    .take = take_copy,
    .answered = copy_answered,
    .drop = copy_drop,
};

/* ---- starting ---- */

static int start(perch_session *s, const struct perch_op_type *type, const char *uid_name,
                 const struct perch_copy_args *from, perch_done_fn *done, void *user,
                 perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, type, done, user);
    struct copy_op *c = (struct copy_op *)op;
    struct perch_copy_args args;

    if (op) {
        perch_args_copy(&args, sizeof args, from);
        if (args.seq)
            op->flags |= PERCH_OP_SEQ;
        else
            op->name = uid_name;
        /* Numbers would move between one piece and the next. */
        c->removal.messages =
            (struct perch_messages){perch_op_copy_set(op, args.set), args.seq, args.seq, 0};
        c->removal.step = PERCH_REMOVAL_FIND;
        op->messages = &c->removal.messages.set;
        c->mailbox = (struct perch_mailbox_arg){perch_op_copy(op, args.mailbox), args.raw_name};
        if (!c->mailbox.name.n)
            (void)perch_op_fail(op, PERCH_EINVAL, "no mailbox named");
    }
    return perch_op_start(s, op, ret_op);
}

int perch_copy_start(perch_session *s, const struct perch_copy_args *args, perch_done_fn *done,
                     void *user, perch_op **ret_op)
{
    return start(s, &copy_type, "UID COPY", args, done, user, ret_op);
}

int perch_move_start(perch_session *s, const struct perch_copy_args *args, perch_done_fn *done,
                     void *user, perch_op **ret_op)
{
    return start(s, &move_type, "UID MOVE", args, done, user, ret_op);
}

const struct perch_copy_result *perch_op_copied(const perch_op *op)
{
    if (op->type != &copy_type && op->type != &move_type)
        return NULL;
    return &((const struct copy_op *)op)->result;
}
