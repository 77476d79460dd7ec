/* IDLE (RFC 2177) on the first mailbox. libperch leaves it and enters it again around every
 * other command, so that looking at other mailboxes costs one round trip. */
#include "engine/watch.h"

#include "log.h"

#include "base/mem.h"
#include "perch/commands.h"

static void on_idle_done(perch_op *op, void *user)
{
    struct account *a = user;
    bool no;

    if (a->idle == op)
        a->idle = NULL;
    if (account_op_ok(a, op, &no) || !no)
        return;
    log_info(a->cfg->key, "the server refuses IDLE (%s): polling instead", perch_op_text(op));
    a->watch = &watch_poll;
}

static void idle_start(struct account *a)
{
    if (!a->idle && perch_idle_start(a->session, a->cfg->renew_ms, on_idle_done, a, &a->idle) < 0)
        account_fail(a, perch_session_error(a->session));
}

static void idle_stop(struct account *a)
{
    perch_op *op = perch_take(a->idle);

    if (op)
        perch_idle_stop(op);
}

const struct watch watch_idle = {.name = "idle", .start = idle_start, .stop = idle_stop};
