/* The writer: transactions, lanes, failures, and that `done` runs once and on the loop. */
#include "support/perch_test.h"
#include "support/tmpdir.h"

#include "store/internal.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct tmpdir dir;
static struct store *store;
static struct event_base *base;

/* ---- jobs ---- */

/* Adds the event `id`, `rows` times with a number behind, and does as told. */
struct job_spec {
    const char *id;
    int rows;
    int rc;          /* what the job returns */
    bool breaks;     /* ignores that a statement failed */
    sem_t *gate;     /* waits for it */
    sem_t *begun;    /* and says that it does */
    size_t padding;  /* of the JSON */
    int ran;         /* times */
    int done;        /* times */
    int result;      /* of done */
    unsigned ran_at; /* 1, 2, ... */
    unsigned done_at;
};

static unsigned runs, dones;
static pthread_t loop_thread;
static bool threaded;

static int add_event(struct store_tx *tx, const char *id, const char *json)
{
    struct store_event e = {.id = id, .account = 1, .json = json};
    int64_t seq;

    return store_event_next_seq(tx, &seq) < 0 || store_event_add(tx, seq, &e) < 0 ? -1 : 0;
}

static int add_rows(struct store_tx *tx, const struct job_spec *j)
{
    char *json = calloc(1, j->padding + 1);
    int rc = 0;

    memset(json, 'x', j->padding);
    for (int i = 0; i < j->rows && rc == 0; i++) {
        char id[64];

        (void)snprintf(id, sizeof id, "%s%s%.0d", j->id, i ? "/" : "", i);
        rc = add_event(tx, id, json);
    }
    free(json);
    return rc;
}

static int job_run(struct store_tx *tx, void *arg)
{
    struct job_spec *j = arg;

    CU_ASSERT_EQUAL(pthread_equal(pthread_self(), loop_thread) == 0, threaded);
    j->ran++;
    j->ran_at = ++runs;
    if (j->begun)
        (void)sem_post(j->begun);
    if (j->gate)
        (void)sem_wait(j->gate);
    if (add_rows(tx, j) < 0)
        return -1;
    if (j->breaks) /* there is no such event */
        CU_ASSERT_EQUAL(store_delivery_add(tx, 999999, "h", 1, 1, 0), -1);
    return j->rc;
}

static void job_done(int rc, void *arg)
{
    struct job_spec *j = arg;

    CU_ASSERT_TRUE(pthread_equal(pthread_self(), loop_thread) != 0);
    j->done++;
    j->result = rc;
    j->done_at = ++dones;
}

static void submit(enum store_lane lane, struct job_spec *j)
{
    ASSERT_INT(store_submit(store, lane, job_run, job_done, j), 0);
}

/* ---- what is in the database ---- */

struct known {
    const char *id;
    bool known;
};

static int job_known(struct store_tx *tx, void *arg)
{
    struct known *k = arg;

    k->known = store_event_known(tx, k->id);
    return 0;
}

/* For a store without a thread. */
static bool known(const char *id)
{
    struct known k = {id, false};

    ASSERT_INT(store_run(store, job_known, &k), 0);
    return k.known;
}

/* For one with: by a reader. */
static int count_row(const struct store_event_row *row, void *user)
{
    (void)row;
    ++*(int *)user;
    return 0;
}

static int stored_events(void)
{
    struct store_event_filter all = {.kind = -1};
    struct store_reader *r = NULL;
    struct store_error error;
    int n = 0;

    ASSERT_INT(store_reader_open(dir.path, &r, &error), 0);
    ASSERT_INT(store_read_events(r, &all, count_row, &n), 0);
    store_reader_close(r);
    return n;
}

static void begin(bool thread, bool file)
{
    struct store_error error = {""};

    runs = dones = 0;
    threaded = thread;
    loop_thread = pthread_self();
    tmpdir_make(&dir);
    base = thread ? event_base_new() : NULL;
    if (store_open(file ? dir.path : NULL, base, &store, &error) < 0)
        FAIL_ROW("%s", error.text);
}

