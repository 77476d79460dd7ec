/* The runner alone, against engines made for the test: forked children that speak the
 * channel and tell what they saw as STATUS texts. */
#include "runner/runner.h"

#include "ipc/channel.h"

#include "support/perch_test.h"
#include "support/tmpdir.h"

#include <event2/event.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXTS_MAX 64

/* ---- the engine's side; runs in the child ---- */

struct fake {
    struct event_base *base;
    struct ipc_channel *ch;
    int life; /* from 1 */
    int64_t generation;
};

typedef void fake_fn(struct fake *f, enum ipc_type type, json_t *body, int fd);

static void say(struct fake *f, bool ready, const char *text)
{
    (void)ipc_send(f->ch, IPC_STATUS, json_pack("{s:b, s:s}", "ready", ready, "text", text), -1,
                   false);
}

static void ask_hook(struct fake *f, int64_t run, int64_t hook, int64_t seq, int64_t attempt)
{
    (void)ipc_send(f->ch, IPC_HOOK_RUN,
                   json_pack("{s:I, s:I, s:I, s:I, s:{s:I, s:s, s:s}}", "run", (json_int_t)run,
                             "generation", (json_int_t)f->generation, "hook", (json_int_t)hook,
                             "attempt", (json_int_t)attempt, "event", "seq", (json_int_t)seq,
                             "account", "work", "subject", "hello"),
                   -1, false);
}

static void ack(struct fake *f, const json_t *result)
{
    (void)ipc_send(f->ch, IPC_HOOK_ACK,
                   json_pack("{s:I}", "run", json_integer_value(json_object_get(result, "run"))),
                   -1, false);
}

/* "result 7 ok", "result 7 exit 1", "result 7 error ..." */
static void say_result(struct fake *f, json_t *r)
{
    char text[300], what[200];
    const json_t *error = json_object_get(r, "error"), *sig = json_object_get(r, "signal");

    if (json_is_true(json_object_get(r, "ok")))
        (void)snprintf(what, sizeof what, "ok %s", json_string_value(json_object_get(r, "output")));
    else if (error)
        (void)snprintf(what, sizeof what, "error %s", json_string_value(error));
    else if (sig)
        (void)snprintf(what, sizeof what, "signal %d", (int)json_integer_value(sig));
    else
        (void)snprintf(what, sizeof what, "exit %d",
                       (int)json_integer_value(json_object_get(r, "exit")));
    (void)snprintf(text, sizeof text, "result %d %s",
                   (int)json_integer_value(json_object_get(r, "run")), what);
    say(f, true, text);
}

/* What an engine does when nothing else is asked of it. */
static void behave(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    (void)fd;
    if (type == IPC_CONFIG)
        f->generation =
            json_integer_value(json_object_get(json_object_get(body, "config"), "generation"));
    if (type == IPC_HOOK_RESULT) {
        say_result(f, body);
        ack(f, body);
    }
    if (type == IPC_STOP) {
        say(f, true, "stop");
        (void)ipc_send(f->ch, IPC_STOPPED, json_object(), -1, false);
        _exit(0);
    }
}

static fake_fn *fake_body;
static int fake_life;

static void on_fake_message(struct ipc_channel *ch, enum ipc_type type, json_t *body, int fd,
                            void *user)
{
    (void)ch;
    fake_body(user, type, body, fd);
}

static void on_fake_closed(struct ipc_channel *ch, const char *why, void *user)
{
    (void)ch;
    (void)why;
    (void)user;
    _exit(0);
}

/* ---- the runner's side ---- */

struct fixture {
    struct tmpdir dir;
    struct event_base *base;
    struct runner *runner;
    char texts[TEXTS_MAX][300];
    unsigned ntexts;
    const char *awaited;
    int status;   /* -1: not ended */
    pid_t engine; /* the newest */
};

static pid_t start_fake(int fd, void *user)
{
    static const struct ipc_hooks hooks = {on_fake_message, on_fake_closed};
    struct fake f = {.life = ++fake_life};
    struct fixture *x = user;

    x->engine = fork();
    if (x->engine != 0)
        return x->engine;
    f.base = event_base_new();
    f.ch = ipc_new(f.base, dup(fd), &hooks, &f);
    (void)event_base_dispatch(f.base);
    _exit(0);
}

