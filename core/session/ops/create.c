/* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 6.3.4 to 6.3.8, RFC 6154 3). */
#include "session/ops/mailbox.h"

#include "perch/mailbox.h"

struct mailbox_op {
    perch_op op;
    struct perch_mailbox_arg mailbox;
    struct perch_mailbox_arg to; /* RENAME */
    uint32_t special_use;        /* CREATE */
};

static int build_mailbox(perch_op *op, struct perch_cmd *cmd)
{
    perch_enc_word(&cmd->enc, op->name);
    perch_enc_sp(&cmd->enc);
    perch_mailbox_put(&cmd->enc, ((struct mailbox_op *)op)->mailbox);
    return 0;
}

/* DELETE, SUBSCRIBE and UNSUBSCRIBE: a mailbox's name is all they take. */
static int start_named(perch_session *s, const struct perch_op_type *type,
                       struct perch_mailbox_arg mailbox, perch_done_fn *done, void *user,
                       perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, type, done, user);

    if (op)
        ((struct mailbox_op *)op)->mailbox = perch_mailbox_copy(op, mailbox.name, mailbox.raw);
    return perch_op_start(s, op, ret_op);
}

/* ---- CREATE ---- */

static int build_create(perch_op *op, struct perch_cmd *cmd)
{
    uint32_t uses = ((struct mailbox_op *)op)->special_use;
    const char *before = " (USE (";

    (void)build_mailbox(op, cmd);
    if (!uses)
        return 0;
    if (perch_op_need(op, PERCH_CAP_CREATE_SPECIAL_USE))
        return op->error.code;
    for (uint32_t left = uses; left; left &= left - 1) {
        perch_enc_word(&cmd->enc, before);
        perch_enc_word(&cmd->enc, perch_attr_name((enum perch_attr)(left & -left)));
        before = " ";
    }
    perch_enc_word(&cmd->enc, "))");
    return 0;
}

static const struct perch_op_type create_type = {
    .name = "CREATE",
    .size = sizeof(struct mailbox_op),
    .states = PERCH_IN_AUTH,
    .build = build_create,
};

int perch_create_start(perch_session *s, const struct perch_create_args *args, perch_done_fn *done,
                       void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &create_type, done, user);
    struct mailbox_op *m = (struct mailbox_op *)op;
    struct perch_create_args a;

    if (op) {
        perch_args_copy(&a, sizeof a, args);
        m->mailbox = perch_mailbox_copy(op, a.mailbox, a.raw_name);
        m->special_use = a.special_use;
        if (a.special_use & ~(uint32_t)PERCH_SPECIAL_USES)
            (void)perch_op_fail(op, PERCH_EINVAL, "an attribute that is no special use");
    }
    return perch_op_start(s, op, ret_op);
}

/* ---- DELETE ---- */

static const struct perch_op_type delete_type = {
    .name = "DELETE",
    .size = sizeof(struct mailbox_op),
    .states = PERCH_IN_AUTH,
    .build = build_mailbox,
};

int perch_delete_start(perch_session *s, struct perch_span mailbox, bool raw_name,
                       perch_done_fn *done, void *user, perch_op **ret_op)
{
    return start_named(s, &delete_type, (struct perch_mailbox_arg){mailbox, raw_name}, done, user,
                       ret_op);
}

/* ---- RENAME ---- */

static int build_rename(perch_op *op, struct perch_cmd *cmd)
{
    (void)build_mailbox(op, cmd);
    perch_enc_sp(&cmd->enc);
    perch_mailbox_put(&cmd->enc, ((struct mailbox_op *)op)->to);
    return 0;
}

static const struct perch_op_type rename_type = {
    .name = "RENAME",
    .size = sizeof(struct mailbox_op),
    .states = PERCH_IN_AUTH,
    .build = build_rename,
};

int perch_rename_start(perch_session *s, const struct perch_rename_args *args, perch_done_fn *done,
                       void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &rename_type, done, user);
    struct mailbox_op *m = (struct mailbox_op *)op;
    struct perch_rename_args a;

    if (op) {
        perch_args_copy(&a, sizeof a, args);
        m->mailbox = perch_mailbox_copy(op, a.from, a.raw_from);
        m->to = perch_mailbox_copy(op, a.to, a.raw_to);
    }
    return perch_op_start(s, op, ret_op);
}

/* ---- SUBSCRIBE, UNSUBSCRIBE ---- */

static const struct perch_op_type subscribe_type = {
    .name = "SUBSCRIBE",
    .size = sizeof(struct mailbox_op),
    .states = PERCH_IN_AUTH,
    .build = build_mailbox,
};

int perch_subscribe_start(perch_session *s, struct perch_span mailbox, bool raw_name,
                          perch_done_fn *done, void *user, perch_op **ret_op)
{
    return start_named(s, &subscribe_type, (struct perch_mailbox_arg){mailbox, raw_name}, done,
                       user, ret_op);
}

static const struct perch_op_type unsubscribe_type = {
    .name = "UNSUBSCRIBE",
    .size = sizeof(struct mailbox_op),
    .states = PERCH_IN_AUTH,
    .build = build_mailbox,
};

int perch_unsubscribe_start(perch_session *s, struct perch_span mailbox, bool raw_name,
                            perch_done_fn *done, void *user, perch_op **ret_op)
{
    return start_named(s, &unsubscribe_type, (struct perch_mailbox_arg){mailbox, raw_name}, done,
                       user, ret_op);
}
