#include "support/perch_test.h"

#include "wire/names.h"

#include "base/ascii.h"

/* The text with its letters' case turned round. */
static struct perch_span turned(const char *text, char *buf)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++) {
        int upper = perch_upper(text[i]);

        buf[i] = (char)(upper == text[i] ? perch_lower(text[i]) : upper);
    }
    return (struct perch_span){buf, n};
}

/* Every name of a list is found by its text, in any case, and leads back to it. */
static void test_every_name_is_found_both_ways(void)
{
    char buf[64];

#define TYPE_CHECK(id, text)                                                                       \
    ASSERT_INT(perch_resp_type_find(turned(text, buf)), PERCH_RESP_##id);                          \
    ASSERT_STR(perch_resp_type_name(PERCH_RESP_##id), text);
    PERCH_RESP_TYPES(TYPE_CHECK)
#define CODE_CHECK(id, text)                                                                       \
    ASSERT_INT(perch_code_find(turned(text, buf)), PERCH_CODE_##id);                               \
    ASSERT_STR(perch_code_name(PERCH_CODE_##id), text);
    PERCH_CODES(CODE_CHECK)
#define FLAG_CHECK(id, bit, text)                                                                  \
    ASSERT_INT(perch_flag_bit(turned(text, buf)), PERCH_FLAG_##id);                                \
    ASSERT_STR(perch_flag_name(PERCH_FLAG_##id), text);
    PERCH_FLAGS(FLAG_CHECK)
#define ATTR_CHECK(id, bit, text)                                                                  \
    ASSERT_INT(perch_attr_bit(turned(text, buf)), PERCH_ATTR_##id);                                \
    ASSERT_STR(perch_attr_name(PERCH_ATTR_##id), text);
    PERCH_ATTRS(ATTR_CHECK)
#define QUIRK_CHECK(id, bit, what) ASSERT_STR(perch_quirk_name(PERCH_QUIRK_##id), what);
    PERCH_QUIRKS(QUIRK_CHECK)
}

static void test_what_is_no_name_is_not_found(void)
{
    static const char *const texts[] = {"", "\\", "x", "\\Seem", "\\Seen2", "Seen", "$", "\\*"};
    char longer[600];

    for (size_t i = 0; i < PERCH_COUNT(texts); i++) {
        ASSERT_INT(perch_flag_bit(perch_span_of(texts[i])), 0);
        ASSERT_INT(perch_attr_bit(perch_span_of(texts[i])), 0);
        ASSERT_INT(perch_resp_type_find(perch_span_of(texts[i])), PERCH_RESP_OTHER);
        ASSERT_INT(perch_code_find(perch_span_of(texts[i])), PERCH_CODE_OTHER);
    }
    memset(longer, 's', sizeof longer); /* 256 bytes more than "\Seen" */
    memcpy(longer, "\\s", 2);
    ASSERT_INT(perch_flag_bit((struct perch_span){longer, 261}), 0);
    ASSERT_STR(perch_code_name(PERCH_CODE_NONE), "");
    ASSERT_STR(perch_resp_type_name(PERCH_RESP_OTHER), "");
}

PERCH_SUITE("wire/names") = {
    PERCH_TEST(test_every_name_is_found_both_ways),
    PERCH_TEST(test_what_is_no_name_is_not_found),
    PERCH_END,
};
