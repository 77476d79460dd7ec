/* Commands that change messages, and what a mailbox holds: STORE, APPEND, COPY, MOVE,
 * EXPUNGE, CLOSE, REPLACE. As in perch/commands.h: perch_X_start() queues, `done` runs
 * exactly once, arguments are copied unless a line says otherwise, numbers are UIDs unless
 * `seq` says sequence numbers. The blocking twins are in perch/client.h.
 *
 * What a server lacks is made up for by other commands, and the result says `emulated`.
 * No emulation ever removes a message that it was not asked to remove and that it did not
 * mark itself; what it could not remove is left, marked \Deleted, and the result says
 * `left`. What would have to be removed from a read-only mailbox is PERCH_EREADONLY, and
 * nothing is copied before. */
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

/* ---- adding messages ---- */

/* The bytes of a message, or of a part of one: exactly `size` of them, in memory or given
 * by a function. They are not copied: no more than 64 KiB is taken before the network takes it
 * in turn, and never more than is sent. */
struct perch_source {
    uint64_t size;
    const void *data; /* must stay until `done` has run; NULL: */
    /* Writes 1 to `max` bytes to `to` and returns how many. Anything else says that it has
     * failed: the op fails with PERCH_ECANCELLED, reason "source", and the connection is
     * closed, because the server counts on the rest. Runs inside perch_session_output. */
    ssize_t (*read)(void *user, uint8_t *to, size_t max);
    void *user;
};

/* A part of a message that the server puts together (CATENATE, RFC 4469). */
struct perch_append_part {
    struct perch_span url; /* of a message or a part on the server; NIL: `text` */
    struct perch_source text;
};

struct perch_append_message {
    uint32_t flags;                 /* enum perch_flag */
    const struct perch_span *names; /* more flags and keywords */
    size_t nnames;
    struct perch_time date; /* INTERNALDATE; not `valid`: now */
    bool binary;            /* may hold NULs: literal8 (BINARY, RFC 3516) */
    struct perch_source source;
    const struct perch_append_part *parts; /* CATENATE, instead of `source` */
    size_t nparts;
};

struct perch_append_args {
    size_t size; /* sizeof(struct perch_append_args) */
    struct perch_span mailbox;
    bool raw_name;
    const struct perch_append_message *messages;
    size_t nmessages; /* 0: completes at once */
    /* Bytes of the sources that went out so far, of all. */
    void (*on_progress)(perch_op *op, uint64_t sent, uint64_t total, void *user);
};

#define PERCH_APPEND_ARGS_INIT {.size = sizeof(struct perch_append_args)}

/* APPEND (RFC 9051 6.3.12); of several messages all or none (MULTIAPPEND, RFC 3502), or,
 * where the server lacks that, one after the other up to the first that fails. Once
 * UTF8=ACCEPT is enabled they are sent in its form (RFC 6855 4). A message above the
 * server's APPENDLIMIT is PERCH_ELIMIT, and nothing is sent. The op's timeout starts again
 * as the network takes bytes. Cancelled while a message is being sent, the connection is
 * closed. (IMAPClient: append, multiappend) */
PERCH_API int perch_append_start(perch_session *s, const struct perch_append_args *args,
                                 perch_done_fn *done, void *user, perch_op **ret_op);

struct perch_replace_args {
    size_t size;     /* sizeof(struct perch_replace_args) */
    uint32_t number; /* the message that goes */
    bool seq;
    struct perch_span mailbox; /* where the new one comes */
    bool raw_name;
    const struct perch_append_message *message;
    void (*on_progress)(perch_op *op, uint64_t sent, uint64_t total, void *user);
};

#define PERCH_REPLACE_ARGS_INIT {.size = sizeof(struct perch_replace_args)}

/* REPLACE, UID REPLACE (RFC 8508). Where the server lacks it: the old message is looked
 * for (PERCH_ENO if it is not there), the new one appended, and only then the old one marked
 * \Deleted and expunged as perch_expunge_start() does. */
PERCH_API int perch_replace_start(perch_session *s, const struct perch_replace_args *args,
                                  perch_done_fn *done, void *user, perch_op **ret_op);

struct perch_append_result {
    size_t appended;       /* messages that are there now */
    uint32_t uidvalidity;  /* of their mailbox; 0: the server did not tell (UIDPLUS) */
    struct perch_set uids; /* ascending, as the messages were given */
    bool emulated;         /* MULTIAPPEND, REPLACE */
    bool left;             /* emulated REPLACE: the old message is still there, marked \Deleted;
                              or, after a failure, nobody knows */
};

/* Of APPEND and REPLACE; what was appended before a failure is in it. */
PERCH_API const struct perch_append_result *perch_op_appended(const perch_op *op);

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
