/* GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208). One is in flight at a time: a QUOTA does not
 * tell for which mailbox it was asked. */
#include "session/ops/mailbox.h"

#include "perch/admin.h"

#include "base/mem.h"

struct limit {
    struct perch_span name;
    uint64_t limit;
};

struct quota_op {
    perch_op op;
    struct perch_span root;           /* GETQUOTA, SETQUOTA */
    struct perch_mailbox_arg mailbox; /* GETQUOTAROOT */
    struct limit *limits;             /* SETQUOTA */
    size_t nlimits;
    struct perch_rows quotas;
    const struct perch_quotaroot_resp *quotaroot;
};

/* ---- what leaves ---- */

static int build_root(perch_op *op, struct perch_cmd *cmd)
{
    if (perch_op_need(op, PERCH_CAP_QUOTA))
        return op->error.code;
    perch_enc_word(&cmd->enc, op->name);
    perch_enc_sp(&cmd->enc);
    perch_enc_astring(&cmd->enc, ((struct quota_op *)op)->root);
    return 0;
}

static int build_mailbox(perch_op *op, struct perch_cmd *cmd)
{
    if (perch_op_need(op, PERCH_CAP_QUOTA))
        return op->error.code;
    perch_enc_word(&cmd->enc, op->name);
    perch_enc_sp(&cmd->enc);
    perch_mailbox_put(&cmd->enc, ((struct quota_op *)op)->mailbox);
    return 0;
}

/* RFC 9208 has a capability for setting; servers of RFC 2087 do not know it. */
static bool may_not_set(const perch_session *s)
{
    const char *const *names;
    size_t n = perch_session_capabilities(s, &names);

    if (perch_session_has(s, "QUOTASET"))
        return false;
    for (size_t i = 0; i < n; i++)
        if (perch_span_istarts(perch_span_of(names[i]), "QUOTA=RES-"))
            return true;
    return false;
}

static int build_setquota(perch_op *op, struct perch_cmd *cmd)
{
    const struct quota_op *q = (struct quota_op *)op;

    if (build_root(op, cmd))
        return op->error.code;
    if (may_not_set(op->s))
        return perch_op_fail(op, PERCH_ECAPABILITY, "the server does not offer QUOTASET");
    perch_enc_word(&cmd->enc, " (");
    for (size_t i = 0; i < q->nlimits; i++) {
        if (i > 0)
            perch_enc_sp(&cmd->enc);
        perch_enc_atom(&cmd->enc, q->limits[i].name);
        perch_enc_sp(&cmd->enc);
        perch_enc_num(&cmd->enc, q->limits[i].limit);
    }
    perch_enc_char(&cmd->enc, ')');
    return 0;
}

/* ---- what comes ---- */

static bool claims_quota(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    (void)cmd;
    return resp->type == PERCH_RESP_QUOTA &&
           perch_span_eq(((struct quota_op *)op)->root, resp->u.quota.root);
}

static bool claims_quotaroot(perch_op *op, const struct perch_cmd *cmd,
                             const struct perch_resp *resp)
{
    (void)cmd;
    if (resp->type == PERCH_RESP_QUOTAROOT)
        return perch_mailbox_is(((struct quota_op *)op)->mailbox, &resp->u.quotaroot.mailbox);
    return resp->type == PERCH_RESP_QUOTA;
}

static void take_quota(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct quota_op *q = (struct quota_op *)op;
    const struct perch_resp *kept = perch_op_keep(op);

    (void)cmd;
    (void)resp;
    if (kept && kept->type == PERCH_RESP_QUOTAROOT)
        q->quotaroot = &kept->u.quotaroot;
    else if (kept)
        perch_op_add_row(op, &q->quotas, &kept->u.quota);
}

static void quota_drop(perch_op *op)
{
    perch_free(((struct quota_op *)op)->quotas.v);
}

/* ---- the three ---- */

static const struct perch_op_type getquota_type = {
    .name = "GETQUOTA",
    .size = sizeof(struct quota_op),
    .states = PERCH_IN_AUTH,
    .answers = PERCH_ANSWERS_QUOTA,
    .build = build_root,
    .claims = claims_quota,
    .take = take_quota,
    .drop = quota_drop,
};

int perch_getquota_start(perch_session *s, struct perch_span root, perch_done_fn *done, void *user,
                         perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &getquota_type, done, user);

    if (op)
        ((struct quota_op *)op)->root = perch_op_copy(op, root);
    return perch_op_start(s, op, ret_op);
}

static const struct perch_op_type getquotaroot_type = {
    .name = "GETQUOTAROOT",
    .size = sizeof(struct quota_op),
    .states = PERCH_IN_AUTH,
    .answers = PERCH_ANSWERS_QUOTA,
    .build = build_mailbox,
    .claims = claims_quotaroot,
    .take = take_quota,
    .drop = quota_drop,
};

int perch_getquotaroot_start(perch_session *s, struct perch_span mailbox, bool raw_name,
                             perch_done_fn *done, void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &getquotaroot_type, done, user);

    if (op)
        ((struct quota_op *)op)->mailbox = perch_mailbox_copy(op, mailbox, raw_name);
    return perch_op_start(s, op, ret_op);
}

static const struct perch_op_type setquota_type = {
    .name = "SETQUOTA",
    .size = sizeof(struct quota_op),
    .states = PERCH_IN_AUTH,
    .answers = PERCH_ANSWERS_QUOTA,
    .build = build_setquota,
    .claims = claims_quota,
    .take = take_quota,
    .drop = quota_drop,
};

int perch_setquota_start(perch_session *s, struct perch_span root,
                         const struct perch_quota_limit *limits, size_t n, perch_done_fn *done,
                         void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &setquota_type, done, user);
    struct quota_op *q = (struct quota_op *)op;

    if (op) {
        q->root = perch_op_copy(op, root);
        q->limits = perch_arena_array(&op->arena, n, sizeof *q->limits);
        if (!q->limits)
            (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
        for (; q->limits && q->nlimits < n; q->nlimits++)
            q->limits[q->nlimits] =
                (struct limit){perch_op_copy(op, perch_span_of(limits[q->nlimits].name)),
                               limits[q->nlimits].limit};
    }
    return perch_op_start(s, op, ret_op);
}

/* ---- the answers ---- */

static const struct quota_op *as_quota(const perch_op *op)
{
    bool is =
        op->type == &getquota_type || op->type == &getquotaroot_type || op->type == &setquota_type;

    return is ? (const struct quota_op *)op : NULL;
}

size_t perch_op_quotas(const perch_op *op, const struct perch_quota_resp *const **ret_rows)
{
    const struct quota_op *q = as_quota(op);

    *ret_rows = q ? (const struct perch_quota_resp *const *)(const void *)q->quotas.v : NULL;
    return q ? q->quotas.n : 0;
}

const struct perch_quotaroot_resp *perch_op_quotaroot(const perch_op *op)
{
    const struct quota_op *q = as_quota(op);

    return q ? q->quotaroot : NULL;
}
