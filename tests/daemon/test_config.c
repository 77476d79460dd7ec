/* The configuration: what it means, and every way to get it wrong with the place and the
 * words that it is told with. */
#include "config/config.h"

#include "support/failmem.h"
#include "support/perch_test.h"
#include "support/tmpdir.h"

#include "perch/error.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACCOUNT "accounts: {me@example.org: {password: {command: [x]}}}\n"

/* Wraps an account's keys, a hook's keys; the text stands at LINE:COLUMN. */
#define WITH_ACCOUNT(keys)                                                                         \
    "accounts:\n  work:\n    user: anna\n    host: h\n    "                                        \
    "password: {command: [x]}\n" keys
#define WITH_HOOK(keys) "hooks:\n  tell:\n" keys ACCOUNT
#define WITH_RUN(list)  "hooks:\n  tell:\n    run: " list "\n" ACCOUNT

struct fixture {
    struct tmpdir dir;
    struct config *c;
    struct config_error error;
};

static int load_as(struct fixture *x, const char *text, mode_t mode)
{
    struct config_paths paths = {.config = tmpdir_write(&x->dir, "perchd.yaml", text, mode)};

    x->c = NULL;
    x->error.text[0] = '\0';
    return config_load(&paths, &x->c, &x->error);
}

static void setup(struct fixture *x)
{
    tmpdir_make(&x->dir);
    (void)unsetenv("PERCH_STATE");
    (void)unsetenv("STATE_DIRECTORY");
    (void)unsetenv("PERCH_SOCKET");
    (void)unsetenv("RUNTIME_DIRECTORY");
}

static void teardown(struct fixture *x)
{
    config_free(x->c);
    tmpdir_remove(&x->dir);
}

