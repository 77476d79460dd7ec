/* The top of the file, and the order in which its parts are read: hooks before the accounts
 * that name them, whatever the order on the page. */
#include "config/build.h"
#include "config/private_file.h"

#include "base/mem.h"

#include <string.h>
#include <unistd.h>

/* All of a configuration lies in one arena, which is wiped: it may hold passwords. */
struct loaded {
    struct config c; /* first */
    struct perch_arena arena;
};

static const char *const kind_names[EVENT_KIND_COUNT] = {
#define EVENT_KIND_TEXT(name, text) text,
    EVENT_KINDS(EVENT_KIND_TEXT)
#undef EVENT_KIND_TEXT
};

const char *event_kind_name(enum event_kind kind)
{
    return (unsigned)kind < EVENT_KIND_COUNT ? kind_names[kind] : "unknown";
}

bool event_kind_parse(const char *text, enum event_kind *ret)
{
    for (unsigned i = 0; i < EVENT_KIND_COUNT; i++)
        if (strcmp(kind_names[i], text) == 0) {
            *ret = (enum event_kind)i;
            return true;
        }
    return false;
}

struct config *config_new(struct perch_arena **ret_arena)
{
    struct loaded *l = perch_calloc(1, sizeof *l);

    if (!l)
        return NULL;
    perch_arena_init(&l->arena, 0);
    l->arena.secret = true;
    *ret_arena = &l->arena;
    return &l->c;
}

void config_free(struct config *c)
{
    struct loaded *l = (struct loaded *)c;

    if (!l)
        return;
    perch_arena_done(&l->arena);
    perch_free(l);
}

/* ---- keys ---- */

static int keep_hooks(struct schema *s, const struct yaml_node *v, void *field)
{
    (void)field;
    config_build_of(s)->hooks = v;
    return 0;
}

static int keep_defaults(struct schema *s, const struct yaml_node *v, void *field)
{
    (void)field;
    config_build_of(s)->defaults = v;
    return 0;
}

static int keep_accounts(struct schema *s, const struct yaml_node *v, void *field)
{
    (void)field;
    config_build_of(s)->accounts = v;
    return 0;
}

static const struct schema_word level_words[] = {{"error", LOG_LEVEL_ERROR, false},
                                                 {"warn", LOG_LEVEL_WARN, false},
                                                 {"info", LOG_LEVEL_INFO, false},
                                                 {"debug", LOG_LEVEL_DEBUG, false},
                                                 {NULL, 0, false}};

#define FIELD(name) offsetof(struct config, name)

static const struct schema_key control_keys[] = {
    {"socket", SCHEMA_PATH, FIELD(socket), 0, 0, NULL, NULL},
    SCHEMA_KEY_LATER("http"),
    SCHEMA_KEYS_END,
};

static const struct schema_key log_keys[] = {
    {"level", SCHEMA_WORD, FIELD(log_level), 0, 0, level_words, NULL},
    {"trace", SCHEMA_TEXTS, FIELD(trace), 0, 0, NULL, NULL},
    SCHEMA_KEYS_END,
};

static const struct schema_key limits_keys[] = {
    {"connections", SCHEMA_COUNT, FIELD(max_connections), 1, 1000000, NULL, NULL},
    {"connects_per_second", SCHEMA_COUNT, FIELD(connects_per_second), 1, 10000, NULL, NULL},
    {"hooks", SCHEMA_COUNT, FIELD(max_hooks), 1, 1000, NULL, NULL},
    SCHEMA_KEYS_END,
};

static const struct schema_key retain_keys[] = {
    {"events", SCHEMA_DURATION, FIELD(retain_events_ms), 60 * SECOND, 3650 * DAY, NULL, NULL},
    {"dead", SCHEMA_DURATION, FIELD(retain_dead_ms), 60 * SECOND, 3650 * DAY, NULL, NULL},
    {"gone", SCHEMA_DURATION, FIELD(retain_gone_ms), 60 * SECOND, 3650 * DAY, NULL, NULL},
    SCHEMA_KEYS_END,
};

static int read_control(struct schema *s, const struct yaml_node *v, void *field)
{
    return schema_read(s, v, control_keys, field);
}

static int read_log(struct schema *s, const struct yaml_node *v, void *field)
{
    return schema_read(s, v, log_keys, field);
}

static int read_limits(struct schema *s, const struct yaml_node *v, void *field)
{
    return schema_read(s, v, limits_keys, field);
}

static int read_retain(struct schema *s, const struct yaml_node *v, void *field)
{
    return schema_read(s, v, retain_keys, field);
}

static const struct schema_key top_keys[] = {
    {"state", SCHEMA_PATH, FIELD(state), 0, 0, NULL, NULL},
    {"control", SCHEMA_OWN, 0, 0, 0, NULL, read_control},
    {"log", SCHEMA_OWN, 0, 0, 0, NULL, read_log},
    {"limits", SCHEMA_OWN, 0, 0, 0, NULL, read_limits},
    {"retain", SCHEMA_OWN, 0, 0, 0, NULL, read_retain},
    {"hooks", SCHEMA_OWN, 0, 0, 0, NULL, keep_hooks},
    {"defaults", SCHEMA_OWN, 0, 0, 0, NULL, keep_defaults},
    {"accounts", SCHEMA_OWN, 0, 0, 0, NULL, keep_accounts},
    SCHEMA_KEY_LATER("index"),
    SCHEMA_KEY_LATER("accounts_dir"),
    SCHEMA_KEYS_END,
};

/* ---- after the keys ---- */

static const char *account_at(size_t n, const void *names)
{
    const struct config *c = names;

    return n < c->naccounts ? c->accounts[n].key : NULL;
}

