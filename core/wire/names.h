/* Names to values: response types and codes; flags and attributes are public
 * (perch/response.h). All lists are X-lists there. */
#ifndef PERCH_WIRE_NAMES_H
#define PERCH_WIRE_NAMES_H

#include "perch/response.h"

/* Case-insensitive; OTHER for what is not in the list. */
enum perch_resp_type perch_resp_type_find(struct perch_span word);
enum perch_code perch_code_find(struct perch_span word);

#endif
