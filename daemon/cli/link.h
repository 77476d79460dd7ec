/* The line to a running perchd: its control socket (control/control.h), from the other end.
 * Blocking; answers are one JSON object a line. */
#ifndef PERCHD_CLI_LINK_H
#define PERCHD_CLI_LINK_H

#include "cli/cli.h"

#include <jansson.h>

struct link;

/* NULL after a complaint; the exit status is then *ret_status (CLI_NO_DAEMON when nobody
 * listens). */
struct link *link_open(struct cli *cli, int *ret_status);
void link_close(struct link *l);

/* Sends a request (the reference is taken) and reads the answer: NULL after a complaint,
 * also when the answer is {"ok":false}. Silence for ten seconds is an answer too. */
json_t *link_ask(struct link *l, json_t *request);

/* The next line after a request that streams, without its line end, valid until the next
 * call; waits as long as it takes. NULL at the end of the stream. */
const char *link_next(struct link *l);

#endif
