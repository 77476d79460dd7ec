#include "support/show.h"

#include "base/ascii.h"
#include "base/mem.h"
#include "base/span.h"

static void text(struct perch_buf *o, struct perch_span s)
{
    if (!s.p) {
        perch_buf_adds(o, "NIL");
        return;
    }
    perch_buf_addc(o, '\'');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];

        if (ch < 0x20 || ch >= 0x7f)
            perch_buf_addf(o, "\\x%02x", ch);
        else
            perch_buf_addc(o, (char)ch);
    }
    perch_buf_addc(o, '\'');
}

static void field(struct perch_buf *o, const char *name, struct perch_span s)
{
    if (!s.p)
        return;
    perch_buf_addf(o, " %s=", name);
    text(o, s);
}

static void number(struct perch_buf *o, const char *name, uint64_t n)
{
    perch_buf_addf(o, " %s=", name);
    perch_buf_addu(o, n);
}

static void spans(struct perch_buf *o, const struct perch_span *v, size_t n)
{
    perch_buf_addc(o, '(');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            perch_buf_addc(o, ' ');
        if (v[i].p)
            perch_buf_addspan(o, v[i]);
        else
            perch_buf_adds(o, "NIL");
    }
    perch_buf_addc(o, ')');
}

struct bit_name {
    uint32_t bit;
    const char *name;
};

#define BIT_FLAG(id, bit, text) {PERCH_FLAG_##id, #id},
#define BIT_ATTR(id, bit, text) {PERCH_ATTR_##id, #id},
static const struct bit_name flag_bits[] = {PERCH_FLAGS(BIT_FLAG){0, NULL}};
static const struct bit_name attr_bits[] = {PERCH_ATTRS(BIT_ATTR){0, NULL}};

static void names(struct perch_buf *o, const struct perch_names *n, const struct bit_name *bits)
{
    const char *sep = "[";

    spans(o, n->v, n->n);
    if (n->star)
        perch_buf_addc(o, '*');
    for (; bits && bits->name; bits++)
        if (n->bits & bits->bit) {
            perch_buf_addf(o, "%s%s", sep, bits->name);
            sep = " ";
        }
    if (*sep == ' ')
        perch_buf_addc(o, ']');
}

static void mailbox(struct perch_buf *o, const struct perch_name *n)
{
    text(o, n->utf8);
    if (!perch_span_eq(n->utf8, n->raw)) {
        perch_buf_addc(o, '=');
        text(o, n->raw);
    }
    if (!n->exact)
        perch_buf_addc(o, '!');
}

static void set(struct perch_buf *o, const struct perch_set *s)
{
    if (s->n == 0)
        perch_buf_addc(o, '-');
    for (size_t i = 0; i < s->n; i++) {
        if (i > 0)
            perch_buf_addc(o, ',');
        perch_buf_addu(o, s->r[i].first);
        if (s->r[i].last == s->r[i].first)
            continue;
        perch_buf_addc(o, ':');
        perch_buf_addu(o, s->r[i].last);
    }
}

static void order(struct perch_buf *o, const uint32_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            perch_buf_addc(o, ' ');
        perch_buf_addu(o, v[i]);
    }
}

/* ---- status responses ---- */

static void progress(struct perch_buf *o, const struct perch_status_resp *s)
{
    perch_buf_addc(o, ' ');
    text(o, s->u.progress.tag);
    if (s->u.progress.has_done)
        number(o, "done", s->u.progress.done);
    if (s->u.progress.has_goal)
        number(o, "goal", s->u.progress.goal);
}

