/* Dialling against a DNS server of our own; all of 127/8 is this machine. */
#include "net/dial.h"

#include "net/host.h"
#include "base/buf.h"

#include "support/perch_test.h"
#include "support/server.h"

#include <event2/event.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* A DNS server that knows a few names below "test", and says nothing about "silent". */
struct dns {
    int fd;
    struct event *event;
    char where[32]; /* for perch_dial_args.resolvers */
};

struct call {
    struct event_base *base;
    struct dns dns;
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

/* ---- names ---- */

#define TYPE_A    1
#define TYPE_AAAA 28

static const struct {
    const char *label; /* of LABEL.test */
    const char *addresses[20];
} zone[] = {
    {"four", {"127.0.0.1"}},
    {"six", {"::1"}},
    {"both", {"::1", "127.0.0.1"}},
    {"later", {"127.0.0.2", "127.0.0.3", "127.0.0.1"}},
    {"refusing", {"127.0.0.2", "127.0.0.3", "::1"}},
    {"slow", {"127.0.0.9", "127.0.0.1"}},
    {"many",
     {"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8",
      "127.0.0.9", "127.0.0.10", "127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14",
      "127.0.0.15", "127.0.0.16", "127.0.0.17", "127.0.0.1"}},
};

static void add_record(struct perch_buf *reply, const char *address, unsigned type)
{
    const uint8_t head[] = {0xc0, 12, 0, (uint8_t)type, 0, 1, 0, 0, 0, 1};
    uint8_t raw[16];
    size_t n = perch_host_address(address, raw);

    if (n != (type == TYPE_A ? 4 : 16))
        return;
    perch_buf_add(reply, head, sizeof head);
    perch_buf_addc(reply, 0);
    perch_buf_addc(reply, (char)n);
    perch_buf_add(reply, raw, n);
    perch_buf_data(reply)[7]++; /* ANCOUNT */
}

static void on_query(evutil_socket_t fd, short what, void *user)
{
    uint8_t query[512];
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    ssize_t n = recvfrom(fd, query, sizeof query, 0, (struct sockaddr *)&from, &len);
    struct perch_buf reply = PERCH_BUF_INIT;
    struct perch_span label = {(const char *)query + 13, query[12]};
    size_t end = 12;
    bool known = false;

    (void)what;
    (void)user;
    if (n < 17 || perch_span_ieqs(label, "silent"))
        return;
    while (query[end] != 0 && end + query[end] + 6u <= (size_t)n)
        end += query[end] + 1u;
    end += 5; /* the root label, type and class */
    perch_buf_add(&reply, query, end);
    memcpy(perch_buf_data(&reply) + 2, "\x81\x80\0\1\0\0\0\0\0\0", 10);
    for (size_t i = 0; i < PERCH_COUNT(zone); i++) {
        if (!perch_span_ieqs(label, zone[i].label))
            continue;
        known = true;
        for (size_t k = 0; k < PERCH_COUNT(zone[i].addresses) && zone[i].addresses[k]; k++)
            add_record(&reply, zone[i].addresses[k], query[end - 3]);
    }
    if (!known)
        perch_buf_data(&reply)[3] |= 3; /* NXDOMAIN */
    (void)sendto(fd, perch_buf_data(&reply), reply.len, 0, (struct sockaddr *)&from, len);
    perch_buf_done(&reply);
}

static void dns_start(struct dns *dns, struct event_base *base)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof in;

    dns->fd = socket(AF_INET, SOCK_DGRAM, 0);
    CU_ASSERT_EQUAL_FATAL(bind(dns->fd, (struct sockaddr *)&in, sizeof in), 0);
    CU_ASSERT_EQUAL(getsockname(dns->fd, (struct sockaddr *)&in, &len), 0);
    (void)snprintf(dns->where, sizeof dns->where, "127.0.0.1:%u", ntohs(in.sin_port));
    dns->event = event_new(base, dns->fd, EV_READ | EV_PERSIST, on_query, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dns->event);
    (void)event_add(dns->event, NULL);
}

/* ---- dialling ---- */

static void setup(struct call *c)
{
    memset(c, 0, sizeof *c);
    c->fd = -1;
    c->base = event_base_new();
    CU_ASSERT_EQUAL_FATAL(perch_loop_init(&c->loop, c->base), 0);
    dns_start(&c->dns, c->base);
}

static void teardown(struct call *c)
{
    event_free(c->dns.event);
    (void)close(c->dns.fd);
    if (c->fd >= 0)
        (void)close(c->fd);
    perch_loop_done(&c->loop);
    event_base_free(c->base);
}

