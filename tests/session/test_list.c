/* LIST, LSUB, STATUS, ID. */
#include "support/perch_test.h"
#include "support/transcript.h"

static void start(struct transcript *t, const char *label, struct perch_list_args args)
{
    args.size = sizeof args;
    transcript_started(
        t, perch_list_start(t->s, &args, transcript_done, transcript_token(t, label), NULL));
}

static void note_rows(struct transcript_token *token, perch_op *op)
{
    const struct perch_list_resp *const *lists;
    const struct perch_mailbox_status *const *statuses;
    size_t nlists = perch_op_lists(op, &lists), nstatuses = perch_op_statuses(op, &statuses);

    for (size_t i = 0; i < nlists; i++)
        transcript_note(token->t, "list %.*s", (int)lists[i]->mailbox.utf8.n,
                        lists[i]->mailbox.utf8.p);
    for (size_t i = 0; i < nstatuses; i++)
        transcript_note(token->t, "status %.*s %llu", (int)statuses[i]->mailbox.utf8.n,
                        statuses[i]->mailbox.utf8.p, (unsigned long long)statuses[i]->messages);
}

static void note_it(struct transcript *t)
{
    t->tokens[t->ntokens - 1].on_done = note_rows;
}

/* ---- LIST ---- */

static void play_plain(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    start(t, "a",
          (struct perch_list_args){.returns =
                                       PERCH_LIST_RETURN_CHILDREN | PERCH_LIST_RETURN_SPECIAL_USE,
                                   .recursive_match = true});
    note_it(t);
    transcript_play(t, "C: <1> LIST \"\" \"*\"\n"
                       "S: * LIST (\\\\HasNoChildren) \"/\" INBOX\n"
                       "S: * LIST () \"/\" \"Entw&APw-rfe\"\n"
                       "S: <1> OK\n");
    transcript_expect(t, "event LIST op LIST\n"
                         "event LIST op LIST\n"
                         "done a ok\n"
                         "list INBOX\n"
                         "list Entw\xc3\xbcrfe\n");
}

static void test_what_the_server_lacks_is_not_asked_for(void)
{
    transcript_run(NULL, play_plain);
}

static void play_extended(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 LIST-EXTENDED LIST-STATUS SPECIAL-USE");
    start(t, "a",
          (struct perch_list_args){.reference = PERCH_SPAN("x/"),
                                   .pattern = PERCH_SPAN("%"),
                                   .only_subscribed = true,
                                   .only_special_use = true,
                                   .recursive_match = true,
                                   .returns = PERCH_LIST_RETURN_CHILDREN |
                                              PERCH_LIST_RETURN_SUBSCRIBED |
                                              PERCH_LIST_RETURN_SPECIAL_USE,
                                   .status_items = PERCH_STATUS_MESSAGES | PERCH_STATUS_UIDNEXT |
                                                   PERCH_STATUS_HIGHESTMODSEQ});
    note_it(t);
    transcript_play(t, "C: <1> LIST (SUBSCRIBED SPECIAL-USE RECURSIVEMATCH) \"x/\" \"%\" RETURN "
                       "(SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UIDNEXT))\n"
                       "S: * STATUS a (MESSAGES 3 UIDNEXT 9)\n"
                       "S: * LIST (\\\\Sent) \"/\" a\n"
                       "S: * LIST (\\\\NonExistent) \"/\" b\n"
                       "S: <1> OK\n");
    transcript_expect(t, "event STATUS op LIST\n"
                         "event LIST op LIST\n"
                         "event LIST op LIST\n"
                         "done a ok\n"
                         "list a\n"
                         "list b\n"
                         "status a 3\n");
}

static void play_recursive_alone(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 LIST-EXTENDED");
    start(t, "a", (struct perch_list_args){.recursive_match = true});
    transcript_play(t, "C: <1> LIST \"\" \"*\"\n"
                       "S: <1> OK\n");
}

static void test_selection_and_return_options(void)
{
    transcript_run(NULL, play_extended);
    transcript_run(NULL, play_recursive_alone);
}

