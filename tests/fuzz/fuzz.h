/* What the fuzz targets share. A target states properties with FUZZ_CHECK; one that does not
 * hold ends the process, so that libFuzzer and the replay both see it. */
#ifndef PERCH_FUZZ_H
#define PERCH_FUZZ_H

#include "perch/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(property)                                                                       \
    do {                                                                                           \
        if (!(property)) {                                                                         \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #property);    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The input, eaten from the front. Past its end there are zeros and empty runs. */
struct fuzz_input {
    const uint8_t *p;
    size_t n;
};

static inline unsigned fuzz_byte(struct fuzz_input *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->p++;
}

static inline unsigned fuzz_u16(struct fuzz_input *in)
{
    unsigned high = fuzz_byte(in);

    return high << 8 | fuzz_byte(in);
}

static inline struct perch_span fuzz_run(struct fuzz_input *in, size_t n)
{
    struct perch_span s = {(const char *)in->p, n < in->n ? n : in->n};

    in->p += s.n;
    in->n -= s.n;
    return s;
}

/* Up to the next byte `end`, which goes too. */
static inline struct perch_span fuzz_until(struct fuzz_input *in, int end)
{
    const uint8_t *at = in->n > 0 ? memchr(in->p, end, in->n) : NULL;
    struct perch_span s = fuzz_run(in, at ? (size_t)(at - in->p) : in->n);

    if (at)
        (void)fuzz_byte(in);
    return s;
}

#endif
