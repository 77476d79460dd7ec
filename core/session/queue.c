/* What leaves, and when. Ops wait in `queue` in the order they were started and leave in
 * that order; nothing is encoded before it may leave, so that a queued op costs nothing
 * to cancel and is written under what is known at that moment.
 *
 * A command moves into `out` up to the point where the server has to speak first, or where
 * the bytes of a caller's source stand; those follow as `out` has room. While it stands there
 * (`writing`) nothing overtakes it. */
#include "session/session.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"

#include <stdio.h>
#include <string.h>

/* Wait here, not in the socket: what has not left can still be cancelled. */
#define OUT_FULL ((size_t)64 << 10)

/* Bytes that are asked of a source at once: they come by way of the stack, since the source
 * may call anything, perch_session_sent() included. */
#define POUR_MAX ((size_t)16 << 10)

bool perch_sess_utf8_names(const perch_session *s)
{
    /* RFC 9755; RFC 9051 5.1 once IMAP4rev2 is enabled, or if nothing else is spoken. */
    return (s->enabled &
            (perch_cap_bit(PERCH_CAP_UTF8_ACCEPT) | perch_cap_bit(PERCH_CAP_IMAP4REV2))) ||
           (perch_session_can(s, PERCH_CAP_IMAP4REV2) &&
            !perch_session_can(s, PERCH_CAP_IMAP4REV1));
}

unsigned perch_sess_enc_mode(const perch_session *s)
{
    unsigned mode = 0;

    if (perch_session_can(s, PERCH_CAP_LITERAL_PLUS))
        mode |= PERCH_ENC_LITERAL_PLUS;
    if (perch_session_can(s, PERCH_CAP_LITERAL_MINUS))
        mode |= PERCH_ENC_LITERAL_MINUS;
    /* RFC 3516; RFC 6855 4: the literal of "UTF8 (~{n}...)" is of that form too. */
    if (perch_session_can(s, PERCH_CAP_BINARY) || perch_session_enabled(s, PERCH_CAP_UTF8_ACCEPT))
        mode |= PERCH_ENC_BINARY;
    if (perch_sess_utf8_names(s))
        mode |= PERCH_ENC_UTF8;
    return mode;
}

/* ---- commands ---- */

void perch_cmd_free(struct perch_cmd *cmd)
{
    perch_enc_done(&cmd->enc);
    perch_free(cmd);
}

void perch_cmd_wait(perch_session *s, struct perch_cmd *cmd)
{
    bool oldest = s->inflight.head.next == &cmd->link;

    cmd->deadline = cmd->patience && oldest ? perch_clock_add(s->now, cmd->patience) : PERCH_NEVER;
    if (!cmd->patience && cmd->op)
        perch_op_touch(cmd->op);
}

void perch_cmd_take(perch_session *s, struct perch_cmd *cmd)
{
    bool oldest = s->inflight.head.next == &cmd->link;
    struct perch_cmd *next;

    if (s->writing == cmd)
        s->writing = NULL;
    perch_unlink(&cmd->link);
    s->ninflight--;
    next = PERCH_LIST_FIRST(&s->inflight, struct perch_cmd, link);
    if (oldest && next)
        perch_cmd_wait(s, next);
}

void perch_sess_drop_output(perch_session *s)
{
    s->idle_phase = PERCH_IDLE_OFF;
    PERCH_LIST_EACH(&s->inflight, struct perch_cmd, link, cmd) {
        perch_cmd_take(s, cmd);
        perch_cmd_free(cmd);
    }
    perch_buf_done(&s->out);
}

struct perch_cmd *perch_sess_find_tag(const perch_session *s, struct perch_span tag)
{
    struct perch_span prefix = perch_span_of(s->tag_prefix);
    uint32_t number;

