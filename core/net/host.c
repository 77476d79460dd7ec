#include "net/host.h"

#include "base/ascii.h"
#include "base/span.h"

#include <arpa/inet.h>

#define NAME_MAX_LEN  253 /* RFC 1035 2.3.4, without the dot of the root */
#define LABEL_MAX_LEN 63

size_t perch_host_address(const char *host, uint8_t out[16])
{
    if (inet_pton(AF_INET, host, out) == 1)
        return 4;
    if (inet_pton(AF_INET6, host, out) == 1)
        return 16;
    return 0;
}

bool perch_host_loopback(const uint8_t *address, size_t n)
{
    static const uint8_t v6[16] = {[15] = 1}, mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (n == 4)
        return address[0] == 127;
    return n == 16 && (memcmp(address, v6, sizeof v6) == 0 ||
                       (memcmp(address, mapped, sizeof mapped) == 0 && address[12] == 127));
}

/* Labels of 1 to 63 bytes, dots between them. */
static bool name_valid(struct perch_span name)
{
    size_t label = 0;

    if (name.n == 0 || name.n > NAME_MAX_LEN)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (!perch_is_alnum((unsigned char)c) && c != '-' && c != '_') {
            return false;
        } else if (++label > LABEL_MAX_LEN) {
            return false;
        }
    }
    return label > 0;
}

struct perch_span perch_host_name(const char *host)
{
    struct perch_span name = perch_span_of(host);

    if (name.n > 1 && name.p[name.n - 1] == '.')
        name.n--;
    return name;
}

bool perch_host_valid(const char *host)
{
    uint8_t address[16];

    return perch_host_address(host, address) > 0 || name_valid(perch_host_name(host));
}

/* The part behind the first dot; p == NULL when there is no dot. */
static struct perch_span parent(struct perch_span name)
{
    (void)perch_span_cut(&name, '.');
    return name;
}

bool perch_host_matches(const char *host, struct perch_span pattern)
{
    struct perch_span name = perch_host_name(host);
    uint8_t address[16];

    if (perch_host_address(host, address) > 0 || !name_valid(name))
        return false;
    if (pattern.n > 2 && pattern.p[0] == '*' && pattern.p[1] == '.') {
        pattern = parent(pattern);
        name = parent(name);
        if (!parent(pattern).p) /* "*.com" would cover a whole registry */
            return false;
    }
    return name_valid(pattern) && perch_span_ieq(name, pattern);
}
