/* perch decode: a server's bytes in, one JSON object a response out.
 *
 * Memory holds one response at a time, and of a large body literal only its digest. Where
 * the reader loses its footing (a literal whose size nobody can know, a response past the
 * limits) the line is reported malformed and a new reader begins behind it. */
#include "cli/cli.h"
#include "cli/decode.h"
#include "cli/decode_trace.h"

#include "base/mem.h"
#include "base/span.h"

#include <string.h>

#define CHUNK        ((size_t)64 * 1024)
#define RESPONSE_MAX ((size_t)16 << 20) /* a line, a literal that is no body, a whole response */

struct decoding {
    struct cli *cli;
    struct decoder d;
    perch_reader *reader;
    struct digest *digest;
    bool in_body;      /* a body literal is streaming by */
    uint64_t base;     /* where in the stream this reader began */
    uint64_t fed;      /* bytes of the stream so far */
    uint64_t streamed; /* bytes of body literals in the response at hand */
    struct {           /* the last malformed response */
        uint64_t from, to;
    } bad;
    bool malformed; /* there was any */
    bool skipping;  /* up to the end of a line that was given up */
    bool failed;    /* out of memory or output gone */
};

/* ---- output ---- */

static void print_line(struct decoding *g)
{
    struct perch_buf *out = &g->d.w.out;

    if (out->failed)
        g->failed = true;
    else if (fwrite(perch_buf_data(out), 1, out->len, g->cli->out) != out->len ||
             fputc('\n', g->cli->out) == EOF)
        g->failed = true;
    perch_buf_clear(out);
    if (out->cap > CHUNK * 16)
        perch_buf_done(out);
    g->d.w.comma = false;
    g->d.nbodies = g->d.taken = 0;
    g->streamed = 0;
}

static void print_malformed(struct decoding *g, uint64_t offset, struct perch_span raw,
                            const char *reason)
{
    struct jw *w = &g->d.w;

    g->malformed = true;
    jw_open(w, '{');
    jw_key(w, "kind");
    jw_string(w, "malformed");
    jw_key(w, "offset");
    jw_uint(w, offset);
    jw_key(w, "reason");
    jw_string(w, reason);
    decode_raw(&g->d, raw);
    jw_close(w, '}');
    print_line(g);
}

/* ---- the reader's hooks ---- */

/* A body that was streaming is whole; its digest waits for the response around it. */
static void end_body(struct decoding *g)
{
    struct decode_body *bodies;

    if (!g->in_body)
        return;
    g->in_body = false;
    bodies = perch_reallocarray(g->d.bodies, g->d.nbodies + 1, sizeof *bodies);
    if (!bodies) {
        g->failed = true;
        return;
    }
    g->d.bodies = bodies;
    digest_finish(g->digest, bodies[g->d.nbodies++].sha256);
}

static void on_response(const struct perch_resp *resp, void *user)
{
    struct decoding *g = user;

    end_body(g);
    if (g->failed)
        return;
    decode_response(&g->d, resp);
    print_line(g);
}

static void on_malformed(struct perch_span raw, size_t offset, const char *reason, void *user)
{
    struct decoding *g = user;
    uint64_t start = g->base + perch_reader_offset(g->reader);

    (void)offset; /* inside the response: `reason` is enough */
    end_body(g);
    if (g->failed)
        return;
    g->bad.from = start;
    g->bad.to = start + raw.n + g->streamed;
    print_malformed(g, start, raw, reason);
}

static void on_body_begin(struct perch_span so_far, uint64_t size, void *user)
{
    struct decoding *g = user;

    (void)so_far;
    end_body(g);
    g->streamed += size;
    g->in_body = true;
}

static void on_body_data(const uint8_t *data, size_t len, void *user)
{
    struct decoding *g = user;

    digest_add(g->digest, data, len);
}

