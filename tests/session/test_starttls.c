/* STARTTLS, and what a server, or somebody in its place, may say before TLS. */
#include "support/perch_test.h"
#include "support/transcript.h"

static const struct perch_session_options clear = PERCH_SESSION_OPTIONS_INIT;

static void start(struct transcript *t)
{
    transcript_started(
        t, perch_starttls_start(t->s, transcript_done, transcript_token(t, "starttls"), NULL));
}

static void greet_and_start(struct transcript *t)
{
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\n");
    start(t);
    transcript_play(t, "C: <1> STARTTLS\n");
}

static void play_switch(struct transcript *t)
{
    struct perch_auth_args args = PERCH_AUTH_ARGS_INIT;

    greet_and_start(t);
    transcript_play(t, "S: <1> OK begin\n");
    transcript_expect(t, "state not-authenticated\n"
                         "state switching\n"
                         "starttls\n");
    perch_session_tls_ready(t->s);
    transcript_expect(t, "state not-authenticated\n"
                         "done starttls ok\n");
    CU_ASSERT(!perch_session_has(t->s, "AUTH=PLAIN"));
    args.user = PERCH_SPAN("ann");
    args.password = PERCH_SPAN("secret");
    transcript_started(t, perch_authenticate_start(t->s, &args, transcript_done,
                                                   transcript_token(t, "login"), NULL));
    transcript_play(t, "C: <2> CAPABILITY\n"
                       "S: * CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\n"
                       "S: <2> OK\n"
                       "C: <3> AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=\n"
                       "S: <3> OK [CAPABILITY IMAP4rev1] in\n");
    ASSERT_INT(perch_session_state(t->s), PERCH_STATE_AUTHENTICATED);
}

static void test_what_was_learnt_in_clear_is_forgotten(void)
{
    transcript_run(&clear, play_switch);
}

static void play_queued_login(struct transcript *t)
{
    struct perch_auth_args args = PERCH_AUTH_ARGS_INIT;

    transcript_play(t, "S: * OK hi\n");
    start(t);
    args.user = PERCH_SPAN("ann");
    args.password = PERCH_SPAN("secret");
    transcript_started(t, perch_authenticate_start(t->s, &args, transcript_done,
                                                   transcript_token(t, "login"), NULL));
    transcript_play(t, "C: <1> STARTTLS\n"
                       "S: <1> OK begin\n");
    perch_session_tls_ready(t->s);
    transcript_drain(t);
    transcript_play(t, "C: <2> CAPABILITY\n");
}

static void test_a_login_behind_it_waits_for_TLS(void)
{
    transcript_run(&clear, play_queued_login);
}

/* ---- refused ---- */

static void play_refused(struct transcript *t)
{
    greet_and_start(t);
    transcript_play(t, "S: <1> BAD what [ALERT] call me\n");
    transcript_expect(t, "state not-authenticated\n"
                         "done starttls PERCH_ESTARTTLS\n");
}

static void play_unknown_word(struct transcript *t)
{
    greet_and_start(t);
    transcript_play(t, "S: <1> HMM x\n");
    ASSERT_INT(t->fed, PERCH_EPROTO);
}

static void play_plus(struct transcript *t)
{
    greet_and_start(t);
    transcript_play(t, "S: + go\n");
    ASSERT_INT(t->fed, PERCH_EPROTO);
}

static void play_silence(struct transcript *t)
{
    greet_and_start(t);
    transcript_tick(t, 300000);
    transcript_expect(t, "state not-authenticated\n"
                         "state closed\n"
                         "done starttls PERCH_ETIMEOUT\n");
}

static void test_anything_but_OK_is_no_success(void)
{
    transcript_run(&clear, play_refused);
    transcript_run(&clear, play_unknown_word);
    transcript_run(&clear, play_plus);
    transcript_run(&clear, play_silence);
}

/* ---- injection (CVE-2020-14954, CVE-2021-22947) ----
 *
 * The bytes come in one piece, as an attacker sends them. Cut up, they come while the
 * session waits for TLS, which is the same to it. */

