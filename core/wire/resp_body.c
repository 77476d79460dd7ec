/* BODY and BODYSTRUCTURE (RFC 9051 7.5.2): recursive, its depth counted by the cursor.
 *
 * Servers leave out and mix up nearly every field of it somewhere, and one odd part must
 * not cost the row. So each field looks at what stands there before it takes it, and a
 * list that ends early leaves the rest NIL. */
#include "wire/rows.h"

#include "base/ascii.h"

static bool body(struct perch_cursor *c, const struct perch_body **ret);

/* Whether another field stands in the list. `*closed` is set once its ")" was eaten. */
static inline bool next_field(struct perch_cursor *c, bool *closed)
{
    if (*closed)
        return false;
    *closed = !perch_cur_more(c);
    return !*closed;
}

/* The fields up to the ")" that nobody asked for. */
static bool skip_rest(struct perch_cursor *c, bool *closed)
{
    struct perch_span ignored;

    while (next_field(c, closed))
        if (!perch_cur_skip(c, &ignored))
            return false;
    return !c->error;
}

static bool short_list(struct perch_cursor *c)
{
    return !c->error && perch_cur_quirk(c, PERCH_QUIRK_SHORT_LIST);
}

/* ---- parameters ---- */

/* Domino: ("CHARSET" ""utf-8""). The quotes inside are none of the value. */
static struct perch_span unquote(struct perch_span s)
{
    while (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        s = (struct perch_span){s.p + 1, s.n - 2};
    return s;
}

/* A value that is NIL (mail.ru, Exchange) or missing is the empty string. */
static bool one_param(struct perch_cursor *c, struct perch_param *ret, bool *closed)
{
    struct perch_span value;

    ret->value = PERCH_SPAN("");
    if (!perch_cur_nstring(c, &ret->name))
        return false;
    if (!next_field(c, closed))
        return short_list(c);
    if (!perch_cur_nstring(c, &value))
        return false;
    if (!value.p)
        return perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 1);
    ret->value = unquote(value);
    return true;
}

static bool params(struct perch_cursor *c, const struct perch_param **ret, size_t *ret_n)
{
    PERCH_VEC(v, struct perch_param, 8);
    bool closed = false;
    const char *from = c->p;

    if (perch_cur_nil(c))
        return true;
    if (!perch_cur_at(c, '(')) {
        struct perch_span ignored;

        return perch_cur_quirk(c, PERCH_QUIRK_SHORT_LIST) && perch_cur_nstring(c, &ignored);
    }
    if (!perch_cur_open(c))
        return false;
    while (next_field(c, &closed)) {
        struct perch_param *e = perch_vec_add(c, &v);

        if (!e || !one_param(c, e, &closed))
            return false;
    }
    *ret = perch_vec_take(c, &v, ret_n);
    if (*ret_n == 0 && !c->error)
        return perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, from);
    return !c->error;
}

/* ---- extension data ---- */

/* "(" string SP params ")" or NIL; also a bare string, a list without parameters, and
 * (NIL NIL). */
static bool disposition(struct perch_cursor *c, struct perch_body *b)
{
    bool closed = false;

    if (perch_cur_nil(c))
        return true;
    if (!perch_cur_at(c, '('))
        return perch_cur_quirk(c, PERCH_QUIRK_SHORT_LIST) && perch_cur_nstring(c, &b->disposition);
    if (!perch_cur_open(c))
        return false;
    if (!next_field(c, &closed))
        return !c->error && perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 1);
    if (!perch_cur_nstring(c, &b->disposition))
        return false;
    if (!b->disposition.p && !perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 1))
        return false;
    if (!next_field(c, &closed))
        return short_list(c);
    return params(c, &b->disposition_params, &b->ndisposition_params) && skip_rest(c, &closed);
}

/* A language tag, or several with commas (RFC 3066): what stands in its place otherwise
 * is a Content-Description that Exchange puts before it. */
static bool is_language(struct perch_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!perch_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != ',')
            return false;
    return true;
}

/* Disposition and language came in each other's place: a list with a list in it is a
 * disposition, and the bare word before it was the language. */
