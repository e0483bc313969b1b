/* Colours of augmentation, and what it refuses. */
#include "tests/data/data_test.h"

#include "datasets/resample.h"
#include "runtime/base/half.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { H = 19, W = 23, MOST = H * W * 4 };

static anl__field images(anl_dtype t, int64_t c, const void *data)
{
    return (anl__field){.name = "image",
                        .dtype = t,
                        .data = data,
                        .bytes = (size_t)(H * W * c) * anl_dtype_size(t),
                        .shape = {3, {H, W, c}}};
}

static void augmented(anl_ctx *ctx, const anl__field *f, const anl__augment *a, int64_t sample, anl_dtype out,
                      void *y)
{
    anl__transform t;
    if (anl__transform_init(ctx, f, NULL, a, out, &t) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    void *scratch = malloc(anl__transform_scratch(&t) + 1);
    anl__transform_apply(&t, 3, 1, sample, f->data, scratch, y);
    free(scratch);
    anl__transform_release(ctx, &t);
}

/* ---- factors ---------------------------------------------------------------------------------- */

static void factors_are_uniform_and_independent(void **state)
{
    (void)state;
    enum { DRAWS = 20000 };
    const anl__augment a = {.brightness = 0.4, .contrast = 1, .saturation = 0.25};
    const double b[3] = {0.4, 1, 0.25};
    double sum[3] = {0}, square[3] = {0}, cross[3] = {0};
    int outer = 0;
    for (int64_t s = 0; s < DRAWS; s++) {
        anl__jitter j = anl__jitter_draw(&a, 5, 2, s, true);
        double v[3] = {(double)j.brightness - 1, (double)j.contrast - 1, (double)j.saturation - 1};
        for (int k = 0; k < 3; k++) {
            v[k] /= b[k];
            assert_true(fabs(v[k]) <= 1 + 1e-6);
            sum[k] += v[k];
            square[k] += v[k] * v[k];
        }
        outer += fabs(v[0]) > 0.9;
        for (int k = 0; k < 3; k++) cross[k] += v[k] * v[(k + 1) % 3];
    }
    for (int k = 0; k < 3; k++) {
        assert_true(fabs(sum[k] / DRAWS) < 0.02 &&
                    fabs(square[k] / DRAWS - 1.0 / 3) < 0.015); /* deviations 0.004 and 0.002 */
        assert_true(fabs(cross[k] / DRAWS) < 0.012);
    }
    assert_in_range(outer, 1780, 2220); /* deviation 42 */
    const anl__augment none = {.rotate = 3};
    anl__jitter j = anl__jitter_draw(&none, 5, 2, 0, true);
    assert_true(j.brightness == 1 && j.contrast == 1 && j.saturation == 1 && j.colour == 0 && j.grey == 0);
}

/* ---- values by definition, in double ----------------------------------------------------------- */

static double within(double v, bool bytes) { return bytes ? fmin(fmax(v, 0), 255) : v; }

static double grey_of(const double *v, int c)
{
    double sum = 0;
    if (c == 3) return 0.2989 * v[0] + 0.587 * v[1] + 0.114 * v[2];
    for (int k = 0; k < c; k++) sum += v[k];
    return sum / c;
}

static void by_definition(const anl__jitter *j, const double *x, int c, bool bytes, double *y)
{
    double mean = 0, b = (double)j->brightness, f = (double)j->contrast, s = (double)j->saturation;
    for (int i = 0; i < H * W * c; i++) y[i] = within(x[i] * b, bytes);
    for (int i = 0; i < H * W; i++) mean += grey_of(y + i * c, c) / (H * W);
    for (int i = 0; i < H * W * c; i++) y[i] = within(y[i] * f + mean * (1 - f), bytes);
    for (int i = 0; i < H * W && c == 3; i++) {
        double grey = grey_of(y + i * c, c);
        for (int k = 0; k < c; k++) y[i * c + k] = within(y[i * c + k] * s + grey * (1 - s), bytes);
    }
}

static void colours_by_definition(void **state)
{
    fixture *f = *state;
    static uint8_t bytes[MOST];
    static float floats[MOST], y[MOST];
    static double x[MOST], want[MOST];
    static const int channels[] = {1, 3, 4, 2};
    for (int i = 0; i < MOST; i++)
        bytes[i] = (uint8_t)(anl__philox(9, (uint32_t)i, 0, 0, 0).v[0] >> 24),
        floats[i] = (float)bytes[i] * 0.03f - 2.5f;
    for (int n = 0; n < 4 * 2 * 8; n++) {
        int c = channels[n % 4];
        bool u8 = n / 4 % 2;
        const anl__augment a = {.brightness = 0.9, .contrast = n % 3 ? 0.8 : 0, .saturation = c == 3 ? 1 : 0};
        anl__field field = images(u8 ? ANL_U8 : ANL_F32, c, u8 ? (const void *)bytes : floats);
        anl__jitter j = anl__jitter_draw(&a, 3, 1, n, u8);
        for (int i = 0; i < H * W * c; i++) x[i] = u8 ? bytes[i] : (double)floats[i];
        by_definition(&j, x, c, u8, want);
        augmented(f->ctx, &field, &a, n, ANL_F32, y);
        for (int i = 0; i < H * W * c; i++) assert_true(fabs((double)y[i] - want[i] / (u8 ? 255 : 1)) < 2e-5);
        if (u8)
            for (int i = 0; i < H * W * c; i++) assert_true(y[i] >= 0 && y[i] <= 1);
    }
}

/* A picture of one colour has that mean: contrast leaves it, up to rounding. Grey ones have no colour to
 * saturate. */
static void what_colours_leave(void **state)
{
    fixture *f = *state;
    static uint8_t x[MOST];
    static float y[MOST], plain[MOST];
    const anl__augment contrast = {.contrast = 1}, saturation = {.saturation = 1}, none = {0};
    memset(x, 100, sizeof x);
    anl__field field = images(ANL_U8, 4, x);
    for (int s = 0; s < 20; s++) {
        augmented(f->ctx, &field, &contrast, s, ANL_F32, y);
        for (int i = 0; i < MOST; i++) assert_true(fabs((double)y[i] - 100 / 255.0) < 1e-6);
    }
    for (int i = 0; i < MOST; i++) x[i] = (uint8_t)(i / 3 * 7);
    field = images(ANL_U8, 3, x);
    augmented(f->ctx, &field, &none, 0, ANL_F32, plain);
    for (int s = 0; s < 20; s++) {
        augmented(f->ctx, &field, &saturation, s, ANL_F32, y);
        for (int i = 0; i < H * W * 3; i++)
            assert_true(fabs((double)(y[i] - plain[i])) < 2e-4); /* the weights add up to 0.9999 */
    }
}

/* bf16 and f16 are the f32 result, rounded once. */
static void narrow_types_are_rounded_once(void **state)
{
    fixture *f = *state;
    static uint8_t x[MOST];
    static float y[MOST];
    static uint16_t narrow[MOST];
    const anl__augment a = {.resized_crop = 0.2,
                            .rotate = 30,
                            .brightness = 0.4,
                            .contrast = 0.4,
                            .saturation = 0.4,
                            .erase = 0.5};
    for (int i = 0; i < MOST; i++) x[i] = (uint8_t)(i * 29 + i / 7);
    anl__field field = images(ANL_U8, 3, x);
    for (int s = 0; s < 20; s++) {
        augmented(f->ctx, &field, &a, s, ANL_F32, y);
        augmented(f->ctx, &field, &a, s, ANL_BF16, narrow);
        for (int i = 0; i < H * W * 3; i++) assert_int_equal(narrow[i], anl__bf16_bits(y[i]));
        augmented(f->ctx, &field, &a, s, ANL_F16, narrow);
        for (int i = 0; i < H * W * 3; i++) assert_int_equal(narrow[i], anl__f16_bits(y[i]));
    }
}

/* ---- refusals --------------------------------------------------------------------------------- */

static void refused(anl_ctx *ctx, const anl__field *field, const anl__augment *a, anl_status status,
                    const char *says)
{
    anl__transform t;
    assert_int_equal(anl__transform_init(ctx, field, NULL, a, ANL_F32, &t), status);
    if (!strstr(anl_last_error(ctx), says)) fail_msg("'%s' does not say '%s'", anl_last_error(ctx), says);
}

static void what_does_not_suit_is_named(void **state)
{
    fixture *f = *state;
    static uint8_t x[MOST];
    static float row[7];
    anl__field colour = images(ANL_U8, 3, x), grey = images(ANL_U8, 1, x), four = images(ANL_U8, 4, x),
               huge = images(ANL_U8, 1, x);
    anl__field table = {
        .name = "features", .dtype = ANL_F32, .data = row, .bytes = sizeof row, .shape = {1, {7}}};
    const struct {
        const char *name;
        anl__augment a;
    } each[] = {{"flip_vertical", {.flip_vertical = true}},
                {"rotate", {.rotate = 1}},
                {"random_resized_crop", {.resized_crop = 0.5}},
                {"brightness", {.brightness = 0.5}},
                {"contrast", {.contrast = 0.5}},
                {"saturation", {.saturation = 0.5}}};
    char says[128];
    for (int i = 0; i < 6; i++) {
        snprintf(says, sizeof says, "data.augment.%s is of images, and these samples are rows of 7 numbers",
                 each[i].name);
        refused(f->ctx, &table, &each[i].a, ANL_SHAPE, says);
    }
    const struct {
        anl__augment a;
        const char *says;
    } wrong[] = {{{.rotate = 181}, "data.augment.rotate: 181 is outside 0 to 180"},
                 {{.rotate = -1}, "data.augment.rotate: -1"},
                 {{.rotate = NAN}, "data.augment.rotate: "},
                 {{.resized_crop = 1.5}, "data.augment.random_resized_crop: 1.5 is outside 0 to 1"},
                 {{.resized_crop = -0.1}, "data.augment.random_resized_crop: -0.1"},
                 {{.brightness = 1.1}, "data.augment.brightness: 1.1"},
                 {{.contrast = 2}, "data.augment.contrast: 2"},
                 {{.saturation = -2}, "data.augment.saturation: -2"},
                 {{.resized_crop = 0.5, .crop_pad = 2},
                  "data.augment.random_resized_crop beside data.augment.crop 2"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused(f->ctx, &colour, &wrong[i].a, ANL_INVALID, wrong[i].says);
    refused(f->ctx, &grey, &each[5].a, ANL_SHAPE,
            "data.augment.saturation needs samples of 3 channels, and these have 1");
    refused(f->ctx, &four, &each[5].a, ANL_SHAPE, "and these have 4");
    huge.shape.dim[0] = huge.shape.dim[1] = 50000;
    refused(f->ctx, &huge, &each[1].a, ANL_SHAPE,
            "data.augment.rotate: samples of 50000 x 50000 x 1 are too large");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(factors_are_uniform_and_independent), TEST(colours_by_definition),
                                       TEST(what_colours_leave), TEST(narrow_types_are_rounded_once),
                                       TEST(what_does_not_suit_is_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
