/* Which plan cuDNN has for the convolutions of the shipped models on a GPU that is not here: cuDNN builds
 * plans from a device's description alone (h200_guess.json is written by hand until a real one replaces it).
 * Prints tables as docs/gpu.md has them; fails when a convolution has none. Usage: cudnn_plans
 * PROPERTIES.json [BATCH]. Exit 77: the library is not here. */
#include "graph/graph.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/device_cuda/plugin/dnn_form.h"
#include "models/model.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct layer {
    const char *model;
    int64_t h, c, k, r, stride, pad;
} layer; /* square */
enum { MOST_LAYERS = 128 };
/* Those of the recipes that write their layers out; the models' own come from their graphs. */
static layer layers[MOST_LAYERS] = {
    {"fashion-augmented", 28, 1, 32, 3, 1, 1},  {"fashion-augmented", 28, 32, 32, 3, 1, 1},
    {"fashion-augmented", 14, 32, 64, 3, 1, 1}, {"fashion-augmented", 14, 64, 64, 3, 1, 1},
    {"fashion-cnn-lstm", 28, 1, 16, 3, 1, 1},   {"fashion-cnn-lstm", 14, 16, 32, 3, 1, 1}};
static int n_layers = 6;

/* Every convolution of a model that is not there yet. False: the model cannot be built. */
static bool collect(anl_ctx *ctx, const char *title, const char *name, int depth, int64_t side,
                    int64_t channels, bool small_stem)
{
    anl_graph *g;
    anl_model_opts o = anl_model_opts_default();
    o.name = name;
    o.depth = depth;
    o.height = o.width = side;
    o.channels = channels;
    o.small_stem = small_stem;
    if (anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g) != ANL_OK) return false;
    anl_model_build(g, &o, (anl__size){.n = 2});
    bool ok = anl_graph_status(g) == ANL_OK;
    for (int64_t i = 0; ok && i < g->n_node; i++) {
        anl__conv_geometry c;
        anl__call call;
        bool known = false;
        if (g->node[i].dead || strcmp(g->node[i].op->name, "conv2d")) continue;
        anl__graph_call(g, (int)i, &call);
        anl__conv_geometry_of(&call, &c);
        for (int q = 0; q < n_layers; q++) {
            const layer *l = &layers[q];
            known |= l->h == c.h && l->c == c.c && l->k == c.k && l->r == c.r && l->stride == c.stride[0] &&
                     l->pad == c.pad[0];
        }
        if (known) continue;
        ok = n_layers < MOST_LAYERS && c.h == c.w && c.r == c.s && c.groups == 1;
        if (ok) layers[n_layers++] = (layer){title, c.h, c.c, c.k, c.r, c.stride[0], c.pad[0]};
    }
    anl_graph_destroy(g);
    return ok;
}

static bool collect_all(anl_ctx *ctx)
{
    return collect(ctx, "lenet5", "lenet5", 0, 28, 1, false) &&
           collect(ctx, "cnn2", "cnn2", 0, 28, 1, false) &&
           collect(ctx, "fashion-resnet20", "resnet-cifar", 20, 28, 1, false) &&
           collect(ctx, "resnet20", "resnet-cifar", 20, 32, 3, false) &&
           collect(ctx, "resnet18-small", "resnet", 18, 32, 3, true) &&
           collect(ctx, "resnet18", "resnet", 18, 224, 3, false) &&
           collect(ctx, "resnet50", "resnet", 50, 224, 3, false);
}

static const struct {
    const char *name;
    anl_dtype type;
    bool tf32;
} precisions[2][2] = {{{"f32", ANL_F32, false}, {"bf16", ANL_BF16, false}},
                      {{"tf32", ANL_F32, true}, {"f16", ANL_F16, false}}};

#define LOAD(t, so, name)                                                                                    \
    do {                                                                                                     \
        void *p_ = dlsym(so, "cudnn" #name);                                                                 \
        if (!p_) return false;                                                                               \
        memcpy(&(t)->name, &p_, sizeof p_);                                                                  \
    } while (0)

static bool load(anl__cudnn *t)
{
    void *so = dlopen("libcudnn.so.9", RTLD_NOW);
    if (!so) so = dlopen("/usr/local/cuda/lib64/libcudnn.so.9", RTLD_NOW);
    if (!so) return false;
    LOAD(t, so, GetVersion);
    LOAD(t, so, GetLastErrorString);
    LOAD(t, so, BackendCreateDescriptor);
    LOAD(t, so, BackendDestroyDescriptor);
    LOAD(t, so, BackendFinalize);
    LOAD(t, so, BackendSetAttribute);
    LOAD(t, so, BackendGetAttribute);
    return true;
}

static bool describe_device(anl__cudnn *t, const char *path)
{
    static char text[65536];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f) fclose(f);
    return n && !t->BackendCreateDescriptor(DNN_DEVICEPROP, &t->deviceprop) &&
           !t->BackendSetAttribute(t->deviceprop, DNN_A_DEVICEPROP_JSON, DNN_T_CHAR, (int64_t)n, text) &&
           !t->BackendFinalize(t->deviceprop);
}

