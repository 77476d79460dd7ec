/* APPEND: its forms byte for byte, what is refused, and how it ends. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "perch/change.h"

/* ---- sources ---- */

/* Gives "abcde..." from `at` on, at most `step` bytes at once. */
struct giver {
    struct transcript *t;
    uint64_t at, fail_at;
    size_t step;
    perch_op *op; /* what `act` is about */
    void (*act)(struct giver *g);
};

static ssize_t give(void *user, uint8_t *to, size_t max)
{
    struct giver *g = user;
    size_t n = max < g->step ? max : g->step;

    if (g->act)
        g->act(g);
    if (g->fail_at && g->at >= g->fail_at)
        return -1;
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)('a' + (g->at + i) % 26);
    g->at += n;
    return (ssize_t)n;
}

static struct perch_append_message text(const char *s)
{
    return (struct perch_append_message){.source = {.size = strlen(s), .data = s}};
}

static void show(struct transcript_token *token, perch_op *op)
{
    const struct perch_append_result *r = perch_op_appended(op);
    char uids[64];

    (void)perch_set_format(&r->uids, uids, sizeof uids);
    transcript_note(token->t, "appended %zu %u %s%s", r->appended, r->uidvalidity, uids,
                    r->emulated ? " emulated" : "");
}

static void on_progress(perch_op *op, uint64_t sent, uint64_t total, void *user)
{
    struct transcript_token *token = user;

    (void)op;
    transcript_note(token->t, "progress %llu of %llu", (unsigned long long)sent,
                    (unsigned long long)total);
}

static int try_start(struct transcript *t, const struct perch_append_message *m, size_t n,
                     perch_op **ret_op)
{
    struct perch_append_args args = PERCH_APPEND_ARGS_INIT;
    struct transcript_token *token = transcript_token(t, "a");

    token->on_done = show;
    args.mailbox = PERCH_SPAN("x");
    args.messages = m;
    args.nmessages = n;
    args.on_progress = on_progress;
    return perch_append_start(t->s, &args, transcript_done, token, ret_op);
}

static perch_op *start(struct transcript *t, const struct perch_append_message *m, size_t n)
{
    perch_op *op = NULL;

    transcript_started(t, try_start(t, m, n, &op));
    return op;
}

static perch_op *start_giver(struct transcript *t, struct giver *g, uint64_t size)
{
    struct perch_append_message m = {.source = {.size = size, .read = give, .user = g}};

    g->t = t;
    return start(t, &m, 1);
}

/* ---- forms ---- */

static void play_waiting(struct transcript *t)
{
    static const struct perch_span todo = {"$Todo", 5};
    struct perch_append_message m = text("hello");

    m.flags = PERCH_FLAG_SEEN;
    m.names = &todo;
    m.nnames = 1;
    m.date = (struct perch_time){.unix_s = 837596665, .offset_min = -420, .valid = true};
    transcript_login(t, "IMAP4rev1");
    start(t, &m, 1);
    transcript_play(t, "C: <1> APPEND \"x\" (\\\\Seen $Todo) \"17-Jul-1996 02:44:25 -0700\" {5}\n"
                       "S: + go\n"
                       "C: hello\n"
                       "S: <1> OK [APPENDUID 38505 3955] done\n");
    transcript_expect(t, "progress 5 of 5\ndone a ok\nappended 1 38505 3955\n");
}

static void test_a_literal_waits_for_the_server(void)
{
    transcript_run(NULL, play_waiting);
}

static void play_plus(struct transcript *t)
{
    struct perch_append_message m = text("a\r\nb\r\n");

    transcript_login(t, "IMAP4rev1 LITERAL+");
    start(t, &m, 1);
    transcript_play(t, "C: <1> APPEND \"x\" {6+}\n"
                       "C: a\nC: b\nC: \n"
                       "S: <1> OK [APPENDUID 1 2:3] two for one\n");
    transcript_expect(t, "progress 6 of 6\ndone a ok\nappended 1 0 \n");
}

static void test_literal_plus_does_not_wait(void)
{
    transcript_run(NULL, play_plus);
}

