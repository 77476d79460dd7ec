/* What may be in flight together, cancelling, and calls from inside callbacks. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "perch/search.h"

static perch_op *start_noop(struct transcript *t, const char *label)
{
    perch_op *op = NULL;

    transcript_started(t, perch_noop_start(t->s, transcript_done, transcript_token(t, label), &op));
    return op;
}

static perch_op *start_fetch(struct transcript *t, const char *label, bool seq, uint32_t first,
                             uint32_t last)
{
    struct perch_range range = {first, last};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;
    perch_op *op = NULL;

    args.set = &set;
    args.seq = seq;
    args.items = PERCH_ITEM_FLAGS;
    transcript_started(
        t, perch_fetch_start(t->s, &args, transcript_done, transcript_token(t, label), &op));
    return op;
}

static perch_op *start_search(struct transcript *t, const char *label, const char *text)
{
    struct perch_search criteria = perch_search_text(PERCH_SEARCH_SUBJECT, text);
    struct perch_search_args args = PERCH_SEARCH_ARGS_INIT;
    perch_op *op = NULL;

    args.criteria = &criteria;
    transcript_started(
        t, perch_search_start(t->s, &args, transcript_done, transcript_token(t, label), &op));
    return op;
}

static void begin(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 LITERAL-");
    transcript_select(t, 9);
}

/* ---- RFC 9051 5.5 ---- */

static void play_fetches(struct transcript *t)
{
    begin(t);
    start_fetch(t, "a", false, 1, 4);
    start_fetch(t, "b", false, 5, 9);
    start_noop(t, "c");
    transcript_play(t, "C: <1> UID FETCH 1:4 (FLAGS)\n"
                       "C: <2> UID FETCH 5:9 (FLAGS)\n"
                       "C: <3> NOOP\n");
    start_fetch(t, "d", false, 4, 5);
    transcript_play(t, "S: <1> OK\n");
    transcript_play(t, "S: <2> OK\n"
                       "C: <4> UID FETCH 4:5 (FLAGS)\n"
                       "S: <3> OK\n"
                       "S: <4> OK\n");
}

static void play_numbers(struct transcript *t)
{
    begin(t);
    start_fetch(t, "a", true, 1, 4);
    start_fetch(t, "b", true, 5, 9);
    transcript_play(t, "C: <1> FETCH 1:4 (FLAGS)\n"
                       "C: <2> FETCH 5:9 (FLAGS)\n"
                       "S: <1> OK\n"
                       "S: <2> OK\n");
    start_noop(t, "c");
    start_fetch(t, "d", true, 1, 1);
    transcript_play(t, "C: <3> NOOP\n"
                       "S: * 1 EXPUNGE\n");
    transcript_play(t, "S: <3> OK\n"
                       "C: <4> FETCH 1 (FLAGS)\n"
                       "S: <4> OK\n");
}

static void play_searches(struct transcript *t)
{
    begin(t);
    start_search(t, "a", "x");
    start_search(t, "b", "y");
    transcript_play(t, "C: <1> UID SEARCH SUBJECT \"x\"\n"
                       "S: * SEARCH 1\n"
                       "S: <1> OK\n"
                       "C: <2> UID SEARCH SUBJECT \"y\"\n"
                       "S: * SEARCH 2\n"
                       "S: <2> OK\n");
}

static void play_order(struct transcript *t)
{
    begin(t);
    start_search(t, "a", "x");
    start_search(t, "b", "y");
    start_noop(t, "c"); /* could go, but would overtake */
    transcript_play(t, "C: <1> UID SEARCH SUBJECT \"x\"\n");
    transcript_play(t, "S: <1> OK\n"
                       "C: <2> UID SEARCH SUBJECT \"y\"\n"
                       "C: <3> NOOP\n"
                       "S: <2> OK\n"
                       "S: <3> OK\n");
}

static void test_what_would_be_ambiguous_waits(void)
{
    transcript_run(NULL, play_fetches);
    transcript_run(NULL, play_numbers);
    transcript_run(NULL, play_searches);
    transcript_run(NULL, play_order);
}

