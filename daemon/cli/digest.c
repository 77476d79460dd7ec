#include "cli/digest.h"

#include "base/mem.h"

#include <nettle/base16.h>
#include <nettle/sha2.h>

struct digest {
    struct sha256_ctx ctx;
};

struct digest *digest_new(void)
{
    struct digest *d = perch_malloc(sizeof *d);

    if (d)
        sha256_init(&d->ctx);
    return d;
}

void digest_add(struct digest *d, const void *p, size_t n)
{
    sha256_update(&d->ctx, n, p);
}

void digest_finish(struct digest *d, char out[DIGEST_HEX_SIZE])
{
    uint8_t bytes[SHA256_DIGEST_SIZE];

    sha256_digest(&d->ctx, sizeof bytes, bytes);
    base16_encode_update(out, sizeof bytes, bytes);
    out[DIGEST_HEX_SIZE - 1] = '\0';
}

void digest_free(struct digest *d)
{
    perch_free(d);
}

void digest_of(const void *p, size_t n, char out[DIGEST_HEX_SIZE])
{
    struct digest d;

    sha256_init(&d.ctx);
    digest_add(&d, p, n);
    digest_finish(&d, out);
}
