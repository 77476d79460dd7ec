/* CREATE, DELETE, RENAME, SUBSCRIBE, NAMESPACE, XLIST; whether a mailbox exists, and which
 * is for a special use. */
#include "support/perch_test.h"
#include "support/transcript.h"

#include "perch/mailbox.h"

/* ---- making and naming ---- */

static int create(struct transcript *t, const char *label, struct perch_create_args args)
{
    args.size = sizeof args;
    return perch_create_start(t->s, &args, transcript_done, transcript_token(t, label), NULL);
}

static void note_id(struct transcript_token *token, perch_op *op)
{
    const struct perch_status_resp *status = perch_op_status(op);

    if (status && status->code == PERCH_CODE_MAILBOXID)
        transcript_note(token->t, "id %.*s", (int)status->u.id.n, status->u.id.p);
}

static void play_create(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 CREATE-SPECIAL-USE OBJECTID");
    transcript_started(
        t, create(t, "a", (struct perch_create_args){.mailbox = PERCH_SPAN("Entw\xc3\xbcrfe/")}));
    t->tokens[t->ntokens - 1].on_done = note_id;
    transcript_play(t, "C: <1> CREATE \"Entw&APw-rfe/\"\n"
                       "S: <1> OK [MAILBOXID (F2212ea87)] made\n");
    transcript_started(
        t, create(t, "b",
                  (struct perch_create_args){.mailbox = PERCH_SPAN("say \"x\" \\ &"),
                                             .special_use = PERCH_ATTR_TRASH | PERCH_ATTR_SENT}));
    transcript_play(t,
                    "C: <2> CREATE \"say \\\\\"x\\\\\" \\\\\\\\ &-\" (USE (\\\\Sent \\\\Trash))\n"
                    "S: <2> NO [USEATTR] not both\n");
    transcript_started(t, create(t, "c",
                                 (struct perch_create_args){.mailbox = PERCH_SPAN("Entw&APw-rfe"),
                                                            .raw_name = true}));
    transcript_play(t, "C: <3> CREATE \"Entw&APw-rfe\"\n"
                       "S: <3> BAD what\n");
    transcript_expect(t, "done a ok\n"
                         "id F2212ea87\n"
                         "done b PERCH_ENO\n"
                         "done c PERCH_EBAD\n");
}

static void test_CREATE_in_modified_UTF_7_and_with_special_uses(void)
{
    transcript_run(NULL, play_create);
}

static void play_create_refused(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_refused(t,
                       create(t, "a",
                              (struct perch_create_args){.mailbox = PERCH_SPAN("x"),
                                                         .special_use = PERCH_ATTR_JUNK}),
                       PERCH_ECAPABILITY);
    transcript_refused(t,
                       create(t, "b",
                              (struct perch_create_args){.mailbox = PERCH_SPAN("x"),
                                                         .special_use = PERCH_ATTR_MARKED}),
                       PERCH_EINVAL);
    transcript_refused(t, create(t, "c", (struct perch_create_args){.raw_name = true}),
                       PERCH_EINVAL);
    transcript_refused(t,
                       create(t, "d", (struct perch_create_args){.mailbox = PERCH_SPAN("a\xff")}),
                       PERCH_EINVAL);
    transcript_refused(
        t,
        create(t, "e", (struct perch_create_args){.mailbox = PERCH_SPAN("a\0b"), .raw_name = true}),
        PERCH_EINVAL);
    transcript_play(t, "");
}

static void test_CREATE_of_what_cannot_be_is_not_sent(void)
{
    transcript_run(NULL, play_create_refused);
}

