/* attention on the workers: samples in slices, a head and a query at a time; keys and values of a head stay in the cache. */
#ifndef T
#include "attention.h"
#define ANL__CPU_FILE "kernels/attention/attention_cpu.c"
#include "kernels/common/cpu.h"
#include "kernels/common/vexp.h"
#define A float
#define FAST ANL__CLONES
#define LOAD(p, i) GET((p)[i])
#define STORE(p, i, v) (p)[i] = PUT(v)
#define EXP anl__v_exp
enum { LANES = 16 };
#include "kernels/common/cpu_twice.h"

/* Numbers of workspace that a task needs, in whole cache lines. */
static size_t room_of(const anl__attend *a, bool backward)
{
    int64_t n = backward ? a->keys + a->width + a->keys * (a->width + a->out) : a->keys + a->out;
    return (size_t)(n + 15) / 16 * 16;
}

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    anl__attend a = anl__attend_of(&p->call, NULL);
    p->tasks = (int)(a.samples < env->slices ? a.samples : env->slices);
    p->workspace = (size_t)p->tasks * room_of(&a, p->call.n_out == 3) * sizeof(float);
    return ANL_OK;
}

static void fwd_task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    anl__attend a = anl__attend_of(&p->call, p->call.n_in > 3 ? r->in[3] : NULL);
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, forward, &a, r, anl__slice_begin(a.samples, p->tasks, t), anl__slice_begin(a.samples, p->tasks, t + 1),
                 (float *)r->ws + (size_t)t * room_of(&a, false));
}

static void bwd_task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    anl__attend a = anl__attend_of(&p->call, p->call.n_in > 5 ? r->in[5] : NULL);
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, backward, &a, r, anl__slice_begin(a.samples, p->tasks, t), anl__slice_begin(a.samples, p->tasks, t + 1),
                 (float *)r->ws + (size_t)t * room_of(&a, true));
}

static const anl__kernel fwd = {.op = "attention", .device = "cpu", .name = "attention/cpu", .rank = 10, .supports = anl__cpu_dtype, .prepare = prepare, .task = fwd_task};
static const anl__kernel bwd = {.op = "attention_bwd", .device = "cpu", .name = "attention_bwd/cpu", .rank = 10, .supports = anl__cpu_dtype, .prepare = prepare, .task = bwd_task};
const anl__kernel *const anl__kernels_attention_cpu[] = {&fwd, &bwd, NULL};
#else
/* LANES sums side by side, then a tree over them: the same bits whatever the vectors' width. */
ANL__INLINE float FN(dot)(const T *a, const T *b, int64_t n)
{
    float s[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) s[l] += GET(a[i + l]) * GET(b[i + l]);
    for (int l = 0; i + l < n; l++) s[l] += GET(a[i + l]) * GET(b[i + l]);
    for (int d = LANES / 2; d; d /= 2)
        for (int l = 0; l < d; l++) s[l] += s[l + d];
    return s[0];
}
#include "attention_body.h"
#endif
