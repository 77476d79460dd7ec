/* SELECT, EXAMINE (RFC 9051 6.3.2, RFC 7162), UNSELECT and CLOSE (RFC 3691). */
#include "session/ops/mailbox.h"

#include "perch/change.h"
#include "perch/commands.h"

#include "base/err.h"

struct select_op {
    perch_op op;
    struct perch_mailbox_arg mailbox;
    struct perch_select_args args; /* its pointers lead into the fields below */
    struct perch_set known_uids, match_seqs, match_uids;
};

/* ---- SELECT ---- */

/* QRESYNC (uidvalidity modseq known (seqs uids)): RFC 7162 3.2.5 */
static void put_qresync(struct perch_enc *e, const struct select_op *sel)
{
    perch_enc_word(e, " (QRESYNC (");
    perch_enc_num(e, sel->args.uidvalidity);
    perch_enc_sp(e);
    perch_enc_num(e, sel->args.modseq);
    if (sel->known_uids.n) {
        perch_enc_sp(e);
        perch_enc_set(e, &sel->known_uids);
    }
    if (sel->match_uids.n) {
        perch_enc_word(e, " (");
        perch_enc_set(e, &sel->match_seqs);
        perch_enc_sp(e);
        perch_enc_set(e, &sel->match_uids);
        perch_enc_char(e, ')');
    }
    perch_enc_word(e, "))");
}

static int build_select(perch_op *op, struct perch_cmd *cmd)
{
    const struct select_op *sel = (struct select_op *)op;

    if (sel->args.uidvalidity && !perch_session_enabled(op->s, PERCH_CAP_QRESYNC))
        return perch_op_fail(op, PERCH_ESTATE, "QRESYNC was not enabled");
    perch_enc_word(&cmd->enc, op->name);
    perch_enc_sp(&cmd->enc);
    perch_mailbox_put(&cmd->enc, sel->mailbox);
    if (sel->args.uidvalidity)
        put_qresync(&cmd->enc, sel);
    else if (sel->args.condstore && perch_session_can(op->s, PERCH_CAP_CONDSTORE))
        perch_enc_word(&cmd->enc, " (CONDSTORE)");
    return 0;
}

/* Servers with CONDSTORE or QRESYNC (RFC 7162 3.2.11) and IMAP4rev2 say [CLOSED] when the
 * mailbox before is left. */
static bool says_closed(const perch_session *s)
{
    return !s->no_closed &&
           (perch_session_can(s, PERCH_CAP_CONDSTORE) || perch_session_can(s, PERCH_CAP_IMAP4REV2));
}

static void select_begun(perch_op *op, struct perch_cmd *cmd)
{
    const struct select_op *sel = (struct select_op *)op;
    perch_session *s = op->s;
    bool leaving = s->state == PERCH_STATE_SELECTED && says_closed(s);
    struct perch_name name;

    (void)cmd;
    if (perch_mailbox_resolve(op, sel->mailbox, &name) ||
        perch_mirror_open(&s->mirror, name, sel->args.examine)) {
        (void)perch_sess_die_text(s, PERCH_ENOMEM, NULL, "out of memory while selecting");
        return;
    }
    s->mirror.leaving = leaving;
    perch_sess_goto(s, PERCH_STATE_SELECTING);
}

static bool claims_sync(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct select_op *sel = (struct select_op *)op;

    (void)cmd;
    if (resp->type == PERCH_RESP_VANISHED)
        return sel->args.uidvalidity && resp->u.vanished.earlier;
    return sel->args.uidvalidity &&
           (resp->type == PERCH_RESP_FETCH || resp->type == PERCH_RESP_UIDFETCH) &&
           (resp->u.fetch.have & PERCH_ITEM_UID);
}

static void take_sync(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct perch_select_args *args = &((struct select_op *)op)->args;

    (void)cmd;
    if (resp->type == PERCH_RESP_VANISHED) {
        if (args->on_vanished)
            args->on_vanished(op, &resp->u.vanished, op->user);
    } else if (args->on_fetch) {
        args->on_fetch(op, &resp->u.fetch, op->user);
    }
}

static void settle_select(perch_session *s, const struct perch_cmd *cmd,
                          const struct perch_resp *resp)
{
    bool missed = s->mirror.leaving;

    (void)cmd;
    if (resp->type != PERCH_RESP_OK) { /* RFC 9051 6.3.2: nothing is selected any more */
        perch_mirror_close(&s->mirror);
        perch_sess_goto(s, PERCH_STATE_AUTHENTICATED);
        return;
    }
    perch_mirror_opened(&s->mirror);
    perch_sess_goto(s, PERCH_STATE_SELECTED);
    if (!missed || !perch_sess_alive(s))
        return;
    s->no_closed = true;
    (void)perch_sess_resync(s, "the server did not say [CLOSED], so that data of this mailbox "
                               "was taken for data of the one before");
}

