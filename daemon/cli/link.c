#include "cli/link.h"

#include "config/config.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_SECONDS 10

struct link {
    struct cli *cli;
    FILE *stream;
    char *line; /* getline's */
    size_t cap;
};

/* -1 with errno. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, err;

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    err = errno;
    (void)close(fd);
    errno = err;
    return -1;
}

static bool set_patience(struct link *l, time_t seconds)
{
    struct timeval wait = {.tv_sec = seconds};

    return setsockopt(fileno(l->stream), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0;
}

struct link *link_open(struct cli *cli, int *ret_status)
{
    auto_free char *state = NULL, *socket = NULL;
    struct link *l;
    int fd;

    *ret_status = CLI_UNWELL;
    if (config_find_paths(cli->config, cli->state, cli->socket, &state, &socket) != 0) {
        cli_error(cli, "cannot find the control socket; name it with --socket");
        return NULL;
    }
    fd = connect_to(socket);
    if (fd < 0) {
        bool absent = errno == ENOENT || errno == ECONNREFUSED;

        cli_error(cli, "%s%s: %m", absent ? "perchd is not running: " : "", socket);
        *ret_status = absent ? CLI_NO_DAEMON : CLI_UNWELL;
        return NULL;
    }
    l = perch_calloc(1, sizeof *l);
    if (l)
        l->stream = fdopen(fd, "r");
    if (!l || !l->stream) {
        cli_error(cli, "out of memory");
        (void)close(fd);
        perch_free(l);
        return NULL;
    }
    l->cli = cli;
    return l;
}

void link_close(struct link *l)
{
    if (!l)
        return;
    (void)fclose(l->stream);
    free(l->line);
    perch_free(l);
}

static bool send_line(struct link *l, json_t *request)
{
    auto_free char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    struct iovec parts[] = {{text, text ? strlen(text) : 0}, {"\n", 1}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    return text &&
           sendmsg(fileno(l->stream), &message, MSG_NOSIGNAL) == (ssize_t)(parts[0].iov_len + 1);
}

const char *link_next(struct link *l)
{
    ssize_t n = getline(&l->line, &l->cap, l->stream);

    if (n <= 0)
        return NULL;
    if (l->line[n - 1] == '\n')
        l->line[n - 1] = '\0';
    return l->line;
}

json_t *link_ask(struct link *l, json_t *request)
{
    bool sent = set_patience(l, ANSWER_SECONDS) && send_line(l, request);
    const char *line = sent ? link_next(l) : NULL, *why;
    json_t *answer = line ? json_loads(line, JSON_REJECT_DUPLICATES, NULL) : NULL;

    json_decref(request);
    (void)set_patience(l, 0);
    if (json_is_true(json_object_get(answer, "ok")))
        return answer;
    why = json_string_value(json_object_get(answer, "error"));
    cli_error(l->cli, "perchd %s%s", why ? "says: " : "does not answer", why ? why : "");
    json_decref(answer);
    return NULL;
}
