/* The control socket: its answers, its limits, and followers that miss nothing. Clients are
 * events of the same loop as the server; a guard ends a test that would wait for ever. */
#include "support/perch_test.h"
#include "support/tmpdir.h"

#include "control/control.h"
#include "daemon/store_fill.h"

#include "base/buf.h"
#include "base/num.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUARD_SECONDS 20

struct world {
    struct tmpdir dir;
    struct fill fill;
    struct event_base *base;
    struct control *control;
    struct sockaddr_un address;
    bool late; /* the guard rang */
};

struct caller {
    struct world *world;
    struct bufferevent *bev;
    struct perch_buf got;
    size_t lines;
    bool ended;
};

/* ---- the world ---- */

static json_t *on_status(void *user)
{
    (void)user;
    return json_pack("{s:[]}", "accounts");
}

static int listen_at(struct world *w)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    w->address.sun_family = AF_UNIX;
    (void)snprintf(w->address.sun_path, sizeof w->address.sun_path, "%s/s", w->dir.path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&w->address, sizeof w->address) == 0);
    CU_ASSERT_FATAL(listen(fd, 64) == 0);
    return fd;
}

static void world_make(struct world *w)
{
    static const struct control_hooks hooks = {on_status};

    memset(w, 0, sizeof *w);
    (void)signal(SIGPIPE, SIG_IGN);
    tmpdir_make(&w->dir);
    CU_ASSERT_FATAL(fill_open(&w->fill, w->dir.path));
    w->base = event_base_new();
    w->control = control_new(w->base, listen_at(w), w->dir.path, &hooks, w);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w->control);
}

static void world_end(struct world *w)
{
    CU_ASSERT(!w->late);
    control_free(w->control);
    fill_close(&w->fill);
    event_base_free(w->base);
    tmpdir_remove(&w->dir);
}

static void on_guard(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ((struct world *)arg)->late = true;
}

/* Turns the loop until `done` says so. */
static void turn(struct world *w, bool (*done)(const void *arg), const void *arg)
{
    static const struct timeval patience = {.tv_sec = GUARD_SECONDS};
    struct event *guard = evtimer_new(w->base, on_guard, w);

    (void)event_add(guard, &patience);
    while (!w->late && !done(arg))
        (void)event_base_loop(w->base, EVLOOP_ONCE);
    event_free(guard);
}

/* Commits an event and tells the followers, as the engine does. */
static void happen(struct world *w)
{
    char json[64];

    CU_ASSERT(fill_event(&w->fill, NULL));
    (void)snprintf(json, sizeof json, "{\"seq\":%" PRId64 "}", w->fill.seq);
    control_event(w->control, w->fill.seq, json);
}

/* ---- callers ---- */

