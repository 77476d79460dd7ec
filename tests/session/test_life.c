/* A connection's beginning and end: greeting, LOGOUT, loss, limits, time. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "session/session.h"

static void start_noop(struct transcript *t, const char *label)
{
    transcript_started(t,
                       perch_noop_start(t->s, transcript_done, transcript_token(t, label), NULL));
}

static void start_logout(struct transcript *t)
{
    transcript_started(
        t, perch_logout_start(t->s, transcript_done, transcript_token(t, "logout"), NULL));
}

/* ---- the greeting ---- */

static void play_ok(struct transcript *t)
{
    ASSERT_STR(perch_session_greeting(t->s), "");
    ASSERT_INT(perch_session_deadline(t->s), t->now + 30000);
    start_noop(t, "noop");
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1] hi there\n"
                       "C: <1> NOOP\n"
                       "S: <1> OK done\n");
    ASSERT_STR(perch_session_greeting(t->s), "hi there");
    transcript_expect(t, "event CAPABILITY\n"
                         "state not-authenticated\n"
                         "done noop ok\n");
}

static void test_commands_wait_for_the_greeting(void)
{
    transcript_run(NULL, play_ok);
}

/* The line, and how it ends. */
static const struct {
    const char *line;
    int code;
    const char *reason;
} bad_greetings[] = {
    {"S: 1Gd wFa\n", PERCH_EGREETING, "malformed"},
    {"S: 1Gd wFa\nS: * OK x\n", PERCH_EGREETING, "malformed"},
    {"S: XYZ OK x\n", PERCH_EGREETING, "malformed"},
    {"S: * NO x\n", PERCH_EGREETING, "malformed"},
    {"S: * BAD x\n", PERCH_EGREETING, "malformed"},
    {"S: * 3 EXISTS\n", PERCH_EGREETING, "malformed"},
    {"S: + \n", PERCH_EGREETING, "malformed"},
    {"S: 421 too busy\n", PERCH_EGREETING, "bye"},
    {"S: * BYE too many\n", PERCH_EGREETING, "bye"},
    {"S: * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\n", PERCH_EGREETING, "preauth"},
    {"S: * PREAUTH hi\n", PERCH_EGREETING, "preauth"},
};

static void play_bad_greeting(struct transcript *t)
{
    for (size_t i = 0; i < PERCH_COUNT(bad_greetings); i++) {
        struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;
        perch_session *s = t->s;

        options.secure = true;
        t->s = perch_session_new(&options, NULL, NULL, 0);
        transcript_play(t, bad_greetings[i].line);
        ASSERT_INT(t->fed, bad_greetings[i].code);
        ASSERT_INT(perch_session_state(t->s), PERCH_STATE_CLOSED);
        ASSERT_STR(perch_session_error(t->s)->reason, bad_greetings[i].reason);
        perch_session_free(t->s);
        t->s = s;
    }
}

static void test_anything_else_ends_the_connection(void)
{
    transcript_run(NULL, play_bad_greeting);
}

static void play_preauth(struct transcript *t)
{
    start_noop(t, "noop");
    transcript_play(t, "S: * PREAUTH hi\n"
                       "C: <1> CAPABILITY\n"
                       "C: <2> NOOP\n"
                       "S: * CAPABILITY IMAP4rev1 IDLE\n"
                       "S: <1> OK\n"
                       "S: <2> OK\n");
    CU_ASSERT(perch_session_can(t->s, PERCH_CAP_IDLE));
    transcript_expect(t, "state authenticated\n"
                         "event CAPABILITY op CAPABILITY\n"
                         "done noop ok\n");
}

static void play_preauth_refused(struct transcript *t)
{
    transcript_play(t, "S: * PREAUTH hi\n");
    ASSERT_INT(t->fed, PERCH_EGREETING);
}

static void test_PREAUTH_is_believed_where_it_is_allowed(void)
{
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;

    options.secure = true;
    options.allow_preauth = true;
    transcript_run(&options, play_preauth);
    options.secure = false; /* TLS would be left out (CVE-2020-12398) */
    transcript_run(&options, play_preauth_refused);
    options.allow_cleartext = true;
    transcript_run(&options, play_preauth);
}

static void play_no_greeting(struct transcript *t)
{
    start_noop(t, "noop");
    transcript_tick(t, 29999);
    transcript_expect(t, "");
    transcript_tick(t, 1);
    transcript_expect(t, "state closed\n"
                         "done noop PERCH_EGREETING timeout\n");
    ASSERT_INT(perch_session_deadline(t->s), INT64_MAX);
}

static void test_a_greeting_comes_in_time(void)
{
    transcript_run(NULL, play_no_greeting);
}

/* ---- LOGOUT ---- */

