/* Accounts: `defaults:` fills a pattern that each account starts from, so that what they share
 * is stored once. */
#include "config/build.h"
#include "config/private_file.h"

#include "base/ascii.h"
#include "base/mem.h"
#include "base/span.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define PEM_SIZE_MAX (1u << 20) /* Debian's whole bundle is 220 kB */

/* What is read of one account, with the nodes that later checks point at. */
struct draft {
    struct config_account a;
    const struct yaml_node *tls, *hooks;
};

/* ---- password ---- */

static int check_private(struct schema *s, const struct yaml_node *at, const char *path)
{
    char why[512];
    struct stat st;
    int fd = plain_file_open(path, &st, why, sizeof why);

    if (fd < 0) {
        log_warn(NULL, "%s:%u:%u: %s", s->file, at->line, at->column, why);
        return 0; /* it may come later; a wrong mode will not heal */
    }
    (void)close(fd);
    fd = private_file_open(path, why, sizeof why);
    if (fd < 0)
        return schema_error(s, at, "%s", why);
    (void)close(fd);
    return 0;
}

static int read_secret_command(struct schema *s, const struct yaml_node *v, void *field)
{
    struct config_secret *secret = field;

    secret->kind = SECRET_COMMAND;
    return schema_argv(s, v, &secret->argv);
}

static int read_secret_file(struct schema *s, const struct yaml_node *v, void *field)
{
    struct config_secret *secret = field;

    secret->kind = SECRET_FILE;
    return schema_path(s, v, &secret->text) != 0 ? -1 : check_private(s, v, secret->text);
}

static int read_secret_credential(struct schema *s, const struct yaml_node *v, void *field)
{
    struct config_secret *secret = field;

    secret->kind = SECRET_CREDENTIAL;
    if (schema_text(s, v, &secret->text) != 0)
        return -1;
    if (strchr(secret->text, '/') || secret->text[0] == '.')
        return schema_error(s, v, "`credential` is a name, not a path");
    return 0;
}

static const struct schema_key secret_keys[] = {
    {"command", SCHEMA_OWN, 0, 0, 0, NULL, read_secret_command},
    {"file", SCHEMA_OWN, 0, 0, 0, NULL, read_secret_file},
    {"credential", SCHEMA_OWN, 0, 0, 0, NULL, read_secret_credential},
    SCHEMA_KEYS_END,
};

static int read_plain_secret(struct schema *s, const struct yaml_node *v,
                             struct config_secret *secret)
{
    if (config_build_of(s)->exposed)
        return schema_error(s, v,
                            "a password here, and others can read the file; fix: chmod 600 %s, "
                            "or use {command: [...]}, {file: ...} or {credential: ...}",
                            s->file);
    log_warn(NULL,
             "%s:%u:%u: the password stands in the configuration; {command: [...]}, {file: ...} "
             "or {credential: ...} keep it out",
             s->file, v->line, v->column);
    secret->kind = SECRET_PLAIN;
    return schema_text(s, v, &secret->text);
}

static int read_secret(struct schema *s, const struct yaml_node *v, void *field)
{
    struct config_secret secret = {.kind = SECRET_NONE};

    if (v->kind == NODE_SCALAR) {
        if (read_plain_secret(s, v, &secret) != 0)
            return -1;
    } else {
        if (v->kind != NODE_MAP || v->count != 1)
            return schema_error(s, v,
                                "`%s` is one of {command: [...]}, {file: ...}, {credential: ...}",
                                v->key->text);
        if (schema_read(s, v, secret_keys, &secret) != 0)
            return -1;
    }
    *(struct config_secret *)field = secret;
    return 0;
}

/* ---- tls, auth ---- */

static const struct schema_word tls_words[] = {{"implicit", TLS_MODE_IMPLICIT, false},
                                               {"starttls", TLS_MODE_STARTTLS, false},
                                               {"none", TLS_MODE_NONE, false},
                                               {NULL, 0, false}};

static const struct schema_word tls_min_words[] = {
    {"1.2", 0, false}, {"1.3", 1, true}, {NULL, 0, false}};

static int read_tls_min(struct schema *s, const struct yaml_node *v, void *field)
{
    (void)field; /* 1.2 is the floor anyway */
    return schema_word(s, v, tls_min_words) ? 0 : -1;
}

static int read_ca(struct schema *s, const struct yaml_node *v, void *field)
{
    struct draft *d = field;
    struct perch_buf pem = PERCH_BUF_INIT;
    struct stat st;
    char why[512];
    int fd;

    if (schema_path(s, v, &d->a.ca_file) != 0)
        return -1;
    fd = plain_file_open(d->a.ca_file, &st, why, sizeof why);
    if (fd < 0)
        return schema_error(s, v, "%s", why);
    if (file_read_all(fd, PEM_SIZE_MAX, &pem, why, sizeof why) != 0) {
        perch_buf_done(&pem);
        return schema_error(s, v, "cannot read %s: %s", d->a.ca_file, why);
    }
    d->a.ca_pem = perch_arena_strndup(s->arena, (const char *)perch_buf_data(&pem), pem.len);
    perch_buf_done(&pem);
    if (!d->a.ca_pem)
        return schema_no_memory(s);
    if (!strstr(d->a.ca_pem, "-----BEGIN CERTIFICATE-----"))
        return schema_error(s, v, "%s holds no certificate in PEM form", d->a.ca_file);
    return 0;
}

