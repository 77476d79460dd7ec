#include "engine/change.h"

#include "base/mem.h"

struct change_set *change_new(void)
{
    struct change_set *c = perch_calloc(1, sizeof *c);

    if (!c)
        return NULL;
    perch_arena_init(&c->arena, 0);
    perch_arena_init(&c->out, 0);
    c->emission.arena = &c->out;
    return c;
}

void change_free(struct change_set *c)
{
    if (!c)
        return;
    perch_set_done(&c->vanished);
    perch_set_done(&c->alive);
    perch_set_done(&c->missing);
    perch_set_done(&c->progress.doomed);
    perch_free(c->rows);
    perch_arena_done(&c->out);
    perch_arena_done(&c->arena);
    perch_free(c);
}

bool change_empty(const struct change_set *c)
{
    return !c->nrows && !c->vanished.n && !c->complete && !c->begin && !c->uidnext &&
           !c->has_modseq && !c->has_below;
}

bool change_add_row(struct change_set *c, const struct perch_fetch *f, enum row_kind kind)
{
    if (c->nrows == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 4;
        struct row *rows = perch_reallocarray(c->rows, cap, sizeof *rows);

        if (!rows)
            return false;
        c->rows = rows;
        c->cap = cap;
    }
    if (!row_make(f, kind, &c->arena, &c->rows[c->nrows]))
        return false;
    c->nrows++;
    c->nwhole += kind != ROW_FLAGS;
    return true;
}

bool change_has_whole_row_of(const struct change_set *c, const struct perch_set *uids)
{
    for (size_t i = 0; i < c->nrows; i++)
        if (c->rows[i].kind != ROW_FLAGS && perch_set_has(uids, c->rows[i].m.uid))
            return true;
    return false;
}

bool change_add_vanished(struct change_set *c, const struct perch_set *uids)
{
    return perch_set_add_set(&c->vanished, uids) == 0;
}
