/* add, sub, mul, scale, cast and sum_to on the workers, slice by slice. A small operand is repeated into a tile of vector
 * length first; sum_to over samples is one partial sum a task, added in a fixed tree. */
#ifndef T
#include "broadcast.h"
#define ANL__CPU_FILE "kernels/elementwise/elementwise_cpu.c"
#include "kernels/common/cpu_twice.h"

/* A vector that is no batch is one row: slices would begin inside what repeats. */
static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    ANL_TRY(anl__sliced_prepare(env, p));
    if (p->call.in[0].shape.rank <= 1) p->tasks = 1;
    return ANL_OK;
}

#define TWO(fn) \
    static void fn##_task(const anl__prepared *p, const anl__run *r, int task, int worker) \
    { \
        (void)worker; \
        ANL__BY_TYPE(p->call.in[0].dtype, fn##_rows, &p->call, r, \
                     anl__rows_of(p, &p->call.in[0].shape, task)); \
    }
TWO(add)
TWO(sub)
TWO(mul)
TWO(scale)

static void cast_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    anl__rows rows = anl__rows_of(p, &p->call.in[0].shape, task);
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, cast, p->call.out[0].dtype, r->in[0], r->out[0],
                 rows.begin * rows.each, rows.end * rows.each);
}

static bool cast_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    if (c->out[0].dtype == ANL_F64) return memcpy(why, "activations must be f32 or bf16", 32), false;
    return anl__cpu_dtype(env, c, why);
}

/* Over samples the result is complete only after finish; a sum within each sample (outer = samples) is a slice's own. */
static bool over_samples(const anl__call *c, anl__broadcast *m)
{
    anl__broadcast_of(&c->in[0].shape, &c->out[0].shape, m);
    return m->outer == 1;
}

static anl_status sum_prepare(const anl__env *env, anl__prepared *p)
{
    anl__broadcast m;
    ANL_TRY(prepare(env, p));
    if (over_samples(&p->call, &m)) p->workspace = sizeof(float) * (size_t)(m.last * p->tasks);
    return ANL_OK;
}

static void sum_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    anl__rows rows = anl__rows_of(p, &p->call.in[0].shape, task);
    anl__broadcast m;
    (void)worker;
    if (over_samples(&p->call, &m))
        ANL__BY_TYPE(p->call.in[0].dtype, sum_slice, r->in[0], rows, m.last, (float *)r->ws + task * m.last);
    else ANL__BY_TYPE(p->call.in[0].dtype, sum_each, r->in[0], r->out[0], rows, m);
}

static void sum_finish(const anl__prepared *p, const anl__run *r)
{
    anl__broadcast m;
    if (!over_samples(&p->call, &m)) return;
    anl__tree_add(r->ws, p->tasks, m.last);
    ANL__BY_TYPE(p->call.out[0].dtype, store, r->ws, r->out[0], m.last);
}

#define KERNEL(id, text, ...) static const anl__kernel id = {.op = text, .device = "cpu", .name = text "/cpu", .rank = 10, .supports = anl__cpu_dtype, \
                                                             .prepare = prepare, .samplewise = true, __VA_ARGS__}
KERNEL(add, "add", .task = add_task, .inplace = {1});
KERNEL(sub, "sub", .task = sub_task, .inplace = {1});
KERNEL(mul, "mul", .task = mul_task, .inplace = {1});
KERNEL(scale, "scale", .task = scale_task, .inplace = {1});
static const anl__kernel cast = {.op = "cast", .device = "cpu", .name = "cast/cpu", .rank = 10,
                                 .supports = cast_supports, .prepare = anl__sliced_prepare, .task = cast_task, .samplewise = true};
static const anl__kernel sum_to = {.op = "sum_to", .device = "cpu", .name = "sum_to/cpu", .rank = 10,
                                   .supports = anl__cpu_dtype, .prepare = sum_prepare,
                                   .task = sum_task, .finish = sum_finish, .samplewise = true, .finish_outs = 1};
const anl__kernel *const anl__kernels_elementwise_cpu[] = {&add, &sub, &mul, &scale, &cast, &sum_to, NULL};
#else
#include "kernels/common/columns.h"

