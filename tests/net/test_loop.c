#include "net/loop.h"

#include "perch/error.h"

#include "support/perch_test.h"

#include <unistd.h>

struct calls {
    struct perch_loop loop;
    struct perch_timer timer, other;
    struct perch_watch watch;
    unsigned fired, readable, writable;
    int reentered;
};

static void on_timer(void *user)
{
    struct calls *c = user;

    c->fired++;
}

static void on_other(void *user)
{
    struct calls *c = user;

    c->reentered = perch_loop_turn(&c->loop);
}

static void on_readable(void *user)
{
    struct calls *c = user;

    c->readable++;
}

static void on_writable(void *user)
{
    struct calls *c = user;

    c->writable++;
}

static void test_a_timer_fires_once_and_in_the_loop(void)
{
    struct calls c = {.fired = 0};

    CU_ASSERT_EQUAL_FATAL(perch_loop_init(&c.loop, NULL), 0);
    perch_timer_stop(&c.timer); /* never initialised: harmless */
    perch_timer_init(&c.timer, &c.loop, on_timer, &c);
    perch_timer_set(&c.timer, INT64_MAX); /* far off */
    perch_timer_set(&c.timer, -5);        /* replaces it: at once */
    ASSERT_INT(c.fired, 0);
    ASSERT_INT(perch_loop_turn(&c.loop), 0);
    ASSERT_INT(c.fired, 1);
    ASSERT_INT(perch_loop_turn(&c.loop), PERCH_ESTATE); /* nothing left to wait for */
    perch_timer_set(&c.timer, 0);
    perch_timer_stop(&c.timer);
    ASSERT_INT(perch_loop_turn(&c.loop), PERCH_ESTATE);
    ASSERT_INT(c.fired, 1);
    perch_loop_done(&c.loop);
}

static void test_a_loop_inside_the_loop_is_refused(void)
{
    struct calls c = {.reentered = 1};

    event_set_log_callback(NULL);
    CU_ASSERT_EQUAL_FATAL(perch_loop_init(&c.loop, NULL), 0);
    perch_timer_init(&c.other, &c.loop, on_other, &c);
    perch_timer_set(&c.other, 0);
    ASSERT_INT(perch_loop_turn(&c.loop), 0);
    ASSERT_INT(c.reentered, PERCH_EREENTRANT);
    perch_loop_done(&c.loop);
}

static void test_writable_is_asked_for_each_time(void)
{
    struct calls c = {.writable = 0};
    int fds[2];

    CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
    CU_ASSERT_EQUAL_FATAL(perch_loop_init(&c.loop, NULL), 0);
    perch_watch_stop(&c.watch); /* never initialised: harmless */
    perch_watch_init(&c.watch, &c.loop, fds[1], on_readable, on_writable, &c);
    perch_watch_write(&c.watch);
    ASSERT_INT(perch_loop_turn(&c.loop), 0);
    ASSERT_INT(c.writable, 1);
    ASSERT_INT(perch_loop_turn(&c.loop), PERCH_ESTATE);
    perch_watch_read(&c.watch);
    perch_watch_poke(&c.watch);
    ASSERT_INT(perch_loop_turn(&c.loop), 0);
    ASSERT_INT(c.readable, 1);
    perch_watch_stop(&c.watch);
    perch_loop_done(&c.loop);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

PERCH_SUITE("net/loop") = {
    PERCH_TEST(test_a_timer_fires_once_and_in_the_loop),
    PERCH_TEST(test_a_loop_inside_the_loop_is_refused),
    PERCH_TEST(test_writable_is_asked_for_each_time),
    PERCH_END,
};