static void play_injection(struct transcript *t)
{
    greet_and_start(t);
    transcript_play(t, "S: <1> OK go\n"
                       "S: * CAPABILITY IMAP4rev1 AUTH=PLAIN\n"
                       "S: * OK [ALERT] x\n");
    ASSERT_INT(t->fed, PERCH_ESTARTTLS);
    ASSERT_STR(perch_session_error(t->s)->reason, "starttls-injection");
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "event") == NULL);
    ASSERT_INT(t->tokens[0].code, PERCH_ESTARTTLS);
    perch_buf_clear(&t->all);
}

static void play_partial_injection(struct transcript *t)
{
    greet_and_start(t);
    transcript_play(t, "S: <1> OK go\n"
                       "S- * CAPABILITY AUTH=PLA\n");
    ASSERT_INT(t->fed, PERCH_ESTARTTLS);
    ASSERT_STR(perch_session_error(t->s)->reason, "starttls-injection");
    perch_buf_clear(&t->all);
}

static void test_nothing_may_stand_behind_the_OK(void)
{
    transcript_run(&clear, play_injection);
    transcript_run(&clear, play_partial_injection);
}

/* ---- tags (CVE-2026-42246) ---- */

static void play_predicted(struct transcript *t)
{
    char guess[64];

    t->hold = true;
    transcript_play(t, "S: * OK hi\n");
    start(t);
    /* Even one who knew the tag comes too early: the command has not left. */
    transcript_drain(t);
    ASSERT_INT(perch_session_output(t->s).n, 0);
    perch_buf_clear(&t->sent);
    perch_session_free(t->s);
    t->s = perch_session_new(&clear, NULL, NULL, 0);
    transcript_play(t, "S: * OK hi\n");
    t->ntokens = 0;
    start(t);
    (void)snprintf(guess, sizeof guess, "%.*s", (int)strcspn(perch_session_output(t->s).p, " "),
                   perch_session_output(t->s).p);
    perch_buf_addf(&t->in, "%s OK go\r\n", guess);
    transcript_play(t, "");
    ASSERT_INT(t->fed, PERCH_EPROTO);
    perch_buf_clear(&t->all);
}

static void test_an_answer_before_the_command_has_left_is_none(void)
{
    transcript_run(&clear, play_predicted);
}

static void play_reorder(struct transcript *t)
{
    transcript_play(t, "S: * OK hi\n");
    transcript_started(
        t, perch_capability_start(t->s, transcript_done, transcript_token(t, "caps"), NULL));
    transcript_play(t, "C: <1> CAPABILITY\n"
                       "S: A002 OK begin\n"
                       "S: * CAPABILITY IMAP4rev1\n"
                       "S: <1> OK\n");
    ASSERT_INT(t->fed, PERCH_EPROTO);
}

static void test_an_unknown_tag_before_the_login_ends_it(void)
{
    transcript_run(&clear, play_reorder);
}

/* ---- what may not be said in clear (CVE-2021-38370) ---- */

static const char *const illegal[] = {
    "S: * LIST () \"/\" INBOX\n",
    "S: * LSUB () \"/\" INBOX\n",
    "S: * STATUS INBOX (MESSAGES 1)\n",
    "S: * STATUS INBOX (UIDNEXT 1)\n",
    "S: * SEARCH 1 2 3\n",
    "S: * FLAGS (\\\\Seen)\n",
    "S: * 4 EXISTS\n",
    "S: * 1 RECENT\n",
    "S: * 1 EXPUNGE\n",
    "S: * 1 FETCH (BODY[] {27}\nS- From: a@example.org\\r\\n\\r\\nhi\\r\\n\nS: )\n",
    "S: * NO x\n",
    "S: * BAD x\n",
    "S: * ENABLED QRESYNC\n",
    "S: * ID NIL\n",
    "S: * PREAUTH hi\n",
    "S: * NONSENSE\n",
};

static void play_illegal(struct transcript *t)
{
    for (size_t i = 0; i < 2 * PERCH_COUNT(illegal); i++) {
        perch_session *s = t->s;

        t->s = perch_session_new(&clear, NULL, NULL, 0);
        t->ntags = t->ntokens = 0;
        if (i % 2)
            greet_and_start(t);
        else
            transcript_play(t, "S: * OK hi\n");
        transcript_play(t, illegal[i / 2]);
        if (t->fed != PERCH_EPROTO && t->fed != PERCH_ELIMIT)
            FAIL_ROW("%s is let through", illegal[i / 2]);
        perch_session_free(t->s);
        t->s = s;
    }
    t->ntokens = 0;
    perch_buf_clear(&t->all);
}

