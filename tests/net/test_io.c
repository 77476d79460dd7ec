/* A stream against a scripted server: plain and TLS, whole and in pieces. */
#include "net/io.h"

#include "support/perch_test.h"
#include "support/server.h"

#include <event2/event.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

struct stream {
    struct event_base *base;
    struct perch_loop loop;
    struct server *server;
    struct perch_io io;
    struct perch_error error;
    perch_trust *trust;
    struct perch_buf text; /* all that came */
    bool ended, ready, drained, heard;
    bool close_on_data; /* the hook closes and frees everything */
    bool enough;        /* `text` has `want` bytes */
    size_t want;
};

static bool on_data(void *user)
{
    struct stream *s = user;

    perch_buf_addspan(&s->text, perch_buf_span(&s->io.rx));
    perch_buf_consume(&s->io.rx, s->io.rx.len);
    s->heard = true;
    s->enough = s->text.len >= s->want;
    if (!s->close_on_data)
        return true;
    perch_io_done(&s->io);
    memset(&s->io, 0xa5, sizeof s->io); /* whoever looks at it now will fall */
    return false;
}

static bool on_tls(void *user)
{
    struct stream *s = user;

    s->ready = true;
    return true;
}

static void on_drained(void *user)
{
    struct stream *s = user;

    s->drained = true;
}

static void on_end(void *user)
{
    struct stream *s = user;

    s->ended = true;
    perch_io_close(&s->io);
}

static const struct perch_io_hooks hooks = {on_data, on_tls, on_drained, on_end};

static void start(struct stream *s, const struct server_options *o, const struct server_step *steps)
{
    memset(s, 0, sizeof *s);
    s->base = event_base_new();
    CU_ASSERT_EQUAL_FATAL(perch_loop_init(&s->loop, s->base), 0);
    s->server = server_new(s->base, o, steps);
    perch_io_init(&s->io, &s->loop, server_peer(s->server), CERT_HOST, &hooks, s, &s->error);
}

static int start_tls(struct stream *s, const char *name)
{
    struct perch_tls_config config = {.host = CERT_HOST, .name = name};

    s->trust = perch_trust_new(NULL, certs_authority(), &s->error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->trust);
    config.trust = s->trust;
    return perch_io_start_tls(&s->io, &config);
}

static void stop(struct stream *s)
{
    if (!s->close_on_data)
        perch_io_done(&s->io);
    perch_trust_unref(s->trust);
    server_free(s->server);
    perch_buf_done(&s->text);
    perch_loop_done(&s->loop);
    event_base_free(s->base);
}

static void send_all(struct stream *s, const char *text)
{
    CU_ASSERT_EQUAL(perch_io_send(&s->io, text, strlen(text)), strlen(text));
}

/* ---- plain ---- */

static void test_lines_pass_both_ways_in_clear(void)
{
    static const struct server_step steps[] = {
        {SERVER_SAY, "* OK hi\r\n"}, {SERVER_EXPECT, "NOOP"}, {SERVER_SAY, "%t OK\r\n"},
        {SERVER_CLOSE, NULL},        {SERVER_END, NULL},
    };
    struct stream s;

    start(&s, NULL, steps);
    CU_ASSERT(loop_until(s.base, &s.heard));
    send_all(&s, "a1 NOOP\r\n");
    CU_ASSERT(loop_until(s.base, &s.ended));
    ASSERT_SPAN(perch_buf_span(&s.text), "* OK hi\r\na1 OK\r\n");
    ASSERT_STR(server_got(s.server), "a1 NOOP\r\n");
    ASSERT_INT(s.error.code, PERCH_ECLOSED);
    ASSERT_STR(s.error.reason, "eof");
    ASSERT_INT(s.io.bytes_in, strlen("* OK hi\r\na1 OK\r\n"));
    ASSERT_INT(s.io.bytes_out, strlen("a1 NOOP\r\n"));
    CU_ASSERT(s.io.last_heard > 0);
    stop(&s);
}

