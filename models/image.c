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

static anl_value block(anl_graph *g, const char *name, anl_value x, int filters, int stride)
{
    char n[4][48];
    anl_value y, sum[2];
    const char *part[4] = {"conv1", "bn1", "conv2", "bn2"};
    for (int i = 0; i < 4; i++) snprintf(n[i], sizeof n[i], "%s.%s", name, part[i]);
    y = anl__layer_text(g, "conv", n[0], &x, 1, "filters=%d kernel=3 stride=%d pad=1 bias=false init=he-normal-out", filters, stride);
    y = layer(g, "batchnorm", n[1], y, "act=relu");
    y = anl__layer_text(g, "conv", n[2], &y, 1, "filters=%d kernel=3 pad=1 bias=false init=he-normal-out", filters);
    y = layer(g, "batchnorm", n[3], y, "");
    snprintf(n[0], sizeof n[0], "%s.shortcut", name);
    anl_shape s = anl_value_shape(g, x);
    if (stride != 1 || (s.rank == 4 && s.dim[3] != filters)) x = anl__layer_text(g, "shortcut", n[0], &x, 1, "stride=%d channels=%d", stride, filters);
    sum[0] = y;
    sum[1] = x;
    snprintf(n[0], sizeof n[0], "%s.add", name);
    snprintf(n[1], sizeof n[1], "%s.relu", name);
    y = anl__layer_text(g, "add", n[0], sum, 2, " ");
    return layer(g, "relu", n[1], y, "");
}

/* He et al., 2016, section 4.2: 6n+2 layers of 16, 32, 64 filters, identity shortcuts (option A). */
anl_value anl__resnet_cifar(anl_graph *g, const anl_model_opts *o, anl_value x)
{
    char name[32];
    int depth = o->depth ? o->depth : 20, per = (depth - 2) / 6;
    if (per < 1 || depth != 6 * per + 2) {
        anl_graph_fail(g, ANL_RECIPE, "model.depth %d is not 6n+2 (20, 32, 44, 56, 110)", depth);
        return ANL_NONE;
    }
    x = layer(g, "conv", "conv", x, "filters=16 kernel=3 pad=1 bias=false init=he-normal-out");
    x = layer(g, "batchnorm", "bn", x, "act=relu");
    for (int s = 0; s < 3; s++)
        for (int k = 0; k < per; k++) {
            snprintf(name, sizeof name, "stage%d.block%d", s + 1, k + 1);
            x = block(g, name, x, 16 << s, s > 0 && k == 0 ? 2 : 1);
        }
    x = layer(g, "global-avgpool", "pool", x, "");
    if (o->dropout > 0) x = anl__layer_text(g, "dropout", "drop", &x, 1, "p=%g", o->dropout);
    return anl__layer_text(g, "dense", "out", &x, 1, "units=%d", o->classes);
}