static void play_select_and_fetch(struct transcript *t)
{
    struct perch_select_args args = PERCH_SELECT_ARGS_INIT;

    transcript_login(t, "IMAP4rev1");
    args.mailbox = PERCH_SPAN("a");
    transcript_started(
        t, perch_select_start(t->s, &args, transcript_done, transcript_token(t, "select"), NULL));
    start_fetch(t, "fetch", false, 1, 1); /* legal once the SELECT has succeeded */
    transcript_play(t, "C: <1> SELECT \"a\"\n");
    transcript_play(t, "S: * 1 EXISTS\n"
                       "S: <1> OK\n"
                       "C: <2> UID FETCH 1 (FLAGS)\n"
                       "S: <2> OK\n");
    transcript_started(
        t, perch_select_start(t->s, &args, transcript_done, transcript_token(t, "again"), NULL));
    start_fetch(t, "in vain", false, 1, 1);
    transcript_play(t, "C: <3> SELECT \"a\"\n"
                       "S: <3> NO gone\n");
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "done again PERCH_ENO\n"
                                              "done in vain PERCH_ESTATE\n") != NULL);
}

static void play_behind_enable(struct transcript *t)
{
    static const char *const caps[] = {"QRESYNC"};
    struct perch_auth_args login = PERCH_AUTH_ARGS_INIT;
    struct perch_select_args args = PERCH_SELECT_ARGS_INIT;

    login.user = PERCH_SPAN("ann");
    login.password = PERCH_SPAN("secret");
    args.mailbox = PERCH_SPAN("a");
    args.uidvalidity = 7;
    args.modseq = 1;
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\n");
    transcript_started(t, perch_authenticate_start(t->s, &login, transcript_done,
                                                   transcript_token(t, "login"), NULL));
    transcript_started(
        t, perch_enable_start(t->s, caps, 1, transcript_done, transcript_token(t, "enable"), NULL));
    transcript_started(
        t, perch_select_start(t->s, &args, transcript_done, transcript_token(t, "select"), NULL));
    transcript_started(
        t, perch_idle_start(t->s, 0, transcript_done, transcript_token(t, "idle"), NULL));
    transcript_play(t, "C: <1> AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=\n"
                       "S: <1> OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC] in\n"
                       "C: <2> ENABLE QRESYNC\n"
                       "S: * ENABLED QRESYNC\n"
                       "S: <2> OK\n"
                       "C: <3> SELECT \"a\" (QRESYNC (7 1))\n"
                       "S: <3> OK\n");
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "done select ok\n"
                                              "done idle PERCH_ECAPABILITY\n") != NULL);
}

static void test_states_are_looked_at_ahead_and_again(void)
{
    transcript_run(NULL, play_behind_enable);
    transcript_run(NULL, play_select_and_fetch);
}

/* ---- literals ---- */

static void play_literal(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 9);
    start_search(t, "a", "\xc3\xa4");
    start_noop(t, "b");
    transcript_play(t, "C: <1> UID SEARCH CHARSET UTF-8 SUBJECT {2}\n"
                       "S: * 10 EXISTS\n");
    transcript_play(t, "S: + go\n"
                       "C: \xc3\xa4\n"
                       "C: <2> NOOP\n"
                       "S: <1> OK\n"
                       "S: <2> OK\n");
    start_search(t, "c", "\xc3\xa4");
    transcript_play(t, "C: <3> UID SEARCH CHARSET UTF-8 SUBJECT {2}\n"
                       "S: <3> NO too big\n");
    start_search(t, "d", "\xc3\xa4");
    transcript_play(t, "C: <4> UID SEARCH CHARSET UTF-8 SUBJECT {2}\n"
                       "S: <4> OK what\n"); /* to half a command: nobody's answer */
    transcript_expect(t, "event EXISTS 10 was 9\n"
                         "done a ok\n"
                         "done b ok\n"
                         "done c PERCH_ENO\n"
                         "event MALFORMED: a tagged answer that nobody waits for\n");
}