#define TWO(fn, expression) \
    ANL__CLONES static void FN(fn##_same)(const T *a, const T *b, T *y, int64_t n) \
    { \
        ANL__LANES for (int64_t i = 0; i < n; i++) { \
            float u = GET(a[i]), v = GET(b[i]); \
            y[i] = PUT(expression); \
        } \
    } \
    ANL__CLONES static void FN(fn##_tiled)(const T *a, const float *b, int64_t length, T *y, int64_t n) \
    { \
        for (int64_t i = 0; i < n; i += length, a += length, y += length) { \
            int64_t m = n - i < length ? n - i : length; \
            ANL__LANES for (int64_t j = 0; j < m; j++) { \
                float u = GET(a[j]), v = b[j]; \
                y[j] = PUT(expression); \
            } \
        } \
    } \
    static void FN(fn##_rows)(const anl__call *c, const anl__run *r, anl__rows rows) \
    { \
        const T *a = r->in[0], *b = r->in[1]; \
        T *y = r->out[0]; \
        int64_t from = rows.begin * rows.each, n = (rows.end - rows.begin) * rows.each; \
        anl__broadcast m; \
        anl__broadcast_of(&c->in[0].shape, &c->in[1].shape, &m); \
        if (m.middle == 1 && m.outer == 1) { \
            FN(fn##_same)(a + from, b + from, y + from, n); \
            return; \
        } \
        /* one vector, or one a sample */ \
        for (int64_t s = m.outer == 1 ? rows.end - 1 : rows.begin; s < rows.end; s++) { \
            const T *v = m.outer == 1 ? b : b + s * m.last; \
            int64_t at = m.outer == 1 ? from : s * rows.each, count = m.outer == 1 ? n : rows.each; \
            for (int64_t j = 0; j < m.last; j += ANL__TILE) { /* wide vectors: strips of columns */ \
                float one[ANL__TILE], tile[ANL__TILE]; \
                int64_t k = m.last - j < ANL__TILE ? m.last - j : ANL__TILE, length = m.last < ANL__TILE ? anl__tile_length(k) : k; \
                for (int64_t q = 0; q < k; q++) one[q] = GET(v[j + q]); \
                if (m.last <= ANL__TILE) FN(fn##_tiled)(a + at, anl__tile(one, k, tile), length, y + at, \
                                                        count); \
                else for (int64_t q = j; q < count; q += m.last) FN(fn##_tiled)(a + at + q, one, k, \
                                                                                y + at + q, k); \
            } \
        } \
    }
TWO(add, u + v)
TWO(sub, u - v)
TWO(mul, u * v)
#undef TWO

ANL__CLONES static void FN(scale_by)(const T *a, T *y, float f, int64_t n)
{
    ANL__LANES for (int64_t i = 0; i < n; i++) y[i] = PUT(GET(a[i]) * f);
}

static void FN(scale_rows)(const anl__call *c, const anl__run *r, anl__rows rows)
{
    int64_t from = rows.begin * rows.each;
    FN(scale_by)((const T *)r->in[0] + from, (T *)r->out[0] + from, (float)anl__attr_float(c, "factor"),
                 (rows.end - rows.begin) * rows.each);
}

ANL__CLONES static void FN(cast)(anl_dtype to, const T *a, void *out, int64_t from, int64_t end)
{
    float *restrict f = out;
    anl__bf16 *restrict h = out;
    if (to == ANL_BF16)
        for (int64_t i = from; i < end; i++) h[i] = anl__to_bf16(GET(a[i]));
    else
        for (int64_t i = from; i < end; i++) f[i] = GET(a[i]);
}

static void FN(sum_slice)(const T *a, anl__rows rows, int64_t last, float *sum)
{
    FN(column_sums)(a + rows.begin * rows.each, (rows.end - rows.begin) * rows.each / last, last, sum);
}

static void FN(store)(const float *sum, T *y, int64_t n)
{
    for (int64_t j = 0; j < n; j++) y[j] = PUT(sum[j]);
}

/* Samples one by one, in strips of columns. */
static void FN(sum_each)(const T *a, T *y, anl__rows rows, anl__broadcast m)
{
    float sum[ANL__TILE];
    for (int64_t s = rows.begin; s < rows.end; s++)
        for (int64_t j = 0; j < m.last; j += ANL__TILE) {
            int64_t k = m.last - j < ANL__TILE ? m.last - j : ANL__TILE;
            if (k == m.last) FN(column_sums)(a + s * rows.each, m.middle, k, sum);
            else FN(columns_strip)(a + s * rows.each + j, m.middle, m.last, k, 0, sum);
            FN(store)(sum, y + s * m.last + j, k);
        }
}
#endif
