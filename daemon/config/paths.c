/* Where things are: options over the file over the environment over the defaults. */
#include "config/build.h"
#include "config/private_file.h"
#include "hooks/environment.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_CONFIG "/etc/perch/perchd.yaml"
#define SYSTEM_STATE  "/var/lib/perch"
#define SYSTEM_SOCKET "/run/perch/perchd.sock"

__attribute__((format(printf, 1, 2))) static char *format(const char *fmt, ...)
{
    va_list ap;
    char *text;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    text = n < 0 ? NULL : perch_malloc((size_t)n + 1);
    if (text) {
        va_start(ap, fmt);
        (void)vsnprintf(text, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    return text;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] != '\0' ? value : NULL;
}

/* XDG variables count only when absolute, says their specification. */
static const char *directory_variable(const char *name)
{
    const char *value = variable(name);

    return value && value[0] == '/' ? value : NULL;
}

/* $NAME/TAIL, or ~/FALLBACK/TAIL. */
static char *user_path(const char *name, const char *fallback, const char *tail)
{
    const char *base = directory_variable(name);

    return base ? format("%s/%s", base, tail)
                : format("%s/%s/%s", environment_home(), fallback, tail);
}

static bool is_root(void)
{
    return geteuid() == 0;
}

char *config_default_file(void)
{
    auto_free char *own = NULL;

    if (is_root())
        return perch_strdup(SYSTEM_CONFIG);
    own = user_path("XDG_CONFIG_HOME", ".config", "perch/perchd.yaml");
    if (!own)
        return NULL;
    return access(own, F_OK) == 0 ? perch_take(own) : perch_strdup(SYSTEM_CONFIG);
}

/* The first of systemd's colon-separated directories. */
static char *first_of(const char *list)
{
    return perch_memdup0(list, strcspn(list, ":"));
}

/* A path of the command line or the environment: relative to the working directory. */
static char *absolute(const char *path)
{
    auto_free char *here = NULL;

    if (path[0] == '/')
        return perch_strdup(path);
    here = getcwd(NULL, 0);
    return here ? format("%s/%s", here, path) : NULL;
}

char *config_directory(const char *file)
{
    auto_free char *path = absolute(file);
    char *slash = path ? strrchr(path, '/') : NULL;

    if (!slash)
        return NULL;
    slash[slash == path ? 1 : 0] = '\0';
    return perch_take(path);
}

char *config_state_path(const char *option, const char *from_file)
{
    const char *environment = variable("PERCH_STATE"), *service = variable("STATE_DIRECTORY");

    if (option)
        return absolute(option);
    if (from_file)
        return perch_strdup(from_file);
    if (environment)
        return absolute(environment);
    if (service)
        return first_of(service);
    return is_root() ? perch_strdup(SYSTEM_STATE)
                     : user_path("XDG_STATE_HOME", ".local/state", "perch");
}

static char *user_socket(const char *state)
{
    const char *runtime = directory_variable("XDG_RUNTIME_DIR");
    auto_free char *usual = NULL;

    if (runtime)
        return format("%s/perch/perchd.sock", runtime);
    usual = format("/run/user/%u", (unsigned)geteuid());
    if (usual && access(usual, W_OK) == 0)
        return format("%s/perch/perchd.sock", usual);
    return format("%s/perchd.sock", state); /* no session: beside the state, which is private */
}

char *config_socket_path(const char *option, const char *from_file, const char *state)
{
    const char *environment = variable("PERCH_SOCKET"), *service = variable("RUNTIME_DIRECTORY");
    auto_free char *directory = NULL;

    if (option)
        return absolute(option);
    if (from_file)
        return perch_strdup(from_file);
    if (environment)
        return absolute(environment);
    if (service) {
        directory = first_of(service);
        return directory ? format("%s/perchd.sock", directory) : NULL;
    }
    return is_root() ? perch_strdup(SYSTEM_SOCKET) : user_socket(state);
}

/* ---- without reading the configuration strictly ---- */

/* The path that a scalar names, NULL if there is none. */
static char *path_at(const struct yaml_node *v, const char *file)
{
    auto_free char *directory = NULL;

    if (!v || v->kind != NODE_SCALAR || v->text[0] == '\0')
        return NULL;
    if (v->text[0] == '/')
        return perch_strdup(v->text);
    directory = config_directory(file);
    return directory ? format("%s/%s", directory, v->text) : NULL;
}

/* A file that is missing or broken names no paths. */
static void read_paths(const char *file, char **ret_state, char **ret_socket)
{
    struct perch_buf text = PERCH_BUF_INIT;
    struct perch_arena arena;
    struct yaml_node *root = NULL;
    struct yaml_problem problem;
    struct stat st;
    char why[256];
    int fd = plain_file_open(file, &st, why, sizeof why);

    perch_arena_init(&arena, 0);
    arena.secret = text.secret = true; /* the file may hold passwords */
    if (fd >= 0 && file_read_all(fd, YAML_SIZE_MAX, &text, why, sizeof why) == 0 &&
        yaml_read((const char *)perch_buf_data(&text), text.len, &arena, &root, &problem) == 0) {
        *ret_state = path_at(yaml_get(root, "state"), file);
        *ret_socket = path_at(yaml_get(yaml_get(root, "control"), "socket"), file);
    }
    perch_arena_done(&arena);
    perch_buf_done(&text);
}

int config_find_paths(const char *config, const char *state, const char *socket, char **ret_state,
                      char **ret_socket)
{
    auto_free char *file = config ? perch_strdup(config) : config_default_file();
    auto_free char *file_state = NULL, *file_socket = NULL, *found = NULL;
    char *found_socket;

    if (file)
        read_paths(file, &file_state, &file_socket);
    found = config_state_path(state, file_state);
    if (!found)
        return -1;
    found_socket = config_socket_path(socket, file_socket, found);
    if (!found_socket)
        return -1;
    *ret_state = perch_take(found);
    *ret_socket = found_socket;
    return 0;
}
