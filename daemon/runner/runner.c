/* A job is one run of a hook, known by hook, event and attempt. It outlives the engine that
 * asked for it: an engine that was started again asks for the same delivery, because nothing
 * of its result is stored, and is given the run that goes on or the result that was kept.
 * So no event is lost by a crash, and no hook runs twice for one. */
#include "runner/runner.h"

#include "config/transfer.h"
#include "hooks/payload.h"
#include "ipc/channel.h"
#include "runner/exec.h"
#include "runner/secret.h"

#include "base/ascii.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"

#include <event2/event.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX     65536
#define JOBS_MAX       4096 /* queued, running and kept together */
#define RESTART_MAX_MS 60000
#define HEALTHY_MS     60000 /* an engine that lived so long restarts without waiting longer */

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_KEPT };

struct job {
    struct perch_link link;
    struct runner *owner;
    enum job_state state;
    bool asked; /* by the engine that lives now, as `run` */
    int64_t run;
    char *hook;
    int64_t seq;
    int64_t attempt;
    uint64_t generation;
    size_t number;
    json_t *event; /* QUEUED */
    struct exec *exec;
    json_t *result; /* KEPT, without `run` */
};

enum runner_state {
    RUNNER_UP,
    RUNNER_DRAINING, /* stop: hooks may end */
    RUNNER_STOPPING, /* the engine was told */
    RUNNER_ENDED
};

struct runner {
    struct runner_options o;
    struct config *config, *previous; /* the engine may still speak of the one before */
    enum runner_state state;
    int listener;
    struct secrets *secrets;

    struct ipc_channel *ch; /* NULL: no engine, or it closed */
    pid_t engine;           /* 0: none */
    int pidfd;
    struct event *engine_ended, *timer;
    bool was_ready;
    int64_t engine_since_ms, restart_ms, stop_since_ms;

    struct perch_list jobs;
    size_t njobs, nrunning;
};

static void arm(struct runner *r, int64_t ms)
{
    int64_t wait = ms > 0 ? ms : 0;
    struct timeval tv = {.tv_sec = wait / 1000, .tv_usec = (suseconds_t)(wait % 1000) * 1000};

    (void)event_add(r->timer, &tv);
}

/* 0, also when there is no engine to tell: the next one is told what it needs. */
static int tell(struct runner *r, enum ipc_type type, json_t *body, int fd, bool secret)
{
    if (!r->ch) {
        json_decref(body);
        return 0;
    }
    if (ipc_send(r->ch, type, body, fd, secret) == 0 || errno == EPIPE)
        return 0;
    log_error(NULL, "a message to the engine is too large, or memory ran out");
    return -1;
}

/* ---- jobs ---- */

static void job_free(struct job *j)
{
    struct runner *r = j->owner;

    perch_unlink(&j->link);
    r->njobs--;
    if (j->state == JOB_RUNNING)
        r->nrunning--;
    if (j->exec)
        exec_abandon(j->exec);
    json_decref(j->event);
    json_decref(j->result);
    perch_free(j->hook);
    perch_free(j);
}

static void job_tell(struct job *j)
{
    json_t *result = json_copy(j->result);

    if (!j->asked || !result) {
        json_decref(result);
        return;
    }
    (void)json_object_set_new(result, "run", json_integer(j->run));
    (void)tell(j->owner, IPC_HOOK_RESULT, result, -1, false);
}

static void drained(struct runner *r);

static void job_keep(struct job *j, json_t *result)
{
    if (j->state == JOB_RUNNING)
        j->owner->nrunning--;
    j->state = JOB_KEPT;
    j->result = result;
    json_decref(j->event);
    j->event = NULL;
    job_tell(j);
}

static json_t *failure(const char *why)
{
    return json_pack("{s:b, s:s}", "ok", 0, "error", why);
}

/* What a program printed, as text for JSON and logs. */
static json_t *output_text(const char *p, size_t n)
{
    struct perch_buf text = PERCH_BUF_INIT;
    json_t *v;

    for (size_t i = 0; i < n;) {
        uint32_t code = 0;
        size_t len = perch_utf8_seq((const uint8_t *)p + i, n - i, &code);

        if (len > 1 || (len == 1 && (!perch_is_ctl(p[i]) || p[i] == '\n' || p[i] == '\t')))
            perch_buf_add(&text, p + i, len);
        else if (len == 0)
            perch_buf_adds(&text, "\xef\xbf\xbd"); /* U+FFFD */
        i += len > 0 ? len : 1;
    }
    v = json_stringn((const char *)perch_buf_data(&text), text.len);
    perch_buf_done(&text);
    return v ? v : json_string("");
}

