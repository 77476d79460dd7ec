/* The commands that ask the daemon, against its control socket in a child process. */
#include "support/perch_test.h"
#include "support/tmpdir.h"

#include "control/control.h"
#include "daemon/cli_run.h"
#include "daemon/store_fill.h"

#include "base/buf.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS 60

/* Two accounts as engine/status.c describes them. */
static const char accounts[] =
    "[{\"account\":\"work\",\"healthy\":true,\"state\":\"watching\",\"strategy\":\"idle\","
    "\"last_heard_ms_ago\":1500,\"last_sync_ms_ago\":130000,\"reconnect_in_ms\":null,"
    "\"error\":null,\"messages\":4711,\"mailboxes\":["
    "{\"name\":\"INBOX\",\"role\":null,\"messages\":4700,\"sync\":\"done\",\"watched\":true},"
    "{\"name\":\"Spam\\u001b[2J\",\"role\":\"\\\\Junk\",\"messages\":11,\"sync\":\"done\","
    "\"watched\":false}]},"
    "{\"account\":\"home\",\"healthy\":false,\"state\":\"waiting\",\"strategy\":null,"
    "\"last_heard_ms_ago\":null,\"last_sync_ms_ago\":null,\"reconnect_in_ms\":30000,"
    "\"error\":{\"class\":\"certificate\",\"reason\":\"cert-expired\",\"text\":\"it ended "
    "yesterday\"},\"messages\":0,\"mailboxes\":[]}]";

struct daemon {
    struct tmpdir dir;
    char socket[108];
    pid_t pid;
    const char *accounts;
};

/* ---- in the child ---- */

static json_t *on_status(void *user)
{
    return json_pack("{s:o}", "accounts", json_loads(((struct daemon *)user)->accounts, 0, NULL));
}

struct serving {
    struct control *control;
    struct fill fill;
};

/* An event a turn of the loop. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct serving *s = arg;
    char json[160];

    (void)fd;
    (void)what;
    if (s->fill.seq == EVENTS)
        return;
    (void)snprintf(json, sizeof json,
                   "{\"seq\":%" PRId64 ",\"kind\":\"%s\",\"account\":\"work\",\"mailbox\":null}",
                   s->fill.seq + 1, s->fill.seq % 2 ? "flags" : "new");
    (void)fill_event(&s->fill, json);
    control_event(s->control, s->fill.seq, json);
}

static void serve(struct daemon *d, int fd)
{
    static const struct control_hooks hooks = {on_status};
    static const struct timeval soon = {.tv_usec = 500};
    struct event_base *base = event_base_new();
    struct event *tick;
    struct serving s;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (!fill_open(&s.fill, d->dir.path))
        _exit(1);
    s.control = control_new(base, fd, d->dir.path, &hooks, d);
    tick = event_new(base, -1, EV_PERSIST, on_tick, &s);
    (void)event_add(tick, &soon);
    (void)event_base_dispatch(base);
    _exit(0);
}

/* ---- in the test ---- */

static void daemon_start(struct daemon *d)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct fill f;

    tmpdir_make(&d->dir);
    d->accounts = accounts;
    CU_ASSERT_FATAL(fill_open(&f, d->dir.path)); /* the database is there from the start */
    fill_close(&f);
    (void)snprintf(d->socket, sizeof d->socket, "%s/s", d->dir.path);
    memcpy(address.sun_path, d->socket, sizeof address.sun_path);
    CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    CU_ASSERT_FATAL(listen(fd, 4) == 0);
    d->pid = fork();
    if (d->pid == 0)
        serve(d, fd);
    (void)close(fd);
}

static void daemon_kill(const struct daemon *d)
{
    int status;

    (void)kill(d->pid, SIGKILL);
    ASSERT_INT(waitpid(d->pid, &status, 0), d->pid);
}

static void test_status_for_people(void)
{
    struct daemon d;
    struct run r;

    daemon_start(&d);
    r = RUN("status", "--socket", d.socket, "--state", d.dir.path);
    ASSERT_INT(r.status, CLI_UNWELL); /* home is not well */
    ASSERT_STR(r.out,
               "ACCOUNT  STATE     WATCH  HEARD   SYNCED  MAILBOXES  MESSAGES  PENDING  DEAD\n"
               "work     watching  idle   1s ago  2m ago          2      4711        0     0\n"
               "home     waiting          -       -               0         0        -     -\n"
               "home: certificate (cert-expired): it ended yesterday; next attempt in 30s\n");
    ASSERT_STR(r.err, "");
    run_done(&r);
    daemon_kill(&d);
    tmpdir_remove(&d.dir);
}

static void test_status_of_one_account(void)
{
    struct daemon d;
    struct run well, absent;

    daemon_start(&d);
    well = RUN("status", "work", "--socket", d.socket, "--state", d.dir.path);
    absent = RUN("status", "none", "--socket", d.socket, "--state", d.dir.path);
    ASSERT_INT(well.status, CLI_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(well.out, "\n\n"
                                            "MAILBOX      ROLE   MESSAGES  SYNC\n"
                                            "INBOX                   4700  done\n"
                                            "Spam\\x1B[2J  \\Junk        11  not watched\n"));
    CU_ASSERT_PTR_NULL(strstr(well.out, "home"));
    ASSERT_INT(absent.status, CLI_UNWELL);
    ASSERT_STR(absent.out, "");
    CU_ASSERT_PTR_NOT_NULL(strstr(absent.err, "there is no account none"));
    run_done(&well);
    run_done(&absent);
    daemon_kill(&d);
    tmpdir_remove(&d.dir);
}

