#include "cli/decode_trace.h"

#include <string.h>

static bool is_head(const struct trace *t, char who)
{
    return t->nhead == TRACE_HEAD && t->head[0] == who && t->head[1] == ':' && t->head[2] == ' ';
}

/* Collects the head of a line; a line that ends before it has one is nobody's. Returns how
 * many bytes that took. */
static size_t take_head(struct trace *t, const char *p, size_t n)
{
    size_t used = 0;

    while (used < n && t->nhead < TRACE_HEAD) {
        char c = p[used++];

        if (c == '\n') {
            t->nhead = 0;
            continue;
        }
        t->head[t->nhead++] = c;
    }
    if (t->nhead == TRACE_HEAD) {
        t->state = is_head(t, 'S') ? TRACE_SERVER : TRACE_OTHER;
        t->nhead = 0;
        t->cr = false;
    }
    return used;
}

/* The rest of a server's line, as far as it is there. */
static bool pass_line(struct trace *t, const char *p, size_t n, size_t *ret_used)
{
    const char *lf = memchr(p, '\n', n);
    size_t len = lf ? (size_t)(lf - p) : n;

    *ret_used = lf ? len + 1 : len;
    if (len > 0) {
        t->cr = p[len - 1] == '\r';
        if (!t->sink(p, len, t->user))
            return false;
    }
    if (!lf)
        return true;
    t->state = TRACE_AT_HEAD;
    return t->cr ? t->sink("\n", 1, t->user) : t->sink("\r\n", 2, t->user);
}

static size_t skip_line(struct trace *t, const char *p, size_t n)
{
    const char *lf = memchr(p, '\n', n);

    if (!lf)
        return n;
    t->state = TRACE_AT_HEAD;
    return (size_t)(lf + 1 - p);
}

/* The first bytes say what the stream is. */
static bool decide(struct trace *t)
{
    bool server = is_head(t, 'S'), client = is_head(t, 'C');
    size_t n = t->nhead;

    t->nhead = 0;
    t->state = server ? TRACE_SERVER : client ? TRACE_OTHER : TRACE_RAW;
    return server || client || n == 0 || t->sink(t->head, n, t->user);
}

bool trace_feed(struct trace *t, const char *p, size_t n)
{
    bool ok = true;

    while (ok && n > 0) {
        size_t used = n;

        switch (t->state) {
        case TRACE_UNKNOWN:
            used = 1;
            t->head[t->nhead++] = *p;
            ok = t->nhead < TRACE_HEAD || decide(t);
            break;
        case TRACE_RAW:
            ok = t->sink(p, n, t->user);
            break;
        case TRACE_AT_HEAD:
            used = take_head(t, p, n);
            break;
        case TRACE_SERVER:
            ok = pass_line(t, p, n, &used);
            break;
        case TRACE_OTHER:
            used = skip_line(t, p, n);
            break;
        }
        p += used;
        n -= used;
    }
    return ok;
}

bool trace_finish(struct trace *t)
{
    return t->state != TRACE_UNKNOWN || decide(t);
}
