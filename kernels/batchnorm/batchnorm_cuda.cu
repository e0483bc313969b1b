/* batchnorm with residual and relu, and its gradient, NHWC. Statistics: a block takes a slice of rows and up to 32 channels; a thread
 * sums x - x0 and (x - x0)^2 over its rows, x0 being its first (so nothing is cancelled), threads and then slices are merged by Chan's
 * rule in a fixed tree, the slices by the last blocks of the same launch. How rows are sliced follows from shapes alone. Bytes moved: x
 * twice forward (statistics, result); x and dy twice backward; bound: memory. Loads: 16 bytes in the passes that write, where channels
 * are whole vectors; the sums read neighbours one by one, backward those of four rows before it needs the first. An element's channel,
 * sample and bit of the mask are found by division once a vector; the sums over rows step through samples without. Running statistics of
 * up to 64 layers move in one launch.
 * Not measured on a GPU. */
#include "kernels/common/slices.cuh"
#include "kernels/common/vectors.cuh"

extern "C" {
#include "batchnorm.h"
}

struct plan { /* of the sums over rows */
    int64_t rows, k, each; /* each: rows of a slice */
    int channels, lanes, slices;
};

static plan plan_of(const anl_shape *x)
{
    plan s;
    s.k = x->dim[x->rank - 1];
    s.rows = anl_shape_count(x) / s.k;
    s.channels = anl_block_columns(s.k, ANL_MOST_COLUMNS);
    s.lanes = ANL_THREADS / s.channels;
    int64_t columns = (s.k + s.channels - 1) / s.channels, most = anl_most_slices(columns), wanted = (s.rows + 8 * s.lanes - 1) / (8 * s.lanes);
    s.slices = (int)(wanted < most ? wanted : most);
    s.each = (s.rows + s.slices - 1) / s.slices;
    s.slices = (int)((s.rows + s.each - 1) / s.each);
    return s;
}

static dim3 grid_of(const plan &s) { return dim3((unsigned)((s.k + s.channels - 1) / s.channels), (unsigned)s.slices); }

struct moments { float n, mean, m2; };

/* Chan, Golub and LeVeque, 1979. */
static __device__ __forceinline__ moments merge(moments a, moments b)
{
    float n = a.n + b.n, d = b.mean - a.mean, part = n > 0 ? b.n / n : 0;
    moments r = {n, a.mean + d * part, a.m2 + b.m2 + d * d * a.n * part};
    return r;
}

struct measured { /* of each channel; stat: what moves the running statistics */
    float *mean, *rstd, *stat;
    float eps, samples;
};

template <class T> __global__ void measure(plan s, const T *x, moments *part, unsigned *counters, measured out)
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
    auto merge_two = [](moments a, moments b) { return merge(a, b); };
    v = anl_merge_lanes(v, space, s.channels, merge_two);
    if (!anl_merge_slices(v, j, s.k, part, space, s.channels, counters, merge_two) || threadIdx.x / s.channels || j >= s.k) return;
    out.mean[j] = v.mean;
    out.rstd[j] = 1 / sqrtf(v.m2 / v.n + out.eps);
    out.stat[j] = out.samples * v.mean;
    out.stat[s.k + j] = out.samples * (v.m2 / (v.n - 1));
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

/* What apply and apply_mask know of V channels from j on. */
template <int V> struct scale {
    float mean[V], rstd[V], gamma[V], beta[V];
    __device__ __forceinline__ scale(const channel &c, int64_t j)
    {
        anl_take(c.mean, j, mean);
        anl_take(c.rstd, j, rstd);
        anl_take(c.gamma, j, gamma);
        anl_take(c.beta, j, beta);
    }
    __device__ __forceinline__ float of(int i, float x) const { return gamma[i] * ((x - mean[i]) * rstd[i]) + beta[i]; }
};

/* V divides k. */
template <class T, int V> __global__ void apply(channel c, const T *x, const T *residual, T *y, int64_t n, int64_t k, bool relu)
{
    ANL_EACH(q, n / V)
    {
        anl_some<T, V> a = anl_get<T, V>(x, q * V), r = {}, out;
        scale<V> s(c, q * V % k);
        if (residual) r = anl_get<T, V>(residual, q * V);
        for (int i = 0; i < V; i++) {
            float v = s.of(i, anl_float(a.v[i])) + (residual ? anl_float(r.v[i]) : 0);
            out.v[i] = anl_to<T>(relu && v < 0 ? 0 : v);
        }
        anl_put(y, q * V, out);
    }
}

