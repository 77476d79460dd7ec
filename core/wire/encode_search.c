/* Search criteria to text: one walk that asks whether a charset is needed, one that writes.
 *
 * Where the grammar wants a single key (behind OR, NOT, FUZZY) a node that writes more than
 * one key stands in parentheses; the top level is the one place where several stand free.
 * Literals need no care here: they are pieces of the encoder like all others. */
#include "wire/encode.h"

#include "base/ascii.h"
#include "base/mem.h"
#include "base/span.h"

#include <string.h>

#define DEPTH_MAX 64 /* lists in lists; servers stop earlier */

enum shape {
    SHAPE_LIST,
    SHAPE_NONE,
    SHAPE_TEXT,
    SHAPE_HEADER,
    SHAPE_LABEL,
    SHAPE_ATOM,
    SHAPE_DATE,
    SHAPE_NUMBER,
    SHAPE_MODSEQ,
    SHAPE_SET,
    SHAPE_RAW,
};

static const struct key {
    const char *text;
    enum shape shape;
    uint32_t need;
} keys[] = {[PERCH_SEARCH_NONE] = {NULL, SHAPE_NONE, 0},
#define PERCH_SEARCH_ROW(name, text, shape, need)                                                  \
    [PERCH_SEARCH_##name] = {text, SHAPE_##shape, PERCH_SEARCH_NEEDS_##need},
            PERCH_SEARCH_KEYS(PERCH_SEARCH_ROW)
#undef PERCH_SEARCH_ROW
};

static void write_node(struct perch_enc *e, const struct perch_search *s, unsigned depth);

static void refuse(struct perch_enc *e, const char *why)
{
    if (e->error)
        return;
    e->error = PERCH_ECRITERIA;
    e->why = why;
}

/* ---- what criteria hold ---- */

static const struct key *key_of(const struct perch_search *s)
{
    unsigned id = (unsigned)s->key;

    return id > 0 && id < PERCH_COUNT(keys) ? &keys[id] : NULL;
}

/* Whether `test` holds for any node. */
static bool any_node(const struct perch_search *s, unsigned depth,
                     bool (*test)(const struct perch_search *s, const struct key *key, void *user),
                     void *user)
{
    const struct key *key = key_of(s);

    if (!key)
        return false;
    if (test(s, key, user))
        return true;
    for (size_t i = 0; key->shape == SHAPE_LIST && i < s->nlist && depth < DEPTH_MAX; i++)
        if (any_node(&s->list[i], depth + 1, test, user))
            return true;
    return false;
}

static bool collect_need(const struct perch_search *s, const struct key *key, void *user)
{
    uint32_t *needs = user;

    *needs |= key->need | (s->fuzzy ? (uint32_t)PERCH_SEARCH_NEEDS_FUZZY : 0);
    return false;
}

uint32_t perch_search_needs(const struct perch_search *criteria)
{
    uint32_t needs = 0;

    (void)any_node(criteria, 0, collect_need, &needs);
    return needs;
}

const char *perch_search_need_name(enum perch_search_need one_bit)
{
    switch (one_bit) {
    case PERCH_SEARCH_NEEDS_BASE:
        return "";
#define PERCH_SEARCH_NEED_NAME(name, bit, capability)                                              \
    case PERCH_SEARCH_NEEDS_##name:                                                                \
        return capability;
        PERCH_SEARCH_NEEDS(PERCH_SEARCH_NEED_NAME)
#undef PERCH_SEARCH_NEED_NAME
    }
    return "";
}

static bool is_ascii(struct perch_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* A label is modified UTF-7 by the time it leaves: it asks for no charset. */
static bool has_8bit_text(const struct perch_search *s, const struct key *key, void *user)
{
    (void)user;
    return (key->shape == SHAPE_TEXT || key->shape == SHAPE_HEADER) && !is_ascii(s->text);
}

/* ---- writing ---- */

static void write_text(struct perch_enc *e, struct perch_span s)
{
    if (!perch_utf8_valid(s.p, s.n))
        refuse(e, "text that is not UTF-8");
    perch_enc_astring(e, s);
}

static void write_number(struct perch_enc *e, const struct perch_search *s)
{
    bool seconds = s->key == PERCH_SEARCH_OLDER || s->key == PERCH_SEARCH_YOUNGER;
    bool gmail_id = s->key == PERCH_SEARCH_GM_MSGID || s->key == PERCH_SEARCH_GM_THRID;

    if (seconds && (s->number == 0 || s->number > UINT32_MAX))
        refuse(e, "an interval that is 0 or over 32 bits");
    else if (!gmail_id && s->number > INT64_MAX)
        refuse(e, "a number over 63 bits");
    perch_enc_num(e, s->number);
}

/* RFC 7162 3.1.5: the entry and its type stand together or not at all. */
static void write_modseq(struct perch_enc *e, const struct perch_search *s)
{
    if (s->field.n > 0) {
        write_text(e, s->field);
        perch_enc_sp(e);
        perch_enc_atom(e, s->text);
        perch_enc_sp(e);
    }
    write_number(e, s);
}

static void write_header(struct perch_enc *e, const struct perch_search *s)
{
    if (s->field.n == 0 || !is_ascii(s->field))
        refuse(e, "a header field without a name");
    perch_enc_field(e, s->field);
    perch_enc_sp(e);
    write_text(e, s->text);
}

static void write_set(struct perch_enc *e, const struct perch_search *s)
{
    static const struct perch_set none = PERCH_SET_INIT;

    perch_enc_set(e, s->set ? s->set : &none);
}

static bool blank(struct perch_span s)
{
    return perch_span_trim(s).n == 0;
}

static void write_raw(struct perch_enc *e, const struct perch_search *s)
{
    if (blank(s->text))
        refuse(e, "no criteria");
    if (!is_ascii(s->text) && !(e->mode & PERCH_ENC_UTF8))
        refuse(e, "8-bit text in a raw criterion");
    perch_enc_raw(e, s->text);
}

/* Whether the node writes several keys side by side. A list of one is its element. */
static bool is_several(const struct perch_search *s)
{
    while (s->key == PERCH_SEARCH_AND && !s->fuzzy && s->nlist == 1)
        s = s->list;
    return !s->fuzzy && (s->key == PERCH_SEARCH_AND || s->key == PERCH_SEARCH_RAW);
}

/* As one key. */
static void write_one(struct perch_enc *e, const struct perch_search *s, unsigned depth)
{
    bool parens = is_several(s);

    if (parens)
        perch_enc_char(e, '(');
    write_node(e, s, depth);
    if (parens)
        perch_enc_char(e, ')');
}

/* OR takes two; halving keeps the server's recursion as deep as the logarithm. */
static void write_or(struct perch_enc *e, const struct perch_search *list, size_t n, unsigned depth)
{
    if (n == 1) {
        write_one(e, list, depth);
        return;
    }
    perch_enc_word(e, "OR ");
    write_or(e, list, n - n / 2, depth);
    perch_enc_sp(e);
    write_or(e, list + (n - n / 2), n / 2, depth);
}

static void write_and(struct perch_enc *e, const struct perch_search *list, size_t n,
                      unsigned depth)
{
    for (size_t i = 0; i < n && !e->error; i++) {
        if (i > 0)
            perch_enc_sp(e);
        if (n == 1)
            write_node(e, &list[i], depth);
        else
            write_one(e, &list[i], depth);
    }
}

static void write_list(struct perch_enc *e, const struct perch_search *s, unsigned depth)
{
    struct perch_search all = perch_search_list(PERCH_SEARCH_AND, s->list, s->nlist);

    if (s->nlist == 0)
        refuse(e, "no criteria");
    else if (depth >= DEPTH_MAX)
        refuse(e, "criteria nested too deep");
    if (e->error)
        return;
    if (s->key == PERCH_SEARCH_OR) {
        write_or(e, s->list, s->nlist, depth + 1);
    } else if (s->key == PERCH_SEARCH_NOT) {
        perch_enc_word(e, "NOT ");
        write_one(e, &all, depth);
    } else {
        write_and(e, s->list, s->nlist, depth + 1);
    }
}

static void write_argument(struct perch_enc *e, const struct perch_search *s, enum shape shape)
{
    switch (shape) {
    case SHAPE_LIST:
    case SHAPE_NONE:
        break; /* no argument */
    case SHAPE_TEXT:
        write_text(e, s->text);
        break;
    case SHAPE_HEADER:
        write_header(e, s);
        break;
    case SHAPE_LABEL:
        perch_enc_pattern(e, s->text);
        break;
    case SHAPE_ATOM:
        perch_enc_atom(e, s->text);
        break;
    case SHAPE_DATE:
        perch_enc_date(e, s->unix_s);
        break;
    case SHAPE_NUMBER:
        write_number(e, s);
        break;
    case SHAPE_MODSEQ:
        write_modseq(e, s);
        break;
    case SHAPE_SET:
        write_set(e, s);
        break;
    case SHAPE_RAW:
        write_raw(e, s);
        break;
    }
}

static void write_node(struct perch_enc *e, const struct perch_search *s, unsigned depth)
{
    const struct key *key = key_of(s);

    if (!key)
        refuse(e, "an unknown search key");
    if (e->error)
        return;
    if (s->fuzzy) {
        struct perch_search plain = *s;

        plain.fuzzy = false;
        perch_enc_word(e, "FUZZY ");
        write_one(e, &plain, depth);
        return;
    }
    if (key->shape == SHAPE_LIST) {
        write_list(e, s, depth);
        return;
    }
    perch_enc_word(e, key->text);
    if (*key->text && key->shape != SHAPE_NONE)
        perch_enc_sp(e);
    write_argument(e, s, key->shape);
}

void perch_enc_search_keys(struct perch_enc *e, const struct perch_search *criteria)
{
    if (e->error)
        return;
    write_node(e, criteria, 0);
    if (e->error == PERCH_EINVAL) /* a piece was refused: the criteria are what is wrong */
        e->error = PERCH_ECRITERIA;
}

void perch_enc_search(struct perch_enc *e, const struct perch_search *criteria)
{
    if (!(e->mode & PERCH_ENC_UTF8) && any_node(criteria, 0, has_8bit_text, NULL))
        perch_enc_word(e, "CHARSET UTF-8 ");
    perch_enc_search_keys(e, criteria);
}
