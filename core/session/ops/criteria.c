/* Criteria are copied whole when the op is made: the caller's tree need not outlive the
 * call. */
#include "session/ops/criteria.h"

#include "base/err.h"

#define CRITERIA_DEPTH 64 /* the encoder goes no deeper */

static struct perch_search copy_criteria(perch_op *op, const struct perch_search *from,
                                         unsigned depth)
{
    struct perch_search to = *from;
    struct perch_search *list;
    struct perch_set *set;

    to.text = perch_op_copy(op, from->text);
    to.field = perch_op_copy(op, from->field);
    if (from->set) {
        set = perch_arena_zalloc(&op->arena, sizeof *set);
        if (!set)
            (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
        else
            *set = perch_op_copy_set(op, from->set);
        to.set = set;
    }
    if (!from->nlist)
        return to;
    if (depth == CRITERIA_DEPTH)
        (void)perch_op_fail(op, PERCH_ECRITERIA, "lists in more than %d lists", CRITERIA_DEPTH);
    list = perch_arena_array(&op->arena, from->nlist, sizeof *list);
    if (!list)
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
    for (size_t i = 0; i < from->nlist && !op->error.code; i++)
        list[i] = copy_criteria(op, &from->list[i], depth + 1);
    to.list = list;
    return to;
}

/* Does it name messages by sequence number, so that none may vanish meanwhile? */
static bool names_seqs(const struct perch_search *criteria, unsigned depth)
{
    if (criteria->key == PERCH_SEARCH_SEQ || criteria->key == PERCH_SEARCH_RAW)
        return true;
    for (size_t i = 0; i < criteria->nlist && depth < CRITERIA_DEPTH; i++)
        if (names_seqs(&criteria->list[i], depth + 1))
            return true;
    return false;
}

struct perch_search perch_criteria_copy(perch_op *op, const struct perch_search *from)
{
    struct perch_search criteria = perch_search_key(PERCH_SEARCH_NONE);

    if (!from) {
        (void)perch_op_fail(op, PERCH_ECRITERIA, "no criteria given");
        return criteria;
    }
    criteria = copy_criteria(op, from, 0);
    if (!op->error.code && names_seqs(&criteria, 0))
        op->flags |= PERCH_OP_SEQ;
    return criteria;
}

int perch_criteria_check(perch_op *op, const struct perch_search *criteria)
{
    uint32_t needs = perch_search_needs(criteria);

    for (uint32_t bit = 1; bit && bit <= needs; bit <<= 1) {
        const char *name = perch_search_need_name((enum perch_search_need)bit);

        if ((needs & bit) && op->s->caps.known && !perch_session_has(op->s, name))
            return perch_op_fail(op, PERCH_ECAPABILITY, "the server does not offer %s", name);
    }
    return 0;
}

void perch_criteria_note_status(perch_op *op, const struct perch_resp *resp)
{
    perch_op_note_status(op, resp);
    if (op->error.code == PERCH_EBAD)
        perch_error_set(&op->error, PERCH_ECRITERIA, PERCH_HITS_OP, PERCH_FIX_CODE, NULL,
                        "the server does not understand the criteria%s%s", *op->text ? ": " : "",
                        op->text);
}
