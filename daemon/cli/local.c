#include "cli/local.h"

#include "config/config.h"

#include "base/mem.h"

struct store_reader *local_open(struct cli *cli)
{
    auto_free char *state = NULL, *socket = NULL;
    struct store_reader *reader;
    struct store_error error;

    if (config_find_paths(cli->config, cli->state, cli->socket, &state, &socket) != 0) {
        cli_error(cli, "cannot find the state directory; name it with --state");
        return NULL;
    }
    if (store_reader_open(state, &reader, &error) != 0) {
        cli_error(cli, "%s", error.text);
        return NULL;
    }
    return reader;
}
