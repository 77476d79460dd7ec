/* Sets as sorted, disjoint, non-touching ranges: every function walks ranges, none walks
 * numbers. Arithmetic never forms last + 1, which would wrap at UINT32_MAX; first - 1 is
 * safe because 0 is no message number.
 *
 * A set whose cap is 0 borrows its ranges: it is copied before the first change. */
#include "wire/seqset.h"

#include "perch/error.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/span.h"

#include <stdlib.h>
#include <string.h>

#define RANGES_DEFAULT 65536 /* what a set may hold when the caller of the parser does not say */

void perch_set_done(struct perch_set *s)
{
    if (s->cap > 0)
        perch_free(s->r);
    *s = (struct perch_set)PERCH_SET_INIT;
}

void perch_set_clear(struct perch_set *s)
{
    if (s->cap == 0)
        s->r = NULL;
    s->n = 0;
}

/* Room of our own for `n` ranges. */
static bool set_reserve(struct perch_set *s, size_t n)
{
    size_t cap = s->cap > 0 ? s->cap : 4;
    struct perch_range *r;

    if (n <= s->cap)
        return true;
    while (cap < n)
        cap *= 2;
    r = perch_reallocarray(s->cap > 0 ? s->r : NULL, cap, sizeof *r);
    if (!r)
        return false;
    if (s->cap == 0 && s->n > 0)
        memcpy(r, s->r, s->n * sizeof *r);
    s->r = r;
    s->cap = cap;
    return true;
}

