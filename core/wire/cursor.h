/* Cursor: reads one complete unit token by token, without allocating for tokens.
 *
 * Every function returns whether it went well. The first failure is recorded in the
 * report and stays; what is odd but understood is a quirk, recorded there too and
 * refused when the caller is strict about it. Tokens and nesting are counted against the
 * limits, so that no parser above has to. */
#ifndef PERCH_WIRE_CURSOR_H
#define PERCH_WIRE_CURSOR_H

#include "wire/literal.h"
#include "wire/resp.h"

#include "base/span.h"

struct perch_cursor {
    const char *p, *end;           /* what is left; `end` stands before the last line end */
    const char *start;             /* of the unit: offsets in the report count from here */
    const char *tail;              /* behind the last line end */
    const char *opened;            /* behind the last "(" eaten by perch_cur_open */
    const struct perch_hole *hole; /* the next streamed literal, `holes` still to come */
    size_t holes;
    struct perch_arena *arena;
    const struct perch_limits *limits;
    struct perch_parse_report *report;
    uint32_t strict;
    uint32_t depth;  /* open parentheses */
    uint32_t tokens; /* read so far */
    bool utf8;
    struct perch_quotes quotes;
    bool refused; /* the first failure was a quirk that `strict` names */
    int error;    /* 0 or the code of the first failure */
};

/* ---- classes of bytes ---- */

enum {
    PERCH_CH_ATOM = 1 << 0, /* ATOM-CHAR */
    PERCH_CH_ASTR = 1 << 1, /* ASTRING-CHAR: "]" too */
    PERCH_CH_WORD = 1 << 2, /* what ends at a blank, parenthesis, quote or control */
    PERCH_CH_LIST = 1 << 3, /* list-char: wildcards too */
    PERCH_CH_SET = 1 << 4,  /* digits , : * */
    PERCH_CH_ITEM = 1 << 5  /* ATOM-CHAR but "[" and "<": the name of a FETCH item */
};

extern const uint8_t perch_char_class[256];

static inline bool perch_ch(int c, unsigned classes)
{
    return (perch_char_class[(uint8_t)c] & classes) != 0;
}

/* ---- failures and quirks ---- */

/* Both return false; the first of several failures counts. `why` is static. */
bool perch_cur_fail(struct perch_cursor *c, const char *why);
bool perch_cur_fail_limit(struct perch_cursor *c, const char *why);

/* Out of memory: returns false. */
bool perch_cur_fail_memory(struct perch_cursor *c);

/* Notes that the server did this at the cursor, or at `at`; false if it is refused. */
bool perch_cur_quirk(struct perch_cursor *c, enum perch_quirk quirk);
bool perch_cur_quirk_at(struct perch_cursor *c, enum perch_quirk quirk, const char *at);

/* ---- single bytes ---- */

/* The byte `ahead` of the cursor, -1 behind the end. */
static inline int perch_cur_peek(const struct perch_cursor *c, size_t ahead)
{
    return (size_t)(c->end - c->p) > ahead ? (uint8_t)c->p[ahead] : -1;
}

static inline bool perch_cur_at(const struct perch_cursor *c, char ch)
{
    return c->p < c->end && *c->p == ch;
}

/* Whether "{" or "~{" stands here. */
static inline bool perch_cur_at_literal(const struct perch_cursor *c)
{
    return perch_cur_at(c, '{') || (perch_cur_at(c, '~') && perch_cur_peek(c, 1) == '{');
}

static inline bool perch_cur_done(const struct perch_cursor *c)
{
    return c->p >= c->end;
}

/* Eats `ch` if it stands there. */
static inline bool perch_cur_take(struct perch_cursor *c, char ch)
{
    if (!perch_cur_at(c, ch))
        return false;
    c->p++;
    return true;
}

bool perch_cur_expect(struct perch_cursor *c, char ch, const char *why);

/* One blank. More, a tab, or none are a quirk. */
bool perch_cur_sp_slow(struct perch_cursor *c);
static inline bool perch_cur_sp(struct perch_cursor *c)
{
    if (c->end - c->p > 1 && c->p[0] == ' ' && c->p[1] > ' ') {
        c->p++;
        return true;
    }
    return perch_cur_sp_slow(c);
}

/* Eats blanks that should not be there. */
bool perch_cur_blanks(struct perch_cursor *c);

/* The end of the response, blanks before it being a quirk. */
bool perch_cur_end(struct perch_cursor *c);

/* ---- lists ---- */

bool perch_cur_open(struct perch_cursor *c);

/* Whether another element stands here; if not, the ")" is eaten. The tight form is for
 * lists whose elements have no blank between them (addresses, body parts). Returns false
 * on failure too: look at c->error once behind the loop.
 *
 *     if (!perch_cur_open(c))
 *         return false;
 *     while (perch_cur_more(c))
 *         ...one element, `break` on failure...
 *     return !c->error; */
bool perch_cur_more_slow(struct perch_cursor *c, bool tight);
static inline bool perch_cur_more(struct perch_cursor *c)
{
    if (c->end - c->p > 1 && !c->error) {
        char here = c->p[0], next = c->p[1];
        bool first = c->p == c->opened;

        if (here == ' ' && !first && next != ')' && (next > ' ' || (uint8_t)next >= 0x80)) {
            c->p++;
            return true;
        }
        if (first && here > ' ' && here != ')')
            return true;
    }
    return perch_cur_more_slow(c, false);
}
static inline bool perch_cur_more_tight(struct perch_cursor *c)
{
    if (!c->error && perch_cur_at(c, '('))
        return true;
    return perch_cur_more_slow(c, true);
}

