/* One account: a connection, what is known of its mailboxes, and what has to be done next.
 *
 *   OPENING -> QUEUED -> SECRET -> CONNECTING -> LOGIN -> LISTING -> SYNCING <-> WATCHING
 *                 ^                                                     |
 *                 +--- WAITING (backoff), HELD (login refused) <--------+
 *
 * OPENING   its row is looked up or made
 * QUEUED    waits for leave to connect (the supervisor paces)
 * SECRET    the runner was asked for the password
 * SYNCING   a mailbox is being visited (sync.h)
 * WATCHING  all is known; watch.h tells when something moves
 *
 * The code is in account.c (this life), account_row.c (its row and events), listing.c (which
 * mailboxes there are), sync.c, steps.c and gather.c (one mailbox), flow.c (to the store), idle.c
 * and poll.c (watching), status.c. */
#ifndef PERCHD_ENGINE_ACCOUNT_H
#define PERCHD_ENGINE_ACCOUNT_H

#include "config/config.h"
#include "engine/change.h"
#include "engine/flow.h"
#include "engine/liveness.h"
#include "engine/mailbox.h"
#include "engine/trouble.h"

#include "perch/client.h"

struct event;
struct event_base;
struct watch;

/* clang-format off */
#define ACCOUNT_STATES(X)                                                                          \
    X(OPENING, "opening") X(QUEUED, "queued") X(SECRET, "secret") X(CONNECTING, "connecting")      \
    X(LOGIN, "login") X(LISTING, "listing") X(SYNCING, "syncing") X(WATCHING, "watching")          \
    X(WAITING, "waiting") X(HELD, "auth-error") X(STOPPING, "stopping") X(STOPPED, "stopped")
/* clang-format on */

enum account_state {
#define ACCOUNT_STATE_ENUM(name, text) ACCOUNT_##name,
    ACCOUNT_STATES(ACCOUNT_STATE_ENUM)
#undef ACCOUNT_STATE_ENUM
};

/* What an account needs of the engine around it. `user` is account_host.user. */
struct account_host {
    struct event_base *base;
    struct store *store;
    const struct config *config; /* the one in force */
    /* Leave to connect: account_connect() is called when it is given, never from inside. */
    void (*want_leave)(struct account *a, void *user);
    void (*drop_leave)(struct account *a, void *user); /* it does not want it any more */
    /* The password: account_secret() is called with it. */
    void (*want_secret)(struct account *a, bool fresh, void *user);
    /* Call account_turn() soon, in this turn of the loop. */
    void (*wake)(struct account *a, void *user);
    /* Events are durable. */
    void (*publish)(const struct emission *e, void *user);
    /* The authorities to believe, a new reference; NULL with the error filled. */
    perch_trust *(*trust)(const struct config_account *cfg, struct perch_error *error, void *user);
    void (*store_broke)(void *user); /* the database is of no more use */
    void (*stopped)(struct account *a, void *user);
    uint32_t (*random)(void *user);
    void *user;
};

/* The mailbox that is selected and what is being done to it (sync.c, steps.c, gather.c). */
struct sync {
    struct mailbox *box; /* being visited or watched; NULL: none */
    bool selected;       /* EXAMINE was answered OK */
    bool busy;           /* a command of a step is under way */
    bool caught_up;      /* nothing but the first contact is left to do: pushes are live */
    bool verified;       /* the number of messages was looked into */
    bool cursor_due;     /* has_modseq is still to be handed over */
    bool alive_known;    /* `alive` is all there is */
    bool searched;       /* ... was, at some time of this visit */
    bool again;          /* what is known is no longer sure: EXAMINE again */
    enum step step;      /* under way, 0: none */
    uint32_t steps;      /* enum step: to do */
    uint32_t uidnext;    /* where UIDNEXT stands after the catch-up; 0: where rows lead */
    bool has_modseq;     /* target_modseq is to be the cursor after the catch-up */
    uint64_t target_modseq;
    uint64_t seen_modseq;   /* highest of FETCH rows since the last tagged answer */
    uint64_t told_modseq;   /* last HIGHESTMODSEQ code since then */
    uint32_t last_uid;      /* highest UID of STEP_NEW's rows */
    uint32_t window_first;  /* lowest UID of STEP_INITIAL's window */
    uint32_t searches;      /* in a row that did not fit the number of messages */
    int64_t began;          /* of this visit */
    struct change_set *set; /* being filled; NULL: nothing to say */
    struct perch_set alive; /* UIDs that a search found */
    struct perch_set todo;  /* UIDs that the step under way still has to ask for */
    struct perch_set missing;
    struct perch_set seqs; /* STEP_FLAGS_SEQS */
};

struct listing;

