/* Commands about mailboxes as such: making, naming, finding them. As in perch/commands.h:
 * perch_X_start() queues, `done` runs exactly once, arguments are copied, mailbox names are
 * UTF-8 unless `raw_name` says that they are the bytes a server gave. The blocking twins are
 * in perch/client.h. */
#ifndef PERCH_MAILBOX_H
#define PERCH_MAILBOX_H

#include "perch/session.h"

#ifdef __cplusplus
extern "C" {
#endif

struct perch_create_args {
    size_t size; /* sizeof(struct perch_create_args) */
    struct perch_span mailbox;
    bool raw_name;
    uint32_t special_use; /* enum perch_attr, its special uses: CREATE-SPECIAL-USE (RFC 6154) */
};

#define PERCH_CREATE_ARGS_INIT                                                                     \
    {                                                                                              \
        .size = sizeof(struct perch_create_args)                                                   \
    }

/* CREATE. Servers with OBJECTID tell the new mailbox's id with perch_op_status().
 * (IMAPClient: create_folder) */
PERCH_API int perch_create_start(perch_session *s, const struct perch_create_args *args,
                                 perch_done_fn *done, void *user, perch_op **ret_op);

/* DELETE. (IMAPClient: delete_folder) */
PERCH_API int perch_delete_start(perch_session *s, struct perch_span mailbox, bool raw_name,
                                 perch_done_fn *done, void *user, perch_op **ret_op);

struct perch_rename_args {
    size_t size; /* sizeof(struct perch_rename_args) */
    struct perch_span from, to;
    bool raw_from, raw_to;
};

#define PERCH_RENAME_ARGS_INIT                                                                     \
    {                                                                                              \
        .size = sizeof(struct perch_rename_args)                                                   \
    }

/* RENAME. INBOX renamed gives its messages away and stays, empty (RFC 9051 6.3.6).
 * (IMAPClient: rename_folder) */
PERCH_API int perch_rename_start(perch_session *s, const struct perch_rename_args *args,
                                 perch_done_fn *done, void *user, perch_op **ret_op);

/* SUBSCRIBE, UNSUBSCRIBE. (IMAPClient: subscribe_folder, unsubscribe_folder) */
PERCH_API int perch_subscribe_start(perch_session *s, struct perch_span mailbox, bool raw_name,
                                    perch_done_fn *done, void *user, perch_op **ret_op);
PERCH_API int perch_unsubscribe_start(perch_session *s, struct perch_span mailbox, bool raw_name,
                                      perch_done_fn *done, void *user, perch_op **ret_op);

/* NAMESPACE (RFC 2342). The answer is perch_op_namespaces(), NULL if none came.
 * (IMAPClient: namespace) */
PERCH_API int perch_namespace_start(perch_session *s, perch_done_fn *done, void *user,
                                    perch_op **ret_op);
PERCH_API const struct perch_namespace_resp *perch_op_namespaces(const perch_op *op);

/* Is there a mailbox of this name? A name that LIST gives only because mailboxes lie below
 * it (\NonExistent) is none; one that cannot be selected (\Noselect) is one.
 * (IMAPClient: folder_exists) */
PERCH_API int perch_exists_start(perch_session *s, struct perch_span mailbox, bool raw_name,
                                 perch_done_fn *done, void *user, perch_op **ret_op);
PERCH_API bool perch_op_exists(const perch_op *op);

/* Finds the mailbox for a special use: PERCH_ATTR_SENT and the like, one bit. What the
 * server marks counts; only where it marks none, mailboxes with well-known names right
 * under a personal namespace do, in the order of the namespaces and then of these names,
 * in any case of letters:
 *     \Sent     Sent, Sent Items, Sent Messages
 *     \Drafts   Drafts
 *     \Archive  Archive
 *     \Trash    Trash, Deleted Items, Deleted Messages, Deleted
 *     \Junk     Junk, Spam
 * A server without NAMESPACE is taken to have two: "" and below INBOX. It is asked at most
 * twice, however many names there are. (IMAPClient: find_special_folder) */
PERCH_API int perch_special_start(perch_session *s, enum perch_attr use, perch_done_fn *done,
                                  void *user, perch_op **ret_op);

struct perch_special_result {
    struct perch_name mailbox;
    char delimiter; /* 0 for NIL */
    bool emulated;  /* found by its name */
};

/* NULL: there is no such mailbox. */
PERCH_API const struct perch_special_result *perch_op_special(const perch_op *op);

#ifdef __cplusplus
}
#endif

#endif
