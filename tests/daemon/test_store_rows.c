/* What jobs can ask of the store: accounts, mailboxes, messages, events, retention. */
#include "support/perch_test.h"

#include "store/store.h"

static struct store *store;
static struct perch_arena arena;

static void begin(void)
{
    struct store_error error = {""};

    perch_arena_init(&arena, 0);
    if (store_open(NULL, NULL, &store, &error) < 0)
        FAIL_ROW("store_open: %s", error.text);
}

static void end(void)
{
    store_close(store);
    store = NULL;
    perch_arena_done(&arena);
}

/* The test itself is the job. */
static void in_job(store_job_fn *job)
{
    begin();
    ASSERT_INT(store_run(store, job, NULL), 0);
    end();
}

static int64_t an_account(struct store_tx *tx, const char *key)
{
    struct store_account account = {0};
    bool anew;

    ASSERT_INT(store_account_open(tx, key, "anna", "imap.example.org", &account, &arena, &anew), 0);
    return account.id;
}

static int64_t a_mailbox(struct store_tx *tx, int64_t account, const char *name)
{
    struct store_mailbox m = {.account = account,
                              .raw = perch_span_of(name),
                              .name = name,
                              .delimiter = '/',
                              .uidvalidity = 7,
                              .uidnext = 1};

    ASSERT_INT(store_mailbox_put(tx, &m), 0);
    CU_ASSERT(m.id > 0);
    return m.id;
}

static void a_message(struct store_tx *tx, int64_t mailbox, uint32_t uid, const char *flags)
{
    struct store_message m = {.uid = uid,
                              .modseq = 10u + uid,
                              .flags = flags,
                              .internaldate = 1700000000 + uid,
                              .size = 100 + uid,
                              .envelope = "{\"subject\":\"x\"}"};

    ASSERT_INT(store_message_put(tx, mailbox, &m), 0);
}

static int64_t an_event(struct store_tx *tx, const char *id, int64_t account, int64_t time_ms)
{
    struct store_event e = {.id = id,
                            .kind = EVENT_NEW,
                            .account = account,
                            .mailbox = 1,
                            .uid = 5,
                            .time_ms = time_ms,
                            .json = "{}"};
    int64_t seq = 0;

    ASSERT_INT(store_event_next_seq(tx, &seq), 0);
    ASSERT_INT(store_event_add(tx, seq, &e), 1);
    return seq;
}

/* ---- accounts and mailboxes ---- */

static int job_account_is_found_again(struct store_tx *tx, void *arg)
{
    struct store_account one, two;
    bool anew = true;

    (void)arg;
    ASSERT_INT(store_account_open(tx, "work", "anna", "a.example", &one, &arena, &anew), 0);
    CU_ASSERT_FALSE(anew);
    ASSERT_INT(store_account_open(tx, "work", "anna", "a.example", &two, &arena, &anew), 0);
    CU_ASSERT_FALSE(anew);
    ASSERT_INT(two.id, one.id);
    ASSERT_STR(two.key, "work");
    ASSERT_STR(two.user, "anna");
    ASSERT_STR(two.host, "a.example");
    return 0;
}

static void test_an_account_is_found_again(void)
{
    in_job(job_account_is_found_again);
}

static int job_account_starts_anew(struct store_tx *tx, void *arg)
{
    int64_t id = an_account(tx, "work"), box = a_mailbox(tx, id, "INBOX");
    struct store_account account;
    struct store_mailbox m;
    struct store_message message;
    bool anew = false;

    (void)arg;
    a_message(tx, box, 1, "");
    (void)an_event(tx, "e1-a", id, 1);
    ASSERT_INT(store_account_open(tx, "work", "bert", "imap.example.org", &account, &arena, &anew),
               0);
    CU_ASSERT_TRUE(anew);
    ASSERT_INT(account.id, id);
    ASSERT_INT(account.forgotten, 1);
    ASSERT_INT(store_mailbox_get(tx, box, &arena, &m), 0);
    ASSERT_INT(store_message_get(tx, box, 1, &arena, &message), 0);
    CU_ASSERT_TRUE(store_event_known(tx, "e1-a"));
    CU_ASSERT_NOT_EQUAL(a_mailbox(tx, id, "INBOX"), box); /* ids never come back */
    ASSERT_INT(store_account_open(tx, "work", "bert", "imap.example.org", &account, &arena, &anew),
               0);
    CU_ASSERT_FALSE(anew);
    return 0;
}

