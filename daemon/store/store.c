/* Opening: the directory, the lock, the file, the connection.
 *
 * The directory is 0700 and ours, so nobody else can race what happens inside; symbolic
 * links are refused there all the same. The lock is flock() on a file of its own: SQLite's
 * locks let two daemons take turns, which is what must not be. */
#include "store/internal.h"
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATABASE  "perch.db"
#define LOCK_FILE "perchd.lock"
#define BUSY_MS   5000 /* another program may hold the database for a moment: a backup, a shell */

int store_error_set(struct store_error *error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (error)
        (void)vsnprintf(error->text, sizeof error->text, fmt, ap);
    va_end(ap);
    return -1;
}

int store_error_db(struct store_error *error, const struct db *db, const char *path)
{
    if (db->code == SQLITE_IOERR_FSYNC || db->code == SQLITE_IOERR_DIR_FSYNC)
        return store_error_set(error, "%s: the disk did not confirm what was written to it", path);
    switch (db->code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return store_error_set(error,
                               "%s is damaged (%s): move it away and start again; perchd rebuilds"
                               " it from the servers, events not yet delivered are lost",
                               path, db->text);
    case SQLITE_FULL:
        return store_error_set(error, "%s: the disk is full: make room", path);
    default:
        return store_error_set(error, "%s: %s", path, db->text);
    }
}

/* ---- the directory ---- */

static int make_directories(const char *dir, struct store_error *error)
{
    char path[PATH_MAX];
    size_t n = strlen(dir);

    if (n == 0 || n >= sizeof path)
        return store_error_set(error, "state directory \"%s\": the name is %s", dir,
                               n ? "too long" : "empty");
    memcpy(path, dir, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        path[i] = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
            return store_error_set(error, "cannot make %s: %s", path, strerror(errno));
        path[i] = dir[i];
    }
    return 0;
}

/* An open directory that is ours and nobody else's to read. */
static int open_directory(const char *dir, struct store_error *error)
{
    struct stat st;
    int fd;

    if (make_directories(dir, error) < 0)
        return -1;
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        (void)store_error_set(error, "state directory %s: %s", dir, strerror(errno));
    } else if (st.st_uid != geteuid()) {
        (void)store_error_set(error, "state directory %s belongs to user %u, perchd runs as %u",
                              dir, (unsigned)st.st_uid, (unsigned)geteuid());
    } else if ((st.st_mode & 077) && fchmod(fd, 0700) < 0) {
        (void)store_error_set(error, "cannot make %s private: %s", dir, strerror(errno));
    } else {
        return fd;
    }
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static int lock_directory(int dir_fd, const char *dir, struct store_error *error)
{
    char pid[24] = "";
    int fd = openat(dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return store_error_set(error, "%s/%s: %s", dir, LOCK_FILE, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        ssize_t n = pread(fd, pid, sizeof pid - 1, 0);

        pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
        (void)close(fd);
        return store_error_set(error, "another perchd%s%s%s works on %s: stop it first",
                               *pid ? " (process " : "", pid, *pid ? ")" : "", dir);
    }
    /* The number is for the message above; the lock holds without it. */
    (void)snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0)
        (void)!pwrite(fd, pid, strlen(pid), 0);
    return fd;
}

/* SQLite gives the files beside the database the mode of the database, so what counts is the
 * mode at birth; files that were there before are mended. */
static int settle_file(int dir_fd, const char *dir, const char *name, bool create,
                       struct store_error *error)
{
    struct stat st;
    int fd;

    if (create) {
        fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0)
            return close(fd);
        if (errno != EEXIST)
            return store_error_set(error, "cannot make %s/%s: %s", dir, name, strerror(errno));
    }
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0
                               : store_error_set(error, "%s/%s: %s", dir, name, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return store_error_set(error, "%s/%s is no regular file", dir, name);
    if (st.st_uid != geteuid())
        return store_error_set(error, "%s/%s belongs to user %u, perchd runs as %u", dir, name,
                               (unsigned)st.st_uid, (unsigned)geteuid());
    if ((st.st_mode & 077) && fchmodat(dir_fd, name, 0600, 0) < 0)
        return store_error_set(error, "cannot make %s/%s private: %s", dir, name, strerror(errno));
    return 0;
}

