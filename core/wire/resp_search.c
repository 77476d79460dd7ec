/* Answers that are numbers: SEARCH, SORT, ESEARCH, THREAD, VANISHED. They may be long, so
 * numbers go into ranges as they come and do not count as tokens. */
#include "wire/rows.h"

#include "base/ascii.h"

/* ---- SEARCH and SORT ---- */

/* "(MODSEQ n)": at the end, in the middle, with or without a blank before it. */
static bool search_modseq(struct perch_cursor *c, uint64_t *ret)
{
    struct perch_span word;

    if (!perch_cur_open(c) ||
        !perch_cur_word(c, PERCH_CH_ATOM, "no word where MODSEQ belongs", &word))
        return false;
    if (!PERCH_IS(word, "MODSEQ"))
        return perch_cur_fail(c, "a list that is not MODSEQ");
    if (!perch_cur_sp(c) || !perch_cur_exact(c, 0, INT64_MAX, ret))
        return false;
    return perch_cur_close(c);
}

static bool add_number(struct perch_cursor *c, struct perch_vec *order, uint32_t n)
{
    uint32_t *e = perch_vec_add(c, order);

    if (e)
        *e = n;
    return e != NULL;
}

static bool search_item(struct perch_cursor *c, struct perch_search_resp *s,
                        struct perch_vec *ranges, struct perch_vec *order)
{
    bool ascending;
    uint64_t n;

    if (perch_cur_at(c, '('))
        return search_modseq(c, &s->modseq);
    if (perch_cur_nil(c))
        return perch_cur_quirk_at(c, PERCH_QUIRK_NIL_FORM, c->p - 3);
    if (!perch_cur_exact(c, 1, UINT32_MAX, &n))
        return false;
    c->tokens--;
    if (order && !add_number(c, order, (uint32_t)n))
        return false;
    return perch_vec_range(c, ranges, (uint32_t)n, (uint32_t)n, &ascending);
}

bool perch_row_search(struct perch_cursor *c, struct perch_resp *r)
{
    PERCH_VEC(ranges, struct perch_range, 64);
    PERCH_VEC(order, uint32_t, 64);
    struct perch_search_resp *s = &r->u.search;
    bool sorted = r->type == PERCH_RESP_SORT;

    while (!perch_cur_done(c)) {
        if (!perch_cur_at(c, '(') && !perch_cur_sp(c))
            return false;
        if (!perch_cur_done(c) && !search_item(c, s, &ranges, sorted ? &order : NULL))
            return false;
    }
    if (sorted)
        s->order = perch_vec_take(c, &order, &s->norder);
    return perch_vec_set(c, &ranges, &s->set);
}

/* ---- ESEARCH ---- */

/* A set as the server ordered it (ESORT): the same text again, number by number. Ranges
 * are never spread out, so an order is kept only for sets of plain numbers. */
static bool plain_order(struct perch_cursor *c, const char *from, const uint32_t **ret,
                        size_t *ret_n)
{
    PERCH_VEC(order, uint32_t, 64);
    struct perch_cursor again = *c;
    uint64_t n;

    if (memchr(from, ':', (size_t)(c->p - from)))
        return true;
    again.p = from;
    again.end = c->p;
    do {
        if (!perch_cur_exact(&again, 1, UINT32_MAX, &n) || !add_number(&again, &order, (uint32_t)n))
            break;
    } while (perch_cur_take(&again, ','));
    *ret = perch_vec_take(&again, &order, ret_n);
    c->error = again.error;
    return !c->error;
}

static bool ordered_set(struct perch_cursor *c, struct perch_set *set, const uint32_t **order,
                        size_t *norder)
{
    const char *from = c->p;
    bool ascending;

    if (!perch_cur_set(c, false, set, &ascending))
        return false;
    return ascending || plain_order(c, from, order, norder);
}

/* ADDTO and REMOVEFROM (RFC 5267): "(" position SP set *(SP position SP set) ")". */
static bool updates(struct perch_cursor *c, bool add, struct perch_vec *v)
{
    if (!perch_cur_open(c))
        return false;
    while (perch_cur_more(c)) {
        struct perch_context_update *u = perch_vec_add(c, v);
        uint64_t position;

        if (!u || !perch_cur_exact(c, 0, UINT32_MAX, &position) || !perch_cur_sp(c) ||
            !ordered_set(c, &u->set, &u->order, &u->norder))
            return false;
        u->add = add;
        u->position = (uint32_t)position;
    }
    return !c->error;
}

/* "-5" counts from the end. */
static bool partial_end(struct perch_cursor *c, bool *negative, int64_t *ret)
{
    uint64_t n;

    *negative = perch_cur_take(c, '-');
    if (!perch_cur_exact(c, 1, UINT32_MAX, &n))
        return false;
    *ret = *negative ? -(int64_t)n : (int64_t)n;
    return true;
}

