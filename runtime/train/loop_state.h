/* Everything the training loop decides by: all of it is in every checkpoint, so that a resumed run decides alike. */
#ifndef ANL_LOOP_STATE_H
#define ANL_LOOP_STATE_H

#include "../state/checkpoint.h"
#include "schedule.h"

typedef struct anl__loop_state {
    int64_t step;          /* steps done */
    int64_t epoch, batch;  /* where the next step is: batch of the epoch */
    int64_t total_steps;   /* that the schedule began with */
    /* of the epoch so far */
    double loss_num, loss_den, correct;
    int64_t samples;
    /* best epoch by the metric; patience counts epochs since */
    double best;
    int64_t best_step, best_epoch, waited;
    anl__plateau plateau;
    double lr_factor;      /* halved by a rollback */
    int64_t rollbacks, bad_steps, bad_row; /* steps that were not finite: all, and in a row */
    int64_t overflows;     /* steps left out for the loss scale of fp16: no bad steps */
    double seconds;        /* trained, over all processes */
    int64_t resumes;
    int64_t finished;      /* 1: all epochs; 2: early stop */
    int64_t log_jsonl, log_csv, log_events; /* bytes of the logs */
} anl__loop_state;

anl__loop_state anl__loop_state_start(void);
enum { ANL__LOOP_ATTRS = 32 };
/* Fills attrs ("loop.step", ...); returns how many. */
int anl__loop_state_save(const anl__loop_state *s, anl__ckpt_attr attr[ANL__LOOP_ATTRS]);
void anl__loop_state_load(anl__loop_state *s, const anl__ckpt *from);
/* `finished` for these options: 0 where they are more epochs, or more patience (0: for ever), than it ended by. */
int64_t anl__loop_state_finished(const anl__loop_state *s, int64_t epochs, int64_t patience);

#endif