static void code_value(struct perch_buf *o, const struct perch_status_resp *s)
{
    switch (s->code) {
    case PERCH_CODE_UIDNEXT:
    case PERCH_CODE_UIDVALIDITY:
    case PERCH_CODE_UNSEEN:
    case PERCH_CODE_SAVELIMIT:
    case PERCH_CODE_MAXCONVERTMESSAGES:
    case PERCH_CODE_HIGHESTMODSEQ:
        perch_buf_addc(o, ' ');
        perch_buf_addu(o, s->u.number);
        break;
    case PERCH_CODE_CAPABILITY:
    case PERCH_CODE_PERMANENTFLAGS:
    case PERCH_CODE_BADCHARSET:
    case PERCH_CODE_BADEVENT:
        perch_buf_addc(o, ' ');
        names(o, &s->u.names, s->code == PERCH_CODE_PERMANENTFLAGS ? flag_bits : NULL);
        break;
    case PERCH_CODE_COPYUID:
    case PERCH_CODE_APPENDUID:
        perch_buf_addf(o, " %u ", s->u.uids.uidvalidity);
        if (s->code == PERCH_CODE_COPYUID) {
            set(o, &s->u.uids.source);
            perch_buf_addc(o, ' ');
        }
        set(o, &s->u.uids.dest);
        perch_buf_adds(o, s->u.uids.paired ? " paired" : "");
        break;
    case PERCH_CODE_MODIFIED:
        perch_buf_addc(o, ' ');
        set(o, &s->u.set);
        break;
    case PERCH_CODE_MAILBOXID:
    case PERCH_CODE_NOUPDATE:
    case PERCH_CODE_UNDEFINED_FILTER:
        perch_buf_addc(o, ' ');
        text(o, s->u.id);
        break;
    case PERCH_CODE_REFERRAL:
    case PERCH_CODE_BADURL:
    case PERCH_CODE_JMAPACCESS:
        perch_buf_addc(o, ' ');
        text(o, s->u.url);
        break;
    case PERCH_CODE_INPROGRESS:
        progress(o, s);
        break;
    case PERCH_CODE_METADATA:
        perch_buf_addc(o, ' ');
        perch_buf_addspan(o, s->u.metadata.word);
        perch_buf_addf(o, " %llu", (unsigned long long)s->u.metadata.number);
        break;
    case PERCH_CODE_MESSAGELIMIT:
        perch_buf_addf(o, " %llu %u", (unsigned long long)s->u.limit.limit, s->u.limit.uid);
        break;
    case PERCH_CODE_OTHER:
        perch_buf_adds(o, "OTHER");
        field(o, "name", s->code_name);
        field(o, "args", s->code_args);
        break;
    default:
        break;
    }
}

static void status(struct perch_buf *o, const struct perch_status_resp *s)
{
    if (s->code != PERCH_CODE_NONE) {
        perch_buf_addf(o, "[%s", perch_code_name(s->code));
        code_value(o, s);
        perch_buf_adds(o, "] ");
    }
    text(o, s->text);
}

/* ---- FETCH ---- */

static void addresses(struct perch_buf *o, const char *name, const struct perch_addresses *a)
{
    if (a->n == 0)
        return;
    perch_buf_addf(o, " %s=", name);
    for (size_t i = 0; i < a->n; i++) {
        perch_buf_addc(o, '(');
        text(o, a->v[i].name);
        perch_buf_addc(o, ' ');
        text(o, a->v[i].adl);
        perch_buf_addc(o, ' ');
        text(o, a->v[i].mailbox);
        perch_buf_addc(o, ' ');
        text(o, a->v[i].host);
        perch_buf_addc(o, ')');
    }
}

static void envelope(struct perch_buf *o, const struct perch_envelope *e)
{
    perch_buf_adds(o, "{");
    field(o, "date", e->date);
    field(o, "subject", e->subject);
    addresses(o, "from", &e->from);
    addresses(o, "sender", &e->sender);
    addresses(o, "reply-to", &e->reply_to);
    addresses(o, "to", &e->to);
    addresses(o, "cc", &e->cc);
    addresses(o, "bcc", &e->bcc);
    field(o, "in-reply-to", e->in_reply_to);
    field(o, "message-id", e->message_id);
    perch_buf_adds(o, " }");
}

static void params(struct perch_buf *o, const struct perch_param *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        perch_buf_adds(o, i ? " " : "(");
        perch_buf_addspan(o, p[i].name);
        perch_buf_addc(o, '=');
        text(o, p[i].value);
    }
    if (n > 0)
        perch_buf_addc(o, ')');
}