static void play_logout(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    start_logout(t);
    transcript_play(t, "C: <1> LOGOUT\n"
                       "S: * BYE see you\n"
                       "S: <1> OK done\n");
    transcript_expect(t, "event BYE: see you\n"
                         "state logout\n"
                         "done logout ok\n");
    transcript_refused(t,
                       perch_noop_start(t->s, transcript_done, transcript_token(t, "late"), NULL),
                       PERCH_ESTATE);
    perch_session_lost(t->s, NULL);
    transcript_expect(t, "state closed\n");
}

static void play_logout_short(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    start_logout(t);
    transcript_play(t, "C: <1> LOGOUT\n"
                       "S: * BYE see you\n"
                       "S: * BYE see you\n");
    perch_session_lost(t->s, NULL);
    transcript_expect(t, "event BYE: see you\n"
                         "state logout\n"
                         "done logout ok\n"
                         "state closed\n");
}

static void play_logout_cut(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    start_logout(t);
    transcript_play(t, "C: <1> LOGOUT\n");
    perch_session_lost(t->s, NULL);
    transcript_expect(t, "state closed\n"
                         "done logout PERCH_ECLOSED eof\n");
}

static void test_LOGOUT_ends_with_BYE_and_the_end_of_the_stream(void)
{
    transcript_run(NULL, play_logout);
    transcript_run(NULL, play_logout_short);
    transcript_run(NULL, play_logout_cut);
}

static void check_bye(struct transcript_token *token, perch_op *op)
{
    const struct perch_error *e = perch_op_error(op);

    (void)token;
    CU_ASSERT(strstr(e->text, "going down") != NULL);
    ASSERT_INT(e->resp_code, PERCH_CODE_UNAVAILABLE);
    ASSERT_INT(e->radius, PERCH_HITS_CONNECTION);
    ASSERT_INT(e->remedy, PERCH_TRY_LATER);
}

static void play_bye(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    start_noop(t, "a");
    t->tokens[t->ntokens - 1].on_done = check_bye;
    transcript_play(t, "C: <1> NOOP\n"
                       "S: * BYE [UNAVAILABLE] going down\n");
    ASSERT_INT(t->fed, PERCH_ECLOSED);
    transcript_expect(t, "event BYE: going down\n"
                         "state closed\n"
                         "done a PERCH_ECLOSED bye\n");
}

static void test_BYE_completes_what_is_in_flight(void)
{
    transcript_run(NULL, play_bye);
}

/* ---- loss ---- */

static void play_lost(struct transcript *t)
{
    struct perch_error why = {.code = PERCH_ETLS, .reason = "tls", .text = "decryption failed"};

    transcript_login(t, "IMAP4rev1");
    start_noop(t, "sent");
    t->hold = true;
    start_noop(t, "queued");
    t->hold = false;
    perch_buf_clear(&t->sent);
    perch_session_lost(t->s, &why);
    transcript_expect(t, "state closed\n"
                         "done sent PERCH_ETLS\n"
                         "done queued PERCH_ETLS\n");
    ASSERT_STR(perch_session_error(t->s)->text, "decryption failed");
    ASSERT_INT(perch_session_feed(t->s, (const uint8_t *)"* OK\r\n", 6), PERCH_ETLS);
    ASSERT_INT(perch_session_output(t->s).n, 0);
    perch_session_lost(t->s, NULL);
    transcript_expect(t, "");
}

static void test_loss_completes_everything_once(void)
{
    transcript_run(NULL, play_lost);
}

/* ---- time ---- */

static void play_timeout(struct transcript *t)
{
    perch_op *op;

    transcript_login(t, "IMAP4rev1");
    transcript_started(t, perch_noop_start(t->s, transcript_done, transcript_token(t, "a"), &op));
    start_noop(t, "b");
    transcript_play(t, "C: <1> NOOP\n"
                       "C: <2> NOOP\n");
    perch_op_set_timeout(op, 7000);
    ASSERT_INT(perch_session_deadline(t->s), t->now); /* it counts from the next tick */
    transcript_tick(t, 500);
    ASSERT_INT(perch_session_deadline(t->s), t->now + 7000);
    for (int i = 0; i < 6; i++) { /* noise does not count */
        transcript_tick(t, 1000);
        transcript_play(t, "S: * OK still here\n");
    }
    perch_buf_clear(&t->log);
    transcript_tick(t, 1000);
    transcript_expect(t, "state closed\n"
                         "done a PERCH_ETIMEOUT\n"
                         "done b PERCH_ETIMEOUT\n");
    ASSERT_INT(perch_session_feed(t->s, NULL, 0), PERCH_ETIMEOUT);
}

static void test_a_command_without_an_answer_ends_the_connection(void)
{
    transcript_run(NULL, play_timeout);
}

