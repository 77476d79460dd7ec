/* SHA-256 over bytes as they come; nettle's only door in cli/. */
#ifndef PERCHD_CLI_DIGEST_H
#define PERCHD_CLI_DIGEST_H

#include <stddef.h>

#define DIGEST_HEX_SIZE 65 /* 64 digits in lower case and a NUL */

struct digest;

struct digest *digest_new(void); /* NULL when out of memory */
void digest_add(struct digest *d, const void *p, size_t n);
void digest_finish(struct digest *d, char out[DIGEST_HEX_SIZE]); /* ready for the next one */
void digest_free(struct digest *d);

void digest_of(const void *p, size_t n, char out[DIGEST_HEX_SIZE]);

#endif
