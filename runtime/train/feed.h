/* What the engine is fed with: batches from wherever they come, and a model's graph for a batch's size. The runtime knows
 * neither data sets nor models; whoever trains fills these two tables.
 *
 * A batch's size is its number of samples and its variant: feeds whose samples differ in length give batches of a few fixed
 * lengths (buckets), each of which is a variant with programs of its own. Feeds of one shape have variant 0 only.
 *
 * Carried state: an input of the graph whose name is also the name of an output, of the same type, is not fed. It holds what
 * that output was after the batch before (truncated backpropagation: a value, no gradient), row by row of the batch; zeros
 * after a batch that is `fresh`. */
#ifndef ANL_FEED_H
#define ANL_FEED_H

#include "../base/base.h"

typedef struct anl__feed_batch {
    int64_t n;      /* samples; 0: the epoch is over */
    int variant;
    bool fresh;     /* carried states begin anew with this batch */
    int64_t first;  /* position of the first in the epoch */
    const void *input[ANL_MAX_INPUTS]; /* host memory, in the order of the graph's anl_input calls, first dimension n; NULL: carried */
    const void *label;                 /* i32 class [n], or f32 target [n, outputs]: what scores compare with; NULL: none */
    const int64_t *id;                 /* [n] sample numbers; NULL: first, first + 1, ... */
    void *token;                       /* the feed's own */
} anl__feed_batch;

typedef struct anl__feed {
    void *self;
    int64_t samples; /* of an epoch */
    int64_t batch;   /* samples of a full batch; the last of an epoch has what is left */
    int64_t batches; /* of an epoch; 0: as many as samples and batch say */
    int held;        /* batches that may be given out and not yet released; 0: one */
    anl_status (*start)(void *self, int64_t epoch, int64_t first_batch);
    anl_status (*next)(void *self, anl__feed_batch *out);
    void (*release)(void *self, anl__feed_batch *b);
} anl__feed;

static inline int64_t anl__feed_batches(const anl__feed *f) { return f->batches ? f->batches : (f->samples + f->batch - 1) / f->batch; }

typedef struct anl__size { /* of a batch; n = 0: none */
    int64_t n;
    int variant;
} anl__size;

typedef struct anl__task {
    void *self;
    /* Adds inputs, layers, losses, sums and outputs for a batch of this size; failures stick to the graph. "logits" (f32 or the
       graph's type, first dimension n) is what scores look at; a model of tokens has none: its sums are its scores. */
    void (*build)(void *self, anl_graph *g, anl__size size);
} anl__task;

#endif
