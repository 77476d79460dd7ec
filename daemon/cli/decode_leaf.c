/* What all responses are made of: text, names, sets, lists. */
#include "cli/decode.h"

#include "base/ascii.h"
#include "base/b64.h"
#include "base/span.h"
#include "perch/text.h"

/* An empty buffer has no bytes to point at, which would be NIL. */
static struct perch_span text_of(const struct perch_buf *b)
{
    return b->len > 0 ? perch_buf_span(b) : PERCH_SPAN("");
}

static void add_base64(struct jw *w, struct perch_span bytes)
{
    struct perch_buf text = PERCH_BUF_INIT;

    perch_b64_encode(&text, bytes.p, bytes.n);
    jw_key(w, "base64");
    jw_span(w, text_of(&text));
    w->out.failed = w->out.failed || text.failed;
    perch_buf_done(&text);
}

static void add_size(struct jw *w, struct perch_span bytes)
{
    jw_key(w, "size");
    jw_uint(w, bytes.n);
}

static void add_digest(struct jw *w, struct perch_span bytes)
{
    char hex[DIGEST_HEX_SIZE];

    digest_of(bytes.p, bytes.n, hex);
    jw_key(w, "sha256");
    jw_string(w, hex);
}

void decode_raw(struct decoder *d, struct perch_span bytes)
{
    if (bytes.n > DECODE_TEXT_MAX) {
        add_size(&d->w, bytes);
        add_digest(&d->w, bytes);
    } else {
        add_base64(&d->w, bytes);
    }
}

void decode_text(struct decoder *d, struct perch_span text)
{
    if (!text.p || (text.n <= DECODE_TEXT_MAX && perch_utf8_valid(text.p, text.n))) {
        jw_span(&d->w, text);
        return;
    }
    jw_open(&d->w, '{');
    decode_raw(d, text);
    jw_close(&d->w, '}');
}

void decode_bytes(struct decoder *d, struct perch_span bytes)
{
    if (!bytes.p) {
        jw_null(&d->w);
        return;
    }
    jw_open(&d->w, '{');
    add_size(&d->w, bytes);
    if (bytes.n > DECODE_TEXT_MAX)
        add_digest(&d->w, bytes);
    else
        add_base64(&d->w, bytes);
    jw_close(&d->w, '}');
}

void decode_header(struct decoder *d, const char *key, const char *raw_key, struct perch_span value)
{
    char *decoded = NULL;
    size_t len = 0;
    bool same;

    jw_key(&d->w, key);
    if (!value.p || value.n > DECODE_TEXT_MAX) {
        decode_text(d, value);
        return;
    }
    if (perch_rfc2047_decode(value, &decoded, &len, NULL) != 0) {
        d->w.out.failed = true;
        return;
    }
    same = perch_span_eq(value, (struct perch_span){decoded, len});
    jw_span(&d->w, (struct perch_span){decoded, len});
    if (!same) {
        jw_key(&d->w, raw_key);
        decode_text(d, value);
    }
    perch_text_free(decoded);
}

void decode_name(struct decoder *d, const char *key, const char *raw_key,
                 const struct perch_name *name)
{
    jw_key(&d->w, key);
    decode_text(d, name->utf8);
    if (!name->exact && name->utf8.p) {
        jw_key(&d->w, raw_key);
        decode_text(d, name->raw);
    }
}

void decode_set(struct decoder *d, const struct perch_set *set)
{
    size_t len = perch_set_format(set, NULL, 0);
    struct perch_buf text = PERCH_BUF_INIT;
    uint8_t *room = perch_buf_room(&text, len + 1);

    if (room) {
        (void)perch_set_format(set, (char *)room, len + 1);
        jw_span(&d->w, (struct perch_span){(char *)room, len});
    } else {
        d->w.out.failed = true;
    }
    perch_buf_done(&text);
}

void decode_spans(struct decoder *d, const struct perch_span *v, size_t n)
{
    jw_open(&d->w, '[');
    for (size_t i = 0; i < n; i++)
        decode_text(d, v[i]);
    jw_close(&d->w, ']');
}

void decode_names(struct decoder *d, const struct perch_names *names)
{
    jw_open(&d->w, '[');
    for (size_t i = 0; i < names->n; i++)
        decode_text(d, names->v[i]);
    if (names->star)
        jw_string(&d->w, "\\*");
    jw_close(&d->w, ']');
}

void decode_numbers(struct decoder *d, const uint32_t *v, size_t n)
{
    jw_open(&d->w, '[');
    for (size_t i = 0; i < n; i++)
        jw_uint(&d->w, v[i]);
    jw_close(&d->w, ']');
}

void decode_params(struct decoder *d, const struct perch_param *params, size_t n)
{
    if (n == 0) {
        jw_null(&d->w);
        return;
    }
    jw_open(&d->w, '{');
    for (size_t i = 0; i < n; i++) {
        jw_key_span(&d->w, params[i].name);
        decode_text(d, params[i].value);
    }
    jw_close(&d->w, '}');
}

/* Upper case up to the first parenthesis, behind which names of headers stand. */
static void add_upper(struct perch_buf *out, struct perch_span name)
{
    size_t i = 0;

    for (; i < name.n && name.p[i] != '('; i++)
        perch_buf_addc(out, (char)perch_upper(name.p[i]));
    if (i < name.n)
        perch_buf_add(out, name.p + i, name.n - i);
}

void decode_item_key(struct decoder *d, struct perch_span name)
{
    struct perch_buf key = PERCH_BUF_INIT;

    add_upper(&key, name);
    jw_key_span(&d->w, text_of(&key));
    d->w.out.failed = d->w.out.failed || key.failed;
    perch_buf_done(&key);
}

void decode_upper(struct decoder *d, struct perch_span word)
{
    struct perch_buf upper = PERCH_BUF_INIT;

    add_upper(&upper, word);
    jw_span(&d->w, text_of(&upper));
    d->w.out.failed = d->w.out.failed || upper.failed;
    perch_buf_done(&upper);
}

static void decode_other(struct decoder *d, struct perch_span value)
{
    if (perch_span_ieqs(value, "NIL"))
        jw_null(&d->w);
    else
        decode_text(d, value);
}

void decode_others(struct decoder *d, const struct perch_other_item *others, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        decode_item_key(d, others[i].name);
        decode_other(d, others[i].value);
    }
}

/* ---- members ---- */

void decode_text_at(struct decoder *d, const char *key, struct perch_span text)
{
    jw_key(&d->w, key);
    decode_text(d, text);
}

void decode_number_at(struct decoder *d, const char *key, bool there, uint64_t value)
{
    jw_key(&d->w, key);
    if (there)
        jw_uint(&d->w, value);
    else
        jw_null(&d->w);
}

void decode_set_at(struct decoder *d, const char *key, bool there, const struct perch_set *set)
{
    jw_key(&d->w, key);
    if (there)
        decode_set(d, set);
    else
        jw_null(&d->w);
}
