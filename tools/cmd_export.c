/* anneal export: a trained model for other programs. */
#include "command.h"
#include "exit_code.h"
#include "safetensors.h"
#include "tools/job/job.h"
#include "tools/keras/keras.h"
#include "tools/onnx/onnx.h"
#include "tools/weights/export_torch.h"

#include "runtime/base/files.h"

#include <stdio.h>
#include <string.h>

static const option export_options[] = {
    {"to", "FORMAT", "safetensors (the default), torch, onnx or keras"},
    {"out", "FILE", "(default: in the run's directory, weights.safetensors, torch.safetensors, model.onnx or model.h5)"},
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

static anl_status export_weights(anl_ctx *ctx, anl__arena *a, const options *o, const char *file)
{
    anl__ckpt *c;
    safetensor *t;
    char step[32];
    int n;
    ANL_TRY(job_checkpoint(ctx, o->arg[0], options_text(o, "checkpoint", "best"), &c));
    snprintf(step, sizeof step, "%lld", (long long)anl__ckpt_step(c));
    const char *const meta[][2] = {
        {"format", "anneal"}, {"anneal", anl_version()}, {"step", step}, {"digest", anl__ckpt_digest(c)},
        {"layout", "filters K,R,S,C (out, height, width, in); dense out,in; images N,H,W,C"},
        {"class_names", anl__ckpt_text(c, "data.class_names", "")}, {"recipe", anl__ckpt_text(c, "recipe", "")}};
    anl_status st = collect(a, c, &t, &n);
    if (st == ANL_OK) st = safetensors_write(ctx, file, t, n, meta, (int)(sizeof meta / sizeof meta[0]));
    if (st == ANL_OK) fprintf(stderr, "%d tensors of %s\n", n, anl__ckpt_path(c));
    anl__ckpt_close(c);
    return st;
}

static anl_status export_for_torch(anl_ctx *ctx, anl__arena *a, const options *o, const char *file)
{
    anl__ckpt *c;
    int n;
    (void)a;
    ANL_TRY(job_checkpoint(ctx, o->arg[0], options_text(o, "checkpoint", "best"), &c));
    anl_status st = export_torch(ctx, c, file, weights_of, &n);
    if (st == ANL_OK) fprintf(stderr, "%d tensors of %s\n", n, anl__ckpt_path(c));
    anl__ckpt_close(c);
    return st;
}

#if defined(ANL_HAVE_ONNX) || defined(ANL_HAVE_HDF5)
/* The network, written by `write`; what its parts are called. */
static anl_status export_network(anl_ctx *ctx, const options *o, const char *file, const char *parts,
                                 anl_status (*write)(const job *j, const anl__ckpt *from, const char *path, int *n))
{
    job_used u;
    job_opts jo = {.bare = true};
    int n;
    anl_status st = job_use(ctx, o->arg[0], options_text(o, "checkpoint", "best"), NULL, 0, &jo, &u);
    if (st == ANL_OK) st = write(&u.job, u.from, file, &n);
    if (st == ANL_OK) fprintf(stderr, "%d %s of %s\n", n, parts, anl__ckpt_path(u.from));
    job_used_close(&u);
    return st;
}
#endif

static anl_status export_onnx(anl_ctx *ctx, anl__arena *a, const options *o, const char *file)
{
    (void)a;
#ifdef ANL_HAVE_ONNX
    return export_network(ctx, o, file, "operators", onnx_export);
#else
    (void)o;
    return anl__fail(ctx, ANL_UNSUPPORTED,
                     "%s: this build has no ONNX: it was made without protobuf-c, its compiler or onnx.proto", file);
#endif
}

static anl_status export_keras(anl_ctx *ctx, anl__arena *a, const options *o, const char *file)
{
    (void)a;
#ifdef ANL_HAVE_HDF5
    return export_network(ctx, o, file, "layers", keras_export);
#else
    (void)o;
    return anl__fail(ctx, ANL_UNSUPPORTED, "%s: this build has no HDF5, which Keras's files are made of", file);
#endif
}

typedef struct format {
    const char *name, *file; /* file: in the run's directory, where no other is named */
    anl_status (*write)(anl_ctx *ctx, anl__arena *a, const options *o, const char *file);
} format;
static const format formats[] = {{"safetensors", "weights.safetensors", export_weights},
                                 {"torch", "torch.safetensors", export_for_torch},
                                 {"onnx", "model.onnx", export_onnx},
                                 {"keras", "model.h5", export_keras}};
enum { FORMATS = sizeof formats / sizeof *formats };

static anl_status export_as(anl_ctx *ctx, anl__arena *a, const options *o, const format *f)
{
    const char *run = o->arg[0], *file = options_text(o, "out", NULL);
    if (!file && !anl__path_is_dir(run))
        return anl__fail(ctx, ANL_INVALID, "%s is no run's directory: say where to with --out FILE", run);
    if (!file && !(file = anl__arena_printf(a, "%s/%s", run, f->file))) return ANL_NOMEM;
    ANL_TRY(f->write(ctx, a, o, file));
    printf("%s\n", file);
    return ANL_OK;
}

static int unknown_format(const options *o, const char *to)
{
    const char *names[FORMATS];
    for (int i = 0; i < FORMATS; i++) names[i] = formats[i].name;
    const char *near = anl__nearest(to, names, FORMATS);
    return command_usage(o, "--to is safetensors, torch, onnx or keras, not '%s'%s%s%s", to,
                         near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int run_export(const options *o)
{
    const char *to = options_text(o, "to", formats[0].name);
    anl__arena *a;
    int i = 0;
    while (i < FORMATS && strcmp(to, formats[i].name)) i++;
    if (i == FORMATS) return unknown_format(o, to);
    anl_ctx *ctx = command_ctx();
    if (!ctx) return EXIT_ERROR;
    anl_status st = anl__arena_create(ctx, &a);
    if (st == ANL_OK) {
        st = export_as(ctx, a, o, &formats[i]);
        anl__arena_destroy(a);
    }
    int code = st == ANL_OK ? EXIT_DONE : command_fail(ctx, st);
    anl_ctx_destroy(ctx);
    return code;
}

const command command_export = {
    .name = "export", .args = "RUN",
    .summary = "writes a trained model as a file for other programs: its weights (safetensors) or the network (ONNX, Keras)",
    .details = "safetensors: parameters and buffers under the names that `anneal inspect RUN` shows, averaged ones "
               "where the run keeps them, and how inputs are normalised (data.mean, data.std). torch: the same "
               "weights under PyTorch's names (torchvision's for a resnet) and in its layouts, for "
               "load_state_dict(safetensors.torch.load_file(FILE)). onnx: the network as it is evaluated, in fp32, "
               "with these weights and the normalisation inside, for any number of samples. Its inputs are images "
               "N,C,H,W (8-bit values divided by 255), rows N,F, windows or tokens; its results logits and "
               "probabilities, or values. keras: the same network as a model of standard layers, for "
               "keras.models.load_model(FILE, compile=False) of Keras 2 and 3; images N,H,W,C, results "
               "probabilities or values.",
    .options = export_options, .min_args = 1, .max_args = 1, .run = run_export,
};