/* The first range that ends at `number` or behind it. */
static size_t set_find(const struct perch_set *s, uint32_t number)
{
    size_t lo = 0, hi = s->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (s->r[mid].last < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool order_range(uint32_t *first, uint32_t *last)
{
    if (*first > *last) {
        uint32_t swap = *first;

        *first = *last;
        *last = swap;
    }
    return *first > 0;
}

/* Puts `fill` ranges (at most 2) in place of those from `at` to before `end`. The caller
 * made room. */
static void set_splice(struct perch_set *s, size_t at, size_t end, const struct perch_range *with,
                       size_t fill)
{
    memmove(s->r + at + fill, s->r + end, (s->n - end) * sizeof *s->r);
    if (fill > 0)
        memcpy(s->r + at, with, fill * sizeof *with);
    s->n -= end - at;
    s->n += fill;
}

int perch_set_add(struct perch_set *s, uint32_t first, uint32_t last)
{
    struct perch_range joined;
    size_t at, end;

    if (!order_range(&first, &last))
        return PERCH_EINVAL;
    if (!set_reserve(s, s->n + 1))
        return PERCH_ENOMEM;
    joined = (struct perch_range){first, last};
    if (s->n == 0 || s->r[s->n - 1].last < first - 1) { /* behind all: the usual case */
        s->r[s->n++] = joined;
        return PERCH_OK;
    }
    at = s->r[s->n - 1].first <= first ? s->n - 1 : set_find(s, first > 1 ? first - 1 : first);
    for (end = at; end < s->n && s->r[end].first - 1 <= last; end++) {
        if (s->r[end].first < joined.first)
            joined.first = s->r[end].first;
        if (s->r[end].last > joined.last)
            joined.last = s->r[end].last;
    }
    set_splice(s, at, end, &joined, 1);
    return PERCH_OK;
}

int perch_set_remove(struct perch_set *s, uint32_t first, uint32_t last)
{
    struct perch_range rest[2];
    size_t at, end, nrest = 0;

    if (!order_range(&first, &last))
        return PERCH_EINVAL;
    at = end = set_find(s, first);
    while (end < s->n && s->r[end].first <= last)
        end++;
    if (at == end)
        return PERCH_OK;
    if (!set_reserve(s, s->n + 1))
        return PERCH_ENOMEM;
    if (s->r[at].first < first)
        rest[nrest++] = (struct perch_range){s->r[at].first, first - 1};
    if (s->r[end - 1].last > last)
        rest[nrest++] = (struct perch_range){last + 1, s->r[end - 1].last};
    set_splice(s, at, end, rest, nrest);
    return PERCH_OK;
}

/* ---- two sets: a third is built in one walk over both and takes the place of the first ---- */

static int set_room_for_both(const struct perch_set *a, const struct perch_set *b,
                             struct perch_set *ret)
{
    *ret = (struct perch_set)PERCH_SET_INIT;
    return set_reserve(ret, a->n + b->n + 1) ? PERCH_OK : PERCH_ENOMEM;
}

/* Appends a range that starts at or behind the start of the last one. */
static void set_push(struct perch_set *s, struct perch_range r)
{
    struct perch_range *tail = s->n > 0 ? &s->r[s->n - 1] : NULL;

    if (!tail || tail->last < r.first - 1)
        s->r[s->n++] = r;
    else if (r.last > tail->last)
        tail->last = r.last;
}

static int set_become(struct perch_set *s, struct perch_set *built)
{
    perch_set_done(s);
    *s = *built;
    return PERCH_OK;
}

int perch_set_add_set(struct perch_set *s, const struct perch_set *other)
{
    struct perch_set out;
    size_t i = 0, k = 0;

    if (other->n <= 1)
        return other->n == 0 ? PERCH_OK : perch_set_add(s, other->r[0].first, other->r[0].last);
    if (set_room_for_both(s, other, &out))
        return PERCH_ENOMEM;
    while (i < s->n || k < other->n) {
        bool mine = k == other->n || (i < s->n && s->r[i].first <= other->r[k].first);

        set_push(&out, mine ? s->r[i++] : other->r[k++]);
    }
    return set_become(s, &out);
}

int perch_set_intersect(struct perch_set *s, const struct perch_set *other)
{
    struct perch_set out;
    size_t i = 0, k = 0;

    if (set_room_for_both(s, other, &out))
        return PERCH_ENOMEM;
    while (i < s->n && k < other->n) {
        struct perch_range a = s->r[i], b = other->r[k];
        struct perch_range both = {a.first > b.first ? a.first : b.first,
                                   a.last < b.last ? a.last : b.last};

        if (both.first <= both.last)
            out.r[out.n++] = both;
        if (a.last <= b.last)
            i++;
        if (b.last <= a.last)
            k++;
    }
    return set_become(s, &out);
}

int perch_set_remove_set(struct perch_set *s, const struct perch_set *other)
{
    struct perch_set out;
    size_t k = 0;

    if (set_room_for_both(s, other, &out))
        return PERCH_ENOMEM;
    for (size_t i = 0; i < s->n; i++) {
        struct perch_range left = s->r[i];

        while (k < other->n && other->r[k].last < left.first)
            k++;
        /* A range of `other` may reach into the next one of ours: k stays at it. */
        for (size_t at = k; left.first > 0 && at < other->n && other->r[at].first <= left.last;
             at++) {
            if (other->r[at].first > left.first)
                out.r[out.n++] = (struct perch_range){left.first, other->r[at].first - 1};
            left.first = other->r[at].last < left.last ? other->r[at].last + 1 : 0;
        }
        if (left.first > 0)
            out.r[out.n++] = left;
    }
    return set_become(s, &out);
}

int perch_set_copy(struct perch_set *to, const struct perch_set *from)
{
    struct perch_set out = PERCH_SET_INIT;

    if (to == from)
        return PERCH_OK;
    if (!set_reserve(&out, from->n))
        return PERCH_ENOMEM;
    if (from->n > 0)
        memcpy(out.r, from->r, from->n * sizeof *out.r);
    out.n = from->n;
    return set_become(to, &out);
}

/* ---- asking ---- */

bool perch_set_has(const struct perch_set *s, uint32_t number)
{
    size_t at = set_find(s, number);

    return at < s->n && s->r[at].first <= number;
}

bool perch_set_equal(const struct perch_set *a, const struct perch_set *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->r, b->r, a->n * sizeof *a->r) == 0);
}

