/* batchnorm with residual and relu, and its gradient, NHWC. Statistics: a block takes a slice of rows and up to 32 channels; a thread
 * sums x - x0 and (x - x0)^2 over its rows, x0 being its first (so nothing is cancelled), threads and then slices are merged by Chan's
 * rule in a fixed tree. How rows are sliced follows from shapes alone. Bytes moved: x twice forward (statistics, result); x and dy twice
 * backward; bound: memory. Loads: 16 bytes in the passes that write, where channels are whole vectors; the sums read neighbours one by one.
 * Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

#include <initializer_list>

extern "C" {
#include "batchnorm.h"
}

static const int CHANNELS = 32; /* of a block, at most */

struct plan { /* of the sums over rows */
    int64_t rows, k, each; /* each: rows of a slice */
    int channels, lanes, slices;
};

static plan plan_of(const anl_shape *x)
{
    plan s;
    s.k = x->dim[x->rank - 1];
    s.rows = anl_shape_count(x) / s.k;
    s.channels = 1;
    while (s.channels < CHANNELS && s.channels < s.k) s.channels *= 2;
    s.lanes = ANL_THREADS / s.channels;
    int64_t columns = (s.k + s.channels - 1) / s.channels, most = 1024 / columns > 1 ? 1024 / columns : 1, wanted = (s.rows + 8 * s.lanes - 1) / (8 * s.lanes);
    s.slices = (int)(wanted < most ? wanted : most);
    s.each = (s.rows + s.slices - 1) / s.slices;
    s.slices = (int)((s.rows + s.each - 1) / s.each);
    return s;
}

struct moments { float n, mean, m2; };

/* Chan, Golub and LeVeque, 1979. */
static __device__ __forceinline__ moments merge(moments a, moments b)
{
    float n = a.n + b.n, d = b.mean - a.mean, part = n > 0 ? b.n / n : 0;
    moments r = {n, a.mean + d * part, a.m2 + b.m2 + d * d * a.n * part};
    return r;
}

/* Merges the lanes of each channel; the result is lane 0's. */
static __device__ __forceinline__ moments merge_lanes(moments v, moments *space, const plan &s)
{
    int channel = threadIdx.x % s.channels, lane = threadIdx.x / s.channels;
    space[threadIdx.x] = v;
    __syncthreads();
    for (int d = s.lanes / 2; d; d /= 2) {
        if (lane < d) space[threadIdx.x] = merge(space[threadIdx.x], space[(lane + d) * s.channels + channel]);
        __syncthreads();
    }
    return space[threadIdx.x];
}

template <class T> __global__ void slice_moments(plan s, const T *x, moments *part)
{
    ANL_SHARED_ARRAY(moments, space, ANL_THREADS);
    int64_t j = (int64_t)blockIdx.x * s.channels + threadIdx.x % s.channels, from = blockIdx.y * s.each + threadIdx.x / s.channels;
    int64_t to = (blockIdx.y + 1) * s.each < s.rows ? (blockIdx.y + 1) * s.each : s.rows;
    moments v = {0, 0, 0};
    if (j < s.k && from < to) {
        float x0 = anl_float(x[from * s.k + j]), sum = 0, sum2 = 0;
        for (int64_t i = from; i < to; i += s.lanes) {
            float d = anl_float(x[i * s.k + j]) - x0;
            sum += d;
            sum2 += d * d;
            v.n += 1;
        }
        v.mean = x0 + sum / v.n;
        v.m2 = fmaxf(sum2 - sum * (sum / v.n), 0.0f);
    }
    v = merge_lanes(v, space, s);
    if (threadIdx.x / s.channels == 0 && j < s.k) part[blockIdx.y * s.k + j] = v;
}

