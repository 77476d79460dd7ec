/* What hooks are given. Events are written out as JSON, results are looked at byte by byte. */
#include "hooks/payload.h"
#include "hooks/template.h"

#include "support/perch_test.h"

#include <stdlib.h>
#include <unistd.h>

static const char event_text[] =
    "{\"id\":\"e1-abc\",\"seq\":1042,\"time\":\"2026-11-22T23:58:32.123Z\",\"kind\":\"new\","
    "\"live\":true,\"attempt\":1,\"account\":\"work\","
    "\"mailbox\":{\"name\":\"Lists/dev\",\"role\":null,\"uidvalidity\":1239278212},"
    "\"uid\":1339,\"modseq\":null,\"emailid\":null,\"threadid\":null,\"size\":4821,"
    "\"internaldate\":\"2026-11-22T23:58:31Z\","
    "\"flags\":{\"old\":[],\"new\":[\"\\\\Flagged\",\"$Work\"],\"added\":[\"\\\\Flagged\",\"$"
    "Work\"],"
    "\"removed\":[]},"
    "\"from\":[{\"name\":\"Anna Müller\",\"address\":\"anna@example.org\"},"
    "{\"name\":null,\"address\":\"bob@example.org\"}],"
    "\"sender\":[],\"reply_to\":[],\"to\":[{\"name\":\"\",\"address\":\"me@example.org\"}],"
    "\"cc\":[{\"name\":\"Only Name\",\"address\":null}],\"bcc\":[],"
    "\"subject\":\"Grüße\",\"date\":\"2026-11-22T23:58:30Z\",\"message_id\":\"<m@x>\","
    "\"in_reply_to\":null,\"list_id\":null,\"attachments\":[],\"moved\":null}";

struct fixture {
    struct perch_arena arena;
    json_t *event;
    struct config config;
    struct config_hook hook;
    struct payload p;
};

