/* All of libperch. */
#ifndef PERCH_PERCH_H
#define PERCH_PERCH_H

#include "perch/admin.h"
#include "perch/change.h"
#include "perch/client.h"
#include "perch/commands.h"
#include "perch/error.h"
#include "perch/mailbox.h"
#include "perch/order.h"
#include "perch/raw.h"
#include "perch/response.h"
#include "perch/search.h"
#include "perch/session.h"
#include "perch/set.h"
#include "perch/text.h"
#include "perch/trust.h"
#include "perch/types.h"
#include "perch/version.h"

#endif
