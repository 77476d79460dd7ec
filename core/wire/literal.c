#include "wire/literal.h"

#include "base/ascii.h"
#include "base/num.h"
#include "base/span.h"

#include <string.h>

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

/* Blanks and the line end at `p`; 0 if something else stands there. */
static size_t line_end(const char *p, const char *end, struct perch_literal_head *h)
{
    const char *at = skip_blanks(p, end);

    if (at != p)
        h->oddities = true;
    if (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
        return (size_t)(at + 2 - p);
    if (end - at >= 1 && at[0] == '\n') {
        h->bare_lf = true;
        return (size_t)(at + 1 - p);
    }
    return 0;
}

enum perch_literal_kind perch_literal_read(const char *p, const char *end,
                                           struct perch_literal_head *ret)
{
    struct perch_literal_head h = {0};
    const char *at = p;
    size_t tail;
    bool negative;

    if (at < end && *at == '~')
        at++;
    if (at == end || *at != '{')
        return PERCH_LITERAL_NONE;
    at++;
    negative = end - at >= 2 && at[0] == '-' && perch_is_digit(at[1]);
    if (negative)
        at++;
    else if (at == end || !perch_is_digit(*at))
        return PERCH_LITERAL_UNSIZED;
    if (!perch_num_scan(&at, end, INT64_MAX, &h.size))
        return PERCH_LITERAL_HUGE;
    if (at < end && *at == '+') {
        h.oddities = true;
        at++;
    }
    if (at == end || *at != '}')
        return PERCH_LITERAL_UNSIZED;
    at++;
    tail = line_end(at, end, &h);
    if (tail == 0)
        return PERCH_LITERAL_NONE;
    h.len = (size_t)(at - p) + tail;
    *ret = h;
    return negative ? PERCH_LITERAL_NEGATIVE : PERCH_LITERAL_OK;
}

static bool starts_nstring(const char *p, const char *end)
{
    p = skip_blanks(p, end);
    if (p == end)
        return true;
    if (*p == '"' || *p == '(' || *p == ')' || *p == '{' || *p == '~')
        return true;
    return perch_span_istarts((struct perch_span){p, (size_t)(end - p)}, "NIL");
}

static bool may_follow_quote(const char *p, const char *end, bool nstrings)
{
    if (p == end || *p == ')' || *p == '(' || *p == ']' || *p == '\r' || *p == '\n')
        return true;
    return (*p == ' ' || *p == '\t') && (!nstrings || starts_nstring(p, end));
}

static const char *search_close(const char *p, const char *end, struct perch_quotes *q)
{
    const char *first = NULL;

    for (; p < end; p++) {
        if (*p == '\\') {
            p++;
            continue;
        }
        if (*p != '"')
            continue;
        if (q->strict || may_follow_quote(p + 1, end, q->nstrings))
            return p;
        if (!first)
            first = p;
    }
    q->work += (uint64_t)(end - (first ? first : end));
    q->strict = q->strict || first;
    return first;
}

const char *perch_quoted_close(const char *p, const char *end, struct perch_quotes *q)
{
    const char *close = search_close(p, end, q);

    q->work += (uint64_t)((close ? close : end) - p);
    return close;
}