static void body(struct perch_buf *o, const struct perch_body *b)
{
    static const char kinds[] = {'b', 't', 'm', 'x'}; /* basic text message multipart */

    perch_buf_addc(o, kinds[b->kind]);
    perch_buf_addc(o, ':');
    perch_buf_addspan(o, b->type);
    perch_buf_addc(o, '/');
    perch_buf_addspan(o, b->subtype);
    params(o, b->params, b->nparams);
    field(o, "id", b->id);
    field(o, "desc", b->description);
    field(o, "enc", b->encoding);
    if (b->size)
        number(o, "size", b->size);
    if (b->lines)
        number(o, "lines", b->lines);
    field(o, "md5", b->md5);
    if (b->disposition.p || b->ndisposition_params) {
        field(o, "disp", b->disposition);
        params(o, b->disposition_params, b->ndisposition_params);
    }
    if (b->nlanguages) {
        perch_buf_adds(o, " lang=");
        spans(o, b->languages, b->nlanguages);
    }
    field(o, "loc", b->location);
    if (b->extended)
        perch_buf_adds(o, " +ext");
    if (b->envelope) {
        perch_buf_adds(o, " env=");
        envelope(o, b->envelope);
    }
    for (size_t i = 0; i < b->nparts; i++) {
        perch_buf_adds(o, " <");
        body(o, b->parts[i]);
        perch_buf_addc(o, '>');
    }
}

static void section(struct perch_buf *o, const struct perch_section *s)
{
    perch_buf_addf(o, " %.*s", (int)s->item.n, s->item.p);
    if (s->partial)
        number(o, "from", s->origin);
    perch_buf_addc(o, '=');
    if (s->streamed)
        perch_buf_addf(o, "streamed %llu", (unsigned long long)s->size);
    else
        text(o, s->data);
}

static void others(struct perch_buf *o, const struct perch_other_item *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        perch_buf_adds(o, " ?");
        perch_buf_addspan(o, v[i].name);
        perch_buf_addc(o, '=');
        text(o, v[i].value);
    }
}

static void date(struct perch_buf *o, const char *name, struct perch_span raw, struct perch_time t)
{
    perch_buf_addf(o, " %s=", name);
    text(o, raw);
    if (t.valid)
        perch_buf_addf(o, "@%lld", (long long)t.unix_s);
}

static void fetch(struct perch_buf *o, const struct perch_fetch *f)
{
    perch_buf_addf(o, " %u", f->seq);
    if (f->have & PERCH_ITEM_UID)
        number(o, "uid", f->uid);
    if (f->have & PERCH_ITEM_FLAGS) {
        perch_buf_adds(o, " flags=");
        names(o, &f->flags, flag_bits);
    }
    if (f->have & PERCH_ITEM_MODSEQ)
        number(o, "modseq", f->modseq);
    if (f->have & PERCH_ITEM_INTERNALDATE)
        date(o, "date", f->internaldate, f->internal_time);
    if (f->have & PERCH_ITEM_SIZE)
        number(o, "size", f->size);
    if (f->have & PERCH_ITEM_ENVELOPE) {
        perch_buf_adds(o, " envelope=");
        envelope(o, f->envelope);
    }
    if (f->have & (PERCH_ITEM_BODY | PERCH_ITEM_BODYSTRUCTURE)) {
        perch_buf_adds(o, f->have & PERCH_ITEM_BODYSTRUCTURE ? " bodystructure=" : " body=");
        if (f->body)
            body(o, f->body);
        else
            perch_buf_adds(o, "NIL");
    }
    if (f->have & PERCH_ITEM_EMAILID)
        perch_buf_adds(o, " emailid="), text(o, f->emailid);
    if (f->have & PERCH_ITEM_THREADID)
        perch_buf_adds(o, " threadid="), text(o, f->threadid);
    if (f->have & PERCH_ITEM_SAVEDATE)
        date(o, "savedate", f->savedate, f->save_time);
    if (f->have & PERCH_ITEM_PREVIEW)
        perch_buf_adds(o, " preview="), text(o, f->preview);
    if (f->have & PERCH_ITEM_GM_MSGID)
        number(o, "msgid", f->gm_msgid);
    if (f->have & PERCH_ITEM_GM_THRID)
        number(o, "thrid", f->gm_thrid);
    if (f->have & PERCH_ITEM_GM_LABELS) {
        perch_buf_adds(o, " labels=");
        names(o, &f->gm_labels, attr_bits);
    }
    for (size_t i = 0; i < f->nsections; i++)
        section(o, &f->sections[i]);
    for (size_t i = 0; i < f->nbinary_sizes; i++)
        perch_buf_addf(o, " BINARY.SIZE[%.*s]=%llu", (int)f->binary_sizes[i].section.n,
                       f->binary_sizes[i].section.p, (unsigned long long)f->binary_sizes[i].size);
    others(o, f->others, f->nothers);
}

