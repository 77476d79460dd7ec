/* STATUS (RFC 9051 6.3.11). */
#include "session/ops/mailbox.h"

#include "perch/commands.h"

#include "base/mem.h"

struct status_op {
    perch_op op;
    struct perch_mailbox_arg mailbox;
    uint32_t items;
    const struct perch_mailbox_status *row; /* the last one told */
};

static int build_status(perch_op *op, struct perch_cmd *cmd)
{
    const struct status_op *st = (struct status_op *)op;
    uint32_t items = perch_status_items(op->s, st->items);

    if (!items)
        return perch_op_fail(op, PERCH_ECAPABILITY, "the server has none of these counters");
    perch_status_put(&cmd->enc, st->mailbox, items);
    return 0;
}

static bool claims_status(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    (void)cmd;
    return resp->type == PERCH_RESP_STATUS &&
           perch_mailbox_is(((struct status_op *)op)->mailbox, &resp->u.mailbox_status.mailbox);
}

static void take_status(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct perch_resp *kept = perch_op_keep(op);

    (void)cmd;
    (void)resp;
    if (kept)
        ((struct status_op *)op)->row = &kept->u.mailbox_status;
}

static const struct perch_op_type status_type = {
    .name = "STATUS",
    .size = sizeof(struct status_op),
    .states = PERCH_IN_AUTH,
    .answers = PERCH_ANSWERS_STATUS,
    .build = build_status,
    .claims = claims_status,
    .take = take_status,
};

int perch_status_start(perch_session *s, struct perch_span mailbox, bool raw_name, uint32_t items,
                       perch_done_fn *done, void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &status_type, done, user);
    struct status_op *st = (struct status_op *)op;

    if (op) {
        st->mailbox = (struct perch_mailbox_arg){perch_op_copy(op, mailbox), raw_name};
        st->items = items;
        if (!items)
            (void)perch_op_fail(op, PERCH_EINVAL, "no counter asked for");
    }
    return perch_op_start(s, op, ret_op);
}

const struct perch_mailbox_status *const *perch_status_row(const perch_op *op)
{
    const struct status_op *st = (const struct status_op *)op;

    return op->type == &status_type && st->row ? &st->row : NULL;
}
