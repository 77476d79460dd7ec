/* Both directions of each struct stand together. What the runner keeps to itself (argv,
 * environment, secrets) is not written, so it cannot be read. PEM bundles are written once
 * each, however many accounts share one. */
#include "config/transfer.h"

#include "config/build.h"

#include "base/mem.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define HOOKS_MAX    100000
#define ACCOUNTS_MAX 100000

/* ---- small pieces ---- */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *texts_or_null(char *const *texts)
{
    json_t *list;

    if (!texts)
        return json_null();
    list = json_array();
    for (; list && *texts; texts++)
        if (json_array_append_new(list, json_string(*texts)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* A reader stops at the first thing that is not as written: `ok` is asked once at the end. */
struct in {
    struct perch_arena *arena;
    bool ok;
};

static char *in_copy(struct in *in, json_t *v)
{
    char *copy = perch_arena_strndup(in->arena, json_string_value(v), json_string_length(v));

    in->ok = in->ok && copy && strlen(copy) == json_string_length(v);
    return copy;
}

/* NULL for null. */
static char *in_text_or_null(struct in *in, json_t *object, const char *key)
{
    json_t *v = json_object_get(object, key);

    if (json_is_string(v))
        return in_copy(in, v);
    in->ok = in->ok && json_is_null(v);
    return NULL;
}

static char *in_text(struct in *in, json_t *object, const char *key)
{
    char *text = in_text_or_null(in, object, key);

    in->ok = in->ok && text;
    return text;
}

static char **in_texts_or_null(struct in *in, json_t *object, const char *key)
{
    json_t *v = json_object_get(object, key), *e;
    char **texts;
    size_t i;

    if (!json_is_array(v)) {
        in->ok = in->ok && json_is_null(v);
        return NULL;
    }
    texts = perch_arena_array(in->arena, json_array_size(v) + 1, sizeof *texts);
    in->ok = in->ok && texts;
    json_array_foreach(v, i, e)
    {
        in->ok = in->ok && json_is_string(e);
        if (!in->ok)
            return NULL;
        texts[i] = in_copy(in, e);
    }
    if (texts)
        texts[json_array_size(v)] = NULL;
    return texts;
}

static int64_t in_number(struct in *in, json_t *object, const char *key, int64_t min, int64_t max)
{
    json_t *v = json_object_get(object, key);
    int64_t n = json_is_integer(v) ? json_integer_value(v) : -1;

    in->ok = in->ok && json_is_integer(v) && n >= min && n <= max;
    return in->ok ? n : min;
}

static bool in_bool(struct in *in, json_t *object, const char *key)
{
    json_t *v = json_object_get(object, key);

    in->ok = in->ok && json_is_boolean(v);
    return json_is_true(v);
}

static json_t *in_array(struct in *in, json_t *object, const char *key, size_t max)
{
    json_t *v = json_object_get(object, key);

    in->ok = in->ok && json_is_array(v) && json_array_size(v) <= max;
    return in->ok ? v : NULL;
}

/* ---- hooks ---- */

static json_t *hook_out(const struct config_hook *h)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "name", h->name, "timeout",
                     (json_int_t)h->timeout_ms, "retry_for", (json_int_t)h->retry_for_ms,
                     "backoff_min", (json_int_t)h->backoff_min_ms, "backoff_max",
                     (json_int_t)h->backoff_max_ms, "hold", (json_int_t)h->hold_ms, "max_age",
                     (json_int_t)h->max_age_ms, "mailboxes", texts_or_null(h->mailboxes));
}

static void hook_in(struct in *in, json_t *v, unsigned number, struct config_hook *h)
{
    *h = (struct config_hook){
        .name = in_text(in, v, "name"),
        .number = number,
        .timeout_ms = in_number(in, v, "timeout", 0, INT64_MAX),
        .retry_for_ms = in_number(in, v, "retry_for", 0, INT64_MAX),
        .backoff_min_ms = in_number(in, v, "backoff_min", 0, INT64_MAX),
        .backoff_max_ms = in_number(in, v, "backoff_max", 0, INT64_MAX),
        .hold_ms = in_number(in, v, "hold", 0, INT64_MAX),
        .max_age_ms = in_number(in, v, "max_age", 0, INT64_MAX),
        .mailboxes = in_texts_or_null(in, v, "mailboxes"),
    };
}

/* ---- accounts ---- */

static json_t *bindings_out(const struct config_account *a)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < a->nbindings; i++) {
        json_t *pair =
            json_pack("[I, I]", (json_int_t)a->bindings[i].kinds, (json_int_t)a->bindings[i].hook);

        if (json_array_append_new(list, pair) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static void bindings_in(struct in *in, json_t *account, size_t nhooks, struct config_account *a)
{
    json_t *list = in_array(in, account, "hooks", nhooks), *pair;
    size_t i;

    a->bindings = perch_arena_array(in->arena, json_array_size(list), sizeof *a->bindings);
    in->ok = in->ok && (a->bindings || json_array_size(list) == 0);
    json_array_foreach(list, i, pair)
    {
        json_int_t kinds = 0, hook = -1;

        in->ok = in->ok && json_unpack(pair, "[I, I!]", &kinds, &hook) == 0 && kinds >= 0 &&
                 kinds <= EVENT_ALL && hook >= 0 && (uint64_t)hook < nhooks;
        if (!in->ok)
            return;
        a->bindings[a->nbindings++] =
            (struct config_binding){.kinds = (uint32_t)kinds, .hook = (unsigned)hook};
    }
}

static json_t *account_out(const struct config_account *a)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:o, s:b, s:b, s:o, s:o, s:i, s:I, s:I, s:I, s:i, "
                     "s:i, s:o}",
                     "key", a->key, "user", a->user, "host", a->host, "port", (int)a->port, "tls",
                     (int)a->tls, "ca", text_or_null(a->ca_file), "verify", a->tls_verify,
                     "allow_cleartext", a->allow_cleartext, "auth", texts_or_null(a->auth),
                     "mailboxes", texts_or_null(a->mailboxes), "watch", (int)a->watch, "renew",
                     (json_int_t)a->renew_ms, "poll", (json_int_t)a->poll_ms, "rescan",
                     (json_int_t)a->rescan_ms, "first_run", (int)a->first_run, "password",
                     (int)a->password.kind, "hooks", bindings_out(a));
}

