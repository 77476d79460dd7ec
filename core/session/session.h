/* The inside of a session, for the files of this room.
 *
 * Every public function that may call back is framed by perch_sess_enter and
 * perch_sess_leave. After anything that may have called back, ask perch_sess_alive: the
 * callback may have freed the session or ended the connection. Both only leave a mark;
 * the outermost leave completes the ops and frees. An op that a callback may have
 * cancelled is held by a reference, and asked whether it is `finished`. */
#ifndef PERCH_SESSION_SESSION_H
#define PERCH_SESSION_SESSION_H

#include "session/caps.h"
#include "session/mirror.h"
#include "session/op.h"

#include "wire/framer.h"
#include "wire/resp.h"
#include "base/buf.h"
#include "base/clock.h"

enum perch_idle_phase {
    PERCH_IDLE_OFF = 0,
    PERCH_IDLE_ASKED,
    PERCH_IDLE_ON,
    PERCH_IDLE_LEAVING,
    PERCH_IDLE_RESTING
};

/* The body being read, above limits.inline_literal. */
struct perch_body_flow {
    perch_op *op;  /* who asked for it, referenced; NULL: nobody, or not any more */
    bool on;       /* its bytes go past the unit */
    bool paused;   /* nothing is eaten */
    bool held;     /* it was, since the last tick */
    uint64_t left; /* bytes still to come */
};

struct perch_session {
    struct perch_session_options options;
    struct perch_session_hooks hooks;
    void *user;

    enum perch_state state;
    bool let_in; /* authenticated; still so in LOGOUT */
    bool secure;
    bool doomed;     /* freed inside a callback */
    bool feeding;    /* inside perch_session_feed */
    bool pumping;    /* inside perch_sess_pump */
    bool had_output; /* on_output told, or there was no need to */
    bool wake;       /* tell on_output: a deadline was set */
    bool bye;        /* read */
    bool no_closed;  /* the server promises [CLOSED] and does not send it */
    unsigned depth;  /* public functions on the stack */
    perch_ms now;
    struct perch_error error;   /* why the connection is of no more use */
    struct perch_error refusal; /* why the last start was refused */
    char *greeting;
    perch_ms greeting_deadline;

    /* in */
    struct perch_framer framer;
    struct perch_arena unit_arena;
    struct perch_unit unit; /* the one being handled */
    struct perch_buf kept;  /* a unit's bytes, while body literals stream past it */
    struct perch_hole *holes;
    size_t nholes, holes_cap;
    struct perch_body_flow body;
    size_t looked_at;   /* bytes of an unfinished response that were not eaten */
    unsigned malformed; /* responses that made no sense, this connection */
    uint64_t chatter;   /* untagged responses since the last answer */

    struct perch_caps caps;
    bool caps_told;   /* since the command in hand was sent */
    uint64_t enabled; /* bits of enum perch_cap */
    struct perch_mirror mirror;

    /* out */
    struct perch_list ops;      /* unfinished, in the order they were started */
    struct perch_list queue;    /* those of them that have something to send */
    struct perch_list inflight; /* commands, in the order they left */
    unsigned ninflight;
    struct perch_cmd *writing; /* the last of them, while its bytes or "+" are outstanding */
    struct perch_buf out;
    uint64_t out_moved, out_sent; /* bytes ever put into `out`, and taken out of it */
    char tag_prefix[8];
    uint32_t tag_number;

    perch_op *idle; /* the mode, NULL: off */
    enum perch_idle_phase idle_phase;
    perch_ms idle_since; /* when the phase began */
};

/* ---- session.c ---- */

/* Copies a struct that starts with its size, of an older or a newer caller; NULL gives
 * zeros. */
void perch_args_copy(void *to, size_t to_size, const void *from);

void perch_sess_enter(perch_session *s);
bool perch_sess_leave(perch_session *s); /* false: the session was freed */

static inline bool perch_sess_alive(const perch_session *s)
{
    return !s->doomed && s->state != PERCH_STATE_CLOSED;
}

/* Ends the connection: nothing is handled any more, and when the outermost call leaves,
 * all ops complete with *why. Nothing is freed before. Returns its code. */
