/* Tokens. What every response needs stands here; strings in cursor_string.c, sets,
 * names and flags in cursor_value.c.
 *
 * Invariants: start <= p <= end <= tail; after a failure p no longer moves on purpose, and
 * loops end because perch_cur_more says so. */
#include "wire/cursor.h"

#include "base/ascii.h"
#include "base/num.h"

#define WORD  PERCH_CH_WORD
#define LISTC (PERCH_CH_LIST | WORD)
#define ASTR  (PERCH_CH_ASTR | LISTC)
#define EDGE  (PERCH_CH_ATOM | ASTR) /* of an item's name */
#define ATOM  (PERCH_CH_ITEM | EDGE)
#define SET   PERCH_CH_SET

const uint8_t perch_char_class[256] = {
    ['!'] = ATOM,
    ['#'] = ATOM,
    ['$'] = ATOM,
    ['%'] = LISTC,
    ['&'] = ATOM,
    ['\''] = ATOM,
    ['*'] = LISTC | SET,
    ['+'] = ATOM,
    [','] = ATOM | SET,
    ['-'] = ATOM,
    ['.'] = ATOM,
    ['/'] = ATOM,
    ['0' ... '9'] = ATOM | SET,
    [':'] = ATOM | SET,
    [';'] = ATOM,
    ['<'] = EDGE,
    ['='] = ATOM,
    ['>'] = ATOM,
    ['?'] = ATOM,
    ['@'] = ATOM,
    ['A' ... 'Z'] = ATOM,
    ['['] = EDGE,
    ['\\'] = WORD,
    [']'] = ASTR,
    ['^'] = ATOM,
    ['_'] = ATOM,
    ['`'] = ATOM,
    ['a' ... 'z'] = ATOM,
    ['{'] = WORD,
    ['|'] = ATOM,
    ['}'] = ATOM,
    ['~'] = ATOM,
    [0x80 ... 0xff] = WORD,
};

/* ---- failures and quirks ---- */

static bool fail(struct perch_cursor *c, int code, const char *why)
{
    if (!c->error) {
        c->error = code;
        c->report->error = why;
        c->report->error_at = (size_t)(c->p - c->start);
    }
    return false;
}

bool perch_cur_fail(struct perch_cursor *c, const char *why)
{
    return fail(c, PERCH_EPROTO, why);
}

bool perch_cur_fail_limit(struct perch_cursor *c, const char *why)
{
    return fail(c, PERCH_ELIMIT, why);
}

bool perch_cur_fail_memory(struct perch_cursor *c)
{
    return fail(c, PERCH_ENOMEM, "out of memory");
}

bool perch_cur_quirk_at(struct perch_cursor *c, enum perch_quirk quirk, const char *at)
{
    uint32_t bit = (uint32_t)quirk;

    if (c->strict & bit) {
        c->refused = c->refused || !c->error;
        c->p = at;
        return perch_cur_fail(c, perch_quirk_name(quirk));
    }
    if (!(c->report->quirks & bit)) {
        c->report->quirks |= bit;
        c->report->quirk_at[__builtin_ctz(bit)] = (size_t)(at - c->start);
    }
    return true;
}

bool perch_cur_quirk(struct perch_cursor *c, enum perch_quirk quirk)
{
    return perch_cur_quirk_at(c, quirk, c->p);
}

/* ---- single bytes ---- */

bool perch_cur_expect(struct perch_cursor *c, char ch, const char *why)
{
    return perch_cur_take(c, ch) || perch_cur_fail(c, why);
}

static size_t blanks(struct perch_cursor *c)
{
    const char *from = c->p;

    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
        c->p++;
    return (size_t)(c->p - from);
}

bool perch_cur_sp_slow(struct perch_cursor *c)
{
    const char *from = c->p;
    bool plain = perch_cur_at(c, ' ');

    if (blanks(c) == 1 && plain && !perch_cur_done(c))
        return true;
    return perch_cur_quirk_at(c, PERCH_QUIRK_BLANKS, from);
}

