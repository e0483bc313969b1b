/* Requests to a driver: small files in DIR/requests, read by the driver alone, so that the store has one
 * writer. A point that is added waits in its file until it has become a trial: a driver that dies loses none.
 * See driver_inside.h.
 */
#include "driver_inside.h"

#include "runtime/base/files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

anl_status sweep_request(anl_ctx *ctx, const char *dir, const char *text)
{
    char path[4300];
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    snprintf(path, sizeof path, "%s/requests", dir);
    ANL_TRY(anl__dir_make(ctx, path));
    snprintf(path, sizeof path, "%s/requests/%012lld%09ld-%d.txt", dir, (long long)t.tv_sec, t.tv_nsec,
             (int)getpid());
    return anl__file_replace(ctx, path, text, strlen(text));
}

static anl_status request_stop(driver *d, const char *which)
{
    char *end;
    long long number = strtoll(which, &end, 10);
    if (end == which) {
        d->stop = true;
        return ANL_OK;
    }
    sweep_trial *t = sweep_state_find(&d->state, number);
    if (!t || number < 0) {
        show_line(d, "stop %lld: there is no such trial", number);
        return ANL_OK;
    }
    ANL_TRY(decide_stop(d, t, "stopped by the user"));
    worker *w = work_of(d, t);
    if (w) work_ask(w, KILL_DECIDED);
    show_trial(d, t, "stopped");
    return ANL_OK;
}

/* ---- added points: in memory, and as the store's "added", separated by a character that no text has -----
 */

static const char separator[] = "\x1e";

static anl_status keep_added(driver *d)
{
    anl__buf b;
    anl__buf_init(&b, d->ctx);
    for (int64_t i = 0; i < d->n_added; i++) anl__buf_add(&b, "%s%s", i ? separator : "", d->added[i]);
    anl_status st = b.status == ANL_OK ? store_put_meta(d->store, "added", b.text) : b.status;
    anl__buf_release(&b);
    return st;
}

static anl_status append_added(driver *d, const char *lines)
{
    ANL_TRY(anl__grow(d->ctx, &d->added, &d->cap_added, d->n_added + 1, sizeof *d->added));
    d->added[d->n_added] = anl__strdup(d->ctx, lines);
    return d->added[d->n_added] ? (d->n_added++, ANL_OK) : ANL_NOMEM;
}

static anl_status point_of(driver *d, const char *lines, double *point)
{
    const char *word[512];
    char *copy = anl__strdup(d->ctx, lines), *save = NULL;
    int n = 0;
    if (!copy) return ANL_NOMEM;
    for (char *w = strtok_r(copy, "\n", &save); w && n < 512; w = strtok_r(NULL, "\n", &save)) word[n++] = w;
    anl_status st = sweep_point_of_words(d->recipe, word, n, point);
    anl__free(d->ctx, copy);
    return st;
}

anl_status requests_first(driver *d, double *point)
{
    return point_of(d, d->added[0], point);
}

anl_status requests_drop_first(driver *d)
{
    anl__free(d->ctx, d->added[0]);
    memmove(d->added, d->added + 1, sizeof *d->added * (size_t)--d->n_added);
    return keep_added(d);
}

anl_status requests_load(driver *d)
{
    const char *all = NULL;
    char *copy, *save = NULL;
    ANL_TRY(store_meta(d->store, d->arena, "request", &d->request));
    ANL_TRY(store_meta(d->store, d->arena, "added", &all));
    if (!all) return ANL_OK;
    if (!(copy = anl__arena_strdup(d->arena, all))) return ANL_NOMEM;
    for (char *p = strtok_r(copy, separator, &save); p; p = strtok_r(NULL, separator, &save))
        ANL_TRY(append_added(d, p));
    return ANL_OK;
}

static anl_status request_add(driver *d, const char *lines)
{
    double point[SPACE_MAX_AXES];
    if (point_of(d, lines, point)) {
        show_line(d, "add: %s", anl_last_error(d->ctx));
        return ANL_OK;
    }
    ANL_TRY(append_added(d, lines));
    return keep_added(d);
}

/* ---- reading them --------------------------------------------------------------------------------- */

static anl_status request(driver *d, const char *path)
{
    void *data;
    size_t bytes;
    ANL_TRY(anl__file_read(d->ctx, path, 1 << 20, &data, &bytes));
    char *text = data;
    const char *name = strrchr(path, '/') + 1;
    bool done = d->request && strcmp(name, d->request) <= 0; /* taken, and then the driver died */
    anl_status st = done ? ANL_OK : store_put_meta(d->store, "request", name);
    if (!done && !(d->request = anl__arena_strdup(d->arena, name))) st = ANL_NOMEM;
    if (st != ANL_OK || done) unlink(path);
    else if (!strncmp(text, "stop", 4)) st = request_stop(d, text + 4);
    else if (!strncmp(text, "add\n", 4)) st = request_add(d, text + 4);
    anl__free(d->ctx, data);
    unlink(path);
    return st;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

anl_status requests_read(driver *d)
{
    enum { MOST = 1000 };
    char dir[4200], *path[MOST];
    int n = 0;
    anl_status st = ANL_OK;
    snprintf(dir, sizeof dir, "%s/requests", d->dir);
    DIR *open = opendir(dir);
    for (struct dirent *e; open && n < MOST && (e = readdir(open));) {
        size_t len = strlen(e->d_name);
        if (e->d_name[0] == '.' || len < 5 || strcmp(e->d_name + len - 4, ".txt")) continue;
        char whole[4600];
        snprintf(whole, sizeof whole, "%s/%s", dir, e->d_name);
        if ((path[n] = anl__strdup(d->ctx, whole))) n++;
    }
    if (open) closedir(open);
    qsort(path, (size_t)n, sizeof *path, by_name);
    for (int i = 0; i < n; i++) {
        if (st == ANL_OK) st = request(d, path[i]);
        anl__free(d->ctx, path[i]);
    }
    return st;
}
