#include "session/ops/upload.h"

#include "base/err.h"

#include <string.h>

/* ---- what callers give ---- */

static void check_source(perch_op *op, const struct perch_source *source)
{
    if (source->size && !source->data && !source->read)
        (void)perch_op_fail(op, PERCH_EINVAL, "a source without data and without read");
    if (source->size > INT64_MAX)
        (void)perch_op_fail(op, PERCH_EINVAL, "a source larger than a literal can be");
}

static void check_message(perch_op *op, const struct perch_append_message *m)
{
    check_source(op, &m->source);
    for (size_t i = 0; i < m->nparts; i++)
        check_source(op, &m->parts[i].text);
    /* RFC 3502 4: an empty literal gives the whole command up. */
    if (!m->nparts && !m->source.size)
        (void)perch_op_fail(op, PERCH_EINVAL, "an empty message");
}

static void copy_parts(perch_op *op, struct perch_append_message *m)
{
    struct perch_append_part *parts = perch_arena_array(&op->arena, m->nparts, sizeof *parts);

    if (!parts)
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
    for (size_t i = 0; parts && i < m->nparts; i++) {
        parts[i] = m->parts[i];
        parts[i].url = perch_op_copy(op, m->parts[i].url);
        if (parts[i].url.p)
            parts[i].text = (struct perch_source){0};
    }
    m->parts = parts;
}

static void copy_message(perch_op *op, struct perch_append_message *to,
                         const struct perch_append_message *from)
{
    struct perch_flags_arg flags =
        perch_flags_copy(op, (struct perch_flags_arg){from->flags, from->names, from->nnames});

    *to = *from;
    to->names = flags.names;
    copy_parts(op, to);
    if (!op->error.code)
        check_message(op, to);
}

static void add_source(struct perch_upload *u, const struct perch_source *source)
{
    if (source->size == 0)
        return;
    u->sources[u->nsources++] = *source;
    u->total += source->size;
}

static void list_sources(perch_op *op, struct perch_upload *u)
{
    size_t most = 0;

    for (size_t i = 0; i < u->n; i++)
        most += u->messages[i].nparts ? u->messages[i].nparts : 1;
    u->sources = perch_arena_array(&op->arena, most, sizeof *u->sources);
    if (!u->sources) {
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
        return;
    }
    for (size_t i = 0; i < u->n; i++) {
        const struct perch_append_message *m = &u->messages[i];

        for (size_t j = 0; j < m->nparts; j++)
            add_source(u, &m->parts[j].text);
        if (!m->nparts)
            add_source(u, &m->source);
    }
}

void perch_upload_copy(perch_op *op, struct perch_upload *u,
                       const struct perch_append_message *messages, size_t n)
{
    if (!u->mailbox.name.n)
        (void)perch_op_fail(op, PERCH_EINVAL, "no mailbox named");
    if (n && !messages)
        (void)perch_op_fail(op, PERCH_EINVAL, "no messages");
    u->messages = perch_arena_array(&op->arena, n, sizeof *u->messages);
    u->n = n;
    if (!u->messages)
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
    for (size_t i = 0; i < n && !op->error.code; i++)
        copy_message(op, &u->messages[i], &messages[i]);
    if (!op->error.code)
        list_sources(op, u);
}

/* ---- what servers take ---- */

/* The literals of a message; what its URLs bring nobody knows here. */
static uint64_t size_of(const struct perch_append_message *m)
{
    uint64_t size = m->nparts ? 0 : m->source.size;

    for (size_t i = 0; i < m->nparts && size <= INT64_MAX; i++)
        size += m->parts[i].text.size;
    return size;
}

static int too_large(perch_op *op, uint64_t size, uint64_t limit)
{
    return perch_error_set(&op->error, PERCH_ELIMIT, PERCH_HITS_OP, PERCH_ASK_USER, "appendlimit",
                           "%s: the message has %llu bytes, and the server takes %llu", op->name,
                           (unsigned long long)size, (unsigned long long)limit);
}

int perch_upload_check(perch_op *op, const struct perch_upload *u)
{
    const perch_session *s = op->s;
    bool utf8 = perch_session_enabled(s, PERCH_CAP_UTF8_ACCEPT);
    uint64_t limit = perch_caps_append_limit(&s->caps);

    for (size_t i = 0; i < u->n; i++) {
        const struct perch_append_message *m = &u->messages[i];

        if (m->nparts && perch_sess_lacks(s, PERCH_CAP_CATENATE))
            return perch_op_fail(op, PERCH_ECAPABILITY, "the server has no CATENATE");
        if (m->binary && !utf8 && perch_sess_lacks(s, PERCH_CAP_BINARY))
            return perch_op_fail(op, PERCH_ECAPABILITY, "the server has no BINARY");
        if (size_of(m) > limit)
            return too_large(op, size_of(m), limit);
    }
    return 0;
}

