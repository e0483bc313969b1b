/* The checkpoints of a run in their directory: names, pointers, pruning, the newest that verifies. */
#include "checkpoint.h"

#include "../base/files.h"
#include "ckpt_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "step-%09lld.h5"
#define MOST_DIRS 8

enum { LAST, BEST, ROLLBACK, POINTERS };
static const char *const pointer[POINTERS] = {"last", "best", "rollback"};

char *anl__ckpt_name(anl__arena *a, const char *dir, int64_t step)
{
    return anl__arena_printf(a, "%s/" NAME, dir, (long long)step);
}

/* step-000000123.h5 -> 123; -1: not a checkpoint's name, or not as we write it. */
static int64_t step_of(const char *name)
{
    char back[64];
    if (strncmp(name, "step-", 5) || name[5] < '0' || name[5] > '9') return -1;
    long long v = strtoll(name + 5, NULL, 10);
    snprintf(back, sizeof back, NAME, v);
    return strcmp(back, name) ? -1 : v;
}

/* "<dir>/<text>" in a buffer of the caller's; the buffer's status tells. */
static anl_status join(anl__buf *path, anl_ctx *ctx, const char *dir, const char *name)
{
    anl__buf_init(path, ctx);
    anl__buf_add(path, "%s/%s", dir, name);
    return path->status;
}

anl_status anl__ckpt_point(anl_ctx *ctx, const char *dir, const char *which, int64_t step)
{
    char text[64];
    anl__buf path;
    int n = snprintf(text, sizeof text, NAME "\n", (long long)step);
    anl_status st = join(&path, ctx, dir, which);
    if (st == ANL_OK) st = anl__file_replace(ctx, path.text, text, (size_t)n);
    anl__buf_release(&path);
    return st;
}

/* *step = -1: there is no such file. */
static anl_status pointed(anl_ctx *ctx, const char *dir, const char *which, int64_t *step)
{
    void *data = NULL;
    size_t n;
    anl__buf path;
    anl_status st = join(&path, ctx, dir, which);
    *step = -1;
    if (st != ANL_OK || !anl__path_exists(path.text)) goto done;
    ANL_GO(anl__file_read(ctx, path.text, 4096, &data, &n));
    char *end = strchr(data, '\n');
    if (end) *end = 0;
    *step = step_of(data);
    if (*step < 0) st = anl__fail(ctx, ANL_FORMAT, "%s: names no checkpoint", path.text);
done:
    anl__free(ctx, data);
    anl__buf_release(&path);
    return st;
}

int64_t anl__ckpt_pointed(anl_ctx *ctx, const char *dir, const char *which)
{
    int64_t step;
    return pointed(ctx, dir, which, &step) == ANL_OK ? step : -1;
}

typedef struct steps { int64_t *step, n, cap; } steps;

