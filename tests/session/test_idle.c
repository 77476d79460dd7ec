/* IDLE as a mode. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "session/session.h"

#define MINUTE 60000

static perch_op *start(struct transcript *t, perch_ms renew)
{
    perch_op *op = NULL;

    transcript_started(
        t, perch_idle_start(t->s, renew, transcript_done, transcript_token(t, "idle"), &op));
    return op;
}

static void start_noop(struct transcript *t, const char *label)
{
    transcript_started(t,
                       perch_noop_start(t->s, transcript_done, transcript_token(t, label), NULL));
}

static void begin(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 IDLE");
    transcript_select(t, 3);
}

static void play_watch(struct transcript *t)
{
    perch_op *op;

    begin(t);
    op = start(t, 0);
    CU_ASSERT(!perch_idle_on(op));
    transcript_play(t, "C: <1> IDLE\n"
                       "S: * 4 EXISTS\n"
                       "S: + idling\n"
                       "S: * 5 EXISTS\n"
                       "S: * OK Still here\n");
    CU_ASSERT(perch_idle_on(op));
    perch_idle_stop(op);
    transcript_play(t, "C: DONE\n"
                       "S: * 6 EXISTS\n"
                       "S: <1> OK done\n");
    transcript_expect(t, "event EXISTS 4 was 3\n"
                         "event EXISTS 5 was 4\n"
                         "event OK\n"
                         "event EXISTS 6 was 5\n"
                         "done idle ok\n");
    transcript_tick(t, 60 * MINUTE);
    transcript_play(t, "");
}

static void test_what_happens_meanwhile_is_told(void)
{
    transcript_run(NULL, play_watch);
}

static void play_break(struct transcript *t)
{
    perch_op *op;

    begin(t);
    op = start(t, 0);
    transcript_play(t, "C: <1> IDLE\n"
                       "S: +\n");
    t->hold = true;
    start_noop(t, "a");
    start_noop(t, "b");
    t->hold = false;
    transcript_play(t, "C: DONE\n"
                       "C: <2> NOOP\n"
                       "C: <3> NOOP\n"
                       "C: <4> IDLE\n");
    CU_ASSERT(!perch_idle_on(op));
    transcript_play(t, "S: <1> OK\n"
                       "S: <2> OK\n"
                       "S: <3> OK\n"
                       "S: + again\n");
    CU_ASSERT(perch_idle_on(op));
    transcript_expect(t, "done a ok\n"
                         "done b ok\n");
    perch_idle_stop(op);
    transcript_play(t, "C: DONE\n"
                       "S: <4> OK\n");
    transcript_expect(t, "done idle ok\n");
}

static void test_commands_break_it_in_one_write(void)
{
    transcript_run(NULL, play_break);
}

static void play_no_pipelining(struct transcript *t)
{
    perch_op *op;

    begin(t);
    op = start(t, 0);
    transcript_play(t, "C: <1> IDLE\n"
                       "S: +\n");
    start_noop(t, "a");
    transcript_play(t, "C: DONE\n"
                       "S: <1> OK\n"
                       "C: <2> NOOP\n"
                       "S: <2> OK\n"
                       "C: <3> IDLE\n"
                       "S: +\n");
    CU_ASSERT(perch_idle_on(op));
}

static void test_without_pipelining_each_waits(void)
{
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;

    options.secure = true;
    options.window = 1;
    transcript_run(&options, play_no_pipelining);
}

static void play_alone(struct transcript *t)
{
    struct perch_select_args args = PERCH_SELECT_ARGS_INIT;

    begin(t);
    start(t, 0);
    transcript_play(t, "C: <1> IDLE\n"
                       "S: +\n");
    args.mailbox = PERCH_SPAN("b");
    transcript_started(
        t, perch_select_start(t->s, &args, transcript_done, transcript_token(t, "select"), NULL));
    transcript_play(t, "C: DONE\n"
                       "S: <1> OK\n"
                       "C: <2> SELECT \"b\"\n"
                       "S: <2> OK\n"
                       "C: <3> IDLE\n");
}

static void test_SELECT_waits_for_the_answer_to_DONE(void)
{
    transcript_run(NULL, play_alone);
}

static void play_queued_before_plus(struct transcript *t)
{
    begin(t);
    start(t, 0);
    transcript_play(t, "C: <1> IDLE\n");
    start_noop(t, "a");
    transcript_play(t, "S: * 4 EXISTS\n");
    transcript_play(t, "S: +\n"
                       "C: DONE\n"
                       "C: <2> NOOP\n"
                       "C: <3> IDLE\n"
                       "S: <1> OK\n"
                       "S: <2> OK\n"
                       "S: +\n");
}

static void test_nothing_overtakes_the_plus(void)
{
    transcript_run(NULL, play_queued_before_plus);
}

/* ---- time ---- */

