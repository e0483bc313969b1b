/* Models of sequences: sizes, what they learn in a few steps, and that padding, buckets and a cut into batches change nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "models/model.h"
#include "runtime/base/philox.h"
#include "runtime/train/trainer.h"

enum { N = 8, T = 12, VOCABULARY = 7 };

static anl_dtype precision = ANL_F32;  /* of make */
static double padded_error(void) { return precision == ANL_F32 ? 1e-4 : 1e-2; }

static const int64_t lengths[2][2] = {{T, T}, {T + 5, T + 3}};

static void build(void *self, anl_graph *g, anl__size size) { anl_model_build(g, self, size); }

static anl__trainer *make(anl_ctx *ctx, const anl_model_opts *m, int shards)
{
    anl__trainer_opts o = anl__trainer_opts_default();
    anl__trainer *t;
    o.task = (anl__task){(void *)(uintptr_t)m, build};
    o.device_opts.threads = 2;
    o.seed = 3;
    o.dtype = precision;
    o.shards = shards;
    for (int v = 0; v < 2; v++) o.train_sizes[v] = o.eval_sizes[v] = (anl__size){N, v};
    if (anl__trainer_create(ctx, &o, &t) != ANL_OK) fail_msg("%s: %s", m->name, anl_last_error(ctx));
    assert_int_equal(anl__trainer_init(t), ANL_OK);
    return t;
}

static anl_model_opts opts(const char *name, const char *cell)
{
    anl_model_opts m = anl_model_opts_default();
    m.name = name;
    m.classes = 3;
    m.seq.cell = cell;
    m.seq.units = 16;
    m.seq.embed = 8;
    m.seq.vocabulary = m.seq.target_vocabulary = VOCABULARY;
    m.seq.features = 2;
    m.seq.horizon = 3;
    m.seq.targets = 1;
    m.seq.length = lengths;
    m.seq.variants = 2;
    return m;
}

static int64_t parameters(anl__trainer *t)
{
    int64_t n = 0;
    for (int i = 0; i < anl_net_param_count(anl__trainer_net(t)); i++) n += anl_net_param(anl__trainer_net(t), i).count;
    return n;
}

static float noise(uint32_t i, uint32_t k) { return anl__u32_to_unit(anl__philox(9, i, k, 0, 0).v[0]); }

/* Trains on one batch; the loss at first and at last. */
static void learns(anl__trainer *t, const anl__feed_batch *b, int steps, double lr, double most)
{
    double first = 0, last = 0;
    for (int s = 1; s <= steps; s++) {
        anl__step_result r;
        assert_int_equal(anl__trainer_step(t, b, s, 0, lr, &r), ANL_OK);
        assert_true(r.finite);
        last = r.loss_num / r.loss_den;
        if (s == 1) first = last;
    }
    if (!(last < most * first)) fail_msg("loss %g at first, %g after %d steps", first, last, steps);
}

/* A text that repeats: what comes next is known from what was. */
static void text(int32_t *tokens, int32_t *next, int64_t t)
{
    for (int64_t n = 0; n < N; n++)
        for (int64_t i = 0; i < t; i++) {
            tokens[n * t + i] = i < T ? (int32_t)((n + i * i) % VOCABULARY) : -1;
            next[n * t + i] = i < T ? (int32_t)((n + (i + 1) * (i + 1)) % VOCABULARY) : -1;
        }
}

static void language(const char *name, const char *cell, int64_t expected)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_model_opts m = opts(name, cell);
    m.seq.layers = 2;
    int32_t tokens[N * (T + 5)], next[N * (T + 5)];
    anl__trainer *t = make(ctx, &m, 1);
    assert_int_equal(parameters(t), expected);
    double loss[2];
    for (int v = 0; v < 2; v++) {
        anl__eval_result r;
        anl__feed_batch b = {.n = N, .variant = v, .fresh = true, .input = {tokens, next}};
        text(tokens, next, lengths[v][0]);
        assert_int_equal(anl__trainer_eval(t, &b, false, &r), ANL_OK);
        assert_true(r.loss_den == N * T);
        loss[v] = r.loss_num;
    }
    if (fabs(loss[0] - loss[1]) > padded_error() * loss[0]) fail_msg("%s: loss %.9g, padded %.9g", name, loss[0], loss[1]);
    text(tokens, next, T);
    anl__feed_batch b = {.n = N, .fresh = true, .input = {tokens, next}};
    learns(t, &b, 60, 0.01, 0.5);
    anl__trainer_destroy(t);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

