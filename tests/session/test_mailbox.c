/* ENABLE, SELECT, UNSELECT, and the mirror of the selected mailbox. */
#include "support/perch_test.h"
#include "support/transcript.h"

#define QRESYNC_CAPS "IMAP4rev1 ENABLE CONDSTORE QRESYNC IDLE UNSELECT"

static void start_enable(struct transcript *t, const char *capability)
{
    transcript_started(t, perch_enable_start(t->s, &capability, 1, transcript_done,
                                             transcript_token(t, "enable"), NULL));
}

static void start_select(struct transcript *t, const char *name, bool examine)
{
    struct perch_select_args args = PERCH_SELECT_ARGS_INIT;

    args.mailbox = perch_span_of(name);
    args.examine = examine;
    args.condstore = true;
    transcript_started(
        t, perch_select_start(t->s, &args, transcript_done, transcript_token(t, "select"), NULL));
}

static void enable_qresync(struct transcript *t)
{
    transcript_login(t, QRESYNC_CAPS);
    start_enable(t, "QRESYNC");
    transcript_play(t, "C: <enable> ENABLE QRESYNC\n"
                       "S: * ENABLED QRESYNC\n"
                       "S: <enable> OK\n");
    transcript_expect(t, "event OTHER op ENABLE\n"
                         "done enable ok\n");
}

/* ---- ENABLE ---- */

static void play_enable(struct transcript *t)
{
    enable_qresync(t);
    CU_ASSERT(perch_session_enabled(t->s, PERCH_CAP_QRESYNC));
    CU_ASSERT(perch_session_enabled(t->s, PERCH_CAP_CONDSTORE));
    CU_ASSERT(!perch_session_enabled(t->s, PERCH_CAP_UTF8_ACCEPT));
}

static void test_ENABLE_QRESYNC_brings_CONDSTORE(void)
{
    transcript_run(NULL, play_enable);
}

static void play_enable_silent(struct transcript *t)
{
    static const char *const both[] = {"CONDSTORE", "UTF8=ACCEPT"};

    transcript_login(t, "IMAP4rev1 ENABLE CONDSTORE");
    transcript_started(
        t, perch_enable_start(t->s, both, 2, transcript_done, transcript_token(t, "enable"), NULL));
    transcript_play(t, "C: <1> ENABLE CONDSTORE UTF8=ACCEPT\n"
                       "S: <1> OK\n");
    CU_ASSERT(perch_session_enabled(t->s, PERCH_CAP_CONDSTORE));
    CU_ASSERT(!perch_session_enabled(t->s, PERCH_CAP_UTF8_ACCEPT));
}

static void test_OK_without_ENABLED_enables_what_is_offered(void)
{
    transcript_run(NULL, play_enable_silent);
}

static void play_enabled_unasked(struct transcript *t)
{
    transcript_login(t, QRESYNC_CAPS);
    transcript_play(t, "S: * ENABLED QRESYNC\n");
    transcript_expect(t, "event MALFORMED: ENABLED, which nobody asked for\n");
    CU_ASSERT(!perch_session_enabled(t->s, PERCH_CAP_QRESYNC));
}

static void test_ENABLED_that_nobody_asked_for_enables_nothing(void)
{
    transcript_run(NULL, play_enabled_unasked);
}

static void play_enable_refused(struct transcript *t)
{
    static const char *const caps[] = {"QRESYNC"};

    transcript_login(t, "IMAP4rev1");
    transcript_refused(
        t,
        perch_enable_start(t->s, caps, 1, transcript_done, transcript_token(t, "no ENABLE"), NULL),
        PERCH_ECAPABILITY);
    transcript_select(t, 0);
    transcript_refused(
        t,
        perch_enable_start(t->s, caps, 1, transcript_done, transcript_token(t, "selected"), NULL),
        PERCH_ESTATE);
    transcript_refused(
        t, perch_enable_start(t->s, caps, 0, transcript_done, transcript_token(t, "nothing"), NULL),
        PERCH_EINVAL);
}

static void test_ENABLE_is_refused_where_it_cannot_be(void)
{
    transcript_run(NULL, play_enable_refused);
}

/* ---- SELECT ---- */

