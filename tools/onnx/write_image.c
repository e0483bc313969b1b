/* Operators over images: convolution, pooling, resizing, borders. All in planes, N,C,H,W. */
#include "emit.h"

/* top, left, bottom, right: the order of ONNX, too. */
static void pads_of(const anl__call *c, int64_t out[4])
{
    const anl__attr *a = anl__attr_get(c, "pad");
    for (int i = 0; i < 4; i++) out[i] = a->n == 1 ? a->i[0] : a->n == 2 ? a->i[i & 1] : a->i[i];
}

static void pair(onnx_emit *e, const char *name, const char *attr)
{
    int64_t v[2] = {anl__attr_at(&e->call, attr, 0), anl__attr_at(&e->call, attr, 1)};
    onnx_attr_ints(e->m, name, v, 2);
}

/* kernel_shape, strides, pads, dilations, group of what was added last. */
static void convolution_attrs(onnx_emit *e)
{
    int64_t pads[4];
    const int64_t *w = onnx_shape(e, 1)->dim;
    pads_of(&e->call, pads);
    onnx_attr_ints(e->m, "kernel_shape", w + 1, 2);
    pair(e, "strides", "stride");
    onnx_attr_ints(e->m, "pads", pads, 4);
    pair(e, "dilations", "dilation");
    onnx_attr_int(e->m, "group", anl__attr_int(&e->call, "groups"));
}

static void conv2d(onnx_emit *e)
{
    bool bias = onnx_has(e, 2);
    const char *in[3] = {onnx_in(e, 0, ONNX_PLANES), onnx_weight(e, 1, ONNX_KCRS),
                         bias ? onnx_weight(e, 2, ONNX_AS_IS) : NULL};
    const char *y = onnx_op(e, "Conv", in, bias ? 3 : 2);
    convolution_attrs(e);
    onnx_give(e, 0, ONNX_PLANES, onnx_activated(e, y));
}

/* The transposed convolution; its filters (in, height, width, out / groups) are in ONNX (in, out / groups,
 * height, width). */
static void conv2d_bwd_data(onnx_emit *e)
{
    const anl__call *c = &e->call;
    const char *in[2] = {onnx_in(e, 0, ONNX_PLANES), onnx_weight(e, 1, ONNX_KCRS)};
    int64_t pads[4], more[2];
    pads_of(c, pads);
    for (int i = 0; i < 2; i++) {
        int64_t size = i ? anl__attr_int(c, "in_w") : anl__attr_int(c, "in_h");
        int64_t least = (c->in[0].shape.dim[1 + i] - 1) * anl__attr_at(c, "stride", i) - pads[i] -
                        pads[2 + i] + anl__attr_at(c, "dilation", i) * (c->in[1].shape.dim[1 + i] - 1) + 1;
        more[i] = size - least;
    }
    const char *y = onnx_op(e, "ConvTranspose", in, 2);
    convolution_attrs(e);
    onnx_attr_ints(e->m, "output_padding", more, 2);
    onnx_give(e, 0, ONNX_PLANES, y);
}

static const char *pool(onnx_emit *e, const char *op)
{
    int64_t pads[4], stride[2];
    pads_of(&e->call, pads);
    for (int i = 0; i < 2; i++)
        stride[i] = anl__attr_at(&e->call, "stride", i) ? anl__attr_at(&e->call, "stride", i)
                                                        : anl__attr_at(&e->call, "kernel", i);
    const char *y = onnx_op1(e, op, onnx_in(e, 0, ONNX_PLANES));
    pair(e, "kernel_shape", "kernel");
    onnx_attr_ints(e->m, "strides", stride, 2);
    onnx_attr_ints(e->m, "pads", pads, 4);
    return y;
}

static void maxpool2d(onnx_emit *e)
{
    if (onnx_has(e, 1))
        return onnx_refuse(e, "a bias inside: it belongs to a graph that was rewritten for a device");
    onnx_give(e, 0, ONNX_PLANES, onnx_activated(e, pool(e, "MaxPool")));
}