#define FIELD(name) offsetof(struct draft, a.name)

static const struct schema_key tls_keys[] = {
    {"mode", SCHEMA_WORD, FIELD(tls), 0, 0, tls_words, NULL},
    {"ca", SCHEMA_OWN, 0, 0, 0, NULL, read_ca},
    {"verify", SCHEMA_BOOL, FIELD(tls_verify), 0, 0, NULL, NULL},
    {"min", SCHEMA_OWN, 0, 0, 0, NULL, read_tls_min},
    SCHEMA_KEY_LATER("pin"),
    SCHEMA_KEY_LATER("client"),
    SCHEMA_KEYS_END,
};

static int read_tls(struct schema *s, const struct yaml_node *v, void *field)
{
    ((struct draft *)field)->tls = v;
    return schema_read(s, v, tls_keys, field);
}

static const struct schema_word mechanisms[] = {{"plain", 0, false},
                                                {"login", 0, false},
                                                {"scram-sha-1", 0, true},
                                                {"scram-sha-1-plus", 0, true},
                                                {"scram-sha-256", 0, true},
                                                {"scram-sha-256-plus", 0, true},
                                                {"cram-md5", 0, true},
                                                {"digest-md5", 0, true},
                                                {"gssapi", 0, true},
                                                {"external", 0, true},
                                                {"xoauth2", 0, true},
                                                {"oauthbearer", 0, true},
                                                {NULL, 0, false}};

static int add_mechanism(struct schema *s, const struct yaml_node *v, char **slot)
{
    const struct schema_word *w = schema_word(s, v, mechanisms);
    char *name;

    if (!w)
        return -1;
    name = perch_arena_strndup(s->arena, w->text, strlen(w->text));
    if (!name)
        return schema_no_memory(s);
    for (char *p = name; *p; p++)
        *p = (char)perch_upper(*p);
    *slot = name;
    return 0;
}

static int read_auth(struct schema *s, const struct yaml_node *v, void *field)
{
    size_t count = v->kind == NODE_LIST ? v->count : 1, n = 0;
    char **list;

    if (v->kind == NODE_SCALAR && strcmp(v->text, "auto") == 0) {
        *(char ***)field = NULL;
        return 0;
    }
    if (v->kind == NODE_MAP || count == 0)
        return schema_error(s, v, "`auth` is auto or a list of mechanisms, as in [plain]");
    list = perch_arena_array(s->arena, count + 1, sizeof *list);
    if (!list)
        return schema_no_memory(s);
    if (v->kind == NODE_SCALAR) {
        if (add_mechanism(s, v, &list[n++]) != 0)
            return -1;
    }
    for (const struct yaml_node *e = v->first; e; e = e->next)
        if (add_mechanism(s, e, &list[n++]) != 0)
            return -1;
    list[n] = NULL;
    *(char ***)field = list;
    return 0;
}

/* ---- the account ---- */

static const struct schema_word watch_words[] = {{"auto", WATCH_AUTO, false},
                                                 {"notify", WATCH_NOTIFY, true},
                                                 {"idle", WATCH_IDLE, false},
                                                 {"poll", WATCH_POLL, false},
                                                 {NULL, 0, false}};

static const struct schema_word first_run_words[] = {{"quiet", FIRST_RUN_QUIET, false},
                                                     {"unseen", FIRST_RUN_UNSEEN, false},
                                                     {"all", FIRST_RUN_ALL, false},
                                                     {NULL, 0, false}};

static int keep_node(struct schema *s, const struct yaml_node *v, void *field)
{
    (void)s;
    *(const struct yaml_node **)field = v;
    return 0;
}

static const struct schema_key account_keys[] = {
    {"user", SCHEMA_TEXT, FIELD(user), 0, 0, NULL, NULL},
    {"host", SCHEMA_TEXT, FIELD(host), 0, 0, NULL, NULL},
    {"port", SCHEMA_PORT, FIELD(port), 0, 0, NULL, NULL},
    {"tls", SCHEMA_OWN, 0, 0, 0, NULL, read_tls},
    {"allow_cleartext", SCHEMA_BOOL, FIELD(allow_cleartext), 0, 0, NULL, NULL},
    {"auth", SCHEMA_OWN, FIELD(auth), 0, 0, NULL, read_auth},
    {"password", SCHEMA_OWN, FIELD(password), 0, 0, NULL, read_secret},
    {"mailboxes", SCHEMA_OWN, FIELD(mailboxes), 0, 0, NULL, config_read_patterns},
    {"watch", SCHEMA_WORD, FIELD(watch), 0, 0, watch_words, NULL},
    {"poll", SCHEMA_DURATION, FIELD(poll_ms), SECOND, DAY, NULL, NULL},
    {"rescan", SCHEMA_DURATION, FIELD(rescan_ms), SECOND, 30 * DAY, NULL, NULL},
    {"renew", SCHEMA_DURATION, FIELD(renew_ms), 10 * SECOND, 29 * MINUTE, NULL, NULL},
    {"first_run", SCHEMA_WORD, FIELD(first_run), 0, 0, first_run_words, NULL},
    {"hooks", SCHEMA_OWN, offsetof(struct draft, hooks), 0, 0, NULL, keep_node},
    SCHEMA_KEY_LATER("oauth"),
    SCHEMA_KEY_LATER("proxy"),
    SCHEMA_KEY_LATER("tunnel"),
    SCHEMA_KEY_LATER("move_window"),
    SCHEMA_KEYS_END,
};

