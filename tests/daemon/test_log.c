/* What a line of the log can and cannot hold. stderr is a pipe while a test runs. */
#include "log.h"

#include "base/buf.h"

#include "support/perch_test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char logged[8192];

struct capture {
    int saved, pipe[2];
};

static void capture_begin(struct capture *c)
{
    c->saved = dup(STDERR_FILENO);
    CU_ASSERT_EQUAL_FATAL(pipe2(c->pipe, O_CLOEXEC | O_NONBLOCK), 0);
    (void)dup2(c->pipe[1], STDERR_FILENO);
}

/* What was written, without the time in front. */
static const char *capture_end(struct capture *c)
{
    ssize_t n = read(c->pipe[0], logged, sizeof logged - 1);
    char *blank;

    logged[n > 0 ? n : 0] = '\0';
    (void)dup2(c->saved, STDERR_FILENO);
    (void)close(c->saved);
    (void)close(c->pipe[0]);
    (void)close(c->pipe[1]);
    blank = strchr(logged, ' ');
    return blank ? blank + 1 : logged;
}

static void test_a_record_is_one_line_with_level_process_and_account(void)
{
    struct capture c;

    capture_begin(&c);
    log_error("work", "cannot %s", "connect");
    ASSERT_STR(capture_end(&c), "error work: cannot connect\n");
    capture_begin(&c);
    log_set_process("engine");
    log_info(NULL, "up");
    log_set_process(NULL);
    ASSERT_STR(capture_end(&c), "info engine: up\n");
}

static void test_levels(void)
{
    struct capture c;

    capture_begin(&c);
    log_debug(NULL, "hidden");
    log_set_level(LOG_LEVEL_ERROR);
    log_warn(NULL, "hidden");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug(NULL, "shown");
    log_set_level(LOG_LEVEL_INFO);
    ASSERT_STR(capture_end(&c), "debug shown\n");
}

static void test_what_a_server_sends_cannot_begin_a_line_or_move_the_cursor(void)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"x\nNov 1 sshd: Accepted", "x\\x0ANov 1 sshd: Accepted"},
        {"a\r\nb", "a\\x0D\\x0Ab"},
        {"\x1b]0;title\x07", "\\x1B]0;title\\x07"},
        {"\x7f", "\\x7F"},
        {"\xc2\x9b"
         "31m",
         "\\x9B31m"},
        {"\xe2\x80\xae"
         "abc",
         "\\u{202E}abc"},
        {"\xe2\x81\xa6", "\\u{2066}"},
        {"\xe2\x80\xa8", "\\u{2028}"},
        {"\xff\xfe", "\\xFF\\xFE"},
        {"\xed\xa0\x80", "\\xED\\xA0\\x80"},
        {"Grüße 日本", "Grüße 日本"},
        {"%n%s%99999d", "%n%s%99999d"},
        {"tab\there", "tab\\x09here"},
    };

    for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
        struct perch_buf out = PERCH_BUF_INIT;
        struct capture c;
        char want[200];

        log_escape(&out, rows[i].text, strlen(rows[i].text));
        ASSERT_STR(perch_buf_cstr(&out), rows[i].shown);
        perch_buf_done(&out);

        capture_begin(&c);
        log_info(rows[i].text, "%s", rows[i].text);
        (void)snprintf(want, sizeof want, "info %s: %s\n", rows[i].shown, rows[i].shown);
        ASSERT_STR(capture_end(&c), want);
    }
}

static void test_a_megabyte_is_cut(void)
{
    size_t n = 1u << 20;
    char *text = malloc(n + 1);
    struct capture c;
    const char *line;

    memset(text, 'x', n);
    text[n] = '\0';
    capture_begin(&c);
    log_info(NULL, "%s", text);
    line = capture_end(&c);
    ASSERT_INT(strlen(line), strlen("info ") + 1023 + strlen(" [cut]\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "x [cut]\n"));
    free(text);
}

static void test_the_cut_leaves_characters_whole(void)
{
    char text[1200];
    struct capture c;

    text[0] = 'x';
    for (size_t i = 1; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "é", 2);
    text[1199] = '\0';
    capture_begin(&c);
    log_info(NULL, "%s", text);
    CU_ASSERT_PTR_NULL(strstr(capture_end(&c), "\\x"));
}

PERCH_SUITE("daemon/log") = {
    PERCH_TEST(test_a_record_is_one_line_with_level_process_and_account),
    PERCH_TEST(test_levels),
    PERCH_TEST(test_what_a_server_sends_cannot_begin_a_line_or_move_the_cursor),
    PERCH_TEST(test_a_megabyte_is_cut),
    PERCH_TEST(test_the_cut_leaves_characters_whole),
    PERCH_END,
};
