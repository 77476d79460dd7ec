/* ENVELOPE (RFC 9051 7.5.2): ten fields, six of them lists of addresses. */
#include "wire/rows.h"

/* More members than an address has come from a literal whose count was wrong. */
#define ADDRESS_PARTS 8

/* ---- one address ---- */

/* QQ writes "host\")": a backslash before the quote that ends the string. No host has
 * a quote in it, so the first one ends it. */
static bool host(struct perch_cursor *c, struct perch_span *ret)
{
    const char *from = c->p + 1, *quote;

    if (!perch_cur_at(c, '"'))
        return perch_cur_nstring(c, ret);
    quote = memchr(from, '"', (size_t)(c->end - from));
    if (!quote || quote == from || quote[-1] != '\\' || c->end - quote < 2 || quote[1] != ')')
        return perch_cur_nstring(c, ret);
    *ret = (struct perch_span){from, (size_t)(quote - 1 - from)};
    if (!perch_cur_quirk_at(c, PERCH_QUIRK_QUOTING, quote - 1))
        return false;
    c->p = quote + 1;
    return perch_cur_token(c);
}

/* Too many members: the last three are route, mailbox and host, the others were one name. */
static bool merge_name(struct perch_cursor *c, struct perch_span *part, size_t n,
                       struct perch_address *ret)
{
    size_t len = 0;
    char *to;

    if (!perch_cur_quirk(c, PERCH_QUIRK_SHORT_LIST))
        return false;
    for (size_t i = 0; i + 3 < n; i++)
        len += part[i].n + 1;
    to = perch_arena_alloc(c->arena, len);
    if (!to)
        return perch_cur_fail_memory(c);
    ret->name = (struct perch_span){to, len - 1};
    for (size_t i = 0; i + 3 < n; i++) {
        if (part[i].n > 0)
            memcpy(to, part[i].p, part[i].n);
        to += part[i].n;
        *to++ = ' ';
    }
    ret->adl = part[n - 3];
    ret->mailbox = part[n - 2];
    ret->host = part[n - 1];
    return true;
}

/* Dovecot stands these in for what a header did not have. */
static bool is_placeholder(struct perch_span s)
{
    return s.n > 0 && (s.p[0] == 'M' || s.p[0] == '.') &&
           (perch_span_eq(s, PERCH_SPAN("MISSING_DOMAIN")) ||
            perch_span_eq(s, PERCH_SPAN(".MISSING-HOST-NAME.")));
}

/* "box@host" where the box alone belongs. */
static bool split_mailbox(struct perch_address *a)
{
    const char *at = a->mailbox.p ? memrchr(a->mailbox.p, '@', a->mailbox.n) : NULL;
    size_t n = at ? (size_t)(at - a->mailbox.p) : 0;

    if (!at || n + 1 == a->mailbox.n)
        return false;
    a->host = (struct perch_span){at + 1, a->mailbox.n - n - 1};
    a->mailbox.n = n;
    return true;
}

static bool has_blank(struct perch_span s)
{
    return s.p && memchr(s.p, ' ', s.n);
}

static bool mend_address(struct perch_cursor *c, struct perch_address *a)
{
    bool mended = (a->host.n == 0 || is_placeholder(a->host)) && split_mailbox(a);

    if (is_placeholder(a->host)) {
        a->host = PERCH_SPAN("");
        mended = true;
    }
    if (a->host.n > 0 && a->name.p && has_blank(a->mailbox) && !has_blank(a->name)) {
        struct perch_span swap = a->name;

        a->name = a->mailbox;
        a->mailbox = swap;
        mended = true;
    }
    return !mended || perch_cur_quirk(c, PERCH_QUIRK_ADDRESS_FORM);
}

static bool address(struct perch_cursor *c, struct perch_address *ret)
{
    struct perch_span part[ADDRESS_PARTS] = {{0}};
    size_t n = 0;

    if (!perch_cur_open(c))
        return false;
    while (perch_cur_more(c)) {
        if (n == ADDRESS_PARTS)
            return perch_cur_fail(c, "an address with too many members");
        if (!(n == 3 ? host(c, &part[n]) : perch_cur_nstring(c, &part[n])))
            return false;
        n++;
    }
    if (c->error)
        return false;
    if (n > 4)
        return merge_name(c, part, n, ret) && mend_address(c, ret);
    *ret = (struct perch_address){part[0], part[1], part[2], part[3]};
    if (n < 4 && !perch_cur_quirk(c, PERCH_QUIRK_SHORT_LIST))
        return false;
    return mend_address(c, ret);
}

