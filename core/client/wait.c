/* Blocking: the loop runs until something is so. Inside a callback that is refused, because
 * libevent cannot run a loop inside itself. */
#include "client/client.h"

#include "session/session.h"
#include "base/clock.h"

static void run_late(void *user)
{
    *(bool *)user = true;
}

int perch_client_run(perch_client *c, perch_ms timeout, bool (*over)(void *user), void *user)
{
    struct perch_timer timer;
    bool late = false;
    int rc = PERCH_OK;

    if (perch_client_inside(c))
        return PERCH_EREENTRANT;
    c->waiting = true;
    perch_timer_init(&timer, &c->loop, run_late, &late);
    if (timeout != PERCH_NEVER)
        perch_timer_set(&timer, timeout);
    perch_client_enter(c); /* what was started before leaves now */
    (void)perch_client_leave(c);
    while (rc == PERCH_OK && !over(user) && !c->doomed)
        rc = late ? PERCH_ETIMEOUT : perch_loop_turn(&c->loop);
    perch_timer_stop(&timer);
    c->waiting = false;
    if (!c->doomed)
        return rc;
    perch_client_enter(c);
    (void)perch_client_leave(c); /* frees it */
    return PERCH_ECANCELLED;
}

/* ---- connecting ---- */

struct connecting {
    bool over;
    int code;
};

static void on_connected(perch_client *c, const struct perch_error *why, void *user)
{
    struct connecting *w = user;

    (void)c;
    w->over = true;
    w->code = why ? why->code : PERCH_OK;
}

static bool connecting_over(void *user)
{
    return ((struct connecting *)user)->over;
}

int perch_client_connect_sync(perch_client *c)
{
    struct connecting w = {.over = false};
    int rc =
        perch_client_inside(c) ? PERCH_EREENTRANT : perch_client_connect_start(c, on_connected, &w);

    if (rc < 0)
        return rc;
    rc = perch_client_run(c, PERCH_NEVER, connecting_over, &w);
    if (rc < 0 && !w.over) /* the loop is busy: nobody will wait for it */
        perch_client_close(c);
    return rc < 0 ? rc : w.code;
}

/* ---- ops ---- */

static bool op_over(void *user)
{
    return perch_op_finished(user);
}

int perch_op_wait(perch_client *c, perch_op *op)
{
    int rc;

    if (perch_op_finished(op))
        return perch_op_code(op);
    if (perch_op_session(op) != c->session)
        return PERCH_EINVAL;
    rc = perch_client_run(c, PERCH_NEVER, op_over, op);
    return perch_op_finished(op) ? perch_op_code(op) : rc;
}

/* ---- whatever comes ---- */

struct listening {
    const perch_client *c;
    uint64_t events; /* heard before */
};

static bool listening_over(void *user)
{
    const struct listening *l = user;

    return l->c->events != l->events || l->c->phase == PERCH_PHASE_CLOSED;
}

int perch_client_wait(perch_client *c, perch_ms timeout)
{
    struct listening l = {.c = c, .events = c->events};
    int rc = perch_client_run(c, timeout < 0 ? 0 : timeout, listening_over, &l);

    if (rc == PERCH_ETIMEOUT)
        return 0;
    if (rc < 0)
        return rc;
    return c->events != l.events ? 1 : c->error.code;
}
