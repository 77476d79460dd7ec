/* Accounts against servers that follow a script: several mailboxes, reloads, troubles. */
#include "daemon/account_scene.h"

/* ---- several mailboxes ---- */

#define CAPS_STATUS CAPS_QRESYNC " LIST-STATUS LIST-EXTENDED"

static void test_status_says_which_mailboxes_to_visit(void)
{
    static const struct server_step first[] = {
        LOGIN(CAPS_STATUS),
        ENABLE,
        LIST("* LIST () \"/\" Lists\r\n* STATUS Lists (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 9 "
             "HIGHESTMODSEQ 1)\r\n* LIST () \"/\" INBOX\r\n"),
        EXPECT("EXAMINE \"INBOX\" (CONDSTORE)"),
        SAY(OPENED("0", "7", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        EXPECT("EXAMINE \"Lists\" (CONDSTORE)"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("0", "9", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 1))"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("0", "7", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        IDLE,
        END,
    };
    static const struct server_step second[] = {
        LOGIN(CAPS_STATUS),
        ENABLE,
        LIST("* STATUS Lists (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 9 HIGHESTMODSEQ 1)\r\n"
             "* LIST () \"/\" Lists\r\n* LIST () \"/\" INBOX\r\n"),
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 1))"),
        SAY(OPENED("0", "7", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        IDLE, /* Lists has nothing new: it is not even opened */
        END,
    };

    begin_scene();
    serve(first);
    run_until(1);
    CU_ASSERT_TRUE(status_healthy(the_account()));
    disconnect();
    serve(second);
    run_until(1);
    CU_ASSERT_TRUE(status_healthy(the_account()));
    end_scene();
}

static void test_mailboxes_that_come_are_events_but_the_first_ones(void)
{
    static const struct server_step first[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        IDLE,
        END,
    };
    static const struct server_step second[] = {
        LOGIN(CAPS_PLAIN),
        LIST("* LIST () \"/\" inbox\r\n* LIST () \"/\" &AOk-t&AOk-\r\n"
             "* LIST (\\Noselect) \"/\" nothing\r\n"),
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("EXAMINE \"&AOk-t&AOk-\""),
        SAY(OPENED("0", "8", "1", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    serve(first);
    run_until(1);
    ASSERT_STR(scene.events, "connected - 0 live; ");
    disconnect();
    serve(second);
    run_until(2);
    ASSERT_STR(scene.events, "connected - 0 live; mailbox-created été 0 late; ");
    end_scene();
}

#define CAPS_POLL "IMAP4rev1 SASL-IR AUTH=PLAIN ENABLE CONDSTORE QRESYNC LIST-STATUS LIST-EXTENDED"
#define ROW_INBOX                                                                                  \
    "* LIST () \"/\" INBOX\r\n* STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7 HIGHESTMODSEQ "   \
    "1)\r\n"
#define ROW_LISTS(messages, uidnext, modseq)                                                       \
    "* LIST () \"/\" Lists\r\n* STATUS Lists (MESSAGES " messages " UIDNEXT " uidnext              \
    " UIDVALIDITY 9 HIGHESTMODSEQ " modseq ")\r\n"
#define LOOK(rows) EXPECT("NOOP"), SAY("%t OK\r\n"), LIST(rows)

static void test_looking_around_finds_what_moved_elsewhere(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_POLL),
        ENABLE,
        LIST(ROW_INBOX ROW_LISTS("0", "1", "1")),
        EXPECT("EXAMINE \"INBOX\" (CONDSTORE)"),
        SAY(OPENED("0", "7", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        EXPECT("EXAMINE \"Lists\" (CONDSTORE)"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("0", "9", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 1))"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("0", "7", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        LOOK(ROW_INBOX ROW_LISTS("0", "1", "1")),
        LOOK(ROW_INBOX ROW_LISTS("1", "2", "5")),
        EXPECT("EXAMINE \"Lists\" (QRESYNC (9 1))"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("1", "9", "2", "HIGHESTMODSEQ 5") "%t OK\r\n"),
        EXPECT("UID FETCH 1:4294967295 ("),
        SAY(WHOLE("1", "1", "", "5") "%t OK\r\n"),
        EXPECT("EXAMINE \"INBOX\" (QRESYNC (7 1))"),
        SAY("* OK [CLOSED] bye\r\n" OPENED("0", "7", "1", "HIGHESTMODSEQ 1") "%t OK\r\n"),
        LOOK(ROW_INBOX ROW_LISTS("1", "2", "5")),
        LOOK(ROW_INBOX), /* once is not enough */
        LOOK(ROW_INBOX ROW_LISTS("1", "2", "5")),
        LOOK(ROW_INBOX),
        LOOK(ROW_INBOX),
        END,
    };

    begin_scene();
    scene.account.poll_ms = 10;
    serve(steps);
    (void)wait_for(enough, 3);
    ASSERT_STR(scene.events,
               "connected - 0 live; new Lists 1 live; mailbox-deleted Lists 0 live; ");
    end_scene();
}

/* ---- reload ---- */

static void test_a_reload_touches_what_changed_and_nothing_else(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        IDLE,
        END,
    };
    static char other_user[] = "berta";
    struct config_account changed;
    struct config config;
    const struct account *before;
    const perch_client *client;

    begin_scene();
    serve(steps);
    (void)wait_for(watching, 0);
    run_until(1);
    before = the_account();
    client = before->client;

    changed = scene.account;
    changed.first_run = FIRST_RUN_ALL;
    changed.nbindings = 0;
    config = scene.config;
    config.accounts = &changed;
    ASSERT_INT(supervisor_use(scene.supervisor, &config), 0);
    CU_ASSERT_PTR_EQUAL(the_account(), before);
    CU_ASSERT_PTR_EQUAL(before->client, client);
    CU_ASSERT_PTR_EQUAL(before->cfg, &changed);

    /* As another user it is another account, which starts anew. */
    scene.account.user = other_user;
    serve(steps);
    (void)wait_for(watching, 0);
    run_until(2);
    ASSERT_STR(scene.events, "reset - 0 late; connected - 0 live; ");

    config = scene.config;
    config.naccounts = 0;
    ASSERT_INT(supervisor_use(scene.supervisor, &config), 0);
    CU_ASSERT_PTR_NULL(the_account());
    end_scene();
}

/* ---- trouble ---- */

static void test_after_a_refused_login_the_secret_is_asked_for_afresh(void)
{
    static const struct server_step busy[] = {
        SAY("* OK [CAPABILITY " CAPS_PLAIN "] hi\r\n"),
        EXPECT("AUTHENTICATE PLAIN "),
        SAY("%t NO [UNAVAILABLE] later\r\n"),
        END,
    };
    static const struct server_step refuse[] = {
        SAY("* OK [CAPABILITY " CAPS_PLAIN "] hi\r\n"),
        EXPECT("AUTHENTICATE PLAIN "),
        SAY("%t NO [AUTHENTICATIONFAILED] no\r\n"),
        END,
    };
    static const struct server_step accept[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        IDLE,
        END,
    };

    begin_scene();
    serve(busy); /* a server that is busy says nothing of the password */
    (void)wait_for(waiting, 0);
    ASSERT_STR(scene.events, "disconnected - 0 live; ");
    serve(refuse);
    (void)wait_for(waiting, 0);
    ASSERT_INT(scene.secrets, 2);
    ASSERT_INT(scene.fresh_secrets, 0);
    ASSERT_STR(the_account()->trouble->class, "auth");
    CU_ASSERT_FALSE(status_healthy(the_account()));
    serve(accept);
    (void)wait_for(watching, 0);
    run_until(1);
    ASSERT_INT(scene.fresh_secrets, 1);
    ASSERT_STR(scene.events, "connected - 0 live; ");
    CU_ASSERT_TRUE(status_healthy(the_account()));
    end_scene();
}

static void test_an_edge_is_told_once(void)
{
    static const struct server_step slam[] = {CUT, END};

    begin_scene();
    serve(slam);
    (void)wait_for(waiting, 0);
    ASSERT_STR(scene.events, "disconnected - 0 live; ");
    serve(slam);
    (void)wait_for(waiting, 0);
    ASSERT_STR(scene.events, "");
    end_scene();
}

/* The sanitizers see who is late to read an account that nobody holds any more. */
static void test_an_account_that_goes_outlives_its_job_only(void)
{
    static const struct server_step slam[] = {CUT, END};

    begin_scene();
    serve(slam); /* its row is being looked up */
    CU_ASSERT_FALSE(flow_idle(the_account()));
    scene.config.naccounts = 0;
    ASSERT_INT(supervisor_use(scene.supervisor, &scene.config), 0);
    CU_ASSERT_PTR_NULL(the_account());
    end_scene(); /* the job comes back in here */
}

static void test_stopping_says_goodbye(void)
{
    static const struct server_step steps[] = {
        LOGIN(CAPS_PLAIN),
        LIST_INBOX,
        EXPECT("EXAMINE \"INBOX\""),
        SAY(OPENED("0", "7", "1", "NOMODSEQ") "%t OK\r\n"),
        EXPECT("LOGOUT"),
        SAY("* BYE bye\r\n%t OK out\r\n"),
        {SERVER_CLOSE, NULL},
        END,
    };

    begin_scene();
    scene.account.watch = WATCH_POLL;
    serve(steps);
    (void)wait_for(watching, 0);
    supervisor_stop(scene.supervisor);
    (void)wait_for(stopped, 0);
    ASSERT_INT(the_account()->state, ACCOUNT_STOPPED);
    end_scene();
}

PERCH_SUITE("daemon/account") = {
    PERCH_TEST(test_status_says_which_mailboxes_to_visit),
    PERCH_TEST(test_mailboxes_that_come_are_events_but_the_first_ones),
    PERCH_TEST(test_looking_around_finds_what_moved_elsewhere),
    PERCH_TEST(test_a_reload_touches_what_changed_and_nothing_else),
    PERCH_TEST(test_after_a_refused_login_the_secret_is_asked_for_afresh),
    PERCH_TEST(test_an_edge_is_told_once),
    PERCH_TEST(test_an_account_that_goes_outlives_its_job_only),
    PERCH_TEST(test_stopping_says_goodbye),
    PERCH_END,
};
