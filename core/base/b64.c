#include "base/b64.h"

#include "base/ascii.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 0 to 63, or -1. */
static int b64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (perch_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

void perch_b64_encode(struct perch_buf *out, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint8_t *room = NULL, *to;

    if (n <= PTRDIFF_MAX / 2)
        room = perch_buf_room(out, (n + 2) / 3 * 4);
    else
        out->failed = true;
    if (!room)
        return;
    to = room;
    for (; n > 0; p += 3) {
        uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) | (n > 2 ? p[2] : 0u);

        *to++ = (uint8_t)alphabet[v >> 18];
        *to++ = (uint8_t)alphabet[v >> 12 & 63];
        *to++ = (uint8_t)(n > 1 ? alphabet[v >> 6 & 63] : '=');
        *to++ = (uint8_t)(n > 2 ? alphabet[v & 63] : '=');
        n -= n > 3 ? 3 : n;
    }
    perch_buf_commit(out, (size_t)(to - room));
}

/* Reads values one by one and keeps the bits that are not a whole byte yet. */
struct b64_bits {
    uint32_t bits;
    unsigned count;
};

static uint8_t *b64_push(struct b64_bits *b, int value, uint8_t *to)
{
    b->bits = b->bits << 6 | (uint32_t)value;
    b->count += 6;
    if (b->count < 8)
        return to;
    b->count -= 8;
    *to = (uint8_t)(b->bits >> b->count);
    return to + 1;
}

bool perch_b64_decode(struct perch_buf *out, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    struct b64_bits b = {0, 0};
    uint8_t *room, *to;

    if (n % 4 != 0)
        return false;
    if (n == 0)
        return true;
    n -= p[n - 1] != '=' ? 0 : p[n - 2] != '=' ? 1 : 2;
    room = to = perch_buf_room(out, n / 4 * 3 + 2);
    if (!room)
        return false;
    for (size_t i = 0; i < n; i++) {
        int value = b64_value(p[i]);

        if (value < 0)
            return false;
        to = b64_push(&b, value, to);
    }
    perch_buf_commit(out, (size_t)(to - room));
    return true;
}

void perch_b64_decode_lax(struct perch_buf *out, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    struct b64_bits b = {0, 0};
    uint8_t *room = perch_buf_room(out, n / 4 * 3 + 3), *to = room;

    if (!room)
        return;
    for (size_t i = 0; i < n; i++) {
        int value = b64_value(p[i]);

        if (value >= 0)
            to = b64_push(&b, value, to);
        else if (p[i] == '=') /* the end of one run; concatenated runs start afresh */
            b = (struct b64_bits){0, 0};
    }
    perch_buf_commit(out, (size_t)(to - room));
}

void perch_b32_encode(char *out, size_t chars, const uint8_t *p, size_t n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

    for (size_t i = 0; i < chars; i++) {
        size_t byte = i * 5 / 8;
        unsigned shift = (unsigned)(i * 5 % 8);
        unsigned two = (unsigned)p[byte] << 8 | (byte + 1 < n ? p[byte + 1] : 0u);

        out[i] = letters[two >> (11 - shift) & 31];
    }
}