/* RFC 7888 5: up to 4096 bytes. */
static void play_minus(struct transcript *t)
{
    struct perch_buf script = PERCH_BUF_INIT;
    struct giver g = {.step = 1000};

    transcript_login(t, "IMAP4rev1 LITERAL-");
    for (unsigned size = 4096; size <= 4097; size++) {
        g.at = 0;
        perch_buf_addf(&script, "C: <%u> APPEND \"x\" {%u%s}\n%sC: ", size, size,
                       size > 4096 ? "" : "+", size > 4096 ? "S: + go\n" : "");
        for (unsigned i = 0; i < size; i++)
            perch_buf_addc(&script, (char)('a' + i % 26));
        perch_buf_addf(&script, "\nS: <%u> OK\n", size);
        start_giver(t, &g, size);
        transcript_play(t, perch_buf_cstr(&script));
        perch_buf_clear(&script);
    }
    perch_buf_done(&script);
    transcript_expect(t, "progress 1000 of 4096\nprogress 2000 of 4096\nprogress 3000 of 4096\n"
                         "progress 4000 of 4096\nprogress 4096 of 4096\n"
                         "done a ok\nappended 1 0 \n"
                         "progress 1000 of 4097\nprogress 2000 of 4097\nprogress 3000 of 4097\n"
                         "progress 4000 of 4097\nprogress 4097 of 4097\n"
                         "done a ok\nappended 1 0 \n");
}

static void test_literal_minus_does_not_wait_for_small_ones(void)
{
    transcript_run(NULL, play_minus);
}

static void play_binary(struct transcript *t)
{
    struct perch_append_message m = {.binary = true, .source = {.size = 3, .data = "a\0b"}};

    transcript_login(t, "IMAP4rev1 BINARY LITERAL+");
    start(t, &m, 1);
    transcript_play(t, "C: <1> APPEND \"x\" ~{3+}\nC: a\\0b\nS: <1> OK\n");
    transcript_expect(t, "progress 3 of 3\ndone a ok\nappended 1 0 \n");
}

static void test_bytes_with_nul_go_as_literal8(void)
{
    transcript_run(NULL, play_binary);
}

static void play_utf8(struct transcript *t)
{
    static const char *const caps[] = {"UTF8=ACCEPT"};
    struct perch_append_message m = text("hello");
    struct perch_append_part parts[] = {{.url = PERCH_SPAN("/x;UID=1")},
                                        {.text = {.size = 2, .data = "hi"}}};
    struct perch_append_message c = {.flags = PERCH_FLAG_DRAFT, .parts = parts, .nparts = 2};

    transcript_login(t, "IMAP4rev1 ENABLE UTF8=ACCEPT LITERAL+ CATENATE");
    transcript_started(
        t, perch_enable_start(t->s, caps, 1, transcript_done, transcript_token(t, "e"), NULL));
    transcript_play(t, "C: <1> ENABLE UTF8=ACCEPT\nS: * ENABLED UTF8=ACCEPT\nS: <1> OK\n");
    start(t, &m, 1);
    transcript_play(t, "C: <2> APPEND \"x\" UTF8 (~{5+}\nC: hello)\nS: <2> OK\n");
    start(t, &c, 1);
    transcript_play(t, "C: <3> APPEND \"x\" (\\\\Draft) CATENATE (URL \"/x;UID=1\" UTF8 (~{2+}\n"
                       "C: hi))\nS: <3> OK\n");
}

static void test_utf8_accept_has_a_form_of_its_own(void)
{
    transcript_run(NULL, play_utf8);
}

/* RFC 4469, the example of section 3. */
static void play_catenate(struct transcript *t)
{
    struct perch_append_part parts[] = {
        {.text = {.size = 2, .data = "\r\n"}},
        {.url = PERCH_SPAN("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER")},
        {.text = {.size = 0}},
        {.text = {.size = 4, .data = "--\r\n"}},
    };
    struct perch_append_message m = {.flags = PERCH_FLAG_SEEN, .parts = parts, .nparts = 4};

    transcript_login(t, "IMAP4rev1 CATENATE");
    start(t, &m, 1);
    transcript_play(t,
                    "C: <1> APPEND \"x\" (\\\\Seen) CATENATE (TEXT {2}\n"
                    "S: + go\n"
                    "C: \n"
                    "C:  URL \"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER\" TEXT {0}\n"
                    "S: + go\n"
                    "C:  TEXT {4}\n"
                    "S: + go\n"
                    "C: --\n"
                    "C: )\n"
                    "S: <1> NO [BADURL \"/Drafts;UID=20\"] no such part\n");
    transcript_expect(t, "progress 2 of 6\nprogress 6 of 6\ndone a PERCH_ENO\nappended 0 0 \n");
}