static void play_renew(struct transcript *t)
{
    begin(t);
    start(t, 0);
    transcript_play(t, "C: <1> IDLE\n"
                       "S: +\n");
    ASSERT_INT(perch_session_deadline(t->s), t->now + 28 * MINUTE);
    transcript_tick(t, 28 * MINUTE - 1);
    transcript_play(t, "");
    transcript_tick(t, 1);
    transcript_play(t, "C: DONE\n"
                       "C: <2> IDLE\n"
                       "S: <1> OK\n"
                       "S: +\n");
    ASSERT_INT(perch_session_deadline(t->s), t->now + 28 * MINUTE);
}

static void test_it_is_renewed(void)
{
    transcript_run(NULL, play_renew);
}

static void play_no_plus(struct transcript *t)
{
    begin(t);
    start(t, 0);
    transcript_play(t, "C: <1> IDLE\n"
                       "S: * 4 EXISTS\n");
    ASSERT_INT(perch_session_deadline(t->s), t->now + 30000);
    transcript_tick(t, 29999);
    transcript_expect(t, "event EXISTS 4 was 3\n");
    transcript_tick(t, 1);
    transcript_expect(t, "state closed\n"
                         "done idle PERCH_ETIMEOUT\n");
}

static void test_a_server_must_agree_in_time(void)
{
    transcript_run(NULL, play_no_plus);
}

static void play_no_done(struct transcript *t)
{
    begin(t);
    start(t, 5 * MINUTE);
    transcript_play(t, "C: <1> IDLE\n"
                       "S: +\n");
    transcript_tick(t, 5 * MINUTE);
    transcript_play(t, "C: DONE\n"
                       "C: <2> IDLE\n"
                       "S: * 4 EXISTS\n");
    transcript_expect(t, "event EXISTS 4 was 3\n");
    transcript_tick(t, MINUTE - 1);
    transcript_expect(t, "");
    transcript_tick(t, 1);
    transcript_expect(t, "state closed\n"
                         "done idle PERCH_ETIMEOUT\n");
}

static void test_and_answer_DONE_in_time(void)
{
    transcript_run(NULL, play_no_done);
}

/* ---- the end of it ---- */

static void play_refused(struct transcript *t)
{
    begin(t);
    start(t, 0);
    transcript_play(t, "C: <1> IDLE\n"
                       "S: <1> NO not now\n");
    start(t, 0);
    transcript_play(t, "C: <2> IDLE\n"
                       "S: <2> OK done already\n");
    transcript_expect(t, "done idle PERCH_ENO\n"
                         "done idle PERCH_EPROTO\n");
}

static void play_ended_by_server(struct transcript *t)
{
    perch_op *op;

    begin(t);
    op = start(t, 0);
    transcript_play(t, "C: <1> IDLE\n"
                       "S: +\n"
                       "S: <1> OK enough\n");
    transcript_tick(t, 999);
    transcript_play(t, "");
    CU_ASSERT(!perch_idle_on(op));
    transcript_tick(t, 1);
    transcript_play(t, "C: <2> IDLE\n"
                       "S: +\n");
    CU_ASSERT(perch_idle_on(op));
    transcript_expect(t, "");
}

static void play_second_plus(struct transcript *t)
{
    perch_op *op;

    begin(t);
    op = start(t, 0);
    transcript_play(t, "C: <1> IDLE\n"
                       "S: + idling\n"
                       "S: + idling\n");
    transcript_expect(t, "event MALFORMED: a second \"+\" in IDLE\n");
    CU_ASSERT(perch_idle_on(op));
}

static void play_later_first(struct transcript *t)
{
    perch_op *op;

    begin(t);
    op = start(t, 0);
    transcript_play(t, "C: <1> IDLE\n"
                       "S: +\n");
    start_noop(t, "a");
    transcript_play(t, "C: DONE\n"
                       "C: <2> NOOP\n"
                       "C: <3> IDLE\n"
                       "S: +\n"
                       "S: <3> OK out of order\n");
    transcript_tick(t, 1000);
    transcript_play(t, "C: <4> IDLE\n"
                       "S: <1> OK\n"
                       "S: <2> OK\n");
    CU_ASSERT(!perch_idle_on(op));
    transcript_play(t, "S: +\n");
    CU_ASSERT(perch_idle_on(op));
}

