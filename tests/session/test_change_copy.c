/* COPY and MOVE, and MOVE where the server has none. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "perch/change.h"

static void begin(struct transcript *t, const char *caps)
{
    transcript_login(t, caps);
    transcript_select(t, 20);
}

/* What the result says: "uidvalidity source dest", and its marks. */
static void show(struct transcript_token *token, perch_op *op)
{
    const struct perch_copy_result *r = perch_op_copied(op);
    char source[64], dest[64];

    (void)perch_set_format(&r->source, source, sizeof source);
    (void)perch_set_format(&r->dest, dest, sizeof dest);
    transcript_note(token->t, "copied %u %s %s%s%s%s", r->uidvalidity, source, dest,
                    r->paired ? " paired" : "", r->emulated ? " emulated" : "",
                    r->left ? " left" : "");
}

typedef int starter(perch_session *s, const struct perch_copy_args *args, perch_done_fn *done,
                    void *user, perch_op **ret_op);

static perch_op *start(struct transcript *t, starter *how, const char *set_text, bool seq,
                       const char *mailbox)
{
    struct perch_copy_args args = PERCH_COPY_ARGS_INIT;
    struct perch_set set = PERCH_SET_INIT;
    struct transcript_token *token = transcript_token(t, "a");
    perch_op *op = NULL;

    token->on_done = show;
    if (*set_text)
        CU_ASSERT(!perch_set_parse(&set, perch_span_of(set_text), 0));
    args.set = &set;
    args.seq = seq;
    args.mailbox = perch_span_of(mailbox);
    transcript_started(t, how(t->s, &args, transcript_done, token, &op));
    perch_set_done(&set);
    return op;
}

/* ---- COPY ---- */

static void play_copy(struct transcript *t)
{
    begin(t, "IMAP4rev1 UIDPLUS");
    start(t, perch_copy_start, "304,319:320", false, "gr\xc3\xbcn");
    transcript_play(t, "C: <1> UID COPY 304,319:320 \"gr&APw-n\"\n"
                       "S: <1> OK [COPYUID 38505 304,319:320 3956:3958] Done\n");
    start(t, perch_copy_start, "2:4", true, "inbox");
    transcript_play(t, "C: <2> COPY 2:4 \"INBOX\"\n"
                       "S: <2> OK Done\n");
    start(t, perch_copy_start, "", false, "x");
    transcript_play(t, "");
    start(t, perch_copy_start, "1", false, "meeting");
    transcript_play(t, "C: <3> UID COPY 1 \"meeting\"\n"
                       "S: <3> NO [TRYCREATE] no such mailbox\n");
    transcript_expect(t, "done a ok\ncopied 38505 304,319:320 3956:3958 paired\n"
                         "done a ok\ncopied 0  \n"
                         "done a ok\ncopied 0  \n"
                         "done a PERCH_ENO\ncopied 0  \n");
}

static void test_copy_tells_the_uids_of_the_copies(void)
{
    transcript_run(NULL, play_copy);
}

static void play_odd_copyuid(struct transcript *t)
{
    static const struct {
        const char *answer, *want;
    } cases[] = {
        {"<n> OK [COPYUID 1 5:6 10] unequal", "copied 0  "},
        {"<n> OK [COPYUID 1 5:7 10:12] more than asked for", "copied 0  "},
        {"<n> OK [COPYUID 1 1:4294967295 1:4294967295] everything", "copied 0  "},
        {"<n> OK [COPYUID 1 5 99999999999999999999] overflow", "copied 0  "},
        {"<n> OK [COPYUID 1  ] Exchange", "copied 0  "},
        {"<n> OK [APPENDUID 1 7] unasked", "copied 0  "},
        {"* [COPYUID 9 5 10]\nS: <n> OK no OK in front", "copied 9 5 10 paired"},
        {"* OK [COPYUID 9 5 10] x\nS: <n> OK [COPYUID 9 5 10] twice", "copied 9 5 10 paired"},
    };

    begin(t, "IMAP4rev1 UIDPLUS");
    for (size_t i = 0; i < PERCH_COUNT(cases); i++) {
        char script[256], want[256];

        start(t, perch_copy_start, "5:6", false, "x");
        (void)snprintf(script, sizeof script, "C: <n%zu> UID COPY 5:6 \"x\"\nS: %s\n", i,
                       cases[i].answer);
        for (char *p = script; (p = strstr(p, "<n>"));) {
            memmove(p + 4, p + 3, strlen(p + 3) + 1);
            p[2] = (char)('0' + i);
            p[3] = '>';
        }
        perch_buf_clear(&t->log);
        transcript_play(t, script);
        (void)snprintf(want, sizeof want, "done a ok\n%s\n", cases[i].want);
        if (!strstr(perch_buf_cstr(&t->log), want))
            FAIL_ROW("%s: %s", cases[i].answer, perch_buf_cstr(&t->log));
    }
}

