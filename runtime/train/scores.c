/* Scores; see scores.h. */
#include "scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct ranked { float score; int32_t truth; } ranked;
typedef struct curve { double auc, average_precision, best_f1, threshold; } curve; /* NaN: not defined */

struct anl__scores {
    anl_ctx *ctx;
    int outputs, topk;
    anl__score_kind kind;
    bool whole;
    int64_t n, correct, in_topk, room, kept;
    int64_t *confusion;  /* [truth][predicted] */
    float *score;        /* [sample][class], for the AUC */
    int32_t *truth;
    ranked *sorted;
    curve *curve;        /* a class */
    bool curves_known;
    double loss_num, loss_den;
    double err2, err1, sum, sum2; /* values: of errors, of targets */
    int64_t values;
    double token_hits, tokens;
    anl__heads heads;
};

anl_status anl__scores_create(anl_ctx *ctx, int outputs, anl__score_kind kind, int topk, int64_t samples, anl__scores **out)
{
    bool classes = kind == ANL__SCORE_CLASSES;
    if (outputs < (kind != ANL__SCORE_TOKENS)) return anl__fail(ctx, ANL_INVALID, "scores of %d outputs", outputs);
    anl__scores *s = anl__alloc(ctx, sizeof *s);
    if (!s) return ANL_NOMEM;
    *s = (anl__scores){.ctx = ctx, .outputs = outputs, .kind = kind, .topk = topk < outputs ? topk : outputs, .room = classes ? samples : 0};
    size_t k = (size_t)outputs, room = (size_t)s->room;
    bool ok = !classes || (s->confusion = anl__calloc(ctx, k * k, sizeof *s->confusion));
    ok = ok && (s->curve = anl__calloc(ctx, k + 1, sizeof *s->curve));
    if (room) {
        ok = ok && (s->score = anl__calloc(ctx, room * k, sizeof *s->score)) && (s->truth = anl__calloc(ctx, room, sizeof *s->truth));
        ok = ok && (s->sorted = anl__calloc(ctx, room, sizeof *s->sorted));
    }
    if (!ok) {
        anl__scores_destroy(s);
        return ANL_NOMEM;
    }
    anl__scores_reset(s);
    *out = s;
    return ANL_OK;
}

void anl__scores_whole_targets(anl__scores *s) { s->whole = true; }

void anl__scores_destroy(anl__scores *s)
{
    if (!s) return;
    anl__free(s->ctx, s->confusion);
    anl__free(s->ctx, s->score);
    anl__free(s->ctx, s->truth);
    anl__free(s->ctx, s->sorted);
    anl__free(s->ctx, s->curve);
    anl__free(s->ctx, s);
}

void anl__scores_reset(anl__scores *s)
{
    s->n = s->correct = s->in_topk = s->kept = s->values = 0;
    s->token_hits = s->tokens = s->loss_num = s->loss_den = s->err2 = s->err1 = s->sum = s->sum2 = 0;
    s->heads.n = 0;
    s->curves_known = false;
    if (s->confusion) memset(s->confusion, 0, sizeof *s->confusion * (size_t)s->outputs * (size_t)s->outputs);
}

int anl__argmax(const float *y, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (y[i] > y[best] || isnan(y[best])) best = i;
    return best;
}

static void add_class(anl__scores *s, const float *y, int truth)
{
    int k = s->outputs, predicted = anl__argmax(y, k), above = 0;
    for (int j = 0; j < k; j++) above += y[j] > y[truth] || (y[j] == y[truth] && j < truth);
    s->n++;
    s->correct += predicted == truth;
    s->in_topk += above < s->topk && !isnan(y[truth]);
    s->confusion[(int64_t)truth * k + predicted]++;
    if (s->kept >= s->room) return;
    /* A one-against-rest score that compares between samples: the softmax probability. */
    double most = (double)y[predicted], total = 0;
    for (int j = 0; j < k; j++) total += exp((double)y[j] - most);
    for (int j = 0; j < k; j++) {
        float p = (float)(exp((double)y[j] - most) / total);
        s->score[s->kept * k + j] = isnan(p) ? -1 : p; /* ranks below everything; NaN cannot be sorted */
    }
    s->truth[s->kept++] = truth;
}

