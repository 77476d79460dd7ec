/* The same bytes in different pieces: whole, byte by byte, in seeded random cuts. Who
 * reads a stream must not notice. */
#ifndef PERCH_FEED_H
#define PERCH_FEED_H

#include <stddef.h>

/* Ways are numbered from 0; the first two are whole and byte by byte. */
#define PERCH_FEED_WAYS 6

/* Hands `len` bytes to `fn` in the pieces of `way`, each in an allocation of its own size,
 * so that a sanitizer sees a read past its end. Stops when fn returns other than 0, and
 * returns that. */
int perch_feed(unsigned way, const void *data, size_t len,
               int (*fn)(const void *data, size_t len, void *user), void *user);

/* "whole", "byte by byte", "random cuts 3". Static. */
const char *perch_feed_name(unsigned way);

#endif
