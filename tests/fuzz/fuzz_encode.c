/* The encoder. The input is a list of pieces; a reader written from the RFC's grammar, which
 * shares nothing with the encoder, takes the command apart again.
 *  - a command is refused exactly when a piece may not be sent;
 *  - what leaves is one line: its CR LF is the last, and no other CR, LF or NUL stands outside
 *    of a literal;
 *  - every literal that waits has a stop behind its "{n}", no other has one, and the offsets of
 *    secrets are those of the pieces;
 *  - the pieces come out as they went in;
 *  - search criteria keep their text and their parentheses. */
#include "fuzz.h"

#include "perch/text.h"

#include "wire/encode.h"

#include "base/ascii.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/span.h"

#define PIECES_MAX 24

enum kind {
    STRING,
    NSTRING,
    ATOM,
    FLAG,
    FIELD,
    NUMBER,
    MAILBOX,
    RAW_MAILBOX,
    RAW,
    LITERAL,
    LITERAL8
};
#define KINDS 11

struct piece {
    enum kind kind;
    struct perch_span text;
    uint64_t number;
    bool secret;
    size_t from, to; /* in the output */
};

/* ---- the reader ---- */

struct reader {
    const char *p, *end, *start;
    const struct perch_enc *e;
    size_t stop; /* the next one to meet */
    char *text;  /* of the last string, unescaped */
    size_t n;
};

/* "{n}" or "{n+}", at `p`; the count and where its bytes begin. */
static bool literal_head(const char *p, const char *end, uint64_t *ret_n, bool *ret_plus,
                         const char **ret_bytes)
{
    if (p == end || *p++ != '{' || !perch_num_scan(&p, end, UINT64_MAX, ret_n))
        return false;
    *ret_plus = p < end && *p == '+';
    p += *ret_plus;
    if (end - p < 3 || memcmp(p, "}\r\n", 3) != 0)
        return false;
    *ret_bytes = p + 3;
    return true;
}

static void read_literal(struct reader *r)
{
    uint64_t n = 0;
    bool plus = false;
    const char *bytes = NULL;

    FUZZ_CHECK(literal_head(r->p, r->end, &n, &plus, &bytes));
    FUZZ_CHECK(n <= (uint64_t)(r->end - bytes));
    if (plus) {
        FUZZ_CHECK((r->e->mode & PERCH_ENC_LITERAL_PLUS) ||
                   ((r->e->mode & PERCH_ENC_LITERAL_MINUS) && n <= 4096));
    } else {
        FUZZ_CHECK(r->stop < r->e->nstops);
        FUZZ_CHECK(r->e->stops[r->stop].at == (size_t)(bytes - r->start));
        FUZZ_CHECK(r->e->stops[r->stop].wait && r->e->stops[r->stop].source == 0);
        r->stop++;
    }
    memcpy(r->text, bytes, (size_t)n);
    r->n = (size_t)n;
    r->p = bytes + n;
}

static void read_quoted(struct reader *r)
{
    r->n = 0;
    for (r->p++; r->p + 1 < r->end && *r->p != '"'; r->p++) {
        if (*r->p == '\\') {
            r->p++;
            FUZZ_CHECK(*r->p == '"' || *r->p == '\\');
        }
        FUZZ_CHECK(*r->p != '\r' && *r->p != '\n' && *r->p != '\0');
        FUZZ_CHECK((unsigned char)*r->p < 0x80 || (r->e->mode & PERCH_ENC_UTF8));
        r->text[r->n++] = *r->p;
    }
    FUZZ_CHECK(*r->p == '"');
    r->p++;
}

static void read_string(struct reader *r)
{
    FUZZ_CHECK(r->p < r->end);
    if (*r->p == '"')
        read_quoted(r);
    else
        read_literal(r);
}

static void read_bytes(struct reader *r, struct perch_span want)
{
    FUZZ_CHECK((size_t)(r->end - r->p) >= want.n);
    FUZZ_CHECK(perch_span_eq((struct perch_span){r->p, want.n}, want));
    r->p += want.n;
}

static struct perch_span last_string(const struct reader *r)
{
    return (struct perch_span){r->text, r->n};
}

