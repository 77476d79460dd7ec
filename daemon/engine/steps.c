/* One step is under way at a time: sync.step. Those that ask for many messages do so in windows,
 * sync.todo being what is left; between two windows the step stays under way, but for a first
 * contact, which lets everything else go first. */
#include "engine/steps.h"

#include "engine/gather.h"
#include "engine/sync.h"
#include "log.h"

#include "base/mem.h"
#include "perch/commands.h"
#include "perch/search.h"

#define SEARCHES_MAX 3 /* the answer must fit the number of messages at some time */

static void on_answered(perch_op *op, void *user);

static bool has_condstore(const struct account *a)
{
    return perch_session_can(a->session, PERCH_CAP_CONDSTORE);
}

static void step_finished(struct account *a)
{
    struct sync *s = &a->sync;

    s->steps &= ~(uint32_t)s->step;
    s->step = 0;
}

static void start_fetch(struct account *a, enum step step, const struct perch_fetch_args *args)
{
    a->sync.step = step;
    a->sync.busy = true;
    if (perch_fetch_start(a->session, args, on_answered, a, NULL) < 0)
        account_fail(a, perch_session_error(a->session));
}

static void on_known_row(perch_op *op, const struct perch_fetch *row, void *user)
{
    (void)op;
    gather_row(user, row, ROW_FLAGS);
}

/* Takes the lowest numbers of `from`, at most `max`, into `to`. */
static int take_lowest(struct perch_set *from, struct perch_set *to, uint32_t max)
{
    uint32_t last = 0;

    for (size_t i = 0; max && i < from->n; i++) {
        struct perch_range r = from->r[i];

        if (r.last - r.first >= max)
            r.last = r.first + max - 1;
        max -= r.last - r.first + 1;
        last = r.last;
        if (perch_set_add(to, r.first, r.last))
            return PERCH_ENOMEM;
    }
    return last ? perch_set_remove(from, 1, last) : PERCH_OK;
}

/* The same with the highest. */
static int take_highest(struct perch_set *from, struct perch_set *to, uint32_t max)
{
    uint32_t first = 0;
    size_t i = from->n;

    while (max && i > 0) {
        struct perch_range r = from->r[--i];

        if (r.last - r.first >= max)
            r.first = r.last - max + 1;
        max -= r.last - r.first + 1;
        first = r.first;
    }
    for (; first && i < from->n; i++) {
        struct perch_range r = from->r[i];

        if (perch_set_add(to, r.first > first ? r.first : first, r.last))
            return PERCH_ENOMEM;
    }
    return first ? perch_set_remove(from, first, UINT32_MAX) : PERCH_OK;
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
    struct perch_range range = mailbox_known_uids(s->box);
    struct change_set *set;

    if (range.first > range.last || (s->steps & (STEP_BEGIN | STEP_RESET)))
        return;
    if (s->set && s->set->nwhole)
        gather_flush(a); /* deletions come first in a set: these rows may be among the gone */
    set = gather_set(a);
    if (!set)
        return;
    if (perch_set_copy(&set->alive, &s->alive)) {
        account_no_memory(a);
        return;
    }
    set->complete = true;
    set->alive_first = range.first;
    set->alive_last = range.last;
}