static void dial(struct call *c, const char *host, uint16_t port, perch_ms resolve,
                 perch_ms connect_)
{
    struct perch_dial_args args = {.host = host,
                                   .port = port,
                                   .resolve_timeout = resolve,
                                   .connect_timeout = connect_,
                                   .resolvers = c->dns.where};

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

/* A full backlog drops SYNs: who connects there hears nothing at all. */
struct silence {
    int listener, filler[3];
    uint16_t port;
};

static void silence_start(struct silence *s, const char *address, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof in;

    CU_ASSERT_EQUAL(inet_pton(AF_INET, address, &in.sin_addr), 1);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL_FATAL(bind(s->listener, (struct sockaddr *)&in, sizeof in), 0);
    CU_ASSERT_EQUAL(listen(s->listener, 0), 0);
    CU_ASSERT_EQUAL(getsockname(s->listener, (struct sockaddr *)&in, &len), 0);
    s->port = ntohs(in.sin_port);
    for (size_t i = 0; i < PERCH_COUNT(s->filler); i++) {
        s->filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(s->filler[i], (struct sockaddr *)&in, sizeof in);
    }
}

static void silence_stop(struct silence *s)
{
    for (size_t i = 0; i < PERCH_COUNT(s->filler); i++)
        (void)close(s->filler[i]);
    (void)close(s->listener);
}

static void test_silence_ends_at_the_connect_deadline(void)
{
    struct silence silent;
    struct call c;

    setup(&c);
    silence_start(&silent, "127.0.0.1", 0);
    dial(&c, "127.0.0.1", silent.port, 1000, 30);
    ASSERT_INT(c.fd, -1);
    ASSERT_INT(c.why.code, PERCH_ETIMEOUT);
    ASSERT_STR(c.why.reason, "connect-timeout");
    silence_stop(&silent);
    teardown(&c);
}

/* RFC 8305: the second address is tried while the first keeps us waiting. */
static void test_a_silent_address_does_not_hold_up_the_next(void)
{
    static const struct server_step steps[] = {{SERVER_END, NULL}};
    struct server_options o = {.listen = true};
    struct silence silent;
    struct server *server;
    struct call c;

    setup(&c);
    server = server_new(c.base, &o, steps);
    silence_start(&silent, "127.0.0.9", server_port(server));
    dial(&c, "slow.test", server_port(server), 20000, 3600000);
    CU_ASSERT(c.fd >= 0);
    silence_stop(&silent);
    server_free(server);
    teardown(&c);
}

static void test_names_are_looked_up_and_all_addresses_tried(void)
{
    check_reaches("four.test");
    check_reaches("four.test.");
    check_reaches("both.test"); /* nobody listens on ::1 */
    check_reaches("later.test");
}

static void test_each_address_that_failed_is_named(void)
{
    struct call c;

    setup(&c);
    dial(&c, "refusing.test", dead_port(), 20000, 20000);
    ASSERT_INT(c.fd, -1);
    ASSERT_INT(c.why.code, PERCH_ECONNECT);
    ASSERT_STR(c.why.reason, "refused");
    CU_ASSERT_PTR_NOT_NULL(strstr(c.why.text, "127.0.0.2: Connection refused"));
    CU_ASSERT_PTR_NOT_NULL(strstr(c.why.text, "127.0.0.3: Connection refused"));
    CU_ASSERT_PTR_NOT_NULL(strstr(c.why.text, "::1: "));
    teardown(&c);
}

static void test_of_a_name_with_very_many_addresses_sixteen_are_tried(void)
{
    static const struct server_step steps[] = {{SERVER_END, NULL}};
    struct server_options o = {.listen = true}; /* on the seventeenth */
    struct server *server;
    struct call c;

    setup(&c);
    server = server_new(c.base, &o, steps);
    dial(&c, "many.test", server_port(server), 20000, 20000);
    ASSERT_INT(c.fd, -1);
    ASSERT_INT(c.why.code, PERCH_ECONNECT);
    server_free(server);
    teardown(&c);
}

static void test_an_unknown_name_is_told(void)
{
    struct call c;

    setup(&c);
    dial(&c, "nobody.test", 993, 20000, 20000);
    ASSERT_INT(c.fd, -1);
    ASSERT_INT(c.why.code, PERCH_ERESOLVE);
    ASSERT_STR(c.why.reason, "no-such-host");
    CU_ASSERT_PTR_NOT_NULL(strstr(c.why.text, "nobody.test"));
    teardown(&c);
}

static void test_a_silent_resolver_ends_at_the_resolve_deadline(void)
{
    struct call c;

    setup(&c);
    dial(&c, "silent.test", 993, 30, 20000);
    ASSERT_INT(c.fd, -1);
    ASSERT_INT(c.why.code, PERCH_ETIMEOUT);
    ASSERT_STR(c.why.reason, "resolve-timeout");
    CU_ASSERT_PTR_NOT_NULL(strstr(c.why.text, "silent.test"));
    teardown(&c);
}

static void test_resolvers_that_make_no_sense_are_an_error(void)
{
    struct call c;

    setup(&c);
    (void)snprintf(c.dns.where, sizeof c.dns.where, "no address");
    dial(&c, "four.test", 993, 20000, 20000);
    ASSERT_INT(c.why.code, PERCH_ERESOLVE);
    teardown(&c);
}

static void test_giving_up_calls_nobody(void)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "both.test", "silent.test"};

    for (size_t i = 0; i < PERCH_COUNT(hosts); i++)
        for (int turns = 0; turns < 5; turns++) {
            struct perch_dial_args args = {.host = hosts[i],
                                           .port = dead_port(),
                                           .resolve_timeout = 5000,
                                           .connect_timeout = 5000};
            struct call c;
            struct perch_dial *d;

            setup(&c);
            args.resolvers = c.dns.where;
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
    PERCH_TEST(test_a_silent_address_does_not_hold_up_the_next),
    PERCH_TEST(test_names_are_looked_up_and_all_addresses_tried),
    PERCH_TEST(test_each_address_that_failed_is_named),
    PERCH_TEST(test_of_a_name_with_very_many_addresses_sixteen_are_tried),
    PERCH_TEST(test_an_unknown_name_is_told),
    PERCH_TEST(test_a_silent_resolver_ends_at_the_resolve_deadline),
    PERCH_TEST(test_resolvers_that_make_no_sense_are_an_error),
    PERCH_TEST(test_giving_up_calls_nobody),
    PERCH_END,
};
