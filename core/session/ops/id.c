/* ID (RFC 2971). */
#include "session/session.h"

#include "perch/commands.h"

struct id_op {
    perch_op op;
    struct perch_param *params;
    size_t n;
    const struct perch_id_resp *answer;
};

static int build_id(perch_op *op, struct perch_cmd *cmd)
{
    const struct id_op *i = (struct id_op *)op;

    if (op->s->caps.known && !perch_session_can(op->s, PERCH_CAP_ID))
        return perch_op_fail(op, PERCH_ECAPABILITY, "the server does not offer ID");
    perch_enc_word(&cmd->enc, "ID ");
    if (!i->n) /* some refuse "()" */
        perch_enc_nstring(&cmd->enc, (struct perch_span){0});
    for (size_t p = 0; p < i->n; p++) {
        perch_enc_char(&cmd->enc, p ? ' ' : '(');
        perch_enc_string(&cmd->enc, i->params[p].name);
        perch_enc_sp(&cmd->enc);
        perch_enc_nstring(&cmd->enc, i->params[p].value);
    }
    if (i->n)
        perch_enc_char(&cmd->enc, ')');
    return 0;
}

static bool claims_id(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    (void)op;
    (void)cmd;
    return resp->type == PERCH_RESP_ID;
}

static void take_id(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct perch_resp *kept = perch_op_keep(op);

    (void)cmd;
    (void)resp;
    if (kept)
        ((struct id_op *)op)->answer = &kept->u.id;
}

static const struct perch_op_type id_type = {
    .name = "ID",
    .size = sizeof(struct id_op),
    .states = PERCH_IN_OPEN,
    .answers = PERCH_ANSWERS_ID,
    .build = build_id,
    .claims = claims_id,
    .take = take_id,
};

int perch_id_start(perch_session *s, const struct perch_param *params, size_t nparams,
                   perch_done_fn *done, void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &id_type, done, user);
    struct id_op *i = (struct id_op *)op;

    if (op) {
        i->params = perch_arena_array(&op->arena, nparams, sizeof *i->params);
        if (!i->params)
            (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
        for (i->n = 0; i->params && i->n < nparams; i->n++) {
            i->params[i->n].name = perch_op_copy(op, params[i->n].name);
            i->params[i->n].value = perch_op_copy(op, params[i->n].value);
        }
    }
    return perch_op_start(s, op, ret_op);
}

const struct perch_id_resp *perch_op_id(const perch_op *op)
{
    return op->type == &id_type ? ((const struct id_op *)op)->answer : NULL;
}
