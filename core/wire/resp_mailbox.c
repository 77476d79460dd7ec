/* What the server says about mailboxes: LIST, LSUB, XLIST, STATUS, NAMESPACE. */
#include "wire/names.h"
#include "wire/rows.h"

#include "base/ascii.h"

/* ---- LIST ---- */

/* DQUOTE QUOTED-CHAR DQUOTE, or NIL. */
static bool delimiter(struct perch_cursor *c, char *ret)
{
    struct perch_span s;

    if (!perch_cur_nstring(c, &s))
        return false;
    if (s.n > 1)
        return perch_cur_fail(c, "a hierarchy delimiter of several characters");
    *ret = s.n ? s.p[0] : '\0';
    return s.n || !s.p || perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 2);
}

/* Whether the list that starts at the cursor, and nothing else, ends the response. */
static bool list_ends_response(const struct perch_cursor *c)
{
    return perch_cur_at(c, '(') && c->end[-1] == ')';
}

/* Whether a bare name ends at the cursor: with the line, or before extended data. What looks
 * like that but is more of the name ("Sent (old)") has no quoted tag, and no tag whose value
 * is a number, a set or a list. */
static bool bare_name_ends(const struct perch_cursor *c)
{
    const char *p = c->p + 2;

    if (perch_span_trim((struct perch_span){c->p, (size_t)(c->end - c->p)}).n == 0)
        return true;
    if (!perch_cur_at(c, ' ') || perch_cur_peek(c, 1) != '(' || c->end[-1] != ')')
        return false;
    if (*p == ')' || *p == '"')
        return true;
    while (perch_ch(*p, PERCH_CH_ASTR)) /* at the latest the last ")" ends it */
        p++;
    return *p == ' ' && (p[1] == '(' || perch_ch(p[1], PERCH_CH_SET));
}

/* The name. Exchange and others send it bare, with blanks, tabs and controls in it: then
 * it reaches to the end of the line. */
static bool list_name(struct perch_cursor *c, struct perch_name *ret)
{
    struct perch_span raw;
    const char *from = c->p;

    if (perch_cur_at(c, '"') || perch_cur_at_literal(c))
        return perch_cur_mailbox(c, ret);
    raw = perch_cur_run(c, PERCH_CH_LIST);
    if (raw.n > 0 && bare_name_ends(c))
        return perch_cur_token(c) && perch_cur_name(c, raw, ret);
    while (!perch_cur_done(c) && *c->p != '\0' && *c->p != '\r' && *c->p != '\n')
        c->p++;
    raw.n = (size_t)(c->p - from);
    if (raw.n == 0 || !perch_cur_done(c))
        return perch_cur_fail(c, "no mailbox name where one belongs");
    return perch_cur_quirk_at(c, PERCH_QUIRK_NAME_FORM, from) && perch_cur_token(c) &&
           perch_cur_name(c, raw, ret);
}

/* OLDNAME's value: "(" mailbox ")". */
static bool oldname(struct perch_cursor *c, struct perch_list_resp *l)
{
    struct perch_span raw;

    return perch_cur_one_string(c, &raw) && perch_cur_name(c, raw, &l->oldname);
}

/* "(" *(astring SP value) ")". */
static bool extended(struct perch_cursor *c, struct perch_list_resp *l)
{
    const char *from = c->p;

    if (!perch_cur_open(c))
        return false;
    while (perch_cur_more(c)) {
        struct perch_span name, value;
        bool ok;

        if (!perch_cur_astring(c, &name) || !perch_cur_sp(c))
            return false;
        if (PERCH_IS(name, "CHILDINFO"))
            ok = perch_cur_strings(c, &l->childinfo, &l->nchildinfo);
        else if (PERCH_IS(name, "OLDNAME"))
            ok = oldname(c, l);
        else
            ok = perch_cur_skip(c, &value);
        if (!ok)
            return false;
    }
    l->extended = (struct perch_span){from, (size_t)(c->p - from)};
    return !c->error;
}

