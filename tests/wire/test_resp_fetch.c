#include "support/perch_test.h"
#include "support/read.h"

static void test_small_items(void)
{
    static const struct perch_row rows[] = {
        {"* 1 FETCH (UID 5)", "FETCH 1 uid=5"},
        {"* 4294967295 FETCH (UID 4294967295)", "FETCH 4294967295 uid=4294967295"},
        {"* 1 FETCH (FLAGS ())", "FETCH 1 flags=()"},
        {"* 2 FETCH (FLAGS (\\Deleted \\Seen))", "FETCH 2 flags=(\\Deleted \\Seen)[SEEN DELETED]"},
        {"* 2 FETCH (FLAGS (\\Recent $Forwarded x))",
         "FETCH 2 flags=(\\Recent $Forwarded x)[RECENT FORWARDED]"},
        {"* 1 FETCH (MODSEQ (624140003))", "FETCH 1 modseq=624140003"},
        {"* 1 FETCH (MODSEQ (9223372036854775807))", "FETCH 1 modseq=9223372036854775807"},
        {"* 1 FETCH (RFC822.SIZE 44827)", "FETCH 1 size=44827"},
        {"* 1 FETCH (RFC822.SIZE 0)", "FETCH 1 size=0"},
        {"* 1 FETCH (RFC822.SIZE 5000000000)", "FETCH 1 size=5000000000"},
        {"* 12 FETCH (UID 7 FLAGS (\\Seen) MODSEQ (3) RFC822.SIZE 4)",
         "FETCH 12 uid=7 flags=(\\Seen)[SEEN] modseq=3 size=4"},
        {"* 12 FETCH (RFC822.SIZE 4 MODSEQ (3) FLAGS (\\Seen) UID 7)",
         "FETCH 12 uid=7 flags=(\\Seen)[SEEN] modseq=3 size=4"},
        {"* 1 fetch (uid 5 Flags (\\seen) rfc822.size 3)",
         "FETCH 1 uid=5 flags=(\\seen)[SEEN] size=3"},
        {"* 1 FETCH ()", "FETCH 1"},
        {"* 25996 UIDFETCH (FLAGS (\\Seen))", "UIDFETCH 0 uid=25996 flags=(\\Seen)[SEEN]"},
        {"* 1 FETCH (UID 1 UID 2)", "FETCH 1 uid=2"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_dates(void)
{
    static const struct perch_row rows[] = {
        {"* 1 FETCH (INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")",
         "FETCH 1 date='17-Jul-1996 02:44:25 -0700'@837596665"},
        {"* 1 FETCH (INTERNALDATE \" 1-Nov-2026 23:00:00 +0130\")",
         "FETCH 1 date=' 1-Nov-2026 23:00:00 +0130'@1793568600"},
        {"* 1 FETCH (INTERNALDATE {26}\r\n17-Jul-1996 02:44:25 -0700)",
         "FETCH 1 date='17-Jul-1996 02:44:25 -0700'@837596665"},
        {"* 1 FETCH (INTERNALDATE NIL)", "FETCH 1 date=NIL"},
        {"* 1 FETCH (INTERNALDATE \"00-Jan-0000 00:00:00 +0000\")",
         "~DATE_FORM FETCH 1 date='00-Jan-0000 00:00:00 +0000'"},
        {"* 1 FETCH (INTERNALDATE \"yesterday\")", "~DATE_FORM FETCH 1 date='yesterday'"},
        {"* 1 FETCH (SAVEDATE \"05-Feb-2020 12:34:56 +0000\")",
         "FETCH 1 savedate='05-Feb-2020 12:34:56 +0000'@1580906096"},
        {"* 1 FETCH (SAVEDATE NIL)", "FETCH 1 savedate=NIL"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_identifiers_and_previews(void)
{
    static const struct perch_row rows[] = {
        {"* 1 FETCH (EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9))",
         "FETCH 1 emailid='M6d99ac3275bb4e' threadid='T64b478a75b7ea9'"},
        {"* 1 FETCH (THREADID NIL)", "FETCH 1 threadid=NIL"},
        {"* 1 FETCH (EMAILID M1)", "~PARENS FETCH 1 emailid='M1'"},
        {"* 1 FETCH (PREVIEW \"Preview text!\")", "FETCH 1 preview='Preview text!'"},
        {"* 1 FETCH (PREVIEW NIL)", "FETCH 1 preview=NIL"},
        {"* 1 FETCH (PREVIEW \"\")", "FETCH 1 preview=''"},
        {"* 1 FETCH (PREVIEW {4}\r\n\xc3\xa4\r\n)", "FETCH 1 preview='\\xc3\\xa4\\x0d\\x0a'"},
        {"* 1 FETCH (X-GM-MSGID 1278455344230334865)", "FETCH 1 msgid=1278455344230334865"},
        {"* 1 FETCH (X-GM-THRID 18446744073709551615)", "FETCH 1 thrid=18446744073709551615"},
        {"* 1 FETCH (X-GM-LABELS (\\Inbox \\Sent Important \"Muy Importante\"))",
         "FETCH 1 labels=(\\Inbox \\Sent Important Muy Importante)[SENT INBOX]"},
        {"* 1 FETCH (X-GM-LABELS (\"\\\\Important\" foo+bar))",
         "FETCH 1 labels=(\\Important foo+bar)[IMPORTANT]"},
        {"* 1 FETCH (X-GM-LABELS ())", "FETCH 1 labels=()"},
        {"* 1 FETCH (X-GM-LABELS NIL)", "~NIL_FORM FETCH 1 labels=()"},
        {"* 1 FETCH (X-GM-LABELS (a {3}\r\nb c))", "FETCH 1 labels=(a b c)"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_sections(void)
{
    static const struct perch_row rows[] = {
        {"* 1 FETCH (BODY[] {5}\r\nhello)", "FETCH 1 BODY[]='hello'"},
        {"* 1 FETCH (BODY[] \"hello\")", "FETCH 1 BODY[]='hello'"},
        {"* 1 FETCH (BODY[] {0}\r\n)", "FETCH 1 BODY[]=''"},
        {"* 1 FETCH (BODY[HEADER] {0}\r\n)", "FETCH 1 BODY[HEADER]=''"},
        {"* 1 FETCH (BODY[] \"\")", "FETCH 1 BODY[]=''"},
        {"* 1 FETCH (BODY[TEXT] NIL)", "FETCH 1 BODY[TEXT]=NIL"},
        {"* 1 FETCH (BODY[] {2}\r\n\r\n)", "FETCH 1 BODY[]='\\x0d\\x0a'"},
        {"* 1 FETCH (BODY[1.2.3.MIME] {1}\r\nx UID 9)", "FETCH 1 uid=9 BODY[1.2.3.MIME]='x'"},
        {"* 1 FETCH (BODY[HEADER.FIELDS (DATE FROM)] {4}\r\nD:x\n)",
         "FETCH 1 BODY[HEADER.FIELDS (DATE FROM)]='D:x\\x0a'"},
        {"* 1 FETCH (BODY[HEADER.FIELDS (\"DATE\" \"X Y\")] {1}\r\nx)",
         "FETCH 1 BODY[HEADER.FIELDS (\"DATE\" \"X Y\")]='x'"},
        {"* 1 FETCH (BODY[HEADER.FIELDS.NOT (X-]foo)] {1}\r\nx)",
         "FETCH 1 BODY[HEADER.FIELDS.NOT (X-]foo)]='x'"},
        {"* 1 FETCH (BODY[HEADER.FIELDS ({4}\r\nDATE)] {1}\r\nx)",
         "FETCH 1 BODY[HEADER.FIELDS ({4}\r\nDATE)]='x'"},
        {"* 1 FETCH (BODY[]<0> {3}\r\nabc)", "FETCH 1 BODY[]<0> from=0='abc'"},
        {"* 1 FETCH (BODY[1]<4294967296> {3}\r\nabc)",
         "FETCH 1 BODY[1]<4294967296> from=4294967296='abc'"},
        {"* 1 FETCH (BODY[]<0.1024> {3}\r\nabc)",
         "~NUMBER_FORM FETCH 1 BODY[]<0.1024> from=0='abc'"},
        {"* 1 FETCH (BODY[1] {1}\r\na BODY[2] {1}\r\nb)", "FETCH 1 BODY[1]='a' BODY[2]='b'"},
        {"* 1 FETCH (BODY[1] {1}\r\na BODY[2] {1}\r\nb BODY[3] \"c\" BODY[4] NIL BODY[5] \"d\")",
         "FETCH 1 BODY[1]='a' BODY[2]='b' BODY[3]='c' BODY[4]=NIL BODY[5]='d'"},
        {"* 1 FETCH (RFC822 {3}\r\nabc)", "FETCH 1 RFC822='abc'"},
        {"* 1 FETCH (RFC822.HEADER {3}\r\nabc RFC822.TEXT \"x\")",
         "FETCH 1 RFC822.HEADER='abc' RFC822.TEXT='x'"},
        {"* 1 FETCH (BINARY[1] ~{4}\r\na\r\nb)", "FETCH 1 BINARY[1]='a\\x0d\\x0ab'"},
        {"* 1 FETCH (BINARY[1]<10> \"x\" BINARY.SIZE[2.1] 4096)",
         "FETCH 1 BINARY[1]<10> from=10='x' BINARY.SIZE[2.1]=4096"},
        {"* 1 FETCH (BINARY.SIZE[] 7 BINARY.SIZE[1] 8)",
         "FETCH 1 BINARY.SIZE[]=7 BINARY.SIZE[1]=8"},
        {"* 1 FETCH (body[text] {1}\r\nx)", "FETCH 1 body[text]='x'"},
        {"* 1 FETCH (BODY[1] UID 3)", "~NIL_FORM FETCH 1 uid=3 BODY[1]=NIL"},
        {"* 1 FETCH (BODY[1])", "~NIL_FORM FETCH 1 BODY[1]=NIL"},
        {"* 1 FETCH (BODY[1] BODY[2] {1}\r\nb)", "~NIL_FORM FETCH 1 BODY[1]=NIL BODY[2]='b'"},
        {"* 1 FETCH (BODY[]{3}\r\nabc)", "~BLANKS FETCH 1 BODY[]='abc'"},
        {"* 1 FETCH (BODY[ {3}\r\nabc)", "!26"},
        {"* 1 FETCH (BODY[]<x> \"a\")", "!18"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_unknown_items_cost_one_value(void)
{
    static const struct perch_row rows[] = {
        {"* 1 FETCH (XAOL-MSGSTATUS 5 UID 3)", "FETCH 1 uid=3 ?XAOL-MSGSTATUS='5'"},
        {"* 1 FETCH (X-A (b (c \"d)\" {2}\r\n))) e) UID 3)",
         "FETCH 1 uid=3 ?X-A='(b (c \"d)\" {2}\\x0d\\x0a))) e)'"},
        {"* 1 FETCH (X-A \"b\" X-C NIL X-D () UID 3)",
         "FETCH 1 uid=3 ?X-A='\"b\"' ?X-C='NIL' ?X-D='()'"},
        {"* 1 FETCH (X-A[1.2] \"b\")", "FETCH 1 ?X-A[1.2]='\"b\"'"},
        {"* 1 FETCH (ANNOTATION (/comment (value.priv \"My comment\")))",
         "FETCH 1 ?ANNOTATION='(/comment (value.priv \"My comment\"))'"},
        {"* 1 FETCH (BODY.PEEK[] {1}\r\nx)", "FETCH 1 ?BODY.PEEK[]='{1}\\x0d\\x0ax'"},
        {"* 1 FETCH (X-A UID 3)", "!20"},
        {"* 1 FETCH (X-A)", "!14"},
        {"* 1 FETCH (X-A (b)", "~PARENS FETCH 1 ?X-A='(b)'"},
        {"* 1 FETCH (X-A ((b)", "!19"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_odd_rows(void)
{
    static const struct perch_row rows[] = {
        {"* 0 FETCH (UID 5)", "~NUMBER_FORM FETCH 0 uid=5"},
        {"* 0 FETCH", "~NUMBER_FORM ~PARENS FETCH 0"},
        {"* -2 FETCH (UID 5)", "~NUMBER_FORM FETCH 0 uid=5"},
        {"* 1 FETCH UID 5", "~PARENS FETCH 1 uid=5"},
        {"* 1 FETCH FLAGS (\\Seen) UID 5", "~PARENS FETCH 1 uid=5 flags=(\\Seen)[SEEN]"},
        {"* 1 FETCH (UID 5) FLAGS (\\Seen)", "~PARENS FETCH 1 uid=5 flags=(\\Seen)[SEEN]"},
        {"* 1 FETCH (BODY[] {2}\r\nab) UID 5)", "~PARENS FETCH 1 uid=5 BODY[]='ab'"},
        {"* 1 FETCH (UID 5", "~PARENS FETCH 1 uid=5"},
        {"* 1 FETCH (UID 5) ", "~BLANKS FETCH 1 uid=5"},
        {"* 1 FETCH (UID  5  FLAGS ())", "~BLANKS FETCH 1 uid=5 flags=()"},
        {"* 1 FETCH (FLAGS() UID 5)", "~BLANKS FETCH 1 uid=5 flags=()"},
        {"* 1 FETCH (FLAGS NIL)", "~NIL_FORM FETCH 1 flags=()"},
        {"* 1 FETCH (FLAGS \\Seen)", "~PARENS FETCH 1 flags=(\\Seen)[SEEN]"},
        {"* 1 FETCH (MODSEQ 5)", "~PARENS FETCH 1 modseq=5"},
        {"* 1 FETCH (MODSEQ (-1) UID 3)", "~NUMBER_FORM FETCH 1 uid=3"},
        {"* 1 FETCH (MODSEQ (0))", "~NUMBER_FORM FETCH 1"},
        {"* 1 FETCH (RFC822.SIZE -1)", "~NUMBER_FORM FETCH 1 size=0"},
        {"* 1 FETCH (RFC822.SIZE \"44\")", "~NUMBER_FORM FETCH 1 size=44"},
        {"* 1 FETCH (RFC822.SIZE 1.5e+3)", "~NUMBER_FORM FETCH 1 size=1500"},
        {"* 1 FETCH (RFC822.SIZE 1.25e1)", "~NUMBER_FORM FETCH 1 size=12"},
        {"* 1 FETCH (RFC822.SIZE \"\")", "~NUMBER_FORM FETCH 1 size=0"},
        {"* 1 FETCH (RFC822.SIZE 2E6)", "~NUMBER_FORM FETCH 1 size=2000000"},
        {"* 1 FETCH (RFC822.SIZE NIL)", "~NUMBER_FORM FETCH 1 size=0"},
        {"* 1 FETCH (BODY[] {3+}\r\nabc)", "~LITERAL_FORM FETCH 1 BODY[]='abc'"},
        {"* 1 FETCH (BODY[] {3} \r\nabc)", "~LITERAL_FORM FETCH 1 BODY[]='abc'"},
        {"* 1 FETCH (BODY[] {3}\nabc)", "~BARE_LF FETCH 1 BODY[]='abc'"},
        {"* 1 FETCH (BODY[] {2}\r\nabc UID 4)", "~LITERAL_FORM FETCH 1 uid=4 BODY[]='ab'"},
        {"* 1 FETCH (BODY[] {3}\r\nabc\r\n)", "~LITERAL_FORM FETCH 1 BODY[]='abc'"},
        {"* 1 FETCH (BODY[] {4}\r\nabc)", "~LITERAL_FORM ~PARENS FETCH 1 BODY[]='abc'"},
        {"* 1 FETCH (BODY[] {6}\r\nabc)", "~LITERAL_FORM ~PARENS FETCH 1 BODY[]='abc'"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_malformed_rows(void)
{
    static const struct perch_row rows[] = {
        {"* 1 FETCH (UID 0)", "!16"},
        {"* 1 FETCH (UID 4294967296)", "!24"},
        {"* 1 FETCH (UID -1)", "!15"},
        {"* 1 FETCH (UID)", "!14"},
        {"* 1 FETCH (UID abc)", "!15"},
        {"* 1 FETCH (MODSEQ (9223372036854775808))", "!37"},
        {"* 1 FETCH (MODSEQ (5)", "~PARENS FETCH 1 modseq=5"},
        {"* 1 FETCH (MODSEQ (5 UID 3)", "!20"},
        {"* 1 FETCH (RFC822.SIZE 99999999999999999999)", "!42"},
        {"* 1 FETCH (RFC822.SIZE x)", "!23"},
        {"* 1 FETCH (RFC822.SIZE 1e)", "!25"},
        {"* 1 FETCH (RFC822.SIZE 1e99)", "!26"},
        {"* 1 FETCH (RFC822.SIZE 5e19)", "!27"},
        {"* 1 FETCH (RFC822.SIZE -x)", "!24"},
        {"* 1 FETCH (RFC822.SIZE \"5x\")", "!25"},
        {"* 1 FETCH (PREVIEW \"abc)", "!19"},
        {"* 1 FETCH (FLAGS (\\Seen)) trailing", "!34"},
        {"* 1 FETCH (BODY[] {-1}", "!18"},
        {"* 1 FETCH (UID 5 \"FLAGS\" ())", "!17"},
    };

    CHECK_ROWS(rows, NULL);
}

PERCH_SUITE("wire/resp_fetch") = {
    PERCH_TEST(test_small_items),
    PERCH_TEST(test_dates),
    PERCH_TEST(test_identifiers_and_previews),
    PERCH_TEST(test_sections),
    PERCH_TEST(test_unknown_items_cost_one_value),
    PERCH_TEST(test_odd_rows),
    PERCH_TEST(test_malformed_rows),
    PERCH_END,
};
