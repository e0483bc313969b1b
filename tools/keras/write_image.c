/* Convolutions, resizing, borders: layers over images N,H,W,C, which are Keras's as they are ours. */
#include "emit.h"
#include "write_image.h"

#include <string.h>

void keras_pads(const anl__call *c, int64_t out[4])
{
    const anl__attr *a = anl__attr_get(c, "pad");
    for (int i = 0; i < 4; i++) out[i] = a->n == 1 ? a->i[0] : a->n == 2 ? a->i[i & 1] : a->i[i];
}

static void pair(keras_emit *e, const char *key, const char *attr)
{
    const int64_t v[2] = {anl__attr_at(&e->call, attr, 0), anl__attr_at(&e->call, attr, 1)};
    keras_set_ints(e->f, key, v, 2);
}

/* (k, rest) to (rest, k), where rest is height, width, channels. */
static const float *channels_behind(keras_emit *e, const anl_shape *w, const float *data)
{
    return keras_turned(e, data, w->dim[0], w->dim[1] * w->dim[2] * w->dim[3]);
}

/* ---- convolution ----------------------------------------------------------------------------- */

typedef struct window {
    int64_t kernel[2], stride[2], dilation[2], pad[4];
    bool same;  /* the borders are those of Keras's "same", at stride 1 */
    bool whole; /* a stride and a dilation, which Keras has not together: of all pixels some are picked */
} window;

static window window_of(const keras_emit *e)
{
    window w = {.same = true};
    bool strided = false, dilated = false;
    keras_pads(&e->call, w.pad);
    for (int i = 0; i < 2; i++) {
        w.kernel[i] = keras_shape(e, 1)->dim[1 + i];
        w.stride[i] = anl__attr_at(&e->call, "stride", i);
        w.dilation[i] = anl__attr_at(&e->call, "dilation", i);
        int64_t all = w.dilation[i] * (w.kernel[i] - 1);
        w.same = w.same && w.stride[i] == 1 && w.pad[i] == all / 2 && w.pad[2 + i] == all - all / 2;
        strided = strided || w.stride[i] > 1;
        dilated = dilated || w.dilation[i] > 1;
    }
    w.same = w.same && (w.pad[2] || w.pad[3]);
    w.whole = strided && dilated;
    return w;
}

/* One filter a channel, or several: Keras's kernel is (height, width, channels, filters a channel). */
static void depthwise_weights(keras_emit *e, int64_t channels)
{
    const anl_shape *s = keras_shape(e, 1);
    keras_set_int(e->f, "depth_multiplier", s->dim[0] / channels);
    keras_weight_add(e->f, "depthwise_kernel", 4,
                     (int64_t[]){s->dim[1], s->dim[2], channels, s->dim[0] / channels},
                     channels_behind(e, s, keras_data(e, 1)));
}

static void convolution_weights(keras_emit *e)
{
    const anl_shape *s = keras_shape(e, 1);
    keras_set_int(e->f, "filters", s->dim[0]);
    keras_set_int(e->f, "groups", anl__attr_int(&e->call, "groups"));
    keras_weight_add(e->f, "kernel", 4, (int64_t[]){s->dim[1], s->dim[2], s->dim[3], s->dim[0]},
                     channels_behind(e, s, keras_data(e, 1)));
}

static void conv2d(keras_emit *e)
{
    window w = window_of(e);
    int64_t channels = keras_shape(e, 0)->dim[3], groups = anl__attr_int(&e->call, "groups");
    bool depthwise = groups > 1 && groups == channels && (w.stride[0] == w.stride[1] || w.whole);
    keras_tensor x = keras_in_at(e, 0, KERAS_FIRST);
    if (!w.same) x = keras_padded(e, "pad", x, w.pad);
    x = keras_add1(e, depthwise ? "DepthwiseConv2D" : "Conv2D", NULL, x);
    keras_set_ints(e->f, "kernel_size", w.kernel, 2);
    keras_set_ints(e->f, "strides", w.whole ? (int64_t[]){1, 1} : w.stride, 2);
    keras_set_ints(e->f, "dilation_rate", w.dilation, 2);
    keras_set_text(e->f, "padding", w.same ? "same" : "valid");
    keras_set_bool(e->f, "use_bias", keras_has(e, 2));
    if (depthwise) depthwise_weights(e, channels);
    else convolution_weights(e);
    if (keras_has(e, 2)) keras_weight_add(e->f, "bias", 1, keras_shape(e, 2)->dim, keras_data(e, 2));
    keras_give(e, 0, keras_activated(e, w.whole ? keras_picked(e, x, w.stride[0], w.stride[1]) : x));
}

/* ---- transposed convolution ------------------------------------------------------------------ */

/* Ours (in, height, width, out / groups); Keras's (height, width, out, in), without groups and dilation:
 * zeros stand between. */
