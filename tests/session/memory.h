/* A session whose server says yes to everything, for sweeps of refused allocations. */
#ifndef PERCH_TEST_SESSION_MEMORY_H
#define PERCH_TEST_SESSION_MEMORY_H

#include "support/failmem.h"
#include "support/perch_test.h"

#include "perch/commands.h"

struct run {
    perch_session *s; /* NULL: there was no memory for one */
    unsigned started, done;
    int failed; /* the first code that was not success */
};

static inline void run_done(perch_op *op, void *user)
{
    struct run *r = user;

    r->done++;
    if (perch_op_code(op) && !r->failed)
        r->failed = perch_op_code(op);
}

/* What a start returned. */
static inline void run_note(struct run *r, int rc)
{
    if (rc == 0)
        r->started++;
    else if (!r->failed)
        r->failed = rc;
}

static inline void run_say(struct run *r, const char *text)
{
    ssize_t n = perch_session_feed(r->s, (const uint8_t *)text, strlen(text));

    if (n < 0 && !r->failed)
        r->failed = (int)n;
}

/* Takes all output; the tag of the first command in it, "" if there is none. */
static inline void run_take(struct run *r, char tag[32])
{
    tag[0] = '\0';
    for (;;) {
        struct perch_span out = perch_session_output(r->s), line = out, word;

        if (!out.n)
            return;
        word = perch_span_cut(&line, ' ');
        if (!tag[0] && word.n < 32)
            (void)snprintf(tag, 32, "%.*s", (int)word.n, word.p);
        perch_session_sent(r->s, out.n);
    }
}

/* Answers the command that leaves: with something untagged, then OK and perhaps a code. */
static inline void run_answer(struct run *r, const char *untagged, const char *code)
{
    char tag[32], more[32], line[128];

    run_take(r, tag);
    run_say(r, untagged);
    run_take(r, more); /* a literal, perhaps */
    (void)snprintf(line, sizeof line, "%s OK %s done\r\n", tag, code);
    if (tag[0])
        run_say(r, line);
}

/* Logged in, INBOX selected with nine messages. */
static inline void run_begin(struct run *r, const char *capabilities)
{
    struct perch_session_options options = PERCH_SESSION_OPTIONS_INIT;
    struct perch_auth_args who = PERCH_AUTH_ARGS_INIT;
    struct perch_select_args select = PERCH_SELECT_ARGS_INIT;

    options.secure = true;
    r->s = perch_session_new(&options, NULL, NULL, 0);
    if (!r->s)
        return;
    who.user = PERCH_SPAN("ann");
    who.password = PERCH_SPAN("secret");
    select.mailbox = PERCH_SPAN("INBOX");
    run_say(r, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    run_note(r, perch_authenticate_start(r->s, &who, run_done, r, NULL));
    run_answer(r, capabilities, "");
    run_note(r, perch_select_start(r->s, &select, run_done, r, NULL));
    run_answer(r, "* 9 EXISTS\r\n", "");
}

/* What the sweep wants to know. */
static inline int run_end(struct run *r)
{
    perch_session_free(r->s);
    if (r->started != r->done)
        FAIL_ROW("%u ops were started and %u completed", r->started, r->done);
    /* What a failure brings after it (no login, no mailbox) is a consequence of it. */
    return r->failed ? PERCH_ENOMEM : 0;
}

#endif
