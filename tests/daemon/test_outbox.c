/* The outbox with a store in memory, a clock that is a number, and a runner that does what
 * the test says. */
#include "support/perch_test.h"
#include "support/tmpdir.h"

#include "hooks/outbox.h"
#include "store/internal.h"

#include "base/num.h"

#include <event2/event.h>
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

/* ---- the rig ---- */

static void on_run(uint64_t run, unsigned hook, unsigned attempt, const char *event_json,
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

static void on_ack(uint64_t run, void *user)
{
    (void)user;
    for (size_t i = 0; i < rig.nruns; i++)
        if (rig.runs[i].id == run && !rig.runs[i].acked) {
            rig.runs[i].acked = true;
            return;
        }
    rig.late_acks++;
}

static int64_t on_clock(void *user)
{
    (void)user;
    return rig.now;
}

static void start(void)
{
    static const struct outbox_hooks hooks = {.run = on_run, .ack = on_ack, .clock = on_clock};

    rig.outbox = outbox_new(NULL, rig.store, &rig.config, &hooks, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig.outbox);
}

static void begin(void)
{
    static char a[] = "a", b[] = "b", c[] = "c";
    static char *const names[] = {a, b, c};
    struct store_error error;

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
    ASSERT_INT(store_open(NULL, NULL, &rig.store, &error), 0);
    start();
}

static void end(void)
{
    outbox_free(rig.outbox);
    store_close(rig.store);
    free(rig.runs);
}

/* Until nothing moves any more at this time. */
static void settle(void)
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

static void forward(int64_t ms)
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

static int job_deliver(struct store_tx *tx, void *arg)
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

/* Commits an event with one delivery; *ret_json (NULL: not wanted) is what to offer. */
static struct delivery commit(unsigned hook, int64_t mailbox)
{
    struct delivery d = {.hook = hook, .mailbox = mailbox};

    ASSERT_INT(store_run(rig.store, job_deliver, &d), 0);
    return d;
}

static int64_t deliver(unsigned hook, int64_t mailbox)
{
    struct delivery d = commit(hook, mailbox);

    outbox_offer(rig.outbox, d.seq, hook, 1, mailbox, d.json);
    return d.seq;
}

/* The last run of `seq`, or NULL. */
static struct run *run_of(int64_t seq)
{
    for (size_t i = rig.nruns; i > 0; i--)
        if (rig.runs[i - 1].seq == seq)
            return &rig.runs[i - 1];
    return NULL;
}

static void report(int64_t seq, struct outbox_result result)
{
    struct run *r = run_of(seq);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    outbox_result(rig.outbox, r->id, &result);
}

static void succeed(int64_t seq)
{
    report(seq, (struct outbox_result){.ok = true, .what = "exit 0"});
    settle();
}

static void fail(int64_t seq)
{
    report(seq, (struct outbox_result){.what = "exit 1"});
    settle();
}

/* What the store says of (seq, hook "a"). */
struct fact {
    int64_t seq;
    struct store_delivery d;
    int found;
    char what[64];
};

static int job_fact_pending(struct store_tx *tx, void *arg);

static int take_fact(const struct store_delivery *d, void *user)
{
    struct fact *f = user;

    if (d->seq == f->seq) {
        f->d = *d;
        f->found = 1;
    }
    return 0;
}

static int job_fact_pending(struct store_tx *tx, void *arg)
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

/* Whether the delivery still waits; its row in *ret. */
static bool waits(int64_t seq, struct store_delivery *ret)
{
    struct fact f = {.seq = seq};

    ASSERT_INT(store_run(rig.store, job_fact_pending, &f), 0);
    if (ret)
        *ret = f.d;
    return f.found;
}

/* ---- order ---- */

static void test_a_line_runs_one_at_a_time_in_order(void)
{
    int64_t one, two, three;

    begin();
    one = deliver(0, 1);
    ASSERT_INT(rig.nruns, 1); /* handed over before the offer returned */
    two = deliver(0, 1);
    three = deliver(0, 1);
    settle();
    ASSERT_INT(rig.nruns, 1);
    ASSERT_INT(rig.runs[0].seq, one);
    ASSERT_INT(rig.runs[0].attempt, 1);
    succeed(one);
    ASSERT_INT(rig.nruns, 2);
    ASSERT_INT(rig.runs[1].seq, two);
    succeed(two);
    ASSERT_INT(rig.runs[2].seq, three);
    succeed(three);
    ASSERT_INT(rig.nruns, 3);
    CU_ASSERT_FALSE(waits(one, NULL) || waits(two, NULL) || waits(three, NULL));
    ASSERT_INT(outbox_memory(rig.outbox), 0);
    end();
}

static void test_lines_do_not_wait_for_each_other(void)
{
    begin();
    (void)deliver(0, 1);
    (void)deliver(0, 2); /* another mailbox */
    (void)deliver(1, 1); /* another hook */
    ASSERT_INT(rig.nruns, 3);
    ASSERT_INT(outbox_running(rig.outbox), 3);
    end();
}

static void test_an_ack_comes_only_once_the_result_is_durable(void)
{
    int64_t one;

    begin();
    one = deliver(0, 1);
    report(one, (struct outbox_result){.ok = true});
    CU_ASSERT_FALSE(rig.runs[0].acked);
    ASSERT_INT(outbox_running(rig.outbox), 1);
    settle();
    CU_ASSERT_TRUE(rig.runs[0].acked);
    ASSERT_INT(outbox_running(rig.outbox), 0);
    outbox_result(rig.outbox, rig.runs[0].id, &(struct outbox_result){.ok = true});
    outbox_result(rig.outbox, 4711, &(struct outbox_result){.ok = true});
    ASSERT_INT(rig.late_acks, 2);
    end();
}

/* ---- failures ---- */

static void test_a_failure_holds_its_line_and_is_tried_again(void)
{
    struct store_delivery d;
    int64_t one, two;

    begin();
    one = deliver(0, 1);
    two = deliver(0, 1);
    fail(one);
    CU_ASSERT_TRUE(rig.runs[0].acked);
    CU_ASSERT_TRUE(waits(one, &d));
    ASSERT_INT(d.attempts, 1);
    ASSERT_INT(d.failed_ms, START);
    CU_ASSERT(d.next_ms >= START + 2 * SECOND && d.next_ms <= START + 4 * SECOND);
    ASSERT_INT(outbox_due(rig.outbox), d.next_ms);
    forward(d.next_ms - START - 1);
    ASSERT_INT(rig.nruns, 1);
    (void)deliver(0, 2);
    ASSERT_INT(rig.nruns, 2); /* only its own line is held */
    forward(1);
    ASSERT_INT(rig.nruns, 3);
    ASSERT_INT(rig.runs[2].seq, one);
    ASSERT_INT(rig.runs[2].attempt, 2);
    succeed(one);
    ASSERT_INT(rig.nruns, 4);
    ASSERT_INT(rig.runs[3].seq, two);
    ASSERT_INT(rig.runs[3].attempt, 1);
    end();
}

static void test_waits_double_up_to_the_longest(void)
{
    int64_t one, want = 4 * SECOND;

    begin();
    rig.hooks[0].hold_ms = INT64_MAX;
    rig.hooks[0].retry_for_ms = 1000 * HOUR;
    one = deliver(0, 1);
    for (unsigned attempt = 1; attempt <= 20; attempt++) {
        struct store_delivery d;

        ASSERT_INT(run_of(one)->attempt, attempt);
        fail(one);
        CU_ASSERT_TRUE_FATAL(waits(one, &d));
        if (d.next_ms - rig.now < want / 2 || d.next_ms - rig.now > want)
            FAIL_ROW("attempt %u waits %lld ms of %lld", attempt, (long long)(d.next_ms - rig.now),
                     (long long)want);
        forward(d.next_ms - rig.now);
        want = want * 2 > HOUR ? HOUR : want * 2;
    }
    end();
}

static void test_waits_differ(void)
{
    int64_t first = 0;
    bool differ = false;

    begin();
    rig.config.max_hooks = 100;
    rig.hooks[0].backoff_min_ms = rig.hooks[0].backoff_max_ms = HOUR;
    for (int64_t box = 1; box <= 4; box++) {
        struct store_delivery d;
        int64_t seq = deliver(0, box);

        fail(seq);
        CU_ASSERT_TRUE(waits(seq, &d));
        differ = differ || (first && d.next_ms != first);
        first = d.next_ms;
    }
    CU_ASSERT_TRUE(differ);
    end();
}

static void test_past_hold_a_failure_is_tried_beside_its_line(void)
{
    struct store_delivery d;
    int64_t one, two, three;

    begin();
    rig.hooks[0].backoff_min_ms = rig.hooks[0].backoff_max_ms = 30 * MINUTE;
    one = deliver(0, 1);
    two = deliver(0, 1);
    fail(one);
    forward(10 * MINUTE - 1);
    ASSERT_INT(rig.nruns, 1);
    forward(1);
    ASSERT_INT(rig.nruns, 2); /* the line goes on, without a try of the first */
    ASSERT_INT(rig.runs[1].seq, two);
    CU_ASSERT_TRUE(waits(one, &d));
    ASSERT_INT(d.state, STORE_DELIVERY_BESIDE);
    ASSERT_INT(d.attempts, 1);
    three = deliver(0, 1);
    forward(d.next_ms - rig.now);
    ASSERT_INT(rig.nruns, 3); /* while the second still runs */
    ASSERT_INT(rig.runs[2].seq, one);
    ASSERT_INT(rig.runs[2].attempt, 2);
    fail(one);
    CU_ASSERT_TRUE(waits(one, &d));
    ASSERT_INT(d.attempts, 2);
    forward(d.next_ms - rig.now);
    ASSERT_INT(rig.nruns, 4);
    ASSERT_INT(rig.runs[3].attempt, 3);
    succeed(one);
    CU_ASSERT_FALSE(waits(one, NULL));
    succeed(two);
    ASSERT_INT(rig.runs[4].seq, three);
    ASSERT_INT(rig.nruns, 5);
    succeed(three);
    ASSERT_INT(outbox_memory(rig.outbox), 0);
    end();
}

static void test_without_hold_the_line_goes_on_at_once(void)
{
    int64_t one, two;

    begin();
    rig.hooks[0].hold_ms = 0;
    one = deliver(0, 1);
    two = deliver(0, 1);
    fail(one);
    ASSERT_INT(rig.nruns, 2);
    ASSERT_INT(rig.runs[1].seq, two);
    end();
}

static void test_a_retry_that_outlasts_hold_no_longer_holds(void)
{
    struct store_delivery d;
    int64_t one, two, three;

    begin();
    one = deliver(0, 1);
    two = deliver(0, 1);
    fail(one);
    CU_ASSERT_TRUE(waits(one, &d));
    forward(d.next_ms - rig.now);
    ASSERT_INT(rig.nruns, 2); /* the retry runs */
    forward(START + 10 * MINUTE - rig.now - 1);
    ASSERT_INT(rig.nruns, 2);
    forward(1);
    ASSERT_INT(rig.nruns, 3);
    ASSERT_INT(rig.runs[2].seq, two);
    ASSERT_INT(outbox_running(rig.outbox), 2);
    three = commit(0, 1).seq;
    outbox_recover(rig.outbox); /* a look at the store does not start it twice, */
    settle();
    succeed(two);
    ASSERT_INT(rig.nruns, 4);
    ASSERT_INT(rig.runs[3].seq, three);
    succeed(three);
    rig.now -= 5 * MINUTE;
    outbox_recover(rig.outbox); /* nor when its line is at rest and the clock is set back */
    settle();
    ASSERT_INT(rig.nruns, 4);
    rig.now += 5 * MINUTE;
    fail(one);
    CU_ASSERT_TRUE(rig.runs[1].acked);
    CU_ASSERT_TRUE(waits(one, &d));
    ASSERT_INT(d.state, STORE_DELIVERY_BESIDE);
    ASSERT_INT(d.attempts, 2);
    end();
}

static void test_hold_for_ever_keeps_strict_order(void)
{
    struct store_delivery d;
    int64_t one;

    begin();
    rig.hooks[0].hold_ms = INT64_MAX;
    rig.hooks[0].retry_for_ms = 1000 * HOUR;
    one = deliver(0, 1);
    (void)deliver(0, 1);
    for (int i = 0; i < 50; i++) {
        fail(one);
        CU_ASSERT_TRUE_FATAL(waits(one, &d));
        forward(d.next_ms - rig.now);
        ASSERT_INT(run_of(one)->attempt, i + 2);
    }
    ASSERT_INT(rig.nruns, 51);
    end();
}

static void test_after_retry_for_it_is_a_dead_letter(void)
{
    struct store_delivery d;
    int64_t one, two;

    begin();
    rig.hooks[0].retry_for_ms = 20 * SECOND;
    one = deliver(0, 1);
    two = deliver(0, 1);
    for (;;) {
        fail(one);
        if (!waits(one, &d))
            break;
        CU_ASSERT(d.next_ms <= START + 20 * SECOND); /* one last try at the end */
        forward(d.next_ms - rig.now);
    }
    ASSERT_INT(rig.now, START + 20 * SECOND);
    CU_ASSERT_TRUE(run_of(one)->acked);
    ASSERT_INT(run_of(two)->attempt, 1); /* the line goes on */
    end();
}

static void test_giving_up_is_a_dead_letter_at_once(void)
{
    int64_t one;

    begin();
    one = deliver(0, 1);
    report(one, (struct outbox_result){.give_up = true, .what = "exit 100"});
    settle();
    CU_ASSERT_FALSE(waits(one, NULL));
    CU_ASSERT_TRUE(rig.runs[0].acked);
    forward(24 * HOUR);
    ASSERT_INT(rig.nruns, 1);
    end();
}

static int job_result(struct store_tx *tx, void *arg)
{
    struct db_rows r = DB_ROWS(&tx->db, "SELECT result FROM deliveries");

    CU_ASSERT_TRUE(db_next(&r));
    (void)snprintf(arg, 8192, "%s", db_col_peek(&r, 0));
    return db_end(&r);
}

static void test_of_a_long_output_the_end_is_kept(void)
{
    static char what[65536], kept[8192];

    begin();
    memset(what, 'x', sizeof what - 1);
    memcpy(what, "exit 1\n", 7);
    memcpy(what + sizeof what - 11, "\xc3\xa4 the end", 10);
    (void)deliver(0, 1);
    report(1, (struct outbox_result){.what = what});
    settle();
    ASSERT_INT(store_run(rig.store, job_result, kept), 0);
    CU_ASSERT(strlen(kept) > 4000 && strlen(kept) <= 4102);
    CU_ASSERT_EQUAL(strncmp(kept, "exit 1\n...\nxxx", 14), 0);
    ASSERT_STR(strchr(kept, '\xc3'), "\xc3\xa4 the end");
    memset(what + 100, '\x80', sizeof what - 101); /* however the text is cut */
    (void)deliver(0, 2);
    report(2, (struct outbox_result){.what = what});
    settle();
    end();
}

static void test_what_is_too_old_is_dropped(void)
{
    struct store_delivery d;
    int64_t one, two, three;

    begin();
    rig.hooks[0].max_age_ms = HOUR;
    rig.hooks[0].hold_ms = INT64_MAX;
    rig.hooks[0].backoff_min_ms = rig.hooks[0].backoff_max_ms = HOUR;
    one = deliver(0, 1);
    two = deliver(0, 1);
    forward(30 * MINUTE);
    three = deliver(0, 1);
    fail(one);
    CU_ASSERT_TRUE(waits(one, &d));
    forward(START + HOUR + 1 - rig.now > d.next_ms - rig.now ? START + HOUR + 1 - rig.now
                                                             : d.next_ms - rig.now);
    ASSERT_INT(rig.nruns, 2);
    ASSERT_INT(rig.runs[1].seq, three); /* one and two were too old */
    CU_ASSERT_FALSE(waits(one, NULL));
    CU_ASSERT_FALSE(waits(two, NULL));
    end();
}

static void test_a_clock_set_back_costs_one_backoff_at_most(void)
{
    int64_t one;

    begin();
    for (int i = 0; i < 3; i++)
        rig.hooks[i].backoff_max_ms = MINUTE;
    outbox_free(rig.outbox);
    start();
    one = deliver(0, 1);
    fail(one);
    rig.now -= 24 * HOUR;
    outbox_turn(rig.outbox);
    settle();
    ASSERT_INT(rig.nruns, 2);
    rig.hooks[0].hold_ms = 0;
    rig.now += 24 * HOUR;
    fail(one); /* beside the line now */
    rig.now -= 24 * HOUR;
    outbox_turn(rig.outbox);
    settle();
    ASSERT_INT(rig.nruns, 3);
    end();
}

/* ---- places ---- */

static void test_places_are_limited_and_given_in_turn(void)
{
    begin();
    rig.config.max_hooks = 2;
    outbox_free(rig.outbox);
    start();
    for (int64_t box = 1; box <= 3; box++) {
        (void)deliver(0, box);
        (void)deliver(0, box);
    }
    ASSERT_INT(rig.nruns, 2);
    /* 1 2 | 3, and the second of box 1 only behind it */
    succeed(rig.runs[0].seq);
    ASSERT_INT(rig.nruns, 3);
    ASSERT_INT(rig.runs[2].seq, 5);
    succeed(rig.runs[1].seq);
    ASSERT_INT(rig.nruns, 4);
    ASSERT_INT(rig.runs[3].seq, 2);
    ASSERT_INT(outbox_running(rig.outbox), 2);
    end();
}

static void test_one_hook_never_has_all_places(void)
{
    begin();
    rig.config.max_hooks = 4;
    outbox_free(rig.outbox);
    start();
    for (int64_t box = 1; box <= 10; box++)
        (void)deliver(0, box);
    ASSERT_INT(rig.nruns, 3);
    (void)deliver(1, 1);
    ASSERT_INT(rig.nruns, 4);
    ASSERT_INT(rig.runs[3].hook, 1);
    (void)deliver(2, 1);
    ASSERT_INT(rig.nruns, 4);
    succeed(rig.runs[0].seq);
    ASSERT_INT(rig.nruns, 5); /* hooks take turns */
    ASSERT_INT(rig.runs[4].hook, 2);
    end();
}

/* ---- a store that cannot be written ---- */

static void set_writable(bool writable)
{
    ASSERT_INT(db_script(&rig.store->tx.db,
                         writable ? "PRAGMA query_only = OFF" : "PRAGMA query_only = ON"),
               0);
}

static void test_a_result_that_cannot_be_stored_is_not_acknowledged(void)
{
    int64_t one, two;

    begin();
    rig.config.max_hooks = 1;
    outbox_free(rig.outbox);
    start();
    one = deliver(0, 1);
    two = deliver(0, 2);
    set_writable(false);
    succeed(one);
    CU_ASSERT_FALSE(rig.runs[0].acked);
    ASSERT_INT(outbox_running(rig.outbox), 1);
    ASSERT_INT(rig.nruns, 1); /* its place is not free */
    ASSERT_INT(outbox_due(rig.outbox), rig.now + SECOND);
    forward(SECOND);
    CU_ASSERT_FALSE(rig.runs[0].acked);
    set_writable(true);
    forward(SECOND);
    CU_ASSERT_TRUE(rig.runs[0].acked);
    ASSERT_INT(rig.nruns, 2);
    ASSERT_INT(rig.runs[1].seq, two);
    CU_ASSERT_FALSE(waits(one, NULL));
    end();
}

static int refuse_all(void *user)
{
    (void)user;
    return 0;
}

static void test_an_offer_without_memory_is_found_in_the_store(void)
{
    struct delivery one, two;

    begin();
    one = commit(0, 1);
    two = commit(0, 1);
    perch_mem_set_gate(refuse_all, NULL);
    outbox_offer(rig.outbox, one.seq, 0, 1, 1, one.json);
    perch_mem_set_gate(NULL, NULL);
    outbox_offer(rig.outbox, two.seq, 0, 1, 1, two.json); /* does not overtake */
    settle();
    ASSERT_INT(rig.nruns, 1);
    ASSERT_INT(rig.runs[0].seq, one.seq);
    succeed(one.seq);
    ASSERT_INT(rig.runs[1].seq, two.seq);
    succeed(two.seq);
    forward(SECOND);
    ASSERT_INT(rig.nruns, 2);
    end();
}

/* ---- life ---- */

static void test_a_burst_stays_in_the_store(void)
{
    enum { N = 10000 };
    size_t most = 0;

    begin();
    for (int i = 0; i < N; i++) {
        (void)deliver(0, 1 + i % 5);
        if (outbox_memory(rig.outbox) > most)
            most = outbox_memory(rig.outbox);
    }
    CU_ASSERT(most < 5 * 17 * 64);
    for (size_t done = 0; done < rig.nruns; done++)
        succeed(rig.runs[done].seq);
    ASSERT_INT(rig.nruns, N);
    for (size_t i = 0, last[6] = {0}; i < rig.nruns; i++) {
        size_t box = (size_t)((rig.runs[i].seq - 1) % 5);

        CU_ASSERT((size_t)rig.runs[i].seq > last[box]);
        last[box] = (size_t)rig.runs[i].seq;
    }
    ASSERT_INT(outbox_memory(rig.outbox), 0);
    end();
}

static void test_many_failures_beside_their_lines_stay_in_the_store(void)
{
    enum { N = 200 };

    begin();
    rig.hooks[0].hold_ms = 0;
    for (int i = 0; i < N; i++)
        fail(deliver(0, 1));
    ASSERT_INT(outbox_memory(rig.outbox), 0);
    forward(HOUR);
    ASSERT_INT(rig.nruns, N + 12); /* the places of one hook */
    for (size_t i = N; i < rig.nruns; i++)
        succeed(rig.runs[i].seq);
    ASSERT_INT(rig.nruns, 2 * N);
    ASSERT_INT(outbox_memory(rig.outbox), 0);
    end();
}

static void restart(void)
{
    outbox_free(rig.outbox);
    start();
    outbox_recover(rig.outbox);
}

static void test_what_was_pending_runs_again_after_a_restart(void)
{
    uint64_t first;
    int64_t one, two, three;

    begin();
    one = deliver(0, 1);
    two = deliver(0, 1);
    first = rig.runs[0].id;
    rig.now++;
    restart();
    three = deliver(0, 1); /* offered before the store was read */
    ASSERT_INT(rig.nruns, 1);
    settle();
    ASSERT_INT(rig.nruns, 2);
    ASSERT_INT(rig.runs[1].seq, one);
    ASSERT_INT(rig.runs[1].attempt, 1);
    CU_ASSERT_NOT_EQUAL(rig.runs[1].id, first);
    outbox_result(rig.outbox, first, &(struct outbox_result){.ok = true}); /* of the former life */
    CU_ASSERT_TRUE(rig.runs[0].acked);
    settle();
    ASSERT_INT(rig.nruns, 2);
    succeed(one);
    ASSERT_INT(rig.runs[2].seq, two);
    succeed(two);
    ASSERT_INT(rig.runs[3].seq, three);
    succeed(three);
    ASSERT_INT(rig.nruns, 4);
    end();
}

static void test_a_restart_keeps_waits_and_places_beside(void)
{
    struct store_delivery held, beside;
    int64_t one, two, three, four;

    begin();
    one = deliver(0, 1);
    two = deliver(0, 1);
    rig.hooks[0].hold_ms = 0;
    three = deliver(0, 2);
    fail(three);
    rig.hooks[0].hold_ms = 10 * MINUTE;
    fail(one);
    CU_ASSERT_TRUE(waits(one, &held));
    CU_ASSERT_TRUE(waits(three, &beside));
    ASSERT_INT(held.state, STORE_DELIVERY_PENDING);
    ASSERT_INT(beside.state, STORE_DELIVERY_BESIDE);
    restart();
    settle();
    ASSERT_INT(rig.nruns, 2); /* nothing runs before its time */
    four = deliver(0, 2);
    settle();
    ASSERT_INT(run_of(four)->attempt, 1);
    forward(4 * SECOND);
    ASSERT_INT(run_of(one)->attempt, 2);
    ASSERT_INT(run_of(three)->attempt, 2);
    CU_ASSERT_PTR_NULL(run_of(two));
    end();
}

static void test_a_hold_that_ended_while_down_is_over(void)
{
    struct store_delivery d;
    int64_t one, two;

    begin();
    one = deliver(0, 1);
    two = deliver(0, 1);
    fail(one);
    rig.now += 11 * MINUTE;
    restart();
    settle();
    ASSERT_INT(run_of(two)->attempt, 1);
    ASSERT_INT(run_of(one)->attempt, 2); /* its time has come as well, beside */
    CU_ASSERT_TRUE(waits(one, &d));
    ASSERT_INT(d.state, STORE_DELIVERY_BESIDE);
    end();
}

static void test_a_hook_that_is_gone_leaves_dead_letters(void)
{
    struct store_delivery d;
    int64_t one, two, other;

    begin();
    one = deliver(0, 1);
    (void)deliver(0, 1);
    rig.hooks[0].hold_ms = 0;
    two = deliver(0, 2);
    fail(two);
    other = deliver(1, 1);
    rig.hooks[0] = rig.hooks[1]; /* the configuration that is read at the next start */
    rig.config.nhooks = 1;
    restart();
    settle();
    CU_ASSERT_FALSE(waits(one, &d));
    CU_ASSERT_FALSE(waits(two, &d));
    ASSERT_INT(run_of(other)->hook, 0); /* numbers changed, names count */
    ASSERT_INT(rig.nruns, 4);
    forward(24 * HOUR);
    ASSERT_INT(rig.nruns, 4);
    end();
}

static void test_paused_nothing_starts_and_results_count(void)
{
    int64_t one, two;

    begin();
    one = deliver(0, 1);
    two = deliver(0, 1);
    outbox_pause(rig.outbox);
    (void)deliver(0, 2);
    succeed(one);
    CU_ASSERT_TRUE(rig.runs[0].acked);
    ASSERT_INT(rig.nruns, 1);
    ASSERT_INT(outbox_running(rig.outbox), 0);
    outbox_resume(rig.outbox);
    ASSERT_INT(rig.nruns, 3);
    CU_ASSERT_PTR_NOT_NULL(run_of(two));
    end();
}

static void test_freeing_it_while_the_store_works_is_fine(void)
{
    int64_t one;

    begin();
    one = deliver(0, 1);
    (void)commit(0, 3);
    report(one, (struct outbox_result){.ok = true});
    outbox_recover(rig.outbox);
    outbox_free(rig.outbox);
    rig.outbox = NULL;
    while (store_turn(rig.store) > 0)
        ;
    CU_ASSERT_TRUE(rig.runs[0].acked); /* the result was recorded all the same */
    CU_ASSERT_FALSE(waits(one, NULL));
    end();
}

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

    begin();
    end();
    rig.runs = NULL;
    rig.nruns = 0;
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

PERCH_SUITE("daemon/outbox") = {
    PERCH_TEST(test_a_line_runs_one_at_a_time_in_order),
    PERCH_TEST(test_lines_do_not_wait_for_each_other),
    PERCH_TEST(test_an_ack_comes_only_once_the_result_is_durable),
    PERCH_TEST(test_a_failure_holds_its_line_and_is_tried_again),
    PERCH_TEST(test_waits_double_up_to_the_longest),
    PERCH_TEST(test_waits_differ),
    PERCH_TEST(test_past_hold_a_failure_is_tried_beside_its_line),
    PERCH_TEST(test_without_hold_the_line_goes_on_at_once),
    PERCH_TEST(test_a_retry_that_outlasts_hold_no_longer_holds),
    PERCH_TEST(test_hold_for_ever_keeps_strict_order),
    PERCH_TEST(test_after_retry_for_it_is_a_dead_letter),
    PERCH_TEST(test_giving_up_is_a_dead_letter_at_once),
    PERCH_TEST(test_of_a_long_output_the_end_is_kept),
    PERCH_TEST(test_what_is_too_old_is_dropped),
    PERCH_TEST(test_a_clock_set_back_costs_one_backoff_at_most),
    PERCH_TEST(test_places_are_limited_and_given_in_turn),
    PERCH_TEST(test_one_hook_never_has_all_places),
    PERCH_TEST(test_a_result_that_cannot_be_stored_is_not_acknowledged),
    PERCH_TEST(test_an_offer_without_memory_is_found_in_the_store),
    PERCH_TEST(test_a_burst_stays_in_the_store),
    PERCH_TEST(test_many_failures_beside_their_lines_stay_in_the_store),
    PERCH_TEST(test_what_was_pending_runs_again_after_a_restart),
    PERCH_TEST(test_a_restart_keeps_waits_and_places_beside),
    PERCH_TEST(test_a_hold_that_ended_while_down_is_over),
    PERCH_TEST(test_a_hook_that_is_gone_leaves_dead_letters),
    PERCH_TEST(test_paused_nothing_starts_and_results_count),
    PERCH_TEST(test_freeing_it_while_the_store_works_is_fine),
    PERCH_TEST(test_whatever_happens_nothing_is_lost_and_lines_keep_their_order),
    PERCH_TEST(test_with_loop_and_thread_everything_arrives_in_order),
    PERCH_END,
};
