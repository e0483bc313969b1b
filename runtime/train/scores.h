/* Scores of predictions over a whole part of the data: sums only, in double, in the data's order; never means of means.
 * Classes: accuracy, top-k, confusion matrix, precision, recall, F1, ROC AUC, average precision, the best threshold. Values: RMSE, MAE, R^2. Tokens (a class at every
 * place of a sequence): accuracy, bits a token, perplexity, all from the model's own sums.
 */
#ifndef ANL_SCORES_H
#define ANL_SCORES_H

#include "heads.h"

typedef enum anl__score_kind { ANL__SCORE_CLASSES, ANL__SCORE_VALUES, ANL__SCORE_TOKENS } anl__score_kind;
typedef struct anl__scores anl__scores;
/* outputs: columns of a prediction (0 for tokens). Classes: labels are i32. Values: targets [n, outputs], f32 (or i32, see below).
   samples: room for so many in the AUC (0: no AUC). */
anl_status anl__scores_create(anl_ctx *ctx, int outputs, anl__score_kind kind, int topk, int64_t samples, anl__scores **out) ANL_MUST;
void anl__scores_whole_targets(anl__scores *s); /* regression: targets are i32 */
void anl__scores_destroy(anl__scores *s);
void anl__scores_reset(anl__scores *s);
/* Rows of logits (or predictions) with their labels; labels below 0 are ignored. Allocates nothing. */
void anl__scores_add(anl__scores *s, const float *y, const void *label, int64_t n);
void anl__scores_add_loss(anl__scores *s, double num, double den);
/* n sequences with so many tokens, of which so many were predicted. */
void anl__scores_add_tokens(anl__scores *s, double correct, double tokens, int64_t n);

/* Losses of further heads, counted with the same samples. */
anl__heads *anl__scores_heads(anl__scores *s);

typedef struct anl__class_score {
    int64_t support, predicted, hit;
    double precision, recall, f1; /* 0 where a denominator is 0 */
    double auc;                   /* of the ROC curve, one class against the others; NaN: not kept, or a side is empty */
    double average_precision;     /* area under the precision-recall curve in steps: sum of precision * growth of recall; NaN likewise */
    double best_f1, threshold;    /* the largest F1 of "probability at least threshold", one class against the others; NaN likewise */
} anl__class_score;
typedef struct anl__score_summary {
    int64_t samples;
    double loss, loss_num; /* a sample (or token), and summed */
    double accuracy, topk;
    double macro_precision, macro_recall, macro_f1, micro_f1, macro_auc; /* classes without a sample are left out */
    double rmse, mae, r2;
    double bits, perplexity; /* tokens: of the mean negative log likelihood */
} anl__score_summary;
void anl__scores_summary(anl__scores *s, anl__score_summary *out);
anl__score_kind anl__scores_kind(const anl__scores *s);
int anl__scores_classes(const anl__scores *s); /* 0 for values and tokens */
/* k of the top-k accuracy where it says more than the accuracy: from 2 to one less than the classes; else 0. */
int anl__scores_topk(const anl__scores *s);
anl__class_score anl__scores_class(anl__scores *s, int c);
/* Precision, recall and F1 of class c when it is "probability at least threshold" (samples must be kept); the rest as above. */
anl__class_score anl__scores_class_at(anl__scores *s, int c, double threshold);
/* The class with the fewest samples, the first of equals; classes without a sample do not count. */
int anl__scores_rarest(const anl__scores *s);
int64_t anl__scores_confusion(const anl__scores *s, int truth, int predicted);
/* The index of the largest value (the first of equals; NaN is never larger). */
int anl__argmax(const float *y, int n);

#endif
