/* See sequence_report.h. */
#include "sequence_report.h"

#include "datasets/baseline.h"
#include "datasets/logistic.h"
#include "nearest.h"
#include "runtime/train/loop.h"
#include "runtime/train/text_scores.h"
#include "tools/job/job_answer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BEAM = 4 };

/* ---- text ------------------------------------------------------------------------------------ */

static void report_text(job *j, job_part part, double loss_num, anl__buf *out, anl__buf *json)
{
    const anl__text_part *p = &j->sequence->text->part[part];
    double bits = loss_num / log(2) / (double)(p->letters ? p->letters : 1);
    anl__buf_add(out, "%lld characters (%zu bytes), %lld tokens, %lld of them unknown: %.4f bits a character\n", (long long)p->letters, p->bytes, (long long)p->tokens,
            (long long)p->unknown, bits);
    anl__buf_add(json, ", \"bits_per_character\": %.6g, \"characters\": %lld", bits, (long long)p->letters);
}

/* ---- series ---------------------------------------------------------------------------------- */

/* Raw predictions of all items of the part, in the list's order. */
static anl_status predict_all(job *j, job_part part, double *raw)
{
    const anl__series *s = j->sequence->series;
    const anl__feed *f = &j->part[part].feed;
    int64_t each = anl__trainer_columns(j->trainer), first = s->item[part][0];
    int base = anl__ragged_find(s->set, "base");
    ANL_TRY(f->start(f->self, 0, 0));
    for (;;) {
        anl__feed_batch b = {0};
        anl__eval_result r;
        ANL_TRY(f->next(f->self, &b));
        if (!b.n) return ANL_OK;
        anl_status st = anl__trainer_eval(j->trainer, &b, false, &r);
        for (int64_t i = 0; st == ANL_OK && i < b.n; i++) { /* a part is a run of items */
            const float *from = base < 0 ? NULL : anl__ragged_get(&s->set->field[base], b.id[i]);
            anl__series_undo(s->fit, r.logits + i * each, from, raw + (b.id[i] - first) * each);
        }
        f->release(f->self, &b);
        ANL_TRY(st);
    }
}

static void series_row(anl__buf *out, anl__buf *json, const char *name, anl__errors e, double scale)
{
    anl__buf_add(out, "%-28s %12.5g %12.5g %9.3f %9.4f %9.3f\n", name, e.rmse, e.mae, e.mape, e.mase, scale > 0 ? e.rmse / scale : NAN);
    anl__buf_add(json, ", \"%s\": {\"rmse\": %.6g, \"mae\": %.6g, \"mape\": %.6g, \"mase\": %.6g}", name, e.rmse, e.mae, isfinite(e.mape) ? e.mape : 0, isfinite(e.mase) ? e.mase : 0);
}

