/* embedding on the workers. Forward: rows of the result in slices. Backward: columns of the table in pieces of COLUMNS, each piece
 * adding all rows in order, so that no two tasks meet and the sums do not depend on threads. */
#ifndef T
#include "embedding.h"
#define ANL__CPU_FILE "kernels/embedding/embedding_cpu.c"
enum { COLUMNS = 16 }; /* a cache line of f32 */
#include "kernels/common/cpu_twice.h"

static anl_status fwd_prepare(const anl__env *env, anl__prepared *p)
{
    int64_t n = p->call.out[0].shape.dim[0];
    p->tasks = n < env->slices ? (int)n : env->slices;
    return ANL_OK;
}

static void fwd_task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    const anl__call *c = &p->call;
    anl__lookup l = anl__lookup_of(c, r, &c->out[0].shape, c->in[1].shape.dim[0]);
    int64_t n = c->out[0].shape.dim[0], each = l.samples * l.steps / n;
    (void)worker;
    for (int64_t k = anl__slice_begin(n, p->tasks, t) * each; k < anl__slice_begin(n, p->tasks, t + 1) * each; k++)
        ANL__BY_TYPE(c->out[0].dtype, copy, r->in[1], r->out[0], anl__lookup_row(&l, k), k, l.width);
}

static anl_status bwd_prepare(const anl__env *env, anl__prepared *p)
{
    (void)env;
    p->tasks = (int)((p->call.out[0].shape.dim[1] + COLUMNS - 1) / COLUMNS);
    return ANL_OK;
}

static void bwd_task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    const anl__call *c = &p->call;
    anl__lookup l = anl__lookup_of(c, r, &c->in[1].shape, c->out[0].shape.dim[0]);
    int64_t from = (int64_t)t * COLUMNS, n = l.width - from < COLUMNS ? l.width - from : COLUMNS;
    float *dw = r->out[0];
    (void)worker;
    for (int64_t v = 0; v < l.vocabulary; v++) memset(dw + v * l.width + from, 0, (size_t)n * sizeof *dw);
    for (int64_t k = 0; k < l.samples * l.steps; k++) {
        int64_t v = anl__lookup_row(&l, k);
        if (v >= 0) ANL__BY_TYPE(c->in[1].dtype, add, r->in[1], dw, k * l.width + from, v * l.width + from, n);
    }
}

static const anl__kernel fwd = {.op = "embedding", .device = "cpu", .name = "embedding/cpu", .rank = 10, .supports = anl__cpu_dtype, .prepare = fwd_prepare, .task = fwd_task};
static const anl__kernel bwd = {.op = "embedding_bwd", .device = "cpu", .name = "embedding_bwd/cpu", .rank = 10, .supports = anl__cpu_dtype, .prepare = bwd_prepare, .task = bwd_task};
const anl__kernel *const anl__kernels_embedding_cpu[] = {&fwd, &bwd, NULL};
#else
static void FN(copy)(const float *w, T *y, int64_t v, int64_t k, int64_t n)
{
    for (int64_t j = 0; j < n; j++) y[k * n + j] = v < 0 ? 0 : PUT(w[v * n + j]);
}

static void FN(add)(const T *dy, float *dw, int64_t from, int64_t to, int64_t n)
{
    for (int64_t j = 0; j < n; j++) dw[to + j] += GET(dy[from + j]);
}
#endif
