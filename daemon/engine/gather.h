/* What a server says of the selected mailbox, gathered into a change set. It goes to the store
 * when it is large, and whenever sync.c finds that the time has come. */
#ifndef PERCHD_ENGINE_GATHER_H
#define PERCHD_ENGINE_GATHER_H

#include "engine/account.h"

#define WINDOW       500  /* messages asked for at once with all they have */
#define FLAGS_WINDOW 2000 /* messages whose flags are asked for at once */

/* The set being filled, begun if there is none. NULL: out of memory, and the connection is
 * closed. */
struct change_set *gather_set(struct account *a);

/* A FETCH row. One without a UID, or with nothing to know, is passed over. */
void gather_row(struct account *a, const struct perch_fetch *f, enum row_kind kind);

void gather_vanished(struct account *a, const struct perch_set *uids);

/* Hands over what there is, without moving any cursor but those that are in it. */
void gather_flush(struct account *a);

#endif