static void play_lsub(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    start(t, "a", (struct perch_list_args){.only_subscribed = true});
    transcript_play(t, "C: <1> LSUB \"\" \"*\"\n"
                       "S: * LSUB () \"/\" a\n"
                       "S: <1> OK\n");
    start(t, "b", (struct perch_list_args){.lsub = true});
    transcript_play(t, "C: <2> LSUB \"\" \"*\"\n"
                       "S: <2> NO\n");
    start(t, "c", (struct perch_list_args){.only_special_use = true});
    note_it(t);
    transcript_play(t, "C: <3> LIST \"\" \"*\"\n"
                       "S: * LIST () \"/\" a\n"
                       "S: * LIST (\\\\Trash) \"/\" b\n"
                       "S: <3> OK\n");
    transcript_expect(t, "event LIST op LIST\n"
                         "done a ok\n"
                         "done b PERCH_ENO\n"
                         "event LIST op LIST\n"
                         "event LIST op LIST\n"
                         "done c ok\n"
                         "list b\n");
}

static void test_selections_are_made_up_for(void)
{
    transcript_run(NULL, play_lsub);
}

static void play_status_each(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 LIST-EXTENDED");
    start(t, "a", (struct perch_list_args){.status_items = PERCH_STATUS_MESSAGES});
    note_it(t);
    transcript_play(t, "C: <1> LIST \"\" \"*\"\n"
                       "S: * LIST () \"/\" a\n"
                       "S: * LIST (\\\\Noselect) \"/\" b\n"
                       "S: * LIST (\\\\NonExistent) \"/\" c\n"
                       "S: * LIST () \"/\" \"&AGE-\"\n"
                       "S: * LIST () \"/\" e\n"
                       "S: <1> OK\n"
                       "C: <2> STATUS \"a\" (MESSAGES)\n"
                       "C: <3> STATUS \"&AGE-\" (MESSAGES)\n"
                       "C: <4> STATUS \"e\" (MESSAGES)\n"
                       "S: * STATUS a (MESSAGES 1)\n"
                       "S: <2> OK\n"
                       "S: <3> NO gone\n"
                       "S: * STATUS e (MESSAGES 5)\n"
                       "S: * STATUS zz (MESSAGES 9)\n"
                       "S: <4> OK\n");
    transcript_expect(t, "event LIST op LIST\n"
                         "event LIST op LIST\n"
                         "event LIST op LIST\n"
                         "event LIST op LIST\n"
                         "event LIST op LIST\n"
                         "event STATUS op LIST\n"
                         "event STATUS op LIST\n"
                         "event STATUS\n"
                         "done a ok\n"
                         "list a\n"
                         "list b\n"
                         "list c\n"
                         "list &AGE-\n"
                         "list e\n"
                         "status a 1\n"
                         "status e 5\n");
}

static void test_counters_by_STATUS_for_each_mailbox_that_has_some(void)
{
    transcript_run(NULL, play_status_each);
}

static void on_list(perch_op *op, const struct perch_list_resp *row, void *user)
{
    struct transcript_token *token = user;

    (void)op;
    transcript_note(token->t, "row %.*s", (int)row->mailbox.raw.n, row->mailbox.raw.p);
}

static void on_status(perch_op *op, const struct perch_mailbox_status *row, void *user)
{
    struct transcript_token *token = user;

    (void)op;
    transcript_note(token->t, "counters %llu", (unsigned long long)row->messages);
}

static void play_callbacks(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    start(t, "a",
          (struct perch_list_args){
              .status_items = PERCH_STATUS_MESSAGES, .on_list = on_list, .on_status = on_status});
    note_it(t);
    transcript_play(t, "C: <1> LIST \"\" \"*\"\n"
                       "S: * LIST () \"/\" a\n"
                       "S: <1> OK\n"
                       "C: <2> STATUS \"a\" (MESSAGES)\n"
                       "S: * STATUS a (MESSAGES 1)\n"
                       "S: <2> OK\n");
    transcript_expect(t, "row a\n"
                         "event LIST op LIST\n"
                         "counters 1\n"
                         "event STATUS op LIST\n"
                         "done a ok\n");
}

static void test_rows_that_are_taken_are_not_collected(void)
{
    transcript_run(NULL, play_callbacks);
}

