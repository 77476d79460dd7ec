/* IDLE (RFC 2177) as a mode: s->idle is on the wire whenever nothing else wants to be.
 *
 *   OFF -> ASKED   "IDLE" left
 *   ASKED -> ON    the server's "+"
 *   ON -> LEAVING  "DONE" leaves; commands may follow it at once
 *   LEAVING -> OFF the tagged answer
 *   ON -> RESTING  a tagged answer without DONE: the server wants no more of it at present
 *   RESTING -> OFF a second later, so that such a server is not asked at network speed
 *
 * While LEAVING the mode may be asked for again behind the commands, in the same write:
 * the phase is then that of the later IDLE, and the answer to the earlier one does not
 * change it. */
#include "session/session.h"

#include "perch/commands.h"

#include "base/err.h"

#include <assert.h>

#define RENEW_DEFAULT (28 * 60 * 1000) /* RFC 2177: servers may log out after 30 minutes */
#define AGREE_MAX     (30 * 1000)      /* for the "+" */
#define DONE_MAX      (60 * 1000)      /* for the answer to DONE */
#define REST          1000

struct idle_op {
    struct perch_op op;
    perch_ms renew;
    bool stopping;
};

static const struct perch_op_type idle_type;

static perch_ms at_most(const perch_session *s, perch_ms t)
{
    return t < s->options.command_timeout ? t : s->options.command_timeout;
}

static void enter_phase(perch_session *s, enum perch_idle_phase phase)
{
    s->idle_phase = phase;
    s->idle_since = s->now;
}

static int build_idle(perch_op *op, struct perch_cmd *cmd)
{
    if (op->s->caps.known && !perch_session_can(op->s, PERCH_CAP_IDLE))
        return perch_op_fail(op, PERCH_ECAPABILITY, "the server does not offer IDLE");
    perch_enc_word(&cmd->enc, "IDLE");
    return 0;
}

static void idle_begun(perch_op *op, struct perch_cmd *cmd)
{
    op->s->idle = op;
    cmd->patience = at_most(op->s, AGREE_MAX);
    enter_phase(op->s, PERCH_IDLE_ASKED);
}

static void idle_go_on(perch_session *s, perch_op *op, struct perch_cmd *cmd,
                       const struct perch_resp *resp)
{
    if (cmd->step) {
        (void)perch_sess_malformed(s, resp->raw, "a second \"+\" in IDLE");
        return;
    }
    cmd->step = 1; /* agreed */
    cmd->patience = 0;
    perch_cmd_wait(s, cmd);
    enter_phase(s, PERCH_IDLE_ON);
    if (!op || ((struct idle_op *)op)->stopping)
        perch_idle_leave(s);
}

static void idle_settle(perch_session *s, const struct perch_cmd *cmd,
                        const struct perch_resp *resp)
{
    (void)resp;
    PERCH_LIST_EACH(&s->inflight, struct perch_cmd, link, other)
        if (other->type == &idle_type && other->number > cmd->number)
            return; /* the phase is that one's */
    enter_phase(s, s->idle_phase == PERCH_IDLE_ON ? PERCH_IDLE_RESTING : PERCH_IDLE_OFF);
}

static void idle_answered(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    perch_op_note_status(op, resp);
    if (!op->error.code && !cmd->step)
        (void)perch_op_fail(op, PERCH_EPROTO, "the server ended it before it agreed to it");
    if (op->error.code || (((struct idle_op *)op)->stopping && op->unanswered == 0))
        perch_op_finish(op);
}

static const struct perch_op_type idle_type = {
    .name = "IDLE",
    .size = sizeof(struct idle_op),
    .states = PERCH_IN_AUTH,
    .flags = PERCH_OP_DIALOGUE,
    .build = build_idle,
    .begun = idle_begun,
    .go_on = idle_go_on,
    .settle = idle_settle,
    .answered = idle_answered,
};

int perch_idle_start(perch_session *s, perch_ms renew, perch_done_fn *done, void *user,
                     perch_op **ret_op)
{
    perch_op *op = perch_op_new(s, &idle_type, done, user);

    if (op) {
        ((struct idle_op *)op)->renew = renew > 0 ? renew : RENEW_DEFAULT;
        op->timeout = 0; /* a mode lasts */
        PERCH_LIST_EACH(&s->ops, perch_op, link, other)
            if (other->type == &idle_type)
                (void)perch_op_fail(op, PERCH_ESTATE, "the session is already in IDLE");
    }
    return perch_op_start(s, op, ret_op);
}

void perch_idle_stop(perch_op *op)
{
    struct idle_op *i = (struct idle_op *)op;
    perch_session *s = op->s;

    if (op->type != &idle_type || op->finished || !s)
        return;
    perch_sess_enter(s);
    i->stopping = true;
    if (op->unanswered == 0)
        perch_op_finish(op);
    else
        perch_idle_leave(s);
    (void)perch_sess_leave(s);
}

void perch_idle_leave(perch_session *s)
{
    struct perch_cmd *cmd = s->writing;

    if (s->idle_phase != PERCH_IDLE_ON)
        return;
    assert(cmd && cmd->type == &idle_type && cmd->open);
    perch_enc_word(&cmd->enc, "DONE");
    if (perch_enc_end(&cmd->enc, NULL)) {
        (void)perch_sess_die_text(s, PERCH_ENOMEM, NULL, "out of memory while leaving IDLE");
        return;
    }
    cmd->open = false;
    cmd->patience = at_most(s, DONE_MAX);
    perch_cmd_wait(s, cmd);
    enter_phase(s, PERCH_IDLE_LEAVING);
}

bool perch_idle_wants_in(const perch_session *s)
{
    const struct idle_op *i = (const struct idle_op *)s->idle;

    return i && !i->stopping && !i->op.error.code &&
           (s->idle_phase == PERCH_IDLE_OFF || s->idle_phase == PERCH_IDLE_LEAVING);
}

perch_ms perch_idle_deadline(const perch_session *s)
{
    if (!s->idle)
        return PERCH_NEVER;
    if (s->idle_phase == PERCH_IDLE_RESTING)
        return perch_clock_add(s->idle_since, REST);
    if (s->idle_phase == PERCH_IDLE_ON)
        return perch_clock_add(s->idle_since, ((const struct idle_op *)s->idle)->renew);
    return PERCH_NEVER;
}

void perch_idle_tick(perch_session *s)
{
    if (s->now < perch_idle_deadline(s))
        return;
    if (s->idle_phase == PERCH_IDLE_RESTING)
        enter_phase(s, PERCH_IDLE_OFF);
    else
        perch_idle_leave(s);
}

bool perch_idle_on(const perch_op *op)
{
    return op->s && op->s->idle == op && op->s->idle_phase == PERCH_IDLE_ON;
}