static char *pem_in(struct in *in, json_t *pems, const char *file)
{
    json_t *index = file ? json_object_get(pems, file) : NULL;

    if (!file)
        return NULL;
    in->ok = in->ok && json_is_string(index);
    return in->ok ? in_copy(in, index) : NULL;
}

/* `before` is the account in front of this one: as a rule they share the bundle. */
static void account_in(struct in *in, json_t *v, json_t *pems, size_t nhooks,
                       const struct config_account *before, struct config_account *a)
{
    *a = (struct config_account){
        .key = in_text(in, v, "key"),
        .user = in_text(in, v, "user"),
        .host = in_text(in, v, "host"),
        .port = (uint16_t)in_number(in, v, "port", 1, UINT16_MAX),
        .tls = (enum config_tls)in_number(in, v, "tls", 0, TLS_MODE_NONE),
        .ca_file = in_text_or_null(in, v, "ca"),
        .tls_verify = in_bool(in, v, "verify"),
        .allow_cleartext = in_bool(in, v, "allow_cleartext"),
        .auth = in_texts_or_null(in, v, "auth"),
        .mailboxes = in_texts_or_null(in, v, "mailboxes"),
        .watch = (enum config_watch)in_number(in, v, "watch", 0, WATCH_POLL),
        .renew_ms = in_number(in, v, "renew", 1, INT64_MAX),
        .poll_ms = in_number(in, v, "poll", 1, INT64_MAX),
        .rescan_ms = in_number(in, v, "rescan", 1, INT64_MAX),
        .first_run = (enum config_first_run)in_number(in, v, "first_run", 0, FIRST_RUN_ALL),
        .password.kind =
            (enum config_secret_kind)in_number(in, v, "password", 0, SECRET_CREDENTIAL),
    };
    if (before && a->ca_file && before->ca_file && strcmp(a->ca_file, before->ca_file) == 0) {
        a->ca_file = before->ca_file;
        a->ca_pem = before->ca_pem;
    } else {
        a->ca_pem = pem_in(in, pems, a->ca_file);
    }
    if (in->ok)
        bindings_in(in, v, nhooks, a);
}

/* ---- the whole ---- */

