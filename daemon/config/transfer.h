/* The engine's view of the configuration as JSON: accounts without secrets, hooks without
 * argv, environment or URL. */
#ifndef PERCHD_CONFIG_TRANSFER_H
#define PERCHD_CONFIG_TRANSFER_H

#include "config/config.h"

/* Allocated text, NULL when out of memory. */
char *config_to_json(const struct config *c);

/* 0 with *ret_config, or -1 for text that config_to_json could not have written. */
int config_from_json(const char *text, size_t len, struct config **ret_config);

#endif