static const struct perch_op_type select_type = {
    .name = "SELECT",
    .size = sizeof(struct select_op),
    .states = PERCH_IN_AUTH,
    .flags = PERCH_OP_ALONE,
    .leads_to = PERCH_IN(SELECTED),
    .build = build_select,
    .begun = select_begun,
    .claims = claims_sync,
    .take = take_sync,
    .settle = settle_select,
};

static void check_select(perch_op *op, const struct select_op *sel)
{
    const struct perch_select_args *args = &sel->args;

    if (!sel->mailbox.name.n)
        (void)perch_op_fail(op, PERCH_EINVAL, "no mailbox named");
    if (args->uidvalidity && (!args->modseq || args->modseq > INT64_MAX))
        (void)perch_op_fail(op, PERCH_EINVAL, "QRESYNC needs a modseq of 1 to 2^63 - 1");
    if (perch_set_count(&sel->match_seqs) != perch_set_count(&sel->match_uids))
        (void)perch_op_fail(op, PERCH_EINVAL, "as many match_seqs as match_uids are needed");
}

int perch_select_start(perch_session *s, const struct perch_select_args *args, perch_done_fn *done,
                       void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &select_type, done, user);
    struct select_op *sel = (struct select_op *)op;

    if (op) {
        perch_args_copy(&sel->args, sizeof sel->args, args);
        if (sel->args.examine)
            op->name = "EXAMINE";
        sel->mailbox =
            (struct perch_mailbox_arg){perch_op_copy(op, sel->args.mailbox), sel->args.raw_name};
        sel->known_uids = perch_op_copy_set(op, sel->args.known_uids);
        sel->match_seqs = perch_op_copy_set(op, sel->args.match_seqs);
        sel->match_uids = perch_op_copy_set(op, sel->args.match_uids);
        check_select(op, sel);
    }
    return perch_op_start(s, op, ret_op);
}

/* ---- UNSELECT ---- */

static int build_unselect(perch_op *op, struct perch_cmd *cmd)
{
    const struct perch_mirror *m = &op->s->mirror;

    if (perch_session_can(op->s, PERCH_CAP_UNSELECT))
        perch_enc_word(&cmd->enc, "UNSELECT");
    else if (op->s->state != PERCH_STATE_SELECTED || m->examined)
        perch_enc_word(&cmd->enc, "CLOSE"); /* expunges nothing after EXAMINE */
    else
        return perch_op_fail(op, PERCH_ECAPABILITY,
                             "the server does not offer UNSELECT, and "
                             "CLOSE would expunge");
    return 0;
}

static void settle_unselect(perch_session *s, const struct perch_cmd *cmd,
                            const struct perch_resp *resp)
{
    (void)cmd;
    if (resp->type != PERCH_RESP_OK)
        return;
    perch_mirror_close(&s->mirror);
    perch_sess_goto(s, PERCH_STATE_AUTHENTICATED);
}

static const struct perch_op_type unselect_type = {
    .name = "UNSELECT",
    .size = sizeof(perch_op),
    .states = PERCH_IN(SELECTED),
    .flags = PERCH_OP_ALONE,
    .leads_to = PERCH_IN(AUTHENTICATED),
    .build = build_unselect,
    .settle = settle_unselect,
};

int perch_unselect_start(perch_session *s, perch_done_fn *done, void *user, perch_op **ret_op)
{
    return perch_op_start(s, perch_op_new(s, &unselect_type, done, user), ret_op);
}

/* ---- CLOSE ---- */

static int build_close(perch_op *op, struct perch_cmd *cmd)
{
    (void)op;
    perch_enc_word(&cmd->enc, "CLOSE");
    return 0;
}

static const struct perch_op_type close_type = {
    .name = "CLOSE",
    .size = sizeof(perch_op),
    .states = PERCH_IN(SELECTED),
    .flags = PERCH_OP_ALONE,
    .leads_to = PERCH_IN(AUTHENTICATED),
    .build = build_close,
    .settle = settle_unselect,
};

int perch_close_start(perch_session *s, perch_done_fn *done, void *user, perch_op **ret_op)
{
    return perch_op_start(s, perch_op_new(s, &close_type, done, user), ret_op);
}