static bool swapped(struct perch_cursor *c, struct perch_body *b, struct perch_vec *languages,
                    bool *closed)
{
    struct perch_span *first = languages->v, word = *first;

    if (!perch_cur_quirk(c, PERCH_QUIRK_SHORT_LIST))
        return false;
    *first = b->disposition;
    languages->n = first->p ? 1 : 0;
    b->disposition = word;
    return params(c, &b->disposition_params, &b->ndisposition_params) && skip_rest(c, closed);
}

static bool language_list(struct perch_cursor *c, struct perch_body *b)
{
    PERCH_VEC(v, struct perch_span, 4);
    bool closed = false;
    const char *from = c->p;

    if (!perch_cur_open(c))
        return false;
    while (next_field(c, &closed)) {
        struct perch_span *e;

        if (perch_cur_at(c, '(') && v.n == 1) {
            if (!swapped(c, b, &v, &closed))
                return false;
            continue;
        }
        e = perch_vec_add(c, &v);
        if (!e || !perch_cur_nstring(c, e))
            return false;
        if (!e->p && (v.n--, !perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 1)))
            return false;
    }
    if (c->p - from == 2 && !perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, from))
        return false;
    b->languages = perch_vec_take(c, &v, &b->nlanguages);
    return !c->error;
}

static bool language(struct perch_cursor *c, struct perch_body *b, bool *closed)
{
    struct perch_span s, *one;

    if (perch_cur_at(c, '('))
        return language_list(c, b);
    if (!perch_cur_nstring(c, &s) || !s.p)
        return !c->error;
    if (!is_language(s)) {
        if (!perch_cur_quirk_at(c, PERCH_QUIRK_SHORT_LIST, c->p - 1))
            return false;
        return !next_field(c, closed) ? !c->error : language(c, b, closed);
    }
    one = perch_arena_alloc(c->arena, sizeof *one);
    if (!one)
        return perch_cur_fail_memory(c);
    *one = s;
    b->languages = one;
    b->nlanguages = 1;
    return true;
}

/* disposition, language, location and whatever future RFCs add. */
static bool extension_tail(struct perch_cursor *c, struct perch_body *b, bool *closed)
{
    if (*closed || !disposition(c, b))
        return !c->error;
    if (next_field(c, closed) && !language(c, b, closed))
        return false;
    if (next_field(c, closed)) {
        struct perch_span ignored;

        if (!(perch_cur_at(c, '(') ? perch_cur_skip(c, &ignored)
                                   : perch_cur_nstring(c, &b->location)))
            return false;
    }
    return skip_rest(c, closed);
}

/* The extension data of one part: md5 first; a list in its place is the disposition. */
static bool single_extension(struct perch_cursor *c, struct perch_body *b, bool *closed)
{
    b->extended = true;
    if (!perch_cur_at(c, '(')) {
        if (!perch_cur_nstring(c, &b->md5))
            return false;
        (void)next_field(c, closed);
    } else if (!short_list(c)) {
        return false;
    }
    return !c->error && extension_tail(c, b, closed);
}

/* ---- multipart ---- */

static bool is_multipart(struct perch_span subtype)
{
    static const char *const known[] = {"MIXED",  "ALTERNATIVE", "RELATED",  "DIGEST",   "REPORT",
                                        "SIGNED", "ENCRYPTED",   "PARALLEL", "FORM-DATA"};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (perch_span_ieqs(subtype, known[i]))
            return true;
    return false;
}

static bool has_boundary(const struct perch_body *b)
{
    for (size_t i = 0; i < b->nparams; i++)
        if (PERCH_IS(b->params[i].name, "BOUNDARY"))
            return true;
    return false;
}

static void set_multipart(struct perch_body *b, struct perch_span subtype)
{
    b->kind = PERCH_BODY_MULTIPART;
    b->type = PERCH_SPAN("MULTIPART");
    b->subtype = subtype;
}

/* Behind the subtype: parameters, then what a single part has too. */
static bool multipart_extension(struct perch_cursor *c, struct perch_body *b, bool *closed)
{
    if (!next_field(c, closed))
        return !c->error;
    b->extended = true;
    if (!params(c, &b->params, &b->nparams))
        return false;
    (void)next_field(c, closed);
    return !c->error && extension_tail(c, b, closed);
}

