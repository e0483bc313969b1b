/* The fast cpu kernels of recurrent, by file: _cpu_forward.c, _cpu_backward.c (steps), _cpu_gradients.c (what comes after all steps),
 * _cpu_near.c (the same where weights are small), _cpu_pack.c, _cpu_cells.c, _cpu_blocks.c. They are all but a gru whose reset acts before the product, which the plain kernel takes. */
#ifndef ANL_RECURRENT_CPU_H
#define ANL_RECURRENT_CPU_H

#include "base/pool.h"
#include "kernels/common/product16.h"
#include "recurrent.h"

extern const anl__kernel anl__recurrent_steps, anl__recurrent_bwd_steps;
bool anl__recurrent_fast(const anl__env *env, const anl__call *c, char why[ANL__WHY]);

/* ---- products -------------------------------------------------------------------------------- */

/* Operands have the type of the activations (states, x, the gates' gradients, packed weights), sums are f32. */
typedef struct anl__arithmetic { anl_dtype type; const anl__product *f32; const anl__product16 *bf16; } anl__arithmetic;
anl__arithmetic anl__arithmetic_of(anl_dtype type);
const char *anl__arithmetic_name(const anl__arithmetic *m);
/* k as the products want it: rows of `a` are readable, and finite, to there; packed weights have zeros. */
static inline int64_t anl__deep(anl_dtype type, int64_t k) { return type == ANL_BF16 ? anl__deep16(k) : k; }
/* Rows so far apart do not all fall into a few sets of a cache, as at a multiple of 512 bytes. */
static inline int64_t anl__spread(int64_t row) { return row % 128 ? row : row + ANL__COLUMN; }
static inline void anl__multiply(const anl__arithmetic *m, int64_t rows, int64_t k, const void *a, int64_t lda, const void *b, int wide, float *c,
                                 int64_t ldc, bool add)
{
    if (m->type == ANL_BF16) anl__product16_rows(m->bf16, rows, k, a, lda, b, wide, c, ldc, add);
    else anl__product_rows(m->f32, rows, k, a, lda, b, wide, c, ldc, add);
}
/* After the last of a task's. */
static inline void anl__multiply_end(const anl__arithmetic *m)
{
    if (m->type == ANL_BF16) anl__product16_end(m->bf16);
}

/* ---- packed weights -------------------------------------------------------------------------- */

/* Forward a tile is 16 units with all their gates (a column of 16 each), or 64 units of an rnn; backward it is 64 columns. */
typedef struct anl__tiling {
    anl_dtype type;
    int64_t rows;    /* of the product: k */
    int64_t deep;    /* the same as it is packed */
    int64_t columns; /* units (forward), or columns of the weights (backward) */
    int64_t gates;   /* forward: columns of 16 in a tile; 1: a tile is a strip of 64 columns */
    bool transposed; /* forward */
    int64_t turned;  /* backward: the first so many rows are the last of the weights (a gru's n comes first) */
} anl__tiling;

anl__tiling anl__tiling_of(const anl__call *c, int in, bool backward);
static inline int64_t anl__tiles(const anl__tiling *t) { return t->gates > 1 ? (t->columns + ANL__COLUMN - 1) / ANL__COLUMN : anl__strips(t->columns); }
static inline int anl__tile_wide(const anl__tiling *t, int64_t tile) { return t->gates > 1 ? (int)t->gates : anl__strip_wide(t->columns, tile); }
/* First column (unit) of a tile, and how many it has. */
static inline int64_t anl__tile_first(const anl__tiling *t, int64_t tile) { return tile * (t->gates > 1 ? ANL__COLUMN : ANL__STRIP); }
static inline int64_t anl__tile_units(const anl__tiling *t, int64_t tile)
{
    int64_t most = t->gates > 1 ? ANL__COLUMN : ANL__STRIP, left = t->columns - anl__tile_first(t, tile);
    return left < most ? left : most;
}
static inline size_t anl__tile_offset(const anl__tiling *t, int64_t tile)
{
    return (size_t)(tile * t->deep * (t->gates > 1 ? ANL__COLUMN * t->gates : ANL__STRIP)) * anl_dtype_size(t->type);
}
static inline const void *anl__tile_in(const anl__tiling *t, const void *packed, int64_t tile) { return (const char *)packed + anl__tile_offset(t, tile); }
size_t anl__packed_bytes(const anl__tiling *t);
/* All tiles from the plain weights; NULL pool: on the caller. */
void anl__pack_tiles(const anl__tiling *t, const float *w, void *packed, anl__pool *pool);
bool anl__pack_weights(const anl__env *env, const anl__call *c, int in, bool backward, anl__pack *out);

