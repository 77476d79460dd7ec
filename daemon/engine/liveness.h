/* When to try again. Numbers in, numbers out: no clock, no chance of its own. */
#ifndef PERCHD_ENGINE_LIVENESS_H
#define PERCHD_ENGINE_LIVENESS_H

#include "perch/error.h"

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS (15 * 60 * 1000)
#define AUTH_TRIES     3
#define AUTH_HOLD_MS   (60 * 60 * 1000)
#define PROBE_MS       (60 * 1000) /* a command that only asks "are you there" is answered by then */
#define STABLE_MS      (60 * 1000) /* a connection that lived this long was a good one */

/* The reason of an error of ours: there is no password to log in with. */
#define NO_SECRET "secret"

struct liveness {
    unsigned failures; /* in a row */
    unsigned refusals; /* of the credentials, in a row */
    int64_t up_since;  /* 0: not logged in */
};

struct liveness_next {
    int64_t delay_ms;
    bool auth_error; /* this refusal was the last one that was free: tell the user, and hold */
};

/* A login succeeded. */
void liveness_up(struct liveness *l, int64_t now);

/* A connection, or the attempt at one, ended by `why`. `random` is any 32 bits. */
struct liveness_next liveness_failed(struct liveness *l, const struct perch_error *why, int64_t now,
                                     uint32_t random);

/* The user changed something: the next try is a first one. */
void liveness_forgive(struct liveness *l);

/* Were the credentials themselves refused? A server that is busy, down or limiting says
 * nothing about them. */
bool liveness_refused(const struct perch_error *why);

/* Full jitter: between 1 s and a bound that triples from 2 s to 15 min, so that a server that
 * is gone sees some 14 attempts in its first hour. `failures` counts from 1. */
int64_t backoff_delay(unsigned failures, uint32_t random);

#endif
