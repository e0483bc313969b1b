/* States that a batch hands to the next one (feed.h): the last layer's hidden state of a sequence that goes on. Kept in host
 * memory, one row a sample, twice: what the next step reads, and what the step under way has written. The second becomes
 * the first when the step is known to be finite, so that a skipped step leaves no trace.
 */
#ifndef ANL_CARRY_H
#define ANL_CARRY_H

#include "../base/base.h"

typedef struct anl__carried {
    const char *name; /* of the input and of the output; borrowed from the graph */
    int slot;         /* of the input */
    anl_dtype dtype;
    anl_shape shape;  /* [rows, ...] */
    size_t row;       /* bytes */
    char *now, *next; /* [rows] each; owned */
} anl__carried;

typedef struct anl__carry {
    anl_ctx *ctx;
    int n; /* 0: the model carries nothing */
    int64_t rows;
    anl__carried item[ANL_MAX_INPUTS];
} anl__carry;

/* For a model as this graph has it; rows: samples of a full batch. ANL_SHAPE: an input and an output of one name and two types. */
anl_status anl__carry_create(anl_ctx *ctx, const anl_graph *g, int64_t rows, anl__carry *out) ANL_MUST;
void anl__carry_release(anl__carry *c);
void anl__carry_clear(anl__carry *c); /* zeros */
/* Sets the carried inputs of a program that runs rows first, first + 1, ... */
void anl__carry_bind(const anl__carry *c, int64_t first, anl_bind *bind);
/* After such a run over n rows: keeps what it gave. */
anl_status anl__carry_take(anl__carry *c, anl_device *dev, const anl_program *p, int64_t first, int64_t n) ANL_MUST;
void anl__carry_commit(anl__carry *c);

#endif