static void test_an_account_of_another_user_starts_anew_and_keeps_its_events(void)
{
    in_job(job_account_starts_anew);
}

static int job_mailbox_round_trip(struct store_tx *tx, void *arg)
{
    static const char raw[] = "a\0b&-";
    struct store_mailbox m = {.account = an_account(tx, "work"),
                              .raw = {raw, 5},
                              .name = "a b&",
                              .delimiter = '.',
                              .role = "\\Junk",
                              .mailboxid = "F1",
                              .uidvalidity = 4294967295u,
                              .uidnext = 4294967295u,
                              .highestmodseq = 9223372036854775807u,
                              .change = 3,
                              .sync = STORE_SYNC_INITIAL,
                              .initial_below = 9,
                              .initial_top = 99,
                              .gone = true};
    struct store_mailbox found;

    (void)arg;
    ASSERT_INT(store_mailbox_put(tx, &m), 0);
    ASSERT_INT(store_mailbox_find(tx, m.account, m.raw, &arena, &found), 1);
    ASSERT_INT(found.id, m.id);
    CU_ASSERT_TRUE(perch_span_eq(found.raw, m.raw));
    ASSERT_STR(found.name, "a b&");
    ASSERT_INT(found.delimiter, '.');
    ASSERT_STR(found.role, "\\Junk");
    ASSERT_STR(found.mailboxid, "F1");
    ASSERT_INT(found.uidvalidity, 4294967295u);
    ASSERT_INT(found.uidnext, 4294967295u);
    CU_ASSERT_EQUAL(found.highestmodseq, 9223372036854775807u);
    ASSERT_INT(found.change, 3);
    ASSERT_INT(found.sync, STORE_SYNC_INITIAL);
    ASSERT_INT(found.initial_below, 9);
    ASSERT_INT(found.initial_top, 99);
    CU_ASSERT_TRUE(found.gone);

    m.role = m.mailboxid = NULL;
    m.delimiter = 0;
    m.sync = STORE_SYNC_DONE;
    m.gone = false;
    m.highestmodseq = 5;
    ASSERT_INT(store_mailbox_put(tx, &m), 0);
    ASSERT_INT(store_mailbox_get(tx, m.id, &arena, &found), 1);
    CU_ASSERT_PTR_NULL(found.role);
    CU_ASSERT_PTR_NULL(found.mailboxid);
    ASSERT_INT(found.delimiter, 0);
    ASSERT_INT(found.sync, STORE_SYNC_DONE);
    ASSERT_INT(found.highestmodseq, 5);
    CU_ASSERT_FALSE(found.gone);
    ASSERT_INT(store_mailbox_find(tx, m.account, perch_span_of("a"), &arena, &found), 0);
    ASSERT_INT(store_mailbox_get(tx, 4711, &arena, &found), 0);
    return 0;
}

static void test_a_mailbox_comes_back_as_it_went_in(void)
{
    in_job(job_mailbox_round_trip);
}

static int collect_name(const struct store_mailbox *m, void *user)
{
    char *out = user;

    strncat(out, m->name, 32);
    strncat(out, " ", 2);
    return strcmp(m->name, "stop") == 0 ? 7 : 0;
}

static int job_mailboxes_each(struct store_tx *tx, void *arg)
{
    int64_t one = an_account(tx, "one"), two = an_account(tx, "two");
    char names[256] = "";

    (void)arg;
    (void)a_mailbox(tx, one, "b");
    (void)a_mailbox(tx, one, "a");
    (void)a_mailbox(tx, two, "c");
    ASSERT_INT(store_mailboxes_each(tx, one, &arena, collect_name, names), 0);
    ASSERT_STR(names, "a b ");
    (void)a_mailbox(tx, two, "stop");
    (void)a_mailbox(tx, two, "z");
    names[0] = '\0';
    ASSERT_INT(store_mailboxes_each(tx, two, &arena, collect_name, names), 7);
    ASSERT_STR(names, "c stop ");
    return 0;
}

