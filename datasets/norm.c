/* Normalisation statistics (transform.h). For u8 the sums are integers, so neither order nor machine matters.
 */
#include "datasets/transform.h"

#include <math.h>
#include <string.h>

static int64_t field_channels(const anl__field *f)
{
    return f->shape.dim[f->shape.rank - 1];
}

static anl_status norm_alloc(anl_ctx *ctx, int64_t channels, anl__norm *n)
{
    *n = (anl__norm){.channels = channels};
    n->mean = anl__calloc(ctx, (size_t)channels, sizeof *n->mean);
    n->std = anl__calloc(ctx, (size_t)channels, sizeof *n->std);
    if (n->mean && n->std) return ANL_OK;
    anl__norm_release(ctx, n);
    return ANL_NOMEM;
}

void anl__norm_release(anl_ctx *ctx, anl__norm *n)
{
    anl__free(ctx, n->mean);
    anl__free(ctx, n->std);
    *n = (anl__norm){0};
}

/* ---- u8 --------------------------------------------------------------------------------------- */

/* Lanes are a multiple of the channels, so that lane j always holds channel j % channels and the adding loop
   has stride
   1. 32-bit sums of squares hold 65536 additions of 255 * 255. */
typedef struct lanes {
    int64_t count;
    uint32_t *sum, *square;
    int64_t added;
} lanes;
enum { LANE_ADDITIONS = 65536, MIN_LANES = 64 };

static void lanes_flush(lanes *l, int64_t channels, uint64_t *sum, uint64_t *square)
{
    for (int64_t j = 0; j < l->count; j++) {
        sum[j % channels] += l->sum[j];
        square[j % channels] += l->square[j];
        l->sum[j] = 0;
        l->square[j] = 0;
    }
    l->added = 0;
}

static void lanes_add(lanes *l, const uint8_t *p, int64_t n)
{
    uint32_t *restrict sum = l->sum, *restrict square = l->square;
    for (int64_t j = 0; j < n; j++) {
        uint32_t v = p[j];
        sum[j] += v;
        square[j] += v * v;
    }
    l->added++;
}

/* One channel needs no lanes: the sums stay in registers. 32 bits hold 65536 squares of 255. */
static void add_one_channel(const uint8_t *p, int64_t n, uint64_t *sum, uint64_t *square)
{
    for (int64_t from = 0; from < n; from += LANE_ADDITIONS) {
        int64_t end = from + LANE_ADDITIONS < n ? from + LANE_ADDITIONS : n;
        uint32_t s = 0, q = 0;
        for (int64_t j = from; j < end; j++) {
            int16_t v = p[j];
            s += (uint32_t)v;
            q += (uint32_t)(v * v);
        }
        *sum += s;
        *square += q;
    }
}

/* n samples of `per` values make mean and std of x / 255; the variance from N*sum(x^2) - sum(x)^2 in 128 bits
 * is exact. */
static void finish_u8(anl__norm *out, int64_t values, const uint64_t *sum, const uint64_t *square)
{
    for (int64_t c = 0; c < out->channels; c++) {
        unsigned __int128 top =
            (unsigned __int128)square[c] * (uint64_t)values - (unsigned __int128)sum[c] * sum[c];
        out->mean[c] = (double)sum[c] / ((double)values * 255.0);
        out->std[c] = sqrt((double)top) / ((double)values * 255.0);
    }
}

