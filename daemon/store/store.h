/* SQLite's only door: accounts, mailboxes, messages, events and deliveries.
 *
 * One thread writes. Work is submitted as jobs; the thread takes what is queued (live
 * before bulk), runs each in a savepoint of one transaction, commits (WAL,
 * synchronous=FULL), and only then posts each job's `done` back to the loop. A job's
 * function is the only place that sees a struct store_tx. The loop thread never touches
 * SQLite; readers (store_reader) have connections of their own. */
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

/* Opens or creates DIR/perch.db (directory 0700, file 0600), migrates it, starts the
 * writer. A database that is newer than STORE_SCHEMA, or in use by another daemon, is
 * refused. `base` NULL: no thread; store_run() works at once (tests, tools). `dir` NULL: in
 * memory. 0 or -1. */
int store_open(const char *dir, struct event_base *base, struct store **ret_store,
               struct store_error *error);

/* Runs what is queued, then closes. NULL is fine. */
void store_close(struct store *s);

enum store_lane { STORE_LIVE, STORE_BULK };

/* 0: keep what it did. -1: roll this job back (the others of the transaction stay). */
typedef int store_job_fn(struct store_tx *tx, void *arg);

/* On the loop thread. `rc` 0: durable. Else nothing of it is in the database: -1 the job
 * said so, or STORE_EFULL / STORE_EBROKEN. It runs exactly once. */
typedef void store_done_fn(int rc, void *arg);

#define STORE_EFULL (-2)   /* disk full or read-only: try again later */
#define STORE_EBROKEN (-3) /* the database is of no more use */

int store_submit(struct store *s, enum store_lane lane, store_job_fn *job, store_done_fn *done,
                 void *arg);

/* The same at once on the calling thread, for a store without a thread. */
int store_run(struct store *s, store_job_fn *job, void *arg);

/* ---- inside a job; text returned is in `a`; 1 found, 0 not, -1 error unless said ---- */

struct store_account {
    int64_t id;
    const char *key, *user, *host;
};

/* Finds or makes the account. *ret_started_anew: it was watched before as another
 * user@host, and its old state has been dropped. 0 or -1. */
int store_account_open(struct store_tx *tx, const char *key, const char *user, const char *host,
                       struct store_account *ret, struct perch_arena *a, bool *ret_started_anew);

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
    struct perch_span raw;     /* the name as the server writes it: the key */
    const char *name;          /* UTF-8 */
    char delimiter;
    const char *role;          /* "\\Junk" or NULL */
    const char *mailboxid;     /* OBJECTID, or NULL */
    uint32_t uidvalidity;      /* 0: never synchronised */
    uint32_t uidnext;          /* every UID below is known */
    uint64_t highestmodseq;    /* the cursor: moves only at a tagged response */
    uint64_t change;           /* last change number given out where there is no CONDSTORE */
    enum store_sync sync;
    uint32_t initial_below;    /* INITIAL, AGAIN: UIDs below are still to come, going down */
    uint32_t initial_top;      /* INITIAL, AGAIN: UIDNEXT when it began */
    bool gone;                 /* no longer watched or no longer there */
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
/* In UID order, first..last; `each` gets no envelope unless asked for. Stops at a non-zero
 * return, which is returned. */
int store_messages_each(struct store_tx *tx, int64_t mailbox, uint32_t first, uint32_t last,
                        bool envelope, struct perch_arena *a,
                        int (*each)(const struct store_message *m, void *user), void *user);
/* The stored UIDs within first..last as ranges. 0 or -1. */
int store_message_uids(struct store_tx *tx, int64_t mailbox, uint32_t first, uint32_t last,
                       struct perch_set *ret);
int64_t store_message_count(struct store_tx *tx, int64_t mailbox); /* -1: error */

/* ---- events and deliveries ---- */

/* seq is the next in commit order. `make` builds the JSON once seq is known (into `a`; NULL:
 * failure). *ret_id may be computed from seq as well. An event whose id is already there is
 * not made again: 0 and *ret_seq 0. 0 or -1. */
struct store_event {
    const char *id;   /* NULL: make() sets it */
    enum event_kind kind;
    int64_t account;  /* row id */
    int64_t mailbox;  /* row id, 0 for account events */
    uint32_t uid;
    int64_t time_ms;
    const char *json;
};

int store_event_next_seq(struct store_tx *tx, int64_t *ret_seq);
int store_event_add(struct store_tx *tx, int64_t seq, const struct store_event *e);
bool store_event_known(struct store_tx *tx, const char *id);

enum store_delivery_state {
    STORE_DELIVERY_PENDING = 0,
    STORE_DELIVERY_DONE,
    STORE_DELIVERY_DEAD /* given up: kept for `perch hooks` */
};

struct store_delivery {
    int64_t seq;
    const char *hook;
    int64_t account, mailbox; /* with `hook`: its line */
    enum store_delivery_state state;
    unsigned attempts;        /* already made */
    int64_t created_ms;       /* wall clock */
    int64_t next_ms;          /* wall clock; not before */
    const char *result;       /* of the last attempt: "exit 1", with the captured output */
    const char *json;         /* of the event; only where an event is read with it */
    const char *event_id;
};

int store_delivery_add(struct store_tx *tx, int64_t seq, const char *hook, int64_t account,
                       int64_t mailbox, int64_t now_ms);
/* After an attempt: attempts + 1, the new state, when to try again, what happened. */
int store_delivery_result(struct store_tx *tx, int64_t seq, const char *hook,
                          enum store_delivery_state state, int64_t next_ms, const char *result);
/* Pending ones behind (after_seq, after_hook) in (seq, hook) order, at most `limit`, with the
 * event's JSON. */
int store_deliveries_pending(struct store_tx *tx, int64_t after_seq, const char *after_hook,
                             size_t limit, struct perch_arena *a,
                             int (*each)(const struct store_delivery *d, void *user), void *user);

/* Drops old events, done deliveries and dead letters; at most `limit` rows a call. Returns
 * how many went, -1 on error. */
int store_retain(struct store_tx *tx, int64_t events_before_ms, int64_t dead_before_ms,
                 size_t limit);

/* ---- readers: other threads and other processes, with or without the daemon ---- */

/* Read-only on DIR/perch.db. -1 with the error, which says when there is no database. */
int store_reader_open(const char *dir, struct store_reader **ret_reader, struct store_error *error);
void store_reader_close(struct store_reader *r);

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

/* Counts for `perch status` by account key and mailbox. */
struct store_counts {
    const char *account, *mailbox; /* mailbox NULL: the account's deliveries */
    int64_t messages, pending, dead, last_seq;
};
int store_read_counts(struct store_reader *r,
                      int (*each)(const struct store_counts *c, void *user), void *user);

#endif
