/* Batches of a ragged set: items of one bucket together, each field padded to the bucket's length.
 *
 * Order: within a bucket the keyed bijection of order.h an epoch; a bucket gives full batches and one short one; which batch
 * stands at place k of epoch e is again a keyed bijection over all batches. So every batch is a function of (set, list, options,
 * epoch, number): computed, not replayed, from any start. No item is dropped or seen twice.
 *
 * Streams order (opts.streams > 0): item k * streams + s is chunk k of stream s; batch k holds chunk k of every stream, in order,
 * unshuffled, and only batch 0 is `fresh`, so that states may be carried from batch to batch.
 *
 * Nothing is allocated after creation. Thread rule: every call from one thread; the set must outlive the loader.
 */
#ifndef ANL_SEQUENCE_LOADER_H
#define ANL_SEQUENCE_LOADER_H

#include "datasets/buckets.h"
#include "runtime/train/feed.h"

typedef struct anl__sequence_loader anl__sequence_loader;

typedef struct anl__sequence_opts {
    int64_t batch; /* items of a full batch; streams order ignores it */
    bool shuffle;
    uint64_t seed;
    const anl__buckets *buckets; /* NULL: one bucket, of the longest item of the list; copied */
    int64_t streams;             /* > 0: streams order; the list must be all of the set, a multiple of it */
    int ring;                    /* batches that stay valid: the pointers of one live through `ring` - 1 more calls of next */
} anl__sequence_opts;
anl__sequence_opts anl__sequence_opts_default(void); /* batch 64, no shuffle, ring 2 */

typedef struct anl__sequence_batch {
    int64_t n;   /* items; 0: the epoch is over */
    int variant; /* the bucket */
    bool fresh;  /* carried states begin anew */
    uint32_t epoch;
    int64_t number; /* of the batch in its epoch */
    int64_t first;  /* place of its first item in the unshuffled order of buckets: a range of its own in 0 .. items - 1 */
    const void *data[ANL__RAGGED_FIELDS];      /* [n, T, width], T the bucket's length or the field's fixed one; padded with 0 (f32) or -1 (i32) */
    const int32_t *length[ANL__RAGGED_FIELDS]; /* [n] of a field that varies (fields of one axis share it); NULL for a fixed one */
    const int64_t *id;                         /* [n] item numbers in the set */
} anl__sequence_batch;

/* index: n_index items (a split's part), copied; NULL: all. ANL_DATA: an item that no bucket holds, or one without a step
   (both named), outside streams order. */
anl_status anl__sequence_loader_create(anl_ctx *ctx, const anl__ragged *set, const int64_t *index, int64_t n_index,
                                       const anl__sequence_opts *opts, anl__sequence_loader **out) ANL_MUST;
void anl__sequence_loader_destroy(anl__sequence_loader *l);
int64_t anl__sequence_loader_batches(const anl__sequence_loader *l); /* of an epoch */
int64_t anl__sequence_loader_items(const anl__sequence_loader *l);   /* of an epoch */
const anl__buckets *anl__sequence_loader_buckets(const anl__sequence_loader *l);
/* The sizes of batch that an epoch has, each once (at most two a bucket); returns their number and writes at most `most`. */
int anl__sequence_loader_sizes(const anl__sequence_loader *l, anl__size *out, int most);
/* Steps of padding over all steps of all batches of an epoch, over the axes; 0 for a set of fixed lengths. */
double anl__sequence_loader_padding(const anl__sequence_loader *l);
/* Begins an epoch at a batch (0 .. batches: the latter has none left), in O(1). */
anl_status anl__sequence_loader_start(anl__sequence_loader *l, uint32_t epoch, int64_t first_batch) ANL_MUST;
anl_status anl__sequence_loader_next(anl__sequence_loader *l, anl__sequence_batch *out) ANL_MUST;

#endif
