/* Names of mailboxes in both their forms, and the items of STATUS. */
#include "session/ops/mailbox.h"

#include "perch/text.h"

#include "base/mem.h"

struct perch_mailbox_arg perch_mailbox_copy(perch_op *op, struct perch_span name, bool raw)
{
    if (!name.n)
        (void)perch_op_fail(op, PERCH_EINVAL, "no mailbox named");
    return (struct perch_mailbox_arg){perch_op_copy(op, name), raw};
}

void perch_mailbox_put(struct perch_enc *e, struct perch_mailbox_arg arg)
{
    if (arg.raw)
        perch_enc_mailbox_raw(e, arg.name);
    else
        perch_enc_mailbox(e, arg.name);
}

bool perch_mailbox_is(struct perch_mailbox_arg arg, const struct perch_name *name)
{
    struct perch_span theirs = arg.raw ? name->raw : name->utf8;

    if (perch_span_ieqs(arg.name, "INBOX"))
        return perch_span_ieqs(theirs, "INBOX");
    return perch_span_eq(arg.name, theirs);
}

int perch_mailbox_resolve(perch_op *op, struct perch_mailbox_arg arg, struct perch_name *ret_name)
{
    auto_free char *other = NULL;
    struct perch_name name = {.raw = arg.name, .utf8 = arg.name, .exact = true};
    size_t n = 0;
    int rc;

    if (!perch_sess_utf8_names(op->s)) {
        if (arg.raw)
            rc = perch_mutf7_decode(arg.name, &other, &n, &name.exact);
        else
            rc = perch_mutf7_encode(arg.name, &other, &n);
        if (rc)
            return perch_op_fail(op, rc, "a mailbox name that is not UTF-8");
        *(arg.raw ? &name.utf8 : &name.raw) = perch_op_copy(op, (struct perch_span){other, n});
    }
    *ret_name = name;
    return op->error.code;
}

/* ---- STATUS items ---- */

enum need { ANY, REV1, HAS_CONDSTORE, HAS_SIZE, HAS_DELETED, HAS_STORAGE, HAS_LIMIT, HAS_ID };

static const struct {
    uint32_t bit;
    const char *word;
    enum need need;
} items_table[] = {
    {PERCH_STATUS_MESSAGES, "MESSAGES", ANY},
    {PERCH_STATUS_RECENT, "RECENT", REV1},
    {PERCH_STATUS_UIDNEXT, "UIDNEXT", ANY},
    {PERCH_STATUS_UIDVALIDITY, "UIDVALIDITY", ANY},
    {PERCH_STATUS_UNSEEN, "UNSEEN", ANY},
    {PERCH_STATUS_HIGHESTMODSEQ, "HIGHESTMODSEQ", HAS_CONDSTORE},
    {PERCH_STATUS_SIZE, "SIZE", HAS_SIZE},
    {PERCH_STATUS_DELETED, "DELETED", HAS_DELETED},
    {PERCH_STATUS_DELETED_STORAGE, "DELETED-STORAGE", HAS_STORAGE},
    {PERCH_STATUS_APPENDLIMIT, "APPENDLIMIT", HAS_LIMIT},
    {PERCH_STATUS_MAILBOXID, "MAILBOXID", HAS_ID},
};

static bool has_item(const perch_session *s, enum need need)
{
    switch (need) {
    case ANY:
        return true;
    case REV1: /* RFC 9051 has no RECENT any more */
        return !perch_session_enabled(s, PERCH_CAP_IMAP4REV2) &&
               (perch_session_can(s, PERCH_CAP_IMAP4REV1) ||
                !perch_session_can(s, PERCH_CAP_IMAP4REV2));
    case HAS_CONDSTORE:
        return perch_session_can(s, PERCH_CAP_CONDSTORE);
    case HAS_SIZE:
        return perch_session_can(s, PERCH_CAP_STATUS_SIZE);
    case HAS_DELETED: /* RFC 9051, or RFC 9208 4.1.4 */
        return perch_session_can(s, PERCH_CAP_IMAP4REV2) ||
               perch_session_has(s, "QUOTA=RES-MESSAGE");
    case HAS_STORAGE:
        return perch_session_has(s, "QUOTA=RES-STORAGE");
    case HAS_LIMIT: /* RFC 7889: APPENDLIMIT=n is one limit for all, and no item of STATUS */
        return perch_session_can(s, PERCH_CAP_APPENDLIMIT);
    case HAS_ID:
        return perch_session_can(s, PERCH_CAP_OBJECTID);
    }
    return false;
}

uint32_t perch_status_items(const perch_session *s, uint32_t items)
{
    uint32_t can = 0;

    for (size_t i = 0; i < PERCH_COUNT(items_table); i++)
        if ((items & items_table[i].bit) && has_item(s, items_table[i].need))
            can |= items_table[i].bit;
    return can;
}

void perch_status_put_items(struct perch_enc *e, uint32_t items)
{
    bool first = true;

    perch_enc_char(e, '(');
    for (size_t i = 0; i < PERCH_COUNT(items_table); i++) {
        if (!(items & items_table[i].bit))
            continue;
        if (!first)
            perch_enc_sp(e);
        perch_enc_word(e, items_table[i].word);
        first = false;
    }
    perch_enc_char(e, ')');
}

void perch_status_put(struct perch_enc *e, struct perch_mailbox_arg arg, uint32_t items)
{
    perch_enc_word(e, "STATUS ");
    perch_mailbox_put(e, arg);
    perch_enc_sp(e);
    perch_status_put_items(e, items);
}
