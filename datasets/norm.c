/* Normalisation statistics (transform.h). For u8 the sums are integers, so neither order nor machine matters.
 * They are measured at each start and kept nowhere: of 603 MB of pictures they take 0.13 s, as long as the check of the cache that
 * holds these, of Fashion-MNIST 0.01 s (Intel Xeon, one thread, 2026-11-28), and what is kept can be stale. */
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

/* Lanes are a multiple of the channels, so that lane j always holds channel j % channels and the adding loops
   have stride 1. 32-bit sums of squares hold 65536 additions of 255 * 255. */
typedef struct lanes {
    int64_t count;
    uint32_t *sum, *square;
    int64_t added; /* to each lane at most */
} lanes;
enum { LANE_ADDITIONS = 65536, ROWS = 4, NARROW = 16, /* channels */ LANES_A_CHANNEL = 64 };

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

/* Of a byte; 16 bits hold it, which twice as many lanes of a vector do at once. */
static inline uint16_t squared(uint16_t v) { return (uint16_t)(v * v); }

/* ROWS values for each lane: the sums are read and written once for all of them. */
static void lanes_add_rows(lanes *l, const uint8_t *p)
{
    uint32_t *restrict sum = l->sum, *restrict square = l->square;
    int64_t n = l->count;
    const uint8_t *q = p + n, *r = q + n, *s = r + n;
    for (int64_t j = 0; j < n; j++) {
        sum[j] += (uint16_t)(p[j] + q[j] + r[j] + s[j]);
        square[j] += (uint32_t)squared(p[j]) + squared(q[j]) + squared(r[j]) + squared(s[j]);
    }
}

/* A value for each of the first n lanes. */
static void lanes_add_some(lanes *l, const uint8_t *p, int64_t n)
{
    uint32_t *restrict sum = l->sum, *restrict square = l->square;
    for (int64_t j = 0; j < n; j++) {
        sum[j] += p[j];
        square[j] += squared(p[j]);
    }
}

static void lanes_add(lanes *l, const uint8_t *p, int64_t n, int64_t channels, uint64_t *sum, uint64_t *square)
{
    for (int64_t at = 0, taken; at < n; at += taken) {
        bool rows = n - at >= ROWS * l->count;
        taken = rows ? ROWS * l->count : n - at < l->count ? n - at : l->count;
        if (rows) lanes_add_rows(l, p + at);
        else lanes_add_some(l, p + at, taken);
        l->added += rows ? ROWS : 1;
        if (l->added > LANE_ADDITIONS - ROWS) lanes_flush(l, channels, sum, square);
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
    lanes l = {.count = channels * (channels <= NARROW ? LANES_A_CHANNEL : 1)};
    anl_status st = ANL_NOMEM;
    uint64_t *total = anl__calloc(ctx, 2 * (size_t)channels, sizeof *total);
    l.sum = anl__calloc(ctx, (size_t)l.count, sizeof *l.sum);
    l.square = anl__calloc(ctx, (size_t)l.count, sizeof *l.square);
    if (!total || !l.sum || !l.square) goto done;
    for (int64_t i = 0; i < n; i++)
        lanes_add(&l, anl__dataset_get(ds, ANL__FIELD_X, index ? index[i] : i), per, channels, total, total + channels);
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
