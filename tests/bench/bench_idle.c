/* Memory of an idle connection, beside its floor in the same run: what a descriptor with an
 * event costs, what GnuTLS takes at least (credentials and priorities shared), and a client.
 *
 *   bench_idle [CONNECTIONS]
 *
 * The servers live in a child, so that only the client's side is counted. "heap" is what
 * malloc handed out, "RSS" what the kernel counts; both in kB a connection. */
#include "perch/client.h"

#include "support/certs.h"

#include "base/num.h"
#include "base/span.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char greeting[] = "* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n";
static uint32_t count = 1000;

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "bench_idle: %s: %s\n", what, strerror(errno));
    exit(1);
}
#define MUST(condition) must((condition), #condition)

/* ---- the servers ---- */

/* Takes one connection after the other, greets, and keeps it until the child is killed. */
static void serve(int listener, bool tls)
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        gnutls_session_t session;

        MUST(fd >= 0);
        if (!tls) {
            MUST(send(fd, greeting, strlen(greeting), MSG_NOSIGNAL) > 0);
            continue;
        }
        MUST(gnutls_init(&session, GNUTLS_SERVER) == 0);
        MUST(gnutls_priority_set_direct(session, "NORMAL", NULL) == 0);
        MUST(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, certs_server(CERT_GOOD)) == 0);
        gnutls_transport_set_int(session, fd);
        MUST(gnutls_handshake(session) == 0);
        MUST(gnutls_record_send(session, greeting, strlen(greeting)) > 0);
    }
}

struct servers {
    pid_t pid;
    uint16_t port;
};

static struct servers servers_start(bool tls)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof in;
    struct servers s;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    MUST(listener >= 0);
    MUST(bind(listener, (struct sockaddr *)&in, sizeof in) == 0);
    MUST(listen(listener, 64) == 0);
    MUST(getsockname(listener, (struct sockaddr *)&in, &len) == 0);
    s.port = ntohs(in.sin_port);
    MUST((s.pid = fork()) >= 0);
    if (s.pid == 0) {
        MUST(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        serve(listener, tls);
    }
    (void)close(listener);
    return s;
}

static void servers_stop(struct servers s)
{
    (void)kill(s.pid, SIGKILL);
    (void)waitpid(s.pid, NULL, 0);
}

static int plain_connect(uint16_t port)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    MUST(fd >= 0);
    MUST(connect(fd, (struct sockaddr *)&in, sizeof in) == 0);
    return fd;
}

/* ---- what is measured ---- */

struct memory {
    double heap, rss;
};

static struct memory measure(void)
{
    struct memory m = {0, 0};
    struct mallinfo2 info;
    uint64_t pages = 0;
    char text[128] = "";
    const char *at;
    FILE *f = fopen("/proc/self/statm", "r");

    (void)malloc_trim(0);
    info = mallinfo2();
    m.heap = (double)info.uordblks + (double)info.hblkhd;
    MUST(f && fgets(text, sizeof text, f));
    (void)fclose(f);
    at = strchr(text, ' ') + 1;
    MUST(perch_num_scan(&at, text + strlen(text), UINT64_MAX, &pages)); /* the second number */
    m.rss = (double)pages * (double)sysconf(_SC_PAGESIZE);
    return m;
}

static void report(const char *what, struct memory before)
{
    struct memory after = measure();

    (void)printf("| %-48s | %8.2f | %8.2f |\n", what, (after.heap - before.heap) / count / 1024,
                 (after.rss - before.rss) / count / 1024);
}

static void nothing(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user;
}

static void bench_descriptor(void)
{
    struct servers s = servers_start(false);
    struct event_base *base = event_base_new();
    struct memory before = measure();
    struct event *events = calloc(count, sizeof *events);

    MUST(events != NULL);
    for (unsigned i = 0; i < count; i++) {
        (void)event_assign(&events[i], base, plain_connect(s.port), EV_READ | EV_PERSIST, nothing,
                           NULL);
        MUST(event_add(&events[i], NULL) == 0);
    }
    report("a descriptor and its event", before);
    servers_stop(s);
    exit(0);
}

/* No buffers of its own, nothing verified: GnuTLS and nothing else. */
static void bench_gnutls(void)
{
    struct servers s = servers_start(true);
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
    gnutls_session_t *sessions = calloc(count, sizeof(gnutls_session_t));
    struct memory before;

    MUST(sessions != NULL);
    MUST(gnutls_certificate_allocate_credentials(&credentials) == 0);
    MUST(gnutls_priority_init(&priority, "NORMAL", NULL) == 0);
    before = measure();
    for (unsigned i = 0; i < count; i++) {
        int fd = plain_connect(s.port);
        char text[256];

        MUST(gnutls_init(&sessions[i], GNUTLS_CLIENT) == 0);
        MUST(gnutls_priority_set(sessions[i], priority) == 0);
        MUST(gnutls_credentials_set(sessions[i], GNUTLS_CRD_CERTIFICATE, credentials) == 0);
        gnutls_transport_set_int(sessions[i], fd);
        MUST(gnutls_handshake(sessions[i]) == 0);
        MUST(gnutls_record_recv(sessions[i], text, sizeof text) > 0);
    }
    report("a GnuTLS session, priorities shared: the floor", before);
    servers_stop(s);
    exit(0);
}

static void bench_client(enum perch_tls_mode tls)
{
    struct servers s = servers_start(tls != PERCH_TLS_NONE);
    struct perch_client_options o = PERCH_CLIENT_OPTIONS_INIT;
    struct perch_error e = {0};
    struct event_base *base = event_base_new();
    perch_client **clients = calloc(count, sizeof(perch_client *));
    struct memory before;

    MUST(clients != NULL);
    o.host = "127.0.0.1";
    o.port = s.port;
    o.tls = tls;
    o.trust = perch_trust_new(NULL, certs_authority(), &e);
    MUST(o.trust != NULL);
    before = measure();
    for (unsigned i = 0; i < count; i++) {
        MUST((clients[i] = perch_client_new(base, &o, NULL, NULL, &e)) != NULL);
        if (perch_client_connect_sync(clients[i]) < 0) {
            (void)fprintf(stderr, "%s\n", perch_client_error(clients[i])->text);
            exit(1);
        }
    }
    report(tls == PERCH_TLS_NONE ? "a perch_client without TLS" : "a perch_client with TLS",
           before);
    servers_stop(s);
    exit(0);
}

static void bench_client_clear(void)
{
    bench_client(PERCH_TLS_NONE);
}

static void bench_client_tls(void)
{
    bench_client(PERCH_TLS_IMPLICIT);
}

int main(int argc, char **argv)
{
    static void (*const rows[])(void) = {bench_descriptor, bench_gnutls, bench_client_clear,
                                         bench_client_tls};
    struct rlimit files;

    if (argc > 1 && !perch_num_u32(perch_span_of(argv[1]), &count))
        count = 0;
    if (count == 0) {
        (void)fputs("usage: bench_idle [CONNECTIONS]\n", stderr);
        return 2;
    }
    MUST(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    MUST(setrlimit(RLIMIT_NOFILE, &files) == 0);
    (void)certs_server(CERT_GOOD);
    (void)printf("%u idle connections; kB each\n| %-48s | %8s | %8s |\n|---|---|---|\n", count,
                 "what", "heap", "RSS");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pid_t pid;
        int status = 0;

        (void)fflush(stdout);
        MUST((pid = fork()) >= 0); /* each in a process of its own: an untouched heap */
        if (pid == 0)
            rows[i]();
        MUST(waitpid(pid, &status, 0) == pid);
        if (status != 0)
            return 1;
    }
    return 0;
}
