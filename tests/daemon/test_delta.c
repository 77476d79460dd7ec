/* Change sets against an in-memory store: which rows and events come of them. */
#include "engine/delta.h"

#include "support/perch_test.h"

#include "base/mem.h"
#include "base/span.h"

#include <jansson.h>
#include <stdlib.h>

#define UIDVALIDITY 7

static struct store *store;
static int64_t account, mailbox;

/* What became of the last set. */
static struct {
    char text[16384]; /* "new 5 [\\Seen]; flags 3 [a]->[b]; " in seq order */
    char first_id[EVENT_ID_SIZE];
    int64_t last_seq;
    size_t n;
    unsigned chunks;
} seen;

static const struct route routes[] = {
    {.kinds = EVENT_ANY, .hook = 0, .name = "any"},
    {.kinds = EVENT_BIT(EVENT_FLAGS), .hook = 1, .name = "flags"},
};

/* ---- the scene ---- */

static int make_scene(struct store_tx *tx, void *user)
{
    struct store_mailbox m = {.raw = PERCH_SPAN("INBOX"), .name = "INBOX", .delimiter = '/'};
    struct store_account row;
    struct perch_arena a;
    bool anew;

    (void)user;
    perch_arena_init(&a, 0);
    ASSERT_INT(store_account_open(tx, "work", "anna", "host", &row, &a, &anew), 0);
    account = m.account = row.id;
    ASSERT_INT(store_mailbox_put(tx, &m), 0);
    mailbox = m.id;
    perch_arena_done(&a);
    return 0;
}

static struct change_set *set_new(void)
{
    struct change_set *c = change_new();

    c->emission.account = "work";
    c->emission.account_id = account;
    c->emission.routes = routes;
    c->emission.nroutes = PERCH_COUNT(routes);
    c->emission.now_ms = 1700000000000;
    c->mailbox = mailbox;
    c->uidvalidity = UIDVALIDITY;
    return c;
}

static void read_events(const struct change_set *c)
{
    for (const struct emitted *e = c->emission.first; e; e = e->next) {
        json_t *json = json_loads(e->json, 0, NULL);
        const json_t *flags = json_object_get(json, "flags");
        char *old_flags = json_dumps(json_object_get(flags, "old"), JSON_COMPACT);
        char *new_flags = json_dumps(json_object_get(flags, "new"), JSON_COMPACT);
        size_t len = strlen(seen.text);

        if (!seen.n++)
            (void)snprintf(seen.first_id, sizeof seen.first_id, "%s",
                           json_string_value(json_object_get(json, "id")));
        CU_ASSERT(e->seq > seen.last_seq);
        seen.last_seq = e->seq;
        (void)snprintf(seen.text + len, sizeof seen.text - len, "%s %lld %s->%s %s; ",
                       json_string_value(json_object_get(json, "kind")),
                       json_integer_value(json_object_get(json, "uid")), old_flags, new_flags,
                       json_is_true(json_object_get(json, "live")) ? "live" : "late");
        free(old_flags);
        free(new_flags);
        json_decref(json);
    }
}

/* Runs the set to its end and frees it. */
static int64_t run_set(struct change_set *c)
{
    int64_t messages;

    memset(&seen, 0, sizeof seen);
    do {
        ASSERT_INT(store_run(store, delta_run, c), 0);
        read_events(c);
        seen.chunks++;
    } while (c->more);
    messages = c->messages;
    change_free(c);
    return messages;
}

static void begin_scene(void)
{
    struct store_error error = {""};

    seen.last_seq = 0;
    if (store_open(NULL, NULL, &store, &error) < 0)
        FAIL_ROW("store_open: %s", error.text);
    ASSERT_INT(store_run(store, make_scene, NULL), 0);
}

static void end_scene(void)
{
    store_close(store);
    store = NULL;
}

/* ---- what a server says ---- */

