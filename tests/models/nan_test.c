/* A NaN is not hidden: where a sample's input holds one, every layer, and every gradient of a loss on values, gives NaN where the reference
 * does, whatever is fused with it, so that a training that goes wrong is seen; samples beside it are untouched. On the cpu device, or that of
 * ANL_TEST_DEVICE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "models/layers.h"
#include "models/model.h"
#include "runtime/base/philox.h"

enum { N = 3, SIDE = 8, C = 16, IN = SIDE * SIDE * C, MOST = N * SIDE * SIDE * 64 };

typedef struct result { float y[MOST]; int64_t each; } result; /* numbers of a sample */

/* Copies between the host's memory and a device's, which may be the same. */
static void copy(anl_device *dev, void *dst, const void *src, size_t bytes, bool up)
{
    if (dev->vt->host_memory) memcpy(dst, src, bytes);
    else assert_int_equal(up ? dev->vt->upload(dev, dst, src, bytes) : dev->vt->download(dev, dst, src, bytes), ANL_OK);
}

static anl_value loss_gradient(anl_graph *g, const char *type, const char *args)
{
    const int64_t dim[2] = {N, IN};
    const anl_value in[3] = {anl_input(g, "x", ANL_F32, 2, dim), anl_input(g, "t", ANL_F32, 2, dim), anl_input(g, "dnum", ANL_F32, 0, NULL)};
    return anl_node(g, type, "layer", in, 3, "%s", args);
}

static void run(const char *device, const char *type, const char *args, result *r)
{
    static const float target[N * IN], dnum = 1;
    static float x[N * IN];
    const void *host[3] = {x, target, &dnum};
    const size_t bytes[3] = {sizeof x, sizeof target, sizeof dnum};
    const int64_t dim[4] = {N, SIDE, SIDE, C};
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev = NULL;
    anl_net *net = NULL;
    anl_graph *g = NULL;
    anl_program *p = NULL;
    anl_shape s = {0};
    for (uint32_t i = 0; i < N * IN; i++) x[i] = 2 * anl__u32_to_unit(anl__philox(5, i, 0, 0, 0).v[0]) - 1;
    x[IN + 37] = NAN;
    anl_status st = anl_device_open(ctx, device, NULL, &dev);
    if (st == ANL_OK) st = anl_net_create(dev, &net);
    if (st == ANL_OK) st = anl_graph_create(ctx, ANL_EVAL, ANL_F32, &g);
    if (st != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    bool recurrent = !strncmp(type, "rnn", 3) || !strcmp(type, "lstm") || !strcmp(type, "gru");
    bool loss = strstr(type, "_bwd") != NULL;
    const int64_t step[3] = {1, N, IN};
    anl_value v = loss ? loss_gradient(g, type, args) : recurrent ? anl_input(g, "x", ANL_F32, 3, step) : anl_input(g, "x", ANL_F32, 4, dim);
    if (!strcmp(type, "dense")) v = anl__layer_text(g, "flatten", "flat", &v, 1, " ");
    anl_output(g, "y", loss ? v : anl__layer_text(g, type, "layer", &v, 1, "%s", args));
    anl_compile_opts o = anl_compile_opts_default(g);
    st = anl_program_compile(net, g, &o, &p);
    if (st == ANL_OK) st = anl_net_finish(net, 0, 0, false);
    if (st == ANL_OK) st = anl_net_init(net, 3);
    anl_bind bind = {0};
    void *there[3] = {NULL};
    for (int i = 0; i < (loss ? 3 : 1) && st == ANL_OK; i++) {
        st = dev->vt->alloc(dev, bytes[i], &there[i]);
        if (st == ANL_OK) copy(dev, there[i], host[i], bytes[i], true);
        bind.input[i] = there[i];
    }
    if (st == ANL_OK) st = anl_program_run(p, &bind);
    if (st != ANL_OK) fail_msg("%s %s: %s", type, args, anl_last_error(ctx));
    const float *y = anl_program_output(p, "y", NULL, &s);
    r->each = anl_shape_count(&s) / N;
    assert_true(r->each * N <= MOST);
    copy(dev, r->y, y, sizeof *y * (size_t)(r->each * N), false);
    anl_net_destroy(net);
    for (int i = 0; i < 3; i++)
        if (there[i]) dev->vt->free(dev, there[i]);
    anl_device_close(dev);
    anl_ctx_destroy(ctx);
}

static void check(const char *device)
{
    static const char *const layers[][2] = {
        {"dense", "units=32 act=relu"}, {"dense", "units=10"}, {"dense", "units=9 act=relu"}, {"conv", "filters=16 kernel=3 act=relu"},
        {"conv", "filters=16 kernel=3"}, {"conv", "filters=5 kernel=3 act=relu"}, {"conv", "filters=32 kernel=1 act=relu stride=2"},
        {"relu", " "}, {"gelu", " "}, {"tanh", " "}, {"sigmoid", " "}, {"silu", " "}, {"leaky-relu", " "}, {"elu", " "}, {"hardswish", " "}, {"softplus", " "}, {"maxpool", "kernel=2"}, {"avgpool", "kernel=2"}, {"global-avgpool", " "}, {"groupnorm", "groups=4"}, {"conv-transpose", "filters=16 kernel=2 act=relu"}, {"batchnorm", " "}, {"layernorm", " "},
        {"rnn-relu", "units=24"}, {"rnn", "units=24"}, {"lstm", "units=24"}, {"gru", "units=24"},
        {"mse_bwd", " "}, {"huber_bwd", "delta=0.25"}, {"bce_logits_bwd", " "}};
    static result want, got;
    int wrong = 0;
    for (size_t l = 0; l < sizeof layers / sizeof *layers; l++) {
        int64_t seen = 0, hidden = 0;
        run("reference", layers[l][0], layers[l][1], &want);
        run(device, layers[l][0], layers[l][1], &got);
        assert_int_equal(got.each, want.each);
        for (int64_t i = 0; i < want.each * N; i++) {
            if (i / want.each != 1) assert_true(isfinite(got.y[i]) && isfinite(want.y[i]));
            seen += isnan(want.y[i]);
            hidden += isnan(want.y[i]) && !isnan(got.y[i]);
        }
        if (!seen) fail_msg("the reference has no NaN behind %s %s", layers[l][0], layers[l][1]);
        if (hidden) print_message("%s: %s %s hides %d of %d\n", device, layers[l][0], layers[l][1], (int)hidden, (int)seen);
        wrong += hidden > 0;
    }
    assert_int_equal(wrong, 0);
}

static void test_layers(void **state)
{
    const char *name = getenv("ANL_TEST_DEVICE") ? getenv("ANL_TEST_DEVICE") : "cpu";
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev;
    bool there = anl_device_open(ctx, name, NULL, &dev) == ANL_OK;
    if (!there) print_message("skipped: %s\n", anl_last_error(ctx));
    if (there) anl_device_close(dev);
    anl_ctx_destroy(ctx);
    if (!there) skip();
    check(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layers)};
    return cmocka_run_group_tests_name("models/nonfinite", tests, NULL, NULL);
}
