/* What the engine is fed with: batches from wherever they come, and a model's graph for a batch size. The runtime knows
 * neither data sets nor models; whoever trains fills these two tables. */
#ifndef ANL_FEED_H
#define ANL_FEED_H

#include "../base/base.h"

typedef struct anl__feed_batch {
    int64_t n;      /* samples; 0: the epoch is over */
    int64_t first;  /* position of the first in the epoch */
    const void *input[ANL_MAX_INPUTS]; /* host memory, in the order of the graph's anl_input calls, first dimension n */
    const void *label;                 /* i32 class [n], or f32 target [n, outputs]: what scores compare with; NULL: none */
    const int64_t *id;                 /* [n] sample numbers; NULL: first, first + 1, ... */
    void *token;                       /* the feed's own */
} anl__feed_batch;

typedef struct anl__feed {
    void *self;
    int64_t samples; /* of an epoch */
    int64_t batch;   /* samples of a full batch; the last of an epoch has what is left */
    anl_status (*start)(void *self, int64_t epoch, int64_t first_batch);
    anl_status (*next)(void *self, anl__feed_batch *out);
    void (*release)(void *self, anl__feed_batch *b);
} anl__feed;

static inline int64_t anl__feed_batches(const anl__feed *f) { return (f->samples + f->batch - 1) / f->batch; }
static inline int64_t anl__feed_last(const anl__feed *f) { return f->samples % f->batch ? f->samples % f->batch : f->batch; }

typedef struct anl__task {
    void *self;
    /* Adds inputs, layers, losses, sums and the output "logits" for n samples; failures stick to the graph. */
    void (*build)(void *self, anl_graph *g, int64_t n);
} anl__task;

#endif
