/* What a line is: tagged, untagged or a continuation; then the row of its first word. */
#include "wire/resp.h"

#include "wire/names.h"
#include "wire/rows.h"

#include "base/ascii.h"
#include "base/mem.h"

#include <assert.h>

typedef bool (*row_fn)(struct perch_cursor *c, struct perch_resp *r);

/* A message number and nothing behind it. */
static bool row_number(struct perch_cursor *c, struct perch_resp *r)
{
    (void)r;
    return !c->error;
}

/* What this version does not know; the bytes are in resp->raw. */
static bool row_other(struct perch_cursor *c, struct perch_resp *r)
{
    (void)r;
    c->p = c->end;
    return true;
}

/* `numbered`: "* 5 EXISTS", and only so. */
static const struct row {
    row_fn parse;
    bool numbered;
} rows[] = {
    [PERCH_RESP_NONE] = {row_other, false},
    [PERCH_RESP_OK] = {perch_row_status, false},
    [PERCH_RESP_NO] = {perch_row_status, false},
    [PERCH_RESP_BAD] = {perch_row_status, false},
    [PERCH_RESP_BYE] = {perch_row_status, false},
    [PERCH_RESP_PREAUTH] = {perch_row_status, false},
    [PERCH_RESP_CAPABILITY] = {perch_row_words, false},
    [PERCH_RESP_ENABLED] = {perch_row_words, false},
    [PERCH_RESP_FLAGS] = {perch_row_flags, false},
    [PERCH_RESP_LIST] = {perch_row_list, false},
    [PERCH_RESP_LSUB] = {perch_row_list, false},
    [PERCH_RESP_XLIST] = {perch_row_list, false},
    [PERCH_RESP_STATUS] = {perch_row_mailbox_status, false},
    [PERCH_RESP_NAMESPACE] = {perch_row_namespace, false},
    [PERCH_RESP_SEARCH] = {perch_row_search, false},
    [PERCH_RESP_ESEARCH] = {perch_row_esearch, false},
    [PERCH_RESP_SORT] = {perch_row_search, false},
    [PERCH_RESP_THREAD] = {perch_row_thread, false},
    [PERCH_RESP_EXISTS] = {row_number, true},
    [PERCH_RESP_RECENT] = {row_number, true},
    [PERCH_RESP_EXPUNGE] = {row_number, true},
    [PERCH_RESP_FETCH] = {perch_row_fetch, true},
    [PERCH_RESP_UIDFETCH] = {perch_row_fetch, true},
    [PERCH_RESP_VANISHED] = {perch_row_vanished, false},
    [PERCH_RESP_ACL] = {perch_row_acl, false},
    [PERCH_RESP_LISTRIGHTS] = {perch_row_rights, false},
    [PERCH_RESP_MYRIGHTS] = {perch_row_rights, false},
    [PERCH_RESP_QUOTA] = {perch_row_quota, false},
    [PERCH_RESP_QUOTAROOT] = {perch_row_quotaroot, false},
    [PERCH_RESP_METADATA] = {perch_row_metadata, false},
    [PERCH_RESP_ID] = {perch_row_id, false},
    [PERCH_RESP_LANGUAGE] = {perch_row_language, false},
    [PERCH_RESP_JMAPACCESS] = {perch_row_jmapaccess, false},
    [PERCH_RESP_OTHER] = {row_other, false},
};

static bool run_row(struct perch_cursor *c, struct perch_resp *r)
{
    return rows[r->type].parse(c, r) && perch_cur_end(c);
}

/* "* 5 EXISTS": 0 and negative numbers are told apart from others only by the reader of
 * the response, who knows the mailbox; Courier sends "* 0 FETCH", Zoho "* -1 FETCH". */
static bool numbered(struct perch_cursor *c, struct perch_resp *r)
{
    const char *from = c->p;

    if (perch_cur_at(c, '-') && perch_is_digit(perch_cur_peek(c, 1))) {
        if (!perch_cur_number(c, &r->number))
            return false;
    } else if (!perch_cur_exact(c, 0, UINT32_MAX, &r->number)) {
        return false;
    }
    if (!perch_cur_sp(c) ||
        !perch_cur_word(c, PERCH_CH_ATOM, "a number without a response", &r->word))
        return false;
    r->type = PERCH_IS(r->word, "FETCH") ? PERCH_RESP_FETCH : perch_resp_type_find(r->word);
    if (!rows[r->type].numbered && r->type != PERCH_RESP_OTHER)
        return perch_cur_fail(c, "a number before a response that has none");
    if (r->number == 0 && r->type != PERCH_RESP_EXISTS && r->type != PERCH_RESP_RECENT &&
        r->type != PERCH_RESP_OTHER && !perch_cur_quirk_at(c, PERCH_QUIRK_NUMBER_FORM, from))
        return false;
    return run_row(c, r);
}

