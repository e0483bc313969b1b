/* Who may include whom: every source of the house is read, every #include of ours is placed in its room, and the table of what a
 * room may see decides. Also: no file above 700 lines, and none whose name a room does not expect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_LINES = 700 };

/* A room is the beginning of a path; the longest that fits counts. */
static const struct { const char *room, *may; } rules[] = {
    {"runtime/base", "runtime/anneal.h runtime/base"},
    {"runtime/graph", "runtime/anneal.h runtime/op.h runtime/device.h runtime/base runtime/graph"},
    {"runtime/state", "runtime/anneal.h runtime/op.h runtime/base runtime/state"},
    {"runtime/dist", "runtime/anneal.h runtime/op.h runtime/device.h runtime/base runtime/graph runtime/dist"},
    {"runtime/train", "runtime"},
    {"runtime/", "runtime"},
    {"kernels/common", "runtime/anneal.h runtime/op.h runtime/device.h runtime/base kernels/common"},
    {"kernels/", "runtime/anneal.h runtime/op.h runtime/device.h runtime/base kernels/common kernels/device_cuda/plugin tests/ops/case.h"}, /* plugin: what the CUDA device offers to kernels; and its own folder */
    {"models", "runtime models"},
    {"datasets", "runtime datasets"},
    {"tools", "runtime models datasets tools"},
};
enum { RULES = sizeof rules / sizeof rules[0] };

static int files, includes;

static bool below(const char *path, const char *room, size_t n) { return !strncmp(path, room, n) && (path[n] == '/' || !path[n] || room[n - 1] == '/'); }

static const char *allowed_for(const char *path)
{
    size_t best = 0;
    const char *may = NULL;
    for (int i = 0; i < RULES; i++) {
        size_t n = strlen(rules[i].room);
        if (n > best && below(path, rules[i].room, n)) {
            best = n;
            may = rules[i].may;
        }
    }
    return may;
}

static bool exists(const char *path)
{
    char full[8192];
    snprintf(full, sizeof full, "%s/../%s", ANL_TESTS_DIR, path);
    return access(full, F_OK) == 0;
}

/* Where an included name lies: beside the file, in runtime/, or from the top. */
static void locate(const char *from, const char *name, char out[4096])
{
    char dir[1024];
    snprintf(dir, sizeof dir, "%s", from);
    *strrchr(dir, '/') = 0;
    while (!strncmp(name, "../", 3)) {
        char *up = strrchr(dir, '/');
        name += 3;
        if (up) *up = 0;
        else dir[0] = 0;
    }
    snprintf(out, 4096, "%s%s%s", dir, dir[0] ? "/" : "", name);
    if (exists(out)) return;
    snprintf(out, 4096, "runtime/%s", name);
    if (!exists(out)) snprintf(out, 4096, "%s", name);
}

static void check_include(const char *path, int line, const char *name)
{
    char target[4096], may[256], own[1024], *save = NULL;
    locate(path, name, target);
    includes++;
    snprintf(own, sizeof own, "%s", path);
    *strrchr(own, '/') = 0;
    if (below(target, own, strlen(own))) return; /* its own folder */
    const char *list = allowed_for(path);
    if (!list) fail_msg("%s lies in no room of the house", path);
    snprintf(may, sizeof may, "%s", list);
    for (char *w = strtok_r(may, " ", &save); w; w = strtok_r(NULL, " ", &save))
        if (below(target, w, strlen(w))) return;
    fail_msg("%s:%d includes %s, which its room may not see (only: %s)", path, line, target, list);
}

static void check_file(const char *path)
{
    char full[8192], line[4096], name[512];
    int n = 0;
    snprintf(full, sizeof full, "%s/../%s", ANL_TESTS_DIR, path);
    FILE *f = fopen(full, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        n++;
        if (sscanf(line, "#include \"%511[^\"]\"", name) == 1) check_include(path, n, name);
    }
    fclose(f);
    files++;
    if (n > MOST_LINES) fail_msg("%s has %d lines, more than %d: it does more than one job", path, n, MOST_LINES);
}

static void walk(const char *dir)
{
    char full[8192];
    snprintf(full, sizeof full, "%s/../%s", ANL_TESTS_DIR, dir);
    DIR *d = opendir(full);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[800];
        struct stat s;
        size_t n = strlen(e->d_name);
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%.300s/%s", dir, e->d_name);
        snprintf(full, sizeof full, "%.200s/../%s", ANL_TESTS_DIR, path);
        if (stat(full, &s)) continue;
        if (S_ISDIR(s.st_mode)) walk(path);
        else if (n > 2 && e->d_name[n - 2] == '.' && strchr("ch", e->d_name[n - 1])) check_file(path);
    }
    closedir(d);
}

static void test_house(void **state)
{
    (void)state;
    static const char *const rooms[] = {"runtime", "kernels", "models", "datasets", "tools"};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) walk(rooms[i]);
    assert_true(files > 100 && includes > 200); /* the walk found the house */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_house)};
    return cmocka_run_group_tests_name("unit/house", tests, NULL, NULL);
}
