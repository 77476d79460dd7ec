/* The store beside bare SQLite, on the file system of the directory given (the current one).
 *
 *     bench_store [DIRECTORY [MESSAGES]]
 *
 * "floor" does the same rows with the same durability in the shortest program there is:
 * prepared statements and COMMIT in a loop. One event is a message, its event, a delivery and
 * the mailbox's cursor. */
#include "store/store.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/span.h"

#include <event2/event.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENTS     2000
#define WINDOW     64 /* events under way at once, in the run with many accounts */
#define BULK_ROWS  250
#define GROUP_ROWS 500

static const char envelope[] =
    "{\"from\":[{\"name\":\"Anna Example\",\"address\":\"anna@example.org\"}],\"sender\":[],"
    "\"reply_to\":[],\"to\":[{\"name\":\"A List\",\"address\":\"list@lists.example.org\"}],"
    "\"cc\":[],\"bcc\":[],\"subject\":\"Re: the minutes of the last meeting\","
    "\"date\":\"2026-11-22T23:58:30Z\",\"message_id\":\"<20261122235830.4711@example.org>\","
    "\"in_reply_to\":null,\"list_id\":null,\"attachments\":[]}";

static char directory[4096];
static uint32_t messages = 100000;

static const char *fail(const char *what)
{
    fprintf(stderr, "bench_store: %s\n", what);
    exit(1);
}

/* ---- numbers ---- */

static int64_t sample[EVENTS];
static size_t nsamples;

