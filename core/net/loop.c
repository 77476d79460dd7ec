#include "net/loop.h"

#include "perch/error.h"

/* A year: far off, and fits a timeval anywhere. */
#define MS_MAX (365 * 24 * 3600 * (perch_ms)1000)

int perch_loop_init(struct perch_loop *l, struct event_base *base)
{
    struct event_config *config;

    *l = (struct perch_loop){.base = base, .own = !base};
    if (base)
        return PERCH_OK;
    /* Without EVENT_BASE_FLAG_IGNORE_ENV a set-user-id program would listen to EVENT_NO*. */
    config = event_config_new();
    if (config && event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV) == 0)
        l->base = event_base_new_with_config(config);
    if (config)
        event_config_free(config);
    return l->base ? PERCH_OK : PERCH_ENOMEM;
}

void perch_loop_done(struct perch_loop *l)
{
    if (l->own && l->base)
        event_base_free(l->base);
    l->base = NULL;
}

int perch_loop_turn(struct perch_loop *l)
{
    switch (event_base_loop(l->base, EVLOOP_ONCE)) {
    case 0:
        return PERCH_OK;
    case 1:
        return PERCH_ESTATE;
    default:
        return PERCH_EREENTRANT;
    }
}

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
    struct perch_timer *t = arg;

    (void)fd;
    (void)what;
    t->fn(t->user);
}

void perch_timer_init(struct perch_timer *t, struct perch_loop *l, perch_loop_fn *fn, void *user)
{
    t->fn = fn;
    t->user = user;
    (void)event_assign(&t->ev, l->base, -1, 0, timer_fired, t);
}

void perch_timer_set(struct perch_timer *t, perch_ms delay)
{
    struct timeval tv;

    if (delay < 0)
        delay = 0;
    if (delay > MS_MAX)
        delay = MS_MAX;
    tv.tv_sec = (time_t)(delay / 1000);
    tv.tv_usec = (suseconds_t)(delay % 1000 * 1000);
    (void)event_add(&t->ev, &tv);
}

void perch_timer_stop(struct perch_timer *t)
{
    if (t->fn)
        (void)event_del(&t->ev);
}

static void watch_readable(evutil_socket_t fd, short what, void *arg)
{
    struct perch_watch *w = arg;

    (void)fd;
    (void)what;
    w->readable(w->user);
}

static void watch_writable(evutil_socket_t fd, short what, void *arg)
{
    struct perch_watch *w = arg;

    (void)fd;
    (void)what;
    w->writable(w->user);
}

void perch_watch_init(struct perch_watch *w, struct perch_loop *l, int fd, perch_loop_fn *readable,
                      perch_loop_fn *writable, void *user)
{
    w->readable = readable;
    w->writable = writable;
    w->user = user;
    (void)event_assign(&w->rd, l->base, fd, EV_READ | EV_PERSIST, watch_readable, w);
    (void)event_assign(&w->wr, l->base, fd, EV_WRITE, watch_writable, w);
}

void perch_watch_read(struct perch_watch *w)
{
    (void)event_add(&w->rd, NULL);
}

void perch_watch_no_read(struct perch_watch *w)
{
    (void)event_del(&w->rd);
}

void perch_watch_write(struct perch_watch *w)
{
    (void)event_add(&w->wr, NULL);
}

void perch_watch_poke(struct perch_watch *w)
{
    event_active(&w->rd, EV_READ, 1);
}

void perch_watch_stop(struct perch_watch *w)
{
    if (!w->readable && !w->writable)
        return;
    (void)event_del(&w->rd);
    (void)event_del(&w->wr);
}
