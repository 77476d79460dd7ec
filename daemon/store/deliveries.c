/* What each hook still has to be told, and what became of it. */
#include "store/internal.h"

int store_delivery_add(struct store_tx *tx, int64_t seq, const char *hook, int64_t account,
                       int64_t mailbox, int64_t now_ms)
{
    return DB_RUN(&tx->db,
                  "INSERT INTO deliveries (seq, hook, account, mailbox, state, attempts, created,"
                  " failed, next, ended) VALUES (?1, ?2, ?3, ?4, 0, 0, ?5, 0, 0, 0)",
                  db_int(seq), db_text(hook), db_int(account), db_int(mailbox), db_int(now_ms));
}

static bool state_waits(enum store_delivery_state state)
{
    return state == STORE_DELIVERY_PENDING || state == STORE_DELIVERY_BESIDE;
}

/* Whoever was dropped by hand meanwhile stays dropped. */
int store_delivery_set(struct store_tx *tx, const struct store_outcome *o)
{
    bool failed = o->attempted && o->state != STORE_DELIVERY_DONE;

    return DB_RUN(&tx->db,
                  "UPDATE deliveries SET state = ?3, attempts = attempts + ?4,"
                  " failed = CASE WHEN failed = 0 THEN ?5 ELSE failed END,"
                  " next = ?6, ended = ?7, result = ifnull(?8, result)"
                  " WHERE seq = ?1 AND hook = ?2 AND state IN (0, 3)",
                  db_int(o->seq), db_text(o->hook), db_int(o->state), db_int(o->attempted),
                  db_int(failed ? o->now_ms : 0), db_int(o->next_ms),
                  db_int(state_waits(o->state) ? 0 : o->now_ms), db_text(o->what));
}

int store_lines_pending(struct store_tx *tx, struct perch_arena *a,
                        int (*each)(const struct store_line *line, void *user), void *user)
{
    struct db_rows r = DB_ROWS(&tx->db, "SELECT DISTINCT hook, account, mailbox FROM deliveries"
                                        " WHERE state = 0");
    int rc = 0;

    while (rc == 0 && db_next(&r)) {
        struct store_line line = {
            .hook = db_col_text(&r, 0, a),
            .account = db_col_int(&r, 1),
            .mailbox = db_col_int(&r, 2),
        };

        rc = r.failed ? -1 : each(&line, user);
    }
    return db_end(&r) < 0 ? -1 : rc;
}

/* Columns of both reads below. */
#define DELIVERY_COLUMNS                                                                           \
    "d.seq, d.hook, d.account, d.mailbox, d.state, d.attempts, d.created, d.failed, d.next, "      \
    "e.json"

static int deliveries_each(struct db_rows r, struct perch_arena *a,
                           int (*each)(const struct store_delivery *d, void *user), void *user)
{
    int rc = 0;

    while (rc == 0 && db_next(&r)) {
        struct store_delivery d = {
            .seq = db_col_int(&r, 0),
            .line = {db_col_text(&r, 1, a), db_col_int(&r, 2), db_col_int(&r, 3)},
            .state = (enum store_delivery_state)db_col_int(&r, 4),
            .attempts = (unsigned)db_col_int(&r, 5),
            .created_ms = db_col_int(&r, 6),
            .failed_ms = db_col_int(&r, 7),
            .next_ms = db_col_int(&r, 8),
            .json = db_col_text(&r, 9, a),
        };

        rc = r.failed ? -1 : each(&d, user);
    }
    return db_end(&r) < 0 ? -1 : rc;
}

int store_line_read(struct store_tx *tx, const struct store_line *line, int64_t after_seq,
                    size_t limit, struct perch_arena *a,
                    int (*each)(const struct store_delivery *d, void *user), void *user)
{
    return deliveries_each(
        DB_ROWS(&tx->db,
                "SELECT " DELIVERY_COLUMNS " FROM deliveries d JOIN events e ON e.seq = d.seq"
                " WHERE d.state = 0 AND d.hook = ?1 AND d.account = ?2"
                " AND d.mailbox = ?3 AND d.seq > ?4 ORDER BY d.seq LIMIT ?5",
                db_text(line->hook), db_int(line->account), db_int(line->mailbox),
                db_int(after_seq), db_int((int64_t)limit)),
        a, each, user);
}

int store_beside_read(struct store_tx *tx, int64_t due_ms, size_t limit, struct perch_arena *a,
                      int (*each)(const struct store_delivery *d, void *user), void *user)
{
    return deliveries_each(DB_ROWS(&tx->db,
                                   "SELECT " DELIVERY_COLUMNS
                                   " FROM deliveries d JOIN events e ON e.seq = d.seq"
                                   " WHERE d.state = 3 AND d.next <= ?1 ORDER BY d.next LIMIT ?2",
                                   db_int(due_ms), db_int((int64_t)limit)),
                           a, each, user);
}

int store_beside_next(struct store_tx *tx, int64_t after_ms, int64_t *ret_ms)
{
    int64_t next = INT64_MAX;

    if (DB_GET(&tx->db, &next,
               "SELECT next FROM deliveries WHERE state = 3 AND next > ?1 ORDER BY next LIMIT 1",
               db_int(after_ms)) < 0)
        return -1;
    *ret_ms = next;
    return 0;
}

int store_hooks_waiting(struct store_tx *tx, struct perch_arena *a,
                        int (*each)(const char *hook, void *user), void *user)
{
    struct db_rows r = DB_ROWS(&tx->db, "SELECT hook FROM deliveries WHERE state = 0"
                                        " UNION SELECT hook FROM deliveries WHERE state = 3");
    int rc = 0;

    while (rc == 0 && db_next(&r)) {
        const char *hook = db_col_text(&r, 0, a);

        rc = hook ? each(hook, user) : -1;
    }
    return db_end(&r) < 0 ? -1 : rc;
}

int store_hook_end(struct store_tx *tx, const char *hook, int64_t now_ms, const char *what)
{
    if (DB_RUN(&tx->db,
               "UPDATE deliveries SET state = 2, ended = ?2, result = ?3"
               " WHERE state = 0 AND hook = ?1",
               db_text(hook), db_int(now_ms), db_text(what)) < 0)
        return -1;
    return DB_RUN(&tx->db,
                  "UPDATE deliveries SET state = 2, ended = ?2, result = ?3"
                  " WHERE state = 3 AND hook = ?1",
                  db_text(hook), db_int(now_ms), db_text(what));
}
