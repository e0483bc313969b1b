/* The passes between a built graph and a program, in order; each is one small file. */
#ifndef ANL_PASSES_H
#define ANL_PASSES_H

#include "graph.h"

/* rewrite.c: replaces chains of nodes by composite operators, highest rank first, until nothing matches. */
void anl__pass_rewrite(anl_graph *g);

/* autodiff.c: appends the backward nodes of the losses (or seeds). grad_of[v] (n_value entries at entry, arena memory):
   the gradient of parameter or wanted value v, or ANL_NONE. */
void anl__pass_autodiff(anl_graph *g, anl_value **grad_of);

/* recompute.c: has the backward nodes read clones of values that are cheap to make again. Optional; no bit changes. */
void anl__pass_recompute(anl_graph *g);

/* schedule.c: marks nodes dead whose outputs nobody needs. needed[v]: read after the run (outputs, bound values). */
void anl__pass_prune(anl_graph *g, const bool *needed);

/* plan.c: offsets of intervals in one arena; overlapping lifetimes never overlap in bytes. Pure. */
typedef struct anl__interval {
    size_t bytes;
    int first, last; /* positions, inclusive */
    size_t offset;   /* out */
} anl__interval;
/* Best fit by decreasing size. align: power of two. Returns the arena's bytes; peak (may be NULL): the most alive at once. */
anl_status anl__plan(anl_ctx *ctx, anl__interval *iv, int n, size_t align, bool share, size_t *arena, size_t *peak) ANL_MUST;

#endif
