/* Which mechanism, and what it says. */
#include "support/failmem.h"
#include "support/perch_test.h"

#include "sasl/sasl.h"

/* ---- the choice ---- */

/* `user` is the list of capabilities, each between blanks. */
static bool offers(const void *user, const char *capability)
{
    char word[64];

    (void)snprintf(word, sizeof word, " %s ", capability);
    return strstr(user, word) != NULL;
}

static const struct {
    const char *offered;
    const char *allowed[3]; /* none: all */
    const char *password;
    const char *want; /* NULL: nothing */
} choices[] = {
    {" AUTH=PLAIN ", {NULL}, "x", "PLAIN"},
    {" AUTH=PLAIN LOGINDISABLED ", {NULL}, "x", "PLAIN"},
    {" AUTH=LOGIN ", {NULL}, "x", "LOGIN-COMMAND"},
    {" LOGINDISABLED ", {NULL}, "x", NULL},
    {" AUTH=PLAIN ", {"LOGIN-COMMAND", "PLAIN"}, "x", "LOGIN-COMMAND"},
    {" AUTH=PLAIN ", {"SCRAM-SHA-256"}, "x", NULL},
    {" AUTH=PLAIN AUTH=SCRAM-SHA-256 ", {"UNHEARD-OF", "plain"}, "x", "PLAIN"},
    {" AUTH=PLAIN ", {"LOGIN-COMMAND", "PLAIN"}, "\xc3\xa4", "PLAIN"},
    {" ", {NULL}, "\xc3\xa4", NULL},
    {" ", {NULL}, "a\r\nx LOGOUT", NULL},
};

static void test_the_first_that_is_offered_allowed_and_fits(void)
{
    for (size_t i = 0; i < PERCH_COUNT(choices); i++) {
        struct perch_sasl_creds creds = {.user = PERCH_SPAN("ann")};
        struct perch_error why = {0};
        const struct perch_sasl_mech *mech;
        size_t n = 0;

        creds.password = perch_span_of(choices[i].password);
        while (n < PERCH_COUNT(choices[i].allowed) && choices[i].allowed[n])
            n++;
        mech = perch_sasl_choose(n ? choices[i].allowed : NULL, n, &creds, offers,
                                 choices[i].offered, &why);
        ASSERT_STR(mech ? mech->name : NULL, choices[i].want);
        ASSERT_INT(why.code, choices[i].want ? 0 : PERCH_EAUTH);
        if (why.code)
            ASSERT_STR(why.reason, "no-mech");
    }
}

static void test_an_identity_of_its_own_does_not_fit_LOGIN(void)
{
    struct perch_sasl_creds creds = {PERCH_SPAN("ann"), PERCH_SPAN("x"), PERCH_SPAN("bob")};

    CU_ASSERT_PTR_NULL(perch_sasl_choose(NULL, 0, &creds, offers, " ", NULL));
}

/* ---- PLAIN ---- */

static const struct perch_sasl_mech *plain(void)
{
    struct perch_sasl_creds creds = {0};

    return perch_sasl_choose(NULL, 0, &creds, offers, " AUTH=PLAIN ", NULL);
}

static int say_plain(struct perch_span authzid, struct perch_buf *ret_message)
{
    struct perch_sasl_creds creds = {PERCH_SPAN("ann"), PERCH_SPAN("p\xc3\xa4ss"), authzid};
    struct perch_error why = {0};
    perch_sasl *x = perch_sasl_new(plain(), &creds, &why);
    int rc;

    if (!x)
        return why.code;
    CU_ASSERT(!perch_sasl_done(x));
    rc = perch_sasl_step(x, PERCH_SPAN(""), ret_message, &why);
    if (rc == 0) {
        CU_ASSERT(perch_sasl_done(x));
        ASSERT_INT(perch_sasl_step(x, PERCH_SPAN("more"), ret_message, &why), PERCH_EPROTO);
    }
    perch_sasl_free(x);
    return rc;
}

static void test_PLAIN_says_one_thing(void)
{
    static const char want[] = "\0ann\0p\xc3\xa4ss", want_bob[] = "bob\0ann\0p\xc3\xa4ss";
    struct perch_buf message = {.secret = true};

    ASSERT_INT(say_plain((struct perch_span){0}, &message), 0);
    ASSERT_INT(message.len, sizeof want - 1);
    CU_ASSERT(memcmp(perch_buf_data(&message), want, sizeof want - 1) == 0);
    perch_buf_clear(&message);
    ASSERT_INT(say_plain(PERCH_SPAN("bob"), &message), 0);
    ASSERT_INT(message.len, sizeof want_bob - 1);
    CU_ASSERT(memcmp(perch_buf_data(&message), want_bob, sizeof want_bob - 1) == 0);
    perch_buf_done(&message);
}

static int plain_once(void *user)
{
    struct perch_buf message = {.secret = true};
    int rc = say_plain(PERCH_SPAN("bob"), &message);

    (void)user;
    perch_buf_done(&message);
    return rc;
}

static void test_refused_memory_is_survived(void)
{
    CU_ASSERT(perch_failmem(plain_once, NULL) >= 5);
    perch_sasl_free(NULL);
}

PERCH_SUITE("sasl/sasl") = {
    PERCH_TEST(test_the_first_that_is_offered_allowed_and_fits),
    PERCH_TEST(test_an_identity_of_its_own_does_not_fit_LOGIN),
    PERCH_TEST(test_PLAIN_says_one_thing),
    PERCH_TEST(test_refused_memory_is_survived),
    PERCH_END,
};
