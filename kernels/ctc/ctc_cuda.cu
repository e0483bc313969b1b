/* ctc and its gradient (formulas: ctc.c, ctc_body.h). A warp a step and sample finds the logits' normaliser
 * and their largest; then a block a sample walks through the trellis, a thread a state, a barrier a step,
 * both rows in shared memory where they fit; forward the samples' losses and counts are added in a fixed
 * tree. Backward the walk keeps alpha of all steps, comes back with beta and adds it; then a block a step and
 * sample writes the gradient, the states of a class in the target's order. The trellis is in double,
 * exponentials of its differences in f32. Bytes moved: the logits once forward, twice and the gradient once
 * backward, 16 bytes a state and step; bound: latency of a step, T steps forward and 2 T back. Not measured
 * on a GPU. */
#include "kernels/common/row_sums.cuh"
#include "kernels/common/seed.cuh"

extern "C" {
#include "ctc.h"
}

static const int64_t MOST_THREADS = 512, SHARED_CELLS = 1024, ROW_THREADS = 128;

static inline __host__ __device__ int64_t cells_of(const anl__ctc &k) { return 2 * k.most + 1; }

/* ---- every step alone ------------------------------------------------------------------------ */

/* lse[row]: the logarithm of the sum of exponentials; best[row], where wanted: the first of the largest. */
template <class T>
__global__ void normalise(const T *z, int64_t rows, int64_t classes, float *lse, int32_t *best)
{
    int64_t warps = blockDim.x >> 5, lane = threadIdx.x & 31;
    for (int64_t row = blockIdx.x * warps + (threadIdx.x >> 5); row < rows; row += gridDim.x * warps) {
        const T *x = z + row * classes;
        float top = -INFINITY, sum = 0;
        int at = (int)classes;
        for (int64_t j = lane; j < classes; j += 32)
            if (at == (int)classes || anl_float(x[j]) > top) top = anl_float(x[j]), at = (int)j;
        for (int d = 16; d; d >>= 1) {
            float other = __shfl_xor_sync(0xffffffffu, top, d);
            int there = __shfl_xor_sync(0xffffffffu, at, d);
            if (other > top || (other == top && there < at)) top = other, at = there;
        }
        for (int64_t j = lane; j < classes; j += 32) sum += expf(anl_float(x[j]) - top);
        sum = anl_warp_sum(sum);
        if (lane) continue;
        lse[row] = top + logf(sum);
        if (best) best[row] = at;
    }
}

/* ---- a sample's trellis ---------------------------------------------------------------------- */

struct outcome { anl__ctc_sample s; double total; }; /* total: the target's log probability */

/* Lengths and labels of sample n, known to the whole block. Without lengths a target ends before its first
 * negative label. */
static __device__ anl__ctc_sample sample_of(const anl__ctc &k, int64_t n, float *space)
{
    const int32_t *label = k.target + n * k.most;
    anl__ctc_sample s = {anl__ctc_length(k.input_length, n, k.steps),
                         anl__ctc_length(k.target_length, n, k.most), 0, false};
    if (!k.target_length) {
        float end = (float)s.labels; /* far fewer than 2^24 */
        for (int64_t i = threadIdx.x; i < s.labels; i += blockDim.x)
            if (label[i] < 0 && (float)i < end) end = (float)i;
        s.labels = (int64_t)-anl_block_max(-end, space);
    }
    float bad = 0;
    for (int64_t i = threadIdx.x; i < s.labels; i += blockDim.x)
        if (label[i] < 0 || label[i] >= k.classes || label[i] == k.blank) bad = 1;
    s.bad = anl_block_max(bad, space) > 0;
    s.states = 2 * s.labels + 1;
    return s;
}

template <class T> struct walk { /* where a block walks */
    anl__ctc k;
    int64_t n;
    anl__ctc_sample s;
    const T *z;
    const float *lse;
    const int32_t *label;
    double *row; /* two rows of cells_of(k) */
};

/* The log probability of state i's class at step t. */
template <class T> static __device__ __forceinline__ double emission(const walk<T> &w, int64_t t, int64_t i)
{
    int64_t at = t * w.k.samples + w.n;
    if (i >= w.s.states) return 0;
    double e =
        (double)anl_float(w.z[at * w.k.classes + (i % 2 ? w.label[i / 2] : w.k.blank)]) - (double)w.lse[at];
    return e < ANL__CTC_NEVER ? ANL__CTC_NEVER : e;
}

