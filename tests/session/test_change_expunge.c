/* EXPUNGE of all that is marked, of given messages with and without UIDPLUS, and CLOSE. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "perch/change.h"

static void show(struct transcript_token *token, perch_op *op)
{
    const struct perch_expunge_result *r = perch_op_expunged(op);

    transcript_note(token->t, "expunged %llu%s%s", (unsigned long long)r->count,
                    r->emulated ? " emulated" : "", r->left ? " left" : "");
}

/* `uids` NULL: all that is marked. */
static perch_op *start(struct transcript *t, const char *uids)
{
    struct perch_set set = PERCH_SET_INIT;
    struct transcript_token *token = transcript_token(t, "a");
    perch_op *op = NULL;

    token->on_done = show;
    if (uids && *uids)
        CU_ASSERT(!perch_set_parse(&set, perch_span_of(uids), 0));
    transcript_started(t,
                       perch_expunge_start(t->s, uids ? &set : NULL, transcript_done, token, &op));
    perch_set_done(&set);
    return op;
}

static void play_all(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 8);
    start(t, NULL);
    transcript_play(t, "C: <1> EXPUNGE\nS: * 3 EXPUNGE\nS: * 3 EXPUNGE\nS: <1> OK\n");
    start(t, NULL);
    transcript_play(t, "C: <2> EXPUNGE\nS: <2> NO read-only\n");
    transcript_expect(t, "event EXPUNGE 3 op EXPUNGE\nevent EXPUNGE 3 op EXPUNGE\n"
                         "done a ok\nexpunged 2\n"
                         "done a PERCH_ENO\nexpunged 0\n");
    ASSERT_INT(perch_session_mailbox(t->s)->exists, 6);
}

static void test_all_that_is_marked_goes(void)
{
    transcript_run(NULL, play_all);
}

static void play_uids(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 UIDPLUS");
    transcript_select(t, 8);
    start(t, "3000:3002");
    transcript_play(t, "C: <1> UID EXPUNGE 3000:3002\nS: * 3 EXPUNGE\nS: <1> OK\n");
    transcript_expect(t, "event EXPUNGE 3 op UID EXPUNGE\ndone a ok\nexpunged 1\n");
}

static void test_given_messages_go_by_uid_expunge(void)
{
    transcript_run(NULL, play_uids);
}

/* The most dangerous mistake there is: no messages taken for all messages. */
static void play_none(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 8);
    start(t, "");
    transcript_play(t, "");
    transcript_expect(t, "done a ok\nexpunged 0\n");
}

static void test_the_empty_set_expunges_nothing(void)
{
    transcript_run(NULL, play_none);
}

static void play_vanished(struct transcript *t)
{
    static const char *const caps[] = {"QRESYNC"};

    transcript_login(t, "IMAP4rev1 ENABLE QRESYNC UIDPLUS");
    transcript_started(
        t, perch_enable_start(t->s, caps, 1, transcript_done, transcript_token(t, "e"), NULL));
    transcript_play(t, "C: <1> ENABLE QRESYNC\nS: * ENABLED QRESYNC\nS: <1> OK\n");
    transcript_started(
        t, perch_select_start(t->s,
                              &(struct perch_select_args){.size = sizeof(struct perch_select_args),
                                                          .mailbox = PERCH_SPAN("x")},
                              transcript_done, transcript_token(t, "s"), NULL));
    transcript_play(t, "C: <2> SELECT \"x\"\nS: * 9 EXISTS\nS: <2> OK\n");
    perch_buf_clear(&t->log);
    start(t, "1:9");
    transcript_play(t, "C: <3> UID EXPUNGE 1:9\nS: * VANISHED 2,4:6\nS: <3> OK\n");
    transcript_expect(t, "event VANISHED op UID EXPUNGE\ndone a ok\nexpunged 4\n");
}

static void test_vanished_counts_too(void)
{
    transcript_run(NULL, play_vanished);
}

