/* FETCH and UIDFETCH: one row per message, each item a name and a value.
 *
 * Items that this version does not know cost one balanced value. Items come in any order
 * and, from Xeams, behind the closing parenthesis too. */
#include "wire/names.h"
#include "wire/rows.h"

#include "perch/text.h"

#include "base/ascii.h"

/* What may come several times in one row. */
struct many {
    struct perch_vec *sections, *binary_sizes, *others;
};

/* ---- values ---- */

static bool uid(struct perch_cursor *c, struct perch_fetch *f)
{
    uint64_t n;

    if (!perch_cur_exact(c, 1, UINT32_MAX, &n))
        return false;
    f->uid = (uint32_t)n;
    f->have |= PERCH_ITEM_UID;
    return true;
}

/* "(" mod-sequence ")". Zoho's -1 and a 0 mean that there is none. */
static bool modseq(struct perch_cursor *c, struct perch_fetch *f)
{
    bool open = perch_cur_take(c, '(');

    if (!open && !perch_cur_quirk(c, PERCH_QUIRK_PARENS))
        return false;
    if (perch_is_digit(perch_cur_peek(c, 0))) {
        if (!perch_cur_exact(c, 0, INT64_MAX, &f->modseq))
            return false;
    } else if (!perch_cur_number(c, &f->modseq)) {
        return false;
    }
    if (open && !perch_cur_expect(c, ')', "MODSEQ that does not end"))
        return false;
    if (f->modseq == 0)
        return perch_cur_quirk_at(c, PERCH_QUIRK_NUMBER_FORM, c->p - 1);
    f->have |= PERCH_ITEM_MODSEQ;
    return true;
}

static bool date(struct perch_cursor *c, struct perch_span *raw, struct perch_time *time)
{
    const char *from = c->p;

    if (!perch_cur_nstring(c, raw))
        return false;
    if (!raw->p)
        return true;
    *time = perch_internaldate_parse(*raw);
    return time->valid || perch_cur_quirk_at(c, PERCH_QUIRK_DATE_FORM, from);
}

/* OBJECTID: "(" objectid ")", THREADID also NIL. */
static bool object_id(struct perch_cursor *c, struct perch_span *ret)
{
    if (perch_cur_nil(c)) {
        *ret = (struct perch_span){NULL, 0};
        return true;
    }
    if (perch_cur_at(c, '('))
        return perch_cur_one_string(c, ret);
    return perch_cur_quirk(c, PERCH_QUIRK_PARENS) && perch_cur_astring(c, ret);
}

/* ---- BODY[...], BINARY[...] ---- */

/* The bytes from "[" to its "]". A "]" inside the parentheses of a header list, a string
 * or a literal is a byte like others. */
static bool brackets(struct perch_cursor *c, struct perch_span *ret)
{
    const char *from = ++c->p;
    uint32_t depth = 0;

    for (;;) {
        struct perch_span ignored;

        switch (perch_cur_peek(c, 0)) {
        case -1:
            return perch_cur_fail(c, "a section that does not end");
        case '"':
        case '{':
            if (!perch_cur_string(c, &ignored))
                return false;
            continue;
        case '(':
            depth++;
            break;
        case ')':
            depth -= depth > 0;
            break;
        case ']':
            if (depth > 0)
                break;
            *ret = (struct perch_span){from, (size_t)(c->p - from)};
            c->p++;
            return perch_cur_token(c);
        default:
            break;
        }
        c->p++;
    }
}

/* "<" origin ">"; some servers echo the request's "<0.1024>". */
static bool origin(struct perch_cursor *c, struct perch_section *s)
{
    uint64_t count;

    if (!perch_cur_take(c, '<'))
        return true;
    s->partial = true;
    if (!perch_cur_exact(c, 0, UINT64_MAX, &s->origin))
        return false;
    if (perch_cur_take(c, '.') && (!perch_cur_quirk(c, PERCH_QUIRK_NUMBER_FORM) ||
                                   !perch_cur_exact(c, 0, UINT64_MAX, &count)))
        return false;
    return perch_cur_expect(c, '>', "an origin that does not end");
}

static bool value_follows(const struct perch_cursor *c)
{
    int ch = perch_cur_peek(c, 0);

    return ch == '"' || ch == '{' || ch == '~' ||
           perch_span_istarts((struct perch_span){c->p, (size_t)(c->end - c->p)}, "NIL");
}

