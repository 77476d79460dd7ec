/* The life of an op. `done` runs exactly once: perch_op_finish is the only caller. */
#include "session/session.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What one op may collect. A caller who wants more takes the rows as they come. */
#define COLLECT_MAX ((size_t)256 << 20)

/* ---- starting ---- */

perch_op *perch_op_new(perch_session *s, const struct perch_op_type *type, perch_done_fn *done,
                       void *user)
{
    perch_op *op = perch_calloc(1, type->size);

    if (!op)
        return NULL;
    op->s = s;
    op->type = type;
    op->name = type->name;
    op->flags = type->flags;
    op->done = done;
    op->user = user;
    op->refs = 1;
    op->timeout = s->options.command_timeout;
    op->deadline = PERCH_NEVER;
    op->text = "";
    perch_arena_init(&op->arena, 1024);
    op->arena.limit = COLLECT_MAX;
    return op;
}

static void op_free(perch_op *op)
{
    if (op->type->drop)
        op->type->drop(op);
    perch_arena_done(&op->arena);
    perch_free(op);
}

perch_op *perch_op_ref(perch_op *op)
{
    op->refs++;
    return op;
}

void perch_op_unref(perch_op *op)
{
    if (op && --op->refs == 0)
        op_free(op);
}

static enum perch_remedy remedy_of(int code)
{
    switch (code) {
    case PERCH_EINVAL:
    case PERCH_ESTATE:
    case PERCH_EREENTRANT:
    case PERCH_ECRITERIA:
        return PERCH_FIX_CODE;
    case PERCH_ENOMEM:
    case PERCH_ELIMIT:
        return PERCH_TRY_LATER;
    default:
        return PERCH_TRY_NOTHING;
    }
}

int perch_op_fail(perch_op *op, int code, const char *fmt, ...)
{
    char text[PERCH_ERROR_TEXT];
    va_list ap;

    if (op->error.code)
        return op->error.code;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return perch_error_set(&op->error, code, PERCH_HITS_OP, remedy_of(code), NULL, "%s: %s",
                           op->name, text);
}

int perch_op_need(perch_op *op, enum perch_cap cap)
{
    if (!op->s->caps.known || perch_session_can(op->s, cap))
        return 0;
    return perch_op_fail(op, PERCH_ECAPABILITY, "the server does not offer %s",
                         perch_cap_name(cap));
}

/* Would its first command be accepted now? The caller hears of a bad argument at once. */
static int try_build(perch_op *op)
{
    struct perch_cmd cmd = {.op = op, .type = op->type};
    int rc;

    if (op->flags & PERCH_OP_LATE)
        return 0;
    perch_enc_init(&cmd.enc, perch_sess_enc_mode(op->s));
    rc = op->type->build(op, &cmd);
    if (rc == 0) {
        struct perch_error why = {0};

        rc = perch_enc_end(&cmd.enc, &why);
        if (rc < 0)
            (void)perch_op_fail(op, rc, "%s", why.text);
    }
    perch_enc_done(&cmd.enc);
    return rc < 0 ? rc : 0;
}

/* Behind a command that changes what the server can, what is enabled or what is selected (a
 * login, ENABLE, SELECT) nobody can tell yet; it is looked at again before it is sent. */
static bool may_change(const perch_session *s)
{
    PERCH_LIST_EACH(&s->ops, perch_op, link, op)
        if (op->flags & PERCH_OP_ALONE)
            return true;
    return false;
}

static int may_start(perch_session *s, perch_op *op)
{
    enum perch_state state = perch_sess_projected(s);
    int rc;

    if (op->error.code)
        return op->error.code;
    if (s->doomed || !(op->type->states & (1u << state)))
        return perch_op_fail(op, PERCH_ESTATE, "not while the session is %s",
                             perch_state_name(state));
    rc = try_build(op);
    if ((rc == PERCH_ECAPABILITY || rc == PERCH_ESTATE || rc == PERCH_EREADONLY) && may_change(s)) {
        perch_error_clear(&op->error);
        return 0;
    }
    return rc;
}