/* The configuration of a text that must be right. */
static const struct config *loaded(struct fixture *x, const char *text)
{
    setup(x);
    if (load_as(x, text, 0600) != 0)
        FAIL_ROW("%s", x->error.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(x->c);
    return x->c;
}

/* ---- what it means ---- */

static void test_the_minimal_form(void)
{
    struct fixture x;
    const struct config *c =
        loaded(&x, "accounts:\n"
                   "  me@example.org:\n"
                   "    password: {command: [pass, show, mail/me]}\n"
                   "    hooks:\n"
                   "      new: {run: [notify-send, --, \"{from.name}\", \"{subject}\"]}\n");
    const struct config_account *a = &c->accounts[0];
    const struct config_hook *h = &c->hooks[0];

    ASSERT_INT(c->naccounts, 1);
    ASSERT_STR(a->key, "me@example.org");
    ASSERT_STR(a->user, "me@example.org");
    ASSERT_STR(a->host, "imap.example.org");
    ASSERT_INT(a->port, 993);
    ASSERT_INT(a->tls, TLS_MODE_IMPLICIT);
    CU_ASSERT_TRUE(a->tls_verify);
    CU_ASSERT_FALSE(a->allow_cleartext);
    CU_ASSERT_PTR_NULL(a->auth);
    CU_ASSERT_PTR_NULL(a->mailboxes);
    ASSERT_INT(a->watch, WATCH_AUTO);
    ASSERT_INT(a->renew_ms, 28 * 60000);
    ASSERT_INT(a->poll_ms, 5 * 60000);
    ASSERT_INT(a->rescan_ms, 3600000);
    ASSERT_INT(a->first_run, FIRST_RUN_QUIET);
    ASSERT_INT(a->password.kind, SECRET_COMMAND);
    ASSERT_STR(a->password.argv[2], "mail/me");
    CU_ASSERT_PTR_NULL(a->password.argv[3]);
    ASSERT_INT(a->nbindings, 1);
    ASSERT_INT(a->bindings[0].kinds, EVENT_BIT(EVENT_NEW));
    ASSERT_INT(a->bindings[0].hook, 0);

    ASSERT_INT(c->nhooks, 1);
    ASSERT_STR(h->name, "me@example.org.new.1");
    ASSERT_STR(h->run[3], "{subject}");
    CU_ASSERT_PTR_NULL(h->run[4]);
    ASSERT_INT(h->timeout_ms, 5 * 60000);
    ASSERT_INT(h->retry_for_ms, 86400000);
    ASSERT_INT(h->backoff_min_ms, 5000);
    ASSERT_INT(h->backoff_max_ms, 3600000);
    ASSERT_INT(h->hold_ms, 10 * 60000);
    ASSERT_INT(h->max_age_ms, 0);
    CU_ASSERT_PTR_NULL(h->mailboxes);

    ASSERT_INT(c->log_level, LOG_LEVEL_INFO);
    ASSERT_INT(c->max_connections, 10000);
    ASSERT_INT(c->connects_per_second, 50);
    ASSERT_INT(c->max_hooks, 16);
    ASSERT_INT(c->retain_events_ms, 30LL * 86400000);
    ASSERT_INT(c->retain_dead_ms, 90LL * 86400000);
    ASSERT_INT(c->retain_gone_ms, 30LL * 86400000);
    teardown(&x);
}

static void test_every_key_of_a_hook(void)
{
    struct fixture x;
    const struct config *c = loaded(&x, WITH_HOOK("    run: [mbsync, \"{account}:{mailbox}\"]\n"
                                                  "    per: message\n"
                                                  "    timeout: 90s\n"
                                                  "    retry: {for: 2h, backoff: 10s..3m}\n"
                                                  "    hold: forever\n"
                                                  "    max_age: 7d\n"
                                                  "    mailboxes: INBOX\n"
                                                  "    pass_env: [NOTMUCH_PROFILE, LC_ALL]\n"
                                                  "    env: {A: no, B_2: \"x y\", C: 0123}\n"));
    const struct config_hook *h = &c->hooks[0];

    ASSERT_STR(h->name, "tell");
    ASSERT_INT(h->timeout_ms, 90000);
    ASSERT_INT(h->retry_for_ms, 2 * 3600000);
    ASSERT_INT(h->backoff_min_ms, 10000);
    ASSERT_INT(h->backoff_max_ms, 180000);
    CU_ASSERT_EQUAL(h->hold_ms, INT64_MAX);
    ASSERT_INT(h->max_age_ms, 7 * 86400000);
    ASSERT_STR(h->mailboxes[0], "INBOX");
    CU_ASSERT_PTR_NULL(h->mailboxes[1]);
    ASSERT_STR(h->pass_env[1], "LC_ALL");
    ASSERT_STR(h->env[0], "A=no");
    ASSERT_STR(h->env[1], "B_2=x y");
    ASSERT_STR(h->env[2], "C=0123");
    CU_ASSERT_PTR_NULL(h->env[3]);
    teardown(&x);
}

static void test_defaults_are_the_accounts_own_until_it_says_otherwise(void)
{
    struct fixture x;
    const struct config *c =
        loaded(&x, "defaults:\n"
                   "  poll: 1m\n"
                   "  tls: {mode: starttls, verify: false, min: \"1.2\"}\n"
                   "  password: {command: [shared]}\n"
                   "  hooks: {new: {run: [inline]}}\n"
                   "accounts:\n"
                   "  a@example.org: {}\n"
                   "  b@example.org: {poll: 2m, tls: {verify: true}, hooks: {}}\n");

    ASSERT_INT(c->accounts[0].poll_ms, 60000);
    ASSERT_INT(c->accounts[0].tls, TLS_MODE_STARTTLS);
    ASSERT_INT(c->accounts[0].port, 143);
    CU_ASSERT_FALSE(c->accounts[0].tls_verify);
    ASSERT_STR(c->accounts[0].password.argv[0], "shared");
    ASSERT_STR(c->hooks[0].name, "a@example.org.new.1");
    ASSERT_INT(c->accounts[1].poll_ms, 120000);
    ASSERT_INT(c->accounts[1].tls, TLS_MODE_STARTTLS); /* keys of `tls` are merged */
    CU_ASSERT_TRUE(c->accounts[1].tls_verify);
    ASSERT_INT(c->accounts[1].nbindings, 0);
    ASSERT_INT(c->nhooks, 1);
    teardown(&x);
}

static void test_bindings(void)
{
    struct fixture x;
    const struct config *c = loaded(&x, "accounts:\n"
                                        "  me@example.org:\n"
                                        "    password: {command: [x]}\n"
                                        "    hooks:\n"
                                        "      new: [sync, tell, {run: [inline]}]\n"
                                        "      flags: sync\n"
                                        "      deleted: {run: [inline]}\n"
                                        "      any: tell\n"
                                        "      all: feed\n"
                                        "      auth-error: tell\n"
                                        "hooks:\n"
                                        "  sync: {run: [sync]}\n"
                                        "  tell: {run: [tell]}\n"
                                        "  feed: {run: [feed]}\n");
    const struct config_account *a = &c->accounts[0];
    static const struct {
        const char *hook;
        uint32_t kinds;
    } want[] = {
        {"sync", EVENT_BIT(EVENT_NEW) | EVENT_BIT(EVENT_FLAGS)},
        {"tell", EVENT_ANY | EVENT_BIT(EVENT_AUTH_ERROR)},
        {"me@example.org.new.3", EVENT_BIT(EVENT_NEW)},
        {"me@example.org.deleted.1", EVENT_BIT(EVENT_DELETED)},
        {"feed", EVENT_ALL},
    };

    ASSERT_INT(c->nhooks, 5);
    ASSERT_INT(a->nbindings, PERCH_COUNT(want));
    for (size_t i = 0; i < PERCH_COUNT(want); i++) {
        ASSERT_STR(c->hooks[a->bindings[i].hook].name, want[i].hook);
        ASSERT_INT(c->hooks[a->bindings[i].hook].number, a->bindings[i].hook);
        ASSERT_INT(a->bindings[i].kinds, want[i].kinds);
    }
    teardown(&x);
}

static void test_user_and_host_come_from_the_address(void)
{
    static const struct {
        const char *account, *user, *host;
    } rows[] = {
        {"me@gmail.com: {", "me@gmail.com", "imap.gmail.com"},
        {"me@GoogleMail.com: {", "me@GoogleMail.com", "imap.gmail.com"},
        {"me@outlook.com: {", "me@outlook.com", "outlook.office365.com"},
        {"me@hotmail.com: {", "me@hotmail.com", "outlook.office365.com"},
        {"me@yahoo.com: {", "me@yahoo.com", "imap.mail.yahoo.com"},
        {"me@icloud.com: {", "me@icloud.com", "imap.mail.me.com"},
        {"me@fastmail.com: {", "me@fastmail.com", "imap.fastmail.com"},
        {"me@gmx.de: {", "me@gmx.de", "imap.gmx.net"},
        {"me@web.de: {", "me@web.de", "imap.web.de"},
        {"me@example.org: {", "me@example.org", "imap.example.org"},
        {"work: {user: anna@example.org, ", "anna@example.org", "imap.example.org"},
        {"work: {user: anna, host: mail.example.org, ", "anna", "mail.example.org"},
        {"me@example.org: {user: anna, ", "anna", "imap.example.org"},
        {"me@example.org: {host: h, ", "me@example.org", "h"},
        {"me@home: {user: anna@example.org, ", "anna@example.org", "imap.example.org"},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct fixture x;
        const struct config *c;
        char text[200];

        (void)snprintf(text, sizeof text, "accounts:\n  %spassword: {command: [x]}}\n",
                       rows[i].account);
        c = loaded(&x, text);
        ASSERT_STR(c->accounts[0].user, rows[i].user);
        ASSERT_STR(c->accounts[0].host, rows[i].host);
        teardown(&x);
    }
}

static void test_scalars_mean_what_the_field_says(void)
{
    struct fixture x;
    const struct config *c = loaded(&x, "limits: {hooks: 0012}\n"
                                        "accounts:\n"
                                        "  no:\n"
                                        "    user: on\n"
                                        "    host: 0123\n"
                                        "    port: 0143\n"
                                        "    tls: {verify: yes}\n"
                                        "    allow_cleartext: OFF\n"
                                        "    password: {command: [no, 0123, ~, null, 1e3, '']}\n"
                                        "    mailboxes: [true, 0x10]\n");
    const struct config_account *a = &c->accounts[0];
    static const char *const argv[] = {"no", "0123", "~", "null", "1e3", ""};

    ASSERT_INT(c->max_hooks, 12);
    ASSERT_STR(a->key, "no");
    ASSERT_STR(a->user, "on");
    ASSERT_STR(a->host, "0123");
    ASSERT_INT(a->port, 143);
    CU_ASSERT_TRUE(a->tls_verify);
    CU_ASSERT_FALSE(a->allow_cleartext);
    for (size_t i = 0; i < PERCH_COUNT(argv); i++)
        ASSERT_STR(a->password.argv[i], argv[i]);
    ASSERT_STR(a->mailboxes[0], "true");
    ASSERT_STR(a->mailboxes[1], "0x10");
    teardown(&x);
}

static void test_cleartext_on_loopback(void)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "127.1.2.3", "\"::1\""};

    for (size_t i = 0; i < PERCH_COUNT(hosts); i++) {
        struct fixture x;
        const struct config *c;
        char text[200];

        (void)snprintf(text, sizeof text,
                       "accounts: {a: {user: u, host: %s, tls: {mode: none}, "
                       "password: {command: [x]}}}\n",
                       hosts[i]);
        c = loaded(&x, text);
        ASSERT_INT(c->accounts[0].tls, TLS_MODE_NONE);
        ASSERT_INT(c->accounts[0].port, 143);
        teardown(&x);
    }
}

