/* GETMETADATA, SETMETADATA (RFC 5464). Several may be in flight: the mailbox's name tells
 * whose answer it is. */
#include "session/ops/mailbox.h"

#include "perch/admin.h"

#include "base/mem.h"

struct metadata_op {
    perch_op op;
    struct perch_mailbox_arg mailbox; /* "": the server */
    struct perch_param *entries;      /* SETMETADATA: with their values */
    size_t nentries;
    uint64_t maxsize;
    enum perch_metadata_depth depth;
    struct perch_rows rows;
};

/* ---- what leaves ---- */

static int check_offered(perch_op *op)
{
    const struct metadata_op *m = (struct metadata_op *)op;

    if (!m->mailbox.name.n && perch_session_can(op->s, PERCH_CAP_METADATA_SERVER))
        return 0;
    return perch_op_need(op, PERCH_CAP_METADATA);
}

static void put_options(struct perch_enc *e, const struct metadata_op *m)
{
    static const char *const depths[] = {[PERCH_METADATA_DEPTH_0] = "",
                                         [PERCH_METADATA_DEPTH_1] = "DEPTH 1",
                                         [PERCH_METADATA_DEPTH_INFINITY] = "DEPTH infinity"};

    if (!m->maxsize && !m->depth)
        return;
    perch_enc_word(e, " (");
    if (m->maxsize) {
        perch_enc_word(e, "MAXSIZE ");
        perch_enc_num(e, m->maxsize);
    }
    if (m->maxsize && m->depth)
        perch_enc_sp(e);
    perch_enc_word(e, depths[m->depth]);
    perch_enc_char(e, ')');
}

static int build_getmetadata(perch_op *op, struct perch_cmd *cmd)
{
    const struct metadata_op *m = (struct metadata_op *)op;
    struct perch_enc *e = &cmd->enc;

    if (check_offered(op))
        return op->error.code;
    perch_enc_word(e, "GETMETADATA");
    put_options(e, m);
    perch_enc_sp(e);
    perch_mailbox_put(e, m->mailbox);
    for (size_t i = 0; i < m->nentries; i++) {
        perch_enc_word(e, i ? " " : " (");
        perch_enc_astring(e, m->entries[i].name);
    }
    perch_enc_char(e, ')');
    return 0;
}

/* METADATA has literal8 of its own, whether or not the server has BINARY (section 5). */
static void put_value(struct perch_enc *e, struct perch_span value)
{
    unsigned mode = e->mode;

    if (!value.n || !memchr(value.p, '\0', value.n)) {
        perch_enc_nstring(e, value);
        return;
    }
    e->mode |= PERCH_ENC_BINARY;
    perch_enc_literal8(e, value);
    e->mode = mode;
}

static int build_setmetadata(perch_op *op, struct perch_cmd *cmd)
{
    const struct metadata_op *m = (struct metadata_op *)op;
    struct perch_enc *e = &cmd->enc;

    if (check_offered(op))
        return op->error.code;
    perch_enc_word(e, "SETMETADATA ");
    perch_mailbox_put(e, m->mailbox);
    for (size_t i = 0; i < m->nentries; i++) {
        perch_enc_word(e, i ? " " : " (");
        perch_enc_astring(e, m->entries[i].name);
        perch_enc_sp(e);
        put_value(e, m->entries[i].value);
    }
    perch_enc_char(e, ')');
    return 0;
}

/* ---- what comes ---- */

/* Names without values are news of what somebody changed. */
static bool claims_metadata(perch_op *op, const struct perch_cmd *cmd,
                            const struct perch_resp *resp)
{
    const struct perch_metadata_resp *row = &resp->u.metadata;

    (void)cmd;
    return resp->type == PERCH_RESP_METADATA && row->n > 0 && row->v[0].has_value &&
           perch_mailbox_is(((struct metadata_op *)op)->mailbox, &row->mailbox);
}

static void take_metadata(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct perch_resp *kept = perch_op_keep(op);

    (void)cmd;
    (void)resp;
    if (kept)
        perch_op_add_row(op, &((struct metadata_op *)op)->rows, &kept->u.metadata);
}