int perch_sess_die(perch_session *s, const struct perch_error *why);
int perch_sess_die_text(perch_session *s, int code, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Text of a server may be shown: it came through TLS, or the caller chose to do without. */
static inline bool perch_sess_trusted(const perch_session *s)
{
    return s->secure || s->options.allow_cleartext;
}

void perch_sess_event(perch_session *s, const struct perch_event *event);
void perch_sess_trace(perch_session *s, bool outgoing, struct perch_span text);

/* As the session reads now. */
int perch_sess_parse(const perch_session *s, struct perch_unit unit, struct perch_arena *arena,
                     struct perch_resp *ret, struct perch_parse_report *report);

/* Tells the time as perch_session_tick does, but completes nothing yet: what is fed next
 * may be what is overdue. For the client. */
void perch_sess_clock(perch_session *s, perch_ms now);

/* The limits that hold before or after authentication. */
void perch_sess_set_limits(perch_session *s);

/* ---- state.c ---- */

/* The only writer of `state`. on_state runs inside. */
void perch_sess_goto(perch_session *s, enum perch_state next);

/* Where the session will be if all that was started succeeds. */
enum perch_state perch_sess_projected(const perch_session *s);

/* ---- apply.c ---- */

/* Hands s->unit on to whom it concerns. 0, or a negative code: the connection ended. */
int perch_sess_apply(perch_session *s, const struct perch_resp *resp);

/* The same for one that could not be parsed: as far as it was understood. */
int perch_sess_apply_malformed(perch_session *s, const struct perch_resp *resp, const char *why);

/* A response that made no sense; ends the connection before authentication, and when
 * there are too many. */
int perch_sess_malformed(perch_session *s, struct perch_span raw, const char *why);

/* RESYNC, once per SELECT: what is known of the mailbox is no longer sure. */
int perch_sess_resync(perch_session *s, const char *why);

/* ---- body.c ---- */

/* A body of `size` bytes follows what is kept. 0, or a negative code: the connection ended. */
int perch_body_begin(perch_session *s, uint64_t size);

/* Hands on what there is of it; returns how much that was. */
size_t perch_body_feed(perch_session *s, const uint8_t *data, size_t len);

/* The op is not interested any more: what is left of its body is passed over. */
void perch_body_drop(perch_session *s, perch_op *op);

/* Time passed: it stands still for what waits for the wire while that is not read. */
void perch_body_hold(perch_session *s, perch_ms passed);

/* ---- queue.c ---- */

/* Moves what may leave into `out`. */
void perch_sess_pump(perch_session *s);

/* Is there output, or an op that would give some? */
bool perch_sess_has_output(const perch_session *s);

/* The command of a tag, NULL if none is in flight. */
struct perch_cmd *perch_sess_find_tag(const perch_session *s, struct perch_span tag);

/* Every byte that was to leave for it so far has left. */
static inline bool perch_cmd_sent(const perch_session *s, const struct perch_cmd *cmd)
{
    return cmd->moved > 0 && s->out_sent >= cmd->end_at;
}

/* It stands inside a literal whose bytes the server counts on, or before its "+": nothing
 * else can be said on this connection before the rest of it. */
static inline bool perch_cmd_in_literal(const perch_session *s, const struct perch_cmd *cmd)
{
    return s->writing == cmd && cmd->stop < cmd->enc.nstops;
}

/* The time for its answer starts: it leaves, or those before it have been answered. */
void perch_cmd_wait(perch_session *s, struct perch_cmd *cmd);

/* Out of flight. */
void perch_cmd_take(perch_session *s, struct perch_cmd *cmd);
void perch_cmd_free(struct perch_cmd *cmd);

/* The encoder's mode under what is known and enabled now. */
unsigned perch_sess_enc_mode(const perch_session *s);
bool perch_sess_utf8_names(const perch_session *s);

/* What the op has in flight belongs to nobody any more: the answers will be swallowed.
 * False if the connection cannot go on that way. */
bool perch_sess_disown(perch_session *s, perch_op *op);

/* Frees all commands in flight and all output. */
void perch_sess_drop_output(perch_session *s);

/* ops/enable.c: the server says what is enabled now. */
void perch_sess_enabled_by(perch_session *s, const struct perch_names *names);

/* ops/starttls.c: TLS is up. */
void perch_starttls_finish(perch_session *s);

/* ---- idle.c ---- */

/* Leaves IDLE if the mode is on: DONE goes into `out`. */
void perch_idle_leave(perch_session *s);
bool perch_idle_wants_in(const perch_session *s);
perch_ms perch_idle_deadline(const perch_session *s);
void perch_idle_tick(perch_session *s);

/* The server agreed to IDLE: its "+" was read. For the blocking client. */
bool perch_idle_on(const perch_op *op);

#endif
