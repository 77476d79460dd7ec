/* FETCH and UIDFETCH: items, envelopes, structures, sections. */
#include "cli/decode.h"

#include "perch/text.h"

/* ---- ENVELOPE ---- */

static void address(struct decoder *d, const struct perch_address *a)
{
    jw_open(&d->w, '{');
    decode_header(d, "name", "name_raw", a->name);
    decode_text_at(d, "adl", a->adl);
    decode_text_at(d, "mailbox", a->mailbox);
    decode_text_at(d, "host", a->host);
    jw_close(&d->w, '}');
}

static void addresses(struct decoder *d, const char *key, const struct perch_addresses *list)
{
    jw_key(&d->w, key);
    if (list->n == 0) { /* the grammar has no empty list */
        jw_null(&d->w);
        return;
    }
    jw_open(&d->w, '[');
    for (size_t i = 0; i < list->n; i++)
        address(d, &list->v[i]);
    jw_close(&d->w, ']');
}

void decode_envelope(struct decoder *d, const struct perch_envelope *e)
{
    jw_open(&d->w, '{');
    decode_text_at(d, "date", e->date);
    decode_header(d, "subject", "subject_raw", e->subject);
    addresses(d, "from", &e->from);
    addresses(d, "sender", &e->sender);
    addresses(d, "reply_to", &e->reply_to);
    addresses(d, "to", &e->to);
    addresses(d, "cc", &e->cc);
    addresses(d, "bcc", &e->bcc);
    decode_text_at(d, "in_reply_to", e->in_reply_to);
    decode_text_at(d, "message_id", e->message_id);
    jw_close(&d->w, '}');
}

/* ---- BODY and BODYSTRUCTURE ---- */

static void single_part(struct decoder *d, const struct perch_body *b)
{
    jw_key(&d->w, "params");
    decode_params(d, b->params, b->nparams);
    decode_text_at(d, "id", b->id);
    decode_text_at(d, "description", b->description);
    decode_text_at(d, "encoding", b->encoding);
    decode_number_at(d, "size", true, b->size);
    if (b->kind == PERCH_BODY_MESSAGE && b->envelope) {
        jw_key(&d->w, "envelope");
        decode_envelope(d, b->envelope);
    }
    if (b->kind == PERCH_BODY_MESSAGE && b->nparts > 0) {
        jw_key(&d->w, "body");
        decode_structure(d, b->parts[0]);
    }
    if (b->kind != PERCH_BODY_BASIC)
        decode_number_at(d, "lines", true, b->lines);
}

static void multipart(struct decoder *d, const struct perch_body *b)
{
    jw_key(&d->w, "parts");
    jw_open(&d->w, '[');
    for (size_t i = 0; i < b->nparts; i++)
        decode_structure(d, b->parts[i]);
    jw_close(&d->w, ']');
    if (b->extended) {
        jw_key(&d->w, "params");
        decode_params(d, b->params, b->nparams);
    }
}

static void extension(struct decoder *d, const struct perch_body *b)
{
    if (b->kind != PERCH_BODY_MULTIPART)
        decode_text_at(d, "md5", b->md5);
    jw_key(&d->w, "disposition");
    if (b->disposition.p) {
        jw_open(&d->w, '{');
        decode_text_at(d, "type", b->disposition);
        jw_key(&d->w, "params");
        decode_params(d, b->disposition_params, b->ndisposition_params);
        jw_close(&d->w, '}');
    } else {
        jw_null(&d->w);
    }
    jw_key(&d->w, "languages");
    if (b->nlanguages > 0)
        decode_spans(d, b->languages, b->nlanguages);
    else
        jw_null(&d->w);
    decode_text_at(d, "location", b->location);
}

/* As deep as the response nests, which DECODE_DEPTH bounds. */
void decode_structure(struct decoder *d, const struct perch_body *b)
{
    jw_open(&d->w, '{');
    decode_text_at(d, "type", b->type);
    decode_text_at(d, "subtype", b->subtype);
    if (b->kind == PERCH_BODY_MULTIPART)
        multipart(d, b);
    else
        single_part(d, b);
    if (b->extended)
        extension(d, b);
    jw_close(&d->w, '}');
}

/* ---- sections ---- */

static void streamed_section(struct decoder *d, const struct perch_section *s)
{
    const struct decode_body *body = d->taken < d->nbodies ? &d->bodies[d->taken++] : NULL;

    jw_open(&d->w, '{');
    decode_number_at(d, "size", true, s->size);
    jw_key(&d->w, "sha256");
    if (body)
        jw_string(&d->w, body->sha256);
    else
        jw_null(&d->w);
    jw_close(&d->w, '}');
}

