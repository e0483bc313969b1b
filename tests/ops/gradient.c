/* The gradient of every case against central differences, in double on the reference device, through the public
 * API: graph, autodiff, program. Objective: <r, y> with a random r over the first output y. */
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* |numeric - analytic| <= RTOL |numeric| + ATOL (1 + largest |numeric| of the input). Central differences at
   step 1e-6 in double are good to about 1e-9 relative to y; a wrong formula is off by far more than 1e-5. */
static const double STEP = 1e-6, RTOL = 1e-5, ATOL = 1e-7;
/* Inputs longer than this are sampled at random places instead of gone through. */
enum { ALL_ELEMENTS = 2048, SAMPLED = 128 };

typedef struct grad_test {
    harness *h;
    const test_case *tc;
    anl_net *net;
    anl_program *forward, *backward;
    anl_bind bind;
    int n_in;
    int slot[ANL__MAX_IN];        /* input of the bind, -1: not bound (absent, rng) */
    double *value[ANL__MAX_IN];
    block in[ANL__MAX_IN], seed;
    double *r;                    /* the direction, as long as y */
    int64_t n_y;
} grad_test;

static bool wanted(const test_case *tc, int i) { return spec_is_float(&tc->in[i]) && !tc->in[i].nograd; }

/* One graph with y as an output; `dy` NULL: forward only. */
static anl_status compile(grad_test *t, anl_value *dy, anl_program **out)
{
    anl_ctx *ctx = t->h->ctx;
    anl_graph *g = NULL;
    anl_value in[ANL__MAX_IN], y;
    anl_status st = case_graph(ctx, t->tc, ANL_F64, true, &g, in, &y);
    if (st == ANL_OK) st = anl_graph_status(g);
    if (st != ANL_OK) {
        anl_graph_destroy(g);
        return st;
    }
    anl_shape s = anl_value_shape(g, y);
    t->n_y = anl_shape_count(&s);
    anl_output(g, "y", y);
    int slot = 0;
    for (int i = 0; i < t->tc->n_in; i++) {
        spec_kind k = t->tc->in[i].kind;
        t->slot[i] = k == SPEC_ABSENT || k == SPEC_RNG ? -1 : slot++;
        if (dy && wanted(t->tc, i)) anl__graph_want_grad(g, in[i]);
    }
    if (dy) {
        *dy = anl_input(g, "dy", ANL_F64, s.rank, s.dim);
        anl__graph_seed(g, y, *dy);
    }
    anl_compile_opts o = anl_compile_opts_default(g);
    o.rewrite = false;
    o.backward = dy != NULL;
    return anl_program_compile(t->net, g, &o, out);
}

static void upload(grad_test *t, int i)
{
    const input_spec *s = &t->tc->in[i];
    void *bytes = must(malloc(t->in[i].bytes + 1));
    encode(spec_dtype(s, ANL_F64), s->count, t->value[i], bytes);
    block_write(&t->in[i], bytes);
    free(bytes);
}

static anl_status open_test(grad_test *t)
{
    anl_ctx *ctx = t->h->ctx;
    anl_value dy;
    ANL_TRY(anl_net_create(t->h->reference, &t->net));
    ANL_TRY(compile(t, NULL, &t->forward));
    ANL_TRY(compile(t, &dy, &t->backward));
    ANL_TRY(anl_net_finish(t->net, 0, 1, false));
    ANL_TRY(anl_net_init(t->net, 1));
    ANL_TRY(anl_net_set_rng(t->net, 1234567, 5, 1, 640));
    int n = 0;
    for (int i = 0; i < t->tc->n_in; i++) {
        if (t->slot[i] < 0) continue;
        const input_spec *s = &t->tc->in[i];
        t->value[i] = case_values(t->tc, i, ANL_F64);
        if (!block_open(&t->in[i], t->h->reference, (size_t)s->count * anl_dtype_size(spec_dtype(s, ANL_F64))))
            return anl__fail(ctx, ANL_NOMEM, "no memory for input %d", i);
        upload(t, i);
        t->bind.input[t->slot[i]] = t->in[i].p;
        n = t->slot[i] + 1;
    }
    t->r = must(malloc(((size_t)t->n_y + 1) * sizeof *t->r));
    for (int64_t k = 0; k < t->n_y; k++) t->r[k] = 2 * draw(77, 7, k) - 1;
    if (!block_open(&t->seed, t->h->reference, (size_t)t->n_y * sizeof(double)) || n >= ANL_MAX_INPUTS)
        return anl__fail(ctx, ANL_NOMEM, "no room for the direction");
    block_write(&t->seed, t->r);
    t->bind.input[n] = t->seed.p;
    return ANL_OK;
}

static void close_test(grad_test *t)
{
    anl_net_destroy(t->net);
    for (int i = 0; i < ANL__MAX_IN; i++) {
        free(t->value[i]);
        block_close(&t->in[i]);
    }
    block_close(&t->seed);
    free(t->r);
}

