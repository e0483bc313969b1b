/* Recurrent and other layers over time, and an encoder with decoder, as models/ builds them, against
 * PyTorch: results, states, gradients, and the losses of twenty steps of SGD, on every device. Parameters
 * have the names they have in a checkpoint. */
#include "fixture.h"
#include "graph/graph.h"
#include "models/model.h"
#include "models/recurrent.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 20, PLACES = 2048 };
static const double TOLERANCE = 1e-5, CURVE = 5e-5; /* f32, once and over twenty steps */

typedef struct layer_run {
    anl_ctx *ctx;
    anl_net *net;
    anl_program *program;
    anl_bind bind;
    int n;
    union { float f[PLACES]; int32_t i[PLACES]; } input[4];
} layer_run;

static anl_value add_input(layer_run *r, anl_graph *g, const golden_tensor *t)
{
    assert_non_null(t);
    assert_true(t->count <= PLACES && r->n < 4);
    for (int64_t k = 0; k < t->count; k++)
        if (t->kind == 'i') r->input[r->n].i[k] = (int32_t)t->v[k];
        else r->input[r->n].f[k] = (float)t->v[k];
    r->bind.input[r->n] = &r->input[r->n];
    r->n++;
    return g ? anl_input(g, t->name, t->kind == 'i' ? ANL_I32 : ANL_F32, t->shape.rank, t->shape.dim)
        : ANL_NONE;
}

static float rate_of(const golden_case *c)
{
    const char *at = strstr(c->attrs, "lr=");
    assert_non_null(at);
    return strtof(at + 3, NULL);
}

static void layers_graph(layer_run *r, anl_graph *g, const golden_case *c)
{
    char cell[16], reset[16], name[16];
    int layers, both;
    assert_int_equal(sscanf(c->attrs, "cell=%15s reset=%15s layers=%d bidirectional=%d", cell, reset,
                            &layers, &both), 4);
    anl__recurrent_opts o = {.cell = cell, .reset = reset,
                             .units = golden_find(c, "y")->shape.dim[2] / (1 + both), .layers = layers,
                             .bidirectional = both != 0};
    anl__recurrent_state last;
    anl_value x = add_input(r, g, golden_find(c, "x")),
        in[2] = {ANL_NONE, add_input(r, g, golden_find(c, "target"))};
    anl_value lengths = golden_find(c, "lengths") ? add_input(r, g, golden_find(c, "lengths")) : ANL_NONE;
    in[0] = anl__recurrent(g, "rnn", &o, x, lengths, NULL, &last);
    anl_output(g, "y", in[0]);
    for (int i = 0; i < anl__recurrent_cells(&o); i++) {
        snprintf(name, sizeof name, "hn%d", i);
        anl_output(g, name, last.h[i]);
        snprintf(name, sizeof name, "cn%d", i);
        if (anl__recurrent_has_c(&o)) anl_output(g, name, last.c[i]);
    }
    anl__graph_want_grad(g, x);
    anl_value num = anl_node(g, "mse", "loss", in, 2, NULL);
    anl_loss(g, "loss", num, anl_node_output(g, num, 1), 1);
}

/* Of one type: "type arguments lr=.." */
static void layer_graph(layer_run *r, anl_graph *g, const golden_case *c)
{
    char type[32], args[128];
    assert_int_equal(sscanf(c->attrs, "%31s %127[^\n]", type, args), 2);
    *strstr(args, "lr=") = 0;
    anl_value x = add_input(r, g, golden_find(c, "x")), target = add_input(r, g, golden_find(c, "target")),
        in[2] = {x, ANL_NONE};
    if (golden_find(c, "lengths")) in[1] = add_input(r, g, golden_find(c, "lengths"));
    anl_value both[2] = {anl__layer_text(g, type, "layer", in, in[1] == ANL_NONE ? 1 : 2, "%s", args),
                         target};
    anl_output(g, "y", both[0]);
    if (golden_find(c, "d.x")) anl__graph_want_grad(g, x);
    anl_value num = anl_node(g, "mse", "loss", both, 2, NULL);
    anl_loss(g, "loss", num, anl_node_output(g, num, 1), 1);
}

static void seq2seq_graph(layer_run *r, anl_graph *g, const golden_case *c)
{
    static const char *const inputs[] = {"source", "source_length", "given", "wanted"};
    char cell[16], attention[16];
    int both, layers;
    assert_int_equal(sscanf(c->attrs, "cell=%15s attention=%15s bidirectional=%d layers=%d", cell, attention,
                            &both, &layers), 4);
    for (int i = 0; i < 4; i++) add_input(r, NULL, golden_find(c, inputs[i]));
    const anl_shape *source = &golden_find(c, "source")->shape, *wanted = &golden_find(c, "wanted")->shape,
        *embed = &golden_find(c, "source.embed.weight")->shape;
    const int64_t length[1][2] = {{source->dim[1], wanted->dim[1]}};
    anl_model_opts m = anl_model_opts_default();
    m.name = "seq2seq";
    m.seq.cell = cell;
    m.seq.attention = attention;
    m.seq.bidirectional = both != 0;
    m.seq.layers = layers;
    m.seq.heads = 2;
    m.seq.vocabulary = m.seq.target_vocabulary = embed->dim[0];
    m.seq.embed = embed->dim[1];
    m.seq.units = golden_find(c, "encoder.weight_hh_l0")->shape.dim[1];
    m.seq.length = length;
    m.seq.variants = 1;
    anl_model_build(g, &m, (anl__size){source->dim[0], 0});
}

