/* Log lines:
 *   state NAME
 *   event KIND NUMBER [was OLD] [op COMMAND] [: TEXT]     TEXT of MALFORMED, RESYNC, ALERT, BYE
 *   done LABEL ok | done LABEL PERCH_CODE [the reason, if it is more than the class]
 *   starttls */
#include "support/transcript.h"

#include "support/perch_test.h"

#include "base/ascii.h"

#include <stdarg.h>
#include <stdlib.h>

#define FAIL(...) perch_fail_row(__FILE__, __LINE__, __VA_ARGS__)

static const char *const kinds[] = {
    [PERCH_EVENT_EXISTS] = "EXISTS",         [PERCH_EVENT_EXPUNGE] = "EXPUNGE",
    [PERCH_EVENT_VANISHED] = "VANISHED",     [PERCH_EVENT_FETCH] = "FETCH",
    [PERCH_EVENT_FLAGS] = "FLAGS",           [PERCH_EVENT_LIST] = "LIST",
    [PERCH_EVENT_STATUS] = "STATUS",         [PERCH_EVENT_METADATA] = "METADATA",
    [PERCH_EVENT_SEARCH] = "SEARCH",         [PERCH_EVENT_OK] = "OK",
    [PERCH_EVENT_ALERT] = "ALERT",           [PERCH_EVENT_BYE] = "BYE",
    [PERCH_EVENT_CAPABILITY] = "CAPABILITY", [PERCH_EVENT_OTHER] = "OTHER",
    [PERCH_EVENT_MALFORMED] = "MALFORMED",   [PERCH_EVENT_QUIRK] = "QUIRK",
    [PERCH_EVENT_RESYNC] = "RESYNC",
};

/* ---- the log ---- */

void transcript_note(struct transcript *t, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    perch_buf_addf(&t->log, "%s\n", text);
    perch_buf_addf(&t->all, "%s\n", text);
}

static void on_event(perch_session *s, const struct perch_event *event, void *user)
{
    struct transcript *t = user;
    char text[512] = "";
    size_t n = 0;

    (void)s;
    if (event->kind == PERCH_EVENT_QUIRK && !t->quirks)
        return;
    n += (size_t)snprintf(text, sizeof text, "event %s", kinds[event->kind]);
    if (event->number)
        n +=
            (size_t)snprintf(text + n, sizeof text - n, " %llu", (unsigned long long)event->number);
    if (event->old)
        n += (size_t)snprintf(text + n, sizeof text - n, " was %llu",
                              (unsigned long long)event->old);
    if (event->op)
        n += (size_t)snprintf(text + n, sizeof text - n, " op %s", perch_op_command(event->op));
    if (event->kind == PERCH_EVENT_ALERT || event->kind == PERCH_EVENT_BYE)
        (void)snprintf(text + n, sizeof text - n, ": %.*s", (int)event->resp->u.status.text.n,
                       event->resp->u.status.text.p);
    else if (event->text)
        (void)snprintf(text + n, sizeof text - n, ": %s", event->text);
    transcript_note(t, "%s", text);
    if (t->on_event)
        t->on_event(t, event);
}

static void on_state(perch_session *s, enum perch_state from, enum perch_state to, void *user)
{
    (void)s;
    (void)from;
    transcript_note(user, "state %s", perch_state_name(to));
}

static void on_starttls(perch_session *s, void *user)
{
    (void)s;
    transcript_note(user, "starttls");
}

void transcript_expect_at(struct transcript *t, const char *want, const char *file, int line)
{
    perch_assert_str(perch_buf_cstr(&t->log), want, file, line, "log");
    perch_buf_clear(&t->log);
}

/* ---- ops ---- */

struct transcript_token *transcript_token(struct transcript *t, const char *label)
{
    struct transcript_token *token = &t->tokens[t->ntokens++];

    if (t->ntokens > PERCH_COUNT(t->tokens))
        abort();
    *token = (struct transcript_token){.t = t, .label = label};
    return token;
}

void transcript_done(perch_op *op, void *user)
{
    struct transcript_token *token = user;
    const struct perch_error *e = perch_op_error(op);
    bool finer = e->code && strcmp(e->reason, perch_err_class(e->code)) != 0;

    token->runs++;
    token->code = e->code;
    if (e->code)
        transcript_note(token->t, "done %s %s%s%s", token->label, perch_err_name(e->code),
                        finer ? " " : "", finer ? e->reason : "");
    else
        transcript_note(token->t, "done %s ok", token->label);
    if (token->on_done)
        token->on_done(token, op);
}

void transcript_started(struct transcript *t, int rc)
{
    struct transcript_token *token = &t->tokens[t->ntokens - 1];

    token->started = rc == 0;
    if (rc)
        FAIL("%s was refused: %s", token->label, perch_session_error(t->s)->text);
    if (token->runs)
        FAIL("%s was done before its start returned", token->label);
    if (!t->hold)
        transcript_drain(t);
}

