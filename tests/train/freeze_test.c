/* Frozen parameters stay as they are, to the bit, with every optimizer and on every device; the others train
 * as beside parameters whose rate is 0; a frozen batch normalisation keeps its statistics and lets gradients
 * through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include "models/layers.h"
#include "runtime/graph/net.h"
#include "runtime/train/capture.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 45, BATCH = 20, EPOCHS = 2, MOST = 4096 };

typedef struct after {
    float param[MOST], ema[MOST], buffer[256], begin[MOST];
    double loss, norm;
    int64_t params, buffers;
} after;

/* Reads a slab into `to`, the parameters of one in their order, whichever are frozen; how many elements those are. */
static int64_t slab(anl__trainer *t, anl_slab s, float *to, int64_t most)
{
    anl_net *net = anl__trainer_net(t);
    int64_t n = s == ANL_SLAB_BUFFER ? anl_net_slab_count(net, s) : 0;
    assert_in_range(n, 0, most);
    if (n) assert_int_equal(anl_net_slab_read(net, s, 0, n, to), ANL_OK);
    for (int i = 0; s != ANL_SLAB_BUFFER && anl_net_slab_count(net, s) && i < anl_net_param_count(net); i++) {
        anl_tensor_info p = anl_net_param(net, i);
        assert_in_range(n + p.count, 1, most);
        assert_int_equal(anl_net_slab_read(net, s, p.offset, p.count, to + n), ANL_OK);
        n += p.count;
    }
    return n;
}

