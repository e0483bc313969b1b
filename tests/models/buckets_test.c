/* Two epochs through the loader's buckets, and the same batches padded to the longest sequence of all: the
 * same weights but for rounding, and the same answer for every item. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sequence_loader.h"
#include "models/model.h"
#include "runtime/base/philox.h"
#include "runtime/train/trainer.h"

enum { ITEMS = 70, LONGEST = 19, BATCH = 8, VOCABULARY = 7, CLASSES = 3, BUCKETS = 4, EPOCHS = 2,
      MOST = 8192 };

static int32_t token[ITEMS * LONGEST], label[ITEMS];
static int64_t offset[ITEMS], steps[ITEMS];

static uint32_t word(uint32_t a, uint32_t b) { return anl__philox(21, a, b, 0, 0).v[0]; }

static anl__ragged *make_set(anl_ctx *ctx)
{
    anl__ragged *set;
    for (uint32_t i = 0; i < ITEMS; i++) {
        offset[i] = (int64_t)i * LONGEST;
        steps[i] = i == 0 ? LONGEST : 1 + word(i, 0) % LONGEST;
        label[i] = (int32_t)(word(i, 1) % CLASSES);
        for (uint32_t t = 0; t < LONGEST; t++)
            token[i * LONGEST + t] = (int32_t)(word(i, 2 + t) % VOCABULARY);
    }
    assert_int_equal(anl__ragged_create(ctx, "drawn", ITEMS, &set), ANL_OK);
    anl__ragged_field x = {.name = "x", .dtype = ANL_I32, .width = 1, .data = token, .steps = ITEMS * LONGEST,
                           .offset = offset, .length = steps};
    anl__ragged_field y = {.name = "label", .dtype = ANL_I32, .width = 1, .data = label, .steps = ITEMS,
                           .fixed = 1};
    assert_int_equal(anl__ragged_add(set, &x), ANL_OK);
    assert_int_equal(anl__ragged_add(set, &y), ANL_OK);
    return set;
}

static void build(void *self, anl_graph *g, anl__size size) { anl_model_build(g, self, size); }

typedef struct side { /* one of the two trainings */
    anl_model_opts model;
    int64_t length[BUCKETS][2];
    anl__trainer *trainer;
} side;

static void open_side(anl_ctx *ctx, side *s, const char *cell, const anl__sequence_loader *l, bool bucketed)
{
    const anl__buckets *b = anl__sequence_loader_buckets(l);
    anl__trainer_opts o = anl__trainer_opts_default();
    anl__size sizes[ANL__MOST_SIZES] = {0};
    s->model = anl_model_opts_default();
    s->model.name = "seqclassifier";
    s->model.classes = CLASSES;
    s->model.dropout = 0.2;
    s->model.seq.cell = cell;
    s->model.seq.pool = strcmp(cell, "cnn") ? "last" : "max";
    s->model.seq.units = 8;
    s->model.seq.embed = 6;
    s->model.seq.layers = strcmp(cell, "cnn") ? 2 : 1;
    s->model.seq.bidirectional = true;
    s->model.seq.vocabulary = VOCABULARY;
    s->model.seq.variants = b->n;
    s->model.seq.length = (const int64_t(*)[2])s->length;
    for (int v = 0; v < b->n; v++) s->length[v][0] = bucketed ? b->most[v][0] : LONGEST; /* variants stay */
    int n = anl__sequence_loader_sizes(l, sizes, ANL__MOST_SIZES);
    assert_true(n <= ANL__MOST_SIZES);
    memcpy(o.train_sizes, sizes, sizeof sizes);
    memcpy(o.eval_sizes, sizes, sizeof sizes);
    o.task = (anl__task){&s->model, build};
    o.device_opts.threads = 2;
    o.seed = 3;
    o.optim.name = "sgd";
    if (anl__trainer_create(ctx, &o, &s->trainer) != ANL_OK) fail_msg("%s: %s", cell, anl_last_error(ctx));
    assert_int_equal(anl__trainer_init(s->trainer), ANL_OK);
}