struct account {
    struct perch_link link;       /* supervisor's list */
    struct perch_link queue_link; /* supervisor's queue for leave to connect */
    struct perch_link turn_link;  /* engine's list of those to be woken */
    const struct account_host *host;
    const struct config_account *cfg;
    enum account_state state;
    unsigned refs; /* its jobs, and the owner */
    bool gone;     /* the owner let go of it: jobs in flight are all that is left */
    int64_t id;    /* row id */
    perch_client *client;
    perch_session *session; /* the client's, while logged in or on the way */
    char *secret;           /* between SECRET and LOGIN; wiped */
    struct event *timer;    /* WAITING, HELD: try again; WATCHING: look; STOPPING: deadline */
    int64_t timer_at;       /* monotonic ms, 0: not set */
    struct liveness live;
    struct trouble *trouble; /* what is wrong, until all is well again */
    const char *prefix;      /* of personal mailboxes ("INBOX."), static or "" */
    struct perch_list mailboxes;
    struct listing *listing; /* a LIST that is under way */
    unsigned asked;          /* commands of a look around that are still unanswered */
    const struct watch *watch;
    perch_op *idle;
    struct flow flow;
    struct sync sync;
    int64_t last_heard, last_sync;   /* monotonic ms, 0: never */
    int64_t away_since;              /* monotonic ms: the first mailbox was left */
    int64_t rescan_at;               /* monotonic ms: compare flags without CONDSTORE */
    bool fresh_secret;               /* the last one was refused */
    bool first_ever;                 /* it had no mailboxes when it was opened */
    unsigned connection;             /* counts them */
    unsigned remarks, resyncs;       /* of this one: logged; selected anew because of doubts */
    bool said_down, said_auth_error; /* edges of account events */
    bool said_stopped;
};

const char *account_state_name(enum account_state state);

/* Starts at once with looking up its row. NULL when out of memory. */
struct account *account_new(const struct account_host *host, const struct config_account *cfg);

/* Lets go of it at once: the connection is cut, what is in the store's hands is finished. */
void account_free(struct account *a);

/* LOGOUT, with a deadline; host->stopped when there is nothing left to wait for. */
void account_stop(struct account *a);

/* The configuration in force changed; `cfg` is this account in it, alike but for what needs no
 * new connection. A login that was refused is tried again at once. */
void account_reconfigure(struct account *a, const struct config_account *cfg);

/* Leave to connect was given. */
void account_connect(struct account *a);

/* The runner's answer. `secret` is wiped by the caller; NULL: `error` says why there is none.
 * Unasked it means that the secret changed. */
void account_secret(struct account *a, const char *secret, const char *error);

/* The turn asked for with host->wake. */
void account_turn(struct account *a);

/* ---- between the files of an account ---- */

/* The connection is of no more use: close it, remember why, and try again in time. Legal in
 * callbacks of libperch. */
void account_fail(struct account *a, const struct perch_error *why);

/* Failed without an error of libperch. */
void account_fail_text(struct account *a, int code, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

void account_no_memory(struct account *a);

/* For a `done` of libperch: true if the op succeeded. False: the connection is lost or closed
 * (then somebody else tells), or *ret_refused is set and the server said NO. */
bool account_op_ok(struct account *a, perch_op *op, bool *ret_refused);

/* A job came back with `rc`: what is known may be ahead of what is stored, so start over. */
void account_store_failed(struct account *a, int rc);

struct account *account_ref(struct account *a);
void account_unref(struct account *a);
void account_goto(struct account *a, enum account_state state);
void account_open(struct account *a);  /* OPENING: looks its row up, then account_queue() */
void account_queue(struct account *a); /* QUEUED: asks for leave to connect */
void account_wake(struct account *a);
void account_set_timer(struct account *a, int64_t delay_ms);
bool account_connected(const struct account *a); /* logged in and not on the way out */
/* Where pushes come: INBOX, else the first listed that can be watched. */
struct mailbox *account_first_mailbox(const struct account *a);
struct mailbox *account_mailbox_by_id(const struct account *a, int64_t id);
struct mailbox *account_mailbox_by_raw(const struct account *a, struct perch_span raw);

/* Decides what comes next: the next dirty mailbox, or watching. */
void account_next(struct account *a);
bool account_others_wait(const struct account *a); /* ... than the selected mailbox */

/* Fills an emission for jobs of this account; `m` NULL for account events. The strings are
 * copied into `a`. False when out of memory. */
bool account_emission(const struct account *account, const struct mailbox *m, struct perch_arena *a,
                      struct emission *e);

/* An event of the account itself; `why` may be NULL. */
void account_emit(struct account *a, enum event_kind kind, const struct trouble *why);

#endif
