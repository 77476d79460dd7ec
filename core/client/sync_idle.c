/* IDLE, blocking: entering waits for the server's "+", leaving for the end of the mode. In
 * between the op runs, and perch_client_wait listens. */
#include "client/client.h"

#include "session/session.h"
#include "base/clock.h"

static bool idle_settled(void *user)
{
    const perch_op *op = user;

    return perch_op_finished(op) || perch_idle_on(op);
}

int perch_idle_sync(perch_client *c, perch_ms renew, perch_op **ret_op)
{
    perch_op *op = NULL;
    int rc;

    if (ret_op)
        *ret_op = NULL;
    if (perch_client_inside(c))
        return PERCH_EREENTRANT;
    if (!c->session)
        return PERCH_ESTATE;
    rc = perch_idle_start(c->session, renew, NULL, NULL, &op);
    if (rc < 0)
        return rc;
    perch_op_ref(op);
    rc = perch_client_run(c, PERCH_NEVER, idle_settled, op);
    if (rc < 0) /* the loop is busy with something else, and nobody will wait */
        perch_op_cancel(op);
    else if (perch_op_finished(op))
        rc = perch_op_code(op);
    if (ret_op)
        *ret_op = op;
    else
        perch_op_unref(op);
    return rc;
}

int perch_idle_stop_sync(perch_client *c, perch_op *op)
{
    if (perch_client_inside(c))
        return PERCH_EREENTRANT;
    perch_idle_stop(op);
    return perch_op_wait(c, op);
}
