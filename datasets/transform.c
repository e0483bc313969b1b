/* One pass from a stored sample to the batch (transform.h); values that augmentation computes come from
 * resample.c. It does not choose samples or own batches. */
#include "datasets/transform.h"

#include "datasets/resample.h"
#include "runtime/base/half.h"

#include <string.h>

enum { SPAN = 1024 }; /* values that one inner loop should cover at least: short rows are taken together */

/* ---- inner loops: n values with stride 1 ------------------------------------------------------- */

static inline float as_f32(float y)
{
    return y;
}

static inline uint16_t as_f16(float y)
{
    return anl__f16_bits(y);
}

static inline uint16_t as_bf16(float y) { return anl__bf16_bits(y); }

#define LOOP(in, in_t, out, out_t)                                                                       \
    static void convert_##in##_##out(const void *src, void *dst, int64_t n, const float *restrict scale, \
                                     const float *restrict shift)                                        \
    {                                                                                                    \
        const in_t *restrict x = src;                                                                    \
        out_t *restrict y = dst;                                                                         \
        for (int64_t i = 0; i < n; i++) y[i] = as_##out(anl__normalised((float)x[i], scale[i], shift[i]));              \
    }
LOOP(u8, uint8_t, f32, float)
LOOP(u8, uint8_t, bf16, uint16_t)
LOOP(f32, float, f32, float)
LOOP(f32, float, bf16, uint16_t)
LOOP(u8, uint8_t, f16, uint16_t)
LOOP(f32, float, f16, uint16_t)

static void convert_f32(const anl__transform *t, const float *src, void *dst, int64_t n)
{
    if (t->out == ANL_F32) convert_f32_f32(src, dst, n, t->scale, t->shift);
    if (t->out == ANL_BF16) convert_f32_bf16(src, dst, n, t->scale, t->shift);
    if (t->out == ANL_F16) convert_f32_f16(src, dst, n, t->scale, t->shift);
}

static void convert(const anl__transform *t, const void *src, void *dst, int64_t n)
{
    if (t->in == ANL_F32) convert_f32(t, src, dst, n);
    if (t->in == ANL_U8 && t->out == ANL_F32) convert_u8_f32(src, dst, n, t->scale, t->shift);
    if (t->in == ANL_U8 && t->out == ANL_BF16) convert_u8_bf16(src, dst, n, t->scale, t->shift);
    if (t->in == ANL_U8 && t->out == ANL_F16) convert_u8_f16(src, dst, n, t->scale, t->shift);
}

/* ---- preparing -------------------------------------------------------------------------------- */

static anl_status check(anl_ctx *ctx, const anl__transform *t, const anl__norm *norm)
{
    const anl__augment *a = &t->augment;
    if ((t->in != ANL_U8 && t->in != ANL_F32) || (t->out != ANL_F32 && t->out != ANL_BF16 && t->out != ANL_F16))
        return anl__fail(ctx, ANL_UNSUPPORTED, "samples of type %s cannot be made %s", anl_dtype_name(t->in),
                         anl_dtype_name(t->out));
    if (norm && norm->channels != t->c)
        return anl__fail(ctx, ANL_SHAPE, "normalisation of %lld channels does not fit samples of %lld",
                         (long long)norm->channels, (long long)t->c);
    if (a->crop_pad < 0 || a->crop_pad > t->h || a->crop_pad > t->w)
        return anl__fail(ctx, ANL_SHAPE, "a crop padding of %d does not suit samples of %lld x %lld",
                         a->crop_pad, (long long)t->h, (long long)t->w);
    if (!(a->erase >= 0 && a->erase <= 1) ||
        !(a->erase_min >= 0 && a->erase_min <= a->erase_max && a->erase_max <= 1))
        return anl__fail(
            ctx, ANL_INVALID,
            "erasing with probability %g of %g to %g of the area: expected values in [0, 1], in order",
            a->erase, a->erase_min, a->erase_max);
    return ANL_OK;
}

anl_status anl__transform_init(anl_ctx *ctx, const anl__field *field, const anl__norm *norm,
                               const anl__augment *augment, anl_dtype out, anl__transform *t)
{
    bool image = field->shape.rank == 3;
    anl__transform r = {
        .in = field->dtype, .out = out, .h = 1, .w = 1, .c = field->shape.dim[field->shape.rank - 1]};
    if (image) r.h = field->shape.dim[0], r.w = field->shape.dim[1];
    if (augment) r.augment = *augment;
    if (r.augment.erase_min == 0 && r.augment.erase_max == 0)
        r.augment.erase_min = 0.02, r.augment.erase_max = 0.33;
    ANL_TRY(check(ctx, &r, norm));
    ANL_TRY(anl__resample_check(ctx, &r, image));
    int64_t row = r.w * r.c;
    r.rows = (SPAN + row - 1) / row < r.h ? (SPAN + row - 1) / row : r.h;
    r.scale = anl__calloc(ctx, (size_t)(r.rows * row), sizeof *r.scale);
    r.shift = anl__calloc(ctx, (size_t)(r.rows * row), sizeof *r.shift);
    if (!r.scale || !r.shift) {
        anl__transform_release(ctx, &r);
        return ANL_NOMEM;
    }
    double unit = r.in == ANL_U8 ? 255.0 : 1.0;
    for (int64_t i = 0; i < r.rows * row; i++) {
        double mean = norm ? norm->mean[i % r.c] : 0.0, std = norm ? norm->std[i % r.c] : 1.0;
        r.scale[i] = (float)(1.0 / (unit * std));
        r.shift[i] = (float)(-mean / std);
    }
    *t = r;
    return ANL_OK;
}

