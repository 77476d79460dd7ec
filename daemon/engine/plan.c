#include "engine/plan.h"

static bool never_seen(const struct plan_known *known)
{
    return !known->uidvalidity || known->sync == STORE_SYNC_NONE ||
           known->sync == STORE_SYNC_DELETED;
}

static bool initial_unfinished(const struct plan_known *known)
{
    return known->sync == STORE_SYNC_INITIAL || known->sync == STORE_SYNC_AGAIN;
}

/* A cursor above the server's own value was never given by this server: it lost its state. */
static bool cursor_trusted(const struct plan_known *known, const struct plan_answer *answer)
{
    return known->highestmodseq && known->highestmodseq <= answer->highestmodseq;
}

/* Nothing arrived and as many are there as before: then nothing is gone either. */
static bool same_messages(const struct plan_known *known, const struct plan_answer *answer)
{
    return answer->uidnext && answer->uidnext == known->uidnext &&
           answer->messages == known->messages;
}

/* All that is there has to be found, in windows that a search lays out. */
static uint32_t first_contact(enum step how, const struct plan_answer *answer)
{
    return how | (answer->messages ? STEP_SEARCH | STEP_INITIAL : 0u);
}

static uint32_t old_messages(const struct plan_known *known, const struct plan_answer *answer,
                             bool qresync)
{
    uint32_t steps = 0;

    if (!cursor_trusted(known, answer))
        return known->messages ? STEP_SEARCH | STEP_FLAGS_ALL : 0;
    if (qresync)
        return 0;
    if (answer->highestmodseq != known->highestmodseq)
        steps |= STEP_FLAGS_SINCE;
    if (!same_messages(known, answer))
        steps |= STEP_SEARCH;
    return known->messages ? steps : 0;
}

struct plan plan_make(const struct plan_known *known, const struct plan_answer *answer,
                      bool qresync)
{
    struct plan plan = {.verdict = PLAN_OK};

    if (!answer->uidvalidity) {
        plan.verdict = PLAN_NO_UIDVALIDITY;
        return plan;
    }
    if (never_seen(known)) {
        plan.steps = first_contact(STEP_BEGIN, answer);
        return plan;
    }
    if (known->uidvalidity != answer->uidvalidity) {
        plan.steps = first_contact(STEP_RESET, answer);
        return plan;
    }
    plan.steps = old_messages(known, answer, qresync);
    /* Whoever lowers UIDNEXT is not believed: look. */
    if (answer->uidnext != known->uidnext || !answer->uidnext)
        plan.steps |= STEP_NEW;
    if (initial_unfinished(known))
        plan.steps |= STEP_SEARCH | STEP_INITIAL;
    return plan;
}

bool plan_nothing_new(const struct plan_known *known, const struct plan_answer *status)
{
    return known->sync == STORE_SYNC_DONE && known->uidvalidity == status->uidvalidity &&
           same_messages(known, status) && known->highestmodseq == status->highestmodseq;
}

bool plan_can_qresync(const struct plan_known *known)
{
    return !never_seen(known) && known->highestmodseq;
}