int perch_op_start(perch_session *s, perch_op *op, perch_op **ret_op)
{
    int rc;

    if (!op)
        return perch_error_set(&s->refusal, PERCH_ENOMEM, PERCH_HITS_OP, PERCH_TRY_LATER, NULL,
                               "out of memory");
    rc = may_start(s, op);
    if (rc) {
        s->refusal = op->error;
        perch_op_unref(op);
        return rc;
    }
    perch_sess_enter(s);
    perch_list_add(&s->ops, &op->link);
    perch_list_add(&s->queue, &op->queued);
    if (ret_op)
        *ret_op = op;
    (void)perch_sess_leave(s);
    return 0;
}

struct perch_span perch_op_copy(perch_op *op, struct perch_span s)
{
    struct perch_span copy = {0};

    if (perch_arena_dup(&op->arena, s, &copy))
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
    return copy;
}

struct perch_set perch_op_copy_set(perch_op *op, const struct perch_set *set)
{
    struct perch_set copy = PERCH_SET_INIT;

    if (!set || !set->n)
        return copy;
    copy.r = perch_arena_array(&op->arena, set->n, sizeof *copy.r);
    if (!copy.r) {
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
        return copy;
    }
    memcpy(copy.r, set->r, set->n * sizeof *copy.r);
    copy.n = set->n;
    return copy;
}

bool perch_op_overlaps(const perch_op *a, const perch_op *b)
{
    const struct perch_set *sa = a->messages, *sb = b->messages;
    size_t i = 0, j = 0;

    if (!sa || !sb)
        return false;
    if ((a->flags ^ b->flags) & PERCH_OP_SEQ)
        return true;
    while (i < sa->n && j < sb->n) {
        if (sa->r[i].last < sb->r[j].first)
            i++;
        else if (sb->r[j].last < sa->r[i].first)
            j++;
        else
            return true;
    }
    return false;
}

/* ---- while it lives ---- */

void perch_op_queue_first(perch_op *op)
{
    perch_unlink(&op->queued);
    perch_list_push_front(&op->s->queue, &op->queued);
}

void perch_op_touch(perch_op *op)
{
    op->retimed = false;
    op->deadline = op->timeout && op->s ? perch_clock_add(op->s->now, op->timeout) : PERCH_NEVER;
}

void perch_op_finish(perch_op *op)
{
    if (op->finished)
        return;
    op->finished = true;
    perch_unlink(&op->queued);
    perch_unlink(&op->link);
    perch_body_drop(op->s, op);
    if (op->unanswered)
        (void)perch_sess_disown(op->s, op);
    if (op->s->idle == op)
        op->s->idle = NULL;
    if (op->done)
        op->done(op, op->user);
    op->s = NULL;
    perch_op_unref(op);
}

/* What to do about a NO, by its code (RFC 5530). */
static enum perch_remedy remedy_of_no(enum perch_code code)
{
    static const enum perch_code ask[] = {
        PERCH_CODE_NONEXISTENT,   PERCH_CODE_NOPERM,       PERCH_CODE_OVERQUOTA,
        PERCH_CODE_CANNOT,        PERCH_CODE_CONTACTADMIN, PERCH_CODE_EXPIRED,
        PERCH_CODE_ALREADYEXISTS, PERCH_CODE_TRYCREATE,    PERCH_CODE_PRIVACYREQUIRED,
    };

    for (size_t i = 0; i < PERCH_COUNT(ask); i++)
        if (code == ask[i])
            return PERCH_ASK_USER;
    return PERCH_TRY_LATER;
}

void perch_op_note_status(perch_op *op, const struct perch_resp *resp)
{
    const struct perch_status_resp *status = &resp->u.status;
    const struct perch_resp *kept = perch_op_keep(op);
    bool no = resp->type == PERCH_RESP_NO;

    if (kept && perch_sess_trusted(op->s)) {
        const char *text =
            perch_arena_strndup(&op->arena, kept->u.status.text.p, kept->u.status.text.n);

        op->status = &kept->u.status;
        op->text = text ? text : "";
    }
    if (resp->type == PERCH_RESP_OK || op->error.code)
        return;
    perch_error_set(&op->error, no ? PERCH_ENO : PERCH_EBAD, PERCH_HITS_OP,
                    no ? remedy_of_no(status->code) : PERCH_FIX_CODE, NULL,
                    "%s was answered %s%s%s", op->name, no ? "NO" : "BAD", *op->text ? ": " : "",
                    op->text);
    op->error.resp_code = (int)status->code;
}

