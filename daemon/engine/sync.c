/* The cursor rule (RFC 7162 section 6): pushes and rows change rows, but HIGHESTMODSEQ moves
 * only where a tagged answer was read, to what the mailbox had then; UIDNEXT moves when all
 * below it was asked for and answered. Both travel in the last change set of what they cover,
 * so that a crash finds again whatever was not written. */
#include "engine/sync.h"

#include "engine/gather.h"
#include "engine/steps.h"
#include "log.h"

#include "base/clock.h"
#include "base/mem.h"
#include "perch/commands.h"

#define RESYNCS_MAX 16   /* on one connection */
#define VISIT_MS    2000 /* a first contact lets other mailboxes have their turn */

void sync_init(struct sync *s)
{
    *s = (struct sync){0};
}

void sync_drop(struct account *a)
{
    struct sync *s = &a->sync;

    change_free(s->set);
    perch_set_done(&s->alive);
    perch_set_done(&s->todo);
    perch_set_done(&s->missing);
    perch_set_done(&s->seqs);
    sync_init(s);
}

void sync_missing(struct account *a, const struct mailbox *m, const struct perch_set *uids)
{
    if (!uids->n || a->sync.box != m || !a->sync.selected)
        return;
    if (perch_set_add_set(&a->sync.missing, uids) == 0)
        a->sync.steps |= STEP_MISSING;
}

/* ---- EXAMINE ---- */

/* The others need not suffer; the next look around gives it another chance. */
static void give_up(struct account *a, const char *why)
{
    struct mailbox *m = a->sync.box;

    log_at(m->complained ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, a->cfg->key,
           "mailbox %s cannot be watched: %s", m->name, why);
    m->complained = m->unusable = true;
    m->dirty = false;
    sync_drop(a);
}

static struct plan_answer answer_of(const struct mailbox *m, const struct perch_mailbox *selected)
{
    return (struct plan_answer){
        .uidvalidity = selected->uidvalidity,
        .uidnext = selected->uidnext ? selected->uidnext : m->told_uidnext,
        .highestmodseq = selected->nomodseq ? 0 : selected->highestmodseq,
        .messages = selected->exists,
    };
}

static bool sent_qresync(const struct account *a, const struct mailbox *m)
{
    return perch_session_enabled(a->session, PERCH_CAP_QRESYNC) && plan_can_qresync(&m->known);
}

static void follow_plan(struct account *a, const struct plan *plan,
                        const struct plan_answer *answer)
{
    struct sync *s = &a->sync;

    if (plan->steps & (STEP_BEGIN | STEP_RESET))
        change_free(perch_take(s->set)); /* rows of a mailbox that is no more */
    s->box->complained = false;
    s->selected = true;
    s->steps = plan->steps;
    s->uidnext = answer->uidnext;
    s->target_modseq = answer->highestmodseq;
    s->has_modseq = answer->highestmodseq != s->box->known.highestmodseq;
    s->cursor_due = true;
}

static void on_examined(perch_op *op, void *user)
{
    struct account *a = user;
    struct sync *s = &a->sync;
    struct plan_answer answer;
    struct plan plan;
    bool no;

    if (!account_op_ok(a, op, &no)) {
        if (no) {
            give_up(a, perch_op_error(op)->text);
            sync_pump(a);
        }
        return;
    }
    s->busy = false;
    answer = answer_of(s->box, perch_session_mailbox(a->session));
    plan = plan_make(&s->box->known, &answer, sent_qresync(a, s->box));
    if (plan.verdict == PLAN_OK)
        follow_plan(a, &plan, &answer);
    else
        give_up(a, "the server gives it no UIDVALIDITY");
    sync_pump(a);
}

static void on_sync_row(perch_op *op, const struct perch_fetch *row, void *user)
{
    (void)op;
    gather_row(user, row, ROW_FLAGS);
}

static void on_vanished_row(perch_op *op, const struct perch_vanished_resp *row, void *user)
{
    (void)op;
    gather_vanished(user, &row->uids);
}

