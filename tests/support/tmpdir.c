#include "support/tmpdir.h"

#include "support/perch_test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void tmpdir_make(struct tmpdir *t)
{
    (void)snprintf(t->path, sizeof t->path, "/tmp/perch-test-XXXXXX");
    if (!mkdtemp(t->path))
        abort();
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *ftw)
{
    (void)st;
    (void)what;
    (void)ftw;
    return remove(path);
}

void tmpdir_remove(struct tmpdir *t)
{
    (void)nftw(t->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *tmpdir_file(struct tmpdir *t, const char *name)
{
    (void)snprintf(t->file, sizeof t->file, "%s/%s", t->path, name);
    return t->file;
}

const char *tmpdir_write(struct tmpdir *t, const char *name, const char *text, mode_t mode)
{
    const char *path = tmpdir_file(t, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

    if (n != (ssize_t)strlen(text) || fchmod(fd, mode) != 0)
        abort();
    (void)close(fd);
    return path;
}
