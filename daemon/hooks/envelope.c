/* ENVELOPE, BODYSTRUCTURE and List-Id of a FETCH row as the JSON of an event. */
#include "hooks/event.h"

#include "hooks/json_out.h"

#include "base/ascii.h"
#include "base/buf.h"
#include "base/span.h"
#include "perch/text.h"

/* What the lists of one envelope may hold in all: an event must fit a message between the
 * processes (IPC_MESSAGE_MAX) whatever the server wrote, and JSON makes six bytes of some. */
#define LISTS_MAX (1u << 20)

struct lists {
    size_t room; /* of LISTS_MAX */
};

/* Text that perch/text.h allocated; takes it. */
static json_t *take_text(char *utf8, size_t len)
{
    json_t *text = json_out_text((struct perch_span){utf8, len});

    perch_text_free(utf8);
    return text;
}

static json_t *decoded(struct perch_span value)
{
    char *utf8;
    size_t len;

    if (!value.p)
        return json_null();
    return perch_rfc2047_decode(value, &utf8, &len, NULL) < 0 ? NULL : take_text(utf8, len);
}

static json_t *trimmed(struct perch_span value)
{
    return json_out_text(perch_span_trim(value));
}

static json_t *date(struct perch_span header_date)
{
    struct perch_time t = perch_date_parse(header_date);
    char text[PERCH_ISO_SIZE];

    if (!t.valid)
        return json_null();
    perch_iso_format(t.unix_s, text);
    return json_string(text);
}

/* "a@b", "a/b" in lower case, or one alone. */
static json_t *joined(struct perch_span left, char between, struct perch_span right, bool lower)
{
    struct perch_buf both = PERCH_BUF_INIT;
    json_t *text = NULL;

    perch_buf_addspan(&both, left);
    if (right.n > 0)
        perch_buf_addc(&both, between);
    perch_buf_addspan(&both, right);
    for (size_t i = 0; lower && i < both.len; i++)
        perch_buf_data(&both)[i] = (uint8_t)perch_lower(perch_buf_data(&both)[i]);
    if (!both.failed)
        text = json_out_text(perch_buf_span(&both));
    perch_buf_done(&both);
    return text;
}

/* Whether the next entry, of so much text, still fits; the first that does not is the end. */
static bool has_room(struct lists *l, size_t size)
{
    l->room = size <= l->room ? l->room - size : 0;
    return l->room > 0;
}

/* ---- addresses ---- */

/* A mailbox without a host begins a group (RFC 9051 7.5.2) if something ends it; else the
 * server means a local user. */
static bool begins_group(struct perch_addresses list, size_t i)
{
    if (list.v[i].host.p || !list.v[i].mailbox.p)
        return false;
    while (++i < list.n)
        if (!list.v[i].host.p)
            return !list.v[i].mailbox.p;
    return false;
}

static json_t *one_address(const struct perch_address *a)
{
    struct json_out o = json_out_object();

    json_out_put(&o, "name", decoded(a->name));
    json_out_put(&o, "address", joined(a->mailbox, '@', a->host, false));
    return json_out_take(&o);
}

static json_t *addresses(struct lists *l, struct perch_addresses list)
{
    struct json_out out = {json_array(), false};

    for (size_t i = 0; i < list.n; i++) {
        const struct perch_address *a = &list.v[i];

        if (begins_group(list, i) || (a->mailbox.n == 0 && a->host.n == 0))
            continue;
        if (!has_room(l, 32 + a->name.n + a->mailbox.n + a->host.n))
            break;
        json_out_append(&out, one_address(a));
    }
    return json_out_take(&out);
}

/* ---- attachments ---- */

/* 0 with *ret NULL when there is none. */
static int file_name(const struct perch_body *part, char **ret, size_t *ret_len)
{
    *ret = NULL;
    *ret_len = 0;
    if (perch_param_decode(part->disposition_params, part->ndisposition_params, "filename", ret,
                           ret_len) < 0)
        return -1;
    if (*ret)
        return 0;
    return perch_param_decode(part->params, part->nparams, "name", ret, ret_len) < 0 ? -1 : 0;
}

/* Says a mail program that this part is a file of its own? */
static bool is_attachment(const struct perch_body *part, bool named)
{
    return named || part->kind == PERCH_BODY_MESSAGE ||
           perch_span_ieqs(part->disposition, "attachment");
}

