/* Framer: finds where a response ends. It counts literals and parses nothing else,
 * so that one odd response can never shift the border of the next.
 *
 * A literal is {n} as the last bytes of a line (RFC 9051 literal, literal8 and, from
 * odd servers, {n+}), outside quoted strings. A status response ("* OK ..",
 * "tag NO ..") and a continuation ("+ ..") are prose: they may end in "{5}" and have no
 * literal.
 *
 * A FETCH ends with ")". One that does not, because a count was wrong or a quoted string
 * has a line end in it, is held until the next line shows whether it went on: so an odd
 * response costs itself and never the one behind it. NULs and empty lines before a
 * response are part of it. */
#ifndef PERCH_WIRE_FRAMER_H
#define PERCH_WIRE_FRAMER_H

#include "perch/error.h"
#include "perch/response.h"

enum perch_frame {
    PERCH_FRAME_MORE = 0, /* need more bytes */
    PERCH_FRAME_UNIT = 1, /* a whole response, its last line end included */
    PERCH_FRAME_BODY = 2  /* a body literal above limits.inline_literal starts behind `unit` */
};

/* A body literal that streamed past: it belongs at `at` in the unit's bytes. */
struct perch_hole {
    size_t at;
    uint64_t size;
};

struct perch_unit {
    struct perch_span bytes;
    const struct perch_hole *holes;
    size_t nholes;
};

struct perch_framer {
    struct perch_limits limits; /* complete: see perch_limits_fill */
    uint32_t strict;            /* quirks refused */
    uint64_t work;              /* bytes looked at, for tests of the framer's cost */
    /* The framer's own: where the search stands inside the bytes given again next time. */
    size_t scanned;      /* no line end before here */
    size_t head;         /* of the response, behind NULs and empty lines */
    size_t line;         /* start of the line being searched */
    size_t text;         /* bytes of the response that are not literals, up to `line` */
    uint64_t skip;       /* literal bytes still to pass over */
    uint64_t bodies;     /* of the response: kept by perch_framer_keep */
    bool behind_literal; /* `line` continues behind a literal */
    bool held;           /* the line before was odd: the next one says whether it went on */
    bool quote;          /* a quoted string was open at `line` */
};

/* Puts the default in every limit that is 0, cut down to the caller's struct size. */
void perch_limits_fill(struct perch_limits *l);

/* The limits before authentication (SECURITY: 8 KiB lines, 4 KiB literals, depth 8,
 * 256 tokens, no body), never above `after`. */
void perch_limits_preauth(const struct perch_limits *after, struct perch_limits *ret);

/* Looks at `n` bytes that start with a response. On MORE call again with the same
 * bytes and more behind them. On UNIT, *ret_unit spans the bytes eaten. On BODY, *ret_unit
 * ends with the literal's "{n}" line end and *ret_body is n: the caller keeps *ret_unit,
 * puts a hole at its end, passes the n bytes behind it on, and gives the kept bytes with
 * the rest of the response behind them to the next call, after perch_framer_resume.
 *
 * PERCH_ELIMIT, PERCH_EPROTO (a literal whose size cannot be known): framing is lost. */
int perch_framer_next(struct perch_framer *f, const uint8_t *p, size_t n,
                      struct perch_span *ret_unit, uint64_t *ret_body, struct perch_error *e);
void perch_framer_resume(struct perch_framer *f, size_t kept);

/* After BODY and perch_framer_resume, for a body that is to stay in the response all the same:
 * it goes on as with a small literal. Such bodies do not count as limits.response, but together
 * they are held to limits.body: PERCH_ELIMIT. */
int perch_framer_keep(struct perch_framer *f, uint64_t body, struct perch_error *e);

/* Forgets the bytes given so far: they were dropped, the next ones start a response. */
void perch_framer_reset(struct perch_framer *f);

#endif