/* Mean and rstd of each channel; in training also what moves the running statistics. */
static __global__ void finish_moments(plan s, const moments *part, float *mean, float *rstd, float *stat, float eps, float n)
{
    ANL_SHARED_ARRAY(moments, space, ANL_THREADS);
    int64_t j = (int64_t)blockIdx.x * s.channels + threadIdx.x % s.channels;
    moments v = {0, 0, 0};
    for (int i = threadIdx.x / s.channels; i < s.slices && j < s.k; i += s.lanes) v = merge(v, part[i * s.k + j]);
    v = merge_lanes(v, space, s);
    if (threadIdx.x / s.channels || j >= s.k) return;
    mean[j] = v.mean;
    rstd[j] = 1 / sqrtf(v.m2 / v.n + eps);
    stat[j] = n * v.mean;
    stat[s.k + j] = n * (v.m2 / (v.n - 1));
}

static __global__ void fixed_moments(const float *running_mean, const float *running_var, float *mean, float *rstd, int64_t k, float eps)
{
    ANL_EACH(j, k)
    {
        mean[j] = running_mean[j];
        rstd[j] = 1 / sqrtf(running_var[j] + eps);
    }
}

struct channel { const float *mean, *rstd, *gamma, *beta; };

static __device__ __forceinline__ float normal(const channel &c, int64_t j, float x) { return c.gamma[j] * ((x - c.mean[j]) * c.rstd[j]) + c.beta[j]; }

/* V numbers of a channel's array, from j on; vectors where V has whole ones. */
template <int V> static __device__ __forceinline__ void take(const float *p, int64_t j, float (&out)[V])
{
    if constexpr (V % 4 == 0)
        for (int i = 0; i < V / 4; i++) {
            anl_vec<float> a = ((const anl_vec<float> *)(p + j))[i];
            for (int q = 0; q < 4; q++) out[4 * i + q] = a.v[q];
        }
    else
        for (int i = 0; i < V; i++) out[i] = p[j + i];
}

/* V neighbours of an array: a vector, or one. */
template <class T, int V> struct alignas(V * sizeof(T)) some { T v[V]; };

/* V divides k. */
template <class T, int V> __global__ void apply(channel c, const T *x, const T *residual, T *y, int64_t n, int64_t k, bool relu)
{
    typedef some<T, V> vec;
    ANL_EACH(q, n / V)
    {
        float mean[V], rstd[V], gamma[V], beta[V];
        vec a = ((const vec *)x)[q], r = {}, out;
        int64_t j = q * V % k;
        if (residual) r = ((const vec *)residual)[q];
        take(c.mean, j, mean);
        take(c.rstd, j, rstd);
        take(c.gamma, j, gamma);
        take(c.beta, j, beta);
        for (int i = 0; i < V; i++) {
            float v = gamma[i] * ((anl_float(a.v[i]) - mean[i]) * rstd[i]) + beta[i] + (residual ? anl_float(r.v[i]) : 0);
            out.v[i] = anl_to<T>(relu && v < 0 ? 0 : v);
        }
        ((vec *)y)[q] = out;
    }
}

/* A thread a byte of the mask: eight elements, 64 apart. */
template <class T> __global__ void apply_mask(channel c, const T *x, const T *residual, T *y, uint8_t *mask, int64_t samples, int64_t each, int64_t k)
{
    int64_t bytes = anl__bn_mask_bytes(each);
    ANL_EACH(b, samples * bytes)
    {
        int64_t first = b % bytes / ANL__BN_PLANE * ANL__BN_BLOCK + b % ANL__BN_PLANE, from = b / bytes * each;
        unsigned bits = 0;
        for (int i = 0; i < 8; i++) {
            int64_t e = first + i * ANL__BN_PLANE;
            if (e >= each) break;
            float v = normal(c, e % k, anl_float(x[from + e])) + anl_float(residual[from + e]);
            if (v > 0) bits |= 1u << i;
            y[from + e] = anl_to<T>(v < 0 ? 0 : v);
        }
        mask[b] = (uint8_t)bits;
    }
}

