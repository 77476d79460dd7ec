/* Getting in: capabilities if they are unknown, the chosen mechanism or LOGIN, and the
 * capabilities again unless the server told them with its OK (those of before do not
 * count any more). One op, up to three commands.
 *
 * The credentials stand in the op's arena, which is wiped, and leave as spans that the
 * encoder marks secret; nothing of them is encoded before its command may leave. */
#include "session/session.h"

#include "perch/commands.h"

#include "sasl/sasl.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/mem.h"

#include <string.h>

enum step { STEP_ASK = 0, STEP_LOGIN, STEP_ASK_AGAIN };

struct auth_op {
    perch_op op;
    struct perch_sasl_creds creds;
    const char **names; /* NULL: all */
    size_t nnames;
    const struct perch_sasl_mech *mech;
    perch_sasl *sasl; /* NULL for the LOGIN command */
    bool asked;
    bool let_in;
};

static bool offers(const void *user, const char *capability)
{
    return perch_session_has(user, capability);
}

/* ---- what leaves ---- */

static int put_secret_base64(struct auth_op *a, struct perch_enc *e, struct perch_buf *message)
{
    struct perch_buf text = {.secret = true};
    bool failed;

    perch_b64_encode(&text, perch_buf_data(message), message->len);
    failed = text.failed;
    perch_enc_secret_begin(e);
    if (!failed && text.len)
        perch_enc_atom(e, perch_buf_span(&text));
    perch_enc_secret_end(e);
    perch_buf_done(&text);
    return failed ? perch_op_fail(&a->op, PERCH_ENOMEM, "out of memory") : 0;
}

/* The next message of the exchange behind what `e` holds; an initial response of nothing
 * is written "=" (RFC 4959). */
static int put_message(struct auth_op *a, struct perch_enc *e, struct perch_span challenge,
                       bool initial)
{
    struct perch_buf message = {.secret = true};
    int rc = perch_sasl_step(a->sasl, challenge, &message, &a->op.error);

    if (rc == 0 && initial)
        perch_enc_sp(e);
    if (rc == 0 && initial && message.len == 0)
        perch_enc_char(e, '=');
    else if (rc == 0)
        rc = put_secret_base64(a, e, &message);
    perch_buf_done(&message);
    return rc;
}

static void put_login(struct auth_op *a, struct perch_enc *e)
{
    perch_enc_word(e, "LOGIN ");
    perch_enc_secret_begin(e);
    perch_enc_string(e, a->creds.user);
    perch_enc_sp(e);
    perch_enc_string(e, a->creds.password);
    perch_enc_secret_end(e);
}

static int build_login(struct auth_op *a, struct perch_cmd *cmd)
{
    const perch_session *s = a->op.s;

    if (!perch_sess_trusted(s))
        return perch_error_set(&a->op.error, PERCH_ESTATE, PERCH_HITS_ACCOUNT, PERCH_ASK_USER,
                               "cleartext", "the password would go over a connection without TLS");
    a->mech = perch_sasl_choose(a->names, a->nnames, &a->creds, offers, s, &a->op.error);
    if (!a->mech)
        return a->op.error.code;
    cmd->step = STEP_LOGIN;
    if (a->mech->is_command) {
        put_login(a, &cmd->enc);
        return 0;
    }
    a->sasl = perch_sasl_new(a->mech, &a->creds, &a->op.error);
    if (!a->sasl)
        return a->op.error.code;
    perch_enc_word(&cmd->enc, "AUTHENTICATE ");
    perch_enc_word(&cmd->enc, a->mech->name);
    if (!a->mech->client_first || !perch_session_can(s, PERCH_CAP_SASL_IR))
        return 0;
    cmd->bound = true;
    return put_message(a, &cmd->enc, PERCH_SPAN(""), true);
}