static void read_mailbox(struct reader *r, struct perch_span want)
{
    char *utf8 = NULL;
    size_t len = 0;
    bool exact = false;

    read_string(r);
    if (perch_span_ieqs(want, "INBOX"))
        want = PERCH_SPAN("INBOX");
    if (r->e->mode & PERCH_ENC_UTF8) {
        FUZZ_CHECK(perch_span_eq(last_string(r), want));
        return;
    }
    FUZZ_CHECK(perch_mutf7_decode(last_string(r), &utf8, &len, &exact) == PERCH_OK);
    FUZZ_CHECK(exact && perch_span_eq((struct perch_span){utf8, len}, want));
    perch_text_free(utf8);
}

static void read_piece(struct reader *r, const struct piece *piece)
{
    char digits[20];

    FUZZ_CHECK((size_t)(r->p - r->start) == piece->from);
    switch (piece->kind) {
    case FIELD:
        if (r->p < r->end && *r->p != '"' && *r->p != '{') {
            read_bytes(r, piece->text);
            break;
        }
        __attribute__((fallthrough)); /* what is no atom is a string */
    case STRING:
    case NSTRING:
    case RAW_MAILBOX:
        read_string(r);
        FUZZ_CHECK(perch_span_eq(last_string(r), piece->text));
        break;
    case MAILBOX:
        read_mailbox(r, piece->text);
        break;
    case NUMBER:
        read_bytes(r, (struct perch_span){digits, perch_num_format(piece->number, digits)});
        break;
    case ATOM:
    case FLAG:
    case RAW:
        read_bytes(r, piece->text);
        break;
    case LITERAL8:
        read_bytes(r, PERCH_SPAN("~"));
        read_literal(r);
        FUZZ_CHECK(perch_span_eq(last_string(r), piece->text));
        break;
    case LITERAL:
        read_literal(r);
        FUZZ_CHECK(perch_span_eq(last_string(r), piece->text));
        break;
    }
    FUZZ_CHECK((size_t)(r->p - r->start) == piece->to);
}

/* One line: outside of literals no CR, LF or NUL but for the last two bytes. */
static void check_framing(const struct perch_enc *e)
{
    const char *start = (const char *)perch_buf_data(&e->out), *end = start + e->out.len,
               *p = start;
    bool in_quotes = false;

    FUZZ_CHECK(e->out.len >= 2 && memcmp(end - 2, "\r\n", 2) == 0);
    for (; p < end - 2; p++) {
        uint64_t n = 0;
        bool plus;
        const char *bytes;

        if (*p == '\\' && in_quotes && p + 1 < end - 2)
            p++;
        else if (*p == '"')
            in_quotes = !in_quotes;
        else if (literal_head(p, end, &n, &plus, &bytes)) {
            FUZZ_CHECK(n <= (uint64_t)(end - 2 - bytes));
            p = bytes + n - 1;
            continue;
        }
        FUZZ_CHECK(*p != '\r' && *p != '\n' && *p != '\0');
    }
    FUZZ_CHECK(p == end - 2);
}

/* ---- pieces ---- */

static bool has_any(struct perch_span s, const char *bytes, size_t n)
{
    for (size_t i = 0; i < s.n; i++)
        if (memchr(bytes, s.p[i], n))
            return true;
    return false;
}

static bool is_atom(struct perch_span s)
{
    static const char chars[] = "!#$&'+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[^_`"
                                "abcdefghijklmnopqrstuvwxyz|}~"; /* RFC 9051 ATOM-CHAR */

    for (size_t i = 0; i < s.n; i++)
        if (!memchr(chars, s.p[i], sizeof chars - 1))
            return false;
    return s.n > 0;
}

static bool may_be_sent(const struct piece *piece, unsigned mode)
{
    struct perch_span s = piece->text;

    switch (piece->kind) {
    case NUMBER:
    case LITERAL:
        return true;
    case LITERAL8:
        return mode & PERCH_ENC_BINARY;
    case ATOM:
        return is_atom(s);
    case FLAG:
        if (s.n > 0 && s.p[0] == '\\')
            s = (struct perch_span){s.p + 1, s.n - 1};
        return is_atom(s);
    case RAW:
        return !has_any(s, "\r\n\0", 3);
    case MAILBOX:
        return perch_utf8_valid(s.p, s.n) && (!(mode & PERCH_ENC_UTF8) || !has_any(s, "\0", 1));
    case STRING:
    case NSTRING:
    case FIELD:
    case RAW_MAILBOX:
        break;
    }
    return !has_any(s, "\0", 1);
}

