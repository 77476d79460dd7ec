/* SQLite's only door: accounts, mailboxes, messages, events and deliveries.
 *
 * One thread writes. Work is submitted as jobs; the thread takes what is queued (live
 * before bulk), runs each in a savepoint of one transaction, commits (WAL,
 * synchronous=FULL), and only then posts each job's `done` back to the loop. A job's
 * function is the only place that sees a struct store_tx. The loop thread never touches
 * SQLite; readers (store_reader) have connections of their own.
 *
 * A transaction ends after 500 changed rows or 10 ms, but a job is never cut: one of bulk
 * should stay well below that itself. */
#ifndef PERCHD_STORE_H
#define PERCHD_STORE_H

#include "config/config.h"

#include "base/arena.h"
#include "perch/set.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct store;
struct store_tx;
struct store_reader;

#define STORE_SCHEMA 1 /* PRAGMA user_version */

struct store_error {
    char text[512];
};

/* Opens or creates DIR/perch.db (directory 0700, file 0600), checks and migrates it, starts
 * the writer. A database that is damaged, newer than STORE_SCHEMA, or in use by another
 * daemon is refused. `base` NULL: no thread; store_run() and store_turn() do the work (tests,
 * tools). `dir` NULL: in memory. 0 or -1. */
int store_open(const char *dir, struct event_base *base, struct store **ret_store,
               struct store_error *error);

/* Runs what is queued and each `done`, then closes; what these submit is refused. Not from
 * inside a `done`. NULL is fine. */
void store_close(struct store *s);

/* What SQLite said of the last failure, for the one who logs it; "" if none. Any thread. */
void store_last_error(struct store *s, struct store_error *ret);

enum store_lane { STORE_LIVE, STORE_BULK };

/* 0: keep what it did. Else, or when any call on `tx` failed: roll this job back (the others
 * of the transaction stay). Runs on the store's thread, at most once. */
typedef int store_job_fn(struct store_tx *tx, void *arg);

/* On the loop thread. `rc` 0: durable. Else nothing of it is in the database: -1 the job
 * said so, or STORE_EFULL / STORE_EBROKEN. It runs exactly once. */
typedef void store_done_fn(int rc, void *arg);

#define STORE_EFULL (-2) /* cannot write now (disk full, read-only, I/O error): try later */
/* The database is damaged, or an fsync failed, after which only opening it again tells what it
 * holds: no job runs any more. */
#define STORE_EBROKEN (-3)

/* From the loop thread. `done` may be NULL; it never runs inside this call. 0, or -1 when out
 * of memory or closing: then neither runs. */
int store_submit(struct store *s, enum store_lane lane, store_job_fn *job, store_done_fn *done,
                 void *arg);

/* For a store without a thread. store_run: a transaction of this job alone, at once; returns
 * what `done` would get. store_turn: one transaction of what is queued, then each `done`;
 * returns how many jobs finished. */
int store_run(struct store *s, store_job_fn *job, void *arg);
size_t store_turn(struct store *s);

/* ---- inside a job; text returned is in `a`; 1 found, 0 not, -1 error unless said ---- */

struct store_account {
    int64_t id;
    const char *key, *user, *host;
    int64_t forgotten; /* messages of the state that store_account_open() dropped */
};

/* Finds or makes the account. *ret_started_anew: it was watched before as another
 * user@host, and its old state has been dropped. 0 or -1. */
int store_account_open(struct store_tx *tx, const char *key, const char *user, const char *host,
                       struct store_account *ret, struct perch_arena *a, bool *ret_started_anew);

/* `configured` is a JSON array of the accounts' keys: notes since when others are gone, and
 * that those came back. */
int store_accounts_mark(struct store_tx *tx, const char *configured, int64_t now_ms);

/* Forgets the accounts that have been gone for longer, with all but their events; at most
 * `limit` messages at once. Returns how many went, fewer than `limit` when it is done; -1 on
 * error. */
int store_accounts_retain(struct store_tx *tx, int64_t gone_before_ms, size_t limit);

/* How far a mailbox is known. Stored: values are never renumbered. */
enum store_sync {
    STORE_SYNC_NONE = 0,
    STORE_SYNC_INITIAL, /* the first contact, going down from initial_top */
    STORE_SYNC_DONE,
    STORE_SYNC_AGAIN,  /* as INITIAL, after a reset: nothing found by it is news */
    STORE_SYNC_DELETED /* the server has it no longer; made again it is a new mailbox */
};

