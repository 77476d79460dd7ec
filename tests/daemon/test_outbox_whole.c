/* The outbox as a whole: under anything in any order, and as the daemon runs it. */
#include "daemon/outbox_rig.h"
#include "support/tmpdir.h"

#include <event2/event.h>

/* ---- anything in any order ---- */

enum { CHAOS_STEPS = 600, CHAOS_MAX = CHAOS_STEPS + 1, CHAOS_RUNS = 10 * CHAOS_STEPS };

static struct {
    bool made[CHAOS_MAX];    /* by seq */
    bool started[CHAOS_MAX]; /* its first run was seen */
    bool over[CHAOS_MAX];    /* a result that ends it was acknowledged */
    int ends[CHAOS_RUNS];    /* by run: 1 the result ends it, -1 it does not, 0 none yet */
    unsigned hook[CHAOS_MAX];
    int64_t mailbox[CHAOS_MAX];
    size_t seen, alive; /* runs looked at; the first one of this outbox */
} chaos;

/* Looks at what happened since the last time. */
static void chaos_look(unsigned seed)
{
    for (; chaos.seen < rig.nruns; chaos.seen++) {
        const struct run *r = &rig.runs[chaos.seen];

        if (chaos.over[r->seq])
            FAIL_ROW("seed %u: %lld runs again", seed, (long long)r->seq);
        for (size_t i = chaos.alive; i < chaos.seen; i++)
            if (rig.runs[i].seq == r->seq && chaos.ends[i] == 0)
                FAIL_ROW("seed %u: %lld runs twice at once", seed, (long long)r->seq);
        for (int64_t older = 1; older < r->seq && !chaos.started[r->seq]; older++)
            if (chaos.made[older] && !chaos.started[older] &&
                chaos.hook[older] == chaos.hook[r->seq] &&
                chaos.mailbox[older] == chaos.mailbox[r->seq])
                FAIL_ROW("seed %u: %lld starts before %lld", seed, (long long)r->seq,
                         (long long)older);
        chaos.started[r->seq] = true;
    }
    for (size_t i = 0; i < rig.nruns; i++)
        if (rig.runs[i].acked && chaos.ends[i] == 1)
            chaos.over[rig.runs[i].seq] = true;
}

/* A result for one of the runs that this outbox waits for. */
static void chaos_report(long kind)
{
    for (size_t n = 0; n < rig.nruns - chaos.alive; n++) {
        size_t i = chaos.alive + (size_t)random() % (rig.nruns - chaos.alive);
        struct outbox_result result = {.ok = kind < 6, .give_up = kind == 6, .what = "told"};

        if (chaos.ends[i] != 0)
            continue;
        chaos.ends[i] = result.ok || result.give_up ? 1 : -1;
        outbox_result(rig.outbox, rig.runs[i].id, &result);
        return;
    }
}

static void chaos_deliver(void)
{
    unsigned hook = (unsigned)random() % 2;
    int64_t mailbox = 1 + random() % 3, seq;

    set_writable(true);
    seq = deliver(hook, mailbox);
    chaos.made[seq] = true;
    chaos.hook[seq] = hook;
    chaos.mailbox[seq] = mailbox;
}

static void chaos_restart(void)
{
    rig.now++;
    restart();
    chaos.alive = rig.nruns;
}

static void chaos_step(void)
{
    long what = random() % 40;

    if (what < 10)
        chaos_deliver();
    else if (what < 25)
        chaos_report(random() % 10);
    else if (what < 30)
        rig.now += random() % 60000;
    else if (what < 35)
        set_writable(random() % 4 > 0);
    else if (what < 36)
        chaos_restart();
    else if (what < 38)
        outbox_recover(rig.outbox);
    if (random() % 2)
        (void)store_turn(rig.store);
    else
        settle();
}

/* From here on everything succeeds. */
static void chaos_drain(void)
{
    set_writable(true);
    for (int round = 0; round < 2000 && rig.nruns < CHAOS_RUNS - 10; round++) {
        for (size_t i = chaos.alive; i < rig.nruns; i++)
            if (chaos.ends[i] == 0) {
                chaos.ends[i] = 1;
                outbox_result(rig.outbox, rig.runs[i].id, &(struct outbox_result){.ok = true});
            }
        forward(10 * SECOND);
    }
}

