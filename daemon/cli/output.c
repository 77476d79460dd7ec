#include "cli/output.h"

#include "log.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/span.h"

#include <stdarg.h>
#include <string.h>

#define GAP      2  /* columns between two cells */
#define FLEX_MIN 12 /* a flexible column keeps so many columns on the narrowest terminal */

static const char *const style_codes[] = {
    [STYLE_PLAIN] = "",        [STYLE_HEAD] = "\033[1m",  [STYLE_DIM] = "\033[2m",
    [STYLE_GOOD] = "\033[32m", [STYLE_WARN] = "\033[33m", [STYLE_BAD] = "\033[31m",
};

/* `text` is escaped already. */
static void put(struct cli *cli, enum style style, struct perch_span text)
{
    bool coloured = cli->colour && style != STYLE_PLAIN && text.n > 0;

    if (coloured)
        (void)fputs(style_codes[style], cli->out);
    if (text.n > 0)
        (void)fwrite(text.p, 1, text.n, cli->out);
    if (coloured)
        (void)fputs("\033[0m", cli->out);
}

static void pad(struct cli *cli, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)fputc(' ', cli->out);
}

/* Returns the columns that it took. */
static size_t put_escaped(struct cli *cli, enum style style, struct perch_span text)
{
    struct perch_buf escaped = PERCH_BUF_INIT;
    size_t width;

    if (text.p)
        log_escape(&escaped, text.p, text.n);
    put(cli, style, perch_buf_span(&escaped));
    width = text_width(perch_buf_span(&escaped));
    perch_buf_done(&escaped);
    return width;
}

void out_text(struct cli *cli, enum style style, struct perch_span text)
{
    (void)put_escaped(cli, style, text);
}

void out_cell(struct cli *cli, enum style style, struct perch_span text, size_t *width)
{
    size_t took = put_escaped(cli, style, text);

    if (took > *width)
        *width = took;
    pad(cli, *width - took + GAP);
}

bool out_json(struct cli *cli, json_t *value)
{
    auto_free char *line = value ? json_dumps(value, JSON_COMPACT) : NULL;

    json_decref(value);
    if (!line)
        cli_error(cli, "out of memory");
    else
        (void)fprintf(cli->out, "%s\n", line);
    return line != NULL;
}

struct perch_span json_text(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return (struct perch_span){json_string_value(value), json_string_length(value)};
}

struct cell {
    size_t at, n, width; /* its text in table.text */
    enum style style;
};

struct table {
    const struct table_column *columns;
    size_t ncolumns;
    struct perch_buf text;
    struct cell *cells;
    size_t ncells, cap;
    bool failed;
};

struct table *table_new(const struct table_column *columns)
{
    struct table *t = perch_calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->columns = columns;
    while (columns[t->ncolumns].title)
        t->ncolumns++;
    for (size_t i = 0; i < t->ncolumns; i++)
        table_cell(t, STYLE_HEAD, perch_span_of(columns[i].title));
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    perch_buf_done(&t->text);
    perch_free(t->cells);
    perch_free(t);
}

static struct cell *next_cell(struct table *t)
{
    if (t->ncells == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        struct cell *cells = perch_reallocarray(t->cells, cap, sizeof *cells);

        if (!cells)
            return NULL;
        t->cells = cells;
        t->cap = cap;
    }
    return &t->cells[t->ncells++];
}

void table_cell(struct table *t, enum style style, struct perch_span text)
{
    struct cell *cell = next_cell(t);
    size_t at = t->text.len;

    if (!cell) {
        t->failed = true;
        return;
    }
    if (text.n > 0)
        log_escape(&t->text, text.p, text.n);
    *cell = (struct cell){.at = at, .n = t->text.len - at, .style = style};
    cell->width = text_width((struct perch_span){(char *)perch_buf_data(&t->text) + at, cell->n});
}

void table_cellf(struct table *t, enum style style, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    table_cell(t, style, perch_span_of(text));
}

/* The width of each column: its widest cell, the flexible one cut down to the terminal. */
static void fit(const struct table *t, unsigned terminal, size_t *widths)
{
    size_t total = 0, flexible = SIZE_MAX;

    memset(widths, 0, t->ncolumns * sizeof *widths);
    for (size_t i = 0; i < t->ncells; i++)
        if (t->cells[i].width > widths[i % t->ncolumns])
            widths[i % t->ncolumns] = t->cells[i].width;
    for (size_t i = 0; i < t->ncolumns; i++) {
        total += widths[i] + (i > 0 ? GAP : 0);
        if (t->columns[i].flexible)
            flexible = i;
    }
    if (terminal > 0 && total > terminal && flexible != SIZE_MAX) {
        size_t others = total - widths[flexible];

        widths[flexible] = others + FLEX_MIN < terminal ? terminal - others : FLEX_MIN;
    }
}

/* One cell. *blanks are owed to the cells before it; a line does not end in blanks. */
static void put_cell(const struct table *t, struct cli *cli, size_t i, const size_t *widths,
                     size_t *blanks)
{
    const struct cell *cell = &t->cells[i];
    size_t column = i % t->ncolumns, width = cell->width, room = widths[column];
    bool cut = width > room, right = t->columns[column].right;
    struct perch_span text = {(char *)perch_buf_data(&t->text) + cell->at, cell->n};

    if (cut) {
        text = text_cut(text, room - 1);
        width = text_width(text) + 1;
    }
    if (text.n > 0) {
        pad(cli, *blanks + (right ? room - width : 0));
        put(cli, cell->style, text);
        *blanks = right ? 0 : room - width;
    } else {
        *blanks += room;
    }
    if (cut)
        (void)fputs("…", cli->out);
    *blanks += GAP;
    if (column + 1 == t->ncolumns) {
        (void)fputc('\n', cli->out);
        *blanks = 0;
    }
}

bool table_print(struct table *t, struct cli *cli)
{
    auto_free size_t *widths = perch_calloc(t->ncolumns, sizeof *widths);
    size_t blanks = 0;

    if (!widths || t->failed || t->text.failed)
        return false;
    if (t->ncells == t->ncolumns)
        return true;
    fit(t, cli->columns, widths);
    for (size_t i = 0; i < t->ncells; i++)
        put_cell(t, cli, i, widths, &blanks);
    return true;
}
