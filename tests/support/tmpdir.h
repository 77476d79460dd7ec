/* A directory of its own for a test, removed with all that is in it. */
#ifndef PERCH_TMPDIR_H
#define PERCH_TMPDIR_H

#include <sys/types.h>

struct tmpdir {
    char path[64];
    char file[256]; /* of the last tmpdir_file() */
};

void tmpdir_make(struct tmpdir *t);
void tmpdir_remove(struct tmpdir *t);

/* "PATH/NAME"; valid until the next call. */
const char *tmpdir_file(struct tmpdir *t, const char *name);

/* Writes the text as PATH/NAME with `mode`. Returns tmpdir_file(). */
const char *tmpdir_write(struct tmpdir *t, const char *name, const char *text, mode_t mode);

#endif