void perch_op_answered(perch_op *op, const struct perch_cmd *cmd, const struct perch_resp *resp)
{
    (void)cmd;
    perch_op_note_status(op, resp);
    perch_op_finish_if_done(op);
}

void perch_op_finish_if_done(perch_op *op)
{
    if (op->error.code)
        perch_unlink(&op->queued);
    if (op->unanswered == 0 && !perch_linked(&op->queued))
        perch_op_finish(op);
}

const struct perch_resp *perch_op_keep(perch_op *op)
{
    struct perch_parse_report report;
    struct perch_unit unit = op->s->unit;
    struct perch_hole *holes = perch_arena_array(&op->arena, unit.nholes, sizeof *holes);
    struct perch_resp *resp = perch_arena_zalloc(&op->arena, sizeof *resp);
    int rc = PERCH_ENOMEM;

    if (holes && resp && !perch_arena_dup(&op->arena, unit.bytes, &unit.bytes)) {
        if (unit.nholes)
            memcpy(holes, unit.holes, unit.nholes * sizeof *holes);
        unit.holes = holes;
        rc = perch_sess_parse(op->s, unit, &op->arena, resp, &report);
    }
    if (rc == 0)
        return resp;
    if (rc != PERCH_EPROTO)
        (void)perch_op_fail(op, rc, "its results need more memory than there is");
    return NULL;
}

void perch_op_add_row(perch_op *op, struct perch_rows *rows, const void *row)
{
    if (rows->n == rows->cap) {
        size_t cap = rows->cap ? rows->cap * 2 : 16;
        const void **v = perch_reallocarray(rows->v, cap, sizeof *v);

        if (!v) {
            (void)perch_op_fail(op, PERCH_ENOMEM, "its results need more memory than there is");
            return;
        }
        rows->v = v;
        rows->cap = cap;
    }
    rows->v[rows->n++] = row;
}

/* ---- what callers ask and do ---- */

void perch_op_cancel(perch_op *op)
{
    perch_session *s = op->s;
    bool leave_alone;

    if (op->finished || !s)
        return;
    perch_sess_enter(s);
    leave_alone = perch_sess_disown(s, op);
    perch_error_set(&op->error, PERCH_ECANCELLED,
                    leave_alone ? PERCH_HITS_OP : PERCH_HITS_CONNECTION, PERCH_TRY_NOTHING, NULL,
                    "%s was cancelled", op->name);
    perch_op_finish(op);
    if (!leave_alone && perch_sess_alive(s))
        (void)perch_sess_die_text(s, PERCH_ECLOSED, "cancelled",
                                  "closed: a command was cancelled where it could not be left");
    (void)perch_sess_leave(s);
}

void perch_op_set_timeout(perch_op *op, perch_ms timeout)
{
    perch_session *s = op->s;

    op->timeout = timeout > 0 ? timeout : 0;
    op->deadline = PERCH_NEVER;
    op->retimed = op->timeout && s;
    if (!op->retimed)
        return;
    perch_sess_enter(s);
    s->wake = true;
    (void)perch_sess_leave(s);
}

int perch_op_code(const perch_op *op)
{
    return op->error.code;
}

const struct perch_error *perch_op_error(const perch_op *op)
{
    return &op->error;
}

bool perch_op_finished(const perch_op *op)
{
    return op->finished;
}

const char *perch_op_text(const perch_op *op)
{
    return op->text;
}

const struct perch_status_resp *perch_op_status(const perch_op *op)
{
    return op->status;
}

perch_session *perch_op_session(const perch_op *op)
{
    return op->s;
}

const char *perch_op_command(const perch_op *op)
{
    return op->name;
}