static anl_status measure_u8(anl_ctx *ctx, const anl__dataset *ds, const int64_t *index, int64_t n,
                             anl__norm *out)
{
    const anl__field *f = &ds->field[ANL__FIELD_X];
    int64_t channels = out->channels, per = (int64_t)f->bytes;
    lanes l = {.count = channels * (channels < MIN_LANES ? MIN_LANES / channels : 1)};
    anl_status st = ANL_NOMEM;
    uint64_t *total = anl__calloc(ctx, 2 * (size_t)channels, sizeof *total);
    l.sum = anl__calloc(ctx, (size_t)l.count, sizeof *l.sum);
    l.square = anl__calloc(ctx, (size_t)l.count, sizeof *l.square);
    if (!total || !l.sum || !l.square) goto done;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *p = anl__dataset_get(ds, ANL__FIELD_X, index ? index[i] : i);
        if (channels == 1) add_one_channel(p, per, total, total + 1);
        for (int64_t at = 0; at < per && channels > 1; at += l.count) {
            lanes_add(&l, p + at, per - at < l.count ? per - at : l.count);
            if (l.added == LANE_ADDITIONS) lanes_flush(&l, channels, total, total + channels);
        }
    }
    lanes_flush(&l, channels, total, total + channels);
    finish_u8(out, n * (per / channels), total, total + channels);
    st = ANL_OK;
done:
    anl__free(ctx, l.square);
    anl__free(ctx, l.sum);
    anl__free(ctx, total);
    return st;
}

/* ---- f32 -------------------------------------------------------------------------------------- */

static void measure_f32(const anl__dataset *ds, const int64_t *index, int64_t n, anl__norm *out)
{
    int64_t channels = out->channels, per = (int64_t)(ds->field[ANL__FIELD_X].bytes / sizeof(float));
    double values = (double)n * (double)(per / channels);
    for (int64_t i = 0; i < n; i++) {
        const float *p = anl__dataset_get(ds, ANL__FIELD_X, index ? index[i] : i);
        for (int64_t at = 0; at < per; at += channels)
            for (int64_t c = 0; c < channels; c++) out->mean[c] += (double)p[at + c];
    }
    for (int64_t c = 0; c < channels; c++) out->mean[c] /= values;
    for (int64_t i = 0; i < n; i++) {
        const float *p = anl__dataset_get(ds, ANL__FIELD_X, index ? index[i] : i);
        for (int64_t at = 0; at < per; at += channels)
            for (int64_t c = 0; c < channels; c++) {
                double d = (double)p[at + c] - out->mean[c];
                out->std[c] += d * d;
            }
    }
    for (int64_t c = 0; c < channels; c++) out->std[c] = sqrt(out->std[c] / values);
}

anl_status anl__norm_measure(anl_ctx *ctx, const anl__dataset *ds, const int64_t *index, int64_t n,
                             anl__norm *out)
{
    const anl__field *f = &ds->field[ANL__FIELD_X];
    anl__norm m;
    if (n < 1) return anl__fail(ctx, ANL_DATA, "%s: statistics of no samples", ds->name);
    ANL_TRY(norm_alloc(ctx, field_channels(f), &m));
    if (f->dtype == ANL_U8) {
        anl_status st = measure_u8(ctx, ds, index, n, &m);
        if (st != ANL_OK) {
            anl__norm_release(ctx, &m);
            return st;
        }
    } else {
        measure_f32(ds, index, n, &m);
    }
    for (int64_t c = 0; c < m.channels; c++)
        if (m.std[c] <= 0) m.std[c] = 1;
    *out = m;
    return ANL_OK;
}

anl_status anl__norm_make(anl_ctx *ctx, int64_t channels, const double *mean, const double *std,
                          anl__norm *out)
{
    if (channels < 1) return anl__fail(ctx, ANL_DATA, "normalisation of %lld channels", (long long)channels);
    for (int64_t c = 0; c < channels; c++)
        if (!isfinite(mean[c]) || !isfinite(std[c]) || std[c] <= 0)
            return anl__fail(
                ctx, ANL_DATA,
                "normalisation of channel %lld: mean %g, std %g; expected finite values, std above 0",
                (long long)c, mean[c], std[c]);
    anl__norm n;
    ANL_TRY(norm_alloc(ctx, channels, &n));
    memcpy(n.mean, mean, (size_t)channels * sizeof *mean);
    memcpy(n.std, std, (size_t)channels * sizeof *std);
    *out = n;
    return ANL_OK;
}
