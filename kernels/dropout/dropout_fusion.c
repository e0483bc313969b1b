/* In evaluation dropout is not there. */
#include "op.h"

static bool leave_out(anl__rewrite *rw, const int *node)
{
    anl__rewrite_replace(rw, anl__rewrite_out(rw, node[0], 0), anl__rewrite_in(rw, node[0], 0));
    return true;
}

static const anl__fusion none = {.name = "no dropout in evaluation", .modes = 1u << ANL_EVAL, .rank = 90, .chain = {"dropout"}, .apply = leave_out};
const anl__fusion *const anl__fusions_dropout[] = {&none, NULL};