static int build_auth(perch_op *op, struct perch_cmd *cmd)
{
    struct auth_op *a = (struct auth_op *)op;

    if (!a->let_in && (op->s->caps.known || a->asked))
        return build_login(a, cmd);
    if (a->let_in && op->s->caps.known)
        return PERCH_OP_NOTHING;
    cmd->step = a->let_in ? STEP_ASK_AGAIN : STEP_ASK;
    perch_enc_word(&cmd->enc, "CAPABILITY");
    return 0;
}

static void auth_begun(perch_op *op, struct perch_cmd *cmd)
{
    struct auth_op *a = (struct auth_op *)op;

    if (cmd->step != STEP_LOGIN) {
        a->asked = true;
        return;
    }
    cmd->open = a->sasl != NULL;
    cmd->bound |= a->mech->is_command;
    op->s->caps_told = false;
    perch_sess_goto(op->s, PERCH_STATE_AUTHENTICATING);
}

static bool claims_capability(perch_op *op, const struct perch_cmd *cmd,
                              const struct perch_resp *resp)
{
    (void)op;
    return resp->type == PERCH_RESP_CAPABILITY && cmd->step != STEP_LOGIN;
}

/* ---- the exchange ---- */

/* "*" ends an exchange politely; the tagged answer still comes. */
static void abort_exchange(struct perch_cmd *cmd)
{
    perch_enc_char(&cmd->enc, '*');
    cmd->open = false;
}

static void answer_challenge(struct auth_op *a, struct perch_cmd *cmd, struct perch_span text)
{
    struct perch_buf challenge = {.secret = true};
    int rc;

    if (!perch_b64_decode(&challenge, text.p ? text.p : "", text.n))
        rc = perch_error_set(&a->op.error, PERCH_EPROTO, PERCH_HITS_CONNECTION, PERCH_TRY_LATER,
                             "sasl", "%s: the server's challenge is no base64", a->mech->name);
    else
        rc = put_message(a, &cmd->enc, perch_buf_span(&challenge), false);
    perch_buf_done(&challenge);
    cmd->bound = true;
    if (rc)
        abort_exchange(cmd);
}

static void auth_go_on(perch_session *s, perch_op *op, struct perch_cmd *cmd,
                       const struct perch_resp *resp)
{
    struct perch_error why = {0};

    if (op)
        answer_challenge((struct auth_op *)op, cmd, perch_span_trim(resp->u.status.text));
    else
        abort_exchange(cmd);
    if (perch_enc_end(&cmd->enc, &why))
        (void)perch_sess_die(s, &why);
}

/* ---- the answer ---- */

static void settle_auth(perch_session *s, const struct perch_cmd *cmd,
                        const struct perch_resp *resp)
{
    const struct auth_op *a = (const struct auth_op *)cmd->op;

    if (cmd->step != STEP_LOGIN)
        return;
    if (resp->type != PERCH_RESP_OK) {
        perch_sess_goto(s, PERCH_STATE_NOT_AUTHENTICATED);
        return;
    }
    /* Nothing was proved to a server that lets in before the exchange is over: whoever
     * says so is not the server, or not to be trusted. */
    if (!a || a->op.error.code || (a->sasl && !perch_sasl_done(a->sasl))) {
        (void)perch_sess_die_text(s, PERCH_EPROTO, "sasl",
                                  "the server said OK before the authentication was complete");
        return;
    }
    if (!s->caps_told)
        perch_caps_forget(&s->caps);
    perch_sess_goto(s, PERCH_STATE_AUTHENTICATED);
}

/* RFC 5530: these do not say that the password is wrong. */
static bool is_passing(enum perch_code code)
{
    return code == PERCH_CODE_UNAVAILABLE || code == PERCH_CODE_INUSE || code == PERCH_CODE_LIMIT ||
           code == PERCH_CODE_SERVERBUG;
}

