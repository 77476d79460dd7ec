/* span, ascii, num, list. */
#include "support/perch_test.h"

#include "base/ascii.h"
#include "base/list.h"
#include "base/num.h"

static const struct perch_span nil = {NULL, 0};

static void test_comparing(void)
{
    CU_ASSERT(perch_span_eq(PERCH_SPAN("ab"), PERCH_SPAN("ab")));
    CU_ASSERT_FALSE(perch_span_eq(PERCH_SPAN("ab"), PERCH_SPAN("aB")));
    CU_ASSERT(perch_span_eq(nil, PERCH_SPAN("")));
    CU_ASSERT(perch_span_ieq(PERCH_SPAN("Fetch[1]"), PERCH_SPAN("fETCH[1]")));
    CU_ASSERT_FALSE(perch_span_ieq(PERCH_SPAN("@"), PERCH_SPAN("`"))); /* 0x40 and 0x60 */
    CU_ASSERT_FALSE(perch_span_ieq(PERCH_SPAN("\xc4"), PERCH_SPAN("\xe4")));
    CU_ASSERT(perch_span_ieqs(PERCH_SPAN("uid"), "UID"));
    CU_ASSERT(perch_span_istarts(PERCH_SPAN("auth=plain"), "AUTH="));
    CU_ASSERT_FALSE(perch_span_istarts(PERCH_SPAN("aut"), "AUTH="));
    CU_ASSERT(perch_span_istarts(nil, ""));
}

static void test_order_is_that_of_bytes(void)
{
    CU_ASSERT(perch_span_cmp(PERCH_SPAN("a"), PERCH_SPAN("ab")) < 0);
    CU_ASSERT(perch_span_cmp(PERCH_SPAN("\xff"), PERCH_SPAN("ab")) > 0);
    CU_ASSERT(perch_span_cmp(nil, PERCH_SPAN("")) == 0);
    CU_ASSERT(perch_span_cmp(PERCH_SPAN("B"), PERCH_SPAN("a")) < 0);
}

static void test_trimming(void)
{
    ASSERT_SPAN(perch_span_trim(PERCH_SPAN(" \t a b\t ")), "a b");
    ASSERT_SPAN(perch_span_trim(PERCH_SPAN(" \t ")), "");
    ASSERT_SPAN(perch_span_trim(nil), NULL);
}

static void test_cutting(void)
{
    struct perch_span s = PERCH_SPAN("a,,b");

    ASSERT_SPAN(perch_span_cut(&s, ','), "a");
    ASSERT_SPAN(perch_span_cut(&s, ','), "");
    ASSERT_SPAN(s, "b");
    ASSERT_SPAN(perch_span_cut(&s, ','), "b");
    ASSERT_SPAN(s, NULL);
    s = PERCH_SPAN("a,");
    ASSERT_SPAN(perch_span_cut(&s, ','), "a");
    ASSERT_SPAN(s, ""); /* there was a second, empty part */
    ASSERT_SPAN(perch_span_cut(&s, ','), "");
    ASSERT_SPAN(s, NULL);
}

/* Every byte against the letters written out. */
static void test_classes(void)
{
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz",
                      upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (int c = 0; c < 256; c++) {
        const char *l = c ? strchr(lower, c) : NULL, *u = c ? strchr(upper, c) : NULL;
        bool digit = c && strchr("0123456789", c);

        if (perch_is_alpha(c) != (l || u) || perch_is_digit(c) != digit ||
            perch_is_alnum(c) != (l || u || digit))
            FAIL_ROW("class of %d", c);
        if (perch_lower(c) != (u ? lower[u - upper] : c) ||
            perch_upper(c) != (l ? upper[l - lower] : c))
            FAIL_ROW("case of %d", c);
        if (perch_is_ctl(c) != (c < 32 || c == 127))
            FAIL_ROW("control %d", c);
    }
    ASSERT_INT(perch_hex_value('0'), 0);
    ASSERT_INT(perch_hex_value('a'), 10);
    ASSERT_INT(perch_hex_value('F'), 15);
    ASSERT_INT(perch_hex_value('g'), -1);
    ASSERT_INT(perch_hex_value('/'), -1);
    ASSERT_INT(perch_hex_value('@'), -1);
}

static void test_utf8(void)
{
    static const struct {
        const char *bytes;
        size_t len; /* 0: invalid */
        uint32_t code;
    } t[] = {
        {"a", 1, 'a'},
        {"\x7f", 1, 0x7f},
        {"\xc2\x80", 2, 0x80},
        {"\xdf\xbf", 2, 0x7ff},
        {"\xe0\xa0\x80", 3, 0x800},
        {"\xed\x9f\xbf", 3, 0xd7ff},
        {"\xee\x80\x80", 3, 0xe000},
        {"\xef\xbf\xbf", 3, 0xffff},
        {"\xf0\x90\x80\x80", 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"\x80", 0, 0},     /* a tail alone */
        {"\xc0\x80", 0, 0}, /* overlong NUL */
        {"\xc1\xbf", 0, 0}, /* overlong */
        {"\xc2", 0, 0},     /* cut short */
        {"\xc2"
         "a",
         0, 0},                 /* no tail */
        {"\xe0\x9f\xbf", 0, 0}, /* overlong */
        {"\xed\xa0\x80", 0, 0}, /* surrogates */
        {"\xed\xbf\xbf", 0, 0},
        {"\xf0\x8f\xbf\xbf", 0, 0}, /* overlong */
        {"\xf4\x90\x80\x80", 0, 0}, /* past U+10FFFF */
        {"\xf8\x88\x80\x80\x80", 0, 0},
        {"\xff", 0, 0},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        uint32_t code = 0;
        size_t n = strlen(t[i].bytes);
        size_t len = perch_utf8_seq((const uint8_t *)t[i].bytes, n, &code);
        char padded[32] = "0123456789ab";
        uint8_t out[4];

        if (len != t[i].len || code != t[i].code)
            FAIL_ROW("row %zu: length %zu, code U+%04X", i, len, code);
        memcpy(padded + 12, t[i].bytes, n + 1);
        if (perch_utf8_valid(padded, 12 + n) != (t[i].len > 0))
            FAIL_ROW("row %zu behind ASCII", i);
        if (len > 0 && (perch_utf8_put(code, out) != n || memcmp(out, t[i].bytes, n) != 0))
            FAIL_ROW("row %zu put back", i);
    }
    ASSERT_INT(perch_utf8_seq((const uint8_t *)"", 0, &(uint32_t){0}), 0);
    CU_ASSERT(perch_utf8_valid(NULL, 0));
}

