/* A whole session against a script. The first byte chooses options; then each line is
 * what the server says (with a line end behind it), or a step of ours:
 *
 *   !x      does x: a letter of `step`      @x      does it inside the next callback
 *   -text   without the line end
 *
 * In what the server says %t is the tag of the oldest command that was not answered yet,
 * %T that of the newest.
 *  - every op that was started completes, once;
 *  - no byte of the password leaves without TLS, and nothing is told before it;
 *  - a body goes to the op that asked, whole and in order, and not while the op is paused;
 *  - a mailbox is there exactly while one is selected or being selected;
 *  - fed byte by byte the same happens. */
#include "fuzz.h"

#include "perch/change.h"
#include "perch/commands.h"
#include "perch/search.h"

#include "base/buf.h"
#include "base/span.h"

#define OPS       64
#define PASSWORD  "hunter2hunter2"
#define BASE64    "AGFubgBodW50ZXIyaHVudGVyMg==" /* \0ann\0 and the password */
#define STEPS_MAX 400

struct started {
    struct world *w;
    perch_op *op;
    bool live, in_body;
    uint64_t body_left;
};

struct world {
    perch_session *s;
    perch_ms now;
    bool bytewise, secure, cleartext, let_in;
    char plan;        /* the step to do in the next callback, 0: none */
    bool dead;        /* the session was freed */
    bool paused_once; /* in the body being read */
    size_t nstarted, ndone;
    struct started ops[OPS];
    struct perch_buf in, out, answered;
    size_t given; /* of `in`, not eaten */
    uint64_t log; /* a hash of all that was told */
};

static void step(struct world *w, char what);

/* ---- what is told ---- */

static void note(struct world *w, uint64_t what)
{
    w->log = (w->log ^ what) * 0x100000001b3u;
}

static void act(struct world *w)
{
    char what = w->plan;

    w->plan = 0;
    if (what)
        step(w, what);
}

static void on_event(perch_session *s, const struct perch_event *event, void *user)
{
    struct world *w = user;

    (void)s;
    FUZZ_CHECK(w->secure || w->cleartext || w->let_in);
    FUZZ_CHECK(event->kind != PERCH_EVENT_ALERT || w->secure);
    FUZZ_CHECK(!event->op || perch_op_command(event->op));
    note(w, 1000 + (uint64_t)event->kind);
    note(w, event->number);
    act(w);
}

static void on_state(perch_session *s, enum perch_state from, enum perch_state to, void *user)
{
    struct world *w = user;

    (void)s;
    (void)from;
    w->let_in |= to == PERCH_STATE_AUTHENTICATED;
    note(w, 2000 + (uint64_t)to);
    act(w);
}

static void on_done(perch_op *op, void *user)
{
    struct started *o = user;

    FUZZ_CHECK(o->live && perch_op_finished(op));
    o->live = false;
    o->w->ndone++;
    note(o->w, (uint64_t)(3000 - perch_op_code(op)));
    FUZZ_CHECK(perch_op_code(op) <= 0 && perch_op_text(op) && perch_op_command(op));
    act(o->w);
}

static void on_fetch(perch_op *op, const struct perch_fetch *row, void *user)
{
    struct started *o = user;

    FUZZ_CHECK(o->live && !perch_op_finished(op));
    note(o->w, row->uid);
    act(o->w);
}

static void on_body_begin(perch_op *op, const struct perch_body_head *head, void *user)
{
    struct started *o = user;

    FUZZ_CHECK(o->live && !o->in_body && !perch_op_finished(op));
    FUZZ_CHECK(head->section->size > 0 && !head->section->data.p);
    o->in_body = true;
    o->w->paused_once = false;
    o->body_left = head->section->size;
    note(o->w, 4000 + head->uid);
    act(o->w);
}

