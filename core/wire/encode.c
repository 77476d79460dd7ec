/* Text of any kind passes through put(), which refuses CR, LF and NUL; only the bytes of
 * put_literal() do not. The form of a string is chosen by put_string() alone. */
#include "wire/encode.h"

#include "wire/date.h"
#include "wire/mutf7.h"
#include "wire/seqset.h"

#include "perch/text.h"

#include "base/ascii.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"

#define LITERAL_MINUS_MAX 4096 /* RFC 7888 section 5 */
#define QUOTED_MAX        1024 /* longer text goes as a literal: RFC 2683 asks for short lines */

void perch_enc_init(struct perch_enc *e, unsigned mode)
{
    *e = (struct perch_enc){.mode = mode};
}

void perch_enc_done(struct perch_enc *e)
{
    perch_buf_done(&e->out);
    perch_free(e->stops);
    perch_free(e->secrets);
    *e = (struct perch_enc){.mode = e->mode};
}

static void refuse(struct perch_enc *e, int error, const char *why)
{
    if (e->error)
        return;
    e->error = error;
    e->why = why;
}

/* Room for one more behind `n` elements; arrays double, so that their size follows from n. */
static void *grow(struct perch_enc *e, void *array, size_t n, size_t size)
{
    void *p = array;

    if ((n & (n - 1)) == 0)
        p = perch_reallocarray(array, n ? n * 2 : 1, size);
    if (!p)
        refuse(e, PERCH_ENOMEM, "out of memory");
    return p;
}

static void put(struct perch_enc *e, struct perch_span s)
{
    if (e->error)
        return;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0') {
            refuse(e, PERCH_EINVAL, "a CR, LF or NUL outside of a literal");
            return;
        }
    perch_buf_addspan(&e->out, s);
}

/* ---- words and atoms ---- */

void perch_enc_word(struct perch_enc *e, const char *s)
{
    put(e, perch_span_of(s));
}

void perch_enc_raw(struct perch_enc *e, struct perch_span s)
{
    put(e, s);
}

void perch_enc_char(struct perch_enc *e, char c)
{
    put(e, (struct perch_span){&c, 1});
}

void perch_enc_sp(struct perch_enc *e)
{
    perch_enc_char(e, ' ');
}

void perch_enc_num(struct perch_enc *e, uint64_t n)
{
    if (!e->error)
        perch_buf_addu(&e->out, n);
}

static bool is_atom(struct perch_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c <= ' ' || c >= 0x7f || memchr("(){%*\"\\]", c, 8))
            return false;
    }
    return s.n > 0;
}

void perch_enc_atom(struct perch_enc *e, struct perch_span s)
{
    if (!is_atom(s))
        refuse(e, PERCH_EINVAL, "not an atom");
    put(e, s);
}

void perch_enc_flag(struct perch_enc *e, struct perch_span s)
{
    struct perch_span name = s;

    if (s.n > 0 && s.p[0] == '\\')
        name = (struct perch_span){s.p + 1, s.n - 1};
    if (!is_atom(name))
        refuse(e, PERCH_EINVAL, "not a flag");
    put(e, s);
}

/* ---- strings ---- */

static void add_stop(struct perch_enc *e, bool wait, uint64_t source)
{
    struct perch_enc_stop *stops = grow(e, e->stops, e->nstops, sizeof *stops);

    if (!stops)
        return;
    e->stops = stops;
    e->stops[e->nstops++] = (struct perch_enc_stop){e->out.len, wait, source};
}

/* "{n}" or "{n+}" and CRLF; what follows are the bytes, here or from the source. */
static void announce(struct perch_enc *e, uint64_t n, bool literal8, uint64_t source)
{
    bool now = (e->mode & PERCH_ENC_LITERAL_PLUS) ||
               ((e->mode & PERCH_ENC_LITERAL_MINUS) && n <= LITERAL_MINUS_MAX);

    if (literal8 && !(e->mode & PERCH_ENC_BINARY))
        refuse(e, PERCH_EINVAL, "the server takes no binary literal");
    if (e->error)
        return;
    perch_buf_adds(&e->out, literal8 ? "~{" : "{");
    perch_buf_addu(&e->out, n);
    perch_buf_adds(&e->out, now ? "+}\r\n" : "}\r\n");
    if (!now || source > 0)
        add_stop(e, !now, source);
    e->outside = e->out.len;
}

static void put_literal(struct perch_enc *e, struct perch_span s, bool literal8)
{
    announce(e, s.n, literal8, 0);
    if (e->error)
        return;
    perch_buf_addspan(&e->out, s);
    e->outside = e->out.len;
}

static bool may_be_quoted(const struct perch_enc *e, struct perch_span s)
{
    bool eight_bit = false;

    if (s.n > QUOTED_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\r' || s.p[i] == '\n')
            return false;
        eight_bit |= (unsigned char)s.p[i] >= 0x80;
    }
    return !eight_bit || ((e->mode & PERCH_ENC_UTF8) && perch_utf8_valid(s.p, s.n));
}

static void put_quoted(struct perch_enc *e, struct perch_span s)
{
    perch_enc_char(e, '"');
    while (s.n > 0) {
        size_t n = 0;

        while (n < s.n && s.p[n] != '"' && s.p[n] != '\\')
            n++;
        put(e, (struct perch_span){s.p, n});
        if (n < s.n) {
            char escaped[2] = {'\\', s.p[n++]};

            put(e, (struct perch_span){escaped, 2});
        }
        s = (struct perch_span){s.p + n, s.n - n};
    }
    perch_enc_char(e, '"');
}

