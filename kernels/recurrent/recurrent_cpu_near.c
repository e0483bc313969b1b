/* recurrent_bwd where the weights fit the cache of every core: slices of samples, cut by shapes alone, walk back
 * through time one beside the other and never meet. A slice keeps its gates' gradients of `span` steps only; when
 * it has them it adds their products with x and with the states before to sums of its own, and gives their dx.
 * Slices' sums are added in a fixed tree at the end. A block's rows are (step, sample of the slice). */
#include "kernels/common/cpu.h"
#include "recurrent_cpu.h"

enum { SLICE_ROWS = 16, SLICES = 8, NEAR_BYTES = 256 << 10 };

static int64_t whole(int64_t n) { return (n + ANL__COLUMN - 1) / ANL__COLUMN * ANL__COLUMN; }

/* Numbers of a slice's sums: what x sees, what the states see, then the columns' own. */
static int64_t sums_at(const anl__near *n, const anl__recurrence *k, int part)
{
    int64_t at = 0;
    if (part > 0) at += n->wanted[0] ? n->columns * whole(k->inputs) : 0;
    if (part > 1) at += n->wanted[1] ? n->columns * whole(k->units) : 0;
    if (part > 2) at += whole(n->used);
    return at;
}

bool anl__near_plan(anl__gradients *g, const anl__call *c)
{
    const anl__recurrence *k = &g->k;
    anl__near *n = &g->near;
    int64_t most = k->batch / SLICE_ROWS < SLICES ? k->batch / SLICE_ROWS : SLICES,
            least = (2 * k->batch + ANL__BLOCK_ROWS - 1) / ANL__BLOCK_ROWS;
    if (k->gates * k->units * k->units * (int64_t)sizeof(float) > NEAR_BYTES) return false;
    n->slices = (int)(most > least ? most : least);
    n->rows = (k->batch + n->slices - 1) / n->slices;
    n->span = ANL__BLOCK_ROWS / n->rows < k->steps ? ANL__BLOCK_ROWS / n->rows : k->steps;
    n->columns = k->gates * k->units;
    n->used = n->columns + (k->cell == ANL__GRU ? k->units : 0);
    for (int i = 0; i < 2; i++) n->wanted[i] = anl__recurrent_grad(c, ANL__REC_DW_IH + i) >= 0;
    n->own = anl__recurrent_grad(c, ANL__REC_DB_IH) >= 0 || anl__recurrent_grad(c, ANL__REC_DB_HH) >= 0;
    n->sums = sums_at(n, k, 3);
    anl__take(&n->d_bytes, g->type, n->span * n->rows * g->d_row);
    n->scratch = n->d_bytes;
    n->product = anl__take(&n->scratch, ANL_F32, ANL__BLOCK_ROWS * ANL__STRIP); /* of the right side, or dx */
    n->turned = anl__take(&n->scratch, g->type, g->type == ANL_BF16 ? n->used * ANL__BLOCK_ROWS : 0);
    return true;
}

anl__lane anl__near_slice(const anl__gradients *g, int64_t tiles, int slice)
{
    return anl__lane_of(&g->k, tiles, (anl__lanes){g->near.slices, false}, slice);
}

typedef struct block {
    const anl__gradients_run *a;
    const anl__lane *lane;
    int64_t first, rows;
    const char *d;
    char *scratch;
} block;

static int64_t row_at(const block *b, int64_t q)
{
    const anl__recurrence *k = &b->a->g->k;
    int64_t each = b->lane->row_end - b->lane->row, step = b->first + q / each;
    return (k->reverse ? k->steps - 1 - step : step) * k->batch + b->lane->row + q % each;
}

static void add_side(const block *b, int side, int64_t columns, float *sum)
{
    const anl__gradients *g = b->a->g;
    const anl__arithmetic *m = b->a->m;
    int64_t from = side == 1 && g->k.cell == ANL__GRU ? g->k.units : 0, n = g->near.columns;
    void *strip = b->scratch + g->near.product;
    anl__rows_at r = {.n = b->rows};
    for (int64_t q = 0; q < b->rows; q++) r.at[q] = anl__gradient_row(b->a, side, row_at(b, q), &r.type[q]);
    for (int64_t s = 0; s < anl__strips(columns); s++) {
        int wide = anl__strip_wide(columns, s);
        int64_t first = s * ANL__STRIP, live = columns - first < ANL__STRIP ? columns - first : ANL__STRIP,
                ld = ANL__COLUMN * wide;
        anl__block_right(g->type, &r, first, live, ld, strip);
        if (g->type == ANL_BF16)
            anl__product16_rows(m->bf16, n, anl__deep16(b->rows),
                                (const uint16_t *)(b->scratch + g->near.turned) + from * ANL__BLOCK_ROWS,
                                ANL__BLOCK_ROWS, strip, wide, sum, ld, true);
        else
            anl__product_columns(m->f32, n, b->rows, (const float *)b->d + from, g->d_row, strip, ld, wide,
                                 sum, ld, true);
        sum += n * ld;
    }
}

