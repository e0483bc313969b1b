/* Results, best first: one objective by value; several by Pareto front (found by insertion, Zhang et al.
 * 2015: the results in lexicographic order, each goes to the first front with no member that dominates it)
 * and within a front by crowding distance (Deb et al. 2002), the loneliest first. Infeasible, pruned, failed
 * and running ones follow by class.
 */
#include "sampler_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct item {
    result_class class;
    double first, second; /* smaller is better, within the class */
    int64_t at;
} item;

static int compare(const void *pa, const void *pb)
{
    const item *a = pa, *b = pb;
    if (a->class != b->class) return a->class < b->class ? -1 : 1;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    if (a->second != b->second) return a->second < b->second ? -1 : 1;
    return a->at < b->at ? -1 : 1;
}

static item item_of(const sampler_task *t, const trial_result *r, int64_t at)
{
    item k = {.class = sampler_class(t, r), .at = at};
    switch (k.class) {
    case CLASS_COMPLETE: k.first = sampler_loss(t, r, 0); break;
    case CLASS_PRUNED:
        k.first = -(double)r->step;
        k.second = !isfinite(r->intermediate)      ? INFINITY
                   : t->maximize && t->maximize[0] ? -r->intermediate
                                                   : r->intermediate;
        break;
    case CLASS_INFEASIBLE: k.first = sampler_violation(t, r); break;
    default: break;
    }
    return k;
}

static bool dominates(const double *a, const double *b, int m)
{
    bool better = false;
    for (int j = 0; j < m; j++) {
        if (a[j] > b[j]) return false;
        better |= a[j] < b[j];
    }
    return better;
}

typedef struct column {
    double value;
    int front;
    int64_t at;
} column;

static int compare_column(const void *pa, const void *pb)
{
    const column *a = pa, *b = pb;
    if (a->front != b->front) return a->front < b->front ? -1 : 1;
    if (a->value != b->value) return a->value < b->value ? -1 : 1;
    return a->at < b->at ? -1 : 1;
}

/* Adds to crowd[] of every item, for each objective, the distance between its neighbours in its front; ends
 * are infinite. */
static void crowding(const double *loss, int64_t n, int m, const int *front, column *col, double *crowd)
{
    for (int j = 0; j < m; j++) {
        for (int64_t i = 0; i < n; i++) col[i] = (column){loss[i * m + j], front[i], i};
        qsort(col, (size_t)n, sizeof *col, compare_column);
        for (int64_t a = 0, b; a < n; a = b) {
            for (b = a; b < n && col[b].front == col[a].front;) b++;
            double range = col[b - 1].value - col[a].value;
            crowd[col[a].at] = crowd[col[b - 1].at] = INFINITY;
            if (range > 0)
                for (int64_t i = a + 1; i < b - 1; i++)
                    crowd[col[i].at] += (col[i + 1].value - col[i - 1].value) / range;
        }
    }
}

/* lex: the items in lexicographic order of their losses, so that none is dominated by a later one. last[f],
   before[i]: the members of a front as a list, the latest first. */
static void find_fronts(const double *loss, const int64_t *lex, int64_t n, int m, int64_t *last,
                        int64_t *before, int *front)
{
    int fronts = 0;
    for (int64_t k = 0; k < n; k++) {
        int64_t i = lex[k];
        int f = 0;
        for (; f < fronts; f++) {
            int64_t j = last[f];
            while (j >= 0 && !dominates(loss + j * m, loss + i * m, m)) j = before[j];
            if (j < 0) break;
        }
        if (f == fronts) last[fronts++] = -1;
        before[i] = last[f];
        last[f] = i;
        front[i] = f;
    }
}

typedef struct matrix {
    const double *loss;
    int m;
} matrix;

static int compare_rows(const void *pa, const void *pb, void *user)
{
    const int64_t *a = pa, *b = pb;
    const matrix *rows = user;
    const double *loss = rows->loss;
    int m = rows->m;
    for (int j = 0; j < m; j++)
        if (loss[*a * m + j] != loss[*b * m + j]) return loss[*a * m + j] < loss[*b * m + j] ? -1 : 1;
    return *a < *b ? -1 : 1;
}

