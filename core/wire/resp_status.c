/* Status responses: OK, NO, BAD, BYE, PREAUTH, continuations, and their codes.
 *
 * A code that does not fit its grammar is a quirk: the response is kept, its code becomes
 * OTHER and what it said can be read in code_name and code_args. */
#include "wire/names.h"
#include "wire/rows.h"

#include "base/ascii.h"

/* ---- the arguments of codes ---- */

static bool number_arg(struct perch_cursor *c, uint64_t max, uint64_t *ret)
{
    return perch_cur_sp(c) && perch_cur_exact(c, 0, max, ret);
}

/* "(" astring *(SP astring) ")", or nothing; RFC 5182 has an example without the
 * parentheses. */
static bool list_arg(struct perch_cursor *c, struct perch_names *ret)
{
    if (perch_cur_done(c))
        return true;
    if (perch_cur_peek(c, 1) != '(')
        return perch_cur_quirk(c, PERCH_QUIRK_PARENS) && perch_cur_words(c, ret);
    return perch_cur_sp(c) && perch_cur_strings(c, &ret->v, &ret->n);
}

/* A set of UIDs; Exchange sends none at all for a copy of nothing. */
static bool uids_arg(struct perch_cursor *c, struct perch_set *ret, bool *ascending)
{
    if (perch_span_trim((struct perch_span){c->p, (size_t)(c->end - c->p)}).n == 0) {
        c->p = c->end;
        return perch_cur_quirk(c, PERCH_QUIRK_CODE_FORM);
    }
    if (!perch_cur_sp(c))
        return false;
    if (perch_cur_peek(c, 0) == '"' && perch_cur_peek(c, 1) == '"') {
        c->p += 2;
        return perch_cur_quirk_at(c, PERCH_QUIRK_CODE_FORM, c->p - 2);
    }
    return perch_cur_set(c, true, ret, ascending);
}

static bool uid_pair(struct perch_cursor *c, enum perch_code code, struct perch_uid_pair_code *ret)
{
    bool source = true, dest = true;
    uint64_t validity;

    if (!number_arg(c, UINT32_MAX, &validity))
        return false;
    ret->uidvalidity = (uint32_t)validity;
    if (code == PERCH_CODE_COPYUID && !uids_arg(c, &ret->source, &source))
        return false;
    if (!uids_arg(c, &ret->dest, &dest))
        return false;
    ret->paired = code == PERCH_CODE_COPYUID && source && dest &&
                  perch_set_count(&ret->source) == perch_set_count(&ret->dest);
    return true;
}

static bool maybe_count(struct perch_cursor *c, bool *has, uint64_t *ret)
{
    if (perch_cur_nil(c))
        return true;
    *has = true;
    return perch_cur_exact(c, 0, UINT64_MAX, ret);
}

/* RFC 9585: "(" quoted-tag / NIL SP done / NIL SP goal / NIL ")", or nothing. */
static bool progress(struct perch_cursor *c, struct perch_status_resp *s)
{
    if (perch_cur_done(c))
        return true;
    if (!perch_cur_sp(c) || !perch_cur_open(c) || !perch_cur_nstring(c, &s->u.progress.tag))
        return false;
    if (perch_cur_more(c) && maybe_count(c, &s->u.progress.has_done, &s->u.progress.done) &&
        perch_cur_more(c) && maybe_count(c, &s->u.progress.has_goal, &s->u.progress.goal) &&
        perch_cur_more(c))
        return perch_cur_fail(c, "more than INPROGRESS should hold");
    return !c->error;
}

static bool metadata_arg(struct perch_cursor *c, struct perch_status_resp *s)
{
    if (!perch_cur_sp(c) ||
        !perch_cur_word(c, PERCH_CH_ATOM, "no word in METADATA", &s->u.metadata.word))
        return false;
    return perch_cur_done(c) || number_arg(c, UINT64_MAX, &s->u.metadata.number);
}

static bool limit_arg(struct perch_cursor *c, struct perch_status_resp *s)
{
    uint64_t uid = 0;

    if (!number_arg(c, UINT64_MAX, &s->u.limit.limit))
        return false;
    if (!perch_cur_done(c) && !number_arg(c, UINT32_MAX, &uid))
        return false;
    s->u.limit.uid = (uint32_t)uid;
    return true;
}

static bool rest_arg(struct perch_cursor *c, struct perch_span *ret)
{
    if (perch_cur_done(c))
        return true;
    if (!perch_cur_sp(c))
        return false;
    *ret = (struct perch_span){c->p, (size_t)(c->end - c->p)};
    c->p = c->end;
    return true;
}

static bool string_arg(struct perch_cursor *c, struct perch_span *ret)
{
    return perch_cur_sp(c) && perch_cur_astring(c, ret);
}

