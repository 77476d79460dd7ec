/* Each want is a request that is answered from the loop. A request for a command waits until
 * fewer than COMMANDS_MAX run: a thousand accounts of one key ring start together. */
#include "runner/secret.h"

#include "config/private_file.h"
#include "hooks/environment.h"
#include "runner/exec.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"

#include <event2/event.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMANDS_MAX 8

struct request {
    struct perch_link link;
    struct secrets *owner;
    struct perch_arena arena; /* of the texts below */
    char *account;
    char **argv;         /* a copy: a reload may end the configuration's */
    size_t kept_at;      /* place in `kept` */
    uint64_t generation; /* of the configuration it was made under */
    struct exec *command;
    struct event *soon; /* for sources that answer at once */
    struct perch_buf answer;
    char error[512];
};

struct secrets {
    struct event_base *base;
    int64_t timeout_ms;
    secret_done_fn *done;
    void *user;
    const struct config *config;
    struct perch_buf *kept; /* one for each account of `config` */
    size_t nkept;
    struct perch_list waiting, running;
    size_t nrunning;
};

/* ---- answers ---- */

static void request_free(struct request *q)
{
    perch_unlink(&q->link);
    if (q->command)
        exec_abandon(q->command);
    if (q->soon)
        event_free(q->soon);
    perch_buf_done(&q->answer);
    perch_arena_done(&q->arena);
    perch_free(q);
}

static void request_tell(struct request *q)
{
    struct secrets *s = q->owner;
    const char *secret = q->error[0] ? NULL : perch_buf_cstr(&q->answer);
    const char *error = q->error[0] ? q->error : "out of memory";

    s->done(q->account, secret, secret ? NULL : error, s->user);
    request_free(q);
}

/* The first line, if it is one secret. */
static void take_line(struct request *q, const char *what, const char *p, size_t n)
{
    const char *end = n > 0 ? memchr(p, '\n', n) : NULL;
    size_t len = end ? (size_t)(end - p) : n;

    if (len > 0 && p[len - 1] == '\r')
        len--;
    if (len == 0)
        (void)snprintf(q->error, sizeof q->error, "%s gave an empty first line", what);
    else if (len > SECRET_LEN_MAX)
        (void)snprintf(q->error, sizeof q->error, "%s gave a first line of more than %d bytes",
                       what, SECRET_LEN_MAX);
    else if (memchr(p, '\0', len))
        (void)snprintf(q->error, sizeof q->error, "%s gave a NUL byte", what);
    else
        perch_buf_add(&q->answer, p, len);
}

/* ---- commands ---- */

static void pump(struct secrets *s);

/* What it said on stderr, if anything: its first line. */
static void explain_failure(struct request *q, const struct exec_result *r)
{
    const char *program = q->argv[0];
    int said = (int)strcspn(r->errors, "\r\n");
    char how[64];

    if (!r->started) {
        (void)snprintf(q->error, sizeof q->error, "cannot run the password command %s", r->error);
        return;
    }
    if (r->timed_out)
        (void)snprintf(how, sizeof how, "gave no answer in time");
    else if (r->signal)
        (void)snprintf(how, sizeof how, "was ended by signal %d", r->signal);
    else
        (void)snprintf(how, sizeof how, "failed with exit status %d", r->exit_status);
    (void)snprintf(q->error, sizeof q->error,
                   "password command `%s` %s%s%.*s; try it in a terminal", program, how,
                   said ? ": " : "", said, r->errors);
}

static void keep(struct secrets *s, const struct request *q)
{
    struct perch_buf *kept;

    if (!s->config || q->generation != s->config->generation || q->error[0])
        return;
    kept = &s->kept[q->kept_at];
    perch_buf_done(kept);
    perch_buf_addspan(kept, perch_buf_span(&q->answer));
}

static void on_command_done(const struct exec_result *r, void *user)
{
    struct request *q = user;
    struct secrets *s = q->owner;
    char what[200];

    q->command = NULL;
    s->nrunning--;
    (void)snprintf(what, sizeof what, "password command `%.150s`", q->argv[0]);
    if (!r->started || r->timed_out || r->exit_status != 0)
        explain_failure(q, r);
    else
        take_line(q, what, r->output, r->output_len);
    keep(s, q);
    request_tell(q);
    pump(s);
}

static bool start_command(struct request *q)
{
    struct secrets *s = q->owner;
    struct environment env;
    struct exec_spec spec = {
        .argv = q->argv,
        .output_max = SECRET_LEN_MAX + 2, /* one byte too many shows, with its line end */
        .split = true,
        .secret = true,
        .timeout_ms = s->timeout_ms,
    };

    environment_init(&env, &q->arena);
    environment_set(&env, "PERCH_ACCOUNT", q->account);
    if (env.failed)
        return false;
    spec.env = env.vars;
    spec.cwd = environment_directory(&env);
    q->command = exec_start(s->base, &spec, on_command_done, q);
    return q->command != NULL;
}

static void tell_soon(struct request *q)
{
    perch_unlink(&q->link);
    perch_list_add(&q->owner->running, &q->link);
    event_active(q->soon, EV_TIMEOUT, 0);
}

static void pump(struct secrets *s)
{
    struct request *q;

    while (s->nrunning < COMMANDS_MAX &&
           (q = PERCH_LIST_FIRST(&s->waiting, struct request, link)) != NULL) {
        if (!start_command(q)) {
            (void)snprintf(q->error, sizeof q->error, "out of memory");
            tell_soon(q);
            continue;
        }
        perch_unlink(&q->link);
        perch_list_add(&s->running, &q->link);
        s->nrunning++;
    }
}

/* ---- files ---- */

