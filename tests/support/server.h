/* A server that follows a script, on the same event_base as the client under test: plain,
 * TLS from the first byte, or TLS later. It can also misbehave below the script: send a few
 * bytes a turn, stop sending, cut the wire after any number of bytes. */
#ifndef PERCH_TEST_SERVER_H
#define PERCH_TEST_SERVER_H

#include "support/certs.h"

#include "perch/types.h"

struct event_base;

enum server_do {
    SERVER_END = 0, /* keeps the connection open and takes what comes */
    SERVER_SAY,     /* text; "%t" is the tag of the last command */
    SERVER_EXPECT,  /* a line "TAG text...": its command must begin like this */
    SERVER_LINE,    /* a whole line, without a tag */
    SERVER_HEAR,    /* anything at all */
    SERVER_TLS,     /* handshake */
    SERVER_TICKETS, /* TLS 1.3 session tickets, in records of their own */
    SERVER_AGAIN,   /* TLS 1.2: HelloRequest */
    SERVER_CLOSE,   /* close_notify if it is TLS, then end of file */
    SERVER_CUT,     /* end of file, without close_notify */
    SERVER_RESET,   /* RST; needs `listen` */
    SERVER_STALL    /* neither reads nor writes any more */
};

struct server_step {
    enum server_do what;
    const char *text;
};

struct server_options {
    bool listen; /* on a port of 127.0.0.1 rather than a socketpair */
    enum cert cert;
    const char *priority; /* GnuTLS; NULL: NORMAL */
    const char *alpn;     /* the one protocol it insists on; NULL: any */
    size_t chunk;         /* bytes on the wire per turn of the loop at most, 0: all */
    size_t stall_at;      /* sends so many bytes on the wire, then no more; 0: no stall */
    size_t cut_at;        /* sends so many bytes on the wire, then closes; 0: no cut */
};

struct server;

/* `steps` end with SERVER_END. `o` NULL: all defaults. Aborts when it cannot be made. */
struct server *server_new(struct event_base *base, const struct server_options *o,
                          const struct server_step *steps);
void server_free(struct server *s);

/* The client's end of the socketpair, the caller's from then on; or the port. */
int server_peer(struct server *s);
uint16_t server_port(const struct server *s);

/* All that came in clear (out of TLS), and how many bytes were sent on the wire. */
const char *server_got(struct server *s);
size_t server_sent(const struct server *s);

/* TLS alerts of the level warning that the client sent. */
unsigned server_warnings(const struct server *s);

/* The client closed its end. */
bool server_saw_end(const struct server *s);

/* Every step was taken. A line that was not what a step wants is printed, and ends the
 * connection. */
bool server_finished(const struct server *s);

/* Runs the loop until *flag is set. False after 20 s: a test that hangs fails. */
bool loop_until(struct event_base *base, const bool *flag);

/* Runs the loop until nothing is left that is ready at once. */
void loop_settle(struct event_base *base);

#endif