static void test_a_message_is_put_together_by_the_server(void)
{
    transcript_run(NULL, play_catenate);
}

/* ---- several ---- */

static void play_multi(struct transcript *t)
{
    struct perch_append_message m[] = {text("one"), text("four"), text("x")};

    m[1].flags = PERCH_FLAG_FLAGGED;
    transcript_login(t, "IMAP4rev1 MULTIAPPEND UIDPLUS");
    start(t, m, 3);
    transcript_play(t, "C: <1> APPEND \"x\" {3}\nS: + go\n"
                       "C: one (\\\\Flagged) {4}\nS: + go\n"
                       "C: four {1}\nS: + go\n"
                       "C: x\nS: <1> OK [APPENDUID 7 5:7] done\n");
    start(t, m, 0);
    transcript_play(t, "");
    transcript_expect(t, "progress 3 of 8\nprogress 7 of 8\nprogress 8 of 8\n"
                         "done a ok\nappended 3 7 5:7\n"
                         "done a ok\nappended 0 0 \n");
}

static void test_several_messages_are_one_command(void)
{
    transcript_run(NULL, play_multi);
}

static void play_one_by_one(struct transcript *t)
{
    struct perch_append_message m[] = {text("one"), text("four"), text("x")};

    transcript_login(t, "IMAP4rev1 UIDPLUS LITERAL+");
    start(t, m, 3);
    transcript_play(t, "C: <1> APPEND \"x\" {3+}\nC: one\nS: <1> OK [APPENDUID 7 5] done\n"
                       "C: <2> APPEND \"x\" {4+}\nC: four\nS: <2> OK [APPENDUID 7 6] done\n"
                       "C: <3> APPEND \"x\" {1+}\nC: x\nS: <3> NO [OVERQUOTA] full\n");
    transcript_expect(t, "progress 3 of 8\nprogress 7 of 8\nprogress 8 of 8\n"
                         "done a PERCH_ENO\nappended 2 7 5:6 emulated\n");
}

static void test_or_one_after_the_other_up_to_the_first_refusal(void)
{
    transcript_run(NULL, play_one_by_one);
}

/* ---- refused before anything leaves ---- */

static void play_refused(struct transcript *t)
{
    struct perch_append_part part = {.text = {.size = 60, .data = "never read"}};
    struct perch_append_part parts[] = {part, part};
    const struct {
        struct perch_append_message m;
        int want;
    } cases[] = {
        {{.source = {.size = 0, .data = ""}}, PERCH_EINVAL},
        {{.source = {.size = 1}}, PERCH_EINVAL},
        {{.source = {.size = UINT64_MAX, .read = give}}, PERCH_EINVAL},
        {{.source = {.size = 101, .read = give}}, PERCH_ELIMIT},
        {{.parts = parts, .nparts = 2}, PERCH_ELIMIT},
        {{.binary = true, .source = {.size = 1, .data = "a"}}, PERCH_ECAPABILITY},
        {{.flags = PERCH_FLAG_RECENT, .source = {.size = 1, .data = "a"}}, PERCH_EINVAL},
    };

    transcript_login(t, "IMAP4rev1 APPENDLIMIT=100 CATENATE");
    for (size_t i = 0; i < PERCH_COUNT(cases); i++)
        transcript_refused(t, try_start(t, &cases[i].m, 1, NULL), cases[i].want);
    transcript_refused(t, try_start(t, NULL, 1, NULL), PERCH_EINVAL);
    transcript_play(t, "");
}

static void test_what_the_server_cannot_take_is_not_sent(void)
{
    transcript_run(NULL, play_refused);
}

