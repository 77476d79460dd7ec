#include "base/num.h"

#include "base/ascii.h"

#define SAFE_DIGITS 19 /* fit 64 bits, whatever they are */

/* Digit by digit, to find the one that does not fit. */
static bool scan_long(const char **p, const char *end, uint64_t max, uint64_t *ret)
{
    const char *at = *p;
    uint64_t value = 0;

    for (; at < end && perch_is_digit(*at); at++) {
        uint64_t digit = (uint64_t)(*at - '0'), next;

        if (__builtin_mul_overflow(value, 10, &next) ||
            __builtin_add_overflow(next, digit, &next) || next > max) {
            *p = at;
            return false;
        }
        value = next;
    }
    *p = at;
    *ret = value;
    return true;
}

bool perch_num_scan(const char **p, const char *end, uint64_t max, uint64_t *ret)
{
    const char *at = *p, *safe = end - at > SAFE_DIGITS ? at + SAFE_DIGITS : end;
    uint64_t value = 0;

    for (; at < safe && perch_is_digit(*at); at++)
        value = value * 10 + (uint64_t)(*at - '0');
    if (at == *p)
        return false;
    if (value > max || (at == safe && at < end && perch_is_digit(*at)))
        return scan_long(p, end, max, ret);
    *p = at;
    *ret = value;
    return true;
}

bool perch_num_u64(struct perch_span s, uint64_t max, uint64_t *ret)
{
    const char *p = s.p, *end = s.n > 0 ? s.p + s.n : s.p;
    uint64_t value;

    if (!perch_num_scan(&p, end, max, &value) || p != end)
        return false;
    *ret = value;
    return true;
}

bool perch_num_u32(struct perch_span s, uint32_t *ret)
{
    uint64_t value;

    if (!perch_num_u64(s, UINT32_MAX, &value))
        return false;
    *ret = (uint32_t)value;
    return true;
}

unsigned perch_num_format(uint64_t n, char out[20])
{
    char reversed[20];
    unsigned len = 0;

    do {
        reversed[len++] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    for (unsigned i = 0; i < len; i++)
        out[i] = reversed[len - 1 - i];
    return len;
}
