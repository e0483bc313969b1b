/* upsample2d (nearest, bilinear) and its gradient: a thread an element of the result; an old pixel gathers from the new ones within one factor
 * on either side. Bytes moved: input and result once, neighbours from cache; bound: memory. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

extern "C" {
#include "upsample2d.h"
}

struct sizes { int64_t h, w, k, sh, sw; bool bilinear; }; /* of the small image; factors */
struct taps { int64_t at[2]; float w[2]; };              /* as anl__taps */

static __device__ __forceinline__ taps taps_of(bool bilinear, int64_t scale, int64_t n, int64_t i)
{
    taps t = {{i / scale, i / scale}, {1, 0}};
    if (!bilinear) return t;
    float x = fmaxf(((float)i + 0.5f) / (float)scale - 0.5f, 0.0f);
    t.at[0] = (int64_t)x;
    t.at[1] = t.at[0] + 1 < n ? t.at[0] + 1 : t.at[0];
    t.w[1] = x - (float)t.at[0];
    t.w[0] = 1 - t.w[1];
    return t;
}

static __device__ __forceinline__ float weight_of(const taps &t, int64_t at) { return (t.at[0] == at ? t.w[0] : 0) + (t.at[1] == at ? t.w[1] : 0); }

template <class T> __global__ void forward(sizes s, const T *x, T *y, int64_t n)
{
    ANL_EACH(e, n)
    {
        int64_t ch = e % s.k, j = e / s.k % (s.w * s.sw), i = e / s.k / (s.w * s.sw) % (s.h * s.sh), sample = e / s.k / (s.w * s.sw) / (s.h * s.sh);
        taps v = taps_of(s.bilinear, s.sh, s.h, i), u = taps_of(s.bilinear, s.sw, s.w, j);
        float sum = 0;
        for (int a = 0; a < 2; a++)
            for (int b = 0; b < 2; b++)
                if (v.w[a] * u.w[b] != 0) sum += v.w[a] * u.w[b] * anl_float(x[((sample * s.h + v.at[a]) * s.w + u.at[b]) * s.k + ch]);
        y[e] = anl_to<T>(sum);
    }
}

template <class T> __global__ void backward(sizes s, const T *dy, T *dx, int64_t n)
{
    int64_t h = s.h * s.sh, w = s.w * s.sw;
    ANL_EACH(e, n)
    {
        int64_t ch = e % s.k, q = e / s.k % s.w, p = e / s.k / s.w % s.h, sample = e / s.k / s.w / s.h;
        float sum = 0;
        for (int64_t i = p ? (p - 1) * s.sh : 0; i < (p + 2) * s.sh && i < h; i++) {
            float wv = weight_of(taps_of(s.bilinear, s.sh, s.h, i), p);
            for (int64_t j = q ? (q - 1) * s.sw : 0; wv != 0 && j < (q + 2) * s.sw && j < w; j++) {
                float wu = weight_of(taps_of(s.bilinear, s.sw, s.w, j), q);
                if (wu != 0) sum += wv * wu * anl_float(dy[((sample * h + i) * w + j) * s.k + ch]);
            }
        }
        dx[e] = anl_to<T>(sum);
    }
}

static sizes sizes_of(const anl__call *c, const anl_shape *small)
{
    sizes s = {small->dim[1], small->dim[2], small->dim[3], anl__attr_at(c, "scale", 0), anl__attr_at(c, "scale", 1), anl__attr_int(c, "mode") != 0};
    return s;
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl_shape_count(&p->call.out[0].shape);
    void (*f)(sizes, const T *, T *, int64_t) = forward<T>;
    return ANL_LAUNCH(f, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, sizes_of(&p->call, &p->call.in[0].shape), (const T *)r->in[0], (T *)r->out[0], n);
}
ANL_TYPED_RUN(fwd)

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl_shape_count(&p->call.out[0].shape);
    void (*f)(sizes, const T *, T *, int64_t) = backward<T>;
    return ANL_LAUNCH(f, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, sizes_of(&p->call, &p->call.out[0].shape), (const T *)r->in[0], (T *)r->out[0], n);
}
ANL_TYPED_RUN(bwd)

#define KERNEL(id, op_name, fn) static const anl__kernel id = {.op = op_name, .device = "cuda", .name = op_name "/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fn};
KERNEL(k_up, "upsample2d", fwd)
KERNEL(k_up_bwd, "upsample2d_bwd", bwd)
extern "C" const anl__kernel *const anl__kernels_upsample2d_cuda[];
const anl__kernel *const anl__kernels_upsample2d_cuda[] = {&k_up, &k_up_bwd, NULL};
