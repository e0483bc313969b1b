/* What stands between the host and a device during steps: the scalars of the next steps, which a device that records takes row by row from a
 * tape in its own memory, and a ring in which each step leaves what it gave. So steps can be enqueued one after the other, and the host waits
 * once for all of them. Layouts: op.h; operators: kernels/step. */
#ifndef ANL_TAPE_H
#define ANL_TAPE_H

#include "../base/base.h"
#include "../op.h"

enum { ANL__TAPE_ROWS = 256 }; /* the most steps between two waits */

typedef struct anl__tape_row {
    int32_t rng[ANL__RNG_WORDS];
    float hyper[ANL_HYPER_WORDS];
} anl__tape_row;

typedef struct anl__tape {
    anl_net *net;
    int32_t *host;      /* head and rows, as on the device; NULL: no tape, the scalars are written by the host before each step */
    void *tape, *ring;  /* on the device */
    void *starts;       /* on the device, i32: 0, 1, ...: where a shard may begin */
    anl_program *begin, *end, *eval_end;
} anl__tape;

/* The programs; after those of the model, before anl_net_finish. taped: the device records, and takes scalars from the tape.
   training: false leaves out what steps need. scaled: steps have a loss scale. */
anl_status anl__tape_compile(anl__tape *t, anl_net *net, bool taped, bool training, bool scaled) ANL_MUST;
/* Memory; after anl_net_finish. rows: the most samples of a batch. */
anl_status anl__tape_open(anl__tape *t, int64_t rows) ANL_MUST;
void anl__tape_release(anl__tape *t);

/* Row i of the next anl__tape_write; then all n of them go to the device, and the first is next. */
void anl__tape_set(anl__tape *t, int i, const anl__tape_row *row);
anl_status anl__tape_write(anl__tape *t, int n) ANL_MUST;
/* Enqueued at the beginning of a step, and at its end (stat: of grad_stats, on the device; root: the gradient slab that holds the sums). */
anl_status anl__tape_begin(const anl__tape *t) ANL_MUST;
/* Enqueued before a shard: its first sample's place in the batch. */
anl_status anl__tape_sample(const anl__tape *t, int64_t sample0) ANL_MUST;
anl_status anl__tape_end(const anl__tape *t, const void *stat, int root) ANL_MUST;
/* What the steps first .. first + n - 1 gave; n at most ANL__TAPE_ROWS. Waits for the device. */
anl_status anl__tape_results(const anl__tape *t, int64_t first, int n, float (*out)[ANL__RING_WORDS]) ANL_MUST;
/* What an evaluation gave: its sums in slab 0. */
anl_status anl__tape_eval(const anl__tape *t, float out[ANL__RING_WORDS]) ANL_MUST;

#endif
