/* The only header that knows CUnit, with main.c.
 *
 *   static void test_a_status_text_has_no_literal(void) { CU_ASSERT(...); }
 *
 *   PERCH_SUITE("wire/framer") = {
 *       PERCH_TEST(test_a_status_text_has_no_literal),
 *       PERCH_END,
 *   }; */
#ifndef PERCH_TEST_H
#define PERCH_TEST_H

#include "base/mem.h"
#include "base/span.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

struct perch_test {
    const char *name;
    void (*run)(void);
};

extern const char *const perch_suite_name;
extern const struct perch_test perch_suite[];

#define PERCH_SUITE(name)                                                                          \
    const char *const perch_suite_name = name;                                                     \
    const struct perch_test perch_suite[]
#define PERCH_TEST(function)                                                                       \
    {                                                                                              \
        #function, function                                                                        \
    }
#define PERCH_END                                                                                  \
    {                                                                                              \
        NULL, NULL                                                                                 \
    }

/* Asserts that say what they saw. */
#define ASSERT_SPAN(span, want) perch_assert_span((span), (want), __FILE__, __LINE__, #span)
#define ASSERT_STR(have, want) perch_assert_str((have), (want), __FILE__, __LINE__, #have)
#define ASSERT_INT(have, want)                                                                     \
    perch_assert_int((long long)(have), (long long)(want), __FILE__, __LINE__, #have)

void perch_assert_span(struct perch_span have, const char *want, const char *file, int line,
                       const char *what);
void perch_assert_str(const char *have, const char *want, const char *file, int line,
                      const char *what);
void perch_assert_int(long long have, long long want, const char *file, int line,
                      const char *what);

/* For the case of a table: fails the test and names the row. */
void perch_fail_row(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define FAIL_ROW(...) perch_fail_row(__FILE__, __LINE__, __VA_ARGS__)

#endif
