/* The table of commands, and the options that all of them share. */
#include "cli/cli.h"

#include "cli/output.h"
#include "log.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/span.h"
#include "perch/version.h"

#include <stdarg.h>
#include <string.h>

/* clang-format off */
static const struct cli_command commands[] = {
    {"status", cmd_status, "[ACCOUNT]", "how the accounts are: state, strategy, counts, deliveries",
     "Asks the running perchd. The exit status is 1 when an account is not well or not there,\n"
     "3 when perchd is not running.\n",
     "perch status work"},
    {"doctor", NULL, "ADDRESS|ACCOUNT", "check the whole chain step by step", NULL,
     "perch doctor anna@example.org"},
    {"events", cmd_events, "[--since SEQ|TIME] [--follow] [--account A] [--kind K]",
     "the event log, oldest first",
     "  --since SEQ    events after this sequence number\n"
     "  --since TIME   events from this time on: 2026-11-22, 2026-11-22T23:58 (Z for UTC),\n"
     "                 a span such as 30m, 2h or 7d, or now\n"
     "  --follow       go on with each event as it happens; perchd must run (else exit 3)\n"
     "  --account A    of this account\n"
     "  --kind K       of this kind: new, flags, deleted, moved, reset, connected, ...\n",
     "perch events --since 2h --kind new --follow"},
    {"search", cmd_search, "WORD... [--limit N] [--account A]",
     "messages whose subject or addresses contain every word",
     "Reads the local index, newest first; no network and no perchd are needed. The exit\n"
     "status is 1 when nothing was found.\n\n"
     "  --limit N      at most so many (50; 0: all)\n"
     "  --account A    of this account\n",
     "perch search invoice anna@example.org --limit 5"},
    {"show", NULL, "ID", "one message's indexed data", NULL, "perch show m123"},
    {"hooks", NULL, "[list|retry ID|drop ID|test HOOK|replay HOOK --since ...]",
     "deliveries and dead letters", NULL, "perch hooks retry 1042/sync"},
    {"init", NULL, "ADDRESS", "write an account's configuration", NULL,
     "perch init anna@example.org"},
    {"pause", NULL, "ACCOUNT|HOOK [--for 1h]", "stop an account or a hook for a while", NULL,
     "perch pause work --for 1h"},
    {"resume", NULL, "ACCOUNT|HOOK", "start it again", NULL, "perch resume work"},
    {"forget", NULL, "ACCOUNT", "purge an account's index, events and tokens", NULL,
     "perch forget old"},
    {"explain", NULL, "ACCOUNT MAILBOX UID", "which hooks matched a message, and why not", NULL,
     "perch explain work INBOX 4711"},
    {"resync", NULL, "ACCOUNT [MAILBOX]", "compare with the server anew", NULL,
     "perch resync work INBOX"},
    {"reload", NULL, "", "make perchd read its configuration again", NULL, "perch reload"},
    {"check-config", cmd_check_config, "", "read the configuration and say what is wrong with it",
     "Prints the file's accounts and hooks when it is good; else FILE:LINE:COLUMN: reason,\n"
     "and the exit status is 1.\n",
     "perch check-config --config ./perchd.yaml"},
    {"login", NULL, "ADDRESS", "OAuth2 device flow", NULL, "perch login anna@example.org"},
    {"import", NULL, "FILE", "make a perchd.yaml from a goimapnotify file", NULL,
     "perch import ~/.config/goimapnotify/goimapnotify.yaml"},
    {"shell", NULL, "[ACCOUNT] [-c COMMAND]...", "an IMAP session to type in", NULL,
     "perch shell work"},
    {"decode", cmd_decode, "[FILE] [--utf8]",
     "an IMAP server's bytes in, one JSON object a response out",
     "Reads FILE or standard input: a server's side of a session, or a trace with lines of\n"
     "S: and C:. The objects are described in perch-json(7). The exit status is 1 when a\n"
     "response was malformed; the ones behind it are decoded all the same.\n\n"
     "  --utf8         the stream is from behind ENABLE UTF8=ACCEPT: names are UTF-8\n",
     "perch decode < session.log"},
};
/* clang-format on */

