/* additive_attention on the workers: samples in slices; the gradient of v is one partial a task, added in a fixed tree. */
#ifndef T
#include "additive.h"
#define ANL__CPU_FILE "kernels/additive_attention/additive_attention_cpu.c"
#include "kernels/common/cpu.h"
#include "kernels/common/vexp.h"
#define A float
#define P float
#define FAST ANL__CLONES
#define LOAD(p, i) GET((p)[i])
#define STORE(p, i, v) (p)[i] = PUT(v)
#define EXP anl__v_exp
#define TANH anl__v_tanh
enum { LANES = 16 };
#include "kernels/common/cpu_twice.h"

/* Numbers of workspace a task, in whole cache lines; backward: dv first. */
static size_t lines(int64_t n) { return (size_t)(n + 15) / 16 * 16; }
static size_t room_of(const anl__additive *a, bool backward)
{
    return backward ? lines(a->width) + lines(a->keys + a->width + a->keys * (a->width + a->out)) : lines(a->keys + a->out);
}

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    anl__additive a = anl__additive_of(&p->call, NULL);
    p->tasks = (int)(a.samples < env->slices ? a.samples : env->slices);
    p->workspace = (size_t)p->tasks * room_of(&a, p->call.n_out == 4) * sizeof(float);
    return ANL_OK;
}

static void fwd_task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    anl__additive a = anl__additive_of(&p->call, p->call.n_in > 4 ? r->in[4] : NULL);
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, forward, &a, r, anl__slice_begin(a.samples, p->tasks, t), anl__slice_begin(a.samples, p->tasks, t + 1),
                 (float *)r->ws + (size_t)t * room_of(&a, false));
}

static void bwd_task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    anl__additive a = anl__additive_of(&p->call, p->call.n_in > 6 ? r->in[6] : NULL);
    float *dv = (float *)r->ws + (size_t)t * room_of(&a, true);
    (void)worker;
    memset(dv, 0, sizeof *dv * (size_t)a.width);
    ANL__BY_TYPE(p->call.in[0].dtype, backward, &a, r, anl__slice_begin(a.samples, p->tasks, t), anl__slice_begin(a.samples, p->tasks, t + 1), dv, dv + lines(a.width));
}

static void bwd_finish(const anl__prepared *p, const anl__run *r)
{
    anl__additive a = anl__additive_of(&p->call, NULL);
    anl__tree_add_piece(r->ws, p->tasks, (int64_t)room_of(&a, true), a.width);
    memcpy(r->out[2], r->ws, sizeof(float) * (size_t)a.width);
}

static const anl__kernel fwd = {.op = "additive_attention", .device = "cpu", .name = "additive_attention/cpu", .rank = 10, .supports = anl__cpu_dtype, .prepare = prepare, .task = fwd_task};
static const anl__kernel bwd = {.op = "additive_attention_bwd", .device = "cpu", .name = "additive_attention_bwd/cpu", .rank = 10, .supports = anl__cpu_dtype, .prepare = prepare,
                                .task = bwd_task, .finish = bwd_finish, .finish_outs = 4};
const anl__kernel *const anl__kernels_additive_attention_cpu[] = {&fwd, &bwd, NULL};
#else
/* LANES sums side by side, then a tree over them: the same bits whatever the vectors' width. */
ANL__INLINE float FN(fold)(float s[LANES])
{
    for (int d = LANES / 2; d; d /= 2)
        for (int l = 0; l < d; l++) s[l] += s[l + d];
    return s[0];
}

ANL__INLINE float FN(dot)(const T *a, const T *b, int64_t n)
{
    float s[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) s[l] += GET(a[i + l]) * GET(b[i + l]);
    for (int l = 0; i + l < n; l++) s[l] += GET(a[i + l]) * GET(b[i + l]);
    return FN(fold)(s);
}

ANL__INLINE float FN(weigh)(const float *v, const T *q, const T *k, int64_t n)
{
    float s[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) s[l] += v[i + l] * anl__v_tanh(GET(q[i + l]) + GET(k[i + l]));
    for (int l = 0; i + l < n; l++) s[l] += v[i + l] * anl__v_tanh(GET(q[i + l]) + GET(k[i + l]));
    return FN(fold)(s);
}
#include "additive_body.h"
#endif