static void test_generations_grow(void)
{
    struct fixture x;
    uint64_t first = loaded(&x, ACCOUNT)->generation;

    config_free(x.c);
    ASSERT_INT(load_as(&x, ACCOUNT, 0600), 0);
    CU_ASSERT_TRUE(x.c->generation > first);
    teardown(&x);
}

/* ---- paths ---- */

static void test_paths_of_the_file_are_relative_to_it(void)
{
    struct fixture x;
    const struct config *c;
    char want[200];

    setup(&x);
    (void)tmpdir_write(&x.dir, "secret", "s\n", 0600);
    ASSERT_INT(load_as(&x,
                       "state: st/ate\ncontrol: {socket: run/sock}\n"
                       "accounts: {a@b.c: {password: {file: secret}}}\n",
                       0600),
               0);
    c = x.c;
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    (void)snprintf(want, sizeof want, "%s/st/ate", x.dir.path);
    ASSERT_STR(c->state, want);
    (void)snprintf(want, sizeof want, "%s/run/sock", x.dir.path);
    ASSERT_STR(c->socket, want);
    (void)snprintf(want, sizeof want, "%s/secret", x.dir.path);
    ASSERT_STR(c->accounts[0].password.text, want);
    teardown(&x);
}

static void expect_paths(const char *option, const char *text, const char *state,
                         const char *socket)
{
    struct tmpdir dir;
    struct config *c = NULL;
    struct config_error error;
    struct config_paths paths = {.state = option};
    char *found_state = NULL, *found_socket = NULL;

    tmpdir_make(&dir);
    paths.config = tmpdir_write(&dir, "perchd.yaml", text, 0600);
    ASSERT_INT(config_load(&paths, &c, &error), 0);
    if (c && (strcmp(c->state, state) != 0 || strcmp(c->socket, socket) != 0))
        FAIL_ROW("%s: %s %s", text, c->state, c->socket);
    /* The CLI finds the same without reading the rest. */
    ASSERT_INT(config_find_paths(dir.file, option, NULL, &found_state, &found_socket), 0);
    ASSERT_STR(found_state, state);
    ASSERT_STR(found_socket, socket);
    free(found_state);
    free(found_socket);
    config_free(c);
    tmpdir_remove(&dir);
}

static void test_the_order_of_what_says_where_the_state_is(void)
{
    static const char named[] = "state: /file\ncontrol: {socket: /file.sock}\n" ACCOUNT;

    (void)setenv("PERCH_STATE", "/environment", 1);
    (void)setenv("PERCH_SOCKET", "/environment.sock", 1);
    (void)setenv("STATE_DIRECTORY", "/service:/second", 1);
    (void)setenv("RUNTIME_DIRECTORY", "/runtime:/second", 1);
    expect_paths("/option", named, "/option", "/file.sock");
    expect_paths(NULL, named, "/file", "/file.sock");
    expect_paths(NULL, ACCOUNT, "/environment", "/environment.sock");
    (void)unsetenv("PERCH_STATE");
    (void)unsetenv("PERCH_SOCKET");
    expect_paths(NULL, ACCOUNT, "/service", "/runtime/perchd.sock");
    (void)unsetenv("STATE_DIRECTORY");
    (void)unsetenv("RUNTIME_DIRECTORY");
    if (geteuid() == 0)
        expect_paths(NULL, ACCOUNT, "/var/lib/perch", "/run/perch/perchd.sock");
}

static void test_paths_are_found_in_a_file_that_is_wrong(void)
{
    struct tmpdir dir;
    char *state = NULL, *socket = NULL;

    tmpdir_make(&dir);
    (void)tmpdir_write(&dir, "perchd.yaml",
                       "state: here\nnonsense: 7\ncontrol: {socket: /s, http: x}\n", 0644);
    ASSERT_INT(config_find_paths(dir.file, NULL, NULL, &state, &socket), 0);
    ASSERT_STR(socket, "/s");
    ASSERT_STR(state + strlen(dir.path), "/here");
    free(state);
    free(socket);
    (void)tmpdir_write(&dir, "perchd.yaml", "{{{", 0644);
    ASSERT_INT(config_find_paths(dir.file, "/o", "/p", &state, &socket), 0);
    ASSERT_STR(state, "/o");
    ASSERT_STR(socket, "/p");
    free(state);
    free(socket);
    tmpdir_remove(&dir);
}

/* ---- what is wrong ---- */

struct wrong {
    const char *text, *error; /* behind "FILE:" */
};

