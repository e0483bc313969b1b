/* Geometry of augmentation: windows of whole pixels as they always were, and the one map of flips, rotation
 * and resized crop. */
#include "tests/data/data_test.h"

#include "datasets/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static anl__field images(anl_dtype t, int64_t h, int64_t w, int64_t c, const void *data)
{
    return (anl__field){.name = "image",
                        .dtype = t,
                        .data = data,
                        .bytes = (size_t)(h * w * c) * anl_dtype_size(t),
                        .shape = {3, {h, w, c}}};
}

/* One sample augmented, in `out`. */
static void augmented(anl_ctx *ctx, const anl__field *f, const anl__augment *a, anl_dtype out, uint64_t seed,
                      uint32_t epoch, int64_t sample, void *y)
{
    anl__transform t;
    double mean[8] = {0.25, 0.5, 0.125, 0.75, 0.5, 0.5, 0.5, 0.5},
           std[8] = {0.5, 0.25, 0.75, 0.5, 1, 1, 1, 1};
    anl__norm norm;
    assert_int_equal(anl__norm_make(ctx, f->shape.dim[2], mean, std, &norm), ANL_OK);
    if (anl__transform_init(ctx, f, &norm, a, out, &t) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    void *scratch = malloc(anl__transform_scratch(&t) + 1);
    anl__transform_apply(&t, seed, epoch, sample, f->data, scratch, y);
    free(scratch);
    anl__transform_release(ctx, &t);
    anl__norm_release(ctx, &norm);
}

/* ---- what was there before resampling --------------------------------------------------------- */

static const anl__augment before[3] = {
    {.crop_pad = 4, .flip = true},
    {.erase = 0.5, .erase_min = 0.02, .erase_max = 0.33},
    {.crop_pad = 2, .flip = true, .erase = 0.75, .erase_min = 0.1, .erase_max = 0.4}};
static const int32_t before_size[3][2] = {{32, 32}, {28, 28}, {9, 7}};
/* dy, dx, top, left, height, width, flip */
static const int32_t drawn_before[3][8][7] = {
    {{-1, 2, 0, 0, 0, 0, 0}, {0, -4, 0, 0, 0, 0, 0}, {-2, 0, 0, 0, 0, 0, 1}, {1, 2, 0, 0, 0, 0, 0},
     {-3, -2, 0, 0, 0, 0, 0}, {-4, -1, 0, 0, 0, 0, 0}, {-4, -2, 0, 0, 0, 0, 1}, {-4, -2, 0, 0, 0, 0, 0}},
    {{0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0}, {0, 0, 5, 5, 11, 17, 0}, {0, 0, 0, 0, 0, 0, 0},
     {0, 0, 0, 0, 0, 0, 0}, {0, 0, 2, 7, 16, 16, 0}, {0, 0, 14, 15, 12, 12, 0}, {0, 0, 0, 0, 0, 0, 0}},
    {{0, 1, 0, 0, 0, 0, 0}, {0, -2, 2, 2, 2, 5, 0}, {-1, 0, 2, 0, 3, 6, 1}, {0, 1, 4, 0, 3, 4, 0},
     {-2, -1, 3, 0, 3, 7, 0}, {-2, -1, 0, 1, 5, 5, 0}, {-2, -1, 5, 3, 4, 4, 1}, {-2, -1, 2, 1, 5, 2, 0}}};

/* Numbers that the first version drew, and the value of each pixel by the formula. */
static void recipes_of_before_give_the_same_bits(void **state)
{
    fixture *f = *state;
    static uint8_t x[32 * 32 * 3];
    static float y[32 * 32 * 3];
    for (size_t i = 0; i < sizeof x; i++) x[i] = (uint8_t)(i * 7 % 251);
    const float scale[3] = {(float)(1 / (255 * 0.5)), (float)(1 / (255 * 0.25)), (float)(1 / (255 * 0.75))},
                shift[3] = {-0.5f, -2.0f, (float)(-0.125 / 0.75)};
    for (int k = 0; k < 24; k++) {
        const int32_t *want = drawn_before[k / 8][k % 8], h = before_size[k / 8][0],
                      w = before_size[k / 8][1];
        int i = k % 8;
        uint64_t seed = i < 4 ? 1 : 0x123456789abcdef;
        int64_t sample = i == 7 ? (int64_t)5000000000 : i * 1001;
        anl__field field = images(ANL_U8, h, w, 3, x);
        augmented(f->ctx, &field, &before[k / 8], ANL_F32, seed, (uint32_t)i * 3, sample, y);
        for (int32_t p = 0; p < h * w * 3; p++) {
            int32_t r = p / 3 / w, q = p / 3 % w, sr = r + want[0], sq = (want[6] ? w - 1 - q : q) + want[1];
            float v = sr < 0 || sr >= h || sq < 0 || sq >= w ? 0 : x[(sr * w + sq) * 3 + p % 3];
            v = v * scale[p % 3];
            v = v + shift[p % 3];
            if (r >= want[2] && r < want[2] + want[4] && q >= want[3] && q < want[3] + want[5]) v = 0;
            assert_true(memcmp(&y[p], &v, sizeof v) == 0);
        }
    }
}

static void other_augmentations_change_no_draw(void **state)
{
    (void)state;
    anl__augment all = before[2];
    all.flip_vertical = true;
    all.rotate = 20;
    all.brightness = all.contrast = all.saturation = 0.5;
    int turned = 0, both = 0;
    for (int64_t i = 0; i < 4000; i++) {
        anl__view a = anl__augment_draw(&before[2], 3, 1, i, 9, 7),
                  b = anl__augment_draw(&all, 3, 1, i, 9, 7);
        turned += b.flip_vertical;
        both += b.flip_vertical && b.flip;
        b.flip_vertical = false;
        assert_true(a.dy == b.dy && a.dx == b.dx && a.top == b.top && a.left == b.left &&
                    a.height == b.height && a.width == b.width && a.flip == b.flip);
    }
    assert_in_range(turned, 1870, 2130); /* deviation 32 */
    assert_in_range(both, 880, 1120);
}

static void upside_down(void **state)
{
    fixture *f = *state;
    enum { H = 5, W = 4, C = 3 };
    float x[H * W * C], plain[H * W * C], y[H * W * C];
    for (int i = 0; i < H * W * C; i++) x[i] = (float)i;
    anl__field field = images(ANL_F32, H, W, C, x);
    const anl__augment none = {0}, a = {.flip_vertical = true};
    int turned = 0;
    augmented(f->ctx, &field, &none, ANL_F32, 1, 0, 0, plain);
    for (int s = 0; s < 400; s++) {
        augmented(f->ctx, &field, &a, ANL_F32, 1, 0, s, y);
        bool is = memcmp(y, plain, sizeof y) != 0;
        turned += is;
        for (int r = 0; r < H && is; r++)
            assert_memory_equal(y + r * W * C, plain + (H - 1 - r) * W * C, W * C * sizeof *y);
    }
    assert_in_range(turned, 160, 240);
}

/* ---- the map ---------------------------------------------------------------------------------- */

static anl__place place_of(const anl__warp *m, const anl__view *v, int32_t y, int32_t x, int32_t h, int32_t w)
{
    float cy = anl__warp_row(m, v, y, h);
    return anl__warp_at(m, anl__warp_row_y(m, cy), anl__warp_row_x(m, cy), anl__warp_column(m, v, x, w));
}

/* Does the map take pixel (y, x) from (to_y, to_x) and nothing else? */
static bool takes(const anl__warp *m, const anl__view *v, int32_t h, int32_t w, int32_t y, int32_t x,
                  int32_t to_y, int32_t to_x)
{
    anl__place p = place_of(m, v, y, x, h, w);
    return p.y == to_y + 1 && p.x == to_x + 1 && p.fy == 0 && p.fx == 0;
}

static void quarter_turns_are_exact(void **state)
{
    (void)state;
    for (int32_t n = 1; n <= 40; n++) {
        anl__window all = {0, 0, n, n};
        anl__view v = {0};
        anl__warp turn[5];
        for (int k = 0; k < 5; k++) turn[k] = anl__warp_make(all, 90 * (k - 2), n, n);
        for (int32_t y = 0; y < n; y++)
            for (int32_t x = 0; x < n; x++) {
                assert_true(takes(&turn[2], &v, n, n, y, x, y, x));
                assert_true(takes(&turn[3], &v, n, n, y, x, x, n - 1 - y)); /* the transpose, mirrored */
                assert_true(takes(&turn[1], &v, n, n, y, x, n - 1 - x, y));
                assert_true(takes(&turn[0], &v, n, n, y, x, n - 1 - y, n - 1 - x));
                assert_true(takes(&turn[4], &v, n, n, y, x, n - 1 - y, n - 1 - x));
            }
    }
}

static void sine_and_cosine(void **state)
{
    (void)state;
    for (int i = -36000; i <= 36000; i++) {
        double s, c, degrees = i / 100.0, x = degrees * (acos(-1.0) / 180);
        anl__warp_sincos(degrees, &s, &c);
        assert_true(fabs(s - sin(x)) < 2e-15 && fabs(c - cos(x)) < 2e-15);
    }
}

/* Parameters at which nothing changes: the bits of the path that moves whole pixels. */
static void identity_is_identity(void **state)
{
    fixture *f = *state;
    enum { H = 11, W = 9, MOST = H * W * 4 };
    uint8_t bytes[MOST];
    float floats[MOST];
    const anl_dtype outs[] = {ANL_F32, ANL_BF16, ANL_F16};
    for (int i = 0; i < MOST; i++)
        bytes[i] = (uint8_t)(i * 37 + i / 5), floats[i] = (float)(i % 17) * 0.37f - 2;
    for (int k = 0; k < 3 * 2 * 3; k++) {
        static const int64_t channels[] = {1, 3, 4};
        int64_t c = channels[k % 3];
        anl_dtype in = k / 3 % 2 ? ANL_F32 : ANL_U8, out = outs[k / 6];
        anl__field field = images(in, H, W, c, k / 3 % 2 ? (const void *)floats : bytes);
        anl__augment moved = {.flip = true, .flip_vertical = true, .crop_pad = 3, .erase = 0.5},
                     computed = moved;
        computed.rotate = computed.brightness = computed.contrast = 1e-30;
        computed.saturation = c == 3 ? 1e-30 : 0;
        for (int s = 0; s < 30; s++) {
            float a[MOST], b[MOST];
            augmented(f->ctx, &field, &moved, out, 5, 2, s, a);
            augmented(f->ctx, &field, &computed, out, 5, 2, s, b);
            assert_memory_equal(a, b, (size_t)(H * W * c) * anl_dtype_size(out));
        }
    }
    /* all of the area of 4 x 4: no other window */
    anl__field field = images(ANL_U8, 4, 4, 4, bytes);
    const anl__augment none = {0}, whole = {.resized_crop = 1};
    float a[64], b[64];
    for (int s = 0; s < 50; s++) {
        augmented(f->ctx, &field, &none, ANL_F32, 1, 0, s, a);
        augmented(f->ctx, &field, &whole, ANL_F32, 1, 0, s, b);
        assert_memory_equal(a, b, sizeof a);
    }
}

/* ---- statistics ------------------------------------------------------------------------------- */

enum { BINS = 10, DRAWS = 20000 };

static void uniform(const int bin[BINS], int n)
{
    for (int i = 0; i < BINS; i++)
        assert_in_range(bin[i], n / BINS - 5 * (int)sqrt(n / BINS), n / BINS + 5 * (int)sqrt(n / BINS));
}

static void put_bin(int bin[BINS], double v, double low, double high)
{
    int i = (int)((v - low) / (high - low) * BINS);
    assert_in_range(i, 0, BINS); /* a window's rounded sides may lie a little outside */
    bin[i < BINS ? i : BINS - 1]++;
}

/* Windows of 0.08 to 0.5 of a large square are never refused: their shares and the logarithms of their ratios
 * are uniform. */
static void windows_are_drawn_as_by_definition(void **state)
{
    (void)state;
    int share[BINS] = {0}, ratio[BINS] = {0}, small = 0, place[BINS] = {0};
    const int32_t n = 4000;
    for (int64_t s = 0; s < DRAWS; s++) {
        anl__window v = anl__warp_draw_window(0.08, 7, 0, s, n, n);
        assert_true(v.top >= 0 && v.left >= 0 && v.height > 0 && v.width > 0 && v.top + v.height <= n &&
                    v.left + v.width <= n);
        double part = (double)v.height * v.width / ((double)n * n), r = log((double)v.width / v.height);
        assert_true(part > 0.0799 && part <= 1 && fabs(r) < log(4.0 / 3) + 1e-3);
        if (part < 0.08 || part >= 0.5) continue;
        small++;
        put_bin(share, part, 0.08, 0.5);
        put_bin(ratio, r + 1e-3, log(0.75), log(4.0 / 3) + 2e-3);
        put_bin(place, (double)v.top, 0, n - v.height + 1);
    }
    uniform(share, small);
    uniform(ratio, small);
    uniform(place, small);
    /* 0.42 of 0.92, and what larger ones lose by being refused */
    assert_in_range(small, DRAWS * 40 / 100, DRAWS * 60 / 100);
}

static void long_pictures_have_windows_too(void **state)
{
    (void)state;
    for (int64_t s = 0; s < 50; s++) { /* nothing of all of the area fits: the middle */
        anl__window tall = anl__warp_draw_window(1, 7, 0, s, 300, 30),
                    wide = anl__warp_draw_window(1, 7, 0, s, 30, 300);
        assert_true(tall.width == 30 && tall.height == 40 && tall.top == 130 && tall.left == 0);
        assert_true(wide.height == 30 && wide.width == 40 && wide.left == 130 && wide.top == 0);
        anl__window one = anl__warp_draw_window(1e-12, 7, 0, s, 1, 1);
        assert_true(one.height == 1 && one.width == 1);
    }
}

static void angles_are_uniform(void **state)
{
    (void)state;
    const double most[] = {30, 180, 1};
    for (int k = 0; k < 3; k++) {
        int bin[BINS] = {0};
        const anl__augment a = {.rotate = most[k], .flip = true};
        for (int64_t s = 0; s < DRAWS; s++) {
            anl__view v = anl__augment_draw(&a, 2, 9, s, 50, 50);
            anl__warp m = anl__warp_draw(&a, &v, 2, 9, s, 50, 50);
            put_bin(bin, atan2((double)m.yx, (double)m.xx) * 180 / acos(-1.0), -most[k], most[k]);
        }
        uniform(bin, DRAWS);
    }
}

/* ---- values ----------------------------------------------------------------------------------- */

/* A ramp stays one: what lies between pixels is on the line between them. */
static void an_enlarged_ramp_is_linear(void **state)
{
    fixture *f = *state;
    enum { H = 37, W = 29 };
    static float x[H * W], y[H * W];
    for (int i = 0; i < H * W; i++) x[i] = (float)(3 * (i / W) - 2 * (i % W));
    anl__field field = images(ANL_F32, H, W, 1, x);
    const anl__augment a = {.resized_crop = 0.1};
    for (int64_t s = 0; s < 40; s++) {
        anl__window v = anl__warp_draw_window(0.1, 4, 2, s, H, W);
        augmented(f->ctx, &field, &a, ANL_F32, 4, 2, s, y);
        /* as torchvision resizes: pixel centres, nothing from outside of the window */
        for (int i = 0; i < H * W; i++) {
            double cy = (i / W + 0.5) * v.height / H - 0.5, cx = (i % W + 0.5) * v.width / W - 0.5;
            cy = v.top + fmin(fmax(cy, 0), v.height - 1);
            cx = v.left + fmin(fmax(cx, 0), v.width - 1);
            assert_true(fabs((double)y[i] - (3 * cy - 2 * cx - 0.25) / 0.5) < 1e-3);
        }
    }
}

/* The value at (y, x) of a picture with zeros around it, by definition, in double. */
static double bilinear(const uint8_t *p, int h, int w, int c, int k, double y, double x)
{
    double sum = 0;
    for (int i = (int)floor(y); i <= (int)floor(y) + 1; i++)
        for (int j = (int)floor(x); j <= (int)floor(x) + 1; j++)
            if (i >= 0 && i < h && j >= 0 && j < w)
                sum += (1 - fabs(y - i)) * (1 - fabs(x - j)) * p[(i * w + j) * c + k];
    return sum;
}

static void everything_by_definition(void **state)
{
    fixture *f = *state;
    enum { H = 23, W = 31, C = 5 };
    static uint8_t x[H * W * C];
    static float y[H * W * C];
    for (size_t i = 0; i < sizeof x; i++) x[i] = (uint8_t)(anl__philox(6, (uint32_t)i, 0, 0, 0).v[0] >> 24);
    anl__field field = images(ANL_U8, H, W, C, x);
    const anl__augment some[] = {{.resized_crop = 0.2, .rotate = 180, .flip = true, .flip_vertical = true},
                                 {.crop_pad = 6, .rotate = 45, .flip_vertical = true},
                                 {.rotate = 10}};
    for (int n = 0; n < 3 * 25; n++) {
        const anl__augment *a = &some[n % 3];
        anl__view v = anl__augment_draw(a, 8, 1, n, H, W);
        anl__window window = a->resized_crop > 0 ? anl__warp_draw_window(0.2, 8, 1, n, H, W)
                                                 : (anl__window){v.dy, v.dx, H, W};
        double u = (double)anl__u32_to_unit(anl__augment_block(8, 1, n, ANL__AUGMENT_MORE).v[1]),
               angle = a->rotate * (2 * u - 1) * acos(-1.0) / 180;
        augmented(f->ctx, &field, a, ANL_F32, 8, 1, n, y);
        for (int i = 0; i < H * W; i++) {
            int r = v.flip_vertical ? H - 1 - i / W : i / W, q = v.flip ? W - 1 - i % W : i % W;
            double cy = window.top + fmin(fmax((r + 0.5) * window.height / H - 0.5, 0), window.height - 1) -
                        (H - 1) / 2.0;
            double cx = window.left + fmin(fmax((q + 0.5) * window.width / W - 0.5, 0), window.width - 1) -
                        (W - 1) / 2.0;
            double sy = sin(angle) * cx + cos(angle) * cy + (H - 1) / 2.0,
                   sx = cos(angle) * cx - sin(angle) * cy + (W - 1) / 2.0;
            for (int k = 0; k < C; k++) {
                static const double mean[C] = {0.25, 0.5, 0.125, 0.75, 0.5},
                                    std[C] = {0.5, 0.25, 0.75, 0.5, 1};
                double want = (bilinear(x, H, W, C, k, sy, sx) / 255 - mean[k]) / std[k];
                assert_true(fabs((double)y[i * C + k] - want) < 2e-4);
            }
        }
    }
}

static void it_is_keyed(void **state)
{
    fixture *f = *state;
    enum { S = 12 };
    uint8_t x[S * S * 3];
    float y[4][S * S * 3];
    for (size_t i = 0; i < sizeof x; i++) x[i] = (uint8_t)(i * 11);
    anl__field field = images(ANL_U8, S, S, 3, x);
    const anl__augment a = {.resized_crop = 0.3,
                            .rotate = 5,
                            .brightness = 0.2,
                            .contrast = 0.2,
                            .saturation = 0.2,
                            .flip = true};
    for (int64_t s = 0; s < 50; s++) {
        augmented(f->ctx, &field, &a, ANL_F32, 1, 1, s, y[0]);
        augmented(f->ctx, &field, &a, ANL_F32, 1, 2, s, y[1]);
        augmented(f->ctx, &field, &a, ANL_F32, 2, 1, s, y[2]);
        augmented(f->ctx, &field, &a, ANL_F32, 1, 1, s, y[3]);
        assert_memory_equal(y[0], y[3], sizeof y[0]);
        assert_true(memcmp(y[0], y[1], sizeof y[0]) && memcmp(y[0], y[2], sizeof y[0]));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(recipes_of_before_give_the_same_bits),
        TEST(other_augmentations_change_no_draw),
        TEST(upside_down),
        TEST(quarter_turns_are_exact),
        TEST(sine_and_cosine),
        TEST(identity_is_identity),
        TEST(windows_are_drawn_as_by_definition),
        TEST(long_pictures_have_windows_too),
        TEST(angles_are_uniform),
        TEST(an_enlarged_ramp_is_linear),
        TEST(everything_by_definition),
        TEST(it_is_keyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
