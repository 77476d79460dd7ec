/* Secrets and where they come from. A command runs once and its answer is kept; it runs again
 * after a refused login or a reload. Files and credentials are read each time. */
#ifndef PERCHD_RUNNER_SECRET_H
#define PERCHD_RUNNER_SECRET_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct secrets;

#define SECRET_LEN_MAX 4096

/* `secret` or, if NULL, `error`: one line that names what to do. Both are gone when it
 * returns. Never runs inside secrets_want(). */
typedef void secret_done_fn(const char *account, const char *secret, const char *error, void *user);

/* `timeout_ms`: of a command. NULL when out of memory. */
struct secrets *secrets_new(struct event_base *base, int64_t timeout_ms, secret_done_fn *done,
                            void *user);
void secrets_free(struct secrets *s); /* ends running commands; nothing is told any more */

/* From now on the accounts of `config`, which must live until the next call. What was kept is
 * wiped; commands that run go on and answer, but are not kept. 0 or -1. */
int secrets_use(struct secrets *s, const struct config *config);

/* One answer for the account comes; wants for an account whose command runs already share its
 * answer. `fresh`: what was kept has been refused. -1 when out of memory. */
int secrets_want(struct secrets *s, const char *account, bool fresh);

#endif
