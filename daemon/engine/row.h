/* A FETCH row as facts of the index. */
#ifndef PERCHD_ENGINE_ROW_H
#define PERCHD_ENGINE_ROW_H

#include "store/store.h"

#include "perch/response.h"

/* Why the row was asked for decides what it may be taken for. */
enum row_kind {
    ROW_FLAGS,  /* flags of a message that should be known: a push, a comparison */
    ROW_NEW,    /* all of a message that may be news */
    ROW_INITIAL /* all of a message that was there at the first contact */
};

struct row {
    enum row_kind kind;
    bool compared;          /* with the stored one: there is nothing more to do */
    struct store_message m; /* flags NULL: not told; modseq 0: not told */
};

/* What is asked of a message that is not known yet; `objectid`: the server has OBJECTID. */
uint32_t row_items(bool condstore, bool objectid);
#define ROW_SECTIONS                                                                               \
    {                                                                                              \
        "BODY.PEEK[HEADER.FIELDS (List-Id)]"                                                       \
    }

/* Copies `f` into `a`, decoded. False when out of memory. A row without a UID, which nothing can
 * be done with, must not be given. */
bool row_make(const struct perch_fetch *f, enum row_kind kind, struct perch_arena *a,
              struct row *ret);

#endif
