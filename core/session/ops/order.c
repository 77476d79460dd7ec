/* SORT, UID SORT, THREAD, UID THREAD (RFC 5256, 5267, 5957). Both have the charset as an
 * argument; it is always UTF-8, which every server with them must take. */
#include "session/ops/criteria.h"

#include "perch/order.h"

#include "base/mem.h"

/* What one command may bring, against floods: some servers cut an answer up, and a response
 * ends at 16 MiB, which is 32 MiB of numbers at the most. */
#define RESULT_MAX ((size_t)64 << 20)

static const char *const key_names[] = {[PERCH_SORT_NONE] = "",
#define NAME(name, text) [PERCH_SORT_##name] = text,
                                        PERCH_SORT_KEYS(NAME)
#undef NAME
};

/* ---- what both share ---- */

static struct perch_search criteria_or_all(perch_op *op, const struct perch_search *criteria)
{
    const struct perch_search all = perch_search_key(PERCH_SEARCH_ALL);

    return perch_criteria_copy(op, criteria ? criteria : &all);
}

static void put_criteria(struct perch_enc *e, const struct perch_search *criteria)
{
    perch_enc_word(e, " UTF-8 ");
    perch_enc_search_keys(e, criteria);
}

/* More of the answer. The buffer is only ever appended to, so that its bytes are aligned
 * as memory is. */
static void append(perch_op *op, struct perch_buf *to, const void *p, size_t n, size_t size)
{
    if (!n || op->error.code)
        return;
    if (n > (RESULT_MAX - to->len) / size) {
        (void)perch_op_fail(op, PERCH_ELIMIT, "the server's answer has no end");
        return;
    }
    perch_buf_add(to, p, n * size);
    if (to->failed)
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
}

/* ---- SORT ---- */

struct sort_op {
    perch_op op;
    struct perch_sort_args args; /* its pointers lead into the fields below */
    struct perch_sort_key *keys;
    struct perch_search criteria;
    struct perch_buf order; /* of uint32_t */
    struct perch_sort_result result;
};

static int check_keys(perch_op *op, const struct sort_op *so)
{
    for (size_t i = 0; i < so->args.nkeys; i++)
        if (so->keys[i].by >= PERCH_SORT_DISPLAYFROM && perch_op_need(op, PERCH_CAP_SORT_DISPLAY))
            return op->error.code;
    return 0;
}

/* The order itself is asked for without RETURN: ESORT tells it as a set, in which a range
 * hides it. */
static void put_return(struct perch_enc *e, const struct perch_sort_args *args)
{
    const char *before = " RETURN (";
    const struct {
        bool asked;
        const char *word;
    } options[] = {{args->first, "MIN"}, {args->last, "MAX"}, {args->count, "COUNT"}};

    for (size_t i = 0; i < PERCH_COUNT(options); i++) {
        if (!options[i].asked)
            continue;
        perch_enc_word(e, before);
        perch_enc_word(e, options[i].word);
        before = " ";
    }
    perch_enc_char(e, ')');
}

static int build_sort(perch_op *op, struct perch_cmd *cmd)
{
    const struct sort_op *so = (struct sort_op *)op;
    struct perch_enc *e = &cmd->enc;

    if (perch_op_need(op, PERCH_CAP_SORT) || check_keys(op, so) ||
        perch_criteria_check(op, &so->criteria))
        return op->error.code;
    perch_enc_word(e, op->name);
    if (!so->args.all && perch_session_can(op->s, PERCH_CAP_ESORT))
        put_return(e, &so->args);
    for (size_t i = 0; i < so->args.nkeys; i++) {
        perch_enc_word(e, i ? " " : " (");
        perch_enc_word(e, so->keys[i].reverse ? "REVERSE " : "");
        perch_enc_word(e, key_names[so->keys[i].by]);
    }
    perch_enc_char(e, ')');
    put_criteria(e, &so->criteria);
    return 0;
}

static bool claims_sort(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    if (resp->type == PERCH_RESP_ESEARCH)
        return perch_sess_find_tag(op->s, resp->u.esearch.tag) == cmd;
    return resp->type == PERCH_RESP_SORT;
}

static void take_esearch(struct perch_sort_result *r, const struct perch_esearch_resp *answer)
{
    if (answer->have & PERCH_ESEARCH_MIN)
        r->first = answer->min;
    if (answer->have & PERCH_ESEARCH_MAX)
        r->last = answer->max;
    if (answer->have & PERCH_ESEARCH_COUNT)
        r->count = answer->count;
    if (answer->have & PERCH_ESEARCH_MODSEQ)
        r->modseq = answer->modseq;
}

static void take_sort(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct sort_op *so = (struct sort_op *)op;
    const struct perch_search_resp *answer = &resp->u.search;

    (void)cmd;
    if (resp->type == PERCH_RESP_ESEARCH) {
        take_esearch(&so->result, &resp->u.esearch);
        return;
    }
    so->result.emulated = true;
    if (answer->modseq)
        so->result.modseq = answer->modseq;
    append(op, &so->order, answer->order, answer->norder, sizeof *answer->order);
}

static void complete_result(struct sort_op *so)
{
    struct perch_sort_result *r = &so->result;

    r->order = (const uint32_t *)(const void *)perch_buf_data(&so->order);
    r->norder = so->order.len / sizeof *r->order;
    if (!r->norder)
        return;
    r->count = r->norder;
    r->first = r->order[0];
    r->last = r->order[r->norder - 1];
}

