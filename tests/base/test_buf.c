#include "support/failmem.h"
#include "support/perch_test.h"

#include "perch/error.h"

#include "base/buf.h"

static void test_appends_of_every_kind(void)
{
    struct perch_buf b = PERCH_BUF_INIT;

    ASSERT_STR(perch_buf_cstr(&b), "");
    perch_buf_add(&b, "ab", 2);
    perch_buf_addc(&b, 'c');
    perch_buf_adds(&b, "de");
    perch_buf_addspan(&b, PERCH_SPAN("f"));
    perch_buf_addspan(&b, (struct perch_span){NULL, 0});
    perch_buf_addu(&b, UINT64_MAX);
    perch_buf_addu(&b, 0);
    perch_buf_addf(&b, "<%s|%03d>", "x", 7);
    ASSERT_STR(perch_buf_cstr(&b), "abcdef184467440737095516150<x|007>");
    CU_ASSERT_FALSE(b.failed);
    perch_buf_done(&b);
}

/* The buffer against a plain string, with seeded random appends and consumes. */
static void test_append_and_consume_keep_order(void)
{
    struct perch_buf b = PERCH_BUF_INIT;
    uint32_t seed = 1;
    uint8_t in = 0, out = 0;

    for (int i = 0; i < 20000; i++) {
        uint8_t piece[97];
        size_t n;

        seed = seed * 1103515245u + 12345u;
        n = seed >> 16 & 0xffff;
        n %= sizeof piece;
        if (seed >> 8 & 1) {
            for (size_t k = 0; k < n; k++)
                piece[k] = in++;
            perch_buf_add(&b, piece, n);
            continue;
        }
        n = n < b.len ? n : b.len;
        for (size_t k = 0; k < n; k++)
            if (perch_buf_data(&b)[k] != out++)
                FAIL_ROW("step %d, byte %zu", i, k);
        perch_buf_consume(&b, n);
    }
    CU_ASSERT(b.cap < 65536); /* consumed room is used again */
    perch_buf_done(&b);
}

static void test_max_refuses_and_keeps_what_was_there(void)
{
    struct perch_buf b = {.max = 4};

    perch_buf_adds(&b, "abcd");
    CU_ASSERT_FALSE(b.failed);
    ASSERT_STR(perch_buf_cstr(&b), "abcd"); /* the NUL does not count */
    perch_buf_addc(&b, 'e');
    CU_ASSERT(b.failed);
    perch_buf_consume(&b, 4);
    perch_buf_addc(&b, 'f'); /* the first failure sticks */
    ASSERT_INT(b.len, 0);
    CU_ASSERT_PTR_NULL(perch_buf_cstr(&b));
    perch_buf_clear(&b);
    perch_buf_addf(&b, "%d", 12345);
    CU_ASSERT(b.failed);
    perch_buf_clear(&b);
    perch_buf_addf(&b, "%d", 1234);
    ASSERT_STR(perch_buf_cstr(&b), "1234");
    perch_buf_done(&b);
}

static void test_room_and_commit(void)
{
    struct perch_buf b = PERCH_BUF_INIT;
    uint8_t *room = perch_buf_room(&b, 1000);

    memcpy(room, "hello", 5);
    perch_buf_commit(&b, 5);
    ASSERT_SPAN(perch_buf_span(&b), "hello");
    CU_ASSERT_PTR_NULL(perch_buf_room(&b, SIZE_MAX));
    CU_ASSERT(b.failed);
    perch_buf_done(&b);
    CU_ASSERT_FALSE(b.failed);
}

