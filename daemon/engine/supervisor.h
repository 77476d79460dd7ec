/* All accounts: started at a pace, reloaded by difference. */
#ifndef PERCHD_ENGINE_SUPERVISOR_H
#define PERCHD_ENGINE_SUPERVISOR_H

#include "engine/account.h"

struct supervisor;

struct supervisor_hooks {
    /* account_host's of the same names. */
    void (*want_secret)(struct account *a, bool fresh, void *user);
    void (*publish)(const struct emission *e, void *user);
    void (*store_broke)(void *user);
    void (*stopped)(void *user); /* after supervisor_stop: all accounts are */
};

/* NULL when out of memory. */
struct supervisor *supervisor_new(struct event_base *base, struct store *store,
                                  const struct supervisor_hooks *hooks, void *user);

/* Ends all accounts at once. Their jobs may still be with the store, which has to be closed
 * before the supervisor is freed. */
void supervisor_close(struct supervisor *s);
void supervisor_free(struct supervisor *s);

/* Takes up the configuration, which must live until another one was taken up: accounts that are
 * new are started, those that are gone or whose connection would be another one now are ended,
 * the others go on. -1 when out of memory; nothing has changed then. */
int supervisor_use(struct supervisor *s, const struct config *config);

/* LOGOUT everywhere; hooks.stopped when that is over. */
void supervisor_stop(struct supervisor *s);

/* The account of that key, or NULL. */
struct account *supervisor_find(const struct supervisor *s, const char *key);

/* How many there are and how many of them are well. */
void supervisor_count(const struct supervisor *s, size_t *ret_all, size_t *ret_well);

/* A JSON array, see status.c. */
json_t *supervisor_status(const struct supervisor *s);

#endif