struct store_mailbox {
    int64_t id, account;
    struct perch_span raw; /* the name as the server writes it: the key */
    const char *name;      /* UTF-8 */
    char delimiter;
    const char *role;       /* "\\Junk" or NULL */
    const char *mailboxid;  /* OBJECTID, or NULL */
    uint32_t uidvalidity;   /* 0: never synchronised */
    uint32_t uidnext;       /* every UID below is known */
    uint64_t highestmodseq; /* the cursor: moves only at a tagged response */
    uint64_t change;        /* last change number given out where there is no CONDSTORE */
    enum store_sync sync;
    uint32_t initial_below; /* INITIAL, AGAIN: UIDs below are still to come, going down */
    uint32_t initial_top;   /* INITIAL, AGAIN: UIDNEXT when it began */
    bool gone;              /* no longer watched or no longer there */
};

int store_mailbox_find(struct store_tx *tx, int64_t account, struct perch_span raw,
                       struct perch_arena *a, struct store_mailbox *ret);
int store_mailbox_get(struct store_tx *tx, int64_t id, struct perch_arena *a,
                      struct store_mailbox *ret);
/* Inserts (id 0, set on return) or updates all columns. 0 or -1. */
int store_mailbox_put(struct store_tx *tx, struct store_mailbox *m);
int store_mailboxes_each(struct store_tx *tx, int64_t account, struct perch_arena *a,
                         int (*each)(const struct store_mailbox *m, void *user), void *user);

/* A message as the index holds it. Flags are space-joined names in canonical order
 * (event_flags_canonical), without \Recent. `envelope` is a JSON object with exactly the
 * keys from sender reply_to to cc bcc subject date message_id in_reply_to list_id
 * attachments, as CONTRACTS section 4 writes them. */
struct store_message {
    uint32_t uid;
    uint64_t modseq; /* or the change number */
    const char *flags;
    int64_t internaldate; /* unix seconds; INT64_MIN: not told */
    uint64_t size;
    const char *emailid, *threadid; /* or NULL */
    const char *envelope;           /* NULL: not stored */
};

int store_message_get(struct store_tx *tx, int64_t mailbox, uint32_t uid, struct perch_arena *a,
                      struct store_message *ret);
/* Inserts or replaces, index rows included. 0 or -1. */
int store_message_put(struct store_tx *tx, int64_t mailbox, const struct store_message *m);
int store_message_set_flags(struct store_tx *tx, int64_t mailbox, uint32_t uid, const char *flags,
                            uint64_t modseq);
/* Deletes first..last; 0 or -1. */
int store_messages_delete(struct store_tx *tx, int64_t mailbox, uint32_t first, uint32_t last);
/* In UID order, first..last; without `envelope`, `each` gets uid, modseq and flags only.
 * `each` may change the row it was given but not delete rows or add any to the mailbox. Stops
 * at a non-zero return, which is returned. */
int store_messages_each(struct store_tx *tx, int64_t mailbox, uint32_t first, uint32_t last,
                        bool envelope, struct perch_arena *a,
                        int (*each)(const struct store_message *m, void *user), void *user);
/* The stored UIDs within first..last as ranges. 0 or -1. */
int store_message_uids(struct store_tx *tx, int64_t mailbox, uint32_t first, uint32_t last,
                       struct perch_set *ret);
int64_t store_message_count(struct store_tx *tx, int64_t mailbox); /* -1: error */

/* ---- events and deliveries ---- */

struct store_event {
    const char *id;
    enum event_kind kind;
    int64_t account; /* row id */
    int64_t mailbox; /* row id, 0 for account events */
    uint32_t uid;
    int64_t time_ms;
    const char *json;
};

/* The seq of the next event, which its JSON (and some ids) must have inside: ask, build, add.
 * 0 or -1. */
int store_event_next_seq(struct store_tx *tx, int64_t *ret_seq);

/* 1: added. 0: an event with this id is there already; it is not made again, and the seq is
 * free for the next. -1. */
int store_event_add(struct store_tx *tx, int64_t seq, const struct store_event *e);
bool store_event_known(struct store_tx *tx, const char *id);

enum store_delivery_state {
    STORE_DELIVERY_PENDING = 0, /* in its line */
    STORE_DELIVERY_DONE,
    STORE_DELIVERY_DEAD,   /* given up: kept for `perch hooks` */
    STORE_DELIVERY_BESIDE, /* failed for longer than `hold`: retried beside its line */
    STORE_DELIVERY_DROPPED /* too old, or dropped by hand */
};

struct store_line {
    const char *hook; /* name */
    int64_t account, mailbox;
};

