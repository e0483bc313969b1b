/* What our own CPU kernels share: one build of a loop for each instruction set, bf16 conversion, sums in fixed trees.
 * ANL__CLONES compiles a function for x86-64-v4 (AVX-512), v3 (AVX2, FMA) and the baseline; the program takes the best at
 * start. Contraction is off (-ffp-contract=off), so a loop without reductions gives the same bits in all three. */
#ifndef ANL_CPU_H
#define ANL_CPU_H

#include "base/half.h"
#include "op.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(ANL_SANITIZED)
#define ANL__CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ANL__CLONES
#endif
#define ANL__INLINE static inline __attribute__((always_inline))
/* Before a loop whose iterations touch no element but their own, so that it also vectorises in place (output = input). */
#if defined(__clang__)
#define ANL__LANES _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define ANL__LANES _Pragma("GCC ivdep")
#else
#define ANL__LANES
#endif

typedef uint16_t anl__bf16;

ANL__INLINE float anl__from_bf16(anl__bf16 h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}

ANL__INLINE anl__bf16 anl__to_bf16(float f) { return anl__bf16_bits(f); }

/* Bytes up to the next cache line. */
static inline size_t anl__lines(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

/* Places in the workspace, in bytes; `at` moves on. */
static inline size_t anl__take(size_t *at, anl_dtype type, int64_t count)
{
    size_t here = *at;
    *at += anl__lines((size_t)count * anl_dtype_size(type));
    return here;
}

/* Elementwise kernels cut a tensor into slices of its batch, or when it has no batch axis of use into one piece. */
static inline anl_status anl__sliced_prepare(const anl__env *env, anl__prepared *p)
{
    const anl_shape *s = &p->call.in[0].shape;
    int64_t n = s->rank > 0 ? s->dim[0] : 1;
    p->tasks = n < env->slices ? (int)n : env->slices;
    return ANL_OK;
}

typedef struct anl__rows { int64_t begin, end, each; } anl__rows; /* rows, and elements of a row */

static inline anl__rows anl__rows_of(const anl__prepared *p, const anl_shape *s, int task)
{
    int64_t n = s->rank > 0 ? s->dim[0] : 1;
    return (anl__rows){anl__slice_begin(n, p->tasks, task), anl__slice_begin(n, p->tasks, task + 1), anl_shape_count(s) / n};
}

/* Adds n vectors of `len` that lie `step` apart in place into the first, in a fixed binary tree (distance 1, 2, 4, ...). */
static inline void anl__tree_add_piece(float *part, int64_t n, int64_t step, int64_t len)
{
    for (int64_t d = 1; d < n; d *= 2)
        for (int64_t i = 0; i + d < n; i += 2 * d) {
            float *restrict a = part + i * step;
            const float *restrict b = part + (i + d) * step;
            for (int64_t k = 0; k < len; k++) a[k] += b[k];
        }
}

/* The same for vectors that lie one after the other. */
static inline void anl__tree_add(float *part, int64_t n, int64_t len) { anl__tree_add_piece(part, n, len, len); }

/* A vector of k numbers that repeats over rows, made long enough for a vector loop: k * times numbers. At most
 * ANL__TILE of them when k is smaller than that, else the vector itself. */
#define ANL__TILE 256

static inline int64_t anl__tile_length(int64_t k)
{
    int64_t times = k > 0 && k < ANL__TILE ? ANL__TILE / k : 1, whole = 16;
    while (whole > 1 && k % 16 * whole / 2 % 16 == 0) whole /= 2; /* so many repetitions fill 16 lanes evenly */
    return k * (times >= whole ? times - times % whole : times);
}

static inline const float *anl__tile(const float *v, int64_t k, float space[ANL__TILE])
{
    int64_t length = anl__tile_length(k);
    if (length == k) return v;
    for (int64_t i = 0; i < length; i++) space[i] = v[i % k];
    return space;
}

static inline bool anl__cpu_dtype(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    (void)env;
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i].shape.rank >= 0 && c->in[i].dtype != ANL_F32 && c->in[i].dtype != ANL_BF16 && c->in[i].dtype != ANL_I32 && c->in[i].dtype != ANL_U8) {
            memcpy(why, "activations must be f32 or bf16", 32);
            return false;
        }
    return true;
}

#endif