static uint64_t range_count(struct perch_range r)
{
    return (uint64_t)r.last - r.first + 1;
}

uint64_t perch_set_count(const struct perch_set *s)
{
    uint64_t count = 0;

    for (size_t i = 0; i < s->n; i++)
        count += range_count(s->r[i]);
    return count;
}

uint32_t perch_set_at(const struct perch_set *s, uint64_t index)
{
    for (size_t i = 0; i < s->n; i++) {
        uint64_t count = range_count(s->r[i]);

        if (index < count)
            return s->r[i].first + (uint32_t)index;
        index -= count;
    }
    return 0;
}

/* ---- text ---- */

static int range_compare(const void *a, const void *b)
{
    const struct perch_range *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

size_t perch_ranges_normalise(struct perch_range *r, size_t n)
{
    struct perch_set s = {.r = r};
    bool ascending = true;

    for (size_t i = 1; i < n && ascending; i++)
        ascending = r[i - 1].first <= r[i].first;
    if (!ascending)
        qsort(r, n, sizeof *r, range_compare);
    for (size_t i = 0; i < n; i++)
        set_push(&s, r[i]); /* writes at or before i */
    return s.n;
}

/* One "n" or "n:m" at *p. */
static bool range_scan(const char **p, const char *end, struct perch_range *ret)
{
    uint64_t first, last;

    if (!perch_num_scan(p, end, UINT32_MAX, &first))
        return false;
    last = first;
    if (*p < end && **p == ':') {
        ++*p;
        if (!perch_num_scan(p, end, UINT32_MAX, &last))
            return false;
    }
    *ret = (struct perch_range){(uint32_t)first, (uint32_t)last};
    return order_range(&ret->first, &ret->last);
}

/* Ranges as they come; one that continues the last is joined at once, so that a list of
 * single ascending numbers takes no more room than what it means. */
static int set_collect(struct perch_set *s, struct perch_span text, size_t max_ranges)
{
    const char *p = text.p, *end = text.n > 0 ? text.p + text.n : text.p;

    for (;;) {
        struct perch_range r;

        if (!range_scan(&p, end, &r))
            return PERCH_EPROTO;
        if (s->n == 0 || r.first < s->r[s->n - 1].first || s->r[s->n - 1].last < r.first - 1) {
            if (s->n == max_ranges)
                return PERCH_ELIMIT;
            if (!set_reserve(s, s->n + 1))
                return PERCH_ENOMEM;
            s->r[s->n++] = r;
        } else {
            set_push(s, r);
        }
        if (p == end)
            return PERCH_OK;
        if (*p++ != ',')
            return PERCH_EPROTO;
    }
}

int perch_set_parse(struct perch_set *set, struct perch_span text, size_t max_ranges)
{
    struct perch_set out = PERCH_SET_INIT;
    int ret = set_collect(&out, text, max_ranges ? max_ranges : RANGES_DEFAULT);

    if (ret) {
        perch_set_done(&out);
        return ret;
    }
    out.n = perch_ranges_normalise(out.r, out.n);
    return set_become(set, &out);
}

unsigned perch_range_format(struct perch_range r, char out[PERCH_RANGE_TEXT])
{
    char digits[20];
    unsigned n = perch_num_format(r.first, digits), m;

    memcpy(out, digits, n);
    if (r.first == r.last)
        return n;
    out[n++] = ':';
    m = perch_num_format(r.last, digits);
    memcpy(out + n, digits, m);
    return n + m;
}

size_t perch_set_format(const struct perch_set *s, char *out, size_t cap)
{
    size_t len = 0;

    for (size_t i = 0; i < s->n; i++) {
        char text[1 + PERCH_RANGE_TEXT] = ",";
        size_t skip = i == 0, n = 1 + perch_range_format(s->r[i], text + 1) - skip;

        if (len < cap)
            memcpy(out + len, text + skip, n < cap - len ? n : cap - len);
        len += n;
    }
    if (cap > 0)
        out[len < cap ? len : cap - 1] = '\0';
    return len;
}
