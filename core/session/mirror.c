/* The selected mailbox. Numbers of a server are compared and kept, never allocated by. */
#include "session/mirror.h"

#include "perch/set.h"

#include "base/span.h"

void perch_mirror_init(struct perch_mirror *m)
{
    *m = (struct perch_mirror){0};
    perch_arena_init(&m->name, 256);
    perch_arena_init(&m->flags, 512);
    perch_arena_init(&m->permanent, 512);
    perch_arena_init(&m->id, 64);
}

void perch_mirror_done(struct perch_mirror *m)
{
    perch_arena_done(&m->name);
    perch_arena_done(&m->flags);
    perch_arena_done(&m->permanent);
    perch_arena_done(&m->id);
}

int perch_mirror_open(struct perch_mirror *m, struct perch_name name, bool readonly)
{
    struct perch_mailbox *mb = &m->mailbox;

    perch_mirror_close(m);
    if (perch_arena_dup(&m->name, name.raw, &mb->name.raw) ||
        perch_arena_dup(&m->name, name.utf8, &mb->name.utf8))
        return PERCH_ENOMEM;
    mb->name.exact = name.exact;
    m->examined = readonly;
    mb->readonly = readonly;
    m->open = true;
    return 0;
}

void perch_mirror_close(struct perch_mirror *m)
{
    perch_mirror_begin(m);
    perch_arena_reset(&m->name);
    m->mailbox = (struct perch_mailbox){0};
    m->open = false;
}

void perch_mirror_begin(struct perch_mirror *m)
{
    m->mailbox = (struct perch_mailbox){
        .name = m->mailbox.name,
        .readonly = m->examined,
    };
    perch_arena_reset(&m->flags);
    perch_arena_reset(&m->permanent);
    perch_arena_reset(&m->id);
    m->exists_told = m->leaving = m->unsure = false;
}

/* RFC 9051 6.3.2: without PERMANENTFLAGS all flags may be changed for good. */
static void assume_permanent(struct perch_mailbox *mb)
{
    if (mb->permanentflags_told)
        return;
    mb->permanentflags = mb->flags;
    mb->permanentflags.star = true;
}

void perch_mirror_opened(struct perch_mirror *m)
{
    assume_permanent(&m->mailbox);
    m->leaving = false;
}

enum perch_mirror_news perch_mirror_exists(struct perch_mirror *m, uint64_t n)
{
    bool shrunk = m->exists_told && n < m->mailbox.exists;

    if (n > UINT32_MAX)
        return PERCH_MIRROR_ODD;
    m->mailbox.exists = (uint32_t)n;
    m->exists_told = true;
    return shrunk ? PERCH_MIRROR_ODD : PERCH_MIRROR_OK;
}

enum perch_mirror_news perch_mirror_expunge(struct perch_mirror *m, uint64_t seq)
{
    if (m->leaving || !m->exists_told)
        return PERCH_MIRROR_IGNORED;
    if (seq == 0 || seq > m->mailbox.exists)
        return PERCH_MIRROR_ODD;
    m->mailbox.exists--;
    return PERCH_MIRROR_OK;
}

enum perch_mirror_news perch_mirror_vanished(struct perch_mirror *m,
                                             const struct perch_vanished_resp *v)
{
    uint64_t n;

    /* Those that vanished earlier are not in EXISTS any more (RFC 7162 3.2.10.1). */
    if (v->earlier)
        return PERCH_MIRROR_OK;
    if (m->leaving || !m->exists_told)
        return PERCH_MIRROR_IGNORED;
    n = perch_set_count(&v->uids);
    if (n > m->mailbox.exists)
        return PERCH_MIRROR_ODD;
    m->mailbox.exists -= (uint32_t)n;
    return PERCH_MIRROR_OK;
}

void perch_mirror_recent(struct perch_mirror *m, uint64_t n)
{
    m->mailbox.recent = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static int copy_names(struct perch_arena *a, const struct perch_names *from,
                      struct perch_names *ret_names)
{
    struct perch_span *v;

    *ret_names = (struct perch_names){0};
    perch_arena_reset(a);
    v = perch_arena_array(a, from->n, sizeof *v);
    if (!v)
        return PERCH_ENOMEM;
    for (size_t i = 0; i < from->n; i++)
        if (perch_arena_dup(a, from->v[i], &v[i]))
            return PERCH_ENOMEM;
    *ret_names = *from;
    ret_names->v = v;
    return 0;
}

int perch_mirror_flags(struct perch_mirror *m, const struct perch_names *flags)
{
    int rc = copy_names(&m->flags, flags, &m->mailbox.flags);

    assume_permanent(&m->mailbox);
    return rc;
}

/* UIDVALIDITY that changes under a selected mailbox: whatever UIDs are known are void. */
static enum perch_mirror_news uidvalidity(struct perch_mirror *m, uint64_t n)
{
    uint32_t old = m->mailbox.uidvalidity;

    m->mailbox.uidvalidity = n > UINT32_MAX ? 0 : (uint32_t)n;
    return old && old != m->mailbox.uidvalidity ? PERCH_MIRROR_ODD : PERCH_MIRROR_OK;
}

static uint32_t number32(const struct perch_status_resp *status)
{
    return status->u.number > UINT32_MAX ? 0 : (uint32_t)status->u.number;
}

int perch_mirror_code(struct perch_mirror *m, const struct perch_status_resp *status,
                      enum perch_mirror_news *ret_news)
{
    struct perch_mailbox *mb = &m->mailbox;

    *ret_news = PERCH_MIRROR_OK;
    if (!m->open)
        return 0;
    if (status->code == PERCH_CODE_CLOSED)
        perch_mirror_begin(m);
    else if (status->code == PERCH_CODE_UIDVALIDITY)
        *ret_news = uidvalidity(m, status->u.number);
    else if (status->code == PERCH_CODE_UIDNEXT)
        mb->uidnext = number32(status);
    else if (status->code == PERCH_CODE_UNSEEN)
        mb->unseen = number32(status);
    else if (status->code == PERCH_CODE_HIGHESTMODSEQ)
        mb->highestmodseq = status->u.number;
    else if (status->code == PERCH_CODE_NOMODSEQ)
        mb->nomodseq = true;
    else if (status->code == PERCH_CODE_UIDNOTSTICKY)
        mb->uidnotsticky = true;
    else if (status->code == PERCH_CODE_READ_ONLY)
        mb->readonly = true;
    else if (status->code == PERCH_CODE_READ_WRITE)
        mb->readonly = m->examined;
    else if (status->code == PERCH_CODE_MAILBOXID) {
        mb->mailboxid = (struct perch_span){0};
        perch_arena_reset(&m->id);
        return perch_arena_dup(&m->id, status->u.id, &mb->mailboxid);
    } else if (status->code == PERCH_CODE_PERMANENTFLAGS) {
        mb->permanentflags_told = true;
        return copy_names(&m->permanent, &status->u.names, &mb->permanentflags);
    }
    return 0;
}
