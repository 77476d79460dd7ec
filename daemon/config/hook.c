/* Hooks, the bindings of accounts to them, and the rules for placeholders. */
#include "config/build.h"

#include "base/ascii.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/span.h"
#include "hooks/template.h"

#include <stdlib.h>
#include <string.h>

#define NAME_LEN_MAX    200
#define BINDINGS_MAX    1000 /* each is compared with those before it */
#define PATTERN_LEN_MAX 1000 /* matching costs pattern times name */

/* Kinds that no event has in this version: a hook for one alone would wait in silence. */
#define KINDS_LATER (EVENT_BIT(EVENT_MOVED) | EVENT_BIT(EVENT_MAILBOX_RENAMED))

/* ---- mailbox patterns ---- */

static const char *const roles[] = {"\\All",  "\\Archive", "\\Drafts", "\\Flagged", "\\Important",
                                    "\\Junk", "\\Sent",    "\\Trash",  NULL};

static const char *role_at(size_t n, const void *unused)
{
    (void)unused;
    return roles[n];
}

static int check_pattern(struct schema *s, const struct yaml_node *at, const char *pattern)
{
    const char *p = pattern[0] == '!' ? pattern + 1 : pattern;

    if (*p == '\0')
        return schema_error(s, at, "an empty mailbox pattern");
    if (strlen(p) > PATTERN_LEN_MAX)
        return schema_error(s, at, "a mailbox pattern has at most %d bytes", PATTERN_LEN_MAX);
    if (*p != '\\')
        return 0;
    for (size_t i = 0; roles[i]; i++)
        if (perch_span_ieqs(perch_span_of(p), roles[i]))
            return 0;
    return schema_error(s, at, "no special use is called `%.60s`%s", p,
                        schema_nearest(s, p, role_at, NULL));
}

int config_read_patterns(struct schema *s, const struct yaml_node *v, void *field)
{
    char **patterns;

    if (schema_texts(s, v, &patterns) != 0)
        return -1;
    if (v->kind == NODE_SCALAR) {
        if (check_pattern(s, v, patterns[0]) != 0)
            return -1;
    } else if (v->count == 0) {
        return schema_error(s, v, "`mailboxes` is empty: nothing would be watched");
    }
    for (const struct yaml_node *e = v->first; e; e = e->next)
        if (check_pattern(s, e, e->text) != 0)
            return -1;
    *(char ***)field = patterns;
    return 0;
}

/* ---- placeholders ---- */

static int check_placeholder(struct schema *s, const struct yaml_node *at,
                             const struct template_piece *piece)
{
    int n = piece->text.n > 60 ? 60 : (int)piece->text.n;
    const char *name;

    switch (piece->class) {
    case PLACEHOLDER_OURS:
    case PLACEHOLDER_NULLABLE:
    case PLACEHOLDER_JSON:
    case PLACEHOLDER_SERVER:
        return 0;
    case PLACEHOLDER_REFUSED:
        return schema_error(s, at, "`{%.*s}` has no text form; it is in the JSON on stdin", n,
                            piece->text.p);
    case PLACEHOLDER_BATCH:
        return schema_error(s, at, "`{%.*s}` needs `per: batch`", n, piece->text.p);
    case PLACEHOLDER_UNKNOWN:
        break;
    }
    name = perch_arena_strndup(s->arena, piece->text.p, piece->text.n);
    return schema_error(s, at, "unknown placeholder `{%.*s}`%s", n, piece->text.p,
                        name ? schema_nearest(s, name, template_name, NULL) : "");
}

/* An argument as YAML and as a list element: quoted unless it is a plain word. */
static void add_argument(struct perch_buf *out, const char *arg)
{
    bool plain = arg[0] != '\0';

    for (const char *p = arg; *p; p++)
        plain = plain && (perch_is_alnum(*p) || strchr("-_./+=", *p));
    if (plain) {
        perch_buf_adds(out, arg);
        return;
    }
    perch_buf_addc(out, '"');
    for (const char *p = arg; *p; p++) {
        if (*p == '"' || *p == '\\')
            perch_buf_addc(out, '\\');
        perch_buf_addc(out, *p);
    }
    perch_buf_addc(out, '"');
}

