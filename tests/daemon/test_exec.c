/* Programs run by /bin/sh, in a loop that goes until they have ended. */
#include "runner/exec.h"

#include "support/perch_test.h"
#include "support/tmpdir.h"

#include <event2/event.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_MS 60000
#define HELP    "; is it installed, executable and in PATH?"

struct seen {
    unsigned times;
    struct exec_result r;
    char error[300];
    char *output;
    char errors[1200];
    struct event_base *base;
};

static char *env_path[] = {"PATH=/usr/bin:/bin", NULL};

static void on_done(const struct exec_result *r, void *user)
{
    struct seen *s = user;

    s->times++;
    s->r = *r;
    (void)snprintf(s->error, sizeof s->error, "%s", r->error ? r->error : "");
    (void)snprintf(s->errors, sizeof s->errors, "%s", r->errors);
    free(s->output);
    s->output = malloc(r->output_len + 1);
    memcpy(s->output, r->output, r->output_len + 1);
    s->r.output = s->output;
    s->r.error = s->error;
    s->r.errors = s->errors;
    (void)event_base_loopbreak(s->base);
}

static struct exec_spec spec_of(char *const *argv)
{
    return (struct exec_spec){
        .argv = argv, .env = env_path, .cwd = "/", .output_max = 65536, .timeout_ms = LONG_MS};
}

/* Runs it to its end. */
static void run(const struct exec_spec *spec, struct seen *s)
{
    *s = (struct seen){.base = event_base_new()};
    (void)signal(SIGPIPE, SIG_IGN);
    CU_ASSERT_PTR_NOT_NULL_FATAL(exec_start(s->base, spec, on_done, s));
    ASSERT_INT(s->times, 0); /* never inside exec_start */
    (void)event_base_dispatch(s->base);
    ASSERT_INT(s->times, 1);
    (void)event_base_loop(s->base, EVLOOP_NONBLOCK);
    ASSERT_INT(s->times, 1);
}

static void seen_done(struct seen *s)
{
    free(s->output);
    event_base_free(s->base);
}

static void run_shell(const char *script, struct seen *s)
{
    char *argv[] = {"sh", "-c", (char *)script, NULL};
    struct exec_spec spec = spec_of(argv);

    run(&spec, s);
}

static void test_output_and_exit_status_are_told(void)
{
    struct seen s;

    run_shell("echo out; echo err >&2; exit 7", &s);
    CU_ASSERT_TRUE(s.r.started);
    ASSERT_INT(s.r.exit_status, 7);
    ASSERT_INT(s.r.signal, 0);
    ASSERT_STR(s.r.output, "out\nerr\n");
    CU_ASSERT_FALSE(s.r.output_cut);
    CU_ASSERT_FALSE(s.r.timed_out);
    seen_done(&s);
}

static void test_a_signal_is_told(void)
{
    struct seen s;

    run_shell("kill -9 $$", &s);
    ASSERT_INT(s.r.exit_status, -1);
    ASSERT_INT(s.r.signal, SIGKILL);
    seen_done(&s);
}

static void test_stderr_can_be_kept_apart(void)
{
    char *argv[] = {"sh", "-c", "echo secret; echo sorry >&2", NULL};
    struct exec_spec spec = spec_of(argv);
    struct seen s;

    spec.split = true;
    run(&spec, &s);
    ASSERT_STR(s.r.output, "secret\n");
    ASSERT_STR(s.r.errors, "sorry\n");
    seen_done(&s);
}

static void test_input_arrives_whole_and_ends(void)
{
    size_t n = 3000000;
    char *input = malloc(n);
    char *argv[] = {"sh", "-c", "wc -c; cat | wc -c", NULL};
    struct exec_spec spec = spec_of(argv);
    struct seen s;

    memset(input, 'x', n);
    spec.input = input;
    spec.input_len = n;
    run(&spec, &s);
    free(input);
    ASSERT_STR(s.r.output, "3000000\n0\n");
    seen_done(&s);
}

static void test_a_program_that_reads_nothing_is_survived(void)
{
    size_t n = 1000000;
    char *input = malloc(n);
    char *argv[] = {"true", NULL};
    struct exec_spec spec = spec_of(argv);
    struct seen s;

    memset(input, 'x', n);
    spec.input = input;
    spec.input_len = n;
    run(&spec, &s);
    free(input);
    ASSERT_INT(s.r.exit_status, 0);
    seen_done(&s);
}

static void test_output_is_capped_and_the_rest_is_read(void)
{
    char *argv[] = {"sh", "-c", "head -c 100000000 /dev/zero; exit 3", NULL};
    struct exec_spec spec = spec_of(argv);
    struct seen s;

    run(&spec, &s);
    ASSERT_INT(s.r.output_len, 65536);
    CU_ASSERT_TRUE(s.r.output_cut);
    ASSERT_INT(s.r.exit_status, 3);
    seen_done(&s);
}

