/* perch: the process around cli_run(). */
#include "cli/cli.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool wants_colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

static unsigned terminal_columns(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

int main(int argc, char **argv)
{
    struct cli cli = {
        .in = stdin,
        .out = stdout,
        .err = stderr,
        .colour = wants_colour(),
        .columns = terminal_columns(),
        .now_ms = perch_clock_wall_ms(),
    };

    return cli_run(&cli, argc, argv);
}
