/* The configuration. Whatever the text:
 *  - it is taken, or refused with "FILE:LINE:COLUMN: reason" in one line, the place inside it;
 *  - what was taken survives the way to the engine, and the texts that stay with the runner are
 *    not in what goes;
 *  - hooks are numbered by their place, bindings name hooks that are there, no account lacks
 *    what the engine needs. */
#include "fuzz.h"

#include "config/config.h"
#include "config/transfer.h"

#include "base/ascii.h"
#include "base/num.h"
#include "base/span.h"

#define FILE_NAME "/nonexistent/perchd.yaml"

static uint64_t count_lines(const uint8_t *data, size_t size)
{
    uint64_t lines = 1;

    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n' || data[i] == '\r' ||
                 (data[i] == 0xc2 && i + 1 < size && data[i + 1] == 0x85) ||
                 (data[i] == 0xe2 && i + 1 < size && data[i + 1] == 0x80);
    return lines;
}

static void check_error(const char *text, uint64_t lines)
{
    const char *p = text + strlen(FILE_NAME), *end = text + strlen(text);
    uint64_t line, column;

    FUZZ_CHECK(strncmp(text, FILE_NAME, strlen(FILE_NAME)) == 0);
    FUZZ_CHECK(*p++ == ':');
    FUZZ_CHECK(perch_num_scan(&p, end, UINT32_MAX, &line));
    FUZZ_CHECK(*p++ == ':');
    FUZZ_CHECK(perch_num_scan(&p, end, UINT32_MAX, &column));
    FUZZ_CHECK(*p++ == ':');
    FUZZ_CHECK(*p++ == ' ');
    FUZZ_CHECK(*p != '\0');
    for (; *p; p++)
        FUZZ_CHECK(!perch_is_ctl((unsigned char)*p));
    FUZZ_CHECK(line >= 1 && line <= lines + 1 && column >= 1);
}

static void check_account(const struct config *c, const struct config_account *a)
{
    FUZZ_CHECK(a->key && a->user && a->host && a->port > 0);
    FUZZ_CHECK(a->password.kind != SECRET_NONE);
    FUZZ_CHECK(a->poll_ms > 0 && a->renew_ms > 0 && a->rescan_ms > 0);
    for (size_t i = 0; i < a->nbindings; i++) {
        FUZZ_CHECK(a->bindings[i].hook < c->nhooks);
        FUZZ_CHECK(a->bindings[i].kinds != 0 && (a->bindings[i].kinds & ~EVENT_ALL) == 0);
        for (size_t j = 0; j < i; j++)
            FUZZ_CHECK(a->bindings[j].hook != a->bindings[i].hook);
    }
}

static void check_config(const struct config *c)
{
    FUZZ_CHECK(c->state[0] == '/' && c->socket[0] == '/');
    FUZZ_CHECK(c->naccounts > 0);
    for (size_t i = 0; i < c->nhooks; i++) {
        FUZZ_CHECK(c->hooks[i].number == i);
        FUZZ_CHECK(c->hooks[i].run && c->hooks[i].run[0][0] != '\0');
        FUZZ_CHECK(c->hooks[i].backoff_min_ms <= c->hooks[i].backoff_max_ms);
    }
    for (size_t i = 0; i < c->naccounts; i++)
        check_account(c, &c->accounts[i]);
}

static void check_transfer(const struct config *c)
{
    struct config *e = NULL;
    char *text = config_to_json(c), *again;

    FUZZ_CHECK(text);
    FUZZ_CHECK(config_from_json(text, strlen(text), &e) == 0);
    again = config_to_json(e);
    FUZZ_CHECK(again && strcmp(text, again) == 0);
    FUZZ_CHECK(e->nhooks == c->nhooks && e->naccounts == c->naccounts);
    for (size_t i = 0; i < e->nhooks; i++)
        FUZZ_CHECK(!e->hooks[i].run && !e->hooks[i].env && !e->hooks[i].pass_env);
    for (size_t i = 0; i < e->naccounts; i++)
        FUZZ_CHECK(!e->accounts[i].password.text && !e->accounts[i].password.argv);
    free(text);
    free(again);
    config_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct config_paths paths = {.config = FILE_NAME};
    struct config_error error = {{0}};
    struct config *c = NULL;

    log_set_level(LOG_LEVEL_ERROR); /* warnings are not looked at */
    if (config_parse(&paths, (const char *)data, size, &c, &error) != 0) {
        FUZZ_CHECK(!c);
        check_error(error.text, count_lines(data, size));
        return 0;
    }
    check_config(c);
    check_transfer(c);
    config_free(c);
    return 0;
}
