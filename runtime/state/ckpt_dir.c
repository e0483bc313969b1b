/* The checkpoints of a run in their directory: names, pointers, pruning, the newest that verifies. */
#include "checkpoint.h"

#include "../base/files.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *anl__ckpt_name(anl__arena *a, const char *dir, int64_t step) { return anl__arena_printf(a, "%s/step-%09lld.h5", dir, (long long)step); }

/* step-000000123.h5 -> 123; -1: not a checkpoint's name. */
static int64_t step_of(const char *name)
{
    char *end;
    if (strncmp(name, "step-", 5) || name[5] < '0' || name[5] > '9') return -1;
    long long v = strtoll(name + 5, &end, 10);
    return strcmp(end, ".h5") ? -1 : v;
}

anl_status anl__ckpt_point(anl_ctx *ctx, const char *dir, const char *which, int64_t step)
{
    char path[1024], text[64];
    snprintf(path, sizeof path, "%s/%s", dir, which);
    int n = snprintf(text, sizeof text, "step-%09lld.h5\n", (long long)step);
    return anl__file_replace(ctx, path, text, (size_t)n);
}

int64_t anl__ckpt_pointed(anl_ctx *ctx, const char *dir, const char *which)
{
    char path[1024];
    void *data = NULL;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", dir, which);
    if (!anl__path_exists(path) || anl__file_read(ctx, path, 4096, &data, &n) != ANL_OK) return -1;
    char *end = strchr(data, '\n');
    if (end) *end = 0;
    int64_t step = step_of(data);
    anl__free(ctx, data);
    return step;
}

typedef struct steps { int64_t *step, n, cap; } steps;

static int down(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void remove_if_orphaned(const char *dir, const char *name)
{
    const char *tmp = strstr(name, ".tmp.");
    char path[1400];
    if (!tmp || strncmp(name, "step-", 5)) return;
    long pid = strtol(tmp + 5, NULL, 10);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (pid != (long)getpid() && (pid <= 0 || kill((pid_t)pid, 0))) unlink(path);
}

/* Steps in a directory, newest first; `clean`: temporary files whose writer is gone are removed. */
static anl_status list(anl_ctx *ctx, const char *dir, bool clean, steps *s)
{
    DIR *d = opendir(dir);
    anl_status st = ANL_OK;
    if (!d) return ANL_OK;
    for (struct dirent *e; st == ANL_OK && (e = readdir(d));) {
        if (clean) remove_if_orphaned(dir, e->d_name);
        int64_t step = step_of(e->d_name);
        if (step < 0) continue;
        st = anl__grow(ctx, &s->step, &s->cap, s->n + 1, sizeof *s->step);
        if (st == ANL_OK) s->step[s->n++] = step;
    }
    closedir(d);
    if (s->n) qsort(s->step, (size_t)s->n, sizeof *s->step, down);
    return st;
}

anl_status anl__ckpt_prune(anl_ctx *ctx, const char *dir, int keep)
{
    steps s = {0};
    anl_status st = list(ctx, dir, true, &s);
    int64_t last = anl__ckpt_pointed(ctx, dir, "last"), best = anl__ckpt_pointed(ctx, dir, "best"), pinned = anl__ckpt_pointed(ctx, dir, "rollback");
    for (int64_t i = keep; st == ANL_OK && i < s.n; i++) {
        char path[1100];
        if (s.step[i] == last || s.step[i] == best || s.step[i] == pinned) continue;
        snprintf(path, sizeof path, "%s/step-%09lld.h5", dir, (long long)s.step[i]);
        unlink(path);
    }
    anl__free(ctx, s.step);
    return st;
}

anl_status anl__ckpt_remove_after(anl_ctx *ctx, const char *dir, int64_t step)
{
    steps s = {0};
    anl_status st = list(ctx, dir, false, &s);
    for (int64_t i = 0; st == ANL_OK && i < s.n && s.step[i] > step; i++) {
        char path[1100];
        snprintf(path, sizeof path, "%s/step-%09lld.h5", dir, (long long)s.step[i]);
        if (unlink(path)) st = anl__fail(ctx, ANL_IO, "%s cannot be removed: %s", path, strerror(errno));
    }
    anl__free(ctx, s.step);
    return st;
}

anl_status anl__ckpt_newest(anl_ctx *ctx, const char *const *dir, int n_dir, anl__ckpt **out)
{
    steps s[8] = {{0}};
    int64_t at[8] = {0};
    anl_status st = ANL_OK;
    *out = NULL;
    if (n_dir > 8) return anl__fail(ctx, ANL_INVALID, "more than 8 checkpoint directories");
    for (int d = 0; d < n_dir && st == ANL_OK; d++)
        if (dir[d]) st = list(ctx, dir[d], d == 0, &s[d]);
    while (st == ANL_OK && !*out) {
        int from = -1;
        for (int d = 0; d < n_dir; d++)
            if (at[d] < s[d].n && (from < 0 || s[d].step[at[d]] > s[from].step[at[from]])) from = d;
        if (from < 0) break;
        char path[1100];
        snprintf(path, sizeof path, "%s/step-%09lld.h5", dir[from], (long long)s[from].step[at[from]++]);
        anl_status opened = anl__ckpt_open(ctx, path, out);
        if (opened == ANL_NOMEM || opened == ANL_UNSUPPORTED) st = opened;
        else if (opened != ANL_OK) anl__log(ctx, ANL_LOG_WARN, "checkpoint left aside: %s", anl_last_error(ctx));
    }
    for (int d = 0; d < n_dir; d++) anl__free(ctx, s[d].step);
    return st;
}