struct store_delivery {
    int64_t seq;
    struct store_line line;
    enum store_delivery_state state;
    unsigned attempts;  /* already made */
    int64_t created_ms; /* wall clock, as all of these */
    int64_t failed_ms;  /* of the first failure, 0: none yet */
    int64_t next_ms;    /* not before */
    const char *json;   /* of the event */
};

int store_delivery_add(struct store_tx *tx, int64_t seq, const char *hook, int64_t account,
                       int64_t mailbox, int64_t now_ms);

/* What became of a delivery that waits; one that no longer does is left alone. 0 or -1. */
struct store_outcome {
    int64_t seq;
    const char *hook;
    enum store_delivery_state state;
    bool attempted; /* the hook ran: attempts + 1; not DONE counts as a failure */
    int64_t now_ms, next_ms;
    const char *what; /* "exit 1" and the captured output; NULL: as before */
};
int store_delivery_set(struct store_tx *tx, const struct store_outcome *o);

/* Each line that has pending deliveries, and one line's, behind after_seq in seq order. */
int store_lines_pending(struct store_tx *tx, struct perch_arena *a,
                        int (*each)(const struct store_line *line, void *user), void *user);
int store_line_read(struct store_tx *tx, const struct store_line *line, int64_t after_seq,
                    size_t limit, struct perch_arena *a,
                    int (*each)(const struct store_delivery *d, void *user), void *user);

/* Deliveries beside their lines that are due, soonest first; and when the first one behind
 * after_ms is due (INT64_MAX: there is none). */
int store_beside_read(struct store_tx *tx, int64_t due_ms, size_t limit, struct perch_arena *a,
                      int (*each)(const struct store_delivery *d, void *user), void *user);
int store_beside_next(struct store_tx *tx, int64_t after_ms, int64_t *ret_ms);

/* Names of hooks that somebody waits for; and the end of all that waits for one. */
int store_hooks_waiting(struct store_tx *tx, struct perch_arena *a,
                        int (*each)(const char *hook, void *user), void *user);
int store_hook_end(struct store_tx *tx, const char *hook, int64_t now_ms, const char *what);

/* Deletes dead letters and then events (with what is left of their deliveries) that are older;
 * at most `limit` of both. An event stays while a delivery of it waits or is dead. Returns
 * how many went, -1 on error. */
int store_retain(struct store_tx *tx, int64_t events_before_ms, int64_t dead_before_ms,
                 size_t limit);

/* ---- readers: other threads and other processes, with or without the daemon ---- */

/* Read-only on DIR/perch.db. -1 with the error, which says when there is no database. A
 * reader belongs to one thread at a time. Its functions return 0, what `each` returned if that
 * was not 0 (which ends them), or -1 with store_reader_error(). What `each` is given is valid
 * until it returns. Reads hold a snapshot: keep them short, or the WAL grows. */
int store_reader_open(const char *dir, struct store_reader **ret_reader, struct store_error *error);
void store_reader_close(struct store_reader *r);
const char *store_reader_error(const struct store_reader *r);

struct store_event_row {
    int64_t seq, time_ms;
    const char *json;
};

struct store_event_filter {
    int64_t since_seq;     /* greater than this; 0: from the beginning */
    int64_t since_time_ms; /* not before; 0: any */
    const char *account;   /* key; NULL: all */
    int kind;              /* enum event_kind, -1: all */
    size_t limit;          /* 0: all */
};

/* In seq order. */

int store_read_events(struct store_reader *r, const struct store_event_filter *f,
                      int (*each)(const struct store_event_row *row, void *user), void *user);

struct store_hit {
    int64_t ref; /* the message's row id: shown as m123 */
    const char *account, *mailbox;
    uint32_t uid;
    const char *flags, *envelope;
    int64_t internaldate;
    uint64_t size;
};

/* Messages whose subject or addresses contain every word, caseless, newest first. */
int store_read_search(struct store_reader *r, const char *const *words, size_t nwords,
                      const char *account, size_t limit,
                      int (*each)(const struct store_hit *hit, void *user), void *user);

/* Counts for `perch status`: for each account one row with mailbox NULL, then one for each
 * mailbox that is not gone. */
struct store_counts {
    const char *account, *mailbox; /* key; UTF-8 name */
    int64_t messages;
    int64_t pending, dead, last_seq; /* of the account; last_seq 0: no event yet */
};
int store_read_counts(struct store_reader *r, int (*each)(const struct store_counts *c, void *user),
                      void *user);

#endif