static void test_a_copyuid_that_cannot_be_true_is_ignored(void)
{
    transcript_run(NULL, play_odd_copyuid);
}

/* ---- MOVE ---- */

static void play_move(struct transcript *t)
{
    begin(t, "IMAP4rev1 UIDPLUS MOVE");
    start(t, perch_move_start, "42:69", false, "foo");
    transcript_play(t, "C: <1> UID MOVE 42:69 \"foo\"\n"
                       "S: * OK [COPYUID 432432 42:69 1202:1229]\n"
                       "S: * 20 EXPUNGE\n"
                       "S: * 19 EXPUNGE\n"
                       "S: <1> OK Done\n");
    transcript_expect(t, "event OK op UID MOVE\n"
                         "event EXPUNGE 20 op UID MOVE\n"
                         "event EXPUNGE 19 op UID MOVE\n"
                         "done a ok\ncopied 432432 42:69 1202:1229 paired\n");
    ASSERT_INT(perch_session_mailbox(t->s)->exists, 18);
}

static void test_move_tells_the_uids_before_messages_go(void)
{
    transcript_run(NULL, play_move);
}

/* UID 7 arrives after it was asked which there are: it is neither copied nor removed. */
static void play_emulated(struct transcript *t)
{
    begin(t, "IMAP4rev1 UIDPLUS");
    start(t, perch_move_start, "5:9", false, "x");
    transcript_play(t, "C: <1> UID FETCH 5:9 (UID)\n"
                       "S: * 1 FETCH (UID 5)\n"
                       "S: * 2 FETCH (UID 6)\n"
                       "S: * 3 FETCH (UID 12)\n"
                       "S: <1> OK\n"
                       "C: <2> UID COPY 5:6 \"x\"\n"
                       "S: * 21 EXISTS\n"
                       "S: <2> OK [COPYUID 3 5:6 31:32] copied\n"
                       "C: <3> UID STORE 5:6 +FLAGS.SILENT (\\\\Deleted)\n"
                       "S: <3> OK\n"
                       "C: <4> UID EXPUNGE 5:6\n"
                       "S: * 1 EXPUNGE\n"
                       "S: * 1 EXPUNGE\n"
                       "S: <4> OK\n");
    transcript_expect(t, "event FETCH 1 op UID MOVE\n"
                         "event FETCH 2 op UID MOVE\n"
                         "event FETCH 3\n"
                         "event EXISTS 21 was 20\n"
                         "event EXPUNGE 1 op UID MOVE\n"
                         "event EXPUNGE 1 op UID MOVE\n"
                         "done a ok\ncopied 3 5:6 31:32 paired emulated\n");
}

static void test_move_is_made_of_copy_store_and_uid_expunge(void)
{
    transcript_run(NULL, play_emulated);
}

/* Numbers move as messages go: only UIDs are used once they are known. */
static void play_emulated_seq(struct transcript *t)
{
    begin(t, "IMAP4rev1 UIDPLUS");
    start(t, perch_move_start, "2:3", true, "x");
    transcript_play(t, "C: <1> FETCH 2:3 (UID)\n"
                       "S: * 2 FETCH (UID 50)\n"
                       "S: * 3 FETCH (UID 52)\n"
                       "S: <1> OK\n"
                       "C: <2> UID COPY 50,52 \"x\"\n"
                       "S: * 1 EXPUNGE\n"
                       "S: <2> OK\n"
                       "C: <3> UID STORE 50,52 +FLAGS.SILENT (\\\\Deleted)\n"
                       "S: <3> OK\n"
                       "C: <4> UID EXPUNGE 50,52\n"
                       "S: <4> OK\n");
    transcript_expect(t, "event FETCH 2 op MOVE\n"
                         "event FETCH 3 op MOVE\n"
                         "event EXPUNGE 1\n"
                         "done a ok\ncopied 0   emulated\n");
}

