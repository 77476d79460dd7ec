/* The inside of a client, for the files of this room.
 *
 * Everything that may call the user is framed by perch_client_enter and perch_client_leave.
 * Freed inside a callback, a client is doomed: it is closed at once and freed when the
 * outermost frame, or the blocking call around it, leaves. */
#ifndef PERCH_CLIENT_CLIENT_H
#define PERCH_CLIENT_CLIENT_H

#include "perch/client.h"

#include "net/dial.h"
#include "net/io.h"
#include "net/loop.h"

/* In an order where ranges mean something. */
enum perch_phase {
    PERCH_PHASE_NEW = 0,
    PERCH_PHASE_DIALLING,
    PERCH_PHASE_TLS,      /* implicit TLS */
    PERCH_PHASE_GREETING, /* the session runs; STARTTLS happens here */
    PERCH_PHASE_OPEN,
    PERCH_PHASE_CLOSED
};

struct perch_client {
    struct perch_client_options options; /* host and tls_name are copies of ours */
    struct perch_client_hooks hooks;
    void *user;

    enum perch_phase phase;
    unsigned depth; /* frames on the stack */
    bool waiting;   /* a blocking call runs the loop */
    bool doomed;    /* freed inside a callback or a blocking call */
    bool quiet;     /* closed by the user: on_closed has nothing to tell */
    bool switching; /* STARTTLS was answered OK */
    bool starttls_done;
    uint64_t events; /* delivered */

    struct perch_loop loop;
    struct perch_dial *dial; /* NULL but while dialling */
    struct perch_io io;
    perch_session *session;
    perch_op *starttls;       /* NULL: not asked for, or answered */
    struct perch_error error; /* why it is over */
    char description[112];

    /* One timer for all: the handshake's deadline and the session's. */
    struct perch_timer timer;
    perch_ms armed_for;    /* PERCH_NEVER: off */
    perch_ms tls_deadline; /* PERCH_NEVER: no handshake is on */

    perch_connected_fn *connected; /* NULL once it was told */
    void *connected_user;
};

/* ---- client.c ---- */

void perch_client_enter(perch_client *c);

/* The outermost leave does what the frame left to do (conn.c: perch_conn_settle). False:
 * the client was freed. */
bool perch_client_leave(perch_client *c);

/* Inside a callback, of the client or of its session, or inside a blocking call? */
bool perch_client_inside(const perch_client *c);

/* ---- conn.c ---- */

int perch_conn_start(perch_client *c);

/* Tells the session the time, sends what it has to send, notices its end, stops and starts
 * reading as it asks, sets the timer. */
void perch_conn_settle(perch_client *c);

/* The connection is over and c->error says why: closes, completes all ops, tells. */
void perch_conn_end(perch_client *c);

/* ---- wait.c ---- */

/* Runs the loop until over(user), or for `timeout` ms (PERCH_NEVER: without end). 0;
 * PERCH_ETIMEOUT; PERCH_EREENTRANT; PERCH_ECANCELLED: the client was freed meanwhile, and
 * `c` is gone. */
int perch_client_run(perch_client *c, perch_ms timeout, bool (*over)(void *user), void *user);

#endif
