#include "support/feed.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static size_t piece(unsigned way, uint32_t *state, size_t left)
{
    size_t n;

    if (way == 0)
        return left;
    if (way == 1)
        return 1;
    n = 1 + next_random(state) % (4u << way);
    return n < left ? n : left;
}

int perch_feed(unsigned way, const void *data, size_t len,
               int (*fn)(const void *data, size_t len, void *user), void *user)
{
    uint32_t state = 2463534242u + way;
    const char *p = data;
    int rc = 0;

    for (size_t n; len > 0 && rc == 0; p += n, len -= n) {
        void *copy;

        n = piece(way, &state, len);
        copy = malloc(n);
        if (!copy)
            abort();
        memcpy(copy, p, n);
        rc = fn(copy, n, user);
        free(copy);
    }
    return rc;
}

const char *perch_feed_name(unsigned way)
{
    static const char *const names[PERCH_FEED_WAYS] = {"whole",         "byte by byte",
                                                       "random cuts 2", "random cuts 3",
                                                       "random cuts 4", "random cuts 5"};

    return names[way];
}
