/* Built-in image classifiers. */
#include "image.h"

#include <stdio.h>

static anl_value layer(anl_graph *g, const char *type, const char *name, anl_value x, const char *args)
{
    return anl__layer_text(g, type, name, &x, 1, "%s", args);
}

/* Dense layers with relu between: 784-512-256-10 by default. */
anl_value anl__mlp(anl_graph *g, const anl_model_opts *o, anl_value x)
{
    char name[32];
    x = layer(g, "flatten", "flatten", x, "");
    for (int i = 0; i < o->n_hidden; i++) {
        snprintf(name, sizeof name, "fc%d", i + 1);
        x = anl__layer_text(g, "dense", name, &x, 1, "units=%lld act=relu", (long long)o->hidden[i]);
        snprintf(name, sizeof name, "drop%d", i + 1);
        if (o->dropout > 0) x = anl__layer_text(g, "dropout", name, &x, 1, "p=%g", o->dropout);
    }
    return anl__layer_text(g, "dense", "out", &x, 1, "units=%d", o->classes);
}

/* LeCun et al., 1998, with relu and max pooling: 61 706 parameters on 28x28x1 with 10 classes. */
anl_value anl__lenet5(anl_graph *g, const anl_model_opts *o, anl_value x)
{
    x = layer(g, "conv", "conv1", x, "filters=6 kernel=5 pad=2 act=relu");
    x = layer(g, "maxpool", "pool1", x, "kernel=2");
    x = layer(g, "conv", "conv2", x, "filters=16 kernel=5 act=relu");
    x = layer(g, "maxpool", "pool2", x, "kernel=2");
    x = layer(g, "flatten", "flatten", x, "");
    x = layer(g, "dense", "fc1", x, "units=120 act=relu");
    x = layer(g, "dense", "fc2", x, "units=84 act=relu");
    if (o->dropout > 0) x = anl__layer_text(g, "dropout", "drop", &x, 1, "p=%g", o->dropout);
    return anl__layer_text(g, "dense", "out", &x, 1, "units=%d", o->classes);
}

/* Two convolutions, one pooling, two dense layers: 1 199 882 parameters on 28x28x1 with 10 classes. */
anl_value anl__cnn2(anl_graph *g, const anl_model_opts *o, anl_value x)
{
    double drop = o->dropout < 0 ? 0.25 : o->dropout;
    x = layer(g, "conv", "conv1", x, "filters=32 kernel=3 act=relu");
    x = layer(g, "conv", "conv2", x, "filters=64 kernel=3 act=relu");
    x = layer(g, "maxpool", "pool", x, "kernel=2");
    if (drop > 0) x = anl__layer_text(g, "dropout", "drop1", &x, 1, "p=%g", drop);
    x = layer(g, "flatten", "flatten", x, "");
    x = layer(g, "dense", "fc1", x, "units=128 act=relu");
    if (drop > 0) x = anl__layer_text(g, "dropout", "drop2", &x, 1, "p=%g", drop * 2 < 0.9 ? drop * 2 : 0.9);
    return anl__layer_text(g, "dense", "out", &x, 1, "units=%d", o->classes);
}

/* A convolution without bias and its batch normalisation. */
static anl_value conv_bn(anl_graph *g, const char *conv, const char *bn, anl_value x, int filters, int kernel, int stride, const char *act)
{
    x = anl__layer_text(g, "conv", conv, &x, 1, "filters=%d kernel=%d stride=%d pad=%d bias=false init=he-normal-out", filters, kernel, stride, kernel / 2);
    return layer(g, "batchnorm", bn, x, act);
}

enum { BOTTLENECK = 4 }; /* filters that a bottleneck gives, over those inside */

typedef struct residual { /* what a network's blocks are */
    bool bottleneck; /* 1x1, 3x3, 1x1; else 3x3, 3x3 */
    bool projection; /* where sizes change the shortcut is a 1x1 convolution (option B); else every stride-th pixel and zeros (option A) */
} residual;