/* Embedding, two layers of G x 16 x (in + 16 + 2), dense. */
static void test_charlm(void **state)
{
    (void)state;
    language("charlm", "lstm", 7 * 8 + 64 * (8 + 16 + 2) + 64 * (16 + 16 + 2) + 7 * 17);
    language("charlm", "gru", 7 * 8 + 48 * (8 + 16 + 2) + 48 * (16 + 16 + 2) + 7 * 17);
    language("charlm", "rnn", 7 * 8 + 16 * (8 + 16 + 2) + 16 * (16 + 16 + 2) + 7 * 17);
}

/* A text in two batches with the state carried has the loss of the text in one. */
static void test_carried(void **state)
{
    (void)state;
    static const int64_t halves[2][2] = {{T, 0}, {T / 2, 0}};
    anl_ctx *ctx = anl_ctx_create();
    anl_model_opts m = opts("charlm", "lstm");
    m.seq.length = halves;
    anl__trainer *t = make(ctx, &m, 1);
    int32_t tokens[N * T], next[N * T], part[2][N * T / 2];
    anl__eval_result r;
    double whole, sum = 0;
    text(tokens, next, T);
    anl__feed_batch b = {.n = N, .fresh = true, .input = {tokens, next}};
    assert_int_equal(anl__trainer_eval(t, &b, false, &r), ANL_OK);
    whole = r.loss_num;
    for (int h = 0; h < 2; h++) {
        for (int64_t n = 0; n < N; n++) {
            memcpy(part[0] + n * T / 2, tokens + n * T + h * T / 2, T / 2 * sizeof(int32_t));
            memcpy(part[1] + n * T / 2, next + n * T + h * T / 2, T / 2 * sizeof(int32_t));
        }
        b = (anl__feed_batch){.n = N, .variant = 1, .fresh = h == 0, .input = {part[0], part[1]}};
        assert_int_equal(anl__trainer_eval(t, &b, false, &r), ANL_OK);
        sum += r.loss_num;
    }
    assert_true(fabs(sum - whole) <= 1e-5 * whole);
    anl__trainer_destroy(t);
    anl_ctx_destroy(ctx);
}

static void forecaster(const char *cell, bool autoregressive)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_model_opts m = opts("forecaster", cell);
    static const int64_t one[2][2] = {{T, 0}, {T, 0}}; /* a window has one length */
    m.seq.length = one;
    m.seq.autoregressive = autoregressive;
    m.seq.layers = 2;
    anl__trainer *t = make(ctx, &m, 1);
    float x[N * T * 2], y[N * 3];
    for (uint32_t n = 0; n < N; n++) {
        float at = noise(n, 0);
        for (uint32_t i = 0; i < T; i++) {
            x[(n * T + i) * 2] = sinf(at + 0.5f * (float)i);
            x[(n * T + i) * 2 + 1] = noise(n, i);
        }
        for (uint32_t h = 0; h < 3; h++) y[n * 3 + h] = sinf(at + 0.5f * (float)(T + h));
    }
    anl__feed_batch b = {.n = N, .input = {x, y}, .label = y};
    learns(t, &b, 80, 0.01, 0.3);
    assert_int_equal(anl__trainer_columns(t), 3);
    anl__trainer_destroy(t);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

