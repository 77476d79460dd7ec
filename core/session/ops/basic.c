/* CAPABILITY, NOOP, LOGOUT (RFC 9051 6.1). */
#include "session/session.h"

#include "perch/commands.h"

static int build_name(perch_op *op, struct perch_cmd *cmd)
{
    perch_enc_word(&cmd->enc, op->name);
    return 0;
}

/* ---- CAPABILITY: the session itself keeps the answer ---- */

static bool claims_capability(perch_op *op, const struct perch_cmd *cmd,
                              const struct perch_resp *resp)
{
    (void)op;
    (void)cmd;
    return resp->type == PERCH_RESP_CAPABILITY;
}

static const struct perch_op_type capability_type = {
    .name = "CAPABILITY",
    .size = sizeof(perch_op),
    .states = PERCH_IN_OPEN,
    .answers = PERCH_ANSWERS_CAPABILITY,
    .build = build_name,
    .claims = claims_capability,
};

int perch_capability_start(perch_session *s, perch_done_fn *done, void *user, perch_op **ret_op)
{
    return perch_op_start(s, perch_op_new(s, &capability_type, done, user), ret_op);
}

/* ---- NOOP ---- */

static const struct perch_op_type noop_type = {
    .name = "NOOP",
    .size = sizeof(perch_op),
    .states = PERCH_IN_OPEN,
    .build = build_name,
};

int perch_noop_start(perch_session *s, perch_done_fn *done, void *user, perch_op **ret_op)
{
    return perch_op_start(s, perch_op_new(s, &noop_type, done, user), ret_op);
}

/* ---- LOGOUT ---- */

static void settle_logout(perch_session *s, const struct perch_cmd *cmd,
                          const struct perch_resp *resp)
{
    (void)cmd;
    if (resp->type == PERCH_RESP_OK)
        perch_sess_goto(s, PERCH_STATE_LOGOUT);
}

static const struct perch_op_type logout_type = {
    .name = "LOGOUT",
    .size = sizeof(perch_op),
    .states = PERCH_IN_OPEN,
    .flags = PERCH_OP_ALONE,
    .leads_to = PERCH_IN(LOGOUT),
    .build = build_name,
    .settle = settle_logout,
};

int perch_logout_start(perch_session *s, perch_done_fn *done, void *user, perch_op **ret_op)
{
    return perch_op_start(s, perch_op_new(s, &logout_type, done, user), ret_op);
}
