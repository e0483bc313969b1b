/* See sequence_report.h. */
#include "sequence_report.h"

#include "compressor.h"
#include "datasets/logistic.h"
#include "datasets/similar.h"
#include "series_report.h"
#include "show_scores.h"
#include "runtime/train/loop.h"
#include "runtime/train/text_scores.h"
#include "tools/job/job_answer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BEAM = 4 };

/* ---- text ------------------------------------------------------------------------------------ */

/* What programs make of the whole text, whose first part the model has seen: not the same task, but a known measure. */
static void report_compressors(const job *j, anl__buf *out, cJSON *json)
{
    const anl__text *t = j->sequence->text;
    int64_t letters = 0, bytes;
    char why[96];
    int n = recipe_count(j->recipe, "data.compressors");
    bool foreign = j->foreign && strcmp(recipe_where(j->recipe, "data.compressors"), "command line") != 0;
    for (int p = 0; p < ANL__PARTS; p++) letters += t->part[p].letters;
    cJSON *all = n ? cJSON_AddObjectToObject(json, "compressed") : NULL;
    for (int i = 0; i < n; i++) {
        const char *command = recipe_text_at(j->recipe, "data.compressors", i);
        bool done = !foreign && compressor_run(command, t->path, &bytes, why);
        double bits = 8 * (double)bytes / (double)(letters ? letters : 1);
        if (done) anl__buf_add(out, "%s, the whole text: %.4f bits a character\n", command, bits);
        else anl__buf_add(out, "%s: left out (%s)\n", command, foreign ? "commands of a checkpoint are not run; give data.compressors here" : why);
        scores_number(all, command, done ? bits : NAN);
    }
}