static void play_select(struct transcript *t)
{
    const struct perch_mailbox *m;

    transcript_login(t, QRESYNC_CAPS);
    start_select(t, "Entw\xc3\xbcrfe", true);
    transcript_play(t, "C: <1> EXAMINE \"Entw&APw-rfe\" (CONDSTORE)\n"
                       "S: * FLAGS (\\\\Seen $Work)\n"
                       "S: * 17 EXISTS\n"
                       "S: * 2 RECENT\n"
                       "S: * OK [PERMANENTFLAGS ()] none\n"
                       "S: * OK [UIDVALIDITY 3857529045] ok\n"
                       "S: * OK [UIDNEXT 4392] ok\n"
                       "S: * OK [UNSEEN 8] ok\n"
                       "S: * OK [HIGHESTMODSEQ 715194045007] ok\n"
                       "S: * OK [MAILBOXID (F1)] ok\n"
                       "S: * OK [UIDNOTSTICKY] oh\n"
                       "S: <1> OK [READ-ONLY] done\n");
    m = perch_session_mailbox(t->s);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    ASSERT_SPAN(m->name.utf8, "Entw\xc3\xbcrfe");
    ASSERT_SPAN(m->name.raw, "Entw&APw-rfe");
    ASSERT_INT(m->exists, 17);
    ASSERT_INT(m->recent, 2);
    ASSERT_INT(m->uidvalidity, 3857529045);
    ASSERT_INT(m->uidnext, 4392);
    ASSERT_INT(m->unseen, 8);
    ASSERT_INT(m->highestmodseq, 715194045007);
    ASSERT_SPAN(m->mailboxid, "F1");
    ASSERT_INT(m->flags.n, 2);
    ASSERT_SPAN(m->flags.v[1], "$Work");
    CU_ASSERT(m->readonly && m->uidnotsticky && m->permanentflags_told && !m->nomodseq);
    ASSERT_INT(m->permanentflags.n, 0);
    CU_ASSERT(!m->permanentflags.star);
}

static void test_EXAMINE_fills_the_mirror(void)
{
    transcript_run(NULL, play_select);
}

static void play_select_bare(struct transcript *t)
{
    const struct perch_mailbox *m;

    transcript_login(t, "IMAP4rev1");
    start_select(t, "inbox", false);
    transcript_play(t, "C: <1> SELECT \"INBOX\"\n"
                       "S: * FLAGS (\\\\Seen)\n"
                       "S: * 0 EXISTS\n"
                       "S: * OK [UIDVALIDITY 0] zero\n"
                       "S: * OK [NOMODSEQ] no\n"
                       "S: <1> OK [READ-ONLY] given less\n");
    m = perch_session_mailbox(t->s);
    ASSERT_INT(m->uidvalidity, 0);
    CU_ASSERT(m->readonly && m->nomodseq && m->permanentflags.star);
    ASSERT_INT(m->permanentflags.bits, PERCH_FLAG_SEEN);
    transcript_play(t, "S: * FLAGS (\\\\Seen \\\\Flagged)\n");
    ASSERT_INT(m->permanentflags.bits, PERCH_FLAG_SEEN | PERCH_FLAG_FLAGGED);
}

static void test_what_a_server_leaves_out_is_assumed(void)
{
    transcript_run(NULL, play_select_bare);
}

static void play_select_no(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 3);
    start_select(t, "gone", false);
    transcript_play(t, "C: <1> SELECT \"gone\"\n"
                       "S: <1> NO [NONEXISTENT] no such\n");
    transcript_expect(t, "state selecting\n"
                         "state authenticated\n"
                         "done select PERCH_ENO\n");
    CU_ASSERT_PTR_NULL(perch_session_mailbox(t->s));
}

static void test_after_NO_nothing_is_selected(void)
{
    transcript_run(NULL, play_select_no);
}

static void play_raw_name(struct transcript *t)
{
    struct perch_select_args args = PERCH_SELECT_ARGS_INIT;

    transcript_login(t, "IMAP4rev1");
    args.mailbox = PERCH_SPAN("&AGE-b");
    args.raw_name = true;
    transcript_started(
        t, perch_select_start(t->s, &args, transcript_done, transcript_token(t, "select"), NULL));
    transcript_play(t, "C: <1> SELECT \"&AGE-b\"\n"
                       "S: * 1 EXISTS\n"
                       "S: <1> OK\n");
    ASSERT_SPAN(perch_session_mailbox(t->s)->name.raw, "&AGE-b");
    CU_ASSERT(!perch_session_mailbox(t->s)->name.exact);
}

