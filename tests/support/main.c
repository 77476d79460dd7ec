/* Runs the one suite of a test program; `PROGRAM SUBSTRING` runs the tests whose name
 * has it. Exit status 1 if anything failed or nothing ran. */
#include "support/perch_test.h"

#include <CUnit/Automated.h>
#include <CUnit/Basic.h>

#include <stdarg.h>
#include <stdlib.h>

static void complain(bool failed, const char *file, int line, const char *text)
{
    CU_assertImplementation(!failed, (unsigned)line, text, file, "", CU_FALSE);
}

void perch_assert_span(struct perch_span have, const char *want, const char *file, int line,
                       const char *what)
{
    char text[512];
    bool same = want ? have.p && have.n == strlen(want) && memcmp(have.p, want, have.n) == 0
                     : have.p == NULL;

    (void)snprintf(text, sizeof text, "%s is \"%.*s\"%s, want \"%s\"%s", what,
                   have.n > 200 ? 200 : (int)have.n, have.p ? have.p : "", have.p ? "" : " (NIL)",
                   want ? want : "", want ? "" : " (NIL)");
    complain(!same, file, line, text);
}

void perch_assert_str(const char *have, const char *want, const char *file, int line,
                      const char *what)
{
    struct perch_span s = perch_span_of(have);

    perch_assert_span(s, want, file, line, what);
}

void perch_assert_int(long long have, long long want, const char *file, int line, const char *what)
{
    char text[256];

    (void)snprintf(text, sizeof text, "%s is %lld, want %lld", what, have, want);
    complain(have != want, file, line, text);
}

void perch_fail_row(const char *file, int line, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    complain(true, file, line, text);
}

int main(int argc, char **argv)
{
    CU_pSuite suite;
    unsigned failures, run;

    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    suite = CU_add_suite(perch_suite_name, NULL, NULL);
    for (const struct perch_test *t = perch_suite; suite && t->name; t++)
        if (argc < 2 || strstr(t->name, argv[1]))
            CU_add_test(suite, t->name, t->run);
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    failures = CU_get_number_of_tests_failed();
    run = CU_get_number_of_tests_run();
    printf("cases: %u passed, %u failed\n", run - failures, failures);
    CU_cleanup_registry();
    return failures || !run ? EXIT_FAILURE : EXIT_SUCCESS;
}
