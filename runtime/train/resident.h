/* A data set that a device keeps: uploaded once, and batches are made there (kernels/sample_batch), so that a step needs nothing from the
 * host. The engine knows it as bytes and formulas, not as a data set: whoever trains describes what its feed would have made. */
#ifndef ANL_RESIDENT_H
#define ANL_RESIDENT_H

#include "../base/augment.h"
#include "../base/base.h"
#include "staging.h"

typedef enum anl__residence { ANL__RESIDENCE_AUTO /* where it fits */, ANL__RESIDENCE_ALWAYS, ANL__RESIDENCE_NEVER } anl__residence;

/* What the feed's batches are made of; all borrowed until the trainer is made. Input 0 of the graph is the sample, input 1 the label. */
typedef struct anl__samples {
    anl__residence where;
    const void *x;           /* [n, shape], dtype u8 or f32 */
    anl_dtype dtype;
    anl_shape shape;         /* of a sample: H,W,C or F */
    int64_t n;               /* 0: the feed has no such description */
    const char *why;         /* then: the reason, for people; NULL: there is no question */
    const void *label;       /* [n], i32 or f32 */
    anl_dtype label_dtype;
    const int64_t *index;    /* [n_index] the samples of the feed; NULL: all */
    int64_t n_index;
    const float *scale, *shift; /* [channels] */
    anl__augment augment;
    bool shuffle;            /* by base/order.h under the trainer's seed, by which augmentation is drawn too */
} anl__samples;

/* Of the memory that is free when everything else has its place, data may take this share. */
#define ANL__RESIDENT_SHARE 0.5

/* What of the data is asked for: batches of training, and of validation where its samples are of the same data. */
typedef enum anl__resident_use { ANL__RESIDENT_TRAIN, ANL__RESIDENT_EVAL, ANL__RESIDENT_USES } anl__resident_use;

enum { ANL__MOST_BATCHES = 8 };
typedef struct anl__resident_part {
    anl__samples samples;
    struct { int64_t n; anl_program *p; } batch[ANL__MOST_BATCHES]; /* by the number of samples */
    int n_batch;
    void *index, *scale; /* on the device; scale, then shift */
} anl__resident_part;

typedef struct anl__resident {
    anl_net *net;
    anl__resident_part part[ANL__RESIDENT_USES];
    void *x, *label; /* on the device. x NULL: the data stays on the host */
    char note[160];  /* one line for people: where the data is, and why */
} anl__resident;

/* Batches of so many samples will be asked for (at most ANL__MOST_BATCHES such numbers a use); those of training first, before anl_net_finish. */
anl_status anl__resident_compile(anl__resident *r, anl__resident_use use, anl_net *net, const anl__samples *s, anl_dtype dtype, int64_t n) ANL_MUST;
/* Uploads what fits; after anl_net_finish. ANL_DEVICE_NOMEM: it does not fit and was asked for. */
anl_status anl__resident_open(anl__resident *r) ANL_MUST;
void anl__resident_drop(anl__resident *r); /* the data stays on the host after all */
void anl__resident_release(anl__resident *r);
bool anl__resident_has(const anl__resident *r, anl__resident_use use); /* does the device make such batches? */
/* Enqueued: the batch that the rng block names, into a place of the staging, which *bind then names. */
anl_status anl__resident_make(const anl__resident *r, anl__resident_use use, const anl__staging *s, int place, int64_t n, anl_bind *bind) ANL_MUST;

#endif
