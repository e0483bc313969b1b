/* Answers of models of sequences; see job_answer.h. */
#include "job_answer.h"

#include "tools/decode/beam.h"
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
    bool pairs = !strcmp(j->model.name, "seq2seq");
    if (j->kind == ANL__SCORE_TOKENS) { /* a variant of its own, which gives logits */
        s->length[v][0] = !strcmp(j->model.name, "charlm") ? 1 : longest(s, 0);
        s->length[v][1] = longest(s, 1);
        s->decode_variant = v;
        j->model.seq.variants = v + 1;
        sizes[n++] = (anl__size){pairs ? JOB_ANSWER_ROWS : 1, v};
        return n;
    }
    for (int b = 0; b < s->buckets.n && n < most; b++) sizes[n++] = (anl__size){1, b};
    return n;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

typedef struct translating {
    job *j;
    int64_t source_steps, target_steps, vocabulary;
    int32_t *source, *length, *given; /* [ROWS, steps], [ROWS], [ROWS, steps] */
} translating;

static anl_status score_prefixes(void *user, const int32_t *prefix, int64_t rows, int length, float *logits)
{
    translating *t = user;
    anl__eval_result r;
    for (int64_t k = 0; k < JOB_ANSWER_ROWS; k++)
        for (int64_t i = 0; i < t->target_steps; i++) t->given[k * t->target_steps + i] = k < rows && i < length ? prefix[k * (t->target_steps + 1) + i] : -1;
    anl__feed_batch b = {.n = JOB_ANSWER_ROWS, .variant = t->j->sequence->decode_variant, .input = {t->source, t->length, t->given, t->given}};
    ANL_TRY(anl__trainer_eval(t->j->trainer, &b, false, &r));
    memcpy(logits, r.logits + (int64_t)(length - 1) * JOB_ANSWER_ROWS * t->vocabulary, sizeof *logits * (size_t)(rows * t->vocabulary));
    return ANL_OK;
}

/* Rows first .. first + beam - 1 read this text. */
static anl_status put_source(translating *t, job_translation *in, int64_t first, int beam)
{
    anl_ctx *ctx = t->j->ctx;
    anl__ids ids = {0};
    anl__span span = {in->text, strlen(in->text)};
    in->unknown = 0;
    anl_status st = anl__tokens_encode(t->j->sequence->tokens[0], span, &ids, &in->unknown);
    if (st == ANL_OK && !ids.n) st = anl__fail(ctx, ANL_DATA, "there is nothing to translate in '%.60s'", in->text);
    if (st == ANL_OK && ids.n > t->source_steps)
        st = anl__fail(ctx, ANL_DATA, "'%.60s' has %lld tokens; the model reads at most %lld", in->text, (long long)ids.n, (long long)t->source_steps);
    for (int64_t k = first; k < first + beam && st == ANL_OK; k++) {
        t->length[k] = (int32_t)ids.n;
        for (int64_t i = 0; i < t->source_steps; i++) t->source[k * t->source_steps + i] = i < ids.n ? ids.id[i] : -1;
    }
    anl__free(ctx, ids.id);
    return st;
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
    const job_sequence *s = j->sequence;
    translating w = {.j = j, .source_steps = s->length[s->decode_variant][0], .target_steps = s->length[s->decode_variant][1], .vocabulary = j->model.seq.target_vocabulary};
    beam_opts o = {.beam = beam, .longest = (int)w.target_steps, .begin = anl__tokens_bos(s->tokens[1]), .end = anl__tokens_eos(s->tokens[1]), .vocabulary = w.vocabulary, .length_power = 1};
    int64_t per = JOB_ANSWER_ROWS / beam;
    double logp[JOB_ANSWER_ROWS];
    anl_status st = ANL_OK;
    if (beam < 1 || beam > JOB_ANSWER_ROWS) return anl__fail(ctx, ANL_INVALID, "a beam of %d: 1 to %d", beam, JOB_ANSWER_ROWS);
    int32_t *answer = anl__calloc(ctx, (size_t)(per * w.target_steps), sizeof *answer);
    w.source = anl__calloc(ctx, (size_t)(JOB_ANSWER_ROWS * w.source_steps), sizeof *w.source);
    w.length = anl__calloc(ctx, JOB_ANSWER_ROWS, sizeof *w.length);
    w.given = anl__calloc(ctx, (size_t)(JOB_ANSWER_ROWS * w.target_steps), sizeof *w.given);
    if (!answer || !w.source || !w.length || !w.given) st = ANL_NOMEM;
    for (int64_t at = 0; at < n && st == ANL_OK; at += per) {
        int64_t here = n - at < per ? n - at : per;
        for (int64_t i = 0; i < here && st == ANL_OK; i++) st = put_source(&w, &t[at + i], i * beam, beam);
        if (st == ANL_OK) st = beam_search(ctx, &o, here, score_prefixes, &w, answer, logp);
        for (int64_t i = 0; i < here && st == ANL_OK; i++) {
            t[at + i].log_probability = logp[i];
            st = take_answer(j, answer + i * w.target_steps, w.target_steps, &t[at + i]);
        }
    }
    anl__free(ctx, answer);
    anl__free(ctx, w.source);
    anl__free(ctx, w.length);
    anl__free(ctx, w.given);
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

anl_status job_classify(job *j, const char *text, double *probability, int64_t *unknown)
{
    const job_sequence *s = j->sequence;
    anl__ids ids = {0};
    anl__span span = {text, strlen(text)};
    int32_t *padded = NULL, length, label = 0;
    int bucket = 0, classes = j->model.classes;
    *unknown = 0;
    anl_status st = anl__tokens_encode(s->tokens[0], span, &ids, unknown);
    if (st == ANL_OK && !ids.n) st = anl__fail(j->ctx, ANL_DATA, "there is no token in '%.60s'", text);
    while (bucket < s->buckets.n - 1 && s->length[bucket][0] < ids.n) bucket++;
    int64_t steps = s->length[bucket][0];
    if (ids.n > steps) ids.n = steps; /* as training cuts what is longer */
    length = (int32_t)ids.n;
    if (st == ANL_OK && !(padded = anl__calloc(j->ctx, (size_t)steps, sizeof *padded))) st = ANL_NOMEM;
    for (int64_t i = 0; padded && i < steps; i++) padded[i] = i < ids.n ? ids.id[i] : -1;
    anl__eval_result r = {0};
    anl__feed_batch b = {.n = 1, .variant = bucket, .input = {padded, &length, &label}};
    if (st == ANL_OK) st = anl__trainer_eval(j->trainer, &b, false, &r);
    double sum = 0;
    for (int c = 0; st == ANL_OK && c < classes; c++) sum += probability[c] = exp((double)r.logits[c] - (double)r.logits[anl__argmax(r.logits, classes)]);
    for (int c = 0; st == ANL_OK && c < classes; c++) probability[c] /= sum;
    anl__free(j->ctx, padded);
    anl__free(j->ctx, ids.id);
    return st;
}
