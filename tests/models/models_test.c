/* Models and layers: sizes known from the literature, messages that name the layer, and a graph with two heads that
 * learns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "models/model.h"

enum { N = 4, SIDE = 4 };

typedef struct fixture {
    anl_ctx *ctx;
    anl_device *dev;
    anl_net *net;
    anl_program *program;
} fixture;

static anl_status compile(fixture *f, const anl_model_opts *m, int64_t n)
{
    anl_graph *g;
    anl_device_opts d = anl_device_opts_default();
    f->ctx = anl_ctx_create();
    assert_int_equal(anl_device_open(f->ctx, "reference", &d, &f->dev), ANL_OK);
    assert_int_equal(anl_net_create(f->dev, &f->net), ANL_OK);
    assert_int_equal(anl_graph_create(f->ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
    anl_model_build(g, m, (anl__size){n, 0});
    anl_compile_opts co = anl_compile_opts_default(g);
    return anl_program_compile(f->net, g, &co, &f->program);
}

static void close_fixture(fixture *f)
{
    anl_net_destroy(f->net);
    anl_device_close(f->dev);
    assert_int_equal(anl__live_blocks(f->ctx), 0);
    anl_ctx_destroy(f->ctx);
}

static int64_t parameters(const char *name, int64_t side, int64_t channels, int depth, int classes)
{
    fixture f = {0};
    anl_model_opts m = anl_model_opts_default();
    int64_t count = 0;
    m.name = name;
    m.height = m.width = side;
    m.channels = channels;
    m.depth = depth;
    m.classes = classes;
    m.small_stem = side == 32;
    if (compile(&f, &m, 2) != ANL_OK) fail_msg("%s: %s", name, anl_last_error(f.ctx));
    for (int i = 0; i < anl_net_param_count(f.net); i++) count += anl_net_param(f.net, i).count;
    close_fixture(&f);
    return count;
}

/* LeCun et al., 1998, as usually written with full connections; He et al., 2015: 0.27 million at depth 20. */
static void sizes(void **state)
{
    (void)state;
    assert_int_equal(parameters("lenet5", 28, 1, 0, 10), 61706);
    assert_int_equal(parameters("cnn2", 28, 1, 0, 10), 1199882);
    int64_t resnet = parameters("resnet-cifar", 32, 3, 20, 10);
    assert_true(resnet > 265000 && resnet < 275000);
    assert_int_equal(parameters("resnet", 224, 3, 18, 1000), 11689512); /* torchvision's */
    assert_int_equal(parameters("resnet", 224, 3, 34, 1000), 21797672);
    assert_int_equal(parameters("resnet", 224, 3, 50, 1000), 25557032);
    assert_int_equal(parameters("resnet", 64, 3, 152, 1000), 60192808);
    assert_int_equal(parameters("resnet", 32, 3, 18, 10), 11173962); /* as usual on CIFAR */
}

static void refuse(const char *type, const char *attrs, const char *message)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_graph *g;
    int64_t dim[2] = {2, 6};
    assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
    anl_value x = anl_input(g, "x", ANL_F32, 2, dim);
    assert_int_equal(anl__layer_text(g, type, "mine", &x, 1, "%s", attrs), ANL_NONE);
    if (!strstr(anl_last_error(ctx), message)) fail_msg("'%s' does not say '%s'", anl_last_error(ctx), message);
    anl_graph_destroy(g);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void refusals(void **state)
{
    (void)state;
    refuse("denze", "units=3", "did you mean 'dense'?");
    refuse("dense", "units=3 unit=4", "mine");
    refuse("dense", "units=0", "layer 'mine' (dense): units '0'");
    refuse("conv", "filters=3 kernel=3", "layer 'mine' (conv) needs images N x H x W x C");
    refuse("conv-transpose", "filters=3 kernel=3", "layer 'mine' (conv-transpose) needs images");
    refuse("concat", "axis=1", "layer 'mine' (concat) takes 2 to");
    refuse("slice", "axis=1 begin=4 end=9", "mine");
    refuse("transpose", "perm=0,0", "mine");
}