static void train_at(const anl__trainer_opts *o, double lr, after *out)
{
    toy data;
    anl__trainer *t;
    anl_ctx *ctx = anl_ctx_create();
    int64_t step = 0;
    toy_make(&data, SAMPLES, BATCH, true);
    anl__feed f = toy_feed(&data);
    memset(out, 0, sizeof *out);
    if (anl__trainer_create(ctx, o, &t) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl__trainer_init(t), ANL_OK);
    slab(t, ANL_SLAB_PARAM, out->begin, MOST);
    for (int64_t e = 0; e < EPOCHS; e++) {
        assert_int_equal(f.start(f.self, e, 0), ANL_OK);
        for (;;) {
            anl__feed_batch b;
            anl__step_result r;
            assert_int_equal(f.next(f.self, &b), ANL_OK);
            if (!b.n) break;
            if (anl__trainer_step(t, &b, ++step, e, lr, &r) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
            assert_true(r.finite);
            out->loss = r.loss_num / r.loss_den;
            out->norm = r.norm;
            f.release(f.self, &b);
        }
    }
    out->params = slab(t, ANL_SLAB_PARAM, out->param, MOST);
    out->buffers = slab(t, ANL_SLAB_BUFFER, out->buffer, 256);
    slab(t, ANL_SLAB_EMA, out->ema, MOST);
    anl_net *net = anl__trainer_net(t);
    for (int64_t i = 0, at = 0; i < anl_net_param_count(net); i++) { /* what moved, and what did not */
        anl_tensor_info p = anl_net_param(net, (int)i);
        bool frozen = false, same = !memcmp(out->begin + at, out->param + at, (size_t)p.count * sizeof(float));
        for (int k = 0; k < o->n_frozen; k++) frozen |= !strcmp(o->frozen[k], p.name);
        assert_int_equal(frozen, !!(p.flags & ANL_PARAM_FROZEN));
        if (frozen && !same) fail_msg("%s is frozen, and moved (%s)", p.name, o->optim.name);
        if (!frozen && same && !o->optim.rates) fail_msg("%s did not move (%s)", p.name, o->optim.name);
        if (frozen && o->optim.ema > 0)
            assert_memory_equal(out->ema + at, out->begin + at, (size_t)p.count * sizeof(float));
        at += p.count;
    }
    anl__trainer_destroy(t);
    toy_free(&data);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void train(const anl__trainer_opts *o, after *out) { train_at(o, 0.05, out); }

static anl__trainer_opts base(const char *const *frozen, int n)
{
    toy data = {.n = SAMPLES, .batch = BATCH};
    anl__trainer_opts o = toy_opts(&data, NULL);
    o.frozen = frozen;
    o.n_frozen = n;
    o.optim.ema = 0.9;
    o.optim.weight_decay = 0.1;
    return o;
}

static const char *const optimizers[] = {"sgd", "adam", "adamw", "rmsprop", "adagrad", "lamb"};
static const char *const devices[] = {"reference", "auto"};

/* Without a normalisation among them, parameters that are frozen are those whose rate is 0 for all the
 * others. */
static void test_as_rate_0(void **state)
{
    (void)state;
    static const char *const frozen[] = {"conv1.weight", "conv2.bias", "out.bias"};
    static const anl__rate zero[] = {{"conv1.weight", 0}, {"conv2.bias", 0}, {"out.bias", 0}};
    static after a, b;
    for (size_t d = 0; d < 2; d++)
        for (size_t i = 0; i < sizeof optimizers / sizeof optimizers[0]; i++) {
            anl__trainer_opts fixed = base(frozen, 3), rated = base(NULL, 0);
            fixed.optim.name = rated.optim.name = optimizers[i];
            fixed.device = rated.device = devices[d];
            fixed.optim.decay_all = rated.optim.decay_all = true;
            rated.optim.rate = zero;
            rated.optim.rates = 3;
            train(&fixed, &a);
            train(&rated, &b);
            assert_memory_equal(a.param, b.param, sizeof a.param);
            assert_memory_equal(a.buffer, b.buffer, sizeof a.buffer);
            assert_true(a.loss == b.loss && a.norm < b.norm);
        }
}

/* Shards, lanes, recomputation, no fusion: the same bits as without. */
static void test_shards(void **state)
{
    (void)state;
    static const char *const frozen[] = {"bn1.weight", "bn1.bias", "conv2.weight"};
    static after a, b;
    anl__trainer_opts o = base(frozen, 3), other = base(frozen, 3);
    o.shards = other.shards = 4;
    other.lanes = 3;
    other.recompute = true;
    other.device_opts.threads = 1;
    train(&o, &a);
    train(&other, &b);
    assert_memory_equal(a.param, b.param, sizeof a.param);
    assert_memory_equal(a.buffer, b.buffer, sizeof a.buffer);
}

/* Twice the factor at half the rate. */
static void test_rates(void **state)
{
    (void)state;
    static const anl__rate two[] = {{"conv1.weight", 2}, {"bn1.weight", 2}, {"bn1.bias", 2},
                                    {"conv2.weight", 2}, {"conv2.bias", 2}, {"out.weight", 2},
                                    {"out.bias", 2}};
    static after a, b;
    for (size_t i = 0; i < sizeof optimizers / sizeof optimizers[0]; i++) {
        anl__trainer_opts o = base(NULL, 0);
        o.optim.name = optimizers[i];
        train_at(&o, 0.02, &a);
        o.optim.rate = two;
        o.optim.rates = 7;
        train_at(&o, 0.01, &b);
        assert_memory_equal(a.param, b.param, sizeof a.param);
        o.optim.rates = 1; /* the first only */
        train_at(&o, 0.01, &a);
        assert_true(memcmp(a.param, b.param, sizeof a.param) != 0);
    }
}

/* Its running statistics stay, and the convolution before it learns through it. */
static void test_normalisation(void **state)
{
    (void)state;
    static const char *const both[] = {"bn1.weight", "bn1.bias"}, *const one[] = {"bn1.weight"};
    static after a, b, c;
    for (size_t d = 0; d < 2; d++) {
        anl__trainer_opts o = base(both, 2), half = base(one, 1);
        o.device = half.device = devices[d];
        train(&o, &a);
        int ones = 0; /* mean 0 and variance 1, as they began, between them zeros of padding */
        for (int64_t i = 0; i < a.buffers; i++) {
            assert_true(a.buffer[i] == 0 || a.buffer[i] == 1);
            ones += a.buffer[i] == 1;
        }
        assert_int_equal(ones, 6);
        train(&half, &b);
        assert_true(memcmp(a.buffer, b.buffer, sizeof a.buffer) != 0);
        o.rewrite = false; /* relu by itself: other nodes, the same sums but for their order */
        train(&o, &c);
        for (int64_t i = 0; i < a.params; i++)
            if (fabsf(a.param[i] - c.param[i]) > 1e-4f)
                fail_msg("parameter %d: %g, %g", (int)i, (double)a.param[i], (double)c.param[i]);
    }
}

/* The backward pass ends at the lowest layer that trains. */
static int backward_steps(const char *const *frozen, int n, double *flops)
{
    anl_ctx *ctx = anl_ctx_create();
    anl__trainer *t;
    anl__trainer_opts o = base(frozen, n);
    int backward = 0;
    if (anl__trainer_create(ctx, &o, &t) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    const anl_program *p = anl__trainer_program(t, ANL_TRAIN);
    for (int i = 0; i < p->n_step; i++) backward += p->step[i].backward;
    *flops = p->stats.flops;
    anl__trainer_destroy(t);
    anl_ctx_destroy(ctx);
    return backward;
}

static void test_stops(void **state)
{
    (void)state;
    static const char *const below[] = {"conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight",
                                        "conv2.bias"};
    double all, some, few;
    int n = backward_steps(NULL, 0, &all), m = backward_steps(below, 3, &some),
        k = backward_steps(below, 5, &few);
    assert_true(n > m && m > k && k > 0);
    assert_true(all > some && some > few);
    anl_ctx *ctx = anl_ctx_create();
    anl__trainer *t;
    static const char *const everything[] = {"conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight",
                                             "conv2.bias",   "out.weight", "out.bias"};
    anl__trainer_opts o = base(everything, 7);
    assert_int_equal(anl__trainer_create(ctx, &o, &t), ANL_RECIPE);
    assert_non_null(strstr(anl_last_error(ctx), "nothing is left to train"));
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

/* Gradients and moments are there for what moves only, and a checkpoint has no other moments. */
static void test_memory(void **state)
{
    (void)state;
    static const char *const frozen[] = {"conv1.weight", "conv2.weight"};
    anl_ctx *ctx = anl_ctx_create();
    anl__trainer *t;
    anl__capture *c;
    const anl__ckpt_tensor *tensor;
    anl__trainer_opts o = base(frozen, 2);
    int n = 0, moments = 0;
    int64_t all = 0, moving = 0;
    o.optim.name = "adam";
    if (anl__trainer_create(ctx, &o, &t) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl__trainer_init(t), ANL_OK);
    anl_net *net = anl__trainer_net(t);
    for (int i = 0; i < anl_net_param_count(net); i++) {
        anl_tensor_info p = anl_net_param(net, i);
        int64_t room = (p.count + 15) / 16 * 16;
        all += room;
        if (!(p.flags & ANL_PARAM_FROZEN)) moving += room;
    }
    assert_int_equal(anl_net_slab_count(net, ANL_SLAB_PARAM), all);
    assert_int_equal(anl_net_slab_count(net, ANL_SLAB_EMA), all);
    for (int m = 0; m < 2; m++) assert_int_equal(anl_net_slab_count(net, (anl_slab)(ANL_SLAB_MOMENT0 + m)), moving);
    assert_int_equal(anl_net_slab_count(net, ANL_SLAB_GRAD0), net->grad_count);
    assert_in_range(net->grad_count, moving, moving + 64); /* the sums are behind */
    assert_int_equal(anl__capture_create(ctx, t, NULL, 0, &c), ANL_OK);
    assert_int_equal(anl__capture_take(c, &tensor, &n), ANL_OK);
    for (int i = 0; i < n; i++) {
        if (strcmp(tensor[i].group, "optim")) continue;
        moments++;
        for (int k = 0; k < 2; k++) assert_null(strstr(tensor[i].name, frozen[k]));
    }
    assert_int_equal(moments, 2 * (anl_net_param_count(net) - 2));
    anl__capture_destroy(c);
    anl__trainer_destroy(t);
    anl_ctx_destroy(ctx);
}

/* The first parameter whose gradient is not finite is one that has a gradient. */
static void test_bad_gradient(void **state)
{
    (void)state;
    static const char *const frozen[] = {"conv1.weight", "bn1.weight", "bn1.bias"};
    for (size_t d = 0; d < 2; d++) {
        toy data;
        anl__trainer *t;
        anl__feed_batch b;
        anl__step_result r;
        anl_ctx *ctx = anl_ctx_create();
        anl__trainer_opts o = base(frozen, 3);
        o.device = devices[d];
        toy_make(&data, SAMPLES, BATCH, true);
        anl__feed f = toy_feed(&data);
        if (anl__trainer_create(ctx, &o, &t) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
        assert_int_equal(anl__trainer_init(t), ANL_OK);
        anl_net *net = anl__trainer_net(t);
        for (int i = 0; i < anl_net_param_count(net); i++)
            if (!strcmp(anl_net_param(net, i).name, "out.weight"))
                assert_int_equal(anl_net_slab_write(net, ANL_SLAB_PARAM, anl_net_param(net, i).offset, 1, &(float){NAN}), ANL_OK);
        assert_int_equal(anl__trainer_begin_with(t), ANL_OK);
        assert_int_equal(f.start(f.self, 0, 0), ANL_OK);
        assert_int_equal(f.next(f.self, &b), ANL_OK);
        assert_int_equal(anl__trainer_step(t, &b, 1, 0, 0.1, &r), ANL_OK);
        f.release(f.self, &b);
        assert_false(r.finite);
        assert_string_equal(anl_net_param(net, r.bad_param).name, "conv2.weight");
        anl__trainer_destroy(t);
        toy_free(&data);
        anl_ctx_destroy(ctx);
    }
}

/* One net, two graphs that do not agree: refused before anything is written where it has no place. */
static void test_disagreement(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev;
    anl_net *net;
    anl_program *p;
    anl_device_opts o = anl_device_opts_default();
    const char *const name[] = {"w"};
    assert_int_equal(anl_device_open(ctx, "reference", &o, &dev), ANL_OK);
    assert_int_equal(anl_net_create(dev, &net), ANL_OK);
    for (int frozen = 1; frozen >= 0; frozen--) {
        anl_graph *g;
        int64_t dim[] = {2, 3}, target[] = {2, 1}, weight[] = {1, 3};
        assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
        if (frozen) anl_graph_freeze(g, name, 1);
        anl_value x = anl_input(g, "x", ANL_F32, 2, dim), y = anl_input(g, "y", ANL_F32, 2, target);
        anl_value w = anl_param(g, "w", 2, weight, (anl_init){.kind = ANL_INIT_CONSTANT}, 0);
        anl_value v = anl_param(g, "v", 2, weight, (anl_init){.kind = ANL_INIT_CONSTANT}, 0);
        anl_value a = anl_node(g, "dense", "a", (anl_value[]){x, w}, 2, NULL), b = anl_node(g, "dense", "b", (anl_value[]){x, v}, 2, NULL);
        anl_value s = anl_node(g, "add", "s", (anl_value[]){a, b}, 2, NULL);
        anl_value num = anl_node(g, "mse", "loss", (anl_value[]){s, y}, 2, NULL);
        anl_loss(g, "loss", num, anl_node_output(g, num, 1), 1);
        anl_compile_opts c = anl_compile_opts_default(g);
        anl_status st = anl_program_compile(net, g, &c, &p);
        if (st != (frozen ? ANL_OK : ANL_MISMATCH)) fail_msg("%s", anl_last_error(ctx));
    }
    assert_non_null(strstr(anl_last_error(ctx), "'w' is frozen in an earlier program of the net, and trains in this one"));
    anl_net_destroy(net);
    anl_device_close(dev);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_rate_0), cmocka_unit_test(test_shards),
                                       cmocka_unit_test(test_rates), cmocka_unit_test(test_normalisation),
                                       cmocka_unit_test(test_stops), cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_bad_gradient), cmocka_unit_test(test_disagreement)};
    return cmocka_run_group_tests_name("train/freeze", tests, NULL, NULL);
}
