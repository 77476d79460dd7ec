/* What a response means: first for the session (state, capabilities, mirror), then for
 * the op that asked for it, then for whoever listens. Server bytes are checked here,
 * never asserted; what is odd after authentication costs itself and is reported, before
 * authentication it ends the connection. */
#include "session/session.h"

#include "perch/commands.h"

#include "base/err.h"
#include "base/mem.h"

/* Odd responses that one connection may bring. */
#define MALFORMED_MAX 64

/* Untagged responses to one command, against floods. A mailbox of n messages
 * may bring a row and a change for each; a LIST has rows of its own. */
#define CHATTER_PREAUTH     64
#define CHATTER_BASE        10000
#define CHATTER_PER_MESSAGE 4
#define CHATTER_LIST        400000 /* 200,000 mailboxes and their counters */

static int verdict(const perch_session *s)
{
    return perch_sess_alive(s) ? 0 : s->doomed ? PERCH_ECANCELLED : s->error.code;
}

int perch_sess_malformed(perch_session *s, struct perch_span raw, const char *why)
{
    struct perch_event event = {.kind = PERCH_EVENT_MALFORMED, .raw = raw, .text = why};

    if (s->state == PERCH_STATE_GREETING)
        return perch_sess_die_text(s, PERCH_EGREETING, "malformed",
                                   "this is no IMAP server's greeting: %s", why);
    if (!s->let_in)
        return perch_sess_die_text(s, PERCH_EPROTO, "malformed",
                                   "malformed response before authentication: %s", why);
    perch_sess_event(s, &event);
    if (perch_sess_alive(s) && ++s->malformed >= MALFORMED_MAX)
        return perch_sess_die_text(s, PERCH_EPROTO, "malformed",
                                   "%d malformed responses, the last: %s", MALFORMED_MAX, why);
    return verdict(s);
}

static int no_memory(perch_session *s)
{
    return perch_sess_die_text(s, PERCH_ENOMEM, NULL, "out of memory while handling a response");
}

/* ---- to whom it belongs ---- */

static struct perch_cmd *claimant(const perch_session *s, const struct perch_resp *resp)
{
    PERCH_LIST_EACH(&s->inflight, struct perch_cmd, link, cmd)
        if (cmd->op && cmd->type->claims && cmd->type->claims(cmd->op, cmd, resp))
            return cmd;
    return NULL;
}

/* To the op that asked, then to the listener. */
static int deliver(perch_session *s, struct perch_event event)
{
    struct perch_cmd *cmd = claimant(s, event.resp);

    event.raw = event.resp->raw;
    if (cmd) {
        event.op = perch_op_ref(cmd->op);
        perch_op_touch(cmd->op);
        if (cmd->type->take)
            cmd->type->take(cmd->op, cmd, event.resp);
    }
    if (perch_sess_alive(s))
        perch_sess_event(s, &event);
    perch_op_unref(event.op);
    return verdict(s);
}

static int deliver_kind(perch_session *s, enum perch_event_kind kind, const struct perch_resp *resp)
{
    return deliver(s, (struct perch_event){.kind = kind, .resp = resp, .number = resp->number});
}

/* ---- status responses ---- */

int perch_sess_resync(perch_session *s, const char *why)
{
    struct perch_event event = {
        .kind = PERCH_EVENT_RESYNC,
        .raw = s->unit.bytes,
        .text = why,
    };

    if (s->mirror.unsure)
        return 0;
    s->mirror.unsure = true;
    perch_sess_event(s, &event);
    return verdict(s);
}

static int set_capabilities(perch_session *s, const struct perch_names *names)
{
    s->caps_told = true;
    return perch_caps_set(&s->caps, names) ? no_memory(s) : 0;
}

/* What the code of a status response, tagged or not, changes. Nobody is called back yet:
 * *ret_event is what to tell, if its kind is not 0. */
static int note_code(perch_session *s, const struct perch_resp *resp, struct perch_event *ret_event)
{
    const struct perch_status_resp *status = &resp->u.status;
    enum perch_mirror_news news;

    *ret_event = (struct perch_event){.resp = resp, .raw = resp->raw};
    if (status->code == PERCH_CODE_CAPABILITY) {
        ret_event->kind = PERCH_EVENT_CAPABILITY;
        return set_capabilities(s, &status->u.names);
    }
    if (status->code == PERCH_CODE_ALERT && s->secure)
        ret_event->kind = PERCH_EVENT_ALERT;
    if (perch_mirror_code(&s->mirror, status, &news))
        return no_memory(s);
    if (news == PERCH_MIRROR_ODD && !s->mirror.unsure) {
        s->mirror.unsure = true;
        ret_event->kind = PERCH_EVENT_RESYNC;
        ret_event->text = "UIDVALIDITY changed";
    }
    return 0;
}