static void test_an_emulated_move_by_numbers_goes_by_uids(void)
{
    transcript_run(NULL, play_emulated_seq);
}

static void play_nothing_found(struct transcript *t)
{
    begin(t, "IMAP4rev1 UIDPLUS");
    start(t, perch_move_start, "5:9", false, "x");
    transcript_play(t, "C: <1> UID FETCH 5:9 (UID)\nS: <1> OK\n");
    transcript_expect(t, "done a ok\ncopied 0   emulated\n");
}

static void test_nothing_is_moved_where_nothing_is(void)
{
    transcript_run(NULL, play_nothing_found);
}

static void play_copy_refused(struct transcript *t)
{
    begin(t, "IMAP4rev1 UIDPLUS");
    start(t, perch_move_start, "5", false, "x");
    transcript_play(t, "C: <1> UID FETCH 5 (UID)\nS: * 1 FETCH (UID 5)\nS: <1> OK\n"
                       "C: <2> UID COPY 5 \"x\"\nS: <2> NO [OVERQUOTA] full\n");
    transcript_expect(t, "event FETCH 1 op UID MOVE\n"
                         "done a PERCH_ENO\ncopied 0   emulated\n");
}

static void test_what_was_not_copied_is_not_removed(void)
{
    transcript_run(NULL, play_copy_refused);
}

/* To the point where it is marked, without UIDPLUS. */
static void to_look(struct transcript *t)
{
    begin(t, "IMAP4rev1");
    start(t, perch_move_start, "5:6", false, "x");
    transcript_play(t, "C: <1> UID FETCH 5:6 (UID)\n"
                       "S: * 1 FETCH (UID 5)\n"
                       "S: * 2 FETCH (UID 6)\n"
                       "S: <1> OK\n"
                       "C: <2> UID COPY 5:6 \"x\"\n"
                       "S: <2> OK\n"
                       "C: <3> UID STORE 5:6 +FLAGS.SILENT (\\\\Deleted)\n"
                       "S: <3> OK\n"
                       "C: <4> UID SEARCH DELETED\n");
    perch_buf_clear(&t->log);
}

static void play_alone(struct transcript *t)
{
    to_look(t);
    transcript_play(t, "S: * SEARCH 5 6\nS: <4> OK\n"
                       "C: <5> EXPUNGE\nS: * 1 EXPUNGE\nS: * 1 EXPUNGE\nS: <5> OK\n");
    transcript_expect(t, "event SEARCH op UID MOVE\n"
                         "event EXPUNGE 1 op UID MOVE\nevent EXPUNGE 1 op UID MOVE\n"
                         "done a ok\ncopied 0   emulated\n");
}

static void test_without_uidplus_expunge_is_sent_if_nothing_else_is_marked(void)
{
    transcript_run(NULL, play_alone);
}

static void play_others(struct transcript *t)
{
    to_look(t);
    transcript_play(t, "S: * SEARCH 5 6 9\nS: <4> OK\n");
    transcript_expect(t, "event SEARCH op UID MOVE\ndone a ok\ncopied 0   emulated left\n");
}

static void test_messages_that_others_marked_are_never_expunged(void)
{
    transcript_run(NULL, play_others);
}

static void play_silent_search(struct transcript *t)
{
    to_look(t);
    transcript_play(t, "S: <4> OK\n");
    transcript_expect(t, "done a ok\ncopied 0   emulated left\n");
}

static void test_without_an_answer_nothing_is_expunged(void)
{
    transcript_run(NULL, play_silent_search);
}

static void play_nothing_between(struct transcript *t)
{
    struct perch_store_args store = PERCH_STORE_ARGS_INIT;
    struct perch_range range = {9, 9};
    struct perch_set set = {.r = &range, .n = 1};

    to_look(t);
    store.set = &set;
    store.mode = PERCH_STORE_ADD;
    store.flags = PERCH_FLAG_DELETED;
    transcript_started(
        t, perch_store_start(t->s, &store, transcript_done, transcript_token(t, "s"), NULL));
    transcript_play(t, "S: * SEARCH 5 6\nS: <4> OK\n"
                       "C: <5> EXPUNGE\nS: <5> OK\n"
                       "C: <6> UID STORE 9 +FLAGS (\\\\Deleted)\nS: <6> OK\n");
    transcript_expect(t, "event SEARCH op UID MOVE\ndone a ok\ncopied 0   emulated\ndone s ok\n");
}

