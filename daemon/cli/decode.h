/* perch decode, inside: responses to JSON, a file for each kind of them. What the objects
 * look like is written down in perch-json(7). */
#ifndef PERCHD_CLI_DECODE_H
#define PERCHD_CLI_DECODE_H

#include "cli/digest.h"
#include "cli/jw.h"

#include "perch/response.h"

#define DECODE_TEXT_MAX ((size_t)64 * 1024) /* longer text is shown by its size and digest */
#define DECODE_DEPTH    64                  /* parentheses in one response */

/* A body literal that streamed past. */
struct decode_body {
    char sha256[DIGEST_HEX_SIZE];
};

struct decoder {
    struct jw w;
    bool utf8; /* names are UTF-8 */
    /* of the response at hand, in their order in it; decode_section takes them one by one */
    struct decode_body *bodies;
    size_t nbodies, taken;
};

/* ---- leaves ---- */

/* Text: a string; {"base64":...} if it is not UTF-8; {"size":..,"sha256":..} if it is long;
 * null for NIL. */
void decode_text(struct decoder *d, struct perch_span text);

/* Bytes: {"size":..,"base64":..}, long ones with their digest instead; null for NIL. */
void decode_bytes(struct decoder *d, struct perch_span bytes);

/* Members "base64", or "size" and "sha256" of what is long, into the object at hand. */
void decode_raw(struct decoder *d, struct perch_span bytes);

/* "KEY":text with RFC 2047 decoded, and "KEY_raw" beside it when that changed anything. */
void decode_header(struct decoder *d, const char *key, const char *raw_key,
                   struct perch_span value);

/* "KEY":name in UTF-8, and RAW_KEY beside it when the name on the wire cannot be made from
 * it. */
void decode_name(struct decoder *d, const char *key, const char *raw_key,
                 const struct perch_name *name);

void decode_set(struct decoder *d, const struct perch_set *set);
void decode_names(struct decoder *d, const struct perch_names *names);
void decode_spans(struct decoder *d, const struct perch_span *v, size_t n);
void decode_numbers(struct decoder *d, const uint32_t *v, size_t n);

/* {"NAME":value}, null when there are none. */
void decode_params(struct decoder *d, const struct perch_param *params, size_t n);

/* A key, or a word, in upper case up to its first parenthesis: BODY[HEADER.FIELDS (Subject)]. */
void decode_item_key(struct decoder *d, struct perch_span name);
void decode_upper(struct decoder *d, struct perch_span word);

/* NAME:value of items that have no type of their own, into the object at hand. */
void decode_others(struct decoder *d, const struct perch_other_item *others, size_t n);

/* "KEY":value; null unless `there`. */
void decode_text_at(struct decoder *d, const char *key, struct perch_span text);
void decode_number_at(struct decoder *d, const char *key, bool there, uint64_t value);
void decode_set_at(struct decoder *d, const char *key, bool there, const struct perch_set *set);

/* ---- members of a response's object, by type ---- */

void decode_fetch(struct decoder *d, enum perch_resp_type type, uint64_t number,
                  const struct perch_fetch *f);
void decode_envelope(struct decoder *d, const struct perch_envelope *e);
void decode_structure(struct decoder *d, const struct perch_body *body);

/* A code, or null: {"name":..,"value":..}. */
void decode_code(struct decoder *d, const struct perch_status_resp *s);

void decode_list(struct decoder *d, const struct perch_list_resp *l);
void decode_status(struct decoder *d, const struct perch_mailbox_status *s);
void decode_namespaces(struct decoder *d, const struct perch_namespace_resp *n);
void decode_acl(struct decoder *d, const struct perch_acl_resp *acl);
void decode_rights(struct decoder *d, enum perch_resp_type type, const struct perch_rights_resp *r);
void decode_quota(struct decoder *d, const struct perch_quota_resp *q);
void decode_quotaroot(struct decoder *d, const struct perch_quotaroot_resp *q);
void decode_metadata(struct decoder *d, const struct perch_metadata_resp *m);

void decode_search(struct decoder *d, enum perch_resp_type type, const struct perch_search_resp *s);
void decode_esearch(struct decoder *d, const struct perch_esearch_resp *e);
void decode_vanished(struct decoder *d, const struct perch_vanished_resp *v);
void decode_thread(struct decoder *d, const struct perch_thread_resp *t);

/* The whole response as one object. */
void decode_response(struct decoder *d, const struct perch_resp *r);

#endif
