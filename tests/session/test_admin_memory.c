/* Every allocation refused once, and from one on, family by family: nothing leaks, nothing
 * hangs, every op completes. */
#include "session/memory.h"

#include "perch/admin.h"
#include "perch/mailbox.h"
#include "perch/order.h"
#include "perch/raw.h"

/* ---- mailboxes ---- */

static int mailboxes(void *user)
{
    struct perch_create_args create = PERCH_CREATE_ARGS_INIT;
    struct perch_rename_args rename = PERCH_RENAME_ARGS_INIT;
    struct run r = {0};

    (void)user;
    run_begin(&r, "* CAPABILITY IMAP4rev1 NAMESPACE CREATE-SPECIAL-USE\r\n");
    if (!r.s)
        return PERCH_ENOMEM;
    create.mailbox = PERCH_SPAN("gr\xc3\xbc\xc3\x9f");
    create.special_use = PERCH_ATTR_JUNK;
    run_note(&r, perch_create_start(r.s, &create, run_done, &r, NULL));
    run_answer(&r, "", "[MAILBOXID (F7)]");
    rename.from = create.mailbox;
    rename.to = PERCH_SPAN("b");
    run_note(&r, perch_rename_start(r.s, &rename, run_done, &r, NULL));
    run_answer(&r, "", "");
    run_note(&r, perch_delete_start(r.s, PERCH_SPAN("b"), false, run_done, &r, NULL));
    run_answer(&r, "", "");
    run_note(&r, perch_exists_start(r.s, PERCH_SPAN("b"), false, run_done, &r, NULL));
    run_answer(&r, "* LIST () \"/\" b\r\n", "");
    run_note(&r, perch_namespace_start(r.s, run_done, &r, NULL));
    run_answer(&r, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n", "");
    run_note(&r, perch_special_start(r.s, PERCH_ATTR_SENT, run_done, &r, NULL));
    run_answer(&r, "* LIST () \"/\" Sent\r\n* LIST () \"/\" \"x/Sent Items\"\r\n", "");
    run_answer(&r, "* NAMESPACE ((\"x/\" \"/\")) NIL NIL\r\n", "");
    return run_end(&r);
}

static void test_mailboxes_without_memory(void)
{
    ASSERT_INT(mailboxes(NULL), 0);
    CU_ASSERT(perch_failmem(mailboxes, NULL) > 20);
}

/* ---- order ---- */

static int order(void *user)
{
    const struct perch_sort_key keys[] = {{PERCH_SORT_DATE, true}, {PERCH_SORT_SUBJECT, false}};
    const struct perch_search criteria =
        perch_search_text(PERCH_SEARCH_SUBJECT, "gr\xc3\xbc\xc3\x9f");
    struct perch_sort_args sort = PERCH_SORT_ARGS_INIT;
    struct perch_thread_args thread = PERCH_THREAD_ARGS_INIT;
    struct run r = {0};

    (void)user;
    run_begin(&r, "* CAPABILITY IMAP4rev1 SORT THREAD=REFERENCES LITERAL+\r\n");
    if (!r.s)
        return PERCH_ENOMEM;
    sort.keys = keys;
    sort.nkeys = PERCH_COUNT(keys);
    sort.criteria = thread.criteria = &criteria;
    run_note(&r, perch_sort_start(r.s, &sort, run_done, &r, NULL));
    run_answer(&r, "* SORT 9 1 5\r\n", "");
    run_note(&r, perch_thread_start(r.s, &thread, run_done, &r, NULL));
    run_answer(&r, "* THREAD (2)(3 6 (4 23)(44 7))\r\n", "");
    return run_end(&r);
}

static void test_order_without_memory(void)
{
    ASSERT_INT(order(NULL), 0);
    CU_ASSERT(perch_failmem(order, NULL) > 10);
}

/* ---- the server ---- */

static int server(void *user)
{
    static const char *const entries[] = {"/private/comment"}, *const languages[] = {"de"};
    static const struct perch_quota_limit limits[] = {{"STORAGE", 512}};
    const struct perch_metadata_value values[] = {{entries[0], PERCH_SPAN("a\0b")}};
    struct perch_acl_args acl = PERCH_ACL_ARGS_INIT;
    struct perch_getmetadata_args get = PERCH_GETMETADATA_ARGS_INIT;
    struct perch_setmetadata_args set = PERCH_SETMETADATA_ARGS_INIT;
    struct run r = {0};

    (void)user;
    run_begin(&r, "* CAPABILITY IMAP4rev1 ACL QUOTA METADATA LANGUAGE LITERAL+\r\n");
    if (!r.s)
        return PERCH_ENOMEM;
    acl.mailbox = set.mailbox = PERCH_SPAN("gr\xc3\xbcn");
    acl.identifier = PERCH_SPAN("ann");
    acl.rights = PERCH_SPAN("lrs");
    run_note(&r, perch_setacl_start(r.s, &acl, run_done, &r, NULL));
    run_answer(&r, "", "");
    run_note(&r, perch_getacl_start(r.s, &acl, run_done, &r, NULL));
    run_answer(&r, "* ACL gr&APw-n ann lrs\r\n", "");
    run_note(&r, perch_setquota_start(r.s, PERCH_SPAN(""), limits, 1, run_done, &r, NULL));
    run_answer(&r, "* QUOTA \"\" (STORAGE 10 512)\r\n", "");
    run_note(&r, perch_getquotaroot_start(r.s, acl.mailbox, false, run_done, &r, NULL));
    run_answer(&r, "* QUOTAROOT gr&APw-n \"\"\r\n* QUOTA \"\" (STORAGE 10 512)\r\n", "");
    get.entries = entries;
    get.nentries = 1;
    run_note(&r, perch_getmetadata_start(r.s, &get, run_done, &r, NULL));
    run_answer(&r, "* METADATA \"\" (/private/comment \"x\")\r\n", "");
    set.values = values;
    set.nvalues = 1;
    run_note(&r, perch_setmetadata_start(r.s, &set, run_done, &r, NULL));
    run_answer(&r, "", "");
    run_note(&r, perch_language_start(r.s, languages, 1, run_done, &r, NULL));
    run_answer(&r, "* LANGUAGE (de)\r\n", "");
    return run_end(&r);
}

static void test_administration_without_memory(void)
{
    ASSERT_INT(server(NULL), 0);
    CU_ASSERT(perch_failmem(server, NULL) > 30);
}

/* ---- any command ---- */

static int raw(void *user)
{
    struct perch_range range = {1, 9};
    struct perch_set set = {.r = &range, .n = 1};
    const struct perch_raw_arg args[] = {
        {.kind = PERCH_RAW_ATOM, .text = PERCH_SPAN("y")},
        {.kind = PERCH_RAW_SET, .set = &set},
        {.kind = PERCH_RAW_SECRET, .text = PERCH_SPAN("s")},
        {.kind = PERCH_RAW_LITERAL, .text = PERCH_SPAN("\r\n")},
    };
    struct run r = {0};

    (void)user;
    run_begin(&r, "* CAPABILITY IMAP4rev1\r\n");
    if (!r.s)
        return PERCH_ENOMEM;
    run_note(&r, perch_raw_start(r.s, "XCMD", args, PERCH_COUNT(args), run_done, &r, NULL));
    run_answer(&r, "+ go\r\n* XCMD one\r\n* 2 XCMD\r\n", "");
    return run_end(&r);
}

static void test_any_command_without_memory(void)
{
    ASSERT_INT(raw(NULL), 0);
    CU_ASSERT(perch_failmem(raw, NULL) > 5);
}

PERCH_SUITE("session/admin_memory") = {
    PERCH_TEST(test_mailboxes_without_memory),
    PERCH_TEST(test_order_without_memory),
    PERCH_TEST(test_administration_without_memory),
    PERCH_TEST(test_any_command_without_memory),
    PERCH_END,
};