static const struct wrong wrongs[] = {
    /* the file */
    {"", "1:1: the file is empty: it needs `accounts`"},
    {"# only a comment\n", "1:1: the file is empty: it needs `accounts`"},
    {"[a, b]\n", "1:1: the file is a map of keys, as in `accounts: ...`"},
    {"word\n", "1:1: the file is a map of keys, as in `accounts: ...`"},
    {"state: /x\n", "1:1: no `accounts`"},
    {"accounts: {}\n", "1:11: `accounts` needs a map of accounts"},
    {"accounts: [a]\n", "1:11: `accounts` needs a map of accounts"},
    {"accounts:\n", "1:10: `accounts` needs a map of accounts"},
    {"accounts: {a@b.c: x}\n", "1:19: an account is a map of keys"},
    {"accounts: {a@b.c: }\n", "1:19: an account is a map of keys"},
    /* unknown keys */
    {"acounts: {}\n", "1:1: unknown key `acounts`, did you mean `accounts`?"},
    {"Accounts: {}\n", "1:1: unknown key `Accounts`, did you mean `accounts`?"},
    {"something: 1\n", "1:1: unknown key `something`"},
    {"\"a\\nb\\e[m\": 1\n", "1:1: unknown key `a\\x0Ab\\x1B[m`"},
    {WITH_ACCOUNT("    pol: 5m\n"), "6:5: unknown key `pol`, did you mean `poll`?"},
    {WITH_ACCOUNT("    mailboxs: [a]\n"), "6:5: unknown key `mailboxs`, did you mean `mailboxes`?"},
    {WITH_ACCOUNT("    hsot: x\n"), "6:5: unknown key `hsot`, did you mean `host`?"},
    {WITH_ACCOUNT("    tls: {verfy: no}\n"), "6:11: unknown key `verfy`, did you mean `verify`?"},
    {WITH_HOOK("    runn: [x]\n"), "3:5: unknown key `runn`, did you mean `run`?"},
    {WITH_HOOK("    run: [x]\n    retry: {backof: 1s..2s}\n"),
     "4:13: unknown key `backof`, did you mean `backoff`?"},
    {"log: {levle: info}\n" ACCOUNT, "1:7: unknown key `levle`, did you mean `level`?"},
    {"limits: {hoks: 1}\n" ACCOUNT, "1:10: unknown key `hoks`, did you mean `hooks`?"},
    {"retain: {event: 1d}\n" ACCOUNT, "1:10: unknown key `event`, did you mean `events`?"},
    {"defaults: {pasword: x}\n" ACCOUNT, "1:12: unknown key `pasword`, did you mean `password`?"},
    {"<<: {a: b}\n" ACCOUNT, "1:1: unknown key `<<`"},
    /* known, but later */
    {"index: {keep: flags}\n" ACCOUNT, "1:1: `index` is not built yet"},
    {"accounts_dir: /x\n" ACCOUNT, "1:1: `accounts_dir` is not built yet"},
    {"control: {http: x}\n" ACCOUNT, "1:11: `http` is not built yet"},
    {WITH_HOOK("    post: https://x\n"), "3:5: `post` is not built yet"},
    {WITH_HOOK("    append: /x\n"), "3:5: `append` is not built yet"},
    {WITH_HOOK("    shell: x\n"), "3:5: `shell` is not built yet"},
    {WITH_HOOK("    run: [x]\n    when: unseen\n"), "4:5: `when` is not built yet"},
    {WITH_HOOK("    run: [x]\n    wait_unseen: 20s\n"), "4:5: `wait_unseen` is not built yet"},
    {WITH_HOOK("    run: [x]\n    with: [preview]\n"), "4:5: `with` is not built yet"},
    {WITH_HOOK("    run: [x]\n    debounce: 2s\n"), "4:5: `debounce` is not built yet"},
    {WITH_HOOK("    run: [x]\n    max_delay: 2s\n"), "4:5: `max_delay` is not built yet"},
    {WITH_HOOK("    run: [x]\n    max_batch: 2\n"), "4:5: `max_batch` is not built yet"},
    {WITH_HOOK("    run: [x]\n    per: batch\n"), "4:10: `per: batch` is not built yet"},
    {WITH_ACCOUNT("    hooks: {moved: tell}\n"), "6:13: `moved` is not built yet"},
    {WITH_ACCOUNT("    hooks: {mailbox-renamed: tell}\n"),
     "6:13: `mailbox-renamed` is not built yet"},
    {WITH_ACCOUNT("    oauth: {provider: x}\n"), "6:5: `oauth` is not built yet"},
    {WITH_ACCOUNT("    proxy: x\n"), "6:5: `proxy` is not built yet"},
    {WITH_ACCOUNT("    tunnel: [x]\n"), "6:5: `tunnel` is not built yet"},
    {WITH_ACCOUNT("    move_window: 5s\n"), "6:5: `move_window` is not built yet"},
    {WITH_ACCOUNT("    watch: notify\n"), "6:12: `watch: notify` is not built yet"},
    {WITH_ACCOUNT("    tls: {pin: [x]}\n"), "6:11: `pin` is not built yet"},
    {WITH_ACCOUNT("    tls: {client: {cert: c}}\n"), "6:11: `client` is not built yet"},
    {WITH_ACCOUNT("    tls: {min: 1.3}\n"), "6:16: `min: 1.3` is not built yet"},
    {WITH_ACCOUNT("    auth: [scram-sha-256, plain]\n"), "6:12: `scram-sha-256` is not built yet"},
    {WITH_ACCOUNT("    auth: xoauth2\n"), "6:11: `auth: xoauth2` is not built yet"},
    /* types */
    {"state: [a]\n" ACCOUNT, "1:8: `state` takes one value, not a list"},
    {"state: {a: b}\n" ACCOUNT, "1:8: `state` takes one value, not a map"},
    {"state:\n" ACCOUNT, "1:7: `state` has no value"},
    {"state: ''\n" ACCOUNT, "1:8: `state` has no value"},
    {"log: info\n" ACCOUNT, "1:6: `log` needs a map of keys"},
    {"log: {level: verbose}\n" ACCOUNT,
     "1:14: `verbose` is none of `error`, `warn`, `info`, `debug`"},
    {"log: {level: debugg}\n" ACCOUNT,
     "1:14: `debugg` is none of `error`, `warn`, `info`, `debug`, did you mean `debug`?"},
    {"log: {trace: [wrk]}\n" ACCOUNT, "1:14: `trace`: no account is called `wrk`"},
    {"limits: {hooks: 0}\n" ACCOUNT, "1:17: `hooks` is a number from 1 to 1000"},
    {"limits: {hooks: 1001}\n" ACCOUNT, "1:17: `hooks` is a number from 1 to 1000"},
    {"limits: {hooks: many}\n" ACCOUNT, "1:17: `hooks` is a number from 1 to 1000"},
    {"limits: {hooks: -1}\n" ACCOUNT, "1:17: `hooks` is a number from 1 to 1000"},
    {"limits: {hooks: 99999999999999999999}\n" ACCOUNT, "1:17: `hooks` is a number from 1 to 1000"},
    {WITH_ACCOUNT("    port: 0\n"), "6:11: `port` is a number from 1 to 65535"},
    {WITH_ACCOUNT("    port: 65536\n"), "6:11: `port` is a number from 1 to 65535"},
    {WITH_ACCOUNT("    port: imaps\n"), "6:11: `port` is a number from 1 to 65535"},
    {WITH_ACCOUNT("    tls: {verify: maybe}\n"), "6:19: `verify` is true or false, not `maybe`"},
    {WITH_ACCOUNT("    tls: {mode: ssl}\n"),
     "6:17: `ssl` is none of `implicit`, `starttls`, `none`"},
    {WITH_ACCOUNT("    tls: {mode: startls}\n"),
     "6:17: `startls` is none of `implicit`, `starttls`, `none`, did you mean `starttls`?"},
    {WITH_ACCOUNT("    tls: starttls\n"), "6:10: `tls` needs a map of keys"},
    {WITH_ACCOUNT("    auth: {a: b}\n"),
     "6:11: `auth` is auto or a list of mechanisms, as in [plain]"},
    {WITH_ACCOUNT("    auth: []\n"), "6:11: `auth` is auto or a list of mechanisms, as in [plain]"},
    {WITH_ACCOUNT("    auth: [plane]\n"),
     "6:12: `plane` is none of `plain`, `login`, did you mean `plain`?"},
    {WITH_ACCOUNT("    first_run: noisy\n"), "6:16: `noisy` is none of `quiet`, `unseen`, `all`"},
    /* times */
    {WITH_ACCOUNT("    poll: 5\n"), "6:11: `poll` is a time such as 30s, 5m, 2h or 7d, not `5`"},
    {WITH_ACCOUNT("    poll: 5 m\n"),
     "6:11: `poll` is a time such as 30s, 5m, 2h or 7d, not `5 m`"},
    {WITH_ACCOUNT("    poll: 1.5h\n"),
     "6:11: `poll` is a time such as 30s, 5m, 2h or 7d, not `1.5h`"},
    {WITH_ACCOUNT("    poll: -5m\n"),
     "6:11: `poll` is a time such as 30s, 5m, 2h or 7d, not `-5m`"},
    {WITH_ACCOUNT("    poll: 0s\n"), "6:11: `poll` is a time from 1s to 1d"},
    {WITH_ACCOUNT("    poll: 25h\n"), "6:11: `poll` is a time from 1s to 1d"},
    {WITH_ACCOUNT("    renew: 30m\n"), "6:12: `renew` is a time from 10s to 29m"},
    {WITH_ACCOUNT("    poll: 99999999999999999999d\n"),
     "6:11: `poll` is a time such as 30s, 5m, 2h or 7d, not `99999999999999999999d`"},
    {WITH_ACCOUNT("    poll: 9223372036854775807d\n"),
     "6:11: `poll` is a time such as 30s, 5m, 2h or 7d, not `9223372036854775807d`"},
    {WITH_HOOK("    run: [x]\n    retry: {backoff: 5s}\n"),
     "4:22: `backoff` is a range of times, such as 5s..1h"},
    {WITH_HOOK("    run: [x]\n    retry: {backoff: 1h..5s}\n"),
     "4:22: `backoff` begins with the shorter time"},
    {WITH_HOOK("    run: [x]\n    hold: never\n"),
     "4:11: `hold` is a time such as 30s, 5m, 2h or 7d, not `never`"},
    {WITH_HOOK("    run: [x]\n    hold: [1s]\n"), "4:11: `hold` is a time such as 10m, or forever"},
    /* accounts */
    {"accounts: {work: {password: {command: [x]}}}\n",
     "1:12: the account's name is no address: it needs a `user`"},
    {"accounts: {work: {user: u, password: {command: [x]}}}\n",
     "1:12: neither name nor `user` is an address: it needs a `host`"},
    {"accounts: {a@b.c: {}}\n",
     "1:12: no `password`; for example password: {command: [pass, show, a@b.c]}"},
    {"accounts: {a@b.c: {tls: {mode: none}, password: {command: [x]}}}\n",
     "1:25: `mode: none` would send the password to imap.b.c in clear; it needs "
     "`allow_cleartext: true`"},
    {"accounts: {a: {user: u, host: 127.0.0.1.b.c, tls: {mode: none}, password: {command: [x]}}}\n",
     "1:51: `mode: none` would send the password to 127.0.0.1.b.c in clear; it needs "
     "`allow_cleartext: true`"},
    {"accounts: {'': {user: u, host: h, password: {command: [x]}}}\n",
     "1:12: a name has 1 to 200 bytes"},
    {"accounts: {\"a\\tb\": {user: u, host: h, password: {command: [x]}}}\n",
     "1:12: a control character in a name"},
    {"accounts: {a: {user: \"u\\r\\nA1 LOGOUT\", host: h, password: {command: [x]}}}\n",
     "1:12: a blank or a control character in `user` or `host`"},
    /* secrets */
    {"accounts: {a@b.c: {password: {}}}\n",
     "1:30: `password` is one of {command: [...]}, {file: ...}, {credential: ...}"},
    {"accounts: {a@b.c: {password: {command: [x], file: y}}}\n",
     "1:30: `password` is one of {command: [...]}, {file: ...}, {credential: ...}"},
    {"accounts: {a@b.c: {password: [pass, show]}}\n",
     "1:30: `password` is one of {command: [...]}, {file: ...}, {credential: ...}"},
    {"accounts: {a@b.c: {password: {comand: [x]}}}\n",
     "1:31: unknown key `comand`, did you mean `command`?"},
    {"accounts: {a@b.c: {password: {command: pass show}}}\n",
     "1:40: `command` is a list: the program and its arguments, as in [notify-send, --, "
     "\"{subject}\"]"},
    {"accounts: {a@b.c: {password: {command: []}}}\n", "1:40: `command` names no program"},
    {"accounts: {a@b.c: {password: {command: ['']}}}\n", "1:40: `command` names no program"},
    {"accounts: {a@b.c: {password: {command: [[x]]}}}\n", "1:41: `command` is a list of texts"},
    {"accounts: {a@b.c: {password: {credential: ../x}}}\n",
     "1:43: `credential` is a name, not a path"},
    {"accounts: {a@b.c: {password: }}\n", "1:30: `password` has no value"},
    /* mailboxes */
    {WITH_ACCOUNT("    mailboxes: []\n"), "6:16: `mailboxes` is empty: nothing would be watched"},
    {WITH_ACCOUNT("    mailboxes: ['']\n"), "6:17: an empty mailbox pattern"},
    {WITH_ACCOUNT("    mailboxes: [INBOX, '!']\n"), "6:24: an empty mailbox pattern"},
    {WITH_ACCOUNT("    mailboxes: [\"\\\\Junc\"]\n"),
     "6:17: no special use is called `\\Junc`, did you mean `\\Junk`?"},
    {WITH_ACCOUNT("    mailboxes: {a: b}\n"), "6:16: `mailboxes` takes one value, not a map"},
    {WITH_ACCOUNT("    mailboxes: [[a]]\n"), "6:17: `mailboxes` is a list of texts"},
    /* hooks */
    {"hooks: [a]\n" ACCOUNT, "1:8: `hooks` needs a map of names"},
    {WITH_HOOK("    timeout: 5m\n"), "3:5: the hook has no `run`"},
    {"hooks: {tell: }\n" ACCOUNT, "1:15: `tell` needs a map of keys"},
    {"hooks: {tell: notify-send}\n" ACCOUNT, "1:15: `tell` needs a map of keys"},
    {WITH_RUN("notify-send hello"), "3:10: `run` is a list: the program and its arguments, as in "
                                    "[notify-send, --, \"{subject}\"]"},
    {WITH_RUN("[]"), "3:10: `run` names no program"},
    {WITH_ACCOUNT("    hooks: tell\n"),
     "6:12: `hooks` needs a map of event kinds, as in {new: tell}"},
    {WITH_ACCOUNT("    hooks: {new: tell}\n"), "6:18: no hook is called `tell`"},
    {"hooks: {tell: {run: [x]}}\naccounts: {a@b.c: {password: {command: [x]}, hooks: {new: "
     "tel}}}\n",
     "2:59: no hook is called `tel`, did you mean `tell`?"},
    {WITH_ACCOUNT("    hooks: {news: {run: [x]}}\n"),
     "6:13: unknown kind of event `news`, did you mean `new`?"},
    {WITH_ACCOUNT("    hooks: {new: [[x]]}\n"), "6:19: a list in a list of hooks"},
    {WITH_ACCOUNT("    hooks: {new: {timeout: 5m}}\n"), "6:18: the hook has no `run`"},
    {"hooks: {work.new.1: {run: [x]}}\n" WITH_ACCOUNT("    hooks: {new: {run: [x]}}\n"),
     "7:18: a hook of `hooks:` already has this one's name, `work.new.1`"},
    {WITH_HOOK("    run: [x]\n    env: {1A: b}\n"),
     "4:11: `1A` is no name for an environment variable"},
    {WITH_HOOK("    run: [x]\n    env: {PERCH_ID: b}\n"),
     "4:11: `PERCH_ID`: perch sets the PERCH_ variables itself"},
    {WITH_HOOK("    run: [x]\n    env: {A: [b]}\n"), "4:14: `A` takes one value"},
    {WITH_HOOK("    run: [x]\n    env: [A=b]\n"),
     "4:10: `env` needs a map of variables, as in {NAME: value}"},
    {WITH_HOOK("    run: [x]\n    pass_env: [A, NOTIFY_SOCKET]\n"),
     "4:19: `NOTIFY_SOCKET` is never passed to a hook"},
    {WITH_HOOK("    run: [x]\n    pass_env: CREDENTIALS_DIRECTORY\n"),
     "4:15: `CREDENTIALS_DIRECTORY` is never passed to a hook"},
    /* placeholders */
    {WITH_RUN("[x, \"{subjct}\"]"),
     "3:14: unknown placeholder `{subjct}`, did you mean `subject`?"},
    {WITH_RUN("[x, \"a {from.nam} b\"]"),
     "3:14: unknown placeholder `{from.nam}`, did you mean `from.name`?"},
    {WITH_RUN("[x, \"{x}\"]"), "3:14: unknown placeholder `{x}`"},
    {WITH_RUN("[x, \"{attachments}\"]"),
     "3:14: `{attachments}` has no text form; it is in the JSON on stdin"},
    {WITH_RUN("[x, \"{moved}\"]"), "3:14: `{moved}` has no text form; it is in the JSON on stdin"},
    {WITH_RUN("[x, \"{count}\"]"), "3:14: `{count}` needs `per: batch`"},
    {WITH_RUN("[\"{subject}\"]"), "3:11: a server must not choose the program"},
    {WITH_RUN("[x, \"{subject}\"]"),
     "3:14: an argument that begins with text from a server could be taken for an option; write "
     "`run: [x, --, \"{subject}\"]`"},
    {WITH_RUN("[x, -a, \"two words\", \"{mailbox}!\", \"{from}\"]"),
     "3:31: an argument that begins with text from a server could be taken for an option; write "
     "`run: [x, -a, \"two words\", --, \"{mailbox}!\", \"{from}\"]`"},
    {WITH_RUN("[x, \"{uid}{subject}\"]"), /* uid may be empty */
     "3:14: an argument that begins with text from a server could be taken for an option; write "
     "`run: [x, --, \"{uid}{subject}\"]`"},
    {WITH_RUN("[x, \"{flags.added}\"]"),
     "3:14: an argument that begins with text from a server could be taken for an option; write "
     "`run: [x, --, \"{flags.added}\"]`"},
    {WITH_RUN("[--, \"{subject}\"]"), /* the program is not an end of options */
     "3:15: an argument that begins with text from a server could be taken for an option; write "
     "`run: [--, --, \"{subject}\"]`"},
    {WITH_RUN("[sh, -c, \"echo {subject}\"]"),
     "3:19: a shell would run this text from a server; use the environment, as in "
     "\"$PERCH_SUBJECT\""},
    {WITH_RUN("[env, /bin/bash, -ec, \"echo '{event}'\"]"),
     "3:32: a shell would run this text from a server; use the environment, as in "
     "\"$PERCH_SUBJECT\""},
    /* YAML */
    {"accounts: &a {b@c.d: {password: {command: [x]}}}\n", "1:11: anchors are not supported"},
    {"state: *a\n" ACCOUNT, "1:8: aliases are not supported"},
    {"state: !!str x\n" ACCOUNT, "1:8: tags are not supported"},
    {"state: /a\nstate: /b\n" ACCOUNT, "2:1: `state` is already set in line 1"},
    {"accounts:\n  a@b.c: {password: {command: [x]}}\n  d@b.c: {password: {command: [x]}}\n"
     "  a@b.c: {password: {command: [x]}}\n",
     "4:3: `a@b.c` is already set in line 2"},
    {"[a, b]: c\n", "1:1: a key must be a word"},
    {ACCOUNT "---\n" ACCOUNT, "2:1: a second document"},
    {"state: \"a\\0b\"\n" ACCOUNT, "1:8: NUL in a text"},
};

