/* Capabilities: the list as the server last told it, and what it implies. */
#ifndef PERCH_SESSION_CAPS_H
#define PERCH_SESSION_CAPS_H

#include "perch/session.h"

#include "base/arena.h"

struct perch_caps {
    struct perch_arena arena; /* the names */
    const char **names;
    size_t n;
    uint64_t bits; /* of enum perch_cap, implied ones included */
    bool known;
};

void perch_caps_init(struct perch_caps *c);
void perch_caps_done(struct perch_caps *c);

/* Nothing is known any more. */
void perch_caps_forget(struct perch_caps *c);

/* Replaces the list. Out of memory: it is forgotten. */
int perch_caps_set(struct perch_caps *c, const struct perch_names *names);

bool perch_caps_has(const struct perch_caps *c, const char *name);

/* "APPENDLIMIT=n" (RFC 7889); UINT64_MAX if none is told. */
uint64_t perch_caps_append_limit(const struct perch_caps *c);

/* The capability of that name; PERCH_CAP_COUNT: none that perch knows. */
enum perch_cap perch_cap_by_name(struct perch_span name);

/* Its text on the wire. Static. */
const char *perch_cap_name(enum perch_cap cap);

static inline uint64_t perch_cap_bit(enum perch_cap cap)
{
    return (uint64_t)1 << cap;
}

#endif
