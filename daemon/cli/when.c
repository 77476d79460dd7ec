#include "cli/when.h"

#include "config/duration.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define BACK_MAX (INT64_C(36500) * 86400000) /* a century: past it is a slip of the finger */

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
    int64_t back = 0;

    if (strcmp(text, "now") != 0 && !duration_parse(text, strlen(text), &back))
        return parse_date(text, ret_ms);
    if (back > BACK_MAX)
        return false;
    *ret_ms = now_ms - back;
    return true;
}

void when_format(int64_t unix_s, char out[WHEN_SIZE])
{
    time_t t = (time_t)unix_s;
    struct tm tm;

    if (!localtime_r(&t, &tm) || strftime(out, WHEN_SIZE, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        (void)snprintf(out, WHEN_SIZE, "-");
}
