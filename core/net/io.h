/* A connected stream: the descriptor, what came (`rx`), what has to leave, and TLS between
 * them once it is asked for. The life of a line begins here.
 *
 * One recv and one send per turn of the loop; the buffers are given back while nothing is
 * in them. Every end (end of file, reset, TLS, memory) comes through on_end, from the loop
 * and never from inside a call, so that callers of perch_io_send have nothing to check. */
#ifndef PERCH_NET_IO_H
#define PERCH_NET_IO_H

#include "base/buf.h"
#include "net/loop.h"
#include "net/tls.h"

/* A return of false says that the io is gone: closed or freed. */
struct perch_io_hooks {
    /* Bytes were added to io->rx; take what can be used with perch_buf_consume. */
    bool (*on_data)(void *user);
    /* TLS is up. */
    bool (*on_tls)(void *user);
    /* All of the output has left, after some had to wait. */
    void (*on_drained)(void *user);
    /* The stream has ended and *error says why. Close it. */
    void (*on_end)(void *user);
};

struct perch_io {
    int fd; /* -1: closed */
    struct perch_loop *loop;
    struct perch_watch watch;
    const struct perch_io_hooks *hooks;
    void *user;
    struct perch_error *error; /* the owner's */
    const char *host;          /* for words */

    struct perch_buf rx;  /* what the server said, in clear */
    struct perch_buf cin; /* what came and is not decrypted yet */
    struct perch_buf out; /* what has to leave, as it goes on the wire */
    struct perch_tls *tls;
    bool handshaking;
    bool blocked; /* the kernel is full: EV_WRITE is on */
    bool ended;   /* nothing more can be written; on_end follows in the next turn */
    bool paused;  /* nothing is read: the kernel's buffers fill up, and the server waits */
    bool behind;  /* reading goes on: first with what the pause left in the buffers */

    perch_ms last_heard; /* 0: never */
    uint64_t bytes_in, bytes_out;
};

/* Takes a connected, stream-oriented `fd` and starts to listen to it; `host` and *error
 * must outlive the io. */
void perch_io_init(struct perch_io *io, struct perch_loop *loop, int fd, const char *host,
                   const struct perch_io_hooks *hooks, void *user, struct perch_error *error);

/* Says goodbye to TLS, sends what can be sent at once and closes; no hook runs any more.
 * rx stays, because a hook may be reading it: perch_io_done frees that too. Both are
 * harmless on a closed io and on one of all zeros. */
void perch_io_close(struct perch_io *io);
void perch_io_done(struct perch_io *io);

/* Starts TLS; on_tls follows. Nothing may stand in rx. PERCH_OK or the code in *error. */
int perch_io_start_tls(struct perch_io *io, const struct perch_tls_config *config);

/* Sends bytes, or keeps them to be sent, and returns how many it took. 0: enough waits
 * already and on_drained follows, or on_tls or on_end. */
size_t perch_io_send(struct perch_io *io, const char *p, size_t n);

/* Reads no more, and then again, from the loop's next turn on. What was read before stays in
 * the buffers: on_data runs for it first, so that they never hold more than one turn brings.
 * An end that only reading would show is told after the pause. */
void perch_io_pause(struct perch_io *io);
void perch_io_resume(struct perch_io *io);

/* "TLS1.3 AES-256-GCM 127.0.0.1:993", "no TLS [::1]:143", "no TLS" for other sockets. */
void perch_io_describe(const struct perch_io *io, char *out, size_t room);

/* Is the other end on this machine? (127/8, ::1, Unix sockets) */
bool perch_io_is_local(const struct perch_io *io);

#endif