static void test_a_raw_name_goes_back_as_it_came(void)
{
    transcript_run(NULL, play_raw_name);
}

static void play_utf8_names(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 ENABLE UTF8=ACCEPT");
    start_enable(t, "UTF8=ACCEPT");
    transcript_play(t, "C: <1> ENABLE UTF8=ACCEPT\n"
                       "S: * ENABLED UTF8=ACCEPT\n"
                       "S: <1> OK\n");
    start_select(t, "Entw\xc3\xbcrfe", false);
    transcript_play(t, "C: <2> SELECT \"Entw\xc3\xbcrfe\"\n"
                       "S: <2> OK\n");
    ASSERT_SPAN(perch_session_mailbox(t->s)->name.raw, "Entw\xc3\xbcrfe");
}

static void test_with_UTF8_names_go_as_they_are(void)
{
    transcript_run(NULL, play_utf8_names);
}

/* ---- QRESYNC ---- */

static void on_fetch(perch_op *op, const struct perch_fetch *row, void *user)
{
    struct transcript_token *token = user;

    CU_ASSERT(perch_session_mailbox(perch_op_session(op)) != NULL);
    transcript_note(token->t, "row %u uid %u modseq %llu", row->seq, row->uid,
                    (unsigned long long)row->modseq);
}

static void on_vanished(perch_op *op, const struct perch_vanished_resp *row, void *user)
{
    struct transcript_token *token = user;
    char set[64];

    (void)op;
    (void)perch_set_format(&row->uids, set, sizeof set);
    transcript_note(token->t, "vanished %s", set);
}

static void start_resync(struct transcript *t, uint32_t uidvalidity, bool sample)
{
    struct perch_select_args args = PERCH_SELECT_ARGS_INIT;
    struct perch_set known = PERCH_SET_INIT, seqs = PERCH_SET_INIT, uids = PERCH_SET_INIT;

    CU_ASSERT(!perch_set_add(&known, 41, 211));
    CU_ASSERT(!perch_set_add(&seqs, 1, 2));
    CU_ASSERT(!perch_set_add(&uids, 41, 41) && !perch_set_add(&uids, 43, 43));
    args.mailbox = PERCH_SPAN("INBOX");
    args.examine = true;
    args.uidvalidity = uidvalidity;
    args.modseq = 90060115194045000;
    args.known_uids = &known;
    if (sample) {
        args.match_seqs = &seqs;
        args.match_uids = &uids;
    }
    args.on_fetch = on_fetch;
    args.on_vanished = on_vanished;
    transcript_started(
        t, perch_select_start(t->s, &args, transcript_done, transcript_token(t, "resync"), NULL));
    perch_set_done(&known);
    perch_set_done(&seqs);
    perch_set_done(&uids);
}

static void play_qresync(struct transcript *t)
{
    enable_qresync(t);
    start_resync(t, 67890007, false);
    transcript_play(t, "C: <1> EXAMINE \"INBOX\" (QRESYNC (67890007 90060115194045000 41:211))\n"
                       "S: * OK [CLOSED] nothing was open\n"
                       "S: * 100 EXISTS\n"
                       "S: * OK [UIDVALIDITY 67890007] ok\n"
                       "S: * OK [HIGHESTMODSEQ 90060115205545359] ok\n"
                       "S: * VANISHED (EARLIER) 41,43:116,118\n"
                       "S: * 49 FETCH (UID 117 FLAGS (\\\\Seen) MODSEQ (90060115194045001))\n"
                       "S: <1> OK [READ-ONLY] done\n");
    transcript_expect(t, "state selecting\n"
                         "event OK\n"
                         "event EXISTS 100\n"
                         "event OK\n"
                         "event OK\n"
                         "vanished 41,43:116,118\n"
                         "event VANISHED op EXAMINE\n"
                         "row 49 uid 117 modseq 90060115194045001\n"
                         "event FETCH 49 op EXAMINE\n"
                         "state selected\n"
                         "done resync ok\n");
    ASSERT_INT(perch_session_mailbox(t->s)->exists, 100);
}

static void test_QRESYNC_rows_come_with_the_SELECT(void)
{
    transcript_run(NULL, play_qresync);
}

static void play_sample(struct transcript *t)
{
    enable_qresync(t);
    start_resync(t, 7, true);
    transcript_play(t,
                    "C: <1> EXAMINE \"INBOX\" (QRESYNC (7 90060115194045000 41:211 (1:2 41,43)))\n"
                    "S: <1> OK\n");
}