static void end(void)
{
    store_close(store);
    if (base)
        event_base_free(base);
    tmpdir_remove(&dir);
}

static void loop_until(const int *flag)
{
    while (*flag == 0)
        (void)event_base_loop(base, EVLOOP_ONCE);
}

/* ---- transactions ---- */

static void test_many_jobs_share_a_transaction(void)
{
    struct job_spec jobs[20] = {{.id = NULL}};
    char ids[20][8];

    begin(false, true);
    for (int i = 0; i < 20; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "e%d", i);
        jobs[i] = (struct job_spec){.id = ids[i], .rows = 1};
        submit(STORE_LIVE, &jobs[i]);
        ASSERT_INT(jobs[i].ran, 0);
    }
    ASSERT_INT(store_turn(store), 20);
    for (int i = 0; i < 20; i++) {
        ASSERT_INT(jobs[i].done, 1);
        ASSERT_INT(jobs[i].result, 0);
        ASSERT_INT(jobs[i].done_at, i + 1);
        CU_ASSERT_TRUE(known(ids[i]));
    }
    ASSERT_INT(store_turn(store), 0);
    end();
}

static void test_a_transaction_ends_after_500_rows(void)
{
    struct job_spec jobs[6] = {{.id = NULL}};
    static const char *const ids[] = {"a", "b", "c", "d", "e", "f"};

    begin(false, false);
    for (int i = 0; i < 6; i++) {
        jobs[i] = (struct job_spec){.id = ids[i], .rows = 300};
        submit(STORE_BULK, &jobs[i]);
    }
    CU_ASSERT(store_turn(store) <= 2);
    while (store_turn(store) > 0)
        ;
    for (int i = 0; i < 6; i++)
        ASSERT_INT(jobs[i].result, 0);
    end();
}

static void test_a_job_that_says_no_is_rolled_back_alone(void)
{
    struct job_spec a = {.id = "a", .rows = 1}, b = {.id = "b", .rows = 3, .rc = -1},
                    c = {.id = "c", .rows = 1, .breaks = true}, d = {.id = "d", .rows = 1};

    begin(false, true);
    submit(STORE_LIVE, &a);
    submit(STORE_LIVE, &b);
    submit(STORE_LIVE, &c);
    submit(STORE_LIVE, &d);
    ASSERT_INT(store_turn(store), 4);
    ASSERT_INT(a.result, 0);
    ASSERT_INT(b.result, -1);
    ASSERT_INT(c.result, -1); /* a statement failed: its 0 does not count */
    ASSERT_INT(d.result, 0);
    CU_ASSERT_TRUE(known("a"));
    CU_ASSERT_FALSE(known("b"));
    CU_ASSERT_FALSE(known("b/1"));
    CU_ASSERT_FALSE(known("c"));
    CU_ASSERT_TRUE(known("d"));
    end();
}

static void test_a_run_at_once_is_one_transaction(void)
{
    struct job_spec a = {.id = "a", .rows = 1}, b = {.id = "b", .rows = 1, .rc = -1};

    begin(false, false);
    ASSERT_INT(store_run(store, job_run, &a), 0);
    ASSERT_INT(store_run(store, job_run, &b), -1);
    CU_ASSERT_TRUE(known("a"));
    CU_ASSERT_FALSE(known("b"));
    end();
}

/* ---- the thread ---- */

static void test_done_runs_on_the_loop_when_it_is_durable(void)
{
    struct job_spec a = {.id = "a", .rows = 1};

    begin(true, true);
    submit(STORE_LIVE, &a);
    ASSERT_INT(a.done, 0); /* never inside submit */
    loop_until(&a.done);
    ASSERT_INT(a.ran, 1);
    ASSERT_INT(a.done, 1);
    ASSERT_INT(a.result, 0);
    ASSERT_INT(stored_events(), 1);
    end();
}

