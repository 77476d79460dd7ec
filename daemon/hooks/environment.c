/* Names are unique: the last word on a variable replaces the earlier ones in place. */
#include "hooks/environment.h"

#include "base/mem.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

static size_t name_length(const char *pair)
{
    return strcspn(pair, "=");
}

static char **find(const struct environment *e, const char *pair)
{
    size_t n = name_length(pair);

    for (size_t i = 0; i < e->n; i++)
        if (name_length(e->vars[i]) == n && memcmp(e->vars[i], pair, n) == 0)
            return &e->vars[i];
    return NULL;
}

static bool reserve(struct environment *e)
{
    size_t room = e->room ? e->room * 2 : 48;
    char **vars;

    if (e->n + 1 < e->room)
        return true;
    vars = perch_arena_array(e->arena, room, sizeof *vars);
    if (!vars)
        return false;
    if (e->n > 0)
        memcpy(vars, e->vars, e->n * sizeof *vars);
    e->vars = vars;
    e->room = room;
    return true;
}

/* Takes a pair that lives in the arena. */
static void add(struct environment *e, char *pair)
{
    char **old = pair ? find(e, pair) : NULL;

    if (old) {
        *old = pair;
        return;
    }
    if (!pair || !reserve(e)) {
        e->failed = true;
        return;
    }
    e->vars[e->n++] = pair;
    e->vars[e->n] = NULL;
}

void environment_set(struct environment *e, const char *name, const char *value)
{
    if (value)
        add(e, perch_arena_printf(e->arena, "%s=%s", name, value));
}

void environment_put(struct environment *e, const char *pair)
{
    add(e, perch_arena_strndup(e->arena, pair, strlen(pair)));
}

void environment_pass(struct environment *e, const char *name)
{
    environment_set(e, name, getenv(name));
}

/* Started by a person or their session, not by the system's manager for a service user. */
static bool runs_for_a_person(void)
{
    return geteuid() != 0 && !(getppid() == 1 && getenv("INVOCATION_ID"));
}

const char *environment_home(void)
{
    const char *value = getenv("HOME");
    const struct passwd *pw;

    if (value && value[0] == '/')
        return value;
    pw = getpwuid(geteuid());
    return pw && pw->pw_dir ? pw->pw_dir : "/";
}

void environment_init(struct environment *e, struct perch_arena *arena)
{
    static const char *const session[] = {
        "USER",    "LOGNAME",         "SHELL",      "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
        "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "GNUPGHOME"};
    const char *path = getenv("PATH");

    *e = (struct environment){.arena = arena};
    environment_set(e, "PATH", path && path[0] ? path : DEFAULT_PATH);
    environment_set(e, "HOME", environment_home());
    environment_pass(e, "LANG");
    environment_pass(e, "TZ");
    if (!runs_for_a_person())
        return;
    for (size_t i = 0; i < PERCH_COUNT(session); i++)
        environment_pass(e, session[i]);
}

const char *environment_directory(const struct environment *e)
{
    char **pair = find(e, "HOME");
    const char *directory = pair ? *pair + strlen("HOME=") : "/";
    struct stat st;

    if (stat(directory, &st) == 0 && S_ISDIR(st.st_mode) && access(directory, X_OK) == 0)
        return directory;
    return "/";
}
