/* CAPABILITY, ENABLED, FLAGS, ACL, QUOTA, METADATA, ID, LANGUAGE, JMAPACCESS. */
#include "wire/names.h"
#include "wire/rows.h"

bool perch_row_words(struct perch_cursor *c, struct perch_resp *r)
{
    return perch_cur_words(c, &r->u.names);
}

bool perch_row_flags(struct perch_cursor *c, struct perch_resp *r)
{
    if (!perch_cur_done(c) && !perch_cur_sp(c))
        return false;
    return perch_cur_flags(c, perch_flag_bit, &r->u.names);
}

/* The strings of a list or, as LISTRIGHTS has them, to the end of the response. */
static bool strings(struct perch_cursor *c, const struct perch_span **ret, size_t *ret_n)
{
    PERCH_VEC(v, struct perch_span, 16);

    while (!perch_cur_done(c)) {
        struct perch_span *s;

        if (!perch_cur_sp(c))
            return false;
        if (perch_cur_done(c))
            break;
        s = perch_vec_add(c, &v);
        if (!s || !perch_cur_astring(c, s))
            return false;
    }
    *ret = perch_vec_take(c, &v, ret_n);
    return !c->error;
}

/* ---- ACL (RFC 4314) ---- */

bool perch_row_acl(struct perch_cursor *c, struct perch_resp *r)
{
    PERCH_VEC(v, struct perch_acl_entry, 8);

    if (!perch_cur_sp(c) || !perch_cur_mailbox(c, &r->u.acl.mailbox))
        return false;
    while (!perch_cur_done(c)) {
        struct perch_acl_entry *e;

        if (!perch_cur_sp(c))
            return false;
        if (perch_cur_done(c))
            break;
        e = perch_vec_add(c, &v);
        if (!e || !perch_cur_astring(c, &e->identifier) || !perch_cur_sp(c) ||
            !perch_cur_astring(c, &e->rights))
            return false;
    }
    r->u.acl.v = perch_vec_take(c, &v, &r->u.acl.n);
    return !c->error;
}

bool perch_row_rights(struct perch_cursor *c, struct perch_resp *r)
{
    struct perch_rights_resp *rights = &r->u.rights;

    if (!perch_cur_sp(c) || !perch_cur_mailbox(c, &rights->mailbox) || !perch_cur_sp(c))
        return false;
    if (r->type == PERCH_RESP_MYRIGHTS)
        return perch_cur_astring(c, &rights->rights);
    if (!perch_cur_astring(c, &rights->identifier) || !perch_cur_sp(c) ||
        !perch_cur_astring(c, &rights->rights))
        return false;
    return strings(c, &rights->optional, &rights->noptional);
}

/* ---- QUOTA (RFC 9208) ---- */

bool perch_row_quota(struct perch_cursor *c, struct perch_resp *r)
{
    PERCH_VEC(v, struct perch_quota_resource, 8);

    if (!perch_cur_sp(c) || !perch_cur_astring(c, &r->u.quota.root) || !perch_cur_sp(c) ||
        !perch_cur_open(c))
        return false;
    while (perch_cur_more(c)) {
        struct perch_quota_resource *e = perch_vec_add(c, &v);

        if (!e || !perch_cur_word(c, PERCH_CH_ATOM, "no resource where one belongs", &e->name) ||
            !perch_cur_sp(c) || !perch_cur_number(c, &e->usage) || !perch_cur_sp(c) ||
            !perch_cur_number(c, &e->limit))
            return false;
    }
    r->u.quota.v = perch_vec_take(c, &v, &r->u.quota.n);
    return !c->error;
}

bool perch_row_quotaroot(struct perch_cursor *c, struct perch_resp *r)
{
    return perch_cur_sp(c) && perch_cur_mailbox(c, &r->u.quotaroot.mailbox) &&
           strings(c, &r->u.quotaroot.roots, &r->u.quotaroot.nroots);
}

/* ---- METADATA (RFC 5464) ---- */

/* "(" entry SP value *(SP entry SP value) ")". */
static bool metadata_values(struct perch_cursor *c, struct perch_vec *v)
{
    if (!perch_cur_open(c))
        return false;
    while (perch_cur_more(c)) {
        struct perch_metadata_entry *e = perch_vec_add(c, v);

        if (!e || !perch_cur_astring(c, &e->name) || !perch_cur_sp(c) ||
            !perch_cur_nstring(c, &e->value))
            return false;
        e->has_value = true;
    }
    return !c->error;
}

/* Unsolicited: names alone, of what changed. */
static bool metadata_names(struct perch_cursor *c, struct perch_vec *v)
{
    for (;;) {
        struct perch_metadata_entry *e = perch_vec_add(c, v);

        if (!e || !perch_cur_astring(c, &e->name))
            return false;
        if (perch_cur_done(c))
            return true;
        if (!perch_cur_sp(c))
            return false;
        if (perch_cur_done(c))
            return true;
    }
}

bool perch_row_metadata(struct perch_cursor *c, struct perch_resp *r)
{
    PERCH_VEC(v, struct perch_metadata_entry, 8);

    if (!perch_cur_sp(c) || !perch_cur_mailbox(c, &r->u.metadata.mailbox) || !perch_cur_sp(c))
        return false;
    if (!(perch_cur_at(c, '(') ? metadata_values(c, &v) : metadata_names(c, &v)))
        return false;
    r->u.metadata.v = perch_vec_take(c, &v, &r->u.metadata.n);
    return !c->error;
}

/* ---- ID (RFC 2971) ---- */

bool perch_row_id(struct perch_cursor *c, struct perch_resp *r)
{
    PERCH_VEC(v, struct perch_param, 16);
    const char *from;

    if (!perch_cur_sp(c))
        return false;
    if (perch_cur_nil(c))
        return true;
    from = c->p;
    if (!perch_cur_open(c))
        return false;
    while (perch_cur_more(c)) {
        struct perch_param *e = perch_vec_add(c, &v);

        if (!e || !perch_cur_string(c, &e->name))
            return false;
        if (!perch_cur_more(c))
            return perch_cur_fail(c, "a field of ID without its value");
        if (!perch_cur_nstring(c, &e->value))
            return false;
    }
    r->u.id.v = perch_vec_take(c, &v, &r->u.id.n);
    if (r->u.id.n == 0 && !c->error)
        return perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, from);
    return !c->error;
}

/* ---- LANGUAGE (RFC 5255) ---- */

bool perch_row_language(struct perch_cursor *c, struct perch_resp *r)
{
    return perch_cur_sp(c) && perch_cur_strings(c, &r->u.names.v, &r->u.names.n);
}

/* ---- JMAPACCESS (RFC 9698) ---- */

bool perch_row_jmapaccess(struct perch_cursor *c, struct perch_resp *r)
{
    return perch_cur_sp(c) && perch_cur_string(c, &r->u.url);
}
