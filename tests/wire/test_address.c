#include "support/failmem.h"
#include "support/perch_test.h"

#include "perch/error.h"
#include "perch/text.h"

#include "base/ascii.h"
#include "base/buf.h"

#define UE "\xc3\xbc"

/* name, box, host; NULL is NIL */
#define A(name, box, host)                                                                         \
    {                                                                                              \
        name, box, host                                                                            \
    }

struct triple {
    const char *name, *box, *host;
};

static struct perch_address address_of(const struct triple *t)
{
    return (struct perch_address){.name = perch_span_of(t->name),
                                  .mailbox = perch_span_of(t->box),
                                  .host = perch_span_of(t->host)};
}

static void test_lists(void)
{
    static const struct {
        struct triple a[6];
        size_t n;
        const char *want;
    } t[] = {
        {{{0}}, 0, ""},
        {{A(NULL, "ann", "x.org")}, 1, "ann@x.org"},
        {{A("Ann", "ann", "x.org")}, 1, "Ann <ann@x.org>"},
        {{A("", "ann", "x.org")}, 1, "ann@x.org"},
        {{A("Ann", "a", "x"), A(NULL, "b", "y")}, 2, "Ann <a@x>, b@y"},
        {{A("=?utf-8?q?J=C3=BCrgen?=", "j", "x")}, 1, "J" UE "rgen <j@x>"},
        {{A("J\xfcrgen", "j", "x")}, 1, "J" UE "rgen <j@x>"},
        {{A("Doe, John", "j", "x")}, 1, "\"Doe, John\" <j@x>"},
        {{A("=?utf-8?q?Doe=2C?= John", "j", "x")}, 1, "\"Doe, John\" <j@x>"},
        {{A("a \"b\" \\c", "j", "x")}, 1, "\"a \\\"b\\\" \\\\c\" <j@x>"},
        {{A("John Q. Public", "j", "x")}, 1, "John Q. Public <j@x>"},
        {{A("a@b", "j", "x")}, 1, "\"a@b\" <j@x>"},
        {{A(NULL, "ann", NULL)}, 1, "ann"}, /* no group: there is no end */
        {{A("Ann", "ann", "")}, 1, "Ann <ann>"},
        {{A("Ann", NULL, "x.org")}, 1, "Ann <x.org>"},
        {{A("Ann", NULL, NULL)}, 1, "Ann"},
        {{A(NULL, NULL, NULL)}, 1, ""},
        {{A(NULL, NULL, NULL), A(NULL, "a", "x")}, 2, "a@x"},
        {{A(NULL, "Friends", NULL), A(NULL, "a", "x"), A("B", "b", "y"), A(NULL, NULL, NULL)},
         4,
         "Friends: a@x, B <b@y>;"},
        {{A(NULL, "undisclosed-recipients", NULL), A(NULL, NULL, NULL)},
         2,
         "undisclosed-recipients:;"},
        {{A(NULL, "c", "z"), A(NULL, "G", NULL), A(NULL, "a", "x"), A(NULL, NULL, NULL),
          A(NULL, "d", "w")},
         5,
         "c@z, G: a@x;, d@w"},
        {{A(NULL, "G", NULL), A(NULL, NULL, NULL), A(NULL, "H", NULL), A(NULL, NULL, NULL)},
         4,
         "G:;, H:;"},
        {{A(NULL, "G", NULL), A(NULL, "box", NULL), A(NULL, NULL, NULL)}, 3, "G: box;"},
        {{A(NULL, "=?utf-8?q?=C3=BC?=", NULL), A(NULL, NULL, NULL)}, 2, UE ":;"},
        {{A(NULL, "a\r\nb", "x\r\n y")}, 1, "a b@x y"},
        {{A(NULL, "\xfc", "\xfc")}, 1, UE "@" UE},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        struct perch_address a[6];
        char *utf8 = NULL;
        size_t len = 0;

        for (size_t k = 0; k < t[i].n; k++)
            a[k] = address_of(&t[i].a[k]);
        ASSERT_INT(perch_addresses_format(a, t[i].n, &utf8, &len), PERCH_OK);
        if (strcmp(utf8, t[i].want) != 0 || len != strlen(t[i].want))
            FAIL_ROW("row %zu: \"%s\", want \"%s\"", i, utf8, t[i].want);
        perch_text_free(utf8);
    }
}

static void test_fifty_thousand_groups(void)
{
    size_t n = 50000, len = 0;
    struct perch_address *a = perch_calloc(n, sizeof *a);
    char *utf8 = NULL;

    for (size_t i = 0; i < n; i += 2)
        a[i].mailbox = PERCH_SPAN("g");
    ASSERT_INT(perch_addresses_format(a, n, &utf8, &len), PERCH_OK);
    ASSERT_INT(len, n / 2 * strlen("g:;, ") - strlen(", "));
    perch_text_free(utf8);
    perch_free(a);
}

static int format_some(void *user)
{
    static const struct perch_address a[] = {
        {.name = {"Doe, J\xfcrgen", 11}, .mailbox = {"j", 1}, .host = {"example.org", 11}},
        {.mailbox = {"k", 1}, .host = {"example.org", 11}},
    };
    char *utf8 = NULL;
    size_t len;
    int ret = perch_addresses_format(a, 2, &utf8, &len);

    (void)user;
    perch_text_free(utf8);
    return ret;
}

static void test_refused_memory(void)
{
    CU_ASSERT(perch_failmem(format_some, NULL) >= 2);
}

PERCH_SUITE("wire/address") = {
    PERCH_TEST(test_lists),
    PERCH_TEST(test_fifty_thousand_groups),
    PERCH_TEST(test_refused_memory),
    PERCH_END,
};
