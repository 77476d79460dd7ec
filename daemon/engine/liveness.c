#include "engine/liveness.h"

#include "perch/response.h"

#include <string.h>

void liveness_up(struct liveness *l, int64_t now)
{
    l->up_since = now;
    l->refusals = 0;
}

void liveness_forgive(struct liveness *l)
{
    l->failures = 0;
    l->refusals = 0;
}

bool liveness_refused(const struct perch_error *why)
{
    if (why->code != PERCH_EAUTH && why->code != PERCH_ETOKEN)
        return false;
    if (why->reason && strcmp(why->reason, NO_SECRET) == 0)
        return false; /* none was offered */
    switch (why->resp_code) {
    case PERCH_CODE_UNAVAILABLE:
    case PERCH_CODE_INUSE:
    case PERCH_CODE_LIMIT:
        return false;
    default:
        return true;
    }
}

int64_t backoff_delay(unsigned failures, uint32_t random)
{
    int64_t bound = 2 * BACKOFF_MIN_MS;

    for (unsigned i = 1; i < failures && bound < BACKOFF_MAX_MS; i++)
        bound *= 3;
    if (bound > BACKOFF_MAX_MS)
        bound = BACKOFF_MAX_MS;
    return BACKOFF_MIN_MS + (int64_t)random * (bound - BACKOFF_MIN_MS) / UINT32_MAX;
}

struct liveness_next liveness_failed(struct liveness *l, const struct perch_error *why, int64_t now,
                                     uint32_t random)
{
    struct liveness_next next = {0};

    if (l->up_since && now - l->up_since >= STABLE_MS)
        l->failures = 0;
    l->up_since = 0;
    l->failures++;
    next.delay_ms = backoff_delay(l->failures, random);
    if (!liveness_refused(why))
        return next;
    l->refusals++;
    next.auth_error = l->refusals == AUTH_TRIES;
    if (l->refusals >= AUTH_TRIES)
        next.delay_ms = AUTH_HOLD_MS;
    return next;
}
