/* See bench_sequence.h. */
#include "bench_sequence.h"

#include "runtime/base/philox.h"
#include "tools/job/job_sequence.h"
#include "tools/recipe/layers.h"

#include <string.h>

enum { BATCHES = 10 };

typedef struct noise {
    bench_shape shape;
    const char *model;
    int64_t at;
    int32_t *token[2]; /* [BATCHES, batch, steps] and [BATCHES, batch, target_steps] */
    float *value;      /* [BATCHES, batch, steps, features] */
    int32_t *length;   /* [batch] */
} noise;

static anl_status start(void *self, int64_t epoch, int64_t first_batch)
{
    (void)epoch;
    ((noise *)self)->at = first_batch;
    return ANL_OK;
}

static anl_status next(void *self, anl__feed_batch *b)
{
    noise *n = self;
    int64_t k = n->at++ % BATCHES * n->shape.batch;
    const int32_t *first = n->token[0] + k * n->shape.steps, *second = n->token[1] + k * n->shape.target_steps;
    *b = (anl__feed_batch){.n = n->shape.batch, .fresh = true, .first = k};
    if (!strcmp(n->model, "forecaster")) {
        b->input[0] = n->value + k * n->shape.steps * n->shape.features;
        b->input[1] = n->value;
    } else if (!strcmp(n->model, "seq2seq")) {
        b->input[0] = first;
        b->input[1] = n->length;
        b->input[2] = second;
        b->input[3] = n->token[1];
    } else {
        b->input[0] = first;
        b->input[1] = n->token[0];
    }
    return ANL_OK;
}

static void release(void *self, anl__feed_batch *b)
{
    (void)self;
    (void)b;
}

static anl_status fill(anl__arena *a, noise *n)
{
    const bench_shape *s = &n->shape;
    int64_t rows = BATCHES * s->batch, steps[2] = {s->steps, s->target_steps};
    n->length = anl__arena_alloc(a, (size_t)s->batch * sizeof *n->length);
    n->value = anl__arena_alloc(a, (size_t)(rows * s->steps * s->features + 1) * sizeof *n->value);
    if (!n->length || !n->value) return ANL_NOMEM;
    for (int64_t i = 0; i < s->batch; i++) n->length[i] = (int32_t)s->steps;
    for (int64_t i = 0; i < rows * s->steps * s->features; i++) n->value[i] = 2 * anl__u32_to_unit(anl__philox(1, (uint32_t)i, 0, 0, 0).v[0]) - 1;
    for (int k = 0; k < 2; k++) {
        n->token[k] = anl__arena_alloc(a, (size_t)(rows * steps[k] + 1) * sizeof *n->token[k]);
        if (!n->token[k]) return ANL_NOMEM;
        for (int64_t i = 0; s->vocabulary && i < rows * steps[k]; i++) n->token[k][i] = (int32_t)(anl__philox(2, (uint32_t)i, (uint32_t)k, 0, 0).v[0] % (uint32_t)s->vocabulary);
    }
    return ANL_OK;
}

anl_status bench_sequence_open(anl_ctx *ctx, recipe *r, const bench_shape *s, job *j)
{
    *j = (job){.ctx = ctx, .recipe = r, .batch = s->batch};
    ANL_TRY(anl__arena_create(ctx, &j->arena));
    noise *n = anl__arena_alloc(j->arena, sizeof *n);
    j->sequence = anl__arena_alloc(j->arena, sizeof *j->sequence);
    if (!n || !j->sequence) return ANL_NOMEM;
    *j->sequence = (job_sequence){.decode_variant = -1, .length = {{s->steps, s->target_steps}}};
    j->model = anl_model_opts_default();
    ANL_TRY(recipe_model(r, ctx, j->arena, &j->model));
    j->dtype = job_precision(r)->dtype;
    j->kind = strcmp(j->model.name, "forecaster") ? ANL__SCORE_TOKENS : ANL__SCORE_VALUES;
    j->model.seq.vocabulary = j->model.seq.target_vocabulary = s->vocabulary;
    j->model.seq.features = s->features;
    j->model.seq.horizon = j->model.seq.targets = 1;
    j->model.seq.length = (const int64_t(*)[2])j->sequence->length;
    j->model.seq.variants = 1;
    *n = (noise){.shape = *s, .model = j->model.name};
    ANL_TRY(fill(j->arena, n));
    j->part[JOB_TRAIN].feed = (anl__feed){.self = n, .samples = BATCHES * s->batch, .batch = s->batch, .start = start, .next = next, .release = release};
    return ANL_OK;
}
