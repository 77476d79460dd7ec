/* What the engine gets of the configuration, and what it must never get. */
#include "config/config.h"
#include "config/transfer.h"
#include "ipc/channel.h"

#include "support/perch_test.h"
#include "support/tmpdir.h"

#include <stdlib.h>

static const char full[] = "state: /var/tmp/perch-state\n"
                           "control: {socket: /var/tmp/perch.sock}\n"
                           "log: {level: debug, trace: [work]}\n"
                           "limits: {connections: 7, connects_per_second: 8, hooks: 9}\n"
                           "retain: {events: 1d, dead: 2d, gone: 3d}\n"
                           "hooks:\n"
                           "  tell:\n"
                           "    run: [/canary/program, canary-argument]\n"
                           "    env: {CANARY_NAME: canary-value}\n"
                           "    pass_env: [CANARY_PASSED]\n"
                           "    timeout: 10s\n"
                           "    retry: {for: 2d, backoff: 1s..2m}\n"
                           "    hold: forever\n"
                           "    max_age: 12h\n"
                           "    mailboxes: [INBOX, \"Lists/**\"]\n"
                           "accounts:\n"
                           "  work:\n"
                           "    user: anna@example.org\n"
                           "    host: mail.example.org\n"
                           "    port: 1993\n"
                           "    tls: {mode: starttls, ca: ca.pem, verify: false}\n"
                           "    auth: [plain, login]\n"
                           "    password: {command: [canary-command, canary-word]}\n"
                           "    mailboxes: [INBOX, \"!Lists/noise\"]\n"
                           "    watch: idle\n"
                           "    renew: 9m\n"
                           "    poll: 2m\n"
                           "    rescan: 3h\n"
                           "    first_run: unseen\n"
                           "    hooks: {new: tell, all: {run: [canary-inline]}}\n"
                           "  home@example.org:\n"
                           "    password: canary-password\n";