static void setup(struct fixture *x, char **run)
{
    *x = (struct fixture){.config = {.state = "/state", .socket = "/sock"}, .hook = {.run = run}};
    perch_arena_init(&x->arena, 0);
    x->event = json_loads(event_text, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(x->event);
}

static void make(struct fixture *x, unsigned attempt)
{
    struct payload_source from = {
        .hook = &x->hook, .config = &x->config, .event = x->event, .attempt = attempt};

    ASSERT_INT(payload_make(&from, &x->arena, &x->p), 0);
}

static void teardown(struct fixture *x)
{
    json_decref(x->event);
    perch_arena_done(&x->arena);
}

static const char *variable(const struct fixture *x, const char *name)
{
    size_t n = strlen(name);
    const char *found = NULL;

    for (char **pair = x->p.env; *pair; pair++)
        if (strncmp(*pair, name, n) == 0 && (*pair)[n] == '=') {
            CU_ASSERT_PTR_NULL(found); /* once */
            found = *pair + n + 1;
        }
    return found;
}

/* One template, filled in from the event above. */
static void expect(const char *template, const char *want)
{
    struct fixture x;
    char *run[] = {"x", (char *)template, NULL};

    setup(&x, run);
    make(&x, 3);
    if (strcmp(x.p.argv[1], want) != 0)
        FAIL_ROW("%s is %s, want %s", template, x.p.argv[1], want);
    CU_ASSERT_PTR_NULL(x.p.argv[2]);
    teardown(&x);
}

static void test_placeholders(void)
{
    static const char *const rows[][2] = {
        {"plain", "plain"},
        {"", ""},
        {"{id}", "e1-abc"},
        {"{seq}", "1042"},
        {"{time}", "2026-11-22T23:58:32.123Z"},
        {"{kind}", "new"},
        {"{live}", "true"},
        {"{attempt}", "3"},
        {"{account}:{mailbox}", "work:Lists/dev"},
        {"{mailbox.name}", "Lists/dev"},
        {"{mailbox.role}", ""},
        {"{mailbox.uidvalidity}", "1239278212"},
        {"{uid}", "1339"},
        {"{modseq}", ""},
        {"{size}", "4821"},
        {"{flags}", "\\Flagged $Work"},
        {"{flags.added}", "\\Flagged $Work"},
        {"{flags.old}", ""},
        {"{from}", "Anna Müller <anna@example.org>, bob@example.org"},
        {"{from.name}", "Anna Müller"},
        {"{from.address}", "anna@example.org"},
        {"{sender}", ""},
        {"{sender.name}", ""},
        {"{to}", "me@example.org"},
        {"{to.name}", ""},
        {"{cc}", "Only Name"},
        {"{subject}", "Grüße"},
        {"<{subject}|{subject}>", "<Grüße|Grüße>"},
        {"{old_name}", ""},
        {"{error.text}", ""},
        /* braces */
        {"{{subject}}", "{subject}"},
        {"{{{subject}}}", "{Grüße}"},
        {"{ subject }", "{ subject }"},
        {"{Subject}", "{Subject}"},
        {"{}", "{}"},
        {"{subject", "{subject"},
        {"subject}", "subject}"},
        {"{from.}", "{from.}"},
        {"{.name}", "{.name}"},
        {"a}}b{{c", "a}b{c"},
        {"${subject}", "$Grüße"},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++)
        expect(rows[i][0], rows[i][1]);
}

static void test_the_whole_event_as_an_argument(void)
{
    struct fixture x;
    char *run[] = {"x", "{event}", NULL};
    json_t *v;

    setup(&x, run);
    make(&x, 2);
    v = json_loads(x.p.argv[1], 0, NULL);
    CU_ASSERT_TRUE(json_equal(v, x.event));
    ASSERT_INT(json_integer_value(json_object_get(v, "attempt")), 2);
    json_decref(v);
    teardown(&x);
}

static void test_stdin_has_the_event_with_its_attempt(void)
{
    struct fixture x;
    char *run[] = {"x", NULL};
    json_t *v, *want = json_loads(event_text, 0, NULL);

    setup(&x, run);
    make(&x, 7);
    ASSERT_INT(x.p.input_len, strlen(x.p.input));
    CU_ASSERT_PTR_EQUAL(strchr(x.p.input, '\n'), x.p.input + x.p.input_len - 1);
    v = json_loads(x.p.input, 0, NULL);
    (void)json_object_set_new(want, "attempt", json_integer(7));
    CU_ASSERT_TRUE(json_equal(v, want));
    json_decref(v);
    json_decref(want);
    teardown(&x);
}

static void test_variables(void)
{
    static const char *const rows[][2] = {
        {"PERCH_ID", "e1-abc"},
        {"PERCH_SEQ", "1042"},
        {"PERCH_KIND", "new"},
        {"PERCH_LIVE", "true"},
        {"PERCH_ATTEMPT", "1"},
        {"PERCH_ACCOUNT", "work"},
        {"PERCH_MAILBOX", "Lists/dev"},
        {"PERCH_UID", "1339"},
        {"PERCH_UIDVALIDITY", "1239278212"},
        {"PERCH_FLAGS", "\\Flagged $Work"},
        {"PERCH_FROM", "Anna Müller <anna@example.org>, bob@example.org"},
        {"PERCH_FROM_NAME", "Anna Müller"},
        {"PERCH_TO", "me@example.org"},
        {"PERCH_SUBJECT", "Grüße"},
        {"PERCH_DATE", "2026-11-22T23:58:30Z"},
        {"PERCH_MESSAGE_ID", "<m@x>"},
        {"PERCH_COUNT", "1"},
        {"PERCH_STATE", "/state"},
        {"PERCH_SOCKET", "/sock"},
    };
    struct fixture x;
    char *run[] = {"x", NULL};

    setup(&x, run);
    make(&x, 1);
    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        ASSERT_STR(variable(&x, rows[i][0]), rows[i][1]);
    }
    CU_ASSERT_PTR_NULL(variable(&x, "PERCH_TRUNCATED"));
    teardown(&x);
}

static void test_account_events_have_empty_message_fields(void)
{
    struct fixture x;
    char *run[] = {"x", "{mailbox}|{uid}|{from}|{subject}|{flags}|{error.class}", NULL};

    setup(&x, run);
    json_decref(x.event);
    x.event = json_loads("{\"id\":\"e1-a\",\"seq\":1,\"kind\":\"auth-error\",\"account\":\"work\","
                         "\"mailbox\":null,\"uid\":null,\"flags\":null,\"from\":null,"
                         "\"subject\":null,\"error\":{\"class\":\"auth\"}}",
                         0, NULL);
    make(&x, 1);
    ASSERT_STR(x.p.argv[1], "|||||auth");
    ASSERT_STR(variable(&x, "PERCH_MAILBOX"), "");
    ASSERT_STR(variable(&x, "PERCH_SUBJECT"), "");
    teardown(&x);
}