static void note_refusal(perch_op *op, const struct perch_resp *resp)
{
    enum perch_code code = resp->u.status.code;
    bool passing = is_passing(code);

    perch_error_set(&op->error, PERCH_EAUTH, passing ? PERCH_HITS_CONNECTION : PERCH_HITS_ACCOUNT,
                    passing ? PERCH_TRY_LATER : PERCH_ASK_USER,
                    passing ? "auth-unavailable" : "auth-failed",
                    "the server refused the login%s%s", *op->text ? ": " : "", op->text);
    op->error.resp_code = (int)code;
}

static void login_answered(struct auth_op *a, const struct perch_resp *resp)
{
    perch_op *op = &a->op;

    if (op->error.code) { /* we had to abort the exchange */
        (void)perch_sess_die(op->s, &op->error);
        return;
    }
    perch_op_note_status(op, resp);
    if (resp->type != PERCH_RESP_OK) {
        note_refusal(op, resp);
        perch_op_finish(op);
        return;
    }
    a->let_in = true;
    if (op->s->caps.known)
        perch_op_finish(op);
    else
        perch_op_queue_first(op);
}

static void auth_answered(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct auth_op *a = (struct auth_op *)op;

    if (cmd->step == STEP_LOGIN) {
        login_answered(a, resp);
        return;
    }
    if (cmd->step == STEP_ASK_AGAIN) { /* we are in, whatever it says */
        perch_op_finish(op);
        return;
    }
    perch_op_note_status(op, resp);
    if (!op->error.code && !op->s->caps.known)
        (void)perch_op_fail(op, PERCH_EPROTO, "the server does not tell its capabilities");
    if (op->error.code)
        perch_op_finish(op);
    else
        perch_op_queue_first(op);
}

static void auth_drop(perch_op *op)
{
    perch_sasl_free(((struct auth_op *)op)->sasl);
}

static const struct perch_op_type auth_type = {
    .name = "AUTHENTICATE",
    .size = sizeof(struct auth_op),
    .states = PERCH_IN(NOT_AUTHENTICATED) | PERCH_IN(AUTHENTICATED),
    .flags = PERCH_OP_ALONE | PERCH_OP_LATE,
    .answers = PERCH_ANSWERS_CAPABILITY,
    .leads_to = PERCH_IN(AUTHENTICATED),
    .build = build_auth,
    .begun = auth_begun,
    .claims = claims_capability,
    .go_on = auth_go_on,
    .settle = settle_auth,
    .answered = auth_answered,
    .drop = auth_drop,
};

/* ---- starting ---- */

static struct perch_span copy_secret(perch_op *op, struct perch_span s)
{
    if (s.p && memchr(s.p, '\0', s.n))
        (void)perch_op_fail(op, PERCH_EINVAL, "a NUL in the user name or password");
    return perch_op_copy(op, s);
}

static void copy_args(struct auth_op *a, const struct perch_auth_args *args)
{
    struct perch_auth_args known;
    perch_op *op = &a->op;

    perch_args_copy(&known, sizeof known, args);
    if (!known.user.p || !known.password.p)
        (void)perch_op_fail(op, PERCH_EINVAL, "a user and a password are needed");
    a->creds.user = copy_secret(op, known.user);
    a->creds.password = copy_secret(op, known.password);
    a->creds.authzid = copy_secret(op, known.authzid);
    if (!known.mechanisms)
        return;
    a->names = perch_arena_array(&op->arena, known.nmechanisms, sizeof *a->names);
    if (!a->names)
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
    for (; a->names && a->nnames < known.nmechanisms; a->nnames++)
        a->names[a->nnames] = perch_op_copy(op, perch_span_of(known.mechanisms[a->nnames])).p;
}

int perch_authenticate_start(perch_session *s, const struct perch_auth_args *args,
                             perch_done_fn *done, void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &auth_type, done, user);

    if (op) {
        op->arena.secret = true;
        if (perch_sess_projected(s) != PERCH_STATE_NOT_AUTHENTICATED)
            (void)perch_op_fail(op, PERCH_ESTATE, "the session is already past that");
        copy_args((struct auth_op *)op, args);
    }
    return perch_op_start(s, op, ret_op);
}
