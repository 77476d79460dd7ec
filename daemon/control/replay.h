/* The event log for followers: read on a thread of its own, a batch at a time, with reads that
 * are short so that the store's WAL does not grow behind them. */
#ifndef PERCHD_CONTROL_REPLAY_H
#define PERCHD_CONTROL_REPLAY_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct replay;

struct replay_batch {
    uint64_t client;        /* as asked */
    int64_t last_seq;       /* of the last event in `lines`; what was asked for if there is none */
    bool more;              /* there may be others behind them */
    bool failed;            /* the log could not be read */
    struct perch_buf lines; /* events, one a line */
};

/* On the loop thread; the batch is borrowed. */
typedef void replay_done_fn(const struct replay_batch *batch, void *user);

struct replay *replay_new(struct event_base *base, const char *state, replay_done_fn *done,
                          void *user);
void replay_free(struct replay *r); /* waits for the read at hand; NULL is fine */

/* The next events behind `since_seq`, not older than `since_ms` (0: any). False when out of
 * memory or threads; `done` does not run then. */
bool replay_ask(struct replay *r, uint64_t client, int64_t since_seq, int64_t since_ms);

#endif
