/* Blocking twins that concern mailboxes. */
#include "client/sync.h"

int perch_list_sync(perch_client *c, const struct perch_list_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_list_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_status_sync(perch_client *c, struct perch_span mailbox, bool raw_name, uint32_t items,
                      perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_status_start(y.session, mailbox, raw_name, items, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_select_sync(perch_client *c, const struct perch_select_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_select_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_unselect_sync(perch_client *c, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_unselect_start(y.session, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_create_sync(perch_client *c, const struct perch_create_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_create_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_delete_sync(perch_client *c, struct perch_span mailbox, bool raw_name, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_delete_start(y.session, mailbox, raw_name, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_rename_sync(perch_client *c, const struct perch_rename_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_rename_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_subscribe_sync(perch_client *c, struct perch_span mailbox, bool raw_name,
                         perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_subscribe_start(y.session, mailbox, raw_name, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_unsubscribe_sync(perch_client *c, struct perch_span mailbox, bool raw_name,
                           perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_unsubscribe_start(y.session, mailbox, raw_name, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_namespace_sync(perch_client *c, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_namespace_start(y.session, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_exists_sync(perch_client *c, struct perch_span mailbox, bool raw_name, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_exists_start(y.session, mailbox, raw_name, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_special_sync(perch_client *c, enum perch_attr use, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_special_start(y.session, use, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}