    if (tag.n <= prefix.n || memcmp(tag.p, prefix.p, prefix.n) != 0 || tag.p[prefix.n] == '0' ||
        !perch_num_u32((struct perch_span){tag.p + prefix.n, tag.n - prefix.n}, &number))
        return NULL;
    PERCH_LIST_EACH(&s->inflight, struct perch_cmd, link, cmd)
        if (cmd->number == number)
            return cmd;
    return NULL;
}

bool perch_sess_disown(perch_session *s, perch_op *op)
{
    bool polite = true;

    PERCH_LIST_EACH(&s->inflight, struct perch_cmd, link, cmd) {
        if (cmd->op != op)
            continue;
        if (cmd->bound || perch_cmd_in_literal(s, cmd)) /* what was announced must come */
            polite = false;
        cmd->op = NULL;
        if (!cmd->patience) {
            cmd->patience = s->options.command_timeout;
            perch_cmd_wait(s, cmd);
        }
    }
    if (op == s->idle)
        perch_idle_leave(s);
    return polite;
}

/* ---- writing ---- */

/* What a trace may see of the bytes from..to of a command. */
static void trace_out(perch_session *s, const struct perch_cmd *cmd, size_t from, size_t to)
{
    struct perch_buf shown = PERCH_BUF_INIT;
    const uint8_t *p = perch_buf_data(&cmd->enc.out);

    if (!s->hooks.on_trace)
        return;
    for (size_t i = 0; i < cmd->enc.nsecrets && from < to; i++) {
        struct perch_enc_secret secret = cmd->enc.secrets[i];

        if (secret.to <= from || secret.from >= to)
            continue;
        if (secret.from > from)
            perch_buf_add(&shown, p + from, secret.from - from);
        perch_buf_adds(&shown, "<secret>");
        from = secret.to < to ? secret.to : to;
    }
    perch_buf_add(&shown, p + from, to - from);
    if (!shown.failed)
        perch_sess_trace(s, true, perch_buf_span(&shown));
    perch_buf_done(&shown);
}

/* Moves the command's bytes up to `to`. False: out of memory, the connection ended. */
static bool move(perch_session *s, struct perch_cmd *cmd, size_t to)
{
    size_t from = cmd->moved;

    if (from == to)
        return true;
    perch_buf_add(&s->out, perch_buf_data(&cmd->enc.out) + from, to - from);
    if (s->out.failed) {
        (void)perch_sess_die_text(s, PERCH_ENOMEM, NULL, "out of memory while sending a command");
        return false;
    }
    s->out_moved += to - from;
    cmd->moved = to;
    cmd->end_at = s->out_moved;
    trace_out(s, cmd, from, to);
    return true;
}

static bool no_pour(perch_session *s, int code, const char *reason, const char *why)
{
    (void)perch_sess_die_text(s, code, reason, "closed inside a literal: %s", why);
    return false;
}

/* Up to `max` bytes of the source, into `out`. False when it failed or its callback ended
 * the op or the session: the literal can no longer be finished. */
static bool pour_some(perch_session *s, struct perch_cmd *cmd, size_t max)
{
    uint8_t chunk[POUR_MAX];
    perch_op *op = cmd->op ? perch_op_ref(cmd->op) : NULL;
    size_t n = op ? cmd->type->pull(op, chunk, max < sizeof chunk ? max : sizeof chunk) : 0;
    bool goes_on = perch_sess_alive(s) && cmd->op;

    if (goes_on)
        perch_op_touch(op);
    perch_op_unref(op);
    if (!goes_on)
        return false;
    if (n == 0)
        return no_pour(s, PERCH_ECLOSED, "source", "its source failed");
    perch_buf_add(&s->out, chunk, n);
    if (s->out.failed)
        return no_pour(s, PERCH_ENOMEM, NULL, "out of memory");
    s->out_moved += n;
    cmd->end_at = s->out_moved;
    cmd->poured += n;
    return true;
}

static void trace_source(perch_session *s, uint64_t size)
{
    char text[32];
    int n = snprintf(text, sizeof text, "<%llu bytes>", (unsigned long long)size);

    perch_sess_trace(s, true, (struct perch_span){text, (size_t)n});
}

