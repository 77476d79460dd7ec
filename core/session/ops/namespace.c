/* NAMESPACE (RFC 2342, RFC 9051 6.3.10). It counts as a LIST, since looking for a special
 * use sends both. */
#include "session/session.h"

#include "perch/mailbox.h"

struct namespace_op {
    perch_op op;
    const struct perch_namespace_resp *answer;
};

static int build_namespace(perch_op *op, struct perch_cmd *cmd)
{
    if (perch_op_need(op, PERCH_CAP_NAMESPACE))
        return op->error.code;
    perch_enc_word(&cmd->enc, "NAMESPACE");
    return 0;
}

static bool claims_namespace(perch_op *op, const struct perch_cmd *cmd,
                             const struct perch_resp *resp)
{
    (void)op;
    (void)cmd;
    return resp->type == PERCH_RESP_NAMESPACE;
}

static void take_namespace(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct perch_resp *kept = perch_op_keep(op);

    (void)cmd;
    (void)resp;
    if (kept)
        ((struct namespace_op *)op)->answer = &kept->u.namespaces;
}

static const struct perch_op_type namespace_type = {
    .name = "NAMESPACE",
    .size = sizeof(struct namespace_op),
    .states = PERCH_IN_AUTH,
    .answers = PERCH_ANSWERS_LIST,
    .build = build_namespace,
    .claims = claims_namespace,
    .take = take_namespace,
};

int perch_namespace_start(perch_session *s, perch_done_fn *done, void *user, perch_op **ret_op)
{
    return perch_op_start(s, perch_op_new(s, &namespace_type, done, user), ret_op);
}

const struct perch_namespace_resp *perch_op_namespaces(const perch_op *op)
{
    return op->type == &namespace_type ? ((const struct namespace_op *)op)->answer : NULL;
}