/* The value of a section; Yandex leaves it out when there is nothing. */
static bool section_value(struct perch_cursor *c, struct perch_section *s)
{
    const char *from = c->p;

    if (!perch_cur_done(c) && !perch_cur_at(c, ')')) {
        if (!perch_cur_sp(c))
            return false;
        if (value_follows(c))
            return perch_cur_nstring_hole(c, &s->data, &s->size, &s->streamed);
        c->p = from;
    }
    return perch_cur_quirk(c, PERCH_QUIRK_NIL_FORM);
}

static bool add_section(struct perch_cursor *c, struct perch_fetch *f, struct many *many,
                        const struct perch_section *s)
{
    struct perch_section *e = perch_vec_add(c, many->sections);

    if (!e)
        return false;
    *e = *s;
    f->have |= PERCH_ITEM_SECTIONS;
    return true;
}

/* BODY[...] or BINARY[...] from its "[" on; `name` is what stands before it. */
static bool section(struct perch_cursor *c, struct perch_fetch *f, struct many *many,
                    struct perch_span name, bool binary)
{
    struct perch_section s = {.binary = binary};

    if (!brackets(c, &s.section) || !origin(c, &s))
        return false;
    s.item = (struct perch_span){name.p, (size_t)(c->p - name.p)};
    return section_value(c, &s) && add_section(c, f, many, &s);
}

/* RFC822, RFC822.HEADER, RFC822.TEXT: BODY[...] by older names. */
static bool rfc822(struct perch_cursor *c, struct perch_fetch *f, struct many *many,
                   struct perch_span name, struct perch_span as)
{
    struct perch_section s = {.item = name, .section = as};

    return section_value(c, &s) && add_section(c, f, many, &s);
}

static bool binary_size(struct perch_cursor *c, struct perch_fetch *f, struct many *many)
{
    struct perch_binary_size *e = perch_vec_add(c, many->binary_sizes);

    if (!e || !brackets(c, &e->section) || !perch_cur_sp(c) || !perch_cur_number(c, &e->size))
        return false;
    f->have |= PERCH_ITEM_BINARY_SIZES;
    return true;
}

static bool other(struct perch_cursor *c, struct many *many, struct perch_span name)
{
    struct perch_span section;
    struct perch_other_item *e = perch_vec_add(c, many->others);

    if (!e)
        return false;
    if (perch_cur_at(c, '[') && !brackets(c, &section))
        return false;
    e->name = (struct perch_span){name.p, (size_t)(c->p - name.p)};
    return perch_cur_sp(c) && perch_cur_skip(c, &e->value);
}

/* ---- items ---- */

enum item {
    ITEM_OTHER,
    ITEM_UID,
    ITEM_FLAGS,
    ITEM_MODSEQ,
    ITEM_INTERNALDATE,
    ITEM_SIZE,
    ITEM_ENVELOPE,
    ITEM_BODY,
    ITEM_BODYSTRUCTURE,
    ITEM_EMAILID,
    ITEM_THREADID,
    ITEM_SAVEDATE,
    ITEM_PREVIEW,
    ITEM_GM_MSGID,
    ITEM_GM_THRID,
    ITEM_GM_LABELS,
    ITEM_RFC822,
    ITEM_RFC822_HEADER,
    ITEM_RFC822_TEXT,
    ITEM_BINARY,
    ITEM_BINARY_SIZE
};

#define WORD(n, first) ((size_t)(n) << 8 | (first))

/* The item if the name is `text`. */
#define ITEM_IF(text, id) (PERCH_IS(s, text) ? (id) : ITEM_OTHER)