/* The bytes of a caller's source go into `out` as far as there is room, and no further: what
 * the network does not take is not read. True when all of them are in. */
static bool pour(perch_session *s, struct perch_cmd *cmd, uint64_t size)
{
    while (cmd->poured < size && s->out.len < OUT_FULL && perch_sess_alive(s)) {
        uint64_t left = size - cmd->poured;
        size_t room = OUT_FULL - s->out.len;

        if (cmd->poured == 0)
            trace_source(s, size);
        if (!pour_some(s, cmd, left < room ? (size_t)left : room))
            return false;
    }
    return cmd->poured == size;
}

/* Up to the next stop and over it; false if it has to wait there. */
static bool pass_stop(perch_session *s, struct perch_cmd *cmd)
{
    const struct perch_enc_stop *stop = &cmd->enc.stops[cmd->stop];

    if (!move(s, cmd, stop->at) || !perch_sess_alive(s))
        return false;
    if (stop->wait && !cmd->agreed) {
        cmd->waiting = true;
        return false;
    }
    if (!pour(s, cmd, stop->source))
        return false;
    cmd->stop++;
    cmd->agreed = false;
    cmd->poured = 0;
    return true;
}

/* Moves what may leave of the command that is being written; true when it is done and
 * the next one may follow. */
static bool write_on(perch_session *s)
{
    struct perch_cmd *cmd = s->writing;
    const struct perch_enc *enc = &cmd->enc;

    while (cmd->stop < enc->nstops)
        if (cmd->waiting || !pass_stop(s, cmd))
            return false;
    if (!move(s, cmd, enc->out.len) || !perch_sess_alive(s) || cmd->open)
        return false;
    s->writing = NULL;
    perch_enc_done(&cmd->enc);
    return true;
}

/* ---- which command may leave ---- */

static bool exclusive(enum perch_answers answers)
{
    return answers == PERCH_ANSWERS_CAPABILITY || answers == PERCH_ANSWERS_ID ||
           answers == PERCH_ANSWERS_LIST || answers == PERCH_ANSWERS_SEARCH ||
           answers == PERCH_ANSWERS_QUOTA;
}

/* May `op` be in flight beside `cmd`? The conservative reading of RFC 9051 5.5. */
static bool conflicts(const perch_op *op, const struct perch_cmd *cmd)
{
    enum perch_answers mine = op->type->answers, theirs = cmd->answers;

    if ((op->flags | cmd->type->flags | (cmd->op ? cmd->op->flags : 0)) & PERCH_OP_ALONE)
        return true;
    /* Every command but FETCH, STORE and SEARCH by number lets messages vanish, and
     * the numbers behind them move. */
    if ((op->flags & PERCH_OP_SEQ) && !(cmd->op && (cmd->op->flags & PERCH_OP_STILL)))
        return true;
    if (op == cmd->op)
        return false;
    if (mine == theirs && exclusive(mine))
        return true;
    /* LIST may bring STATUS, and which of two FETCH a row is for only their sets tell. */
    if ((mine == PERCH_ANSWERS_STATUS && theirs == PERCH_ANSWERS_LIST) ||
        (mine == PERCH_ANSWERS_LIST && theirs == PERCH_ANSWERS_STATUS))
        return true;
    return mine == PERCH_ANSWERS_FETCH && theirs == PERCH_ANSWERS_FETCH &&
           (!cmd->op || perch_op_overlaps(op, cmd->op));
}

/* The only place that decides whether a command may leave now. */
static bool op_may_send(const perch_session *s, const perch_op *op)
{
    if (s->state == PERCH_STATE_GREETING || s->state == PERCH_STATE_SWITCHING ||
        s->state >= PERCH_STATE_LOGOUT)
        return false;
    if (s->writing) /* the server owes a "+": nothing may overtake it */
        return s->idle_phase == PERCH_IDLE_ON;
    if (s->out.len >= OUT_FULL || s->ninflight >= s->options.window)
        return false;
    PERCH_LIST_EACH(&s->inflight, struct perch_cmd, link, cmd)
        if (conflicts(op, cmd))
            return false;
    return true;
}

