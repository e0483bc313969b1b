/* States that go from batch to batch: a resume in the middle of a sequence, shards, variants, and a step that is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "models/layers.h"
#include "runtime/base/files.h"
#include "runtime/base/philox.h"
#include "runtime/train/capture.h"
#include "tests/common/scratch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 6, WIDTH = 5, UNITS = 4, VARIANTS = 2 };

/* h' = tanh(dense(x) + h), and a loss on h'. Variant v is given v + 1 rows of WIDTH, and reads the first. */
static void build(void *self, anl_graph *g, anl__size size)
{
    (void)self;
    const int64_t x_dim[3] = {size.n, size.variant + 1, WIDTH}, h_dim[2] = {size.n, UNITS};
    anl_value x = anl_input(g, "x", anl_graph_dtype(g), 3, x_dim), y = anl_input(g, "y", ANL_I32, 1, h_dim), h = anl_input(g, "h", anl_graph_dtype(g), 2, h_dim);
    anl_value first = anl__layer_text(g, "slice", "first", &x, 1, "axis=1 begin=0 end=1");
    first = anl__layer_text(g, "dense", "in", &first, 1, "units=%d", UNITS);
    anl_value both[2] = {first, h}, sum = anl__layer_text(g, "add", "sum", both, 2, " ");
    h = anl__layer_text(g, "tanh", "cell", &sum, 1, " ");
    anl_output(g, "h", h);
    anl_value in[2] = {h, y}, num = anl_node(g, "softmax_cross_entropy", "cross_entropy", in, 2, NULL);
    anl_loss(g, "loss", num, anl_node_output(g, num, 1), 1);
    anl_sum(g, "correct", anl_node_output(g, num, 2));
}

typedef struct data {
    float x[VARIANTS * N * WIDTH];
    int32_t y[N];
} data;

static anl__feed_batch batch(data *d, int64_t step, bool poisoned)
{
    anl__feed_batch b = {.n = N, .variant = (int)(step % VARIANTS), .fresh = step == 0, .input = {d->x, d->y}, .label = d->y};
    for (int i = 0; i < VARIANTS * N * WIDTH; i++) d->x[i] = anl__u32_to_unit(anl__philox(3, (uint32_t)i, (uint32_t)step, 0, 0).v[0]) - 0.5f;
    for (int i = 0; i < N; i++) d->y[i] = (i + (int32_t)step) % UNITS;
    if (poisoned) d->x[0] = NAN;
    return b;
}

/* lanes: negative: as many devices. */
static anl__trainer *make(anl_ctx *ctx, int shards, int lanes, anl_dtype dtype)
{
    anl__trainer_opts o = anl__trainer_opts_default();
    anl__trainer *t;
    o.task.build = build;
    o.device_opts.threads = 2;
    o.seed = 5;
    o.shards = shards;
    o.lanes = lanes < 0 ? 1 : lanes;
    o.devices = lanes < 0 ? -lanes : 1;
    o.dtype = dtype;
    for (int v = 0; v < VARIANTS; v++) o.train_sizes[v] = o.eval_sizes[v] = (anl__size){N, v};
    if (anl__trainer_create(ctx, &o, &t) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl__trainer_init(t), ANL_OK);
    return t;
}

static void steps(anl__trainer *t, int devices, int64_t from, int64_t to, int64_t poisoned)
{
    data d;
    for (int64_t s = from; s < to; s++) {
        anl__step_result r;
        anl__feed_batch b = batch(&d, s, s == poisoned);
        long before = toy_launches();
        assert_int_equal(anl__trainer_step(t, &b, s + 1, 0, 0.1, &r), ANL_OK);
        assert_int_equal(r.finite, s != poisoned);
        if (before >= 0 && anl__trainer_most_ahead(t) > 1 && s - from >= 2 * VARIANTS) assert_int_equal(toy_launches() - before, devices); /* each variant was seen twice */
    }
}

/* Weights, moments and the carried state. */
static void digest(anl__trainer *t, char hex[65])
{
    char weights[65];
    const anl__carry *c = anl__trainer_carry(t);
    anl__sha256 h;
    assert_int_equal(anl__trainer_gather(t), ANL_OK);
    toy_digest(t, weights);
    assert_int_equal(c->n, 1);
    assert_string_equal(c->item[0].name, "h");
    anl__sha256_init(&h);
    anl__sha256_add(&h, weights, 64);
    anl__sha256_add(&h, c->item[0].now, (size_t)c->rows * c->item[0].row);
    anl__sha256_hex(&h, hex);
}

