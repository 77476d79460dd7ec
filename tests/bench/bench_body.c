/* A message body of 2 GiB through a client into a sink, beside the floor under it in the same run:
 * recv into one buffer and nothing else.
 *
 *   bench_body [MIB]     2048 by default
 *
 * The server is a child that writes the answer over a socketpair; only the reading side is
 * counted. "CPU" is user and system time of the reading process, "peak RSS growth" what its
 * high-water mark rose by from just before the body. */
#include "perch/client.h"

#include "base/num.h"
#include "base/span.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK (64u * 1024) /* one recv */

static uint64_t body_size = (uint64_t)2048 << 20;

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "bench_body: %s: %s\n", what, strerror(errno));
    exit(1);
}
#define MUST(condition) must((condition), #condition)

/* ---- the server ---- */

static void say(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

        if (sent <= 0)
            exit(0);
        p += sent;
        n -= (size_t)sent;
    }
}

static void say_body(int fd)
{
    static char chunk[CHUNK];

    memset(chunk, 'x', sizeof chunk);
    for (uint64_t left = body_size; left > 0;) {
        size_t n = left < sizeof chunk ? (size_t)left : sizeof chunk;

        say(fd, chunk, n);
        left -= n;
    }
}

/* The tag of the next command: commands come one at a time. */
static void hear(int fd, char tag[32])
{
    char line[256];
    ssize_t n = recv(fd, line, sizeof line - 1, 0);
    struct perch_span rest, first;

    if (n <= 0)
        exit(0);
    rest = (struct perch_span){line, (size_t)n};
    first = perch_span_cut(&rest, ' ');
    (void)snprintf(tag, 32, "%.*s", (int)first.n, first.p);
}

static void serve(int fd)
{
    static const char greeting[] = "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n";
    char tag[32], text[128];
    int n;

    say(fd, greeting, strlen(greeting));
    hear(fd, tag);
    n = snprintf(text, sizeof text, "* 1 EXISTS\r\n%s OK\r\n", tag);
    say(fd, text, (size_t)n);
    hear(fd, tag);
    n = snprintf(text, sizeof text, "* 1 FETCH (UID 1 BODY[] {%llu}\r\n",
                 (unsigned long long)body_size);
    say(fd, text, (size_t)n);
    say_body(fd);
    n = snprintf(text, sizeof text, ")\r\n%s OK\r\n", tag);
    say(fd, text, (size_t)n);
    for (;;) /* until the other end is closed */
        hear(fd, tag);
}

struct server {
    pid_t pid;
    int fd; /* ours */
};

static struct server server_start(void (*run)(int fd))
{
    struct server s;
    int pair[2];

    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    MUST((s.pid = fork()) >= 0);
    if (s.pid == 0) {
        MUST(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        (void)close(pair[1]);
        run(pair[0]);
        exit(0);
    }
    (void)close(pair[0]);
    s.fd = pair[1];
    return s;
}

/* ---- what is measured ---- */

struct usage {
    double cpu_s, peak_kib;
};

static struct usage usage_now(void)
{
    struct rusage u;

    MUST(getrusage(RUSAGE_SELF, &u) == 0);
    return (struct usage){
        .cpu_s = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                 (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
        .peak_kib = (double)u.ru_maxrss,
    };
}

static void report(const char *what, struct usage before, uint64_t bytes)
{
    struct usage after = usage_now();
    double cpu = after.cpu_s - before.cpu_s;

    if (bytes != body_size) {
        (void)fprintf(stderr, "bench_body: %s: %llu bytes came\n", what, (unsigned long long)bytes);
        exit(1);
    }
    (void)printf("| %-38s | %8.3f | %8.2f | %12.0f |\n", what, cpu,
                 (double)bytes / cpu / (1024.0 * 1024 * 1024), after.peak_kib - before.peak_kib);
}

static void bench_recv(void)
{
    static char buffer[CHUNK];
    struct server s = server_start(say_body);
    struct usage before = usage_now();
    uint64_t got = 0;

    for (ssize_t n; (n = recv(s.fd, buffer, sizeof buffer, 0)) > 0;)
        got += (uint64_t)n;
    report("recv into one buffer: the floor", before, got);
    exit(0);
}

struct reader {
    uint64_t got;
    struct usage before;
};

static void on_begin(perch_op *op, const struct perch_body_head *head, void *user)
{
    (void)op;
    (void)head;
    ((struct reader *)user)->before = usage_now();
}

static int on_data(perch_op *op, const uint8_t *p, size_t n, void *user)
{
    (void)op;
    (void)p;
    ((struct reader *)user)->got += n;
    return 0;
}

static void check(perch_client *c, const char *what, int rc)
{
    if (rc == 0)
        return;
    (void)fprintf(stderr, "bench_body: %s: %s\n", what, perch_client_error(c)->text);
    exit(1);
}

static void bench_client(void)
{
    static const char *const sections[] = {"BODY.PEEK[]"};
    struct server s = server_start(serve);
    struct perch_client_options o = PERCH_CLIENT_OPTIONS_INIT;
    struct perch_select_args select = PERCH_SELECT_ARGS_INIT;
    struct perch_fetch_args fetch = PERCH_FETCH_ARGS_INIT;
    struct perch_range one = {1, 1};
    struct perch_set set = {.r = &one, .n = 1};
    struct reader r = {0};
    struct perch_error e = {0};
    perch_op *op = NULL;
    perch_client *c;

    o.fd = s.fd;
    o.host = "localhost";
    o.tls = PERCH_TLS_NONE;
    o.allow_preauth = true;
    o.limits.body = body_size;
    MUST((c = perch_client_new(NULL, &o, NULL, NULL, &e)) != NULL);
    check(c, "connect", perch_client_connect_sync(c));
    select.mailbox = PERCH_SPAN("INBOX");
    check(c, "SELECT", perch_select_sync(c, &select, NULL));
    fetch.set = &set;
    fetch.sections = sections;
    fetch.nsections = 1;
    fetch.on_body_begin = on_begin;
    fetch.on_body_data = on_data;
    check(c, "FETCH", perch_fetch_start(perch_client_session(c), &fetch, NULL, &r, &op));
    (void)perch_op_ref(op);
    check(c, "FETCH", perch_op_wait(c, op));
    report("a perch_client with a sink", r.before, r.got);
    perch_op_unref(op);
    perch_client_free(c);
    exit(0);
}

int main(int argc, char **argv)
{
    static void (*const rows[])(void) = {bench_recv, bench_client};
    uint32_t mib = (uint32_t)(body_size >> 20);

    if (argc > 2 || (argc > 1 && !perch_num_u32(perch_span_of(argv[1]), &mib)) || mib == 0) {
        (void)fputs("usage: bench_body [MIB]\n", stderr);
        return 2;
    }
    body_size = (uint64_t)mib << 20;
    (void)printf("a body of %u MiB\n| %-38s | %8s | %8s | %12s |\n|---|---|---|---|\n", mib, "what",
                 "CPU s", "GiB/s", "peak RSS KiB");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pid_t pid;
        int status = 0;

        (void)fflush(stdout);
        MUST((pid = fork()) >= 0); /* each in a process of its own: a peak of its own */
        if (pid == 0)
            rows[i]();
        MUST(waitpid(pid, &status, 0) == pid);
        if (status != 0)
            return 1;
    }
    return 0;
}