static const struct cli_command *find_command(const char *name)
{
    for (size_t i = 0; i < PERCH_COUNT(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* ---- messages and help ---- */

__attribute__((format(printf, 2, 0))) static void print_error(struct cli *cli, const char *fmt,
                                                              va_list ap)
{
    struct perch_buf escaped = PERCH_BUF_INIT;
    const char *shown;
    char text[1024];

    (void)vsnprintf(text, sizeof text, fmt, ap);
    log_escape(&escaped, text, strlen(text));
    shown = perch_buf_cstr(&escaped);
    (void)fprintf(cli->err, "perch%s%s: %s\n", cli->command ? " " : "",
                  cli->command ? cli->command : "", shown ? shown : "out of memory");
    perch_buf_done(&escaped);
}

void cli_error(struct cli *cli, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    print_error(cli, fmt, ap);
    va_end(ap);
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    print_error(cli, fmt, ap);
    va_end(ap);
    (void)fprintf(cli->err, "Try: perch%s%s --help\n", cli->command ? " " : "",
                  cli->command ? cli->command : "");
    return CLI_USAGE;
}

static const char global_help[] = "Global options, before or behind the command:\n"
                                  "  --config FILE  perchd's configuration\n"
                                  "  --state DIR    its state directory\n"
                                  "  --socket PATH  its control socket\n"
                                  "  --json         one JSON value a line\n"
                                  "  --help         this help, or a command's\n"
                                  "  --version      the version\n";

static void print_help(FILE *out)
{
    (void)fputs("Usage: perch [OPTION...] COMMAND [ARGUMENT...]\n\n", out);
    for (size_t i = 0; i < PERCH_COUNT(commands); i++)
        (void)fprintf(out, "  %-13s%s%s\n", commands[i].name, commands[i].summary,
                      commands[i].run ? "" : " (not yet)");
    (void)fprintf(out,
                  "\n%s\n"
                  "Exit status: 0 well, 1 not well or not found, 2 wrong usage, 3 perchd is not "
                  "running.\nperch(1) has more; perch COMMAND --help has an example.\n",
                  global_help);
}

static void print_command_help(FILE *out, const struct cli_command *c)
{
    (void)fprintf(out, "Usage: perch %s%s%s\n\n%s%s\n", c->name, *c->arguments ? " " : "",
                  c->arguments, c->summary, c->run ? "" : " (not yet)");
    if (c->details)
        (void)fprintf(out, "\n%s", c->details);
    (void)fprintf(out, "\nExample:\n  %s\n\n%s", c->example, global_help);
}

/* ---- options ---- */

struct parse {
    struct cli *cli;
    const struct cli_option *options; /* the command's own; NULL before the command */
    bool help, version;
};

static const struct cli_option *find_option(const struct cli_option *options, const char *name,
                                            size_t n)
{
    for (; options && options->name; options++)
        if (name && strlen(options->name) == n && memcmp(options->name, name, n) == 0)
            return options;
    return NULL;
}

/* The name in "--name" or "--name=value"; NULL for anything else but -h. */
static const char *option_name(const char *word)
{
    if (strcmp(word, "-h") == 0)
        return "help";
    return word[1] == '-' ? word + 2 : NULL;
}

/* Takes the option argv[i], and its value if that stands behind it. Returns how many
 * arguments that were, 0 after a complaint. */
static int take_option(struct parse *p, int argc, char **argv, int i)
{
    struct cli *cli = p->cli;
    const struct cli_option globals[] = {
        {"config", NULL, &cli->config},
        {"state", NULL, &cli->state},
        {"socket", NULL, &cli->socket},
        {"json", &cli->json, NULL},
        {"help", &p->help, NULL},
        {"version", &p->version, NULL},
        {NULL, NULL, NULL},
    };
    const char *name = option_name(argv[i]);
    size_t n = name ? strcspn(name, "=") : 0;
    const struct cli_option *option = find_option(p->options, name, n);

    if (!option)
        option = find_option(globals, name, n);
    if (!option) {
        (void)cli_usage(cli, "unknown option %s", argv[i]);
        return 0;
    }
    if (option->flag && name[n] == '=') {
        (void)cli_usage(cli, "--%s takes no value", option->name);
        return 0;
    }
    if (option->flag) {
        *option->flag = true;
        return 1;
    }
    if (name[n] == '=') {
        *option->value = name + n + 1;
        return 1;
    }
    if (i + 1 == argc) {
        (void)cli_usage(cli, "--%s needs a value", option->name);
        return 0;
    }
    *option->value = argv[i + 1];
    return 2;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* Options of argv from 1 on; words move to the front in their order. `only_front`: stop at
 * the first word. */
static bool take_options(struct parse *p, int *argc, char **argv, bool only_front)
{
    int words = 1, i = 1;

    while (i < *argc) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        if (is_option(argv[i])) {
            int took = take_option(p, *argc, argv, i);

            if (took == 0)
                return false;
            i += took;
        } else if (only_front) {
            break;
        } else {
            argv[words++] = argv[i++];
        }
    }
    while (i < *argc)
        argv[words++] = argv[i++];
    *argc = words;
    return true;
}

bool cli_parse(struct cli *cli, const struct cli_option *options, int *argc, char **argv,
               int *ret_status)
{
    struct parse p = {.cli = cli, .options = options};

    *ret_status = CLI_USAGE;
    if (!take_options(&p, argc, argv, false))
        return false;
    if (p.help)
        print_command_help(cli->out, find_command(cli->command));
    else if (p.version)
        (void)fprintf(cli->out, "perch %s\n", perch_version());
    else
        return true;
    *ret_status = CLI_OK;
    return false;
}

/* ---- running ---- */

static int run_unbuilt(struct cli *cli, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_command_help(cli->out, find_command(cli->command));
            return CLI_OK;
        }
    }
    cli_error(cli, "not yet");
    return CLI_USAGE;
}

static int run_command(struct cli *cli, int argc, char **argv)
{
    const struct cli_command *command = find_command(argv[0]);

    if (!command)
        return cli_usage(cli, "there is no command %s", argv[0]);
    cli->command = command->name;
    return command->run ? command->run(cli, argc, argv) : run_unbuilt(cli, argc, argv);
}

static int run_words(struct cli *cli, int argc, char **argv)
{
    struct parse p = {.cli = cli};

    if (!take_options(&p, &argc, argv, true))
        return CLI_USAGE;
    if (p.version) {
        (void)fprintf(cli->out, "perch %s\n", perch_version());
        return CLI_OK;
    }
    if (argc > 1 && p.help && find_command(argv[1])) {
        print_command_help(cli->out, find_command(argv[1]));
        return CLI_OK;
    }
    if (p.help) {
        print_help(cli->out);
        return CLI_OK;
    }
    if (argc < 2) {
        print_help(cli->err);
        return CLI_USAGE;
    }
    return run_command(cli, argc - 1, argv + 1);
}

int cli_run(struct cli *cli, int argc, char **argv)
{
    int status = run_words(cli, argc, argv);

    if (fflush(cli->out) != 0 || ferror(cli->out)) {
        cli_error(cli, "cannot write the output: %m");
        return CLI_UNWELL;
    }
    return status;
}
