/* FETCH, UID FETCH (RFC 9051 6.4.5, RFC 7162 3.1.4). A large set leaves as several
 * commands, which may be in flight together. */
#include "session/ops/messages.h"

#include "perch/commands.h"

#include "base/mem.h"

/* Items that say nothing about what was asked: rows of changes have them too. */
#define IDENTITY PERCH_ITEM_UID

struct fetch_op {
    perch_op op;
    struct perch_fetch_args args; /* its pointers lead into the fields below */
    struct perch_set set;
    struct perch_span *sections;
    struct perch_sink sink;
    size_t next; /* range of the set that leaves next */
    struct perch_rows rows;
};

static const struct {
    uint32_t bit;
    const char *word;
    enum perch_cap need; /* PERCH_CAP_COUNT: none */
} items[] = {
    {PERCH_ITEM_UID, "UID", PERCH_CAP_COUNT},
    {PERCH_ITEM_FLAGS, "FLAGS", PERCH_CAP_COUNT},
    {PERCH_ITEM_MODSEQ, "MODSEQ", PERCH_CAP_CONDSTORE},
    {PERCH_ITEM_INTERNALDATE, "INTERNALDATE", PERCH_CAP_COUNT},
    {PERCH_ITEM_SIZE, "RFC822.SIZE", PERCH_CAP_COUNT},
    {PERCH_ITEM_ENVELOPE, "ENVELOPE", PERCH_CAP_COUNT},
    {PERCH_ITEM_BODY, "BODY", PERCH_CAP_COUNT},
    {PERCH_ITEM_BODYSTRUCTURE, "BODYSTRUCTURE", PERCH_CAP_COUNT},
    {PERCH_ITEM_EMAILID, "EMAILID", PERCH_CAP_OBJECTID},
    {PERCH_ITEM_THREADID, "THREADID", PERCH_CAP_OBJECTID},
    {PERCH_ITEM_SAVEDATE, "SAVEDATE", PERCH_CAP_SAVEDATE},
    {PERCH_ITEM_PREVIEW, "PREVIEW", PERCH_CAP_PREVIEW},
    {PERCH_ITEM_GM_MSGID, "X-GM-MSGID", PERCH_CAP_X_GM_EXT_1},
    {PERCH_ITEM_GM_THRID, "X-GM-THRID", PERCH_CAP_X_GM_EXT_1},
    {PERCH_ITEM_GM_LABELS, "X-GM-LABELS", PERCH_CAP_X_GM_EXT_1},
};

/* ---- what leaves ---- */

static int check_items(perch_op *op, uint32_t asked)
{
    for (size_t i = 0; i < PERCH_COUNT(items); i++)
        if ((asked & items[i].bit) && items[i].need < PERCH_CAP_COUNT && op->s->caps.known &&
            !perch_session_can(op->s, items[i].need))
            return perch_op_fail(op, PERCH_ECAPABILITY, "the server has no %s", items[i].word);
    return 0;
}

/* Always in parentheses: some honour only the first of several bare items. */
static void put_items(struct perch_enc *e, const struct fetch_op *f)
{
    bool first = true;

    perch_enc_char(e, '(');
    for (size_t i = 0; i < PERCH_COUNT(items); i++) {
        if (!(f->args.items & items[i].bit))
            continue;
        if (!first)
            perch_enc_sp(e);
        perch_enc_word(e, items[i].word);
        first = false;
    }
    for (size_t i = 0; i < f->args.nsections; i++) {
        if (!first)
            perch_enc_sp(e);
        perch_enc_raw(e, f->sections[i]);
        first = false;
    }
    perch_enc_char(e, ')');
}

static void put_changedsince(struct perch_enc *e, const struct perch_fetch_args *args)
{
    if (!args->changedsince)
        return;
    perch_enc_word(e, " (CHANGEDSINCE ");
    perch_enc_num(e, args->changedsince);
    perch_enc_word(e, args->vanished ? " VANISHED)" : ")");
}

static int build_fetch(perch_op *op, struct perch_cmd *cmd)
{
    const struct fetch_op *f = (struct fetch_op *)op;
    struct perch_set piece;

    if (f->next == f->set.n)
        return PERCH_OP_NOTHING;
    if (check_items(op, f->args.items))
        return op->error.code;
    if (f->args.vanished && !perch_session_enabled(op->s, PERCH_CAP_QRESYNC))
        return perch_op_fail(op, PERCH_ESTATE, "VANISHED needs QRESYNC, which was not enabled");
    cmd->from = f->next;
    cmd->upto = f->next + perch_enc_set_fit(&f->set, f->next, PERCH_SET_BYTES);
    piece = (struct perch_set){.r = f->set.r + cmd->from, .n = cmd->upto - cmd->from};
    perch_enc_word(&cmd->enc, op->name);
    perch_enc_sp(&cmd->enc);
    perch_enc_set(&cmd->enc, &piece);
    perch_enc_sp(&cmd->enc);
    put_items(&cmd->enc, f);
    put_changedsince(&cmd->enc, &f->args);
    return 0;
}

