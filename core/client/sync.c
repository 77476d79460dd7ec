#include "client/sync.h"

#include "base/clock.h"

int perch_sync_begin(struct perch_sync *y, perch_client *c, perch_op **ret_op)
{
    *y = (struct perch_sync){.client = c, .session = c->session, .ret_op = ret_op};
    if (ret_op)
        *ret_op = NULL;
    if (perch_client_inside(c))
        return PERCH_EREENTRANT;
    return c->session ? PERCH_OK : PERCH_ESTATE;
}

void perch_sync_done(perch_op *op, void *user)
{
    struct perch_sync *y = user;

    y->over = perch_op_ref(op);
}

static bool sync_over(void *user)
{
    return ((const struct perch_sync *)user)->over != NULL;
}

int perch_sync_end(struct perch_sync *y, int rc)
{
    if (rc < 0)
        return rc;
    rc = perch_client_run(y->client, PERCH_NEVER, sync_over, y);
    if (!y->over) /* the loop is busy with something else, and nobody will wait */
        perch_op_cancel(y->op);
    else
        rc = perch_op_code(y->over);
    if (y->ret_op)
        *y->ret_op = y->over;
    else
        perch_op_unref(y->over);
    return rc;
}
