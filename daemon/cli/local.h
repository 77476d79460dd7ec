/* The store of the state directory, read without the daemon. */
#ifndef PERCHD_CLI_LOCAL_H
#define PERCHD_CLI_LOCAL_H

#include "cli/cli.h"

#include "store/store.h"

/* NULL after a complaint. Close with store_reader_close(). */
struct store_reader *local_open(struct cli *cli);

#endif