static void add_flags(struct change_set *c, uint32_t uid, const char *flag, uint64_t modseq)
{
    struct perch_span v[1] = {perch_span_of(flag)};
    struct perch_fetch f = {
        .uid = uid,
        .have = PERCH_ITEM_UID | PERCH_ITEM_FLAGS | (modseq ? PERCH_ITEM_MODSEQ : 0u),
        .flags = {.v = v, .n = flag ? 1 : 0},
        .modseq = modseq,
    };

    CU_ASSERT_TRUE(change_add_row(c, &f, ROW_FLAGS));
}

static void add_whole(struct change_set *c, uint32_t uid, const char *flag, uint64_t modseq,
                      enum row_kind kind)
{
    struct perch_span v[1] = {perch_span_of(flag)};
    struct perch_envelope envelope = {.subject = PERCH_SPAN("=?utf-8?q?Gr=C3=BC=C3=9Fe?=")};
    struct perch_fetch f = {
        .uid = uid,
        .have = PERCH_ITEM_UID | PERCH_ITEM_FLAGS | PERCH_ITEM_SIZE | PERCH_ITEM_ENVELOPE |
                (modseq ? PERCH_ITEM_MODSEQ : 0u),
        .flags = {.bits = flag ? perch_flag_bit(v[0]) : 0, .v = v, .n = flag ? 1 : 0},
        .modseq = modseq,
        .size = 100,
        .envelope = &envelope,
    };

    CU_ASSERT_TRUE(change_add_row(c, &f, kind));
}

static void vanish(struct change_set *c, uint32_t first, uint32_t last)
{
    struct perch_range r = {first, last};
    struct perch_set uids = {.r = &r, .n = 1};

    CU_ASSERT_TRUE(change_add_vanished(c, &uids));
}

/* INBOX with the UIDs 1 to 5, unseen, UIDNEXT 6, cursor 100 (0: no CONDSTORE). */
static void settle(uint64_t modseq)
{
    struct change_set *c = set_new();

    c->begin = CHANGE_BEGIN;
    c->begin_messages = 5;
    c->uidnext = 6;
    c->highestmodseq = modseq;
    ASSERT_INT(run_set(c), 0);
    c = set_new();
    for (uint32_t uid = 5; uid > 0; uid--)
        add_whole(c, uid, NULL, modseq ? 10 + uid : 0, ROW_INITIAL);
    c->has_below = true;
    c->initial_below = 1;
    ASSERT_INT(run_set(c), 5);
    ASSERT_STR(seen.text, "");
}

/* ---- what is stored ---- */

struct look {
    struct store_mailbox m;
    struct perch_set uids;
    struct perch_arena a;
    char pending[256];
};

static int note_delivery(const struct store_delivery *d, void *user)
{
    struct look *look = user;
    size_t len = strlen(look->pending);

    (void)snprintf(look->pending + len, sizeof look->pending - len, "%lld/%s ", (long long)d->seq,
                   d->line.hook);
    return 0;
}

static int look_job(struct store_tx *tx, void *user)
{
    struct look *look = user;

    ASSERT_INT(store_mailbox_get(tx, mailbox, &look->a, &look->m), 1);
    ASSERT_INT(store_message_uids(tx, mailbox, 1, UINT32_MAX, &look->uids), 0);
    for (size_t i = 0; i < PERCH_COUNT(routes); i++) {
        struct store_line line = {routes[i].name, account, mailbox};

        ASSERT_INT(store_line_read(tx, &line, 0, 10, &look->a, note_delivery, look), 0);
    }
    return 0;
}

static void look_at(struct look *look)
{
    memset(look, 0, sizeof *look);
    perch_arena_init(&look->a, 0);
    ASSERT_INT(store_run(store, look_job, look), 0);
}

static void look_done(struct look *look)
{
    perch_set_done(&look->uids);
    perch_arena_done(&look->a);
}

static void assert_uids(const char *want)
{
    struct look look;
    char text[256];

    look_at(&look);
    (void)perch_set_format(&look.uids, text, sizeof text);
    ASSERT_STR(text, want);
    look_done(&look);
}

/* ---- tests ---- */

