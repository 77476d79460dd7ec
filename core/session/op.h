/* Ops and commands. An op is what a caller started and waits for; a command is one
 * tagged line (with its literals) on the wire. Most ops are one command; a FETCH of a
 * large set is several, LIST with counters may be a LIST and many STATUS.
 *
 * Each command family is one file in ops/ with one struct perch_op_type on top. */
#ifndef PERCH_SESSION_OP_H
#define PERCH_SESSION_OP_H

#include "perch/session.h"

#include "wire/encode.h"
#include "base/arena.h"
#include "base/list.h"
#include "base/span.h"

struct perch_cmd;
struct perch_body_head;

/* Which untagged data a command brings. Two commands that bring the same of an exclusive
 * kind are never in flight together: nobody could tell whose data it is. */
enum perch_answers {
    PERCH_ANSWERS_NOTHING = 0,
    PERCH_ANSWERS_CAPABILITY,
    PERCH_ANSWERS_ENABLED,
    PERCH_ANSWERS_ID,
    PERCH_ANSWERS_LIST,
    PERCH_ANSWERS_SEARCH,
    PERCH_ANSWERS_QUOTA,
    PERCH_ANSWERS_STATUS, /* not exclusive: the mailbox's name tells */
    PERCH_ANSWERS_FETCH   /* not exclusive while the messages differ: the numbers tell */
};

enum perch_op_flag {
    PERCH_OP_ALONE = 1 << 0,   /* nothing else is in flight beside it (RFC 9051 5.5) */
    PERCH_OP_SEQ = 1 << 1,     /* it names messages by sequence number */
    PERCH_OP_STILL = 1 << 2,   /* no message may vanish while it is in flight */
    PERCH_OP_LATE = 1 << 3,    /* what is sent depends on answers: not tried at the start */
    PERCH_OP_DIALOGUE = 1 << 4 /* the server may ask for more with "+" until it answers */
};

#define PERCH_IN(state) (1u << PERCH_STATE_##state)
#define PERCH_IN_OPEN   (PERCH_IN(NOT_AUTHENTICATED) | PERCH_IN(AUTHENTICATED) | PERCH_IN(SELECTED))
#define PERCH_IN_AUTH   (PERCH_IN(AUTHENTICATED) | PERCH_IN(SELECTED))

/* One row a command family. Functions may be NULL where the default will do. */
struct perch_op_type {
    const char *name;
    size_t size;     /* of the family's struct, which starts with a struct perch_op */
    unsigned states; /* PERCH_IN(...): where it may be sent */
    unsigned flags;  /* enum perch_op_flag */
    enum perch_answers answers;
    unsigned leads_to; /* PERCH_IN(state) once it succeeds, 0: it changes none */

    /* Writes the next command behind its tag; changes nothing else. PERCH_OP_NOTHING:
     * there is nothing to send (any more). A negative code fails the op: op->error is
     * filled. */
    int (*build)(perch_op *op, struct perch_cmd *cmd);
    /* The command begins to leave. */
    void (*begun)(perch_op *op, struct perch_cmd *cmd);
    /* Is this untagged response an answer to that command? */
    bool (*claims)(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp);
    /* Could the body that begins be one it asked for? The row is as far as it has come, its
     * number perhaps missing (0). NULL: never. */
    bool (*claims_body)(const perch_op *op, const struct perch_fetch *row);
    /* Takes a response it claimed. NULL: the session keeps what is in it. */
    void (*take)(perch_op *op, struct perch_cmd *cmd, const struct perch_resp *resp);
    /* DIALOGUE: the server sent "+". The answer is appended to cmd->enc; op is NULL when
     * it was given up. */
    void (*go_on)(perch_session *s, perch_op *op, struct perch_cmd *cmd,
                  const struct perch_resp *resp);
    /* The bytes of the caller's source at which the command has come: up to `max` of them
     * (at least 1) to `to`; how many. 0: it failed, and op->error is filled. May call back. */
    size_t (*pull)(perch_op *op, uint8_t *to, size_t max);
    /* What the tagged answer means for the session, also for an op that was given up. */
    void (*settle)(perch_session *s, const struct perch_cmd *cmd, const struct perch_resp *resp);
    /* What it means for the op; without it, perch_op_answered. */
    void (*answered)(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp);
    /* Frees what is not in the arena. */
    void (*drop)(perch_op *op);
};

#define PERCH_OP_NOTHING 1

/* Who takes bodies while they are read: see struct perch_fetch_args. */
struct perch_sink {
    void (*begin)(perch_op *op, const struct perch_body_head *head, void *user);
    int (*data)(perch_op *op, const uint8_t *p, size_t n, void *user);
    void (*end)(perch_op *op, void *user);
};

