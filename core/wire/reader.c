/* The public reader: framer and parser over bytes as they come, with no session.
 *
 * Bytes are framed where the caller has them; only the beginning of an incomplete
 * response is copied and kept. */
#include "wire/resp.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <string.h>

#define CHUNK ((size_t)64 * 1024) /* how much is put behind kept bytes at a time */

struct perch_reader {
    struct perch_framer framer;
    struct perch_arena arena;
    struct perch_buf kept; /* an incomplete response */
    uint64_t body;         /* octets of a streamed literal still to come, behind `kept` */
    uint64_t offset;       /* of the response at hand in the stream */
    struct perch_hole *holes;
    size_t nholes, holes_cap;
    bool utf8;
    uint32_t strict;
    struct perch_reader_hooks hooks;
    void *user;
    struct perch_error error; /* code != 0: framing is lost */
};

/* ---- one unit ---- */

static void report_quirks(perch_reader *r, const struct perch_parse_report *report)
{
    if (!r->hooks.on_quirk)
        return;
    for (uint32_t left = report->quirks; left; left &= left - 1) {
        int bit = __builtin_ctz(left);

        r->hooks.on_quirk((enum perch_quirk)(1u << bit), report->quirk_at[bit], r->user);
    }
}

static void malformed(perch_reader *r, struct perch_span raw, size_t offset, const char *reason)
{
    if (r->hooks.on_malformed)
        r->hooks.on_malformed(raw, offset, reason, r->user);
}

/* The response at hand is done with. */
static void pass(perch_reader *r, size_t len)
{
    r->offset += len;
    for (size_t i = 0; i < r->nholes; i++)
        r->offset += r->holes[i].size;
    r->nholes = 0;
}

static int handle_unit(perch_reader *r, struct perch_span bytes)
{
    struct perch_unit unit = {bytes, r->holes, r->nholes};
    struct perch_parse_options options = {&r->framer.limits, r->strict, r->utf8};
    struct perch_parse_report report;
    struct perch_resp resp;
    int rc = perch_resp_parse(unit, &options, &r->arena, &resp, &report);

    if (rc == 0) {
        report_quirks(r, &report);
        if (r->hooks.on_response)
            r->hooks.on_response(&resp, r->user);
    } else {
        malformed(r, bytes, report.error_at, report.error);
    }
    perch_arena_reset(&r->arena);
    if (rc == PERCH_EPROTO || rc == 0) {
        pass(r, bytes.n);
        return 0;
    }
    r->nholes = 0;
    return perch_error_set(&r->error, rc, PERCH_HITS_CONNECTION, PERCH_TRY_LATER, "limit",
                           "response at byte %zu: %s", report.error_at, report.error);
}

static int add_hole(perch_reader *r, size_t at, uint64_t size)
{
    if (r->nholes == r->holes_cap) {
        size_t cap = r->holes_cap ? r->holes_cap * 2 : 4;
        struct perch_hole *more = perch_reallocarray(r->holes, cap, sizeof *more);

        if (!more)
            return perch_error_set(&r->error, PERCH_ENOMEM, PERCH_HITS_CONNECTION, PERCH_TRY_LATER,
                                   NULL, "out of memory");
        r->holes = more;
        r->holes_cap = cap;
    }
    r->holes[r->nholes++] = (struct perch_hole){at, size};
    return 0;
}

/* ---- bytes ---- */

/* Hands out what `data` has of the streamed body; returns how much that was. */
static size_t pass_body(perch_reader *r, const uint8_t *data, size_t len)
{
    size_t n = r->body < len ? (size_t)r->body : len;

    if (n > 0 && r->hooks.on_body_data)
        r->hooks.on_body_data(data, n, r->user);
    r->body -= n;
    return n;
}

/* Frames and handles what is whole in `data`; *ret_used is how much that was. A streamed
 * body ends the run: then *ret_prefix bytes in front of the rest are to be kept. */
static int run(perch_reader *r, const uint8_t *data, size_t len, size_t *ret_used,
               size_t *ret_prefix)
{
    size_t used = 0;

    *ret_prefix = 0;
    for (;;) {
        struct perch_span bytes;
        uint64_t body;
        int rc = perch_framer_next(&r->framer, data + used, len - used, &bytes, &body, &r->error);

        *ret_used = used;
        if (rc == PERCH_FRAME_MORE || rc < 0)
            return rc;
        if (rc == PERCH_FRAME_BODY) {
            r->body = body;
            *ret_prefix = bytes.n;
            rc = add_hole(r, bytes.n, body);
            if (rc == 0 && r->hooks.on_body_begin)
                r->hooks.on_body_begin(bytes, body, r->user);
            return rc;
        }
        used += bytes.n;
        *ret_used = used;
        rc = handle_unit(r, bytes);
        if (rc != 0)
            return rc;
    }
}

