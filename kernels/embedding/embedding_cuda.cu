/* embedding and its gradient. Backward gathers, so there is no atomic: a block has up to eight rows of the table and some groups of 32 columns, reads the
 * positions once, keeps those that chose its rows, in order, as a list in shared memory, and its warps add the list's gradients to a group of a row each. A
 * warp looks at 32 places of the list at once and has four gradients on the way. A sum's order is that of its positions, whatever the grid. Bytes moved: the
 * chosen rows and the result once, the indices (from cache) once a block; bound: memory, for a very frequent row the latency of its list. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

extern "C" {
#include "embedding.h"
}

static __device__ __forceinline__ int64_t row_of(const anl__lookup &l, int64_t sample, int64_t step)
{
    int64_t v = l.index[sample * l.steps + step];
    return v >= 0 && v < l.vocabulary ? v : -1;
}

template <class T> __global__ void look_up(anl__lookup l, const float *w, T *y)
{
    ANL_EACH(e, l.samples * l.steps * l.width)
    {
        int64_t v = row_of(l, e / l.width % l.samples, e / l.width / l.samples);
        y[e] = anl_to<T>(v < 0 ? 0 : w[v * l.width + e % l.width]);
    }
}

enum {
    MOST_ROWS = 8,    /* of the table, that a block has */
    MOST_BLOCKS = 16384,
    WARPS = ANL_THREADS / 32,
    AT_ONCE = 4,      /* positions that a thread looks at between two barriers, and gradients that it loads before it adds the first */
    LOOKED = AT_ONCE * ANL_THREADS,
    LISTED = 2 * LOOKED
};

/* Column groups begin .. end of 32. */
struct groups { int64_t begin, end; };

/* Adds what the list's positions bring to the block's rows; first: the rows hold nothing yet. A warp has a group of a row at a time. */
template <class T>
static __device__ void add_listed(const anl__lookup &l, int64_t v0, int rows, groups g, const int64_t *position, const uint8_t *row, int n, const T *dy, float *dw, bool first)
{
    int lane = threadIdx.x % 32;
    int64_t across = g.end - g.begin;
    for (int64_t part = threadIdx.x / 32; part < rows * across; part += WARPS) {
        int mine = (int)(part / across);
        int64_t j = (g.begin + part % across) * 32 + lane;
        bool here = j < l.width;
        if (!here) j = l.width - 1; /* to no effect */
        float *to = dw + (v0 + mine) * l.width + j, sum = first ? 0 : *to;
        for (int i = 0; i < n; i += 32) {
            unsigned hits = __ballot_sync(0xffffffffu, i + lane < n && row[i + lane] == mine);
            while (hits) {
                T d[AT_ONCE];
                int count = __popc(hits), at = 0;
                for (int q = 0; q < AT_ONCE; q++) { /* past the last: that again */
                    if (hits) at = i + __ffs((int)hits) - 1;
                    hits &= hits - 1;
                    d[q] = dy[position[at] * l.width + j];
                }
                for (int q = 0; q < AT_ONCE; q++)
                    if (q < count) sum += anl_float(d[q]);
            }
        }
        if (here) *to = sum;
    }
}

struct place { int64_t sample, step; }; /* of a position */

static __device__ __forceinline__ void move(place &p, const place &by, int64_t samples)
{
    p.sample += by.sample;
    p.step += by.step;
    if (p.sample >= samples) p.sample -= samples, p.step++;
}

/* each: rows of the table of a block, MOST_ROWS at most; wide: its groups. A thread walks its positions without divisions: 32 on,
 * AT_ONCE times, then on to the next LOOKED. */
