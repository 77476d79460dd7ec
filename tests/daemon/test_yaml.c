/* The door to libyaml: nodes with places, and what is refused before it can grow. */
#include "config/yaml.h"

#include "base/buf.h"

#include "support/perch_test.h"

#include <stdlib.h>

struct reading {
    struct perch_arena arena;
    struct yaml_node *root;
    struct yaml_problem problem;
    int ret;
};

static void read_bytes(struct reading *r, const char *text, size_t len)
{
    *r = (struct reading){.ret = 0};
    perch_arena_init(&r->arena, 0);
    r->ret = yaml_read(text, len, &r->arena, &r->root, &r->problem);
}

static void read_text(struct reading *r, const char *text)
{
    read_bytes(r, text, strlen(text));
}

static void done(struct reading *r)
{
    perch_arena_done(&r->arena);
}

static void test_nodes_know_their_place(void)
{
    struct reading r;
    const struct yaml_node *list, *n;

    read_text(&r, "a: 1\n"
                  "list:\n"
                  "  - x\n"
                  "  - \"y z\"\n"
                  "  - {k: v}\n");
    ASSERT_INT(r.ret, 0);
    ASSERT_INT(r.root->kind, NODE_MAP);
    ASSERT_INT(r.root->count, 2);
    ASSERT_STR(yaml_get(r.root, "a")->text, "1");
    ASSERT_STR(yaml_get(r.root, "a")->key->text, "a");
    list = yaml_get(r.root, "list");
    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    ASSERT_INT(list->kind, NODE_LIST);
    ASSERT_INT(list->count, 3);
    ASSERT_INT(list->key->line, 2);
    ASSERT_INT(list->key->column, 1);
    n = list->first;
    ASSERT_STR(n->text, "x");
    ASSERT_INT(n->line, 3);
    ASSERT_INT(n->column, 5);
    CU_ASSERT_FALSE(n->quoted);
    CU_ASSERT_PTR_NULL(n->key);
    n = n->next;
    ASSERT_STR(n->text, "y z");
    CU_ASSERT_TRUE(n->quoted);
    n = n->next;
    ASSERT_INT(n->kind, NODE_MAP);
    ASSERT_INT(n->line, 5);
    ASSERT_STR(yaml_get(n, "k")->text, "v");
    CU_ASSERT_PTR_NULL(n->next);
    CU_ASSERT_PTR_NULL(yaml_get(n, "x"));
    CU_ASSERT_PTR_NULL(yaml_get(list, "x"));
    CU_ASSERT_PTR_NULL(yaml_get(NULL, "x"));
    done(&r);
}

static void test_scalars_keep_their_text(void)
{
    static const struct {
        const char *yaml, *text;
    } rows[] = {
        {"0123", "0123"},
        {"no", "no"},
        {"~", "~"},
        {"'it''s'", "it's"},
        {"\"\\u00e9\"", "é"},
        {"é", "é"},
        {"|\n  a\n  b\n", "a\nb\n"},
        {"a b # comment", "a b"},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct reading r;

        read_text(&r, rows[i].yaml);
        ASSERT_INT(r.ret, 0);
        ASSERT_STR(r.root->text, rows[i].text);
        done(&r);
    }
}

static void test_nothing_is_no_document(void)
{
    struct reading r;

    read_text(&r, "");
    ASSERT_INT(r.ret, 0);
    CU_ASSERT_PTR_NULL(r.root);
    done(&r);
}

static void test_what_is_refused(void)
{
    static const struct {
        const char *text;
        unsigned line, column;
        const char *why; /* a part */
    } rows[] = {
        {"a: &x 1", 1, 4, "anchors"},
        {"a: &x {b: c}", 1, 4, "anchors"},
        {"a: &x [b]", 1, 4, "anchors"},
        {"a: *x", 1, 4, "aliases"},
        {"&a [*a]", 1, 1, "anchors"},
        {"a: !!int 1", 1, 4, "tags"},
        {"a: !x {b: c}", 1, 4, "tags"},
        {"a: ! b", 1, 4, "tags"},
        {"a: 1\nb: 2\na: 3", 3, 1, "`a` is already set in line 1"},
        {"{a: 1, 'a': 2}", 1, 8, "`a` is already set in line 1"},
        {"a:\n  b: 1\n  b: 2", 3, 3, "`b` is already set in line 2"},
        {"? [a]\n: b", 1, 3, "a key must be a word"},
        {"{{a: b}: c}", 1, 2, "a key must be a word"},
        {"a: 1\n--- \nb: 2", 2, 1, "second document"},
        {"a: [1, 2", 2, 1, "expected ',' or ']'"},
        {"a: b: c", 1, 5, "mapping values are not allowed"},
        {"a: 1\n b: 2", 2, 3, "mapping values are not allowed"},
        {"\ta: 1", 1, 1, "cannot start any token"},
        {"a: \"x", 1, 6, "unexpected end of stream"},
        {"a: \"\\q\"", 1, 5, "unknown escape"},
        {"a: \"\\0\"", 1, 4, "NUL"},
        {"a: 1\nb: \xff", 2, 4, "UTF-8"},
        {"a: \xc3\xa9\xff", 1, 5, "UTF-8"},
        {"a: \x01", 1, 4, "UTF-8"},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct reading r;

        read_text(&r, rows[i].text);
        if (r.ret != -1 || r.problem.line != rows[i].line || r.problem.column != rows[i].column ||
            !strstr(r.problem.text, rows[i].why))
            FAIL_ROW("%s: %d, %u:%u %s", rows[i].text, r.ret, r.problem.line, r.problem.column,
                     r.problem.text);
        done(&r);
    }
}

