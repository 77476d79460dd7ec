/* The control socket: bound by the runner, served by the engine. */
#ifndef PERCHD_RUNNER_LISTENER_H
#define PERCHD_RUNNER_LISTENER_H

#include <stddef.h>

/* The listening socket: the one that the service manager passed (LISTEN_FDS), else a new one
 * at `path` in a directory of mode 0750. A socket file that nobody listens on is replaced.
 * The descriptor, or -1 with a line that names the fix. */
int listener_open(const char *path, char *error, size_t size);

/* Removes the file of a socket that was bound here; a passed one stays with who made it. */
void listener_remove(const char *path);

#endif
