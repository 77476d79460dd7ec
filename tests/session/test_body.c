/* Bodies that go to a sink while they are read. */
#include "support/failmem.h"
#include "support/perch_test.h"
#include "support/transcript.h"

#include "session/session.h"

#define TEN   "0123456789"
#define SMALL 8 /* limits.inline_literal in all that follows */

static const char *const one_section[] = {"BODY.PEEK[1]"};
static const char *const two_sections[] = {"BODY.PEEK[1]", "BODY.PEEK[2]"};

/* ---- a sink that notes what it gets ---- */

struct sink {
    struct perch_buf data; /* of the body being read */
    size_t pause_at;       /* pauses once that much of a body came; 0: never */
    void (*in_begin)(struct transcript *t, perch_op *op);
    void (*in_data)(struct transcript *t, perch_op *op);
    void (*in_end)(struct transcript *t, perch_op *op);
};

static void on_begin(perch_op *op, const struct perch_body_head *head, void *user)
{
    struct transcript_token *token = user;
    struct sink *sink = token->t->user;

    CU_ASSERT_PTR_NULL(head->section->data.p);
    perch_buf_clear(&sink->data);
    transcript_note(token->t, "begin %s seq %u uid %u %.*s size %u", token->label, head->seq,
                    head->uid, (int)head->section->item.n, head->section->item.p,
                    (unsigned)head->section->size);
    if (sink->in_begin)
        sink->in_begin(token->t, op);
}

static int on_data(perch_op *op, const uint8_t *p, size_t n, void *user)
{
    struct transcript_token *token = user;
    struct sink *sink = token->t->user;
    bool pause;

    CU_ASSERT(n > 0);
    perch_buf_add(&sink->data, p, n);
    pause = sink->pause_at && sink->data.len >= sink->pause_at;
    if (pause)
        sink->pause_at = 0;
    if (sink->in_data)
        sink->in_data(token->t, op);
    return pause ? PERCH_PAUSE : 0;
}

static void on_end(perch_op *op, void *user)
{
    struct transcript_token *token = user;
    struct sink *sink = token->t->user;

    transcript_note(token->t, "end %s %s", token->label, perch_buf_cstr(&sink->data));
    if (sink->in_end)
        sink->in_end(token->t, op);
}

static void on_fetch(perch_op *op, const struct perch_fetch *row, void *user)
{
    struct transcript_token *token = user;

    (void)op;
    transcript_note(token->t, "row %s uid %u", token->label, row->uid);
    for (size_t i = 0; i < row->nsections; i++) {
        const struct perch_section *s = &row->sections[i];

        transcript_note(token->t, "section %.*s %u %s%.*s", (int)s->section.n, s->section.p,
                        (unsigned)s->size, s->streamed ? "streamed" : "", (int)s->data.n,
                        s->data.p ? s->data.p : "");
    }
}

static perch_op *start(struct transcript *t, const char *label, const char *set_text,
                       const char *const *sections, size_t nsections)
{
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;
    struct perch_set set = PERCH_SET_INIT;
    perch_op *op = NULL;

    CU_ASSERT(!perch_set_parse(&set, perch_span_of(set_text), 0));
    args.set = &set;
    args.sections = sections;
    args.nsections = nsections;
    args.on_fetch = on_fetch;
    args.on_body_begin = on_begin;
    args.on_body_data = on_data;
    args.on_body_end = on_end;
    transcript_started(
        t, perch_fetch_start(t->s, &args, transcript_done, transcript_token(t, label), &op));
    perch_set_done(&set);
    return op;
}

static perch_op *begin(struct transcript *t, const char *set_text)
{
    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 20);
    return start(t, "a", set_text, one_section, 1);
}

static const struct sink *plan; /* of the test that runs */

static void (*story)(struct transcript *t);

static void play_story(struct transcript *t)
{
    struct sink sink = *plan;

    t->user = &sink;
    story(t);
    perch_session_free(t->s);
    t->s = NULL;
    perch_buf_done(&sink.data);
}

static void run(struct sink what, void (*play)(struct transcript *t))
{
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;

    options.secure = true;
    options.limits.inline_literal = SMALL;
    plan = &what;
    story = play;
    transcript_run(&options, play_story);
}