static json_t *result_of(const struct exec_result *r)
{
    json_t *v;

    if (!r->started)
        return failure(r->error);
    v = json_pack("{s:b, s:f, s:b, s:o, s:b}", "ok", r->exit_status == 0 && !r->timed_out,
                  "seconds", (double)r->elapsed_ms / 1000, "timed_out", r->timed_out, "output",
                  output_text(r->output, r->output_len), "cut", r->output_cut);
    if (v && r->exit_status >= 0)
        (void)json_object_set_new(v, "exit", json_integer(r->exit_status));
    else if (v)
        (void)json_object_set_new(v, "signal", json_integer(r->signal));
    return v;
}

static void pump(struct runner *r);

static void on_job_done(const struct exec_result *result, void *user)
{
    struct job *j = user;
    struct runner *r = j->owner;
    bool ended_by_us = r->state >= RUNNER_STOPPING;

    j->exec = NULL;
    if (ended_by_us) {
        job_free(j); /* not told: it runs again in the next life */
    } else {
        job_keep(j, result_of(result));
        pump(r);
    }
    drained(r);
}

static const struct config *config_of(const struct runner *r, uint64_t generation)
{
    if (r->config->generation == generation)
        return r->config;
    return r->previous && r->previous->generation == generation ? r->previous : NULL;
}

static void start_job(struct job *j)
{
    struct runner *r = j->owner;
    const struct config *c = config_of(r, j->generation);
    const struct config_hook *h = &c->hooks[j->number];
    struct payload_source from = {
        .hook = h, .config = c, .event = j->event, .attempt = (unsigned)j->attempt};
    struct perch_arena arena;
    struct payload made;

    perch_arena_init(&arena, 0);
    if (payload_make(&from, &arena, &made) == 0) {
        struct exec_spec spec = {.argv = made.argv,
                                 .env = made.env,
                                 .cwd = made.cwd,
                                 .input = made.input,
                                 .input_len = made.input_len,
                                 .output_max = OUTPUT_MAX,
                                 .timeout_ms = h->timeout_ms};

        j->exec = exec_start(r->o.base, &spec, on_job_done, j);
    }
    perch_arena_done(&arena);
    if (!j->exec) {
        job_keep(j, failure("out of memory"));
        return;
    }
    j->state = JOB_RUNNING;
    r->nrunning++;
}

static void pump(struct runner *r)
{
    if (r->state != RUNNER_UP)
        return;
    PERCH_LIST_EACH(&r->jobs, struct job, link, j) {
        if (r->nrunning >= r->config->max_hooks)
            return;
        if (j->state == JOB_QUEUED && !config_of(r, j->generation))
            job_keep(j, failure("the configuration changed"));
        else if (j->state == JOB_QUEUED)
            start_job(j);
    }
}

/* ---- what the engine asks ---- */

static struct job *find_job(struct runner *r, const char *hook, int64_t seq, int64_t attempt)
{
    PERCH_LIST_EACH(&r->jobs, struct job, link, j)
        if (j->seq == seq && j->attempt == attempt && strcmp(j->hook, hook) == 0)
            return j;
    return NULL;
}

/* Results that no engine asked for again: the hook is gone from the configuration. */
static void forget_stale(struct runner *r)
{
    PERCH_LIST_EACH(&r->jobs, struct job, link, j)
        if (j->state == JOB_KEPT && !j->asked)
            job_free(j);
}

/* An engine that is new, or has a new configuration, asks again for all that it still needs. Until
 * then nothing is told: it would not know what to do with it. */
static void forget_asks(struct runner *r)
{
    PERCH_LIST_EACH(&r->jobs, struct job, link, j) {
        j->asked = false;
        if (j->state == JOB_QUEUED)
            job_free(j);
    }
}

