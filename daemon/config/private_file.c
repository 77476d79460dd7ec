/* Judged by the descriptor, never by the name: what was judged is what is read. */
#include "config/private_file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE 65536

bool private_file_exposed(const struct stat *st)
{
    mode_t others = st->st_uid == 0 ? S_IRWXO | S_IWGRP : S_IRWXO | S_IRWXG;

    return (st->st_mode & others) != 0;
}

int plain_file_open(const char *path, struct stat *ret_st, char *error, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        (void)snprintf(error, size, "cannot open %s: %s", path, strerror(errno));
        return -1;
    }
    if (fstat(fd, ret_st) != 0 || !S_ISREG(ret_st->st_mode)) {
        (void)snprintf(error, size, "%s is not a file", path);
        (void)close(fd);
        return -1;
    }
    return fd;
}

int private_file_open(const char *path, char *error, size_t size)
{
    struct stat st;
    int fd = plain_file_open(path, &st, error, size);

    if (fd < 0)
        return -1;
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        (void)snprintf(error, size, "%s belongs to user %u; fix: chown %u %s", path,
                       (unsigned)st.st_uid, (unsigned)geteuid(), path);
    } else if (private_file_exposed(&st)) {
        (void)snprintf(error, size, "others can read or write %s; fix: chmod 600 %s", path, path);
    } else {
        return fd;
    }
    (void)close(fd);
    return -1;
}

static int make_one(const char *path, mode_t mode)
{
    mode_t old = umask(0777 & ~mode);
    int ret = mkdir(path, mode) != 0 && errno != EEXIST ? -1 : 0;

    (void)umask(old);
    return ret;
}

int directory_make(const char *path, mode_t mode)
{
    auto_free char *part = perch_strdup(path);

    if (!part) {
        errno = ENOMEM;
        return -1;
    }
    for (char *p = part + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (make_one(part, mode) != 0)
            return -1;
        *p = '/';
    }
    return make_one(part, mode);
}

static int read_all(int fd, size_t max, struct perch_buf *out, const char **ret_why)
{
    for (;;) {
        uint8_t *room = perch_buf_room(out, READ_SIZE);
        ssize_t n;

        if (!room) {
            *ret_why = "out of memory";
            return -1;
        }
        n = read(fd, room, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            *ret_why = strerror(errno);
            return -1;
        }
        if (n == 0)
            return 0;
        perch_buf_commit(out, (size_t)n);
        if (out->len > max) {
            *ret_why = "too large";
            return -1;
        }
    }
}

int file_read_all(int fd, size_t max, struct perch_buf *out, char *error, size_t size)
{
    const char *why = "";
    int ret = read_all(fd, max, out, &why);

    (void)close(fd);
    if (ret != 0)
        (void)snprintf(error, size, "%s", why);
    return ret;
}