static void test_a_literal_waits_and_may_be_refused(void)
{
    transcript_run(NULL, play_literal);
}

/* ---- tags ---- */

static void play_tags(struct transcript *t)
{
    begin(t);
    start_noop(t, "a");
    transcript_play(t, "C: <1> NOOP\n"
                       "S: <1> OK\n"
                       "S: <1> OK\n"
                       "S: A001 OK\n"
                       "S: <1>1 OK\n");
    transcript_expect(t, "done a ok\n"
                         "event MALFORMED: a tagged answer that nobody waits for\n"
                         "event MALFORMED: a tagged answer that nobody waits for\n"
                         "event MALFORMED: a tagged answer that nobody waits for\n");
    start_noop(t, "b");
    transcript_play(t, "C: <2> NOOP\n"
                       "S: <2> HMM\n");
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "done b PERCH_EPROTO\n") != NULL);
    start_noop(t, "c");
    transcript_play(t, "C: <3> NOOP\n"
                       "S: <3> BYE\n");
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "done c PERCH_EPROTO\n") != NULL);
}

static void test_a_tag_counts_once(void)
{
    transcript_run(NULL, play_tags);
}

static void test_tags_begin_with_a_letter_and_differ_by_seed(void)
{
    char before[64] = "";

    for (uint64_t seed = 0; seed < 50; seed++) {
        struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;
        perch_session *s;
        struct perch_span out;
        char tag[64];

        options.secure = true;
        options.tag_seed = seed;
        s = perch_session_new(&options, NULL, NULL, 0);
        (void)perch_session_feed(s, (const uint8_t *)"* OK\r\n", 6);
        ASSERT_INT(perch_noop_start(s, NULL, NULL, NULL), 0);
        out = perch_session_output(s);
        (void)snprintf(tag, sizeof tag, "%.*s", (int)strcspn(out.p, " "), out.p);
        CU_ASSERT(tag[0] >= 'a' && tag[0] <= 'z');
        ASSERT_INT(strspn(tag, "abcdefghijklmnopqrstuvwxyz0123456789"), strlen(tag));
        ASSERT_INT(strlen(tag), 8);
        CU_ASSERT(strcmp(tag, before) != 0);
        memcpy(before, tag, sizeof before);
        perch_session_free(s);
    }
}

/* ---- cancelling ---- */

static void play_cancel(struct transcript *t)
{
    perch_op *op;

    begin(t);
    t->hold = true;
    op = start_noop(t, "queued");
    perch_op_cancel(op);
    t->hold = false;
    transcript_play(t, "");
    op = start_fetch(t, "sent", false, 1, 9);
    transcript_play(t, "C: <1> UID FETCH 1:9 (FLAGS)\n");
    perch_op_cancel(op);
    transcript_expect(t, "done queued PERCH_ECANCELLED\n"
                         "done sent PERCH_ECANCELLED\n");
    start_noop(t, "next");
    transcript_play(t, "C: <2> NOOP\n"
                       "S: * 1 FETCH (UID 1 FLAGS ())\n"
                       "S: <1> OK\n"
                       "S: <2> OK\n");
    transcript_expect(t, "event FETCH 1\n"
                         "done next ok\n");
}

static void play_cancel_literal(struct transcript *t)
{
    perch_op *op;

    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 9);
    op = start_search(t, "a", "\xc3\xa4");
    start_noop(t, "b");
    transcript_play(t, "C: <1> UID SEARCH CHARSET UTF-8 SUBJECT {2}\n");
    perch_op_cancel(op);
    transcript_expect(t, "done a PERCH_ECANCELLED\n"
                         "state closed\n"
                         "done b PERCH_ECLOSED cancelled\n");
}

static void play_cancel_unanswered(struct transcript *t)
{
    begin(t);
    perch_op_cancel(start_noop(t, "a"));
    transcript_play(t, "C: <1> NOOP\n");
    transcript_tick(t, 299999);
    transcript_expect(t, "done a PERCH_ECANCELLED\n");
    transcript_tick(t, 1);
    transcript_expect(t, "state closed\n");
}

