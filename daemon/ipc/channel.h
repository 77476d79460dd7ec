/* A channel between two processes of perchd: messages over a SOCK_STREAM socketpair, each
 * a fixed header (length, type) and a JSON object, with at most one file descriptor
 * beside it. Sizes and types are checked; a peer that breaks the format is a closed
 * channel. */
#ifndef PERCHD_IPC_CHANNEL_H
#define PERCHD_IPC_CHANNEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct ipc_channel;

/* X(name): who sends it, its fields. */
#define IPC_MESSAGES(X)                                                                            \
    X(CONFIG)      /* runner: {config: {...}} (config/transfer.h); first message, and on reload */ \
    X(LISTENER)    /* runner: {} + fd of the control socket's listener */                          \
    X(SECRET_WANT) /* engine: {account, fresh: bool}; fresh: the last one was refused */           \
    X(SECRET)      /* runner: {account, secret} or {account, error} */                             \
    X(HOOK_RUN)    /* engine: {run, generation, hook, attempt, event | events: [...]} */           \
    X(HOOK_RESULT) /* runner: {run, ok, exit | signal | error, seconds, output}; kept by the       \
                      runner and sent again after a restart of the engine until acknowledged */    \
    X(HOOK_ACK)    /* engine: {run} */                                                             \
    X(STATUS)      /* engine: {ready: bool, text} for the service manager */                       \
    X(STOP)        /* runner: {}; the engine finishes its transactions and answers */              \
    X(STOPPED)     /* engine: {} and then end of file */

enum ipc_type {
    IPC_NONE = 0,
#define IPC_ENUM(name) IPC_##name,
    IPC_MESSAGES(IPC_ENUM)
#undef IPC_ENUM
        IPC_TYPE_COUNT
};

/* Results are JSON: `output` is valid UTF-8 without controls but line feeds and tabs.
 *
 * A run is known by hook, event and attempt: an engine that was started again, or got a new
 * CONFIG, asks for what it has no result of, and the runner answers from what it kept, or joins
 * the run that goes on. Before it is asked it tells nothing. */

#define IPC_MESSAGE_MAX (16u << 20) /* a batch of 100 events with long subjects is under 1 MiB */

struct ipc_hooks {
    /* `body` is borrowed; `fd` is -1 or the callee's to close. */
    void (*on_message)(struct ipc_channel *ch, enum ipc_type type, json_t *body, int fd,
                       void *user);
    /* End of file or a broken format (`why`); once. */
    void (*on_closed)(struct ipc_channel *ch, const char *why, void *user);
};

/* Takes `fd`, which is closed on failure too. NULL when out of memory. */
struct ipc_channel *ipc_new(struct event_base *base, int fd, const struct ipc_hooks *hooks,
                            void *user);
void ipc_free(struct ipc_channel *ch); /* legal inside its hooks */

/* Queues a message; takes the reference `body` and a duplicate of `fd` (-1: none).
 * Messages are never dropped while the channel lives. `secret`: the buffer that held it
 * is wiped once it left. 0, or -1 with errno: EPIPE, the peer is gone and on_closed will say
 * so; ENOBUFS, it is too large or memory ran out (`body` NULL counts as that). */
int ipc_send(struct ipc_channel *ch, enum ipc_type type, json_t *body, int fd, bool secret);

/* JSON memory is wiped when it is given back: messages may hold passwords. Before anything
 * else of jansson is used. */
void ipc_wipe_freed_json(void);

/* Bytes queued and not yet taken by the peer. */
size_t ipc_pending(const struct ipc_channel *ch);

#endif
