/* A set is worked off in passes (what is gone, flags, what is new, flags of what was new), each
 * of which can be left and entered again between two rows. The mailbox's own row, with its
 * cursors, is written with the last chunk only: a crash before that finds the rest again from
 * the old cursors, and comparing makes the part that was done a matter of nothing. */
#include "engine/delta.h"

#include "base/mem.h"
#include "base/span.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Work of one chunk. A comparison is one read; a change is a read, some writes and an event.
 * It makes for 500 changes, about 10 ms. */
#define CHUNK      2000
#define COST_READ  1
#define COST_WRITE 4

struct delta {
    struct store_tx *tx;
    struct change_set *c;
    struct store_mailbox m;
    bool m_changed;
    struct perch_arena scratch; /* of one message */
    int budget;
};

static bool spent(const struct delta *d)
{
    return d->budget <= 0;
}

/* Are MODSEQs the server's, or change numbers of our own that nobody else would understand? */
static bool has_condstore(const struct delta *d)
{
    return d->m.highestmodseq || d->c->highestmodseq;
}

/* ---- events ---- */

static void event_of(const struct delta *d, enum event_kind kind, const struct store_message *m,
                     struct event *ev)
{
    *ev = (struct event){
        .kind = kind,
        .live = d->c->live,
        .uidvalidity = d->c->uidvalidity,
        .uid = m->uid,
        .modseq = has_condstore(d) ? m->modseq : 0,
        .emailid = m->emailid,
        .threadid = m->threadid,
        .has_message = true,
        .size = m->size,
        .internaldate = m->internaldate,
        .flags = {.old_flags = "", .new_flags = ""},
        .envelope = m->envelope,
    };
}

static int emit(struct delta *d, struct event *ev, const char *x)
{
    d->budget -= COST_WRITE;
    return emit_event(d->tx, &d->c->emission, ev, &d->m, x);
}

static int emit_new(struct delta *d, const struct row *r)
{
    struct event ev;

    event_of(d, EVENT_NEW, &r->m, &ev);
    ev.flags.new_flags = r->m.flags;
    if (r->kind == ROW_INITIAL)
        ev.live = false;
    return emit(d, &ev, "");
}

static int emit_deleted(struct delta *d, const struct store_message *m)
{
    struct event ev;

    event_of(d, EVENT_DELETED, m, &ev);
    ev.flags.old_flags = m->flags;
    return emit(d, &ev, "");
}

static int emit_flags(struct delta *d, const struct store_message *was, const char *flags,
                      uint64_t modseq)
{
    struct event ev;
    char x[24];

    event_of(d, EVENT_FLAGS, was, &ev);
    if (has_condstore(d))
        ev.modseq = modseq;
    ev.flags.old_flags = was->flags;
    ev.flags.new_flags = flags;
    (void)snprintf(x, sizeof x, "%" PRIu64, modseq);
    return emit(d, &ev, x);
}

static int emit_reset(struct delta *d, int64_t gone)
{
    json_t *more = json_pack("{s:s, s:i, s:I, s:I}", "reason", "uidvalidity", "matched", 0, "new",
                             (json_int_t)d->c->begin_messages, "gone", (json_int_t)gone);
    struct event ev = {
        .kind = EVENT_RESET,
        .uidvalidity = d->c->uidvalidity,
        .internaldate = INT64_MIN,
        .flags = {.old_flags = "", .new_flags = ""},
        .more = more,
    };
    int rc = more ? emit(d, &ev, NULL) : -1;

    json_decref(more);
    return rc;
}

/* ---- what is gone ---- */

/* The stored UIDs that the set says are gone. */
static int find_doomed(struct delta *d)
{
    struct change_set *c = d->c;
    struct perch_set *doomed = &c->progress.doomed;
    int rc = 0;

    if (c->complete && c->alive_first <= c->alive_last) {
        rc = store_message_uids(d->tx, d->m.id, c->alive_first, c->alive_last, doomed);
        if (rc == 0)
            rc = perch_set_remove_set(doomed, &c->alive);
    }
    for (size_t i = 0; rc == 0 && i < c->vanished.n; i++) {
        struct perch_set stored = PERCH_SET_INIT;

        rc = store_message_uids(d->tx, d->m.id, c->vanished.r[i].first, c->vanished.r[i].last,
                                &stored);
        if (rc == 0)
            rc = perch_set_add_set(doomed, &stored);
        perch_set_done(&stored);
    }
    return rc;
}