/* `pad: same` keeps the size at stride 1, dilated or not. */
static void same_size(void **state)
{
    static const char *const args[] = {"kernel=3", "kernel=2", "kernel=3,5 dilation=2,3", "kernel=4 dilation=2", "kernel=3 dilation=3 act=leaky-relu", "kernel=3 act=leaky_relu"};
    (void)state;
    for (int i = 0; i < 6; i++) {
        anl_ctx *ctx = anl_ctx_create();
        anl_graph *g;
        int64_t dim[4] = {2, 17, 13, 3};
        assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
        anl_value x = anl_input(g, "x", ANL_F32, 4, dim);
        anl_value y = anl__layer_text(g, "conv", "mine", &x, 1, "filters=5 pad=same %s", args[i]);
        if (y == ANL_NONE) fail_msg("%s: %s", args[i], anl_last_error(ctx));
        anl_shape s = anl_value_shape(g, y);
        assert_int_equal(s.dim[1], 17);
        assert_int_equal(s.dim[2], 13);
        anl_graph_destroy(g);
        anl_ctx_destroy(ctx);
    }
}

#define ARG(...) (const anl__layer_arg[]){__VA_ARGS__}
#define FROM(...) (const char *const[]){__VA_ARGS__}

/* Returns the sum of the heads' numerators, and moves the parameters against the gradient. */
static double step(fixture *f, const anl_bind *bind, float rate)
{
    static float p[4096], grad[4096];
    double loss = 0;
    int64_t n = anl_net_slab_count(f->net, ANL_SLAB_PARAM);
    assert_true(n <= 4096);
    assert_int_equal(anl_net_set_rng(f->net, 1, 0, 0, 0), ANL_OK);
    assert_int_equal(anl_program_run(f->program, bind), ANL_OK);
    for (int i = 0; i < anl_net_sum_count(f->net); i++) {
        float v;
        if (!strstr(anl_net_sum_name(f->net, i), ".num")) continue;
        assert_int_equal(anl_net_slab_read(f->net, ANL_SLAB_GRAD0, anl_net_sum_offset(f->net, i), 1, &v), ANL_OK);
        loss += v;
    }
    assert_int_equal(anl_net_slab_read(f->net, ANL_SLAB_PARAM, 0, n, p), ANL_OK);
    assert_int_equal(anl_net_slab_read(f->net, ANL_SLAB_GRAD0, 0, n, grad), ANL_OK);
    for (int64_t i = 0; i < n; i++) p[i] -= rate * grad[i];
    assert_int_equal(anl_net_slab_write(f->net, ANL_SLAB_PARAM, 0, n, p), ANL_OK);
    return loss;
}

/* The losses' sum before the first step. */
static double two_heads(const char *loss, const char *units, double delta)
{
    const anl__model_layer layers[] = {
        {{"conv", "a", NULL, ARG({"filters", "4"}, {"kernel", "3"}, {"pad", "1"}), 3},
         FROM("input"), 1},
        {{"slice", "b", NULL, ARG({"axis", "3"}, {"begin", "1"}, {"end", "3"}), 3},
         FROM("a"), 1},
        {{"mul", "c", NULL, NULL, 0}, FROM("b", "b"), 2},
        {{"concat", "d", NULL, ARG({"axis", "3"}), 1}, FROM("a", "c"), 2},
        {{"dense", "first", NULL, ARG({"units", "3"}), 1}, FROM("d"), 1},
        {{"dense", "second", NULL, ARG({"units", units}), 1}, FROM("b"), 1},
    };
    const anl__model_head heads[] = {
        {"first", "label", "cross-entropy", 1, 0, NULL}, {"second", "label", loss, 0.5, delta, NULL}};
    anl_model_opts m = anl_model_opts_default();
    fixture f = {0};
    float image[N * SIDE * SIDE];
    int32_t label[N] = {0, 1, 0, 1};
    for (int i = 0; i < N * SIDE * SIDE; i++) image[i] = (float)(i * 7 % 11) / 11;
    m.name = "graph";
    m.height = m.width = SIDE;
    m.classes = 3;
    m.layer = layers;
    m.n_layer = 6;
    m.head = heads;
    m.n_head = 2;
    if (compile(&f, &m, N) != ANL_OK) fail_msg("%s: %s", loss, anl_last_error(f.ctx));
    assert_int_equal(anl_net_finish(f.net, 0, 1, false), ANL_OK);
    assert_int_equal(anl_net_init(f.net, 3), ANL_OK);
    anl_bind bind = {.input = {image, label}};
    double before = step(&f, &bind, 0.01f), after = step(&f, &bind, 0.01f);
    if (!(after < before)) fail_msg("%s: %g before a step, %g after", loss, before, after);
    close_fixture(&f);
    return before;
}

