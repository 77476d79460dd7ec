/* Getting in. */
#include "support/perch_test.h"
#include "support/transcript.h"

static struct perch_auth_args ann(void)
{
    struct perch_auth_args args = PERCH_AUTH_ARGS_INIT;

    args.user = PERCH_SPAN("ann");
    args.password = PERCH_SPAN("secret");
    return args;
}

static void start_login(struct transcript *t, const struct perch_auth_args *args)
{
    transcript_started(t, perch_authenticate_start(t->s, args, transcript_done,
                                                   transcript_token(t, "login"), NULL));
}

static void start_ann(struct transcript *t)
{
    struct perch_auth_args args = ann();

    start_login(t, &args);
}

/* ---- PLAIN ---- */

static void play_initial_response(struct transcript *t)
{
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN IDLE] hi\n");
    start_ann(t);
    transcript_play(t, "C: <1> AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=\n"
                       "S: <1> OK [CAPABILITY IMAP4rev1 QRESYNC] in\n");
    transcript_expect(t, "event CAPABILITY\n"
                         "state not-authenticated\n"
                         "state authenticating\n"
                         "state authenticated\n"
                         "event CAPABILITY\n"
                         "done login ok\n");
    CU_ASSERT(perch_session_can(t->s, PERCH_CAP_QRESYNC));
    CU_ASSERT(perch_session_can(t->s, PERCH_CAP_CONDSTORE));
    CU_ASSERT(!perch_session_can(t->s, PERCH_CAP_IDLE));
    CU_ASSERT(!perch_session_has(t->s, "AUTH=PLAIN"));
}

static void test_the_payload_goes_with_the_command_where_SASL_IR_is_offered(void)
{
    transcript_run(NULL, play_initial_response);
}

static void play_challenge(struct transcript *t)
{
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\n");
    start_ann(t);
    transcript_play(t, "C: <1> AUTHENTICATE PLAIN\n"
                       "S: +\n"
                       "C: AGFubgBzZWNyZXQ=\n"
                       "S: * CAPABILITY IMAP4rev1 UNSELECT\n"
                       "S: <1> OK in\n");
    CU_ASSERT(perch_session_can(t->s, PERCH_CAP_UNSELECT));
    ASSERT_INT(perch_session_state(t->s), PERCH_STATE_AUTHENTICATED);
}

static void test_the_payload_waits_for_the_challenge_elsewhere(void)
{
    transcript_run(NULL, play_challenge);
}

static void play_asks(struct transcript *t)
{
    transcript_play(t, "S: * OK hi\n");
    start_ann(t);
    transcript_play(t, "C: <1> CAPABILITY\n"
                       "S: * CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\n"
                       "S: <1> OK\n"
                       "C: <2> AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=\n"
                       "S: <2> OK in\n"
                       "C: <3> CAPABILITY\n");
    CU_ASSERT(!perch_session_has(t->s, "AUTH=PLAIN"));
    transcript_play(t, "S: * CAPABILITY IMAP4rev1 ID\n"
                       "S: <3> OK\n");
    CU_ASSERT(perch_session_can(t->s, PERCH_CAP_ID));
    transcript_expect(t, "state not-authenticated\n"
                         "event CAPABILITY op AUTHENTICATE\n"
                         "state authenticating\n"
                         "state authenticated\n"
                         "event CAPABILITY op AUTHENTICATE\n"
                         "done login ok\n");
}

static void test_capabilities_are_asked_for_before_and_after(void)
{
    transcript_run(NULL, play_asks);
}

static void play_authzid(struct transcript *t)
{
    struct perch_auth_args args = ann();

    args.authzid = PERCH_SPAN("bob");
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\n");
    start_login(t, &args);
    transcript_play(t, "C: <1> AUTHENTICATE PLAIN Ym9iAGFubgBzZWNyZXQ=\n"
                       "S: <1> NO [AUTHORIZATIONFAILED] not you\n");
}

static void test_an_authorization_identity_stands_first(void)
{
    transcript_run(NULL, play_authzid);
}

/* ---- LOGIN ---- */

static void play_login_command(struct transcript *t)
{
    struct perch_auth_args args = ann();

    args.password = PERCH_SPAN("p\"w\\d");
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1] hi\n");
    start_login(t, &args);
    transcript_play(t, "C: <1> LOGIN \"ann\" \"p\\\\\"w\\\\\\\\d\"\n"
                       "S: <1> OK [CAPABILITY IMAP4rev1] in\n");
    ASSERT_INT(perch_session_state(t->s), PERCH_STATE_AUTHENTICATED);
}

static void test_the_LOGIN_command_is_the_last_resort_and_quotes(void)
{
    transcript_run(NULL, play_login_command);
}