/* ---- lanes ----------------------------------------------------------------------------------- */

/* Lanes walk through time side by side, each with samples or tiles of its own; those with tiles meet after every step. Nothing
   of what is computed depends on their number. */
typedef struct anl__lanes { int n; bool by_tiles; } anl__lanes;
anl__lanes anl__lanes_of(const anl__recurrence *k, int64_t tiles, int workers);

typedef struct anl__lane { int64_t row, row_end, tile, tile_end; } anl__lane;
static inline anl__lane anl__lane_of(const anl__recurrence *k, int64_t tiles, anl__lanes l, int i)
{
    anl__lane a = {0, k->batch, 0, tiles};
    if (l.by_tiles) a.tile = anl__slice_begin(tiles, l.n, i), a.tile_end = anl__slice_begin(tiles, l.n, i + 1);
    else a.row = anl__slice_begin(k->batch, l.n, i), a.row_end = anl__slice_begin(k->batch, l.n, i + 1);
    return a;
}

enum { ANL__LANE_ROWS = 64 }; /* rows that go through product and cells together: their results stay in the nearest cache */

/* ---- cells ----------------------------------------------------------------------------------- */

/* Some rows of a tile at one time; all pointers at the first row and unit. */
typedef struct anl__cells {
    const anl__recurrence *k;
    anl_dtype type;         /* of h, y, dy, d */
    int64_t rows, units, t;
    const int32_t *lengths; /* of these rows; NULL: all live */
    const float *product;   /* forward: U h, [row][gate][16], an rnn's and backward's: [row][ld] */
    int64_t ld;
    float *u;               /* gates, rows apart by u_row, gates by H */
    int64_t u_row;
    const float *in;        /* forward: what is added to the product, rows apart by in_row, gates by in_gate */
    int64_t in_row, in_gate;
    const void *h;          /* state before and after, rows h_row apart */
    void *h_next;
    int64_t h_row;
    float *c;               /* rows H apart, as y's */
    void *y;
    const float *b_hn;      /* gru: 16 numbers */
} anl__cells;
/* Product + in (with all biases but b_hn) are the pre-activations; u is then what the reserve wants. */
void anl__cells_forward(const anl__cells *a);
/* u = product + bias [ld numbers], gate after gate. */
void anl__cells_input(const anl__cells *a, const float *bias);

typedef struct anl__cells_bwd {
    anl__cells a;           /* product: what flows back from the next step; u: the reserve (c_next, ...), not written */
    const void *dy;         /* NULL: none */
    float *carry, *dc;      /* what flows around the product; rows H apart */
    const void *y_last;     /* y of the step before, of type `type`; NULL: there is none */
    const float *u_last;    /* lstm: reserve of the step before, at c; NULL: none */
    const float *h0, *c0;   /* for rows without a step before, rows H apart */
    int64_t t_last;
    void *d;                /* gradients of the pre-activations, rows apart by d_row */
    int64_t d_row;
} anl__cells_bwd;
void anl__cells_backward(const anl__cells_bwd *a);

/* Of either type to f32 (count numbers). */
void anl__to_floats(anl_dtype type, const void *v, int64_t from, int64_t count, float *out);
void anl__from_floats(anl_dtype type, const float *v, int64_t count, void *out, int64_t to);

