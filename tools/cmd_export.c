/* anneal export: a trained model's weights for other programs. */
#include "command.h"
#include "exit_code.h"
#include "safetensors.h"
#include "tools/job/job.h"

#include "runtime/base/files.h"

#include <stdio.h>
#include <string.h>

static const option export_options[] = {
    {"to", "FORMAT", "safetensors"},
    {"out", "FILE", "(default: the run's directory, weights.safetensors)"},
    {"checkpoint", "best|last|STEP", "which checkpoint (default best)"},
    {NULL, NULL, NULL},
};

/* Where a run keeps averaged weights, they are the model (as `eval` has it). */
static const float *weights_of(const anl__ckpt *c, const anl__ckpt_tensor *t)
{
    anl__ckpt_tensor average = anl__ckpt_find(c, "ema", t->name);
    return average.data ? average.data : t->data;
}

/* Parameters and buffers under their names; "data.mean" and so on: how inputs are normalised. */
static anl_status collect(anl__arena *a, const anl__ckpt *c, safetensor **out, int *n)
{
    *n = 0;
    *out = anl__arena_alloc(a, sizeof **out * (size_t)(anl__ckpt_count(c) + 1));
    if (!*out) return ANL_NOMEM;
    for (int i = 0; i < anl__ckpt_count(c); i++) {
        anl__ckpt_tensor t = anl__ckpt_at(c, i);
        bool param = !strcmp(t.group, "params"), data = !strcmp(t.group, "data");
        if (!param && !data && strcmp(t.group, "buffers")) continue;
        safetensor *to = &(*out)[(*n)++];
        const char *name = data ? anl__arena_printf(a, "data.%s", t.name) : t.name;
        *to = (safetensor){name, t.shape, param ? weights_of(c, &t) : t.data};
        if (!to->name) return ANL_NOMEM;
    }
    return ANL_OK;
}

static anl_status export_weights(anl_ctx *ctx, anl__arena *a, const options *o)
{
    const char *run = o->arg[0], *which = options_text(o, "checkpoint", "best"), *file = options_text(o, "out", NULL);
    char step[32];
    anl__ckpt *c;
    safetensor *t;
    int n;
    if (!file && !anl__path_is_dir(run))
        return anl__fail(ctx, ANL_INVALID, "%s is no run's directory: say where to with --out FILE", run);
    if (!file) file = anl__arena_printf(a, "%s/weights.safetensors", run);
    if (!file) return ANL_NOMEM;
    ANL_TRY(job_checkpoint(ctx, run, which, &c));
    snprintf(step, sizeof step, "%lld", (long long)anl__ckpt_step(c));
    const char *const meta[][2] = {
        {"format", "anneal"}, {"anneal", anl_version()}, {"step", step}, {"digest", anl__ckpt_digest(c)},
        {"layout", "filters K,R,S,C (out, height, width, in); dense out,in; images N,H,W,C"},
        {"class_names", anl__ckpt_text(c, "data.class_names", "")}, {"recipe", anl__ckpt_text(c, "recipe", "")}};
    anl_status st = collect(a, c, &t, &n);
    if (st == ANL_OK) st = safetensors_write(ctx, file, t, n, meta, (int)(sizeof meta / sizeof meta[0]));
    if (st == ANL_OK) {
        printf("%s\n", file);
        fprintf(stderr, "%d tensors of %s\n", n, anl__ckpt_path(c));
    }
    anl__ckpt_close(c);
    return st;
}

static int run_export(const options *o)
{
    const char *to = options_text(o, "to", "safetensors");
    anl__arena *a;
    if (strcmp(to, "safetensors")) return command_usage(o, "--to is safetensors, not '%s'", to);
    anl_ctx *ctx = command_ctx();
    if (!ctx) return EXIT_ERROR;
    anl_status st = anl__arena_create(ctx, &a);
    if (st == ANL_OK) {
        st = export_weights(ctx, a, o);
        anl__arena_destroy(a);
    }
    int code = st == ANL_OK ? EXIT_DONE : command_fail(ctx, st);
    anl_ctx_destroy(ctx);
    return code;
}

const command command_export = {
    .name = "export", .args = "RUN",
    .summary = "writes a trained model's weights as a file for other programs (safetensors)",
    .details = "Parameters and buffers under the names that `anneal inspect RUN` shows, averaged ones where the run "
               "keeps them, and how inputs are normalised (data.mean, data.std).",
    .options = export_options, .min_args = 1, .max_args = 1, .run = run_export,
};