struct perch_op {
    perch_session *s; /* NULL once `done` has run */
    const struct perch_op_type *type;
    const char *name;         /* "UID FETCH" */
    unsigned flags;           /* of its type, and what its arguments add */
    struct perch_link link;   /* session.ops */
    struct perch_link queued; /* session.queue: it has something to send */
    perch_done_fn *done;
    void *user;
    unsigned refs;
    unsigned unanswered; /* its commands in flight */
    /* ANSWERS_FETCH: whose rows it takes, by UID or, with PERCH_OP_SEQ, by number */
    const struct perch_set *messages;
    const struct perch_sink *sink; /* NULL: bodies come inside their rows */
    bool finished;
    bool more; /* set by `begun`: another command follows without waiting for an answer */
    struct perch_arena arena;
    struct perch_error error;
    perch_ms timeout; /* 0: none */
    perch_ms deadline;
    bool retimed; /* set by the caller: the deadline counts from the next tick, which knows
                     the time; the session's is as old as the last one */
    const char *text;
    const struct perch_status_resp *status;
};

/* Results that are collected: pointers into the op's arena, in the order they came. */
struct perch_rows {
    const void **v;
    size_t n, cap;
};

/* One command on the wire. */
struct perch_cmd {
    struct perch_link link; /* session.inflight, in the order they left */
    perch_op *op;           /* NULL: given up, its answer is swallowed */
    const struct perch_op_type *type;
    enum perch_answers answers; /* as its type, unless `build` says otherwise */
    struct perch_enc enc;       /* emptied as it leaves */
    size_t moved;               /* bytes of enc.out that are in session.out */
    size_t stop;                /* the next of enc.stops */
    bool waiting;               /* at that stop, for the server's "+" */
    bool agreed;                /* it came */
    uint64_t poured;            /* bytes of that stop's source that went into session.out */
    bool open;                  /* DIALOGUE: the server may ask for more */
    bool bound;                 /* it cannot be given up: the connection would be in doubt */
    uint64_t end_at;            /* where its last moved byte stands in the stream of output */
    perch_ms patience;          /* of its own, instead of its op's timeout; 0: none */
    perch_ms deadline;          /* by `patience` */
    uint32_t number;            /* of its tag */
    unsigned step;              /* the family's own: which of its commands this is */
    size_t from, upto;          /* the family's own: the part of its work this is */
};

/* ---- starting: what perch_X_start() does ---- */

/* NULL when out of memory or when the session is closed; perch_op_start copes. */
perch_op *perch_op_new(perch_session *s, const struct perch_op_type *type, perch_done_fn *done,
                       void *user);

/* Fills op->error unless it is already filled; returns the code. */
int perch_op_fail(perch_op *op, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Fails the op with PERCH_ECAPABILITY if the server is known to lack it. */
int perch_op_need(perch_op *op, enum perch_cap cap);

/* Queues the op if the state allows it, no error was noted and its first command can be
 * built. Otherwise frees it and returns the code, which perch_session_error() explains. */
int perch_op_start(perch_session *s, perch_op *op, perch_op **ret_op);

/* An argument into the arena; a failure is noted in op->error. */
struct perch_span perch_op_copy(perch_op *op, struct perch_span s);
struct perch_set perch_op_copy_set(perch_op *op, const struct perch_set *set);

/* ---- while it lives ---- */

/* Puts it (again) where it will send soonest. */
void perch_op_queue_first(perch_op *op);

/* Default of `answered`: perch_op_note_status and perch_op_finish_if_done. */
void perch_op_answered(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp);

/* Do two ops ask about the same message, as far as can be told? */
bool perch_op_overlaps(const perch_op *a, const perch_op *b);

/* Notes the tagged answer's text, code and failure. */
void perch_op_note_status(perch_op *op, const struct perch_resp *resp);

/* Finishes when nothing is left to be answered or, unless it failed, to be sent. */
void perch_op_finish_if_done(perch_op *op);

/* Its data arrived: the deadline starts again. */
void perch_op_touch(perch_op *op);

/* Runs `done`, once, with op->error (0: success). The op may be gone afterwards. */
void perch_op_finish(perch_op *op);

/* Keeps the unit just handled in the arena and parses it there. NULL when it made no
 * sense, and, with the failure noted, when out of memory. */
const struct perch_resp *perch_op_keep(perch_op *op);
void perch_op_add_row(perch_op *op, struct perch_rows *rows, const void *row);

#endif
