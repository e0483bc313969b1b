/* The cpu kernels of recurrent: step by step with packed weights (recurrent_cpu.h), and here every case, plainly: sequences in slices; the weights' gradients are one partial a slice,
 * added in a fixed tree. */
#ifndef T
#define ANL__CPU_FILE "kernels/recurrent/recurrent_cpu.c"
#include "kernels/common/cpu.h"
#include "recurrent_cpu.h"
#include "recurrent_plain.h"

#include <math.h>
#define LOAD(p, i) GET((p)[i])
#define STORE(p, i, v) (p)[i] = PUT((float)(v))
#define S float
#include "kernels/common/cpu_twice.h"

static int slices_of(const anl__env *env, const anl__recurrence *k) { return k->batch < env->slices ? (int)k->batch : env->slices; }

static anl_status fwd_prepare(const anl__env *env, anl__prepared *p)
{
    anl__recurrence k = anl__recurrence_of(&p->call);
    p->tasks = slices_of(env, &k);
    p->workspace = sizeof(double) * (size_t)anl__plain_space(&k) * (size_t)p->tasks;
    return ANL_OK;
}

static void fwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    anl__recurrence k = anl__recurrence_of(&p->call);
    double *space = (double *)r->ws + anl__plain_space(&k) * task;
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, sequences, &p->call, r, anl__slice_begin(k.batch, p->tasks, task), anl__slice_begin(k.batch, p->tasks, task + 1), space);
}

static anl_status bwd_prepare(const anl__env *env, anl__prepared *p)
{
    anl__recurrence k = anl__recurrence_of(&p->call);
    p->tasks = slices_of(env, &k);
    p->workspace = sizeof(double) * (size_t)(anl__plain_sums(&k) + anl__plain_back_space(&k)) * (size_t)p->tasks;
    return ANL_OK;
}

static void bwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    anl__recurrence k = anl__recurrence_of(&p->call);
    int64_t n = anl__plain_sums(&k);
    double *sums = (double *)r->ws + n * task, *space = (double *)r->ws + n * p->tasks + anl__plain_back_space(&k) * task;
    (void)worker;
    memset(sums, 0, sizeof *sums * (size_t)n);
    ANL__BY_TYPE(p->call.in[0].dtype, sequences_back, &p->call, r, anl__slice_begin(k.batch, p->tasks, task), anl__slice_begin(k.batch, p->tasks, task + 1), space,
                 sums);
}

static void bwd_finish(const anl__prepared *p, const anl__run *r)
{
    anl__recurrence k = anl__recurrence_of(&p->call);
    int64_t n = anl__plain_sums(&k);
    double *sums = r->ws;
    for (int d = 1; d < p->tasks; d *= 2)
        for (int i = 0; i + d < p->tasks; i += 2 * d)
            for (int64_t j = 0; j < n; j++) sums[i * n + j] += sums[(i + d) * n + j];
    ANL__BY_TYPE(p->call.in[0].dtype, store_sums, &p->call, r, sums);
}

static const anl__kernel fwd = {.op = "recurrent", .device = "cpu", .name = "recurrent/cpu", .rank = 10, .supports = anl__cpu_dtype, .prepare = fwd_prepare,
                                .task = fwd_task};
static const anl__kernel bwd = {.op = "recurrent_bwd", .device = "cpu", .name = "recurrent_bwd/cpu", .rank = 10, .supports = anl__cpu_dtype,
                                .prepare = bwd_prepare, .task = bwd_task, .finish = bwd_finish};
const anl__kernel *const anl__kernels_recurrent_cpu[] = {&fwd, &bwd, &anl__recurrent_steps, &anl__recurrent_bwd_steps, NULL};
#else
#include "recurrent_body.h"
#endif
