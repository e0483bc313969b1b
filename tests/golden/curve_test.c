/* Twenty training steps of an MLP and of a small CNN (convolution, batchnorm, pooling) against PyTorch's losses: whole graphs with fusions,
 * on every device. The update (SGD with momentum) is done here on the host: optimizers have their own numbers. */
#include "fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 20, BATCH = 8, SIDE = 10 };
static const double TOLERANCE = 5e-5; /* f32 over twenty steps, losses near 1 */

static anl_value parameter(anl_graph *g, const golden_case *c, int i)
{
    const golden_tensor *t = golden_numbered(c, "in", i);
    return anl_param(g, t->name, t->shape.rank, t->shape.dim, (anl_init){0}, 0);
}

static anl_value mlp(anl_graph *g, const golden_case *c, anl_value x)
{
    x = anl_node(g, "reshape", "flat", &x, 1, "shape=0,-1");
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "fc%d", i);
        anl_value in[3] = {x, parameter(g, c, 2 * i), parameter(g, c, 2 * i + 1)};
        x = anl_node(g, "dense", name, in, 3, NULL);
        snprintf(name, sizeof name, "relu%d", i);
        if (i < 2) x = anl_node(g, "relu", name, &x, 1, NULL);
    }
    return x;
}

static anl_value cnn(anl_graph *g, const golden_case *c, anl_value x)
{
    const int64_t channels = 6;
    anl_value c1[3] = {x, parameter(g, c, 0), parameter(g, c, 1)};
    x = anl_node(g, "conv2d", "c1", c1, 3, NULL);
    x = anl_node(g, "relu", "r1", &x, 1, NULL);
    x = anl_node(g, "maxpool2d", "p1", &x, 1, "kernel=2 stride=2");
    anl_value c2[2] = {x, parameter(g, c, 2)};
    x = anl_node(g, "conv2d", "c2", c2, 2, "pad=1");
    anl_value n[5] = {x, parameter(g, c, 3), parameter(g, c, 4), anl_buffer(g, "mean", 1, &channels, 0), anl_buffer(g, "var", 1, &channels, 1)};
    x = anl_node(g, "batchnorm", "n", n, 5, "eps=1e-5");
    x = anl_node(g, "relu", "r2", &x, 1, NULL);
    x = anl_node(g, "maxpool2d", "p2", &x, 1, "kernel=2 stride=2");
    x = anl_node(g, "reshape", "flat", &x, 1, "shape=0,-1");
    anl_value fc[3] = {x, parameter(g, c, 5), parameter(g, c, 6)};
    return anl_node(g, "dense", "fc", fc, 3, NULL);
}

static anl_status compile(anl_ctx *ctx, anl_net *net, const golden_case *c, anl_program **out)
{
    static const int64_t dim[4] = {BATCH, SIDE, SIDE, 1};
    anl_graph *g;
    anl_status st = anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g);
    if (st != ANL_OK) return st;
    anl_value image = anl_input(g, "image", ANL_F32, 4, dim), label = anl_input(g, "label", ANL_I32, 1, dim);
    anl_value in[2] = {strcmp(c->name, "mlp") ? cnn(g, c, image) : mlp(g, c, image), label};
    anl_value num = anl_node(g, "softmax_cross_entropy", "loss", in, 2, NULL);
    anl_loss(g, "loss", num, anl_node_output(g, num, 1), 1);
    anl_compile_opts o = anl_compile_opts_default(g);
    return anl_program_compile(net, g, &o, out);
}

static void fill_inputs(const golden_case *c, float *image, int32_t *label)
{
    const golden_tensor *x = golden_find(c, "image"), *y = golden_find(c, "label");
    assert_int_equal(x->count, 2 * BATCH * SIDE * SIDE);
    for (int64_t i = 0; i < x->count; i++) image[i] = (float)x->v[i];
    for (int64_t i = 0; i < y->count; i++) label[i] = (int32_t)y->v[i];
}

static anl_status run_case(anl_ctx *ctx, anl_device *dev, const golden_case *c, double curve[STEPS])
{
    static float image[2 * BATCH * SIDE * SIDE], p[GOLDEN_MOST], v[GOLDEN_MOST], grad[GOLDEN_MOST];
    static int32_t label[2 * BATCH];
    anl_net *net = NULL;
    anl_program *program;
    fill_inputs(c, image, label);
    memset(p, 0, sizeof p);
    memset(v, 0, sizeof v);
    anl_status st = anl_net_create(dev, &net);
    if (st == ANL_OK) st = compile(ctx, net, c, &program);
    if (st == ANL_OK) st = anl_net_finish(net, 0, 1, false);
    if (st == ANL_OK) st = anl_net_init(net, 1);
    if (st == ANL_OK) st = golden_load(net, c, p);
    for (int k = 0; k < STEPS && st == ANL_OK; k++) {
        anl_bind bind = {.input = {image + k % 2 * BATCH * SIDE * SIDE, label + k % 2 * BATCH}};
        st = golden_step(net, program, &bind, 0.05f, 0.9f, p, v, grad, &curve[k]);
    }
    anl_net_destroy(net);
    return st;
}

static void run_device(const char *device)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev;
    golden_case c;
    int bad = 0, n = 0;
    assert_non_null(ctx);
    if (anl_device_open(ctx, device, NULL, &dev) != ANL_OK) {
        print_message("skipped: %s\n", anl_last_error(ctx));
        anl_ctx_destroy(ctx);
        skip();
    }
    golden_file *f = golden_open("curves");
    for (; golden_next(f, &c); n++) {
        double curve[STEPS] = {0};
        anl_status st = run_case(ctx, dev, &c, curve);
        double d = st == ANL_OK ? golden_distance(STEPS, curve, golden_find(&c, "loss")->v) : INFINITY;
        if (!(d <= TOLERANCE)) {
            print_error("%s on %s: %s (off by %.3g)\n", c.name, device, st == ANL_OK ? "other losses" : anl_last_error(ctx), d);
            for (int k = 0; k < STEPS && st == ANL_OK; k++) print_error("  step %d: %.7f, PyTorch %.7f\n", k, curve[k], golden_find(&c, "loss")->v[k]);
            bad++;
        }
        golden_release(&c);
    }
    golden_close(f);
    anl_device_close(dev);
    anl_ctx_destroy(ctx);
    assert_int_equal(n, 2);
    assert_int_equal(bad, 0);
}

static void on_reference(void **state)
{
    (void)state;
    run_device("reference");
}

static void on_cpu(void **state)
{
    (void)state;
    run_device("cpu");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(on_reference), cmocka_unit_test(on_cpu)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
