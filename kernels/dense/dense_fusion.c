/* relu becomes part of the matrix product before it. */
#include "op.h"

static bool with_relu(anl__rewrite *rw, const int *node)
{
    anl_value in[3];
    const anl__call *dense = anl__rewrite_call(rw, node[0]);
    int n = dense->n_in;
    if (anl__attr_int(dense, "act")) return false;
    for (int i = 0; i < n; i++) in[i] = anl__rewrite_in(rw, node[0], i);
    anl__rewrite_replace(rw, anl__rewrite_out(rw, node[1], 0),
                         anl__rewrite_node(rw, "dense", node[0], in, n, "act=relu"));
    return true;
}

static const anl__fusion relu = {.name = "dense+relu", .modes = 1u << ANL_TRAIN | 1u << ANL_EVAL, .rank = 40,
                                 .chain = {"dense", "relu"}, .makes = "dense", .apply = with_relu};
const anl__fusion *const anl__fusions_dense[] = {&relu, NULL};
