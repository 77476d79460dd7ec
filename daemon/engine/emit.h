/* Events on their way out: into the store inside a job, to followers and hooks once the
 * job is durable. */
#ifndef PERCHD_ENGINE_EMIT_H
#define PERCHD_ENGINE_EMIT_H

#include "hooks/event.h"
#include "store/store.h"

/* A hook and the kinds that it gets of one mailbox (or of the account). */
struct route {
    uint32_t kinds;   /* EVENT_BIT()s */
    unsigned hook;    /* index in config.hooks of the generation it was made from */
    const char *name; /* of the hook */
};

/* An event that a job wrote. */
struct emitted {
    struct emitted *next;
    int64_t seq;
    enum event_kind kind;
    int64_t mailbox; /* row id, 0 for account events */
    const char *json;
    const struct route *routes; /* of the emission when it was written */
    size_t nroutes;
};

/* Where the events of a job come from and what became of them. All pointers are in `arena`
 * or outlive it: a job shares nothing with the loop. */
struct emission {
    struct perch_arena *arena;
    const char *account; /* key */
    int64_t account_id;
    uint64_t generation; /* of the configuration that `routes` was made from */
    const struct route *routes;
    size_t nroutes;
    int64_t now_ms;                /* wall clock */
    struct emitted *first, **last; /* in seq order; `last` is NULL while there is none */
};

/* Writes `ev` with its deliveries and appends it to e->first. The caller sets what tells events
 * apart (kind, uid, modseq, flags, ...); id, seq, time, account and mailbox are set here, the
 * latter from `m` (NULL for account events). `x` is the part of the identity that CONTRACTS
 * gives to the kind, NULL where that is the seq. An event whose id is in the log already is not
 * written again. 0 or -1. */
int emit_event(struct store_tx *tx, struct emission *e, struct event *ev,
               const struct store_mailbox *m, const char *x);

/* What an account's bindings make of a mailbox, in `a`: one route per hook. `mailbox` NULL: the
 * events of the account itself, which no hook's mailbox patterns keep away. */
struct route_mailbox {
    const char *name;
    char delimiter;
    const char *prefix;
    const char *role;
};

int routes_make(const struct config *config, const struct config_account *account,
                const struct route_mailbox *mailbox, struct perch_arena *a,
                const struct route **ret_routes, size_t *ret_n);

#endif
