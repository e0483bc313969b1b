/* Every combination of augmentations, made by the loader and by a device that keeps the data
 * (ANL_TEST_DEVICE, else the reference): the same bytes, for u8 and f32, one, three and four channels, and
 * every type of batch that the device has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "datasets/loader.h"
#include "datasets/memory.h"
#include "device.h"
#include "runtime/graph/precision.h"
#include "runtime/train/resident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    H = 17,
    W = 19 /* more pixels than lanes of a mean */,
    MOST = H * W * 4,
    SET = 11,
    BATCH = 5,
    FIRST = 3,
    CLASSES = 3
};
#ifdef ANL_SANITIZED
enum { STRIDE = 7 }; /* every so many combinations: a fibre a thread is slow under sanitizers */
#else
enum { STRIDE = 1 };
#endif

typedef struct kind {
    bool bytes;
    int64_t c;
    anl_dtype out;
} kind;

static uint8_t stored_bytes[SET * MOST];
static float stored_floats[SET * MOST];
static int32_t label[SET];
static const int64_t part[] = {4, 1, 7, 0, 9, 2, 10, 3, 8}; /* samples of the feed, in the list's order */
enum { PART = sizeof part / sizeof *part };

static const char *tested(void)
{
    return getenv("ANL_TEST_DEVICE") ? getenv("ANL_TEST_DEVICE") : "reference";
}

static anl__augment combination(int i, int64_t c)
{
    anl__augment a = {.flip = i & 1,
                      .flip_vertical = i & 2,
                      .erase = i & 4 ? 0.5 : 0,
                      .erase_min = 0.02,
                      .erase_max = 0.33,
                      .rotate = i & 8 ? 40 : 0,
                      .brightness = i & 16 ? 0.5 : 0,
                      .contrast = i & 32 ? 0.7 : 0,
                      .saturation = i & 64 && c == 3 ? 0.9 : 0};
    if (i / 128 == 1) a.crop_pad = 3;
    if (i / 128 == 2) a.resized_crop = 0.2;
    return a;
}
enum { COMBINATIONS = 3 * 128 };

/* A batch from the loader, in the order of the list; and its labels. */
static void of_loader(anl_ctx *ctx, const anl__dataset *set, const anl__loader_opts *o, void *x, int32_t *y,
                      anl__samples *s)
{
    anl__loader *l;
    anl__batch b;
    size_t sample = (size_t)anl_shape_count(&set->field[0].shape) * anl_dtype_size(o->dtype);
    if (anl__loader_create(ctx, set, part, PART, o, &l) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl__loader_start(l, 6, 0), ANL_OK);
    for (int64_t i = 0; i < FIRST + BATCH; i++) { /* batches of one */
        assert_int_equal(anl__loader_next(l, &b), ANL_OK);
        if (i >= FIRST)
            memcpy((char *)x + (size_t)(i - FIRST) * sample, b.x, sample), y[i - FIRST] = *b.label;
        anl__loader_release(l, &b);
    }
    const anl__transform *t = anl__loader_transform(l);
    *s = (anl__samples){.where = ANL__RESIDENCE_ALWAYS,
                        .x = set->field[0].data,
                        .dtype = set->field[0].dtype,
                        .shape = set->field[0].shape,
                        .n = SET,
                        .label = set->field[1].data,
                        .label_dtype = set->field[1].dtype,
                        .index = part,
                        .n_index = PART,
                        .augment = t->augment,
                        .shuffle = true};
    static float factors[2][4];
    memcpy(factors[0], t->scale, sizeof(float) * (size_t)t->c);
    memcpy(factors[1], t->shift, sizeof(float) * (size_t)t->c);
    s->scale = factors[0];
    s->shift = factors[1];
    anl__loader_destroy(l);
}