/* then: lanes after the cut. */
static void train_on(int shards, int lanes, int then, anl_dtype dtype, int64_t cut, char hex[65])
{
    anl_ctx *ctx = anl_ctx_create();
    anl__trainer *t = make(ctx, shards, lanes, dtype);
    steps(t, lanes < 0 ? -lanes : 1, 0, cut, -1);
    if (cut < 7) { /* through a file into another trainer */
        char dir[SCRATCH_PATH], path[SCRATCH_PATH + 8];
        anl__capture *c;
        anl__ckpt *from;
        anl__ckpt_content content = {.step = cut};
        assert_true(scratch_make(dir, "carry"));
        snprintf(path, sizeof path, "%s/x.h5", dir);
        assert_int_equal(anl__capture_create(ctx, t, NULL, 0, &c), ANL_OK);
        assert_int_equal(anl__capture_take(c, &content.tensor, &content.n_tensor), ANL_OK);
        if (anl__ckpt_write(ctx, path, &content) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
        anl__capture_destroy(c);
        anl__trainer_destroy(t);
        t = make(ctx, shards, then, dtype);
        assert_int_equal(anl__ckpt_open(ctx, path, &from), ANL_OK);
        if (anl__capture_restore(t, from, true, false) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
        anl__ckpt_close(from);
        assert_true(scratch_remove(dir));
        steps(t, then < 0 ? -then : 1, cut, 7, -1);
    }
    digest(t, hex);
    anl__trainer_destroy(t);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void train(int shards, int lanes, anl_dtype dtype, int64_t cut, char hex[65]) { train_on(shards, lanes, lanes, dtype, cut, hex); }

static void test_resume(void **state)
{
    (void)state;
    char whole[65], cut[65];
    train(1, 1, ANL_F32, 7, whole);
    for (int64_t k = 1; k < 4; k++) {
        train(1, 1, ANL_F32, k, cut);
        assert_string_equal(cut, whole);
    }
    if (!toy_has("auto", ANL_BF16)) skip();
    train(1, 1, ANL_BF16, 7, whole);
    train(1, 1, ANL_BF16, 3, cut);
    assert_string_equal(cut, whole);
}

static void test_shards(void **state)
{
    (void)state;
    char one[65], two[65];
    train(3, 1, ANL_F32, 7, one);
    train(3, 2, ANL_F32, 7, two);
    assert_string_equal(two, one);
    train(3, 3, ANL_F32, 2, two);
    assert_string_equal(two, one);
}

/* Each device keeps the rows of its shards; a run goes on with another number of devices. */
static void test_devices(void **state)
{
    (void)state;
    char one[65], many[65];
    if (!toy_has_devices(3)) skip();
    train(3, 1, ANL_F32, 7, one);
    train(3, -2, ANL_F32, 7, many);
    assert_string_equal(many, one);
    train_on(3, -3, -2, ANL_F32, 2, many);
    assert_string_equal(many, one);
    train_on(3, 1, -3, ANL_F32, 3, many);
    assert_string_equal(many, one);
    train_on(3, -2, 1, ANL_F32, 3, many);
    assert_string_equal(many, one);
}

/* The state is what the last finite step left; a fresh batch begins with zeros. */
static void test_values(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl__trainer *t = make(ctx, 1, 1, ANL_F32);
    data d;
    float before[N * UNITS];
    steps(t, 1, 0, 2, -1);
    const anl__carried *h = &anl__trainer_carry(t)->item[0];
    memcpy(before, h->now, sizeof before);
    assert_true(before[0] != 0 && fabsf(before[0]) < 1);
    steps(t, 1, 2, 3, 2);
    assert_memory_equal(h->now, before, sizeof before);
    /* evaluation carries a state of its own */
    anl__eval_result first, again;
    anl__feed_batch b = batch(&d, 0, false);
    assert_int_equal(anl__trainer_eval(t, &b, false, &first), ANL_OK);
    assert_memory_equal(h->now, before, sizeof before);
    b.fresh = false;
    assert_int_equal(anl__trainer_eval(t, &b, false, &again), ANL_OK);
    assert_true(again.loss_num != first.loss_num);
    b.fresh = true;
    assert_int_equal(anl__trainer_eval(t, &b, false, &again), ANL_OK);
    assert_true(again.loss_num == first.loss_num);
    assert_null(again.logits);
    anl__trainer_destroy(t);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_resume), cmocka_unit_test(test_shards), cmocka_unit_test(test_devices), cmocka_unit_test(test_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
