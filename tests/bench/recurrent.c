/* Forward and backward of one recurrent layer on the cpu device, beside the arithmetic bound: its flops at the rate of a product
 * whose operands stay in the nearest cache, on all threads, measured between the runs. Weights are plain inputs, so that packing
 * them is in the time, as it is once a training step. One JSON line a shape.
 *
 * Usage: recurrent_bench [f32|bf16] [threads] [seconds a shape] [number of one shape]; `tests/bench/recurrent` runs it beside PyTorch. */
#include "base/pool.h"
#include "device.h"
#include "graph/graph.h"
#include "kernels/common/product.h"
#include "tests/common/timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 400 };
typedef struct shape { const char *cell; int64_t gates, t, n, i, h; } shape;
static const shape shapes[] = {{"lstm", 4, 128, 32, 512, 512}, {"lstm", 4, 48, 64, 1, 64}, {"lstm", 4, 48, 64, 64, 64},
                               {"gru", 3, 12, 64, 256, 256},   {"gru", 3, 48, 64, 256, 256}, {"rnn_tanh", 1, 64, 32, 256, 256},
                               {"gru", 3, 1, 64, 512, 256}};

static void *filled(anl_dtype t, int64_t n)
{
    void *p = calloc((size_t)n, anl_dtype_size(t));
    if (!p) exit(1);
    for (int64_t i = 0; i < n; i++) {
        float v = (float)(i * 7919 % 101 - 50) / 640;
        uint32_t u;
        memcpy(&u, &v, 4);
        if (t == ANL_F32) ((float *)p)[i] = v;
        else ((uint16_t *)p)[i] = (uint16_t)(u >> 16);
    }
    return p;
}

typedef struct peak { const anl__product *isa; float *mem; } peak;
static void peak_task(void *arg, int task, int worker)
{
    const peak *p = arg;
    float *m = p->mem + (size_t)worker * 16384;
    (void)task;
    for (int i = 0; i < 40; i++) anl__product_rows(p->isa, 24, 64, m, 64, m + 2048, 4, m + 8192, 64, false);
}

/* flop/s of all threads, as they are just now */
static double peak_rate(anl__pool *pool, const peak *p)
{
    int n = 4 * anl__pool_size(pool);
    double t = now();
    anl__pool_run(pool, n, peak_task, (void *)(uintptr_t)p);
    return n * 40 * 2.0 * 24 * 64 * 64 / (now() - t);
}

static void die(anl_ctx *ctx, anl_status st)
{
    if (st == ANL_OK) return;
    fprintf(stderr, "%s\n", anl_last_error(ctx));
    exit(1);
}

static anl_value add_input(anl_graph *g, anl_bind *b, int *n, const char *name, anl_dtype t, int rank, const int64_t *dim)
{
    anl_shape s = {.rank = rank};
    memcpy(s.dim, dim, sizeof *dim * (size_t)rank);
    b->input[(*n)++] = filled(t, anl_shape_count(&s));
    anl_value v = anl_input(g, name, t, rank, dim);
    anl__graph_want_grad(g, v);
    return v;
}

static void bench(anl_ctx *ctx, anl_device *dev, const shape *s, anl_dtype t, double seconds)
{
    anl_net *net;
    anl_graph *g;
    anl_program *forward, *both;
    anl_bind b = {.grad_slab = 0};
    const int64_t GH = s->gates * s->h;
    die(ctx, anl_net_create(dev, &net));
    for (int back = 0; back < 2; back++) {
        int n = 0;
        die(ctx, anl_graph_create(ctx, ANL_TRAIN, t, &g));
        anl_value in[5] = {add_input(g, &b, &n, "x", t, 3, (const int64_t[]){s->t, s->n, s->i}), add_input(g, &b, &n, "wi", ANL_F32, 2, (const int64_t[]){GH, s->i}),
                           add_input(g, &b, &n, "wh", ANL_F32, 2, (const int64_t[]){GH, s->h}), add_input(g, &b, &n, "bi", ANL_F32, 1, &GH),
                           add_input(g, &b, &n, "bh", ANL_F32, 1, &GH)};
        anl_value y = anl_node(g, "recurrent", "layer", in, 5, "cell=%s", s->cell);
        anl_output(g, "y", y);
        if (back) anl__graph_seed(g, y, add_input(g, &b, &n, "dy", t, 3, (const int64_t[]){s->t, s->n, s->h}));
        anl_compile_opts o = anl_compile_opts_default(g);
        o.backward = back;
        die(ctx, anl_program_compile(net, g, &o, back ? &both : &forward));
    }
    die(ctx, anl_net_finish(net, 0, 1, false));
    die(ctx, anl_net_init(net, 1));
    double time[2][MOST], rate[MOST];
    peak p = {anl__product_best(), filled(ANL_F32, 16384 * anl__pool_size(dev->pool))};
    int n = 0;
    for (double start = now(); n < MOST && (n < 5 || now() - start < seconds); n++) {
        rate[n] = peak_rate(dev->pool, &p);
        for (int k = 0; k < 2; k++) {
            double from = now();
            die(ctx, anl_program_run(k ? both : forward, &b));
            time[k][n] = now() - from;
        }
    }
    for (int k = 0; k < 2; k++) qsort(time[k], (size_t)n, sizeof(double), by_size);
    qsort(rate, (size_t)n, sizeof(double), by_size);
    double flops = 6.0 * (double)(s->t * s->n) * (double)GH * (double)(s->i + s->h);
    printf("{\"shape\": \"%s T%d N%d I%d H%d\", \"forward_ms\": %.3f, \"ms_median\": %.3f, \"ms_least\": %.3f, \"bound_ms\": %.3f, \"gflops\": %.1f, \"runs\": %d}\n",
           s->cell, (int)s->t, (int)s->n, (int)s->i, (int)s->h, time[0][n / 2] * 1e3, time[1][n / 2] * 1e3, time[1][0] * 1e3, flops / rate[n - 1 - n / 10] * 1e3,
           flops / time[1][n / 2] * 1e-9, n);
    fflush(stdout);
    free(p.mem);
    anl_net_destroy(net);
}

int main(int argc, char **argv)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev;
    anl_device_opts o = anl_device_opts_default();
    o.threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 2;
    if (!ctx) return 1;
    die(ctx, anl_device_open(ctx, "cpu", &o, &dev));
    unsigned mode = anl__pool_float_mode();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (argc < 5 || strtoul(argv[4], NULL, 10) == i) bench(ctx, dev, &shapes[i], argc > 1 && !strcmp(argv[1], "bf16") ? ANL_BF16 : ANL_F32, argc > 3 ? strtod(argv[3], NULL) : 2);
    anl__pool_float_restore(mode);
    anl_device_close(dev);
    anl_ctx_destroy(ctx);
    return 0;
}
