/* What `perch status` shows of the running engine. The members are listed in status.c. */
#ifndef PERCHD_ENGINE_STATUS_H
#define PERCHD_ENGINE_STATUS_H

#include "engine/account.h"

/* Watched as it should be: logged in, every mailbox known and followed. */
bool status_healthy(const struct account *a);

/* One account. A new reference, NULL when out of memory. */
json_t *status_account(const struct account *a);

#endif
