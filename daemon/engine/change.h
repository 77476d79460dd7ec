/* A change set: what a server said of one mailbox, on its way from the loop to the store's
 * thread and back. The loop fills it, delta turns it into rows and events, and the loop reads
 * the result. It shares nothing with anybody: all it holds is in its own arena and sets. */
#ifndef PERCHD_ENGINE_CHANGE_H
#define PERCHD_ENGINE_CHANGE_H

#include "engine/emit.h"
#include "engine/row.h"

struct change_set {
    struct perch_arena arena; /* what came in */
    struct perch_arena out;   /* the events of the chunk that ran last */
    struct emission emission;
    int64_t mailbox; /* row id */
    uint32_t
        uidvalidity; /* of all UIDs in here; a mailbox that has another one by now is left alone */
    bool live;       /* pushed, or found in a mailbox that was settled */
    enum config_first_run first_run;

    /* What the server said. */
    struct row *rows;
    size_t nrows, cap;
    size_t nwhole; /* of them, not ROW_FLAGS */
    struct perch_set vanished;
    bool complete; /* `alive` are all UIDs that exist within alive_first..alive_last */
    uint32_t alive_first, alive_last;
    struct perch_set alive;

    /* A first contact, a reset, or the mailbox's end: nothing else is in here then. */
    enum change_begin { CHANGE_ON, CHANGE_BEGIN, CHANGE_RESET, CHANGE_DELETED } begin;
    uint64_t begin_messages;
    const char *mailboxid; /* of OBJECTID, or NULL; part of event ids, so it stays till a reset */

    /* Where the mailbox stands once all of it is done. The mailbox's UIDNEXT never goes back. */
    uint32_t uidnext; /* 0: as it was */
    bool has_modseq;  /* highestmodseq is to be the cursor, 0 for none */
    uint64_t highestmodseq;
    bool has_below; /* INITIAL: UIDs below initial_below are still to come; 1: it is done */
    uint32_t initial_below;

    /* Filled by delta. */
    bool more;                /* submit again: a step does no more than a chunk of work */
    struct perch_set missing; /* UIDs below UIDNEXT that exist and are not stored */
    int64_t messages;         /* rows added less rows taken away */
    struct {
        bool prepared;
        struct perch_set doomed;
        size_t range; /* in doomed */
        uint32_t uid; /* next one of that range, 0: its first */
        size_t row;
        enum { DELTA_FLAGS, DELTA_NEW, DELTA_LATE_FLAGS, DELTA_END } pass;
    } progress;
};

/* NULL when out of memory. */
struct change_set *change_new(void);
void change_free(struct change_set *c);

/* Is there anything in it for the store? */
bool change_empty(const struct change_set *c);

/* Adds a FETCH row. False when out of memory. */
bool change_add_row(struct change_set *c, const struct perch_fetch *f, enum row_kind kind);

/* Adds UIDs that are gone. False when out of memory. Deletions are done first, so UIDs of which
 * the set already has a whole row (it came and went) belong into the next set. */
bool change_add_vanished(struct change_set *c, const struct perch_set *uids);
bool change_has_whole_row_of(const struct change_set *c, const struct perch_set *uids);

#endif
