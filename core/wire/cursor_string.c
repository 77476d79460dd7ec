/* Strings: quoted, literal, and what servers write where a string belongs. */
#include "wire/cursor.h"

#include "base/ascii.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The first byte from `p` on that ends a plain run inside quotes: a quote, a backslash,
 * NUL or a line end. Quoted strings are most of what servers send in bulk, hence sixteen
 * bytes at a time. */
static const char *quoted_run(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), back = _mm_set1_epi8('\\'), nul = _mm_setzero_si128(),
                  cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n');

    for (; end - p >= 16; p += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(b, quote), _mm_cmpeq_epi8(b, back));
        int mask;

        hit = _mm_or_si128(hit, _mm_or_si128(_mm_cmpeq_epi8(b, cr), _mm_cmpeq_epi8(b, lf)));
        mask = _mm_movemask_epi8(_mm_or_si128(hit, _mm_cmpeq_epi8(b, nul)));
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && *p != '\r' && *p != '\n' && *p != '\0')
        p++;
    return p;
}

/* Checks the bytes of a quoted string and copies them to `to` without its escapes;
 * returns the length, or -1 after a failure. */
static ssize_t unescape(struct perch_cursor *c, const char *p, const char *close, char *to)
{
    size_t n = 0;

    while (p < close) {
        const char *at = quoted_run(p, close);

        memcpy(to + n, p, (size_t)(at - p));
        n += (size_t)(at - p);
        p = at;
        if (p == close)
            break;
        if (*p == '\0' || (*p == '\r' && p[1] != '\n')) {
            c->p = p;
            return perch_cur_fail(c, *p ? "a bare CR" : "a NUL byte"), -1;
        }
        if (*p == '\\' && p + 1 < close && (p[1] == '"' || p[1] == '\\'))
            p++;
        else if (!perch_cur_quirk_at(c, PERCH_QUIRK_QUOTING, p)) /* kept as it stands */
            return -1;
        to[n++] = *p++;
    }
    return (ssize_t)n;
}

/* A quoted string that is more than plain bytes between two quotes. */
static bool quoted_slow(struct perch_cursor *c, struct perch_span *ret)
{
    const char *from = c->p + 1;
    const char *close = perch_quoted_close(from, c->end, &c->quotes);
    char *to;
    ssize_t n;

    if (!close)
        return perch_cur_fail(c, "a quoted string that does not end");
    to = perch_arena_alloc(c->arena, (size_t)(close - from) + 1);
    if (!to)
        return perch_cur_fail_memory(c);
    n = unescape(c, from, close, to);
    if (n < 0)
        return false;
    c->p = close + 1;
    *ret = (struct perch_span){to, (size_t)n};
    return perch_cur_token(c);
}

/* Whether `p`, behind a quote, shows that it closed: the usual cases of
 * perch_quoted_close. */
static inline bool ends_quoted(const struct perch_cursor *c, const char *p)
{
    if (p == c->end || *p == ')')
        return true;
    if (*p != ' ' || !c->quotes.nstrings)
        return *p == ' ';
    return c->end - p > 1 && (p[1] == '"' || p[1] == '(' || p[1] == 'N');
}

static bool quoted(struct perch_cursor *c, struct perch_span *ret)
{
    const char *from = c->p + 1;
    const char *at = quoted_run(from, c->end);

    if (at < c->end && *at == '"' && ends_quoted(c, at + 1)) {
        *ret = (struct perch_span){from, (size_t)(at - from)};
        c->p = at + 1;
        return perch_cur_token(c);
    }
    return quoted_slow(c, ret);
}

/* ---- literals ---- */

static bool literal_head(struct perch_cursor *c, struct perch_literal_head *h)
{
    switch (perch_literal_read(c->p, c->tail, h)) {
    case PERCH_LITERAL_NONE:
        return perch_cur_fail(c, "a literal whose head is not the end of a line");
    case PERCH_LITERAL_NEGATIVE:
        return perch_cur_fail(c, "a literal of negative size");
    case PERCH_LITERAL_UNSIZED:
    case PERCH_LITERAL_HUGE:
        return perch_cur_fail(c, "a literal whose size cannot be known");
    case PERCH_LITERAL_OK:
        break;
    }
    if (h->oddities && !perch_cur_quirk(c, PERCH_QUIRK_LITERAL_FORM))
        return false;
    return !h->bare_lf || perch_cur_quirk(c, PERCH_QUIRK_BARE_LF);
}

