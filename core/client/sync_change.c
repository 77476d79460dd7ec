/* Blocking twins of what changes messages. */
#include "client/sync.h"

int perch_store_sync(perch_client *c, const struct perch_store_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_store_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_copy_sync(perch_client *c, const struct perch_copy_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_copy_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_move_sync(perch_client *c, const struct perch_copy_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_move_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_expunge_sync(perch_client *c, const struct perch_set *uids, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_expunge_start(y.session, uids, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_close_sync(perch_client *c, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_close_start(y.session, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_append_sync(perch_client *c, const struct perch_append_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_append_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_replace_sync(perch_client *c, const struct perch_replace_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_replace_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}