/* Pauses once a body, so that the cuts make no difference. */
static int on_body_data(perch_op *op, const uint8_t *p, size_t n, void *user)
{
    struct started *o = user;
    struct world *w = o->w;
    bool pause = !w->paused_once && memchr(p, 'P', n);

    FUZZ_CHECK(o->live && o->in_body && !perch_op_finished(op) && !perch_session_paused(w->s));
    FUZZ_CHECK(n > 0 && n <= o->body_left);
    o->body_left -= n;
    w->paused_once |= pause;
    act(w);
    return pause ? PERCH_PAUSE : 0;
}

static void on_body_end(perch_op *op, void *user)
{
    struct started *o = user;

    FUZZ_CHECK(o->live && o->in_body && o->body_left == 0 && !perch_op_finished(op));
    o->in_body = false;
    note(o->w, 5000);
    act(o->w);
}

static void on_vanished(perch_op *op, const struct perch_vanished_resp *row, void *user)
{
    struct started *o = user;

    FUZZ_CHECK(o->live && !perch_op_finished(op));
    note(o->w, perch_set_count(&row->uids));
    act(o->w);
}

static void on_list(perch_op *op, const struct perch_list_resp *row, void *user)
{
    struct started *o = user;

    FUZZ_CHECK(o->live && !perch_op_finished(op));
    note(o->w, row->mailbox.raw.n);
    act(o->w);
}

static void on_trace(perch_session *s, bool outgoing, struct perch_span text, void *user)
{
    struct world *w = user;

    (void)s;
    (void)outgoing;
    FUZZ_CHECK(!text.n || !memmem(text.p, text.n, PASSWORD, strlen(PASSWORD)) || !outgoing);
    FUZZ_CHECK(!text.n || !memmem(text.p, text.n, BASE64, strlen(BASE64)) || !outgoing);
    act(w);
}

/* ---- what we do ---- */

static int start_select(perch_session *s, bool resync, struct started *o)
{
    struct perch_select_args args = PERCH_SELECT_ARGS_INIT;

    args.mailbox = PERCH_SPAN("gr\xc3\xbc\xc3\x9f");
    args.examine = resync;
    args.condstore = true;
    args.uidvalidity = resync ? 7 : 0;
    args.modseq = 9;
    args.on_fetch = on_fetch;
    args.on_vanished = on_vanished;
    return perch_select_start(s, &args, on_done, o, &o->op);
}

static int start_fetch(perch_session *s, bool seq, struct started *o)
{
    static const char *const sections[] = {"BODY.PEEK[HEADER]"};
    struct perch_range range = {1, 20};
    struct perch_set set = {.r = &range, .n = seq ? 1 : 0};
    struct perch_fetch_args args = PERCH_FETCH_ARGS_INIT;
    int rc;

    if (!seq)
        for (uint32_t uid = 1; uid < 4000; uid += 2)
            FUZZ_CHECK(!perch_set_add(&set, uid, uid));
    args.set = &set;
    args.seq = seq;
    args.items = PERCH_ITEM_FLAGS | PERCH_ITEM_ENVELOPE;
    args.sections = sections;
    args.nsections = 1;
    args.on_fetch = seq ? NULL : on_fetch;
    args.on_body_begin = seq ? NULL : on_body_begin;
    args.on_body_data = seq ? NULL : on_body_data;
    args.on_body_end = seq ? NULL : on_body_end;
    rc = perch_fetch_start(s, &args, on_done, o, &o->op);
    if (!seq)
        perch_set_done(&set);
    return rc;
}

static int start_search(perch_session *s, bool literal, struct started *o)
{
    struct perch_search criteria =
        perch_search_text(PERCH_SEARCH_SUBJECT, literal ? "gr\xc3\xbc\xc3\x9f" : "x");
    struct perch_search_args args = PERCH_SEARCH_ARGS_INIT;

    args.criteria = &criteria;
    args.count = true;
    args.all = literal;
    return perch_search_start(s, &args, on_done, o, &o->op);
}

static int start_list(perch_session *s, bool rows, struct started *o)
{
    struct perch_list_args args = PERCH_LIST_ARGS_INIT;

    args.status_items = PERCH_STATUS_MESSAGES;
    args.returns = PERCH_LIST_RETURN_CHILDREN;
    args.on_list = rows ? on_list : NULL;
    return perch_list_start(s, &args, on_done, o, &o->op);
}

