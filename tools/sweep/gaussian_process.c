/* The model, its likelihood with gradient, and the fit by L-BFGS (Nocedal and Wright 2006, algorithm 7.4).
 * Everything is a function of the data: the start is fixed and so is the number of evaluations.
 *
 * Parameters are logarithms, with normal priors that keep them in a sensible range when there are few points:
 * lengths around 0.5 of the unit cube, signal around the data's, little noise.
 */
#include "gaussian_process.h"

#include "cholesky.h"

#include <math.h>
#include <string.h>

enum { MEMORY = 8, EVALUATIONS = 40 };

static const double SQRT5 = 2.2360679774997896, LEAST_NOISE = 1e-6;
static const double WEIGHT_MEAN = 1.4, WEIGHT_SPREAD = 1.5, SIGNAL_SPREAD = 1, NOISE_MEAN = -9,
                    NOISE_SPREAD = 2;

static double square_difference(const gaussian_process *gp, const double *a, const double *b, int j)
{
    double t = a[j] - b[j];
    return gp->category[j] ? t != 0 : t * t;
}

static double distance2(const gaussian_process *gp, const double *weight, const double *a, const double *b)
{
    double s = 0;
    for (int j = 0; j < gp->d; j++) s += weight[j] * square_difference(gp, a, b, j);
    return s;
}

static double matern(double r2)
{
    double r = SQRT5 * sqrt(r2);
    return (1 + r + r * r / 3) * exp(-r);
}

/* Fills gp->l and gp->alpha for theta; false: not positive definite. */
static bool factor(gaussian_process *gp, const double *theta)
{
    double weight[GP_MAX_DIMENSIONS], signal = exp(theta[gp->d]), noise = exp(theta[gp->d + 1]) + LEAST_NOISE;
    size_t n = (size_t)gp->n, d = (size_t)gp->d;
    for (int j = 0; j < gp->d; j++) weight[j] = exp(theta[j]);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k <= i; k++)
            gp->l[i * n + k] = signal * matern(distance2(gp, weight, gp->x + i * d, gp->x + k * d)) +
                               (i == k ? noise : 0);
    if (!cholesky(gp->l, gp->n)) return false;
    memcpy(gp->alpha, gp->y, sizeof *gp->alpha * n);
    cholesky_forward(gp->l, gp->n, gp->alpha);
    cholesky_backward(gp->l, gp->n, gp->alpha);
    return true;
}

static double prior(double v, double mean, double spread, double *slope)
{
    double z = (v - mean) / spread;
    *slope += z / spread;
    return 0.5 * z * z;
}

/* Minus the log posterior of theta, and its gradient; infinite where it cannot be computed. inverse: n x n.
 */
static double objective(gaussian_process *gp, const double *theta, double *inverse, double *gradient)
{
    int n = gp->n, d = gp->d;
    double weight[GP_MAX_DIMENSIONS], signal = exp(theta[d]), noise = exp(theta[d + 1]), f = 0;
    for (int j = 0; j < d + 2; j++) gradient[j] = 0;
    for (int j = 0; j < d + 2; j++)
        if (fabs(theta[j]) > 30) return INFINITY;
    if (!factor(gp, theta)) return INFINITY;
    for (int i = 0; i < n; i++)
        f += 0.5 * gp->y[i] * gp->alpha[i] + log(gp->l[(size_t)i * (size_t)n + (size_t)i]);
    cholesky_inverse(gp->l, n, inverse);
    for (int j = 0; j < d; j++) weight[j] = exp(theta[j]);
    /* df/dtheta = sum over i, k of 1/2 (K^-1 - alpha alpha')_ik dK_ik/dtheta; the matrix is symmetric */
    for (int i = 0; i < n; i++) {
        const double *xi = gp->x + (size_t)i * (size_t)d;
        double q = 0.5 * (inverse[(size_t)i * (size_t)n + (size_t)i] - gp->alpha[i] * gp->alpha[i]);
        gradient[d] += q * signal;
        gradient[d + 1] += q * noise;
        for (int k = 0; k < i; k++) {
            const double *xk = gp->x + (size_t)k * (size_t)d;
            double r = SQRT5 * sqrt(distance2(gp, weight, xi, xk)), e = signal * exp(-r), slope;
            q = inverse[(size_t)i * (size_t)n + (size_t)k] - gp->alpha[i] * gp->alpha[k];
            gradient[d] += q * (1 + r + r * r / 3) * e;
            slope = -q * (5.0 / 6) * (1 + r) * e;
            for (int j = 0; j < d; j++) gradient[j] += slope * weight[j] * square_difference(gp, xi, xk, j);
        }
    }
    for (int j = 0; j < d; j++) f += prior(theta[j], WEIGHT_MEAN, WEIGHT_SPREAD, &gradient[j]);
    f += prior(theta[d], 0, SIGNAL_SPREAD, &gradient[d]);
    f += prior(theta[d + 1], NOISE_MEAN, NOISE_SPREAD, &gradient[d + 1]);
    return isfinite(f) ? f : INFINITY;
}

static double inner(const double *a, const double *b, int n)
{
    double s = 0;
    for (int i = 0; i < n; i++) s += a[i] * b[i];
    return s;
}

/* The last steps s and changes of gradient y of the search, as a ring. */
typedef struct history {
    double s[MEMORY][GP_MAX_DIMENSIONS + 2], y[MEMORY][GP_MAX_DIMENSIONS + 2];
    int count;
} history;