static void sections(struct decoder *d, const struct perch_fetch *f)
{
    for (size_t i = 0; i < f->nsections; i++) {
        decode_item_key(d, f->sections[i].item);
        if (f->sections[i].streamed)
            streamed_section(d, &f->sections[i]);
        else
            decode_bytes(d, f->sections[i].data);
    }
}

static void binary_sizes(struct decoder *d, const struct perch_fetch *f)
{
    for (size_t i = 0; i < f->nbinary_sizes; i++) {
        struct perch_buf key = PERCH_BUF_INIT;

        perch_buf_adds(&key, "BINARY.SIZE[");
        perch_buf_addspan(&key, f->binary_sizes[i].section);
        perch_buf_addc(&key, ']');
        jw_key_span(&d->w, perch_buf_span(&key));
        jw_uint(&d->w, f->binary_sizes[i].size);
        d->w.out.failed = d->w.out.failed || key.failed;
        perch_buf_done(&key);
    }
}

/* ---- items ---- */

/* Gmail's labels are written like mailbox names. */
static void labels(struct decoder *d, const struct perch_names *names)
{
    jw_open(&d->w, '[');
    for (size_t i = 0; i < names->n; i++) {
        char *utf8 = NULL;
        size_t len = 0;
        bool exact = false;

        if (!d->utf8 && perch_mutf7_decode(names->v[i], &utf8, &len, &exact) == 0 && exact)
            decode_text(d, (struct perch_span){utf8, len});
        else
            decode_text(d, names->v[i]);
        perch_text_free(utf8);
    }
    jw_close(&d->w, ']');
}

static void number_item(struct decoder *d, const struct perch_fetch *f, enum perch_fetch_item item,
                        const char *key, uint64_t value)
{
    if (f->have & (uint32_t)item)
        decode_number_at(d, key, true, value);
}

static void text_item(struct decoder *d, const struct perch_fetch *f, enum perch_fetch_item item,
                      const char *key, struct perch_span value)
{
    if (f->have & (uint32_t)item)
        decode_text_at(d, key, value);
}

static void envelope_item(struct decoder *d, const struct perch_fetch *f)
{
    if (!(f->have & PERCH_ITEM_ENVELOPE))
        return;
    jw_key(&d->w, "ENVELOPE");
    if (f->envelope)
        decode_envelope(d, f->envelope);
    else
        jw_null(&d->w);
}

static void structure_item(struct decoder *d, const struct perch_fetch *f)
{
    if (!(f->have & (PERCH_ITEM_BODYSTRUCTURE | PERCH_ITEM_BODY)))
        return;
    jw_key(&d->w, f->have & PERCH_ITEM_BODYSTRUCTURE ? "BODYSTRUCTURE" : "BODY");
    if (f->body)
        decode_structure(d, f->body);
    else
        jw_null(&d->w);
}

static void items(struct decoder *d, enum perch_resp_type type, const struct perch_fetch *f)
{
    if (type != PERCH_RESP_UIDFETCH) /* which has it in front */
        number_item(d, f, PERCH_ITEM_UID, "UID", f->uid);
    if (f->have & PERCH_ITEM_FLAGS) {
        jw_key(&d->w, "FLAGS");
        decode_names(d, &f->flags);
    }
    number_item(d, f, PERCH_ITEM_MODSEQ, "MODSEQ", f->modseq);
    text_item(d, f, PERCH_ITEM_INTERNALDATE, "INTERNALDATE", f->internaldate);
    number_item(d, f, PERCH_ITEM_SIZE, "RFC822.SIZE", f->size);
    envelope_item(d, f);
    structure_item(d, f);
    text_item(d, f, PERCH_ITEM_EMAILID, "EMAILID", f->emailid);
    text_item(d, f, PERCH_ITEM_THREADID, "THREADID", f->threadid);
    text_item(d, f, PERCH_ITEM_SAVEDATE, "SAVEDATE", f->savedate);
    text_item(d, f, PERCH_ITEM_PREVIEW, "PREVIEW", f->preview);
    number_item(d, f, PERCH_ITEM_GM_MSGID, "X-GM-MSGID", f->gm_msgid);
    number_item(d, f, PERCH_ITEM_GM_THRID, "X-GM-THRID", f->gm_thrid);
    if (f->have & PERCH_ITEM_GM_LABELS) {
        jw_key(&d->w, "X-GM-LABELS");
        labels(d, &f->gm_labels);
    }
    binary_sizes(d, f);
    sections(d, f);
    decode_others(d, f->others, f->nothers);
}

void decode_fetch(struct decoder *d, enum perch_resp_type type, uint64_t number,
                  const struct perch_fetch *f)
{
    jw_key(&d->w, type == PERCH_RESP_UIDFETCH ? "uid" : "seq");
    jw_uint(&d->w, number);
    jw_key(&d->w, "items");
    jw_open(&d->w, '{');
    items(d, type, f);
    jw_close(&d->w, '}');
}