static int start_login(perch_session *s, struct started *o)
{
    struct perch_auth_args args = PERCH_AUTH_ARGS_INIT;

    args.user = PERCH_SPAN("ann");
    args.password = PERCH_SPAN(PASSWORD);
    return perch_authenticate_start(s, &args, on_done, o, &o->op);
}

static int start_store(perch_session *s, bool seq, struct started *o)
{
    struct perch_range range = {1, 9};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_store_args args = PERCH_STORE_ARGS_INIT;

    args.set = &set;
    args.seq = seq;
    args.mode = PERCH_STORE_ADD;
    args.flags = PERCH_FLAG_SEEN;
    args.conditional = !seq;
    return perch_store_start(s, &args, on_done, o, &o->op);
}

static int start_copy(perch_session *s, char what, struct started *o)
{
    struct perch_range range = {1, 9};
    struct perch_set set = {.r = &range, .n = 1};
    struct perch_copy_args args = PERCH_COPY_ARGS_INIT;

    args.set = &set;
    args.seq = what == 'V';
    args.mailbox = PERCH_SPAN("gr\xc3\xbc\xc3\x9f");
    if (what == 'C')
        return perch_copy_start(s, &args, on_done, o, &o->op);
    return perch_move_start(s, &args, on_done, o, &o->op);
}

static int start_expunge(perch_session *s, bool all, struct started *o)
{
    struct perch_range range = {1, 9};
    struct perch_set set = {.r = &range, .n = 1};

    return perch_expunge_start(s, all ? NULL : &set, on_done, o, &o->op);
}

static ssize_t give(void *user, uint8_t *to, size_t max)
{
    (void)user;
    memset(to, 'x', max);
    return (ssize_t)max;
}

/* Small ones from memory, a large one by a function. */
static const struct perch_append_message messages[] = {
    {.source = {.size = 2, .data = "hi"}},
    {.source = {.size = 100000, .read = give}},
    {.flags = PERCH_FLAG_DRAFT, .source = {.size = 5, .data = "hello"}},
};

static int start_append(perch_session *s, bool several, struct started *o)
{
    struct perch_append_args args = PERCH_APPEND_ARGS_INIT;

    args.mailbox = PERCH_SPAN("x");
    args.messages = messages;
    args.nmessages = several ? 3 : 1;
    return perch_append_start(s, &args, on_done, o, &o->op);
}

static int start_replace(perch_session *s, struct started *o)
{
    struct perch_replace_args args = PERCH_REPLACE_ARGS_INIT;

    args.number = 3;
    args.mailbox = PERCH_SPAN("x");
    args.message = messages;
    return perch_replace_start(s, &args, on_done, o, &o->op);
}

static int start(perch_session *s, char what, struct started *o)
{
    static const char *const caps[] = {"QRESYNC", "UTF8=ACCEPT"};

    switch (what) {
    case 'c':
        return perch_capability_start(s, on_done, o, &o->op);
    case 'n':
        return perch_noop_start(s, on_done, o, &o->op);
    case 'l':
        return perch_logout_start(s, on_done, o, &o->op);
    case 'i':
        return perch_id_start(s, NULL, 0, on_done, o, &o->op);
    case 's':
        return perch_starttls_start(s, on_done, o, &o->op);
    case 'a':
        return start_login(s, o);
    case 'e':
        return perch_enable_start(s, caps, 2, on_done, o, &o->op);
    case 'L':
    case 'K':
        return start_list(s, what == 'L', o);
    case 'S':
        return perch_status_start(s, PERCH_SPAN("a"), false, PERCH_STATUS_MESSAGES, on_done, o,
                                  &o->op);
    case 'm':
    case 'M':
        return start_select(s, what == 'M', o);
    case 'u':
        return perch_unselect_start(s, on_done, o, &o->op);
    case 'f':
    case 'g':
        return start_fetch(s, what == 'g', o);
    case 'q':
    case 'Q':
        return start_search(s, what == 'Q', o);
    case 'o':
    case 'O':
        return start_store(s, what == 'O', o);
    case 'C':
    case 'v':
    case 'V':
        return start_copy(s, what, o);
    case 'z':
    case 'Z':
        return start_expunge(s, what == 'Z', o);
    case 'p':
    case 'P':
        return start_append(s, what == 'P', o);
    case 'y':
        return start_replace(s, o);
    case 'k':
        return perch_close_start(s, on_done, o, &o->op);
    default:
        return perch_idle_start(s, 60000, on_done, o, &o->op);
    }
}

