#include "support/failmem.h"
#include "support/perch_test.h"

#include "perch/error.h"
#include "perch/text.h"

#include "base/ascii.h"
#include "base/b64.h"

#define UNKNOWN PERCH_UTF8_UNKNOWN
#define UE      "\xc3\xbc"
#define FISH    "\xf0\x9f\x90\x9f"
#define FISH_A  FISH "a"

static void test_values(void)
{
    static const struct {
        const char *value, *utf8;
    } t[] = {
        /* RFC 2047 section 8 */
        {"(=?ISO-8859-1?Q?a?=)", "(a)"},
        {"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
        {"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
        {"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"},
        {"(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"},
        {"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
        {"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"},
        {"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"},
        {"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>",
         "Keld J\xc3\xb8rn Simonsen <keld@dkuug.dk>"},
        {"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n"
         " =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
         "If you can read this you understand the example."},
        /* forms */
        {"", ""},
        {"plain text", "plain text"},
        {"=?utf-8?q?=C3=BC?=", UE},
        {"=?utf-8?q?=c3=bc?=", UE},
        {"=?UTF-8?b?w7w=?=", UE},
        {"=?utf-8*de?q?=C3=BC?=", UE},
        {"=?utf-8?B?w7w?=", UE},   /* no padding */
        {"=?utf-8?B?w7 w=?=", UE}, /* blanks inside */
        {"=?utf-8?Q?a b c?=", "a b c"},
        {"=?utf-8?Q?\?=", ""},
        {"=?utf-8?B?\?=", ""},
        {"x =?utf-8?Q?\?= y", "x  y"},
        {"=?utf-8?Q?why? me?=", "why? me"},
        {"=?utf-8?Q?=3F=3D?=", "?="},
        {"=?utf-8?Q?raw \xc3\xbc?=", "raw " UE},
        {"=?utf-8?q?a?==?utf-8?q?b?=", "ab"}, /* no blank between */
        {"ab=?utf-8?q?c?=de", "abcde"},       /* inside a word */
        {"\"=?utf-8?q?a?=\" <x@y>", "\"a\" <x@y>"},
        {"a  =?utf-8?q?b?=  c", "a  b  c"},
        {"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac"},
        {"=?gb2312?B?1tDOxA==?=", "\xe4\xb8\xad\xe6\x96\x87"},
        {"=?windows-1251?Q?=CF=F0=E8?=", "\xd0\x9f\xd1\x80\xd0\xb8"},
        /* a character split over words */
        {"=?utf-8?q?=C3?= =?utf-8?q?=BC?=", UE},
        {"=?utf-8?B?8J8=?= =?UTF-8?B?kJ8=?=", FISH},
        {"=?utf-8?q?=F0=9F?=\r\n\t=?utf-8?b?kJ8=?=", FISH},
        {"=?utf-8?q?=C3?= x =?utf-8?q?=BC?=", UNKNOWN " x " UNKNOWN},
        {"=?utf-8?q?=C3?= =?iso-8859-1?q?=BC?=", UNKNOWN "\xc2\xbc"},
        /* broken or unknown: as written */
        {"=?x-klingon?q?a?=", "=?x-klingon?q?a?="},
        {"=?x-klingon?q?a?= =?utf-8?q?b?=", "=?x-klingon?q?a?= b"},
        {"=?utf-8?q?a?= =?x-klingon?q?b?= =?utf-8?q?c?=", "a =?x-klingon?q?b?= c"},
        {"=?utf-8?x?a?=", "=?utf-8?x?a?="},
        {"=?utf-8?q?a=?=", "=?utf-8?q?a=?="},
        {"=?utf-8?q?a=C?=", "=?utf-8?q?a=C?="},
        {"=?utf-8?q?a=ZZb?=", "=?utf-8?q?a=ZZb?="},
        {"=?utf-8?b?w7w*?=", "=?utf-8?b?w7w*?="},
        {"=?utf-8?b?w?=", "=?utf-8?b?w?="},
        {"=?utf-8?b?=w7w?=", "=?utf-8?b?=w7w?="},
        {"=?utf-8?q?a", "=?utf-8?q?a"},
        {"=?utf-8?q?a?", "=?utf-8?q?a?"},
        {"=?utf-8?q", "=?utf-8?q"},
        {"=?utf-8?", "=?utf-8?"},
        {"=?", "=?"},
        {"=??q?a?=", "=??q?a?="},
        {"=?utf-8?qq?a?=", "=?utf-8?qq?a?="},
        {"=?utf 8?q?a?=", "=?utf 8?q?a?="},
        {"1 =? 2 ?= 3", "1 =? 2 ?= 3"},
        {"=?utf-8?q?broken =?utf-8?q?ok?=", "=?utf-8?q?broken ok"},
        {"=?=?utf-8?q?ok?=", "=?ok"},
        {"=?utf-8?B?Zg==?=?=", "f?="},
        /* raw 8-bit */
        {"gr" UE "n", "gr" UE "n"},
        {"gr\xfcn", "gr" UE "n"},
        {"\x80 \x81", "\xe2\x82\xac " UNKNOWN},
        {"gr\xfcn =?utf-8?q?x?= gr" UE "n", "gr" UE "n x gr" UE "n"},
        /* folding */
        {"a\r\n b", "a b"},
        {"a\r\n\tb", "a\tb"},
        {"a\n b", "a b"},
        {"a\r\nb", "a b"}, /* no fold, but it may not stay a line end */
        {"a\r\n", "a"},
        {"a\r\n\r\n b", "a b"},
        {"\r\n a", " a"},
        /* what a word may not bring in */
        {"=?utf-8?q?a=0D=0ABcc:_x?=", "a  Bcc: x"},
        {"=?utf-8?q?a=00b?=", "a b"},
        {"=?utf-8?q?=FF=FE?=", UNKNOWN UNKNOWN},
        {"=?us-ascii?q?=E9?=", UNKNOWN},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        char *utf8 = NULL;
        size_t len = 0;
        bool truncated = true;

        ASSERT_INT(perch_rfc2047_decode(perch_span_of(t[i].value), &utf8, &len, &truncated),
                   PERCH_OK);
        if (strcmp(utf8, t[i].utf8) != 0 || len != strlen(t[i].utf8) || truncated)
            FAIL_ROW("row %zu, \"%s\": \"%s\"", i, t[i].value, utf8);
        perch_text_free(utf8);
    }
}

static void test_nil_and_nul(void)
{
    char *utf8 = NULL;
    size_t len = 9;

    ASSERT_INT(perch_rfc2047_decode((struct perch_span){NULL, 0}, &utf8, &len, NULL), PERCH_OK);
    ASSERT_STR(utf8, "");
    ASSERT_INT(len, 0);
    perch_text_free(utf8);
    ASSERT_INT(perch_rfc2047_decode(PERCH_SPAN("a\0b"), &utf8, &len, NULL), PERCH_OK);
    ASSERT_STR(utf8, "a b");
    perch_text_free(utf8);
}

/* `piece` again and again up to about a megabyte. */
static struct perch_span repeated(const char *piece, struct perch_buf *b)
{
    perch_buf_clear(b);
    while (b->len < (1u << 20))
        perch_buf_adds(b, piece);
    return perch_buf_span(b);
}

static void test_output_stops_at_64_kib(void)
{
    static const char *const pieces[] = {"x",
                                         "=?utf-8?q?=C3=BC?= ",
                                         "=?utf-8?q?a?= b ",
                                         UE,
                                         FISH_A,
                                         "=?utf-8?q?=F0=9F?= =?utf-8?q?=90=9F?= ",
                                         "\xfc",
                                         "=?x-klingon?q?a?= "};
    struct perch_buf b = PERCH_BUF_INIT;

    for (size_t i = 0; i < PERCH_COUNT(pieces); i++) {
        char *utf8 = NULL;
        size_t len = 0;
        bool truncated = false;

        ASSERT_INT(perch_rfc2047_decode(repeated(pieces[i], &b), &utf8, &len, &truncated),
                   PERCH_OK);
        if (!truncated || len > 65536 || len < 65533 || !perch_utf8_valid(utf8, len))
            FAIL_ROW("\"%s\": %zu bytes, truncated %d", pieces[i], len, truncated);
        perch_text_free(utf8);
    }
    perch_buf_done(&b);
}

static void test_64_kib_to_the_byte_are_whole(void)
{
    struct perch_buf b = PERCH_BUF_INIT;

    (void)repeated("0123456789abcdef", &b);
    for (size_t n = 65535; n <= 65537; n++) {
        char *utf8 = NULL;
        size_t len = 0;
        bool truncated = false;

        perch_buf_truncate(&b, 1u << 20);
        ASSERT_INT(perch_rfc2047_decode((struct perch_span){(char *)perch_buf_data(&b), n}, &utf8,
                                        &len, &truncated),
                   PERCH_OK);
        ASSERT_INT(len, n < 65536 ? n : 65536);
        ASSERT_INT(truncated, n > 65536);
        perch_text_free(utf8);
    }
    perch_buf_done(&b);
}

/* Openings without an end: quadratic work on a megabyte would take minutes, and the test's
 * time limit would say so. */
static void test_openings_without_an_end(void)
{
    static const char *const pieces[] = {"=?",         "=?a?q?",       "=?utf-8?q?x", "=?utf-8?b?=",
                                         "=?utf-8?q?", "=?a?q?b?c?d=", "?=",          "=?x?q?a?= "};
    struct perch_buf b = PERCH_BUF_INIT;

    for (size_t i = 0; i < PERCH_COUNT(pieces); i++) {
        char *utf8 = NULL;
        size_t len = 0;

        ASSERT_INT(perch_rfc2047_decode(repeated(pieces[i], &b), &utf8, &len, NULL), PERCH_OK);
        CU_ASSERT(perch_utf8_valid(utf8, len));
        perch_text_free(utf8);
    }
    perch_buf_done(&b);
}

/* Any text in words of any length, cut anywhere, comes back. */
static void test_words_cut_anywhere_come_back(void)
{
    static const char text[] = "Gr" UE "\xc3\x9f"
                               "e \xe6\x97\xa5\xe6\x9c\xac " FISH "_=?" FISH;
    size_t n = strlen(text);

    for (size_t cut = 1; cut < n; cut++)
        for (int b64 = 0; b64 < 2; b64++) {
            struct perch_buf value = PERCH_BUF_INIT;
            char *utf8 = NULL;
            size_t len = 0;

            for (size_t at = 0; at < n; at += cut) {
                size_t part = n - at < cut ? n - at : cut;

                perch_buf_adds(&value, at > 0 ? "\r\n =?utf-8?" : "=?utf-8?");
                perch_buf_adds(&value, b64 ? "B?" : "Q?");
                if (b64)
                    perch_b64_encode(&value, text + at, part);
                for (size_t i = 0; !b64 && i < part; i++)
                    perch_buf_addf(&value, "=%02X", (unsigned char)text[at + i]);
                perch_buf_adds(&value, "?=");
            }
            ASSERT_INT(perch_rfc2047_decode(perch_buf_span(&value), &utf8, &len, NULL), PERCH_OK);
            ASSERT_STR(utf8, text);
            perch_text_free(utf8);
            perch_buf_done(&value);
        }
}

static int decode_words(void *user)
{
    char *utf8 = NULL;
    size_t len;
    int ret = perch_rfc2047_decode(
        PERCH_SPAN("some text =?utf-8?q?=C3=BC?= =?iso-8859-1?b?w7w=?= and more\r\n text"), &utf8,
        &len, NULL);

    (void)user;
    perch_text_free(utf8);
    return ret;
}

static void test_refused_memory(void)
{
    CU_ASSERT(perch_failmem(decode_words, NULL) >= 3);
}

PERCH_SUITE("wire/rfc2047") = {
    PERCH_TEST(test_values),
    PERCH_TEST(test_nil_and_nul),
    PERCH_TEST(test_output_stops_at_64_kib),
    PERCH_TEST(test_64_kib_to_the_byte_are_whole),
    PERCH_TEST(test_openings_without_an_end),
    PERCH_TEST(test_words_cut_anywhere_come_back),
    PERCH_TEST(test_refused_memory),
    PERCH_END,
};
