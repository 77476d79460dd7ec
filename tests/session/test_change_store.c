/* STORE: what leaves, whose rows they are, what was modified. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "perch/change.h"

#define CAPS "IMAP4rev1 CONDSTORE X-GM-EXT-1"

static const struct perch_span todo = {"$Todo", 5};

static void begin(struct transcript *t)
{
    transcript_login(t, CAPS);
    transcript_select(t, 20);
}

static int try_start(struct transcript *t, const char *label, struct perch_store_args args,
                     const char *set_text, perch_op **ret_op)
{
    struct perch_set set = PERCH_SET_INIT;
    int rc;

    if (*set_text)
        CU_ASSERT(!perch_set_parse(&set, perch_span_of(set_text), 0));
    args.size = sizeof args;
    args.set = &set;
    rc = perch_store_start(t->s, &args, transcript_done, transcript_token(t, label), ret_op);
    perch_set_done(&set);
    return rc;
}

static perch_op *start(struct transcript *t, const char *label, struct perch_store_args args,
                       const char *set_text)
{
    perch_op *op = NULL;

    transcript_started(t, try_start(t, label, args, set_text, &op));
    return op;
}

/* ---- what leaves ---- */

static void play_forms(struct transcript *t)
{
    static const struct perch_span labels[] = {{"\\Inbox", 6}, {"gr\xc3\xbcn \"x\"", 9}};

    begin(t);
    start(t, "add",
          (struct perch_store_args){.mode = PERCH_STORE_ADD,
                                    .flags = PERCH_FLAG_SEEN | PERCH_FLAG_DELETED,
                                    .names = &todo,
                                    .nnames = 1},
          "1:3,9");
    transcript_play(t, "C: <1> UID STORE 1:3,9 +FLAGS (\\\\Seen \\\\Deleted $Todo)\n"
                       "S: <1> OK\n");
    start(t, "remove",
          (struct perch_store_args){
              .mode = PERCH_STORE_REMOVE, .silent = true, .flags = PERCH_FLAG_FORWARDED},
          "4294967295");
    transcript_play(t, "C: <2> UID STORE 4294967295 -FLAGS.SILENT ($Forwarded)\nS: <2> OK\n");
    start(t, "set", (struct perch_store_args){.mode = PERCH_STORE_SET, .seq = true}, "2");
    transcript_play(t, "C: <3> STORE 2 FLAGS ()\nS: <3> OK\n");
    start(t, "labels",
          (struct perch_store_args){
              .mode = PERCH_STORE_ADD, .labels = true, .names = labels, .nnames = 2},
          "5");
    transcript_play(
        t, "C: <4> UID STORE 5 +X-GM-LABELS (\"\\\\\\\\Inbox\" \"gr&APw-n \\\\\"x\\\\\"\")\n"
           "S: <4> OK\n");
    start(t, "unchanged",
          (struct perch_store_args){.mode = PERCH_STORE_ADD,
                                    .silent = true,
                                    .flags = PERCH_FLAG_SEEN,
                                    .conditional = true,
                                    .unchangedsince = 12121231000},
          "5");
    transcript_play(t, "C: <5> UID STORE 5 (UNCHANGEDSINCE 12121231000) +FLAGS.SILENT (\\\\Seen)\n"
                       "S: <5> OK\n");
    transcript_expect(t, "done add ok\ndone remove ok\ndone set ok\ndone labels ok\n"
                         "done unchanged ok\n");
}

static void test_every_form_byte_for_byte(void)
{
    transcript_run(NULL, play_forms);
}