static inline bool fits_behind_literal(const struct perch_cursor *c, size_t ahead)
{
    int ch = perch_cur_peek(c, ahead);

    return ch < 0 || ch == ' ' || ch == ')' || ch == ']' || ch == '(';
}

/* A count that was up to two bytes short leaves those bytes in front of the next token;
 * one that was too large has eaten the parenthesis behind the bytes. */
static bool mend_count(struct perch_cursor *c, struct perch_span *s)
{
    size_t off = 0;

    if (perch_cur_done(c) && c->depth > 0 && s->n > 0) {
        size_t n = s->n;

        while (n > 0 && (s->p[n - 1] == '\r' || s->p[n - 1] == '\n'))
            n--;
        if (n == 0 || s->p[n - 1] != ')')
            return true;
        s->n = n - 1;
        return perch_cur_quirk(c, PERCH_QUIRK_LITERAL_FORM);
    }
    while (off <= 2 && !fits_behind_literal(c, off))
        off++;
    if (off == 0 || off > 2)
        return true;
    if (!perch_cur_quirk(c, PERCH_QUIRK_LITERAL_FORM))
        return false;
    c->p += off;
    return true;
}

static bool literal(struct perch_cursor *c, struct perch_span *ret, uint64_t *ret_size,
                    bool *ret_streamed)
{
    struct perch_literal_head h;

    if (!literal_head(c, &h))
        return false;
    c->p += h.len;
    *ret_size = h.size;
    if (c->holes > 0 && c->hole->at == (size_t)(c->p - c->start)) {
        c->hole++;
        c->holes--;
        *ret = (struct perch_span){NULL, 0};
        *ret_streamed = true;
    } else {
        if (h.size > (uint64_t)(c->tail - c->p))
            return perch_cur_fail(c, "a literal longer than its response");
        *ret = (struct perch_span){c->p, (size_t)h.size};
        *ret_streamed = false;
        c->p += h.size;
        if (c->p > c->end) /* the response ends with its literal, without a line end */
            c->end = c->p;
    }
    return mend_count(c, ret) && perch_cur_token(c);
}

/* ---- the public forms ---- */

static bool whole_literal(struct perch_cursor *c, struct perch_span *ret)
{
    uint64_t size;
    bool streamed;

    if (!literal(c, ret, &size, &streamed))
        return false;
    return !streamed || perch_cur_fail(c, "a streamed body where a string belongs");
}

bool perch_cur_string(struct perch_cursor *c, struct perch_span *ret)
{
    if (perch_cur_at(c, '"'))
        return quoted(c, ret);
    if (perch_cur_at_literal(c))
        return whole_literal(c, ret);
    return perch_cur_fail(c, "no string where one belongs");
}

bool perch_cur_astring(struct perch_cursor *c, struct perch_span *ret)
{
    if (perch_cur_at(c, '"') || perch_cur_at_literal(c))
        return perch_cur_string(c, ret);
    if (!perch_cur_word(c, PERCH_CH_ASTR, "no string where one belongs", ret))
        return false;
    if (perch_cur_done(c) || !perch_ch(*c->p, PERCH_CH_WORD))
        return true;
    (void)perch_cur_run(c, PERCH_CH_WORD);
    ret->n = (size_t)(c->p - ret->p);
    return perch_cur_quirk_at(c, PERCH_QUIRK_NAME_FORM, ret->p);
}

bool perch_cur_nstring_hole(struct perch_cursor *c, struct perch_span *ret, uint64_t *ret_size,
                            bool *ret_streamed)
{
    *ret_streamed = false;
    if (perch_cur_at_literal(c))
        return literal(c, ret, ret_size, ret_streamed);
    if (!perch_cur_nstring(c, ret))
        return false;
    *ret_size = ret->n;
    return true;
}

bool perch_cur_nstring(struct perch_cursor *c, struct perch_span *ret)
{
    if (perch_cur_at(c, '"'))
        return quoted(c, ret);
    if (perch_cur_nil(c)) {
        *ret = (struct perch_span){NULL, 0};
        return true;
    }
    if (perch_cur_at_literal(c))
        return whole_literal(c, ret);
    if (c->error)
        return false;
    if (perch_cur_at(c, '(') && perch_cur_peek(c, 1) == ')') {
        c->p += 2;
        *ret = (struct perch_span){NULL, 0};
        return perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 2);
    }
    return perch_cur_word(c, PERCH_CH_WORD, "no string where one belongs", ret) &&
           perch_cur_quirk_at(c, PERCH_QUIRK_QUOTING, ret->p);
}