static void test_nothing_of_ours_is_marked_between_looking_and_expunging(void)
{
    transcript_run(NULL, play_nothing_between);
}

/* A copy in the other mailbox that nobody could take away here. */
static void play_readonly(struct transcript *t)
{
    struct perch_select_args examine = PERCH_SELECT_ARGS_INIT;
    struct perch_copy_args args = PERCH_COPY_ARGS_INIT;
    struct perch_range range = {5, 5};
    struct perch_set set = {.r = &range, .n = 1};

    transcript_login(t, "IMAP4rev1 UIDPLUS");
    examine.mailbox = PERCH_SPAN("x");
    examine.examine = true;
    transcript_started(
        t, perch_select_start(t->s, &examine, transcript_done, transcript_token(t, "e"), NULL));
    transcript_play(t, "C: <1> EXAMINE \"x\"\nS: * 9 EXISTS\nS: <1> OK [READ-ONLY] ok\n");
    args.set = &set;
    args.mailbox = PERCH_SPAN("y");
    transcript_refused(
        t, perch_move_start(t->s, &args, transcript_done, transcript_token(t, "m"), NULL),
        PERCH_EREADONLY);
    examine.examine = false;
    transcript_started(
        t, perch_select_start(t->s, &examine, transcript_done, transcript_token(t, "s"), NULL));
    start(t, perch_move_start, "5", false, "y"); /* by then it may be another */
    transcript_play(t, "C: <2> SELECT \"x\"\nS: * 9 EXISTS\nS: <2> OK [READ-WRITE] ok\n"
                       "C: <3> UID FETCH 5 (UID)\nS: <3> OK\n");
}

static void test_nothing_is_copied_out_of_a_read_only_mailbox_to_be_moved(void)
{
    transcript_run(NULL, play_readonly);
}

/* ---- ends ---- */

static void play_cancel(struct transcript *t)
{
    perch_op *op;

    begin(t, "IMAP4rev1 UIDPLUS");
    op = start(t, perch_move_start, "5", false, "x");
    transcript_play(t, "C: <1> UID FETCH 5 (UID)\nS: * 1 FETCH (UID 5)\nS: <1> OK\n"
                       "C: <2> UID COPY 5 \"x\"\n");
    perch_op_cancel(op);
    transcript_play(t, "S: <2> OK [COPYUID 1 5 9] too late\n");
    t->hold = true;
    op = start(t, perch_copy_start, "5", false, "x");
    perch_op_cancel(op);
    transcript_drain(t);
    transcript_play(t, "");
    transcript_expect(t, "event FETCH 1 op UID MOVE\n"
                         "done a PERCH_ECANCELLED\ncopied 0   emulated\n"
                         "done a PERCH_ECANCELLED\ncopied 0  \n");
    ASSERT_INT(perch_session_state(t->s), PERCH_STATE_SELECTED);
}

static void test_a_cancelled_move_goes_no_further(void)
{
    transcript_run(NULL, play_cancel);
}

static void play_lost(struct transcript *t)
{
    begin(t, "IMAP4rev1 UIDPLUS");
    start(t, perch_move_start, "5", false, "x");
    transcript_play(t, "C: <1> UID FETCH 5 (UID)\nS: * 1 FETCH (UID 5)\nS: <1> OK\n"
                       "C: <2> UID COPY 5 \"x\"\nS: <2> OK [COPYUID 1 5 9] ok\n"
                       "C: <3> UID STORE 5 +FLAGS.SILENT (\\\\Deleted)\n");
    transcript_tick(t, 5 * 60 * 1000);
    transcript_expect(t, "event FETCH 1 op UID MOVE\n"
                         "state closed\n"
                         "done a PERCH_ETIMEOUT\ncopied 1 5 9 paired emulated left\n");
}

static void test_a_move_that_ends_midway_says_what_was_copied(void)
{
    transcript_run(NULL, play_lost);
}

static void free_session(struct transcript_token *token, perch_op *op)
{
    (void)op;
    perch_session_free(token->t->s);
}

static void play_free(struct transcript *t)
{
    begin(t, "IMAP4rev1 MOVE");
    start(t, perch_move_start, "5", false, "x");
    start(t, perch_copy_start, "6", false, "x");
    t->tokens[t->ntokens - 2].on_done = free_session;
    t->tokens[t->ntokens - 1].on_done = NULL;
    transcript_play(t, "C: <1> UID MOVE 5 \"x\"\nC: <2> UID COPY 6 \"x\"\nS: <1> OK\n");
    CU_ASSERT_PTR_NULL(t->s);
    transcript_expect(t, "done a ok\ndone a PERCH_ECANCELLED\n");
}

