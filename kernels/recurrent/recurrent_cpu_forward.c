/* recurrent on the workers: lanes (recurrent_cpu.h) walk through time. Where the weights fit the cache or are read ahead a tile's step
 * is the products with W and U and then its cells. Else a lane makes W x for its tiles and a few steps at a time, straight into the reserve,
 * and then goes step by step with U alone. */
#include "kernels/common/cpu.h"
#include "kernels/common/isa.h"
#include "recurrent_cpu.h"

#include <stdio.h>

enum { CHUNK_ROWS = 256 };         /* of W x made at once: then a tile of W is read that much more rarely than one of U */
enum { NEAR_BYTES = 512 << 10 };   /* of both weights: they stay in a core's cache */

typedef struct state {
    anl__recurrence k;
    anl__arithmetic m;
    anl__tiling w[2]; /* w_ih, w_hh */
    bool packed[2];
    anl__lanes lanes;
    bool fused;      /* W x in the step; a gru's n keeps W x and U h apart */
    int64_t chunk;   /* steps */
    int64_t u_row;   /* floats of a row of gates */
    int64_t h_row, x_row; /* elements of a row of the state, and of x where it must be copied (else 0) */
    size_t weights[2], h[2], c, gates, lane, lane_bytes; /* places in the workspace */
    size_t apart, copy; /* in a lane's: W x of a gru, copied rows of x */
} state;

typedef struct job {
    const state *s;
    const anl__call *c;
    const anl__run *r;
    const void *w[2];
    char *h[2];
    float *cell;
    const int32_t *lengths;
    anl__lanes lanes;
    anl__barrier meet;
} job;

bool anl__recurrent_fast(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    if (!anl__cpu_dtype(env, c, why)) return false;
    bool before = anl__recurrence_of(c).before, able = c->in[0].dtype != ANL_BF16 || anl__product16_best();
    if (before) snprintf(why, ANL__WHY, "reset=before is left to the plain kernel");
    else if (!able) snprintf(why, ANL__WHY, "the processor has no bf16 products");
    return !before && able;
}

static void release(anl_ctx *ctx, anl__prepared *p)
{
    anl__free(ctx, p->state);
    p->state = NULL;
}

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    state *s = p->state = anl__alloc(env->ctx, sizeof *s);
    if (!s) return ANL_NOMEM;
    anl__recurrence *k = &s->k;
    size_t at = 0;
    *k = anl__recurrence_of(&p->call);
    anl_dtype type = p->call.in[0].dtype;
    s->m = anl__arithmetic_of(type);
    s->h_row = anl__spread(anl__deep(type, k->units));
    s->x_row = anl__deep(type, k->inputs) > k->inputs ? anl__deep(type, k->inputs) : 0;
    for (int i = 0; i < 2; i++) {
        s->w[i] = anl__tiling_of(&p->call, ANL__REC_W_IH + i, false);
        s->packed[i] = p->call.param[ANL__REC_W_IH + i];
        s->weights[i] = anl__take(&at, ANL_U8, s->packed[i] ? 0 : (int64_t)anl__packed_bytes(&s->w[i]));
        s->h[i] = anl__take(&at, type, k->batch * s->h_row);
    }
    s->lanes = anl__lanes_of(k, anl__tiles(&s->w[1]), env->workers);
    bool near = k->gates * k->units * (k->units + k->inputs) * (int64_t)sizeof(float) <= NEAR_BYTES;
    bool ahead = (type == ANL_F32 && anl__product_reads_ahead(s->m.f32)) || anl__isa_used() == ANL__ISA_AMX; /* measured */
    s->fused = (near && k->cell != ANL__GRU) || ahead;
    s->chunk = CHUNK_ROWS / k->batch > 1 ? CHUNK_ROWS / k->batch : 1;
    if (s->chunk > k->steps) s->chunk = k->steps;
    s->u_row = (k->kept ? k->kept : 1) * k->units;
    s->c = anl__take(&at, ANL_F32, k->cell == ANL__LSTM ? k->batch * k->units : 0);
    s->gates = anl__take(&at, ANL_F32, anl__recurrent_reserve(&p->call) < 0 ? s->chunk * k->batch * s->u_row : 0);
    s->lane = at;
    anl__take(&s->lane_bytes, ANL_F32, ANL__LANE_ROWS * ANL__STRIP);
    s->apart = anl__take(&s->lane_bytes, ANL_F32, s->fused && k->cell == ANL__GRU ? ANL__LANE_ROWS * ANL__STRIP : 0);
    s->copy = anl__take(&s->lane_bytes, type, s->chunk * k->batch * s->x_row);
    p->workspace = s->lane + s->lane_bytes * (size_t)s->lanes.n;
    snprintf(p->note, sizeof p->note, "%s, %lld %s a lane", anl__arithmetic_name(&s->m), (long long)(s->lanes.by_tiles ? anl__tiles(&s->w[1]) : k->batch) / s->lanes.n,
             s->lanes.by_tiles ? "tiles" : "samples");
    return ANL_OK;
}

