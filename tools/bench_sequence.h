/* Models of sequences on made-up batches, for measuring steps. */
#ifndef BENCH_SEQUENCE_H
#define BENCH_SEQUENCE_H

#include "tools/job/job.h"

/* Sizes of a workload: lengths of source and target, vocabulary (tokens), features (values). */
typedef struct bench_shape {
    int64_t steps, target_steps, vocabulary, features, batch;
} bench_shape;

/* Opens a job over ten batches of noise. */
anl_status bench_sequence_open(anl_ctx *ctx, recipe *r, const bench_shape *s, job *j) ANL_MUST;

#endif
