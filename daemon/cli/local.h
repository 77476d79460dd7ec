/* The store of the state directory, read without the daemon. */
#ifndef PERCHD_CLI_LOCAL_H
#define PERCHD_CLI_LOCAL_H

#include "cli/cli.h"

#include "store/store.h"

/* 0 or -1, with the reason in *error. Close with store_reader_close(). */
int local_find(struct cli *cli, struct store_reader **ret_reader, struct store_error *error);

/* The same for a command that is nothing without it: NULL after a complaint. */
struct store_reader *local_open(struct cli *cli);

#endif
