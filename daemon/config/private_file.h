/* Files that hold a secret: who may read them, how they are read, and directories to put
 * things in. */
#ifndef PERCHD_CONFIG_PRIVATE_FILE_H
#define PERCHD_CONFIG_PRIVATE_FILE_H

#include "base/buf.h"

#include <stddef.h>
#include <sys/stat.h>

/* Whether others can read it: 0600 is private, and so is 0640 of a file that belongs to
 * root (`root:perch` for a service). */
bool private_file_exposed(const struct stat *st);

/* Opens a regular file that belongs to this user or to root and is not exposed. The
 * descriptor, or -1 with a text that names the fix. */
int private_file_open(const char *path, char *error, size_t size);

/* Opens any regular file for reading; never blocks on a pipe or a device. */
int plain_file_open(const char *path, struct stat *ret_st, char *error, size_t size);

/* Makes the directory, and those above it that are missing, with exactly this mode. One that
 * is there stays as it is. 0, or -1 with errno. */
int directory_make(const char *path, mode_t mode);

/* Appends the rest of `fd`, at most `max` bytes. 0, or -1 with the text. Closes `fd`. */
int file_read_all(int fd, size_t max, struct perch_buf *out, char *error, size_t size);

#endif
