/* The thread that writes.
 *
 * Jobs wait in two lanes. A transaction takes jobs of one lane until it holds GROUP_ROWS
 * changed rows or has worked GROUP_US, so that one fsync serves many accounts and a bulk
 * load never keeps a live event waiting longer than that. Each job runs in a savepoint of
 * its own: one that fails takes nothing with it.
 *
 * SQLite ends the whole transaction by itself when the disk is full or fails; then every
 * job of it is told so and nothing of any is kept. A finished job crosses to the loop
 * through `finished` and an eventfd; there its `done` runs, once. */
#include "store/internal.h"

#include "base/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define GROUP_ROWS 500
#define GROUP_US   10000
#define LIVE_TURNS 16 /* live transactions since the last of bulk: then bulk, if it waits */

/* A checkpoint costs milliseconds that no event should wait for: it runs after a quiet second
 * when the WAL holds 4 MB, and in any case at 40 MB. */
#define CHECKPOINT_QUIET 1000
#define CHECKPOINT_NOW   10000

struct job {
    struct perch_link link;
    store_job_fn *run;
    store_done_fn *done;
    void *arg;
    int rc;
};

struct group {
    struct perch_list jobs;
    enum store_lane lane;
    int64_t began_us;
    int64_t rows_before;
    int fate; /* 0, or what befell the whole transaction */
};

/* ---- failures ---- */

static int fate_of(const struct db *db)
{
    /* Nobody knows what the disk has of that transaction: it may be there when the file is
     * opened again, after its jobs were told that it is not. So the file is to be opened
     * again, by a process that starts from what it finds. */
    if (db->code == SQLITE_IOERR_FSYNC || db->code == SQLITE_IOERR_DIR_FSYNC)
        return STORE_EBROKEN;
    switch (db->code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STORE_EBROKEN;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
        return STORE_EFULL;
    default:
        return -1;
    }
}

/* Remembers what SQLite said, for store_last_error(), and what follows from it. */
static int note_failure(struct store *s)
{
    struct store_error error;
    int fate = fate_of(&s->tx.db);

    (void)store_error_db(&error, &s->tx.db, s->path ? s->path : "(memory)");
    /* After a failed write nobody knows what the kernel still holds. */
    if (s->path && (s->tx.db.code & 0xff) == SQLITE_IOERR)
        s->suspect = true;
    (void)pthread_mutex_lock(&s->lock);
    s->error = error;
    s->broken = s->broken || fate == STORE_EBROKEN;
    (void)pthread_mutex_unlock(&s->lock);
    return fate;
}

/* ---- one transaction ---- */

static bool in_transaction(struct store *s)
{
    return s->tx.db.handle && !sqlite3_get_autocommit(s->tx.db.handle);
}

static int64_t rows_changed(struct store *s)
{
    return s->tx.db.handle ? sqlite3_total_changes64(s->tx.db.handle) : 0;
}

/* A fresh connection with all of the checks at start. */
static int reconnect(struct store *s)
{
    struct store_error error;

    db_close(&s->tx.db);
    if (store_connect(s, &error) < 0)
        return -1;
    s->suspect = false;
    return 0;
}

static int group_begin(struct store *s)
{
    struct db *db = &s->tx.db;

    db_forgive(db);
    if (s->broken)
        return STORE_EBROKEN;
    if ((s->suspect && reconnect(s) < 0) || DB_RUN(db, "BEGIN IMMEDIATE") < 0)
        return note_failure(s);
    return 0;
}

/* Commits, or sees to it that no transaction stays open. */
static void group_end(struct store *s, struct group *g)
{
    db_forgive(&s->tx.db);
    if (!g->fate && DB_RUN(&s->tx.db, "COMMIT") < 0)
        g->fate = note_failure(s);
    if (in_transaction(s))
        (void)db_script(&s->tx.db, "ROLLBACK");
}

