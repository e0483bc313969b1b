/* Sums of a matrix's columns in two stages: a grid row of blocks adds slices of the rows, then a block adds the slices of up to four columns, at least
 * 64 lanes a column merged in a fixed tree. How rows are sliced and lanes merged follows from shapes alone. */
#ifndef ANL_COLUMN_SUMS_CUH
#define ANL_COLUMN_SUMS_CUH

#include "lanes.cuh"

/* part[slice][column]; threadIdx.x walks columns, so that a warp reads neighbours. */
template <class T> __global__ void anl_column_parts(const T *dy, float *part, int64_t rows, int64_t k, int64_t each)
{
    int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, from = (int64_t)blockIdx.y * each, to = from + each < rows ? from + each : rows;
    if (j >= k) return;
    float sum = 0;
    for (int64_t i = from; i < to; i++) sum += anl_float(dy[i * k + j]);
    part[(int64_t)blockIdx.y * k + j] = sum;
}

static __global__ void anl_column_add(const float *part, float *out, int64_t k, int64_t slices, int columns, bool accum)
{
    ANL_SHARED_ARRAY(float, space, ANL_THREADS);
    int64_t j = (int64_t)blockIdx.x * columns + threadIdx.x % columns;
    int lane = threadIdx.x / columns;
    float sum = 0;
    if (j >= k) slices = 0;
    for (int64_t s = lane; s < slices; s += ANL_THREADS / columns) sum += part[s * k + j];
    sum = anl_merge_lanes(sum, space, columns, [](float a, float b) { return a + b; });
    if (lane == 0 && j < k) out[j] = accum ? out[j] + sum : sum;
}

static const int64_t ANL_ROWS_EACH = 128, ANL_MOST_SLICES = 1024;
static inline int64_t anl_rows_each(int64_t rows) { return rows / ANL_MOST_SLICES > ANL_ROWS_EACH ? (rows + ANL_MOST_SLICES - 1) / ANL_MOST_SLICES : ANL_ROWS_EACH; }

/* Bytes of workspace. */
static inline size_t anl_column_space(int64_t rows, int64_t k)
{
    int64_t each = anl_rows_each(rows);
    return (size_t)((rows + each - 1) / each * k) * sizeof(float);
}

template <class T> static anl_status anl_column_sums(const anl__run *r, const T *x, float *out, float *ws, int64_t rows, int64_t k, bool accum)
{
    int64_t each = anl_rows_each(rows), slices = (rows + each - 1) / each;
    void (*f)(const T *, float *, int64_t, int64_t, int64_t) = anl_column_parts<T>;
    ANL_TRY(ANL_LAUNCH(f, dim3((unsigned)((k + 63) / 64), (unsigned)slices), 64, r, x, ws, rows, k, each));
    int columns = anl_block_columns(k, ANL_MOST_FINISHED);
    return ANL_LAUNCH(anl_column_add, (unsigned)((k + columns - 1) / columns), ANL_THREADS, r, (const float *)ws, out, k, slices, columns, accum);
}

#endif
