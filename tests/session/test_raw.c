/* Any command. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "perch/raw.h"

#define TEXT(what, value)                                                                          \
    {                                                                                              \
        .kind = PERCH_RAW_##what, .text = PERCH_SPAN(value)                                        \
    }
#define BARE(what)                                                                                 \
    {                                                                                              \
        .kind = PERCH_RAW_##what                                                                   \
    }

static int raw(struct transcript *t, const char *command, const struct perch_raw_arg *args,
               size_t n)
{
    return perch_raw_start(t->s, command, args, n, transcript_done, transcript_token(t, "raw"),
                           NULL);
}

static void note_rows(struct transcript_token *token, perch_op *op)
{
    const struct perch_resp *const *rows;
    size_t n = perch_op_raw(op, &rows);

    for (size_t i = 0; i < n; i++)
        transcript_note(token->t, "%s <%.*s>", perch_resp_type_name(rows[i]->type),
                        (int)rows[i]->raw.n, rows[i]->raw.p);
}

static void play_kinds(struct transcript *t)
{
    struct perch_range range = {3, 9};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_raw_arg args[] = {
        TEXT(ATOM, "SUB"),
        {.kind = PERCH_RAW_SET, .set = &set},
        BARE(OPEN),
        TEXT(FLAG, "\\Seen"),
        BARE(OPEN),
        BARE(CLOSE),
        TEXT(STRING, "a \"b\""),
        BARE(CLOSE),
        BARE(STRING),
        TEXT(MAILBOX, "gr\xc3\xbcn"),
        TEXT(MAILBOX_RAW, "gr&APw-n"),
        {.kind = PERCH_RAW_NUMBER, .number = UINT64_MAX},
        TEXT(TEXT, "BODY[1]<0.5> x"),
        TEXT(LITERAL, "a\r\nb"),
        TEXT(SECRET, "pass"),
    };

    transcript_login(t, "IMAP4rev1");
    t->hold = true;
    transcript_started(t, raw(t, "XCMD", args, PERCH_COUNT(args)));
    memset(args, 0, sizeof args); /* the op keeps copies */
    range = (struct perch_range){1, 1};
    t->hold = false;
    transcript_play(t, "C: <1> XCMD SUB 3:9 (\\\\Seen () \"a \\\\\"b\\\\\"\") NIL \"gr&APw-n\" "
                       "\"gr&APw-n\" 18446744073709551615 BODY[1]<0.5> x {4}\n"
                       "S: + go\n"
                       "C: a\\r\\nb \"pass\"\n"
                       "S: <1> OK\n");
    transcript_expect(t, "done raw ok\n");
}

static void test_arguments_of_every_kind(void)
{
    transcript_run(NULL, play_kinds);
}

static void play_answers(struct transcript *t)
{
    const struct perch_raw_arg search[] = {TEXT(ATOM, "SEARCH"), TEXT(TEXT, "NEW KEY")};

    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 3);
    transcript_started(t, raw(t, "UID", search, 2));
    t->tokens[t->ntokens - 1].on_done = note_rows;
    transcript_started(t,
                       perch_noop_start(t->s, transcript_done, transcript_token(t, "noop"), NULL));
    transcript_play(t, "C: <1> UID SEARCH NEW KEY\n"
                       "S: * SEARCH 4 2\n"
                       "S: * 4 EXISTS\n"
                       "S: * XNEW (a {2}\n"
                       "S: \\r\\n)\n"
                       "S: * OK [X 1] well\n"
                       "S: <1> NO [XCODE y] not quite\n"
                       "C: <2> NOOP\n"
                       "S: * XNEW later\n"
                       "S: <2> OK\n");
    transcript_expect(t, "event SEARCH op UID\n"
                         "event EXISTS 4 was 3 op UID\n"
                         "event OTHER op UID\n"
                         "event OK op UID\n"
                         "done raw PERCH_ENO\n"
                         "SEARCH <* SEARCH 4 2>\n"
                         "EXISTS <* 4 EXISTS>\n"
                         " <* XNEW (a {2}\r\n\r\n)>\n"
                         "OK <* OK [X 1] well>\n"
                         "event OTHER\n"
                         "done noop ok\n");
}

static void test_all_that_comes_is_collected(void)
{
    transcript_run(NULL, play_answers);
}