static struct job *job_new(struct runner *r, const struct config_hook *h, int64_t seq,
                           int64_t attempt, uint64_t generation, json_t *event)
{
    struct job *j;

    if (r->njobs >= JOBS_MAX)
        forget_stale(r);
    j = r->njobs < JOBS_MAX ? perch_calloc(1, sizeof *j) : NULL;
    if (!j)
        return NULL;
    j->owner = r;
    j->seq = seq;
    j->attempt = attempt;
    j->generation = generation;
    j->number = h->number;
    j->event = json_incref(event);
    j->hook = perch_strdup(h->name);
    perch_list_add(&r->jobs, &j->link);
    r->njobs++;
    if (j->hook)
        return j;
    job_free(j);
    return NULL;
}

static void refuse_run(struct runner *r, int64_t run, const char *why)
{
    json_t *result = failure(why);

    (void)json_object_set_new(result, "run", json_integer(run));
    (void)tell(r, IPC_HOOK_RESULT, result, -1, false);
}

static void on_hook_run(struct runner *r, json_t *body)
{
    json_int_t run, generation, hook, attempt, seq;
    json_t *event;
    const struct config *c;
    struct job *j;

    if (r->state != RUNNER_UP)
        return; /* runs in the next life */
    if (json_unpack(body, "{s:I, s:I, s:I, s:I, s:o, s:{s:I}}", "run", &run, "generation",
                    &generation, "hook", &hook, "attempt", &attempt, "event", &event, "event",
                    "seq", &seq) != 0 ||
        !json_is_object(event) || seq < 1 || attempt < 1 || attempt > UINT32_MAX) {
        log_error(NULL, "the engine asked for a hook in a way that makes no sense");
        return;
    }
    c = config_of(r, (uint64_t)generation);
    if (!c || hook < 0 || (uint64_t)hook >= c->nhooks) {
        refuse_run(r, run, "the configuration changed");
        return;
    }
    j = find_job(r, c->hooks[hook].name, seq, attempt);
    if (!j)
        j = job_new(r, &c->hooks[hook], seq, attempt, (uint64_t)generation, event);
    if (!j) {
        refuse_run(r, run, "too many hooks wait");
        return;
    }
    j->run = run;
    j->asked = true;
    if (j->state == JOB_KEPT)
        job_tell(j);
    else
        pump(r);
}

static void on_hook_ack(struct runner *r, const json_t *body)
{
    json_int_t run = json_integer_value(json_object_get(body, "run"));

    PERCH_LIST_EACH(&r->jobs, struct job, link, j)
        if (j->asked && j->state == JOB_KEPT && j->run == run)
            job_free(j);
    drained(r);
}

static void on_secret_want(struct runner *r, const json_t *body)
{
    const char *account = json_string_value(json_object_get(body, "account"));
    bool fresh = json_is_true(json_object_get(body, "fresh"));

    if (!account)
        log_error(NULL, "the engine asked for a password in a way that makes no sense");
    else if (secrets_want(r->secrets, account, fresh) != 0)
        log_error(account, "the password could not be fetched: out of memory");
}

static void on_secret(const char *account, const char *secret, const char *error, void *user)
{
    (void)tell(user, IPC_SECRET,
               secret ? json_pack("{s:s, s:s}", "account", account, "secret", secret)
                      : json_pack("{s:s, s:s}", "account", account, "error", error),
               -1, true);
}

static void on_status(struct runner *r, const json_t *body)
{
    const char *text = json_string_value(json_object_get(body, "text"));

    r->was_ready = r->was_ready || json_is_true(json_object_get(body, "ready"));
    r->o.on_status(r->was_ready, text ? text : "", r->o.user);
}

static void on_message(struct ipc_channel *ch, enum ipc_type type, json_t *body, int fd, void *user)
{
    struct runner *r = user;

    (void)ch;
    if (fd >= 0)
        (void)close(fd); /* the engine has none to give */
    switch (type) {
    case IPC_SECRET_WANT:
        on_secret_want(r, body);
        return;
    case IPC_HOOK_RUN:
        on_hook_run(r, body);
        return;
    case IPC_HOOK_ACK:
        on_hook_ack(r, body);
        return;
    case IPC_STATUS:
        on_status(r, body);
        return;
    case IPC_STOPPED:
        return; /* its end follows */
    case IPC_NONE:
    case IPC_CONFIG:
    case IPC_LISTENER:
    case IPC_SECRET:
    case IPC_HOOK_RESULT:
    case IPC_STOP:
    case IPC_TYPE_COUNT:
        log_error(NULL, "the engine sent a message that only the runner sends");
        return;
    }
}

