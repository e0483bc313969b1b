/* Chains of sample-wise kernels: with chains and shared memory, without them, and with any number of threads, a training
 * step leaves the same bits; second sweeps join chains, and gradients of weights wait behind them. Steps of a kernel that takes many at once, on the
 * device ANL_TEST_DEVICE (default cpu): only those that touch nothing of each other's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/net.h"
#include "models/model.h"

enum { BATCH = 12, SIDE = 8 };

typedef struct step {
    anl_device *dev;
    anl_net *net;
    anl_program *program;
} step;

static void step_open(anl_ctx *ctx, step *s, const char *model, int threads, bool plan)
{
    anl_device_opts d = anl_device_opts_default();
    anl_model_opts m = anl_model_opts_default();
    anl_graph *g = NULL;
    d.threads = threads;
    m.name = model;
    m.height = m.width = SIDE;
    m.channels = 3;
    m.depth = 8;
    m.dropout = 0.3;
    assert_int_equal(anl_device_open(ctx, "cpu", &d, &s->dev), ANL_OK);
    assert_int_equal(anl_net_create(s->dev, &s->net), ANL_OK);
    assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
    anl_model_build(g, &m, (anl__size){BATCH, 0});
    anl_compile_opts o = anl_compile_opts_default(g);
    o.plan = plan;
    o.slices = 4;
    assert_int_equal(anl_program_compile(s->net, g, &o, &s->program), ANL_OK);
    assert_int_equal(anl_net_finish(s->net, 0, 1, false), ANL_OK);
    assert_int_equal(anl_net_init(s->net, 5), ANL_OK);
    assert_int_equal(anl_net_set_rng(s->net, 7, 3, 0, 0), ANL_OK);
}

/* The gradient slab after two steps; freed by the caller. */
static float *gradients(anl_ctx *ctx, const char *model, int threads, bool plan, int64_t *count)
{
    step s;
    static float image[BATCH * SIDE * SIDE * 3];
    static int32_t label[BATCH];
    float hyper[ANL_HYPER_WORDS] = {0};
    step_open(ctx, &s, model, threads, plan);
    for (int i = 0; i < BATCH * SIDE * SIDE * 3; i++) image[i] = (float)(i * 7919 % 1000) / 500 - 1;
    for (int i = 0; i < BATCH; i++) label[i] = i % 10;
    hyper[ANL__HYPER_LOSS_SCALE] = 1;
    anl_bind b = {.input = {image, label}};
    assert_int_equal(anl_net_set_hyper(s.net, hyper), ANL_OK);
    for (int run = 0; run < 2; run++) assert_int_equal(anl_program_run(s.program, &b), ANL_OK);
    *count = anl_net_slab_count(s.net, ANL_SLAB_GRAD0);
    float *g = malloc(sizeof *g * (size_t)*count);
    assert_non_null(g);
    assert_int_equal(anl_net_slab_read(s.net, ANL_SLAB_GRAD0, 0, *count, g), ANL_OK);
    anl_net_destroy(s.net);
    anl_device_close(s.dev);
    return g;
}

