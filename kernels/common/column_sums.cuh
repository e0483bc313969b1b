/* Sums of a matrix's columns in one launch: a block has up to 32 columns side by side and adds slices of the rows; the last block of some columns adds their
 * slices, at least 64 lanes a column merged in a fixed tree. How rows are sliced and lanes merged follows from shapes alone. */
#ifndef ANL_COLUMN_SUMS_CUH
#define ANL_COLUMN_SUMS_CUH

#include "lanes.cuh"
#include "last_block.cuh"

static const int ANL_MOST_LANES = ANL_MOST_COLUMNS / ANL_MOST_FINISHED; /* of a column, that a thread adds */

/* part[slice][column]; a warp reads neighbours. column0: of the launch's first block. */
template <class T> __global__ void anl_column_sum(const T *dy, float *part, float *out, int64_t rows, int64_t k, int64_t column0, int64_t slices, int64_t each, int columns, bool accum,
                                                  unsigned *counter)
{
    ANL_SHARED_ARRAY(float, space, ANL_THREADS);
    int64_t j = column0 + (int64_t)blockIdx.x * columns + threadIdx.x % columns;
    int threads = ANL_THREADS / columns, own = threadIdx.x / columns; /* of a column */
    int64_t slice = (int64_t)blockIdx.y * threads + own, from = slice * each, to = from + each < rows ? from + each : rows;
    if (j < k && slice < slices) {
        float sum = 0;
        for (int64_t i = from; i < to; i++) sum += anl_float(dy[i * k + j]);
        part[slice * k + j] = sum;
    }
    if (!anl_last_block(&counter[blockIdx.x], gridDim.y)) return;
    int lanes = columns > ANL_MOST_FINISHED ? columns / ANL_MOST_FINISHED : 1; /* of this thread: own, own + threads, ... */
    float lane[ANL_MOST_LANES] = {};
    for (int64_t first = own; j < k && first < slices; first += (int64_t)lanes * threads)
#pragma unroll
        for (int i = 0; i < ANL_MOST_LANES; i++) {
            int64_t s = first + (int64_t)i * threads;
            if (i < lanes && s < slices) lane[i] += part[s * k + j];
        }
#pragma unroll
    for (int d = ANL_MOST_LANES / 2; d; d /= 2)
#pragma unroll
        for (int i = 0; i < d; i++)
            if (d < lanes) lane[i] += lane[i + d];
    float sum = anl_merge_lanes(lane[0], space, columns, [](float a, float b) { return a + b; });
    if (own == 0 && j < k) out[j] = accum ? out[j] + sum : sum;
}

static const int64_t ANL_ROWS_EACH = 128, ANL_MOST_SLICES = 1024;
static inline int64_t anl_rows_each(int64_t rows) { return rows / ANL_MOST_SLICES > ANL_ROWS_EACH ? (rows + ANL_MOST_SLICES - 1) / ANL_MOST_SLICES : ANL_ROWS_EACH; }

/* Bytes of workspace. */
static inline size_t anl_column_space(int64_t rows, int64_t k)
{
    int64_t each = anl_rows_each(rows);
    return (size_t)((rows + each - 1) / each * k) * sizeof(float);
}

/* One launch; several where there are more blocks of columns than counters. */
template <class T> static anl_status anl_column_sums(const anl__run *r, const T *x, float *out, float *ws, int64_t rows, int64_t k, bool accum)
{
    int64_t each = anl_rows_each(rows), slices = (rows + each - 1) / each;
    int columns = anl_block_columns(k, ANL_MOST_COLUMNS), threads = ANL_THREADS / columns;
    int64_t most = (int64_t)ANL__CUDA_COUNTERS * columns;
    void (*f)(const T *, float *, float *, int64_t, int64_t, int64_t, int64_t, int64_t, int, bool, unsigned *) = anl_column_sum<T>;
    for (int64_t from = 0; from < k; from += most) {
        dim3 grid((unsigned)(((k - from < most ? k - from : most) + columns - 1) / columns), (unsigned)((slices + threads - 1) / threads));
        ANL_TRY(ANL_LAUNCH(f, grid, ANL_THREADS, r, x, ws, out, rows, k, from, slices, each, columns, accum, anl__cuda_counters(r->device)));
    }
    return ANL_OK;
}

#endif
