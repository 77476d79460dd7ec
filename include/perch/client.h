/* A client: one session over one connection, on a libevent loop.
 *
 * Blocking: perch_X_sync() starts the command and runs the loop until it is done.
 *
 *     struct perch_client_options options = PERCH_CLIENT_OPTIONS_INIT;
 *     struct perch_auth_args who = PERCH_AUTH_ARGS_INIT;
 *     perch_client *c;
 *
 *     options.host = "mail.example.org";
 *     c = perch_client_new(NULL, &options, NULL, NULL, &error);
 *     if (!c)
 *         ...error.text...
 *     if (perch_client_connect_sync(c) < 0)
 *         ...perch_client_error(c)->text...
 *     who.user = perch_span_of("alice");
 *     who.password = perch_span_of(password);
 *     if (perch_authenticate_sync(c, &who, &op) < 0)
 *         ...op ? perch_op_error(op)->text : perch_session_error(perch_client_session(c))->text...
 *     perch_op_unref(op);
 *     ...
 *     perch_logout_sync(c, NULL);
 *     perch_client_free(c);
 *
 * Asynchronous: give it your event_base and hooks, start commands (perch/commands.h) on
 * perch_client_session() and let the loop run.
 *
 *     static void connected(perch_client *c, const struct perch_error *why, void *user)
 *     {
 *         if (!why)
 *             perch_authenticate_start(perch_client_session(c), &who, logged_in, c, NULL);
 *     }
 *
 *     struct perch_client_hooks hooks = PERCH_CLIENT_HOOKS_INIT;
 *
 *     hooks.on_event = ...;
 *     c = perch_client_new(base, &options, &hooks, NULL, &error);
 *     perch_client_connect_start(c, connected, NULL);
 *     event_base_dispatch(base);
 *
 * Any call but the blocking ones is legal inside any callback, perch_client_free included:
 * the client is then closed at once and gone when the callback has returned, and its other
 * ops complete no later than the call that the callback stands in. Blocking calls are refused
 * there with PERCH_EREENTRANT, and while another runs the same loop.
 *
 * A client belongs to the thread that runs its loop. */
#ifndef PERCH_CLIENT_H
#define PERCH_CLIENT_H

#include "perch/admin.h"
#include "perch/change.h"
#include "perch/commands.h"
#include "perch/mailbox.h"
#include "perch/order.h"
#include "perch/raw.h"
#include "perch/trust.h"

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;

typedef struct perch_client perch_client;

enum perch_tls_mode {
    PERCH_TLS_IMPLICIT = 0, /* TLS from the first byte, port 993 */
    PERCH_TLS_STARTTLS,     /* port 143; never goes on in clear */
    PERCH_TLS_NONE          /* credentials need allow_cleartext or a loopback address */
};

struct perch_client_options {
    size_t size;      /* sizeof(struct perch_client_options) */
    const char *host; /* a name (IDN as xn--...) or an address; IPv6 without brackets */
    uint16_t port;    /* 0: 993, or 143 without implicit TLS */
    enum perch_tls_mode tls;
    perch_trust *trust;     /* NULL: the system's store, loaded for this client alone */
    const char *tls_name;   /* name the certificate must have; NULL: host */
    bool tls_unverified;    /* any certificate will do: for tests */
    bool allow_cleartext;
    bool allow_preauth;
    int fd;                 /* a connected stream socket to use instead of dialling; -1: none.
                               It belongs to the client once there is one. */
    perch_ms resolve_timeout, connect_timeout, tls_timeout; /* 0: 30 s each */
    perch_ms greeting_timeout; /* 0: 30 s */
    perch_ms command_timeout;  /* 0: 5 min */
    struct perch_limits limits;
    uint32_t strict;
    uint32_t window;
};

#define PERCH_CLIENT_OPTIONS_INIT                                                                  \
    {.size = sizeof(struct perch_client_options), .fd = -1, .limits = PERCH_LIMITS_INIT}

struct perch_client_hooks {
    size_t size; /* sizeof(struct perch_client_hooks) */
    void (*on_event)(perch_client *c, const struct perch_event *event, void *user);
    /* The connection is gone; once, after all ops have completed. Not after
     * perch_client_close or _free, nor for one that never came to be (connect's `done`
     * tells that). */
    void (*on_closed)(perch_client *c, const struct perch_error *why, void *user);
    void (*on_trace)(perch_client *c, bool outgoing, struct perch_span text, void *user);
};

