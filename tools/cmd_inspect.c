/* anneal inspect: what a checkpoint holds. */
#include "command.h"
#include "exit_code.h"
#include "inspect_safetensors.h"

#include "runtime/base/files.h"
#include "runtime/op.h"
#include "tools/job/job.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const option inspect_options[] = {
    {"recipe", NULL, "prints the recipe it was trained with, and nothing else"},
    {"tensor", "NAME", "prints the values of one tensor, and nothing else (params/conv1.weight)"},
    {"digest", NULL, "prints one SHA-256 over all tensors, and nothing else: equal where two runs ended with the same bits"},
    {NULL, NULL, NULL},
};

static void show_digest(const anl__ckpt *c)
{
    char hex[65];
    anl__sha256 h;
    anl__sha256_init(&h);
    for (int i = 0; i < anl__ckpt_count(c); i++) {
        anl__ckpt_tensor t = anl__ckpt_at(c, i);
        anl__sha256_add(&h, t.name, strlen(t.name));
        anl__sha256_add(&h, t.data, (size_t)anl_shape_count(&t.shape) * sizeof *t.data);
    }
    anl__sha256_hex(&h, hex);
    puts(hex);
}

static void show_tensor(const anl__ckpt_tensor *t)
{
    char shape[96], name[256];
    double sum = 0, sum2 = 0, low = INFINITY, high = -INFINITY;
    int64_t n = anl_shape_count(&t->shape), bad = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = (double)t->data[i];
        if (!isfinite(v)) {
            bad++;
            continue;
        }
        sum += v;
        sum2 += v * v;
        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    double mean = n > bad ? sum / (double)(n - bad) : 0, var = n > bad ? sum2 / (double)(n - bad) - mean * mean : 0;
    snprintf(name, sizeof name, "%s/%s", t->group, t->name);
    printf("%-44s %-14s mean %11.4g  std %10.4g  min %11.4g  max %11.4g", name, anl__shape_text(&t->shape, shape), mean, sqrt(var > 0 ? var : 0), low, high);
    if (bad) printf("  %lld not finite", (long long)bad);
    putchar('\n');
}

static void show_all(const anl__ckpt *c)
{
    int64_t params = 0;
    printf("file     %s\nstep     %lld\ndigest   %s (verified)\n", anl__ckpt_path(c), (long long)anl__ckpt_step(c), anl__ckpt_digest(c));
    for (int i = 0; i < anl__ckpt_attr_count(c); i++) {
        anl__ckpt_attr a = anl__ckpt_attr_at(c, i);
        if (a.type == ANL__CKPT_INT) printf("%-24s %lld\n", a.name, (long long)a.i);
        else if (a.type == ANL__CKPT_DOUBLE) printf("%-24s %.10g\n", a.name, a.d);
        else if (strchr(a.text, '\n')) printf("%-24s (%zu bytes of text)\n", a.name, strlen(a.text));
        else printf("%-24s %s\n", a.name, a.text);
    }
    for (int i = 0; i < anl__ckpt_count(c); i++) {
        anl__ckpt_tensor t = anl__ckpt_at(c, i);
        show_tensor(&t);
        if (!strcmp(t.group, "params")) params += anl_shape_count(&t.shape);
    }
    printf("%lld parameters\n", (long long)params);
}

static anl_status show_one(anl_ctx *ctx, const anl__ckpt *c, const char *name)
{
    const char *names[512];
    static char full[512][160];
    int n = 0;
    for (int i = 0; i < anl__ckpt_count(c); i++) {
        anl__ckpt_tensor t = anl__ckpt_at(c, i);
        char path[256];
        snprintf(path, sizeof path, "%s/%s", t.group, t.name);
        if (!strcmp(path, name)) {
            for (int64_t k = 0; k < anl_shape_count(&t.shape); k++) printf("%.9g\n", (double)t.data[k]);
            return ANL_OK;
        }
        if (n < 512) {
            snprintf(full[n], sizeof full[n], "%.150s", path);
            names[n] = full[n];
            n++;
        }
    }
    const char *near = anl__nearest(name, names, n);
    return anl__fail(ctx, ANL_INVALID, "there is no tensor '%s'%s%s%s", name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static anl_status show(anl_ctx *ctx, const options *o)
{
    anl__ckpt *c = NULL;
    anl_status st = ANL_OK;
    if (inspect_is_safetensors(o->arg[0]))
        return inspect_safetensors(ctx, o->arg[0], options_text(o, "tensor", NULL));
    ANL_TRY(job_checkpoint(ctx, o->arg[0], "last", &c));
    if (options_has(o, "tensor")) st = show_one(ctx, c, options_text(o, "tensor", ""));
    else if (options_has(o, "digest")) show_digest(c);
    else if (options_has(o, "recipe")) fputs(anl__ckpt_text(c, "recipe", ""), stdout);
    else show_all(c);
    anl__ckpt_close(c);
    return st;
}

static int run_inspect(const options *o)
{
    bool of_checkpoint = options_has(o, "digest") || options_has(o, "recipe");
    if (of_checkpoint && inspect_is_safetensors(o->arg[0]))
        return command_usage(o, "--digest and --recipe are of checkpoints, and %s is a file of weights",
                             o->arg[0]);
    anl_ctx *ctx = command_ctx();
    if (!ctx) return EXIT_ERROR;
    anl_status st = show(ctx, o);
    int code = st == ANL_OK ? EXIT_DONE : command_fail(ctx, st);
    anl_ctx_destroy(ctx);
    return code;
}

const command command_inspect = {
    .name = "inspect", .args = "FILE|RUN", .summary = "lists what a checkpoint or a file of weights holds, after verifying it",
    .details = "FILE is a checkpoint (step-*.h5) or a safetensors file; RUN, RUN:best, RUN:last or RUN:STEP names one. Only open checkpoints that you trust: HDF5 is not hardened against hostile files.",
    .options = inspect_options, .min_args = 1, .max_args = 1, .run = run_inspect,
};
