/* The framer under every split. The first two bytes seed the cuts, the rest is what a
 * server sends. Whole and in pieces,
 *  - the same units come out, of the same bytes, with the same bodies streamed past, and
 *    the same verdict at the end;
 *  - no more bytes are eaten than were given;
 *  - the bytes looked at are at most ten times those given: once for line ends, up to four
 *    times for quotes before a literal, and as often in a FETCH that cannot be over. */
#include "fuzz.h"

#include "wire/framer.h"

#include "base/mem.h"

/* Small, so that every one of them is met. */
static const struct perch_limits limits = {
    .size = sizeof limits,
    .line = 2000,
    .literal = 64,
    .body = 200,
    .inline_literal = 16,
    .response = 3000,
};

struct run {
    struct perch_framer f;
    uint8_t *p; /* what is not eaten yet */
    size_t n;
    uint64_t body; /* of it, octets of a streamed body still to come behind `prefix` */
    size_t prefix;
    uint64_t hash; /* of everything that came out */
    int rc;
};

static void mix(struct run *r, const void *data, size_t n)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < n; i++)
        r->hash = (r->hash ^ p[i]) * 1099511628211u;
    r->hash = (r->hash ^ n) * 1099511628211u;
}

static void drop(struct run *r, size_t at, size_t n)
{
    memmove(r->p + at, r->p + at + n, r->n - at - n);
    r->n -= n;
}

/* Takes the streamed body out of what has come; false while some of it is missing. */
static bool pass_body(struct run *r)
{
    size_t n = r->n - r->prefix;

    if (r->body < n)
        n = (size_t)r->body;
    drop(r, r->prefix, n);
    r->body -= n;
    return r->body == 0;
}

static void work_on(struct run *r)
{
    while (r->rc >= 0 && pass_body(r)) {
        struct perch_error e = {0};
        struct perch_span unit = {NULL, 0};
        uint64_t body = 0;

        r->rc = perch_framer_next(&r->f, r->p, r->n, &unit, &body, &e);
        if (r->rc <= 0) {
            FUZZ_CHECK((r->rc == 0) == (e.code == 0));
            return;
        }
        FUZZ_CHECK((const uint8_t *)unit.p == r->p && unit.n > 0 && unit.n <= r->n);
        FUZZ_CHECK(unit.n <= limits.response);
        mix(r, unit.p, unit.n);
        mix(r, &body, sizeof body);
        if (r->rc == PERCH_FRAME_BODY) {
            FUZZ_CHECK(body > limits.inline_literal && body <= limits.body);
            r->prefix = unit.n;
            r->body = body;
        } else {
            r->prefix = 0;
            drop(r, 0, unit.n);
        }
    }
}

static struct run frame(const uint8_t *data, size_t size, uint32_t cuts)
{
    struct run r = {.f.limits = limits, .p = perch_malloc(size), .hash = 14695981039346656037u};

    FUZZ_CHECK(r.p);
    perch_limits_fill(&r.f.limits);
    while (size > 0 && r.rc >= 0) {
        size_t n = size;

        if (cuts) {
            cuts = cuts * 1664525u + 1013904223u;
            n = 1 + (cuts >> 16) % 29;
            n = n < size ? n : size;
        }
        memcpy(r.p + r.n, data, n);
        r.n += n;
        data += n;
        size -= n;
        work_on(&r);
    }
    perch_free(r.p);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    uint32_t cuts = fuzz_u16(&in) | 1u << 16;
    struct run whole = frame(in.p, in.n, 0), pieces = frame(in.p, in.n, cuts);

    FUZZ_CHECK(whole.hash == pieces.hash);
    FUZZ_CHECK((whole.rc < 0 ? whole.rc : 0) == (pieces.rc < 0 ? pieces.rc : 0));
    FUZZ_CHECK(whole.rc < 0 || (whole.n == pieces.n && whole.body == pieces.body));
    FUZZ_CHECK(whole.f.work <= 10 * in.n + 64 && pieces.f.work <= 10 * in.n + 64);
    return 0;
}