static void test_a_set_is_deleted_then_flags_then_new(void)
{
    struct change_set *c;

    begin_scene();
    settle(100);
    c = set_new();
    add_whole(c, 7, NULL, 112, ROW_NEW);
    add_whole(c, 6, "\\Seen", 111, ROW_NEW);
    add_flags(c, 3, "\\Seen", 110);
    add_flags(c, 4, "\\Flagged", 105);
    vanish(c, 5, 5);
    vanish(c, 1, 2);
    c->uidnext = 8;
    c->has_modseq = true;
    c->highestmodseq = 112;
    ASSERT_INT(run_set(c), -1);
    ASSERT_STR(seen.text, "deleted 1 []->[] late; deleted 2 []->[] late; deleted 5 []->[] late; "
                          "flags 4 []->[\"\\\\Flagged\"] late; flags 3 []->[\"\\\\Seen\"] late; "
                          "new 6 []->[\"\\\\Seen\"] late; new 7 []->[] late; ");
    assert_uids("3:4,6:7");
    end_scene();
}

static void test_doing_it_twice_is_doing_it_once(void)
{
    begin_scene();
    settle(100);
    for (int i = 0; i < 2; i++) {
        struct change_set *c = set_new();

        add_whole(c, 6, NULL, 111, ROW_NEW);
        add_flags(c, 3, "\\Seen", 110);
        vanish(c, 1, 2);
        (void)run_set(c);
        ASSERT_INT(seen.n, i ? 0 : 4);
    }
    assert_uids("3:6");
    end_scene();
}

static void test_cursors_move_only_when_the_set_says_so(void)
{
    struct change_set *c;
    struct look look;

    begin_scene();
    settle(100);
    c = set_new();
    add_whole(c, 6, NULL, 111, ROW_NEW);
    add_flags(c, 3, "\\Seen", 120);
    (void)run_set(c);
    look_at(&look);
    ASSERT_INT(look.m.highestmodseq, 100);
    ASSERT_INT(look.m.uidnext, 6);
    look_done(&look);

    c = set_new();
    c->has_modseq = true;
    c->highestmodseq = 120;
    c->uidnext = 7;
    (void)run_set(c);
    look_at(&look);
    ASSERT_INT(look.m.highestmodseq, 120);
    ASSERT_INT(look.m.uidnext, 7);
    look_done(&look);

    c = set_new();
    c->uidnext = 3; /* UIDNEXT never goes back */
    (void)run_set(c);
    look_at(&look);
    ASSERT_INT(look.m.uidnext, 7);
    look_done(&look);
    end_scene();
}

static void test_flags_that_are_the_same_are_no_event(void)
{
    struct change_set *c;

    begin_scene();
    settle(100);
    c = set_new();
    add_flags(c, 3, NULL, 150);
    (void)run_set(c);
    ASSERT_STR(seen.text, "");
    end_scene();
}

static void test_each_change_of_a_message_is_told_in_its_order(void)
{
    struct change_set *c;

    begin_scene();
    settle(100);
    c = set_new();
    c->live = true;
    add_flags(c, 3, "\\Seen", 110);
    add_flags(c, 3, "\\Flagged", 111);
    (void)run_set(c);
    ASSERT_STR(seen.text, "flags 3 []->[\"\\\\Seen\"] live; "
                          "flags 3 [\"\\\\Seen\"]->[\"\\\\Flagged\"] live; ");
    end_scene();
}

static void test_flags_of_a_message_of_the_same_set_come_after_it(void)
{
    struct change_set *c;

    begin_scene();
    settle(100);
    c = set_new();
    add_whole(c, 6, NULL, 110, ROW_NEW);
    add_flags(c, 6, "\\Seen", 111);
    (void)run_set(c);
    ASSERT_STR(seen.text, "new 6 []->[] late; flags 6 []->[\"\\\\Seen\"] late; ");
    end_scene();
}

