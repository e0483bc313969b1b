/* Layers over time in written models: an LSTM over the features of convolutions, and the loss ctc, which
 * finds where a label is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "models/model.h"
#include "runtime/base/philox.h"
#include "runtime/train/trainer.h"

enum { N = 16, HIGH = 12, WIDE = 8, CLASSES = 3 };

#define ARG(...) ((const anl__layer_arg[]){__VA_ARGS__})

static void build(void *self, anl_graph *g, anl__size size) { anl_model_build(g, self, size); }

static anl_model_opts opts(const anl__model_layer *layer, int n, const anl__model_head *head)
{
    anl_model_opts m = anl_model_opts_default();
    m.name = "graph";
    m.height = HIGH;
    m.width = WIDE;
    m.classes = CLASSES;
    m.layer = layer;
    m.n_layer = n;
    m.head = head;
    m.n_head = head ? 1 : 0;
    return m;
}

static anl_status make(anl_ctx *ctx, const anl_model_opts *m, anl__trainer **out)
{
    anl__trainer_opts o = anl__trainer_opts_default();
    o.task = (anl__task){(void *)(uintptr_t)m, build};
    o.device_opts.threads = 2;
    o.seed = 5;
    o.train_sizes[0] = o.eval_sizes[0] = (anl__size){N, 0};
    ANL_TRY(anl__trainer_create(ctx, &o, out));
    return anl__trainer_init(*out);
}

/* Noise with a bright column of the class's place, in three rows somewhere. */
static void pictures(float *image, int32_t *label)
{
    for (uint32_t i = 0; i < N * HIGH * WIDE; i++)
        image[i] = 0.2f * anl__u32_to_unit(anl__philox(7, i, 0, 0, 0).v[0]);
    for (int n = 0; n < N; n++) {
        label[n] = n % CLASSES;
        for (int row = n % (HIGH - 2); row < n % (HIGH - 2) + 3; row++)
            image[(n * HIGH + row) * WIDE + 2 * label[n] + 1] = 1;
    }
}

static void learns(const anl_model_opts *m, int steps)
{
    anl_ctx *ctx = anl_ctx_create();
    anl__trainer *t;
    float image[N * HIGH * WIDE];
    int32_t label[N];
    anl__feed_batch b = {.n = N, .input = {image, label}, .label = label};
    anl__eval_result e;
    double first = 0, last = 0;
    int right = 0;
    if (make(ctx, m, &t) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    pictures(image, label);
    for (int s = 1; s <= steps; s++) {
        anl__step_result r;
        assert_int_equal(anl__trainer_step(t, &b, s, 0, 0.02, &r), ANL_OK);
        assert_true(r.finite);
        last = r.loss_num / r.loss_den;
        assert_true(r.loss_den == N);
        if (s == 1) first = last;
    }
    if (!(last < 0.2 * first)) fail_msg("loss %g at first, %g in the end", first, last);
    assert_int_equal(anl__trainer_eval(t, &b, false, &e), ANL_OK);
    if (e.correct < N) fail_msg("loss %g: %g of %d are right", last, e.correct, N);
    assert_int_equal(anl__trainer_columns(t), CLASSES);
    for (int n = 0; n < N; n++) {
        const float *y = e.logits + n * CLASSES;
        int best = 0;
        for (int k = 1; k < CLASSES; k++)
            if (y[k] > y[best]) best = k;
        right += best == label[n];
    }
    assert_int_equal(right, N);
    anl__trainer_destroy(t);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static const anl__model_layer features[] = {
    {{"conv", "conv", NULL, ARG({"filters", "6"}, {"kernel", "3"}, {"pad", "1"}, {"act", "relu"}), 4}, NULL,
     0},
    {{"maxpool", "pool", NULL, ARG({"kernel", "1,2"}, {"stride", "1,2"}), 2}, NULL, 0},
    {{"to-time", "rows", NULL, NULL, 0}, NULL, 0},
    {{"lstm", "lstm", NULL, ARG({"units", "12"}, {"bidirectional", "true"}), 2}, NULL, 0},
};
enum { FEATURES = sizeof features / sizeof features[0] };

static void test_lstm_over_features(void **state)
{
    (void)state;
    anl__model_layer layer[FEATURES + 2];
    memcpy(layer, features, sizeof features);
    layer[FEATURES] = (anl__model_layer){{"time-pool", "last", NULL, ARG({"mode", "mean"}), 1}, NULL, 0};
    layer[FEATURES + 1] = (anl__model_layer){{"dense", "out", NULL, ARG({"units", "3"}), 1}, NULL, 0};
    anl_model_opts m = opts(layer, FEATURES + 2, NULL);
    learns(&m, 60);
}

static void ctc_model(anl__model_layer *layer, const char *units)
{
    static anl__layer_arg arg[1];
    arg[0] = (anl__layer_arg){"units", units};
    memcpy(layer, features, sizeof features);
    layer[FEATURES] = (anl__model_layer){{"time-dense", "out", NULL, arg, 1}, NULL, 0};
}

static const anl__model_head head = {"out", "label", "ctc", 1, 0, NULL};

static void test_ctc(void **state)
{
    (void)state;
    anl__model_layer layer[FEATURES + 1];
    ctc_model(layer, "4");
    anl_model_opts m = opts(layer, FEATURES + 1, &head);
    learns(&m, 300);
}

static void test_ctc_needs_a_blank(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl__model_layer layer[FEATURES + 1];
    anl__trainer *t = NULL;
    ctc_model(layer, "3");
    anl_model_opts m = opts(layer, FEATURES + 1, &head);
    assert_int_equal(make(ctx, &m, &t), ANL_SHAPE);
    assert_non_null(strstr(anl_last_error(ctx),
                           "T x N x 4 (3 classes and the blank, which is the last), not 12x16x3"));
    anl__trainer_destroy(t);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lstm_over_features), cmocka_unit_test(test_ctc),
                                       cmocka_unit_test(test_ctc_needs_a_blank)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
