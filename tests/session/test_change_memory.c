/* Every allocation refused once, and from one on, while messages are changed: nothing leaks,
 * nothing hangs, every op completes. */
#include "support/failmem.h"
#include "support/perch_test.h"

#include "perch/change.h"
#include "perch/commands.h"

struct run {
    perch_session *s;
    unsigned started, done;
    int failed; /* the first code that was not success */
};

static void on_done(perch_op *op, void *user)
{
    struct run *r = user;

    r->done++;
    if (perch_op_code(op) && !r->failed)
        r->failed = perch_op_code(op);
}

static void note(struct run *r, int rc)
{
    if (rc == 0)
        r->started++;
    else if (!r->failed)
        r->failed = rc;
}

static void say(struct run *r, const char *text)
{
    ssize_t n = perch_session_feed(r->s, (const uint8_t *)text, strlen(text));

    if (n < 0 && !r->failed)
        r->failed = (int)n;
}

/* Takes all output; the tag of the first command in it, "" if there is none. */
static void take(struct run *r, char tag[32])
{
    tag[0] = '\0';
    for (;;) {
        struct perch_span out = perch_session_output(r->s), line = out, word;

        if (!out.n)
            return;
        word = perch_span_cut(&line, ' ');
        if (!tag[0] && word.n < 32)
            (void)snprintf(tag, 32, "%.*s", (int)word.n, word.p);
        perch_session_sent(r->s, out.n);
    }
}

/* Answers the command that leaves: with something untagged, then OK and perhaps a code. */
static void answer(struct run *r, const char *untagged, const char *code)
{
    char tag[32], more[32], line[128];

    take(r, tag);
    say(r, untagged);
    take(r, more); /* a literal, perhaps */
    (void)snprintf(line, sizeof line, "%s OK %s done\r\n", tag, code);
    if (tag[0])
        say(r, line);
}

static void begin(struct run *r, const char *caps)
{
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;
    struct perch_auth_args who = PERCH_AUTH_ARGS_INIT;
    struct perch_select_args select = PERCH_SELECT_ARGS_INIT;

    options.secure = true;
    r->s = perch_session_new(&options, NULL, NULL, 0);
    if (!r->s)
        return;
    who.user = PERCH_SPAN("ann");
    who.password = PERCH_SPAN("secret");
    select.mailbox = PERCH_SPAN("INBOX");
    say(r, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    note(r, perch_authenticate_start(r->s, &who, on_done, r, NULL));
    answer(r, caps, "");
    note(r, perch_select_start(r->s, &select, on_done, r, NULL));
    answer(r, "* 9 EXISTS\r\n", "");
}

static int end(struct run *r)
{
    perch_session_free(r->s);
    if (r->started != r->done)
        FAIL_ROW("%u ops were started and %u completed", r->started, r->done);
    /* What a failure brings after it (no login, no mailbox) is a consequence of it. */
    return r->failed || !r->s ? PERCH_ENOMEM : 0;
}

static const struct perch_span keyword = {"$Todo", 5};

static void store(struct run *r, const struct perch_set *set)
{
    struct perch_store_args args = PERCH_STORE_ARGS_INIT;

    args.set = set;
    args.mode = PERCH_STORE_ADD;
    args.names = &keyword;
    args.nnames = 1;
    args.conditional = true;
    note(r, perch_store_start(r->s, &args, on_done, r, NULL));
    answer(r, "* 1 FETCH (UID 1 FLAGS ($Todo))\r\n", "[MODIFIED 2]");
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
    note(r, perch_append_start(r->s, &args, on_done, r, NULL));
    answer(r, "", "[APPENDUID 1 5:6]");
}

static void replace(struct run *r)
{
    struct perch_append_message message = {.source = {.size = 3000, .read = give}};
    struct perch_replace_args args = PERCH_REPLACE_ARGS_INIT;

    args.number = 1;
    args.mailbox = PERCH_SPAN("x");
    args.message = &message;
    note(r, perch_replace_start(r->s, &args, on_done, r, NULL));
}

static int with_extensions(void *user)
{
    struct perch_range range = {1, 9};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_copy_args copy = PERCH_COPY_ARGS_INIT;
    struct run r = {0};

    (void)user;
    begin(&r, "* CAPABILITY IMAP4rev1 UIDPLUS MOVE CONDSTORE LITERAL+ "
              "MULTIAPPEND CATENATE REPLACE\r\n");
    if (!r.s)
        return PERCH_ENOMEM;
    store(&r, &set);
    copy.set = &set;
    copy.mailbox = PERCH_SPAN("gr\xc3\xbcn");
    note(&r, perch_copy_start(r.s, &copy, on_done, &r, NULL));
    answer(&r, "", "[COPYUID 1 1:2 5:6]");
    note(&r, perch_move_start(r.s, &copy, on_done, &r, NULL));
    answer(&r, "* OK [COPYUID 1 1:2 5:6] x\r\n* 1 EXPUNGE\r\n", "");
    note(&r, perch_expunge_start(r.s, &set, on_done, &r, NULL));
    answer(&r, "* 1 EXPUNGE\r\n", "");
    append(&r);
    replace(&r);
    answer(&r, "* OK [APPENDUID 1 7] x\r\n", "");
    note(&r, perch_close_start(r.s, on_done, &r, NULL));
    answer(&r, "", "");
    return end(&r);
}

static int emulated(void *user)
{
    struct perch_range range = {1, 9};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_copy_args copy = PERCH_COPY_ARGS_INIT;
    struct run r = {0};

    (void)user;
    begin(&r, "* CAPABILITY IMAP4rev1\r\n");
    if (!r.s)
        return PERCH_ENOMEM;
    copy.set = &set;
    copy.mailbox = PERCH_SPAN("x");
    note(&r, perch_move_start(r.s, &copy, on_done, &r, NULL));
    answer(&r, "* 1 FETCH (UID 1)\r\n* 3 FETCH (UID 3)\r\n", "");
    answer(&r, "", "");
    answer(&r, "", "");
    answer(&r, "* SEARCH 1 3\r\n", "");
    answer(&r, "* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n", "");
    replace(&r);
    answer(&r, "* 1 FETCH (UID 1)\r\n", "");
    answer(&r, "+ go\r\n", "[APPENDUID 1 7]");
    answer(&r, "", "");
    answer(&r, "* SEARCH 1\r\n", "");
    answer(&r, "* 1 EXPUNGE\r\n", "");
    return end(&r);
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