static void set_subject(struct fixture *x, const char *p, size_t n)
{
    (void)json_object_set_new(x->event, "subject", json_stringn(p, n));
}

static void test_control_characters_become_blanks(void)
{
    static const char hostile[] = "a\nPATH=/x\r\0b\x1b]0;t\x07 \x7f\xc2\x85\xc2\x9b\xc2\xa0é";
    static const char clean[] = "a PATH=/x  b ]0;t     \xc2\xa0é";
    struct fixture x;
    char *run[] = {"x", "<{subject}>", NULL};
    char want[100];
    json_t *v;

    setup(&x, run);
    set_subject(&x, hostile, sizeof hostile - 1);
    make(&x, 1);
    (void)snprintf(want, sizeof want, "<%s>", clean);
    ASSERT_STR(x.p.argv[1], want);
    ASSERT_STR(variable(&x, "PERCH_SUBJECT"), clean);
    CU_ASSERT_PTR_NOT_NULL(strstr(variable(&x, "PATH"), "/bin"));
    /* stdin has it as it is */
    v = json_loads(x.p.input, JSON_ALLOW_NUL, NULL);
    ASSERT_INT(json_string_length(json_object_get(v, "subject")), sizeof hostile - 1);
    json_decref(v);
    teardown(&x);
}

static void test_shellshock_is_a_value_like_any_other(void)
{
    static const char text[] = "() { :;}; touch canary";
    struct fixture x;
    char *run[] = {"x", NULL};

    setup(&x, run);
    set_subject(&x, text, strlen(text));
    make(&x, 1);
    ASSERT_STR(variable(&x, "PERCH_SUBJECT"), text);
    teardown(&x);
}

static void test_no_text_is_expanded_twice(void)
{
    static const char text[] = "{from} {{x}} $(id) %s%n";
    struct fixture x;
    char *run[] = {"x", "{subject}", NULL};

    setup(&x, run);
    set_subject(&x, text, strlen(text));
    make(&x, 1);
    ASSERT_STR(x.p.argv[1], text);
    teardown(&x);
}

static void test_long_values_are_cut_and_marked(void)
{
    struct fixture x;
    char *run[] = {"x", "{subject}", NULL};
    size_t n = 200 * 1024;
    char *text = malloc(n);

    /* Two-byte characters behind one byte: 8192 falls into the middle of one. */
    text[0] = 'x';
    for (size_t i = 1; i + 1 < n; i += 2)
        memcpy(text + i, "é", 2);
    setup(&x, run);
    set_subject(&x, text, n - 1);
    make(&x, 1);
    ASSERT_INT(strlen(variable(&x, "PERCH_SUBJECT")), 8191);
    ASSERT_STR(variable(&x, "PERCH_TRUNCATED"), "1");
    ASSERT_INT(strlen(x.p.argv[1]), 131071); /* odd, so it ends with a whole character */
    CU_ASSERT_TRUE(x.p.input_len > n);
    CU_ASSERT_PTR_NOT_NULL(strstr(x.p.input, "\"moved\":null}"));
    teardown(&x);

    setup(&x, run);
    memset(text, 'y', n);
    set_subject(&x, text, 8192);
    make(&x, 1);
    ASSERT_INT(strlen(variable(&x, "PERCH_SUBJECT")), 8192);
    CU_ASSERT_PTR_NULL(variable(&x, "PERCH_TRUNCATED"));
    teardown(&x);
    free(text);
}

static void test_ten_thousand_recipients_are_one_cut_value(void)
{
    struct fixture x;
    char *run[] = {"x", NULL};
    json_t *to = json_array();

    for (int i = 0; i < 10000; i++)
        (void)json_array_append_new(to, json_pack("{s:s, s:s}", "name", "N", "address", "a@b.c"));
    setup(&x, run);
    (void)json_object_set_new(x.event, "to", to);
    make(&x, 1);
    ASSERT_INT(strlen(variable(&x, "PERCH_TO")), 8192);
    ASSERT_STR(variable(&x, "PERCH_TRUNCATED"), "1");
    teardown(&x);
}

