/* The blocking twins of what changes messages, against a script. */
#include "client/fixture.h"

#define HELLO "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n"
#define SELECTED                                                                                   \
    {SERVER_SAY, HELLO}, {SERVER_EXPECT, "AUTHENTICATE PLAIN"},                                    \
        {SERVER_SAY, "%t OK [CAPABILITY IMAP4rev1 UIDPLUS MOVE LITERAL+] in\r\n"},                 \
        {SERVER_EXPECT, "SELECT \"INBOX\""},                                                       \
    {                                                                                              \
        SERVER_SAY, "* 7 EXISTS\r\n* OK [UIDVALIDITY 5]\r\n%t OK [READ-WRITE]\r\n"                 \
    }

static const struct perch_range three = {3, 3};
static const struct perch_set set = {.r = (struct perch_range *)(uintptr_t)&three, .n = 1};

/* Connected, logged in, INBOX selected; ready for the script's next step. */
static void begin(struct fixture *f, const struct server_step *steps)
{
    static const char *const plain[] = {"PLAIN"};
    struct perch_auth_args who = PERCH_AUTH_ARGS_INIT;
    struct perch_select_args select = PERCH_SELECT_ARGS_INIT;

    fixture_start(f, NULL, steps, PERCH_TLS_NONE, NULL);
    ASSERT_INT(perch_client_connect_sync(f->c), 0);
    who.mechanisms = plain;
    who.nmechanisms = 1;
    who.user = perch_span_of("tim");
    who.password = perch_span_of("tanstaaftanstaaf");
    ASSERT_INT(perch_authenticate_sync(f->c, &who, NULL), 0);
    select.mailbox = PERCH_SPAN("INBOX");
    ASSERT_INT(perch_select_sync(f->c, &select, NULL), 0);
}

