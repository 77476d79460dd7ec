/* What is said about mailboxes: LIST, STATUS, NAMESPACE, rights, quotas, metadata. */
#include "cli/decode.h"

#include "base/mem.h"

static void delimiter(struct decoder *d, char c)
{
    decode_text_at(d, "delimiter", (struct perch_span){c ? &c : NULL, c ? 1 : 0});
}

/* ---- LIST, LSUB, XLIST ---- */

static void extended(struct decoder *d, const struct perch_list_resp *l)
{
    jw_key(&d->w, "extended");
    if (!l->extended.p) {
        jw_null(&d->w);
        return;
    }
    jw_open(&d->w, '{');
    if (l->nchildinfo > 0) {
        jw_key(&d->w, "CHILDINFO");
        decode_spans(d, l->childinfo, l->nchildinfo);
    }
    if (l->oldname.utf8.p)
        decode_name(d, "OLDNAME", "OLDNAME_raw", &l->oldname);
    decode_text_at(d, "raw", l->extended);
    jw_close(&d->w, '}');
}

void decode_list(struct decoder *d, const struct perch_list_resp *l)
{
    jw_key(&d->w, "flags");
    decode_names(d, &l->attrs);
    delimiter(d, l->delimiter);
    decode_name(d, "mailbox", "raw", &l->mailbox);
    extended(d, l);
}

/* ---- STATUS ---- */

static void status_numbers(struct decoder *d, const struct perch_mailbox_status *s)
{
    const struct {
        enum perch_status_item item;
        const char *key;
        uint64_t value;
    } numbers[] = {
        {PERCH_STATUS_MESSAGES, "MESSAGES", s->messages},
        {PERCH_STATUS_RECENT, "RECENT", s->recent},
        {PERCH_STATUS_UIDNEXT, "UIDNEXT", s->uidnext},
        {PERCH_STATUS_UIDVALIDITY, "UIDVALIDITY", s->uidvalidity},
        {PERCH_STATUS_UNSEEN, "UNSEEN", s->unseen},
        {PERCH_STATUS_HIGHESTMODSEQ, "HIGHESTMODSEQ", s->highestmodseq},
        {PERCH_STATUS_SIZE, "SIZE", s->size},
        {PERCH_STATUS_DELETED, "DELETED", s->deleted},
        {PERCH_STATUS_DELETED_STORAGE, "DELETED-STORAGE", s->deleted_storage},
    };

    for (size_t i = 0; i < PERCH_COUNT(numbers); i++)
        if (s->have & (uint32_t)numbers[i].item)
            decode_number_at(d, numbers[i].key, true, numbers[i].value);
}

void decode_status(struct decoder *d, const struct perch_mailbox_status *s)
{
    decode_name(d, "mailbox", "raw", &s->mailbox);
    jw_key(&d->w, "items");
    jw_open(&d->w, '{');
    status_numbers(d, s);
    if (s->have & PERCH_STATUS_APPENDLIMIT) /* the largest number stands for NIL */
        decode_number_at(d, "APPENDLIMIT", s->appendlimit != UINT64_MAX, s->appendlimit);
    if (s->have & PERCH_STATUS_MAILBOXID)
        decode_text_at(d, "MAILBOXID", s->mailboxid);
    decode_others(d, s->others, s->nothers);
    jw_close(&d->w, '}');
}

/* ---- NAMESPACE ---- */

static void namespace_one(struct decoder *d, const struct perch_namespace *n)
{
    jw_open(&d->w, '{');
    decode_name(d, "prefix", "raw", &n->prefix);
    delimiter(d, n->delimiter);
    decode_text_at(d, "extension", n->extension);
    jw_close(&d->w, '}');
}

void decode_namespaces(struct decoder *d, const struct perch_namespace_resp *n)
{
    static const char *const keys[] = {"personal", "other", "shared"};

    for (size_t kind = 0; kind < PERCH_COUNT(keys); kind++) {
        jw_key(&d->w, keys[kind]);
        if (n->kind[kind].n == 0) { /* NIL: the grammar has no empty list */
            jw_null(&d->w);
            continue;
        }
        jw_open(&d->w, '[');
        for (size_t i = 0; i < n->kind[kind].n; i++)
            namespace_one(d, &n->kind[kind].v[i]);
        jw_close(&d->w, ']');
    }
}

/* ---- rights ---- */

void decode_acl(struct decoder *d, const struct perch_acl_resp *acl)
{
    decode_name(d, "mailbox", "raw", &acl->mailbox);
    jw_key(&d->w, "entries");
    jw_open(&d->w, '[');
    for (size_t i = 0; i < acl->n; i++) {
        jw_open(&d->w, '{');
        decode_text_at(d, "identifier", acl->v[i].identifier);
        decode_text_at(d, "rights", acl->v[i].rights);
        jw_close(&d->w, '}');
    }
    jw_close(&d->w, ']');
}

void decode_rights(struct decoder *d, enum perch_resp_type type, const struct perch_rights_resp *r)
{
    decode_name(d, "mailbox", "raw", &r->mailbox);
    if (type == PERCH_RESP_MYRIGHTS) {
        decode_text_at(d, "rights", r->rights);
        return;
    }
    decode_text_at(d, "identifier", r->identifier);
    decode_text_at(d, "required", r->rights);
    jw_key(&d->w, "optional");
    decode_spans(d, r->optional, r->noptional);
}

/* ---- quotas ---- */

void decode_quota(struct decoder *d, const struct perch_quota_resp *q)
{
    decode_text_at(d, "root", q->root);
    jw_key(&d->w, "resources");
    jw_open(&d->w, '[');
    for (size_t i = 0; i < q->n; i++) {
        jw_open(&d->w, '{');
        decode_text_at(d, "name", q->v[i].name);
        decode_number_at(d, "usage", true, q->v[i].usage);
        decode_number_at(d, "limit", true, q->v[i].limit);
        jw_close(&d->w, '}');
    }
    jw_close(&d->w, ']');
}

void decode_quotaroot(struct decoder *d, const struct perch_quotaroot_resp *q)
{
    decode_name(d, "mailbox", "raw", &q->mailbox);
    jw_key(&d->w, "roots");
    decode_spans(d, q->roots, q->nroots);
}

/* ---- METADATA ---- */

void decode_metadata(struct decoder *d, const struct perch_metadata_resp *m)
{
    decode_name(d, "mailbox", "raw", &m->mailbox);
    jw_key(&d->w, "entries");
    jw_open(&d->w, '[');
    for (size_t i = 0; i < m->n; i++) {
        jw_open(&d->w, '{');
        decode_text_at(d, "name", m->v[i].name);
        if (m->v[i].has_value)
            decode_text_at(d, "value", m->v[i].value);
        jw_close(&d->w, '}');
    }
    jw_close(&d->w, ']');
}