static int64_t time_of(const anl__recurrence *k, int64_t step) { return k->reverse ? k->steps - 1 - step : step; }

/* Gates of row n at a step: in the reserve, or in the chunk's buffer. */
static float *gates_at(const job *j, int64_t step, int64_t n)
{
    const state *s = j->s;
    int reserve = anl__recurrent_reserve(j->c);
    if (reserve >= 0) return (float *)j->r->out[reserve] + (time_of(&s->k, step) * s->k.batch + n) * s->u_row;
    return (float *)((char *)j->r->ws + s->gates) + (step % s->chunk * s->k.batch + n) * s->u_row;
}

static const float *optional(const job *j, int in) { return anl__has_in(j->c, in) ? j->r->in[in] : NULL; }

/* What is added to W x in a tile: both biases, but of a gru's n only b_ih; b_hn apart. */
static void tile_bias(const job *j, int64_t tile, float bias[ANL__STRIP], float b_hn[ANL__COLUMN])
{
    const anl__recurrence *k = &j->s->k;
    const anl__tiling *t = &j->s->w[1];
    const float *b[2] = {optional(j, ANL__REC_B_IH), optional(j, ANL__REC_B_HH)};
    memset(bias, 0, sizeof(float) * ANL__STRIP);
    memset(b_hn, 0, sizeof(float) * ANL__COLUMN);
    for (int64_t g = 0; g < k->gates; g++)
        for (int64_t i = 0; i < anl__tile_units(t, tile); i++) {
            int64_t at = g * k->units + anl__tile_first(t, tile) + i;
            bool apart = k->cell == ANL__GRU && g == 2;
            bias[g * ANL__COLUMN + i] = (b[0] ? b[0][at] : 0) + (b[1] && !apart ? b[1][at] : 0);
            if (apart && b[1]) b_hn[i] = b[1][at];
        }
}

static anl__cells cells_of(const job *j, int64_t tile, int64_t step, int64_t row, int64_t rows, float *buf)
{
    const state *s = j->s;
    int64_t first = anl__tile_first(&s->w[1], tile), t = time_of(&s->k, step), at = row * s->k.units + first;
    size_t each = anl_dtype_size(s->m.type);
    return (anl__cells){.k = &s->k, .type = s->m.type, .rows = rows, .units = anl__tile_units(&s->w[1], tile), .t = t,
                        .lengths = j->lengths ? j->lengths + row : NULL, .product = buf, .ld = ANL__COLUMN * anl__tile_wide(&s->w[1], tile),
                        .u = gates_at(j, step, row) + first, .u_row = s->u_row, .in = gates_at(j, step, row) + first, .in_row = s->u_row,
                        .in_gate = s->k.units, .h = j->h[step & 1] + (size_t)(row * s->h_row + first) * each,
                        .h_next = j->h[~step & 1] + (size_t)(row * s->h_row + first) * each, .h_row = s->h_row, .c = j->cell + at, .y = (char *)j->r->out[0] + (size_t)(t * s->k.batch * s->k.units + at) * each};
}

/* x of a step from some row on, rows *ld apart; copy: the chunk's, where x itself is not as wide as products want it. */
static const void *x_of(const job *j, int64_t step, int64_t row, const char *copy, int64_t *ld)
{
    const state *s = j->s;
    const anl__recurrence *k = &s->k;
    size_t each = anl_dtype_size(s->m.type);
    *ld = s->x_row ? s->x_row : k->inputs;
    if (s->x_row) return copy + (size_t)((step % s->chunk * k->batch + row) * s->x_row) * each;
    return (const char *)j->r->in[0] + (size_t)((time_of(k, step) * k->batch + row) * k->inputs) * each;
}

