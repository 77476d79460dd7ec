/* Runs a program: argv, an environment made from nothing, bytes on its stdin, its output
 * captured, its process group ended at the timeout.
 *
 * The program leads a session and a process group of its own and has descriptors 0, 1 and
 * 2 only. Its end is told as soon as it exits; what it left in the background may keep its
 * output open and is not waited for. SIGPIPE must be ignored in this process. */
#ifndef PERCHD_RUNNER_EXEC_H
#define PERCHD_RUNNER_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct exec;

struct exec_spec {
    char *const *argv; /* argv[0] is looked up in PATH of `env` unless it has a slash */
    char *const *env;  /* NULL-terminated NAME=VALUE */
    const char *cwd;
    const void *input; /* copied; then end of file */
    size_t input_len;
    size_t output_max;  /* of stdout and stderr together; the rest is read and dropped */
    bool split;         /* keep stderr out of `output` (password commands) */
    bool secret;        /* wipe what it printed */
    int64_t timeout_ms; /* then SIGTERM to the group, */
    int64_t grace_ms;   /* so much later SIGKILL; 0: 5 s */
};

struct exec_result {
    bool started;
    bool timed_out;
    int exit_status; /* -1: ended by `signal` */
    int signal;
    const char *error;  /* !started: "`x`: No such file or directory; is it ..." */
    const char *output; /* NUL-terminated; may hold NULs */
    size_t output_len;
    bool output_cut;
    const char *errors; /* `split`: the beginning of what came on stderr */
    int64_t elapsed_ms;
};

typedef void exec_done_fn(const struct exec_result *r, void *user);

/* `done` runs exactly once, from the loop, also when the program cannot be started. NULL when
 * out of memory (then it does not run). */
struct exec *exec_start(struct event_base *base, const struct exec_spec *spec, exec_done_fn *done,
                        void *user);

/* SIGTERM now (SIGKILL after the grace); `done` still runs. */
void exec_stop(struct exec *x);

/* SIGKILL now, without a word to `done`: the process that runs programs ends. */
void exec_abandon(struct exec *x);

#endif
