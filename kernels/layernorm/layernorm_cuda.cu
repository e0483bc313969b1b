/* layernorm and groupnorm: a block a set (layernorm.h). Mean, then the sum of squared distances from it, as the reference has it. dgamma and
 * dbeta: slices of rows, a thread a channel, then the slices in order. Bytes moved forward: x three times, from cache after the first where
 * a set fits; backward x and dy three times; bound: memory. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

extern "C" {
#include "layernorm.h"
}

static const int SET_THREADS = 128, SLICES = 128;

/* Element e of set `set`, as a place in x; *channel: whose gamma it takes. */
static __device__ __forceinline__ int64_t place(const anl__sets &s, int64_t set, int64_t e, int64_t *channel)
{
    int64_t k = s.channels / s.groups;
    *channel = set % s.groups * k + e % k;
    return (set / s.groups * s.positions + e / k) * s.channels + *channel;
}

template <class T> __global__ void forward(anl__sets s, const T *x, const float *gamma, const float *beta, T *y, float *mean, float *rstd, float eps)
{
    ANL_SHARED_ARRAY(float, space, 33);
    int64_t n = s.channels / s.groups * s.positions, ch;
    for (int64_t set = blockIdx.x; set < s.rows * s.groups; set += gridDim.x) {
        float sum = 0, square = 0;
        for (int64_t e = threadIdx.x; e < n; e += blockDim.x) sum += anl_float(x[place(s, set, e, &ch)]);
        float mu = anl_block_sum(sum, space) / (float)n;
        for (int64_t e = threadIdx.x; e < n; e += blockDim.x) {
            float d = anl_float(x[place(s, set, e, &ch)]) - mu;
            square += d * d;
        }
        float inv = 1 / sqrtf(anl_block_sum(square, space) / (float)n + eps);
        for (int64_t e = threadIdx.x; e < n; e += blockDim.x) {
            int64_t i = place(s, set, e, &ch);
            y[i] = anl_to<T>((anl_float(x[i]) - mu) * inv * gamma[ch] + beta[ch]);
        }
        if (threadIdx.x) continue;
        mean[set] = mu;
        rstd[set] = inv;
    }
}

template <class T> __global__ void input_gradient(anl__sets s, const T *x, const float *gamma, const float *mean, const float *rstd, const T *dy, T *dx)
{
    ANL_SHARED_ARRAY(float, space, 33);
    int64_t n = s.channels / s.groups * s.positions, ch;
    for (int64_t set = blockIdx.x; set < s.rows * s.groups; set += gridDim.x) {
        float mu = mean[set], inv = rstd[set], sum = 0, dot = 0;
        for (int64_t e = threadIdx.x; e < n; e += blockDim.x) {
            int64_t i = place(s, set, e, &ch);
            float d = anl_float(dy[i]) * gamma[ch];
            sum += d;
            dot += d * (anl_float(x[i]) - mu) * inv;
        }
        sum = anl_block_sum(sum, space) / (float)n;
        dot = anl_block_sum(dot, space) / (float)n;
        for (int64_t e = threadIdx.x; e < n; e += blockDim.x) {
            int64_t i = place(s, set, e, &ch);
            dx[i] = anl_to<T>(inv * (anl_float(dy[i]) * gamma[ch] - sum - (anl_float(x[i]) - mu) * inv * dot));
        }
    }
}

/* part[slice][0 .. channels): of gamma; [channels ..): of beta. */
template <class T> __global__ void slice_gradients(anl__sets s, const T *x, const float *mean, const float *rstd, const T *dy, float *part, int64_t each)
{
    int64_t vectors = s.rows * s.positions, from = blockIdx.y * each, to = from + each < vectors ? from + each : vectors, k = s.channels / s.groups;
    ANL_EACH(j, s.channels)
    {
        float dgamma = 0, dbeta = 0;
        for (int64_t v = from; v < to; v++) {
            int64_t set = v / s.positions * s.groups + j / k, i = v * s.channels + j;
            float d = anl_float(dy[i]);
            dgamma += d * (anl_float(x[i]) - mean[set]) * rstd[set];
            dbeta += d;
        }
        part[blockIdx.y * 2 * s.channels + j] = dgamma;
        part[blockIdx.y * 2 * s.channels + s.channels + j] = dbeta;
    }
}

