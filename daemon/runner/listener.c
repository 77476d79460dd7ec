/* A file that is left over and a daemon that lives look alike until one connects. */
#include "runner/listener.h"

#include "config/private_file.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/span.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PASSED_FD 3 /* SD_LISTEN_FDS_START */
#define BACKLOG   16
#define GRACE_MS  2000 /* the engine of a main process that was killed ends by itself in this time \
                        */
#define LOOK_MS 200    /* so that BACKLOG has room for all looks of a grace */

static bool is_listening_socket(int fd)
{
    int value = 0, type = 0;
    socklen_t len = sizeof value, type_len = sizeof type;
    struct sockaddr_storage address;
    socklen_t address_len = sizeof address;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value == 1 &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 && type == SOCK_STREAM &&
           getsockname(fd, (struct sockaddr *)&address, &address_len) == 0 &&
           address.ss_family == AF_UNIX;
}

/* The protocol of sd_listen_fds(3), for one socket. */
static int passed_socket(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    uint64_t n;

    if (!pid || !count || !perch_num_u64(perch_span_of(pid), INT32_MAX, &n) ||
        (pid_t)n != getpid() || !perch_num_u64(perch_span_of(count), 1, &n) || n != 1)
        return -1;
    (void)fcntl(PASSED_FD, F_SETFD, FD_CLOEXEC);
    return is_listening_socket(PASSED_FD) ? PASSED_FD : -1;
}

static int make_directory(const char *path)
{
    auto_free char *directory = perch_strdup(path);
    char *slash = directory ? strrchr(directory, '/') : NULL;

    if (!slash || slash == directory)
        return 0;
    *slash = '\0';
    return directory_make(directory, 0750);
}

static bool somebody_listens(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int ret = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)address, sizeof *address);
    bool refused = ret != 0 && (errno == ECONNREFUSED || errno == ENOENT);

    if (fd >= 0)
        (void)close(fd);
    return !refused;
}

static bool somebody_stays(const struct sockaddr_un *address)
{
    int64_t end = perch_clock_ms() + GRACE_MS;

    while (somebody_listens(address)) {
        if (perch_clock_ms() >= end)
            return true;
        (void)poll(NULL, 0, LOOK_MS);
    }
    return false;
}

/* bind, and once more over a file that a killed daemon left. */
static int bind_socket(int fd, const struct sockaddr_un *address, char *error, size_t size)
{
    struct stat st;

    if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0)
        return 0;
    if (errno == EADDRINUSE) {
        if (lstat(address->sun_path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
            (void)snprintf(error, size,
                           "%s is there and is no socket; remove it or set "
                           "control.socket",
                           address->sun_path);
            return -1;
        }
        if (somebody_stays(address)) {
            (void)snprintf(error, size, "another perchd listens on %s; stop it first",
                           address->sun_path);
            return -1;
        }
        (void)unlink(address->sun_path);
        if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0)
            return 0;
    }
    (void)snprintf(error, size, "cannot make the control socket %s: %s", address->sun_path,
                   strerror(errno));
    return -1;
}

int listener_open(const char *path, char *error, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = passed_socket();

    if (fd >= 0)
        return fd;
    if (strlen(path) >= sizeof address.sun_path) {
        (void)snprintf(error, size, "the path of the control socket has more than %zu bytes: %s",
                       sizeof address.sun_path - 1, path);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (make_directory(path) != 0) {
        (void)snprintf(error, size, "cannot make the directory of %s: %s; set control.socket", path,
                       strerror(errno));
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        (void)snprintf(error, size, "cannot make a socket: %s", strerror(errno));
        return -1;
    }
    if (bind_socket(fd, &address, error, size) == 0) {
        if (listen(fd, BACKLOG) == 0)
            return fd;
        (void)snprintf(error, size, "cannot listen on %s: %s", path, strerror(errno));
    }
    (void)close(fd);
    return -1;
}

void listener_remove(const char *path)
{
    if (passed_socket() < 0)
        (void)unlink(path);
}