static void add_values(anl__scores *s, const float *y, const void *target, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double t = s->whole ? (double)((const int32_t *)target)[i] : (double)((const float *)target)[i], e = (double)y[i] - t;
        s->err2 += e * e;
        s->err1 += fabs(e);
        s->sum += t;
        s->sum2 += t * t;
    }
    s->values += n;
}

void anl__scores_add(anl__scores *s, const float *y, const void *label, int64_t n)
{
    s->curves_known = false;
    if (s->kind == ANL__SCORE_VALUES) {
        add_values(s, y, label, n * s->outputs);
        s->n += n;
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        int truth = ((const int32_t *)label)[i];
        if (truth >= 0 && truth < s->outputs) add_class(s, y + i * s->outputs, truth);
    }
}

void anl__scores_add_loss(anl__scores *s, double num, double den)
{
    s->loss_num += num;
    s->loss_den += den;
}

anl__heads *anl__scores_heads(anl__scores *s) { return &s->heads; }

void anl__scores_add_tokens(anl__scores *s, double correct, double tokens, int64_t n)
{
    s->token_hits += correct;
    s->tokens += tokens;
    s->n += n;
}

static int by_score(const void *a, const void *b)
{
    float x = ((const ranked *)a)->score, y = ((const ranked *)b)->score;
    return x < y ? -1 : x > y;
}

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

/* Over thresholds from low to high. The area under the ROC curve by ranks (Mann and Whitney); ties count half. Precision and
   recall of "score at least this", for each score that occurs. */
static curve curve_of(anl__scores *s, int c)
{
    int64_t n = s->kept, all = 0, below = 0;
    double rank_sum = 0, last_recall = 0;
    curve r = {NAN, NAN, NAN, NAN};
    for (int64_t i = 0; i < n; i++) {
        s->sorted[i] = (ranked){s->score[i * s->outputs + c], s->truth[i] == c};
        all += s->sorted[i].truth;
    }
    if (!all || all == n) return r;
    qsort(s->sorted, (size_t)n, sizeof *s->sorted, by_score);
    r = (curve){0, 0, 0, 0};
    for (int64_t i = 0; i < n;) {
        int64_t j = i, here = 0;
        while (j < n && s->sorted[j].score == s->sorted[i].score) here += s->sorted[j++].truth;
        double hit = (double)(all - below), precision = hit / (double)(n - i), recall = hit / (double)all, f1 = ratio(2 * precision * recall, precision + recall);
        if (f1 > r.best_f1) {
            r.best_f1 = f1;
            r.threshold = (double)s->sorted[i].score;
        }
        last_recall = (double)(all - below - here) / (double)all;
        r.average_precision += precision * (recall - last_recall);
        rank_sum += (double)here * 0.5 * (double)(i + 1 + j);
        below += here;
        i = j;
    }
    r.auc = (rank_sum - 0.5 * (double)all * (double)(all + 1)) / ((double)all * (double)(n - all));
    return r;
}


anl__score_kind anl__scores_kind(const anl__scores *s) { return s->kind; }
int anl__scores_classes(const anl__scores *s) { return s->kind == ANL__SCORE_CLASSES ? s->outputs : 0; }
int anl__scores_topk(const anl__scores *s) { return s->kind == ANL__SCORE_CLASSES && s->topk > 1 && s->topk < s->outputs ? s->topk : 0; }
int64_t anl__scores_confusion(const anl__scores *s, int truth, int predicted) { return s->confusion[(int64_t)truth * s->outputs + predicted]; }

