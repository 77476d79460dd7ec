/* Messages in an order or in threads, as the server sees them: SORT (RFC 5256, 5957, 5267)
 * and THREAD (RFC 5256). As in perch/commands.h: perch_X_start() queues, `done` runs exactly
 * once, arguments are copied, numbers are UIDs unless `seq` says sequence numbers. The
 * blocking twins are in perch/client.h. */
#ifndef PERCH_ORDER_H
#define PERCH_ORDER_H

#include "perch/search.h"
#include "perch/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What to sort by. X(name, text) */
#define PERCH_SORT_KEYS(X)                                                                         \
    X(ARRIVAL, "ARRIVAL")         /* when it came: INTERNALDATE */                                 \
    X(CC, "CC")                   /* the first address's mailbox, as in FROM and TO */             \
    X(DATE, "DATE")               /* when it was sent */                                           \
    X(FROM, "FROM")                                                                                \
    X(SIZE, "SIZE")                                                                                \
    X(SUBJECT, "SUBJECT")         /* without Re:, Fwd: and the like */                             \
    X(TO, "TO")                                                                                    \
    X(DISPLAYFROM, "DISPLAYFROM") /* the name that is shown: SORT=DISPLAY (RFC 5957) */            \
    X(DISPLAYTO, "DISPLAYTO")

enum perch_sort_by {
    PERCH_SORT_NONE = 0,
#define PERCH_SORT_ENUM(name, text) PERCH_SORT_##name,
    PERCH_SORT_KEYS(PERCH_SORT_ENUM)
#undef PERCH_SORT_ENUM
};

/* The layout is fixed: keys stand in an array of the caller. */
struct perch_sort_key {
    enum perch_sort_by by;
    bool reverse;
};

struct perch_sort_args {
    size_t size;                       /* sizeof(struct perch_sort_args) */
    const struct perch_sort_key *keys; /* the first one counts most */
    size_t nkeys;
    const struct perch_search *criteria; /* perch/search.h; NULL: all messages */
    bool seq;
    bool first, last, count, all; /* what is wanted; none of them: all. Without `all` servers
                                     with ESORT (RFC 5267) tell just that */
};

#define PERCH_SORT_ARGS_INIT {.size = sizeof(struct perch_sort_args)}

/* SORT, UID SORT. PERCH_ECAPABILITY without SORT, and for the display keys without
 * SORT=DISPLAY. A BAD answer is PERCH_ECRITERIA. (IMAPClient: sort) */
PERCH_API int perch_sort_start(perch_session *s, const struct perch_sort_args *args,
                               perch_done_fn *done, void *user, perch_op **ret_op);

struct perch_sort_result {
    const uint32_t *order; /* in the server's order; empty if it told only the others */
    size_t norder;
    uint64_t count;
    uint32_t first, last; /* of the order; 0: nothing found, or not told */
    uint64_t modseq;      /* 0: none given */
    bool emulated;        /* first, last and count were taken from the order here */
};

PERCH_API const struct perch_sort_result *perch_op_sort(const perch_op *op);

struct perch_thread_args {
    size_t size;                         /* sizeof(struct perch_thread_args) */
    const char *algorithm;               /* "ORDEREDSUBJECT", "REFS", ...; NULL: REFERENCES */
    const struct perch_search *criteria; /* NULL: all messages */
    bool seq;
};

#define PERCH_THREAD_ARGS_INIT {.size = sizeof(struct perch_thread_args)}

/* THREAD, UID THREAD. PERCH_ECAPABILITY unless the server advertises the algorithm as
 * THREAD=..., PERCH_ECRITERIA as above. (IMAPClient: thread) */
PERCH_API int perch_thread_start(perch_session *s, const struct perch_thread_args *args,
                                 perch_done_fn *done, void *user, perch_op **ret_op);

/* The threads in the server's order, as struct perch_thread_resp explains. */
PERCH_API const struct perch_thread_resp *perch_op_threads(const perch_op *op);

#ifdef __cplusplus
}
#endif

#endif
