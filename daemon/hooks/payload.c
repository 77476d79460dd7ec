/* One rule turns a place in the event's JSON into text, for arguments and variables alike:
 * null is empty, numbers are decimal, lists of words are joined by blanks, addresses read as
 * people write them, and every control character is a blank. */
#include "hooks/payload.h"

#include "hooks/environment.h"
#include "hooks/template.h"

#include "base/ascii.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/span.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values as text ---- */

/* C0 and DEL are one byte, C1 two in UTF-8. */
static void add_clean(struct perch_buf *out, const char *p, size_t n)
{
    size_t from = 0;

    for (size_t i = 0; i < n; i++) {
        bool c1 = (uint8_t)p[i] == 0xc2 && i + 1 < n && (uint8_t)p[i + 1] >= 0x80 &&
                  (uint8_t)p[i + 1] < 0xa0;

        if (!c1 && !perch_is_ctl((uint8_t)p[i]))
            continue;
        perch_buf_add(out, p + from, i - from);
        perch_buf_addc(out, ' ');
        i += c1;
        from = i + 1;
    }
    perch_buf_add(out, p + from, n - from);
}

static void add_string(struct perch_buf *out, const json_t *v)
{
    if (json_is_string(v))
        add_clean(out, json_string_value(v), json_string_length(v));
}

static void add_address(struct perch_buf *out, const json_t *v)
{
    const json_t *name = json_object_get(v, "name"), *address = json_object_get(v, "address");
    bool named = json_string_length(name) > 0;

    if (named)
        add_string(out, name);
    if (!json_is_string(address))
        return;
    perch_buf_adds(out, named ? " <" : "");
    add_string(out, address);
    perch_buf_adds(out, named ? ">" : "");
}

static void add_list(struct perch_buf *out, const json_t *list)
{
    const json_t *e;
    size_t i;

    json_array_foreach(list, i, e)
    {
        if (i > 0)
            perch_buf_adds(out, json_is_object(e) ? ", " : " ");
        if (json_is_object(e))
            add_address(out, e);
        else
            add_string(out, e);
    }
}

static void add_value(struct perch_buf *out, const json_t *v)
{
    if (json_is_integer(v))
        perch_buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_boolean(v))
        perch_buf_adds(out, json_is_true(v) ? "true" : "false");
    else if (json_is_array(v))
        add_list(out, v);
    else
        add_string(out, v);
}

/* The place that a dotted name means; a list of addresses means its first one. */
static const json_t *value_at(const json_t *event, struct perch_span name)
{
    const json_t *v = event;

    while (name.n > 0) {
        struct perch_span word = perch_span_cut(&name, '.');

        if (json_is_array(v))
            v = json_array_get(v, 0);
        v = json_object_getn(v, word.p, word.n);
    }
    return v;
}

/* `mailbox` means its name, `flags` the new ones. */
static struct perch_span full_name(struct perch_span name)
{
    if (perch_span_eq(name, PERCH_SPAN("mailbox")))
        return PERCH_SPAN("mailbox.name");
    if (perch_span_eq(name, PERCH_SPAN("flags")))
        return PERCH_SPAN("flags.new");
    return name;
}

static void add_named(struct perch_buf *out, const json_t *event, struct perch_span name,
                      const struct payload *made)
{
    if (perch_span_eq(name, PERCH_SPAN("event")))
        add_clean(out, made->input, made->input_len - 1); /* without the line's end */
    else
        add_value(out, value_at(event, full_name(name)));
}

/* True if it was cut, at a character's border. */
static bool cut(struct perch_buf *b, size_t max)
{
    const uint8_t *p = perch_buf_data(b);
    size_t n = max;

    if (b->len <= max)
        return false;
    while (n > 0 && (p[n] & 0xc0) == 0x80)
        n--;
    perch_buf_truncate(b, n);
    return true;
}

/* ---- arguments ---- */

static char *fill(const char *template, const json_t *event, const struct payload *made,
                  struct perch_arena *a)
{
    struct perch_buf out = PERCH_BUF_INIT;
    struct template_piece piece;
    char *arg = NULL;

