/* layernorm and groupnorm on the workers, f32 and bf16: samples in slices; dgamma and dbeta are one partial a task, added in a
 * fixed tree. */
#ifndef T
#define ANL__CPU_FILE "kernels/layernorm/layernorm_cpu.c"
#include "kernels/common/cpu.h"
#include "layernorm.h"

#include <math.h>
#define LOAD(p, i) GET((p)[i])
#define STORE(p, i, v) (p)[i] = PUT((float)(v))
#define S float
#include "kernels/common/cpu_twice.h"

static void fwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    anl__rows rows = anl__rows_of(p, &p->call.in[0].shape, task);
    int64_t each = anl__sets_of(&p->call).each;
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, norm_rows, &p->call, r, rows.begin * each, rows.end * each);
}

static anl_status bwd_prepare(const anl__env *env, anl__prepared *p)
{
    ANL_TRY(anl__sliced_prepare(env, p));
    p->workspace = sizeof(double) * 2 * (size_t)anl__sets_of(&p->call).channels * (size_t)p->tasks;
    return ANL_OK;
}

static void bwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    anl__rows rows = anl__rows_of(p, &p->call.in[0].shape, task);
    int64_t each = anl__sets_of(&p->call).each, n = 2 * anl__sets_of(&p->call).channels;
    double *part = (double *)r->ws + n * task;
    (void)worker;
    memset(part, 0, sizeof *part * (size_t)n);
    ANL__BY_TYPE(p->call.in[0].dtype, norm_bwd_rows, &p->call, r, rows.begin * each, rows.end * each, part);
}

static void bwd_finish(const anl__prepared *p, const anl__run *r)
{
    int64_t k = anl__sets_of(&p->call).channels, n = 2 * k;
    double *part = r->ws;
    for (int d = 1; d < p->tasks; d *= 2)
        for (int i = 0; i + d < p->tasks; i += 2 * d)
            for (int64_t j = 0; j < n; j++) part[i * n + j] += part[(i + d) * n + j];
    for (int64_t j = 0; j < k; j++) {
        ((float *)r->out[1])[j] = (float)part[j];
        ((float *)r->out[2])[j] = (float)part[k + j];
    }
}

#define KERNELS(id, op_name)                                                                                                                       \
    static const anl__kernel id = {.op = op_name, .device = "cpu", .name = op_name "/cpu", .rank = 10, .supports = anl__cpu_dtype,                 \
                                   .prepare = anl__sliced_prepare, .task = fwd_task, .samplewise = true};                                          \
    static const anl__kernel id##_bwd = {.op = op_name "_bwd", .device = "cpu", .name = op_name "_bwd/cpu", .rank = 10, .supports = anl__cpu_dtype, \
                                         .prepare = bwd_prepare, .task = bwd_task, .finish = bwd_finish, .samplewise = true, .finish_outs = 6};
KERNELS(layer, "layernorm")
KERNELS(group, "groupnorm")
const anl__kernel *const anl__kernels_layernorm_cpu[] = {&layer, &layer_bwd, &group, &group_bwd, NULL};
#else
#include "layernorm_body.h"
#endif