static void play_emulated(struct transcript *t)
{
    static const struct {
        const char *deleted; /* how the server answers SEARCH DELETED */
        bool expunges;
        const char *want;
    } cases[] = {
        {"S: * SEARCH 4 5\nS: * SEARCH\n", true, "expunged 1 emulated\n"},
        {"S: * ESEARCH UID ALL 4\n", true, "expunged 1 emulated\n"},
        {"S: * SEARCH\n", false, "expunged 0 emulated\n"},
        {"S: * SEARCH 4 6\n", false, "expunged 0 emulated left\n"},
        {"S: * SEARCH 4\nS: * SEARCH 9\n", false, "expunged 0 emulated left\n"},
        {"", false, "expunged 0 emulated left\n"},
    };

    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 8);
    for (size_t i = 0; i < PERCH_COUNT(cases); i++) {
        struct perch_buf script = PERCH_BUF_INIT;

        start(t, "4:5");
        perch_buf_addf(&script, "C: <l%zu> UID SEARCH DELETED\n%sS: <l%zu> OK\n", i,
                       cases[i].deleted, i);
        if (cases[i].expunges)
            perch_buf_addf(&script, "C: <x%zu> EXPUNGE\nS: * 1 EXPUNGE\nS: <x%zu> OK\n", i, i);
        transcript_play(t, perch_buf_cstr(&script));
        perch_buf_done(&script);
        if (!strstr(perch_buf_cstr(&t->log), cases[i].want))
            FAIL_ROW("%s: %s", cases[i].deleted, perch_buf_cstr(&t->log));
        perch_buf_clear(&t->log);
    }
}

static void test_without_uidplus_only_what_was_asked_for_may_go(void)
{
    transcript_run(NULL, play_emulated);
}

static void play_look_refused(struct transcript *t)
{
    perch_op *op;

    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 8);
    start(t, "4");
    transcript_play(t, "C: <1> UID SEARCH DELETED\nS: <1> BAD what?\n");
    op = start(t, "4");
    transcript_play(t, "C: <2> UID SEARCH DELETED\n");
    perch_op_cancel(op);
    transcript_play(t, "S: * SEARCH 4\nS: <2> OK\n");
    transcript_expect(t, "done a PERCH_EBAD\nexpunged 0 emulated\n"
                         "done a PERCH_ECANCELLED\nexpunged 0 emulated\n"
                         "event SEARCH\n");
}

static void test_refused_or_cancelled_while_looking_expunges_nothing(void)
{
    transcript_run(NULL, play_look_refused);
}

/* ---- CLOSE ---- */

static void play_close(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 UNSELECT");
    transcript_refused(t,
                       perch_close_start(t->s, transcript_done, transcript_token(t, "early"), NULL),
                       PERCH_ESTATE);
    transcript_select(t, 8);
    transcript_started(t,
                       perch_close_start(t->s, transcript_done, transcript_token(t, "no"), NULL));
    transcript_play(t, "C: <1> CLOSE\nS: <1> NO not now\n");
    ASSERT_INT(perch_session_mailbox(t->s)->exists, 8);
    transcript_started(t, perch_close_start(t->s, transcript_done, transcript_token(t, "c"), NULL));
    transcript_play(t, "C: <2> CLOSE\nS: <2> OK\n");
    CU_ASSERT_PTR_NULL(perch_session_mailbox(t->s));
    transcript_expect(t, "done no PERCH_ENO\nstate authenticated\ndone c ok\n");
}

static void test_close_leaves_the_mailbox_if_the_server_agrees(void)
{
    transcript_run(NULL, play_close);
}

PERCH_SUITE("session/change_expunge") = {
    PERCH_TEST(test_all_that_is_marked_goes),
    PERCH_TEST(test_given_messages_go_by_uid_expunge),
    PERCH_TEST(test_the_empty_set_expunges_nothing),
    PERCH_TEST(test_vanished_counts_too),
    PERCH_TEST(test_without_uidplus_only_what_was_asked_for_may_go),
    PERCH_TEST(test_refused_or_cancelled_while_looking_expunges_nothing),
    PERCH_TEST(test_close_leaves_the_mailbox_if_the_server_agrees),
    PERCH_END,
};
