/* Looking around: every `poll`, with IDLE or without. */
#include "engine/watch.h"

#include "engine/listing.h"
#include "engine/sync.h"

#include "base/clock.h"
#include "perch/commands.h"

/* The account's timer does it all. */
static void do_nothing(struct account *a)
{
    (void)a;
}

const struct watch watch_poll = {.name = "poll", .start = do_nothing, .stop = do_nothing};

const struct watch *watch_choose(const struct account *a)
{
    bool idle = perch_session_can(a->session, PERCH_CAP_IDLE);

    return idle && a->cfg->watch != WATCH_POLL ? &watch_idle : &watch_poll;
}

/* A tenth more or less, so that many accounts do not ask at the same moment for ever. */
static int64_t poll_delay(const struct account *a)
{
    int64_t tenth = a->cfg->poll_ms / 10;

    return a->cfg->poll_ms - tenth +
           (int64_t)a->host->random(a->host->user) * 2 * tenth / UINT32_MAX;
}

void watch_answered(struct account *a)
{
    if (a->asked && --a->asked)
        return;
    account_set_timer(a, poll_delay(a));
    account_next(a);
}

/* The tagged answer is the point at which the cursor may move. */
static void on_noop_done(perch_op *op, void *user)
{
    struct account *a = user;
    bool no;

    if (!account_op_ok(a, op, &no)) {
        if (no)
            account_fail(a, perch_op_error(op));
        return;
    }
    sync_tagged(a, op);
    watch_answered(a);
}

static bool start_noop(struct account *a)
{
    perch_op *op;

    if (perch_noop_start(a->session, on_noop_done, a, &op) < 0) {
        account_fail(a, perch_session_error(a->session));
        return false;
    }
    perch_op_set_timeout(op, PROBE_MS);
    return true;
}

/* Without CONDSTORE nothing tells that flags moved elsewhere: compare, once in a while. */
static void compare_when_due(struct account *a)
{
    int64_t now = perch_clock_ms();

    if (now < a->rescan_at)
        return;
    a->rescan_at = now + a->cfg->rescan_ms;
    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m)
        if (!m->known.highestmodseq && m != a->sync.box)
            m->compare = m->dirty = true;
    sync_compare(a);
}

/* What could not be selected may have been a passing trouble. */
static void another_chance(struct account *a)
{
    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m) {
        m->dirty |= m->unusable;
        m->unusable = false;
    }
}

void watch_look(struct account *a)
{
    another_chance(a);
    compare_when_due(a);
    a->asked = 2; /* counted before anything can be answered */
    if (!listing_has_status(a))
        PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m)
            a->asked += m != a->sync.box;
    if (!start_noop(a))
        return;
    listing_start(a);
    if (!account_connected(a) || listing_has_status(a))
        return;
    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m)
        if (m != a->sync.box && account_connected(a))
            listing_status(a, m);
}
