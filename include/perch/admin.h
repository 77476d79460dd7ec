/* What administers mailboxes and the server: access rights (ACL, RFC 4314), quotas
 * (RFC 9208), annotations (METADATA, RFC 5464) and the server's language (RFC 5255). As in
 * perch/commands.h: perch_X_start() queues, `done` runs exactly once, arguments are copied,
 * mailbox names are UTF-8 unless `raw_name` says that they are the bytes a server gave;
 * PERCH_ECAPABILITY where the server lacks it. The blocking twins are in perch/client.h.
 *
 * Results live as long as the op; NULL if the server told none. */
#ifndef PERCH_ADMIN_H
#define PERCH_ADMIN_H

#include "perch/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- access rights ---- */

enum perch_acl_mode {
    PERCH_ACL_SET = 0, /* these and no others */
    PERCH_ACL_ADD,
    PERCH_ACL_REMOVE
};

struct perch_acl_args {
    size_t size; /* sizeof(struct perch_acl_args) */
    struct perch_span mailbox;
    bool raw_name;
    struct perch_span identifier; /* whose: "ann", "anyone", "-ann"; not for GETACL, MYRIGHTS */
    struct perch_span rights;     /* SETACL: a letter each, "lrswi"; "" with SET: none */
    enum perch_acl_mode mode;     /* SETACL */
};

#define PERCH_ACL_ARGS_INIT {.size = sizeof(struct perch_acl_args)}

/* GETACL: perch_op_acl(). (IMAPClient: getacl) */
PERCH_API int perch_getacl_start(perch_session *s, const struct perch_acl_args *args,
                                 perch_done_fn *done, void *user, perch_op **ret_op);
PERCH_API const struct perch_acl_resp *perch_op_acl(const perch_op *op);

/* SETACL, DELETEACL. (IMAPClient: setacl) */
PERCH_API int perch_setacl_start(perch_session *s, const struct perch_acl_args *args,
                                 perch_done_fn *done, void *user, perch_op **ret_op);
PERCH_API int perch_deleteacl_start(perch_session *s, const struct perch_acl_args *args,
                                    perch_done_fn *done, void *user, perch_op **ret_op);

/* LISTRIGHTS: which rights may be given to the identifier; MYRIGHTS: which the user has.
 * Both: perch_op_rights(). */
PERCH_API int perch_listrights_start(perch_session *s, const struct perch_acl_args *args,
                                     perch_done_fn *done, void *user, perch_op **ret_op);
PERCH_API int perch_myrights_start(perch_session *s, const struct perch_acl_args *args,
                                   perch_done_fn *done, void *user, perch_op **ret_op);
PERCH_API const struct perch_rights_resp *perch_op_rights(const perch_op *op);

/* ---- quotas ---- */

/* GETQUOTA of a quota root; "" is a root as any other. perch_op_quotas() has one row.
 * (IMAPClient: _get_quota) */
PERCH_API int perch_getquota_start(perch_session *s, struct perch_span root, perch_done_fn *done,
                                   void *user, perch_op **ret_op);

/* GETQUOTAROOT of a mailbox: perch_op_quotaroot(), and the quotas of these roots.
 * (IMAPClient: get_quota_root, get_quota) */
PERCH_API int perch_getquotaroot_start(perch_session *s, struct perch_span mailbox, bool raw_name,
                                       perch_done_fn *done, void *user, perch_op **ret_op);

struct perch_quota_limit {
    const char *name; /* "STORAGE" (in KiB), "MESSAGE", ... */
    uint64_t limit;
};

/* SETQUOTA: these limits and no others; none at all lifts them. Servers that speak of RFC
 * 9208 (QUOTA=RES-...) must offer QUOTASET too. perch_op_quotas() has what the server made
 * of it, if it tells. (IMAPClient: set_quota) */
PERCH_API int perch_setquota_start(perch_session *s, struct perch_span root,
                                   const struct perch_quota_limit *limits, size_t n,
                                   perch_done_fn *done, void *user, perch_op **ret_op);

/* The QUOTA responses in the order they came. */
PERCH_API size_t perch_op_quotas(const perch_op *op,
                                 const struct perch_quota_resp *const **ret_rows);
PERCH_API const struct perch_quotaroot_resp *perch_op_quotaroot(const perch_op *op);

/* ---- annotations ---- */

enum perch_metadata_depth {
    PERCH_METADATA_DEPTH_0 = 0, /* the entries themselves */
    PERCH_METADATA_DEPTH_1,     /* and those right below them */
    PERCH_METADATA_DEPTH_INFINITY
};

struct perch_getmetadata_args {
    size_t size;               /* sizeof(struct perch_getmetadata_args) */
    struct perch_span mailbox; /* "": the server */
    bool raw_name;
    const char *const *entries; /* "/private/comment", "/shared/vendor/..." */
    size_t nentries;
    uint64_t maxsize; /* longer values are left out, and [METADATA LONGENTRIES n] in
                         perch_op_status() has the longest; 0: none is too long */
    enum perch_metadata_depth depth;
};

#define PERCH_GETMETADATA_ARGS_INIT {.size = sizeof(struct perch_getmetadata_args)}

/* GETMETADATA: perch_op_metadata(). METADATA-SERVER suffices for the server itself. */
PERCH_API int perch_getmetadata_start(perch_session *s, const struct perch_getmetadata_args *args,
                                      perch_done_fn *done, void *user, perch_op **ret_op);

/* The METADATA responses in the order they came; one may have many entries. */
PERCH_API size_t perch_op_metadata(const perch_op *op,
                                   const struct perch_metadata_resp *const **ret_rows);

struct perch_metadata_value {
    const char *entry;
    struct perch_span value; /* any bytes; NIL (p == NULL) removes the entry */
};

struct perch_setmetadata_args {
    size_t size;               /* sizeof(struct perch_setmetadata_args) */
    struct perch_span mailbox; /* "": the server */
    bool raw_name;
    const struct perch_metadata_value *values;
    size_t nvalues;
};

#define PERCH_SETMETADATA_ARGS_INIT {.size = sizeof(struct perch_setmetadata_args)}

/* SETMETADATA: all of the values or none. */
PERCH_API int perch_setmetadata_start(perch_session *s, const struct perch_setmetadata_args *args,
                                      perch_done_fn *done, void *user, perch_op **ret_op);

/* ---- language ---- */

/* LANGUAGE, after the login: the texts of the server in the first of these (RFC 4647 ranges
 * such as "de", "default", best first) that it has; without any, which it has.
 * perch_op_languages() is the one chosen, or all. */
PERCH_API int perch_language_start(perch_session *s, const char *const *languages, size_t n,
                                   perch_done_fn *done, void *user, perch_op **ret_op);
PERCH_API const struct perch_names *perch_op_languages(const perch_op *op);

#ifdef __cplusplus
}
#endif

#endif