static void same_bits(void **state)
{
    static const char *const models[] = {"mlp", "cnn2", "resnet-cifar"};
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    for (int m = 0; m < 3; m++) {
        int64_t n, k;
        float *want = gradients(ctx, models[m], 1, false, &n);
        double sum = 0;
        for (int64_t i = 0; i < n; i++) sum += (double)want[i] * (double)want[i];
        assert_true(sum > 0 && sum < 1e12);
        for (int threads = 1; threads <= 3; threads++) {
            float *got = gradients(ctx, models[m], threads, true, &k);
            assert_int_equal(n, k);
            assert_memory_equal(want, got, sizeof *got * (size_t)n);
            free(got);
        }
        free(want);
    }
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

/* In a residual network's backward pass normalisation's second sweep, the convolution's data gradient and the next normalisation's
   first sweep are one chain; the filter gradient comes right behind it. */
static void order(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    step s;
    int found = 0;
    step_open(ctx, &s, "resnet-cifar", 1, true);
    const anl_program *p = s.program;
    for (int i = 0; i + 3 < p->n_sweep; i++) {
        const char *op[4];
        for (int q = 0; q < 4; q++) op[q] = p->step[p->sweep[i + q].step].prep.call.op->name;
        found += p->sweep[i].after && p->sweep[i].chain == 3 && !strcmp(op[0], "batchnorm_bwd") && !strcmp(op[1], "conv2d_bwd_data") && !strcmp(op[2], "batchnorm_bwd") &&
                 !strcmp(op[3], "conv2d_bwd_filter");
    }
    bool sliced = false; /* without oneDNN convolutions fall back on the reference, which is in no chain */
    for (int i = 0; i < p->n_step; i++) sliced |= !strcmp(p->step[i].prep.call.op->name, "conv2d_bwd_data") && p->step[i].prep.kernel->samplewise;
    assert_true(!sliced || found > 0);
    anl_net_destroy(s.net);
    anl_device_close(s.dev);
    anl_ctx_destroy(ctx);
}

enum { LAYERS = 70, K = 3 };

static anl_value moved(anl_graph *g, const char *what, int layer)
{
    char name[16];
    snprintf(name, sizeof name, "%s%d", what, layer);
    return anl_buffer(g, name, 1, (int64_t[]){K}, 1);
}

/* 70 layers, then the first again, then the last again: its chain has it already. */
static void at_once(void **state)
{
    static const float stat[2 * K] = {8, -4, 0, 2, 4, 16}, count = 4;
    const char *device = getenv("ANL_TEST_DEVICE");
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl_device_opts d = anl_device_opts_default();
    anl_graph *g;
    step s;
    anl_bind b = {0};
    if (anl_device_open(ctx, device ? device : "cpu", &d, &s.dev) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl_net_create(s.dev, &s.net), ANL_OK);
    assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
    anl_value in[4] = {0, 0, anl_input(g, "stat", ANL_F32, 1, (int64_t[]){2 * K}), anl_input(g, "count", ANL_F32, 0, NULL)};
    for (int i = 0; i < LAYERS + 2; i++) {
        int layer = i < LAYERS ? i : i == LAYERS ? 0 : LAYERS - 1;
        in[0] = moved(g, "mean", layer);
        in[1] = moved(g, "var", layer);
        anl_node(g, "batchnorm_running", NULL, in, 4, "momentum=0.5");
    }
    if (anl_program_compile(s.net, g, &(anl_compile_opts){.plan = true}, &s.program) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl_net_finish(s.net, 0, 1, false), ANL_OK);
    assert_int_equal(anl_net_init(s.net, 1), ANL_OK);
    bool many = s.program->step[0].prep.kernel->run_many;
    int chain[3] = {many ? ANL__MOST_AT_ONCE : 1, many ? LAYERS + 1 - ANL__MOST_AT_ONCE : 1, 1};
    for (int i = 0, at = 0; i < 3; at += chain[i++]) assert_int_equal(s.program->sweep[at].chain, chain[i]);
    for (int i = 0; i < 2; i++) {
        void *p;
        size_t bytes = i ? sizeof count : sizeof stat;
        assert_int_equal(s.dev->vt->alloc(s.dev, bytes, &p), ANL_OK);
        assert_int_equal(s.dev->vt->upload(s.dev, p, i ? &count : stat, bytes), ANL_OK);
        b.input[i] = p;
    }
    if (anl_program_run(s.program, &b) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    for (int i = 0; i < s.net->buffer.n; i++) {
        const anl__entry *e = &s.net->buffer.entry[i];
        float got[K];
        bool twice = !strcmp(e->name + strcspn(e->name, "0123456789"), "0") || strstr(e->name, "69");
        assert_int_equal(anl_net_slab_read(s.net, ANL_SLAB_BUFFER, e->offset, K, got), ANL_OK);
        for (int j = 0; j < K; j++) {
            float new = stat[*e->name == 'm' ? j : K + j] / count, once = (1 + new) / 2;
            assert_true(got[j] == (twice ? (once + new) / 2 : once));
        }
    }
    assert_int_equal(s.net->buffer.n, 2 * LAYERS);
    for (int i = 0; i < 2; i++) s.dev->vt->free(s.dev, (void *)(uintptr_t)b.input[i]);
    anl_net_destroy(s.net);
    anl_device_close(s.dev);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits), cmocka_unit_test(order), cmocka_unit_test(at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