static anl_status compile(layer_run *r, const golden_case *c)
{
    anl_graph *g;
    anl_status st = anl_graph_create(r->ctx, ANL_TRAIN, ANL_F32, &g);
    if (st != ANL_OK) return st;
    if (!strcmp(c->op, "layers")) layers_graph(r, g, c);
    else if (!strcmp(c->op, "layer")) layer_graph(r, g, c);
    else seq2seq_graph(r, g, c);
    anl_compile_opts o = anl_compile_opts_default(g);
    return anl_program_compile(r->net, g, &o, &r->program);
}

/* How far `n` numbers of the program's output are from a tensor's, from its place `from` on. */
static double output_distance(const layer_run *r, const char *name, const golden_tensor *t, int64_t from,
                              int64_t n)
{
    static double got[PLACES];
    anl_shape shape;
    anl_dtype type;
    const float *y = anl_program_output(r->program, name, &type, &shape);
    if (!y || type != ANL_F32 || anl_shape_count(&shape) != n || from + n > t->count || n > PLACES)
        return INFINITY;
    for (int64_t k = 0; k < n; k++) got[k] = (double)y[k];
    return golden_distance(n, got, t->v + from);
}

static int too_far(const golden_case *c, const char *what, double distance, double most)
{
    if (distance <= most) return 0;
    print_error("%s: %s is off by %.3g (relative)\n", c->name, what, distance);
    return 1;
}

/* What one run of a layer gives, and the gradient of its input. */
static int check_layer(const layer_run *r, const golden_case *c)
{
    static const char *const states[] = {"hn", "cn"};
    const golden_tensor *y = golden_find(c, "y"), *dx = golden_find(c, "d.x");
    int bad = too_far(c, "y", output_distance(r, "y", y, 0, y->count), TOLERANCE);
    if (dx) bad += too_far(c, "d.x", output_distance(r, "grad.x", dx, 0, dx->count), TOLERANCE);
    for (int k = 0; k < 2; k++) {
        const golden_tensor *t = golden_find(c, states[k]);
        for (int64_t i = 0; t && i < t->shape.dim[0]; i++) {
            char name[16];
            int64_t n = t->count / t->shape.dim[0];
            snprintf(name, sizeof name, "%s%d", states[k], (int)i);
            bad += too_far(c, name, output_distance(r, name, t, i * n, n), TOLERANCE);
        }
    }
    return bad;
}

static int check_gradients(const layer_run *r, const golden_case *c, const float *grad)
{
    static double got[GOLDEN_MOST];
    int bad = 0;
    for (int i = 0; i < anl_net_param_count(r->net); i++) {
        anl_tensor_info info = anl_net_param(r->net, i);
        char name[64];
        snprintf(name, sizeof name, "d.%s", info.name);
        const golden_tensor *t = golden_find(c, name);
        assert_non_null(t);
        for (int64_t k = 0; k < info.count; k++) got[k] = (double)grad[info.offset + k];
        bad += too_far(c, name, golden_distance(info.count, got, t->v), TOLERANCE);
    }
    return bad;
}

static int run_case(anl_ctx *ctx, anl_device *dev, const golden_case *c)
{
    static float p[GOLDEN_MOST], v[GOLDEN_MOST], grad[GOLDEN_MOST];
    static layer_run r;
    double curve[STEPS] = {0};
    int bad = 0;
    memset(&r, 0, sizeof r);
    memset(p, 0, sizeof p);
    memset(v, 0, sizeof v);
    r.ctx = ctx;
    anl_status st = anl_net_create(dev, &r.net);
    if (st == ANL_OK) st = compile(&r, c);
    if (st == ANL_OK) st = anl_net_finish(r.net, 0, 1, false);
    if (st == ANL_OK) st = anl_net_init(r.net, 1);
    if (st == ANL_OK) st = golden_load(r.net, c, p);
    for (int k = 0; k < STEPS && st == ANL_OK; k++) {
        st = golden_step(r.net, r.program, &r.bind, rate_of(c), 0, p, v, grad, &curve[k]);
        if (st != ANL_OK || k) continue;
        if (golden_find(c, "y")) bad += check_layer(&r, c);
        bad += check_gradients(&r, c, grad);
    }
    if (st == ANL_OK)
        bad += too_far(c, "the curve", golden_distance(STEPS, curve, golden_find(c, "loss")->v), CURVE);
    else print_error("%s: %s\n", c->name, anl_last_error(ctx));
    anl_net_destroy(r.net);
    return bad + (st != ANL_OK);
}

static void run_group(const char *group, const char *device, int cases)
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
    golden_file *f = golden_open(group);
    for (; golden_next(f, &c); n++) {
        bad += run_case(ctx, dev, &c);
        golden_release(&c);
    }
    golden_close(f);
    anl_device_close(dev);
    anl_ctx_destroy(ctx);
    assert_int_equal(n, cases);
    assert_int_equal(bad, 0);
}

#define GROUP(name, device, cases)         \
    static void name##_##device(void **state) \
    {                                      \
        (void)state;                       \
        run_group(#name, #device, cases);  \
    }
GROUP(layers, reference, 40)
GROUP(layers, cpu, 40)
GROUP(over_time, reference, 12)
GROUP(over_time, cpu, 12)
GROUP(seq2seq, reference, 6)
GROUP(seq2seq, cpu, 6)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(layers_reference), cmocka_unit_test(layers_cpu),
                                       cmocka_unit_test(over_time_reference), cmocka_unit_test(over_time_cpu),
                                       cmocka_unit_test(seq2seq_reference), cmocka_unit_test(seq2seq_cpu)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
