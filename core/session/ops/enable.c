/* ENABLE (RFC 5161). */
#include "session/session.h"

#include "perch/commands.h"

#include "base/mem.h"

struct enable_op {
    perch_op op;
    struct perch_span *names;
    size_t n;
    bool told; /* an ENABLED came */
};

/* The bits of capabilities that perch knows, with what they bring (RFC 7162 3.2.3). */
static uint64_t bits_of(const struct perch_span *names, size_t n)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < n; i++) {
        enum perch_cap cap = perch_cap_by_name(names[i]);

        if (cap < PERCH_CAP_COUNT)
            bits |= perch_cap_bit(cap);
    }
    if (bits & perch_cap_bit(PERCH_CAP_QRESYNC))
        bits |= perch_cap_bit(PERCH_CAP_CONDSTORE);
    return bits;
}

static int build_enable(perch_op *op, struct perch_cmd *cmd)
{
    const struct enable_op *e = (struct enable_op *)op;

    if (op->s->caps.known && !perch_session_can(op->s, PERCH_CAP_ENABLE))
        return perch_op_fail(op, PERCH_ECAPABILITY, "the server does not offer ENABLE");
    perch_enc_word(&cmd->enc, "ENABLE");
    for (size_t i = 0; i < e->n; i++) {
        perch_enc_sp(&cmd->enc);
        perch_enc_atom(&cmd->enc, e->names[i]);
    }
    return 0;
}

static bool claims_enabled(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    (void)op;
    (void)cmd;
    return resp->type == PERCH_RESP_ENABLED;
}

static void take_enabled(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    (void)cmd;
    (void)resp;
    ((struct enable_op *)op)->told = true;
}

void perch_sess_enabled_by(perch_session *s, const struct perch_names *names)
{
    s->enabled |= bits_of(names->v, names->n);
}

static void settle_enable(perch_session *s, const struct perch_cmd *cmd,
                          const struct perch_resp *resp)
{
    const struct enable_op *e = (const struct enable_op *)cmd->op;

    /* iCloud answers OK without saying what: then it is what it offers and was asked. */
    if (e && !e->told && resp->type == PERCH_RESP_OK)
        s->enabled |= bits_of(e->names, e->n) & s->caps.bits;
}

static const struct perch_op_type enable_type = {
    .name = "ENABLE",
    .size = sizeof(struct enable_op),
    .states = PERCH_IN(AUTHENTICATED),
    .flags = PERCH_OP_ALONE,
    .answers = PERCH_ANSWERS_ENABLED,
    .build = build_enable,
    .claims = claims_enabled,
    .take = take_enabled,
    .settle = settle_enable,
};

int perch_enable_start(perch_session *s, const char *const *capabilities, size_t n,
                       perch_done_fn *done, void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &enable_type, done, user);
    struct enable_op *e = (struct enable_op *)op;

    if (op) {
        if (!n)
            (void)perch_op_fail(op, PERCH_EINVAL, "no capability named");
        e->names = perch_arena_array(&op->arena, n, sizeof *e->names);
        if (!e->names)
            (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
        for (e->n = 0; e->names && e->n < n; e->n++)
            e->names[e->n] = perch_op_copy(op, perch_span_of(capabilities[e->n]));
    }
    return perch_op_start(s, op, ret_op);
}
