/* Kernels that do another step's work too (anl__kernel.covers): the same gradients and sums as by kernels of their own, in each precision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "graph/net.h"
#include "models/model.h"

enum { BATCH = 6, SIDE = 8 };

/* The gradient slab after a step on a GPU, and the plan as text; both freed by the caller. */
static float *gradients(anl_ctx *ctx, const char *model, anl_dtype dtype, double dropout, bool plan, int64_t *count, char **text)
{
    anl_device *dev;
    anl_net *net;
    anl_program *p;
    anl_device_opts d = anl_device_opts_default();
    anl_model_opts m = anl_model_opts_default();
    anl_graph *g = NULL;
    m.name = model;
    m.height = m.width = SIDE;
    m.channels = 3;
    m.dropout = dropout;
    assert_int_equal(anl_device_open(ctx, "cuda", &d, &dev), ANL_OK);
    assert_int_equal(anl_net_create(dev, &net), ANL_OK);
    assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, dtype, &g), ANL_OK);
    anl_model_build(g, &m, (anl__size){BATCH, 0});
    anl_compile_opts o = anl_compile_opts_default(g);
    o.plan = plan;
    if (anl_program_compile(net, g, &o, &p) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl_net_finish(net, 0, 1, false), ANL_OK);
    assert_int_equal(anl_net_init(net, 5), ANL_OK);
    assert_int_equal(anl_net_set_rng(net, 7, 3, 0, 0), ANL_OK);
    float image[BATCH * SIDE * SIDE * 3], hyper[ANL_HYPER_WORDS] = {[ANL__HYPER_LOSS_SCALE] = 0.5F}, scale[ANL__SCALE_WORDS] = {8};
    int32_t label[BATCH];
    for (int i = 0; i < BATCH * SIDE * SIDE * 3; i++) image[i] = (float)(i * 7919 % 1000) / 500 - 1;
    for (int i = 0; i < BATCH; i++) label[i] = i % 10;
    assert_int_equal(anl_net_set_hyper(net, hyper), ANL_OK);
    assert_int_equal(anl__net_set_scale(net, scale), ANL_OK);
    void *in = NULL;
    uint16_t narrow[BATCH * SIDE * SIDE * 3];
    if (dtype != ANL_F32) anl__half_from_f32(dtype, narrow, image, BATCH * SIDE * SIDE * 3);
    size_t bytes = sizeof image;
    assert_int_equal(dev->vt->alloc(dev, bytes + sizeof label, &in), ANL_OK);
    assert_int_equal(dev->vt->upload(dev, in, dtype == ANL_F32 ? (const void *)image : narrow, dtype == ANL_F32 ? bytes : sizeof narrow), ANL_OK);
    assert_int_equal(dev->vt->upload(dev, (char *)in + bytes, label, sizeof label), ANL_OK);
    anl_bind b = {.input = {in, (char *)in + bytes}};
    for (int run = 0; run < 3; run++) assert_int_equal(anl_program_run(p, &b), ANL_OK); /* launched, recorded, replayed */
    *count = anl_net_slab_count(net, ANL_SLAB_GRAD0);
    float *grad = malloc(sizeof *grad * (size_t)*count);
    assert_non_null(grad);
    assert_int_equal(anl_net_slab_read(net, ANL_SLAB_GRAD0, 0, *count, grad), ANL_OK);
    assert_int_equal(anl_program_explain(p, text), ANL_OK);
    dev->vt->free(dev, in);
    anl_net_destroy(net);
    anl_device_close(dev);
    return grad;
}

static void same_bits(void **state)
{
    static const char *const models[] = {"mlp", "cnn2"};
    static const anl_dtype types[] = {ANL_F32, ANL_BF16, ANL_F16};
    (void)state;
    const char *device = getenv("ANL_TEST_DEVICE");
    if (!device || strcmp(device, "cuda")) {
        print_message("no kernel of a device but cuda covers another\n");
        skip();
    }
    anl_ctx *ctx = anl_ctx_create();
    for (int m = 0; m < 2; m++)
        for (int t = 0; t < 3; t++) {
            int64_t n, k;
            char *apart, *together;
            float *want = gradients(ctx, models[m], types[t], 0.3, false, &n, &apart), *got = gradients(ctx, models[m], types[t], 0.3, true, &k, &together);
            double sum = 0;
            for (int64_t i = 0; i < n; i++) sum += (double)want[i] * (double)want[i];
            if (!(sum > 0 && sum < 1e12)) fail_msg("%s in %s: the gradient's squares add to %g", models[m], anl_dtype_name(types[t]), sum);
            assert_int_equal(n, k);
            assert_memory_equal(want, got, sizeof *got * (size_t)n);
            assert_null(strstr(apart, "done by"));
            assert_non_null(strstr(together, "(done by softmax_cross_entropy/cuda of")); /* the number of samples */
            assert_non_null(strstr(together, "(done by softmax_cross_entropy_bwd/cuda of"));
            assert_non_null(strstr(together, "(done by relu_bwd/cuda of"));
            anl_text_free(ctx, apart);
            anl_text_free(ctx, together);
            free(want);
            free(got);
        }
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

/* A dropout that drops nothing has no draw to make again: it is on its own. */
static void dropout_off(void **state)
{
    (void)state;
    const char *device = getenv("ANL_TEST_DEVICE");
    if (!device || strcmp(device, "cuda")) skip();
    anl_ctx *ctx = anl_ctx_create();
    int64_t n;
    char *text;
    free(gradients(ctx, "mlp", ANL_F32, 0, true, &n, &text));
    assert_null(strstr(text, "(done by relu_bwd/cuda of"));
    anl_text_free(ctx, text);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits), cmocka_unit_test(dropout_off)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
