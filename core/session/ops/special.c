/* The mailbox for a special use (RFC 6154): LIST of all names, in which a mark of the server
 * is looked for and well-known names are remembered. Only if there are such names and no
 * mark, NAMESPACE decides which of them stand right under a personal namespace. */
#include "session/ops/mailbox.h"

#include "perch/mailbox.h"

#include "base/mem.h"

#define NAMES_MAX 4

enum step { STEP_LIST = 0, STEP_NAMESPACE };

static const struct known_names {
    enum perch_attr use;
    const char *names[NAMES_MAX]; /* best first */
} known[] = {
    {PERCH_ATTR_SENT, {"Sent", "Sent Items", "Sent Messages"}},
    {PERCH_ATTR_DRAFTS, {"Drafts"}},
    {PERCH_ATTR_ARCHIVE, {"Archive"}},
    {PERCH_ATTR_TRASH, {"Trash", "Deleted Items", "Deleted Messages", "Deleted"}},
    {PERCH_ATTR_JUNK, {"Junk", "Spam"}},
};

struct special_op {
    perch_op op;
    enum perch_attr use;
    const struct known_names *known; /* NULL: none */
    struct perch_rows named;         /* LIST rows with such a name, wherever they stand */
    const struct perch_namespace_resp *namespaces;
    struct perch_special_result result;
    bool found;
};

/* ---- what leaves ---- */

static bool wants_namespaces(const struct special_op *sp)
{
    return !sp->found && sp->named.n > 0 && perch_session_can(sp->op.s, PERCH_CAP_NAMESPACE);
}

static int build_special(perch_op *op, struct perch_cmd *cmd)
{
    const perch_session *s = op->s;
    bool marks = perch_session_can(s, PERCH_CAP_SPECIAL_USE);

    cmd->step = wants_namespaces((struct special_op *)op) ? STEP_NAMESPACE : STEP_LIST;
    if (cmd->step == STEP_NAMESPACE) {
        perch_enc_word(&cmd->enc, "NAMESPACE");
        return 0;
    }
    perch_enc_word(&cmd->enc, !marks && perch_session_can(s, PERCH_CAP_XLIST) ? "XLIST" : "LIST");
    perch_enc_word(&cmd->enc, " \"\" \"*\"");
    /* Dovecot 2.4 marks nothing unless it is asked to. */
    if (marks && perch_session_can(s, PERCH_CAP_LIST_EXTENDED))
        perch_enc_word(&cmd->enc, " RETURN (SPECIAL-USE)");
    return 0;
}

/* ---- what comes ---- */

static bool claims_special(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    (void)op;
    if (cmd->step == STEP_NAMESPACE)
        return resp->type == PERCH_RESP_NAMESPACE;
    return resp->type == PERCH_RESP_LIST || resp->type == PERCH_RESP_XLIST;
}

static struct perch_span last_part(const struct perch_list_resp *row)
{
    struct perch_span name = row->mailbox.utf8;

    for (size_t i = name.n; i > 0; i--)
        if (row->delimiter && name.p[i - 1] == row->delimiter)
            return (struct perch_span){name.p + i, name.n - i};
    return name;
}

static bool is_known(const struct special_op *sp, struct perch_span name)
{
    if (!sp->known)
        return false;
    for (size_t i = 0; i < NAMES_MAX && sp->known->names[i]; i++)
        if (perch_span_ieqs(name, sp->known->names[i]))
            return true;
    return false;
}

static void choose(struct special_op *sp, const struct perch_list_resp *row, bool emulated)
{
    sp->found = true;
    sp->result = (struct perch_special_result){row->mailbox, row->delimiter, emulated};
}

static void take_list(struct special_op *sp, const struct perch_list_resp *row)
{
    bool marked = row->attrs.bits & (uint32_t)sp->use;
    const struct perch_resp *kept;

    if (sp->found || (row->attrs.bits & (PERCH_ATTR_NOSELECT | PERCH_ATTR_NONEXISTENT)) ||
        (!marked && !is_known(sp, last_part(row))))
        return;
    kept = perch_op_keep(&sp->op);
    if (kept && marked)
        choose(sp, &kept->u.list, false);
    else if (kept)
        perch_op_add_row(&sp->op, &sp->named, &kept->u.list);
}