static void test_QRESYNC_sends_a_sample(void)
{
    transcript_run(NULL, play_sample);
}

static void play_qresync_refused(struct transcript *t)
{
    struct perch_select_args args = PERCH_SELECT_ARGS_INIT;
    struct perch_set two = PERCH_SET_INIT, one = PERCH_SET_INIT;

    CU_ASSERT(!perch_set_add(&two, 1, 2) && !perch_set_add(&one, 1, 1));
    args.mailbox = PERCH_SPAN("INBOX");
    args.uidvalidity = 7;
    args.modseq = 1;
    transcript_login(t, QRESYNC_CAPS);
    transcript_refused(
        t,
        perch_select_start(t->s, &args, transcript_done, transcript_token(t, "not enabled"), NULL),
        PERCH_ESTATE);
    args.match_seqs = &two;
    args.match_uids = &one;
    transcript_refused(
        t, perch_select_start(t->s, &args, transcript_done, transcript_token(t, "uneven"), NULL),
        PERCH_EINVAL);
    args.match_seqs = args.match_uids = NULL;
    args.modseq = 0;
    transcript_refused(
        t, perch_select_start(t->s, &args, transcript_done, transcript_token(t, "no modseq"), NULL),
        PERCH_EINVAL);
    args = (struct perch_select_args)PERCH_SELECT_ARGS_INIT;
    transcript_refused(
        t, perch_select_start(t->s, &args, transcript_done, transcript_token(t, "no name"), NULL),
        PERCH_EINVAL);
    perch_set_done(&two);
    perch_set_done(&one);
}

static void test_QRESYNC_needs_what_it_needs(void)
{
    transcript_run(NULL, play_qresync_refused);
}

/* ---- from one mailbox to the next ---- */

static void play_closed(struct transcript *t)
{
    enable_qresync(t);
    transcript_select(t, 5);
    start_resync(t, 7, false);
    transcript_play(t, "C: <1> EXAMINE \"INBOX\" (QRESYNC (7 90060115194045000 41:211))\n"
                       "S: * VANISHED 12\n"
                       "S: * 6 EXISTS\n"
                       "S: * 3 FETCH (UID 3 FLAGS ())\n"
                       "S: * OK [CLOSED] left\n"
                       "S: * 2 EXISTS\n"
                       "S: * 1 FETCH (UID 41 FLAGS () MODSEQ (9))\n"
                       "S: <1> OK\n");
    transcript_expect(t, "state selecting\n"
                         "event OK\n"
                         "event EXISTS 2\n"
                         "row 1 uid 41 modseq 9\n"
                         "event FETCH 1 op EXAMINE\n"
                         "state selected\n"
                         "done resync ok\n");
    ASSERT_INT(perch_session_mailbox(t->s)->exists, 2);
}

static void test_what_comes_before_CLOSED_is_about_the_mailbox_before(void)
{
    transcript_run(NULL, play_closed);
}

static void play_no_closed(struct transcript *t)
{
    enable_qresync(t);
    transcript_select(t, 5);
    start_select(t, "b", false);
    transcript_play(t, "C: <1> SELECT \"b\" (CONDSTORE)\n"
                       "S: * 2 EXISTS\n"
                       "S: <1> OK\n");
    transcript_expect(t, "state selecting\n"
                         "state selected\n"
                         "event RESYNC: the server did not say [CLOSED], so that data of this "
                         "mailbox was taken for data of the one before\n"
                         "done select ok\n");
    ASSERT_INT(perch_session_mailbox(t->s)->exists, 2);
    start_select(t, "b", false);
    transcript_play(t, "C: <2> SELECT \"b\" (CONDSTORE)\n"
                       "S: * 2 EXISTS\n"
                       "S: <2> OK\n");
    transcript_expect(t, "state selecting\n"
                         "event EXISTS 2\n"
                         "state selected\n"
                         "done select ok\n");
}

static void test_a_server_that_does_not_say_CLOSED_is_remembered(void)
{
    transcript_run(NULL, play_no_closed);
}

/* ---- changes ---- */

