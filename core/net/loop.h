/* The event loop: libevent's base, timers and watched file descriptors.
 *
 * Timers and watches are embedded in their owners, so that nothing is allocated for an
 * idle connection. `fn` may stop, restart and free whatever it likes, its own included. */
#ifndef PERCH_NET_LOOP_H
#define PERCH_NET_LOOP_H

#include "perch/types.h"

#include <event2/event.h>
#include <event2/event_struct.h>

struct perch_loop {
    struct event_base *base;
    bool own; /* made by perch_loop_init, freed by perch_loop_done */
};

/* `base` NULL: a loop of its own. PERCH_ENOMEM when it cannot be had. */
int perch_loop_init(struct perch_loop *l, struct event_base *base);
void perch_loop_done(struct perch_loop *l);

/* Waits for events and handles them once. 0; PERCH_EREENTRANT when the loop is running
 * already; PERCH_ESTATE when there is nothing to wait for. */
int perch_loop_turn(struct perch_loop *l);

typedef void perch_loop_fn(void *user);

struct perch_timer {
    struct event ev;
    perch_loop_fn *fn;
    void *user;
};

/* A timer of all zeros is "never initialised": stopping it is harmless. */
void perch_timer_init(struct perch_timer *t, struct perch_loop *l, perch_loop_fn *fn, void *user);

/* Runs fn once, `delay` ms from now (at once, but not inside this call, for 0 and less).
 * Replaces what was set before. */
void perch_timer_set(struct perch_timer *t, perch_ms delay);
void perch_timer_stop(struct perch_timer *t);

/* One file descriptor: `readable` stays on until it is turned off or the watch is stopped,
 * `writable` runs once each time it is asked for. */
struct perch_watch {
    struct event rd, wr;
    perch_loop_fn *readable, *writable;
    void *user;
};

/* Nothing is watched yet. Either function may be NULL. */
void perch_watch_init(struct perch_watch *w, struct perch_loop *l, int fd, perch_loop_fn *readable,
                      perch_loop_fn *writable, void *user);
void perch_watch_read(struct perch_watch *w);
void perch_watch_no_read(struct perch_watch *w);
void perch_watch_write(struct perch_watch *w);

/* As if the descriptor had become readable: in the loop's next turn. */
void perch_watch_poke(struct perch_watch *w);

/* Call it before the descriptor is closed. A watch of all zeros is fine. */
void perch_watch_stop(struct perch_watch *w);

#endif
