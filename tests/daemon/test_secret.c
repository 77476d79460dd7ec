/* Secrets from all their sources. The loop goes until the expected answers are there. */
#include "runner/secret.h"

#include "support/perch_test.h"
#include "support/tmpdir.h"

#include <event2/event.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct tmpdir dir;
    struct event_base *base;
    struct secrets *secrets;
    struct config config;
    struct config_account accounts[40];
    unsigned answers, wanted;
    char account[40], secret[SECRET_LEN_MAX + 1], error[600];
};

static void on_secret(const char *account, const char *secret, const char *error, void *user)
{
    struct fixture *f = user;

    CU_ASSERT_EQUAL(secret == NULL, error != NULL);
    (void)snprintf(f->account, sizeof f->account, "%s", account);
    (void)snprintf(f->secret, sizeof f->secret, "%s", secret ? secret : "");
    (void)snprintf(f->error, sizeof f->error, "%s", error ? error : "");
    if (++f->answers == f->wanted)
        (void)event_base_loopbreak(f->base);
}

static void setup(struct fixture *f)
{
    *f = (struct fixture){.answers = 0};
    (void)signal(SIGPIPE, SIG_IGN);
    tmpdir_make(&f->dir);
    f->base = event_base_new();
    f->secrets = secrets_new(f->base, 60000, on_secret, f);
    f->config.accounts = f->accounts;
    f->config.generation = 1;
}

static void teardown(struct fixture *f)
{
    secrets_free(f->secrets);
    event_base_free(f->base);
    tmpdir_remove(&f->dir);
}

static void add_account(struct fixture *f, const char *key, struct config_secret secret)
{
    f->accounts[f->config.naccounts++] =
        (struct config_account){.key = (char *)key, .password = secret};
}

/* Until `n` further answers are there. */
static void wait_for(struct fixture *f, unsigned n)
{
    f->wanted = f->answers + n;
    (void)event_base_dispatch(f->base);
    ASSERT_INT(f->answers, f->wanted);
}

static void want(struct fixture *f, const char *account, bool fresh)
{
    ASSERT_INT(secrets_want(f->secrets, account, fresh), 0);
    wait_for(f, 1);
}

/* The answer of one source. */
static void fetch(struct fixture *f, struct config_secret secret)
{
    f->config.naccounts = 0;
    add_account(f, "work", secret);
    ASSERT_INT(secrets_use(f->secrets, &f->config), 0);
    want(f, "work", false);
}

static struct config_secret shell(char *argv[4], const char *script)
{
    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = (char *)script;
    argv[3] = NULL;
    return (struct config_secret){.kind = SECRET_COMMAND, .argv = argv};
}

static void test_what_a_command_prints(void)
{
    static const struct {
        const char *script, *secret, *error; /* error: a part of it */
    } rows[] = {
        {"echo pass", "pass", NULL},
        {"printf pass", "pass", NULL},
        {"printf 'pass\\r\\n'", "pass", NULL},
        {"printf 'first\\nsecond\\n'", "first", NULL},
        {"printf ' with blanks \\n'", " with blanks ", NULL},
        {"echo noise >&2; echo pass", "pass", NULL},
        {"echo pass; head -c 1000000 /dev/zero", "pass", NULL},
        {"true", NULL, "password command `sh` gave an empty first line"},
        {"echo", NULL, "gave an empty first line"},
        {"head -c 1000000 /dev/zero | tr '\\0' x", NULL, "more than 4096 bytes"},
        {"printf 'a\\0b\\n'", NULL, "NUL"},
        {"echo pass; exit 2", NULL, "failed with exit status 2; try it in a terminal"},
        {"echo gpg: no key >&2; echo more >&2; exit 1", NULL, "exit status 1: gpg: no key; try"},
        {"kill -9 $$", NULL, "was ended by signal 9"},
    };
    struct fixture f;
    char *argv[4];

    setup(&f);
    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        fetch(&f, shell(argv, rows[i].script));
        if (rows[i].secret && strcmp(f.secret, rows[i].secret) != 0)
            FAIL_ROW("%s: %s, %s", rows[i].script, f.secret, f.error);
        if (rows[i].error && !strstr(f.error, rows[i].error))
            FAIL_ROW("%s: %s, %s", rows[i].script, f.secret, f.error);
    }
    teardown(&f);
}