static void take_special(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct special_op *sp = (struct special_op *)op;
    const struct perch_resp *kept;

    if (cmd->step == STEP_LIST) {
        take_list(sp, &resp->u.list);
        return;
    }
    kept = perch_op_keep(op);
    if (kept)
        sp->namespaces = &kept->u.namespaces;
}

/* ---- the names ---- */

static bool stands_at(const struct perch_list_resp *row, struct perch_span prefix, const char *name)
{
    struct perch_span whole = row->mailbox.utf8;

    return whole.n >= prefix.n && perch_span_ieq((struct perch_span){whole.p, prefix.n}, prefix) &&
           perch_span_ieqs((struct perch_span){whole.p + prefix.n, whole.n - prefix.n}, name);
}

static void look_under(struct special_op *sp, struct perch_span prefix)
{
    for (size_t i = 0; !sp->found && i < NAMES_MAX && sp->known->names[i]; i++)
        for (size_t r = 0; !sp->found && r < sp->named.n; r++)
            if (stands_at(sp->named.v[r], prefix, sp->known->names[i]))
                choose(sp, sp->named.v[r], true);
}

/* What servers without NAMESPACE have. */
static void look_at_usual_places(struct special_op *sp)
{
    const struct perch_list_resp *first = sp->named.v[0];
    const char below[] = {'I', 'N', 'B', 'O', 'X', first->delimiter};

    look_under(sp, PERCH_SPAN(""));
    look_under(sp, (struct perch_span){below, sizeof below});
}

static void look_at_names(struct special_op *sp)
{
    const struct perch_namespace_resp *n = sp->namespaces;

    if (sp->found || !sp->named.n)
        return;
    if (!n)
        look_at_usual_places(sp);
    for (size_t i = 0; n && i < n->kind[0].n; i++)
        look_under(sp, n->kind[0].v[i].prefix.utf8);
}

static void special_answered(perch_op *op, const struct perch_cmd *cmd,
                             const struct perch_resp *resp)
{
    struct special_op *sp = (struct special_op *)op;
    bool ask = cmd->step == STEP_LIST && resp->type == PERCH_RESP_OK && wants_namespaces(sp);

    if (cmd->step == STEP_LIST)
        perch_op_note_status(op, resp);
    if (ask && !op->error.code)
        perch_op_queue_first(op);
    else if (!op->error.code)
        look_at_names(sp); /* a server that refuses NAMESPACE is as one without it */
    perch_op_finish_if_done(op);
}

static void special_drop(perch_op *op)
{
    perch_free(((struct special_op *)op)->named.v);
}

static const struct perch_op_type special_type = {
    .name = "LIST",
    .size = sizeof(struct special_op),
    .states = PERCH_IN_AUTH,
    .answers = PERCH_ANSWERS_LIST,
    .build = build_special,
    .claims = claims_special,
    .take = take_special,
    .answered = special_answered,
    .drop = special_drop,
};

int perch_special_start(perch_session *s, enum perch_attr use, perch_done_fn *done, void *user,
                        perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &special_type, done, user);
    struct special_op *sp = (struct special_op *)op;
    uint32_t bit = (uint32_t)use;

    if (op) {
        sp->use = use;
        for (size_t i = 0; i < PERCH_COUNT(known); i++)
            if (known[i].use == use)
                sp->known = &known[i];
        if (!(bit & PERCH_SPECIAL_USES) || (bit & (bit - 1)))
            (void)perch_op_fail(op, PERCH_EINVAL, "not one special use");
    }
    return perch_op_start(s, op, ret_op);
}

const struct perch_special_result *perch_op_special(const perch_op *op)
{
    const struct special_op *sp = (const struct special_op *)op;

    return op->type == &special_type && sp->found ? &sp->result : NULL;
}
