/* One loading of a configuration: what config.c, hook.c and account.c share while they turn
 * nodes into structs. Private to config/. */
#ifndef PERCHD_CONFIG_BUILD_H
#define PERCHD_CONFIG_BUILD_H

#include "config/schema.h"

struct config_build {
    struct schema s; /* first: readers get it and find the rest around it */
    struct config *c;
    const struct yaml_node *hooks, *defaults,
        *accounts; /* read in this order, whatever the file's */
    size_t hooks_room;
    struct config_hook **named; /* the file's hooks by name, for lookups */
    size_t nnamed;
    bool exposed; /* others can read the file */
};

static inline struct config_build *config_build_of(struct schema *s)
{
    return (struct config_build *)s;
}

/* config.c: an empty configuration and the arena that all of it lives in. */
struct config *config_new(struct perch_arena **ret_arena);

/* hook.c */
int config_read_hooks(struct config_build *b);
/* `hooks:` of an account; replaces the bindings. */
int config_read_bindings(struct config_build *b, const struct yaml_node *map,
                         struct config_account *a);
int config_read_patterns(struct schema *s, const struct yaml_node *v, void *field);

/* Names of hooks and accounts stand in logs and in command lines. */
int config_check_name(struct schema *s, const struct yaml_node *key);

/* account.c */
int config_read_accounts(struct config_build *b);

/* paths.c, all allocated. The directory a file lies in, absolute. */
char *config_directory(const char *file);
/* By the values of a file that has been read, NULL where it has none. */
char *config_state_path(const char *option, const char *from_file);
char *config_socket_path(const char *option, const char *from_file, const char *state);

/* provider.c: the IMAP server of a mail domain; NULL: not one of the well-known. */
const char *config_provider_host(const char *domain);

#endif