static void test_live_goes_before_bulk(void)
{
    sem_t gate, begun;
    struct job_spec first = {.id = "first", .rows = 1, .gate = &gate, .begun = &begun},
                    b1 = {.id = "b1", .rows = 1}, b2 = {.id = "b2", .rows = 1},
                    l1 = {.id = "l1", .rows = 1}, l2 = {.id = "l2", .rows = 1};

    begin(true, true);
    (void)sem_init(&gate, 0, 0);
    (void)sem_init(&begun, 0, 0);
    submit(STORE_BULK, &first);
    (void)sem_wait(&begun);
    submit(STORE_BULK, &b1);
    submit(STORE_BULK, &b2);
    submit(STORE_LIVE, &l1); /* while a bulk transaction is open */
    submit(STORE_LIVE, &l2);
    (void)sem_post(&gate);
    loop_until(&b2.done);
    ASSERT_INT(first.ran_at, 1);
    ASSERT_INT(l1.ran_at, 2);
    ASSERT_INT(l2.ran_at, 3);
    ASSERT_INT(b1.ran_at, 4);
    ASSERT_INT(b2.ran_at, 5);
    ASSERT_INT(b2.done_at, 5);
    end();
    (void)sem_destroy(&gate);
    (void)sem_destroy(&begun);
}

static void test_bulk_is_not_starved(void)
{
    struct job_spec bulk = {.id = "bulk", .rows = 1}, live[64] = {{.id = NULL}};
    char ids[64][8];
    int turns = 0;

    begin(false, false);
    submit(STORE_BULK, &bulk);
    while (bulk.done == 0 && turns < 64) {
        (void)snprintf(ids[turns], sizeof ids[turns], "l%d", turns);
        live[turns] = (struct job_spec){.id = ids[turns], .rows = 1};
        submit(STORE_LIVE, &live[turns]);
        (void)store_turn(store);
        turns++;
    }
    CU_ASSERT(turns > 2 && turns <= 20);
    ASSERT_INT(bulk.result, 0);
    while (store_turn(store) > 0)
        ;
    end();
}

static void test_closing_runs_what_is_queued(void)
{
    sem_t gate, begun;
    struct job_spec first = {.id = "first", .rows = 1, .gate = &gate, .begun = &begun},
                    live = {.id = "live", .rows = 1}, bulk = {.id = "bulk", .rows = 1};

    begin(true, true);
    (void)sem_init(&gate, 0, 0);
    (void)sem_init(&begun, 0, 0);
    submit(STORE_LIVE, &first);
    (void)sem_wait(&begun);
    submit(STORE_BULK, &bulk);
    submit(STORE_LIVE, &live);
    (void)sem_post(&gate);
    store_close(store);
    store = NULL;
    ASSERT_INT(first.done, 1);
    ASSERT_INT(live.done, 1);
    ASSERT_INT(bulk.done, 1);
    ASSERT_INT(bulk.result, 0);
    ASSERT_INT(stored_events(), 3);
    end();
    (void)sem_destroy(&gate);
    (void)sem_destroy(&begun);
}

static struct job_spec late;

static void done_submits(int rc, void *arg)
{
    struct job_spec *j = arg;

    job_done(rc, j);
    j->result = store_submit(store, STORE_LIVE, job_run, job_done, &late);
}

static void test_a_done_may_submit_but_not_while_closing(void)
{
    struct job_spec a = {.id = "a", .rows = 1}, b = {.id = "b", .rows = 1};

    begin(true, true);
    late = (struct job_spec){.id = "late", .rows = 1};
    ASSERT_INT(store_submit(store, STORE_LIVE, job_run, done_submits, &a), 0);
    loop_until(&late.done);
    ASSERT_INT(a.result, 0);
    late = (struct job_spec){.id = "later", .rows = 1};
    ASSERT_INT(store_submit(store, STORE_LIVE, job_run, done_submits, &b), 0);
    store_close(store);
    store = NULL;
    ASSERT_INT(b.done, 1);
    ASSERT_INT(b.result, -1);
    ASSERT_INT(late.ran + late.done, 0);
    end();
}