static void start_one(struct world *w, char what)
{
    struct started *o = &w->ops[w->nstarted];

    if (w->nstarted == OPS)
        return;
    *o = (struct started){.w = w, .live = true};
    w->nstarted++; /* before: a callback may start another */
    if (start(w->s, what, o) == 0)
        return;
    FUZZ_CHECK(o->live && *perch_session_error(w->s)->text);
    o->live = false;
    w->ndone++;
}

/* The newest op that is not done. */
static perch_op *newest(struct world *w)
{
    for (size_t i = w->nstarted; i > 0; i--)
        if (w->ops[i - 1].live && w->ops[i - 1].op)
            return w->ops[i - 1].op;
    return NULL;
}

static void drain(struct world *w);

static void step(struct world *w, char what)
{
    perch_op *op = newest(w);

    if (w->dead)
        return;
    if (strchr("cnliasaeLKSmMufgqQdoOCvVzZpPyk", what))
        start_one(w, what);
    else if (what == 'D' && op)
        perch_idle_stop(op);
    else if (what == 'x' && op)
        perch_op_cancel(op);
    else if (what == 'X' && op)
        perch_op_set_timeout(op, 1000);
    else if (what == 'R' && op)
        perch_op_resume(op);
    else if (what == 't' || what == 'T')
        perch_session_tick(w->s, w->now += what == 't' ? 500 : 31000);
    else if (what == 'r' && perch_session_state(w->s) == PERCH_STATE_SWITCHING) {
        w->secure = true;
        perch_session_tls_ready(w->s);
    } else if (what == 'E')
        perch_session_lost(w->s, NULL);
    else if (what == 'F') {
        w->dead = true;
        perch_session_free(w->s);
    }
}

/* ---- the wire ---- */

static void check_secrets(struct world *w)
{
    struct perch_span all = perch_buf_span(&w->out);

    if (w->secure || w->cleartext || !all.n)
        return;
    FUZZ_CHECK(!memmem(all.p, all.n, PASSWORD, 4));
    FUZZ_CHECK(!memmem(all.p, all.n, BASE64, 8));
}

static void drain(struct world *w)
{
    while (!w->dead) {
        struct perch_span out = perch_session_output(w->s);

        if (w->dead || !out.n)
            return;
        perch_buf_addspan(&w->out, out);
        check_secrets(w);
        perch_session_sent(w->s, out.n);
    }
}

static void check_session(const struct world *w)
{
    enum perch_state state = perch_session_state(w->s);
    const struct perch_mailbox *m = perch_session_mailbox(w->s);

    if (state == PERCH_STATE_SELECTED || state == PERCH_STATE_SELECTING)
        FUZZ_CHECK(m && m->name.raw.p);
    if (state <= PERCH_STATE_AUTHENTICATED)
        FUZZ_CHECK(!m);
    FUZZ_CHECK(perch_session_deadline(w->s) >= 0);
}

/* Gives all that the server said, or a byte more each time. */
static void feed(struct world *w)
{
    while (!w->dead && w->given < w->in.len) {
        ssize_t n;

        w->given = w->bytewise ? w->given + 1 : w->in.len;
        n = perch_session_feed(w->s, perch_buf_data(&w->in), w->given);
        FUZZ_CHECK(!w->dead || n == PERCH_ECANCELLED);
        FUZZ_CHECK(n < 0 || (size_t)n <= w->given);
        if (n < 0) {
            perch_buf_clear(&w->in);
            w->given = 0;
            return;
        }
        perch_buf_consume(&w->in, (size_t)n);
        w->given -= (size_t)n;
        drain(w);
    }
}

