/* The operator harness itself: kernels and gradients that are wrong in known ways must be found, right ones must pass.
 * The operator, kernel and device tables are this program's own (the library's are then not linked in). */
#include "tests/ops/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#ifdef ANL_SANITIZED
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* ---- an operator y = 3 x, with the right gradient and with a wrong one ---------------------- */

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(anl__need_rank(ctx, c, 0, "rows", 2));
    c->n_out = 1;
    c->out[0] = c->in[0];
    return ANL_OK;
}
static anl_status right(anl__grad *g)
{
    anl_value dy = anl__grad_dout(g, 0);
    anl__grad_give(g, 0, anl__grad_node(g, "triple", &dy, 1, false, NULL));
    return ANL_OK;
}
static anl_status wrong(anl__grad *g)
{
    anl__grad_give(g, 0, anl__grad_dout(g, 0));
    return ANL_OK;
}
static const anl__op triple = {.name = "triple", .min_in = 1, .max_in = 1, .infer = infer, .grad = right};
static const anl__op astray = {.name = "astray", .min_in = 1, .max_in = 1, .infer = infer, .grad = wrong};
static const anl__op *const ops[] = {&triple, &astray, NULL};
const anl__op *const *const anl__op_table[] = {ops, NULL};

static void rows(const anl__prepared *p, const anl__run *r, int64_t from, int64_t to)
{
    int64_t width = p->call.in[0].shape.dim[1];
    for (int64_t i = from * width; i < to * width; i++)
        if (p->call.in[0].dtype == ANL_F64) ((double *)r->out[0])[i] = 3 * ((double *)r->in[0])[i];
        else ((float *)r->out[0])[i] = 3 * ((float *)r->in[0])[i];
}
static anl_status whole(const anl__prepared *p, const anl__run *r)
{
    rows(p, r, 0, p->call.in[0].shape.dim[0]);
    return ANL_OK;
}
static int64_t count(const anl__prepared *p) { return anl_shape_count(&p->call.in[0].shape); }

/* ---- kernels that break a rule --------------------------------------------------------------- */

static anl_status imprecise(const anl__prepared *p, const anl__run *r)
{
    whole(p, r);
    ((float *)r->out[0])[3] *= 1.0001f;
    return ANL_OK;
}
static anl_status unwritten(const anl__prepared *p, const anl__run *r)
{
    float kept = ((float *)r->out[0])[0];
    whole(p, r);
    ((float *)r->out[0])[0] = kept;
    return ANL_OK;
}
static anl_status clobbering(const anl__prepared *p, const anl__run *r)
{
    whole(p, r);
    ((float *)r->in[0])[0] = 0;
    return ANL_OK;
}
static anl_status overrunning(const anl__prepared *p, const anl__run *r)
{
    whole(p, r);
    ((float *)r->out[0])[count(p)] = 0;
    return ANL_OK;
}
static anl_status by_threads(const anl__prepared *p, const anl__run *r)
{
    whole(p, r);
    if (anl__pool_size(r->pool) == 3) ((float *)r->out[0])[1] *= 1 + 1e-7f;
    return ANL_OK;
}
static int calls;
static anl_status by_chance(const anl__prepared *p, const anl__run *r)
{
    whole(p, r);
    ((float *)r->out[0])[1] *= 1 + 1e-7f * (float)(calls++ & 1);
    return ANL_OK;
}
static anl_status slices(const anl__env *env, anl__prepared *p)
{
    p->tasks = env->slices < 4 ? env->slices : 4;
    return ANL_OK;
}
static void own_rows(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    (void)worker;
    int64_t n = p->call.in[0].shape.dim[0];
    rows(p, r, anl__slice_begin(n, p->tasks, t), anl__slice_begin(n, p->tasks, t + 1));
}
static void peeking(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    own_rows(p, r, t, worker);
    int64_t at = anl__slice_begin(p->call.in[0].shape.dim[0], p->tasks, t) * p->call.in[0].shape.dim[1];
    ((float *)r->out[0])[at] += 0 * ((float *)r->in[0])[count(p) - 1];
}

#define WHOLE(n, o, d, f) static const anl__kernel n = {.op = o, .device = d, .name = #n, .run = f}
#define ROWS(n, f) static const anl__kernel n = {.op = "triple", .device = "cpu", .name = #n, .prepare = slices, .task = f, .samplewise = true}
WHOLE(ref_triple, "triple", "reference", whole);
WHOLE(ref_astray, "astray", "reference", whole);
WHOLE(k_whole, "triple", "cpu", whole);
WHOLE(k_imprecise, "triple", "cpu", imprecise);
WHOLE(k_unwritten, "triple", "cpu", unwritten);
WHOLE(k_clobbering, "triple", "cpu", clobbering);
WHOLE(k_overrunning, "triple", "cpu", overrunning);
WHOLE(k_by_threads, "triple", "cpu", by_threads);
WHOLE(k_by_chance, "triple", "cpu", by_chance);
ROWS(k_own_rows, own_rows);
ROWS(k_peeking, peeking);