static void test_a_server_may_refuse_it_or_end_it(void)
{
    transcript_run(NULL, play_later_first);
    transcript_run(NULL, play_second_plus);
    transcript_run(NULL, play_refused);
    transcript_run(NULL, play_ended_by_server);
}

static void play_stop_early(struct transcript *t)
{
    perch_op *op;

    begin(t);
    t->hold = true;
    op = start(t, 0);
    perch_idle_stop(op);
    t->hold = false;
    transcript_play(t, "");
    transcript_expect(t, "done idle ok\n");
    op = start(t, 0);
    transcript_play(t, "C: <1> IDLE\n");
    perch_idle_stop(op);
    perch_idle_stop(op);
    transcript_play(t, "S: +\n"
                       "C: DONE\n"
                       "S: <1> OK\n");
    transcript_expect(t, "done idle ok\n");
}

static void play_stop_between(struct transcript *t)
{
    perch_op *op;

    begin(t);
    op = start(t, 0);
    transcript_play(t, "C: <1> IDLE\n"
                       "S: +\n");
    start_noop(t, "a");
    transcript_play(t, "C: DONE\n"
                       "C: <2> NOOP\n"
                       "C: <3> IDLE\n");
    perch_idle_stop(op);
    transcript_play(t, "S: <1> OK\n"
                       "S: <2> OK\n"
                       "S: +\n"
                       "C: DONE\n"
                       "S: <3> OK\n");
    transcript_expect(t, "done a ok\n"
                         "done idle ok\n");
}

static void test_it_can_be_stopped_in_every_phase(void)
{
    transcript_run(NULL, play_stop_early);
    transcript_run(NULL, play_stop_between);
}

static void play_cancel(struct transcript *t)
{
    perch_op *op;

    begin(t);
    op = start(t, 0);
    transcript_play(t, "C: <1> IDLE\n"
                       "S: +\n");
    perch_op_cancel(op);
    transcript_expect(t, "done idle PERCH_ECANCELLED\n");
    transcript_play(t, "C: DONE\n"
                       "S: <1> OK\n");
    op = start(t, 0);
    transcript_play(t, "C: <2> IDLE\n");
    perch_op_cancel(op);
    start_noop(t, "a");
    transcript_play(t, "S: +\n"
                       "C: DONE\n"
                       "C: <3> NOOP\n"
                       "S: <2> OK\n"
                       "S: <3> OK\n");
    transcript_expect(t, "done idle PERCH_ECANCELLED\n"
                         "done a ok\n");
}

static void test_cancelling_leaves_it(void)
{
    transcript_run(NULL, play_cancel);
}

static void play_once(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_refused(
        t, perch_idle_start(t->s, 0, transcript_done, transcript_token(t, "none"), NULL),
        PERCH_ECAPABILITY);
}

static void play_twice(struct transcript *t)
{
    begin(t);
    start(t, 0);
    transcript_refused(
        t, perch_idle_start(t->s, 0, transcript_done, transcript_token(t, "twice"), NULL),
        PERCH_ESTATE);
    transcript_play(t, "C: <1> IDLE\n");
}

static void test_there_is_one_of_it(void)
{
    transcript_run(NULL, play_once);
    transcript_run(NULL, play_twice);
}

PERCH_SUITE("session/idle") = {
    PERCH_TEST(test_what_happens_meanwhile_is_told),
    PERCH_TEST(test_commands_break_it_in_one_write),
    PERCH_TEST(test_without_pipelining_each_waits),
    PERCH_TEST(test_SELECT_waits_for_the_answer_to_DONE),
    PERCH_TEST(test_nothing_overtakes_the_plus),
    PERCH_TEST(test_it_is_renewed),
    PERCH_TEST(test_a_server_must_agree_in_time),
    PERCH_TEST(test_and_answer_DONE_in_time),
    PERCH_TEST(test_a_server_may_refuse_it_or_end_it),
    PERCH_TEST(test_it_can_be_stopped_in_every_phase),
    PERCH_TEST(test_cancelling_leaves_it),
    PERCH_TEST(test_there_is_one_of_it),
    PERCH_END,
};