void anl__transform_release(anl_ctx *ctx, anl__transform *t)
{
    anl__free(ctx, t->scale);
    anl__free(ctx, t->shift);
    t->scale = NULL;
    t->shift = NULL;
}

size_t anl__transform_scratch(const anl__transform *t)
{
    bool moves = t->augment.crop_pad || t->augment.flip || t->augment.flip_vertical;
    if (anl__augment_computes(&t->augment)) return anl__resample_scratch(t);
    return moves ? (size_t)(t->h * t->w * t->c) * anl_dtype_size(t->in) : 0;
}

size_t anl__transform_bytes(const anl__transform *t)
{
    return (size_t)(t->h * t->w * t->c) * anl_dtype_size(t->out);
}

/* ---- applying --------------------------------------------------------------------------------- */

/* Pixels in reverse order, the bytes of each in order. */
static void mirror(const char *src, char *dst, int64_t pixels, int64_t pixel)
{
    if (pixel == 1) {
        for (int64_t i = 0; i < pixels; i++) dst[i] = src[pixels - 1 - i];
    } else {
        for (int64_t i = 0; i < pixels; i++)
            memcpy(dst + i * pixel, src + (pixels - 1 - i) * pixel, (size_t)pixel);
    }
}

/* The window of the image with zeros around it, mirrored or not, as stored values. */
static void window(const anl__transform *t, const char *src, char *dst, const anl__view *v)
{
    int64_t pixel = t->c * (int64_t)anl_dtype_size(t->in), row = t->w * pixel, dx = v->dx;
    int64_t left = dx < 0 ? -dx : 0, right = dx > 0 ? dx : 0, inside = t->w - left - right;
    int64_t before = v->flip ? right : left, after = v->flip ? left : right;
    for (int64_t i = 0; i < t->h; i++, dst += row) {
        int64_t y = (v->flip_vertical ? t->h - 1 - i : i) + v->dy;
        const char *from = src + y * row + (left + dx) * pixel;
        if (y < 0 || y >= t->h || inside <= 0) {
            memset(dst, 0, (size_t)row);
            continue;
        }
        memset(dst, 0, (size_t)(before * pixel));
        if (v->flip)
            mirror(from, dst + before * pixel, inside, pixel);
        else
            memcpy(dst + before * pixel, from, (size_t)(inside * pixel));
        memset(dst + (before + inside) * pixel, 0, (size_t)(after * pixel));
    }
}

static void compute(const anl__transform *t, const anl__view *v, uint64_t seed, uint32_t epoch,
                    int64_t sample, const void *src, void *scratch, void *dst)
{
    anl__resample r;
    int64_t row = t->w * t->c;
    size_t out = (size_t)row * anl_dtype_size(t->out);
    anl__resample_begin(&r, t, v, seed, epoch, sample, src, scratch);
    for (int64_t y = 0; y < t->h; y++)
        convert_f32(t, anl__resample_row(&r, (int32_t)y), (char *)dst + (size_t)y * out, row);
}

static void move(const anl__transform *t, const anl__view *v, const void *src, void *scratch, void *dst)
{
    int64_t row = t->w * t->c;
    if (v->flip || v->flip_vertical || v->dy || v->dx) {
        window(t, src, scratch, v);
        src = scratch;
    }
    size_t in = (size_t)row * anl_dtype_size(t->in), out = (size_t)row * anl_dtype_size(t->out);
    for (int64_t y = 0; y < t->h; y += t->rows)
        convert(t, (const char *)src + (size_t)y * in, (char *)dst + (size_t)y * out,
                (t->h - y < t->rows ? t->h - y : t->rows) * row);
}

void anl__transform_apply(const anl__transform *t, uint64_t seed, uint32_t epoch, int64_t sample,
                          const void *src, void *scratch, void *dst)
{
    size_t pixel = (size_t)t->c * anl_dtype_size(t->out);
    anl__view v = anl__augment_draw(&t->augment, seed, epoch, sample, (int32_t)t->h, (int32_t)t->w);
    if (anl__augment_computes(&t->augment)) compute(t, &v, seed, epoch, sample, src, scratch, dst);
    else move(t, &v, src, scratch, dst);
    for (int64_t y = v.top; y < v.top + v.height; y++) memset((char *)dst + (size_t)(y * t->w + v.left) * pixel, 0, (size_t)v.width * pixel);
}