static void play_limit(struct transcript *t)
{
    struct giver g = {.step = 100};
    struct perch_append_message m = {.source = {.size = 101, .read = give, .user = &g}};

    transcript_login(t, "IMAP4rev1 APPENDLIMIT=100");
    transcript_refused(t, try_start(t, &m, 1, NULL), PERCH_ELIMIT);
    ASSERT_STR(perch_session_error(t->s)->reason, "appendlimit");
    ASSERT_INT(perch_session_error(t->s)->remedy, PERCH_ASK_USER);
    ASSERT_INT(g.at, 0);
    m.source.size = 100;
    start(t, &m, 1);
    transcript_play(t, "C: <1> APPEND \"x\" {100}\nS: <1> NO [TOOBIG] all the same\n");
    transcript_expect(t, "done a PERCH_ENO\nappended 0 0 \n");
}

static void test_the_limit_itself_is_allowed(void)
{
    transcript_run(NULL, play_limit);
}

static void play_no_catenate(struct transcript *t)
{
    struct perch_append_part part = {.url = PERCH_SPAN("/x;UID=1")};
    struct perch_append_message m = {.parts = &part, .nparts = 1};

    transcript_login(t, "IMAP4rev1");
    transcript_refused(t, try_start(t, &m, 1, NULL), PERCH_ECAPABILITY);
    transcript_play(t, "");
}

static void test_catenate_needs_its_capability(void)
{
    transcript_run(NULL, play_no_catenate);
}

/* ---- ends ---- */

/* Refused before its bytes: nothing is owed, the connection lives. */
static void play_refused_literal(struct transcript *t)
{
    struct giver g = {.step = 100};

    transcript_login(t, "IMAP4rev1");
    start_giver(t, &g, 1000);
    transcript_started(t, perch_noop_start(t->s, transcript_done, transcript_token(t, "n"), NULL));
    transcript_play(t, "C: <1> APPEND \"x\" {1000}\nS: <1> NO [TRYCREATE] no such mailbox\n"
                       "C: <2> NOOP\nS: <2> OK\n");
    ASSERT_INT(g.at, 0);
    transcript_expect(t, "done a PERCH_ENO\nappended 0 0 \ndone n ok\n");
}

static void test_a_refused_literal_costs_only_itself(void)
{
    transcript_run(NULL, play_refused_literal);
}

/* Takes `n` bytes of output whatever the cut, and looks at nothing. */
static void take(struct transcript *t, size_t n)
{
    while (n > 0) {
        struct perch_span out = perch_session_output(t->s);
        size_t some = out.n < n ? out.n : n;

        CU_ASSERT_FATAL(some > 0);
        perch_session_sent(t->s, some);
        n -= some;
    }
}

#define LARGE (200u << 10) /* more than the output takes at once */

static perch_op *to_the_middle(struct transcript *t, struct giver *g, const char *caps)
{
    perch_op *op;

    transcript_login(t, caps);
    t->hold = true;
    g->step = 5000;
    op = start_giver(t, g, LARGE);
    transcript_started(t, perch_noop_start(t->s, transcript_done, transcript_token(t, "n"), NULL));
    return op;
}

static void expect_end(struct transcript *t, const char *want)
{
    const char *end = strstr(perch_buf_cstr(&t->log), "done ");
    const char *state = strstr(perch_buf_cstr(&t->log), "state closed");

    end = state && (!end || state < end) ? state : end;
    ASSERT_STR(end ? end : "", want);
    perch_buf_clear(&t->log);
}

static void play_refused_midway(struct transcript *t)
{
    struct giver g = {0};
    char tag[32] = "";
    struct perch_span out;

    (void)to_the_middle(t, &g, "IMAP4rev1 LITERAL+");
    out = perch_session_output(t->s);
    for (size_t i = 0; i < sizeof tag - 1 && out.p[i] != ' '; i++)
        tag[i] = out.p[i];
    take(t, 1000);
    perch_buf_addf(&t->in, "%s OK too early\r\n", tag);
    transcript_play(t, "");
    ASSERT_INT(perch_session_state(t->s), PERCH_STATE_AUTHENTICATED);
    perch_buf_addf(&t->in, "%s NO [OVERQUOTA] full\r\n", tag);
    transcript_play(t, "");
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "event MALFORMED: a tagged answer") != NULL);
    expect_end(t, "state closed\ndone a PERCH_ENO\nappended 0 0 \ndone n PERCH_ECLOSED literal\n");
}

