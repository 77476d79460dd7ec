/* Where a response ends. Every byte is looked at a bounded number of times: once for its
 * line end, once more when its line ends in "}" or is an odd FETCH. */
#include "wire/framer.h"

#include "wire/literal.h"

#include "base/ascii.h"
#include "base/err.h"
#include "base/span.h"

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)

/* ---- limits ---- */

static const struct perch_limits defaults = {
    .size = sizeof(struct perch_limits),
    .line = 1 * MIB, /* FLAGS, CAPABILITY and LIST stay far below */
    .literal = 256 * KIB,
    .body = 64 * MIB,
    .inline_literal = 64 * KIB,
    .response = 16 * MIB, /* SEARCH over 2 000 000 seven-digit UIDs */
    .depth = 64,
    .tokens = 262144,
    .ranges = 65536,
};

#define FILL(field)                                                                                \
    do {                                                                                           \
        if (l->size < offsetof(struct perch_limits, field) + sizeof l->field || l->field == 0)     \
            l->field = defaults.field;                                                             \
    } while (0)

void perch_limits_fill(struct perch_limits *l)
{
    FILL(line);
    FILL(literal);
    FILL(body);
    FILL(inline_literal);
    FILL(response);
    FILL(depth);
    FILL(tokens);
    FILL(ranges);
    l->size = sizeof *l;
}

#define AT_MOST(field, max)                                                                        \
    do {                                                                                           \
        if (ret->field > (max))                                                                    \
            ret->field = (max);                                                                    \
    } while (0)

void perch_limits_preauth(const struct perch_limits *after, struct perch_limits *ret)
{
    *ret = *after;
    AT_MOST(line, 8 * KIB);
    AT_MOST(literal, 4 * KIB);
    AT_MOST(body, 4 * KIB);
    AT_MOST(inline_literal, 4 * KIB);
    AT_MOST(response, 16 * KIB);
    AT_MOST(depth, 8);
    AT_MOST(tokens, 256);
}

/* ---- what a line is ---- */

struct line {
    const char *p;        /* its first byte */
    const char *end;      /* behind its line end */
    const char *text_end; /* behind its last byte that is no blank or line end */
};

/* The beginning of a response says what it is; no more of it is looked at, however often
 * the question comes up. */
static const char *beginning(const char *p, const char *end)
{
    return end - p > 64 ? p + 64 : end;
}

static const char *blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

static struct perch_span word(const char *p, const char *end)
{
    const char *from = p;

    while (p < end && perch_is_alpha(*p))
        p++;
    return (struct perch_span){from, (size_t)(p - from)};
}

static bool is_condition(struct perch_span s)
{
    return perch_span_ieqs(s, "OK") || perch_span_ieqs(s, "NO") || perch_span_ieqs(s, "BAD");
}

/* Text that nobody parses: status responses, continuations, whatever has no "*". */
static bool is_prose(const char *p, const char *end)
{
    struct perch_span s;

    if (p == end || *p != '*')
        return true;
    end = beginning(p, end);
    p = blanks(p + 1, end);
    if (p < end && *p == '[')
        return true;
    s = word(p, end);
    return is_condition(s) || perch_span_ieqs(s, "BYE") || perch_span_ieqs(s, "PREAUTH");
}

static struct perch_span numbered_word(const char *p, const char *end)
{
    if (p == end || *p != '*')
        return (struct perch_span){p, 0};
    end = beginning(p, end);
    p = blanks(p + 1, end);
    if (p < end && *p == '-')
        p++;
    if (p == end || !perch_is_digit(*p))
        return (struct perch_span){p, 0};
    while (p < end && perch_is_digit(*p))
        p++;
    return word(blanks(p, end), end);
}

static bool is_fetch(const char *p, const char *end)
{
    struct perch_span s = numbered_word(p, end);

    return perch_span_ieqs(s, "FETCH") || perch_span_ieqs(s, "UIDFETCH");
}

/* Answers that hold as many numbers as there are messages: the line limit is not meant
 * for them. */
