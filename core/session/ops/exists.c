/* Whether a mailbox exists: LIST of its very name. */
#include "session/ops/mailbox.h"

#include "perch/mailbox.h"

struct exists_op {
    perch_op op;
    struct perch_mailbox_arg mailbox;
    bool exists;
};

static int build_exists(perch_op *op, struct perch_cmd *cmd)
{
    perch_enc_word(&cmd->enc, "LIST \"\" ");
    perch_mailbox_put(&cmd->enc, ((struct exists_op *)op)->mailbox);
    return 0;
}

static bool claims_list(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    (void)op;
    (void)cmd;
    return resp->type == PERCH_RESP_LIST;
}

/* A name with % or * in it is a pattern, and brings others too. */
static void take_list(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct exists_op *x = (struct exists_op *)op;
    const struct perch_list_resp *row = &resp->u.list;

    (void)cmd;
    if (perch_mailbox_is(x->mailbox, &row->mailbox) && !(row->attrs.bits & PERCH_ATTR_NONEXISTENT))
        x->exists = true;
}

static const struct perch_op_type exists_type = {
    .name = "LIST",
    .size = sizeof(struct exists_op),
    .states = PERCH_IN_AUTH,
    .answers = PERCH_ANSWERS_LIST,
    .build = build_exists,
    .claims = claims_list,
    .take = take_list,
};

int perch_exists_start(perch_session *s, struct perch_span mailbox, bool raw_name,
                       perch_done_fn *done, void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &exists_type, done, user);

    if (op)
        ((struct exists_op *)op)->mailbox = perch_mailbox_copy(op, mailbox, raw_name);
    return perch_op_start(s, op, ret_op);
}

bool perch_op_exists(const perch_op *op)
{
    return op->type == &exists_type && ((const struct exists_op *)op)->exists;
}