static void test_mailboxes_of_one_account_in_order(void)
{
    in_job(job_mailboxes_each);
}

/* ---- messages ---- */

static int job_message_round_trip(struct store_tx *tx, void *arg)
{
    int64_t box = a_mailbox(tx, an_account(tx, "work"), "INBOX");
    struct store_message m = {.uid = 4294967295u,
                              .modseq = 77,
                              .flags = "\\Seen $Junk",
                              .internaldate = INT64_MIN,
                              .size = 1ull << 40,
                              .emailid = "E",
                              .threadid = "T",
                              .envelope = "{\"subject\":\"Gr\xc3\xbc\xc3\x9f"
                                          "e\"}"};
    struct store_message found;

    (void)arg;
    ASSERT_INT(store_message_get(tx, box, m.uid, &arena, &found), 0);
    ASSERT_INT(store_message_put(tx, box, &m), 0);
    ASSERT_INT(store_message_get(tx, box, m.uid, &arena, &found), 1);
    ASSERT_INT(found.uid, 4294967295u);
    ASSERT_INT(found.modseq, 77);
    ASSERT_STR(found.flags, "\\Seen $Junk");
    CU_ASSERT_EQUAL(found.internaldate, INT64_MIN);
    CU_ASSERT_EQUAL(found.size, 1ull << 40);
    ASSERT_STR(found.emailid, "E");
    ASSERT_STR(found.threadid, "T");
    ASSERT_STR(found.envelope, m.envelope);

    m = (struct store_message){.uid = m.uid, .modseq = 78, .flags = "", .internaldate = -5};
    ASSERT_INT(store_message_put(tx, box, &m), 0); /* put again replaces every field */
    ASSERT_INT(store_message_get(tx, box, m.uid, &arena, &found), 1);
    ASSERT_INT(found.modseq, 78);
    ASSERT_STR(found.flags, "");
    ASSERT_INT(found.internaldate, -5);
    ASSERT_INT(found.size, 0);
    CU_ASSERT_PTR_NULL(found.emailid);
    CU_ASSERT_PTR_NULL(found.envelope);
    ASSERT_INT(store_message_count(tx, box), 1);

    ASSERT_INT(store_message_set_flags(tx, box, m.uid, "\\Flagged", 79), 0);
    ASSERT_INT(store_message_get(tx, box, m.uid, &arena, &found), 1);
    ASSERT_INT(found.modseq, 79);
    ASSERT_STR(found.flags, "\\Flagged");
    ASSERT_INT(found.internaldate, -5);
    return 0;
}

static void test_a_message_comes_back_as_it_went_in(void)
{
    in_job(job_message_round_trip);
}

static int job_delete_range(struct store_tx *tx, void *arg)
{
    int64_t account = an_account(tx, "work");
    int64_t box = a_mailbox(tx, account, "INBOX"), other = a_mailbox(tx, account, "other");
    struct perch_set uids = PERCH_SET_INIT;
    char text[64];

    (void)arg;
    for (uint32_t uid = 1; uid <= 10; uid++) {
        a_message(tx, box, uid, "");
        a_message(tx, other, uid, "");
    }
    a_message(tx, box, 4294967295u, "");
    ASSERT_INT(store_messages_delete(tx, box, 4, 6), 0);
    ASSERT_INT(store_message_uids(tx, box, 1, 4294967295u, &uids), 0);
    (void)perch_set_format(&uids, text, sizeof text);
    ASSERT_STR(text, "1:3,7:10,4294967295");
    perch_set_clear(&uids);
    ASSERT_INT(store_message_uids(tx, box, 2, 8, &uids), 0);
    (void)perch_set_format(&uids, text, sizeof text);
    ASSERT_STR(text, "2:3,7:8");
    perch_set_done(&uids);
    ASSERT_INT(store_messages_delete(tx, box, 1, 4294967295u), 0); /* VANISHED of everything */
    ASSERT_INT(store_message_count(tx, box), 0);
    ASSERT_INT(store_message_count(tx, other), 10);
    return 0;
}

