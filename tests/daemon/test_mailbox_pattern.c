#include "config/config.h"

#include "support/perch_test.h"

#include <stdlib.h>

/* Patterns are separated by blanks; "" is no list. */
static bool chosen(const char *patterns, const char *name, char delimiter, const char *prefix,
                   const char *role)
{
    char text[1100];
    char *list[20];
    size_t n = 0;

    if (!patterns)
        return mailbox_chosen(NULL, name, delimiter, prefix, role);
    (void)snprintf(text, sizeof text, "%s", patterns);
    for (char *p = text; p; n++) {
        char *blank = strchr(p, ' ');

        list[n] = p;
        if (blank)
            *blank = '\0';
        p = blank ? blank + 1 : NULL;
    }
    list[n] = NULL;
    return mailbox_chosen(list, name, delimiter, prefix, role);
}

static void test_patterns(void)
{
    static const struct {
        const char *patterns, *name;
        char delimiter;
        const char *prefix, *role;
        bool want;
    } rows[] = {
        /* plain names */
        {"INBOX", "INBOX", '/', "", NULL, true},
        {"inbox", "INBOX", '/', "", NULL, true},
        {"INBOX", "Inbox", '/', "", NULL, true},
        {"INBOX", "INBOXes", '/', "", NULL, false},
        {"INBOX", "INBOX/a", '/', "", NULL, false},
        {"inbox/a", "INBOX/a", '/', "", NULL, true},
        {"inbox/A", "INBOX/a", '/', "", NULL, false},
        {"Archive", "archive", '/', "", NULL, false},
        {"Archive", "Archive", '/', "", NULL, true},
        /* the server's delimiter */
        {"Lists/dev", "Lists.dev", '.', "", NULL, true},
        {"Lists/dev", "Lists/dev", '.', "", NULL, false},
        {"Lists.dev", "Lists.dev", '.', "", NULL, true},
        {"Lists/dev", "Lists/dev", '\0', "", NULL, true},
        {"a/b/c", "a\\b\\c", '\\', "", NULL, true},
        /* stars */
        {"*", "a", '/', "", NULL, true},
        {"*", "a/b", '/', "", NULL, false},
        {"**", "a/b/c", '/', "", NULL, true},
        {"Lists/*", "Lists/a", '/', "", NULL, true},
        {"Lists/*", "Lists/a/b", '/', "", NULL, false},
        {"Lists/*", "Lists", '/', "", NULL, false},
        {"Lists/**", "Lists/a/b", '/', "", NULL, true},
        {"Lists/**", "Lists", '/', "", NULL, false},
        {"Lists/**", "ListsX/a", '/', "", NULL, false},
        {"**/dev", "a/b/dev", '/', "", NULL, true},
        {"**/dev", "dev", '/', "", NULL, false},
        {"**dev", "dev", '/', "", NULL, true},
        {"*-dev", "perch-dev", '/', "", NULL, true},
        {"*-dev", "a-b-dev", '/', "", NULL, true},
        {"*-dev", "a/b-dev", '/', "", NULL, false},
        {"a*b*c", "aXbbYc", '/', "", NULL, true},
        {"a*b*c", "aXbb/Yc", '/', "", NULL, false},
        {"a*b**c", "aXbb/Yc", '/', "", NULL, true},
        {"a**b*c", "a/b/bc", '/', "", NULL, true},
        {"*/*/*", "a/b/c", '/', "", NULL, true},
        {"*/*/*", "a/b", '/', "", NULL, false},
        {"***", "a/b", '/', "", NULL, true},
        {"*", "a/b", '\0', "", NULL, true},
        {"L*", "Listés", '/', "", NULL, true},
        {"inbox/*", "INBOX.x", '.', "", NULL, true},
        {"INBOX*", "INBOXes", '/', "", NULL, true},
        /* the personal prefix */
        {"Lists/*", "INBOX.Lists.a", '.', "INBOX.", NULL, true},
        {"INBOX/Lists/*", "INBOX.Lists.a", '.', "INBOX.", NULL, true},
        {"Lists/*", "INBOX.Lists.a", '.', "", NULL, false},
        {"INBOX", "INBOX", '.', "INBOX.", NULL, true},
        {"*", "INBOX.Sent", '.', "INBOX.", NULL, true},
        /* roles */
        {"\\Junk", "Spam", '/', "", "\\Junk", true},
        {"\\junk", "Spam", '/', "", "\\Junk", true},
        {"\\Junk", "Spam", '/', "", "\\Trash", false},
        {"\\Junk", "Junk", '/', "", NULL, false},
        /* order */
        {"** !Lists/noise", "Lists/noise", '/', "", NULL, false},
        {"** !Lists/noise", "Lists/dev", '/', "", NULL, true},
        {"!Lists/noise **", "Lists/noise", '/', "", NULL, true},
        {"** !Lists/** Lists/dev", "Lists/dev", '/', "", NULL, true},
        {"** !Lists/** Lists/dev", "Lists/x", '/', "", NULL, false},
        {"** !\\Trash", "Bin", '/', "", "\\Trash", false},
        {"INBOX Lists/**", "Other", '/', "", NULL, false},
        /* only exclusions: from the default choice */
        {"!Lists/noise", "Lists/dev", '/', "", NULL, true},
        {"!Lists/noise", "Lists/noise", '/', "", NULL, false},
        {"!Lists/noise", "All", '/', "", "\\All", false},
        /* no list */
        {NULL, "INBOX", '/', "", NULL, true},
        {NULL, "Sent", '/', "", "\\Sent", true},
        {NULL, "All Mail", '/', "", "\\All", false},
        {NULL, "Important", '/', "", "\\Important", false},
        {NULL, "Starred", '/', "", "\\Flagged", false},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++)
        if (chosen(rows[i].patterns, rows[i].name, rows[i].delimiter, rows[i].prefix,
                   rows[i].role) != rows[i].want)
            FAIL_ROW("row %zu: %s %s", i, rows[i].patterns ? rows[i].patterns : "(none)",
                     rows[i].name);
}

/* Names come from servers: no pattern and name together may take more than their product. */
static void test_hostile_names_and_patterns_end(void)
{
    char pattern[1001], *name = malloc(5001);
    char *list[] = {pattern, NULL};

    for (size_t i = 0; i < 1000; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[1000] = '\0';
    memset(name, 'a', 5000);
    name[5000] = '\0';
    CU_ASSERT_TRUE(mailbox_chosen(list, name, '/', "", NULL));
    name[4999] = 'b';
    CU_ASSERT_FALSE(mailbox_chosen(list, name, '/', "", NULL));
    CU_ASSERT_FALSE(mailbox_chosen(list, "", '/', "", NULL));
    free(name);
}

PERCH_SUITE("daemon/mailbox_pattern") = {
    PERCH_TEST(test_patterns),
    PERCH_TEST(test_hostile_names_and_patterns_end),
    PERCH_END,
};
