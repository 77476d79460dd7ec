#include "engine/plan.h"

#include "support/perch_test.h"

/* What a settled mailbox looks like: 10 messages, UIDs below 100. */
static const struct plan_known settled = {
    .uidvalidity = 7,
    .uidnext = 100,
    .highestmodseq = 500,
    .messages = 10,
    .sync = STORE_SYNC_DONE,
};

static const struct plan_answer same = {
    .uidvalidity = 7,
    .uidnext = 100,
    .highestmodseq = 500,
    .messages = 10,
};

static void test_steps_are_the_cheapest_that_are_exact(void)
{
    struct row {
        const char *what;
        struct plan_known known;
        struct plan_answer answer;
        bool qresync;
        uint32_t steps;
    };
    /* known and answer: UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ, messages (and how far synchronised) */
    static const struct row rows[] = {
        {"nothing moved, QRESYNC", {7, 100, 500, 10, STORE_SYNC_DONE}, {7, 100, 500, 10}, true, 0},
        {"nothing moved, CONDSTORE",
         {7, 100, 500, 10, STORE_SYNC_DONE},
         {7, 100, 500, 10},
         false,
         0},
        {"new mail, QRESYNC",
         {7, 100, 500, 10, STORE_SYNC_DONE},
         {7, 102, 510, 12},
         true,
         STEP_NEW},
        {"flags moved, QRESYNC brought them",
         {7, 100, 500, 10, STORE_SYNC_DONE},
         {7, 100, 510, 10},
         true,
         0},
        {"flags moved, CONDSTORE",
         {7, 100, 500, 10, STORE_SYNC_DONE},
         {7, 100, 510, 10},
         false,
         STEP_FLAGS_SINCE},
        {"one gone, CONDSTORE",
         {7, 100, 500, 10, STORE_SYNC_DONE},
         {7, 100, 500, 9},
         false,
         STEP_SEARCH},
        {"one gone and one new, CONDSTORE",
         {7, 100, 500, 10, STORE_SYNC_DONE},
         {7, 101, 510, 10},
         false,
         STEP_SEARCH | STEP_FLAGS_SINCE | STEP_NEW},
        {"no CONDSTORE",
         {7, 100, 0, 10, STORE_SYNC_DONE},
         {7, 100, 0, 10},
         false,
         STEP_SEARCH | STEP_FLAGS_ALL},
        {"no CONDSTORE and empty", {7, 100, 0, 0, STORE_SYNC_DONE}, {7, 100, 0, 0}, false, 0},
        {"CONDSTORE is new here",
         {7, 100, 0, 10, STORE_SYNC_DONE},
         {7, 100, 500, 10},
         false,
         STEP_SEARCH | STEP_FLAGS_ALL},
        {"CONDSTORE went away",
         {7, 100, 500, 10, STORE_SYNC_DONE},
         {7, 100, 0, 10},
         false,
         STEP_SEARCH | STEP_FLAGS_ALL},
        {"HIGHESTMODSEQ fell",
         {7, 100, 500, 10, STORE_SYNC_DONE},
         {7, 100, 400, 10},
         true,
         STEP_SEARCH | STEP_FLAGS_ALL},
        {"UIDNEXT fell", {7, 100, 500, 10, STORE_SYNC_DONE}, {7, 50, 500, 10}, true, STEP_NEW},
        {"UIDNEXT is not told",
         {7, 100, 500, 10, STORE_SYNC_DONE},
         {7, 0, 500, 10},
         true,
         STEP_NEW},
        {"first contact",
         {0, 100, 500, 10, STORE_SYNC_NONE},
         {7, 100, 500, 10},
         false,
         STEP_SEARCH | STEP_BEGIN | STEP_INITIAL},
        {"first contact, empty",
         {0, 100, 500, 10, STORE_SYNC_NONE},
         {7, 100, 500, 0},
         false,
         STEP_BEGIN},
        {"deleted and made again",
         {7, 100, 500, 10, STORE_SYNC_DELETED},
         {7, 100, 500, 10},
         true,
         STEP_SEARCH | STEP_BEGIN | STEP_INITIAL},
        {"first contact was interrupted",
         {7, 100, 500, 3, STORE_SYNC_INITIAL},
         {7, 100, 500, 10},
         true,
         STEP_SEARCH | STEP_INITIAL},
        {"other UIDVALIDITY",
         {7, 100, 500, 10, STORE_SYNC_DONE},
         {8, 100, 500, 10},
         true,
         STEP_SEARCH | STEP_RESET | STEP_INITIAL},
        {"other UIDVALIDITY, empty",
         {7, 100, 500, 10, STORE_SYNC_DONE},
         {8, 100, 500, 0},
         false,
         STEP_RESET},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct plan plan = plan_make(&rows[i].known, &rows[i].answer, rows[i].qresync);

        if (plan.verdict != PLAN_OK || plan.steps != rows[i].steps)
            FAIL_ROW("%s: steps %#x, want %#x", rows[i].what, plan.steps, rows[i].steps);
    }
}