/* `n` times `unit`. */
static char *repeated(const char *unit, size_t n)
{
    size_t len = strlen(unit);
    char *text = malloc(n * len + 1);

    for (size_t i = 0; i < n; i++)
        memcpy(text + i * len, unit, len);
    text[n * len] = '\0';
    return text;
}

static void test_thirty_two_levels_and_no_more(void)
{
    struct reading r;
    char text[200];
    char *open = repeated("[", 33), *close = repeated("]", 33);

    (void)snprintf(text, sizeof text, "%.32s%.32s", open, close);
    read_text(&r, text);
    ASSERT_INT(r.ret, 0);
    done(&r);
    (void)snprintf(text, sizeof text, "%s%s", open, close);
    read_text(&r, text);
    ASSERT_INT(r.ret, -1);
    ASSERT_STR(r.problem.text, "nested deeper than 32 levels");
    ASSERT_INT(r.problem.column, 33);
    done(&r);
    free(open);
    free(close);
}

/* Work is seen as memory that the reading took: a refusal must come before the tree grows. */
static void test_bombs_are_refused_while_they_are_small(void)
{
    static const struct {
        const char *unit;
        size_t times;
        const char *why;
    } rows[] = {
        {"[", 50000, "nested deeper"},    {"{", 50000, "a key must be a word"},
        {"- ", 50000, "nested deeper"},   {"? ", 50000, "a key must be a word"},
        {"{a: ", 50000, "nested deeper"}, {"a: &a [x, x]\n", 1000, "anchors"},
        {"*a ", 1000, "aliases"},         {"x", (1u << 20) + 1, "larger than 1 MiB"},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct reading r;
        char *text = repeated(rows[i].unit, rows[i].times);

        read_text(&r, text);
        if (r.ret != -1 || !strstr(r.problem.text, rows[i].why))
            FAIL_ROW("%s...: %d %s", rows[i].unit, r.ret, r.problem.text);
        if (r.arena.used > 65536)
            FAIL_ROW("%s...: %zu bytes", rows[i].unit, r.arena.used);
        done(&r);
        free(text);
    }
}

static void test_a_million_bytes_of_harmless_text_are_read(void)
{
    static const struct {
        const char *unit;
        size_t times;
    } rows[] = {{"x", 1u << 20}, {"- a\n", 1u << 18}, {"# x\n", 1u << 18}};

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct reading r;
        char *text = repeated(rows[i].unit, rows[i].times);

        read_text(&r, text);
        ASSERT_INT(r.ret, 0);
        done(&r);
        free(text);
    }
}

static void test_a_map_of_many_keys_finds_its_twin(void)
{
    struct reading r;
    struct perch_buf text = PERCH_BUF_INIT;

    for (int i = 0; i < 50000; i++)
        perch_buf_addf(&text, "k%d: v\n", (i * 7919) % 50000);
    read_bytes(&r, (const char *)perch_buf_data(&text), text.len);
    ASSERT_INT(r.ret, 0);
    ASSERT_INT(r.root->count, 50000);
    done(&r);
    perch_buf_adds(&text, "k77: again\n");
    read_bytes(&r, (const char *)perch_buf_data(&text), text.len);
    ASSERT_INT(r.ret, -1);
    ASSERT_INT(r.problem.line, 50001);
    done(&r);
    perch_buf_done(&text);
}

PERCH_SUITE("daemon/yaml") = {
    PERCH_TEST(test_nodes_know_their_place),
    PERCH_TEST(test_scalars_keep_their_text),
    PERCH_TEST(test_nothing_is_no_document),
    PERCH_TEST(test_what_is_refused),
    PERCH_TEST(test_thirty_two_levels_and_no_more),
    PERCH_TEST(test_bombs_are_refused_while_they_are_small),
    PERCH_TEST(test_a_million_bytes_of_harmless_text_are_read),
    PERCH_TEST(test_a_map_of_many_keys_finds_its_twin),
    PERCH_END,
};