static void play_names(struct transcript *t)
{
    struct perch_rename_args rename = PERCH_RENAME_ARGS_INIT;
    const struct perch_span x = PERCH_SPAN("x");

    rename.from = PERCH_SPAN("inbox");
    rename.to = PERCH_SPAN("old/\xe5\x8f\xb0\xe5\x8c\x97");
    transcript_login(t, "IMAP4rev1");
    transcript_started(
        t, perch_rename_start(t->s, &rename, transcript_done, transcript_token(t, "rename"), NULL));
    transcript_started(t, perch_delete_start(t->s, x, false, transcript_done,
                                             transcript_token(t, "delete"), NULL));
    transcript_started(t, perch_subscribe_start(t->s, PERCH_SPAN("&AGE-"), true, transcript_done,
                                                transcript_token(t, "subscribe"), NULL));
    transcript_started(t, perch_unsubscribe_start(t->s, x, false, transcript_done,
                                                  transcript_token(t, "unsubscribe"), NULL));
    transcript_play(t, "C: <1> RENAME \"INBOX\" \"old/&U,BTFw-\"\n"
                       "C: <2> DELETE \"x\"\n"
                       "C: <3> SUBSCRIBE \"&AGE-\"\n"
                       "C: <4> UNSUBSCRIBE \"x\"\n"
                       "S: <1> OK\n"
                       "S: <2> NO [NONEXISTENT] none\n"
                       "S: <3> OK\n"
                       "S: <4> OK\n");
    transcript_expect(t, "done rename ok\n"
                         "done delete PERCH_ENO\n"
                         "done subscribe ok\n"
                         "done unsubscribe ok\n");
    rename.to = (struct perch_span){0};
    transcript_refused(
        t, perch_rename_start(t->s, &rename, transcript_done, transcript_token(t, "nowhere"), NULL),
        PERCH_EINVAL);
    transcript_refused(t,
                       perch_delete_start(t->s, PERCH_SPAN(""), false, transcript_done,
                                          transcript_token(t, "nothing"), NULL),
                       PERCH_EINVAL);
}

static void test_names_are_changed_and_subscribed_to(void)
{
    transcript_run(NULL, play_names);
}

static void play_utf8(struct transcript *t)
{
    static const char *const caps[] = {"UTF8=ACCEPT"};

    transcript_login(t, "IMAP4rev1 ENABLE UTF8=ACCEPT");
    transcript_started(
        t, perch_enable_start(t->s, caps, 1, transcript_done, transcript_token(t, "enable"), NULL));
    transcript_play(t, "C: <1> ENABLE UTF8=ACCEPT\n"
                       "S: * ENABLED UTF8=ACCEPT\n"
                       "S: <1> OK\n");
    transcript_started(
        t, create(t, "a", (struct perch_create_args){.mailbox = PERCH_SPAN("gr\xc3\xbcn & so")}));
    transcript_play(t, "C: <2> CREATE \"gr\xc3\xbcn & so\"\n"
                       "S: <2> OK\n");
}

static void test_names_are_UTF_8_once_that_is_enabled(void)
{
    transcript_run(NULL, play_utf8);
}

/* ---- NAMESPACE ---- */

static void note_namespaces(struct transcript_token *token, perch_op *op)
{
    const struct perch_namespace_resp *n = perch_op_namespaces(op);

    for (size_t k = 0; n && k < PERCH_COUNT(n->kind); k++)
        for (size_t i = 0; i < n->kind[k].n; i++)
            transcript_note(token->t, "%zu \"%.*s\" %c", k, (int)n->kind[k].v[i].prefix.utf8.n,
                            n->kind[k].v[i].prefix.utf8.p, n->kind[k].v[i].delimiter);
    if (!n)
        transcript_note(token->t, "nothing");
}

static void play_namespace(struct transcript *t)
{
    for (int i = 0; i < 2; i++) {
        if (i == 0)
            transcript_login(t, "IMAP4rev1 NAMESPACE");
        transcript_started(t, perch_namespace_start(t->s, transcript_done,
                                                    transcript_token(t, i ? "b" : "a"), NULL));
        t->tokens[t->ntokens - 1].on_done = note_namespaces;
    }
    transcript_play(t,
                    "C: <1> NAMESPACE\n"
                    "S: * NAMESPACE ((\"INBOX.\" \".\")(\"&APw-.\" \".\")) NIL ((\"#s/\" \"/\"))\n"
                    "S: <1> OK\n"
                    "C: <2> NAMESPACE\n"
                    "S: <2> OK\n");
    transcript_expect(t, "event OTHER op NAMESPACE\n"
                         "done a ok\n"
                         "0 \"INBOX.\" .\n"
                         "0 \"\xc3\xbc.\" .\n"
                         "2 \"#s/\" /\n"
                         "done b ok\n"
                         "nothing\n");
}

