/* LANGUAGE (RFC 5255 section 3). The texts behind it are in another language, and so may
 * be the names of namespaces: nothing is in flight beside it. */
#include "session/session.h"

#include "perch/admin.h"

struct language_op {
    perch_op op;
    struct perch_span *ranges;
    size_t n;
    const struct perch_names *answer;
};

static int build_language(perch_op *op, struct perch_cmd *cmd)
{
    const struct language_op *l = (struct language_op *)op;

    if (perch_op_need(op, PERCH_CAP_LANGUAGE))
        return op->error.code;
    perch_enc_word(&cmd->enc, "LANGUAGE");
    for (size_t i = 0; i < l->n; i++) {
        perch_enc_sp(&cmd->enc);
        perch_enc_astring(&cmd->enc, l->ranges[i]);
    }
    return 0;
}

static bool claims_language(perch_op *op, const struct perch_cmd *cmd,
                            const struct perch_resp *resp)
{
    (void)op;
    (void)cmd;
    return resp->type == PERCH_RESP_LANGUAGE;
}

static void take_language(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct perch_resp *kept = perch_op_keep(op);

    (void)cmd;
    (void)resp;
    if (kept)
        ((struct language_op *)op)->answer = &kept->u.names;
}

static const struct perch_op_type language_type = {
    .name = "LANGUAGE",
    .size = sizeof(struct language_op),
    .states = PERCH_IN_AUTH,
    .flags = PERCH_OP_ALONE,
    .build = build_language,
    .claims = claims_language,
    .take = take_language,
};

int perch_language_start(perch_session *s, const char *const *languages, size_t n,
                         perch_done_fn *done, void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &language_type, done, user);
    struct language_op *l = (struct language_op *)op;

    if (op) {
        l->ranges = perch_arena_array(&op->arena, n, sizeof *l->ranges);
        if (!l->ranges)
            (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
        for (; l->ranges && l->n < n; l->n++)
            l->ranges[l->n] = perch_op_copy(op, perch_span_of(languages[l->n]));
    }
    return perch_op_start(s, op, ret_op);
}

const struct perch_names *perch_op_languages(const perch_op *op)
{
    return op->type == &language_type ? ((const struct language_op *)op)->answer : NULL;
}
