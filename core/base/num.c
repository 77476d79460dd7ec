#include "base/num.h"

#include "base/ascii.h"

bool perch_num_scan(const char **p, const char *end, uint64_t max, uint64_t *ret)
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
    if (at == *p)
        return false;
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
