#include "support/failmem.h"
#include "support/perch_test.h"

#include "perch/error.h"
#include "perch/text.h"

#define UE "\xc3\xbc"

#define P(name, value)                                                                             \
    {                                                                                              \
        {name, sizeof(name) - 1},                                                                  \
        {                                                                                          \
            value, sizeof(value) - 1                                                               \
        }                                                                                          \
    }

static void test_params(void)
{
    static const struct {
        struct perch_param params[5];
        size_t n;
        const char *want; /* of "filename"; NULL: absent */
    } t[] = {
        {{P("charset", "utf-8")}, 1, NULL},
        {{P("filename", "a.txt")}, 1, "a.txt"},
        {{P("FileName", "a.txt")}, 1, "a.txt"},
        {{P("filename", "")}, 1, ""},
        {{P("xfilename", "a"), P("filenamex", "b")}, 2, NULL},
        {{P("filename", "=?utf-8?q?=C3=BC.txt?=")}, 1, UE ".txt"}, /* not by the RFC, but usual */
        {{P("filename", "\xfc.txt")}, 1, UE ".txt"},
        {{P("filename*", "utf-8''%C3%BC.txt")}, 1, UE ".txt"},
        {{P("filename*", "utf-8'de'%c3%bc.txt")}, 1, UE ".txt"},
        {{P("filename*", "iso-8859-1'en'%FC.txt")}, 1, UE ".txt"},
        {{P("filename*", "''%C3%BC")}, 1, UE},
        {{P("filename*", "x-klingon''%FC")}, 1, UE}, /* no charset we know: guessed */
        {{P("filename*", "%C3%BC.txt")}, 1, UE ".txt"},
        {{P("filename*", "it's.txt")}, 1, "it's.txt"},
        {{P("filename*", "utf-8''100%.txt%4")}, 1, "100%.txt%4"},
        {{P("filename*", "utf-8''%zz%C3%BC")}, 1, "%zz" UE},
        {{P("filename*", "utf-8''a%0D%0Ab%00c")}, 1, "a  b c"},
        {{P("filename", "plain"), P("filename*", "utf-8''ext")}, 2, "ext"},
        {{P("filename*", "utf-8''ext"), P("filename", "plain")}, 2, "ext"},
        {{P("filename", "first"), P("filename", "second")}, 2, "first"},
        {{P("filename*0", "long"), P("filename*1", "name")}, 2, "longname"},
        {{P("filename*1", "name"), P("filename*0", "long")}, 2, "longname"},
        {{P("filename*0*", "utf-8''%C3"), P("filename*1*", "%BC"), P("filename*2", "%20.txt")},
         3,
         UE "%20.txt"}, /* a character cut in two; the last section is no extended one */
        {{P("filename*0*", "iso-8859-1''%FC"), P("filename*1", ".txt")}, 2, UE ".txt"},
        {{P("filename*0", "=?utf-8?q?=C3"), P("filename*1", "=BC?=")}, 2, UE},
        {{P("filename*0", "a"), P("filename*2", "c")}, 2, "a"}, /* a hole ends it */
        {{P("filename*1", "b")}, 1, NULL},
        {{P("filename*1", "b"), P("filename", "plain")}, 2, "plain"},
        {{P("filename*x", "b"), P("filename*99999", "c"), P("filename**", "d")}, 3, NULL},
        {{P("filename*0", "a"), P("filename*0", "z"), P("filename*1", "b")}, 3, "ab"},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        char *utf8 = "unset";
        size_t len = 99;

        ASSERT_INT(perch_param_decode(t[i].params, t[i].n, "filename", &utf8, &len), PERCH_OK);
        if (t[i].want ? !utf8 || strcmp(utf8, t[i].want) != 0 || len != strlen(t[i].want)
                      : utf8 != NULL)
            FAIL_ROW("row %zu: \"%s\"", i, utf8 ? utf8 : "(absent)");
        perch_text_free(utf8);
    }
}

static void test_nil_values_and_no_parameters(void)
{
    static const struct perch_param nil[] = {{{"filename", 8}, {NULL, 0}}, {{NULL, 0}, {"x", 1}}};
    char *utf8 = NULL;
    size_t len = 99;

    ASSERT_INT(perch_param_decode(nil, 2, "filename", &utf8, &len), PERCH_OK);
    ASSERT_STR(utf8, "");
    perch_text_free(utf8);
    ASSERT_INT(perch_param_decode(NULL, 0, "filename", &utf8, &len), PERCH_OK);
    CU_ASSERT_PTR_NULL(utf8);
    ASSERT_INT(len, 0);
}

static int decode_sections(void *user)
{
    static const struct perch_param params[] = {P("a*0*", "utf-8''%C3"), P("a*1*", "%BC")};
    char *utf8 = NULL;
    size_t len;
    int ret = perch_param_decode(params, 2, "a", &utf8, &len);

    (void)user;
    perch_text_free(utf8);
    return ret;
}

static void test_refused_memory(void)
{
    CU_ASSERT(perch_failmem(decode_sections, NULL) >= 2);
}

PERCH_SUITE("wire/param") = {
    PERCH_TEST(test_params),
    PERCH_TEST(test_nil_values_and_no_parameters),
    PERCH_TEST(test_refused_memory),
    PERCH_END,
};