static void test_a_search_tells_what_is_gone_and_what_is_missing(void)
{
    struct change_set *c;
    char missing[64];

    begin_scene();
    settle(0);
    c = set_new();
    vanish(c, 4, 4);
    (void)run_set(c);

    c = set_new();
    c->complete = true;
    c->alive_first = 1;
    c->alive_last = 5;
    CU_ASSERT_EQUAL(perch_set_add(&c->alive, 1, 1), 0);
    CU_ASSERT_EQUAL(perch_set_add(&c->alive, 4, 4), 0);
    CU_ASSERT_EQUAL(perch_set_add(&c->alive, 6, 9), 0); /* not of the window */
    ASSERT_INT(store_run(store, delta_run, c), 0);
    (void)perch_set_format(&c->missing, missing, sizeof missing);
    ASSERT_STR(missing, "4");
    memset(&seen, 0, sizeof seen);
    read_events(c);
    ASSERT_STR(seen.text, "deleted 2 []->[] late; deleted 3 []->[] late; deleted 5 []->[] late; ");
    change_free(c);
    assert_uids("1");
    end_scene();
}

static void test_flags_of_an_unknown_message_make_it_missing(void)
{
    struct change_set *c;
    char missing[64];

    begin_scene();
    settle(100);
    c = set_new();
    vanish(c, 4, 4);
    (void)run_set(c);
    c = set_new();
    add_flags(c, 4, "\\Seen", 130); /* below UIDNEXT: it should be known */
    add_flags(c, 9, "\\Seen", 131); /* above: STEP_NEW brings it */
    ASSERT_INT(store_run(store, delta_run, c), 0);
    (void)perch_set_format(&c->missing, missing, sizeof missing);
    ASSERT_STR(missing, "4");
    change_free(c);
    end_scene();
}

static void test_without_condstore_changes_are_numbered_here(void)
{
    struct change_set *c;
    struct look look;
    char first_id[EVENT_ID_SIZE];

    begin_scene();
    settle(0);
    c = set_new();
    add_flags(c, 3, "\\Seen", 0);
    (void)run_set(c);
    memcpy(first_id, seen.first_id, sizeof first_id);
    look_at(&look);
    ASSERT_INT(look.m.change, 1);
    look_done(&look);

    c = set_new();
    add_flags(c, 3, NULL, 0);
    (void)run_set(c);
    c = set_new();
    add_flags(c, 3, "\\Seen", 0); /* the same change again is another event */
    (void)run_set(c);
    ASSERT_INT(seen.n, 1);
    CU_ASSERT_STRING_NOT_EQUAL(seen.first_id, first_id);
    look_at(&look);
    ASSERT_INT(look.m.change, 3);
    look_done(&look);
    end_scene();
}

static void test_first_run_decides_what_the_first_contact_tells(void)
{
    static const struct {
        enum config_first_run first_run;
        const char *want;
    } rows[] = {
        {FIRST_RUN_QUIET, ""},
        {FIRST_RUN_UNSEEN, "new 2 []->[] late; "},
        {FIRST_RUN_ALL, "new 1 []->[\"\\\\Seen\"] late; new 2 []->[] late; "},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct change_set *c;

        begin_scene();
        c = set_new();
        c->begin = CHANGE_BEGIN;
        c->begin_messages = 2;
        c->uidnext = 3;
        (void)run_set(c);
        c = set_new();
        c->live = true; /* old mail is never live */
        c->first_run = rows[i].first_run;
        add_whole(c, 1, "\\Seen", 0, ROW_INITIAL);
        add_whole(c, 2, NULL, 0, ROW_INITIAL);
        (void)run_set(c);
        ASSERT_STR(seen.text, rows[i].want);
        end_scene();
    }
}

static void test_a_first_contact_goes_on_where_it_was_left(void)
{
    struct change_set *c;
    struct look look;

    begin_scene();
    c = set_new();
    c->begin = CHANGE_BEGIN;
    c->begin_messages = 4;
    c->uidnext = 5;
    (void)run_set(c);
    c = set_new();
    add_whole(c, 3, NULL, 0, ROW_INITIAL);
    add_whole(c, 4, NULL, 0, ROW_INITIAL);
    c->has_below = true;
    c->initial_below = 3;
    (void)run_set(c);
    look_at(&look);
    ASSERT_INT(look.m.sync, STORE_SYNC_INITIAL);
    ASSERT_INT(look.m.initial_below, 3);
    ASSERT_INT(look.m.initial_top, 5);
    look_done(&look);

    c = set_new(); /* flags of what is still to come are no business of ours */
    add_flags(c, 2, "\\Seen", 0);
    ASSERT_INT(store_run(store, delta_run, c), 0);
    ASSERT_INT(c->missing.n, 0);
    change_free(c);

    c = set_new();
    add_whole(c, 1, NULL, 0, ROW_INITIAL);
    c->has_below = true;
    c->initial_below = 1;
    (void)run_set(c);
    look_at(&look);
    ASSERT_INT(look.m.sync, STORE_SYNC_DONE);
    look_done(&look);
    end_scene();
}

