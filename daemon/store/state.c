/* Accounts and mailboxes: what was known when the last transaction ended. */
#include "store/internal.h"

static int count_messages(struct store_tx *tx, int64_t account, int64_t *ret)
{
    struct db_rows r = DB_ROWS(&tx->db,
                               "SELECT count(*) FROM messages WHERE mailbox IN"
                               " (SELECT id FROM mailboxes WHERE account = ?1)",
                               db_int(account));

    *ret = db_next(&r) ? db_col_int(&r, 0) : 0;
    return db_end(&r);
}

int store_account_open(struct store_tx *tx, const char *key, const char *user, const char *host,
                       struct store_account *ret, struct perch_arena *a, bool *ret_started_anew)
{
    struct db_rows r =
        DB_ROWS(&tx->db, "SELECT id, user = ?2 AND host = ?3 FROM accounts WHERE key = ?1",
                db_text(key), db_text(user), db_text(host));
    bool found = db_next(&r);
    bool same = found && db_col_int(&r, 1) != 0;
    struct store_account account = {.id = found ? db_col_int(&r, 0) : 0};

    if (db_end(&r) < 0)
        return -1;
    if (!found) {
        if (DB_RUN(&tx->db, "INSERT INTO accounts (key, user, host) VALUES (?1, ?2, ?3)",
                   db_text(key), db_text(user), db_text(host)) < 0)
            return -1;
        account.id = sqlite3_last_insert_rowid(tx->db.handle);
    } else if (!same) { /* what it knew is of somebody else's mailboxes; events stay */
        if (count_messages(tx, account.id, &account.forgotten) < 0 ||
            DB_RUN(&tx->db, "DELETE FROM mailboxes WHERE account = ?1", db_int(account.id)) < 0 ||
            DB_RUN(&tx->db, "UPDATE accounts SET user = ?2, host = ?3 WHERE id = ?1",
                   db_int(account.id), db_text(user), db_text(host)) < 0)
            return -1;
    }
    if (DB_RUN(&tx->db, "UPDATE accounts SET gone = 0 WHERE id = ?1 AND gone <> 0",
               db_int(account.id)) < 0)
        return -1;
    account.key = perch_arena_strndup(a, key, strlen(key));
    account.user = perch_arena_strndup(a, user, strlen(user));
    account.host = perch_arena_strndup(a, host, strlen(host));
    if (!account.key || !account.user || !account.host)
        return db_out_of_memory(&tx->db);
    *ret = account;
    *ret_started_anew = found && !same;
    return 0;
}

int store_accounts_mark(struct store_tx *tx, const char *configured, int64_t now_ms)
{
    return DB_RUN(&tx->db,
                  "UPDATE accounts SET gone = iif(gone = 0, ?2, 0)"
                  " WHERE (gone = 0) <> (key IN (SELECT value FROM json_each(?1)))",
                  db_text(configured), db_int(now_ms));
}

/* The messages first, so that what goes with the account in one statement is small. */
int store_accounts_retain(struct store_tx *tx, int64_t gone_before_ms, size_t limit)
{
    int messages;

    if (DB_RUN(&tx->db,
               "DELETE FROM messages WHERE (mailbox, uid) IN (SELECT m.mailbox, m.uid"
               " FROM accounts a JOIN mailboxes b ON b.account = a.id"
               " JOIN messages m ON m.mailbox = b.id WHERE a.gone > 0 AND a.gone < ?1 LIMIT ?2)",
               db_int(gone_before_ms), db_int((int64_t)limit)) < 0)
        return -1;
    messages = sqlite3_changes(tx->db.handle);
    if ((size_t)messages < limit &&
        DB_RUN(&tx->db, "DELETE FROM accounts WHERE gone > 0 AND gone < ?1",
               db_int(gone_before_ms)) < 0)
        return -1;
    return messages;
}

/* The columns of each SELECT below, in this order. */
#define MAILBOX_COLUMNS                                                                            \
    "id, account, raw, name, delimiter, role, mailboxid, uidvalidity, uidnext, highestmodseq,"     \
    " change, sync, initial_below, initial_top, gone"