bool perch_row_list(struct perch_cursor *c, struct perch_resp *r)
{
    struct perch_list_resp *l = &r->u.list;

    if (!perch_cur_sp(c) || !perch_cur_flags(c, perch_attr_bit, &l->attrs) || !perch_cur_sp(c) ||
        !delimiter(c, &l->delimiter) || !perch_cur_sp(c) || !list_name(c, &l->mailbox))
        return false;
    if (l->attrs.bits & PERCH_ATTR_NONEXISTENT)
        l->attrs.bits |= PERCH_ATTR_NOSELECT; /* RFC 9051 7.3.1 */
    if (perch_cur_done(c))
        return true;
    if (!perch_cur_sp(c))
        return false;
    return !list_ends_response(c) || extended(c, l);
}

/* ---- STATUS ---- */

static const struct status_item {
    const char *name;
    enum perch_status_item have;
} status_items[] = {
    {"MESSAGES", PERCH_STATUS_MESSAGES},
    {"UIDNEXT", PERCH_STATUS_UIDNEXT},
    {"UNSEEN", PERCH_STATUS_UNSEEN},
    {"UIDVALIDITY", PERCH_STATUS_UIDVALIDITY},
    {"HIGHESTMODSEQ", PERCH_STATUS_HIGHESTMODSEQ},
    {"RECENT", PERCH_STATUS_RECENT},
    {"SIZE", PERCH_STATUS_SIZE},
    {"DELETED", PERCH_STATUS_DELETED},
    {"DELETED-STORAGE", PERCH_STATUS_DELETED_STORAGE},
    {"APPENDLIMIT", PERCH_STATUS_APPENDLIMIT},
    {"MAILBOXID", PERCH_STATUS_MAILBOXID},
};

static enum perch_status_item status_item(struct perch_span name)
{
    for (size_t i = 0; i < sizeof status_items / sizeof status_items[0]; i++)
        if (perch_span_ieqs(name, status_items[i].name))
            return status_items[i].have;
    return 0;
}

static bool number32(struct perch_cursor *c, uint32_t *ret)
{
    uint64_t n;

    if (!perch_cur_number(c, &n))
        return false;
    if (n > UINT32_MAX)
        return perch_cur_fail(c, "a number that is too large");
    *ret = (uint32_t)n;
    return true;
}

static bool append_limit(struct perch_cursor *c, uint64_t *ret)
{
    if (!perch_cur_nil(c))
        return perch_cur_number(c, ret);
    *ret = UINT64_MAX;
    return true;
}

static bool status_value(struct perch_cursor *c, enum perch_status_item item,
                         struct perch_mailbox_status *s)
{
    s->have |= (uint32_t)item;
    switch (item) {
    case PERCH_STATUS_MESSAGES:
        return perch_cur_number(c, &s->messages);
    case PERCH_STATUS_RECENT:
        return perch_cur_number(c, &s->recent);
    case PERCH_STATUS_UIDNEXT:
        return number32(c, &s->uidnext);
    case PERCH_STATUS_UIDVALIDITY:
        return number32(c, &s->uidvalidity);
    case PERCH_STATUS_UNSEEN:
        return perch_cur_number(c, &s->unseen);
    case PERCH_STATUS_HIGHESTMODSEQ:
        return perch_cur_number(c, &s->highestmodseq);
    case PERCH_STATUS_SIZE:
        return perch_cur_number(c, &s->size);
    case PERCH_STATUS_DELETED:
        return perch_cur_number(c, &s->deleted);
    case PERCH_STATUS_DELETED_STORAGE:
        return perch_cur_number(c, &s->deleted_storage);
    case PERCH_STATUS_APPENDLIMIT:
        return append_limit(c, &s->appendlimit);
    case PERCH_STATUS_MAILBOXID:
        return perch_cur_one_string(c, &s->mailboxid);
    }
    return perch_cur_fail(c, "no STATUS item");
}

