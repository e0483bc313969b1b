/* gather on the workers. Forward: rows of the result in slices. Backward: pieces of COLUMNS of each outer
 * row; a piece adds all picks in order, in f32, so that no two tasks meet and the sums do not depend on
 * threads. */
#ifndef T
#include "gather.h"
#define ANL__CPU_FILE "kernels/gather/gather_cpu.c"
enum { COLUMNS = 16 }; /* a cache line of f32 */
#include "kernels/common/cpu_twice.h"

static anl_status fwd_prepare(const anl__env *env, anl__prepared *p)
{
    anl__pick k = anl__pick_fwd(&p->call, NULL);
    p->tasks = (int)(k.outer * k.picks < env->slices ? k.outer * k.picks : env->slices);
    return ANL_OK;
}

static void fwd_task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    anl__pick k = anl__pick_fwd(&p->call, r);
    int64_t rows = k.outer * k.picks;
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, copy, &k, r->in[0], r->out[0], anl__slice_begin(rows, p->tasks, t),
                 anl__slice_begin(rows, p->tasks, t + 1));
}

static int64_t pieces_of(const anl__pick *k) { return k->outer * ((k->inner + COLUMNS - 1) / COLUMNS); }

static anl_status bwd_prepare(const anl__env *env, anl__prepared *p)
{
    anl__pick k = anl__pick_bwd(&p->call, NULL);
    p->tasks = (int)(pieces_of(&k) < env->slices ? pieces_of(&k) : env->slices);
    p->workspace = sizeof(float) * COLUMNS * (size_t)k.size * (size_t)p->tasks;
    return ANL_OK;
}

static void bwd_task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    anl__pick k = anl__pick_bwd(&p->call, r);
    float *sum = (float *)r->ws + (size_t)t * COLUMNS * (size_t)k.size;
    int64_t pieces = pieces_of(&k), each = pieces / k.outer, end = anl__slice_begin(pieces, p->tasks, t + 1);
    (void)worker;
    for (int64_t i = anl__slice_begin(pieces, p->tasks, t); i < end; i++)
        ANL__BY_TYPE(p->call.in[1].dtype, piece, &k, r->in[1], r->out[0], i / each, i % each * COLUMNS, sum);
}

static const anl__kernel fwd = {.op = "gather", .device = "cpu", .name = "gather/cpu", .rank = 10,
                                .supports = anl__cpu_dtype, .prepare = fwd_prepare, .task = fwd_task};
static const anl__kernel bwd = {.op = "gather_bwd", .device = "cpu", .name = "gather_bwd/cpu", .rank = 10,
                                .supports = anl__cpu_dtype, .prepare = bwd_prepare, .task = bwd_task};
const anl__kernel *const anl__kernels_gather_cpu[] = {&fwd, &bwd, NULL};
#else
static void FN(copy)(const anl__pick *p, const T *x, T *y, int64_t from, int64_t to)
{
    for (int64_t row = from; row < to; row++) {
        int64_t o = row / p->picks, i = p->index[row % p->picks];
        if (i >= 0 && i < p->size)
            memcpy(y + row * p->inner, x + (o * p->size + i) * p->inner, sizeof(T) * (size_t)p->inner);
        else memset(y + row * p->inner, 0, sizeof(T) * (size_t)p->inner);
    }
}

/* Columns from `from` on of outer row o. */
static void FN(piece)(const anl__pick *p, const T *dy, T *dx, int64_t o, int64_t from, float *sum)
{
    int64_t n = p->inner - from < COLUMNS ? p->inner - from : COLUMNS;
    memset(sum, 0, sizeof *sum * COLUMNS * (size_t)p->size);
    for (int64_t k = 0; k < p->picks; k++) {
        int64_t i = p->index[k];
        const T *row = dy + (o * p->picks + k) * p->inner + from;
        for (int64_t j = 0; i >= 0 && i < p->size && j < n; j++) sum[i * COLUMNS + j] += GET(row[j]);
    }
    for (int64_t i = 0; i < p->size; i++)
        for (int64_t j = 0; j < n; j++)
            dx[(o * p->size + i) * p->inner + from + j] = PUT(sum[i * COLUMNS + j]);
}
#endif