static void play_refused(struct transcript *t)
{
    static const struct perch_span bad[] = {{"a b", 3}, {"x\r\nA1 LOGOUT", 12}};
    static const struct {
        struct perch_store_args args;
        int want;
    } cases[] = {
        {{.flags = PERCH_FLAG_SEEN}, PERCH_EINVAL},
        {{.mode = PERCH_STORE_ADD}, PERCH_EINVAL},
        {{.mode = PERCH_STORE_SET, .flags = PERCH_FLAG_RECENT}, PERCH_EINVAL},
        {{.mode = PERCH_STORE_SET, .names = &bad[0], .nnames = 1}, PERCH_EINVAL},
        {{.mode = PERCH_STORE_SET, .names = &bad[1], .nnames = 1}, PERCH_EINVAL},
        {{.mode = PERCH_STORE_SET, .flags = 1u << 30}, PERCH_EINVAL},
        {{.mode = PERCH_STORE_SET, .labels = true, .flags = PERCH_FLAG_SEEN}, PERCH_EINVAL},
        {{.mode = PERCH_STORE_SET, .labels = true}, PERCH_ECAPABILITY},
        {{.mode = PERCH_STORE_SET, .conditional = true, .unchangedsince = 1}, PERCH_ECAPABILITY},
        {{.mode = PERCH_STORE_SET, .conditional = true, .unchangedsince = UINT64_MAX},
         PERCH_EINVAL},
    };

    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 3);
    for (size_t i = 0; i < PERCH_COUNT(cases); i++)
        transcript_refused(t, try_start(t, "refused", cases[i].args, "1", NULL), cases[i].want);
    transcript_play(t, "");
}

static void test_what_cannot_be_sent_is_refused_before_anything_leaves(void)
{
    transcript_run(NULL, play_refused);
}

static void play_empty(struct transcript *t)
{
    begin(t);
    start(t, "none", (struct perch_store_args){.mode = PERCH_STORE_SET}, "");
    transcript_play(t, "");
    transcript_expect(t, "done none ok\n");
}

static void test_the_empty_set_sends_nothing(void)
{
    transcript_run(NULL, play_empty);
}

/* ---- what comes ---- */

static void check_rows(struct transcript_token *token, perch_op *op)
{
    const struct perch_store_result *r = perch_op_store(op);

    (void)token;
    ASSERT_INT(r->nrows, 2);
    ASSERT_INT(r->rows[0]->uid, 5);
    ASSERT_INT(r->rows[0]->flags.bits, PERCH_FLAG_SEEN);
    ASSERT_INT(r->rows[1]->uid, 6);
    ASSERT_INT(r->rows[1]->modseq, 77);
    ASSERT_INT(r->modified.n, 0);
}

static void play_rows(struct transcript *t)
{
    begin(t);
    start(t, "a", (struct perch_store_args){.mode = PERCH_STORE_ADD, .flags = PERCH_FLAG_SEEN},
          "5:6");
    t->tokens[t->ntokens - 1].on_done = check_rows;
    transcript_play(t, "C: <1> UID STORE 5:6 +FLAGS (\\\\Seen)\n"
                       "S: * 1 FETCH (UID 5 FLAGS (\\\\Seen))\n"
                       "S: * 2 FETCH (FLAGS (\\\\Seen))\n"
                       "S: * 3 FETCH (UID 7 FLAGS (\\\\Seen))\n"
                       "S: * 2 FETCH (UID 6 RFC822.SIZE 7)\n"
                       "S: * 2 FETCH (UID 6 FLAGS (\\\\Seen) MODSEQ (77))\n"
                       "S: <1> OK done\n");
    transcript_expect(t, "event FETCH 1 op UID STORE\n"
                         "event FETCH 2\n"
                         "event FETCH 3\n"
                         "event FETCH 2\n"
                         "event FETCH 2 op UID STORE\n"
                         "done a ok\n");
}

static void test_rows_of_other_messages_are_not_the_result(void)
{
    transcript_run(NULL, play_rows);
}

static void on_fetch(perch_op *op, const struct perch_fetch *row, void *user)
{
    struct transcript_token *token = user;

    transcript_note(token->t, "row %s %u", token->label, row->seq);
    if (row->flags.bits & PERCH_FLAG_DRAFT)
        perch_op_cancel(op);
}