static void play_changes(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 3);
    transcript_play(t, "S: * 2 EXPUNGE\n"
                       "S: * 4 EXISTS\n"
                       "S: * 1 FETCH (FLAGS (\\\\Seen))\n"
                       "S: * OK [HIGHESTMODSEQ 12] ok\n");
    transcript_expect(t, "event EXPUNGE 2\n"
                         "event EXISTS 4 was 2\n"
                         "event FETCH 1\n"
                         "event OK\n");
    ASSERT_INT(perch_session_mailbox(t->s)->exists, 4);
    ASSERT_INT(perch_session_mailbox(t->s)->highestmodseq, 12);
}

static void test_EXPUNGE_counts_down_by_itself(void)
{
    transcript_run(NULL, play_changes);
}

static void play_vanished(struct transcript *t)
{
    enable_qresync(t);
    transcript_select(t, 10);
    transcript_play(t, "S: * VANISHED 405,407,410:411\n"
                       "S: * VANISHED (EARLIER) 1:4294967295\n"
                       "S: * VANISHED 1:4294967295\n"
                       "S: * VANISHED 1:7\n");
    transcript_expect(t, "event VANISHED\n"
                         "event VANISHED\n"
                         "event RESYNC: more messages vanished than there are\n");
    ASSERT_INT(perch_session_mailbox(t->s)->exists, 6);
}

static void test_VANISHED_counts_down_unless_EARLIER(void)
{
    transcript_run(NULL, play_vanished);
}

static void play_many_ranges(struct transcript *t)
{
    struct perch_buf line = PERCH_BUF_INIT;
    struct perch_span all;

    enable_qresync(t);
    transcript_select(t, 10);
    perch_buf_adds(&line, "* VANISHED (EARLIER) ");
    for (unsigned i = 0; i <= 65536; i++) /* one more than a set may have */
        perch_buf_addf(&line, "%s%u", i ? "," : "", 2 * i + 1);
    perch_buf_adds(&line, "\r\n");
    all = perch_buf_span(&line);
    ASSERT_INT(perch_session_feed(t->s, (const uint8_t *)all.p, all.n), all.n);
    CU_ASSERT(perch_span_istarts(perch_buf_span(&t->log), "event MALFORMED: "));
    perch_buf_done(&line);
}

static void test_VANISHED_has_a_limit_of_ranges(void)
{
    transcript_run(NULL, play_many_ranges);
}

static void play_vanished_unasked(struct transcript *t)
{
    transcript_login(t, QRESYNC_CAPS);
    transcript_select(t, 10);
    transcript_play(t, "S: * VANISHED 405\n");
    transcript_expect(t, "event MALFORMED: VANISHED, which nobody enabled\n");
    ASSERT_INT(perch_session_mailbox(t->s)->exists, 10);
}

static void test_VANISHED_without_QRESYNC_is_ignored(void)
{
    transcript_run(NULL, play_vanished_unasked);
}

/* ---- what cannot be ---- */

static void resync_by(struct transcript *t, const char *script, const char *want)
{
    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 3);
    transcript_play(t, script);
    transcript_expect(t, want);
    CU_ASSERT(t->fed >= 0);
}

static void play_expunge_0(struct transcript *t)
{
    resync_by(t, "S: * 0 EXPUNGE\n", "event RESYNC: EXPUNGE of a message that is not there\n");
}

static void play_expunge_99(struct transcript *t)
{
    resync_by(t, "S: * 99 EXPUNGE\nS: * 4294967295 EXPUNGE\n",
              "event RESYNC: EXPUNGE of a message that is not there\n");
    ASSERT_INT(perch_session_mailbox(t->s)->exists, 3);
}

static void play_exists_shrinks(struct transcript *t)
{
    resync_by(t, "S: * 1 EXISTS\n",
              "event EXISTS 1 was 3\n"
              "event RESYNC: EXISTS shrank without EXPUNGE, or is no number of messages\n");
}

static void play_exists_huge(struct transcript *t)
{
    resync_by(t, "S: * 4294967295 EXISTS\n", "event EXISTS 4294967295 was 3\n");
}

static void play_fetch_beyond(struct transcript *t)
{
    resync_by(t, "S: * 5 FETCH (UID 5 FLAGS ())\n",
              "event RESYNC: FETCH of a message that is not there\n");
}

static void play_fetch_0(struct transcript *t)
{
    resync_by(t, "S: * 0 FETCH (UID 5 FLAGS ())\n", "event MALFORMED: FETCH of message 0\n");
}

