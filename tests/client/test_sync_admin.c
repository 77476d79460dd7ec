/* The blocking twins of what concerns mailboxes as such and the server, against a script. */
#include "client/fixture.h"

#define HELLO "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n"
#define LOGGED_IN(capabilities)                                                                    \
    {SERVER_SAY, HELLO}, {SERVER_EXPECT, "AUTHENTICATE PLAIN"},                                    \
    {                                                                                              \
        SERVER_SAY, "%t OK [CAPABILITY IMAP4rev1 " capabilities "] in\r\n"                         \
    }

/* Connected and logged in, ready for the script's next step. */
static void begin(struct fixture *f, const struct server_step *steps)
{
    static const char *const plain[] = {"PLAIN"};
    struct perch_auth_args who = PERCH_AUTH_ARGS_INIT;

    fixture_start(f, NULL, steps, PERCH_TLS_NONE, NULL);
    ASSERT_INT(perch_client_connect_sync(f->c), 0);
    who.mechanisms = plain;
    who.nmechanisms = 1;
    who.user = perch_span_of("tim");
    who.password = perch_span_of("tanstaaftanstaaf");
    ASSERT_INT(perch_authenticate_sync(f->c, &who, NULL), 0);
}

static void finish(struct fixture *f)
{
    CU_ASSERT(server_finished(f->server));
    fixture_stop(f);
}

