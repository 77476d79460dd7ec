/* What a server says by itself: which event it is, and that nothing is lost. */
#include "support/perch_test.h"
#include "support/transcript.h"

#define MALFORMED(why) "event MALFORMED: " why "\n"

static const struct row {
    bool selected;
    const char *line, *want;
} rows[] = {
    {true, "S: * FLAGS (\\\\Seen)\n", "event FLAGS\n"},
    {true, "S: * 4 RECENT\n", "event OTHER 4\n"},
    {true, "S: * SORT 3 2 1\n", "event SEARCH\n"},
    {true, "S: * THREAD (2)(3 6)\n", "event SEARCH\n"},
    {true, "S: * 9 UIDFETCH (FLAGS ())\n", "event FETCH 9\n"},
    {true, "S: * OK [INPROGRESS] still at it\n", "event OK\n"},
    {true, "S: * NO disk nearly full\n", "event OK\n"},
    {true, "S: * BAD what was that\n", "event OK\n"},
    {false, "S: * LIST () \"/\" a\n", "event LIST\n"},
    {false, "S: * LSUB () \"/\" a\n", "event LIST\n"},
    {false, "S: * XLIST () \"/\" a\n", "event LIST\n"},
    {false, "S: * STATUS a (MESSAGES 1)\n", "event STATUS\n"},
    {false, "S: * METADATA \"\" /shared/comment\n", "event METADATA\n"},
    {false, "S: * NAMESPACE NIL NIL NIL\n", "event OTHER\n"},
    {false, "S: * QUOTAROOT INBOX \"\"\n", "event OTHER\n"},
    {false, "S: * ID NIL\n", "event OTHER\n"},
    {false, "S: * JABBERWOCKY 1 2 3\n", "event OTHER\n"},
    {false, "S: * 3 EXISTS\n", MALFORMED("EXISTS while no mailbox is selected")},
    {false, "S: * 3 RECENT\n", MALFORMED("RECENT while no mailbox is selected")},
    {false, "S: * FLAGS ()\n", MALFORMED("FLAGS while no mailbox is selected")},
    {false, "S: * 1 FETCH (FLAGS ())\n", MALFORMED("FETCH while no mailbox is selected")},
    {false, "S: * PREAUTH again\n", MALFORMED("a greeting in mid-session")},
    {false, "S: * SEARCH 1\n", MALFORMED("an answer to a search that nobody asked for")},
};

static const struct row *row;

static void play_row(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    if (row->selected)
        transcript_select(t, 20);
    transcript_play(t, row->line);
    transcript_expect(t, row->want);
    CU_ASSERT(t->fed >= 0);
}

static void test_each_is_an_event_of_its_kind(void)
{
    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        row = &rows[i];
        transcript_run(NULL, play_row);
    }
}

/* ---- quirks ---- */

static void play_quirk(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    t->quirks = true;
    transcript_play(t, "S: * OK\n");
    transcript_expect(t, "event QUIRK 8192: a status response without text, a bare \"+\"\n"
                         "event OK\n");
}

static void play_strict(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_play(t, "S: * OK\n");
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "event MALFORMED") != NULL);
}

static void test_what_is_tolerated_is_told_or_refused(void)
{
    struct perch_session_options strict = PERCH_SESSION_OPTIONS_INIT;

    transcript_run(NULL, play_quirk);
    strict.secure = true;
    strict.strict = ~0u;
    transcript_run(&strict, play_strict);
}

PERCH_SUITE("session/events") = {
    PERCH_TEST(test_each_is_an_event_of_its_kind),
    PERCH_TEST(test_what_is_tolerated_is_told_or_refused),
    PERCH_END,
};
