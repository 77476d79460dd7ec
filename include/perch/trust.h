/* The certificate authorities that are believed. */
#ifndef PERCH_TRUST_H
#define PERCH_TRUST_H

#include "perch/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct perch_trust perch_trust;

/* Loaded once and shared by any number of clients, of any thread. `ca_file` is a PEM file,
 * NULL the system's store. `ca_pem` may give the bytes instead (p == NULL: not). NULL with
 * *ret_error filled (may be NULL) when nothing could be loaded. */
PERCH_API perch_trust *perch_trust_new(const char *ca_file, struct perch_span ca_pem,
                                       struct perch_error *ret_error);

/* Counted; each client keeps a reference of its own. Unref takes NULL. */
PERCH_API perch_trust *perch_trust_ref(perch_trust *t);
PERCH_API void perch_trust_unref(perch_trust *t);

#ifdef __cplusplus
}
#endif

#endif