static void play_taken(struct transcript *t)
{
    begin(t);
    start(t, "a",
          (struct perch_store_args){
              .mode = PERCH_STORE_ADD, .seq = true, .flags = PERCH_FLAG_SEEN, .on_fetch = on_fetch},
          "2:3");
    transcript_play(t, "C: <1> STORE 2:3 +FLAGS (\\\\Seen)\n"
                       "S: * 2 FETCH (FLAGS (\\\\Seen))\n"
                       "S: * 4 FETCH (FLAGS (\\\\Seen))\n"
                       "S: * 3 FETCH (FLAGS (\\\\Seen \\\\Draft))\n"
                       "S: * 2 FETCH (FLAGS ())\n"
                       "S: <1> OK done\n");
    transcript_expect(t, "row a 2\n"
                         "event FETCH 2 op STORE\n"
                         "event FETCH 4\n"
                         "row a 3\n"
                         "done a PERCH_ECANCELLED\n"
                         "event FETCH 3 op STORE\n"
                         "event FETCH 2\n");
}

static void test_rows_can_be_taken_as_they_come_and_the_op_cancelled_there(void)
{
    transcript_run(NULL, play_taken);
}

/* RFC 7162, examples 9 and 11, and a NO as in its section 3.1.3. */
static void check_modified(struct transcript_token *token, perch_op *op)
{
    const struct perch_store_result *r = perch_op_store(op);
    char text[64];

    (void)perch_set_format(&r->modified, text, sizeof text);
    transcript_note(token->t, "modified %s rows %zu", text, r->nrows);
}

static void play_modified(struct transcript *t)
{
    struct perch_store_args args = {.mode = PERCH_STORE_ADD,
                                    .silent = true,
                                    .flags = PERCH_FLAG_DELETED,
                                    .conditional = true,
                                    .unchangedsince = 320162338};

    begin(t);
    start(t, "a", args, "7,5,9");
    t->tokens[t->ntokens - 1].on_done = check_modified;
    transcript_play(t, "C: <1> UID STORE 5,7,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT "
                       "(\\\\Deleted)\n"
                       "S: * 5 FETCH (UID 5 MODSEQ (320162350))\n"
                       "S: <1> OK [MODIFIED 7,9,12] Conditional STORE failed\n");
    start(t, "b", args, "1");
    t->tokens[t->ntokens - 1].on_done = check_modified;
    transcript_play(t, "C: <2> UID STORE 1 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT "
                       "(\\\\Deleted)\n"
                       "S: <2> NO [MODIFIED 1] Some of the messages no longer exist.\n");
    transcript_expect(t, "event FETCH 5 op UID STORE\n"
                         "done a ok\nmodified 7,9 rows 1\n"
                         "done b PERCH_ENO\nmodified 1 rows 0\n");
}

static void test_messages_changed_meanwhile_are_a_result_and_no_error(void)
{
    transcript_run(NULL, play_modified);
}

static void play_refusals(struct transcript *t)
{
    struct perch_store_args args = {.mode = PERCH_STORE_SET};
    perch_op *op;

    begin(t);
    op = perch_op_ref(start(t, "no", args, "1"));
    transcript_play(t, "C: <1> UID STORE 1 FLAGS ()\nS: <1> NO [NOPERM] not yours\n");
    ASSERT_INT(perch_op_error(op)->resp_code, PERCH_CODE_NOPERM);
    ASSERT_INT(perch_op_error(op)->remedy, PERCH_ASK_USER);
    CU_ASSERT_PTR_NULL(perch_op_copied(op));
    CU_ASSERT_PTR_NULL(perch_op_expunged(op));
    perch_op_unref(op);
    start(t, "bad", args, "1");
    transcript_play(t, "C: <2> UID STORE 1 FLAGS ()\nS: <2> BAD what?\n");
    start(t, "lost", args, "1");
    start(t, "queued", args, "1");
    transcript_play(t, "C: <3> UID STORE 1 FLAGS ()\nS: * BYE going down\n");
    transcript_expect(t, "done no PERCH_ENO\n"
                         "done bad PERCH_EBAD\n"
                         "event BYE: going down\n"
                         "state closed\n"
                         "done lost PERCH_ECLOSED bye\n"
                         "done queued PERCH_ECLOSED bye\n");
}

static void test_refusals_and_the_end_complete_it_once(void)
{
    transcript_run(NULL, play_refusals);
}

/* ---- beside others ---- */

