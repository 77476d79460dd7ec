/* Readers: the event log, search, counts; two of them while the writer writes; and what the
 * queries cost. */
#include "support/perch_test.h"
#include "support/tmpdir.h"

#include "store/reader.h"

#include <event2/event.h>
#include <stdlib.h>

static struct tmpdir dir;
static struct store *store;
static struct store_reader *reader;
static struct perch_arena arena;

static void fill(store_job_fn *job)
{
    struct store_error error = {""};

    tmpdir_make(&dir);
    perch_arena_init(&arena, 0);
    ASSERT_INT(store_open(dir.path, NULL, &store, &error), 0);
    if (job)
        ASSERT_INT(store_run(store, job, NULL), 0);
    if (store_reader_open(dir.path, &reader, &error) < 0)
        FAIL_ROW("%s", error.text);
}

static void end(void)
{
    store_reader_close(reader);
    store_close(store);
    perch_arena_done(&arena);
    tmpdir_remove(&dir);
}

static int64_t an_account(struct store_tx *tx, const char *key)
{
    struct store_account account = {0};
    bool anew;

    ASSERT_INT(store_account_open(tx, key, "u", "h", &account, &arena, &anew), 0);
    return account.id;
}

static int64_t a_mailbox(struct store_tx *tx, int64_t account, const char *name, bool gone)
{
    struct store_mailbox m = {
        .account = account, .raw = perch_span_of(name), .name = name, .gone = gone};

    ASSERT_INT(store_mailbox_put(tx, &m), 0);
    return m.id;
}

static void an_event(struct store_tx *tx, const char *id, enum event_kind kind, int64_t account,
                     int64_t time_ms, int64_t ret_seq[1])
{
    struct store_event e = {
        .id = id, .kind = kind, .account = account, .time_ms = time_ms, .json = id};

    ASSERT_INT(store_event_next_seq(tx, ret_seq), 0);
    ASSERT_INT(store_event_add(tx, *ret_seq, &e), 1);
}

/* ---- events ---- */

static int job_events(struct store_tx *tx, void *arg)
{
    int64_t work = an_account(tx, "work"), home = an_account(tx, "home"), seq;

    (void)arg;
    an_event(tx, "1", EVENT_NEW, work, 1000, &seq);
    an_event(tx, "2", EVENT_FLAGS, home, 2000, &seq);
    an_event(tx, "3", EVENT_NEW, work, 3000, &seq);
    an_event(tx, "4", EVENT_DELETED, work, 2500, &seq); /* the clock was set back */
    an_event(tx, "5", EVENT_NEW, home, 5000, &seq);
    return 0;
}

struct log {
    char text[256];
    int stop_after, n;
};

static int log_event(const struct store_event_row *row, void *user)
{
    struct log *log = user;
    size_t n = strlen(log->text);

    (void)snprintf(log->text + n, sizeof log->text - n, "%lld=%s ", (long long)row->seq, row->json);
    return ++log->n == log->stop_after ? 17 : 0;
}

static void test_events_are_filtered_and_in_order(void)
{
    static const struct {
        struct store_event_filter f;
        const char *want;
    } cases[] = {
        {{.kind = -1}, "1=1 2=2 3=3 4=4 5=5 "},
        {{.kind = -1, .since_seq = 3}, "4=4 5=5 "},
        {{.kind = -1, .since_seq = 5}, ""},
        {{.kind = -1, .since_time_ms = 2500}, "3=3 4=4 5=5 "},
        {{.kind = -1, .since_time_ms = 2600}, "3=3 5=5 "},
        {{.kind = -1, .since_time_ms = 2500, .since_seq = 3}, "4=4 5=5 "},
        {{.kind = -1, .since_time_ms = 9000}, ""},
        {{.kind = -1, .account = "home"}, "2=2 5=5 "},
        {{.kind = -1, .account = "nobody"}, ""},
        {{.kind = EVENT_NEW}, "1=1 3=3 5=5 "},
        {{.kind = EVENT_NEW, .account = "work", .since_seq = 1}, "3=3 "},
        {{.kind = -1, .limit = 2}, "1=1 2=2 "},
        {{.kind = -1, .account = "work", .limit = 2, .since_time_ms = 1001}, "3=3 4=4 "},
    };

    fill(job_events);
    for (size_t i = 0; i < PERCH_COUNT(cases); i++) {
        struct log log = {.text = ""};

        ASSERT_INT(store_read_events(reader, &cases[i].f, log_event, &log), 0);
        if (strcmp(log.text, cases[i].want) != 0)
            FAIL_ROW("case %zu: \"%s\", want \"%s\"", i, log.text, cases[i].want);
    }
    end();
}

