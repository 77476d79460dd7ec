#include "support/perch_test.h"
#include "support/read.h"

static void test_capability_and_enabled(void)
{
    static const struct perch_row rows[] = {
        {"* CAPABILITY IMAP4rev1", "CAPABILITY (IMAP4rev1)"},
        {"* CAPABILITY IMAP4rev2 STARTTLS AUTH=GSSAPI LOGINDISABLED",
         "CAPABILITY (IMAP4rev2 STARTTLS AUTH=GSSAPI LOGINDISABLED)"},
        {"* CAPABILITY THREAD=ORDEREDSUBJECT APPENDLIMIT=35651584 LITERAL+ X!$&'",
         "CAPABILITY (THREAD=ORDEREDSUBJECT APPENDLIMIT=35651584 LITERAL+ X!$&')"},
        {"* capability imap4rev1", "CAPABILITY (imap4rev1)"},
        {"* CAPABILITY", "CAPABILITY ()"},
        {"* CAPABILITY IMAP4rev1 ", "~BLANKS CAPABILITY (IMAP4rev1)"},
        {"* CAPABILITY IMAP4rev1  IDLE", "~BLANKS CAPABILITY (IMAP4rev1 IDLE)"},
        {"* CAPABILITY IMAP4 LITERAL + IDLE", "~BLANKS CAPABILITY (IMAP4 LITERAL+ IDLE)"},
        {"* CAPABILITY A (B)", "!15"},
        {"* ENABLED CONDSTORE X-GOOD-IDEA", "ENABLED (CONDSTORE X-GOOD-IDEA)"},
        {"* ENABLED", "ENABLED ()"},
        {"* ENABLED ", "~BLANKS ENABLED ()"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_flags(void)
{
    static const struct perch_row rows[] = {
        {"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)",
         "FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)"
         "[SEEN ANSWERED FLAGGED DELETED DRAFT]"},
        {"* FLAGS (\\Recent $Forwarded $MDNSent $Junk $NotJunk $Phishing $Important)",
         "FLAGS (\\Recent $Forwarded $MDNSent $Junk $NotJunk $Phishing $Important)"
         "[RECENT FORWARDED MDNSENT JUNK NOTJUNK PHISHING IMPORTANT]"},
        {"* FLAGS ()", "FLAGS ()"},
        {"* FLAGS (\\SEEN $junk)", "FLAGS (\\SEEN $junk)[SEEN JUNK]"},
        {"* FLAGS (Seen $Junk2 \\Seenx)", "FLAGS (Seen $Junk2 \\Seenx)"},
        {"* FLAGS (\\Seen \\*)", "FLAGS (\\Seen)*[SEEN]"},
        {"* FLAGS ($label1 a.b/c+d=e)", "FLAGS ($label1 a.b/c+d=e)"},
        {"* FLAGS", "~NIL_FORM FLAGS ()"},
        {"* FLAGS NIL", "~NIL_FORM FLAGS ()"},
        {"* FLAGS \\Seen", "~PARENS FLAGS (\\Seen)[SEEN]"},
        {"* FLAGS (\"\\\\Seen\" \"my flag\")", "~FLAG_FORM FLAGS (\\Seen my flag)[SEEN]"},
        {"* FLAGS ([a] b]c \\)", "~FLAG_FORM FLAGS ([a] b]c \\)"},
        {"* FLAGS (\\\\x %)", "~FLAG_FORM FLAGS (\\\\x %)"},
        {"* FLAGS (caf\xc3\xa9)", "~FLAG_FORM FLAGS (caf\xc3\xa9)"},
        {"* FLAGS (\\Seen \\Draft", "~PARENS FLAGS (\\Seen \\Draft)[SEEN DRAFT]"},
        {"* FLAGS ( \\Seen )", "~BLANKS FLAGS (\\Seen)[SEEN]"},
        {"* FLAGS (a (b))", "!11"},
        {"* FLAGS (a) b", "!12"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_acl(void)
{
    static const struct perch_row rows[] = {
        {"* ACL INBOX Fred rwipslda", "ACL 'INBOX' 'Fred'='rwipslda'"},
        {"* ACL INBOX Fred rwipsldexta David lrswideta",
         "ACL 'INBOX' 'Fred'='rwipsldexta' 'David'='lrswideta'"},
        {"* ACL INBOX", "ACL 'INBOX'"},
        {"* ACL \"a b\" \"c d\" \"\" -x {2}\r\nlr", "ACL 'a b' 'c d'='' '-x'='lr'"},
        {"* ACL in\\box a b", "~NAME_FORM ACL 'in\\box' 'a'='b'"},
        {"* ACL INBOX Fred rw ", "~BLANKS ACL 'INBOX' 'Fred'='rw'"},
        {"* ACL INBOX Fred", "!16"},
        {"* ACL", "!5"},
        {"* LISTRIGHTS ~/Mail/saved smith la r swicdkxte",
         "LISTRIGHTS '~/Mail/saved' for='smith' rights='la' optional=(r swicdkxte)"},
        {"* LISTRIGHTS archive/imap anyone \"\" l r s w i p k x t e c d a 0 1 2 3 4 5 6 7 8 9",
         "LISTRIGHTS 'archive/imap' for='anyone' rights='' "
         "optional=(l r s w i p k x t e c d a 0 1 2 3 4 5 6 7 8 9)"},
        {"* LISTRIGHTS a b c", "LISTRIGHTS 'a' for='b' rights='c'"},
        {"* MYRIGHTS INBOX rwiptsldaex", "MYRIGHTS 'INBOX' rights='rwiptsldaex'"},
        {"* MYRIGHTS INBOX \"\"", "MYRIGHTS 'INBOX' rights=''"},
        {"* MYRIGHTS INBOX", "!16"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_quota(void)
{
    static const struct perch_row rows[] = {
        {"* QUOTA \"\" (STORAGE 10 512)", "QUOTA '' STORAGE=10/512"},
        {"* QUOTA \"#user/alice\" (MESSAGE 42 1000)", "QUOTA '#user/alice' MESSAGE=42/1000"},
        {"* QUOTA \"!partition/sda4\" (STORAGE 104 10923847 MAILBOX 1 2)",
         "QUOTA '!partition/sda4' STORAGE=104/10923847 MAILBOX=1/2"},
        {"* QUOTA x ()", "QUOTA 'x'"},
        {"* QUOTA x (STORAGE 5000000000 18446744073709551615)",
         "QUOTA 'x' STORAGE=5000000000/18446744073709551615"},
        {"* QUOTA x (ANNOTATION-STORAGE 1 2)", "QUOTA 'x' ANNOTATION-STORAGE=1/2"},
        {"* QUOTA x (STORAGE -1 512)", "~NUMBER_FORM QUOTA 'x' STORAGE=0/512"},
        {"* QUOTA x ( STORAGE 1 2 )", "~BLANKS QUOTA 'x' STORAGE=1/2"},
        {"* QUOTA x (STORAGE 1  2)", "~BLANKS QUOTA 'x' STORAGE=1/2"},
        {"* QUOTA x (STORAGE 1)", "!20"},
        {"* QUOTA x", "!9"},
        {"* QUOTAROOT INBOX \"\"", "QUOTAROOT 'INBOX' ()"},
        {"* QUOTAROOT INBOX \"#user/alice\" \"!partition/sda4\"",
         "QUOTAROOT 'INBOX' (#user/alice !partition/sda4)"},
        {"* QUOTAROOT comp.mail.mime", "QUOTAROOT 'comp.mail.mime' ()"},
        {"* QUOTAROOT INBOX a ", "~BLANKS QUOTAROOT 'INBOX' (a)"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_metadata(void)
{
    static const struct perch_row rows[] = {
        {"* METADATA \"\" (/shared/comment \"Shared comment\")",
         "METADATA '' /shared/comment='Shared comment'"},
        {"* METADATA \"INBOX\" (/private/comment \"My own comment\" /shared/comment \"Its own\")",
         "METADATA 'INBOX' /private/comment='My own comment' /shared/comment='Its own'"},
        {"* METADATA INBOX (/private/comment NIL)", "METADATA 'INBOX' /private/comment=NIL"},
        {"* METADATA INBOX (/a {3}\r\nb\r\n /c ~{2}\r\n\x01\x02)",
         "METADATA 'INBOX' /a='b\\x0d\\x0a' /c='\\x01\\x02'"},
        {"* METADATA \"INBOX\" /shared/comment /private/comment",
         "METADATA 'INBOX' /shared/comment /private/comment"},
        {"* METADATA \"\" /shared/comment", "METADATA '' /shared/comment"},
        {"* METADATA INBOX ()", "METADATA 'INBOX'"},
        {"* METADATA INBOX /a ", "~BLANKS METADATA 'INBOX' /a"},
        {"* METADATA INBOX (/a)", "!20"},
        {"* METADATA INBOX", "!16"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_id(void)
{
    static const struct perch_row rows[] = {
        {"* ID NIL", "ID"},
        {"* ID (\"name\" \"Cyrus\" \"version\" \"1.5\" \"os\" NIL)",
         "ID name='Cyrus' version='1.5' os=NIL"},
        {"* ID ({4}\r\nname {3}\r\nabc)", "ID name='abc'"},
        {"* ID ()", "~NIL_FORM ID"},
        {"* id (\"a\" \"\")", "ID a=''"},
        {"* ID (\"a\"  \"b\")", "~BLANKS ID a='b'"},
        {"* ID (\"a\" \"b\" )", "~BLANKS ID a='b'"},
        {"* ID (\"a\" NIL \"b\")", "!18"},
        {"* ID (NIL \"b\")", "!6"},
        {"* ID (\"a\" (\"b\"))", "!10"},
        {"* ID", "!4"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_language(void)
{
    static const struct perch_row rows[] = {
        {"* LANGUAGE (DE)", "LANGUAGE (DE)"},
        {"* LANGUAGE (EN DE IT i-default)", "LANGUAGE (EN DE IT i-default)"},
        {"* LANGUAGE (\"EN\" \"DE\")", "LANGUAGE (EN DE)"},
        {"* LANGUAGE DE", "!11"},
    };

    CHECK_ROWS(rows, NULL);
}

/* RFC 9698 section 3: the answer to GETJMAPACCESS. Its text is not at hand; a response of
 * one string is what is known of it. */
static void test_jmapaccess(void)
{
    static const struct perch_row rows[] = {
        {"* JMAPACCESS \"https://example.com/.s/[jmap]\"",
         "JMAPACCESS 'https://example.com/.s/[jmap]'"},
        {"* JMAPACCESS {9}\r\nhttps://x", "JMAPACCESS 'https://x'"},
        {"* JMAPACCESS https://x", "!13"},
        {"* JMAPACCESS", "!12"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_what_nobody_knows_is_other(void)
{
    static const struct perch_row rows[] = {
        {"* XFOO", "OTHER word='XFOO'"},
        {"* XFOO (a (b \"c\") {3}\r\n)\r\n NIL", "OTHER word='XFOO'"},
        {"* COMPARATOR i;ascii-casemap", "OTHER word='COMPARATOR'"},
        {"* GENURLAUTH \"imap://x\"", "OTHER word='GENURLAUTH'"},
        {"* X-RAW \"unfinished", "OTHER word='X-RAW'"},
    };

    CHECK_ROWS(rows, NULL);
}

PERCH_SUITE("wire/resp_misc") = {
    PERCH_TEST(test_capability_and_enabled),
    PERCH_TEST(test_flags),
    PERCH_TEST(test_acl),
    PERCH_TEST(test_quota),
    PERCH_TEST(test_metadata),
    PERCH_TEST(test_id),
    PERCH_TEST(test_language),
    PERCH_TEST(test_jmapaccess),
    PERCH_TEST(test_what_nobody_knows_is_other),
    PERCH_END,
};
