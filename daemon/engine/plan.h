/* What must be done to know a mailbox again: stored state and the server's answer to EXAMINE
 * or STATUS in, steps out. Pure. */
#ifndef PERCHD_ENGINE_PLAN_H
#define PERCHD_ENGINE_PLAN_H

#include "store/store.h"

/* In the order in which they are taken. */
enum step {
    STEP_SEARCH = 1 << 0,      /* all UIDs: what is not among them is gone */
    STEP_BEGIN = 1 << 1,       /* first contact: the mailbox gets its UIDVALIDITY and cursors */
    STEP_RESET = 1 << 2,       /* another UIDVALIDITY: what is stored is worth nothing */
    STEP_FLAGS_SINCE = 1 << 3, /* CHANGEDSINCE the cursor */
    STEP_FLAGS_ALL = 1 << 4,   /* compare the flags of all that is known */
    STEP_FLAGS_SEQS = 1 << 5,  /* of those that a push named by sequence number */
    STEP_NEW = 1 << 6,         /* UIDNEXT:4294967295 */
    STEP_MISSING = 1 << 7,     /* UIDs below UIDNEXT that the server has and we have not */
    STEP_INITIAL = 1 << 8      /* what was there at the first contact, downwards */
};

/* What is known of a mailbox. */
struct plan_known {
    uint32_t uidvalidity, uidnext;
    uint64_t highestmodseq;
    uint64_t messages;
    enum store_sync sync;
};

/* What the server says of it; 0 for what it does not say. */
struct plan_answer {
    uint32_t uidvalidity, uidnext;
    uint64_t highestmodseq; /* 0 with NOMODSEQ and without CONDSTORE */
    uint64_t messages;
};

enum plan_verdict {
    PLAN_OK,
    PLAN_NO_UIDVALIDITY /* RFC 9051 2.3.1.1 makes 0 impossible: such UIDs mean nothing */
};

struct plan {
    enum plan_verdict verdict;
    uint32_t steps; /* enum step */
};

/* After an EXAMINE. `qresync`: it was sent with QRESYNC and the stored state, so that its answer
 * brought flags and expunges since then. */
struct plan plan_make(const struct plan_known *known, const struct plan_answer *answer,
                      bool qresync);

/* After a STATUS: is there nothing to be found? Without CONDSTORE flags cannot be told. */
bool plan_nothing_new(const struct plan_known *known, const struct plan_answer *status);

/* May an EXAMINE carry QRESYNC with what is known? */
bool plan_can_qresync(const struct plan_known *known);

#endif
