/* relu, and a residual addition before it, become part of batchnorm. */
#include "op.h"

static void give(anl__rewrite *rw, int bn, anl_value old, anl_value y)
{
    anl__rewrite_replace(rw, old, y);
    for (int j = 1; j < anl__rewrite_call(rw, bn)->n_out; j++) anl__rewrite_replace(rw, anl__rewrite_out(rw, bn, j), anl__rewrite_node_output(rw, y, j));
}

static bool with_relu(anl__rewrite *rw, const int *node)
{
    anl_value in[6];
    int n = anl__rewrite_call(rw, node[0])->n_in;
    if (anl__attr_int(anl__rewrite_call(rw, node[0]), "act")) return false;
    for (int i = 0; i < n; i++) in[i] = anl__rewrite_in(rw, node[0], i);
    give(rw, node[0], anl__rewrite_out(rw, node[1], 0), anl__rewrite_node(rw, "batchnorm", node[0], in, n, "act=relu"));
    return true;
}

static bool with_add_relu(anl__rewrite *rw, const int *node)
{
    anl_value in[6], y = anl__rewrite_out(rw, node[0], 0);
    const anl__call *bn = anl__rewrite_call(rw, node[0]), *add = anl__rewrite_call(rw, node[1]);
    if (anl__attr_int(bn, "act") || anl__has_in(bn, 5) || !anl__shape_equal(&add->in[0].shape, &add->in[1].shape)) return false;
    for (int i = 0; i < 5; i++) in[i] = anl__rewrite_in(rw, node[0], i);
    in[5] = anl__rewrite_in(rw, node[1], anl__rewrite_in(rw, node[1], 0) == y ? 1 : 0);
    if (in[5] == y) return false; /* added to itself */
    give(rw, node[0], anl__rewrite_out(rw, node[2], 0), anl__rewrite_node(rw, "batchnorm", node[0], in, 6, "act=relu"));
    return true;
}

#define BOTH (1u << ANL_TRAIN | 1u << ANL_EVAL)
static const anl__fusion add_relu = {.name = "batchnorm+add+relu", .modes = BOTH, .rank = 70, .chain = {"batchnorm", "add", "relu"}, .makes = "batchnorm", .apply = with_add_relu};
static const anl__fusion relu = {.name = "batchnorm+relu", .modes = BOTH, .rank = 60, .chain = {"batchnorm", "relu"}, .makes = "batchnorm", .apply = with_relu};
const anl__fusion *const anl__fusions_batchnorm[] = {&add_relu, &relu, NULL};