/* Length and first letter tell nearly all of them apart; one comparison confirms. */
static enum item item_of(struct perch_span s)
{
    switch (WORD(s.n, s.n ? (size_t)perch_upper(s.p[0]) : 0)) {
    case WORD(3, 'U'):
        return ITEM_IF("UID", ITEM_UID);
    case WORD(4, 'B'):
        return ITEM_IF("BODY", ITEM_BODY);
    case WORD(5, 'F'):
        return ITEM_IF("FLAGS", ITEM_FLAGS);
    case WORD(6, 'B'):
        return ITEM_IF("BINARY", ITEM_BINARY);
    case WORD(6, 'M'):
        return ITEM_IF("MODSEQ", ITEM_MODSEQ);
    case WORD(6, 'R'):
        return ITEM_IF("RFC822", ITEM_RFC822);
    case WORD(7, 'E'):
        return ITEM_IF("EMAILID", ITEM_EMAILID);
    case WORD(7, 'P'):
        return ITEM_IF("PREVIEW", ITEM_PREVIEW);
    case WORD(8, 'E'):
        return ITEM_IF("ENVELOPE", ITEM_ENVELOPE);
    case WORD(8, 'S'):
        return ITEM_IF("SAVEDATE", ITEM_SAVEDATE);
    case WORD(8, 'T'):
        return ITEM_IF("THREADID", ITEM_THREADID);
    case WORD(10, 'X'):
        return PERCH_IS(s, "X-GM-MSGID") ? ITEM_GM_MSGID : ITEM_IF("X-GM-THRID", ITEM_GM_THRID);
    case WORD(11, 'B'):
        return ITEM_IF("BINARY.SIZE", ITEM_BINARY_SIZE);
    case WORD(11, 'R'):
        return PERCH_IS(s, "RFC822.SIZE") ? ITEM_SIZE : ITEM_IF("RFC822.TEXT", ITEM_RFC822_TEXT);
    case WORD(11, 'X'):
        return ITEM_IF("X-GM-LABELS", ITEM_GM_LABELS);
    case WORD(12, 'I'):
        return ITEM_IF("INTERNALDATE", ITEM_INTERNALDATE);
    case WORD(13, 'B'):
        return ITEM_IF("BODYSTRUCTURE", ITEM_BODYSTRUCTURE);
    case WORD(13, 'R'):
        return ITEM_IF("RFC822.HEADER", ITEM_RFC822_HEADER);
    default:
        return ITEM_OTHER;
    }
}

static bool number(struct perch_cursor *c, struct perch_fetch *f, enum perch_fetch_item have,
                   uint64_t *ret)
{
    f->have |= (uint32_t)have;
    return perch_cur_number(c, ret);
}

/* BODYSTRUCTURE says more than BODY, whichever comes first. */
static bool body(struct perch_cursor *c, struct perch_fetch *f, enum perch_fetch_item have)
{
    const struct perch_body *b;

    if (!perch_parse_body(c, &b))
        return false;
    if (have == PERCH_ITEM_BODYSTRUCTURE || !(f->have & PERCH_ITEM_BODYSTRUCTURE))
        f->body = b;
    f->have |= (uint32_t)have;
    return true;
}

/* An item whose value stands behind one blank. */
static bool simple_item(struct perch_cursor *c, struct perch_fetch *f, enum item item)
{
    if (!perch_cur_sp(c))
        return false;
    switch (item) {
    case ITEM_UID:
        return uid(c, f);
    case ITEM_FLAGS:
        f->have |= PERCH_ITEM_FLAGS;
        return perch_cur_flags(c, perch_flag_bit, &f->flags);
    case ITEM_MODSEQ:
        return modseq(c, f);
    case ITEM_INTERNALDATE:
        f->have |= PERCH_ITEM_INTERNALDATE;
        return date(c, &f->internaldate, &f->internal_time);
    case ITEM_SIZE:
        return number(c, f, PERCH_ITEM_SIZE, &f->size);
    case ITEM_ENVELOPE:
        f->have |= PERCH_ITEM_ENVELOPE;
        return perch_parse_envelope(c, &f->envelope);
    case ITEM_BODY:
        return body(c, f, PERCH_ITEM_BODY);
    case ITEM_BODYSTRUCTURE:
        return body(c, f, PERCH_ITEM_BODYSTRUCTURE);
    case ITEM_EMAILID:
        f->have |= PERCH_ITEM_EMAILID;
        return object_id(c, &f->emailid);
    case ITEM_THREADID:
        f->have |= PERCH_ITEM_THREADID;
        return object_id(c, &f->threadid);
    case ITEM_SAVEDATE:
        f->have |= PERCH_ITEM_SAVEDATE;
        return date(c, &f->savedate, &f->save_time);
    case ITEM_PREVIEW:
        f->have |= PERCH_ITEM_PREVIEW;
        return perch_cur_nstring(c, &f->preview);
    case ITEM_GM_MSGID:
        return number(c, f, PERCH_ITEM_GM_MSGID, &f->gm_msgid);
    case ITEM_GM_THRID:
        return number(c, f, PERCH_ITEM_GM_THRID, &f->gm_thrid);
    case ITEM_GM_LABELS:
        f->have |= PERCH_ITEM_GM_LABELS;
        return perch_cur_labels(c, &f->gm_labels);
    case ITEM_OTHER:
    case ITEM_RFC822:
    case ITEM_RFC822_HEADER:
    case ITEM_RFC822_TEXT:
    case ITEM_BINARY:
    case ITEM_BINARY_SIZE:
        break;
    }
    return perch_cur_fail(c, "no FETCH item");
}

