/* Events: their ids, flags and JSON (CONTRACTS section 4). Pure functions. */
#ifndef PERCHD_HOOKS_EVENT_H
#define PERCHD_HOOKS_EVENT_H

#include "config/config.h"

#include "base/arena.h"
#include "perch/response.h"

#include <jansson.h>

/* "e1-" + 26 base32 characters. */
#define EVENT_ID_SIZE 30

struct event_identity {
    const char *account;       /* key */
    struct perch_span mailbox; /* MAILBOXID, else the raw name; empty for account events */
    uint32_t uidvalidity, uid;
    enum event_kind kind;
    const char *x; /* "", MODSEQ, target of a move, or seq: see CONTRACTS */
};

/* SHA-256 over six fields, each its length as four bytes (big end first) and then its bytes:
 * account, mailbox, uidvalidity in decimal, uid in decimal, the kind's name, x. A number
 * that there is none of is "0". The first 130 bits in base32 (a-z2-7) stand behind "e1-". */
void event_id(const struct event_identity *i, char out[EVENT_ID_SIZE]);

struct event_flags {
    const char *old_flags, *new_flags; /* canonical, space-joined; "" for none */
};

struct event {
    const char *id;
    int64_t seq, time_ms;
    enum event_kind kind;
    bool live;
    const char *account;
    bool has_mailbox;
    const char *mailbox, *role; /* UTF-8 name; role or NULL */
    uint32_t uidvalidity;       /* 0: null, for a mailbox that LIST has only just named */
    uint32_t uid;               /* 0: null */
    uint64_t modseq;            /* 0: null */
    const char *emailid, *threadid;
    bool has_message; /* size, internaldate, flags and envelope are known */
    uint64_t size;
    int64_t internaldate; /* INT64_MIN: null */
    struct event_flags flags;
    const char *envelope; /* JSON object of struct store_message, or NULL: all null or [] */
    json_t *more; /* further keys (reason, matched, ...), or a value for `moved`; NULL; borrowed */
};

/* The event as one line of JSON with all keys of the contract present and `attempt` 1, in
 * arena `a`; NULL when out of memory or when `envelope` is no JSON object. */
char *event_json(const struct event *e, struct perch_arena *a);

/* Flags of a FETCH row as stored: without \Recent, known names in their usual spelling,
 * duplicates dropped, sorted (system flags first, then keywords, both by bytes), joined by
 * one blank. What is no flag (blanks, control characters, not UTF-8, over 128 bytes) and what
 * is beyond the first 256 is left out. NULL when out of memory. */
char *event_flags_canonical(const struct perch_names *flags, struct perch_arena *a);

/* The envelope (and, where they are there, headers and attachments) of a FETCH row as the JSON
 * object that struct store_message describes, decoded to UTF-8. Lists end early once they
 * hold 1 MiB. NULL when out of memory. (envelope.c) */
char *event_envelope_json(const struct perch_fetch *row, struct perch_arena *a);

#endif
