/* sample_batch: a block writes a part of a sample; its first thread finds the sample and its window. Bytes moved: a sample as stored (scattered by
 * the shuffle, in rows), and once more as the batch's type; bound: memory, or the launch where batches are small. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

extern "C" {
#include "sample_batch.h"
}

enum { PART = 4096 }; /* elements of a block */

template <class S, class D>
static __global__ void gather(anl__sb s, const S *samples, const int32_t *labels, const int32_t *index, const float *scale, const float *shift, D *x, int32_t *y, const int32_t *rng)
{
    ANL_SHARED_ARRAY(int64_t, found, 1);
    ANL_SHARED_ARRAY(anl__view, seen, 1);
    int64_t i = blockIdx.x;
    int32_t each = s.h * s.w * s.c, from = (int32_t)blockIdx.y * PART, to = from + PART < each ? from + PART : each;
    if (threadIdx.x == 0) {
        int64_t id = anl__sb_sample(&s, rng, index, i);
        found[0] = id;
        seen[0] = anl__augment_draw(&s.augment, anl__sb_seed(rng), (uint32_t)rng[ANL__RNG_EPOCH], id, s.h, s.w);
        if (blockIdx.y == 0) y[i] = labels[id];
    }
    __syncthreads();
    anl__view v = seen[0];
    const S *src = samples + found[0] * each;
    D *dst = x + i * each;
    for (int32_t e = from + (int32_t)threadIdx.x; e < to; e += (int32_t)blockDim.x) {
        int32_t p = e / s.c, k = e - p * s.c, row = p / s.w, column = p - row * s.w, at = anl__sb_pixel(&s, &v, row, column);
        float value = anl__normalised(at < 0 ? 0.0f : (float)src[at * s.c + k], scale[k], shift[k]);
        dst[e] = anl_to<D>(anl__sb_erased(&v, row, column) ? 0.0f : value);
    }
}

template <class S, class D> static anl_status run_of(const anl__prepared *p, const anl__run *r)
{
    anl__sb s = anl__sb_of(&p->call);
    void (*f)(anl__sb, const S *, const int32_t *, const int32_t *, const float *, const float *, D *, int32_t *, const int32_t *) = gather<S, D>;
    return ANL_LAUNCH(f, dim3((unsigned)s.n, (unsigned)((s.h * s.w * s.c + PART - 1) / PART)), ANL_THREADS, r, s, (const S *)r->in[ANL__SB_SAMPLES], (const int32_t *)r->in[ANL__SB_LABELS],
                      (const int32_t *)r->in[ANL__SB_INDEX], (const float *)r->in[ANL__SB_SCALE], (const float *)r->in[ANL__SB_SHIFT], (D *)r->in[ANL__SB_X], (int32_t *)r->in[ANL__SB_Y],
                      (const int32_t *)r->in[ANL__SB_RNG]);
}

template <class D> static anl_status run_to(const anl__prepared *p, const anl__run *r)
{
    return p->call.in[ANL__SB_SAMPLES].dtype == ANL_U8 ? run_of<uint8_t, D>(p, r) : run_of<float, D>(p, r);
}

static anl_status gather_run(const anl__prepared *p, const anl__run *r)
{
    return ANL_BY_TYPE(p->call.in[ANL__SB_X].dtype, run_to, p, r);
}

static bool supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    const anl_shape *d = &c->in[ANL__SB_SAMPLES].shape;
    if (anl__sb_computes(c)) return memcpy(why, "values are computed", 20), false;
    if (anl_dtype_size(c->in[ANL__SB_LABELS].dtype) != 4) return memcpy(why, "labels are of 4 bytes", 22), false;
    if (anl_shape_count(d) / (d->dim[0] ? d->dim[0] : 1) > (int64_t)PART * 65535) return memcpy(why, "the samples are too large", 26), false;
    return anl_cuda_supports(env, c, why);
}

static const anl__kernel kernel = {.op = "sample_batch", .device = "cuda", .name = "sample_batch/cuda", .rank = 10, .supports = supports, .run = gather_run};
extern "C" const anl__kernel *const anl__kernels_sample_batch_cuda[];
const anl__kernel *const anl__kernels_sample_batch_cuda[] = {&kernel, NULL};
