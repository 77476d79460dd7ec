#include "hooks/event.h"

#include "hooks/json_out.h"

#include "base/ascii.h"
#include "base/b64.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/span.h"
#include "perch/text.h"

#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>

#define FLAGS_MAX     256
#define FLAG_SIZE_MAX 128

/* ---- id ---- */

static void hash_field(struct sha256_ctx *h, struct perch_span s)
{
    const uint8_t len[4] = {(uint8_t)(s.n >> 24), (uint8_t)(s.n >> 16), (uint8_t)(s.n >> 8),
                            (uint8_t)s.n};

    sha256_update(h, sizeof len, len);
    if (s.n > 0)
        sha256_update(h, s.n, (const uint8_t *)s.p);
}

static void hash_number(struct sha256_ctx *h, uint32_t n)
{
    char digits[20];
    size_t len = perch_num_format(n, digits);

    hash_field(h, (struct perch_span){digits, len});
}

void event_id(const struct event_identity *i, char out[EVENT_ID_SIZE])
{
    struct sha256_ctx h;
    uint8_t digest[SHA256_DIGEST_SIZE];

    sha256_init(&h);
    hash_field(&h, perch_span_of(i->account));
    hash_field(&h, i->mailbox);
    hash_number(&h, i->uidvalidity);
    hash_number(&h, i->uid);
    hash_field(&h, perch_span_of(event_kind_name(i->kind)));
    hash_field(&h, perch_span_of(i->x));
    sha256_digest(&h, sizeof digest, digest);
    memcpy(out, "e1-", 3);
    perch_b32_encode(out + 3, 26, digest, sizeof digest);
    out[EVENT_ID_SIZE - 1] = '\0';
}

/* ---- JSON ---- */

static void put_text(struct json_out *o, const char *key, const char *text)
{
    json_out_put(o, key, json_out_text(perch_span_of(text)));
}

static void put_number(struct json_out *o, const char *key, bool known, uint64_t n)
{
    json_out_put(o, key, known ? json_integer((json_int_t)n) : json_null());
}

static void put_time(struct json_out *o, int64_t time_ms)
{
    int64_t seconds = time_ms / 1000 - (time_ms % 1000 < 0);
    char text[PERCH_ISO_SIZE + 4]; /* ".123" more */
    size_t n;

    perch_iso_format(seconds, text);
    n = strlen(text) - 1; /* at the Z */
    (void)snprintf(text + n, sizeof text - n, ".%03dZ", (int)(time_ms - seconds * 1000));
    put_text(o, "time", text);
}

static void put_mailbox(struct json_out *o, const struct event *e)
{
    struct json_out m;

    if (!e->has_mailbox) {
        json_out_put(o, "mailbox", json_null());
        return;
    }
    m = json_out_object();
    put_text(&m, "name", e->mailbox);
    put_text(&m, "role", e->role);
    put_number(&m, "uidvalidity", e->uidvalidity != 0, e->uidvalidity);
    json_out_put(o, "mailbox", json_out_take(&m));
}

static bool has_flag(const char *flags, struct perch_span flag)
{
    struct perch_span rest = perch_span_of(flags);

    while (rest.n > 0)
        if (perch_span_eq(perch_span_cut(&rest, ' '), flag))
            return true;
    return false;
}

/* Those of `flags` that are not in `without`. */
static json_t *flag_list(const char *flags, const char *without)
{
    struct perch_span rest = perch_span_of(flags);
    struct json_out list = {json_array(), false};

    while (rest.n > 0) {
        struct perch_span flag = perch_span_cut(&rest, ' ');

        if (!has_flag(without, flag))
            json_out_append(&list, json_out_text(flag));
    }
    return json_out_take(&list);
}

static void put_flags(struct json_out *o, const struct event_flags *flags)
{
    const char *old_flags = flags->old_flags ? flags->old_flags : "";
    const char *new_flags = flags->new_flags ? flags->new_flags : "";
    struct json_out f = json_out_object();

    json_out_put(&f, "old", flag_list(old_flags, ""));
    json_out_put(&f, "new", flag_list(new_flags, ""));
    json_out_put(&f, "added", flag_list(new_flags, old_flags));
    json_out_put(&f, "removed", flag_list(old_flags, new_flags));
    json_out_put(o, "flags", json_out_take(&f));
}