static void test_a_secret_of_the_full_length_passes(void)
{
    struct fixture f;
    char *argv[4];

    setup(&f);
    fetch(&f, shell(argv, "head -c 4096 /dev/zero | tr '\\0' x"));
    ASSERT_INT(strlen(f.secret), 4096);
    fetch(&f, shell(argv, "head -c 4096 /dev/zero | tr '\\0' x; echo"));
    ASSERT_INT(strlen(f.secret), 4096);
    fetch(&f, shell(argv, "head -c 4097 /dev/zero | tr '\\0' x"));
    ASSERT_STR(f.secret, "");
    teardown(&f);
}

static void test_a_command_that_is_not_there_names_itself(void)
{
    struct fixture f;
    char *argv[] = {"perch-no-such-program", NULL};

    setup(&f);
    fetch(&f, (struct config_secret){.kind = SECRET_COMMAND, .argv = argv});
    ASSERT_STR(f.account, "work");
    ASSERT_STR(f.error, "cannot run the password command `perch-no-such-program`: No such file or "
                        "directory; is it installed, executable and in PATH?");
    teardown(&f);
}

static void test_a_command_that_hangs_is_ended(void)
{
    struct fixture f;
    char *argv[4];

    setup(&f);
    secrets_free(f.secrets);
    f.secrets = secrets_new(f.base, 100, on_secret, &f);
    fetch(&f, shell(argv, "sleep 60"));
    CU_ASSERT_PTR_NOT_NULL(strstr(f.error, "gave no answer in time"));
    teardown(&f);
}

static void test_no_shell_is_used_unless_asked(void)
{
    struct fixture f;
    char *argv[] = {"echo", "$HOME `id` *", NULL};

    setup(&f);
    fetch(&f, (struct config_secret){.kind = SECRET_COMMAND, .argv = argv});
    ASSERT_STR(f.secret, "$HOME `id` *");
    teardown(&f);
}

static void test_the_environment_of_a_command(void)
{
    struct fixture f;
    char *argv[4];

    setup(&f);
    (void)setenv("CREDENTIALS_DIRECTORY", "/canary", 1);
    (void)setenv("PERCH_CANARY", "canary", 1);
    fetch(&f, shell(argv, "echo $PERCH_ACCOUNT; env | grep -i canary >&2; exit 0"));
    ASSERT_STR(f.secret, "work");
    fetch(&f, shell(argv, "env | grep -c canary"));
    CU_ASSERT_PTR_NOT_NULL(strstr(f.error, "exit status 1")); /* grep found none */
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    (void)unsetenv("PERCH_CANARY");
    teardown(&f);
}

/* A command that counts its runs in a file. */
static const char counting[] = "echo x >>\"$0\"; wc -l <\"$0\"";

static void test_a_command_runs_once_until_its_answer_is_refused(void)
{
    struct fixture f;
    char *argv[] = {"sh", "-c", (char *)counting, NULL, NULL};

    setup(&f);
    argv[3] = (char *)tmpdir_file(&f.dir, "count");
    fetch(&f, (struct config_secret){.kind = SECRET_COMMAND, .argv = argv});
    ASSERT_STR(f.secret, "1");
    want(&f, "work", false);
    ASSERT_STR(f.secret, "1");
    want(&f, "work", true);
    ASSERT_STR(f.secret, "2");
    want(&f, "work", false);
    ASSERT_STR(f.secret, "2");
    f.config.generation++;
    ASSERT_INT(secrets_use(f.secrets, &f.config), 0); /* a reload */
    want(&f, "work", false);
    ASSERT_STR(f.secret, "3");
    teardown(&f);
}

