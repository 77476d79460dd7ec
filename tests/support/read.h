/* Tables of what a reader makes of bytes: { input, want }, both written by hand.
 *
 * `want` is the log of the reader: a line per response as show.h writes it, "~QUIRK " in
 * front of it for each quirk in the order of their bits, "!" and the offset for a
 * malformed one, "body N" where a streamed body begins, "error CODE" where framing was
 * lost. Lines are parted by '\n', with none behind the last. */
#ifndef PERCH_READ_H
#define PERCH_READ_H

#include "perch/response.h"

struct perch_row {
    const char *in; /* its last CRLF is put behind it */
    const char *want;
};

/* Feeds each row in every way of feed.h, the response "* 9 EXISTS" behind it, and checks
 * that the log is `want` and then that response: nothing may harm the one that follows.
 * `options` may be NULL. Names file and line of the caller, and the row. */
void perch_check_rows(const struct perch_row *rows, size_t n,
                      const struct perch_reader_options *options, const char *file, int line);

#define CHECK_ROWS(rows, options)                                                                  \
    perch_check_rows((rows), sizeof(rows) / sizeof((rows)[0]), (options), __FILE__, __LINE__)

/* The log of `len` bytes; to be freed with free(). `finish`: the stream ends there. */
char *perch_read_log(const void *in, size_t len, const struct perch_reader_options *options,
                     unsigned way, bool finish);

#endif