/* ---- the engine's life ---- */

static int send_config(struct runner *r)
{
    char *text = config_to_json(r->config);
    json_t *config = text ? json_loads(text, 0, NULL) : NULL;

    free(text);
    return tell(r, IPC_CONFIG, config ? json_pack("{s:o}", "config", config) : NULL, -1, false);
}

static void send_listener(struct runner *r)
{
    if (r->listener >= 0)
        (void)tell(r, IPC_LISTENER, json_object(), r->listener, false);
}

static void kill_engine(const struct runner *r)
{
    if (r->engine > 0)
        (void)kill(r->engine, SIGKILL);
}

/* End of file, or nonsense: the process behind it may take its leave, but not its time. */
static void on_closed(struct ipc_channel *ch, const char *why, void *user)
{
    struct runner *r = user;

    if (r->state == RUNNER_UP)
        log_debug(NULL, "the engine's channel closed: %s", why);
    ipc_free(ch);
    r->ch = NULL;
    forget_asks(r);
    if (r->state == RUNNER_UP)
        arm(r, r->o.linger_ms);
    drained(r);
}

static void engine_gone(struct runner *r)
{
    if (r->engine_ended)
        event_free(r->engine_ended);
    r->engine_ended = NULL;
    if (r->pidfd >= 0)
        (void)close(r->pidfd);
    r->pidfd = -1;
    r->engine = 0;
}

static void end(struct runner *r, int status)
{
    if (r->state == RUNNER_ENDED)
        return;
    r->state = RUNNER_ENDED;
    (void)event_del(r->timer);
    r->o.on_end(status, r->o.user);
}

static void plan_restart(struct runner *r)
{
    if (perch_clock_ms() - r->engine_since_ms >= HEALTHY_MS)
        r->restart_ms = r->o.restart_ms;
    arm(r, r->restart_ms);
    r->restart_ms = r->restart_ms * 2 > RESTART_MAX_MS ? RESTART_MAX_MS : r->restart_ms * 2;
}

static void log_end(const struct runner *r, const siginfo_t *info)
{
    log_error(NULL, "the engine ended with %s %d; it is started again in %" PRId64 " ms",
              info->si_code == CLD_EXITED ? "exit status" : "signal", info->si_status,
              r->restart_ms);
}