/* PARTIAL (RFC 9394): "(" range SP set / NIL ")". */
static bool partial(struct perch_cursor *c, struct perch_partial *p)
{
    bool second;

    if (!perch_cur_open(c) || !partial_end(c, &p->negative, &p->first) ||
        !perch_cur_expect(c, ':', "PARTIAL without a range") ||
        !partial_end(c, &second, &p->last) || !perch_cur_sp(c))
        return false;
    if (second != p->negative)
        return perch_cur_fail(c, "PARTIAL with a range of two directions");
    if (!perch_cur_nil(c) && !perch_cur_set(c, false, &p->set, NULL))
        return false;
    return perch_cur_close(c);
}

static bool number32(struct perch_cursor *c, uint32_t *ret)
{
    uint64_t n;

    if (!perch_cur_exact(c, 1, UINT32_MAX, &n))
        return false;
    *ret = (uint32_t)n;
    return true;
}

struct esearch_vecs {
    struct perch_vec *updates, *others;
};

static bool esearch_item(struct perch_cursor *c, struct perch_esearch_resp *e,
                         struct esearch_vecs *v)
{
    struct perch_other_item *other;
    struct perch_span name;

    if (!perch_cur_word(c, PERCH_CH_ATOM, "no search result where one belongs", &name))
        return false;
    if (PERCH_IS(name, "UID")) {
        e->uid = true;
        return true;
    }
    if (!perch_cur_sp(c))
        return false;
    if (PERCH_IS(name, "ALL")) {
        e->have |= PERCH_ESEARCH_ALL;
        return ordered_set(c, &e->all, &e->order, &e->norder);
    }
    if (PERCH_IS(name, "MIN")) {
        e->have |= PERCH_ESEARCH_MIN;
        return number32(c, &e->min);
    }
    if (PERCH_IS(name, "MAX")) {
        e->have |= PERCH_ESEARCH_MAX;
        return number32(c, &e->max);
    }
    if (PERCH_IS(name, "COUNT")) {
        e->have |= PERCH_ESEARCH_COUNT;
        return perch_cur_exact(c, 0, UINT64_MAX, &e->count);
    }
    if (PERCH_IS(name, "MODSEQ")) {
        e->have |= PERCH_ESEARCH_MODSEQ;
        return perch_cur_exact(c, 0, INT64_MAX, &e->modseq);
    }
    if (PERCH_IS(name, "PARTIAL")) {
        e->have |= PERCH_ESEARCH_PARTIAL;
        return partial(c, &e->partial);
    }
    if (PERCH_IS(name, "ADDTO") || PERCH_IS(name, "REMOVEFROM")) {
        e->have |= PERCH_ESEARCH_UPDATES;
        return updates(c, PERCH_IS(name, "ADDTO"), v->updates);
    }
    other = perch_vec_add(c, v->others);
    if (!other)
        return false;
    other->name = name;
    return perch_cur_skip(c, &other->value);
}

/* "(TAG "a1")", in MULTISEARCH (RFC 7377) with MAILBOX and UIDVALIDITY. */
static bool correlator(struct perch_cursor *c, struct perch_esearch_resp *e)
{
    if (!perch_cur_open(c))
        return false;
    while (perch_cur_more(c)) {
        struct perch_span name, value;
        bool ok;

        if (!perch_cur_word(c, PERCH_CH_ATOM, "no word where TAG belongs", &name) ||
            !perch_cur_sp(c))
            return false;
        if (PERCH_IS(name, "TAG"))
            ok = perch_cur_astring(c, &e->tag);
        else if (PERCH_IS(name, "MAILBOX"))
            ok = perch_cur_mailbox(c, &e->mailbox);
        else if (PERCH_IS(name, "UIDVALIDITY"))
            ok = number32(c, &e->uidvalidity);
        else
            ok = perch_cur_skip(c, &value);
        if (!ok)
            return false;
    }
    return !c->error;
}

/* Whether the list at the cursor is a correlator and not the results in parentheses. */
static bool is_correlator(const struct perch_cursor *c)
{
    struct perch_span s = {c->p + 1, (size_t)(c->end - c->p - 1)};

    return perch_span_istarts(s, "TAG") || perch_span_istarts(s, "MAILBOX") ||
           perch_span_istarts(s, "UIDVALIDITY");
}

