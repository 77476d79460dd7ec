#include "support/failmem.h"
#include "support/perch_test.h"

#include "perch/error.h"

#include "wire/seqset.h"

#define TOP UINT32_MAX

static void assert_set(const struct perch_set *s, const char *want, const char *what)
{
    char text[512];

    CU_ASSERT(perch_set_format(s, text, sizeof text) < sizeof text);
    if (strcmp(text, want) != 0)
        FAIL_ROW("%s: \"%s\", want \"%s\"", what, text, want);
}

static struct perch_set set_of(const char *text)
{
    struct perch_set s = PERCH_SET_INIT;

    if (*text)
        CU_ASSERT_EQUAL_FATAL(perch_set_parse(&s, perch_span_of(text), 0), PERCH_OK);
    return s;
}

/* ---- by table ---- */

static void test_adding(void)
{
    static const struct {
        const char *set;
        uint32_t first, last;
        const char *want;
    } t[] = {
        {"", 5, 5, "5"},
        {"", TOP, TOP, "4294967295"},
        {"", 1, TOP, "1:4294967295"},
        {"5", 6, 6, "5:6"},
        {"5", 4, 4, "4:5"},
        {"5", 7, 7, "5,7"},
        {"5,7", 6, 6, "5:7"},
        {"5:9", 9, 5, "5:9"},
        {"5:9", 12, 1, "1:12"},
        {"1,3,5,7,9", 2, 8, "1:9"},
        {"1,3,5,7,9", 4, 6, "1,3:7,9"},
        {"1,5,9", 3, 3, "1,3,5,9"},
        {"10,20,30", 1, 2, "1:2,10,20,30"},
        {"10,20,30", 12, 28, "10,12:28,30"},
        {"10,20,30", 11, 29, "10:30"},
        {"1:4294967294", TOP, TOP, "1:4294967295"},
        {"4294967295", 4294967294, 4294967294, "4294967294:4294967295"},
        {"4294967295", 1, 1, "1,4294967295"},
        {"1,4294967295", 2, 4294967294, "1:4294967295"},
        {"1:4294967295", 7, 7, "1:4294967295"},
        {"2", 1, 1, "1:2"},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        struct perch_set s = set_of(t[i].set);

        ASSERT_INT(perch_set_add(&s, t[i].first, t[i].last), PERCH_OK);
        assert_set(&s, t[i].want, t[i].set);
        perch_set_done(&s);
    }
}

static void test_removing(void)
{
    static const struct {
        const char *set;
        uint32_t first, last;
        const char *want;
    } t[] = {
        {"", 1, TOP, ""},
        {"5", 5, 5, ""},
        {"5", 6, TOP, "5"},
        {"5", 1, 4, "5"},
        {"1:9", 5, 5, "1:4,6:9"},
        {"1:9", 1, 1, "2:9"},
        {"1:9", 9, 9, "1:8"},
        {"1:9", 8, 3, "1:2,9"},
        {"1:3,5:7,9:11", 2, 10, "1,11"},
        {"1:3,5:7,9:11", 4, 8, "1:3,9:11"},
        {"1:4294967295", TOP, TOP, "1:4294967294"},
        {"1:4294967295", 2, 4294967294, "1,4294967295"},
        {"1:4294967295", 1, TOP, ""},
        {"4294967295", TOP, TOP, ""},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        struct perch_set s = set_of(t[i].set);

        ASSERT_INT(perch_set_remove(&s, t[i].first, t[i].last), PERCH_OK);
        assert_set(&s, t[i].want, t[i].set);
        perch_set_done(&s);
    }
}

