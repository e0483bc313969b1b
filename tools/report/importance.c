/* See importance.h. */
#include "importance.h"

#include "runtime/base/philox.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAF = 3 /* points that are not split any more */,
    MOST_DEPTH = 24,
    MOST_D = 256,
    MOST_POINTS = 300 /* of a tree */
};

typedef struct leaf {
    double value, volume;
    double *low, *high; /* d each */
} leaf;

typedef struct tree {
    anl__arena *a;
    const double *x, *y;
    int d;
    leaf *leaf;
    int n_leaves;
    uint32_t number, draws;
} tree;

static uint32_t draw(tree *t)
{
    return anl__philox(2014, t->draws++, t->number, 0, 0).v[0];
}

static double mean_of(const tree *t, const int64_t *at, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += t->y[at[i]];
    return sum / (double)n;
}

/* Sum of squares left when the points are split at x[axis] < cut; INFINITY: one side is empty. */
static double cost(const tree *t, const int64_t *at, int64_t n, int axis, double cut)
{
    double sum[2] = {0}, square[2] = {0};
    int64_t count[2] = {0};
    for (int64_t i = 0; i < n; i++) {
        double v = t->y[at[i]];
        int side = t->x[at[i] * t->d + axis] >= cut;
        sum[side] += v;
        square[side] += v * v;
        count[side]++;
    }
    if (!count[0] || !count[1]) return INFINITY;
    return square[0] - sum[0] * sum[0] / (double)count[0] + square[1] - sum[1] * sum[1] / (double)count[1];
}

/* The best of the cuts between neighbours on every axis, each tried with chance 5 in 6 so that trees differ.
 */
static double best_cut(tree *t, const int64_t *at, int64_t n, int *axis)
{
    double best = INFINITY, where = NAN;
    for (int k = 0; k < t->d; k++) {
        if (draw(t) % 6 == 0) continue;
        for (int64_t i = 0; i < n; i++) {
            double own = t->x[at[i] * t->d + k], next = INFINITY;
            for (int64_t j = 0; j < n; j++) {
                double v = t->x[at[j] * t->d + k];
                if (v > own && v < next) next = v;
            }
            if (!isfinite(next)) continue;
            double cut = (own + next) / 2, c = cost(t, at, n, k, cut);
            if (c < best) {
                best = c;
                where = cut;
                *axis = k;
            }
        }
    }
    return where;
}

static bool add_leaf(tree *t, const int64_t *at, int64_t n, const double *low, const double *high)
{
    leaf *l = &t->leaf[t->n_leaves++];
    size_t bytes = sizeof *low * (size_t)t->d;
    *l = (leaf){.value = mean_of(t, at, n),
                .volume = 1,
                .low = anl__arena_alloc(t->a, bytes),
                .high = anl__arena_alloc(t->a, bytes)};
    if (!l->low || !l->high) return false;
    memcpy(l->low, low, bytes);
    memcpy(l->high, high, bytes);
    for (int k = 0; k < t->d; k++) l->volume *= high[k] - low[k];
    return true;
}

/* low and high are the box, changed and restored on the way. */
static bool grow(tree *t, int64_t *at, int64_t n, double *low, double *high, int depth)
{
    int axis = -1;
    double cut = n > LEAF && depth < MOST_DEPTH ? best_cut(t, at, n, &axis) : NAN;
    if (isnan(cut)) return add_leaf(t, at, n, low, high);
    int64_t left = 0;
    for (int64_t i = 0; i < n; i++)
        if (t->x[at[i] * t->d + axis] < cut) {
            int64_t swap = at[left];
            at[left++] = at[i];
            at[i] = swap;
        }
    double edge = high[axis];
    high[axis] = cut;
    bool ok = grow(t, at, left, low, high, depth + 1);
    high[axis] = edge;
    edge = low[axis];
    low[axis] = cut;
    ok = ok && grow(t, at + left, n - left, low, high, depth + 1);
    low[axis] = edge;
    return ok;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Variance of the tree's mean over all other axes. */
static double marginal(const tree *t, int axis, double mean, double *edge)
{
    int n = 0;
    double variance = 0;
    for (int i = 0; i < t->n_leaves; i++) {
        edge[n++] = t->leaf[i].low[axis];
        edge[n++] = t->leaf[i].high[axis];
    }
    qsort(edge, (size_t)n, sizeof *edge, ascending);
    for (int e = 1; e < n; e++) {
        double width = edge[e] - edge[e - 1], middle = (edge[e] + edge[e - 1]) / 2, value = 0;
        if (!(width > 0)) continue;
        for (int i = 0; i < t->n_leaves; i++) {
            const leaf *l = &t->leaf[i];
            if (l->low[axis] <= middle && middle < l->high[axis])
                value += l->value * l->volume / (l->high[axis] - l->low[axis]);
        }
        variance += width * (value - mean) * (value - mean);
    }
    return variance;
}

/* Adds the tree's shares; false: it has no variance. */
static bool shares(const tree *t, double *share, double *edge)
{
    double mean = 0, variance = 0;
    for (int i = 0; i < t->n_leaves; i++) mean += t->leaf[i].volume * t->leaf[i].value;
    for (int i = 0; i < t->n_leaves; i++)
        variance += t->leaf[i].volume * (t->leaf[i].value - mean) * (t->leaf[i].value - mean);
    if (!(variance > 0)) return false;
    for (int k = 0; k < t->d; k++) share[k] += marginal(t, k, mean, edge) / variance;
    return true;
}

static anl_status one_tree(anl_ctx *ctx, tree *t, int64_t of, double *share, int *counted)
{
    double low[MOST_D] = {0}, high[MOST_D];
    int64_t n = of < MOST_POINTS ? of : MOST_POINTS;
    ANL_TRY(anl__arena_create(ctx, &t->a));
    int64_t *at = anl__arena_alloc(t->a, sizeof *at * (size_t)n);
    double *edge = anl__arena_alloc(t->a, sizeof *edge * (size_t)n * 2 + sizeof *edge);
    t->leaf = anl__arena_alloc(t->a, sizeof *t->leaf * (size_t)n);
    bool ok = at && edge && t->leaf;
    for (int k = 0; k < t->d; k++) high[k] = 1;
    for (int64_t i = 0; ok && i < n; i++) at[i] = (int64_t)(draw(t) % (uint32_t)of); /* with repeats */
    ok = ok && grow(t, at, n, low, high, 0);
    if (ok) *counted += shares(t, share, edge);
    anl__arena_destroy(t->a);
    return ok ? ANL_OK : ANL_NOMEM;
}

anl_status importance_of(anl_ctx *ctx, const double *x, const double *y, int64_t n, int d, double *share)
{
    int counted = 0;
    memset(share, 0, sizeof *share * (size_t)d);
    if (n < 4 || d > MOST_D) return ANL_OK;
    for (uint32_t k = 0; k < IMPORTANCE_TREES; k++) {
        tree t = {.x = x, .y = y, .d = d, .number = k};
        ANL_TRY(one_tree(ctx, &t, n, share, &counted));
    }
    for (int k = 0; k < d && counted; k++) share[k] /= counted;
    return ANL_OK;
}