#define PERCH_CLIENT_HOOKS_INIT {.size = sizeof(struct perch_client_hooks)}

/* `base` NULL: the client runs a loop of its own, for blocking use; one that is given must
 * outlive the client. `hooks` may be NULL.
 * NULL with *ret_error filled (may be NULL) for bad options and when out of memory.
 * (IMAPClient: the constructor) */
PERCH_API perch_client *perch_client_new(struct event_base *base,
                                         const struct perch_client_options *options,
                                         const struct perch_client_hooks *hooks, void *user,
                                         struct perch_error *ret_error);

/* Closes and frees; ops complete with PERCH_ECANCELLED, before it returns unless it was
 * called inside a callback. NULL is fine. */
PERCH_API void perch_client_free(perch_client *c);

/* Closes the connection without LOGOUT. (IMAPClient: shutdown) */
PERCH_API void perch_client_close(perch_client *c);

/* Resolves, connects, sets up TLS (or STARTTLS), reads the greeting. `why` is NULL on
 * success, and valid until the callback returns. It runs exactly once, never before this
 * returned, with PERCH_ECANCELLED if the client is closed or freed meanwhile. A client
 * connects once. */
typedef void perch_connected_fn(perch_client *c, const struct perch_error *why, void *user);
PERCH_API int perch_client_connect_start(perch_client *c, perch_connected_fn *done, void *user);
PERCH_API int perch_client_connect_sync(perch_client *c);

/* The session: NULL until TCP and implicit TLS are up; there from connect's `done` on and
 * until the client is freed, also after the connection was lost. It is the client's: commands
 * are started on it and questions asked, but it is neither fed nor freed. */
PERCH_API perch_session *perch_client_session(perch_client *c);

/* Why connecting failed or the connection ended; its code is 0 before. Never NULL. */
PERCH_API const struct perch_error *perch_client_error(const perch_client *c);
PERCH_API void *perch_client_user(const perch_client *c);

/* What the connection is, for people: "TLS1.3 AES-256-GCM 127.0.0.1:993", "no TLS [::1]:143";
 * "" before. */
PERCH_API const char *perch_client_describe(const perch_client *c);

/* When the last byte came (0: none did), and counts of bytes on the wire. */
PERCH_API perch_ms perch_client_last_heard(const perch_client *c);
PERCH_API uint64_t perch_client_bytes_in(const perch_client *c);
PERCH_API uint64_t perch_client_bytes_out(const perch_client *c);

/* Runs the loop until `op` is done; returns its code. The op must be referenced.
 * PERCH_EINVAL: it is not of this client. PERCH_ESTATE: it is paused, and nothing on the loop
 * is left that could resume it. */
PERCH_API int perch_op_wait(perch_client *c, perch_op *op);

/* Runs the loop until an event was delivered or `timeout` ms passed: for blocking
 * programs inside IDLE. 1: something was heard; 0: not; or why the connection is gone.
 * (IMAPClient: idle_check) */
PERCH_API int perch_client_wait(perch_client *c, perch_ms timeout);

/* ---- blocking twins ----
 *
 * 0 or the op's code. PERCH_ESTATE before the client is connected; PERCH_EREENTRANT;
 * PERCH_ECANCELLED if a callback freed the client meanwhile. *ret_op (may be NULL) gets a
 * reference to the finished op with its results, also when the server refused;
 * perch_op_unref() it. It is NULL when no op was made: perch_session_error() has the words. */

PERCH_API int perch_capability_sync(perch_client *c, perch_op **ret_op);
PERCH_API int perch_noop_sync(perch_client *c, perch_op **ret_op);
PERCH_API int perch_logout_sync(perch_client *c, perch_op **ret_op);
PERCH_API int perch_id_sync(perch_client *c, const struct perch_param *params, size_t nparams,
                            perch_op **ret_op);
PERCH_API int perch_authenticate_sync(perch_client *c, const struct perch_auth_args *args,
                                      perch_op **ret_op);
PERCH_API int perch_enable_sync(perch_client *c, const char *const *capabilities, size_t n,
                                perch_op **ret_op);
PERCH_API int perch_list_sync(perch_client *c, const struct perch_list_args *args,
                              perch_op **ret_op);
PERCH_API int perch_status_sync(perch_client *c, struct perch_span mailbox, bool raw_name,
                                uint32_t items, perch_op **ret_op);
PERCH_API int perch_select_sync(perch_client *c, const struct perch_select_args *args,
                                perch_op **ret_op);
