#include "support/failmem.h"
#include "support/perch_test.h"

#include "perch/error.h"
#include "perch/version.h"

#include "base/clock.h"

#include <stdint.h>

static void test_size_zero_gives_a_pointer(void)
{
    auto_free void *a = perch_malloc(0), *b = perch_calloc(0, 7), *c = perch_realloc(NULL, 0);

    CU_ASSERT_PTR_NOT_NULL(a);
    CU_ASSERT_PTR_NOT_NULL(b);
    CU_ASSERT_PTR_NOT_NULL(c);
}

static void test_sizes_that_overflow_are_refused(void)
{
    char *p = perch_malloc(4);

    CU_ASSERT_PTR_NULL(perch_malloc((size_t)PTRDIFF_MAX + 1));
    CU_ASSERT_PTR_NULL(perch_calloc(SIZE_MAX / 2, 3));
    CU_ASSERT_PTR_NULL(perch_memdup0("", PTRDIFF_MAX));
    CU_ASSERT_PTR_NULL(perch_reallocarray(p, SIZE_MAX / 8, 16));
    memcpy(p, "abc", 4); /* a refused realloc leaves the block alone */
    perch_free(p);
}

static void test_calloc_clears(void)
{
    auto_free uint8_t *p = perch_calloc(100, 3);
    uint8_t any = 0;

    for (size_t i = 0; i < 300; i++)
        any |= p[i];
    ASSERT_INT(any, 0);
}

static void test_memdup0_keeps_nuls(void)
{
    auto_free char *p = perch_memdup0("a\0b", 3);
    auto_free char *s = perch_strdup("word");

    CU_ASSERT_EQUAL(memcmp(p, "a\0b", 4), 0);
    ASSERT_STR(s, "word");
}

static void test_take_leaves_null(void)
{
    char *p = perch_strdup("x"), *taken = perch_take(p);

    CU_ASSERT_PTR_NULL(p);
    ASSERT_STR(taken, "x");
    perch_free(taken);
}

static void test_wipe_overwrites(void)
{
    char secret[] = "hunter2";

    perch_wipe(secret + 1, 3);
    CU_ASSERT_EQUAL(memcmp(secret, "h\0\0\0er2", 8), 0);
    perch_wipe(NULL, 0);
}

static int three_allocations(void *user)
{
    auto_free char *a = perch_malloc(1), *b = perch_calloc(1, 1), *c = NULL;
    unsigned *runs = user;

    (*runs)++;
    if (!a || !b)
        return PERCH_ENOMEM;
    c = perch_strdup("c");
    return c ? PERCH_OK : PERCH_ENOMEM;
}

static void test_failmem_refuses_each_allocation_once(void)
{
    unsigned runs = 0;

    ASSERT_INT(perch_failmem(three_allocations, &runs), 3);
    ASSERT_INT(runs, 8); /* 1, 2, 3 and through, twice */
}

static void test_clocks_go_forward(void)
{
    int64_t ms = perch_clock_ms(), us = perch_clock_us(), boot = perch_clock_boot_ms();

    CU_ASSERT(perch_clock_ms() >= ms);
    CU_ASSERT(perch_clock_us() >= us);
    CU_ASSERT(us / 1000 >= ms);
    CU_ASSERT(perch_clock_boot_ms() >= boot);
    CU_ASSERT(perch_clock_wall_ms() > INT64_C(1600000000000));
}

static void test_version_is_that_of_the_header(void)
{
    char want[32];

    (void)snprintf(want, sizeof want, "%d.%d.%d", PERCH_VERSION_MAJOR, PERCH_VERSION_MINOR,
                   PERCH_VERSION_PATCH);
    ASSERT_STR(perch_version(), want);
}

PERCH_SUITE("base/mem") = {
    PERCH_TEST(test_size_zero_gives_a_pointer),
    PERCH_TEST(test_sizes_that_overflow_are_refused),
    PERCH_TEST(test_calloc_clears),
    PERCH_TEST(test_memdup0_keeps_nuls),
    PERCH_TEST(test_take_leaves_null),
    PERCH_TEST(test_wipe_overwrites),
    PERCH_TEST(test_failmem_refuses_each_allocation_once),
    PERCH_TEST(test_clocks_go_forward),
    PERCH_TEST(test_version_is_that_of_the_header),
    PERCH_END,
};
