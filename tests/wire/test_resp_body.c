#include "support/perch_test.h"
#include "support/read.h"

#define BS(body)   "* 1 FETCH (BODYSTRUCTURE " body ")"
#define WANT(body) "FETCH 1 bodystructure=" body

static void test_single_parts(void)
{
    static const struct perch_row rows[] = {
        {"* 1 FETCH (BODY (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 "
         "92))",
         "FETCH 1 body=t:TEXT/PLAIN(CHARSET='US-ASCII') enc='7BIT' size=3028 lines=92"},
        {BS("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 10 1)"),
         WANT("t:TEXT/PLAIN enc='7BIT' size=10 lines=1")},
        {BS("(\"text\" \"html\" (\"charset\" \"utf-8\" \"x\" \"y\") \"<id>\" \"desc\" \"base64\" "
            "10 1 \"md5\" (\"inline\" (\"filename\" \"a.html\")) \"en\" \"http://x\")"),
         WANT("t:text/html(charset='utf-8' x='y') id='<id>' desc='desc' enc='base64' size=10 "
              "lines=1 md5='md5' disp='inline'(filename='a.html') lang=(en) loc='http://x' +ext")},
        {BS("(\"IMAGE\" \"JPEG\" (\"NAME\" \"x.jpg\") NIL NIL \"BASE64\" 5000000000)"),
         WANT("b:IMAGE/JPEG(NAME='x.jpg') enc='BASE64' size=5000000000")},
        {BS("(\"APPLICATION\" \"PDF\" NIL NIL NIL \"BASE64\" 7 NIL (\"ATTACHMENT\" NIL) "
            "(\"en\" \"de\") NIL)"),
         WANT("b:APPLICATION/PDF enc='BASE64' size=7 disp='ATTACHMENT' lang=(en de) +ext")},
        {BS("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 1 NIL NIL NIL NIL \"future\" 5 (\"a\" "
            "(\"b\" 3)))"),
         WANT("t:TEXT/PLAIN enc='7BIT' size=1 lines=1 +ext")},
        {BS("({4}\r\nTEXT {5}\r\nPLAIN ({1}\r\na {1}\r\nb) {2}\r\nid {1}\r\nd {4}\r\n7BIT 1 1 "
            "{1}\r\nm)"),
         WANT("t:TEXT/PLAIN(a='b') id='id' desc='d' enc='7BIT' size=1 lines=1 md5='m' +ext")},
        {BS("(\"MESSAGE\" \"DELIVERY-STATUS\" NIL NIL NIL \"7BIT\" 100)"),
         WANT("b:MESSAGE/DELIVERY-STATUS enc='7BIT' size=100")},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_multiparts(void)
{
    static const struct perch_row rows[] = {
        {"* 1 FETCH (BODY ((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1152 23)(\"TEXT\" \"HTML\" NIL "
         "NIL NIL \"BASE64\" 4554 73) \"MIXED\"))",
         "FETCH 1 body=x:MULTIPART/MIXED <t:TEXT/PLAIN enc='7BIT' size=1152 lines=23> "
         "<t:TEXT/HTML enc='BASE64' size=4554 lines=73>"},
        {BS("((\"A\" \"B\" NIL NIL NIL \"7BIT\" 1) \"MIXED\" (\"BOUNDARY\" \"x\") NIL NIL NIL)"),
         WANT("x:MULTIPART/MIXED(BOUNDARY='x') +ext <b:A/B enc='7BIT' size=1>")},
        {BS("((\"A\" \"B\" NIL NIL NIL \"7BIT\" 1) \"MIXED\" NIL (\"inline\" NIL) (\"en\") \"loc\" "
            "NIL)"),
         WANT(
             "x:MULTIPART/MIXED disp='inline' lang=(en) loc='loc' +ext <b:A/B enc='7BIT' size=1>")},
        {BS("(((\"A\" \"B\" NIL NIL NIL \"7BIT\" 1)(\"C\" \"D\" NIL NIL NIL \"7BIT\" 2) "
            "\"ALTERNATIVE\")(\"E\" \"F\" NIL NIL NIL \"7BIT\" 3) \"MIXED\")"),
         WANT("x:MULTIPART/MIXED <x:MULTIPART/ALTERNATIVE <b:A/B enc='7BIT' size=1> "
              "<b:C/D enc='7BIT' size=2>> <b:E/F enc='7BIT' size=3>")},
    };

    CHECK_ROWS(rows, NULL);
}

#define NO_ENVELOPE "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"

static void test_messages(void)
{
    static const struct perch_row rows[] = {
        {BS("(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 300 (NIL \"s\" NIL NIL NIL NIL NIL NIL "
            "NIL NIL) (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 10 1) 12)"),
         WANT("m:MESSAGE/RFC822 enc='7BIT' size=300 lines=12 env={ subject='s' } "
              "<t:TEXT/PLAIN enc='7BIT' size=10 lines=1>")},
        {BS("(\"MESSAGE\" \"GLOBAL\" NIL NIL NIL \"8BIT\" 300 " NO_ENVELOPE
            " (\"A\" \"B\" NIL NIL NIL \"7BIT\" 1) 12 \"md5\" NIL NIL NIL)"),
         WANT("m:MESSAGE/GLOBAL enc='8BIT' size=300 lines=12 md5='md5' +ext env={ } "
              "<b:A/B enc='7BIT' size=1>")},
        {BS("(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 300 " NO_ENVELOPE
            " ((\"A\" \"B\" NIL NIL NIL \"7BIT\" 1) \"MIXED\") 12)"),
         WANT("m:message/rfc822 enc='7BIT' size=300 lines=12 env={ } "
              "<x:MULTIPART/MIXED <b:A/B enc='7BIT' size=1>>")},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_odd_single_parts(void)
{
    static const struct perch_row rows[] = {
        /* sizes and lines */
        {BS("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 10 -1)"),
         "~NUMBER_FORM " WANT("t:TEXT/PLAIN enc='7BIT' size=10")},
        {BS("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" -1 -1)"),
         "~NUMBER_FORM " WANT("t:TEXT/PLAIN enc='7BIT'")},
        {BS("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" NIL 3)"),
         "~NUMBER_FORM " WANT("t:TEXT/PLAIN enc='7BIT' lines=3")},
        {BS("(\"A\" \"B\" NIL NIL NIL \"7BIT\" 1.234E+3)"),
         "~NUMBER_FORM " WANT("b:A/B enc='7BIT' size=1234")},
        {BS("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 10)"),
         "~SHORT_LIST " WANT("t:TEXT/PLAIN enc='7BIT' size=10")},
        {BS("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 10 NIL (\"inline\" NIL) NIL NIL)"),
         "~SHORT_LIST " WANT("t:TEXT/PLAIN enc='7BIT' size=10 disp='inline' +ext")},
        {BS("(\"A\" \"B\" NIL NIL NIL \"7BIT\" 10 55 \"md5\" NIL NIL NIL)"),
         "~SHORT_LIST " WANT("b:A/B enc='7BIT' size=10 lines=55 md5='md5' +ext")},
        /* types */
        {BS("(NIL NIL NIL NIL NIL \"7BIT\" 0 NIL NIL NIL NIL)"),
         "~NIL_FORM " WANT("b:APPLICATION/OCTET-STREAM enc='7BIT' +ext")},
        {BS("(NIL \"PLAIN\" NIL NIL NIL \"7BIT\" 3)"),
         "~NIL_FORM " WANT("b:APPLICATION/PLAIN enc='7BIT' size=3")},
        {BS("(\"\" \"\" NIL NIL NIL \"7BIT\" 3)"), WANT("b:/ enc='7BIT' size=3")},
        {BS("(\"X-ZIP\" NIL NIL NIL NIL \"7BIT\" 3)"), WANT("b:X-ZIP/ enc='7BIT' size=3")},
        {BS("(\"X-ZIP\" (\"NAME\" \"a.zip\") NIL NIL \"BASE64\" 3)"),
         "~SHORT_LIST " WANT("b:X-ZIP/(NAME='a.zip') enc='BASE64' size=3")},
        {BS("()"), "~NIL_FORM " WANT("NIL")},
        {BS("NIL"), "~NIL_FORM " WANT("NIL")},
        {BS("(\"A\")"), "~SHORT_LIST " WANT("b:A/")},
        {BS("(\"A\" \"B\")"), "~SHORT_LIST " WANT("b:A/B")},
        {BS("(\"A\" \"B\" NIL NIL)"), "~SHORT_LIST " WANT("b:A/B")},
        /* parameters */
        {BS("(\"A\" \"B\" (\"BOUNDARY\" NIL) NIL NIL \"7BIT\" 3)"),
         "~NIL_FORM " WANT("b:A/B(BOUNDARY='') enc='7BIT' size=3")},
        {BS("(\"A\" \"B\" () NIL NIL \"7BIT\" 3)"), "~NIL_FORM " WANT("b:A/B enc='7BIT' size=3")},
        {BS("(\"A\" \"B\" (\"K\") NIL NIL \"7BIT\" 3)"),
         "~SHORT_LIST " WANT("b:A/B(K='') enc='7BIT' size=3")},
        {BS("(\"A\" \"B\" \"x\" NIL NIL \"7BIT\" 3)"),
         "~SHORT_LIST " WANT("b:A/B enc='7BIT' size=3")},
        {BS("(\"A\" \"B\" (\"CHARSET\" \"\"utf-8\"\") NIL NIL \"7BIT\" 3)"),
         "~QUOTING " WANT("b:A/B(CHARSET='utf-8') enc='7BIT' size=3")},
        {BS("(\"A\" \"B\" NIL NIL NIL 7BIT 3)"), "~QUOTING " WANT("b:A/B enc='7BIT' size=3")},
        {BS("(\"A\" \"B\" NIL NIL NIL NIL 3)"), WANT("b:A/B size=3")},
    };

    CHECK_ROWS(rows, NULL);
}

/* What stands before the extension data of the rows below. */
#define AB  "\"A\" \"B\" NIL NIL NIL \"7BIT\" 3 NIL "
#define AB_ "b:A/B enc='7BIT' size=3"

static void test_odd_extension_data(void)
{
    static const struct perch_row rows[] = {
        {BS("(" AB "\"attachment\" NIL NIL)"), "~SHORT_LIST " WANT(AB_ " disp='attachment' +ext")},
        {BS("(" AB "(\"attachment\") NIL NIL)"),
         "~SHORT_LIST " WANT(AB_ " disp='attachment' +ext")},
        {BS("(" AB "(NIL NIL) NIL NIL)"), "~NIL_FORM " WANT(AB_ " +ext")},
        {BS("(" AB "() NIL NIL)"), "~NIL_FORM " WANT(AB_ " +ext")},
        {BS("(" AB "(\"inline\" ()) NIL NIL)"), "~NIL_FORM " WANT(AB_ " disp='inline' +ext")},
        {BS("(" AB "(\"attachment\" (\"FILENAME\" NIL)) NIL NIL)"),
         "~NIL_FORM " WANT(AB_ " disp='attachment'(FILENAME='') +ext")},
        {BS("(" AB "NIL (\"en\" NIL \"de\") NIL)"), "~NIL_FORM " WANT(AB_ " lang=(en de) +ext")},
        {BS("(" AB "NIL () NIL)"), "~NIL_FORM " WANT(AB_ " +ext")},
        {BS("(" AB "NIL (NIL) NIL)"), "~NIL_FORM " WANT(AB_ " +ext")},
        {BS("(" AB "NIL \"a long description\" \"en\" NIL)"),
         "~SHORT_LIST " WANT(AB_ " lang=(en) +ext")},
        {BS("(" AB "\"en\" (\"attachment\" (\"FILENAME\" \"f\")) NIL)"),
         "~SHORT_LIST " WANT(AB_ " disp='attachment'(FILENAME='f') lang=(en) +ext")},
        {BS("(" AB "NIL (\"attachment\" (\"FILENAME\" \"f\")) NIL)"),
         "~SHORT_LIST " WANT(AB_ " disp='attachment'(FILENAME='f') +ext")},
        {BS("(\"A\" \"B\" NIL NIL NIL \"7BIT\" 3 (\"inline\" NIL) NIL NIL)"),
         "~SHORT_LIST " WANT(AB_ " disp='inline' +ext")},
        {BS("((" AB ") \"MIXED\" \"x\" NIL NIL)"),
         "~BLANKS ~SHORT_LIST " WANT("x:MULTIPART/MIXED +ext <" AB_ " +ext>")},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_odd_multiparts(void)
{
    static const struct perch_row rows[] = {
        {BS("(\"ALTERNATIVE\" (\"BOUNDARY\" \"x\") NIL NIL)"),
         "~SHORT_LIST " WANT("x:MULTIPART/ALTERNATIVE(BOUNDARY='x')")},
        {BS("(\"X-MINE\" (\"BOUNDARY\" \"x\") NIL NIL)"),
         "~SHORT_LIST " WANT("x:MULTIPART/X-MINE(BOUNDARY='x')")},
        {BS("(NIL \"ALTERNATIVE\" (\"BOUNDARY\" \"x\") NIL NIL NIL)"),
         "~NIL_FORM " WANT("x:MULTIPART/ALTERNATIVE(BOUNDARY='x')")},
        {BS("(() \"MIXED\" (\"BOUNDARY\" \"x\") NIL NIL NIL)"),
         "~NIL_FORM " WANT("x:MULTIPART/MIXED(BOUNDARY='x') +ext")},
        {BS("(\"MULTIPART\" \"RELATED\" (\"BOUNDARY\" \"x\") NIL NIL \"7BIT\" 500)"),
         "~SHORT_LIST " WANT("x:MULTIPART/RELATED(BOUNDARY='x') enc='7BIT' size=500")},
        {BS("(\"multipart\" \"mixed\" (\"boundary\" \"x\") NIL NIL)"),
         "~SHORT_LIST " WANT("x:MULTIPART/mixed(boundary='x')")},
        {BS("((" AB "NIL) (" AB "NIL) \"MIXED\")"),
         "~BLANKS " WANT("x:MULTIPART/MIXED <" AB_ " +ext> <" AB_ " +ext>")},
        {BS("((" AB "NIL)\"MIXED\")"), "~BLANKS " WANT("x:MULTIPART/MIXED <" AB_ " +ext>")},
        {BS("((" AB "NIL))"), "~SHORT_LIST " WANT("x:MULTIPART/MIXED <" AB_ " +ext>")},
        {BS("((" AB "NIL) NIL)"), WANT("x:MULTIPART/MIXED <" AB_ " +ext>")},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_odd_messages(void)
{
    static const struct perch_row rows[] = {
        {BS("(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 300)"),
         "~SHORT_LIST " WANT("m:MESSAGE/RFC822 enc='7BIT' size=300")},
        {BS("(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 300 NIL (\"inline\" NIL) NIL NIL)"),
         "~SHORT_LIST " WANT("m:MESSAGE/RFC822 enc='7BIT' size=300 disp='inline' +ext")},
        {BS("(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 300 " NO_ENVELOPE " () 5)"),
         "~NIL_FORM " WANT("m:MESSAGE/RFC822 enc='7BIT' size=300 lines=5 env={ }")},
        {BS("(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 300 " NO_ENVELOPE " NIL 5)"),
         "~NIL_FORM " WANT("m:MESSAGE/RFC822 enc='7BIT' size=300 lines=5 env={ }")},
        {BS("(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 300 " NO_ENVELOPE
            " (\"A\" \"B\" NIL NIL NIL \"7BIT\" 1))"),
         "~SHORT_LIST " WANT("m:MESSAGE/RFC822 enc='7BIT' size=300 env={ } "
                             "<b:A/B enc='7BIT' size=1>")},
        {BS("(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 300 " NO_ENVELOPE
            " (\"A\" \"B\" NIL NIL NIL \"7BIT\" 1) -1)"),
         "~NUMBER_FORM " WANT("m:MESSAGE/RFC822 enc='7BIT' size=300 env={ } "
                              "<b:A/B enc='7BIT' size=1>")},
        {BS("(\"MESSAGE\" \"DELIVERY-STATUS\" NIL NIL NIL \"7BIT\" 300 " NO_ENVELOPE
            " (\"A\" \"B\" NIL NIL NIL \"7BIT\" 1) 5)"),
         "~SHORT_LIST " WANT("m:MESSAGE/DELIVERY-STATUS enc='7BIT' size=300 lines=5 env={ } "
                             "<b:A/B enc='7BIT' size=1>")},
    };

    CHECK_ROWS(rows, NULL);
}

static void test_structures_that_make_little_sense(void)
{
    static const struct perch_row rows[] = {
        {BS("\"TEXT\""), "!25"},
        {BS("(\"A\" \"B\" NIL NIL NIL \"7BIT\" x)"), "!53"},
        {BS("(\"A\" \"B\" NIL (\"x\") NIL \"7BIT\" 3 (5) (6))"),
         "~SHORT_LIST " WANT("b:A/B disp='x' loc='7BIT' +ext")},
        {BS("((\"A\" \"B\" NIL NIL NIL \"7BIT\" 3) (5))"),
         "~BLANKS ~QUOTING ~SHORT_LIST " WANT(
             "x:MULTIPART/MIXED <b:A/B enc='7BIT' size=3> <b:5/>")},
        {BS("(\"A\" \"B\" NIL NIL NIL \"7BIT\" 3"), "~PARENS " WANT("b:A/B enc='7BIT' size=3")},
    };

    CHECK_ROWS(rows, NULL);
}

PERCH_SUITE("wire/resp_body") = {
    PERCH_TEST(test_single_parts),
    PERCH_TEST(test_multiparts),
    PERCH_TEST(test_messages),
    PERCH_TEST(test_odd_single_parts),
    PERCH_TEST(test_odd_extension_data),
    PERCH_TEST(test_odd_multiparts),
    PERCH_TEST(test_odd_messages),
    PERCH_TEST(test_structures_that_make_little_sense),
    PERCH_END,
};
