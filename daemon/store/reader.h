/* What the reading files share. */
#ifndef PERCHD_STORE_READER_H
#define PERCHD_STORE_READER_H

#include "store/internal.h"

struct store_reader {
    struct db db;
    char *path;
    struct perch_arena arena; /* of the row being given */
    struct store_error error;
};

/* The rows end here, failed. */
static inline void reader_out_of_memory(struct db_rows *rows)
{
    rows->failed = true;
    (void)db_out_of_memory(rows->db);
}

/* Ends a read whose `each` returned rc last: rc, or -1 with the error in the reader. */
int reader_end(struct store_reader *r, struct db_rows *rows, int rc);

#endif