static void mailbox_read(struct db_rows *r, struct perch_arena *a, struct store_mailbox *ret)
{
    *ret = (struct store_mailbox){
        .id = db_col_int(r, 0),
        .account = db_col_int(r, 1),
        .raw = db_col_blob(r, 2, a),
        .name = db_col_text(r, 3, a),
        .delimiter = (char)db_col_int(r, 4),
        .role = db_col_text(r, 5, a),
        .mailboxid = db_col_text(r, 6, a),
        .uidvalidity = (uint32_t)db_col_int(r, 7),
        .uidnext = (uint32_t)db_col_int(r, 8),
        .highestmodseq = (uint64_t)db_col_int(r, 9),
        .change = (uint64_t)db_col_int(r, 10),
        .sync = (enum store_sync)db_col_int(r, 11),
        .initial_below = (uint32_t)db_col_int(r, 12),
        .initial_top = (uint32_t)db_col_int(r, 13),
        .gone = db_col_int(r, 14) != 0,
    };
}

static int mailbox_one(struct db_rows r, struct perch_arena *a, struct store_mailbox *ret)
{
    struct store_mailbox m;
    bool found = db_next(&r);

    if (found)
        mailbox_read(&r, a, &m);
    if (db_end(&r) < 0)
        return -1;
    if (found)
        *ret = m;
    return found;
}

int store_mailbox_find(struct store_tx *tx, int64_t account, struct perch_span raw,
                       struct perch_arena *a, struct store_mailbox *ret)
{
    return mailbox_one(DB_ROWS(&tx->db,
                               "SELECT " MAILBOX_COLUMNS
                               " FROM mailboxes WHERE account = ?1 AND raw = ?2",
                               db_int(account), db_blob(raw)),
                       a, ret);
}

int store_mailbox_get(struct store_tx *tx, int64_t id, struct perch_arena *a,
                      struct store_mailbox *ret)
{
    return mailbox_one(
        DB_ROWS(&tx->db, "SELECT " MAILBOX_COLUMNS " FROM mailboxes WHERE id = ?1", db_int(id)), a,
        ret);
}

int store_mailboxes_each(struct store_tx *tx, int64_t account, struct perch_arena *a,
                         int (*each)(const struct store_mailbox *m, void *user), void *user)
{
    struct db_rows r = DB_ROWS(
        &tx->db, "SELECT " MAILBOX_COLUMNS " FROM mailboxes WHERE account = ?1 ORDER BY raw",
        db_int(account));
    int rc = 0;

    while (rc == 0 && db_next(&r)) {
        struct store_mailbox m;

        mailbox_read(&r, a, &m);
        rc = r.failed ? -1 : each(&m, user);
    }
    return db_end(&r) < 0 ? -1 : rc;
}

/* ?1 to ?14 of both statements. */
#define MAILBOX_VALUES(m)                                                                          \
    db_int((m)->account), db_blob((m)->raw), db_text((m)->name),                                   \
        db_int((unsigned char)(m)->delimiter), db_text((m)->role), db_text((m)->mailboxid),        \
        db_int((m)->uidvalidity), db_int((m)->uidnext), db_int((int64_t)(m)->highestmodseq),       \
        db_int((int64_t)(m)->change), db_int((m)->sync), db_int((m)->initial_below),               \
        db_int((m)->initial_top), db_int((m)->gone)

int store_mailbox_put(struct store_tx *tx, struct store_mailbox *m)
{
    if (m->id != 0)
        return DB_RUN(&tx->db,
                      "UPDATE mailboxes SET account = ?1, raw = ?2, name = ?3, delimiter = ?4,"
                      " role = ?5, mailboxid = ?6, uidvalidity = ?7, uidnext = ?8,"
                      " highestmodseq = ?9, change = ?10, sync = ?11, initial_below = ?12,"
                      " initial_top = ?13, gone = ?14 WHERE id = ?15",
                      MAILBOX_VALUES(m), db_int(m->id));
    if (DB_RUN(&tx->db,
               "INSERT INTO mailboxes (account, raw, name, delimiter, role, mailboxid,"
               " uidvalidity, uidnext, highestmodseq, change, sync, initial_below, initial_top,"
               " gone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
               MAILBOX_VALUES(m)) < 0)
        return -1;
    m->id = sqlite3_last_insert_rowid(tx->db.handle);
    return 0;
}
