/* A tiled product, 16 x 16 results a block, operands by strides, sums in f32 in order: for where cuBLASLt is not. Bound: arithmetic, far below a
 * tensor core. Not measured. */
#ifndef ANL_PRODUCT_CUH
#define ANL_PRODUCT_CUH

#include "cuda.cuh"

static const int ANL_TILE = 16;
struct anl_strides { int64_t row, column; };

/* y[m,n] (+)= act(bias[n] + sum_k a[m,k] b[k,n]). */
template <class A, class B, class Y>
__global__ void anl_product(const A *a, anl_strides sa, const B *b, anl_strides sb, Y *y, const float *bias, int64_t rows, int64_t columns, int64_t inner, bool relu, bool accum)
{
    ANL_SHARED_ARRAY(float, left, ANL_TILE * (ANL_TILE + 1));
    ANL_SHARED_ARRAY(float, right, ANL_TILE * (ANL_TILE + 1));
    int tx = threadIdx.x, ty = threadIdx.y;
    int64_t m = (int64_t)blockIdx.x * ANL_TILE + ty, n = (int64_t)blockIdx.y * ANL_TILE + tx;
    float sum = 0;
    for (int64_t k = 0; k < inner; k += ANL_TILE) {
        left[ty * (ANL_TILE + 1) + tx] = m < rows && k + tx < inner ? anl_float(a[m * sa.row + (k + tx) * sa.column]) : 0;
        right[ty * (ANL_TILE + 1) + tx] = n < columns && k + ty < inner ? anl_float(b[(k + ty) * sb.row + n * sb.column]) : 0;
        __syncthreads();
        for (int q = 0; q < ANL_TILE; q++) sum += left[ty * (ANL_TILE + 1) + q] * right[q * (ANL_TILE + 1) + tx];
        __syncthreads();
    }
    if (m >= rows || n >= columns) return;
    if (bias) sum += bias[n];
    if (accum) sum += anl_float(y[m * columns + n]);
    y[m * columns + n] = anl_to<Y>(relu && sum < 0 ? 0 : sum);
}

#endif
