/* perch, the command line: what every command is given, and the table of commands.
 *
 * A command is one file cli/NAME.c with one function cmd_NAME. It writes to cli->out and
 * complains to cli->err, so that a test can call it with streams of its own. */
#ifndef PERCHD_CLI_H
#define PERCHD_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Exit statuses (CONTRACTS section 5). */
enum cli_exit {
    CLI_OK = 0,
    CLI_UNWELL = 1,   /* the thing asked about is not well or was not found */
    CLI_USAGE = 2,    /* wrong usage, or not built yet */
    CLI_NO_DAEMON = 3 /* perchd is not running */
};

struct cli {
    FILE *in, *out, *err;
    const char *config, *state, *socket; /* --config, --state, --socket; NULL if not given */
    bool json;
    bool colour;         /* cli->out shows colours */
    unsigned columns;    /* of the terminal behind cli->out; 0: it is none */
    int64_t now_ms;      /* wall clock */
    const char *command; /* the one that runs, for messages */
};

struct cli_command {
    const char *name;
    int (*run)(struct cli *cli, int argc, char **argv); /* NULL: known, not built yet */
    const char *arguments;
    const char *summary;
    const char *details; /* its options and rules, lines of help; NULL: none */
    const char *example;
};

/* An option of a command: `flag` for one without a value, else `value`. A list ends with
 * a NULL name. */
struct cli_option {
    const char *name; /* without the dashes */
    bool *flag;
    const char **value;
};

/* The whole program: options, command, exit status. */
int cli_run(struct cli *cli, int argc, char **argv);

/* Takes the options out of argv (argv[0] is the command's name and stays), global ones
 * included, which may stand anywhere. False when there is nothing left to do: help was
 * asked for or the usage is wrong, and *ret_status is the exit status. */
bool cli_parse(struct cli *cli, const struct cli_option *options, int *argc, char **argv,
               int *ret_status);

/* "perch COMMAND: text" on cli->err, strangers' text escaped. cli_usage adds where help is
 * and returns CLI_USAGE. */
void cli_error(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int cli_usage(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int cmd_check_config(struct cli *cli, int argc, char **argv);
int cmd_decode(struct cli *cli, int argc, char **argv);
int cmd_events(struct cli *cli, int argc, char **argv);
int cmd_search(struct cli *cli, int argc, char **argv);
int cmd_status(struct cli *cli, int argc, char **argv);

#endif
