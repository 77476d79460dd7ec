/* Answers that are numbers: SEARCH, SORT, ESEARCH, VANISHED, THREAD. */
#include "cli/decode.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>

void decode_search(struct decoder *d, enum perch_resp_type type, const struct perch_search_resp *s)
{
    decode_set_at(d, "set", true, &s->set);
    if (type == PERCH_RESP_SORT) {
        jw_key(&d->w, "order");
        decode_numbers(d, s->order, s->norder);
    }
    decode_number_at(d, "modseq", s->modseq != 0, s->modseq);
}

/* ---- ESEARCH ---- */

static void partial(struct decoder *d, const struct perch_partial *p)
{
    char range[48];

    (void)snprintf(range, sizeof range, "%" PRId64 ":%" PRId64, p->first, p->last);
    jw_open(&d->w, '{');
    jw_key(&d->w, "range");
    jw_string(&d->w, range);
    decode_set_at(d, "set", p->set.n > 0, &p->set);
    jw_close(&d->w, '}');
}

static void update(struct decoder *d, const struct perch_context_update *u)
{
    jw_open(&d->w, '{');
    jw_key(&d->w, "change");
    jw_string(&d->w, u->add ? "ADDTO" : "REMOVEFROM");
    jw_key(&d->w, "position");
    jw_uint(&d->w, u->position);
    decode_set_at(d, "set", true, &u->set);
    if (u->norder > 0) {
        jw_key(&d->w, "order");
        decode_numbers(d, u->order, u->norder);
    }
    jw_close(&d->w, '}');
}

static void updates(struct decoder *d, const struct perch_esearch_resp *e)
{
    jw_key(&d->w, "updates");
    jw_open(&d->w, '[');
    for (size_t i = 0; i < e->nupdates; i++)
        update(d, &e->updates[i]);
    jw_close(&d->w, ']');
}

void decode_esearch(struct decoder *d, const struct perch_esearch_resp *e)
{
    jw_key(&d->w, "tag");
    decode_text(d, e->tag);
    if (e->mailbox.utf8.p) {
        decode_name(d, "mailbox", "raw", &e->mailbox);
        decode_number_at(d, "uidvalidity", true, e->uidvalidity);
    }
    jw_key(&d->w, "uid");
    jw_bool(&d->w, e->uid);
    decode_number_at(d, "min", e->have & PERCH_ESEARCH_MIN, e->min);
    decode_number_at(d, "max", e->have & PERCH_ESEARCH_MAX, e->max);
    decode_number_at(d, "count", e->have & PERCH_ESEARCH_COUNT, e->count);
    decode_set_at(d, "all", e->have & PERCH_ESEARCH_ALL, &e->all);
    if (e->norder > 0) {
        jw_key(&d->w, "order");
        decode_numbers(d, e->order, e->norder);
    }
    decode_number_at(d, "modseq", e->have & PERCH_ESEARCH_MODSEQ, e->modseq);
    jw_key(&d->w, "partial");
    if (e->have & PERCH_ESEARCH_PARTIAL)
        partial(d, &e->partial);
    else
        jw_null(&d->w);
    if (e->have & PERCH_ESEARCH_UPDATES)
        updates(d, e);
    decode_others(d, e->others, e->nothers);
}

void decode_vanished(struct decoder *d, const struct perch_vanished_resp *v)
{
    jw_key(&d->w, "earlier");
    jw_bool(&d->w, v->earlier);
    decode_set_at(d, "uids", true, &v->uids);
}

/* ---- THREAD ---- */

/* later[i]: behind node i comes another child of its parent. From the end, seen[depth] says
 * so; what is deeper than a node belongs to it and is forgotten when it is passed. */
static bool find_later(const struct perch_thread_resp *t, bool *later)
{
    uint32_t deepest = 0, top = 0;
    auto_free bool *seen = NULL;

    for (size_t i = 0; i < t->n; i++)
        deepest = t->v[i].depth > deepest ? t->v[i].depth : deepest;
    seen = perch_calloc((size_t)deepest + 1, sizeof *seen);
    if (!seen)
        return false;
    for (size_t i = t->n; i-- > 0;) {
        uint32_t depth = t->v[i].depth;

        for (; top > depth; top--)
            seen[top] = false;
        later[i] = seen[depth];
        seen[depth] = true;
        top = depth;
    }
    return true;
}

/* A list of its own for a thread, for one of several children, and for the children of a
 * parent that is missing; a single child stands behind its parent. */
static bool begins_list(const struct perch_thread_resp *t, const bool *later, size_t i)
{
    bool first = i > 0 && t->v[i - 1].depth < t->v[i].depth;

    return t->v[i].depth == 0 || !first || later[i] || t->v[i - 1].number == 0;
}

void decode_thread(struct decoder *d, const struct perch_thread_resp *t)
{
    uint32_t open[DECODE_DEPTH + 1]; /* depths of the nodes that opened a list */
    size_t nopen = 0;
    auto_free bool *later = perch_calloc(t->n, sizeof *later);

    if (!later || !find_later(t, later)) {
        d->w.out.failed = true;
        return;
    }
    jw_key(&d->w, "value");
    jw_open(&d->w, '[');
    for (size_t i = 0; i < t->n; i++) {
        for (; nopen > 0 && open[nopen - 1] >= t->v[i].depth; nopen--)
            jw_close(&d->w, ']');
        if (begins_list(t, later, i) && nopen < PERCH_COUNT(open)) {
            jw_open(&d->w, '[');
            open[nopen++] = t->v[i].depth;
        }
        if (t->v[i].number != 0)
            jw_uint(&d->w, t->v[i].number);
    }
    for (; nopen > 0; nopen--)
        jw_close(&d->w, ']');
    jw_close(&d->w, ']');
}