static void test_every_mistake_is_told_with_its_place(void)
{
    struct fixture x;
    char want[1200];

    setup(&x);
    for (size_t i = 0; i < PERCH_COUNT(wrongs); i++) {
        int ret = load_as(&x, wrongs[i].text, 0600);

        (void)snprintf(want, sizeof want, "%s:%s", x.dir.file, wrongs[i].error);
        if (ret == 0)
            FAIL_ROW("row %zu was taken: %s", i, wrongs[i].text);
        else if (strcmp(x.error.text, want) != 0)
            FAIL_ROW("row %zu: %s, want %s", i, x.error.text, want);
        config_free(x.c);
        x.c = NULL;
    }
    teardown(&x);
}

static void test_arguments_that_are_right(void)
{
    static const char *const rows[] = {
        "[x, --, \"{subject}\", \"{from}\"]",
        "[x, \"--title={subject}\"]",
        "[x, \"{account}:{mailbox}\"]",
        "[x, \"{uid}\", \"{seq}\", \"{date}\"]",
        "[x, \"{event}\"]",
        "[x, \"{kind}{subject}\"]",
        "[x, \"{{subject}}\", \"{Subject}\", \"{ subject }\", \"{}\", \"{\", \"}\", \"{a.}\"]",
        "[sh, -c, 'echo \"$1\"', --, \"{subject}\"]",
        "[\"{kind}-hook\", x]",
        "[x, \"\"]",
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct fixture x;
        char text[400];

        (void)snprintf(text, sizeof text, "hooks: {tell: {run: %s}}\n" ACCOUNT, rows[i]);
        (void)loaded(&x, text);
        teardown(&x);
    }
}

