#include "support/failmem.h"
#include "support/perch_test.h"

#include "perch/error.h"

#include "base/arena.h"

static void test_runs_are_aligned_and_apart(void)
{
    struct perch_arena a;
    uint8_t *p[200];

    perch_arena_init(&a, 256);
    for (size_t i = 0; i < PERCH_COUNT(p); i++) {
        p[i] = perch_arena_alloc(&a, i);
        CU_ASSERT_EQUAL((uintptr_t)p[i] % _Alignof(max_align_t), 0);
        memset(p[i], (int)i, i);
        (void)perch_arena_strndup(&a, "odd", 3); /* leaves the chunk unaligned */
    }
    for (size_t i = 0; i < PERCH_COUNT(p); i++)
        for (size_t k = 0; k < i; k++)
            if (p[i][k] != (uint8_t)i)
                FAIL_ROW("run %zu was overwritten at %zu", i, k);
    perch_arena_done(&a);
}

static void test_a_large_run_keeps_the_room_of_the_chunk(void)
{
    struct perch_arena a;
    uint8_t *first, *large, *next;

    perch_arena_init(&a, 1024);
    first = perch_arena_alloc(&a, 16);
    large = perch_arena_alloc(&a, 100000);
    next = perch_arena_alloc(&a, 16);
    CU_ASSERT_PTR_NOT_NULL(large);
    CU_ASSERT_PTR_EQUAL(next, first + 16);
    perch_arena_done(&a);
}

static void test_reset_uses_its_chunk_again(void)
{
    struct perch_arena a;
    void *first;

    perch_arena_init(&a, 0);
    first = perch_arena_alloc(&a, 100);
    perch_arena_reset(&a);
    ASSERT_INT(a.used, 0);
    CU_ASSERT_PTR_EQUAL(perch_arena_alloc(&a, 100), first);
    perch_arena_done(&a);
    perch_arena_done(&a); /* twice is harmless, and it works on */
    CU_ASSERT_PTR_NOT_NULL(perch_arena_alloc(&a, 1));
    perch_arena_done(&a);
}

static void test_the_limit_holds_to_the_byte(void)
{
    struct perch_arena a;

    perch_arena_init(&a, 0);
    a.limit = 100;
    CU_ASSERT_PTR_NOT_NULL(perch_arena_alloc(&a, 99));
    CU_ASSERT_PTR_NULL(perch_arena_alloc(&a, 2));
    CU_ASSERT_PTR_NOT_NULL(perch_arena_alloc(&a, 1));
    CU_ASSERT_PTR_NULL(perch_arena_alloc(&a, 1));
    perch_arena_reset(&a);
    CU_ASSERT_PTR_NOT_NULL(perch_arena_alloc(&a, 100));
    perch_arena_done(&a);
}

static void test_overflow_is_refused(void)
{
    struct perch_arena a;

    perch_arena_init(&a, 0);
    CU_ASSERT_PTR_NULL(perch_arena_array(&a, SIZE_MAX / 4, 8));
    CU_ASSERT_PTR_NULL(perch_arena_alloc(&a, SIZE_MAX));
    CU_ASSERT_PTR_NULL(perch_arena_alloc(&a, PTRDIFF_MAX));
    CU_ASSERT_PTR_NULL(perch_arena_strndup(&a, "", SIZE_MAX));
    perch_arena_done(&a);
}

static void test_secrets_are_wiped_by_reset(void)
{
    struct perch_arena a;
    char *secret;

    perch_arena_init(&a, 0);
    a.secret = true;
    secret = perch_arena_strndup(&a, "hunter2", 7);
    perch_arena_reset(&a);
    CU_ASSERT_EQUAL(memcmp(secret, "\0\0\0\0\0\0\0", 8), 0); /* the chunk is still the arena's */
    perch_arena_done(&a);
}

static void test_copies_end_in_nul_and_nil_stays_nil(void)
{
    struct perch_arena a;
    struct perch_span copy;
    uint8_t *zero;

    perch_arena_init(&a, 0);
    ASSERT_INT(perch_arena_dup(&a, PERCH_SPAN("a\0b"), &copy), PERCH_OK);
    ASSERT_INT(copy.n, 3);
    CU_ASSERT_EQUAL(memcmp(copy.p, "a\0b", 4), 0);
    ASSERT_INT(perch_arena_dup(&a, (struct perch_span){NULL, 0}, &copy), PERCH_OK);
    CU_ASSERT_PTR_NULL(copy.p);
    ASSERT_INT(perch_arena_dup(&a, PERCH_SPAN(""), &copy), PERCH_OK);
    ASSERT_SPAN(copy, "");
    ASSERT_STR(perch_arena_printf(&a, "%s=%d", "n", 7), "n=7");
    zero = perch_arena_zalloc(&a, 64);
    for (size_t i = 0; i < 64; i++)
        ASSERT_INT(zero[i], 0);
    perch_arena_done(&a);
}

static int fill(void *user)
{
    struct perch_arena a;
    struct perch_span copy;
    int ret = PERCH_OK;

    (void)user;
    perch_arena_init(&a, 64);
    for (int i = 0; i < 10 && ret == PERCH_OK; i++)
        ret = perch_arena_dup(&a, PERCH_SPAN("forty bytes of text or a little more...."), &copy);
    perch_arena_done(&a);
    return ret;
}

static void test_refused_memory_leaves_a_sound_arena(void)
{
    CU_ASSERT(perch_failmem(fill, NULL) >= 3);
}

PERCH_SUITE("base/arena") = {
    PERCH_TEST(test_runs_are_aligned_and_apart),
    PERCH_TEST(test_a_large_run_keeps_the_room_of_the_chunk),
    PERCH_TEST(test_reset_uses_its_chunk_again),
    PERCH_TEST(test_the_limit_holds_to_the_byte),
    PERCH_TEST(test_overflow_is_refused),
    PERCH_TEST(test_secrets_are_wiped_by_reset),
    PERCH_TEST(test_copies_end_in_nul_and_nil_stays_nil),
    PERCH_TEST(test_refused_memory_leaves_a_sound_arena),
    PERCH_END,
};
