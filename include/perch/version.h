/* Version of libperch. */
#ifndef PERCH_VERSION_H
#define PERCH_VERSION_H

#include "perch/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PERCH_VERSION_MAJOR 0
#define PERCH_VERSION_MINOR 1
#define PERCH_VERSION_PATCH 0

/* "0.1.0", of the library that is running. (IMAPClient: imapclient.__version__) */
PERCH_API const char *perch_version(void);

#ifdef __cplusplus
}
#endif

#endif
