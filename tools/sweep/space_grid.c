/* The full grid of a space: an axis that is not active takes no part, so no point comes twice.
 *
 * The axes are a forest: the points below an axis are its values, each times the product over the axes which
 * that value makes active. So counts and positions follow from one walk, whatever the number of points.
 */
#include "space_inside.h"

#include <math.h>

static const double MOST = 9007199254740992.0; /* 2^53 */

/* Values that a grid takes of an axis; 0: continuous, and nobody said how many. */
static int64_t values_of(const space *s, int i)
{
    const space_axis *a = &s->axis[i];
    int64_t levels = space_levels(s, i);
    if (a->kind == SPACE_CHOICE) return levels;
    if (a->low == a->high) return 1;
    return a->grid && (!levels || a->grid < levels) ? a->grid : levels;
}

/* Spread evenly in the logarithm, no number twice. */
static double log_int_at(const space_axis *a, int64_t n, int64_t k)
{
    double v = a->low, most = a->high - (double)(n - 1 - k);
    for (int64_t j = 1; j <= k; j++)
        v = fmax(v + 1, floor(a->low * exp((double)j / (double)(n - 1) * log(a->high / a->low)) + 0.5));
    return fmin(v, most);
}

static double value_at(const space *s, int i, int64_t k)
{
    const space_axis *a = &s->axis[i];
    int64_t n = values_of(s, i), levels = space_levels(s, i);
    if (n == 1) return a->kind == SPACE_CHOICE ? 0 : a->low;
    if (a->kind == SPACE_INT && a->log) return n == levels ? a->low + (double)k : log_int_at(a, n, k);
    if (!levels)
        return k == 0 ? a->low : k == n - 1 ? a->high : space_from_unit(s, i, (double)k / (double)(n - 1));
    if (n < levels) k = (int64_t)floor((double)k / (double)(n - 1) * (double)(levels - 1) + 0.5);
    return space_from_unit(s, i, ((double)k + 0.5) / (double)levels);
}

static double points_below(const space *s, int i);

/* Points of the axes that parent `p` makes active with choice c; p -1: of the roots. */
static double points_of(const space *s, int p, int c)
{
    double n = 1;
    for (int j = p + 1; j < s->n; j++)
        if (s->parent[j] == p && (p < 0 || s->when[j] >> c & 1)) n *= points_below(s, j);
    return n;
}

/* Points of an active axis together with all that hangs on it. */
static double points_below(const space *s, int i)
{
    double n = 0;
    if (s->axis[i].kind != SPACE_CHOICE) return (double)values_of(s, i);
    for (int c = 0; c < s->axis[i].n_choices; c++) n += points_of(s, i, c);
    return n;
}

anl_status space_grid_count(anl_ctx *ctx, const space *s, int64_t *count)
{
    double n;
    for (int i = 0; i < s->n; i++)
        if (!values_of(s, i))
            return anl__fail(ctx, ANL_RECIPE,
                             "search space, %s: a grid over the continuous range from %g to %g needs a step, "
                             "or grid: N points",
                             s->axis[i].name, s->axis[i].low, s->axis[i].high);
    n = points_of(s, -1, 0);
    if (n >= MOST)
        return anl__fail(ctx, ANL_RECIPE,
                         "search space: the grid has %g points; choose fewer values, or another sampler", n);
    *count = (int64_t)n;
    return ANL_OK;
}

/* Point `index` of the axes that hang on p: mixed radix, the last axis fastest. */
static void place(const space *s, int p, int c, int64_t index, double *point)
{
    for (int j = s->n - 1; j > p; j--) {
        if (s->parent[j] != p || (p >= 0 && !(s->when[j] >> c & 1))) continue;
        int64_t n = (int64_t)points_below(s, j), k = index % n;
        index /= n;
        if (s->axis[j].kind != SPACE_CHOICE) {
            point[j] = value_at(s, j, k);
            continue;
        }
        int choice = 0;
        for (int64_t m; k >= (m = (int64_t)points_of(s, j, choice)); choice++) k -= m;
        point[j] = choice;
        place(s, j, choice, k, point);
    }
}

void space_grid_point(const space *s, int64_t index, double *point)
{
    for (int i = 0; i < s->n; i++) point[i] = NAN;
    place(s, -1, 0, index, point);
}
