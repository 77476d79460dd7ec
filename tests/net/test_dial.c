#include "net/dial.h"

#include "support/perch_test.h"
#include "support/server.h"

#include <event2/event.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

struct call {
    struct event_base *base;
    struct perch_loop loop;
    struct perch_error why;
    int fd;
    bool over;
    unsigned times;
};

static void dialled(int fd, const struct perch_error *why, void *user)
{
    struct call *c = user;

    c->fd = fd;
    if (why)
        c->why = *why;
    c->over = true;
    c->times++;
}

static void setup(struct call *c)
{
    memset(c, 0, sizeof *c);
    c->fd = -1;
    c->base = event_base_new();
    CU_ASSERT_EQUAL_FATAL(perch_loop_init(&c->loop, c->base), 0);
}

static void teardown(struct call *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    perch_loop_done(&c->loop);
    event_base_free(c->base);
}

static void dial(struct call *c, const char *host, uint16_t port, perch_ms resolve,
                 perch_ms connect_)
{
    struct perch_dial_args args = {
        .host = host, .port = port, .resolve_timeout = resolve, .connect_timeout = connect_};

    c->over = false;
    CU_ASSERT_PTR_NOT_NULL_FATAL(perch_dial_start(&c->loop, &args, dialled, c));
    CU_ASSERT_FALSE(c->over); /* never before the loop runs */
    CU_ASSERT(loop_until(c->base, &c->over));
    loop_settle(c->base);
    ASSERT_INT(c->times, 1);
}

/* A port of 127.0.0.1 that refuses. */
static uint16_t dead_port(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    CU_ASSERT_EQUAL(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    (void)close(fd);
    return ntohs(in.sin_port);
}

static void check_reaches(const char *host)
{
    static const struct server_step steps[] = {{SERVER_SAY, "* OK\r\n"}, {SERVER_END, NULL}};
    struct server_options o = {.listen = true};
    struct call c;
    struct server *s;
    char text[8] = "";

    setup(&c);
    s = server_new(c.base, &o, steps);
    dial(&c, host, server_port(s), 20000, 20000);
    if (c.fd < 0)
        FAIL_ROW("%s: %s", host, c.why.text);
    CU_ASSERT_FATAL(c.fd >= 0);
    CU_ASSERT(fcntl(c.fd, F_GETFL) & O_NONBLOCK);
    CU_ASSERT(fcntl(c.fd, F_GETFD) & FD_CLOEXEC);
    CU_ASSERT_EQUAL(fcntl(c.fd, F_SETFL, 0), 0);
    CU_ASSERT_EQUAL(recv(c.fd, text, 6, MSG_WAITALL), 6);
    ASSERT_STR(text, "* OK\r\n");
    server_free(s);
    teardown(&c);
}

static void test_an_address_needs_no_resolver(void)
{
    check_reaches("127.0.0.1");
}

static void test_localhost_needs_no_dns_and_both_families_are_tried(void)
{
    check_reaches("localhost"); /* ::1 refuses, the server is on 127.0.0.1 */
}

static void test_a_refusal_names_host_port_and_address(void)
{
    struct call c;
    char want[64];
    uint16_t port = dead_port();

    setup(&c);
    dial(&c, "127.0.0.1", port, 1000, 20000);
    ASSERT_INT(c.fd, -1);
    ASSERT_INT(c.why.code, PERCH_ECONNECT);
    ASSERT_STR(c.why.reason, "refused");
    (void)snprintf(want, sizeof want, "127.0.0.1 port %u (127.0.0.1: Connection refused)", port);
    CU_ASSERT_PTR_NOT_NULL(strstr(c.why.text, want));
    teardown(&c);
}

static void test_silence_ends_at_the_connect_deadline(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof in;
    int listener = socket(AF_INET, SOCK_STREAM, 0), filler[3];
    struct call c;

    /* A full backlog drops SYNs: the connection attempt hears nothing at all. */
    CU_ASSERT_EQUAL_FATAL(bind(listener, (struct sockaddr *)&in, sizeof in), 0);
    CU_ASSERT_EQUAL(listen(listener, 0), 0);
    CU_ASSERT_EQUAL(getsockname(listener, (struct sockaddr *)&in, &len), 0);
    for (size_t i = 0; i < PERCH_COUNT(filler); i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(filler[i], (struct sockaddr *)&in, sizeof in);
    }
    setup(&c);
    dial(&c, "127.0.0.1", ntohs(in.sin_port), 1000, 30);
    ASSERT_INT(c.fd, -1);
    ASSERT_INT(c.why.code, PERCH_ETIMEOUT);
    ASSERT_STR(c.why.reason, "connect-timeout");
    teardown(&c);
    for (size_t i = 0; i < PERCH_COUNT(filler); i++)
        (void)close(filler[i]);
    (void)close(listener);
}

static void test_a_name_that_no_dns_can_hold_is_not_found(void)
{
    struct call c;

    setup(&c);
    dial(&c, "no-such-host.invalid", 993, 20, 20000);
    ASSERT_INT(c.fd, -1);
    /* Which of the two depends on the machine's resolver. */
    CU_ASSERT(c.why.code == PERCH_ERESOLVE || c.why.code == PERCH_ETIMEOUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(c.why.text, "no-such-host.invalid"));
    teardown(&c);
}

static void test_giving_up_calls_nobody(void)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "no-such-host.invalid"};

    for (size_t i = 0; i < PERCH_COUNT(hosts); i++)
        for (int turns = 0; turns < 3; turns++) {
            struct perch_dial_args args = {.host = hosts[i],
                                           .port = dead_port(),
                                           .resolve_timeout = 5000,
                                           .connect_timeout = 5000};
            struct call c;
            struct perch_dial *d;

            setup(&c);
            d = perch_dial_start(&c.loop, &args, dialled, &c);
            for (int n = 0; n < turns && !c.over; n++)
                (void)event_base_loop(c.base, EVLOOP_NONBLOCK);
            if (!c.over) {
                perch_dial_free(d);
                loop_settle(c.base);
                ASSERT_INT(c.times, 0);
            }
            teardown(&c);
        }
    perch_dial_free(NULL);
}

PERCH_SUITE("net/dial") = {
    PERCH_TEST(test_an_address_needs_no_resolver),
    PERCH_TEST(test_localhost_needs_no_dns_and_both_families_are_tried),
    PERCH_TEST(test_a_refusal_names_host_port_and_address),
    PERCH_TEST(test_silence_ends_at_the_connect_deadline),
    PERCH_TEST(test_a_name_that_no_dns_can_hold_is_not_found),
    PERCH_TEST(test_giving_up_calls_nobody),
    PERCH_END,
};
