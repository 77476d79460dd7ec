/* LIST, LSUB and XLIST (RFC 9051 6.3.9, RFC 5258, 5819, 6154). What the server lacks is left out
 * and, where that can be, made up for here: subscribed mailboxes by LSUB, special uses by
 * looking at the rows, counters by a STATUS for each mailbox. */
#include "session/ops/mailbox.h"

#include "perch/commands.h"

#include "base/mem.h"

enum step { STEP_LIST = 0, STEP_STATUS };

struct list_op {
    perch_op op;
    struct perch_list_args args;
    struct perch_rows lists, statuses;
    struct perch_rows names; /* raw, of mailboxes whose counters are asked for one by one */
    bool one_by_one;
    bool only_special_here; /* the selection is made by us */
    bool listed;            /* the LIST was answered */
    size_t next;            /* of names */
};

static const char *verb(const perch_session *s, const struct perch_list_args *args)
{
    bool extends = perch_session_can(s, PERCH_CAP_LIST_EXTENDED);

    if (args->xlist)
        return "XLIST";
    return args->lsub || (args->only_subscribed && !extends) ? "LSUB" : "LIST";
}

/* May the command have selection and return options? */
static bool extended(const perch_session *s, const struct perch_list_args *args)
{
    return perch_session_can(s, PERCH_CAP_LIST_EXTENDED) && verb(s, args)[1] == 'I';
}

/* One more word of a parenthesised list that is written only if it has any. */
static void put_word(struct perch_enc *e, unsigned *n, const char *before, const char *word)
{
    if ((*n)++ == 0)
        perch_enc_word(e, before);
    else
        perch_enc_sp(e);
    perch_enc_word(e, word);
}

static void put_selection(struct perch_enc *e, const perch_session *s,
                          const struct perch_list_args *args)
{
    unsigned n = 0;

    if (args->only_subscribed)
        put_word(e, &n, " (", "SUBSCRIBED");
    if (args->only_special_use && perch_session_can(s, PERCH_CAP_SPECIAL_USE))
        put_word(e, &n, " (", "SPECIAL-USE");
    /* RFC 5258 3: RECURSIVEMATCH may not stand alone. */
    if (args->recursive_match && n)
        put_word(e, &n, " (", "RECURSIVEMATCH");
    if (n)
        perch_enc_char(e, ')');
}

/* Some refuse "RETURN ()": it is never written empty. */
static void put_return(struct perch_enc *e, const perch_session *s,
                       const struct perch_list_args *args)
{
    uint32_t items = perch_status_items(s, args->status_items);
    unsigned n = 0;

    if (args->returns & PERCH_LIST_RETURN_SUBSCRIBED)
        put_word(e, &n, " RETURN (", "SUBSCRIBED");
    if (args->returns & PERCH_LIST_RETURN_CHILDREN)
        put_word(e, &n, " RETURN (", "CHILDREN");
    if ((args->returns & PERCH_LIST_RETURN_SPECIAL_USE) &&
        perch_session_can(s, PERCH_CAP_SPECIAL_USE))
        put_word(e, &n, " RETURN (", "SPECIAL-USE");
    if (items && perch_session_can(s, PERCH_CAP_LIST_STATUS)) {
        put_word(e, &n, " RETURN (", "STATUS ");
        perch_status_put_items(e, items);
    }
    if (n)
        perch_enc_char(e, ')');
}

static struct perch_mailbox_arg name_at(const struct list_op *l, size_t i)
{
    return (struct perch_mailbox_arg){*(const struct perch_span *)l->names.v[i], true};
}

static int build_status(struct list_op *l, struct perch_cmd *cmd)
{
    if (l->next == l->names.n)
        return PERCH_OP_NOTHING;
    cmd->step = STEP_STATUS;
    cmd->from = l->next;
    perch_status_put(&cmd->enc, name_at(l, l->next),
                     perch_status_items(l->op.s, l->args.status_items));
    return 0;
}

static int build_list(perch_op *op, struct perch_cmd *cmd)
{
    struct list_op *l = (struct list_op *)op;
    const perch_session *s = op->s;
    struct perch_enc *e = &cmd->enc;

    if (l->listed)
        return build_status(l, cmd);
    if (l->args.xlist && perch_op_need(op, PERCH_CAP_XLIST))
        return op->error.code;
    perch_enc_word(e, verb(s, &l->args));
    if (extended(s, &l->args))
        put_selection(e, s, &l->args);
    perch_enc_sp(e);
    perch_enc_mailbox(e, l->args.reference);
    perch_enc_sp(e);
    perch_enc_pattern(e, l->args.pattern);
    if (extended(s, &l->args))
        put_return(e, s, &l->args);
    return 0;
}

static void list_begun(perch_op *op, struct perch_cmd *cmd)
{
    struct list_op *l = (struct list_op *)op;
    const perch_session *s = op->s;
    bool extends = extended(s, &l->args);

    if (cmd->step == STEP_STATUS) {
        op->more = ++l->next < l->names.n;
        return;
    }
    l->only_special_here =
        l->args.only_special_use && !(extends && perch_session_can(s, PERCH_CAP_SPECIAL_USE));
    l->one_by_one = perch_status_items(s, l->args.status_items) &&
                    !(extends && perch_session_can(s, PERCH_CAP_LIST_STATUS));
}