/* ---- what comes ---- */

static void play_whole(struct transcript *t)
{
    (void)begin(t, "5:6");
    transcript_play(t, "C: <1> UID FETCH 5:6 (BODY.PEEK[1])\n"
                       "S: * 1 FETCH (UID 5 BODY[1]\\<0> {10}\n"
                       "S- " TEN "\n"
                       "S: )\n"
                       "S: * 2 FETCH (UID 6 BODY[1] {12}\n"
                       "S- )\\r\\n* 3 EXIST\n" /* bytes like others */
                       "S:  FLAGS ())\n"
                       "S: <1> OK done\n");
    transcript_expect(t, "begin a seq 1 uid 5 BODY[1]<0> size 10\n"
                         "end a " TEN "\n"
                         "row a uid 5\n"
                         "section 1 10 streamed\n"
                         "event FETCH 1 op UID FETCH\n"
                         "begin a seq 2 uid 6 BODY[1] size 12\n"
                         "end a )\r\n* 3 EXIST\n"
                         "row a uid 6\n"
                         "section 1 12 streamed\n"
                         "event FETCH 2 op UID FETCH\n"
                         "done a ok\n");
}

static void test_a_body_comes_in_pieces_and_then_its_row(void)
{
    run((struct sink){.pause_at = 0}, play_whole);
}

static void play_sizes(struct transcript *t)
{
    (void)begin(t, "1:3");
    transcript_play(t, "C: <1> UID FETCH 1:3 (BODY.PEEK[1])\n"
                       "S: * 1 FETCH (UID 1 BODY[1] {7}\n"
                       "S: 0123456)\n"
                       "S: * 2 FETCH (UID 2 BODY[1] {8}\n"
                       "S: 01234567)\n"
                       "S: * 3 FETCH (UID 3 BODY[1] {9}\n"
                       "S: 012345678)\n"
                       "S: <1> OK\n");
    transcript_expect(t, "row a uid 1\n"
                         "section 1 7 0123456\n"
                         "event FETCH 1 op UID FETCH\n"
                         "row a uid 2\n"
                         "section 1 8 01234567\n"
                         "event FETCH 2 op UID FETCH\n"
                         "begin a seq 3 uid 3 BODY[1] size 9\n"
                         "end a 012345678\n"
                         "row a uid 3\n"
                         "section 1 9 streamed\n"
                         "event FETCH 3 op UID FETCH\n"
                         "done a ok\n");
}

static void test_only_what_is_above_the_limit_streams(void)
{
    run((struct sink){.pause_at = 0}, play_sizes);
}

static void play_two(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 20);
    (void)start(t, "a", "7", two_sections, 2);
    transcript_play(t, "C: <1> UID FETCH 7 (BODY.PEEK[1] BODY.PEEK[2])\n"
                       "S: * 4 FETCH (BODY[1] {10}\n"
                       "S- " TEN "\n"
                       "S:  UID 7 BODY[2] {11}\n"
                       "S: abcdefghijk)\n"
                       "S: <1> OK\n");
    transcript_expect(t, "begin a seq 4 uid 0 BODY[1] size 10\n"
                         "end a " TEN "\n"
                         "begin a seq 4 uid 7 BODY[2] size 11\n"
                         "end a abcdefghijk\n"
                         "row a uid 7\n"
                         "section 1 10 streamed\n"
                         "section 2 11 streamed\n"
                         "event FETCH 4 op UID FETCH\n"
                         "done a ok\n");
}

static void play_uidfetch(struct transcript *t)
{
    (void)begin(t, "900");
    transcript_play(t, "C: <1> UID FETCH 900 (BODY.PEEK[1])\n"
                       "S: * 900 UIDFETCH (BODY[1] {10}\n"
                       "S: " TEN ")\n"
                       "S: <1> OK\n");
    transcript_expect(t, "begin a seq 0 uid 900 BODY[1] size 10\n"
                         "end a " TEN "\n"
                         "row a uid 900\n"
                         "section 1 10 streamed\n"
                         "event FETCH 900 op UID FETCH\n"
                         "done a ok\n");
}