static void test_a_read_ends_when_each_says_so(void)
{
    struct store_event_filter all = {.kind = -1};
    struct log log = {.stop_after = 2};

    fill(job_events);
    ASSERT_INT(store_read_events(reader, &all, log_event, &log), 17);
    ASSERT_STR(log.text, "1=1 2=2 ");
    log = (struct log){.text = ""};
    ASSERT_INT(store_read_events(reader, &all, log_event, &log), 0); /* and can be done again */
    ASSERT_INT(log.n, 5);
    end();
}

/* ---- search ---- */

static void a_message(struct store_tx *tx, int64_t mailbox, uint32_t uid, int64_t date,
                      const char *envelope)
{
    struct store_message m = {
        .uid = uid, .flags = "\\Seen", .internaldate = date, .size = 42, .envelope = envelope};

    ASSERT_INT(store_message_put(tx, mailbox, &m), 0);
}

#define ENVELOPE(from_name, from, to, subject)                                                     \
    "{\"from\":[{\"name\":" from_name ",\"address\":\"" from "\"}],\"sender\":[],"                 \
    "\"reply_to\":[],\"to\":[{\"name\":null,\"address\":\"" to "\"}],\"cc\":[],\"bcc\":[],"        \
    "\"subject\":\"" subject "\",\"date\":null,\"message_id\":\"<secretid@x>\","                   \
    "\"in_reply_to\":null,\"list_id\":null,\"attachments\":[{\"name\":\"attached.pdf\","           \
    "\"type\":\"application/pdf\",\"size\":1}]}"

static int job_messages(struct store_tx *tx, void *arg)
{
    int64_t work = an_account(tx, "work"), home = an_account(tx, "home");
    int64_t inbox = a_mailbox(tx, work, "INBOX", false), gone = a_mailbox(tx, work, "Old", true);
    int64_t house = a_mailbox(tx, home, "INBOX", false);

    (void)arg;
    a_message(tx, inbox, 1, 100,
              ENVELOPE("\"Anna M\xc3\xbcller\"", "anna@example.org", "me@example.org", "Report"));
    a_message(tx, inbox, 2, 300,
              ENVELOPE("null", "bob@x.example", "me@example.org",
                       "GR\xc3\x9c\xc3\x9f"
                       "E aus Rom"));
    a_message(tx, inbox, 3, 200,
              ENVELOPE("\"B\"", "b@x.example", "list@y.example", "a \\\"quoted\\\" back\\\\slash"));
    a_message(tx, inbox, 4, INT64_MIN, NULL);
    a_message(tx, inbox, 5, 50, ENVELOPE("null", "z@z", "z@z", "\xe2\xb1\xa6 Grows"));
    a_message(tx, inbox, 6, 40, ENVELOPE("null", "z@z", "z@z", "a\\ttab"));
    a_message(tx, gone, 1, 900, ENVELOPE("null", "a@b", "c@d", "Report"));
    a_message(tx, house, 9, 400, ENVELOPE("null", "anna@home", "x@y", "report of home"));
    return 0;
}

static int log_hit(const struct store_hit *hit, void *user)
{
    struct log *log = user;
    size_t n = strlen(log->text);

    CU_ASSERT(hit->ref > 0);
    (void)snprintf(log->text + n, sizeof log->text - n, "%s/%s/%u ", hit->account, hit->mailbox,
                   hit->uid);
    return ++log->n == log->stop_after ? 17 : 0;
}

