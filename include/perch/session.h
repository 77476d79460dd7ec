/* A session: the truth about one IMAP connection, without a file descriptor, a clock
 * or TLS. Bytes go in, bytes come out, events and completions are called back.
 *
 * Most programs use a perch_client (perch/client.h), which drives a session over a
 * socket. To drive one yourself:
 *
 *     perch_session_tick(s, now);
 *     n = perch_session_feed(s, data, len);      what the server sent
 *     out = perch_session_output(s);             what to send; then
 *     perch_session_sent(s, out.n);
 *     wait until perch_session_deadline(s), or for more bytes
 *
 * Commands are in perch/commands.h: each starts an op, whose `done` runs exactly once.
 *
 * Any call is legal inside any callback, perch_session_free included: the session is
 * then gone as soon as the outermost call into it returns. A session belongs to one
 * thread. */
#ifndef PERCH_SESSION_H
#define PERCH_SESSION_H

#include "perch/error.h"
#include "perch/response.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct perch_session perch_session;
typedef struct perch_op perch_op;

/* In an order where ranges mean something. X(name, text) */
#define PERCH_STATES(X)                                                                            \
    X(GREETING, "greeting")             /* nothing heard yet */                                    \
    X(NOT_AUTHENTICATED, "not-authenticated")                                                      \
    X(SWITCHING, "switching")           /* STARTTLS was answered OK; TLS is being set up */        \
    X(AUTHENTICATING, "authenticating")                                                            \
    X(AUTHENTICATED, "authenticated")   /* no mailbox is selected */                               \
    X(SELECTING, "selecting")                                                                      \
    X(SELECTED, "selected")                                                                        \
    X(LOGOUT, "logout")                 /* LOGOUT was sent or BYE was read */                      \
    X(CLOSED, "closed")

enum perch_state {
#define PERCH_STATE_ENUM(name, text) PERCH_STATE_##name,
    PERCH_STATES(PERCH_STATE_ENUM)
#undef PERCH_STATE_ENUM
};

PERCH_API const char *perch_state_name(enum perch_state state);

/* Capabilities that perch itself asks about. perch_session_has() answers for any text.
 * X(name, text) */
#define PERCH_CAPS(X)                                                                              \
    X(IMAP4REV1, "IMAP4rev1") X(IMAP4REV2, "IMAP4rev2") X(ACL, "ACL") X(APPENDLIMIT, "APPENDLIMIT") \
    X(BINARY, "BINARY") X(CATENATE, "CATENATE") X(CHILDREN, "CHILDREN")                            \
    X(COMPRESS_DEFLATE, "COMPRESS=DEFLATE") X(CONDSTORE, "CONDSTORE")                              \
    X(CONTEXT_SEARCH, "CONTEXT=SEARCH") X(CONTEXT_SORT, "CONTEXT=SORT")                            \
    X(CREATE_SPECIAL_USE, "CREATE-SPECIAL-USE") X(ENABLE, "ENABLE") X(ESEARCH, "ESEARCH")          \
    X(ESORT, "ESORT") X(FILTERS, "FILTERS") X(ID, "ID") X(IDLE, "IDLE")                            \
    X(INPROGRESS, "INPROGRESS") X(JMAPACCESS, "JMAPACCESS") X(LANGUAGE, "LANGUAGE")                \
    X(LIST_EXTENDED, "LIST-EXTENDED") X(LIST_METADATA, "LIST-METADATA")                            \
    X(LIST_MYRIGHTS, "LIST-MYRIGHTS") X(LIST_STATUS, "LIST-STATUS")                                \
    X(LITERAL_MINUS, "LITERAL-") X(LITERAL_PLUS, "LITERAL+") X(LOGINDISABLED, "LOGINDISABLED")     \
    X(MESSAGELIMIT, "MESSAGELIMIT") X(METADATA, "METADATA")                                        \
    X(METADATA_SERVER, "METADATA-SERVER") X(MOVE, "MOVE") X(MULTIAPPEND, "MULTIAPPEND")            \
    X(MULTISEARCH, "MULTISEARCH") X(NAMESPACE, "NAMESPACE") X(NOTIFY, "NOTIFY")                    \
    X(OBJECTID, "OBJECTID") X(PARTIAL, "PARTIAL") X(PREVIEW, "PREVIEW") X(QRESYNC, "QRESYNC")      \
    X(QUOTA, "QUOTA") X(REPLACE, "REPLACE") X(SASL_IR, "SASL-IR") X(SAVEDATE, "SAVEDATE")          \
    X(SEARCH_FUZZY, "SEARCH=FUZZY") X(SEARCHRES, "SEARCHRES") X(SORT, "SORT")                      \
    X(SORT_DISPLAY, "SORT=DISPLAY") X(SPECIAL_USE, "SPECIAL-USE") X(STARTTLS, "STARTTLS")          \
    X(STATUS_SIZE, "STATUS=SIZE") X(THREAD_ORDEREDSUBJECT, "THREAD=ORDEREDSUBJECT")                \
    X(THREAD_REFERENCES, "THREAD=REFERENCES") X(UIDONLY, "UIDONLY") X(UIDPLUS, "UIDPLUS")          \
    X(UNAUTHENTICATE, "UNAUTHENTICATE") X(UNSELECT, "UNSELECT") X(UTF8_ACCEPT, "UTF8=ACCEPT")      \
    X(UTF8_ONLY, "UTF8=ONLY") X(WITHIN, "WITHIN") X(X_GM_EXT_1, "X-GM-EXT-1") X(XLIST, "XLIST")

