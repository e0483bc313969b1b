/* anneal bench: how long a training step takes here, as one line. */
#include "bench_sequence.h"
#include "command.h"
#include "decide.h"
#include "exit_code.h"
#include "quoted.h"

#include "datasets/known.h"
#include "runtime/base/files.h"
#include "runtime/base/philox.h"
#include "tools/job/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const option bench_options[] = {
    {"dtype", "fp32|tf32|bf16|fp16", "as train.precision (default fp32)"},
    {"threads", "N", "of the cpu device (default: all)"},
    {"batch", "N", "samples of a step (default 128; resnet18, resnet50 and charlm 32, lstm-lm, forecaster and seq2seq 64; a recipe's own)"},
    {"seconds", "S", "how long to measure (default 3)"},
    {"json", NULL, "one JSON object"},
    {"profile", NULL, "a table of layers with microseconds instead"},
    {NULL, NULL, NULL},
};

#define SGD "optim: {name: sgd, lr: 0.01, weight_decay: 1e-4}\n"
/* The models that comparisons with other programs use, with the same optimizers there. */
static const struct {
    const char *name, *recipe;
    int side, channels, classes, batch; /* images */
    bench_shape sequence;               /* batch 0: images */
} benches[] = {
    {"mlp", "model: {name: mlp}\noptim: {name: sgd, lr: 0.01}\n", 28, 1, 10, 128, {0}},
    {"lenet5", "model: {name: lenet5}\n", 28, 1, 10, 128, {0}},
    {"cnn2", "model: {name: cnn2}\n", 28, 1, 10, 128, {0}},
    {"resnet20", "model: {name: resnet-cifar, depth: 20}\n" SGD, 32, 3, 10, 128, {0}},
    {"resnet18", "model: {name: resnet, depth: 18}\n" SGD, 224, 3, 1000, 32, {0}},
    {"resnet18-small", "model: {name: resnet, depth: 18, stem: small}\n" SGD, 32, 3, 10, 128, {0}},
    {"resnet50", "model: {name: resnet, depth: 50}\n" SGD, 224, 3, 1000, 32, {0}},
    {"charlm", "model: {name: charlm, cell: lstm, units: 512, num_layers: 2, embed: 128}\ntrain: {clip_norm: 1}\n", 0, 0, 0, 0, {128, 0, 96, 0, 32}},
    {"lstm-lm", "model: {name: charlm, cell: lstm, units: 1024, num_layers: 2, embed: 1024}\ntrain: {clip_norm: 1}\n", 0, 0, 0, 0, {64, 0, 10000, 0, 64}},
    {"forecaster", "model: {name: forecaster, cell: lstm, units: 64}\n", 0, 0, 0, 0, {48, 0, 0, 8, 64}},
    {"seq2seq", "model: {name: seq2seq, cell: gru, units: 256, embed: 256, bidirectional: true, attention: general}\n", 0, 0, 0, 0, {12, 12, 5000, 0, 64}},
    {"seq2seq-bahdanau", "model: {name: seq2seq, cell: gru, units: 256, embed: 256, bidirectional: true, attention: additive, readout: state}\n", 0, 0, 0, 0, {12, 12, 5000, 0, 64}},
};
#define MODELS "mlp, lenet5, cnn2, resnet20, resnet18, resnet18-small, resnet50 (images), charlm, lstm-lm, forecaster, seq2seq, seq2seq-bahdanau (sequences)"
enum { BENCHES = sizeof benches / sizeof benches[0], MOST_STEPS = 100000 };

