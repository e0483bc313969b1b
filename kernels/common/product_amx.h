/* The bf16 product of product16.h in AMX tiles: blocks of 32 x 32 of the result in four tiles, two of a and two of b beside them, 32 of k at
 * a time. Included by product16.c with the processor's own instructions, by tests/unit/product16_test.c with the same in plain C:
 * tile_config, TILE_CONFIG(p), TILE_ZERO(t), TILE_LOAD(t, p, bytes), TILE_ADD(c, a, b), TILE_STORE(t, p, bytes) and AMX_TARGET. */

typedef struct amx_work {
    int64_t k, lda, ldc;
    const uint16_t *a, *b;
    float *c;
    int wide;
    bool add;
} amx_work;

/* Tiles 0..3: the result, 4 and 5: a, 6 and 7: b. `rows`: of the result and of a. */
AMX_TARGET static void amx_shape(int rows)
{
    _Alignas(64) tile_config c;
    memset(&c, 0, sizeof c);
    c.palette = 1;
    for (int t = 0; t < 8; t++) {
        c.bytes[t] = 64;
        c.rows[t] = (uint8_t)(t >= 6 ? 16 : rows);
    }
    TILE_CONFIG(&c);
}

/* One block; two: it has a second column of 16; low: it has lower tiles. Steps in elements of two (b) or four bytes. */
AMX_TARGET static void amx_block(int64_t k, const uint16_t *a, int64_t lda, const uint16_t *b, int64_t ldb, float *c, int64_t ldc, bool add, bool low, bool two)
{
    const size_t row = (size_t)ldc * sizeof *c;
    if (add) {
        TILE_LOAD(0, c, row);
        if (two) TILE_LOAD(1, c + 16, row);
        if (low) TILE_LOAD(2, c + 16 * ldc, row);
        if (low && two) TILE_LOAD(3, c + 16 * ldc + 16, row);
    } else {
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
        TILE_ZERO(3);
    }
    for (int64_t q = 0; q < k; q += 32, a += 32, b += 16 * ldb) {
        TILE_LOAD(4, a, (size_t)lda * 2);
        TILE_LOAD(6, b, (size_t)ldb * 2);
        TILE_ADD(0, 4, 6);
        if (two) {
            TILE_LOAD(7, b + 32, (size_t)ldb * 2);
            TILE_ADD(1, 4, 7);
        }
        if (!low) continue;
        TILE_LOAD(5, a + 16 * lda, (size_t)lda * 2);
        TILE_ADD(2, 5, 6);
        if (two) TILE_ADD(3, 5, 7);
    }
    TILE_STORE(0, c, row);
    if (two) TILE_STORE(1, c + 16, row);
    if (low) TILE_STORE(2, c + 16 * ldc, row);
    if (low && two) TILE_STORE(3, c + 16 * ldc + 16, row);
}

/* The blocks of one column pair v for rows [i, i + rows), all of one shape. */
AMX_TARGET static void amx_column(const amx_work *w, int v, int64_t i, int64_t rows, int64_t each)
{
    int64_t ldb = 32 * (int64_t)w->wide;
    for (int64_t end = i + rows; i < end; i += each)
        amx_block(w->k, w->a + i * w->lda, w->lda, w->b + 32 * v, ldb, w->c + i * w->ldc + 16 * v, w->ldc, w->add, each > 16, v + 1 < w->wide);
}

/* k is a multiple of 32. Rows go by 32, then 16, then what is left: a change of the tiles' shape costs as much as a block of k = 64. All
 * rows of a column pass before the next column, whose part of b stays in the nearest cache. */
AMX_TARGET static void amx_rows(int64_t rows, int64_t k, const uint16_t *a, int64_t lda, const uint16_t *b, int wide, float *c, int64_t ldc, bool add)
{
    amx_work w = {k, lda, ldc, a, b, c, wide, add};
    int64_t whole = rows / 32 * 32, half = (rows - whole) / 16 * 16, left = rows - whole - half;
    if (whole || half) amx_shape(16);
    for (int v = 0; v < wide; v += 2) {
        if (whole) amx_column(&w, v, 0, whole, 32);
        if (half) amx_column(&w, v, whole, half, 16);
    }
    if (left) amx_shape((int)left);
    for (int v = 0; left && v < wide; v += 2) amx_column(&w, v, whole + half, 1, 16);
}
