/* The main process: it alone knows what may be run and holds the secrets; the engine asks.
 *
 *   start   the engine is a child that the caller starts on a socketpair
 *   life    CONFIG and LISTENER go to each new engine; secrets and hook runs come back
 *   crash   a new engine after 1 s, 2 s, ... 60 s; hooks that run go on meanwhile
 *   stop    running hooks may end, their results are made durable, then the engine stops;
 *           what takes longer than the budget is ended and runs again in the next life */
#ifndef PERCHD_RUNNER_RUNNER_H
#define PERCHD_RUNNER_RUNNER_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct event_base;
struct runner;

struct runner_options {
    struct event_base *base;
    struct config *config; /* taken, also on failure */

    /* Starts an engine that owns a copy of `fd`; its pid, or -1 with errno. */
    pid_t (*start_engine)(int fd, void *user);
    /* The engine told how it is; `ready` stays true once it was. */
    void (*on_status)(bool ready, const char *text, void *user);
    /* All has ended, the loop may go: 0 after runner_stop, 1 when the engine cannot start. */
    void (*on_end)(int status, void *user);
    void *user;

    int64_t secret_ms;  /* budget of a password command */
    int64_t hooks_ms;   /* budget of running hooks at the stop */
    int64_t stop_ms;    /* of the whole stop */
    int64_t linger_ms;  /* of an engine that closed its channel; then SIGKILL */
    int64_t restart_ms; /* wait before the first restart; doubles up to 60 s */
};

#define RUNNER_BUDGETS                                                                             \
    .secret_ms = 10000, .hooks_ms = 6000, .stop_ms = 9000, .linger_ms = 2000, .restart_ms = 1000

/* Starts the first engine at once. NULL with a log line. */
struct runner *runner_new(const struct runner_options *options);
/* Ends what still runs without ceremony. NULL is fine. */
void runner_free(struct runner *r);

/* The control socket; taken. Each engine gets a copy. */
void runner_listen(struct runner *r, int fd);

/* Takes a newer configuration. */
void runner_reload(struct runner *r, struct config *config);

const struct config *runner_config(const struct runner *r);

void runner_stop(struct runner *r);

#endif
