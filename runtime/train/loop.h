/* The training loop: epochs, validation, checkpoints, stopping, resuming. It knows no recipe and prints nothing: whoever
 * trains gives it a trainer, feeds and a run directory, and is told what happens through callbacks.
 */
#ifndef ANL_LOOP_H
#define ANL_LOOP_H

#include "../state/metrics_log.h"
#include "../state/run_dir.h"
#include "../state/command.h"
#include "../state/writer.h"
#include "cadence.h"
#include "capture.h"
#include "loop_state.h"
#include "scores.h"

typedef enum anl__nonfinite { ANL__NONFINITE_STOP, ANL__NONFINITE_SKIP, ANL__NONFINITE_ROLLBACK } anl__nonfinite;

typedef enum anl__loop_end {
    ANL__END_EPOCHS,      /* all epochs are done */
    ANL__END_EARLY,       /* early stopping */
    ANL__END_BUDGET,      /* train.hours are used up */
    ANL__END_INTERRUPTED, /* a signal: a checkpoint was written */
    ANL__END_PREEMPTED,   /* preempt.command said so: a checkpoint was written */
    ANL__END_PAUSED       /* pause_epoch is done and others are left: a checkpoint was written */
} anl__loop_end;

typedef struct anl__progress {
    int64_t epoch, epochs, batch, batches, step;
    double loss, accuracy; /* of the epoch so far */
    double lr, norm;
    double samples_per_second, seconds_left;
    bool finite;
} anl__progress;

typedef struct anl__loop_opts {
    anl__trainer *trainer;
    anl__feed train;
    anl__feed valid;             /* samples 0: none */
    int64_t epochs, limit_batches; /* limit_batches 0: whole epochs */
    double hours;                /* 0: no limit */
    int64_t pause_epoch;         /* end with a checkpoint after this epoch, as if interrupted there; 0: none */
    double lr;
    anl__schedule schedule;
    anl__nonfinite nonfinite;
    bool ema;                    /* evaluate the averaged parameters */
    const char *stop_metric;     /* early stopping and plateau: "valid.loss", ... */
    int64_t patience;            /* epochs; 0: no early stop */
    double min_delta;
    const char *best_metric;     /* chooses the best checkpoint; NULL: the last epoch's is */
    int outputs, topk;
    anl__score_kind kind;
    bool whole_targets;          /* values: targets are i32 */
    int64_t log_every;           /* steps between step rows; 0: none */
    /* state; dir NULL: nothing is kept */
    anl__run_dir *dir;
    bool tensorboard;
    anl__cadence every;
    anl__writer_opts writer;     /* dir, run and keep are filled by the loop when NULL or 0 */
    const anl__ckpt_tensor *extra_tensor;
    int n_extra_tensor;
    const anl__ckpt_attr *extra_attr;
    int n_extra_attr;
    const anl__ckpt *from;       /* resume; NULL: a new run */
    anl__watch *preempt;   /* NULL: none */
    /* told */
    void *user;
    void (*on_step)(void *user, const anl__progress *p);
    void (*on_epoch)(void *user, const anl__mlog_field *field, int n, bool best);
    void (*on_message)(void *user, const char *text);
} anl__loop_opts;
anl__loop_opts anl__loop_opts_default(void);

typedef struct anl__loop_result {
    anl__loop_end end;
    anl__loop_state state;
    double signal_to_durable; /* seconds, for interruptions */
} anl__loop_result;

/* ANL_NONFINITE: the training diverged (the message says where). ANL_IO: a checkpoint could not be written. */
anl_status anl__loop_run(anl_ctx *ctx, const anl__loop_opts *o, anl__loop_result *out) ANL_MUST;

/* Evaluates a whole feed into scores (which are reset first). */
anl_status anl__loop_evaluate(anl__trainer *t, const anl__feed *feed, bool ema, anl__scores *scores) ANL_MUST;
/* Is a smaller value of this metric better? */
bool anl__metric_lower(const char *name);

#endif
