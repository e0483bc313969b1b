/* bias and its gradient on the workers. The gradient is one partial sum a task, added in a fixed tree. */
#ifndef T
#define ANL__CPU_FILE "kernels/bias/bias_cpu.c"
#include "kernels/common/cpu_twice.h"

static void bias_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const anl__call *c = &p->call;
    anl__rows rows = anl__rows_of(p, &c->in[0].shape, task);
    (void)worker;
    ANL__BY_TYPE(c->in[0].dtype, bias, c, r, rows.begin * rows.each, (rows.end - rows.begin) * rows.each);
}

/* A vector is one row. */
static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    ANL_TRY(anl__sliced_prepare(env, p));
    if (p->call.in[0].shape.rank == 1) p->tasks = 1;
    return ANL_OK;
}

static anl_status grad_prepare(const anl__env *env, anl__prepared *p)
{
    ANL_TRY(prepare(env, p));
    p->workspace = sizeof(float) * (size_t)(p->call.out[0].shape.dim[0] * p->tasks);
    return ANL_OK;
}

static void grad_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    int64_t k = p->call.out[0].shape.dim[0];
    anl__rows rows = anl__rows_of(p, &p->call.in[0].shape, task);
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, sums, r->in[0], rows.begin * rows.each,
                 (rows.end - rows.begin) * rows.each / k, k, (float *)r->ws + task * k);
}

static void grad_finish(const anl__prepared *p, const anl__run *r)
{
    int64_t k = p->call.out[0].shape.dim[0];
    float *db = r->out[0], *part = r->ws;
    anl__tree_add(part, p->tasks, k);
    for (int64_t j = 0; j < k; j++) db[j] = p->call.accum[0] ? db[j] + part[j] : part[j];
}

static const anl__kernel bias = {.op = "bias", .device = "cpu", .name = "bias/cpu", .rank = 10,
                                 .supports = anl__cpu_dtype, .prepare = prepare,
                                 .task = bias_task, .samplewise = true, .inplace = {1}};
static const anl__kernel bias_grad = {.op = "bias_grad", .device = "cpu", .name = "bias_grad/cpu",
                                      .rank = 10, .supports = anl__cpu_dtype, .prepare = grad_prepare,
                                      .task = grad_task, .finish = grad_finish, .samplewise = true, .finish_outs = 1};
const anl__kernel *const anl__kernels_bias_cpu[] = {&bias, &bias_grad, NULL};
#else
#include "kernels/common/columns.h"

ANL__CLONES static void FN(add_tiles)(const T *x, T *y, const float *b, int64_t length, int64_t n)
{
    for (int64_t i = 0; i < n; i += length, x += length, y += length) {
        int64_t m = n - i < length ? n - i : length;
        ANL__LANES for (int64_t j = 0; j < m; j++) y[j] = PUT(GET(x[j]) + b[j]);
    }
}

static void FN(bias)(const anl__call *c, const anl__run *r, int64_t from, int64_t n)
{
    float space[ANL__TILE];
    int64_t k = anl_shape_count(&c->in[1].shape);
    FN(add_tiles)((const T *)r->in[0] + from, (T *)r->out[0] + from, anl__tile(r->in[1], k, space),
                  anl__tile_length(k), n);
}

static void FN(sums)(const T *dy, int64_t from, int64_t rows, int64_t k, float *sum)
{
    FN(column_sums)(dy + from, rows, k, sum);
}
#endif
