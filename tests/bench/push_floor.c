/* The floor under bench_push: the least that a watcher can do. Logs in by plain IMAP, idles, and
 * for every EXISTS spawns the hook; with a database named, after one durable commit.
 *
 *   push_floor PORT USER PASSWORD HOOK SOCKET [DATABASE] */
#include <arpa/inet.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char rx[65536];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* Reads until `word` is there. */
static void await(int fd, const char *word)
{
    size_t n = 0;

    for (;;) {
        ssize_t got = read(fd, rx + n, sizeof rx - 1 - n);

        if (got <= 0)
            fail("read");
        n += (size_t)got;
        rx[n] = '\0';
        if (strstr(rx, word))
            return;
        if (n == sizeof rx - 1)
            n = 0;
    }
}

static void say(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        fail("write");
}

static sqlite3_stmt *open_database(const char *file)
{
    sqlite3 *db;
    sqlite3_stmt *insert;

    if (sqlite3_open(file, &db) ||
        sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(a)", 0, 0,
                     0) ||
        sqlite3_prepare_v2(db, "INSERT INTO t VALUES (randomblob(900))", -1, &insert, NULL))
        fail(file);
    return insert;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    sqlite3_stmt *insert = argc > 6 ? open_database(argv[6]) : NULL;
    char line[256];
    char *hook[] = {argc > 5 ? argv[4] : NULL, argc > 5 ? argv[5] : NULL, NULL};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (argc < 6)
        return 2;
    to.sin_port = htons((in_port_t)strtoul(argv[1], NULL, 10));
    if (connect(fd, (struct sockaddr *)&to, sizeof to))
        fail("connect");
    await(fd, "* OK");
    (void)snprintf(line, sizeof line, "a LOGIN %s %s\r\n", argv[2], argv[3]);
    say(fd, line);
    await(fd, "a OK");
    say(fd, "b EXAMINE INBOX\r\n");
    await(fd, "b OK");
    say(fd, "c IDLE\r\n");
    await(fd, "+ ");
    puts("ready");
    fflush(stdout);
    for (;;) {
        pid_t pid;

        await(fd, "EXISTS");
        if (insert && (sqlite3_step(insert) != SQLITE_DONE || sqlite3_reset(insert)))
            fail("commit");
        if (posix_spawn(&pid, hook[0], NULL, NULL, hook, NULL))
            fail("spawn");
        waitpid(pid, NULL, 0);
    }
}