static bool status_entry(struct perch_cursor *c, struct perch_mailbox_status *s,
                         struct perch_vec *others)
{
    struct perch_other_item *e;
    struct perch_span name;
    enum perch_status_item item;

    if (!perch_cur_word(c, PERCH_CH_ATOM, "no STATUS item where one belongs", &name) ||
        !perch_cur_sp(c))
        return false;
    item = status_item(name);
    if (item)
        return status_value(c, item, s);
    e = perch_vec_add(c, others);
    if (!e)
        return false;
    e->name = name;
    return perch_cur_skip(c, &e->value);
}

/* The "(" of the last list, which ends the response; NULL if there is none. */
static const char *last_list(const struct perch_cursor *c)
{
    uint32_t depth = 0;

    for (const char *p = c->end; p > c->p; p--) {
        if (p[-1] == ')')
            depth++;
        else if (p[-1] == '(' && (depth == 0 || --depth == 0))
            return p - 1;
    }
    return NULL;
}

/* Without quotes a name may have blanks and parentheses in it: what stands in the last
 * parentheses is the list, and what stands before it the name. */
static bool status_name(struct perch_cursor *c, struct perch_name *ret)
{
    const char *list, *from = c->p;
    struct perch_span raw;

    if (perch_cur_at(c, '"') || perch_cur_at_literal(c))
        return perch_cur_mailbox(c, ret) && perch_cur_sp(c);
    list = last_list(c);
    raw = perch_cur_run(c, PERCH_CH_ASTR);
    if (raw.n > 0 && list == c->p + 1)
        return perch_cur_token(c) && perch_cur_name(c, raw, ret) && perch_cur_sp(c);
    if (!list)
        return perch_cur_fail(c, "STATUS without its list");
    raw = perch_span_trim((struct perch_span){from, (size_t)(list - from)});
    if (raw.n == 0)
        return perch_cur_fail(c, "no mailbox name where one belongs");
    c->p = list;
    return perch_cur_quirk_at(c, PERCH_QUIRK_NAME_FORM, from) && perch_cur_token(c) &&
           perch_cur_name(c, raw, ret);
}

bool perch_row_mailbox_status(struct perch_cursor *c, struct perch_resp *r)
{
    PERCH_VEC(others, struct perch_other_item, 4);
    struct perch_mailbox_status *s = &r->u.mailbox_status;

    if (!perch_cur_sp(c) || !status_name(c, &s->mailbox) || !perch_cur_open(c))
        return false;
    while (perch_cur_more(c))
        if (!status_entry(c, s, &others))
            break;
    s->others = perch_vec_take(c, &others, &s->nothers);
    return !c->error;
}

/* ---- NAMESPACE ---- */

static bool namespace_one(struct perch_cursor *c, struct perch_namespace *n)
{
    const char *from;
    struct perch_span ignored;

    if (!perch_cur_open(c) || !perch_cur_mailbox(c, &n->prefix) || !perch_cur_sp(c) ||
        !delimiter(c, &n->delimiter))
        return false;
    from = c->p + 1;
    while (perch_cur_more(c)) {
        if (!perch_cur_skip(c, &ignored))
            return false;
        n->extension = (struct perch_span){from, (size_t)(c->p - from)};
    }
    return !c->error;
}

bool perch_row_namespace(struct perch_cursor *c, struct perch_resp *r)
{
    struct perch_namespace_resp *ns = &r->u.namespaces;

    for (size_t kind = 0; kind < 3; kind++) {
        PERCH_VEC(v, struct perch_namespace, 4);

        if (!perch_cur_sp(c))
            return false;
        if (perch_cur_nil(c))
            continue;
        if (!perch_cur_open(c))
            return false;
        while (perch_cur_more_tight(c)) {
            struct perch_namespace *n = perch_vec_add(c, &v);

            if (!n || !namespace_one(c, n))
                break;
        }
        ns->kind[kind].v = perch_vec_take(c, &v, &ns->kind[kind].n);
        if (c->error || (v.n == 0 && !perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 1)))
            return false;
    }
    return true;
}