static void test_the_environment_is_made_from_nothing(void)
{
    static const char *const secrets[] = {"NOTIFY_SOCKET", "LISTEN_FDS",
                                          "LISTEN_PID",    "CREDENTIALS_DIRECTORY",
                                          "RUNNER_CANARY", "LD_PRELOAD_CANARY"};
    struct fixture x;
    char *run[] = {"x", NULL}, *pass[] = {"RUNNER_PASSED", "RUNNER_UNSET", NULL};
    char *env[] = {"LANG=xx_XX", "MINE=a=b", NULL};

    for (size_t i = 0; i < PERCH_COUNT(secrets); i++)
        (void)setenv(secrets[i], "canary", 1);
    (void)setenv("RUNNER_PASSED", "passed", 1);
    (void)setenv("PATH", "/usr/bin:/bin", 1);
    (void)setenv("HOME", "/usr", 1);
    (void)setenv("TZ", "Europe/Berlin", 1);
    (void)setenv("LANG", "C.UTF-8", 1);
    (void)unsetenv("RUNNER_UNSET");
    setup(&x, run);
    x.hook.pass_env = pass;
    x.hook.env = env;
    make(&x, 1);
    ASSERT_STR(variable(&x, "PATH"), "/usr/bin:/bin");
    ASSERT_STR(variable(&x, "HOME"), "/usr");
    ASSERT_STR(variable(&x, "TZ"), "Europe/Berlin");
    ASSERT_STR(variable(&x, "LANG"), "xx_XX"); /* the hook's own word counts */
    ASSERT_STR(variable(&x, "MINE"), "a=b");
    ASSERT_STR(variable(&x, "RUNNER_PASSED"), "passed");
    CU_ASSERT_PTR_NULL(variable(&x, "RUNNER_UNSET"));
    for (char **pair = x.p.env; *pair; pair++)
        if (strstr(*pair, "canary"))
            FAIL_ROW("%s", *pair);
    ASSERT_STR(x.p.cwd, "/usr");
    teardown(&x);

    (void)setenv("HOME", "/nonexistent", 1);
    setup(&x, run);
    make(&x, 1);
    ASSERT_STR(x.p.cwd, "/");
    teardown(&x);
    for (size_t i = 0; i < PERCH_COUNT(secrets); i++)
        (void)unsetenv(secrets[i]);
}

static void test_who_may_begin_an_argument(void)
{
    static const struct {
        const char *arg;
        bool begins, has;
    } rows[] = {
        {"", false, false},
        {"text", false, false},
        {"{subject}", true, true},
        {"x{subject}", false, true},
        {"{{{subject}", false, true},
        {"{uid}", false, false},
        {"{uid}{subject}", true, true},
        {"{uid}-{subject}", false, true},
        {"{seq}{subject}", false, true},
        {"{event}", false, true},
        {"{flags}", true, true},
        {"{account}", false, false},
        {"{mailbox}", true, true},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++)
        if (template_begins_with_server_text(rows[i].arg) != rows[i].begins ||
            template_has_server_text(rows[i].arg) != rows[i].has)
            FAIL_ROW("%s", rows[i].arg);
}

PERCH_SUITE("daemon/payload") = {
    PERCH_TEST(test_placeholders),
    PERCH_TEST(test_the_whole_event_as_an_argument),
    PERCH_TEST(test_stdin_has_the_event_with_its_attempt),
    PERCH_TEST(test_variables),
    PERCH_TEST(test_account_events_have_empty_message_fields),
    PERCH_TEST(test_control_characters_become_blanks),
    PERCH_TEST(test_shellshock_is_a_value_like_any_other),
    PERCH_TEST(test_no_text_is_expanded_twice),
    PERCH_TEST(test_long_values_are_cut_and_marked),
    PERCH_TEST(test_ten_thousand_recipients_are_one_cut_value),
    PERCH_TEST(test_the_environment_is_made_from_nothing),
    PERCH_TEST(test_who_may_begin_an_argument),
    PERCH_END,
};