static void test_words_are_found_in_subject_and_addresses_newest_first(void)
{
    static const struct {
        const char *words[3];
        const char *account;
        size_t limit;
        const char *want;
    } cases[] = {
        {{"report"}, NULL, 0, "home/INBOX/9 work/INBOX/1 "},
        {{"REPORT"}, NULL, 1, "home/INBOX/9 "},
        {{"report"}, "work", 0, "work/INBOX/1 "},
        {{"report", "anna"}, NULL, 0, "home/INBOX/9 work/INBOX/1 "},
        {{"report", "example.org"}, NULL, 0, "work/INBOX/1 "},
        {{"m\xc3\x9cLLER"}, NULL, 0, "work/INBOX/1 "}, /* Unicode is caseless too */
        {{"gr\xc3\xbc\xc3\x9f"}, NULL, 0, "work/INBOX/2 "},
        {{"me@example.org"}, NULL, 0, "work/INBOX/2 work/INBOX/1 "},
        {{"\"quoted\""}, NULL, 0, "work/INBOX/3 "},
        {{"back\\slash"}, NULL, 0, "work/INBOX/3 "},
        {{"subject"}, NULL, 0, ""},  /* a key is no text */
        {{"secretid"}, NULL, 0, ""}, /* nor are other fields */
        {{"attached"}, NULL, 0, ""},
        {{"romgr"}, NULL, 0, ""},
        {{"example.organna"}, NULL, 0, ""}, /* words do not reach over fields */
        {{"report"}, "nobody", 0, ""},
        {{"\xc8\xbe grows"}, NULL, 0, "work/INBOX/5 "}, /* two bytes, three in lower case */
        {{"", "report"}, "work", 0, "work/INBOX/1 "},
        {{"a\ttab"}, NULL, 0, "work/INBOX/6 "},
        {{"a\nline"}, NULL, 0, ""},
        {{NULL},
         "work",
         0,
         "work/INBOX/2 work/INBOX/3 work/INBOX/1 work/INBOX/5 "
         "work/INBOX/6 work/INBOX/4 "},
    };

    fill(job_messages);
    for (size_t i = 0; i < PERCH_COUNT(cases); i++) {
        struct log log = {.text = ""};
        size_t n = 0;

        while (n < 3 && cases[i].words[n])
            n++;
        ASSERT_INT(store_read_search(reader, cases[i].words, n, cases[i].account, cases[i].limit,
                                     log_hit, &log),
                   0);
        if (strcmp(log.text, cases[i].want) != 0)
            FAIL_ROW("case %zu: \"%s\", want \"%s\"", i, log.text, cases[i].want);
    }
    end();
}

static int check_hit(const struct store_hit *hit, void *user)
{
    (void)user;
    ASSERT_STR(hit->flags, "\\Seen");
    ASSERT_INT(hit->internaldate, 300);
    ASSERT_INT(hit->size, 42);
    CU_ASSERT_PTR_NOT_NULL(strstr(hit->envelope, "bob@x.example"));
    return 5;
}

static void test_a_hit_has_all_that_is_shown(void)
{
    const char *bob = "bob";

    fill(job_messages);
    ASSERT_INT(store_read_search(reader, &bob, 1, NULL, 0, check_hit, NULL), 5);
    end();
}

/* ---- counts ---- */

static int job_counts(struct store_tx *tx, void *arg)
{
    struct store_outcome beside = {.hook = "h", .state = STORE_DELIVERY_BESIDE, .attempted = true};
    struct store_outcome dead = {.hook = "h", .state = STORE_DELIVERY_DEAD, .attempted = true};
    struct store_outcome done = {.hook = "h", .state = STORE_DELIVERY_DONE, .attempted = true};
    int64_t work, home, seq;

    ASSERT_INT(job_messages(tx, arg), 0);
    work = an_account(tx, "work");
    home = an_account(tx, "home");
    for (int i = 0; i < 6; i++) {
        an_event(tx, (const char *[]){"1", "2", "3", "4", "5", "6"}[i], EVENT_NEW,
                 i == 5 ? home : work, 1, &seq);
        if (i < 4)
            ASSERT_INT(store_delivery_add(tx, seq, "h", work, 1, 1), 0);
    }
    beside.seq = 2;
    dead.seq = 3;
    done.seq = 4;
    ASSERT_INT(store_delivery_set(tx, &beside), 0);
    ASSERT_INT(store_delivery_set(tx, &dead), 0);
    ASSERT_INT(store_delivery_set(tx, &done), 0);
    return 0;
}

static int log_counts(const struct store_counts *c, void *user)
{
    struct log *log = user;
    size_t n = strlen(log->text);

    (void)snprintf(log->text + n, sizeof log->text - n, "%s/%s:%lld,%lld,%lld,%lld ", c->account,
                   c->mailbox ? c->mailbox : "-", (long long)c->messages, (long long)c->pending,
                   (long long)c->dead, (long long)c->last_seq);
    return 0;
}

static void test_counts_are_by_account_and_mailbox(void)
{
    struct log log = {.text = ""};

    fill(job_counts);
    ASSERT_INT(store_read_counts(reader, log_counts, &log), 0);
    ASSERT_STR(log.text, "home/-:0,0,0,6 home/INBOX:1,0,0,0 work/-:0,2,1,5 work/INBOX:6,0,0,0 ");
    end();
}

/* ---- beside the writer ---- */

/* Two events a job: a reader must see both or neither. */
static int job_pair(struct store_tx *tx, void *arg)
{
    char id[32];
    int64_t seq;

    (void)arg;
    for (int i = 0; i < 2; i++) {
        struct store_event e = {.id = id, .account = 1, .json = "{}"};

        if (store_event_next_seq(tx, &seq) < 0)
            return -1;
        (void)snprintf(id, sizeof id, "e%lld", (long long)seq);
        if (store_event_add(tx, seq, &e) < 0)
            return -1;
    }
    return 0;
}