/* ---- a list of them ---- */

static bool addresses(struct perch_cursor *c, struct perch_addresses *ret)
{
    PERCH_VEC(v, struct perch_address, 8);
    const char *from = c->p;

    if (perch_cur_nil(c))
        return true;
    if (perch_cur_at(c, '"') && perch_cur_peek(c, 1) == '"') {
        c->p += 2;
        return perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, from);
    }
    if (!perch_cur_open(c))
        return false;
    while (perch_cur_more_tight(c)) {
        struct perch_address *a;

        if (perch_cur_nil(c)) { /* SmarterMail */
            if (!perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 3))
                break;
            continue;
        }
        a = perch_vec_add(c, &v);
        if (!a || !address(c, a))
            break;
    }
    ret->v = perch_vec_take(c, &v, &ret->n);
    if (ret->n == 0 && !c->error)
        return perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, from);
    return !c->error;
}

/* ---- the envelope ---- */

enum { DATE, SUBJECT, FROM, SENDER, REPLY_TO, TO, CC, BCC, IN_REPLY_TO, MESSAGE_ID, FIELDS };

static bool field(struct perch_cursor *c, unsigned i, struct perch_envelope *e)
{
    switch (i) {
    case DATE:
        return perch_cur_nstring(c, &e->date);
    case SUBJECT:
        return perch_cur_nstring(c, &e->subject);
    case FROM:
        return addresses(c, &e->from);
    case SENDER:
        return addresses(c, &e->sender);
    case REPLY_TO:
        return addresses(c, &e->reply_to);
    case TO:
        return addresses(c, &e->to);
    case CC:
        return addresses(c, &e->cc);
    case BCC:
        return addresses(c, &e->bcc);
    case IN_REPLY_TO:
        return perch_cur_nstring(c, &e->in_reply_to);
    default:
        return perch_cur_nstring(c, &e->message_id);
    }
}

/* A text where a list of addresses belongs: the lists that are left were left out. */
static bool lists_left_out(const struct perch_cursor *c, unsigned i)
{
    return i >= FROM && i <= BCC &&
           (perch_cur_at(c, '{') || (perch_cur_at(c, '"') && perch_cur_peek(c, 1) != '"'));
}

static bool fields(struct perch_cursor *c, struct perch_envelope *e)
{
    struct perch_span ignored;

    for (unsigned i = 0; i < FIELDS; i++) {
        if (!perch_cur_more(c))
            return !c->error && perch_cur_quirk(c, PERCH_QUIRK_SHORT_LIST);
        if (lists_left_out(c, i)) {
            if (!perch_cur_quirk(c, PERCH_QUIRK_SHORT_LIST))
                return false;
            i = IN_REPLY_TO;
        }
        if (!field(c, i, e))
            return false;
    }
    while (perch_cur_more(c))
        if (!perch_cur_quirk(c, PERCH_QUIRK_SHORT_LIST) || !perch_cur_skip(c, &ignored))
            return false;
    return !c->error;
}

static bool envelope(struct perch_cursor *c, struct perch_envelope *e)
{
    bool doubled;

    if (perch_cur_nil(c))
        return perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 3);
    if (!perch_cur_open(c))
        return false;
    doubled = perch_cur_at(c, '('); /* Domino: a date is never a list */
    if (doubled && (!perch_cur_quirk(c, PERCH_QUIRK_PARENS) || !perch_cur_open(c)))
        return false;
    if (!fields(c, e))
        return false;
    return !doubled || perch_cur_close(c);
}

bool perch_parse_envelope(struct perch_cursor *c, const struct perch_envelope **ret)
{
    struct perch_envelope *e = perch_arena_zalloc(c->arena, sizeof *e);
    bool ok;

    if (!e)
        return perch_cur_fail_memory(c);
    *ret = e;
    c->quotes.nstrings = true;
    ok = envelope(c, e);
    c->quotes.nstrings = false;
    return ok;
}
