/* Modified UTF-7 (RFC 3501 5.1.3). Between "&" and "-" stand UTF-16 units in base64 with
 * "," for "/" and no padding; everything else is printable ASCII, "&" itself "&-".
 *
 * Decoding accepts more than encoding writes (a shift left open at the end, two shifts where
 * one would do, raw 8-bit); whether the name is one that encoding would have written is
 * found by encoding it. What is no shift is copied, printable ASCII in a shift too: a
 * mailbox that spells INBOX in base64 shall not look like INBOX. */
#include "wire/mutf7.h"

#include "perch/error.h"
#include "perch/text.h"

#include "base/ascii.h"
#include "base/mem.h"
#include "base/span.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c <= 0x7e && c != '&';
}

/* ---- encoding ---- */

struct shift {
    struct perch_buf *out;
    uint32_t bits;
    unsigned count; /* of bits that are no whole digit yet: 0, 2 or 4 */
};

static void shift_unit(struct shift *s, uint32_t unit)
{
    s->bits = s->bits << 16 | unit;
    for (s->count += 16; s->count >= 6; s->count -= 6)
        perch_buf_addc(s->out, alphabet[s->bits >> (s->count - 6) & 63]);
}

static void shift_code(struct shift *s, uint32_t code)
{
    if (code >= 0x10000) {
        shift_unit(s, 0xd800 + ((code - 0x10000) >> 10));
        shift_unit(s, 0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
        shift_unit(s, code);
    }
}

static void shift_end(struct shift *s)
{
    if (s->count > 0)
        perch_buf_addc(s->out, alphabet[s->bits << (6 - s->count) & 63]);
    perch_buf_addc(s->out, '-');
}

/* Everything from p on that is not plain, in one shift; returns how long it was, 0 if it
 * is not UTF-8. */
static size_t append_shift(struct perch_buf *out, const uint8_t *p, size_t n)
{
    struct shift s = {.out = out};
    size_t i = 0;

    perch_buf_addc(out, '&');
    while (i < n && !is_plain(p[i]) && p[i] != '&') {
        uint32_t code;
        size_t len = perch_utf8_seq(p + i, n - i, &code);

        if (len == 0)
            return 0;
        shift_code(&s, code);
        i += len;
    }
    shift_end(&s);
    return i;
}

bool perch_mutf7_append(struct perch_buf *out, struct perch_span utf8)
{
    const uint8_t *p = (const uint8_t *)utf8.p;

    for (size_t i = 0; i < utf8.n;) {
        size_t plain = 0;

        while (i + plain < utf8.n && is_plain(p[i + plain]))
            plain++;
        perch_buf_add(out, p + i, plain);
        i += plain;
        if (i < utf8.n && p[i] == '&') {
            perch_buf_adds(out, "&-");
            i++;
        } else if (i < utf8.n) {
            size_t len = append_shift(out, p + i, utf8.n - i);

            if (len == 0)
                return false;
            i += len;
        }
    }
    return true;
}

int perch_mutf7_encode(struct perch_span utf8, char **ret_name, size_t *ret_len)
{
    struct perch_buf out = PERCH_BUF_INIT;
    char *name;

    if (!perch_mutf7_append(&out, utf8)) {
        perch_buf_done(&out);
        return PERCH_EINVAL;
    }
    name = perch_buf_take(&out, ret_len);
    if (!name)
        return PERCH_ENOMEM;
    *ret_name = name;
    return PERCH_OK;
}

/* ---- decoding ---- */

static int digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (perch_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == ',' ? 63 : -1;
}

/* UTF-16 unit by unit; false for a surrogate that is not half of a pair, and for what may
 * not stand in a shift. */
static bool put_unit(struct perch_buf *out, uint32_t unit, uint32_t *high)
{
    uint8_t utf8[4];

    if (unit >= 0x20 && unit <= 0x7e)
        return false;
    if (*high) {
        if (unit < 0xdc00 || unit > 0xdfff)
            return false;
        unit = 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00);
        *high = 0;
    } else if (unit >= 0xd800 && unit <= 0xdbff) {
        *high = unit;
        return true;
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
        return false;
    }
    perch_buf_add(out, utf8, perch_utf8_put(unit, utf8));
    return true;
}

/* The digits of one shift. */
static bool put_shift(struct perch_buf *out, const uint8_t *p, size_t n)
{
    size_t before = out->len;
    uint32_t bits = 0, high = 0;
    unsigned count = 0;
    bool ok = n > 0;

    for (size_t i = 0; i < n && ok; i++) {
        bits = bits << 6 | (uint32_t)digit_value(p[i]);
        count += 6;
        if (count >= 16) {
            count -= 16;
            ok = put_unit(out, bits >> count & 0xffff, &high);
        }
    }
    if (ok && high == 0 && count < 6 && (bits & ((1u << count) - 1)) == 0)
        return true;
    perch_buf_truncate(out, before);
    return false;
}

/* At an "&": decodes one shift and returns its length, or copies the "&" alone. */
static size_t decode_shift(struct perch_buf *out, const uint8_t *p, size_t n)
{
    size_t end = 1;

    if (n > 1 && p[1] == '-') {
        perch_buf_addc(out, '&');
        return 2;
    }
    while (end < n && digit_value(p[end]) >= 0)
        end++;
    if ((end == n || p[end] == '-') && put_shift(out, p + 1, end - 1))
        return end < n ? end + 1 : end;
    /* No shift: copied up to where the next could begin, or digits would be read again
     * and again. */
    perch_buf_add(out, p, end);
    return end;
}

static size_t decode_raw(struct perch_buf *out, const uint8_t *p, size_t n)
{
    uint32_t code;
    size_t len = perch_utf8_seq(p, n, &code);

    if (len > 0) {
        perch_buf_add(out, p, len);
        return len;
    }
    perch_buf_adds(out, PERCH_UTF8_UNKNOWN);
    return 1;
}

static bool encodes_to(struct perch_span utf8, struct perch_span name, bool *ret_failed)
{
    struct perch_buf again = PERCH_BUF_INIT;
    bool same = perch_mutf7_append(&again, utf8) && perch_span_eq(perch_buf_span(&again), name);

    *ret_failed = again.failed;
    perch_buf_done(&again);
    return same;
}

int perch_mutf7_decode(struct perch_span name, char **ret_utf8, size_t *ret_len, bool *ret_exact)
{
    const uint8_t *p = (const uint8_t *)name.p;
    struct perch_buf out = PERCH_BUF_INIT;
    bool exact = true, failed = false;
    char *utf8;
    size_t plain = 0, len;

    while (plain < name.n && is_plain(p[plain]))
        plain++;
    perch_buf_add(&out, p, plain);
    for (size_t i = plain; i < name.n;)
        i += p[i] == '&' ? decode_shift(&out, p + i, name.n - i)
                         : decode_raw(&out, p + i, name.n - i);
    if (plain < name.n)
        exact = encodes_to(perch_buf_span(&out), name, &failed);
    utf8 = perch_buf_take(&out, &len);
    if (!utf8 || failed) {
        perch_free(utf8);
        return PERCH_ENOMEM;
    }
    *ret_utf8 = utf8;
    *ret_len = len;
    *ret_exact = exact;
    return PERCH_OK;
}
