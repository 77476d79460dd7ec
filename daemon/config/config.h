/* The configuration as perchd uses it. The runner reads YAML (config_load); the engine
 * gets the part it needs, without secrets and without anything that could be run, as JSON
 * over the socketpair (transfer.h) and holds the same structs. */
#ifndef PERCHD_CONFIG_H
#define PERCHD_CONFIG_H

#include "log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "FILE:LINE:COLUMN: reason", one line. */
struct config_error {
    char text[1024];
};

enum config_secret_kind {
    SECRET_NONE,
    SECRET_PLAIN,
    SECRET_COMMAND,
    SECRET_FILE,
    SECRET_CREDENTIAL
};

struct config_secret {
    enum config_secret_kind kind;
    char **argv; /* COMMAND, NULL-terminated */
    char *text;  /* PLAIN: the secret; FILE: absolute path; CREDENTIAL: name */
};

/* Event kinds, in the order of CONTRACTS. X(name, text) */
/* clang-format off */
#define EVENT_KINDS(X)                                                                             \
    X(NEW, "new") X(FLAGS, "flags") X(DELETED, "deleted") X(MOVED, "moved")                        \
    X(MAILBOX_CREATED, "mailbox-created") X(MAILBOX_DELETED, "mailbox-deleted")                    \
    X(MAILBOX_RENAMED, "mailbox-renamed") X(RESET, "reset") X(CONNECTED, "connected")              \
    X(DISCONNECTED, "disconnected") X(AUTH_ERROR, "auth-error") X(RECOVERED, "recovered")
/* clang-format on */

enum event_kind {
#define EVENT_KIND_ENUM(name, text) EVENT_##name,
    EVENT_KINDS(EVENT_KIND_ENUM)
#undef EVENT_KIND_ENUM
        EVENT_KIND_COUNT
};

#define EVENT_BIT(kind) (1u << (kind))
#define EVENT_ANY       0xfu /* the four message kinds */
#define EVENT_ALL       ((1u << EVENT_KIND_COUNT) - 1)

const char *event_kind_name(enum event_kind kind);
bool event_kind_parse(const char *text, enum event_kind *ret);

struct config_hook {
    char *name;      /* of the file, or ACCOUNT.KIND.N for an inline one */
    unsigned number; /* index in config.hooks; what engine and runner call it */
    char **run;      /* argv templates, NULL-terminated; runner only */
    char **env;      /* NAME=VALUE; runner only */
    char **pass_env; /* names; runner only */
    int64_t timeout_ms;
    int64_t retry_for_ms, backoff_min_ms, backoff_max_ms;
    int64_t hold_ms;    /* INT64_MAX: for ever */
    int64_t max_age_ms; /* 0: none */
    char **mailboxes;   /* patterns; NULL: all watched */
};

struct config_binding {
    uint32_t kinds; /* EVENT_BIT()s */
    unsigned hook;  /* index in config.hooks */
};

enum config_tls { TLS_MODE_IMPLICIT, TLS_MODE_STARTTLS, TLS_MODE_NONE };
enum config_watch { WATCH_AUTO, WATCH_NOTIFY, WATCH_IDLE, WATCH_POLL };
enum config_first_run { FIRST_RUN_QUIET, FIRST_RUN_UNSEEN, FIRST_RUN_ALL };

struct config_account {
    char *key;
    char *user, *host;
    uint16_t port;
    enum config_tls tls;
    char *ca_file; /* NULL: the system's store */
    char *ca_pem;  /* contents of ca_file, read by the runner */
    bool tls_verify;
    bool allow_cleartext;
    char **auth;      /* mechanism names in upper case, NULL-terminated; NULL: auto */
    char **mailboxes; /* patterns; NULL: the default choice */
    enum config_watch watch;
    int64_t renew_ms, poll_ms, rescan_ms;
    enum config_first_run first_run;
    struct config_secret password; /* runner only; kind alone is meaningful in the engine */
    struct config_binding *bindings;
    size_t nbindings;
};

struct config {
    uint64_t generation; /* counts loads in this process */
    char *file;
    char *state;  /* directory, absolute */
    char *socket; /* absolute */
    enum log_level log_level;
    char **trace; /* accounts whose protocol is logged */
    unsigned max_connections, connects_per_second, max_hooks;
    int64_t retain_events_ms, retain_dead_ms, retain_gone_ms;
    struct config_hook *hooks;
    size_t nhooks;
    struct config_account *accounts;
    size_t naccounts;
};

/* What overrides the file, from the command line and the environment. */
struct config_paths {
    const char *config; /* --config or the default place */
    const char *state;  /* --state or NULL */
};

/* 0 with *ret_config, or -1 with the error. Warnings (an inline secret) are logged. */
int config_load(const struct config_paths *paths, struct config **ret_config,
                struct config_error *error);
void config_free(struct config *c);

/* The same for a text that would stand in the file `paths->config`; who could read that file
 * is not asked. */
int config_parse(const struct config_paths *paths, const char *text, size_t len,
                 struct config **ret_config, struct config_error *error);

/* The file that would be read: --config, else $XDG_CONFIG_HOME/perch/perchd.yaml (for a user
 * who has one), else /etc/perch/perchd.yaml. Allocated. */
char *config_default_file(void);

/* The state directory and the control socket for programs that run without reading the
 * whole configuration strictly: the same precedence as CONTRACTS section 2. Allocated. */
int config_find_paths(const char *config, const char *state, const char *socket, char **ret_state,
                      char **ret_socket);

/* Mailbox patterns (CONTRACTS section 3): `/` stands for `delimiter`, `*` within a level,
 * `**` any depth, `\Role`, `!` excludes, the last match wins, with or without the personal
 * `prefix` ("" if none). `role` is "\\Junk" or NULL. True if the list chooses the name. NULL,
 * or a list that begins with an exclusion, starts from the default choice: all but \All,
 * \Important and \Flagged. */
bool mailbox_chosen(char *const *patterns, const char *name, char delimiter, const char *prefix,
                    const char *role);

#endif