static void tell(perch_session *s, const struct perch_event *event)
{
    if (event->kind && perch_sess_alive(s))
        perch_sess_event(s, event);
}

static int apply_status(perch_session *s, const struct perch_resp *resp)
{
    struct perch_event event;

    if (note_code(s, resp, &event) == 0)
        tell(s, &event);
    if (!perch_sess_alive(s) || resp->u.status.code == PERCH_CODE_ALERT)
        return verdict(s);
    return deliver_kind(s, PERCH_EVENT_OK, resp);
}

static int die_by_bye(perch_session *s, const struct perch_resp *resp, int code)
{
    const struct perch_status_resp *status = &resp->u.status;
    bool show = perch_sess_trusted(s) && status->text.n;
    struct perch_error why = {0};

    perch_error_set(&why, code, PERCH_HITS_CONNECTION, PERCH_TRY_LATER, "bye",
                    "the server ended the connection%s%.*s", show ? ": " : "",
                    show ? (int)status->text.n : 0, show ? status->text.p : "");
    why.resp_code = (int)status->code;
    return perch_sess_die(s, &why);
}

static bool logout_sent(const perch_session *s)
{
    PERCH_LIST_EACH(&s->ops, perch_op, link, op)
        if (op->type->leads_to == PERCH_IN(LOGOUT) && op->unanswered)
            return true;
    return false;
}

static int apply_bye(perch_session *s, const struct perch_resp *resp)
{
    bool asked = logout_sent(s);
    int rc;

    if (s->bye) /* some say it again and again */
        return 0;
    s->bye = true;
    rc = deliver_kind(s, PERCH_EVENT_BYE, resp);
    if (rc)
        return rc;
    if (!asked)
        return die_by_bye(s, resp, PERCH_ECLOSED);
    perch_sess_goto(s, PERCH_STATE_LOGOUT);
    return verdict(s);
}

/* ---- the greeting ---- */

static int keep_greeting(perch_session *s, const struct perch_resp *resp)
{
    struct perch_span text = resp->u.status.text;

    /* An ALERT of before TLS is shown nowhere, not even here. */
    if (resp->u.status.code == PERCH_CODE_ALERT && !s->secure)
        text.n = 0;
    s->greeting = perch_memdup0(text.n ? text.p : "", text.n);
    return s->greeting ? 0 : no_memory(s);
}

/* With PREAUTH there is no login that could tell the capabilities. */
static int ask_capabilities(perch_session *s)
{
    perch_op *op;
    int rc = perch_capability_start(s, NULL, NULL, &op);

    if (rc)
        return no_memory(s);
    perch_op_queue_first(op);
    return 0;
}

static int apply_greeting(perch_session *s, const struct perch_resp *resp)
{
    bool preauth = resp->type == PERCH_RESP_PREAUTH;
    struct perch_event event;

    if (resp->type == PERCH_RESP_BYE)
        return die_by_bye(s, resp, PERCH_EGREETING);
    if (resp->type != PERCH_RESP_OK && !preauth)
        return perch_sess_malformed(s, resp->raw, "neither OK nor PREAUTH nor BYE");
    if (preauth && (!s->options.allow_preauth || !perch_sess_trusted(s)))
        return perch_sess_die_text(s, PERCH_EGREETING, "preauth",
                                   "the server greets with PREAUTH, which is not allowed here: "
                                   "TLS or the login would be left out");
    if (keep_greeting(s, resp) == 0 && note_code(s, resp, &event) == 0)
        tell(s, &event);
    if (!perch_sess_alive(s))
        return verdict(s);
    perch_sess_goto(s, preauth ? PERCH_STATE_AUTHENTICATED : PERCH_STATE_NOT_AUTHENTICATED);
    if (preauth && perch_sess_alive(s) && !s->caps.known)
        return ask_capabilities(s);
    return verdict(s);
}

/* ---- the mailbox ---- */

