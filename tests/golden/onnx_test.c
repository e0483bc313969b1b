/* ONNX's twelve node tests of recurrent operators: eleven give its numbers on every device; the one with
 * peepholes is refused by name, as a layer and as a recipe would ask for it. */
#include "fixture.h"
#include "models/layers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { INPUTS = 5, PLACES = 512 };
static const double TOLERANCE = 2e-6; /* f32 on both sides */

typedef struct node_run {
    anl_net *net;
    anl_program *program;
    anl_bind bind;
    float input[INPUTS][PLACES];
} node_run;

static anl_status compile(node_run *r, anl_ctx *ctx, const golden_case *c, bool batch_first)
{
    static const char *const names[INPUTS] = {"x", "w_ih", "w_hh", "b_ih", "b_hh"};
    anl_value in[INPUTS];
    anl_graph *g;
    char cell[16];
    int n = 0;
    anl_status st = anl_graph_create(ctx, ANL_EVAL, ANL_F32, &g);
    if (st != ANL_OK) return st;
    for (int i = 0; i < INPUTS; i++) {
        const golden_tensor *t = golden_find(c, names[i]);
        in[i] = ANL_NONE;
        if (!t) continue;
        assert_true(t->count <= PLACES);
        for (int64_t k = 0; k < t->count; k++) r->input[n][k] = (float)t->v[k];
        r->bind.input[n] = r->input[n];
        n++;
        in[i] = anl_input(g, names[i], ANL_F32, t->shape.rank, t->shape.dim);
    }
    assert_int_equal(sscanf(c->attrs, "cell=%15s", cell), 1);
    if (batch_first) in[0] = anl_node(g, "transpose", "x.time", in, 1, "perm=1,0,2");
    anl_value y = anl_node(g, "recurrent", "node", in, INPUTS, "cell=%s reset=before", cell),
        hn = anl_node_output(g, y, 1);
    if (batch_first) y = anl_node(g, "transpose", "y.batch", &y, 1, "perm=1,0,2");
    anl_output(g, "y", y);
    anl_output(g, "hn", hn);
    anl_compile_opts o = anl_compile_opts_default(g);
    return anl_program_compile(r->net, g, &o, &r->program);
}

static int compare(const node_run *r, const golden_case *c, const char *name)
{
    const golden_tensor *want = golden_find(c, name);
    anl_shape shape = {0};
    double got[PLACES];
    if (!want) return 0;
    const float *y = anl_program_output(r->program, name, NULL, &shape);
    assert_non_null(y);
    assert_int_equal(anl_shape_count(&shape), want->count);
    for (int64_t k = 0; k < want->count; k++) got[k] = (double)y[k];
    double d = golden_distance(want->count, got, want->v);
    if (d <= TOLERANCE) return 0;
    print_error("%s: %s is off by %.3g (relative)\n", c->name, name, d);
    return 1;
}

static int run_case(anl_ctx *ctx, anl_device *dev, const golden_case *c)
{
    static node_run r;
    memset(&r, 0, sizeof r);
    anl_status st = anl_net_create(dev, &r.net);
    if (st == ANL_OK) st = compile(&r, ctx, c, strstr(c->attrs, "layout=1") != NULL);
    if (st == ANL_OK) st = anl_net_finish(r.net, 0, 1, false);
    if (st == ANL_OK) st = anl_net_init(r.net, 1);
    if (st == ANL_OK) st = anl_program_run(r.program, &r.bind);
    if (st != ANL_OK) print_error("%s: %s\n", c->name, anl_last_error(ctx));
    int bad = st == ANL_OK ? compare(&r, c, "y") + compare(&r, c, "hn") : 1;
    anl_net_destroy(r.net);
    return bad;
}

static void run_device(const char *device)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev;
    golden_case c;
    int bad = 0, passed = 0, refused = 0;
    assert_non_null(ctx);
    if (anl_device_open(ctx, device, NULL, &dev) != ANL_OK) {
        print_message("skipped: %s\n", anl_last_error(ctx));
        anl_ctx_destroy(ctx);
        skip();
    }
    golden_file *f = golden_open("onnx");
    while (golden_next(f, &c)) {
        if (strstr(c.attrs, "peepholes")) refused++; /* below */
        else if (run_case(ctx, dev, &c) == 0) passed++;
        else bad++;
        golden_release(&c);
    }
    golden_close(f);
    anl_device_close(dev);
    anl_ctx_destroy(ctx);
    assert_int_equal(bad, 0);
    assert_int_equal(passed, 11);
    assert_int_equal(refused, 1);
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

static anl_status add_lstm(anl_ctx *ctx, const char *peepholes)
{
    static const int64_t dim[3] = {1, 2, 4};
    anl_graph *g;
    assert_int_equal(anl_graph_create(ctx, ANL_EVAL, ANL_F32, &g), ANL_OK);
    anl_value x = anl_input(g, "x", ANL_F32, 3, dim);
    anl__layer_text(g, "lstm", "rnn", &x, 1, "units=3 peepholes=%s", peepholes);
    anl_status st = anl_graph_status(g);
    anl_graph_destroy(g);
    return st;
}

static void peepholes_are_refused(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    assert_int_equal(add_lstm(ctx, "true"), ANL_UNSUPPORTED);
    assert_non_null(strstr(anl_last_error(ctx), "layer 'rnn' (lstm): there are no peepholes"));
    assert_int_equal(add_lstm(ctx, "false"), ANL_OK);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(on_reference), cmocka_unit_test(on_cpu),
                                       cmocka_unit_test(peepholes_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