enum perch_cap {
#define PERCH_CAP_ENUM(name, text) PERCH_CAP_##name,
    PERCH_CAPS(PERCH_CAP_ENUM)
#undef PERCH_CAP_ENUM
    PERCH_CAP_COUNT
};

/* ---- events: everything a server says, in its order ---- */

enum perch_event_kind {
    PERCH_EVENT_EXISTS = 1, /* number: messages now; old: before */
    PERCH_EVENT_EXPUNGE,    /* number: sequence number that is gone */
    PERCH_EVENT_VANISHED,
    PERCH_EVENT_FETCH,
    PERCH_EVENT_FLAGS,      /* the mailbox's defined flags */
    PERCH_EVENT_LIST,       /* LIST, LSUB, XLIST */
    PERCH_EVENT_STATUS,     /* STATUS */
    PERCH_EVENT_METADATA,
    PERCH_EVENT_SEARCH,     /* SEARCH, SORT, ESEARCH, THREAD */
    PERCH_EVENT_OK,         /* an untagged OK, NO or BAD; its code is in resp */
    PERCH_EVENT_ALERT,      /* must be shown to the user; never from before TLS */
    PERCH_EVENT_BYE,
    PERCH_EVENT_CAPABILITY, /* the list changed */
    PERCH_EVENT_OTHER,      /* everything else, known or not */
    PERCH_EVENT_MALFORMED,  /* bytes that made no sense: resp is NULL, raw and text say what */
    PERCH_EVENT_QUIRK,      /* something was tolerated: number is an enum perch_quirk */
    PERCH_EVENT_RESYNC      /* what is known of the selected mailbox is no longer sure: select again */
};

struct perch_event {
    enum perch_event_kind kind;
    const struct perch_resp *resp; /* valid until the hook returns */
    perch_op *op;                  /* the command that asked for it; NULL: unsolicited */
    uint64_t number, old;          /* FETCH: the sequence number */
    struct perch_span raw;
    const char *text;              /* MALFORMED, QUIRK, RESYNC: what it is; else NULL */
};

struct perch_session_hooks {
    size_t size; /* sizeof(struct perch_session_hooks) */
    /* The mirror is up to date before this runs. */
    void (*on_event)(perch_session *s, const struct perch_event *event, void *user);
    void (*on_state)(perch_session *s, enum perch_state from, enum perch_state to, void *user);
    /* There is output where there was none, or a deadline was set, or a paused op goes on:
     * tick, look at perch_session_output and feed what is left. Not for what
     * perch_session_feed brings: look after it anyway. */
    void (*on_output)(perch_session *s, void *user);
    /* STARTTLS was answered OK and nothing stood behind it. Set TLS up on the wire, then
     * call perch_session_tls_ready. */
    void (*on_starttls)(perch_session *s, void *user);
    /* Each line out (secrets shown as <secret>) and in, as it passes. */
    void (*on_trace)(perch_session *s, bool outgoing, struct perch_span text, void *user);
};

#define PERCH_SESSION_HOOKS_INIT {.size = sizeof(struct perch_session_hooks)}

struct perch_session_options {
    size_t size;                /* sizeof(struct perch_session_options) */
    struct perch_limits limits; /* after authentication; before it they are much lower */
    uint32_t strict;            /* quirks refused, ~0u: all */
    bool secure;                /* TLS (or a tunnel) is already under the session */
    bool allow_cleartext;       /* credentials may go over a connection that is not secure */
    bool allow_preauth;         /* a PREAUTH greeting is believed */
    uint32_t window;            /* commands in flight at most; 0: 32; 1: no pipelining */
    perch_ms command_timeout;   /* 0: 5 min; each op may have its own */
    perch_ms greeting_timeout;  /* 0: 30 s */
    uint64_t tag_seed;          /* tags are a letter and a number; the prefix comes from this */
};

#define PERCH_SESSION_OPTIONS_INIT                                                                 \
    {.size = sizeof(struct perch_session_options), .limits = PERCH_LIMITS_INIT}

/* NULL when out of memory. The time starts at `now`. */
PERCH_API perch_session *perch_session_new(const struct perch_session_options *options,
                                           const struct perch_session_hooks *hooks, void *user,
                                           perch_ms now);

/* Completes every op with PERCH_ECANCELLED, then frees. NULL is fine. */
PERCH_API void perch_session_free(perch_session *s);

/* Eats as many complete responses as `data` holds and returns how many bytes were used;
 * keep the rest and call again with more behind it. Hooks and completions run inside;
 * called by one of them it eats nothing and returns 0. So it does while the session is
 * paused: then read no more from the wire.
 *
 * A negative code: the connection is of no more use; every op has been completed and
 * perch_session_error() says why. PERCH_ECANCELLED: a callback freed the session. */