static void test_messages_are_changed_and_the_results_handed_over(void)
{
    static const struct server_step steps[] = {
        SELECTED,
        {SERVER_EXPECT, "UID STORE 3 +FLAGS (\\Seen)"},
        {SERVER_SAY, "* 3 FETCH (UID 3 FLAGS (\\Seen))\r\n%t OK\r\n"},
        {SERVER_EXPECT, "UID COPY 3 \"Sent\""},
        {SERVER_SAY, "%t OK [COPYUID 9 3 30]\r\n"},
        {SERVER_EXPECT, "UID MOVE 3 \"Sent\""},
        {SERVER_SAY, "* OK [COPYUID 9 3 31]\r\n* 3 EXPUNGE\r\n%t OK\r\n"},
        {SERVER_EXPECT, "UID EXPUNGE 3"},
        {SERVER_SAY, "%t NO gone\r\n"},
        {SERVER_EXPECT, "CLOSE"},
        {SERVER_SAY, "%t OK\r\n"},
        {SERVER_END, NULL},
    };
    struct perch_store_args store = PERCH_STORE_ARGS_INIT;
    struct perch_copy_args copy = PERCH_COPY_ARGS_INIT;
    struct fixture f;
    perch_op *op;

    begin(&f, steps);
    store.set = &set;
    store.mode = PERCH_STORE_ADD;
    store.flags = PERCH_FLAG_SEEN;
    ASSERT_INT(perch_store_sync(f.c, &store, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    ASSERT_INT(perch_op_store(op)->nrows, 1);
    perch_op_unref(op);
    copy.set = &set;
    copy.mailbox = PERCH_SPAN("Sent");
    ASSERT_INT(perch_copy_sync(f.c, &copy, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    ASSERT_INT(perch_set_at(&perch_op_copied(op)->dest, 0), 30);
    perch_op_unref(op);
    ASSERT_INT(perch_move_sync(f.c, &copy, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    ASSERT_INT(perch_set_at(&perch_op_copied(op)->dest, 0), 31);
    perch_op_unref(op);
    ASSERT_INT(perch_expunge_sync(f.c, &set, NULL), PERCH_ENO);
    ASSERT_INT(perch_close_sync(f.c, NULL), 0);
    CU_ASSERT_PTR_NULL(perch_session_mailbox(perch_client_session(f.c)));
    CU_ASSERT(server_finished(f.server));
    fixture_stop(&f);
}

static ssize_t count(void *user, uint8_t *to, size_t max)
{
    size_t *taken = user;

    memset(to, 'x', max);
    *taken += max;
    return (ssize_t)max;
}

static void test_messages_are_uploaded_from_memory_and_from_a_function(void)
{
    static const struct server_step steps[] = {
        SELECTED,
        {SERVER_EXPECT, "APPEND \"Sent\" {7+}"},
        {SERVER_LINE, "hello"},
        {SERVER_LINE, ""},
        {SERVER_SAY, "%t OK [APPENDUID 9 32]\r\n"},
        {SERVER_EXPECT, "UID FETCH 3 (UID)"},
        {SERVER_SAY, "* 3 FETCH (UID 3)\r\n%t OK\r\n"},
        {SERVER_EXPECT, "APPEND \"Sent\" {3+}"},
        {SERVER_LINE, "xxx"},
        {SERVER_SAY, "%t OK [APPENDUID 9 33]\r\n"},
        {SERVER_EXPECT, "UID STORE 3 +FLAGS.SILENT (\\Deleted)"},
        {SERVER_SAY, "%t OK\r\n"},
        {SERVER_EXPECT, "UID EXPUNGE 3"},
        {SERVER_SAY, "* 3 EXPUNGE\r\n%t OK\r\n"},
        {SERVER_END, NULL},
    };
    size_t taken = 0;
    struct perch_append_message first = {.source = {.size = 7, .data = "hello\r\n"}};
    struct perch_append_message second = {.source = {.size = 3, .read = count, .user = &taken}};
    struct perch_append_args append = PERCH_APPEND_ARGS_INIT;
    struct perch_replace_args replace = PERCH_REPLACE_ARGS_INIT;
    struct fixture f;
    perch_op *op;

    begin(&f, steps);
    append.mailbox = PERCH_SPAN("Sent");
    append.messages = &first;
    append.nmessages = 1;
    ASSERT_INT(perch_append_sync(f.c, &append, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    ASSERT_INT(perch_set_at(&perch_op_appended(op)->uids, 0), 32);
    perch_op_unref(op);
    replace.number = 3;
    replace.mailbox = PERCH_SPAN("Sent");
    replace.message = &second;
    ASSERT_INT(perch_replace_sync(f.c, &replace, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    CU_ASSERT(perch_op_appended(op)->emulated && !perch_op_appended(op)->left);
    perch_op_unref(op);
    ASSERT_INT(taken, 3);
    CU_ASSERT(server_finished(f.server));
    fixture_stop(&f);
}

/* A server that takes nothing more: TCP's own buffers fill, then perch's, and that is all
 * that is ever read of the 2 GiB. */
static void test_a_stalled_server_holds_the_source_back(void)
{
    static const struct server_step steps[] = {
        SELECTED,
        {SERVER_EXPECT, "APPEND"},
        {SERVER_STALL, NULL},
        {SERVER_END, NULL},
    };
    size_t taken = 0;
    struct perch_append_message m = {
        .source = {.size = (uint64_t)2 << 30, .read = count, .user = &taken}};
    struct perch_append_args append = PERCH_APPEND_ARGS_INIT;
    struct fixture f;

    begin(&f, steps);
    append.mailbox = PERCH_SPAN("Sent");
    append.messages = &m;
    append.nmessages = 1;
    ASSERT_INT(perch_append_start(perch_client_session(f.c), &append, fixture_done, &f, NULL), 0);
    loop_settle(f.base);
    CU_ASSERT(taken > 64 << 10 && taken < 8 << 20);
    ASSERT_INT(f.dones, 0);
    perch_client_free(f.c);
    f.c = NULL;
    ASSERT_INT(f.dones, 1);
    ASSERT_INT(f.done_code, PERCH_ECANCELLED);
    fixture_stop(&f);
}

PERCH_SUITE("client/sync_change") = {
    PERCH_TEST(test_messages_are_changed_and_the_results_handed_over),
    PERCH_TEST(test_messages_are_uploaded_from_memory_and_from_a_function),
    PERCH_TEST(test_a_stalled_server_holds_the_source_back),
    PERCH_END,
};
