/* Every kernel of every device against the double reference.
 *
 * The bound, per output tensor, in one place (bound()):
 *
 *     |y - y_ref| <= C (u(T) + u(f32) sqrt(reduction)) S,     S = max|y_ref| + max|dy| / u(T)
 *
 * T is the type of the activations, u its unit roundoff (2^-24 for f32, 2^-8 for bf16, 2^-11 for f16): results are rounded to T once
 * and parameters may be packed in T, while sums run in f32, where the rounding errors of `reduction` added
 * terms grow like its root. dy is the change of the reference when each float input is moved by one random rounding
 * of T: where the result is a difference of large numbers S grows by what no kernel could avoid. C = 8 for
 * a few roundings in a row, and what is smaller than the smallest normal float (in f16: than its smallest number) may be zero. Integer outputs must be
 * equal, but for elements that dy's inputs flip too.
 */
#include "harness.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double C = 8;
enum { NUDGES = 3 };                           /* runs with moved inputs */
static const double LARGE_FLOPS = 2e8;         /* above: no moved inputs, the oracle is slow */

typedef struct oracle {
    int n;                          /* results */
    anl__type type[ANL__MAX_OUT + ANL__MAX_IN];
    double *y[ANL__MAX_OUT + ANL__MAX_IN], *dy[ANL__MAX_OUT + ANL__MAX_IN];
} oracle;

static double bound(const test_case *tc, anl_dtype t, double top, double change)
{
    double u = unit_roundoff(t), extra = tc->c->tolerance_scale > 0 ? tc->c->tolerance_scale : 1;
    return C * extra * (u + unit_roundoff(ANL_F32) * sqrt((double)tc->c->reduction)) * (top + change / u) + (t == ANL_F16 ? ldexp(1, -24) : (double)FLT_MIN);
}

static double **values_open(const test_case *tc, anl_dtype t)
{
    double **v = must(calloc(ANL__MAX_IN, sizeof *v));
    for (int i = 0; i < tc->n_in; i++) v[i] = case_values(tc, i, t);
    return v;
}

static void values_close(double **v)
{
    for (int i = 0; i < ANL__MAX_IN; i++) free(v[i]);
    free(v);
}

/* Moves every float by one rounding of t, up or down at random. */
static void nudge(const test_case *tc, double **v, anl_dtype t, uint32_t round)
{
    for (int i = 0; i < tc->n_in; i++)
        for (int64_t k = 0; v[i] && spec_is_float(&tc->in[i]) && k < tc->in[i].count; k++)
            v[i][k] *= 1 + unit_roundoff(t) * (draw(99, round * ANL__MAX_IN + (uint32_t)i, k) < 0.5 ? -1 : 1);
}

static void oracle_close(oracle *o)
{
    for (int r = 0; r < o->n; r++) {
        free(o->y[r]);
        free(o->dy[r]);
    }
}

static anl_status oracle_nudges(direct *d, oracle *o, const test_case *tc, anl_dtype t, double *const *in, int rounds)
{
    for (int q = 0; q < rounds; q++) {
        double **v = values_open(tc, t);
        for (int i = 0; i < tc->n_in; i++)
            if (v[i]) memcpy(v[i], in[i], (size_t)tc->in[i].count * sizeof **v);
        nudge(tc, v, t, (uint32_t)q);
        anl_status st = direct_load(d, v, NULL);
        if (st == ANL_OK) st = direct_run(d);
        values_close(v);
        ANL_TRY(st);
        for (int r = 0; r < o->n; r++) {
            double *y = direct_result_values(d, r);
            int64_t n = anl_shape_count(&o->type[r].shape);
            for (int64_t k = 0; k < n; k++) o->dy[r][k] = fmax(o->dy[r][k], fabs(y[k] - o->y[r][k]));
            free(y);
        }
    }
    return ANL_OK;
}

