/* APPEND (RFC 9051 6.3.12) with MULTIAPPEND (RFC 3502), CATENATE (RFC 4469), BINARY
 * (RFC 3516) and UTF8=ACCEPT (RFC 6855). */
#include "session/ops/remove.h"
#include "session/ops/upload.h"

struct append_op {
    perch_op op;
    struct perch_upload upload;
    size_t next; /* message that leaves next */
};

static int build_append(perch_op *op, struct perch_cmd *cmd)
{
    const struct append_op *a = (struct append_op *)op;
    const struct perch_upload *u = &a->upload;

    if (a->next == u->n)
        return PERCH_OP_NOTHING;
    if (perch_upload_check(op, u))
        return op->error.code;
    cmd->from = a->next;
    cmd->upto = perch_session_can(op->s, PERCH_CAP_MULTIAPPEND) ? u->n : a->next + 1;
    perch_enc_word(&cmd->enc, "APPEND");
    perch_upload_put(op->s, &cmd->enc, u, cmd->from, cmd->upto);
    return 0;
}

static void append_begun(perch_op *op, struct perch_cmd *cmd)
{
    struct append_op *a = (struct append_op *)op;

    a->next = cmd->upto;
    a->upload.result.emulated = cmd->upto - cmd->from < a->upload.n;
}

static size_t append_pull(perch_op *op, uint8_t *to, size_t max)
{
    return perch_upload_pull(op, &((struct append_op *)op)->upload, to, max);
}

static void append_answered(perch_op *op, const struct perch_cmd *cmd,
                            const struct perch_resp *resp)
{
    struct append_op *a = (struct append_op *)op;
    size_t n = cmd->upto - cmd->from;

    if (resp->type == PERCH_RESP_OK)
        a->upload.result.appended += n;
    if (perch_upload_told(resp, n))
        perch_upload_take(op, &a->upload, resp);
    perch_op_note_status(op, resp);
    if (perch_op_step_over(op) && a->next < a->upload.n)
        perch_op_queue_first(op);
    perch_op_finish_if_done(op);
}

static void append_drop(perch_op *op)
{
    perch_upload_drop(&((struct append_op *)op)->upload);
}

static const struct perch_op_type append_type = {
    .name = "APPEND",
    .size = sizeof(struct append_op),
    .states = PERCH_IN_AUTH,
    .build = build_append,
    .begun = append_begun,
    .pull = append_pull,
    .answered = append_answered,
    .drop = append_drop,
};

int perch_append_start(perch_session *s, const struct perch_append_args *from, perch_done_fn *done,
                       void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &append_type, done, user);
    struct append_op *a = (struct append_op *)op;
    struct perch_append_args args;

    if (op) {
        perch_args_copy(&args, sizeof args, from);
        a->upload.mailbox =
            (struct perch_mailbox_arg){perch_op_copy(op, args.mailbox), args.raw_name};
        a->upload.on_progress = args.on_progress;
        perch_upload_copy(op, &a->upload, args.messages, args.nmessages);
    }
    return perch_op_start(s, op, ret_op);
}

const struct perch_upload *perch_append_upload(const perch_op *op)
{
    return op->type == &append_type ? &((const struct append_op *)op)->upload : NULL;
}