/* The batch with each row's tokens padded from the bucket's length to the longest. */
static anl__feed_batch padded(const anl__sequence_batch *b, int64_t from, int64_t to, int32_t *room)
{
    const int32_t *x = b->data[0];
    for (int64_t n = 0; n < b->n; n++)
        for (int64_t t = 0; t < to; t++) room[n * to + t] = t < from ? x[n * from + t] : -1;
    return (anl__feed_batch){.n = b->n, .variant = b->variant, .first = b->first, .id = b->id,
                             .input = {room, b->length[0], b->data[1]}, .label = b->data[1]};
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

static void same(const char *cell)
{
    static int32_t room[2][BATCH * LONGEST];
    static float weights[2][MOST], said[2][BATCH * CLASSES];
    anl_ctx *ctx = anl_ctx_create();
    anl__ragged *set = make_set(ctx);
    anl__sequence_opts o = anl__sequence_opts_default();
    anl__sequence_loader *l;
    anl__buckets buckets;
    anl__sequence_batch b;
    side s[2];
    int64_t step = 0, seen = 0;
    assert_int_equal(anl__buckets_choose(ctx, set, NULL, 0, BUCKETS, &buckets), ANL_OK);
    assert_int_equal(buckets.n, BUCKETS);
    o.batch = BATCH;
    o.shuffle = true;
    o.seed = 5;
    o.buckets = &buckets;
    assert_int_equal(anl__sequence_loader_create(ctx, set, NULL, 0, &o, &l), ANL_OK);
    for (int k = 0; k < 2; k++) open_side(ctx, &s[k], cell, l, k == 0);
    for (uint32_t epoch = 0; epoch <= EPOCHS; epoch++) { /* the last one asks only */
        assert_int_equal(anl__sequence_loader_start(l, epoch, 0), ANL_OK);
        while (anl__sequence_loader_next(l, &b) == ANL_OK && b.n) {
            int64_t from = buckets.most[b.variant][0];
            step++;
            for (int k = 0; k < 2; k++) {
                anl__feed_batch f = padded(&b, from, k ? LONGEST : from, room[k]);
                anl__step_result r;
                anl__eval_result e;
                if (epoch < EPOCHS) {
                    assert_int_equal(anl__trainer_step(s[k].trainer, &f, step, epoch, 0.1, &r), ANL_OK);
                    assert_true(r.finite && r.loss_den == (double)b.n);
                    continue;
                }
                assert_int_equal(anl__trainer_eval(s[k].trainer, &f, false, &e), ANL_OK);
                memcpy(said[k], e.logits, sizeof(float) * (size_t)(b.n * CLASSES));
            }
            if (epoch < EPOCHS) continue;
            seen += b.n;
            assert_true(distance(b.n * CLASSES, said[0], said[1]) <= 5e-6);
        }
    }
    assert_int_equal(seen, ITEMS);
    int64_t n = anl_net_slab_count(anl__trainer_net(s[0].trainer), ANL_SLAB_PARAM);
    assert_true(n <= MOST);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(anl_net_slab_read(anl__trainer_net(s[k].trainer), ANL_SLAB_PARAM, 0, n, weights[k]),
                         ANL_OK);
        anl__trainer_destroy(s[k].trainer);
    }
    double d = distance(n, weights[0], weights[1]);
    if (!(d <= 5e-6)) fail_msg("%s: in buckets and without, weights differ by %.3g", cell, d);
    anl__sequence_loader_destroy(l);
    anl__ragged_destroy(set);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void test_buckets(void **state)
{
    static const char *const cells[] = {"rnn", "rnn-relu", "lstm", "gru", "cnn"};
    (void)state;
    for (int i = 0; i < 5; i++) same(cells[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_buckets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
