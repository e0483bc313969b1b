/* Choosing length buckets (buckets.h). It sees lengths only; padding and order are the loader's. */
#include "datasets/buckets.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_LINE = 1024, MOST_PLANE = 256, ROUNDS = 16 };

typedef struct shape {
    int64_t most[ANL__RAGGED_AXES];
    int64_t count; /* items of it */
} shape;

static int64_t steps(const int64_t most[ANL__RAGGED_AXES])
{
    int64_t all = 0;
    for (int a = 0; a < ANL__RAGGED_AXES; a++) all += most[a];
    return all;
}

static bool holds(const int64_t most[ANL__RAGGED_AXES], const int64_t length[ANL__RAGGED_AXES])
{
    for (int a = 0; a < ANL__RAGGED_AXES; a++)
        if (length[a] > most[a]) return false;
    return true;
}

static void widen(int64_t most[ANL__RAGGED_AXES], const int64_t length[ANL__RAGGED_AXES])
{
    for (int a = 0; a < ANL__RAGGED_AXES; a++)
        if (length[a] > most[a]) most[a] = length[a];
}

int anl__buckets_find(const anl__buckets *b, const int64_t length[ANL__RAGGED_AXES])
{
    int best = -1;
    for (int v = 0; v < b->n; v++)
        if (holds(b->most[v], length) && (best < 0 || steps(b->most[v]) < steps(b->most[best]))) best = v;
    return best;
}

/* ---- which shapes occur ----------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const shape *x = a, *y = b;
    for (int i = 0; i < ANL__RAGGED_AXES; i++)
        if (x->most[i] != y->most[i]) return x->most[i] < y->most[i] ? -1 : 1;
    return 0;
}

/* Equal shapes become one; lengths are rounded up to multiples of `grain` first. Returns how many are left. */
static int64_t unite(shape *s, int64_t n, int64_t grain)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++)
        for (int a = 0; a < ANL__RAGGED_AXES; a++) s[i].most[a] = (s[i].most[a] + grain - 1) / grain * grain;
    qsort(s, (size_t)n, sizeof *s, compare);
    for (int64_t i = 0; i < n; i++) {
        if (kept && compare(&s[kept - 1], &s[i]) == 0)
            s[kept - 1].count += s[i].count;
        else
            s[kept++] = s[i];
    }
    return kept;
}

/* ---- one axis: least padding ------------------------------------------------------------------ */

/* cost[b][k]: fewest steps of the first k shapes in b + 1 buckets; cut[b][k]: where the last of them begins. */
static anl_status choose_line(anl_ctx *ctx, int axis, const shape *s, int64_t n, int most, anl__buckets *out)
{
    size_t cells = (size_t)most * ((size_t)n + 1);
    int64_t *cost = anl__calloc(ctx, cells, sizeof *cost), *cut = anl__calloc(ctx, cells, sizeof *cut);
    int best = 0;
    if (!cost || !cut) goto done;
    for (int b = 0; b < most; b++) {
        int64_t *now = cost + b * (n + 1), *before = now - (n + 1), *at = cut + b * (n + 1);
        for (int64_t k = b + 1; k <= n; k++) {
            int64_t items = 0;
            now[k] = INT64_MAX;
            for (int64_t from = k - 1; from >= b; from--) {
                items += s[from].count;
                if (b == 0 && from > 0) continue;
                int64_t all = (b ? before[from] : 0) + items * s[k - 1].most[axis];
                if (all < now[k]) {
                    now[k] = all;
                    at[k] = from;
                }
            }
        }
        if (now[n] < cost[best * (n + 1) + n]) best = b;
    }
    *out = (anl__buckets){.n = best + 1};
    for (int64_t k = n, b = best; b >= 0; k = cut[b * (n + 1) + k], b--) out->most[b][axis] = s[k - 1].most[axis];
done:
    anl__free(ctx, cut);
    anl_status st = cost && cut ? ANL_OK : ANL_NOMEM;
    anl__free(ctx, cost);
    return st;
}

/* ---- two axes: merge, then reassign ----------------------------------------------------------- */

static int64_t merged_cost(const shape *a, const shape *b)
{
    shape u = *a;
    widen(u.most, b->most);
    return (u.count + b->count) * steps(u.most) - a->count * steps(a->most) - b->count * steps(b->most);
}

