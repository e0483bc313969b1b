/* A job: what a recipe asks for, put together from the data set, the model and the trainer. Every subcommand that runs a
 * model begins here: train, eval, predict, lr, explain, bench.
 */
#ifndef JOB_H
#define JOB_H

#include "datasets/dataset.h"
#include "datasets/loader.h"
#include "datasets/sequence_loader.h"
#include "datasets/split.h"
#include "models/model.h"
#include "runtime/graph/precision.h"
#include "runtime/state/checkpoint.h"
#include "runtime/train/scores.h"
#include "runtime/train/trainer.h"
#include "tools/recipe/recipe.h"

typedef enum job_part { JOB_TRAIN, JOB_VALID, JOB_TEST, JOB_PARTS } job_part;

typedef struct job_input { /* a further input of a graph */
    anl__dataset *set[2]; /* training, test; NULL: not there */
    anl__norm norm;       /* channels 0: none */
} job_input;

typedef struct job_input_feed {
    const anl__dataset *set;
    anl__transform transform;
    size_t bytes;  /* of a sample */
    void *x;       /* [slot of the ring][sample] */
    void *scratch;
} job_input_feed;

typedef struct job_feed { /* a part of the data as the engine takes it */
    anl__loader *loader;
    anl__batch held[8]; /* of the loader, given out and not yet released */
    int32_t *no_label;  /* stands for the labels of an unlabelled set */
    anl__samples samples; /* what the batches are made of; n 0: of sequences, or without labels */
    bool resident;        /* the device makes them: the feed gives numbers only */
    int64_t next;         /* then: batch of the epoch */
    int32_t *scored_label; /* [of those given out][sample], i32 or f32; NULL: in training */
    const anl__dataset *set; /* of images */
    int more[ANL_MOST_LABELS]; /* columns of labels that heads read beside the first; 0 ends */
    job_input_feed more_input[ANL_MORE_INPUTS]; /* more_inputs of them */
    int more_inputs;
    int32_t *more_label;     /* [slot of the ring][of those][sample]: i32 or f32 */
    /* of sequences (job_sequence.c) */
    anl__sequence_loader *sequence;
    int inputs, field[ANL_MAX_INPUTS], label_field; /* fields of the set; label_field -1: none */
    bool is_length[ANL_MAX_INPUTS];
    anl__feed feed;     /* feed.samples 0: there is no such part */
} job_feed;

typedef struct job {
    anl_ctx *ctx;
    anl__arena *arena;
    recipe *recipe;
    anl__dataset *set[2];        /* training (with validation inside), test; NULL: not there */
    anl__split split;
    anl__norm norm;              /* channels 0: none */
    job_input more_input[ANL_MORE_INPUTS]; /* more_inputs of them */
    int more_inputs;
    anl_model_opts model;
    float *class_weight;         /* [classes] or NULL */
    const char *const *class_names; /* [classes] or NULL */
    anl__score_kind kind;        /* what predictions are scored as */
    bool whole_targets;          /* values: labels of images stand for numbers */
    struct job_sequence *sequence; /* NULL: images */
    int64_t batch;
    int devices;                 /* that share a batch in training */
    anl_dtype dtype;
    job_feed part[JOB_PARTS];
    const char *plans;           /* what the device measured for this run before; NULL: nothing */
    anl__trainer *trainer;
    char fingerprint[65];        /* of the training set; "" when there is none */
    bool whole_test;             /* images: all of the test part is there, if there is one */
    bool foreign;                /* the recipe came with a checkpoint: nothing that it names is run */
} job;

typedef struct job_opts {
    bool train;            /* opens the training data; else only what `test_data` names */
    const char *test_data; /* evaluation over other data: a directory or known set; NULL: the recipe's */
    const char *test_file; /* prediction: one file without labels, in the test part's place */
    const char *const *test_files; /* pictures: n_test_files of them and directories, the first of which is test_file; NULL: that one only */
    int n_test_files;
    anl__dataset *set;     /* the training data, instead of files; the job's from then on, also on failure */
    int64_t batch;         /* 0: the recipe's */
    const anl__ckpt *from; /* normalisation and classes come from here, not from the data; NULL: from the data */
    bool answer;           /* sequences: programs that answer are compiled too (job_answer.h) */
    bool alone;            /* sequences: no data is opened (series: only test_data); what is needed comes from the checkpoint */
    bool bare;             /* no data is opened, and none is fed: for what only looks at the model (no feeds, no trainer) */
    bool no_test;          /* images: the test part is not opened, unless test_data or test_file name one */
    int64_t limit_batches; /* images: of validation and test no more than so many batches, spread evenly over the part; 0: all */
    int64_t overfit;       /* > 0: training and validation are the first so many samples, in order */
} job_opts;

