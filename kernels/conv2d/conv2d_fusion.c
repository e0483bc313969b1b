/* relu becomes part of the convolution before it. */
#include "op.h"

static bool with_relu(anl__rewrite *rw, const int *node)
{
    anl_value in[3];
    const anl__call *conv = anl__rewrite_call(rw, node[0]);
    int n = conv->n_in;
    if (anl__attr_int(conv, "act")) return false;
    for (int i = 0; i < n; i++) in[i] = anl__rewrite_in(rw, node[0], i);
    anl__rewrite_replace(rw, anl__rewrite_out(rw, node[1], 0),
                         anl__rewrite_node(rw, "conv2d", node[0], in, n, "act=relu"));
    return true;
}

static const anl__fusion relu = {.name = "conv+relu", .modes = 1u << ANL_TRAIN | 1u << ANL_EVAL, .rank = 40,
                                 .chain = {"conv2d", "relu"}, .makes = "conv2d", .apply = with_relu};
const anl__fusion *const anl__fusions_conv2d[] = {&relu, NULL};