static void test_mailboxes_are_made_and_found(void)
{
    static const struct server_step steps[] = {
        LOGGED_IN("NAMESPACE"),
        {SERVER_EXPECT, "CREATE \"x\""},
        {SERVER_SAY, "%t OK\r\n"},
        {SERVER_EXPECT, "RENAME \"x\" \"Sent\""},
        {SERVER_SAY, "%t OK\r\n"},
        {SERVER_EXPECT, "SUBSCRIBE \"Sent\""},
        {SERVER_SAY, "%t OK\r\n"},
        {SERVER_EXPECT, "UNSUBSCRIBE \"Sent\""},
        {SERVER_SAY, "%t OK\r\n"},
        {SERVER_EXPECT, "NAMESPACE"},
        {SERVER_SAY, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n%t OK\r\n"},
        {SERVER_EXPECT, "LIST \"\" \"Sent\""},
        {SERVER_SAY, "* LIST () \"/\" Sent\r\n%t OK\r\n"},
        {SERVER_EXPECT, "LIST \"\" \"*\""},
        {SERVER_SAY, "* LIST () \"/\" Sent\r\n%t OK\r\n"},
        {SERVER_EXPECT, "NAMESPACE"},
        {SERVER_SAY, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n%t OK\r\n"},
        {SERVER_EXPECT, "DELETE \"Sent\""},
        {SERVER_SAY, "%t NO [INUSE] not now\r\n"},
        {SERVER_END, NULL},
    };
    const struct perch_span sent = PERCH_SPAN("Sent");
    struct perch_create_args create = PERCH_CREATE_ARGS_INIT;
    struct perch_rename_args rename = PERCH_RENAME_ARGS_INIT;
    struct fixture f;
    perch_op *op;

    begin(&f, steps);
    create.mailbox = rename.from = PERCH_SPAN("x");
    rename.to = sent;
    ASSERT_INT(perch_create_sync(f.c, &create, NULL), 0);
    ASSERT_INT(perch_rename_sync(f.c, &rename, NULL), 0);
    ASSERT_INT(perch_subscribe_sync(f.c, sent, false, NULL), 0);
    ASSERT_INT(perch_unsubscribe_sync(f.c, sent, false, NULL), 0);
    ASSERT_INT(perch_namespace_sync(f.c, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    ASSERT_INT(perch_op_namespaces(op)->kind[0].n, 1);
    perch_op_unref(op);
    ASSERT_INT(perch_exists_sync(f.c, sent, false, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    CU_ASSERT(perch_op_exists(op));
    perch_op_unref(op);
    ASSERT_INT(perch_special_sync(f.c, PERCH_ATTR_SENT, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    CU_ASSERT_PTR_NOT_NULL_FATAL(perch_op_special(op));
    ASSERT_SPAN(perch_op_special(op)->mailbox.utf8, "Sent");
    perch_op_unref(op);
    ASSERT_INT(perch_delete_sync(f.c, sent, false, NULL), PERCH_ENO);
    finish(&f);
}

static void test_messages_are_put_in_order(void)
{
    static const struct server_step steps[] = {
        LOGGED_IN("SORT THREAD=REFS"),
        {SERVER_EXPECT, "SELECT \"INBOX\""},
        {SERVER_SAY, "* 7 EXISTS\r\n%t OK\r\n"},
        {SERVER_EXPECT, "UID SORT (SIZE) UTF-8 ALL"},
        {SERVER_SAY, "* SORT 9 2 4\r\n%t OK\r\n"},
        {SERVER_EXPECT, "UID THREAD REFS UTF-8 ALL"},
        {SERVER_SAY, "* THREAD (9 2)(4)\r\n%t OK\r\n"},
        {SERVER_END, NULL},
    };
    const struct perch_sort_key by_size = {PERCH_SORT_SIZE, false};
    struct perch_select_args select = PERCH_SELECT_ARGS_INIT;
    struct perch_sort_args sort = PERCH_SORT_ARGS_INIT;
    struct perch_thread_args thread = PERCH_THREAD_ARGS_INIT;
    struct fixture f;
    perch_op *op;

    begin(&f, steps);
    select.mailbox = PERCH_SPAN("INBOX");
    ASSERT_INT(perch_select_sync(f.c, &select, NULL), 0);
    sort.keys = &by_size;
    sort.nkeys = 1;
    ASSERT_INT(perch_sort_sync(f.c, &sort, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    CU_ASSERT_EQUAL_FATAL(perch_op_sort(op)->norder, 3);
    ASSERT_INT(perch_op_sort(op)->order[1], 2);
    perch_op_unref(op);
    thread.algorithm = "REFS";
    ASSERT_INT(perch_thread_sync(f.c, &thread, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    CU_ASSERT_EQUAL_FATAL(perch_op_threads(op)->n, 3);
    ASSERT_INT(perch_op_threads(op)->v[1].depth, 1);
    perch_op_unref(op);
    finish(&f);
}

static void test_the_server_is_administered(void)
{
    static const struct server_step steps[] = {
        LOGGED_IN("ACL QUOTA METADATA LANGUAGE"),
        {SERVER_EXPECT, "SETACL \"INBOX\" \"ann\" \"+lr\""},
        {SERVER_SAY, "%t OK\r\n"},
        {SERVER_EXPECT, "GETACL \"INBOX\""},
        {SERVER_SAY, "* ACL INBOX ann lr\r\n%t OK\r\n"},
        {SERVER_EXPECT, "LISTRIGHTS \"INBOX\" \"ann\""},
        {SERVER_SAY, "* LISTRIGHTS INBOX ann \"\" l r\r\n%t OK\r\n"},
        {SERVER_EXPECT, "MYRIGHTS \"INBOX\""},
        {SERVER_SAY, "* MYRIGHTS INBOX lrswipa\r\n%t OK\r\n"},
        {SERVER_EXPECT, "DELETEACL \"INBOX\" \"ann\""},
        {SERVER_SAY, "%t NO\r\n"},
        {SERVER_EXPECT, "SETQUOTA \"r\" (STORAGE 9)"},
        {SERVER_SAY, "%t OK\r\n"},
        {SERVER_EXPECT, "GETQUOTA \"r\""},
        {SERVER_SAY, "* QUOTA r (STORAGE 1 9)\r\n%t OK\r\n"},
        {SERVER_EXPECT, "GETQUOTAROOT \"INBOX\""},
        {SERVER_SAY, "* QUOTAROOT INBOX r\r\n* QUOTA r (STORAGE 1 9)\r\n%t OK\r\n"},
        {SERVER_EXPECT, "SETMETADATA \"\" (\"/shared/comment\" NIL)"},
        {SERVER_SAY, "%t OK\r\n"},
        {SERVER_EXPECT, "GETMETADATA \"\" (\"/shared/comment\")"},
        {SERVER_SAY, "* METADATA \"\" (/shared/comment NIL)\r\n%t OK\r\n"},
        {SERVER_EXPECT, "LANGUAGE \"de\""},
        {SERVER_SAY, "* LANGUAGE (\"de\")\r\n%t OK\r\n"},
        {SERVER_END, NULL},
    };
    static const char *const entries[] = {"/shared/comment"}, *const languages[] = {"de"};
    static const struct perch_metadata_value value = {"/shared/comment", {NULL, 0}};
    static const struct perch_quota_limit limit = {"STORAGE", 9};
    struct perch_acl_args acl = PERCH_ACL_ARGS_INIT;
    struct perch_getmetadata_args get = PERCH_GETMETADATA_ARGS_INIT;
    struct perch_setmetadata_args set = PERCH_SETMETADATA_ARGS_INIT;
    const struct perch_quota_resp *const *quotas;
    const struct perch_metadata_resp *const *rows;
    struct fixture f;
    perch_op *op;

    begin(&f, steps);
    acl.mailbox = PERCH_SPAN("INBOX");
    acl.identifier = PERCH_SPAN("ann");
    acl.rights = PERCH_SPAN("lr");
    acl.mode = PERCH_ACL_ADD;
    ASSERT_INT(perch_setacl_sync(f.c, &acl, NULL), 0);
    ASSERT_INT(perch_getacl_sync(f.c, &acl, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    ASSERT_SPAN(perch_op_acl(op)->v[0].rights, "lr");
    perch_op_unref(op);
    ASSERT_INT(perch_listrights_sync(f.c, &acl, &op), 0);
    ASSERT_INT(perch_op_rights(op)->noptional, 2);
    perch_op_unref(op);
    ASSERT_INT(perch_myrights_sync(f.c, &acl, &op), 0);
    ASSERT_SPAN(perch_op_rights(op)->rights, "lrswipa");
    perch_op_unref(op);
    ASSERT_INT(perch_deleteacl_sync(f.c, &acl, NULL), PERCH_ENO);
    ASSERT_INT(perch_setquota_sync(f.c, PERCH_SPAN("r"), &limit, 1, NULL), 0);
    ASSERT_INT(perch_getquota_sync(f.c, PERCH_SPAN("r"), &op), 0);
    CU_ASSERT_EQUAL_FATAL(perch_op_quotas(op, &quotas), 1);
    ASSERT_INT(quotas[0]->v[0].limit, 9);
    perch_op_unref(op);
    ASSERT_INT(perch_getquotaroot_sync(f.c, acl.mailbox, false, &op), 0);
    ASSERT_SPAN(perch_op_quotaroot(op)->roots[0], "r");
    perch_op_unref(op);
    set.values = &value;
    set.nvalues = get.nentries = 1;
    get.entries = entries;
    ASSERT_INT(perch_setmetadata_sync(f.c, &set, NULL), 0);
    ASSERT_INT(perch_getmetadata_sync(f.c, &get, &op), 0);
    CU_ASSERT_EQUAL_FATAL(perch_op_metadata(op, &rows), 1);
    CU_ASSERT_PTR_NULL(rows[0]->v[0].value.p);
    perch_op_unref(op);
    ASSERT_INT(perch_language_sync(f.c, languages, 1, &op), 0);
    ASSERT_SPAN(perch_op_languages(op)->v[0], "de");
    perch_op_unref(op);
    finish(&f);
}

static void test_any_command(void)
{
    static const struct server_step steps[] = {
        LOGGED_IN("X"),
        {SERVER_EXPECT, "XCMD 7"},
        {SERVER_SAY, "* XCMD seven\r\n%t OK\r\n"},
        {SERVER_END, NULL},
    };
    const struct perch_raw_arg seven = {.kind = PERCH_RAW_NUMBER, .number = 7};
    const struct perch_resp *const *rows;
    struct fixture f;
    perch_op *op;

    begin(&f, steps);
    ASSERT_INT(perch_raw_sync(f.c, "XCMD", &seven, 1, &op), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    CU_ASSERT_EQUAL_FATAL(perch_op_raw(op, &rows), 1);
    ASSERT_SPAN(rows[0]->raw, "* XCMD seven");
    perch_op_unref(op);
    finish(&f);
}

PERCH_SUITE("client/sync_admin") = {
    PERCH_TEST(test_mailboxes_are_made_and_found),
    PERCH_TEST(test_messages_are_put_in_order),
    PERCH_TEST(test_the_server_is_administered),
    PERCH_TEST(test_any_command),
    PERCH_END,
};