static void expect_no_mech(struct transcript *t)
{
    transcript_play(t, "");
    transcript_expect(t, "done login PERCH_EAUTH no-mech\n");
    ASSERT_INT(perch_session_state(t->s), PERCH_STATE_NOT_AUTHENTICATED);
}

static void play_login_disabled(struct transcript *t)
{
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\n");
    transcript_expect(t, "event CAPABILITY\nstate not-authenticated\n");
    start_ann(t);
    expect_no_mech(t);
}

static void test_LOGINDISABLED_is_honoured(void)
{
    transcript_run(NULL, play_login_disabled);
}

static void play_policy(struct transcript *t)
{
    static const char *const only[] = {"SCRAM-SHA-256", "PLAIN"};
    struct perch_auth_args args = ann();

    args.mechanisms = only;
    args.nmechanisms = 2;
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 AUTH=CRAM-MD5] hi\n");
    transcript_expect(t, "event CAPABILITY\nstate not-authenticated\n");
    start_login(t, &args);
    expect_no_mech(t);
}

static void play_untold(struct transcript *t)
{
    transcript_play(t, "S: * OK hi\n");
    start_ann(t);
    transcript_play(t, "C: <1> CAPABILITY\n"
                       "S: <1> OK\n");
    start_ann(t);
    transcript_play(t, "C: <2> CAPABILITY\n"
                       "S: <2> BAD what\n");
    transcript_expect(t, "state not-authenticated\n"
                         "done login PERCH_EPROTO\n"
                         "done login PERCH_EBAD\n");
}

static void test_without_capabilities_nothing_is_tried(void)
{
    transcript_run(NULL, play_untold);
}

static void test_nothing_outside_the_list_is_used(void)
{
    transcript_run(NULL, play_policy);
}

static void play_literal_password(struct transcript *t)
{
    static const char *const only[] = {"LOGIN-COMMAND"};
    struct perch_auth_args args = ann();

    args.mechanisms = only;
    args.nmechanisms = 1;
    args.password = PERCH_SPAN("p\xc3\xa4ss");
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 LITERAL+] hi\n");
    transcript_expect(t, "event CAPABILITY\nstate not-authenticated\n");
    start_login(t, &args);
    expect_no_mech(t);
}

static void test_a_password_never_goes_as_a_literal(void)
{
    transcript_run(NULL, play_literal_password);
}

/* ---- refusals ---- */

static void play_refused(struct transcript *t)
{
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\n");
    start_ann(t);
    transcript_play(t, "C: <1> AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=\n"
                       "S: <1> NO [AUTHENTICATIONFAILED] wrong\n");
    transcript_expect(t, "event CAPABILITY\n"
                         "state not-authenticated\n"
                         "state authenticating\n"
                         "state not-authenticated\n"
                         "done login PERCH_EAUTH auth-failed\n");
    start_ann(t);
    transcript_play(t, "C: <2> AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=\n"
                       "S: <2> OK [CAPABILITY IMAP4rev1] in\n");
    ASSERT_INT(perch_session_state(t->s), PERCH_STATE_AUTHENTICATED);
}

static void test_a_refused_login_may_be_tried_again(void)
{
    transcript_run(NULL, play_refused);
}

static void check_unavailable(struct transcript_token *token, perch_op *op)
{
    (void)token;
    ASSERT_INT(perch_op_error(op)->remedy, PERCH_TRY_LATER);
    ASSERT_INT(perch_op_error(op)->resp_code, PERCH_CODE_UNAVAILABLE);
    ASSERT_STR(perch_op_text(op), "back soon");
}

static void play_unavailable(struct transcript *t)
{
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\n");
    start_ann(t);
    t->tokens[0].on_done = check_unavailable;
    transcript_play(t, "C: <1> AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=\n"
                       "S: <1> NO [UNAVAILABLE] back soon\n");
    transcript_expect(t, "event CAPABILITY\n"
                         "state not-authenticated\n"
                         "state authenticating\n"
                         "state not-authenticated\n"
                         "done login PERCH_EAUTH auth-unavailable\n");
}

static void test_unavailable_is_no_wrong_password(void)
{
    transcript_run(NULL, play_unavailable);
}

static void play_endless(struct transcript *t)
{
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\n");
    start_ann(t);
    transcript_play(t, "C: <1> AUTHENTICATE PLAIN\n"
                       "S: + \n"
                       "C: AGFubgBzZWNyZXQ=\n"
                       "S: + \n"
                       "C: *\n");
    transcript_play(t, "S: <1> BAD aborted\n");
    ASSERT_INT(t->fed, PERCH_EPROTO);
    transcript_expect(t, "event CAPABILITY\n"
                         "state not-authenticated\n"
                         "state authenticating\n"
                         "state not-authenticated\n"
                         "state closed\n"
                         "done login PERCH_EPROTO sasl\n");
}

