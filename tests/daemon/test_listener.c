#include "runner/listener.h"

#include "support/perch_test.h"
#include "support/tmpdir.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    struct tmpdir dir;
    char path[120];
    char error[512];
};

static void setup(struct fixture *x)
{
    tmpdir_make(&x->dir);
    (void)snprintf(x->path, sizeof x->path, "%s/run/perchd.sock", x->dir.path);
    x->error[0] = '\0';
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void test_a_socket_in_a_directory_of_its_own(void)
{
    struct fixture x;
    struct stat st;
    mode_t old = umask(077);
    int fd, client;

    setup(&x);
    fd = listener_open(x.path, x.error, sizeof x.error);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    ASSERT_INT(stat(x.path, &st), 0);
    CU_ASSERT_TRUE(S_ISSOCK(st.st_mode));
    ASSERT_INT(st.st_mode & 077, 0);
    ASSERT_INT(stat(tmpdir_file(&x.dir, "run"), &st), 0);
    ASSERT_INT(st.st_mode & 0777, 0750);
    CU_ASSERT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    client = connect_to(x.path);
    CU_ASSERT_TRUE(client >= 0);
    (void)close(client);
    (void)close(fd);
    listener_remove(x.path);
    ASSERT_INT(stat(x.path, &st), -1);
    (void)umask(old);
    tmpdir_remove(&x.dir);
}

static void test_directories_above_it_are_made_too(void)
{
    struct fixture x;
    struct stat st;
    int fd;

    setup(&x);
    (void)snprintf(x.path, sizeof x.path, "%s/a/b/c/perchd.sock", x.dir.path);
    fd = listener_open(x.path, x.error, sizeof x.error);
    CU_ASSERT_TRUE(fd >= 0);
    ASSERT_INT(stat(tmpdir_file(&x.dir, "a/b"), &st), 0);
    ASSERT_INT(st.st_mode & 0777, 0750);
    (void)close(fd);
    tmpdir_remove(&x.dir);
}

static void test_a_socket_that_nobody_listens_on_is_replaced(void)
{
    struct fixture x;
    int fd;

    setup(&x);
    fd = listener_open(x.path, x.error, sizeof x.error);
    (void)close(fd); /* as after a kill: the file stays */
    fd = listener_open(x.path, x.error, sizeof x.error);
    CU_ASSERT_TRUE(fd >= 0);
    (void)close(fd);
    tmpdir_remove(&x.dir);
}

static void test_a_socket_in_use_and_other_files_are_left_alone(void)
{
    struct fixture x;
    struct stat st;
    int fd, client;

    setup(&x);
    fd = listener_open(x.path, x.error, sizeof x.error);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    ASSERT_INT(listener_open(x.path, x.error, sizeof x.error), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(x.error, "another perchd listens on "));
    client = connect_to(x.path); /* the first is still there */
    CU_ASSERT_TRUE(client >= 0);
    (void)close(client);
    (void)close(fd);
    (void)unlink(x.path);
    (void)tmpdir_write(&x.dir, "run/perchd.sock", "precious", 0600);
    ASSERT_INT(listener_open(x.path, x.error, sizeof x.error), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(x.error, "is no socket"));
    ASSERT_INT(stat(x.path, &st), 0);
    ASSERT_INT(st.st_size, 8);
    tmpdir_remove(&x.dir);
}

static void test_paths_that_cannot_be(void)
{
    struct fixture x;
    char longest[300];

    setup(&x);
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    ASSERT_INT(listener_open(longest, x.error, sizeof x.error), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(x.error, "has more than 107 bytes"));
    ASSERT_INT(listener_open("/dev/null/a/b.sock", x.error, sizeof x.error), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(x.error, "cannot make the directory of /dev/null/a/b.sock: "
                                           "Not a directory"));
    tmpdir_remove(&x.dir);
}

/* In a child, because the socket is always descriptor 3. */
static int adopt_passed(const char *path, int type, const char *count)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char pid[20], error[200];
    int fd = socket(AF_UNIX, type, 0), got;

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/passed", path);
    (void)unlink(address.sun_path);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return 3;
    (void)listen(fd, 1);
    if (dup2(fd, 3) != 3)
        return 4;
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    (void)setenv("LISTEN_PID", pid, 1);
    (void)setenv("LISTEN_FDS", count, 1);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/own", path);
    got = listener_open(address.sun_path, error, sizeof error);
    if (got != 3)
        return got < 0 ? 2 : 1;
    listener_remove(address.sun_path);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/passed", path);
    return access(address.sun_path, F_OK) == 0 ? 0 : 5;
}

static int in_a_child(const char *path, int type, const char *count)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0)
        _exit(adopt_passed(path, type, count));
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_a_passed_socket_is_taken_and_kept(void)
{
    struct fixture x;

    setup(&x);
    ASSERT_INT(in_a_child(x.dir.path, SOCK_STREAM, "1"), 0);
    /* not one listening stream socket: a new one is made */
    ASSERT_INT(in_a_child(x.dir.path, SOCK_DGRAM, "1"), 1);
    ASSERT_INT(in_a_child(x.dir.path, SOCK_STREAM, "0"), 1);
    ASSERT_INT(in_a_child(x.dir.path, SOCK_STREAM, "one"), 1);
    tmpdir_remove(&x.dir);
}

PERCH_SUITE("daemon/listener") = {
    PERCH_TEST(test_a_socket_in_a_directory_of_its_own),
    PERCH_TEST(test_directories_above_it_are_made_too),
    PERCH_TEST(test_a_socket_that_nobody_listens_on_is_replaced),
    PERCH_TEST(test_a_socket_in_use_and_other_files_are_left_alone),
    PERCH_TEST(test_paths_that_cannot_be),
    PERCH_TEST(test_a_passed_socket_is_taken_and_kept),
    PERCH_END,
};
