/* 30s, 5m, 2h, 7d. */
#include "support/perch_test.h"

#include "config/duration.h"

#include <inttypes.h>

static const struct {
    const char *text;
    int64_t ms; /* -1: none */
} spans[] = {
    {"0s", 0},
    {"30s", 30000},
    {"5m", 300000},
    {"2h", 7200000},
    {"7d", 604800000},
    {"90s", 90000},
    {"106751991167d", INT64_C(9223372036828800000)},
    {"106751991168d", -1}, /* more than 64 bits hold */
    {"99999999999999999999s", -1},
    {"", -1},
    {"7", -1},
    {"s", -1},
    {"7 d", -1},
    {"7ms", -1},
    {"-7d", -1},
    {"7D", -1},
};

static void test_parsing(void)
{
    for (size_t i = 0; i < PERCH_COUNT(spans); i++) {
        int64_t ms = -1;
        bool ok = duration_parse(spans[i].text, strlen(spans[i].text), &ms);

        if (ok != (spans[i].ms >= 0) || ms != spans[i].ms)
            FAIL_ROW("%s: %" PRId64, spans[i].text, ms);
    }
}

static const struct {
    int64_t ms;
    const char *exact, *about;
} texts[] = {
    {0, "0s", "0s"},
    {999, "999ms", "0s"},
    {59999, "59999ms", "59s"},
    {90000, "90s", "1m"},
    {1680000, "28m", "28m"},
    {7200000, "2h", "2h"},
    {172799000, "172799s", "1d"},
    {604800000, "7d", "7d"},
    {-1000, "-1s", "-"},
    {INT64_MAX, "9223372036854775807ms", "106751991167d"},
};

static void test_formatting(void)
{
    for (size_t i = 0; i < PERCH_COUNT(texts); i++) {
        char exact[DURATION_SIZE], about[DURATION_SIZE];

        duration_format(texts[i].ms, exact);
        duration_about(texts[i].ms, about);
        if (strcmp(exact, texts[i].exact) != 0 || strcmp(about, texts[i].about) != 0)
            FAIL_ROW("%" PRId64 ": %s, %s", texts[i].ms, exact, about);
    }
}

PERCH_SUITE("daemon/duration") = {
    PERCH_TEST(test_parsing),
    PERCH_TEST(test_formatting),
    PERCH_END,
};