static anl_status read_y(grad_test *t, double *y)
{
    ANL_TRY(anl_program_run(t->forward, &t->bind));
    const double *p = anl_program_output(t->forward, "y", NULL, NULL);
    if (!p) return anl__fail(t->h->ctx, ANL_INTERNAL, "the program has no output y");
    memcpy(y, p, (size_t)t->n_y * sizeof *y);
    return ANL_OK;
}

/* d<r, y>/d(input i, element k). y is differenced before the sum, so that the sum's rounding is not divided by the step. */
static anl_status difference(grad_test *t, int i, int64_t k, double *y0, double *y1, double *out)
{
    double *v = t->value[i], x = v[k], h = STEP * fmax(1, fabs(x)), sum = 0;
    volatile double up = x + h, down = x - h;
    v[k] = down;
    upload(t, i);
    ANL_TRY(read_y(t, y0));
    v[k] = up;
    upload(t, i);
    ANL_TRY(read_y(t, y1));
    v[k] = x;
    upload(t, i);
    for (int64_t q = 0; q < t->n_y; q++) sum += t->r[q] * (y1[q] - y0[q]);
    *out = sum / (up - down);
    return ANL_OK;
}

/* Compares one input's gradient; true when it fits. */
static bool check_input(grad_test *t, int i, const double *grad)
{
    int64_t n = t->tc->in[i].count, m = n <= ALL_ELEMENTS ? n : SAMPLED, worst = -1;
    double *y0 = must(malloc(((size_t)t->n_y + 1) * sizeof *y0)), *y1 = must(malloc(((size_t)t->n_y + 1) * sizeof *y1));
    double *num = must(malloc(((size_t)m + 1) * sizeof *num)), top = 0, excess = 0;
    anl_status st = ANL_OK;
    for (int64_t q = 0; q < m && st == ANL_OK; q++) {
        int64_t k = m == n ? q : (int64_t)(draw(5, (uint32_t)i, q) * (double)n);
        st = difference(t, i, k, y0, y1, &num[q]);
        top = fmax(top, fabs(num[q]));
    }
    double atol = ATOL * (1 + top) * (t->tc->c->tolerance_scale > 0 ? t->tc->c->tolerance_scale : 1), wn = 0, wg = 0;
    for (int64_t q = 0; q < m && st == ANL_OK; q++) {
        int64_t k = m == n ? q : (int64_t)(draw(5, (uint32_t)i, q) * (double)n);
        double e = fabs(num[q] - grad[k]) - RTOL * fabs(num[q]) - atol;
        if (!(e <= 0) && (worst < 0 || e > excess)) worst = k, excess = e, wn = num[q], wg = grad[k];
    }
    free(y0);
    free(y1);
    free(num);
    if (st != ANL_OK) report_fail(t->h, "%s: input %d: %s", t->tc->label, i, anl_last_error(t->h->ctx));
    else if (worst >= 0)
        report_fail(t->h, "%s: gradient of input %d, element %lld: %.10g, differences say %.10g", t->tc->label, i, (long long)worst, wg, wn);
    return st == ANL_OK && worst < 0;
}

/* A copy: a program's output is valid only until the next run. NULL: there is none of the right type. */
static double *copy_gradient(grad_test *t, int i)
{
    char name[32];
    snprintf(name, sizeof name, "grad.in%d", i);
    anl_dtype type = ANL_F32;
    anl_shape shape = {0};
    const double *g = anl_program_output(t->backward, name, &type, &shape);
    size_t n = (size_t)t->tc->in[i].count;
    if (!g || type != ANL_F64 || anl_shape_count(&shape) != (int64_t)n) return NULL;
    double *copy = must(malloc((n + 1) * sizeof *copy));
    memcpy(copy, g, n * sizeof *copy);
    return copy;
}

static bool check_all(grad_test *t)
{
    anl_status st = anl_program_run(t->backward, &t->bind);
    if (st != ANL_OK) {
        report_fail(t->h, "%s: backward run: %s", t->tc->label, anl_last_error(t->h->ctx));
        return false;
    }
    double *grad[ANL__MAX_IN] = {0};
    bool good = true;
    for (int i = 0; i < t->tc->n_in; i++)
        if (wanted(t->tc, i)) grad[i] = copy_gradient(t, i);
    for (int i = 0; i < t->tc->n_in; i++) {
        if (grad[i]) good = check_input(t, i, grad[i]) && good;
        else if (wanted(t->tc, i)) {
            report_fail(t->h, "%s: input %d has no f64 gradient of its shape (is it `nograd`?)", t->tc->label, i);
            good = false;
        }
        free(grad[i]);
    }
    return good;
}

void mode_grad(harness *h, const test_case *tc)
{
    if (tc->c->reject || tc->c->nograd || tc->c->bench) return;
    int n = 0;
    for (int i = 0; i < tc->n_in; i++) n += wanted(tc, i);
    if (!n) return;
    grad_test t = {.h = h, .tc = tc};
    if (open_test(&t) != ANL_OK) report_fail(h, "%s: %s", tc->label, anl_last_error(h->ctx));
    else if (check_all(&t)) report_pass(h, "%s", tc->label);
    close_test(&t);
}