static void test_a_range_is_deleted_from_its_mailbox_alone(void)
{
    in_job(job_delete_range);
}

struct seen {
    struct store_tx *tx;
    int64_t mailbox;
    unsigned n;
    bool with_envelope;
};

static int flag_each(const struct store_message *m, void *user)
{
    struct seen *seen = user;

    seen->n++;
    ASSERT_INT(m->uid, seen->n * 2);
    CU_ASSERT_EQUAL(m->envelope != NULL, seen->with_envelope);
    ASSERT_INT(m->internaldate == INT64_MIN, !seen->with_envelope);
    /* The statement of store_message_get is in use further up; it must not disturb. */
    ASSERT_INT(store_message_set_flags(seen->tx, seen->mailbox, m->uid, "\\Seen", m->modseq + 1),
               0);
    return seen->n == 3 ? 9 : 0;
}

static int job_messages_each(struct store_tx *tx, void *arg)
{
    int64_t box = a_mailbox(tx, an_account(tx, "work"), "INBOX");
    struct seen seen = {tx, box, 0, false};
    struct store_message m;

    (void)arg;
    for (uint32_t uid = 10; uid >= 2; uid -= 2)
        a_message(tx, box, uid, "");
    ASSERT_INT(store_messages_each(tx, box, 1, 5, false, &arena, flag_each, &seen), 0);
    ASSERT_INT(seen.n, 2);
    ASSERT_INT(store_message_get(tx, box, 4, &arena, &m), 1);
    ASSERT_STR(m.flags, "\\Seen");
    ASSERT_STR(m.envelope, "{\"subject\":\"x\"}");
    seen = (struct seen){tx, box, 0, true};
    ASSERT_INT(store_messages_each(tx, box, 1, 100, true, &arena, flag_each, &seen), 9);
    ASSERT_INT(seen.n, 3);
    return 0;
}

static void test_messages_come_in_uid_order_and_may_change_meanwhile(void)
{
    in_job(job_messages_each);
}

static int nested_each(const struct store_message *m, void *user)
{
    struct seen *seen = user;

    (void)m;
    seen->n++;
    if (seen->n == 1)
        ASSERT_INT(
            store_messages_each(seen->tx, seen->mailbox, 2, 2, false, &arena, nested_each, seen),
            0);
    return 0;
}

static int job_same_query_inside_itself(struct store_tx *tx, void *arg)
{
    int64_t box = a_mailbox(tx, an_account(tx, "work"), "INBOX");
    struct seen seen = {tx, box, 0, false};

    (void)arg;
    for (uint32_t uid = 1; uid <= 3; uid++)
        a_message(tx, box, uid, "");
    ASSERT_INT(store_messages_each(tx, box, 1, 3, false, &arena, nested_each, &seen), 0);
    ASSERT_INT(seen.n, 4);
    return 0;
}

static void test_a_query_may_run_inside_its_own_rows(void)
{
    in_job(job_same_query_inside_itself);
}

/* ---- events ---- */

static int job_events(struct store_tx *tx, void *arg)
{
    int64_t account = an_account(tx, "work"), seq;
    struct store_event twin = {.id = "e1-b", .account = account, .json = "{}"};

    (void)arg;
    ASSERT_INT(an_event(tx, "e1-a", account, 1), 1);
    ASSERT_INT(an_event(tx, "e1-b", account, 1), 2);
    CU_ASSERT_TRUE(store_event_known(tx, "e1-a"));
    CU_ASSERT_FALSE(store_event_known(tx, "e1-c"));
    ASSERT_INT(store_event_next_seq(tx, &seq), 0);
    ASSERT_INT(store_event_add(tx, seq, &twin), 0); /* the same event once more */
    ASSERT_INT(an_event(tx, "e1-c", account, 1), 3);
    return 0;
}

