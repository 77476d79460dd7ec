/* What tells an account that something moved while all was known: pushes in IDLE, or asking. */
#ifndef PERCHD_ENGINE_WATCH_H
#define PERCHD_ENGINE_WATCH_H

#include "engine/account.h"

struct watch {
    const char *name; /* as `perch status` shows it */
    /* The first mailbox is selected and known. */
    void (*start)(struct account *a);
    /* Another mailbox is going to be selected. Commands may be started at once. */
    void (*stop)(struct account *a);
};

extern const struct watch watch_idle, watch_poll;

/* The best that the server and the configuration allow. */
const struct watch *watch_choose(const struct account *a);

/* Every `poll`: asks whether mailboxes came or went and whether anything moved in those that
 * are not selected, and gives the selected one an occasion to say so. Its answers prove that
 * the link is alive, and are the tagged points at which the cursor moves. */
void watch_look(struct account *a);

/* One of the commands of a look (or the LIST after the login) was answered and dealt with. */
void watch_answered(struct account *a);

#endif
