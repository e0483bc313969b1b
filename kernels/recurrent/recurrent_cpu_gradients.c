/* What is left when the gates' gradients d (T N rows, D columns) of all steps are there:
 *
 *   dw_ih = d' x, dw_hh = d' h (the states before), db = sums of d's columns; a task takes some columns of d, all of x and h; the sum
 *           over rows goes in blocks of DEEP, in order (recurrent_cpu_blocks.c lays them out)
 *   dx = d W; a task takes some rows
 *
 * Tasks are cut by shapes alone, and each result is one task's: nothing is added afterwards. */
#include "kernels/common/cpu.h"
#include "recurrent_cpu.h"

enum { DEEP = ANL__BLOCK_ROWS, DX_ROWS = 128, PIECES = 8, LEAST_PIECE = 64, MOST_PIECE = 256, MOST_PIECES = 64 };

static int64_t whole(int64_t n) { return (n + ANL__COLUMN - 1) / ANL__COLUMN * ANL__COLUMN; }
static bool wants(const anl__call *c, int which) { return anl__recurrent_grad(c, which) >= 0; }

/* Columns [from, to) of d have one fate: pieces do not cross these borders. */
static void cut(anl__gradients *g, int64_t from, int64_t to)
{
    int64_t n = (to - from + g->piece - 1) / g->piece;
    for (int64_t i = 0; i < n; i++) {
        g->piece_at[g->n_piece] = from + (to - from) * i / n;
        g->piece_end[g->n_piece++] = from + (to - from) * (i + 1) / n;
    }
}

void anl__gradients_plan(anl__gradients *g, const anl__call *c, int64_t d_row)
{
    anl__recurrence k = anl__recurrence_of(c);
    int64_t H = k.units, most = MOST_PIECE, used = (k.cell == ANL__GRU ? 4 : k.gates) * H; /* columns of d that mean something */
    while ((used + most - 1) / most > MOST_PIECES - 4) most *= 2;
    *g = (anl__gradients){.k = k, .type = c->in[0].dtype, .d_row = d_row};
    g->piece = whole(used / PIECES);
    g->piece = g->piece < LEAST_PIECE ? LEAST_PIECE : g->piece > most ? most : g->piece;
    g->dx = wants(c, ANL__REC_DX);
    g->by_slices = anl__near_plan(g, c);
    g->weights = wants(c, ANL__REC_DW_IH) || wants(c, ANL__REC_DW_HH) || wants(c, ANL__REC_DB_IH) || wants(c, ANL__REC_DB_HH);
    if (g->weights && k.cell == ANL__GRU) {
        cut(g, 0, H);
        cut(g, H, 3 * H);
        cut(g, 3 * H, 4 * H);
    } else if (g->weights) cut(g, 0, used);
    g->n_dx = g->dx ? (int)((k.steps * k.batch + DX_ROWS - 1) / DX_ROWS) : 0;
    size_t weights = 0, dx = 0;
    if (g->weights) anl__take(&weights, ANL_F32, g->piece + anl__spread(g->piece) * DEEP + DEEP * ANL__STRIP + g->piece * (whole(k.inputs) + whole(H)));
    if (g->dx) anl__take(&dx, ANL_F32, DX_ROWS * ANL__STRIP);
    g->scratch = weights > dx ? weights : dx;
}

/* ---- weights --------------------------------------------------------------------------------- */

typedef struct piece {
    const anl__gradients_run *a;
    int64_t from, n;      /* columns of d */
    int64_t row[2];       /* of w_ih, w_hh: where they belong; -1: nowhere */
    float *dw[2], *db[2]; /* results, NULL: not wanted or not here */
    void *block, *strip; /* of the activations' type */
    int64_t block_row;   /* elements from one of its rows to the next */
    float *sums, *result;
} piece;

const void *anl__gradient_row(const anl__gradients_run *a, int side, int64_t row, anl_dtype *type)
{
    const anl__recurrence *k = &a->g->k;
    size_t each = anl_dtype_size(a->g->type);
    *type = a->g->type;
    if (side == 0) return (const char *)a->r->in[ANL__REC_X] + (size_t)(row * k->inputs) * each;
    int64_t n = row % k->batch, t = row / k->batch + (k->reverse ? 1 : -1), len = anl__sequence_length(k, a->lengths, n);
    if (t >= 0 && t < len) return (const char *)a->r->in[ANL__REC_BWD_Y] + (size_t)((t * k->batch + n) * k->units) * each;
    *type = ANL_F32;
    return a->h0 ? a->h0 + n * k->units : NULL;
}

static void find_rows(const piece *p, int side, int64_t row, int64_t n, int64_t columns, anl__rows_at *r)
{
    r->n = n;
    r->regular = true;
    for (int64_t q = 0; q < n; q++) {
        r->at[q] = anl__gradient_row(p->a, side, row + q, &r->type[q]);
        r->regular = r->regular && r->at[0] && r->type[q] == ANL_F32 && r->at[q] == (const float *)r->at[0] + q * columns;
    }
}