static void test_a_failure_is_not_kept(void)
{
    struct fixture f;
    char *argv[] = {"sh", "-c", "echo x >>\"$0\"; test $(wc -l <\"$0\") = 2 && echo pass", NULL,
                    NULL};

    setup(&f);
    argv[3] = (char *)tmpdir_file(&f.dir, "count");
    fetch(&f, (struct config_secret){.kind = SECRET_COMMAND, .argv = argv});
    ASSERT_STR(f.secret, "");
    want(&f, "work", false);
    ASSERT_STR(f.secret, "pass");
    teardown(&f);
}

static void test_wants_that_meet_share_one_run(void)
{
    struct fixture f;
    char *argv[] = {"sh", "-c", (char *)counting, NULL, NULL};

    setup(&f);
    argv[3] = (char *)tmpdir_file(&f.dir, "count");
    add_account(&f, "work", (struct config_secret){.kind = SECRET_COMMAND, .argv = argv});
    ASSERT_INT(secrets_use(f.secrets, &f.config), 0);
    for (int i = 0; i < 5; i++)
        ASSERT_INT(secrets_want(f.secrets, "work", i == 3), 0);
    wait_for(&f, 1);
    ASSERT_STR(f.secret, "1");
    (void)event_base_loop(f.base, EVLOOP_NONBLOCK);
    ASSERT_INT(f.answers, 1);
    teardown(&f);
}

static void test_many_accounts_are_all_answered(void)
{
    struct fixture f;
    char *argv[4];
    char keys[40][8];

    setup(&f);
    for (int i = 0; i < 40; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "a%d", i);
        add_account(&f, keys[i], shell(argv, "echo $PERCH_ACCOUNT"));
    }
    ASSERT_INT(secrets_use(f.secrets, &f.config), 0);
    for (int i = 0; i < 40; i++)
        ASSERT_INT(secrets_want(f.secrets, keys[i], false), 0);
    wait_for(&f, 40);
    ASSERT_STR(f.secret, f.account);
    teardown(&f);
}

static void test_a_reload_while_a_command_runs(void)
{
    struct fixture f;
    char *slow[4], *quick[4];
    struct config next = {.generation = 2, .naccounts = 1};
    struct config_account account = {.key = "work", .password = shell(quick, "echo new")};

    setup(&f);
    add_account(&f, "work", shell(slow, "echo old"));
    next.accounts = &account;
    ASSERT_INT(secrets_use(f.secrets, &f.config), 0);
    ASSERT_INT(secrets_want(f.secrets, "work", false), 0);
    ASSERT_INT(secrets_use(f.secrets, &next), 0);
    wait_for(&f, 1);
    ASSERT_STR(f.secret, "old");
    want(&f, "work", false); /* the old answer was not kept */
    ASSERT_STR(f.secret, "new");
    teardown(&f);
}

static void test_secret_files(void)
{
    struct fixture f;
    struct config_secret secret = {.kind = SECRET_FILE};
    char name[100];

    setup(&f);
    secret.text = (char *)tmpdir_write(&f.dir, "good", "s3cret\nrest\n", 0600);
    fetch(&f, secret);
    ASSERT_STR(f.secret, "s3cret");
    (void)tmpdir_write(&f.dir, "good", "changed", 0400);
    want(&f, "work", false); /* read each time */
    ASSERT_STR(f.secret, "changed");

    secret.text = (char *)tmpdir_write(&f.dir, "open", "s3cret\n", 0644);
    fetch(&f, secret);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.error, "fix: chmod 600"));
    CU_ASSERT_PTR_NULL(strstr(f.error, "s3cret"));

    (void)snprintf(name, sizeof name, "%s/link", f.dir.path);
    ASSERT_INT(symlink("open", name), 0);
    secret.text = name;
    fetch(&f, secret);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.error, "fix: chmod 600"));

    secret.text = (char *)tmpdir_write(&f.dir, "empty", "", 0600);
    fetch(&f, secret);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.error, "empty first line"));

    secret.text = (char *)tmpdir_file(&f.dir, "missing");
    fetch(&f, secret);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.error, "No such file"));

    secret.text = f.dir.path;
    fetch(&f, secret);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.error, "is not a file"));

    (void)snprintf(name, sizeof name, "%s/fifo", f.dir.path);
    ASSERT_INT(mkfifo(name, 0600), 0);
    secret.text = name;
    fetch(&f, secret); /* and does not hang */
    CU_ASSERT_PTR_NOT_NULL(strstr(f.error, "is not a file"));
    teardown(&f);
}

