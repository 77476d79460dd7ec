/* What people see: widths, escapes, tables, moments. */
#include "support/perch_test.h"

#include "cli/jw.h"
#include "cli/output.h"
#include "cli/when.h"
#include "log.h"

#include <locale.h>
#include <stdlib.h>
#include <time.h>

/* ---- width ---- */

static const struct {
    const char *text;
    size_t width;
} widths[] = {
    {"", 0},
    {"plain", 5},
    {"Grüße", 5},
    {"e\xcc\x81", 1}, /* e and a combining acute */
    {"中文", 4},
    {"한국", 4},
    {"Ａ", 2},               /* fullwidth */
    {"\xf0\x9f\x98\x80", 2}, /* an emoji */
    {"a\xe2\x80\x8b"
     "b",
     2},             /* zero width space */
    {"\xff\xfe", 2}, /* bytes that are no UTF-8: one each */
};

static void test_width_is_what_a_terminal_shows(void)
{
    for (size_t i = 0; i < PERCH_COUNT(widths); i++)
        if (text_width(perch_span_of(widths[i].text)) != widths[i].width)
            FAIL_ROW("row %zu: %zu", i, text_width(perch_span_of(widths[i].text)));
}

static void test_width_does_not_depend_on_the_locale(void)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(setlocale(LC_ALL, "C"));
    ASSERT_INT(text_width(PERCH_SPAN("中文")), 4);
    ASSERT_STR(setlocale(LC_ALL, NULL), "C");
}

static void test_a_cut_keeps_characters_whole(void)
{
    ASSERT_SPAN(text_cut(PERCH_SPAN("中文字"), 3), "中");
    ASSERT_SPAN(text_cut(PERCH_SPAN("中文字"), 4), "中文");
    ASSERT_SPAN(text_cut(PERCH_SPAN("e\xcc\x81x"), 1), "e\xcc\x81");
    ASSERT_SPAN(text_cut(PERCH_SPAN("short"), 80), "short");
    ASSERT_SPAN(text_cut(PERCH_SPAN("x"), 0), "");
}

/* ---- escapes ---- */

static const struct {
    const char *in, *want;
} escapes[] = {
    {"plain text, \\Seen", "plain text, \\Seen"},
    {"Grüße 中文 \xf0\x9f\x98\x80", "Grüße 中文 \xf0\x9f\x98\x80"},
    {"x\r\nNov 1 sshd: Accepted", "x\\x0D\\x0ANov 1 sshd: Accepted"},
    {"\x1b]0;t\x07", "\\x1B]0;t\\x07"},
    {"\xc2\x9b"
     "2J",
     "\\x9B"
     "2J"},                                      /* CSI as one C1 control */
    {"\xe2\x80\xaegpj.exe", "\\u{202E}gpj.exe"}, /* right-to-left override */
    {"\xe2\x81\xa6"
     "a\xe2\x81\xa9",
     "\\u{2066}a\\u{2069}"},
    {"a\xe2\x80\xa8"
     "b",
     "a\\u{2028}b"},            /* line separator */
    {"caf\xe9", "caf\\xE9"},    /* latin-1 */
    {"\xc0\xaf", "\\xC0\\xAF"}, /* overlong */
};

static void test_a_strangers_text_cannot_steer_the_terminal(void)
{
    for (size_t i = 0; i < PERCH_COUNT(escapes); i++) {
        char *shown = NULL;
        size_t n;
        struct cli cli = {.out = open_memstream(&shown, &n)};

        out_text(&cli, STYLE_PLAIN, perch_span_of(escapes[i].in));
        (void)fclose(cli.out);
        if (strcmp(shown, escapes[i].want) != 0)
            FAIL_ROW("row %zu: %s", i, shown);
        free(shown);
    }
}

static void test_colours_are_ours_alone(void)
{
    char *shown = NULL;
    size_t n;
    struct cli cli = {.out = open_memstream(&shown, &n), .colour = true};

    out_text(&cli, STYLE_BAD, PERCH_SPAN("\x1b[2J"));
    out_text(&cli, STYLE_BAD, (struct perch_span){NULL, 0});
    (void)fclose(cli.out);
    ASSERT_STR(shown, "\x1b[31m\\x1B[2J\x1b[0m");
    free(shown);
}

/* ---- tables ---- */

static const struct table_column columns[] = {
    {"NAME", false, false},
    {"N", true, false},
    {"SUBJECT", false, true},
    {NULL, false, false},
};

static char *print_table(unsigned terminal, const char *const *cells)
{
    char *shown = NULL;
    size_t n;
    struct cli cli = {.out = open_memstream(&shown, &n), .columns = terminal};
    struct table *t = table_new(columns);

    for (; *cells; cells++)
        table_cell(t, STYLE_PLAIN, perch_span_of(*cells));
    CU_ASSERT(table_print(t, &cli));
    table_free(t);
    (void)fclose(cli.out);
    return shown;
}

static void test_columns_line_up_by_width(void)
{
    static const char *const cells[] = {"中文", "7", "wide", "abc", "1234", "narrow", NULL};
    char *shown = print_table(0, cells);

    ASSERT_STR(shown, "NAME     N  SUBJECT\n"
                      "中文     7  wide\n"
                      "abc   1234  narrow\n");
    free(shown);
}

