/* SQLite in a few words, for store/ alone: prepared statements kept by their text, values
 * bound in one go, a failure remembered until somebody asks.
 *
 *   struct db_rows r = DB_ROWS(db, "SELECT uid, flags FROM messages WHERE mailbox = ?1",
 *                              db_int(mailbox));
 *
 *   while (db_next(&r))
 *       use(db_col_int(&r, 0), db_col_text(&r, 1, arena));
 *   return db_end(&r); */
#ifndef PERCHD_STORE_DB_H
#define PERCHD_STORE_DB_H

#include "store/store.h"

#include "base/mem.h"
#include "base/span.h"

#include <sqlite3.h>

/* Every statement of the store is a literal of the program: a slot each, kept for the life
 * of the connection and found by the literal's address. */
#define DB_STATEMENTS 128

struct db {
    sqlite3 *handle;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } kept[DB_STATEMENTS];
    int code; /* SQLite's extended code of the first failure since db_forgive(), 0: none */
    char text[256];
};

/* `flags` of sqlite3_open_v2. `path` has no symbolic links in it; NULL: in memory. -1 with
 * the failure in code and text; call db_close() all the same. */
int db_open(struct db *db, const char *path, int flags);
void db_close(struct db *db);

void db_forgive(struct db *db);

struct db_value {
    enum { DB_NULL, DB_INT, DB_TEXT, DB_BLOB } type;
    int64_t i;
    struct perch_span bytes;
};

static inline struct db_value db_int(int64_t i)
{
    return (struct db_value){.type = DB_INT, .i = i};
}

static inline struct db_value db_text(const char *s) /* NULL: NULL */
{
    return (struct db_value){.type = s ? DB_TEXT : DB_NULL, .bytes = perch_span_of(s)};
}

static inline struct db_value db_blob(struct perch_span s)
{
    return (struct db_value){.type = DB_BLOB, .bytes = {s.p ? s.p : "", s.n}};
}

static inline struct db_value db_null(void)
{
    return (struct db_value){.type = DB_NULL};
}

/* Parameter ?1 is the first value behind `sql`, which must be a literal. */
#define DB_VALUES_(...)                                                                            \
    (const struct db_value[])                                                                      \
    {                                                                                              \
        {.type = DB_NULL}, ##__VA_ARGS__                                                           \
    }
#define DB_COUNT_(...) (PERCH_COUNT((DB_VALUES_(__VA_ARGS__))) - 1)

/* A statement without rows: 0 or -1. */
#define DB_RUN(db, sql, ...) db_run((db), "" sql, DB_VALUES_(__VA_ARGS__), DB_COUNT_(__VA_ARGS__))

/* One integer: 1 with *ret, 0 when there is no row or it is NULL, -1. */
#define DB_GET(db, ret, sql, ...)                                                                  \
    db_get((db), (ret), "" sql, DB_VALUES_(__VA_ARGS__), DB_COUNT_(__VA_ARGS__))

/* Rows; always to be ended with db_end(). What was bound must live until then. */
#define DB_ROWS(db, sql, ...) db_rows((db), "" sql, DB_VALUES_(__VA_ARGS__), DB_COUNT_(__VA_ARGS__))

struct db_rows {
    struct db *db;
    sqlite3_stmt *statement; /* NULL: it failed */
    bool own;                /* the kept one was in use further up: finalised at the end */
    bool failed;
};

int db_run(struct db *db, const char *sql, const struct db_value *values, size_t n);
int db_get(struct db *db, int64_t *ret, const char *sql, const struct db_value *values, size_t n);
struct db_rows db_rows(struct db *db, const char *sql, const struct db_value *values, size_t n);

bool db_next(struct db_rows *r); /* false: no more, or failed */
int db_end(struct db_rows *r);   /* 0, or -1 if anything failed since db_rows() */

/* Columns count from 0. Text is a copy in `a`, NULL for NULL; out of memory fails the rows. */
int64_t db_col_int(const struct db_rows *r, int col);
bool db_col_null(const struct db_rows *r, int col);
char *db_col_text(struct db_rows *r, int col, struct perch_arena *a);
struct perch_span db_col_blob(struct db_rows *r, int col, struct perch_arena *a);
/* The same bytes in place, valid until the next db_next(). */
const char *db_col_peek(const struct db_rows *r, int col);

/* Several statements without values, for schema and settings: 0 or -1. */
int db_script(struct db *db, const char *sql);

/* Memory ran out beside SQLite: the job fails as if SQLite had said so. -1 */
int db_out_of_memory(struct db *db);

#endif
