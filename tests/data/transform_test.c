/* Normalisation statistics and the one pass from stored samples to the batch. */
#include "tests/data/data_test.h"

#include "datasets/transform.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A set over memory of the test's own. */
static anl__dataset set_of(anl_ctx *ctx, anl_dtype t, int64_t n, int rank, const int64_t *dim,
                           const void *data)
{
    anl__dataset ds = {.ctx = ctx, .name = (char *)"made up", .n = n, .fields = 1};
    anl__field *f = &ds.field[0];
    *f = (anl__field){
        .name = rank == 1 ? "features" : "image", .dtype = t, .data = data, .bytes = anl_dtype_size(t)};
    f->shape.rank = rank;
    for (int i = 0; i < rank; i++) {
        f->shape.dim[i] = dim[i];
        f->bytes *= (size_t)dim[i];
    }
    return ds;
}

/* ---- statistics ------------------------------------------------------------------------------- */

static void check_norm(anl_ctx *ctx, const anl__dataset *ds, const int64_t *index, int64_t n)
{
    const anl__field *f = &ds->field[0];
    int64_t c = f->shape.dim[f->shape.rank - 1], per = (int64_t)(f->bytes / anl_dtype_size(f->dtype));
    anl__norm norm;
    assert_int_equal(anl__norm_measure(ctx, ds, index, n, &norm), ANL_OK);
    assert_int_equal(norm.channels, c);
    for (int64_t k = 0; k < c; k++) {
        long double sum = 0, square = 0, count = (long double)(n * (per / c));
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = k; j < per; j += c) {
                const void *p = anl__dataset_get(ds, 0, index ? index[i] : i);
                long double v = f->dtype == ANL_U8 ? ((const uint8_t *)p)[j] / 255.0L
                                                   : (long double)((const float *)p)[j];
                sum += v;
                square += v * v;
            }
        long double mean = sum / count, std = sqrtl(square / count - mean * mean);
        assert_true(fabsl((long double)norm.mean[k] - mean) < 1e-12L);
        assert_true(fabsl((long double)norm.std[k] - std) < 1e-9L);
    }
    anl__norm_release(ctx, &norm);
}

static void statistics_of_bytes(void **state)
{
    fixture *f = *state;
    static uint8_t data[200 * 7 * 9 * 3];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * i % 251 + i % 3);
    int64_t odd[100], grey[] = {21, 9, 1}, rgb[] = {7, 9, 3}, flat[] = {189};
    for (int i = 0; i < 100; i++) odd[i] = 2 * i + 1;
    anl__dataset a = set_of(f->ctx, ANL_U8, 200, 3, rgb, data),
                 b = set_of(f->ctx, ANL_U8, 200, 3, grey, data),
                 c = set_of(f->ctx, ANL_U8, 200, 1, flat, data);
    check_norm(f->ctx, &a, NULL, 200);
    check_norm(f->ctx, &a, odd, 100);
    check_norm(f->ctx, &b, odd, 100);
    check_norm(f->ctx, &c, NULL, 200);
}

/* Samples of several rows of lanes, a lane's rest and a part of one, of few and many channels. */
static void statistics_of_large_samples(void **state)
{
    fixture *f = *state;
    static uint8_t data[2 * 61 * 53 * 17];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * i % 251 + i % 5);
    for (int64_t channels = 1; channels <= 17; channels++) {
        int64_t dim[] = {61, 53, channels};
        anl__dataset ds = set_of(f->ctx, ANL_U8, 2, 3, dim, data);
        check_norm(f->ctx, &ds, NULL, 2);
    }
}

/* More additions than a 32-bit sum holds. */
static void statistics_do_not_overflow(void **state)
{
    fixture *f = *state;
    int64_t dim[] = {2400, 2400, 1}, rgb[] = {1600, 1200, 3};
    uint8_t *data = malloc(2400 * 2400);
    memset(data, 255, 2400 * 2400);
    data[0] = data[1] = data[2] = 0; /* a channel that never changes has std 1 */
    anl__dataset ds = set_of(f->ctx, ANL_U8, 1, 3, dim, data);
    check_norm(f->ctx, &ds, NULL, 1);
    ds = set_of(f->ctx, ANL_U8, 1, 3, rgb, data);
    check_norm(f->ctx, &ds, NULL, 1);
    free(data);
}

