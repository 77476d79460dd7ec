/* perch as it is called: options, help, exit statuses, and the commands that read the store. */
#include "support/perch_test.h"
#include "support/tmpdir.h"

#include "daemon/cli_run.h"
#include "daemon/store_fill.h"

#include <time.h>
#include <unistd.h>

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* ---- usage ---- */

static const struct {
    const char *words[6];
    int status;
    const char *out, *err; /* parts; NULL: must be empty */
} usages[] = {
    {{NULL}, CLI_USAGE, NULL, "Usage: perch"},
    {{"--help"}, CLI_OK, "Usage: perch", NULL},
    {{"-h"}, CLI_OK, "Usage: perch", NULL},
    {{"--version"}, CLI_OK, "perch 0.1.0\n", NULL},
    {{"status", "--version"}, CLI_OK, "perch 0.1.0\n", NULL},
    {{"frobnicate"}, CLI_USAGE, NULL, "there is no command frobnicate"},
    {{"--frob", "status"}, CLI_USAGE, NULL, "unknown option --frob"},
    {{"-x"}, CLI_USAGE, NULL, "unknown option -x"},
    {{"events", "--frob"},
     CLI_USAGE,
     NULL,
     "perch events: unknown option --frob\nTry: perch events --help"},
    {{"--since", "1", "events"}, CLI_USAGE, NULL, "unknown option --since"},
    {{"events", "--since"}, CLI_USAGE, NULL, "--since needs a value"},
    {{"events", "--follow=yes"}, CLI_USAGE, NULL, "--follow takes no value"},
    {{"events", "--since", "soon"}, CLI_USAGE, NULL, "not soon"},
    {{"events", "--kind", "odd"}, CLI_USAGE, NULL, "there is no kind odd"},
    {{"events", "extra"}, CLI_USAGE, NULL, "what is extra?"},
    {{"search"}, CLI_USAGE, NULL, "which words?"},
    {{"search", "x", "--limit", "many"}, CLI_USAGE, NULL, "not many"},
    {{"search", "from:anna"}, CLI_USAGE, NULL, "from:anna: not yet"},
    {{"search", "--", "-spam"}, CLI_USAGE, NULL, "-spam: not yet"},
    {{"decode", "a", "b"}, CLI_USAGE, NULL, "not b too"},
    {{"status", "a", "b"}, CLI_USAGE, NULL, "not b too"},
    {{"check-config", "a"}, CLI_USAGE, NULL, "what is a?"},
    {{"decode", "/nonexistent"}, CLI_UNWELL, NULL, "/nonexistent: No such file"},
    {{"check-config", "--config", "/nonexistent.yaml"}, CLI_UNWELL, NULL, "/nonexistent.yaml:"},
    {{"status", "--socket", "/nonexistent.sock"}, CLI_NO_DAEMON, NULL, "perchd is not running"},
    {{"events", "--follow", "--socket=/nonexistent.sock"}, CLI_NO_DAEMON, NULL, "not running"},
    {{"events", "--state", "/nonexistent"}, CLI_UNWELL, NULL, "/nonexistent"},
    {{"search", "x", "--state", "/nonexistent"}, CLI_UNWELL, NULL, "/nonexistent"},
    {{"events", "--state", "/n\x1b[2J"}, CLI_UNWELL, NULL, "/n\\x1B[2J"},
};

static bool fits(const char *have, const char *part)
{
    return part ? has(have, part) : *have == '\0';
}

static void test_usage(void)
{
    for (size_t i = 0; i < PERCH_COUNT(usages); i++) {
        const char *words[8] = {"perch"};
        struct run r;

        memcpy(words + 1, usages[i].words, sizeof usages[i].words);
        r = run_on(0, "", 0, words);
        if (r.status != usages[i].status || !fits(r.out, usages[i].out) ||
            !fits(r.err, usages[i].err))
            FAIL_ROW("row %zu: %d, out: %s, err: %s", i, r.status, r.out, r.err);
        run_done(&r);
    }
}