static void play_alone(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_started(t,
                       perch_noop_start(t->s, transcript_done, transcript_token(t, "noop"), NULL));
    transcript_started(t, raw(t, "XCMD", NULL, 0));
    transcript_play(t, "C: <1> NOOP\n"
                       "S: <1> OK\n"
                       "C: <2> XCMD\n"
                       "S: <2> BAD what\n");
    transcript_expect(t, "done noop ok\n"
                         "done raw PERCH_EBAD\n");
}

static void test_nothing_is_in_flight_beside_it(void)
{
    transcript_run(NULL, play_alone);
}

static void play_before_login(struct transcript *t)
{
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1] hi\n");
    transcript_started(t, raw(t, "XCMD", NULL, 0));
    t->tokens[t->ntokens - 1].on_done = note_rows;
    transcript_play(t, "C: <1> XCMD\n"
                       "S: * XCMD yes\n"
                       "S: <1> OK\n");
    CU_ASSERT_PTR_NOT_NULL(strstr(perch_buf_cstr(&t->log), "done raw ok\n <* XCMD yes>\n"));
}

static void test_it_may_be_sent_before_the_login(void)
{
    transcript_run(NULL, play_before_login);
}

static void play_refused(struct transcript *t)
{
    static const char *const commands[] = {"",       "A B",      "x\r\ny", "login",
                                           "SELECT", "idle",     "Close",  "LOGOUT",
                                           "ENABLE", "starttls", NULL};
    static const struct perch_raw_arg odd[] = {
        TEXT(ATOM, "a b"),     TEXT(ATOM, ""),          TEXT(FLAG, "\\\\x"), TEXT(STRING, "a\0b"),
        TEXT(TEXT, "a\r\nb"),  TEXT(TEXT, "a\nb"),      TEXT(TEXT, "a\0b"),  TEXT(TEXT, "x {5}"),
        TEXT(LITERAL8, "a\0"), TEXT(MAILBOX, "a\xff"),  BARE(SET),           BARE(OPEN),
        BARE(CLOSE),           TEXT(MAILBOX_RAW, "\0"), BARE(NONE),
    };
    static const struct perch_raw_arg crossed[] = {BARE(CLOSE), BARE(OPEN)};

    transcript_login(t, "IMAP4rev1");
    for (size_t i = 0; i < PERCH_COUNT(commands); i++)
        transcript_refused(t, raw(t, commands[i], NULL, 0), PERCH_EINVAL);
    for (size_t i = 0; i < PERCH_COUNT(odd); i++)
        transcript_refused(t, raw(t, "XCMD", &odd[i], 1), PERCH_EINVAL);
    transcript_refused(t, raw(t, "XCMD", crossed, 2), PERCH_EINVAL);
    transcript_play(t, "");
}

static void test_what_could_become_another_command_is_refused(void)
{
    transcript_run(NULL, play_refused);
}

static void see_trace(perch_session *s, bool outgoing, struct perch_span text, void *user)
{
    (void)s;
    if (outgoing)
        perch_buf_addspan(user, text);
}

static void test_a_secret_is_not_traced(void)
{
    const struct perch_raw_arg args[] = {TEXT(SECRET, "hunter2"), TEXT(STRING, "shown")};
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;
    const struct perch_session_hooks hooks = {.size = sizeof hooks, .on_trace = see_trace};
    static const char hello[] = "* OK [CAPABILITY IMAP4rev1] hi\r\n";
    struct perch_buf seen = PERCH_BUF_INIT;
    perch_session *s;

    options.secure = true;
    s = perch_session_new(&options, &hooks, &seen, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    (void)perch_session_feed(s, (const uint8_t *)hello, strlen(hello));
    ASSERT_INT(perch_raw_start(s, "XCMD", args, 2, NULL, NULL, NULL), 0);
    CU_ASSERT(perch_session_output(s).n > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(perch_buf_cstr(&seen), " XCMD <secret> \"shown\""));
    perch_session_free(s);
    perch_buf_done(&seen);
}

PERCH_SUITE("session/raw") = {
    PERCH_TEST(test_arguments_of_every_kind),
    PERCH_TEST(test_all_that_comes_is_collected),
    PERCH_TEST(test_nothing_is_in_flight_beside_it),
    PERCH_TEST(test_it_may_be_sent_before_the_login),
    PERCH_TEST(test_what_could_become_another_command_is_refused),
    PERCH_TEST(test_a_secret_is_not_traced),
    PERCH_END,
};