/* ---- mailboxes ---- */

static void delimiter(struct perch_buf *o, char d)
{
    text(o, d ? (struct perch_span){&d, 1} : (struct perch_span){NULL, 0});
}

static void list(struct perch_buf *o, const struct perch_list_resp *l)
{
    perch_buf_addc(o, ' ');
    names(o, &l->attrs, attr_bits);
    perch_buf_addc(o, ' ');
    delimiter(o, l->delimiter);
    perch_buf_addc(o, ' ');
    mailbox(o, &l->mailbox);
    if (l->nchildinfo) {
        perch_buf_adds(o, " childinfo=");
        spans(o, l->childinfo, l->nchildinfo);
    }
    if (l->oldname.utf8.p) {
        perch_buf_adds(o, " oldname=");
        mailbox(o, &l->oldname);
    }
    field(o, "ext", l->extended);
}

static void mailbox_status(struct perch_buf *o, const struct perch_mailbox_status *s)
{
    perch_buf_addc(o, ' ');
    mailbox(o, &s->mailbox);
#define ITEM(bit, name, value)                                                                     \
    if (s->have & (bit))                                                                           \
    number(o, name, value)
    ITEM(PERCH_STATUS_MESSAGES, "messages", s->messages);
    ITEM(PERCH_STATUS_RECENT, "recent", s->recent);
    ITEM(PERCH_STATUS_UIDNEXT, "uidnext", s->uidnext);
    ITEM(PERCH_STATUS_UIDVALIDITY, "uidvalidity", s->uidvalidity);
    ITEM(PERCH_STATUS_UNSEEN, "unseen", s->unseen);
    ITEM(PERCH_STATUS_HIGHESTMODSEQ, "modseq", s->highestmodseq);
    ITEM(PERCH_STATUS_SIZE, "size", s->size);
    ITEM(PERCH_STATUS_DELETED, "deleted", s->deleted);
    ITEM(PERCH_STATUS_DELETED_STORAGE, "deleted-storage", s->deleted_storage);
    ITEM(PERCH_STATUS_APPENDLIMIT, "appendlimit", s->appendlimit);
#undef ITEM
    if (s->have & PERCH_STATUS_MAILBOXID)
        field(o, "mailboxid", s->mailboxid);
    others(o, s->others, s->nothers);
}

static void namespaces(struct perch_buf *o, const struct perch_namespace_resp *ns)
{
    for (size_t kind = 0; kind < 3; kind++) {
        perch_buf_adds(o, " [");
        for (size_t i = 0; i < ns->kind[kind].n; i++) {
            const struct perch_namespace *n = &ns->kind[kind].v[i];

            perch_buf_addc(o, '(');
            mailbox(o, &n->prefix);
            perch_buf_addc(o, ' ');
            delimiter(o, n->delimiter);
            field(o, "ext", n->extension);
            perch_buf_addc(o, ')');
        }
        perch_buf_addc(o, ']');
    }
}

/* ---- searching ---- */

static void search(struct perch_buf *o, const struct perch_search_resp *s)
{
    perch_buf_addc(o, ' ');
    set(o, &s->set);
    if (s->norder) {
        perch_buf_adds(o, " order=");
        order(o, s->order, s->norder);
    }
    if (s->modseq)
        number(o, "modseq", s->modseq);
}

