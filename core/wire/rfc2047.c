/* Encoded words (RFC 2047), read as tolerantly as mail programs do: words longer than 75
 * bytes, inside other text, without blanks between them, with blanks inside Q text.
 *
 * The bytes of adjacent words in one charset are gathered before they are converted, so that
 * a character split over two of them comes out whole. Each byte of the value is looked at a
 * bounded number of times whatever it holds: a word's text ends where the next one could
 * begin, so that a thousand openings without an end are scanned once, not a thousand times. */
#include "wire/rfc2047.h"

#include "wire/charset.h"

#include "perch/error.h"
#include "perch/text.h"

#include "base/ascii.h"
#include "base/b64.h"
#include "base/span.h"

#define OUTPUT_MAX       65536
#define CHARSET_NAME_MAX 64 /* of a word, with its language */

struct word {
    struct perch_span charset, text;
    char encoding; /* 'B' or 'Q' */
    size_t length; /* of it all, from "=?" to "?=" */
};

/* ---- finding a word ---- */

static bool is_charset_char(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '?' && c != '=';
}

/* The length of the text at p that "?=" ends, or -1. A "?" alone belongs to Q text; "=?" begins
 * another word, unless it is a padded B text with its end behind ("Zg==?="). */
static ssize_t text_length(const char *p, const char *end)
{
    for (const char *at = p; (at = memchr(at, '?', (size_t)(end - at))) != NULL; at++) {
        if (at + 1 < end && at[1] == '=')
            return at - p;
        if (at > p && at[-1] == '=')
            return -1;
    }
    return -1;
}

/* At a "=?". */
static bool read_word(const char *p, const char *end, struct word *ret)
{
    const char *at = p + 2, *name = at;
    ssize_t length;

    while (at < end && at - name < CHARSET_NAME_MAX && is_charset_char((unsigned char)*at))
        at++;
    ret->charset = (struct perch_span){name, (size_t)(at - name)};
    if (at == name || end - at < 3 || at[0] != '?' || at[2] != '?')
        return false;
    ret->encoding = (char)perch_upper((unsigned char)at[1]);
    at += 3;
    length = text_length(at, end);
    if (length < 0 || (ret->encoding != 'B' && ret->encoding != 'Q'))
        return false;
    ret->text = (struct perch_span){at, (size_t)length};
    ret->length = (size_t)(at - p) + (size_t)length + 2;
    return true;
}

/* ---- the bytes of a word ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_b(struct perch_span s)
{
    size_t digits = 0, i = 0;

    for (; i < s.n && s.p[i] != '='; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (perch_is_alnum(c) || c == '+' || c == '/')
            digits++;
        else if (!is_blank(s.p[i]))
            return false;
    }
    while (i < s.n && (s.p[i] == '=' || is_blank(s.p[i])))
        i++;
    return i == s.n && digits % 4 != 1;
}

static int q_escape(struct perch_span s, size_t at)
{
    int high = at + 2 < s.n ? perch_hex_value((unsigned char)s.p[at + 1]) : -1;
    int low = at + 2 < s.n ? perch_hex_value((unsigned char)s.p[at + 2]) : -1;

    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool is_q(struct perch_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '=' && q_escape(s, i) < 0)
            return false;
    return true;
}

static void append_q(struct perch_buf *out, struct perch_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '=') {
            c = (char)q_escape(s, i);
            i += 2;
        } else if (c == '_') {
            c = ' ';
        }
        perch_buf_addc(out, c);
    }
}

/* ---- text that is no word ---- */

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

static size_t line_length(struct perch_span s)
{
    size_t n = 0;

    while (n < s.n && !is_line_end(s.p[n]))
        n++;
    return n;
}

/* Undoes folding: a line end before a blank goes, one at the end goes, any other becomes a
 * blank. */
static void append_text(struct perch_buf *out, struct perch_span s)
{
    struct perch_buf line = PERCH_BUF_INIT;
    size_t n = line_length(s);

    if (n == s.n) {
        perch_charset_append_raw(out, s);
        return;
    }
    while (s.n > 0) {
        perch_buf_add(&line, s.p, n);
        while (n < s.n && is_line_end(s.p[n]))
            n++;
        s = (struct perch_span){s.p + n, s.n - n};
        if (s.n > 0 && !is_blank(s.p[0]))
            perch_buf_addc(&line, ' ');
        n = line_length(s);
    }
    perch_charset_append_raw(out, perch_buf_span(&line));
    if (line.failed)
        out->failed = true;
    perch_buf_done(&line);
}

