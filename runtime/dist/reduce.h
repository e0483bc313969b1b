/* The order in which shards are computed and added. Shard gradients are the leaves of a binary tree that is split at the
 * largest power of two below the count (a binary counter over the leaves in order), so the sum has the same bits whatever
 * number of replicas computes it. He who computes a node's first leaf owns the node; right operands come to the left one.
 *
 * Operations are in two groups: first those that need one replica only (replicas do them beside each other, each its own
 * in the order given), then those that wait for others (in the order given). The root ends on replica 0.
 */
#ifndef ANL_REDUCE_H
#define ANL_REDUCE_H

#include "../base/base.h"

typedef struct anl__reduce_op {
    int shard;               /* >= 0: compute this shard into (rank, slab); -1: (rank, slab) += (src_rank, src_slab) */
    int rank, slab;
    int src_rank, src_slab;
} anl__reduce_op;

typedef struct anl__reduce {
    anl__reduce_op *op; /* owned */
    int n, n_local;     /* the first n_local are those inside a replica */
    int shards;         /* leaves */
    int slabs;          /* the most that a replica needs */
    int root;           /* slab of replica 0 that holds the sum */
} anl__reduce;

enum { ANL__MOST_SHARDS = 4096, ANL__MOST_SLABS = 24 };

/* Replica of shard s: replicas have runs of shards, the longer first. */
int anl__reduce_owner(int shards, int ranks, int shard);
/* `used` shards of `shards` have samples (a short batch may not fill all). */
anl_status anl__reduce_make(anl_ctx *ctx, int shards, int used, int ranks, anl__reduce *out) ANL_MUST;
void anl__reduce_release(anl_ctx *ctx, anl__reduce *r);

#endif
