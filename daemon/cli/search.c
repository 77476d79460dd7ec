/* perch search: the local index, without network and without the daemon. */
#include "cli/cli.h"
#include "cli/local.h"
#include "cli/output.h"
#include "cli/when.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/span.h"
#include "perch/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define LIMIT_DEFAULT 50

static const struct table_column columns[] = {
    {"REF", false, false},    {"DATE", false, false},    {"FROM", false, false},
    {"SUBJECT", false, true}, {"MAILBOX", false, false}, {"FLAGS", false, false},
    {NULL, false, false},
};

struct search {
    struct cli *cli;
    struct table *table; /* NULL with --json */
    size_t hits;
};

/* Operators of the whole query language, none of which is built yet: taking them for words
 * would find nothing and look like an answer. */
static bool is_operator(const char *word)
{
    static const char *const fields[] = {
        "from:",  "to:",    "cc:",   "subject:", "list:",    "is:", "in:",
        "newer:", "older:", "date:", "larger:",  "smaller:", "has:"};

    for (size_t i = 0; i < PERCH_COUNT(fields); i++)
        if (strncmp(word, fields[i], strlen(fields[i])) == 0)
            return true;
    return word[0] == '-' || strcmp(word, "or") == 0;
}

static json_t *flags_array(const char *flags)
{
    struct perch_span rest = perch_span_of(flags);
    json_t *array = json_array();

    while (rest.n > 0) {
        struct perch_span one = perch_span_cut(&rest, ' ');

        (void)json_array_append_new(array, json_stringn(one.p, one.n));
    }
    return array;
}

static json_t *hit_json(const struct store_hit *hit, json_t *envelope)
{
    char ref[24], date[PERCH_ISO_SIZE] = "";
    json_t *object;

    (void)snprintf(ref, sizeof ref, "m%" PRId64, hit->ref);
    if (hit->internaldate != INT64_MIN)
        perch_iso_format(hit->internaldate, date);
    object = json_pack("{s:s, s:s, s:s, s:I, s:o, s:I, s:o}", "ref", ref, "account", hit->account,
                       "mailbox", hit->mailbox, "uid", (json_int_t)hit->uid, "internaldate",
                       *date ? json_string(date) : json_null(), "size", (json_int_t)hit->size,
                       "flags", flags_array(hit->flags));
    if (object && envelope)
        (void)json_object_update_missing(object, envelope);
    return object;
}

static void add_row(struct search *s, const struct store_hit *hit, const json_t *envelope)
{
    const json_t *from = json_array_get(json_object_get(envelope, "from"), 0);
    struct perch_span name = json_text(from, "name");
    char date[WHEN_SIZE] = "";

    if (hit->internaldate != INT64_MIN)
        when_format(hit->internaldate, date);
    date[sizeof "2026-11-22 23:58" - 1] = '\0';
    table_cellf(s->table, STYLE_DIM, "m%" PRId64, hit->ref);
    table_cell(s->table, STYLE_PLAIN, perch_span_of(date));
    table_cell(s->table, STYLE_HEAD, name.n > 0 ? name : json_text(from, "address"));
    table_cell(s->table, STYLE_PLAIN, json_text(envelope, "subject"));
    table_cell(s->table, STYLE_PLAIN, perch_span_of(hit->mailbox));
    table_cell(s->table, STYLE_DIM, perch_span_of(hit->flags));
}

static int show_hit(const struct store_hit *hit, void *user)
{
    struct search *s = user;
    json_t *envelope = hit->envelope ? json_loads(hit->envelope, 0, NULL) : NULL;

    s->hits++;
    if (s->table)
        add_row(s, hit, envelope);
    else
        (void)out_json(s->cli, hit_json(hit, envelope));
    json_decref(envelope);
    return ferror(s->cli->out) ? 1 : 0;
}

static int search(struct search *s, const char *const *words, size_t nwords, const char *account,
                  size_t limit)
{
    struct store_reader *reader = local_open(s->cli);
    int rc;

    if (!reader)
        return CLI_UNWELL;
    rc = store_read_search(reader, words, nwords, account, limit, show_hit, s);
    if (rc < 0)
        cli_error(s->cli, "%s", store_reader_error(reader));
    store_reader_close(reader);
    if (rc == 0 && s->table && !table_print(s->table, s->cli))
        cli_error(s->cli, "out of memory");
    return rc == 0 && s->hits > 0 ? CLI_OK : CLI_UNWELL;
}

int cmd_search(struct cli *cli, int argc, char **argv)
{
    struct search s = {.cli = cli};
    const char *limit_text = NULL, *account = NULL;
    const struct cli_option options[] = {
        {"limit", NULL, &limit_text},
        {"account", NULL, &account},
        {NULL, NULL, NULL},
    };
    uint32_t limit = LIMIT_DEFAULT;
    int status;

    if (!cli_parse(cli, options, &argc, argv, &status))
        return status;
    if (argc < 2)
        return cli_usage(cli, "which words?");
    if (limit_text && !perch_num_u32(perch_span_of(limit_text), &limit))
        return cli_usage(cli, "--limit takes a number, not %s", limit_text);
    for (int i = 1; i < argc; i++) {
        if (is_operator(argv[i])) {
            cli_error(cli, "%s: not yet; only words are searched for", argv[i]);
            return CLI_USAGE;
        }
    }
    if (!cli->json)
        s.table = table_new(columns);
    if (!cli->json && !s.table) {
        cli_error(cli, "out of memory");
        return CLI_UNWELL;
    }
    status = search(&s, (const char *const *)argv + 1, (size_t)argc - 1, account, limit);
    table_free(s.table);
    return status;
}