/* ---- operands of the weights' gradients ------------------------------------------------------- */

enum { ANL__BLOCK_ROWS = 256 }; /* (t, n) at once */

/* Rows that need not lie one after the other: f32 or activations; NULL: zeros. */
typedef struct anl__rows_at {
    int64_t n;
    bool regular; /* f32, one after the other: they may be used where they lie */
    const void *at[ANL__BLOCK_ROWS];
    anl_dtype type[ANL__BLOCK_ROWS];
} anl__rows_at;

/* The left side: n columns of rows `stride` apart from element `at` of v on, to rows to_row apart, as they lie (f32) or turned
   (bf16: n rows, with zeros to a multiple of 32). Their sums are added to `sums`. */
void anl__block_left(anl_dtype type, const void *v, int64_t at, int64_t rows, int64_t stride, int64_t n, void *to, int64_t to_row, float *sums);
/* Only the sums, f32. */
void anl__block_sums(const float *v, int64_t rows, int64_t stride, int64_t n, float *sums);
/* The right side: a packed strip of `wide` columns, the first `live` of them columns [first, ...) of the rows. */
void anl__block_right(anl_dtype type, const anl__rows_at *r, int64_t first, int64_t live, int64_t wide, void *strip);

/* ---- gradients after all steps ---------------------------------------------------------------- */

/* Weights that fit every core's cache: slices of samples with sums of their own (recurrent_cpu_near.c). */
typedef struct anl__near {
    int slices;
    int64_t rows, span;    /* at most, of a slice; steps of a block */
    int64_t columns, used; /* of d: that a side of the weights sees, and all that mean something */
    int64_t sums;          /* numbers of a slice's sums */
    bool wanted[2], own;   /* weights of x and of the state; biases */
    size_t d_bytes, product, turned, scratch; /* of a worker, in bytes: a block of d, places, all */
} anl__near;

typedef struct anl__gradients { /* the tasks, from shapes */
    anl__recurrence k;
    anl_dtype type;
    int64_t d_row; /* columns of d */
    int64_t piece; /* columns of d that a task has at most */
    int n_piece, n_dx;
    int64_t piece_at[64], piece_end[64];
    size_t scratch; /* bytes of a worker */
    bool weights, dx;
    bool by_slices; /* the other way: near says how */
    anl__near near;
} anl__gradients;
void anl__gradients_plan(anl__gradients *g, const anl__call *c, int64_t d_row);
typedef struct anl__gradients_run {
    const anl__gradients *g;
    const anl__call *c;
    const anl__run *r;
    const anl__arithmetic *m;
    const void *d;              /* (T N, d_row) */
    const anl__tiling *tiling;  /* of w_ih */
    const void *w_ih;           /* packed */
    const float *h0;            /* NULL: zeros */
    const int32_t *lengths;
    char *scratch;              /* workers' parts, scratch_each apart */
    size_t scratch_each;
    float *sums;                /* slices' sums */
} anl__gradients_run;
/* Row (t, n) of x (side 0), or of the states before (1): y one step earlier, h0 before the first, NULL: zeros. */
const void *anl__gradient_row(const anl__gradients_run *a, int side, int64_t row, anl_dtype *type);
void anl__gradients_task(void *arg, int task, int worker);
static inline int anl__gradients_tasks(const anl__gradients *g) { return g->n_piece + g->n_dx; }

enum { ANL__NEAR_PARTS = 8 };
bool anl__near_plan(anl__gradients *g, const anl__call *c); /* false: not these shapes */
anl__lane anl__near_slice(const anl__gradients *g, int64_t tiles, int slice);
/* Steps [first, first + steps) of the lane's samples: their part of the slice's sums, and their dx. d: (steps, samples, d_row). */
void anl__near_block(const anl__gradients_run *a, const anl__lane *lane, int64_t first, int64_t steps, const void *d, float *sum, char *scratch);
void anl__near_store(void *run, int part, int worker); /* parts 0 .. ANL__NEAR_PARTS - 1 */

#endif