static void count_done(int rc, void *arg)
{
    ASSERT_INT(rc, 0);
    ++*(int *)arg;
}

struct watch {
    pthread_t thread;
    struct store_reader *reader;
    const int *stop;
    int reads, odd, backwards, failed;
};

static int count_event(const struct store_event_row *row, void *user)
{
    (void)row;
    ++*(int *)user;
    return 0;
}

static void *watch_main(void *arg)
{
    struct watch *w = arg;
    struct store_event_filter all = {.kind = -1};
    int last = 0;

    do {
        int n = 0;

        w->failed += store_read_events(w->reader, &all, count_event, &n) != 0;
        w->odd += n % 2;
        w->backwards += n < last;
        last = n;
        w->reads++;
    } while (!__atomic_load_n(w->stop, __ATOMIC_ACQUIRE));
    return NULL;
}

static void test_two_readers_see_whole_transactions_while_one_writes(void)
{
    struct event_base *base = event_base_new();
    struct watch watch[2] = {{.stop = NULL}};
    struct store_error error;
    int done = 0, stop = 0;

    tmpdir_make(&dir);
    ASSERT_INT(store_open(dir.path, base, &store, &error), 0);
    for (int i = 0; i < 2; i++) {
        watch[i].stop = &stop;
        ASSERT_INT(store_reader_open(dir.path, &watch[i].reader, &error), 0);
        ASSERT_INT(pthread_create(&watch[i].thread, NULL, watch_main, &watch[i]), 0);
    }
    for (int i = 0; i < 300; i++)
        ASSERT_INT(
            store_submit(store, i % 3 ? STORE_LIVE : STORE_BULK, job_pair, count_done, &done), 0);
    while (done < 300)
        (void)event_base_loop(base, EVLOOP_ONCE);
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(watch[i].thread, NULL);
        CU_ASSERT(watch[i].reads > 0);
        ASSERT_INT(watch[i].failed, 0);
        ASSERT_INT(watch[i].odd, 0);
        ASSERT_INT(watch[i].backwards, 0);
        store_reader_close(watch[i].reader);
    }
    store_close(store);
    event_base_free(base);
    tmpdir_remove(&dir);
}

static void test_a_reader_works_without_the_daemon(void)
{
    struct store_event_filter all = {.kind = -1};
    struct log log = {.text = ""};
    struct store_error error;

    fill(job_events);
    store_reader_close(reader);
    store_close(store);
    store = NULL;
    ASSERT_INT(store_reader_open(dir.path, &reader, &error), 0);
    ASSERT_INT(store_read_events(reader, &all, log_event, &log), 0);
    ASSERT_INT(log.n, 5);
    end();
}

/* ---- plans ---- */

static int ignore_mailbox(const struct store_mailbox *m, void *user)
{
    (void)m;
    (void)user;
    return 0;
}

static int ignore_message(const struct store_message *m, void *user)
{
    (void)m;
    (void)user;
    return 0;
}

static int ignore_line(const struct store_line *line, void *user)
{
    (void)line;
    (void)user;
    return 0;
}

static int ignore_delivery(const struct store_delivery *d, void *user)
{
    (void)d;
    (void)user;
    return 0;
}

static int ignore_hook(const char *hook, void *user)
{
    (void)hook;
    (void)user;
    return 0;
}

/* Every statement of a job once, so that they are all prepared. */
static int job_everything(struct store_tx *tx, void *arg)
{
    struct store_line line = {"h", 1, 1};
    struct perch_set set = PERCH_SET_INIT;
    struct store_outcome o = {.seq = 1, .hook = "h", .state = STORE_DELIVERY_PENDING};
    struct store_mailbox m;
    struct store_message message;
    int64_t next;

    ASSERT_INT(job_counts(tx, arg), 0);
    ASSERT_INT(store_mailbox_get(tx, 1, &arena, &m), 1);
    ASSERT_INT(store_mailbox_find(tx, 1, PERCH_SPAN("INBOX"), &arena, &m), 1);
    ASSERT_INT(store_mailbox_put(tx, &m), 0);
    ASSERT_INT(store_mailboxes_each(tx, 1, &arena, ignore_mailbox, NULL), 0);
    ASSERT_INT(store_message_get(tx, 1, 1, &arena, &message), 1);
    ASSERT_INT(store_message_put(tx, 1, &message), 0);
    ASSERT_INT(store_messages_each(tx, 1, 1, 9, false, &arena, ignore_message, NULL), 0);
    ASSERT_INT(store_messages_each(tx, 1, 1, 9, true, &arena, ignore_message, NULL), 0);
    ASSERT_INT(store_message_uids(tx, 1, 1, 9, &set), 0);
    CU_ASSERT(store_message_count(tx, 1) > 0);
    ASSERT_INT(store_messages_delete(tx, 1, 1, 1), 0);
    perch_set_done(&set);
    CU_ASSERT_TRUE(store_event_known(tx, "1"));
    ASSERT_INT(store_delivery_set(tx, &o), 0);
    ASSERT_INT(store_lines_pending(tx, &arena, ignore_line, NULL), 0);
    ASSERT_INT(store_line_read(tx, &line, 0, 9, &arena, ignore_delivery, NULL), 0);
    ASSERT_INT(store_beside_read(tx, 9, 9, &arena, ignore_delivery, NULL), 0);
    ASSERT_INT(store_beside_next(tx, 9, &next), 0);
    ASSERT_INT(store_hooks_waiting(tx, &arena, ignore_hook, NULL), 0);
    ASSERT_INT(store_hook_end(tx, "nobody", 1, "x"), 0);
    ASSERT_INT(store_retain(tx, 0, 0, 10), 0);
    return 0;
}

