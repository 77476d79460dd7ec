/* The session as its caller sees it: bytes in, bytes out, time, and its end. What
 * responses mean is in apply.c, what may leave in queue.c. */
#include "session/session.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WINDOW_DEFAULT           32
#define COMMAND_TIMEOUT_DEFAULT  (5 * 60 * 1000)
#define GREETING_TIMEOUT_DEFAULT (30 * 1000)

/* ---- life ---- */

void perch_args_copy(void *to, size_t to_size, const void *from)
{
    size_t n = 0;

    if (from)
        memcpy(&n, from, sizeof n);
    memset(to, 0, to_size);
    if (n)
        memcpy(to, from, n < to_size ? n : to_size);
}

/* A letter and five more of a base 36 number: no server's injected answer can guess it
 * (CVE-2026-42246), and some servers want tags to begin with a letter. */
static void make_prefix(char prefix[8], uint64_t seed)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    /* splitmix64: neighbouring seeds give unlike prefixes */
    uint64_t x = seed + 0x9e3779b97f4a7c15u;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    prefix[0] = digits[10 + x % 26];
    x /= 26;
    for (size_t i = 1; i < 7; i++, x /= 36)
        prefix[i] = digits[x % 36];
    prefix[7] = '\0';
}

static void fill_options(struct perch_session_options *to, const struct perch_session_options *from)
{
    perch_args_copy(to, sizeof *to, from);
    perch_limits_fill(&to->limits);
    if (!to->window)
        to->window = WINDOW_DEFAULT;
    if (to->command_timeout <= 0)
        to->command_timeout = COMMAND_TIMEOUT_DEFAULT;
    if (to->greeting_timeout <= 0)
        to->greeting_timeout = GREETING_TIMEOUT_DEFAULT;
}

perch_session *perch_session_new(const struct perch_session_options *options,
                                 const struct perch_session_hooks *hooks, void *user, perch_ms now)
{
    perch_session *s = perch_calloc(1, sizeof *s);

    if (!s)
        return NULL;
    fill_options(&s->options, options);
    perch_args_copy(&s->hooks, sizeof s->hooks, hooks);
    s->user = user;
    s->state = PERCH_STATE_GREETING;
    s->secure = s->options.secure;
    s->now = now;
    s->greeting_deadline = perch_clock_add(now, s->options.greeting_timeout);
    s->out.secret = true;
    perch_list_init(&s->ops);
    perch_list_init(&s->queue);
    perch_list_init(&s->inflight);
    perch_arena_init(&s->unit_arena, 0);
    perch_caps_init(&s->caps);
    perch_mirror_init(&s->mirror);
    make_prefix(s->tag_prefix, s->options.tag_seed);
    s->framer.strict = s->options.strict;
    perch_sess_set_limits(s);
    return s;
}

void perch_sess_set_limits(perch_session *s)
{
    if (s->let_in)
        s->framer.limits = s->options.limits;
    else
        perch_limits_preauth(&s->options.limits, &s->framer.limits);
}

/* Completes every op, once nobody stands on one any more. */
static void finish_all(perch_session *s)
{
    perch_op *op;

    perch_sess_drop_output(s);
    while ((op = PERCH_LIST_FIRST(&s->ops, perch_op, link))) {
        if (!op->error.code)
            op->error = s->error;
        perch_op_finish(op);
    }
}

static void destroy(perch_session *s)
{
    s->depth++; /* a `done` that calls in must not free it again */
    perch_error_set(&s->error, PERCH_ECANCELLED, PERCH_HITS_CONNECTION, PERCH_TRY_NOTHING, NULL,
                    "the session was freed");
    finish_all(s);
    perch_arena_done(&s->unit_arena);
    perch_buf_done(&s->kept);
    perch_caps_done(&s->caps);
    perch_mirror_done(&s->mirror);
    perch_free(s->holes);
    perch_free(s->greeting);
    perch_free(s);
}

void perch_session_free(perch_session *s)
{
    if (!s || s->doomed)
        return;
    s->doomed = true;
    if (s->depth == 0)
        destroy(s);
}

void perch_sess_enter(perch_session *s)
{
    s->depth++;
}

/* What the outermost call owes to the caller before it returns. */
static void settle_debts(perch_session *s)
{
    bool has = perch_sess_has_output(s);
    bool news = (has && !s->had_output) || s->wake;

    if (s->state == PERCH_STATE_CLOSED)
        finish_all(s);
    s->had_output = has;
    s->wake = false;
    if (news && !s->feeding && s->hooks.on_output && perch_sess_alive(s))
        s->hooks.on_output(s, s->user);
}

