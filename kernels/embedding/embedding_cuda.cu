/* embedding and its gradient. Backward gathers: a block has a row of the table and adds the positions that chose it, in order, so there is no
 * atomic; it reads the indices once a row of the table, from cache. Bytes moved: the chosen rows and the result once; bound: memory. Not measured on a GPU. */
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

template <class T> __global__ void add_up(anl__lookup l, const T *dy, float *dw)
{
    for (int64_t v = blockIdx.x; v < l.vocabulary; v += gridDim.x)
        for (int64_t j = threadIdx.x; j < l.width; j += blockDim.x) {
            float sum = 0;
            for (int64_t k = 0; k < l.samples * l.steps; k++)
                if (row_of(l, k) == v) sum += anl_float(dy[k * l.width + j]);
            dw[v * l.width + j] = sum;
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
    void (*f)(anl__lookup, const T *, float *) = add_up<T>;
    return ANL_LAUNCH(f, anl_blocks(l.vocabulary, 1), 128, r, l, (const T *)r->in[1], (float *)r->out[0]);
}

static anl_status fwd(const anl__prepared *p, const anl__run *r) { return ANL_BY_TYPE(p->call.out[0].dtype, fwd_of, p, r); }
static anl_status bwd(const anl__prepared *p, const anl__run *r) { return ANL_BY_TYPE(p->call.in[1].dtype, bwd_of, p, r); }

static const anl__kernel k_fwd = {.op = "embedding", .device = "cuda", .name = "embedding/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fwd};
static const anl__kernel k_bwd = {.op = "embedding_bwd", .device = "cuda", .name = "embedding_bwd/cuda", .rank = 10, .supports = anl_cuda_supports, .run = bwd};
extern "C" const anl__kernel *const anl__kernels_embedding_cuda[];
const anl__kernel *const anl__kernels_embedding_cuda[] = {&k_fwd, &k_bwd, NULL};