anl__class_score anl__scores_class(anl__scores *s, int c)
{
    anl__class_score r = {.hit = anl__scores_confusion(s, c, c), .auc = NAN, .average_precision = NAN, .best_f1 = NAN, .threshold = NAN};
    for (int j = 0; j < s->outputs; j++) {
        r.support += anl__scores_confusion(s, c, j);
        r.predicted += anl__scores_confusion(s, j, c);
    }
    r.precision = ratio((double)r.hit, (double)r.predicted);
    r.recall = ratio((double)r.hit, (double)r.support);
    r.f1 = ratio(2 * r.precision * r.recall, r.precision + r.recall);
    if (s->room && !s->curves_known) {
        for (int k = 0; k < s->outputs; k++) s->curve[k] = curve_of(s, k);
        s->curves_known = true;
    }
    if (!s->room) return r;
    r.auc = s->curve[c].auc;
    r.average_precision = s->curve[c].average_precision;
    r.best_f1 = s->curve[c].best_f1;
    r.threshold = s->curve[c].threshold;
    return r;
}

anl__class_score anl__scores_class_at(anl__scores *s, int c, double threshold)
{
    anl__class_score r = anl__scores_class(s, c);
    r.predicted = r.hit = r.support = 0;
    for (int64_t i = 0; i < s->kept; i++) {
        bool says = s->score[i * s->outputs + c] >= threshold, is = s->truth[i] == c;
        r.predicted += says;
        r.support += is;
        r.hit += says && is;
    }
    r.precision = ratio((double)r.hit, (double)r.predicted);
    r.recall = ratio((double)r.hit, (double)r.support);
    r.f1 = ratio(2 * r.precision * r.recall, r.precision + r.recall);
    return r;
}

int anl__scores_rarest(const anl__scores *s)
{
    int rarest = 0;
    int64_t least = INT64_MAX;
    for (int c = 0; c < s->outputs; c++) {
        int64_t n = 0;
        for (int k = 0; k < s->outputs; k++) n += anl__scores_confusion(s, c, k);
        if (n && n < least) {
            least = n;
            rarest = c;
        }
    }
    return rarest;
}

static void summarize_classes(anl__scores *s, anl__score_summary *out)
{
    int with_samples = 0, with_auc = 0;
    double auc = 0;
    for (int c = 0; c < s->outputs; c++) {
        anl__class_score k = anl__scores_class(s, c);
        if (!k.support) continue;
        with_samples++;
        out->macro_precision += k.precision;
        out->macro_recall += k.recall;
        out->macro_f1 += k.f1;
        if (!isnan(k.auc)) {
            auc += k.auc;
            with_auc++;
        }
    }
    out->accuracy = ratio((double)s->correct, (double)s->n);
    out->topk = ratio((double)s->in_topk, (double)s->n);
    out->macro_precision = ratio(out->macro_precision, with_samples);
    out->macro_recall = ratio(out->macro_recall, with_samples);
    out->macro_f1 = ratio(out->macro_f1, with_samples);
    out->micro_f1 = out->accuracy; /* one label a sample: the same number */
    out->macro_auc = with_auc ? auc / with_auc : NAN;
}

void anl__scores_summary(anl__scores *s, anl__score_summary *out)
{
    *out = (anl__score_summary){.samples = s->n, .loss = s->loss_den > 0 ? s->loss_num / s->loss_den : NAN, .loss_num = s->loss_num, .macro_auc = NAN};
    if (s->kind == ANL__SCORE_CLASSES) summarize_classes(s, out);
    if (s->kind == ANL__SCORE_TOKENS) {
        out->accuracy = ratio(s->token_hits, s->tokens);
        out->bits = out->loss / log(2);
        out->perplexity = exp(out->loss);
    }
    if (!s->values) return;
    double n = (double)s->values, spread = s->sum2 - s->sum * s->sum / n;
    out->rmse = sqrt(s->err2 / n);
    out->mae = s->err1 / n;
    out->r2 = spread > 0 ? 1 - s->err2 / spread : NAN;
}
