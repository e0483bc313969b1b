/* recurrent_bwd on the workers. First lanes walk back through time: what flows into a strip of 64 units is the product of the
 * later step's gate gradients with U, packed, then the cells' gradients. All gates' gradients of all steps are kept, D numbers a
 * row (and zeros to what products want): the gates in their order, but of a gru n, r, z and n's for the side of U h, so that what W x
 * sees are the first 3 H columns, what U h sees the last. After all steps the weights' and dx (recurrent_cpu_gradients.c).
 * Where weights are small, slices of samples walk instead of lanes, and keep but a block of steps (recurrent_cpu_near.c). */
#include "kernels/common/cpu.h"
#include "recurrent_cpu.h"

#include <stdio.h>

typedef struct state {
    anl__recurrence k;
    anl__arithmetic m;
    anl__tiling w[2];
    bool packed[2];
    anl__lanes lanes;
    anl__gradients after;
    int64_t d_row;
    size_t weights[2], d, carry, dc, h0, c0, sums, shared, each; /* places in the workspace; shared: of lanes, then of tasks */
    size_t near; /* of a lane: where its block of d is, then what the gradients want */
} state;

typedef struct job {
    const state *s;
    const anl__call *c;
    const anl__run *r;
    const void *w[2];
    char *d;
    float *carry, *dc, *h0, *c0; /* h0, c0: NULL for zeros */
    const int32_t *lengths;
    anl__lanes lanes;
    anl__barrier meet;
    anl__gradients_run after;
} job;

/* What one lane or slice needs on its way. */
typedef struct walk {
    const job *j;
    anl__lane a;
    char *d;      /* of all steps, or a slice's block */
    int64_t span; /* steps of that block; 0: all */
    float *buf;
} walk;

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
    int64_t states = k->batch * k->units;
    s->m = anl__arithmetic_of(type);
    s->d_row = anl__spread((k->cell == ANL__GRU ? k->units : 0) + anl__deep(type, k->gates * k->units));
    for (int i = 0; i < 2; i++) {
        bool wanted = i == 1 || anl__recurrent_grad(&p->call, ANL__REC_DX) >= 0;
        s->w[i] = anl__tiling_of(&p->call, ANL__REC_W_IH + i, true);
        s->packed[i] = p->call.param[ANL__REC_W_IH + i];
        s->weights[i] = anl__take(&at, ANL_U8, s->packed[i] || !wanted ? 0 : (int64_t)anl__packed_bytes(&s->w[i]));
    }
    s->lanes = anl__lanes_of(k, anl__tiles(&s->w[1]), env->workers);
    s->carry = anl__take(&at, ANL_F32, states);
    s->dc = anl__take(&at, ANL_F32, states);
    s->h0 = anl__take(&at, ANL_F32, anl__has_in(&p->call, ANL__REC_BWD_H0) ? states : 0);
    s->c0 = anl__take(&at, ANL_F32, anl__has_in(&p->call, ANL__REC_BWD_C0) ? states : 0);
    anl__gradients_plan(&s->after, &p->call, s->d_row);
    bool slices = s->after.by_slices;
    s->d = anl__take(&at, type, slices ? 0 : k->steps * k->batch * s->d_row);
    s->sums = anl__take(&at, ANL_F32, slices ? s->after.near.slices * s->after.near.sums : 0);
    s->shared = at;
    anl__take(&s->each, ANL_F32, ANL__LANE_ROWS * ANL__STRIP);
    s->near = s->each;
    if (slices) s->each += s->after.near.scratch;
    else if (s->each < s->after.scratch) s->each = s->after.scratch;
    p->workspace = s->shared + s->each * (size_t)env->workers;
    if (slices) snprintf(p->note, sizeof p->note, "%s, %d slices, %lld steps at once", anl__arithmetic_name(&s->m), s->after.near.slices, (long long)s->after.near.span);
    else snprintf(p->note, sizeof p->note, "%s, %d lanes, %d tasks after", anl__arithmetic_name(&s->m), s->lanes.n, anl__gradients_tasks(&s->after));
    return ANL_OK;
}

static int64_t time_of(const anl__recurrence *k, int64_t step) { return k->reverse ? k->steps - 1 - step : step; }

static void *element(const job *j, int in, int64_t at)
{
    return anl__has_in(j->c, in) ? (char *)j->r->in[in] + (size_t)at * anl_dtype_size(j->c->in[in].dtype) : NULL;
}

/* The gates' gradients of a row at a step, from this column on. */
static void *d_at(const walk *w, int64_t step, int64_t row, int64_t column)
{
    const state *s = w->j->s;
    int64_t at = w->span ? step % w->span * (w->a.row_end - w->a.row) + row - w->a.row : time_of(&s->k, step) * s->k.batch + row;
    return w->d + (size_t)(at * s->d_row + column) * anl_dtype_size(s->m.type);
}