static void put_string(struct perch_enc *e, struct perch_span s)
{
    if (s.n > 0 && memchr(s.p, '\0', s.n))
        refuse(e, PERCH_EINVAL, "a NUL in a string");
    if (may_be_quoted(e, s))
        put_quoted(e, s);
    else
        put_literal(e, s, false);
}

void perch_enc_astring(struct perch_enc *e, struct perch_span s)
{
    put_string(e, s);
}

void perch_enc_string(struct perch_enc *e, struct perch_span s)
{
    put_string(e, s);
}

void perch_enc_nstring(struct perch_enc *e, struct perch_span s)
{
    if (s.p)
        put_string(e, s);
    else
        perch_enc_word(e, "NIL");
}

void perch_enc_literal(struct perch_enc *e, struct perch_span s)
{
    put_literal(e, s, false);
}

void perch_enc_literal8(struct perch_enc *e, struct perch_span s)
{
    put_literal(e, s, true);
}

void perch_enc_field(struct perch_enc *e, struct perch_span name)
{
    if (is_atom(name))
        put(e, name);
    else
        put_string(e, name);
}

void perch_enc_source(struct perch_enc *e, uint64_t n, bool literal8)
{
    announce(e, n, literal8, n);
}

/* ---- mailbox names ---- */

void perch_enc_pattern(struct perch_enc *e, struct perch_span utf8)
{
    struct perch_buf name = PERCH_BUF_INIT;

    if (e->mode & PERCH_ENC_UTF8) {
        if (!perch_utf8_valid(utf8.p, utf8.n))
            refuse(e, PERCH_EINVAL, "a mailbox name that is not UTF-8");
        put_string(e, utf8);
        return;
    }
    if (!perch_mutf7_append(&name, utf8))
        refuse(e, PERCH_EINVAL, "a mailbox name that is not UTF-8");
    if (name.failed)
        refuse(e, PERCH_ENOMEM, "out of memory");
    put_string(e, perch_buf_span(&name));
    perch_buf_done(&name);
}

void perch_enc_mailbox(struct perch_enc *e, struct perch_span utf8)
{
    perch_enc_pattern(e, perch_span_ieqs(utf8, "INBOX") ? PERCH_SPAN("INBOX") : utf8);
}

void perch_enc_mailbox_raw(struct perch_enc *e, struct perch_span raw)
{
    put_string(e, raw);
}

/* ---- sets and dates ---- */

void perch_enc_set(struct perch_enc *e, const struct perch_set *s)
{
    if (s->n == 0)
        refuse(e, PERCH_EINVAL, "an empty set of messages");
    for (size_t i = 0; i < s->n && !e->error; i++) {
        char text[PERCH_RANGE_TEXT];

        if (i > 0)
            perch_buf_addc(&e->out, ',');
        perch_buf_add(&e->out, text, perch_range_format(s->r[i], text));
    }
}

size_t perch_enc_set_fit(const struct perch_set *s, size_t from, size_t max_bytes)
{
    size_t i = from, bytes = 0;

    for (; i < s->n; i++) {
        char text[PERCH_RANGE_TEXT];

        bytes += perch_range_format(s->r[i], text) + (i > from);
        if (bytes > max_bytes && i > from)
            break;
    }
    return i - from;
}

void perch_enc_date(struct perch_enc *e, int64_t unix_s)
{
    char text[PERCH_DAY_SIZE];

    perch_day_format(unix_s, text);
    perch_enc_word(e, text);
}

void perch_enc_datetime(struct perch_enc *e, struct perch_time t)
{
    char text[PERCH_INTERNALDATE_SIZE];

    if (!t.valid)
        refuse(e, PERCH_EINVAL, "a date that is none");
    perch_internaldate_format(t, text);
    put_quoted(e, perch_span_of(text));
}

/* ---- secrets ---- */

void perch_enc_secret_begin(struct perch_enc *e)
{
    struct perch_enc_secret *secrets = grow(e, e->secrets, e->nsecrets, sizeof *secrets);

    if (!secrets)
        return;
    e->secrets = secrets;
    e->secrets[e->nsecrets++] = (struct perch_enc_secret){e->out.len, e->out.len};
    e->in_secret = true;
    e->out.secret = true;
}

void perch_enc_secret_end(struct perch_enc *e)
{
    if (!e->in_secret)
        return;
    e->secrets[e->nsecrets - 1].to = e->out.len;
    e->in_secret = false;
}

/* ---- the end ---- */

static bool ends_like_a_literal(const struct perch_enc *e)
{
    const uint8_t *p = perch_buf_data(&e->out);
    size_t n = e->out.len, least = e->outside;

    if (n == least || p[--n] != '}')
        return false;
    if (n > least && p[n - 1] == '+')
        n--;
    while (n > least && perch_is_digit(p[n - 1]))
        n--;
    return n > least && p[n - 1] == '{';
}

int perch_enc_end(struct perch_enc *e, struct perch_error *err)
{
    perch_enc_secret_end(e);
    if (ends_like_a_literal(e))
        refuse(e, PERCH_EINVAL, "a command that ends like the start of a literal");
    perch_buf_adds(&e->out, "\r\n");
    if (e->out.failed)
        refuse(e, PERCH_ENOMEM, "out of memory");
    if (!e->error)
        return PERCH_OK;
    return perch_error_set(err, e->error, PERCH_HITS_OP,
                           e->error == PERCH_ENOMEM ? PERCH_TRY_LATER : PERCH_FIX_CODE, NULL,
                           "command not sent: %s", e->why);
}