static int compare(const void *a, const void *b)
{
    int64_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static void print_latency(const char *what, int64_t began_us)
{
    double seconds = (double)(perch_clock_us() - began_us) / 1e6;

    qsort(sample, nsamples, sizeof *sample, compare);
    printf("%-44s %8.0f /s   p50 %7.3f ms   p99 %7.3f ms\n", what, (double)nsamples / seconds,
           (double)sample[nsamples / 2] / 1e3, (double)sample[nsamples * 99 / 100] / 1e3);
    nsamples = 0;
}

static void print_rate(const char *what, uint32_t n, int64_t began_us)
{
    printf("%-44s %8.0f rows/s\n", what, n / ((double)(perch_clock_us() - began_us) / 1e6));
}

/* ---- the store ---- */

static struct event_base *base;
static struct store *store;
static int64_t account_id;
static struct store_mailbox box;

static int job_begin(struct store_tx *tx, void *arg)
{
    struct store_account account;
    struct perch_arena a;
    bool anew;
    int rc;

    (void)arg;
    perch_arena_init(&a, 0);
    rc = store_account_open(tx, "bench", "u", "h", &account, &a, &anew);
    perch_arena_done(&a);
    account_id = account.id;
    box = (struct store_mailbox){
        .account = account.id, .raw = PERCH_SPAN("INBOX"), .name = "INBOX", .uidnext = 1};
    return rc < 0 ? rc : store_mailbox_put(tx, &box);
}

static int put_message(struct store_tx *tx, uint32_t uid)
{
    struct store_message m = {.uid = uid,
                              .modseq = uid,
                              .flags = "\\Seen",
                              .internaldate = 1795391910 + uid,
                              .size = 4821,
                              .envelope = envelope};

    return store_message_put(tx, box.id, &m);
}

static int job_event(struct store_tx *tx, void *arg)
{
    struct store_event e = {.account = account_id, .mailbox = box.id, .json = envelope};
    char id[32];
    int64_t seq;

    (void)arg;
    e.uid = box.uidnext++;
    if (put_message(tx, e.uid) < 0 || store_event_next_seq(tx, &seq) < 0)
        return -1;
    (void)snprintf(id, sizeof id, "e1-%026u", e.uid);
    e.id = id;
    if (store_event_add(tx, seq, &e) != 1 ||
        store_delivery_add(tx, seq, "hook", account_id, box.id, 1) < 0)
        return -1;
    return store_mailbox_put(tx, &box);
}

struct bulk {
    uint32_t first, last;
};

static int job_bulk(struct store_tx *tx, void *arg)
{
    const struct bulk *b = arg;

    for (uint32_t uid = b->first; uid <= b->last; uid++)
        if (put_message(tx, uid) < 0)
            return -1;
    return store_mailbox_put(tx, &box);
}

static uint32_t random_uid(void)
{
    return box.uidnext + (uint32_t)random() % messages;
}

static int job_flags(struct store_tx *tx, void *arg)
{
    const struct bulk *b = arg;

    for (uint32_t i = b->first; i <= b->last; i++)
        if (store_message_set_flags(tx, box.id, random_uid(), "\\Answered \\Seen", i) < 0)
            return -1;
    return 0;
}

static size_t pending;
static int64_t started[WINDOW];

static void on_done(int rc, void *arg)
{
    int64_t *at = arg;

    if (rc != 0)
        (void)fail("a job failed");
    pending--;
    if (at && nsamples < EVENTS)
        sample[nsamples++] = perch_clock_us() - *at;
}

static void submit(enum store_lane lane, store_job_fn *job, store_done_fn *done, void *arg)
{
    if (store_submit(store, lane, job, done, arg) < 0)
        (void)fail("out of memory");
    pending++;
}

static void finish(void)
{
    while (pending > 0)
        (void)event_base_loop(base, EVLOOP_ONCE);
}

static void bench_events(size_t window, const char *what)
{
    int64_t began = perch_clock_us();

    for (size_t n = 0; n < EVENTS; n += window) {
        for (size_t i = 0; i < window; i++) {
            started[i] = perch_clock_us();
            submit(STORE_LIVE, job_event, on_done, &started[i]);
        }
        finish();
    }
    print_latency(what, began);
}

static void on_bulk_done(int rc, void *arg)
{
    (void)arg;
    on_done(rc, NULL);
}

static void bench_bulk(store_job_fn *job, const char *what)
{
    uint32_t jobs = messages / BULK_ROWS;
    struct bulk *bulk = perch_calloc(jobs, sizeof *bulk);
    int64_t began = perch_clock_us();

    for (uint32_t i = 0; bulk && i < jobs; i++) {
        bulk[i].first = box.uidnext + i * BULK_ROWS;
        bulk[i].last = bulk[i].first + BULK_ROWS - 1;
        submit(STORE_BULK, job, on_bulk_done, &bulk[i]);
    }
    finish();
    print_rate(what, jobs * BULK_ROWS, began);
    perch_free(bulk);
}

static int count_hit(const struct store_hit *hit, void *user)
{
    (void)hit;
    ++*(int *)user;
    return 0;
}

static void bench_search(const char *word)
{
    struct store_reader *r;
    struct store_error error;
    int64_t began = perch_clock_us();
    int hits = 0;

    if (store_reader_open(directory, &r, &error) < 0 ||
        store_read_search(r, &word, 1, NULL, 50, count_hit, &hits) < 0)
        (void)fail("cannot read");
    printf("search \"%s\", %d hits: %.1f ms\n", word, hits,
           (double)(perch_clock_us() - began) / 1e3);
    store_reader_close(r);
}

static void print_size(void)
{
    char path[sizeof directory + 16];
    struct stat st = {.st_size = 0};

    (void)snprintf(path, sizeof path, "%s/perch.db", directory);
    (void)stat(path, &st);
    printf("%-44s %8.0f B/message (envelope %zu B)\n", "size of the database",
           (double)st.st_size / (messages + 2 * EVENTS), strlen(envelope));
}

static void bench_store(void)
{
    struct store_error error;

    base = event_base_new();
    if (!base || store_open(directory, base, &store, &error) < 0)
        (void)fail(error.text);
    submit(STORE_LIVE, job_begin, on_bulk_done, NULL);
    finish();
    bench_events(1, "store: one event after the other");
    bench_events(WINDOW, "store: 64 events under way");
    bench_bulk(job_bulk, "store: index messages");
    bench_bulk(job_flags, "store: change flags at random");
    store_close(store);
    event_base_free(base);
    bench_search("meeting");
    bench_search("nowhere to be found");
    print_size();
}

/* ---- the floor ---- */

static sqlite3 *db;

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        (void)fail(sqlite3_errmsg(db));
    return st;
}

static void run(sqlite3_stmt *st, int64_t one, int64_t two)
{
    (void)sqlite3_bind_int64(st, 1, one);
    if (sqlite3_bind_parameter_count(st) > 1)
        (void)sqlite3_bind_int64(st, 2, two);
    if (sqlite3_step(st) != SQLITE_DONE)
        (void)fail(sqlite3_errmsg(db));
    (void)sqlite3_reset(st);
}