void transcript_refused_at(struct transcript *t, int rc, int want, const char *file, int line)
{
    perch_assert_int(rc, want, file, line, t->tokens[t->ntokens - 1].label);
    if (rc < 0)
        perch_assert_int(perch_session_error(t->s)->code, rc, file, line, "perch_session_error");
}

/* ---- the wire ---- */

static size_t cut(struct transcript *t, size_t n)
{
    if (t->cut == TRANSCRIPT_WHOLE || n <= 1)
        return n;
    if (t->cut == TRANSCRIPT_BYTES)
        return 1;
    t->random ^= t->random << 13;
    t->random ^= t->random >> 7;
    t->random ^= t->random << 17;
    return 1 + (size_t)(t->random % n);
}

void transcript_drain(struct transcript *t)
{
    while (t->s) {
        struct perch_span out = perch_session_output(t->s);

        out.n = cut(t, out.n);
        if (!out.n)
            return;
        perch_buf_addspan(&t->sent, out);
        perch_session_sent(t->s, out.n);
    }
}

/* Gives all that the server said, a piece more each time. */
static void feed(struct transcript *t)
{
    size_t given = 0;

    while (t->s && given < t->in.len) {
        given += cut(t, t->in.len - given);
        t->fed = perch_session_feed(t->s, perch_buf_data(&t->in), given);
        if (t->fed < 0) {
            if (t->fed == PERCH_ECANCELLED)
                t->s = NULL;
            perch_buf_clear(&t->in);
            return;
        }
        perch_buf_consume(&t->in, (size_t)t->fed);
        given -= (size_t)t->fed;
        if (!t->hold)
            transcript_drain(t);
    }
}

void transcript_tick(struct transcript *t, perch_ms by)
{
    t->now += by;
    perch_session_tick(t->s, t->now);
    if (!t->hold)
        transcript_drain(t);
}

/* ---- scripts ---- */

static const char *tag_of(struct transcript *t, const char *name, size_t n)
{
    for (size_t i = 0; i < t->ntags; i++)
        if (strlen(t->tags[i].name) == n && memcmp(t->tags[i].name, name, n) == 0)
            return t->tags[i].tag;
    return NULL;
}

static void bind(struct transcript *t, const char *name, size_t n, struct perch_span tag)
{
    if (t->ntags == PERCH_COUNT(t->tags) || n >= sizeof t->tags[0].name ||
        tag.n >= sizeof t->tags[0].tag)
        abort();
    memcpy(t->tags[t->ntags].name, name, n);
    memcpy(t->tags[t->ntags++].tag, tag.p, tag.n);
}

/* A placeholder "<1>" at p: its length, 0 if there is none. */
static size_t placeholder(const char *p, const char *end)
{
    size_t n = 1;

    if (*p != '<')
        return 0;
    while (p + n < end && perch_is_alnum(p[n]))
        n++;
    return n > 1 && p + n < end && p[n] == '>' ? n + 1 : 0;
}

static char unescape(char c)
{
    return c == 'r' ? '\r' : c == 'n' ? '\n' : c == '0' ? '\0' : c;
}

/* A script line's text with escapes and tags resolved. An unknown tag takes what stands
 * in the session's output there. */
static void resolve(struct transcript *t, const char *p, const char *end, struct perch_buf *ret)
{
    while (p < end) {
        size_t n = placeholder(p, end);
        const char *tag = n ? tag_of(t, p + 1, n - 2) : NULL;

        if (n && !tag) {
            struct perch_span rest = perch_buf_span(&t->sent);

            rest.p += ret->len < rest.n ? ret->len : rest.n;
            rest.n -= ret->len < rest.n ? ret->len : rest.n;
            bind(t, p + 1, n - 2, perch_span_cut(&rest, ' '));
            tag = tag_of(t, p + 1, n - 2);
        }
        if (n) {
            perch_buf_adds(ret, tag);
            p += n;
        } else if (*p == '\\' && p + 1 < end) {
            perch_buf_addc(ret, unescape(p[1]));
            p += 2;
        } else {
            perch_buf_addc(ret, *p++);
        }
    }
}

static void want(struct transcript *t, struct perch_buf *text)
{
    struct perch_span have = perch_buf_span(&t->sent);
    bool same = have.n >= text->len && memcmp(have.p, perch_buf_data(text), text->len) == 0;

    if (!same)
        FAIL("the session sends \"%.*s\", want \"%s\" (cut %d)", (int)have.n, have.p ? have.p : "",
             perch_buf_cstr(text), (int)t->cut);
    perch_buf_consume(&t->sent, same ? text->len : have.n);
}

/* The session has sent all it wants, and nothing is left over. */
static void expect_silence(struct transcript *t)
{
    feed(t);
    if (!t->hold)
        transcript_drain(t);
    if (t->sent.len)
        FAIL("the session sends \"%.*s\" and nobody wants it (cut %d)", (int)t->sent.len,
             perch_buf_span(&t->sent).p, (int)t->cut);
    perch_buf_clear(&t->sent);
}

