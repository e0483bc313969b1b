/* ctc on the workers: samples in slices. The trellis is in double; exponentials are in f32
 * (kernels/common/vexp.h). */
#ifndef T
#include "ctc.h"
#define ANL__CPU_FILE "kernels/ctc/ctc_cpu.c"
#include "kernels/common/cpu.h"
#include "kernels/common/vexp.h"

#include <math.h>

#define FAST ANL__CLONES
#define LOAD(p, i) ((double)GET((p)[i]))
#define STORE(p, i, v) (p)[i] = PUT((float)(v))
#define E float
#define EXP(x) anl__v_exp((float)(x))
#define LOG(x) ((double)log_to_3((x) - 1))
enum { LANES = 16 };

/* log(1 + z), 0 <= z <= 2, to 1e-7, without a branch: 2 atanh(u) with u = z / (2 + z); above 1 of half of
 * it, and log 2. */
ANL__INLINE float log_to_3(float z)
{
    float more = z > 1 ? 0.693147180f : 0, low = 0.5f * (z - 1), half = z > 1 ? low : z;
    float u = half / (2 + half), w = u * u, p = 1.0f / 15;
    p = p * w + 1.0f / 13;
    p = p * w + 1.0f / 11;
    p = p * w + 1.0f / 9;
    p = p * w + 1.0f / 7;
    p = p * w + 1.0f / 5;
    p = p * w + 1.0f / 3;
    return more + 2 * (p * w * u + u);
}
#include "kernels/common/cpu_twice.h"

/* A task's workspace in doubles; forward its sums lie before it. */
static size_t room_of(const anl__call *c)
{
    anl__ctc k = anl__ctc_of(c, NULL, 0);
    return c->n_out == 1 ? anl__ctc_lay(&k, k.steps, NULL, NULL) : 8 + anl__ctc_lay(&k, 2, NULL, NULL);
}

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    int64_t n = p->call.in[0].shape.dim[1];
    p->tasks = (int)(n < env->slices ? n : env->slices);
    p->workspace = sizeof(double) * (size_t)p->tasks * room_of(&p->call);
    return ANL_OK;
}

static void fwd_task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    anl__ctc k = anl__ctc_of(&p->call, r, 2);
    double *ws = (double *)r->ws + (size_t)t * room_of(&p->call);
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, forward, &k, r->in[0], anl__slice_begin(k.samples, p->tasks, t),
                 anl__slice_begin(k.samples, p->tasks, t + 1), ws + 8, ws);
}

static void fwd_finish(const anl__prepared *p, const anl__run *r)
{
    double *ws = r->ws;
    size_t room = room_of(&p->call);
    for (int i = 0; i < ANL__CTC_SUMS; i++) {
        for (int d = 1; d < p->tasks; d *= 2)
            for (int t = 0; t + d < p->tasks; t += 2 * d)
                ws[(size_t)t * room + (size_t)i] += ws[(size_t)(t + d) * room + (size_t)i];
        *(float *)r->out[i] = (float)ws[i];
    }
}

static void bwd_task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    anl__ctc k = anl__ctc_of(&p->call, r, 3);
    double *ws = (double *)r->ws + (size_t)t * room_of(&p->call), dnum = (double)*(const float *)r->in[2];
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, backward, &k, r->in[0], r->out[0], dnum,
                 anl__slice_begin(k.samples, p->tasks, t),
                 anl__slice_begin(k.samples, p->tasks, t + 1), ws);
}

static const anl__kernel fwd = {.op = "ctc", .device = "cpu", .name = "ctc/cpu", .rank = 10,
                                .supports = anl__cpu_dtype, .prepare = prepare, .task = fwd_task,
                                .finish = fwd_finish, .finish_outs = 15};
static const anl__kernel bwd = {.op = "ctc_bwd", .device = "cpu", .name = "ctc_bwd/cpu", .rank = 10,
                                .supports = anl__cpu_dtype, .prepare = prepare, .task = bwd_task};
const anl__kernel *const anl__kernels_ctc_cpu[] = {&fwd, &bwd, NULL};
#else
/* LANES sums side by side, then a tree over them: the same bits whatever the vectors' width. */
FAST static double FN(lse)(const T *z, int64_t n, int64_t *best)
{
    float part[LANES] = {0}, top = GET(z[0]);
    int64_t i = 0;
    *best = 0;
    for (int64_t j = 1; j < n; j++)
        if (GET(z[j]) > top) top = GET(z[*best = j]);
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) part[l] += anl__v_exp(GET(z[i + l]) - top);
    for (int l = 0; i + l < n; l++) part[l] += anl__v_exp(GET(z[i + l]) - top);
    for (int d = LANES / 2; d; d /= 2)
        for (int l = 0; l < d; l++) part[l] += part[l + d];
    return (double)top + log((double)part[0]);
}
#include "ctc_body.h"
#endif
