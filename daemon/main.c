/* perchd: which process this is, and the order of start and stop.
 *
 * The main process reads the configuration, binds the control socket, starts the engine (this
 * very file again, with one descriptor) and then only runs programs and answers the engine. */
#include "config/config.h"
#include "config/private_file.h"
#include "engine/engine.h"
#include "ipc/channel.h"
#include "log.h"
#include "runner/listener.h"
#include "runner/runner.h"

#include "base/mem.h"

#include <event2/event.h>
#if PERCH_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define ENGINE_ARGUMENT "--engine" /* of our own making; not for people */
#define ENGINE_FD       3

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

extern char **environ;

struct daemon {
    struct event_base *base;
    struct runner *runner;
    struct config_paths paths;
    bool announced; /* READY=1 is out */
    bool stopping;
    int status;
};

/* ---- both processes ---- */

/* No secret of ours in a core file, none for a debugger of the same user; no descriptor of
 * ours where a program expects its stdout. */
static void harden(void)
{
    const struct rlimit none = {0, 0};
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        (void)close(fd);
    (void)umask(077);
    (void)setrlimit(RLIMIT_CORE, &none);
    if (!SANITIZED) /* the leak checker attaches to its own process */
        (void)prctl(PR_SET_DUMPABLE, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    ipc_wipe_freed_json();
}

/* ---- the engine's side ---- */

static int run_engine(void)
{
    struct rlimit files;
    struct stat st;

    if (fstat(ENGINE_FD, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        (void)fprintf(stderr, "perchd: %s is for perchd itself\n", ENGINE_ARGUMENT);
        return EX_USAGE;
    }
    (void)prctl(PR_SET_NAME, "perchd-engine");
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* a connection is a descriptor */
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    return engine_main(ENGINE_FD);
}

/* ---- starting it ---- */

static bool is_kept_back(const char *pair)
{
    static const char *const names[] = {"NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_",
                                        "CREDENTIALS_DIRECTORY="};

    for (size_t i = 0; i < PERCH_COUNT(names); i++)
        if (strncmp(pair, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* What this process has, without what is for this process alone. Pointers into environ. */
static char **engine_environment(void)
{
    size_t n = 0;
    char **env;

    while (environ[n])
        n++;
    env = perch_calloc(n + 1, sizeof *env);
    n = 0;
    for (char **pair = environ; env && *pair; pair++)
        if (!is_kept_back(*pair))
            env[n++] = *pair;
    return env;
}

static pid_t start_engine(int fd, void *user)
{
    char *const argv[] = {"perchd: engine", ENGINE_ARGUMENT, NULL};
    posix_spawn_file_actions_t actions;
    auto_free char **env = engine_environment();
    pid_t pid = -1;
    int rc = env ? posix_spawn_file_actions_init(&actions) : ENOMEM;

    (void)user;
    if (rc == 0) {
        rc = posix_spawn_file_actions_adddup2(&actions, fd, ENGINE_FD);
        if (rc == 0)
            rc = posix_spawn_file_actions_addclosefrom_np(&actions, ENGINE_FD + 1);
        if (rc == 0)
            rc = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, env);
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    errno = rc;
    return rc == 0 ? pid : -1;
}

/* ---- the service manager ---- */

__attribute__((format(printf, 1, 2))) static void notify(const char *fmt, ...)
{
#if PERCH_HAVE_SYSTEMD
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)sd_notify(0, text);
#else
    (void)fmt;
#endif
}

/* The text is the engine's: a second line of it would be an order to the service manager. */
static void on_status(bool ready, const char *text, void *user)
{
    struct daemon *d = user;
    int line = (int)strcspn(text, "\r\n");

    if (ready && !d->announced) {
        d->announced = true;
        notify("READY=1\nSTATUS=%.*s", line, text);
        return;
    }
    notify("STATUS=%.*s", line, text);
}

static void on_end(int status, void *user)
{
    struct daemon *d = user;

    d->status = status;
    (void)event_base_loopbreak(d->base);
}

/* ---- signals ---- */

static void on_terminate(evutil_socket_t sig, short what, void *user)
{
    struct daemon *d = user;

    (void)sig;
    (void)what;
    if (d->stopping)
        return;
    d->stopping = true;
    log_info(NULL, "stopping");
    notify("STOPPING=1");
    runner_stop(d->runner);
}

static bool same_places(const struct config *a, const struct config *b)
{
    return strcmp(a->state, b->state) == 0 && strcmp(a->socket, b->socket) == 0;
}

static void reload(struct daemon *d)
{
    struct config *c;
    struct config_error error;

    if (config_load(&d->paths, &c, &error) != 0) {
        log_error(NULL, "%s", error.text);
        log_error(NULL, "the configuration stays as it was");
        return;
    }
    if (!same_places(c, runner_config(d->runner))) {
        log_error(NULL,
                  "%s: state and control.socket change at a restart only; the "
                  "configuration stays as it was",
                  c->file);
        config_free(c);
        return;
    }
    log_set_level(c->log_level);
    log_info(NULL, "read %s: accounts %zu, hooks %zu", c->file, c->naccounts, c->nhooks);
    runner_reload(d->runner, c);
}

static void on_hangup(evutil_socket_t sig, short what, void *user)
{
    struct daemon *d = user;

    (void)sig;
    (void)what;
    notify("RELOADING=1");
    reload(d);
    if (d->announced)
        notify("READY=1");
}

/* ---- life ---- */

struct signals {
    struct event *term, *interrupt, *hangup;
};

/* A stop or a reload that is asked for before the loop is there waits for it. */
static void signals_hold(int how)
{
    sigset_t held;

    (void)sigemptyset(&held);
    (void)sigaddset(&held, SIGTERM);
    (void)sigaddset(&held, SIGINT);
    (void)sigaddset(&held, SIGHUP);
    (void)sigprocmask(how, &held, NULL);
}

static int signals_watch(struct signals *s, struct daemon *d)
{
    s->term = evsignal_new(d->base, SIGTERM, on_terminate, d);
    s->interrupt = evsignal_new(d->base, SIGINT, on_terminate, d);
    s->hangup = evsignal_new(d->base, SIGHUP, on_hangup, d);
    if (!s->term || !s->interrupt || !s->hangup)
        return -1;
    if (event_add(s->term, NULL) != 0 || event_add(s->interrupt, NULL) != 0 ||
        event_add(s->hangup, NULL) != 0)
        return -1;
    signals_hold(SIG_UNBLOCK);
    return 0;
}

static void signals_free(struct signals *s)
{
    if (s->term)
        event_free(s->term);
    if (s->interrupt)
        event_free(s->interrupt);
    if (s->hangup)
        event_free(s->hangup);
}

static void run_loop(struct daemon *d, struct config *c, int listener)
{
    struct runner_options options = {.base = d->base,
                                     .config = c,
                                     .start_engine = start_engine,
                                     .on_status = on_status,
                                     .on_end = on_end,
                                     .user = d,
                                     RUNNER_BUDGETS};
    struct signals signals = {0};

    log_info(NULL, "perchd " PERCH_VERSION ": accounts %zu, hooks %zu, state in %s", c->naccounts,
             c->nhooks, c->state);
    if (signals_watch(&signals, d) == 0) /* first: a SIGTERM from here on is a clean stop */
        d->runner = runner_new(&options);
    if (d->runner) {
        runner_listen(d->runner, listener);
        (void)event_base_dispatch(d->base);
    } else {
        d->status = EXIT_FAILURE;
        (void)close(listener);
    }
    signals_free(&signals);
    runner_free(d->runner);
}

/* The state's directory comes first: the socket may lie in it, and it is the more private. */
static int open_listener(const struct config *c, char *error, size_t size)
{
    if (directory_make(c->state, 0700) == 0)
        return listener_open(c->socket, error, size);
    (void)snprintf(error, size, "cannot make the directory: %s; set `state` or --state",
                   strerror(errno));
    return -1;
}

static int run_daemon(struct daemon *d, struct config *c)
{
    auto_free char *socket = perch_strdup(c->socket); /* it outlives the configuration */
    char error[512] = "out of memory";
    int listener = socket ? open_listener(c, error, sizeof error) : -1;

    d->base = listener >= 0 ? event_base_new() : NULL;
    if (d->base) {
        run_loop(d, c, listener);
        event_base_free(d->base);
    } else {
        log_error(NULL, "%s (for the state in %s)", error, c->state);
        config_free(c);
        d->status = EXIT_FAILURE;
        if (listener >= 0)
            (void)close(listener);
    }
    if (listener >= 0) /* else it may be another daemon's */
        listener_remove(socket);
    return d->status;
}

/* ---- arguments ---- */

static const char usage_text[] =
    "usage: perchd [--config FILE] [--state DIR] [--check] [--version] [--help]\n"
    "\n"
    "  --config FILE  the configuration; default ~/.config/perch/perchd.yaml if it is there,\n"
    "                 else /etc/perch/perchd.yaml\n"
    "  --state DIR    where perch.db lives, whatever the configuration says\n"
    "  --check        read the configuration, say what is wrong with it, and end\n"
    "\n"
    "Runs in the foreground. SIGHUP reads the configuration again, SIGTERM ends it cleanly.\n"
    "Exit status: 0 clean stop, 1 failure, 64 wrong usage, 78 bad configuration.\n";

struct arguments {
    const char *config, *state;
    bool check, help, version;
};

static int parse_arguments(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"state", required_argument, NULL, 's'},
        {"check", no_argument, NULL, 'C'},        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 'c':
            ret->config = optarg;
            break;
        case 's':
            ret->state = optarg;
            break;
        case 'C':
            ret->check = true;
            break;
        case 'V':
            ret->version = true;
            break;
        case 'h':
            ret->help = true;
            break;
        default:
            return -1; /* getopt has said why */
        }
    if (optind == argc)
        return 0;
    (void)fprintf(stderr, "%s: unexpected argument '%s'\n", argv[0], argv[optind]);
    return -1;
}

static int load_and_run(const struct arguments *a)
{
    auto_free char *file = a->config ? perch_strdup(a->config) : config_default_file();
    struct daemon d = {.paths = {.config = file, .state = a->state}};
    struct config *c;
    struct config_error error;

    if (!file) {
        (void)fprintf(stderr, "perchd: out of memory\n");
        return EXIT_FAILURE;
    }
    signals_hold(SIG_BLOCK);
    if (config_load(&d.paths, &c, &error) != 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        return EX_CONFIG;
    }
    if (a->check) {
        (void)printf("%s: no errors; accounts %zu, hooks %zu\n", file, c->naccounts, c->nhooks);
        config_free(c);
        return EXIT_SUCCESS;
    }
    log_set_level(c->log_level);
    return run_daemon(&d, c);
}

int main(int argc, char **argv)
{
    struct arguments a = {0};

    harden();
    if (argc == 2 && strcmp(argv[1], ENGINE_ARGUMENT) == 0)
        return run_engine();
    if (parse_arguments(argc, argv, &a) != 0) {
        (void)fputs(usage_text, stderr);
        return EX_USAGE;
    }
    if (a.help)
        return fputs(usage_text, stdout) < 0;
    if (a.version)
        return puts("perchd " PERCH_VERSION) < 0;
    return load_and_run(&a);
}
