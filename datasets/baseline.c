/* Seasonal naive, ridge regression, and errors in raw units (baseline.h). */
#include "datasets/baseline.h"

#include <math.h>
#include <string.h>

void anl__baseline_seasonal(const anl__series *s, const int64_t *item, int64_t n, int64_t lag, double *out)
{
    int64_t H = anl__series_horizon(s->fit), T = anl__series_targets(s->fit);
    for (int64_t i = 0; i < n; i++) {
        int64_t origin = s->first + item[i];
        for (int64_t h = 0; h < H; h++) {
            int64_t back = (h / lag + 1) * lag; /* the fewest seasons that lead before the origin */
            int64_t row = origin + h - back;
            if (row < 0) row = origin - 1; /* no such season yet: the last value */
            memcpy(out + (i * H + h) * T, s->raw + row * T, sizeof *out * (size_t)T);
        }
    }
}

/* ---- ridge regression -------------------------------------------------------------------------- */

enum { MOST_COLUMNS = 6000 };                   /* 288 MB of a matrix */
static const double most_products = 1.5e11; /* a minute or two, that a person waits behind the training */

typedef struct ridge {
    int64_t d, outputs; /* columns of the window and the constant; H * T */
    double *gram;       /* [d, d], the lower triangle: X'X + lambda n I, then its Cholesky factor */
    double *weight;     /* [d, outputs]: X'y, then the solution */
} ridge;

static const float *row_of(const anl__series *s, const char *field, int64_t item)
{
    return anl__ragged_get(&s->set->field[anl__ragged_find(s->set, field)], item);
}

static void accumulate(const anl__series *s, ridge *r, const int64_t *item, int64_t n, double *x)
{
    x[r->d - 1] = 1;
    for (int64_t i = 0; i < n; i++) {
        const float *window = row_of(s, "x", item[i]), *y = row_of(s, "y", item[i]);
        for (int64_t k = 0; k < r->d - 1; k++) x[k] = window[k];
        for (int64_t a = 0; a < r->d; a++) {
            double *g = r->gram + a * r->d, *w = r->weight + a * r->outputs, v = x[a];
            if (v == 0) continue;
            for (int64_t b = 0; b <= a; b++) g[b] += v * x[b];
            for (int64_t k = 0; k < r->outputs; k++) w[k] += v * y[k];
        }
    }
}

/* In place, G = L L', row by row; false: not positive definite. */
static bool cholesky(double *g, int64_t d)
{
    for (int64_t i = 0; i < d; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double sum = g[i * d + j];
            for (int64_t k = 0; k < j; k++) sum -= g[i * d + k] * g[j * d + k];
            if (i == j && !(sum > 0)) return false;
            g[i * d + j] = i == j ? sqrt(sum) : sum / g[j * d + j];
        }
    }
    return true;
}

static void solve(ridge *r)
{
    int64_t d = r->d, m = r->outputs;
    for (int64_t i = 0; i < d; i++) { /* L z = X'y */
        double *w = r->weight + i * m;
        for (int64_t k = 0; k < i; k++)
            for (int64_t o = 0; o < m; o++) w[o] -= r->gram[i * d + k] * r->weight[k * m + o];
        for (int64_t o = 0; o < m; o++) w[o] /= r->gram[i * d + i];
    }
    for (int64_t i = d; i-- > 0;) { /* L' w = z */
        double *w = r->weight + i * m;
        for (int64_t o = 0; o < m; o++) w[o] /= r->gram[i * d + i];
        for (int64_t k = 0; k < i; k++)
            for (int64_t o = 0; o < m; o++) r->weight[k * m + o] -= r->gram[i * d + k] * w[o];
    }
}

static void predict(const anl__series *s, const ridge *r, const int64_t *item, int64_t n, double *sum, float *scaled, double *out)
{
    int base = anl__ragged_find(s->set, "base");
    for (int64_t i = 0; i < n; i++) {
        const float *window = row_of(s, "x", item[i]);
        memcpy(sum, r->weight + (r->d - 1) * r->outputs, sizeof *sum * (size_t)r->outputs);
        for (int64_t a = 0; a < r->d - 1; a++)
            for (int64_t k = 0; k < r->outputs; k++) sum[k] += window[a] * r->weight[a * r->outputs + k];
        for (int64_t k = 0; k < r->outputs; k++) scaled[k] = (float)sum[k];
        anl__series_undo(s->fit, scaled, base < 0 ? NULL : anl__ragged_get(&s->set->field[base], item[i]), out + i * r->outputs);
    }
}

