/* The inside of the trainer; only trainer.c, steps.c, evaluate.c and replicas.c include this. */
#ifndef ANL_TRAINER_INSIDE_H
#define ANL_TRAINER_INSIDE_H

#include "../dist/exchange.h"
#include "../graph/net.h"
#include "staging.h"
#include "trainer.h"

typedef struct compiled {
    anl__size size;
    anl_program *p;
    size_t row[ANL_MAX_INPUTS]; /* bytes of one sample of each input */
} compiled;

/* A step on a replica, and several of them, as recordings; NULL: not made. */
typedef struct recordings {
    void *step, *several;
} recordings;

typedef struct replica {
    int rank;
    anl_ctx *ctx; /* replica 0: the trainer's */
    anl_ctx *speaker; /* the trainer's: what this one warns of is said there */
    anl_device *device;
    anl_net *net;
    compiled *train, *eval;
    int n_train, n_eval, cap_train, cap_eval;
    anl__staging staging;
    anl_program *update;
    anl__carry carry;       /* of training: replica 0's, or where replicas are devices each one's rows */
    anl__tape tape;         /* replica 0's, or each one's */
    anl__resident resident; /* likewise */
    anl__exchange exchange; /* where replicas are devices */
    recordings taken[ANL__MOST_SIZES]; /* by whole step (below) */
    anl__carry eval_carry;     /* of evaluation: replica 0's, or each device's */
    const compiled *evaluated; /* its last batch of evaluation */
    float *logits;
    uint16_t *logits16;        /* 16-bit ones on their way from a device; NULL: none */
} replica;

/* A whole step that is recorded, by the batch's size: not at its first step, when the device loads what it needs. */
typedef struct whole {
    anl__size size;
    bool fed; /* from the data on the device */
    bool recorded, several; /* one step; ANL__STEPS_A_LAUNCH of them */
    bool refused, one_by_one;
} whole;

enum { ANL__MOST_DEVICES = 64 };
enum { ANL__STEPS_A_LAUNCH = 4 }; /* what lies between two launches of a small model is a few percent of a step, and a fourth of that is nothing */

struct anl__trainer {
    anl_ctx *ctx;
    anl__trainer_opts opts;
    replica *rep;
    int n_rep;
    bool team;        /* replicas are devices of a group: each has its own tape, data and carried states, and they exchange gradients */
    anl__pool *lanes; /* NULL: one replica */
    anl__reduce *reduce; /* by number of shards that have samples: those that occur */
    int n_reduce;
    int slabs;           /* of gradients, that they need */
    char *plans;         /* devices: what the first has timed, which holds for all */
    whole whole[ANL__MOST_SIZES];
    const whole *now; /* the one that replicas record or replay */
    int n_whole;
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

/* Replicas on devices that record: steps read their scalars from the tape, and go on without the host. */
static inline bool taped(const anl__trainer *t) { return t->rep[0].tape.host != NULL; }

/* Is this batch made on the device? */
static inline bool fed(const anl__trainer *t, const anl__feed_batch *b) { return t->rep[0].resident.x && !b->input[0]; }

/* The states that a replica's shards read and write. */
static inline anl__carry *carry_of(anl__trainer *t, replica *r) { return t->team ? &r->carry : &t->rep[0].carry; }

static inline int64_t shard_begin(int64_t n, int shards, int s) { return anl__slice_begin(n, shards, s); }

/* replicas.c: what lies between replicas. */
typedef anl_status replica_fn(anl__trainer *t, replica *r);
anl_status anl__replicas_each(anl__trainer *t, replica_fn *fn) ANL_MUST; /* beside each other; what failed first */
anl_status anl__replicas_contexts(anl__trainer *t) ANL_MUST; /* ranks and contexts */
anl_status anl__replicas_join(anl__trainer *t) ANL_MUST; /* devices become a team; after all replicas are made */
anl_status anl__replicas_copy_slab(anl__trainer *t, int slab, int from_slab) ANL_MUST; /* of replica 0, to the others */
/* An error in a replica's own context reaches the trainer's. */
anl_status anl__replicas_failed(anl__trainer *t, const replica *r, anl_status st) ANL_MUST;
/* Where replicas' devices work behind the host, what one has made is waited for before another reads it. */
anl_status anl__replicas_settle(anl__trainer *t, replica *r) ANL_MUST;

/* trainer.c */
const compiled *anl__trainer_find(const compiled *list, int n_list, anl__size size); /* NULL: none has that size */
const anl__reduce *anl__trainer_order(const anl__trainer *t, int64_t n); /* how the shards of a batch of n are added; NULL: not announced */

int64_t anl__trainer_most_rows(const anl__size *size); /* of a list of sizes */
/* The rng block of a replica whose device makes a batch outside steps: its first sample's position. */
anl_status anl__trainer_seek(anl__trainer *t, replica *r, int64_t first) ANL_MUST;

/* evaluate.c */
anl_status anl__trainer_eval_room(anl__trainer *t) ANL_MUST; /* for what comes out of evaluation */

/* steps.c */
void anl__trainer_forget(anl__trainer *t); /* what was recorded */

#endif