/* A path may come to state i from i - 2, over the blank between. */
template <class T> static __device__ __forceinline__ bool jumps(const walk<T> &w, int64_t i)
{
    return i % 2 && i >= 3 && i < w.s.states && w.label[i / 2] != w.label[i / 2 - 1];
}

/* log(exp a + exp b + exp c) */
static __device__ __forceinline__ double meet(double a, double b, double c)
{
    double top = fmax(fmax(a, b), c);
    return top + (double)logf(expf((float)(a - top)) + expf((float)(b - top)) + expf((float)(c - top)));
}

/* The target's log probability. alpha, where wanted: of all steps and samples; best, where wanted: for
   `right`, whether the likeliest classes stand for the target. */
template <class T>
static __device__ double forwards(const walk<T> &w, double *alpha, const int32_t *best, bool *right)
{
    int64_t cells = cells_of(w.k), found = 0, before = -1, tid = threadIdx.x, states = w.s.states;
    bool same = true;
    if (w.s.steps == 0) {
        *right = w.s.labels == 0;
        return w.s.labels ? ANL__CTC_NEVER : 0;
    }
    double ahead = emission(w, 0, tid);
    for (int64_t t = 0; t < w.s.steps; t++) {
        const double *from = w.row + (t + 1) % 2 * cells;
        double *to = w.row + t % 2 * cells, now = ahead;
        if (t + 1 < w.s.steps) ahead = emission(w, t + 1, tid); /* on its way while this step goes on */
        for (int64_t i = tid; i < states; i += blockDim.x) {
            double e = i == tid ? now : emission(w, t, i), v = i < 2 ? e : ANL__CTC_NEVER;
            if (t)
                v = e + meet(from[i], i >= 1 ? from[i - 1] : ANL__CTC_NEVER,
                             jumps(w, i) ? from[i - 2] : 2 * ANL__CTC_NEVER);
            to[i] = v;
            if (alpha) alpha[(t * w.k.samples + w.n) * cells + i] = v;
        }
        if (best) {
            int64_t b = best[t * w.k.samples + w.n];
            if (b != before && b != w.k.blank) {
                same = same && found < w.s.labels && w.label[found] == b;
                found++;
            }
            before = b;
        }
        __syncthreads();
    }
    const double *last = w.row + (w.s.steps - 1) % 2 * cells + states;
    *right = same && found == w.s.labels;
    return meet(last[-1], states > 1 ? last[-2] : ANL__CTC_NEVER, 2 * ANL__CTC_NEVER);
}

/* Adds beta to alpha, of all steps. */
template <class T> static __device__ void backwards(const walk<T> &w, double *alpha)
{
    int64_t cells = cells_of(w.k), tid = threadIdx.x, states = w.s.states, last = w.s.steps - 1;
    if (last < 0) return;
    double ahead = emission(w, last, tid);
    for (int64_t t = last; t >= 0; t--) {
        const double *from = w.row + (t + 1) % 2 * cells; /* beta and the emission of step t + 1 */
        double *to = w.row + t % 2 * cells, now = ahead;
        __syncthreads();
        if (t > 0) ahead = emission(w, t - 1, tid);
        for (int64_t i = tid; i < states; i += blockDim.x) {
            double beta = i >= states - 2 ? 0 : ANL__CTC_NEVER;
            if (t < last)
                beta = meet(from[i], i + 1 < states ? from[i + 1] : ANL__CTC_NEVER,
                            jumps(w, i + 2) ? from[i + 2] : 2 * ANL__CTC_NEVER);
            to[i] = beta + (i == tid ? now : emission(w, t, i));
            alpha[(t * w.k.samples + w.n) * cells + i] += beta;
        }
    }
}

/* For each label the next one of its class, or `labels`; inverted where none of its class is before it. */
static __device__ void link(const int32_t *label, int64_t labels, int32_t *chain)
{
    for (int64_t i = threadIdx.x; i < labels; i += blockDim.x) {
        int64_t next = i + 1, earlier = 0;
        while (next < labels && label[next] != label[i]) next++;
        while (label[earlier] != label[i]) earlier++;
        chain[i] = earlier == i ? ~(int32_t)next : (int32_t)next;
    }
}

