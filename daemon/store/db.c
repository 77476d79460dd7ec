#include "store/db.h"

#include "base/mem.h"
#include "base/span.h"

#include <stdio.h>

static void db_fail(struct db *db, int code, const char *text)
{
    if (db->code)
        return; /* the first one is the cause */
    db->code = code;
    (void)snprintf(db->text, sizeof db->text, "%s", text);
}

static int db_failed(struct db *db)
{
    db_fail(db, sqlite3_extended_errcode(db->handle), sqlite3_errmsg(db->handle));
    return -1;
}

int db_out_of_memory(struct db *db)
{
    db_fail(db, SQLITE_NOMEM, "out of memory");
    return -1;
}

void db_forgive(struct db *db)
{
    db->code = 0;
    db->text[0] = '\0';
}

int db_open(struct db *db, const char *path, int flags)
{
    int rc;

    *db = (struct db){.handle = NULL};
    rc = sqlite3_open_v2(path ? path : ":memory:", &db->handle,
                         flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    if (!db->handle)
        return db_out_of_memory(db);
    (void)sqlite3_extended_result_codes(db->handle, 1);
    return rc == SQLITE_OK ? 0 : db_failed(db);
}

void db_close(struct db *db)
{
    for (size_t i = 0; i < DB_STATEMENTS; i++)
        (void)sqlite3_finalize(db->kept[i].statement);
    (void)sqlite3_close(db->handle);
    memset(db->kept, 0, sizeof db->kept);
    db->handle = NULL;
}

int db_script(struct db *db, const char *sql)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_failed(db);
}

static sqlite3_stmt *prepare(struct db *db, const char *sql, unsigned flags)
{
    sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v3(db->handle, sql, -1, flags, &st, NULL) != SQLITE_OK)
        (void)db_failed(db);
    return st;
}

/* The kept statement of `sql`, prepared at first use. A query that runs again while its own
 * rows are being read, or one that finds every slot taken, gets a statement of its own. */
static sqlite3_stmt *statement_for(struct db *db, const char *sql, bool *ret_own)
{
    size_t at = ((uintptr_t)sql >> 3) % DB_STATEMENTS;

    for (size_t i = 0; i < DB_STATEMENTS; i++, at = (at + 1) % DB_STATEMENTS) {
        if (!db->kept[at].sql) {
            db->kept[at].statement = prepare(db, sql, SQLITE_PREPARE_PERSISTENT);
            if (db->kept[at].statement)
                db->kept[at].sql = sql;
            return db->kept[at].statement;
        }
        if (db->kept[at].sql == sql && !sqlite3_stmt_busy(db->kept[at].statement))
            return db->kept[at].statement;
        if (db->kept[at].sql == sql)
            break;
    }
    *ret_own = true;
    return prepare(db, sql, 0);
}

static int bind(sqlite3_stmt *st, int at, const struct db_value *v)
{
    switch (v->type) {
    case DB_NULL:
        return sqlite3_bind_null(st, at);
    case DB_INT:
        return sqlite3_bind_int64(st, at, v->i);
    case DB_TEXT:
        return sqlite3_bind_text64(st, at, v->bytes.p, v->bytes.n, SQLITE_STATIC, SQLITE_UTF8);
    case DB_BLOB:
        return sqlite3_bind_blob64(st, at, v->bytes.p, v->bytes.n, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

/* values[0] is not used, so that values[1] is ?1. */
struct db_rows db_rows(struct db *db, const char *sql, const struct db_value *values, size_t n)
{
    struct db_rows r = {.db = db};

    r.statement = statement_for(db, sql, &r.own);
    r.failed = !r.statement;
    for (size_t i = 1; i <= n && !r.failed; i++)
        if (bind(r.statement, (int)i, &values[i]) != SQLITE_OK) {
            r.failed = true;
            (void)db_failed(db);
        }
    return r;
}

bool db_next(struct db_rows *r)
{
    int rc;

    if (r->failed)
        return false;
    rc = sqlite3_step(r->statement);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE) {
        r->failed = true;
        (void)db_failed(r->db);
    }
    return false;
}

int db_end(struct db_rows *r)
{
    if (r->own) {
        (void)sqlite3_finalize(r->statement);
    } else if (r->statement) {
        (void)sqlite3_reset(r->statement);
        (void)sqlite3_clear_bindings(r->statement);
    }
    r->statement = NULL;
    return r->failed ? -1 : 0;
}

int db_run(struct db *db, const char *sql, const struct db_value *values, size_t n)
{
    struct db_rows r = db_rows(db, sql, values, n);

    (void)db_next(&r);
    return db_end(&r);
}

int db_get(struct db *db, int64_t *ret, const char *sql, const struct db_value *values, size_t n)
{
    struct db_rows r = db_rows(db, sql, values, n);
    bool found = db_next(&r) && !db_col_null(&r, 0);
    int64_t value = found ? db_col_int(&r, 0) : 0;

    if (db_end(&r) < 0)
        return -1;
    if (found)
        *ret = value;
    return found;
}

int64_t db_col_int(const struct db_rows *r, int col)
{
    return sqlite3_column_int64(r->statement, col);
}

bool db_col_null(const struct db_rows *r, int col)
{
    return sqlite3_column_type(r->statement, col) == SQLITE_NULL;
}

const char *db_col_peek(const struct db_rows *r, int col)
{
    return (const char *)sqlite3_column_text(r->statement, col);
}

/* A copy with a NUL behind; NULL for NULL. */
static char *column_copy(struct db_rows *r, int col, struct perch_arena *a, size_t *ret_len)
{
    const char *p = sqlite3_column_blob(r->statement, col);
    size_t n = (size_t)sqlite3_column_bytes(r->statement, col);
    char *copy;

    *ret_len = 0;
    if (db_col_null(r, col))
        return NULL;
    copy = perch_arena_strndup(a, p ? p : "", n);
    if (copy) {
        *ret_len = n;
    } else {
        r->failed = true;
        (void)db_out_of_memory(r->db);
    }
    return copy;
}

char *db_col_text(struct db_rows *r, int col, struct perch_arena *a)
{
    size_t n;

    return column_copy(r, col, a, &n);
}

struct perch_span db_col_blob(struct db_rows *r, int col, struct perch_arena *a)
{
    struct perch_span s;

    s.p = column_copy(r, col, a, &s.n);
    return s;
}