static bool fetch_item(struct perch_cursor *c, struct perch_fetch *f, struct many *many)
{
    struct perch_span name = perch_cur_run(c, PERCH_CH_ITEM);
    enum item item = item_of(name);
    bool section_here = perch_cur_at(c, '[');

    if (name.n == 0)
        return perch_cur_fail(c, "no FETCH item where one belongs");
    if (!perch_cur_token(c))
        return false;
    if (item == ITEM_RFC822)
        return rfc822(c, f, many, name, PERCH_SPAN(""));
    if (item == ITEM_RFC822_HEADER)
        return rfc822(c, f, many, name, PERCH_SPAN("HEADER"));
    if (item == ITEM_RFC822_TEXT)
        return rfc822(c, f, many, name, PERCH_SPAN("TEXT"));
    if (section_here && (item == ITEM_BODY || item == ITEM_BINARY))
        return section(c, f, many, name, item == ITEM_BINARY);
    if (section_here && item == ITEM_BINARY_SIZE)
        return binary_size(c, f, many);
    if (section_here || item == ITEM_OTHER || item == ITEM_BINARY || item == ITEM_BINARY_SIZE)
        return other(c, many, name);
    return simple_item(c, f, item);
}

/* Items without the parentheses that belong around them, or behind them. */
static bool loose_items(struct perch_cursor *c, struct perch_fetch *f, struct many *many)
{
    if (!perch_cur_quirk(c, PERCH_QUIRK_PARENS))
        return false;
    while (!perch_cur_done(c)) {
        if (perch_cur_take(c, ')'))
            continue;
        if (perch_cur_at(c, ' ') && !perch_cur_sp(c))
            return false;
        if (!perch_cur_done(c) && !fetch_item(c, f, many))
            return false;
    }
    return true;
}

static bool fetch_items(struct perch_cursor *c, struct perch_fetch *f, struct many *many)
{
    if (perch_cur_at(c, '(')) {
        if (!perch_cur_open(c))
            return false;
        while (perch_cur_more(c))
            if (!fetch_item(c, f, many))
                return false;
    }
    if (c->error || perch_cur_done(c))
        return !c->error;
    return (perch_cur_at(c, ' ') && c->end - c->p == 1) || loose_items(c, f, many);
}

bool perch_row_fetch(struct perch_cursor *c, struct perch_resp *r)
{
    PERCH_VEC(sections, struct perch_section, 4);
    PERCH_VEC(binary_sizes, struct perch_binary_size, 4);
    PERCH_VEC(others, struct perch_other_item, 4);
    struct many many = {&sections, &binary_sizes, &others};
    struct perch_fetch *f = &r->u.fetch;

    if (r->type == PERCH_RESP_UIDFETCH) {
        f->uid = (uint32_t)r->number;
        f->have = f->uid ? PERCH_ITEM_UID : 0;
    } else {
        f->seq = (uint32_t)r->number;
    }
    if (perch_cur_done(c)) /* Courier: "* 0 FETCH" */
        return perch_cur_quirk(c, PERCH_QUIRK_PARENS);
    if (!perch_cur_sp(c) || !fetch_items(c, f, &many))
        return false;
    f->sections = perch_vec_take(c, &sections, &f->nsections);
    f->binary_sizes = perch_vec_take(c, &binary_sizes, &f->nbinary_sizes);
    f->others = perch_vec_take(c, &others, &f->nothers);
    return !c->error;
}