static bool code_args(struct perch_cursor *c, struct perch_status_resp *s)
{
    switch (s->code) {
    case PERCH_CODE_UIDNEXT:
    case PERCH_CODE_UIDVALIDITY:
    case PERCH_CODE_UNSEEN:
    case PERCH_CODE_SAVELIMIT:
    case PERCH_CODE_MAXCONVERTMESSAGES:
        return number_arg(c, UINT32_MAX, &s->u.number);
    case PERCH_CODE_HIGHESTMODSEQ:
        return number_arg(c, INT64_MAX, &s->u.number);
    case PERCH_CODE_CAPABILITY:
        return perch_cur_words(c, &s->u.names);
    case PERCH_CODE_PERMANENTFLAGS:
        return perch_cur_sp(c) && perch_cur_flags(c, perch_flag_bit, &s->u.names);
    case PERCH_CODE_BADCHARSET:
    case PERCH_CODE_BADEVENT:
        return list_arg(c, &s->u.names);
    case PERCH_CODE_APPENDUID:
    case PERCH_CODE_COPYUID:
        return uid_pair(c, s->code, &s->u.uids);
    case PERCH_CODE_MODIFIED:
        return perch_cur_sp(c) && perch_cur_set(c, true, &s->u.set, NULL);
    case PERCH_CODE_MAILBOXID:
        return perch_cur_sp(c) && perch_cur_one_string(c, &s->u.id);
    case PERCH_CODE_NOUPDATE:
    case PERCH_CODE_UNDEFINED_FILTER:
        return string_arg(c, &s->u.id);
    case PERCH_CODE_REFERRAL:
    case PERCH_CODE_BADURL:
    case PERCH_CODE_JMAPACCESS:
        return rest_arg(c, &s->u.url);
    case PERCH_CODE_INPROGRESS:
        return progress(c, s);
    case PERCH_CODE_METADATA:
        return metadata_arg(c, s);
    case PERCH_CODE_MESSAGELIMIT:
        return limit_arg(c, s);
    default: /* no arguments, or none that anybody defined: code_args has them */
        c->p = c->end;
        return true;
    }
}

/* ---- the code itself ---- */

/* The "]" that ends the code, counting brackets inside it; *nested says there were some.
 * NULL if there is none. */
static const char *code_end(const char *p, const char *end, bool *nested)
{
    const char *first = memchr(p, ']', (size_t)(end - p));
    uint32_t depth = 0;

    for (; p < end; p++) {
        const char *close;

        if (*p == '"' && (close = memchr(p + 1, '"', (size_t)(end - p - 1))))
            p = close;
        else if (*p == '[')
            depth++;
        else if (*p == ']' && depth-- == 0)
            return p;
        *nested = depth > 0 || *nested;
    }
    return first;
}

/* Reads the arguments on a cursor of their own that ends with the code. */
static bool read_args(struct perch_cursor *c, const char *close, struct perch_status_resp *s)
{
    struct perch_cursor args = *c;
    uint32_t quirks = c->report->quirks;

    args.end = close;
    s->code = perch_code_find(s->code_name);
    (void)(code_args(&args, s) && perch_cur_end(&args));
    c->tokens = args.tokens;
    if (args.error == PERCH_EPROTO && !args.refused) {
        c->report->error = NULL;
        c->report->quirks = quirks;
        s->code = PERCH_CODE_OTHER;
        memset(&s->u, 0, sizeof s->u);
        return perch_cur_quirk_at(c, PERCH_QUIRK_CODE_FORM, s->code_name.p);
    }
    c->error = args.error;
    return !c->error;
}

static bool code(struct perch_cursor *c, struct perch_status_resp *s)
{
    bool nested = false;
    const char *open = c->p, *close;

    close = code_end(open + 1, c->end, &nested);
    if (!close) /* text that happens to begin with a bracket */
        return perch_cur_quirk(c, PERCH_QUIRK_CODE_FORM);
    c->p++;
    s->code_name = perch_cur_run(c, PERCH_CH_ATOM);
    if (nested && !perch_cur_quirk_at(c, PERCH_QUIRK_CODE_FORM, open))
        return false;
    if (c->p < close)
        s->code_args = perch_span_trim((struct perch_span){c->p, (size_t)(close - c->p)});
    if (!read_args(c, close, s))
        return false;
    c->p = close + 1;
    if (!perch_cur_take(c, ' ') && !perch_cur_done(c))
        return perch_cur_quirk(c, PERCH_QUIRK_BLANKS);
    return true;
}

/* ---- text ---- */

static bool text(struct perch_cursor *c, struct perch_span *ret)
{
    size_t n = (size_t)(c->end - c->p);
    const char *bad = memchr(c->p, '\0', n);

    if (!bad)
        bad = memchr(c->p, '\r', n);
    *ret = (struct perch_span){c->p, n};
    if (bad) {
        c->p = bad;
        return perch_cur_fail(c, *bad ? "a bare CR" : "a NUL byte");
    }
    c->p = c->end;
    return true;
}

static bool code_and_text(struct perch_cursor *c, struct perch_status_resp *s)
{
    if (perch_cur_at(c, '[') && !code(c, s))
        return false;
    return text(c, &s->text);
}

bool perch_row_status(struct perch_cursor *c, struct perch_resp *r)
{
    struct perch_status_resp *s = &r->u.status;

    if (!perch_cur_take(c, ' ') && !perch_cur_done(c) && !perch_cur_quirk(c, PERCH_QUIRK_BLANKS))
        return false;
    if (!code_and_text(c, s))
        return false;
    return s->text.n > 0 || perch_cur_quirk(c, PERCH_QUIRK_EMPTY_TEXT);
}

/* "+" SP (resp-text / base64); base64 may be empty, the blank may not be missing. */
bool perch_row_continuation(struct perch_cursor *c, struct perch_resp *r)
{
    if (!perch_cur_take(c, ' ') && !perch_cur_quirk(c, PERCH_QUIRK_EMPTY_TEXT))
        return false;
    return code_and_text(c, &r->u.status);
}

/* Exchange: "* [COPYUID 1 2 3]" without its OK. */
bool perch_row_bare_code(struct perch_cursor *c, struct perch_resp *r)
{
    return perch_cur_quirk(c, PERCH_QUIRK_CODE_FORM) && code_and_text(c, &r->u.status);
}