static void examine(struct account *a)
{
    struct sync *s = &a->sync;
    struct mailbox *m = s->box;
    struct perch_range range = mailbox_known_uids(m);
    struct perch_set known = {.r = &range, .n = 1};
    struct perch_select_args args = PERCH_SELECT_ARGS_INIT;

    args.mailbox = m->raw;
    args.raw_name = true;
    args.examine = true;
    args.condstore = perch_session_can(a->session, PERCH_CAP_CONDSTORE);
    if (sent_qresync(a, m)) {
        args.uidvalidity = m->known.uidvalidity;
        args.modseq = m->known.highestmodseq;
        if (mailbox_unfinished(m)) {
            range.last = UINT32_MAX;
            args.known_uids = &known;
        }
        args.on_fetch = on_sync_row;
        args.on_vanished = on_vanished_row;
    }
    s->busy = true;
    if (perch_select_start(a->session, &args, on_examined, a, NULL) < 0)
        account_fail(a, perch_session_error(a->session));
}

void sync_visit(struct account *a, struct mailbox *m)
{
    sync_drop(a);
    a->sync.box = m;
    a->sync.began = perch_clock_ms();
    examine(a);
}

/* ---- the pump ---- */

/* Everything but a first contact was asked for and answered: the cursors travel with what was
 * gathered. */
static bool hand_over_catch_up(struct account *a)
{
    struct sync *s = &a->sync;
    struct change_set *set;

    if (s->cursor_due && s->has_modseq) {
        set = gather_set(a);
        if (!set)
            return false;
        set->has_modseq = true;
        set->highestmodseq = s->target_modseq;
        s->box->known.highestmodseq = s->target_modseq;
    }
    s->cursor_due = false;
    gather_flush(a);
    return true;
}

/* As many messages as the server has? If not, one search finds which. */
static bool counts_agree(struct account *a)
{
    struct sync *s = &a->sync;

    if (s->box->known.messages == perch_session_mailbox(a->session)->exists) {
        s->verified = false;
        return true;
    }
    if (s->verified)
        return true; /* looked, and could not do better */
    s->verified = true;
    s->steps |= STEP_SEARCH;
    return false;
}

static bool over_time(const struct account *a)
{
    return perch_clock_ms() - a->sync.began > VISIT_MS;
}

static void caught_up(struct account *a)
{
    struct sync *s = &a->sync;

    s->caught_up = true;
    s->box->met = true;
    s->box->compare = false;
    s->box->dirty = mailbox_unfinished(s->box);
}

/* What is pushed waits for the one job in the store's hands and then goes together. */
static void hand_over_live(struct account *a)
{
    if (flow_idle(a))
        gather_flush(a);
}

/* What is known of the mailbox is in doubt. A server that makes us doubt for ever is left. */
static void select_again(struct account *a)
{
    gather_flush(a);
    if (!flow_idle(a))
        return;
    if (++a->resyncs > RESYNCS_MAX)
        account_fail_text(a, PERCH_EPROTO, "resync",
                          "the server contradicts itself about mailbox %s again and again",
                          a->sync.box->name);
    else
        sync_visit(a, a->sync.box);
}

/* One thing to do; true if there may be more to do at once. */
static bool advance(struct account *a)
{
    struct sync *s = &a->sync;
    uint32_t urgent = s->steps & ~(uint32_t)STEP_INITIAL;

    if (s->again) {
        select_again(a);
        return false;
    }
    if (s->step && !flow_idle(a))
        return false; /* no more than a window in memory, and one in the store's hands */
    if (s->step || urgent) {
        steps_take(a, s->step ? s->step : (enum step)(urgent & -urgent));
        return !s->busy;
    }
    if (!s->caught_up) {
        if (!hand_over_catch_up(a) || !flow_idle(a))
            return false;
        caught_up(a);
        return true;
    }
    hand_over_live(a);
    if (!flow_idle(a))
        return false;
    if (s->steps & STEP_INITIAL) {
        if (over_time(a) && account_others_wait(a)) {
            account_next(a);
            return false;
        }
        steps_take(a, STEP_INITIAL);
        return !s->busy;
    }
    if (!counts_agree(a))
        return true;
    account_next(a);
    return false;
}

void sync_pump(struct account *a)
{
    while (account_connected(a) && a->sync.selected && !a->sync.busy && advance(a))
        continue;
    if (account_connected(a) && !a->sync.box)
        account_next(a);
}

bool sync_settled(const struct account *a)
{
    const struct sync *s = &a->sync;

    return !s->busy && !s->set && flow_idle(a) && !(s->steps & ~(uint32_t)STEP_INITIAL);
}