static void test_a_broken_pipe_keeps_its_errno_in_words(void)
{
    static const struct server_step steps[] = {{SERVER_CUT, NULL}, {SERVER_END, NULL}};
    struct stream s;

    start(&s, NULL, steps);
    send_all(&s, "a1 NOOP\r\n");
    CU_ASSERT(loop_until(s.base, &s.ended));
    ASSERT_INT(s.error.code, PERCH_ECLOSED);
    ASSERT_STR(s.error.reason, "reset");
    CU_ASSERT_PTR_NOT_NULL(strstr(s.error.text, "Broken pipe"));
    stop(&s);
}

static void test_last_words_are_read_though_writing_failed(void)
{
    static const struct server_step steps[] = {
        {SERVER_SAY, "* BYE too many\r\n"}, {SERVER_CUT, NULL}, {SERVER_END, NULL}};
    struct stream s;

    start(&s, NULL, steps);
    perch_watch_stop(&s.io.watch); /* the client is busy while the server says so and goes */
    loop_settle(s.base);
    perch_watch_read(&s.io.watch);
    send_all(&s, "a1 NOOP\r\n");
    CU_ASSERT(loop_until(s.base, &s.ended));
    ASSERT_SPAN(perch_buf_span(&s.text), "* BYE too many\r\n");
    ASSERT_STR(s.error.reason, "reset");
    stop(&s);
}

static size_t send_much(struct stream *s, const char *p, size_t n)
{
    size_t sent = 0;

    while (sent < n) {
        size_t took = perch_io_send(&s->io, p + sent, n - sent);

        if (took == 0) {
            s->drained = false;
            CU_ASSERT_FATAL(loop_until(s->base, &s->drained));
        }
        sent += took;
    }
    return sent;
}

static void check_large_output(bool tls)
{
    static const struct server_step plain[] = {{SERVER_SAY, "* OK\r\n"}, {SERVER_END, NULL}};
    static const struct server_step secure[] = {
        {SERVER_TLS, NULL}, {SERVER_SAY, "* OK\r\n"}, {SERVER_END, NULL}};
    const size_t n = 3 * 1024 * 1024;
    char *big = malloc(n);
    struct stream s;

    CU_ASSERT_PTR_NOT_NULL_FATAL(big);
    for (size_t i = 0; i < n; i++)
        big[i] = (char)('a' + i % 23);
    start(&s, NULL, tls ? secure : plain);
    if (tls)
        ASSERT_INT(start_tls(&s, NULL), 0);
    CU_ASSERT_FATAL(loop_until(s.base, &s.heard));
    CU_ASSERT_EQUAL(send_much(&s, big, n), n);
    while (strlen(server_got(s.server)) < n && !s.ended)
        (void)perch_loop_turn(&s.loop);
    CU_ASSERT_EQUAL(memcmp(server_got(s.server), big, n), 0);
    CU_ASSERT(s.io.bytes_out >= n);
    CU_ASSERT_PTR_NULL(s.io.out.p); /* given back */
    free(big);
    stop(&s);
}

static void test_large_output_waits_for_the_kernel(void)
{
    check_large_output(false);
}

static void test_large_output_over_tls_loses_nothing(void)
{
    check_large_output(true);
}

/* ---- TLS ---- */

static const struct server_step chat[] = {
    {SERVER_TLS, NULL},        {SERVER_SAY, "* OK hi\r\n"}, {SERVER_EXPECT, "NOOP"},
    {SERVER_SAY, "%t OK\r\n"}, {SERVER_CLOSE, NULL},        {SERVER_END, NULL},
};
#define CHAT_TEXT "* OK hi\r\na1 OK\r\n"

/* From the first byte to the end of a little conversation. */
static void run_chat(struct stream *s, const struct server_options *o)
{
    start(s, o, chat);
    ASSERT_INT(start_tls(s, NULL), 0);
    while (!s->ended) {
        s->heard = false;
        if (s->text.len == strlen("* OK hi\r\n"))
            (void)perch_io_send(&s->io, "a1 NOOP\r\n", 9);
        while (!s->heard && !s->ended && perch_loop_turn(&s->loop) == 0)
            continue;
    }
}

static void test_lines_pass_both_ways_over_tls(void)
{
    struct stream s;

    run_chat(&s, NULL);
    CU_ASSERT(s.ready);
    ASSERT_SPAN(perch_buf_span(&s.text), CHAT_TEXT);
    ASSERT_STR(server_got(s.server), "a1 NOOP\r\n");
    ASSERT_STR(s.error.reason, "eof");
    stop(&s);
}

