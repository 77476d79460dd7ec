/* Jobs of an account on their way through the store: one at a time, in the order in which they
 * were put in, so that a row is never changed before it is written. What a job emitted is
 * published as soon as it is durable. */
#ifndef PERCHD_ENGINE_FLOW_H
#define PERCHD_ENGINE_FLOW_H

#include "engine/change.h"

#include "base/list.h"

struct account;

struct job {
    struct perch_link link;
    struct account *account;
    enum store_lane lane;
    struct emission *emission; /* NULL: it emits nothing */
    int (*run)(struct store_tx *tx, struct job *job);
    /* On the loop, after publication, with 0 (durable) or what the store said. True: put it
     * to the store again. Not called when the account is gone. */
    bool (*done)(struct job *job, int rc);
    void (*free)(struct job *job);
};

struct flow {
    struct perch_list waiting;
    struct job *running;
};

void flow_init(struct flow *f);

/* Takes the job. */
void flow_submit(struct account *a, struct job *job);

/* Takes the set to delta, as often as that asks for; what it finds goes to the mailbox. */
void flow_submit_changes(struct account *a, struct change_set *set);

/* Is nothing waiting or running? */
bool flow_idle(const struct account *a);

/* Forgets what waits; what runs will be published, but nobody is told. */
void flow_drop(struct account *a);

#endif
