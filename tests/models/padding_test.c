/* What stands behind a sequence's end is never read: results and gradients of every layer over time are
 * those of a batch cut to its longest sequence, and training on padded batches ends with the weights of
 * training on short ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"
#include "models/model.h"
#include "models/recurrent.h"
#include "runtime/base/philox.h"
#include "runtime/train/trainer.h"

enum { N = 5, SHORT = 6, LONG = 11, F = 4, MOST = 8192, STEPS = 20 };
static const int32_t length[N] = {4, 6, 1, 0, 3};

static float noise(uint32_t i, uint32_t k)
{
    return 2 * anl__u32_to_unit(anl__philox(9, i, k, 0, 0).v[0]) - 1;
}

static double distance(int64_t n, const float *a, const float *b)
{
    double far = 0, top = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= far)) far = isnan(d) ? INFINITY : d;
        top = fmax(top, fabs((double)a[i]));
    }
    return far / (1 + top);
}

/* ---- one layer -------------------------------------------------------------------------------- */

typedef struct layer_case {
    const char *type, *args;
    bool zero; /* the layer gives zeros behind the end, not only nothing that counts */
} layer_case;

typedef struct layer_result {
    float y[LONG * N * 64], dx[LONG * N * F], grad[MOST], loss;
    int64_t width, parameters;
} layer_result;

/* The layer, its mean over each sequence's steps, and the squared distance from a target. */
static anl_status build_layer(anl_ctx *ctx, const layer_case *c, int64_t steps, anl_net *net,
                              anl_program **out)
{
    const int64_t dim[3] = {steps, N, F};
    anl_graph *g;
    ANL_TRY(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g));
    anl_value x = anl_input(g, "x", ANL_F32, 3, dim), lengths = anl_input(g, "lengths", ANL_I32, 1, dim + 1),
        in[2] = {x, lengths};
    anl_value y = anl__layer_text(g, c->type, "layer", in, 2, "%s", c->args), pool[2] = {y, lengths};
    anl_output(g, "y", y);
    y = anl_node(g, "time_pool", "pool", pool, 2, "mode=mean");
    anl_shape s = anl_value_shape(g, y);
    anl_value both[2] = {y, anl_input(g, "target", ANL_F32, s.rank, s.dim)};
    anl_value num = anl_node(g, "mse", "loss", both, 2, NULL);
    anl_loss(g, "loss", num, anl_node_output(g, num, 1), 1);
    anl__graph_want_grad(g, x);
    anl_compile_opts o = anl_compile_opts_default(g);
    return anl_program_compile(net, g, &o, out);
}

static void run_layer(anl_device *dev, anl_ctx *ctx, const layer_case *c, int64_t steps, layer_result *r)
{
    static float x[LONG * N * F], target[N * 64];
    int32_t lengths[N];
    anl_net *net = NULL;
    anl_program *p;
    anl_shape s;
    memcpy(lengths, length, sizeof lengths);
    for (int64_t t = 0; t < steps; t++)
        for (int64_t n = 0; n < N; n++)
            for (int64_t f = 0; f < F; f++) {
                float v = noise((uint32_t)(t * N + n), (uint32_t)f);
                if (t >= length[n]) v = 100 * v + (float)steps; /* what must not matter */
                x[(t * N + n) * F + f] = v;
            }
    for (uint32_t i = 0; i < N * 64; i++) target[i] = noise(i, 77);
    anl_bind bind = {.input = {x, lengths, target}};
    anl_status st = anl_net_create(dev, &net);
    if (st == ANL_OK) st = build_layer(ctx, c, steps, net, &p);
    if (st == ANL_OK) st = anl_net_finish(net, 0, 1, false);
    if (st == ANL_OK) st = anl_net_init(net, 3);
    if (st == ANL_OK) st = anl_program_run(p, &bind);
    r->parameters = st == ANL_OK ? anl_net_slab_count(net, ANL_SLAB_PARAM) : 0;
    assert_true(r->parameters <= MOST);
    if (st == ANL_OK) st = anl_net_slab_read(net, ANL_SLAB_GRAD0, 0, r->parameters, r->grad);
    if (st != ANL_OK) fail_msg("%s %s: %s", c->type, c->args, anl_last_error(ctx));
    const float *y = anl_program_output(p, "y", NULL, &s), *dx = anl_program_output(p, "grad.x", NULL, NULL);
    r->width = s.dim[2];
    memcpy(r->y, y, sizeof *y * (size_t)anl_shape_count(&s));
    memcpy(r->dx, dx, sizeof *dx * (size_t)(steps * N * F));
    anl_net_destroy(net);
}

