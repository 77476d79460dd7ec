/* Output. For people: escaped, aligned by what a terminal shows, coloured on a terminal; for
 * programs: one JSON value a line. */
#ifndef PERCHD_CLI_OUTPUT_H
#define PERCHD_CLI_OUTPUT_H

#include "cli/cli.h"

#include "perch/types.h"

#include <jansson.h>

enum style { STYLE_PLAIN, STYLE_HEAD, STYLE_DIM, STYLE_GOOD, STYLE_WARN, STYLE_BAD };

/* The columns that UTF-8 text takes on a terminal: 2 for a CJK character or an emoji, 0 for
 * a combining one, whatever the locale. */
size_t text_width(struct perch_span text);

/* The longest front of `text` that takes at most `width` columns, combining characters that
 * belong to its last one included. */
struct perch_span text_cut(struct perch_span text, size_t width);

/* Escapes and prints. A NIL span prints nothing. */
void out_text(struct cli *cli, enum style style, struct perch_span text);

/* The same as a cell of a line that goes out at once: filled up to *width columns and a gap.
 * What is wider is not cut; *width grows with it, so that the lines behind line up again. */
void out_cell(struct cli *cli, enum style style, struct perch_span text, size_t *width);

/* Prints `value` as one line and drops the reference. NULL: memory ran out while it was
 * made, which is complained about. False when nothing was printed. */
bool out_json(struct cli *cli, json_t *value);

/* The text of a member, NIL when it is absent, null or no string. */
struct perch_span json_text(const json_t *object, const char *key);

/* Lines of cells; nothing is printed before the end, since widths come from all. */
struct table_column {
    const char *title;
    bool right;    /* numbers */
    bool flexible; /* gives way when the terminal is too narrow; at most one */
};

struct table;

/* A list of columns ends with a NULL title. NULL when out of memory. */
struct table *table_new(const struct table_column *columns);
void table_free(struct table *t);

/* The next cell, row by row; text is escaped and copied. The formatted one is for numbers
 * and words of ours: it is cut at 255 bytes. */
void table_cell(struct table *t, enum style style, struct perch_span text);
void table_cellf(struct table *t, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints titles and rows; nothing at all without a row. False when memory ran out on the
 * way, and nothing was printed. */
bool table_print(struct table *t, struct cli *cli);

#endif
