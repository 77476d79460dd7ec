/* Values that many responses share: sets, mailbox names, flags, lists of words. */
#include "wire/cursor.h"
#include "wire/names.h"
#include "wire/seqset.h"

#include "perch/text.h"

#include "base/ascii.h"
#include "base/num.h"

/* ---- sets ---- */

bool perch_vec_range(struct perch_cursor *c, struct perch_vec *ranges, uint32_t first,
                     uint32_t last, bool *ascending)
{
    struct perch_range *top = ranges->n ? (struct perch_range *)ranges->v + ranges->n - 1 : NULL;

    if (top && first > top->last && first - top->last == 1) {
        top->last = last;
        return true;
    }
    if (top && first <= top->last)
        *ascending = false;
    top = perch_vec_add(c, ranges);
    if (!top)
        return false;
    *top = (struct perch_range){first, last};
    return true;
}

bool perch_vec_set(struct perch_cursor *c, struct perch_vec *ranges, struct perch_set *ret)
{
    ranges->n = perch_ranges_normalise(ranges->v, ranges->n);
    ret->r = perch_vec_take(c, ranges, &ret->n);
    ret->cap = 0;
    return !c->error;
}

/* One number of a set; 0 is an error unless lax, then it is left out. */
static bool set_number(struct perch_cursor *c, bool lax, uint32_t *ret)
{
    uint64_t n;

    if (!perch_is_digit(perch_cur_peek(c, 0)))
        return perch_cur_fail(c, "no number where a set has one");
    if (!perch_num_scan(&c->p, c->end, UINT32_MAX, &n))
        return perch_cur_fail(c, "a message number over 32 bits");
    if (n == 0 && (!lax || !perch_cur_quirk(c, PERCH_QUIRK_SET_FORM)))
        return perch_cur_fail(c, "a message number of 0");
    *ret = (uint32_t)n;
    return true;
}

static bool set_range(struct perch_cursor *c, bool lax, struct perch_vec *ranges, bool *ascending)
{
    uint32_t first, last;

    if (!set_number(c, lax, &first))
        return false;
    last = first;
    if (perch_cur_take(c, ':')) {
        if (!set_number(c, lax, &last))
            return false;
        if (last < first) {
            uint32_t swap = first;

            first = last;
            last = swap;
            *ascending = false;
        }
        if (first == 0 && last > 0)
            first = 1;
    }
    if (last == 0)
        return true;
    return perch_vec_range(c, ranges, first, last, ascending);
}

bool perch_cur_set(struct perch_cursor *c, bool lax, struct perch_set *ret, bool *ret_ascending)
{
    PERCH_VEC(ranges, struct perch_range, 16);
    bool ascending = true;

    if (!perch_cur_token(c))
        return false;
    for (;;) {
        if (lax && (perch_cur_at(c, ',') || !perch_ch(perch_cur_peek(c, 0), PERCH_CH_SET))) {
            if (!perch_cur_quirk(c, PERCH_QUIRK_SET_FORM))
                return false;
        } else if (!set_range(c, lax, &ranges, &ascending)) {
            return false;
        }
        if (ranges.n > c->limits->ranges)
            return perch_cur_fail_limit(c, "more ranges in a set than the limit");
        if (!perch_cur_take(c, ','))
            break;
    }
    if (ret_ascending)
        *ret_ascending = ascending;
    return perch_vec_set(c, &ranges, ret);
}

/* ---- mailbox names ---- */

static bool reads_as_is(const struct perch_cursor *c, struct perch_span raw)
{
    if (c->utf8)
        return perch_utf8_valid(raw.p, raw.n);
    for (size_t i = 0; i < raw.n; i++)
        if (raw.p[i] < 0x20 || raw.p[i] > 0x7e || raw.p[i] == '&') /* Exchange: a raw TAB */
            return false;
    return true;
}

bool perch_cur_name(struct perch_cursor *c, struct perch_span raw, struct perch_name *ret)
{
    char *utf8;
    size_t n;

    ret->raw = raw;
    if (memchr(raw.p, '\0', raw.n))
        return perch_cur_fail(c, "a NUL byte in a mailbox name");
    if (reads_as_is(c, raw)) {
        ret->utf8 = raw;
        ret->exact = true;
        return true;
    }
    if (perch_mutf7_decode(raw, &utf8, &n, &ret->exact) != 0)
        return perch_cur_fail_memory(c);
    if (c->utf8)
        ret->exact = false;
    ret->utf8 = (struct perch_span){utf8, n};
    if (memchr(utf8, '\0', n)) { /* "&AAA": no name for anybody to read */
        ret->utf8 = raw;
        ret->exact = false;
    } else if (perch_arena_dup(c->arena, ret->utf8, &ret->utf8) != 0) {
        (void)perch_cur_fail_memory(c);
    }
    perch_text_free(utf8);
    return !c->error;
}

bool perch_cur_mailbox(struct perch_cursor *c, struct perch_name *ret)
{
    struct perch_span raw;

    return perch_cur_astring(c, &raw) && perch_cur_name(c, raw, ret);
}

/* ---- flags ---- */

static bool add_name(struct perch_cursor *c, struct perch_vec *v, struct perch_span s)
{
    struct perch_span *e = perch_vec_add(c, v);

    if (!e)
        return false;
    *e = s;
    return true;
}