static void statistics_of_floats(void **state)
{
    fixture *f = *state;
    static float data[50 * 6];
    for (int i = 0; i < 300; i++) data[i] = (float)((i * 37) % 101) / 10.0f + (float)(i % 6);
    int64_t dim[] = {6};
    anl__dataset ds = set_of(f->ctx, ANL_F32, 50, 1, dim, data);
    check_norm(f->ctx, &ds, NULL, 50);
}

static void a_constant_channel_has_std_one(void **state)
{
    fixture *f = *state;
    static const uint8_t data[8] = {5, 1, 5, 2, 5, 3, 5, 4};
    int64_t dim[] = {2};
    anl__dataset ds = set_of(f->ctx, ANL_U8, 4, 1, dim, data);
    anl__norm n;
    assert_int_equal(anl__norm_measure(f->ctx, &ds, NULL, 4, &n), ANL_OK);
    assert_true(n.std[0] == 1.0 && n.mean[0] == 5.0 / 255.0);
    anl__norm_release(f->ctx, &n);
    assert_int_equal(anl__norm_measure(f->ctx, &ds, NULL, 0, &n), ANL_DATA);
    double mean = 0, std[] = {0, NAN};
    assert_int_equal(anl__norm_make(f->ctx, 1, &mean, &std[0], &n), ANL_DATA);
    assert_int_equal(anl__norm_make(f->ctx, 1, &mean, &std[1], &n), ANL_DATA);
    assert_int_equal(anl__norm_make(f->ctx, 0, &mean, &std[1], &n), ANL_DATA);
}

/* ---- values ----------------------------------------------------------------------------------- */

static float bf16_value(uint16_t b)
{
    uint32_t u = (uint32_t)b << 16;
    float v;
    memcpy(&v, &u, 4);
    return v;
}

static void every_byte_value(void **state)
{
    fixture *f = *state;
    uint8_t data[256];
    float y[256];
    uint16_t h[256];
    int64_t dim[] = {16, 8, 2};
    double mean[] = {0.25, 0.5}, std[] = {0.5, 0.125};
    anl__norm norm;
    anl__transform t;
    for (int i = 0; i < 256; i++) data[i] = (uint8_t)i;
    anl__dataset ds = set_of(f->ctx, ANL_U8, 1, 3, dim, data);
    assert_int_equal(anl__norm_make(f->ctx, 2, mean, std, &norm), ANL_OK);
    assert_int_equal(anl__transform_init(f->ctx, &ds.field[0], &norm, NULL, ANL_F32, &t), ANL_OK);
    assert_int_equal(anl__transform_bytes(&t), sizeof y);
    anl__transform_apply(&t, 1, 2, 0, data, NULL, y);
    anl__transform_release(f->ctx, &t);
    for (int i = 0; i < 256; i++)
        assert_true(fabs((double)y[i] - (i / 255.0 - mean[i % 2]) / std[i % 2]) < 1e-6);
    assert_int_equal(anl__transform_init(f->ctx, &ds.field[0], &norm, NULL, ANL_BF16, &t), ANL_OK);
    anl__transform_apply(&t, 1, 2, 0, data, NULL, h);
    anl__transform_release(f->ctx, &t);
    for (int i = 0; i < 256; i++) assert_true(fabsf(bf16_value(h[i]) - y[i]) <= fabsf(y[i]) / 256.0f);
    anl__norm_release(f->ctx, &norm);
}

static void bf16_rounds_to_nearest_even(void **state)
{
    fixture *f = *state;
    const float x[] = {1.0f, 1.00390625f, 1.01171875f, 1.0039064f, -1.00390625f, 3.0e38f, 0.0f};
    const uint16_t want[] = {0x3f80, 0x3f80, 0x3f82, 0x3f81, 0xbf80, 0x7f62, 0};
    uint16_t y[7];
    int64_t dim[] = {7};
    anl__transform t;
    anl__dataset ds = set_of(f->ctx, ANL_F32, 1, 1, dim, x);
    assert_int_equal(anl__transform_init(f->ctx, &ds.field[0], NULL, NULL, ANL_BF16, &t), ANL_OK);
    anl__transform_apply(&t, 0, 0, 0, x, NULL, y);
    for (int i = 0; i < 7; i++) assert_int_equal(y[i], want[i]);
    anl__transform_release(f->ctx, &t);
}

