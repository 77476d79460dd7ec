/* What a server says of the selected mailbox, gathered for the store. */
#include "engine/gather.h"

#include "base/mem.h"

/* Items that no push carries: a row with one of them is an answer. */
#define WHOLE_ITEMS                                                                                \
    (PERCH_ITEM_ENVELOPE | PERCH_ITEM_BODYSTRUCTURE | PERCH_ITEM_INTERNALDATE | PERCH_ITEM_SIZE)

struct change_set *gather_set(struct account *a)
{
    struct sync *s = &a->sync;
    struct change_set *set = s->set;

    if (set)
        return set;
    set = change_new();
    if (!set || !account_emission(a, s->box, &set->arena, &set->emission)) {
        change_free(set);
        account_no_memory(a);
        return NULL;
    }
    set->mailbox = s->box->id;
    set->uidvalidity = s->box->known.uidvalidity;
    set->live = s->box->met;
    set->first_run = a->cfg->first_run;
    s->set = set;
    return set;
}

void gather_flush(struct account *a)
{
    struct change_set *set = perch_take(a->sync.set);

    if (!set || change_empty(set))
        change_free(set);
    else
        flow_submit_changes(a, set);
}

static void note_modseq(struct sync *s, uint64_t modseq)
{
    if (modseq > s->seen_modseq)
        s->seen_modseq = modseq;
}

void gather_row(struct account *a, const struct perch_fetch *f, enum row_kind kind)
{
    struct change_set *set;

    if (!f->uid)
        return;
    if (kind != ROW_FLAGS && !(f->have & WHOLE_ITEMS))
        kind = ROW_FLAGS; /* a push that looks like an answer */
    if (kind == ROW_FLAGS && !(f->have & PERCH_ITEM_FLAGS))
        return;
    if (f->have & PERCH_ITEM_MODSEQ)
        note_modseq(&a->sync, f->modseq);
    set = gather_set(a);
    if (!set)
        return;
    if (!change_add_row(set, f, kind)) {
        account_no_memory(a);
        return;
    }
    if (set->nwhole >= WINDOW || set->nrows >= FLAGS_WINDOW)
        gather_flush(a);
}

void gather_vanished(struct account *a, const struct perch_set *uids)
{
    struct change_set *set = gather_set(a);

    if (set && change_has_whole_row_of(set, uids)) {
        gather_flush(a);
        set = gather_set(a);
    }
    if (set && !change_add_vanished(set, uids))
        account_no_memory(a);
}