static void test_two_sets(void)
{
    static const struct {
        const char *a, *b, *sum, *difference, *both;
    } t[] = {
        {"", "", "", "", ""},
        {"1:5", "", "1:5", "1:5", ""},
        {"", "1:5", "1:5", "", ""},
        {"1:3,7", "4:6", "1:7", "1:3,7", ""},
        {"1:10", "2,4,6", "1:10", "1,3,5,7:10", "2,4,6"},
        {"2,4,6", "1:10", "1:10", "", "2,4,6"},
        {"1:5,8:12,20", "4:9,20:25", "1:12,20:25", "1:3,10:12", "4:5,8:9,20"},
        {"1:2,4:5,7:8", "2:7", "1:8", "1,8", "2,4:5,7"},
        {"1:4294967295", "4294967295", "1:4294967295", "1:4294967294", "4294967295"},
        {"4294967295", "1:4294967295", "1:4294967295", "", "4294967295"},
        {"1,3", "2,4294967295", "1:3,4294967295", "1,3", ""},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        struct perch_set b = set_of(t[i].b), s = set_of(t[i].a);

        ASSERT_INT(perch_set_add_set(&s, &b), PERCH_OK);
        assert_set(&s, t[i].sum, "sum");
        perch_set_done(&s);
        s = set_of(t[i].a);
        ASSERT_INT(perch_set_remove_set(&s, &b), PERCH_OK);
        assert_set(&s, t[i].difference, "difference");
        perch_set_done(&s);
        s = set_of(t[i].a);
        ASSERT_INT(perch_set_intersect(&s, &b), PERCH_OK);
        assert_set(&s, t[i].both, "both");
        perch_set_done(&s);
        perch_set_done(&b);
    }
}

static void test_zero_is_refused(void)
{
    struct perch_set s = set_of("3");

    ASSERT_INT(perch_set_add(&s, 0, 5), PERCH_EINVAL);
    ASSERT_INT(perch_set_add(&s, 5, 0), PERCH_EINVAL);
    ASSERT_INT(perch_set_remove(&s, 0, 5), PERCH_EINVAL);
    CU_ASSERT_FALSE(perch_set_has(&s, 0));
    assert_set(&s, "3", "after refusals");
    perch_set_done(&s);
}

static void test_parsing(void)
{
    static const struct {
        const char *text;
        int ret;
        const char *want;
    } t[] = {
        {"1", 0, "1"},
        {"1:3,7,9:12", 0, "1:3,7,9:12"},
        {"9:12,7,3:1", 0, "1:3,7,9:12"},
        {"3,1,2", 0, "1:3"},
        {"5,5,5:5", 0, "5"},
        {"0001", 0, "1"},
        {"4294967295:1", 0, "1:4294967295"},
        {"10:20,1:12,19:30", 0, "1:30"},
        {"", PERCH_EPROTO, NULL},
        {"0", PERCH_EPROTO, NULL},
        {"0:5", PERCH_EPROTO, NULL},
        {"*", PERCH_EPROTO, NULL},
        {"1:*", PERCH_EPROTO, NULL},
        {"1,", PERCH_EPROTO, NULL},
        {",1", PERCH_EPROTO, NULL},
        {"1,,2", PERCH_EPROTO, NULL},
        {"1:", PERCH_EPROTO, NULL},
        {":1", PERCH_EPROTO, NULL},
        {"1:2:3", PERCH_EPROTO, NULL},
        {"1 2", PERCH_EPROTO, NULL},
        {" 1", PERCH_EPROTO, NULL},
        {"-1", PERCH_EPROTO, NULL},
        {"4294967296", PERCH_EPROTO, NULL},
        {"99999999999999999999", PERCH_EPROTO, NULL},
    };

    for (size_t i = 0; i < PERCH_COUNT(t); i++) {
        struct perch_set s = set_of("77");
        int ret = perch_set_parse(&s, perch_span_of(t[i].text), 0);

        if (ret != t[i].ret)
            FAIL_ROW("\"%s\": %d", t[i].text, ret);
        assert_set(&s, t[i].want ? t[i].want : "77", t[i].text);
        perch_set_done(&s);
    }
}