static const float *transposed_kernel(keras_emit *e, const window *w, const int64_t size[2], int64_t out)
{
    const anl_shape *s = keras_shape(e, 1);
    int64_t in = s->dim[0], per = s->dim[3], groups = out / per;
    const float *from = keras_data(e, 1);
    float *to = keras_room(e, size[0] * size[1] * out * in);
    if (!from || !to) return NULL;
    for (int64_t i = 0; i < in; i++)
        for (int64_t r = 0; r < w->kernel[0]; r++)
            for (int64_t c = 0; c < w->kernel[1]; c++)
                for (int64_t k = 0; k < per; k++) {
                    int64_t at = r * w->dilation[0] * size[1] + c * w->dilation[1],
                            filter = i / (in / groups) * per + k;
                    to[(at * out + filter) * in + i] =
                        from[((i * w->kernel[0] + r) * w->kernel[1] + c) * per + k];
                }
    return to;
}

/* Keras adds a bias itself: where the only reader is one, its node is written here. */
static const anl__node *bias_behind(keras_emit *e)
{
    int k = keras_only_reader(e, e->node->out[0]);
    return k >= 0 && !strcmp(e->g->node[k].op->name, "bias") ? &e->g->node[k] : NULL;
}

static void transposed_bias(keras_emit *e, const anl__node *bias)
{
    const anl__node *own = e->node;
    e->node = bias;
    keras_weight_add(e->f, "bias", 1, e->g->value[bias->in[1]].type.shape.dim, keras_data(e, 1));
    e->node = own;
}

/* Keras's result is the whole one: (in - 1) stride + kernel, and zeros behind; borders are cut off. */
static void conv2d_bwd_data(keras_emit *e)
{
    window w = window_of(e);
    const anl_shape *x = keras_shape(e, 0), *y = &e->call.out[0].shape;
    const anl__node *bias = bias_behind(e);
    int64_t size[2], more[2], cut[2][2];
    for (int i = 0; i < 2; i++) {
        size[i] = w.dilation[i] * (w.kernel[i] - 1) + 1;
        int64_t whole = (x->dim[1 + i] - 1) * w.stride[i] + size[i], want = w.pad[i] + y->dim[1 + i];
        more[i] = want > whole ? want - whole : 0;
        cut[i][0] = w.pad[i];
        cut[i][1] = whole + more[i] - want;
    }
    keras_tensor z = keras_add1(e, "Conv2DTranspose", NULL, keras_in_at(e, 0, KERAS_FIRST));
    keras_set_int(e->f, "filters", y->dim[3]);
    keras_set_ints(e->f, "kernel_size", size, 2);
    keras_set_ints(e->f, "strides", w.stride, 2);
    keras_set_ints(e->f, "output_padding", more, 2);
    keras_set_text(e->f, "padding", "valid");
    keras_set_bool(e->f, "use_bias", bias != NULL);
    keras_weight_add(e->f, "kernel", 4, (int64_t[]){size[0], size[1], y->dim[3], x->dim[3]},
                     transposed_kernel(e, &w, size, y->dim[3]));
    if (bias) transposed_bias(e, bias);
    if (cut[0][0] || cut[0][1] || cut[1][0] || cut[1][1]) {
        z = keras_add1(e, "Cropping2D", "crop", z);
        keras_set_pairs(e->f, "cropping", (const int64_t(*)[2])cut, 2);
    }
    keras_give(e, 0, z);
    if (bias) e->seen[bias->out[0]] = z;
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static void upsample2d(keras_emit *e)
{
    keras_tensor y = keras_add1(e, "UpSampling2D", NULL, keras_in_at(e, 0, KERAS_FIRST));
    pair(e, "size", "scale");
    keras_set_text(e->f, "interpolation", anl__attr_int(&e->call, "mode") == 1 ? "bilinear" : "nearest");
    keras_give(e, 0, y);
}

static void pad2d(keras_emit *e)
{
    int64_t p[4];
    keras_pads(&e->call, p);
    keras_give(e, 0, keras_padded(e, NULL, keras_in_at(e, 0, KERAS_FIRST), p));
}

/* Every stride-th pixel, and channels of zeros on both sides: with the channels as rows for a moment. */
static void identity_shortcut(keras_emit *e)
{
    int64_t stride = anl__attr_int(&e->call, "stride"),
            more = anl__attr_int(&e->call, "channels") - keras_shape(e, 0)->dim[3];
    keras_tensor x = keras_picked(e, keras_in_at(e, 0, KERAS_FIRST), stride, stride);
    if (more > 0) {
        x = keras_permuted(e, "turn", x, (int64_t[]){3, 1, 2}, 3);
        x = keras_padded(e, "pad", x, (int64_t[]){more / 2, 0, more - more / 2, 0});
        x = keras_permuted(e, NULL, x, (int64_t[]){2, 3, 1}, 3);
    }
    keras_give(e, 0, x);
}

const keras_writer keras_write_image[] = {
    {"conv2d", conv2d}, {"conv2d_bwd_data", conv2d_bwd_data},     {"upsample2d", upsample2d},
    {"pad2d", pad2d},   {"identity_shortcut", identity_shortcut}, {NULL, NULL}};