static const char *const unbuilt[] = {"doctor", "show",   "hooks",   "init",   "pause",
                                      "resume", "forget", "explain", "resync", "reload",
                                      "login",  "import", "shell"};
static const char *const built[] = {"status", "events", "search", "check-config", "decode"};

static void test_a_command_that_is_not_built_says_so(void)
{
    for (size_t i = 0; i < PERCH_COUNT(unbuilt); i++) {
        struct run r = RUN(unbuilt[i], "word", "--option");
        char want[64];

        (void)snprintf(want, sizeof want, "perch %s: not yet\n", unbuilt[i]);
        ASSERT_INT(r.status, CLI_USAGE);
        ASSERT_STR(r.err, want);
        ASSERT_STR(r.out, "");
        run_done(&r);
    }
}

static void check_help(const char *name)
{
    struct run behind = RUN(name, "--help"), before = RUN("--help", name);
    char want[64];

    (void)snprintf(want, sizeof want, "Usage: perch %s", name);
    ASSERT_INT(behind.status, CLI_OK);
    if (!has(behind.out, want) || !has(behind.out, "\nExample:\n  perch "))
        FAIL_ROW("%s --help: %s", name, behind.out);
    ASSERT_STR(before.out, behind.out);
    run_done(&behind);
    run_done(&before);
}

static void test_every_command_has_help_with_an_example(void)
{
    struct run all = RUN("--help");

    for (size_t i = 0; i < PERCH_COUNT(unbuilt); i++)
        check_help(unbuilt[i]);
    for (size_t i = 0; i < PERCH_COUNT(built); i++) {
        check_help(built[i]);
        CU_ASSERT(has(all.out, built[i]));
    }
    run_done(&all);
}

/* ---- over a store ---- */

#define ANNA "\"from\":[{\"name\":\"Anna M\\u00fcller\",\"address\":\"anna@example.org\"}],"
#define EVENT(kind, uid, more)                                                                     \
    "{\"time\":\"2026-11-23T00:00:01.123Z\",\"kind\":\"" kind "\",\"account\":\"work\","           \
    "\"mailbox\":{\"name\":\"INBOX\"},\"uid\":" uid "," more "}"

static const char new_event[] = EVENT("new", "7", ANNA "\"subject\":\"Hi\\u001b[2J \\u4e2d\"");
static const char flags_event[] =
    EVENT("flags", "7",
          ANNA "\"flags\":{\"added\":[\"\\\\Seen\"],\"removed\":[\"$x\"]},\"subject\":null");
static const char error_event[] =
    "{\"time\":\"2026-11-23T00:00:02.000Z\",\"kind\":\"auth-error\",\"account\":\"work\","
    "\"mailbox\":null,"
    "\"uid\":null,\"error\":{\"class\":\"auth\",\"reason\":\"no\",\"text\":\"wrong password\"}}";

static void make_log(struct tmpdir *dir)
{
    struct fill f;

    tmpdir_make(dir);
    (void)setenv("TZ", "UTC", 1);
    tzset();
    CU_ASSERT_FATAL(fill_open(&f, dir->path));
    CU_ASSERT(fill_event(&f, new_event));
    f.kind = EVENT_FLAGS;
    CU_ASSERT(fill_event(&f, flags_event));
    f.kind = EVENT_AUTH_ERROR;
    CU_ASSERT(fill_event(&f, error_event));
    fill_close(&f);
}

static void test_events_are_lines_for_people(void)
{
    struct tmpdir dir;
    struct run r;

    make_log(&dir);
    r = RUN("events", "--state", dir.path);
    ASSERT_INT(r.status, CLI_OK);
    ASSERT_STR(r.out, "2026-11-23 00:00:01  work          INBOX           new       7      "
                      "Anna Müller: Hi\\x1B[2J 中\n"
                      "2026-11-23 00:00:01  work          INBOX           flags     7      "
                      "+\\Seen -$x Anna Müller\n"
                      "2026-11-23 00:00:02  work                          auth-error         "
                      "wrong password\n");
    ASSERT_STR(r.err, "");
    run_done(&r);
    tmpdir_remove(&dir);
}

