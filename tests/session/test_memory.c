/* Every allocation refused once, and from one on: nothing leaks, nothing hangs, every op
 * completes. */
#include "support/failmem.h"
#include "support/perch_test.h"

#include "perch/commands.h"
#include "perch/search.h"

#include <string.h>

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

static void say(struct run *r, const char *line)
{
    ssize_t n = perch_session_feed(r->s, (const uint8_t *)line, strlen(line));

    if (n < 0 && !r->failed)
        r->failed = (int)n;
}

struct tags {
    char v[8][32];
    size_t n;
};

/* Takes all output, and the tags of its commands. */
static struct tags take(struct run *r)
{
    struct tags tags = {0};

    for (;;) {
        struct perch_span rest = perch_session_output(r->s);
        size_t n = rest.n;

        if (!n)
            return tags;
        while (rest.p) {
            struct perch_span line = perch_span_cut(&rest, '\n');
            struct perch_span tag = perch_span_cut(&line, ' ');

            if (line.n && tags.n < PERCH_COUNT(tags.v) && tag.n < sizeof tags.v[0])
                memcpy(tags.v[tags.n++], tag.p, tag.n);
        }
        perch_session_sent(r->s, n);
    }
}

static void say_ok(struct run *r, const struct tags *tags)
{
    char line[64];

    for (size_t i = 0; i < tags->n; i++) {
        (void)snprintf(line, sizeof line, "%s OK done\r\n", tags->v[i]);
        say(r, line);
    }
}

static void answer(struct run *r, const char *untagged)
{
    struct tags tags = take(r);

    say(r, untagged);
    (void)take(r); /* a literal, perhaps */
    say_ok(r, &tags);
}

static void login(struct run *r)
{
    struct perch_auth_args args = PERCH_AUTH_ARGS_INIT;

    args.user = PERCH_SPAN("ann");
    args.password = PERCH_SPAN("secret");
    say(r, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    note(r, perch_authenticate_start(r->s, &args, on_done, r, NULL));
    answer(r, "* CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC IDLE ID LIST-EXTENDED\r\n");
}

static void mailboxes(struct run *r)
{
    static const char *const caps[] = {"QRESYNC"};
    struct perch_param params[] = {{PERCH_SPAN("name"), PERCH_SPAN("perch")}};
    struct perch_list_args list = PERCH_LIST_ARGS_INIT;

    note(r, perch_id_start(r->s, params, 1, on_done, r, NULL));
    answer(r, "* ID (\"name\" \"Dovecot\")\r\n");
    note(r, perch_enable_start(r->s, caps, 1, on_done, r, NULL));
    answer(r, "* ENABLED QRESYNC\r\n");
    list.status_items = PERCH_STATUS_MESSAGES;
    note(r, perch_list_start(r->s, &list, on_done, r, NULL));
    answer(r, "* LIST () \"/\" a\r\n* LIST () \"/\" &AGE-\r\n");
    answer(r, "* STATUS a (MESSAGES 1)\r\n");
}

static void messages(struct run *r)
{
    static const char *const sections[] = {"BODY.PEEK[]"};
    struct perch_range range = {1, 9};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_select_args select = PERCH_SELECT_ARGS_INIT;
    struct perch_fetch_args fetch = PERCH_FETCH_ARGS_INIT;
    struct perch_search subject = perch_search_text(PERCH_SEARCH_SUBJECT, "gr\xc3\xbc\xc3\x9f");
    struct perch_search uids = perch_search_set(PERCH_SEARCH_UID, &set);
    struct perch_search both[] = {subject, uids};
    struct perch_search criteria = perch_search_list(PERCH_SEARCH_AND, both, 2);
    struct perch_search_args search = PERCH_SEARCH_ARGS_INIT;

    select.mailbox = PERCH_SPAN("gr\xc3\xbc\xc3\x9f");
    select.uidvalidity = 7;
    select.modseq = 1;
    select.known_uids = &set;
    note(r, perch_select_start(r->s, &select, on_done, r, NULL));
    answer(r, "* FLAGS (\\Seen)\r\n* 3 EXISTS\r\n* OK [PERMANENTFLAGS (\\Seen)] x\r\n"
              "* OK [MAILBOXID (F)] x\r\n* VANISHED (EARLIER) 4:9\r\n");
    fetch.set = &set;
    fetch.items = PERCH_ITEM_ENVELOPE;
    fetch.sections = sections;
    fetch.nsections = 1;
    note(r, perch_fetch_start(r->s, &fetch, on_done, r, NULL));
    answer(r, "* 1 FETCH (UID 1 ENVELOPE (NIL \"a\" ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL "
              "NIL NIL) BODY[] {90}\r\n"
              "012345678901234567890123456789012345678901234567890123456789012345678901234567890"
              "123456789)\r\n");
    search.criteria = &criteria;
    note(r, perch_search_start(r->s, &search, on_done, r, NULL));
    answer(r, "+ go\r\n* SEARCH 1 3\r\n");
}

static void idle(struct run *r)
{
    struct tags tags;
    perch_op *op = NULL;

    note(r, perch_idle_start(r->s, 0, on_done, r, &op));
    if (op)
        (void)perch_op_ref(op);
    tags = take(r);
    say(r, "+ idling\r\n* 4 EXISTS\r\n");
    if (op)
        perch_idle_stop(op);
    perch_op_unref(op);
    (void)take(r);
    say_ok(r, &tags);
    note(r, perch_logout_start(r->s, on_done, r, NULL));
    answer(r, "* BYE\r\n");
}

static int whole_life(void *user)
{
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;
    struct run r = {0};

    (void)user;
    options.secure = true;
    options.limits.inline_literal = 64;
    r.s = perch_session_new(&options, NULL, NULL, 0);
    if (!r.s)
        return PERCH_ENOMEM;
    login(&r);
    mailboxes(&r);
    messages(&r);
    idle(&r);
    perch_session_free(r.s);
    if (r.started != r.done)
        FAIL_ROW("%u ops were started and %u completed", r.started, r.done);
    /* What a failure brings after it (no login, no mailbox) is a consequence of it. */
    return r.failed ? PERCH_ENOMEM : 0;
}

static void test_every_refused_allocation_is_survived(void)
{
    CU_ASSERT(perch_failmem(whole_life, NULL) > 50);
}

static void test_nothing_fails_without_a_reason(void)
{
    ASSERT_INT(whole_life(NULL), 0);
}

PERCH_SUITE("session/memory") = {
    PERCH_TEST(test_nothing_fails_without_a_reason),
    PERCH_TEST(test_every_refused_allocation_is_survived),
    PERCH_END,
};
