/* Pooling. Ours has borders that are no part of a window (-infinity, or not counted). Keras has them only in
 * the padding "same": at stride 1 it makes the window of every pixel, of which those that are wanted are
 * picked.
 */
#include "emit.h"
#include "write_image.h"

#include <string.h>

typedef struct window {
    int64_t kernel[2], stride[2], pad[4], in[2], out[2];
} window;

static window window_of(const keras_emit *e)
{
    window w;
    keras_pads(&e->call, w.pad);
    for (int i = 0; i < 2; i++) {
        w.kernel[i] = anl__attr_at(&e->call, "kernel", i);
        w.stride[i] = anl__attr_at(&e->call, "stride", i);
        if (!w.stride[i]) w.stride[i] = w.kernel[i];
        w.in[i] = keras_shape(e, 0)->dim[1 + i];
        w.out[i] = e->call.out[0].shape.dim[1 + i];
    }
    return w;
}

static keras_tensor pool(keras_emit *e, const char *kind, const window *w, const int64_t stride[2],
                         const char *padding, keras_tensor x)
{
    x = keras_add1(e, kind, NULL, x);
    keras_set_ints(e->f, "pool_size", w->kernel, 2);
    keras_set_ints(e->f, "strides", stride, 2);
    keras_set_text(e->f, "padding", padding);
    return x;
}

/* Windows of every pixel begin (kernel - 1) / 2 before it. */
static keras_tensor pool_same(keras_emit *e, const char *kind, const window *w, keras_tensor x)
{
    int64_t cut[2][2];
    for (int i = 0; i < 2; i++) {
        cut[i][0] = (w->kernel[i] - 1) / 2 - w->pad[i];
        int64_t left = w->in[i] - cut[i][0];
        cut[i][1] = ((left - 1) / w->stride[i] + 1 - w->out[i]) * w->stride[i];
        if (cut[i][0] < 0 || cut[i][1] < 0) {
            keras_refuse(e, "Keras has no borders like its own: at most half of the window");
            return x;
        }
    }
    x = pool(e, kind, w, (int64_t[]){1, 1}, "same", x);
    if (cut[0][0] || cut[0][1] || cut[1][0] || cut[1][1]) {
        x = keras_add1(e, "Cropping2D", "crop", x);
        keras_set_pairs(e->f, "cropping", (const int64_t(*)[2])cut, 2);
    }
    return keras_picked(e, x, w->stride[0], w->stride[1]);
}

static bool is_padded(const window *w) { return w->pad[0] || w->pad[1] || w->pad[2] || w->pad[3]; }

/* Is there nothing below 0 in it? Then a border of zeros changes no maximum. */
static bool not_negative(const keras_emit *e, anl_value v)
{
    static const char *const keeps[] = {"maxpool2d", "dropout"};
    static const char *const makes[] = {"relu", "sigmoid", "softmax"};
    while (e->g->value[v].node >= 0) {
        const anl__node *n = &e->g->node[e->g->value[v].node];
        for (size_t i = 0; i < sizeof makes / sizeof *makes; i++)
            if (!strcmp(n->op->name, makes[i])) return true;
        if (strcmp(n->op->name, keeps[0]) && strcmp(n->op->name, keeps[1])) return false;
        v = n->in[0];
    }
    return false;
}

static void maxpool2d(keras_emit *e)
{
    window w = window_of(e);
    keras_tensor x = keras_in_at(e, 0, KERAS_FIRST);
    if (keras_has(e, 1))
        return keras_refuse(e, "a bias inside: it belongs to a graph that was rewritten for a device");
    if (!is_padded(&w)) x = pool(e, "MaxPooling2D", &w, w.stride, "valid", x);
    else if (not_negative(e, e->node->in[0]))
        x = pool(e, "MaxPooling2D", &w, w.stride, "valid", keras_padded(e, "pad", x, w.pad));
    else x = pool_same(e, "MaxPooling2D", &w, x);
    keras_give(e, 0, keras_activated(e, x));
}

static void avgpool2d(keras_emit *e)
{
    window w = window_of(e);
    keras_tensor x = keras_in_at(e, 0, KERAS_FIRST);
    if (is_padded(&w) && !anl__attr_int(&e->call, "count_include_pad"))
        x = pool_same(e, "AveragePooling2D", &w, x);
    else x = pool(e, "AveragePooling2D", &w, w.stride, "valid", keras_padded(e, "pad", x, w.pad));
    keras_give(e, 0, x);
}

static void global_avgpool(keras_emit *e)
{
    keras_give(e, 0, keras_add1(e, "GlobalAveragePooling2D", NULL, keras_in_at(e, 0, KERAS_FIRST)));
}

const keras_writer keras_write_pool[] = {
    {"maxpool2d", maxpool2d}, {"avgpool2d", avgpool2d}, {"global_avgpool", global_avgpool}, {NULL, NULL}};
