/* Messages on their way out: what APPEND and REPLACE share. */
#ifndef PERCH_SESSION_OPS_UPLOAD_H
#define PERCH_SESSION_OPS_UPLOAD_H

#include "session/ops/mailbox.h"
#include "session/ops/messages.h"

#include "perch/change.h"

struct perch_upload {
    struct perch_mailbox_arg mailbox;
    struct perch_append_message *messages; /* copies; the bytes stay the caller's */
    size_t n;
    struct perch_source *sources; /* those that have bytes, in the order they leave */
    size_t nsources, source;      /* all, and the one that is being read */
    uint64_t offset;              /* in it */
    uint64_t sent, total;
    void (*on_progress)(perch_op *op, uint64_t sent, uint64_t total, void *user);
    struct perch_append_result result;
};

/* Copies `n` messages into the op's arena and refuses those that cannot be sent. */
void perch_upload_copy(perch_op *op, struct perch_upload *u,
                       const struct perch_append_message *messages, size_t n);

/* What the server cannot take: PERCH_ECAPABILITY, PERCH_ELIMIT. */
int perch_upload_check(perch_op *op, const struct perch_upload *u);

/* " mailbox", and " (flags) date literal" for each of the messages from..upto. */
void perch_upload_put(const perch_session *s, struct perch_enc *e, const struct perch_upload *u,
                      size_t from, size_t upto);

/* The next bytes; see struct perch_op_type. */
size_t perch_upload_pull(perch_op *op, struct perch_upload *u, uint8_t *to, size_t max);

/* Does the response tell the UIDs of `n` messages? And takes them. */
bool perch_upload_told(const struct perch_resp *resp, size_t n);
void perch_upload_take(perch_op *op, struct perch_upload *u, const struct perch_resp *resp);

void perch_upload_drop(struct perch_upload *u);

/* ops/append.c and ops/replace.c: the op's upload, NULL if it is of another type. */
const struct perch_upload *perch_append_upload(const perch_op *op);
const struct perch_upload *perch_replace_upload(const perch_op *op);

#endif
