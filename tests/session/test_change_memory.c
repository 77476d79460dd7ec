/* Every allocation refused once, and from one on, while messages are changed: nothing leaks,
 * nothing hangs, every op completes. */
#include "session/memory.h"

#include "perch/change.h"

static const struct perch_span keyword = {"$Todo", 5};

static void store(struct run *r, const struct perch_set *set)
{
    struct perch_store_args args = PERCH_STORE_ARGS_INIT;

    args.set = set;
    args.mode = PERCH_STORE_ADD;
    args.names = &keyword;
    args.nnames = 1;
    args.conditional = true;
    run_note(r, perch_store_start(r->s, &args, run_done, r, NULL));
    run_answer(r, "* 1 FETCH (UID 1 FLAGS ($Todo))\r\n", "[MODIFIED 2]");
}

static ssize_t give(void *user, uint8_t *to, size_t max)
{
    (void)user;
    memset(to, 'x', max);
    return (ssize_t)max;
}

static void append(struct run *r)
{
    struct perch_append_part parts[] = {{.url = PERCH_SPAN("/x;UID=1")},
                                        {.text = {.size = 2, .data = "hi"}}};
    struct perch_append_message messages[] = {
        {.names = &keyword, .nnames = 1, .source = {.size = 3000, .read = give}},
        {.parts = parts, .nparts = 2},
    };
    struct perch_append_args args = PERCH_APPEND_ARGS_INIT;

    args.mailbox = PERCH_SPAN("gr\xc3\xbcn");
    args.messages = messages;
    args.nmessages = 2;
    run_note(r, perch_append_start(r->s, &args, run_done, r, NULL));
    run_answer(r, "", "[APPENDUID 1 5:6]");
}

static void replace(struct run *r)
{
    struct perch_append_message message = {.source = {.size = 3000, .read = give}};
    struct perch_replace_args args = PERCH_REPLACE_ARGS_INIT;

    args.number = 1;
    args.mailbox = PERCH_SPAN("x");
    args.message = &message;
    run_note(r, perch_replace_start(r->s, &args, run_done, r, NULL));
}

static int with_extensions(void *user)
{
    struct perch_range range = {1, 9};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_copy_args copy = PERCH_COPY_ARGS_INIT;
    struct run r = {0};

    (void)user;
    run_begin(&r, "* CAPABILITY IMAP4rev1 UIDPLUS MOVE CONDSTORE LITERAL+ "
                  "MULTIAPPEND CATENATE REPLACE\r\n");
    if (!r.s)
        return PERCH_ENOMEM;
    store(&r, &set);
    copy.set = &set;
    copy.mailbox = PERCH_SPAN("gr\xc3\xbcn");
    run_note(&r, perch_copy_start(r.s, &copy, run_done, &r, NULL));
    run_answer(&r, "", "[COPYUID 1 1:2 5:6]");
    run_note(&r, perch_move_start(r.s, &copy, run_done, &r, NULL));
    run_answer(&r, "* OK [COPYUID 1 1:2 5:6] x\r\n* 1 EXPUNGE\r\n", "");
    run_note(&r, perch_expunge_start(r.s, &set, run_done, &r, NULL));
    run_answer(&r, "* 1 EXPUNGE\r\n", "");
    append(&r);
    replace(&r);
    run_answer(&r, "* OK [APPENDUID 1 7] x\r\n", "");
    run_note(&r, perch_close_start(r.s, run_done, &r, NULL));
    run_answer(&r, "", "");
    return run_end(&r);
}

static int emulated(void *user)
{
    struct perch_range range = {1, 9};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_copy_args copy = PERCH_COPY_ARGS_INIT;
    struct run r = {0};

    (void)user;
    run_begin(&r, "* CAPABILITY IMAP4rev1\r\n");
    if (!r.s)
        return PERCH_ENOMEM;
    copy.set = &set;
    copy.mailbox = PERCH_SPAN("x");
    run_note(&r, perch_move_start(r.s, &copy, run_done, &r, NULL));
    run_answer(&r, "* 1 FETCH (UID 1)\r\n* 3 FETCH (UID 3)\r\n", "");
    run_answer(&r, "", "");
    run_answer(&r, "", "");
    run_answer(&r, "* SEARCH 1 3\r\n", "");
    run_answer(&r, "* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n", "");
    replace(&r);
    run_answer(&r, "* 1 FETCH (UID 1)\r\n", "");
    run_answer(&r, "+ go\r\n", "[APPENDUID 1 7]");
    run_answer(&r, "", "");
    run_answer(&r, "* SEARCH 1\r\n", "");
    run_answer(&r, "* 1 EXPUNGE\r\n", "");
    return run_end(&r);
}

static void test_every_refused_allocation_is_survived(void)
{
    ASSERT_INT(with_extensions(NULL), 0);
    CU_ASSERT(perch_failmem(with_extensions, NULL) > 50);
}

static void test_every_refused_allocation_of_an_emulation_is_survived(void)
{
    ASSERT_INT(emulated(NULL), 0);
    CU_ASSERT(perch_failmem(emulated, NULL) > 20);
}

PERCH_SUITE("session/change_memory") = {
    PERCH_TEST(test_every_refused_allocation_is_survived),
    PERCH_TEST(test_every_refused_allocation_of_an_emulation_is_survived),
    PERCH_END,
};
