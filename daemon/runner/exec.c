/* posix_spawn (which is vfork: its cost does not grow with this process) and a pidfd, so that
 * the end of a child is one more readable descriptor. A child is reaped here and nowhere
 * else, so its pid cannot be another's between the spawn and the pidfd, nor between a signal
 * to its group and the wait. */
#include "runner/exec.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#include <event2/event.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_SIZE   65536
#define DRAIN_READS 64 /* at the end: what a pipe holds, not what a survivor goes on to print */
#define ERRORS_MAX  1024
#define GRACE_MS    5000

/* One of the child's output pipes. */
struct tap {
    struct event *readable;
    int fd;
    struct perch_buf text;
    size_t max;
    bool cut;
};

enum exec_state {
    EXEC_RUNNING,
    EXEC_ASKED, /* SIGTERM is out */
    EXEC_KILLED,
    EXEC_FAILED /* never started */
};

struct exec {
    struct event_base *base;
    exec_done_fn *done;
    void *user;
    enum exec_state state;
    bool timed_out;
    bool split;
    pid_t pid;
    int pidfd, stdin_fd;
    struct event *ended, *writable, *timer;
    struct perch_buf input;
    struct tap out, err;
    char error[256];
    int64_t started_ms, grace_ms;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static int take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

static void free_event(struct event **e)
{
    if (*e)
        event_free(*e);
    *e = NULL;
}

static void tap_close(struct tap *t)
{
    free_event(&t->readable);
    close_fd(&t->fd);
}

static void stdin_close(struct exec *x)
{
    free_event(&x->writable);
    close_fd(&x->stdin_fd);
    perch_buf_done(&x->input);
}

static void exec_free(struct exec *x)
{
    stdin_close(x);
    tap_close(&x->out);
    tap_close(&x->err);
    free_event(&x->ended);
    free_event(&x->timer);
    close_fd(&x->pidfd);
    perch_buf_done(&x->out.text);
    perch_buf_done(&x->err.text);
    perch_free(x);
}

static void finish(struct exec *x, const siginfo_t *info)
{
    bool exited = info && info->si_code == CLD_EXITED;
    const char *output = perch_buf_cstr(&x->out.text), *errors = perch_buf_cstr(&x->err.text);
    struct exec_result r = {
        .started = x->state != EXEC_FAILED,
        .timed_out = x->timed_out,
        .exit_status = exited ? info->si_status : -1,
        .signal = info && !exited ? info->si_status : 0,
        .error = x->error,
        .output = output ? output : "",
        .output_len = output ? x->out.text.len : 0,
        .output_cut = x->out.cut,
        .errors = errors ? errors : "",
        .elapsed_ms = perch_clock_ms() - x->started_ms,
    };

    x->done(&r, x->user);
    exec_free(x);
}

/* ---- the child's output ---- */

enum tapped { TAPPED_SOME, TAPPED_DRY, TAPPED_END };

static enum tapped tap_once(struct tap *t)
{
    char bytes[READ_SIZE];
    size_t room = t->max - t->text.len, keep;
    ssize_t n = read(t->fd, bytes, sizeof bytes);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR ? TAPPED_SOME : TAPPED_DRY;
    if (n <= 0)
        return TAPPED_END;
    keep = (size_t)n < room ? (size_t)n : room;
    perch_buf_add(&t->text, bytes, keep);
    t->cut = t->cut || keep < (size_t)n;
    if (t->text.secret)
        perch_wipe(bytes, (size_t)n);
    return TAPPED_SOME;
}

static void on_output(evutil_socket_t fd, short what, void *user)
{
    struct tap *t = user;

    (void)fd;
    (void)what;
    if (tap_once(t) == TAPPED_END)
        tap_close(t);
}

static void drain(struct tap *t)
{
    for (int i = 0; i < DRAIN_READS && t->fd >= 0; i++)
        if (tap_once(t) != TAPPED_SOME)
            return;
}

/* ---- its input ---- */

static void write_input(struct exec *x)
{
    while (x->input.len > 0) {
        ssize_t n = write(x->stdin_fd, perch_buf_data(&x->input), x->input.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            break; /* EPIPE: it does not want to read, which is its right */
        perch_buf_consume(&x->input, (size_t)n);
    }
    stdin_close(x);
}

static void on_input_room(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    write_input(user);
}

/* ---- its end ---- */

static void signal_group(const struct exec *x, int sig)
{
    if (kill(-x->pid, sig) != 0)
        (void)kill(x->pid, sig);
}

static void arm(struct exec *x, int64_t ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    (void)event_add(x->timer, &tv);
}

void exec_stop(struct exec *x)
{
    if (x->state != EXEC_RUNNING)
        return;
    x->state = EXEC_ASKED;
    signal_group(x, SIGTERM);
    arm(x, x->grace_ms);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    struct exec *x = user;

    (void)fd;
    (void)what;
    switch (x->state) {
    case EXEC_RUNNING:
        x->timed_out = true;
        exec_stop(x);
        return;
    case EXEC_ASKED:
        x->state = EXEC_KILLED;
        signal_group(x, SIGKILL);
        return;
    case EXEC_KILLED:
        return;
    case EXEC_FAILED:
        finish(x, NULL);
        return;
    }
}

static void on_end(evutil_socket_t fd, short what, void *user)
{
    struct exec *x = user;
    siginfo_t info = {0};

    (void)fd;
    (void)what;
    if (x->state != EXEC_RUNNING) /* what is left of a group that was asked to end */
        (void)kill(-x->pid, SIGKILL);
    if (waitid(P_PIDFD, (id_t)x->pidfd, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) {
        (void)event_add(x->ended, NULL);
        return;
    }
    drain(&x->out);
    drain(&x->err);
    finish(x, &info);
}

void exec_abandon(struct exec *x)
{
    if (x->state != EXEC_FAILED) {
        signal_group(x, SIGKILL);
        (void)waitpid(x->pid, NULL, 0);
    }
    exec_free(x);
}

/* ---- the start ---- */

static const char *path_of(char *const *env)
{
    for (; env && *env; env++)
        if (strncmp(*env, "PATH=", strlen("PATH=")) == 0)
            return *env + strlen("PATH=");
    return "";
}

/* As execvp would, but in the PATH of the child: 0 with the path, or an errno. */
static int find_program(const char *name, const char *path, char *out, size_t size)
{
    int why = ENOENT;

    if (strchr(name, '/')) {
        int n = snprintf(out, size, "%s", name);

        return n < 0 || (size_t)n >= size ? ENAMETOOLONG : 0;
    }
    while (*path) {
        size_t n = strcspn(path, ":");
        struct stat st;
        int len = snprintf(out, size, "%.*s/%s", (int)n, path, name);

        if (n > 0 && len > 0 && (size_t)len < size && stat(out, &st) == 0 && S_ISREG(st.st_mode)) {
            if (access(out, X_OK) == 0)
                return 0;
            why = EACCES;
        }
        path += n + (path[n] == ':');
    }
    return why;
}

/* The ends of the pipes: the child's are closed after the spawn. */
struct pipes {
    int in[2], out[2], err[2];
};

static void pipes_close(struct pipes *p)
{
    for (int i = 0; i < 2; i++) {
        close_fd(&p->in[i]);
        close_fd(&p->out[i]);
        close_fd(&p->err[i]);
    }
}

/* Ours do not block; the child's are its own open files and stay as programs expect them. */
static int pipes_open(struct pipes *p, bool split)
{
    *p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(p->in, O_CLOEXEC) != 0 || pipe2(p->out, O_CLOEXEC) != 0 ||
        (split && pipe2(p->err, O_CLOEXEC) != 0))
        return errno;
    if (fcntl(p->in[1], F_SETFL, O_NONBLOCK) != 0 || fcntl(p->out[0], F_SETFL, O_NONBLOCK) != 0 ||
        (split && fcntl(p->err[0], F_SETFL, O_NONBLOCK) != 0))
        return errno;
    return 0;
}

static int add_actions(posix_spawn_file_actions_t *a, const struct pipes *p, const char *cwd)
{
    int rc = posix_spawn_file_actions_adddup2(a, p->in[0], STDIN_FILENO);

    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(a, p->out[1], STDOUT_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(a, p->err[1] >= 0 ? p->err[1] : p->out[1],
                                              STDERR_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(a, STDERR_FILENO + 1);
    if (rc == 0 && cwd)
        rc = posix_spawn_file_actions_addchdir_np(a, cwd);
    return rc;
}

static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(attr, &none);
    (void)posix_spawnattr_setsigdefault(attr, &all);
    return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
}

static int spawn(const struct exec_spec *spec, const struct pipes *p, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    char program[PATH_MAX];
    int rc = find_program(spec->argv[0], path_of(spec->env), program, sizeof program);

    if (rc != 0)
        return rc;
    rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = set_attributes(&attr);
        if (rc == 0)
            rc = add_actions(&actions, p, spec->cwd);
        if (rc == 0)
            rc = posix_spawn(ret_pid, program, &actions, &attr, spec->argv, spec->env);
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* The three descriptors become events. On failure the child is ended: it was never seen. */
static int attach(struct exec *x, struct pipes *p)
{
    x->pidfd = pidfd_open(x->pid, 0);
    if (x->pidfd >= 0) {
        x->stdin_fd = take_fd(&p->in[1]);
        x->out.fd = take_fd(&p->out[0]);
        x->err.fd = take_fd(&p->err[0]);
        x->ended = event_new(x->base, x->pidfd, EV_READ, on_end, x);
        x->writable = event_new(x->base, x->stdin_fd, EV_WRITE | EV_PERSIST, on_input_room, x);
        x->out.readable = event_new(x->base, x->out.fd, EV_READ | EV_PERSIST, on_output, &x->out);
        x->err.readable =
            x->split ? event_new(x->base, x->err.fd, EV_READ | EV_PERSIST, on_output, &x->err)
                     : NULL;
        if (x->ended && x->writable && x->out.readable && (!x->split || x->err.readable) &&
            event_add(x->ended, NULL) == 0 && event_add(x->out.readable, NULL) == 0 &&
            (!x->split || event_add(x->err.readable, NULL) == 0) &&
            event_add(x->writable, NULL) == 0)
            return 0;
        errno = ENOMEM;
    }
    return errno;
}

static int start(struct exec *x, const struct exec_spec *spec)
{
    struct pipes p;
    int rc = pipes_open(&p, spec->split);

    if (rc == 0)
        rc = spawn(spec, &p, &x->pid);
    if (rc == 0) {
        rc = attach(x, &p);
        if (rc != 0) {
            signal_group(x, SIGKILL);
            (void)waitpid(x->pid, NULL, 0);
        }
    }
    pipes_close(&p);
    return rc;
}

struct exec *exec_start(struct event_base *base, const struct exec_spec *spec, exec_done_fn *done,
                        void *user)
{
    struct exec *x = perch_calloc(1, sizeof *x);
    int rc;

    if (!x)
        return NULL;
    x->base = base;
    x->done = done;
    x->user = user;
    x->split = spec->split;
    x->grace_ms = spec->grace_ms > 0 ? spec->grace_ms : GRACE_MS;
    x->pidfd = x->stdin_fd = -1;
    x->out = (struct tap){.fd = -1, .max = spec->output_max};
    x->err = (struct tap){.fd = -1, .max = ERRORS_MAX};
    x->out.text.secret = x->err.text.secret = spec->secret;
    x->started_ms = perch_clock_ms();
    x->timer = evtimer_new(base, on_timer, x);
    perch_buf_add(&x->input, spec->input, spec->input_len);
    if (!x->timer || x->input.failed) {
        exec_free(x);
        return NULL;
    }
    rc = start(x, spec);
    if (rc == 0) {
        arm(x, spec->timeout_ms);
        write_input(x);
        return x;
    }
    x->state = EXEC_FAILED;
    (void)snprintf(x->error, sizeof x->error,
                   "`%.120s`: %s; is it installed, executable and in PATH?", spec->argv[0],
                   strerror(rc));
    arm(x, 0); /* told from the loop, like any other end */
    return x;
}
