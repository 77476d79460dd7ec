/* Errors of libperch.
 *
 * Functions return 0 or one of the negative codes below. Where more is known the
 * object (session, client, op) has a struct perch_error, which answers the two
 * questions a caller has: what is hurt, and what to do about it.
 *
 * IMAPClient's exceptions: IMAPClientError -> any code; IMAPClientAbortError ->
 * radius PERCH_HITS_CONNECTION; IMAPClientReadOnlyError -> PERCH_EREADONLY;
 * CapabilityError -> PERCH_ECAPABILITY; LoginError -> PERCH_EAUTH; IllegalStateError
 * -> PERCH_ESTATE; InvalidCriteriaError -> PERCH_ECRITERIA; ProtocolError ->
 * PERCH_EPROTO. */
#ifndef PERCH_ERROR_H
#define PERCH_ERROR_H

#include "perch/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, value, class): the class is the word that `perch --json` and perchd's
 * log use. Values are never renumbered. */
#define PERCH_ERRORS(X)                                                                            \
    X(ENOMEM, -1, "memory")                                                                        \
    X(EINVAL, -2, "invalid")            /* the caller broke this header's rules */                 \
    X(EREENTRANT, -3, "invalid")        /* a blocking call from inside a callback */               \
    X(ERESOLVE, -4, "resolve")                                                                     \
    X(ECONNECT, -5, "connect")                                                                     \
    X(ETLS, -6, "tls")                                                                             \
    X(ECERTIFICATE, -7, "certificate")                                                             \
    X(EGREETING, -8, "greeting")                                                                   \
    X(ESTARTTLS, -9, "starttls")                                                                   \
    X(ECAPABILITY, -10, "capability")   /* the server lacks the extension; nothing was sent */     \
    X(ESTATE, -11, "state")             /* not legal in this state; nothing was sent */            \
    X(EAUTH, -12, "auth")                                                                          \
    X(ETOKEN, -13, "token")             /* an OAuth token was refused */                           \
    X(ENO, -14, "no")                   /* the server answered NO */                               \
    X(EBAD, -15, "bad")                 /* the server answered BAD */                              \
    X(EPROTO, -16, "protocol")                                                                     \
    X(ELIMIT, -17, "limit")                                                                        \
    X(ETIMEOUT, -18, "timeout")                                                                    \
    X(ECANCELLED, -19, "cancelled")                                                                \
    X(ECLOSED, -20, "closed")           /* BYE, end of file, reset */                              \
    X(ECRITERIA, -21, "criteria")                                                                  \
    X(EREADONLY, -22, "readonly")

enum perch_err {
    PERCH_OK = 0,
#define PERCH_ERR_ENUM(name, value, class_) PERCH_##name = value,
    PERCH_ERRORS(PERCH_ERR_ENUM)
#undef PERCH_ERR_ENUM
};

/* What is hurt. */
enum perch_radius {
    PERCH_HITS_NOTHING = 0,
    PERCH_HITS_OP,         /* this command; the connection works on */
    PERCH_HITS_MAILBOX,    /* what is known of the selected mailbox */
    PERCH_HITS_CONNECTION, /* it is closed or must be */
    PERCH_HITS_ACCOUNT     /* the next connection would fail alike */
};

/* What to do. */
enum perch_remedy {
    PERCH_TRY_NOTHING = 0,
    PERCH_TRY_NOW,    /* the same again may work at once */
    PERCH_TRY_LATER,  /* after a wait */
    PERCH_ASK_USER,   /* a password, a certificate, a setting */
    PERCH_FIX_CODE    /* the caller's program is wrong */
};

#define PERCH_ERROR_TEXT 480

struct perch_error {
    int code; /* enum perch_err, 0: no error */
    enum perch_radius radius;
    enum perch_remedy remedy;
    int resp_code;      /* enum perch_code of the server's [CODE], 0: none */
    const char *reason; /* a static finer word ("starttls-injection"), never NULL once set */
    char text[PERCH_ERROR_TEXT]; /* one line for people, NUL-terminated, no control characters */
};

/* The class word of a code ("certificate"), "ok" for 0. Static. */
PERCH_API const char *perch_err_class(int code);

/* The name of the code itself ("PERCH_ECERTIFICATE"). Static. */
PERCH_API const char *perch_err_name(int code);

#ifdef __cplusplus
}
#endif

#endif