/* UIDs that exist below the mailbox's UIDNEXT without being stored: the server did not tell
 * when it should have. A first contact that is under way knows nothing below its mark. */
static int find_missing(struct delta *d)
{
    struct change_set *c = d->c;
    struct perch_set stored = PERCH_SET_INIT;
    int rc = 0;

    if (!c->complete || c->alive_first > c->alive_last)
        return 0;
    rc = perch_set_copy(&c->missing, &c->alive);
    if (rc == 0 && c->alive_first > 1)
        rc = perch_set_remove(&c->missing, 1, c->alive_first - 1);
    if (rc == 0 && c->alive_last < UINT32_MAX)
        rc = perch_set_remove(&c->missing, c->alive_last + 1, UINT32_MAX);
    if (rc == 0)
        rc = store_message_uids(d->tx, d->m.id, c->alive_first, c->alive_last, &stored);
    if (rc == 0)
        rc = perch_set_remove_set(&c->missing, &stored);
    perch_set_done(&stored);
    return rc;
}

static int delete_one(struct delta *d, uint32_t uid)
{
    struct store_message m;
    int found = store_message_get(d->tx, d->m.id, uid, &d->scratch, &m);

    d->budget -= COST_READ;
    if (found <= 0)
        return found;
    if (emit_deleted(d, &m) < 0 || store_messages_delete(d->tx, d->m.id, uid, uid) < 0)
        return -1;
    d->c->messages--;
    return 0;
}

static int delete_doomed(struct delta *d)
{
    struct change_set *c = d->c;

    while (c->progress.range < c->progress.doomed.n) {
        const struct perch_range *r = &c->progress.doomed.r[c->progress.range];
        uint32_t uid = c->progress.uid ? c->progress.uid : r->first;

        if (spent(d))
            return 0;
        perch_arena_reset(&d->scratch);
        if (delete_one(d, uid) < 0)
            return -1;
        c->progress.uid = uid < r->last ? uid + 1 : 0;
        if (!c->progress.uid)
            c->progress.range++;
    }
    return 0;
}

/* ---- flags ---- */

/* Messages of mailboxes without CONDSTORE get a number of their own at each change. */
static uint64_t modseq_of_change(struct delta *d, const struct row *r)
{
    if (r->m.modseq)
        return r->m.modseq;
    d->m_changed = true;
    return ++d->m.change;
}

static int compare_flags(struct delta *d, const struct row *r, const struct store_message *was)
{
    bool same = !r->m.flags || strcmp(r->m.flags, was->flags) == 0;
    uint64_t modseq;

    if (same && (!r->m.modseq || r->m.modseq == was->modseq))
        return 0;
    d->budget -= COST_WRITE;
    if (same)
        return store_message_set_flags(d->tx, d->m.id, r->m.uid, was->flags, r->m.modseq);
    modseq = modseq_of_change(d, r);
    if (emit_flags(d, was, r->m.flags, modseq) < 0)
        return -1;
    return store_message_set_flags(d->tx, d->m.id, r->m.uid, r->m.flags, modseq);
}

static bool said_gone(const struct change_set *c, uint32_t uid)
{
    if (perch_set_has(&c->vanished, uid))
        return true;
    return c->complete && uid >= c->alive_first && uid <= c->alive_last &&
           !perch_set_has(&c->alive, uid);
}

static bool should_be_known(const struct delta *d, uint32_t uid)
{
    if (uid >= d->m.uidnext || said_gone(d->c, uid))
        return false;
    return d->m.sync == STORE_SYNC_DONE || uid >= d->m.initial_below;
}

/* In the first pass a row of flags may be of a message that a later pass stores. */
static int row_flags(struct delta *d, struct row *r, bool last_pass)
{
    struct store_message was;
    int found = store_message_get(d->tx, d->m.id, r->m.uid, &d->scratch, &was);

    d->budget -= COST_READ;
    if (found < 0)
        return -1;
    r->compared = found;
    if (found)
        return compare_flags(d, r, &was);
    if (last_pass && should_be_known(d, r->m.uid))
        return perch_set_add(&d->c->missing, r->m.uid, r->m.uid);
    return 0;
}

/* ---- what is new ---- */

static bool is_news(const struct delta *d, const struct row *r)
{
    if (r->kind == ROW_NEW)
        return true;
    if (d->m.sync == STORE_SYNC_AGAIN)
        return false;
    switch (d->c->first_run) {
    case FIRST_RUN_QUIET:
        return false;
    case FIRST_RUN_UNSEEN:
        return !strstr(r->m.flags, "\\Seen");
    case FIRST_RUN_ALL:
        return true;
    }
    return false;
}