static void esearch(struct perch_buf *o, const struct perch_esearch_resp *e)
{
    field(o, "tag", e->tag);
    if (e->mailbox.utf8.p) {
        perch_buf_adds(o, " mailbox=");
        mailbox(o, &e->mailbox);
        number(o, "uidvalidity", e->uidvalidity);
    }
    perch_buf_adds(o, e->uid ? " uid" : "");
    if (e->have & PERCH_ESEARCH_MIN)
        number(o, "min", e->min);
    if (e->have & PERCH_ESEARCH_MAX)
        number(o, "max", e->max);
    if (e->have & PERCH_ESEARCH_COUNT)
        number(o, "count", e->count);
    if (e->have & PERCH_ESEARCH_MODSEQ)
        number(o, "modseq", e->modseq);
    if (e->have & PERCH_ESEARCH_ALL) {
        perch_buf_adds(o, " all=");
        set(o, &e->all);
        if (e->norder) {
            perch_buf_adds(o, " order=");
            order(o, e->order, e->norder);
        }
    }
    if (e->have & PERCH_ESEARCH_PARTIAL) {
        perch_buf_addf(o, " partial=%lld:%lld ", (long long)e->partial.first,
                       (long long)e->partial.last);
        set(o, &e->partial.set);
    }
    for (size_t i = 0; i < e->nupdates; i++) {
        perch_buf_addf(o, " %s=%u ", e->updates[i].add ? "addto" : "removefrom",
                       e->updates[i].position);
        set(o, &e->updates[i].set);
        if (e->updates[i].norder) {
            perch_buf_adds(o, " order=");
            order(o, e->updates[i].order, e->updates[i].norder);
        }
    }
    others(o, e->others, e->nothers);
}

static void thread(struct perch_buf *o, const struct perch_thread_resp *t)
{
    for (size_t i = 0; i < t->n; i++)
        perch_buf_addf(o, " %u@%u", t->v[i].number, t->v[i].depth);
}

/* ---- the rest ---- */

static void acl(struct perch_buf *o, const struct perch_acl_resp *a)
{
    perch_buf_addc(o, ' ');
    mailbox(o, &a->mailbox);
    for (size_t i = 0; i < a->n; i++) {
        perch_buf_addc(o, ' ');
        text(o, a->v[i].identifier);
        perch_buf_addc(o, '=');
        text(o, a->v[i].rights);
    }
}

static void rights(struct perch_buf *o, const struct perch_rights_resp *r)
{
    perch_buf_addc(o, ' ');
    mailbox(o, &r->mailbox);
    field(o, "for", r->identifier);
    field(o, "rights", r->rights);
    if (r->noptional) {
        perch_buf_adds(o, " optional=");
        spans(o, r->optional, r->noptional);
    }
}

static void quota(struct perch_buf *o, const struct perch_quota_resp *q)
{
    perch_buf_addc(o, ' ');
    text(o, q->root);
    for (size_t i = 0; i < q->n; i++)
        perch_buf_addf(o, " %.*s=%llu/%llu", (int)q->v[i].name.n, q->v[i].name.p,
                       (unsigned long long)q->v[i].usage, (unsigned long long)q->v[i].limit);
}

static void metadata(struct perch_buf *o, const struct perch_metadata_resp *m)
{
    perch_buf_addc(o, ' ');
    mailbox(o, &m->mailbox);
    for (size_t i = 0; i < m->n; i++) {
        perch_buf_addc(o, ' ');
        perch_buf_addspan(o, m->v[i].name);
        if (!m->v[i].has_value)
            continue;
        perch_buf_addc(o, '=');
        text(o, m->v[i].value);
    }
}

static void id(struct perch_buf *o, const struct perch_id_resp *d)
{
    for (size_t i = 0; i < d->n; i++) {
        perch_buf_addc(o, ' ');
        perch_buf_addspan(o, d->v[i].name);
        perch_buf_addc(o, '=');
        text(o, d->v[i].value);
    }
}

