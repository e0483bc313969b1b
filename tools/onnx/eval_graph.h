/* What is exported: the graph that evaluates a model, before anything is chosen for a device, and which of
 * its dimensions are not fixed. A graph is built for so many samples of so many steps; a dimension is one
 * that a user may choose where it differs between graphs of other numbers.
 */
#ifndef ONNX_EVAL_GRAPH_H
#define ONNX_EVAL_GRAPH_H

#include "runtime/graph/graph.h"
#include "tools/job/job.h"

enum { ONNX_SAMPLES = 1, ONNX_STEPS = 2 };

typedef struct onnx_graph {
    anl_graph *g;                  /* in f32, of ONNX_BUILT_FOR samples */
    uint8_t (*free)[ANL_MAX_RANK]; /* [values]: a dimension is ONNX_SAMPLES, ONNX_STEPS, both or 0; arena's */
    bool *wanted;                  /* [nodes]: an output depends on it; arena's */
} onnx_graph;
enum { ONNX_BUILT_FOR = 2 };

/* The job was opened with job_opts.bare. UNSUPPORTED: a model that is no single graph, or a layer that is
   made for one number of samples. Freed with onnx_graph_release. */
anl_status onnx_graph_build(const job *j, anl__arena *a, onnx_graph *out) ANL_MUST;
void onnx_graph_release(onnx_graph *x);
/* The output of that name, ANL_NONE: there is none. */
anl_value onnx_graph_output(const onnx_graph *x, const char *name);

#endif