static bool is_long(const char *p, const char *end)
{
    static const char *const names[] = {"SEARCH", "SORT", "ESEARCH", "VANISHED", "THREAD"};
    struct perch_span s;

    if (p == end || *p != '*')
        return false;
    end = beginning(p, end);
    s = word(blanks(p + 1, end), end);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (perch_span_ieqs(s, names[i]))
            return true;
    return false;
}

/* "* ", "+ ", "tag OK ". */
static bool starts_response(const char *p, const char *end)
{
    const char *tag = p;

    if (end - p >= 2 && (*p == '*' || *p == '+'))
        return p[1] == ' ' || (*p == '+' && (p[1] == '\r' || p[1] == '\n'));
    while (p < end && (perch_is_alnum(*p) || *p == '.' || *p == '-' || *p == '_'))
        p++;
    return p > tag && p < end && *p == ' ' && is_condition(word(p + 1, end));
}

/* ---- literals ---- */

/* Whether a quoted string is open at `to`; `open`: one was at `p`. */
static bool quote_open(struct perch_framer *f, const char *p, const char *to, bool open)
{
    struct perch_quotes q = {0};

    f->work += (size_t)(to - p);
    while (p && (open || (p = memchr(p, '"', (size_t)(to - p))))) {
        p = perch_quoted_close(open ? p : p + 1, to, &q);
        if (p)
            p++;
        open = !p;
    }
    f->work += q.work;
    return open;
}

/* "BODY[" or "BINARY[" before the bracket at `p`. */
static bool names_section(const char *from, const char *p)
{
    struct perch_span s = {from, (size_t)(p - from)};

    if (s.n >= 4 && perch_span_ieqs((struct perch_span){p - 4, 4}, "BODY"))
        return true;
    return s.n >= 6 && perch_span_ieqs((struct perch_span){p - 6, 6}, "BINARY");
}

/* Whether the literal at `head` is the value of BODY[...], BINARY[...] or RFC822...: what
 * stands before it says so. A section may itself hold literals, so that its name is out of
 * sight: then its closing bracket tells. */
static bool is_body(const char *from, const char *head)
{
    const char *p = head, *bracket;
    struct perch_span name;

    while (p > from && (p[-1] == ' ' || p[-1] == '~' || p[-1] == '\t'))
        p--;
    if (p == from)
        return false;
    if (p[-1] == ']' || p[-1] == '>') {
        bracket = memrchr(from, '[', (size_t)(p - from));
        while (bracket && !names_section(from, bracket) && bracket > from) {
            const char *before = memrchr(from, '[', (size_t)(bracket - from));

            if (!before)
                return false;
            bracket = before;
        }
        return true;
    }
    name = (struct perch_span){p, 0};
    while (name.p > from && (perch_is_alnum(name.p[-1]) || name.p[-1] == '.'))
        name.p--;
    name.n = (size_t)(p - name.p);
    return perch_span_ieqs(name, "RFC822") || perch_span_ieqs(name, "RFC822.HEADER") ||
           perch_span_ieqs(name, "RFC822.TEXT");
}

/* The head of the literal that the line ends with, at *ret_at. */
static enum perch_literal_kind line_literal(struct perch_framer *f, const struct line *l,
                                            const char **ret_at, struct perch_literal_head *h)
{
    const char *at = memrchr(l->p, '{', (size_t)(l->text_end - l->p));
    enum perch_literal_kind kind;
    char before;

    if (!at || quote_open(f, l->p, at, f->quote))
        return PERCH_LITERAL_NONE;
    *ret_at = at;
    kind = perch_literal_read(at, l->end, h);
    if (kind == PERCH_LITERAL_OK || kind == PERCH_LITERAL_NEGATIVE)
        return kind;
    before = at > l->p ? at[-1] : ' ';
    if (before != ' ' && before != '(' && before != '~')
        return PERCH_LITERAL_NONE;
    if (l->text_end[-1] == '}')
        return kind == PERCH_LITERAL_NONE ? PERCH_LITERAL_UNSIZED : kind;
    for (const char *p = at + 1; p < l->text_end; p++)
        if (!perch_is_digit(*p))
            return PERCH_LITERAL_NONE;
    return kind;
}

