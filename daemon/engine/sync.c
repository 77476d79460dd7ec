/* The cursor rule (RFC 7162 section 6): pushes and rows change rows, but HIGHESTMODSEQ moves
 * only where a tagged answer was read, to what the mailbox had then; UIDNEXT moves when all
 * below it was asked for and answered. Both travel in the last change set of what they cover,
 * so that a crash finds again whatever was not written. */
#include "engine/sync.h"

#include "log.h"

#include "base/clock.h"
#include "base/mem.h"
#include "perch/commands.h"
#include "perch/search.h"

#include <inttypes.h>

#define WINDOW       500  /* messages asked for at once with all they have */
#define FLAGS_WINDOW 2000 /* messages whose flags are asked for at once */
#define SEARCHES_MAX 3    /* the answer must fit the number of messages at some time */
#define RESYNCS_MAX  16   /* on one connection */
#define VISIT_MS     2000 /* a first contact lets other mailboxes have their turn */

/* Items that no push carries: a row with one of them is an answer. */
#define WHOLE_ITEMS                                                                                \
    (PERCH_ITEM_ENVELOPE | PERCH_ITEM_BODYSTRUCTURE | PERCH_ITEM_INTERNALDATE | PERCH_ITEM_SIZE)

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

static void out_of_memory(struct account *a)
{
    account_fail_text(a, PERCH_ENOMEM, "memory", "out of memory");
}

static bool first_contact_unfinished(const struct mailbox *m)
{
    return m->known.sync == STORE_SYNC_INITIAL || m->known.sync == STORE_SYNC_AGAIN;
}

/* The UIDs that are stored: none below a first contact's mark. Empty if first > last. */
static struct perch_range known_uids(const struct mailbox *m)
{
    return (struct perch_range){
        .first = first_contact_unfinished(m) ? m->initial_below : 1,
        .last = m->known.uidnext ? m->known.uidnext - 1 : 0,
    };
}

static bool has_condstore(const struct account *a)
{
    return perch_session_can(a->session, PERCH_CAP_CONDSTORE);
}

/* ---- change sets ---- */

void sync_missing(struct account *a, const struct mailbox *m, const struct perch_set *uids)
{
    if (!uids->n || a->sync.box != m || !a->sync.selected)
        return;
    if (perch_set_add_set(&a->sync.missing, uids) == 0)
        a->sync.steps |= STEP_MISSING;
}

/* The set being filled. NULL: out of memory, and the connection is closed. */
static struct change_set *open_set(struct account *a)
{
    struct sync *s = &a->sync;
    struct change_set *set = s->set;

    if (set)
        return set;
    set = change_new();
    if (!set || !account_emission(a, s->box, &set->arena, &set->emission)) {
        change_free(set);
        out_of_memory(a);
        return NULL;
    }
    set->mailbox = s->box->id;
    set->uidvalidity = s->box->known.uidvalidity;
    set->live = s->box->met;
    set->first_run = a->cfg->first_run;
    s->set = set;
    return set;
}

void sync_flush(struct account *a)
{
    struct change_set *set = perch_take(a->sync.set);

    if (!set || change_empty(set))
        change_free(set);
    else
        flow_submit_changes(a, set);
}

/* ---- rows ---- */

static void note_modseq(struct sync *s, uint64_t modseq)
{
    if (modseq > s->seen_modseq)
        s->seen_modseq = modseq;
}

static void take_row(struct account *a, const struct perch_fetch *f, enum row_kind kind)
{
    struct change_set *set;

    if (!f->uid)
        return;
    if (kind != ROW_FLAGS && !(f->have & WHOLE_ITEMS))
        kind = ROW_FLAGS; /* a push that looks like an answer */
    if (kind == ROW_FLAGS && !(f->have & PERCH_ITEM_FLAGS))
        return;
    if (f->have & PERCH_ITEM_MODSEQ)
        note_modseq(&a->sync, f->modseq);
    set = open_set(a);
    if (!set)
        return;
    if (!change_add_row(set, f, kind)) {
        out_of_memory(a);
        return;
    }
    if (set->nwhole >= WINDOW || set->nrows >= FLAGS_WINDOW)
        sync_flush(a);
}

