/* Weights for the steps' products: tiles, each k rows of 16 * wide numbers. Forward the weights are turned (a product's k is a row of
 * theirs), and a tile holds 16 units' gates side by side, so that the product of a tile is all that these units' step needs. */
#include "recurrent_cpu.h"

#include <stdio.h>
#include <string.h>

anl__tiling anl__tiling_of(const anl__call *c, int in, bool backward)
{
    anl__recurrence k = anl__recurrence_of(c);
    int64_t width = c->in[in].shape.dim[1];
    if (!backward) return (anl__tiling){.rows = width, .columns = k.units, .gates = k.gates, .transposed = true};
    return (anl__tiling){.rows = k.gates * k.units, .columns = width, .gates = 1, .turned = k.cell == ANL__GRU && in == ANL__REC_W_IH ? k.units : 0};
}

int64_t anl__packed_count(const anl__tiling *t)
{
    int64_t columns = (t->columns + ANL__COLUMN - 1) / ANL__COLUMN * ANL__COLUMN;
    return columns * t->rows * (t->gates > 1 ? t->gates : 1);
}

/* 16 rows of w (fewer: zeros) become columns; k x k blocks keep both sides in cache. */
static void turn(const float *w, int64_t stride, int64_t live, int64_t k, float *out, int64_t ld)
{
    for (int64_t q = 0; q < k; q += ANL__COLUMN) {
        int64_t end = k - q < ANL__COLUMN ? k : q + ANL__COLUMN;
        for (int64_t j = 0; j < ANL__COLUMN; j++)
            for (int64_t i = q; i < end; i++) out[i * ld + j] = j < live ? w[j * stride + i] : 0;
    }
}

static void pack_forward(const anl__tiling *t, const float *w, float *out, int64_t tile)
{
    int wide = anl__tile_wide(t, tile);
    for (int v = 0; v < wide; v++) {
        int64_t unit = anl__tile_first(t, tile) + (t->gates > 1 ? 0 : ANL__COLUMN * v), row = t->gates > 1 ? v * t->columns + unit : unit;
        turn(w + row * t->rows, t->rows, t->columns - unit, t->rows, out + ANL__COLUMN * v, ANL__COLUMN * wide);
    }
}

static void pack_backward(const anl__tiling *t, const float *w, float *out, int64_t tile)
{
    int64_t wide = ANL__COLUMN * anl__tile_wide(t, tile), live = anl__tile_units(t, tile), first = anl__tile_first(t, tile);
    for (int64_t q = 0; q < t->rows; q++, out += wide) {
        int64_t row = q < t->turned ? q + t->rows - t->turned : q - t->turned;
        memcpy(out, w + row * t->columns + first, sizeof(float) * (size_t)live);
        memset(out + live, 0, sizeof(float) * (size_t)(wide - live));
    }
}

typedef struct job { const anl__tiling *t; const float *w; float *packed; } job;

static void pack_task(void *arg, int tile, int worker)
{
    const job *a = arg;
    float *out = a->packed + anl__tile_at(a->t, tile);
    (void)worker;
    if (a->t->transposed) pack_forward(a->t, a->w, out, tile);
    else pack_backward(a->t, a->w, out, tile);
}

void anl__pack_tiles(const anl__tiling *t, const float *w, float *packed, anl__pool *pool)
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
    *out = (anl__pack){.bytes = sizeof(float) * (size_t)anl__packed_count(t), .state = t, .run = pack_run, .release = pack_release};
    snprintf(out->key, sizeof out->key, "tiles f32 %s %lldx%lld, %lld gates, turned %lld", t->transposed ? "units" : "columns", (long long)t->rows,
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