static void test_a_mailbox_without_uidvalidity_is_left_alone(void)
{
    struct plan_answer answer = same;
    struct plan plan;

    answer.uidvalidity = 0;
    plan = plan_make(&settled, &answer, true);
    ASSERT_INT(plan.verdict, PLAN_NO_UIDVALIDITY);
    ASSERT_INT(plan.steps, 0);
}

static void test_a_cursor_is_trusted_only_by_the_server_that_gave_it(void)
{
    struct plan_answer answer = same;

    ASSERT_INT(plan_make(&settled, &answer, true).steps, 0);
    answer.highestmodseq = 499;
    ASSERT_INT(plan_make(&settled, &answer, true).steps, STEP_SEARCH | STEP_FLAGS_ALL);
    answer.highestmodseq = 0;
    ASSERT_INT(plan_make(&settled, &answer, true).steps, STEP_SEARCH | STEP_FLAGS_ALL);
}

static void test_status_says_whether_to_look(void)
{
    struct plan_known known = settled;
    struct plan_answer status = same;

    CU_ASSERT_TRUE(plan_nothing_new(&known, &status));
    status.highestmodseq++;
    CU_ASSERT_FALSE(plan_nothing_new(&known, &status));
    status = same;
    status.messages--;
    CU_ASSERT_FALSE(plan_nothing_new(&known, &status));
    status = same;
    status.uidnext++;
    CU_ASSERT_FALSE(plan_nothing_new(&known, &status));
    status = same;
    status.uidvalidity++;
    CU_ASSERT_FALSE(plan_nothing_new(&known, &status));
    known.sync = STORE_SYNC_INITIAL;
    CU_ASSERT_FALSE(plan_nothing_new(&known, &same));
}

static void test_qresync_needs_something_to_resync(void)
{
    struct plan_known known = settled;

    CU_ASSERT_TRUE(plan_can_qresync(&known));
    known.sync = STORE_SYNC_INITIAL;
    CU_ASSERT_TRUE(plan_can_qresync(&known));
    known.highestmodseq = 0;
    CU_ASSERT_FALSE(plan_can_qresync(&known));
    known = settled;
    known.sync = STORE_SYNC_DELETED;
    CU_ASSERT_FALSE(plan_can_qresync(&known));
}

PERCH_SUITE("daemon/plan") = {
    PERCH_TEST(test_steps_are_the_cheapest_that_are_exact),
    PERCH_TEST(test_a_mailbox_without_uidvalidity_is_left_alone),
    PERCH_TEST(test_a_cursor_is_trusted_only_by_the_server_that_gave_it),
    PERCH_TEST(test_status_says_whether_to_look),
    PERCH_TEST(test_qresync_needs_something_to_resync),
    PERCH_END,
};