/* "()" where a part belongs. */
static bool empty_part(struct perch_cursor *c)
{
    if (perch_cur_peek(c, 0) != '(' || perch_cur_peek(c, 1) != ')')
        return false;
    if (!perch_cur_quirk(c, PERCH_QUIRK_NIL_FORM))
        return false;
    c->p += 2;
    return perch_cur_token(c);
}

static bool multipart(struct perch_cursor *c, struct perch_body *b)
{
    PERCH_VEC(v, const struct perch_body *, 8);
    struct perch_span subtype;
    bool closed = false;

    while (!c->error && perch_cur_at(c, '(')) {
        if (!empty_part(c)) {
            const struct perch_body **e = perch_vec_add(c, &v);

            if (!e || !body(c, e))
                return false;
        }
        if (perch_cur_at(c, ' ') && perch_cur_peek(c, 1) == '(') {
            if (!perch_cur_quirk(c, PERCH_QUIRK_BLANKS))
                return false;
            c->p++;
        }
    }
    b->parts = perch_vec_take(c, &v, &b->nparts);
    if (!next_field(c, &closed)) {
        set_multipart(b, PERCH_SPAN("MIXED"));
        return short_list(c);
    }
    if (!perch_cur_nstring(c, &subtype))
        return false;
    set_multipart(b, subtype.p ? subtype : PERCH_SPAN("MIXED"));
    return multipart_extension(c, b, &closed);
}

/* ---- single parts ---- */

/* id, description, encoding and size. A list among them is the extension data of a
 * multipart that was announced without its parts. */
static bool body_fields(struct perch_cursor *c, struct perch_body *b, bool *closed, bool *complete)
{
    struct perch_span *const text[] = {&b->id, &b->description, &b->encoding};

    *complete = false;
    for (size_t i = 0; i < 3; i++) {
        if (!next_field(c, closed))
            return !c->error;
        if (perch_cur_at(c, '(') && perch_cur_peek(c, 1) != ')') {
            b->extended = true;
            return short_list(c) && extension_tail(c, b, closed);
        }
        if (!perch_cur_nstring(c, text[i]))
            return false;
    }
    if (!next_field(c, closed))
        return !c->error;
    *complete = true;
    return perch_cur_number(c, &b->size);
}

static bool is_number(const struct perch_cursor *c)
{
    return perch_is_digit(perch_cur_peek(c, 0)) ||
           (perch_cur_at(c, '-') && perch_is_digit(perch_cur_peek(c, 1)));
}

/* The embedded message: envelope, body, lines. Gmail gives it as a basic part. */
static bool message(struct perch_cursor *c, struct perch_body *b, bool *closed)
{
    const struct perch_body **one = perch_arena_zalloc(c->arena, sizeof *one);

    if (!one)
        return perch_cur_fail_memory(c);
    b->kind = PERCH_BODY_MESSAGE;
    if (!perch_parse_envelope(c, &b->envelope))
        return false;
    if (!next_field(c, closed))
        return short_list(c);
    if (perch_cur_nil(c)) {
        if (!perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 3))
            return false;
    } else if (!empty_part(c)) {
        if (!body(c, one))
            return false;
        b->parts = one;
        b->nparts = 1;
    }
    if (!next_field(c, closed))
        return short_list(c);
    if (!is_number(c))
        return short_list(c);
    return perch_cur_number(c, &b->lines) && (next_field(c, closed) || !c->error);
}

/* What the type adds between size and extension data: lines of a text, the message in a
 * message. Some servers leave them out, others add lines to any part. */
static bool own_fields(struct perch_cursor *c, struct perch_body *b, bool *closed)
{
    if (perch_cur_at(c, '(') && PERCH_IS(b->type, "MESSAGE"))
        return (b->kind == PERCH_BODY_MESSAGE || short_list(c)) && message(c, b, closed);
    if (is_number(c))
        return (b->kind == PERCH_BODY_TEXT || short_list(c)) && perch_cur_number(c, &b->lines) &&
               (next_field(c, closed) || !c->error);
    if (b->kind == PERCH_BODY_BASIC)
        return true;
    if (!short_list(c))
        return false;
    if (b->kind == PERCH_BODY_TEXT && perch_cur_nil(c))
        (void)next_field(c, closed);
    return !c->error;
}