static json_t *lists_out(const struct config *c)
{
    json_t *hooks = json_array(), *accounts = json_array(), *pems = json_object();
    int failed = 0;

    for (size_t i = 0; i < c->nhooks; i++)
        failed |= json_array_append_new(hooks, hook_out(&c->hooks[i]));
    for (size_t i = 0; i < c->naccounts; i++) {
        const struct config_account *a = &c->accounts[i];

        failed |= json_array_append_new(accounts, account_out(a));
        if (a->ca_file && !json_object_get(pems, a->ca_file))
            failed |= json_object_set_new(pems, a->ca_file, json_string(a->ca_pem));
    }
    if (!failed)
        return json_pack("{s:o, s:o, s:o}", "hooks", hooks, "accounts", accounts, "pem", pems);
    json_decref(hooks);
    json_decref(accounts);
    json_decref(pems);
    return NULL;
}

char *config_to_json(const struct config *c)
{
    json_t *top = json_pack(
        "{s:I, s:s, s:s, s:s, s:i, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "generation",
        (json_int_t)c->generation, "file", c->file, "state", c->state, "socket", c->socket,
        "log_level", (int)c->log_level, "trace", texts_or_null(c->trace), "connections",
        (json_int_t)c->max_connections, "connects_per_second", (json_int_t)c->connects_per_second,
        "max_hooks", (json_int_t)c->max_hooks, "retain_events", (json_int_t)c->retain_events_ms,
        "retain_dead", (json_int_t)c->retain_dead_ms, "retain_gone", (json_int_t)c->retain_gone_ms);
    json_t *lists = lists_out(c);
    char *text = NULL;

    if (top && lists && json_object_update(top, lists) == 0)
        text = json_dumps(top, JSON_COMPACT);
    json_decref(lists);
    json_decref(top);
    return text;
}

static void top_in(struct in *in, json_t *v, struct config *c)
{
    c->generation = (uint64_t)in_number(in, v, "generation", 0, INT64_MAX);
    c->file = in_text(in, v, "file");
    c->state = in_text(in, v, "state");
    c->socket = in_text(in, v, "socket");
    c->log_level = (enum log_level)in_number(in, v, "log_level", 0, LOG_LEVEL_DEBUG);
    c->trace = in_texts_or_null(in, v, "trace");
    c->max_connections = (unsigned)in_number(in, v, "connections", 1, UINT32_MAX);
    c->connects_per_second = (unsigned)in_number(in, v, "connects_per_second", 1, UINT32_MAX);
    c->max_hooks = (unsigned)in_number(in, v, "max_hooks", 1, UINT32_MAX);
    c->retain_events_ms = in_number(in, v, "retain_events", 0, INT64_MAX);
    c->retain_dead_ms = in_number(in, v, "retain_dead", 0, INT64_MAX);
    c->retain_gone_ms = in_number(in, v, "retain_gone", 0, INT64_MAX);
}

static void lists_in(struct in *in, json_t *v, struct config *c)
{
    json_t *hooks = in_array(in, v, "hooks", HOOKS_MAX);
    json_t *accounts = in_array(in, v, "accounts", ACCOUNTS_MAX), *e;
    size_t i;

    c->hooks = perch_arena_array(in->arena, json_array_size(hooks), sizeof *c->hooks);
    c->accounts = perch_arena_array(in->arena, json_array_size(accounts), sizeof *c->accounts);
    in->ok = in->ok && c->hooks && c->accounts;
    if (!in->ok)
        return;
    json_array_foreach(hooks, i, e) hook_in(in, e, (unsigned)c->nhooks++, &c->hooks[i]);
    json_array_foreach(accounts, i, e)
    {
        account_in(in, e, json_object_get(v, "pem"), c->nhooks, i > 0 ? &c->accounts[i - 1] : NULL,
                   &c->accounts[i]);
        c->naccounts++;
    }
}

int config_from_json(const char *text, size_t len, struct config **ret_config)
{
    json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    struct in in = {.ok = json_is_object(v)};
    struct config *c = in.ok ? config_new(&in.arena) : NULL;

    if (!c) {
        json_decref(v);
        return -1;
    }
    top_in(&in, v, c);
    lists_in(&in, v, c);
    json_decref(v);
    if (!in.ok) {
        config_free(c);
        return -1;
    }
    *ret_config = c;
    return 0;
}
