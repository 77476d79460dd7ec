/* Steps are only ever added at the end: what a released step did is what databases out there
 * look like. user_version counts the steps that a database has seen and moves in the
 * transaction of its step, so that a crash between two steps is no special case. */
#include "store/schema.h"
#include "store/internal.h"

#include "base/mem.h"

#include <stdio.h>

static const char *const schema_steps[] = {
    /* Row ids of accounts, mailboxes, messages and events never come back (AUTOINCREMENT):
     * a delivery's line, a reference like m123 and a seq mean the same thing for ever.
     *
     * A message is two rows: the narrow one is what scans and flag changes touch, the wide
     * one what people see; random flag updates are three times as fast this way.
     * envelopes.ref is the m123. */
    "CREATE TABLE accounts ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " key TEXT NOT NULL UNIQUE,"
    " user TEXT NOT NULL,"
    " host TEXT NOT NULL,"
    " gone INTEGER NOT NULL DEFAULT 0" /* since when it is configured no longer; 0: it is */
    ") STRICT;"

    "CREATE TABLE mailboxes ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,"
    " raw BLOB NOT NULL,"
    " name TEXT NOT NULL,"
    " delimiter INTEGER NOT NULL,"
    " role TEXT,"
    " mailboxid TEXT,"
    " uidvalidity INTEGER NOT NULL,"
    " uidnext INTEGER NOT NULL,"
    " highestmodseq INTEGER NOT NULL,"
    " change INTEGER NOT NULL,"
    " sync INTEGER NOT NULL,"
    " initial_below INTEGER NOT NULL,"
    " initial_top INTEGER NOT NULL,"
    " gone INTEGER NOT NULL,"
    " UNIQUE (account, raw)"
    ") STRICT;"

    "CREATE TABLE messages ("
    " mailbox INTEGER NOT NULL REFERENCES mailboxes ON DELETE CASCADE,"
    " uid INTEGER NOT NULL,"
    " ref INTEGER NOT NULL,"
    " modseq INTEGER NOT NULL,"
    " flags TEXT NOT NULL,"
    " PRIMARY KEY (mailbox, uid)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE envelopes ("
    " ref INTEGER PRIMARY KEY AUTOINCREMENT,"
    " mailbox INTEGER NOT NULL,"
    " uid INTEGER NOT NULL,"
    " internaldate INTEGER," /* NULL: not told */
    " size INTEGER NOT NULL,"
    " emailid TEXT,"
    " threadid TEXT,"
    " envelope TEXT"
    ") STRICT;"
    "CREATE INDEX envelopes_newest ON envelopes (internaldate);"
    "CREATE TRIGGER messages_deleted AFTER DELETE ON messages BEGIN"
    " DELETE FROM envelopes WHERE ref = old.ref; "
    "END;"

    "CREATE TABLE events ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id TEXT NOT NULL UNIQUE,"
    " kind INTEGER NOT NULL,"
    " account INTEGER NOT NULL,"
    " mailbox INTEGER NOT NULL,"
    " uid INTEGER NOT NULL,"
    " time INTEGER NOT NULL,"
    " json TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX events_time ON events (time);"
    "CREATE INDEX events_account ON events (account, seq);"

    /* state: 0 pending, 1 done, 2 dead, 3 beside, 4 dropped (enum store_delivery_state) */
    "CREATE TABLE deliveries ("
    " seq INTEGER NOT NULL REFERENCES events ON DELETE CASCADE,"
    " hook TEXT NOT NULL,"
    " account INTEGER NOT NULL,"
    " mailbox INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " created INTEGER NOT NULL,"
    " failed INTEGER NOT NULL," /* when it failed first, 0: never */
    " next INTEGER NOT NULL,"
    " ended INTEGER NOT NULL," /* when it was done, dead or dropped; else 0 */
    " result TEXT,"
    " PRIMARY KEY (seq, hook)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX deliveries_line ON deliveries (hook, account, mailbox, seq) WHERE state = 0;"
    "CREATE INDEX deliveries_beside ON deliveries (next) WHERE state = 3;"
    "CREATE INDEX deliveries_dead ON deliveries (ended) WHERE state = 2;"
    /* Per account, what `perch status` counts; used where a query has the very same IN. */
    "CREATE INDEX deliveries_open ON deliveries (account, state) WHERE state IN (0, 2, 3);",
};
_Static_assert(PERCH_COUNT(schema_steps) == STORE_SCHEMA, "a step for each version");

static int schema_version(struct db *db, const char *path, int64_t *ret, struct store_error *error)
{
    int64_t application = 0, objects = 0;

    *ret = 0;
    if (DB_GET(db, ret, "PRAGMA user_version") < 0 ||
        DB_GET(db, &application, "PRAGMA application_id") < 0 ||
        DB_GET(db, &objects, "SELECT count(*) FROM sqlite_schema") < 0)
        return store_error_db(error, db, path);
    if (objects > 0 && application != SCHEMA_APPLICATION_ID)
        return store_error_set(error, "%s is a database of another program: move it away", path);
    if (*ret > STORE_SCHEMA)
        return store_error_set(error,
                               "%s was written by a newer perch (schema %lld, this one knows %d):"
                               " install that one again, or move the file away",
                               path, (long long)*ret, STORE_SCHEMA);
    return 0;
}

/* PRAGMA takes no parameters. */
static int schema_set(struct db *db, const char *pragma, long value)
{
    char sql[64];

    (void)snprintf(sql, sizeof sql, "PRAGMA %s = %ld", pragma, value);
    return db_script(db, sql);
}

static int schema_step(struct db *db, int64_t version)
{
    if (db_script(db, "BEGIN IMMEDIATE") < 0)
        return -1;
    if (db_script(db, schema_steps[version]) < 0 ||
        schema_set(db, "application_id", SCHEMA_APPLICATION_ID) < 0 ||
        schema_set(db, "user_version", (long)version + 1) < 0 || db_script(db, "COMMIT") < 0) {
        (void)db_script(db, "ROLLBACK");
        return -1;
    }
    return 0;
}

int schema_migrate(struct db *db, const char *path, struct store_error *error)
{
    int64_t version;

    if (schema_version(db, path, &version, error) < 0)
        return -1;
    for (; version < STORE_SCHEMA; version++)
        if (schema_step(db, version) < 0)
            return store_error_db(error, db, path);
    return 0;
}

int schema_check(struct db *db, const char *path, struct store_error *error)
{
    int64_t version;

    if (schema_version(db, path, &version, error) < 0)
        return -1;
    if (version < STORE_SCHEMA)
        return store_error_set(error,
                               "%s is of an older perchd (schema %lld): start perchd once, which"
                               " brings it up to date",
                               path, (long long)version);
    return 0;
}