/* The kernel of the cpu device that a test puts in. */
static const anl__kernel *kernels[4] = {&ref_triple, &ref_astray, NULL};
const anl__kernel *const *const anl__kernel_table[] = {kernels, NULL};
static const anl__fusion *const no_fusions[] = {NULL};
const anl__fusion *const *const anl__fusion_table[] = {no_fusions, NULL};

/* ---- a device with a pool -------------------------------------------------------------------- */

extern const anl__device_vt anl__device_reference;
static anl__device_vt pooled;
static anl_status pooled_open(anl_device *dev, const anl_device_opts *o) { return anl__pool_create(dev->ctx, o->threads, &dev->pool); }
static void pooled_close(anl_device *dev) { anl__pool_destroy(dev->pool); }
const anl__device_vt *const anl__device_table[] = {&anl__device_reference, &pooled, NULL};

/* ---- the tests ------------------------------------------------------------------------------- */

static harness h;
static struct { const char *name; int threads; anl_device *dev; } devices[8];

void report_pass(harness *u, const char *fmt, ...) { (void)fmt, u->sum.passed++; }
void report_skip(harness *u, const char *fmt, ...) { (void)fmt, u->sum.skipped++; }
void report_fail(harness *u, const char *fmt, ...) { (void)fmt, u->sum.failed++; }
anl_device *device_get(harness *u, const char *name, int threads)
{
    int i = 0;
    for (; devices[i].dev; i++)
        if (!strcmp(devices[i].name, name) && devices[i].threads == threads) return devices[i].dev;
    anl_device_opts o = anl_device_opts_default();
    o.threads = threads;
    devices[i].name = name;
    devices[i].threads = threads;
    return anl_device_open(u->ctx, name, &o, &devices[i].dev) == ANL_OK ? devices[i].dev : NULL;
}

static int setup(void **state)
{
    (void)state;
    pooled = anl__device_reference;
    pooled.name = "cpu";
    pooled.open = pooled_open;
    pooled.close = pooled_close;
    h.ctx = anl_ctx_create();
    return h.ctx && (h.reference = device_get(&h, "reference", 1)) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; devices[i].dev; i++) anl_device_close(devices[i].dev);
    int64_t left = anl__live_blocks(h.ctx);
    anl_ctx_destroy(h.ctx);
    return left ? -1 : 0;
}

/* Runs a mode on `op` with this cpu kernel and returns how many tests failed; at least one must have been run. */
static int found(void (*mode)(harness *, const test_case *), const char *op, const anl__kernel *k)
{
    const anl__case c = {.op = op, .in = {"8,5"}};
    test_case tc;
    char why[ANL__WHY];
    kernels[2] = k;
    assert_true(case_open(&tc, "self", 0, &c, 0, why));
    h.sum = (tally){0};
    mode(&h, &tc);
    case_close(&tc);
    assert_true(h.sum.passed + h.sum.failed > 0);
    return h.sum.failed;
}

static void gradients(void **state)
{
    (void)state;
    assert_int_equal(found(mode_grad, "triple", NULL), 0);
    assert_int_equal(found(mode_grad, "astray", NULL), 1);
}

static void devices_against_reference(void **state)
{
    (void)state;
    assert_int_equal(found(mode_device, "triple", &k_whole), 0);
    assert_int_equal(found(mode_device, "triple", &k_own_rows), 0);
    assert_int_equal(found(mode_device, "triple", &k_imprecise), 1);
    assert_int_equal(found(mode_device, "triple", &k_unwritten), 1);
    assert_int_equal(found(mode_device, "triple", &k_clobbering), 1);
    if (!SANITIZED) assert_int_equal(found(mode_device, "triple", &k_overrunning), 1); /* else the sanitizer ends the program */
}

static void same_bits(void **state)
{
    (void)state;
    assert_int_equal(found(mode_determinism, "triple", &k_whole), 0);
    assert_int_equal(found(mode_determinism, "triple", &k_own_rows), 0);
    assert_int_equal(found(mode_determinism, "triple", &k_by_threads), 3); /* once a slice count */
    assert_int_equal(found(mode_determinism, "triple", &k_by_chance), 3);
    assert_int_equal(found(mode_determinism, "triple", &k_peeking), 2); /* one slice has no other rows */
}

static void case_text(void **state)
{
    (void)state;
    static const struct { const char *text; bool good; } specs[] = {
        {"2,3", true}, {"param 4,3 positive", true}, {"i32 2 <10", true}, {"-", true}, {"scalar =2.5", true}, {"rng", true},
        {"2,", false}, {"", false}, {"2;3", false}, {"param", false}, {"2,3 sideways", false}, {"i32 2 <", false}, {"1,2,3,4,5,6,7", false}};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        const anl__case c = {.op = "triple", .in = {specs[i].text}};
        test_case tc;
        char why[ANL__WHY];
        bool good = case_open(&tc, "self", 0, &c, 0, why);
        assert_int_equal(good, specs[i].good);
        if (good) case_close(&tc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients), cmocka_unit_test(devices_against_reference), cmocka_unit_test(same_bits),
                                       cmocka_unit_test(case_text)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