bool perch_sess_leave(perch_session *s)
{
    if (s->depth == 1 && !s->doomed)
        settle_debts(s);
    if (--s->depth > 0 || !s->doomed)
        return true;
    destroy(s);
    return false;
}

/* ---- the end ---- */

int perch_sess_die(perch_session *s, const struct perch_error *why)
{
    int code = why->code;

    if (!perch_sess_alive(s))
        return code;
    s->error = *why;
    perch_sess_goto(s, PERCH_STATE_CLOSED);
    return code;
}

int perch_sess_die_text(perch_session *s, int code, const char *reason, const char *fmt, ...)
{
    struct perch_error why = {0};
    char text[PERCH_ERROR_TEXT];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    perch_error_set(&why, code, PERCH_HITS_CONNECTION, PERCH_TRY_LATER, reason, "%s", text);
    return perch_sess_die(s, &why);
}

/* LOGOUT is answered by BYE and the end of the stream, if not by more. */
static void finish_logout(perch_session *s)
{
    if (!s->bye)
        return;
    PERCH_LIST_EACH(&s->ops, perch_op, link, op)
        if (op->type->leads_to == PERCH_IN(LOGOUT) && op->unanswered) {
            perch_op_finish(op);
            return;
        }
}

void perch_session_lost(perch_session *s, const struct perch_error *why)
{
    perch_sess_enter(s);
    if (s->state == PERCH_STATE_LOGOUT)
        finish_logout(s);
    if (why)
        (void)perch_sess_die(s, why);
    else
        (void)perch_sess_die_text(s, PERCH_ECLOSED, "eof", "the server closed the connection");
    (void)perch_sess_leave(s);
}

/* ---- bytes in ---- */

int perch_sess_parse(const perch_session *s, struct perch_unit unit, struct perch_arena *arena,
                     struct perch_resp *ret, struct perch_parse_report *report)
{
    struct perch_parse_options options = {
        .limits = &s->framer.limits,
        .strict = s->options.strict,
        .utf8 = perch_sess_utf8_names(s),
    };

    return perch_resp_parse(unit, &options, arena, ret, report);
}

static void report_quirks(perch_session *s, uint32_t quirks)
{
    for (uint32_t bit = 1; bit && quirks >= bit && perch_sess_alive(s); bit <<= 1) {
        struct perch_event event = {.kind = PERCH_EVENT_QUIRK,
                                    .number = bit,
                                    .raw = s->unit.bytes,
                                    .text = perch_quirk_name((enum perch_quirk)bit)};

        if (quirks & bit)
            perch_sess_event(s, &event);
    }
}

/* One complete response. */
static int handle_unit(perch_session *s, struct perch_span bytes)
{
    struct perch_parse_report report;
    struct perch_resp resp;
    int rc;

    s->unit = (struct perch_unit){.bytes = bytes, .holes = s->holes, .nholes = s->nholes};
    perch_sess_trace(s, false, bytes);
    perch_arena_reset(&s->unit_arena);
    rc = perch_sess_parse(s, s->unit, &s->unit_arena, &resp, &report);
    if (rc == PERCH_ENOMEM)
        return perch_sess_die_text(s, rc, NULL, "out of memory while parsing a response");
    report_quirks(s, report.quirks);
    if (!perch_sess_alive(s))
        return s->error.code;
    return rc ? perch_sess_apply_malformed(s, &resp, report.error) : perch_sess_apply(s, &resp);
}

static int no_room(perch_session *s)
{
    return perch_sess_die_text(s, PERCH_ENOMEM, NULL, "out of memory for a response");
}

/* Handles the unit, then forgets it. Bytes of the next response that were kept with it
 * stay; what was added to them just now was not eaten. */
static int finish_unit(perch_session *s, struct perch_span unit, size_t kept)
{
    int rc = handle_unit(s, unit);

    s->unit = (struct perch_unit){0};
    s->nholes = 0;
    perch_body_drop(s, s->body.op); /* one that was kept is handled with its unit */
    perch_buf_truncate(&s->kept, kept);
    perch_buf_consume(&s->kept, unit.n);
    perch_buf_shrink(&s->kept);
    return rc;
}

/* Looks for a response in what is kept and `data` behind it; *ret_used says how much of
 * the data was eaten. While a body streams past, the bytes around it are kept. 1: something
 * was found; 0: more is needed; negative: the connection ended. */