static void take_vanished(struct account *a, const struct perch_set *uids)
{
    struct change_set *set = open_set(a);

    if (set && change_has_whole_row_of(set, uids)) {
        sync_flush(a);
        set = open_set(a);
    }
    if (set && !change_add_vanished(set, uids))
        out_of_memory(a);
}

static void on_known_row(perch_op *op, const struct perch_fetch *row, void *user)
{
    (void)op;
    take_row(user, row, ROW_FLAGS);
}

static void on_new_row(perch_op *op, const struct perch_fetch *row, void *user)
{
    struct account *a = user;

    (void)op;
    if (row->uid > a->sync.last_uid)
        a->sync.last_uid = row->uid;
    take_row(a, row, ROW_NEW);
}

static void on_missing_row(perch_op *op, const struct perch_fetch *row, void *user)
{
    (void)op;
    take_row(user, row, ROW_NEW);
}

static void on_initial_row(perch_op *op, const struct perch_fetch *row, void *user)
{
    (void)op;
    take_row(user, row, ROW_INITIAL);
}

static void on_vanished_row(perch_op *op, const struct perch_vanished_resp *row, void *user)
{
    (void)op;
    take_vanished(user, &row->uids);
}

/* ---- EXAMINE ---- */

static void complain(struct account *a, struct mailbox *m, const char *what)
{
    if (!m->unusable)
        log_warn(a->cfg->key, "mailbox %s cannot be watched: %s", m->name, what);
    m->unusable = true;
    m->dirty = false;
}

/* The server will not open it: the others need not suffer. */
static void refused(struct account *a, const perch_op *op)
{
    struct sync *s = &a->sync;
    struct mailbox *m = s->box;

    s->box = NULL;
    s->selected = false;
    if (m == account_first_mailbox(a)) {
        account_fail(a, perch_op_error(op));
        return;
    }
    complain(a, m, perch_op_error(op)->text);
    sync_drop(a);
    account_wake(a);
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

    if (plan->steps & (STEP_BEGIN | STEP_RESET)) {
        change_free(perch_take(s->set)); /* rows of a mailbox that is no more */
        s->box->compare = false;
    }
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
        if (no)
            refused(a, op);
        return;
    }
    s->busy = false;
    answer = answer_of(s->box, perch_session_mailbox(a->session));
    plan = plan_make(&s->box->known, &answer, sent_qresync(a, s->box));
    if (plan.verdict == PLAN_NO_UIDVALIDITY) {
        complain(a, s->box, "the server gives it no UIDVALIDITY");
        sync_drop(a);
    } else {
        s->box->unusable = false;
        follow_plan(a, &plan, &answer);
    }
    account_wake(a);
}

