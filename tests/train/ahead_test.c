/* Steps that follow each other without the host: the same bits however many are enqueued before their results are looked at, with several
 * shards, with data that the device keeps, with a step that is not finite among them; on a device that records one launch is one step, or
 * four of them where the device makes the batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "datasets/loader.h"
#include "fixture.h"
#include "models/layers.h"
#include "runtime/base/philox.h"
#include "runtime/graph/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 70, BATCH = 16, EPOCHS = 3, STEPS = 5 * EPOCHS };

typedef struct outcome {
    char hex[65];
    anl__step_result step[STEPS];
    bool resident;
    char note[160];
} outcome;

/* All epochs, `ahead` steps from one wait to the next. */
static void steps(anl_ctx *ctx, anl__trainer *t, const anl__feed *f, int ahead, int devices, outcome *out)
{
    int64_t step = 0, batches = anl__feed_batches(f);
    double lr[STEPS];
    for (int i = 0; i < STEPS; i++) lr[i] = 0.01 / (1 + i);
    bool recorded = toy_launches() >= 0 && anl__trainer_most_ahead(t) > 1, together = ahead >= 4 && anl__trainer_resident(t);
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++) {
        assert_int_equal(f->start(f->self, epoch, 0), ANL_OK);
        for (int64_t k = 0; k < batches;) {
            int n = batches - k < ahead ? (int)(batches - k) : ahead;
            anl__launch l = {.n = n, .step = step + 1, .epoch = epoch, .first = k * f->batch, .batch = f->batch, .lr = lr + step};
            if (anl__trainer_begin(t, &l) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
            long before = toy_launches();
            for (int i = 0; i < n; i++) {
                anl__feed_batch b = {0};
                assert_int_equal(f->next(f->self, &b), ANL_OK);
                if (anl__trainer_enqueue(t, &b) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
                f->release(f->self, &b);
            }
            if (anl__trainer_results(t, out->step + step) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
            int launches = together ? n - 3 * (n / 4) : n; /* four full batches of five are one */
            if (recorded && epoch > 1) assert_int_equal(toy_launches() - before, launches * devices); /* each size was seen twice */
            step += n;
            k += n;
        }
    }
    toy_digest(t, out->hex);
}

static bool equal(double a, double b) { return a == b || (a != a && b != b); }

static void same(const outcome *a, const outcome *b)
{
    assert_string_equal(a->hex, b->hex);
    for (int i = 0; i < STEPS; i++) {
        const anl__step_result *x = &a->step[i], *y = &b->step[i];
        assert_true(equal(x->loss_num, y->loss_num) && equal(x->loss_den, y->loss_den) && equal(x->correct, y->correct));
        assert_true(x->finite == y->finite && equal(x->norm, y->norm) && x->bad_param == y->bad_param);
    }
}

/* lanes: negative: as many devices. */
static void train(int shards, int lanes, int ahead, int64_t poison, outcome *out)
{
    toy data;
    anl__trainer *t;
    anl_ctx *ctx = anl_ctx_create();
    toy_make(&data, SAMPLES, BATCH, true);
    data.poison = poison;
    anl__feed f = toy_feed(&data);
    anl__trainer_opts o = toy_opts(&data, NULL);
    o.shards = shards;
    o.lanes = lanes < 0 ? 1 : lanes;
    o.devices = lanes < 0 ? -lanes : 1;
    if (anl__trainer_create(ctx, &o, &t) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl__trainer_init(t), ANL_OK);
    steps(ctx, t, &f, ahead, o.devices, out);
    if (poison >= 0) {
        int bad = -1;
        for (int i = 0; i < STEPS; i++)
            if (!out->step[i].finite) assert_true(bad < 0), bad = i;
        assert_int_equal(bad, poison / SAMPLES * 5 + poison % SAMPLES / BATCH);
        assert_string_equal(anl_net_param(anl__trainer_net(t), out->step[bad].bad_param).name, "conv1.weight");
    }
    anl__trainer_destroy(t);
    toy_free(&data);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void test_shards(void **state)
{
    (void)state;
    static const int shards[] = {1, 3};
    for (size_t i = 0; i < 2; i++) {
        static outcome one, many;
        train(shards[i], 1, 1, -1, &one);
        train(shards[i], 1, 4, -1, &many);
        same(&many, &one);
        train(shards[i], shards[i], 3, -1, &many); /* replicas: by parts */
        same(&many, &one);
    }
}

static void test_bad_step(void **state)
{
    (void)state;
    static outcome one, many;
    train(1, 1, 1, SAMPLES + 20, &one); /* epoch 1, batch 1 */
    train(1, 1, 5, SAMPLES + 20, &many);
    same(&many, &one);
    train(2, 1, 5, SAMPLES + 66, &many); /* in the short last batch */
}

/* ---- data on the device ---------------------------------------------------------------------- */

typedef struct source { /* the loader's feed, or numbers only */
    anl__loader *loader;
    anl__batch held;
    int64_t n, at;
    bool numbers;
} source;

static anl_status source_start(void *self, int64_t epoch, int64_t first)
{
    source *s = self;
    s->at = first;
    return anl__loader_start(s->loader, (uint32_t)epoch, first);
}

static anl_status source_next(void *self, anl__feed_batch *b)
{
    source *s = self;
    if (s->numbers) {
        int64_t first = s->at++ * BATCH;
        *b = (anl__feed_batch){.n = s->n - first < BATCH ? s->n - first : BATCH, .first = first};
        return ANL_OK;
    }
    ANL_TRY(anl__loader_next(s->loader, &s->held));
    *b = (anl__feed_batch){.n = s->held.n, .first = s->held.first, .input = {s->held.x, s->held.label}};
    return ANL_OK;
}

static void source_release(void *self, anl__feed_batch *b)
{
    source *s = self;
    (void)b;
    if (!s->numbers) anl__loader_release(s->loader, &s->held);
}

enum { H = 9, W = 7, C = 3, SET = 90 };

/* Dense layers over the pixels, so that each of them matters. */
static void build(void *self, anl_graph *g, anl__size size)
{
    const int64_t dim[4] = {size.n, H, W, C};
    bool flat = *(const bool *)self;
    const int64_t row[2] = {size.n, H * W * C};
    anl_value x = flat ? anl_input(g, "x", anl_graph_dtype(g), 2, row) : anl_input(g, "x", anl_graph_dtype(g), 4, dim), y = anl_input(g, "y", ANL_I32, 1, dim);
    if (!flat) x = anl__layer_text(g, "flatten", "flatten", &x, 1, " ");
    x = anl__layer_text(g, "dense", "hidden", &x, 1, "units=12 act=tanh");
    x = anl__layer_text(g, "dropout", "drop", &x, 1, "p=0.25");
    x = anl__layer_text(g, "dense", "out", &x, 1, "units=%d", CLASSES);
    anl_value in[2] = {x, y}, num = anl_node(g, "softmax_cross_entropy", "cross_entropy", in, 2, NULL);
    anl_loss(g, "loss", num, anl_node_output(g, num, 1), 1);
    anl_sum(g, "correct", anl_node_output(g, num, 2));
}

typedef struct kind {
    const char *name;
    anl__augment augment;
    bool flat, part; /* f32 features; a part of the set, by index */
    anl_dtype dtype;
} kind;

static void of_set(const kind *k, anl__residence where, int shards, int devices, int ahead, outcome *out)
{
    static uint8_t bytes[SET * H * W * C];
    static float values[SET * H * W * C];
    int32_t label[SET];
    int64_t index[SAMPLES];
    anl_ctx *ctx = anl_ctx_create();
    anl__dataset *set;
    anl__norm norm;
    anl__trainer *t;
    for (int i = 0; i < SET * H * W * C; i++) bytes[i] = (uint8_t)(anl__philox(3, (uint32_t)i, 0, 0, 0).v[0] >> 24), values[i] = (float)bytes[i] / 37.0f - 2;
    for (int i = 0; i < SET; i++) label[i] = i % CLASSES;
    for (int i = 0; i < SAMPLES; i++) index[i] = (i * 37 + 5) % SET;
    anl_shape shape = k->flat ? (anl_shape){1, {H * W * C}} : (anl_shape){3, {H, W, C}};
    int64_t n = k->part ? SAMPLES : SET;
    if (anl__dataset_from_memory(ctx, k->flat ? ANL_F32 : ANL_U8, &shape, SET, k->flat ? (void *)values : (void *)bytes, label, CLASSES, &set) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl__norm_measure(ctx, set, NULL, SET, &norm), ANL_OK);
    anl__loader_opts lo = anl__loader_opts_default();
    lo.batch = BATCH;
    lo.shuffle = true;
    lo.seed = 11;
    lo.norm = &norm;
    lo.augment = &k->augment;
    lo.dtype = k->dtype;
    lo.workers = 0;
    source s = {.n = n};
    if (anl__loader_create(ctx, set, k->part ? index : NULL, n, &lo, &s.loader) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    const anl__transform *tr = anl__loader_transform(s.loader);
    const anl__field *x = &set->field[0], *y = &set->field[1];
    anl__feed f = {.self = &s, .samples = n, .batch = BATCH, .batches = 5, .start = source_start, .next = source_next, .release = source_release};
    anl__trainer_opts o = anl__trainer_opts_default();
    bool flat = k->flat;
    o.task = (anl__task){&flat, build};
    o.device_opts.threads = 1;
    o.seed = 11;
    o.dtype = k->dtype;
    o.optim.loss_scale = 65536; /* of f16 */
    o.shards = shards;
    o.devices = devices;
    o.train_sizes[0].n = BATCH;
    o.train_sizes[1].n = n % BATCH;
    o.samples = (anl__samples){.where = where, .x = x->data, .dtype = x->dtype, .shape = x->shape, .n = SET, .label = y->data, .label_dtype = y->dtype, .index = k->part ? index : NULL,
                               .n_index = n, .scale = tr->scale, .shift = tr->shift, .augment = tr->augment, .shuffle = true};
    anl_status st = anl__trainer_create(ctx, &o, &t);
    if (st != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl__trainer_init(t), ANL_OK);
    out->resident = s.numbers = anl__trainer_resident(t);
    snprintf(out->note, sizeof out->note, "%s", anl__trainer_data_note(t));
    steps(ctx, t, &f, ahead, devices, out);
    anl__trainer_destroy(t);
    anl__loader_destroy(s.loader);
    anl__norm_release(ctx, &norm);
    anl__dataset_close(set);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void test_resident(void **state)
{
    (void)state;
    static const kind kinds[] = {
        {"plain", {0}, false, false, ANL_F32}, {"part", {0}, false, true, ANL_F32}, {"crop", {.crop_pad = 3}, false, true, ANL_F32}, {"flip", {.flip = true}, false, true, ANL_F32},
        {"erase", {.erase = 0.6}, false, true, ANL_F32}, {"all", {.crop_pad = 2, .flip = true, .erase = 0.5, .erase_min = 0.1, .erase_max = 0.6}, false, true, ANL_F32},
        {"values", {0}, true, true, ANL_F32}, {"bf16", {.crop_pad = 2, .flip = true, .erase = 0.5}, false, true, ANL_BF16},
        {"f16", {.crop_pad = 2, .flip = true}, false, true, ANL_F16},
        {"computed", {.resized_crop = 0.3, .flip = true, .rotate = 15, .brightness = 0.4, .contrast = 0.4, .saturation = 0.4, .erase = 0.5}, false, true, ANL_F32}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        static outcome host, device;
        if (kinds[i].dtype != ANL_F32 && !toy_has("auto", kinds[i].dtype)) continue;
        of_set(&kinds[i], ANL__RESIDENCE_NEVER, 1, 1, 1, &host);
        assert_false(host.resident);
        assert_string_equal(host.note, "");
        of_set(&kinds[i], ANL__RESIDENCE_AUTO, 1, 1, 5, &device);
        assert_true(device.resident == (toy_launches() >= 0));
        same(&device, &host);
        if (i) continue;
        of_set(&kinds[i], ANL__RESIDENCE_NEVER, 3, 1, 1, &host);
        of_set(&kinds[i], ANL__RESIDENCE_ALWAYS, 3, 1, 2, &device);
        same(&device, &host);
    }
}

/* Each of several devices keeps the data, makes its shards' part of a batch, and is launched as often as one would be. */
static void test_devices(void **state)
{
    (void)state;
    static const kind all = {"all", {.crop_pad = 2, .flip = true, .erase = 0.5}, false, true, ANL_F32};
    static const kind half = {"f16", {.flip = true}, false, true, ANL_F16}; /* under a loss scale */
    static outcome one, many;
    if (!toy_has_devices(3)) skip();
    train(4, 1, 1, -1, &one);
    for (int n = 2; n <= 3; n++) {
        train(4, -n, 4, -1, &many);
        same(&many, &one);
    }
    train(3, 1, 1, SAMPLES + 20, &one);
    train(3, -3, 5, SAMPLES + 20, &many);
    same(&many, &one);
    of_set(&all, ANL__RESIDENCE_NEVER, 4, 1, 1, &one);
    of_set(&all, ANL__RESIDENCE_NEVER, 4, 2, 3, &many);
    same(&many, &one);
    for (int n = 2; n <= 3; n++) {
        of_set(&all, ANL__RESIDENCE_AUTO, 4, n, 5, &many);
        assert_true(many.resident);
        assert_non_null(strstr(many.note, n == 2 ? "on each of the 2" : "on each of the 3"));
        same(&many, &one);
    }
    of_set(&half, ANL__RESIDENCE_AUTO, 4, 1, 1, &one);
    of_set(&half, ANL__RESIDENCE_AUTO, 4, 3, 5, &many);
    same(&many, &one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shards), cmocka_unit_test(test_bad_step), cmocka_unit_test(test_resident), cmocka_unit_test(test_devices)};
    return cmocka_run_group_tests_name("train/ahead", tests, NULL, NULL);
}