static double now(clockid_t c)
{
    struct timespec t;
    clock_gettime(c, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds since this process began (resolution of the kernel's tick); 0: unknown. */
static double age(void)
{
    char line[1024], *p;
    unsigned long long start = 0;
    FILE *f = fopen("/proc/self/stat", "r");
    size_t n = f ? fread(line, 1, sizeof line - 1, f) : 0;
    if (f) fclose(f);
    line[n] = 0;
    p = strrchr(line, ')');
    if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &start) != 1) return 0;
    return now(CLOCK_BOOTTIME) - (double)start / (double)sysconf(_SC_CLK_TCK);
}

/* n images of noise, where the real set is not of that shape or not installed. */
static anl_status noise(anl_ctx *ctx, int side, int channels, int classes, int64_t n, anl__dataset **out)
{
    anl_shape s = {3, {side, side, channels}};
    size_t bytes = (size_t)(n * anl_shape_count(&s));
    uint8_t *x = anl__calloc(ctx, bytes + 16, 1);
    int32_t *y = anl__calloc(ctx, (size_t)n, sizeof *y);
    anl_status st = x && y ? ANL_OK : ANL_NOMEM;
    for (size_t i = 0; st == ANL_OK && i < bytes; i += 16) {
        anl__u32x4 v = anl__philox(1, (uint32_t)(i / 16), 0, 0, 0);
        memcpy(x + i, v.v, 16);
    }
    for (int64_t i = 0; st == ANL_OK && i < n; i++) y[i] = (int32_t)(i % classes);
    if (st == ANL_OK) st = anl__dataset_from_memory(ctx, ANL_U8, &s, n, x, y, classes, out);
    anl__free(ctx, x);
    anl__free(ctx, y);
    return st;
}

static anl_status open_bench(anl_ctx *ctx, const options *o, int which, recipe **r, job *j)
{
    char batch[64], threads[64], precision[64];
    const char *over[8 + OPTIONS_MOST] = {"data.validation=0", batch, threads, precision, "data.prefetch=8"}, *text = benches[which].recipe;
    int n = 5;
    bench_shape shape = benches[which].sequence;
    snprintf(batch, sizeof batch, "%lld", (long long)(shape.batch ? shape.batch : benches[which].batch));
    char *given = anl__strdup(ctx, options_text(o, "batch", batch));
    if (!given) return ANL_NOMEM;
    snprintf(batch, sizeof batch, "train.batch=%.40s", given);
    anl__free(ctx, given);
    snprintf(threads, sizeof threads, "threads=%s", options_text(o, "threads", "0"));
    snprintf(precision, sizeof precision, "train.precision=%s", options_text(o, "dtype", "fp32"));
    job_opts jo = {.train = true};
    char where[4096];
    bool sequence = shape.batch > 0, real = benches[which].channels == 1 && anl__known_where(anl__known_find("fashion-mnist"), where, sizeof where);
    if (real) over[n++] = "data.path=fashion-mnist";
    for (int i = 0; i < o->n_override; i++) over[n++] = o->override[i];
    ANL_TRY(recipe_parse(ctx, "bench", text, strlen(text), over, n, r));
    shape.batch = recipe_int(*r, "train.batch");
    int64_t least = 1280; /* samples of noise: of each class one, and one batch at least */
    if (!sequence && !real)
        ANL_TRY(noise(ctx, benches[which].side, benches[which].channels, benches[which].classes, least > shape.batch ? least : shape.batch, &jo.set));
    ANL_TRY(sequence ? bench_sequence_open(ctx, *r, &shape, j) : job_open(ctx, *r, &jo, j));
    if (!sequence) job_feed_close(j, &j->part[JOB_TEST]);
    return ANL_OK;
}

/* A recipe of the user's, on its own data; what the options say goes before what it says. */
static anl_status open_recipe(anl_ctx *ctx, const options *o, recipe **r, job *j)
{
    static const struct { const char *option, *key; } may[] = {{"batch", "train.batch"}, {"threads", "threads"}, {"dtype", "train.precision"}};
    enum { MAY = sizeof may / sizeof *may };
    char text[MAY][80];
    const char *over[MAY + OPTIONS_MOST];
    int n = 0;
    for (int i = 0; i < MAY; i++) {
        if (!options_has(o, may[i].option)) continue;
        snprintf(text[i], sizeof text[i], "%s=%.40s", may[i].key, options_text(o, may[i].option, ""));
        over[n++] = text[i];
    }
    for (int i = 0; i < o->n_override; i++) over[n++] = o->override[i];
    ANL_TRY(recipe_load(ctx, o->arg[0], over, n, r));
    ANL_TRY(decide(ctx, *r, NULL));
    return job_open(ctx, *r, &(job_opts){.train = true}, j);
}

/* which BENCHES: a recipe. */
static anl_status open_job(anl_ctx *ctx, const options *o, int which, recipe **r, job *j)
{
    char *report = NULL;
    ANL_TRY(which < BENCHES ? open_bench(ctx, o, which, r, j) : open_recipe(ctx, o, r, j));
    ANL_TRY(job_compile(j, true, false));
    anl_status st = job_init(j, &report);
    anl__free(ctx, report);
    return st;
}

typedef struct place { int64_t step, epoch, batch; } place; /* steps done; the next batch */

/* As many steps as follow each other without a look at what they gave, `limit` at most; *n of them. Where an epoch's last batch is smaller than
   the others it is left out. */
static anl_status some_steps(job *j, place *at, int limit, int *n)
{
    double lr[ANL__MOST_AHEAD];
    const anl__feed *f = &j->part[JOB_TRAIN].feed;
    anl__step_result r[ANL__MOST_AHEAD];
    int64_t full = f->batches ? f->batches : f->samples / f->batch;
    if (!full) full = 1;
    if (at->batch >= full || !at->step) {
        if (at->step) at->epoch++;
        at->batch = 0;
        ANL_TRY(f->start(f->self, at->epoch, 0));
    }
    int64_t left = full - at->batch;
    for (int i = 0; i < ANL__MOST_AHEAD; i++) lr[i] = 1e-3;
    anl__launch l = {.n = (int)(limit < left ? limit : left), .step = at->step + 1, .epoch = at->epoch, .first = at->batch * f->batch, .batch = f->batch, .lr = lr};
    ANL_TRY(anl__trainer_begin(j->trainer, &l));
    for (*n = 0; *n < l.n; ++*n) {
        anl__feed_batch b = {0};
        ANL_TRY(f->next(f->self, &b));
        if (!b.n) return anl__fail(j->ctx, ANL_INTERNAL, "the data of an epoch ended after %lld of %lld batches", (long long)(at->batch + *n), (long long)full);
        anl_status st = anl__trainer_enqueue(j->trainer, &b);
        f->release(f->self, &b);
        ANL_TRY(st);
    }
    at->step += l.n;
    at->batch += l.n;
    return anl__trainer_results(j->trainer, r);
}

static int by_value(const void *a, const void *b)
{
    double d = *(const double *)a - *(const double *)b;
    return d < 0 ? -1 : d > 0;
}

static anl_status profile(job *j)
{
    const anl__feed *f = &j->part[JOB_TRAIN].feed;
    anl__feed_batch b = {0};
    char *text;
    ANL_TRY(f->start(f->self, 0, 0));
    ANL_TRY(f->next(f->self, &b));
    anl_bind bind = {0};
    anl_program *p = anl__trainer_program(j->trainer, ANL_TRAIN);
    ANL_TRY(anl__trainer_stage(j->trainer, p, &b, &bind));
    ANL_TRY(anl_program_profile(p, &bind, 30, &text));
    fputs(text, stdout);
    anl_text_free(j->ctx, text);
    return ANL_OK;
}

static anl_status measure(job *j, const options *o, double seconds, double *ms)
{
    place at = {0};
    int n = 0, done, ahead = anl__trainer_most_ahead(j->trainer);
    int64_t steps = 0;
    const anl__feed *f = &j->part[JOB_TRAIN].feed;
    ANL_TRY(some_steps(j, &at, 1, &done));
    double start = age();
    for (int i = 0; i < 5; i++) ANL_TRY(some_steps(j, &at, 1, &done));
    for (double end = now(CLOCK_MONOTONIC) + seconds; n < MOST_STEPS && (steps < 10 || now(CLOCK_MONOTONIC) < end); n++) {
        double t = now(CLOCK_MONOTONIC);
        ANL_TRY(some_steps(j, &at, ahead, &done));
        ms[n] = 1e3 * (now(CLOCK_MONOTONIC) - t) / done;
        steps += done;
    }
    qsort(ms, (size_t)n, sizeof *ms, by_value);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    const char *dtype = recipe_text(j->recipe, "train.precision"), *how = anl__trainer_launch_note(j->trainer);
    if (options_has(o, "json")) {
        fputs("{\"model\":", stdout);
        print_quoted(o->arg[0]);
        printf(",\"dtype\":\"%s\",\"threads\":%lld,\"batch\":%lld,\"ms_median\":%.4f,\"ms_min\":%.4f,\"ms_max\":%.4f,\"start_s\":%.3f,\"rss_mib\":%ld,\"ahead\":%d,\"recorded\":%s,\"resident\":%s,\"anneal\":\"%s\"}\n",
               dtype, (long long)recipe_int(j->recipe, "threads"), (long long)f->batch, ms[n / 2], ms[0], ms[n - 1], start, u.ru_maxrss / 1024, ahead,
               anl__trainer_recorded(j->trainer) ? "true" : "false", anl__trainer_resident(j->trainer) ? "true" : "false", anl_version());
    } else {
        printf("%s %s, batch %lld: %.3f ms a step (median of %d; %.3f to %.3f), %.0f samples/s; first step done %.2f s after the start; %ld MiB%s%s%s\n", o->arg[0], dtype,
               (long long)f->batch, ms[n / 2], n, ms[0], ms[n - 1], 1e3 * (double)f->batch / ms[n / 2], start, u.ru_maxrss / 1024,
               anl__trainer_resident(j->trainer) ? "; data on the device" : "", *how ? "; " : "", how);
    }
    return ANL_OK;
}

static int run_bench(const options *o)
{
    int which = 0;
    double seconds;
    char why[256];
    while (which < BENCHES && strcmp(benches[which].name, o->arg[0])) which++;
    if (which == BENCHES && !anl__path_exists(o->arg[0])) return command_usage(o, "'%s' is neither a recipe's file nor one of " MODELS, o->arg[0]);
    if (!options_real(o, "seconds", 3, 0, 3600, &seconds, why)) return command_usage(o, "%s", why);
    anl_ctx *ctx = command_ctx();
    if (!ctx) return EXIT_ERROR;
    recipe *r = NULL;
    job j = {0};
    double *ms = anl__calloc(ctx, MOST_STEPS, sizeof *ms);
    anl_status st = ms ? open_job(ctx, o, which, &r, &j) : ANL_NOMEM;
    if (st == ANL_OK) st = options_has(o, "profile") ? profile(&j) : measure(&j, o, seconds, ms);
    int code = st == ANL_OK ? EXIT_DONE : command_fail(ctx, st);
    job_close(&j);
    recipe_free(r);
    anl__free(ctx, ms);
    anl_ctx_destroy(ctx);
    return code;
}

const command command_bench = {
    .name = "bench", .args = "RECIPE|MODEL [key=value ...]", .summary = "measures a training step on this machine",
    .details = "A recipe is measured on its own data, no run is begun. MODEL, on noise, is one of " MODELS ".",
    .options = bench_options, .min_args = 1, .max_args = 1, .overrides = true, .run = run_bench,
};