static bool esearch_results(struct perch_cursor *c, struct perch_esearch_resp *e,
                            struct esearch_vecs *v)
{
    while (!perch_cur_done(c)) {
        if (!perch_cur_sp(c))
            return false;
        if (perch_cur_done(c))
            break;
        if (!perch_cur_at(c, '(')) {
            if (!esearch_item(c, e, v))
                return false;
            continue;
        }
        if (is_correlator(c)) {
            if (!correlator(c, e))
                return false;
            continue;
        }
        if (!perch_cur_quirk(c, PERCH_QUIRK_PARENS) || !perch_cur_open(c))
            return false;
        while (perch_cur_more(c))
            if (!esearch_item(c, e, v))
                return false;
        if (c->error)
            return false;
    }
    return true;
}

bool perch_row_esearch(struct perch_cursor *c, struct perch_resp *r)
{
    PERCH_VEC(update, struct perch_context_update, 4);
    PERCH_VEC(others, struct perch_other_item, 4);
    struct perch_esearch_resp *e = &r->u.esearch;

    if (!esearch_results(c, e, &(struct esearch_vecs){&update, &others}))
        return false;
    e->updates = perch_vec_take(c, &update, &e->nupdates);
    e->others = perch_vec_take(c, &others, &e->nothers);
    return !c->error;
}

/* ---- VANISHED ---- */

bool perch_row_vanished(struct perch_cursor *c, struct perch_resp *r)
{
    struct perch_span word;

    if (!perch_cur_sp(c))
        return false;
    if (perch_cur_at(c, '(')) {
        if (!perch_cur_open(c) ||
            !perch_cur_word(c, PERCH_CH_ATOM, "no word where EARLIER belongs", &word))
            return false;
        if (!PERCH_IS(word, "EARLIER"))
            return perch_cur_fail(c, "a word that is not EARLIER");
        r->u.vanished.earlier = true;
        if (!perch_cur_close(c) || !perch_cur_sp(c))
            return false;
    }
    return perch_cur_set(c, false, &r->u.vanished.uids, NULL);
}

/* ---- THREAD ---- */

/* The tree without recursion. Inside one pair of parentheses numbers are a chain, each
 * the child of the one before; a list that follows is a branch from the last of them.
 * base[d] is the depth that a number standing first in the d-th open list gets. */
struct thread_walk {
    uint32_t *base;
    uint32_t next; /* the depth of the next number in the list at hand */
};

static bool thread_open(struct perch_cursor *c, struct thread_walk *w, struct perch_vec *nodes)
{
    bool rootless = c->p == c->opened;

    w->base[c->depth] = w->next;
    if (!perch_cur_open(c))
        return false;
    if (rootless) { /* ((2)(3)): siblings whose parent is missing */
        struct perch_thread_node *n = perch_vec_add(c, nodes);

        if (!n)
            return false;
        *n = (struct perch_thread_node){0, w->next};
        w->next++;
        w->base[c->depth - 1] = w->next;
    }
    return true;
}

static bool thread_number(struct perch_cursor *c, struct thread_walk *w, struct perch_vec *nodes)
{
    struct perch_thread_node *n;
    uint64_t number;

    if (c->depth == 0)
        return perch_cur_fail(c, "a thread outside parentheses");
    if (!perch_cur_exact(c, 1, UINT32_MAX, &number))
        return false;
    n = perch_vec_add(c, nodes);
    if (!n)
        return false;
    *n = (struct perch_thread_node){(uint32_t)number, w->next++};
    return true;
}

bool perch_row_thread(struct perch_cursor *c, struct perch_resp *r)
{
    PERCH_VEC(nodes, struct perch_thread_node, 64);
    struct thread_walk w = {.next = 0};

    w.base = perch_arena_array(c->arena, (size_t)c->limits->depth + 1, sizeof *w.base);
    if (!w.base)
        return perch_cur_fail_memory(c);
    if (perch_cur_done(c))
        return true;
    if (!perch_cur_sp(c))
        return false;
    while (!perch_cur_done(c)) {
        if (perch_cur_at(c, '(')) {
            if (!thread_open(c, &w, &nodes))
                return false;
        } else if (perch_cur_at(c, ')') && c->depth > 0) {
            c->p++;
            w.next = w.base[--c->depth];
        } else if (perch_cur_at(c, ' ')) {
            if (c->depth == 0 && !perch_cur_quirk(c, PERCH_QUIRK_BLANKS))
                return false;
            c->p++;
        } else if (!thread_number(c, &w, &nodes)) {
            return false;
        }
        c->tokens = 0; /* bounded by the response alone, as SEARCH is */
    }
    if (c->depth > 0 && !perch_cur_quirk(c, PERCH_QUIRK_PARENS))
        return false;
    r->u.thread.v = perch_vec_take(c, &nodes, &r->u.thread.n);
    return !c->error;
}