static void test_range_limit(void)
{
    struct perch_set s = PERCH_SET_INIT;

    ASSERT_INT(perch_set_parse(&s, PERCH_SPAN("1,3,5"), 2), PERCH_ELIMIT);
    ASSERT_INT(perch_set_parse(&s, PERCH_SPAN("1,3,5"), 3), PERCH_OK);
    ASSERT_INT(perch_set_parse(&s, PERCH_SPAN("1,2,3,4,5"), 1), PERCH_OK); /* joins on the way */
    assert_set(&s, "1:5", "joined");
    perch_set_done(&s);
}

static void test_formatting_cuts_like_snprintf(void)
{
    struct perch_set s = set_of("1:3,70,900");
    char out[16];

    for (size_t cap = 0; cap <= 11; cap++) {
        memset(out, '#', sizeof out);
        ASSERT_INT(perch_set_format(&s, out, cap), 10);
        if (cap > 0) {
            CU_ASSERT(strlen(out) == cap - 1 && strncmp(out, "1:3,70,900", cap - 1) == 0);
        }
        ASSERT_INT(out[cap], '#');
    }
    ASSERT_INT(perch_set_format(&s, NULL, 0), 10);
    perch_set_done(&s);
    ASSERT_INT(perch_set_format(&s, out, sizeof out), 0);
    ASSERT_STR(out, "");
}

static void test_counting_and_indexing(void)
{
    struct perch_set s = set_of("1:3,10,4294967290:4294967295");

    ASSERT_INT(perch_set_count(&s), 10);
    ASSERT_INT(perch_set_at(&s, 0), 1);
    ASSERT_INT(perch_set_at(&s, 3), 10);
    ASSERT_INT(perch_set_at(&s, 4), 4294967290);
    ASSERT_INT(perch_set_at(&s, 9), TOP);
    ASSERT_INT(perch_set_at(&s, 10), 0);
    ASSERT_INT(perch_set_at(&s, UINT64_MAX), 0);
    CU_ASSERT(perch_set_has(&s, TOP));
    CU_ASSERT_FALSE(perch_set_has(&s, 9));
    perch_set_done(&s);
    s = set_of("1:4294967295");
    ASSERT_INT(perch_set_count(&s), 4294967295);
    perch_set_done(&s);
}

static void test_a_borrowed_set_is_copied_before_it_changes(void)
{
    struct perch_range own[] = {{1, 3}, {7, 9}};
    struct perch_set s = {.r = own, .n = 2}, other = {.r = own, .n = 2}, third = {.r = own, .n = 2};

    ASSERT_INT(perch_set_add(&s, 4, 6), PERCH_OK);
    assert_set(&s, "1:9", "added");
    ASSERT_INT(perch_set_remove(&other, 2, 2), PERCH_OK);
    assert_set(&other, "1,3,7:9", "removed");
    perch_set_clear(&third);
    ASSERT_INT(perch_set_add(&third, 5, 5), PERCH_OK);
    assert_set(&third, "5", "cleared");
    ASSERT_INT(own[0].last, 3);
    ASSERT_INT(own[1].first, 7);
    perch_set_done(&s);
    perch_set_done(&other);
    perch_set_done(&third);
    s = (struct perch_set){.r = own, .n = 2};
    perch_set_done(&s); /* frees nothing that is not its own */
}

static void test_a_set_with_itself(void)
{
    struct perch_set s = set_of("1:3,7"), copy = PERCH_SET_INIT;

    ASSERT_INT(perch_set_add_set(&s, &s), PERCH_OK);
    assert_set(&s, "1:3,7", "sum");
    ASSERT_INT(perch_set_intersect(&s, &s), PERCH_OK);
    assert_set(&s, "1:3,7", "both");
    ASSERT_INT(perch_set_copy(&s, &s), PERCH_OK);
    ASSERT_INT(perch_set_copy(&copy, &s), PERCH_OK);
    CU_ASSERT(perch_set_equal(&copy, &s));
    ASSERT_INT(perch_set_remove_set(&s, &s), PERCH_OK);
    assert_set(&s, "", "difference");
    CU_ASSERT_FALSE(perch_set_equal(&copy, &s));
    perch_set_done(&copy);
    perch_set_done(&s);
}

/* ---- against a bitmap ---- */