/* A keyword that is no atom: brackets in it, nothing behind its backslash. */
static bool odd_flag(struct perch_cursor *c, struct perch_span *ret)
{
    (void)perch_cur_run(c, PERCH_CH_WORD);
    ret->n = (size_t)(c->p - ret->p);
    if (ret->n == 0)
        return perch_cur_fail(c, "no flag where one belongs");
    if (!perch_span_eq(*ret, PERCH_SPAN("\\*")) &&
        !perch_cur_quirk_at(c, PERCH_QUIRK_FLAG_FORM, ret->p))
        return false;
    return perch_cur_token(c);
}

static bool flag(struct perch_cursor *c, bool strings, struct perch_span *ret)
{
    const char *from = c->p;

    if (perch_cur_at(c, '"') || perch_cur_at(c, '{'))
        return perch_cur_string(c, ret) &&
               (strings || perch_cur_quirk_at(c, PERCH_QUIRK_FLAG_FORM, from));
    (void)perch_cur_take(c, '\\');
    (void)perch_cur_run(c, PERCH_CH_ATOM);
    *ret = (struct perch_span){from, (size_t)(c->p - from)};
    if (ret->n > (*from == '\\') && (perch_cur_done(c) || !perch_ch(*c->p, PERCH_CH_WORD)))
        return perch_cur_token(c);
    return odd_flag(c, ret);
}

/* What a list of flags is made of. */
struct flag_list {
    uint32_t (*bit)(struct perch_span);
    bool strings; /* quoted ones are in order */
    struct perch_vec *v;
};

static bool add_flag(struct perch_cursor *c, const struct flag_list *list, struct perch_names *ret)
{
    struct perch_span s;

    if (!flag(c, list->strings, &s))
        return false;
    if (s.n == 2 && s.p[0] == '\\' && s.p[1] == '*') {
        ret->star = true;
        return true;
    }
    ret->bits |= list->bit(s);
    return add_name(c, list->v, s);
}

static bool flags(struct perch_cursor *c, const struct flag_list *list, struct perch_names *ret)
{
    *ret = (struct perch_names){0};
    if (perch_cur_at(c, '(')) {
        if (!perch_cur_open(c))
            return false;
        while (perch_cur_more(c))
            if (!add_flag(c, list, ret))
                break;
    } else if (perch_cur_done(c) || perch_cur_at(c, ')')) {
        return perch_cur_quirk(c, PERCH_QUIRK_NIL_FORM);
    } else if (perch_cur_nil(c)) {
        return perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 3);
    } else if (!perch_cur_quirk(c, PERCH_QUIRK_PARENS) || !add_flag(c, list, ret)) {
        return false;
    }
    ret->v = perch_vec_take(c, list->v, &ret->n);
    return !c->error;
}

bool perch_cur_flags(struct perch_cursor *c, uint32_t (*bit)(struct perch_span),
                     struct perch_names *ret)
{
    PERCH_VEC(v, struct perch_span, 16);

    return flags(c, &(struct flag_list){.bit = bit, .v = &v}, ret);
}

bool perch_cur_labels(struct perch_cursor *c, struct perch_names *ret)
{
    PERCH_VEC(v, struct perch_span, 16);

    return flags(c, &(struct flag_list){.bit = perch_attr_bit, .strings = true, .v = &v}, ret);
}

/* ---- strings and words in lists ---- */

bool perch_cur_one_string(struct perch_cursor *c, struct perch_span *ret)
{
    return perch_cur_open(c) && perch_cur_astring(c, ret) && perch_cur_close(c);
}

bool perch_cur_strings(struct perch_cursor *c, const struct perch_span **ret, size_t *ret_n)
{
    PERCH_VEC(v, struct perch_span, 8);

    if (!perch_cur_open(c))
        return false;
    while (perch_cur_more(c)) {
        struct perch_span *s = perch_vec_add(c, &v);

        if (!s || !perch_cur_astring(c, s))
            break;
    }
    *ret = perch_vec_take(c, &v, ret_n);
    return !c->error;
}

/* "LITERAL +": some servers put a blank into the name of this one capability. */
static bool split_literal_plus(const struct perch_vec *v, struct perch_span s)
{
    const struct perch_span *words = v->v;

    return s.n == 1 && *s.p == '+' && v->n > 0 && perch_span_ieqs(words[v->n - 1], "LITERAL");
}

bool perch_cur_words(struct perch_cursor *c, struct perch_names *ret)
{
    PERCH_VEC(v, struct perch_span, 48);

    *ret = (struct perch_names){0};
    while (!perch_cur_done(c)) {
        struct perch_span s;

        if (!perch_cur_sp(c))
            return false;
        if (perch_cur_done(c))
            break;
        if (!perch_cur_word(c, PERCH_CH_WORD, "no word where one belongs", &s))
            return false;
        if (split_literal_plus(&v, s)) {
            ((struct perch_span *)v.v)[v.n - 1] = PERCH_SPAN("LITERAL+");
            if (!perch_cur_quirk_at(c, PERCH_QUIRK_BLANKS, s.p))
                return false;
        } else if (!add_name(c, &v, s)) {
            return false;
        }
    }
    ret->v = perch_vec_take(c, &v, &ret->n);
    return !c->error;
}
