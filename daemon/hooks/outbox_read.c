/* What the outbox asks the store: the next items of a line, deliveries beside their lines
 * that are due, and after a start all that waits. Jobs run on the store's thread with lists
 * of their own; `done` moves what they found into place. */
#include "hooks/outbox_internal.h"

#include "base/mem.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether that delivery is in memory beside its line. */
static bool is_beside(const struct outbox *o, const char *hook_name, int64_t seq)
{
    PERCH_LIST_EACH(&o->beside, struct line, link, l) {
        if (outbox_line_first(l)->seq == seq && strcmp(l->hook_name, hook_name) == 0)
            return true;
    }
    return false;
}

/* ---- the next items of a line ---- */

struct reading {
    struct line *line;
    size_t bytes;
};

#define READ_ENOUGH 1

static int read_each(const struct store_delivery *d, void *user)
{
    struct reading *r = user;
    struct item *it = outbox_item_of(d);

    if (!it)
        return -1;
    perch_list_add(&r->line->found, &it->link);
    r->bytes += it->size;
    return r->bytes >= READ_BYTES ? READ_ENOUGH : 0;
}

static int read_job(struct store_tx *tx, void *arg)
{
    struct line *l = PERCH_CONTAINER(arg, struct line, task);
    struct store_line key = {l->hook_name, l->account, l->mailbox};
    struct reading reading = {.line = l};
    struct perch_arena a;
    int rc;

    outbox_items_free(&l->found);
    perch_arena_init(&a, 0);
    rc = store_line_read(tx, &key, l->last_seq, LINE_WINDOW, &a, read_each, &reading);
    perch_arena_done(&a);
    return rc < 0 ? -1 : 0;
}

static void read_done(struct task *t)
{
    struct line *l = PERCH_CONTAINER(t, struct line, task);

    /* Only an empty read is the end: there may be more than fits. */
    l->behind = l->behind || !perch_list_empty(&l->found);
    PERCH_LIST_EACH(&l->found, struct item, link, it) {
        perch_unlink(&it->link);
        if (is_beside(l->o, l->hook_name, it->seq)) {
            l->last_seq = it->seq;
            perch_free(it);
        } else {
            outbox_line_append(l, it);
        }
    }
    outbox_line_next(l);
}

void outbox_line_read(struct line *l)
{
    l->behind = false; /* an offer that comes meanwhile says so again */
    l->task.job = read_job;
    l->task.durable = NULL;
    l->task.done = read_done;
    outbox_line_goto(l, LINE_READING);
    outbox_task_submit(&l->task);
}

/* ---- beside their lines ---- */

static int look_each(const struct store_delivery *d, void *user)
{
    struct outbox *o = user;
    struct line *l = outbox_line_new(o, d->line.hook, d->line.account, d->line.mailbox);
    struct item *it = outbox_item_of(d);

    if (!l || !it) {
        perch_free(l);
        perch_free(it);
        return -1;
    }
    perch_list_add(&l->found, &it->link);
    perch_list_add(&o->looked, &l->link);
    return 0;
}

static int look_job(struct store_tx *tx, void *arg)
{
    struct outbox *o = PERCH_CONTAINER(arg, struct outbox, look);
    struct perch_arena a;
    int rc;

    outbox_lines_free(&o->looked);
    perch_arena_init(&a, 0);
    rc = store_beside_read(tx, o->look_due_ms, o->look_limit, &a, look_each, o);
    perch_arena_done(&a);
    return rc < 0 ? rc : store_beside_next(tx, o->look_due_ms, &o->looked_next_ms);
}

static int compare_hooks(const void *left, const void *right)
{
    const struct config_hook *const *a = left, *const *b = right;

    return strcmp((*a)->name, (*b)->name);
}

/* The hook of that name as it is configured now. */
static bool hook_number(const struct outbox *o, const char *name, unsigned *ret)
{
    const struct config_hook wanted = {.name = (char *)(uintptr_t)name}, *key = &wanted;
    const struct config_hook *const *found =
        bsearch(&key, o->by_name, o->config->nhooks, sizeof *o->by_name, compare_hooks);

    if (!found)
        return false;
    *ret = (unsigned)(*found - o->config->hooks);
    return true;
}

/* A delivery that is due gets its small line, unless it is in memory already or its hook is
 * about to end. */
static bool look_take(struct outbox *o, struct line *l)
{
    struct item *it = PERCH_LIST_FIRST(&l->found, struct item, link);

    perch_unlink(&l->link);
    if (is_beside(o, l->hook_name, it->seq) || !hook_number(o, l->hook_name, &l->hook)) {
        outbox_line_free(l);
        return false;
    }
    perch_unlink(&it->link);
    outbox_line_append(l, it);
    outbox_line_set_beside(l);
    outbox_line_goto(l, LINE_READY);
    return true;
}

static void look_done(struct task *t)
{
    struct outbox *o = t->o;
    size_t found = 0, taken = 0;
    int64_t next = o->looked_next_ms;

    o->looking = false;
    PERCH_LIST_EACH(&o->looked, struct line, link, l) {
        found++;
        taken += look_take(o, l);
    }
    if (found == o->look_limit) /* there may be more that are due */
        next = taken > 0 ? o->look_due_ms : later(outbox_now(o), AGAIN_MS);
    o->beside_next_ms = earlier_of(o->beside_next_ms, next);
    if (o->nbeside < BESIDE_WINDOW)
        outbox_look_at(o, o->beside_next_ms);
}