static perch_op *next_op(const perch_session *s)
{
    perch_op *op = PERCH_LIST_FIRST(&s->queue, perch_op, queued);

    if (!op && perch_idle_wants_in(s))
        op = s->idle;
    return op && op_may_send(s, op) ? op : NULL;
}

/* ---- building ---- */

static struct perch_cmd *cmd_new(perch_session *s, perch_op *op)
{
    struct perch_cmd *cmd = perch_calloc(1, sizeof *cmd);

    if (!cmd)
        return NULL;
    cmd->op = op;
    cmd->type = op->type;
    cmd->answers = op->type->answers;
    cmd->number = ++s->tag_number;
    cmd->deadline = PERCH_NEVER;
    perch_enc_init(&cmd->enc, perch_sess_enc_mode(s));
    perch_enc_word(&cmd->enc, s->tag_prefix);
    perch_enc_num(&cmd->enc, cmd->number);
    perch_enc_sp(&cmd->enc);
    return cmd;
}

/* The op's next command, NULL when it has none: nothing to do, or op->error says why. */
static struct perch_cmd *build(perch_session *s, perch_op *op)
{
    struct perch_error why = {0};
    struct perch_cmd *cmd;
    int rc;

    if (!(op->type->states & (1u << s->state))) {
        (void)perch_op_fail(op, PERCH_ESTATE, "not while the session is %s",
                            perch_state_name(s->state));
        return NULL;
    }
    cmd = cmd_new(s, op);
    if (!cmd) {
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
        return NULL;
    }
    rc = op->type->build(op, cmd);
    if (rc == 0) {
        rc = perch_enc_end(&cmd->enc, &why);
        if (rc)
            (void)perch_op_fail(op, rc, "%s", why.text);
    }
    if (rc) {
        s->tag_number--;
        perch_cmd_free(cmd);
        return NULL;
    }
    return cmd;
}

static void launch(perch_session *s, perch_op *op, struct perch_cmd *cmd)
{
    perch_list_add(&s->inflight, &cmd->link);
    s->ninflight++;
    s->writing = cmd;
    cmd->open = op->flags & PERCH_OP_DIALOGUE;
    op->unanswered++;
    op->more = false;
    if (op->type->begun)
        op->type->begun(op, cmd);
    perch_cmd_wait(s, cmd);
    if (!op->more)
        perch_unlink(&op->queued);
}

/* Takes the next command of the op into flight; without one the op is done. */
static void send_next(perch_session *s, perch_op *op)
{
    struct perch_cmd *cmd = build(s, op);

    (void)perch_op_ref(op);
    if (cmd)
        launch(s, op, cmd);
    else
        perch_unlink(&op->queued);
    if (!cmd && op->unanswered == 0)
        perch_op_finish(op);
    perch_op_unref(op);
}

static void pump(perch_session *s)
{
    while (perch_sess_alive(s)) {
        perch_op *op;

        if (s->writing && write_on(s))
            continue;
        op = next_op(s);
        if (!op)
            return;
        if (s->idle_phase == PERCH_IDLE_ON)
            perch_idle_leave(s);
        else
            send_next(s, op);
    }
}

void perch_sess_pump(perch_session *s)
{
    if (s->pumping)
        return;
    s->pumping = true;
    pump(s);
    s->pumping = false;
}

bool perch_sess_has_output(const perch_session *s)
{
    const struct perch_cmd *cmd = s->writing;

    if (s->out.len > 0)
        return true;
    if (!perch_sess_alive(s))
        return false;
    if (cmd && !cmd->waiting && cmd->moved < cmd->enc.out.len)
        return true;
    return next_op(s) != NULL;
}
