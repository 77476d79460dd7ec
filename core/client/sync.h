/* What every blocking twin does: start, run the loop until done, hand the op over.
 *
 *     struct perch_sync y;
 *     int rc = perch_sync_begin(&y, c, ret_op);
 *
 *     if (rc == PERCH_OK)
 *         rc = perch_noop_start(y.session, perch_sync_done, &y, &y.op);
 *     return perch_sync_end(&y, rc); */
#ifndef PERCH_CLIENT_SYNC_H
#define PERCH_CLIENT_SYNC_H

#include "client/client.h"

struct perch_sync {
    perch_client *client;
    perch_session *session;
    perch_op **ret_op;
    perch_op *op;   /* while it runs */
    perch_op *over; /* once it is done, referenced */
};

/* PERCH_EREENTRANT inside a callback; PERCH_ESTATE without a session. */
int perch_sync_begin(struct perch_sync *y, perch_client *c, perch_op **ret_op);

/* The op's `done`, with the struct perch_sync as its `user`. */
void perch_sync_done(perch_op *op, void *user);

/* `rc` is what starting gave. */
int perch_sync_end(struct perch_sync *y, int rc);

#endif
