/* States that a batch hands to the next one (feed.h): the last layer's hidden state of a sequence that goes on. Kept in the device's
 * memory, one row a sample, twice: what the next step reads, and what the step under way has written. The second becomes the first only
 * if the step was finite (step_keep), so that a skipped step leaves no trace.
 */
#ifndef ANL_CARRY_H
#define ANL_CARRY_H

#include "staging.h"

typedef struct anl__carried {
    const char *name; /* of the input and of the output; borrowed from the graph */
    int slot;         /* of the input */
    anl_dtype dtype;
    anl_shape shape;  /* [rows, ...] */
    size_t row;       /* bytes */
    anl_program *keep; /* of the net */
    char *now, *next; /* [rows] each, on the device; owned. Evaluation has no next */
} anl__carried;

typedef struct anl__carry {
    anl_ctx *ctx;
    anl_device *device;
    int n; /* 0: the model carries nothing */
    int64_t rows;
    void *zero; /* [rows] of the largest, on the host */
    anl__carried item[ANL_MAX_INPUTS];
} anl__carry;

/* For a model as this graph has it; rows: samples of a full batch. ANL_SHAPE: an input and an output of one name and two types. */
anl_status anl__carry_create(anl_device *dev, const anl_graph *g, int64_t rows, bool training, anl__carry *out) ANL_MUST;
void anl__carry_release(anl__carry *c);
anl_status anl__carry_clear(anl__carry *c) ANL_MUST; /* zeros */
/* Sets the carried inputs of a program that runs rows first .. first + n - 1 on `dev`; where they must be aligned, copies in a place of the staging. */
anl_status anl__carry_bind(const anl__carry *c, anl_device *dev, const anl__staging *s, int place, int64_t first, int64_t n, anl_bind *bind) ANL_MUST;
/* After such a run: keeps what it gave, as the next in training, else for the next batch. */
anl_status anl__carry_take(anl__carry *c, anl_device *dev, const anl_program *p, int64_t first, int64_t n) ANL_MUST;
/* Rows from one device's states to another's of the same model, by way of the host; messages are in ctx. */
anl_status anl__carry_move(anl_ctx *ctx, anl__carry *to, const anl__carry *from, int64_t first, int64_t n) ANL_MUST;
/* The programs of anl__carry_commit; before anl_net_finish of the net whose device keeps the states. */
anl_status anl__carry_compile(anl__carry *c, anl_net *net) ANL_MUST;
/* The next becomes the first if stat (of grad_stats, on the device) says that the step was finite. */
anl_status anl__carry_commit(const anl__carry *c, const void *stat) ANL_MUST;

#endif
