/* Authentication mechanisms: which one, and one exchange. The only door to libgsasl.
 *
 * A mechanism is a row of a table, strongest first. A choice is made once: if the chosen
 * one fails, nothing weaker is tried. */
#ifndef PERCH_SASL_SASL_H
#define PERCH_SASL_SASL_H

#include "perch/error.h"

#include "base/buf.h"

/* What the caller knows; spans are UTF-8, authzid.p == NULL: none. */
struct perch_sasl_creds {
    struct perch_span user, password, authzid;
};

struct perch_sasl_mech {
    const char *name;   /* as callers and configurations write it */
    bool is_command;    /* the LOGIN command: no exchange at all */
    bool client_first;  /* its first message may go with the command (RFC 4959) */
    unsigned responses; /* messages of ours at most */
    /* Can these credentials be used with it? NULL: any. */
    bool (*fits)(const struct perch_sasl_creds *creds);
};

/* Does the server advertise that capability? */
typedef bool perch_sasl_offer_fn(const void *user, const char *capability);

/* The first of `names` (none: all that perch has, strongest first) that the server offers
 * and the credentials fit. NULL with *e filled (PERCH_EAUTH, reason "no-mech"). */
const struct perch_sasl_mech *perch_sasl_choose(const char *const *names, size_t n,
                                                const struct perch_sasl_creds *creds,
                                                perch_sasl_offer_fn *offers, const void *user,
                                                struct perch_error *e);

/* ---- one exchange ---- */

typedef struct perch_sasl perch_sasl;

/* Copies the credentials. NULL with *e filled. */
perch_sasl *perch_sasl_new(const struct perch_sasl_mech *mech, const struct perch_sasl_creds *creds,
                           struct perch_error *e);
void perch_sasl_free(perch_sasl *x); /* NULL is fine */

/* Answers a challenge (both without base64); the first message of a client-first mechanism
 * answers the empty one. `response` should be a secret buffer. PERCH_EPROTO: the server
 * asks for more than the mechanism has, or for what it cannot; PERCH_ENOMEM. */
int perch_sasl_step(perch_sasl *x, struct perch_span challenge, struct perch_buf *response,
                    struct perch_error *e);

/* All was said that must be before the server's OK means anything. */
bool perch_sasl_done(const perch_sasl *x);

#endif
