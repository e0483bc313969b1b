/* Weights for the steps' products: tiles, each k rows of 16 * wide numbers (bf16: k / 2 rows of pairs, product16.h). Forward the weights are turned (a product's k is a row of
 * theirs), and a tile holds 16 units' gates side by side, so that the product of a tile is all that these units' step needs. */
#include "kernels/common/cpu.h"
#include "recurrent_cpu.h"

#include <stdio.h>
#include <string.h>

anl__arithmetic anl__arithmetic_of(anl_dtype type)
{
    return (anl__arithmetic){type, anl__product_best(), type == ANL_BF16 ? anl__product16_best() : NULL};
}

const char *anl__arithmetic_name(const anl__arithmetic *m) { return m->type == ANL_BF16 ? anl__product16_name(m->bf16) : anl__product_name(m->f32); }

anl__tiling anl__tiling_of(const anl__call *c, int in, bool backward)
{
    anl__recurrence k = anl__recurrence_of(c);
    int64_t width = c->in[in].shape.dim[1], rows = backward ? k.gates * k.units : width;
    anl__tiling t = {.type = c->in[0].dtype, .rows = rows, .deep = anl__deep(c->in[0].dtype, rows), .gates = 1, .columns = width};
    if (backward) {
        if (k.cell == ANL__GRU && in == ANL__REC_W_IH) t.turned = k.units;
        return t;
    }
    t.columns = k.units;
    t.gates = k.gates;
    t.transposed = true;
    return t;
}

size_t anl__packed_bytes(const anl__tiling *t)
{
    int64_t columns = (t->columns + ANL__COLUMN - 1) / ANL__COLUMN * ANL__COLUMN;
    return (size_t)(columns * t->deep * (t->gates > 1 ? t->gates : 1)) * anl_dtype_size(t->type);
}

/* Element (q, j) of a tile of ld columns. */
ANL__INLINE void put(bool half, void *tile, int64_t ld, int64_t q, int64_t j, float v)
{
    if (half) ((anl__bf16 *)tile)[(q >> 1) * 2 * ld + 2 * j + (q & 1)] = anl__to_bf16(v);
    else ((float *)tile)[q * ld + j] = v;
}

/* 16 rows of w (fewer: zeros) become columns from `to` on; blocks of 16 x 16 keep both sides in cache. */
ANL__INLINE void turn(bool half, const float *w, int64_t stride, int64_t live, int64_t k, void *tile, int64_t ld, int64_t to)
{
    for (int64_t q = 0; q < k; q += ANL__COLUMN) {
        int64_t end = k - q < ANL__COLUMN ? k : q + ANL__COLUMN;
        for (int64_t j = 0; j < ANL__COLUMN; j++)
            for (int64_t i = q; i < end; i++) put(half, tile, ld, i, to + j, j < live ? w[j * stride + i] : 0);
    }
}

static void pack_forward(const anl__tiling *t, const float *w, void *out, int64_t tile)
{
    int64_t wide = anl__tile_wide(t, tile);
    for (int64_t v = 0; v < wide; v++) {
        int64_t unit = anl__tile_first(t, tile) + (t->gates > 1 ? 0 : ANL__COLUMN * v), row = t->gates > 1 ? v * t->columns + unit : unit;
        if (t->type == ANL_BF16) turn(true, w + row * t->rows, t->rows, t->columns - unit, t->rows, out, ANL__COLUMN * wide, ANL__COLUMN * v);
        else turn(false, w + row * t->rows, t->rows, t->columns - unit, t->rows, out, ANL__COLUMN * wide, ANL__COLUMN * v);
    }
}

ANL__INLINE void pack_rows(bool half, const anl__tiling *t, const float *w, void *out, int64_t tile)
{
    int64_t wide = ANL__COLUMN * anl__tile_wide(t, tile), live = anl__tile_units(t, tile), first = anl__tile_first(t, tile);
    for (int64_t q = 0; q < t->rows; q++) {
        int64_t row = q < t->turned ? q + t->rows - t->turned : q - t->turned;
        for (int64_t j = 0; j < live; j++) put(half, out, wide, q, j, w[row * t->columns + first + j]);
        for (int64_t j = live; j < wide; j++) put(half, out, wide, q, j, 0);
    }
}

static void pack_backward(const anl__tiling *t, const float *w, void *out, int64_t tile)
{
    if (t->type == ANL_BF16) pack_rows(true, t, w, out, tile);
    else pack_rows(false, t, w, out, tile);
}

typedef struct job { const anl__tiling *t; const float *w; void *packed; } job;

static void pack_task(void *arg, int tile, int worker)
{
    const job *a = arg;
    char *out = (char *)a->packed + anl__tile_offset(a->t, tile);
    size_t row = sizeof(float) * (size_t)(ANL__COLUMN * anl__tile_wide(a->t, tile)); /* of pairs too */
    (void)worker;
    if (a->t->deep > a->t->rows) memset(out + (size_t)(a->t->rows / 2) * row, 0, (size_t)(a->t->deep / 2 - a->t->rows / 2) * row);
    if (a->t->transposed) pack_forward(a->t, a->w, out, tile);
    else pack_backward(a->t, a->w, out, tile);
}

void anl__pack_tiles(const anl__tiling *t, const float *w, void *packed, anl__pool *pool)
{
    job a = {t, w, packed};
    anl__pool_run(pool, (int)anl__tiles(t), pack_task, &a);
}

static void pack_run(void *state, const void *src, void *dst, anl__pool *pool) { anl__pack_tiles(state, src, dst, pool); }
static void pack_release(anl_ctx *ctx, void *state) { anl__free(ctx, state); }

bool anl__pack_weights(const anl__env *env, const anl__call *c, int in, bool backward, anl__pack *out)
{
    if (in != ANL__REC_W_IH && in != ANL__REC_W_HH) return false;
    anl__tiling *t = anl__alloc(env->ctx, sizeof *t);
    if (!t) {
        out->status = ANL_NOMEM;
        return false;
    }
    *t = anl__tiling_of(c, in, backward);
    *out = (anl__pack){.bytes = anl__packed_bytes(t), .state = t, .run = pack_run, .release = pack_release};
    snprintf(out->key, sizeof out->key, "tiles %s %s %lldx%lld, %lld gates, turned %lld", anl_dtype_name(t->type), t->transposed ? "units" : "columns", (long long)t->rows,
             (long long)t->columns, (long long)t->gates, (long long)t->turned);
    return true;
}

/* Samples share what fits the cache of every core; else tiles, so that a core has only its own part of the weights. */
anl__lanes anl__lanes_of(const anl__recurrence *k, int64_t tiles, int workers)
{
    int64_t weights = k->gates * k->units * k->units * (int64_t)sizeof(float);
    double work = 2.0 * (double)(k->steps * k->batch) * (double)(k->gates * k->units) * (double)(k->inputs + k->units);
    int64_t rows = k->batch / 4 > 1 ? k->batch / 4 : 1;
    if (work < 1e6) return (anl__lanes){1, false};
    if ((weights <= 256 << 10 && rows >= workers) || tiles < 2) return (anl__lanes){rows < workers ? (int)rows : workers, false};
    return (anl__lanes){tiles < workers ? (int)tiles : workers, true};
}
