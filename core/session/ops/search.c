/* SEARCH, UID SEARCH (RFC 9051 6.4.4, RFC 4731). Where the server has ESEARCH it counts;
 * else perch does. Either answer is taken for either request: Cyrus answers SEARCH. */
#include "session/ops/criteria.h"

#include "perch/commands.h"

#include "base/mem.h"

/* What one search may bring, against floods. The RFC knows one response; some servers cut
 * it up. Ranges are of the whole result: 2 MiB. */
#define ANSWERS_MAX 1000
#define RANGES_MAX  262144

struct search_op {
    perch_op op;
    struct perch_search_args args;
    struct perch_search criteria;
    struct perch_search_result result;
    unsigned answers;
};

/* ---- what leaves ---- */

static void put_return(struct perch_enc *e, const struct perch_search_args *args)
{
    const struct {
        bool asked;
        const char *word;
    } options[] = {
        {args->min, "MIN"}, {args->max, "MAX"}, {args->count, "COUNT"}, {args->all, "ALL"}};
    bool first = true;

    perch_enc_word(e, " RETURN (");
    for (size_t i = 0; i < PERCH_COUNT(options); i++) {
        if (!options[i].asked)
            continue;
        if (!first)
            perch_enc_sp(e);
        perch_enc_word(e, options[i].word);
        first = false;
    }
    perch_enc_char(e, ')');
}

static int build_search(perch_op *op, struct perch_cmd *cmd)
{
    const struct search_op *q = (struct search_op *)op;

    if (perch_criteria_check(op, &q->criteria))
        return op->error.code;
    perch_enc_word(&cmd->enc, op->name);
    if (perch_session_can(op->s, PERCH_CAP_ESEARCH))
        put_return(&cmd->enc, &q->args);
    perch_enc_sp(&cmd->enc);
    perch_enc_search(&cmd->enc, &q->criteria);
    return 0;
}

static void search_begun(perch_op *op, struct perch_cmd *cmd)
{
    (void)cmd;
    ((struct search_op *)op)->result.emulated = !perch_session_can(op->s, PERCH_CAP_ESEARCH);
}

/* ---- what comes ---- */

static bool claims_search(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    const struct perch_span tag =
        resp->type == PERCH_RESP_ESEARCH ? resp->u.esearch.tag : (struct perch_span){0};

    if (resp->type == PERCH_RESP_ESEARCH && tag.p)
        return perch_sess_find_tag(op->s, tag) == cmd;
    return resp->type == PERCH_RESP_SEARCH || resp->type == PERCH_RESP_ESEARCH;
}

static void add_found(struct search_op *q, const struct perch_set *set)
{
    struct perch_set *all = &q->result.all;

    if (q->op.error.code)
        return;
    if (++q->answers > ANSWERS_MAX || all->n + set->n > RANGES_MAX)
        (void)perch_op_fail(&q->op, PERCH_ELIMIT,
                            "the server finds more than %d ranges, or says "
                            "it in more than %d pieces",
                            RANGES_MAX, ANSWERS_MAX);
    else if (perch_set_add_set(all, set))
        (void)perch_op_fail(&q->op, PERCH_ENOMEM, "out of memory");
}

static void take_esearch(struct search_op *q, const struct perch_esearch_resp *answer)
{
    struct perch_search_result *r = &q->result;

    r->emulated = false;
    add_found(q, &answer->all);
    if (answer->have & PERCH_ESEARCH_MIN)
        r->min = answer->min;
    if (answer->have & PERCH_ESEARCH_MAX)
        r->max = answer->max;
    if (answer->have & PERCH_ESEARCH_COUNT)
        r->count = answer->count;
    if (answer->have & PERCH_ESEARCH_MODSEQ)
        r->modseq = answer->modseq;
}

static void take_search(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    struct search_op *q = (struct search_op *)op;

    (void)cmd;
    if (resp->type == PERCH_RESP_ESEARCH) {
        take_esearch(q, &resp->u.esearch);
        return;
    }
    q->result.emulated = true;
    add_found(q, &resp->u.search.set);
    if (resp->u.search.modseq)
        q->result.modseq = resp->u.search.modseq;
}

/* What follows from the set is told whether or not it was asked for. */
static void complete_result(struct search_op *q)
{
    struct perch_search_result *r = &q->result;

    if (!r->all.n)
        return;
    r->min = r->all.r[0].first;
    r->max = r->all.r[r->all.n - 1].last;
    r->count = perch_set_count(&r->all);
}

static void search_answered(perch_op *op, const struct perch_cmd *cmd,
                            const struct perch_resp *resp)
{
    (void)cmd;
    perch_criteria_note_status(op, resp);
    complete_result((struct search_op *)op);
    perch_op_finish_if_done(op);
}

static void search_drop(perch_op *op)
{
    perch_set_done(&((struct search_op *)op)->result.all);
}

static const struct perch_op_type search_type = {
    .name = "UID SEARCH",
    .size = sizeof(struct search_op),
    .states = PERCH_IN(SELECTED),
    .answers = PERCH_ANSWERS_SEARCH,
    .build = build_search,
    .begun = search_begun,
    .claims = claims_search,
    .take = take_search,
    .answered = search_answered,
    .drop = search_drop,
};

/* ---- starting ---- */

int perch_search_start(perch_session *s, const struct perch_search_args *args, perch_done_fn *done,
                       void *user, perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &search_type, done, user);
    struct search_op *q = (struct search_op *)op;

    if (op) {
        perch_args_copy(&q->args, sizeof q->args, args);
        if (!q->args.min && !q->args.max && !q->args.count)
            q->args.all = true;
        q->criteria = perch_criteria_copy(op, q->args.criteria);
        if (q->args.seq) {
            op->name = "SEARCH";
            op->flags |= PERCH_OP_SEQ | PERCH_OP_STILL;
        }
    }
    return perch_op_start(s, op, ret_op);
}

const struct perch_search_result *perch_op_search(const perch_op *op)
{
    return op->type == &search_type ? &((const struct search_op *)op)->result : NULL;
}
