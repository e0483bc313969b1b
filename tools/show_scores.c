/* See show_scores.h. */
#include "show_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_MATRIX = 20 };

static const char *class_name(const char *const *names, int c, char out[16])
{
    if (names && names[c]) return names[c];
    snprintf(out, 16, "%d", c);
    return out;
}

static void print_matrix(FILE *out, const anl__scores *s, int classes)
{
    fprintf(out, "\nconfusion matrix (rows: truth, columns: prediction)\n     ");
    for (int c = 0; c < classes; c++) fprintf(out, " %6d", c);
    fputc('\n', out);
    for (int t = 0; t < classes; t++) {
        fprintf(out, "%4d ", t);
        for (int c = 0; c < classes; c++) fprintf(out, " %6lld", (long long)anl__scores_confusion(s, t, c));
        fputc('\n', out);
    }
}

/* A line for each head beside the first. */
static void print_heads(FILE *out, anl__scores *s)
{
    const anl__heads *all = anl__scores_heads(s);
    for (int i = 0; i < all->n; i++) {
        const anl__head *h = &all->head[i];
        fprintf(out, "head %s: loss %.5g", h->name, anl__head_loss(h));
        if (h->at[2] >= 0) fprintf(out, "  accuracy %.4f", anl__head_accuracy(h));
        fputc('\n', out);
    }
}

static void print_own(FILE *out, anl__scores *s, const char *const *names)
{
    anl__score_summary m;
    char text[16], name[4 * 16 + 1];
    anl__scores_summary(s, &m);
    int classes = anl__scores_classes(s);
    if (anl__scores_kind(s) == ANL__SCORE_TOKENS) {
        fprintf(out, "sequences %lld  loss %.5f  bits a token %.4f  perplexity %.4g  accuracy %.4f\n", (long long)m.samples, m.loss, m.bits, m.perplexity, m.accuracy);
        return;
    }
    if (!classes) {
        fprintf(out, "samples %lld  loss %.5g  RMSE %.5g  MAE %.5g  R2 %.5g\n", (long long)m.samples, m.loss, m.rmse, m.mae, m.r2);
        return;
    }
    fprintf(out, "%5s %-16s %9s %9s %9s %9s %9s %9s\n", "class", "name", "precision", "recall", "F1", "ROC AUC", "PR AUC", "samples");
    for (int c = 0; c < classes; c++) {
        anl__class_score k = anl__scores_class(s, c);
        fprintf(out, "%5d %s %9.4f %9.4f %9.4f ", c, anl__text_fit(class_name(names, c, text), 16, name), k.precision, k.recall, k.f1);
        if (isnan(k.auc)) fprintf(out, "%9s %9s %9lld\n", "-", "-", (long long)k.support);
        else fprintf(out, "%9.4f %9.4f %9lld\n", k.auc, k.average_precision, (long long)k.support);
    }
    fprintf(out, "%5s %-16s %9.4f %9.4f %9.4f ", "", "macro average", m.macro_precision, m.macro_recall, m.macro_f1);
    if (isnan(m.macro_auc)) fprintf(out, "%9s", "-");
    else fprintf(out, "%9.4f", m.macro_auc);
    fprintf(out, " %9s %9lld\n", "", (long long)m.samples);
    if (classes <= MOST_MATRIX) print_matrix(out, s, classes);
    fprintf(out, "\nloss %.5f  accuracy %.4f", m.loss, m.accuracy);
    if (anl__scores_topk(s)) fprintf(out, "  top-%d accuracy %.4f", anl__scores_topk(s), m.topk);
    fprintf(out, "  micro F1 %.4f\n", m.micro_f1);
}

void scores_print(FILE *out, anl__scores *s, const char *const *names)
{
    print_own(out, s, names);
    print_heads(out, s);
}

void scores_number(cJSON *o, const char *name, double v)
{
    if (isfinite(v)) cJSON_AddNumberToObject(o, name, v);
    else cJSON_AddNullToObject(o, name);
}

static void add_classes(cJSON *o, anl__scores *s, const char *const *names, int classes)
{
    cJSON *list = cJSON_AddArrayToObject(o, "classes"), *matrix = cJSON_AddArrayToObject(o, "confusion");
    char text[16];
    for (int c = 0; c < classes; c++) {
        anl__class_score k = anl__scores_class(s, c);
        cJSON *one = cJSON_CreateObject(), *row = cJSON_CreateArray();
        cJSON_AddStringToObject(one, "name", class_name(names, c, text));
        scores_number(one, "precision", k.precision);
        scores_number(one, "recall", k.recall);
        scores_number(one, "f1", k.f1);
        scores_number(one, "auc", k.auc);
        scores_number(one, "average_precision", k.average_precision);
        scores_number(one, "best_f1", k.best_f1);
        scores_number(one, "threshold", k.threshold);
        scores_number(one, "samples", (double)k.support);
        for (int p = 0; p < classes; p++) cJSON_AddItemToArray(row, cJSON_CreateNumber((double)anl__scores_confusion(s, c, p)));
        cJSON_AddItemToArray(list, one);
        cJSON_AddItemToArray(matrix, row);
    }
}

static void add_heads(cJSON *o, anl__scores *s)
{
    const anl__heads *all = anl__scores_heads(s);
    cJSON *list = all->n ? cJSON_AddObjectToObject(o, "heads") : NULL;
    for (int i = 0; i < all->n; i++) {
        cJSON *one = cJSON_AddObjectToObject(list, all->head[i].name);
        scores_number(one, "loss", anl__head_loss(&all->head[i]));
        if (all->head[i].at[2] >= 0) scores_number(one, "accuracy", anl__head_accuracy(&all->head[i]));
    }
}

void scores_json(anl__scores *s, const char *const *names, cJSON *o)
{
    anl__score_summary m;
    anl__scores_summary(s, &m);
    int classes = anl__scores_classes(s);
    scores_number(o, "samples", (double)m.samples);
    scores_number(o, "loss", m.loss);
    if (classes) {
        scores_number(o, "accuracy", m.accuracy);
        if (anl__scores_topk(s)) scores_number(o, "topk", m.topk);
        scores_number(o, "macro_precision", m.macro_precision);
        scores_number(o, "macro_recall", m.macro_recall);
        scores_number(o, "macro_f1", m.macro_f1);
        scores_number(o, "micro_f1", m.micro_f1);
        scores_number(o, "macro_auc", m.macro_auc);
        add_classes(o, s, names, classes);
    } else if (anl__scores_kind(s) == ANL__SCORE_TOKENS) {
        scores_number(o, "accuracy", m.accuracy);
        scores_number(o, "bits", m.bits);
        scores_number(o, "perplexity", m.perplexity);
    } else {
        scores_number(o, "rmse", m.rmse);
        scores_number(o, "mae", m.mae);
        scores_number(o, "r2", m.r2);
    }
    add_heads(o, s);
}

anl_status scores_write(const cJSON *o, anl__buf *out)
{
    char *text = cJSON_PrintUnformatted(o);
    if (!text) return anl__fail(out->ctx, ANL_NOMEM, "no memory for the scores as JSON");
    anl__buf_add(out, "%s", text);
    cJSON_free(text);
    return out->status;
}