static void on_status(bool ready, const char *text, void *user)
{
    struct fixture *x = user;

    (void)ready;
    if (x->ntexts < TEXTS_MAX)
        (void)snprintf(x->texts[x->ntexts++], sizeof x->texts[0], "%s", text);
    if (x->awaited && strcmp(text, x->awaited) == 0) {
        x->awaited = NULL;
        (void)event_base_loopbreak(x->base);
    }
}

static void on_end(int status, void *user)
{
    struct fixture *x = user;

    ASSERT_INT(x->status, -1); /* once */
    x->status = status;
    (void)event_base_loopbreak(x->base);
}

static struct config *load(struct fixture *x, const char *hooks)
{
    char text[4000];
    struct config *c = NULL;
    struct config_error error = {{0}};
    struct config_paths paths = {0};

    (void)snprintf(text, sizeof text,
                   "state: state\n"
                   "control: {socket: sock}\n"
                   "limits: {hooks: 2}\n"
                   "hooks:\n%s"
                   "accounts:\n"
                   "  work: {user: u, host: h, password: {command: [echo, sesame]}}\n"
                   "  broken: {user: u, host: h, password: {command: [perch-no-such-program]}}\n",
                   hooks);
    paths.config = tmpdir_write(&x->dir, "perchd.yaml", text, 0600);
    if (config_load(&paths, &c, &error) != 0)
        FAIL_ROW("%s", error.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    return c;
}

static const char hello[] = "  hello: {run: [echo, hello, --, \"{subject}\"]}\n";

static void setup(struct fixture *x)
{
    *x = (struct fixture){.status = -1};
    (void)signal(SIGPIPE, SIG_IGN);
    tmpdir_make(&x->dir);
    (void)setenv("RUNNER_TEST_DIR", x->dir.path, 1);
    x->base = event_base_new();
}

static void start(struct fixture *x, const char *hooks, fake_fn *body,
                  struct runner_options budgets)
{
    budgets.base = x->base;
    budgets.config = load(x, hooks);
    budgets.start_engine = start_fake;
    budgets.on_status = on_status;
    budgets.on_end = on_end;
    budgets.user = x;
    fake_body = body;
    fake_life = 0;
    x->runner = runner_new(&budgets);
    CU_ASSERT_PTR_NOT_NULL_FATAL(x->runner);
}

static const struct runner_options patient = {
    .secret_ms = 60000, .hooks_ms = 60000, .stop_ms = 60000, .linger_ms = 1, .restart_ms = 1};

static void finish(struct fixture *x)
{
    runner_free(x->runner);
    event_base_free(x->base);
    tmpdir_remove(&x->dir);
    (void)unsetenv("RUNNER_TEST_DIR");
}

/* Until the engine says so. */
static void await(struct fixture *x, const char *text)
{
    for (unsigned i = 0; i < x->ntexts; i++)
        if (strcmp(x->texts[i], text) == 0)
            return;
    x->awaited = text;
    (void)event_base_dispatch(x->base);
    if (x->awaited)
        FAIL_ROW("never heard: %s", text);
}

static void await_end(struct fixture *x, int status)
{
    if (x->status < 0)
        (void)event_base_dispatch(x->base);
    ASSERT_INT(x->status, status);
}

static void stop(struct fixture *x)
{
    runner_stop(x->runner);
    await_end(x, 0);
    finish(x);
}

static unsigned count_texts(const struct fixture *x, const char *prefix)
{
    unsigned n = 0;

    for (unsigned i = 0; i < x->ntexts; i++)
        n += strncmp(x->texts[i], prefix, strlen(prefix)) == 0;
    return n;
}

/* The content of a file in the directory; "" if it is not there. */
static const char *content(struct fixture *x, const char *name)
{
    static char text[1000];
    int fd = open(tmpdir_file(&x->dir, name), O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        (void)close(fd);
    return text;
}

/* ---- tests ---- */

static void engine_looks(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    static int n;
    char text[100];
    struct stat st;
    bool socket = fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);

    (void)snprintf(text, sizeof text, "%d %s%s", ++n,
                   type == IPC_CONFIG     ? "config"
                   : type == IPC_LISTENER ? "listener"
                                          : "other",
                   socket ? " socket" : "");
    say(f, true, text);
    behave(f, type, body, fd);
}

static void test_an_engine_gets_configuration_and_listener(void)
{
    struct fixture x;
    int fds[2];

    setup(&x);
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    start(&x, hello, engine_looks, patient);
    runner_listen(x.runner, fds[0]);
    await(&x, "2 listener socket");
    ASSERT_STR(x.texts[0], "1 config");
    (void)close(fds[1]);
    stop(&x);
}

static void engine_wants_secrets(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    static int answers;
    char text[300];
    const char *secret = json_string_value(json_object_get(body, "secret"));
    const char *error = json_string_value(json_object_get(body, "error"));

    behave(f, type, body, fd);
    if (type == IPC_CONFIG) {
        (void)ipc_send(f->ch, IPC_SECRET_WANT,
                       json_pack("{s:s, s:b}", "account", "work", "fresh", 0), -1, false);
        (void)ipc_send(f->ch, IPC_SECRET_WANT,
                       json_pack("{s:s, s:b}", "account", "broken", "fresh", 0), -1, false);
        (void)ipc_send(f->ch, IPC_SECRET_WANT,
                       json_pack("{s:s, s:b}", "account", "nobody", "fresh", 0), -1, false);
    }
    if (type != IPC_SECRET)
        return;
    (void)snprintf(text, sizeof text, "%s: %s%.26s",
                   json_string_value(json_object_get(body, "account")), secret ? secret : "",
                   error ? error : "");
    say(f, true, text);
    if (++answers == 3)
        say(f, true, "all");
}

static void test_secrets_are_served_to_the_engine(void)
{
    struct fixture x;

    setup(&x);
    start(&x, hello, engine_wants_secrets, patient);
    await(&x, "all");
    await(&x, "work: sesame");
    await(&x, "broken: cannot run the password co");
    await(&x, "nobody: no such account");
    stop(&x);
}

static void engine_runs_hooks(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    behave(f, type, body, fd);
    if (type != IPC_CONFIG)
        return;
    for (int i = 0; i < 5; i++)
        ask_hook(f, 10 + i, i, 100, 1);
}

static void test_hooks_run_and_their_results_come_back(void)
{
    struct fixture x;

    setup(&x);
    start(&x,
          "  hello: {run: [echo, hello, --, \"{subject}\"]}\n"
          "  bad: {run: [sh, -c, exit 3]}\n"
          "  kill: {run: [sh, -c, kill -9 $$]}\n"
          "  missing: {run: [perch-no-such-program]}\n",
          engine_runs_hooks, patient);
    await(&x, "result 10 ok hello -- hello\n");
    await(&x, "result 11 exit 3");
    await(&x, "result 12 signal 9");
    await(&x, "result 13 error `perch-no-such-program`: No such file or directory; is it "
              "installed, executable and in PATH?");
    await(&x, "result 14 error the configuration changed"); /* no such number */
    stop(&x);
}

static void engine_names_a_program(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    behave(f, type, body, fd);
    if (type == IPC_CONFIG)
        (void)ipc_send(f->ch, IPC_HOOK_RUN,
                       json_pack("{s:i, s:I, s:i, s:i, s:[s,s], s:[s], s:{s:i}}", "run", 1,
                                 "generation", (json_int_t)f->generation, "hook", 0, "attempt", 1,
                                 "argv", "touch", "canary", "env", "PATH=/canary", "event", "seq",
                                 1),
                       -1, false);
}

static void test_the_engine_cannot_choose_what_runs(void)
{
    struct fixture x;

    setup(&x);
    start(&x, hello, engine_names_a_program, patient);
    await(&x, "result 1 ok hello -- \n");
    stop(&x);
}

static void engine_talks_nonsense(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    behave(f, type, body, fd);
    if (type != IPC_CONFIG)
        return;
    (void)ipc_send(f->ch, IPC_HOOK_RUN, json_pack("{s:s}", "run", "one"), -1, false);
    (void)ipc_send(f->ch, IPC_HOOK_RUN,
                   json_pack("{s:i, s:I, s:i, s:i, s:{s:i}}", "run", 1, "generation",
                             (json_int_t)f->generation, "hook", -1, "attempt", 1, "event", "seq",
                             1),
                   -1, false);
    (void)ipc_send(f->ch, IPC_HOOK_RUN,
                   json_pack("{s:i, s:I, s:i, s:i, s:{s:i}}", "run", 2, "generation",
                             (json_int_t)f->generation, "hook", 0, "attempt", 0, "event", "seq", 1),
                   -1, false);
    (void)ipc_send(f->ch, IPC_HOOK_RUN,
                   json_pack("{s:i, s:I, s:i, s:i, s:{}}", "run", 2, "generation",
                             (json_int_t)f->generation, "hook", 0, "attempt", 1, "event"),
                   -1, false);
    (void)ipc_send(f->ch, IPC_HOOK_RUN,
                   json_pack("{s:i, s:I, s:i, s:i, s:s}", "run", 3, "generation",
                             (json_int_t)f->generation, "hook", 0, "attempt", 1, "event", "x"),
                   -1, false);
    (void)ipc_send(f->ch, IPC_HOOK_ACK, json_pack("{s:i}", "run", 77), -1, false);
    (void)ipc_send(f->ch, IPC_SECRET_WANT, json_pack("{s:n}", "account"), -1, false);
    (void)ipc_send(f->ch, IPC_STOP, json_object(), -1, false);
    (void)ipc_send(f->ch, IPC_CONFIG, json_object(), -1, false);
    ask_hook(f, 4, 0, 1, 1);
}

static void test_nonsense_of_the_engine_is_survived(void)
{
    struct fixture x;

    setup(&x);
    start(&x, hello, engine_talks_nonsense, patient);
    await(&x, "result 4 ok hello -- hello\n");
    ASSERT_INT(count_texts(&x, "result"), 2); /* and the refusal of hook -1 */
    stop(&x);
}

/* Counts its runs, and waits until the file `go` is there. */
static const char waiting[] =
    "  wait:\n"
    "    pass_env: [RUNNER_TEST_DIR]\n"
    "    run: [sh, -c, 'cd \"$RUNNER_TEST_DIR\"; echo run >>runs; while [ ! -e go ]; do sleep "
    "0.01; done; echo ended']\n";

static void engine_asks_again(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    behave(f, type, body, fd);
    if (type != IPC_CONFIG)
        return;
    ask_hook(f, 5, 0, 100, 1); /* each life asks for what has no result */
    if (f->life > 1)
        ask_hook(f, 6, 0, 100, 2); /* another attempt is another run */
    say(f, true, f->life == 1 ? "first life" : "second life");
}

static void test_a_hook_outlives_the_engine_that_asked_for_it(void)
{
    struct fixture x;

    setup(&x);
    start(&x, waiting, engine_asks_again, patient);
    await(&x, "first life");
    ASSERT_INT(kill(x.engine, SIGKILL), 0);
    await(&x, "second life");
    ASSERT_INT(count_texts(&x, "result"), 0);
    (void)tmpdir_write(&x.dir, "go", "", 0600);
    await(&x, "result 5 ok ended\n");
    await(&x, "result 6 ok ended\n");
    ASSERT_STR(content(&x, "runs"), "run\nrun\n");
    stop(&x);
}

static void engine_never_acks(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    if (type == IPC_HOOK_RESULT && f->life == 1) {
        say_result(f, body);
        return;
    }
    behave(f, type, body, fd);
    if (type == IPC_CONFIG)
        ask_hook(f, f->life, 0, 100, 1);
}

static void test_a_result_is_kept_until_it_is_acknowledged(void)
{
    struct fixture x;

    setup(&x);
    start(&x, waiting, engine_never_acks, patient);
    (void)tmpdir_write(&x.dir, "go", "", 0600);
    await(&x, "result 1 ok ended\n");
    ASSERT_INT(kill(x.engine, SIGKILL), 0);
    await(&x, "result 2 ok ended\n");
    ASSERT_STR(content(&x, "runs"), "run\n");
    stop(&x);
}

static void engine_asks_for_generations(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    static int64_t first;
    int64_t newest;

    behave(f, type, body, fd);
    if (type != IPC_CONFIG)
        return;
    newest = f->generation;
    if (first == 0) {
        first = newest;
        say(f, true, "first");
    } else if (newest == first + 1) {
        f->generation = first;
        ask_hook(f, 1, 0, 100, 1);
        f->generation = newest;
        ask_hook(f, 2, 0, 101, 1);
    } else {
        f->generation = first;
        ask_hook(f, 3, 0, 102, 1);
    }
}

static void test_a_reload_reaches_the_engine_and_old_hooks_stay_for_a_while(void)
{
    struct fixture x;

    setup(&x);
    start(&x, "  hello: {run: [echo, old]}\n", engine_asks_for_generations, patient);
    await(&x, "first");
    runner_reload(x.runner, load(&x, "  hello: {run: [echo, new]}\n"));
    await(&x, "result 1 ok old\n");
    await(&x, "result 2 ok new\n");
    runner_reload(x.runner, load(&x, hello));
    await(&x, "result 3 error the configuration changed");
    stop(&x);
}

static void engine_asks_after_each_config(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    static int64_t run;

    behave(f, type, body, fd);
    if (type != IPC_CONFIG)
        return;
    ask_hook(f, ++run, 0, 100, 1);
    say(f, true, run == 1 ? "asked" : "asked again");
}

static void test_a_run_that_a_reload_meets_is_told_once_and_by_its_new_number(void)
{
    struct fixture x;

    setup(&x);
    start(&x, waiting, engine_asks_after_each_config, patient);
    await(&x, "asked");
    runner_reload(x.runner, load(&x, waiting));
    await(&x, "asked again");
    (void)tmpdir_write(&x.dir, "go", "", 0600);
    await(&x, "result 2 ok ended\n");
    ASSERT_INT(count_texts(&x, "result"), 1);
    ASSERT_STR(content(&x, "runs"), "run\n");
    stop(&x);
}

static void engine_asks_for_many(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    behave(f, type, body, fd);
    for (int i = 0; i < 8 && type == IPC_CONFIG; i++)
        ask_hook(f, i, 0, 100 + i, 1);
}

static void test_no_more_hooks_run_at_once_than_allowed(void)
{
    struct fixture x;
    int now = 0, most = 0, all = 0;

    setup(&x);
    start(&x,
          "  count:\n"
          "    pass_env: [RUNNER_TEST_DIR]\n"
          "    run: [sh, -c, 'cd \"$RUNNER_TEST_DIR\"; printf + >>log; sleep 0.01; printf - "
          ">>log']\n",
          engine_asks_for_many, patient);
    for (int i = 0; i < 8; i++) {
        char text[40];

        (void)snprintf(text, sizeof text, "result %d ok ", i);
        await(&x, text);
    }
    for (const char *p = content(&x, "log"); *p; p++, all++) {
        now += *p == '+' ? 1 : -1;
        most = now > most ? now : most;
    }
    ASSERT_INT(all, 16);
    ASSERT_INT(most, 2);
    stop(&x);
}

static void engine_asks_once(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    behave(f, type, body, fd);
    if (type != IPC_CONFIG)
        return;
    ask_hook(f, 1, 0, 100, 1);
    say(f, true, "asked");
}

static void test_a_stop_waits_for_hooks_and_tells_their_results_first(void)
{
    struct fixture x;

    setup(&x);
    start(&x, waiting, engine_asks_once, patient);
    await(&x, "asked");
    runner_stop(x.runner);
    runner_stop(x.runner);
    (void)event_base_loop(x.base, EVLOOP_NONBLOCK);
    ASSERT_INT(count_texts(&x, "stop"), 0);
    (void)tmpdir_write(&x.dir, "go", "", 0600);
    await_end(&x, 0);
    ASSERT_STR(x.texts[1], "result 1 ok ended\n");
    ASSERT_STR(x.texts[2], "stop");
    finish(&x);
}

static void test_a_hook_that_takes_too_long_is_left_for_the_next_life(void)
{
    struct runner_options hasty = patient;
    struct fixture x;

    setup(&x);
    hasty.hooks_ms = 20;
    start(&x, waiting, engine_asks_once, hasty);
    await(&x, "asked");
    runner_stop(x.runner);
    await_end(&x, 0);
    ASSERT_INT(count_texts(&x, "result"), 0);
    ASSERT_INT(count_texts(&x, "stop"), 1);
    finish(&x);
}

static void engine_asks_while_stopping(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    behave(f, type, body, fd);
    if (type == IPC_CONFIG) {
        ask_hook(f, 1, 0, 100, 1);
        say(f, true, "asked");
    }
    if (type == IPC_HOOK_RESULT)
        ask_hook(f, 2, 0, 101, 1);
}

static void test_no_hook_starts_while_stopping(void)
{
    struct fixture x;

    setup(&x);
    start(&x, waiting, engine_asks_while_stopping, patient);
    await(&x, "asked");
    runner_stop(x.runner);
    (void)tmpdir_write(&x.dir, "go", "", 0600);
    await_end(&x, 0);
    ASSERT_STR(content(&x, "runs"), "run\n");
    finish(&x);
}

static void engine_ignores_stop(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    if (type != IPC_STOP)
        behave(f, type, body, fd);
    if (type == IPC_CONFIG)
        say(f, true, "up");
}

static void test_an_engine_that_does_not_stop_is_ended(void)
{
    struct runner_options hasty = patient;
    struct fixture x;

    setup(&x);
    hasty.stop_ms = 50;
    start(&x, hello, engine_ignores_stop, hasty);
    await(&x, "up");
    runner_stop(x.runner);
    await_end(&x, 0);
    finish(&x);
    ASSERT_INT(kill(x.engine, 0), -1);
}

static void engine_cannot_start(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    (void)f;
    (void)type;
    (void)body;
    (void)fd;
    _exit(1);
}

static void test_an_engine_that_cannot_start_ends_the_daemon(void)
{
    struct fixture x;

    setup(&x);
    start(&x, hello, engine_cannot_start, patient);
    await_end(&x, 1);
    finish(&x);
}

static void engine_exits_later(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    char text[40];

    behave(f, type, body, fd);
    if (type != IPC_CONFIG)
        return;
    (void)snprintf(text, sizeof text, "life %d", f->life);
    say(f, true, text);
    if (f->life == 2)
        _exit(1);
    if (f->life == 3)
        abort();
}

static void test_an_engine_that_was_ready_is_started_again(void)
{
    struct fixture x;

    setup(&x);
    start(&x, hello, engine_exits_later, patient);
    await(&x, "life 1");
    ASSERT_INT(kill(x.engine, SIGTERM), 0);
    await(&x, "life 4");
    ASSERT_INT(x.status, -1);
    stop(&x);
}

static void engine_closes_and_stays(struct fake *f, enum ipc_type type, json_t *body, int fd)
{
    behave(f, type, body, fd);
    if (type == IPC_CONFIG && f->life == 1) {
        (void)close_range(3, ~0u, 0);
        (void)pause();
    }
    say(f, true, "second life");
}

static void test_an_engine_that_closed_its_channel_is_ended(void)
{
    struct fixture x;

    setup(&x);
    start(&x, hello, engine_closes_and_stays, patient);
    await(&x, "second life");
    stop(&x);
}

PERCH_SUITE("daemon/runner") = {
    PERCH_TEST(test_an_engine_gets_configuration_and_listener),
    PERCH_TEST(test_secrets_are_served_to_the_engine),
    PERCH_TEST(test_hooks_run_and_their_results_come_back),
    PERCH_TEST(test_the_engine_cannot_choose_what_runs),
    PERCH_TEST(test_nonsense_of_the_engine_is_survived),
    PERCH_TEST(test_a_hook_outlives_the_engine_that_asked_for_it),
    PERCH_TEST(test_a_result_is_kept_until_it_is_acknowledged),
    PERCH_TEST(test_a_reload_reaches_the_engine_and_old_hooks_stay_for_a_while),
    PERCH_TEST(test_a_run_that_a_reload_meets_is_told_once_and_by_its_new_number),
    PERCH_TEST(test_no_more_hooks_run_at_once_than_allowed),
    PERCH_TEST(test_a_stop_waits_for_hooks_and_tells_their_results_first),
    PERCH_TEST(test_a_hook_that_takes_too_long_is_left_for_the_next_life),
    PERCH_TEST(test_no_hook_starts_while_stopping),
    PERCH_TEST(test_an_engine_that_does_not_stop_is_ended),
    PERCH_TEST(test_an_engine_that_cannot_start_ends_the_daemon),
    PERCH_TEST(test_an_engine_that_was_ready_is_started_again),
    PERCH_TEST(test_an_engine_that_closed_its_channel_is_ended),
    PERCH_END,
};