/* What may be read whole: hooks and lines that wait (by an index of those rows alone), the
 * accounts for `perch status`, and a search by words, which ends with its limit. */
static bool scan_is_meant(const char *step)
{
    static const char *const meant[] = {"SCAN deliveries USING INDEX deliveries_line",
                                        "SCAN deliveries USING INDEX deliveries_beside",
                                        "SCAN a USING COVERING INDEX",
                                        "SCAN e USING INDEX envelopes_newest",
                                        "SCAN CONSTANT ROW",
                                        "SCAN sqlite_sequence",
                                        "SCAN sqlite_master"};

    for (size_t i = 0; i < PERCH_COUNT(meant); i++)
        if (strstr(step, meant[i]))
            return true;
    return false;
}

static unsigned explain(sqlite3 *handle, const char *sql)
{
    char *explained = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
    sqlite3_stmt *st = NULL;
    unsigned steps = 0;

    ASSERT_INT(sqlite3_prepare_v2(handle, explained, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(st, 3);

        steps++;
        if (strncmp(step, "SCAN", 4) == 0 && !scan_is_meant(step))
            FAIL_ROW("%s\n      in %s", step, sql);
        /* No sorting of many rows either: searches and logs come in order. */
        if (strstr(step, "TEMP B-TREE FOR ORDER BY"))
            FAIL_ROW("%s\n      in %s", step, sql);
    }
    (void)sqlite3_finalize(st);
    sqlite3_free(explained);
    return steps;
}

static unsigned explain_all(struct db *db)
{
    unsigned n = 0;

    for (size_t i = 0; i < DB_STATEMENTS; i++)
        if (db->kept[i].sql && strncmp(db->kept[i].sql, "PRAGMA", 6) != 0)
            n += explain(db->handle, db->kept[i].sql) > 0;
    return n;
}

static void test_every_query_has_its_index(void)
{
    struct store_event_filter time = {.kind = -1, .since_time_ms = 1},
                              account = {.kind = -1, .account = "work"};
    struct log log = {.text = ""};
    const char *word = "report";

    fill(job_everything);
    ASSERT_INT(store_read_events(reader, &time, log_event, &log), 0);
    ASSERT_INT(store_read_events(reader, &account, log_event, &log), 0);
    log.text[0] = '\0';
    ASSERT_INT(store_read_search(reader, &word, 1, NULL, 0, log_hit, &log), 0);
    ASSERT_INT(store_read_search(reader, &word, 1, "work", 0, log_hit, &log), 0);
    log.text[0] = '\0';
    ASSERT_INT(store_read_counts(reader, log_counts, &log), 0);
    CU_ASSERT(explain_all(&store->tx.db) > 25);
    CU_ASSERT(explain_all(&reader->db) > 5);
    end();
}

PERCH_SUITE("daemon/store_reader") = {
    PERCH_TEST(test_events_are_filtered_and_in_order),
    PERCH_TEST(test_a_read_ends_when_each_says_so),
    PERCH_TEST(test_words_are_found_in_subject_and_addresses_newest_first),
    PERCH_TEST(test_a_hit_has_all_that_is_shown),
    PERCH_TEST(test_counts_are_by_account_and_mailbox),
    PERCH_TEST(test_two_readers_see_whole_transactions_while_one_writes),
    PERCH_TEST(test_a_reader_works_without_the_daemon),
    PERCH_TEST(test_every_query_has_its_index),
    PERCH_END,
};