static void test_a_program_that_is_not_there(void)
{
    static const struct {
        const char *program, *error;
    } rows[] = {
        {"perch-no-such-program", "`perch-no-such-program`: No such file or directory" HELP},
        {"/perch/no/such/program", "`/perch/no/such/program`: No such file or directory" HELP},
        {"/etc/passwd", "`/etc/passwd`: Permission denied" HELP},
        {"/", "`/`: Permission denied" HELP},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        char *argv[] = {(char *)rows[i].program, NULL};
        struct exec_spec spec = spec_of(argv);
        struct seen s;

        run(&spec, &s);
        CU_ASSERT_FALSE(s.r.started);
        ASSERT_STR(s.r.error, rows[i].error);
        seen_done(&s);
    }
}

static void test_a_file_that_is_no_program(void)
{
    struct tmpdir t;
    struct seen s;
    char *argv[] = {NULL, NULL};
    struct exec_spec spec = spec_of(argv);

    tmpdir_make(&t);
    argv[0] = (char *)tmpdir_write(&t, "no-interpreter", "echo hello\n", 0755);
    run(&spec, &s);
    CU_ASSERT_FALSE(s.r.started);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.r.error, "Exec format error"));
    seen_done(&s);
    tmpdir_remove(&t);
}

static void test_the_path_of_the_child_counts(void)
{
    struct tmpdir t;
    struct seen s;
    char *argv[] = {"perch-test-program", NULL};
    char path[128], *env[] = {path, NULL};
    struct exec_spec spec = spec_of(argv);

    tmpdir_make(&t);
    (void)tmpdir_write(&t, "perch-test-program", "#!/bin/sh\necho found\n", 0755);
    (void)snprintf(path, sizeof path, "PATH=/nonexistent::%s", t.path);
    spec.env = env;
    run(&spec, &s);
    ASSERT_STR(s.r.output, "found\n");
    seen_done(&s);
    tmpdir_remove(&t);
}

static void test_too_much_to_exec_is_a_failure_not_a_crash(void)
{
    size_t n = 200000;
    char *big = malloc(n + 1);
    char *argv[] = {"true", big, NULL};
    struct exec_spec spec = spec_of(argv);
    struct seen s;

    memset(big, 'x', n);
    big[n] = '\0';
    run(&spec, &s);
    CU_ASSERT_FALSE(s.r.started);
    ASSERT_STR(s.r.error, "`true`: Argument list too long" HELP);
    free(big);
    seen_done(&s);
}

static char *first_word(char *text)
{
    text[strcspn(text, " \n")] = '\0';
    return text;
}

static void test_a_timeout_ends_the_whole_group(void)
{
    /* Both the shell and its child would sleep for a minute; the child holds our pipe. */
    char *argv[] = {"sh", "-c", "sleep 60 & echo $! $$; wait", NULL};
    struct exec_spec spec = spec_of(argv);
    struct seen s;
    char command[200];

    spec.timeout_ms = 300;
    run(&spec, &s);
    CU_ASSERT_TRUE(s.r.timed_out);
    ASSERT_INT(s.r.signal, SIGTERM);
    /* Nobody may have waited for the orphan: a zombie is dead enough. */
    (void)snprintf(command, sizeof command,
                   "while s=$(cut -d' ' -f3 /proc/%s/stat 2>/dev/null) && [ \"$s\" != Z ]; do :; "
                   "done",
                   first_word(s.output));
    seen_done(&s);
    run_shell(command, &s);
    CU_ASSERT_FALSE(s.r.timed_out);
    seen_done(&s);
}

static void test_a_program_that_ignores_sigterm_is_killed(void)
{
    char *argv[] = {"sh", "-c", "trap '' TERM; while :; do sleep 1; done", NULL};
    struct exec_spec spec = spec_of(argv);
    struct seen s;

    spec.timeout_ms = 200;
    spec.grace_ms = 100;
    run(&spec, &s);
    CU_ASSERT_TRUE(s.r.timed_out);
    ASSERT_INT(s.r.signal, SIGKILL);
    seen_done(&s);
}

static void test_exec_stop_ends_it_and_it_is_no_timeout(void)
{
    char *argv[] = {"sleep", "60", NULL};
    struct exec_spec spec = spec_of(argv);
    struct seen s = {.base = event_base_new()};
    struct exec *x = exec_start(s.base, &spec, on_done, &s);

    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    exec_stop(x);
    exec_stop(x);
    (void)event_base_dispatch(s.base);
    ASSERT_INT(s.times, 1);
    ASSERT_INT(s.r.signal, SIGTERM);
    CU_ASSERT_FALSE(s.r.timed_out);
    seen_done(&s);
}

static void test_a_daemon_that_keeps_the_output_open_is_not_waited_for(void)
{
    char *argv[] = {"sh", "-c", "setsid sleep 60 & echo $!", NULL};
    struct exec_spec spec = spec_of(argv);
    struct seen s;
    char command[64];

    run(&spec, &s);
    CU_ASSERT_FALSE(s.r.timed_out);
    ASSERT_INT(s.r.exit_status, 0);
    (void)snprintf(command, sizeof command, "kill %s", s.r.output);
    seen_done(&s);
    run_shell(command, &s);
    ASSERT_INT(s.r.exit_status, 0); /* it was alive: what a hook leaves behind is its own */
    seen_done(&s);
}