static int apply_exists(perch_session *s, const struct perch_resp *resp)
{
    uint32_t old = s->mirror.mailbox.exists;
    enum perch_mirror_news news;
    int rc;

    if (!s->mirror.open)
        return perch_sess_malformed(s, resp->raw, "EXISTS while no mailbox is selected");
    news = perch_mirror_exists(&s->mirror, resp->number);
    if (s->mirror.leaving)
        return 0;
    rc = deliver(s,
                 (struct perch_event){
                     .kind = PERCH_EVENT_EXISTS, .resp = resp, .number = resp->number, .old = old});
    if (rc == 0 && news == PERCH_MIRROR_ODD)
        rc = perch_sess_resync(s, "EXISTS shrank without EXPUNGE, or is no number of messages");
    return rc;
}

static int apply_expunge(perch_session *s, const struct perch_resp *resp)
{
    if (!s->mirror.open)
        return perch_sess_die_text(s, PERCH_EPROTO, "expunge",
                                   "EXPUNGE while no mailbox is selected");
    switch (perch_mirror_expunge(&s->mirror, resp->number)) {
    case PERCH_MIRROR_OK:
        return deliver_kind(s, PERCH_EVENT_EXPUNGE, resp);
    case PERCH_MIRROR_ODD:
        return perch_sess_resync(s, "EXPUNGE of a message that is not there");
    case PERCH_MIRROR_IGNORED:
        break;
    }
    return 0;
}

static int apply_vanished(perch_session *s, const struct perch_resp *resp)
{
    if (!perch_session_enabled(s, PERCH_CAP_QRESYNC) || !s->mirror.open)
        return perch_sess_malformed(s, resp->raw, "VANISHED, which nobody enabled");
    switch (perch_mirror_vanished(&s->mirror, &resp->u.vanished)) {
    case PERCH_MIRROR_OK:
        return deliver_kind(s, PERCH_EVENT_VANISHED, resp);
    case PERCH_MIRROR_ODD:
        return perch_sess_resync(s, "more messages vanished than there are");
    case PERCH_MIRROR_IGNORED:
        break;
    }
    return 0;
}

static int apply_fetch(perch_session *s, const struct perch_resp *resp)
{
    uint32_t seq = resp->u.fetch.seq;

    if (s->mirror.leaving)
        return 0;
    if (!s->mirror.open)
        return perch_sess_malformed(s, resp->raw, "FETCH while no mailbox is selected");
    if (resp->type == PERCH_RESP_FETCH && seq == 0)
        return perch_sess_malformed(s, resp->raw, "FETCH of message 0");
    /* RFC 9051 6.3.2 does not promise that EXISTS comes before the rows of a SELECT. */
    if (seq > s->mirror.mailbox.exists && s->state == PERCH_STATE_SELECTED)
        return perch_sess_resync(s, "FETCH of a message that is not there");
    return deliver_kind(s, PERCH_EVENT_FETCH, resp);
}

static int apply_flags(perch_session *s, const struct perch_resp *resp)
{
    if (!s->mirror.open)
        return perch_sess_malformed(s, resp->raw, "FLAGS while no mailbox is selected");
    if (perch_mirror_flags(&s->mirror, &resp->u.names))
        return no_memory(s);
    return s->mirror.leaving ? 0 : deliver_kind(s, PERCH_EVENT_FLAGS, resp);
}

static int apply_recent(perch_session *s, const struct perch_resp *resp)
{
    if (!s->mirror.open)
        return perch_sess_malformed(s, resp->raw, "RECENT while no mailbox is selected");
    perch_mirror_recent(&s->mirror, resp->number);
    return s->mirror.leaving ? 0 : deliver_kind(s, PERCH_EVENT_OTHER, resp);
}

/* ---- untagged ---- */

/* Is a command in flight that brings this, be it one that was given up? */
static bool is_asked(const perch_session *s, enum perch_answers answers)
{
    PERCH_LIST_EACH(&s->inflight, struct perch_cmd, link, cmd)
        if (cmd->answers == answers)
            return true;
    return false;
}

/* What nobody asked for enables nothing and answers nothing. */
static int apply_enabled(perch_session *s, const struct perch_resp *resp)
{
    if (!is_asked(s, PERCH_ANSWERS_ENABLED))
        return perch_sess_malformed(s, resp->raw, "ENABLED, which nobody asked for");
    perch_sess_enabled_by(s, &resp->u.names);
    return deliver_kind(s, PERCH_EVENT_OTHER, resp);
}