static void test_refused_in_its_middle_the_connection_ends(void)
{
    transcript_run(NULL, play_refused_midway);
}

static void play_cancel(struct transcript *t)
{
    struct giver g = {0};
    perch_op *op = to_the_middle(t, &g, "IMAP4rev1 LITERAL+");

    perch_op_cancel(op); /* queued */
    transcript_drain(t);
    transcript_play(t, "C: <1> NOOP\nS: <1> OK\n");
    ASSERT_INT(g.at, 0);
    transcript_expect(t, "done a PERCH_ECANCELLED\nappended 0 0 \ndone n ok\n");

    g.at = 0;
    op = start_giver(t, &g, 10);
    t->hold = false;
    transcript_play(t, "C: <2> APPEND \"x\" {10+}\nC: abcdefghij\n");
    perch_op_cancel(op); /* sent, whole: the answer is swallowed */
    transcript_play(t, "S: <2> OK\n");
    ASSERT_INT(perch_session_state(t->s), PERCH_STATE_AUTHENTICATED);
    transcript_expect(t, "progress 10 of 10\ndone a PERCH_ECANCELLED\nappended 0 0 \n");

    t->hold = true;
    g.at = 0;
    op = start_giver(t, &g, LARGE);
    take(t, 1000);
    perch_op_cancel(op); /* in the middle */
    ASSERT_INT(perch_session_state(t->s), PERCH_STATE_CLOSED);
    expect_end(t, "done a PERCH_ECANCELLED\nappended 0 0 \nstate closed\n");
}

static void test_cancelled_in_its_middle_the_connection_ends(void)
{
    transcript_run(NULL, play_cancel);
}

static void play_cancel_waiting(struct transcript *t)
{
    struct giver g = {.step = 1};
    perch_op *op;

    transcript_login(t, "IMAP4rev1");
    op = start_giver(t, &g, 10);
    transcript_play(t, "C: <1> APPEND \"x\" {10}\n");
    perch_op_cancel(op);
    ASSERT_INT(g.at, 0);
    transcript_expect(t, "done a PERCH_ECANCELLED\nappended 0 0 \nstate closed\n");
}

static void test_cancelled_before_the_server_agreed_the_connection_ends(void)
{
    transcript_run(NULL, play_cancel_waiting);
}

static void play_failing_source(struct transcript *t)
{
    struct giver g = {.fail_at = 100000};
    struct perch_error e;
    perch_op *op = perch_op_ref(to_the_middle(t, &g, "IMAP4rev1 LITERAL+"));

    for (struct perch_span out; (out = perch_session_output(t->s)).n;)
        perch_session_sent(t->s, out.n < 1000 ? out.n : 1000);
    e = *perch_op_error(op);
    ASSERT_INT(e.radius, PERCH_HITS_CONNECTION);
    perch_op_unref(op);
    expect_end(t, "state closed\ndone a PERCH_ECANCELLED source\nappended 0 0 \n"
                  "done n PERCH_ECLOSED source\n");
}

static void test_a_source_that_fails_ends_op_and_connection(void)
{
    transcript_run(NULL, play_failing_source);
}

static void play_timeout(struct transcript *t)
{
    struct giver g = {0};

    (void)to_the_middle(t, &g, "IMAP4rev1 LITERAL+");
    for (int i = 0; i < 3; i++) { /* 12 minutes in all, but never 5 without progress */
        take(t, 50000);
        (void)perch_session_output(t->s);
        t->now += 4 * 60 * 1000;
        perch_session_tick(t->s, t->now);
        ASSERT_INT(perch_session_state(t->s), PERCH_STATE_AUTHENTICATED);
    }
    t->now += 5 * 60 * 1000;
    perch_session_tick(t->s, t->now);
    expect_end(t, "state closed\ndone a PERCH_ETIMEOUT\nappended 0 0 \ndone n PERCH_ETIMEOUT\n");
}

static void test_time_runs_out_only_while_nothing_is_taken(void)
{
    transcript_run(NULL, play_timeout);
}