static void test_columns_of_events_grow_with_what_they_show(void)
{
    struct tmpdir dir;
    struct fill f;
    struct run r;

    make_log(&dir);
    CU_ASSERT_FATAL(fill_open(&f, dir.path));
    f.kind = EVENT_RECOVERED;
    CU_ASSERT(fill_event(&f, "{\"time\":\"2026-11-23T00:00:03Z\",\"kind\":\"recovered\","
                             "\"account\":\"work\"}"));
    fill_close(&f);
    r = RUN("events", "--since", "2", "--state", dir.path);
    ASSERT_STR(r.out, "2026-11-23 00:00:02  work                          auth-error         "
                      "wrong password\n"
                      "2026-11-23 00:00:03  work                          recovered          \n");
    run_done(&r);
    tmpdir_remove(&dir);
}

static const struct {
    const char *words[5];
    const char *want[4];
} filters[] = {
    {{NULL}, {new_event, flags_event, error_event}},
    {{"--since", "1"}, {flags_event, error_event}},
    {{"--since=2"}, {error_event}},
    {{"--since", "3"}, {NULL}},
    {{"--since", "2026-11-23T00:00:02Z"}, {flags_event, error_event}}, /* FILL_TIME + seq */
    {{"--since", "now"}, {new_event, flags_event, error_event}},
    {{"--kind", "flags"}, {flags_event}},
    {{"--account", "work"}, {new_event, flags_event, error_event}},
    {{"--account", "home"}, {NULL}},
};

static void test_events_are_chosen(void)
{
    struct tmpdir dir;

    make_log(&dir);
    for (size_t i = 0; i < PERCH_COUNT(filters); i++) {
        const char *words[12] = {"perch", "--json", "events", "--state", dir.path};
        char want[2048] = "";
        struct run r;

        memcpy(words + 5, filters[i].words, sizeof filters[i].words);
        for (size_t k = 0; filters[i].want[k]; k++) {
            (void)strncat(want, filters[i].want[k], sizeof want - strlen(want) - 1);
            (void)strncat(want, "\n", sizeof want - strlen(want) - 1);
        }
        r = run_on(0, "", 0, words);
        if (r.status != CLI_OK || strcmp(r.out, want) != 0)
            FAIL_ROW("row %zu: %d %s", i, r.status, r.out);
        run_done(&r);
    }
    tmpdir_remove(&dir);
}

static int put_messages(struct store_tx *tx, void *arg)
{
    static const char *const envelopes[] = {
        "{\"from\":[{\"name\":\"Anna "
        "Müller\",\"address\":\"anna@example.org\"}],\"subject\":\"Invoice 7\"}",
        "{\"from\":[{\"name\":null,\"address\":\"bob@example.net\"}],\"subject\":\"Re: invoice\"}",
    };
    struct fill *f = arg;

    for (uint32_t i = 0; i < PERCH_COUNT(envelopes); i++) {
        struct store_message m = {
            .uid = 7 + i,
            .flags = i == 0 ? "\\Flagged \\Seen" : "",
            .internaldate = FILL_TIME / 1000 + i * 60,
            .size = 1000 + i,
            .envelope = envelopes[i],
        };

        if (store_message_put(tx, f->mailbox, &m) != 0)
            return -1;
    }
    return 0;
}

static void make_index(struct tmpdir *dir)
{
    struct fill f;

    make_log(dir);
    CU_ASSERT_FATAL(fill_open(&f, dir->path));
    ASSERT_INT(store_run(f.store, put_messages, &f), 0);
    fill_close(&f);
}

static void test_search_shows_the_newest_first(void)
{
    struct tmpdir dir;
    struct run r;

    make_index(&dir);
    r = RUN("search", "INVOICE", "--state", dir.path);
    ASSERT_INT(r.status, CLI_OK);
    ASSERT_STR(r.out,
               "REF  DATE              FROM             SUBJECT      MAILBOX  FLAGS\n"
               "m2   2026-11-23 00:01  bob@example.net  Re: invoice  INBOX\n"
               "m1   2026-11-23 00:00  Anna Müller      Invoice 7    INBOX    \\Flagged \\Seen\n");
    run_done(&r);
    tmpdir_remove(&dir);
}

