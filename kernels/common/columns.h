/* Sums of columns: sum[j] of x[i * k + j] over rows. Part of cpu kernels, inside cpu_twice.h (T, FN, GET).
 *
 * Blocks of BLOCK additions are added up among themselves before they join the total, so that rounding errors grow with the
 * root of the number of blocks and not of rows. Narrow rows are taken several at a time (anl__tile_length). */
#define BLOCK 64

/* Columns [0, width) of `rows` rows that lie `stride` apart, into acc. */
ANL__INLINE void FN(columns_block)(const T *x, int64_t rows, int64_t stride, int64_t width, float *acc)
{
    for (int64_t j = 0; j < width; j++) acc[j] = 0;
    for (int64_t i = 0; i < rows; i++, x += stride)
        ANL__LANES for (int64_t j = 0; j < width; j++) acc[j] += GET(x[j]);
}

/* sum[0..width) = the columns' sums; rest: elements after the last whole row (less than width), added to its first columns. */
ANL__INLINE void FN(columns_strip)(const T *x, int64_t rows, int64_t stride, int64_t width, int64_t rest,
                                   float *sum)
{
    float acc[ANL__TILE];
    for (int64_t j = 0; j < width; j++) sum[j] = 0;
    for (int64_t i = 0; i < rows; i += BLOCK) {
        FN(columns_block)(x + i * stride, rows - i < BLOCK ? rows - i : BLOCK, stride, width, acc);
        for (int64_t j = 0; j < width; j++) sum[j] += acc[j];
    }
    for (int64_t j = 0; j < rest; j++) sum[j] += GET(x[rows * stride + j]);
}

ANL__CLONES static void FN(column_sums)(const T *x, int64_t rows, int64_t k, float *sum)
{
    float wide[ANL__TILE];
    int64_t length = anl__tile_length(k), n = rows * k;
    if (length > k) {
        FN(columns_strip)(x, n / length, length, length, n % length, wide);
        anl__tree_add(wide, length / k, k);
        for (int64_t j = 0; j < k; j++) sum[j] = wide[j];
        return;
    }
    for (int64_t j = 0; j < k; j += ANL__TILE)
        FN(columns_strip)(x + j, rows, k, k - j < ANL__TILE ? k - j : ANL__TILE, 0, sum + j);
}
#undef BLOCK