static int row_whole(struct delta *d, struct row *r)
{
    struct store_message was;
    int found = store_message_get(d->tx, d->m.id, r->m.uid, &d->scratch, &was);

    d->budget -= COST_READ;
    if (found < 0)
        return -1;
    if (found)
        return compare_flags(d, r, &was);
    if (!r->m.flags)
        r->m.flags = "";
    if (store_message_put(d->tx, d->m.id, &r->m) < 0)
        return -1;
    d->budget -= COST_WRITE;
    d->c->messages++;
    return is_news(d, r) ? emit_new(d, r) : 0;
}

/* ---- the passes over the rows ---- */

static int by_pass(const void *pa, const void *pb)
{
    const struct row *a = *(const struct row *const *)pa, *b = *(const struct row *const *)pb;
    uint64_t ka = a->kind == ROW_FLAGS ? a->m.modseq : a->m.uid;
    uint64_t kb = b->kind == ROW_FLAGS ? b->m.modseq : b->m.uid;

    if ((a->kind == ROW_FLAGS) != (b->kind == ROW_FLAGS))
        return a->kind == ROW_FLAGS ? -1 : 1;
    if (ka != kb)
        return ka < kb ? -1 : 1;
    return a < b ? -1 : a > b; /* as they came */
}

/* Flags by MODSEQ, then whole rows by UID; those of one message stay in the order of the
 * server, which is the order of truth. */
static int sort_rows(struct change_set *c)
{
    auto_free const struct row **order = perch_reallocarray(NULL, c->nrows, sizeof *order);
    struct row *sorted = perch_reallocarray(NULL, c->nrows, sizeof *sorted);

    if (!order || !sorted) {
        perch_free(sorted);
        return -1;
    }
    for (size_t i = 0; i < c->nrows; i++)
        order[i] = &c->rows[i];
    qsort(order, c->nrows, sizeof *order, by_pass);
    for (size_t i = 0; i < c->nrows; i++)
        sorted[i] = *order[i];
    perch_free(c->rows);
    c->rows = sorted;
    c->cap = c->nrows;
    return 0;
}

static int row_in_pass(struct delta *d, struct row *r)
{
    switch (d->c->progress.pass) {
    case DELTA_FLAGS:
        return r->kind == ROW_FLAGS ? row_flags(d, r, false) : 0;
    case DELTA_NEW:
        return r->kind == ROW_FLAGS ? 0 : row_whole(d, r);
    case DELTA_LATE_FLAGS:
        return r->kind == ROW_FLAGS && !r->compared ? row_flags(d, r, true) : 0;
    case DELTA_END:
        break;
    }
    return 0;
}