static bool is_all_blank(struct perch_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_blank(s.p[i]))
            return false;
    return true;
}

/* ---- a value ---- */

struct decoder {
    struct perch_buf *out;
    struct perch_charset charset; /* of what is pending */
    struct perch_buf pending;     /* bytes of adjacent words */
};

static void flush_pending(struct decoder *d)
{
    if (d->pending.failed)
        d->out->failed = true;
    else if (d->pending.len > 0)
        perch_charset_append(d->out, &d->charset, perch_buf_span(&d->pending));
    perch_buf_clear(&d->pending);
}

/* Adds the word to what is pending, and `before`, the text between it and the last one, to
 * the output. False if it has to stay as it is written. */
static bool take_word(struct decoder *d, const struct word *w, struct perch_span before,
                      bool adjacent)
{
    if (w->encoding == 'B' ? !is_b(w->text) : !is_q(w->text))
        return false;
    if (!perch_charset_is(&d->charset, w->charset)) {
        flush_pending(d);
        if (!perch_charset_open(&d->charset, w->charset))
            return false;
    }
    if (!adjacent || !is_all_blank(before)) {
        flush_pending(d);
        append_text(d->out, before);
    }
    if (w->encoding == 'B')
        perch_b64_decode_lax(&d->pending, w->text.p, w->text.n);
    else
        append_q(&d->pending, w->text);
    return true;
}

static void decode_value(struct decoder *d, struct perch_span value, size_t enough)
{
    const char *p = value.p, *text = p, *end = value.n > 0 ? p + value.n : p;
    bool adjacent = false;

    while (p < end && d->out->len <= enough) {
        struct word w;
        const char *at = memmem(p, (size_t)(end - p), "=?", 2);

        if (!at)
            break;
        p = at + 2;
        if (!read_word(at, end, &w))
            continue;
        p = at + w.length;
        if (take_word(d, &w, (struct perch_span){text, (size_t)(at - text)}, adjacent)) {
            text = p;
            adjacent = true;
        }
    }
    flush_pending(d);
    append_text(d->out, (struct perch_span){text, (size_t)(end - text)});
}

void perch_text_make_one_line(struct perch_buf *out, size_t from)
{
    uint8_t *p = perch_buf_data(out);

    for (size_t i = from; i < out->len; i++)
        if (p[i] == '\0' || p[i] == '\r' || p[i] == '\n')
            p[i] = ' ';
}

static bool cut_at_border(struct perch_buf *out, size_t max)
{
    const uint8_t *p = perch_buf_data(out);

    if (out->len <= max)
        return true;
    while (max > 0 && (p[max] & 0xc0) == 0x80)
        max--;
    perch_buf_truncate(out, max);
    return false;
}

bool perch_rfc2047_append(struct perch_buf *out, struct perch_span value)
{
    struct decoder d = {.out = out};
    size_t from = out->len;

    decode_value(&d, value, from + OUTPUT_MAX);
    perch_charset_close(&d.charset);
    perch_buf_done(&d.pending);
    perch_text_make_one_line(out, from);
    return cut_at_border(out, from + OUTPUT_MAX);
}

void perch_text_append_line(struct perch_buf *out, struct perch_span raw)
{
    size_t from = out->len;

    append_text(out, raw);
    perch_text_make_one_line(out, from);
}

int perch_rfc2047_decode(struct perch_span value, char **ret_utf8, size_t *ret_len,
                         bool *ret_truncated)
{
    struct perch_buf out = PERCH_BUF_INIT;
    bool whole = perch_rfc2047_append(&out, value);
    char *utf8 = perch_buf_take(&out, ret_len);

    if (!utf8)
        return PERCH_ENOMEM;
    *ret_utf8 = utf8;
    if (ret_truncated)
        *ret_truncated = !whole;
    return PERCH_OK;
}