static void test_an_event_is_made_once(void)
{
    in_job(job_events);
}

static int job_retain(struct store_tx *tx, void *arg)
{
    int64_t account = an_account(tx, "work"), seq[6], next;
    struct store_outcome done = {
        .hook = "h", .state = STORE_DELIVERY_DONE, .attempted = true, .now_ms = 5};
    struct store_outcome dead = {.hook = "h",
                                 .state = STORE_DELIVERY_DEAD,
                                 .attempted = true,
                                 .now_ms = 50,
                                 .what = "exit 1"};

    (void)arg;
    for (int i = 0; i < 6; i++) {
        char id[8];

        (void)snprintf(id, sizeof id, "e1-%d", i);
        seq[i] = an_event(tx, id, account, i < 5 ? 10 : 1000);
        if (i > 0)
            ASSERT_INT(store_delivery_add(tx, seq[i], "h", account, 1, 10), 0);
    }
    done.seq = seq[1];
    ASSERT_INT(store_delivery_set(tx, &done), 0);
    dead.seq = seq[2];
    ASSERT_INT(store_delivery_set(tx, &dead), 0);
    dead.seq = seq[5];
    dead.now_ms = 500;
    ASSERT_INT(store_delivery_set(tx, &dead), 0);
    /* 0 nobody waits, 1 done, 2 dead, 3 and 4 pending, 5 dead later and new. */
    ASSERT_INT(store_retain(tx, 100, 0, 100), 2);
    CU_ASSERT_FALSE(store_event_known(tx, "e1-0"));
    CU_ASSERT_FALSE(store_event_known(tx, "e1-1"));
    CU_ASSERT_TRUE(store_event_known(tx, "e1-2"));
    CU_ASSERT_TRUE(store_event_known(tx, "e1-3"));
    ASSERT_INT(store_retain(tx, 100, 100, 1), 1); /* the dead letter */
    CU_ASSERT_TRUE(store_event_known(tx, "e1-2"));
    ASSERT_INT(store_retain(tx, 100, 100, 1), 1); /* its event */
    CU_ASSERT_FALSE(store_event_known(tx, "e1-2"));
    ASSERT_INT(store_retain(tx, 100, 100, 100), 0);
    CU_ASSERT_TRUE(store_event_known(tx, "e1-4"));
    ASSERT_INT(store_retain(tx, 2000, 2000, 100), 2);
    CU_ASSERT_FALSE(store_event_known(tx, "e1-5"));
    ASSERT_INT(store_event_next_seq(tx, &next), 0);
    ASSERT_INT(next, 7); /* numbers never come back */
    return 0;
}

static void test_old_events_go_unless_somebody_needs_them(void)
{
    in_job(job_retain);
}

static int job_gone_accounts(struct store_tx *tx, void *arg)
{
    int64_t stays = an_account(tx, "stays"), goes = an_account(tx, "goes");
    int64_t kept = a_mailbox(tx, stays, "INBOX"), dropped = a_mailbox(tx, goes, "INBOX");

    (void)arg;
    a_message(tx, kept, 1, "");
    for (uint32_t uid = 1; uid <= 3; uid++)
        a_message(tx, dropped, uid, "");
    (void)an_event(tx, "e1-goes", goes, 10);
    ASSERT_INT(store_accounts_mark(tx, "[\"stays\",\"goes\"]", 100), 0);
    ASSERT_INT(store_accounts_retain(tx, 1000, 2), 0); /* both are there */
    ASSERT_INT(store_accounts_mark(tx, "[\"stays\"]", 200), 0);
    ASSERT_INT(store_accounts_mark(tx, "[\"stays\"]", 300), 0); /* gone since 200 */
    ASSERT_INT(store_accounts_retain(tx, 200, 2), 0);
    ASSERT_INT(store_message_count(tx, dropped), 3);
    ASSERT_INT(store_accounts_retain(tx, 201, 2), 2); /* there is more */
    ASSERT_INT(store_message_count(tx, dropped), 1);
    ASSERT_INT(store_accounts_retain(tx, 201, 2), 1);
    ASSERT_INT(store_accounts_retain(tx, 201, 2), 0);
    ASSERT_INT(store_message_count(tx, dropped), 0);
    ASSERT_INT(store_message_count(tx, kept), 1);
    CU_ASSERT_TRUE(store_event_known(tx, "e1-goes"));
    CU_ASSERT(an_account(tx, "goes") > goes); /* nobody knows it any more */
    ASSERT_INT(an_account(tx, "stays"), stays);
    return 0;
}

