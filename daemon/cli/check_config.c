/* perch check-config: what perchd would say about its file. */
#include "cli/cli.h"

#include "cli/output.h"
#include "config/config.h"

#include "base/mem.h"
#include "base/span.h"

static void print_summary(struct cli *cli, const struct config *c)
{
    out_text(cli, STYLE_PLAIN, perch_span_of(c->file));
    (void)fprintf(cli->out, ": good; accounts: %zu, hooks: %zu\n", c->naccounts, c->nhooks);
}

int cmd_check_config(struct cli *cli, int argc, char **argv)
{
    static const struct cli_option options[] = {{NULL, NULL, NULL}};
    auto_free char *file = NULL;
    struct config_paths paths = {0};
    struct config_error error;
    struct config *config;
    int status;

    if (!cli_parse(cli, options, &argc, argv, &status))
        return status;
    if (argc > 1)
        return cli_usage(cli, "what is %s? The file is named with --config", argv[1]);
    if (!cli->config)
        file = config_default_file();
    paths.config = cli->config ? cli->config : file;
    paths.state = cli->state;
    if (config_load(&paths, &config, &error) != 0) {
        if (cli->json)
            (void)out_json(cli, json_pack("{s:b, s:s}", "ok", 0, "error", error.text));
        else
            cli_error(cli, "%s", error.text);
        return CLI_UNWELL;
    }
    if (cli->json)
        (void)out_json(cli, json_pack("{s:b, s:s, s:I, s:I}", "ok", 1, "file", config->file,
                                      "accounts", (json_int_t)config->naccounts, "hooks",
                                      (json_int_t)config->nhooks));
    else
        print_summary(cli, config);
    config_free(config);
    return CLI_OK;
}
