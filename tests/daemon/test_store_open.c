/* Opening a state directory: modes, links, a second daemon, databases that are not to be
 * touched. */
#include "support/perch_test.h"
#include "support/tmpdir.h"

#include "store/internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct tmpdir dir;
static struct store_error error;

static struct store *open_store(const char *path)
{
    struct store *s = NULL;

    error.text[0] = '\0';
    ASSERT_INT(store_open(path, NULL, &s, &error), 0);
    ASSERT_STR(error.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    return s;
}

/* Refused, with `want` in the error and the directory named. */
static void assert_refused(const char *path, const char *want)
{
    struct store *s = NULL;

    ASSERT_INT(store_open(path, NULL, &s, &error), -1);
    CU_ASSERT_PTR_NULL(s);
    if (!strstr(error.text, want) || !strstr(error.text, path))
        FAIL_ROW("\"%s\" does not say \"%s\" of %s", error.text, want, path);
}

static mode_t mode_of(const char *path)
{
    struct stat st = {.st_mode = 0};

    ASSERT_INT(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static void test_directory_and_files_are_private_whatever_the_umask(void)
{
    static const char *const files[] = {"state/deep/perch.db", "state/deep/perch.db-wal",
                                        "state/deep/perch.db-shm", "state/deep/perchd.lock"};
    mode_t before = umask(0);

    tmpdir_make(&dir);
    store_close(open_store(tmpdir_file(&dir, "state/deep")));
    ASSERT_INT(mode_of(tmpdir_file(&dir, "state/deep")), 0700);
    ASSERT_INT(mode_of(tmpdir_file(&dir, "state")), 0700);
    for (size_t i = 0; i < PERCH_COUNT(files); i++)
        ASSERT_INT(mode_of(tmpdir_file(&dir, files[i])), 0600);
    (void)umask(before);
    tmpdir_remove(&dir);
}

static void test_modes_that_were_too_wide_are_mended(void)
{
    tmpdir_make(&dir);
    store_close(open_store(dir.path));
    ASSERT_INT(chmod(dir.path, 0755), 0);
    ASSERT_INT(chmod(tmpdir_file(&dir, "perch.db"), 0666), 0);
    ASSERT_INT(chmod(tmpdir_file(&dir, "perch.db-wal"), 0644), 0);
    store_close(open_store(dir.path));
    ASSERT_INT(mode_of(dir.path), 0700);
    ASSERT_INT(mode_of(tmpdir_file(&dir, "perch.db")), 0600);
    ASSERT_INT(mode_of(tmpdir_file(&dir, "perch.db-wal")), 0600);
    tmpdir_remove(&dir);
}

static void test_links_in_the_directory_are_refused(void)
{
    tmpdir_make(&dir);
    (void)tmpdir_write(&dir, "elsewhere", "", 0600);
    ASSERT_INT(symlink("elsewhere", tmpdir_file(&dir, "perch.db")), 0);
    assert_refused(dir.path, "no regular file");
    ASSERT_INT(unlink(tmpdir_file(&dir, "perch.db")), 0);
    ASSERT_INT(unlink(tmpdir_file(&dir, "perchd.lock")), 0);
    ASSERT_INT(symlink("elsewhere", tmpdir_file(&dir, "perchd.lock")), 0);
    assert_refused(dir.path, "perchd.lock");
    tmpdir_remove(&dir);
}

/* systemd makes /var/lib/perch one under DynamicUser=. */
static void test_the_directory_itself_may_be_a_link(void)
{
    struct tmpdir link;

    tmpdir_make(&dir);
    tmpdir_make(&link);
    ASSERT_INT(symlink(dir.path, tmpdir_file(&link, "state")), 0);
    store_close(open_store(tmpdir_file(&link, "state")));
    ASSERT_INT(mode_of(tmpdir_file(&dir, "perch.db")), 0600);
    tmpdir_remove(&link);
    tmpdir_remove(&dir);
}

static void test_a_name_that_is_no_directory_is_refused(void)
{
    char path[300];

    tmpdir_make(&dir);
    (void)tmpdir_write(&dir, "file", "x", 0600);
    (void)snprintf(path, sizeof path, "%s/file", dir.path);
    assert_refused(path, "Not a directory");
    (void)snprintf(path, sizeof path, "%s/file/below", dir.path);
    assert_refused(path, "Not a directory");
    assert_refused("", "empty");
    tmpdir_remove(&dir);
}

static void test_a_second_daemon_is_refused_and_told_who_is_first(void)
{
    char want[32];
    struct store *first;

    tmpdir_make(&dir);
    first = open_store(dir.path);
    (void)snprintf(want, sizeof want, "process %ld", (long)getpid());
    assert_refused(dir.path, want);
    assert_refused(dir.path, "stop it first");
    store_close(first);
    store_close(open_store(dir.path)); /* the lock went with the first */
    tmpdir_remove(&dir);
}

/* The lock must not live on in programs that are started. */
static void test_the_lock_ends_with_its_process(void)
{
    pid_t child;
    int status;

    tmpdir_make(&dir);
    child = fork();
    if (child == 0) {
        struct store *s;

        _exit(store_open(dir.path, NULL, &s, &error) == 0 ? 0 : 1);
    }
    ASSERT_INT(waitpid(child, &status, 0), child);
    ASSERT_INT(status, 0);
    store_close(open_store(dir.path));
    tmpdir_remove(&dir);
}

/* Runs SQL on the closed database. */
static void change(const char *sql)
{
    sqlite3 *db = NULL;

    ASSERT_INT(sqlite3_open(tmpdir_file(&dir, "perch.db"), &db), SQLITE_OK);
    ASSERT_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
}

static void test_a_newer_schema_is_refused_by_daemon_and_reader(void)
{
    struct store_reader *r = NULL;

    tmpdir_make(&dir);
    store_close(open_store(dir.path));
    change("PRAGMA user_version = 4711");
    assert_refused(dir.path, "newer perch (schema 4711");
    ASSERT_INT(store_reader_open(dir.path, &r, &error), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "newer perch"));
    change("PRAGMA user_version = 0");
    ASSERT_INT(store_reader_open(dir.path, &r, &error), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "older perchd"));
    tmpdir_remove(&dir);
}

static void test_a_database_of_another_program_is_left_alone(void)
{
    tmpdir_make(&dir);
    change("CREATE TABLE songs (name TEXT)");
    ASSERT_INT(chmod(tmpdir_file(&dir, "perch.db"), 0600), 0);
    assert_refused(dir.path, "another program");
    change("INSERT INTO songs VALUES ('still here')");
    tmpdir_remove(&dir);
}

static void overwrite(const char *name, off_t at, size_t n)
{
    int fd = open(tmpdir_file(&dir, name), O_WRONLY | O_CLOEXEC);
    static char junk[65536];

    memset(junk, 0x5a, sizeof junk);
    ASSERT_INT(pwrite(fd, junk, n, at), (ssize_t)n);
    (void)close(fd);
}

static void test_a_damaged_database_is_refused_with_the_way_out(void)
{
    tmpdir_make(&dir);
    (void)tmpdir_write(&dir, "perch.db", "this is a text file, not a database of any kind\n", 0600);
    assert_refused(dir.path, "move it away");
    (void)unlink(tmpdir_file(&dir, "perch.db"));

    store_close(open_store(dir.path));
    change("PRAGMA journal_mode = DELETE"); /* all of it is in the one file */
    overwrite("perch.db", 100, 16384);      /* behind the header: pages of the schema */
    assert_refused(dir.path, "is damaged");
    assert_refused(dir.path, "move it away");
    tmpdir_remove(&dir);
}

/* ---- bits that flip ---- */

static int job_fill(struct store_tx *tx, void *arg)
{
    struct store_account account = {0};
    struct store_mailbox box = {.raw = PERCH_SPAN("INBOX"), .name = "INBOX", .uidnext = 1};
    struct perch_arena *a = arg;
    bool anew;

    ASSERT_INT(store_account_open(tx, "work", "u", "h", &account, a, &anew), 0);
    box.account = account.id;
    ASSERT_INT(store_mailbox_put(tx, &box), 0);
    for (uint32_t uid = 1; uid <= 200; uid++) {
        struct store_message m = {
            .uid = uid, .flags = "\\Seen", .envelope = "{\"subject\":\"some words to be found\"}"};
        struct store_event e = {.account = account.id, .uid = uid, .json = "{\"seq\":1}"};
        char id[32];

        (void)snprintf(id, sizeof id, "e1-%u", uid);
        e.id = id;
        ASSERT_INT(store_message_put(tx, box.id, &m), 0);
        ASSERT_INT(store_event_add(tx, uid, &e), 1);
        ASSERT_INT(store_delivery_add(tx, uid, "h", account.id, box.id, 1), 0);
    }
    return 0;
}

static int touch_message(const struct store_message *m, void *user)
{
    *(size_t *)user += strlen(m->flags) + (m->envelope ? strlen(m->envelope) : 0);
    return 0;
}

static int touch_mailbox(const struct store_mailbox *m, void *user)
{
    *(size_t *)user += strlen(m->name) + m->raw.n;
    return 0;
}

static int touch_delivery(const struct store_delivery *d, void *user)
{
    *(size_t *)user += strlen(d->json) + strlen(d->line.hook);
    return 0;
}

/* Reads all of it, whatever it finds. */
static int job_touch(struct store_tx *tx, void *arg)
{
    struct store_line line = {"h", 1, 1};
    struct perch_arena a;
    size_t *bytes = arg;

    perch_arena_init(&a, 0);
    (void)store_mailboxes_each(tx, 1, &a, touch_mailbox, bytes);
    (void)store_messages_each(tx, 1, 1, UINT32_MAX, true, &a, touch_message, bytes);
    (void)store_line_read(tx, &line, 0, 1000, &a, touch_delivery, bytes);
    perch_arena_done(&a);
    return 0;
}

static void flip_bits(const char *name, off_t size)
{
    int fd = open(tmpdir_file(&dir, name), O_RDWR | O_CLOEXEC);

    for (int i = 0; i < 3; i++) {
        off_t at = random() % size;
        unsigned char byte = 0;

        ASSERT_INT(pread(fd, &byte, 1, at), 1);
        byte = (unsigned char)(byte ^ 1u << random() % 8);
        ASSERT_INT(pwrite(fd, &byte, 1, at), 1);
    }
    (void)close(fd);
}

static char *read_file(const char *name, size_t *ret_len)
{
    int fd = open(tmpdir_file(&dir, name), O_RDONLY | O_CLOEXEC);
    struct stat st = {.st_size = 0};
    char *bytes;

    ASSERT_INT(fstat(fd, &st), 0);
    bytes = malloc((size_t)st.st_size);
    ASSERT_INT(read(fd, bytes, (size_t)st.st_size), st.st_size);
    (void)close(fd);
    *ret_len = (size_t)st.st_size;
    return bytes;
}

static void write_file(const char *name, const char *bytes, size_t len)
{
    int fd = open(tmpdir_file(&dir, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ASSERT_INT(write(fd, bytes, len), (ssize_t)len);
    (void)close(fd);
}

static void test_flipped_bits_are_refused_or_harmless(void)
{
    struct perch_arena a;
    struct store *s;
    size_t len, bytes = 0;
    char *good;
    int refused = 0;

    srandom(4711);
    tmpdir_make(&dir);
    perch_arena_init(&a, 0);
    s = open_store(dir.path);
    ASSERT_INT(store_run(s, job_fill, &a), 0);
    store_close(s);
    perch_arena_done(&a);
    change("PRAGMA journal_mode = DELETE"); /* all of it is in the one file */
    good = read_file("perch.db", &len);
    for (int round = 0; round < 200; round++) {
        (void)unlink(tmpdir_file(&dir, "perch.db-wal"));
        (void)unlink(tmpdir_file(&dir, "perch.db-shm"));
        write_file("perch.db", good, len);
        flip_bits("perch.db", (off_t)len);
        s = NULL;
        if (store_open(dir.path, NULL, &s, &error) < 0) {
            refused++;
            CU_ASSERT(*error.text != '\0');
            continue;
        }
        (void)store_run(s, job_touch, &bytes);
        store_close(s);
    }
    CU_ASSERT(refused > 0 && refused < 200);
    free(good);
    tmpdir_remove(&dir);
}

static void test_an_empty_file_is_a_new_database(void)
{
    tmpdir_make(&dir);
    (void)tmpdir_write(&dir, "perch.db", "", 0600);
    store_close(open_store(dir.path));
    tmpdir_remove(&dir);
}

static void test_a_reader_without_a_database_says_so(void)
{
    struct store_reader *r = NULL;

    tmpdir_make(&dir);
    ASSERT_INT(store_reader_open(dir.path, &r, &error), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "perchd has not run yet"));
    ASSERT_INT(store_reader_open(tmpdir_file(&dir, "nowhere"), &r, &error), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "nowhere"));
    tmpdir_remove(&dir);
}

/* What the promises of durability rest on. */
static void test_the_connection_is_set_up_for_durability(void)
{
    struct store *s;
    struct db *db;
    int64_t value = 0;
    struct db_rows r;

    tmpdir_make(&dir);
    s = open_store(dir.path);
    db = &s->tx.db;
    ASSERT_INT(DB_GET(db, &value, "PRAGMA synchronous"), 1);
    ASSERT_INT(value, 2); /* FULL */
    ASSERT_INT(DB_GET(db, &value, "PRAGMA foreign_keys"), 1);
    ASSERT_INT(value, 1);
    ASSERT_INT(DB_GET(db, &value, "PRAGMA temp_store"), 1);
    ASSERT_INT(value, 2); /* MEMORY */
    ASSERT_INT(DB_GET(db, &value, "PRAGMA user_version"), 1);
    ASSERT_INT(value, STORE_SCHEMA);
    r = DB_ROWS(db, "PRAGMA journal_mode");
    CU_ASSERT_TRUE(db_next(&r));
    ASSERT_STR(db_col_peek(&r, 0), "wal");
    ASSERT_INT(db_end(&r), 0);
    store_close(s);
    ASSERT_INT(access(tmpdir_file(&dir, "perch.db-wal"), F_OK), 0); /* for read-only openers */
    tmpdir_remove(&dir);
}

PERCH_SUITE("daemon/store_open") = {
    PERCH_TEST(test_directory_and_files_are_private_whatever_the_umask),
    PERCH_TEST(test_modes_that_were_too_wide_are_mended),
    PERCH_TEST(test_links_in_the_directory_are_refused),
    PERCH_TEST(test_the_directory_itself_may_be_a_link),
    PERCH_TEST(test_a_name_that_is_no_directory_is_refused),
    PERCH_TEST(test_a_second_daemon_is_refused_and_told_who_is_first),
    PERCH_TEST(test_the_lock_ends_with_its_process),
    PERCH_TEST(test_a_newer_schema_is_refused_by_daemon_and_reader),
    PERCH_TEST(test_a_database_of_another_program_is_left_alone),
    PERCH_TEST(test_a_damaged_database_is_refused_with_the_way_out),
    PERCH_TEST(test_flipped_bits_are_refused_or_harmless),
    PERCH_TEST(test_an_empty_file_is_a_new_database),
    PERCH_TEST(test_a_reader_without_a_database_says_so),
    PERCH_TEST(test_the_connection_is_set_up_for_durability),
    PERCH_END,
};