/* ---- who can read it ---- */

static void test_a_file_that_cannot_be_read(void)
{
    struct tmpdir dir;
    struct config *c;
    struct config_error error;
    struct config_paths paths = {.config = "/nonexistent/perchd.yaml"};

    ASSERT_INT(config_load(&paths, &c, &error), -1);
    ASSERT_STR(error.text, "/nonexistent/perchd.yaml:1:1: cannot open /nonexistent/perchd.yaml: "
                           "No such file or directory");
    tmpdir_make(&dir);
    paths.config = dir.path;
    ASSERT_INT(config_load(&paths, &c, &error), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "is not a file"));
    tmpdir_remove(&dir);
}

static void test_an_inline_password_needs_a_private_file(void)
{
    static const char text[] = "accounts: {a@b.c: {password: canary}}\n";
    struct fixture x;

    setup(&x);
    ASSERT_INT(load_as(&x, text, 0600), 0);
    ASSERT_INT(x.c->accounts[0].password.kind, SECRET_PLAIN);
    ASSERT_STR(x.c->accounts[0].password.text, "canary");
    config_free(x.c);
    ASSERT_INT(load_as(&x, text, 0644), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(x.error.text, ":1:30: a password here, and others can read "));
    CU_ASSERT_PTR_NOT_NULL(strstr(x.error.text, "chmod 600"));
    CU_ASSERT_PTR_NULL(strstr(x.error.text, "canary"));
    ASSERT_INT(load_as(&x, ACCOUNT, 0644), 0); /* nothing to hide */
    config_free(x.c);
    ASSERT_INT(load_as(&x, ACCOUNT, 0666), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(x.error.text, ":1:1: everybody can write this file; fix: chmod "
                                                "o-w "));
    teardown(&x);
}