static void put_internaldate(struct json_out *o, const struct event *e)
{
    char text[PERCH_ISO_SIZE] = "";
    bool known = e->has_message && e->internaldate != INT64_MIN;

    if (known)
        perch_iso_format(e->internaldate, text);
    put_text(o, "internaldate", known ? text : NULL);
}

static void put_envelope(struct json_out *o, const char *envelope)
{
    static const char *const keys[] = {"from",       "sender",      "reply_to", "to",
                                       "cc",         "bcc",         "subject",  "date",
                                       "message_id", "in_reply_to", "list_id",  "attachments"};
    static const char *const lists = " from sender reply_to to cc bcc attachments ";
    json_t *given = envelope ? json_loads(envelope, 0, NULL) : NULL;

    if (envelope && !json_is_object(given))
        o->failed = true;
    for (size_t i = 0; i < PERCH_COUNT(keys); i++) {
        json_t *value = json_object_get(given, keys[i]);

        if (value)
            json_out_put(o, keys[i], json_incref(value));
        else
            json_out_put(o, keys[i],
                         has_flag(lists, perch_span_of(keys[i])) ? json_array() : json_null());
    }
    json_decref(given);
}

char *event_json(const struct event *e, struct perch_arena *a)
{
    struct json_out o = json_out_object();

    put_text(&o, "id", e->id);
    put_number(&o, "seq", true, (uint64_t)e->seq);
    put_time(&o, e->time_ms);
    put_text(&o, "kind", event_kind_name(e->kind));
    json_out_put(&o, "live", json_boolean(e->live));
    put_number(&o, "attempt", true, 1);
    put_text(&o, "account", e->account);
    put_mailbox(&o, e);
    put_number(&o, "uid", e->uid != 0, e->uid);
    put_number(&o, "modseq", e->modseq != 0, e->modseq);
    put_text(&o, "emailid", e->emailid);
    put_text(&o, "threadid", e->threadid);
    put_number(&o, "size", e->has_message, e->size);
    put_internaldate(&o, e);
    put_flags(&o, &e->flags);
    put_envelope(&o, e->envelope);
    json_out_put(&o, "moved", json_null());
    if (e->more && json_object_update(o.json, e->more) < 0)
        o.failed = true;
    return json_out_line(json_out_take(&o), a);
}

/* ---- flags ---- */

static bool flag_is_storable(struct perch_span s)
{
    if (s.n == 0 || s.n > FLAG_SIZE_MAX || perch_span_eq(s, PERCH_SPAN("\\")) ||
        !perch_utf8_valid(s.p, s.n))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == ' ' || perch_is_ctl((unsigned char)s.p[i]))
            return false;
    return true;
}

/* Spans of the flags to keep, in the order and spelling of the server or our own. */
static size_t flags_collect(const struct perch_names *flags, struct perch_span *out)
{
    size_t n = 0;

    for (size_t i = 0; i < flags->n; i++) {
        uint32_t bit = perch_flag_bit(flags->v[i]);

        if (bit == PERCH_FLAG_RECENT || !flag_is_storable(flags->v[i]))
            continue;
        out[n++] = bit ? perch_span_of(perch_flag_name(bit)) : flags->v[i];
    }
    return n;
}

static int compare_flags(const void *left, const void *right)
{
    const struct perch_span *a = left, *b = right;
    bool a_system = a->p[0] == '\\', b_system = b->p[0] == '\\';

    return a_system != b_system ? b_system - a_system : perch_span_cmp(*a, *b);
}

char *event_flags_canonical(const struct perch_names *flags, struct perch_arena *a)
{
    struct perch_span *kept = perch_arena_array(a, flags->n, sizeof *kept);
    struct perch_buf joined = PERCH_BUF_INIT;
    size_t n = kept ? flags_collect(flags, kept) : 0, used = 0;
    char *text = NULL;

    if (!kept)
        return NULL;
    qsort(kept, n, sizeof *kept, compare_flags);
    for (size_t i = 0; i < n && used < FLAGS_MAX; i++) {
        if (i > 0 && perch_span_eq(kept[i], kept[i - 1]))
            continue;
        if (used++ > 0)
            perch_buf_addc(&joined, ' ');
        perch_buf_addspan(&joined, kept[i]);
    }
    if (!joined.failed)
        text = perch_arena_strndup(a, (const char *)perch_buf_data(&joined), joined.len);
    perch_buf_done(&joined);
    return text;
}