static int refuse_option(struct schema *s, const struct yaml_node *run,
                         const struct yaml_node *culprit)
{
    struct perch_buf fixed = PERCH_BUF_INIT;
    const char *text;

    for (const struct yaml_node *e = run->first; e; e = e->next) {
        if (e != run->first)
            perch_buf_adds(&fixed, ", ");
        if (e == culprit)
            perch_buf_adds(&fixed, "--, ");
        add_argument(&fixed, e->text);
    }
    text = perch_buf_cstr(&fixed);
    (void)schema_error(s, culprit,
                       "an argument that begins with text from a server could be taken for an "
                       "option; write `run: [%s]`",
                       text ? text : "");
    perch_buf_done(&fixed);
    return -1;
}

static bool is_shell(const char *program)
{
    static const char *const shells[] = {"sh",  "bash", "dash", "ash", "zsh",
                                         "ksh", "mksh", "fish", "csh", "tcsh"};
    const char *slash = strrchr(program, '/');

    for (size_t i = 0; i < PERCH_COUNT(shells); i++)
        if (strcmp(slash ? slash + 1 : program, shells[i]) == 0)
            return true;
    return false;
}

/* "-c", "-ec", ... */
static bool takes_code(const char *option)
{
    return option[0] == '-' && option[1] != '-' && strchr(option, 'c');
}

static int check_argument(struct schema *s, const struct yaml_node *at)
{
    const char *p = at->text;
    struct template_piece piece;

    while (template_next(&p, &piece))
        if (piece.placeholder && check_placeholder(s, at, &piece) != 0)
            return -1;
    return 0;
}

static int check_run(struct schema *s, const struct yaml_node *run)
{
    bool protected = false, shell = false, code = false;

    for (const struct yaml_node *e = run->first; e; e = e->next) {
        if (check_argument(s, e) != 0)
            return -1;
        if (e == run->first && template_has_server_text(e->text))
            return schema_error(s, e, "a server must not choose the program");
        if (code && template_has_server_text(e->text))
            return schema_error(s, e,
                                "a shell would run this text from a server; use the environment, "
                                "as in \"$PERCH_SUBJECT\"");
        if (!protected && template_begins_with_server_text(e->text))
            return refuse_option(s, run, e);
        protected = protected || (e != run->first && strcmp(e->text, "--") == 0);
        code = shell && takes_code(e->text);
        shell = shell || is_shell(e->text);
    }
    return 0;
}

static int read_run(struct schema *s, const struct yaml_node *v, void *field)
{
    return schema_argv(s, v, field) != 0 ? -1 : check_run(s, v);
}

/* ---- environment ---- */

static int check_variable(struct schema *s, const struct yaml_node *at, const char *name)
{
    static const char *const kept_back[] = {"NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "LISTEN_FDS",
                                            "LISTEN_PID", "LISTEN_FDNAMES"};
    const char *p = name;

    while (perch_is_alnum(*p) || *p == '_')
        p++;
    if (p == name || *p != '\0' || perch_is_digit(name[0]))
        return schema_error(s, at, "`%.60s` is no name for an environment variable", name);
    if (strncmp(name, "PERCH_", strlen("PERCH_")) == 0)
        return schema_error(s, at, "`%.60s`: perch sets the PERCH_ variables itself", name);
    for (size_t i = 0; i < PERCH_COUNT(kept_back); i++)
        if (strcmp(name, kept_back[i]) == 0)
            return schema_error(s, at, "`%s` is never passed to a hook", name);
    return 0;
}

static int read_env(struct schema *s, const struct yaml_node *v, void *field)
{
    char **env;
    size_t n = 0;

    if (schema_map(s, v, "a map of variables, as in {NAME: value}") != 0)
        return -1;
    env = perch_arena_array(s->arena, v->count + 1, sizeof *env);
    if (!env)
        return schema_no_memory(s);
    for (const struct yaml_node *e = v->first; e; e = e->next) {
        if (check_variable(s, e->key, e->key->text) != 0)
            return -1;
        if (e->kind != NODE_SCALAR)
            return schema_error(s, e, "`%s` takes one value", e->key->text);
        env[n] = perch_arena_printf(s->arena, "%s=%s", e->key->text, e->text);
        if (!env[n++])
            return schema_no_memory(s);
    }
    env[n] = NULL;
    *(char ***)field = env;
    return 0;
}

