/* FETCH. */
#include "support/perch_test.h"
#include "support/transcript.h"

#define CAPS "IMAP4rev1 ENABLE CONDSTORE QRESYNC"

static void begin(struct transcript *t)
{
    transcript_login(t, CAPS);
    transcript_select(t, 20);
}

static void on_fetch(perch_op *op, const struct perch_fetch *row, void *user)
{
    struct transcript_token *token = user;

    (void)op;
    transcript_note(token->t, "row %s uid %u", token->label, row->uid);
}

static perch_op *start(struct transcript *t, const char *label, struct perch_fetch_args args,
                       const char *set_text)
{
    struct perch_set set = PERCH_SET_INIT;
    perch_op *op = NULL;

    if (*set_text)
        CU_ASSERT(!perch_set_parse(&set, perch_span_of(set_text), 0));
    args.size = sizeof args;
    args.set = &set;
    transcript_started(
        t, perch_fetch_start(t->s, &args, transcript_done, transcript_token(t, label), &op));
    perch_set_done(&set);
    return op;
}

/* ---- rows ---- */

static void play_rows(struct transcript *t)
{
    static const char *const sections[] = {"BODY.PEEK[HEADER.FIELDS (References)]"};

    begin(t);
    start(t, "a",
          (struct perch_fetch_args){.items = PERCH_ITEM_UID | PERCH_ITEM_FLAGS | PERCH_ITEM_SIZE,
                                    .sections = sections,
                                    .nsections = 1,
                                    .on_fetch = on_fetch},
          "5:9");
    transcript_play(t, "C: <1> UID FETCH 5:9 (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS "
                       "(References)])\n"
                       "S: * 1 FETCH (UID 5 FLAGS () RFC822.SIZE 12 BODY[HEADER.FIELDS "
                       "(References)] {2}\n"
                       "S: \n"
                       "S-  \n"
                       "S: )\n"
                       "S: * 2 FETCH (FLAGS (\\\\Seen))\n"
                       "S: * 3 FETCH (UID 12 FLAGS ())\n"
                       "S: * 4 FETCH (UID 9 MODSEQ (4))\n"
                       "S: * 5 FETCH (UID 9 FLAGS ())\n"
                       "S: <1> OK done\n");
    transcript_expect(t, "row a uid 5\n"
                         "event FETCH 1 op UID FETCH\n"
                         "event FETCH 2\n"
                         "event FETCH 3\n"
                         "event FETCH 4\n"
                         "row a uid 9\n"
                         "event FETCH 5 op UID FETCH\n"
                         "done a ok\n");
}

static void test_only_rows_that_were_asked_for_are_the_ops(void)
{
    transcript_run(NULL, play_rows);
}

static void check_collected(struct transcript_token *token, perch_op *op)
{
    const struct perch_fetch *const *rows;

    (void)token;
    ASSERT_INT(perch_op_fetches(op, &rows), 2);
    ASSERT_INT(rows[0]->uid, 5);
    ASSERT_SPAN(rows[0]->envelope->subject, "first");
    ASSERT_INT(rows[1]->uid, 6);
    ASSERT_SPAN(rows[1]->envelope->subject, "second");
    ASSERT_SPAN(rows[1]->envelope->from.v[0].host, "example.org");
}

static void play_collect(struct transcript *t)
{
    begin(t);
    start(t, "a", (struct perch_fetch_args){.items = PERCH_ITEM_ENVELOPE}, "5:6");
    t->tokens[t->ntokens - 1].on_done = check_collected;
    transcript_play(
        t, "C: <1> UID FETCH 5:6 (ENVELOPE)\n"
           "S: * 1 FETCH (UID 5 ENVELOPE (NIL \"first\" NIL NIL NIL NIL NIL NIL NIL NIL))\n"
           "S: * 2 FETCH (UID 6 ENVELOPE (NIL {6}\n"
           "S- second\n"
           "S:  ((NIL NIL \"ann\" \"example.org\")) NIL NIL NIL NIL NIL NIL NIL))\n"
           "S: <1> OK done\n");
    transcript_expect(t, "event FETCH 1 op UID FETCH\n"
                         "event FETCH 2 op UID FETCH\n"
                         "done a ok\n");
}

static void test_rows_are_collected_where_nobody_takes_them(void)
{
    transcript_run(NULL, play_collect);
}

