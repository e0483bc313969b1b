/* A trainer: everything between a batch and moved weights. It compiles all programs before the first step, cuts a batch
 * into shards, runs them on its replicas, adds gradients in the fixed tree and updates. No file, no clock, no data set.
 *
 * Replicas are copies of the net in this process: `lanes` of them run beside each other on threads of their own;
 * or each has a device of its own (`devices`). Whatever their number, the bits are those of one.
 */
#ifndef ANL_TRAINER_H
#define ANL_TRAINER_H

#include "carry.h"
#include "feed.h"
#include "heads.h"
#include "optim.h"
#include "resident.h"
#include "tape.h"

typedef struct anl__trainer anl__trainer;

enum { ANL__MOST_PLACES = 8 };
enum { ANL__MOST_SIZES = 256 }; /* three parts of 32 lengths, each with a short last batch, and one sequence of each for answers */
typedef struct anl__trainer_opts {
    anl__task task;
    const char *device;
    anl_device_opts device_opts;
    anl_dtype dtype;     /* of activations */
    uint64_t seed;
    int shards, lanes;
    int devices; /* of one machine, that share the shards; 1: one, on which lanes may run. At most `shards` */
    anl__size train_sizes[ANL__MOST_SIZES]; /* that steps will have: full and last; n = 0 ends. None: evaluation only */
    anl__size eval_sizes[ANL__MOST_SIZES];  /* of evaluation */
    anl__optim_opts optim;
    const char *const *frozen; /* [n_frozen] parameters that do not move; borrowed while the trainer is made */
    int n_frozen;
    bool rewrite, plan, recompute;
    anl__samples samples; /* what the batches of training are made of; the device may keep it */
    anl__samples eval_samples; /* those of validation: where they are of the same data, the device makes them too */
    bool record; /* on a device that can: a step is one launch; false: kernel by kernel, to the same bits */
    int ahead; /* on a device that records: steps that are enqueued before the host waits for what they gave; 0: by the model's size */
} anl__trainer_opts;
anl__trainer_opts anl__trainer_opts_default(void);

anl_status anl__trainer_create(anl_ctx *ctx, const anl__trainer_opts *o, anl__trainer **out) ANL_MUST;
void anl__trainer_destroy(anl__trainer *t);
anl_status anl__trainer_init(anl__trainer *t) ANL_MUST; /* fills parameters from the seed */
/* After weights were written into replica 0's slabs before the first step: their averages begin with them, and
   the others get them too. */
anl_status anl__trainer_begin_with(anl__trainer *t) ANL_MUST;

anl_net *anl__trainer_net(anl__trainer *t);
anl_device *anl__trainer_device(anl__trainer *t);
anl_program *anl__trainer_program(anl__trainer *t, anl_mode mode); /* for explain: the largest; NULL: none */

/* What a step's batch gave. Sums are in the net's order (anl_net_sum_name), statistics excluded by name. */
typedef struct anl__step_result {
    bool finite;      /* false: the weights did not move */
    bool overflow;    /* of gradients in f16 under too large a loss scale: it is smaller now, and the training is sound */
    double scale;     /* the loss scale after the step; 0: there is none */
    double norm;      /* of the averaged gradient before clipping */
    double loss_num, loss_den, correct;
    int bad_param;    /* of the net: the first whose gradient is not finite; -1: none */
} anl__step_result;
/* step counts from 1 and keys dropout; lr is this step's rate. */
anl_status anl__trainer_step(anl__trainer *t, const anl__feed_batch *b, int64_t step, int64_t epoch, double lr, anl__step_result *out) ANL_MUST;

typedef struct anl__eval_result {
    const float *logits; /* f32 [n, anl__trainer_columns], valid until the next call; NULL: the model has none */
    double loss_num, loss_den, correct;
} anl__eval_result;
/* Several steps, waited for once: begin announces at most anl__trainer_most_ahead of them, enqueue gives each its batch (which may be reused
   afterwards), results waits and gives what those that were enqueued gave. The bits are those of one step after the other. */