static void test_a_reset_is_one_event_and_then_silence(void)
{
    struct change_set *c;
    struct look look;

    begin_scene();
    settle(100);
    c = set_new();
    c->begin = CHANGE_RESET;
    c->begin_messages = 2;
    c->uidvalidity = 8;
    c->uidnext = 3;
    c->highestmodseq = 9;
    ASSERT_INT(run_set(c), -5);
    ASSERT_STR(seen.text, "reset 0 []->[] late; ");
    assert_uids("");
    look_at(&look);
    ASSERT_INT(look.m.uidvalidity, 8);
    ASSERT_INT(look.m.highestmodseq, 9);
    ASSERT_INT(look.m.sync, STORE_SYNC_AGAIN);
    look_done(&look);

    c = set_new(); /* whatever first_run says */
    c->uidvalidity = 8;
    c->first_run = FIRST_RUN_ALL;
    add_whole(c, 1, NULL, 0, ROW_INITIAL);
    add_whole(c, 2, NULL, 0, ROW_INITIAL);
    c->has_below = true;
    c->initial_below = 1;
    ASSERT_INT(run_set(c), 2);
    ASSERT_STR(seen.text, "");
    end_scene();
}

static void test_a_reset_says_what_it_did(void)
{
    struct change_set *c;
    json_t *json;

    begin_scene();
    settle(100);
    c = set_new();
    c->begin = CHANGE_RESET;
    c->begin_messages = 2;
    c->uidvalidity = 8;
    c->uidnext = 3;
    ASSERT_INT(store_run(store, delta_run, c), 0);
    json = json_loads(c->emission.first->json, 0, NULL);
    ASSERT_STR(json_string_value(json_object_get(json, "reason")), "uidvalidity");
    ASSERT_INT(json_integer_value(json_object_get(json, "matched")), 0);
    ASSERT_INT(json_integer_value(json_object_get(json, "new")), 2);
    ASSERT_INT(json_integer_value(json_object_get(json, "gone")), 5);
    ASSERT_INT(json_integer_value(json_object_get(json_object_get(json, "mailbox"), "uidvalidity")),
               8);
    json_decref(json);
    change_free(c);
    end_scene();
}

static void test_what_belongs_to_another_uidvalidity_is_left_alone(void)
{
    struct change_set *c;

    begin_scene();
    settle(100);
    c = set_new();
    c->uidvalidity = 6;
    add_whole(c, 9, NULL, 0, ROW_NEW);
    vanish(c, 1, 5);
    c->uidnext = 10;
    ASSERT_INT(run_set(c), 0);
    ASSERT_STR(seen.text, "");
    assert_uids("1:5");
    end_scene();
}

static void test_a_deleted_mailbox_takes_its_messages_along(void)
{
    struct change_set *c;
    struct look look;

    begin_scene();
    settle(100);
    c = set_new();
    c->begin = CHANGE_DELETED;
    c->live = true;
    (void)run_set(c);
    ASSERT_STR(seen.text, "mailbox-deleted 0 []->[] live; ");
    assert_uids("");
    look_at(&look);
    ASSERT_INT(look.m.sync, STORE_SYNC_DELETED);
    CU_ASSERT_TRUE(look.m.gone);
    look_done(&look);
    end_scene();
}

static void test_vanished_ranges_cost_what_is_stored(void)
{
    struct change_set *c;

    begin_scene();
    settle(100);
    c = set_new();
    vanish(c, 1, UINT32_MAX);
    ASSERT_INT(run_set(c), -5);
    ASSERT_INT(seen.n, 5);
    end_scene();
}