static void searched(struct account *a, const perch_op *op)
{
    struct sync *s = &a->sync;

    if (perch_set_copy(&s->alive, &perch_op_search(op)->all)) {
        account_no_memory(a);
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
    if (perch_search_start(a->session, &args, on_answered, a, NULL) < 0)
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
    set = gather_set(a);
    if (!set)
        return;
    set->begin = how;
    set->begin_messages = perch_set_count(&s->alive);
    set->uidvalidity = selected->uidvalidity;
    set->uidnext = s->uidnext;
    set->highestmodseq = s->target_modseq;
    if (selected->mailboxid.p) {
        set->mailboxid =
            perch_arena_strndup(&set->arena, selected->mailboxid.p, selected->mailboxid.n);
        if (!set->mailboxid) {
            account_no_memory(a);
            return;
        }
    }
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
    gather_flush(a);
}

/* FLAGS */

static uint32_t flag_items(const struct account *a)
{
    return PERCH_ITEM_UID | PERCH_ITEM_FLAGS |
           (a->sync.box->known.highestmodseq || a->sync.target_modseq ? PERCH_ITEM_MODSEQ : 0u);
}

static void step_flags_since(struct account *a)
{
    struct mailbox *m = a->sync.box;
    struct perch_range range = mailbox_known_uids(m);
    struct perch_set uids = {.r = &range, .n = range.first <= range.last};
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;

    args.set = &uids;
    args.items = flag_items(a);
    args.changedsince = m->known.highestmodseq;
    args.on_fetch = on_known_row;
    start_fetch(a, STEP_FLAGS_SINCE, &args);
}

/* Asks for the next of s->todo. */
static void fetch_window(struct account *a, enum step step, struct perch_fetch_args *args,
                         uint32_t max)
{
    struct perch_set window = PERCH_SET_INIT;

    if (take_lowest(&a->sync.todo, &window, max)) {
        account_no_memory(a);
    } else {
        args->set = &window;
        start_fetch(a, step, args);
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
        account_no_memory(a);
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
    if (!begin_todo(a, STEP_FLAGS_ALL, &s->alive, mailbox_known_uids(s->box)))
        return;
    args.items = flag_items(a);
    args.on_fetch = on_known_row;
    fetch_window(a, STEP_FLAGS_ALL, &args, FLAGS_WINDOW);
}

static void step_flags_seqs(struct account *a)
{
    struct perch_set seqs = a->sync.seqs;
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;

    a->sync.seqs = (struct perch_set)PERCH_SET_INIT; /* others may be named meanwhile */
    a->sync.steps &= ~(uint32_t)STEP_FLAGS_SEQS;
    args.set = &seqs;
    args.seq = true;
    args.items = flag_items(a);
    args.on_fetch = on_known_row;
    start_fetch(a, STEP_FLAGS_SEQS, &args);
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

    if (mailbox_unfinished(s->box) && s->uidnext <= known->uidnext)
        return 0; /* old messages make the difference; what is pushed comes in small numbers */
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
    set = gather_set(a);
    if (!set)
        return;
    set->uidnext = uidnext;
    s->box->known.uidnext = uidnext;
}

static void on_new_row(perch_op *op, const struct perch_fetch *row, void *user)
{
    struct account *a = user;

    (void)op;
    if (row->uid > a->sync.last_uid)
        a->sync.last_uid = row->uid;
    gather_row(a, row, ROW_NEW);
}

static void new_answered(struct account *a)
{
    if (a->sync.todo.n)
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
        if (take_lowest(&s->todo, &window, WINDOW)) {
            perch_set_done(&window);
            account_no_memory(a);
            return;
        }
        args.set = &window;
    }
    if (!s->todo.n) /* what is pushed from here on is for another round */
        s->steps &= ~(uint32_t)STEP_NEW;
    start_fetch(a, STEP_NEW, &args);
    perch_set_done(&window);
}

static void on_missing_row(perch_op *op, const struct perch_fetch *row, void *user)
{
    (void)op;
    gather_row(user, row, ROW_NEW);
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

static void on_initial_row(perch_op *op, const struct perch_fetch *row, void *user)
{
    (void)op;
    gather_row(user, row, ROW_INITIAL);
}

static void initial_answered(struct account *a)
{
    struct sync *s = &a->sync;
    struct mailbox *m = s->box;
    struct change_set *set = gather_set(a);

    if (!set)
        return;
    s->step = 0; /* what was pushed comes before the next window */
    m->initial_below = s->alive.n ? s->window_first : 1;
    set->has_below = true;
    set->initial_below = m->initial_below;
    if (m->initial_below == 1) {
        m->known.sync = STORE_SYNC_DONE;
        s->steps &= ~(uint32_t)STEP_INITIAL;
    }
    gather_flush(a);
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
    if (clip(&s->alive, 1, s->box->initial_below - 1) || take_highest(&s->alive, &window, WINDOW)) {
        account_no_memory(a);
    } else {
        s->window_first = window.n ? window.r[0].first : 1;
        ask_for_all(a, &args);
        args.on_fetch = on_initial_row;
        args.set = &window;
        start_fetch(a, STEP_INITIAL, &args);
    }
    perch_set_done(&window);
}

/* ---- answers ---- */

/* A number that its message lost meanwhile may be refused: then nobody knows which it was. */
static bool refusal_is_fine(struct sync *s)
{
    if (s->step != STEP_FLAGS_SEQS)
        return false;
    s->steps |= STEP_SEARCH | STEP_FLAGS_ALL;
    return true;
}

static void answered(struct account *a, const perch_op *op)
{
    struct sync *s = &a->sync;

    switch (s->step) {
    case STEP_SEARCH:
        searched(a, op);
        break;
    case STEP_FLAGS_SINCE:
        step_finished(a);
        break;
    case STEP_FLAGS_ALL:
    case STEP_MISSING:
        if (!s->todo.n)
            step_finished(a);
        break;
    case STEP_FLAGS_SEQS:
        s->step = 0; /* others may have been named meanwhile */
        break;
    case STEP_NEW:
        new_answered(a);
        break;
    case STEP_INITIAL:
        initial_answered(a);
        break;
    case STEP_BEGIN:
    case STEP_RESET: /* ask nothing */
        break;
    }
}

static void on_answered(perch_op *op, void *user)
{
    struct account *a = user;
    bool no;

    if (!account_op_ok(a, op, &no) && !no)
        return;
    if (no && !refusal_is_fine(&a->sync)) {
        account_fail(a, perch_op_error(op)); /* try again later, from the cursors */
        return;
    }
    a->sync.busy = false;
    sync_tagged(a, op);
    answered(a, op);
    sync_pump(a);
}

/* ---- the door ---- */

void steps_take(struct account *a, enum step step)
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