static void copy_x(const job *j, const anl__lane *a, int64_t step, char *copy)
{
    const state *s = j->s;
    size_t each = anl_dtype_size(s->m.type), live = (size_t)s->k.inputs * each, wide = (size_t)s->x_row * each;
    for (int64_t row = a->row; row < a->row_end; row++) {
        char *to = copy + (size_t)(step % s->chunk * s->k.batch + row) * wide;
        memcpy(to, (const char *)j->r->in[0] + (size_t)(time_of(&s->k, step) * s->k.batch + row) * live, live);
        memset(to + live, 0, wide - live);
    }
}

/* W x and biases of steps [from, to) for the lane's tiles and rows, where the gates are kept. */
static void make_input(const job *j, const anl__lane *a, int64_t from, int64_t to, float *buf, const char *copy)
{
    const state *s = j->s;
    int64_t ld;
    float bias[ANL__STRIP], b_hn[ANL__COLUMN];
    for (int64_t tile = a->tile; tile < a->tile_end; tile++) {
        tile_bias(j, tile, bias, b_hn);
        for (int64_t step = from; step < to; step++)
            for (int64_t row = a->row; row < a->row_end; row += ANL__LANE_ROWS) {
                int64_t rows = a->row_end - row < ANL__LANE_ROWS ? a->row_end - row : ANL__LANE_ROWS;
                anl__cells cells = cells_of(j, tile, step, row, rows, buf);
                const void *x = x_of(j, step, row, copy, &ld);
                anl__multiply(&s->m, rows, s->w[0].deep, x, ld, anl__tile_in(&s->w[0], j->w[0], tile), anl__tile_wide(&s->w[0], tile), buf, cells.ld, false);
                anl__cells_input(&cells, bias);
            }
    }
}

/* The cells' results lie scattered: their lines come while the products are made. */
static void ask_for_results(const anl__cells *c)
{
    for (int64_t i = 0; i < c->rows; i++) {
        for (int64_t g = 0; g < c->k->kept; g++) __builtin_prefetch(c->u + i * c->u_row + g * c->k->units, 1);
        __builtin_prefetch((const char *)c->y + (size_t)(i * c->k->units) * anl_dtype_size(c->type), 1);
    }
}

static void step_tile(const job *j, const anl__lane *a, int64_t step, int64_t tile, float *buf, const char *copy)
{
    const state *s = j->s;
    float bias[ANL__STRIP], b_hn[ANL__COLUMN];
    int64_t ld;
    const void *w[2] = {anl__tile_in(&s->w[0], j->w[0], tile), anl__tile_in(&s->w[1], j->w[1], tile)};
    bool state_there = step || anl__has_in(j->c, ANL__REC_H0);
    if (s->fused || s->k.cell == ANL__GRU) tile_bias(j, tile, bias, b_hn);
    for (int64_t row = a->row; row < a->row_end; row += ANL__LANE_ROWS) {
        int64_t rows = a->row_end - row < ANL__LANE_ROWS ? a->row_end - row : ANL__LANE_ROWS;
        anl__cells cells = cells_of(j, tile, step, row, rows, buf);
        int wide = anl__tile_wide(&s->w[1], tile);
        cells.b_hn = b_hn;
        ask_for_results(&cells);
        bool together = s->fused && s->k.cell != ANL__GRU;
        const void *x = x_of(j, step, row, copy, &ld);
        if (together) {
            cells.in = bias, cells.in_row = 0, cells.in_gate = ANL__COLUMN;
            anl__multiply(&s->m, rows, s->w[0].deep, x, ld, w[0], wide, buf, cells.ld, false);
        } else if (s->fused) {
            float *in = (float *)((char *)buf + s->apart);
            for (int64_t i = 0; i < rows; i++) memcpy(in + i * cells.ld, bias, sizeof(float) * (size_t)cells.ld);
            anl__multiply(&s->m, rows, s->w[0].deep, x, ld, w[0], wide, in, cells.ld, true);
            cells.in = in, cells.in_row = cells.ld, cells.in_gate = ANL__COLUMN;
        }
        const void *h = j->h[step & 1] + (size_t)(row * s->h_row) * anl_dtype_size(s->m.type);
        if (state_there) anl__multiply(&s->m, rows, s->w[1].deep, h, s->h_row, w[1], wide, buf, cells.ld, together);
        else if (!together) memset(buf, 0, sizeof(float) * (size_t)(rows * cells.ld));
        anl__cells_forward(&cells);
    }
}