static void test_search_with_a_limit_and_json(void)
{
    struct tmpdir dir;
    struct run one, anna;

    make_index(&dir);
    one = RUN("search", "invoice", "--limit", "1", "--json", "--state", dir.path);
    anna = RUN("search", "anna@", "invoice", "--json", "--state", dir.path);
    ASSERT_STR(one.out, "{\"ref\":\"m2\",\"account\":\"work\",\"mailbox\":\"INBOX\",\"uid\":8,"
                        "\"internaldate\":\"2026-11-23T00:01:00Z\",\"size\":1001,\"flags\":[],"
                        "\"from\":[{\"name\":null,\"address\":\"bob@example.net\"}],"
                        "\"subject\":\"Re: invoice\"}\n");
    CU_ASSERT(has(anna.out, "\"ref\":\"m1\""));
    CU_ASSERT(has(anna.out, "\"flags\":[\"\\\\Flagged\",\"\\\\Seen\"]"));
    CU_ASSERT(!has(anna.out, "\"ref\":\"m2\""));
    run_done(&one);
    run_done(&anna);
    tmpdir_remove(&dir);
}

static void test_search_without_a_hit_is_status_1(void)
{
    struct tmpdir dir;
    struct run none, other;

    make_index(&dir);
    none = RUN("search", "nowhere", "--state", dir.path);
    other = RUN("search", "invoice", "--account", "home", "--state", dir.path);
    ASSERT_INT(none.status, CLI_UNWELL);
    ASSERT_STR(none.out, "");
    ASSERT_INT(other.status, CLI_UNWELL);
    run_done(&none);
    run_done(&other);
    tmpdir_remove(&dir);
}

/* ---- check-config ---- */

static void test_check_config(void)
{
    struct tmpdir dir;
    struct run good, json, bad;
    const char *path;

    tmpdir_make(&dir);
    path = tmpdir_write(&dir, "perchd.yaml",
                        "accounts:\n  me@example.org:\n    password: {command: [\"true\"]}\n"
                        "    hooks:\n      new: {run: [\"true\"]}\n",
                        0600);
    good = RUN("check-config", "--config", path);
    json = RUN("check-config", "--config", path, "--json");
    path =
        tmpdir_write(&dir, "perchd.yaml", "accounts:\n  me@example.org:\n    pasword: x\n", 0600);
    bad = RUN("check-config", "--config", path);
    ASSERT_INT(good.status, CLI_OK);
    CU_ASSERT(has(good.out, "/perchd.yaml: good; accounts: 1, hooks: 1\n"));
    CU_ASSERT(has(json.out, "{\"ok\":true,\"file\":\""));
    CU_ASSERT(has(json.out, "\"accounts\":1,\"hooks\":1}\n"));
    ASSERT_INT(bad.status, CLI_UNWELL);
    CU_ASSERT(has(bad.err, "perchd.yaml:3:5: "));
    CU_ASSERT(has(bad.err, "pasword"));
    run_done(&good);
    run_done(&json);
    run_done(&bad);
    tmpdir_remove(&dir);
}

PERCH_SUITE("daemon/cli") = {
    PERCH_TEST(test_usage),
    PERCH_TEST(test_a_command_that_is_not_built_says_so),
    PERCH_TEST(test_every_command_has_help_with_an_example),
    PERCH_TEST(test_events_are_lines_for_people),
    PERCH_TEST(test_columns_of_events_grow_with_what_they_show),
    PERCH_TEST(test_events_are_chosen),
    PERCH_TEST(test_search_shows_the_newest_first),
    PERCH_TEST(test_search_with_a_limit_and_json),
    PERCH_TEST(test_search_without_a_hit_is_status_1),
    PERCH_TEST(test_check_config),
    PERCH_END,
};