/* A cell of the table: engine, t for tensor cores, 8 for channels widened to 8, + for bias and relu in the
 * graph, workspace. */
static bool one(const anl__cudnn *t, const layer *l, int64_t batch, anl_dtype type, anl__dnn_kind kind,
                bool bias)
{
    char why[128] = "";
    int64_t o = (l->h + 2 * l->pad - l->r) / l->stride + 1;
    anl__dnn_conv p;
    anl__dnn_shape s = {.kind = kind,
                        .type = type,
                        .n = batch,
                        .h = l->h,
                        .w = l->h,
                        .c = l->c,
                        .k = l->k,
                        .r = l->r,
                        .s = l->r,
                        .oh = o,
                        .ow = o,
                        .groups = 1,
                        .stride = {l->stride, l->stride},
                        .dilation = {1, 1},
                        .before = {l->pad, l->pad},
                        .after = {l->pad, l->pad},
                        .deterministic = true,
                        .bias = bias,
                        .relu = bias,
                        .workspace_most = (size_t)512 << 20};
    bool ok = anl__dnn_conv_best(t, &s, &p, why);
    if (ok)
        printf(" %lld%s%s%s %.1f |", (long long)p.engine, p.tensor_core ? "t" : "",
               p.shape.c > l->c ? " 8" : "", p.shape.bias ? " +" : "", (double)p.workspace / 1048576);
    else
        printf(" none: %s |", why);
    if (ok) anl__dnn_conv_release(&p);
    return ok;
}

/* Two precisions beside each other; how many convolutions have no plan. */
static int table(anl__cudnn *t, int64_t batch, int which)
{
    int bad = 0;
    printf("\n| layer |");
    for (int k = 0; k < 2; k++)
        printf(" %s forward | with bias, relu | data | filter |", precisions[which][k].name);
    printf("\n|---|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < n_layers; i++) {
        const layer *l = &layers[i];
        printf("| %s %lldx%lldx%lld -> %lld, %lldx%lld/%lld |", l->model, (long long)l->h, (long long)l->h,
               (long long)l->c, (long long)l->k, (long long)l->r, (long long)l->r, (long long)l->stride);
        for (int k = 0; k < 2; k++) {
            anl_dtype type = precisions[which][k].type;
            t->tf32 = precisions[which][k].tf32;
            bad += !one(t, l, batch, type, ANL__DNN_FORWARD, false) +
                   !one(t, l, batch, type, ANL__DNN_FORWARD, true);
            bad += !one(t, l, batch, type, ANL__DNN_DATA, false) +
                   !one(t, l, batch, type, ANL__DNN_FILTER, false);
        }
        printf("\n");
        fflush(stdout);
    }
    return bad;
}

int main(int argc, char **argv)
{
    anl__cudnn t = {0};
    int bad = 0;
    int64_t batch = argc > 2 ? atoll(argv[2]) : 128;
    if (argc < 2) return 2;
    anl_ctx *ctx = anl_ctx_create();
    bool built = ctx && collect_all(ctx);
    if (!built) printf("a model cannot be built: %s\n", ctx ? anl_last_error(ctx) : "no memory");
    int code = !built ? 1 : load(&t) ? 0 : 77;
    if (code == 77) printf("skipped: libcudnn.so.9 is not here\n");
    if (!code && !describe_device(&t, argv[1])) code = printf("%s is no description of a device\n", argv[1]) > 0;
    if (code) return anl_ctx_destroy(ctx), code;
    t.ctx = ctx;
    printf("cuDNN %zu, batch %lld; engine (t: tensor cores) and workspace in MiB\n", t.GetVersion(),
           (long long)batch);
    for (int k = 0; k < 2; k++) bad += table(&t, batch, k);
    anl__dnn_form_forget(&t);
    t.BackendDestroyDescriptor(t.deviceprop);
    anl_ctx_destroy(ctx);
    return bad != 0;
}
