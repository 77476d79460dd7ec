/* perch events: the event log from the store, or from perchd when it is to go on.
 *
 * With --follow the daemon alone is the source: it replays from the store and goes over to
 * what happens without a gap or a twin between the two (control/control.h). */
#include "cli/cli.h"
#include "cli/link.h"
#include "cli/local.h"
#include "cli/output.h"
#include "cli/when.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/span.h"

#include <jansson.h>
#include <string.h>

struct events {
    struct cli *cli;
    struct store_event_filter filter;
    bool follow;
    struct { /* of the columns, as wide as what they had to show so far */
        size_t time, account, mailbox, kind, uid;
    } width;
};

/* ---- one event for people ---- */

/* The first sender's name, else address. */
static struct perch_span sender_of(const json_t *event)
{
    const json_t *first = json_array_get(json_object_get(event, "from"), 0);
    struct perch_span name = json_text(first, "name");

    return name.n > 0 ? name : json_text(first, "address");
}

/* One more word of the detail. */
static void add_word(struct perch_buf *out, const char *before, struct perch_span word)
{
    if (word.n == 0)
        return;
    if (out->len > 0)
        perch_buf_addc(out, ' ');
    perch_buf_adds(out, before);
    perch_buf_addspan(out, word);
}

static void add_flags(struct perch_buf *out, const json_t *flags, const char *key, const char *sign)
{
    const json_t *names = json_object_get(flags, key), *name;
    size_t i;

    json_array_foreach(names, i, name)
    {
        add_word(out, sign, perch_span_of(json_string_value(name)));
    }
}

/* What is particular about this kind, in front of sender and subject. */
static void add_detail(struct perch_buf *out, const json_t *event)
{
    const json_t *flags = json_object_get(event, "flags");
    const json_t *error = json_object_get(event, "error");
    const json_t *source = json_object_get(json_object_get(event, "moved"), "from");

    if (perch_span_ieqs(json_text(event, "kind"), "flags")) {
        add_flags(out, flags, "added", "+");
        add_flags(out, flags, "removed", "-");
    }
    add_word(out, "out of ", json_text(json_object_get(source, "mailbox"), "name"));
    add_word(out, "was ", json_text(event, "old_name"));
    add_word(out, "", json_text(event, "reason"));
    add_word(out, "", json_text(error, "text"));
}

static enum style style_of(struct perch_span kind)
{
    static const struct {
        const char *kind;
        enum style style;
    } styles[] = {
        {"new", STYLE_GOOD},         {"recovered", STYLE_GOOD}, {"deleted", STYLE_WARN},
        {"disconnected", STYLE_BAD}, {"auth-error", STYLE_BAD}, {"reset", STYLE_BAD},
    };

    for (size_t i = 0; i < PERCH_COUNT(styles); i++)
        if (perch_span_ieqs(kind, styles[i].kind))
            return styles[i].style;
    return STYLE_PLAIN;
}

static void print_event(struct events *e, const json_t *event, int64_t time_ms)
{
    struct cli *cli = e->cli;
    struct perch_span kind = json_text(event, "kind"), sender = sender_of(event);
    struct perch_span subject = json_text(event, "subject");
    struct perch_buf detail = PERCH_BUF_INIT;
    char when[WHEN_SIZE], uid[24] = "";

    when_format(time_ms / 1000, when);
    if (json_is_integer(json_object_get(event, "uid")))
        (void)snprintf(uid, sizeof uid, "%" JSON_INTEGER_FORMAT,
                       json_integer_value(json_object_get(event, "uid")));
    add_detail(&detail, event);
    out_cell(cli, STYLE_DIM, perch_span_of(when), &e->width.time);
    out_cell(cli, STYLE_PLAIN, json_text(event, "account"), &e->width.account);
    out_cell(cli, STYLE_PLAIN, json_text(json_object_get(event, "mailbox"), "name"),
             &e->width.mailbox);
    out_cell(cli, style_of(kind), kind, &e->width.kind);
    out_cell(cli, STYLE_PLAIN, perch_span_of(uid), &e->width.uid);
    out_text(cli, STYLE_WARN, perch_buf_span(&detail));
    if (detail.len > 0 && sender.n > 0)
        (void)fputc(' ', cli->out);
    out_text(cli, STYLE_HEAD, sender);
    if (sender.n > 0 && subject.n > 0)
        (void)fputs(": ", cli->out);
    out_text(cli, STYLE_PLAIN, subject);
    (void)fputc('\n', cli->out);
    perch_buf_done(&detail);
}

