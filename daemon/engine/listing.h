/* Which mailboxes an account has: LIST against the store's rows. */
#ifndef PERCHD_ENGINE_LISTING_H
#define PERCHD_ENGINE_LISTING_H

#include "engine/account.h"

/* Sends LIST, with the STATUS of all where the server can. The names are compared with what is
 * known: mailboxes that are new are taken up, those that two LISTs in a row do not name are
 * gone; what STATUS says makes mailboxes dirty. Then watch_answered(). */
void listing_start(struct account *a);

/* Does LIST bring STATUS? */
bool listing_has_status(const struct account *a);

/* The connection is gone. */
void listing_drop(struct account *a);

/* Asks for the STATUS of one mailbox, for servers whose LIST brings none; then
 * watch_answered(). */
void listing_status(struct account *a, const struct mailbox *m);

#endif