anl_status anl__baseline_ridge(const anl__series *s, const int64_t *fit, int64_t n_fit, double lambda, const int64_t *item, int64_t n, double *out)
{
    anl_status st = ANL_OK;
    ridge r = {.d = anl__series_window(s->fit) * anl__series_features(s->fit) + 1, .outputs = anl__series_horizon(s->fit) * anl__series_targets(s->fit)};
    double *x = NULL, *sum = NULL;
    float *scaled = NULL;
    if (r.d > MOST_COLUMNS) return anl__fail(s->ctx, ANL_DATA, "ridge regression over %lld values of a window is more than the %d it is made for", (long long)r.d - 1, MOST_COLUMNS);
    double d = (double)r.d, products = (double)n_fit * d * (d / 2 + (double)r.outputs) + d * d * (d / 6 + (double)r.outputs);
    if (products > most_products)
        return anl__fail(s->ctx, ANL_DATA, "over %lld values of a window and %lld windows it would take %.0f thousand million products, more than %.0f", (long long)r.d - 1, (long long)n_fit,
                         products / 1e9, most_products / 1e9);
    r.gram = anl__calloc(s->ctx, (size_t)(r.d * r.d), sizeof *r.gram);
    r.weight = anl__calloc(s->ctx, (size_t)(r.d * r.outputs), sizeof *r.weight);
    x = anl__calloc(s->ctx, (size_t)r.d, sizeof *x);
    sum = anl__calloc(s->ctx, (size_t)r.outputs, sizeof *sum);
    scaled = anl__calloc(s->ctx, (size_t)r.outputs, sizeof *scaled);
    if (!r.gram || !r.weight || !x || !sum || !scaled) ANL_GO(ANL_NOMEM);
    accumulate(s, &r, fit, n_fit, x);
    for (int64_t a = 0; a < r.d - 1; a++) r.gram[a * r.d + a] += lambda * (double)n_fit;
    if (!cholesky(r.gram, r.d)) ANL_GO(anl__fail(s->ctx, ANL_DATA, "ridge regression: columns of the window depend on each other; take a lambda above %g", lambda));
    solve(&r);
    predict(s, &r, item, n, sum, scaled, out);
done:
    anl__free(s->ctx, scaled);
    anl__free(s->ctx, sum);
    anl__free(s->ctx, x);
    anl__free(s->ctx, r.weight);
    anl__free(s->ctx, r.gram);
    return st;
}

/* ---- errors ------------------------------------------------------------------------------------ */

/* Mean absolute error of the naive forecast over the training rows: what MASE divides by (Hyndman and Koehler 2006). */
static double naive_error(const anl__series *s, int64_t target, int64_t lag)
{
    int64_t T = anl__series_targets(s->fit), end = s->begin[1] ? s->begin[1] : s->rows;
    double sum = 0;
    if (end <= lag) return NAN;
    for (int64_t row = lag; row < end; row++) sum += fabs(s->raw[row * T + target] - s->raw[(row - lag) * T + target]);
    return sum / (double)(end - lag);
}

anl__errors anl__series_errors(const anl__series *s, const int64_t *item, int64_t n, const double *prediction, int target, int64_t mase_lag)
{
    int64_t H = anl__series_horizon(s->fit), T = anl__series_targets(s->fit);
    double squares = 0, absolute = 0, relative = 0, scaled = 0;
    anl__errors e = {.values = 0};
    for (int64_t k = target < 0 ? 0 : target; k < (target < 0 ? T : target + 1); k++) {
        double naive = naive_error(s, k, mase_lag);
        for (int64_t i = 0; i < n; i++) {
            for (int64_t h = 0; h < H; h++) {
                double truth = s->raw[(s->first + item[i] + h) * T + k], d = prediction[(i * H + h) * T + k] - truth;
                squares += d * d;
                absolute += fabs(d);
                scaled += fabs(d) / naive;
                e.values++;
                if (truth == 0) continue;
                relative += fabs(d / truth);
                e.mape_values++;
            }
        }
    }
    e.rmse = sqrt(squares / (double)e.values);
    e.mae = absolute / (double)e.values;
    e.mape = e.mape_values ? 100 * relative / (double)e.mape_values : NAN;
    e.mase = scaled / (double)e.values;
    return e;
}