static void play_no_namespace(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    transcript_refused(t,
                       perch_namespace_start(t->s, transcript_done, transcript_token(t, "a"), NULL),
                       PERCH_ECAPABILITY);
}

static void test_NAMESPACE(void)
{
    transcript_run(NULL, play_namespace);
    transcript_run(NULL, play_no_namespace);
}

/* ---- XLIST ---- */

static void note_marks(struct transcript_token *token, perch_op *op)
{
    const struct perch_list_resp *const *rows;
    size_t n = perch_op_lists(op, &rows);

    for (size_t i = 0; i < n; i++)
        transcript_note(token->t, "%.*s%s%s", (int)rows[i]->mailbox.utf8.n, rows[i]->mailbox.utf8.p,
                        rows[i]->attrs.bits & PERCH_ATTR_JUNK ? " junk" : "",
                        rows[i]->attrs.bits & PERCH_ATTR_ALL ? " all" : "");
}

static void play_xlist(struct transcript *t)
{
    struct perch_list_args args = PERCH_LIST_ARGS_INIT;

    args.xlist = true;
    args.only_special_use = true;
    args.pattern = PERCH_SPAN("%");
    transcript_login(t, "IMAP4rev1 XLIST LIST-EXTENDED SPECIAL-USE");
    transcript_started(
        t, perch_list_start(t->s, &args, transcript_done, transcript_token(t, "a"), NULL));
    t->tokens[t->ntokens - 1].on_done = note_marks;
    transcript_play(t, "C: <1> XLIST \"\" \"%\"\n"
                       "S: * XLIST (\\\\Inbox) \"/\" INBOX\n"
                       "S: * XLIST (\\\\AllMail) \"/\" Alle\n"
                       "S: * XLIST (\\\\Spam) \"/\" M&APw-ll\n"
                       "S: <1> OK\n");
    transcript_expect(t, "event LIST op XLIST\n"
                         "event LIST op XLIST\n"
                         "event LIST op XLIST\n"
                         "done a ok\n"
                         "Alle all\n"
                         "M\xc3\xbcll junk\n");
    args.only_subscribed = true;
    transcript_refused(
        t, perch_list_start(t->s, &args, transcript_done, transcript_token(t, "b"), NULL),
        PERCH_EINVAL);
}

static void play_no_xlist(struct transcript *t)
{
    struct perch_list_args args = PERCH_LIST_ARGS_INIT;

    args.xlist = true;
    transcript_login(t, "IMAP4rev1");
    transcript_refused(
        t, perch_list_start(t->s, &args, transcript_done, transcript_token(t, "a"), NULL),
        PERCH_ECAPABILITY);
}

static void test_XLIST(void)
{
    transcript_run(NULL, play_xlist);
    transcript_run(NULL, play_no_xlist);
}

/* ---- existing ---- */

static void note_exists(struct transcript_token *token, perch_op *op)
{
    transcript_note(token->t, "%s %s", token->label,
                    perch_op_exists(op) ? "exists" : "is not there");
}

static void ask_exists(struct transcript *t, const char *name, bool raw)
{
    transcript_started(t, perch_exists_start(t->s, perch_span_of(name), raw, transcript_done,
                                             transcript_token(t, name), NULL));
    t->tokens[t->ntokens - 1].on_done = note_exists;
}