static bool untagged(struct perch_cursor *c, struct perch_resp *r)
{
    r->kind = PERCH_UNTAGGED;
    c->p++;
    if (!perch_cur_sp(c))
        return false;
    if (perch_is_digit(perch_cur_peek(c, 0)) || perch_cur_at(c, '-'))
        return numbered(c, r);
    if (perch_cur_at(c, '[')) {
        r->type = PERCH_RESP_OK;
        return perch_row_bare_code(c, r);
    }
    if (!perch_cur_word(c, PERCH_CH_ATOM, "no response behind the \"*\"", &r->word))
        return false;
    r->type = perch_resp_type_find(r->word);
    if (rows[r->type].numbered)
        return perch_cur_fail(c, "a response without its number");
    return run_row(c, r);
}

/* Lines that are neither tagged nor untagged but mean that the server will not serve:
 * Exchange's "Server Unavailable." and the "421 ..." of a server that is busy or speaks
 * another protocol. */
static bool bare_line(struct perch_cursor *c, struct perch_resp *r, const char *from)
{
    struct perch_span line = {from, (size_t)(c->end - from)};

    if (perch_span_istarts(line, "Server Unavailable"))
        r->type = PERCH_RESP_BAD;
    else if (line.n > 4 && perch_is_digit(from[0]) && perch_is_digit(from[1]) &&
             perch_is_digit(from[2]) && (from[3] == ' ' || from[3] == '-'))
        r->type = PERCH_RESP_BYE;
    else {
        c->p = from;
        return perch_cur_fail(c, "a line that is no response");
    }
    r->kind = PERCH_UNTAGGED;
    r->tag = (struct perch_span){NULL, 0};
    r->u.status.text = line;
    c->p = from;
    return perch_cur_quirk(c, PERCH_QUIRK_LINE_FORM);
}

static bool tagged(struct perch_cursor *c, struct perch_resp *r)
{
    const char *from = c->p;

    if (!perch_cur_word(c, PERCH_CH_ASTR, "a line that is no response", &r->tag))
        return false;
    if (!perch_cur_done(c) && !perch_cur_sp(c))
        return false;
    r->word = perch_cur_run(c, PERCH_CH_ATOM);
    r->type = perch_resp_type_find(r->word);
    if (r->type != PERCH_RESP_OK && r->type != PERCH_RESP_NO && r->type != PERCH_RESP_BAD) {
        r->type = PERCH_RESP_NONE;
        return bare_line(c, r, from);
    }
    r->kind = PERCH_TAGGED;
    return perch_row_status(c, r);
}

/* NULs and empty lines before a response belong to it, see the framer. */
static bool skip_junk(struct perch_cursor *c)
{
    const char *from = c->p;

    while (c->p < c->end && (*c->p == '\0' || *c->p == '\r' || *c->p == '\n'))
        c->p++;
    return c->p == from || perch_cur_quirk_at(c, PERCH_QUIRK_BLANKS, from);
}

static bool cut_line_end(struct perch_cursor *c)
{
    if (c->end == c->p || c->end[-1] != '\n')
        return true;
    c->end--;
    if (c->end > c->p && c->end[-1] == '\r') {
        c->end--;
        return true;
    }
    return perch_cur_quirk_at(c, PERCH_QUIRK_BARE_LF, c->end);
}

static bool parse(struct perch_cursor *c, struct perch_resp *r)
{
    bool whole = cut_line_end(c);

    r->raw = (struct perch_span){c->p, (size_t)(c->end - c->p)};
    if (!whole || !skip_junk(c))
        return false;
    r->raw = (struct perch_span){c->p, (size_t)(c->end - c->p)};
    switch (perch_cur_peek(c, 0)) {
    case '*':
        return untagged(c, r);
    case '+':
        r->kind = PERCH_CONTINUATION;
        c->p++;
        return perch_row_continuation(c, r);
    default:
        return tagged(c, r);
    }
}

int perch_resp_parse(struct perch_unit unit, const struct perch_parse_options *options,
                     struct perch_arena *arena, struct perch_resp *ret,
                     struct perch_parse_report *report)
{
    struct perch_cursor c = {
        .p = unit.bytes.p,
        .end = unit.bytes.p + unit.bytes.n,
        .start = unit.bytes.p,
        .tail = unit.bytes.p + unit.bytes.n,
        .hole = unit.holes,
        .holes = unit.nholes,
        .arena = arena,
        .limits = options->limits,
        .report = report,
        .strict = options->strict,
        .utf8 = options->utf8,
    };
    bool understood;

    memset(ret, 0, sizeof *ret);
    report->quirks = 0;
    report->error = NULL;
    report->error_at = 0;
    understood = parse(&c, ret);
    assert(understood || c.error);
    (void)understood;
    report->work = unit.bytes.n + c.quotes.work;
    return c.error;
}