static bool claims_row(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct list_op *l = (struct list_op *)op;

    if (cmd->step == STEP_STATUS)
        return resp->type == PERCH_RESP_STATUS &&
               perch_mailbox_is(name_at(l, cmd->from), &resp->u.mailbox_status.mailbox);
    if (resp->type == PERCH_RESP_STATUS)
        return l->args.status_items && !l->one_by_one;
    /* Some answer LSUB by LIST rows, old ones LIST by XLIST. */
    return resp->type == PERCH_RESP_LIST || resp->type == PERCH_RESP_LSUB ||
           resp->type == PERCH_RESP_XLIST;
}

static void take_status(struct list_op *l, const struct perch_resp *resp)
{
    const struct perch_resp *kept;

    if (l->args.on_status) {
        l->args.on_status(&l->op, &resp->u.mailbox_status, l->op.user);
        return;
    }
    kept = perch_op_keep(&l->op);
    if (kept)
        perch_op_add_row(&l->op, &l->statuses, &kept->u.mailbox_status);
}

/* Remembers a mailbox that has counters. */
static void remember(struct list_op *l, const struct perch_list_resp *row)
{
    struct perch_span *name = perch_arena_zalloc(&l->op.arena, sizeof *name);

    if (row->attrs.bits & (PERCH_ATTR_NOSELECT | PERCH_ATTR_NONEXISTENT))
        return;
    if (!name || perch_arena_dup(&l->op.arena, row->mailbox.raw, name))
        (void)perch_op_fail(&l->op, PERCH_ENOMEM, "out of memory");
    else
        perch_op_add_row(&l->op, &l->names, name);
}

static void take_row(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct list_op *l = (struct list_op *)op;
    const struct perch_resp *kept;

    (void)cmd;
    if (resp->type == PERCH_RESP_STATUS) {
        take_status(l, resp);
        return;
    }
    if (l->only_special_here && !(resp->u.list.attrs.bits & PERCH_SPECIAL_USES))
        return;
    if (l->one_by_one)
        remember(l, &resp->u.list);
    if (l->args.on_list) {
        l->args.on_list(op, &resp->u.list, op->user);
        return;
    }
    kept = perch_op_keep(op);
    if (kept)
        perch_op_add_row(op, &l->lists, &kept->u.list);
}

static void list_answered(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct list_op *l = (struct list_op *)op;

    /* A mailbox may be gone by now, or closed to us: it has no counters, that is all. */
    if (cmd->step == STEP_STATUS) {
        perch_op_finish_if_done(op);
        return;
    }
    l->listed = true;
    if (resp->type == PERCH_RESP_OK && l->names.n > 0)
        perch_op_queue_first(op);
    perch_op_answered(op, cmd, resp);
}

static void list_drop(perch_op *op)
{
    struct list_op *l = (struct list_op *)op;

    perch_free(l->lists.v);
    perch_free(l->statuses.v);
    perch_free(l->names.v);
}

static const struct perch_op_type list_type = {
    .name = "LIST",
    .size = sizeof(struct list_op),
    .states = PERCH_IN_AUTH,
    .answers = PERCH_ANSWERS_LIST,
    .build = build_list,
    .begun = list_begun,
    .claims = claims_row,
    .take = take_row,
    .answered = list_answered,
    .drop = list_drop,
};

int perch_list_start(perch_session *s, const struct perch_list_args *args, perch_done_fn *done,
                     void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &list_type, done, user);
    struct list_op *l = (struct list_op *)op;

    if (op) {
        perch_args_copy(&l->args, sizeof l->args, args);
        if (!l->args.reference.p)
            l->args.reference = PERCH_SPAN("");
        if (!l->args.pattern.p)
            l->args.pattern = PERCH_SPAN("*");
        l->args.reference = perch_op_copy(op, l->args.reference);
        l->args.pattern = perch_op_copy(op, l->args.pattern);
        if (l->args.lsub)
            op->name = "LSUB";
        if (l->args.xlist)
            op->name = "XLIST";
        if (l->args.xlist && (l->args.lsub || l->args.only_subscribed))
            (void)perch_op_fail(op, PERCH_EINVAL, "XLIST knows nothing of subscriptions");
    }
    return perch_op_start(s, op, ret_op);
}

size_t perch_op_lists(const perch_op *op, const struct perch_list_resp *const **ret_rows)
{
    const struct list_op *l = (const struct list_op *)op;

    *ret_rows = NULL;
    if (op->type != &list_type)
        return 0;
    *ret_rows = (const struct perch_list_resp *const *)(const void *)l->lists.v;
    return l->lists.n;
}

size_t perch_op_statuses(const perch_op *op, const struct perch_mailbox_status *const **ret_rows)
{
    const struct list_op *l = (const struct list_op *)op;

    *ret_rows = perch_status_row(op);
    if (*ret_rows)
        return 1;
    if (op->type != &list_type)
        return 0;
    *ret_rows = (const struct perch_mailbox_status *const *)(const void *)l->statuses.v;
    return l->statuses.n;
}
