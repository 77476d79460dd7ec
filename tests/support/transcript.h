/* Transcripts: a test plays the server against a session in memory.
 *
 *   static void play(struct transcript *t)
 *   {
 *       transcript_play(t, "S: * OK hi\n");
 *       transcript_started(t, perch_noop_start(t->s, transcript_done, transcript_token(t, "noop"),
 * NULL)); transcript_play(t, "C: <1> NOOP\n" "S: <1> OK done\n"); transcript_expect(t, "state
 * not-authenticated\n" "done noop ok\n");
 *   }
 *
 *   static void test_noop(void) { transcript_run(NULL, play); }
 *
 * The function runs several times: the server's bytes given whole, one by one, and in
 * random cuts. Each time the same must happen: what is sent, what is called back, how
 * often. Every op that was started must complete exactly once.
 *
 * A script is lines. "S: text" is sent by the server with a line end, "S- text" without
 * one; \r \n \0 \\ may stand in it. "C: text" must be what the session sends next, "C- text"
 * without a line end. A tag is <name>: what stands there in a C line is what it means from then on.
 * What the session sends and no C line wants is a failure. */
#ifndef PERCH_TRANSCRIPT_H
#define PERCH_TRANSCRIPT_H

#include "perch/commands.h"

#include "base/buf.h"

enum transcript_cut { TRANSCRIPT_WHOLE, TRANSCRIPT_BYTES, TRANSCRIPT_RANDOM };

struct transcript;

/* One op: its `user`. */
struct transcript_token {
    struct transcript *t;
    const char *label;
    bool started;
    unsigned runs; /* of `done` */
    int code;
    void (*on_done)(struct transcript_token *token, perch_op *op); /* beside the log */
};

struct transcript {
    perch_session *s; /* NULL once a callback freed it */
    perch_ms now;
    bool hold;   /* do not take output by yourself */
    bool quirks; /* QUIRK events are logged */
    ssize_t fed; /* what the last perch_session_feed returned */
    void *user;
    void (*on_event)(struct transcript *t, const struct perch_event *event);

    /* inside */
    enum transcript_cut cut;
    uint64_t random;
    struct perch_buf in;   /* of the server, not yet eaten */
    struct perch_buf sent; /* of the session, not yet wanted by a C line */
    struct perch_buf log, all;
    struct {
        char name[16], tag[32];
    } tags[64];
    size_t ntags;
    struct transcript_token tokens[64];
    size_t ntokens;
};

/* Runs `play` in all cuts over new sessions. NULL options: secure ones. */
void transcript_run(const struct perch_session_options *options,
                    void (*play)(struct transcript *t));

void transcript_play(struct transcript *t, const char *script);

/* Takes what the session wants to send. */
void transcript_drain(struct transcript *t);

/* Moves the time. */
void transcript_tick(struct transcript *t, perch_ms by);

/* The log since the last call must be this; see transcript.c for its lines. */
void transcript_expect_at(struct transcript *t, const char *want, const char *file, int line);
#define transcript_expect(t, want) transcript_expect_at((t), (want), __FILE__, __LINE__)

void transcript_note(struct transcript *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* For perch_X_start: done, user, and its return, which must be 0. */
void transcript_done(perch_op *op, void *user);
struct transcript_token *transcript_token(struct transcript *t, const char *label);
void transcript_started(struct transcript *t, int rc);

/* The start must be refused with this code, and `done` never run. */
void transcript_refused_at(struct transcript *t, int rc, int want, const char *file, int line);
#define transcript_refused(t, rc, want) transcript_refused_at((t), (rc), (want), __FILE__, __LINE__)

/* Greeting and login behind it, without a trace in the log. `capabilities` are told with
 * the OK to the login. */
void transcript_login(struct transcript *t, const char *capabilities);

/* SELECT of INBOX with `exists` messages, likewise. */
void transcript_select(struct transcript *t, unsigned exists);

#endif