static int run_passes(struct delta *d)
{
    struct change_set *c = d->c;

    for (; c->progress.pass != DELTA_END; c->progress.pass++, c->progress.row = 0) {
        for (; c->progress.row < c->nrows; c->progress.row++) {
            if (spent(d))
                return 0;
            perch_arena_reset(&d->scratch);
            if (row_in_pass(d, &c->rows[c->progress.row]) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- the mailbox itself ---- */

static void begin_mailbox(struct delta *d, enum store_sync sync)
{
    const struct change_set *c = d->c;

    d->m.mailboxid = c->mailboxid;
    d->m.uidvalidity = c->uidvalidity;
    d->m.uidnext = c->uidnext;
    d->m.highestmodseq = c->highestmodseq;
    d->m.sync = c->begin_messages ? sync : STORE_SYNC_DONE;
    d->m.initial_top = c->uidnext;
    d->m.initial_below = c->begin_messages ? c->uidnext : 1;
    d->m_changed = true;
}

static int end_mailbox(struct delta *d)
{
    struct event ev = {
        .kind = EVENT_MAILBOX_DELETED,
        .live = d->c->live,
        .internaldate = INT64_MIN,
        .flags = {.old_flags = "", .new_flags = ""},
    };

    d->m.gone = true;
    d->m.sync = STORE_SYNC_DELETED;
    d->m_changed = true;
    return emit(d, &ev, NULL);
}

/* Drops the rows of a life that is over, a chunk at a time. 1: all are gone. */
static int drop_rows(struct delta *d)
{
    struct change_set *c = d->c;
    struct perch_set *old = &c->progress.doomed;

    if (!c->progress.prepared && store_message_uids(d->tx, d->m.id, 1, UINT32_MAX, old) < 0)
        return -1;
    c->progress.prepared = true;
    while (c->progress.range < old->n) {
        const struct perch_range *r = &old->r[c->progress.range];
        uint32_t first = c->progress.uid ? c->progress.uid : r->first;
        uint32_t most = spent(d) ? 0 : (uint32_t)d->budget;
        uint32_t last = r->last - first < most ? r->last : first + most - 1;

        if (!most)
            return 0;
        if (store_messages_delete(d->tx, d->m.id, first, last) < 0)
            return -1;
        d->budget -= (int)(last - first + 1);
        c->progress.uid = last < r->last ? last + 1 : 0;
        if (!c->progress.uid)
            c->progress.range++;
    }
    return 1;
}

/* The event and the new state are written with the last chunk: until then the mailbox is what
 * it was, so that a crash leads here again. */
static int start_over(struct delta *d)
{
    struct change_set *c = d->c;
    int64_t gone;
    int rc = drop_rows(d);

    if (rc <= 0)
        return rc;
    gone = (int64_t)perch_set_count(&c->progress.doomed);
    c->messages -= gone;
    if (c->begin == CHANGE_DELETED)
        return end_mailbox(d);
    if (emit_reset(d, gone) < 0)
        return -1;
    begin_mailbox(d, STORE_SYNC_AGAIN);
    return 0;
}

/* Every UID below UIDNEXT is known, so the rows are stored by now. */
static void move_cursors(struct delta *d)
{
    const struct change_set *c = d->c;

    if (c->uidnext > d->m.uidnext) {
        d->m.uidnext = c->uidnext;
        d->m_changed = true;
    }
    if (c->has_modseq && c->highestmodseq != d->m.highestmodseq) {
        d->m.highestmodseq = c->highestmodseq;
        d->m_changed = true;
    }
    if (c->has_below) {
        d->m.initial_below = c->initial_below;
        if (c->initial_below <= 1)
            d->m.sync = STORE_SYNC_DONE;
        d->m_changed = true;
    }
}

/* ---- one chunk ---- */

static int prepare(struct delta *d)
{
    struct change_set *c = d->c;

    if (c->progress.prepared)
        return 0;
    if (find_doomed(d) < 0 || find_missing(d) < 0 || (c->nrows && sort_rows(c) < 0))
        return -1;
    c->progress.prepared = true;
    return 0;
}

static bool finished(const struct change_set *c)
{
    return c->progress.range >= c->progress.doomed.n && (c->begin || c->progress.pass == DELTA_END);
}

/* These stand alone in their set: nothing is known of the new UIDs yet. */
static int run_begin(struct delta *d)
{
    const struct change_set *c = d->c;

    switch (c->begin) {
    case CHANGE_ON:
        break;
    case CHANGE_BEGIN:
        begin_mailbox(d, STORE_SYNC_INITIAL);
        break;
    case CHANGE_RESET:
        return d->m.uidvalidity == c->uidvalidity ? 0 : start_over(d);
    case CHANGE_DELETED:
        return d->m.sync == STORE_SYNC_DELETED ? 0 : start_over(d);
    }
    return 0;
}

static int run_changes(struct delta *d)
{
    if (prepare(d) < 0 || delete_doomed(d) < 0)
        return -1;
    if (d->c->progress.range < d->c->progress.doomed.n)
        return 0;
    if (run_passes(d) < 0)
        return -1;
    if (finished(d->c))
        move_cursors(d);
    return 0;
}

static int run_chunk(struct delta *d)
{
    struct change_set *c = d->c;
    int found;

    c->more = false;
    c->emission.first = NULL;
    c->emission.last = NULL;
    perch_arena_reset(&c->out);
    found = store_mailbox_get(d->tx, c->mailbox, &c->out, &d->m);
    if (found <= 0)
        return found;
    if (c->begin) {
        if (run_begin(d) < 0)
            return -1;
    } else if (d->m.uidvalidity == c->uidvalidity) {
        if (run_changes(d) < 0)
            return -1;
    } else {
        return 0; /* of a life of the mailbox that is over */
    }
    c->more = !finished(c);
    return d->m_changed ? store_mailbox_put(d->tx, &d->m) : 0;
}

int delta_run(struct store_tx *tx, void *change_set)
{
    struct delta d = {.tx = tx, .c = change_set, .budget = CHUNK};
    int rc;

    perch_arena_init(&d.scratch, 0);
    rc = run_chunk(&d);
    perch_arena_done(&d.scratch);
    return rc;
}
