/* Outbox: hands deliveries to the runner in order and records what became of them.
 *
 * A line is (hook, account, mailbox). First attempts of a line start in seq order, one
 * at a time; a failed one holds its line for at most the hook's `hold`, then is retried
 * beside it with jittered backoff until `retry.for` has passed (dead letter). Lines never
 * wait for each other; `limits.hooks` bounds how many run at once. What is not in memory
 * is in the store: memory holds at most a window per outbox. */
#ifndef PERCHD_HOOKS_OUTBOX_H
#define PERCHD_HOOKS_OUTBOX_H

#include "config/config.h"
#include "store/store.h"

#include <jansson.h>

struct event_base;
struct outbox;

struct outbox_hooks {
    /* Ask the runner to run it; the result comes to outbox_result with the same `run`. */
    void (*run)(uint64_t run, unsigned hook, unsigned attempt, const char *event_json, void *user);
    void (*ack)(uint64_t run, void *user); /* the result is durable */
};

struct outbox_result {
    bool ok;
    bool give_up;     /* exit status 100 */
    const char *what; /* "exit 1", "signal 9", "timeout", "cannot run: ..." with output */
};

struct outbox *outbox_new(struct event_base *base, struct store *store, const struct config *config,
                          const struct outbox_hooks *hooks, void *user);
void outbox_free(struct outbox *o);

/* Reads what a former life left pending; first thing after start. Pending deliveries of hooks that
 * are no longer configured become dead letters. */
void outbox_recover(struct outbox *o);

/* A delivery was committed just now. Copies what it keeps; the event is handed to the runner
 * before this returns if its line is free. */
void outbox_offer(struct outbox *o, int64_t seq, unsigned hook, int64_t account, int64_t mailbox,
                  const char *event_json);

void outbox_result(struct outbox *o, uint64_t run, const struct outbox_result *r);

/* The runner is gone or stopping: what ran counts as not run, and will run again. */
void outbox_pause(struct outbox *o);
void outbox_resume(struct outbox *o);

size_t outbox_running(const struct outbox *o);

#endif