static void test_a_trickle_of_single_bytes_changes_nothing(void)
{
    static const char *const versions[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.3",
                                           "NORMAL:-VERS-ALL:+VERS-TLS1.2"};

    for (size_t i = 0; i < PERCH_COUNT(versions); i++) {
        struct server_options o = {.chunk = 1, .priority = versions[i]};
        struct stream s;

        run_chat(&s, &o);
        ASSERT_SPAN(perch_buf_span(&s.text), CHAT_TEXT);
        ASSERT_STR(s.error.reason, "eof");
        stop(&s);
    }
}

static void test_what_stands_behind_the_handshake_is_not_lost(void)
{
    static const struct server_step steps[] = {
        {SERVER_TLS, NULL},   {SERVER_SAY, "* OK one\r\n"}, {SERVER_SAY, "* OK two\r\n"},
        {SERVER_CLOSE, NULL}, {SERVER_END, NULL},
    };
    struct stream s;

    start(&s, NULL, steps);
    ASSERT_INT(start_tls(&s, NULL), 0);
    CU_ASSERT(loop_until(s.base, &s.ended));
    ASSERT_SPAN(perch_buf_span(&s.text), "* OK one\r\n* OK two\r\n");
    stop(&s);
}

static void test_nothing_is_kept_while_idle(void)
{
    static const struct server_step steps[] = {
        {SERVER_TLS, NULL}, {SERVER_SAY, "* OK hi\r\n"}, {SERVER_END, NULL}};
    struct stream s;

    start(&s, NULL, steps);
    ASSERT_INT(start_tls(&s, NULL), 0);
    CU_ASSERT(loop_until(s.base, &s.heard));
    send_all(&s, "a1 IDLE\r\n");
    loop_settle(s.base);
    CU_ASSERT_PTR_NULL(s.io.rx.p);
    CU_ASSERT_PTR_NULL(s.io.cin.p);
    CU_ASSERT_PTR_NULL(s.io.out.p);
    stop(&s);
}

/* OpenSSL sends two tickets in front of the greeting; what GnuTLS says of them must not be
 * taken for the end of what came. */
static void test_tickets_do_not_hide_what_follows_them(void)
{
    static const struct server_step steps[] = {
        {SERVER_TLS, NULL},     {SERVER_TICKETS, NULL},        {SERVER_SAY, "* OK hi\r\n"},
        {SERVER_TICKETS, NULL}, {SERVER_SAY, "* OK more\r\n"}, {SERVER_END, NULL},
    };
    struct stream s;

    start(&s, NULL, steps);
    s.want = strlen("* OK hi\r\n* OK more\r\n");
    ASSERT_INT(start_tls(&s, NULL), 0);
    CU_ASSERT(loop_until(s.base, &s.enough));
    ASSERT_SPAN(perch_buf_span(&s.text), "* OK hi\r\n* OK more\r\n");
    stop(&s);
}

