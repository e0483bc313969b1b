/* What a recipe leaves to measuring (train.batch: auto, train.precision: auto) is decided once, before step 1, written
 * into the run's directory, and read from there by every later process. */
#ifndef DECIDE_H
#define DECIDE_H

#include "runtime/state/run_dir.h"
#include "tools/recipe/recipe.h"

/* dir NULL: nothing is kept. Afterwards the recipe has numbers. Says what it decided on stderr. */
anl_status decide(anl_ctx *ctx, recipe *r, anl__run_dir *dir) ANL_MUST;
/* A run goes on in another directory: what `stored` (the recipe in its checkpoint) has for what `now` leaves open was decided, and is written
 * there again. Afterwards `stored` leaves the same open as `now`. */
anl_status decide_as_begun(anl_ctx *ctx, recipe *stored, const recipe *now, anl__run_dir *dir) ANL_MUST;

#endif