bool perch_cur_blanks(struct perch_cursor *c)
{
    const char *from = c->p;

    return blanks(c) == 0 || perch_cur_quirk_at(c, PERCH_QUIRK_BLANKS, from);
}

bool perch_cur_end(struct perch_cursor *c)
{
    if (c->error)
        return false;
    if (!perch_cur_blanks(c))
        return false;
    return perch_cur_done(c) || perch_cur_fail(c, "more than the response should hold");
}

/* ---- lists ---- */

bool perch_cur_open(struct perch_cursor *c)
{
    if (!perch_cur_at(c, '('))
        return perch_cur_fail(c, "no list where one belongs");
    if (c->depth >= c->limits->depth)
        return perch_cur_fail_limit(c, "nested deeper than the limit");
    c->opened = ++c->p;
    c->depth++;
    return perch_cur_token(c);
}

bool perch_cur_more_slow(struct perch_cursor *c, bool tight)
{
    const char *from = c->p;
    bool first = from == c->opened, plain = perch_cur_at(c, ' ');
    size_t n;

    if (c->error)
        return false;
    n = blanks(c);
    if (perch_cur_done(c)) {
        c->depth--;
        (void)perch_cur_quirk(c, PERCH_QUIRK_PARENS);
        return false;
    }
    if (perch_cur_take(c, ')')) {
        c->depth--;
        if (n > 0)
            (void)perch_cur_quirk_at(c, PERCH_QUIRK_BLANKS, from);
        return false;
    }
    if (n == (first || tight ? 0 : 1) && (n == 0 || plain))
        return true;
    return perch_cur_quirk_at(c, PERCH_QUIRK_BLANKS, from);
}

bool perch_cur_close(struct perch_cursor *c)
{
    if (perch_cur_more(c))
        return perch_cur_fail(c, "more than the list should hold");
    return !c->error;
}

/* ---- words and numbers ---- */

bool perch_cur_token_slow(struct perch_cursor *c)
{
    return perch_cur_fail_limit(c, "more tokens than the limit");
}

bool perch_cur_word(struct perch_cursor *c, unsigned classes, const char *why,
                    struct perch_span *ret)
{
    struct perch_span s = perch_cur_run(c, classes);

    if (s.n == 0)
        return perch_cur_fail(c, why);
    *ret = s;
    return perch_cur_token(c);
}

/* The first letter is there, and room for two more. */
bool perch_cur_nil_slow(struct perch_cursor *c)
{
    const char *p = c->p;

    if ((p[1] | 0x20) != 'i' || (p[2] | 0x20) != 'l')
        return false;
    if (c->end - p > 3 && perch_ch(p[3], PERCH_CH_WORD))
        return false;
    if ((p[0] != 'N' || p[1] != 'I' || p[2] != 'L') && !perch_cur_quirk(c, PERCH_QUIRK_NIL_FORM))
        return false;
    c->p += 3;
    return perch_cur_token(c);
}

bool perch_cur_exact(struct perch_cursor *c, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t n;

    if (!perch_is_digit(perch_cur_peek(c, 0)))
        return perch_cur_fail(c, "no number where one belongs");
    if (!perch_num_scan(&c->p, c->end, max, &n))
        return perch_cur_fail(c, "a number that is too large");
    if (n < min)
        return perch_cur_fail(c, "a number that is too small");
    *ret = n;
    return perch_cur_token(c);
}

/* The digits of "2.5e+3" behind its "2"; *n is 2 before and 2500 after. */
static bool exponent_form(struct perch_cursor *c, uint64_t *n)
{
    uint64_t value = *n, exponent = 0;
    unsigned fraction = 0;

    if (!perch_cur_quirk(c, PERCH_QUIRK_NUMBER_FORM))
        return false;
    if (perch_cur_take(c, '.'))
        for (; perch_is_digit(perch_cur_peek(c, 0)); c->p++)
            if (fraction < 18 && value < UINT64_MAX / 100) {
                value = value * 10 + (uint64_t)(*c->p - '0');
                fraction++;
            }
    if ((perch_cur_peek(c, 0) | 0x20) == 'e') {
        c->p++;
        (void)perch_cur_take(c, '+');
        if (!perch_num_scan(&c->p, c->end, 19, &exponent))
            return perch_cur_fail(c, "a number with an exponent that is none");
    }
    for (; exponent > fraction; exponent--)
        if (__builtin_mul_overflow(value, 10, &value))
            return perch_cur_fail(c, "a number that is too large");
    for (; fraction > exponent; fraction--)
        value /= 10;
    *n = value;
    return true;
}