static bool is_loopback(const char *host)
{
    struct in6_addr v6;
    struct in_addr v4;

    /* Read whole: a name may begin like an address, as 127.0.0.1.example.org does. */
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return perch_span_ieqs(perch_span_of(host), "localhost");
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if (perch_is_ctl((unsigned char)*text))
            return true;
    return false;
}

/* user: the account's name where that is an address. host: by the domain of the user or of
 * the name. */
static int fill_names(struct schema *s, const struct yaml_node *at, struct config_account *a)
{
    const char *domain = strrchr(a->key, '@'), *host;

    if (!a->user && !domain)
        return schema_error(s, at, "the account's name is no address: it needs a `user`");
    if (!a->user)
        a->user = a->key;
    if (strrchr(a->user, '@'))
        domain = strrchr(a->user, '@');
    if (a->host)
        return 0;
    if (!domain || domain[1] == '\0')
        return schema_error(s, at, "neither name nor `user` is an address: it needs a `host`");
    host = config_provider_host(domain + 1);
    a->host = host ? perch_arena_printf(s->arena, "%s", host)
                   : perch_arena_printf(s->arena, "imap.%s", domain + 1);
    return a->host ? 0 : schema_no_memory(s);
}

static int check_account(struct schema *s, const struct yaml_node *at, struct draft *d)
{
    struct config_account *a = &d->a;

    if (fill_names(s, at, a) != 0)
        return -1;
    if (has_control(a->user) || has_control(a->host) || strchr(a->host, ' '))
        return schema_error(s, at, "a blank or a control character in `user` or `host`");
    if (a->password.kind == SECRET_NONE)
        return schema_error(
            s, at, "no `password`; for example password: {command: [pass, show, %s]}", a->key);
    if (a->tls == TLS_MODE_NONE && !a->allow_cleartext && !is_loopback(a->host))
        return schema_error(s, d->tls ? d->tls : at,
                            "`mode: none` would send the password to %s in clear; it needs "
                            "`allow_cleartext: true`",
                            a->host);
    if (a->tls != TLS_MODE_NONE && !a->tls_verify)
        log_warn(a->key, "the server's certificate is not verified (`verify: false`)");
    if (a->port == 0)
        a->port = a->tls == TLS_MODE_IMPLICIT ? 993 : 143;
    return 0;
}

static int read_account(struct config_build *b, const struct yaml_node *v,
                        const struct draft *pattern, struct config_account *ret)
{
    struct draft d = *pattern;

    d.a.key = perch_arena_strndup(b->s.arena, v->key->text, strlen(v->key->text));
    if (!d.a.key)
        return schema_no_memory(&b->s);
    if (v->kind != NODE_MAP)
        return schema_error(&b->s, v, "an account is a map of keys");
    if (config_check_name(&b->s, v->key) != 0 || schema_read(&b->s, v, account_keys, &d) != 0 ||
        check_account(&b->s, v->key, &d) != 0)
        return -1;
    if (d.hooks && config_read_bindings(b, d.hooks, &d.a) != 0)
        return -1;
    *ret = d.a;
    return 0;
}

int config_read_accounts(struct config_build *b)
{
    struct draft pattern = {.a = {
                                .tls_verify = true,
                                .renew_ms = 28 * MINUTE,
                                .poll_ms = 5 * MINUTE,
                                .rescan_ms = HOUR,
                            }};
    struct config *c = b->c;

    if (b->defaults && schema_read(&b->s, b->defaults, account_keys, &pattern) != 0)
        return -1;
    if (!b->accounts)
        return schema_error(&b->s, NULL, "no `accounts`");
    if (b->accounts->kind != NODE_MAP || b->accounts->count == 0)
        return schema_error(&b->s, b->accounts, "`accounts` needs a map of accounts");
    c->accounts = perch_arena_array(b->s.arena, b->accounts->count, sizeof *c->accounts);
    if (!c->accounts)
        return schema_no_memory(&b->s);
    for (const struct yaml_node *v = b->accounts->first; v; v = v->next)
        if (read_account(b, v, &pattern, &c->accounts[c->naccounts++]) != 0)
            return -1;
    return 0;
}
