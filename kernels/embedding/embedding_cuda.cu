/* embedding and its gradient. Backward gathers, so there is no atomic: a block has up to eight rows of the table, reads the positions once, keeps those
 * that chose its rows, in order, as a list in shared memory, and its warps add the list's gradients to 32 columns of a row each. A sum's order is that of its
 * positions. Bytes moved: the chosen rows and the result once, the indices (from cache) once a block; bound: memory. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

extern "C" {
#include "embedding.h"
}

static __device__ __forceinline__ int64_t row_of(const anl__lookup &l, int64_t row)
{
    int64_t v = l.index[row % l.samples * l.steps + row / l.samples];
    return v >= 0 && v < l.vocabulary ? v : -1;
}

template <class T> __global__ void look_up(anl__lookup l, const float *w, T *y)
{
    ANL_EACH(e, l.samples * l.steps * l.width)
    {
        int64_t v = row_of(l, e / l.width);
        y[e] = anl_to<T>(v < 0 ? 0 : w[v * l.width + e % l.width]);
    }
}

enum {
    MOST_ROWS = 8,    /* of the table, that a block has */
    WARPS = ANL_THREADS / 32,
    AT_ONCE = 4,      /* positions that a thread looks at between two barriers */
    LOOKED = AT_ONCE * ANL_THREADS,
    LISTED = 2 * LOOKED
};

/* Adds what the list's positions bring to the block's rows; first: the rows hold nothing yet. A warp has 32 columns of a row at a time. */
template <class T> static __device__ void add_listed(const anl__lookup &l, int64_t v0, int rows, const int64_t *position, const uint8_t *row, int n, const T *dy, float *dw, bool first)
{
    int64_t across = (l.width + 31) / 32;
    for (int64_t part = threadIdx.x / 32; part < rows * across; part += WARPS) {
        int mine = (int)(part / across);
        int64_t j = part % across * 32 + threadIdx.x % 32;
        if (j >= l.width) continue;
        float *to = dw + (v0 + mine) * l.width + j, sum = first ? 0 : *to;
        for (int i = 0; i < n; i++)
            if (row[i] == mine) sum += anl_float(dy[position[i] * l.width + j]);
        *to = sum;
    }
}

/* each: rows of the table of a block, MOST_ROWS at most. */
template <class T> __global__ void add_up(anl__lookup l, int each, const T *dy, float *dw)
{
    ANL_SHARED_ARRAY(int64_t, position, LISTED);
    ANL_SHARED_ARRAY(uint8_t, row, LISTED);
    ANL_SHARED_ARRAY(int, found, WARPS);
    int64_t positions = l.samples * l.steps;
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    for (int64_t v0 = (int64_t)blockIdx.x * each; v0 < l.vocabulary; v0 += (int64_t)gridDim.x * each) {
        int rows = l.vocabulary - v0 < each ? (int)(l.vocabulary - v0) : each, n = 0;
        bool first = true;
        for (int64_t from = 0; from < positions; from += LOOKED) { /* a warp looks at AT_ONCE * 32 neighbours */
            int64_t k = from + warp * 32 * AT_ONCE + lane, v[AT_ONCE];
            unsigned hits[AT_ONCE];
            int before = n, here = 0;
            for (int i = 0; i < AT_ONCE; i++) v[i] = k + 32 * i < positions ? row_of(l, k + 32 * i) - v0 : -1;
            for (int i = 0; i < AT_ONCE; i++) here += __popc(hits[i] = __ballot_sync(0xffffffffu, v[i] >= 0 && v[i] < rows));
            if (lane == 0) found[warp] = here;
            __syncthreads();
            for (int w = 0; w < WARPS; w++) {
                if (w < warp) before += found[w];
                n += found[w];
            }
            for (int i = 0; i < AT_ONCE; i++) {
                int at = before + __popc(hits[i] & ((1u << lane) - 1));
                if (hits[i] >> lane & 1) position[at] = k + 32 * i, row[at] = (uint8_t)v[i];
                before += __popc(hits[i]);
            }
            __syncthreads();
            if (n <= LISTED - LOOKED && from + LOOKED < positions) continue;
            add_listed(l, v0, rows, position, row, n, dy, dw, first);
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
    void (*f)(anl__lookup, int, const T *, float *) = add_up<T>;
    return ANL_LAUNCH(f, anl_blocks(l.vocabulary, each), ANL_THREADS, r, l, each, (const T *)r->in[1], (float *)r->out[0]);
}

static anl_status fwd(const anl__prepared *p, const anl__run *r) { return ANL_BY_TYPE(p->call.out[0].dtype, fwd_of, p, r); }
static anl_status bwd(const anl__prepared *p, const anl__run *r) { return ANL_BY_TYPE(p->call.in[1].dtype, bwd_of, p, r); }

static const anl__kernel k_fwd = {.op = "embedding", .device = "cuda", .name = "embedding/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fwd};
static const anl__kernel k_bwd = {.op = "embedding_bwd", .device = "cuda", .name = "embedding_bwd/cuda", .rank = 10, .supports = anl_cuda_supports, .run = bwd};
extern "C" const anl__kernel *const anl__kernels_embedding_cuda[];
const anl__kernel *const anl__kernels_embedding_cuda[] = {&k_fwd, &k_bwd, NULL};