static int read_pass_env(struct schema *s, const struct yaml_node *v, void *field)
{
    if (schema_texts(s, v, field) != 0)
        return -1;
    if (v->kind == NODE_SCALAR)
        return check_variable(s, v, v->text);
    for (const struct yaml_node *e = v->first; e; e = e->next)
        if (check_variable(s, e, e->text) != 0)
            return -1;
    return 0;
}

/* ---- one hook ---- */

static int read_backoff(struct schema *s, const struct yaml_node *v, void *field)
{
    struct config_hook *h = field;
    const char *dots = v->kind == NODE_SCALAR ? strstr(v->text, "..") : NULL;
    int64_t min, max;

    if (!dots)
        return schema_error(s, v, "`backoff` is a range of times, such as 5s..1h");
    if (schema_duration(s, v, v->text, (size_t)(dots - v->text), SECOND, DAY, &min) != 0 ||
        schema_duration(s, v, dots + 2, strlen(dots + 2), SECOND, DAY, &max) != 0)
        return -1;
    if (min > max)
        return schema_error(s, v, "`backoff` begins with the shorter time");
    h->backoff_min_ms = min;
    h->backoff_max_ms = max;
    return 0;
}

static const struct schema_key retry_keys[] = {
    {"for", SCHEMA_DURATION, offsetof(struct config_hook, retry_for_ms), 0, 365 * DAY, NULL, NULL},
    {"backoff", SCHEMA_OWN, 0, 0, 0, NULL, read_backoff},
    SCHEMA_KEYS_END,
};

static int read_retry(struct schema *s, const struct yaml_node *v, void *field)
{
    return schema_read(s, v, retry_keys, field);
}

static int read_hold(struct schema *s, const struct yaml_node *v, void *field)
{
    if (v->kind == NODE_SCALAR && strcmp(v->text, "forever") == 0) {
        *(int64_t *)field = INT64_MAX;
        return 0;
    }
    if (v->kind != NODE_SCALAR)
        return schema_error(s, v, "`hold` is a time such as 10m, or forever");
    return schema_duration(s, v, v->text, strlen(v->text), 0, 365 * DAY, field);
}

static const struct schema_word per_words[] = {
    {"message", 0, false}, {"batch", 1, true}, {NULL, 0, false}};

static int read_per(struct schema *s, const struct yaml_node *v, void *field)
{
    (void)field; /* there is one way to run it; the word is checked and means nothing else */
    return schema_word(s, v, per_words) ? 0 : -1;
}

#define FIELD(name) offsetof(struct config_hook, name)

static const struct schema_key hook_keys[] = {
    {"run", SCHEMA_OWN, FIELD(run), 0, 0, NULL, read_run},
    {"per", SCHEMA_OWN, 0, 0, 0, NULL, read_per},
    {"timeout", SCHEMA_DURATION, FIELD(timeout_ms), SECOND, DAY, NULL, NULL},
    {"retry", SCHEMA_OWN, 0, 0, 0, NULL, read_retry},
    {"hold", SCHEMA_OWN, FIELD(hold_ms), 0, 0, NULL, read_hold},
    {"max_age", SCHEMA_DURATION, FIELD(max_age_ms), SECOND, 365 * DAY, NULL, NULL},
    {"mailboxes", SCHEMA_OWN, FIELD(mailboxes), 0, 0, NULL, config_read_patterns},
    {"pass_env", SCHEMA_OWN, FIELD(pass_env), 0, 0, NULL, read_pass_env},
    {"env", SCHEMA_OWN, FIELD(env), 0, 0, NULL, read_env},
    SCHEMA_KEY_LATER("shell"),
    SCHEMA_KEY_LATER("post"),
    SCHEMA_KEY_LATER("append"),
    SCHEMA_KEY_LATER("headers"),
    SCHEMA_KEY_LATER("sign"),
    SCHEMA_KEY_LATER("egress"),
    SCHEMA_KEY_LATER("when"),
    SCHEMA_KEY_LATER("wait_unseen"),
    SCHEMA_KEY_LATER("with"),
    SCHEMA_KEY_LATER("debounce"),
    SCHEMA_KEY_LATER("max_delay"),
    SCHEMA_KEY_LATER("max_batch"),
    SCHEMA_KEYS_END,
};