static void test_mailbox_data_in_clear_ends_the_connection(void)
{
    transcript_run(&clear, play_illegal);
}

/* ---- no text of before TLS is shown ---- */

static void play_alerts(struct transcript *t)
{
    transcript_play(t, "S: * OK [ALERT] call +1-555\n"
                       "S: * OK [ALERT] call +1-555\n"
                       "S: * OK [PARSE] call +1-555\n");
    ASSERT_STR(perch_session_greeting(t->s), "");
    start(t);
    transcript_play(t, "C: <1> STARTTLS\n"
                       "S: <1> NO [ALERT] call +1-555\n");
    transcript_expect(t, "state not-authenticated\n"
                         "done starttls PERCH_ESTARTTLS\n");
    CU_ASSERT(strstr(perch_session_error(t->s)->text, "555") == NULL);
    transcript_play(t, "S: * BYE call +1-555\n");
    ASSERT_INT(t->fed, PERCH_ECLOSED);
    CU_ASSERT(strstr(perch_session_error(t->s)->text, "555") == NULL);
}

static void test_text_in_clear_is_shown_nowhere(void)
{
    transcript_run(&clear, play_alerts);
}

static void play_logout(struct transcript *t)
{
    transcript_play(t, "S: * OK hi\n");
    transcript_started(
        t, perch_logout_start(t->s, transcript_done, transcript_token(t, "logout"), NULL));
    transcript_play(t, "C: <1> LOGOUT\n"
                       "S: * BYE call +1-555\n"
                       "S: * LIST () \"/\" a\n");
    ASSERT_INT(t->fed, PERCH_EPROTO);
    transcript_expect(t, "state not-authenticated\n"
                         "state logout\n"
                         "state closed\n"
                         "done logout PERCH_EPROTO malformed\n");
}

static void test_logging_out_lets_nobody_in(void)
{
    transcript_run(&clear, play_logout);
}

/* ---- where it cannot be ---- */

static void play_secure(struct transcript *t)
{
    transcript_play(t, "S: * OK hi\n");
    transcript_refused(
        t, perch_starttls_start(t->s, transcript_done, transcript_token(t, "tls"), NULL),
        PERCH_ESTATE);
    perch_session_tls_ready(t->s); /* nobody waits for it */
    transcript_expect(t, "state not-authenticated\n");
}

static void play_authenticated(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_refused(
        t, perch_starttls_start(t->s, transcript_done, transcript_token(t, "late"), NULL),
        PERCH_ESTATE);
}

static void test_TLS_comes_once_and_first(void)
{
    static const struct perch_session_options allowed = {
        .size = sizeof allowed, .limits = PERCH_LIMITS_INIT, .allow_cleartext = true};

    transcript_run(NULL, play_secure);
    transcript_run(&allowed, play_authenticated);
}

static void play_cancel(struct transcript *t)
{
    perch_op *op;

    transcript_play(t, "S: * OK hi\n");
    transcript_started(
        t, perch_starttls_start(t->s, transcript_done, transcript_token(t, "starttls"), &op));
    transcript_play(t, "C: <1> STARTTLS\n");
    perch_op_cancel(op);
    transcript_expect(t, "state not-authenticated\n"
                         "done starttls PERCH_ECANCELLED\n"
                         "state closed\n");
}

static void test_cancelling_it_closes(void)
{
    transcript_run(&clear, play_cancel);
}

PERCH_SUITE("session/starttls") = {
    PERCH_TEST(test_what_was_learnt_in_clear_is_forgotten),
    PERCH_TEST(test_a_login_behind_it_waits_for_TLS),
    PERCH_TEST(test_anything_but_OK_is_no_success),
    PERCH_TEST(test_nothing_may_stand_behind_the_OK),
    PERCH_TEST(test_an_answer_before_the_command_has_left_is_none),
    PERCH_TEST(test_an_unknown_tag_before_the_login_ends_it),
    PERCH_TEST(test_mailbox_data_in_clear_ends_the_connection),
    PERCH_TEST(test_text_in_clear_is_shown_nowhere),
    PERCH_TEST(test_logging_out_lets_nobody_in),
    PERCH_TEST(test_TLS_comes_once_and_first),
    PERCH_TEST(test_cancelling_it_closes),
    PERCH_END,
};