static void test_accounts_that_are_gone_for_long_are_forgotten(void)
{
    in_job(job_gone_accounts);
}

static int job_back_in_time(struct store_tx *tx, void *arg)
{
    int64_t asked = an_account(tx, "asked"), opened = an_account(tx, "opened");

    (void)arg;
    ASSERT_INT(store_accounts_mark(tx, "[]", 100), 0);
    ASSERT_INT(store_accounts_mark(tx, "[\"asked\"]", 200), 0);
    ASSERT_INT(an_account(tx, "opened"), opened);
    ASSERT_INT(store_accounts_retain(tx, 1000, 10), 0);
    ASSERT_INT(an_account(tx, "asked"), asked);
    ASSERT_INT(an_account(tx, "opened"), opened);
    return 0;
}

static void test_accounts_that_come_back_in_time_keep_their_state(void)
{
    in_job(job_back_in_time);
}

/* ---- without memory ---- */

static int refuse_all(void *user)
{
    (void)user;
    return 0;
}

/* Ignores what it is told: the store does not. */
static int job_without_memory(struct store_tx *tx, void *arg)
{
    int64_t *box = arg;
    struct store_message m = {.uid = 4711};

    a_message(tx, *box, 9, "");
    perch_mem_set_gate(refuse_all, NULL);
    ASSERT_INT(store_message_get(tx, *box, 1, &arena, &m), -1);
    perch_mem_set_gate(NULL, NULL);
    ASSERT_INT(m.uid, 4711); /* untouched */
    return 0;
}

static int job_with_memory(struct store_tx *tx, void *arg)
{
    int64_t *box = arg;
    struct store_message m;

    if (*box == 0) {
        *box = a_mailbox(tx, an_account(tx, "work"), "INBOX");
        a_message(tx, *box, 1, "\\Seen");
    }
    ASSERT_INT(store_message_get(tx, *box, 9, &arena, &m), 0);
    ASSERT_INT(store_message_get(tx, *box, 1, &arena, &m), 1);
    return 0;
}

static void test_a_job_that_ran_out_of_memory_did_nothing(void)
{
    int64_t box = 0;

    begin();
    ASSERT_INT(store_run(store, job_with_memory, &box), 0);
    perch_arena_done(&arena);
    ASSERT_INT(store_run(store, job_without_memory, &box), STORE_EFULL);
    ASSERT_INT(store_run(store, job_with_memory, &box), 0);
    end();
}

PERCH_SUITE("daemon/store_rows") = {
    PERCH_TEST(test_an_account_is_found_again),
    PERCH_TEST(test_an_account_of_another_user_starts_anew_and_keeps_its_events),
    PERCH_TEST(test_a_mailbox_comes_back_as_it_went_in),
    PERCH_TEST(test_mailboxes_of_one_account_in_order),
    PERCH_TEST(test_a_message_comes_back_as_it_went_in),
    PERCH_TEST(test_a_range_is_deleted_from_its_mailbox_alone),
    PERCH_TEST(test_messages_come_in_uid_order_and_may_change_meanwhile),
    PERCH_TEST(test_a_query_may_run_inside_its_own_rows),
    PERCH_TEST(test_an_event_is_made_once),
    PERCH_TEST(test_old_events_go_unless_somebody_needs_them),
    PERCH_TEST(test_accounts_that_are_gone_for_long_are_forgotten),
    PERCH_TEST(test_accounts_that_come_back_in_time_keep_their_state),
    PERCH_TEST(test_a_job_that_ran_out_of_memory_did_nothing),
    PERCH_END,
};
