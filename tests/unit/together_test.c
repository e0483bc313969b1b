/* What kernels make together: packed parameters that have a function in common, and results that wait aside for the end of the program,
 * here in one call of at most ANL__MOST_COPIES each; what is added to waits for nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "graph/net.h"

enum { LAYERS = ANL__MOST_COPIES + 12, ROWS = 2, WIDTH = 3 };

/* Calls and copies since the last look. */
static int packs, packed, brings, brought;

static int look(int *n)
{
    int was = *n;
    *n = 0;
    return was;
}

/* ---- dense kernels of the reference device's, with weights packed and their gradients aside ------------------- */

static const anl__kernel *under(const char *op)
{
    for (int f = 0; anl__kernel_table[f]; f++)
        for (int i = 0; anl__kernel_table[f][i]; i++)
            if (!strcmp(anl__kernel_table[f][i]->op, op) && !strcmp(anl__kernel_table[f][i]->device, "reference")) return anl__kernel_table[f][i];
    return NULL;
}

static anl_status pack_all(anl_device *dev, const anl__copy *list, int n)
{
    assert_non_null(dev);
    assert_in_range(n, 1, ANL__MOST_COPIES);
    for (int i = 0; i < n; i++) memcpy(list[i].dst, list[i].src, WIDTH * sizeof(float));
    packs++;
    packed += n;
    return ANL_OK;
}

static bool pack(const anl__env *env, const anl__call *c, int in, anl__pack *out)
{
    (void)env;
    (void)c;
    *out = (anl__pack){.key = "copied", .bytes = WIDTH * sizeof(float), .run_all = pack_all};
    return in == 1;
}

static anl_status dense_run(const anl__prepared *p, const anl__run *r) { return under("dense")->run(p, r); }

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    (void)env;
    p->aside = WIDTH * sizeof(float);
    return ANL_OK;
}

static anl_status weight_run(const anl__prepared *p, const anl__run *r)
{
    anl__prepared q = *p;
    anl__run s = *r;
    s.out = &s.aside;
    q.call.accum[0] = false;
    return under("dense_bwd_weight")->run(&q, &s);
}

static anl_status bring(anl_device *dev, const anl__copy *list, int n)
{
    assert_non_null(dev);
    assert_in_range(n, 1, ANL__MOST_COPIES);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < WIDTH; j++) {
            const anl__prepared *p = list[i].state;
            float *to = (float *)list[i].dst + j;
            *to = ((const float *)list[i].src)[j] + (p->call.accum[0] ? *to : 0);
        }
    brings++;
    brought += n;
    return ANL_OK;
}

static const anl__kernel dense = {.op = "dense", .device = "reference", .name = "dense/packed", .rank = 9, .pack = pack, .run = dense_run};
static const anl__kernel weight = {.op = "dense_bwd_weight", .device = "reference", .name = "dense_bwd_weight/aside", .rank = 9, .prepare = prepare, .run = weight_run, .bring = bring};

/* The reference device with these kernels before its own. */
static void open_device(anl_ctx *ctx, anl_device **dev)
{
    static const anl__kernel *const mine[] = {&dense, &weight, NULL};
    static const anl__kernel *const *table[256];
    static anl__device_vt vt;
    anl_device_opts opts = anl_device_opts_default();
    int n = 0;
    assert_int_equal(anl_device_open(ctx, "reference", &opts, dev), ANL_OK);
    table[n++] = mine;
    for (int f = 0; anl__kernel_table[f]; f++) table[n++] = anl__kernel_table[f];
    assert_in_range(n, 2, 255);
    vt = *(*dev)->vt;
    vt.kernels = table;
    (*dev)->vt = &vt;
}

/* ---- a net of many dense layers beside each other, the weights of the first used twice ------------------------ */

static void name_of(char name[24], char what, int layer) { snprintf(name, 24, "%c%d", what, layer); }

static anl_program *build(anl_ctx *ctx, anl_net *net)
{
    anl_graph *g;
    anl_program *p;
    char name[24];
    anl_value first = ANL_NONE;
    assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
    anl_value x = anl_input(g, "x", ANL_F32, 2, (const int64_t[]){ROWS, WIDTH}), dy = anl_input(g, "dy", ANL_F32, 2, (const int64_t[]){ROWS, 1});
    for (int i = 0; i <= LAYERS; i++) {
        name_of(name, 'w', i);
        anl_value w = i < LAYERS ? anl_param(g, name, 2, (const int64_t[]){1, WIDTH}, (anl_init){ANL_INIT_CONSTANT, i + 1}, 0) : first;
        if (i == 0) first = w;
        name_of(name, 'y', i);
        anl_value y = anl_node(g, "dense", name, (const anl_value[]){x, w}, 2, NULL);
        anl_output(g, name, y);
        anl__graph_seed(g, y, dy);
    }
    anl_compile_opts opts = anl_compile_opts_default(g);
    assert_int_equal(anl_program_compile(net, g, &opts, &p), ANL_OK);
    return p;
}

static void check(anl_net *net, const anl_program *p, float bias)
{
    char name[24];
    for (int i = 0; i <= LAYERS; i++) {
        int layer = i % LAYERS;
        name_of(name, 'y', i);
        const float *y = anl_program_output(p, name, NULL, NULL);
        assert_true(y[0] == (1 + 2 + 3) * ((float)layer + 1 + bias) && y[1] == (4 + 5 + 6) * ((float)layer + 1 + bias));
        anl_tensor_info t = anl_net_param(net, layer);
        float dw[WIDTH];
        assert_int_equal(anl_net_slab_read(net, ANL_SLAB_GRAD0, t.offset, WIDTH, dw), ANL_OK);
        for (int j = 0; j < WIDTH; j++) assert_true(dw[j] == (float)((1 + j) * 7 + (4 + j) * 11) * (layer ? 1 : 2));
    }
}

static void many_at_once(void **state)
{
    static const float x[ROWS * WIDTH] = {1, 2, 3, 4, 5, 6}, dy[ROWS] = {7, 11};
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev;
    anl_net *net;
    open_device(ctx, &dev);
    assert_int_equal(anl_net_create(dev, &net), ANL_OK);
    anl_program *p = build(ctx, net);
    assert_int_equal(anl_net_finish(net, 0, 1, false), ANL_OK);
    assert_int_equal(anl_net_init(net, 1), ANL_OK);
    anl_bind b = {.input = {x, dy}};
    for (int run = 0; run < 3; run++) {
        assert_int_equal(anl_program_run(p, &b), ANL_OK);
        check(net, p, 0);
        assert_int_equal(look(&packed), run ? 0 : LAYERS); /* parameters have not changed since */
        assert_int_equal(look(&packs), run ? 0 : 2);
        assert_int_equal(look(&brought), LAYERS + 1);
        assert_int_equal(look(&brings), 2 + 2); /* the two of the first layer alone: one is added to the other */
    }
    for (int i = 0; i < LAYERS; i++) {
        const float w[WIDTH] = {(float)i + 6, (float)i + 6, (float)i + 6};
        assert_int_equal(anl_net_slab_write(net, ANL_SLAB_PARAM, anl_net_param(net, i).offset, WIDTH, w), ANL_OK);
    }
    assert_int_equal(anl_program_run(p, &b), ANL_OK);
    check(net, p, 5);
    assert_int_equal(look(&packed), LAYERS);
    anl_net_destroy(net);
    anl_device_close(dev);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