static void test_jobs_without_a_done_are_fine(void)
{
    struct job_spec a = {.id = "a", .rows = 1}, b = {.id = "b", .rows = 1};

    begin(true, true);
    ASSERT_INT(store_submit(store, STORE_LIVE, job_run, NULL, &a), 0);
    submit(STORE_LIVE, &b);
    loop_until(&b.done);
    ASSERT_INT(stored_events(), 2);
    end();
}

/* ---- failures ---- */

/* Whatever the result said is what is there. */
static void assert_honest(const struct job_spec *j)
{
    ASSERT_INT(j->done, 1);
    if (known(j->id) != (j->result == 0))
        FAIL_ROW("%s: result %d, but stored: %d", j->id, j->result, known(j->id));
}

static void set_max_pages(int pages)
{
    char sql[64];

    (void)snprintf(sql, sizeof sql, "PRAGMA max_page_count = %d", pages);
    ASSERT_INT(db_script(&store->tx.db, sql), 0);
}

static void test_a_full_database_refuses_and_works_again_with_room(void)
{
    struct job_spec before = {.id = "before", .rows = 1}, small = {.id = "small", .rows = 1},
                    big = {.id = "big", .rows = 10, .padding = 100000},
                    after = {.id = "after", .rows = 1};
    struct store_error error;

    begin(false, true);
    submit(STORE_LIVE, &before);
    (void)store_turn(store);
    ASSERT_INT(before.result, 0);
    set_max_pages(60);
    submit(STORE_LIVE, &small);
    submit(STORE_LIVE, &big);
    submit(STORE_LIVE, &after);
    while (store_turn(store) > 0)
        ;
    ASSERT_INT(big.result, STORE_EFULL);
    store_last_error(store, &error);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "the disk is full"));
    set_max_pages(100000);
    assert_honest(&before);
    assert_honest(&small);
    assert_honest(&big);
    assert_honest(&after);
    big.done = big.ran = 0;
    submit(STORE_LIVE, &big);
    (void)store_turn(store);
    ASSERT_INT(big.result, 0);
    assert_honest(&big);
    end();
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    ASSERT_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    ASSERT_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Writes that the kernel refuses, half way through a page: SQLite reports an I/O error and
 * the store checks the file anew before it goes on. */
static void test_writes_that_fail_lose_nothing_that_was_acknowledged(void)
{
    struct job_spec jobs[40] = {{.id = NULL}};
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    char ids[40][8];
    int refused = 0;

    begin(false, true);
    for (int i = 0; i < 40; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "j%d", i);
        jobs[i] = (struct job_spec){.id = ids[i], .rows = 1, .padding = 20000};
        limit_files(i % 4 == 3 ? 150000u + 1000u * (unsigned)i : RLIM_INFINITY);
        submit(STORE_LIVE, &jobs[i]);
        (void)store_turn(store);
        limit_files(RLIM_INFINITY);
        refused += jobs[i].result == STORE_EFULL;
        CU_ASSERT(jobs[i].result == 0 || jobs[i].result == STORE_EFULL);
        if (i % 4 == 0) /* with room again, it works at once */
            ASSERT_INT(jobs[i].result, 0);
    }
    CU_ASSERT(refused > 0);
    for (int i = 0; i < 40; i++)
        assert_honest(&jobs[i]);
    end();
    (void)signal(SIGXFSZ, before);
}

static bool refuse_sync;