static void play_keep(struct transcript *t)
{
    const struct perch_fetch *const *rows;
    perch_op *op;

    begin(t);
    op = perch_op_ref(
        start(t, "a", (struct perch_fetch_args){.items = PERCH_ITEM_INTERNALDATE}, "5"));
    transcript_play(t, "C: <1> UID FETCH 5 (INTERNALDATE)\n"
                       "S: * 1 FETCH (UID 5 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")\n"
                       "S: <1> OK [EXPUNGEISSUED] done\n");
    perch_session_free(t->s);
    t->s = NULL;
    CU_ASSERT_PTR_NULL(perch_op_session(op));
    CU_ASSERT(perch_op_finished(op));
    ASSERT_INT(perch_op_fetches(op, &rows), 1);
    ASSERT_SPAN(rows[0]->internaldate, "17-Jul-1996 02:44:25 -0700");
    ASSERT_STR(perch_op_text(op), "done");
    ASSERT_INT(perch_op_status(op)->code, PERCH_CODE_EXPUNGEISSUED);
    perch_op_cancel(op);
    perch_op_unref(op);
}

static void test_a_referenced_op_outlives_the_session(void)
{
    transcript_run(NULL, play_keep);
}

static void play_seq(struct transcript *t)
{
    begin(t);
    start(t, "a",
          (struct perch_fetch_args){.seq = true, .items = PERCH_ITEM_UID, .on_fetch = on_fetch},
          "2:3");
    transcript_play(t, "C: <1> FETCH 2:3 (UID)\n"
                       "S: * 2 FETCH (UID 50)\n"
                       "S: * 4 FETCH (UID 52)\n"
                       "S: <1> OK done\n");
    transcript_expect(t, "row a uid 50\n"
                         "event FETCH 2 op FETCH\n"
                         "event FETCH 4\n"
                         "done a ok\n");
}

static void test_sequence_numbers_when_asked_for(void)
{
    transcript_run(NULL, play_seq);
}

/* ---- nothing, too much ---- */

static void play_empty(struct transcript *t)
{
    begin(t);
    t->hold = true;
    start(t, "a", (struct perch_fetch_args){.items = PERCH_ITEM_FLAGS}, "");
    transcript_expect(t, "");
    transcript_drain(t);
    transcript_expect(t, "done a ok\n");
    transcript_play(t, "");
}

static void test_the_empty_set_sends_nothing_and_is_done_at_the_next_output(void)
{
    transcript_run(NULL, play_empty);
}

/* Every other UID of 1,000,001 on: 8 characters each, 5,000 of them. */
static void play_split(struct transcript *t)
{
    struct perch_set set = PERCH_SET_INIT;
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;
    struct perch_buf want = PERCH_BUF_INIT;
    size_t commands = 0;
    uint32_t uid = 1000001;

    begin(t);
    for (uint32_t i = 0; i < 5000; i++)
        CU_ASSERT(!perch_set_add(&set, 1000001 + 2 * i, 1000001 + 2 * i));
    args.set = &set;
    args.items = PERCH_ITEM_FLAGS;
    args.on_fetch = on_fetch;
    t->hold = true;
    transcript_started(
        t, perch_fetch_start(t->s, &args, transcript_done, transcript_token(t, "a"), NULL));
    perch_set_done(&set);
    transcript_drain(t);
    while (t->sent.len) {
        struct perch_span all = perch_buf_span(&t->sent);
        struct perch_span line = perch_span_cut(&all, '\n');
        struct perch_span rest = line, tag = perch_span_cut(&rest, ' ');

        CU_ASSERT(line.n < 8100);
        CU_ASSERT(perch_span_istarts(rest, "UID FETCH "));
        rest.p += 10;
        rest.n -= 10;
        for (rest = perch_span_cut(&rest, ' '); rest.p; uid += 2) {
            struct perch_span number = perch_span_cut(&rest, ',');
            char text[16];

            (void)snprintf(text, sizeof text, "%u", uid);
            ASSERT_SPAN(number, text);
        }
        perch_buf_addf(&want, "S: * 1 FETCH (UID %u FLAGS ())\nS: %.*s OK\n", uid - 2, (int)tag.n,
                       tag.p);
        perch_buf_consume(&t->sent, line.n + 1);
        commands++;
    }
    ASSERT_INT(uid, 1000001 + 2 * 5000);
    ASSERT_INT(commands, 5); /* 1,000 UIDs are 7,999 characters */
    transcript_play(t, perch_buf_cstr(&want));
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "row a uid 1009999\n") != NULL);
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "done a ok\n") != NULL);
    perch_buf_done(&want);
}

