/* A line in memory has the first few of its deliveries; `behind` says that the store has
 * more. Whatever makes a line wait drops what it has and reads it again later, so that there
 * is one way back: through the store, as after a restart.
 *
 *   offer -> READY -> [READING] -> RUNNING -> SAVING -> READY ...
 *                                     failed: SAVING -> HELD -> READY
 *
 * A failed delivery that may no longer hold its line becomes a small line of its own
 * (`beside`) each time it is due. A line occupies one of the places that limits.hooks
 * counts from READING to SAVING: results that the store cannot take (a full disk) so stop
 * new work by themselves. */
#include "hooks/outbox_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "log.h"

#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- time ---- */

int64_t outbox_now(const struct outbox *o)
{
    return o->hooks.clock ? o->hooks.clock(o->user) : perch_clock_wall_ms();
}

static void arm_timer(struct outbox *o)
{
    int64_t wait = o->due_ms - outbox_now(o);
    struct timeval tv;

    if (!o->timer || o->due_ms == INT64_MAX)
        return;
    if (wait < 0)
        wait = 0;
    tv = (struct timeval){.tv_sec = wait / 1000, .tv_usec = (wait % 1000) * 1000};
    (void)event_add(o->timer, &tv);
}

void outbox_look_at(struct outbox *o, int64_t at)
{
    if (at >= o->due_ms)
        return;
    o->due_ms = at;
    arm_timer(o);
}

/* ---- what the store does ---- */

static void outbox_destroy(struct outbox *o);
static void pump(struct outbox *o);

static void task_again(struct task *t)
{
    struct outbox *o = t->o;
    struct store_error error;

    if (!o->failing) {
        store_last_error(o->store, &error);
        log_error(NULL, "hooks: the store cannot be used: %s; trying again", error.text);
    }
    o->failing = true;
    perch_list_add(&o->again, &t->link);
    outbox_look_at(o, later(outbox_now(o), AGAIN_MS));
}

static void task_finished(int rc, void *arg)
{
    struct task *t = arg;
    struct outbox *o = t->o;

    o->inflight--;
    if (rc == 0 && t->durable)
        t->durable(t);
    if (o->dead) {
        if (o->inflight == 0)
            outbox_destroy(o);
        return;
    }
    if (rc != 0) {
        task_again(t);
        return;
    }
    if (o->failing)
        log_info(NULL, "hooks: the store works again");
    o->failing = false;
    t->done(t);
    pump(o);
}

void outbox_task_submit(struct task *t)
{
    if (store_submit(t->o->store, STORE_LIVE, t->job, task_finished, t) < 0)
        task_again(t);
    else
        t->o->inflight++;
}

/* ---- what became of a delivery ---- */

static const struct config_hook *hook_of(const struct line *l)
{
    return &l->o->config->hooks[l->hook];
}

static int64_t hold_until(const struct line *l, const struct item *it)
{
    return later(it->failed_ms, hook_of(l)->hold_ms);
}

/* Sleeps with its failed first item, which is in the store. */
static void line_hold(struct line *l)
{
    struct item *it = outbox_line_first(l);

    l->run = 0;
    l->wake_ms = earlier_of(it->next_ms, hold_until(l, it));
    l->last_seq = it->seq - 1;
    l->behind = true;
    while (outbox_line_first(l))
        perch_free(outbox_line_shift(l));
    outbox_line_goto(l, LINE_HELD);
}

static int save_job(struct store_tx *tx, void *arg)
{
    struct line *l = PERCH_CONTAINER(arg, struct line, task);

    return store_delivery_set(tx, &l->outcome);
}

static void save_durable(struct task *t)
{
    struct line *l = PERCH_CONTAINER(t, struct line, task);

    if (l->run)
        l->o->hooks.ack(l->run, l->o->user);
}

