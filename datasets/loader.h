/* The prefetching loader: batches of an epoch, transformed, in a ring of buffers, filled by worker threads
 * ahead of the consumer.
 *
 * A batch's content is a function of (set, list of indices, seed, epoch, batch number, options): the same for
 * 0, 1 or 4 workers, and wherever in the epoch the loader was started. The short last batch comes with its
 * true count: no sample is dropped or seen twice. After anl__loader_create nothing is allocated.
 *
 * Thread rule: every call from one thread, the consumer's. The data set must outlive the loader.
 */
#ifndef ANL_LOADER_H
#define ANL_LOADER_H

#include "datasets/dataset.h"
#include "datasets/transform.h"

typedef struct anl__loader anl__loader;

typedef struct anl__loader_opts {
    int64_t batch;               /* samples of a full batch */
    bool shuffle;                /* epoch order by key (order.h); false: the list's order */
    uint64_t seed;               /* of shuffle and augmentation */
    const anl__norm *norm;       /* NULL: none; copied */
    const anl__augment *augment; /* NULL: none; copied */
    anl_dtype dtype;             /* of x: ANL_F32, ANL_BF16 or ANL_F16 */
    int workers;                 /* 0: batches are made when they are asked for */
    int ring; /* buffers; at least 1, and one more than the consumer holds at once to prefetch */
    /* Where the buffers of x lie (pinned memory); both NULL: anl__alloc. At least 64-byte aligned. */
    anl_status (*alloc)(void *user, size_t bytes, void **out);
    void (*free)(void *user, void *p);
    void *user;
} anl__loader_opts;
anl__loader_opts anl__loader_opts_default(void); /* batch 128, no shuffle, f32, 1 worker, ring 4 */

typedef struct anl__batch {
    int64_t n;      /* samples; 0: the epoch is over */
    int64_t number; /* of the batch in its epoch */
    int64_t first;  /* position of its first sample in the epoch: number * opts.batch */
    uint32_t epoch;
    const void *x;        /* [n, H, W, C] or [n, F], opts.dtype */
    const int32_t *label; /* [n]; NULL for an unlabelled set */
    const int64_t *id;    /* [n] sample indices in the set */
    int slot;
} anl__batch;

/* index: n_index sample indices of the set (a split's part), copied; NULL: all of the set. */
anl_status anl__loader_create(anl_ctx *ctx, const anl__dataset *ds, const int64_t *index, int64_t n_index,
                              const anl__loader_opts *opts, anl__loader **out) ANL_MUST;
void anl__loader_destroy(anl__loader *l);
int64_t anl__loader_batches(const anl__loader *l); /* of an epoch */
int64_t anl__loader_samples(const anl__loader *l); /* of an epoch */
anl_shape anl__loader_shape(const anl__loader *l); /* of a sample */
const anl__transform *anl__loader_transform(const anl__loader *l); /* borrowed */
/* Begins an epoch at a batch (0 .. anl__loader_batches: the latter has none left), in O(1). Batches still
   held from before are taken back. */
anl_status anl__loader_start(anl__loader *l, uint32_t epoch, int64_t first_batch) ANL_MUST;
/* The next batch, in order; its pointers are valid until it is released. n = 0 at the epoch's end (nothing to
   release). ANL_INVALID: every buffer of the ring is held, or no epoch was started. */
anl_status anl__loader_next(anl__loader *l, anl__batch *out) ANL_MUST;
/* Gives the buffer back for filling; in the order of anl__loader_next. */
void anl__loader_release(anl__loader *l, const anl__batch *b);
/* Waits until no worker fills anything; anl__loader_start goes on. */
void anl__loader_stop(anl__loader *l);

#endif