static void avgpool2d(onnx_emit *e)
{
    const char *y = pool(e, "AveragePool");
    onnx_attr_int(e->m, "count_include_pad", anl__attr_int(&e->call, "count_include_pad"));
    onnx_give(e, 0, ONNX_PLANES, y);
}

static void global_avgpool(onnx_emit *e)
{
    const char *y = onnx_op1(e, "GlobalAveragePool", onnx_in(e, 0, ONNX_PLANES));
    y = onnx_op1(e, "Flatten", y);
    onnx_attr_int(e->m, "axis", 1);
    onnx_give(e, 0, ONNX_PLAIN, y);
}

/* Bilinear: pixel centres at halves, what lies outside is the border's. */
static void upsample2d(onnx_emit *e)
{
    bool bilinear = anl__attr_int(&e->call, "mode") == 1;
    float *scale = onnx_room(e, 4);
    if (!scale) return;
    scale[0] = scale[1] = 1;
    for (int i = 0; i < 2; i++) scale[2 + i] = (float)anl__attr_at(&e->call, "scale", i);
    const char *in[3] = {onnx_in(e, 0, ONNX_PLANES), NULL, onnx_floats(e, "scales", 1, &(int64_t){4}, scale)};
    const char *y = onnx_op(e, "Resize", in, 3);
    onnx_attr_text(e->m, "mode", bilinear ? "linear" : "nearest");
    onnx_attr_text(e->m, "coordinate_transformation_mode", bilinear ? "half_pixel" : "asymmetric");
    if (!bilinear) onnx_attr_text(e->m, "nearest_mode", "floor");
    onnx_give(e, 0, ONNX_PLANES, y);
}

/* Zeros around planes: channels, rows, columns before and behind. */
static const char *padded(onnx_emit *e, const char *x, const int64_t before[3], const int64_t behind[3])
{
    int64_t pads[8] = {0, before[0], before[1], before[2], 0, behind[0], behind[1], behind[2]};
    return onnx_op2(e, "Pad", x, onnx_ints(e, "pads", pads, 8));
}

static void pad2d(onnx_emit *e)
{
    int64_t p[4];
    pads_of(&e->call, p);
    const char *x = onnx_in(e, 0, ONNX_PLANES);
    onnx_give(e, 0, ONNX_PLANES, padded(e, x, (int64_t[]){0, p[0], p[1]}, (int64_t[]){0, p[2], p[3]}));
}

/* Every stride-th pixel, and channels of zeros on both sides. */
static void identity_shortcut(onnx_emit *e)
{
    int64_t stride = anl__attr_int(&e->call, "stride"),
            more = anl__attr_int(&e->call, "channels") - onnx_shape(e, 0)->dim[3];
    const char *x = onnx_in(e, 0, ONNX_PLANES);
    if (stride > 1)
        x = onnx_op(e, "Slice",
                    (const char *[]){x, onnx_ints(e, "starts", (int64_t[]){0, 0}, 2),
                                     onnx_ints(e, "ends", (int64_t[]){INT64_MAX, INT64_MAX}, 2),
                                     onnx_ints(e, "axes", (int64_t[]){2, 3}, 2),
                                     onnx_ints(e, "steps", (int64_t[]){stride, stride}, 2)},
                    5);
    if (more > 0) x = padded(e, x, (int64_t[]){more / 2, 0, 0}, (int64_t[]){more - more / 2, 0, 0});
    onnx_give(e, 0, ONNX_PLANES, x);
}

const onnx_writer onnx_write_image[] = {
    {"conv2d", conv2d},       {"conv2d_bwd_data", conv2d_bwd_data},     {"maxpool2d", maxpool2d},
    {"avgpool2d", avgpool2d}, {"global_avgpool", global_avgpool},       {"upsample2d", upsample2d},
    {"pad2d", pad2d},         {"identity_shortcut", identity_shortcut}, {NULL, NULL}};
