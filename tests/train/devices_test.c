/* Whole training steps on the cpu device (or on the one that ANL_TEST_DEVICE names) against the reference device: what kernels alone
 * cannot show (shared packed weights, chains, bound gradients, staged inputs, recordings). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "models/model.h"
#include "runtime/base/half.h"
#include "runtime/graph/precision.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 60, BATCH = 32, STEPS = 8 };

static void build(void *self, anl_graph *g, anl__size size) { anl_model_build(g, self, size); }

typedef struct precision { const char *name; double scale; /* of fp16 */ } precision;
typedef struct curve { double loss[STEPS], scale[STEPS]; bool overflow[STEPS], finite[STEPS]; } curve;

/* Images in the type that the graph reads. */
static void convert(anl__feed_batch *b, anl_dtype dtype)
{
    static uint16_t half[BATCH * SIDE * SIDE];
    if (dtype == ANL_F32) return;
    anl__half_from_f32(dtype, half, b->input[0], b->n * SIDE * SIDE);
    b->input[0] = half;
}

static void train(const anl_model_opts *m, const char *device, precision p, curve *out)
{
    toy data;
    const anl__precision *how = anl__precision_find(p.name);
    anl__trainer *t;
    anl_ctx *ctx = anl_ctx_create();
    toy_make(&data, SAMPLES, BATCH, true);
    anl__feed f = toy_feed(&data);
    anl__trainer_opts o = toy_opts(&data, NULL);
    o.task = (anl__task){(void *)(uintptr_t)m, build};
    o.device = device;
    o.dtype = how->dtype;
    o.device_opts.tf32 = how->tf32;
    o.optim.loss_scale = p.scale;
    if (anl__trainer_create(ctx, &o, &t) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl__trainer_init(t), ANL_OK);
    for (int64_t step = 0; step < STEPS; step++) {
        anl__feed_batch b;
        anl__step_result r;
        if (step % 2 == 0) assert_int_equal(f.start(f.self, step / 2, 0), ANL_OK);
        assert_int_equal(f.next(f.self, &b), ANL_OK);
        convert(&b, how->dtype);
        bool shim = getenv("ANNEAL_CUDA_PLUGIN") && strcmp(device, "reference");
        long before = shim ? toy_launches() : -1;
        assert_true(!shim || before >= 0);
        if (anl__trainer_step(t, &b, step + 1, step / 2, 0.002, &r) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
        if (shim && step >= 2) assert_int_equal(toy_launches() - before, 1); /* each size was seen once */
        out->loss[step] = r.loss_num / r.loss_den;
        out->scale[step] = r.scale;
        out->overflow[step] = r.overflow;
        out->finite[step] = r.finite;
        f.release(f.self, &b);
    }
    anl__trainer_destroy(t);
    toy_free(&data);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static const char *tested(void)
{
    const char *name = getenv("ANL_TEST_DEVICE");
    return name && *name ? name : "cpu";
}

static bool has(const char *name)
{
    const anl__precision *p = anl__precision_find(name);
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev = NULL;
    bool is = anl_device_open(ctx, tested(), NULL, &dev) == ANL_OK && anl__precision_need(dev, p->dtype, p->tf32) == ANL_OK;
    if (!is) printf("skipped: %s\n", anl_last_error(ctx));
    anl_device_close(dev);
    anl_ctx_destroy(ctx);
    return is;
}

/* Every loss within `most` of the reference's in fp32. */
static void near(const curve *got, const curve *want, double most, const char *name)
{
    for (int i = 0; i < STEPS; i++)
        if (!(fabs(got->loss[i] - want->loss[i]) <= most * fabs(want->loss[i])))
            fail_msg("step %d: %.9g in %s on %s, %.9g on reference", i + 1, got->loss[i], name, tested(), want->loss[i]);
}

static void compare(const anl_model_opts *m)
{
    if (!toy_has(tested(), ANL_F32)) skip();
    curve want, got;
    train(m, "reference", (precision){"fp32", 0}, &want);
    train(m, tested(), (precision){"fp32", 0}, &got);
    near(&got, &want, 1e-3, "fp32"); /* rounding grows with every step: 2^-24 * 64 products * 8 steps * 32 for the net's own gain */
    assert_true(want.loss[STEPS - 1] < want.loss[0]);
}

static anl_model_opts model(const char *name)
{
    anl_model_opts m = anl_model_opts_default();
    m.name = name;
    m.height = m.width = SIDE;
    m.classes = CLASSES;
    return m;
}

/* Square layers: the weights' transpose has the same shape, and must not be taken for them. */
static void test_square_dense(void **state)
{
    (void)state;
    anl_model_opts m = model("mlp");
    m.hidden[0] = m.hidden[1] = m.hidden[2] = 64;
    m.n_hidden = 3;
    compare(&m);
}

static void test_wide_dense(void **state)
{
    (void)state;
    anl_model_opts m = model("mlp");
    m.hidden[0] = m.hidden[1] = getenv("ANL_TEST_SMALL") ? 160 : 1024; /* small: where a device is only imitated */
    m.n_hidden = 2;
    compare(&m);
}

static void test_convolutions(void **state)
{
    (void)state;
    anl_model_opts m = model("cnn2");
    compare(&m);
}

static void test_residual(void **state)
{
    (void)state;
    anl_model_opts m = model("resnet-cifar");
    m.depth = 8;
    compare(&m);
}

/* The same curve in every precision that the device has: one unit of rounding, times the factor above without its 32 of safety. */
static void test_precisions(void **state)
{
    (void)state;
    static const struct { precision p; double most; } rows[] = {{{"tf32", 0}, 0.02}, {{"fp16", 65536}, 0.02}, {{"bf16", 0}, 0.1}};
    anl_model_opts m = model("cnn2");
    curve want, exact, got;
    if (!toy_has(tested(), ANL_F32)) skip();
    train(&m, "reference", (precision){"fp32", 0}, &want);
    train(&m, tested(), (precision){"fp32", 0}, &exact);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!has(rows[i].p.name)) continue;
        train(&m, tested(), rows[i].p, &got);
        near(&got, &want, rows[i].most, rows[i].p.name);
        bool libraries = !getenv("ANL_SHIM_LIBS"); /* our own kernels multiply f32 as it is */
        if (libraries || strcmp(rows[i].p.name, "tf32")) assert_memory_not_equal(got.loss, exact.loss, sizeof got.loss);
    }
}

/* Under a loss scale that is far too large the first gradients are infinite: those steps move nothing and halve it, and the training goes on. */
static void test_overflow(void **state)
{
    (void)state;
    anl_model_opts m = model("mlp");
    m.hidden[0] = 16;
    m.n_hidden = 1;
    curve c;
    if (!toy_has(tested(), ANL_F32) || !has("fp16")) skip();
    train(&m, tested(), (precision){"fp16", 16777216}, &c);
    double scale = 16777216;
    assert_true(c.overflow[0] && c.overflow[1]);
    for (int i = 0; i < STEPS; i++) {
        assert_true(c.finite[i] != c.overflow[i]);
        if (c.overflow[i]) scale /= 2;
        assert_true(c.scale[i] == scale);
    }
    assert_true(c.finite[STEPS - 1]);
    assert_true(c.loss[STEPS - 1] < c.loss[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_square_dense), cmocka_unit_test(test_wide_dense), cmocka_unit_test(test_convolutions), cmocka_unit_test(test_residual),
                                       cmocka_unit_test(test_precisions), cmocka_unit_test(test_overflow)};
    return cmocka_run_group_tests_name("train/devices", tests, NULL, NULL);
}