/* He et al., 2016. The stride is in a 3x3 convolution, of a bottleneck the middle one. */
static anl_value block(anl_graph *g, const residual *kind, const char *name, anl_value x, int filters, int stride)
{
    char conv[48], bn[48];
    int n = kind->bottleneck ? 3 : 2, out = kind->bottleneck ? BOTTLENECK * filters : filters;
    anl_value y = x, sum[2];
    for (int i = 1; i <= n; i++) {
        bool wide = kind->bottleneck && i != 2; /* 1x1 */
        snprintf(conv, sizeof conv, "%s.conv%d", name, i);
        snprintf(bn, sizeof bn, "%s.bn%d", name, i);
        y = conv_bn(g, conv, bn, y, i == n ? out : filters, wide ? 1 : 3, i == n - 1 ? stride : 1, i < n ? "act=relu" : "");
    }
    anl_shape s = anl_value_shape(g, x);
    if (stride != 1 || (s.rank == 4 && s.dim[3] != out)) {
        snprintf(conv, sizeof conv, "%s.shortcut", name);
        snprintf(bn, sizeof bn, "%s.shortcut_bn", name);
        if (kind->projection) x = conv_bn(g, conv, bn, x, out, 1, stride, "");
        else x = anl__layer_text(g, "shortcut", conv, &x, 1, "stride=%d channels=%d", stride, out);
    }
    sum[0] = y;
    sum[1] = x;
    snprintf(conv, sizeof conv, "%s.add", name);
    snprintf(bn, sizeof bn, "%s.relu", name);
    y = anl__layer_text(g, "add", conv, sum, 2, " ");
    return layer(g, "relu", bn, y, "");
}

/* `stages` stages of blocks, each of twice the filters and, but for the first, half the size; then the mean and the classifier. */
static anl_value residuals(anl_graph *g, const anl_model_opts *o, const residual *kind, anl_value x, int filters, const int *blocks, int stages)
{
    char name[32];
    for (int s = 0; s < stages; s++)
        for (int k = 0; k < blocks[s]; k++) {
            snprintf(name, sizeof name, "stage%d.block%d", s + 1, k + 1);
            x = block(g, kind, name, x, filters << s, s > 0 && k == 0 ? 2 : 1);
        }
    x = layer(g, "global-avgpool", "pool", x, "");
    if (o->dropout > 0) x = anl__layer_text(g, "dropout", "drop", &x, 1, "p=%g", o->dropout);
    return anl__layer_text(g, "dense", "out", &x, 1, "units=%d", o->classes);
}

/* He et al., 2016, section 4.2: 6n+2 layers of 16, 32, 64 filters, identity shortcuts. */
anl_value anl__resnet_cifar(anl_graph *g, const anl_model_opts *o, anl_value x)
{
    const residual kind = {false, false};
    int depth = o->depth ? o->depth : 20, per = (depth - 2) / 6;
    const int blocks[3] = {per, per, per};
    if (per < 1 || depth != 6 * per + 2) {
        anl_graph_fail(g, ANL_RECIPE, "model.depth %d is not 6n+2 (20, 32, 44, 56, 110)", depth);
        return ANL_NONE;
    }
    x = conv_bn(g, "conv", "bn", x, 16, 3, 1, "act=relu");
    return residuals(g, o, &kind, x, 16, blocks, 3);
}

/* He et al., 2016, table 1, as torchvision has it (the stride of a bottleneck in its 3x3, "v1.5"): with 1000 classes 11 689 512 parameters
 * at depth 18, 21 797 672 at 34, 25 557 032 at 50. The small stem, for pictures of 32, is a 3x3 convolution without pooling. */
anl_value anl__resnet(anl_graph *g, const anl_model_opts *o, anl_value x)
{
    static const struct { int depth, blocks[4]; bool bottleneck; } nets[] = {
        {18, {2, 2, 2, 2}, false}, {34, {3, 4, 6, 3}, false}, {50, {3, 4, 6, 3}, true}, {101, {3, 4, 23, 3}, true}, {152, {3, 8, 36, 3}, true}};
    enum { NETS = sizeof nets / sizeof nets[0] };
    int k = 0;
    while (k < NETS && nets[k].depth != o->depth) k++;
    if (k == NETS) {
        anl_graph_fail(g, ANL_RECIPE, "model.depth %d is none of 18, 34, 50, 101, 152", o->depth);
        return ANL_NONE;
    }
    const residual kind = {nets[k].bottleneck, true};
    x = conv_bn(g, "conv", "bn", x, 64, o->small_stem ? 3 : 7, o->small_stem ? 1 : 2, "act=relu");
    if (!o->small_stem) x = layer(g, "maxpool", "stem_pool", x, "kernel=3 stride=2 pad=1");
    return residuals(g, o, &kind, x, 64, nets[k].blocks, 4);
}
