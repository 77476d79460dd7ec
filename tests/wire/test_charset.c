#include "support/perch_test.h"

#include "perch/error.h"
#include "perch/text.h"

#include "base/ascii.h"
#include "base/mem.h"

#include <errno.h>

#define UNKNOWN PERCH_UTF8_UNKNOWN

static void test_charsets(void)
{
    static const struct {
        const char *charset, *bytes, *utf8;
    } t[] = {
        {"utf-8", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"UTF8",
         "a\xff"
         "b",
         "a" UNKNOWN "b"},
        {"utf-8", "\xe2\x82", UNKNOWN UNKNOWN},
        {"us-ascii", "abc\xe9", "abc" UNKNOWN},
        {"ANSI_X3.4-1968", "abc", "abc"},
        {"iso-8859-1", "caf\xe9 \x80", "caf\xc3\xa9 \xe2\x82\xac"}, /* as windows-1252 */
        {"ISO_8859-1:1987", "\xe9", "\xc3\xa9"},
        {"windows-1252", "\x93x\x94\x81", "\xe2\x80\x9cx\xe2\x80\x9d" UNKNOWN},
        {"iso-8859-15*en", "\xa4", "\xe2\x82\xac"}, /* with a language */
        {"iso-8859-2", "\xb9", "\xc5\xa1"},
        {"iso-8859-5", "\xbf", "\xd0\x9f"},
        {"iso-8859-7", "\xe1", "\xce\xb1"},
        {"iso-8859-8-i", "\xe0", "\xd7\x90"},
        {"iso-8859-9", "\xfd", "\xc4\xb1"},
        {"windows-1251", "\xcf\xf0\xe8", "\xd0\x9f\xd1\x80\xd0\xb8"},
        {"cp1250", "\x9a", "\xc5\xa1"},
        {"windows-1255", "\xe0", "\xd7\x90"},
        {"windows-1256", "\xc7", "\xd8\xa7"},
        {"tis-620", "\xa1", "\xe0\xb8\x81"},
        {"koi8-r", "\xf0\xd2", "\xd0\x9f\xd1\x80"},
        {"koi8-u", "\xb4", "\xd0\x84"},
        {"ibm866", "\x8f", "\xd0\x9f"},
        {"macintosh", "\x8e", "\xc3\xa9"},
        {"iso-2022-jp", "\x1b$BF|K\\\x1b(B!", "\xe6\x97\xa5\xe6\x9c\xac!"},
        {"shift_jis", "\x93\xfa\x96\x7b", "\xe6\x97\xa5\xe6\x9c\xac"},
        {"x-sjis", "\x87\x40", "\xe2\x91\xa0"}, /* in CP932 only */
        {"euc-jp", "\xc6\xfc\xcb\xdc", "\xe6\x97\xa5\xe6\x9c\xac"},
        {"euc-kr", "\xc7\xd1", "\xed\x95\x9c"},
        {"ks_c_5601-1987", "\xc7\xd1", "\xed\x95\x9c"},
        {"iso-2022-kr", "\x1b$)C\x0eGQ\x0f", "\xed\x95\x9c"},
        {"gb2312", "\xd6\xd0\xce\xc4", "\xe4\xb8\xad\xe6\x96\x87"},
        {"gbk", "\x81\x40", "\xe4\xb8\x82"},
        {"gb18030", "\x81\x30\x81\x30", "\xc2\x80"},
        {"big5", "\xa4\xa4\xa4\xe5", "\xe4\xb8\xad\xe6\x96\x87"},
        {"utf-7", "+ZeVnLIqe-", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
        {"utf-16be", "\xd8\x3d\xdc\x1f", "\xf0\x9f\x90\x9f"},
        {"utf-16be",
         "\xdc\x1f"
         "ab",
         UNKNOWN "\xe1\xbd\xa1" UNKNOWN},    /* a byte is skipped */
        {"shift_jis", "a\x93", "a" UNKNOWN}, /* cut in a character */
        {"euc-kr",
         "\xff\xff"
         "a",
         UNKNOWN UNKNOWN "a"},
        {"unknown-8bit", "\xc3\xa9", "\xc3\xa9"},
        {"unknown-8bit", "\xe9", "\xc3\xa9"},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        char *utf8 = NULL;
        size_t len = 0;
        int ret = perch_charset_decode(perch_span_of(t[i].bytes), perch_span_of(t[i].charset),
                                       &utf8, &len);

        if (ret || strcmp(utf8, t[i].utf8) != 0 || len != strlen(t[i].utf8))
            FAIL_ROW("row %zu, %s: %d, \"%s\"", i, t[i].charset, ret, utf8 ? utf8 : "");
        perch_text_free(utf8);
    }
}

static void test_unknown_charsets_are_refused(void)
{
    /* Converters that glibc has but no mail needs are unknown too. */
    static const char *const names[] = {"",
                                        "x-klingon",
                                        "*en",
                                        "utf-8//TRANSLIT",
                                        "IBM1364",
                                        "UCS-4",
                                        "../../../tmp/x",
                                        "a-name-that-is-longer-than-any-of-them-is"};
    char *utf8 = NULL;
    size_t len;

    for (size_t i = 0; i < PERCH_COUNT(names); i++) {
        int ret = perch_charset_decode(PERCH_SPAN("x"), perch_span_of(names[i]), &utf8, &len);

        if (ret != PERCH_EINVAL)
            FAIL_ROW("\"%s\": %d", names[i], ret);
    }
    CU_ASSERT_PTR_NULL(utf8);
}

/* An allocation may leave anything in errno, also when it goes well. */
static int spoil_errno(void *user)
{
    (void)user;
    errno = EILSEQ;
    return 1;
}

static void test_long_text_crosses_the_converters_buffer(void)
{
    static char bytes[20001];
    char *utf8 = NULL;
    size_t len = 0;

    for (size_t i = 0; i < 20000; i += 2)
        memcpy(bytes + i, "\xc6\xfc", 2); /* EUC-JP */
    perch_mem_set_gate(spoil_errno, NULL);
    ASSERT_INT(perch_charset_decode(perch_span_of(bytes), PERCH_SPAN("euc-jp"), &utf8, &len),
               PERCH_OK);
    perch_mem_set_gate(NULL, NULL);
    ASSERT_INT(len, 30000);
    CU_ASSERT(perch_utf8_valid(utf8, len));
    for (size_t i = 0; i + 3 <= len; i += 3)
        if (memcmp(utf8 + i, "\xe6\x97\xa5", 3) != 0) {
            FAIL_ROW("at %zu", i);
            break;
        }
    perch_text_free(utf8);
}

PERCH_SUITE("wire/charset") = {
    PERCH_TEST(test_charsets),
    PERCH_TEST(test_unknown_charsets_are_refused),
    PERCH_TEST(test_long_text_crosses_the_converters_buffer),
    PERCH_END,
};
