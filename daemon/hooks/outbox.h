/* Outbox: hands deliveries to the runner in order and records what became of them.
 *
 * A line is (hook, account, mailbox). First attempts of a line start in seq order, one
 * at a time; a failed one holds its line for at most the hook's `hold`, then is retried
 * beside it with jittered backoff until `retry.for` has passed (dead letter). Lines never
 * wait for each other; `limits.hooks` bounds how many run at once, hooks take turns, and one
 * hook never has all places while there are others. What is not in memory is in the store:
 * memory holds at most a window. */
#ifndef PERCHD_HOOKS_OUTBOX_H
#define PERCHD_HOOKS_OUTBOX_H

#include "config/config.h"
#include "store/store.h"

struct event_base;
struct outbox;

struct outbox_hooks {
    /* Ask the runner to run it; the result comes to outbox_result with the same `run`, which
     * is unique over restarts. Not to free the outbox inside. */
    void (*run)(uint64_t run, unsigned hook, unsigned attempt, const char *event_json, void *user);
    void (*ack)(uint64_t run, void *user); /* the result is durable */
    /* Milliseconds since 1970; NULL: the clock on the wall. */
    int64_t (*clock)(void *user);
};

struct outbox_result {
    bool ok;
    bool give_up;     /* exit status 100 */
    const char *what; /* "exit 1", "signal 9", "timeout", "cannot run: ..." with output */
};

/* Borrows the configuration. `base` NULL: no timer; call outbox_turn(). NULL when out of
 * memory. */
struct outbox *outbox_new(struct event_base *base, struct store *store, const struct config *config,
                          const struct outbox_hooks *hooks, void *user);

/* What has not reported by now is asked for again by the next outbox of this store, with the
 * same attempt. Results that are being written are still acknowledged, at the latest in
 * store_close(), which comes after this. */
void outbox_free(struct outbox *o);

/* Reads what a former life left pending; first thing after start. Pending deliveries of hooks that
 * are no longer configured become dead letters. */
void outbox_recover(struct outbox *o);

/* A delivery was committed just now. Copies what it keeps; the event is handed to the runner
 * before this returns if its line is free. */
void outbox_offer(struct outbox *o, int64_t seq, unsigned hook, int64_t account, int64_t mailbox,
                  const char *event_json);

/* A run that is not known (of a former life) is acknowledged at once and changes nothing. */
void outbox_result(struct outbox *o, uint64_t run, const struct outbox_result *r);

/* Paused, nothing starts; what runs may still report. */
void outbox_pause(struct outbox *o);
void outbox_resume(struct outbox *o);

/* How many the runner has, or has reported and are not durable yet. */
size_t outbox_running(const struct outbox *o);

/* What the timer does, and when it is due (INT64_MAX: never), for an outbox without a loop. */
void outbox_turn(struct outbox *o);
int64_t outbox_due(const struct outbox *o);

/* Bytes of events in memory. */
size_t outbox_memory(const struct outbox *o);

#endif
