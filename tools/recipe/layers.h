/* The model part of a recipe: options, and the layers of `sequential` and `graph` models, spelled out.
 *
 *   - {type: conv, name: c1, from: [input], filters: 32, kernel: 3}   a layer; a plain word `- flatten` is {type: flatten}
 *   - {repeat: 3, layers: [...]}                  the layers so many times; $i in any text is 1, 2, 3 (`as: k` names it $k);
 *                                                 a name without it gets _1, _2, _3
 *   - {block: basic, name: b1, from: [c1], filters: 16}               the block's layers; their names get "b1." before them;
 *                                                 inside, `input` (`input2`, ...) is what the block reads; outside, b1 is its last layer
 *   blocks: {basic: {parameters: {filters: 16, stride: 1}, layers: [...]}}   $filters in any text is the argument given
 *
 * `from` is looked up inside first, then outside. Without `from` a layer reads the one before.
 */
#ifndef RECIPE_LAYERS_H
#define RECIPE_LAYERS_H

#include "models/model.h"
#include "recipe.h"

/* Fills what the recipe says (name, depth, hidden, dropout, label smoothing, layers, heads); image and classes are left.
   Memory of the arena; texts of the recipe are borrowed. ANL_RECIPE with place. */
anl_status recipe_model(const recipe *r, anl_ctx *ctx, anl__arena *a, anl_model_opts *out) ANL_MUST;

#endif
