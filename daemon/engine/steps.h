/* The steps of a plan (plan.h): what each asks the server, and what its answer is good for. */
#ifndef PERCHD_ENGINE_STEPS_H
#define PERCHD_ENGINE_STEPS_H

#include "engine/account.h"

/* Takes a step on the selected mailbox. A command may be under way afterwards (sync.busy); its
 * answer goes on with sync_pump(). */
void steps_take(struct account *a, enum step step);

#endif