static void play_timeout_queued(struct transcript *t)
{
    perch_op *op;

    t->hold = true;
    transcript_started(t, perch_noop_start(t->s, transcript_done, transcript_token(t, "a"), &op));
    transcript_play(t, "S: * OK hi\n");
    transcript_expect(t, "state not-authenticated\n");
    perch_op_set_timeout(op, 10);
    transcript_tick(t, 600000);
    transcript_expect(t, "");
    transcript_tick(t, 10);
    transcript_expect(t, "done a PERCH_ETIMEOUT\n");
    transcript_drain(t);
    transcript_play(t, "");
}

static void test_one_that_was_not_sent_costs_itself(void)
{
    transcript_run(NULL, play_timeout_queued);
}

/* INT64_MAX is what perch_session_deadline calls never. */
static void play_for_ever(struct transcript *t)
{
    perch_op *op;

    transcript_login(t, "IMAP4rev1 IDLE");
    transcript_started(t, perch_noop_start(t->s, transcript_done, transcript_token(t, "a"), &op));
    transcript_play(t, "C: <1> NOOP\n");
    perch_op_set_timeout(op, INT64_MAX);
    transcript_tick(t, 600000);
    transcript_expect(t, "");
    ASSERT_INT(perch_session_deadline(t->s), INT64_MAX);
    transcript_play(t, "S: <1> OK\n");
    transcript_expect(t, "done a ok\n");
    transcript_started(
        t, perch_idle_start(t->s, INT64_MAX, transcript_done, transcript_token(t, "i"), NULL));
    transcript_play(t, "C: <2> IDLE\n"
                       "S: + idling\n");
    transcript_tick(t, 3600000);
    transcript_play(t, "");
    ASSERT_INT(perch_session_deadline(t->s), INT64_MAX);
}

static void test_for_ever_is_a_time_too(void)
{
    transcript_run(NULL, play_for_ever);
}

static void play_progress(struct transcript *t)
{
    struct perch_range range = {1, 9};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;

    args.set = &set;
    args.items = PERCH_ITEM_FLAGS;
    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 9);
    transcript_started(
        t, perch_fetch_start(t->s, &args, transcript_done, transcript_token(t, "a"), NULL));
    transcript_play(t, "C: <1> UID FETCH 1:9 (FLAGS)\n");
    transcript_tick(t, 299999);
    transcript_play(t, "S: * 1 FETCH (UID 1 FLAGS ())\n");
    ASSERT_INT(perch_session_deadline(t->s), t->now + 300000);
    transcript_tick(t, 299999);
    transcript_play(t, "S: <1> OK\n");
    transcript_expect(t, "event FETCH 1 op UID FETCH\n"
                         "done a ok\n");
}

/* A process that was stopped for longer than the command may take: the row that waited for it
 * gives new time, counted from now and not from before the stop. */
static void play_late_reader(struct transcript *t)
{
    struct perch_range range = {1, 9};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;

    args.set = &set;
    args.items = PERCH_ITEM_FLAGS;
    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 9);
    transcript_started(
        t, perch_fetch_start(t->s, &args, transcript_done, transcript_token(t, "a"), NULL));
    transcript_play(t, "C: <1> UID FETCH 1:9 (FLAGS)\n");
    t->now += 400000;
    perch_sess_clock(t->s, t->now);
    transcript_play(t, "S: * 1 FETCH (UID 1 FLAGS ())\n");
    transcript_tick(t, 299999);
    transcript_play(t, "S: <1> OK\n");
    transcript_expect(t, "event FETCH 1 op UID FETCH\n"
                         "done a ok\n");
}

static void play_pipeline(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    start_noop(t, "a");
    start_noop(t, "b");
    transcript_play(t, "C: <1> NOOP\n"
                       "C: <2> NOOP\n");
    transcript_tick(t, 299999);
    transcript_play(t, "S: <1> OK\n");
    transcript_tick(t, 299999);
    transcript_expect(t, "done a ok\n");
    transcript_tick(t, 1);
    transcript_expect(t, "state closed\n"
                         "done b PERCH_ETIMEOUT\n");
}

static void test_its_own_data_gives_it_new_time(void)
{
    transcript_run(NULL, play_progress);
    transcript_run(NULL, play_late_reader);
    transcript_run(NULL, play_pipeline);
}

/* ---- limits ---- */

static void play_malformed(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    for (int i = 0; i < 63; i++)
        transcript_play(t, "S: + nobody asked\n");
    CU_ASSERT(t->fed >= 0);
    transcript_play(t, "S: + nobody asked\n");
    ASSERT_INT(t->fed, PERCH_EPROTO);
    ASSERT_STR(perch_session_error(t->s)->reason, "malformed");
}

static void test_64_responses_without_sense_are_enough(void)
{
    transcript_run(NULL, play_malformed);
}

static void play_plus(struct transcript *t)
{
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1] hi\n");
    start_noop(t, "a");
    transcript_play(t, "C: <1> NOOP\n"
                       "S: + go on\n");
    ASSERT_INT(t->fed, PERCH_EPROTO);
}