static void read_line_of(struct request *q, int fd, const char *path)
{
    struct perch_buf text = {.secret = true};
    char why[256];

    if (file_read_all(fd, 16 * SECRET_LEN_MAX, &text, why, sizeof why) != 0)
        (void)snprintf(q->error, sizeof q->error, "cannot read %s: %s", path, why);
    else
        take_line(q, path, (const char *)perch_buf_data(&text), text.len);
    perch_buf_done(&text);
}

static void read_secret_file(struct request *q, const char *path)
{
    int fd = private_file_open(path, q->error, sizeof q->error);

    if (fd >= 0)
        read_line_of(q, fd, path);
}

/* The service manager made the directory for this service alone: its modes are not judged. */
static void read_credential(struct request *q, const char *name)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    char path[4096];
    struct stat st;
    int fd;

    if (!directory) {
        (void)snprintf(q->error, sizeof q->error,
                       "no credential `%s`: $CREDENTIALS_DIRECTORY is not set; the unit needs "
                       "LoadCredential=%s:PATH",
                       name, name);
        return;
    }
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    fd = plain_file_open(path, &st, q->error, sizeof q->error);
    if (fd >= 0)
        read_line_of(q, fd, path);
}

/* ---- wants ---- */

static void on_soon(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    request_tell(user);
}

static struct request *request_new(struct secrets *s, const char *account)
{
    struct request *q = perch_calloc(1, sizeof *q);

    if (!q)
        return NULL;
    perch_arena_init(&q->arena, 0);
    q->owner = s;
    q->answer.secret = true;
    q->soon = event_new(s->base, -1, 0, on_soon, q);
    q->account = perch_arena_strndup(&q->arena, account, strlen(account));
    if (q->soon && q->account)
        return q;
    request_free(q);
    return NULL;
}

static char **copy_argv(struct perch_arena *a, char *const *argv)
{
    size_t n = 0;
    char **copy;

    while (argv[n])
        n++;
    copy = perch_arena_array(a, n + 1, sizeof *copy);
    if (!copy)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        copy[i] = perch_arena_strndup(a, argv[i], strlen(argv[i]));
        if (!copy[i])
            return NULL;
    }
    copy[n] = NULL;
    return copy;
}

static const struct config_account *find_account(const struct secrets *s, const char *key)
{
    for (size_t i = 0; s->config && i < s->config->naccounts; i++)
        if (strcmp(s->config->accounts[i].key, key) == 0)
            return &s->config->accounts[i];
    return NULL;
}

static bool is_asked_already(const struct secrets *s, const char *account)
{
    PERCH_LIST_EACH(&s->running, struct request, link, q)
        if (q->argv && strcmp(q->account, account) == 0)
            return true;
    PERCH_LIST_EACH(&s->waiting, struct request, link, q)
        if (strcmp(q->account, account) == 0)
            return true;
    return false;
}

static int want_command(struct secrets *s, struct request *q, const struct config_account *a,
                        bool fresh)
{
    struct perch_buf *kept = &s->kept[a - s->config->accounts];

    if (fresh)
        perch_buf_done(kept);
    if (kept->len > 0) {
        perch_buf_addspan(&q->answer, perch_buf_span(kept));
        tell_soon(q);
        return 0;
    }
    if (is_asked_already(s, a->key)) {
        request_free(q);
        return 0;
    }
    q->argv = copy_argv(&q->arena, a->password.argv);
    if (!q->argv) {
        request_free(q);
        return -1;
    }
    q->kept_at = (size_t)(a - s->config->accounts);
    q->generation = s->config->generation;
    perch_list_add(&s->waiting, &q->link);
    pump(s);
    return 0;
}

int secrets_want(struct secrets *s, const char *account, bool fresh)
{
    const struct config_account *a = find_account(s, account);
    struct request *q = request_new(s, account);

    if (!q)
        return -1;
    if (!a) {
        (void)snprintf(q->error, sizeof q->error, "no such account");
        tell_soon(q);
        return 0;
    }
    switch (a->password.kind) {
    case SECRET_COMMAND:
        return want_command(s, q, a, fresh);
    case SECRET_PLAIN:
        perch_buf_adds(&q->answer, a->password.text);
        break;
    case SECRET_FILE:
        read_secret_file(q, a->password.text);
        break;
    case SECRET_CREDENTIAL:
        read_credential(q, a->password.text);
        break;
    case SECRET_NONE:
        (void)snprintf(q->error, sizeof q->error, "the account has no password");
        break;
    }
    tell_soon(q);
    return 0;
}

/* ---- life ---- */

struct secrets *secrets_new(struct event_base *base, int64_t timeout_ms, secret_done_fn *done,
                            void *user)
{
    struct secrets *s = perch_calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->base = base;
    s->timeout_ms = timeout_ms;
    s->done = done;
    s->user = user;
    perch_list_init(&s->waiting);
    perch_list_init(&s->running);
    return s;
}

static void forget_all(struct secrets *s)
{
    for (size_t i = 0; i < s->nkept; i++)
        perch_buf_done(&s->kept[i]);
    perch_free(s->kept);
    s->kept = NULL;
    s->nkept = 0;
    s->config = NULL;
}

int secrets_use(struct secrets *s, const struct config *config)
{
    struct perch_buf *kept = perch_calloc(config->naccounts, sizeof *kept);

    if (!kept)
        return -1;
    forget_all(s);
    for (size_t i = 0; i < config->naccounts; i++)
        kept[i].secret = true;
    s->kept = kept;
    s->nkept = config->naccounts;
    s->config = config;
    return 0;
}

void secrets_free(struct secrets *s)
{
    if (!s)
        return;
    PERCH_LIST_EACH(&s->waiting, struct request, link, q)
        request_free(q);
    PERCH_LIST_EACH(&s->running, struct request, link, q)
        request_free(q);
    forget_all(s);
    perch_free(s);
}