static int hooks_reserve(struct config_build *b)
{
    size_t room = b->hooks_room ? b->hooks_room * 2 : 16;
    struct config_hook *hooks;

    if (b->c->nhooks < b->hooks_room)
        return 0;
    hooks = perch_arena_array(b->s.arena, room, sizeof *hooks);
    if (!hooks)
        return schema_no_memory(&b->s);
    if (b->c->nhooks > 0)
        memcpy(hooks, b->c->hooks, b->c->nhooks * sizeof *hooks);
    b->c->hooks = hooks;
    b->hooks_room = room;
    return 0;
}

/* Appends the hook; its number is its place. */
static int add_hook(struct config_build *b, const struct yaml_node *v, char *name,
                    unsigned *ret_number)
{
    struct config_hook h = {
        .name = name,
        .number = (unsigned)b->c->nhooks,
        .timeout_ms = 300 * SECOND,
        .retry_for_ms = DAY,
        .backoff_min_ms = 5 * SECOND,
        .backoff_max_ms = HOUR,
        .hold_ms = 600 * SECOND,
    };

    if (schema_read(&b->s, v, hook_keys, &h) != 0 || hooks_reserve(b) != 0)
        return -1;
    if (!h.run)
        return schema_error(&b->s, v, "the hook has no `run`");
    b->c->hooks[b->c->nhooks++] = h;
    *ret_number = h.number;
    return 0;
}

int config_check_name(struct schema *s, const struct yaml_node *key)
{
    size_t len = strlen(key->text);

    if (len == 0 || len > NAME_LEN_MAX)
        return schema_error(s, key, "a name has 1 to %d bytes", NAME_LEN_MAX);
    for (const char *p = key->text; *p; p++)
        if (perch_is_ctl((unsigned char)*p))
            return schema_error(s, key, "a control character in a name");
    return 0;
}

/* ---- the file's hooks ---- */

static int by_name(const void *a, const void *b)
{
    const struct config_hook *x = *(struct config_hook *const *)a;
    const struct config_hook *y = *(struct config_hook *const *)b;

    return strcmp(x->name, y->name);
}

/* Numbers, not pointers into config.hooks: that array moves while inline hooks join it. */
static int index_names(struct config_build *b)
{
    size_t n = b->c->nhooks;
    struct config_hook *copies = perch_arena_array(b->s.arena, n, sizeof *copies);

    b->named = perch_arena_array(b->s.arena, n, sizeof(struct config_hook *));
    if (!copies || !b->named)
        return schema_no_memory(&b->s);
    for (size_t i = 0; i < n; i++) {
        copies[i] = b->c->hooks[i];
        b->named[i] = &copies[i];
    }
    b->nnamed = n;
    qsort(b->named, n, sizeof(struct config_hook *), by_name);
    return 0;
}

int config_read_hooks(struct config_build *b)
{
    unsigned number;

    if (!b->hooks)
        return 0;
    if (schema_map(&b->s, b->hooks, "a map of names") != 0)
        return -1;
    for (const struct yaml_node *v = b->hooks->first; v; v = v->next) {
        char *name = perch_arena_strndup(b->s.arena, v->key->text, strlen(v->key->text));

        if (!name)
            return schema_no_memory(&b->s);
        if (config_check_name(&b->s, v->key) != 0 || add_hook(b, v, name, &number) != 0)
            return -1;
    }
    return b->c->nhooks > 0 ? index_names(b) : 0;
}

static const char *hook_name_at(size_t n, const void *names)
{
    const struct config_build *b = names;

    return n < b->nnamed ? b->named[n]->name : NULL;
}

