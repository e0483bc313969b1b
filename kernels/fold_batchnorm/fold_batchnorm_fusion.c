/* In evaluation a batch normalisation behind a convolution disappears into its filters and bias. */
#include "op.h"

static bool apply(anl__rewrite *rw, const int *node)
{
    const anl__call *conv = anl__rewrite_call(rw, node[0]), *bn = anl__rewrite_call(rw, node[1]);
    if (anl__attr_int(conv, "act") || anl__has_in(bn, 5) || !conv->param[1]) return false;
    bool relu = anl__attr_int(bn, "act") != 0;
    anl_value in[6] = {anl__rewrite_in(rw, node[0], 1)};
    for (int i = 1; i < 5; i++) in[i] = anl__rewrite_in(rw, node[1], i);
    in[5] = anl__has_in(conv, 2) ? anl__rewrite_in(rw, node[0], 2) : ANL_NONE;
    anl_value w = anl__rewrite_node(rw, "fold_batchnorm", node[1], in, in[5] == ANL_NONE ? 5 : 6, NULL);
    if (w == ANL_NONE) return false;
    anl_value folded[3] = {anl__rewrite_in(rw, node[0], 0), w, anl__rewrite_node_output(rw, w, 1)};
    anl__rewrite_replace(rw, anl__rewrite_out(rw, node[1], 0), anl__rewrite_node(rw, "conv2d", node[0], folded, 3, relu ? "act=relu" : NULL));
    return true;
}

static const anl__fusion fold = {.name = "conv+batchnorm", .modes = 1u << ANL_EVAL, .rank = 80, .chain = {"conv2d", "batchnorm"}, .makes = "fold_batchnorm", .apply = apply};
const anl__fusion *const anl__fusions_fold_batchnorm[] = {&fold, NULL};
