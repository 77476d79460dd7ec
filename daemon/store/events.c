/* The event log. */
#include "store/internal.h"

int store_event_next_seq(struct store_tx *tx, int64_t *ret_seq)
{
    int64_t last = 0;

    /* Where AUTOINCREMENT counts: what was deleted does not come back. */
    if (DB_GET(&tx->db, &last, "SELECT seq FROM sqlite_sequence WHERE name = 'events'") < 0)
        return -1;
    *ret_seq = last + 1;
    return 0;
}

int store_event_add(struct store_tx *tx, int64_t seq, const struct store_event *e)
{
    /* Not by ON CONFLICT, which would use up the seq. */
    if (DB_RUN(&tx->db,
               "INSERT INTO events (seq, id, kind, account, mailbox, uid, time, json)"
               " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8"
               " WHERE NOT EXISTS (SELECT 1 FROM events WHERE id = ?2)",
               db_int(seq), db_text(e->id), db_int(e->kind), db_int(e->account), db_int(e->mailbox),
               db_int(e->uid), db_int(e->time_ms), db_text(e->json)) < 0)
        return -1;
    return sqlite3_changes(tx->db.handle) > 0;
}

bool store_event_known(struct store_tx *tx, const char *id)
{
    int64_t seq;

    return DB_GET(&tx->db, &seq, "SELECT seq FROM events WHERE id = ?1", db_text(id)) > 0;
}

/* Each goes in steps of `limit` rows, the oldest first. An event stays as long as somebody
 * waits for it or a dead letter needs it; its other deliveries go with it. */
int store_retain(struct store_tx *tx, int64_t events_before_ms, int64_t dead_before_ms,
                 size_t limit)
{
    int dead, events;

    if (DB_RUN(&tx->db,
               "DELETE FROM deliveries WHERE (seq, hook) IN (SELECT seq, hook FROM deliveries"
               " WHERE state = 2 AND ended < ?1 ORDER BY ended LIMIT ?2)",
               db_int(dead_before_ms), db_int((int64_t)limit)) < 0)
        return -1;
    dead = sqlite3_changes(tx->db.handle);
    if ((size_t)dead >= limit)
        return dead;
    if (DB_RUN(&tx->db,
               "DELETE FROM events WHERE seq IN (SELECT e.seq FROM events e WHERE e.time < ?1"
               " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.seq = e.seq"
               " AND d.state IN (0, 2, 3)) ORDER BY e.time LIMIT ?2)",
               db_int(events_before_ms), db_int((int64_t)limit - dead)) < 0)
        return -1;
    events = sqlite3_changes(tx->db.handle);
    return dead + events;
}
