/* The ends of a step: a block each. Bytes moved: the scalars (step_begin, step_end: hundreds), the carried state three times (step_keep);
 * bound: the launch. Only after a step that was not finite step_end reads the gradient, to name the first bad parameter. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

static __global__ void begin(int32_t *tape, int32_t *scalar, int words)
{
    const int32_t *row = tape + ANL__TAPE_HEAD + (int64_t)tape[0] * words;
    for (int i = threadIdx.x; i < words; i += blockDim.x) scalar[i] = row[i];
    __syncthreads(); /* all have read which row it is */
    if (threadIdx.x == 0) tape[0]++;
}

static anl_status begin_run(const anl__prepared *p, const anl__run *r)
{
    return ANL_LAUNCH(begin, 1, 64, r, (int32_t *)r->in[0], (int32_t *)r->in[1], (int)anl_shape_count(&p->call.in[1].shape));
}

struct places { /* of a prepared step_end */
    anl_device *device;
    void *begin; /* int64 [n] on the device: where parameters begin */
    int n;
    int64_t end; /* of the last */
};

static void end_release(anl_ctx *ctx, anl__prepared *p)
{
    places *s = (places *)p->state;
    if (s && s->begin) anl__cuda_drop(s->device, s->begin);
    anl__free(ctx, s);
    p->state = NULL;
}

static anl_status end_prepare(const anl__env *env, anl__prepared *p)
{
    places *s = (places *)anl__alloc(env->ctx, sizeof *s);
    int64_t *host = (int64_t *)anl__alloc(env->ctx, sizeof *host * (size_t)(env->n_segments + 1));
    p->state = s;
    anl_status st = s && host ? ANL_OK : ANL_NOMEM;
    if (st == ANL_OK) {
        *s = places{env->device, NULL, env->n_segments, anl_shape_count(&p->call.in[0].shape)};
        for (int k = 0; k < s->n; k++) host[k] = env->segment[k].offset;
        if (s->n && host[s->n - 1] + env->segment[s->n - 1].count < s->end) s->end = host[s->n - 1] + env->segment[s->n - 1].count;
        st = anl__cuda_keep(env->device, host, sizeof *host * (size_t)(s->n + 1), &s->begin);
    }
    anl__free(env->ctx, host);
    if (st != ANL_OK) end_release(env->ctx, p);
    return st;
}

struct ends { int64_t num, den, correct, row; };

static __global__ void end(const float *grad, const float *stat, const float *scale, const int32_t *rng, float *ring, int64_t rows, ends e, const int64_t *begin, int n, int64_t last)
{
    ANL_SHARED_ARRAY(int64_t, first, ANL_THREADS);
    int t = threadIdx.x;
    int64_t at = e.row >= 0 ? e.row : (int64_t)((uint32_t)rng[ANL__RNG_STEP] % (uint32_t)(rows - 1));
    float *row = ring + at * ANL__RING_WORDS;
    bool finite = !stat || stat[ANL__STAT_FINITE] != 0;
    if (t == 0) {
        row[ANL__RING_NUM] = e.num < 0 ? 0 : grad[e.num];
        row[ANL__RING_DEN] = e.den < 0 ? 0 : grad[e.den];
        row[ANL__RING_CORRECT] = e.correct < 0 ? 0 : grad[e.correct];
        row[ANL__RING_FINITE] = finite;
        row[ANL__RING_NORM] = stat ? stat[ANL__STAT_NORM] : 0;
        row[ANL__RING_BAD] = -1;
        row[ANL__RING_OVERFLOW] = stat ? stat[ANL__STAT_OVERFLOW] : 0;
        row[ANL__RING_SCALE] = scale ? scale[ANL__SCALE_NOW] : 0;
    }
    if (finite) return;
    int64_t i = t;
    while (i < last && isfinite(grad[i])) i += ANL_THREADS;
    first[t] = i;
    __syncthreads();
    for (int d = ANL_THREADS / 2; d; d /= 2) {
        if (t < d && first[t + d] < first[t]) first[t] = first[t + d];
        __syncthreads();
    }
    if (t || first[0] >= last) return;
    int k = 0;
    while (k + 1 < n && begin[k + 1] <= first[0]) k++;
    row[ANL__RING_BAD] = (float)k;
}

static anl_status end_run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    const places *s = (const places *)p->state;
    ends e = {anl__attr_int(c, "num"), anl__attr_int(c, "den"), anl__attr_int(c, "correct"), anl__attr_int(c, "row")};
    return ANL_LAUNCH(end, 1, ANL_THREADS, r, (const float *)r->in[0], (const float *)r->in[2], (const float *)r->in[3], (const int32_t *)r->in[4], (float *)r->in[1],
                      anl_shape_count(&c->in[1].shape) / ANL__RING_WORDS, e, (const int64_t *)s->begin, s->n, s->end);
}

template <class T> static __global__ void keep(const float *stat, const T *from, T *to, int64_t n)
{
    if (stat[ANL__STAT_FINITE] == 0 && stat[ANL__STAT_OVERFLOW] == 0) return;
    ANL_EACH(i, n) to[i] = from[i];
}

static anl_status keep_run(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl_shape_count(&p->call.in[1].shape);
    void (*two)(const float *, const uint16_t *, uint16_t *, int64_t) = keep<uint16_t>;
    void (*four)(const float *, const uint32_t *, uint32_t *, int64_t) = keep<uint32_t>;
    const float *stat = (const float *)r->in[0];
    if (anl_dtype_size(p->call.in[1].dtype) == 2) return ANL_LAUNCH(two, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, stat, (const uint16_t *)r->in[1], (uint16_t *)r->in[2], n);
    return ANL_LAUNCH(four, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, stat, (const uint32_t *)r->in[1], (uint32_t *)r->in[2], n);
}

static const anl__kernel begin_kernel = {.op = "step_begin", .device = "cuda", .name = "step_begin/cuda", .rank = 10, .run = begin_run};
static const anl__kernel end_kernel = {.op = "step_end", .device = "cuda", .name = "step_end/cuda", .rank = 10, .supports = anl_cuda_supports, .prepare = end_prepare, .run = end_run, .release = end_release};
static const anl__kernel keep_kernel = {.op = "step_keep", .device = "cuda", .name = "step_keep/cuda", .rank = 10, .supports = anl_cuda_supports, .run = keep_run};
extern "C" const anl__kernel *const anl__kernels_step_cuda[];
const anl__kernel *const anl__kernels_step_cuda[] = {&begin_kernel, &end_kernel, &keep_kernel, NULL};
