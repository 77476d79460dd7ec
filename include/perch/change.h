/* Commands that change messages, and what a mailbox holds: STORE, APPEND, COPY, MOVE,
 * EXPUNGE, CLOSE, REPLACE. As in perch/commands.h: perch_X_start() queues, `done` runs
 * exactly once, arguments are copied unless a line says otherwise, numbers are UIDs unless
 * `seq` says sequence numbers. The blocking twins are in perch/client.h.
 *
 * What a server lacks is made up for by other commands, and the result says `emulated`.
 * No emulation ever removes a message that it was not asked to remove and that it did not
 * mark itself; what it could not remove is left, marked \Deleted, and the result says
 * `left`. */
#ifndef PERCH_CHANGE_H
#define PERCH_CHANGE_H

#include "perch/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- flags ---- */

enum perch_store_mode {
    PERCH_STORE_ADD = 1,
    PERCH_STORE_REMOVE,
    PERCH_STORE_SET /* these and no others */
};

struct perch_store_args {
    size_t size;                 /* sizeof(struct perch_store_args) */
    const struct perch_set *set; /* empty: completes at once, nothing is sent */
    bool seq;                    /* numbers are sequence numbers */
    enum perch_store_mode mode;
    bool silent;                    /* the server need not tell what the flags are now */
    uint32_t flags;                 /* enum perch_flag, but \Recent, which only servers set */
    const struct perch_span *names; /* more flags and keywords: "$Todo" */
    size_t nnames;
    bool labels;      /* `names` are Gmail labels in UTF-8, and `flags` is 0 (X-GM-EXT-1) */
    bool conditional; /* CONDSTORE: only messages unchanged since `unchangedsince` */
    uint64_t unchangedsince;
    void (*on_fetch)(perch_op *op, const struct perch_fetch *row, void *user);
};

#define PERCH_STORE_ARGS_INIT {.size = sizeof(struct perch_store_args)}

/* STORE, UID STORE (RFC 9051 6.4.6, RFC 7162 3.1.3). Large sets are split. Rows of these
 * messages are given to on_fetch or collected; silent, there are only those that tell a
 * MODSEQ.
 * (IMAPClient: set_flags, add_flags, remove_flags; set_, add_, remove_gmail_labels;
 * delete_messages adds PERCH_FLAG_DELETED; get_flags and get_gmail_labels are FETCH) */
PERCH_API int perch_store_start(perch_session *s, const struct perch_store_args *args,
                                perch_done_fn *done, void *user, perch_op **ret_op);

struct perch_store_result {
    const struct perch_fetch *const *rows; /* in the order they came */
    size_t nrows;
    struct perch_set modified; /* conditional: left as they were, because somebody had
                                  changed them; by UID or number as the command was */
};

PERCH_API const struct perch_store_result *perch_op_store(const perch_op *op);

/* ---- copying and moving ---- */

struct perch_copy_args {
    size_t size;                 /* sizeof(struct perch_copy_args) */
    const struct perch_set *set; /* empty: completes at once, nothing is sent */
    bool seq;
    struct perch_span mailbox; /* where to */
    bool raw_name;
};

#define PERCH_COPY_ARGS_INIT {.size = sizeof(struct perch_copy_args)}

/* COPY, UID COPY. Large sets are split, unless they are of sequence numbers, which move
 * between commands. (IMAPClient: copy) */
PERCH_API int perch_copy_start(perch_session *s, const struct perch_copy_args *args,
                               perch_done_fn *done, void *user, perch_op **ret_op);

/* MOVE, UID MOVE (RFC 6851). Where the server lacks it: which messages there are is asked,
 * they are copied, and when all of that succeeded, marked \Deleted and expunged as
 * perch_expunge_start() does. (IMAPClient: move) */
PERCH_API int perch_move_start(perch_session *s, const struct perch_copy_args *args,
                               perch_done_fn *done, void *user, perch_op **ret_op);

struct perch_copy_result {
    uint32_t uidvalidity;          /* of the other mailbox; 0: the server did not tell */
    struct perch_set source, dest; /* UIDs, UIDPLUS */
    bool paired;                   /* the n-th of source became the n-th of dest */
    bool emulated;                 /* MOVE */
    bool left;                     /* emulated: copied, and still here, marked \Deleted; or,
                                      after a failure, nobody knows */
};

/* Of COPY and MOVE; what was copied before a failure is in it. */
PERCH_API const struct perch_copy_result *perch_op_copied(const perch_op *op);

/* ---- removing ---- */

/* EXPUNGE: all messages marked \Deleted go (`uids` NULL), or of those only the given ones
 * (UID EXPUNGE, RFC 4315; the empty set completes at once). Which went comes as events.
 *
 * Where the server lacks UID EXPUNGE it is asked which messages are marked, and only if
 * all of them are among `uids`, EXPUNGE is sent: it would take others along. A message that
 * somebody else marks in the moment between the two goes too.
 * (IMAPClient: expunge, uid_expunge) */
PERCH_API int perch_expunge_start(perch_session *s, const struct perch_set *uids,
                                  perch_done_fn *done, void *user, perch_op **ret_op);

struct perch_expunge_result {
    uint64_t count; /* messages that the server said went while the command ran */
    bool emulated;
    bool left; /* emulated: nothing was removed, because others are marked too */
};

PERCH_API const struct perch_expunge_result *perch_op_expunged(const perch_op *op);

/* CLOSE: what is marked \Deleted goes without a word unless the mailbox is read-only, and
 * no mailbox is selected any more. (IMAPClient: close_folder) */
PERCH_API int perch_close_start(perch_session *s, perch_done_fn *done, void *user,
                                perch_op **ret_op);

#ifdef __cplusplus
}
#endif

#endif
