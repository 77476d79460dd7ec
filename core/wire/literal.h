/* The head of a literal: "{n}" (and "~{n}", "{n+}") as the last bytes of a line. Framer
 * and cursor both read it here, so that they cannot disagree on where bytes are data. */
#ifndef PERCH_WIRE_LITERAL_H
#define PERCH_WIRE_LITERAL_H

#include "perch/types.h"

enum perch_literal_kind {
    PERCH_LITERAL_NONE = 0, /* what stands there is no literal */
    PERCH_LITERAL_OK,
    PERCH_LITERAL_NEGATIVE, /* "{-1}": nothing can follow it, the response is lost */
    PERCH_LITERAL_UNSIZED,  /* "{}", "{+5}", "{ 5}", "{0x10}", "{5": nobody knows what follows */
    PERCH_LITERAL_HUGE      /* its size does not fit 63 bits */
};

struct perch_literal_head {
    uint64_t size;
    size_t len;    /* bytes of the head with its line end */
    bool oddities; /* {n+}, blanks behind the brace */
    bool bare_lf;
};

/* Reads the head at `p` ("{" or "~{"), which must be followed by its line end before
 * `end`, the byte behind that line end. */
enum perch_literal_kind perch_literal_read(const char *p, const char *end,
                                           struct perch_literal_head *ret);

/* How quoted strings end. */
struct perch_quotes {
    bool nstrings; /* only strings, lists and NIL can follow the blank behind one */
    bool strict;   /* the first quote closes; set once a search for a better one was in vain */
    uint64_t work; /* bytes looked at */
};

/* The closing quote of the quoted string whose first byte is `p`; NULL if there is none
 * before `end`. A quote that no blank, bracket, parenthesis or line end follows does not
 * close (servers forget to escape) unless no better one is found. Such a search happens
 * at most once in vain, so that the work stays linear. */
const char *perch_quoted_close(const char *p, const char *end, struct perch_quotes *q);

#endif