/* Whether rows of k are whole vectors and all of these arrays begin with one; NULL: not there. */
template <class T> static bool vectors(int64_t k, std::initializer_list<const void *> at)
{
    bool all = k % anl_vec<T>::N == 0;
    for (const void *p : at) all = all && anl_aligned(p);
    return all;
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    plan s = plan_of(&c->in[0].shape);
    const T *x = (const T *)r->in[0], *residual = anl__has_in(c, 5) ? (const T *)r->in[5] : (const T *)NULL;
    float eps = (float)anl__attr_float(c, "eps");
    bool train = c->mode == ANL_TRAIN;
    float *mean = train ? (float *)r->out[1] : (float *)r->ws, *rstd = train ? (float *)r->out[2] : mean + s.k;
    int64_t samples = c->in[0].shape.dim[0], n = s.rows * s.k;
    if (train) {
        moments *part = (moments *)r->ws;
        unsigned columns = (unsigned)((s.k + s.channels - 1) / s.channels);
        void (*f)(plan, const T *, moments *) = slice_moments<T>;
        ANL_TRY(ANL_LAUNCH(f, dim3(columns, (unsigned)s.slices), ANL_THREADS, r, s, x, part));
        ANL_TRY(ANL_LAUNCH(finish_moments, columns, ANL_THREADS, r, s, (const moments *)part, mean, rstd, (float *)r->out[3], eps, (float)samples));
    } else {
        ANL_TRY(ANL_LAUNCH(fixed_moments, anl_blocks(s.k, ANL_THREADS), ANL_THREADS, r, (const float *)r->in[3], (const float *)r->in[4], mean, rstd, s.k, eps));
    }
    channel ch = {mean, rstd, (const float *)r->in[1], (const float *)r->in[2]};
    if (anl__bn_has_mask(c)) {
        int64_t each = n / samples;
        void (*f)(channel, const T *, const T *, T *, uint8_t *, int64_t, int64_t, int64_t) = apply_mask<T>;
        return ANL_LAUNCH(f, anl_blocks(samples * anl__bn_mask_bytes(each), ANL_THREADS), ANL_THREADS, r, ch, x, residual, (T *)r->out[0], (uint8_t *)r->out[4], samples, each, s.k);
    }
    bool wide = vectors<T>(s.k, {x, residual, r->out[0], mean, rstd, ch.gamma, ch.beta});
    void (*f)(channel, const T *, const T *, T *, int64_t, int64_t, bool) = wide ? apply<T, anl_vec<T>::N> : apply<T, 1>;
    return ANL_LAUNCH(f, anl_blocks(wide ? n / anl_vec<T>::N : n, ANL_THREADS), ANL_THREADS, r, ch, x, residual, (T *)r->out[0], n, s.k, anl__attr_int(c, "act") != 0);
}
ANL_TYPED_RUN(fwd)

static anl_status fwd_prepare(const anl__env *env, anl__prepared *p)
{
    (void)env;
    plan s = plan_of(&p->call.in[0].shape);
    p->workspace = p->call.mode == ANL_TRAIN ? (size_t)s.slices * (size_t)s.k * sizeof(moments) : 2 * (size_t)s.k * sizeof(float);
    return ANL_OK;
}

/* ---- gradient -------------------------------------------------------------------------------- */

struct gate { /* which elements relu let through; none: all */
    const uint8_t *mask;
    const float *beta; /* with the others of its channel; NULL: there is a mask, or no relu */
    int64_t each, bytes;
    bool relu;
};

static __device__ __forceinline__ float passed(const gate &g, int64_t at, float gamma, float beta, float dy, float xhat)
{
    if (!g.relu) return dy;
    if (!g.mask) return gamma * xhat + beta > 0 ? dy : 0;
    int64_t e = at % g.each;
    return g.mask[at / g.each * g.bytes + anl__bn_mask_byte(e)] >> anl__bn_mask_bit(e) & 1 ? dy : 0;
}

struct pair { float sum, dot; };