static void play_window(struct transcript *t)
{
    struct perch_buf script = PERCH_BUF_INIT;

    transcript_login(t, "IMAP4rev1");
    start(t, "a", (struct perch_list_args){.status_items = PERCH_STATUS_MESSAGES});
    transcript_play(t, "C: <1> LIST \"\" \"*\"\n");
    for (int i = 0; i < 5; i++)
        perch_buf_addf(&script, "S: * LIST () \"/\" m%d\n", i);
    perch_buf_adds(&script, "S: <1> OK\n"
                            "C: <2> STATUS \"m0\" (MESSAGES)\n"
                            "C: <3> STATUS \"m1\" (MESSAGES)\n"
                            "S: <2> OK\n"
                            "C: <4> STATUS \"m2\" (MESSAGES)\n"
                            "S: <3> OK\n"
                            "C: <5> STATUS \"m3\" (MESSAGES)\n"
                            "S: <4> OK\n"
                            "C: <6> STATUS \"m4\" (MESSAGES)\n"
                            "S: <6> OK\n"
                            "S: <5> OK\n");
    transcript_play(t, perch_buf_cstr(&script));
    CU_ASSERT(strstr(perch_buf_cstr(&t->log), "done a ok\n") != NULL);
    perch_buf_done(&script);
}

static void test_the_window_is_kept(void)
{
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;

    options.secure = true;
    options.window = 2;
    transcript_run(&options, play_window);
}

/* ---- STATUS ---- */

static void start_status(struct transcript *t, const char *label, const char *name, bool raw)
{
    transcript_started(
        t, perch_status_start(t->s, perch_span_of(name), raw,
                              PERCH_STATUS_MESSAGES | PERCH_STATUS_SIZE | PERCH_STATUS_MAILBOXID,
                              transcript_done, transcript_token(t, label), NULL));
}

static void play_status(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 STATUS=SIZE");
    start_status(t, "a", "Entw\xc3\xbcrfe", false);
    note_it(t);
    start_status(t, "b", "inbox", true);
    note_it(t);
    transcript_play(t, "C: <1> STATUS \"Entw&APw-rfe\" (MESSAGES SIZE)\n"
                       "C: <2> STATUS \"inbox\" (MESSAGES SIZE)\n"
                       "S: * STATUS INBOX (MESSAGES 2 SIZE 7)\n"
                       "S: * STATUS Entw&APw-rfe (MESSAGES 1)\n"
                       "S: <1> OK\n"
                       "S: <2> OK\n");
    transcript_expect(t, "event STATUS op STATUS\n"
                         "event STATUS op STATUS\n"
                         "done a ok\n"
                         "status Entw\xc3\xbcrfe 1\n"
                         "done b ok\n"
                         "status INBOX 2\n");
}

static void test_STATUS_is_told_apart_by_name(void)
{
    transcript_run(NULL, play_status);
}

static void play_status_refused(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_refused(t,
                       perch_status_start(t->s, PERCH_SPAN("a"), false, 0, transcript_done,
                                          transcript_token(t, "nothing"), NULL),
                       PERCH_EINVAL);
    transcript_refused(t,
                       perch_status_start(t->s, PERCH_SPAN("a"), false, PERCH_STATUS_MAILBOXID,
                                          transcript_done, transcript_token(t, "no"), NULL),
                       PERCH_ECAPABILITY);
}

static void test_STATUS_of_nothing_is_refused(void)
{
    transcript_run(NULL, play_status_refused);
}

static const struct {
    const char *caps;
    const char *want;
} status_items[] = {
    {"IMAP4rev1", "MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN"},
    {"IMAP4rev2", "MESSAGES UIDNEXT UIDVALIDITY UNSEEN SIZE DELETED"},
    {"IMAP4rev1 IMAP4rev2", "MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN SIZE DELETED"},
    {"IMAP4rev1 QRESYNC", "MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ"},
    {"IMAP4rev1 QUOTA=RES-MESSAGE QUOTA=RES-STORAGE",
     "MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED DELETED-STORAGE"},
    {"IMAP4rev1 APPENDLIMIT OBJECTID",
     "MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN APPENDLIMIT MAILBOXID"},
    {"IMAP4rev1 APPENDLIMIT=9", "MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN"},
};

static size_t status_row;

