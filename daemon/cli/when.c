#include "cli/when.h"

#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
    char letter;
    int64_t ms;
} units[] = {{'d', 86400000}, {'h', 3600000}, {'m', 60000}, {'s', 1000}};

#define NUNITS   (sizeof units / sizeof units[0])
#define SPAN_MAX 36500 /* a century of days: past it is a slip of the finger */

static bool parse_span(const char *text, int64_t *ret_ms)
{
    const char *p = text, *end = text + strlen(text);
    uint64_t n;

    if (!perch_num_scan(&p, end, UINT32_MAX, &n) || end - p != 1)
        return false;
    for (size_t i = 0; i < NUNITS; i++) {
        if (*p == units[i].letter && n <= (uint64_t)(SPAN_MAX * units[0].ms / units[i].ms)) {
            *ret_ms = (int64_t)n * units[i].ms;
            return true;
        }
    }
    return false;
}

/* The time of day behind a date, if there is one. */
static const char *parse_clock(const char *p, struct tm *tm)
{
    const char *behind;

    if (*p != 'T' && *p != ' ')
        return p;
    behind = strptime(p + 1, "%H:%M", tm);
    if (behind && *behind == ':')
        behind = strptime(behind + 1, "%S", tm);
    return behind;
}

static bool parse_date(const char *text, int64_t *ret_ms)
{
    struct tm tm = {.tm_isdst = -1};
    const char *p = strptime(text, "%Y-%m-%d", &tm);
    bool utc;

    p = p ? parse_clock(p, &tm) : NULL;
    if (!p)
        return false;
    utc = *p == 'Z';
    if (p[utc] != '\0')
        return false;
    *ret_ms = (int64_t)(utc ? timegm(&tm) : mktime(&tm)) * 1000;
    return true;
}

bool when_parse(const char *text, int64_t now_ms, int64_t *ret_ms)
{
    int64_t span = 0;

    if (strcmp(text, "now") == 0 || parse_span(text, &span)) {
        *ret_ms = now_ms - span;
        return true;
    }
    return parse_date(text, ret_ms);
}

void when_format(int64_t unix_s, char out[WHEN_SIZE])
{
    time_t t = (time_t)unix_s;
    struct tm tm;

    if (!localtime_r(&t, &tm) || strftime(out, WHEN_SIZE, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        (void)snprintf(out, WHEN_SIZE, "-");
}

void when_span(int64_t span_ms, char out[WHEN_SPAN_SIZE])
{
    (void)snprintf(out, WHEN_SPAN_SIZE, span_ms < 0 ? "-" : "0s");
    for (size_t i = 0; i < NUNITS; i++) {
        if (span_ms >= units[i].ms) {
            (void)snprintf(out, WHEN_SPAN_SIZE, "%" PRId64 "%c", span_ms / units[i].ms,
                           units[i].letter);
            return;
        }
    }
}