static int apply_search(perch_session *s, const struct perch_resp *resp)
{
    bool tagged = resp->type == PERCH_RESP_ESEARCH && resp->u.esearch.tag.p;

    if (tagged ? !perch_sess_find_tag(s, resp->u.esearch.tag)
               : !is_asked(s, PERCH_ANSWERS_SEARCH) && !claimant(s, resp))
        return perch_sess_malformed(s, resp->raw, "an answer to a search that nobody asked for");
    return deliver_kind(s, PERCH_EVENT_SEARCH, resp);
}

/* Before authentication only these mean anything; before TLS a few less (CVE-2021-38370). */
static bool legal_now(const perch_session *s, const struct perch_resp *resp)
{
    switch (resp->type) {
    case PERCH_RESP_OK:
    case PERCH_RESP_BYE:
    case PERCH_RESP_CAPABILITY:
        return true;
    case PERCH_RESP_NO:
    case PERCH_RESP_BAD:
    case PERCH_RESP_ID:
    case PERCH_RESP_OTHER:
        return s->secure || claimant(s, resp);
    default:
        return false;
    }
}

static uint64_t chatter_max(const perch_session *s)
{
    uint64_t max = CHATTER_BASE + (uint64_t)CHATTER_PER_MESSAGE * s->mirror.mailbox.exists;

    if (!s->let_in)
        return CHATTER_PREAUTH;
    PERCH_LIST_EACH(&s->inflight, struct perch_cmd, link, cmd)
        if (cmd->answers == PERCH_ANSWERS_LIST)
            max += CHATTER_LIST;
    return max;
}

static int apply_untagged(perch_session *s, const struct perch_resp *resp)
{
    if (s->state == PERCH_STATE_GREETING)
        return apply_greeting(s, resp);
    if (!s->let_in && !legal_now(s, resp))
        return perch_sess_malformed(s, resp->raw, "data that belongs behind the login");
    if (s->idle_phase != PERCH_IDLE_ON && ++s->chatter > chatter_max(s))
        return perch_sess_die_text(s, PERCH_ELIMIT, "chatter",
                                   "more untagged responses than any command asks for");
    switch (resp->type) {
    case PERCH_RESP_OK:
    case PERCH_RESP_NO:
    case PERCH_RESP_BAD:
        return apply_status(s, resp);
    case PERCH_RESP_BYE:
        return apply_bye(s, resp);
    case PERCH_RESP_PREAUTH:
    case PERCH_RESP_NONE:
        return perch_sess_malformed(s, resp->raw, "a greeting in mid-session");
    case PERCH_RESP_CAPABILITY:
        if (set_capabilities(s, &resp->u.names))
            return s->error.code;
        return deliver_kind(s, PERCH_EVENT_CAPABILITY, resp);
    case PERCH_RESP_FLAGS:
        return apply_flags(s, resp);
    case PERCH_RESP_EXISTS:
        return apply_exists(s, resp);
    case PERCH_RESP_RECENT:
        return apply_recent(s, resp);
    case PERCH_RESP_EXPUNGE:
        return apply_expunge(s, resp);
    case PERCH_RESP_VANISHED:
        return apply_vanished(s, resp);
    case PERCH_RESP_FETCH:
    case PERCH_RESP_UIDFETCH:
        return apply_fetch(s, resp);
    case PERCH_RESP_LIST:
    case PERCH_RESP_LSUB:
    case PERCH_RESP_XLIST:
        return deliver_kind(s, PERCH_EVENT_LIST, resp);
    case PERCH_RESP_STATUS:
        return deliver_kind(s, PERCH_EVENT_STATUS, resp);
    case PERCH_RESP_METADATA:
        return deliver_kind(s, PERCH_EVENT_METADATA, resp);
    case PERCH_RESP_ENABLED:
        return apply_enabled(s, resp);
    case PERCH_RESP_SEARCH:
    case PERCH_RESP_ESEARCH:
        return apply_search(s, resp);
    case PERCH_RESP_SORT:
    case PERCH_RESP_THREAD:
        return deliver_kind(s, PERCH_EVENT_SEARCH, resp);
    case PERCH_RESP_NAMESPACE:
    case PERCH_RESP_ACL:
    case PERCH_RESP_LISTRIGHTS:
    case PERCH_RESP_MYRIGHTS:
    case PERCH_RESP_QUOTA:
    case PERCH_RESP_QUOTAROOT:
    case PERCH_RESP_ID:
    case PERCH_RESP_LANGUAGE:
    case PERCH_RESP_JMAPACCESS:
    case PERCH_RESP_OTHER:
        return deliver_kind(s, PERCH_EVENT_OTHER, resp);
    }
    return 0;
}