/* Behind the size. */
static bool type_fields(struct perch_cursor *c, struct perch_body *b, bool *closed)
{
    if (!next_field(c, closed))
        return !c->error && (b->kind == PERCH_BODY_BASIC || short_list(c));
    if (!own_fields(c, b, closed))
        return false;
    return *closed || single_extension(c, b, closed);
}

/* Parts that are nearly only NIL (Exchange) are bytes of no known type. */
static bool no_type(struct perch_cursor *c, struct perch_body *b)
{
    b->type = PERCH_SPAN("APPLICATION");
    if (!b->subtype.p)
        b->subtype = PERCH_SPAN("OCTET-STREAM");
    return perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 1);
}

/* "ALTERNATIVE" ("BOUNDARY" "x"): a subtype alone. Known ones, and those with a boundary,
 * are a multipart without parts (Gmail); others a type without subtype ("X-ZIP"). */
static bool params_for_subtype(struct perch_cursor *c, struct perch_body *b)
{
    if (!short_list(c) || !params(c, &b->params, &b->nparams))
        return false;
    if (is_multipart(b->type) || has_boundary(b))
        set_multipart(b, b->type.p ? b->type : PERCH_SPAN("MIXED"));
    return b->type.p || no_type(c, b);
}

/* Type, subtype and parameters, of which servers leave out any. */
static bool type_and_params(struct perch_cursor *c, struct perch_body *b, bool *closed)
{
    if (!perch_cur_nstring(c, &b->type))
        return false;
    if (!next_field(c, closed))
        return (b->type.p || no_type(c, b)) && short_list(c);
    if (perch_cur_at(c, '('))
        return params_for_subtype(c, b);
    if (!perch_cur_nstring(c, &b->subtype))
        return false;
    if (!b->type.p && is_multipart(b->subtype)) { /* Dovecot: NIL for its parts */
        set_multipart(b, b->subtype);
        if (!perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 1))
            return false;
    } else if (!b->type.p && !no_type(c, b)) {
        return false;
    }
    if (!next_field(c, closed))
        return short_list(c);
    return params(c, &b->params, &b->nparams);
}

static enum perch_body_kind kind_of(const struct perch_body *b)
{
    if (PERCH_IS(b->type, "TEXT"))
        return PERCH_BODY_TEXT;
    if (PERCH_IS(b->type, "MULTIPART"))
        return PERCH_BODY_MULTIPART;
    if (PERCH_IS(b->type, "MESSAGE") &&
        (PERCH_IS(b->subtype, "RFC822") || PERCH_IS(b->subtype, "GLOBAL")))
        return PERCH_BODY_MESSAGE;
    return PERCH_BODY_BASIC;
}

static bool single(struct perch_cursor *c, struct perch_body *b)
{
    bool closed = false, complete, announced;

    if (!type_and_params(c, b, &closed))
        return false;
    if (!b->subtype.p)
        b->subtype = PERCH_SPAN("");
    announced = b->kind != PERCH_BODY_MULTIPART; /* GMX: a multipart as a basic part */
    b->kind = kind_of(b);
    if (b->kind == PERCH_BODY_MULTIPART && announced) {
        set_multipart(b, b->subtype);
        if (!short_list(c))
            return false;
    }
    if (!body_fields(c, b, &closed, &complete))
        return false;
    if (b->kind == PERCH_BODY_MULTIPART)
        return skip_rest(c, &closed);
    if (!complete)
        return b->extended || short_list(c);
    return type_fields(c, b, &closed);
}

static bool body(struct perch_cursor *c, const struct perch_body **ret)
{
    struct perch_body *b = perch_arena_zalloc(c->arena, sizeof *b);

    if (!b)
        return perch_cur_fail_memory(c);
    *ret = b;
    if (!perch_cur_open(c))
        return false;
    if (perch_cur_at(c, '('))
        return multipart(c, b);
    return single(c, b);
}

bool perch_parse_body(struct perch_cursor *c, const struct perch_body **ret)
{
    *ret = NULL;
    if (perch_cur_nil(c))
        return perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 3);
    return empty_part(c) || (!c->error && body(c, ret));
}