static void play_uidvalidity_changes(struct transcript *t)
{
    resync_by(t, "S: * OK [UIDVALIDITY 8] oh\n", "event RESYNC: UIDVALIDITY changed\nevent OK\n");
}

static void test_what_cannot_be_true_asks_for_a_resync_once(void)
{
    transcript_run(NULL, play_expunge_0);
    transcript_run(NULL, play_expunge_99);
    transcript_run(NULL, play_exists_shrinks);
    transcript_run(NULL, play_exists_huge);
    transcript_run(NULL, play_fetch_beyond);
    transcript_run(NULL, play_fetch_0);
    transcript_run(NULL, play_uidvalidity_changes);
}

static void play_expunge_before_select(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_play(t, "S: * 1 EXPUNGE\n");
    ASSERT_INT(t->fed, PERCH_EPROTO);
    transcript_expect(t, "state closed\n");
}

static void test_EXPUNGE_before_SELECT_ends_the_connection(void)
{
    transcript_run(NULL, play_expunge_before_select);
}

/* ---- UNSELECT ---- */

static void start_unselect(struct transcript *t)
{
    transcript_started(
        t, perch_unselect_start(t->s, transcript_done, transcript_token(t, "unselect"), NULL));
}

static void play_unselect(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 UNSELECT");
    transcript_select(t, 1);
    start_unselect(t);
    transcript_play(t, "C: <1> UNSELECT\n"
                       "S: <1> OK\n");
    transcript_expect(t, "state authenticated\n"
                         "done unselect ok\n");
    CU_ASSERT_PTR_NULL(perch_session_mailbox(t->s));
    transcript_refused(
        t, perch_unselect_start(t->s, transcript_done, transcript_token(t, "twice"), NULL),
        PERCH_ESTATE);
}

static void play_close(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    start_select(t, "a", true);
    transcript_play(t, "C: <1> EXAMINE \"a\"\n"
                       "S: <1> OK [READ-ONLY]\n");
    start_unselect(t);
    transcript_play(t, "C: <2> CLOSE\n"
                       "S: <2> OK\n");
    ASSERT_INT(perch_session_state(t->s), PERCH_STATE_AUTHENTICATED);
}

static void play_no_close(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_select(t, 1);
    transcript_refused(
        t, perch_unselect_start(t->s, transcript_done, transcript_token(t, "expunges"), NULL),
        PERCH_ECAPABILITY);
}

static void test_UNSELECT_or_CLOSE_where_it_expunges_nothing(void)
{
    transcript_run(NULL, play_unselect);
    transcript_run(NULL, play_close);
    transcript_run(NULL, play_no_close);
}

PERCH_SUITE("session/mailbox") = {
    PERCH_TEST(test_ENABLE_QRESYNC_brings_CONDSTORE),
    PERCH_TEST(test_OK_without_ENABLED_enables_what_is_offered),
    PERCH_TEST(test_ENABLED_that_nobody_asked_for_enables_nothing),
    PERCH_TEST(test_ENABLE_is_refused_where_it_cannot_be),
    PERCH_TEST(test_EXAMINE_fills_the_mirror),
    PERCH_TEST(test_what_a_server_leaves_out_is_assumed),
    PERCH_TEST(test_after_NO_nothing_is_selected),
    PERCH_TEST(test_a_raw_name_goes_back_as_it_came),
    PERCH_TEST(test_with_UTF8_names_go_as_they_are),
    PERCH_TEST(test_QRESYNC_rows_come_with_the_SELECT),
    PERCH_TEST(test_QRESYNC_sends_a_sample),
    PERCH_TEST(test_QRESYNC_needs_what_it_needs),
    PERCH_TEST(test_what_comes_before_CLOSED_is_about_the_mailbox_before),
    PERCH_TEST(test_a_server_that_does_not_say_CLOSED_is_remembered),
    PERCH_TEST(test_EXPUNGE_counts_down_by_itself),
    PERCH_TEST(test_VANISHED_counts_down_unless_EARLIER),
    PERCH_TEST(test_VANISHED_has_a_limit_of_ranges),
    PERCH_TEST(test_VANISHED_without_QRESYNC_is_ignored),
    PERCH_TEST(test_what_cannot_be_true_asks_for_a_resync_once),
    PERCH_TEST(test_EXPUNGE_before_SELECT_ends_the_connection),
    PERCH_TEST(test_UNSELECT_or_CLOSE_where_it_expunges_nothing),
    PERCH_END,
};