static void play_conflict(struct transcript *t)
{
    struct perch_fetch_args fetch = PERCH_FETCH_ARGS_INIT;
    struct perch_range range = {3, 4};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_store_args args = {.mode = PERCH_STORE_ADD, .flags = PERCH_FLAG_SEEN};

    begin(t);
    fetch.set = &set;
    fetch.items = PERCH_ITEM_FLAGS;
    start(t, "a", args, "1:2");
    transcript_started(
        t, perch_fetch_start(t->s, &fetch, transcript_done, transcript_token(t, "f"), NULL));
    start(t, "b", args, "4:5");
    transcript_play(t, "C: <1> UID STORE 1:2 +FLAGS (\\\\Seen)\n"
                       "C: <2> UID FETCH 3:4 (FLAGS)\n"
                       "S: <1> OK\n"
                       "S: * 4 FETCH (UID 4 FLAGS ())\n"
                       "S: <2> OK\n"
                       "C: <3> UID STORE 4:5 +FLAGS (\\\\Seen)\n"
                       "S: * 4 FETCH (UID 4 FLAGS (\\\\Seen))\n"
                       "S: <3> OK\n");
    transcript_expect(t, "done a ok\n"
                         "event FETCH 4 op UID FETCH\n"
                         "done f ok\n"
                         "event FETCH 4 op UID STORE\n"
                         "done b ok\n");
}

static void test_it_waits_for_a_fetch_of_the_same_messages_alone(void)
{
    transcript_run(NULL, play_conflict);
}

/* Every other UID from 1,000,001 on: 1,000 of them are 7,999 characters. */
static void play_split(struct transcript *t)
{
    struct perch_store_args args = PERCH_STORE_ARGS_INIT;
    struct perch_set set = PERCH_SET_INIT;
    size_t commands = 0;

    begin(t);
    for (uint32_t i = 0; i < 1500; i++)
        CU_ASSERT(!perch_set_add(&set, 1000001 + 2 * i, 1000001 + 2 * i));
    args.set = &set;
    args.mode = PERCH_STORE_ADD;
    args.flags = PERCH_FLAG_SEEN;
    args.silent = true;
    t->hold = true;
    transcript_started(
        t, perch_store_start(t->s, &args, transcript_done, transcript_token(t, "a"), NULL));
    perch_set_done(&set);
    transcript_drain(t);
    t->hold = false;
    while (t->sent.len) {
        struct perch_span all = perch_buf_span(&t->sent);
        struct perch_span line = perch_span_cut(&all, '\n');
        struct perch_span rest = line, tag = perch_span_cut(&rest, ' ');
        char answer[64];

        CU_ASSERT(perch_span_istarts(rest, commands ? "UID STORE 1002001," : "UID STORE 1000001,"));
        (void)snprintf(answer, sizeof answer, "%.*s %s\r\n", (int)tag.n, tag.p,
                       commands ? "NO [EXPUNGEISSUED] some are gone" : "OK");
        perch_buf_adds(&t->in, answer);
        perch_buf_consume(&t->sent, line.n + 1);
        commands++;
    }
    ASSERT_INT(commands, 2);
    transcript_play(t, "");
    transcript_expect(t, "done a PERCH_ENO\n");
}

static void test_a_large_set_is_split_and_fails_if_a_piece_does(void)
{
    transcript_run(NULL, play_split);
}

PERCH_SUITE("session/change_store") = {
    PERCH_TEST(test_every_form_byte_for_byte),
    PERCH_TEST(test_what_cannot_be_sent_is_refused_before_anything_leaves),
    PERCH_TEST(test_the_empty_set_sends_nothing),
    PERCH_TEST(test_rows_of_other_messages_are_not_the_result),
    PERCH_TEST(test_rows_can_be_taken_as_they_come_and_the_op_cancelled_there),
    PERCH_TEST(test_messages_changed_meanwhile_are_a_result_and_no_error),
    PERCH_TEST(test_refusals_and_the_end_complete_it_once),
    PERCH_TEST(test_it_waits_for_a_fetch_of_the_same_messages_alone),
    PERCH_TEST(test_a_large_set_is_split_and_fails_if_a_piece_does),
    PERCH_END,
};