/* Runs the reference (case_oracle_type) on `in`, the numbers as type t holds them. */
static anl_status oracle_open(oracle *o, harness *h, const test_case *tc, anl_dtype t, double *const *in)
{
    char why[ANL__WHY] = "";
    direct d;
    const anl__kernel *k = reference_kernel(tc->c->op);
    memset(o, 0, sizeof *o);
    if (!k) return anl__fail(h->ctx, ANL_INTERNAL, "operator %s has no reference kernel", tc->c->op);
    anl_status st = direct_open(&d, h->ctx, tc, h->reference, k, case_oracle_type(tc), &(direct_opts){.slices = 1}, why);
    if (d.refused) anl__fail(h->ctx, st, "the reference refuses: %s", why);
    if (st == ANL_OK) st = direct_load(&d, in, NULL);
    if (st == ANL_OK) st = direct_run(&d);
    if (st == ANL_OK && d.broken) st = anl__fail(h->ctx, ANL_INTERNAL, "the reference: %s", d.broken);
    if (st == ANL_OK) {
        o->n = direct_results(&d);
        for (int r = 0; r < o->n; r++) {
            o->type[r] = direct_result_type(&d, r);
            o->y[r] = direct_result_values(&d, r);
            o->dy[r] = must(calloc((size_t)anl_shape_count(&o->type[r].shape) + 1, sizeof(double)));
        }
        double flops = d.call.op->flops ? d.call.op->flops(&d.call) : 0;
        st = oracle_nudges(&d, o, tc, t, in, tc->c->bench || flops > LARGE_FLOPS ? 0 : NUDGES);
    }
    direct_close(&d);
    return st;
}

static bool same_special(double a, double b)
{
    return (isnan(a) && isnan(b)) || (isinf(a) && isinf(b) && signbit(a) == signbit(b));
}

/* True when result r fits; else `text` says where it does not. */
static bool compare_result(const oracle *o, const test_case *tc, const direct *d, int r, anl_dtype t, const double *base, char text[200])
{
    double *got = direct_result_values(d, r), top = 0, change = 0, worst = -1;
    int64_t n = anl_shape_count(&o->type[r].shape), at = -1;
    anl_dtype type = direct_result_type(d, r).dtype;
    bool exact = type == ANL_I32 || type == ANL_U8;
    for (int64_t k = 0; k < n; k++) {
        if (isfinite(o->y[r][k])) top = fmax(top, fabs(o->y[r][k]));
        if (isfinite(o->dy[r][k])) change = fmax(change, o->dy[r][k]);
        if (base && r == 0) top = fmax(top, fabs(base[k]));
    }
    double limit = exact ? 0 : bound(tc, t, top, change);
    for (int64_t k = 0; k < n; k++) {
        double want = o->y[r][k] + (base && r == 0 ? base[k] : 0), e = fabs(got[k] - want);
        if (same_special(got[k], want) || e <= limit || (exact && o->dy[r][k] != 0)) continue;
        if (at < 0 || e > worst) at = k, worst = e;
    }
    if (at >= 0)
        snprintf(text, 200, "result %d element %lld of %lld: %.9g, the reference says %.9g (off by %.3g, allowed %.3g)", r, (long long)at,
                 (long long)n, got[at], o->y[r][at] + (base && r == 0 ? base[at] : 0), worst, limit);
    free(got);
    return at < 0;
}

static double *random_base(int64_t n, anl_dtype t)
{
    double *v = must(malloc(((size_t)n + 1) * sizeof *v));
    for (int64_t k = 0; k < n; k++) v[k] = round_to(2 * draw(31, 3, k) - 1, t);
    return v;
}