/* ---- tagged, "+" ---- */

/* The command whose answer this can be: one that has left, whole. A literal that the
 * server refuses is answered NO or BAD in its middle. */
static struct perch_cmd *answered_cmd(const perch_session *s, const struct perch_resp *resp)
{
    struct perch_cmd *cmd = perch_sess_find_tag(s, resp->tag);
    bool half;

    if (!cmd || !(perch_cmd_sent(s, cmd) || cmd->poured > 0))
        return NULL;
    half = s->writing == cmd && !cmd->open;
    return half && resp->type == PERCH_RESP_OK ? NULL : cmd;
}

static void tell_op(perch_session *s, perch_op *op, const struct perch_cmd *cmd,
                    const struct perch_resp *resp)
{
    if (op->finished || !perch_sess_alive(s))
        return;
    if (cmd->type->answered)
        cmd->type->answered(op, cmd, resp);
    else
        perch_op_answered(op, cmd, resp);
}

/* The server refuses a literal whose bytes it counts on: what would be sent next it would
 * take for them. */
static int refused_midway(perch_session *s, struct perch_cmd *cmd, const struct perch_resp *resp)
{
    if (cmd->op)
        perch_op_note_status(cmd->op, resp);
    return perch_sess_die_text(s, PERCH_ECLOSED, "literal",
                               "closed: the server refused a literal in its middle");
}

/* First what it means, then the callbacks: one of them may send the next command. */
static int apply_tagged(perch_session *s, const struct perch_resp *resp)
{
    struct perch_cmd *cmd = answered_cmd(s, resp);
    struct perch_event event;
    perch_op *op;

    if (!cmd)
        return perch_sess_malformed(s, resp->raw, "a tagged answer that nobody waits for");
    if (perch_cmd_in_literal(s, cmd) && !cmd->waiting)
        return refused_midway(s, cmd, resp);
    perch_cmd_take(s, cmd);
    op = cmd->op ? perch_op_ref(cmd->op) : NULL;
    if (op)
        op->unanswered--;
    s->chatter = 0;
    if (note_code(s, resp, &event) == 0 && cmd->type->settle)
        cmd->type->settle(s, cmd, resp);
    tell(s, &event);
    if (op)
        tell_op(s, op, cmd, resp);
    perch_op_unref(op);
    perch_cmd_free(cmd);
    return verdict(s);
}

static int apply_continuation(perch_session *s, const struct perch_resp *resp)
{
    struct perch_cmd *cmd = s->writing;

    if (!cmd || !perch_cmd_sent(s, cmd))
        return perch_sess_malformed(s, resp->raw, "a \"+\" that nobody waits for");
    s->chatter = 0;
    perch_cmd_wait(s, cmd);
    if (cmd->waiting) {
        cmd->waiting = false;
        cmd->agreed = true;
    } else if (cmd->open) {
        cmd->type->go_on(s, cmd->op, cmd, resp);
    } else {
        return perch_sess_malformed(s, resp->raw, "a \"+\" that nobody waits for");
    }
    return verdict(s);
}

int perch_sess_apply(perch_session *s, const struct perch_resp *resp)
{
    switch (resp->kind) {
    case PERCH_UNTAGGED:
        return apply_untagged(s, resp);
    case PERCH_TAGGED:
        return apply_tagged(s, resp);
    case PERCH_CONTINUATION:
        return apply_continuation(s, resp);
    }
    return 0;
}

int perch_sess_apply_malformed(perch_session *s, const struct perch_resp *resp, const char *why)
{
    struct perch_cmd *cmd = resp->tag.p ? answered_cmd(s, resp) : NULL;
    int rc = perch_sess_malformed(s, resp->raw, why);

    if (rc || !cmd)
        return rc;
    /* Its command ends all the same: by its status word, or by failing. */
    if (resp->type != PERCH_RESP_OK && resp->type != PERCH_RESP_NO &&
        resp->type != PERCH_RESP_BAD && cmd->op)
        (void)perch_op_fail(cmd->op, PERCH_EPROTO, "its answer made no sense");
    return apply_tagged(s, resp);
}