void outbox_look_beside(struct outbox *o, int64_t now)
{
    int64_t next = o->beside_next_ms;

    if (o->looking || next == INT64_MAX || o->nbeside >= BESIDE_WINDOW)
        return;
    if (next > now && next - now <= o->longest_backoff_ms) { /* not due, the clock is sane */
        outbox_look_at(o, next);
        return;
    }
    o->looking = true;
    o->look_due_ms = next > now ? next : now;
    o->look_limit = o->nbeside + BESIDE_WINDOW;
    o->beside_next_ms = INT64_MAX; /* what is saved from here on says so again */
    outbox_task_submit(&o->look);
}

/* ---- recovery ---- */

static int recover_line(const struct store_line *line, void *user)
{
    struct outbox *o = user;
    struct line *l = outbox_line_new(o, line->hook, line->account, line->mailbox);

    if (!l)
        return -1;
    perch_list_add(&o->found_lines, &l->link);
    return 0;
}

static void free_hooks(struct perch_list *hooks)
{
    PERCH_LIST_EACH(hooks, struct ended, link, e) {
        perch_unlink(&e->link);
        perch_unlink(&e->task.link);
        perch_free(e);
    }
}

static int recover_hook(const char *name, void *user)
{
    struct outbox *o = user;
    size_t size = strlen(name) + 1;
    struct ended *e = perch_calloc(1, sizeof *e + size);

    if (!e)
        return -1;
    e->task.o = o;
    memcpy(e->hook_name, name, size);
    perch_list_add(&o->found_hooks, &e->link);
    return 0;
}

static int recover_job(struct store_tx *tx, void *arg)
{
    struct outbox *o = PERCH_CONTAINER(arg, struct outbox, recover);
    struct perch_arena a;
    int rc;

    outbox_lines_free(&o->found_lines);
    free_hooks(&o->found_hooks);
    perch_arena_init(&a, 0);
    rc = store_hooks_waiting(tx, &a, recover_hook, o);
    if (rc == 0)
        rc = store_lines_pending(tx, &a, recover_line, o);
    perch_arena_done(&a);
    return rc;
}

static int end_job(struct store_tx *tx, void *arg)
{
    struct ended *e = PERCH_CONTAINER(arg, struct ended, task);
    char what[256];

    (void)snprintf(what, sizeof what, "hook \"%s\" is no longer configured", e->hook_name);
    return store_hook_end(tx, e->hook_name, e->now_ms, what);
}

static void end_done(struct task *t)
{
    struct ended *e = PERCH_CONTAINER(t, struct ended, task);

    log_warn(NULL, "hook \"%s\" is no longer configured: its deliveries are dead letters",
             e->hook_name);
    perch_unlink(&e->link);
    perch_free(e);
}

static void end_hook(struct outbox *o, struct ended *e)
{
    e->now_ms = outbox_now(o);
    e->task.job = end_job;
    e->task.done = end_done;
    perch_list_add(&o->ended, &e->link);
    outbox_task_submit(&e->task);
}

void outbox_line_is_behind(struct outbox *o, unsigned hook, int64_t account, int64_t mailbox)
{
    struct line *l = outbox_line_get(o, hook, account, mailbox);

    if (!l) {
        o->missed = true;
        outbox_look_at(o, later(outbox_now(o), AGAIN_MS));
        return;
    }
    l->behind = true;
    if (l->state == LINE_IDLE)
        outbox_line_goto(l, LINE_READY);
}

static void recover_done(struct task *t)
{
    struct outbox *o = t->o;
    unsigned hook;

    o->recovering = false;
    PERCH_LIST_EACH(&o->found_hooks, struct ended, link, e) {
        perch_unlink(&e->link);
        if (hook_number(o, e->hook_name, &hook))
            perch_free(e);
        else
            end_hook(o, e);
    }
    PERCH_LIST_EACH(&o->found_lines, struct line, link, l) {
        if (hook_number(o, l->hook_name, &hook))
            outbox_line_is_behind(o, hook, l->account, l->mailbox);
        outbox_line_free(l);
    }
    o->beside_next_ms = 0; /* have a look */
    outbox_look_at(o, outbox_now(o));
}

void outbox_recover(struct outbox *o)
{
    if (o->recovering)
        return;
    o->recovering = true;
    o->missed = false;
    outbox_task_submit(&o->recover);
}

/* ---- life ---- */

int outbox_read_init(struct outbox *o)
{
    perch_list_init(&o->found_lines);
    perch_list_init(&o->found_hooks);
    perch_list_init(&o->ended);
    perch_list_init(&o->looked);
    o->beside_next_ms = INT64_MAX;
    o->recover = (struct task){.o = o, .job = recover_job, .done = recover_done};
    o->look = (struct task){.o = o, .job = look_job, .done = look_done};
    o->by_name = perch_calloc(o->config->nhooks, sizeof *o->by_name);
    if (!o->by_name)
        return -1;
    for (size_t i = 0; i < o->config->nhooks; i++) {
        const struct config_hook *hook = &o->config->hooks[i];

        o->by_name[i] = hook;
        if (hook->backoff_max_ms > o->longest_backoff_ms)
            o->longest_backoff_ms = hook->backoff_max_ms;
    }
    qsort(o->by_name, o->config->nhooks, sizeof *o->by_name, compare_hooks);
    return 0;
}

void outbox_read_done(struct outbox *o)
{
    outbox_lines_free(&o->found_lines);
    outbox_lines_free(&o->looked);
    free_hooks(&o->found_hooks);
    free_hooks(&o->ended);
    perch_free(o->by_name);
}