static void untagged(struct perch_buf *o, const struct perch_resp *r)
{
    switch (r->type) {
    case PERCH_RESP_NONE:
        break;
    case PERCH_RESP_OK:
    case PERCH_RESP_NO:
    case PERCH_RESP_BAD:
    case PERCH_RESP_BYE:
    case PERCH_RESP_PREAUTH:
        perch_buf_addc(o, ' ');
        status(o, &r->u.status);
        break;
    case PERCH_RESP_CAPABILITY:
    case PERCH_RESP_ENABLED:
    case PERCH_RESP_LANGUAGE:
        perch_buf_addc(o, ' ');
        names(o, &r->u.names, NULL);
        break;
    case PERCH_RESP_FLAGS:
        perch_buf_addc(o, ' ');
        names(o, &r->u.names, flag_bits);
        break;
    case PERCH_RESP_LIST:
    case PERCH_RESP_LSUB:
    case PERCH_RESP_XLIST:
        list(o, &r->u.list);
        break;
    case PERCH_RESP_STATUS:
        mailbox_status(o, &r->u.mailbox_status);
        break;
    case PERCH_RESP_NAMESPACE:
        namespaces(o, &r->u.namespaces);
        break;
    case PERCH_RESP_SEARCH:
    case PERCH_RESP_SORT:
        search(o, &r->u.search);
        break;
    case PERCH_RESP_ESEARCH:
        esearch(o, &r->u.esearch);
        break;
    case PERCH_RESP_THREAD:
        thread(o, &r->u.thread);
        break;
    case PERCH_RESP_EXISTS:
    case PERCH_RESP_RECENT:
    case PERCH_RESP_EXPUNGE:
        perch_buf_addc(o, ' ');
        perch_buf_addu(o, r->number);
        break;
    case PERCH_RESP_FETCH:
    case PERCH_RESP_UIDFETCH:
        fetch(o, &r->u.fetch);
        break;
    case PERCH_RESP_VANISHED:
        perch_buf_adds(o, r->u.vanished.earlier ? " earlier " : " ");
        set(o, &r->u.vanished.uids);
        break;
    case PERCH_RESP_ACL:
        acl(o, &r->u.acl);
        break;
    case PERCH_RESP_LISTRIGHTS:
    case PERCH_RESP_MYRIGHTS:
        rights(o, &r->u.rights);
        break;
    case PERCH_RESP_QUOTA:
        quota(o, &r->u.quota);
        break;
    case PERCH_RESP_QUOTAROOT:
        perch_buf_addc(o, ' ');
        mailbox(o, &r->u.quotaroot.mailbox);
        perch_buf_addc(o, ' ');
        spans(o, r->u.quotaroot.roots, r->u.quotaroot.nroots);
        break;
    case PERCH_RESP_METADATA:
        metadata(o, &r->u.metadata);
        break;
    case PERCH_RESP_ID:
        id(o, &r->u.id);
        break;
    case PERCH_RESP_JMAPACCESS:
        perch_buf_addc(o, ' ');
        text(o, r->u.url);
        break;
    case PERCH_RESP_OTHER:
        if (r->number)
            number(o, "number", r->number);
        field(o, "word", r->word);
        break;
    }
}

void perch_show_resp(struct perch_buf *o, const struct perch_resp *r)
{
    if (r->kind == PERCH_CONTINUATION) {
        perch_buf_adds(o, "+ ");
        status(o, &r->u.status);
        return;
    }
    if (r->kind == PERCH_TAGGED) {
        perch_buf_addspan(o, r->tag);
        perch_buf_addc(o, ' ');
    }
    perch_buf_adds(o, r->type == PERCH_RESP_OTHER ? "OTHER" : perch_resp_type_name(r->type));
    untagged(o, r);
}

const char *perch_show_quirk(enum perch_quirk quirk)
{
#define QUIRK_CASE(id, bit, what)                                                                  \
    case PERCH_QUIRK_##id:                                                                         \
        return #id;
    switch (quirk) {
        PERCH_QUIRKS(QUIRK_CASE)
    }
#undef QUIRK_CASE
    return "?";
}
