/* Multinomial logistic regression with an L2 penalty over sparse rows: the honest neighbour of a classifier of sequences.
 *
 * Minimises the mean of -log p(class) + lambda/2 |W|^2 (the constant is not shrunk) by Nesterov's accelerated gradient over all rows
 * (Nesterov, 1983), restarted where it turns (O'Donoghue and Candes, 2015). Rows should be of length 1 or so. The result is a
 * function of its inputs alone. */
#ifndef ANL_LOGISTIC_H
#define ANL_LOGISTIC_H

#include "datasets/labelled.h"

typedef struct anl__sparse { /* rows of (column, value) */
    anl_ctx *ctx;
    int64_t rows, columns, cap;
    int64_t *begin; /* [rows + 1] */
    int32_t *column;
    float *value;
    int32_t *class; /* [rows] */
} anl__sparse;

void anl__sparse_release(anl__sparse *x);
/* What a linear model can see of the items, each row of length 1. Texts of one length: the token of each place. Other texts: the
   bag of words, log(1 + count) times log(rows of the training part / rows with the word). Windows: all values, in the longest's
   length. *what says which. */
anl_status anl__sparse_of(const anl__labelled *l, const int64_t *item, int64_t n, anl__sparse *out, const char **what) ANL_MUST;

/* weight: [columns + 1, classes], overwritten. */
anl_status anl__logistic_fit(const anl__sparse *x, int classes, double lambda, double *weight) ANL_MUST;
/* Logits [rows, classes]. */
void anl__logistic_predict(const anl__sparse *x, int classes, const double *weight, float *logits);
/* Mean of -log p(class) of such logits. */
double anl__logistic_loss(const anl__sparse *x, int classes, const float *logits);

#endif