static void test_secret_files_are_looked_at(void)
{
    static const char text[] = "accounts: {a@b.c: {password: {file: secret}}}\n";
    struct fixture x;

    setup(&x);
    ASSERT_INT(load_as(&x, text, 0600), 0); /* missing: it may come later */
    config_free(x.c);
    (void)tmpdir_write(&x.dir, "secret", "s\n", 0640);
    if (geteuid() == 0)
        ASSERT_INT(chown(x.dir.file, 12345, (gid_t)-1), 0);
    ASSERT_INT(load_as(&x, text, 0600), -1);
    (void)tmpdir_write(&x.dir, "secret2", "s\n", 0604);
    ASSERT_INT(load_as(&x, "accounts: {a@b.c: {password: {file: secret2}}}\n", 0600), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(x.error.text, ":1:37: others can read or write "));
    CU_ASSERT_PTR_NOT_NULL(strstr(x.error.text, "fix: chmod 600 "));
    teardown(&x);
}

static void test_certificate_authorities_are_read_at_load(void)
{
    static const char text[] = "accounts: {a@b.c: {tls: {ca: ca.pem}, password: {command: [x]}}}\n";
    static const char pem[] = "x\n-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n";
    struct fixture x;

    setup(&x);
    ASSERT_INT(load_as(&x, text, 0600), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(x.error.text, ":1:30: cannot open "));
    (void)tmpdir_write(&x.dir, "ca.pem", "rubbish", 0644);
    ASSERT_INT(load_as(&x, text, 0600), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(x.error.text, "holds no certificate in PEM form"));
    (void)tmpdir_write(&x.dir, "ca.pem", pem, 0644);
    ASSERT_INT(load_as(&x, text, 0600), 0);
    ASSERT_STR(x.c->accounts[0].ca_pem, pem);
    teardown(&x);
}