static void play_exists(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    ask_exists(t, "inbox", false);
    transcript_play(t, "C: <1> LIST \"\" \"INBOX\"\n"
                       "S: * LIST () \".\" INBOX\n"
                       "S: <1> OK\n");
    ask_exists(t, "a%", false);
    transcript_play(t, "C: <2> LIST \"\" \"a%\"\n"
                       "S: * LIST () \".\" ab\n"
                       "S: <2> OK\n");
    ask_exists(t, "&AGE-", true);
    transcript_play(t, "C: <3> LIST \"\" \"&AGE-\"\n"
                       "S: * LIST (\\\\Noselect) \".\" &AGE-\n"
                       "S: <3> OK\n");
    ask_exists(t, "x", false);
    transcript_play(t, "C: <4> LIST \"\" \"x\"\n"
                       "S: * LIST (\\\\NonExistent) \".\" x\n"
                       "S: <4> OK\n");
    ask_exists(t, "y", false);
    transcript_play(t, "C: <5> LIST \"\" \"y\"\n"
                       "S: <5> NO what\n");
    transcript_expect(t, "event LIST op LIST\n"
                         "done inbox ok\n"
                         "inbox exists\n"
                         "event LIST op LIST\n"
                         "done a% ok\n"
                         "a% is not there\n"
                         "event LIST op LIST\n"
                         "done &AGE- ok\n"
                         "&AGE- exists\n"
                         "event LIST op LIST\n"
                         "done x ok\n"
                         "x is not there\n"
                         "done y PERCH_ENO\n"
                         "y is not there\n");
}

static void test_whether_a_mailbox_exists(void)
{
    transcript_run(NULL, play_exists);
}

/* ---- special uses ---- */

static void note_special(struct transcript_token *token, perch_op *op)
{
    const struct perch_special_result *r = perch_op_special(op);

    if (r)
        transcript_note(token->t, "%s is %.*s %c%s", token->label, (int)r->mailbox.utf8.n,
                        r->mailbox.utf8.p, r->delimiter, r->emulated ? " emulated" : "");
    else
        transcript_note(token->t, "%s is nowhere", token->label);
}

static void find(struct transcript *t, const char *label, enum perch_attr use)
{
    transcript_started(
        t, perch_special_start(t->s, use, transcript_done, transcript_token(t, label), NULL));
    t->tokens[t->ntokens - 1].on_done = note_special;
}

static void expect_found(struct transcript *t, const char *want)
{
    const char *log = perch_buf_cstr(&t->log);
    const char *done = strstr(log, "done ");

    CU_ASSERT_PTR_NOT_NULL_FATAL(done);
    ASSERT_STR(done, want);
    perch_buf_clear(&t->log);
}

static void play_marked(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 SPECIAL-USE LIST-EXTENDED NAMESPACE");
    find(t, "sent", PERCH_ATTR_SENT);
    transcript_play(t, "C: <1> LIST \"\" \"*\" RETURN (SPECIAL-USE)\n"
                       "S: * LIST () \"/\" Sent\n"
                       "S: * LIST (\\\\Sent \\\\Noselect) \"/\" not-this\n"
                       "S: * LIST (\\\\Sent) \"/\" \"Gesendet/&AOQ-\"\n"
                       "S: * LIST (\\\\Sent) \"/\" second\n"
                       "S: <1> OK\n");
    expect_found(t, "done sent ok\nsent is Gesendet/\xc3\xa4 /\n");
    find(t, "all", PERCH_ATTR_ALL); /* there are no well-known names for it */
    transcript_play(t, "C: <2> LIST \"\" \"*\" RETURN (SPECIAL-USE)\n"
                       "S: * LIST () \"/\" All\n"
                       "S: <2> OK\n");
    expect_found(t, "done all ok\nall is nowhere\n");
}

static void test_what_the_server_marks_comes_first(void)
{
    transcript_run(NULL, play_marked);
}

static void play_old_gmail(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 XLIST");
    find(t, "junk", PERCH_ATTR_JUNK);
    transcript_play(t, "C: <1> XLIST \"\" \"*\"\n"
                       "S: * XLIST (\\\\HasNoChildren \\\\Spam) \"/\" \"[Google Mail]/X\"\n"
                       "S: <1> OK\n");
    expect_found(t, "done junk ok\njunk is [Google Mail]/X /\n");
}

static void test_XLIST_where_there_is_no_SPECIAL_USE(void)
{
    transcript_run(NULL, play_old_gmail);
}