/* The job's own result, and the group's fate when there is no transaction to go on with. */
static int group_run(struct store *s, struct group *g, struct job *job)
{
    struct db *db = &s->tx.db;
    int rc;

    db_forgive(db);
    if (DB_RUN(db, "SAVEPOINT job") < 0)
        rc = -1;
    else
        rc = job->run(&s->tx, job->arg);
    if (rc == 0 && !db->code)
        (void)DB_RUN(db, "RELEASE job"); /* fails only with a code */
    if (rc == 0 && !db->code)
        return 0;
    rc = db->code ? note_failure(s) : -1;
    if (!in_transaction(s) || rc == STORE_EBROKEN) {
        g->fate = rc;
        return rc;
    }
    db_forgive(db);
    if (DB_RUN(db, "ROLLBACK TO job") < 0 || DB_RUN(db, "RELEASE job") < 0)
        g->fate = note_failure(s);
    return rc;
}

/* ---- lanes ---- */

/* Which lane the next transaction serves; bulk is not starved by an endless live stream. */
static bool lane_next(struct store *s, enum store_lane *ret)
{
    bool live = !perch_list_empty(&s->lanes[STORE_LIVE]);
    bool bulk = !perch_list_empty(&s->lanes[STORE_BULK]);

    if (!live && !bulk)
        return false;
    *ret = live && !(bulk && s->live_turns >= LIVE_TURNS) ? STORE_LIVE : STORE_BULK;
    return true;
}

/* The next job that this transaction still has room for, or NULL. */
static struct job *group_take(struct store *s, struct group *g)
{
    struct job *job = NULL;
    bool first = perch_list_empty(&g->jobs);

    if (!first && (g->fate || rows_changed(s) - g->rows_before >= GROUP_ROWS ||
                   perch_clock_us() - g->began_us >= GROUP_US))
        return NULL;
    (void)pthread_mutex_lock(&s->lock);
    if (first || g->lane == STORE_LIVE || perch_list_empty(&s->lanes[STORE_LIVE]))
        job = PERCH_LIST_FIRST(&s->lanes[g->lane], struct job, link);
    if (job)
        perch_unlink(&job->link);
    (void)pthread_mutex_unlock(&s->lock);
    return job;
}