static void on_lines(struct bufferevent *bev, void *arg)
{
    struct caller *c = arg;
    char chunk[4096];
    size_t n;

    while ((n = bufferevent_read(bev, chunk, sizeof chunk)) > 0) {
        perch_buf_add(&c->got, chunk, n);
        for (size_t i = 0; i < n; i++)
            c->lines += chunk[i] == '\n';
    }
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    ((struct caller *)arg)->ended |= (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0;
}

static void call(struct caller *c, struct world *w)
{
    *c = (struct caller){.world = w};
    c->bev = bufferevent_socket_new(w->base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(c->bev, on_lines, NULL, on_end, c);
    CU_ASSERT(
        bufferevent_socket_connect(c->bev, (struct sockaddr *)&w->address, sizeof w->address) == 0);
    (void)bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void hang_up(struct caller *c)
{
    bufferevent_free(c->bev);
    perch_buf_done(&c->got);
}

static void say(struct caller *c, const char *text)
{
    (void)bufferevent_write(c->bev, text, strlen(text));
}

struct wanted {
    const struct caller *caller;
    size_t lines;
};

static bool has_lines(const void *arg)
{
    const struct wanted *want = arg;

    return want->caller->lines >= want->lines || want->caller->ended;
}

static const char *wait_lines(struct caller *c, size_t lines)
{
    turn(c->world, has_lines, &(struct wanted){c, lines});
    return perch_buf_cstr(&c->got);
}

static bool has_ended(const void *arg)
{
    return ((const struct caller *)arg)->ended;
}

/* Whether the caller's lines behind the first are the events first..last, each once. */
static bool got_events(struct caller *c, int64_t first, int64_t last)
{
    struct perch_span rest = perch_buf_span(&c->got);
    int64_t next = first;

    (void)perch_span_cut(&rest, '\n');
    while (rest.n > 0) {
        struct perch_span line = perch_span_cut(&rest, '\n');
        char want[64];

        (void)snprintf(want, sizeof want, "{\"seq\":%" PRId64, next);
        if (line.n < strlen(want) || memcmp(line.p, want, strlen(want)) != 0)
            return false;
        next++;
    }
    return next == last + 1;
}

/* ---- requests ---- */

#define NO(text) "{\"ok\":false,\"error\":\"" text "\"}\n"

static const struct {
    const char *say, *want;
} requests[] = {
    {"{\"cmd\":\"status\"}\n", "{\"ok\":true,\"accounts\":[]}\n"},
    {"{ \"more\": 1, \"cmd\": \"status\" }\r\n", "{\"ok\":true,\"accounts\":[]}\n"},
    {"{\"cmd\":\"dance\"}\n", NO("unknown cmd; there are status and follow")},
    {"{\"cmd\":7}\n", NO("a request needs \\\"cmd\\\"")},
    {"{}\n", NO("a request needs \\\"cmd\\\"")},
    {"\n", NO("a request is one JSON object on one line")},
    {"GET / HTTP/1.1\n", NO("a request is one JSON object on one line")},
    {"[1,2]\n", NO("a request is one JSON object on one line")},
    {"{\"cmd\":\"status\",\"cmd\":\"follow\"}\n", NO("a request is one JSON object on one line")},
    {"{\"cmd\":\"sta\xfftus\"}\n", NO("a request is one JSON object on one line")},
    {"{\"cmd\":\"follow\",\"since\":-1}\n", NO("since and since_time are whole numbers from 0 on")},
    {"{\"cmd\":\"follow\",\"since\":\"1\"}\n",
     NO("since and since_time are whole numbers from 0 on")},
    {"{\"cmd\":\"follow\",\"since_time\":1.5}\n",
     NO("since and since_time are whole numbers from 0 on")},
};

static void test_requests_and_garbage_are_answered(void)
{
    struct world w;

    world_make(&w);
    for (size_t i = 0; i < PERCH_COUNT(requests); i++) {
        struct caller c;
        const char *got;

        call(&c, &w);
        say(&c, requests[i].say);
        got = wait_lines(&c, 1);
        if (strcmp(got, requests[i].want) != 0)
            FAIL_ROW("row %zu: %s", i, got);
        say(&c, "{\"cmd\":\"status\"}\n"); /* the connection lives */
        (void)wait_lines(&c, 2);
        CU_ASSERT(!c.ended);
        hang_up(&c);
    }
    world_end(&w);
}

static void test_a_request_may_come_in_pieces_and_several_at_once(void)
{
    struct world w;
    struct caller c;

    world_make(&w);
    call(&c, &w);
    say(&c, "{\"cmd\":");
    (void)event_base_loop(w.base, EVLOOP_ONCE);
    say(&c, "\"status\"}\n{\"cmd\":\"status\"}\n{}\n");
    ASSERT_STR(wait_lines(&c, 3),
               "{\"ok\":true,\"accounts\":[]}\n{\"ok\":true,\"accounts\":[]}\n" NO(
                   "a request needs \\\"cmd\\\""));
    hang_up(&c);
    world_end(&w);
}

/* A request of `n` bytes in all, without its line end. */
static void say_long(struct caller *c, size_t n, bool end)
{
    static const char head[] = "{\"cmd\":\"status\",\"x\":\"", tail[] = "\"}";
    struct perch_buf line = PERCH_BUF_INIT;

    perch_buf_adds(&line, head);
    while (line.len < n - strlen(tail))
        perch_buf_addc(&line, 'x');
    perch_buf_adds(&line, tail);
    if (end)
        perch_buf_addc(&line, '\n');
    (void)bufferevent_write(c->bev, perch_buf_data(&line), line.len);
    perch_buf_done(&line);
}

static void test_a_line_is_64_kib_at_most(void)
{
    static const struct {
        size_t n;
        bool end, taken;
    } rows[] = {
        {65535, true, true},    {65536, true, true},
        {65537, true, false},   {65537, false, false}, /* who knows how long it would get */
        {1 << 20, true, false},
    };
    struct world w;

    world_make(&w);
    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct caller c;
        const char *got;

        call(&c, &w);
        say_long(&c, rows[i].n, rows[i].end);
        got = wait_lines(&c, 1);
        if (strcmp(got, rows[i].taken ? "{\"ok\":true,\"accounts\":[]}\n"
                                      : NO("a line is at most 64 KiB")) != 0)
            FAIL_ROW("row %zu: %s", i, got);
        if (!rows[i].taken)
            turn(&w, has_ended, &c);
        hang_up(&c);
    }
    world_end(&w);
}

static void test_what_was_asked_before_hanging_up_is_answered(void)
{
    struct world w;
    struct caller c;

    world_make(&w);
    call(&c, &w);
    say(&c, "{\"cmd\":\"status\"}\n");
    while (evbuffer_get_length(bufferevent_get_output(c.bev)) > 0)
        (void)event_base_loop(w.base, EVLOOP_ONCE);
    (void)shutdown(bufferevent_getfd(c.bev), SHUT_WR);
    turn(&w, has_ended, &c);
    ASSERT_STR(perch_buf_cstr(&c.got), "{\"ok\":true,\"accounts\":[]}\n");
    hang_up(&c);
    world_end(&w);
}

/* ---- who may come, and how many ---- */

static void test_sixteen_clients_and_no_more(void)
{
    struct world w;
    struct caller in[16], out;

    world_make(&w);
    for (size_t i = 0; i < PERCH_COUNT(in); i++) {
        call(&in[i], &w);
        say(&in[i], "{\"cmd\":\"status\"}\n");
        (void)wait_lines(&in[i], 1);
    }
    for (int i = 0; i < 1000; i++) {
        call(&out, &w);
        ASSERT_STR(wait_lines(&out, 1), NO("there are 16 clients already"));
        turn(&w, has_ended, &out);
        hang_up(&out);
    }
    hang_up(&in[3]);
    do { /* the place is free as soon as the server has seen that */
        call(&out, &w);
        say(&out, "{\"cmd\":\"status\"}\n");
        (void)wait_lines(&out, 1);
        hang_up(&out);
    } while (!w.late && out.ended);
    CU_ASSERT(!out.ended);
    for (size_t i = 0; i < PERCH_COUNT(in); i++)
        if (i != 3)
            hang_up(&in[i]);
    world_end(&w);
}

/* In a child, which may become somebody else: 0 when the answer began with `want`. */
static int ask_as(const struct world *w, uid_t uid, const char *want)
{
    static const char request[] = "{\"cmd\":\"status\"}\n";
    char got[256] = "";
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (setuid(uid) != 0 ||
        connect(fd, (const struct sockaddr *)&w->address, sizeof w->address) != 0)
        return 2;
    (void)send(fd, request, strlen(request), MSG_NOSIGNAL);
    (void)recv(fd, got, sizeof got - 1, 0);
    return strncmp(got, want, strlen(want)) != 0;
}

static bool is_over(const void *arg)
{
    int status;

    if (waitpid(*(const pid_t *)arg, &status, WNOHANG) == 0)
        return false;
    ASSERT_INT(status, 0);
    return true;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

/* Only root can show another user; everybody can show that oneself is let in. */
static void check_user(struct world *w, uid_t uid, const char *want)
{
    static const struct timeval soon = {.tv_usec = 1000};
    struct event *tick = event_new(w->base, -1, EV_PERSIST, on_tick, NULL);
    pid_t pid = fork();

    if (pid == 0)
        _exit(ask_as(w, uid, want));
    (void)event_add(tick, &soon);
    turn(w, is_over, &pid);
    event_free(tick);
}

static void test_another_user_is_turned_away(void)
{
    struct world w;

    world_make(&w);
    (void)chmod(w.dir.path, 0755);
    (void)chmod(w.address.sun_path, 0777);
    check_user(&w, geteuid(), "{\"ok\":true");
    if (geteuid() == 0)
        check_user(&w, 65534, "{\"ok\":false,\"error\":\"this daemon serves its own user");
    world_end(&w);
}

/* ---- following ---- */

static void test_a_follower_gets_what_happens_from_now_on(void)
{
    struct world w;
    struct caller c;

    world_make(&w);
    happen(&w);
    call(&c, &w);
    say(&c, "{\"cmd\":\"follow\"}\n");
    ASSERT_STR(wait_lines(&c, 1), "{\"ok\":true}\n");
    happen(&w);
    happen(&w);
    ASSERT_STR(wait_lines(&c, 3), "{\"ok\":true}\n{\"seq\":2}\n{\"seq\":3}\n");
    say(&c, "{\"cmd\":\"follow\"}\n");
    (void)wait_lines(&c, 4);
    CU_ASSERT_PTR_NOT_NULL(strstr(perch_buf_cstr(&c.got), NO("this client follows already")));
    hang_up(&c);
    world_end(&w);
}

static void test_a_follower_from_the_past_gets_the_log_first(void)
{
    struct world w;
    struct caller all, some, none;

    world_make(&w);
    for (int i = 0; i < 200; i++) /* several batches */
        happen(&w);
    call(&all, &w);
    call(&some, &w);
    call(&none, &w);
    say(&all, "{\"cmd\":\"follow\",\"since\":0}\n");
    say(&some, "{\"cmd\":\"follow\",\"since\":150}\n");
    say(&none, "{\"cmd\":\"follow\",\"since\":1000}\n");
    (void)wait_lines(&all, 201);
    (void)wait_lines(&some, 51);
    (void)wait_lines(&none, 1);
    happen(&w);
    (void)wait_lines(&all, 202);
    (void)wait_lines(&some, 52);
    CU_ASSERT(got_events(&all, 1, 201));
    CU_ASSERT(got_events(&some, 151, 201));
    ASSERT_INT(none.lines, 1);
    hang_up(&all);
    hang_up(&some);
    hang_up(&none);
    world_end(&w);
}

static void test_a_follower_from_a_time_on(void)
{
    struct world w;
    struct caller c, later;
    char request[64];

    world_make(&w);
    for (int i = 0; i < 10; i++)
        happen(&w);
    call(&c, &w);
    call(&later, &w);
    (void)snprintf(request, sizeof request, "{\"cmd\":\"follow\",\"since_time\":%" PRId64 "}\n",
                   FILL_TIME + 8 * 1000);
    say(&c, request);
    (void)snprintf(request, sizeof request, "{\"cmd\":\"follow\",\"since_time\":%" PRId64 "}\n",
                   FILL_TIME + 3600 * 1000);
    say(&later, request);
    (void)wait_lines(&c, 4);
    CU_ASSERT(got_events(&c, 8, 10));
    (void)wait_lines(&later, 1);
    happen(&w);
    (void)wait_lines(&c, 5);
    CU_ASSERT(got_events(&c, 8, 11));
    hang_up(&c);
    hang_up(&later);
    world_end(&w);
}

/* Events are committed in every turn of the loop while the log is still being replayed. */
static void test_nothing_is_lost_or_twice_between_log_and_life(void)
{
    struct world w;
    struct caller c;

    world_make(&w);
    for (int i = 0; i < 100; i++)
        happen(&w);
    call(&c, &w);
    say(&c, "{\"cmd\":\"follow\",\"since\":0}\n");
    while (w.fill.seq < 600) {
        (void)event_base_loop(w.base, EVLOOP_NONBLOCK);
        happen(&w);
    }
    (void)wait_lines(&c, 601);
    CU_ASSERT(got_events(&c, 1, 600));
    hang_up(&c);
    world_end(&w);
}

/* Committed, but not told yet: the log has it, and being told later must not double it. */
static void test_an_event_that_the_log_had_first_comes_once(void)
{
    struct world w;
    struct caller c;

    world_make(&w);
    happen(&w);
    CU_ASSERT(fill_event(&w.fill, NULL));
    call(&c, &w);
    say(&c, "{\"cmd\":\"follow\",\"since\":0}\n");
    (void)wait_lines(&c, 3);
    control_event(w.control, 2, "{\"seq\":2}");
    happen(&w);
    (void)wait_lines(&c, 4);
    CU_ASSERT(got_events(&c, 1, 3));
    hang_up(&c);
    world_end(&w);
}

/* Events of 20 kB: a few hundred fill every buffer there is between the two. */
static void test_a_follower_that_does_not_read_holds_nobody_up_and_misses_nothing(void)
{
    enum { EVENTS = 400, BIG = 20000 };
    struct world w;
    struct caller c, other;
    char *json = malloc(BIG + 64);

    world_make(&w);
    call(&c, &w);
    call(&other, &w);
    say(&c, "{\"cmd\":\"follow\"}\n");
    say(&other, "{\"cmd\":\"follow\"}\n");
    (void)wait_lines(&c, 1);
    (void)wait_lines(&other, 1);
    (void)bufferevent_disable(c.bev, EV_READ);
    for (int64_t seq = 1; seq <= EVENTS; seq++) {
        (void)snprintf(json, BIG + 64, "{\"seq\":%" PRId64 ",\"x\":\"%0*d\"}", seq, BIG, 0);
        CU_ASSERT(fill_event(&w.fill, json));
        control_event(w.control, seq, json);
        (void)event_base_loop(w.base, EVLOOP_NONBLOCK);
    }
    (void)wait_lines(&other, EVENTS + 1);
    CU_ASSERT(got_events(&other, 1, EVENTS));
    (void)bufferevent_enable(c.bev, EV_READ);
    (void)wait_lines(&c, EVENTS + 1);
    CU_ASSERT(got_events(&c, 1, EVENTS));
    hang_up(&c);
    hang_up(&other);
    free(json);
    world_end(&w);
}

static void test_a_caller_that_asks_and_never_reads_is_not_served_for_ever(void)
{
    struct world w;
    struct caller c, other;

    world_make(&w);
    call(&c, &w);
    (void)bufferevent_disable(c.bev, EV_READ);
    for (int i = 0; i < 100000; i++)
        say(&c, "{\"cmd\":\"status\"}\n");
    (void)event_base_loop(w.base, EVLOOP_NONBLOCK); /* until nothing moves any more */
    CU_ASSERT(evbuffer_get_length(bufferevent_get_output(c.bev)) > 0); /* it has to wait */
    call(&other, &w);
    say(&other, "{\"cmd\":\"status\"}\n");
    (void)wait_lines(&other, 1);
    (void)bufferevent_enable(c.bev, EV_READ);
    (void)wait_lines(&c, 100000);
    ASSERT_INT(c.lines, 100000);
    hang_up(&c);
    hang_up(&other);
    world_end(&w);
}

static void test_a_log_that_cannot_be_read_is_said(void)
{
    struct world w;
    struct caller c;

    world_make(&w);
    happen(&w);
    CU_ASSERT(unlink(tmpdir_file(&w.dir, "perch.db")) == 0);
    call(&c, &w);
    say(&c, "{\"cmd\":\"follow\",\"since\":0}\n");
    turn(&w, has_ended, &c);
    ASSERT_STR(perch_buf_cstr(&c.got), "{\"ok\":true}\n" NO("the event log cannot be read"));
    hang_up(&c);
    world_end(&w);
}

static void test_the_end_of_the_daemon_ends_its_clients(void)
{
    struct world w;
    struct caller c;

    world_make(&w);
    for (int i = 0; i < 100; i++)
        happen(&w);
    call(&c, &w);
    say(&c, "{\"cmd\":\"follow\",\"since\":0}\n");
    (void)wait_lines(&c, 1);
    control_free(w.control); /* a read may be under way */
    w.control = NULL;
    turn(&w, has_ended, &c);
    hang_up(&c);
    world_end(&w);
}

PERCH_SUITE("daemon/control") = {
    PERCH_TEST(test_requests_and_garbage_are_answered),
    PERCH_TEST(test_a_request_may_come_in_pieces_and_several_at_once),
    PERCH_TEST(test_a_line_is_64_kib_at_most),
    PERCH_TEST(test_what_was_asked_before_hanging_up_is_answered),
    PERCH_TEST(test_sixteen_clients_and_no_more),
    PERCH_TEST(test_another_user_is_turned_away),
    PERCH_TEST(test_a_follower_gets_what_happens_from_now_on),
    PERCH_TEST(test_a_follower_from_the_past_gets_the_log_first),
    PERCH_TEST(test_a_follower_from_a_time_on),
    PERCH_TEST(test_nothing_is_lost_or_twice_between_log_and_life),
    PERCH_TEST(test_an_event_that_the_log_had_first_comes_once),
    PERCH_TEST(test_a_follower_that_does_not_read_holds_nobody_up_and_misses_nothing),
    PERCH_TEST(test_a_caller_that_asks_and_never_reads_is_not_served_for_ever),
    PERCH_TEST(test_a_log_that_cannot_be_read_is_said),
    PERCH_TEST(test_the_end_of_the_daemon_ends_its_clients),
    PERCH_END,
};
