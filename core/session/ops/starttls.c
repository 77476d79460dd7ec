/* STARTTLS (RFC 9051 6.2.1). It is sent whether or not it is advertised: the list came in
 * clear, so that nothing may hang on it. */
#include "session/session.h"

#include "perch/commands.h"

#include "base/err.h"

static int build_starttls(perch_op *op, struct perch_cmd *cmd)
{
    if (op->s->secure)
        return perch_op_fail(op, PERCH_ESTATE, "TLS is already there");
    perch_enc_word(&cmd->enc, "STARTTLS");
    cmd->bound = true;
    return 0;
}

static void settle_starttls(perch_session *s, const struct perch_cmd *cmd,
                            const struct perch_resp *resp)
{
    (void)cmd;
    if (resp->type == PERCH_RESP_OK)
        perch_sess_goto(s, PERCH_STATE_SWITCHING);
}

/* OK is not the end: that is perch_starttls_finish. */
static void starttls_answered(perch_op *op, const struct perch_cmd *cmd,
                              const struct perch_resp *resp)
{
    (void)cmd;
    if (resp->type == PERCH_RESP_OK) {
        op->deadline = PERCH_NEVER; /* the handshake is timed by whoever does it */
        return;
    }
    perch_error_set(&op->error, PERCH_ESTARTTLS, PERCH_HITS_CONNECTION, PERCH_ASK_USER, NULL,
                    "the server refused STARTTLS");
    perch_op_finish(op);
}

static const struct perch_op_type starttls_type = {
    .name = "STARTTLS",
    .size = sizeof(perch_op),
    .states = PERCH_IN(NOT_AUTHENTICATED),
    .flags = PERCH_OP_ALONE,
    .leads_to = PERCH_IN(NOT_AUTHENTICATED),
    .build = build_starttls,
    .settle = settle_starttls,
    .answered = starttls_answered,
};

int perch_starttls_start(perch_session *s, perch_done_fn *done, void *user, perch_op **ret_op)
{
    return perch_op_start(s, perch_op_new(s, &starttls_type, done, user), ret_op);
}

void perch_starttls_finish(perch_session *s)
{
    PERCH_LIST_EACH(&s->ops, perch_op, link, op)
        if (op->type == &starttls_type && !perch_linked(&op->queued)) {
            perch_op_finish(op);
            return;
        }
}
