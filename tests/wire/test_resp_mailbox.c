#include "support/perch_test.h"
#include "support/read.h"

static void test_list(void)
{
    static const struct perch_row rows[] = {
        {"* LIST () \"/\" blurdybloop", "LIST () '/' 'blurdybloop'"},
        {"* LIST (\\Noselect) \"/\" ~/Mail/foo", "LIST (\\Noselect)[NOSELECT] '/' '~/Mail/foo'"},
        {"* LIST () \".\" INBOX", "LIST () '.' 'INBOX'"},
        {"* LIST () NIL INBOX", "LIST () NIL 'INBOX'"},
        {"* LIST () \"\\\\\" \"a\\\\b\"", "LIST () '\\' 'a\\b'"},
        {"* LIST (\\HasNoChildren) \"/\" \"Sent Items\"",
         "LIST (\\HasNoChildren)[HASNOCHILDREN] '/' 'Sent Items'"},
        {"* LIST (\\marked \\NoInferiors) \"/\" \"inbox\"",
         "LIST (\\marked \\NoInferiors)[NOINFERIORS MARKED] '/' 'inbox'"},
        {"* LIST (\\NonExistent) \"/\" x", "LIST (\\NonExistent)[NOSELECT NONEXISTENT] '/' 'x'"},
        {"* LIST (\\Subscribed \\Remote) \"/\" \"Peach\"",
         "LIST (\\Subscribed \\Remote)[SUBSCRIBED REMOTE] '/' 'Peach'"},
        {"* LIST (\\All \\Archive \\Drafts \\Flagged \\Junk \\Sent \\Trash) \"/\" u",
         "LIST (\\All \\Archive \\Drafts \\Flagged \\Junk \\Sent \\Trash)"
         "[ALL ARCHIVE DRAFTS FLAGGED JUNK SENT TRASH] '/' 'u'"},
        {"* LIST (\\Important) \"/\" u", "LIST (\\Important)[IMPORTANT] '/' 'u'"},
        {"* LIST (\\Memos \\Scheduled \\Snoozed) \"/\" u",
         "LIST (\\Memos \\Scheduled \\Snoozed)[MEMOS SCHEDULED SNOOZED] '/' 'u'"},
        {"* LIST (\\X-own \\HasChildren) \"/\" u",
         "LIST (\\X-own \\HasChildren)[HASCHILDREN] '/' 'u'"},
        {"* LSUB () \".\" #news.comp.mail.misc", "LSUB () '.' '#news.comp.mail.misc'"},
        {"* XLIST (\\HasNoChildren \\Inbox) \"/\" \"Posteingang\"",
         "XLIST (\\HasNoChildren \\Inbox)[HASNOCHILDREN INBOX] '/' 'Posteingang'"},
        {"* LIST () \"/\" 123", "LIST () '/' '123'"},
        {"* LIST () \"/\" NIL", "LIST () '/' 'NIL'"},
        {"* LIST () \"/\" \"\"", "LIST () '/' ''"},
        {"* LIST () \"/\" a%b*c]", "LIST () '/' 'a%b*c]'"},
        {"* LIST () \"/\" {5}\r\na b\"c", "LIST () '/' 'a b\"c'"},
        {"* LIST () {1}\r\n/ {3}\r\nabc", "LIST () '/' 'abc'"},
        {"* LIST () \"/\" {0}\r\n", "LIST () '/' ''"},
        {"* list () \"/\" lower", "LIST () '/' 'lower'"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_list_names_are_decoded(void)
{
    static const struct perch_row rows[] = {
        {"* LIST () \"/\" Entw&APw-rfe", "LIST () '/' 'Entw\\xc3\\xbcrfe'='Entw&APw-rfe'"},
        {"* LIST () \"/\" \"Tom &- Jerry\"", "LIST () '/' 'Tom & Jerry'='Tom &- Jerry'"},
        {"* LIST () \"/\" ~peter/mail/&U,BTFw-/&ZeVnLIqe-",
         "LIST () '/' '~peter/mail/\\xe5\\x8f\\xb0\\xe5\\x8c\\x97/"
         "\\xe6\\x97\\xa5\\xe6\\x9c\\xac\\xe8\\xaa\\x9e'='~peter/mail/&U,BTFw-/&ZeVnLIqe-'"},
        {"* LIST () \"/\" &", "LIST () '/' '&'!"},
        {"* LIST () \"/\" &AAA", "LIST () '/' '&AAA'!"},
        {"* LIST () \"/\" &AGE-", "LIST () '/' '&AGE-'!"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_list_names_in_utf8_mode(void)
{
    static const struct perch_row rows[] = {
        {"* LIST () \"/\" \"Entw\xc3\xbcrfe\"", "LIST () '/' 'Entw\\xc3\\xbcrfe'"},
        {"* LIST () \"/\" \"Tom & Jerry\"", "LIST () '/' 'Tom & Jerry'"},
        {"* LIST () \"/\" \"\xff\"", "LIST () '/' '\\xef\\xbf\\xbd'='\\xff'!"},
    };
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;

    o.utf8 = true;
    CHECK_ROWS(rows, &o);
}

static void test_list_extended_data(void)
{
    static const struct perch_row rows[] = {
        {"* LIST () \"/\" \"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))",
         "LIST () '/' 'Foo' childinfo=(SUBSCRIBED) ext='(\"CHILDINFO\" (\"SUBSCRIBED\"))'"},
        {"* LIST () \"/\" Foo (CHILDINFO (\"SUBSCRIBED\" \"X\"))",
         "LIST () '/' 'Foo' childinfo=(SUBSCRIBED X) ext='(CHILDINFO (\"SUBSCRIBED\" \"X\"))'"},
        {"* LIST (\\NonExistent) \"/\" \"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\") \"color\" red)",
         "LIST (\\NonExistent)[NOSELECT NONEXISTENT] '/' 'Foo' childinfo=(SUBSCRIBED) "
         "ext='(\"CHILDINFO\" (\"SUBSCRIBED\") \"color\" red)'"},
        {"* LIST () \"/\" \"NewMailbox\" (\"OLDNAME\" (\"OldMailbox\"))",
         "LIST () '/' 'NewMailbox' oldname='OldMailbox' ext='(\"OLDNAME\" (\"OldMailbox\"))'"},
        {"* LIST (\\Sent) \"/\" S (\"VENDOR.x\" (a (b \"c)\" {1}\r\n)) 5))",
         "LIST (\\Sent)[SENT] '/' 'S' ext='(\"VENDOR.x\" (a (b \"c)\" {1}\\x0d\\x0a)) 5))'"},
        {"* LIST () \"/\" Foo ()", "LIST () '/' 'Foo' ext='()'"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_odd_lists(void)
{
    static const struct perch_row rows[] = {
        {"* LIST () \"/\" Sent Items", "~NAME_FORM LIST () '/' 'Sent Items'"},
        {"* LIST () \"/\" Sent (old)", "~NAME_FORM LIST () '/' 'Sent (old)'"},
        {"* LIST () \"/\" Sent (old mail)", "~NAME_FORM LIST () '/' 'Sent (old mail)'"},
        {"* LIST () \"/\" Sent (x", "~NAME_FORM LIST () '/' 'Sent (x'"},
        {"* LIST () \"/\" ~peter/Sent Items", "~NAME_FORM LIST () '/' '~peter/Sent Items'"},
        {"* LIST () \"/\" Sent ", "~BLANKS LIST () '/' 'Sent'"},
        {"* LIST () \"/\" Sent (x.y 5)", "LIST () '/' 'Sent' ext='(x.y 5)'"},
        {"* LIST () \"/\" a\tb", "~NAME_FORM LIST () '/' 'a\\x09b'!"},
        {"* LIST () \"/\" bell\x07", "~NAME_FORM LIST () '/' 'bell\\x07'!"},
        {"* LIST () \"/\" back\\slash", "~NAME_FORM LIST () '/' 'back\\slash'"},
        {"* LIST () \"/\" caf\xc3\xa9", "~NAME_FORM LIST () '/' 'caf\\xc3\\xa9'!"},
        {"* LIST () \"\" x", "~NIL_FORM LIST () NIL 'x'"},
        {"* LIST () nil x", "~NIL_FORM LIST () NIL 'x'"},
        {"* LIST NIL \"/\" x", "~NIL_FORM LIST () '/' 'x'"},
        {"* LIST  () \"/\" x", "~BLANKS LIST () '/' 'x'"},
        {"* LIST () \"/\" \"x\" ", "~BLANKS LIST () '/' 'x'"},
        {"* LIST () / x", "~QUOTING LIST () '/' 'x'"},
        {"* LIST () \"ab\" x", "!14"},
        {"* LIST () \"/\"", "!13"},
        {"* LIST", "!6"},
        {"* LIST () \"/\" \"x", "!14"},
        {"* LIST () \"/\" \"x\" y", "!18"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_status(void)
{
    static const struct perch_row rows[] = {
        {"* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)",
         "STATUS 'blurdybloop' messages=231 uidnext=44292"},
        {"* STATUS \"\" ()", "STATUS ''"},
        {"* STATUS INBOX ()", "STATUS 'INBOX'"},
        {"* STATUS x (RECENT 1 UIDVALIDITY 4294967295 UNSEEN 2)",
         "STATUS 'x' recent=1 uidvalidity=4294967295 unseen=2"},
        {"* STATUS \"foo\" (HIGHESTMODSEQ 7011231777)", "STATUS 'foo' modseq=7011231777"},
        {"* STATUS x (SIZE 18446744073709551615)", "STATUS 'x' size=18446744073709551615"},
        {"* STATUS INBOX (MESSAGES 12 DELETED 4 DELETED-STORAGE 8)",
         "STATUS 'INBOX' messages=12 deleted=4 deleted-storage=8"},
        {"* STATUS INBOX (APPENDLIMIT 257890)", "STATUS 'INBOX' appendlimit=257890"},
        {"* STATUS INBOX (APPENDLIMIT NIL)", "STATUS 'INBOX' appendlimit=18446744073709551615"},
        {"* STATUS INBOX (MAILBOXID (F2212ea87))", "STATUS 'INBOX' mailboxid='F2212ea87'"},
        {"* STATUS x (messages 3 uidNext 4)", "STATUS 'x' messages=3 uidnext=4"},
        {"* STATUS {3}\r\na b (MESSAGES 1)", "STATUS 'a b' messages=1"},
        {"* STATUS \"a (b)\" (MESSAGES 1)", "STATUS 'a (b)' messages=1"},
        {"* STATUS x (X-NEW (1 2) MESSAGES 1 Y \"z\")",
         "STATUS 'x' messages=1 ?X-NEW='(1 2)' ?Y='\"z\"'"},
        {"* STATUS 2026 (MESSAGES 1)", "STATUS '2026' messages=1"},
        {"* STATUS &APw- (MESSAGES 1)", "STATUS '\\xc3\\xbc'='&APw-' messages=1"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_odd_statuses(void)
{
    static const struct perch_row rows[] = {
        {"* STATUS x (MESSAGES 1 )", "~BLANKS STATUS 'x' messages=1"},
        {"* STATUS x ( MESSAGES 1)", "~BLANKS STATUS 'x' messages=1"},
        {"* STATUS x  (MESSAGES 1)  ", "~BLANKS ~NAME_FORM STATUS 'x' messages=1"},
        {"* STATUS \"x\" (MESSAGES  1  UNSEEN 2)", "~BLANKS STATUS 'x' messages=1 unseen=2"},
        {"* STATUS Sent Items (MESSAGES 1)", "~NAME_FORM STATUS 'Sent Items' messages=1"},
        {"* STATUS ~peter/a b (MESSAGES 1)", "~NAME_FORM STATUS '~peter/a b' messages=1"},
        {"* STATUS Sent (old) Items (MESSAGES 1)",
         "~NAME_FORM STATUS 'Sent (old) Items' messages=1"},
        {"* STATUS (MESSAGES 1)", "!9"},
        {"* STATUS x (MAILBOXID (a b))", "!25"},
        {"* STATUS x (UNSEEN -1)", "~NUMBER_FORM STATUS 'x' unseen=0"},
        {"* STATUS x (UIDVALIDITY 0 UIDNEXT 0)", "STATUS 'x' uidnext=0 uidvalidity=0"},
        {"* STATUS x (MESSAGES 1.2E+1)", "~NUMBER_FORM STATUS 'x' messages=12"},
        {"* STATUS x (MESSAGES 1", "~PARENS STATUS 'x' messages=1"},
        {"* STATUS x (UIDNEXT 4294967296)", "!30"},
        {"* STATUS x (MESSAGES)", "!20"},
        {"* STATUS x", "!10"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_namespace(void)
{
    static const struct perch_row rows[] = {
        {"* NAMESPACE ((\"\" \"/\")) NIL NIL", "NAMESPACE [('' '/')] [] []"},
        {"* NAMESPACE NIL NIL ((\"\" \".\"))", "NAMESPACE [] [] [('' '.')]"},
        {"* NAMESPACE ((\"\" \"/\")) ((\"~\" \"/\")) ((\"#shared/\" \"/\")(\"#public/\" \"/\"))",
         "NAMESPACE [('' '/')] [('~' '/')] [('#shared/' '/')('#public/' '/')]"},
        {"* NAMESPACE ((\"\" \"/\")(\"#mh/\" \"/\" \"X-PARAM\" (\"FLAG1\" \"FLAG2\"))) NIL NIL",
         "NAMESPACE [('' '/')('#mh/' '/' ext='\"X-PARAM\" (\"FLAG1\" \"FLAG2\")')] [] []"},
        {"* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL", "NAMESPACE [('INBOX.' '.')] [] []"},
        {"* NAMESPACE ((\"\" NIL)) NIL NIL", "NAMESPACE [('' NIL)] [] []"},
        {"* NAMESPACE (({0}\r\n \"/\")) NIL NIL", "NAMESPACE [('' '/')] [] []"},
        {"* NAMESPACE ((\"&APw-.\" \".\")) NIL NIL",
         "NAMESPACE [('\\xc3\\xbc.'='&APw-.' '.')] [] []"},
        {"* NAMESPACE NIL NIL NIL", "NAMESPACE [] [] []"},
        {"* NAMESPACE nil NIL NIL", "~NIL_FORM NAMESPACE [] [] []"},
        {"* NAMESPACE () NIL NIL", "~NIL_FORM NAMESPACE [] [] []"},
        {"* NAMESPACE ((\"\" \"/\") (\"a\" \"/\")) NIL NIL",
         "~BLANKS NAMESPACE [('' '/')('a' '/')] [] []"},
        {"* NAMESPACE ((\"\" \"/\")) NIL", "!26"},
    };

    CHECK_ROWS(rows, NULL);
}

PERCH_SUITE("wire/resp_mailbox") = {
    PERCH_TEST(test_list),
    PERCH_TEST(test_list_names_are_decoded),
    PERCH_TEST(test_list_names_in_utf8_mode),
    PERCH_TEST(test_list_extended_data),
    PERCH_TEST(test_odd_lists),
    PERCH_TEST(test_status),
    PERCH_TEST(test_odd_statuses),
    PERCH_TEST(test_namespace),
    PERCH_END,
};
