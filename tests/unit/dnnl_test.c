/* The adapter over oneDNN: packed parameters lie where the layout says, padding is 0, and the caller's OpenMP threads stay. */
#include "device.h"
#include "kernels/common/cpu.h"
#include "op.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#if defined(ANL_HAVE_DNNL)
#include "kernels/common/dnnl.h"

void omp_set_num_threads(int n);
int omp_get_max_threads(void);

static anl_ctx *ctx;
static anl_device *dev;

static int setup(void **state)
{
    anl_device_opts o = anl_device_opts_default();
    (void)state;
    o.threads = 2;
    ctx = anl_ctx_create();
    return !ctx || anl_device_open(ctx, "cpu", &o, &dev) != ANL_OK;
}

static int teardown(void **state)
{
    (void)state;
    anl_device_close(dev);
    anl_ctx_destroy(ctx);
    return 0;
}

/* w (groups, k, c, r, s) lies as (groups k, r, s, c); images of one sample, 8 x 8. */
static anl__dnnl_spec conv_spec(anl_dtype t, int64_t groups, int64_t k, int64_t c, int64_t r)
{
    anl__dnnl_spec s = {.kind = ANL__DNNL_CONV, .own_layout = true, .stride = {1, 1}, .dilation = {1, 1}};
    int64_t o = 8 - r + 1;
    s.tensor[ANL__DNNL_SRC] = (anl__dnnl_tensor){t, 4, {1, groups * c, 8, 8}, {64 * groups * c, 1, 8 * groups * c, groups * c}};
    s.tensor[ANL__DNNL_DST] = (anl__dnnl_tensor){t, 4, {1, groups * k, o, o}, {o * o * groups * k, 1, o * groups * k, groups * k}};
    s.tensor[ANL__DNNL_WEIGHTS] = groups > 1 ? (anl__dnnl_tensor){t, 5, {groups, k, c, r, r}, {k * r * r * c, r * r * c, 1, r * c, c}}
                                             : (anl__dnnl_tensor){t, 4, {k, c, r, r}, {r * r * c, 1, r * c, c}};
    return s;
}

static anl__dnnl_spec product_spec(anl_dtype t, int64_t m, int64_t n, int64_t k)
{
    anl__dnnl_spec s = {.kind = ANL__DNNL_MATMUL, .own_layout = true, .dilation = {1, 1}};
    s.tensor[ANL__DNNL_SRC] = (anl__dnnl_tensor){t, 2, {m, k}, {k, 1}};
    s.tensor[ANL__DNNL_WEIGHTS] = (anl__dnnl_tensor){t, 2, {k, n}, {1, k}};
    s.tensor[ANL__DNNL_DST] = (anl__dnnl_tensor){t, 2, {m, n}, {n, 1}};
    return s;
}

static float value(const void *p, anl_dtype t, int64_t i) { return t == ANL_BF16 ? anl__from_bf16(((const anl__bf16 *)p)[i]) : ((const float *)p)[i]; }

/* Every element where the layout has it, and nothing but zeros elsewhere. */
static void check_pack(const anl__dnnl_spec *spec)
{
    const anl__dnnl_tensor *w = &spec->tensor[ANL__DNNL_WEIGHTS];
    anl__dnnl_layout l;
    anl__dnnl_op *op;
    anl__pack pack = {.key = ""};
    int64_t n = 1, sum = 0, packed = 0, at[ANL__DNNL_DIMS] = {0};
    assert_int_equal(anl__dnnl_create(ctx, dev->impl, spec, &op), ANL_OK);
    anl__dnnl_weights(op, &l);
    anl__dnnl_destroy(op);
    assert_true(anl__dnnl_pack(ctx, dev->impl, spec, &pack));
    assert_int_equal(pack.bytes, l.bytes);
    for (int d = 0; d < w->n; d++) n *= w->dim[d];
    float *plain = calloc((size_t)n, sizeof *plain);
    void *to = NULL;
    assert_int_equal(posix_memalign(&to, 64, l.bytes), 0);
    memset(to, 0xFF, l.bytes);
    for (int64_t i = 0; i < n; i++) sum += (int64_t)(plain[i] = (float)(1 + i % 127)); /* exact in bf16 */
    pack.run(pack.state, plain, to, dev->pool);
    for (int64_t i = 0; i < n; i++) {
        int64_t from = 0, where = 0;
        for (int d = 0; d < w->n; d++) {
            from += at[d] * w->stride[d];
            where += anl__dnnl_offset(&l, d, at[d]);
        }
        assert_true(value(to, l.dtype, where) == plain[from]);
        for (int d = w->n - 1; d >= 0 && ++at[d] == w->dim[d]; d--) at[d] = 0;
    }
    for (size_t i = 0; i < l.bytes / anl_dtype_size(l.dtype); i++) packed += (int64_t)value(to, l.dtype, (int64_t)i);
    assert_int_equal(packed, sum);
    pack.release(ctx, pack.state);
    free(to);
    free(plain);
}

