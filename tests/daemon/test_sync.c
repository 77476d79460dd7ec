/* One mailbox against servers that follow a script: what is asked, in which order, and which
 * events come of the answers. */
#include "daemon/account_scene.h"

/* ---- QRESYNC ---- */

static void test_qresync_finds_what_was_missed_in_one_answer(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY(OPENED("3", "7", "5", "HIGHESTMODSEQ 30")),
        SAY("* VANISHED (EARLIER) 2\r\n* 2 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (25))\r\n"),
        SAY("* 3 FETCH (UID 4 FLAGS () MODSEQ (24))\r\n%t OK\r\n"),
        EXPECT("UID FETCH 4:4294967295 (UID FLAGS MODSEQ"),
        SAY(WHOLE("3", "4", "", "24") "%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_qresync();
    serve(steps);
    run_until(4);
    ASSERT_STR(scene.events, "connected - 0 live; deleted INBOX 2 late; flags INBOX 3 late; "
                             "new INBOX 4 late; ");
    ASSERT_INT(inbox()->known.highestmodseq, 30);
    ASSERT_INT(inbox()->known.uidnext, 5);
    ASSERT_INT(inbox()->known.messages, 3);
    CU_ASSERT_TRUE(status_healthy(the_account()));
    end_scene();
}

static void test_pushes_are_live_events(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY(OPENED("3", "7", "4", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        IDLE,
        SAY("* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (21))\r\n* VANISHED 2\r\n"),
        LEAVE_IDLE("* 3 EXISTS\r\n"),
        EXPECT("UID FETCH 4:4294967295 ("),
        SAY(WHOLE("3", "4", "", "23") "%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_qresync();
    serve(steps);
    run_until(4);
    CU_ASSERT_PTR_NOT_NULL(strstr(scene.events, "flags INBOX 1 live; "));
    CU_ASSERT_PTR_NOT_NULL(strstr(scene.events, "deleted INBOX 2 live; "));
    CU_ASSERT_PTR_NOT_NULL(strstr(scene.events, "new INBOX 4 live; "));
    ASSERT_INT(scene.nevents, 4);
    end_scene();
}

static void test_the_cursor_moves_at_tagged_answers_only(void)
{
    static const struct server_step pushes[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY(OPENED("3", "7", "4", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        IDLE,
        SAY("* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (90))\r\n"),
        END,
    };
    static const struct server_step answers[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"), /* 90 was pushed, but never answered */
        SAY(OPENED("3", "7", "4", "HIGHESTMODSEQ 90")),
        SAY("* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (90))\r\n%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 4 EXISTS\r\n* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (99))\r\n"),
        EXPECT("UID FETCH 4:4294967295 ("),
        /* A smaller expunge is still held back: RFC 7162 section 6. */
        SAY(WHOLE("4", "4", "", "95") "%t OK [HIGHESTMODSEQ 94] fetched\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_qresync();
    serve(pushes);
    run_until(2);
    ASSERT_INT(inbox()->known.highestmodseq, 20);
    disconnect();
    serve(answers);
    run_until(3);
    CU_ASSERT_PTR_NULL(strstr(scene.events, "flags INBOX 1"));
    ASSERT_INT(inbox()->known.highestmodseq, 94);
    end_scene();
}

static void test_a_push_without_modseq_is_asked_for(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY(OPENED("3", "7", "4", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 1 FETCH (FLAGS (\\Flagged))\r\n"),
        EXPECT("UID FETCH 1:3 (UID FLAGS MODSEQ) (CHANGEDSINCE 20)"),
        SAY("* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (21))\r\n%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_qresync();
    serve(steps);
    run_until(2);
    ASSERT_STR(scene.events, "connected - 0 live; flags INBOX 1 live; ");
    end_scene();
}

/* The rows of first..last and the tagged answer, from the heap. */
static char *many_rows(unsigned first, unsigned last)
{
    struct perch_buf b = PERCH_BUF_INIT;

    for (unsigned uid = first; uid <= last; uid++)
        perch_buf_addf(&b, "* %u FETCH (UID %u FLAGS () MODSEQ (9) RFC822.SIZE 1)\r\n", uid, uid);
    perch_buf_adds(&b, "%t OK fetched\r\n");
    (void)perch_buf_cstr(&b); /* the NUL */
    return (char *)b.p;
}

static void test_a_mailbox_in_doubt_is_selected_again(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY(OPENED("3", "7", "4", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 2 EXISTS\r\n"), /* none was said to be gone */
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("2", "7", "4", "HIGHESTMODSEQ 22")),
        SAY("* VANISHED (EARLIER) 2\r\n%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_qresync();
    serve(steps);
    run_until(2);
    ASSERT_STR(scene.events, "connected - 0 live; deleted INBOX 2 live; ");
    ASSERT_INT(inbox()->known.highestmodseq, 22);
    end_scene();
}

static void test_a_server_that_contradicts_itself_for_ever_is_left(void)
{
    static const struct server_step again[] = {
        LEAVE_IDLE("* 2 EXISTS\r\n"),
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("3", "7", "4", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        IDLE,
    };
    static const struct server_step begin[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY(OPENED("3", "7", "4", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        IDLE,
    };
    struct server_step steps[PERCH_COUNT(begin) + 20 * PERCH_COUNT(again) + 1] = {{SERVER_END, 0}};

    memcpy(steps, begin, sizeof begin);
    for (size_t i = 0; i < 20; i++)
        memcpy(steps + PERCH_COUNT(begin) + i * PERCH_COUNT(again), again, sizeof again);
    begin_scene();
    settle_qresync();
    serve(steps);
    (void)wait_for(waiting, 0);
    ASSERT_STR(the_account()->trouble->reason, "resync");
    end_scene();
}

static void test_a_first_contact_that_was_cut_goes_on_downwards(void)
{
    char *upper = many_rows(101, 600), *lower = many_rows(1, 100);
    const struct server_step first[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (CONDSTORE)"),
        SAY(OPENED("600", "7", "601", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        EXPECT("UID SEARCH RETURN (ALL) ALL"),
        SAY("* ESEARCH (TAG \"%t\") UID ALL 1:600\r\n%t OK\r\n"),
        EXPECT("UID FETCH 101:600 ("),
        SAY(upper),
        EXPECT("UID FETCH 1:100 ("),
        CUT,
        END,
    };
    const struct server_step second[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20 101:4294967295))"),
        SAY(OPENED("600", "7", "601", "HIGHESTMODSEQ 20") "%t OK\r\n"),
        EXPECT("UID SEARCH RETURN (ALL) ALL"),
        SAY("* ESEARCH (TAG \"%t\") UID ALL 1:600\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1:100 ("),
        SAY(lower),
        IDLE,
        END,
    };

    begin_scene();
    scene.account.first_run = FIRST_RUN_ALL;
    serve(first);
    (void)wait_for(waiting, 0);
    ASSERT_INT(scene.nevents, 502); /* connected, 500 old messages, disconnected */
    ASSERT_INT(inbox()->initial_below, 101);
    serve(second);
    run_until(101);
    ASSERT_INT(scene.nevents, 101); /* connected, the other 100 */
    ASSERT_INT(inbox()->known.sync, STORE_SYNC_DONE);
    ASSERT_INT(inbox()->known.messages, 600);
    end_scene();
    perch_free(upper);
    perch_free(lower);
}

static bool cut_or_settled(size_t n)
{
    return waiting(n) || settled(n);
}

static size_t count_of(const char *needle)
{
    size_t n = 0;

    for (const char *at = scene.events; (at = strstr(at, needle)); at++)
        n++;
    return n;
}

/* Whatever was heard before the cut, afterwards each change was told exactly once. */
static void test_a_cut_at_any_byte_loses_nothing_and_invents_nothing(void)
{
    /* UIDNEXT is not told, so that either connection asks for what is new. */
    static const struct server_step steps[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 "),
        SAY("* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [HIGHESTMODSEQ 30] ok\r\n"),
        SAY("* VANISHED (EARLIER) 2\r\n* 2 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (25))\r\n"),
        SAY("* 3 FETCH (UID 4 FLAGS () MODSEQ (24))\r\n%t OK\r\n"),
        EXPECT("UID FETCH "),
        SAY(WHOLE("3", "4", "", "24") "%t OK\r\n"),
        IDLE,
        END,
    };
    bool cut = true;

    for (size_t at = 1; cut; at += 7) {
        begin_scene();
        settle_qresync();
        scene.events[0] = '\0';
        scene.nevents = 0;
        serve_cut(steps, at);
        (void)wait_for(cut_or_settled, 0);
        cut = the_account()->state == ACCOUNT_WAITING;
        if (cut) {
            serve_cut(steps, 0);
            run_until(3);
        }
        if (count_of("new INBOX 4 late; ") != 1 || count_of("flags INBOX 3 late; ") != 1 ||
            count_of("deleted INBOX 2 late; ") != 1 || count_of("INBOX") != 3)
            FAIL_ROW("cut after %zu bytes: %s", at, scene.events);
        end_scene();
    }
}

/* ---- CONDSTORE without QRESYNC ---- */

static void test_condstore_needs_two_questions(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_CONDSTORE),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (CONDSTORE)"),
        SAY(OPENED("3", "7", "5", "HIGHESTMODSEQ 30") "%t OK\r\n"),
        EXPECT("UID SEARCH RETURN (ALL) ALL"),
        SAY("* ESEARCH (TAG \"%t\") UID ALL 1,3:4\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1:3 (UID FLAGS MODSEQ) (CHANGEDSINCE 20)"),
        SAY("* 2 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (25))\r\n%t OK\r\n"),
        EXPECT("UID FETCH 4:4294967295 (UID FLAGS MODSEQ"),
        SAY(WHOLE("3", "4", "", "24") "%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 1 EXPUNGE\r\n"),
        EXPECT("UID SEARCH RETURN (ALL) ALL"),
        SAY("* ESEARCH (TAG \"%t\") UID ALL 3:4\r\n%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_qresync();
    serve(steps);
    run_until(5);
    ASSERT_STR(scene.events, "connected - 0 live; deleted INBOX 2 late; flags INBOX 3 late; "
                             "new INBOX 4 late; deleted INBOX 1 live; ");
    end_scene();
}

/* ---- neither ---- */

static void test_a_plain_server_is_compared_with(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("3", "7", "5", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("UID SEARCH ALL"),
        SAY("* SEARCH 1 3 4\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1,3 (UID FLAGS)"),
        SAY("* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 3 FLAGS (\\Seen))\r\n%t OK\r\n"),
        EXPECT("UID FETCH 4:4294967295 (UID FLAGS INTERNALDATE"),
        SAY(WHOLE_PLAIN("3", "4", "") "%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 3 FETCH (FLAGS (\\Flagged))\r\n"),
        EXPECT("FETCH 3 (UID FLAGS)"),
        SAY("* 3 FETCH (UID 4 FLAGS (\\Flagged))\r\n%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 1 EXPUNGE\r\n"),
        EXPECT("UID SEARCH ALL"),
        SAY("* SEARCH 3 4\r\n%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_plain();
    serve(steps);
    run_until(6);
    CU_ASSERT_PTR_NOT_NULL(strstr(scene.events, "connected - 0 live; deleted INBOX 2 late; "
                                                "flags INBOX 3 late; new INBOX 4 late; "));
    CU_ASSERT_PTR_NOT_NULL(strstr(scene.events, "flags INBOX 4 live; "));
    CU_ASSERT_PTR_NOT_NULL(strstr(scene.events, "deleted INBOX 1 live; "));
    ASSERT_INT(scene.nevents, 6);
    end_scene();
}

static void test_a_sequence_number_that_is_refused_leads_to_a_comparison(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("3", "7", "4", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("UID SEARCH ALL"),
        SAY("* SEARCH 1 2 3\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1:3 (UID FLAGS)"),
        SAY("%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 3 FETCH (FLAGS (\\Flagged))\r\n"),
        EXPECT("FETCH 3 (UID FLAGS)"),
        SAY("* 1 EXPUNGE\r\n%t BAD invalid messageset\r\n"),
        IDLE, /* was sent with the command before */
        LEAVE_IDLE(""),
        EXPECT("UID SEARCH ALL"),
        SAY("* SEARCH 2 3\r\n%t OK\r\n"),
        IDLE,
        LEAVE_IDLE(""),
        EXPECT("UID FETCH 2:3 (UID FLAGS)"),
        SAY("* 2 FETCH (UID 3 FLAGS (\\Flagged))\r\n%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_plain();
    serve(steps);
    run_until(3);
    ASSERT_STR(scene.events, "connected - 0 live; deleted INBOX 1 live; flags INBOX 3 live; ");
    end_scene();
}

static void test_nothing_is_gone_because_a_search_was_short(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("3", "7", "4", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("UID SEARCH ALL"),
        SAY("%t OK\r\n"),
        EXPECT("UID SEARCH ALL"),
        SAY("* SEARCH 1\r\n%t OK\r\n"),
        EXPECT("UID SEARCH ALL"),
        SAY("* SEARCH 1\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1 (UID FLAGS)"),
        SAY("* 1 FETCH (UID 1 FLAGS ())\r\n%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_plain();
    serve(steps);
    run_until(1);
    ASSERT_STR(scene.events, "connected - 0 live; ");
    ASSERT_INT(inbox()->known.messages, 3);
    end_scene();
}

/* ---- UIDVALIDITY ---- */

static void test_another_uidvalidity_is_one_reset(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_QRESYNC),
        ENABLE,
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 20))"),
        SAY(OPENED("2", "8", "3", "HIGHESTMODSEQ 5") "%t OK\r\n"),
        EXPECT("UID SEARCH RETURN (ALL) ALL"),
        SAY("* ESEARCH (TAG \"%t\") UID ALL 1:2\r\n%t OK\r\n"),
        EXPECT("UID FETCH 1:2 ("),
        SAY(WHOLE("1", "1", "", "4") WHOLE("2", "2", "", "5") "%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    settle_qresync();
    scene.account.first_run = FIRST_RUN_ALL;
    serve(steps);
    run_until(2);
    ASSERT_STR(scene.events, "connected - 0 live; reset INBOX 0 late; ");
    ASSERT_INT(inbox()->known.uidvalidity, 8);
    ASSERT_INT(inbox()->known.messages, 2);
    end_scene();
}

static void test_mailboxes_that_cannot_be_watched_disturb_no_other(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_PLAIN),
        LIST("* LIST () \"/\" Broken\r\n* LIST () \"/\" Locked\r\n* LIST () \"/\" Fine\r\n"),
        EXPECT("EXAMINE \"Broken\""),
        SAY(OPENED("1", "0", "2", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("EXAMINE \"Locked\""),
        SAY("%t NO [NOPERM] not yours\r\n"),
        EXPECT("EXAMINE \"Fine\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        IDLE,
        LEAVE_IDLE("* 1 EXISTS\r\n"),
        EXPECT("UID FETCH 1:4294967295"),
        SAY(WHOLE_PLAIN("1", "1", "") "%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    serve(steps);
    run_until(2);
    ASSERT_STR(scene.events, "connected - 0 live; new Fine 1 live; ");
    CU_ASSERT_TRUE(status_healthy(the_account()));
    end_scene();
}

PERCH_SUITE("daemon/sync") = {
    PERCH_TEST(test_qresync_finds_what_was_missed_in_one_answer),
    PERCH_TEST(test_pushes_are_live_events),
    PERCH_TEST(test_the_cursor_moves_at_tagged_answers_only),
    PERCH_TEST(test_a_push_without_modseq_is_asked_for),
    PERCH_TEST(test_a_mailbox_in_doubt_is_selected_again),
    PERCH_TEST(test_a_server_that_contradicts_itself_for_ever_is_left),
    PERCH_TEST(test_a_first_contact_that_was_cut_goes_on_downwards),
    PERCH_TEST(test_a_cut_at_any_byte_loses_nothing_and_invents_nothing),
    PERCH_TEST(test_condstore_needs_two_questions),
    PERCH_TEST(test_a_plain_server_is_compared_with),
    PERCH_TEST(test_a_sequence_number_that_is_refused_leads_to_a_comparison),
    PERCH_TEST(test_nothing_is_gone_because_a_search_was_short),
    PERCH_TEST(test_another_uidvalidity_is_one_reset),
    PERCH_TEST(test_mailboxes_that_cannot_be_watched_disturb_no_other),
    PERCH_END,
};