static anl_status report_series(job *j, job_part part, anl__buf *out, anl__buf *json)
{
    const anl__series *s = j->sequence->series;
    int64_t n = s->items[part], each = anl__trainer_columns(j->trainer), season = recipe_int(j->recipe, "data.difference");
    const int64_t *item = s->item[part];
    if (!season && recipe_count(j->recipe, "data.periods")) season = recipe_int_at(j->recipe, "data.periods", recipe_count(j->recipe, "data.periods") - 1);
    if (!season) season = 1;
    double *raw = anl__calloc(j->ctx, (size_t)(n * each), sizeof *raw);
    if (!raw) return ANL_NOMEM;
    char name[64];
    anl_status st = predict_all(j, part, raw);
    anl__errors model = {0}, naive;
    if (st == ANL_OK) model = anl__series_errors(s, item, n, raw, -1, season);
    anl__baseline_seasonal(s, item, n, season, raw);
    naive = anl__series_errors(s, item, n, raw, -1, season);
    if (st == ANL_OK) {
        anl__buf_add(out, "%-28s %12s %12s %9s %9s %9s\n", "", "RMSE", "MAE", "MAPE %", "MASE", "RMSE/naive");
        series_row(out, json, j->model.seq.cell, model, naive.rmse);
        snprintf(name, sizeof name, "seasonal naive, lag %lld", (long long)season);
        series_row(out, json, name, naive, naive.rmse);
        anl__baseline_seasonal(s, item, n, 1, raw);
        series_row(out, json, "last value", anl__series_errors(s, item, n, raw, -1, season), naive.rmse);
        if (s->items[ANL__PART_TRAIN] > 0 && part != JOB_TRAIN) {
            st = anl__baseline_ridge(s, s->item[ANL__PART_TRAIN], s->items[ANL__PART_TRAIN], 1e-3, item, n, raw);
            anl__errors ridge = anl__series_errors(s, item, n, raw, -1, season);
            if (st == ANL_OK) series_row(out, json, "ridge regression", ridge, naive.rmse);
            if (st == ANL_OK && ridge.rmse < model.rmse) anl__buf_add(out, "Ridge regression on the same window is better here.\n");
        }
    }
    anl__free(j->ctx, raw);
    return st;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static void pairs_row(anl__buf *out, anl__buf *json, const char *name, const anl__text_scores *s)
{
    double exact = (double)s->exact / (double)s->segments;
    anl__buf_add(out, "%-28s %9.2f %9.2f %9.4f\n", name, anl__text_chrf(s), anl__text_bleu(s), exact);
    anl__buf_add(json, ", \"%s\": {\"chrf\": %.6g, \"bleu\": %.6g, \"exact\": %.6g}", name, anl__text_chrf(s), anl__text_bleu(s), exact);
}

static anl_status score_nearest(job *j, job_part part, anl__text_scores *s)
{
    const anl__pairs *p = j->sequence->pairs;
    int64_t known = p->sources[ANL__PART_TRAIN];
    nearest *k = NULL;
    const char **text = anl__calloc(j->ctx, (size_t)known + 1, sizeof *text);
    if (!text) return ANL_NOMEM;
    for (int64_t i = 0; i < known; i++) text[i] = p->source[ANL__PART_TRAIN][i].text;
    anl_status st = nearest_create(j->ctx, text, known, &k);
    for (int64_t i = 0; i < p->sources[part] && st == ANL_OK; i++) {
        const anl__pairs_source *q = &p->source[part][i];
        st = anl__text_scores_add(j->ctx, s, p->source[ANL__PART_TRAIN][nearest_find(k, q->text)].reference[0], q->reference, q->references);
    }
    nearest_destroy(k);
    anl__free(j->ctx, text);
    return st;
}

static anl_status report_pairs(job *j, job_part part, anl__buf *out, anl__buf *json)
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
    if (st == ANL_OK) st = score_nearest(j, part, &s[2]);
    if (st == ANL_OK) {
        anl__buf_add(out, "%-28s %9s %9s %9s   over %lld sources\n", "", "chrF", "BLEU", "exact", (long long)n);
        pairs_row(out, json, "greedy", &s[0]);
        pairs_row(out, json, "beam 4", &s[1]);
        pairs_row(out, json, "nearest training source", &s[2]);
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

static void classes_row(anl__buf *out, anl__buf *json, const char *name, anl__scores *s)
{
    anl__score_summary m;
    anl__scores_summary(s, &m);
    double pr = anl__scores_class(s, anl__scores_rarest(s)).average_precision;
    anl__buf_add(out, "%-44s %9.4f %9.4f %9.4f\n", name, m.accuracy, m.macro_f1, pr);
    anl__buf_add(json, ", \"%s\": {\"accuracy\": %.6g, \"macro_f1\": %.6g, \"average_precision_of_rarest\": %.6g}", name, m.accuracy, m.macro_f1, isnan(pr) ? 0 : pr);
}

/* Two classes: the threshold with the best F1 of the rarer one on the validation part, and what it gives on this one. */
static anl_status report_threshold(job *j, job_part part, anl__scores *here, anl__buf *out, anl__buf *json)
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
            anl__buf_add(json, ", \"threshold\": {\"class\": %d, \"probability\": %.6g, \"precision\": %.6g, \"recall\": %.6g, \"f1\": %.6g}", c, threshold, k.precision, k.recall, k.f1);
        }
    }
    anl__scores_destroy(v);
    return st;
}

static anl_status report_labelled(job *j, job_part part, anl__scores *here, anl__buf *out, anl__buf *json)
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

anl_status sequence_report(job *j, job_part part, anl__scores *scores, anl__buf *out, anl__buf *json)
{
    const job_sequence *s = j->sequence;
    anl__score_summary m;
    anl__scores_summary(scores, &m);
    if (s && s->text) report_text(j, part, m.loss_num, out, json);
    if (s && s->series) return report_series(j, part, out, json);
    if (s && s->pairs) return report_pairs(j, part, out, json);
    if (s && s->labelled) return report_labelled(j, part, scores, out, json);
    return ANL_OK;
}
