/* Blocking twins that concern messages. */
#include "client/sync.h"

int perch_fetch_sync(perch_client *c, const struct perch_fetch_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_fetch_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_search_sync(perch_client *c, const struct perch_search_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_search_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_sort_sync(perch_client *c, const struct perch_sort_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_sort_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_thread_sync(perch_client *c, const struct perch_thread_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_thread_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}