static void play_bye(struct transcript *t)
{
    struct giver g = {0};

    (void)to_the_middle(t, &g, "IMAP4rev1 LITERAL+");
    take(t, 1000);
    transcript_play(t, "S: * BYE enough\n");
    expect_end(t, "state closed\ndone a PERCH_ECLOSED bye\nappended 0 0 \n"
                  "done n PERCH_ECLOSED bye\n");
}

static void test_a_bye_in_its_middle_ends_it(void)
{
    transcript_run(NULL, play_bye);
}

/* ---- calls inside the source ---- */

static void act_free(struct giver *g)
{
    perch_session_free(g->t->s);
}

static void act_cancel(struct giver *g)
{
    perch_op_cancel(g->op);
}

static void act_output(struct giver *g)
{
    struct perch_span out = perch_session_output(g->t->s);

    perch_session_sent(g->t->s, out.n);
    ASSERT_INT(perch_session_feed(g->t->s, (const uint8_t *)"* OK hi\r\n", 9), 0);
    g->act = NULL;
}

static void play_freed(struct transcript *t)
{
    struct giver g = {0};

    (void)to_the_middle(t, &g, "IMAP4rev1 LITERAL+");
    g.act = act_free;
    ASSERT_INT(perch_session_output(t->s).n, 0);
    t->s = NULL;
    expect_end(t, "done a PERCH_ECANCELLED\nappended 0 0 \ndone n PERCH_ECANCELLED\n");
}

static void test_the_source_may_free_the_session(void)
{
    transcript_run(NULL, play_freed);
}

static void play_cancelled_inside(struct transcript *t)
{
    struct giver g = {0};

    g.op = to_the_middle(t, &g, "IMAP4rev1 LITERAL+");
    g.act = act_cancel;
    (void)perch_session_output(t->s);
    expect_end(t, "done a PERCH_ECANCELLED\nappended 0 0 \nstate closed\n"
                  "done n PERCH_ECLOSED cancelled\n");
}

static void test_the_source_may_cancel_its_op(void)
{
    transcript_run(NULL, play_cancelled_inside);
}

static void play_called_inside(struct transcript *t)
{
    struct giver g = {.step = 5, .act = act_output};

    transcript_login(t, "IMAP4rev1 LITERAL+");
    t->hold = true;
    start_giver(t, &g, 10);
    (void)perch_session_output(t->s);
    transcript_drain(t);
    CU_ASSERT(perch_span_eq(perch_buf_span(&t->sent), PERCH_SPAN("abcdefghij\r\n")));
    perch_buf_clear(&t->sent);
}

static void test_the_source_may_take_output_itself(void)
{
    transcript_run(NULL, play_called_inside);
}

PERCH_SUITE("session/change_append") = {
    PERCH_TEST(test_a_literal_waits_for_the_server),
    PERCH_TEST(test_literal_plus_does_not_wait),
    PERCH_TEST(test_literal_minus_does_not_wait_for_small_ones),
    PERCH_TEST(test_bytes_with_nul_go_as_literal8),
    PERCH_TEST(test_utf8_accept_has_a_form_of_its_own),
    PERCH_TEST(test_a_message_is_put_together_by_the_server),
    PERCH_TEST(test_several_messages_are_one_command),
    PERCH_TEST(test_or_one_after_the_other_up_to_the_first_refusal),
    PERCH_TEST(test_what_the_server_cannot_take_is_not_sent),
    PERCH_TEST(test_the_limit_itself_is_allowed),
    PERCH_TEST(test_catenate_needs_its_capability),
    PERCH_TEST(test_a_refused_literal_costs_only_itself),
    PERCH_TEST(test_refused_in_its_middle_the_connection_ends),
    PERCH_TEST(test_cancelled_in_its_middle_the_connection_ends),
    PERCH_TEST(test_cancelled_before_the_server_agreed_the_connection_ends),
    PERCH_TEST(test_a_source_that_fails_ends_op_and_connection),
    PERCH_TEST(test_time_runs_out_only_while_nothing_is_taken),
    PERCH_TEST(test_a_bye_in_its_middle_ends_it),
    PERCH_TEST(test_the_source_may_free_the_session),
    PERCH_TEST(test_the_source_may_cancel_its_op),
    PERCH_TEST(test_the_source_may_take_output_itself),
    PERCH_END,
};
