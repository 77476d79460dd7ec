/* What the server can. */
#include "support/perch_test.h"
#include "support/transcript.h"

static void play_unknown(struct transcript *t)
{
    const char *const *names;

    transcript_play(t, "S: * OK hi\n");
    CU_ASSERT(!perch_session_can(t->s, PERCH_CAP_IMAP4REV1));
    CU_ASSERT(!perch_session_has(t->s, "IMAP4rev1"));
    ASSERT_INT(perch_session_capabilities(t->s, &names), 0);
}

static void test_nothing_can_be_done_while_nothing_is_known(void)
{
    transcript_run(NULL, play_unknown);
}

static void play_told(struct transcript *t)
{
    const char *const *names;

    transcript_login(t, "IMAP4rev1 idle X-Own QUOTA=RES-STORAGE");
    CU_ASSERT(perch_session_can(t->s, PERCH_CAP_IDLE));
    CU_ASSERT(perch_session_has(t->s, "IDLE"));
    CU_ASSERT(perch_session_has(t->s, "x-own"));
    CU_ASSERT(!perch_session_has(t->s, "x-ow"));
    CU_ASSERT(!perch_session_can(t->s, PERCH_CAP_UNSELECT));
    CU_ASSERT(!perch_session_can(t->s, PERCH_CAP_COUNT));
    ASSERT_INT(perch_session_capabilities(t->s, &names), 4);
    ASSERT_STR(names[1], "idle");
    ASSERT_STR(names[3], "QUOTA=RES-STORAGE");
    transcript_play(t, "S: * CAPABILITY IMAP4rev1 UNSELECT\n");
    CU_ASSERT(!perch_session_can(t->s, PERCH_CAP_IDLE));
    CU_ASSERT(perch_session_can(t->s, PERCH_CAP_UNSELECT));
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 IDLE] changed\n");
    CU_ASSERT(perch_session_can(t->s, PERCH_CAP_IDLE));
    transcript_expect(t, "event CAPABILITY\n"
                         "event CAPABILITY\n"
                         "event OK\n");
}

static void test_the_last_list_counts_whole(void)
{
    transcript_run(NULL, play_told);
}

static void play_implied(struct transcript *t)
{
    static const enum perch_cap folded[] = {
        PERCH_CAP_NAMESPACE,     PERCH_CAP_UNSELECT,    PERCH_CAP_UIDPLUS, PERCH_CAP_ESEARCH,
        PERCH_CAP_SEARCHRES,     PERCH_CAP_ENABLE,      PERCH_CAP_IDLE,    PERCH_CAP_SASL_IR,
        PERCH_CAP_LIST_EXTENDED, PERCH_CAP_LIST_STATUS, PERCH_CAP_MOVE,    PERCH_CAP_LITERAL_MINUS,
        PERCH_CAP_SPECIAL_USE,   PERCH_CAP_STATUS_SIZE,
    };

    transcript_login(t, "IMAP4rev2");
    for (size_t i = 0; i < PERCH_COUNT(folded); i++)
        if (!perch_session_can(t->s, folded[i]))
            FAIL_ROW("capability %d is not implied", (int)folded[i]);
    CU_ASSERT(perch_session_has(t->s, "UIDPLUS"));
    CU_ASSERT(!perch_session_can(t->s, PERCH_CAP_CONDSTORE));
    CU_ASSERT(!perch_session_can(t->s, PERCH_CAP_IMAP4REV1));
    transcript_play(t, "S: * CAPABILITY IMAP4rev1 QRESYNC UTF8=ONLY\n");
    CU_ASSERT(perch_session_can(t->s, PERCH_CAP_CONDSTORE));
    CU_ASSERT(perch_session_can(t->s, PERCH_CAP_UTF8_ACCEPT));
    CU_ASSERT(!perch_session_can(t->s, PERCH_CAP_MOVE));
}

static void test_some_imply_others(void)
{
    transcript_run(NULL, play_implied);
}

static void play_rev2_only(struct transcript *t)
{
    struct perch_select_args args = PERCH_SELECT_ARGS_INIT;

    transcript_login(t, "IMAP4rev2");
    args.mailbox = PERCH_SPAN("gr\xc3\xbc\xc3\x9f");
    transcript_started(
        t, perch_select_start(t->s, &args, transcript_done, transcript_token(t, "select"), NULL));
    transcript_play(t, "C: <1> SELECT \"gr\xc3\xbc\xc3\x9f\"\n"
                       "S: * 1 EXISTS\n"
                       "S: * LIST () \"/\" \"gr\xc3\xbc\xc3\x9f\"\n"
                       "S: <1> OK\n");
    transcript_expect(t, "state selecting\n"
                         "event EXISTS 1\n"
                         "event LIST\n"
                         "state selected\n"
                         "done select ok\n");
}

static void test_IMAP4rev2_alone_speaks_UTF8(void)
{
    transcript_run(NULL, play_rev2_only);
}

PERCH_SUITE("session/caps") = {
    PERCH_TEST(test_nothing_can_be_done_while_nothing_is_known),
    PERCH_TEST(test_the_last_list_counts_whole),
    PERCH_TEST(test_some_imply_others),
    PERCH_TEST(test_IMAP4rev2_alone_speaks_UTF8),
    PERCH_END,
};
