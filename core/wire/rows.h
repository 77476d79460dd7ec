/* The functions behind the rows of resp.c: each fills one kind of response from a cursor
 * that stands behind the response's word (and its blank is still to come). All return
 * whether it went well; what was wrong is in the cursor's report. */
#ifndef PERCH_WIRE_ROWS_H
#define PERCH_WIRE_ROWS_H

#include "wire/cursor.h"

/* resp_status.c */
bool perch_row_status(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_continuation(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_bare_code(struct perch_cursor *c, struct perch_resp *r);

/* resp_mailbox.c */
bool perch_row_list(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_mailbox_status(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_namespace(struct perch_cursor *c, struct perch_resp *r);

/* resp_search.c */
bool perch_row_search(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_esearch(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_thread(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_vanished(struct perch_cursor *c, struct perch_resp *r);

/* resp_fetch.c */
bool perch_row_fetch(struct perch_cursor *c, struct perch_resp *r);

/* resp_envelope.c, resp_body.c */
bool perch_parse_envelope(struct perch_cursor *c, const struct perch_envelope **ret);
bool perch_parse_body(struct perch_cursor *c, const struct perch_body **ret);

/* resp_misc.c */
bool perch_row_words(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_flags(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_acl(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_rights(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_quota(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_quotaroot(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_metadata(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_id(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_language(struct perch_cursor *c, struct perch_resp *r);
bool perch_row_jmapaccess(struct perch_cursor *c, struct perch_resp *r);

#endif
