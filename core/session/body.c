/* Bodies above limits.inline_literal: whose they are, handing them on, pausing.
 *
 * When the "{n}" of one was read, the response is parsed as far as it has come, as if it ended
 * there. An op with a sink gets the bytes out of the caller's buffer: nothing of them is copied.
 * Without a sink the body is kept in the unit, like a small literal. What nobody asked for
 * passes by and costs nothing. */
#include "session/session.h"

#include "perch/commands.h"

#include "base/mem.h"

/* ---- whose it is ---- */

static int no_memory(perch_session *s)
{
    return perch_sess_die_text(s, PERCH_ENOMEM, NULL, "out of memory for a message body");
}

static int add_hole(perch_session *s, uint64_t size)
{
    if (s->nholes == s->holes_cap) {
        size_t cap = s->holes_cap ? s->holes_cap * 2 : 4;
        struct perch_hole *holes = perch_reallocarray(s->holes, cap, sizeof *holes);

        if (!holes)
            return no_memory(s);
        s->holes = holes;
        s->holes_cap = cap;
    }
    s->holes[s->nholes++] = (struct perch_hole){.at = s->kept.len, .size = size};
    return 0;
}

/* The row as far as it has come, closed behind the body: *ret_row is NULL if that makes no
 * sense; then the whole of it will not either. */
static int parse_so_far(perch_session *s, struct perch_resp *resp,
                        const struct perch_fetch **ret_row)
{
    struct perch_parse_report report;
    const struct perch_fetch *row = &resp->u.fetch;
    size_t n = s->kept.len;
    int rc;

    *ret_row = NULL;
    perch_buf_adds(&s->kept, ")\r\n");
    if (s->kept.failed)
        return no_memory(s);
    perch_arena_reset(&s->unit_arena);
    rc = perch_sess_parse(s,
                          (struct perch_unit){.bytes = perch_buf_span(&s->kept),
                                              .holes = s->holes,
                                              .nholes = s->nholes},
                          &s->unit_arena, resp, &report);
    perch_buf_truncate(&s->kept, n);
    if (rc == PERCH_ENOMEM)
        return no_memory(s);
    if (rc == 0 && (resp->type == PERCH_RESP_FETCH || resp->type == PERCH_RESP_UIDFETCH) &&
        row->nsections && row->sections[row->nsections - 1].streamed)
        *ret_row = row;
    return 0;
}

/* The op that asked for it, NULL: none. *ret_sure is false while several commands may have
 * and the number that would tell them apart is still to come. */
static perch_op *find_owner(const perch_session *s, const struct perch_fetch *row, bool *ret_sure)
{
    perch_op *owner = NULL;
    bool others = false;

    PERCH_LIST_EACH(&s->inflight, struct perch_cmd, link, cmd) {
        if (cmd->answers != PERCH_ANSWERS_FETCH)
            continue;
        if (!cmd->op)
            others = true; /* given up: the body may be for that */
        else if (cmd->type->claims_body && cmd->type->claims_body(cmd->op, row)) {
            others = others || (owner && owner != cmd->op);
            owner = owner ? owner : cmd->op;
        }
    }
    *ret_sure = !others || (owner && (owner->flags & PERCH_OP_SEQ ? row->seq : row->uid) != 0);
    return owner;
}

/* ---- its life ---- */

static void tell_begin(perch_op *op, const struct perch_fetch *row)
{
    const struct perch_body_head head = {
        .seq = row->seq,
        .uid = row->uid,
        .section = &row->sections[row->nsections - 1],
    };

    (void)perch_op_ref(op);
    if (op->sink->begin)
        op->sink->begin(op, &head, op->user);
    perch_op_unref(op);
}

static int keep(perch_session *s, uint64_t size)
{
    struct perch_error why;
    int rc = perch_framer_keep(&s->framer, size, &why);

    s->nholes--;
    return rc ? perch_sess_die(s, &why) : 0;
}

int perch_body_begin(perch_session *s, uint64_t size)
{
    const struct perch_fetch *row = NULL;
    struct perch_resp resp;
    perch_op *op;
    bool sure = true;
    int rc = add_hole(s, size);

    if (rc == 0)
        rc = parse_so_far(s, &resp, &row);
    if (rc)
        return rc;
    perch_framer_resume(&s->framer, s->kept.len);
    perch_body_drop(s, s->body.op); /* of one that is kept in front of it */
    op = row ? find_owner(s, row, &sure) : NULL;
    s->body.op = op ? perch_op_ref(op) : NULL;
    if (op && (!op->sink || !sure))
        return keep(s, size);
    s->body.on = true;
    s->body.left = size;
    if (op)
        tell_begin(op, row);
    return 0;
}

static void hand_out(perch_session *s, const uint8_t *data, size_t n)
{
    perch_op *op = s->body.op;

    s->body.left -= n;
    if (!op)
        return;
    (void)perch_op_ref(op);
    if (op->sink->data && op->sink->data(op, data, n, op->user) == PERCH_PAUSE && s->body.op == op)
        s->body.paused = s->body.held = true;
    perch_op_unref(op);
}

static void finish(perch_session *s)
{
    perch_op *op = s->body.op;

    s->body.on = false;
    s->body.op = NULL;
    if (op && op->sink->end)
        op->sink->end(op, op->user);
    perch_op_unref(op);
}

size_t perch_body_feed(perch_session *s, const uint8_t *data, size_t len)
{
    size_t n = s->body.left < len ? (size_t)s->body.left : len;

    if (n)
        hand_out(s, data, n);
    if (s->body.left == 0 && !s->body.paused && perch_sess_alive(s))
        finish(s);
    return n;
}

void perch_body_drop(perch_session *s, perch_op *op)
{
    if (!op || s->body.op != op)
        return;
    s->wake = s->wake || s->body.paused;
    s->body.paused = false;
    s->body.op = NULL;
    perch_op_unref(op);
}

/* ---- pausing ---- */

bool perch_session_paused(const perch_session *s)
{
    return s->body.paused;
}

void perch_op_resume(perch_op *op)
{
    perch_session *s = op->s;

    if (!s || !s->body.paused || s->body.op != op)
        return;
    perch_sess_enter(s);
    s->body.paused = false;
    s->wake = true;
    (void)perch_sess_leave(s);
}

void perch_body_hold(perch_session *s, perch_ms passed)
{
    if (!s->body.held)
        return;
    s->body.held = s->body.paused;
    PERCH_LIST_EACH(&s->inflight, struct perch_cmd, link, cmd)
        if (cmd->deadline != PERCH_NEVER)
            cmd->deadline += passed;
    PERCH_LIST_EACH(&s->ops, perch_op, link, op)
        if (op->unanswered && op->deadline != PERCH_NEVER)
            op->deadline += passed;
}
