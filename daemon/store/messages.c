/* Messages as the index holds them: a narrow row (messages) and a wide one (envelopes). The
 * wide one goes with the narrow one by a trigger. */
#include "store/internal.h"

static struct db_value date_value(int64_t internaldate)
{
    return internaldate == INT64_MIN ? db_null() : db_int(internaldate);
}

/* Columns: uid modseq flags internaldate size emailid threadid envelope. */
static void message_read(struct db_rows *r, bool envelope, struct perch_arena *a,
                         struct store_message *ret)
{
    *ret = (struct store_message){
        .uid = (uint32_t)db_col_int(r, 0),
        .modseq = (uint64_t)db_col_int(r, 1),
        .flags = db_col_text(r, 2, a),
        .internaldate = INT64_MIN,
    };
    if (!envelope)
        return;
    if (!db_col_null(r, 3))
        ret->internaldate = db_col_int(r, 3);
    ret->size = (uint64_t)db_col_int(r, 4);
    ret->emailid = db_col_text(r, 5, a);
    ret->threadid = db_col_text(r, 6, a);
    ret->envelope = db_col_text(r, 7, a);
}

int store_message_get(struct store_tx *tx, int64_t mailbox, uint32_t uid, struct perch_arena *a,
                      struct store_message *ret)
{
    struct db_rows r = DB_ROWS(&tx->db,
                               "SELECT m.uid, m.modseq, m.flags, e.internaldate, e.size,"
                               " e.emailid, e.threadid, e.envelope"
                               " FROM messages m JOIN envelopes e ON e.ref = m.ref"
                               " WHERE m.mailbox = ?1 AND m.uid = ?2",
                               db_int(mailbox), db_int(uid));
    struct store_message m;
    bool found = db_next(&r);

    if (found)
        message_read(&r, true, a, &m);
    if (db_end(&r) < 0)
        return -1;
    if (found)
        *ret = m;
    return found;
}

static int message_insert(struct store_tx *tx, int64_t mailbox, const struct store_message *m)
{
    if (DB_RUN(&tx->db,
               "INSERT INTO envelopes (mailbox, uid, internaldate, size, emailid, threadid,"
               " envelope) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
               db_int(mailbox), db_int(m->uid), date_value(m->internaldate),
               db_int((int64_t)m->size), db_text(m->emailid), db_text(m->threadid),
               db_text(m->envelope)) < 0)
        return -1;
    return DB_RUN(&tx->db,
                  "INSERT INTO messages (mailbox, uid, ref, modseq, flags)"
                  " VALUES (?1, ?2, ?3, ?4, ?5)",
                  db_int(mailbox), db_int(m->uid), db_int(sqlite3_last_insert_rowid(tx->db.handle)),
                  db_int((int64_t)m->modseq), db_text(m->flags));
}

int store_message_put(struct store_tx *tx, int64_t mailbox, const struct store_message *m)
{
    int64_t ref;
    int found = DB_GET(&tx->db, &ref, "SELECT ref FROM messages WHERE mailbox = ?1 AND uid = ?2",
                       db_int(mailbox), db_int(m->uid));

    if (found <= 0)
        return found < 0 ? -1 : message_insert(tx, mailbox, m);
    if (store_message_set_flags(tx, mailbox, m->uid, m->flags, m->modseq) < 0)
        return -1;
    return DB_RUN(&tx->db,
                  "UPDATE envelopes SET internaldate = ?2, size = ?3, emailid = ?4,"
                  " threadid = ?5, envelope = ?6 WHERE ref = ?1",
                  db_int(ref), date_value(m->internaldate), db_int((int64_t)m->size),
                  db_text(m->emailid), db_text(m->threadid), db_text(m->envelope));
}

int store_message_set_flags(struct store_tx *tx, int64_t mailbox, uint32_t uid, const char *flags,
                            uint64_t modseq)
{
    return DB_RUN(&tx->db,
                  "UPDATE messages SET flags = ?3, modseq = ?4 WHERE mailbox = ?1 AND uid = ?2",
                  db_int(mailbox), db_int(uid), db_text(flags), db_int((int64_t)modseq));
}

int store_messages_delete(struct store_tx *tx, int64_t mailbox, uint32_t first, uint32_t last)
{
    return DB_RUN(&tx->db, "DELETE FROM messages WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3",
                  db_int(mailbox), db_int(first), db_int(last));
}

int store_messages_each(struct store_tx *tx, int64_t mailbox, uint32_t first, uint32_t last,
                        bool envelope, struct perch_arena *a,
                        int (*each)(const struct store_message *m, void *user), void *user)
{
    struct db_rows r =
        envelope ? DB_ROWS(&tx->db,
                           "SELECT m.uid, m.modseq, m.flags, e.internaldate, e.size, e.emailid,"
                           " e.threadid, e.envelope FROM messages m JOIN envelopes e"
                           " ON e.ref = m.ref WHERE m.mailbox = ?1 AND m.uid BETWEEN ?2 AND ?3"
                           " ORDER BY m.uid",
                           db_int(mailbox), db_int(first), db_int(last))
                 : DB_ROWS(&tx->db,
                           "SELECT uid, modseq, flags FROM messages WHERE mailbox = ?1"
                           " AND uid BETWEEN ?2 AND ?3 ORDER BY uid",
                           db_int(mailbox), db_int(first), db_int(last));
    int rc = 0;

    while (rc == 0 && db_next(&r)) {
        struct store_message m;

        message_read(&r, envelope, a, &m);
        rc = r.failed ? -1 : each(&m, user);
    }
    return db_end(&r) < 0 ? -1 : rc;
}

int store_message_uids(struct store_tx *tx, int64_t mailbox, uint32_t first, uint32_t last,
                       struct perch_set *ret)
{
    struct db_rows r = DB_ROWS(&tx->db,
                               "SELECT uid FROM messages WHERE mailbox = ?1"
                               " AND uid BETWEEN ?2 AND ?3 ORDER BY uid",
                               db_int(mailbox), db_int(first), db_int(last));

    while (db_next(&r)) {
        uint32_t uid = (uint32_t)db_col_int(&r, 0);

        if (perch_set_add(ret, uid, uid) < 0) {
            r.failed = true;
            (void)db_out_of_memory(&tx->db);
        }
    }
    return db_end(&r);
}

int64_t store_message_count(struct store_tx *tx, int64_t mailbox)
{
    int64_t count = 0;

    return DB_GET(&tx->db, &count, "SELECT count(*) FROM messages WHERE mailbox = ?1",
                  db_int(mailbox)) < 0
               ? -1
               : count;
}