static void give_dx(const block *b)
{
    const anl__gradients *g = b->a->g;
    int64_t I = g->k.inputs;
    void *dx = b->a->r->out[anl__recurrent_grad(b->a->c, ANL__REC_DX)];
    float *buf = (float *)(b->scratch + g->near.product);
    for (int64_t s = 0; s < anl__strips(I); s++) {
        int wide = anl__strip_wide(I, s);
        int64_t ld = ANL__COLUMN * wide, first = s * ANL__STRIP,
                live = I - first < ANL__STRIP ? I - first : ANL__STRIP;
        anl__multiply(b->a->m, b->rows, b->a->tiling->deep, b->d, g->d_row,
                      anl__tile_in(b->a->tiling, b->a->w_ih, s), wide, buf, ld, false);
        for (int64_t q = 0; q < b->rows; q++)
            anl__from_floats(g->type, buf + q * ld, live, dx, row_at(b, q) * I + first);
    }
}

void anl__near_block(const anl__gradients_run *a, const anl__lane *lane, int64_t first, int64_t steps,
                     const void *d, float *sum, char *scratch)
{
    const anl__gradients *g = a->g;
    const anl__near *n = &g->near;
    block b = {.a = a, .lane = lane, .first = first, .d = d, .scratch = scratch,
               .rows = steps * (lane->row_end - lane->row)};
    float *own = sum + sums_at(n, &g->k, 2);
    if (g->type == ANL_BF16 && g->weights)
        anl__block_left(g->type, d, 0, b.rows, g->d_row, n->used, scratch + n->turned, ANL__BLOCK_ROWS, own);
    else if (n->own)
        anl__block_sums(d, b.rows, g->d_row, n->used, own);
    if (n->wanted[0]) add_side(&b, 0, g->k.inputs, sum);
    if (n->wanted[1]) add_side(&b, 1, g->k.units, sum + sums_at(n, &g->k, 1));
    if (g->dx) give_dx(&b);
}

/* Column i of what a side sees is this row of the weights. */
static int64_t weight_row(const anl__recurrence *k, int side, int64_t i)
{
    if (k->cell != ANL__GRU || side == 1) return i;
    return i < k->units ? i + 2 * k->units : i - k->units;
}

/* Columns [from, to) of a side: all slices' sums, then to the weights' gradient. */
static void store_side(const anl__gradients_run *a, int side, int64_t from, int64_t to)
{
    const anl__gradients *g = a->g;
    const anl__near *n = &g->near;
    int64_t columns = side ? g->k.units : g->k.inputs;
    float *sum = a->sums + sums_at(n, &g->k, side),
          *dw = a->r->out[anl__recurrent_grad(a->c, ANL__REC_DW_IH + side)];
    for (int64_t s = 0; s < anl__strips(columns); s++) {
        int64_t ld = ANL__COLUMN * anl__strip_wide(columns, s), first = s * ANL__STRIP,
                live = columns - first < ANL__STRIP ? columns - first : ANL__STRIP;
        anl__tree_add_piece(sum + from * ld, n->slices, n->sums, (to - from) * ld);
        for (int64_t i = from; i < to; i++)
            memcpy(dw + weight_row(&g->k, side, i) * columns + first, sum + i * ld,
                   sizeof(float) * (size_t)live);
        sum += n->columns * ld;
    }
}

void anl__near_store(void *arg, int part, int worker)
{
    const anl__gradients_run *a = arg;
    const anl__near *n = &a->g->near;
    const anl__recurrence *k = &a->g->k;
    (void)worker;
    for (int side = 0; side < 2; side++)
        if (n->wanted[side])
            store_side(a, side, anl__slice_begin(n->columns, ANL__NEAR_PARTS, part),
                       anl__slice_begin(n->columns, ANL__NEAR_PARTS, part + 1));
    if (part > 0 || !n->own) return;
    float *own = a->sums + sums_at(n, k, 2);
    anl__tree_add_piece(own, n->slices, n->sums, n->used);
    for (int side = 0; side < 2; side++) {
        int b = anl__recurrent_grad(a->c, ANL__REC_DB_IH + side);
        int64_t from = side == 1 && k->cell == ANL__GRU ? k->units : 0;
        for (int64_t i = 0; b >= 0 && i < n->columns; i++)
            ((float *)a->r->out[b])[weight_row(k, side, i)] = own[from + i];
    }
}