/* In place of libc's, for SQLite as well. */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    if (refuse_sync) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static void test_an_fsync_that_fails_ends_all_work_until_the_file_is_opened_again(void)
{
    struct job_spec a = {.id = "a", .rows = 1}, b = {.id = "b", .rows = 1},
                    c = {.id = "c", .rows = 1};
    struct store_error error;

    begin(false, true);
    submit(STORE_LIVE, &a);
    (void)store_turn(store);
    refuse_sync = true;
    submit(STORE_LIVE, &b);
    (void)store_turn(store);
    refuse_sync = false;
    submit(STORE_LIVE, &c);
    (void)store_turn(store);
    ASSERT_INT(a.result, 0);
    ASSERT_INT(b.result, STORE_EBROKEN);
    ASSERT_INT(c.result, STORE_EBROKEN);
    ASSERT_INT(c.ran, 0);
    store_last_error(store, &error);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "did not confirm"));
    store_close(store);
    ASSERT_INT(store_open(dir.path, NULL, &store, &error), 0);
    CU_ASSERT_TRUE(known("a"));
    CU_ASSERT_FALSE(known("c"));
    end();
}

/* Overwrites the page where the table's tree begins. */
static void damage(const char *table)
{
    int64_t page = 0, size = 0;
    char junk[4096];
    int fd = open(tmpdir_file(&dir, "perch.db"), O_WRONLY | O_CLOEXEC);

    ASSERT_INT(DB_GET(&store->tx.db, &page, "SELECT rootpage FROM sqlite_schema WHERE name = ?1",
                      db_text(table)),
               1);
    ASSERT_INT(DB_GET(&store->tx.db, &size, "PRAGMA page_size"), 1);
    ASSERT_INT(size, sizeof junk);
    memset(junk, 0x5a, sizeof junk);
    ASSERT_INT(pwrite(fd, junk, sizeof junk, (page - 1) * size), sizeof junk);
    (void)close(fd);
    (void)sqlite3_db_release_memory(store->tx.db.handle); /* it is to read the page again */
}

static void test_a_damaged_database_ends_all_work(void)
{
    struct job_spec a = {.id = "a", .rows = 1}, b = {.id = "b", .rows = 1},
                    c = {.id = "c", .rows = 1};
    struct store_error error;

    begin(false, true);
    store_close(store); /* all of it is in the file now, none in the WAL */
    ASSERT_INT(store_open(dir.path, NULL, &store, &error), 0);
    damage("events");
    submit(STORE_LIVE, &a);
    submit(STORE_LIVE, &b);
    (void)store_turn(store);
    submit(STORE_LIVE, &c);
    while (store_turn(store) > 0)
        ;
    ASSERT_INT(a.result, STORE_EBROKEN);
    ASSERT_INT(b.result, STORE_EBROKEN);
    ASSERT_INT(c.result, STORE_EBROKEN);
    ASSERT_INT(b.ran + c.ran, 0);
    store_last_error(store, &error);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "is damaged"));
    end();
}

PERCH_SUITE("daemon/store_writer") = {
    PERCH_TEST(test_many_jobs_share_a_transaction),
    PERCH_TEST(test_a_transaction_ends_after_500_rows),
    PERCH_TEST(test_a_job_that_says_no_is_rolled_back_alone),
    PERCH_TEST(test_a_run_at_once_is_one_transaction),
    PERCH_TEST(test_done_runs_on_the_loop_when_it_is_durable),
    PERCH_TEST(test_live_goes_before_bulk),
    PERCH_TEST(test_bulk_is_not_starved),
    PERCH_TEST(test_closing_runs_what_is_queued),
    PERCH_TEST(test_a_done_may_submit_but_not_while_closing),
    PERCH_TEST(test_jobs_without_a_done_are_fine),
    PERCH_TEST(test_a_full_database_refuses_and_works_again_with_room),
    PERCH_TEST(test_writes_that_fail_lose_nothing_that_was_acknowledged),
    PERCH_TEST(test_an_fsync_that_fails_ends_all_work_until_the_file_is_opened_again),
    PERCH_TEST(test_a_damaged_database_ends_all_work),
    PERCH_END,
};