static bool open_reader(struct decoding *g)
{
    static const struct perch_reader_hooks hooks = {
        .size = sizeof hooks,
        .on_response = on_response,
        .on_malformed = on_malformed,
        .on_body_begin = on_body_begin,
        .on_body_data = on_body_data,
    };
    struct perch_reader_options options = PERCH_READER_OPTIONS_INIT;

    options.utf8 = g->d.utf8;
    options.limits.line = options.limits.literal = options.limits.response = RESPONSE_MAX;
    options.limits.body = INT64_MAX;
    options.limits.inline_literal = DECODE_TEXT_MAX;
    options.limits.depth = DECODE_DEPTH;
    perch_reader_free(g->reader);
    g->reader = perch_reader_new(&options, &hooks, g);
    return g->reader != NULL;
}

/* ---- bytes ---- */

/* The reader gave up in the chunk `p`. Returns how much of the chunk is dealt with: up to the
 * end of that response, if on_malformed had it, or else of its line. */
static size_t recover(struct decoding *g, const char *p, size_t n)
{
    uint64_t lost = g->base + perch_reader_offset(g->reader);
    struct perch_span raw = perch_reader_pending(g->reader);
    size_t from = lost > g->fed ? (size_t)(lost - g->fed) : 0;
    const char *end;

    if (g->malformed && g->bad.from == lost && g->bad.to > g->fed)
        return (size_t)(g->bad.to - g->fed);
    if (raw.n == 0)
        raw = (struct perch_span){p + from, n - from};
    end = memchr(p + from, '\n', n - from);
    g->skipping = !end;
    if (end)
        raw.n -= (size_t)(p + n - end - 1);
    end_body(g);
    print_malformed(g, lost, raw, perch_reader_error(g->reader)->text);
    return end ? (size_t)(end + 1 - p) : n;
}

static size_t skip_line(struct decoding *g, const char *p, size_t n)
{
    const char *end = memchr(p, '\n', n);

    g->skipping = !end;
    return end ? (size_t)(end + 1 - p) : n;
}

static bool feed(const char *p, size_t n, void *user)
{
    struct decoding *g = user;

    while (n > 0 && !g->failed) {
        size_t used = n;
        int rc = 0;

        if (g->skipping) {
            used = skip_line(g, p, n);
            g->base += used;
        } else {
            rc = perch_reader_feed(g->reader, p, n);
        }
        if (rc == PERCH_ENOMEM) {
            g->failed = true;
        } else if (rc != 0) {
            used = recover(g, p, n);
            g->base = g->fed + used;
            g->failed = g->failed || !open_reader(g);
        }
        g->fed += used;
        p += used;
        n -= used;
    }
    return !g->failed;
}

static bool decode_stream(struct decoding *g, FILE *in)
{
    struct trace trace = TRACE_INIT(feed, g);
    char chunk[CHUNK];
    size_t n;

    while ((n = fread(chunk, 1, sizeof chunk, in)) > 0)
        if (!trace_feed(&trace, chunk, n))
            return false;
    if (!trace_finish(&trace))
        return false;
    (void)perch_reader_finish(g->reader);
    return !g->failed;
}

static int decode(struct cli *cli, bool utf8, FILE *in)
{
    struct decoding g = {.cli = cli, .d = {.utf8 = utf8}};
    bool done;

    g.digest = digest_new();
    done = g.digest && open_reader(&g) && decode_stream(&g, in);
    if (ferror(in))
        cli_error(cli, "cannot read: %m");
    else if (!done && !ferror(cli->out))
        cli_error(cli, "out of memory");
    perch_reader_free(g.reader);
    digest_free(g.digest);
    perch_free(g.d.bodies);
    perch_buf_done(&g.d.w.out);
    return done && !g.malformed && !ferror(in) ? CLI_OK : CLI_UNWELL;
}

int cmd_decode(struct cli *cli, int argc, char **argv)
{
    bool utf8 = false;
    const struct cli_option options[] = {{"utf8", &utf8, NULL}, {NULL, NULL, NULL}};
    FILE *in = cli->in;
    int status;

    if (!cli_parse(cli, options, &argc, argv, &status))
        return status;
    if (argc > 2)
        return cli_usage(cli, "one file at a time, not %s too", argv[2]);
    if (argc == 2 && strcmp(argv[1], "-") != 0)
        in = fopen(argv[1], "re");
    if (!in) {
        cli_error(cli, "%s: %m", argv[1]);
        return CLI_UNWELL;
    }
    status = decode(cli, utf8, in);
    if (in != cli->in)
        (void)fclose(in);
    return status;
}
