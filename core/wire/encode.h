/* Encoder: the only way bytes leave. One command is built from typed pieces; CR, LF and
 * NUL can leave only inside a literal, and what is secret is marked by position.
 *
 * The first refused piece sets `error`; later pieces do nothing, so that a command is
 * checked once, at perch_enc_end. */
#ifndef PERCH_WIRE_ENCODE_H
#define PERCH_WIRE_ENCODE_H

#include "perch/error.h"
#include "perch/response.h"
#include "perch/search.h"
#include "perch/set.h"

#include "base/buf.h"

/* What the server can take; from its capabilities and what is enabled. */
enum perch_enc_mode {
    PERCH_ENC_LITERAL_PLUS = 1 << 0,  /* LITERAL+: {n+} of any size */
    PERCH_ENC_LITERAL_MINUS = 1 << 1, /* LITERAL-: {n+} up to 4096 */
    PERCH_ENC_UTF8 = 1 << 2,          /* UTF8=ACCEPT: quoted UTF-8, mailbox names as they are */
    PERCH_ENC_BINARY = 1 << 3         /* literal8 may be sent */
};

/* Where the sender must stop until the server's "+", or where a caller's source
 * supplies bytes that are not in the buffer. */
struct perch_enc_stop {
    size_t at;       /* offset in `out`: everything before it may leave */
    bool wait;       /* for a continuation first */
    uint64_t source; /* bytes that come from the op's source here, 0: none */
};

struct perch_enc_secret {
    size_t from, to; /* offsets in `out` that a trace shows as <secret> */
};

struct perch_enc {
    struct perch_buf out;
    struct perch_enc_stop *stops; /* by ascending offset */
    size_t nstops;
    struct perch_enc_secret *secrets;
    size_t nsecrets;
    unsigned mode;   /* enum perch_enc_mode */
    int error;       /* 0, PERCH_EINVAL, PERCH_ECRITERIA, PERCH_ENOMEM */
    const char *why; /* static text for `error` */
    bool in_secret;
    size_t outside; /* bytes from this offset on stand outside of literals */
};

void perch_enc_init(struct perch_enc *e, unsigned mode);
void perch_enc_done(struct perch_enc *e); /* wipes secrets */

/* Protocol words of ours ("UID FETCH"): no CR, LF, NUL. */
void perch_enc_word(struct perch_enc *e, const char *s);
void perch_enc_sp(struct perch_enc *e);
void perch_enc_char(struct perch_enc *e, char c); /* ( ) [ ] and the like */
void perch_enc_num(struct perch_enc *e, uint64_t n);

/* Text of a caller: an atom is refused if it is not one; a flag is an atom that may begin
 * with a backslash; astring and string choose quoted or literal by content; nstring
 * writes NIL for p == NULL. A NUL is refused in all of these, since no server may take
 * one; it leaves only in the message of a literal or literal8. */
void perch_enc_atom(struct perch_enc *e, struct perch_span s);
void perch_enc_flag(struct perch_enc *e, struct perch_span s);
void perch_enc_astring(struct perch_enc *e, struct perch_span s);
void perch_enc_string(struct perch_enc *e, struct perch_span s);
void perch_enc_nstring(struct perch_enc *e, struct perch_span s);
void perch_enc_literal(struct perch_enc *e, struct perch_span s);
void perch_enc_literal8(struct perch_enc *e, struct perch_span s);

/* The name of a header field: an atom where it can be one, because Courier takes no other,
 * else a string. */
void perch_enc_field(struct perch_enc *e, struct perch_span name);

/* Announces a literal (or literal8) whose `n` bytes the op's source supplies. */
void perch_enc_source(struct perch_enc *e, uint64_t n, bool literal8);

/* A mailbox name or LIST pattern in UTF-8 (modified UTF-7 on the wire, or UTF-8 in
 * PERCH_ENC_UTF8 mode). The raw form sends bytes as a server gave them. "INBOX" in any
 * case is sent in upper case, but not in a pattern. */
void perch_enc_mailbox(struct perch_enc *e, struct perch_span utf8);
void perch_enc_mailbox_raw(struct perch_enc *e, struct perch_span raw);
void perch_enc_pattern(struct perch_enc *e, struct perch_span utf8);

void perch_enc_set(struct perch_enc *e, const struct perch_set *s); /* empty: PERCH_EINVAL */
void perch_enc_date(struct perch_enc *e, int64_t unix_s);           /* 1-Feb-2026, UTC day */
void perch_enc_datetime(struct perch_enc *e,
                        struct perch_time t); /* "17-Jul-1996 02:44:25 -0700" */

/* Everything between the two is a secret, or to the end if it is left open. They do not
 * nest. */
void perch_enc_secret_begin(struct perch_enc *e);
void perch_enc_secret_end(struct perch_enc *e);

/* Raw text of a caller's own command: bytes outside literals may not be CR, LF or NUL. */
void perch_enc_raw(struct perch_enc *e, struct perch_span s);

/* Puts CRLF behind the command. Returns `error` and fills *err (which may be NULL) with
 * `why`. A command whose text ends in "{n}" is refused here: the server would take the
 * next one for a literal. */
int perch_enc_end(struct perch_enc *e, struct perch_error *err);

/* Criteria (perch/search.h) with "CHARSET UTF-8 " before them if a text is not ASCII and
 * the mode is not PERCH_ENC_UTF8 (where RFC 9755 forbids it). Text of 8-bit bytes becomes a
 * literal, or quoted UTF-8 in that mode. Criteria that say nothing or cannot be written
 * are PERCH_ECRITERIA. The second form leaves CHARSET to the caller, for SORT and THREAD,
 * whose charset is an argument. */
void perch_enc_search(struct perch_enc *e, const struct perch_search *criteria);
void perch_enc_search_keys(struct perch_enc *e, const struct perch_search *criteria);

/* How many leading ranges of `s`, from range `from` on, fit into `max_bytes` of canonical
 * text (at least one): for commands whose set outgrows what a server takes. */
size_t perch_enc_set_fit(const struct perch_set *s, size_t from, size_t max_bytes);

#endif
