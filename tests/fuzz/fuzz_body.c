/* ENVELOPE and BODYSTRUCTURE. The input stands between "* 1 FETCH (BODYSTRUCTURE " (or
 * ENVELOPE, by its first byte) and ")".
 *  - no structure is nested deeper than the limit;
 *  - what was understood, written again as the RFC has it, is understood alike. */
#include "fuzz.h"

#include "wire/resp.h"

#include "base/mem.h"
#include "base/span.h"

#include "support/show.h"

static const struct perch_limits limits = {
    .size = sizeof limits,
    .line = 65536,
    .literal = 65536,
    .body = 65536,
    .inline_literal = 65536,
    .response = 65536,
    .depth = 20,
    .tokens = 4000,
    .ranges = 16,
};

static int parse(struct perch_buf *line, struct perch_arena *arena, struct perch_resp *ret)
{
    struct perch_unit unit = {perch_buf_span(line), NULL, 0};
    struct perch_parse_options options = {&limits, 0, false};
    struct perch_parse_report report;

    perch_arena_init(arena, 0);
    return perch_resp_parse(unit, &options, arena, ret, &report);
}

/* ---- writing ---- */

static void string(struct perch_buf *o, struct perch_span s)
{
    if (!s.p) {
        perch_buf_adds(o, "NIL");
        return;
    }
    perch_buf_addf(o, "{%zu}\r\n", s.n);
    perch_buf_addspan(o, s);
}

static void params(struct perch_buf *o, const struct perch_param *p, size_t n)
{
    if (n == 0) {
        perch_buf_adds(o, "NIL");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        perch_buf_addc(o, i ? ' ' : '(');
        string(o, p[i].name);
        perch_buf_addc(o, ' ');
        string(o, p[i].value);
    }
    perch_buf_addc(o, ')');
}

static void addresses(struct perch_buf *o, const struct perch_addresses *a)
{
    if (a->n == 0) {
        perch_buf_adds(o, " NIL");
        return;
    }
    perch_buf_adds(o, " (");
    for (size_t i = 0; i < a->n; i++) {
        const struct perch_span part[] = {a->v[i].name, a->v[i].adl, a->v[i].mailbox, a->v[i].host};

        for (size_t k = 0; k < 4; k++) {
            perch_buf_addc(o, k ? ' ' : '(');
            string(o, part[k]);
        }
        perch_buf_addc(o, ')');
    }
    perch_buf_addc(o, ')');
}

static void envelope(struct perch_buf *o, const struct perch_envelope *e)
{
    perch_buf_addc(o, '(');
    string(o, e->date);
    perch_buf_addc(o, ' ');
    string(o, e->subject);
    addresses(o, &e->from);
    addresses(o, &e->sender);
    addresses(o, &e->reply_to);
    addresses(o, &e->to);
    addresses(o, &e->cc);
    addresses(o, &e->bcc);
    perch_buf_addc(o, ' ');
    string(o, e->in_reply_to);
    perch_buf_addc(o, ' ');
    string(o, e->message_id);
    perch_buf_addc(o, ')');
}

static void extension(struct perch_buf *o, const struct perch_body *b)
{
    if (b->disposition.p || b->ndisposition_params) {
        perch_buf_adds(o, " (");
        string(o, b->disposition);
        perch_buf_addc(o, ' ');
        params(o, b->disposition_params, b->ndisposition_params);
        perch_buf_addc(o, ')');
    } else {
        perch_buf_adds(o, " NIL");
    }
    perch_buf_adds(o, b->nlanguages ? " (" : " NIL");
    for (size_t i = 0; i < b->nlanguages; i++) {
        perch_buf_adds(o, i ? " " : "");
        string(o, b->languages[i]);
    }
    perch_buf_adds(o, b->nlanguages ? ") " : " ");
    string(o, b->location);
}

static void body(struct perch_buf *o, const struct perch_body *b);

static void single(struct perch_buf *o, const struct perch_body *b)
{
    string(o, b->type);
    perch_buf_addc(o, ' ');
    string(o, b->subtype);
    perch_buf_addc(o, ' ');
    params(o, b->params, b->nparams);
    perch_buf_addc(o, ' ');
    string(o, b->id);
    perch_buf_addc(o, ' ');
    string(o, b->description);
    perch_buf_addc(o, ' ');
    string(o, b->encoding);
    perch_buf_addf(o, " %llu", (unsigned long long)b->size);
    if (b->envelope) {
        perch_buf_addc(o, ' ');
        envelope(o, b->envelope);
        perch_buf_addc(o, ' ');
        if (b->nparts)
            body(o, b->parts[0]);
        else
            perch_buf_adds(o, "NIL");
    }
    if (b->envelope || b->kind != PERCH_BODY_BASIC || b->lines)
        perch_buf_addf(o, " %llu", (unsigned long long)b->lines);
    if (b->extended) {
        perch_buf_addc(o, ' ');
        string(o, b->md5);
        extension(o, b);
    }
}