static int settle_files(int dir_fd, const char *dir, struct store_error *error)
{
    return settle_file(dir_fd, dir, DATABASE, true, error) < 0 ||
                   settle_file(dir_fd, dir, DATABASE "-wal", false, error) < 0 ||
                   settle_file(dir_fd, dir, DATABASE "-shm", false, error) < 0
               ? -1
               : 0;
}

/* Without symbolic links, since SQLite is told to refuse them. Allocated. */
char *store_path(const char *dir, struct store_error *error)
{
    char real[PATH_MAX], path[PATH_MAX + sizeof DATABASE];
    char *copy;

    if (!realpath(dir, real)) {
        (void)store_error_set(error, "state directory %s: %s", dir, strerror(errno));
        return NULL;
    }
    (void)snprintf(path, sizeof path, "%s/%s", real, DATABASE);
    copy = perch_strdup(path);
    if (!copy)
        (void)store_error_set(error, "out of memory");
    return copy;
}

/* ---- the connection ---- */

static int note_wal_pages(void *user, sqlite3 *handle, const char *name, int pages)
{
    struct store *s = user;

    (void)handle;
    (void)name;
    s->wal_pages = pages;
    return SQLITE_OK;
}

static int check_file(struct db *db, const char *path, struct store_error *error)
{
    struct db_rows r = DB_ROWS(db, "PRAGMA quick_check(1)");
    char found[128] = "";

    if (db_next(&r))
        (void)snprintf(found, sizeof found, "%s", db_col_peek(&r, 0));
    if (db_end(&r) < 0)
        return store_error_db(error, db, path);
    if (strcmp(found, "ok") == 0)
        return 0;
    db->code = SQLITE_CORRUPT;
    (void)snprintf(db->text, sizeof db->text, "%s", found);
    return store_error_db(error, db, path);
}

int store_connect(struct store *s, struct store_error *error)
{
    struct db *db = &s->tx.db;
    const char *path = s->path ? s->path : "(memory)";
    int persist = 1;

    s->wal_pages = 0;
    if (db_open(db, s->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) < 0)
        return store_error_db(error, db, path);
    (void)sqlite3_busy_timeout(db->handle, BUSY_MS);
    /* WAL stays when the last one leaves, so that read-only openers find it. Checkpoints are
     * the writer's to time. */
    (void)sqlite3_file_control(db->handle, NULL, SQLITE_FCNTL_PERSIST_WAL, &persist);
    if (db_script(db, "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON;"
                      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 16777216;"
                      "PRAGMA trusted_schema = OFF") < 0)
        return store_error_db(error, db, path);
    if (check_file(db, path, error) < 0 || schema_migrate(db, path, error) < 0)
        return -1;
    (void)sqlite3_wal_hook(db->handle, note_wal_pages, s);
    return 0;
}

static int open_files(struct store *s, const char *dir, struct store_error *error)
{
    int dir_fd = open_directory(dir, error);

    if (dir_fd < 0)
        return -1;
    s->lock_fd = lock_directory(dir_fd, dir, error);
    if (s->lock_fd >= 0 && settle_files(dir_fd, dir, error) == 0)
        s->path = store_path(dir, error);
    (void)close(dir_fd);
    return s->path ? 0 : -1;
}

static void store_free(struct store *s)
{
    db_close(&s->tx.db);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    (void)pthread_cond_destroy(&s->work);
    (void)pthread_mutex_destroy(&s->lock);
    perch_free(s->path);
    perch_free(s);
}

int store_open(const char *dir, struct event_base *base, struct store **ret_store,
               struct store_error *error)
{
    struct store *s = perch_calloc(1, sizeof *s);

    if (!s)
        return store_error_set(error, "out of memory");
    s->base = base;
    s->lock_fd = s->bell_fd = -1;
    perch_list_init(&s->lanes[STORE_LIVE]);
    perch_list_init(&s->lanes[STORE_BULK]);
    perch_list_init(&s->finished);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->work, NULL);
    if ((dir && open_files(s, dir, error) < 0) || store_connect(s, error) < 0 ||
        (base && writer_start(s, error) < 0)) {
        store_free(s);
        return -1;
    }
    *ret_store = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    writer_stop(s);
    store_free(s);
}

void store_last_error(struct store *s, struct store_error *ret)
{
    (void)pthread_mutex_lock(&s->lock);
    *ret = s->error;
    (void)pthread_mutex_unlock(&s->lock);
}