static void test_two_bodies_in_a_row_and_a_row_by_UID(void)
{
    run((struct sink){.pause_at = 0}, play_two);
    run((struct sink){.pause_at = 0}, play_uidfetch);
}

/* ---- whose it is ---- */

static void play_which(struct transcript *t)
{
    (void)begin(t, "1");
    (void)start(t, "b", "2", one_section, 1);
    transcript_play(t, "C: <1> UID FETCH 1 (BODY.PEEK[1])\n"
                       "C: <2> UID FETCH 2 (BODY.PEEK[1])\n"
                       "S: * 2 FETCH (UID 2 BODY[1] {10}\n"
                       "S: " TEN ")\n"
                       "S: * 1 FETCH (BODY[1] {10}\n" /* one of the two */
                       "S: " TEN " UID 1)\n"
                       "S: <2> OK\n"
                       "S: <1> OK\n");
    transcript_expect(t, "begin b seq 2 uid 2 BODY[1] size 10\n"
                         "end b " TEN "\n"
                         "row b uid 2\n"
                         "section 1 10 streamed\n"
                         "event FETCH 2 op UID FETCH\n"
                         "row a uid 1\n"
                         "section 1 10 " TEN "\n"
                         "event FETCH 1 op UID FETCH\n"
                         "done b ok\n"
                         "done a ok\n");
}

static void play_after_cancel(struct transcript *t)
{
    perch_op *op = begin(t, "1");

    (void)start(t, "b", "2", one_section, 1);
    perch_op_cancel(op);
    transcript_play(t, "C: <1> UID FETCH 1 (BODY.PEEK[1])\n"
                       "C: <2> UID FETCH 2 (BODY.PEEK[1])\n"
                       "S: * 1 FETCH (BODY[1] {10}\n" /* for the one that was cancelled */
                       "S: " TEN " UID 1)\n"
                       "S: <1> OK\n"
                       "S: * 2 FETCH (BODY[1] {10}\n"
                       "S: " TEN " UID 2)\n"
                       "S: <2> OK\n");
    transcript_expect(t, "done a PERCH_ECANCELLED\n"
                         "event FETCH 1\n"
                         "begin b seq 2 uid 0 BODY[1] size 10\n"
                         "end b " TEN "\n"
                         "row b uid 2\n"
                         "section 1 10 streamed\n"
                         "event FETCH 2 op UID FETCH\n"
                         "done b ok\n");
}

static void test_a_body_never_goes_to_the_wrong_op(void)
{
    run((struct sink){.pause_at = 0}, play_which);
    run((struct sink){.pause_at = 0}, play_after_cancel);
}

static void play_nobodys(struct transcript *t)
{
    (void)begin(t, "1");
    transcript_play(t, "C: <1> UID FETCH 1 (BODY.PEEK[1])\n"
                       "S: * 9 FETCH (UID 9 BODY[1] {10}\n"
                       "S: " TEN ")\n"
                       "S: * 1 FETCH (UID 1 BODY[1] NIL)\n"
                       "S: <1> OK\n"
                       "S: * 1 FETCH (UID 1 BODY[1] {10}\n"
                       "S: " TEN ")\n");
    transcript_expect(t, "event FETCH 9\n"
                         "row a uid 1\n"
                         "section 1 0 \n"
                         "event FETCH 1 op UID FETCH\n"
                         "done a ok\n"
                         "event FETCH 1\n");
}

static void test_what_nobody_asked_for_is_passed_over(void)
{
    run((struct sink){.pause_at = 0}, play_nobodys);
}

static void play_malformed(struct transcript *t)
{
    (void)begin(t, "1:2");
    transcript_play(t, "C: <1> UID FETCH 1:2 (BODY.PEEK[1])\n"
                       "S: * 1 FETCH (UID 1 BODY[1] {10}\n"
                       "S: " TEN " UID 99999999999999)\n"
                       "S: * 2 FETCH (UID 0 BODY[1] {10}\n"
                       "S: " TEN ")\n"
                       "S: <1> OK\n");
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "end a " TEN "\nevent MALFORMED") != NULL);
    CU_ASSERT_PTR_NULL(strstr(perch_buf_cstr(&t->log), "row"));
    CU_ASSERT_PTR_NULL(strstr(perch_buf_cstr(&t->log), "begin a seq 2"));
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "done a ok\n") != NULL);
}