static void f16_rounds_to_nearest_even(void **state)
{
    fixture *f = *state;
    const float x[] = {1.0f, 1.00048828125f, 1.00146484375f, 1.0005f, -1.00048828125f, 65519.0f, 65520.0f, 0x1p-25f, 0x1.8p-24f};
    const uint16_t want[] = {0x3c00, 0x3c00, 0x3c02, 0x3c01, 0xbc00, 0x7bff, 0x7c00, 0, 2};
    uint16_t y[9];
    int64_t dim[] = {9};
    anl__transform t;
    anl__dataset ds = set_of(f->ctx, ANL_F32, 1, 1, dim, x);
    assert_int_equal(anl__transform_init(f->ctx, &ds.field[0], NULL, NULL, ANL_F16, &t), ANL_OK);
    anl__transform_apply(&t, 0, 0, 0, x, NULL, y);
    for (int i = 0; i < 9; i++) assert_int_equal(y[i], want[i]);
    anl__transform_release(f->ctx, &t);
}

/* ---- augmentation ----------------------------------------------------------------------------- */

enum { H = 6, W = 5, C = 2 };

/* Is `y` the window at (dy, dx), mirrored or not, of x (zero outside)? */
static bool is_window(const uint8_t *x, const float *y, int dy, int dx, bool flip)
{
    for (int r = 0; r < H; r++)
        for (int q = 0; q < W; q++)
            for (int c = 0; c < C; c++) {
                int sr = r + dy, sq = (flip ? W - 1 - q : q) + dx;
                int v = sr < 0 || sr >= H || sq < 0 || sq >= W ? 0 : x[(sr * W + sq) * C + c];
                if (fabsf(y[(r * W + q) * C + c] - (float)v / 255.0f) > 1e-6f) return false;
            }
    return true;
}

static void crop_and_flip_are_windows_of_the_padded_image(void **state)
{
    fixture *f = *state;
    uint8_t x[H * W * C], scratch[H * W * C];
    float y[H * W * C];
    int64_t dim[] = {H, W, C};
    int seen[2][7][7] = {{{0}}}, draws = 6000, pad = 3;
    for (int i = 0; i < H * W * C; i++) x[i] = (uint8_t)(3 * i + 1);
    anl__dataset ds = set_of(f->ctx, ANL_U8, 1, 3, dim, x);
    anl__augment a = {.crop_pad = pad, .flip = true};
    anl__transform t;
    assert_int_equal(anl__transform_init(f->ctx, &ds.field[0], NULL, &a, ANL_F32, &t), ANL_OK);
    for (int s = 0; s < draws; s++) {
        int found = 0;
        anl__transform_apply(&t, 9, 4, s, x, scratch, y);
        for (int flip = 0; flip < 2; flip++)
            for (int dy = -pad; dy <= pad; dy++)
                for (int dx = -pad; dx <= pad; dx++)
                    if (is_window(x, y, dy, dx, flip)) {
                        found++;
                        seen[flip][dy + pad][dx + pad]++;
                    }
        assert_int_equal(found, 1);
    }
    for (int i = 0; i < 98; i++) assert_in_range((&seen[0][0][0])[i], 20, 120); /* 61 expected, deviation 8 */
    anl__transform_release(f->ctx, &t);
}

static void augmentation_is_keyed(void **state)
{
    fixture *f = *state;
    uint8_t x[H * W * C], scratch[H * W * C];
    float y[4][H * W * C];
    int64_t dim[] = {H, W, C};
    int same_epoch = 0, same_seed = 0;
    for (int i = 0; i < H * W * C; i++) x[i] = (uint8_t)(3 * i + 1);
    anl__dataset ds = set_of(f->ctx, ANL_U8, 1, 3, dim, x);
    anl__augment a = {.crop_pad = 2, .flip = true, .erase = 0.5};
    anl__transform t;
    assert_int_equal(anl__transform_init(f->ctx, &ds.field[0], NULL, &a, ANL_F32, &t), ANL_OK);
    for (int64_t s = 0; s < 200; s++) {
        anl__transform_apply(&t, 1, 1, s, x, scratch, y[0]);
        anl__transform_apply(&t, 1, 2, s, x, scratch, y[1]);
        anl__transform_apply(&t, 2, 1, s, x, scratch, y[2]);
        anl__transform_apply(&t, 1, 1, s, x, scratch, y[3]);
        assert_memory_equal(y[0], y[3], sizeof y[0]);
        same_epoch += memcmp(y[0], y[1], sizeof y[0]) == 0;
        same_seed += memcmp(y[0], y[2], sizeof y[0]) == 0;
    }
    assert_in_range(same_epoch, 0, 15);
    assert_in_range(same_seed, 0, 15);
    anl__transform_release(f->ctx, &t);
}

