#include "support/perch_test.h"

#include "base/ascii.h"
#include "base/err.h"

static void test_names_and_classes(void)
{
    ASSERT_STR(perch_err_class(PERCH_OK), "ok");
    ASSERT_STR(perch_err_name(PERCH_OK), "PERCH_OK");
    ASSERT_STR(perch_err_class(PERCH_ECERTIFICATE), "certificate");
    ASSERT_STR(perch_err_name(PERCH_ECERTIFICATE), "PERCH_ECERTIFICATE");
    ASSERT_STR(perch_err_class(-22), "readonly");
    ASSERT_STR(perch_err_class(1), "unknown");
    ASSERT_STR(perch_err_name(-999), "unknown");
}

static void test_filling_a_record(void)
{
    struct perch_error e = {.resp_code = 5};

    ASSERT_INT(perch_error_set(&e, PERCH_ELIMIT, PERCH_HITS_CONNECTION, PERCH_TRY_LATER, NULL,
                               "literal of %d bytes", 7),
               PERCH_ELIMIT);
    ASSERT_INT(e.code, PERCH_ELIMIT);
    ASSERT_INT(e.radius, PERCH_HITS_CONNECTION);
    ASSERT_INT(e.remedy, PERCH_TRY_LATER);
    ASSERT_INT(e.resp_code, 0);
    ASSERT_STR(e.reason, "limit");
    ASSERT_STR(e.text, "literal of 7 bytes");
    (void)perch_error_set(&e, PERCH_ETLS, PERCH_HITS_CONNECTION, PERCH_ASK_USER, "why", "[%s]",
                          e.text); /* an argument may be the old text */
    ASSERT_STR(e.text, "[literal of 7 bytes]");
    ASSERT_STR(e.reason, "why");
    perch_error_clear(&e);
    ASSERT_INT(e.code, 0);
    ASSERT_STR(e.text, "");
    ASSERT_INT(perch_error_set(NULL, PERCH_ENO, PERCH_HITS_OP, PERCH_TRY_NOW, NULL, "x"),
               PERCH_ENO);
}

static void test_text_is_made_printable(void)
{
    static const struct {
        const char *in, *out;
    } t[] = {
        {"a\r\nb\tc", "a??b?c"},
        {"\x1b[2J\x7f", "?[2J?"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"\xc2\x9b"
         "1m",
         "??1m"}, /* C1 CSI */
        {"\xfc"
         "ber\xc3",
         "?ber?"},
        {"\xe2\x82\xac\xe2\x82", "\xe2\x82\xac??"},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        struct perch_error e;

        (void)perch_error_set(&e, PERCH_ENO, PERCH_HITS_OP, PERCH_TRY_NOW, NULL, "%s", t[i].in);
        ASSERT_STR(e.text, t[i].out);
    }
}

static void test_long_text_is_cut_at_a_border(void)
{
    char in[PERCH_ERROR_TEXT * 2];
    struct perch_error e;

    for (size_t lead = 0; lead < 4; lead++) {
        for (size_t i = 0; i + 1 < sizeof in; i++)
            in[i] = i < lead ? 'x' : "\xf0\x9f\x90\x9f"[(i - lead) % 4];
        in[sizeof in - 1] = '\0';
        (void)perch_error_set(&e, PERCH_ENO, PERCH_HITS_OP, PERCH_TRY_NOW, NULL, "%s", in);
        ASSERT_INT(strlen(e.text), lead + (PERCH_ERROR_TEXT - 1 - lead) / 4 * 4);
        CU_ASSERT(perch_utf8_valid(e.text, strlen(e.text)));
        CU_ASSERT_PTR_NULL(strchr(e.text, '?'));
    }
}

PERCH_SUITE("base/err") = {
    PERCH_TEST(test_names_and_classes),
    PERCH_TEST(test_filling_a_record),
    PERCH_TEST(test_text_is_made_printable),
    PERCH_TEST(test_long_text_is_cut_at_a_border),
    PERCH_END,
};