#define UNIVERSE 4096 /* numbers 1 to UNIVERSE - 1 */

struct model {
    bool has[UNIVERSE];
};

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void model_put(struct model *m, uint32_t a, uint32_t b, bool value)
{
    for (uint32_t i = a < b ? a : b; i <= (a < b ? b : a); i++)
        m->has[i] = value;
}

static bool model_agrees(const struct model *m, const struct perch_set *s)
{
    uint64_t count = 0;

    for (uint32_t i = 1; i < UNIVERSE; i++) {
        if (perch_set_has(s, i) != m->has[i])
            return false;
        if (m->has[i] && perch_set_at(s, count++) != i)
            return false;
    }
    for (size_t i = 1; i < s->n; i++) /* apart, ascending */
        if (s->r[i].first <= s->r[i - 1].last + 1)
            return false;
    return perch_set_count(s) == count;
}

static void random_set(uint32_t *seed, struct perch_set *s, struct model *m)
{
    uint32_t n = next_random(seed) % 40;

    perch_set_clear(s);
    memset(m, 0, sizeof *m);
    while (n-- > 0) {
        uint32_t a = 1 + next_random(seed) % (UNIVERSE - 1);
        uint32_t b = a + next_random(seed) % 60;

        b = b < UNIVERSE ? b : UNIVERSE - 1;
        CU_ASSERT_EQUAL(perch_set_add(s, b, a), PERCH_OK);
        model_put(m, a, b, true);
    }
}

static void test_single_changes_agree_with_a_bitmap(void)
{
    struct perch_set s = PERCH_SET_INIT;
    static struct model m;
    uint32_t seed = 2463534242u;

    for (int i = 0; i < 4000; i++) {
        uint32_t a = 1 + next_random(&seed) % (UNIVERSE - 1);
        uint32_t b = next_random(&seed) % 4 ? a + next_random(&seed) % 9
                                            : 1 + next_random(&seed) % (UNIVERSE - 1);
        bool put = next_random(&seed) % 2;

        b = b < UNIVERSE ? b : UNIVERSE - 1;
        ASSERT_INT(put ? perch_set_add(&s, a, b) : perch_set_remove(&s, a, b), PERCH_OK);
        model_put(&m, a, b, put);
        if (i % 16 == 0 && !model_agrees(&m, &s)) {
            FAIL_ROW("after change %d", i);
            break;
        }
    }
    CU_ASSERT(model_agrees(&m, &s));
    perch_set_done(&s);
}

static void test_two_sets_agree_with_bitmaps(void)
{
    struct perch_set a = PERCH_SET_INIT, b = PERCH_SET_INIT, s = PERCH_SET_INIT;
    static struct model ma, mb, want;
    uint32_t seed = 88172645u;

    for (int round = 0; round < 150; round++) {
        random_set(&seed, &a, &ma);
        random_set(&seed, &b, &mb);
        for (int kind = 0; kind < 3; kind++) {
            CU_ASSERT_EQUAL(perch_set_copy(&s, &a), PERCH_OK);
            for (int i = 0; i < UNIVERSE; i++)
                want.has[i] = kind == 0   ? ma.has[i] || mb.has[i]
                              : kind == 1 ? ma.has[i] && !mb.has[i]
                                          : ma.has[i] && mb.has[i];
            CU_ASSERT_EQUAL(kind == 0   ? perch_set_add_set(&s, &b)
                            : kind == 1 ? perch_set_remove_set(&s, &b)
                                        : perch_set_intersect(&s, &b),
                            PERCH_OK);
            if (!model_agrees(&want, &s))
                FAIL_ROW("round %d, kind %d", round, kind);
        }
    }
    perch_set_done(&a);
    perch_set_done(&b);
    perch_set_done(&s);
}