static void script(const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        (void)fail(sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare_text(const char *format)
{
    char *sql = sqlite3_mprintf(format, envelope);
    sqlite3_stmt *st = prepare(sql);

    sqlite3_free(sql);
    return st;
}

static void floor_events(sqlite3_stmt *narrow, sqlite3_stmt *wide)
{
    sqlite3_stmt *event = prepare_text("INSERT INTO events VALUES (?1, 'e1-' || ?1, 0, 1, 1, ?1, 1,"
                                       " '%q')");
    sqlite3_stmt *delivery =
        prepare("INSERT INTO deliveries VALUES (?1, 'hook', 1, 1, 0, 0, 1, 0, 0, 0, NULL)");
    sqlite3_stmt *cursor = prepare("UPDATE mailboxes SET uidnext = ?1 WHERE id = 1");
    int64_t began = perch_clock_us();

    for (int64_t i = 1; i <= EVENTS; i++) {
        int64_t at = perch_clock_us();

        script("BEGIN IMMEDIATE");
        run(wide, i, i);
        run(narrow, i, i);
        run(event, i, 0);
        run(delivery, i, 0);
        run(cursor, i, 0);
        script("COMMIT");
        sample[nsamples++] = perch_clock_us() - at;
    }
    print_latency("floor: one event after the other", began);
    (void)sqlite3_finalize(event);
    (void)sqlite3_finalize(delivery);
    (void)sqlite3_finalize(cursor);
}

static void floor_bulk(sqlite3_stmt *narrow, sqlite3_stmt *wide)
{
    int64_t began = perch_clock_us();

    for (int64_t i = 0; i < messages; i++) {
        if (i % GROUP_ROWS == 0)
            script("BEGIN IMMEDIATE");
        run(wide, EVENTS + 1 + i, 0);
        run(narrow, EVENTS + 1 + i, 0);
        if (i % GROUP_ROWS == GROUP_ROWS - 1)
            script("COMMIT");
    }
    print_rate("floor: index messages", messages, began);
}

static void floor_flags(void)
{
    sqlite3_stmt *flags = prepare("UPDATE messages SET flags = '\\Answered \\Seen', modseq = ?1"
                                  " WHERE mailbox = 1 AND uid = ?2");
    int64_t began = perch_clock_us();

    for (int64_t i = 0; i < messages; i++) {
        if (i % GROUP_ROWS == 0)
            script("BEGIN IMMEDIATE");
        run(flags, i, EVENTS + 1 + random() % messages);
        if (i % GROUP_ROWS == GROUP_ROWS - 1)
            script("COMMIT");
    }
    print_rate("floor: change flags at random", messages, began);
    (void)sqlite3_finalize(flags);
}

/* The schema of the store, emptied, without the store. */
static void bench_floor(void)
{
    char path[sizeof directory + 16];
    sqlite3_stmt *narrow, *wide;

    (void)snprintf(path, sizeof path, "%s/perch.db", directory);
    if (sqlite3_open(path, &db) != SQLITE_OK)
        (void)fail(sqlite3_errmsg(db));
    script("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
           "PRAGMA wal_autocheckpoint = 10000; DROP TRIGGER messages_deleted;"
           "DELETE FROM deliveries; DELETE FROM events; DELETE FROM messages;"
           "DELETE FROM envelopes; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    narrow = prepare("INSERT INTO messages VALUES (1, ?1, ?1, ?1, '\\Seen')");
    wide =
        prepare_text("INSERT INTO envelopes VALUES (?1, 1, ?1, 1795391910 + ?1, 4821, NULL, NULL,"
                     " '%q')");
    floor_events(narrow, wide);
    floor_bulk(narrow, wide);
    floor_flags();
    (void)sqlite3_finalize(narrow);
    (void)sqlite3_finalize(wide);
    (void)sqlite3_close(db);
}

static void remove_files(void)
{
    static const char *const names[] = {"perch.db", "perch.db-wal", "perch.db-shm", "perchd.lock"};
    char path[sizeof directory + 16];

    for (size_t i = 0; i < PERCH_COUNT(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

int main(int argc, char **argv)
{
    if (argc > 2 && !perch_num_u32(perch_span_of(argv[2]), &messages))
        (void)fail("MESSAGES is a number");
    messages -= messages % GROUP_ROWS;
    (void)snprintf(directory, sizeof directory, "%s/bench_store.%ld", argc > 1 ? argv[1] : ".",
                   (long)getpid());
    bench_store();
    bench_floor();
    remove_files();
    return 0;
}
