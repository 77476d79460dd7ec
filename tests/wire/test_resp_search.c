#include "support/perch_test.h"
#include "support/read.h"

static void test_search(void)
{
    static const struct perch_row rows[] = {
        {"* SEARCH 2 3 6", "SEARCH 2:3,6"},
        {"* SEARCH", "SEARCH -"},
        {"* SEARCH 1", "SEARCH 1"},
        {"* SEARCH 5 4 3 9 1", "SEARCH 1,3:5,9"},
        {"* SEARCH 7 7 7", "SEARCH 7"},
        {"* SEARCH 4294967295 1", "SEARCH 1,4294967295"},
        {"* SEARCH 007", "SEARCH 7"},
        {"* SEARCH 2 5 6 7 11 12 18 19 20 23 (MODSEQ 917162500)",
         "SEARCH 2,5:7,11:12,18:20,23 modseq=917162500"},
        {"* search 3", "SEARCH 3"},
        {"* SORT 5 3 4 1 2", "SORT 1:5 order=5 3 4 1 2"},
        {"* SORT", "SORT -"},
        {"* SORT 2 84 882", "SORT 2,84,882 order=2 84 882"},
        {"* SORT 3 1 (MODSEQ 12)", "SORT 1,3 order=3 1 modseq=12"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_odd_searches(void)
{
    static const struct perch_row rows[] = {
        {"* SEARCH ", "~BLANKS SEARCH -"},
        {"* SEARCH 1 2 ", "~BLANKS SEARCH 1:2"},
        {"* SEARCH  1   2", "~BLANKS SEARCH 1:2"},
        {"* SEARCH NIL", "~NIL_FORM SEARCH -"},
        {"* SEARCH 1 2(MODSEQ 5)", "SEARCH 1:2 modseq=5"},
        {"* SEARCH 1 (MODSEQ 5) 2", "SEARCH 1:2 modseq=5"},
        {"* SEARCH (MODSEQ 5)", "SEARCH - modseq=5"},
        {"* SEARCH 0", "!10"},
        {"* SEARCH -1", "!9"},
        {"* SEARCH 4294967296", "!18"},
        {"* SEARCH 1,2", "!10"},
        {"* SEARCH a", "!9"},
        {"* SEARCH (FOO 5)", "!13"},
        {"* SEARCH 1 (MODSEQ 9223372036854775808)", "!37"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_esearch(void)
{
    static const struct perch_row rows[] = {
        {"* ESEARCH (TAG \"A282\") MIN 2 COUNT 3", "ESEARCH tag='A282' min=2 count=3"},
        {"* ESEARCH (TAG \"A283\") ALL 2,10:11", "ESEARCH tag='A283' all=2,10:11"},
        {"* ESEARCH (TAG \"A284\")", "ESEARCH tag='A284'"},
        {"* ESEARCH (TAG \"A285\") UID MIN 7 MAX 3800", "ESEARCH tag='A285' uid min=7 max=3800"},
        {"* ESEARCH (TAG a1) UID COUNT 0", "ESEARCH tag='a1' uid count=0"},
        {"* ESEARCH", "ESEARCH"},
        {"* ESEARCH COUNT 5", "ESEARCH count=5"},
        {"* ESEARCH UID ALL 1:4294967295", "ESEARCH uid all=1:4294967295"},
        {"* ESEARCH (TAG \"a\") ALL 1:3,5 MODSEQ 1236", "ESEARCH tag='a' modseq=1236 all=1:3,5"},
        {"* ESEARCH (tag \"a\") uid all 3", "ESEARCH tag='a' uid all=3"},
        {"* ESEARCH (TAG {2}\r\na1) ALL 3", "ESEARCH tag='a1' all=3"},
        {"* ESEARCH (TAG \"a\") ALL 7:5", "ESEARCH tag='a' all=5:7"},
        {"* ESEARCH (TAG \"a\") ALL 23,22,3:4", "ESEARCH tag='a' all=3:4,22:23"},
        {"* ESEARCH (TAG \"a\") ALL 23,22,3", "ESEARCH tag='a' all=3,22:23 order=23 22 3"},
        {"* ESEARCH (TAG \"A01\") UID PARTIAL (-1:-100 2,4:5)",
         "ESEARCH tag='A01' uid partial=-1:-100 2,4:5"},
        {"* ESEARCH (TAG \"A01\") UID PARTIAL (23500:24000 55500:56000)",
         "ESEARCH tag='A01' uid partial=23500:24000 55500:56000"},
        {"* ESEARCH (TAG \"A02\") UID PARTIAL (1:500 NIL)",
         "ESEARCH tag='A02' uid partial=1:500 -"},
        {"* ESEARCH (TAG \"B01\") UID ADDTO (0 32768:32769)",
         "ESEARCH tag='B01' uid addto=0 32768:32769"},
        {"* ESEARCH (TAG \"B01\") UID REMOVEFROM (0 32768)",
         "ESEARCH tag='B01' uid removefrom=0 32768"},
        {"* ESEARCH (TAG \"C01\") UID ADDTO (1 2731:2733)",
         "ESEARCH tag='C01' uid addto=1 2731:2733"},
        {"* ESEARCH (TAG \"C01\") UID ADDTO (1 2733 1 2732 1 2731)",
         "ESEARCH tag='C01' uid addto=1 2733 addto=1 2732 addto=1 2731"},
        {"* ESEARCH (TAG \"C01\") ADDTO (1 9,8) REMOVEFROM (4 3)",
         "ESEARCH tag='C01' addto=1 8:9 order=9 8 removefrom=4 3"},
        {"* ESEARCH (TAG \"t\" MAILBOX \"folder1\" UIDVALIDITY 1) UID ALL 4001,4003",
         "ESEARCH tag='t' mailbox='folder1' uidvalidity=1 uid all=4001,4003"},
        {"* ESEARCH (TAG \"t\" X-Y (a b)) COUNT 1", "ESEARCH tag='t' count=1"},
        {"* ESEARCH (TAG \"t\") RELEVANCY (4 99 42) ALL 1,5,10",
         "ESEARCH tag='t' all=1,5,10 ?RELEVANCY='(4 99 42)'"},
        {"* ESEARCH (TAG \"t\") X-ONE 5 X-TWO 1:2,9", "ESEARCH tag='t' ?X-ONE='5' ?X-TWO='1:2,9'"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_odd_esearches(void)
{
    static const struct perch_row rows[] = {
        {"* ESEARCH (TAG \"a\") UID (ALL 1:3)", "~PARENS ESEARCH tag='a' uid all=1:3"},
        {"* ESEARCH (TAG \"a\") (ALL 1:3 COUNT 3)", "~PARENS ESEARCH tag='a' count=3 all=1:3"},
        {"* ESEARCH (TAG \"a\") ", "~BLANKS ESEARCH tag='a'"},
        {"* ESEARCH (TAG \"a\")  ALL 1", "~BLANKS ESEARCH tag='a' all=1"},
        {"* ESEARCH (TAG \"a\") ALL 0", "!25"},
        {"* ESEARCH (TAG \"a\") ALL 1:*", "!26"},
        {"* ESEARCH (TAG \"a\") ALL 1,,2", "!26"},
        {"* ESEARCH (TAG \"a\") ALL", "!23"},
        {"* ESEARCH (TAG \"a\") MIN 0", "!25"},
        {"* ESEARCH (TAG \"a\") PARTIAL (1:-5 3)", "!34"},
        {"* ESEARCH (TAG \"a\") PARTIAL (0:5 3)", "!30"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_vanished(void)
{
    static const struct perch_row rows[] = {
        {"* VANISHED 41,43:116,118", "VANISHED 41,43:116,118"},
        {"* VANISHED (EARLIER) 300:310,405,411", "VANISHED earlier 300:310,405,411"},
        {"* VANISHED (earlier) 1", "VANISHED earlier 1"},
        {"* VANISHED (EARLIER) 1:4294967295", "VANISHED earlier 1:4294967295"},
        {"* VANISHED 9:7", "VANISHED 7:9"},
        {"* VANISHED 5,4,1:2,2:3", "VANISHED 1:5"},
        {"* VANISHED 1,2,", "!15"},
        {"* VANISHED ,", "!11"},
        {"* VANISHED", "!10"},
        {"* VANISHED 0", "!12"},
        {"* VANISHED 5:0", "!14"},
        {"* VANISHED 4294967296", "!20"},
        {"* VANISHED *", "!11"},
        {"* VANISHED (LATER) 5", "!17"},
        {"* VANISHED 1 2", "!13"},
        {"* VANISHED -1", "!11"},
        {"* VANISHED 007", "VANISHED 7"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_thread(void)
{
    static const struct perch_row rows[] = {
        {"* THREAD (2)(3 6 (4 23)(44 7 96))", "THREAD 2@0 3@0 6@1 4@2 23@3 44@2 7@3 96@4"},
        {"* THREAD ((3)(5))", "THREAD 0@0 3@1 5@1"},
        {"* THREAD", "THREAD"},
        {"* THREAD (166)(167)(168)", "THREAD 166@0 167@0 168@0"},
        {"* THREAD (1 2 3)", "THREAD 1@0 2@1 3@2"},
        {"* THREAD (1 (2)(3))(4)", "THREAD 1@0 2@1 3@1 4@0"},
        {"* THREAD (1 (2 (3)(4))(5))", "THREAD 1@0 2@1 3@2 4@2 5@1"},
        {"* THREAD (1 ((2)(3))(4))", "THREAD 1@0 0@1 2@2 3@2 4@1"},
        {"* THREAD ((1 2)(3))(4 5)", "THREAD 0@0 1@1 2@2 3@1 4@0 5@1"},
        {"* THREAD (1) (2)", "~BLANKS THREAD 1@0 2@0"},
        {"* THREAD (1 2", "~PARENS THREAD 1@0 2@1"},
        {"* THREAD 1", "!9"},
        {"* THREAD (0)", "!11"},
        {"* THREAD (1))", "!12"},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_numbers(void)
{
    static const struct perch_row rows[] = {
        {"* 23 EXISTS", "EXISTS 23"},
        {"* 0 EXISTS", "EXISTS 0"},
        {"* 4294967295 EXISTS", "EXISTS 4294967295"},
        {"* 5 RECENT", "RECENT 5"},
        {"* 44 EXPUNGE", "EXPUNGE 44"},
        {"* 44 expunge", "EXPUNGE 44"},
        {"* 0 EXPUNGE", "~NUMBER_FORM EXPUNGE 0"},
        {"* -3 EXPUNGE", "~NUMBER_FORM EXPUNGE 0"},
        {"*  7 EXISTS", "~BLANKS EXISTS 7"},
        {"*7 EXISTS", "~BLANKS EXISTS 7"},
        {"* 7  EXISTS ", "~BLANKS EXISTS 7"},
        {"* 7 EXISTS now", "!11"},
        {"* 4294967296 EXISTS", "!11"},
        {"* 7 MESSAGES", "OTHER number=7 word='MESSAGES'"},
        {"* 7 MESSAGES (a b)", "OTHER number=7 word='MESSAGES'"},
    };

    CHECK_ROWS(rows, NULL);
}

PERCH_SUITE("wire/resp_search") = {
    PERCH_TEST(test_search),   PERCH_TEST(test_odd_searches),
    PERCH_TEST(test_esearch),  PERCH_TEST(test_odd_esearches),
    PERCH_TEST(test_vanished), PERCH_TEST(test_thread),
    PERCH_TEST(test_numbers),  PERCH_END,
};