/* direction = - (approximate inverse Hessian) gradient, by the two loops. */
static void quasi_newton(const history *h, const double *gradient, double *direction, int n)
{
    double a[MEMORY];
    int from = h->count > MEMORY ? h->count - MEMORY : 0;
    for (int i = 0; i < n; i++) direction[i] = -gradient[i];
    for (int k = h->count - 1; k >= from; k--) {
        const double *s = h->s[k % MEMORY], *y = h->y[k % MEMORY];
        a[k % MEMORY] = inner(s, direction, n) / inner(s, y, n);
        for (int i = 0; i < n; i++) direction[i] -= a[k % MEMORY] * y[i];
    }
    if (h->count) {
        const double *s = h->s[(h->count - 1) % MEMORY], *y = h->y[(h->count - 1) % MEMORY];
        double scale = inner(s, y, n) / inner(y, y, n);
        for (int i = 0; i < n; i++) direction[i] *= scale;
    }
    for (int k = from; k < h->count; k++) {
        const double *s = h->s[k % MEMORY], *y = h->y[k % MEMORY];
        double b = inner(y, direction, n) / inner(s, y, n);
        for (int i = 0; i < n; i++) direction[i] += (a[k % MEMORY] - b) * s[i];
    }
}

static void minimise(gaussian_process *gp, double *theta, double *inverse, history *h)
{
    double g[GP_MAX_DIMENSIONS + 2], trial[GP_MAX_DIMENSIONS + 2], g_trial[GP_MAX_DIMENSIONS + 2],
        p[GP_MAX_DIMENSIONS + 2];
    int n = gp->d + 2, left = EVALUATIONS - 1;
    double f = objective(gp, theta, inverse, g);
    while (left > 0) {
        double slope, step = 1, f_trial = INFINITY, longest = 0, s_y = 0;
        quasi_newton(h, g, p, n);
        slope = inner(p, g, n);
        if (!(slope < -1e-6)) return;
        for (int i = 0; i < n; i++) longest = fmax(longest, fabs(p[i]));
        if (longest > 2) step = 2 / longest; /* a factor of e^2 at most in one step */
        for (; left > 0; step *= 0.4) {
            for (int i = 0; i < n; i++) trial[i] = theta[i] + step * p[i];
            f_trial = objective(gp, trial, inverse, g_trial);
            left--;
            if (f_trial <= f + 1e-4 * step * slope) break;
        }
        if (!(f_trial <= f + 1e-4 * step * slope)) return;
        double *s = h->s[h->count % MEMORY], *y = h->y[h->count % MEMORY], gain = f - f_trial;
        for (int i = 0; i < n; i++) {
            s[i] = trial[i] - theta[i];
            y[i] = g_trial[i] - g[i];
            s_y += s[i] * y[i];
            theta[i] = trial[i];
            g[i] = g_trial[i];
        }
        if (s_y > 1e-10) h->count++; /* else the pair would spoil the approximation; its slot is used again */
        f = f_trial;
        if (gain < 1e-4) return;
    }
}

anl_status gp_fit(anl_ctx *ctx, const double *x, const double *y, const bool *category, int n, int d,
                  gaussian_process *gp)
{
    size_t count = (size_t)n;
    double *inverse = anl__calloc(ctx, count * count, sizeof *inverse);
    history *h = anl__calloc(ctx, 1, sizeof *h);
    anl_status st = ANL_NOMEM;
    *gp = (gaussian_process){.ctx = ctx, .n = n, .d = d, .x = x, .y = y, .category = category};
    gp->l = anl__calloc(ctx, count * (count + 2) + (size_t)d, sizeof *gp->l);
    if (!inverse || !h || !gp->l) goto done;
    gp->alpha = gp->l + count * count;
    gp->work = gp->alpha + count;
    for (int j = 0; j < d; j++) gp->theta[j] = WEIGHT_MEAN;
    gp->theta[d + 1] = NOISE_MEAN;
    minimise(gp, gp->theta, inverse, h);
    st = factor(gp, gp->theta)
             ? ANL_OK
             : anl__fail(ctx, ANL_NONFINITE, "Gaussian process: no parameters fit these %d results", n);
done:
    anl__free(ctx, inverse);
    anl__free(ctx, h);
    if (st != ANL_OK) gp_release(gp);
    return st;
}

void gp_release(gaussian_process *gp)
{
    if (gp->ctx) anl__free(gp->ctx, gp->l);
    *gp = (gaussian_process){0};
}

void gp_predict(gaussian_process *gp, const double *x, double *mean, double *variance)
{
    double *k = gp->work, *weight = gp->work + gp->n, signal = exp(gp->theta[gp->d]), m = 0, v = signal;
    for (int j = 0; j < gp->d; j++) weight[j] = exp(gp->theta[j]);
    for (int i = 0; i < gp->n; i++) {
        k[i] = signal * matern(distance2(gp, weight, x, gp->x + (size_t)i * (size_t)gp->d));
        m += k[i] * gp->alpha[i];
    }
    cholesky_forward(gp->l, gp->n, k);
    for (int i = 0; i < gp->n; i++) v -= k[i] * k[i];
    *mean = m;
    *variance = v > 1e-12 * signal ? v : 1e-12 * signal;
}