/* Takes the name. */
static json_t *one_attachment(const struct perch_body *part, char *name, size_t len)
{
    struct json_out o = json_out_object();

    json_out_put(&o, "name", name ? take_text(name, len) : json_null());
    json_out_put(&o, "type",
                 part->type.n > 0 ? joined(part->type, '/', part->subtype, true)
                                  : json_string("application/octet-stream"));
    json_out_put(&o, "size", json_integer((json_int_t)part->size));
    return json_out_take(&o);
}

/* The leaves of `body`; an attached message is a leaf. The parser bounds the depth. */
static void collect_attachments(struct lists *l, struct json_out *out,
                                const struct perch_body *body)
{
    char *name;
    size_t len;

    if (body->kind == PERCH_BODY_MULTIPART) {
        for (size_t i = 0; i < body->nparts; i++)
            collect_attachments(l, out, body->parts[i]);
        return;
    }
    if (file_name(body, &name, &len) < 0) {
        out->failed = true;
        return;
    }
    if (is_attachment(body, name != NULL) && has_room(l, 64 + len + body->type.n + body->subtype.n))
        json_out_append(out, one_attachment(body, name, len));
    else
        perch_text_free(name);
}

static json_t *attachments(struct lists *l, const struct perch_body *body)
{
    struct json_out out = {json_array(), false};

    if (body)
        collect_attachments(l, &out, body);
    return json_out_take(&out);
}

/* ---- List-Id ---- */

/* The value of the first header of that name, folded lines included; NIL if there is none. */
static struct perch_span find_header(struct perch_span headers, const char *name)
{
    while (headers.n > 0) {
        struct perch_span value = perch_span_cut(&headers, '\n');

        while (headers.n > 0 && (headers.p[0] == ' ' || headers.p[0] == '\t')) {
            struct perch_span more = perch_span_cut(&headers, '\n');

            value.n = (size_t)(more.p + more.n - value.p);
        }
        if (perch_span_ieqs(perch_span_trim(perch_span_cut(&value, ':')), name) && value.p)
            return value;
    }
    return (struct perch_span){NULL, 0};
}

/* "Name" <dev.lists.example.org> (RFC 2919): what stands in the last angle brackets, else
 * all of it. */
static struct perch_span list_identifier(struct perch_span value)
{
    const char *close = value.n > 0 ? memrchr(value.p, '>', value.n) : NULL;
    const char *open = close ? memrchr(value.p, '<', (size_t)(close - value.p)) : NULL;

    if (open)
        value = (struct perch_span){open + 1, (size_t)(close - open - 1)};
    return perch_span_trim(value);
}

static json_t *list_id(const struct perch_fetch *row)
{
    for (size_t i = 0; i < row->nsections; i++) {
        const struct perch_section *s = &row->sections[i];
        struct perch_span value = {NULL, 0}, id;
        json_t *text;
        char *utf8;
        size_t len;

        if (perch_span_istarts(s->section, "HEADER"))
            value = find_header(s->data, "List-Id");
        if (!value.p)
            continue;
        if (perch_rfc2047_decode(value, &utf8, &len, NULL) < 0)
            return NULL;
        id = list_identifier((struct perch_span){utf8, len});
        text = id.n > 0 ? json_out_text(id) : json_null();
        perch_text_free(utf8);
        return text;
    }
    return json_null();
}

/* ---- all of it ---- */

char *event_envelope_json(const struct perch_fetch *row, struct perch_arena *a)
{
    static const struct perch_envelope none;
    const struct perch_envelope *e = row->envelope ? row->envelope : &none;
    struct lists l = {LISTS_MAX};
    struct json_out o = json_out_object();

    json_out_put(&o, "from", addresses(&l, e->from));
    json_out_put(&o, "sender", addresses(&l, e->sender));
    json_out_put(&o, "reply_to", addresses(&l, e->reply_to));
    json_out_put(&o, "to", addresses(&l, e->to));
    json_out_put(&o, "cc", addresses(&l, e->cc));
    json_out_put(&o, "bcc", addresses(&l, e->bcc));
    json_out_put(&o, "subject", decoded(e->subject));
    json_out_put(&o, "date", date(e->date));
    json_out_put(&o, "message_id", trimmed(e->message_id));
    json_out_put(&o, "in_reply_to", trimmed(e->in_reply_to));
    json_out_put(&o, "list_id", list_id(row));
    json_out_put(&o, "attachments", attachments(&l, row->body));
    return json_out_line(json_out_take(&o), a);
}