/* And from the device. */
static void of_device(anl_ctx *ctx, anl_device *dev, const anl__samples *s, anl_dtype out, void *x,
                      size_t bytes, int32_t *y)
{
    anl_net *net;
    anl__resident r = {0};
    void *dx, *dy;
    assert_int_equal(anl_net_create(dev, &net), ANL_OK);
    if (anl__resident_compile(&r, ANL__RESIDENT_TRAIN, net, s, out, BATCH) != ANL_OK)
        fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl_net_finish(net, 0, 1, false), ANL_OK);
    assert_int_equal(anl__resident_open(&r), ANL_OK);
    assert_int_equal(dev->vt->alloc(dev, bytes, &dx), ANL_OK);
    assert_int_equal(dev->vt->alloc(dev, BATCH * sizeof *y, &dy), ANL_OK);
    assert_int_equal(anl_net_set_rng(net, 21, 1, 6, FIRST), ANL_OK);
    const float *scale = r.part[0].scale;
    anl_bind bind = {.input = {r.x, r.label, scale, scale + s->shape.dim[2], dx, dy, r.part[0].index}};
    if (anl_program_run(r.part[0].batch[0].p, &bind) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(dev->vt->download(dev, x, dx, bytes), ANL_OK);
    assert_int_equal(dev->vt->download(dev, y, dy, BATCH * sizeof *y), ANL_OK);
    dev->vt->free(dev, dx);
    dev->vt->free(dev, dy);
    anl__resident_release(&r);
    anl_net_destroy(net);
}

static void compare(anl_ctx *ctx, anl_device *dev, const kind *k, int i)
{
    static float host[BATCH * MOST], device[BATCH * MOST];
    int32_t y[2][BATCH];
    anl__dataset *set;
    anl__norm norm;
    anl__samples s;
    anl_shape shape = {3, {H, W, k->c}};
    anl__augment a = combination(i, k->c);
    size_t bytes = (size_t)(BATCH * H * W * k->c) * anl_dtype_size(k->out);
    const void *data = k->bytes ? (const void *)stored_bytes : stored_floats;
    if (anl__dataset_from_memory(ctx, k->bytes ? ANL_U8 : ANL_F32, &shape, SET, data, label, CLASSES, &set) !=
        ANL_OK)
        fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl__norm_measure(ctx, set, NULL, SET, &norm), ANL_OK);
    anl__loader_opts o = anl__loader_opts_default();
    o.batch = 1;
    o.shuffle = true;
    o.seed = 21;
    o.norm = &norm;
    o.augment = &a;
    o.dtype = k->out;
    o.workers = 0;
    of_loader(ctx, set, &o, host, y[0], &s);
    of_device(ctx, dev, &s, k->out, device, bytes, y[1]);
    if (memcmp(host, device, bytes) || memcmp(y[0], y[1], sizeof y[0]))
        fail_msg("combination %d of %s, %lld channels, to %s: the device's batch is not the loader's", i,
                 k->bytes ? "u8" : "f32", (long long)k->c, anl_dtype_name(k->out));
    anl__norm_release(ctx, &norm);
    anl__dataset_close(set);
}

static void every_combination(void **state)
{
    (void)state;
    static const int64_t channels[] = {1, 3, 4};
    static const anl_dtype outs[] = {ANL_F32, ANL_BF16, ANL_F16};
    kind kinds[18];
    int n = 0;
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev;
    if (anl_device_open(ctx, tested(), NULL, &dev) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    for (size_t i = 0; i < sizeof stored_bytes; i++) {
        stored_bytes[i] = (uint8_t)(anl__philox(4, (uint32_t)i, 0, 0, 0).v[0] >> 24);
        stored_floats[i] = (float)stored_bytes[i] / 37.0f - 2;
    }
    for (int i = 0; i < SET; i++) label[i] = i % CLASSES;
    for (int i = 0; i < 3; i++) {
        if (anl__precision_need(dev, outs[i], false) != ANL_OK) continue;
        for (int k = 0; k < 6; k++) kinds[n++] = (kind){k % 2, channels[k / 2], outs[i]};
    }
    for (int k = 0; k < n; k++)
        for (int i = 0; i < COMBINATIONS; i++)
            if (i % STRIDE == k % STRIDE || i % 128 == 127)
                compare(ctx, dev, &kinds[k], i); /* the latter: all that go together */
    anl_device_close(dev);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_combination)};
    return cmocka_run_group_tests_name("train/augmented", tests, NULL, NULL);
}
