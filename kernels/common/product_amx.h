/* The bf16 product of product16.h in AMX tiles: blocks of 32 x 32 of the result in four tiles, two of a and two of b beside them, 32 of k at
 * a time. Included by product16.c with the processor's own instructions, by tests/unit/product16_test.c with the same in plain C:
 * TILE_CONFIG(p), TILE_ZERO(t), TILE_LOAD(t, p, bytes), TILE_ADD(c, a, b), TILE_STORE(t, p, bytes), TILE_END(), and AMX_TARGET. */

typedef struct tile_config { uint8_t palette, start, zero[14]; uint16_t bytes[16]; uint8_t rows[16]; } tile_config;

/* Tiles 0..3: the result, 4 and 5: a, 6 and 7: b. `first` and `second`: rows of the upper and the lower tiles, second may be 0. */
AMX_TARGET static void amx_shape(int first, int second)
{
    tile_config c;
    memset(&c, 0, sizeof c);
    c.palette = 1;
    for (int t = 0; t < 8; t++) {
        bool lower = t == 2 || t == 3 || t == 5;
        c.bytes[t] = 64;
        c.rows[t] = (uint8_t)(t >= 6 ? 16 : lower ? (second ? second : 1) : first);
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

/* k is a multiple of 32; ldb: of b's rows of pairs, in bf16 numbers. */
AMX_TARGET static void amx_rows(int64_t rows, int64_t k, const uint16_t *a, int64_t lda, const uint16_t *b, int wide, float *c, int64_t ldc, bool add)
{
    int64_t ldb = 32 * (int64_t)wide;
    int shape = 0;
    for (int64_t i = 0; i < rows; i += 32) {
        int left = rows - i < 32 ? (int)(rows - i) : 32, first = left < 16 ? left : 16, second = left - first;
        if (shape != left) amx_shape(first, second);
        shape = left;
        for (int v = 0; v < wide; v += 2) amx_block(k, a + i * lda, lda, b + 32 * v, ldb, c + i * ldc + 16 * v, ldc, add, second > 0, v + 1 < wide);
    }
    TILE_END();
}