static void test_much_work_is_done_in_chunks(void)
{
    struct change_set *c;
    struct look look;

    begin_scene();
    settle(100);
    c = set_new();
    for (uint32_t uid = 6; uid < 2006; uid++)
        add_whole(c, uid, NULL, 200, ROW_NEW);
    c->uidnext = 2006;
    memset(&seen, 0, sizeof seen);
    ASSERT_INT(store_run(store, delta_run, c), 0);
    CU_ASSERT_TRUE(c->more);
    look_at(&look); /* a crash here finds the rest again */
    ASSERT_INT(look.m.uidnext, 6);
    look_done(&look);
    change_free(c);

    c = set_new();
    for (uint32_t uid = 6; uid < 2006; uid++)
        add_whole(c, uid, NULL, 200, ROW_NEW);
    c->uidnext = 2006;
    (void)run_set(c);
    CU_ASSERT(seen.chunks > 1);
    CU_ASSERT(seen.n < 2000);
    assert_uids("1:2005");
    look_at(&look);
    ASSERT_INT(look.m.uidnext, 2006);
    look_done(&look);

    c = set_new();
    vanish(c, 1, 2005);
    ASSERT_INT(run_set(c), -2005);
    ASSERT_INT(seen.n, 2005);
    CU_ASSERT(seen.chunks > 3);
    end_scene();
}

static void test_hooks_get_the_kinds_that_they_want(void)
{
    struct change_set *c;
    struct look look;
    char want[256];

    begin_scene();
    settle(100);
    c = set_new();
    add_flags(c, 3, "\\Seen", 110);
    vanish(c, 1, 1);
    (void)run_set(c);
    look_at(&look);
    (void)snprintf(want, sizeof want, "%lld/any %lld/any %lld/flags ", (long long)seen.last_seq - 1,
                   (long long)seen.last_seq, (long long)seen.last_seq);
    ASSERT_STR(look.pending, want);
    look_done(&look);
    end_scene();
}

static void test_a_deleted_message_is_told_with_what_was_known_of_it(void)
{
    struct change_set *c;
    json_t *json;

    begin_scene();
    settle(100);
    c = set_new();
    vanish(c, 2, 2);
    ASSERT_INT(store_run(store, delta_run, c), 0);
    json = json_loads(c->emission.first->json, 0, NULL);
    ASSERT_STR(json_string_value(json_object_get(json, "subject")), "Grüße");
    ASSERT_INT(json_integer_value(json_object_get(json, "size")), 100);
    json_decref(json);
    change_free(c);
    end_scene();
}

PERCH_SUITE("daemon/delta") = {
    PERCH_TEST(test_a_set_is_deleted_then_flags_then_new),
    PERCH_TEST(test_doing_it_twice_is_doing_it_once),
    PERCH_TEST(test_cursors_move_only_when_the_set_says_so),
    PERCH_TEST(test_flags_that_are_the_same_are_no_event),
    PERCH_TEST(test_each_change_of_a_message_is_told_in_its_order),
    PERCH_TEST(test_flags_of_a_message_of_the_same_set_come_after_it),
    PERCH_TEST(test_a_search_tells_what_is_gone_and_what_is_missing),
    PERCH_TEST(test_flags_of_an_unknown_message_make_it_missing),
    PERCH_TEST(test_without_condstore_changes_are_numbered_here),
    PERCH_TEST(test_first_run_decides_what_the_first_contact_tells),
    PERCH_TEST(test_a_first_contact_goes_on_where_it_was_left),
    PERCH_TEST(test_a_reset_is_one_event_and_then_silence),
    PERCH_TEST(test_a_reset_says_what_it_did),
    PERCH_TEST(test_what_belongs_to_another_uidvalidity_is_left_alone),
    PERCH_TEST(test_a_deleted_mailbox_takes_its_messages_along),
    PERCH_TEST(test_vanished_ranges_cost_what_is_stored),
    PERCH_TEST(test_much_work_is_done_in_chunks),
    PERCH_TEST(test_hooks_get_the_kinds_that_they_want),
    PERCH_TEST(test_a_deleted_message_is_told_with_what_was_known_of_it),
    PERCH_END,
};