static void report_text(job *j, job_part part, double loss_num, anl__buf *out, cJSON *json)
{
    const anl__text_part *p = &j->sequence->text->part[part];
    double bits = loss_num / log(2) / (double)(p->letters ? p->letters : 1);
    anl__buf_add(out, "%lld characters (%zu bytes), %lld tokens, %lld of them unknown: %.4f bits a character\n", (long long)p->letters, p->bytes, (long long)p->tokens,
            (long long)p->unknown, bits);
    scores_number(json, "bits_per_character", bits);
    scores_number(json, "characters", (double)p->letters);
    report_compressors(j, out, json);
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static void pairs_row(anl__buf *out, cJSON *json, const char *name, const anl__text_scores *s)
{
    double exact = (double)s->exact / (double)s->segments;
    anl__buf_add(out, "%-28s %9.2f %9.2f %9.4f\n", name, anl__text_chrf(s), anl__text_bleu(s), exact);
    cJSON *o = cJSON_AddObjectToObject(json, name);
    scores_number(o, "chrf", anl__text_chrf(s));
    scores_number(o, "bleu", anl__text_bleu(s));
    scores_number(o, "exact", exact);
}

static anl_status score_nearest(job *j, job_part part, anl__text_scores *s)
{
    const anl__pairs *p = j->sequence->pairs;
    int64_t known = p->sources[ANL__PART_TRAIN];
    anl__similar *k = NULL;
    const char **text = anl__calloc(j->ctx, (size_t)known + 1, sizeof *text);
    if (!text) return ANL_NOMEM;
    for (int64_t i = 0; i < known; i++) text[i] = p->source[ANL__PART_TRAIN][i].text;
    anl_status st = anl__similar_create(j->ctx, text, known, &k);
    for (int64_t i = 0; i < p->sources[part] && st == ANL_OK; i++) {
        const anl__pairs_source *q = &p->source[part][i];
        int64_t best = 0; /* also where none has a trigram in common */
        (void)anl__similar_find(k, q->text, false, &best, 1);
        st = anl__text_scores_add(j->ctx, s, p->source[ANL__PART_TRAIN][best].reference[0], q->reference, q->references);
    }
    anl__similar_destroy(k);
    anl__free(j->ctx, text);
    return st;
}

static anl_status report_pairs(job *j, job_part part, anl__buf *out, cJSON *json)
{
    const anl__pairs *p = j->sequence->pairs;
    int64_t n = p->sources[part];
    anl__text_scores s[3] = {{0}, {0}, {0}};
    job_translation *t = anl__calloc(j->ctx, (size_t)n + 1, sizeof *t);
    anl_status st = t ? ANL_OK : ANL_NOMEM;
    for (int way = 0; way < 2 && st == ANL_OK; way++) {
        for (int64_t i = 0; i < n; i++) t[i] = (job_translation){.text = p->source[part][i].text};
        st = job_translate(j, t, n, way ? BEAM : 1);
        for (int64_t i = 0; i < n; i++) {
            const anl__pairs_source *q = &p->source[part][i];
            if (st == ANL_OK) st = anl__text_scores_add(j->ctx, &s[way], t[i].answer, q->reference, q->references);
            anl__free(j->ctx, t[i].answer);
        }
    }
    bool known = p->sources[ANL__PART_TRAIN] > 0;
    if (st == ANL_OK && known) st = score_nearest(j, part, &s[2]);
    if (st == ANL_OK) {
        anl__buf_add(out, "%-28s %9s %9s %9s   over %lld sources\n", "", "chrF", "BLEU", "exact", (long long)n);
        pairs_row(out, json, "greedy", &s[0]);
        pairs_row(out, json, "beam 4", &s[1]);
        if (known) pairs_row(out, json, "nearest training source", &s[2]);
    }
    anl__free(j->ctx, t);
    return st;
}

/* ---- labelled sequences ------------------------------------------------------------------------ */

static anl_status logits_of(const anl__labelled *l, job_part part, const double *weight, const char **what, anl__sparse *x, float **logits)
{
    ANL_TRY(anl__sparse_of(l, l->parts.item[part], l->parts.n[part], x, what));
    *logits = anl__calloc(l->ctx, (size_t)(x->rows * l->classes), sizeof **logits);
    if (!*logits) return ANL_NOMEM;
    anl__logistic_predict(x, l->classes, weight, *logits);
    return ANL_OK;
}

/* Fits on the training part with the penalty that validates best (without validation: the middle one). */
static anl_status fit_logistic(const anl__labelled *l, double **weight, double *lambda, const char **what)
{
    static const double grid[] = {1e-2, 1e-3, 1e-4, 1e-5};
    anl__sparse x = {.ctx = l->ctx}, v = {.ctx = l->ctx};
    double least = INFINITY;
    float *logits = NULL;
    anl_status st;
    ANL_GO(anl__sparse_of(l, l->parts.item[ANL__PART_TRAIN], l->parts.n[ANL__PART_TRAIN], &x, what));
    *weight = anl__calloc(l->ctx, (size_t)((x.columns + 1) * l->classes), sizeof **weight);
    if (!*weight) ANL_GO(ANL_NOMEM);
    *lambda = grid[1];
    for (int i = 0; i < 4 && l->parts.n[ANL__PART_VALID]; i++) {
        ANL_GO(anl__logistic_fit(&x, l->classes, grid[i], *weight));
        ANL_GO(logits_of(l, JOB_VALID, *weight, what, &v, &logits));
        double loss = anl__logistic_loss(&v, l->classes, logits);
        if (loss < least) {
            least = loss;
            *lambda = grid[i];
        }
        anl__free(l->ctx, logits);
        logits = NULL;
        anl__sparse_release(&v);
    }
    ANL_GO(anl__logistic_fit(&x, l->classes, *lambda, *weight));
done:
    anl__free(l->ctx, logits);
    anl__sparse_release(&v);
    anl__sparse_release(&x);
    return st;
}

static void classes_row(anl__buf *out, cJSON *json, const char *name, anl__scores *s)
{
    anl__score_summary m;
    anl__scores_summary(s, &m);
    double pr = anl__scores_class(s, anl__scores_rarest(s)).average_precision;
    anl__buf_add(out, "%-44s %9.4f %9.4f %9.4f\n", name, m.accuracy, m.macro_f1, pr);
    cJSON *o = cJSON_AddObjectToObject(json, name);
    scores_number(o, "accuracy", m.accuracy);
    scores_number(o, "macro_f1", m.macro_f1);
    scores_number(o, "average_precision_of_rarest", pr);
}

/* Two classes: the threshold with the best F1 of the rarer one on the validation part, and what it gives on this one. */
static anl_status report_threshold(job *j, job_part part, anl__scores *here, anl__buf *out, cJSON *json)
{
    anl__scores *v = NULL;
    int c = anl__scores_rarest(here);
    if (j->sequence->labelled->classes != 2 || part != JOB_TEST || !j->part[JOB_VALID].feed.samples) return ANL_OK;
    ANL_TRY(job_scores(j, j->part[JOB_VALID].feed.samples, &v));
    anl_status st = anl__loop_evaluate(j->trainer, &j->part[JOB_VALID].feed, recipe_real(j->recipe, "train.ema") > 0, v);
    if (st == ANL_OK) {
        double threshold = anl__scores_class(v, c).threshold;
        anl__class_score k = anl__scores_class_at(here, c, threshold);
        if (!isnan(threshold)) {
            anl__buf_add(out, "class %s at probability %.4f (best F1 of validation): precision %.4f, recall %.4f, F1 %.4f\n", j->class_names[c], threshold, k.precision, k.recall, k.f1);
            cJSON *o = cJSON_AddObjectToObject(json, "threshold");
            scores_number(o, "class", c);
            scores_number(o, "probability", threshold);
            scores_number(o, "precision", k.precision);
            scores_number(o, "recall", k.recall);
            scores_number(o, "f1", k.f1);
        }
    }
    anl__scores_destroy(v);
    return st;
}

static anl_status report_labelled(job *j, job_part part, anl__scores *here, anl__buf *out, cJSON *json)
{
    const anl__labelled *l = j->sequence->labelled;
    anl__sparse x = {.ctx = j->ctx};
    anl__scores *s = NULL;
    double *weight = NULL, lambda = 0;
    float *logits = NULL;
    const char *what = "";
    char name[96];
    anl_status st;
    ANL_GO(report_threshold(j, part, here, out, json));
    if (!l->parts.n[ANL__PART_TRAIN] || part == JOB_TRAIN) goto done;
    ANL_GO(fit_logistic(l, &weight, &lambda, &what));
    ANL_GO(logits_of(l, part, weight, &what, &x, &logits));
    ANL_GO(job_scores(j, x.rows, &s));
    anl__scores_add(s, logits, x.class, x.rows);
    anl__buf_add(out, "%-44s %9s %9s %9s\n", "", "accuracy", "macro F1", "PR AUC*");
    classes_row(out, json, j->model.seq.cell, here);
    snprintf(name, sizeof name, "logistic regression (%s, %g)", what, lambda);
    classes_row(out, json, name, s);
    anl__buf_add(out, "* of class %s, the rarest here\n", j->class_names[anl__scores_rarest(here)]);
done:
    anl__free(j->ctx, weight);
    anl__free(j->ctx, logits);
    anl__scores_destroy(s);
    anl__sparse_release(&x);
    return st;
}

anl_status sequence_report(job *j, job_part part, anl__scores *scores, anl__buf *out, cJSON *json)
{
    const job_sequence *s = j->sequence;
    anl__score_summary m;
    anl__scores_summary(scores, &m);
    if (s && s->text) report_text(j, part, m.loss_num, out, json);
    if (s && s->series) return series_report(j, part, out, json);
    if (s && s->pairs) return report_pairs(j, part, out, json);
    if (s && s->labelled) return report_labelled(j, part, scores, out, json);
    return ANL_OK;
}
