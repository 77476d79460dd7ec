#include "support/perch_test.h"
#include "support/read.h"

/* Most rows are about one field: the rest of the envelope is NIL. */
#define HEAD       "* 1 FETCH (ENVELOPE (NIL NIL "
#define TAIL       " NIL NIL NIL NIL NIL NIL NIL))"
#define FROM(list) HEAD list TAIL

static void test_fields(void)
{
    static const struct perch_row rows[] = {
        {"* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))", "FETCH 1 envelope={ }"},
        {"* 1 FETCH (ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg\" "
         "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
         "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
         "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
         "((NIL NIL \"imap\" \"cac.washington.edu\")) "
         "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" "
         "\"MIT.EDU\")) NIL NIL \"<B27397-0100000@cac.washington.edu>\"))",
         "FETCH 1 envelope={ date='Wed, 17 Jul 1996 02:23:25 -0700 (PDT)' "
         "subject='IMAP4rev2 WG mtg' from=('Terry Gray' NIL 'gray' 'cac.washington.edu') "
         "sender=('Terry Gray' NIL 'gray' 'cac.washington.edu') "
         "reply-to=('Terry Gray' NIL 'gray' 'cac.washington.edu') "
         "to=(NIL NIL 'imap' 'cac.washington.edu') "
         "cc=(NIL NIL 'minutes' 'CNRI.Reston.VA.US')('John Klensin' NIL 'KLENSIN' 'MIT.EDU') "
         "message-id='<B27397-0100000@cac.washington.edu>' }"},
        {"* 1 FETCH (ENVELOPE ({4}\r\ndate {7}\r\nsub\r\nj) NIL NIL NIL NIL NIL NIL {3}\r\nirt "
         "{3}\r\nmid) UID 4)",
         "FETCH 1 uid=4 envelope={ date='date' subject='sub\\x0d\\x0aj)' in-reply-to='irt' "
         "message-id='mid' }"},
        {"* 1 FETCH (ENVELOPE ({2}\r\na( {1}\r\n( NIL NIL NIL NIL NIL NIL NIL NIL))",
         "FETCH 1 envelope={ date='a(' subject='(' }"},
        {"* 1 FETCH (ENVELOPE (\"\" \"\" NIL NIL NIL NIL NIL NIL \"\" \"\"))",
         "FETCH 1 envelope={ date='' subject='' in-reply-to='' message-id='' }"},
        {"* 1 FETCH (ENVELOPE (NIL \"a \\\"quoted\\\" \\\\ word\" NIL NIL NIL NIL NIL NIL NIL "
         "NIL))",
         "FETCH 1 envelope={ subject='a \"quoted\" \\ word' }"},
        {"* 1 FETCH (ENVELOPE (NIL \"=?utf-8?q?caf=C3=A9?=\" NIL NIL NIL NIL NIL NIL NIL NIL))",
         "FETCH 1 envelope={ subject='=?utf-8?q?caf=C3=A9?=' }"},
        {"* 1 FETCH (ENVELOPE (NIL \"caf\xe9\" NIL NIL NIL NIL NIL NIL NIL NIL))",
         "FETCH 1 envelope={ subject='caf\\xe9' }"},
        {"* 1 FETCH (ENVELOPE (NIL \"ends in {5}\" NIL NIL NIL NIL NIL NIL NIL NIL))",
         "FETCH 1 envelope={ subject='ends in {5}' }"},
        {"* 1 FETCH (ENVELOPE (NIL \"tab\there\" NIL NIL NIL NIL NIL NIL NIL NIL))",
         "FETCH 1 envelope={ subject='tab\\x09here' }"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_addresses(void)
{
    static const struct perch_row rows[] = {
        {FROM("((NIL NIL \"a\" \"b\"))"), "FETCH 1 envelope={ from=(NIL NIL 'a' 'b') }"},
        {FROM("((\"N\" \"@route\" \"a\" \"b\"))"),
         "FETCH 1 envelope={ from=('N' '@route' 'a' 'b') }"},
        {FROM("((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")(NIL NIL \"e\" \"f\"))"),
         "FETCH 1 envelope={ from=(NIL NIL 'a' 'b')(NIL NIL 'c' 'd')(NIL NIL 'e' 'f') }"},
        {FROM("((NIL NIL \"A group\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL))"),
         "FETCH 1 envelope={ from=(NIL NIL 'A group' NIL)(NIL NIL 'a' 'b')(NIL NIL NIL NIL) }"},
        {FROM("(({3}\r\nA B {1}\r\nr {1}\r\na {1}\r\nb))"),
         "FETCH 1 envelope={ from=('A B' 'r' 'a' 'b') }"},
        {FROM("((\"\" \"\" \"a\" \"b\"))"), "FETCH 1 envelope={ from=('' '' 'a' 'b') }"},
        {FROM("((\"O'Neil, \\\"Bo\\\"\" NIL \"a\" \"b\"))"),
         "FETCH 1 envelope={ from=('O'Neil, \"Bo\"' NIL 'a' 'b') }"},
        {FROM("((NIL NIL \"john smith\" \"b\"))"),
         "FETCH 1 envelope={ from=(NIL NIL 'john smith' 'b') }"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_odd_addresses(void)
{
    static const struct perch_row rows[] = {
        {FROM("((NIL NIL \"a\" \"b\") (NIL NIL \"c\" \"d\"))"),
         "~BLANKS FETCH 1 envelope={ from=(NIL NIL 'a' 'b')(NIL NIL 'c' 'd') }"},
        {FROM("( (NIL NIL \"a\" \"b\") )"), "~BLANKS FETCH 1 envelope={ from=(NIL NIL 'a' 'b') }"},
        {FROM("()"), "~NIL_FORM FETCH 1 envelope={ }"},
        {FROM("\"\""), "~NIL_FORM FETCH 1 envelope={ }"},
        {FROM("nil"), "~NIL_FORM FETCH 1 envelope={ }"},
        {FROM("(NIL)"), "~NIL_FORM FETCH 1 envelope={ }"},
        {FROM("(NIL (NIL NIL \"a\" \"b\"))"),
         "~BLANKS ~NIL_FORM FETCH 1 envelope={ from=(NIL NIL 'a' 'b') }"},
        {FROM("((NIL NIL \"a\"))"), "~SHORT_LIST FETCH 1 envelope={ from=(NIL NIL 'a' NIL) }"},
        {FROM("(())"), "~SHORT_LIST FETCH 1 envelope={ from=(NIL NIL NIL NIL) }"},
        {FROM("((\"A\" \"B C\" NIL \"a\" \"b\"))"),
         "~SHORT_LIST FETCH 1 envelope={ from=('A B C' NIL 'a' 'b') }"},
        {FROM("((\"A\" \"B\" \"C\" NIL \"a\" \"b\"))"),
         "~SHORT_LIST FETCH 1 envelope={ from=('A B C' NIL 'a' 'b') }"},
        {FROM("((\"jo\" NIL \"Jo Smith\" \"b\"))"),
         "~ADDRESS_FORM FETCH 1 envelope={ from=('Jo Smith' NIL 'jo' 'b') }"},
        {FROM("((\"Jo\" NIL \"jo@b.org\" NIL))"),
         "~ADDRESS_FORM FETCH 1 envelope={ from=('Jo' NIL 'jo' 'b.org') }"},
        {FROM("((\"Jo\" NIL \"jo@b.org\" \"MISSING_DOMAIN\"))"),
         "~ADDRESS_FORM FETCH 1 envelope={ from=('Jo' NIL 'jo' 'b.org') }"},
        {FROM("((NIL NIL \"a\" \"MISSING_DOMAIN\"))"),
         "~ADDRESS_FORM FETCH 1 envelope={ from=(NIL NIL 'a' '') }"},
        {FROM("((NIL NIL \"a\" \".MISSING-HOST-NAME.\"))"),
         "~ADDRESS_FORM FETCH 1 envelope={ from=(NIL NIL 'a' '') }"},
        {FROM("((NIL NIL \"a\" \"qq.com\\\"))"),
         "~QUOTING FETCH 1 envelope={ from=(NIL NIL 'a' 'qq.com') }"},
        {FROM("((\"Bob \"B\" Bar\" NIL \"a\" \"b\"))"),
         "~QUOTING FETCH 1 envelope={ from=('Bob \"B\" Bar' NIL 'a' 'b') }"},
        {FROM("((\"Bob \"B\"Bar\" NIL \"a\" \"b\"))"),
         "~QUOTING FETCH 1 envelope={ from=('Bob \"B\"Bar' NIL 'a' 'b') }"},
        {FROM("((Jo NIL a b))"), "~QUOTING FETCH 1 envelope={ from=('Jo' NIL 'a' 'b') }"},
        {FROM("((NIL NIL \"a\" \"b\" NIL \"c\" NIL \"d\" \"e\"))"), "!63"},
        {FROM("((NIL NIL (\"a\") \"b\"))"), "!39"},
        {FROM("x"), "!29"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_odd_envelopes(void)
{
    static const struct perch_row rows[] = {
        {"* 1 FETCH (ENVELOPE (\"d\" \"s\" NIL NIL NIL NIL NIL NIL))",
         "~SHORT_LIST FETCH 1 envelope={ date='d' subject='s' }"},
        {"* 1 FETCH (ENVELOPE (\"d\" \"s\") UID 3)",
         "~SHORT_LIST FETCH 1 uid=3 envelope={ date='d' subject='s' }"},
        {"* 1 FETCH (ENVELOPE (NIL () NIL NIL NIL NIL NIL NIL NIL NIL))",
         "~NIL_FORM FETCH 1 envelope={ }"},
        {"* 1 FETCH (ENVELOPE ((NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) x))", "!63"},
        {"* 1 FETCH (ENVELOPE () UID 3)", "~SHORT_LIST FETCH 1 uid=3 envelope={ }"},
        {"* 1 FETCH (ENVELOPE NIL UID 3)", "~NIL_FORM FETCH 1 uid=3 envelope={ }"},
        {"* 1 FETCH (ENVELOPE (\"d\" \"s\" NIL NIL NIL NIL NIL \"<irt>\" \"<mid>\"))",
         "~SHORT_LIST FETCH 1 envelope={ date='d' subject='s' in-reply-to='<irt>' "
         "message-id='<mid>' }"},
        {"* 1 FETCH (ENVELOPE (\"d\" \"s\" NIL NIL NIL NIL NIL NIL NIL \"<mid>\" \"x\" (\"y\")))",
         "~SHORT_LIST FETCH 1 envelope={ date='d' subject='s' message-id='<mid>' }"},
        {"* 1 FETCH (ENVELOPE ((\"d\" \"s\" NIL NIL NIL NIL NIL NIL NIL \"<mid>\")) UID 3)",
         "~PARENS FETCH 1 uid=3 envelope={ date='d' subject='s' message-id='<mid>' }"},
        {"* 1 FETCH (ENVELOPE (\"d\" \"a \"b\" c\" NIL NIL NIL NIL NIL NIL NIL \"<mid>\"))",
         "~QUOTING FETCH 1 envelope={ date='d' subject='a \"b\" c' message-id='<mid>' }"},
        {"* 1 FETCH (ENVELOPE (\"d\" \"a\"b\"c\" NIL NIL NIL NIL NIL NIL NIL \"<\"x\"@y>\"))",
         "~QUOTING FETCH 1 envelope={ date='d' subject='a\"b\"c' message-id='<\"x\"@y>' }"},
        {"* 1 FETCH (ENVELOPE (\"d\" \"a\\b\" NIL NIL NIL NIL NIL NIL NIL NIL))",
         "~QUOTING FETCH 1 envelope={ date='d' subject='a\\b' }"},
        {"* 1 FETCH (ENVELOPE (\"d\" \"a\r\n b\" NIL NIL NIL NIL NIL NIL NIL NIL))",
         "~QUOTING FETCH 1 envelope={ date='d' subject='a\\x0d\\x0a b' }"},
        {"* 1 FETCH (ENVELOPE (\"d\" \"a\rb\" NIL NIL NIL NIL NIL NIL NIL NIL))", "!27"},
        {"* 1 FETCH (ENVELOPE (\"d\" NIL NIL NIL NIL NIL NIL NIL NIL NIL )UID 3)",
         "~BLANKS FETCH 1 uid=3 envelope={ date='d' }"},
    };

    CHECK_ROWS(rows, NULL);
}

PERCH_SUITE("wire/resp_envelope") = {
    PERCH_TEST(test_fields),
    PERCH_TEST(test_addresses),
    PERCH_TEST(test_odd_addresses),
    PERCH_TEST(test_odd_envelopes),
    PERCH_END,
};