static void group_finish(struct store *s, struct group *g)
{
    uint64_t one = 1;

    (void)pthread_mutex_lock(&s->lock);
    PERCH_LIST_EACH(&g->jobs, struct job, link, job) {
        perch_unlink(&job->link);
        if (g->fate)
            job->rc = g->fate;
        perch_list_add(&s->finished, &job->link);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (s->bell_fd >= 0)
        (void)!write(s->bell_fd, &one, sizeof one); /* full is as good as rung */
}

/* One transaction of `lane`, which has a job. */
static void group_work(struct store *s, enum store_lane lane)
{
    struct group g = {.lane = lane, .began_us = perch_clock_us(), .rows_before = rows_changed(s)};
    struct job *job;

    perch_list_init(&g.jobs);
    s->live_turns = lane == STORE_LIVE ? s->live_turns + 1 : 0;
    g.fate = group_begin(s);
    while ((job = group_take(s, &g))) {
        perch_list_add(&g.jobs, &job->link);
        if (!g.fate)
            job->rc = group_run(s, &g, job);
    }
    group_end(s, &g);
    group_finish(s, &g);
}

static void checkpoint(struct store *s)
{
    /* Passive: takes what no reader is in the way of. A full disk costs nothing now, the WAL
     * keeps all of it and the next transaction will say so. */
    int rc =
        sqlite3_wal_checkpoint_v2(s->tx.db.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

    if ((rc & 0xff) == SQLITE_IOERR)
        s->suspect = true;
    s->wal_pages = 0;
}

/* False when the WAL is worth a checkpoint and nothing came for a second. Holds the lock. */
static bool wait_for_work(struct store *s)
{
    struct timespec until;

    if (s->wal_pages < CHECKPOINT_QUIET) {
        (void)pthread_cond_wait(&s->work, &s->lock);
        return true;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    return pthread_cond_clockwait(&s->work, &s->lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT;
}

static void *writer_main(void *arg)
{
    struct store *s = arg;
    enum store_lane lane = STORE_LIVE;

    (void)pthread_mutex_lock(&s->lock);
    for (;;) {
        bool work = lane_next(s, &lane);

        if (!work && s->stopping)
            break;
        if (!work && wait_for_work(s))
            continue;
        (void)pthread_mutex_unlock(&s->lock);
        if (work)
            group_work(s, lane);
        if (!work || s->wal_pages >= CHECKPOINT_NOW)
            checkpoint(s);
        (void)pthread_mutex_lock(&s->lock);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- the loop's side ---- */

/* Those that are finished now; the bell rings again for what follows. */
static size_t run_done(struct store *s)
{
    struct perch_list finished;
    size_t n = 0;

    perch_list_init(&finished);
    (void)pthread_mutex_lock(&s->lock);
    PERCH_LIST_EACH(&s->finished, struct job, link, job) {
        perch_unlink(&job->link);
        perch_list_add(&finished, &job->link);
    }
    (void)pthread_mutex_unlock(&s->lock);
    PERCH_LIST_EACH(&finished, struct job, link, job) {
        perch_unlink(&job->link);
        if (job->done)
            job->done(job->rc, job->arg);
        perch_free(job);
        n++;
    }
    return n;
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
    uint64_t rung;

    (void)what;
    (void)!read(fd, &rung, sizeof rung);
    (void)run_done(arg);
}

/* Signals are the loop's. */
static int start_thread(struct store *s)
{
    sigset_t all, before;
    int rc;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&s->thread, NULL, writer_main, s);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int writer_start(struct store *s, struct store_error *error)
{
    int rc;

    s->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->bell_fd < 0)
        return store_error_set(error, "eventfd: %s", strerror(errno));
    s->bell = event_new(s->base, s->bell_fd, EV_READ | EV_PERSIST, on_bell, s);
    if (!s->bell || event_add(s->bell, NULL) < 0)
        rc = ENOMEM;
    else
        rc = start_thread(s);
    if (rc == 0)
        return 0;
    if (s->bell)
        event_free(s->bell);
    (void)close(s->bell_fd);
    s->bell_fd = -1;
    return store_error_set(error, "cannot start the store's thread: %s", strerror(rc));
}

/* What is queued still runs; what `done` submits from here on is refused. */
void writer_stop(struct store *s)
{
    enum store_lane lane = STORE_LIVE;

    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    (void)pthread_cond_signal(&s->work);
    (void)pthread_mutex_unlock(&s->lock);
    if (s->base) {
        (void)pthread_join(s->thread, NULL);
        event_free(s->bell);
        (void)close(s->bell_fd);
    } else {
        while (lane_next(s, &lane))
            group_work(s, lane);
    }
    (void)run_done(s);
}

int store_submit(struct store *s, enum store_lane lane, store_job_fn *job, store_done_fn *done,
                 void *arg)
{
    struct job *j = perch_calloc(1, sizeof *j);
    bool stopping;

    if (!j)
        return -1;
    *j = (struct job){.run = job, .done = done, .arg = arg};
    (void)pthread_mutex_lock(&s->lock);
    stopping = s->stopping;
    if (!stopping) {
        perch_list_add(&s->lanes[lane], &j->link);
        (void)pthread_cond_signal(&s->work);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (stopping)
        perch_free(j);
    return stopping ? -1 : 0;
}

size_t store_turn(struct store *s)
{
    enum store_lane lane = STORE_LIVE;

    if (lane_next(s, &lane))
        group_work(s, lane);
    return run_done(s);
}

int store_run(struct store *s, store_job_fn *job, void *arg)
{
    struct group g = {.fate = group_begin(s)};
    struct job j = {.run = job, .arg = arg};

    if (!g.fate)
        j.rc = group_run(s, &g, &j);
    group_end(s, &g);
    return g.fate ? g.fate : j.rc;
}
