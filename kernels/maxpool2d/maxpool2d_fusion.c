/* Bias and relu move from the convolution behind the pooling, where there are fewer elements; the values stay the same
 * bits (maxpool2d.c). */
#include "op.h"

/* conv2d loses bias and activation, maxpool2d gets them. */
static bool move_behind(anl__rewrite *rw, int conv, int pool, bool relu)
{
    anl_value in[2] = {anl__rewrite_in(rw, conv, 0), anl__rewrite_in(rw, conv, 1)}, bias = anl__rewrite_in(rw, conv, 2);
    relu |= anl__attr_int(anl__rewrite_call(rw, conv), "act");
    if (anl__rewrite_in(rw, pool, 1) != ANL_NONE || anl__attr_int(anl__rewrite_call(rw, pool), "act") || (bias == ANL_NONE && !relu)) return false;
    anl_value pooled[2] = {anl__rewrite_node(rw, "conv2d", conv, in, 2, "act=none"), bias};
    anl_value y = anl__rewrite_node(rw, "maxpool2d", pool, pooled, bias == ANL_NONE ? 1 : 2, "act=%s", relu ? "relu" : "none");
    anl__rewrite_replace(rw, anl__rewrite_out(rw, pool, 0), y);
    anl__rewrite_replace(rw, anl__rewrite_out(rw, pool, 1), anl__rewrite_node_output(rw, y, 1));
    return true;
}

static bool with_relu(anl__rewrite *rw, const int *node) { return move_behind(rw, node[0], node[2], true); }
static bool without(anl__rewrite *rw, const int *node) { return move_behind(rw, node[0], node[1], false); }

#define BOTH (1u << ANL_TRAIN | 1u << ANL_EVAL)
static const anl__fusion conv_relu_pool = {.name = "conv+relu+maxpool", .modes = BOTH, .rank = 60, .chain = {"conv2d", "relu", "maxpool2d"}, .makes = "maxpool2d", .apply = with_relu};
static const anl__fusion conv_pool = {.name = "conv+maxpool", .modes = BOTH, .rank = 50, .chain = {"conv2d", "maxpool2d"}, .makes = "maxpool2d", .apply = without};
const anl__fusion *const anl__fusions_maxpool2d[] = {&conv_relu_pool, &conv_pool, NULL};
