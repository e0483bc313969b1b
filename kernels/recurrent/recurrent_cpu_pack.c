/* Weights for the steps' products: tiles, each a packed strip of product.h (bf16: k / 2 rows of pairs, product16.h). Forward the weights are turned (a product's k is a row of
 * theirs), and a tile holds 16 units' gates side by side, so that the product of a tile is all that these units' step needs. */
#include "kernels/common/layout16.h"
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

/* Column v of a tile; *ld: numbers from one row (bf16: half a row of pairs) to the next. */
static void *column(const anl__tiling *t, void *tile, int wide, int v, int64_t *ld)
{
    if (t->type == ANL_F32) return (float *)tile + anl__product_column(anl__product_best(), t->deep, wide, v, ld);
    *ld = ANL__COLUMN * wide;
    return (anl__bf16 *)tile + 2 * ANL__COLUMN * v;
}

/* Rows [first, first + k) of a column. */
static void pack_column(const anl__tiling *t, const float *w, int64_t row_step, int64_t column_step, int64_t first, int64_t k, int64_t live, void *to, int64_t ld)
{
    if (t->type == ANL_F32) anl__product_pack(w, row_step, column_step, k, live, (float *)to + first * ld, ld);
    else anl__pack16(w, row_step, column_step, first, k, live, to, ld);
}

static void pack_forward(const anl__tiling *t, const float *w, void *out, int64_t tile)
{
    int wide = anl__tile_wide(t, tile);
    for (int v = 0; v < wide; v++) {
        int64_t ld, unit = anl__tile_first(t, tile) + (t->gates > 1 ? 0 : ANL__COLUMN * v), row = t->gates > 1 ? v * t->columns + unit : unit;
        void *to = column(t, out, wide, v, &ld);
        pack_column(t, w + row * t->rows, 1, t->rows, 0, t->rows, t->columns - unit, to, ld);
    }
}

static void pack_backward(const anl__tiling *t, const float *w, void *out, int64_t tile)
{
    int wide = anl__tile_wide(t, tile);
    for (int v = 0; v < wide; v++) {
        int64_t ld, first = anl__tile_first(t, tile) + ANL__COLUMN * v, live = t->columns - first, rest = t->rows - t->turned;
        void *to = column(t, out, wide, v, &ld);
        pack_column(t, w + rest * t->columns + first, t->columns, 1, 0, t->turned, live, to, ld);
        pack_column(t, w + first, t->columns, 1, t->turned, rest, live, to, ld);
    }
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
