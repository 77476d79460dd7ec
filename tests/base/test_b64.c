#include "support/perch_test.h"

#include "base/b64.h"

/* RFC 4648 section 10. */
static const struct {
    const char *plain, *coded;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void test_vectors_of_the_rfc(void)
{
    for (size_t i = 0; i < PERCH_COUNT(vectors); i++) {
        struct perch_buf b = PERCH_BUF_INIT;

        perch_b64_encode(&b, vectors[i].plain, strlen(vectors[i].plain));
        ASSERT_STR(perch_buf_cstr(&b), vectors[i].coded);
        perch_buf_clear(&b);
        CU_ASSERT(perch_b64_decode(&b, vectors[i].coded, strlen(vectors[i].coded)));
        ASSERT_STR(perch_buf_cstr(&b), vectors[i].plain);
        perch_buf_done(&b);
    }
}

static void test_every_byte_survives(void)
{
    uint8_t all[256];
    struct perch_buf coded = PERCH_BUF_INIT, back = PERCH_BUF_INIT;

    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)(i * 7);
    for (size_t n = 0; n <= sizeof all; n++) {
        perch_buf_clear(&coded);
        perch_buf_clear(&back);
        perch_b64_encode(&coded, all, n);
        ASSERT_INT(coded.len, (n + 2) / 3 * 4);
        CU_ASSERT(perch_b64_decode(&back, perch_buf_data(&coded), coded.len));
        CU_ASSERT(perch_span_eq(perch_buf_span(&back), (struct perch_span){(char *)all, n}));
    }
    perch_buf_done(&coded);
    perch_buf_done(&back);
}

static void test_strict_refuses(void)
{
    static const char *const bad[] = {"Z",
                                      "Zg",
                                      "Zg=",
                                      "Z===",
                                      "====",
                                      "Zm9v=",
                                      "Zg==Zg==",
                                      "Zm9v\r\n",
                                      "Zm 9",
                                      "Zm9_",
                                      "=Zm9",
                                      "Zm=9",
                                      "\xff\xff\xff\xff",
                                      "Zm8=="};
    struct perch_buf b = PERCH_BUF_INIT;

    perch_buf_adds(&b, "kept");
    for (size_t i = 0; i < PERCH_COUNT(bad); i++)
        if (perch_b64_decode(&b, bad[i], strlen(bad[i])) || b.len != 4)
            FAIL_ROW("\"%s\" was taken", bad[i]);
    ASSERT_STR(perch_buf_cstr(&b), "kept");
    perch_buf_done(&b);
}

static void test_lax_forgives(void)
{
    static const struct {
        const char *coded, *plain;
    } t[] = {
        {"Zm9v\r\nYmFy\r\n", "foobar"},
        {"Zm9vYg", "foob"},
        {"Zm9vYmE", "fooba"},
        {" Z m 9 v ", "foo"},
        {"Zg==Zm8=", "ffo"},
        {"Zg", "f"},
        {"Z", ""},
        {"Zm9v!Yg==", "foob"},
        {"", ""},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        struct perch_buf b = PERCH_BUF_INIT;

        perch_b64_decode_lax(&b, t[i].coded, strlen(t[i].coded));
        ASSERT_STR(perch_buf_cstr(&b), t[i].plain);
        perch_buf_done(&b);
    }
}

static void test_base32(void)
{
    /* RFC 4648 section 10 in lower case, without padding. */
    static const struct {
        const char *plain, *coded;
    } t[] = {{"f", "m"},
             {"f", "m"},
             {"fo", "mzx"},
             {"foo", "mzxw"},
             {"foob", "mzxw6y"},
             {"fooba", "mzxw6ytb"},
             {"foobar", "mzxw6ytbo"}};

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        char out[32] = "";

        perch_b32_encode(out, strlen(t[i].coded), (const uint8_t *)t[i].plain, strlen(t[i].plain));
        ASSERT_STR(out, t[i].coded);
    }
}

PERCH_SUITE("base/b64") = {
    PERCH_TEST(test_vectors_of_the_rfc),
    PERCH_TEST(test_every_byte_survives),
    PERCH_TEST(test_strict_refuses),
    PERCH_TEST(test_lax_forgives),
    PERCH_TEST(test_base32),
    PERCH_END,
};
