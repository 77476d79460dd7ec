/* The mirror: the selected mailbox as the server last described it. It copies what it
 * keeps, and each list it keeps replaces the one before. */
#ifndef PERCH_SESSION_MIRROR_H
#define PERCH_SESSION_MIRROR_H

#include "perch/session.h"

#include "base/arena.h"

struct perch_mirror {
    struct perch_mailbox mailbox;
    bool open;        /* a mailbox is selected or being selected */
    bool examined;    /* by EXAMINE: read-only whatever the server says */
    bool exists_told; /* before that an EXPUNGE cannot be about this mailbox */
    bool leaving; /* until [CLOSED], data is about the mailbox selected before (RFC 7162 3.2.11) */
    bool unsure;  /* RESYNC was reported; once is enough */
    struct perch_arena name, flags, permanent, id;
};

enum perch_mirror_news {
    PERCH_MIRROR_OK = 0,
    PERCH_MIRROR_IGNORED, /* not about this mailbox */
    PERCH_MIRROR_ODD      /* it cannot be true of what is known: the mirror is no longer sure */
};

void perch_mirror_init(struct perch_mirror *m);
void perch_mirror_done(struct perch_mirror *m);

/* A mailbox begins to be selected: nothing is known but its name. */
int perch_mirror_open(struct perch_mirror *m, struct perch_name name, bool readonly);
void perch_mirror_close(struct perch_mirror *m);

/* [CLOSED]: all that was told so far was about the mailbox before. */
void perch_mirror_begin(struct perch_mirror *m);

/* The SELECT was answered OK. */
void perch_mirror_opened(struct perch_mirror *m);

enum perch_mirror_news perch_mirror_exists(struct perch_mirror *m, uint64_t n);
enum perch_mirror_news perch_mirror_expunge(struct perch_mirror *m, uint64_t seq);
enum perch_mirror_news perch_mirror_vanished(struct perch_mirror *m,
                                             const struct perch_vanished_resp *v);
void perch_mirror_recent(struct perch_mirror *m, uint64_t n);

/* Negative: PERCH_ENOMEM. */
int perch_mirror_flags(struct perch_mirror *m, const struct perch_names *flags);
int perch_mirror_code(struct perch_mirror *m, const struct perch_status_resp *status,
                      enum perch_mirror_news *ret_news);

#endif