static void play_line(struct transcript *t, const char *line, const char *end)
{
    struct perch_buf text = PERCH_BUF_INIT;

    if (*line == 'C') {
        feed(t);
        if (!t->hold)
            transcript_drain(t);
    } else if (t->in.len == 0) {
        expect_silence(t);
    }
    resolve(t, line + 3, end, &text);
    if (line[1] == ':')
        perch_buf_adds(&text, "\r\n");
    if (*line == 'C')
        want(t, &text);
    else
        perch_buf_addspan(&t->in, perch_buf_span(&text));
    perch_buf_done(&text);
}

void transcript_play(struct transcript *t, const char *script)
{
    while (*script) {
        const char *end = script + strcspn(script, "\n");

        play_line(t, script, end);
        script = *end ? end + 1 : end;
    }
    expect_silence(t);
}

/* ---- running ---- */

static const struct perch_session_hooks hooks = {
    .size = sizeof hooks,
    .on_event = on_event,
    .on_state = on_state,
    .on_starttls = on_starttls,
};

static void run_once(const struct perch_session_options *options, void (*play)(struct transcript *),
                     enum transcript_cut cutting, uint64_t seed, struct perch_buf *ret_log)
{
    struct transcript *t = perch_calloc(1, sizeof *t);
    struct perch_session_options o = PERCH_SESSION_OPTIONS_INIT;

    o.secure = true;
    o.tag_seed = seed;
    t->cut = cutting;
    t->random = seed * 2654435761u + 1;
    t->now = 1000;
    t->s = perch_session_new(options ? options : &o, &hooks, t, t->now);
    play(t);
    perch_session_free(t->s);
    for (size_t i = 0; i < t->ntokens; i++)
        if (t->tokens[i].runs != (t->tokens[i].started ? 1 : 0))
            FAIL("done of %s ran %u times", t->tokens[i].label, t->tokens[i].runs);
    perch_buf_addspan(ret_log, perch_buf_span(&t->all));
    perch_buf_done(&t->in);
    perch_buf_done(&t->sent);
    perch_buf_done(&t->log);
    perch_buf_done(&t->all);
    perch_free(t);
}

void transcript_run(const struct perch_session_options *options, void (*play)(struct transcript *t))
{
    struct perch_buf first = PERCH_BUF_INIT;

    run_once(options, play, TRANSCRIPT_WHOLE, 1, &first);
    for (uint64_t seed = 1; seed < 8; seed++) {
        struct perch_buf log = PERCH_BUF_INIT;

        run_once(options, play, seed == 1 ? TRANSCRIPT_BYTES : TRANSCRIPT_RANDOM, seed, &log);
        if (!perch_span_eq(perch_buf_span(&log), perch_buf_span(&first)))
            FAIL("cut otherwise, this happens:\n%sand whole:\n%s", perch_buf_cstr(&log),
                 perch_buf_cstr(&first));
        perch_buf_done(&log);
    }
    perch_buf_done(&first);
}

/* ---- the usual beginnings ---- */

void transcript_login(struct transcript *t, const char *capabilities)
{
    struct perch_auth_args args = PERCH_AUTH_ARGS_INIT;
    struct perch_buf script = PERCH_BUF_INIT;

    args.user = PERCH_SPAN("ann");
    args.password = PERCH_SPAN("secret");
    transcript_play(t, "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\n");
    transcript_started(t, perch_authenticate_start(t->s, &args, transcript_done,
                                                   transcript_token(t, "login"), NULL));
    perch_buf_addf(&script,
                   "C: <login> AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=\n"
                   "S: <login> OK [CAPABILITY %s] in\n",
                   capabilities);
    transcript_play(t, perch_buf_cstr(&script));
    perch_buf_done(&script);
    ASSERT_INT(perch_session_state(t->s), PERCH_STATE_AUTHENTICATED);
    perch_buf_clear(&t->log);
}

void transcript_select(struct transcript *t, unsigned exists)
{
    struct perch_select_args args = PERCH_SELECT_ARGS_INIT;
    struct perch_buf script = PERCH_BUF_INIT;

    args.mailbox = PERCH_SPAN("INBOX");
    transcript_started(
        t, perch_select_start(t->s, &args, transcript_done, transcript_token(t, "select"), NULL));
    perch_buf_addf(&script,
                   "C: <select> SELECT \"INBOX\"\n"
                   "S: * %u EXISTS\n"
                   "S: * OK [UIDVALIDITY 7] ok\n"
                   "S: <select> OK [READ-WRITE] done\n",
                   exists);
    transcript_play(t, perch_buf_cstr(&script));
    perch_buf_done(&script);
    ASSERT_INT(perch_session_state(t->s), PERCH_STATE_SELECTED);
    perch_buf_clear(&t->log);
}
