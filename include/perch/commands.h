/* Commands. perch_X_start() queues one and returns 0; its `done` then runs exactly
 * once. A negative return means that no op was made and `done` never runs:
 * PERCH_EINVAL (arguments), PERCH_ESTATE, PERCH_ECAPABILITY (nothing is sent),
 * PERCH_ENOMEM; perch_session_error() has the words. *ret_op may be NULL, and is
 * valid until `done` has returned.
 *
 * Arguments are copied. Mailbox names are UTF-8 unless `raw_name` says that they are
 * the bytes a server gave. Numbers are UIDs unless `seq` says sequence numbers.
 * The blocking twins are in perch/client.h. */
#ifndef PERCH_COMMANDS_H
#define PERCH_COMMANDS_H

#include "perch/session.h"

#ifdef __cplusplus
extern "C" {
#endif

struct perch_search; /* perch/search.h */

/* ---- any state ---- */

/* CAPABILITY (RFC 9051 6.1.1): afterwards perch_session_can() is fresh. */
PERCH_API int perch_capability_start(perch_session *s, perch_done_fn *done, void *user,
                                     perch_op **ret_op);

/* NOOP. (IMAPClient: noop) */
PERCH_API int perch_noop_start(perch_session *s, perch_done_fn *done, void *user,
                               perch_op **ret_op);

/* LOGOUT; a BYE and end of file behind it are success. (IMAPClient: logout) */
PERCH_API int perch_logout_start(perch_session *s, perch_done_fn *done, void *user,
                                 perch_op **ret_op);

/* ID (RFC 2971). No parameters send NIL. The answer is perch_op_id(). (IMAPClient: id_) */
PERCH_API int perch_id_start(perch_session *s, const struct perch_param *params, size_t nparams,
                             perch_done_fn *done, void *user, perch_op **ret_op);
PERCH_API const struct perch_id_resp *perch_op_id(const perch_op *op);

/* ---- getting in ---- */

/* STARTTLS: completes once perch_session_tls_ready was called and capabilities have been
 * forgotten. Bytes of the server behind its OK end the connection with reason
 * "starttls-injection". Sent whether or not it is advertised. (IMAPClient: starttls) */
PERCH_API int perch_starttls_start(perch_session *s, perch_done_fn *done, void *user,
                                   perch_op **ret_op);

struct perch_auth_args {
    size_t size; /* sizeof(struct perch_auth_args) */
    /* Names of mechanisms, best first: "PLAIN", ..., and "LOGIN-COMMAND" for LOGIN. NULL:
     * all that perch has, strongest first. Never anything outside this list. */
    const char *const *mechanisms;
    size_t nmechanisms;
    struct perch_span user, password, authzid; /* UTF-8; authzid p == NULL: none */
};

#define PERCH_AUTH_ARGS_INIT {.size = sizeof(struct perch_auth_args)}

/* Authenticates by the first of `mechanisms` that the server offers, asking for its
 * capabilities if they are unknown, and asks for them again afterwards unless the
 * server told. PERCH_EAUTH: refused (reason "auth-failed"), or nothing fits (reason
 * "no-mech"). Never over a wire that is neither secure nor allowed.
 * (IMAPClient: login, plain_login) */
PERCH_API int perch_authenticate_start(perch_session *s, const struct perch_auth_args *args,
                                       perch_done_fn *done, void *user, perch_op **ret_op);

/* ENABLE (RFC 5161). perch_session_enabled() tells afterwards. (IMAPClient: enable) */
PERCH_API int perch_enable_start(perch_session *s, const char *const *capabilities, size_t n,
                                 perch_done_fn *done, void *user, perch_op **ret_op);

/* ---- mailboxes ---- */

enum perch_list_return { /* RFC 5258, 5819, 6154: dropped where the server lacks them */
    PERCH_LIST_RETURN_CHILDREN = 1 << 0,
    PERCH_LIST_RETURN_SUBSCRIBED = 1 << 1,
    PERCH_LIST_RETURN_SPECIAL_USE = 1 << 2
};

struct perch_list_args {
    size_t size; /* sizeof(struct perch_list_args) */
    struct perch_span reference; /* "" by default */
    struct perch_span pattern;   /* "*" by default */
    bool lsub;
    bool only_subscribed, only_special_use, recursive_match; /* LIST-EXTENDED selection */
    uint32_t returns;       /* enum perch_list_return */
    uint32_t status_items;  /* enum perch_status_item: LIST-STATUS; perch asks with STATUS for each
                               mailbox where the server lacks it */
    /* Called for each row instead of collecting it. `status` rows come as they arrive,
     * before or after their mailbox. Either may be NULL. */
    void (*on_list)(perch_op *op, const struct perch_list_resp *row, void *user);
    void (*on_status)(perch_op *op, const struct perch_mailbox_status *row, void *user);
    bool xlist; /* XLIST: Gmail's LIST with special uses of before RFC 6154 */
};

#define PERCH_LIST_ARGS_INIT {.size = sizeof(struct perch_list_args)}

/* LIST, LSUB, XLIST. Collected rows: perch_op_lists(), perch_op_statuses().
 * (IMAPClient: list_folders, list_sub_folders, xlist_folders) */
PERCH_API int perch_list_start(perch_session *s, const struct perch_list_args *args,
                               perch_done_fn *done, void *user, perch_op **ret_op);
PERCH_API size_t perch_op_lists(const perch_op *op, const struct perch_list_resp *const **ret_rows);
PERCH_API size_t perch_op_statuses(const perch_op *op,
                                   const struct perch_mailbox_status *const **ret_rows);

/* STATUS; collected as one row of perch_op_statuses(). (IMAPClient: folder_status) */
PERCH_API int perch_status_start(perch_session *s, struct perch_span mailbox, bool raw_name,
                                 uint32_t items, perch_done_fn *done, void *user,
                                 perch_op **ret_op);

struct perch_select_args {
    size_t size; /* sizeof(struct perch_select_args) */
    struct perch_span mailbox;
    bool raw_name;
    bool examine;   /* read-only */
    bool condstore; /* dropped where the server lacks it */
    /* QRESYNC (RFC 7162 3.2.5), when uidvalidity is not 0; needs ENABLE QRESYNC before. */
    uint32_t uidvalidity;
    uint64_t modseq;
    const struct perch_set *known_uids; /* NULL: all */
    const struct perch_set *match_seqs, *match_uids; /* a sample of what is known; NULL: none */
    /* Rows that come with it: FETCH with new flags, VANISHED (EARLIER). */
    void (*on_fetch)(perch_op *op, const struct perch_fetch *row, void *user);
    void (*on_vanished)(perch_op *op, const struct perch_vanished_resp *row, void *user);
};

#define PERCH_SELECT_ARGS_INIT {.size = sizeof(struct perch_select_args)}

/* SELECT, EXAMINE; the result is perch_session_mailbox(). Answered NO, no mailbox is
 * selected any more. Asked for read-write and given read-only: the mailbox is selected and
 * `readonly` says so. (IMAPClient: select_folder) */
PERCH_API int perch_select_start(perch_session *s, const struct perch_select_args *args,
                                 perch_done_fn *done, void *user, perch_op **ret_op);

/* UNSELECT (RFC 3691); where the server lacks it CLOSE after an EXAMINE.
 * (IMAPClient: unselect_folder) */
PERCH_API int perch_unselect_start(perch_session *s, perch_done_fn *done, void *user,
                                   perch_op **ret_op);

/* ---- messages ---- */

/* A body that is about to come in pieces. Valid until the hook returns. */
struct perch_body_head {
    uint32_t seq, uid; /* 0: not told so far; some servers put the UID behind the body */
    const struct perch_section *section; /* its item, origin and size; without data */
};

#define PERCH_PAUSE 1

struct perch_fetch_args {
    size_t size; /* sizeof(struct perch_fetch_args) */
    const struct perch_set *set; /* empty: completes at the next output, nothing is sent */
    bool seq;                    /* numbers are sequence numbers */
    uint32_t items;              /* enum perch_fetch_item, except the section ones */
    const char *const *sections; /* "BODY.PEEK[HEADER.FIELDS (References)]", ... as the RFC writes */
    size_t nsections;
    uint64_t changedsince;       /* CONDSTORE; 0: none */
    bool vanished;               /* with changedsince, QRESYNC enabled and UIDs */
    void (*on_fetch)(perch_op *op, const struct perch_fetch *row, void *user);
    void (*on_vanished)(perch_op *op, const struct perch_vanished_resp *row, void *user);
    /* The sink: bodies above limits.inline_literal, in the order they come. Any of the three
     * may be NULL; with all of them NULL there is none. on_body_data returns 0, or PERCH_PAUSE:
     * then nothing more is read until perch_op_resume(). */
    void (*on_body_begin)(perch_op *op, const struct perch_body_head *head, void *user);
    int (*on_body_data)(perch_op *op, const uint8_t *p, size_t n, void *user);
    void (*on_body_end)(perch_op *op, void *user);
};

#define PERCH_FETCH_ARGS_INIT {.size = sizeof(struct perch_fetch_args)}

/* FETCH, UID FETCH. Large sets are split into several commands; `done` comes after the
 * last. Rows that are not of these messages go to on_event only. Without on_fetch rows
 * are collected: perch_op_fetches(), in the order they came. (IMAPClient: fetch)
 *
 * Without a sink every body comes inside its row, held to limits.body. With one, a body above
 * limits.inline_literal goes to it as it is read and never stands in memory: begin, data,
 * end, and then on_fetch, where `streamed` and the size take its place. Only on_fetch says that
 * the message is whole and the one asked for: a connection lost in the middle, a cancel, a
 * timeout and a response that makes no sense leave without it, the first three without
 * on_body_end too. A body stays inside its row where it cannot be told yet whose it is: its
 * UID has not come and several FETCH are in flight. What nobody asked for is passed over. */
PERCH_API int perch_fetch_start(perch_session *s, const struct perch_fetch_args *args,
                                perch_done_fn *done, void *user, perch_op **ret_op);
PERCH_API size_t perch_op_fetches(const perch_op *op, const struct perch_fetch *const **ret_rows);

struct perch_search_args {
    size_t size; /* sizeof(struct perch_search_args) */
    const struct perch_search *criteria; /* perch/search.h */
    bool seq;
    bool min, max, count, all; /* ESEARCH (RFC 4731); computed here where the server lacks it;
                                  none of them: all */
};

#define PERCH_SEARCH_ARGS_INIT {.size = sizeof(struct perch_search_args)}

/* SEARCH, UID SEARCH: the answer is perch_op_search(), its set kept as ranges. A BAD
 * answer is PERCH_ECRITERIA. (IMAPClient: search) */
PERCH_API int perch_search_start(perch_session *s, const struct perch_search_args *args,
                                 perch_done_fn *done, void *user, perch_op **ret_op);

struct perch_search_result {
    struct perch_set all;
    uint64_t count;
    uint32_t min, max; /* 0: nothing found */
    uint64_t modseq;   /* 0: none given */
    bool emulated;     /* the server has no ESEARCH: computed from its SEARCH */
};

PERCH_API const struct perch_search_result *perch_op_search(const perch_op *op);

/* ---- watching ---- */

/* IDLE (RFC 2177) as a mode: it lasts until perch_idle_stop() and completes then. While
 * other commands are queued it is left and entered again behind them, in one write
 * where the server can take it. It is renewed every `renew` ms (0: 28 min). The connection
 * ends if the server does not agree within 30 s, or does not answer DONE within a minute
 * (or the command timeout, if that is shorter). A server that ends IDLE by itself is asked
 * again a second later. What it says meanwhile comes to on_event.
 * (IMAPClient: idle, idle_check, idle_done) */
PERCH_API int perch_idle_start(perch_session *s, perch_ms renew, perch_done_fn *done, void *user,
                               perch_op **ret_op);
PERCH_API void perch_idle_stop(perch_op *op);

#ifdef __cplusplus
}
#endif

#endif
