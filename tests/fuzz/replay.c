/* The main of a fuzz target where there is no libFuzzer: runs it over every file of the
 * directories and files given. A corpus that is missing or empty is an error, because a
 * replay of nothing would pass for ever. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define FILE_MAX (16u << 20)

static unsigned long replayed;

static int complain(const char *path, const char *what)
{
    (void)fprintf(stderr, "replay: %s: %s\n", path, what);
    return -1;
}

static int replay_file(const char *path, size_t size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1); /* exactly so large that a sanitizer sees its end */
    int ret = 0;

    if (!f || !data || size > FILE_MAX || fread(data, 1, size, f) != size) {
        ret = complain(path, "cannot be read");
    } else {
        (void)LLVMFuzzerTestOneInput(data, size);
        replayed++;
    }
    if (f)
        (void)fclose(f);
    free(data);
    return ret;
}

static int replay_path(const char *path);

static int replay_directory(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort), ret = 0;

    if (n < 0)
        return complain(path, strerror(errno));
    for (int i = 0; i < n; i++) {
        char child[4096];

        if (names[i]->d_name[0] != '.') {
            (void)snprintf(child, sizeof child, "%s/%s", path, names[i]->d_name);
            ret |= replay_path(child);
        }
        free(names[i]);
    }
    free(names);
    return ret;
}

static int replay_path(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return complain(path, strerror(errno));
    return S_ISDIR(st.st_mode) ? replay_directory(path) : replay_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
    int ret = 0;

    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        ret |= replay_path(argv[i]);
    if (replayed == 0)
        ret = complain(argc > 1 ? argv[1] : "(no argument)", "no file to replay");
    (void)printf("%lu inputs\n", replayed);
    return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