static void erasing_clears_one_rectangle(void **state)
{
    fixture *f = *state;
    enum { S = 20 };
    static float x[S * S], y[S * S];
    int64_t dim[] = {S, S, 1};
    int erased = 0, area = 0;
    for (int i = 0; i < S * S; i++) x[i] = 1.0f;
    anl__dataset ds = set_of(f->ctx, ANL_F32, 1, 3, dim, x);
    anl__augment a = {.erase = 0.25};
    anl__transform t;
    assert_int_equal(anl__transform_init(f->ctx, &ds.field[0], NULL, &a, ANL_F32, &t), ANL_OK);
    for (int s = 0; s < 4000; s++) {
        int y0 = S, y1 = -1, x0 = S, x1 = -1, zeros = 0;
        anl__transform_apply(&t, 3, 0, s, x, NULL, y);
        for (int i = 0; i < S * S; i++)
            if (y[i] == 0.0f) {
                zeros++;
                if (i / S < y0) y0 = i / S;
                if (i / S > y1) y1 = i / S;
                if (i % S < x0) x0 = i % S;
                if (i % S > x1) x1 = i % S;
            }
        if (!zeros) continue;
        assert_int_equal(zeros, (y1 - y0 + 1) * (x1 - x0 + 1));
        assert_in_range(zeros, 4, 160); /* 0.02 to 0.33 of 400, and the sides' rounding */
        erased++;
        area += zeros;
    }
    assert_in_range(erased, 850, 1150);
    assert_in_range(area / erased, 60, 78); /* 0.175 of 400 */
    anl__transform_release(f->ctx, &t);
}

static void refused_transforms(void **state)
{
    fixture *f = *state;
    int64_t dim[] = {4, 4, 3};
    uint8_t x[48] = {0};
    double one[] = {1, 1};
    anl__dataset ds = set_of(f->ctx, ANL_U8, 1, 3, dim, x);
    anl__norm norm;
    anl__transform t;
    anl__augment wide = {.crop_pad = 5}, sure = {.erase = 1.5},
                 upside_down = {.erase = 0.5, .erase_min = 0.5, .erase_max = 0.1};
    assert_int_equal(anl__norm_make(f->ctx, 2, one, one, &norm), ANL_OK);
    assert_int_equal(anl__transform_init(f->ctx, &ds.field[0], &norm, NULL, ANL_F32, &t), ANL_SHAPE);
    assert_int_equal(anl__transform_init(f->ctx, &ds.field[0], NULL, &wide, ANL_F32, &t), ANL_SHAPE);
    assert_int_equal(anl__transform_init(f->ctx, &ds.field[0], NULL, &sure, ANL_F32, &t), ANL_INVALID);
    assert_int_equal(anl__transform_init(f->ctx, &ds.field[0], NULL, &upside_down, ANL_F32, &t), ANL_INVALID);
    assert_int_equal(anl__transform_init(f->ctx, &ds.field[0], NULL, NULL, ANL_F64, &t), ANL_UNSUPPORTED);
    anl__norm_release(f->ctx, &norm);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(statistics_of_bytes),
        TEST(statistics_of_large_samples),
        TEST(statistics_do_not_overflow),
        TEST(statistics_of_floats),
        TEST(a_constant_channel_has_std_one),
        TEST(every_byte_value),
        TEST(bf16_rounds_to_nearest_even),
        TEST(f16_rounds_to_nearest_even),
        TEST(crop_and_flip_are_windows_of_the_padded_image),
        TEST(augmentation_is_keyed),
        TEST(erasing_clears_one_rectangle),
        TEST(refused_transforms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