static void play_plus_after(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    start_noop(t, "a");
    transcript_play(t, "C: <1> NOOP\n"
                       "S: + go on\n"
                       "S: <1> OK\n");
    transcript_expect(t, "event MALFORMED: a \"+\" that nobody waits for\n"
                         "done a ok\n");
}

static void test_a_plus_that_nobody_waits_for_makes_nothing_leave(void)
{
    transcript_run(NULL, play_plus);
    transcript_run(NULL, play_plus_after);
}

static void play_chatter_preauth(struct transcript *t)
{
    transcript_play(t, "S: * OK hi\n");
    for (int i = 0; i < 64; i++)
        transcript_play(t, "S: * OK blah\n");
    CU_ASSERT(t->fed >= 0);
    transcript_play(t, "S: * OK blah\n");
    ASSERT_INT(t->fed, PERCH_ELIMIT);
}

static void play_chatter(struct transcript *t)
{
    static const char line[] = "* OK blah\r\n";

    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 1);
    for (int i = 0; i < 10004; i++)
        CU_ASSERT(perch_session_feed(t->s, (const uint8_t *)line, sizeof line - 1) > 0);
    ASSERT_INT(perch_session_feed(t->s, (const uint8_t *)line, sizeof line - 1), PERCH_ELIMIT);
}

static void test_a_flood_is_cut(void)
{
    transcript_run(NULL, play_chatter_preauth);
    transcript_run(NULL, play_chatter);
}

static void play_line_limit(struct transcript *t)
{
    struct perch_buf line = PERCH_BUF_INIT;

    transcript_play(t, "S: * OK hi\n");
    perch_buf_adds(&line, "S: * OK ");
    for (int i = 0; i < 9000; i++)
        perch_buf_addc(&line, 'a');
    perch_buf_adds(&line, "\n");
    transcript_play(t, perch_buf_cstr(&line));
    ASSERT_INT(t->fed, PERCH_ELIMIT);
    perch_buf_done(&line);
}

static void play_line_after(struct transcript *t)
{
    struct perch_buf line = PERCH_BUF_INIT;

    transcript_login(t, "IMAP4rev1");
    perch_buf_adds(&line, "S: * OK ");
    for (int i = 0; i < 9000; i++)
        perch_buf_addc(&line, 'a');
    perch_buf_adds(&line, "\n");
    transcript_play(t, perch_buf_cstr(&line));
    CU_ASSERT(t->fed >= 0);
    perch_buf_done(&line);
}

static void test_limits_are_lower_before_the_login(void)
{
    transcript_run(NULL, play_line_limit);
    transcript_run(NULL, play_line_after);
}

/* ---- ALERT ---- */

static void play_alert(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    start_noop(t, "a");
    transcript_play(t, "C: <1> NOOP\n"
                       "S: * OK [ALERT] disk full\n"
                       "S: <1> OK [ALERT] really\n");
    transcript_expect(t, "event ALERT: disk full\n"
                         "event ALERT: really\n"
                         "done a ok\n");
}

static void play_alert_in_clear(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_play(t, "S: * OK [ALERT] call +1-555\n");
    transcript_expect(t, "");
}

static void test_alerts_are_told(void)
{
    static const struct perch_session_options in_clear = {
        .size = sizeof in_clear, .limits = PERCH_LIMITS_INIT, .allow_cleartext = true};

    transcript_run(NULL, play_alert);
    transcript_run(&in_clear, play_alert_in_clear);
}

PERCH_SUITE("session/life") = {
    PERCH_TEST(test_commands_wait_for_the_greeting),
    PERCH_TEST(test_anything_else_ends_the_connection),
    PERCH_TEST(test_PREAUTH_is_believed_where_it_is_allowed),
    PERCH_TEST(test_a_greeting_comes_in_time),
    PERCH_TEST(test_LOGOUT_ends_with_BYE_and_the_end_of_the_stream),
    PERCH_TEST(test_BYE_completes_what_is_in_flight),
    PERCH_TEST(test_loss_completes_everything_once),
    PERCH_TEST(test_a_command_without_an_answer_ends_the_connection),
    PERCH_TEST(test_one_that_was_not_sent_costs_itself),
    PERCH_TEST(test_for_ever_is_a_time_too),
    PERCH_TEST(test_its_own_data_gives_it_new_time),
    PERCH_TEST(test_64_responses_without_sense_are_enough),
    PERCH_TEST(test_a_plus_that_nobody_waits_for_makes_nothing_leave),
    PERCH_TEST(test_a_flood_is_cut),
    PERCH_TEST(test_limits_are_lower_before_the_login),
    PERCH_TEST(test_alerts_are_told),
    PERCH_END,
};
