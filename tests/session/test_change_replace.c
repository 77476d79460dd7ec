/* REPLACE, and what it is made of where the server has none. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "perch/change.h"

static const struct perch_append_message hello = {.flags = PERCH_FLAG_DRAFT,
                                                  .source = {.size = 5, .data = "hello"}};

static void begin(struct transcript *t, const char *caps)
{
    transcript_login(t, caps);
    transcript_select(t, 20);
}

static void show(struct transcript_token *token, perch_op *op)
{
    const struct perch_append_result *r = perch_op_appended(op);
    char uids[64];

    (void)perch_set_format(&r->uids, uids, sizeof uids);
    transcript_note(token->t, "appended %zu %u %s%s%s", r->appended, r->uidvalidity, uids,
                    r->emulated ? " emulated" : "", r->left ? " left" : "");
}

static int try_start(struct transcript *t, uint32_t number, bool seq,
                     const struct perch_append_message *m)
{
    struct perch_replace_args args = PERCH_REPLACE_ARGS_INIT;
    struct transcript_token *token = transcript_token(t, "a");

    token->on_done = show;
    args.number = number;
    args.seq = seq;
    args.mailbox = PERCH_SPAN("Drafts");
    args.message = m;
    return perch_replace_start(t->s, &args, transcript_done, token, NULL);
}

static void start(struct transcript *t, uint32_t number, bool seq)
{
    transcript_started(t, try_start(t, number, seq, &hello));
}

/* RFC 8508, the examples of section 3. */
static void play_plain(struct transcript *t)
{
    begin(t, "IMAP4rev1 UIDPLUS REPLACE LITERAL+");
    start(t, 2000, false);
    transcript_play(t, "C: <1> UID REPLACE 2000 \"Drafts\" (\\\\Draft) {5+}\n"
                       "C: hello\n"
                       "S: * OK [APPENDUID 1 2001] Replacement Message ready\n"
                       "S: * 5 EXPUNGE\n"
                       "S: <1> OK Replace completed\n");
    start(t, 4, true);
    transcript_play(t, "C: <2> REPLACE 4 \"Drafts\" (\\\\Draft) {5+}\n"
                       "C: hello\n"
                       "S: <2> NO [TRYCREATE] no\n");
    transcript_expect(t, "event OK op UID REPLACE\n"
                         "event EXPUNGE 5 op UID REPLACE\n"
                         "done a ok\nappended 1 1 2001\n"
                         "done a PERCH_ENO\nappended 0 0 \n");
}

static void test_the_new_message_takes_the_place_of_the_old(void)
{
    transcript_run(NULL, play_plain);
}

static void play_emulated(struct transcript *t)
{
    begin(t, "IMAP4rev1 UIDPLUS");
    start(t, 4, true);
    transcript_play(t, "C: <1> FETCH 4 (UID)\n"
                       "S: * 4 FETCH (UID 77)\n"
                       "S: <1> OK\n"
                       "C: <2> APPEND \"Drafts\" (\\\\Draft) {5}\n"
                       "S: + go\n"
                       "C: hello\n"
                       "S: <2> OK [APPENDUID 1 78] done\n"
                       "C: <3> UID STORE 77 +FLAGS.SILENT (\\\\Deleted)\n"
                       "S: <3> OK\n"
                       "C: <4> UID EXPUNGE 77\n"
                       "S: * 4 EXPUNGE\n"
                       "S: <4> OK\n");
    transcript_expect(t, "event FETCH 4 op REPLACE\n"
                         "event EXPUNGE 4 op REPLACE\n"
                         "done a ok\nappended 1 1 78 emulated\n");
}

static void test_without_it_the_old_one_goes_once_the_new_one_is_there(void)
{
    transcript_run(NULL, play_emulated);
}

static void play_kept(struct transcript *t)
{
    begin(t, "IMAP4rev1 UIDPLUS");
    start(t, 77, false);
    transcript_play(t, "C: <1> UID FETCH 77 (UID)\nS: * 4 FETCH (UID 77)\nS: <1> OK\n"
                       "C: <2> APPEND \"Drafts\" (\\\\Draft) {5}\n"
                       "S: <2> NO [OVERQUOTA] full\n");
    start(t, 78, false);
    transcript_play(t, "C: <3> UID FETCH 78 (UID)\nS: <3> OK\n");
    transcript_expect(t, "event FETCH 4 op UID REPLACE\n"
                         "done a PERCH_ENO\nappended 0 0  emulated\n"
                         "done a PERCH_ENO\nappended 0 0  emulated\n");
}

static void test_the_old_one_stays_if_the_new_one_does_not_come(void)
{
    transcript_run(NULL, play_kept);
}

static void play_left(struct transcript *t)
{
    begin(t, "IMAP4rev1");
    start(t, 77, false);
    transcript_play(t, "C: <1> UID FETCH 77 (UID)\nS: * 4 FETCH (UID 77)\nS: <1> OK\n"
                       "C: <2> APPEND \"Drafts\" (\\\\Draft) {5}\nS: + go\n"
                       "C: hello\nS: <2> OK done\n"
                       "C: <3> UID STORE 77 +FLAGS.SILENT (\\\\Deleted)\nS: <3> OK\n"
                       "C: <4> UID SEARCH DELETED\nS: * SEARCH 3 77\nS: <4> OK\n");
    transcript_expect(t, "event FETCH 4 op UID REPLACE\n"
                         "event SEARCH op UID REPLACE\n"
                         "done a ok\nappended 1 0  emulated left\n");
}

static void test_others_that_are_marked_are_never_expunged(void)
{
    transcript_run(NULL, play_left);
}

static void play_refused(struct transcript *t)
{
    static const struct perch_append_message large = {.source = {.size = 101, .data = "x"}};

    begin(t, "IMAP4rev1 UIDPLUS APPENDLIMIT=100");
    transcript_refused(t, try_start(t, 0, false, &hello), PERCH_EINVAL);
    transcript_refused(t, try_start(t, 1, false, NULL), PERCH_EINVAL);
    transcript_refused(t, try_start(t, 1, false, &large), PERCH_ELIMIT);
    transcript_play(t, "");
}

static void test_what_cannot_be_appended_is_refused_before_anything_leaves(void)
{
    transcript_run(NULL, play_refused);
}

PERCH_SUITE("session/change_replace") = {
    PERCH_TEST(test_the_new_message_takes_the_place_of_the_old),
    PERCH_TEST(test_without_it_the_old_one_goes_once_the_new_one_is_there),
    PERCH_TEST(test_the_old_one_stays_if_the_new_one_does_not_come),
    PERCH_TEST(test_others_that_are_marked_are_never_expunged),
    PERCH_TEST(test_what_cannot_be_appended_is_refused_before_anything_leaves),
    PERCH_END,
};