static int feed_response(perch_session *s, const uint8_t *data, size_t len, size_t *ret_used)
{
    struct perch_span unit = {0};
    struct perch_error why; /* 500 bytes: not cleared for every response */
    uint64_t body = 0;
    size_t kept = s->kept.len;
    int rc;

    if (kept)
        perch_buf_add(&s->kept, data, len);
    if (s->kept.failed)
        return no_room(s);
    rc = perch_framer_next(&s->framer, kept ? perch_buf_data(&s->kept) : data, kept + len, &unit,
                           &body, &why);
    s->looked_at = rc == PERCH_FRAME_MORE && !kept ? len : 0;
    if (rc < 0)
        return perch_sess_die(s, &why);
    if (rc == PERCH_FRAME_MORE) {
        *ret_used = kept ? len : 0;
        return 0;
    }
    *ret_used = unit.n > kept ? unit.n - kept : 0;
    if (rc == PERCH_FRAME_UNIT) {
        rc = finish_unit(s, unit, kept);
        return rc ? rc : 1;
    }
    if (kept)
        perch_buf_truncate(&s->kept, unit.n);
    else
        perch_buf_add(&s->kept, unit.p, unit.n);
    rc = s->kept.failed ? no_room(s) : perch_body_begin(s, body);
    return rc ? rc : 1;
}

/* Nothing may stand behind the OK to STARTTLS: it came in clear, before TLS (CVE-2020-14954). */
static int check_injection(perch_session *s, size_t left)
{
    if (s->state != PERCH_STATE_SWITCHING || !left)
        return 0;
    return perch_sess_die_text(s, PERCH_ESTARTTLS, "starttls-injection",
                               "%zu bytes in clear behind the OK to STARTTLS: someone may be "
                               "tampering with the connection",
                               left);
}

static void feed_all(perch_session *s, const uint8_t *data, size_t len, size_t *ret_used)
{
    size_t used = 0;
    int rc = check_injection(s, len) ? -1 : 1;

    while (rc > 0 && used < len && !s->body.paused && perch_sess_alive(s)) {
        size_t n = 0;

        if (s->body.on)
            n = perch_body_feed(s, data + used, len - used);
        else
            rc = feed_response(s, data + used, len - used, &n);
        used += n;
        if (rc > 0 && check_injection(s, len - used))
            rc = -1;
    }
    if (s->body.op && used) /* data of its command, though the row is not whole yet */
        perch_op_touch(s->body.op);
    *ret_used = used;
}

ssize_t perch_session_feed(perch_session *s, const uint8_t *data, size_t len)
{
    bool switching = s->state == PERCH_STATE_SWITCHING;
    size_t used = 0;

    if (s->state == PERCH_STATE_CLOSED)
        return s->error.code;
    if (s->feeding || s->pumping) /* from inside a hook: something is still being handled */
        return 0;
    if (s->body.paused)
        return 0;
    if (s->looked_at && len <= s->looked_at) /* no more than the last time */
        return 0;
    perch_sess_enter(s);
    s->feeding = true;
    feed_all(s, data, len, &used);
    perch_arena_done(&s->unit_arena); /* an idle connection keeps none */
    if (s->state == PERCH_STATE_SWITCHING && !switching && !s->doomed && s->hooks.on_starttls)
        s->hooks.on_starttls(s, s->user);
    s->had_output = true; /* the caller looks anyway */
    s->feeding = false;
    if (!perch_sess_leave(s))
        return PERCH_ECANCELLED;
    return s->state == PERCH_STATE_CLOSED ? s->error.code : (ssize_t)used;
}

/* ---- bytes out ---- */

struct perch_span perch_session_output(perch_session *s)
{
    perch_sess_enter(s);
    perch_sess_pump(s);
    s->had_output = true; /* the caller is looking */
    if (!perch_sess_leave(s))
        return (struct perch_span){0};
    return perch_buf_span(&s->out);
}

void perch_session_sent(perch_session *s, size_t n)
{
    n = n < s->out.len ? n : s->out.len;
    s->out_sent += n;
    perch_buf_consume(&s->out, n);
    perch_buf_shrink(&s->out);
    s->had_output = perch_sess_has_output(s);
}

void perch_session_tls_ready(perch_session *s)
{
    if (s->state != PERCH_STATE_SWITCHING)
        return;
    perch_sess_enter(s);
    s->secure = true;
    perch_caps_forget(&s->caps);
    perch_framer_reset(&s->framer);
    perch_sess_goto(s, PERCH_STATE_NOT_AUTHENTICATED);
    if (perch_sess_alive(s))
        perch_starttls_finish(s);
    (void)perch_sess_leave(s);
}

/* ---- time ---- */