static void test_text_and_back_is_the_same_set(void)
{
    struct perch_set s = PERCH_SET_INIT, back = PERCH_SET_INIT;
    static struct model m;
    uint32_t seed = 5u;

    for (int round = 0; round < 200; round++) {
        char text[2048];

        random_set(&seed, &s, &m);
        if (s.n == 0)
            continue;
        CU_ASSERT(perch_set_format(&s, text, sizeof text) < sizeof text);
        CU_ASSERT_EQUAL(perch_set_parse(&back, perch_span_of(text), 0), PERCH_OK);
        CU_ASSERT(perch_set_equal(&s, &back));
    }
    perch_set_done(&s);
    perch_set_done(&back);
}

static void test_a_hundred_thousand_single_numbers(void)
{
    struct perch_set s = PERCH_SET_INIT;
    size_t cap;
    char *text;

    for (uint32_t i = 1; i <= 100000; i++)
        CU_ASSERT_EQUAL(perch_set_add(&s, i * 2, i * 2), PERCH_OK);
    ASSERT_INT(s.n, 100000);
    cap = perch_set_format(&s, NULL, 0) + 1;
    text = perch_malloc(cap);
    CU_ASSERT_EQUAL(perch_set_format(&s, text, cap), cap - 1);
    ASSERT_INT(perch_set_parse(&s, perch_span_of(text), 0), PERCH_ELIMIT);
    ASSERT_INT(perch_set_parse(&s, perch_span_of(text), 100000), PERCH_OK);
    ASSERT_INT(perch_set_at(&s, 99999), 200000);
    perch_free(text);
    perch_set_done(&s);
}

static void test_normalising_ranges_in_place(void)
{
    struct perch_range r[] = {{9, 12}, {1, 1}, {5, 20}, {2, 3}, {TOP, TOP}, {2, 2}};

    ASSERT_INT(perch_ranges_normalise(r, PERCH_COUNT(r)), 3);
    CU_ASSERT(r[0].first == 1 && r[0].last == 3);
    CU_ASSERT(r[1].first == 5 && r[1].last == 20);
    CU_ASSERT(r[2].first == TOP && r[2].last == TOP);
    ASSERT_INT(perch_ranges_normalise(NULL, 0), 0);
}

static int use_memory(void *user)
{
    struct perch_set s = PERCH_SET_INIT, t = PERCH_SET_INIT;
    uint64_t before = 0;
    int ret;

    (void)user;
    ret = perch_set_parse(&s, PERCH_SPAN("9,7,5,3,1"), 0);
    if (!ret)
        ret = perch_set_copy(&t, &s);
    before = perch_set_count(&t);
    if (!ret)
        ret = perch_set_add_set(&t, &s);
    if (!ret)
        ret = perch_set_remove_set(&t, &s);
    before = ret ? before : 0;
    if (!ret)
        ret = perch_set_intersect(&s, &t);
    CU_ASSERT_EQUAL(perch_set_count(&t), before); /* a refusal leaves it as it was */
    perch_set_done(&s);
    perch_set_done(&t);
    return ret;
}

static void test_refused_memory_leaves_the_set(void)
{
    CU_ASSERT(perch_failmem(use_memory, NULL) >= 4);
}

PERCH_SUITE("wire/seqset") = {
    PERCH_TEST(test_adding),
    PERCH_TEST(test_removing),
    PERCH_TEST(test_two_sets),
    PERCH_TEST(test_zero_is_refused),
    PERCH_TEST(test_parsing),
    PERCH_TEST(test_range_limit),
    PERCH_TEST(test_formatting_cuts_like_snprintf),
    PERCH_TEST(test_counting_and_indexing),
    PERCH_TEST(test_a_borrowed_set_is_copied_before_it_changes),
    PERCH_TEST(test_a_set_with_itself),
    PERCH_TEST(test_single_changes_agree_with_a_bitmap),
    PERCH_TEST(test_two_sets_agree_with_bitmaps),
    PERCH_TEST(test_text_and_back_is_the_same_set),
    PERCH_TEST(test_a_hundred_thousand_single_numbers),
    PERCH_TEST(test_normalising_ranges_in_place),
    PERCH_TEST(test_refused_memory_leaves_the_set),
    PERCH_END,
};