/* buf = the product of the step's gate gradients with U: what flows to the strip's units from it. */
static void flow_back(const walk *w, int64_t step, int64_t tile, int64_t row, int64_t rows)
{
    const state *s = w->j->s;
    int wide = anl__tile_wide(&s->w[1], tile);
    anl__multiply(&s->m, rows, s->w[1].deep, d_at(w, step, row, s->k.cell == ANL__GRU ? s->k.units : 0), s->d_row, anl__tile_in(&s->w[1], w->j->w[1], tile), wide,
                  w->buf, ANL__COLUMN * wide, false);
}

static void step_rows(const walk *w, int64_t step, int64_t tile, int64_t row, int64_t rows)
{
    const job *j = w->j;
    const state *s = j->s;
    float *buf = w->buf;
    const anl__recurrence *k = &s->k;
    int64_t H = k->units, N = k->batch, t = time_of(k, step), t_last = step ? time_of(k, step - 1) : -1, first = anl__tile_first(&s->w[1], tile);
    int64_t ld = ANL__COLUMN * anl__tile_wide(&s->w[1], tile), at = row * H + first, u_row = k->kept * H;
    const float *reserve = k->kept ? j->r->in[ANL__REC_BWD_RESERVE] : NULL;
    if (step + 1 < k->steps) flow_back(w, step + 1, tile, row, rows);
    else memset(buf, 0, sizeof(float) * (size_t)(rows * ld));
    anl__cells_bwd b = {.a = {.k = k, .type = j->c->in[0].dtype, .rows = rows, .units = anl__tile_units(&s->w[1], tile), .t = t,
                              .lengths = j->lengths ? j->lengths + row : NULL, .product = buf, .ld = ld, .u_row = u_row,
                              .u = reserve ? (float *)(uintptr_t)reserve + (t * N + row) * u_row + first : NULL, .y = element(j, ANL__REC_BWD_Y, t * N * H + at)},
                        .dy = element(j, ANL__REC_BWD_DY, t * N * H + at), .carry = j->carry + at, .dc = j->dc + at, .t_last = t_last,
                        .h0 = j->h0 ? j->h0 + at : NULL, .c0 = j->c0 ? j->c0 + at : NULL,
                        .d = d_at(w, step, row, first), .d_row = s->d_row};
    if (t_last >= 0) b.y_last = element(j, ANL__REC_BWD_Y, t_last * N * H + at);
    if (t_last >= 0 && k->cell == ANL__LSTM) b.u_last = reserve + (t_last * N + row) * u_row + 4 * H + first;
    anl__cells_backward(&b);
}

static void load(const job *j, int in, int64_t at, int64_t n, float *to)
{
    if (anl__has_in(j->c, in)) anl__to_floats(j->c->in[in].dtype, j->r->in[in], at, n, to + at);
    else memset(to + at, 0, sizeof(float) * (size_t)n);
}

/* dh0 and dc0 of the lane's part. */
static void states_out(const walk *w)
{
    const job *j = w->j;
    const state *s = j->s;
    const anl__lane *a = &w->a;
    float *buf = w->buf;
    anl_dtype type = j->c->in[0].dtype;
    int64_t H = s->k.units;
    int dh0 = anl__recurrent_grad(j->c, ANL__REC_DH0), dc0 = anl__recurrent_grad(j->c, ANL__REC_DC0);
    for (int64_t tile = a->tile; tile < a->tile_end; tile++) {
        int64_t first = anl__tile_first(&s->w[1], tile), units = anl__tile_units(&s->w[1], tile), ld = ANL__COLUMN * anl__tile_wide(&s->w[1], tile);
        for (int64_t row = a->row; row < a->row_end; row += ANL__LANE_ROWS) {
            int64_t rows = a->row_end - row < ANL__LANE_ROWS ? a->row_end - row : ANL__LANE_ROWS;
            if (dh0 >= 0) flow_back(w, 0, tile, row, rows);
            for (int64_t i = 0; i < rows; i++) {
                int64_t at = (row + i) * H + first;
                for (int64_t q = 0; dh0 >= 0 && q < units; q++) buf[i * ld + q] += j->carry[at + q];
                if (dh0 >= 0) anl__from_floats(type, buf + i * ld, units, j->r->out[dh0], at);
                if (dc0 >= 0) anl__from_floats(type, j->dc + at, units, j->r->out[dc0], at);
            }
        }
    }
}

/* Zeros behind the gates' gradients. */
static void clear_ends(const walk *w)
{
    const state *s = w->j->s;
    int64_t used = (s->k.cell == ANL__GRU ? 4 : s->k.gates) * s->k.units;
    for (int64_t step = 0; used < s->d_row && step < (w->span ? w->span : s->k.steps); step++)
        for (int64_t n = w->a.row; n < w->a.row_end; n++) memset(d_at(w, step, n, used), 0, (size_t)(s->d_row - used) * anl_dtype_size(s->m.type));
}