/* The event's own "time"; it is written in UTC with milliseconds. */
static int64_t time_of(const json_t *event)
{
    const char *text = json_string_value(json_object_get(event, "time"));
    char seconds[] = "2026-11-22T23:58:32Z";
    int64_t ms = 0;

    if (text && strlen(text) >= sizeof seconds - 2) {
        memcpy(seconds, text, sizeof seconds - 2);
        (void)when_parse(seconds, 0, &ms);
    }
    return ms;
}

static bool wanted(const struct events *e, const json_t *event)
{
    const char *account = json_string_value(json_object_get(event, "account"));
    const char *kind = json_string_value(json_object_get(event, "kind"));

    if (e->filter.account && (!account || strcmp(account, e->filter.account) != 0))
        return false;
    return e->filter.kind < 0 ||
           (kind && strcmp(kind, event_kind_name((enum event_kind)e->filter.kind)) == 0);
}

static void say_refusal(struct cli *cli, struct perch_span why)
{
    cli_error(cli, "perchd says: %.*s", (int)(why.n < 200 ? why.n : 200), why.p ? why.p : "");
}

/* An event as a line, or what perchd has to say instead. */
static void show(struct events *e, const char *line)
{
    json_t *event = json_loads(line, 0, NULL);

    if (!event)
        cli_error(e->cli, "an event that is no JSON was left out");
    else if (json_is_false(json_object_get(event, "ok")))
        say_refusal(e->cli, json_text(event, "error"));
    else if (wanted(e, event) && e->cli->json)
        (void)fprintf(e->cli->out, "%s\n", line);
    else if (wanted(e, event))
        print_event(e, event, time_of(event));
    json_decref(event);
}

/* ---- the two sources ---- */

static int show_row(const struct store_event_row *row, void *user)
{
    struct events *e = user;

    show(e, row->json);
    return ferror(e->cli->out) ? 1 : 0;
}

static int read_log(struct events *e)
{
    struct store_reader *reader = local_open(e->cli);
    int rc;

    if (!reader)
        return CLI_UNWELL;
    rc = store_read_events(reader, &e->filter, show_row, e);
    if (rc < 0)
        cli_error(e->cli, "%s", store_reader_error(reader));
    store_reader_close(reader);
    return rc < 0 ? CLI_UNWELL : CLI_OK;
}

static int follow(struct events *e)
{
    json_t *request =
        e->filter.since_time_ms
            ? json_pack("{s:s, s:I}", "cmd", "follow", "since_time",
                        (json_int_t)e->filter.since_time_ms)
            : json_pack("{s:s, s:I}", "cmd", "follow", "since", (json_int_t)e->filter.since_seq);
    const char *line;
    int status;
    struct link *link = link_open(e->cli, &status);
    json_t *answer;

    if (!link) {
        json_decref(request);
        return status;
    }
    answer = link_ask(link, request);
    status = CLI_UNWELL;
    if (answer) {
        while (!ferror(e->cli->out) && (line = link_next(link))) {
            show(e, line);
            (void)fflush(e->cli->out);
        }
        cli_error(e->cli, "perchd has ended the stream");
        status = CLI_NO_DAEMON;
    }
    json_decref(answer);
    link_close(link);
    return status;
}

int cmd_events(struct cli *cli, int argc, char **argv)
{
    struct events e = {
        .cli = cli,
        .filter = {.kind = -1},
        .width = {.time = WHEN_SIZE - 1, .account = 12, .mailbox = 14, .kind = 8, .uid = 5},
    };
    const char *since = NULL, *kind = NULL;
    const struct cli_option options[] = {
        {"since", NULL, &since}, {"follow", &e.follow, NULL}, {"account", NULL, &e.filter.account},
        {"kind", NULL, &kind},   {NULL, NULL, NULL},
    };
    enum event_kind parsed;
    uint64_t seq;
    int status;

    if (!cli_parse(cli, options, &argc, argv, &status))
        return status;
    if (argc > 1)
        return cli_usage(cli, "what is %s?", argv[1]);
    if (kind && !event_kind_parse(kind, &parsed))
        return cli_usage(cli, "there is no kind %s", kind);
    if (kind)
        e.filter.kind = (int)parsed;
    if (since && perch_num_u64(perch_span_of(since), INT64_MAX, &seq))
        e.filter.since_seq = (int64_t)seq;
    else if (since && !when_parse(since, cli->now_ms, &e.filter.since_time_ms))
        return cli_usage(cli, "--since takes a sequence number or a time, not %s", since);
    if (e.filter.since_time_ms < 0) /* before 1970 there was no event */
        e.filter.since_time_ms = 0;
    return e.follow ? follow(&e) : read_log(&e);
}