void sync_compare(struct account *a)
{
    if (!a->sync.selected || a->sync.box->known.highestmodseq)
        return;
    a->sync.alive_known = false;
    a->sync.steps |= STEP_SEARCH | STEP_FLAGS_ALL;
    account_wake(a);
}

/* ---- cursors at tagged answers ---- */

void sync_tagged(struct account *a, const perch_op *op)
{
    struct sync *s = &a->sync;
    const struct perch_status_resp *status = perch_op_status(op);
    struct change_set *set;
    uint64_t next;

    if (!s->caught_up || !s->box->known.highestmodseq || s->box->known.sync != STORE_SYNC_DONE ||
        (s->steps & STEP_FLAGS_SINCE))
        return;
    if (status && status->code == PERCH_CODE_HIGHESTMODSEQ)
        s->told_modseq = status->u.number;
    next = s->told_modseq ? s->told_modseq : s->seen_modseq;
    s->told_modseq = s->seen_modseq = 0;
    if (next <= s->box->known.highestmodseq)
        return;
    set = gather_set(a);
    if (!set)
        return;
    set->has_modseq = true;
    set->highestmodseq = next;
    s->box->known.highestmodseq = next;
    account_wake(a);
}

/* ---- pushes ---- */

static void pushed_fetch(struct account *a, const struct perch_fetch *f)
{
    struct sync *s = &a->sync;

    if (!(f->have & PERCH_ITEM_FLAGS))
        return;
    if (s->box->known.highestmodseq && (!f->uid || !(f->have & PERCH_ITEM_MODSEQ))) {
        s->steps |= STEP_FLAGS_SINCE; /* an event's id needs the MODSEQ */
    } else if (f->uid) {
        gather_row(a, f, ROW_FLAGS);
    } else if (perch_set_add(&s->seqs, f->seq, f->seq) == 0) {
        s->steps |= STEP_FLAGS_SEQS;
    }
}

static void pushed_expunge(struct sync *s)
{
    s->alive_known = false;
    s->steps |= STEP_SEARCH;
    /* Sequence numbers moved under the flags that were named. */
    if (s->seqs.n || s->step == STEP_FLAGS_SEQS)
        s->steps |= STEP_FLAGS_ALL;
}

static void pushed_code(struct sync *s, const struct perch_status_resp *status)
{
    if (status->code == PERCH_CODE_HIGHESTMODSEQ)
        s->told_modseq = status->u.number;
    else if (status->code == PERCH_CODE_UIDVALIDITY &&
             status->u.number != s->box->known.uidvalidity)
        s->again = true;
}

static void pushed(struct account *a, const struct perch_event *event)
{
    struct sync *s = &a->sync;

    switch (event->kind) {
    case PERCH_EVENT_EXISTS:
        if (event->number > event->old) {
            s->alive_known = false;
            s->steps |= STEP_NEW;
        }
        break;
    case PERCH_EVENT_EXPUNGE:
        pushed_expunge(s);
        break;
    case PERCH_EVENT_VANISHED:
        gather_vanished(a, &event->resp->u.vanished.uids);
        break;
    case PERCH_EVENT_FETCH:
        pushed_fetch(a, &event->resp->u.fetch);
        break;
    case PERCH_EVENT_OK:
        pushed_code(s, &event->resp->u.status);
        break;
    case PERCH_EVENT_RESYNC:
        s->again = true;
        break;
    case PERCH_EVENT_FLAGS:
    case PERCH_EVENT_LIST:
    case PERCH_EVENT_STATUS:
    case PERCH_EVENT_METADATA:
    case PERCH_EVENT_SEARCH:
    case PERCH_EVENT_ALERT:
    case PERCH_EVENT_BYE:
    case PERCH_EVENT_CAPABILITY:
    case PERCH_EVENT_OTHER:
    case PERCH_EVENT_MALFORMED:
    case PERCH_EVENT_QUIRK:
        return;
    }
    account_wake(a);
}

void sync_event(struct account *a, const struct perch_event *event)
{
    /* While a mailbox is being selected nobody can say whose news it is: the cursors, which
     * did not move, will find it again. */
    if (a->sync.selected && !event->op)
        pushed(a, event);
}
