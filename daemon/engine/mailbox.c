#include "engine/mailbox.h"

#include "base/mem.h"

#include <string.h>

const char *mailbox_role(uint32_t attrs)
{
    static const enum perch_attr roles[] = {
        PERCH_ATTR_ALL,   PERCH_ATTR_ARCHIVE, PERCH_ATTR_DRAFTS,    PERCH_ATTR_FLAGGED,
        PERCH_ATTR_JUNK,  PERCH_ATTR_SENT,    PERCH_ATTR_TRASH,     PERCH_ATTR_IMPORTANT,
        PERCH_ATTR_MEMOS, PERCH_ATTR_INBOX,   PERCH_ATTR_SCHEDULED, PERCH_ATTR_SNOOZED,
    };

    for (size_t i = 0; i < PERCH_COUNT(roles); i++)
        if (attrs & (uint32_t)roles[i])
            return perch_attr_name(roles[i]);
    return NULL;
}

struct mailbox *mailbox_new(const struct store_mailbox *row, const char *role, int64_t messages)
{
    size_t name_size = strlen(row->name) + 1;
    struct mailbox *m = perch_calloc(1, sizeof *m + row->raw.n + 1 + name_size);
    char *text;

    if (!m)
        return NULL;
    text = (char *)(m + 1);
    memcpy(text, row->raw.p, row->raw.n);
    m->raw = (struct perch_span){text, row->raw.n};
    m->name = memcpy(text + row->raw.n + 1, row->name, name_size);
    m->id = row->id;
    m->role = role;
    m->delimiter = row->delimiter;
    m->known = (struct plan_known){
        .uidvalidity = row->uidvalidity,
        .uidnext = row->uidnext,
        .highestmodseq = row->highestmodseq,
        .messages = (uint64_t)messages,
        .sync = row->sync,
    };
    m->initial_below = row->initial_below;
    m->initial_top = row->initial_top;
    return m;
}

void mailbox_free(struct mailbox *m)
{
    perch_free(m);
}
