/* A store in a directory, with events as a test writes them. */
#ifndef PERCH_TESTS_STORE_FILL_H
#define PERCH_TESTS_STORE_FILL_H

#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>

#define FILL_TIME INT64_C(1795392000000) /* of event 0; each next is a second later */

struct fill {
    struct store *store;
    struct perch_arena arena;
    int64_t account, mailbox;
    const char *json; /* of the next event; NULL: {"seq":N} */
    enum event_kind kind;
    int64_t seq; /* of the last event */
};

static inline int fill_begin_job(struct store_tx *tx, void *arg)
{
    struct fill *f = arg;
    struct store_account account;
    struct store_mailbox mailbox = {.raw = {"INBOX", 5}, .name = "INBOX", .delimiter = '/'};
    struct store_mailbox found;
    bool anew;

    if (store_account_open(tx, "work", "anna", "imap.example.org", &account, &f->arena, &anew) != 0)
        return -1;
    mailbox.account = f->account = account.id;
    if (store_mailbox_find(tx, account.id, mailbox.raw, &f->arena, &found) == 1) {
        f->mailbox = found.id;
        return 0;
    }
    if (store_mailbox_put(tx, &mailbox) != 0)
        return -1;
    f->mailbox = mailbox.id;
    return 0;
}

static inline int fill_event_job(struct store_tx *tx, void *arg)
{
    struct fill *f = arg;
    struct store_event event = {.kind = f->kind, .account = f->account, .mailbox = f->mailbox};
    char id[32], json[64];

    if (store_event_next_seq(tx, &f->seq) != 0)
        return -1;
    (void)snprintf(id, sizeof id, "e1-%" PRId64, f->seq);
    (void)snprintf(json, sizeof json, "{\"seq\":%" PRId64 "}", f->seq);
    event.id = id;
    event.json = f->json ? f->json : json;
    event.time_ms = FILL_TIME + f->seq * 1000;
    return store_event_add(tx, f->seq, &event) == 1 ? 0 : -1;
}

/* True when the store of `dir` is open, with account "work" and its INBOX. */
static inline bool fill_open(struct fill *f, const char *dir)
{
    struct store_error error;

    *f = (struct fill){.kind = EVENT_NEW};
    perch_arena_init(&f->arena, 0);
    return store_open(dir, NULL, &f->store, &error) == 0 &&
           store_run(f->store, fill_begin_job, f) == 0;
}

static inline bool fill_event(struct fill *f, const char *json)
{
    f->json = json;
    return store_run(f->store, fill_event_job, f) == 0;
}

static inline void fill_close(struct fill *f)
{
    store_close(f->store);
    perch_arena_done(&f->arena);
}

#endif