static void save_done(struct task *t)
{
    struct line *l = PERCH_CONTAINER(t, struct line, task);
    const struct store_outcome *outcome = &l->outcome;
    struct outbox *o = l->o;
    struct item *it = outbox_line_first(l);

    perch_free(perch_take(l->what));
    if (outcome->state == STORE_DELIVERY_PENDING) {
        it->failed_ms = it->failed_ms ? it->failed_ms : outcome->now_ms;
        it->next_ms = outcome->next_ms;
        line_hold(l);
        return;
    }
    if (outcome->state == STORE_DELIVERY_BESIDE)
        o->beside_next_ms = earlier_of(o->beside_next_ms, outcome->next_ms);
    perch_free(outbox_line_shift(l));
    outbox_line_next(l);
    if (o->nbeside < BESIDE_WINDOW)
        outbox_look_at(o, o->beside_next_ms);
}

/* Of UTF-8. */
static bool is_inside_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* What of a result is kept, for each delivery as long as its event: the first line, which says
 * how it ended, and the end of the output, where errors stand. */
static char *shortened(const char *what)
{
    size_t n = strlen(what), head = strcspn(what, "\n");
    const char *tail;
    char *out;

    if (n <= RESULT_MAX)
        return perch_strdup(what);
    if (head > RESULT_MAX / 4)
        head = RESULT_MAX / 4;
    while (head > 0 && is_inside_character(what[head]))
        head--;
    tail = what + n - (RESULT_MAX - head);
    while (is_inside_character(*tail))
        tail++;
    out = perch_malloc(RESULT_MAX + sizeof "\n...\n");
    if (out)
        (void)snprintf(out, RESULT_MAX + sizeof "\n...\n", "%.*s\n...\n%s", (int)head, what, tail);
    return out;
}

/* Records it; `what` is copied, NULL leaves what was recorded before. */
static void line_save(struct line *l, const struct store_outcome *outcome)
{
    l->outcome = *outcome;
    l->outcome.seq = outbox_line_first(l)->seq;
    l->outcome.hook = l->hook_name;
    l->what = outcome->what ? shortened(outcome->what) : NULL;
    l->outcome.what = l->what; /* out of memory: the state without its reason */
    l->task.job = save_job;
    l->task.durable = save_durable;
    l->task.done = save_done;
    outbox_line_goto(l, LINE_SAVING);
    outbox_task_submit(&l->task);
}

/* Doubling from backoff_min to backoff_max with the attempts that failed; between half of it
 * and all of it, so that what failed together does not come back together. */
static int64_t backoff(const struct config_hook *hook, unsigned failures)
{
    int64_t wait = hook->backoff_min_ms > 0 ? hook->backoff_min_ms : 1;

    while (--failures > 0 && wait < hook->backoff_max_ms)
        wait *= 2;
    if (wait > hook->backoff_max_ms)
        wait = hook->backoff_max_ms > 0 ? hook->backoff_max_ms : 1;
    if (wait > UINT32_MAX)
        wait = UINT32_MAX;
    return wait - (int64_t)arc4random_uniform((uint32_t)(wait / 2 + 1));
}

/* The one place that decides what a failure leads to. */
static struct store_outcome judge(const struct line *l, const struct outbox_result *r, int64_t now)
{
    const struct config_hook *hook = hook_of(l);
    const struct item *it = outbox_line_first(l);
    int64_t failed = it->failed_ms ? it->failed_ms : now;
    struct store_outcome out = {.attempted = true, .now_ms = now, .what = r->what};

    if (r->ok) {
        out.state = STORE_DELIVERY_DONE;
    } else if (r->give_up || now - failed >= hook->retry_for_ms) {
        out.state = STORE_DELIVERY_DEAD;
    } else {
        out.state = l->beside || now - failed >= hook->hold_ms ? STORE_DELIVERY_BESIDE
                                                               : STORE_DELIVERY_PENDING;
        out.next_ms =
            earlier_of(now + backoff(hook, it->attempts + 1), later(failed, hook->retry_for_ms));
    }
    return out;
}

static void log_failure(const struct line *l, const struct store_outcome *out)
{
    const char *what = out->what ? out->what : "failed";
    const struct item *it = outbox_line_first(l);
    int len = (int)strcspn(what, "\n"); /* its output is for the store alone */

    if (out->state == STORE_DELIVERY_DEAD)
        log_error(NULL, "hook \"%s\", event %lld, attempt %u: %.*s; given up", l->hook_name,
                  (long long)it->seq, it->attempts + 1, len, what);
    else if (out->state != STORE_DELIVERY_DONE)
        log_warn(NULL, "hook \"%s\", event %lld, attempt %u: %.*s; next try in %lld s",
                 l->hook_name, (long long)it->seq, it->attempts + 1, len, what,
                 (long long)((out->next_ms - out->now_ms + 999) / 1000));
}