static void examine(struct account *a)
{
    struct sync *s = &a->sync;
    struct mailbox *m = s->box;
    struct perch_range range = known_uids(m);
    struct perch_set known = {.r = &range, .n = 1};
    struct perch_select_args args = PERCH_SELECT_ARGS_INIT;

    args.mailbox = m->raw;
    args.raw_name = true;
    args.examine = true;
    args.condstore = has_condstore(a);
    if (sent_qresync(a, m)) {
        args.uidvalidity = m->known.uidvalidity;
        args.modseq = m->known.highestmodseq;
        if (first_contact_unfinished(m)) {
            range.last = UINT32_MAX;
            args.known_uids = &known;
        }
        args.on_fetch = on_known_row;
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

/* ---- steps ---- */

static void step_finished(struct account *a)
{
    struct sync *s = &a->sync;

    s->steps &= ~(uint32_t)s->step;
    s->step = 0;
}

/* The end of each step's command. False: there is nothing more to do here. */
static bool step_answered(struct account *a, perch_op *op)
{
    bool no;

    if (!account_op_ok(a, op, &no)) {
        if (no) /* what EXAMINE promised is refused: try again later, from the cursors */
            account_fail(a, perch_op_error(op));
        return false;
    }
    a->sync.busy = false;
    sync_tagged(a, op);
    account_wake(a);
    return true;
}

static void start_fetch(struct account *a, enum step step, const struct perch_fetch_args *args,
                        perch_done_fn *done)
{
    a->sync.step = step;
    a->sync.busy = true;
    if (perch_fetch_start(a->session, args, done, a, NULL) < 0)
        account_fail(a, perch_session_error(a->session));
}

/* Takes at most `max` numbers of `from`, the lowest or the highest, into `to`. */
static int take_some(struct perch_set *from, struct perch_set *to, uint32_t max, bool highest)
{
    while (max && from->n) {
        struct perch_range r = from->r[highest ? from->n - 1 : 0];

        if (r.last - r.first >= max) {
            if (highest)
                r.first = r.last - max + 1;
            else
                r.last = r.first + max - 1;
        }
        max -= r.last - r.first + 1;
        if (perch_set_add(to, r.first, r.last) || perch_set_remove(from, r.first, r.last))
            return PERCH_ENOMEM;
    }
    return PERCH_OK;
}

/* Leaves what lies within first..last. */
static int clip(struct perch_set *s, uint32_t first, uint32_t last)
{
    struct perch_range range = {first, last};
    struct perch_set window = {.r = &range, .n = 1};

    if (first > last) {
        perch_set_clear(s);
        return PERCH_OK;
    }
    return perch_set_intersect(s, &window);
}

/* SEARCH */

/* A search is believed when it names as many messages as there are: nothing is ever taken for
 * gone because an answer was short. */
static bool search_fits(struct account *a)
{
    struct sync *s = &a->sync;
    const struct perch_mailbox *selected = perch_session_mailbox(a->session);

    if (perch_set_count(&s->alive) == selected->exists) {
        s->searches = 0;
        return true;
    }
    s->searches++;
    return false;
}

static void note_alive(struct account *a)
{
    struct sync *s = &a->sync;
    struct perch_range range = known_uids(s->box);
    struct change_set *set;

    if (range.first > range.last || (s->steps & (STEP_BEGIN | STEP_RESET)))
        return;
    if (s->set && s->set->nwhole)
        sync_flush(a); /* deletions come first in a set: these rows may be among the gone */
    set = open_set(a);
    if (!set)
        return;
    if (perch_set_copy(&set->alive, &s->alive)) {
        out_of_memory(a);
        return;
    }
    set->complete = true;
    set->alive_first = range.first;
    set->alive_last = range.last;
}

static void on_searched(perch_op *op, void *user)
{
    struct account *a = user;
    struct sync *s = &a->sync;

    if (!step_answered(a, op))
        return;
    if (perch_set_copy(&s->alive, &perch_op_search(op)->all)) {
        out_of_memory(a);
        return;
    }
    if (search_fits(a)) {
        note_alive(a);
    } else if (s->searches < SEARCHES_MAX) {
        s->step = 0; /* something moved meanwhile: again */
        return;
    } else {
        log_debug(a->cfg->key, "mailbox %s: SEARCH finds another number of messages than EXISTS",
                  s->box->name);
        s->searches = 0;
    }
    s->alive_known = true;
    s->searched = true;
    step_finished(a);
}

static void step_search(struct account *a)
{
    struct perch_search everything = perch_search_key(PERCH_SEARCH_ALL);
    struct perch_search_args args = PERCH_SEARCH_ARGS_INIT;

    args.criteria = &everything;
    args.all = true;
    a->sync.step = STEP_SEARCH;
    a->sync.busy = true;
    if (perch_search_start(a->session, &args, on_searched, a, NULL) < 0)
        account_fail(a, perch_session_error(a->session));
}

/* BEGIN, RESET: no command, but a set of their own. */

static uint32_t uidnext_of_search(const struct perch_set *alive)
{
    uint32_t last = alive->n ? alive->r[alive->n - 1].last : 0;

    return last < UINT32_MAX ? last + 1 : last;
}

static void step_begin(struct account *a, enum change_begin how)
{
    struct sync *s = &a->sync;
    struct mailbox *m = s->box;
    const struct perch_mailbox *selected = perch_session_mailbox(a->session);
    struct change_set *set;

    if (!s->uidnext) /* Courier does not tell */
        s->uidnext = uidnext_of_search(&s->alive);
    set = open_set(a);
    if (!set)
        return;
    set->begin = how;
    set->begin_messages = perch_set_count(&s->alive);
    set->uidvalidity = selected->uidvalidity;
    set->uidnext = s->uidnext;
    set->highestmodseq = s->target_modseq;
    if (selected->mailboxid.p)
        set->mailboxid =
            perch_arena_strndup(&set->arena, selected->mailboxid.p, selected->mailboxid.n);
    m->known = (struct plan_known){
        .uidvalidity = set->uidvalidity,
        .uidnext = set->uidnext,
        .highestmodseq = set->highestmodseq,
        .messages = m->known.messages,
        .sync = !set->begin_messages  ? STORE_SYNC_DONE
                : how == CHANGE_RESET ? STORE_SYNC_AGAIN
                                      : STORE_SYNC_INITIAL,
    };
    m->initial_top = m->initial_below = set->uidnext;
    s->cursor_due = false;
    s->steps &= ~(uint32_t)(STEP_BEGIN | STEP_RESET);
    sync_flush(a);
}

/* FLAGS */

static uint32_t flag_items(const struct account *a)
{
    return PERCH_ITEM_UID | PERCH_ITEM_FLAGS |
           (a->sync.box->known.highestmodseq || a->sync.target_modseq ? PERCH_ITEM_MODSEQ : 0u);
}

static void on_step_done(perch_op *op, void *user)
{
    if (step_answered(user, op))
        step_finished(user);
}

static void step_flags_since(struct account *a)
{
    struct mailbox *m = a->sync.box;
    struct perch_range range = known_uids(m);
    struct perch_set uids = {.r = &range, .n = range.first <= range.last};
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;

    args.set = &uids;
    args.items = flag_items(a);
    args.changedsince = m->known.highestmodseq;
    args.on_fetch = on_known_row;
    start_fetch(a, STEP_FLAGS_SINCE, &args, on_step_done);
}

static void on_window_done(perch_op *op, void *user)
{
    struct account *a = user;

    if (step_answered(a, op) && !a->sync.todo.n)
        step_finished(a);
}

/* Asks for the next of s->todo. */
static void fetch_window(struct account *a, enum step step, struct perch_fetch_args *args,
                         uint32_t max)
{
    struct perch_set window = PERCH_SET_INIT;

    if (take_some(&a->sync.todo, &window, max, false)) {
        out_of_memory(a);
    } else {
        args->set = &window;
        start_fetch(a, step, args, on_window_done);
    }
    perch_set_done(&window);
}

/* Fills s->todo with the UIDs of `all` within the range, if the step is not under way. */
static bool begin_todo(struct account *a, enum step step, const struct perch_set *all,
                       struct perch_range range)
{
    struct sync *s = &a->sync;

    if (s->step == step)
        return true;
    if (perch_set_copy(&s->todo, all) || clip(&s->todo, range.first, range.last)) {
        out_of_memory(a);
        return false;
    }
    return true;
}

static void step_flags_all(struct account *a)
{
    struct sync *s = &a->sync;
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;

    if (!s->alive_known) {
        s->steps |= STEP_SEARCH;
        return;
    }
    if (!begin_todo(a, STEP_FLAGS_ALL, &s->alive, known_uids(s->box)))
        return;
    args.items = flag_items(a);
    args.on_fetch = on_known_row;
    fetch_window(a, STEP_FLAGS_ALL, &args, FLAGS_WINDOW);
    s->box->compare = false;
}

static void on_seqs_done(perch_op *op, void *user)
{
    struct account *a = user;

    if (!step_answered(a, op))
        return;
    a->sync.asked_seqs = false;
    a->sync.step = 0;
}

static void step_flags_seqs(struct account *a)
{
    struct perch_set seqs = a->sync.seqs;
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;

    a->sync.seqs = (struct perch_set)PERCH_SET_INIT; /* others may be named meanwhile */
    a->sync.steps &= ~(uint32_t)STEP_FLAGS_SEQS;
    a->sync.asked_seqs = true;
    args.set = &seqs;
    args.seq = true;
    args.items = flag_items(a);
    args.on_fetch = on_known_row;
    start_fetch(a, STEP_FLAGS_SEQS, &args, on_seqs_done);
    perch_set_done(&seqs);
}

/* NEW */

static const char *const whole_sections[] = ROW_SECTIONS;

static void ask_for_all(const struct account *a, struct perch_fetch_args *args)
{
    args->items = row_items(has_condstore(a), perch_session_can(a->session, PERCH_CAP_OBJECTID));
    args->sections = whole_sections;
    args->nsections = PERCH_COUNT(whole_sections);
}

/* How many there can be: not more than the server has and we have not, nor than UIDs were
 * given out. */
static uint64_t new_at_most(const struct account *a)
{
    const struct sync *s = &a->sync;
    const struct plan_known *known = &s->box->known;
    uint64_t exists = perch_session_mailbox(a->session)->exists;
    uint64_t more = exists > known->messages ? exists - known->messages : 0;
    uint64_t uids = s->uidnext > known->uidnext ? s->uidnext - known->uidnext : more;

    return uids < more ? uids : more;
}

/* All UIDs from the old UIDNEXT on were asked for and answered. */
static void uidnext_moves(struct account *a)
{
    struct sync *s = &a->sync;
    uint32_t uidnext = s->last_uid < UINT32_MAX ? s->last_uid + 1 : UINT32_MAX;
    struct change_set *set;

    if (s->uidnext > uidnext)
        uidnext = s->uidnext;
    if (uidnext <= s->box->known.uidnext)
        return;
    set = open_set(a);
    if (!set)
        return;
    set->uidnext = uidnext;
    s->box->known.uidnext = uidnext;
}

static void on_new_done(perch_op *op, void *user)
{
    struct account *a = user;

    if (!step_answered(a, op))
        return;
    if (a->sync.step == STEP_NEW && a->sync.todo.n)
        return; /* more windows */
    a->sync.step = 0;
    uidnext_moves(a);
}

static void step_new(struct account *a)
{
    struct sync *s = &a->sync;
    struct perch_range range = {s->box->known.uidnext ? s->box->known.uidnext : 1, UINT32_MAX};
    struct perch_set rest = {.r = &range, .n = 1};
    struct perch_set window = PERCH_SET_INIT;
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;

    ask_for_all(a, &args);
    args.on_fetch = on_new_row;
    args.set = &rest;
    if (s->step != STEP_NEW && new_at_most(a) > WINDOW) {
        if (!s->alive_known) { /* more than may be in memory: lay out windows */
            s->steps |= STEP_SEARCH;
            return;
        }
        if (!begin_todo(a, STEP_NEW, &s->alive, range))
            return;
    } else if (s->step != STEP_NEW) {
        perch_set_clear(&s->todo);
    }
    if (s->todo.n) {
        if (take_some(&s->todo, &window, WINDOW, false)) {
            out_of_memory(a);
            return;
        }
        args.set = &window;
    }
    if (!s->todo.n) /* what is pushed from here on is for another round */
        s->steps &= ~(uint32_t)STEP_NEW;
    start_fetch(a, STEP_NEW, &args, on_new_done);
    perch_set_done(&window);
}

static void step_missing(struct account *a)
{
    struct sync *s = &a->sync;
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;

    if (!begin_todo(a, STEP_MISSING, &s->missing, (struct perch_range){1, UINT32_MAX}))
        return;
    perch_set_clear(&s->missing);
    ask_for_all(a, &args);
    args.on_fetch = on_missing_row;
    fetch_window(a, STEP_MISSING, &args, WINDOW);
}

/* INITIAL */

static void on_initial_done(perch_op *op, void *user)
{
    struct account *a = user;
    struct sync *s = &a->sync;
    struct mailbox *m = s->box;
    struct change_set *set;

    if (!step_answered(a, op))
        return;
    set = open_set(a);
    if (!set)
        return;
    m->initial_below = s->alive.n ? s->window_first : 1;
    set->has_below = true;
    set->initial_below = m->initial_below;
    s->step = 0; /* what was pushed comes before the next window */
    if (m->initial_below == 1) {
        m->known.sync = STORE_SYNC_DONE;
        s->steps &= ~(uint32_t)STEP_INITIAL;
    }
    sync_flush(a);
}

/* The next window downwards. */
static void step_initial(struct account *a)
{
    struct sync *s = &a->sync;
    struct perch_set window = PERCH_SET_INIT;
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;

    if (!s->searched) {
        s->steps |= STEP_SEARCH;
        return;
    }
    s->alive_known = false; /* it is used up window by window */
    if (clip(&s->alive, 1, s->box->initial_below - 1) ||
        take_some(&s->alive, &window, WINDOW, true)) {
        out_of_memory(a);
    } else {
        s->window_first = window.n ? window.r[0].first : 1;
        ask_for_all(a, &args);
        args.on_fetch = on_initial_row;
        args.set = &window;
        start_fetch(a, STEP_INITIAL, &args, on_initial_done);
    }
    perch_set_done(&window);
}

static void take_step(struct account *a, enum step step)
{
    switch (step) {
    case STEP_SEARCH:
        step_search(a);
        break;
    case STEP_BEGIN:
        step_begin(a, CHANGE_BEGIN);
        break;
    case STEP_RESET:
        step_begin(a, CHANGE_RESET);
        break;
    case STEP_FLAGS_SINCE:
        step_flags_since(a);
        break;
    case STEP_FLAGS_ALL:
        step_flags_all(a);
        break;
    case STEP_FLAGS_SEQS:
        step_flags_seqs(a);
        break;
    case STEP_NEW:
        step_new(a);
        break;
    case STEP_MISSING:
        step_missing(a);
        break;
    case STEP_INITIAL:
        step_initial(a);
        break;
    }
}

/* ---- the pump ---- */

/* Everything but a first contact was asked for and answered: the cursors travel with what was
 * gathered. */
static bool hand_over_catch_up(struct account *a)
{
    struct sync *s = &a->sync;
    struct change_set *set;

    if (s->cursor_due && s->has_modseq) {
        set = open_set(a);
        if (!set)
            return false;
        set->has_modseq = true;
        set->highestmodseq = s->target_modseq;
        s->box->known.highestmodseq = s->target_modseq;
    }
    s->cursor_due = false;
    sync_flush(a);
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
    s->box->dirty = first_contact_unfinished(s->box);
}

/* What is pushed waits for the one job in the store's hands and then goes together. */
static void hand_over_live(struct account *a)
{
    if (flow_idle(a))
        sync_flush(a);
}

/* What is known of the mailbox is in doubt. A server that makes us doubt for ever is left. */
static void select_again(struct account *a)
{
    sync_flush(a);
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
    if (s->step || urgent) {
        take_step(a, s->step ? s->step : (enum step)(urgent & -urgent));
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
        take_step(a, STEP_INITIAL);
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
    set = open_set(a);
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
        take_row(a, f, ROW_FLAGS);
    } else if (perch_set_add(&s->seqs, f->seq, f->seq) == 0) {
        s->steps |= STEP_FLAGS_SEQS;
    }
}

static void pushed_expunge(struct sync *s)
{
    s->alive_known = false;
    s->steps |= STEP_SEARCH;
    if (s->seqs.n || s->asked_seqs) /* sequence numbers moved under the flags that were named */
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
        take_vanished(a, &event->resp->u.vanished.uids);
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