static void sort_answered(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    (void)cmd;
    perch_criteria_note_status(op, resp);
    complete_result((struct sort_op *)op);
    perch_op_finish_if_done(op);
}

static void sort_drop(perch_op *op)
{
    perch_buf_done(&((struct sort_op *)op)->order);
}

static const struct perch_op_type sort_type = {
    .name = "UID SORT",
    .size = sizeof(struct sort_op),
    .states = PERCH_IN(SELECTED),
    .answers = PERCH_ANSWERS_SEARCH,
    .build = build_sort,
    .claims = claims_sort,
    .take = take_sort,
    .answered = sort_answered,
    .drop = sort_drop,
};

static void copy_keys(struct sort_op *so)
{
    const struct perch_sort_key *keys = so->args.keys;
    perch_op *op = &so->op;

    if (!so->args.nkeys)
        (void)perch_op_fail(op, PERCH_EINVAL, "nothing to sort by");
    so->keys = perch_arena_array(&op->arena, so->args.nkeys, sizeof *so->keys);
    if (!so->keys)
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
    for (size_t i = 0; so->keys && i < so->args.nkeys; i++) {
        if ((unsigned)keys[i].by - 1 >= PERCH_COUNT(key_names) - 1)
            (void)perch_op_fail(op, PERCH_EINVAL, "a sort key that is none");
        so->keys[i] = keys[i];
    }
}

int perch_sort_start(perch_session *s, const struct perch_sort_args *args, perch_done_fn *done,
                     void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &sort_type, done, user);
    struct sort_op *so = (struct sort_op *)op;

    if (op) {
        perch_args_copy(&so->args, sizeof so->args, args);
        if (!so->args.first && !so->args.last && !so->args.count)
            so->args.all = true;
        if (so->args.seq) {
            op->name = "SORT";
            op->flags |= PERCH_OP_SEQ | PERCH_OP_STILL;
        }
        copy_keys(so);
        so->criteria = criteria_or_all(op, so->args.criteria);
    }
    return perch_op_start(s, op, ret_op);
}

const struct perch_sort_result *perch_op_sort(const perch_op *op)
{
    return op->type == &sort_type ? &((const struct sort_op *)op)->result : NULL;
}

/* ---- THREAD ---- */

struct thread_op {
    perch_op op;
    const char *capability; /* "THREAD=REFERENCES" */
    struct perch_search criteria;
    struct perch_buf nodes; /* of struct perch_thread_node */
    struct perch_thread_resp result;
};

static int build_thread(perch_op *op, struct perch_cmd *cmd)
{
    const struct thread_op *th = (struct thread_op *)op;
    struct perch_span algorithm = perch_span_of(th->capability);

    (void)perch_span_cut(&algorithm, '=');
    if (op->s->caps.known && !perch_session_has(op->s, th->capability))
        return perch_op_fail(op, PERCH_ECAPABILITY, "the server does not offer %s", th->capability);
    if (perch_criteria_check(op, &th->criteria))
        return op->error.code;
    perch_enc_word(&cmd->enc, op->name);
    perch_enc_sp(&cmd->enc);
    perch_enc_atom(&cmd->enc, algorithm);
    put_criteria(&cmd->enc, &th->criteria);
    return 0;
}

static bool claims_thread(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    (void)op;
    (void)cmd;
    return resp->type == PERCH_RESP_THREAD;
}

static void take_thread(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct thread_op *th = (struct thread_op *)op;

    (void)cmd;
    append(op, &th->nodes, resp->u.thread.v, resp->u.thread.n, sizeof *resp->u.thread.v);
}

static void thread_answered(perch_op *op, const struct perch_cmd *cmd,
                            const struct perch_resp *resp)
{
    struct thread_op *th = (struct thread_op *)op;
    struct perch_thread_resp *r = &th->result;

    (void)cmd;
    perch_criteria_note_status(op, resp);
    r->v = (const struct perch_thread_node *)(const void *)perch_buf_data(&th->nodes);
    r->n = th->nodes.len / sizeof *r->v;
    perch_op_finish_if_done(op);
}

static void thread_drop(perch_op *op)
{
    perch_buf_done(&((struct thread_op *)op)->nodes);
}

static const struct perch_op_type thread_type = {
    .name = "UID THREAD",
    .size = sizeof(struct thread_op),
    .states = PERCH_IN(SELECTED),
    .answers = PERCH_ANSWERS_SEARCH,
    .build = build_thread,
    .claims = claims_thread,
    .take = take_thread,
    .answered = thread_answered,
    .drop = thread_drop,
};

int perch_thread_start(perch_session *s, const struct perch_thread_args *args, perch_done_fn *done,
                       void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &thread_type, done, user);
    struct thread_op *th = (struct thread_op *)op;
    struct perch_thread_args a;

    if (op) {
        perch_args_copy(&a, sizeof a, args);
        if (a.seq) {
            op->name = "THREAD";
            op->flags |= PERCH_OP_SEQ | PERCH_OP_STILL;
        }
        th->capability =
            perch_arena_printf(&op->arena, "THREAD=%s", a.algorithm ? a.algorithm : "REFERENCES");
        if (!th->capability)
            (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
        th->criteria = criteria_or_all(op, a.criteria);
    }
    return perch_op_start(s, op, ret_op);
}

const struct perch_thread_resp *perch_op_threads(const perch_op *op)
{
    return op->type == &thread_type ? &((const struct thread_op *)op)->result : NULL;
}
