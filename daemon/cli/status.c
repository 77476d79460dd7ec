/* perch status: how the running daemon's accounts are. The daemon answers what it knows
 * (engine/status.c); deliveries are counted in the database, here. */
#include "cli/cli.h"
#include "cli/link.h"
#include "cli/local.h"
#include "cli/output.h"
#include "config/duration.h"

#include "base/span.h"

#include <inttypes.h>
#include <string.h>

static const struct table_column account_columns[] = {
    {"ACCOUNT", false, false}, {"STATE", false, false},  {"WATCH", false, false},
    {"HEARD", false, false},   {"SYNCED", false, false}, {"MAILBOXES", true, false},
    {"MESSAGES", true, false}, {"PENDING", true, false}, {"DEAD", true, false},
    {NULL, false, false},
};

static const struct table_column mailbox_columns[] = {
    {"MAILBOX", false, false}, {"ROLE", false, false}, {"MESSAGES", true, false},
    {"SYNC", false, false},    {NULL, false, false},
};

static bool is_healthy(const json_t *account)
{
    return json_is_true(json_object_get(account, "healthy"));
}

static void number_cell(struct table *t, enum style style, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_integer(value))
        table_cellf(t, style, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        table_cell(t, STYLE_DIM, PERCH_SPAN("-"));
}

/* A member that counts milliseconds, "-" if it is null. */
static const char *span_text(const json_t *object, const char *key, char text[DURATION_SIZE])
{
    const json_t *value = json_object_get(object, key);

    duration_about(json_is_integer(value) ? json_integer_value(value) : -1, text);
    return text;
}

static void ago_cell(struct table *t, const json_t *object, const char *key)
{
    char text[DURATION_SIZE];
    bool never = !json_is_integer(json_object_get(object, key));

    table_cellf(t, STYLE_PLAIN, "%s%s", span_text(object, key, text), never ? "" : " ago");
}

static void add_account(struct table *t, const json_t *account)
{
    bool healthy = is_healthy(account);
    bool dead = json_integer_value(json_object_get(account, "dead")) > 0;

    table_cell(t, STYLE_HEAD, json_text(account, "account"));
    table_cell(t, healthy ? STYLE_GOOD : STYLE_BAD, json_text(account, "state"));
    table_cell(t, STYLE_PLAIN, json_text(account, "strategy"));
    ago_cell(t, account, "last_heard_ms_ago");
    ago_cell(t, account, "last_sync_ms_ago");
    table_cellf(t, STYLE_PLAIN, "%zu", json_array_size(json_object_get(account, "mailboxes")));
    number_cell(t, STYLE_PLAIN, account, "messages");
    number_cell(t, STYLE_PLAIN, account, "pending");
    number_cell(t, dead ? STYLE_WARN : STYLE_PLAIN, account, "dead");
}

static void print_error(struct cli *cli, const json_t *account)
{
    const json_t *error = json_object_get(account, "error");

    char retry[DURATION_SIZE];

    if (!json_is_object(error))
        return;
    out_text(cli, STYLE_BAD, json_text(account, "account"));
    (void)fputs(": ", cli->out);
    out_text(cli, STYLE_PLAIN, json_text(error, "class"));
    if (json_text(error, "reason").n > 0) {
        (void)fputs(" (", cli->out);
        out_text(cli, STYLE_PLAIN, json_text(error, "reason"));
        (void)fputc(')', cli->out);
    }
    (void)fputs(": ", cli->out);
    out_text(cli, STYLE_PLAIN, json_text(error, "text"));
    if (json_is_integer(json_object_get(account, "reconnect_in_ms")))
        (void)fprintf(cli->out, "; next attempt in %s",
                      span_text(account, "reconnect_in_ms", retry));
    (void)fputc('\n', cli->out);
}

static bool print_accounts(struct cli *cli, const json_t *accounts)
{
    struct table *t = table_new(account_columns);
    json_t *account;
    size_t i;
    bool ok;

    if (!t)
        return false;
    json_array_foreach(accounts, i, account)
    {
        add_account(t, account);
    }
    ok = table_print(t, cli);
    table_free(t);
    json_array_foreach(accounts, i, account)
    {
        print_error(cli, account);
    }
    return ok;
}