static void test_a_row_that_makes_no_sense_is_not_reported(void)
{
    run((struct sink){.pause_at = 0}, play_malformed);
}

/* ---- pausing ---- */

#define PAUSED_FETCH                                                                               \
    "C: <1> UID FETCH 1:2 (BODY.PEEK[1])\n"                                                        \
    "S: * 1 FETCH (UID 1 BODY[1] {10}\n"                                                           \
    "S: " TEN ")\n"                                                                                \
    "S: * 2 FETCH (UID 2 BODY[1] NIL)\n"                                                           \
    "S: <1> OK\n"

#define AFTER_PAUSE                                                                                \
    "end a " TEN "\n"                                                                              \
    "row a uid 1\n"                                                                                \
    "section 1 10 streamed\n"                                                                      \
    "event FETCH 1 op UID FETCH\n"                                                                 \
    "row a uid 2\n"                                                                                \
    "section 1 0 \n"                                                                               \
    "event FETCH 2 op UID FETCH\n"                                                                 \
    "done a ok\n"

static void play_pause(struct transcript *t)
{
    perch_op *op = begin(t, "1:2");

    transcript_play(t, PAUSED_FETCH);
    CU_ASSERT(perch_session_paused(t->s));
    transcript_expect(t, "begin a seq 1 uid 1 BODY[1] size 10\n");
    ASSERT_INT(perch_session_feed(t->s, perch_buf_data(&t->in), t->in.len), 0);
    perch_op_resume(op);
    CU_ASSERT(!perch_session_paused(t->s));
    transcript_expect(t, ""); /* nothing is called back in there */
    perch_op_resume(op);
    transcript_play(t, "");
    transcript_expect(t, AFTER_PAUSE);
}

static void test_a_paused_session_eats_nothing_until_it_is_resumed(void)
{
    for (size_t at = 1; at <= strlen(TEN); at++)
        run((struct sink){.pause_at = at}, play_pause);
}

static void play_pause_cancel(struct transcript *t)
{
    perch_op *op = begin(t, "1:2");

    transcript_play(t, PAUSED_FETCH);
    perch_op_cancel(op);
    CU_ASSERT(!perch_session_paused(t->s));
    transcript_play(t, "");
    transcript_expect(t, "begin a seq 1 uid 1 BODY[1] size 10\n"
                         "done a PERCH_ECANCELLED\n"
                         "event FETCH 1\n"
                         "event FETCH 2\n");
}

static void play_pause_lost(struct transcript *t)
{
    (void)begin(t, "1:2");
    transcript_play(t, PAUSED_FETCH);
    perch_session_lost(t->s, NULL);
    CU_ASSERT(!perch_session_paused(t->s));
    transcript_expect(t, "begin a seq 1 uid 1 BODY[1] size 10\n"
                         "state closed\n"
                         "done a PERCH_ECLOSED eof\n");
    perch_buf_clear(&t->in);
}

static void play_pause_free(struct transcript *t)
{
    (void)begin(t, "1:2");
    transcript_play(t, PAUSED_FETCH);
    perch_session_free(t->s);
    t->s = NULL;
    transcript_expect(t, "begin a seq 1 uid 1 BODY[1] size 10\n"
                         "done a PERCH_ECANCELLED\n");
}

static void test_what_ends_the_op_ends_the_pause(void)
{
    for (size_t at = 1; at <= strlen(TEN); at += 3) {
        run((struct sink){.pause_at = at}, play_pause_cancel);
        run((struct sink){.pause_at = at}, play_pause_lost);
        run((struct sink){.pause_at = at}, play_pause_free);
    }
}

/* ---- time ---- */

#define TIMEOUT 1000