static void on_engine_end(evutil_socket_t fd, short what, void *user)
{
    struct runner *r = user;
    siginfo_t info = {0};

    (void)fd;
    (void)what;
    if (waitid(P_PIDFD, (id_t)r->pidfd, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) {
        (void)event_add(r->engine_ended, NULL);
        return;
    }
    engine_gone(r);
    if (r->ch)
        on_closed(r->ch, "the engine ended", r);
    if (r->state != RUNNER_UP) {
        drained(r);
    } else if (!r->was_ready && info.si_code == CLD_EXITED && info.si_status != 0) {
        end(r, 1); /* it has said why */
    } else {
        log_end(r, &info);
        plan_restart(r);
    }
}

static int watch_engine(struct runner *r)
{
    r->pidfd = pidfd_open(r->engine, 0);
    if (r->pidfd < 0)
        return -1;
    r->engine_ended = event_new(r->o.base, r->pidfd, EV_READ, on_engine_end, r);
    return r->engine_ended && event_add(r->engine_ended, NULL) == 0 ? 0 : -1;
}

static int start_engine(struct runner *r)
{
    static const struct ipc_hooks hooks = {on_message, on_closed};
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return -1;
    r->engine_since_ms = perch_clock_ms();
    r->engine = r->o.start_engine(fds[1], r->o.user);
    (void)close(fds[1]);
    r->ch = ipc_new(r->o.base, fds[0], &hooks, r);
    if (r->engine <= 0) {
        r->engine = 0;
    } else if (r->ch && watch_engine(r) == 0 && send_config(r) == 0) {
        send_listener(r);
        return 0;
    } else {
        kill_engine(r);
        (void)waitpid(r->engine, NULL, 0);
    }
    engine_gone(r);
    ipc_free(r->ch);
    r->ch = NULL;
    return -1;
}

static void restart(struct runner *r)
{
    if (start_engine(r) == 0)
        return;
    log_error(NULL, "the engine cannot be started: %s", strerror(errno));
    plan_restart(r);
}

/* ---- the stop ---- */

static bool awaits_hooks(struct runner *r)
{
    PERCH_LIST_EACH(&r->jobs, struct job, link, j)
        if (j->state == JOB_RUNNING || (j->state == JOB_KEPT && j->asked))
            return true;
    return false;
}

static void stop_engine(struct runner *r)
{
    r->state = RUNNER_STOPPING;
    (void)tell(r, IPC_STOP, json_object(), -1, false);
    arm(r, r->stop_since_ms + r->o.stop_ms - perch_clock_ms());
}

/* Moves the stop on as soon as what it waits for is there. */
static void drained(struct runner *r)
{
    if (r->state == RUNNER_DRAINING && !awaits_hooks(r))
        stop_engine(r);
    if (r->state == RUNNER_STOPPING && r->engine == 0 && r->nrunning == 0)
        end(r, 0);
}

static void stop_hooks(struct runner *r)
{
    log_warn(NULL, "%zu hooks still run: they are ended, and run again at the next start",
             r->nrunning);
    PERCH_LIST_EACH(&r->jobs, struct job, link, j)
        if (j->state == JOB_RUNNING)
            exec_stop(j->exec);
    stop_engine(r);
}

void runner_stop(struct runner *r)
{
    if (r->state != RUNNER_UP)
        return;
    r->state = RUNNER_DRAINING;
    r->stop_since_ms = perch_clock_ms();
    arm(r, r->o.hooks_ms);
    drained(r);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    struct runner *r = user;

    (void)fd;
    (void)what;
    switch (r->state) {
    case RUNNER_UP:
        if (r->engine > 0)
            kill_engine(r); /* it closed its channel and stayed */
        else
            restart(r);
        return;
    case RUNNER_DRAINING:
        stop_hooks(r);
        return;
    case RUNNER_STOPPING:
        log_warn(NULL, "the stop took too long: the rest is ended");
        end(r, 0);
        return;
    case RUNNER_ENDED:
        return;
    }
}

/* ---- life ---- */

struct runner *runner_new(const struct runner_options *options)
{
    struct runner *r = perch_calloc(1, sizeof *r);

    if (!r) {
        config_free(options->config);
        return NULL;
    }
    r->o = *options;
    r->config = options->config;
    r->listener = r->pidfd = -1;
    r->restart_ms = options->restart_ms;
    perch_list_init(&r->jobs);
    r->timer = evtimer_new(options->base, on_timer, r);
    r->secrets = secrets_new(options->base, options->secret_ms, on_secret, r);
    if (r->timer && r->secrets && secrets_use(r->secrets, r->config) == 0 && start_engine(r) == 0)
        return r;
    log_error(NULL, "the engine cannot be started: %s", strerror(errno));
    runner_free(r);
    return NULL;
}

void runner_free(struct runner *r)
{
    if (!r)
        return;
    ipc_free(r->ch);
    if (r->engine > 0) {
        kill_engine(r);
        (void)waitpid(r->engine, NULL, 0);
    }
    engine_gone(r);
    PERCH_LIST_EACH(&r->jobs, struct job, link, j)
        job_free(j);
    secrets_free(r->secrets);
    if (r->timer)
        event_free(r->timer);
    if (r->listener >= 0)
        (void)close(r->listener);
    config_free(r->previous);
    config_free(r->config);
    perch_free(r);
}

void runner_listen(struct runner *r, int fd)
{
    r->listener = fd;
    send_listener(r);
}

void runner_reload(struct runner *r, struct config *config)
{
    if (r->state != RUNNER_UP) { /* the next start reads it */
        config_free(config);
        return;
    }
    if (secrets_use(r->secrets, config) != 0) {
        log_error(NULL, "out of memory: the configuration stays as it was");
        config_free(config);
        return;
    }
    config_free(r->previous);
    r->previous = r->config;
    r->config = config;
    forget_asks(r);
    if (r->ch)
        (void)send_config(r);
}

const struct config *runner_config(const struct runner *r)
{
    return r->config;
}