static int keep(perch_reader *r, const uint8_t *data, size_t len)
{
    if (len > 0)
        perch_buf_add(&r->kept, data, len);
    if (!r->kept.failed)
        return 0;
    return perch_error_set(&r->error, PERCH_ENOMEM, PERCH_HITS_CONNECTION, PERCH_TRY_LATER, NULL,
                           "out of memory");
}

/* Nothing is kept: frames the caller's bytes in place and keeps what is left over. */
static int feed_direct(perch_reader *r, const uint8_t *data, size_t len, size_t *ret_used)
{
    size_t used, prefix;
    int rc = run(r, data, len, &used, &prefix);

    if (rc != 0)
        return rc;
    *ret_used = prefix > 0 ? used + prefix : len;
    return keep(r, data + used, *ret_used - used);
}

/* Cuts the streamed body that stands behind the first `prefix` kept bytes out of them. */
static void cut_body(perch_reader *r, size_t prefix)
{
    uint8_t *p = perch_buf_data(&r->kept);
    size_t len = r->kept.len, n = pass_body(r, p + prefix, len - prefix);

    memmove(p + prefix, p + prefix + n, len - prefix - n);
    perch_buf_truncate(&r->kept, len - n);
}

/* A response has begun before: these bytes go behind it. */
static int feed_kept(perch_reader *r, const uint8_t *data, size_t len, size_t *ret_used)
{
    size_t used, prefix;
    int rc;

    *ret_used = len < CHUNK ? len : CHUNK;
    rc = keep(r, data, *ret_used);
    while (rc == 0 && r->body == 0) {
        rc = run(r, perch_buf_data(&r->kept), r->kept.len, &used, &prefix);
        perch_buf_consume(&r->kept, used);
        if (rc != 0 || prefix == 0)
            break;
        cut_body(r, prefix);
    }
    return rc;
}

static int feed(perch_reader *r, const uint8_t *data, size_t len)
{
    for (;;) {
        size_t used = pass_body(r, data, len);
        int rc;

        data += used;
        len -= used;
        if (len == 0)
            return 0;
        rc = r->kept.len == 0 ? feed_direct(r, data, len, &used) : feed_kept(r, data, len, &used);
        if (rc != 0)
            return rc;
        data += used;
        len -= used;
    }
}

/* ---- the public face ---- */

static void copy_sized(void *to, size_t to_size, const void *from, size_t from_size)
{
    memcpy(to, from, from_size < to_size ? from_size : to_size);
}

perch_reader *perch_reader_new(const struct perch_reader_options *options,
                               const struct perch_reader_hooks *hooks, void *user)
{
    struct perch_reader_options o = PERCH_READER_OPTIONS_INIT;
    perch_reader *r = perch_calloc(1, sizeof *r);

    if (!r)
        return NULL;
    if (options)
        copy_sized(&o, sizeof o, options, options->size);
    if (hooks)
        copy_sized(&r->hooks, sizeof r->hooks, hooks, hooks->size);
    r->framer.limits = o.limits;
    perch_limits_fill(&r->framer.limits);
    r->framer.strict = r->strict = o.strict;
    r->utf8 = o.utf8;
    r->user = user;
    perch_arena_init(&r->arena, 16 * 1024);
    return r;
}

void perch_reader_free(perch_reader *r)
{
    if (!r)
        return;
    perch_arena_done(&r->arena);
    perch_buf_done(&r->kept);
    perch_free(r->holes);
    perch_free(r);
}

int perch_reader_feed(perch_reader *r, const void *data, size_t len)
{
    if (r->error.code != 0)
        return r->error.code;
    return feed(r, data, len);
}

int perch_reader_finish(perch_reader *r)
{
    struct perch_span rest = perch_buf_span(&r->kept);
    int rc = r->error.code;

    if (rc == 0 && r->framer.held) /* whole lines, waiting for one that will not come */
        rc = handle_unit(r, rest);
    else if (rc == 0 && r->framer.head < rest.n)
        malformed(r, rest, rest.n, "the stream ended inside a response");
    perch_buf_clear(&r->kept);
    perch_framer_reset(&r->framer);
    r->nholes = 0;
    r->body = 0;
    return rc;
}

uint64_t perch_reader_offset(const perch_reader *r)
{
    return r->offset;
}

struct perch_span perch_reader_pending(const perch_reader *r)
{
    return perch_buf_span(&r->kept);
}

const struct perch_error *perch_reader_error(const perch_reader *r)
{
    return &r->error;
}
