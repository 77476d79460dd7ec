/* Sets against a bitmap. The input is a program: five bytes a step, an operation and two
 * numbers, on two sets. Numbers are drawn from both ends of what a set can hold, so that
 * UINT32_MAX is met as often as 1; what lies between is one cell of the bitmap.
 *  - after the program every number, the count, the order and the text agree with it;
 *  - a set's text is read back as the same set;
 *  - any text that is read as a set is one: digits, commas, colons, and no empty part. */
#include "fuzz.h"

#include "perch/error.h"
#include "perch/set.h"

#include "base/ascii.h"
#include "base/mem.h"

#define EDGE         512            /* numbers at either end */
#define CELLS        (2 * EDGE + 1) /* and all of the middle as one */
#define MIDDLE_COUNT (UINT32_MAX - 2u * EDGE)

struct model {
    bool has[CELLS];
};

static uint32_t number_of(unsigned cell) /* of the middle: its first */
{
    return cell <= EDGE ? cell + 1 : UINT32_MAX - (2u * EDGE - cell);
}

/* A cell that is a number of its own. */
static unsigned cell_of(unsigned bits)
{
    unsigned cell = bits % (2 * EDGE);

    return cell < EDGE ? cell : cell + 1;
}

static void model_put(struct model *m, unsigned a, unsigned b, bool value)
{
    for (unsigned i = a < b ? a : b; i <= (a < b ? b : a); i++)
        m->has[i] = value;
}

static void check_shape(const struct perch_set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        FUZZ_CHECK(s->r[i].first > 0 && s->r[i].first <= s->r[i].last);
        FUZZ_CHECK(i == 0 || s->r[i].first - 1 > s->r[i - 1].last);
    }
}

static void check_text(const struct perch_set *s)
{
    size_t cap = perch_set_format(s, NULL, 0) + 1;
    struct perch_set back = PERCH_SET_INIT;
    char *text = perch_malloc(cap);

    FUZZ_CHECK(text && perch_set_format(s, text, cap) == cap - 1);
    FUZZ_CHECK(strlen(text) == cap - 1);
    FUZZ_CHECK(perch_set_parse(&back, (struct perch_span){text, cap - 1}, s->n + 1) ==
               (s->n > 0 ? PERCH_OK : PERCH_EPROTO));
    FUZZ_CHECK(perch_set_equal(&back, s));
    perch_set_done(&back);
    perch_free(text);
}

static void check_against(const struct perch_set *s, const struct model *m)
{
    uint64_t count = 0;

    check_shape(s);
    for (unsigned i = 0; i < CELLS; i++) {
        FUZZ_CHECK(perch_set_has(s, number_of(i)) == m->has[i]);
        if (m->has[i])
            FUZZ_CHECK(perch_set_at(s, count) == number_of(i));
        if (m->has[i])
            count += i == EDGE ? MIDDLE_COUNT : 1;
    }
    FUZZ_CHECK(perch_set_count(s) == count);
    FUZZ_CHECK(perch_set_at(s, count) == 0);
    check_text(s);
}

static void combine(struct model *a, const struct model *b, unsigned operation)
{
    for (unsigned i = 0; i < CELLS; i++)
        a->has[i] = operation == 0   ? a->has[i] || b->has[i]
                    : operation == 1 ? a->has[i] && !b->has[i]
                                     : a->has[i] && b->has[i];
}

static void step(struct fuzz_input *in, struct perch_set sets[2], struct model models[2])
{
    unsigned operation = fuzz_byte(in), which = operation >> 7;
    unsigned a = cell_of(fuzz_u16(in)), b = cell_of(fuzz_u16(in));
    struct perch_set *s = &sets[which], *other = &sets[!which];
    struct model *m = &models[which];

    switch (operation % 8) {
    case 0:
    case 1:
        FUZZ_CHECK(perch_set_add(s, number_of(a), number_of(b)) == PERCH_OK);
        model_put(m, a, b, true);
        break;
    case 2:
        FUZZ_CHECK(perch_set_add(s, number_of(a), number_of(a)) == PERCH_OK);
        model_put(m, a, a, true);
        break;
    case 3:
        FUZZ_CHECK(perch_set_remove(s, number_of(a), number_of(b)) == PERCH_OK);
        model_put(m, a, b, false);
        break;
    case 4:
        FUZZ_CHECK(perch_set_add_set(s, other) == PERCH_OK);
        combine(m, &models[!which], 0);
        break;
    case 5:
        FUZZ_CHECK(perch_set_remove_set(s, other) == PERCH_OK);
        combine(m, &models[!which], 1);
        break;
    case 6:
        FUZZ_CHECK(perch_set_intersect(s, other) == PERCH_OK);
        combine(m, &models[!which], 2);
        break;
    case 7:
        FUZZ_CHECK(perch_set_copy(s, other) == PERCH_OK);
        *m = models[!which];
        break;
    }
}

static void check_parse(const uint8_t *data, size_t size)
{
    struct perch_set s = PERCH_SET_INIT;
    bool part = false; /* a digit since the last separator */

    if (perch_set_parse(&s, (struct perch_span){(const char *)data, size}, 0)) {
        FUZZ_CHECK(s.n == 0 && !s.r);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        FUZZ_CHECK(perch_is_digit(data[i]) || (part && (data[i] == ',' || data[i] == ':')));
        part = perch_is_digit(data[i]);
    }
    FUZZ_CHECK(part && s.n > 0);
    check_shape(&s);
    check_text(&s);
    perch_set_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model models[2];
    struct perch_set sets[2] = {PERCH_SET_INIT, PERCH_SET_INIT};
    struct fuzz_input in = {data, size};

    check_parse(data, size);
    memset(models, 0, sizeof models);
    while (in.n > 0)
        step(&in, sets, models);
    for (int i = 0; i < 2; i++) {
        check_against(&sets[i], &models[i]);
        perch_set_done(&sets[i]);
    }
    return 0;
}
