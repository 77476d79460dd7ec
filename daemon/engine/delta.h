/* A change set against the stored rows: writes what changed, and an event for each change.
 * Runs on the store's thread inside the transaction, so that state and events are one.
 *
 * It compares instead of believing, so that doing it twice is doing it once: what the rows say
 * already is no change. Within a set: deleted by UID, flags by MODSEQ, new by UID. */
#ifndef PERCHD_ENGINE_DELTA_H
#define PERCHD_ENGINE_DELTA_H

#include "engine/change.h"

/* A store_job_fn on a struct change_set. While it leaves `more` set, commit and run it again
 * with the same set: other accounts wait no longer than for a chunk. */
int delta_run(struct store_tx *tx, void *change_set);

#endif