PERCH_API int perch_unselect_sync(perch_client *c, perch_op **ret_op);
PERCH_API int perch_create_sync(perch_client *c, const struct perch_create_args *args,
                                perch_op **ret_op);
PERCH_API int perch_delete_sync(perch_client *c, struct perch_span mailbox, bool raw_name,
                                perch_op **ret_op);
PERCH_API int perch_rename_sync(perch_client *c, const struct perch_rename_args *args,
                                perch_op **ret_op);
PERCH_API int perch_subscribe_sync(perch_client *c, struct perch_span mailbox, bool raw_name,
                                   perch_op **ret_op);
PERCH_API int perch_unsubscribe_sync(perch_client *c, struct perch_span mailbox, bool raw_name,
                                     perch_op **ret_op);
PERCH_API int perch_namespace_sync(perch_client *c, perch_op **ret_op);
PERCH_API int perch_exists_sync(perch_client *c, struct perch_span mailbox, bool raw_name,
                                perch_op **ret_op);
PERCH_API int perch_special_sync(perch_client *c, enum perch_attr use, perch_op **ret_op);
PERCH_API int perch_fetch_sync(perch_client *c, const struct perch_fetch_args *args,
                               perch_op **ret_op);
PERCH_API int perch_search_sync(perch_client *c, const struct perch_search_args *args,
                                perch_op **ret_op);
PERCH_API int perch_sort_sync(perch_client *c, const struct perch_sort_args *args,
                              perch_op **ret_op);
PERCH_API int perch_thread_sync(perch_client *c, const struct perch_thread_args *args,
                                perch_op **ret_op);

PERCH_API int perch_store_sync(perch_client *c, const struct perch_store_args *args,
                               perch_op **ret_op);
PERCH_API int perch_append_sync(perch_client *c, const struct perch_append_args *args,
                                perch_op **ret_op);
PERCH_API int perch_replace_sync(perch_client *c, const struct perch_replace_args *args,
                                 perch_op **ret_op);
PERCH_API int perch_copy_sync(perch_client *c, const struct perch_copy_args *args,
                              perch_op **ret_op);
PERCH_API int perch_move_sync(perch_client *c, const struct perch_copy_args *args,
                              perch_op **ret_op);
PERCH_API int perch_expunge_sync(perch_client *c, const struct perch_set *uids, perch_op **ret_op);
PERCH_API int perch_close_sync(perch_client *c, perch_op **ret_op);

PERCH_API int perch_getacl_sync(perch_client *c, const struct perch_acl_args *args,
                                perch_op **ret_op);
PERCH_API int perch_setacl_sync(perch_client *c, const struct perch_acl_args *args,
                                perch_op **ret_op);
PERCH_API int perch_deleteacl_sync(perch_client *c, const struct perch_acl_args *args,
                                   perch_op **ret_op);
PERCH_API int perch_listrights_sync(perch_client *c, const struct perch_acl_args *args,
                                    perch_op **ret_op);
PERCH_API int perch_myrights_sync(perch_client *c, const struct perch_acl_args *args,
                                  perch_op **ret_op);
PERCH_API int perch_getquota_sync(perch_client *c, struct perch_span root, perch_op **ret_op);
PERCH_API int perch_getquotaroot_sync(perch_client *c, struct perch_span mailbox, bool raw_name,
                                      perch_op **ret_op);
PERCH_API int perch_setquota_sync(perch_client *c, struct perch_span root,
                                  const struct perch_quota_limit *limits, size_t n,
                                  perch_op **ret_op);
PERCH_API int perch_getmetadata_sync(perch_client *c, const struct perch_getmetadata_args *args,
                                     perch_op **ret_op);
PERCH_API int perch_setmetadata_sync(perch_client *c, const struct perch_setmetadata_args *args,
                                     perch_op **ret_op);
PERCH_API int perch_language_sync(perch_client *c, const char *const *languages, size_t n,
                                  perch_op **ret_op);
PERCH_API int perch_raw_sync(perch_client *c, const char *command, const struct perch_raw_arg *args,
                             size_t n, perch_op **ret_op);

/* Enters IDLE and returns once the server agreed; leave with perch_idle_stop_sync. */
PERCH_API int perch_idle_sync(perch_client *c, perch_ms renew, perch_op **ret_op);
PERCH_API int perch_idle_stop_sync(perch_client *c, perch_op *op);

#ifdef __cplusplus
}
#endif

#endif