static void play_cancel_select(struct transcript *t)
{
    struct perch_select_args args = PERCH_SELECT_ARGS_INIT;
    perch_op *op;

    begin(t);
    args.mailbox = PERCH_SPAN("b");
    transcript_started(
        t, perch_select_start(t->s, &args, transcript_done, transcript_token(t, "select"), &op));
    transcript_play(t, "C: <1> SELECT \"b\"\n");
    perch_op_cancel(op);
    transcript_play(t, "S: * 2 EXISTS\n"
                       "S: <1> OK\n");
    transcript_expect(t, "state selecting\n"
                         "done select PERCH_ECANCELLED\n"
                         "event EXISTS 2\n"
                         "state selected\n");
    ASSERT_SPAN(perch_session_mailbox(t->s)->name.raw, "b");
}

static void play_cancel_search(struct transcript *t)
{
    static const char *const caps[] = {"QRESYNC"};
    perch_op *op;

    transcript_login(t, "IMAP4rev1 ENABLE QRESYNC ESEARCH");
    transcript_started(
        t, perch_enable_start(t->s, caps, 1, transcript_done, transcript_token(t, "enable"), &op));
    transcript_play(t, "C: <1> ENABLE QRESYNC\n");
    perch_op_cancel(op);
    transcript_play(t, "S: * ENABLED QRESYNC\n"
                       "S: <1> OK\n");
    CU_ASSERT(perch_session_enabled(t->s, PERCH_CAP_QRESYNC)); /* the server thinks so */
    transcript_select(t, 9);
    op = start_search(t, "search", "x");
    transcript_play(t, "C: <2> UID SEARCH RETURN (ALL) SUBJECT \"x\"\n");
    perch_op_cancel(op);
    start_search(t, "next", "y");
    transcript_play(t, "S: * ESEARCH (TAG \"<2>\") UID ALL 1:3\n"
                       "S: <2> OK\n"
                       "C: <3> UID SEARCH RETURN (ALL) SUBJECT \"y\"\n"
                       "S: * ESEARCH (TAG \"<3>\") UID\n"
                       "S: <3> OK\n");
    transcript_expect(t, "done search PERCH_ECANCELLED\n"
                         "event SEARCH\n"
                         "event SEARCH op UID SEARCH\n"
                         "done next ok\n");
}

static void test_cancelling_in_each_phase(void)
{
    transcript_run(NULL, play_cancel);
    transcript_run(NULL, play_cancel_literal);
    transcript_run(NULL, play_cancel_unanswered);
    transcript_run(NULL, play_cancel_select);
    transcript_run(NULL, play_cancel_search);
}

/* ---- calls from inside ---- */

static void free_session(struct transcript_token *token, perch_op *op)
{
    (void)op;
    perch_session_free(token->t->s);
    perch_session_free(token->t->s);
    ASSERT_INT(perch_noop_start(token->t->s, transcript_done, NULL, NULL), PERCH_ESTATE);
}

static void play_free_in_done(struct transcript *t)
{
    begin(t);
    start_noop(t, "a");
    t->tokens[t->ntokens - 1].on_done = free_session;
    start_noop(t, "b");
    transcript_play(t, "C: <1> NOOP\n"
                       "C: <2> NOOP\n"
                       "S: <1> OK\n"
                       "S: <2> OK\n");
    ASSERT_INT(t->fed, PERCH_ECANCELLED);
    CU_ASSERT_PTR_NULL(t->s);
    transcript_expect(t, "done a ok\n"
                         "done b PERCH_ECANCELLED\n");
}

static void free_on_event(struct transcript *t, const struct perch_event *event)
{
    (void)event;
    perch_session_free(t->s);
}

static void play_free_in_event(struct transcript *t)
{
    begin(t);
    start_fetch(t, "a", false, 1, 9);
    transcript_play(t, "C: <1> UID FETCH 1:9 (FLAGS)\n");
    t->on_event = free_on_event;
    transcript_play(t, "S: * 1 FETCH (UID 1 FLAGS ())\n"
                       "S: * 2 FETCH (UID 2 FLAGS ())\n");
    ASSERT_INT(t->fed, PERCH_ECANCELLED);
    transcript_expect(t, "event FETCH 1 op UID FETCH\n"
                         "done a PERCH_ECANCELLED\n");
}