static void test_a_large_set_is_split_and_pipelined(void)
{
    transcript_run(NULL, play_split);
}

/* ---- CONDSTORE, QRESYNC ---- */

static void on_vanished(perch_op *op, const struct perch_vanished_resp *row, void *user)
{
    struct transcript_token *token = user;

    (void)op;
    transcript_note(token->t, "vanished %u", row->uids.r[0].first);
}

static void play_vanished(struct transcript *t)
{
    static const char *const caps[] = {"QRESYNC"};

    transcript_login(t, CAPS);
    transcript_started(
        t, perch_enable_start(t->s, caps, 1, transcript_done, transcript_token(t, "enable"), NULL));
    transcript_play(t, "C: <1> ENABLE QRESYNC\nS: * ENABLED QRESYNC\nS: <1> OK\n");
    transcript_select(t, 3);
    start(t, "a",
          (struct perch_fetch_args){.items = PERCH_ITEM_FLAGS | PERCH_ITEM_MODSEQ,
                                    .changedsince = 45,
                                    .vanished = true,
                                    .on_fetch = on_fetch,
                                    .on_vanished = on_vanished},
          "300:500");
    transcript_play(t, "C: <2> UID FETCH 300:500 (FLAGS MODSEQ) (CHANGEDSINCE 45 VANISHED)\n"
                       "S: * VANISHED (EARLIER) 305:310\n"
                       "S: * VANISHED 311\n"
                       "S: * 1 FETCH (UID 404 MODSEQ (65402) FLAGS (\\\\Seen))\n"
                       "S: <2> OK\n");
    transcript_expect(t, "vanished 305\n"
                         "event VANISHED op UID FETCH\n"
                         "event VANISHED\n"
                         "row a uid 404\n"
                         "event FETCH 1 op UID FETCH\n"
                         "done a ok\n");
}

static void test_CHANGEDSINCE_with_VANISHED(void)
{
    transcript_run(NULL, play_vanished);
}

/* ---- refusals ---- */

static void refused(struct transcript *t, const char *label, struct perch_fetch_args args, int want)
{
    struct perch_range one = {1, 1};
    struct perch_set set = {.r = &one, .n = 1};

    args.size = sizeof args;
    args.set = &set;
    transcript_refused(
        t, perch_fetch_start(t->s, &args, transcript_done, transcript_token(t, label), NULL), want);
}

static void play_refused(struct transcript *t)
{
    static const char *const evil[] = {"BODY[]\r\nx LOGOUT"};

    transcript_login(t, CAPS);
    refused(t, "not selected", (struct perch_fetch_args){.items = PERCH_ITEM_UID}, PERCH_ESTATE);
    transcript_select(t, 1);
    refused(t, "nothing", (struct perch_fetch_args){.items = 0}, PERCH_EINVAL);
    refused(t, "no OBJECTID", (struct perch_fetch_args){.items = PERCH_ITEM_EMAILID},
            PERCH_ECAPABILITY);
    refused(t, "injection", (struct perch_fetch_args){.sections = evil, .nsections = 1},
            PERCH_EINVAL);
    refused(t, "seq",
            (struct perch_fetch_args){.items = 1, .seq = true, .changedsince = 1, .vanished = true},
            PERCH_EINVAL);
    refused(t, "not enabled",
            (struct perch_fetch_args){.items = 1, .changedsince = 1, .vanished = true},
            PERCH_ESTATE);
}

static void test_refusals_send_nothing(void)
{
    transcript_run(NULL, play_refused);
}

/* ---- failures ---- */

static void play_no(struct transcript *t)
{
    begin(t);
    start(t, "a", (struct perch_fetch_args){.items = PERCH_ITEM_FLAGS}, "1");
    start(t, "b", (struct perch_fetch_args){.items = PERCH_ITEM_FLAGS}, "2");
    transcript_play(t, "C: <1> UID FETCH 1 (FLAGS)\n"
                       "C: <2> UID FETCH 2 (FLAGS)\n"
                       "S: <1> NO not that one\n"
                       "S: <2> BAD nor that\n");
    transcript_expect(t, "done a PERCH_ENO\n"
                         "done b PERCH_EBAD\n");
}