/* B7: the first request is declined, the third ends it. */
static void test_requests_to_renegotiate_are_declined_and_counted(void)
{
    static const struct server_step twice[] = {
        {SERVER_TLS, NULL},   {SERVER_AGAIN, NULL},         {SERVER_SAY, "* OK one\r\n"},
        {SERVER_AGAIN, NULL}, {SERVER_SAY, "* OK two\r\n"}, {SERVER_END, NULL},
    };
    static const struct server_step thrice[] = {
        {SERVER_TLS, NULL},   {SERVER_AGAIN, NULL},     {SERVER_AGAIN, NULL},
        {SERVER_AGAIN, NULL}, {SERVER_SAY, "* OK\r\n"}, {SERVER_END, NULL},
    };
    struct server_options o = {.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2"};
    struct stream s;

    start(&s, &o, twice);
    s.want = strlen("* OK one\r\n* OK two\r\n");
    ASSERT_INT(start_tls(&s, NULL), 0);
    CU_ASSERT(loop_until(s.base, &s.enough));
    send_all(&s, "a1 NOOP\r\n");
    loop_settle(s.base);
    CU_ASSERT_FALSE(s.ended);
    ASSERT_INT(server_warnings(s.server), 2);
    ASSERT_STR(server_got(s.server), "a1 NOOP\r\n");
    stop(&s);

    start(&s, &o, thrice);
    ASSERT_INT(start_tls(&s, NULL), 0);
    CU_ASSERT(loop_until(s.base, &s.ended));
    ASSERT_INT(s.error.code, PERCH_ETLS);
    ASSERT_STR(s.error.reason, "tls-record");
    ASSERT_INT(s.text.len, 0);
    stop(&s);
}

/* B11: a stream that ends without close_notify was cut, wherever it was cut. */
static void test_a_cut_at_any_byte_is_told(void)
{
    struct server_options o = {.chunk = 4096};
    struct stream s;
    size_t all;

    run_chat(&s, &o);
    all = server_sent(s.server) - 4; /* a signature is a few bytes shorter now and then */
    stop(&s);
    for (o.cut_at = 1; o.cut_at < all; o.cut_at += 1 + o.cut_at % 7) {
        run_chat(&s, &o);
        if (s.error.code != PERCH_ETLS && s.error.code != PERCH_ECLOSED)
            FAIL_ROW("cut at %zu: %d %s", o.cut_at, s.error.code, s.error.text);
        else if (strcmp(s.error.reason, s.ready ? "tls-truncated" : "tls-closed") != 0 &&
                 strcmp(s.error.reason, "reset") != 0)
            FAIL_ROW("cut at %zu: reason %s", o.cut_at, s.error.reason);
        if (s.text.len > strlen(CHAT_TEXT) ||
            (s.text.len && memcmp(perch_buf_data(&s.text), CHAT_TEXT, s.text.len) != 0))
            FAIL_ROW("cut at %zu: %zu bytes", o.cut_at, s.text.len);
        stop(&s);
    }
}

/* What comes instead of a handshake, and the reason it is given. */
static void test_no_handshake_no_connection(void)
{
    static const struct {
        const char *say, *reason;
        int code;
    } rows[] = {
        {"* OK IMAP4rev1 ready\r\n", "tls-not-tls", PERCH_ETLS},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", "tls-not-tls", PERCH_ETLS},
        {"\x15\x03\x03\x01\x02\x02\x28", "tls-closed", PERCH_ETLS}, /* an alert, not all of it */
        {"\x16\x03\x03\xff\xff garbage garbage garbage", "tls-handshake", PERCH_ETLS},
        {"\x16\x03\x03\x01\x04zzzzzzzzzz", "tls-closed", PERCH_ETLS},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        const struct server_step steps[] = {
            {SERVER_HEAR, NULL}, {SERVER_SAY, rows[i].say}, {SERVER_CUT, NULL}, {SERVER_END, NULL}};
        struct stream s;

        start(&s, NULL, steps);
        if (start_tls(&s, NULL) == 0)
            CU_ASSERT(loop_until(s.base, &s.ended));
        if (s.error.code != rows[i].code || strcmp(s.error.reason, rows[i].reason) != 0)
            FAIL_ROW("row %zu: %d %s (%s)", i, s.error.code, s.error.reason, s.error.text);
        CU_ASSERT_FALSE(s.ready);
        ASSERT_INT(s.text.len, 0);
        stop(&s);
    }
}

static void test_old_protocols_are_refused(void)
{
    struct server_options o = {.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0"};
    struct stream s;

    start(&s, &o, chat);
    ASSERT_INT(start_tls(&s, NULL), 0);
    CU_ASSERT(loop_until(s.base, &s.ended));
    ASSERT_INT(s.error.code, PERCH_ETLS);
    ASSERT_STR(s.error.reason, "tls-version");
    stop(&s);
}

/* B6: we ask for `imap`; a server that insists on something else says so by an alert. */
static void test_a_server_of_another_protocol_is_refused(void)
{
    struct server_options imap = {.alpn = "imap"}, http = {.alpn = "http/1.1"};
    struct stream s;

    run_chat(&s, &imap);
    ASSERT_SPAN(perch_buf_span(&s.text), CHAT_TEXT);
    stop(&s);

    start(&s, &http, chat);
    ASSERT_INT(start_tls(&s, NULL), 0);
    CU_ASSERT(loop_until(s.base, &s.ended));
    CU_ASSERT_FALSE(s.ready);
    ASSERT_INT(s.error.code, PERCH_ETLS);
    ASSERT_STR(s.error.reason, "tls-alert");
    stop(&s);
}

static void test_the_hook_may_close_the_stream(void)
{
    for (int tls = 0; tls < 2; tls++) {
        const struct server_step steps[] = {
            {tls ? SERVER_TLS : SERVER_SAY, tls ? NULL : "* OK one\r\n"},
            {SERVER_SAY, "* OK two\r\n"},
            {SERVER_SAY, "* OK three\r\n"},
            {SERVER_END, NULL},
        };
        struct stream s;

        start(&s, NULL, steps);
        s.close_on_data = true;
        if (tls)
            ASSERT_INT(start_tls(&s, NULL), 0);
        CU_ASSERT(loop_until(s.base, &s.heard));
        loop_settle(s.base);
        CU_ASSERT(server_saw_end(s.server));
        CU_ASSERT_FALSE(s.ended);
        stop(&s);
    }
}

static void test_the_connection_is_described(void)
{
    struct server_options o = {.priority =
                                   "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM"};
    char text[96];
    struct stream s;

    start(&s, &o, chat);
    perch_io_describe(&s.io, text, sizeof text);
    ASSERT_STR(text, "no TLS");
    CU_ASSERT(perch_io_is_local(&s.io));
    ASSERT_INT(start_tls(&s, NULL), 0);
    CU_ASSERT(loop_until(s.base, &s.ready));
    perch_io_describe(&s.io, text, sizeof text);
    ASSERT_STR(text, "TLS1.3 AES-256-GCM");
    stop(&s);
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    CU_ASSERT_EQUAL(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* F5: dead within 2 minutes when idle, within 1 with something unsent. */
static void test_the_kernel_is_told_to_notice_a_dead_peer(void)
{
    static const struct server_step steps[] = {{SERVER_END, NULL}};
    struct server_options o = {.listen = true};
    struct event_base *base = event_base_new();
    struct server *server = server_new(base, &o, steps);
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(server_port(server)),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct perch_error error = {0};
    struct perch_loop loop;
    struct perch_io io;
    char text[96], want[96];

    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
    CU_ASSERT_EQUAL(perch_loop_init(&loop, base), 0);
    perch_io_init(&io, &loop, fd, "localhost", &hooks, NULL, &error);
    CU_ASSERT(option(fd, SOL_SOCKET, SO_KEEPALIVE) != 0);
    CU_ASSERT(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
                  option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT) <=
              120);
    CU_ASSERT(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) <= 60000);
    CU_ASSERT(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) > 0);
    CU_ASSERT(option(fd, IPPROTO_TCP, TCP_NODELAY) != 0);
    CU_ASSERT(perch_io_is_local(&io));
    perch_io_describe(&io, text, sizeof text);
    (void)snprintf(want, sizeof want, "no TLS 127.0.0.1:%u", server_port(server));
    ASSERT_STR(text, want);
    perch_io_done(&io);
    server_free(server);
    event_base_free(base);
}

PERCH_SUITE("net/io") = {
    PERCH_TEST(test_lines_pass_both_ways_in_clear),
    PERCH_TEST(test_a_broken_pipe_keeps_its_errno_in_words),
    PERCH_TEST(test_last_words_are_read_though_writing_failed),
    PERCH_TEST(test_large_output_waits_for_the_kernel),
    PERCH_TEST(test_large_output_over_tls_loses_nothing),
    PERCH_TEST(test_lines_pass_both_ways_over_tls),
    PERCH_TEST(test_a_trickle_of_single_bytes_changes_nothing),
    PERCH_TEST(test_what_stands_behind_the_handshake_is_not_lost),
    PERCH_TEST(test_nothing_is_kept_while_idle),
    PERCH_TEST(test_tickets_do_not_hide_what_follows_them),
    PERCH_TEST(test_requests_to_renegotiate_are_declined_and_counted),
    PERCH_TEST(test_a_cut_at_any_byte_is_told),
    PERCH_TEST(test_no_handshake_no_connection),
    PERCH_TEST(test_old_protocols_are_refused),
    PERCH_TEST(test_a_server_of_another_protocol_is_refused),
    PERCH_TEST(test_the_hook_may_close_the_stream),
    PERCH_TEST(test_the_connection_is_described),
    PERCH_TEST(test_the_kernel_is_told_to_notice_a_dead_peer),
    PERCH_END,
};
