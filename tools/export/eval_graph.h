/* What is exported: the graph that evaluates a model, before anything is chosen for a device, and which of
 * its dimensions are not fixed. A graph is built for so many samples of so many steps; a dimension is one
 * that a user may choose where it differs between graphs of other numbers.
 */
#ifndef EXPORT_EVAL_GRAPH_H
#define EXPORT_EVAL_GRAPH_H

#include "runtime/graph/graph.h"
#include "tools/job/job.h"

enum { EVAL_SAMPLES = 1, EVAL_STEPS = 2 };

typedef struct eval_graph {
    anl_graph *g;                  /* in f32, of EVAL_BUILT_FOR samples */
    uint8_t (*free)[ANL_MAX_RANK]; /* [values]: a dimension is EVAL_SAMPLES, EVAL_STEPS, both or 0; arena's */
    bool *wanted;                  /* [nodes]: an output depends on it; arena's */
} eval_graph;
enum { EVAL_BUILT_FOR = 2 };

/* The job was opened with job_opts.bare. UNSUPPORTED: a model that is no single graph, or a layer that is
   made for one number of samples. Freed with eval_graph_release. */
anl_status eval_graph_build(const job *j, anl__arena *a, eval_graph *out) ANL_MUST;
void eval_graph_release(eval_graph *x);
/* The output of that name, ANL_NONE: there is none. */
anl_value eval_graph_output(const eval_graph *x, const char *name);
/* Does a wanted node read it, or is it an output? */
bool eval_graph_reads(const eval_graph *x, anl_value v);

#endif