/* One op or command that is overdue; true if there was one. */
static bool tick_one(perch_session *s)
{
    if (s->state == PERCH_STATE_GREETING && s->now >= s->greeting_deadline) {
        (void)perch_sess_die_text(s, PERCH_EGREETING, "timeout", "no greeting within %lld s",
                                  (long long)s->options.greeting_timeout / 1000);
        return true;
    }
    PERCH_LIST_EACH(&s->inflight, struct perch_cmd, link, cmd)
        if (s->now >= cmd->deadline) {
            (void)perch_sess_die_text(s, PERCH_ETIMEOUT, NULL, "no answer to %s within %lld s",
                                      cmd->type->name, (long long)cmd->patience / 1000);
            return true;
        }
    PERCH_LIST_EACH(&s->ops, perch_op, link, op)
        if (s->now >= op->deadline) {
            bool was_sent = op->unanswered && op != s->idle;

            perch_error_set(&op->error, PERCH_ETIMEOUT,
                            was_sent ? PERCH_HITS_CONNECTION : PERCH_HITS_OP, PERCH_TRY_LATER, NULL,
                            "%s was not answered within %lld s", op->name,
                            (long long)op->timeout / 1000);
            if (was_sent) /* nobody can tell what became of it, nor what comes next */
                (void)perch_sess_die(s, &op->error);
            else
                perch_op_finish(op);
            return true;
        }
    return false;
}

void perch_sess_clock(perch_session *s, perch_ms now)
{
    if (now <= s->now)
        return;
    perch_body_hold(s, now - s->now);
    s->now = now;
}

void perch_session_tick(perch_session *s, perch_ms now)
{
    perch_sess_enter(s);
    perch_sess_clock(s, now);
    PERCH_LIST_EACH(&s->ops, perch_op, link, op)
        if (op->retimed)
            perch_op_touch(op);
    while (perch_sess_alive(s) && tick_one(s))
        ;
    if (perch_sess_alive(s))
        perch_idle_tick(s);
    (void)perch_sess_leave(s);
}

perch_ms perch_session_deadline(const perch_session *s)
{
    perch_ms next = perch_idle_deadline(s);

    if (!perch_sess_alive(s))
        return PERCH_NEVER;
    if (s->state == PERCH_STATE_GREETING && s->greeting_deadline < next)
        next = s->greeting_deadline;
    PERCH_LIST_EACH(&s->inflight, struct perch_cmd, link, cmd)
        if (cmd->deadline < next && !s->body.paused)
            next = cmd->deadline;
    PERCH_LIST_EACH(&s->ops, perch_op, link, op) {
        perch_ms at = op->retimed ? s->now : op->deadline; /* the tick will tell */

        if (at < next && !(s->body.paused && op->unanswered))
            next = at;
    }
    return next;
}

/* ---- what is told ---- */

void perch_sess_event(perch_session *s, const struct perch_event *event)
{
    /* Before authentication nothing a server says is news but its capabilities, and
     * before TLS not even the prose around them may be shown: anybody may have written it. */
    if (!s->let_in && !perch_sess_trusted(s))
        return;
    if (s->hooks.on_event && !s->doomed)
        s->hooks.on_event(s, event, s->user);
}

void perch_sess_trace(perch_session *s, bool outgoing, struct perch_span text)
{
    while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    if (s->hooks.on_trace && !s->doomed)
        s->hooks.on_trace(s, outgoing, text, s->user);
}

/* ---- what is asked ---- */

enum perch_state perch_session_state(const perch_session *s)
{
    return s->state;
}

const struct perch_error *perch_session_error(const perch_session *s)
{
    return s->state == PERCH_STATE_CLOSED ? &s->error : &s->refusal;
}

void *perch_session_user(const perch_session *s)
{
    return s->user;
}

const char *perch_session_greeting(const perch_session *s)
{
    return s->greeting ? s->greeting : "";
}

bool perch_session_can(const perch_session *s, enum perch_cap cap)
{
    return (unsigned)cap < PERCH_CAP_COUNT && (s->caps.bits & perch_cap_bit(cap));
}

bool perch_session_has(const perch_session *s, const char *capability)
{
    return capability && perch_caps_has(&s->caps, capability);
}

size_t perch_session_capabilities(const perch_session *s, const char *const **ret_names)
{
    *ret_names = s->caps.names;
    return s->caps.n;
}

bool perch_session_enabled(const perch_session *s, enum perch_cap cap)
{
    return (unsigned)cap < PERCH_CAP_COUNT && (s->enabled & perch_cap_bit(cap));
}

const struct perch_mailbox *perch_session_mailbox(const perch_session *s)
{
    return s->mirror.open ? &s->mirror.mailbox : NULL;
}
