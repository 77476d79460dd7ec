/* Blocking twins that administer mailboxes and the server, and that of any command. */
#include "client/sync.h"

int perch_getacl_sync(perch_client *c, const struct perch_acl_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_getacl_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_setacl_sync(perch_client *c, const struct perch_acl_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_setacl_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_deleteacl_sync(perch_client *c, const struct perch_acl_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_deleteacl_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_listrights_sync(perch_client *c, const struct perch_acl_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_listrights_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_myrights_sync(perch_client *c, const struct perch_acl_args *args, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_myrights_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_getquota_sync(perch_client *c, struct perch_span root, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_getquota_start(y.session, root, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_getquotaroot_sync(perch_client *c, struct perch_span mailbox, bool raw_name,
                            perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_getquotaroot_start(y.session, mailbox, raw_name, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_setquota_sync(perch_client *c, struct perch_span root,
                        const struct perch_quota_limit *limits, size_t n, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_setquota_start(y.session, root, limits, n, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_getmetadata_sync(perch_client *c, const struct perch_getmetadata_args *args,
                           perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_getmetadata_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_setmetadata_sync(perch_client *c, const struct perch_setmetadata_args *args,
                           perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_setmetadata_start(y.session, args, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_language_sync(perch_client *c, const char *const *languages, size_t n, perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_language_start(y.session, languages, n, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}

int perch_raw_sync(perch_client *c, const char *command, const struct perch_raw_arg *args, size_t n,
                   perch_op **ret_op)
{
    struct perch_sync y;
    int rc = perch_sync_begin(&y, c, ret_op);

    if (rc == PERCH_OK)
        rc = perch_raw_start(y.session, command, args, n, perch_sync_done, &y, &y.op);
    return perch_sync_end(&y, rc);
}