/* ---- the search ---- */

static int too_large(struct perch_error *e, const char *what, size_t limit)
{
    return perch_error_set(e, PERCH_ELIMIT, PERCH_HITS_CONNECTION, PERCH_TRY_LATER, "limit",
                           "the server sent %s over the limit of %zu bytes", what, limit);
}

void perch_framer_reset(struct perch_framer *f)
{
    f->scanned = f->head = f->line = f->text = 0;
    f->skip = f->bodies = 0;
    f->behind_literal = f->held = f->quote = false;
}

void perch_framer_resume(struct perch_framer *f, size_t kept)
{
    f->scanned = f->line = kept;
    f->behind_literal = true;
    f->quote = false;
}

int perch_framer_keep(struct perch_framer *f, uint64_t body, struct perch_error *e)
{
    if (body > f->limits.body - f->bodies)
        return too_large(e, "bodies", (size_t)f->limits.body);
    f->bodies += body;
    f->skip = body;
    return 0;
}

static int unit(struct perch_framer *f, const char *p, size_t n, struct perch_span *ret)
{
    *ret = (struct perch_span){p, n};
    perch_framer_reset(f);
    return PERCH_FRAME_UNIT;
}

/* What is held to limits.response of the bytes up to `end`. */
static size_t counted(const struct perch_framer *f, size_t end)
{
    return end - (size_t)f->bodies;
}

/* Text of the response up to `end`, which is behind `line`. */
static int check_text(struct perch_framer *f, const char *p, size_t end, struct perch_error *e)
{
    size_t text = f->text + (end - f->line);

    if (counted(f, end) > f->limits.response)
        return too_large(e, "a response", f->limits.response);
    if (text > f->limits.line && !is_long(p + f->head, p + end))
        return too_large(e, "a line", f->limits.line);
    return 0;
}

/* The line ends in a literal of h->size bytes: passes over them or hands them out. */
static int take_literal(struct perch_framer *f, const char *p, const struct line *l, const char *at,
                        const struct perch_literal_head *h, struct perch_span *ret_unit,
                        uint64_t *ret_body, struct perch_error *e)
{
    size_t end = (size_t)(l->end - p);
    bool body = is_fetch(p + f->head, l->end) && is_body(l->p, at);

    if (body && h->size > f->limits.body)
        return too_large(e, "a body", (size_t)f->limits.body);
    if (!body && h->size > f->limits.literal)
        return too_large(e, "a literal", f->limits.literal);
    f->text += (size_t)(l->end - l->p);
    if (body && h->size > f->limits.inline_literal) {
        *ret_unit = (struct perch_span){p, end};
        *ret_body = h->size;
        perch_framer_resume(f, end);
        return PERCH_FRAME_BODY;
    }
    if (h->size > f->limits.response - counted(f, end))
        return too_large(e, "a response", f->limits.response);
    perch_framer_resume(f, end);
    f->skip = h->size;
    return PERCH_FRAME_MORE;
}

static void hold(struct perch_framer *f, const char *p, const struct line *l, bool quote)
{
    f->text += (size_t)(l->end - l->p);
    f->line = f->scanned = (size_t)(l->end - p);
    f->held = true;
    f->behind_literal = false;
    f->quote = quote;
}

/* A line that is no literal's: the unit's last, unless it is a FETCH that cannot be over. */
static int end_line(struct perch_framer *f, const char *p, const struct line *l, bool closed,
                    struct perch_span *ret_unit)
{
    bool open;

    if (is_fetch(p + f->head, l->end)) {
        open = quote_open(f, l->p, l->text_end, f->quote);
        if (open || (!closed && (f->behind_literal || f->held))) {
            hold(f, p, l, open);
            return PERCH_FRAME_MORE;
        }
    }
    return unit(f, p, (size_t)(l->end - p), ret_unit);
}

/* A whole line is there: the unit's last, or one that goes on (PERCH_FRAME_MORE). */
static int take_line(struct perch_framer *f, const char *p, const struct line *l,
                     struct perch_span *ret_unit, uint64_t *ret_body, struct perch_error *e)
{
    char last = l->text_end > l->p ? l->text_end[-1] : '\0';
    enum perch_literal_kind kind = PERCH_LITERAL_NONE;
    struct perch_literal_head h;
    const char *at = NULL;

