/* GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS (RFC 4314). Several may be in flight: the
 * mailbox's name tells whose answer it is. */
#include "session/ops/mailbox.h"

#include "perch/admin.h"

struct acl_op {
    perch_op op;
    struct perch_mailbox_arg mailbox;
    struct perch_span identifier;
    struct perch_span rights; /* with its sign */
    const struct perch_resp *answer;
};

/* ---- what leaves ---- */

static int build_mailbox(perch_op *op, struct perch_cmd *cmd)
{
    if (perch_op_need(op, PERCH_CAP_ACL))
        return op->error.code;
    perch_enc_word(&cmd->enc, op->name);
    perch_enc_sp(&cmd->enc);
    perch_mailbox_put(&cmd->enc, ((struct acl_op *)op)->mailbox);
    return 0;
}

static int build_identifier(perch_op *op, struct perch_cmd *cmd)
{
    if (build_mailbox(op, cmd))
        return op->error.code;
    perch_enc_sp(&cmd->enc);
    perch_enc_astring(&cmd->enc, ((struct acl_op *)op)->identifier);
    return 0;
}

static int build_setacl(perch_op *op, struct perch_cmd *cmd)
{
    if (build_identifier(op, cmd))
        return op->error.code;
    perch_enc_sp(&cmd->enc);
    perch_enc_astring(&cmd->enc, ((struct acl_op *)op)->rights);
    return 0;
}

/* ---- what comes ---- */

static bool claims_acl(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    (void)cmd;
    return resp->type == PERCH_RESP_ACL &&
           perch_mailbox_is(((struct acl_op *)op)->mailbox, &resp->u.acl.mailbox);
}

static bool claims_listrights(perch_op *op, const struct perch_cmd *cmd,
                              const struct perch_resp *resp)
{
    (void)cmd;
    return resp->type == PERCH_RESP_LISTRIGHTS &&
           perch_mailbox_is(((struct acl_op *)op)->mailbox, &resp->u.rights.mailbox);
}

static bool claims_myrights(perch_op *op, const struct perch_cmd *cmd,
                            const struct perch_resp *resp)
{
    (void)cmd;
    return resp->type == PERCH_RESP_MYRIGHTS &&
           perch_mailbox_is(((struct acl_op *)op)->mailbox, &resp->u.rights.mailbox);
}

static void take_answer(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct perch_resp *kept = perch_op_keep(op);

    (void)cmd;
    (void)resp;
    if (kept)
        ((struct acl_op *)op)->answer = kept;
}

/* ---- the five ---- */

static const struct perch_op_type getacl_type = {
    .name = "GETACL",
    .size = sizeof(struct acl_op),
    .states = PERCH_IN_AUTH,
    .build = build_mailbox,
    .claims = claims_acl,
    .take = take_answer,
};

static const struct perch_op_type setacl_type = {
    .name = "SETACL",
    .size = sizeof(struct acl_op),
    .states = PERCH_IN_AUTH,
    .build = build_setacl,
};

static const struct perch_op_type deleteacl_type = {
    .name = "DELETEACL",
    .size = sizeof(struct acl_op),
    .states = PERCH_IN_AUTH,
    .build = build_identifier,
};

static const struct perch_op_type listrights_type = {
    .name = "LISTRIGHTS",
    .size = sizeof(struct acl_op),
    .states = PERCH_IN_AUTH,
    .build = build_identifier,
    .claims = claims_listrights,
    .take = take_answer,
};

static const struct perch_op_type myrights_type = {
    .name = "MYRIGHTS",
    .size = sizeof(struct acl_op),
    .states = PERCH_IN_AUTH,
    .build = build_mailbox,
    .claims = claims_myrights,
    .take = take_answer,
};

/* ---- starting ---- */

static struct perch_span signed_rights(perch_op *op, const struct perch_acl_args *args)
{
    static const char *const signs[] = {
        [PERCH_ACL_SET] = "", [PERCH_ACL_ADD] = "+", [PERCH_ACL_REMOVE] = "-"};
    const char *text =
        perch_arena_printf(&op->arena, "%s%.*s", signs[args->mode], (int)args->rights.n,
                           args->rights.p ? args->rights.p : "");

    if (!text)
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
    return perch_span_of(text);
}

/* RFC 4314 section 3: lower-case letters, and digits of the servers' own. */
static bool are_rights(struct perch_span rights)
{
    for (size_t i = 0; i < rights.n; i++)
        if (!((rights.p[i] >= 'a' && rights.p[i] <= 'z') ||
              (rights.p[i] >= '0' && rights.p[i] <= '9')))
            return false;
    return rights.n <= 36;
}

static void check_rights(perch_op *op, const struct perch_acl_args *args)
{
    if ((unsigned)args->mode > PERCH_ACL_REMOVE)
        (void)perch_op_fail(op, PERCH_EINVAL, "rights are set, added or removed");
    if (!are_rights(args->rights))
        (void)perch_op_fail(op, PERCH_EINVAL, "rights are lower-case letters, once each");
    if (!args->rights.n && args->mode != PERCH_ACL_SET)
        (void)perch_op_fail(op, PERCH_EINVAL, "no right named");
}

static int start(perch_session *s, const struct perch_op_type *type,
                 const struct perch_acl_args *args, perch_done_fn *done, void *user,
                 perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, type, done, user);
    struct acl_op *a = (struct acl_op *)op;
    struct perch_acl_args args_now;

    if (op) {
        perch_args_copy(&args_now, sizeof args_now, args);
        a->mailbox = perch_mailbox_copy(op, args_now.mailbox, args_now.raw_name);
        a->identifier = perch_op_copy(op, args_now.identifier);
        if (!a->identifier.n && type->build != build_mailbox)
            (void)perch_op_fail(op, PERCH_EINVAL, "nobody named whose rights it is about");
        if (type == &setacl_type)
            check_rights(op, &args_now);
        if (type == &setacl_type && !op->error.code)
            a->rights = signed_rights(op, &args_now);
    }
    return perch_op_start(s, op, ret_op);
}

int perch_getacl_start(perch_session *s, const struct perch_acl_args *args, perch_done_fn *done,
                       void *user, perch_op **ret_op)
{
    return start(s, &getacl_type, args, done, user, ret_op);
}

int perch_setacl_start(perch_session *s, const struct perch_acl_args *args, perch_done_fn *done,
                       void *user, perch_op **ret_op)
{
    return start(s, &setacl_type, args, done, user, ret_op);
}

int perch_deleteacl_start(perch_session *s, const struct perch_acl_args *args, perch_done_fn *done,
                          void *user, perch_op **ret_op)
{
    return start(s, &deleteacl_type, args, done, user, ret_op);
}

int perch_listrights_start(perch_session *s, const struct perch_acl_args *args, perch_done_fn *done,
                           void *user, perch_op **ret_op)
{
    return start(s, &listrights_type, args, done, user, ret_op);
}

int perch_myrights_start(perch_session *s, const struct perch_acl_args *args, perch_done_fn *done,
                         void *user, perch_op **ret_op)
{
    return start(s, &myrights_type, args, done, user, ret_op);
}

/* ---- the answers ---- */

const struct perch_acl_resp *perch_op_acl(const perch_op *op)
{
    const struct acl_op *a = (const struct acl_op *)op;

    return op->type == &getacl_type && a->answer ? &a->answer->u.acl : NULL;
}

const struct perch_rights_resp *perch_op_rights(const perch_op *op)
{
    const struct acl_op *a = (const struct acl_op *)op;

    if (op->type != &listrights_type && op->type != &myrights_type)
        return NULL;
    return a->answer ? &a->answer->u.rights : NULL;
}
