/* Read-only connections: `perch` with or without the daemon, and the daemon's own readers. */
#include "store/reader.h"
#include "store/schema.h"

#include <errno.h>
#include <unistd.h>

/* A writer that starts up holds the database for a moment. */
#define READER_BUSY_MS 2000

int store_reader_open(const char *dir, struct store_reader **ret_reader, struct store_error *error)
{
    struct store_reader *r = perch_calloc(1, sizeof *r);

    if (!r)
        return store_error_set(error, "out of memory");
    perch_arena_init(&r->arena, 0);
    r->path = store_path(dir, error);
    if (r->path && access(r->path, F_OK) < 0 && errno == ENOENT) {
        (void)store_error_set(error, "%s is not there: perchd has not run yet", r->path);
    } else if (r->path && db_open(&r->db, r->path, SQLITE_OPEN_READONLY) < 0) {
        (void)store_error_db(error, &r->db, r->path);
    } else if (r->path) {
        (void)sqlite3_busy_timeout(r->db.handle, READER_BUSY_MS);
        if (schema_check(&r->db, r->path, error) == 0) {
            *ret_reader = r;
            return 0;
        }
    }
    store_reader_close(r);
    return -1;
}

void store_reader_close(struct store_reader *r)
{
    if (!r)
        return;
    db_close(&r->db);
    perch_arena_done(&r->arena);
    perch_free(r->path);
    perch_free(r);
}

const char *store_reader_error(const struct store_reader *r)
{
    return r->error.text;
}

int reader_end(struct store_reader *r, struct db_rows *rows, int rc)
{
    if (db_end(rows) == 0)
        return rc;
    (void)store_error_db(&r->error, &r->db, r->path);
    db_forgive(&r->db);
    return -1;
}

/* ---- events ---- */

/* The first seq that is not older; the log is in commit order, the clock may have jumped. */
static int first_since(struct store_reader *r, int64_t time_ms, int64_t *ret_seq)
{
    struct db_rows rows;

    *ret_seq = INT64_MAX;
    rows = DB_ROWS(&r->db, "SELECT min(seq) FROM events WHERE time >= ?1", db_int(time_ms));
    if (db_next(&rows) && !db_col_null(&rows, 0))
        *ret_seq = db_col_int(&rows, 0);
    return reader_end(r, &rows, 0);
}

static struct db_rows events_query(struct store_reader *r, const struct store_event_filter *f,
                                   int64_t after)
{
    struct db_value kind = f->kind >= 0 ? db_int(f->kind) : db_null();
    struct db_value time = db_int(f->since_time_ms > 0 ? f->since_time_ms : INT64_MIN);
    struct db_value limit = db_int(f->limit && f->limit < INT64_MAX ? (int64_t)f->limit : -1);

    if (f->account)
        return DB_ROWS(&r->db,
                       "SELECT seq, time, json FROM events WHERE account ="
                       " (SELECT id FROM accounts WHERE key = ?5) AND seq > ?1 AND time >= ?2"
                       " AND (?3 IS NULL OR kind = ?3) ORDER BY seq LIMIT ?4",
                       db_int(after), time, kind, limit, db_text(f->account));
    return DB_ROWS(&r->db,
                   "SELECT seq, time, json FROM events WHERE seq > ?1 AND time >= ?2"
                   " AND (?3 IS NULL OR kind = ?3) ORDER BY seq LIMIT ?4",
                   db_int(after), time, kind, limit);
}

int store_read_events(struct store_reader *r, const struct store_event_filter *f,
                      int (*each)(const struct store_event_row *row, void *user), void *user)
{
    int64_t after = f->since_seq;
    struct db_rows rows;
    int rc = 0;

    if (f->since_time_ms > 0) {
        int64_t first;

        if (first_since(r, f->since_time_ms, &first) < 0)
            return -1;
        if (first - 1 > after)
            after = first - 1;
    }
    rows = events_query(r, f, after);
    while (rc == 0 && db_next(&rows)) {
        struct store_event_row row = {
            .seq = db_col_int(&rows, 0),
            .time_ms = db_col_int(&rows, 1),
            .json = db_col_peek(&rows, 2),
        };

        if (!row.json) {
            reader_out_of_memory(&rows);
            break;
        }
        rc = each(&row, user);
    }
    return reader_end(r, &rows, rc);
}

/* ---- counts ---- */

static int read_mailboxes(struct store_reader *r, int64_t account, const char *key,
                          int (*each)(const struct store_counts *c, void *user), void *user)
{
    struct db_rows rows = DB_ROWS(&r->db,
                                  "SELECT name, (SELECT count(*) FROM messages"
                                  " WHERE mailbox = b.id) FROM mailboxes b"
                                  " WHERE account = ?1 AND gone = 0 ORDER BY raw",
                                  db_int(account));
    int rc = 0;

    while (rc == 0 && db_next(&rows)) {
        struct store_counts c = {
            .account = key,
            .mailbox = db_col_peek(&rows, 0),
            .messages = db_col_int(&rows, 1),
        };

        rc = each(&c, user);
    }
    return reader_end(r, &rows, rc);
}

/* The mailboxes are read while the accounts are: one snapshot of all. */
int store_read_counts(struct store_reader *r, int (*each)(const struct store_counts *c, void *user),
                      void *user)
{
    struct db_rows rows =
        DB_ROWS(&r->db, "SELECT id, key,"
                        " (SELECT sum(state <> 2) FROM deliveries"
                        " WHERE account = a.id AND state IN (0, 2, 3)),"
                        " (SELECT sum(state = 2) FROM deliveries"
                        " WHERE account = a.id AND state IN (0, 2, 3)),"
                        " (SELECT max(e.seq) FROM events e WHERE e.account = a.id)"
                        " FROM accounts a ORDER BY key");
    int rc = 0;

    while (rc == 0 && db_next(&rows)) {
        struct store_counts c = {
            .account = db_col_peek(&rows, 1),
            .pending = db_col_int(&rows, 2),
            .dead = db_col_int(&rows, 3),
            .last_seq = db_col_int(&rows, 4),
        };

        rc = each(&c, user);
        if (rc == 0)
            rc = read_mailboxes(r, db_col_int(&rows, 0), c.account, each, user);
    }
    return reader_end(r, &rows, rc);
}
