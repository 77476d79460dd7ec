/* The outbox, step by step. */
#include "daemon/outbox_rig.h"

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
    PERCH_END,
};
