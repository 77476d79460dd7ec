/* The outbox with a store in memory, a clock that is a number, and a runner that does what
 * the test says. */
#ifndef PERCH_TESTS_OUTBOX_RIG_H
#define PERCH_TESTS_OUTBOX_RIG_H

#include "support/perch_test.h"

#include "hooks/outbox.h"
#include "store/internal.h"

#include "base/num.h"

#include <stdlib.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define START  1000000000000 /* the clock at the beginning */

struct run {
    uint64_t id;
    unsigned hook, attempt;
    int64_t seq; /* as the event's JSON says */
    bool acked;
};

static struct {
    struct store *store;
    struct outbox *outbox;
    struct config config;
    struct config_hook hooks[3];
    int64_t now;
    struct run *runs;
    size_t nruns;
    size_t late_acks; /* of runs that are not known, or once more */
} rig;

static inline void on_run(uint64_t run, unsigned hook, unsigned attempt, const char *event_json,
                          void *user)
{
    const char *digits = strchr(event_json, ':') + 1;
    uint64_t seq = 0;

    (void)user;
    CU_ASSERT_TRUE(perch_num_scan(&digits, digits + strlen(digits), INT64_MAX, &seq));
    if (rig.nruns % 1024 == 0)
        rig.runs = realloc(rig.runs, (rig.nruns + 1024) * sizeof *rig.runs);
    rig.runs[rig.nruns++] = (struct run){run, hook, attempt, (int64_t)seq, false};
}

static inline void on_ack(uint64_t run, void *user)
{
    (void)user;
    for (size_t i = 0; i < rig.nruns; i++)
        if (rig.runs[i].id == run && !rig.runs[i].acked) {
            rig.runs[i].acked = true;
            return;
        }
    rig.late_acks++;
}

static inline int64_t on_clock(void *user)
{
    (void)user;
    return rig.now;
}

static inline void start(void)
{
    static const struct outbox_hooks hooks = {.run = on_run, .ack = on_ack, .clock = on_clock};

    rig.outbox = outbox_new(NULL, rig.store, &rig.config, &hooks, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig.outbox);
}

/* Three hooks, nothing running. */
static inline void reset(void)
{
    static char a[] = "a", b[] = "b", c[] = "c";
    static char *const names[] = {a, b, c};

    memset(&rig, 0, sizeof rig);
    rig.now = START;
    for (unsigned i = 0; i < 3; i++)
        rig.hooks[i] = (struct config_hook){.name = names[i],
                                            .number = i,
                                            .retry_for_ms = 24 * HOUR,
                                            .backoff_min_ms = 4 * SECOND,
                                            .backoff_max_ms = HOUR,
                                            .hold_ms = 10 * MINUTE};
    rig.config = (struct config){.hooks = rig.hooks, .nhooks = 3, .max_hooks = 16};
}

static inline void begin(void)
{
    struct store_error error;

    reset();
    ASSERT_INT(store_open(NULL, NULL, &rig.store, &error), 0);
    start();
}

static inline void end(void)
{
    outbox_free(rig.outbox);
    store_close(rig.store);
    free(rig.runs);
}

/* Until nothing moves any more at this time. */
static inline void settle(void)
{
    size_t moved;

    do {
        moved = store_turn(rig.store);
        if (outbox_due(rig.outbox) <= rig.now) {
            outbox_turn(rig.outbox);
            moved++;
        }
    } while (moved > 0);
}

static inline void forward(int64_t ms)
{
    rig.now += ms;
    settle();
}

struct delivery {
    int64_t seq;
    unsigned hook;
    int64_t mailbox;
    char json[64];
};

static inline int job_deliver(struct store_tx *tx, void *arg)
{
    struct delivery *d = arg;
    struct store_event e = {.kind = EVENT_NEW, .account = 1, .mailbox = d->mailbox, .uid = 1};
    char id[32];

    ASSERT_INT(store_event_next_seq(tx, &d->seq), 0);
    (void)snprintf(id, sizeof id, "e1-%lld", (long long)d->seq);
    (void)snprintf(d->json, sizeof d->json, "{\"seq\":%lld}", (long long)d->seq);
    e.id = id;
    e.json = d->json;
    ASSERT_INT(store_event_add(tx, d->seq, &e), 1);
    ASSERT_INT(store_delivery_add(tx, d->seq, rig.hooks[d->hook].name, 1, d->mailbox, rig.now), 0);
    return 0;
}

/* Commits an event with one delivery, and offers nothing. */
static inline struct delivery commit(unsigned hook, int64_t mailbox)
{
    struct delivery d = {.hook = hook, .mailbox = mailbox};

    ASSERT_INT(store_run(rig.store, job_deliver, &d), 0);
    return d;
}

static inline int64_t deliver(unsigned hook, int64_t mailbox)
{
    struct delivery d = commit(hook, mailbox);

    outbox_offer(rig.outbox, d.seq, hook, 1, mailbox, d.json);
    return d.seq;
}

/* The last run of `seq`, or NULL. */
static inline struct run *run_of(int64_t seq)
{
    for (size_t i = rig.nruns; i > 0; i--)
        if (rig.runs[i - 1].seq == seq)
            return &rig.runs[i - 1];
    return NULL;
}

static inline void report(int64_t seq, struct outbox_result result)
{
    struct run *r = run_of(seq);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    outbox_result(rig.outbox, r->id, &result);
}

static inline void succeed(int64_t seq)
{
    report(seq, (struct outbox_result){.ok = true, .what = "exit 0"});
    settle();
}

static inline void fail(int64_t seq)
{
    report(seq, (struct outbox_result){.what = "exit 1"});
    settle();
}

/* What the store says of a delivery to hook "a" that waits. */
struct fact {
    int64_t seq;
    struct store_delivery d;
    bool found;
};

static inline int take_fact(const struct store_delivery *d, void *user)
{
    struct fact *f = user;

    if (d->seq == f->seq) {
        f->d = *d;
        f->found = true;
    }
    return 0;
}

static inline int job_fact(struct store_tx *tx, void *arg)
{
    struct fact *f = arg;
    struct perch_arena a;

    perch_arena_init(&a, 0);
    for (int64_t mailbox = 1; mailbox <= 5; mailbox++) {
        struct store_line line = {"a", 1, mailbox};

        ASSERT_INT(store_line_read(tx, &line, 0, 100, &a, take_fact, f), 0);
    }
    ASSERT_INT(store_beside_read(tx, INT64_MAX, 100, &a, take_fact, f), 0);
    perch_arena_done(&a);
    return 0;
}

/* Whether the delivery to "a" still waits; the numbers of its row in *ret. */
static inline bool waits(int64_t seq, struct store_delivery *ret)
{
    struct fact f = {.seq = seq};

    ASSERT_INT(store_run(rig.store, job_fact, &f), 0);
    if (ret)
        *ret = f.d;
    return f.found;
}

static inline void set_writable(bool writable)
{
    ASSERT_INT(db_script(&rig.store->tx.db,
                         writable ? "PRAGMA query_only = OFF" : "PRAGMA query_only = ON"),
               0);
}

static inline void restart(void)
{
    outbox_free(rig.outbox);
    start();
    outbox_recover(rig.outbox);
}

#endif