static void fetch_begun(perch_op *op, struct perch_cmd *cmd)
{
    struct fetch_op *f = (struct fetch_op *)op;

    f->next = cmd->upto;
    op->more = f->next < f->set.n;
}

/* ---- what comes ---- */

static bool claims_fetch(const struct fetch_op *f, const struct perch_fetch *row)
{
    uint32_t number = f->args.seq ? row->seq : row->uid;
    uint32_t asked = f->args.items & ~(uint32_t)IDENTITY;
    bool has = (row->have & asked) || (f->args.nsections && (row->nsections || row->nbinary_sizes));

    if (!has && (asked || f->args.nsections))
        return false; /* news of that message, but not what was asked for */
    return number && perch_set_has(&f->set, number);
}

static bool claims_row(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct fetch_op *f = (struct fetch_op *)op;

    (void)cmd;
    if (resp->type == PERCH_RESP_VANISHED)
        return f->args.vanished && resp->u.vanished.earlier;
    return (resp->type == PERCH_RESP_FETCH || resp->type == PERCH_RESP_UIDFETCH) &&
           claims_fetch(f, &resp->u.fetch);
}

static bool claims_body(const perch_op *op, const struct perch_fetch *row)
{
    const struct fetch_op *f = (const struct fetch_op *)op;
    uint32_t number = f->args.seq ? row->seq : row->uid;

    return f->args.nsections && (!number || perch_set_has(&f->set, number));
}

static void take_row(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct fetch_op *f = (struct fetch_op *)op;
    const struct perch_resp *kept;

    (void)cmd;
    if (resp->type == PERCH_RESP_VANISHED) {
        if (f->args.on_vanished)
            f->args.on_vanished(op, &resp->u.vanished, op->user);
        return;
    }
    if (f->args.on_fetch) {
        f->args.on_fetch(op, &resp->u.fetch, op->user);
        return;
    }
    kept = perch_op_keep(op);
    if (kept)
        perch_op_add_row(op, &f->rows, &kept->u.fetch);
}

static void fetch_drop(perch_op *op)
{
    perch_free(((struct fetch_op *)op)->rows.v);
}

static const struct perch_op_type fetch_type = {
    .name = "UID FETCH",
    .size = sizeof(struct fetch_op),
    .states = PERCH_IN(SELECTED),
    .answers = PERCH_ANSWERS_FETCH,
    .build = build_fetch,
    .begun = fetch_begun,
    .claims = claims_row,
    .claims_body = claims_body,
    .take = take_row,
    .drop = fetch_drop,
};

/* ---- starting ---- */

static void check_fetch(perch_op *op, const struct fetch_op *f)
{
    const struct perch_fetch_args *args = &f->args;

    if (!(args->items & ~(uint32_t)(PERCH_ITEM_SECTIONS | PERCH_ITEM_BINARY_SIZES)) &&
        !args->nsections)
        (void)perch_op_fail(op, PERCH_EINVAL, "no item asked for");
    if (args->vanished && (args->seq || !args->changedsince))
        (void)perch_op_fail(op, PERCH_EINVAL, "VANISHED goes with UIDs and CHANGEDSINCE only");
}

static void copy_sections(struct fetch_op *f)
{
    const char *const *sections = f->args.sections;

    f->sections = perch_arena_array(&f->op.arena, f->args.nsections, sizeof *f->sections);
    if (!f->sections)
        (void)perch_op_fail(&f->op, PERCH_ENOMEM, "out of memory");
    for (size_t i = 0; f->sections && i < f->args.nsections; i++)
        f->sections[i] = perch_op_copy(&f->op, perch_span_of(sections[i]));
}

static void set_sink(struct fetch_op *f)
{
    f->sink = (struct perch_sink){
        .begin = f->args.on_body_begin, .data = f->args.on_body_data, .end = f->args.on_body_end};
    if (f->sink.begin || f->sink.data || f->sink.end)
        f->op.sink = &f->sink;
}

int perch_fetch_start(perch_session *s, const struct perch_fetch_args *args, perch_done_fn *done,
                      void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &fetch_type, done, user);
    struct fetch_op *f = (struct fetch_op *)op;

    if (op) {
        perch_args_copy(&f->args, sizeof f->args, args);
        if (f->args.seq) {
            op->name = "FETCH";
            op->flags |= PERCH_OP_SEQ | PERCH_OP_STILL;
        }
        f->set = perch_op_copy_set(op, f->args.set);
        op->messages = &f->set;
        copy_sections(f);
        set_sink(f);
        check_fetch(op, f);
    }
    return perch_op_start(s, op, ret_op);
}

size_t perch_op_fetches(const perch_op *op, const struct perch_fetch *const **ret_rows)
{
    const struct fetch_op *f = (const struct fetch_op *)op;

    *ret_rows = NULL;
    if (op->type != &fetch_type)
        return 0;
    *ret_rows = (const struct perch_fetch *const *)(const void *)f->rows.v;
    return f->rows.n;
}