PERCH_API ssize_t perch_session_feed(perch_session *s, const uint8_t *data, size_t len);

/* An op was paused by its on_body_data (perch/commands.h) and not yet resumed. */
PERCH_API bool perch_session_paused(const perch_session *s);

/* What to send next, valid until the next call; say with perch_session_sent how much
 * of it left. Ops that turn out to have nothing to send complete inside. */
PERCH_API struct perch_span perch_session_output(perch_session *s);
PERCH_API void perch_session_sent(perch_session *s, size_t n);

/* Tells the time (it never goes back) and completes what is overdue. The next moment at
 * which that could matter; INT64_MAX: none. */
PERCH_API void perch_session_tick(perch_session *s, perch_ms now);
PERCH_API perch_ms perch_session_deadline(const perch_session *s);

/* The wire is closed: every op completes with `why` (NULL: end of file). */
PERCH_API void perch_session_lost(perch_session *s, const struct perch_error *why);

/* TLS is up after on_starttls. */
PERCH_API void perch_session_tls_ready(perch_session *s);

PERCH_API enum perch_state perch_session_state(const perch_session *s);
PERCH_API const struct perch_error *perch_session_error(const perch_session *s);
PERCH_API void *perch_session_user(const perch_session *s);

/* The greeting's text, "" before it came. (IMAPClient: welcome) */
PERCH_API const char *perch_session_greeting(const perch_session *s);

/* As last told by the server under the current security and authentication; IMAP4rev2
 * implies what RFC 9051 folded in. False for all while nothing is known.
 * (IMAPClient: capabilities, has_capability) */
PERCH_API bool perch_session_can(const perch_session *s, enum perch_cap cap);
PERCH_API bool perch_session_has(const perch_session *s, const char *capability);
PERCH_API size_t perch_session_capabilities(const perch_session *s, const char *const **ret_names);
PERCH_API bool perch_session_enabled(const perch_session *s, enum perch_cap cap);

/* ---- the selected mailbox, as the server last described it ---- */

struct perch_mailbox {
    struct perch_name name;
    uint32_t exists, recent;
    uint32_t uidvalidity;   /* 0: not told, or 0 */
    uint32_t uidnext;       /* 0: not told */
    uint32_t unseen;        /* first unseen sequence number, 0: not told */
    uint64_t highestmodseq; /* 0: not told, or NOMODSEQ */
    bool readonly, nomodseq, uidnotsticky;
    struct perch_names flags;
    struct perch_names permanentflags; /* none told: all may be changed; star is then set */
    bool permanentflags_told;
    struct perch_span mailboxid; /* NIL: not told */
};

/* NULL unless a mailbox is selected (or being selected). Valid until the session
 * is next called. */
PERCH_API const struct perch_mailbox *perch_session_mailbox(const perch_session *s);

/* ---- ops ---- */

/* Runs exactly once for each op that was started: reply, cancel, timeout or loss. Read
 * result and error from the op inside it; afterwards the op is freed unless referenced. */
typedef void perch_done_fn(perch_op *op, void *user);

/* 0, or why it failed: PERCH_ENO and PERCH_EBAD are the server's answer. */
PERCH_API int perch_op_code(const perch_op *op);
PERCH_API const struct perch_error *perch_op_error(const perch_op *op);
PERCH_API bool perch_op_finished(const perch_op *op);

/* The text of the tagged answer, and its response code. */
PERCH_API const char *perch_op_text(const perch_op *op);
PERCH_API const struct perch_status_resp *perch_op_status(const perch_op *op);

PERCH_API perch_session *perch_op_session(const perch_op *op); /* NULL once `done` has run */
PERCH_API const char *perch_op_command(const perch_op *op); /* "UID FETCH" */

/* Keeps the op and its results alive after `done`; NULL is fine for unref. */
PERCH_API perch_op *perch_op_ref(perch_op *op);
PERCH_API void perch_op_unref(perch_op *op);

/* Still queued: it is taken out. Sent: its answer is swallowed and the connection lives
 * on; inside a literal or a SASL exchange that cannot be left politely the connection
 * is closed. Either way `done` runs with PERCH_ECANCELLED before this returns. */
PERCH_API void perch_op_cancel(perch_op *op);

/* Goes on after on_body_data returned PERCH_PAUSE: from inside any callback or from outside.
 * Nothing is called back in here; on_output says that there is something to feed. Harmless
 * for an op that is not paused. Whatever ends the op resumes the session too. */
PERCH_API void perch_op_resume(perch_op *op);

/* Milliseconds from now (from the next tick) after which it fails with PERCH_ETIMEOUT; 0:
 * never. It restarts only when data of this very command arrives, or when the commands
 * sent before it have been answered; it stands still while the session is paused. Nobody
 * can tell what became of a command that was sent: the connection ends with it. */
PERCH_API void perch_op_set_timeout(perch_op *op, perch_ms timeout);

#ifdef __cplusplus
}
#endif

#endif
