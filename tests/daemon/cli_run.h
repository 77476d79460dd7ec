/* Runs a command of perch inside the test, with streams in memory. */
#ifndef PERCH_TESTS_CLI_RUN_H
#define PERCH_TESTS_CLI_RUN_H

#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_WORDS 16
#define RUN_NOW   INT64_C(1795392000123) /* 2026-11-23T00:00:00.123Z */

struct run {
    int status;
    char *out, *err;
    size_t nout, nerr;
};

/* `words` ends with NULL; `columns` 0: no terminal. */
static inline struct run run_on(unsigned columns, const char *in, size_t nin,
                                const char *const *words)
{
    struct run r = {0};
    char *argv[RUN_WORDS + 1] = {0}, *owned[RUN_WORDS];
    struct cli cli = {.columns = columns, .now_ms = RUN_NOW};
    int argc = 0;

    cli.in = nin ? fmemopen((void *)(uintptr_t)in, nin, "r") : fopen("/dev/null", "r");
    cli.out = open_memstream(&r.out, &r.nout);
    cli.err = open_memstream(&r.err, &r.nerr);
    for (; words[argc] && argc < RUN_WORDS; argc++)
        argv[argc] = owned[argc] = strdup(words[argc]);
    r.status = cli_run(&cli, argc, argv); /* moves argv's words about */
    while (argc-- > 0)
        free(owned[argc]);
    (void)fclose(cli.in);
    (void)fclose(cli.out);
    (void)fclose(cli.err);
    return r;
}

#define RUN(...) run_on(0, "", 0, (const char *const[]){"perch", __VA_ARGS__, NULL})

static inline void run_done(struct run *r)
{
    free(r->out);
    free(r->err);
}

#endif