/* A loss with a sigmoid or softmax of its own is not given another. */
static void activated_twice(void **state)
{
    static const char *const pair[][2] = {{"bce", "sigmoid"}, {"cross-entropy", "softmax"}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        const anl__model_layer layers[] = {{{"dense", "y", NULL, ARG({"units", i ? "3" : "1"}, {"act", pair[i][1]}), 2}, FROM("input"), 1}};
        const anl__model_head head = {"y", "label", pair[i][0], 1, 0, NULL};
        anl_model_opts m = anl_model_opts_default();
        fixture f = {0};
        m.name = "graph";
        m.height = m.width = SIDE;
        m.classes = 3;
        m.layer = layers;
        m.n_layer = m.n_head = 1;
        m.head = &head;
        assert_int_equal(compile(&f, &m, N), ANL_RECIPE);
        if (!strstr(anl_last_error(f.ctx), "layer 'y' ends in a ") || !strstr(anl_last_error(f.ctx), pair[i][1])) fail_msg("%s", anl_last_error(f.ctx));
        close_fixture(&f);
    }
}

static void heads_learn(void **state)
{
    (void)state;
    two_heads("cross-entropy", "3", 0);
    two_heads("mse", "1", 0);
    two_heads("bce", "1", 0);
    double one = two_heads("huber", "1", 1), narrow = two_heads("huber", "1", 0.01);
    assert_true(two_heads("huber", "1", 0) == one); /* the model's own delta, 1 */
    assert_true(narrow < one);
}

/* One step by each head's own mean: the second head's layer moves as if its loss stood alone, also where labels are not known. */
static void own_denominators(void **state)
{
    (void)state;
    const anl__model_layer both[] = {{{"dense", "first", NULL, ARG({"units", "3"}), 1}, FROM("input"), 1},
                                     {{"dense", "second", NULL, ARG({"units", "2"}), 1}, FROM("input"), 1}};
    const anl__model_head heads[] = {{"first", "label", "cross-entropy", 1, 0, NULL}, {"second", "label2", "cross-entropy", 1, 0, NULL}};
    float image[N * SIDE * SIDE], grad[2][4096];
    int32_t label[N] = {0, 1, 2, 1}, part[N] = {-1, 1, -1, 0};
    for (int i = 0; i < N * SIDE * SIDE; i++) image[i] = (float)(i * 7 % 11) / 11;
    for (int alone = 0; alone < 2; alone++) {
        anl_model_opts m = anl_model_opts_default();
        anl__model_head only = heads[1];
        fixture f = {0};
        m.name = "graph";
        m.height = m.width = SIDE;
        m.classes = alone ? 2 : 3;
        m.layer = alone ? both + 1 : both;
        m.n_layer = alone ? 1 : 2;
        m.head = alone ? &only : heads;
        m.n_head = alone ? 1 : 2;
        only.label = "label";
        if (compile(&f, &m, N) != ANL_OK) fail_msg("%s", anl_last_error(f.ctx));
        assert_int_equal(anl_net_finish(f.net, 0, 1, false), ANL_OK);
        assert_int_equal(anl_net_init(f.net, 3), ANL_OK);
        anl_bind bind = {.input = {image, alone ? part : label, part}};
        step(&f, &bind, 0);
        float den = 0;
        anl_tensor_info t = {0};
        for (int i = 0; i < anl_net_sum_count(f.net); i++)
            if (!strcmp(anl_net_sum_name(f.net, i), "loss.den"))
                assert_int_equal(anl_net_slab_read(f.net, ANL_SLAB_GRAD0, anl_net_sum_offset(f.net, i), 1, &den), ANL_OK);
        assert_true(den == (alone ? 2 : 4));
        for (int i = 0; i < anl_net_param_count(f.net); i++)
            if (!strcmp(anl_net_param(f.net, i).name, "second.weight")) t = anl_net_param(f.net, i);
        assert_int_equal(t.count, 2 * SIDE * SIDE);
        assert_int_equal(anl_net_slab_read(f.net, ANL_SLAB_GRAD0, t.offset, t.count, grad[alone]), ANL_OK);
        for (int64_t i = 0; i < t.count; i++) grad[alone][i] /= den; /* as the update does */
        close_fixture(&f);
    }
    for (int i = 0; i < 2 * SIDE * SIDE; i++) assert_float_equal(grad[0][i], grad[1][i], 1e-6);
    assert_true(grad[1][0] != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes), cmocka_unit_test(refusals), cmocka_unit_test(same_size), cmocka_unit_test(activated_twice),
                                       cmocka_unit_test(heads_learn), cmocka_unit_test(own_denominators)};
    return cmocka_run_group_tests_name("models/models", tests, NULL, NULL);
}