static const char pem[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

static struct config *load(struct tmpdir *t)
{
    struct config *c = NULL;
    struct config_error error = {{0}};
    struct config_paths paths = {0};

    (void)tmpdir_write(t, "ca.pem", pem, 0644);
    paths.config = tmpdir_write(t, "perchd.yaml", full, 0600);
    if (config_load(&paths, &c, &error) != 0)
        FAIL_ROW("%s", error.text);
    return c;
}

static struct config *there_and_back(const struct config *c)
{
    struct config *back = NULL;
    char *text = config_to_json(c);

    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    ASSERT_INT(config_from_json(text, strlen(text), &back), 0);
    free(text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(back);
    return back;
}

static void test_the_engine_gets_what_it_needs(void)
{
    struct tmpdir t;
    struct config *c, *e;
    const struct config_account *a;
    const struct config_hook *h;

    tmpdir_make(&t);
    c = load(&t);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    e = there_and_back(c);
    ASSERT_INT(e->generation, c->generation);
    ASSERT_STR(e->state, "/var/tmp/perch-state");
    ASSERT_STR(e->socket, "/var/tmp/perch.sock");
    ASSERT_INT(e->log_level, LOG_LEVEL_DEBUG);
    ASSERT_STR(e->trace[0], "work");
    CU_ASSERT_PTR_NULL(e->trace[1]);
    ASSERT_INT(e->max_connections, 7);
    ASSERT_INT(e->connects_per_second, 8);
    ASSERT_INT(e->max_hooks, 9);
    ASSERT_INT(e->retain_events_ms, 86400000);
    ASSERT_INT(e->retain_dead_ms, 2 * 86400000);
    ASSERT_INT(e->retain_gone_ms, 3 * 86400000);

    ASSERT_INT(e->nhooks, 2);
    h = &e->hooks[0];
    ASSERT_STR(h->name, "tell");
    ASSERT_INT(h->timeout_ms, 10000);
    ASSERT_INT(h->retry_for_ms, 2 * 86400000);
    ASSERT_INT(h->backoff_min_ms, 1000);
    ASSERT_INT(h->backoff_max_ms, 120000);
    CU_ASSERT_EQUAL(h->hold_ms, INT64_MAX);
    ASSERT_INT(h->max_age_ms, 12 * 3600000);
    ASSERT_STR(h->mailboxes[1], "Lists/**");
    CU_ASSERT_PTR_NULL(h->mailboxes[2]);
    ASSERT_STR(e->hooks[1].name, "work.all.1");
    ASSERT_INT(e->hooks[1].number, 1);

    ASSERT_INT(e->naccounts, 2);
    a = &e->accounts[0];
    ASSERT_STR(a->key, "work");
    ASSERT_STR(a->user, "anna@example.org");
    ASSERT_STR(a->host, "mail.example.org");
    ASSERT_INT(a->port, 1993);
    ASSERT_INT(a->tls, TLS_MODE_STARTTLS);
    ASSERT_STR(a->ca_pem, pem);
    CU_ASSERT_FALSE(a->tls_verify);
    ASSERT_STR(a->auth[0], "PLAIN");
    ASSERT_STR(a->auth[1], "LOGIN");
    ASSERT_STR(a->mailboxes[1], "!Lists/noise");
    ASSERT_INT(a->watch, WATCH_IDLE);
    ASSERT_INT(a->renew_ms, 9 * 60000);
    ASSERT_INT(a->poll_ms, 2 * 60000);
    ASSERT_INT(a->rescan_ms, 3 * 3600000);
    ASSERT_INT(a->first_run, FIRST_RUN_UNSEEN);
    ASSERT_INT(a->password.kind, SECRET_COMMAND);
    ASSERT_INT(a->nbindings, 2);
    ASSERT_INT(a->bindings[0].kinds, EVENT_BIT(EVENT_NEW));
    ASSERT_INT(a->bindings[0].hook, 0);
    ASSERT_INT(a->bindings[1].kinds, EVENT_ALL);
    ASSERT_INT(a->bindings[1].hook, 1);
    a = &e->accounts[1];
    CU_ASSERT_PTR_NULL(a->auth);
    CU_ASSERT_PTR_NULL(a->mailboxes);
    CU_ASSERT_PTR_NULL(a->ca_pem);
    ASSERT_INT(a->nbindings, 0);
    config_free(e);
    config_free(c);
    tmpdir_remove(&t);
}

static void test_no_secret_and_nothing_that_runs_is_sent(void)
{
    struct tmpdir t;
    struct config *c;
    char *text;

    tmpdir_make(&t);
    c = load(&t);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    text = config_to_json(c);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_PTR_NULL(strcasestr(text, "canary"));
    free(text);
    config_free(c);
    tmpdir_remove(&t);
}

static void test_a_bundle_that_accounts_share_is_sent_once(void)
{
    struct tmpdir t;
    struct config *c = NULL, *e;
    struct config_error error;
    struct config_paths paths = {0};
    char *text, *at;

    tmpdir_make(&t);
    (void)tmpdir_write(&t, "ca.pem", pem, 0644);
    paths.config = tmpdir_write(&t, "perchd.yaml",
                                "defaults: {tls: {ca: ca.pem}, password: {command: [x]}}\n"
                                "accounts: {a@example.org: {}, b@example.org: {}}\n",
                                0600);
    ASSERT_INT(config_load(&paths, &c, &error), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    text = config_to_json(c);
    at = strstr(text, "BEGIN CERTIFICATE");
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    CU_ASSERT_PTR_NULL(strstr(at + 1, "BEGIN CERTIFICATE"));
    free(text);
    e = there_and_back(c);
    ASSERT_STR(e->accounts[1].ca_pem, pem);
    CU_ASSERT_PTR_EQUAL(e->accounts[0].ca_pem, e->accounts[1].ca_pem);
    config_free(e);
    config_free(c);
    tmpdir_remove(&t);
}

static void test_ten_thousand_accounts_fit_in_a_message(void)
{
    struct tmpdir t;
    struct config *c = NULL;
    struct config_error error;
    struct config_paths paths = {0};
    char *yaml = NULL, *text;
    size_t size = 0;
    FILE *f = open_memstream(&yaml, &size);

    tmpdir_make(&t);
    (void)fprintf(f, "defaults: {password: {command: [x]}, mailboxes: [INBOX, \"Lists/**\"]}\n"
                     "accounts:\n");
    for (int i = 0; i < 10000; i++)
        (void)fprintf(f, "  user%d@example.org: {hooks: {new: {run: [x]}}}\n", i);
    (void)fclose(f);
    paths.config = tmpdir_write(&t, "perchd.yaml", yaml, 0600);
    ASSERT_INT(config_load(&paths, &c, &error), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    text = config_to_json(c);
    CU_ASSERT_TRUE(strlen(text) < IPC_MESSAGE_MAX / 2);
    free(text);
    free(yaml);
    config_free(c);
    tmpdir_remove(&t);
}

/* The text with its first `from` replaced; allocated. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *out = NULL;

    if (!at || asprintf(&out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) < 0)
        return NULL;
    return out;
}

static void test_what_was_not_written_so_is_refused(void)
{
    static const struct {
        const char *from, *to;
    } rows[] = {
        {"\"port\":1993", "\"port\":0"},
        {"\"port\":1993", "\"port\":65536"},
        {"\"port\":1993", "\"port\":\"1993\""},
        {"\"key\":\"work\"", "\"key\":null"},
        {"\"key\":\"work\"", "\"key\":\"wo\\u0000rk\""},
        {"\"key\":\"work\"", "\"kex\":\"work\""},
        {"\"verify\":false", "\"verify\":0"},
        {"\"tls\":1", "\"tls\":3"},
        {"\"watch\":2", "\"watch\":4"},
        {"\"auth\":[\"PLAIN\"", "\"auth\":[7"},
        {"\"hooks\":[[1,0]", "\"hooks\":[[1,2]"},
        {"\"hooks\":[[1,0]", "\"hooks\":[[1,-1]"},
        {"\"hooks\":[[1,0]", "\"hooks\":[[8192,0]"},
        {"\"hooks\":[[1,0]", "\"hooks\":[[1]"},
        {"\"pem\":{", "\"pom\":{"},
        {"\"accounts\":[{", "\"accounts\":[7,{"},
        {"{\"generation\"", "[{\"generation\""},
        {"\"generation\":", "\"generation\":-"},
    };
    struct tmpdir t;
    struct config *c, *e = NULL;
    char *text;

    tmpdir_make(&t);
    c = load(&t);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    text = config_to_json(c);
    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        char *bad = replaced(text, rows[i].from, rows[i].to);

        if (!bad)
            FAIL_ROW("%s is not in the text", rows[i].from);
        else if (config_from_json(bad, strlen(bad), &e) == 0)
            FAIL_ROW("%s was taken", rows[i].to);
        free(bad);
    }
    for (size_t n = 0; n < strlen(text); n += 7)
        if (config_from_json(text, n, &e) == 0)
            FAIL_ROW("%zu bytes were taken", n);
    free(text);
    config_free(c);
    tmpdir_remove(&t);
}

PERCH_SUITE("daemon/transfer") = {
    PERCH_TEST(test_the_engine_gets_what_it_needs),
    PERCH_TEST(test_no_secret_and_nothing_that_runs_is_sent),
    PERCH_TEST(test_a_bundle_that_accounts_share_is_sent_once),
    PERCH_TEST(test_ten_thousand_accounts_fit_in_a_message),
    PERCH_TEST(test_what_was_not_written_so_is_refused),
    PERCH_END,
};
