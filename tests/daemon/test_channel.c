/* The channel between the processes: both ends in one loop. */
#include "ipc/channel.h"

#include "support/perch_test.h"

#include <event2/event.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEEN_MAX 64

struct end {
    struct ipc_channel *ch;
    size_t nseen;
    enum ipc_type seen[SEEN_MAX];
    int64_t number[SEEN_MAX];
    size_t bytes[SEEN_MAX];
    int fd; /* last one received */
    unsigned closed;
    char why[100];
    bool free_on_message, free_on_close;
};

struct pair {
    struct event_base *base;
    struct end a, b;
    int raw; /* the other socket where only `a` is a channel */
};

static void on_message(struct ipc_channel *ch, enum ipc_type type, json_t *body, int fd, void *user)
{
    struct end *e = user;
    const json_t *text = json_object_get(body, "text");

    if (e->nseen < SEEN_MAX) {
        e->seen[e->nseen] = type;
        e->number[e->nseen] = json_integer_value(json_object_get(body, "n"));
        e->bytes[e->nseen] = json_string_length(text);
        e->nseen++;
    }
    if (fd >= 0) {
        if (e->fd >= 0)
            (void)close(e->fd);
        e->fd = fd;
    }
    if (e->free_on_message) {
        ipc_free(ch);
        e->ch = NULL;
    }
}

static void on_closed(struct ipc_channel *ch, const char *why, void *user)
{
    struct end *e = user;

    e->closed++;
    (void)snprintf(e->why, sizeof e->why, "%s", why);
    if (e->free_on_close) {
        ipc_free(ch);
        e->ch = NULL;
    }
}

static const struct ipc_hooks hooks = {on_message, on_closed};

static void pair_make(struct pair *p, bool both)
{
    int fds[2];

    *p = (struct pair){.a.fd = -1, .b.fd = -1, .raw = -1};
    p->base = event_base_new();
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    p->a.ch = ipc_new(p->base, fds[0], &hooks, &p->a);
    if (both)
        p->b.ch = ipc_new(p->base, fds[1], &hooks, &p->b);
    else
        p->raw = fds[1];
}

static void pair_done(struct pair *p)
{
    ipc_free(p->a.ch);
    ipc_free(p->b.ch);
    if (p->raw >= 0)
        (void)close(p->raw);
    if (p->a.fd >= 0)
        (void)close(p->a.fd);
    if (p->b.fd >= 0)
        (void)close(p->b.fd);
    event_base_free(p->base);
}

/* Until nothing is left to do. */
static void run(struct pair *p)
{
    for (int i = 0; i < 1000; i++)
        (void)event_base_loop(p->base, EVLOOP_NONBLOCK);
}

static json_t *numbered(int64_t n)
{
    return json_pack("{s:I}", "n", (json_int_t)n);
}

static json_t *of_size(size_t n)
{
    char *text = malloc(n + 1);
    json_t *body;

    memset(text, 'x', n);
    text[n] = '\0';
    body = json_pack("{s:s#}", "text", text, (int)n);
    free(text);
    return body;
}

static void test_messages_arrive_in_order_both_ways(void)
{
    struct pair p;

    pair_make(&p, true);
    for (int64_t i = 0; i < 10; i++) {
        ASSERT_INT(ipc_send(p.a.ch, IPC_HOOK_RUN, numbered(i), -1, false), 0);
        ASSERT_INT(ipc_send(p.b.ch, IPC_HOOK_RESULT, numbered(100 + i), -1, false), 0);
    }
    run(&p);
    ASSERT_INT(p.b.nseen, 10);
    ASSERT_INT(p.a.nseen, 10);
    for (int64_t i = 0; i < 10; i++) {
        ASSERT_INT(p.b.seen[i], IPC_HOOK_RUN);
        ASSERT_INT(p.b.number[i], i);
        ASSERT_INT(p.a.number[i], 100 + i);
    }
    ASSERT_INT(ipc_pending(p.a.ch), 0);
    pair_done(&p);
}

static void test_a_descriptor_goes_with_its_message(void)
{
    struct pair p;
    int pipes[2];
    char byte = 0;

    pair_make(&p, true);
    CU_ASSERT_EQUAL_FATAL(pipe2(pipes, O_CLOEXEC), 0);
    ASSERT_INT(ipc_send(p.a.ch, IPC_STATUS, numbered(1), -1, false), 0);
    ASSERT_INT(ipc_send(p.a.ch, IPC_LISTENER, numbered(2), pipes[0], false), 0);
    ASSERT_INT(ipc_send(p.a.ch, IPC_STATUS, numbered(3), -1, false), 0);
    (void)close(pipes[0]); /* the channel has its own */
    run(&p);
    ASSERT_INT(p.b.nseen, 3);
    CU_ASSERT_TRUE_FATAL(p.b.fd >= 0);
    CU_ASSERT_TRUE(fcntl(p.b.fd, F_GETFD) & FD_CLOEXEC);
    ASSERT_INT(write(pipes[1], "!", 1), 1);
    ASSERT_INT(read(p.b.fd, &byte, 1), 1);
    ASSERT_INT(byte, '!');
    (void)close(pipes[1]);
    pair_done(&p);
}

