#include "cli/local.h"

#include "config/config.h"

#include "base/mem.h"

int local_find(struct cli *cli, struct store_reader **ret_reader, struct store_error *error)
{
    auto_free char *state = NULL, *socket = NULL;

    if (config_find_paths(cli->config, cli->state, cli->socket, &state, &socket) == 0)
        return store_reader_open(state, ret_reader, error);
    (void)snprintf(error->text, sizeof error->text,
                   "cannot find the state directory; name it with --state");
    return -1;
}

struct store_reader *local_open(struct cli *cli)
{
    struct store_reader *reader;
    struct store_error error;

    if (local_find(cli, &reader, &error) == 0)
        return reader;
    cli_error(cli, "%s", error.text);
    return NULL;
}