static void put_piece(struct perch_enc *e, struct piece *piece)
{
    if (piece->secret)
        perch_enc_secret_begin(e);
    piece->from = e->out.len;
    switch (piece->kind) {
    case STRING:
        perch_enc_astring(e, piece->text);
        break;
    case NSTRING:
        perch_enc_nstring(e, piece->text);
        break;
    case ATOM:
        perch_enc_atom(e, piece->text);
        break;
    case FLAG:
        perch_enc_flag(e, piece->text);
        break;
    case FIELD:
        perch_enc_field(e, piece->text);
        break;
    case NUMBER:
        perch_enc_num(e, piece->number);
        break;
    case MAILBOX:
        perch_enc_mailbox(e, piece->text);
        break;
    case RAW_MAILBOX:
        perch_enc_mailbox_raw(e, piece->text);
        break;
    case RAW:
        perch_enc_raw(e, piece->text);
        break;
    case LITERAL:
        perch_enc_literal(e, piece->text);
        break;
    case LITERAL8:
        perch_enc_literal8(e, piece->text);
        break;
    }
    piece->to = e->out.len;
    if (piece->secret)
        perch_enc_secret_end(e);
}

/* "{5}", "{5+}" and the like at the end: the server would take the next command for the
 * bytes. A blank stands before every piece but the first, so one piece has it all. */
static bool ends_like_a_literal(const struct piece *piece)
{
    const char *p = piece->text.p, *end = p + piece->text.n;

    if (piece->kind != RAW || p == end || *--end != '}')
        return false;
    if (end > p && end[-1] == '+')
        end--;
    while (end > p && perch_is_digit((unsigned char)end[-1]))
        end--;
    return end > p && end[-1] == '{';
}

static void check_secrets(const struct perch_enc *e, const struct piece *pieces, size_t n)
{
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        if (!pieces[i].secret)
            continue;
        FUZZ_CHECK(k < e->nsecrets && e->secrets[k].from == pieces[i].from &&
                   e->secrets[k].to == pieces[i].to);
        k++;
    }
    FUZZ_CHECK(k == e->nsecrets);
}

static void read_all(const struct perch_enc *e, const struct piece *pieces, size_t n)
{
    const char *start = (const char *)perch_buf_data(&e->out);
    struct reader r = {.p = start, .start = start, .end = start + e->out.len, .e = e};

    r.text = perch_malloc(e->out.len);
    FUZZ_CHECK(r.text);
    for (size_t i = 0; i < n; i++) {
        read_piece(&r, &pieces[i]);
        read_bytes(&r, i + 1 < n ? PERCH_SPAN(" ") : PERCH_SPAN("\r\n"));
    }
    FUZZ_CHECK(r.p == r.end && r.stop == e->nstops);
    perch_free(r.text);
}

static void check_pieces(struct fuzz_input in, unsigned mode)
{
    struct piece pieces[PIECES_MAX];
    struct perch_enc e;
    bool all_may = true, raw_quotes = false;
    size_t n = 0;

    perch_enc_init(&e, mode);
    do {
        unsigned head = fuzz_byte(&in);
        struct piece *piece = &pieces[n];

        *piece = (struct piece){.kind = (enum kind)(head % KINDS), .secret = head & 0x80};
        piece->text = fuzz_run(&in, fuzz_byte(&in));
        for (size_t i = 0; i < piece->text.n && i < 8; i++)
            piece->number = piece->number << 8 | (uint8_t)piece->text.p[i];
        if (n > 0)
            perch_enc_sp(&e);
        put_piece(&e, piece);
        all_may = all_may && may_be_sent(piece, mode);
        raw_quotes = raw_quotes || (piece->kind == RAW && has_any(piece->text, "\"", 1));
    } while (++n < PIECES_MAX && in.n > 0);
    all_may = all_may && !ends_like_a_literal(&pieces[n - 1]);
    FUZZ_CHECK((perch_enc_end(&e, NULL) == PERCH_OK) == all_may);
    if (all_may) {
        if (!raw_quotes) /* a caller's lone quote is the caller's */
            check_framing(&e);
        read_all(&e, pieces, n);
        check_secrets(&e, pieces, n);
    }
    perch_enc_done(&e);
}

/* ---- search criteria ---- */

#define NODES_MAX 64

struct tree {
    struct perch_search nodes[NODES_MAX];
    size_t n;
    bool eight_bit;
    size_t texts;
};

static char search_text[][16] = {"plain", "with \"quotes\"", "\xc3\xbc", "a\r\nb", "", "\\", "(",
                                 "{3}"};

