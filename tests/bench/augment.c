/* What augmentation costs the loader: milliseconds a picture of 224 x 224 x 3, u8 to float32 and bf16, on one
 * thread, the median of many.
 *
 * Usage: augment_bench [height width channels] */
#include "datasets/transform.h"
#include "tests/common/timing.h"

#include <stdio.h>
#include <stdlib.h>

enum { TIMES = 200 };

static double median(anl_ctx *ctx, const anl__field *field, const anl__augment *a, anl_dtype out)
{
    static double taken[TIMES];
    anl__transform t;
    if (anl__transform_init(ctx, field, NULL, a, out, &t) != ANL_OK) {
        fprintf(stderr, "%s\n", anl_last_error(ctx));
        exit(1);
    }
    void *scratch = malloc(anl__transform_scratch(&t) + 1), *dst = malloc(anl__transform_bytes(&t));
    if (!scratch || !dst) exit(1);
    for (int i = 0; i < TIMES; i++) {
        double from = now();
        anl__transform_apply(&t, 1, 0, i, field->data, scratch, dst);
        taken[i] = now() - from;
    }
    qsort(taken, TIMES, sizeof *taken, by_size);
    free(scratch);
    free(dst);
    anl__transform_release(ctx, &t);
    return taken[TIMES / 2] * 1e3;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        anl__augment augment;
    } row[] = {{"nothing", {0}},
               {"flip", {.flip = true}},
               {"flip, crop", {.flip = true, .crop_pad = 4}},
               {"random_resized_crop", {.resized_crop = 0.08}},
               {"random_resized_crop, flip", {.resized_crop = 0.08, .flip = true}},
               {"rotate", {.rotate = 30}},
               {"brightness", {.brightness = 0.4}},
               {"brightness, contrast", {.brightness = 0.4, .contrast = 0.4}},
               {"all of them",
                {.resized_crop = 0.08,
                 .flip = true,
                 .flip_vertical = true,
                 .rotate = 15,
                 .brightness = 0.4,
                 .contrast = 0.4,
                 .saturation = 0.4,
                 .erase = 0.25}}};
    int64_t h = argc > 3 ? atoll(argv[1]) : 224, w = argc > 3 ? atoll(argv[2]) : 224,
            c = argc > 3 ? atoll(argv[3]) : 3;
    if (h < 1 || w < 1 || c < 1 || h > 16384 || w > 16384 || c > 64) return 2;
    anl_ctx *ctx = anl_ctx_create();
    uint8_t *data = malloc((size_t)(h * w * c));
    if (!ctx || !data) return 1;
    for (int64_t i = 0; i < h * w * c; i++)
        data[i] = (uint8_t)(anl__philox(1, (uint32_t)i, 0, 0, 0).v[0] >> 24);
    anl__field field = {.name = "image",
                        .dtype = ANL_U8,
                        .data = data,
                        .bytes = (size_t)(h * w * c),
                        .shape = {3, {h, w, c}}};
    printf("%lld x %lld x %lld, ms a picture\n%-26s %8s %8s\n", (long long)h, (long long)w, (long long)c, "",
           "float32", "bf16");
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (row[i].augment.saturation > 0 && c != 3) continue;
        printf("%-26s %8.3f %8.3f\n", row[i].name, median(ctx, &field, &row[i].augment, ANL_F32),
               median(ctx, &field, &row[i].augment, ANL_BF16));
    }
    free(data);
    anl_ctx_destroy(ctx);
    return 0;
}