static void free_on_row(perch_op *op, const struct perch_fetch *row, void *user)
{
    struct transcript_token *token = user;

    (void)row;
    transcript_note(token->t, "row");
    perch_session_free(perch_op_session(op));
}

static void play_free_in_row(struct transcript *t)
{
    struct perch_range range = {1, 9};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;

    begin(t);
    args.set = &set;
    args.items = PERCH_ITEM_FLAGS;
    args.on_fetch = free_on_row;
    transcript_started(
        t, perch_fetch_start(t->s, &args, transcript_done, transcript_token(t, "a"), NULL));
    transcript_play(t, "C: <1> UID FETCH 1:9 (FLAGS)\n"
                       "S: * 1 FETCH (UID 1 FLAGS ())\n");
    ASSERT_INT(t->fed, PERCH_ECANCELLED);
    transcript_expect(t, "row\n"
                         "done a PERCH_ECANCELLED\n");
}

static void play_free_in_death(struct transcript *t)
{
    begin(t);
    start_noop(t, "a");
    t->tokens[t->ntokens - 1].on_done = free_session;
    start_noop(t, "b");
    transcript_play(t, "C: <1> NOOP\n"
                       "C: <2> NOOP\n"
                       "S: * BYE\n");
    ASSERT_INT(t->fed, PERCH_ECANCELLED);
}

static void test_freeing_is_legal_in_every_callback(void)
{
    transcript_run(NULL, play_free_in_done);
    transcript_run(NULL, play_free_in_event);
    transcript_run(NULL, play_free_in_row);
    transcript_run(NULL, play_free_in_death);
}

static void start_another(struct transcript_token *token, perch_op *op)
{
    (void)op;
    if (token->t->ntokens < 6)
        (void)start_noop(token->t, "again");
}

static void play_start_in_done(struct transcript *t)
{
    begin(t);
    start_noop(t, "a");
    t->tokens[t->ntokens - 1].on_done = start_another;
    transcript_play(t, "C: <1> NOOP\n"
                       "S: <1> OK\n"
                       "C: <2> NOOP\n"
                       "S: <2> OK\n");
    transcript_expect(t, "done a ok\n"
                         "done again ok\n");
}

static void cancel_other(struct transcript_token *token, perch_op *op)
{
    (void)op;
    perch_op_cancel(token->t->user);
    perch_op_cancel(op); /* finished: nothing happens */
}

static void play_cancel_in_done(struct transcript *t)
{
    begin(t);
    start_noop(t, "a");
    t->tokens[t->ntokens - 1].on_done = cancel_other;
    t->user = start_noop(t, "b");
    transcript_play(t, "C: <1> NOOP\n"
                       "C: <2> NOOP\n"
                       "S: <1> OK\n"
                       "S: <2> OK\n");
    transcript_expect(t, "done a ok\n"
                         "done b PERCH_ECANCELLED\n");
}

static void cancel_on_row(perch_op *op, const struct perch_fetch *row, void *user)
{
    (void)row;
    (void)user;
    perch_op_cancel(op);
}

static void play_cancel_in_row(struct transcript *t)
{
    struct perch_range range = {1, 9};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;

    begin(t);
    args.set = &set;
    args.items = PERCH_ITEM_FLAGS;
    args.on_fetch = cancel_on_row;
    transcript_started(
        t, perch_fetch_start(t->s, &args, transcript_done, transcript_token(t, "a"), NULL));
    transcript_play(t, "C: <1> UID FETCH 1:9 (FLAGS)\n"
                       "S: * 1 FETCH (UID 1 FLAGS ())\n"
                       "S: * 2 FETCH (UID 2 FLAGS ())\n"
                       "S: <1> OK\n");
    transcript_expect(t, "done a PERCH_ECANCELLED\n"
                         "event FETCH 1 op UID FETCH\n"
                         "event FETCH 2\n");
}