/* ---- what leaves ---- */

/* `word` stands before a literal that is not in the form of UTF8=ACCEPT. */
static void put_source(const perch_session *s, struct perch_enc *e, uint64_t size, bool binary,
                       const char *word)
{
    bool utf8 = perch_session_enabled(s, PERCH_CAP_UTF8_ACCEPT);

    perch_enc_word(e, utf8 ? "UTF8 (" : word);
    perch_enc_source(e, size, utf8 || binary);
    if (utf8)
        perch_enc_char(e, ')');
}

static void put_parts(const perch_session *s, struct perch_enc *e,
                      const struct perch_append_message *m)
{
    perch_enc_word(e, "CATENATE (");
    for (size_t i = 0; i < m->nparts; i++) {
        const struct perch_append_part *part = &m->parts[i];

        if (i > 0)
            perch_enc_sp(e);
        if (part->url.p) {
            perch_enc_word(e, "URL ");
            perch_enc_astring(e, part->url);
        } else {
            put_source(s, e, part->text.size, m->binary, "TEXT ");
        }
    }
    perch_enc_char(e, ')');
}

static void put_message(const perch_session *s, struct perch_enc *e,
                        const struct perch_append_message *m)
{
    struct perch_flags_arg flags = {m->flags, m->names, m->nnames};

    perch_enc_sp(e);
    if (flags.bits || flags.n) {
        perch_flags_put(e, flags);
        perch_enc_sp(e);
    }
    if (m->date.valid) {
        perch_enc_datetime(e, m->date);
        perch_enc_sp(e);
    }
    if (m->nparts)
        put_parts(s, e, m);
    else
        put_source(s, e, m->source.size, m->binary, "");
}

void perch_upload_put(const perch_session *s, struct perch_enc *e, const struct perch_upload *u,
                      size_t from, size_t upto)
{
    perch_enc_sp(e);
    perch_mailbox_put(e, u->mailbox);
    for (size_t i = from; i < upto; i++)
        put_message(s, e, &u->messages[i]);
}

static size_t no_bytes(perch_op *op)
{
    if (!op->error.code)
        (void)perch_error_set(&op->error, PERCH_ECANCELLED, PERCH_HITS_CONNECTION,
                              PERCH_TRY_NOTHING, "source",
                              "%s: the message could not be read to its end", op->name);
    return 0;
}

size_t perch_upload_pull(perch_op *op, struct perch_upload *u, uint8_t *to, size_t max)
{
    const struct perch_source *source = &u->sources[u->source];
    uint64_t left = source->size - u->offset;
    size_t want = left < max ? (size_t)left : max;
    ssize_t n = (ssize_t)want;

    if (source->data)
        memcpy(to, (const uint8_t *)source->data + u->offset, want);
    else
        n = source->read(source->user, to, want);
    if (n <= 0 || (size_t)n > want)
        return no_bytes(op);
    u->offset += (uint64_t)n;
    u->sent += (uint64_t)n;
    if (u->offset == source->size) {
        u->source++;
        u->offset = 0;
    }
    if (u->on_progress && !op->finished)
        u->on_progress(op, u->sent, u->total, op->user);
    return (size_t)n;
}

/* ---- what comes ---- */

bool perch_upload_told(const struct perch_resp *resp, size_t n)
{
    const struct perch_status_resp *status = &resp->u.status;

    return resp->type == PERCH_RESP_OK && status->code == PERCH_CODE_APPENDUID &&
           perch_set_count(&status->u.uids.dest) == n;
}

void perch_upload_take(perch_op *op, struct perch_upload *u, const struct perch_resp *resp)
{
    const struct perch_uid_pair_code *uids = &resp->u.status.u.uids;
    struct perch_append_result *r = &u->result;

    if (r->uids.n && r->uidvalidity != uids->uidvalidity)
        return;
    r->uidvalidity = uids->uidvalidity;
    if (perch_set_add_set(&r->uids, &uids->dest))
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
}

void perch_upload_drop(struct perch_upload *u)
{
    perch_set_done(&u->result.uids);
}

const struct perch_append_result *perch_op_appended(const perch_op *op)
{
    const struct perch_upload *u = perch_append_upload(op);

    if (!u)
        u = perch_replace_upload(op);
    return u ? &u->result : NULL;
}
