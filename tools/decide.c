/* See decide.h. */
#include "decide.h"

#include "runtime/graph/precision.h"
#include "tools/job/job.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char file[] = "decided.txt"; /* "train.batch=256" a line */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static anl_status steps(job *j, int n, double *seconds)
{
    const anl__feed *f = &j->part[JOB_TRAIN].feed;
    anl__feed_batch b = {0};
    anl__step_result r;
    ANL_TRY(f->start(f->self, 0, 0));
    ANL_TRY(f->next(f->self, &b));
    double t = now();
    anl_status st = ANL_OK;
    for (int i = 0; i < n && st == ANL_OK; i++) st = anl__trainer_step(j->trainer, &b, 1, 0, 0, &r);
    *seconds = now() - t;
    f->release(f->self, &b);
    return st;
}

/* Samples a second at this batch; 0: it needs more than half of the memory, or the set is smaller. */
static anl_status speed(anl_ctx *ctx, recipe *r, int64_t batch, double *out)
{
    job j = {0};
    double seconds = 0;
    char *report = NULL;
    double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    *out = 0;
    anl_status st = job_open(ctx, r, &(job_opts){.train = true, .batch = batch}, &j);
    if (st == ANL_OK && j.part[JOB_TRAIN].feed.samples < batch) goto done;
    if (st == ANL_OK) st = job_compile(&j, true, false);
    if (st == ANL_NOMEM || st == ANL_DEVICE_NOMEM) {
        st = ANL_OK;
        goto done;
    }
    if (st == ANL_OK) st = job_init(&j, &report);
    if (st != ANL_OK) goto done;
    anl_program_stats s;
    anl_program_get_stats(anl__trainer_program(j.trainer, ANL_TRAIN), &s);
    if ((double)s.arena_bytes > 0.5 * memory) goto done;
    ANL_GO(steps(&j, 2, &seconds)); /* caches and pages */
    ANL_GO(steps(&j, 6, &seconds));
    *out = 6 * (double)batch / seconds;
done:
    anl__free(ctx, report);
    job_close(&j);
    return st;
}

/* The smallest batch that is nearly as fast a sample as the fastest: larger ones cost steps and gain nothing. */
static anl_status decide_batch(anl_ctx *ctx, recipe *r, char line[64])
{
    static const int64_t sizes[] = {32, 64, 128, 256, 512, 1024};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    double fast[SIZES], best = 0;
    int chosen = 0;
    char value[32];
    for (int i = 0; i < SIZES; i++) {
        ANL_TRY(speed(ctx, r, sizes[i], &fast[i]));
        if (fast[i] > best) best = fast[i];
    }
    while (chosen < SIZES - 1 && fast[chosen] < 0.9 * best) chosen++;
    fprintf(stderr, "train.batch: %lld (samples/s:", (long long)sizes[chosen]);
    for (int i = 0; i < SIZES && fast[i] > 0; i++) fprintf(stderr, " %lld: %.0f", (long long)sizes[i], fast[i]);
    fprintf(stderr, ")\n");
    snprintf(value, sizeof value, "%lld", (long long)sizes[chosen]);
    snprintf(line, 64, "train.batch=%s\n", value);
    return recipe_set(r, "train.batch", value);
}

static anl_status decide_precision(anl_ctx *ctx, recipe *r, char line[64])
{
    anl_device *dev;
    anl_device_opts o = anl_device_opts_default();
    o.threads = 1;
    ANL_TRY(anl_device_open(ctx, recipe_text(r, "device"), &o, &dev));
    const char *name = anl__precision_auto(dev)->name;
    fprintf(stderr, "train.precision: %s (device %s)\n", name, dev->vt->name);
    anl_device_close(dev);
    snprintf(line, 64, "train.precision=%s\n", name);
    return recipe_set(r, "train.precision", name);
}

static anl_status recall(recipe *r, char *text)
{
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *eq = strchr(line, '=');
        if (!eq) continue;
        *eq = 0;
        ANL_TRY(recipe_set(r, line, eq + 1));
    }
    return ANL_OK;
}

anl_status decide(anl_ctx *ctx, recipe *r, anl__run_dir *dir)
{
    bool batch = recipe_is_word(r, "train.batch"), precision = !strcmp(recipe_text(r, "train.precision"), "auto");
    char lines[2][64] = {"", ""}, all[160];
    anl__arena *a;
    const char *known = NULL;
    if (!batch && !precision) return ANL_OK;
    ANL_TRY(anl__arena_create(ctx, &a));
    anl_status st = dir ? anl__run_dir_get(dir, a, file, &known) : ANL_OK;
    if (st == ANL_OK && known) {
        char *copy = anl__arena_strdup(a, known);
        st = copy ? recall(r, copy) : ANL_NOMEM;
    } else if (st == ANL_OK) {
        if (precision) st = decide_precision(ctx, r, lines[0]);
        if (st == ANL_OK && batch) st = decide_batch(ctx, r, lines[1]);
        snprintf(all, sizeof all, "%s%s", lines[0], lines[1]);
        if (st == ANL_OK && dir) st = anl__run_dir_put(dir, file, all);
    }
    anl__arena_destroy(a);
    return st;
}

anl_status decide_as_begun(anl_ctx *ctx, recipe *stored, const recipe *now, anl__run_dir *dir)
{
    anl_status st = ANL_OK;
    anl__buf b;
    anl__buf_init(&b, ctx);
    if (recipe_is_word(now, "train.batch") && !recipe_is_word(stored, "train.batch")) {
        anl__buf_add(&b, "train.batch=%lld\n", (long long)recipe_int(stored, "train.batch"));
        ANL_GO(recipe_set(stored, "train.batch", "auto"));
    }
    if (!strcmp(recipe_text(now, "train.precision"), "auto") && strcmp(recipe_text(stored, "train.precision"), "auto")) {
        anl__buf_add(&b, "train.precision=%s\n", recipe_text(stored, "train.precision"));
        ANL_GO(recipe_set(stored, "train.precision", "auto"));
    }
    if (b.len) ANL_GO(anl__run_dir_put(dir, file, b.text));
done:
    if (st == ANL_OK) st = b.status;
    anl__buf_release(&b);
    return st;
}