static void play_time_paused(struct transcript *t)
{
    perch_op *op = begin(t, "1:2");
    perch_op *behind = NULL;

    perch_op_set_timeout(op, TIMEOUT);
    transcript_started(t,
                       perch_noop_start(t->s, transcript_done, transcript_token(t, "b"), &behind));
    perch_op_set_timeout(behind, TIMEOUT);
    transcript_tick(t, 0);
    transcript_play(t, "C: <1> UID FETCH 1:2 (BODY.PEEK[1])\n"
                       "C: <2> NOOP\n"
                       "S: * 1 FETCH (UID 1 BODY[1] {10}\n"
                       "S: " TEN ")\n");
    CU_ASSERT(perch_session_paused(t->s));
    for (int i = 0; i < 10; i++)
        transcript_tick(t, TIMEOUT);
    transcript_expect(t, "begin a seq 1 uid 1 BODY[1] size 10\n");
    ASSERT_INT(perch_session_deadline(t->s), PERCH_NEVER);
    perch_op_resume(op);
    transcript_tick(t, 5 * TIMEOUT); /* it was paused all that time */
    transcript_expect(t, "");
    ASSERT_INT(perch_session_deadline(t->s), t->now + TIMEOUT);
    transcript_tick(t, TIMEOUT - 1);
    transcript_expect(t, "");
    transcript_tick(t, 1);
    transcript_expect(t, "state closed\n"
                         "done a PERCH_ETIMEOUT\n"
                         "done b PERCH_ETIMEOUT\n");
    perch_buf_clear(&t->in);
}

static void play_time_slow(struct transcript *t)
{
    perch_op *op = begin(t, "1");

    perch_op_set_timeout(op, TIMEOUT);
    transcript_tick(t, 0);
    transcript_play(t, "C: <1> UID FETCH 1 (BODY.PEEK[1])\n"
                       "S: * 1 FETCH (UID 1 BODY[1] {10}\n");
    for (int i = 0; i < 9; i++) {
        transcript_tick(t, TIMEOUT - 1);
        transcript_play(t, "S- x\n");
    }
    transcript_expect(t, "begin a seq 1 uid 1 BODY[1] size 10\n");
    transcript_tick(t, TIMEOUT);
    transcript_expect(t, "state closed\n"
                         "done a PERCH_ETIMEOUT\n");
}

static void test_timeouts_stand_still_in_a_pause_and_restart_with_each_piece(void)
{
    run((struct sink){.pause_at = 1}, play_time_paused);
    run((struct sink){.pause_at = 0}, play_time_slow);
}

/* ---- cancelling and freeing inside the hooks ---- */

static void cancel(struct transcript *t, perch_op *op)
{
    (void)t;
    perch_op_cancel(op);
}

static void free_session(struct transcript *t, perch_op *op)
{
    (void)op;
    perch_session_free(t->s);
}

/* Up to where the hook runs the log is the same; then the op ends and nothing else of it is told.
 */
static const char *told;

static void play_cancelled(struct transcript *t)
{
    (void)begin(t, "1");
    transcript_play(t, "C: <1> UID FETCH 1 (BODY.PEEK[1])\n"
                       "S: * 1 FETCH (UID 1 BODY[1] {10}\n"
                       "S: " TEN ")\n"
                       "S: <1> OK\n");
    transcript_expect(t, told);
}

static void test_any_hook_may_cancel_or_free(void)
{
    told = "begin a seq 1 uid 1 BODY[1] size 10\n"
           "done a PERCH_ECANCELLED\n"
           "event FETCH 1\n";
    run((struct sink){.in_begin = cancel}, play_cancelled);
    run((struct sink){.in_data = cancel}, play_cancelled);
    run((struct sink){.in_data = cancel, .pause_at = 1}, play_cancelled);
    told = "begin a seq 1 uid 1 BODY[1] size 10\n"
           "done a PERCH_ECANCELLED\n";
    run((struct sink){.in_begin = free_session}, play_cancelled);
    run((struct sink){.in_data = free_session}, play_cancelled);
    run((struct sink){.in_data = free_session, .pause_at = 1}, play_cancelled);
    told = "begin a seq 1 uid 1 BODY[1] size 10\n"
           "end a " TEN "\n"
           "done a PERCH_ECANCELLED\n"
           "event FETCH 1\n";
    run((struct sink){.in_end = cancel}, play_cancelled);
    told = "begin a seq 1 uid 1 BODY[1] size 10\n"
           "end a " TEN "\n"
           "done a PERCH_ECANCELLED\n";
    run((struct sink){.in_end = free_session}, play_cancelled);
}

