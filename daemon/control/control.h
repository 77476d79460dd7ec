/* The control socket: one JSON object per line in, one or more out (CONTRACTS section 5).
 *
 *   {"cmd":"status"}                  -> {"ok":true,...}
 *   {"cmd":"follow"}                  -> {"ok":true} and then events, one a line, from now on
 *   {"cmd":"follow","since":SEQ}      -> the same after all events behind SEQ
 *   {"cmd":"follow","since_time":MS}  -> the same after all events from that time on
 *   anything else                     -> {"ok":false,"error":"..."}
 *
 * At most 16 clients of the same user or root, lines of 64 KiB. A client that closes its
 * sending side is done: what it was owed is still written. One that does not follow and says
 * nothing for a minute is dropped.
 *
 * A client's answers wait in a bounded buffer. A follower that reads too slowly is left alone
 * until it has read and then fed from the store, on a thread of its own; it misses nothing and
 * nobody waits for it. SIGPIPE must be ignored. */
#ifndef PERCHD_CONTROL_H
#define PERCHD_CONTROL_H

#include <jansson.h>
#include <stdint.h>

struct event_base;
struct control;

struct control_hooks {
    /* A new reference, the answer to {"cmd":"status"} without "ok". */
    json_t *(*status)(void *user);
};

/* Takes the listening socket. `state` is the directory of the store, for replay. NULL when out
 * of memory; the socket is closed then too. */
struct control *control_new(struct event_base *base, int listen_fd, const char *state,
                            const struct control_hooks *hooks, void *user);
void control_free(struct control *c);

/* An event was committed: followers get it, each exactly once and in seq order. */
void control_event(struct control *c, int64_t seq, const char *json);

#endif
