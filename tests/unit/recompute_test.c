/* The recompute pass alone, on small graphs: what is cloned and what is not, where the clone stands and who reads it; and that
 * whole models then need less memory. (tests/train/same_bits has the bits.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "graph/net.h"
#include "graph/passes.h"
#include "models/model.h"

enum { ROWS = 4, WIDTH = 6 };

/* x, dense, the layers between, dense, a loss; differentiated and passed through recompute. */
static anl_graph *differentiated(anl_ctx *ctx, const char *const *between)
{
    anl_graph *g;
    int64_t x_dim[2] = {ROWS, WIDTH}, y_dim[1] = {ROWS};
    anl_value *grad_of;
    assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
    anl_value x = anl_input(g, "x", ANL_F32, 2, x_dim), label = anl_input(g, "label", ANL_I32, 1, y_dim);
    x = anl__layer_text(g, "dense", "first", &x, 1, "units=%d", WIDTH);
    for (int i = 0; between[i]; i++) x = anl__layer_text(g, between[i], between[i], &x, 1, "%s", !strcmp(between[i], "dropout") ? "p=0.5" : "");
    x = anl__layer_text(g, "dense", "second", &x, 1, "units=%d", WIDTH);
    anl_value in[2] = {x, label}, num = anl_node(g, "softmax_cross_entropy", "ce", in, 2, NULL);
    anl_loss(g, "loss", num, anl_node_output(g, num, 1), 1);
    anl__pass_autodiff(g, &grad_of);
    anl__pass_recompute(g);
    if (anl_graph_status(g) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    return g;
}

/* Node numbers of an operator's first use and of its clone; -1: none. */
static void find_both(const anl_graph *g, const char *op, int *first, int *clone)
{
    *first = *clone = -1;
    for (int64_t k = 0; k < g->n_node; k++) {
        if (strcmp(g->node[k].op->name, op)) continue;
        *(g->node[k].backward ? clone : first) = (int)k;
    }
}

/* Every node stands behind what it reads, and every value knows its node. */
static void assert_order(const anl_graph *g)
{
    for (int64_t k = 0; k < g->n_node; k++) {
        for (int i = 0; i < g->node[k].n_in; i++)
            if (g->node[k].in[i] != ANL_NONE) assert_true(g->value[g->node[k].in[i]].node < k);
        for (int j = 0; j < g->node[k].n_out; j++) assert_int_equal(g->value[g->node[k].out[j]].node, k);
    }
}

/* gelu's input is read by its gradient: the output, which only the next layer's gradient reads, is made anew right before it. */
static void clones(void **state)
{
    static const char *const ops[] = {"gelu", NULL}, *const two[] = {"gelu", "dropout", NULL};
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl_graph *g = differentiated(ctx, ops);
    int first, clone, readers = 0;
    find_both(g, "gelu", &first, &clone);
    assert_true(first >= 0 && clone > first);
    assert_string_equal(g->node[first].name, g->node[clone].name);
    assert_int_equal(g->node[first].in[0], g->node[clone].in[0]);
    assert_order(g);
    for (int64_t k = 0; k < g->n_node; k++)
        for (int i = 0; i < g->node[k].n_in; i++) {
            if (g->node[k].backward) assert_int_not_equal(g->node[k].in[i], g->node[first].out[0]);
            if (g->node[k].in[i] == g->node[clone].out[0]) {
                if (!readers++) assert_int_equal(k, clone + 1);
            }
        }
    assert_true(readers > 0);
    anl_graph_destroy(g);
    g = differentiated(ctx, two); /* what gelu gives is read by no gradient: it is made anew for dropout's clone */
    find_both(g, "gelu", &first, &clone);
    int drop, drop_clone;
    find_both(g, "dropout", &drop, &drop_clone);
    assert_true(first >= 0 && clone > first);
    assert_int_equal(drop_clone, clone + 1);
    assert_int_equal(g->node[drop_clone].in[0], g->node[clone].out[0]);
    assert_order(g);
    anl_graph_destroy(g);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

/* relu's gradient reads its output: its input is kept by nobody, and to keep that instead would gain nothing. */
static void leaves(void **state)
{
    static const char *const ops[] = {"relu", NULL}, *const kept[] = {"relu", "dropout", NULL};
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl_graph *g = differentiated(ctx, ops);
    int first, clone;
    find_both(g, "relu", &first, &clone);
    assert_true(first >= 0);
    assert_int_equal(clone, -1);
    anl_graph_destroy(g);
    g = differentiated(ctx, kept); /* but what dropout makes of it can be made anew */
    find_both(g, "dropout", &first, &clone);
    assert_true(first >= 0 && clone > first);
    assert_string_equal(g->node[first].name, g->node[clone].name); /* the mask's key */
    assert_order(g);
    anl_graph_destroy(g);
    for (int n = 1; n < 1000; n++) { /* and no memory for the pass is an error, not a half-made graph */
        anl__inject(ctx, ANL__INJECT_ALLOC, 0);
        anl_value *grad_of;
        int64_t dim[2] = {ROWS, WIDTH}, y_dim[1] = {ROWS};
        assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
        anl_value x = anl_input(g, "x", ANL_F32, 2, dim), label = anl_input(g, "label", ANL_I32, 1, y_dim);
        x = anl__layer_text(g, "dense", "a", &x, 1, "units=8");
        x = anl__layer_text(g, "gelu", "b", &x, 1, "%s", "");
        x = anl__layer_text(g, "dense", "c", &x, 1, "units=3");
        anl_value in[2] = {x, label}, num = anl_node(g, "softmax_cross_entropy", "ce", in, 2, NULL);
        anl_loss(g, "loss", num, anl_node_output(g, num, 1), 1);
        anl__pass_autodiff(g, &grad_of);
        anl__inject(ctx, ANL__INJECT_ALLOC, n);
        anl__pass_recompute(g);
        anl__inject(ctx, ANL__INJECT_ALLOC, 0);
        anl_status st = anl_graph_status(g);
        anl_graph_destroy(g);
        assert_int_equal(anl__live_blocks(ctx), 0);
        if (st == ANL_OK) {
            assert_true(n > 1);
            break;
        }
        assert_int_equal(st, ANL_NOMEM);
    }
    anl_ctx_destroy(ctx);
}

static size_t arena_of(anl_ctx *ctx, const char *model, bool recompute)
{
    anl_device_opts d = anl_device_opts_default();
    anl_model_opts m = anl_model_opts_default();
    anl_device *dev;
    anl_net *net;
    anl_graph *g;
    anl_program *p;
    m.name = model;
    m.height = m.width = 16;
    m.channels = 3;
    m.depth = 14;
    assert_int_equal(anl_device_open(ctx, "reference", &d, &dev), ANL_OK);
    assert_int_equal(anl_net_create(dev, &net), ANL_OK);
    assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
    anl_model_build(g, &m, (anl__size){8, 0});
    anl_compile_opts o = anl_compile_opts_default(g);
    o.recompute = recompute;
    if (anl_program_compile(net, g, &o, &p) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    size_t bytes = p->stats.arena_bytes;
    anl_net_destroy(net);
    anl_device_close(dev);
    return bytes;
}

static void less_memory(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    size_t kept = arena_of(ctx, "resnet-cifar", false), made = arena_of(ctx, "resnet-cifar", true);
    if (made > kept * 8 / 10) fail_msg("resnet-cifar: %zu bytes, %zu with recompute", kept, made);
    assert_true(arena_of(ctx, "cnn2", true) <= arena_of(ctx, "cnn2", false));
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clones), cmocka_unit_test(leaves), cmocka_unit_test(less_memory)};
    return cmocka_run_group_tests_name("unit/recompute", tests, NULL, NULL);
}