static void begin(const walk *w)
{
    const job *j = w->j;
    const anl__recurrence *k = &j->s->k;
    const anl__tiling *t = &j->s->w[1];
    int64_t first = anl__tile_first(t, w->a.tile), end = anl__tile_first(t, w->a.tile_end);
    int64_t units = (end < k->units ? end : k->units) - first;
    if (w->a.tile_end == anl__tiles(t)) clear_ends(w);
    for (int64_t n = w->a.row; n < w->a.row_end; n++) {
        load(j, ANL__REC_BWD_DHN, n * k->units + first, units, j->carry);
        if (k->cell == ANL__LSTM) load(j, ANL__REC_BWD_DCN, n * k->units + first, units, j->dc);
        if (j->h0) load(j, ANL__REC_BWD_H0, n * k->units + first, units, j->h0);
        if (j->c0) load(j, ANL__REC_BWD_C0, n * k->units + first, units, j->c0);
    }
}

static void step_back(const walk *w, int64_t step)
{
    for (int64_t tile = w->a.tile; tile < w->a.tile_end; tile++)
        for (int64_t row = w->a.row; row < w->a.row_end; row += ANL__LANE_ROWS)
            step_rows(w, step, tile, row, w->a.row_end - row < ANL__LANE_ROWS ? w->a.row_end - row : ANL__LANE_ROWS);
}

static void lane(void *arg, int task, int worker)
{
    job *j = arg;
    const state *s = j->s;
    walk w = {.j = j, .a = anl__lane_of(&s->k, anl__tiles(&s->w[1]), j->lanes, task), .d = j->d,
              .buf = (float *)((char *)j->r->ws + s->shared + s->each * (size_t)task)};
    (void)worker;
    begin(&w);
    for (int64_t step = s->k.steps - 1; step >= 0; step--) {
        step_back(&w, step);
        if (j->lanes.by_tiles) anl__barrier_wait(&j->meet);
    }
    states_out(&w);
    anl__multiply_end(&s->m);
}

static void slice(void *arg, int task, int worker)
{
    job *j = arg;
    const state *s = j->s;
    const anl__near *n = &s->after.near;
    char *mine = (char *)j->r->ws + s->shared + s->each * (size_t)worker;
    float *sum = j->after.sums + n->sums * task;
    walk w = {.j = j, .a = anl__near_slice(&s->after, anl__tiles(&s->w[1]), task), .d = mine + s->near, .span = n->span, .buf = (float *)mine};
    begin(&w);
    memset(sum, 0, sizeof *sum * (size_t)n->sums);
    for (int64_t step = s->k.steps - 1; step >= 0; step--) {
        int64_t left = s->k.steps - step;
        step_back(&w, step);
        if (step % n->span == 0) anl__near_block(&j->after, &w.a, step, left < n->span ? left : n->span, w.d, sum, w.d);
    }
    states_out(&w);
    anl__multiply_end(&s->m);
}

static anl_status run(const anl__prepared *p, const anl__run *r)
{
    const state *s = p->state;
    char *ws = r->ws;
    job j = {.s = s, .c = &p->call, .r = r, .d = ws + s->d, .carry = (float *)(ws + s->carry), .dc = (float *)(ws + s->dc), .lanes = s->lanes};
    if (anl__has_in(j.c, ANL__REC_BWD_H0)) j.h0 = (float *)(ws + s->h0);
    if (anl__has_in(j.c, ANL__REC_BWD_C0)) j.c0 = (float *)(ws + s->c0);
    if (anl__has_in(j.c, ANL__REC_BWD_LENGTHS)) j.lengths = r->in[ANL__REC_BWD_LENGTHS];
    for (int i = 0; i < 2; i++) {
        j.w[i] = r->in[ANL__REC_W_IH + i];
        if (s->packed[i] || (i == 0 && !s->after.dx)) continue;
        anl__pack_tiles(&s->w[i], j.w[i], ws + s->weights[i], r->pool);
        j.w[i] = ws + s->weights[i];
    }
    j.after = (anl__gradients_run){.g = &s->after, .c = &p->call, .r = r, .m = &s->m, .d = j.d, .tiling = &s->w[0], .w_ih = j.w[0], .h0 = j.h0, .lengths = j.lengths,
                                   .scratch = ws + s->shared, .scratch_each = s->each, .sums = (float *)(ws + s->sums)};
    if (s->after.by_slices) {
        anl__pool_run(r->pool, s->after.near.slices, slice, &j);
        anl__pool_run(r->pool, ANL__NEAR_PARTS, anl__near_store, &j.after);
        return ANL_OK;
    }
    if (!r->pool || anl__pool_size(r->pool) < j.lanes.n) j.lanes = (anl__lanes){1, false}; /* they could not run side by side */
    anl__barrier_init(&j.meet, j.lanes.n);
    anl__pool_run(r->pool, j.lanes.n, lane, &j);
    anl__pool_run(r->pool, anl__gradients_tasks(&s->after), anl__gradients_task, &j.after);
    return ANL_OK;
}

static bool pack(const anl__env *env, const anl__call *c, int in, anl__pack *out)
{
    if (in == ANL__REC_W_IH && anl__recurrent_grad(c, ANL__REC_DX) < 0) return false;
    return anl__pack_weights(env, c, in, true, out);
}

const anl__kernel anl__recurrent_bwd_steps = {.op = "recurrent_bwd", .device = "cpu", .name = "recurrent_bwd/steps", .rank = 20, .supports = anl__recurrent_fast,
                                              .pack = pack, .prepare = prepare, .run = run, .release = release};
