/* A watched mailbox of an account, as the loop knows it. */
#ifndef PERCHD_ENGINE_MAILBOX_H
#define PERCHD_ENGINE_MAILBOX_H

#include "engine/plan.h"

#include "base/list.h"
#include "perch/response.h"

struct mailbox {
    struct perch_link link; /* in account.mailboxes, in LIST's order, the first mailbox in front */
    int64_t id;             /* row id */
    struct perch_span raw;  /* as the server writes it; behind this struct */
    const char *name;       /* UTF-8; behind this struct */
    const char *role;       /* static, or NULL */
    char delimiter;
    bool dirty;       /* something may be found by a visit */
    bool compare;     /* ... flags among it, though nothing tells so */
    bool met;         /* known, since the connection began: what is found from now on is live */
    bool unusable;    /* cannot be synchronised: UIDVALIDITY is missing, or EXAMINE was refused */
    bool complained;  /* the log says so */
    uint8_t absences; /* LISTs in a row that did not name it */
    /* As it will be once everything submitted is durable; `messages` as it is now. */
    struct plan_known known;
    uint32_t initial_below, initial_top;
    uint32_t told_uidnext; /* by the last STATUS, 0: not told */
};

/* Can it be selected, as far as is known? */
static inline bool mailbox_usable(const struct mailbox *m)
{
    return !m->unusable && !m->absences;
}

/* Is its first contact (or the one after a reset) still under way? */
static inline bool mailbox_unfinished(const struct mailbox *m)
{
    return m->known.sync == STORE_SYNC_INITIAL || m->known.sync == STORE_SYNC_AGAIN;
}

/* The UIDs that are stored: none below a first contact's mark. Empty if first > last. */
static inline struct perch_range mailbox_known_uids(const struct mailbox *m)
{
    return (struct perch_range){
        .first = mailbox_unfinished(m) ? m->initial_below : 1,
        .last = m->known.uidnext ? m->known.uidnext - 1 : 0,
    };
}

/* The special use of a LIST row as text ("\\Junk"), static, or NULL. */
const char *mailbox_role(uint32_t attrs);

/* From its row; NULL when out of memory. */
struct store_mailbox;
struct mailbox *mailbox_new(const struct store_mailbox *row, const char *role, int64_t messages);
void mailbox_free(struct mailbox *m);

#endif