static void test_the_session_may_be_freed_in_done(void)
{
    transcript_run(NULL, play_free);
}

/* 1,500 single UIDs of eight characters with their commas: two commands. */
static void start_large(struct transcript *t, bool seq)
{
    struct perch_copy_args args = PERCH_COPY_ARGS_INIT;
    struct perch_set set = PERCH_SET_INIT;

    for (uint32_t i = 0; i < 1500; i++)
        CU_ASSERT(!perch_set_add(&set, 1000001 + 2 * i, 1000001 + 2 * i));
    args.set = &set;
    args.seq = seq;
    args.mailbox = PERCH_SPAN("x");
    t->hold = true;
    transcript_started(
        t, perch_copy_start(t->s, &args, transcript_done, transcript_token(t, "a"), NULL));
    t->tokens[t->ntokens - 1].on_done = show;
    perch_set_done(&set);
    transcript_drain(t);
}

/* Takes the commands that were sent and answers them by `answers` in turn; how many. */
static size_t answer_all(struct transcript *t, const char *const *answers, size_t n)
{
    size_t commands = 0;

    while (t->sent.len) {
        struct perch_span all = perch_buf_span(&t->sent);
        struct perch_span line = perch_span_cut(&all, '\n');
        struct perch_span rest = line, tag = perch_span_cut(&rest, ' ');

        CU_ASSERT_FATAL(commands < n);
        perch_buf_addf(&t->in, "%.*s %s\r\n", (int)tag.n, tag.p, answers[commands++]);
        perch_buf_consume(&t->sent, line.n + 1);
    }
    transcript_play(t, "");
    return commands;
}

static void play_split(struct transcript *t)
{
    static const char *const in_order[] = {"OK [COPYUID 1 1000001 10]",
                                           "OK [COPYUID 1 1002001 11]"};
    static const char *const crossed[] = {"OK [COPYUID 1 1000001 10]", "OK [COPYUID 1 1002001 9]"};

    begin(t, "IMAP4rev1 UIDPLUS");
    start_large(t, false);
    ASSERT_INT(answer_all(t, in_order, 2), 2);
    start_large(t, false);
    ASSERT_INT(answer_all(t, crossed, 2), 2);
    start_large(t, true);
    ASSERT_INT(answer_all(t, in_order, 1), 1); /* numbers move between commands */
    transcript_expect(t, "done a ok\ncopied 1 1000001,1002001 10:11 paired\n"
                         "done a ok\ncopied 1 1000001,1002001 9:10\n"
                         "done a ok\ncopied 1 1000001 10 paired\n");
}

static void test_a_large_set_is_split_and_the_uids_put_together(void)
{
    transcript_run(NULL, play_split);
}

PERCH_SUITE("session/change_copy") = {
    PERCH_TEST(test_copy_tells_the_uids_of_the_copies),
    PERCH_TEST(test_a_copyuid_that_cannot_be_true_is_ignored),
    PERCH_TEST(test_move_tells_the_uids_before_messages_go),
    PERCH_TEST(test_move_is_made_of_copy_store_and_uid_expunge),
    PERCH_TEST(test_an_emulated_move_by_numbers_goes_by_uids),
    PERCH_TEST(test_nothing_is_moved_where_nothing_is),
    PERCH_TEST(test_what_was_not_copied_is_not_removed),
    PERCH_TEST(test_without_uidplus_expunge_is_sent_if_nothing_else_is_marked),
    PERCH_TEST(test_messages_that_others_marked_are_never_expunged),
    PERCH_TEST(test_without_an_answer_nothing_is_expunged),
    PERCH_TEST(test_nothing_of_ours_is_marked_between_looking_and_expunging),
    PERCH_TEST(test_nothing_is_copied_out_of_a_read_only_mailbox_to_be_moved),
    PERCH_TEST(test_a_cancelled_move_goes_no_further),
    PERCH_TEST(test_a_move_that_ends_midway_says_what_was_copied),
    PERCH_TEST(test_the_session_may_be_freed_in_done),
    PERCH_TEST(test_a_large_set_is_split_and_the_uids_put_together),
    PERCH_END,
};