static void add_sync(struct table *t, const json_t *mailbox)
{
    if (json_is_false(json_object_get(mailbox, "watched")))
        table_cell(t, STYLE_WARN, PERCH_SPAN("not watched"));
    else
        table_cell(t, STYLE_PLAIN, json_text(mailbox, "sync"));
}

static bool print_mailboxes(struct cli *cli, const json_t *account)
{
    const json_t *mailboxes = json_object_get(account, "mailboxes");
    struct table *t = table_new(mailbox_columns);
    json_t *mailbox;
    size_t i;
    bool ok;

    if (!t)
        return false;
    json_array_foreach(mailboxes, i, mailbox)
    {
        table_cell(t, STYLE_PLAIN, json_text(mailbox, "name"));
        table_cell(t, STYLE_DIM, json_text(mailbox, "role"));
        number_cell(t, STYLE_PLAIN, mailbox, "messages");
        add_sync(t, mailbox);
    }
    if (i > 0)
        (void)fputc('\n', cli->out);
    ok = table_print(t, cli);
    table_free(t);
    return ok;
}

/* ---- deliveries ---- */

static int count(const struct store_counts *c, void *user)
{
    json_t *account;
    size_t i;

    if (c->mailbox)
        return 0;
    json_array_foreach((json_t *)user, i, account)
    {
        const char *key = json_string_value(json_object_get(account, "account"));

        if (!key || strcmp(key, c->account) != 0)
            continue;
        (void)json_object_set_new(account, "pending", json_integer(c->pending));
        (void)json_object_set_new(account, "dead", json_integer(c->dead));
    }
    return 0;
}

/* "pending" and "dead" for each account; null where the database does not tell. */
static void add_deliveries(struct cli *cli, json_t *accounts)
{
    struct store_reader *reader;
    struct store_error error;
    json_t *account;
    size_t i;

    json_array_foreach(accounts, i, account)
    {
        (void)json_object_set_new(account, "pending", json_null());
        (void)json_object_set_new(account, "dead", json_null());
    }
    if (local_find(cli, &reader, &error) != 0) {
        cli_error(cli, "deliveries are not counted: %s", error.text);
        return;
    }
    if (store_read_counts(reader, count, accounts) != 0)
        cli_error(cli, "deliveries are not counted: %s", store_reader_error(reader));
    store_reader_close(reader);
}

/* ---- the command ---- */

/* The accounts that were asked for: all, or the one of that name. A new reference. */
static json_t *choose(const json_t *answer, const char *name)
{
    const json_t *accounts = json_object_get(answer, "accounts");
    json_t *chosen = json_array(), *account;
    size_t i;

    json_array_foreach(accounts, i, account)
    {
        const char *key = json_string_value(json_object_get(account, "account"));

        if (!name || (key && strcmp(key, name) == 0))
            (void)json_array_append(chosen, account);
    }
    return chosen;
}

static int show(struct cli *cli, const json_t *accounts, bool one)
{
    json_t *account;
    bool healthy = true, ok = true;
    size_t i;

    if (!cli->json)
        ok = print_accounts(cli, accounts) &&
             (!one || print_mailboxes(cli, json_array_get(accounts, 0)));
    json_array_foreach(accounts, i, account)
    {
        healthy = healthy && is_healthy(account);
        if (cli->json)
            ok = ok && out_json(cli, json_incref(account));
    }
    return ok && healthy ? CLI_OK : CLI_UNWELL;
}

int cmd_status(struct cli *cli, int argc, char **argv)
{
    static const struct cli_option options[] = {{NULL, NULL, NULL}};
    struct link *link;
    json_t *answer, *accounts;
    int status;

    if (!cli_parse(cli, options, &argc, argv, &status))
        return status;
    if (argc > 2)
        return cli_usage(cli, "one account or all, not %s too", argv[2]);
    link = link_open(cli, &status);
    if (!link)
        return status;
    answer = link_ask(link, json_pack("{s:s}", "cmd", "status"));
    link_close(link);
    if (!answer)
        return CLI_UNWELL;
    accounts = choose(answer, argc == 2 ? argv[1] : NULL);
    if (argc == 2 && json_array_size(accounts) == 0) {
        cli_error(cli, "there is no account %s", argv[1]);
        status = CLI_UNWELL;
    } else {
        add_deliveries(cli, accounts);
        status = show(cli, accounts, argc == 2);
    }
    json_decref(accounts);
    json_decref(answer);
    return status;
}
