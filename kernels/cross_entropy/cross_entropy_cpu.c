/* softmax_cross_entropy on the workers: exponentials in f32 (kernels/common/vexp.h), a row's sum in LANES strided partial sums,
 * the loss of a row and the sums over rows in double, one partial a task. */
#ifndef T
#define ANL__CPU_FILE "kernels/cross_entropy/cross_entropy_cpu.c"
#include "kernels/common/cpu.h"
#include "kernels/common/vexp.h"

#include <math.h>

#define LANES 16
typedef struct sums { double num, den, correct; } sums;
typedef struct loss { int64_t k, ignore; float smoothing; } loss;

static inline loss loss_of(const anl__call *c)
{
    return (loss){c->in[0].shape.dim[1], anl__attr_int(c, "ignore"),
                  (float)anl__attr_float(c, "label_smoothing")};
}

typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t lane_bits __attribute__((vector_size(4 * LANES)));

/* most = v > most ? v : most; written with masks, since the compiler makes that of numbers one after the other. */
ANL__INLINE void larger(lanes *most, const float v[LANES])
{
    lanes x;
    memcpy(&x, v, sizeof x);
    lane_bits takes = x > *most;
    *most = (lanes)((takes & (lane_bits)x) | (~takes & (lane_bits)*most));
}

#include "kernels/common/cpu_twice.h"

static anl_status fwd_prepare(const anl__env *env, anl__prepared *p)
{
    ANL_TRY(anl__sliced_prepare(env, p));
    p->workspace = sizeof(sums) * (size_t)p->tasks;
    return ANL_OK;
}

static void fwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const anl__call *c = &p->call;
    (void)worker;
    ANL__BY_TYPE(c->in[0].dtype, fwd, loss_of(c), r, anl__has_in(c, 2) ? r->in[2] : NULL,
                 anl__rows_of(p, &c->in[0].shape, task), (sums *)r->ws + task);
}

static void fwd_finish(const anl__prepared *p, const anl__run *r)
{
    sums *s = r->ws;
    for (int d = 1; d < p->tasks; d *= 2)
        for (int i = 0; i + d < p->tasks; i += 2 * d) {
            s[i].num += s[i + d].num;
            s[i].den += s[i + d].den;
            s[i].correct += s[i + d].correct;
        }
    *(float *)r->out[0] = (float)s->num;
    *(float *)r->out[1] = (float)s->den;
    *(float *)r->out[2] = (float)s->correct;
}

static void bwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const anl__call *c = &p->call;
    (void)worker;
    ANL__BY_TYPE(c->in[0].dtype, bwd, loss_of(c), r, anl__has_in(c, 3) ? r->in[3] : NULL,
                 anl__rows_of(p, &c->in[0].shape, task));
}

static const anl__kernel fwd = {.op = "softmax_cross_entropy", .device = "cpu",
                                .name = "softmax_cross_entropy/cpu", .rank = 10, .supports = anl__cpu_dtype,
                                .prepare = fwd_prepare, .task = fwd_task, .finish = fwd_finish, .samplewise = true, .finish_outs = 7};
static const anl__kernel bwd = {.op = "softmax_cross_entropy_bwd", .device = "cpu",
                                .name = "softmax_cross_entropy_bwd/cpu", .rank = 10, .supports = anl__cpu_dtype,
                                .prepare = anl__sliced_prepare, .task = bwd_task, .samplewise = true, .inplace = {1}};
const anl__kernel *const anl__kernels_cross_entropy_cpu[] = {&fwd, &bwd, NULL};
#else
/* The row's largest value and the sum of exp(z - top). */
ANL__CLONES static float FN(exp_sum)(const T *z, int64_t k, float *top)
{
    float t = GET(z[0]), part[LANES] = {0}, last[LANES];
    lanes most;
    int64_t whole = k - k % LANES;
    for (int64_t i = 0; i < LANES; i++) last[i] = i < k - whole ? GET(z[whole + i]) : -INFINITY;
    memcpy(&most, last, sizeof most);
    for (int64_t j = 0; j < whole; j += LANES) {
        float v[LANES];
        for (int64_t i = 0; i < LANES; i++) v[i] = GET(z[j + i]);
        larger(&most, v);
    }
    for (int64_t i = 0; i < LANES; i++) t = most[i] > t ? most[i] : t;
    for (int64_t j = 0; j < whole; j += LANES)
        for (int64_t i = 0; i < LANES; i++) part[i] += anl__v_exp(GET(z[j + i]) - t);
    for (int64_t i = 0; whole < k && i < LANES; i++) part[i] += anl__v_exp(last[i] - t);
    anl__tree_add(part, LANES, 1);
    *top = t;
    return part[0];
}

static void FN(fwd)(loss l, const anl__run *r, const float *weight, anl__rows rows, sums *out)
{
    const int32_t *label = r->in[1];
    sums s = {0, 0, 0};
    for (int64_t m = rows.begin; m < rows.end; m++) {
        const T *z = (const T *)r->in[0] + m * l.k;
        if (label[m] == l.ignore) continue;
        if (label[m] < 0 || label[m] >= l.k) {
            s.num = NAN;
            continue;
        }
        float top, sum = FN(exp_sum)(z, l.k, &top);
        double w = weight ? (double)weight[label[m]] : 1, mean = 0, lse = (double)top + log((double)sum);
        int64_t first = 0;
        for (int64_t j = 0; l.smoothing > 0 && j < l.k; j++) mean += (double)GET(z[j]) / (double)l.k;
        while (first + 1 < l.k && GET(z[first]) != top) first++;
        s.num += w * ((1 - (double)l.smoothing) * (lse - (double)GET(z[label[m]])) + (double)l.smoothing * (lse - mean));
        s.den += w;
        s.correct += first == label[m];
    }
    *out = s;
}

ANL__CLONES static void FN(bwd_row)(const T *z, T *dz, int64_t k, float top, float w, float by, float less)
{
    ANL__LANES for (int64_t j = 0; j < k; j++) dz[j] = PUT(w * (anl__v_exp(GET(z[j]) - top) * by - less));
}

static void FN(bwd)(loss l, const anl__run *r, const float *weight, anl__rows rows)
{
    const int32_t *label = r->in[1];
    float dnum = *(const float *)r->in[2], less = l.smoothing / (float)l.k;
    for (int64_t m = rows.begin; m < rows.end; m++) {
        const T *z = (const T *)r->in[0] + m * l.k;
        T *dz = (T *)r->out[0] + m * l.k;
        if (label[m] == l.ignore || label[m] < 0 || label[m] >= l.k) {
            memset(dz, 0, sizeof(T) * (size_t)l.k);
            continue;
        }
        float top, sum = FN(exp_sum)(z, l.k, &top), w = dnum * (weight ? weight[label[m]] : 1);
        float p = anl__v_exp(GET(z[label[m]]) - top) / sum; /* before dz takes the memory of z */
        FN(bwd_row)(z, dz, l.k, top, w, 1 / sum, less);
        dz[label[m]] = PUT(w * (p - (1 - l.smoothing) - less));
    }
}
#endif