template <class T> __global__ void add_up(anl__lookup l, int each, int wide, const T *dy, float *dw)
{
    ANL_SHARED_ARRAY(int64_t, position, LISTED);
    ANL_SHARED_ARRAY(uint8_t, row, LISTED);
    ANL_SHARED_ARRAY(int, found, WARPS);
    int64_t positions = l.samples * l.steps, across = (l.width + 31) / 32, g0 = (int64_t)blockIdx.y * wide;
    groups g = {g0, g0 + wide < across ? g0 + wide : across};
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, rest = LOOKED - 32 * AT_ONCE;
    int64_t first_k = warp * 32 * AT_ONCE + lane, samples = positions ? l.samples : 1;
    place start = {first_k % samples, first_k / samples}, near = {32 % samples, 32 / samples}, far = {rest % samples, rest / samples};
    for (int64_t v0 = (int64_t)blockIdx.x * each; v0 < l.vocabulary; v0 += (int64_t)gridDim.x * each) {
        int rows = l.vocabulary - v0 < each ? (int)(l.vocabulary - v0) : each, n = 0;
        bool first = true;
        place at = start;
        for (int64_t from = 0; first || from < positions; from += LOOKED) { /* once at least: without positions the rows are zeros */
            int64_t k = from + first_k, v[AT_ONCE]; /* a warp looks at AT_ONCE * 32 neighbours */
            unsigned hits[AT_ONCE];
            int before = n, here = 0;
            for (int i = 0; i < AT_ONCE; i++) {
                v[i] = k + 32 * i < positions ? row_of(l, at.sample, at.step) - v0 : -1;
                move(at, near, samples);
            }
            move(at, far, samples);
            for (int i = 0; i < AT_ONCE; i++) here += __popc(hits[i] = __ballot_sync(0xffffffffu, v[i] >= 0 && v[i] < rows));
            if (lane == 0) found[warp] = here;
            __syncthreads();
            for (int w = 0; w < WARPS; w++) {
                if (w < warp) before += found[w];
                n += found[w];
            }
            for (int i = 0; i < AT_ONCE; i++) {
                int next = before + __popc(hits[i] & ((1u << lane) - 1));
                if (hits[i] >> lane & 1) position[next] = k + 32 * i, row[next] = (uint8_t)v[i];
                before += __popc(hits[i]);
            }
            __syncthreads();
            if (n <= LISTED - LOOKED && from + LOOKED < positions) continue;
            add_listed(l, v0, rows, g, position, row, n, dy, dw, first);
            first = false;
            n = 0;
            __syncthreads();
        }
    }
}

template <class T> static anl_status fwd_of(const anl__prepared *p, const anl__run *r)
{
    anl__lookup l = anl__lookup_of(&p->call, r, &p->call.out[0].shape, p->call.in[1].shape.dim[0]);
    void (*f)(anl__lookup, const float *, T *) = look_up<T>;
    return ANL_LAUNCH(f, anl_blocks(l.samples * l.steps * l.width, ANL_THREADS), ANL_THREADS, r, l, (const float *)r->in[1], (T *)r->out[0]);
}

template <class T> static anl_status bwd_of(const anl__prepared *p, const anl__run *r)
{
    anl__lookup l = anl__lookup_of(&p->call, r, &p->call.in[1].shape, p->call.out[0].shape.dim[0]);
    int each = 1; /* blocks enough for a whole GPU first */
    while (each < MOST_ROWS && l.vocabulary / (each + 1) >= 1024) each++;
    int64_t across = (l.width + 31) / 32, blocks = anl_blocks(l.vocabulary, each), most = MOST_BLOCKS / blocks, wide = (WARPS + each - 1) / each; /* a part a warp */
    if (most < 1) most = 1;
    if ((across + wide - 1) / wide > most) wide = (across + most - 1) / most; /* each block reads all positions */
    void (*f)(anl__lookup, int, int, const T *, float *) = add_up<T>;
    return ANL_LAUNCH(f, dim3((unsigned)blocks, anl_blocks(across, wide)), ANL_THREADS, r, l, each, (int)wide, (const T *)r->in[1], (float *)r->out[0]);
}

static anl_status fwd(const anl__prepared *p, const anl__run *r) { return ANL_BY_TYPE(p->call.out[0].dtype, fwd_of, p, r); }
static anl_status bwd(const anl__prepared *p, const anl__run *r) { return ANL_BY_TYPE(p->call.in[1].dtype, bwd_of, p, r); }

static const anl__kernel k_fwd = {.op = "embedding", .device = "cuda", .name = "embedding/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fwd};
static const anl__kernel k_bwd = {.op = "embedding_bwd", .device = "cuda", .name = "embedding_bwd/cuda", .rank = 10, .supports = anl_cuda_supports, .run = bwd};
extern "C" const anl__kernel *const anl__kernels_embedding_cuda[];
const anl__kernel *const anl__kernels_embedding_cuda[] = {&k_fwd, &k_bwd, NULL};