/* A thread V neighbouring bytes of the mask: eight vectors, 64 elements apart. V divides k. */
template <class T, int V> __global__ void apply_mask(channel c, const T *x, const T *residual, T *y, uint8_t *mask, int64_t samples, int64_t each, int64_t k)
{
    int64_t bytes = anl__bn_mask_bytes(each), step = ANL__BN_PLANE % k;
    ANL_EACH(q, samples * bytes / V)
    {
        int64_t sample = q * V / bytes, b = q * V - sample * bytes, e = b / ANL__BN_PLANE * ANL__BN_BLOCK + b % ANL__BN_PLANE, j = e % k, from = sample * each;
        anl_some<uint8_t, V> bits = {};
        for (int plane = 0; plane < 8 && e < each; plane++, e += ANL__BN_PLANE) {
            anl_some<T, V> a = anl_get<T, V>(x, from + e), r = anl_get<T, V>(residual, from + e), out;
            scale<V> s(c, j);
            for (int i = 0; i < V; i++) {
                float v = s.of(i, anl_float(a.v[i])) + anl_float(r.v[i]);
                if (v > 0) bits.v[i] = (uint8_t)(bits.v[i] | 1u << plane);
                out.v[i] = anl_to<T>(v < 0 ? 0 : v);
            }
            anl_put(y, from + e, out);
            j += step;
            if (j >= k) j -= k;
        }
        anl_put(mask, q * V, bits);
    }
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    plan s = plan_of(&c->in[0].shape);
    const T *x = (const T *)r->in[0], *residual = anl__has_in(c, 5) ? (const T *)r->in[5] : (const T *)NULL;
    float eps = (float)anl__attr_float(c, "eps");
    bool train = anl__bn_measures(c);
    float *mean = train ? (float *)r->out[1] : (float *)r->ws, *rstd = train ? (float *)r->out[2] : mean + s.k;
    int64_t samples = c->in[0].shape.dim[0], n = s.rows * s.k;
    if (train) {
        measured out = {mean, rstd, (float *)r->out[3], eps, (float)samples};
        void (*f)(plan, const T *, moments *, unsigned *, measured) = measure<T>;
        ANL_TRY(ANL_LAUNCH(f, grid_of(s), ANL_THREADS, r, s, x, (moments *)r->ws, anl__cuda_counters(r->device), out));
    } else {
        ANL_TRY(ANL_LAUNCH(fixed_moments, anl_blocks(s.k, ANL_THREADS), ANL_THREADS, r, (const float *)r->in[3], (const float *)r->in[4], mean, rstd, s.k, eps));
    }
    channel ch = {mean, rstd, (const float *)r->in[1], (const float *)r->in[2]};
    bool masked = anl__bn_has_mask(c), wide = anl_vectors<T>(s.k, {x, residual, r->out[0], mean, rstd, ch.gamma, ch.beta, masked ? r->out[4] : NULL});
    if (masked) {
        int64_t each = n / samples, threads = samples * anl__bn_mask_bytes(each) / (wide ? anl_vec<T>::N : 1);
        void (*f)(channel, const T *, const T *, T *, uint8_t *, int64_t, int64_t, int64_t) = wide ? apply_mask<T, anl_vec<T>::N> : apply_mask<T, 1>;
        return ANL_LAUNCH(f, anl_blocks(threads, ANL_THREADS), ANL_THREADS, r, ch, x, residual, (T *)r->out[0], (uint8_t *)r->out[4], samples, each, s.k);
    }
    void (*f)(channel, const T *, const T *, T *, int64_t, int64_t, bool) = wide ? apply<T, anl_vec<T>::N> : apply<T, 1>;
    return ANL_LAUNCH(f, anl_blocks(wide ? n / anl_vec<T>::N : n, ANL_THREADS), ANL_THREADS, r, ch, x, residual, (T *)r->out[0], n, s.k, anl__attr_int(c, "act") != 0);
}
ANL_TYPED_RUN(fwd)

static anl_status fwd_prepare(const anl__env *env, anl__prepared *p)
{
    (void)env;
    plan s = plan_of(&p->call.in[0].shape);
    p->workspace = anl__bn_measures(&p->call) ? (size_t)s.slices * (size_t)s.k * sizeof(moments) : 2 * (size_t)s.k * sizeof(float);
    return ANL_OK;
}

/* ---- gradient -------------------------------------------------------------------------------- */