static bool has_account(const struct config *c, const char *key)
{
    for (size_t i = 0; i < c->naccounts; i++)
        if (strcmp(c->accounts[i].key, key) == 0)
            return true;
    return false;
}

static int check_trace(struct config_build *b, const struct yaml_node *trace)
{
    struct config *c = b->c;

    for (char **key = c->trace; key && *key; key++)
        if (!has_account(c, *key))
            return schema_error(&b->s, trace, "`trace`: no account is called `%.60s`%s", *key,
                                schema_nearest(&b->s, *key, account_at, c));
    return 0;
}

/* Allocated text into the arena. */
static char *adopt(struct perch_arena *arena, char *text)
{
    char *copy = text ? perch_arena_strndup(arena, text, strlen(text)) : NULL;

    perch_free(text);
    return copy;
}

static int settle_paths(struct config_build *b, const char *state_option)
{
    struct config *c = b->c;

    c->state = adopt(b->s.arena, config_state_path(state_option, c->state));
    if (!c->state)
        return schema_no_memory(&b->s);
    c->socket = adopt(b->s.arena, config_socket_path(NULL, c->socket, c->state));
    return c->socket ? 0 : schema_no_memory(&b->s);
}

static int build(struct config_build *b, const struct yaml_node *root, const char *state_option)
{
    if (!root)
        return schema_error(&b->s, NULL, "the file is empty: it needs `accounts`");
    if (root->kind != NODE_MAP)
        return schema_error(&b->s, root, "the file is a map of keys, as in `accounts: ...`");
    if (schema_read(&b->s, root, top_keys, b->c) != 0 || config_read_hooks(b) != 0 ||
        config_read_accounts(b) != 0)
        return -1;
    if (check_trace(b, yaml_get(yaml_get(root, "log"), "trace")) != 0)
        return -1;
    return settle_paths(b, state_option);
}

/* ---- the file ---- */

/* A configuration names programs to run: who may write it may be us. */
static int judge_file(struct config_build *b, const struct stat *st)
{
    b->exposed = private_file_exposed(st) || (st->st_uid != 0 && st->st_uid != geteuid());
    if (st->st_mode & S_IWOTH)
        return schema_error(&b->s, NULL, "everybody can write this file; fix: chmod o-w %s",
                            b->s.file);
    if (st->st_uid != 0 && st->st_uid != geteuid())
        log_warn(NULL, "%s belongs to user %u, who can make perchd run programs", b->s.file,
                 (unsigned)st->st_uid);
    return 0;
}

static int read_file(struct config_build *b, struct perch_buf *text)
{
    struct stat st;
    char why[512];
    int fd = plain_file_open(b->s.file, &st, why, sizeof why);

    if (fd < 0)
        return schema_error(&b->s, NULL, "%s", why);
    if (st.st_size > YAML_SIZE_MAX) {
        (void)close(fd);
        return schema_error(&b->s, NULL, "larger than 1 MiB");
    }
    if (file_read_all(fd, YAML_SIZE_MAX, text, why, sizeof why) != 0)
        return schema_error(&b->s, NULL, "%s", why);
    return judge_file(b, &st);
}

static int parse(struct config_build *b, const char *text, size_t len, const char *state_option)
{
    struct yaml_node *root = NULL;
    struct yaml_problem problem;
    struct perch_arena nodes;
    int ret;

    perch_arena_init(&nodes, 0);
    nodes.secret = true;
    if (yaml_read(text, len, &nodes, &root, &problem) == 0)
        ret = build(b, root, state_option);
    else
        ret =
            schema_error(&b->s, &(struct yaml_node){.line = problem.line, .column = problem.column},
                         "%s", problem.text);
    perch_arena_done(&nodes);
    return ret;
}

/* An empty configuration with the defaults of the top. */
static int begin(struct config_build *b, const struct config_paths *paths,
                 struct config_error *error)
{
    *b = (struct config_build){.s = {.file = paths->config, .error = error}};
    b->c = config_new(&b->s.arena);
    if (!b->c)
        return schema_no_memory(&b->s);
    b->c->log_level = LOG_LEVEL_INFO;
    b->c->max_connections = 10000;
    b->c->connects_per_second = 50;
    b->c->max_hooks = 16;
    b->c->retain_events_ms = 30 * DAY;
    b->c->retain_dead_ms = 90 * DAY;
    b->c->retain_gone_ms = 30 * DAY;
    b->c->file = perch_arena_strndup(b->s.arena, paths->config, strlen(paths->config));
    b->s.directory = adopt(b->s.arena, config_directory(paths->config));
    return b->c->file && b->s.directory ? 0 : schema_no_memory(&b->s);
}

static int end(struct config_build *b, int ret, struct config **ret_config)
{
    static uint64_t generation;

    if (ret != 0) {
        config_free(b->c);
        return ret;
    }
    b->c->generation = ++generation;
    *ret_config = b->c;
    return 0;
}

int config_load(const struct config_paths *paths, struct config **ret_config,
                struct config_error *error)
{
    struct perch_buf text = {.secret = true};
    struct config_build b;
    int ret = begin(&b, paths, error);

    if (ret == 0)
        ret = read_file(&b, &text);
    if (ret == 0)
        ret = parse(&b, (const char *)perch_buf_data(&text), text.len, paths->state);
    perch_buf_done(&text);
    return end(&b, ret, ret_config);
}

int config_parse(const struct config_paths *paths, const char *text, size_t len,
                 struct config **ret_config, struct config_error *error)
{
    struct config_build b;
    int ret = begin(&b, paths, error);

    if (ret == 0)
        ret = parse(&b, text, len, paths->state);
    return end(&b, ret, ret_config);
}