static __global__ void add_slices(const float *part, int slices, float *dgamma, float *dbeta, int64_t channels)
{
    ANL_EACH(j, 2 * channels)
    {
        float sum = 0;
        for (int i = 0; i < slices; i++) sum += part[i * 2 * channels + j];
        if (j < channels) dgamma[j] = sum;
        else dbeta[j - channels] = sum;
    }
}

static int slices_of(const anl__sets &s) { return (int)(s.rows * s.positions < SLICES ? s.rows * s.positions : SLICES); }

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    anl__sets s = anl__sets_of(&p->call);
    void (*f)(anl__sets, const T *, const float *, const float *, T *, float *, float *, float) = forward<T>;
    return ANL_LAUNCH(f, anl_blocks(s.rows * s.groups, 1), SET_THREADS, r, s, (const T *)r->in[0], (const float *)r->in[1], (const float *)r->in[2], (T *)r->out[0],
                      (float *)r->out[1], (float *)r->out[2], (float)anl__attr_float(&p->call, "eps"));
}
ANL_TYPED_RUN(fwd)

static anl_status bwd_prepare(const anl__env *env, anl__prepared *p)
{
    anl__sets s = anl__sets_of(&p->call);
    (void)env;
    p->workspace = sizeof(float) * 2 * (size_t)s.channels * (size_t)slices_of(s);
    return ANL_OK;
}

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    anl__sets s = anl__sets_of(&p->call);
    int slices = slices_of(s);
    int64_t each = (s.rows * s.positions + slices - 1) / slices;
    const T *x = (const T *)r->in[0], *dy = (const T *)r->in[4];
    const float *gamma = (const float *)r->in[1], *mean = (const float *)r->in[2], *rstd = (const float *)r->in[3];
    float *part = (float *)r->ws;
    void (*f)(anl__sets, const T *, const float *, const float *, const float *, const T *, T *) = input_gradient<T>;
    void (*g)(anl__sets, const T *, const float *, const float *, const T *, float *, int64_t) = slice_gradients<T>;
    ANL_TRY(ANL_LAUNCH(f, anl_blocks(s.rows * s.groups, 1), SET_THREADS, r, s, x, gamma, mean, rstd, dy, (T *)r->out[0]));
    ANL_TRY(ANL_LAUNCH(g, dim3(anl_blocks(s.channels, SET_THREADS), (unsigned)slices), SET_THREADS, r, s, x, mean, rstd, dy, part, each));
    return ANL_LAUNCH(add_slices, anl_blocks(2 * s.channels, ANL_THREADS), ANL_THREADS, r, (const float *)part, slices, (float *)r->out[1], (float *)r->out[2], s.channels);
}
ANL_TYPED_RUN(bwd)

#define KERNELS(id, op_name)                                                                                                                            \
    static const anl__kernel id = {.op = op_name, .device = "cuda", .name = op_name "/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fwd};     \
    static const anl__kernel id##_bwd = {.op = op_name "_bwd", .device = "cuda", .name = op_name "_bwd/cuda", .rank = 10, .supports = anl_cuda_supports, \
                                         .prepare = bwd_prepare, .run = bwd};
KERNELS(k_layer, "layernorm")
KERNELS(k_group, "groupnorm")
extern "C" const anl__kernel *const anl__kernels_layernorm_cuda[];
const anl__kernel *const anl__kernels_layernorm_cuda[] = {&k_layer, &k_layer_bwd, &k_group, &k_group_bwd, NULL};