/* The complete ones, items[0..n), ordered by front and crowding. */
static anl_status order_fronts(anl_ctx *ctx, const sampler_task *t, const trial_result *seen, item *items,
                               int64_t n, int *front_of)
{
    int m = t->n_objectives;
    size_t count = (size_t)n;
    double *loss = anl__calloc(ctx, count * (size_t)m, sizeof *loss),
           *crowd = anl__calloc(ctx, count, sizeof *crowd);
    int64_t *lex = anl__calloc(ctx, count * 3, sizeof *lex);
    int *front = anl__calloc(ctx, count, sizeof *front);
    column *col = anl__calloc(ctx, count, sizeof *col);
    matrix rows = {loss, m};
    anl_status st = ANL_NOMEM;
    if (!loss || !crowd || !lex || !front || !col) goto done;
    for (int64_t i = 0; i < n; i++) {
        lex[i] = i;
        for (int j = 0; j < m; j++) loss[i * m + j] = sampler_loss(t, &seen[items[i].at], j);
    }
    qsort_r(lex, count, sizeof *lex, compare_rows, &rows);
    find_fronts(loss, lex, n, m, lex + n, lex + 2 * n, front);
    crowding(loss, n, m, front, col, crowd);
    for (int64_t i = 0; i < n; i++) {
        items[i].first = front[i];
        items[i].second = -crowd[i];
        if (front_of) front_of[items[i].at] = front[i];
    }
    qsort(items, count, sizeof *items, compare);
    st = ANL_OK;
done:
    anl__free(ctx, loss);
    anl__free(ctx, crowd);
    anl__free(ctx, lex);
    anl__free(ctx, front);
    anl__free(ctx, col);
    return st;
}

anl_status sampler_order(anl_ctx *ctx, const sampler_task *t, const trial_result *seen, int64_t n,
                         int64_t *order, int *front)
{
    item *items = anl__calloc(ctx, (size_t)n, sizeof *items);
    int64_t complete = 0;
    anl_status st = ANL_OK;
    if (!items) return ANL_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        items[i] = item_of(t, &seen[i], i);
        complete += items[i].class == CLASS_COMPLETE;
        if (front) front[i] = -1;
    }
    qsort(items, (size_t)n, sizeof *items, compare);
    if (t->n_objectives > 1) ANL_GO(order_fronts(ctx, t, seen, items, complete, front));
    else if (front)
        for (int64_t i = 0, f = 0; i < complete; i++) {
            if (i && items[i].first != items[i - 1].first) f++;
            front[items[i].at] = (int)f;
        }
    for (int64_t i = 0; i < n; i++) order[i] = items[i].at;
done:
    anl__free(ctx, items);
    return st;
}

/* One objective: the best so far are kept in order, and most of the others lose against the last of them. */
static void best_of(const sampler_task *t, const trial_result *seen, int64_t n, int64_t most, item *best,
                    int64_t *count)
{
    for (int64_t i = 0; i < n; i++) {
        item one = item_of(t, &seen[i], i);
        int64_t k = *count;
        if (k == most && (!k || compare(&one, &best[k - 1]) > 0)) continue;
        if (k == most) k--;
        else (*count)++;
        for (; k > 0 && compare(&one, &best[k - 1]) < 0; k--) best[k] = best[k - 1];
        best[k] = one;
    }
}

anl_status sampler_best(anl_ctx *ctx, const sampler_task *t, const trial_result *seen, int64_t n,
                        int64_t most, int64_t *order, int64_t *count)
{
    *count = 0;
    if (t->n_objectives > 1) {
        *count = n < most ? n : most;
        return sampler_order(ctx, t, seen, n, order, NULL);
    }
    item *best = anl__calloc(ctx, (size_t)most + 1, sizeof *best);
    if (!best) return ANL_NOMEM;
    best_of(t, seen, n, most, best, count);
    for (int64_t i = 0; i < *count; i++) order[i] = best[i].at;
    anl__free(ctx, best);
    return ANL_OK;
}