    while (template_next(&template, &piece)) {
        if (piece.placeholder)
            add_named(&out, event, piece.text, made);
        else
            perch_buf_addspan(&out, piece.text);
    }
    if (!out.failed) {
        (void)cut(&out, PAYLOAD_ARGUMENT_MAX);
        arg = perch_arena_strndup(a, (const char *)perch_buf_data(&out), out.len);
    }
    perch_buf_done(&out);
    return arg;
}

static int make_argv(const struct payload_source *from, struct perch_arena *a, struct payload *made)
{
    size_t n = 0;

    while (from->hook->run[n])
        n++;
    made->argv = perch_arena_array(a, n + 1, sizeof *made->argv);
    if (!made->argv)
        return -1;
    for (size_t i = 0; i < n; i++) {
        made->argv[i] = fill(from->hook->run[i], from->event, made, a);
        if (!made->argv[i])
            return -1;
    }
    made->argv[n] = NULL;
    return 0;
}

/* ---- variables ---- */

static const struct {
    const char *variable, *name;
} variables[] = {
    {"PERCH_ID", "id"},
    {"PERCH_SEQ", "seq"},
    {"PERCH_KIND", "kind"},
    {"PERCH_LIVE", "live"},
    {"PERCH_ATTEMPT", "attempt"},
    {"PERCH_ACCOUNT", "account"},
    {"PERCH_MAILBOX", "mailbox"},
    {"PERCH_UID", "uid"},
    {"PERCH_UIDVALIDITY", "mailbox.uidvalidity"},
    {"PERCH_FLAGS", "flags"},
    {"PERCH_FROM", "from"},
    {"PERCH_FROM_NAME", "from.name"},
    {"PERCH_TO", "to"},
    {"PERCH_SUBJECT", "subject"},
    {"PERCH_DATE", "date"},
    {"PERCH_MESSAGE_ID", "message_id"},
};

static void set_variables(struct environment *e, const json_t *event)
{
    struct perch_buf value = PERCH_BUF_INIT;
    bool truncated = false;

    for (size_t i = 0; i < PERCH_COUNT(variables); i++) {
        perch_buf_clear(&value);
        add_value(&value, value_at(event, full_name(perch_span_of(variables[i].name))));
        truncated = cut(&value, PAYLOAD_VALUE_MAX) || truncated;
        environment_set(e, variables[i].variable, perch_buf_cstr(&value));
        e->failed = e->failed || value.failed;
    }
    environment_set(e, "PERCH_COUNT", "1");
    if (truncated)
        environment_set(e, "PERCH_TRUNCATED", "1");
    perch_buf_done(&value);
}

static int make_env(const struct payload_source *from, struct perch_arena *a, struct payload *made)
{
    struct environment e;

    environment_init(&e, a);
    for (char **name = from->hook->pass_env; name && *name; name++)
        environment_pass(&e, *name);
    for (char **pair = from->hook->env; pair && *pair; pair++)
        environment_put(&e, *pair);
    environment_set(&e, "PERCH_STATE", from->config->state);
    environment_set(&e, "PERCH_SOCKET", from->config->socket);
    set_variables(&e, from->event);
    if (e.failed)
        return -1;
    made->env = e.vars;
    made->cwd = environment_directory(&e);
    return 0;
}

/* ---- stdin ---- */

static int make_input(const struct payload_source *from, struct perch_arena *a,
                      struct payload *made)
{
    char *text;

    if (json_object_set_new(from->event, "attempt", json_integer(from->attempt)) != 0)
        return -1;
    text = json_dumps(from->event, JSON_COMPACT);
    if (!text)
        return -1;
    made->input = perch_arena_printf(a, "%s\n", text);
    made->input_len = strlen(text) + 1;
    free(text);
    return made->input ? 0 : -1;
}

int payload_make(const struct payload_source *from, struct perch_arena *a, struct payload *ret)
{
    struct payload made = {0};

    if (make_input(from, a, &made) != 0 || make_argv(from, a, &made) != 0 ||
        make_env(from, a, &made) != 0)
        return -1;
    *ret = made;
    return 0;
}