/* Merges the two shapes whose union costs least, until at most `most` are left. */
static int64_t merge(shape *s, int64_t n, int most)
{
    while (n > most) {
        int64_t x = 0, y = 1, least = INT64_MAX;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = i + 1; j < n; j++) {
                int64_t c = merged_cost(&s[i], &s[j]);
                if (c >= least) continue;
                least = c;
                x = i;
                y = j;
            }
        widen(s[x].most, s[y].most);
        s[x].count += s[y].count;
        s[y] = s[--n];
    }
    return n;
}

/* Every shape moves to the bucket that costs it least, buckets shrink to what they hold; true if one changed. */
static bool reassign(const shape *s, int64_t n, anl__buckets *b)
{
    anl__buckets next = {.n = 0}, tight = {.n = b->n};
    bool used[ANL__MAX_BUCKETS] = {false};
    for (int64_t i = 0; i < n; i++) {
        int v = anl__buckets_find(b, s[i].most);
        widen(tight.most[v], s[i].most);
        used[v] = true;
    }
    for (int v = 0; v < b->n; v++)
        if (used[v]) memcpy(next.most[next.n++], tight.most[v], sizeof tight.most[v]);
    bool changed = next.n != b->n || memcmp(next.most, b->most, sizeof next.most) != 0;
    *b = next;
    return changed;
}

static int by_steps(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    if (steps(x) != steps(y)) return steps(x) < steps(y) ? -1 : 1;
    return (x[0] > y[0]) - (x[0] < y[0]);
}

static anl_status choose_plane(anl_ctx *ctx, const shape *s, int64_t n, int most, anl__buckets *out)
{
    shape *box = anl__calloc(ctx, (size_t)n, sizeof *box);
    if (!box) return ANL_NOMEM;
    memcpy(box, s, (size_t)n * sizeof *box);
    *out = (anl__buckets){.n = (int)merge(box, n, most)};
    for (int v = 0; v < out->n; v++) memcpy(out->most[v], box[v].most, sizeof out->most[v]);
    anl__free(ctx, box);
    for (int round = 0; round < ROUNDS && reassign(s, n, out); round++) continue;
    qsort(out->most, (size_t)out->n, sizeof out->most[0], by_steps);
    return ANL_OK;
}

/* Buckets shrink to the items that they hold: lengths may have been rounded up. */
static void tighten(const anl__ragged *set, const int64_t *index, int64_t n, anl__buckets *b)
{
    anl__buckets tight = {.n = b->n};
    for (int64_t i = 0; i < n; i++) {
        int64_t length[ANL__RAGGED_AXES];
        for (int a = 0; a < ANL__RAGGED_AXES; a++) length[a] = anl__ragged_length(set, a, index ? index[i] : i);
        widen(tight.most[anl__buckets_find(b, length)], length);
    }
    *b = tight;
}

anl_status anl__buckets_choose(anl_ctx *ctx, const anl__ragged *set, const int64_t *index, int64_t n, int max_buckets,
                               anl__buckets *out)
{
    int axes = anl__ragged_axes(set);
    anl_status st = ANL_OK;
    if (!index) n = set->n;
    if (max_buckets < 1 || max_buckets > ANL__MAX_BUCKETS || n < 1)
        return anl__fail(ctx, ANL_INVALID, "%s: %d buckets for %lld items: expected 1 to %d for at least one", set->name,
                         max_buckets, (long long)n, ANL__MAX_BUCKETS);
    shape *s = anl__calloc(ctx, (size_t)n, sizeof *s);
    if (!s) return ANL_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        s[i].count = 1;
        for (int a = 0; a < axes; a++) s[i].most[a] = anl__ragged_length(set, a, index ? index[i] : i);
    }
    int64_t kinds = unite(s, n, 1);
    for (int64_t grain = 2; kinds > (axes > 1 ? MOST_PLANE : MOST_LINE); grain *= 2) kinds = unite(s, kinds, grain);
    if (kinds < max_buckets) max_buckets = (int)kinds;
    if (axes > 1)
        st = choose_plane(ctx, s, kinds, max_buckets, out);
    else
        st = choose_line(ctx, 0, s, kinds, max_buckets, out);
    anl__free(ctx, s);
    if (st == ANL_OK) tighten(set, index, n, out);
    return st;
}