/* One run of one kernel against the oracle: counted as one test. Returns false when the kernel refused. */
static bool compare_kernel(harness *h, const test_case *tc, anl_device *dev, const anl__kernel *k, anl_dtype t, const oracle *o,
                           double *const *in, direct_opts opts, char why[ANL__WHY])
{
    direct d;
    char text[200] = "", run[96];
    double *base = NULL;
    bool ran = true;
    snprintf(run, sizeof run, "%s %s%s%s", k->name, anl_dtype_name(t), opts.accum ? " accumulating" : "", opts.inplace ? " in place" : "");
    anl_status st = direct_open(&d, h->ctx, tc, dev, k, t, &opts, why);
    if (d.refused) ran = false;
    else {
        if (st == ANL_OK && opts.accum) base = random_base(anl_shape_count(&d.call.out[0].shape), d.call.out[0].dtype);
        if (st == ANL_OK) st = direct_load(&d, in, base);
        if (st == ANL_OK) st = direct_run(&d);
        if (st != ANL_OK) report_fail(h, "%s: %s: %s", tc->label, run, anl_last_error(h->ctx));
        else if (d.broken) report_fail(h, "%s: %s: %s", tc->label, run, d.broken);
        else {
            bool good = true;
            for (int r = 0; r < o->n && good; r++) {
                anl__type type = direct_result_type(&d, r);
                if (!anl__shape_equal(&type.shape, &o->type[r].shape)) continue; /* the kernel keeps something of its own there */
                good = compare_result(o, tc, &d, r, t, base, text);
            }
            if (good) report_pass(h, "%s: %s", tc->label, run);
            else report_fail(h, "%s: %s: %s", tc->label, run, text);
        }
    }
    free(base);
    direct_close(&d);
    return ran;
}

static bool any_inplace(const anl__kernel *k)
{
    for (int j = 0; j < ANL__MAX_OUT; j++)
        if (k->inplace[j]) return true;
    return false;
}

/* The case in type t on one device: every kernel that takes it, in every way it can be run. */
static void compare_device(harness *h, const test_case *tc, anl_device *dev, anl_dtype t)
{
    double **in = values_open(tc, t);
    oracle o;
    char why[ANL__WHY] = "the device has no kernel for it";
    bool ran = false;
    const anl__op *op = anl__op_find(tc->c->op);
    const anl__kernel *const *const *table = anl__device_kernels(dev);
    if (oracle_open(&o, h, tc, t, in) != ANL_OK) {
        report_fail(h, "%s: %s", tc->label, anl_last_error(h->ctx));
        ran = true;
    } else
        for (int i = 0; table[i]; i++)
            for (int j = 0; table[i][j]; j++) {
                const anl__kernel *k = table[i][j];
                if (strcmp(k->op, tc->c->op) || strcmp(k->device, anl_device_name(dev))) continue;
                if (!compare_kernel(h, tc, dev, k, t, &o, in, (direct_opts){.slices = 4}, why)) continue;
                ran = true;
                if (op->accum_ok) compare_kernel(h, tc, dev, k, t, &o, in, (direct_opts){.slices = 3, .accum = true}, why);
                if (any_inplace(k)) compare_kernel(h, tc, dev, k, t, &o, in, (direct_opts){.slices = 4, .inplace = true}, why);
            }
    if (!ran) report_skip(h, "%s: %s %s: %s", tc->label, anl_device_name(dev), anl_dtype_name(t), why);
    oracle_close(&o);
    values_close(in);
}

static bool has_activation(const test_case *tc)
{
    for (int i = 0; i < tc->n_in; i++)
        if (tc->in[i].kind == SPEC_ACTIVATION) return true;
    return false;
}

void mode_device(harness *h, const test_case *tc)
{
    const anl__op *op = anl__op_find(tc->c->op);
    if (tc->c->reject || (op && op->view)) return; /* a view has no kernel */
    for (int i = 0; anl__device_table[i]; i++) {
        const anl__device_vt *vt = anl__device_table[i];
        if (!strcmp(vt->name, "null") || (h->only_device && strcmp(vt->name, h->only_device))) continue;
        anl_device *dev = device_get(h, vt->name, 2);
        if (!dev) {
            if (h->only_device || strcmp(vt->name, "cuda")) report_skip(h, "%s: device %s does not open here: %s", tc->label, vt->name, anl_last_error(h->ctx));
            continue;
        }
        compare_device(h, tc, dev, ANL_F32);
        if (dev == h->reference || !has_activation(tc)) continue;
        for (int k = 0; k < HALF_TYPES; k++)
            if (has_type(dev, half_types[k])) compare_device(h, tc, dev, half_types[k]);
            else if (half_types[k] == ANL_BF16) report_skip(h, "%s: device %s has no bf16", tc->label, vt->name);
    }
}
