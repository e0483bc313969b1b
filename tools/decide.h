/* What a recipe leaves to measuring (train.batch: auto, train.precision: auto) is decided once, before step 1, written
 * into the run's directory, and read from there by every later process. */
#ifndef DECIDE_H
#define DECIDE_H

#include "runtime/state/run_dir.h"
#include "tools/recipe/recipe.h"

/* dir NULL: nothing is kept. Afterwards the recipe has numbers. Says what it decided on stderr. */
anl_status decide(anl_ctx *ctx, recipe *r, anl__run_dir *dir) ANL_MUST;

#endif