/* ---- a session driven by hand ---- */

struct rig {
    perch_session *s;
    unsigned begins, ends, rows, dones;
    uint64_t got;
    int code;
    const uint8_t *piece; /* being fed: what is handed out must lie in it */
    size_t piece_len;
};

static void rig_begin(perch_op *op, const struct perch_body_head *head, void *user)
{
    (void)op;
    (void)head;
    ((struct rig *)user)->begins++;
}

static int rig_data(perch_op *op, const uint8_t *p, size_t n, void *user)
{
    struct rig *r = user;

    (void)op;
    r->got += n;
    CU_ASSERT(p >= r->piece && p + n <= r->piece + r->piece_len);
    return 0;
}

static void rig_end(perch_op *op, void *user)
{
    (void)op;
    ((struct rig *)user)->ends++;
}

static void rig_fetch(perch_op *op, const struct perch_fetch *row, void *user)
{
    (void)op;
    (void)row;
    ((struct rig *)user)->rows++;
}

static void rig_done(perch_op *op, void *user)
{
    struct rig *r = user;

    r->dones++;
    r->code = perch_op_code(op);
}

static int rig_feed(struct rig *r, const void *p, size_t n)
{
    ssize_t used;

    r->piece = p;
    r->piece_len = n;
    used = perch_session_feed(r->s, p, n);
    return used < 0 ? (int)used : 0;
}

static int rig_say(struct rig *r, const char *text)
{
    return rig_feed(r, text, strlen(text));
}

static int rig_answer(struct rig *r)
{
    struct perch_span out = perch_session_output(r->s), line = out;
    struct perch_span tag = perch_span_cut(&line, ' ');
    char text[64];

    (void)snprintf(text, sizeof text, "%.*s OK\r\n", (int)tag.n, tag.p ? tag.p : "");
    perch_session_sent(r->s, out.n);
    return rig_say(r, text);
}