static void play_by_name(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1 NAMESPACE");
    find(t, "trash", PERCH_ATTR_TRASH);
    transcript_play(t, "C: <1> LIST \"\" \"*\"\n"
                       "S: * LIST () \".\" INBOX\n"
                       "S: * LIST () \".\" INBOX.Work.Trash\n"
                       "S: * LIST () \".\" Trash\n"
                       "S: * LIST () \".\" INBOX.Deleted\n"
                       "S: * LIST () \".\" \"INBOX.deleted items\"\n"
                       "S: <1> OK\n"
                       "C: <2> NAMESPACE\n"
                       "S: * NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"\" \".\"))\n"
                       "S: <2> OK\n");
    /* "Trash" stands in the shared namespace, "Work.Trash" too deep. */
    expect_found(t, "done trash ok\ntrash is INBOX.deleted items . emulated\n");
    find(t, "sent", PERCH_ATTR_SENT);
    transcript_play(t, "C: <3> LIST \"\" \"*\"\n"
                       "S: * LIST () \".\" INBOX\n"
                       "S: <3> OK\n"); /* no such name: no NAMESPACE */
    expect_found(t, "done sent ok\nsent is nowhere\n");
    find(t, "junk", PERCH_ATTR_JUNK);
    transcript_play(t, "C: <4> LIST \"\" \"*\"\n"
                       "S: * LIST () \".\" Spam\n"
                       "S: <4> OK\n"
                       "C: <5> NAMESPACE\n"
                       "S: <5> NO not today\n");
    expect_found(t, "done junk ok\njunk is Spam . emulated\n");
    find(t, "drafts", PERCH_ATTR_DRAFTS);
    transcript_play(t, "C: <6> LIST \"\" \"*\"\n"
                       "S: * LIST () \".\" Drafts\n"
                       "S: <6> NO broken\n");
    expect_found(t, "done drafts PERCH_ENO\ndrafts is nowhere\n");
}

static void test_well_known_names_right_under_a_personal_namespace(void)
{
    transcript_run(NULL, play_by_name);
}

static void play_usual(struct transcript *t)
{
    transcript_login(t, "IMAP4rev1");
    find(t, "sent", PERCH_ATTR_SENT);
    transcript_play(t, "C: <1> LIST \"\" \"*\"\n"
                       "S: * LIST () \"/\" \"Inbox/Sent Items\"\n"
                       "S: * LIST () \"/\" x/Sent\n"
                       "S: <1> OK\n");
    expect_found(t, "done sent ok\nsent is Inbox/Sent Items / emulated\n");
    transcript_refused(t,
                       perch_special_start(t->s, PERCH_ATTR_MARKED, transcript_done,
                                           transcript_token(t, "marked"), NULL),
                       PERCH_EINVAL);
    transcript_refused(t,
                       perch_special_start(t->s,
                                           (enum perch_attr)(PERCH_ATTR_SENT | PERCH_ATTR_JUNK),
                                           transcript_done, transcript_token(t, "both"), NULL),
                       PERCH_EINVAL);
}

static void test_usual_places_without_NAMESPACE(void)
{
    transcript_run(NULL, play_usual);
}

PERCH_SUITE("session/mailboxes") = {
    PERCH_TEST(test_CREATE_in_modified_UTF_7_and_with_special_uses),
    PERCH_TEST(test_CREATE_of_what_cannot_be_is_not_sent),
    PERCH_TEST(test_names_are_changed_and_subscribed_to),
    PERCH_TEST(test_names_are_UTF_8_once_that_is_enabled),
    PERCH_TEST(test_NAMESPACE),
    PERCH_TEST(test_XLIST),
    PERCH_TEST(test_whether_a_mailbox_exists),
    PERCH_TEST(test_what_the_server_marks_comes_first),
    PERCH_TEST(test_XLIST_where_there_is_no_SPECIAL_USE),
    PERCH_TEST(test_well_known_names_right_under_a_personal_namespace),
    PERCH_TEST(test_usual_places_without_NAMESPACE),
    PERCH_END,
};