static void play_malformed_row(struct transcript *t)
{
    begin(t);
    start(t, "a", (struct perch_fetch_args){.items = PERCH_ITEM_FLAGS, .on_fetch = on_fetch},
          "1:9");
    transcript_play(t, "C: <1> UID FETCH 1:9 (FLAGS)\n"
                       "S: * 1 FETCH (UID 1 FLAGS ())\n"
                       "S: * 2 FETCH (UID 99999999999999999999 FLAGS ())\n"
                       "S: * 3 FETCH (UID 3 FLAGS ())\n"
                       "S: <1> OK\n");
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "event MALFORMED: ") != NULL);
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "row a uid 3\n") != NULL);
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "done a ok\n") != NULL);
}

static void test_one_failure_costs_itself(void)
{
    transcript_run(NULL, play_no);
    transcript_run(NULL, play_malformed_row);
}

/* ---- large bodies; those that stream are in test_body.c ---- */

#define BODY_65 "01234567890123456789012345678901234567890123456789012345678901234"

static void check_kept(struct transcript_token *token, perch_op *op)
{
    const struct perch_fetch *const *rows;

    (void)token;
    ASSERT_INT(perch_op_fetches(op, &rows), 2);
    ASSERT_INT(rows[0]->uid, 1);
    ASSERT_INT(rows[0]->nsections, 2);
    CU_ASSERT(!rows[0]->sections[0].streamed && !rows[0]->sections[1].streamed);
    ASSERT_SPAN(rows[0]->sections[0].data, BODY_65);
    ASSERT_SPAN(rows[0]->sections[1].data, BODY_65 "5");
    ASSERT_INT(rows[1]->uid, 2);
    ASSERT_SPAN(rows[1]->sections[0].data, "x");
}

static void play_kept(struct transcript *t)
{
    static const char *const sections[] = {"BODY.PEEK[1]", "BODY.PEEK[2]"};

    begin(t);
    start(t, "a", (struct perch_fetch_args){.sections = sections, .nsections = 2}, "1:2");
    t->tokens[t->ntokens - 1].on_done = check_kept;
    transcript_play(t, "C: <1> UID FETCH 1:2 (BODY.PEEK[1] BODY.PEEK[2])\n"
                       "S: * 1 FETCH (BODY[1] {65}\n"
                       "S- " BODY_65 "\n"
                       "S:  BODY[2] {66}\n"
                       "S- " BODY_65 "5\n"
                       "S:  UID 1)\n"
                       "S: * 2 FETCH (UID 2 BODY[1] \"x\" BODY[2] NIL)\n"
                       "S: <1> OK\n");
    transcript_expect(t, "event FETCH 1 op UID FETCH\n"
                         "event FETCH 2 op UID FETCH\n"
                         "done a ok\n");
}

static void play_too_much(struct transcript *t)
{
    static const char *const sections[] = {"BODY.PEEK[1]", "BODY.PEEK[2]"};

    begin(t);
    start(t, "a", (struct perch_fetch_args){.sections = sections, .nsections = 2}, "1");
    transcript_play(t, "C: <1> UID FETCH 1 (BODY.PEEK[1] BODY.PEEK[2])\n"
                       "S: * 1 FETCH (UID 1 BODY[1] {65}\n"
                       "S- " BODY_65 "\n"
                       "S:  BODY[2] {66}\n");
    transcript_expect(t, "state closed\n"
                         "done a PERCH_ELIMIT\n");
}

static void test_without_a_sink_a_large_body_comes_with_its_row(void)
{
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;

    options.secure = true;
    options.limits.inline_literal = 64;
    options.limits.body = 131;
    options.limits.response = 100; /* bodies do not count as that */
    transcript_run(&options, play_kept);
    options.limits.body = 130;
    transcript_run(&options, play_too_much);
}

PERCH_SUITE("session/fetch") = {
    PERCH_TEST(test_only_rows_that_were_asked_for_are_the_ops),
    PERCH_TEST(test_rows_are_collected_where_nobody_takes_them),
    PERCH_TEST(test_a_referenced_op_outlives_the_session),
    PERCH_TEST(test_sequence_numbers_when_asked_for),
    PERCH_TEST(test_the_empty_set_sends_nothing_and_is_done_at_the_next_output),
    PERCH_TEST(test_a_large_set_is_split_and_pipelined),
    PERCH_TEST(test_CHANGEDSINCE_with_VANISHED),
    PERCH_TEST(test_refusals_send_nothing),
    PERCH_TEST(test_one_failure_costs_itself),
    PERCH_TEST(test_without_a_sink_a_large_body_comes_with_its_row),
    PERCH_END,
};
