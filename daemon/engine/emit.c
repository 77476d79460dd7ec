#include "engine/emit.h"

#include "base/span.h"

#include <stdio.h>

static const char *mailbox_identity(const struct store_mailbox *m)
{
    return m->mailboxid && *m->mailboxid ? m->mailboxid : NULL;
}

static void set_mailbox(struct event *ev, struct event_identity *i, const struct store_mailbox *m)
{
    const char *id = mailbox_identity(m);

    i->mailbox = id ? perch_span_of(id) : m->raw;
    ev->has_mailbox = true;
    ev->mailbox = m->name;
    ev->role = m->role;
    if (!ev->uidvalidity)
        ev->uidvalidity = m->uidvalidity;
    i->uidvalidity = ev->uidvalidity;
}

static int add_deliveries(struct store_tx *tx, const struct emission *e, const struct emitted *out)
{
    for (size_t i = 0; i < out->nroutes; i++) {
        const struct route *r = &out->routes[i];

        if ((r->kinds & EVENT_BIT(out->kind)) &&
            store_delivery_add(tx, out->seq, r->name, e->account_id, out->mailbox, e->now_ms) < 0)
            return -1;
    }
    return 0;
}

static void append(struct emission *e, struct emitted *out)
{
    if (e->last)
        *e->last = out;
    else
        e->first = out;
    e->last = &out->next;
}

static int write_event(struct store_tx *tx, struct emission *e, struct event *ev, int64_t mailbox)
{
    struct emitted *out = perch_arena_zalloc(e->arena, sizeof *out);
    char *json = event_json(ev, e->arena);
    struct store_event row = {
        .id = ev->id,
        .kind = ev->kind,
        .account = e->account_id,
        .mailbox = mailbox,
        .uid = ev->uid,
        .time_ms = ev->time_ms,
        .json = json,
    };

    int added = out && json ? store_event_add(tx, ev->seq, &row) : -1;

    if (added <= 0)
        return added;
    out->seq = ev->seq;
    out->kind = ev->kind;
    out->mailbox = mailbox;
    out->json = json;
    out->routes = e->routes;
    out->nroutes = e->nroutes;
    if (add_deliveries(tx, e, out) < 0)
        return -1;
    append(e, out);
    return 0;
}

int emit_event(struct store_tx *tx, struct emission *e, struct event *ev,
               const struct store_mailbox *m, const char *x)
{
    struct event_identity identity = {
        .account = e->account,
        .uid = ev->uid,
        .kind = ev->kind,
        .x = x,
    };
    char id[EVENT_ID_SIZE], seq[24];

    if (m)
        set_mailbox(ev, &identity, m);
    if (store_event_next_seq(tx, &ev->seq) < 0)
        return -1;
    if (!x) {
        (void)snprintf(seq, sizeof seq, "%lld", (long long)ev->seq);
        identity.x = seq;
    }
    event_id(&identity, id);
    ev->id = id;
    ev->account = e->account;
    ev->time_ms = e->now_ms;
    return write_event(tx, e, ev, m ? m->id : 0);
}

/* ---- routes ---- */

static bool hook_takes(const struct config_hook *hook, const struct route_mailbox *m)
{
    return !m || !hook->mailboxes ||
           mailbox_chosen(hook->mailboxes, m->name, m->delimiter, m->prefix, m->role);
}

static struct route *route_of(struct route *routes, size_t n, unsigned hook)
{
    for (size_t i = 0; i < n; i++)
        if (routes[i].hook == hook)
            return &routes[i];
    return NULL;
}

int routes_make(const struct config *config, const struct config_account *account,
                const struct route_mailbox *mailbox, struct perch_arena *a,
                const struct route **ret_routes, size_t *ret_n)
{
    struct route *routes = perch_arena_array(a, account->nbindings, sizeof *routes);
    size_t n = 0;

    if (!routes && account->nbindings)
        return -1;
    for (size_t i = 0; i < account->nbindings; i++) {
        const struct config_binding *b = &account->bindings[i];
        const struct config_hook *hook = &config->hooks[b->hook];
        struct route *r = route_of(routes, n, b->hook);

        if (r) {
            r->kinds |= b->kinds;
            continue;
        }
        if (!hook_takes(hook, mailbox))
            continue;
        routes[n] = (struct route){.kinds = b->kinds, .hook = b->hook};
        routes[n].name = perch_arena_strndup(a, hook->name, strlen(hook->name));
        if (!routes[n++].name)
            return -1;
    }
    *ret_routes = routes;
    *ret_n = n;
    return 0;
}
