/* The tables, and how an older database becomes a newer one. */
#ifndef PERCHD_STORE_SCHEMA_H
#define PERCHD_STORE_SCHEMA_H

#include "store/db.h"

/* "prch": what file(1) and SQLite see that a database is ours. */
#define SCHEMA_APPLICATION_ID 0x70726368

/* Brings the database to STORE_SCHEMA; each step is one transaction. 0, or -1 with the
 * reason in *error, also for a database of somebody else or of a newer perchd. */
int schema_migrate(struct db *db, const char *path, struct store_error *error);

/* For readers, which change nothing: 0 if the database is exactly of STORE_SCHEMA. */
int schema_check(struct db *db, const char *path, struct store_error *error);

#endif