static void play_items(struct transcript *t)
{
    struct perch_buf script = PERCH_BUF_INIT;

    transcript_login(t, status_items[status_row].caps);
    transcript_started(t, perch_status_start(t->s, PERCH_SPAN("a"), false, ~0u, transcript_done,
                                             transcript_token(t, "a"), NULL));
    perch_buf_addf(&script, "C: <1> STATUS \"a\" (%s)\nS: <1> OK\n", status_items[status_row].want);
    transcript_play(t, perch_buf_cstr(&script));
    perch_buf_done(&script);
}

static void test_only_counters_that_the_server_has_are_asked_for(void)
{
    for (status_row = 0; status_row < PERCH_COUNT(status_items); status_row++)
        transcript_run(NULL, play_items);
}

static void play_list_and_status(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 LIST-EXTENDED LIST-STATUS");
    start_status(t, "a", "x", false);
    start(t, "b", (struct perch_list_args){.status_items = PERCH_STATUS_MESSAGES});
    start_status(t, "c", "x", false);
    transcript_play(t, "C: <1> STATUS \"x\" (MESSAGES)\n"
                       "S: * STATUS x (MESSAGES 1)\n"
                       "S: <1> OK\n"
                       "C: <2> LIST \"\" \"*\" RETURN (STATUS (MESSAGES))\n"
                       "S: * STATUS x (MESSAGES 1)\n"
                       "S: <2> OK\n"
                       "C: <3> STATUS \"x\" (MESSAGES)\n"
                       "S: <3> OK\n");
}

static void test_LIST_with_counters_and_STATUS_are_not_mixed(void)
{
    transcript_run(NULL, play_list_and_status);
}

/* ---- ID ---- */

static void note_id(struct transcript_token *token, perch_op *op)
{
    const struct perch_id_resp *id = perch_op_id(op);

    for (size_t i = 0; id && i < id->n; i++)
        transcript_note(token->t, "id %.*s=%.*s", (int)id->v[i].name.n, id->v[i].name.p,
                        (int)id->v[i].value.n, id->v[i].value.p ? id->v[i].value.p : "");
}

static void play_id(struct transcript *t)
{
    struct perch_param params[] = {{PERCH_SPAN("name"), PERCH_SPAN("perch")},
                                   {PERCH_SPAN("os"), {0}}};

    transcript_login(t, "IMAP4rev1 ID");
    transcript_started(
        t, perch_id_start(t->s, params, 2, transcript_done, transcript_token(t, "a"), NULL));
    t->tokens[t->ntokens - 1].on_done = note_id;
    transcript_play(t, "C: <1> ID (\"name\" \"perch\" \"os\" NIL)\n"
                       "S: * ID (\"name\" \"Dovecot\" \"version\" NIL)\n"
                       "S: <1> OK\n");
    transcript_started(
        t, perch_id_start(t->s, NULL, 0, transcript_done, transcript_token(t, "b"), NULL));
    transcript_play(t, "C: <2> ID NIL\n"
                       "S: * ID NIL\n"
                       "S: <2> OK\n");
    transcript_expect(t, "event OTHER op ID\n"
                         "done a ok\n"
                         "id name=Dovecot\n"
                         "id version=\n"
                         "event OTHER op ID\n"
                         "done b ok\n");
}

static void play_no_id(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_refused(
        t, perch_id_start(t->s, NULL, 0, transcript_done, transcript_token(t, "none"), NULL),
        PERCH_ECAPABILITY);
}

static void test_ID(void)
{
    transcript_run(NULL, play_id);
    transcript_run(NULL, play_no_id);
}

PERCH_SUITE("session/list") = {
    PERCH_TEST(test_what_the_server_lacks_is_not_asked_for),
    PERCH_TEST(test_selection_and_return_options),
    PERCH_TEST(test_selections_are_made_up_for),
    PERCH_TEST(test_counters_by_STATUS_for_each_mailbox_that_has_some),
    PERCH_TEST(test_rows_that_are_taken_are_not_collected),
    PERCH_TEST(test_the_window_is_kept),
    PERCH_TEST(test_STATUS_is_told_apart_by_name),
    PERCH_TEST(test_STATUS_of_nothing_is_refused),
    PERCH_TEST(test_only_counters_that_the_server_has_are_asked_for),
    PERCH_TEST(test_LIST_with_counters_and_STATUS_are_not_mixed),
    PERCH_TEST(test_ID),
    PERCH_END,
};