static void metadata_drop(perch_op *op)
{
    perch_free(((struct metadata_op *)op)->rows.v);
}

static const struct perch_op_type getmetadata_type = {
    .name = "GETMETADATA",
    .size = sizeof(struct metadata_op),
    .states = PERCH_IN_AUTH,
    .build = build_getmetadata,
    .claims = claims_metadata,
    .take = take_metadata,
    .drop = metadata_drop,
};

static const struct perch_op_type setmetadata_type = {
    .name = "SETMETADATA",
    .size = sizeof(struct metadata_op),
    .states = PERCH_IN_AUTH,
    .build = build_setmetadata,
};

/* ---- starting ---- */

/* RFC 5464 section 3.2: begins with a slash, ends with none, no two in a row, no wildcard,
 * nothing but ASCII. */
static bool is_entry(struct perch_span name)
{
    if (name.n < 2 || name.p[0] != '/' || name.p[name.n - 1] == '/')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];

        if (c < ' ' || c >= 0x7f || c == '*' || c == '%' || (c == '/' && name.p[i + 1] == '/'))
            return false;
    }
    return true;
}

/* Room for `n` entries; none at all are refused. */
static void expect_entries(struct metadata_op *m, size_t n)
{
    if (!n)
        (void)perch_op_fail(&m->op, PERCH_EINVAL, "no entry named");
    m->entries = perch_arena_array(&m->op.arena, n, sizeof *m->entries);
    if (!m->entries)
        (void)perch_op_fail(&m->op, PERCH_ENOMEM, "out of memory");
}

static void add_entry(struct metadata_op *m, const char *name, struct perch_span value)
{
    struct perch_param entry = {perch_span_of(name), value};

    if (!is_entry(entry.name))
        (void)perch_op_fail(&m->op, PERCH_EINVAL, "an entry is a path such as /private/comment");
    m->entries[m->nentries++] =
        (struct perch_param){perch_op_copy(&m->op, entry.name), perch_op_copy(&m->op, value)};
}

int perch_getmetadata_start(perch_session *s, const struct perch_getmetadata_args *args,
                            perch_done_fn *done, void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &getmetadata_type, done, user);
    struct metadata_op *m = (struct metadata_op *)op;
    struct perch_getmetadata_args a;

    if (op) {
        perch_args_copy(&a, sizeof a, args);
        m->mailbox = (struct perch_mailbox_arg){perch_op_copy(op, a.mailbox), a.raw_name};
        m->maxsize = a.maxsize;
        m->depth = a.depth;
        if ((unsigned)a.depth > PERCH_METADATA_DEPTH_INFINITY)
            (void)perch_op_fail(op, PERCH_EINVAL, "a depth that is none");
        expect_entries(m, a.nentries);
        for (size_t i = 0; m->entries && i < a.nentries; i++)
            add_entry(m, a.entries[i], (struct perch_span){0});
    }
    return perch_op_start(s, op, ret_op);
}

size_t perch_op_metadata(const perch_op *op, const struct perch_metadata_resp *const **ret_rows)
{
    const struct metadata_op *m = (const struct metadata_op *)op;

    *ret_rows = NULL;
    if (op->type != &getmetadata_type)
        return 0;
    *ret_rows = (const struct perch_metadata_resp *const *)(const void *)m->rows.v;
    return m->rows.n;
}

int perch_setmetadata_start(perch_session *s, const struct perch_setmetadata_args *args,
                            perch_done_fn *done, void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &setmetadata_type, done, user);
    struct metadata_op *m = (struct metadata_op *)op;
    struct perch_setmetadata_args a;

    if (op) {
        perch_args_copy(&a, sizeof a, args);
        m->mailbox = (struct perch_mailbox_arg){perch_op_copy(op, a.mailbox), a.raw_name};
        expect_entries(m, a.nvalues);
        for (size_t i = 0; m->entries && i < a.nvalues; i++)
            add_entry(m, a.values[i].entry, a.values[i].value);
    }
    return perch_op_start(s, op, ret_op);
}
