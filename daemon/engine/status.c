/* The answer to {"cmd":"status"} is {"ok":true, "version", "accounts": [account...]}.
 *
 * account:
 *   account            its key
 *   healthy            logged in, and all that is watched is known
 *   state              opening queued secret connecting login listing syncing watching waiting
 *                      auth-error stopping stopped
 *   strategy           "idle" or "poll"; null while not logged in
 *   connection         what the link is, for people: "TLS1.3 ... 127.0.0.1:993"; null without one
 *   last_heard_ms_ago  since the server's last byte; null: never
 *   last_sync_ms_ago   since something of it was last written to the store; null: never
 *   reconnect_in_ms    until the next attempt; null when connected
 *   error              {class, reason, text} of what is wrong now; null when nothing is
 *   messages           known in all its mailboxes
 *   mailboxes          watched, the one with pushes first:
 *     name, role         UTF-8; "\\Junk" or null
 *     messages           known
 *     uidvalidity, uidnext, highestmodseq   as stored, 0: not told
 *     sync               "none", "initial" (first contact under way), "done"
 *     below              "initial": UIDs below are still to come; null else
 *     watched            false: it cannot be, see the log
 *
 * Deliveries are counted from the database, by whoever asks. */
#include "engine/status.h"

#include "engine/watch.h"

#include "base/clock.h"

static bool mailbox_well(const struct mailbox *m)
{
    return m->unusable || m->absences || (m->met && m->known.sync == STORE_SYNC_DONE);
}

bool status_healthy(const struct account *a)
{
    if (a->state != ACCOUNT_SYNCING && a->state != ACCOUNT_WATCHING)
        return false;
    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m)
        if (!mailbox_well(m))
            return false;
    return true;
}

static const char *sync_name(enum store_sync sync)
{
    switch (sync) {
    case STORE_SYNC_NONE:
    case STORE_SYNC_DELETED:
        return "none";
    case STORE_SYNC_INITIAL:
    case STORE_SYNC_AGAIN:
        return "initial";
    case STORE_SYNC_DONE:
        return "done";
    }
    return "none";
}

static json_t *number_or_null(int64_t n, bool known)
{
    return known ? json_integer(n) : json_null();
}

static json_t *mailbox_json(const struct mailbox *m)
{
    return json_pack(
        "{s:s, s:s?, s:I, s:I, s:I, s:I, s:s, s:o, s:b}", "name", m->name, "role", m->role,
        "messages", (json_int_t)m->known.messages, "uidvalidity", (json_int_t)m->known.uidvalidity,
        "uidnext", (json_int_t)m->known.uidnext, "highestmodseq",
        (json_int_t)m->known.highestmodseq, "sync", sync_name(m->known.sync), "below",
        number_or_null(m->initial_below, mailbox_unfinished(m)), "watched", mailbox_usable(m));
}

static json_t *mailboxes_json(const struct account *a, json_int_t *ret_messages)
{
    json_t *list = json_array();

    *ret_messages = 0;
    PERCH_LIST_EACH(&a->mailboxes, struct mailbox, link, m) {
        *ret_messages += (json_int_t)m->known.messages;
        (void)json_array_append_new(list, mailbox_json(m));
    }
    return list;
}

/* The byte that came last may be of a connection that is gone. */
static json_t *heard_json(const struct account *a, int64_t now)
{
    int64_t heard = a->client ? perch_client_last_heard(a->client) : 0;

    if (!heard)
        heard = a->last_heard;
    return number_or_null(now - heard, heard != 0);
}

json_t *status_account(const struct account *a)
{
    int64_t now = perch_clock_ms();
    bool waits = a->state == ACCOUNT_WAITING || a->state == ACCOUNT_HELD;
    json_int_t messages;
    json_t *mailboxes = mailboxes_json(a, &messages);

    return json_pack("{s:s, s:b, s:s, s:s?, s:s?, s:o, s:o, s:o, s:o?, s:I, s:o}", "account",
                     a->cfg->key, "healthy", status_healthy(a), "state",
                     account_state_name(a->state), "strategy",
                     account_connected(a) ? a->watch->name : NULL, "connection",
                     a->client ? perch_client_describe(a->client) : NULL, "last_heard_ms_ago",
                     heard_json(a, now), "last_sync_ms_ago",
                     number_or_null(now - a->last_sync, a->last_sync != 0), "reconnect_in_ms",
                     number_or_null(a->timer_at - now, waits), "error",
                     a->trouble && !account_connected(a) ? trouble_json(a->trouble) : json_null(),
                     "messages", messages, "mailboxes", mailboxes);
}
