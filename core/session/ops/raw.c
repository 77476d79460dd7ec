/* Any command. Nobody knows what it brings, so that nothing is in flight beside it and all
 * that comes is its answer. */
#include "session/session.h"

#include "perch/raw.h"

#include "base/mem.h"

struct raw_op {
    perch_op op;
    struct perch_raw_arg *args;
    size_t n;
    struct perch_rows rows;
};

/* After these the session is in another state, speaks otherwise or speaks in turns: only
 * their own ops keep up with that. */
static const char *const refused[] = {
    "AUTHENTICATE", "CLOSE",  "COMPRESS", "ENABLE",   "EXAMINE",        "IDLE",
    "LOGIN",        "LOGOUT", "SELECT",   "STARTTLS", "UNAUTHENTICATE", "UNSELECT",
};

/* ---- what leaves ---- */

static void put_string(struct perch_enc *e, const struct perch_raw_arg *arg)
{
    if (arg->kind == PERCH_RAW_SECRET)
        perch_enc_secret_begin(e);
    perch_enc_nstring(e, arg->text);
    if (arg->kind == PERCH_RAW_SECRET)
        perch_enc_secret_end(e);
}

static void put_arg(struct perch_enc *e, const struct perch_raw_arg *arg)
{
    switch (arg->kind) {
    case PERCH_RAW_NONE:
        break;
    case PERCH_RAW_ATOM:
        perch_enc_atom(e, arg->text);
        break;
    case PERCH_RAW_FLAG:
        perch_enc_flag(e, arg->text);
        break;
    case PERCH_RAW_STRING:
    case PERCH_RAW_SECRET:
        put_string(e, arg);
        break;
    case PERCH_RAW_LITERAL:
        perch_enc_literal(e, arg->text);
        break;
    case PERCH_RAW_LITERAL8:
        perch_enc_literal8(e, arg->text);
        break;
    case PERCH_RAW_MAILBOX:
        perch_enc_mailbox(e, arg->text);
        break;
    case PERCH_RAW_MAILBOX_RAW:
        perch_enc_mailbox_raw(e, arg->text);
        break;
    case PERCH_RAW_NUMBER:
        perch_enc_num(e, arg->number);
        break;
    case PERCH_RAW_SET:
        perch_enc_set(e, arg->set);
        break;
    case PERCH_RAW_OPEN:
        perch_enc_char(e, '(');
        break;
    case PERCH_RAW_CLOSE:
        perch_enc_char(e, ')');
        break;
    case PERCH_RAW_TEXT:
        perch_enc_raw(e, arg->text);
        break;
    }
}

static int build_raw(perch_op *op, struct perch_cmd *cmd)
{
    const struct raw_op *r = (struct raw_op *)op;
    bool blank = true;

    perch_enc_atom(&cmd->enc, perch_span_of(op->name));
    for (size_t i = 0; i < r->n; i++) {
        if (blank && r->args[i].kind != PERCH_RAW_CLOSE)
            perch_enc_sp(&cmd->enc);
        put_arg(&cmd->enc, &r->args[i]);
        blank = r->args[i].kind != PERCH_RAW_OPEN;
    }
    return 0;
}

/* ---- what comes ---- */

static bool claims_all(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    (void)op;
    (void)cmd;
    (void)resp;
    return true;
}

static void take_raw(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct perch_resp *kept = perch_op_keep(op);

    (void)cmd;
    (void)resp;
    if (kept)
        perch_op_add_row(op, &((struct raw_op *)op)->rows, kept);
}

static void raw_drop(perch_op *op)
{
    perch_free(((struct raw_op *)op)->rows.v);
}

static const struct perch_op_type raw_type = {
    .name = "",
    .size = sizeof(struct raw_op),
    .states = PERCH_IN_OPEN,
    .flags = PERCH_OP_ALONE,
    .build = build_raw,
    .claims = claims_all,
    .take = take_raw,
    .drop = raw_drop,
};

/* ---- starting ---- */

static void copy_name(perch_op *op, const char *command)
{
    struct perch_span name = perch_span_of(command);
    const char *copy = perch_arena_strndup(&op->arena, name.p ? name.p : "", name.n);

    if (copy)
        op->name = copy;
    else
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
    for (size_t i = 0; i < PERCH_COUNT(refused); i++)
        if (perch_span_ieqs(name, refused[i]))
            (void)perch_op_fail(op, PERCH_EINVAL, "it changes the session: use its own function");
}

static struct perch_raw_arg copy_arg(perch_op *op, const struct perch_raw_arg *from)
{
    struct perch_raw_arg to = *from;
    struct perch_set *set;

    if ((unsigned)from->kind - 1 >= PERCH_RAW_TEXT)
        (void)perch_op_fail(op, PERCH_EINVAL, "an argument of no kind");
    to.text = perch_op_copy(op, from->text);
    if (from->kind != PERCH_RAW_SET)
        return to;
    set = perch_arena_zalloc(&op->arena, sizeof *set);
    if (!set)
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
    else
        *set = perch_op_copy_set(op, from->set);
    to.set = set;
    return to;
}

static void check_parentheses(perch_op *op, const struct raw_op *r)
{
    size_t open = 0;
    bool fits = true;

    for (size_t i = 0; i < r->n && fits; i++) {
        if (r->args[i].kind == PERCH_RAW_OPEN)
            open++;
        else if (r->args[i].kind == PERCH_RAW_CLOSE)
            fits = open-- > 0;
    }
    if (!fits || open)
        (void)perch_op_fail(op, PERCH_EINVAL, "parentheses that do not match");
}

int perch_raw_start(perch_session *s, const char *command, const struct perch_raw_arg *args,
                    size_t n, perch_done_fn *done, void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &raw_type, done, user);
    struct raw_op *r = (struct raw_op *)op;

    if (op) {
        op->arena.secret = true; /* there may be a password among the arguments */
        copy_name(op, command);
        r->args = perch_arena_array(&op->arena, n, sizeof *r->args);
        if (!r->args)
            (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
        for (; r->args && r->n < n; r->n++)
            r->args[r->n] = copy_arg(op, &args[r->n]);
        check_parentheses(op, r);
    }
    return perch_op_start(s, op, ret_op);
}

size_t perch_op_raw(const perch_op *op, const struct perch_resp *const **ret_rows)
{
    const struct raw_op *r = (const struct raw_op *)op;

    *ret_rows = NULL;
    if (op->type != &raw_type)
        return 0;
    *ret_rows = (const struct perch_resp *const *)(const void *)r->rows.v;
    return r->rows.n;
}