static void test_challenges_without_end_are_cut(void)
{
    transcript_run(NULL, play_endless);
}

static void play_bad_base64(struct transcript *t)
{
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\n");
    start_ann(t);
    transcript_play(t, "C: <1> AUTHENTICATE PLAIN\n"
                       "S: + ====\n"
                       "C: *\n"
                       "S: + \n");
    ASSERT_INT(t->fed, PERCH_EPROTO);
}

static void test_a_challenge_that_is_no_base64_gets_a_star(void)
{
    transcript_run(NULL, play_bad_base64);
}

static void play_early_ok(struct transcript *t)
{
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\n");
    start_ann(t);
    transcript_play(t, "C: <1> AUTHENTICATE PLAIN\n"
                       "S: <1> OK [CAPABILITY IMAP4rev1] in\n");
    ASSERT_INT(t->fed, PERCH_EPROTO);
    transcript_expect(t, "event CAPABILITY\n"
                         "state not-authenticated\n"
                         "state authenticating\n"
                         "state closed\n"
                         "done login PERCH_EPROTO sasl\n");
}

static void play_ok_after_star(struct transcript *t)
{
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\n");
    start_ann(t);
    transcript_play(t, "C: <1> AUTHENTICATE PLAIN\n"
                       "S: + A\n"
                       "C: *\n"
                       "S: <1> OK never mind\n");
    ASSERT_INT(t->fed, PERCH_EPROTO);
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "state authenticated") == NULL);
}

static void play_ok_after_cancel(struct transcript *t)
{
    struct perch_auth_args args = ann();
    perch_op *op;

    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\n");
    transcript_started(t, perch_authenticate_start(t->s, &args, transcript_done,
                                                   transcript_token(t, "login"), &op));
    transcript_play(t, "C: <1> AUTHENTICATE PLAIN\n");
    perch_op_cancel(op);
    transcript_play(t, "S: <1> OK in\n");
    ASSERT_INT(t->fed, PERCH_EPROTO);
}

static void test_OK_before_the_payload_lets_nobody_in(void)
{
    transcript_run(NULL, play_early_ok);
    transcript_run(NULL, play_ok_after_star);
    transcript_run(NULL, play_ok_after_cancel);
}

/* ---- never in clear ---- */

static void play_clear(struct transcript *t)
{
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\n");
    start_ann(t);
    transcript_play(t, "");
    transcript_expect(t, "state not-authenticated\n"
                         "done login PERCH_ESTATE cleartext\n");
}

static void test_no_password_goes_in_clear(void)
{
    static const struct perch_session_options clear = PERCH_SESSION_OPTIONS_INIT;

    transcript_run(&clear, play_clear);
}

static void test_unless_the_caller_allows_it(void)
{
    static const struct perch_session_options allowed = {
        .size = sizeof allowed, .limits = PERCH_LIMITS_INIT, .allow_cleartext = true};

    transcript_run(&allowed, play_initial_response);
}

/* ---- cancelling ---- */

static void play_cancel_early(struct transcript *t)
{
    struct perch_auth_args args = ann();
    perch_op *op;

    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\n");
    transcript_started(t, perch_authenticate_start(t->s, &args, transcript_done,
                                                   transcript_token(t, "login"), &op));
    transcript_play(t, "C: <1> AUTHENTICATE PLAIN\n");
    perch_op_cancel(op);
    transcript_play(t, "S: + \n"
                       "C: *\n"
                       "S: <1> BAD aborted\n");
    transcript_expect(t, "event CAPABILITY\n"
                         "state not-authenticated\n"
                         "state authenticating\n"
                         "done login PERCH_ECANCELLED\n"
                         "state not-authenticated\n");
}

static void test_an_exchange_is_left_politely_before_the_payload(void)
{
    transcript_run(NULL, play_cancel_early);
}

static void play_cancel_late(struct transcript *t)
{
    struct perch_auth_args args = ann();
    perch_op *op;

    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\n");
    transcript_started(t, perch_authenticate_start(t->s, &args, transcript_done,
                                                   transcript_token(t, "login"), &op));
    transcript_play(t, "C: <1> AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=\n");
    perch_op_cancel(op);
    transcript_expect(t, "event CAPABILITY\n"
                         "state not-authenticated\n"
                         "state authenticating\n"
                         "done login PERCH_ECANCELLED\n"
                         "state closed\n");
}

static void test_after_the_payload_only_closing_is_left(void)
{
    transcript_run(NULL, play_cancel_late);
}

