/* The parser, on one response. The first byte chooses the mode, the rest is the response.
 *  - what is returned can be read to its last byte and lies in the unit where it must;
 *  - sets are in order, and no larger than the limits say;
 *  - the arena holds at most a constant times the bytes, and the bytes looked at are few;
 *  - what a strict parser accepts, a tolerant one reads alike and without a quirk. */
#include "fuzz.h"

#include "wire/resp.h"

#include "base/mem.h"

#include "support/show.h"

static const struct perch_limits limits = {
    .size = sizeof limits,
    .line = 4096,
    .literal = 4096,
    .body = 4096,
    .inline_literal = 4096,
    .response = 4096,
    .depth = 12,
    .tokens = 400,
    .ranges = 16,
};

static void check_inside(struct perch_span unit, struct perch_span s)
{
    FUZZ_CHECK(!s.p || (s.p >= unit.p && s.p + s.n <= unit.p + unit.n));
}

static void check_set(const struct perch_set *s, size_t max)
{
    FUZZ_CHECK(s->n <= max && s->cap == 0);
    for (size_t i = 0; i < s->n; i++) {
        FUZZ_CHECK(s->r[i].first > 0 && s->r[i].first <= s->r[i].last);
        FUZZ_CHECK(i == 0 || s->r[i].first - 1 > s->r[i - 1].last);
    }
}

static void check_sets(const struct perch_resp *r, size_t n)
{
    const struct perch_esearch_resp *e = &r->u.esearch;

    if (r->type == PERCH_RESP_VANISHED)
        check_set(&r->u.vanished.uids, limits.ranges);
    if (r->type == PERCH_RESP_SEARCH || r->type == PERCH_RESP_SORT)
        check_set(&r->u.search.set, n);
    if (r->type != PERCH_RESP_ESEARCH)
        return;
    check_set(&e->all, limits.ranges);
    check_set(&e->partial.set, limits.ranges);
    for (size_t i = 0; i < e->nupdates; i++)
        check_set(&e->updates[i].set, limits.ranges);
}

static void check_code(const struct perch_status_resp *s)
{
    if (s->code == PERCH_CODE_COPYUID || s->code == PERCH_CODE_APPENDUID) {
        check_set(&s->u.uids.source, limits.ranges);
        check_set(&s->u.uids.dest, limits.ranges);
    } else if (s->code == PERCH_CODE_MODIFIED) {
        check_set(&s->u.set, limits.ranges);
    }
}

/* What the parser makes of `unit`, shown; its length is 0 after a failure. */
static struct perch_buf parse(struct perch_span unit, bool utf8, uint32_t strict,
                              uint32_t *ret_quirks)
{
    struct perch_parse_options options = {&limits, strict, utf8};
    struct perch_buf shown = PERCH_BUF_INIT;
    struct perch_parse_report report;
    struct perch_arena arena;
    struct perch_resp resp;
    int rc;

    perch_arena_init(&arena, 0);
    rc = perch_resp_parse((struct perch_unit){unit, NULL, 0}, &options, &arena, &resp, &report);
    FUZZ_CHECK(arena.used <= 200 * unit.n + 1024);
    FUZZ_CHECK(report.work <= 6 * unit.n + 64);
    check_inside(unit, resp.raw);
    check_inside(unit, resp.tag);
    check_inside(unit, resp.word);
    if (rc == 0) {
        perch_show_resp(&shown, &resp);
        check_sets(&resp, unit.n);
        if (resp.kind == PERCH_TAGGED || resp.type == PERCH_RESP_OK)
            check_code(&resp.u.status);
        FUZZ_CHECK(!(report.quirks & strict));
    } else {
        FUZZ_CHECK(rc == PERCH_EPROTO || rc == PERCH_ELIMIT);
        FUZZ_CHECK(report.error && report.error_at <= unit.n);
    }
    *ret_quirks = report.quirks;
    perch_arena_done(&arena);
    return shown;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    bool utf8 = fuzz_byte(&in) & 1;
    struct perch_span unit = {NULL, in.n};
    struct perch_buf tolerant, strict;
    uint32_t quirks, none;
    char *copy = perch_malloc(in.n); /* of its own size, so that a read behind it is seen */

    FUZZ_CHECK(copy);
    if (in.n > 0)
        memcpy(copy, in.p, in.n);
    unit.p = copy;
    tolerant = parse(unit, utf8, 0, &quirks);
    strict = parse(unit, utf8, ~0u, &none);
    FUZZ_CHECK(none == 0);
    if (strict.len > 0) {
        FUZZ_CHECK(quirks == 0 && strict.len == tolerant.len);
        FUZZ_CHECK(memcmp(strict.p, tolerant.p, strict.len) == 0);
    }
    perch_buf_done(&tolerant);
    perch_buf_done(&strict);
    perch_free(copy);
    return 0;
}