static void test_what_the_peer_does_not_read_yet_waits(void)
{
    struct pair p;
    size_t pending;

    pair_make(&p, true);
    for (int i = 0; i < 20; i++)
        ASSERT_INT(ipc_send(p.a.ch, IPC_HOOK_RUN, of_size(100000), -1, false), 0);
    pending = ipc_pending(p.a.ch);
    CU_ASSERT_TRUE(pending > 1000000); /* far more than a socket takes */
    ASSERT_INT(ipc_send(p.a.ch, IPC_STOP, numbered(7), -1, false), 0);
    run(&p);
    ASSERT_INT(p.b.nseen, 21);
    for (int i = 0; i < 20; i++)
        ASSERT_INT(p.b.bytes[i], 100000);
    ASSERT_INT(p.b.seen[20], IPC_STOP);
    ASSERT_INT(ipc_pending(p.a.ch), 0);
    pair_done(&p);
}

static void test_the_largest_message_passes_and_a_larger_one_is_refused(void)
{
    struct pair p;

    pair_make(&p, true);
    ASSERT_INT(ipc_send(p.a.ch, IPC_CONFIG, of_size(IPC_MESSAGE_MAX), -1, false), -1);
    ASSERT_INT(errno, ENOBUFS);
    ASSERT_INT(ipc_send(p.a.ch, IPC_CONFIG, NULL, -1, false), -1);
    ASSERT_INT(ipc_send(p.a.ch, IPC_CONFIG, of_size(IPC_MESSAGE_MAX - 11), -1, false), 0);
    run(&p);
    ASSERT_INT(p.b.nseen, 1);
    ASSERT_INT(p.b.bytes[0], IPC_MESSAGE_MAX - 11);
    pair_done(&p);
}

static void test_nul_in_a_text_survives(void)
{
    struct pair p;

    pair_make(&p, true);
    ASSERT_INT(ipc_send(p.a.ch, IPC_HOOK_RUN, json_pack("{s:s#}", "text", "a\0b", 3), -1, false),
               0);
    run(&p);
    ASSERT_INT(p.b.bytes[0], 3);
    pair_done(&p);
}

static void test_bytes_may_arrive_one_by_one(void)
{
    static const uint8_t message[] = {9,   0,   0,   0,   IPC_STATUS, 0,   0,   0,  '{',
                                      '"', 'n', '"', ':', '4',        '2', ' ', '}'};
    struct pair p;

    pair_make(&p, false);
    for (size_t i = 0; i < sizeof message; i++) {
        ASSERT_INT(p.a.nseen, 0);
        ASSERT_INT(write(p.raw, &message[i], 1), 1);
        run(&p);
    }
    ASSERT_INT(p.a.nseen, 1);
    ASSERT_INT(p.a.number[0], 42);
    pair_done(&p);
}

static void test_a_broken_format_closes(void)
{
    static const struct {
        uint8_t bytes[16];
        size_t n;
        const char *why;
    } rows[] = {
        {{2, 0, 0, 0, 0, 0, 0, 0, '{', '}'}, 10, "a message of an unknown type"},
        {{2, 0, 0, 0, IPC_TYPE_COUNT, 0, 0, 0, '{', '}'}, 10, "a message of an unknown type"},
        {{2, 0, 0, 0, IPC_STATUS, 0, 1, 0, '{', '}'}, 10, "a message of an unknown type"},
        {{1, 0, 0, 0, IPC_STATUS, 0, 0, 0, '{'}, 9, "a message with an impossible length"},
        {{1, 0, 0, 1, IPC_STATUS, 0, 0, 0}, 8, "a message with an impossible length"},
        {{2, 0, 0, 0, IPC_LISTENER, 1, 0, 0, '{', '}'}, 10, "a message without its descriptor"},
        {{2, 0, 0, 0, IPC_LISTENER, 2, 0, 0, '{', '}'}, 10, "a message without its descriptor"},
        {{2, 0, 0, 0, IPC_STATUS, 0, 0, 0, '[', ']'}, 10, "a message that is no JSON object"},
        {{2, 0, 0, 0, IPC_STATUS, 0, 0, 0, '{', '{'}, 10, "a message that is no JSON object"},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct pair p;

        pair_make(&p, false);
        ASSERT_INT(write(p.raw, rows[i].bytes, rows[i].n), rows[i].n);
        run(&p);
        if (p.a.closed != 1 || p.a.nseen != 0 || strcmp(p.a.why, rows[i].why) != 0)
            FAIL_ROW("row %zu: closed %u, %s", i, p.a.closed, p.a.why);
        pair_done(&p);
    }
}