static void compare_layers(const layer_case *c, const char *device, const layer_result *a,
                           const layer_result *b)
{
    double far = distance(a->parameters, a->grad, b->grad);
    for (int64_t t = 0; t < LONG; t++)
        for (int64_t n = 0; n < N; n++) {
            int64_t at = t * N + n;
            const float *y = b->y + at * b->width, *dx = b->dx + at * F;
            if (t < length[n]) {
                far = fmax(far, distance(b->width, a->y + at * a->width, y));
                far = fmax(far, distance(F, a->dx + at * F, dx));
                continue;
            }
            for (int64_t k = 0; k < b->width && c->zero; k++) assert_true(y[k] == 0);
            for (int64_t k = 0; k < F; k++)
                if (dx[k] != 0)
                    fail_msg("%s %s on %s: step %d of a sequence of %d has a gradient", c->type, c->args,
                             device, (int)t, (int)length[n]);
        }
    if (!(far <= 2e-6)) fail_msg("%s %s on %s: padded is off by %.3g", c->type, c->args, device, far);
}

static void every_layer(const char *device)
{
    static const char *const cells[][2] = {{"rnn", ""}, {"rnn-relu", ""}, {"lstm", ""},
                                           {"gru", "reset=after"}, {"gru", "reset=before"}};
    static const layer_case others[] = {{"self-attention", "heads=2", false},
                                        {"self-attention", "heads=1", false}};
    static layer_result a, b;
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev;
    char args[96];
    if (anl_device_open(ctx, device, NULL, &dev) != ANL_OK) {
        print_message("skipped: %s\n", anl_last_error(ctx));
        anl_ctx_destroy(ctx);
        skip();
    }
    for (int i = 0; i < 5 * 4 + 2; i++) {
        layer_case c;
        if (i < 20) {
            snprintf(args, sizeof args, "units=%d layers=%d bidirectional=%s %s", 7 + 9 * (i / 4 % 2),
                     1 + i % 2, i / 2 % 2 ? "true" : "false", cells[i / 4][1]);
            c = (layer_case){cells[i / 4][0], args, true};
        } else {
            c = others[i - 20];
        }
        run_layer(dev, ctx, &c, SHORT, &a);
        run_layer(dev, ctx, &c, LONG, &b);
        compare_layers(&c, device, &a, &b);
    }
    anl_device_close(dev);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void test_layers_reference(void **state)
{
    (void)state;
    every_layer("reference");
}

static void test_layers_cpu(void **state)
{
    (void)state;
    every_layer("cpu");
}

/* ---- whole training --------------------------------------------------------------------------- */

static const int64_t bucket[2][2] = {{SHORT, SHORT}, {LONG, LONG - 2}}; /* source, target by variant */
enum { BATCH = 6, VOCABULARY = 9, CLASSES = 3 };

static void build_model(void *self, anl_graph *g, anl__size size) { anl_model_build(g, self, size); }

static anl_model_opts model(const char *name, const char *cell, const char *reset)
{
    anl_model_opts m = anl_model_opts_default();
    m.name = name;
    m.classes = CLASSES;
    m.dropout = 0.25;
    m.seq.cell = cell;
    m.seq.reset = reset;
    m.seq.units = 8;
    m.seq.embed = 6;
    m.seq.layers = strcmp(cell, "cnn") ? 2 : 1;
    m.seq.heads = 2;
    m.seq.bidirectional = true;
    m.seq.vocabulary = m.seq.target_vocabulary = VOCABULARY;
    m.seq.length = bucket;
    m.seq.variants = 2;
    return m;
}

typedef struct feed {
    int32_t source[BATCH * LONG], length[BATCH], given[BATCH * LONG], wanted[BATCH * LONG], label[BATCH];
} feed;

/* Batch k: odd ones have a sequence that is too long for the short bucket. */
static void fill(feed *f, uint32_t k, int variant)
{
    int64_t s = bucket[variant][0], g = bucket[variant][1], most = k % 2 ? LONG - 3 : SHORT - 1;
    for (uint32_t n = 0; n < BATCH; n++) {
        f->length[n] = (int32_t)(n == 0 ? most : 1 + (n * 5 + k) % (uint32_t)most);
        f->label[n] = (int32_t)((n + k) % CLASSES);
        for (int64_t i = 0; i < s; i++) {
            int32_t token = (int32_t)((n * 3 + (uint32_t)(i * i) + k) % VOCABULARY);
            f->source[n * s + i] = i < f->length[n] ? token : -1;
        }
        for (int64_t i = 0; i < g; i++) {
            f->wanted[n * g + i] = i < f->length[n] ? (int32_t)((n + (uint32_t)i * 2 + k) % VOCABULARY) : -1;
            f->given[n * g + i] = i < f->length[n] ? (int32_t)((n + (uint32_t)i + 1) % VOCABULARY) : -1;
        }
    }
}

/* Trains; short batches in the short bucket, or all in the long one. */
static void train(const anl_model_opts *m, bool bucketed, float *weights, int64_t *count)
{
    static feed f;
    bool pairs = !strcmp(m->name, "seq2seq");
    anl_ctx *ctx = anl_ctx_create();
    anl__trainer_opts o = anl__trainer_opts_default();
    anl__trainer *t;
    o.task = (anl__task){(void *)(uintptr_t)m, build_model};
    o.device_opts.threads = 2;
    o.seed = 3;
    o.optim.name = "sgd";
    for (int v = 0; v < 2; v++) o.train_sizes[v] = o.eval_sizes[v] = (anl__size){BATCH, v};
    if (anl__trainer_create(ctx, &o, &t) != ANL_OK)
        fail_msg("%s %s: %s", m->name, m->seq.cell, anl_last_error(ctx));
    assert_int_equal(anl__trainer_init(t), ANL_OK);
    for (uint32_t k = 0; k < STEPS; k++) {
        int variant = bucketed && k % 2 == 0 ? 0 : 1;
        anl__step_result r;
        fill(&f, k, variant);
        anl__feed_batch b = {.n = BATCH, .variant = variant, .first = k * BATCH,
                             .input = {f.source, f.length, f.label}, .label = f.label};
        if (pairs)
            b = (anl__feed_batch){.n = BATCH, .variant = variant, .first = k * BATCH,
                                  .input = {f.source, f.length, f.given, f.wanted}};
        assert_int_equal(anl__trainer_step(t, &b, (int)k + 1, 0, 0.1, &r), ANL_OK);
        assert_true(r.finite);
    }
    *count = anl_net_slab_count(anl__trainer_net(t), ANL_SLAB_PARAM);
    assert_true(*count <= MOST);
    assert_int_equal(anl_net_slab_read(anl__trainer_net(t), ANL_SLAB_PARAM, 0, *count, weights), ANL_OK);
    anl__trainer_destroy(t);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void same_training(const anl_model_opts *m, const char *what)
{
    static float a[MOST], b[MOST];
    int64_t n, n2;
    train(m, true, a, &n);
    train(m, false, b, &n2);
    assert_int_equal(n, n2);
    double d = distance(n, a, b);
    if (!(d <= 2e-6))
        fail_msg("%s %s %s: in buckets and without, weights differ by %.3g", m->name, m->seq.cell, what, d);
}

static void test_classifiers(void **state)
{
    (void)state;
    static const char *const cells[][2] = {{"rnn", "after"}, {"rnn-relu", "after"}, {"lstm", "after"},
                                           {"gru", "after"}, {"gru", "before"}, {"cnn", "after"}};
    static const char *const pools[] = {"last", "mean", "max"};
    for (int i = 0; i < 18; i++) {
        anl_model_opts m = model("seqclassifier", cells[i / 3][0], cells[i / 3][1]);
        m.seq.pool = pools[i % 3];
        m.seq.bidirectional = i % 2 == 0;
        same_training(&m, pools[i % 3]);
    }
}

static void test_seq2seq(void **state)
{
    (void)state;
    static const char *const kinds[] = {"none", "dot", "general", "multi-head", "additive"};
    for (int i = 0; i < 10; i++) {
        anl_model_opts m = model("seq2seq", i % 2 ? "lstm" : "gru", i % 4 ? "after" : "before");
        m.seq.attention = kinds[i / 2];
        m.seq.bidirectional = i / 2 % 2 == 0;
        same_training(&m, kinds[i / 2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layers_reference),
                                       cmocka_unit_test(test_layers_cpu), cmocka_unit_test(test_classifiers),
                                       cmocka_unit_test(test_seq2seq)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
