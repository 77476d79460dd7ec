/* What the files of the outbox share: outbox.c decides, outbox_line.c has the lines and their
 * places, outbox_read.c asks the store for what is not in memory. */
#ifndef PERCHD_HOOKS_OUTBOX_INTERNAL_H
#define PERCHD_HOOKS_OUTBOX_INTERNAL_H

#include "hooks/outbox.h"

#include "base/list.h"

struct event;

#define LINE_WINDOW   16           /* deliveries of a line in memory */
#define READ_BYTES    (256u << 10) /* of events, read at once for a line */
#define MEMORY_MAX    (16u << 20)  /* of events: beyond this offers stay in the store */
#define BESIDE_WINDOW 16           /* deliveries beside their lines in memory */
#define AGAIN_MS      1000         /* until the store is asked again after a failure */
#define RESULT_MAX    4096         /* of a result, in the store */
#define LINE_BUCKETS  1024

/* Something the store does for the outbox; asked again until it succeeds. */
struct task {
    struct perch_link link; /* in outbox.again */
    struct outbox *o;
    store_job_fn *job;               /* on the store's thread, with the task */
    void (*durable)(struct task *t); /* on the loop, also for an outbox that was freed; or NULL */
    void (*done)(struct task *t);    /* behind that, not for one that was freed */
};

struct item {
    struct perch_link link; /* in line.items */
    int64_t seq;
    unsigned attempts;
    int64_t created_ms, failed_ms, next_ms;
    size_t size; /* of json */
    char json[];
};

enum line_state {
    LINE_IDLE = 0,
    LINE_READY, /* in its hook's queue */
    LINE_HELD,  /* its first item failed: sleeps until wake_ms */
    /* from here on it has a place */
    LINE_READING, /* the store looks for its next items */
    LINE_RUNNING, /* the runner has its first item */
    LINE_SAVING   /* what became of that is being written */
};

struct line {
    struct perch_link link;  /* in a bucket, or in outbox.beside */
    struct perch_link turn;  /* READY: in queue.ready; with a wake_ms: in outbox.sleepers */
    struct perch_link place; /* in outbox.places while it has one */
    struct outbox *o;
    unsigned hook;
    int64_t account, mailbox;
    enum line_state state;
    bool beside; /* one retry of its own */
    bool behind; /* the store has more behind last_seq */
    int64_t last_seq;
    struct perch_list items;
    unsigned nitems;
    int64_t wake_ms; /* HELD: when to go on; RUNNING: when it may no longer hold the line */
    uint64_t run;    /* RUNNING and SAVING, 0: nothing ran */
    struct task task;
    struct perch_list found;      /* READING: belongs to the store's thread */
    struct store_outcome outcome; /* SAVING */
    char *what;                   /* of outcome, allocated */
    char hook_name[];
};

/* The lines of one hook that wait for a place. */
struct queue {
    struct perch_link link; /* in outbox.queues while one of them may start */
    struct perch_list ready;
    unsigned busy; /* places its lines have */
};

/* A hook that is no longer configured. */
struct ended {
    struct perch_link link;
    struct task task;
    int64_t now_ms;
    char hook_name[];
};

struct outbox {
    struct store *store;
    const struct config *config;
    struct outbox_hooks hooks;
    void *user;
    struct event *timer; /* NULL without a loop */
    int64_t due_ms;      /* when outbox_turn() has something to look at */
    bool paused, dead, failing;
    unsigned inflight; /* tasks that the store has */
    struct perch_list again;

    struct perch_list buckets[LINE_BUCKETS];
    struct perch_list beside;
    unsigned nbeside;
    struct perch_list sleepers;
    struct perch_list queues;
    struct queue *queue; /* by hook number */
    struct perch_list places;
    unsigned busy;  /* lines in places */
    unsigned share; /* places that one hook may have */
    size_t memory;
    uint64_t last_run;

    const struct config_hook **by_name; /* sorted */
    int64_t longest_backoff_ms;         /* of any hook */

    struct task recover;
    bool recovering;
    bool missed;                   /* memory ran out: the store knows more than we do */
    struct perch_list found_lines; /* by the task, as the next one */
    struct perch_list found_hooks; /* struct ended */
    struct perch_list ended;

    struct task look;
    bool looking;
    int64_t beside_next_ms; /* when one that is not in memory may be due */
    int64_t look_due_ms;    /* for the task: up to then, at most so many */
    size_t look_limit;
    struct perch_list looked; /* lines, found by the task */
    int64_t looked_next_ms;   /* when the next behind look_due_ms is due */
};

/* ---- outbox.c ---- */

int64_t outbox_now(const struct outbox *o);

/* Sees to it that outbox_turn() runs at `at`. */
void outbox_look_at(struct outbox *o, int64_t at);

/* Gives the task to the store, now and after every failure. */
void outbox_task_submit(struct task *t);

/* at + by, INT64_MAX being never. */
static inline int64_t later(int64_t at, int64_t by)
{
    return by > INT64_MAX - at ? INT64_MAX : at + by;
}

static inline int64_t earlier_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- outbox_line.c ---- */

struct item *outbox_item_new(int64_t seq, const char *json);
struct item *outbox_item_of(const struct store_delivery *d);
void outbox_items_free(struct perch_list *items);

struct line *outbox_line_new(struct outbox *o, const char *hook_name, int64_t account,
                             int64_t mailbox);
void outbox_line_free(struct line *l);
void outbox_lines_free(struct perch_list *lines);

/* Finds the line or makes it, IDLE; NULL when out of memory. */
struct line *outbox_line_get(struct outbox *o, unsigned hook, int64_t account, int64_t mailbox);

/* Makes it one of those beside their lines. */
void outbox_line_set_beside(struct line *l);

struct item *outbox_line_first(const struct line *l);
void outbox_line_append(struct line *l, struct item *it);
struct item *outbox_line_shift(struct line *l); /* takes it out; the caller owns it */

/* The only writer of a line's state. */
void outbox_line_goto(struct line *l, enum line_state next);

/* Whatever a line did, it is over: on to what comes next. The line may be gone after this. */
void outbox_line_next(struct line *l);

/* ---- outbox_read.c ---- */

void outbox_line_read(struct line *l);
void outbox_look_beside(struct outbox *o, int64_t now);

/* The store has deliveries of that line, maybe more than memory. */
void outbox_line_is_behind(struct outbox *o, unsigned hook, int64_t account, int64_t mailbox);

int outbox_read_init(struct outbox *o); /* -1: out of memory */
void outbox_read_done(struct outbox *o);

#endif