enum { ANL__MOST_AHEAD = ANL__TAPE_ROWS };
typedef struct anl__launch {
    int n;
    int64_t step, epoch;  /* of the first; all are in one epoch */
    int64_t first, batch; /* position in the epoch of the first's first sample; samples of a full batch */
    const double *lr;     /* [n]; read until results */
} anl__launch;
int anl__trainer_most_ahead(const anl__trainer *t); /* 1 where waiting for each costs nothing */
anl_status anl__trainer_begin(anl__trainer *t, const anl__launch *l) ANL_MUST;
anl_status anl__trainer_enqueue(anl__trainer *t, const anl__feed_batch *b) ANL_MUST;
anl_status anl__trainer_results(anl__trainer *t, anl__step_result *out) ANL_MUST;

/* Evaluation batches, over the weights (ema: their averages). As many as there are places may be under way at once, each begun and then ended;
   what a batch names must stay until its end. */
int anl__trainer_eval_places(const anl__trainer *t);
anl_status anl__trainer_eval_begin(anl__trainer *t, int place, const anl__feed_batch *b, bool ema) ANL_MUST;
anl_status anl__trainer_eval_end(anl__trainer *t, int place, anl__eval_result *out) ANL_MUST;
anl_status anl__trainer_eval_heads(anl__trainer *t, int place, anl__heads *heads) ANL_MUST; /* after its end: anl__heads_take */
/* One: begun and ended in place 0. */
anl_status anl__trainer_eval(anl__trainer *t, const anl__feed_batch *b, bool ema, anl__eval_result *out) ANL_MUST;

/* What the last batch that was evaluated in place 0 gave in another output of the model, f32 [n, columns]; ANL_INTERNAL where there is none of that name. */
anl_status anl__trainer_output(anl__trainer *t, anl__size size, const char *name, float *to) ANL_MUST;
int64_t anl__trainer_output_columns(const anl__trainer *t, const char *name); /* of evaluation; 0: there is none */

int64_t anl__trainer_columns(const anl__trainer *t); /* of the output "logits"; 0: there is none */
anl_program *anl__trainer_program_of(anl__trainer *t, anl_mode mode, anl__size size); /* NULL: not compiled */
bool anl__trainer_scaled(const anl__trainer *t); /* does it train under a loss scale? Its block is in the net (graph/net.h) */
/* What training carries from batch to batch, for checkpoints. */
anl__carry *anl__trainer_carry(anl__trainer *t);

/* Does the device keep the data? Then batches need no content: their number and place in the epoch are enough. */
bool anl__trainer_resident(const anl__trainer *t);
bool anl__trainer_eval_resident(const anl__trainer *t); /* likewise the batches of validation */
const char *anl__trainer_data_note(const anl__trainer *t); /* where the data is, in one line; "" where there is no question */
/* Is every step, from the second of its size on, one launch of the device? Known once a size came twice. */
bool anl__trainer_recorded(const anl__trainer *t);
const char *anl__trainer_launch_note(const anl__trainer *t); /* how steps are launched, in a few words; "" where the host does each */

/* Several devices: bytes that a step takes out of each of them, and brings into it; 0: there is one. */
int64_t anl__trainer_exchanged(const anl__trainer *t);

/* Names a host batch's copies on the device, and what is carried, in `bind`, for running one of the trainer's programs by hand. */
anl_status anl__trainer_stage(anl__trainer *t, const anl_program *p, const anl__feed_batch *b, anl_bind *bind) ANL_MUST;

/* Before the host reads what training carries: the rows that other devices have come to replica 0. */
anl_status anl__trainer_gather(anl__trainer *t) ANL_MUST;
/* After the host wrote replica 0's slabs and carried states: the others get them too. */
anl_status anl__trainer_spread(anl__trainer *t) ANL_MUST;

#endif