/* ---- bombs ---- */

static void test_large_files_are_refused(void)
{
    struct fixture x;
    size_t n = (1u << 20) + 1;
    char *text = malloc(n + 1);

    setup(&x);
    memset(text, '#', n);
    text[n] = '\0';
    ASSERT_INT(load_as(&x, text, 0600), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(x.error.text, ":1:1: larger than 1 MiB"));
    free(text);
    teardown(&x);
}

static void test_ten_thousand_accounts_fit(void)
{
    struct fixture x;
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    setup(&x);
    (void)fprintf(f, "defaults: {password: {command: [x]}}\naccounts:\n");
    for (int i = 0; i < 10000; i++)
        (void)fprintf(f, "  user%d@example.org: {hooks: {new: {run: [x]}}}\n", i);
    (void)fclose(f);
    ASSERT_INT(load_as(&x, text, 0600), 0);
    ASSERT_INT(x.c->naccounts, 10000);
    ASSERT_INT(x.c->nhooks, 10000);
    ASSERT_STR(x.c->accounts[9999].user, "user9999@example.org");
    ASSERT_INT(x.c->accounts[9999].bindings[0].hook, 9999);
    free(text);
    teardown(&x);
}

static int load_hooks(struct fixture *x, int n)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    int ret;

    (void)fprintf(f, "accounts: {a@b.c: {password: {command: [x]}, hooks: {new: [");
    for (int i = 0; i < n; i++)
        (void)fprintf(f, "{run: [x]},");
    (void)fprintf(f, "]}}}\n");
    (void)fclose(f);
    ret = load_as(x, text, 0600);
    free(text);
    return ret;
}

static void test_an_account_has_a_thousand_hooks_at_most(void)
{
    struct fixture x;

    setup(&x);
    ASSERT_INT(load_hooks(&x, 1000), 0);
    ASSERT_INT(x.c->accounts[0].nbindings, 1000);
    config_free(x.c);
    ASSERT_INT(load_hooks(&x, 1001), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(x.error.text, ":1:53: more than 1000 hooks in one account"));
    teardown(&x);
}

static int load_for_failmem(void *user)
{
    struct config_paths paths = {.config = user};
    struct config *c = NULL;
    struct config_error error;
    int ret = config_load(&paths, &c, &error);

    config_free(c);
    if (ret == 0)
        return PERCH_OK;
    return strstr(error.text, ": out of memory") ? PERCH_ENOMEM : ret;
}

static void test_running_out_of_memory_is_an_error(void)
{
    struct tmpdir dir;
    char file[sizeof dir.file];

    tmpdir_make(&dir);
    (void)snprintf(file, sizeof file, "%s",
                   tmpdir_write(&dir, "perchd.yaml",
                                "hooks: {tell: {run: [x, --, \"{subject}\"], env: {A: b}}}\n"
                                "accounts: {a@b.c: {password: {command: [x]}, auth: [plain],\n"
                                "  hooks: {new: [tell, {run: [y]}]}}}\n",
                                0600));
    CU_ASSERT_TRUE(perch_failmem(load_for_failmem, file) > 5);
    tmpdir_remove(&dir);
}

PERCH_SUITE("daemon/config") = {
    PERCH_TEST(test_the_minimal_form),
    PERCH_TEST(test_every_key_of_a_hook),
    PERCH_TEST(test_defaults_are_the_accounts_own_until_it_says_otherwise),
    PERCH_TEST(test_bindings),
    PERCH_TEST(test_user_and_host_come_from_the_address),
    PERCH_TEST(test_scalars_mean_what_the_field_says),
    PERCH_TEST(test_cleartext_on_loopback),
    PERCH_TEST(test_generations_grow),
    PERCH_TEST(test_paths_of_the_file_are_relative_to_it),
    PERCH_TEST(test_the_order_of_what_says_where_the_state_is),
    PERCH_TEST(test_paths_are_found_in_a_file_that_is_wrong),
    PERCH_TEST(test_every_mistake_is_told_with_its_place),
    PERCH_TEST(test_arguments_that_are_right),
    PERCH_TEST(test_a_file_that_cannot_be_read),
    PERCH_TEST(test_an_inline_password_needs_a_private_file),
    PERCH_TEST(test_secret_files_are_looked_at),
    PERCH_TEST(test_certificate_authorities_are_read_at_load),
    PERCH_TEST(test_large_files_are_refused),
    PERCH_TEST(test_ten_thousand_accounts_fit),
    PERCH_TEST(test_an_account_has_a_thousand_hooks_at_most),
    PERCH_TEST(test_running_out_of_memory_is_an_error),
    PERCH_END,
};
