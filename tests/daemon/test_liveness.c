/* When to try again, as numbers. */
#include "engine/liveness.h"

#include "support/perch_test.h"

#include "perch/response.h"

#define HOUR (60 * 60 * 1000)

static const struct perch_error lost = {.code = PERCH_ECLOSED};
static const struct perch_error refused = {.code = PERCH_EAUTH,
                                           .resp_code = PERCH_CODE_AUTHENTICATIONFAILED};
static const struct perch_error no_secret = {.code = PERCH_EAUTH, .reason = NO_SECRET};
static const struct perch_error busy = {.code = PERCH_EAUTH, .resp_code = PERCH_CODE_UNAVAILABLE};

static void test_delays_lie_between_a_second_and_a_growing_bound(void)
{
    static const int64_t bounds[] = {2000, 6000, 18000, 54000, 162000, 486000, 900000, 900000};

    for (unsigned i = 0; i < PERCH_COUNT(bounds); i++) {
        ASSERT_INT(backoff_delay(i + 1, 0), 1000);
        ASSERT_INT(backoff_delay(i + 1, UINT32_MAX), bounds[i]);
    }
    ASSERT_INT(backoff_delay(1000000, UINT32_MAX), BACKOFF_MAX_MS);
}

static void test_a_server_that_is_gone_sees_few_attempts_in_an_hour(void)
{
    uint64_t state = 1;
    int worst = 0;

    for (int run = 0; run < 1000; run++) {
        struct liveness l = {0};
        int attempts = 1;

        for (int64_t now = 0; now < HOUR; attempts++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            now += liveness_failed(&l, &lost, now, (uint32_t)(state >> 32)).delay_ms;
        }
        worst = attempts > worst ? attempts : worst;
    }
    CU_ASSERT(worst <= 22);
}

static void test_three_refusals_are_an_auth_error_told_once(void)
{
    struct liveness l = {0};

    CU_ASSERT_FALSE(liveness_failed(&l, &refused, 0, 0).auth_error);
    CU_ASSERT_FALSE(liveness_failed(&l, &refused, 0, 0).auth_error);
    for (int i = 0; i < 3; i++) {
        struct liveness_next next = liveness_failed(&l, &refused, 0, 0);

        ASSERT_INT(next.auth_error, i == 0);
        ASSERT_INT(next.delay_ms, HOUR);
    }
    liveness_forgive(&l);
    ASSERT_INT(liveness_failed(&l, &refused, 0, 0).delay_ms, 1000);
}

static void test_what_says_nothing_of_the_password_does_not_count(void)
{
    struct liveness l = {0};

    for (int i = 0; i < 10; i++) {
        const struct perch_error *why = i % 3 == 0 ? &busy : i % 3 == 1 ? &no_secret : &lost;
        struct liveness_next next = liveness_failed(&l, why, 0, 0);

        CU_ASSERT_FALSE(next.auth_error);
        ASSERT_INT(next.delay_ms, 1000);
    }
}

static void test_only_a_connection_that_lasted_starts_afresh(void)
{
    struct liveness l = {0};

    for (int i = 0; i < 4; i++)
        (void)liveness_failed(&l, &lost, 0, 0);
    liveness_up(&l, 1000); /* thrown out at once: the next wait is longer still */
    ASSERT_INT(liveness_failed(&l, &lost, 1000 + STABLE_MS - 1, UINT32_MAX).delay_ms, 162000);
    liveness_up(&l, 1000);
    ASSERT_INT(liveness_failed(&l, &lost, 1000 + STABLE_MS, UINT32_MAX).delay_ms, 2000);
}

static void test_a_login_forgets_the_refusals(void)
{
    struct liveness l = {0};

    (void)liveness_failed(&l, &refused, 0, 0);
    (void)liveness_failed(&l, &refused, 0, 0);
    liveness_up(&l, 0);
    CU_ASSERT_FALSE(liveness_failed(&l, &refused, 0, 0).auth_error);
}

PERCH_SUITE("daemon/liveness") = {
    PERCH_TEST(test_delays_lie_between_a_second_and_a_growing_bound),
    PERCH_TEST(test_a_server_that_is_gone_sees_few_attempts_in_an_hour),
    PERCH_TEST(test_three_refusals_are_an_auth_error_told_once),
    PERCH_TEST(test_what_says_nothing_of_the_password_does_not_count),
    PERCH_TEST(test_only_a_connection_that_lasted_starts_afresh),
    PERCH_TEST(test_a_login_forgets_the_refusals),
    PERCH_END,
};