/* rows: in global memory, for targets too long for shared memory. Forward: best, and part [4][samples];
 * backward: alpha, kept and chain. */
template <class T> __global__ void trellis(anl__ctc k, const T *z, const float *lse, double *rows,
                                           const int32_t *best, float *part, double *alpha, outcome *kept,
                                           int32_t *chain)
{
    ANL_SHARED_ARRAY(float, space, 33);
    ANL_SHARED_ARRAY(double, near, 2 * SHARED_CELLS);
    int64_t n = blockIdx.x, cells = cells_of(k);
    walk<T> w = {k, n, sample_of(k, n, space), z, lse, k.target + n * k.most,
                 cells <= SHARED_CELLS ? near : rows + n * 2 * cells};
    bool right = false;
    double total = w.s.bad ? ANL__CTC_NEVER : forwards(w, alpha, best, &right);
    bool never = total < ANL__CTC_NEVER / 2, counts = !w.s.bad && (!never || k.infinite);
    if (alpha) {
        if (!never) backwards(w, alpha);
        link(w.label, w.s.labels, chain + n * k.most);
    }
    if (threadIdx.x) return;
    if (kept) kept[n] = outcome{w.s, total};
    if (!part) return;
    part[ANL__CTC_NUM * k.samples + n] = w.s.bad ? NAN : !counts ? 0 : never ? INFINITY : (float)-total;
    part[ANL__CTC_DEN * k.samples + n] = counts;
    part[ANL__CTC_CORRECT * k.samples + n] = counts && right;
    part[ANL__CTC_IMPOSSIBLE * k.samples + n] = never && !w.s.bad;
}

/* ---- the gradient ---------------------------------------------------------------------------- */

/* both: alpha and beta. Classes of the target are written a second time. */
template <class T> __global__ void slopes(anl__ctc k, const T *z, const float *lse, const double *both,
                                          const outcome *kept, const int32_t *chain, anl_seed dnum, T *dz)
{
    ANL_SHARED_ARRAY(float, space, 33);
    float seed = anl_seed_value(dnum);
    for (int64_t row = blockIdx.x; row < k.steps * k.samples; row += gridDim.x) {
        int64_t t = row / k.samples, n = row % k.samples;
        outcome o = kept[n];
        const int32_t *label = k.target + n * k.most, *link_of = chain + n * k.most;
        const double *with = both + row * cells_of(k);
        const T *x = z + row * k.classes;
        T *d = dz + row * k.classes;
        bool never = o.total < ANL__CTC_NEVER / 2;
        if (never || t >= o.s.steps) {
            float v = never && !o.s.bad && k.infinite && t < o.s.steps ? NAN : 0;
            for (int64_t j = threadIdx.x; j < k.classes; j += blockDim.x) d[j] = anl_to<T>(v);
            continue;
        }
        for (int64_t j = threadIdx.x; j < k.classes; j += blockDim.x)
            d[j] = anl_to<T>(seed * expf(anl_float(x[j]) - lse[row]));
        float blanks = 0;
        for (int64_t i = threadIdx.x; i <= o.s.labels; i += blockDim.x)
            blanks += expf((float)(with[2 * i] - o.total));
        blanks = anl_block_sum(blanks, space); /* and all of the row is written */
        if (threadIdx.x == 0)
            d[k.blank] = anl_to<T>(seed * (expf(anl_float(x[k.blank]) - lse[row]) - blanks));
        for (int64_t i = threadIdx.x; i < o.s.labels; i += blockDim.x) {
            if (link_of[i] >= 0) continue; /* the first of its class adds all */
            float sum = 0;
            for (int64_t q = i; q < o.s.labels; q = link_of[q] < 0 ? ~link_of[q] : link_of[q])
                sum += expf((float)(with[2 * q + 1] - o.total));
            d[label[i]] = anl_to<T>(seed * (expf(anl_float(x[label[i]]) - lse[row]) - sum));
        }
    }
}

/* ---- kernels --------------------------------------------------------------------------------- */

struct places { /* of a call in its workspace; NULL: not used */
    double *alpha, *rows;
    outcome *kept;
    float *lse, *part;
    int32_t *best, *chain;
};