/* ---- starting ---- */

static void line_run(struct line *l, struct item *it)
{
    struct outbox *o = l->o;

    l->run = ++o->last_run;
    /* A retry in its line: from then on the line goes on without it. */
    l->wake_ms = it->attempts > 0 && !l->beside ? hold_until(l, it) : INT64_MAX;
    outbox_line_goto(l, LINE_RUNNING);
    o->hooks.run(l->run, l->hook, it->attempts + 1, it->json, o->user);
}

/* A clock that was set back makes nobody wait longer than the longest backoff. */
static bool is_due(const struct line *l, int64_t at, int64_t now)
{
    return at <= now || at - now > hook_of(l)->backoff_max_ms;
}

/* Gives the line that has its turn what it needs: items, an end, patience, a run. */
static void line_start(struct line *l)
{
    const struct config_hook *hook = hook_of(l);
    struct item *it = outbox_line_first(l);
    int64_t now = outbox_now(l->o);

    if (!it)
        outbox_line_read(l);
    else if (hook->max_age_ms > 0 && now - it->created_ms > hook->max_age_ms)
        line_save(l, &(struct store_outcome){.state = STORE_DELIVERY_DROPPED,
                                             .now_ms = now,
                                             .what = "dropped: older than max_age"});
    else if (!l->beside && it->attempts > 0 && now >= hold_until(l, it))
        line_save(l, &(struct store_outcome){
                         .state = STORE_DELIVERY_BESIDE, .now_ms = now, .next_ms = it->next_ms});
    else if (!l->beside && it->attempts > 0 && !is_due(l, it->next_ms, now))
        line_hold(l);
    else
        line_run(l, it);
}

/* Fills the free places, hooks in turn. */
static void pump(struct outbox *o)
{
    while (!o->paused && !perch_list_empty(&o->queues) && o->busy < o->config->max_hooks) {
        struct queue *q = PERCH_LIST_FIRST(&o->queues, struct queue, link);
        struct line *l = PERCH_LIST_FIRST(&q->ready, struct line, turn);

        perch_unlink(&q->link); /* starting the line puts it at the end, if more may start */
        line_start(l);
    }
}

/* A retry runs longer than it may hold its line: it goes on beside it. */
static void line_detach(struct line *l)
{
    struct outbox *o = l->o;
    struct line *b = outbox_line_new(o, l->hook_name, l->account, l->mailbox);

    if (!b) {
        outbox_look_at(o, later(outbox_now(o), AGAIN_MS));
        return;
    }
    b->hook = l->hook;
    outbox_line_set_beside(b);
    outbox_line_append(b, outbox_line_shift(l));
    b->run = l->run;
    outbox_line_goto(b, LINE_RUNNING);
    outbox_line_next(l);
}

/* ---- the outside ---- */

void outbox_offer(struct outbox *o, int64_t seq, unsigned hook, int64_t account, int64_t mailbox,
                  const char *event_json)
{
    struct line *l;
    struct item *it;

    assert(hook < o->config->nhooks);
    l = outbox_line_get(o, hook, account, mailbox);
    if (l && seq <= l->last_seq)
        return;
    /* In order: behind what the store has, and behind what recovery will find there. */
    if (!l || l->behind || l->state == LINE_READING || o->recovering || o->missed ||
        l->nitems >= LINE_WINDOW || o->memory + strlen(event_json) >= MEMORY_MAX ||
        !(it = outbox_item_new(seq, event_json))) {
        outbox_line_is_behind(o, hook, account, mailbox);
    } else {
        it->created_ms = outbox_now(o);
        outbox_line_append(l, it);
        if (l->state == LINE_IDLE)
            outbox_line_goto(l, LINE_READY);
    }
    pump(o);
}