static void test_starting_and_cancelling_are_legal_too(void)
{
    transcript_run(NULL, play_start_in_done);
    transcript_run(NULL, play_cancel_in_done);
    transcript_run(NULL, play_cancel_in_row);
}

static void feed_on_event(struct transcript *t, const struct perch_event *event)
{
    (void)event;
    ASSERT_INT(perch_session_feed(t->s, (const uint8_t *)"* 1 EXPUNGE\r\n", 13), 0);
}

static void play_feed_in_event(struct transcript *t)
{
    begin(t);
    t->on_event = feed_on_event;
    transcript_play(t, "S: * 10 EXISTS\n");
    ASSERT_INT(perch_session_mailbox(t->s)->exists, 10);
}

static void test_feeding_inside_feeding_eats_nothing(void)
{
    transcript_run(NULL, play_feed_in_event);
}

static void test_the_same_bytes_again_change_nothing(void)
{
    static const uint8_t greeting[] = "* OK [CAPABILITY IMAP4rev1] hi\r\n";
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;
    perch_session *s;

    options.secure = true;
    s = perch_session_new(&options, NULL, NULL, 0);
    ASSERT_INT(perch_session_feed(s, greeting, 20), 0);
    ASSERT_INT(perch_session_feed(s, greeting, 20), 0);
    ASSERT_INT(perch_session_feed(s, greeting, 4), 0);
    ASSERT_INT(perch_session_feed(s, NULL, 0), 0);
    ASSERT_INT(perch_session_feed(s, greeting, sizeof greeting - 1), sizeof greeting - 1);
    ASSERT_INT(perch_session_state(s), PERCH_STATE_NOT_AUTHENTICATED);
    perch_session_free(s);
}

/* ---- on_output ---- */

static void on_output(perch_session *s, void *user)
{
    (void)s;
    ++*(int *)user;
}

static void test_output_is_announced_once(void)
{
    struct perch_session_hooks hooks = {.size = sizeof hooks, .on_output = on_output};
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;
    perch_session *s;
    int told = 0;

    options.secure = true;
    s = perch_session_new(&options, &hooks, &told, 0);
    ASSERT_INT(perch_noop_start(s, NULL, NULL, NULL), 0);
    ASSERT_INT(told, 0); /* it waits for the greeting */
    ASSERT_INT(perch_session_feed(s, (const uint8_t *)"* OK\r\n", 6), 6);
    ASSERT_INT(told, 0); /* look after perch_session_feed */
    CU_ASSERT(perch_session_output(s).n > 0);
    perch_session_sent(s, perch_session_output(s).n);
    ASSERT_INT(perch_noop_start(s, NULL, NULL, NULL), 0);
    ASSERT_INT(told, 1);
    ASSERT_INT(perch_noop_start(s, NULL, NULL, NULL), 0);
    ASSERT_INT(told, 1);
    perch_session_sent(s, perch_session_output(s).n);
    ASSERT_INT(perch_noop_start(s, NULL, NULL, NULL), 0);
    ASSERT_INT(told, 2);
    perch_session_free(s);
}

PERCH_SUITE("session/queue") = {
    PERCH_TEST(test_what_would_be_ambiguous_waits),
    PERCH_TEST(test_states_are_looked_at_ahead_and_again),
    PERCH_TEST(test_a_literal_waits_and_may_be_refused),
    PERCH_TEST(test_a_tag_counts_once),
    PERCH_TEST(test_tags_begin_with_a_letter_and_differ_by_seed),
    PERCH_TEST(test_cancelling_in_each_phase),
    PERCH_TEST(test_freeing_is_legal_in_every_callback),
    PERCH_TEST(test_starting_and_cancelling_are_legal_too),
    PERCH_TEST(test_feeding_inside_feeding_eats_nothing),
    PERCH_TEST(test_the_same_bytes_again_change_nothing),
    PERCH_TEST(test_output_is_announced_once),
    PERCH_END,
};