static void test_only_three_descriptors_and_a_clean_environment(void)
{
    struct seen s;
    int leak = open("/etc/passwd", O_RDONLY); /* without O_CLOEXEC, as a library might */
    char *argv[] = {"sh", "-c", "ls /proc/self/fd | wc -l; tr '\\0' '\\n' </proc/self/environ",
                    NULL};
    struct exec_spec spec = spec_of(argv);

    (void)setenv("PERCH_CANARY_SECRET", "canary", 1);
    run(&spec, &s);
    /* ls itself opens the directory: 0, 1, 2 and that. tr has the environment of sh, which
     * adds PWD and no more. */
    CU_ASSERT_PTR_NOT_NULL(strstr(s.r.output, "4\nPATH=/usr/bin:/bin\n"));
    CU_ASSERT_PTR_NULL(strstr(s.r.output, "canary"));
    (void)unsetenv("PERCH_CANARY_SECRET");
    (void)close(leak);
    seen_done(&s);
}

static void test_it_leads_a_session_and_has_default_signals(void)
{
    struct seen s;
    sigset_t blocked;

    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &blocked, NULL);
    run_shell("set -- $(cat /proc/$$/stat); test $1 = $5 && test $1 = $6 && echo leader;"
              "grep SigBlk /proc/self/status; kill -PIPE $$",
              &s);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.r.output, "leader\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(s.r.output, "SigBlk:\t0000000000000000\n"));
    ASSERT_INT(s.r.signal, SIGPIPE); /* which this process ignores */
    (void)sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    seen_done(&s);
}

static void test_its_directory_is_the_one_named(void)
{
    char *argv[] = {"pwd", NULL};
    struct exec_spec spec = spec_of(argv);
    struct seen s;

    spec.cwd = "/usr";
    run(&spec, &s);
    ASSERT_STR(s.r.output, "/usr\n");
    seen_done(&s);
}

static void test_no_shell_sees_an_argument(void)
{
    static const char *const payloads[] = {"$(touch canary)",
                                           "`touch canary`",
                                           ";touch canary",
                                           "|touch canary",
                                           "&&touch canary",
                                           "'\"",
                                           "%s%n",
                                           "{{x}}"};
    struct tmpdir t;

    tmpdir_make(&t);
    for (size_t i = 0; i < PERCH_COUNT(payloads); i++) {
        char *argv[] = {"printf", "%s", (char *)payloads[i], NULL};
        struct exec_spec spec = spec_of(argv);
        struct seen s;

        spec.cwd = t.path;
        run(&spec, &s);
        ASSERT_STR(s.r.output, payloads[i]);
        seen_done(&s);
    }
    CU_ASSERT_NOT_EQUAL(access(tmpdir_file(&t, "canary"), F_OK), 0);
    tmpdir_remove(&t);
}

static void test_no_zombie_and_no_descriptor_stays(void)
{
    int before = dup(0), after;
    struct seen s;

    (void)close(before);
    for (int i = 0; i < 5; i++) {
        run_shell("cat >/dev/null; echo x", &s);
        seen_done(&s);
    }
    after = dup(0);
    ASSERT_INT(after, before);
    (void)close(after);
    ASSERT_INT(waitpid(-1, NULL, WNOHANG), -1);
}

PERCH_SUITE("daemon/exec") = {
    PERCH_TEST(test_output_and_exit_status_are_told),
    PERCH_TEST(test_a_signal_is_told),
    PERCH_TEST(test_stderr_can_be_kept_apart),
    PERCH_TEST(test_input_arrives_whole_and_ends),
    PERCH_TEST(test_a_program_that_reads_nothing_is_survived),
    PERCH_TEST(test_output_is_capped_and_the_rest_is_read),
    PERCH_TEST(test_a_program_that_is_not_there),
    PERCH_TEST(test_a_file_that_is_no_program),
    PERCH_TEST(test_the_path_of_the_child_counts),
    PERCH_TEST(test_too_much_to_exec_is_a_failure_not_a_crash),
    PERCH_TEST(test_a_timeout_ends_the_whole_group),
    PERCH_TEST(test_a_program_that_ignores_sigterm_is_killed),
    PERCH_TEST(test_exec_stop_ends_it_and_it_is_no_timeout),
    PERCH_TEST(test_a_daemon_that_keeps_the_output_open_is_not_waited_for),
    PERCH_TEST(test_only_three_descriptors_and_a_clean_environment),
    PERCH_TEST(test_it_leads_a_session_and_has_default_signals),
    PERCH_TEST(test_its_directory_is_the_one_named),
    PERCH_TEST(test_no_shell_sees_an_argument),
    PERCH_TEST(test_no_zombie_and_no_descriptor_stays),
    PERCH_END,
};
