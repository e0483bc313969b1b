/* Answers of models of sequences; see job_answer.h. */
#include "job_answer.h"
#include "translator.h"

#include "tools/decode/sample.h"

#include <math.h>
#include <string.h>

static int64_t longest(const job_sequence *s, int axis)
{
    int64_t most = 0;
    for (int v = 0; v < s->buckets.n; v++) most = s->length[v][axis] > most ? s->length[v][axis] : most;
    return most;
}

int job_answer_sizes(job *j, anl__size *sizes, int n, int most)
{
    job_sequence *s = j->sequence;
    int v = s->buckets.n;
    if (n == most) return n;
    if (!strcmp(j->model.name, "seq2seq")) { /* translators have programs of their own; this one names the parameters */
        sizes[n++] = (anl__size){1, 0};
        return n;
    }
    if (j->kind == ANL__SCORE_TOKENS) { /* a variant of its own, which gives logits */
        s->length[v][0] = !strcmp(j->model.name, "charlm") ? 1 : longest(s, 0);
        s->length[v][1] = longest(s, 1);
        s->decode_variant = v;
        j->model.seq.variants = v + 1;
        sizes[n++] = (anl__size){1, v};
        return n;
    }
    for (int b = 0; b < s->buckets.n && n < most; b++) sizes[n++] = (anl__size){1, b};
    return n;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static anl_status read_text(job *j, job_translation *in, anl__ids *ids)
{
    int64_t most = longest(j->sequence, 0);
    anl__span span = {in->text, strlen(in->text)};
    in->unknown = 0;
    ANL_TRY(anl__tokens_encode(j->sequence->tokens[0], span, ids, &in->unknown));
    if (!ids->n) return anl__fail(j->ctx, ANL_DATA, "there is nothing to translate in '%.60s'", in->text);
    if (j->sequence->memory && ids->n <= most) ANL_TRY(anl__memory_recall(j->sequence->memory, j->sequence->tokens[0], in->text, false, (int)recipe_int(j->recipe, "data.similar"), most, ids));
    if (ids->n > most) return anl__fail(j->ctx, ANL_DATA, "'%.60s' has %lld tokens; the model reads at most %lld", in->text, (long long)ids->n, (long long)most);
    return ANL_OK;
}

static anl_status take_answer(job *j, const int32_t *id, int64_t n, job_translation *out)
{
    anl__buf b;
    int64_t k = 0;
    while (k < n && id[k] >= 0) k++;
    anl__buf_init(&b, j->ctx);
    anl_status st = anl__tokens_decode(j->sequence->tokens[1], id, k, &b);
    if (st == ANL_OK) st = b.status;
    if (st == ANL_OK && !(out->answer = anl__strdup(j->ctx, b.text ? b.text : ""))) st = ANL_NOMEM;
    anl__buf_release(&b);
    return st;
}

anl_status job_translate(job *j, job_translation *t, int64_t n, int beam)
{
    anl_ctx *ctx = j->ctx;
    translator *w = NULL;
    int32_t *answer = NULL;
    double logp[TRANSLATOR_ROWS];
    int64_t steps = 1;
    anl_status st = ANL_OK;
    anl__ids *ids = anl__calloc(ctx, (size_t)n + 1, sizeof *ids);
    if (!ids) return ANL_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        ANL_GO(read_text(j, &t[i], &ids[i]));
        steps = ids[i].n > steps ? ids[i].n : steps;
    }
    ANL_GO(translator_create(j, steps, beam, &w));
    int64_t per = translator_texts(w), longest_answer = translator_longest(w);
    if (!(answer = anl__calloc(ctx, (size_t)(per * longest_answer), sizeof *answer))) ANL_GO(ANL_NOMEM);
    for (int64_t at = 0; at < n; at += per) {
        int64_t here = n - at < per ? n - at : per;
        ANL_GO(translator_run(w, ids + at, here, answer, logp));
        for (int64_t i = 0; i < here; i++) {
            t[at + i].log_probability = logp[i];
            ANL_GO(take_answer(j, answer + i * longest_answer, longest_answer, &t[at + i]));
        }
    }
done:
    translator_destroy(w);
    for (int64_t i = 0; i < n; i++) anl__free(ctx, ids[i].id);
    anl__free(ctx, ids);
    anl__free(ctx, answer);
    return st;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* Logits of what follows ids[0 .. n): a state that goes on reads the last one only; without one the last T are read again. */
static anl_status score_next(job *j, const anl__ids *ids, int32_t *window, const float **logits)
{
    const job_sequence *s = j->sequence;
    int64_t steps = s->length[s->decode_variant][0], n = ids->n < steps ? ids->n : steps;
    anl__eval_result r;
    for (int64_t i = 0; i < steps; i++) window[i] = i < n ? ids->id[ids->n - n + i] : -1;
    anl__feed_batch b = {.n = 1, .variant = s->decode_variant, .fresh = ids->n == 1, .input = {window, window}};
    ANL_TRY(anl__trainer_eval(j->trainer, &b, false, &r));
    *logits = r.logits + (n - 1) * j->model.seq.vocabulary;
    return ANL_OK;
}

static anl_status generate(job *j, const job_generation *o, const anl__ids *prompt, anl__ids *all, int32_t *window)
{
    const float *logits = NULL;
    for (int64_t i = 0; i < prompt->n; i++) {
        all->id[all->n++] = prompt->id[i];
        ANL_TRY(score_next(j, all, window, &logits));
    }
    for (int64_t k = 0; k < o->length; k++) {
        all->id[all->n++] = sample_token(logits, j->model.seq.vocabulary, o->temperature, o->top_k, sample_number(o->seed, k));
        ANL_TRY(score_next(j, all, window, &logits));
    }
    return ANL_OK;
}

anl_status job_generate(job *j, const job_generation *o, anl__buf *out, int64_t *unknown)
{
    const job_sequence *s = j->sequence;
    const char *text = *o->prompt ? o->prompt : "\n"; /* something must come before the first token */
    anl__ids prompt = {0}, all = {0};
    anl__span span = {text, strlen(text)};
    *unknown = 0;
    anl_status st = anl__tokens_encode(s->tokens[0], span, &prompt, unknown);
    if (st == ANL_OK && !prompt.n) st = anl__fail(j->ctx, ANL_DATA, "the prompt '%.60s' holds no token", o->prompt);
    int32_t *window = anl__calloc(j->ctx, (size_t)s->length[s->decode_variant][0], sizeof *window);
    all.id = anl__calloc(j->ctx, (size_t)(prompt.n + o->length + 1), sizeof *all.id);
    if (st == ANL_OK && (!window || !all.id)) st = ANL_NOMEM;
    if (st == ANL_OK) st = generate(j, o, &prompt, &all, window);
    if (st == ANL_OK) st = anl__tokens_decode(s->tokens[0], all.id + prompt.n, o->length, out);
    anl__free(j->ctx, prompt.id);
    anl__free(j->ctx, all.id);
    anl__free(j->ctx, window);
    return st;
}

/* ---- series and classes ---------------------------------------------------------------------- */

anl_status job_outputs(job *j, job_part part, job_output_fn fn, void *self)
{
    const anl__feed *f = &j->part[part].feed;
    int64_t each = anl__trainer_columns(j->trainer);
    ANL_TRY(f->start(f->self, 0, 0));
    for (;;) {
        anl__feed_batch b = {0};
        anl__eval_result r;
        ANL_TRY(f->next(f->self, &b));
        if (!b.n) return ANL_OK;
        anl_status st = anl__trainer_eval(j->trainer, &b, false, &r);
        for (int64_t i = 0; st == ANL_OK && i < b.n; i++) fn(self, b.id[i], r.logits + i * each);
        f->release(f->self, &b);
        ANL_TRY(st);
    }
}

void job_softmax(const float *y, int n, double *p)
{
    double most = (double)y[anl__argmax(y, n)], sum = 0;
    for (int i = 0; i < n; i++) sum += p[i] = exp((double)y[i] - most);
    for (int i = 0; i < n; i++) p[i] /= sum;
}

anl_status job_forecast(job *j, double *raw)
{
    const anl__series *s = j->sequence->series;
    anl__eval_result r;
    float *nothing = anl__calloc(j->ctx, (size_t)anl__trainer_columns(j->trainer), sizeof *nothing); /* targets: not known */
    if (!nothing) return ANL_NOMEM;
    anl__feed_batch b = {.n = 1, .input = {s->tail_x, nothing}};
    anl_status st = anl__trainer_eval(j->trainer, &b, false, &r);
    if (st == ANL_OK) anl__series_undo(s->fit, r.logits, s->tail_base, raw);
    anl__free(j->ctx, nothing);
    return st;
}

anl_status job_classify(job *j, const char *text, double *probability, int64_t *unknown, int64_t *cut)
{
    const job_sequence *s = j->sequence;
    anl__ids ids = {0};
    anl__span span = {text, strlen(text)};
    int32_t *padded = NULL, length, label = 0;
    int bucket = 0;
    *unknown = 0;
    anl_status st = anl__tokens_encode(s->tokens[0], span, &ids, unknown);
    if (st == ANL_OK && !ids.n) st = anl__fail(j->ctx, ANL_DATA, "there is no token in '%.60s'", text);
    while (bucket < s->buckets.n - 1 && s->length[bucket][0] < ids.n) bucket++;
    int64_t steps = s->length[bucket][0];
    *cut = ids.n > steps ? ids.n - steps : 0;
    ids.n -= *cut;
    length = (int32_t)ids.n;
    if (st == ANL_OK && !(padded = anl__calloc(j->ctx, (size_t)steps, sizeof *padded))) st = ANL_NOMEM;
    for (int64_t i = 0; padded && i < steps; i++) padded[i] = i < ids.n ? ids.id[i] : -1;
    anl__eval_result r = {0};
    anl__feed_batch b = {.n = 1, .variant = bucket, .input = {padded, &length, &label}};
    if (st == ANL_OK) st = anl__trainer_eval(j->trainer, &b, false, &r);
    if (st == ANL_OK) job_softmax(r.logits, j->model.classes, probability);
    anl__free(j->ctx, padded);
    anl__free(j->ctx, ids.id);
    return st;
}
