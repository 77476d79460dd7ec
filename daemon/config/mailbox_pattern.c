/* Patterns against names, in time pattern x name whatever they hold: a row of "the pattern
 * up to here matches the name up to there" is carried through the name. */
#include "config/config.h"

#include "base/ascii.h"
#include "base/span.h"

#include <string.h>

#define PATTERN_MAX 1024 /* the configuration takes 1,000 bytes */

struct pattern {
    size_t n;
    enum { LITERAL, LEVEL_END, WITHIN, ACROSS } what[PATTERN_MAX];
    char literal[PATTERN_MAX];
};

static void pattern_read(struct pattern *p, const char *text)
{
    for (p->n = 0; *text && p->n < PATTERN_MAX; p->n++, text++) {
        p->literal[p->n] = *text;
        if (text[0] == '*' && text[1] == '*') {
            p->what[p->n] = ACROSS;
            text++;
        } else {
            p->what[p->n] = *text == '*' ? WITHIN : *text == '/' ? LEVEL_END : LITERAL;
        }
    }
}

static bool matches_one(const struct pattern *p, size_t j, char c, char delimiter)
{
    switch (p->what[j]) {
    case LITERAL:
        return p->literal[j] == c;
    case LEVEL_END:
        return c == (delimiter ? delimiter : '/');
    case WITHIN:
        return !delimiter || c != delimiter;
    case ACROSS:
        return true;
    }
    return false;
}

static bool is_star(const struct pattern *p, size_t j)
{
    return p->what[j] == WITHIN || p->what[j] == ACROSS;
}

static bool pattern_matches(const struct pattern *p, const char *name, char delimiter)
{
    bool reach[PATTERN_MAX + 1] = {true}; /* reach[j]: the first j elements match so far */

    for (size_t j = 0; j < p->n && is_star(p, j); j++)
        reach[j + 1] = true;
    for (; *name; name++) {
        bool diagonal = reach[0];

        reach[0] = false;
        for (size_t j = 0; j < p->n; j++) {
            bool above = reach[j + 1], one = matches_one(p, j, *name, delimiter);

            if (is_star(p, j))
                reach[j + 1] = reach[j] || (one && above); /* takes nothing, or one more */
            else
                reach[j + 1] = one && diagonal;
            diagonal = above;
        }
    }
    return reach[p->n];
}

/* INBOX is one name in any case, and so is its first level. */
static bool begins_with_inbox(const char *text)
{
    return perch_span_istarts(perch_span_of(text), "INBOX");
}

static bool name_matches(const char *pattern, const char *name, char delimiter)
{
    struct pattern p;

    pattern_read(&p, pattern);
    if (pattern_matches(&p, name, delimiter))
        return true;
    if (!begins_with_inbox(pattern) || !begins_with_inbox(name))
        return false;
    pattern_read(&p, pattern + strlen("INBOX"));
    return (name[5] == '\0' || (delimiter && name[5] == delimiter)) &&
           pattern_matches(&p, name + strlen("INBOX"), delimiter);
}

static bool matches(const char *pattern, const char *name, char delimiter, const char *prefix,
                    const char *role)
{
    size_t n = strlen(prefix);

    if (pattern[0] == '\\')
        return role && perch_span_ieqs(perch_span_of(role), pattern);
    if (name_matches(pattern, name, delimiter))
        return true;
    return n > 0 && perch_span_istarts(perch_span_of(name), prefix) &&
           name_matches(pattern, name + n, delimiter);
}

/* Views of other mailboxes: watching them would report each message twice. */
static bool chosen_by_default(const char *role)
{
    static const char *const views[] = {"\\All", "\\Important", "\\Flagged"};

    for (size_t i = 0; role && i < sizeof views / sizeof views[0]; i++)
        if (perch_span_ieqs(perch_span_of(role), views[i]))
            return false;
    return true;
}

bool mailbox_chosen(char *const *patterns, const char *name, char delimiter, const char *prefix,
                    const char *role)
{
    bool chosen = (!patterns || patterns[0][0] == '!') && chosen_by_default(role);

    for (; patterns && *patterns; patterns++) {
        bool exclude = (*patterns)[0] == '!';

        if (matches(*patterns + exclude, name, delimiter, prefix, role))
            chosen = !exclude;
    }
    return chosen;
}