void outbox_result(struct outbox *o, uint64_t run, const struct outbox_result *r)
{
    PERCH_LIST_EACH(&o->places, struct line, place, l) {
        struct store_outcome out;

        if (l->run != run || l->state != LINE_RUNNING)
            continue;
        out = judge(l, r, outbox_now(o));
        log_failure(l, &out);
        line_save(l, &out);
        return;
    }
    o->hooks.ack(run, o->user);
}

void outbox_pause(struct outbox *o)
{
    o->paused = true;
}

void outbox_resume(struct outbox *o)
{
    o->paused = false;
    pump(o);
}

size_t outbox_running(const struct outbox *o)
{
    size_t n = 0;

    PERCH_LIST_EACH(&o->places, struct line, place, l) {
        n += l->run != 0;
    }
    return n;
}

int64_t outbox_due(const struct outbox *o)
{
    return o->due_ms;
}

size_t outbox_memory(const struct outbox *o)
{
    return o->memory;
}

static void submit_again(struct outbox *o)
{
    struct perch_list again;

    perch_list_init(&again); /* what fails at once goes back to o->again */
    PERCH_LIST_EACH(&o->again, struct task, link, t) {
        perch_unlink(&t->link);
        perch_list_add(&again, &t->link);
    }
    PERCH_LIST_EACH(&again, struct task, link, t) {
        perch_unlink(&t->link);
        outbox_task_submit(t);
    }
}

static void wake_sleepers(struct outbox *o, int64_t now)
{
    PERCH_LIST_EACH(&o->sleepers, struct line, turn, l) {
        if (l->state == LINE_RUNNING && l->wake_ms <= now) {
            line_detach(l);
        } else if (l->state == LINE_HELD && is_due(l, l->wake_ms, now)) {
            l->wake_ms = INT64_MAX;
            outbox_line_goto(l, LINE_READY);
        } else {
            outbox_look_at(o, l->wake_ms);
        }
    }
}

void outbox_turn(struct outbox *o)
{
    int64_t now = outbox_now(o);

    o->due_ms = INT64_MAX;
    if (o->missed)
        outbox_recover(o);
    submit_again(o);
    wake_sleepers(o, now);
    outbox_look_beside(o, now);
    pump(o);
}

static void on_timer(int fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    outbox_turn(arg);
}

/* ---- life ---- */

struct outbox *outbox_new(struct event_base *base, struct store *store, const struct config *config,
                          const struct outbox_hooks *hooks, void *user)
{
    struct outbox *o = perch_calloc(1, sizeof *o);

    if (!o)
        return NULL;
    o->store = store;
    o->config = config;
    o->hooks = *hooks;
    o->user = user;
    o->due_ms = INT64_MAX;
    /* A quarter stays free for others, however slow one hook is. */
    o->share = config->nhooks > 1 ? config->max_hooks - config->max_hooks / 4 : config->max_hooks;
    for (size_t i = 0; i < LINE_BUCKETS; i++)
        perch_list_init(&o->buckets[i]);
    perch_list_init(&o->again);
    perch_list_init(&o->beside);
    perch_list_init(&o->sleepers);
    perch_list_init(&o->queues);
    perch_list_init(&o->places);
    o->last_run = (uint64_t)outbox_now(o) << 20; /* no earlier life gave out so many */
    o->queue = perch_calloc(config->nhooks, sizeof *o->queue);
    o->timer = base ? event_new(base, -1, 0, on_timer, o) : NULL;
    if (outbox_read_init(o) < 0 || !o->queue || (base && !o->timer)) {
        outbox_destroy(o);
        return NULL;
    }
    for (size_t i = 0; i < config->nhooks; i++)
        perch_list_init(&o->queue[i].ready);
    return o;
}

static void outbox_destroy(struct outbox *o)
{
    for (size_t i = 0; i < LINE_BUCKETS; i++)
        outbox_lines_free(&o->buckets[i]);
    outbox_lines_free(&o->beside);
    outbox_read_done(o);
    if (o->timer)
        event_free(o->timer);
    perch_free(o->queue);
    perch_free(o);
}

/* The store may be working for it: then the last task takes the memory along. */
void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    o->dead = true;
    if (o->timer)
        (void)event_del(o->timer);
    if (o->inflight == 0)
        outbox_destroy(o);
}