static void test_a_secret_file_of_another_user_is_refused(void)
{
    struct fixture f;
    struct config_secret secret = {.kind = SECRET_FILE};

    if (geteuid() != 0)
        return; /* only root can give a file away */
    setup(&f);
    secret.text = (char *)tmpdir_write(&f.dir, "theirs", "s3cret\n", 0600);
    ASSERT_INT(chown(secret.text, 12345, 12345), 0);
    fetch(&f, secret);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.error, "belongs to user 12345; fix: chown 0"));
    teardown(&f);
}

static void test_credentials(void)
{
    struct fixture f;
    struct config_secret secret = {.kind = SECRET_CREDENTIAL, .text = "work-password"};

    setup(&f);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    fetch(&f, secret);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.error, "LoadCredential=work-password:PATH"));
    (void)setenv("CREDENTIALS_DIRECTORY", f.dir.path, 1);
    fetch(&f, secret);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.error, "No such file"));
    (void)tmpdir_write(&f.dir, "work-password", "s3cret\n", 0440);
    fetch(&f, secret);
    ASSERT_STR(f.secret, "s3cret");
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    teardown(&f);
}

static void test_plain_secrets_and_unknown_accounts(void)
{
    struct fixture f;

    setup(&f);
    fetch(&f, (struct config_secret){.kind = SECRET_PLAIN, .text = "inline"});
    ASSERT_STR(f.secret, "inline");
    want(&f, "nobody", false);
    ASSERT_STR(f.account, "nobody");
    ASSERT_STR(f.error, "no such account");
    fetch(&f, (struct config_secret){.kind = SECRET_NONE});
    ASSERT_STR(f.error, "the account has no password");
    teardown(&f);
}

static void test_freeing_ends_commands_without_an_answer(void)
{
    struct fixture f;
    char *argv[4];

    setup(&f);
    add_account(&f, "work", shell(argv, "sleep 60"));
    ASSERT_INT(secrets_use(f.secrets, &f.config), 0);
    ASSERT_INT(secrets_want(f.secrets, "work", false), 0);
    secrets_free(f.secrets);
    f.secrets = NULL;
    (void)event_base_loop(f.base, EVLOOP_NONBLOCK);
    ASSERT_INT(f.answers, 0);
    teardown(&f);
}

PERCH_SUITE("daemon/secret") = {
    PERCH_TEST(test_what_a_command_prints),
    PERCH_TEST(test_a_secret_of_the_full_length_passes),
    PERCH_TEST(test_a_command_that_is_not_there_names_itself),
    PERCH_TEST(test_a_command_that_hangs_is_ended),
    PERCH_TEST(test_no_shell_is_used_unless_asked),
    PERCH_TEST(test_the_environment_of_a_command),
    PERCH_TEST(test_a_command_runs_once_until_its_answer_is_refused),
    PERCH_TEST(test_a_failure_is_not_kept),
    PERCH_TEST(test_wants_that_meet_share_one_run),
    PERCH_TEST(test_many_accounts_are_all_answered),
    PERCH_TEST(test_a_reload_while_a_command_runs),
    PERCH_TEST(test_secret_files),
    PERCH_TEST(test_a_secret_file_of_another_user_is_refused),
    PERCH_TEST(test_credentials),
    PERCH_TEST(test_plain_secrets_and_unknown_accounts),
    PERCH_TEST(test_freeing_ends_commands_without_an_answer),
    PERCH_END,
};
