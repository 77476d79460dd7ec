/* One mailbox: EXAMINE, catch up, and from then on what is pushed. Steps (plan.h) are taken one
 * at a time; what they and pushes bring gathers in a change set, which goes to the store when
 * the catch-up is complete or when it is large, and at once when it is live. */
#ifndef PERCHD_ENGINE_SYNC_H
#define PERCHD_ENGINE_SYNC_H

#include "engine/account.h"

void sync_init(struct sync *s);

/* Selects `m` and catches up. Nothing may be under way: sync_settled(). */
void sync_visit(struct account *a, struct mailbox *m);

/* What the server said unasked. */
void sync_event(struct account *a, const struct perch_event *event);

/* A command of the watch was answered: cursors may move (RFC 7162 6). */
void sync_tagged(struct account *a, const perch_op *op);

/* Takes the next step if nothing is under way. */
void sync_pump(struct account *a);

/* Is all that was said of the selected mailbox durable, but for a first contact under way? Then
 * another one may be visited. */
bool sync_settled(const struct account *a);

/* Compare the flags of the selected mailbox. */
void sync_compare(struct account *a);

/* The store found that it has not got these UIDs of `m`, which the server has. */
void sync_missing(struct account *a, const struct mailbox *m, const struct perch_set *uids);

/* The connection is gone: what was not handed over will be found again. */
void sync_drop(struct account *a);

#endif
