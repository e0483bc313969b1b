/* The inside of the trainer; only trainer.c and steps.c include this. */
#ifndef ANL_TRAINER_INSIDE_H
#define ANL_TRAINER_INSIDE_H

#include "../dist/reduce.h"
#include "../graph/net.h"
#include "staging.h"
#include "trainer.h"

typedef struct compiled {
    anl__size size;
    anl_program *p;
    size_t row[ANL_MAX_INPUTS]; /* bytes of one sample of each input */
} compiled;

typedef struct replica {
    anl_ctx *ctx; /* replica 0: the trainer's */
    anl_device *device;
    anl_net *net;
    compiled *train, *eval;
    int n_train, n_eval, cap_train, cap_eval;
    anl__staging staging;
    anl_program *update;
    anl_status status; /* of its part of the step */
} replica;

/* A whole step as one recording, by the batch's size: not recorded at its first step, when the device loads what it needs. */
typedef struct whole {
    anl__size size;
    bool fed; /* from the data on the device */
    void *recording, *several; /* of one step; of ANL__STEPS_A_LAUNCH of them, or NULL */
    bool refused, one_by_one;
} whole;

enum { ANL__STEPS_A_LAUNCH = 4 }; /* what lies between two launches of a small model is a few percent of a step, and a fourth of that is nothing */

struct anl__trainer {
    anl_ctx *ctx;
    anl__trainer_opts opts;
    replica *rep;
    int n_rep;
    anl__pool *lanes; /* NULL: one replica */
    anl__reduce *reduce; /* by number of shards that have samples: those that occur */
    int n_reduce;
    anl__carry carry, eval_carry;
    anl__tape tape; /* of replica 0 */
    anl__resident resident; /* of replica 0 */
    whole whole[ANL__MOST_SIZES];
    int n_whole;
    float *logits;
    uint16_t *logits16; /* 16-bit ones on their way from a device; NULL: none */
    int64_t columns;
    float mean; /* a power of two near 1 / the largest batch: the loss scale is that of a mean loss */
    anl__launch launch; /* the steps under way */
    int enqueued;       /* of them */
    int waiting;        /* of those: not yet launched, all of `waits`; batches made on the device only */
    whole *waits;
    /* the step under way, read by replicas */
    const anl__feed_batch *batch;
    const anl__reduce *order;
    const float *hyper; /* where there is no tape */
    int64_t step, epoch;
};

/* One replica on a device that records: its steps read their scalars from the tape, and go on without the host. */
static inline bool alone(const anl__trainer *t) { return t->tape.host != NULL; }

/* Is this batch made on the device? */
static inline bool fed(const anl__trainer *t, const anl__feed_batch *b) { return t->resident.x && !b->input[0]; }

static inline int64_t shard_begin(int64_t n, int shards, int s) { return anl__slice_begin(n, shards, s); }

/* trainer.c */
const compiled *anl__trainer_find(const compiled *list, int n_list, anl__size size); /* NULL: none has that size */
const anl__reduce *anl__trainer_order(const anl__trainer *t, int64_t n); /* how the shards of a batch of n are added; NULL: not announced */
anl_status anl__trainer_of_replica(anl__trainer *t, const replica *r, anl_status st) ANL_MUST; /* an error in a replica's own context reaches the trainer's */
/* Where replicas' devices work behind the host, what one has made is waited for before another reads it. */
anl_status anl__trainer_settle(anl__trainer *t, replica *r) ANL_MUST;
anl_status anl__trainer_copy_slab(anl__trainer *t, int slab, int from_slab) ANL_MUST; /* of replica 0, to the others */

/* steps.c */
void anl__trainer_forget(anl__trainer *t); /* what was recorded */

#endif
