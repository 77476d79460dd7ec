#include "engine/row.h"

#include "hooks/event.h"

#include <assert.h>

uint32_t row_items(bool condstore, bool objectid)
{
    uint32_t items = PERCH_ITEM_UID | PERCH_ITEM_FLAGS | PERCH_ITEM_INTERNALDATE | PERCH_ITEM_SIZE |
                     PERCH_ITEM_ENVELOPE | PERCH_ITEM_BODYSTRUCTURE;

    if (condstore)
        items |= PERCH_ITEM_MODSEQ;
    if (objectid)
        items |= PERCH_ITEM_EMAILID | PERCH_ITEM_THREADID;
    return items;
}

/* *ret stays NULL for NIL; false when out of memory. */
static bool copy_text(struct perch_arena *a, struct perch_span s, const char **ret)
{
    if (!s.p)
        return true;
    *ret = perch_arena_strndup(a, s.p, s.n);
    return *ret != NULL;
}

static bool copy_whole(const struct perch_fetch *f, struct perch_arena *a, struct store_message *m)
{
    if (f->internal_time.valid)
        m->internaldate = f->internal_time.unix_s;
    if (f->have & PERCH_ITEM_SIZE)
        m->size = f->size;
    if (!copy_text(a, f->emailid, &m->emailid) || !copy_text(a, f->threadid, &m->threadid))
        return false;
    m->envelope = event_envelope_json(f, a);
    return m->envelope != NULL;
}

bool row_make(const struct perch_fetch *f, enum row_kind kind, struct perch_arena *a,
              struct row *ret)
{
    assert(f->uid);
    *ret = (struct row){.kind = kind, .m = {.uid = f->uid, .internaldate = INT64_MIN}};
    if (f->have & PERCH_ITEM_MODSEQ)
        ret->m.modseq = f->modseq;
    if (f->have & PERCH_ITEM_FLAGS) {
        ret->m.flags = event_flags_canonical(&f->flags, a);
        if (!ret->m.flags)
            return false;
    }
    return kind == ROW_FLAGS || copy_whole(f, a, &ret->m);
}
