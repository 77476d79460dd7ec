/* STORE, UID STORE (RFC 9051 6.4.6, RFC 7162 3.1.3, X-GM-EXT-1). */
#include "session/ops/messages.h"

#include "perch/change.h"

#include "base/mem.h"

struct store_op {
    perch_op op;
    struct perch_store_args args;
    struct perch_messages messages;
    struct perch_flags_arg what; /* or labels */
    struct perch_rows rows;
    struct perch_store_result result;
};

/* ---- what leaves ---- */

static const char *const signs[] = {
    [PERCH_STORE_ADD] = "+", [PERCH_STORE_REMOVE] = "-", [PERCH_STORE_SET] = ""};

/* Labels are mailbox names: modified UTF-7, and quoted, for they hold blanks and more. */
static void put_labels(struct perch_enc *e, struct perch_flags_arg labels)
{
    perch_enc_char(e, '(');
    for (size_t i = 0; i < labels.n; i++) {
        if (i > 0)
            perch_enc_sp(e);
        perch_enc_pattern(e, labels.names[i]);
    }
    perch_enc_char(e, ')');
}

static int check_caps(perch_op *op, const struct perch_store_args *args)
{
    if (args->labels && perch_sess_lacks(op->s, PERCH_CAP_X_GM_EXT_1))
        return perch_op_fail(op, PERCH_ECAPABILITY, "the server has no X-GM-EXT-1");
    if (args->conditional && perch_sess_lacks(op->s, PERCH_CAP_CONDSTORE))
        return perch_op_fail(op, PERCH_ECAPABILITY, "the server has no CONDSTORE");
    return 0;
}

static int build_store(perch_op *op, struct perch_cmd *cmd)
{
    const struct store_op *st = (struct store_op *)op;
    struct perch_enc *e = &cmd->enc;

    if (perch_messages_left(&st->messages))
        return PERCH_OP_NOTHING;
    if (check_caps(op, &st->args))
        return op->error.code;
    perch_messages_put(&st->messages, cmd, "STORE");
    if (st->args.conditional) {
        perch_enc_word(e, " (UNCHANGEDSINCE ");
        perch_enc_num(e, st->args.unchangedsince);
        perch_enc_char(e, ')');
    }
    perch_enc_sp(e);
    perch_enc_word(e, signs[st->args.mode]);
    perch_enc_word(e, st->args.labels ? "X-GM-LABELS" : "FLAGS");
    perch_enc_word(e, st->args.silent ? ".SILENT " : " ");
    if (st->args.labels)
        put_labels(e, st->what);
    else
        perch_flags_put(e, st->what);
    return 0;
}

static void store_begun(perch_op *op, struct perch_cmd *cmd)
{
    op->more = perch_messages_begun(&((struct store_op *)op)->messages, cmd);
}

/* ---- what comes ---- */

static bool claims_row(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct store_op *st = (struct store_op *)op;
    uint32_t told = st->args.labels ? PERCH_ITEM_GM_LABELS : PERCH_ITEM_FLAGS;
    uint32_t wanted = PERCH_ITEM_MODSEQ | (st->args.silent ? 0 : told);

    (void)cmd;
    return (resp->type == PERCH_RESP_FETCH || resp->type == PERCH_RESP_UIDFETCH) &&
           (resp->u.fetch.have & wanted) && perch_messages_has(&st->messages, &resp->u.fetch);
}

static void take_row(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct store_op *st = (struct store_op *)op;
    const struct perch_resp *kept;

    (void)cmd;
    if (st->args.on_fetch) {
        st->args.on_fetch(op, &resp->u.fetch, op->user);
        return;
    }
    kept = perch_op_keep(op);
    if (kept)
        perch_op_add_row(op, &st->rows, &kept->u.fetch);
    st->result.rows = (const struct perch_fetch *const *)(const void *)st->rows.v;
    st->result.nrows = st->rows.n;
}

/* RFC 7162 3.1.3: with OK and with NO. A number that was not asked for says nothing. */
static void note_modified(struct store_op *st, const struct perch_set *modified)
{
    struct perch_set ours = PERCH_SET_INIT;

    if (perch_set_copy(&ours, modified) || perch_set_intersect(&ours, &st->messages.set) ||
        perch_set_add_set(&st->result.modified, &ours))
        (void)perch_op_fail(&st->op, PERCH_ENOMEM, "out of memory");
    perch_set_done(&ours);
}

static void store_answered(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct store_op *st = (struct store_op *)op;

    if (st->args.conditional && resp->u.status.code == PERCH_CODE_MODIFIED)
        note_modified(st, &resp->u.status.u.set);
    perch_op_answered(op, cmd, resp);
}

static void store_drop(perch_op *op)
{
    struct store_op *st = (struct store_op *)op;

    perch_free(st->rows.v);
    perch_set_done(&st->result.modified);
}

static const struct perch_op_type store_type = {
    .name = "UID STORE",
    .size = sizeof(struct store_op),
    .states = PERCH_IN(SELECTED),
    .answers = PERCH_ANSWERS_FETCH,
    .build = build_store,
    .begun = store_begun,
    .claims = claims_row,
    .take = take_row,
    .answered = store_answered,
    .drop = store_drop,
};

/* ---- starting ---- */

static void check_store(perch_op *op, const struct perch_store_args *args)
{
    if (args->mode < PERCH_STORE_ADD || args->mode > PERCH_STORE_SET)
        (void)perch_op_fail(op, PERCH_EINVAL, "no mode: add, remove or set");
    if (args->mode != PERCH_STORE_SET && !args->flags && !args->nnames)
        (void)perch_op_fail(op, PERCH_EINVAL, "nothing to add or to remove");
    if (args->labels && args->flags)
        (void)perch_op_fail(op, PERCH_EINVAL, "flags and labels in one command");
    if (args->conditional && args->unchangedsince > INT64_MAX)
        (void)perch_op_fail(op, PERCH_EINVAL, "a modseq is at most 2^63 - 1");
}

int perch_store_start(perch_session *s, const struct perch_store_args *args, perch_done_fn *done,
                      void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &store_type, done, user);
    struct store_op *st = (struct store_op *)op;

    if (op) {
        perch_args_copy(&st->args, sizeof st->args, args);
        if (st->args.seq) {
            op->name = "STORE";
            op->flags |= PERCH_OP_SEQ | PERCH_OP_STILL;
        }
        st->messages =
            (struct perch_messages){perch_op_copy_set(op, st->args.set), st->args.seq, false, 0};
        op->messages = &st->messages.set;
        st->what = perch_flags_copy(
            op, (struct perch_flags_arg){st->args.flags, st->args.names, st->args.nnames});
        check_store(op, &st->args);
    }
    return perch_op_start(s, op, ret_op);
}

const struct perch_store_result *perch_op_store(const perch_op *op)
{
    return op->type == &store_type ? &((const struct store_op *)op)->result : NULL;
}
