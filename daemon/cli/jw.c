#include "cli/jw.h"

#include "base/ascii.h"
#include "base/span.h"

static void before_value(struct jw *w)
{
    if (w->comma)
        perch_buf_addc(&w->out, ',');
    w->comma = true;
}

void jw_open(struct jw *w, char bracket)
{
    before_value(w);
    perch_buf_addc(&w->out, bracket);
    w->comma = false;
}

void jw_close(struct jw *w, char bracket)
{
    perch_buf_addc(&w->out, bracket);
    w->comma = true;
}

static void add_escaped(struct perch_buf *out, uint8_t c)
{
    static const char named[] = "\b\t\n\f\r\"\\";
    static const char letters[] = "btnfr\"\\";
    const char *at = c ? strchr(named, c) : NULL;

    if (at)
        perch_buf_addf(out, "\\%c", letters[at - named]);
    else
        perch_buf_addf(out, "\\u%04x", c);
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void add_string(struct perch_buf *out, struct perch_span text)
{
    const uint8_t *p = (const uint8_t *)text.p, *end = text.n > 0 ? p + text.n : p;

    perch_buf_addc(out, '"');
    while (p < end) {
        const uint8_t *from = p;
        uint32_t code;
        size_t len;

        while (p < end && is_plain(*p))
            p++;
        perch_buf_add(out, from, (size_t)(p - from));
        if (p == end)
            break;
        len = perch_utf8_seq(p, (size_t)(end - p), &code);
        if (len == 0)
            perch_buf_adds(out, "\xef\xbf\xbd");
        else if (len == 1)
            add_escaped(out, *p);
        else
            perch_buf_add(out, p, len);
        p += len ? len : 1;
    }
    perch_buf_addc(out, '"');
}

void jw_key_span(struct jw *w, struct perch_span key)
{
    before_value(w);
    add_string(&w->out, key);
    perch_buf_addc(&w->out, ':');
    w->comma = false;
}

void jw_key(struct jw *w, const char *key)
{
    jw_key_span(w, perch_span_of(key));
}

void jw_null(struct jw *w)
{
    before_value(w);
    perch_buf_adds(&w->out, "null");
}

void jw_bool(struct jw *w, bool value)
{
    before_value(w);
    perch_buf_adds(&w->out, value ? "true" : "false");
}

void jw_uint(struct jw *w, uint64_t value)
{
    before_value(w);
    perch_buf_addu(&w->out, value);
}

void jw_int(struct jw *w, int64_t value)
{
    before_value(w);
    if (value < 0)
        perch_buf_addc(&w->out, '-');
    perch_buf_addu(&w->out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void jw_string(struct jw *w, const char *text)
{
    jw_span(w, perch_span_of(text));
}

void jw_span(struct jw *w, struct perch_span text)
{
    if (!text.p) {
        jw_null(w);
        return;
    }
    before_value(w);
    add_string(&w->out, text);
}