static void test_numbers(void)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool ok;
        uint64_t value;
    } t[] = {
        {"0", 0, true, 0},
        {"1", 0, false, 0},
        {"0005", 5, true, 5},
        {"6", 5, false, 0},
        {"10", 9, false, 0},
        {"4294967295", UINT32_MAX, true, UINT32_MAX},
        {"4294967296", UINT32_MAX, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"", 9, false, 0},
        {"-1", 9, false, 0},
        {"+1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"1x", 99, false, 0},
        {"0x1", 99, false, 0},
    };
    uint32_t n = 77;

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        uint64_t value = 12345;
        bool ok = perch_num_u64(perch_span_of(t[i].text), t[i].max, &value);

        if (ok != t[i].ok || value != (t[i].ok ? t[i].value : 12345))
            FAIL_ROW("\"%s\": %d, %llu", t[i].text, ok, (unsigned long long)value);
    }
    CU_ASSERT_FALSE(perch_num_u32(nil, &n));
    CU_ASSERT_FALSE(perch_num_u32(PERCH_SPAN("4294967296"), &n));
    ASSERT_INT(n, 77);
    CU_ASSERT(perch_num_u32(PERCH_SPAN("4294967295"), &n));
    ASSERT_INT(n, UINT32_MAX);
}

static void test_scanning_stops_behind_the_digits(void)
{
    const char text[] = "12:345", *p = text, *end = text + 6;
    uint64_t n = 0;

    CU_ASSERT(perch_num_scan(&p, end, 99, &n));
    ASSERT_INT(n, 12);
    CU_ASSERT_PTR_EQUAL(p, text + 2);
    CU_ASSERT_FALSE(perch_num_scan(&p, end, 99, &n)); /* no digit */
    CU_ASSERT_PTR_EQUAL(p, text + 2);
    p++;
    CU_ASSERT_FALSE(perch_num_scan(&p, end, 99, &n));
    CU_ASSERT_PTR_EQUAL(p, text + 5); /* the '5' did not fit */
}

static void test_formatting_numbers(void)
{
    char out[20];

    ASSERT_INT(perch_num_format(0, out), 1);
    ASSERT_INT(out[0], '0');
    ASSERT_INT(perch_num_format(UINT64_MAX, out), 20);
    CU_ASSERT_EQUAL(memcmp(out, "18446744073709551615", 20), 0);
    ASSERT_INT(perch_num_format(1000, out), 4);
    CU_ASSERT_EQUAL(memcmp(out, "1000", 4), 0);
}

struct item {
    int n;
    struct perch_link link;
};

static void test_lists(void)
{
    struct perch_list l = PERCH_LIST_INIT(l);
    struct item a = {.n = 1}, b = {.n = 2}, c = {.n = 3};
    int seen = 0;

    CU_ASSERT(perch_list_empty(&l));
    CU_ASSERT_PTR_NULL(PERCH_LIST_FIRST(&l, struct item, link));
    perch_list_add(&l, &b.link);
    perch_list_add(&l, &c.link);
    perch_list_push_front(&l, &a.link);
    PERCH_LIST_EACH(&l, struct item, link, i)
    {
        seen = seen * 10 + i->n;
        if (i->n == 2)
            perch_unlink(&i->link);
    }
    ASSERT_INT(seen, 123);
    CU_ASSERT_FALSE(perch_linked(&b.link));
    perch_unlink(&b.link);
    seen = 0;
    PERCH_LIST_EACH(&l, struct item, link, i)
    {
        seen = seen * 10 + i->n;
        if (i->n == 1)
            break;
    }
    CU_ASSERT_PTR_EQUAL(PERCH_LIST_FIRST(&l, struct item, link), &a);
    perch_unlink(&a.link);
    CU_ASSERT_PTR_EQUAL(PERCH_LIST_FIRST(&l, struct item, link), &c);
}

PERCH_SUITE("base/span") = {
    PERCH_TEST(test_comparing),
    PERCH_TEST(test_order_is_that_of_bytes),
    PERCH_TEST(test_trimming),
    PERCH_TEST(test_cutting),
    PERCH_TEST(test_classes),
    PERCH_TEST(test_utf8),
    PERCH_TEST(test_numbers),
    PERCH_TEST(test_scanning_stops_behind_the_digits),
    PERCH_TEST(test_formatting_numbers),
    PERCH_TEST(test_lists),
    PERCH_END,
};