static int down(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static bool is_temporary(const char *name)
{
    bool ours = !strncmp(name, "step-", 5);
    for (int i = 0; i < POINTERS; i++) ours = ours || !strncmp(name, pointer[i], strlen(pointer[i]));
    return ours && strstr(name, ".tmp.");
}

/* Best effort: a file that stays is removed the next time. */
static void discard(anl_ctx *ctx, const char *dir, const char *name)
{
    anl__buf path;
    if (join(&path, ctx, dir, name) == ANL_OK) unlink(path.text);
    anl__buf_release(&path);
}

/* Steps in a directory, newest first; none when it is missing. `clean`: temporary files are removed. */
static anl_status list(anl_ctx *ctx, const char *dir, bool clean, steps *s)
{
    DIR *d = opendir(dir);
    anl_status st = ANL_OK;
    if (!d && errno == ENOENT) return ANL_OK;
    if (!d) return anl__fail(ctx, ANL_IO, "%s: cannot be listed: %s", dir, strerror(errno));
    for (struct dirent *e; st == ANL_OK && (e = readdir(d));) {
        if (clean && is_temporary(e->d_name)) discard(ctx, dir, e->d_name);
        int64_t step = step_of(e->d_name);
        if (step < 0) continue;
        st = anl__grow(ctx, &s->step, &s->cap, s->n + 1, sizeof *s->step);
        if (st == ANL_OK) s->step[s->n++] = step;
    }
    closedir(d);
    if (s->n) qsort(s->step, (size_t)s->n, sizeof *s->step, down);
    return st;
}

anl_status anl__ckpt_prune_sparing(anl_ctx *ctx, const char *dir, int keep, int64_t spare)
{
    steps s = {0};
    int64_t named[POINTERS], kept = 0;
    anl_status st = ANL_OK;
    for (int i = 0; i < POINTERS; i++)
        ANL_GO(pointed(ctx, dir, pointer[i], &named[i])); /* one that cannot be read: rather remove nothing */
    ANL_GO(list(ctx, dir, true, &s));
    for (int64_t i = 0; i < s.n; i++) {
        char name[64];
        if (named[LAST] >= 0 && s.step[i] > named[LAST]) continue;
        bool keeps = kept++ < keep || s.step[i] == spare;
        for (int k = 0; k < POINTERS; k++) keeps = keeps || s.step[i] == named[k];
        snprintf(name, sizeof name, NAME, (long long)s.step[i]);
        if (!keeps) discard(ctx, dir, name);
    }
done:
    anl__free(ctx, s.step);
    return st;
}

anl_status anl__ckpt_remove_after(anl_ctx *ctx, const char *dir, int64_t step)
{
    steps s = {0};
    anl_status st = list(ctx, dir, false, &s);
    for (int64_t i = 0; st == ANL_OK && i < s.n && s.step[i] > step; i++) {
        char name[64];
        anl__buf path;
        snprintf(name, sizeof name, NAME, (long long)s.step[i]);
        st = join(&path, ctx, dir, name);
        if (st == ANL_OK && unlink(path.text))
            st = anl__fail(ctx, ANL_IO, "%s cannot be removed: %s", path.text, strerror(errno));
        anl__buf_release(&path);
    }
    anl__free(ctx, s.step);
    return st;
}

anl_status anl__ckpt_prune(anl_ctx *ctx, const char *dir, int keep)
{
    return anl__ckpt_prune_sparing(ctx, dir, keep, -1);
}

/* `again`: also when a file of that name is there (a step may be written anew, with other contents, after a
 * rollback). */
static anl_status bring(anl_ctx *ctx, const char *from, const char *to, int64_t step, bool again)
{
    char name[64];
    anl__buf a, b;
    snprintf(name, sizeof name, NAME, (long long)step);
    anl_status st = join(&a, ctx, from, name), second = join(&b, ctx, to, name);
    if (st == ANL_OK) st = second;
    if (st == ANL_OK && (again || !anl__path_exists(b.text))) st = anl__ckpt_copy(ctx, a.text, b.text);
    anl__buf_release(&a);
    anl__buf_release(&b);
    return st;
}

anl_status anl__ckpt_mirror(anl_ctx *ctx, const char *from, const char *to, int64_t step, int keep)
{
    ANL_TRY(anl__dir_make(ctx, to));
    ANL_TRY(bring(ctx, from, to, step, true));
    ANL_TRY(anl__ckpt_point(ctx, to, pointer[LAST], step));
    for (int i = 0; i < POINTERS; i++) {
        int64_t named;
        if (i == LAST) continue;
        ANL_TRY(pointed(ctx, from, pointer[i], &named));
        if (named < 0) continue;
        anl_status st = named == step ? ANL_OK : bring(ctx, from, to, named, false);
        if (st == ANL_DATA) continue;
        if (st == ANL_OK) st = anl__ckpt_point(ctx, to, pointer[i], named);
        ANL_TRY(st);
    }
    return anl__ckpt_prune(ctx, to, keep);
}

static anl_status open_step(anl_ctx *ctx, const char *dir, int64_t step, anl__ckpt **out)
{
    char name[64];
    anl__buf path;
    snprintf(name, sizeof name, NAME, (long long)step);
    anl_status st = join(&path, ctx, dir, name);
    if (st == ANL_OK) st = anl__ckpt_open(ctx, path.text, out);
    anl__buf_release(&path);
    return st;
}

anl_status anl__ckpt_newest(anl_ctx *ctx, const char *const *dir, int n_dir, anl__ckpt **out)
{
    steps s[MOST_DIRS] = {{0}};
    int64_t at[MOST_DIRS] = {0}, rejected = 0;
    anl_status st = ANL_OK;
    *out = NULL;
    if (n_dir > MOST_DIRS)
        return anl__fail(ctx, ANL_INVALID, "more than %d checkpoint directories", MOST_DIRS);
    for (int d = 0; d < n_dir && st == ANL_OK; d++)
        if (dir[d]) st = list(ctx, dir[d], false, &s[d]);
    while (st == ANL_OK && !*out) {
        int from = -1;
        for (int d = 0; d < n_dir; d++)
            if (at[d] < s[d].n && (from < 0 || s[d].step[at[d]] > s[from].step[at[from]])) from = d;
        if (from < 0) break;
        anl_status opened = open_step(ctx, dir[from], s[from].step[at[from]++], out);
        if (opened == ANL_NOMEM || opened == ANL_UNSUPPORTED) st = opened;
        else if (opened != ANL_OK) {
            anl__log(ctx, ANL_LOG_WARN, "checkpoint left aside: %s", anl_last_error(ctx));
            rejected++;
        }
    }
    if (st == ANL_OK && !*out && rejected)
        st = anl__fail(ctx, ANL_FORMAT, "none of the %lld checkpoints can be used", (long long)rejected);
    for (int d = 0; d < n_dir; d++) anl__free(ctx, s[d].step);
    return st;
}
