/* ASCII classes and case, never by locale. */
#ifndef PERCH_BASE_ASCII_H
#define PERCH_BASE_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool perch_is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static inline bool perch_is_alpha(int c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static inline bool perch_is_alnum(int c)
{
    return perch_is_digit(c) || perch_is_alpha(c);
}

static inline bool perch_is_ctl(int c)
{
    return (c >= 0 && c < 0x20) || c == 0x7f;
}

static inline int perch_lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static inline int perch_upper(int c)
{
    return c >= 'a' && c <= 'z' ? c & ~0x20 : c;
}

/* 0 to 15, or -1. */
static inline int perch_hex_value(int c)
{
    if (perch_is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The length of the valid UTF-8 sequence that p starts with (1 to 4), or 0: no
 * overlong forms, no surrogates, nothing past U+10FFFF. */
size_t perch_utf8_seq(const uint8_t *p, size_t n, uint32_t *ret_code);
bool perch_utf8_valid(const void *p, size_t n);

/* Writes a code point (no surrogate, at most U+10FFFF); returns its length, 1 to 4. */
size_t perch_utf8_put(uint32_t code, uint8_t out[4]);

#define PERCH_UTF8_UNKNOWN "\xef\xbf\xbd" /* U+FFFD, in the place of what cannot be read */

#endif