/* The ")" of a list that is over. */
bool perch_cur_close(struct perch_cursor *c);

/* ---- tokens ---- */

/* Counts one token. */
bool perch_cur_token_slow(struct perch_cursor *c);
static inline bool perch_cur_token(struct perch_cursor *c)
{
    return ++c->tokens <= c->limits->tokens || perch_cur_token_slow(c);
}

/* The run of bytes of `classes`, which may be empty; counted when it is not. */
static inline struct perch_span perch_cur_run(struct perch_cursor *c, unsigned classes)
{
    const char *from = c->p, *end = c->end, *p = from;

    while (p < end && perch_ch(*p, classes))
        p++;
    c->p = p;
    return (struct perch_span){from, (size_t)(p - from)};
}

/* Whether the word is `text` (a literal), in any case: nearly always it is in upper case,
 * which the compiler compares in one or two instructions. */
#define PERCH_IS(word, text)                                                                       \
    ((word).n == sizeof(text) - 1 &&                                                               \
     (memcmp((word).p, "" text, sizeof(text) - 1) == 0 || perch_span_ieqs((word), (text))))

/* A non-empty run. */
bool perch_cur_word(struct perch_cursor *c, unsigned classes, const char *why,
                    struct perch_span *ret);

/* quoted or literal; astring; nstring (NIL gives p == NULL; an atom where a string
 * belongs is a quirk). */
bool perch_cur_string(struct perch_cursor *c, struct perch_span *ret);
bool perch_cur_astring(struct perch_cursor *c, struct perch_span *ret);
bool perch_cur_nstring(struct perch_cursor *c, struct perch_span *ret);

/* As nstring, but the value may be a literal that streamed past: then *ret_streamed is
 * set, *ret_size its octets and ret->p NULL. */
bool perch_cur_nstring_hole(struct perch_cursor *c, struct perch_span *ret, uint64_t *ret_size,
                            bool *ret_streamed);

/* Whether NIL stands here; it is eaten. */
bool perch_cur_nil_slow(struct perch_cursor *c);
static inline bool perch_cur_nil(struct perch_cursor *c)
{
    return c->end - c->p >= 3 && (c->p[0] | 0x20) == 'n' && perch_cur_nil_slow(c);
}

/* A number that must be one: digits, at least `min`, at most `max`. */
bool perch_cur_exact(struct perch_cursor *c, uint64_t min, uint64_t max, uint64_t *ret);

/* A count or size as servers write it: also negative (0), NIL (0), quoted or in exponent
 * form, each a quirk. */
bool perch_cur_number(struct perch_cursor *c, uint64_t *ret);

/* One balanced value of any kind, or as much as stands before a blank. */
bool perch_cur_skip(struct perch_cursor *c, struct perch_span *ret_raw);

/* ---- what many responses share ---- */

/* A sequence-set or uid-set. `lax`: stray commas and zeros are a quirk, not an error.
 * *ret_ascending (may be NULL): the ranges came in ascending order. */
bool perch_cur_set(struct perch_cursor *c, bool lax, struct perch_set *ret, bool *ret_ascending);

/* An astring as a mailbox name. */
bool perch_cur_mailbox(struct perch_cursor *c, struct perch_name *ret);
bool perch_cur_name(struct perch_cursor *c, struct perch_span raw, struct perch_name *ret);

/* "(" string ")", and "(" *string ")". */
bool perch_cur_one_string(struct perch_cursor *c, struct perch_span *ret);
bool perch_cur_strings(struct perch_cursor *c, const struct perch_span **ret, size_t *ret_n);

/* A parenthesised list of flags or attributes; `bit` names the known ones. */
bool perch_cur_flags(struct perch_cursor *c, uint32_t (*bit)(struct perch_span),
                     struct perch_names *ret);

/* The same for X-GM-LABELS, where strings are in order. */
bool perch_cur_labels(struct perch_cursor *c, struct perch_names *ret);

/* Words to the end of the response (CAPABILITY, ENABLED). */
bool perch_cur_words(struct perch_cursor *c, struct perch_names *ret);

/* ---- arrays whose length is not known before ---- */

/* Elements gather on the stack first and move to the arena when they are too many.
 *
 *     PERCH_VEC(v, struct perch_param, 8);
 *     struct perch_param *e = perch_vec_add(c, &v);     NULL: c->error is set
 *     ret->params = perch_vec_take(c, &v, &ret->nparams); */
struct perch_vec {
    void *v;
    size_t n, cap, size;
    bool in_arena;
};

#define PERCH_VEC(name, type, count)                                                               \
    type name##_first[count];                                                                      \
    struct perch_vec name = {name##_first, 0, count, sizeof(type), false}

void *perch_vec_add(struct perch_cursor *c, struct perch_vec *v); /* zeroed */
void *perch_vec_take(struct perch_cursor *c, struct perch_vec *v, size_t *ret_n);

/* Puts a vector of ranges in order and joins those that touch; sets the set. */
bool perch_vec_set(struct perch_cursor *c, struct perch_vec *ranges, struct perch_set *ret);

/* Puts `first..last` behind the ranges, joined to the last of them if they touch; returns
 * false when out of memory. *ascending is cleared when it does not come after the last. */
bool perch_vec_range(struct perch_cursor *c, struct perch_vec *ranges, uint32_t first,
                     uint32_t last, bool *ascending);

#endif