static const struct config_hook *find_named(const struct config_build *b, const char *name)
{
    struct config_hook wanted = {.name = (char *)name}, *key = &wanted;
    struct config_hook **found;

    if (b->nnamed == 0)
        return NULL;
    found = bsearch(&key, b->named, b->nnamed, sizeof(struct config_hook *), by_name);
    return found ? *found : NULL;
}

/* ---- bindings ---- */

static const char *kind_at(size_t n, const void *unused)
{
    (void)unused;
    if (n < EVENT_KIND_COUNT)
        return event_kind_name((enum event_kind)n);
    return n == EVENT_KIND_COUNT ? "any" : n == EVENT_KIND_COUNT + 1 ? "all" : NULL;
}

static int read_kinds(struct schema *s, const struct yaml_node *key, uint32_t *ret)
{
    enum event_kind kind;

    if (strcmp(key->text, "any") == 0) {
        *ret = EVENT_ANY;
    } else if (strcmp(key->text, "all") == 0) {
        *ret = EVENT_ALL;
    } else if (event_kind_parse(key->text, &kind)) {
        if (EVENT_BIT(kind) & KINDS_LATER)
            return schema_error(s, key, "`%s` is not built yet", key->text);
        *ret = EVENT_BIT(kind);
    } else {
        return schema_error(s, key, "unknown kind of event `%.60s`%s", key->text,
                            schema_nearest(s, key->text, kind_at, NULL));
    }
    return 0;
}

/* A hook fires once per event: its bindings are one. */
static void bind_hook(struct config_account *a, uint32_t kinds, unsigned hook)
{
    for (size_t i = 0; i < a->nbindings; i++)
        if (a->bindings[i].hook == hook) {
            a->bindings[i].kinds |= kinds;
            return;
        }
    a->bindings[a->nbindings++] = (struct config_binding){kinds, hook};
}

/* `v` is a hook's name or an inline hook, the n-th of its kind. */
static int read_binding(struct config_build *b, const struct yaml_node *v, const char *kind,
                        uint32_t kinds, unsigned n, struct config_account *a)
{
    const struct config_hook *named;
    unsigned number;
    char *name;

    if (v->kind == NODE_LIST)
        return schema_error(&b->s, v, "a list in a list of hooks");
    if (v->kind == NODE_SCALAR) {
        named = find_named(b, v->text);
        if (!named)
            return schema_error(&b->s, v, "no hook is called `%.60s`%s", v->text,
                                schema_nearest(&b->s, v->text, hook_name_at, b));
        bind_hook(a, kinds, named->number);
        return 0;
    }
    name = perch_arena_printf(b->s.arena, "%s.%s.%u", a->key, kind, n);
    if (!name)
        return schema_no_memory(&b->s);
    if (find_named(b, name))
        return schema_error(&b->s, v, "a hook of `hooks:` already has this one's name, `%s`", name);
    if (add_hook(b, v, name, &number) != 0)
        return -1;
    bind_hook(a, kinds, number);
    return 0;
}

static size_t count_bindings(const struct yaml_node *map)
{
    size_t n = 0;

    for (const struct yaml_node *v = map->first; v; v = v->next)
        n += v->kind == NODE_LIST ? v->count : 1;
    return n;
}

int config_read_bindings(struct config_build *b, const struct yaml_node *map,
                         struct config_account *a)
{
    size_t count = count_bindings(map);

    if (schema_map(&b->s, map, "a map of event kinds, as in {new: tell}") != 0)
        return -1;
    if (count > BINDINGS_MAX)
        return schema_error(&b->s, map, "more than %d hooks in one account", BINDINGS_MAX);
    a->nbindings = 0;
    a->bindings = perch_arena_array(b->s.arena, count, sizeof *a->bindings);
    if (!a->bindings)
        return schema_no_memory(&b->s);
    for (const struct yaml_node *v = map->first; v; v = v->next) {
        const struct yaml_node *e = v->kind == NODE_LIST ? v->first : v;
        uint32_t kinds = 0;

        if (read_kinds(&b->s, v->key, &kinds) != 0)
            return -1;
        for (unsigned n = 1; e; e = v->kind == NODE_LIST ? e->next : NULL)
            if (read_binding(b, e, v->key->text, kinds, n++, a) != 0)
                return -1;
    }
    return 0;
}