/* The lane's units of the first states of row n: h (zeros past the units too), c. */
static void load_states(const job *j, int64_t n, int64_t first, int64_t units)
{
    const state *s = j->s;
    const anl__call *c = j->c;
    size_t each = anl_dtype_size(s->m.type);
    int64_t at = n * s->k.units + first;
    bool end = first + units == s->k.units;
    for (int i = 0; i < 2 && end; i++) memset(j->h[i] + (size_t)(n * s->h_row + s->k.units) * each, 0, (size_t)(s->h_row - s->k.units) * each);
    char *h = j->h[0] + (size_t)(n * s->h_row + first) * each;
    if (anl__has_in(c, ANL__REC_H0)) memcpy(h, (const char *)j->r->in[ANL__REC_H0] + (size_t)at * each, (size_t)units * each);
    else memset(h, 0, (size_t)units * each);
    if (anl__has_in(c, ANL__REC_C0)) anl__to_floats(s->m.type, j->r->in[ANL__REC_C0], at, units, j->cell + at);
    else if (s->k.cell == ANL__LSTM) memset(j->cell + at, 0, sizeof(float) * (size_t)units);
}

static void lane(void *arg, int task, int worker)
{
    job *j = arg;
    const state *s = j->s;
    const anl__recurrence *k = &s->k;
    anl__lane a = anl__lane_of(k, anl__tiles(&s->w[1]), j->lanes, task);
    float *buf = (float *)((char *)j->r->ws + s->lane + s->lane_bytes * (size_t)task);
    char *copy = (char *)buf + s->copy;
    int64_t first = anl__tile_first(&s->w[1], a.tile), end = anl__tile_first(&s->w[1], a.tile_end);
    int64_t units = (end < k->units ? end : k->units) - first;
    size_t each = anl_dtype_size(s->m.type);
    (void)worker;
    for (int64_t n = a.row; n < a.row_end; n++) load_states(j, n, first, units);
    if (j->lanes.by_tiles) anl__barrier_wait(&j->meet);
    for (int64_t from = 0; from < k->steps; from += s->chunk) {
        int64_t to = from + s->chunk < k->steps ? from + s->chunk : k->steps;
        for (int64_t step = from; s->x_row && step < to; step++) copy_x(j, &a, step, copy);
        if (!s->fused) make_input(j, &a, from, to, buf, copy);
        for (int64_t step = from; step < to; step++) {
            for (int64_t tile = a.tile; tile < a.tile_end; tile++) step_tile(j, &a, step, tile, buf, copy);
            if (j->lanes.by_tiles) anl__barrier_wait(&j->meet);
        }
    }
    for (int64_t n = a.row; n < a.row_end; n++) {
        int64_t at = n * k->units + first;
        memcpy((char *)j->r->out[1] + (size_t)at * each, j->h[k->steps & 1] + (size_t)(n * s->h_row + first) * each, (size_t)units * each);
        if (k->cell == ANL__LSTM) anl__from_floats(s->m.type, j->cell + at, units, j->r->out[2], at);
    }
    anl__multiply_end(&s->m);
}

static anl_status run(const anl__prepared *p, const anl__run *r)
{
    const state *s = p->state;
    char *ws = r->ws;
    job j = {.s = s, .c = &p->call, .r = r, .cell = (float *)(ws + s->c), .lanes = s->lanes};
    if (anl__has_in(j.c, ANL__REC_LENGTHS)) j.lengths = r->in[ANL__REC_LENGTHS];
    for (int i = 0; i < 2; i++) {
        j.h[i] = ws + s->h[i];
        j.w[i] = r->in[ANL__REC_W_IH + i];
        if (s->packed[i]) continue;
        anl__pack_tiles(&s->w[i], j.w[i], ws + s->weights[i], r->pool);
        j.w[i] = ws + s->weights[i];
    }
    if (!r->pool || anl__pool_size(r->pool) < j.lanes.n) j.lanes = (anl__lanes){1, false}; /* they could not run side by side */
    anl__barrier_init(&j.meet, j.lanes.n);
    anl__pool_run(r->pool, j.lanes.n, lane, &j);
    return ANL_OK;
}

static bool pack(const anl__env *env, const anl__call *c, int in, anl__pack *out) { return anl__pack_weights(env, c, in, false, out); }

const anl__kernel anl__recurrent_steps = {.op = "recurrent", .device = "cpu", .name = "recurrent/steps", .rank = 20, .supports = anl__recurrent_fast, .pack = pack,
                                          .prepare = prepare, .run = run, .release = release};