struct gate { /* which elements relu let through; none: all */
    const uint8_t *mask;
    const float *beta; /* with the others of its channel; NULL: there is a mask, or no relu */
    int64_t each, bytes;
    bool relu;
};

static __device__ __forceinline__ bool passes(const gate &g, bool masked, float gamma, float beta, float xhat) { return !g.relu || (g.mask ? masked : gamma * xhat + beta > 0); }

/* The mask's word on V neighbours from element e of a sample on, whose mask it is; V divides e and a plane. */
template <int V> static __device__ __forceinline__ void unmask(const uint8_t *mask, int64_t e, bool (&out)[V])
{
    anl_some<uint8_t, V> byte = anl_get<uint8_t, V>(mask, anl__bn_mask_byte(e));
    int bit = anl__bn_mask_bit(e);
    for (int i = 0; i < V; i++) out[i] = byte.v[i] >> bit & 1;
}

struct pair { float sum, dot; };

/* ROWS rows at a time: all their loads come before what depends on one of them. */
template <class T> __global__ void gradient_sums(plan s, gate g, channel c, const T *x, const T *dy, pair *part, unsigned *counters, float *dgamma, float *dbeta)
{
    constexpr int ROWS = 4;
    ANL_SHARED_ARRAY(pair, space, ANL_THREADS);
    int64_t j = (int64_t)blockIdx.x * s.channels + threadIdx.x % s.channels, from = blockIdx.y * s.each + threadIdx.x / s.channels;
    int64_t to = (blockIdx.y + 1) * s.each < s.rows ? (blockIdx.y + 1) * s.each : s.rows;
    pair v = {0, 0};
    bool here = j < s.k;
    float mean = here ? c.mean[j] : 0, rstd = here ? c.rstd[j] : 0, gamma = here ? c.gamma[j] : 0, beta = here && g.beta ? g.beta[j] : 0;
    const uint8_t *mask = g.mask; /* of the row's sample; e: the element's place in that, moved on by a row's samples and rows of one */
    int64_t image = g.each / s.k, e = 0, samples = 0, on = 0;
    if (mask) {
        mask += from / image * g.bytes;
        e = from % image * s.k + j;
        samples = s.lanes / image * g.bytes;
        on = s.lanes % image * s.k;
    }
    for (int64_t i = from; i < to && here; i += ROWS * s.lanes) {
        T a[ROWS], b[ROWS];
        uint8_t byte[ROWS] = {};
        int bit[ROWS] = {};
        for (int q = 0; q < ROWS; q++) { /* past the end: a row again, to no effect */
            int64_t at = (i + q * s.lanes < to ? i + q * s.lanes : i) * s.k + j;
            a[q] = x[at];
            b[q] = dy[at];
        }
        for (int q = 0; q < ROWS && mask; q++) {
            byte[q] = mask[anl__bn_mask_byte(e)];
            bit[q] = anl__bn_mask_bit(e);
            if (i + (q + 1) * s.lanes >= to) continue;
            mask += samples;
            e += on;
            if (e >= g.each) e -= g.each, mask += g.bytes;
        }
        for (int q = 0; q < ROWS; q++) {
            float xhat = (anl_float(a[q]) - mean) * rstd, d = passes(g, byte[q] >> bit[q] & 1, gamma, beta, xhat) ? anl_float(b[q]) : 0;
            if (i + q * s.lanes >= to) continue;
            v.sum += d;
            v.dot += d * xhat;
        }
    }
    auto add_two = [](pair a, pair b) { return pair{a.sum + b.sum, a.dot + b.dot}; };
    v = anl_merge_lanes(v, space, s.channels, add_two);
    if (!anl_merge_slices(v, j, s.k, part, space, s.channels, counters, add_two) || threadIdx.x / s.channels || j >= s.k) return;
    dgamma[j] = v.dot;
    dbeta[j] = v.sum;
}