static void test_an_impossible_length_is_refused_before_its_bytes_come(void)
{
    static const uint8_t header[] = {0xff, 0xff, 0xff, 0xff, IPC_STATUS, 0, 0, 0};
    struct pair p;

    pair_make(&p, false);
    ASSERT_INT(write(p.raw, header, sizeof header), sizeof header);
    run(&p);
    ASSERT_INT(p.a.closed, 1);
    pair_done(&p);
}

static void test_unannounced_descriptors_are_bounded(void)
{
    struct pair p;

    pair_make(&p, false);
    for (int i = 0; i < 8; i++) {
        union {
            struct cmsghdr align;
            char room[CMSG_SPACE(sizeof(int))];
        } control = {.align = {.cmsg_len = CMSG_LEN(sizeof(int)),
                               .cmsg_level = SOL_SOCKET,
                               .cmsg_type = SCM_RIGHTS}};
        char zero = 0;
        struct iovec iov = {&zero, 1};
        struct msghdr m = {.msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = control.room,
                           .msg_controllen = sizeof control.room};

        memcpy(CMSG_DATA(&control.align), &p.raw, sizeof p.raw);
        (void)sendmsg(p.raw, &m, MSG_NOSIGNAL);
    }
    run(&p);
    ASSERT_INT(p.a.closed, 1);
    pair_done(&p);
}

static void test_the_end_of_the_peer_is_told_once_and_after_its_last_message(void)
{
    struct pair p;

    pair_make(&p, true);
    ASSERT_INT(ipc_send(p.b.ch, IPC_STOPPED, numbered(1), -1, false), 0);
    ipc_free(p.b.ch);
    p.b.ch = NULL;
    run(&p);
    ASSERT_INT(p.a.nseen, 1);
    ASSERT_INT(p.a.seen[0], IPC_STOPPED);
    ASSERT_INT(p.a.closed, 1);
    ASSERT_STR(p.a.why, "end of file");
    ASSERT_INT(ipc_send(p.a.ch, IPC_STOP, numbered(1), -1, false), -1);
    ASSERT_INT(errno, EPIPE);
    pair_done(&p);
}

static void test_sending_to_a_dead_peer_is_survived(void)
{
    struct pair p;

    pair_make(&p, true);
    ipc_free(p.b.ch);
    p.b.ch = NULL;
    (void)ipc_send(p.a.ch, IPC_STOP, numbered(1), -1, false);
    ASSERT_INT(p.a.closed, 0); /* hooks run from the loop only */
    run(&p);
    ASSERT_INT(p.a.closed, 1);
    pair_done(&p);
}

static void test_freeing_in_a_hook_is_legal(void)
{
    struct pair p;

    pair_make(&p, true);
    p.b.free_on_message = true;
    p.a.free_on_close = true;
    ASSERT_INT(ipc_send(p.a.ch, IPC_STOP, numbered(1), -1, false), 0);
    ASSERT_INT(ipc_send(p.a.ch, IPC_STOP, numbered(2), -1, false), 0);
    run(&p);
    ASSERT_INT(p.b.nseen, 1);
    ASSERT_INT(p.b.closed, 0);
    ASSERT_INT(p.a.closed, 1);
    CU_ASSERT_PTR_NULL(p.a.ch);
    pair_done(&p);
}

PERCH_SUITE("daemon/channel") = {
    PERCH_TEST(test_messages_arrive_in_order_both_ways),
    PERCH_TEST(test_a_descriptor_goes_with_its_message),
    PERCH_TEST(test_what_the_peer_does_not_read_yet_waits),
    PERCH_TEST(test_the_largest_message_passes_and_a_larger_one_is_refused),
    PERCH_TEST(test_nul_in_a_text_survives),
    PERCH_TEST(test_bytes_may_arrive_one_by_one),
    PERCH_TEST(test_a_broken_format_closes),
    PERCH_TEST(test_an_impossible_length_is_refused_before_its_bytes_come),
    PERCH_TEST(test_unannounced_descriptors_are_bounded),
    PERCH_TEST(test_the_end_of_the_peer_is_told_once_and_after_its_last_message),
    PERCH_TEST(test_sending_to_a_dead_peer_is_survived),
    PERCH_TEST(test_freeing_in_a_hook_is_legal),
    PERCH_END,
};
