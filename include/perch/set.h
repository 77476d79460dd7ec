/* Sets of message numbers or UIDs (RFC 9051 sequence-set), kept as ranges.
 *
 * Nothing here ever loops over, or allocates by, a number: a set of four thousand
 * million UIDs is one range. */
#ifndef PERCH_SET_H
#define PERCH_SET_H

#include "perch/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* first <= last, both at least 1; UINT32_MAX is an ordinary number here. */
struct perch_range {
    uint32_t first, last;
};

/* Ranges in ascending order that neither touch nor overlap. Zero-initialise one to
 * have the empty set. A set inside a response belongs to the response. */
struct perch_set {
    struct perch_range *r;
    size_t n;
    size_t cap; /* 0 when the ranges belong to somebody else */
};

#define PERCH_SET_INIT {0}

PERCH_API void perch_set_done(struct perch_set *s); /* frees and empties */
PERCH_API void perch_set_clear(struct perch_set *s);

/* Adds or removes first..last (in either order; 0 is PERCH_EINVAL). Ascending adds
 * cost O(1). PERCH_ENOMEM leaves the set as it was. */
PERCH_API int perch_set_add(struct perch_set *s, uint32_t first, uint32_t last);
PERCH_API int perch_set_remove(struct perch_set *s, uint32_t first, uint32_t last);
PERCH_API int perch_set_add_set(struct perch_set *s, const struct perch_set *other);
PERCH_API int perch_set_remove_set(struct perch_set *s, const struct perch_set *other);
PERCH_API int perch_set_intersect(struct perch_set *s, const struct perch_set *other);
PERCH_API int perch_set_copy(struct perch_set *to, const struct perch_set *from);

PERCH_API bool perch_set_has(const struct perch_set *s, uint32_t number);
PERCH_API bool perch_set_equal(const struct perch_set *a, const struct perch_set *b);
PERCH_API uint64_t perch_set_count(const struct perch_set *s); /* numbers, not ranges */

/* The number at `index` counted from 0 in ascending order, 0 if there is none. */
PERCH_API uint32_t perch_set_at(const struct perch_set *s, uint64_t index);

/* Reads "1:3,7,9:12" (blanks not allowed, ranges in any order and either way round).
 * "*" is refused: it means something only to the server. PERCH_EPROTO with *set
 * untouched when the text is no set, PERCH_ELIMIT past `max_ranges` (0: 65,536). */
PERCH_API int perch_set_parse(struct perch_set *set, struct perch_span text, size_t max_ranges);

/* Writes the canonical form ("1:3,7") and a NUL into `out` if `cap` allows; returns
 * the length without the NUL, whatever `cap` is (as snprintf does). */
PERCH_API size_t perch_set_format(const struct perch_set *s, char *out, size_t cap);

#ifdef __cplusplus
}
#endif

#endif
