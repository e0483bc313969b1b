/* Whole training steps on the cpu device (or on the one that ANL_TEST_DEVICE names) against the reference device: what kernels alone
 * cannot show (shared packed weights, chains, bound gradients, staged inputs, recordings). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "models/model.h"

#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 60, BATCH = 32, STEPS = 8 };

static void build(void *self, anl_graph *g, anl__size size) { anl_model_build(g, self, size); }

/* Graphs that the CUDA plug-in's stand-in was told to launch; -1: it is not loaded. */
static long launches(void)
{
    const char *plugin = getenv("ANNEAL_CUDA_PLUGIN");
    void *so = plugin ? dlopen(plugin, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    const long *n = so ? dlsym(so, "anl_shim_launches") : NULL;
    long count = n ? *n : -1;
    if (so) dlclose(so);
    return count;
}

static void losses(const anl_model_opts *m, const char *device, anl_dtype dtype, double out[STEPS])
{
    toy data;
    anl__trainer *t;
    anl_ctx *ctx = anl_ctx_create();
    toy_make(&data, SAMPLES, BATCH, true);
    anl__feed f = toy_feed(&data);
    anl__trainer_opts o = toy_opts(&data, NULL);
    o.task = (anl__task){(void *)(uintptr_t)m, build};
    o.device = device;
    o.dtype = dtype;
    if (anl__trainer_create(ctx, &o, &t) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl__trainer_init(t), ANL_OK);
    for (int64_t step = 0; step < STEPS; step++) {
        anl__feed_batch b;
        anl__step_result r;
        if (step % 2 == 0) assert_int_equal(f.start(f.self, step / 2, 0), ANL_OK);
        assert_int_equal(f.next(f.self, &b), ANL_OK);
        bool shim = getenv("ANNEAL_CUDA_PLUGIN") && strcmp(device, "reference");
        long before = shim ? launches() : -1;
        assert_true(!shim || before >= 0);
        if (anl__trainer_step(t, &b, step + 1, step / 2, 0.002, &r) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
        if (shim && step >= 2) assert_int_equal(launches() - before, 1); /* each size was seen once */
        out[step] = r.loss_num / r.loss_den;
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

static void compare(const anl_model_opts *m)
{
    if (!toy_has(tested())) skip();
    double want[STEPS], got[STEPS];
    losses(m, "reference", ANL_F32, want);
    losses(m, tested(), ANL_F32, got);
    for (int i = 0; i < STEPS; i++) /* rounding grows with every step: 2^-24 * 64 products * 8 steps * 32 for the net's own gain */
        if (!(fabs(got[i] - want[i]) <= 1e-3 * fabs(want[i]))) fail_msg("step %d: %.9g on %s, %.9g on reference", i + 1, got[i], tested(), want[i]);
    assert_true(want[STEPS - 1] < want[0]);
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_square_dense), cmocka_unit_test(test_wide_dense), cmocka_unit_test(test_convolutions), cmocka_unit_test(test_residual)};
    return cmocka_run_group_tests_name("train/devices", tests, NULL, NULL);
}