/* The tag of a command that was not answered: the newest, or the oldest, which then is. */
static struct perch_span tag_of(struct world *w, bool oldest)
{
    struct perch_span all = perch_buf_span(&w->out), found = {"none", 4};

    while (all.p) {
        struct perch_span line = perch_span_cut(&all, '\n'), tag = perch_span_cut(&line, ' ');
        struct perch_span known = perch_buf_span(&w->answered);

        if (!line.n || !tag.n || (known.n && memmem(known.p, known.n, tag.p, tag.n)))
            continue;
        found = tag;
        if (oldest)
            break;
    }
    return found;
}

static void say(struct world *w, struct perch_span line, bool end)
{
    for (size_t i = 0; i < line.n; i++) {
        bool tag = line.p[i] == '%' && i + 1 < line.n && (line.p[i + 1] | 0x20) == 't';
        struct perch_span s = tag ? tag_of(w, line.p[i + 1] == 't') : (struct perch_span){0};

        if (!tag) {
            perch_buf_addc(&w->in, line.p[i]);
            continue;
        }
        perch_buf_addspan(&w->in, s);
        perch_buf_addspan(&w->answered, s);
        perch_buf_addc(&w->answered, '\n');
        i++;
    }
    if (end)
        perch_buf_adds(&w->in, "\r\n");
    feed(w);
}

static void play_line(struct world *w, struct perch_span line)
{
    if (line.n >= 2 && line.p[0] == '!')
        step(w, line.p[1]);
    else if (line.n >= 2 && line.p[0] == '@')
        w->plan = line.p[1];
    else if (line.n >= 1 && line.p[0] == '-')
        say(w, (struct perch_span){line.p + 1, line.n - 1}, false);
    else
        say(w, line, true);
    drain(w);
}

static uint64_t play(const uint8_t *data, size_t size, bool bytewise)
{
    static const struct perch_session_hooks hooks = {
        .size = sizeof hooks, .on_event = on_event, .on_state = on_state, .on_trace = on_trace};
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;
    struct fuzz_input in = {data, size};
    struct world w = {.bytewise = bytewise};
    unsigned choice = fuzz_byte(&in);

    options.secure = w.secure = choice & 1;
    options.allow_cleartext = w.cleartext = choice & 2;
    options.allow_preauth = choice & 4;
    options.window = choice & 8 ? 1 : 0;
    options.limits.inline_literal = choice & 16 ? 64 : 0;
    options.tag_seed = 1;
    w.s = perch_session_new(&options, &hooks, &w, 0);
    FUZZ_CHECK(w.s);
    for (int i = 0; i < STEPS_MAX && in.n > 0 && !w.dead; i++) {
        play_line(&w, fuzz_until(&in, '\n'));
        if (!w.dead)
            check_session(&w);
    }
    w.plan = 0;
    if (!w.dead)
        perch_session_free(w.s);
    w.dead = true;
    FUZZ_CHECK(w.nstarted == w.ndone);
    perch_buf_done(&w.in);
    perch_buf_done(&w.out);
    perch_buf_done(&w.answered);
    return w.log;
}

/* A server that knows the password can make us say it: as the name of a mailbox. */
static bool knows(const uint8_t *data, size_t size)
{
    return size && (memmem(data, size, PASSWORD, 4) || memmem(data, size, BASE64, 8));
}

/* Steps inside callbacks see the wire as it is cut: then the cuts may matter. */
static bool has_plan(const uint8_t *data, size_t size)
{
    return size && memchr(data, '@', size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole, cut;

    if (knows(data, size))
        return 0;
    whole = play(data, size, false);
    cut = play(data, size, true);
    FUZZ_CHECK(whole == cut || has_plan(data, size));
    return 0;
}
