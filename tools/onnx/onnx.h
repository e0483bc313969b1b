/* A trained model as a file of ONNX (opset 17) for other programs: ONNX Runtime, OpenCV, TensorRT.
 *
 * The graph that evaluates the model is walked node by node; a table says how each operator is written
 * (write_*.c). So every model is exported by the same way, and an operator that no table has is refused by
 * its layer's name.
 */
#ifndef ONNX_ONNX_H
#define ONNX_ONNX_H

#include "tools/job/job.h"

/* j: opened with job_opts.bare from that checkpoint. Replaces the file atomically. *nodes: how many operators
   it has. UNSUPPORTED names the layer that cannot be exported. */
anl_status onnx_export(const job *j, const anl__ckpt *from, const char *path, int *nodes) ANL_MUST;

#endif
