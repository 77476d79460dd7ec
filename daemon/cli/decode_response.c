/* One response as one object: which members a type has. */
#include "cli/decode.h"

static void names_member(struct decoder *d, const struct perch_names *names)
{
    jw_key(&d->w, "value");
    decode_names(d, names);
}

static void status_members(struct decoder *d, const struct perch_status_resp *s)
{
    jw_key(&d->w, "code");
    decode_code(d, s);
    decode_text_at(d, "text", s->text);
}

static void untagged_members(struct decoder *d, const struct perch_resp *r)
{
    switch (r->type) {
    case PERCH_RESP_OK:
    case PERCH_RESP_NO:
    case PERCH_RESP_BAD:
    case PERCH_RESP_BYE:
    case PERCH_RESP_PREAUTH:
        status_members(d, &r->u.status);
        return;
    case PERCH_RESP_CAPABILITY:
    case PERCH_RESP_ENABLED:
    case PERCH_RESP_FLAGS:
    case PERCH_RESP_LANGUAGE:
        names_member(d, &r->u.names);
        return;
    case PERCH_RESP_LIST:
    case PERCH_RESP_LSUB:
    case PERCH_RESP_XLIST:
        decode_list(d, &r->u.list);
        return;
    case PERCH_RESP_STATUS:
        decode_status(d, &r->u.mailbox_status);
        return;
    case PERCH_RESP_NAMESPACE:
        decode_namespaces(d, &r->u.namespaces);
        return;
    case PERCH_RESP_SEARCH:
    case PERCH_RESP_SORT:
        decode_search(d, r->type, &r->u.search);
        return;
    case PERCH_RESP_ESEARCH:
        decode_esearch(d, &r->u.esearch);
        return;
    case PERCH_RESP_THREAD:
        decode_thread(d, &r->u.thread);
        return;
    case PERCH_RESP_EXISTS:
    case PERCH_RESP_RECENT:
    case PERCH_RESP_EXPUNGE:
        jw_key(&d->w, "value");
        jw_uint(&d->w, r->number);
        return;
    case PERCH_RESP_FETCH:
    case PERCH_RESP_UIDFETCH:
        decode_fetch(d, r->type, r->number, &r->u.fetch);
        return;
    case PERCH_RESP_VANISHED:
        decode_vanished(d, &r->u.vanished);
        return;
    case PERCH_RESP_ACL:
        decode_acl(d, &r->u.acl);
        return;
    case PERCH_RESP_LISTRIGHTS:
    case PERCH_RESP_MYRIGHTS:
        decode_rights(d, r->type, &r->u.rights);
        return;
    case PERCH_RESP_QUOTA:
        decode_quota(d, &r->u.quota);
        return;
    case PERCH_RESP_QUOTAROOT:
        decode_quotaroot(d, &r->u.quotaroot);
        return;
    case PERCH_RESP_METADATA:
        decode_metadata(d, &r->u.metadata);
        return;
    case PERCH_RESP_ID:
        jw_key(&d->w, "value");
        decode_params(d, r->u.id.v, r->u.id.n);
        return;
    case PERCH_RESP_JMAPACCESS:
        decode_text_at(d, "value", r->u.url);
        return;
    case PERCH_RESP_NONE:
    case PERCH_RESP_OTHER:
        decode_text_at(d, "raw", r->raw);
        return;
    }
}

static void tagged(struct decoder *d, const struct perch_resp *r)
{
    jw_string(&d->w, "tagged");
    decode_text_at(d, "tag", r->tag);
    jw_key(&d->w, "status");
    jw_string(&d->w, perch_resp_type_name(r->type));
    status_members(d, &r->u.status);
}

static void untagged(struct decoder *d, const struct perch_resp *r)
{
    jw_string(&d->w, "untagged");
    jw_key(&d->w, "type");
    if (r->type == PERCH_RESP_OTHER)
        decode_upper(d, r->word);
    else
        jw_string(&d->w, perch_resp_type_name(r->type));
    untagged_members(d, r);
}

/* A SASL challenge has no code, a prompt for a literal hardly ever. */
static void continuation(struct decoder *d, const struct perch_resp *r)
{
    jw_string(&d->w, "continuation");
    if (r->u.status.code != PERCH_CODE_NONE) {
        jw_key(&d->w, "code");
        decode_code(d, &r->u.status);
    }
    decode_text_at(d, "text", r->u.status.text);
}

void decode_response(struct decoder *d, const struct perch_resp *r)
{
    jw_open(&d->w, '{');
    jw_key(&d->w, "kind");
    switch (r->kind) {
    case PERCH_TAGGED:
        tagged(d, r);
        break;
    case PERCH_UNTAGGED:
        untagged(d, r);
        break;
    case PERCH_CONTINUATION:
        continuation(d, r);
        break;
    }
    jw_close(&d->w, '}');
}