    if (last == ')' && !f->quote)
        return unit(f, p, (size_t)(l->end - p), ret_unit);
    if (is_prose(p + f->head, l->end))
        return unit(f, p, (size_t)(l->end - p), ret_unit);
    if (last == '}' || last == '{' || perch_is_digit(last))
        kind = line_literal(f, l, &at, &h);
    if (kind == PERCH_LITERAL_NEGATIVE && (f->strict & PERCH_QUIRK_LITERAL_FORM))
        kind = PERCH_LITERAL_UNSIZED;
    switch (kind) {
    case PERCH_LITERAL_NONE:
        break;
    case PERCH_LITERAL_OK:
        return take_literal(f, p, l, at, &h, ret_unit, ret_body, e);
    case PERCH_LITERAL_NEGATIVE:
        hold(f, p, l, false);
        return PERCH_FRAME_MORE;
    case PERCH_LITERAL_HUGE:
        return too_large(e, "a literal", f->limits.literal);
    case PERCH_LITERAL_UNSIZED:
        return perch_error_set(e, PERCH_EPROTO, PERCH_HITS_CONNECTION, PERCH_TRY_LATER, "literal",
                               "the server sent a literal of no known size: %.*s",
                               (int)(l->text_end - at > 40 ? 40 : l->text_end - at), at);
    }
    return end_line(f, p, l, last == ')', ret_unit);
}

/* Passes over literal bytes. False: more are needed. */
static bool pass_literal(struct perch_framer *f, size_t n)
{
    size_t have = n - f->scanned;

    if (f->skip == 0)
        return true;
    if (have < f->skip) {
        f->skip -= have;
        f->scanned = n;
        return false;
    }
    f->scanned += (size_t)f->skip;
    f->skip = 0;
    f->line = f->scanned;
    return true;
}

/* NULs and empty lines before the response. */
static void pass_junk(struct perch_framer *f, const char *p, size_t n)
{
    if (f->line > f->head)
        return;
    while (f->head < n && (p[f->head] == '\0' || p[f->head] == '\r' || p[f->head] == '\n'))
        f->head++;
    f->text += f->head - f->line;
    f->line = f->head;
    if (f->scanned < f->head)
        f->scanned = f->head;
}

static struct line line_at(const struct perch_framer *f, const char *p, const char *lf)
{
    struct line l = {.p = p + f->line, .end = lf + 1, .text_end = lf};

    while (l.text_end > l.p &&
           (l.text_end[-1] == '\r' || l.text_end[-1] == ' ' || l.text_end[-1] == '\t'))
        l.text_end--;
    return l;
}

int perch_framer_next(struct perch_framer *f, const uint8_t *bytes, size_t n,
                      struct perch_span *ret_unit, uint64_t *ret_body, struct perch_error *e)
{
    const char *p = (const char *)bytes;

    for (;;) {
        const char *lf;
        struct line l;
        int rc;

        if (!pass_literal(f, n))
            return PERCH_FRAME_MORE;
        pass_junk(f, p, n);
        /* A count that was too large has eaten the rest of its response. */
        if (f->behind_literal && n - f->line >= 2 && p[f->line] == '*' && p[f->line + 1] == ' ')
            return unit(f, p, f->line, ret_unit);
        lf = memchr(p + f->scanned, '\n', n - f->scanned);
        f->work += (lf ? (size_t)(lf + 1 - p) : n) - f->scanned;
        f->scanned = lf ? (size_t)(lf + 1 - p) : n;
        rc = check_text(f, p, f->scanned, e);
        if (rc != 0 || !lf)
            return rc;
        l = line_at(f, p, lf);
        if (f->held && starts_response(l.p, l.end))
            return unit(f, p, f->line, ret_unit);
        rc = take_line(f, p, &l, ret_unit, ret_body, e);
        if (rc != PERCH_FRAME_MORE)
            return rc;
    }
}
