#include "support/perch_test.h"
#include "support/read.h"

static void test_status_responses_have_a_condition_and_text(void)
{
    static const struct perch_row rows[] = {
        {"* OK hello", "OK 'hello'"},
        {"* NO no such mailbox", "NO 'no such mailbox'"},
        {"* BAD command unknown", "BAD 'command unknown'"},
        {"* BYE so long", "BYE 'so long'"},
        {"* PREAUTH welcome back", "PREAUTH 'welcome back'"},
        {"a1 OK done", "a1 OK 'done'"},
        {"A0017 NO failed", "A0017 NO 'failed'"},
        {"a.b-c BAD what?", "a.b-c BAD 'what?'"},
        {"* ok lower case", "OK 'lower case'"},
        {"* Bye mixed", "BYE 'mixed'"},
        {"x9 no lower", "x9 NO 'lower'"},
        {"* OK text with [brackets] inside", "OK 'text with [brackets] inside'"},
        {"* OK  two blanks", "OK ' two blanks'"},
        {"* OK tab\there", "OK 'tab\\x09here'"},
        {"* OK caf\xc3\xa9", "OK 'caf\\xc3\\xa9'"},
        {"* OK %n%s%99999d", "OK '%n%s%99999d'"},
        {"* OK prose may end in {5}", "OK 'prose may end in {5}'"},
        {"a1 NO and so here {12}", "a1 NO 'and so here {12}'"},
        {"* BYE \"quotes\" are text", "BYE '\"quotes\" are text'"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_continuations_carry_text_or_base64(void)
{
    static const struct perch_row rows[] = {
        {"+ ", "+ ''"},
        {"+ idling", "+ 'idling'"},
        {"+ Ready for literal data", "+ 'Ready for literal data'"},
        {"+ PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
         "+ 'PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+'"},
        {"+ send {3}", "+ 'send {3}'"},
        {"+ [ALERT] hurry", "+ [ALERT] 'hurry'"},
        {"+", "~EMPTY_TEXT + ''"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_codes_without_arguments(void)
{
    static const struct perch_row rows[] = {
        {"* OK [ALERT] disk full", "OK [ALERT] 'disk full'"},
        {"a NO [ALREADYEXISTS] x", "a NO [ALREADYEXISTS] 'x'"},
        {"a NO [AUTHENTICATIONFAILED] x", "a NO [AUTHENTICATIONFAILED] 'x'"},
        {"a NO [AUTHORIZATIONFAILED] x", "a NO [AUTHORIZATIONFAILED] 'x'"},
        {"a NO [CANNOT] x", "a NO [CANNOT] 'x'"},
        {"a BAD [CLIENTBUG] x", "a BAD [CLIENTBUG] 'x'"},
        {"* OK [CLOSED] x", "OK [CLOSED] 'x'"},
        {"a NO [COMPRESSIONACTIVE] x", "a NO [COMPRESSIONACTIVE] 'x'"},
        {"a NO [CONTACTADMIN] x", "a NO [CONTACTADMIN] 'x'"},
        {"a NO [CORRUPTION] x", "a NO [CORRUPTION] 'x'"},
        {"a NO [EXPIRED] x", "a NO [EXPIRED] 'x'"},
        {"a NO [EXPUNGEISSUED] x", "a NO [EXPUNGEISSUED] 'x'"},
        {"a NO [HASCHILDREN] x", "a NO [HASCHILDREN] 'x'"},
        {"a NO [INUSE] x", "a NO [INUSE] 'x'"},
        {"a NO [LIMIT] x", "a NO [LIMIT] 'x'"},
        {"* OK [NOMODSEQ] x", "OK [NOMODSEQ] 'x'"},
        {"a NO [NONEXISTENT] x", "a NO [NONEXISTENT] 'x'"},
        {"a NO [NOPERM] x", "a NO [NOPERM] 'x'"},
        {"* OK [NOTIFICATIONOVERFLOW] x", "OK [NOTIFICATIONOVERFLOW] 'x'"},
        {"a NO [NOTSAVED] x", "a NO [NOTSAVED] 'x'"},
        {"a NO [NOTEMPTY] x", "a NO [NOTEMPTY] 'x'"},
        {"a NO [OVERQUOTA] x", "a NO [OVERQUOTA] 'x'"},
        {"* OK [PARSE] x", "OK [PARSE] 'x'"},
        {"a NO [PRIVACYREQUIRED] x", "a NO [PRIVACYREQUIRED] 'x'"},
        {"a OK [READ-ONLY] x", "a OK [READ-ONLY] 'x'"},
        {"a OK [READ-WRITE] x", "a OK [READ-WRITE] 'x'"},
        {"a NO [SERVERBUG] x", "a NO [SERVERBUG] 'x'"},
        {"a NO [TOOBIG] x", "a NO [TOOBIG] 'x'"},
        {"a NO [TRYCREATE] x", "a NO [TRYCREATE] 'x'"},
        {"* NO [UIDNOTSTICKY] x", "NO [UIDNOTSTICKY] 'x'"},
        {"a BAD [UIDREQUIRED] x", "a BAD [UIDREQUIRED] 'x'"},
        {"a NO [UNAVAILABLE] x", "a NO [UNAVAILABLE] 'x'"},
        {"a NO [UNKNOWN-CTE] x", "a NO [UNKNOWN-CTE] 'x'"},
        {"a NO [USEATTR] x", "a NO [USEATTR] 'x'"},
        {"a NO [BADCOMPARATOR] x", "a NO [BADCOMPARATOR] 'x'"},
        {"a NO [trycreate] lower case", "a NO [TRYCREATE] 'lower case'"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_codes_with_numbers(void)
{
    static const struct perch_row rows[] = {
        {"* OK [UIDNEXT 4392] next", "OK [UIDNEXT 4392] 'next'"},
        {"* OK [UIDVALIDITY 3857529045] valid", "OK [UIDVALIDITY 3857529045] 'valid'"},
        {"* OK [UIDVALIDITY 4294967295] max", "OK [UIDVALIDITY 4294967295] 'max'"},
        {"* OK [UNSEEN 12] first", "OK [UNSEEN 12] 'first'"},
        {"* OK [HIGHESTMODSEQ 715194045007] x", "OK [HIGHESTMODSEQ 715194045007] 'x'"},
        {"* OK [HIGHESTMODSEQ 9223372036854775807] x",
         "OK [HIGHESTMODSEQ 9223372036854775807] 'x'"},
        {"a NO [MAXCONVERTMESSAGES 3] x", "a NO [MAXCONVERTMESSAGES 3] 'x'"},
        {"a NO [SAVELIMIT 500] x", "a NO [SAVELIMIT 500] 'x'"},
        {"* OK [UIDVALIDITY 0] some have none", "OK [UIDVALIDITY 0] 'some have none'"},
        {"* OK [UIDNEXT 0] x", "OK [UIDNEXT 0] 'x'"},
        {"* OK [UNSEEN 0] x", "OK [UNSEEN 0] 'x'"},
        {"a NO [MESSAGELIMIT 1000] x", "a NO [MESSAGELIMIT 1000 0] 'x'"},
        {"a OK [MESSAGELIMIT 1000 23221] x", "a OK [MESSAGELIMIT 1000 23221] 'x'"},
        {"a OK [METADATA LONGENTRIES 2199] x", "a OK [METADATA LONGENTRIES 2199] 'x'"},
        {"a NO [METADATA MAXSIZE 1024] x", "a NO [METADATA MAXSIZE 1024] 'x'"},
        {"a NO [METADATA TOOMANY] x", "a NO [METADATA TOOMANY 0] 'x'"},
        {"a NO [METADATA NOPRIVATE] x", "a NO [METADATA NOPRIVATE 0] 'x'"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_codes_with_lists_and_sets(void)
{
    static const struct perch_row rows[] = {
        {"* OK [CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN] x",
         "OK [CAPABILITY (IMAP4rev1 IDLE AUTH=PLAIN)] 'x'"},
        {"* OK [CAPABILITY IMAP4rev2 I18NLEVEL=1] x",
         "OK [CAPABILITY (IMAP4rev2 I18NLEVEL=1)] 'x'"},
        {"* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited",
         "OK [PERMANENTFLAGS (\\Deleted \\Seen)*[SEEN DELETED]] 'Limited'"},
        {"* OK [PERMANENTFLAGS ()] none", "OK [PERMANENTFLAGS ()] 'none'"},
        {"a NO [BADCHARSET (UTF-8 US-ASCII)] x", "a NO [BADCHARSET (UTF-8 US-ASCII)] 'x'"},
        {"a NO [BADCHARSET (\"X-a b\")] x", "a NO [BADCHARSET (X-a b)] 'x'"},
        {"a NO [BADCHARSET] x", "a NO [BADCHARSET ()] 'x'"},
        {"a NO [BADEVENT (FlagChange)] x", "a NO [BADEVENT (FlagChange)] 'x'"},
        {"a OK [APPENDUID 38505 3955] done", "a OK [APPENDUID 38505 3955] 'done'"},
        {"a OK [APPENDUID 38505 3955:3957] done", "a OK [APPENDUID 38505 3955:3957] 'done'"},
        {"a OK [COPYUID 38505 304,319:320 3956:3958] Done",
         "a OK [COPYUID 38505 304,319:320 3956:3958 paired] 'Done'"},
        {"* OK [COPYUID 432432 42:69 1202:1229] x",
         "OK [COPYUID 432432 42:69 1202:1229 paired] 'x'"},
        {"a OK [COPYUID 1 7,5 8:9] order counts", "a OK [COPYUID 1 5,7 8:9] 'order counts'"},
        {"a OK [COPYUID 1 5:6 9:8] order counts", "a OK [COPYUID 1 5:6 8:9] 'order counts'"},
        {"a OK [COPYUID 1 1:4 1:3] unequal", "a OK [COPYUID 1 1:4 1:3] 'unequal'"},
        {"a OK [COPYUID 1 1:4294967295 1:4294967295] x",
         "a OK [COPYUID 1 1:4294967295 1:4294967295 paired] 'x'"},
        {"a OK [MODIFIED 7,9] x", "a OK [MODIFIED 7,9] 'x'"},
        {"a NO [MODIFIED 12] x", "a NO [MODIFIED 12] 'x'"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_codes_with_text(void)
{
    static const struct perch_row rows[] = {
        {"* OK [MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] Ok",
         "OK [MAILBOXID 'F2212ea87-6097-4256-9d51-71338625'] 'Ok'"},
        {"a NO [REFERRAL IMAP://user;AUTH=*@SERVER2/REMOTE IMAP://user@SERVER3/R] x",
         "a NO [REFERRAL 'IMAP://user;AUTH=*@SERVER2/REMOTE IMAP://user@SERVER3/R'] 'x'"},
        {"a NO [BADURL \"/INBOX;UIDVALIDITY=785799047/;UID=113330\"] x",
         "a NO [BADURL '\"/INBOX;UIDVALIDITY=785799047/;UID=113330\"'] 'x'"},
        {"* NO [NOUPDATE \"B02\"] x", "NO [NOUPDATE 'B02'] 'x'"},
        {"a NO [UNDEFINED-FILTER on-the-road] x", "a NO [UNDEFINED-FILTER 'on-the-road'] 'x'"},
        {"* OK [INPROGRESS (\"A001\" 454 1000)] x",
         "OK [INPROGRESS 'A001' done=454 goal=1000] 'x'"},
        {"* OK [INPROGRESS (\"A001\" 999 NIL)] x", "OK [INPROGRESS 'A001' done=999] 'x'"},
        {"* OK [INPROGRESS (NIL NIL NIL)] x", "OK [INPROGRESS NIL] 'x'"},
        {"* OK [INPROGRESS] x", "OK [INPROGRESS NIL] 'x'"},
        {"a NO [XFOO] x", "a NO [OTHER name='XFOO'] 'x'"},
        {"a NO [XFOO bar (baz) 5] x", "a NO [OTHER name='XFOO' args='bar (baz) 5'] 'x'"},
        {"* NO [Error=EBUSY] x", "NO [OTHER name='Error=EBUSY'] 'x'"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_odd_codes_are_kept_as_other(void)
{
    static const struct perch_row rows[] = {
        {"* OK [UIDNEXT abc] x", "~CODE_FORM OK [OTHER name='UIDNEXT' args='abc'] 'x'"},
        {"* OK [UIDNEXT] x", "~CODE_FORM OK [OTHER name='UIDNEXT'] 'x'"},
        {"* OK [UIDNEXT 4294967296] x",
         "~CODE_FORM OK [OTHER name='UIDNEXT' args='4294967296'] 'x'"},
        {"* OK [UIDNEXT 5 6] x", "~CODE_FORM OK [OTHER name='UIDNEXT' args='5 6'] 'x'"},
        {"* OK [HIGHESTMODSEQ 9223372036854775808] x",
         "~CODE_FORM OK [OTHER name='HIGHESTMODSEQ' args='9223372036854775808'] 'x'"},
        {"a OK [COPYUID 1 1:99999999999999999999 1] x",
         "~CODE_FORM a OK [OTHER name='COPYUID' args='1 1:99999999999999999999 1'] 'x'"},
        {"a OK [APPENDUID x y] x", "~CODE_FORM a OK [OTHER name='APPENDUID' args='x y'] 'x'"},
        {"a OK [MODIFIED *] x", "~CODE_FORM a OK [OTHER name='MODIFIED' args='*'] 'x'"},
        {"a OK [COPYUID 5] x", "~CODE_FORM a OK [COPYUID 5 - - paired] 'x'"},
        {"a OK [COPYUID 5 \"\" \"\"] x", "~CODE_FORM a OK [COPYUID 5 - - paired] 'x'"},
        {"a OK [COPYUID 5 1:3, 4:6] x", "~SET_FORM a OK [COPYUID 5 1:3 4:6 paired] 'x'"},
        {"a OK [COPYUID 5 0,1:2 0:2] x", "~SET_FORM a OK [COPYUID 5 1:2 1:2 paired] 'x'"},
        {"* OK [INPROGRESS (\"a\" 1 2 3)] x",
         "~CODE_FORM OK [OTHER name='INPROGRESS' args='(\"a\" 1 2 3)'] 'x'"},
        {"* OK [MAILBOXID (a b)] x", "~CODE_FORM OK [OTHER name='MAILBOXID' args='(a b)'] 'x'"},
        {"* OK [METADATA] x", "~CODE_FORM OK [OTHER name='METADATA'] 'x'"},
        {"a NO [MESSAGELIMIT x] x", "~CODE_FORM a NO [OTHER name='MESSAGELIMIT' args='x'] 'x'"},
        {"a NO [REFERRAL] x", "a NO [REFERRAL NIL] 'x'"},
        {"* [COPYUID 5 1:3 4:6]", "~CODE_FORM OK [COPYUID 5 1:3 4:6 paired] ''"},
        {"* [COPYUID 5 1:3 4:6] copied", "~CODE_FORM OK [COPYUID 5 1:3 4:6 paired] 'copied'"},
        {"a NO [BADCHARSET UTF-8] x", "~PARENS a NO [BADCHARSET (UTF-8)] 'x'"},
        {"a NO [CANNOT [css3-page] odd] x", "~CODE_FORM a NO [CANNOT] 'x'"},
        {"a NO [REFERRAL imap://h/[a]b] x", "~CODE_FORM a NO [REFERRAL 'imap://h/[a]b'] 'x'"},
        {"* OK [unfinished business", "~CODE_FORM OK '[unfinished business'"},
        {"* OK [ALERT]no blank", "~BLANKS OK [ALERT] 'no blank'"},
        {"* OK [] empty", "OK [OTHER name=''] 'empty'"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_text_may_be_missing(void)
{
    static const struct perch_row rows[] = {
        {"* OK", "~EMPTY_TEXT OK ''"},
        {"* OK ", "~EMPTY_TEXT OK ''"},
        {"a1 NO", "~EMPTY_TEXT a1 NO ''"},
        {"a1 OK [READ-WRITE]", "~EMPTY_TEXT a1 OK [READ-WRITE] ''"},
        {"* OK [HIGHESTMODSEQ 15]", "~EMPTY_TEXT OK [HIGHESTMODSEQ 15] ''"},
        {"* BYE", "~EMPTY_TEXT BYE ''"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_a_line_that_is_no_response_is_malformed(void)
{
    static const struct perch_row rows[] = {
        {"hello world", "!0"},
        {"a1 FETCH x", "!0"},
        {"* ", "!2"},
        {"a1", "!0"},
        {")", "!0"},
        {"* 5", "!3"},
        {"* 5 LIST () NIL x", "!8"},
        {"* EXISTS", "!8"},
        {"* FETCH (UID 5)", "!7"},
        {"* 99999999999 EXISTS", "!11"},
        {"* OK two\rlines", "!8"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_controls_in_text_are_kept(void)
{
    static const struct perch_row rows[] = {{"* OK bell\x07", "OK 'bell\\x07'"}};

    CHECK_ROWS(rows, NULL);
}

static void test_lines_of_servers_that_will_not_serve(void)
{
    static const struct perch_row rows[] = {
        {"Server Unavailable. 15", "~LINE_FORM BAD 'Server Unavailable. 15'"},
        {"421 Too many connections", "~LINE_FORM BYE '421 Too many connections'"},
        {"421-busy", "~LINE_FORM BYE '421-busy'"},
    };

    CHECK_ROWS(rows, NULL);
}

PERCH_SUITE("wire/resp_status") = {
    PERCH_TEST(test_status_responses_have_a_condition_and_text),
    PERCH_TEST(test_continuations_carry_text_or_base64),
    PERCH_TEST(test_codes_without_arguments),
    PERCH_TEST(test_codes_with_numbers),
    PERCH_TEST(test_codes_with_lists_and_sets),
    PERCH_TEST(test_codes_with_text),
    PERCH_TEST(test_odd_codes_are_kept_as_other),
    PERCH_TEST(test_text_may_be_missing),
    PERCH_TEST(test_a_line_that_is_no_response_is_malformed),
    PERCH_TEST(test_controls_in_text_are_kept),
    PERCH_TEST(test_lines_of_servers_that_will_not_serve),
    PERCH_END,
};