static void test_status_as_json_is_a_line_an_account(void)
{
    struct daemon d;
    struct run r;
    const char *second;
    json_t *work;

    daemon_start(&d);
    r = RUN("--json", "status", "--socket", d.socket, "--state", d.dir.path);
    second = strchr(r.out, '\n');
    work = json_loads(r.out, JSON_DISABLE_EOF_CHECK, NULL);
    ASSERT_STR(json_string_value(json_object_get(work, "account")), "work");
    ASSERT_INT(json_integer_value(json_object_get(work, "pending")), 0);
    CU_ASSERT(json_is_integer(json_object_get(work, "dead")));
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    CU_ASSERT(strncmp(second + 1, "{\"account\":\"home\"", 17) == 0);
    json_decref(work);
    run_done(&r);
    daemon_kill(&d);
    tmpdir_remove(&d.dir);
}

static void test_a_socket_that_nobody_listens_on_is_no_daemon(void)
{
    struct daemon d;
    struct run r;

    daemon_start(&d);
    daemon_kill(&d);
    r = RUN("status", "--socket", d.socket, "--state", d.dir.path);
    ASSERT_INT(r.status, CLI_NO_DAEMON);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.err, "perchd is not running: "));
    run_done(&r);
    tmpdir_remove(&d.dir);
}

/* ---- following ---- */

/* An output that fails once it has `lines` lines, which ends the command. */
struct enough {
    struct perch_buf got;
    size_t lines, want;
};

static ssize_t take(void *cookie, const char *p, size_t n)
{
    struct enough *e = cookie;

    perch_buf_add(&e->got, p, n);
    for (size_t i = 0; i < n; i++)
        e->lines += p[i] == '\n';
    return e->lines >= e->want ? 0 : (ssize_t)n;
}

static void follow(const struct daemon *d, struct enough *e, const char *since, const char *kind)
{
    cookie_io_functions_t io = {.write = take};
    char command[] = "perch", name[] = "events", flag[] = "--follow", json[] = "--json";
    char socket_option[] = "--socket", since_option[] = "--since", kind_option[] = "--kind";
    auto_free char *path = perch_strdup(d->socket), *from = perch_strdup(since);
    auto_free char *what = kind ? perch_strdup(kind) : NULL;
    char *argv[] = {command,      name, flag,        json, socket_option, path,
                    since_option, from, kind_option, what, NULL};
    struct cli cli = {.now_ms = RUN_NOW};

    cli.out = fopencookie(e, "w", io);
    cli.err = cli.in = fopen("/dev/null", "r+");
    (void)cli_run(&cli, kind ? 10 : 8, argv);
    (void)fclose(cli.out);
    (void)fclose(cli.err);
}

/* Whether the lines are the events first, first + step, ... in order. */
static bool in_order(const struct enough *e, int64_t first, int64_t step)
{
    struct perch_span rest = perch_buf_span(&e->got);
    int64_t next = first;

    while (rest.n > 0) {
        struct perch_span line = perch_span_cut(&rest, '\n');
        char want[32];

        (void)snprintf(want, sizeof want, "{\"seq\":%" PRId64 ",", next);
        if (line.n < strlen(want) || memcmp(line.p, want, strlen(want)) != 0)
            return false;
        next += step;
    }
    return next > first;
}

static void test_follow_goes_from_the_log_to_what_happens(void)
{
    struct enough all = {.want = EVENTS}, some = {.want = 20}, odd = {.want = EVENTS / 2};
    struct enough timed = {.want = EVENTS};
    struct daemon d;

    daemon_start(&d); /* events go on happening while these follow */
    follow(&d, &all, "0", NULL);
    CU_ASSERT(in_order(&all, 1, 1));
    ASSERT_INT(all.lines, EVENTS);
    follow(&d, &some, "40", NULL);
    CU_ASSERT(in_order(&some, 41, 1));
    ASSERT_INT(some.lines, 20);
    follow(&d, &odd, "0", "new");
    CU_ASSERT(in_order(&odd, 1, 2));
    follow(&d, &timed, "2026-11-22T12:00Z", NULL);
    CU_ASSERT(in_order(&timed, 1, 1));
    perch_buf_done(&all.got);
    perch_buf_done(&some.got);
    perch_buf_done(&odd.got);
    perch_buf_done(&timed.got);
    daemon_kill(&d);
    tmpdir_remove(&d.dir);
}

PERCH_SUITE("daemon/link") = {
    PERCH_TEST(test_status_for_people),
    PERCH_TEST(test_status_of_one_account),
    PERCH_TEST(test_status_as_json_is_a_line_an_account),
    PERCH_TEST(test_a_socket_that_nobody_listens_on_is_no_daemon),
    PERCH_TEST(test_follow_goes_from_the_log_to_what_happens),
    PERCH_END,
};