static void body(struct perch_buf *o, const struct perch_body *b)
{
    perch_buf_addc(o, '(');
    if (b->kind == PERCH_BODY_MULTIPART) {
        for (size_t i = 0; i < b->nparts; i++)
            body(o, b->parts[i]);
        perch_buf_addc(o, ' ');
        string(o, b->subtype);
        if (b->extended) {
            perch_buf_addc(o, ' ');
            params(o, b->params, b->nparams);
            extension(o, b);
        }
    } else {
        single(o, b);
    }
    perch_buf_addc(o, ')');
}

/* Forms that only odd servers have, and that the RFC has no way to write. */
static bool has_no_other_form(const struct perch_body *b)
{
    bool multipart = b->kind == PERCH_BODY_MULTIPART;

    if (multipart && (b->nparts == 0 || b->size || b->encoding.p || b->id.p || b->description.p ||
                      b->md5.p || (b->nparams && !b->extended)))
        return true;
    if (b->kind == PERCH_BODY_MESSAGE && !b->envelope)
        return true;
    for (size_t i = 0; i < b->nparts; i++)
        if (has_no_other_form(b->parts[i]))
            return true;
    return false;
}

static uint32_t depth_of(const struct perch_body *b)
{
    uint32_t deepest = 0;

    for (size_t i = 0; i < b->nparts; i++) {
        uint32_t depth = depth_of(b->parts[i]);

        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

/* ---- there and back ---- */

static void check_again(const struct perch_resp *first)
{
    struct perch_buf line = PERCH_BUF_INIT, a = PERCH_BUF_INIT, b = PERCH_BUF_INIT;
    struct perch_arena arena;
    struct perch_resp again;

    if (first->u.fetch.body) {
        FUZZ_CHECK(depth_of(first->u.fetch.body) < limits.depth);
        if (has_no_other_form(first->u.fetch.body))
            return;
        perch_buf_adds(&line, "* 1 FETCH (BODYSTRUCTURE ");
        body(&line, first->u.fetch.body);
    } else if (first->u.fetch.envelope) {
        perch_buf_adds(&line, "* 1 FETCH (ENVELOPE ");
        envelope(&line, first->u.fetch.envelope);
    } else {
        return;
    }
    perch_buf_adds(&line, ")\r\n");
    perch_show_resp(&a, first);
    if (parse(&line, &arena, &again) == 0)
        perch_show_resp(&b, &again);
    if (a.len != b.len || memcmp(a.p, b.p, a.len) != 0)
        (void)fprintf(stderr, "%s\n%s\n", perch_buf_cstr(&a), perch_buf_cstr(&b));
    FUZZ_CHECK(a.len == b.len && memcmp(a.p, b.p, a.len) == 0);
    perch_arena_done(&arena);
    perch_buf_done(&line);
    perch_buf_done(&a);
    perch_buf_done(&b);
}

/* An input may close the parenthesis and open other items. */
static bool is_one_item(const struct perch_resp *r)
{
    const struct perch_fetch *f = &r->u.fetch;

    return r->type == PERCH_RESP_FETCH && f->nothers == 0 && f->nsections == 0 &&
           (f->have == PERCH_ITEM_ENVELOPE || (f->have == PERCH_ITEM_BODYSTRUCTURE && f->body));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    bool structure = fuzz_byte(&in) & 1;
    struct perch_buf line = PERCH_BUF_INIT;
    struct perch_arena arena;
    struct perch_resp resp;

    perch_buf_adds(&line, structure ? "* 1 FETCH (BODYSTRUCTURE " : "* 1 FETCH (ENVELOPE ");
    if (in.n > 0)
        perch_buf_add(&line, in.p, in.n);
    perch_buf_adds(&line, ")\r\n");
    if (parse(&line, &arena, &resp) == 0 && is_one_item(&resp))
        check_again(&resp);
    perch_arena_done(&arena);
    perch_buf_done(&line);
    return 0;
}
