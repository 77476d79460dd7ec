#include "session/ops/remove.h"

static bool must_look(const perch_session *s, const struct perch_removal *r)
{
    return !r->looked && perch_sess_lacks(s, PERCH_CAP_UIDPLUS);
}

/* ---- what leaves ---- */

static int build_expunge(const perch_session *s, const struct perch_removal *r,
                         struct perch_cmd *cmd)
{
    if (must_look(s, r)) {
        cmd->step = PERCH_REMOVAL_LOOK;
        cmd->answers = PERCH_ANSWERS_SEARCH;
        perch_enc_word(&cmd->enc, "UID SEARCH DELETED");
        return 0;
    }
    if (r->looked) {
        perch_enc_word(&cmd->enc, "EXPUNGE");
        return 0;
    }
    perch_messages_put(&r->messages, cmd, "EXPUNGE");
    return 0;
}

int perch_removal_build(perch_op *op, const struct perch_removal *r, struct perch_cmd *cmd)
{
    cmd->step = r->step;
    if (r->step == PERCH_REMOVAL_DONE || perch_messages_left(&r->messages))
        return PERCH_OP_NOTHING;
    if (r->step == PERCH_REMOVAL_EXPUNGE)
        return build_expunge(op->s, r, cmd);
    if (r->step == PERCH_REMOVAL_FIND && op->s->mirror.mailbox.readonly)
        return perch_op_fail(op, PERCH_EREADONLY, "nothing can be removed from this mailbox");
    if (r->step == PERCH_REMOVAL_FIND) {
        perch_messages_put(&r->messages, cmd, "FETCH");
        perch_enc_word(&cmd->enc, " (UID)");
    } else {
        perch_messages_put(&r->messages, cmd, "STORE");
        perch_enc_word(&cmd->enc, " +FLAGS.SILENT (\\Deleted)");
    }
    return 0;
}

void perch_removal_begun(perch_op *op, struct perch_removal *r, struct perch_cmd *cmd)
{
    if (cmd->upto > 0) /* it had a piece of the set */
        op->more = perch_messages_begun(&r->messages, cmd);
}

/* ---- what comes ---- */

bool perch_removal_claims(const struct perch_removal *r, const struct perch_cmd *cmd,
                          const struct perch_resp *resp)
{
    switch ((enum perch_removal_step)cmd->step) {
    case PERCH_REMOVAL_FIND:
        return (resp->type == PERCH_RESP_FETCH || resp->type == PERCH_RESP_UIDFETCH) &&
               resp->u.fetch.uid && perch_messages_has(&r->messages, &resp->u.fetch);
    case PERCH_REMOVAL_LOOK:
        return resp->type == PERCH_RESP_SEARCH || resp->type == PERCH_RESP_ESEARCH;
    case PERCH_REMOVAL_EXPUNGE:
        return perch_tells_removal(resp);
    case PERCH_REMOVAL_MARK:
    case PERCH_REMOVAL_DONE:
        break;
    }
    return false;
}

static int take_marked(struct perch_removal *r, const struct perch_set *marked)
{
    r->told = true;
    return perch_set_add_set(&r->marked, marked);
}

void perch_removal_take(perch_op *op, struct perch_removal *r, const struct perch_resp *resp)
{
    int rc = 0;

    if (resp->type == PERCH_RESP_SEARCH)
        rc = take_marked(r, &resp->u.search.set);
    else if (resp->type == PERCH_RESP_ESEARCH)
        rc = take_marked(r, &resp->u.esearch.all);
    else if (resp->type == PERCH_RESP_EXPUNGE)
        r->count++;
    else if (resp->type == PERCH_RESP_VANISHED)
        r->count += perch_set_count(&resp->u.vanished.uids);
    else
        rc = perch_set_add(&r->found, resp->u.fetch.uid, resp->u.fetch.uid);
    if (rc)
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
}

/* From numbers to the UIDs of what is there: those never name another message. */
static void found(perch_op *op, struct perch_removal *r)
{
    r->messages = (struct perch_messages){.set = r->found};
    op->messages = NULL;
    op->flags &= ~(unsigned)PERCH_OP_SEQ;
    r->step = PERCH_REMOVAL_MARK;
}

/* Without a SEARCH nobody knows what EXPUNGE would take. */
static void looked(struct perch_removal *r)
{
    r->looked = true;
    r->left = !r->told || !perch_set_within(&r->marked, &r->messages.set);
    if (r->left || r->marked.n == 0)
        r->step = PERCH_REMOVAL_DONE;
}

void perch_removal_next(perch_op *op, struct perch_removal *r)
{
    switch (r->step) {
    case PERCH_REMOVAL_FIND:
        found(op, r);
        return;
    case PERCH_REMOVAL_MARK:
        r->step = PERCH_REMOVAL_EXPUNGE;
        r->messages.next = 0;
        op->flags |= PERCH_OP_ALONE; /* nothing of ours may be marked between LOOK and EXPUNGE */
        return;
    case PERCH_REMOVAL_LOOK:
    case PERCH_REMOVAL_EXPUNGE:
        if (must_look(op->s, r))
            looked(r);
        else
            r->step = PERCH_REMOVAL_DONE;
        return;
    case PERCH_REMOVAL_DONE:
        return;
    }
}

void perch_removal_drop(struct perch_removal *r)
{
    perch_set_done(&r->found);
    perch_set_done(&r->marked);
}
