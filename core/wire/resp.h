/* A complete unit to a typed response: a pure function, no states to resume. */
#ifndef PERCH_WIRE_RESP_H
#define PERCH_WIRE_RESP_H

#include "wire/framer.h"

#include "base/arena.h"

struct perch_parse_options {
    const struct perch_limits *limits;
    uint32_t strict; /* quirks refused (enum perch_quirk) */
    bool utf8;       /* mailbox names are UTF-8, not modified UTF-7 */
};

/* How many quirks there are: bit numbers run from 0 below it. */
#define PERCH_QUIRK_ONE(name, bit, what) +1
enum { PERCH_QUIRK_COUNT = 0 PERCH_QUIRKS(PERCH_QUIRK_ONE) };
#undef PERCH_QUIRK_ONE

struct perch_parse_report {
    uint32_t quirks;                    /* tolerated (enum perch_quirk) */
    size_t quirk_at[PERCH_QUIRK_COUNT]; /* by bit number: offset of the first of its kind */
    size_t error_at;                    /* where a failure was noticed */
    const char *error;                  /* what was wrong there, static */
    uint64_t work;                      /* bytes looked at, for tests of the parser's cost */
};

/* Fills *ret from `unit`. Arrays and decoded text come from `arena`, which the caller
 * resets between units; spans point into the unit.
 *
 * 0, PERCH_EPROTO or PERCH_ELIMIT (the report says where and what; kind, raw, tag, type
 * and, for a tagged response, its status word are filled as far as they were understood,
 * so that a command whose final line is odd still ends), PERCH_ENOMEM. */
int perch_resp_parse(struct perch_unit unit, const struct perch_parse_options *options,
                     struct perch_arena *arena, struct perch_resp *ret,
                     struct perch_parse_report *report);

#endif
