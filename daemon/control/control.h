/* The control socket: one JSON object per line in, one or more out (CONTRACTS section 5).
 *
 *   {"cmd":"status"}               -> {"ok":true,...}
 *   {"cmd":"follow","since":SEQ}   -> {"ok":true} and then events, one a line
 *
 * At most 16 clients of the same user or root, lines of 64 KiB. */
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

/* Takes the listening socket. `state` is the directory of the store, for replay. */
struct control *control_new(struct event_base *base, int listen_fd, const char *state,
                            const struct control_hooks *hooks, void *user);
void control_free(struct control *c);

/* An event was committed: followers get it, each exactly once and in seq order. */
void control_event(struct control *c, int64_t seq, const char *json);

#endif