static __device__ __forceinline__ pair add_lanes(pair v, pair *space, const plan &s)
{
    int channel = threadIdx.x % s.channels, lane = threadIdx.x / s.channels;
    space[threadIdx.x] = v;
    __syncthreads();
    for (int d = s.lanes / 2; d; d /= 2) {
        if (lane < d) {
            space[threadIdx.x].sum += space[(lane + d) * s.channels + channel].sum;
            space[threadIdx.x].dot += space[(lane + d) * s.channels + channel].dot;
        }
        __syncthreads();
    }
    return space[threadIdx.x];
}

template <class T> __global__ void slice_sums(plan s, gate g, channel c, const T *x, const T *dy, pair *part)
{
    ANL_SHARED_ARRAY(pair, space, ANL_THREADS);
    int64_t j = (int64_t)blockIdx.x * s.channels + threadIdx.x % s.channels, from = blockIdx.y * s.each + threadIdx.x / s.channels;
    int64_t to = (blockIdx.y + 1) * s.each < s.rows ? (blockIdx.y + 1) * s.each : s.rows;
    pair v = {0, 0};
    bool here = j < s.k;
    float mean = here ? c.mean[j] : 0, rstd = here ? c.rstd[j] : 0, gamma = here ? c.gamma[j] : 0, beta = here && g.beta ? g.beta[j] : 0;
    for (int64_t i = from; i < to && here; i += s.lanes) {
        int64_t at = i * s.k + j;
        float xhat = (anl_float(x[at]) - mean) * rstd, d = passed(g, at, gamma, beta, anl_float(dy[at]), xhat);
        v.sum += d;
        v.dot += d * xhat;
    }
    v = add_lanes(v, space, s);
    if (threadIdx.x / s.channels == 0 && j < s.k) part[blockIdx.y * s.k + j] = v;
}

static __global__ void finish_sums(plan s, const pair *part, float *dgamma, float *dbeta)
{
    ANL_SHARED_ARRAY(pair, space, ANL_THREADS);
    int64_t j = (int64_t)blockIdx.x * s.channels + threadIdx.x % s.channels;
    pair v = {0, 0};
    for (int i = threadIdx.x / s.channels; i < s.slices && j < s.k; i += s.lanes) {
        v.sum += part[i * s.k + j].sum;
        v.dot += part[i * s.k + j].dot;
    }
    v = add_lanes(v, space, s);
    if (threadIdx.x / s.channels || j >= s.k) return;
    dgamma[j] = v.dot;
    dbeta[j] = v.sum;
}