static void test_whatever_happens_nothing_is_lost_and_lines_keep_their_order(void)
{
    for (unsigned seed = 1; seed <= 40; seed++) {
        srandom(seed);
        begin();
        memset(&chaos, 0, sizeof chaos);
        rig.config.max_hooks = 3;
        rig.hooks[0].hold_ms = seed % 3 ? MINUTE : 0;
        rig.hooks[1].hold_ms = seed % 2 ? INT64_MAX : 20 * SECOND;
        outbox_free(rig.outbox);
        start();
        for (int i = 0; i < CHAOS_STEPS && rig.nruns < CHAOS_RUNS - 10; i++) {
            chaos_step();
            chaos_look(seed);
        }
        chaos_drain();
        chaos_look(seed);
        for (int64_t seq = 1; seq < CHAOS_MAX; seq++)
            if (chaos.made[seq] != chaos.over[seq])
                FAIL_ROW("seed %u: %lld is not over", seed, (long long)seq);
        ASSERT_INT(outbox_memory(rig.outbox), 0);
        end();
    }
}

/* ---- as the daemon runs it: a loop, a thread that writes, a timer ---- */

static struct {
    struct event_base *base;
    unsigned failures_left, committed;
} live;

static void report_later(evutil_socket_t fd, short what, void *arg)
{
    const struct run *r = &rig.runs[(size_t)(uintptr_t)arg];
    bool ok = live.failures_left == 0;

    (void)fd;
    (void)what;
    live.failures_left -= !ok;
    outbox_result(rig.outbox, r->id, &(struct outbox_result){.ok = ok, .what = "told"});
}

static void on_live_run(uint64_t run, unsigned hook, unsigned attempt, const char *event_json,
                        void *user)
{
    on_run(run, hook, attempt, event_json, user);
    (void)event_base_once(live.base, -1, EV_TIMEOUT, report_later,
                          (void *)(uintptr_t)(rig.nruns - 1), &(struct timeval){0, 0});
}

static void on_live_ack(uint64_t run, void *user)
{
    on_ack(run, user);
    live.committed++;
}

static void on_committed(int rc, void *arg)
{
    struct delivery *d = arg;

    ASSERT_INT(rc, 0);
    outbox_offer(rig.outbox, d->seq, d->hook, 1, d->mailbox, d->json);
}

static void test_with_loop_and_thread_everything_arrives_in_order(void)
{
    enum { N = 300, FAILURES = 3 };
    static const struct outbox_hooks hooks = {.run = on_live_run, .ack = on_live_ack};
    static struct delivery deliveries[N];
    struct store_error error;
    int64_t last[6] = {0};
    struct tmpdir dir;

    reset();
    tmpdir_make(&dir);
    live.base = event_base_new();
    live.failures_left = FAILURES;
    live.committed = 0;
    rig.hooks[0].backoff_min_ms = rig.hooks[0].backoff_max_ms = 1;
    ASSERT_INT(store_open(dir.path, live.base, &rig.store, &error), 0);
    rig.outbox = outbox_new(live.base, rig.store, &rig.config, &hooks, NULL);
    outbox_recover(rig.outbox);
    for (int i = 0; i < N; i++) {
        deliveries[i] = (struct delivery){.mailbox = 1 + i % 5};
        ASSERT_INT(store_submit(rig.store, STORE_LIVE, job_deliver, on_committed, &deliveries[i]),
                   0);
    }
    while (live.committed < N + FAILURES)
        (void)event_base_loop(live.base, EVLOOP_ONCE);
    ASSERT_INT(rig.nruns, N + FAILURES);
    for (size_t i = 0; i < rig.nruns; i++) {
        size_t box = (size_t)(rig.runs[i].seq - 1) % 5;

        CU_ASSERT(rig.runs[i].seq > last[box] || rig.runs[i].attempt > 1);
        last[box] = rig.runs[i].seq;
    }
    ASSERT_INT(outbox_memory(rig.outbox), 0);
    end();
    event_base_free(live.base);
    tmpdir_remove(&dir);
}

PERCH_SUITE("daemon/outbox_whole") = {
    PERCH_TEST(test_whatever_happens_nothing_is_lost_and_lines_keep_their_order),
    PERCH_TEST(test_with_loop_and_thread_everything_arrives_in_order),
    PERCH_END,
};