static void test_consume_truncate_shrink(void)
{
    struct perch_buf b = PERCH_BUF_INIT;

    perch_buf_adds(&b, "abcdef");
    perch_buf_consume(&b, 2);
    perch_buf_truncate(&b, 3);
    perch_buf_truncate(&b, 99);
    ASSERT_SPAN(perch_buf_span(&b), "cde");
    perch_buf_shrink(&b); /* not empty: stays */
    ASSERT_SPAN(perch_buf_span(&b), "cde");
    perch_buf_consume(&b, 99);
    ASSERT_INT(b.len, 0);
    perch_buf_shrink(&b);
    CU_ASSERT_PTR_NULL(b.p);
    perch_buf_adds(&b, "again");
    ASSERT_SPAN(perch_buf_span(&b), "again");
    perch_buf_done(&b);
}

static void test_taking_the_bytes(void)
{
    struct perch_buf b = PERCH_BUF_INIT;
    size_t len = 99;
    char *p;

    perch_buf_adds(&b, "abcdef");
    perch_buf_consume(&b, 2);
    p = perch_buf_take(&b, &len);
    ASSERT_STR(p, "cdef");
    ASSERT_INT(len, 4);
    CU_ASSERT_PTR_NULL(b.p);
    perch_free(p);
    p = perch_buf_take(&b, &len); /* of nothing */
    ASSERT_STR(p, "");
    ASSERT_INT(len, 0);
    perch_free(p);
    b.max = 1;
    perch_buf_adds(&b, "ab");
    CU_ASSERT_PTR_NULL(perch_buf_take(&b, &len));
    CU_ASSERT_FALSE(b.failed);
}

/* Moving 40 bytes to win 10, again and again, would be quadratic. */
static void test_little_consumed_is_not_worth_a_move(void)
{
    struct perch_buf b = PERCH_BUF_INIT;
    size_t cap;

    for (int i = 0; i < 50; i++)
        perch_buf_addc(&b, 'x');
    cap = b.cap;
    perch_buf_consume(&b, 10);
    CU_ASSERT_PTR_NOT_NULL(perch_buf_room(&b, cap - 45));
    CU_ASSERT(b.cap > cap);
    ASSERT_INT(b.len, 40);
    perch_buf_done(&b);
}

static void test_moving_down_wipes_a_secret_behind(void)
{
    struct perch_buf b = {.secret = true};
    size_t old;

    for (int i = 0; i < 60; i++)
        perch_buf_addc(&b, 's');
    perch_buf_consume(&b, 40);
    old = b.cap;
    CU_ASSERT_PTR_NOT_NULL(perch_buf_room(&b, old - 25));
    ASSERT_INT(b.cap, old); /* moved, not grown */
    ASSERT_INT(b.len, 20);
    for (size_t i = 20; i < 60; i++)
        ASSERT_INT(b.p[i], 0);
    perch_buf_done(&b);
}

static int append_much(void *user)
{
    struct perch_buf b = PERCH_BUF_INIT;
    bool ok;

    b.secret = *(bool *)user;
    for (int i = 0; i < 100; i++)
        perch_buf_addf(&b, "line %d\r\n", i);
    ok = perch_buf_cstr(&b) && !b.failed;
    perch_buf_done(&b);
    return ok ? PERCH_OK : PERCH_ENOMEM;
}

static void test_refused_memory_sets_failed(void)
{
    bool secret = false;

    CU_ASSERT(perch_failmem(append_much, &secret) >= 4);
    secret = true;
    CU_ASSERT(perch_failmem(append_much, &secret) >= 4);
}

PERCH_SUITE("base/buf") = {
    PERCH_TEST(test_appends_of_every_kind),
    PERCH_TEST(test_append_and_consume_keep_order),
    PERCH_TEST(test_max_refuses_and_keeps_what_was_there),
    PERCH_TEST(test_room_and_commit),
    PERCH_TEST(test_consume_truncate_shrink),
    PERCH_TEST(test_taking_the_bytes),
    PERCH_TEST(test_little_consumed_is_not_worth_a_move),
    PERCH_TEST(test_moving_down_wipes_a_secret_behind),
    PERCH_TEST(test_refused_memory_sets_failed),
    PERCH_END,
};
