/* What SEARCH, SORT and THREAD share: criteria as an argument. */
#ifndef PERCH_SESSION_OPS_CRITERIA_H
#define PERCH_SESSION_OPS_CRITERIA_H

#include "session/session.h"

#include "perch/search.h"

/* A copy in the op's arena; none at all is refused. Criteria that name messages by sequence
 * number make the op one that does. */
struct perch_search perch_criteria_copy(perch_op *op, const struct perch_search *from);

/* Does the server have what the criteria need? Else the op fails. */
int perch_criteria_check(perch_op *op, const struct perch_search *criteria);

/* Notes the tagged answer: BAD is about the criteria. */
void perch_criteria_note_status(perch_op *op, const struct perch_resp *resp);

#endif