/* ---- arguments ---- */

static void play_arguments(struct transcript *t)
{
    struct perch_auth_args args = ann();

    args.password = PERCH_SPAN("se\0cret");
    transcript_refused(
        t, perch_authenticate_start(t->s, &args, transcript_done, transcript_token(t, "nul"), NULL),
        PERCH_EINVAL);
    args.password.p = NULL;
    transcript_refused(
        t,
        perch_authenticate_start(t->s, &args, transcript_done, transcript_token(t, "none"), NULL),
        PERCH_EINVAL);
    transcript_login(t, "IMAP4rev1");
    args = ann();
    transcript_refused(
        t,
        perch_authenticate_start(t->s, &args, transcript_done, transcript_token(t, "twice"), NULL),
        PERCH_ESTATE);
}

static void test_bad_arguments_are_refused_at_once(void)
{
    transcript_run(NULL, play_arguments);
}

/* ---- the trace ---- */

static void on_trace(perch_session *s, bool outgoing, struct perch_span text, void *user)
{
    struct perch_buf *b = user;

    (void)s;
    perch_buf_addf(b, "%c ", outgoing ? 'C' : 'S');
    perch_buf_addspan(b, text);
    perch_buf_adds(b, "\n");
}

/* Both ways a password leaves, seen by a trace. */
static void trace_login(const char *greeting, const char *challenge, struct perch_buf *log)
{
    struct perch_session_hooks hooks = {.size = sizeof hooks, .on_trace = on_trace};
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;
    struct perch_auth_args args = ann();
    perch_session *s;

    options.secure = true;
    s = perch_session_new(&options, &hooks, log, 0);
    ASSERT_INT(perch_session_feed(s, (const uint8_t *)greeting, strlen(greeting)),
               strlen(greeting));
    ASSERT_INT(perch_authenticate_start(s, &args, NULL, NULL, NULL), 0);
    perch_session_sent(s, perch_session_output(s).n);
    (void)perch_session_feed(s, (const uint8_t *)challenge, strlen(challenge));
    perch_session_sent(s, perch_session_output(s).n);
    perch_session_free(s);
}

static void test_a_trace_shows_no_secret(void)
{
    struct perch_buf log = PERCH_BUF_INIT;

    trace_login("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n", "", &log);
    trace_login("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", "+ \r\n", &log);
    trace_login("* OK [CAPABILITY IMAP4rev1] hi\r\n", "", &log);
    CU_ASSERT(strstr(perch_buf_cstr(&log), "AUTHENTICATE PLAIN <secret>\n") != NULL);
    CU_ASSERT(strstr(perch_buf_cstr(&log), "\nC <secret>\n") != NULL);
    CU_ASSERT(strstr(perch_buf_cstr(&log), "LOGIN <secret>\n") != NULL);
    CU_ASSERT(strstr(perch_buf_cstr(&log), "AGFubg") == NULL);
    CU_ASSERT(strstr(perch_buf_cstr(&log), "ann") == NULL);
    perch_buf_done(&log);
}

PERCH_SUITE("session/auth") = {
    PERCH_TEST(test_the_payload_goes_with_the_command_where_SASL_IR_is_offered),
    PERCH_TEST(test_the_payload_waits_for_the_challenge_elsewhere),
    PERCH_TEST(test_capabilities_are_asked_for_before_and_after),
    PERCH_TEST(test_an_authorization_identity_stands_first),
    PERCH_TEST(test_the_LOGIN_command_is_the_last_resort_and_quotes),
    PERCH_TEST(test_LOGINDISABLED_is_honoured),
    PERCH_TEST(test_without_capabilities_nothing_is_tried),
    PERCH_TEST(test_nothing_outside_the_list_is_used),
    PERCH_TEST(test_a_password_never_goes_as_a_literal),
    PERCH_TEST(test_a_refused_login_may_be_tried_again),
    PERCH_TEST(test_unavailable_is_no_wrong_password),
    PERCH_TEST(test_challenges_without_end_are_cut),
    PERCH_TEST(test_a_challenge_that_is_no_base64_gets_a_star),
    PERCH_TEST(test_OK_before_the_payload_lets_nobody_in),
    PERCH_TEST(test_no_password_goes_in_clear),
    PERCH_TEST(test_unless_the_caller_allows_it),
    PERCH_TEST(test_an_exchange_is_left_politely_before_the_payload),
    PERCH_TEST(test_after_the_payload_only_closing_is_left),
    PERCH_TEST(test_bad_arguments_are_refused_at_once),
    PERCH_TEST(test_a_trace_shows_no_secret),
    PERCH_END,
};
