/* The losses of a model with several heads, beside the first: summed over a part of the data by what evaluation
 * leaves in the net's sums. The first is "loss"; the others have the names of their layers.
 */
#ifndef ANL_HEADS_H
#define ANL_HEADS_H

#include "../base/base.h"

enum { ANL__MOST_HEADS = 16, ANL__HEAD_NAME = 128 };
typedef struct anl__head {
    char name[ANL__HEAD_NAME + 1];
    char loss_name[ANL__HEAD_NAME + 16];     /* "valid.<name>.loss" */
    char accuracy_name[ANL__HEAD_NAME + 16]; /* "valid.<name>.accuracy" */
    int64_t at[4]; /* of num, den, correct, count in a gradient slab; correct -1: labels are values; count -1: den is the number of labels */
    double num, den, correct, count;
} anl__head;
typedef struct anl__heads {
    int n;
    anl__head head[ANL__MOST_HEADS];
} anl__heads;

/* Those that the net has, with nothing counted. */
void anl__heads_find(const anl_net *net, anl__heads *out);
/* Adds the batch that was just evaluated. */
anl_status anl__heads_take(anl_net *net, anl__heads *h) ANL_MUST;
/* NaN where nothing was counted; accuracy also where labels are values. */
double anl__head_loss(const anl__head *h);
double anl__head_accuracy(const anl__head *h);

#endif
