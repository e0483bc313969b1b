/* See describe_pictures.h. Every file is looked at (whole? which shape?), none is decoded. */
#include "describe_pictures.h"

#include "datasets/picture.h"
#include "runtime/base/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 5 /* files that cannot be read */ };

typedef struct look {
    const anl__picture_list *list;
    anl__picture_shape *shape; /* [n]; h 0: cannot be read */
} look;

static void look_task(void *arg, int task, int worker)
{
    look *w = arg;
    (void)worker;
    if (anl__picture_look_path(w->list->item[task].path, &w->shape[task])) w->shape[task] = (anl__picture_shape){0};
}

static int by_area(const void *a, const void *b)
{
    const anl__picture_shape *x = a, *y = b;
    int64_t s = x->h * x->w, t = y->h * y->w;
    return s < t ? -1 : s > t;
}

/* Of all that can be read; shape is put in order of area. */
static void print_sizes(anl__picture_shape *shape, int64_t n)
{
    int64_t bad = 0, grey = 0;
    qsort(shape, (size_t)n, sizeof *shape, by_area);
    while (bad < n && !shape[bad].h) bad++;
    for (int64_t i = bad; i < n; i++) grey += shape[i].channels == 1;
    if (bad == n) return;
    const anl__picture_shape *a = &shape[bad], *m = &shape[bad + (n - bad) / 2], *z = &shape[n - 1];
    printf("sizes        %lldx%lld to %lldx%lld, the middle one %lldx%lld (height x width)\n", (long long)a->h, (long long)a->w, (long long)z->h, (long long)z->w, (long long)m->h, (long long)m->w);
    printf("colour       %lld, grey %lld\n", (long long)(n - bad - grey), (long long)grey);
}

static void print_bad(const look *w)
{
    int64_t bad = 0;
    for (int64_t i = 0; i < w->list->n; i++) {
        anl__picture_shape shape;
        if (w->shape[i].h || ++bad > SHOWN) continue;
        const char *path = w->list->item[i].path, *why = anl__picture_look_path(path, &shape);
        printf("%s%s: %s\n", bad == 1 ? "not readable " : "             ", path, why ? why : "it could not be read");
    }
    if (bad > SHOWN) printf("             and %lld more\n", (long long)bad - SHOWN);
}

static void print_classes(const anl__picture_list *l, int64_t *count)
{
    char name[4 * 20 + 1];
    if (!l->classes) return;
    for (int64_t i = 0; i < l->n; i++)
        if (l->item[i].part >= 0) count[l->item[i].label * ANL__PARTS + l->item[i].part]++;
    printf("classes      %d (train, valid, test)\n", l->classes);
    for (int c = 0; c < l->classes; c++)
        printf("  %5d  %s %9lld %9lld %9lld\n", c, anl__text_fit(l->class_name[c], 20, name), (long long)count[c * ANL__PARTS], (long long)count[c * ANL__PARTS + 1], (long long)count[c * ANL__PARTS + 2]);
}

anl_status describe_pictures(anl_ctx *ctx, const char *name, const anl__picture_list *l)
{
    look w = {.list = l, .shape = anl__calloc(ctx, (size_t)l->n, sizeof *w.shape)};
    int64_t *count = anl__calloc(ctx, (size_t)(l->classes + 1) * ANL__PARTS, sizeof *count);
    anl__pool *pool = NULL;
    anl_status st = w.shape && count ? anl__pool_create(ctx, 0, &pool) : ANL_NOMEM;
    if (st == ANL_OK) {
        anl__pool_run(pool, (int)l->n, look_task, &w);
        printf("set          %s\nformat       pictures\nsamples      %lld\n", name, (long long)l->n);
        if (l->others) printf("left out     %lld files that are no pictures, or lie in no class's folder, such as %s\n", (long long)l->others, l->first_other);
        print_bad(&w);
        print_sizes(w.shape, l->n);
        print_classes(l, count);
    }
    anl__pool_destroy(pool);
    anl__free(ctx, count);
    anl__free(ctx, w.shape);
    return st;
}