static void packs(void **state)
{
    (void)state;
    for (int b = 0; b < 2; b++) {
        anl_dtype t = b ? ANL_BF16 : ANL_F32;
        if (!dev->vt->has_dtype(dev, t)) continue;
        const anl__dnnl_spec s[] = {conv_spec(t, 1, 41, 7, 3), conv_spec(t, 1, 64, 32, 3), conv_spec(t, 1, 17, 1, 5), conv_spec(t, 1, 130, 20, 1),
                                    conv_spec(t, 20, 1, 1, 3), conv_spec(t, 2, 16, 16, 3), product_spec(t, 16, 10, 65), product_spec(t, 33, 200, 300)};
        for (size_t i = 0; i < sizeof s / sizeof *s; i++) check_pack(&s[i]);
    }
}

static void keys(void **state)
{
    anl__dnnl_spec a = product_spec(ANL_F32, 16, 64, 64), b = a;
    anl__pack p = {.key = ""}, q = {.key = ""}, r = {.key = ""};
    (void)state;
    b.tensor[ANL__DNNL_WEIGHTS].stride[0] = 64; /* the transpose */
    b.tensor[ANL__DNNL_WEIGHTS].stride[1] = 1;
    assert_true(anl__dnnl_pack(ctx, dev->impl, &a, &p));
    assert_true(anl__dnnl_pack(ctx, dev->impl, &a, &q));
    assert_true(anl__dnnl_pack(ctx, dev->impl, &b, &r));
    assert_string_equal(p.key, q.key);
    assert_string_not_equal(p.key, r.key);
    p.release(ctx, p.state);
    q.release(ctx, q.state);
    r.release(ctx, r.state);
}

static void callers_threads_stay(void **state)
{
    anl__dnnl_spec s = product_spec(ANL_F32, 4, 4, 4);
    anl__dnnl_op *op;
    float x[16] = {0}, w[16] = {0}, y[16];
    void *at[ANL__DNNL_TENSORS] = {[ANL__DNNL_SRC] = x, [ANL__DNNL_WEIGHTS] = w, [ANL__DNNL_DST] = y};
    char why[ANL__WHY];
    (void)state;
    s.own_layout = false;
    omp_set_num_threads(3);
    assert_true(anl__dnnl_supports(dev->impl, &s, why));
    assert_int_equal(anl__dnnl_create(ctx, dev->impl, &s, &op), ANL_OK);
    void *scratch = calloc(1, anl__dnnl_scratch(op) + 1);
    for (int i = 0; i < 4; i++) x[i * 5] = 2, w[i * 5] = 3;
    anl__dnnl_run(op, 0, at, scratch);
    for (int i = 0; i < 16; i++) assert_true(y[i] == (i % 5 ? 0 : 6));
    assert_int_equal(omp_get_max_threads(), 3);
    free(scratch);
    anl__dnnl_destroy(op);
}

/* Every allocation of packing fails once: a status, no crash, nothing left. */
static void no_memory(void **state)
{
    anl__dnnl_spec s = conv_spec(ANL_F32, 1, 32, 16, 3);
    int64_t live = anl__live_blocks(ctx);
    (void)state;
    for (int64_t n = 1; n < 40; n++) {
        anl__pack pack = {.key = ""};
        anl__inject(ctx, ANL__INJECT_ALLOC, n);
        bool good = anl__dnnl_pack(ctx, dev->impl, &s, &pack);
        bool hit = anl__inject_seen(ctx, ANL__INJECT_ALLOC) >= n;
        anl__inject(ctx, ANL__INJECT_ALLOC, 0);
        if (good) pack.release(ctx, pack.state);
        else assert_int_equal(pack.status, ANL_NOMEM);
        assert_int_equal(anl__live_blocks(ctx), live);
        assert_true(good != hit);
        if (!hit) return;
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(packs), cmocka_unit_test(keys), cmocka_unit_test(callers_threads_stay), cmocka_unit_test(no_memory)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
#else
int main(void) { return 0; }
#endif
