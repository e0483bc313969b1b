/* How far a run is, without its lock: from its newest checkpoint, and whether a process is at work in it. */
#ifndef RUN_LOOK_H
#define RUN_LOOK_H

#include "runtime/base/base.h"

typedef struct run_progress {
    const char *word; /* training, finished, failed, stopped, begun (no checkpoint yet) or damaged (none can be used) */
    bool training;
    int64_t finished; /* 1: all epochs; 2: early stop */
    int64_t epoch, step;
    double best, seconds; /* best: of the checkpoint's metric, NaN: none */
    bool knows_metric;    /* does the checkpoint say what the best is chosen by? */
    char metric[96];      /* "": the last is the best */
    char failure[512];    /* why it failed, cut; "": it did not */
} run_progress;

/* Checkpoints that are passed over are logged as warnings. */
void run_look(anl_ctx *ctx, const char *run, run_progress *out);

#endif
