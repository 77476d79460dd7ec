/* What the files of store/ share. */
#ifndef PERCHD_STORE_INTERNAL_H
#define PERCHD_STORE_INTERNAL_H

#include "store/db.h"
#include "store/store.h"

#include "base/list.h"
#include "base/mem.h"
#include "base/span.h"

#include <pthread.h>

struct event;

/* Given to a job; lives as long as its savepoint. */
struct store_tx {
    struct db db;
};

struct store {
    struct store_tx tx;  /* of the thread that writes, with its connection */
    char *path;          /* of the database; NULL: in memory */
    int lock_fd;         /* holds the lock of the directory; -1: in memory */
    bool suspect;        /* an I/O error: check the database anew before the next transaction */
    int wal_pages;       /* as the last commit left it */
    unsigned live_turns; /* live transactions since the last bulk one */

    struct event_base *base; /* NULL: no thread */
    pthread_t thread;
    int bell_fd;        /* eventfd: something is finished */
    struct event *bell; /* on the loop */

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t work;
    struct perch_list lanes[2]; /* by enum store_lane */
    struct perch_list finished;
    bool stopping;
    bool broken;              /* for good: no job runs any more */
    struct store_error error; /* of the last failure */
};

/* -1, always, with the text. */
int store_error_set(struct store_error *error, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same with what SQLite said of `path`, and what to do about it. */
int store_error_db(struct store_error *error, const struct db *db, const char *path);

/* The database of a state directory. Allocated; NULL with the error (store.c). */
char *store_path(const char *dir, struct store_error *error);

/* Opens the writer's connection, checks the file and brings it up to date (store.c). */
int store_connect(struct store *s, struct store_error *error);

/* Starts and ends the thread of a store with a loop (writer.c). */
int writer_start(struct store *s, struct store_error *error);
void writer_stop(struct store *s);

#endif