/* V divides k. */
template <class T, int V> __global__ void spread(channel c, gate g, const T *x, const T *dy, const float *dgamma, const float *dbeta, T *dx, T *residual, int64_t rows, int64_t k)
{
    typedef some<T, V> vec;
    float share = 1 / (float)rows;
    ANL_EACH(q, rows * k / V)
    {
        float mean[V], rstd[V], gamma[V], beta[V] = {}, dg[V], db[V];
        vec a = ((const vec *)x)[q], b = ((const vec *)dy)[q], out, through;
        int64_t j = q * V % k;
        take(c.mean, j, mean);
        take(c.rstd, j, rstd);
        take(c.gamma, j, gamma);
        take(dgamma, j, dg);
        take(dbeta, j, db);
        if (g.beta) take(g.beta, j, beta);
        for (int i = 0; i < V; i++) {
            float xhat = (anl_float(a.v[i]) - mean[i]) * rstd[i], d = passed(g, q * V + i, gamma[i], beta[i], anl_float(b.v[i]), xhat);
            out.v[i] = anl_to<T>(gamma[i] * rstd[i] * (d - db[i] * share - xhat * (dg[i] * share)));
            through.v[i] = anl_to<T>(d);
        }
        ((vec *)dx)[q] = out;
        if (residual) ((vec *)residual)[q] = through;
    }
}

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    plan s = plan_of(&c->in[0].shape);
    const T *x = (const T *)r->in[0], *dy = (const T *)r->in[1];
    int64_t each = s.rows * s.k / c->in[0].shape.dim[0];
    channel ch = {(const float *)r->in[3], (const float *)r->in[4], (const float *)r->in[2], NULL};
    gate g = {anl__has_in(c, 6) ? (const uint8_t *)r->in[6] : (const uint8_t *)NULL, anl__has_in(c, 5) ? (const float *)r->in[5] : (const float *)NULL, each,
              anl__bn_mask_bytes(each), anl__attr_int(c, "act") != 0};
    pair *part = (pair *)r->ws;
    unsigned columns = (unsigned)((s.k + s.channels - 1) / s.channels);
    T *residual = c->n_out > 3 ? (T *)r->out[3] : (T *)NULL;
    bool wide = vectors<T>(s.k, {x, dy, r->out[0], residual, ch.mean, ch.rstd, ch.gamma, g.beta, r->out[1], r->out[2]});
    void (*sums)(plan, gate, channel, const T *, const T *, pair *) = slice_sums<T>;
    void (*f)(channel, gate, const T *, const T *, const float *, const float *, T *, T *, int64_t, int64_t) = wide ? spread<T, anl_vec<T>::N> : spread<T, 1>;
    ANL_TRY(ANL_LAUNCH(sums, dim3(columns, (unsigned)s.slices), ANL_THREADS, r, s, g, ch, x, dy, part));
    ANL_TRY(ANL_LAUNCH(finish_sums, columns, ANL_THREADS, r, s, (const pair *)part, (float *)r->out[1], (float *)r->out[2]));
    return ANL_LAUNCH(f, anl_blocks(s.rows * s.k / (wide ? anl_vec<T>::N : 1), ANL_THREADS), ANL_THREADS, r, ch, g, x, dy, (const float *)r->out[1], (const float *)r->out[2], (T *)r->out[0],
                      residual, s.rows, s.k);
}
ANL_TYPED_RUN(bwd)

static anl_status bwd_prepare(const anl__env *env, anl__prepared *p)
{
    (void)env;
    plan s = plan_of(&p->call.in[0].shape);
    p->workspace = (size_t)s.slices * (size_t)s.k * sizeof(pair);
    return ANL_OK;
}

/* ---- running statistics ---------------------------------------------------------------------- */

static __global__ void move(float *mean, float *var, const float *stat, const float *count, float momentum, int64_t k)
{
    float n = *count;
    ANL_EACH(j, n > 0 ? k : 0)
    {
        if (!isfinite(stat[j]) || !isfinite(stat[k + j])) continue; /* a bad step leaves no trace */
        mean[j] += momentum * (stat[j] / n - mean[j]);
        var[j] += momentum * (stat[k + j] / n - var[j]);
    }
}

static anl_status running_run(const anl__prepared *p, const anl__run *r)
{
    int64_t k = anl_shape_count(&p->call.in[0].shape);
    return ANL_LAUNCH(move, anl_blocks(k, ANL_THREADS), ANL_THREADS, r, (float *)r->in[0], (float *)r->in[1], (const float *)r->in[2], (const float *)r->in[3],
                      (float)anl__attr_float(&p->call, "momentum"), k);
}

static const anl__kernel fwd_kernel = {.op = "batchnorm", .device = "cuda", .name = "batchnorm/cuda", .rank = 10, .supports = anl_cuda_supports, .prepare = fwd_prepare, .run = fwd};
static const anl__kernel bwd_kernel = {.op = "batchnorm_bwd", .device = "cuda", .name = "batchnorm_bwd/cuda", .rank = 10, .supports = anl_cuda_supports,
                                       .prepare = bwd_prepare, .run = bwd};
static const anl__kernel running_kernel = {.op = "batchnorm_running", .device = "cuda", .name = "batchnorm_running/cuda", .rank = 10, .supports = anl_cuda_supports, .run = running_run};
extern "C" const anl__kernel *const anl__kernels_batchnorm_cuda[];
const anl__kernel *const anl__kernels_batchnorm_cuda[] = {&fwd_kernel, &bwd_kernel, &running_kernel, NULL};
