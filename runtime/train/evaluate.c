/* Evaluation by a trainer: batches through its evaluation programs, one after the other on each device. */
#include "trainer_inside.h"

#include "../base/half.h"

#include <string.h>

static const char LOGITS[] = "logits";

static int64_t columns_of(const compiled *c, const char *name)
{
    anl_shape s;
    return anl_program_output(c->p, name, NULL, &s) ? anl_shape_count(&s) / c->size.n : 0;
}

int64_t anl__trainer_columns(const anl__trainer *t)
{
    const replica *r = &t->rep[0];
    int64_t most = r->n_train ? columns_of(&r->train[0], LOGITS)
                              : 0; /* without a part to evaluate on there is still something to score by */
    for (int i = 0; i < r->n_eval; i++)
        if (columns_of(&r->eval[i], LOGITS) > most) most = columns_of(&r->eval[i], LOGITS);
    return most;
}

static anl_status make_room(anl__trainer *t, replica *r)
{
    size_t n = (size_t)(anl__trainer_columns(t) * anl__trainer_most_rows(t->opts.eval_sizes)) + 1;
    if (r->rank && !t->team) return ANL_OK;
    if (!(r->logits = anl__calloc(r->ctx, n, sizeof *r->logits))) return ANL_NOMEM;
    if (t->opts.dtype == ANL_F32 || r->device->vt->host_memory) return ANL_OK;
    return (r->logits16 = anl__calloc(r->ctx, n, sizeof *r->logits16)) ? ANL_OK : ANL_NOMEM;
}

anl_status anl__trainer_eval_room(anl__trainer *t)
{
    for (int i = 0; i < t->n_rep; i++) ANL_TRY(anl__replicas_failed(t, &t->rep[i], make_room(t, &t->rep[i])));
    return ANL_OK;
}

/* An output as f32 in the host's memory; half: as large, for 16-bit ones of a device (NULL: it has the host's memory).
 */
static anl_status read_output(replica *r, const compiled *c, const char *name, float *to, uint16_t *half)
{
    anl_dtype type;
    const void *y = anl_program_output(c->p, name, &type, NULL);
    int64_t n = c->size.n * columns_of(c, name);
    if (type == ANL_F32) return r->device->vt->download(r->device, to, y, (size_t)n * sizeof(float));
    ANL_CHECK_INTERNAL(r->ctx, type == ANL_BF16 || type == ANL_F16);
    if (half) {
        ANL_TRY(r->device->vt->download(r->device, half, y, (size_t)n * sizeof *half));
        y = half;
    }
    anl__half_to_f32(type, to, y, n);
    return ANL_OK;
}

int64_t anl__trainer_output_columns(const anl__trainer *t, const char *name)
{
    const replica *r = &t->rep[0];
    return r->n_eval ? columns_of(&r->eval[0], name) : 0;
}

anl_status anl__trainer_output(anl__trainer *t, anl__size size, const char *name, float *to)
{
    replica *r = &t->rep[0];
    const compiled *c = anl__trainer_find(r->eval, r->n_eval, size);
    int64_t n = c ? size.n * columns_of(c, name) : 0;
    if (!n) return anl__fail(t->ctx, ANL_INTERNAL, "no output '%s' of %lld samples", name, (long long)size.n);
    uint16_t *half = r->logits16 ? anl__calloc(t->ctx, (size_t)n, sizeof *half) : NULL;
    if (r->logits16 && !half) return ANL_NOMEM;
    anl_status st = read_output(r, c, name, to, half);
    anl__free(t->ctx, half);
    return st;
}

/* ---- batches --------------------------------------------------------------------------------- */

int anl__trainer_eval_places(const anl__trainer *t) { return t->team && !t->rep[0].eval_carry.n ? t->n_rep : 1; }

anl_status anl__trainer_eval_heads(anl__trainer *t, int place, anl__heads *heads)
{
    return anl__replicas_failed(t, &t->rep[place], anl__heads_take(t->rep[place].net, heads));
}

static anl_status begin(anl__trainer *t, replica *r, const anl__feed_batch *b, bool ema)
{
    const compiled *c = anl__trainer_find(r->eval, r->n_eval, (anl__size){b->n, b->variant});
    if (!c)
        return anl__fail(r->ctx, ANL_INTERNAL, "no evaluation program for %lld samples, variant %d", (long long)b->n,
                         b->variant);
    anl_bind bind = {.ema = ema};
    r->evaluated = c;
    for (int i = 0; i < ANL_MAX_INPUTS; i++) bind.input[i] = b->input[i];
    if (b->fresh) ANL_TRY(anl__carry_clear(&r->eval_carry));
    ANL_TRY(anl__staging_fill(&r->staging, c->p, 0, &bind));
    if (!b->input[0] && anl__trainer_eval_resident(t)) {
        ANL_TRY(anl__trainer_seek(t, r, b->first));
        ANL_TRY(anl__resident_make(&r->resident, ANL__RESIDENT_EVAL, &r->staging, 0, b->n, &bind));
    }
    ANL_TRY(anl__carry_bind(&r->eval_carry, r->device, &r->staging, 0, 0, b->n, &bind));
    ANL_TRY(anl_program_run(c->p, &bind));
    return anl__carry_take(&r->eval_carry, r->device, c->p, 0, b->n);
}

static anl_status end(replica *r, anl__eval_result *out)
{
    float v[ANL__RING_WORDS];
    *out = (anl__eval_result){0};
    if (columns_of(r->evaluated, LOGITS)) {
        ANL_TRY(read_output(r, r->evaluated, LOGITS, r->logits, r->logits16));
        out->logits = r->logits;
    }
    ANL_TRY(anl__tape_eval(&r->tape, v));
    out->loss_num = (double)v[ANL__RING_NUM];
    out->loss_den = (double)v[ANL__RING_DEN];
    out->correct = (double)v[ANL__RING_CORRECT];
    return ANL_OK;
}

anl_status anl__trainer_eval_begin(anl__trainer *t, int place, const anl__feed_batch *b, bool ema)
{
    replica *r = &t->rep[place];
    return anl__replicas_failed(t, r, begin(t, r, b, ema));
}

anl_status anl__trainer_eval_end(anl__trainer *t, int place, anl__eval_result *out)
{
    replica *r = &t->rep[place];
    return anl__replicas_failed(t, r, end(r, out));
}

anl_status anl__trainer_eval(anl__trainer *t, const anl__feed_batch *b, bool ema, anl__eval_result *out)
{
    ANL_TRY(anl__trainer_eval_begin(t, 0, b, ema));
    return anl__trainer_eval_end(t, 0, out);
}
