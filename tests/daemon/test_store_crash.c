/* kill -9 at any moment: what was acknowledged is stored, a transaction is whole or not at
 * all, and the file stays sound. A child works on the database and tells by a pipe what was
 * acknowledged; the parent kills it and looks. */
#include "support/perch_test.h"
#include "support/tmpdir.h"

#include "store/internal.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 120
#define WINDOW 8 /* jobs under way at once */

static struct tmpdir dir;

/* One step of a mailbox's life: a message, its event with a delivery, and the cursor. */
static int job_step(struct store_tx *tx, void *arg)
{
    struct store_account account;
    struct store_mailbox box = {.raw = PERCH_SPAN("INBOX"), .name = "INBOX", .uidnext = 1};
    struct store_message m = {.flags = "",
                              .envelope = "{\"subject\":\"a subject of some length\"}"};
    struct store_event e = {.json = "{}"};
    struct perch_arena a;
    int64_t seq = 0;
    bool anew, ok;
    char id[32];

    perch_arena_init(&a, 0);
    ok = store_account_open(tx, "work", "u", "h", &account, &a, &anew) == 0;
    box.account = account.id;
    ok = ok && store_mailbox_find(tx, account.id, box.raw, &a, &box) >= 0;
    m.uid = e.uid = box.uidnext++;
    (void)snprintf(id, sizeof id, "e1-%u", m.uid);
    e.id = id;
    e.account = account.id;
    ok = ok && store_mailbox_put(tx, &box) == 0 && store_message_put(tx, box.id, &m) == 0 &&
         store_event_next_seq(tx, &seq) == 0 && store_event_add(tx, seq, &e) == 1 &&
         store_delivery_add(tx, seq, "h", account.id, box.id, 1) == 0;
    perch_arena_done(&a);
    *(int64_t *)arg = seq;
    return ok ? 0 : -1;
}

/* ---- the child ---- */

static struct worker {
    struct store *store;
    int acks; /* the pipe */
    int64_t seq[WINDOW];
} worker;

static void on_done(int rc, void *arg)
{
    int64_t *seq = arg;

    if (rc != 0 || write(worker.acks, seq, sizeof *seq) != sizeof *seq ||
        store_submit(worker.store, seq - worker.seq < 2 ? STORE_BULK : STORE_LIVE, job_step,
                     on_done, seq) < 0)
        _exit(1);
}

static void work(int acks)
{
    struct event_base *base = event_base_new();
    struct store_error error;

    worker.acks = acks;
    if (store_open(dir.path, base, &worker.store, &error) < 0)
        _exit(2);
    for (size_t i = 0; i < WINDOW; i++)
        if (store_submit(worker.store, STORE_LIVE, job_step, on_done, &worker.seq[i]) < 0)
            _exit(3);
    (void)event_base_dispatch(base);
    _exit(4); /* it is to be killed */
}

/* ---- the parent ---- */

/* Reads acknowledgements: `enough` of them, or until nobody writes any more. */
static int64_t read_acks(int fd, unsigned enough, int64_t highest)
{
    int64_t seq;

    for (unsigned n = 0; n < enough && read(fd, &seq, sizeof seq) == sizeof seq; n++)
        if (seq > highest)
            highest = seq;
    return highest;
}

/* Lets a child work, kills it after about `acks` acknowledgements; the highest of all. */
static int64_t work_and_kill(unsigned acks)
{
    int pipe_fd[2], status;
    int64_t highest;
    pid_t child;

    ASSERT_INT(pipe(pipe_fd), 0);
    child = fork();
    if (child == 0) {
        (void)close(pipe_fd[0]);
        work(pipe_fd[1]);
    }
    (void)close(pipe_fd[1]);
    highest = read_acks(pipe_fd[0], acks, 0);
    ASSERT_INT(kill(child, SIGKILL), 0);
    highest = read_acks(pipe_fd[0], UINT32_MAX, highest);
    (void)close(pipe_fd[0]);
    ASSERT_INT(waitpid(child, &status, 0), child);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return highest;
}

struct found {
    int64_t events, deliveries, messages, envelopes, uidnext, last;
};

static int job_look(struct store_tx *tx, void *arg)
{
    struct found *f = arg;

    ASSERT_INT(DB_GET(&tx->db, &f->events, "SELECT count(*) FROM events"), 1);
    ASSERT_INT(DB_GET(&tx->db, &f->deliveries, "SELECT count(*) FROM deliveries"), 1);
    ASSERT_INT(DB_GET(&tx->db, &f->messages, "SELECT count(*) FROM messages"), 1);
    ASSERT_INT(DB_GET(&tx->db, &f->envelopes, "SELECT count(*) FROM envelopes"), 1);
    ASSERT_INT(DB_GET(&tx->db, &f->uidnext, "SELECT uidnext FROM mailboxes"), 1);
    ASSERT_INT(DB_GET(&tx->db, &f->last, "SELECT max(seq) FROM events"), 1);
    return 0;
}

static int64_t integrity(struct store *s)
{
    struct db_rows r = DB_ROWS(&s->tx.db, "PRAGMA integrity_check");
    int64_t ok = db_next(&r) && strcmp(db_col_peek(&r, 0), "ok") == 0;

    (void)db_end(&r);
    return ok;
}

static void check(int64_t acknowledged, int64_t before)
{
    struct store_error error = {""};
    struct store *s = NULL;
    struct found f = {.last = 0};

    if (store_open(dir.path, NULL, &s, &error) < 0)
        FAIL_ROW("%s", error.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    ASSERT_INT(store_run(s, job_look, &f), 0);
    ASSERT_INT(integrity(s), 1);
    CU_ASSERT(f.last >= acknowledged); /* nothing that was acknowledged is lost */
    CU_ASSERT(f.last >= before);
    ASSERT_INT(f.events, f.last); /* no gaps: all or nothing, in order */
    ASSERT_INT(f.deliveries, f.last);
    ASSERT_INT(f.messages, f.last);
    ASSERT_INT(f.envelopes, f.last);
    ASSERT_INT(f.uidnext, f.last + 1); /* the cursor moved with its events */
    store_close(s);
}

static void test_whatever_was_acknowledged_survives_a_kill(void)
{
    int64_t highest = 0;

    srandom(4711);
    tmpdir_make(&dir);
    highest = work_and_kill(50);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t acknowledged = work_and_kill((unsigned)random() % 60);

        if (acknowledged > highest)
            highest = acknowledged;
        check(highest, highest);
    }
    CU_ASSERT(highest > ROUNDS);
    tmpdir_remove(&dir);
}

/* Even before the schema is there. */
static void test_a_kill_while_it_is_made_leaves_nothing_in_the_way(void)
{
    for (int round = 0; round < 20; round++) {
        struct store_error error = {""};
        struct store *s = NULL;
        pid_t child;

        tmpdir_make(&dir);
        child = fork();
        if (child == 0) {
            (void)store_open(dir.path, NULL, &s, &error);
            _exit(0);
        }
        for (int spin = 0; spin < round * 20000; spin++)
            __asm__ volatile("" ::: "memory");
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        if (store_open(dir.path, NULL, &s, &error) < 0)
            FAIL_ROW("round %d: %s", round, error.text);
        store_close(s);
        tmpdir_remove(&dir);
    }
}

PERCH_SUITE("daemon/store_crash") = {
    PERCH_TEST(test_whatever_was_acknowledged_survives_a_kill),
    PERCH_TEST(test_a_kill_while_it_is_made_leaves_nothing_in_the_way),
    PERCH_END,
};