/* The answer depends on the category alone: it is learnt through the level's vector, and the matrix is as wide as asked for. */
static void test_category_embed(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl_model_opts m = opts("forecaster", "gru");
    static const int64_t one[2][2] = {{T, 0}, {T, 0}}, levels[2] = {3, 2};
    m.seq.length = one;
    m.seq.numbers = 1;
    m.seq.category = levels;
    m.seq.categories = 2;
    m.seq.category_embed = 4;
    m.seq.features = 1 + 3 + 2 + 1; /* a number, two categories, a place of the calendar */
    anl__trainer *t = make(ctx, &m, 1);
    int64_t units = m.seq.units, in = 1 + 2 * 4 + 1;
    assert_int_equal(parameters(t), 4 * (3 + 2) + 3 * units * (in + units + 2) + 3 * (units + 1));
    float x[N * T * 7] = {0}, y[N * 3];
    for (uint32_t n = 0; n < N; n++) {
        for (uint32_t i = 0; i < T; i++) {
            float *row = x + (n * T + i) * 7;
            row[0] = noise(n, i);
            row[1 + n % 3] = row[4 + n % 2] = 1;
        }
        for (uint32_t h = 0; h < 3; h++) y[n * 3 + h] = (float)(n % 3) - (float)(n % 2);
    }
    anl__feed_batch b = {.n = N, .input = {x, y}, .label = y};
    learns(t, &b, 80, 0.01, 0.1);
    anl__trainer_destroy(t);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void test_forecaster(void **state)
{
    (void)state;
    forecaster("linear", false);
    forecaster("lstm", false);
    forecaster("gru", true);
    forecaster("tcn", false);
}

static void test_transformer(void **state)
{
    (void)state;
    language("transformer", "lstm", 7 * 16 + 17 * 16 + 2 * (2 * 32 + 4 * 16 * 16 + 4 * 16 + 8 * 16 * 16 + 64 + 16) + 32 + 7 * 17);
}

static void seq2seq(const char *cell, const char *attention, bool bidirectional, bool state_only)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_model_opts m = opts("seq2seq", cell);
    int32_t source[N * (T + 5)], length[N], given[N * (T + 3)], wanted[N * (T + 3)];
    m.seq.attention = attention;
    m.seq.bidirectional = bidirectional;
    m.seq.state_only = state_only;
    anl__trainer *t = make(ctx, &m, 1);
    double loss[2];
    for (int v = 1; v >= 0; v--) { /* the answer is the source backwards; sources and answers have lengths of their own */
        int64_t s = lengths[v][0], g = lengths[v][1];
        for (int64_t n = 0; n < N; n++) {
            length[n] = (int32_t)(3 + n % 4);
            for (int64_t i = 0; i < s; i++) source[n * s + i] = i < length[n] ? (int32_t)(2 + (n + i) % 5) : -1;
            for (int64_t i = 0; i < g; i++) {
                wanted[n * g + i] = i < length[n] ? source[n * s + length[n] - 1 - i] : i == length[n] ? 1 : -1;
                given[n * g + i] = i == 0 ? 0 : i <= length[n] ? wanted[n * g + i - 1] : -1;
            }
        }
        anl__eval_result r;
        anl__feed_batch b = {.n = N, .variant = v, .input = {source, length, given, wanted}};
        assert_int_equal(anl__trainer_eval(t, &b, false, &r), ANL_OK);
        loss[v] = r.loss_num;
    }
    if (fabs(loss[0] - loss[1]) > padded_error() * loss[0]) fail_msg("%s %s: loss %.9g, padded %.9g", cell, attention, loss[0], loss[1]);
    anl__feed_batch b = {.n = N, .input = {source, length, given, wanted}};
    learns(t, &b, 80, 0.02, 0.6);
    anl__trainer_destroy(t);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void test_seq2seq(void **state)
{
    (void)state;
    seq2seq("lstm", "none", false, false);
    seq2seq("gru", "none", true, false);
    seq2seq("gru", "dot", false, false);
    seq2seq("lstm", "general", true, false);
    seq2seq("gru", "multi-head", true, false);
    seq2seq("gru", "additive", true, false);
    seq2seq("gru", "additive", false, true);
}

/* More steps than one node can join. */
static void test_long_answers(void **state)
{
    (void)state;
    enum { LONG = 40 };
    static const int64_t both[2][2] = {{T, LONG}, {T, LONG}};
    anl_ctx *ctx = anl_ctx_create();
    anl_model_opts m = opts("seq2seq", "gru");
    int32_t source[N * T], length[N], given[N * LONG];
    m.seq.attention = "additive";
    m.seq.length = both;
    anl__trainer *t = make(ctx, &m, 1);
    for (int i = 0; i < N * T; i++) source[i] = i % 5;
    for (int i = 0; i < N; i++) length[i] = T;
    for (int i = 0; i < N * LONG; i++) given[i] = i % 5;
    anl__eval_result r;
    anl__feed_batch b = {.n = N, .input = {source, length, given, given}};
    assert_int_equal(anl__trainer_eval(t, &b, false, &r), ANL_OK);
    assert_float_equal(r.loss_den, N * LONG, 0);
    anl__trainer_destroy(t);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void classifier(const char *cell, const char *pool, bool tokens)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_model_opts m = opts("seqclassifier", cell);
    int32_t token[N * (T + 5)], length[N], label[N];
    float x[N * (T + 5) * 2];
    m.seq.pool = pool;
    m.seq.bidirectional = true;
    if (!tokens) m.seq.vocabulary = 0;
    anl__trainer *t = make(ctx, &m, 1);
    double loss[2];
    for (int v = 1; v >= 0; v--) {
        int64_t s = lengths[v][0];
        for (int64_t n = 0; n < N; n++) {
            length[n] = (int32_t)(4 + n);
            label[n] = (int32_t)(n % 3);
            for (int64_t i = 0; i < s; i++) {
                bool in = i < length[n];
                token[n * s + i] = in ? (int32_t)((n * i + label[n]) % VOCABULARY) : -1;
                for (int64_t k = 0; k < 2; k++) x[(n * s + i) * 2 + k] = in ? noise((uint32_t)(n * 100 + i), (uint32_t)k) : 0.0f;
            }
        }
        anl__eval_result r;
        anl__feed_batch b = {.n = N, .variant = v, .input = {tokens ? (void *)token : (void *)x, length, label}, .label = label};
        assert_int_equal(anl__trainer_eval(t, &b, false, &r), ANL_OK);
        loss[v] = r.loss_num;
    }
    if (fabs(loss[0] - loss[1]) > padded_error() * loss[0]) fail_msg("%s %s: loss %.9g, padded %.9g", cell, pool, loss[0], loss[1]);
    anl__feed_batch b = {.n = N, .input = {tokens ? (void *)token : (void *)x, length, label}, .label = label};
    learns(t, &b, 80, 0.02, 0.5);
    anl__trainer_destroy(t);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void test_classifier(void **state)
{
    (void)state;
    classifier("lstm", "last", true);
    classifier("gru", "last", false);
    classifier("lstm", "mean", true);
    classifier("cnn", "max", true);
    classifier("cnn", "mean", false);
}

/* Every kind again with activations in bf16, which has kernels, casts and operands of its own. */
static void test_bf16(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl_model_opts m = opts("charlm", "lstm");
    anl__trainer_opts o = anl__trainer_opts_default();
    anl__trainer *t = NULL;
    o.task = (anl__task){&m, build};
    o.dtype = ANL_BF16;
    o.train_sizes[0] = (anl__size){N, 0};
    anl_status st = anl__trainer_create(ctx, &o, &t);
    if (st == ANL_UNSUPPORTED) print_message("skipped: %s\n", anl_last_error(ctx));
    anl__trainer_destroy(t);
    anl_ctx_destroy(ctx);
    if (st == ANL_UNSUPPORTED) skip();
    precision = ANL_BF16;
    test_charlm(state);
    test_transformer(state);
    test_forecaster(state);
    seq2seq("gru", "dot", false, false);
    seq2seq("lstm", "general", true, false);
    seq2seq("gru", "multi-head", true, false);
    seq2seq("gru", "additive", true, false);
    test_classifier(state);
    precision = ANL_F32;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_charlm), cmocka_unit_test(test_carried), cmocka_unit_test(test_forecaster), cmocka_unit_test(test_category_embed), cmocka_unit_test(test_transformer),
                                       cmocka_unit_test(test_seq2seq), cmocka_unit_test(test_long_answers), cmocka_unit_test(test_classifier), cmocka_unit_test(test_bf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