static void test_the_flexible_column_gives_way(void)
{
    static const char *const cells[] = {"a", "1", "a subject of thirty characters", NULL};
    char *shown = print_table(24, cells);

    /* 4 + 2 + 1 + 2 leave 15 columns */
    ASSERT_STR(shown, "NAME  N  SUBJECT\n"
                      "a     1  a subject of t…\n");
    free(shown);
}

static void test_a_table_without_rows_is_nothing(void)
{
    static const char *const cells[] = {NULL};
    char *shown = print_table(0, cells);

    ASSERT_STR(shown, "");
    free(shown);
}

/* ---- JSON ---- */

static void test_json_is_written_with_its_commas_and_escapes(void)
{
    struct jw w = {0};

    jw_open(&w, '{');
    jw_key(&w, "a");
    jw_open(&w, '[');
    jw_uint(&w, UINT64_MAX);
    jw_int(&w, INT64_MIN);
    jw_bool(&w, true);
    jw_null(&w);
    jw_close(&w, ']');
    jw_key(&w, "b\"");
    jw_string(&w, "x\\\n\x01\x7f\xc3\xbc\xff");
    jw_key(&w, "c");
    jw_open(&w, '{');
    jw_close(&w, '}');
    jw_close(&w, '}');
    ASSERT_STR(perch_buf_cstr(&w.out),
               "{\"a\":[18446744073709551615,-9223372036854775808,true,null],"
               "\"b\\\"\":\"x\\\\\\n\\u0001\\u007fü\xef\xbf\xbd\",\"c\":{}}");
    perch_buf_done(&w.out);
}

static void test_json_keeps_a_nul_inside_a_string(void)
{
    struct jw w = {0};

    jw_span(&w, (struct perch_span){"a\0b", 3});
    ASSERT_STR(perch_buf_cstr(&w.out), "\"a\\u0000b\"");
    perch_buf_done(&w.out);
}

/* ---- moments ---- */

#define NOW INT64_C(1795392000123) /* 2026-11-23T00:00:00.123Z */

static const struct {
    const char *text;
    int64_t ms; /* -1: none */
} moments[] = {
    {"now", NOW},
    {"90s", NOW - 90000},
    {"30m", NOW - 1800000},
    {"2h", NOW - 7200000},
    {"7d", NOW - 604800000},
    {"2026-11-22", INT64_C(1795305600000)},
    {"2026-11-22T23:58", INT64_C(1795391880000)},
    {"2026-11-22 23:58:32", INT64_C(1795391912000)},
    {"2026-11-22T23:58:32Z", INT64_C(1795391912000)},
    {"1970-01-01Z", 0},
    {"", -1},
    {"7", -1},
    {"7x", -1},
    {"7dd", -1},
    {"99999999d", -1},
    {"2026-13-01", -1},
    {"2026-11-22Tnoon", -1},
    {"2026-11-22T23:58:32ZZ", -1},
    {"yesterday", -1},
};

static void use_zone(const char *zone)
{
    (void)setenv("TZ", zone, 1);
    tzset();
}

static void test_moments(void)
{
    use_zone("UTC");
    for (size_t i = 0; i < PERCH_COUNT(moments); i++) {
        int64_t ms = -1;
        bool ok = when_parse(moments[i].text, NOW, &ms);

        if (ok != (moments[i].ms >= 0) || ms != moments[i].ms)
            FAIL_ROW("%s: %lld", moments[i].text, (long long)ms);
    }
}

static void test_moments_for_people(void)
{
    char text[WHEN_SIZE];

    use_zone("UTC");
    when_format(INT64_C(1795391912), text);
    ASSERT_STR(text, "2026-11-22 23:58:32");
    when_format(INT64_MAX, text);
    ASSERT_STR(text, "-");
}

static void test_local_time_is_the_users(void)
{
    int64_t ms = 0;

    use_zone("XYZ-2"); /* two hours east */
    CU_ASSERT(when_parse("2026-11-22T02:00", NOW, &ms));
    ASSERT_INT(ms, INT64_C(1795305600000));
    CU_ASSERT(when_parse("2026-11-22T00:00Z", NOW, &ms));
    ASSERT_INT(ms, INT64_C(1795305600000));
}

PERCH_SUITE("daemon/output") = {
    PERCH_TEST(test_width_is_what_a_terminal_shows),
    PERCH_TEST(test_width_does_not_depend_on_the_locale),
    PERCH_TEST(test_a_cut_keeps_characters_whole),
    PERCH_TEST(test_a_strangers_text_cannot_steer_the_terminal),
    PERCH_TEST(test_colours_are_ours_alone),
    PERCH_TEST(test_columns_line_up_by_width),
    PERCH_TEST(test_the_flexible_column_gives_way),
    PERCH_TEST(test_a_table_without_rows_is_nothing),
    PERCH_TEST(test_json_is_written_with_its_commas_and_escapes),
    PERCH_TEST(test_json_keeps_a_nul_inside_a_string),
    PERCH_TEST(test_moments),
    PERCH_TEST(test_moments_for_people),
    PERCH_TEST(test_local_time_is_the_users),
    PERCH_END,
};