/* Fills `at` with a tree; children lie behind everything that is there already. */
static void grow_tree(struct tree *t, struct fuzz_input *in, struct perch_search *at,
                      unsigned depth)
{
    static const enum perch_search_id lists[] = {PERCH_SEARCH_AND, PERCH_SEARCH_OR,
                                                 PERCH_SEARCH_NOT};
    unsigned head = fuzz_byte(in), kind = head & 7;
    size_t children = 1 + (head >> 3 & 3), first = t->n;

    if (kind < 3 && depth < 6 && t->n + children <= NODES_MAX) {
        t->n += children;
        *at = perch_search_list(lists[kind], &t->nodes[first], children);
        for (size_t i = 0; i < children; i++)
            grow_tree(t, in, &t->nodes[first + i], depth + 1);
    } else if (kind < 6) {
        const char *text = search_text[fuzz_byte(in) % PERCH_COUNT(search_text)];

        *at = perch_search_text(kind & 1 ? PERCH_SEARCH_SUBJECT : PERCH_SEARCH_BODY, text);
        t->texts++;
        t->eight_bit = t->eight_bit || (unsigned char)text[0] >= 0x80;
    } else {
        *at = perch_search_key(kind == 6 ? PERCH_SEARCH_SEEN : PERCH_SEARCH_ALL);
    }
    at->fuzzy = head & 0x40;
}

static struct perch_span read_word(struct reader *r)
{
    struct perch_span word = {r->p, 0};

    for (; r->p < r->end && perch_is_alpha((unsigned char)*r->p); r->p++)
        word.n++;
    return word;
}

static void read_keys(struct reader *r, size_t *texts);

/* Reads one search-key by the grammar and counts the texts in it. */
static void read_key(struct reader *r, size_t *texts)
{
    struct perch_span word = read_word(r);

    if (word.n == 0) {
        read_bytes(r, PERCH_SPAN("("));
        read_keys(r, texts);
        read_bytes(r, PERCH_SPAN(")"));
    } else if (perch_span_eq(word, PERCH_SPAN("SUBJECT")) ||
               perch_span_eq(word, PERCH_SPAN("BODY"))) {
        read_bytes(r, PERCH_SPAN(" "));
        read_string(r);
        (*texts)++;
    } else if (perch_span_eq(word, PERCH_SPAN("OR"))) {
        read_bytes(r, PERCH_SPAN(" "));
        read_key(r, texts);
        read_bytes(r, PERCH_SPAN(" "));
        read_key(r, texts);
    } else if (perch_span_eq(word, PERCH_SPAN("NOT")) || perch_span_eq(word, PERCH_SPAN("FUZZY"))) {
        read_bytes(r, PERCH_SPAN(" "));
        read_key(r, texts);
    } else {
        FUZZ_CHECK(perch_span_eq(word, PERCH_SPAN("SEEN")) ||
                   perch_span_eq(word, PERCH_SPAN("ALL")));
    }
}

static void read_keys(struct reader *r, size_t *texts)
{
    read_key(r, texts);
    while (r->p < r->end && *r->p == ' ') {
        r->p++;
        read_key(r, texts);
    }
}

static void check_search(struct fuzz_input in, unsigned mode)
{
    static struct tree t;
    struct perch_search root;
    struct perch_enc e;
    struct reader r;
    size_t texts = 0;
    bool charset;

    t.n = t.texts = 0;
    t.eight_bit = false;
    grow_tree(&t, &in, &root, 0);
    perch_enc_init(&e, mode);
    perch_enc_search(&e, &root);
    FUZZ_CHECK(perch_enc_end(&e, NULL) == PERCH_OK);
    check_framing(&e);
    r = (struct reader){.p = (const char *)perch_buf_data(&e.out), .e = &e};
    r.start = r.p;
    r.end = r.p + e.out.len;
    r.text = perch_malloc(e.out.len);
    FUZZ_CHECK(r.text);
    charset = t.eight_bit && !(mode & PERCH_ENC_UTF8);
    FUZZ_CHECK(charset == perch_span_istarts(perch_buf_span(&e.out), "CHARSET"));
    if (charset)
        read_bytes(&r, PERCH_SPAN("CHARSET UTF-8 "));
    read_keys(&r, &texts);
    read_bytes(&r, PERCH_SPAN("\r\n"));
    FUZZ_CHECK(r.p == r.end && texts == t.texts && r.stop == e.nstops);
    perch_free(r.text);
    perch_enc_done(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    unsigned mode = fuzz_byte(&in);

    if (mode & 0x80)
        check_search(in, mode & 0xf);
    else
        check_pieces(in, mode & 0xf);
    return 0;
}