/* Selected, and a FETCH of UID 1 has left. */
static int rig_start(struct rig *r, uint64_t body_max)
{
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;
    struct perch_select_args select = PERCH_SELECT_ARGS_INIT;
    struct perch_fetch_args fetch = PERCH_FETCH_ARGS_INIT;
    struct perch_range range = {1, 1};
    struct perch_set set = {.r = &range, .n = 1};
    int rc;

    *r = (struct rig){0};
    options.secure = options.allow_preauth = true;
    options.limits.inline_literal = SMALL;
    options.limits.body = body_max;
    r->s = perch_session_new(&options, NULL, NULL, 0);
    if (!r->s)
        return PERCH_ENOMEM;
    rc = rig_say(r, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n");
    select.mailbox = PERCH_SPAN("INBOX");
    if (rc == 0)
        rc = perch_select_start(r->s, &select, NULL, NULL, NULL);
    if (rc == 0)
        rc = rig_answer(r);
    fetch.set = &set;
    fetch.sections = one_section;
    fetch.nsections = 1;
    fetch.on_fetch = rig_fetch;
    fetch.on_body_begin = rig_begin;
    fetch.on_body_data = rig_data;
    fetch.on_body_end = rig_end;
    if (rc == 0)
        rc = rig_say(r, "* 1 EXISTS\r\n");
    if (rc == 0)
        rc = perch_fetch_start(r->s, &fetch, rig_done, r, NULL);
    if (rc == 0)
        perch_session_sent(r->s, perch_session_output(r->s).n);
    return rc;
}

/* A connection that ends after any number of bytes of the answer. */
static void test_a_body_that_was_cut_short_is_no_message(void)
{
    static const char answer[] = "* 1 FETCH (UID 1 BODY[1] {10}\r\n" TEN ")\r\n";
    size_t head = strlen("* 1 FETCH (UID 1 BODY[1] {10}\r\n"), all = strlen(answer);

    for (size_t k = 0; k <= all; k++) {
        struct rig r;

        CU_ASSERT_EQUAL_FATAL(rig_start(&r, 1000), 0);
        for (size_t fed = 0; fed < k;) { /* what was not eaten is given again */
            ssize_t n;

            r.piece = (const uint8_t *)answer;
            r.piece_len = k;
            n = perch_session_feed(r.s, (const uint8_t *)answer + fed, k - fed);
            CU_ASSERT_FATAL(n >= 0);
            fed = n ? fed + (size_t)n : k;
        }
        ASSERT_INT(r.got, k <= head ? 0 : k - head < 10 ? k - head : 10);
        perch_session_lost(r.s, NULL);
        ASSERT_INT(r.rows, k == all);
        ASSERT_INT(r.ends, k >= head + 10);
        ASSERT_INT(r.dones, 1);
        ASSERT_INT(r.code, PERCH_ECLOSED);
        perch_session_free(r.s);
    }
}

static int count_allocation(void *user)
{
    ++*(unsigned *)user;
    return 1;
}

static void test_64_MiB_take_no_memory(void)
{
    static uint8_t piece[16 * 1024];
    const uint64_t size = (uint64_t)64 << 20;
    unsigned allocations = 0;
    struct rig r;

    CU_ASSERT_EQUAL_FATAL(rig_start(&r, size), 0);
    ASSERT_INT(rig_say(&r, "* 1 FETCH (UID 1 BODY[1] {67108864}\r\n"), 0);
    ASSERT_INT(r.begins, 1);
    perch_mem_set_gate(count_allocation, &allocations);
    for (uint64_t fed = 0; fed < size; fed += sizeof piece)
        ASSERT_INT(rig_feed(&r, piece, sizeof piece), 0);
    perch_mem_set_gate(NULL, NULL);
    ASSERT_INT(allocations, 0);
    ASSERT_INT(r.s->kept.len, strlen("* 1 FETCH (UID 1 BODY[1] {67108864}\r\n"));
    CU_ASSERT(r.s->kept.cap <= 256);
    ASSERT_INT(r.s->unit_arena.used, 0);
    ASSERT_INT(r.got, size);
    ASSERT_INT(r.ends, 1);
    ASSERT_INT(rig_say(&r, ")\r\n"), 0);
    ASSERT_INT(r.rows, 1);
    ASSERT_INT(r.s->kept.cap, 0);
    perch_session_free(r.s);
}

/* What a failure brings after it (no mailbox, no FETCH) is a consequence of it. */
static int fetch_one(void *user)
{
    struct rig r;
    int rc = rig_start(&r, 1000);
    bool started = rc == 0;

    (void)user;
    if (rc == 0)
        rc = rig_say(&r, "* 1 FETCH (UID 1 BODY[1] {10}\r\n");
    if (rc == 0)
        rc = rig_say(&r, "01234");
    if (rc == 0)
        (void)rig_say(&r, "56789)\r\n");
    if (r.rows == 1)
        ASSERT_INT(r.got, 10);
    rc = r.rows == 1 && r.ends == 1 ? 0 : PERCH_ENOMEM;
    perch_session_free(r.s);
    if (started)
        ASSERT_INT(r.dones, 1);
    return rc;
}

static void test_every_refused_allocation_is_survived(void)
{
    CU_ASSERT(perch_failmem(fetch_one, NULL) > 8);
}

PERCH_SUITE("session/body") = {
    PERCH_TEST(test_a_body_comes_in_pieces_and_then_its_row),
    PERCH_TEST(test_only_what_is_above_the_limit_streams),
    PERCH_TEST(test_two_bodies_in_a_row_and_a_row_by_UID),
    PERCH_TEST(test_a_body_never_goes_to_the_wrong_op),
    PERCH_TEST(test_what_nobody_asked_for_is_passed_over),
    PERCH_TEST(test_a_row_that_makes_no_sense_is_not_reported),
    PERCH_TEST(test_a_paused_session_eats_nothing_until_it_is_resumed),
    PERCH_TEST(test_what_ends_the_op_ends_the_pause),
    PERCH_TEST(test_timeouts_stand_still_in_a_pause_and_restart_with_each_piece),
    PERCH_TEST(test_any_hook_may_cancel_or_free),
    PERCH_TEST(test_a_body_that_was_cut_short_is_no_message),
    PERCH_TEST(test_64_MiB_take_no_memory),
    PERCH_TEST(test_every_refused_allocation_is_survived),
    PERCH_END,
};