static void add_strips(const piece *p, int side, int64_t columns, int64_t row, int64_t rows, float **result)
{
    const anl__arithmetic *m = p->a->m;
    anl__rows_at r;
    find_rows(p, side, row, rows, columns, &r);
    for (int64_t s = 0; s < anl__strips(columns); s++) {
        int wide = anl__strip_wide(columns, s);
        int64_t first = s * ANL__STRIP, live = columns - first < ANL__STRIP ? columns - first : ANL__STRIP, ld = ANL__COLUMN * wide;
        bool there = m->type == ANL_F32 && r.regular && live == ld;
        if (!there) anl__block_right(m->type, &r, first, live, ld, p->strip);
        if (m->type == ANL_BF16)
            anl__product16_rows(m->bf16, p->n, anl__deep16(rows), p->block, p->block_row, p->strip, wide, *result, ld, row > 0);
        else
            anl__product_columns(m->f32, p->n, rows, p->block, p->block_row, there ? (const float *)r.at[0] + first : p->strip, there ? columns : ld, wide, *result, ld,
                                 row > 0);
        *result += p->n * ld;
    }
}

static const float *store_strips(const piece *p, int side, int64_t columns, const float *result)
{
    for (int64_t s = 0; s < anl__strips(columns); s++) {
        int64_t wide = ANL__COLUMN * anl__strip_wide(columns, s), first = s * ANL__STRIP, live = columns - first < ANL__STRIP ? columns - first : ANL__STRIP;
        for (int64_t i = 0; i < p->n; i++) memcpy(p->dw[side] + (p->row[side] + i) * columns + first, result + i * wide, sizeof(float) * (size_t)live);
        result += p->n * wide;
    }
    return result;
}

static void weights_task(const anl__gradients_run *a, int task, float *scratch)
{
    const anl__gradients *g = a->g;
    const anl__recurrence *k = &g->k;
    int64_t H = k->units, rows = k->steps * k->batch, columns[2] = {k->inputs, H};
    piece p = {.a = a, .from = g->piece_at[task], .n = g->piece_end[task] - g->piece_at[task], .row = {-1, -1}};
    if (k->cell != ANL__GRU) p.row[0] = p.row[1] = p.from;
    else {
        if (p.from < 3 * H) p.row[0] = p.from < H ? p.from + 2 * H : p.from - H;
        if (p.from >= H) p.row[1] = p.from - H;
    }
    for (int i = 0; i < 2; i++) {
        int w = anl__recurrent_grad(a->c, ANL__REC_DW_IH + i), b = anl__recurrent_grad(a->c, ANL__REC_DB_IH + i);
        if (w >= 0 && p.row[i] >= 0) p.dw[i] = a->r->out[w];
        if (b >= 0 && p.row[i] >= 0) p.db[i] = a->r->out[b];
    }
    p.block = scratch;
    p.sums = scratch + anl__spread(g->piece) * DEEP;
    p.block_row = g->type == ANL_F32 ? anl__spread(p.n) : DEEP;
    p.strip = p.sums + g->piece;
    p.result = p.sums + g->piece + DEEP * ANL__STRIP;
    memset(p.sums, 0, sizeof(float) * (size_t)p.n);
    for (int64_t row = 0; row < rows; row += DEEP) {
        float *result = p.result;
        int64_t n = rows - row < DEEP ? rows - row : DEEP;
        anl__block_left(g->type, a->d, row * g->d_row + p.from, n, g->d_row, p.n, p.block, p.block_row, p.sums);
        for (int i = 0; i < 2; i++)
            if (p.dw[i]) add_strips(&p, i, columns[i], row, n, &result);
    }
    const float *result = p.result;
    for (int i = 0; i < 2; i++) {
        if (p.dw[i]) result = store_strips(&p, i, columns[i], result);
        if (p.db[i]) memcpy(p.db[i] + p.row[i], p.sums, sizeof(float) * (size_t)p.n);
    }
}

/* ---- dx -------------------------------------------------------------------------------------- */

static void dx_task(const anl__gradients_run *a, int task, float *buf)
{
    const anl__gradients *g = a->g;
    const anl__recurrence *k = &g->k;
    int64_t I = k->inputs, from = (int64_t)task * DX_ROWS, all = k->steps * k->batch, rows = all - from < DX_ROWS ? all - from : DX_ROWS;
    void *dx = a->r->out[anl__recurrent_grad(a->c, ANL__REC_DX)];
    const char *d = (const char *)a->d + (size_t)(from * g->d_row) * anl_dtype_size(g->type);
    for (int64_t s = 0; s < anl__strips(I); s++) {
        int wide = anl__strip_wide(I, s);
        int64_t ld = ANL__COLUMN * wide, first = s * ANL__STRIP, live = I - first < ANL__STRIP ? I - first : ANL__STRIP;
        anl__multiply(a->m, rows, a->tiling->deep, d, g->d_row, anl__tile_in(a->tiling, a->w_ih, s), wide, buf, ld, false);
        for (int64_t i = 0; i < rows; i++) anl__from_floats(g->type, buf + i * ld, live, dx, (from + i) * I + first);
    }
}

void anl__gradients_task(void *arg, int task, int worker)
{
    const anl__gradients_run *a = arg;
    float *scratch = (float *)(a->scratch + a->scratch_each * (size_t)worker);
    if (task < a->g->n_piece) weights_task(a, task, scratch);
    else dx_task(a, task - a->g->n_piece, scratch);
    anl__multiply_end(a->m);
}
