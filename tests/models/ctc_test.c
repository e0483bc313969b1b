/* The loss ctc against its definition: every path is spelled out and those that stand for the target are
 * added. And what becomes of targets that have no path, labels that are no class, and logits that are
 * -infinite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"
#include "runtime/base/philox.h"

enum { T = 6, N = 4, C = 3, L = 3 };

typedef struct problem {
    float z[T * N * C];
    int32_t target[N * L], steps[N], labels[N];
} problem;

typedef struct answer {
    float sum[4]; /* num, den, correct, impossible */
    float dz[T * N * C];
} answer;

static void solve(const char *device, const char *attrs, const problem *p, answer *out)
{
    static const int64_t dz[3] = {T, N, C}, dt[2] = {N, L};
    static const char *const name[] = {"num", "den", "correct", "impossible"};
    static const float one = 1;
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev;
    anl_graph *g;
    anl_net *net;
    anl_program *program;
    if (anl_device_open(ctx, device, NULL, &dev) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl_net_create(dev, &net), ANL_OK);
    assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
    anl_value in[4] = {anl_input(g, "z", ANL_F32, 3, dz), anl_input(g, "target", ANL_I32, 2, dt),
                       anl_input(g, "steps", ANL_I32, 1, dt), anl_input(g, "labels", ANL_I32, 1, dt)};
    anl_value num = anl_node(g, "ctc", "loss", in, 4, "%s", attrs);
    for (int j = 0; j < 4; j++) anl_output(g, name[j], anl_node_output(g, num, j));
    anl__graph_want_grad(g, in[0]);
    anl__graph_seed(g, num, anl_input(g, "one", ANL_F32, 1, (const int64_t[]){1}));
    anl_compile_opts o = anl_compile_opts_default(g);
    o.backward = true;
    anl_bind bind = {.input = {p->z, p->target, p->steps, p->labels, &one}};
    anl_status st = anl_program_compile(net, g, &o, &program);
    if (st == ANL_OK) st = anl_net_finish(net, 0, 1, false);
    if (st == ANL_OK) st = anl_net_init(net, 1);
    if (st == ANL_OK) st = anl_program_run(program, &bind);
    if (st != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    for (int j = 0; j < 4; j++)
        out->sum[j] = *(const float *)anl_program_output(program, name[j], NULL, NULL);
    memcpy(out->dz, anl_program_output(program, "grad.z", NULL, NULL), sizeof out->dz);
    anl_net_destroy(net);
    anl_device_close(dev);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

/* Does this path stand for sample n's target? */
static bool stands(const problem *p, int n, const int *path, int blank)
{
    int found = 0;
    for (int t = 0; t < p->steps[n]; t++) {
        if (path[t] == blank || (t && path[t] == path[t - 1])) continue;
        if (found == p->labels[n] || p->target[n * L + found] != path[t]) return false;
        found++;
    }
    return found == p->labels[n];
}

/* The definition: all C^steps paths. dz += the gradient; returns the loss, infinite without a path. */
static double spelled_out(const problem *p, int n, int blank, double *dz)
{
    double y[T][C], with[T][C] = {{0}}, total = 0;
    int paths = 1;
    for (int t = 0; t < p->steps[n]; t++, paths *= C) {
        double sum = 0;
        for (int k = 0; k < C; k++) sum += exp((double)p->z[(t * N + n) * C + k]);
        for (int k = 0; k < C; k++) y[t][k] = exp((double)p->z[(t * N + n) * C + k]) / sum;
    }
    for (int i = 0; i < paths; i++) {
        int path[T] = {0};
        double product = 1;
        for (int t = 0, rest = i; t < p->steps[n]; t++, rest /= C) product *= y[t][path[t] = rest % C];
        if (!stands(p, n, path, blank)) continue;
        total += product;
        for (int t = 0; t < p->steps[n]; t++) with[t][path[t]] += product;
    }
    for (int t = 0; t < p->steps[n] && total > 0; t++)
        for (int k = 0; k < C; k++) dz[(t * N + n) * C + k] = y[t][k] - with[t][k] / total;
    return -log(total);
}

static uint32_t word(uint32_t a, uint32_t b) { return anl__philox(4, a, b, 0, 0).v[0]; }

static void draw(problem *p, uint32_t round, int blank)
{
    for (uint32_t i = 0; i < T * N * C; i++) p->z[i] = 6 * anl__u32_to_unit(word(round, i)) - 3;
    for (uint32_t i = 0; i < N * L; i++) {
        int label = (int)(word(round, 1000 + i) % (C - 1));
        p->target[i] = label >= blank ? label + 1 : label;
    }
    for (uint32_t n = 0; n < N; n++) {
        p->steps[n] = (int32_t)(word(round, 2000 + n) % (T + 1));
        p->labels[n] = (int32_t)(word(round, 3000 + n) % (L + 1));
    }
}

static void by_definition(const char *device)
{
    problem p;
    answer a;
    int impossible = 0;
    for (uint32_t round = 0; round < 60; round++) {
        int blank = (int)round % C;
        double num = 0, dz[T * N * C] = {0};
        int den = 0;
        char attrs[32];
        draw(&p, round, blank);
        for (int n = 0; n < N; n++) {
            double loss = spelled_out(&p, n, blank, dz);
            if (isinf(loss)) continue;
            num += loss;
            den++;
        }
        snprintf(attrs, sizeof attrs, "blank=%d", round % 2 ? blank : blank - C);
        solve(device, attrs, &p, &a);
        if (!(fabs((double)a.sum[0] - num) <= 1e-5 * (1 + num)))
            fail_msg("round %u: %.9g, by definition %.9g", round, (double)a.sum[0], num);
        assert_true(a.sum[1] == (float)den);
        assert_true(a.sum[3] == (float)(N - den));
        impossible += N - den;
        for (int i = 0; i < T * N * C; i++)
            if (!(fabs((double)a.dz[i] - dz[i]) <= 1e-5))
                fail_msg("round %u: gradient %d is %.9g, by definition %.9g", round, i, (double)a.dz[i],
                         dz[i]);
    }
    assert_true(impossible > 20 && impossible < 150); /* the draws have both */
}

static bool there(const char *device)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev = NULL;
    bool is = anl_device_open(ctx, device, NULL, &dev) == ANL_OK;
    if (!is) print_message("skipped: %s\n", anl_last_error(ctx));
    if (is) anl_device_close(dev);
    anl_ctx_destroy(ctx);
    return is;
}

static void test_definition_reference(void **state)
{
    (void)state;
    by_definition("reference");
}

static void test_definition_cpu(void **state)
{
    (void)state;
    if (!there("cpu")) skip();
    by_definition("cpu");
}

/* All samples have T steps and one label, 1; the blank is 0. */
static void simple(problem *p)
{
    draw(p, 7, 0);
    for (int n = 0; n < N; n++) {
        p->steps[n] = T;
        p->labels[n] = 1;
        p->target[n * L] = 1;
    }
}

static void on_both(void (*check)(const char *device))
{
    check("reference");
    if (there("cpu")) check("cpu");
}

static void impossible(const char *device)
{
    problem p;
    answer skip, infinite;
    simple(&p);
    p.labels[2] = L; /* 1, and two that are the same: six steps would do, three do not */
    p.target[2 * L + 1] = p.target[2 * L + 2] = 1;
    p.steps[2] = 4;
    solve(device, "", &p, &skip);
    solve(device, "impossible=infinite", &p, &infinite);
    assert_true(isfinite(skip.sum[0]));
    assert_true(skip.sum[1] == N - 1 && skip.sum[3] == 1);
    assert_true(isinf(infinite.sum[0]) && infinite.sum[0] > 0);
    assert_true(infinite.sum[1] == N && infinite.sum[3] == 1);
    for (int t = 0; t < T; t++)
        for (int n = 0; n < N; n++)
            for (int k = 0; k < C; k++) {
                float a = skip.dz[(t * N + n) * C + k], b = infinite.dz[(t * N + n) * C + k];
                if (n != 2) assert_true(a == b && isfinite(a));
                else assert_true(a == 0 && (t < 4 ? isnan(b) : b == 0));
            }
}

static void test_impossible(void **state)
{
    (void)state;
    on_both(impossible);
}

static void wrong_label(const char *device)
{
    static const int32_t wrong[] = {0, C, -1, 2147483647};
    for (int i = 0; i < 4; i++) {
        problem p;
        answer a;
        simple(&p);
        p.target[L] = wrong[i];
        solve(device, "", &p, &a);
        assert_true(isnan(a.sum[0]));
    }
}

static void test_wrong_label(void **state)
{
    (void)state;
    on_both(wrong_label);
}

/* A class that a mask has ruled out costs nothing; a label that is ruled out has no path; a NaN is seen. */
static void extreme(const char *device)
{
    problem p;
    answer a;
    simple(&p);
    for (int i = 0; i < T * N; i++) p.z[i * C + 2] = -INFINITY;
    solve(device, "", &p, &a);
    assert_true(isfinite(a.sum[0]) && a.sum[1] == N);
    for (int i = 0; i < T * N * C; i++) assert_true(isfinite(a.dz[i]));
    for (int i = 0; i < T * N; i++) p.z[i * C + 1] = -INFINITY;
    solve(device, "", &p, &a);
    assert_true(a.sum[0] == 0 && a.sum[1] == 0 && a.sum[3] == N);
    for (int i = 0; i < T * N * C; i++) p.z[i] = i % C == 0 ? 1e4f : i % C == 1 ? -1e4f : 0;
    solve(device, "", &p, &a);
    assert_true(fabsf(a.sum[0] - N * 2e4f) < 100); /* one label at one of the steps */
    for (int i = 0; i < T * N * C; i++) assert_true(isfinite(a.dz[i]));
    p.z[5] = NAN;
    solve(device, "", &p, &a);
    assert_true(isnan(a.sum[0]));
}

static void test_extreme(void **state)
{
    (void)state;
    on_both(extreme);
}

/* The likeliest classes give the target of the first sample only. */
static void likeliest(const char *device)
{
    static const int said[T] = {0, 1, 1, 0, 2, 2};
    problem p;
    answer a;
    simple(&p);
    for (int i = 0; i < T * N * C; i++) p.z[i] = i % C == said[i / (N * C)] ? 3 : 0;
    p.labels[0] = 2;
    p.target[1] = 2;
    solve(device, "", &p, &a);
    assert_true(a.sum[2] == 1);
}

static void test_likeliest(void **state)
{
    (void)state;
    on_both(likeliest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_definition_reference),
                                       cmocka_unit_test(test_definition_cpu),
                                       cmocka_unit_test(test_impossible),
                                       cmocka_unit_test(test_wrong_label), cmocka_unit_test(test_extreme),
                                       cmocka_unit_test(test_likeliest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