static bool odd_number(struct perch_cursor *c, uint64_t *ret)
{
    bool quoted;

    *ret = 0;
    if (!perch_cur_quirk(c, PERCH_QUIRK_NUMBER_FORM))
        return false;
    if (perch_cur_nil(c))
        return true;
    quoted = perch_cur_take(c, '"');
    if (perch_cur_take(c, '-')) {
        uint64_t ignored;

        if (!perch_num_scan(&c->p, c->end, UINT64_MAX, &ignored))
            return perch_cur_fail(c, "no number where one belongs");
    } else if (!(quoted && perch_cur_at(c, '"')) &&
               !perch_num_scan(&c->p, c->end, UINT64_MAX, ret)) {
        return perch_cur_fail(c, "no number where one belongs");
    }
    if (quoted && !perch_cur_expect(c, '"', "a quoted number that does not end"))
        return false;
    return perch_cur_token(c);
}

bool perch_cur_number(struct perch_cursor *c, uint64_t *ret)
{
    int next;

    if (!perch_is_digit(perch_cur_peek(c, 0)))
        return odd_number(c, ret);
    if (!perch_num_scan(&c->p, c->end, UINT64_MAX, ret))
        return perch_cur_fail(c, "a number that is too large");
    next = perch_cur_peek(c, 0);
    if ((next == '.' || (next | 0x20) == 'e') && !exponent_form(c, ret))
        return false;
    return perch_cur_token(c);
}

/* ---- one balanced value ---- */

/* Iterative: what an unknown item holds may be nested as deep as the limit says. */
bool perch_cur_skip(struct perch_cursor *c, struct perch_span *ret_raw)
{
    const char *from = c->p;
    uint32_t outside = c->depth;

    do {
        struct perch_span ignored;
        uint64_t size;
        bool streamed;
        int ch = perch_cur_peek(c, 0);

        if (ch == '(') {
            if (!perch_cur_open(c))
                return false;
        } else if (ch == ')' && c->depth > outside) {
            c->p++;
            c->depth--;
        } else if (ch == '"' || perch_cur_at_literal(c)) {
            if (!perch_cur_nstring_hole(c, &ignored, &size, &streamed))
                return false;
        } else if (c->depth > outside && (ch == ' ' || ch == '\t')) {
            c->p++;
        } else if (!perch_cur_word(c, PERCH_CH_WORD, "no value where one belongs", &ignored)) {
            return false;
        }
    } while (c->depth > outside);
    *ret_raw = (struct perch_span){from, (size_t)(c->p - from)};
    return !c->error;
}

/* ---- arrays ---- */

void *perch_vec_add(struct perch_cursor *c, struct perch_vec *v)
{
    uint8_t *at;

    if (v->n == v->cap) {
        void *more = perch_arena_array(c->arena, v->cap * 2, v->size);

        if (!more) {
            (void)perch_cur_fail_memory(c);
            return NULL;
        }
        memcpy(more, v->v, v->n * v->size);
        v->v = more;
        v->cap *= 2;
        v->in_arena = true;
    }
    at = (uint8_t *)v->v + v->n++ * v->size;
    return memset(at, 0, v->size);
}

void *perch_vec_take(struct perch_cursor *c, struct perch_vec *v, size_t *ret_n)
{
    void *to = v->v;

    *ret_n = 0;
    if (v->n == 0 || c->error)
        return NULL;
    if (!v->in_arena) {
        to = perch_arena_array(c->arena, v->n, v->size);
        if (!to) {
            (void)perch_cur_fail_memory(c);
            return NULL;
        }
        memcpy(to, v->v, v->n * v->size);
    }
    *ret_n = v->n;
    return to;
}
