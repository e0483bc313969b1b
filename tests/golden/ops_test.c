/* Operators and their gradients against PyTorch's numbers, in double on the reference device. */
#include "fixture.h"
#include "graph/graph.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double TOLERANCE = 2e-8; /* the files have nine digits */

typedef struct op_run {
    anl_ctx *ctx;
    anl_device *dev;
    anl_net *net;
    anl_program *program;
    anl_bind bind;
    void *mem[ANL_MAX_INPUTS];
    int n;
} op_run;

static anl_dtype type_of(const golden_tensor *t) { return t->kind == 'i' ? ANL_I32 : ANL_F64; }

/* Adds a graph input and its memory. */
static anl_value add_input(op_run *r, anl_graph *g, const golden_tensor *t)
{
    void *p = calloc((size_t)t->count + 1, 8);
    assert_non_null(p);
    for (int64_t i = 0; i < t->count; i++)
        if (t->kind == 'i') ((int32_t *)p)[i] = (int32_t)t->v[i];
        else ((double *)p)[i] = t->v[i];
    r->mem[r->n] = p;
    r->bind.input[r->n++] = p;
    return anl_input(g, t->name, type_of(t), t->shape.rank, t->shape.dim);
}

static anl_status build(op_run *r, const golden_case *c)
{
    anl_graph *g;
    anl_value in[ANL__MAX_IN];
    int n = 0;
    ANL_TRY(anl_graph_create(r->ctx, ANL_TRAIN, ANL_F64, &g));
    for (const golden_tensor *t; (t = golden_numbered(c, "in", n)); n++) in[n] = t->kind == '-' ? ANL_NONE : add_input(r, g, t);
    anl_value y = anl_node(g, c->op, "node", in, n, "%s", c->attrs);
    for (int j = 0; golden_numbered(c, "out", j); j++) anl_output(g, golden_numbered(c, "out", j)->name, anl_node_output(g, y, j));
    for (int i = 0; i < n; i++)
        if (golden_numbered(c, "grad", i)) anl__graph_want_grad(g, in[i]);
    double one[1] = {1};
    golden_tensor unit = {.name = "dy", .kind = 'f', .shape = anl_value_shape(g, y), .count = 1, .v = one};
    const golden_tensor *dy = golden_find(c, "dy");
    if (anl_graph_status(g) == ANL_OK) anl__graph_seed(g, y, add_input(r, g, dy ? dy : &unit));
    for (int j = 1; anl_graph_status(g) == ANL_OK && golden_numbered(c, "dy", j); j++)
        anl__graph_seed(g, anl_node_output(g, y, j), add_input(r, g, golden_numbered(c, "dy", j)));
    anl_compile_opts o = anl_compile_opts_default(g);
    o.rewrite = false;
    o.backward = true;
    return anl_program_compile(r->net, g, &o, &r->program);
}

static int compare(const op_run *r, const golden_case *c, const char *output, const golden_tensor *want)
{
    anl_dtype type = ANL_U8;
    anl_shape shape = {0};
    const double *got = anl_program_output(r->program, output, &type, &shape);
    if (!got || type != ANL_F64 || anl_shape_count(&shape) != want->count) {
        print_error("%s: %s is missing or of another shape or type\n", c->name, output);
        return 1;
    }
    double d = golden_distance(want->count, got, want->v);
    if (d <= TOLERANCE) return 0;
    print_error("%s: %s is off by %.3g (relative)\n", c->name, output, d);
    return 1;
}

static int run_case(anl_ctx *ctx, anl_device *dev, const golden_case *c)
{
    op_run r = {.ctx = ctx, .dev = dev};
    int bad = 0;
    anl_status st = anl_net_create(dev, &r.net);
    if (st == ANL_OK) st = build(&r, c);
    if (st == ANL_OK) st = anl_net_finish(r.net, 0, 1, false);
    if (st == ANL_OK) st = anl_net_init(r.net, 1);
    if (st == ANL_OK) st = anl_program_run(r.program, &r.bind);
    if (st != ANL_OK) {
        print_error("%s (%s): %s\n", c->name, c->op, anl_last_error(ctx));
        bad = 1;
    }
    for (int i = 0; i < c->n && st == ANL_OK; i++) {
        char name[32];
        const char *t = c->t[i].name;
        if (!strncmp(t, "out", 3)) bad += compare(&r, c, t, &c->t[i]);
        if (strncmp(t, "grad", 4)) continue;
        snprintf(name, sizeof name, "grad.in%s", t + 4);
        bad += compare(&r, c, name, &c->t[i]);
    }
    anl_net_destroy(r.net);
    for (int i = 0; i < r.n; i++) free(r.mem[i]);
    return bad;
}

static void run_group(const char *group)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev;
    golden_case c;
    int bad = 0, n = 0;
    assert_non_null(ctx);
    assert_int_equal(anl_device_open(ctx, "reference", NULL, &dev), ANL_OK);
    golden_file *f = golden_open(group);
    for (; golden_next(f, &c); n++) {
        bad += run_case(ctx, dev, &c);
        golden_release(&c);
    }
    golden_close(f);
    anl_device_close(dev);
    anl_ctx_destroy(ctx);
    assert_true(n > 0);
    assert_int_equal(bad, 0);
}

#define GROUP(name)                   \
    static void name(void **state)    \
    {                                 \
        (void)state;                  \
        run_group(#name);             \
    }
GROUP(convolutions)
GROUP(norms)
GROUP(activations)
GROUP(pools)
GROUP(moves)
GROUP(gather)
GROUP(recurrent)
GROUP(attention)
GROUP(losses)
GROUP(ctc)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(convolutions), cmocka_unit_test(norms), cmocka_unit_test(activations), cmocka_unit_test(pools),
                                       cmocka_unit_test(moves), cmocka_unit_test(gather), cmocka_unit_test(recurrent), cmocka_unit_test(attention), cmocka_unit_test(losses), cmocka_unit_test(ctc)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