/* Opens the data and fills everything but the trainer. job_close frees whatever is there. */
/* What the recipe names; fp32 where auto is not decided yet. */
const anl__precision *job_precision(const recipe *r);
anl_status job_open(anl_ctx *ctx, recipe *r, const job_opts *o, job *out) ANL_MUST;
/* How many devices the recipe means on this machine. */
int job_devices(anl_ctx *ctx, const recipe *r);
/* Compiles; `train` false: evaluation programs only. answer: see job_opts. */
anl_status job_compile(job *j, bool train, bool answer) ANL_MUST;
/* Weights anew: from the seed (with train.init: from that run or safetensors file; *report then lists the
   tensors, freed with anl__free). */
anl_status job_init(job *j, char **report) ANL_MUST;
void job_close(job *j);

/* job_data.c */
extern const char *const job_label_classes[ANL_MOST_LABELS]; /* [column], from 1: name in checkpoints of a further label's classes */
anl_status job_open_data(job *j, const job_opts *o) ANL_MUST;
/* ANL_DATA where a sample of the test set is not of the training set's shape: both go through programs of one shape. */
anl_status job_same_shape(job *j, const anl__dataset *train, const anl__dataset *test) ANL_MUST;
/* Class weights from the recipe; count [classes]: samples of each class among the n of the training part, for "balanced". */
anl_status job_weights(job *j, const int64_t *count, int64_t n) ANL_MUST;
/* Mean and deviation of those names from a checkpoint; and to f32, as they are kept with the model: training uses those very numbers, so that
   evaluation later sees the same. */
anl_status job_norm_from(job *j, const anl__ckpt *from, const char *mean, const char *std, anl__norm *out) ANL_MUST;
void job_norm_round(anl__norm *norm);
/* job_pictures.c: options for sets of pictures; in a line what there is of them (nothing of other sets). */
void job_pictures(const job *j, const job_opts *o, anl__pictures_opts *out);
anl_status job_pictures_note(const job *j, anl__buf *out) ANL_MUST;
/* job_inputs.c: after the sets and the split are there. from: as job_opts. */
anl_status job_inputs_open(job *j, const anl__data_opts *train, const anl__data_opts *test, const anl__ckpt *from) ANL_MUST;
/* Their shapes and normalisation from a checkpoint, no sets. */
anl_status job_inputs_bare(job *j, const anl__ckpt *from) ANL_MUST;
extern const char *const job_input_shape[ANL_MORE_INPUTS][3]; /* names in checkpoints of their heights, widths, channels */
void job_inputs_close(job *j);
anl_status job_inputs_feed(job *j, job_feed *f, const anl__dataset *ds, int slots) ANL_MUST;
void job_inputs_put(job_feed *f, const anl__batch *b, const void **input); /* input[0 .. more_inputs - 1]: the batch's */
void job_inputs_feed_close(job *j, job_feed *f);
/* job_feed.c: a loader over these samples (NULL: all n) as a feed. */
anl_status job_feed_open(job *j, job_feed *f, const anl__dataset *ds, const int64_t *index, int64_t n, bool training) ANL_MUST;
void job_feed_close(job *j, job_feed *f);

/* A trained model for use: the checkpoint (as job_checkpoint names it), its own recipe with these overrides, data by `o`
   (o->from is set here), evaluation programs, weights (averaged ones where the run keeps them); with o->bare no programs. Close with
   job_used_close. */
typedef struct job_used {
    job job;
    recipe *recipe;
    anl__ckpt *from;
} job_used;
anl_status job_use(anl_ctx *ctx, const char *what, const char *which, const char *const *override, int n_override, job_opts *o, job_used *out) ANL_MUST;
void job_used_close(job_used *u);

/* Scores of the kind that this job needs, with room for `samples` in the AUC. */
anl_status job_scores(job *j, int64_t samples, anl__scores **out) ANL_MUST;

/* "RUN", "RUN:best", "RUN:last" or "RUN:1200" (or a file's path): opens that checkpoint. */
anl_status job_checkpoint(anl_ctx *ctx, const char *text, const char *def, anl__ckpt **out) ANL_MUST;

#endif
