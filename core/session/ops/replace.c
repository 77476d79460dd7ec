/* REPLACE (RFC 8508). Without it: find the old message, APPEND the new one, remove the old. */
#include "session/ops/remove.h"
#include "session/ops/upload.h"

enum phase {
    PHASE_START = 0,
    PHASE_PLAIN, /* REPLACE and no more */
    PHASE_FIND,
    PHASE_APPEND,
    PHASE_REMOVE
};

struct replace_op {
    perch_op op;
    uint32_t number;
    enum phase phase;
    struct perch_range range; /* of that number */
    struct perch_upload upload;
    struct perch_removal removal;
};

/* ---- what leaves ---- */

static enum phase first_phase(const perch_op *op)
{
    return perch_sess_lacks(op->s, PERCH_CAP_REPLACE) ? PHASE_FIND : PHASE_PLAIN;
}

static int build_replace(perch_op *op, struct perch_cmd *cmd)
{
    const struct replace_op *r = (struct replace_op *)op;
    enum phase phase = r->phase ? r->phase : first_phase(op);

    if (phase == PHASE_REMOVE)
        return perch_removal_build(op, &r->removal, cmd);
    if (perch_upload_check(op, &r->upload)) /* before anything is sent */
        return op->error.code;
    if (phase == PHASE_FIND)
        return perch_removal_build(op, &r->removal, cmd);
    if (phase == PHASE_PLAIN)
        perch_messages_put(&r->removal.messages, cmd, "REPLACE");
    else
        perch_enc_word(&cmd->enc, "APPEND");
    perch_upload_put(op->s, &cmd->enc, &r->upload, 0, 1);
    return 0;
}

static void replace_begun(perch_op *op, struct perch_cmd *cmd)
{
    struct replace_op *r = (struct replace_op *)op;

    if (!r->phase)
        r->phase = first_phase(op);
    r->upload.result.emulated = r->phase != PHASE_PLAIN;
    perch_removal_begun(op, &r->removal, cmd);
}

static size_t replace_pull(perch_op *op, uint8_t *to, size_t max)
{
    return perch_upload_pull(op, &((struct replace_op *)op)->upload, to, max);
}

/* ---- what comes ---- */

/* RFC 8508 3.3: the UID of the new message may come before the answer. */
static bool claims_replace(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct replace_op *r = (struct replace_op *)op;

    if (cmd->step)
        return perch_removal_claims(&r->removal, cmd, resp);
    return perch_upload_told(resp, 1) || (r->phase == PHASE_PLAIN && perch_tells_removal(resp));
}

static void take_replace(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct replace_op *r = (struct replace_op *)op;

    if (cmd->step)
        perch_removal_take(op, &r->removal, resp);
    else if (resp->type == PERCH_RESP_OK)
        perch_upload_take(op, &r->upload, resp);
}

static void next_phase(struct replace_op *r)
{
    switch (r->phase) {
    case PHASE_START:
    case PHASE_PLAIN:
        return;
    case PHASE_FIND:
        perch_removal_next(&r->op, &r->removal);
        r->phase = PHASE_APPEND;
        if (!r->removal.messages.set.n)
            (void)perch_op_fail(&r->op, PERCH_ENO, "message %lu is not there",
                                (unsigned long)r->number);
        break;
    case PHASE_APPEND:
        r->phase = PHASE_REMOVE;
        r->upload.result.left = true; /* until it is gone */
        break;
    case PHASE_REMOVE:
        perch_removal_next(&r->op, &r->removal);
        r->upload.result.left = r->removal.step != PERCH_REMOVAL_DONE || r->removal.left;
        break;
    }
    if (!r->op.error.code && r->removal.step != PERCH_REMOVAL_DONE)
        perch_op_queue_first(&r->op);
}

static void replace_answered(perch_op *op, const struct perch_cmd *cmd,
                             const struct perch_resp *resp)
{
    struct replace_op *r = (struct replace_op *)op;

    if (!cmd->step && resp->type == PERCH_RESP_OK)
        r->upload.result.appended = 1;
    if (!cmd->step && perch_upload_told(resp, 1))
        perch_upload_take(op, &r->upload, resp);
    perch_op_note_status(op, resp);
    if (perch_op_step_over(op))
        next_phase(r);
    perch_op_finish_if_done(op);
}

static void replace_drop(perch_op *op)
{
    struct replace_op *r = (struct replace_op *)op;

    perch_upload_drop(&r->upload);
    perch_removal_drop(&r->removal);
}

static const struct perch_op_type replace_type = {
    .name = "REPLACE",
    .size = sizeof(struct replace_op),
    .states = PERCH_IN(SELECTED),
    .answers = PERCH_ANSWERS_FETCH, /* when it has to find the message */
    .build = build_replace,
    .begun = replace_begun,
    .claims = claims_replace,
    .take = take_replace,
    .pull = replace_pull,
    .answered = replace_answered,
    .drop = replace_drop,
};

int perch_replace_start(perch_session *s, const struct perch_replace_args *from,
                        perch_done_fn *done, void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &replace_type, done, user);
    struct replace_op *r = (struct replace_op *)op;
    struct perch_replace_args args;

    if (op) {
        perch_args_copy(&args, sizeof args, from);
        if (args.seq)
            op->flags |= PERCH_OP_SEQ;
        else
            op->name = "UID REPLACE";
        r->number = args.number;
        r->range = (struct perch_range){args.number, args.number};
        r->removal.messages = (struct perch_messages){{.r = &r->range, .n = 1}, args.seq, false, 0};
        r->removal.step = PERCH_REMOVAL_FIND;
        op->messages = &r->removal.messages.set;
        if (!args.number || !args.message)
            (void)perch_op_fail(op, PERCH_EINVAL, "no message, or none to replace");
        r->upload.mailbox =
            (struct perch_mailbox_arg){perch_op_copy(op, args.mailbox), args.raw_name};
        r->upload.on_progress = args.on_progress;
        perch_upload_copy(op, &r->upload, args.message, args.message ? 1 : 0);
    }
    return perch_op_start(s, op, ret_op);
}

const struct perch_upload *perch_replace_upload(const perch_op *op)
{
    return op->type == &replace_type ? &((const struct replace_op *)op)->upload : NULL;
}