static size_t lay(const anl__ctc &k, bool back, char *ws, places *out)
{
    size_t steps = (size_t)(k.steps * k.samples), cells = (size_t)cells_of(k), samples = (size_t)k.samples;
    const size_t size[] = {
        back ? 8 * steps * cells : 0,           cells > SHARED_CELLS ? 16 * samples * cells : 0,
        back ? samples * sizeof(outcome) : 0,   4 * steps,
        back ? 0 : 4 * samples * ANL__CTC_SUMS, back ? 0 : 4 * steps,
        back ? 4 * samples * (size_t)k.most : 0};
    size_t at = 0;
    char *place[7];
    for (int i = 0; i < 7; at += size[i++]) place[i] = size[i] && ws ? ws + at : (char *)NULL;
    *out = places{(double *)place[0], (double *)place[1],  (outcome *)place[2], (float *)place[3],
                  (float *)place[4],  (int32_t *)place[5], (int32_t *)place[6]};
    return at;
}

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    places l;
    (void)env;
    p->workspace = lay(anl__ctc_of(&p->call, NULL, 0), p->call.n_out == 1, NULL, &l);
    return ANL_OK;
}

/* What both begin with. */
template <class T> static anl_status walk_all(const anl__run *r, const anl__ctc &k, const places &l)
{
    void (*f)(const T *, int64_t, int64_t, float *, int32_t *) = normalise<T>;
    void (*g)(anl__ctc, const T *, const float *, double *, const int32_t *, float *, double *, outcome *,
              int32_t *) = trellis<T>;
    int64_t rows = k.steps * k.samples, threads = (cells_of(k) + 31) / 32 * 32;
    ANL_TRY(ANL_LAUNCH(f, anl_blocks(rows, ROW_THREADS / 32), (unsigned)ROW_THREADS, r, (const T *)r->in[0],
                       rows, k.classes, l.lse, l.best));
    return ANL_LAUNCH(g, (unsigned)k.samples, (unsigned)(threads < MOST_THREADS ? threads : MOST_THREADS), r,
                      k, (const T *)r->in[0], (const float *)l.lse, l.rows, (const int32_t *)l.best, l.part,
                      l.alpha, l.kept, l.chain);
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    anl__ctc k = anl__ctc_of(&p->call, r, 2);
    places l;
    lay(k, false, (char *)r->ws, &l);
    ANL_TRY(walk_all<T>(r, k, l));
    return anl_row_sums(r, l.part, k.samples, ANL__CTC_SUMS);
}
ANL_TYPED_RUN(fwd)

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    anl__ctc k = anl__ctc_of(&p->call, r, 3);
    places l;
    void (*f)(anl__ctc, const T *, const float *, const double *, const outcome *, const int32_t *,
              anl_seed, T *) = slopes<T>;
    lay(k, true, (char *)r->ws, &l);
    ANL_TRY(walk_all<T>(r, k, l));
    return ANL_LAUNCH(f, anl_blocks(k.steps * k.samples, 1), (unsigned)ROW_THREADS, r, k, (const T *)r->in[0],
                      (const float *)l.lse, (const double *)l.alpha, (const outcome *)l.kept,
                      (const int32_t *)l.chain, anl_seed_in(r, 2), (T *)r->out[0]);
}
ANL_TYPED_RUN(bwd)

static bool supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    if (!anl_cuda_supports(env, c, why)) return false;
    if (c->in[0].shape.dim[2] < INT32_MAX) return true;
    memcpy(why, "too many classes", 17);
    return false;
}

#define KERNEL(id, op_name, fn, ...)                                                                         \
    static const anl__kernel id = {.op = op_name, .device = "cuda", .name = op_name "/cuda", .rank = 10,     \
                                   .supports = supports, .prepare = prepare, .run = fn, __VA_ARGS__};
KERNEL(k_fwd, "ctc", fwd, .covers = anl_covers_fill)
KERNEL(k_bwd, "ctc_bwd", bwd, .covers = anl_covers_seed)
extern "C" const anl__kernel *const anl__kernels_ctc_cuda[];
const anl__kernel *const anl__kernels_ctc_cuda[] = {&k_fwd, &k_bwd, NULL};