/* V divides k. */
template <class T, int V> __global__ void spread(channel c, gate g, const T *x, const T *dy, const float *dgamma, const float *dbeta, T *dx, T *residual, int64_t rows, int64_t k)
{
    float share = 1 / (float)rows;
    ANL_EACH(q, rows * k / V)
    {
        float mean[V], rstd[V], gamma[V], beta[V] = {}, dg[V], db[V];
        anl_some<T, V> a = anl_get<T, V>(x, q * V), b = anl_get<T, V>(dy, q * V), out, through;
        int64_t j = q * V % k;
        bool masked[V];
        anl_take(c.mean, j, mean);
        anl_take(c.rstd, j, rstd);
        anl_take(c.gamma, j, gamma);
        anl_take(dgamma, j, dg);
        anl_take(dbeta, j, db);
        if (g.beta) anl_take(g.beta, j, beta);
        if (g.mask) unmask(g.mask + q * V / g.each * g.bytes, q * V % g.each, masked);
        for (int i = 0; i < V; i++) {
            float xhat = (anl_float(a.v[i]) - mean[i]) * rstd[i], d = passes(g, g.mask && masked[i], gamma[i], beta[i], xhat) ? anl_float(b.v[i]) : 0;
            out.v[i] = anl_to<T>(gamma[i] * rstd[i] * (d - db[i] * share - xhat * (dg[i] * share)));
            through.v[i] = anl_to<T>(d);
        }
        anl_put(dx, q * V, out);
        if (residual) anl_put(residual, q * V, through);
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
    float *dgamma = (float *)r->out[1], *dbeta = (float *)r->out[2];
    T *residual = c->n_out > 3 ? (T *)r->out[3] : (T *)NULL;
    bool wide = anl_vectors<T>(s.k, {x, dy, g.mask, r->out[0], residual, ch.mean, ch.rstd, ch.gamma, g.beta, dgamma, dbeta});
    void (*sums)(plan, gate, channel, const T *, const T *, pair *, unsigned *, float *, float *) = gradient_sums<T>;
    void (*f)(channel, gate, const T *, const T *, const float *, const float *, T *, T *, int64_t, int64_t) = wide ? spread<T, anl_vec<T>::N> : spread<T, 1>;
    ANL_TRY(ANL_LAUNCH(sums, grid_of(s), ANL_THREADS, r, s, g, ch, x, dy, (pair *)r->ws, anl__cuda_counters(r->device), dgamma, dbeta));
    return ANL_LAUNCH(f, anl_blocks(s.rows * s.k / (wide ? anl_vec<T>::N : 1), ANL_THREADS), ANL_THREADS, r, ch, g, x, dy, (const float *)dgamma, (const float *)dbeta, (T *)r->out[0],
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

struct moved { /* of a layer */
    float *mean, *var;
    const float *stat, *count;
    float momentum;
    int64_t k;
};
struct moves { moved layer[ANL__MOST_AT_ONCE]; };

/* Grid row: a layer. */
static __global__ void move(moves all)
{
    moved m = all.layer[blockIdx.y];
    float n = *m.count;
    ANL_EACH(j, n > 0 ? m.k : 0)
    {
        if (!isfinite(m.stat[j]) || !isfinite(m.stat[m.k + j])) continue; /* a bad step leaves no trace */
        m.mean[j] += m.momentum * (m.stat[j] / n - m.mean[j]);
        m.var[j] += m.momentum * (m.stat[m.k + j] / n - m.var[j]);
    }
}

static anl_status running_many(const anl__prepared *const *p, const anl__run *r, int n)
{
    moves all = {};
    int64_t most = 0;
    for (int i = 0; i < n; i++) {
        int64_t k = anl_shape_count(&p[i]->call.in[0].shape);
        all.layer[i] = moved{(float *)r[i].in[0], (float *)r[i].in[1], (const float *)r[i].in[2], (const float *)r[i].in[3], (float)anl__attr_float(&p[i]->call, "momentum"), k};
        if (k > most) most = k;
    }
    return ANL_LAUNCH(move, dim3(anl_blocks(most, ANL_THREADS), (unsigned)n), ANL_THREADS, r, all);
}

static anl_status running_run(const anl__prepared *p, const anl__run *r) { return running_many(&p, r, 1); }

static const anl__kernel fwd_kernel = {.op = "batchnorm", .device = "cuda", .name = "batchnorm/cuda", .rank = 10, .supports = anl_cuda_supports, .prepare = fwd_prepare, .run = fwd};
static const anl__kernel bwd_kernel = {.op = "batchnorm_bwd", .device = "cuda", .name = "batchnorm_bwd/cuda", .rank = 10, .supports = anl_cuda_supports,
                                       .prepare = bwd_prepare, .run = bwd};
static const anl__kernel running_kernel = {.op = "batchnorm_running", .device = "cuda", .name = "batchnorm_running/cuda", .rank = 10, .supports = anl_cuda_supports, .run = running_run,
                                           .run_many = running_many};
extern "C" const anl__kernel *const anl__kernels_batchnorm_cuda[];
const anl__kernel *const anl__kernels_batchnorm_cuda[] = {&fwd_kernel, &bwd_kernel, &running_kernel, NULL};
