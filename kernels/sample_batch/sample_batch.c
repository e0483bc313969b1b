/* sample_batch: a batch from samples that the device keeps: position FIRST + SAMPLE0 + i of the epoch (rng
 * block) names a sample by the epoch's order, and the sample is seen through its own window, normalised and
 * written where the model's inputs lie. What the loader of datasets/ does, by the same formulas
 * (base/order.h, base/augment.h, base/warp.h, base/jitter.h), to the same bits.
 *
 *   samples u8 or f32 [N,H,W,C] or [N,F]; labels of 4 bytes [N]; index i32 [M]: the sample at each place of
 *   the order (absent: M = N); scale, shift f32 [C]; x [n, ...], y [n]: written; rng. The seed of the order
 *   and of the windows is the run's. */
#include "sample_batch.h"

static const anl__attr_def attrs[] = {
    {"shuffle", ANL__BOOL, "false", 0, 1, NULL, "by the epoch's order, not one after the other"},
    {"crop", ANL__INT, "0", 0, 1 << 20, NULL, "pad by so many pixels and take a random window"},
    {"flip", ANL__BOOL, "false", 0, 1, NULL, "mirror half of the samples"},
    {"erase", ANL__FLOAT, "0", 0, 1, NULL, "probability of erasing a rectangle"},
    {"erase_min", ANL__FLOAT, "0.02", 0, 1, NULL, "its least share of the area"},
    {"erase_max", ANL__FLOAT, "0.33", 0, 1, NULL, "its greatest"},
    {"flip_vertical", ANL__BOOL, "false", 0, 1, NULL, "turn half of the samples upside down"},
    {"rotate", ANL__FLOAT, "0", 0, 180, NULL, "by at most so many degrees, to either side"},
    {"resized_crop", ANL__FLOAT, "0", 0, 1, NULL,
     "least share of the area of a random window that is enlarged to the sample's size; 0: none"},
    {"brightness", ANL__FLOAT, "0", 0, 1, NULL, "b: a factor in [1 - b, 1 + b]"},
    {"contrast", ANL__FLOAT, "0", 0, 1, NULL, "likewise, about the sample's mean grey"},
    {"saturation", ANL__FLOAT, "0", 0, 1, NULL, "likewise, about each pixel's grey; 3 channels"},
    {0},
};

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    const anl_shape *d = &c->in[ANL__SB_SAMPLES].shape, *x = &c->in[ANL__SB_X].shape;
    for (int i = 0; i < 8; i++)
        if (i != ANL__SB_INDEX && !anl__has_in(c, i)) return anl__fail(ctx, ANL_SHAPE, "all but the index must be given");
    int64_t channels = d->dim[d->rank - 1];
    if ((d->rank != 2 && d->rank != 4) || x->rank != d->rank || anl_shape_count(x) / (x->dim[0] ? x->dim[0] : 1) != anl_shape_count(d) / (d->dim[0] ? d->dim[0] : 1))
        return anl__fail(ctx, ANL_SHAPE, "samples %s do not make a batch %s", anl__shape_text(d, a), anl__shape_text(x, b));
    if (c->in[ANL__SB_SAMPLES].dtype == ANL_I32 || c->in[ANL__SB_SAMPLES].dtype == ANL_BF16 || c->in[ANL__SB_SAMPLES].dtype == ANL_F16)
        return anl__fail(ctx, ANL_UNSUPPORTED, "samples are u8 or f32, not %s", anl_dtype_name(c->in[ANL__SB_SAMPLES].dtype));
    if (anl_shape_count(&c->in[ANL__SB_SCALE].shape) != channels || anl_shape_count(&c->in[ANL__SB_SHIFT].shape) != channels)
        return anl__fail(ctx, ANL_SHAPE, "samples of %lld channels need as many scales and shifts", (long long)channels);
    if (c->in[ANL__SB_LABELS].dtype != c->in[ANL__SB_Y].dtype || anl_shape_count(&c->in[ANL__SB_LABELS].shape) != d->dim[0] || anl_shape_count(&c->in[ANL__SB_Y].shape) != x->dim[0])
        return anl__fail(ctx, ANL_SHAPE, "labels do not fit %lld samples and a batch of %lld", (long long)d->dim[0], (long long)x->dim[0]);
    if (anl__has_in(c, ANL__SB_INDEX) && c->in[ANL__SB_INDEX].dtype != ANL_I32) return anl__fail(ctx, ANL_SHAPE, "an index is i32");
    if (d->rank != 4 && anl__sb_computes(c))
        return anl__fail(ctx, ANL_SHAPE, "resampling and colours are of images, not of rows of %lld numbers",
                         (long long)channels);
    if (anl__attr_float(c, "saturation") > 0 && channels != 3)
        return anl__fail(ctx, ANL_SHAPE, "saturation is of 3 channels, not of %lld", (long long)channels);
    if (d->dim[0] > INT32_MAX) return anl__fail(ctx, ANL_UNSUPPORTED, "%lld samples are more than an index can name", (long long)d->dim[0]);
    c->n_out = 0;
    return ANL_OK;
}

static const anl__op op = {.name = "sample_batch", .min_in = 2, .max_in = 8, .attrs = attrs, .infer = infer, .mutates = 1u << ANL__SB_X | 1u << ANL__SB_Y, .random = true,
                           .help = "a batch of samples that the device keeps"};
const anl__op *const anl__ops_sample_batch[] = {&op, NULL};
