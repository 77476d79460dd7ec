/* Blocking twins that concern the session as a whole. */
#include "client/sync.h"

int perch_capability_sync(perch_client *c, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_capability_start(y.session, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_noop_sync(perch_client *c, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_noop_start(y.session, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_logout_sync(perch_client *c, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_logout_start(y.session, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_id_sync(perch_client *c, const struct perch_param *params, size_t nparams,
                  perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_id_start(y.session, params, nparams, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_authenticate_sync(perch_client *c, const struct perch_auth_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_authenticate_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_enable_sync(perch_client *c, const char *const *capabilities, size_t n, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_enable_start(y.session, capabilities, n, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}
